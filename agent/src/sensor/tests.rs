//! Windows of one sensor: each has its own counters, hosts and conversations go on, and together they say what one
//! window would have said.

use super::*;
use auscult_report::fact::Fact;
use auscult_report::subject::{Subject, Transport};
use auscult_report::terms::Protocol;

const CLIENT: ([u8; 4], u16) = ([192, 168, 20, 15], 40_000);
const SERVER: ([u8; 4], u16) = ([192, 168, 20, 10], 22);

/// Ethernet, IPv4, TCP with the given payload.
fn segment(from: ([u8; 4], u16), to: ([u8; 4], u16), seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut o = vec![0, 0x1e, 0, 0, 0, to.0[3], 0, 0x1e, 0, 0, 0, from.0[3], 0x08, 0x00]; // Ethernet, IPv4
    o.extend([0x45, 0]); // header of 20 octets
    o.extend(u16::try_from(payload.len().saturating_add(40)).unwrap().to_be_bytes()); // total length
    o.extend([0, 0, 0x40, 0, 64, 6, 0, 0]); // do not fragment; time to live; TCP; checksum
    o.extend(from.0);
    o.extend(to.0);
    o.extend(from.1.to_be_bytes());
    o.extend(to.1.to_be_bytes());
    o.extend(seq.to_be_bytes());
    o.extend([0; 4]); // acknowledged
    o.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]); // header of 20 octets; window; checksum; urgent
    o.extend(payload);
    o
}

fn hear(sensor: &mut Sensor, at: u64, octets: &[u8]) {
    let wire_octets = u32::try_from(octets.len()).unwrap();
    sensor.hear(&Frame { at: Timestamp(at), link: Link::Ethernet, octets, wire_octets, domain: None });
}

/// A conversation whose greeting comes in two pieces: before and after the end of a window.
fn greeting(sensor: &mut Sensor, turn: Option<u64>) -> Option<Summary> {
    hear(sensor, 1_000, &segment(CLIENT, SERVER, 100, SYN, b""));
    hear(sensor, 1_001, &segment(SERVER, CLIENT, 500, SYN | ACK, b""));
    hear(sensor, 1_002, &segment(SERVER, CLIENT, 501, ACK, b"SSH-2.0-Ope"));
    let first = turn.map(|end| sensor.turn(Timestamp(end)));
    hear(sensor, 2_500, &segment(SERVER, CLIENT, 512, ACK, b"nSSH_9.2p1\r\n"));
    hear(sensor, 2_501, &segment(CLIENT, SERVER, 101, ACK, b"SSH-2.0-OpenSSH_9.2p1\r\n"));
    first
}

#[test]
fn a_conversation_goes_on_over_the_end_of_a_window() {
    let mut whole = Sensor::new(Settings::default());
    greeting(&mut whole, None);
    let whole = whole.close();
    let mut parted = Sensor::new(Settings::default());
    let first = greeting(&mut parted, Some(2_000)).unwrap();
    let second = parted.close();
    let service = |s: &Summary| {
        s.sightings.iter().filter(|s| matches!(s.subject, Subject::Service(_, Transport::Tcp, 22))).count()
    };
    assert!(whole.sightings.iter().any(|s| s.fact == Fact::Protocol(Protocol::Ssh)));
    assert_eq!((service(&first), service(&second)), (0, service(&whole)));
    assert_eq!((first.counters.frames, second.counters.frames, whole.counters.frames), (3, 2, 5));
    assert_eq!((first.counters.conversations, second.counters.conversations), (1, 0));
    assert_eq!(first.window, Window { from: Timestamp(1_000), to: Timestamp(2_000) });
    assert_eq!(second.window, Window { from: Timestamp(2_000), to: Timestamp(2_502) });
}

#[test]
fn a_window_in_which_nothing_was_heard_is_empty() {
    let mut sensor = Sensor::new(Settings::default());
    greeting(&mut sensor, Some(2_000));
    sensor.turn(Timestamp(3_000));
    let empty = sensor.turn(Timestamp(4_000));
    assert_eq!((empty.sightings.len(), empty.hosts.len()), (0, 0));
    assert_eq!(empty.counters, Counters::default());
    assert_eq!(empty.window, Window { from: Timestamp(3_000), to: Timestamp(4_000) });
}
