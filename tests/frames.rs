//! Frames built octet by octet: a conversation over Ethernet, IPv4 and TCP, as a capture file in memory.

/// A capture file that is being made: a pcap of frames of one link.
pub struct Recording {
    octets: Vec<u8>,
    seconds: u32,
}

/// A conversation over TCP: who calls whom, and how far both sides have come.
pub struct Call {
    client: ([u8; 4], u16),
    server: ([u8; 4], u16),
    client_seq: u32,
    server_seq: u32,
}

impl Recording {
    /// An empty capture of a cable.
    #[must_use]
    pub fn new() -> Recording {
        Recording::of(1) // Ethernet
    }

    /// An empty capture of a link of this number (tcpdump.org/linktypes.html); [`AIR`] is the air.
    #[must_use]
    pub fn of(link: u32) -> Recording {
        let mut octets = Vec::new();
        octets.extend(0xa1b2_c3d4u32.to_le_bytes()); // magic, microseconds
        octets.extend([2, 0, 4, 0]); // version 2.4
        octets.extend([0; 8]); // zone, accuracy
        octets.extend(262_144u32.to_le_bytes()); // snap length
        octets.extend(link.to_le_bytes());
        Recording { octets, seconds: 1_795_000_000 }
    }

    /// The file.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Sets the clock of who records: the next frame comes a second later.
    pub fn set_clock(&mut self, seconds: u32) {
        self.seconds = seconds;
    }

    /// Adds one frame.
    pub fn frame(&mut self, frame: &[u8]) {
        let length = u32::try_from(frame.len()).unwrap_or(0);
        self.seconds = self.seconds.wrapping_add(1);
        self.octets.extend(self.seconds.to_le_bytes());
        self.octets.extend(0u32.to_le_bytes());
        self.octets.extend(length.to_le_bytes());
        self.octets.extend(length.to_le_bytes());
        self.octets.extend(frame);
    }

    /// A client opens a conversation: SYN and SYN-ACK.
    pub fn call(&mut self, client: ([u8; 4], u16), server: ([u8; 4], u16)) -> Call {
        let mut call = Call { client, server, client_seq: 1000, server_seq: 5000 };
        self.frame(&segment(client, server, call.client_seq, SYN, &[]));
        self.frame(&segment(server, client, call.server_seq, SYN | ACK, &[]));
        call.client_seq = call.client_seq.wrapping_add(1);
        call.server_seq = call.server_seq.wrapping_add(1);
        call
    }

    /// The client says something.
    pub fn client(&mut self, call: &mut Call, octets: &[u8]) {
        for piece in octets.chunks(1400) {
            self.frame(&segment(call.client, call.server, call.client_seq, ACK, piece));
            call.client_seq = call.client_seq.wrapping_add(u32::try_from(piece.len()).unwrap_or(0));
        }
    }

    /// The server says something.
    pub fn server(&mut self, call: &mut Call, octets: &[u8]) {
        for piece in octets.chunks(1400) {
            self.frame(&segment(call.server, call.client, call.server_seq, ACK, piece));
            call.server_seq = call.server_seq.wrapping_add(u32::try_from(piece.len()).unwrap_or(0));
        }
    }

    /// Both sides end.
    pub fn end(&mut self, call: &Call) {
        self.frame(&segment(call.client, call.server, call.client_seq, FIN | ACK, &[]));
        self.frame(&segment(call.server, call.client, call.server_seq, FIN | ACK, &[]));
    }
}

impl Default for Recording {
    fn default() -> Recording {
        Recording::new()
    }
}

/// An Ethernet frame with an IPv4 packet with a TCP segment.
#[must_use]
pub fn segment(from: ([u8; 4], u16), to: ([u8; 4], u16), seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut o = Vec::new();
    o.extend(hardware(to.0)); // destination
    o.extend(hardware(from.0)); // source
    o.extend([0x08, 0x00]); // IPv4
    o.extend([0x45, 0x00]); // header of 20 octets
    o.extend(u16::try_from(payload.len().saturating_add(40)).unwrap_or(u16::MAX).to_be_bytes()); // total length
    o.extend([0, 0, 0x40, 0]); // do not fragment
    o.extend([64, 6, 0, 0]); // time to live; TCP; checksum, not looked at
    o.extend(from.0);
    o.extend(to.0);
    o.extend(from.1.to_be_bytes());
    o.extend(to.1.to_be_bytes());
    o.extend(seq.to_be_bytes());
    o.extend(0u32.to_be_bytes()); // acknowledged
    o.extend([0x50, flags]); // header of 20 octets
    o.extend([0xff, 0xff, 0, 0, 0, 0]); // window, checksum, urgent
    o.extend(payload);
    o
}

/// A hardware address that belongs to an address, so that a host keeps its own.
#[must_use]
pub fn hardware(address: [u8; 4]) -> [u8; 6] {
    let [a, b, c, d] = address;
    [0x00, 0x1e, a, b, c, d]
}

/// The link of frames of the air without a radio header (IEEE 802.11).
pub const AIR: u32 = 105;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
