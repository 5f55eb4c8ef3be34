//! Where strange octets enter: one entrance for each file of `agent/src/wire`, used by its fuzz target and by the plain
//! test that replays its corpus. Each lets the whole sensor hear the octets, so that what stands behind a view is
//! reached too.

use crate::frames::segment;
use crate::radio;
use auscult_agent::capture::{Frame, Link};
use auscult_agent::config::Memory;
use auscult_agent::sensor::{Sensor, Settings};
use auscult_report::time::Timestamp;

/// How the octets of an entrance reach the sensor.
#[derive(Clone, Copy)]
pub enum Way {
    /// A conversation over TCP with a server on this port: pieces, each with side (1 octet, bit 0 set: the server) and
    /// length (2 octets, least significant first) before it.
    Talk(u16),
    /// One datagram from this port, and one to it.
    Datagram(u16),
    /// One frame of this link type.
    Frame(Link),
    /// IP packets, one after the other: pieces as of a conversation, whatever their side.
    Packets,
}

/// Lets octets in.
pub type Enter = fn(&[u8]);

/// The file's name, and how octets reach it.
pub const ENTRANCES: &[(&str, Enter)] = &[
    ("astm", |o| enter(Way::Talk(4000), o)),
    ("bacnet", |o| enter(Way::Datagram(47_808), o)),
    ("ber", |o| enter(Way::Datagram(161), o)),
    ("cdp", |o| enter(Way::Frame(Link::Ethernet), o)),
    ("certificate", |o| enter(Way::Talk(443), o)),
    ("coap", |o| enter(Way::Datagram(5683), o)),
    ("dcerpc", |o| enter(Way::Talk(135), o)),
    ("dhcp", |o| enter(Way::Datagram(67), o)),
    ("dhcp6", |o| enter(Way::Datagram(547), o)),
    ("dicom", |o| enter(Way::Talk(104), o)),
    ("dicom_items", |o| enter(Way::Talk(104), o)),
    ("dimse", |o| enter(Way::Talk(11112), o)),
    ("dns", |o| enter(Way::Datagram(53), o)),
    ("dot11", |o| enter(Way::Frame(Link::Ieee80211), o)),
    ("dot11_elements", |o| enter(Way::Frame(Link::Ieee80211), o)),
    ("drda", |o| enter(Way::Talk(50_000), o)),
    ("elasticsearch", |o| enter(Way::Talk(9300), o)),
    ("firebird", |o| enter(Way::Talk(3050), o)),
    ("heads", in_heads),
    ("hostapd", radio::in_hostapd),
    ("hpack", |o| enter(Way::Talk(8080), o)),
    ("http", |o| enter(Way::Talk(80), o)),
    ("http2", |o| enter(Way::Talk(8080), o)),
    ("internet", |o| enter(Way::Frame(Link::RawIp), o)),
    ("ipmi", |o| enter(Way::Datagram(623), o)),
    ("iscsi", |o| enter(Way::Talk(3260), o)),
    ("ja4", |o| enter(Way::Talk(443), o)),
    ("kerberos", |o| enter(Way::Talk(88), o)),
    ("layers", |o| enter(Way::Frame(Link::Ethernet), o)),
    ("ldap", |o| enter(Way::Talk(389), o)),
    ("lldp", |o| enter(Way::Frame(Link::Ethernet), o)),
    ("memcached", |o| enter(Way::Talk(11211), o)),
    ("mqtt", |o| enter(Way::Talk(1883), o)),
    ("mllp", |o| enter(Way::Talk(2575), o)),
    ("modbus", |o| enter(Way::Talk(502), o)),
    ("mongodb", |o| enter(Way::Talk(27017), o)),
    ("mysql", |o| enter(Way::Talk(3306), o)),
    ("mysql_x", |o| enter(Way::Talk(33_060), o)),
    ("natpmp", |o| enter(Way::Datagram(5351), o)),
    ("ndp", |o| enter(Way::Frame(Link::RawIp), o)),
    ("netbeui", |o| enter(Way::Frame(Link::Ethernet), o)),
    ("netbios", |o| enter(Way::Datagram(138), o)),
    ("netlink", radio::in_netlink),
    ("nl80211", radio::in_nl80211),
    ("ntlm", |o| enter(Way::Talk(445), o)),
    ("onc_rpc", |o| enter(Way::Talk(2049), o)),
    ("poct1a", |o| enter(Way::Talk(3001), o)),
    ("ports", |o| enter(Way::Frame(Link::Ieee80211), o)),
    ("postgresql", |o| enter(Way::Talk(5432), o)),
    ("printing", |o| enter(Way::Talk(9100), o)),
    ("quic", |o| enter(Way::Datagram(443), o)),
    ("radiotap", |o| enter(Way::Frame(Link::Radiotap), o)),
    ("rcmd", in_rcmd),
    ("rdp", |o| enter(Way::Talk(3389), o)),
    ("reader", |o| enter(Way::Frame(Link::LinuxCooked2), o)),
    ("redis", |o| enter(Way::Talk(6379), o)),
    ("smb", |o| enter(Way::Talk(445), o)),
    ("smb1", |o| enter(Way::Talk(445), o)),
    ("smb2", |o| enter(Way::Talk(445), o)),
    ("snmp", |o| enter(Way::Datagram(161), o)),
    ("sqlr", |o| enter(Way::Datagram(1434), o)),
    ("ssh", |o| enter(Way::Talk(22), o)),
    ("ssl2", |o| enter(Way::Talk(443), o)),
    ("syn", |o| enter(Way::Frame(Link::RawIp), o)),
    ("tds", |o| enter(Way::Talk(1433), o)),
    ("text", |o| enter(Way::Talk(25), o)),
    ("tftp", |o| enter(Way::Datagram(69), o)),
    ("tls", |o| enter(Way::Talk(8443), o)),
    ("tns", |o| enter(Way::Talk(1521), o)),
    ("tsap", |o| enter(Way::Talk(102), o)),
    ("tunnel", |o| enter(Way::Packets, o)),
    ("vnc", |o| enter(Way::Talk(5900), o)),
    ("x11", |o| enter(Way::Talk(6000), o)),
];

/// A conversation with a camera, and a datagram to and from an exchange.
fn in_heads(octets: &[u8]) {
    enter(Way::Talk(554), octets);
    enter(Way::Datagram(5060), octets);
}

/// The same octets to each of the three ports.
fn in_rcmd(octets: &[u8]) {
    for port in 512..=514 {
        enter(Way::Talk(port), octets);
    }
}

/// Lets the octets in at the entrance of a `wire` file.
pub fn at(name: &str, octets: &[u8]) {
    for (_, enter) in ENTRANCES.iter().filter(|e| e.0 == name) {
        enter(octets);
    }
}

/// Lets a sensor hear the octets, and closes its window.
pub fn enter(way: Way, octets: &[u8]) {
    let mut sensor = sensor();
    let mut hear = |link, octets: &[u8]| {
        let wire_octets = u32::try_from(octets.len()).unwrap_or(u32::MAX);
        sensor.hear(&Frame { at: Timestamp(1_795_000_000_000), link, octets, wire_octets, domain: None });
    };
    match way {
        Way::Frame(link) => {
            hear(link, octets);
            [Link::Ppi, Link::Prism, Link::Avs, Link::CiscoHdlc].into_iter().for_each(|link| hear(link, octets));
        }
        Way::Packets => pieces(octets).for_each(|(_, packet)| hear(Link::RawIp, packet)),
        Way::Datagram(port) => {
            hear(Link::RawIp, &datagram(SERVER, port, CLIENT, 40_000, octets));
            hear(Link::RawIp, &datagram(CLIENT, 40_000, SERVER, port, octets));
            hear(Link::RawIp, &datagram(CLIENT, port, SERVER, port, octets));
        }
        Way::Talk(port) => {
            let mut seq = [1u32, 1u32];
            for (server, piece) in pieces(octets) {
                let (from, to) = ((CLIENT, 40_000), (SERVER, port));
                let (from, to) = if server { (to, from) } else { (from, to) };
                let [client_seq, server_seq] = &mut seq;
                let seq = if server { server_seq } else { client_seq };
                hear(Link::Ethernet, &segment(from, to, *seq, 0x10, piece));
                *seq = seq.wrapping_add(u32::try_from(piece.len()).unwrap_or(0));
            }
        }
    }
    let _ = sensor.close();
}

/// A sensor with room for some hundred rows, not for a clinic: what an input costs is then its octets, not fresh tables.
pub(crate) fn sensor() -> Sensor {
    let memory = Memory { conversations: 64, hosts: 64, rows: 512, known: 512, ..Memory::default() };
    Sensor::new(Settings { memory, ..Settings::default() })
}

/// The pieces of a conversation; what is left over at the end is the client's.
fn pieces(mut octets: &[u8]) -> impl Iterator<Item = (bool, &[u8])> {
    core::iter::from_fn(move || {
        let [side, low, high, rest @ ..] = octets else { return None };
        let len = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len()).min(60_000);
        let (piece, after) = rest.split_at(len);
        octets = after;
        Some((side & 1 == 1, piece))
    })
}

fn datagram(from: [u8; 4], from_port: u16, to: [u8; 4], to_port: u16, payload: &[u8]) -> Vec<u8> {
    let payload = payload.get(..60_000).unwrap_or(payload);
    let udp_length = u16::try_from(payload.len()).unwrap_or(0).saturating_add(8);
    let mut o = vec![0x45, 0x00]; // header of 20 octets
    o.extend(udp_length.saturating_add(20).to_be_bytes()); // total length
    o.extend([0, 0, 0x40, 0, 64, 17, 0, 0]); // do not fragment; time to live; UDP; checksum
    o.extend(from);
    o.extend(to);
    o.extend(from_port.to_be_bytes());
    o.extend(to_port.to_be_bytes());
    o.extend(udp_length.to_be_bytes());
    o.extend([0, 0]); // checksum
    o.extend(payload);
    o
}

const CLIENT: [u8; 4] = [192, 168, 20, 30];
const SERVER: [u8; 4] = [192, 168, 20, 10];
