//! What a sealed report promises: changed, cut or longer octets are refused, never read; nobody decides our memory.

use super::*;
use crate::bounded::Bounded;
use crate::header::Clock;
use crate::payload::{Event, Extra, Full, Kind};
use crate::summary::Summary;
use crate::time::Timestamp;

fn key() -> SensorKey {
    SensorKey::from_seed(&[7; 32])
}

fn stamp() -> Stamp {
    Stamp {
        ledger: LedgerId([2; 16]),
        sensor: SensorId::of(&key().public()),
        key_no: 0,
        place: Place { epoch: 0, seq: 1 },
        prev: [3; 32],
        moment: Moment { boot: [4; 8], mono_ms: 5, wall: Timestamp(6), clock: Clock::Ntp },
        seen: Some(Seen { size: 9, root: [8; 32] }),
        bundle_version: 1,
    }
}

fn header(codec: Codec, plain_octets: u32) -> Header {
    let report = SealedReport::seal(&key(), &stamp(), &Payload::Full(Full::default())).unwrap();
    Header { codec, plain_octets, ..*report.parse_frame().unwrap().claimed() }
}

fn long_payload() -> Payload {
    let extra = Extra { tag: 999, octets: Bounded::try_from(vec![0; 4_096]).unwrap() };
    Payload::Full(Full { summary: Summary::default(), ext: vec![extra].try_into().unwrap() })
}

fn open(report: &SealedReport) -> Option<VerifiedReport> {
    report.parse_frame().ok()?.verify(&key().public()).ok()
}

#[test]
fn what_was_sealed_is_what_is_read() {
    for payload in [Payload::Full(Full::default()), long_payload(), Payload::Event(Event::default())] {
        let report = SealedReport::seal(&key(), &stamp(), &payload).unwrap();
        let verified = open(&report).unwrap();
        assert_eq!(verified.payload(), Some(&payload));
        assert_eq!(verified.hash(), report.hash());
        assert_eq!(verified.header().place, stamp().place);
        assert_eq!(SealedReport::seal(&key(), &stamp(), &payload).unwrap(), report, "the same octets again");
    }
}

#[test]
fn deflate_is_used_only_where_it_pays() {
    let long = SealedReport::seal(&key(), &stamp(), &long_payload()).unwrap();
    assert_eq!(long.parse_frame().unwrap().claimed().codec, Codec::Deflate);
    assert!(long.octets().len() < 400);
    let short = SealedReport::seal(&key(), &stamp(), &Payload::Event(Event::default())).unwrap();
    assert_eq!(short.parse_frame().unwrap().claimed().codec, Codec::Plain);
}

#[test]
fn every_changed_octet_is_refused() {
    for payload in [Payload::Event(Event::default()), long_payload()] {
        let report = SealedReport::seal(&key(), &stamp(), &payload).unwrap();
        for at in 0..report.octets().len() {
            for mask in [0x01, 0x80, 0xff] {
                let mut octets = report.octets().to_vec();
                octets[at] ^= mask;
                assert_eq!(open(&SealedReport::from_octets(octets)), None, "octet {at} ^ {mask:02x}");
            }
        }
    }
}

#[test]
fn every_cut_and_everything_behind_the_end_is_refused() {
    let report = SealedReport::seal(&key(), &stamp(), &long_payload()).unwrap();
    for end in 0..report.octets().len() {
        assert_eq!(open(&SealedReport::from_octets(report.octets()[..end].to_vec())), None, "cut at {end}");
    }
    let mut octets = report.octets().to_vec();
    octets.push(0);
    assert_eq!(Frame::parse(&octets).unwrap_err(), FrameError::Long);
}

#[test]
fn the_first_key_is_bound_to_the_sensor() {
    let report = SealedReport::seal(&key(), &stamp(), &long_payload()).unwrap();
    let other = SensorKey::from_seed(&[9; 32]);
    assert_eq!(report.parse_frame().unwrap().verify(&other.public()), Err(OpenError::SensorId));
    let later = SealedReport::seal(&key(), &Stamp { key_no: 1, ..stamp() }, &long_payload()).unwrap();
    assert_eq!(later.parse_frame().unwrap().verify(&other.public()), Err(OpenError::Signature));
    assert!(open(&later).is_some());
}

#[test]
fn a_schema_of_tomorrow_is_verified_and_opaque() {
    let header = Header { schema: 999, ..header(Codec::Plain, 3) };
    let report = SealedReport::sign(&key(), &header, b"new").unwrap();
    let verified = open(&report).unwrap();
    assert_eq!(verified.content(), &Content::Opaque);
    assert_eq!(verified.hash(), report.hash());
}

#[test]
fn a_word_of_tomorrow_makes_a_report_opaque_not_lost() {
    // Event: window 0 0, no hosts, one sighting: of the sensor, fact 9,999 (90 4e): after it nothing can be read.
    let plain = [0, 0, 0, 1, 0, 0x8f, 0x4e, 0, 0, 0, 1, 0];
    let header = Header { kind: Kind::Event, ..header(Codec::Plain, 12) };
    assert_eq!(open(&SealedReport::sign(&key(), &header, &plain).unwrap()).unwrap().content(), &Content::Opaque);
}

#[test]
fn a_number_in_more_octets_than_it_needs_is_signed_as_it_came() {
    // The header's last field, bundle_version 1, as 81 00 instead of 01: the same number, other octets.
    let report = SealedReport::seal(&key(), &stamp(), &Payload::Event(Event::default())).unwrap();
    let octets = report.octets();
    let length = usize::from(u16::from_be_bytes([octets[6], octets[7]]));
    let mut longer = octets[..8 + length].to_vec();
    assert_eq!(longer.pop(), Some(1));
    longer.extend([0x81, 0x00]);
    longer[7] += 1;
    longer.extend(&octets[8 + length..octets.len() - 64]);
    let signature = key().sign(context::REPORT, &[&longer]);
    longer.extend(signature.octets());
    let longer = SealedReport::from_octets(longer);
    let verified = open(&longer).unwrap();
    assert_eq!(verified.header(), open(&report).unwrap().header());
    assert_ne!(verified.hash(), report.hash());
    assert_eq!(verified.hash(), report_hash(longer.octets()));
}

#[test]
fn a_bomb_is_refused_without_its_memory() {
    // 1,000:1: 1 MiB of zeroes, said to be 100.
    let bomb = compress_to_vec(&vec![0; 1 << 20], 9);
    for said in [100, (1 << 20) - 1] {
        let report = SealedReport::sign(&key(), &header(Codec::Deflate, said), &bomb).unwrap();
        assert_eq!(report.parse_frame().unwrap().verify(&key().public()), Err(OpenError::Inflate));
    }
    let said = SealedReport::sign(&key(), &header(Codec::Deflate, MAX_PLAIN + 1), &bomb).unwrap();
    assert_eq!(said.parse_frame().unwrap_err(), FrameError::PlainLength);
    // A bomb of the length that it says is unpacked, and is no payload.
    let honest = SealedReport::sign(&key(), &header(Codec::Deflate, 1 << 20), &bomb).unwrap();
    assert_eq!(open(&honest).unwrap().content(), &Content::Opaque);
}

#[test]
fn what_stands_behind_the_end_of_the_stream_is_refused() {
    let mut packed = compress_to_vec(&[1, 0], 6);
    let good = SealedReport::sign(&key(), &header(Codec::Deflate, 2), &packed).unwrap();
    assert!(open(&good).is_some());
    packed.push(0);
    let report = SealedReport::sign(&key(), &header(Codec::Deflate, 2), &packed).unwrap();
    assert_eq!(report.parse_frame().unwrap().verify(&key().public()), Err(OpenError::Inflate));
    for said in [1, 3] {
        let report = SealedReport::sign(&key(), &header(Codec::Deflate, said), &packed[..packed.len() - 1]).unwrap();
        assert_eq!(report.parse_frame().unwrap().verify(&key().public()), Err(OpenError::Inflate));
    }
}

#[test]
fn lengths_that_lie_name_their_field() {
    let octets = SealedReport::seal(&key(), &stamp(), &long_payload()).unwrap().octets().to_vec();
    let with = |at: usize, new: &[u8]| {
        let mut octets = octets.clone();
        octets[at..at + new.len()].copy_from_slice(new);
        Frame::parse(&octets).unwrap_err()
    };
    let payload_at = 8 + usize::from(u16::from_be_bytes([octets[6], octets[7]]));
    assert_eq!(with(0, b"AUSX"), FrameError::Magic);
    assert_eq!(with(4, &[2]), FrameError::Version(2));
    assert_eq!(with(5, &[2]), FrameError::Algorithm(2));
    assert_eq!(with(6, &[0xff, 0xff]), FrameError::HeaderLength);
    assert_eq!(with(6, &[0x02, 0x00]), FrameError::Short);
    assert_eq!(with(payload_at, &[0xff; 4]), FrameError::PayloadLength);
    assert_eq!(with(payload_at, &[0, 4, 0, 0]), FrameError::Short);
    assert_eq!(with(payload_at, &[0, 0, 0, 0]), FrameError::Long);
}

#[test]
fn what_is_too_long_is_not_sealed() {
    assert_eq!(SealedReport::sign(&key(), &header(Codec::Plain, 0), &vec![0; MAX_PAYLOAD + 1]), Err(SealError));
}

#[test]
fn strange_octets_never_verify_and_never_stop_the_reader() {
    let report = SealedReport::seal(&key(), &stamp(), &long_payload()).unwrap();
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 33).unwrap()
    };
    for _ in 0..20_000 {
        let mut octets = report.octets().to_vec();
        for _ in 0..1 + next() % 8 {
            let at = next() % octets.len();
            octets[at] = u8::try_from(next() % 256).unwrap();
        }
        if next() % 3 == 0 {
            octets.truncate(next() % octets.len());
        }
        // The signature is left out here: it would refuse nearly all of them before the decoder.
        if let Ok(frame) = Frame::parse(&octets) {
            let _ = inflate(frame.payload, frame.header.plain_octets)
                .and_then(|p| Payload::decode(frame.header.kind, frame.header.schema, &p));
            let _ = Payload::decode(frame.header.kind, 1, frame.payload);
        }
    }
}
