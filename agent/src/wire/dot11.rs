//! 802.11: the frames of a wireless network as a radio in monitor mode hears them (IEEE 802.11-2020, 9.2 and 9.3).
//!
//! Keeps: who sends to whom in which network, beacons and probe responses with their elements, that a deauthentication
//! or disassociation was sent, and the packets of data frames that nobody encrypted. Drops: control frames, probe
//! requests (the names that they ask for are people's home networks), reasons, sequence numbers, encrypted bodies.

use super::WireError;
use super::dot11_elements::Announced;
use super::radiotap::{Radio, RadioHeader};
use super::reader::Reader;

/// An address of a radio.
pub type Address = [u8; 6];

/// A frame heard in the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Air<'a> {
    /// What the radio said of it.
    pub radio: Radio,
    /// What it is.
    pub frame: Frame<'a>,
}

/// The frames that a fact can be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// An access point tells that it is there (type 0, subtype 8).
    Beacon(Announcement<'a>),
    /// An access point answers a station that asked (type 0, subtype 5).
    ProbeResponse(Announcement<'a>),
    /// A station asks to join (type 0, subtypes 0 and 2). Nothing of its body is read.
    Joining {
        /// The network, address 3.
        bssid: Address,
    },
    /// A deauthentication or disassociation that anybody could have made: type 0, subtypes 12 and 10, protected bit 0.
    Farewell(Farewell),
    /// Data that nobody encrypted: type 2 with a body, protected bit 0.
    Clear(ClearData<'a>),
    /// Encrypted data: type 2, protected bit 1.
    Encrypted(Path),
    /// A data frame without data (null), by which a station tells that it sleeps or wakes.
    Empty(Path),
    /// All others, those whose checksum was wrong, and those that have no octets.
    Other,
}

/// A beacon or a probe response (9.3.3.2, 9.3.3.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement<'a> {
    /// The network, address 3.
    pub bssid: Address,
    /// Octets 10-11 of the body (9.4.1.4).
    pub capability: u16,
    /// From octet 12 of the body.
    elements: &'a [u8],
    /// The capture kept only the beginning of the frame.
    cut: bool,
}

impl<'a> Announcement<'a> {
    /// What somebody else heard, or what is known to be announced. `cut` says that elements may be missing.
    #[must_use]
    pub const fn of(bssid: Address, capability: u16, elements: &'a [u8], cut: bool) -> Announcement<'a> {
        Announcement { bssid, capability, elements, cut }
    }

    /// Capability bit 4: data is encrypted in some way.
    #[must_use]
    pub const fn privacy(&self) -> bool {
        self.capability & 0x0010 != 0
    }

    /// Its elements as they came, and whether some may be missing.
    #[must_use]
    pub const fn raw(&self) -> (&'a [u8], bool) {
        (self.elements, self.cut)
    }

    /// Its elements, read once.
    #[must_use]
    pub fn announced(&self) -> Announced<'a> {
        Announced::read(self.elements, self.cut)
    }
}

/// A deauthentication or disassociation (9.3.3.12, 9.3.3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// The network, address 3.
    pub bssid: Address,
    /// It is for everybody: address 1 is a group.
    pub to_all: bool,
    /// The same frame again, because nobody acknowledged it (frame control, retry).
    pub again: bool,
}

/// Who sends to whom through which network (9.3.2.1, table 9-30).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// The network; `None` between two access points (both DS bits set), whose frames do not name one.
    pub bssid: Option<Address>,
    /// Whose antenna it came from, address 2.
    pub transmitter: Address,
    /// Whose antenna it goes to, address 1.
    pub receiver: Address,
    /// Who made it.
    pub source: Address,
    /// For whom it is.
    pub destination: Address,
    /// The host that is a client of the network: `None` if the frame goes from the access point to a group.
    pub station: Option<Address>,
}

/// A data frame that nobody encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClearData<'a> {
    /// Who sends to whom.
    pub path: Path,
    /// The body holds several packets (A-MSDU, QoS control bit 7).
    aggregated: bool,
    body: &'a [u8],
}

impl<'a> ClearData<'a> {
    /// The packets in it: one, or several of an A-MSDU. A later piece of a fragmented frame has none.
    pub fn packets(&self) -> impl Iterator<Item = Packet<'a>> + use<'a> {
        let (path, single) = (self.path, (!self.aggregated).then_some(self.body));
        let mut several = Reader::new(if self.aggregated { self.body } else { &[] });
        let one = single.and_then(|body| packet(path.destination, path.source, body));
        let parts = core::iter::from_fn(move || subframe(&mut several)).take(MAX_SUBFRAMES).flatten();
        one.into_iter().chain(parts)
    }
}

/// A packet in the air, as it would be on a cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// For whom it is.
    pub destination: Address,
    /// Who made it.
    pub source: Address,
    /// What it holds, as in Ethernet (RFC 1042: octets 6-7 of the LLC and SNAP header).
    pub ethertype: u16,
    /// Its octets.
    pub payload: &'a [u8],
}

/// Takes a frame apart. `cut` says that the capture kept only its beginning.
///
/// # Errors
/// `Truncated` or `Malformed` with the field where a header ends early or contradicts its standard.
pub fn peel(octets: &[u8], header: RadioHeader, cut: bool) -> Result<Air<'_>, WireError> {
    let (radio, mut octets) = Radio::read(octets, header)?;
    if radio.checksum_wrong || radio.empty {
        return Ok(Air { radio, frame: Frame::Other });
    }
    if radio.checksum_included && !cut {
        octets = octets.split_last_chunk::<CHECKSUM>().ok_or(WireError::Truncated("FCS"))?.0;
    }
    let mut r = Reader::new(octets);
    // Octet 0: version (bits 0-1), type (2-3), subtype (4-7). Octet 1: flags.
    let kind = r.u8("frame control")?;
    let flags = r.u8("frame control flags")?;
    if kind & 0x03 != 0 {
        return Err(WireError::Malformed("802.11 version"));
    }
    let frame = match (kind >> 2) & 0x03 {
        TYPE_MANAGEMENT => management(kind >> 4, flags, r, cut)?,
        TYPE_DATA => data(kind >> 4, flags, r, radio.header_padded)?,
        _ => Frame::Other,
    };
    Ok(Air { radio, frame })
}

/// `r` stands at octet 2, the duration.
fn management(subtype: u8, flags: u8, mut r: Reader<'_>, cut: bool) -> Result<Frame<'_>, WireError> {
    if !matches!(subtype, 0 | 2 | 5 | 8 | 10 | 12) || flags & PROTECTED != 0 {
        return Ok(Frame::Other);
    }
    r.take(2, "duration")?;
    let receiver: Address = r.array("address 1")?;
    r.take(6, "address 2")?;
    let bssid: Address = r.array("address 3")?;
    r.take(2, "sequence control")?;
    if flags & ORDER != 0 {
        r.take(4, "HT control")?;
    }
    Ok(match subtype {
        0 | 2 => Frame::Joining { bssid },
        5 | 8 => {
            r.take(10, "timestamp and beacon interval")?;
            let capability = r.u16_le("capability information")?;
            let announcement = Announcement { bssid, capability, elements: r.rest(), cut };
            if subtype == 8 { Frame::Beacon(announcement) } else { Frame::ProbeResponse(announcement) }
        }
        _ => Frame::Farewell(Farewell { bssid, to_all: is_group(receiver), again: flags & RETRY != 0 }),
    })
}

/// `r` stands at octet 2, the duration.
fn data(subtype: u8, flags: u8, mut r: Reader<'_>, padded: bool) -> Result<Frame<'_>, WireError> {
    let begin = r.left().saturating_add(2);
    r.take(2, "duration")?;
    let path = path(flags & (TO_DS | FROM_DS), &mut r)?;
    let mut aggregated = false;
    if subtype & SUBTYPE_QOS != 0 {
        aggregated = r.u8("QoS control")? & 0x80 != 0;
        r.take(1, "QoS control")?;
        if flags & ORDER != 0 {
            r.take(4, "HT control")?;
        }
    }
    if padded {
        let over = begin.saturating_sub(r.left()) % 4;
        r.take(if over == 0 { 0 } else { 4usize.saturating_sub(over) }, "padding of the header")?;
    }
    Ok(if subtype & SUBTYPE_NULL != 0 {
        Frame::Empty(path.roles)
    } else if flags & PROTECTED != 0 {
        Frame::Encrypted(path.roles)
    } else {
        let body = if path.is_later_fragment { &[] } else { r.rest() };
        Frame::Clear(ClearData { path: path.roles, aggregated, body })
    })
}

struct Addressed {
    roles: Path,
    is_later_fragment: bool,
}

/// Addresses 1-3 (octets 4-21), sequence control (22-23), address 4 (24-29) where both DS bits are set.
fn path(ds: u8, r: &mut Reader<'_>) -> Result<Addressed, WireError> {
    let receiver: Address = r.array("address 1")?;
    let transmitter: Address = r.array("address 2")?;
    let third: Address = r.array("address 3")?;
    let is_later_fragment = r.u16_le("sequence control")? & 0x000F != 0;
    let (bssid, destination, source, station) = match ds {
        0 => (Some(third), receiver, transmitter, Some(transmitter)),
        TO_DS => (Some(receiver), third, transmitter, Some(transmitter)),
        FROM_DS => (Some(transmitter), receiver, third, (!is_group(receiver)).then_some(receiver)),
        _ => (None, third, r.array("address 4")?, None),
    };
    Ok(Addressed { roles: Path { bssid, transmitter, receiver, source, destination, station }, is_later_fragment })
}

/// LLC and SNAP (RFC 1042; IEEE 802.1H for 00-00-F8): AA AA 03, organisation, ethertype.
fn packet(destination: Address, source: Address, body: &[u8]) -> Option<Packet<'_>> {
    let mut r = Reader::new(body);
    let llc: [u8; 6] = r.array("LLC and SNAP").ok()?;
    if llc != [0xAA, 0xAA, 0x03, 0, 0, 0] && llc != [0xAA, 0xAA, 0x03, 0, 0, 0xF8] {
        return None;
    }
    let ethertype = r.u16("ethertype").ok()?;
    Some(Packet { destination, source, ethertype, payload: r.rest() })
}

/// A part of an A-MSDU (9.3.2.2.2): destination 0-5, source 6-11, length 12-13, packet, padding to 4 octets. The outer
/// option ends the walk.
fn subframe<'a>(r: &mut Reader<'a>) -> Option<Option<Packet<'a>>> {
    let destination = r.array("DA").ok()?;
    let source = r.array("SA").ok()?;
    let length = usize::from(r.u16("length").ok()?);
    let body = r.sub_at_most(length).rest();
    let over = SUBFRAME_HEADER.saturating_add(length) % 4;
    let _ = r.sub_at_most(if over == 0 { 0 } else { 4usize.saturating_sub(over) });
    Some(packet(destination, source, body))
}

/// Whether an address stands for several receivers: the first bit on the air (9.2.4.3.2).
#[must_use]
pub const fn is_group(address: Address) -> bool {
    let [first, ..] = address;
    first & 1 != 0
}

const TYPE_MANAGEMENT: u8 = 0;
const TYPE_DATA: u8 = 2;

// Flags of the frame control field, octet 1.
const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const RETRY: u8 = 0x08;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;

/// Subtypes of data from 8 up have a QoS control field.
const SUBTYPE_QOS: u8 = 0x08;

/// Subtypes of data with this bit have no body.
const SUBTYPE_NULL: u8 = 0x04;

/// Octets of the FCS.
const CHECKSUM: usize = 4;

/// Octets before the packet in a part of an A-MSDU.
const SUBFRAME_HEADER: usize = 14;

/// Parts of an A-MSDU that are read: 11,454 octets (the longest) hold no more packets of ordinary size.
const MAX_SUBFRAMES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const STATION: Address = [0x00, 0x80, 0x64, 0x20, 0x00, 0x41];
    const ACCESS_POINT: Address = [0x04, 0x18, 0xd6, 0x20, 0x01, 0x01];
    const SERVER: Address = [0x00, 0x50, 0x56, 0x20, 0x00, 0x12];
    const OTHER: Address = [0x04, 0x18, 0xd6, 0x20, 0x01, 0x09];

    /// Frame control, duration, addresses 1-3, sequence control.
    fn header(control: [u8; 2], addresses: [Address; 3]) -> Vec<u8> {
        let mut f = control.to_vec();
        f.extend([0x2c, 0x00]);
        f.extend(addresses.concat());
        f.extend([0x10, 0x00]); // fragment 0, sequence 1
        f
    }

    fn with(mut header: Vec<u8>, body: &[u8]) -> Vec<u8> {
        header.extend_from_slice(body);
        header
    }

    fn frame(octets: &[u8]) -> Frame<'_> {
        peel(octets, RadioHeader::None, false).unwrap().frame
    }

    /// LLC and SNAP of IPv4, then a packet.
    const PACKET: [u8; 10] = [0xAA, 0xAA, 0x03, 0, 0, 0, 0x08, 0x00, 0x45, 0x00];

    #[test]
    fn the_two_ds_bits_say_whose_the_addresses_are() {
        let cases = [
            (0x00, [ACCESS_POINT, STATION, OTHER], (Some(OTHER), STATION, ACCESS_POINT, Some(STATION))),
            (0x01, [ACCESS_POINT, STATION, SERVER], (Some(ACCESS_POINT), STATION, SERVER, Some(STATION))),
            (0x02, [STATION, ACCESS_POINT, SERVER], (Some(ACCESS_POINT), SERVER, STATION, Some(STATION))),
        ];
        for (flags, addresses, wanted) in cases {
            let octets = with(header([0x08, flags], addresses), &PACKET);
            let Frame::Clear(data) = frame(&octets) else { panic!("{flags}") };
            assert_eq!(
                (data.path.bssid, data.path.source, data.path.destination, data.path.station),
                wanted,
                "{flags}"
            );
        }
        let octets = with(with(header([0x08, 0x03], [ACCESS_POINT, OTHER, SERVER]), &STATION), &PACKET);
        let Frame::Clear(data) = frame(&octets) else { panic!() };
        assert_eq!((data.path.bssid, data.path.source, data.path.destination), (None, STATION, SERVER));
        assert_eq!((data.path.receiver, data.path.transmitter), (ACCESS_POINT, OTHER));
    }

    #[test]
    fn a_frame_for_a_group_has_no_station() {
        let octets = with(header([0x08, 0x02], [[0xff; 6], ACCESS_POINT, SERVER]), &PACKET);
        let Frame::Clear(data) = frame(&octets) else { panic!() };
        assert_eq!(data.path.station, None);
    }

    #[test]
    fn the_packet_is_found_behind_qos_and_ht_control_and_padding() {
        let plain = with(header([0x08, 0x01], [ACCESS_POINT, STATION, SERVER]), &PACKET);
        let qos = with(with(header([0x88, 0x01], [ACCESS_POINT, STATION, SERVER]), &[0, 0]), &PACKET);
        let ht = with(with(header([0x88, 0x81], [ACCESS_POINT, STATION, SERVER]), &[0, 0, 1, 2, 3, 4]), &PACKET);
        for octets in [&plain, &qos, &ht] {
            let Frame::Clear(data) = frame(octets) else { panic!() };
            let packets: Vec<_> = data.packets().collect();
            let wanted = Packet { destination: SERVER, source: STATION, ethertype: 0x0800, payload: &[0x45, 0x00] };
            assert_eq!(packets, [wanted]);
        }
        // Radiotap: length 9, flags only, 0x20: header padded, here from 26 to 28 octets.
        let mut padded = vec![0, 0, 9, 0, 0x02, 0, 0, 0, 0x20];
        padded.extend(header([0x88, 0x01], [ACCESS_POINT, STATION, SERVER]));
        padded.extend([0, 0, 0, 0]);
        padded.extend(PACKET);
        let Frame::Clear(data) = peel(&padded, RadioHeader::Radiotap, false).unwrap().frame else { panic!() };
        assert_eq!(data.packets().count(), 1);
    }

    #[test]
    fn an_aggregate_gives_each_of_its_packets() {
        let mut part = Vec::new();
        for (to, from) in [(SERVER, STATION), (OTHER, STATION)] {
            part.extend(to);
            part.extend(from);
            part.extend([0, 10]); // length
            part.extend(PACKET); // 14 + 10 octets: no padding
        }
        let octets = with(with(header([0x88, 0x01], [ACCESS_POINT, STATION, ACCESS_POINT]), &[0x80, 0]), &part);
        let Frame::Clear(data) = frame(&octets) else { panic!() };
        assert_eq!(data.packets().map(|p| p.destination).collect::<Vec<_>>(), [SERVER, OTHER]);
    }

    #[test]
    fn encrypted_empty_and_fragmented_data_give_no_packet() {
        let path = [ACCESS_POINT, STATION, SERVER];
        let encrypted = with(header([0x08, 0x41], path), &PACKET);
        assert!(matches!(frame(&encrypted), Frame::Encrypted(p) if p.station == Some(STATION)));
        assert!(matches!(frame(&header([0x48, 0x11], path)), Frame::Empty(_)));
        assert!(matches!(frame(&with(header([0xc8, 0x01], path), &[0, 0])), Frame::Empty(_)));
        let mut later = with(header([0x08, 0x01], path), &PACKET);
        later[22] = 0x11; // fragment 1
        assert!(matches!(frame(&later), Frame::Clear(d) if d.packets().count() == 0));
    }

    #[test]
    fn a_beacon_gives_its_capabilities_and_elements() {
        let body = [
            1, 2, 3, 4, 5, 6, 7, 8, // time stamp
            0x64, 0x00, // interval 100
            0x11, 0x04, // capability: ESS, privacy, short slot
            0x00, 0x03, b'a', b'b', b'c', // element 0: name
            0x03, 0x01, 0x06, // element 3: channel 6
        ];
        for (control, probe) in [(0x80, false), (0x50, true)] {
            let octets = with(header([control, 0], [[0xff; 6], ACCESS_POINT, ACCESS_POINT]), &body);
            let a = match frame(&octets) {
                Frame::Beacon(a) if !probe => a,
                Frame::ProbeResponse(a) if probe => a,
                f => panic!("{f:?}"),
            };
            assert_eq!((a.bssid, a.privacy()), (ACCESS_POINT, true));
            assert_eq!((a.announced().name, a.announced().channel), (Some(&b"abc"[..]), Some(6)));
        }
    }

    #[test]
    fn names_that_stations_ask_for_are_not_read() {
        let name = [0x00, 0x05, b'h', b'o', b'm', b'e', b'1'];
        assert_eq!(frame(&with(header([0x40, 0], [[0xff; 6], STATION, [0xff; 6]]), &name)), Frame::Other);
        let joining = with(header([0x00, 0], [ACCESS_POINT, STATION, ACCESS_POINT]), &name);
        assert_eq!(frame(&joining), Frame::Joining { bssid: ACCESS_POINT });
    }

    #[test]
    fn farewells_are_told_apart_from_protected_ones() {
        for control in [0xa0, 0xc0] {
            let octets = with(header([control, 0x08], [[0xff; 6], ACCESS_POINT, ACCESS_POINT]), &[7, 0]);
            assert_eq!(frame(&octets), Frame::Farewell(Farewell { bssid: ACCESS_POINT, to_all: true, again: true }));
            let octets = with(header([control, 0x40], [STATION, ACCESS_POINT, ACCESS_POINT]), &[7, 0]);
            assert_eq!(frame(&octets), Frame::Other);
        }
    }

    #[test]
    fn a_checksum_is_taken_off_and_a_wrong_one_silences_the_frame() {
        let path = [ACCESS_POINT, STATION, SERVER];
        let mut octets = vec![0, 0, 9, 0, 0x02, 0, 0, 0, 0x10];
        octets.extend(with(header([0x08, 0x01], path), &PACKET));
        octets.extend([0xde, 0xad, 0xbe, 0xef]);
        let Frame::Clear(data) = peel(&octets, RadioHeader::Radiotap, false).unwrap().frame else { panic!() };
        assert_eq!(data.packets().next().unwrap().payload, &[0x45, 0x00]);
        // What was cut off by the capture was the checksum.
        let Frame::Clear(data) = peel(&octets, RadioHeader::Radiotap, true).unwrap().frame else { panic!() };
        assert_eq!(data.packets().next().unwrap().payload.len(), 6);
        octets[8] = 0x50;
        assert_eq!(peel(&octets, RadioHeader::Radiotap, false).unwrap().frame, Frame::Other);
    }

    #[test]
    fn control_frames_and_other_versions_are_nothing() {
        assert_eq!(frame(&[0xd4, 0, 0, 0, 1, 2, 3, 4, 5, 6]), Frame::Other);
        assert_eq!(peel(&[0x81, 0, 0, 0], RadioHeader::None, false), Err(WireError::Malformed("802.11 version")));
        assert_eq!(peel(&[0x08, 0, 0, 0, 1], RadioHeader::None, false), Err(WireError::Truncated("address 1")));
    }
}
