//! Days of a clinic, frame by frame, as its router would hear them: servers and those who call them, phones that come and go
//! with invented hardware addresses, leases, privacy addresses, scans, and two floods. The same numbers always give the same frames.
//!
//! Keeps: the clock and the dice. Drops: nothing is recorded; each frame is handed over as it is made.

use crate::frames::segment;

/// What happens, and how much of it.
#[derive(Clone, Copy, Debug)]
pub struct Season {
    /// How many days.
    pub days: u32,
    /// Hosts that stay, the first 40 of them with a service.
    pub hosts: u32,
    /// Of everything else only every so manieth.
    pub every: u32,
}

/// A service of the clinic.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// Where it is.
    pub address: [u8; 4],
    /// Its port.
    pub port: u16,
    /// The protocol's word in a report.
    pub protocol: &'static str,
    /// Whether the client speaks first.
    client_first: bool,
    client: &'static [u8],
    server: &'static [u8],
}

/// What was played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// Frames.
    pub frames: u64,
    /// SYNs of invented addresses.
    pub spoofed: u64,
    /// Frames of invented hardware addresses, phones not counted.
    pub invented: u64,
    /// Phones.
    pub phones: u64,
    /// Conversations of the clinic's hosts.
    pub talks: u64,
}

impl Season {
    /// The services, by their hosts.
    #[must_use]
    pub fn services(&self) -> Vec<Service> {
        let all = (0..self.hosts.min(SERVERS)).zip(KINDS.iter().cycle());
        all.map(|(n, kind)| Service { address: host(n), ..*kind }).collect()
    }

    /// Frames of one talk with each service: what is heard of them without anything else.
    pub fn talks(&self, hear: &mut dyn FnMut(u64, &[u8])) {
        let mut play = Play::new(self, hear);
        for n in 0..play.services.len() {
            play.talk(Some(n));
        }
    }

    /// Plays all of it.
    pub fn play(&self, hear: &mut dyn FnMut(u64, &[u8])) -> Played {
        let mut play = Play::new(self, hear);
        for window in 0..self.days.saturating_mul(96) {
            play.window(window);
        }
        play.played
    }
}

struct Play<'a> {
    season: &'a Season,
    services: Vec<Service>,
    now_ms: u64,
    dice: u64,
    played: Played,
    hear: &'a mut dyn FnMut(u64, &[u8]),
}

/// How many of each kind are left in a window.
type Left = [u32; 5];

impl<'a> Play<'a> {
    fn new(season: &'a Season, hear: &'a mut dyn FnMut(u64, &[u8])) -> Play<'a> {
        let (now_ms, dice) = (BEGIN_MS, 0x2545_f491_4f6c_dd1d);
        Play { season, services: season.services(), now_ms, dice, played: Played::default(), hear }
    }

    /// A quarter of an hour, its events mixed.
    fn window(&mut self, window: u32) {
        let (day, hour) = (window / 96, window % 96 / 4);
        let some = |n: u32| n.div_ceil(self.season.every);
        let flood = |on: bool, n: u32| if on { some(n) } else { 0 };
        // 5 million SYNs in an hour of the fourth day, a million invented hardware addresses in one of the fifth.
        let mut left: Left = [
            some(1_200),
            some(if (8..18).contains(&hour) { 70 } else { 4 }),
            some(8),
            flood(day == 3 && hour == 10, 1_250_000),
            flood(day == 4 && hour == 11, 250_000),
        ];
        if window.is_multiple_of(48) {
            self.scan();
        }
        let end = BEGIN_MS + u64::from(window + 1) * WINDOW_MS;
        let mut all: u32 = left.iter().sum();
        while all > 0 {
            self.now_ms += (end - 1).saturating_sub(self.now_ms) / u64::from(all);
            let mut pick = self.roll(all);
            for (kind, count) in left.iter_mut().enumerate() {
                if pick < *count {
                    *count -= 1;
                    self.event(kind);
                    break;
                }
                pick -= *count;
            }
            all -= 1;
        }
        self.now_ms = end;
    }

    fn event(&mut self, kind: usize) {
        match kind {
            0 => self.talk(None),
            1 => self.phone(),
            2 => self.privacy(),
            3 => self.spoofed(),
            _ => self.invented(),
        }
    }

    /// A host of the clinic asks a service.
    fn talk(&mut self, which: Option<usize>) {
        let which = which.unwrap_or_else(|| self.roll(u32::try_from(self.services.len()).unwrap()) as usize);
        let service = self.services[which];
        let caller = SERVERS + self.roll(self.season.hosts.saturating_sub(SERVERS).max(1));
        let (client, server) = ((host(caller), 32_768 + self.word() % 28_000), (service.address, service.port));
        let (mut at, mut there) = (u32::from(self.word()) << 8, u32::from(self.word()) << 9);
        self.say(&syn(client, server, at));
        self.say(&segment(server, client, there, 0x12, &[]));
        (at, there) = (at + 1, there + 1);
        for client_speaks in [service.client_first, !service.client_first] {
            if client_speaks {
                self.say(&segment(client, server, at, 0x18, service.client));
                at += u32::try_from(service.client.len()).unwrap();
            } else {
                self.say(&segment(server, client, there, 0x18, service.server));
                there += u32::try_from(service.server.len()).unwrap();
            }
        }
        self.say(&segment(client, server, at, 0x11, &[]));
        self.say(&segment(server, client, there, 0x11, &[]));
        self.played.talks += 1;
    }

    /// A phone gets a lease and looks outside: a new hardware address each time.
    fn phone(&mut self) {
        let tail = self.random().to_be_bytes();
        let hardware = [tail[0] & 0xfc | 2, tail[1], tail[2], tail[3], tail[4], tail[5]];
        let address = [192, 168, 24 + tail[6] % 8, tail[7]];
        self.say(&dhcp(hardware, 1, [0; 4]));
        self.say(&dhcp(hardware, 3, [0; 4]));
        self.say(&dhcp(hardware, 5, address));
        for _ in 0..3 {
            let far = self.public();
            let mut frame = syn((address, 40_000 + self.word() % 9_000), (far, 443), self.random() as u32);
            frame[6..12].copy_from_slice(&hardware);
            self.say(&frame);
        }
        self.played.phones += 1;
    }

    /// A host that gave itself a new address (RFC 8981) asks a server of the same prefix.
    fn privacy(&mut self) {
        let (own, server) = (self.random() | 1 << 63, 0x10);
        for (flags, client_speaks, payload) in
            [(0x02, true, &b""[..]), (0x12, false, b""), (0x18, false, b"SSH-2.0-OpenSSH_9.2p1\r\n")]
        {
            let mut o = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, 0x60, 0, 0, 0]; // Ethernet, IPv6
            o.extend(u16::try_from(payload.len() + 20).unwrap().to_be_bytes());
            o.extend([6, 64]); // TCP, hop limit
            let ends = if client_speaks { [own, server] } else { [server, own] };
            for end in ends {
                o.extend([0x20, 1, 0x0d, 0xb8, 0, 0x20, 0, 0]); // 2001:db8:20::/64
                o.extend(end.to_be_bytes());
            }
            let ports = if client_speaks { [50_000u16, 22] } else { [22, 50_000] };
            ports.iter().for_each(|port| o.extend(port.to_be_bytes()));
            o.extend([0, 0, 0, u8::from(flags == 0x18), 0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
            o.extend(payload);
            self.say(&o);
        }
    }

    /// A SYN with an invented sender: half of them claim to be of the clinic.
    fn spoofed(&mut self) {
        let [a, b, c, ..] = self.random().to_be_bytes();
        let from = if a & 1 == 0 { [192, 168, b, c] } else { self.public() };
        let to = host(self.roll(SERVERS));
        let mut frame = syn((from, self.word()), (to, 80), self.random() as u32);
        frame[6..12].copy_from_slice(&[2, a, b, c, 9, 9]);
        self.say(&frame);
        self.played.spoofed += 1;
    }

    /// Who has an invented hardware address says that he has an address.
    fn invented(&mut self) {
        let [a, b, c, d, e, f, g, h] = self.random().to_be_bytes();
        let mut o = vec![0xff; 6]; // to all
        let hardware = [a & 0xfc, b, c, d, e, f];
        o.extend(hardware);
        o.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 2]); // ARP, Ethernet, IPv4, reply
        o.extend(hardware);
        o.extend([192, 168, g, h]);
        o.extend([0xff; 6]);
        o.extend([192, 168, g, h]);
        self.say(&o);
        self.played.invented += 1;
    }

    /// One host asks who has any address.
    fn scan(&mut self) {
        for n in 0..2_048u32.div_ceil(self.season.every) {
            let [.., c, d] = n.to_be_bytes();
            let mut o = vec![0xff; 6];
            o.extend([0, 0x1e, 0, 0, 0, 7]);
            o.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]); // ARP request
            o.extend([0, 0x1e, 0, 0, 0, 7, 192, 168, 20, 250]);
            o.extend([0, 0, 0, 0, 0, 0, 192, 168, 16 + c, d]);
            self.say(&o);
        }
    }

    fn say(&mut self, frame: &[u8]) {
        self.played.frames += 1;
        (self.hear)(self.now_ms, frame);
    }

    /// xorshift64*: the same every time.
    fn random(&mut self) -> u64 {
        self.dice ^= self.dice >> 12;
        self.dice ^= self.dice << 25;
        self.dice ^= self.dice >> 27;
        self.dice.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn roll(&mut self, below: u32) -> u32 {
        u32::try_from(self.random() >> 33).unwrap() % below.max(1)
    }

    fn word(&mut self) -> u16 {
        (self.random() >> 48) as u16
    }

    /// An address of the documentation's or of another network outside.
    fn public(&mut self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.random().to_be_bytes();
        [if matches!(a, 0 | 10 | 100 | 127 | 169 | 172 | 192 | 224..) { 8 } else { a }, b, c, d]
    }
}

/// Where a capture file of the season begins: a pcap of Ethernet frames.
#[must_use]
pub fn file_header() -> Vec<u8> {
    let mut octets = 0xa1b2_c3d4u32.to_le_bytes().to_vec(); // magic, microseconds
    octets.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]); // version 2.4, zone, accuracy
    octets.extend(262_144u32.to_le_bytes()); // snap length
    octets.extend(1u32.to_le_bytes()); // Ethernet
    octets
}

/// What stands before a frame in it.
#[must_use]
pub fn record_header(at_ms: u64, octets: usize) -> [u8; 16] {
    let word = |n: u64| u32::try_from(n).unwrap().to_le_bytes();
    let length = word(u64::try_from(octets).unwrap());
    let mut header = [0; 16];
    for (place, part) in
        header.chunks_exact_mut(4).zip([word(at_ms / 1_000), word(at_ms % 1_000 * 1_000), length, length])
    {
        place.copy_from_slice(&part);
    }
    header
}

/// The address of a host that stays.
#[must_use]
pub fn host(n: u32) -> [u8; 4] {
    let [.., c, d] = (n + 10).to_be_bytes();
    [192, 168, 20 + c, d]
}

/// A SYN as Linux sends it.
fn syn(from: ([u8; 4], u16), to: ([u8; 4], u16), seq: u32) -> Vec<u8> {
    let options = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];
    // The options stand where a payload would: the header is longer, and nothing follows it.
    let mut frame = segment(from, to, seq, 2, &options);
    frame[46] = 0xa0; // a header of 40 octets
    frame
}

/// A message of a lease (RFC 2131): 1 discover, 3 request, 5 acknowledged with an address.
fn dhcp(hardware: [u8; 6], kind: u8, address: [u8; 4]) -> Vec<u8> {
    let is_server = kind == 5;
    let mut body = vec![if is_server { 2 } else { 1 }, 1, 6, 0];
    body.extend(&hardware[2..6]); // transaction
    body.extend([0; 8]); // seconds, flags, own address
    body.extend(address);
    body.extend([0; 8]); // next server, relay
    body.extend(hardware);
    body.resize(236, 0); // rest of the hardware address, server name, file
    body.extend([0x63, 0x82, 0x53, 0x63, 53, 1, kind]);
    if !is_server {
        body.extend([60, 15]);
        body.extend(b"android-dhcp-14");
        body.extend([55, 4, 1, 3, 6, 15]);
    }
    body.push(255);
    let mut o = vec![0xff; 6];
    o.extend(if is_server { [0, 0x1e, 0, 0, 0, 1] } else { hardware });
    o.extend([8, 0, 0x45, 0]);
    o.extend(u16::try_from(body.len() + 28).unwrap().to_be_bytes());
    o.extend([0, 0, 0, 0, 64, 17, 0, 0]); // UDP
    o.extend(if is_server { [192, 168, 20, 1] } else { [0; 4] });
    o.extend([255; 4]);
    let ports: [u16; 2] = if is_server { [67, 68] } else { [68, 67] };
    ports.iter().for_each(|port| o.extend(port.to_be_bytes()));
    o.extend(u16::try_from(body.len() + 8).unwrap().to_be_bytes());
    o.extend([0, 0]);
    o.extend(body);
    o
}

const fn kind(
    port: u16,
    protocol: &'static str,
    client_first: bool,
    client: &'static [u8],
    server: &'static [u8],
) -> Service {
    Service { address: [0; 4], port, protocol, client_first, client, server }
}

const KINDS: [Service; 6] = [
    kind(22, "ssh", false, b"SSH-2.0-OpenSSH_9.2p1\r\n", b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"),
    kind(
        80,
        "http",
        true,
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello",
    ),
    kind(21, "ftp", false, b"QUIT\r\n", b"220 (vsFTPd 3.0.3)\r\n"),
    kind(25, "smtp", false, b"EHLO a\r\n", b"220 mx.example ESMTP Postfix\r\n"),
    kind(6379, "redis", true, b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"),
    kind(
        2575,
        "mllp",
        true,
        b"\x0bMSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.3\rPID|1\r\x1c\r",
        b"\x0bMSH|^~\\&|C|D|A|B|20260101||ACK|1|P|2.3\rMSA|AA|1\r\x1c\r",
    ),
];

/// Hosts with a service.
pub const SERVERS: u32 = 40;
/// 2026-11-22T00:00:00Z.
pub const BEGIN_MS: u64 = 1_795_305_600_000;
/// A window of the agent.
pub const WINDOW_MS: u64 = 900_000;
