//! The captures once more, as they come where a switch or a router far away mirrors them (ERSPAN, VXLAN, Geneve, TZSP), through links
//! between sites (GRE, IP in IP, 6in4), in parts of packets, in segments of some octets: the same must be found.

use auscult_agent::capture::file::CaptureFile;
use auscult_agent::capture::{Frame, Link};
use auscult_agent::sensor::Sensor;
use auscult_report::subject::Subject;
use auscult_report::summary::Summary;
use auscult_report::time::Timestamp;
use auscult_tests::recorded;
use std::collections::BTreeSet;
use std::fs;

#[test]
fn what_is_mirrored_from_far_away_is_heard_as_if_it_came_by_cable() {
    for (name, wrap) in [
        ("ERSPAN", (|f| over_ip(47, &[GRE_ERSPAN, ERSPAN, f].concat())) as Wrap),
        ("VXLAN", |f| over_ip(17, &datagram(4_789, &[&[8, 0, 0, 0, 0, 0, 42, 0], f].concat()))),
        ("Geneve", |f| over_ip(17, &datagram(6_081, &[&[0, 0, 0x65, 0x58, 0, 0, 42, 0], f].concat()))),
        ("TZSP", |f| over_ip(17, &datagram(37_008, &[&[1, 0, 0, 1, 1], f].concat()))),
    ] {
        compare(name, every, |frame, hear| hear(&wrap(frame)));
    }
}

#[test]
fn links_between_sites_that_hide_nothing_hide_nothing() {
    for (name, wrap) in [
        ("GRE", (|p| over_ip(47, &[&[0, 0, 8, 0], p].concat())) as Wrap),
        ("IP in IP", |p| over_ip(4, p)),
        ("MPLS in GRE in VXLAN", |p| {
            let gre = over_ip(47, &[&[0, 0, 0x88, 0x47, 0, 1, 0x41, 64], p].concat());
            over_ip(17, &datagram(4_789, &[&[8, 0, 0, 0, 0, 0, 42, 0], gre.as_slice()].concat()))
        }),
    ] {
        // What is no packet of IPv4 goes another way.
        compare(name, services, |frame, hear| hear(&packet(frame).map_or_else(|| frame.to_vec(), wrap)));
    }
}

#[test]
fn nobody_outside_is_believed_what_he_puts_into_a_tunnel() {
    let capture = recorded().into_iter().find(|r| r.name == "pacs-open-lan").unwrap();
    let octets = fs::read(&capture.path).unwrap();
    for from in [[10, 99, 0, 1], [198, 51, 100, 7]] {
        let mut sensor = Sensor::new(capture.settings());
        CaptureFile::open(octets.as_slice()).unwrap().each(|frame, _| {
            let vxlan = datagram(4_789, &[&[8, 0, 0, 0, 0, 0, 42, 0], frame.octets].concat());
            for mut tunnel in [over_ip(17, &vxlan), over_ip(47, &[GRE_ERSPAN, ERSPAN, frame.octets].concat())] {
                tunnel[26..30].copy_from_slice(&from);
                sensor.hear(&framed(&tunnel));
                parts(&tunnel, 64).iter().for_each(|part| sensor.hear(&framed(part)));
            }
        });
        assert_eq!(every(&sensor.close()).is_empty(), from[0] != 10, "{from:?}");
    }
}

#[test]
fn packets_in_parts_are_put_together() {
    for size in [64, 512] {
        compare("parts", every, |frame, hear| parts(frame, size).iter().for_each(|part| hear(part)));
        compare("parts, the last one first", every, |frame, hear| {
            parts(frame, size).iter().rev().for_each(|part| hear(part))
        });
    }
    compare("parts of a mirrored frame", every, |frame, hear| {
        let mirrored = over_ip(47, &[GRE_ERSPAN, ERSPAN, frame].concat());
        parts(&mirrored, 160).iter().for_each(|part| hear(part));
    });
}

#[test]
fn an_opening_in_pieces_of_some_octets_is_recognised() {
    compare("segments", services, |frame, hear| segments(frame, 7).iter().for_each(|segment| hear(segment)));
}

#[test]
fn the_air_is_the_same_behind_every_header_of_a_radio() {
    let prism = [&[0x44, 0, 0, 0, 144, 0, 0, 0][..], &[0; 136]].concat(); // message, length; device and ten fields
    let avs = [&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64][..], &[0; 56]].concat(); // magic, length; fourteen fields
    let ppi = [0, 0, 8, 0, 105, 0, 0, 0]; // version, flags, length, link type
    let radiotap = [0, 0, 8, 0, 0, 0, 0, 0]; // version, length, nothing present
    let mut compared = 0;
    for capture in recorded() {
        let octets = fs::read(&capture.path).unwrap();
        let ways: [(Link, &[u8]); 5] = [
            (Link::Prism, &prism),
            (Link::Prism, &avs),
            (Link::Avs, &avs),
            (Link::Ppi, &ppi),
            (Link::Radiotap, &radiotap),
        ];
        for (link, header) in ways {
            let (mut plain, mut changed) = (Sensor::new(capture.settings()), Sensor::new(capture.settings()));
            CaptureFile::open(octets.as_slice()).unwrap().each(|frame, _| {
                if frame.link == Link::Ieee80211 {
                    plain.hear(frame);
                    changed.hear(&Frame { at: frame.at, link, ..framed(&[header, frame.octets].concat()) });
                }
            });
            let (plain, changed) = (every(&plain.close()), every(&changed.close()));
            assert_eq!(plain, changed, "{} behind {link:?}", capture.name);
            compared += usize::from(!plain.is_empty());
        }
    }
    assert!(compared >= 5, "{compared}");
}

#[test]
fn tunnels_within_tunnels_end_somewhere() {
    let mut sensor = Sensor::new(auscult_agent::sensor::Settings::default());
    let mut packet = vec![0x45, 0, 0, 20, 0, 0, 0, 0, 64, 4, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    while packet.len() < 60_000 {
        packet = [&head(4, packet.len()), packet.as_slice()].concat();
    }
    let frame = [OUTER, &packet].concat();
    sensor.hear(&framed(&frame));
    assert_eq!(sensor.close().counters.not_understood, 1);
}

/// Puts a frame into another one.
type Wrap = fn(&[u8]) -> Vec<u8>;

/// Hears each capture of a cable twice, the second time changed; what a choice of it says must be the same.
fn compare(name: &str, chosen: fn(&Summary) -> BTreeSet<String>, change: impl Fn(&[u8], &mut dyn FnMut(&[u8]))) {
    let mut compared = 0;
    for capture in recorded() {
        let octets = fs::read(&capture.path).unwrap();
        let (mut plain, mut changed) = (Sensor::new(capture.settings()), Sensor::new(capture.settings()));
        let mut is_whole = true;
        CaptureFile::open(octets.as_slice()).unwrap().each(|frame, _| {
            is_whole &= frame.link == Link::Ethernet && frame.octets.len() == frame.wire_octets as usize;
            plain.hear(frame);
            change(frame.octets, &mut |octets| changed.hear(&Frame { at: frame.at, ..framed(octets) }));
        });
        // More pieces come before their turn there than are kept for it.
        if !is_whole || name == "segments" && capture.name == "shape-reordered-duplicates" {
            continue;
        }
        let (plain, changed) = (chosen(&plain.close()), chosen(&changed.close()));
        let (lost, new): (Vec<_>, Vec<_>) =
            (plain.difference(&changed).collect(), changed.difference(&plain).collect());
        assert!(lost.is_empty() && new.is_empty(), "{} in {name}: lost {lost:#?}, new {new:#?}", capture.name);
        compared += usize::from(!plain.is_empty());
    }
    assert!(compared > 40, "{compared} captures said something");
}

/// Each fact of each subject.
fn every(summary: &Summary) -> BTreeSet<String> {
    summary.sightings.iter().map(|s| format!("{:?} {:?} {:?}", s.subject, s.fact, s.zone)).collect()
}

/// Each fact of each service.
fn services(summary: &Summary) -> BTreeSet<String> {
    let of_service = summary.sightings.iter().filter(|s| matches!(s.subject, Subject::Service { .. }));
    of_service.map(|s| format!("{:?} {:?} {:?}", s.subject, s.fact, s.zone)).collect()
}

fn framed(octets: &[u8]) -> Frame<'_> {
    let wire_octets = u32::try_from(octets.len()).unwrap();
    Frame { at: Timestamp(0), link: Link::Ethernet, octets, wire_octets, domain: None }
}

/// From a switch to a sensor: addresses, EtherType of IPv4.
const OUTER: &[u8] = &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
/// GRE with a sequence number, ERSPAN II.
const GRE_ERSPAN: &[u8] = &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 9];
const ERSPAN: &[u8] = &[0x10, 20, 0, 1, 0, 0, 0, 0];

fn head(protocol: u8, length: usize) -> [u8; 20] {
    let [high, low] = u16::try_from(length + 20).unwrap().to_be_bytes();
    [0x45, 0, high, low, 0, 7, 0, 0, 64, protocol, 0, 0, 10, 99, 0, 1, 10, 99, 0, 2]
}

fn over_ip(protocol: u8, payload: &[u8]) -> Vec<u8> {
    [OUTER, &head(protocol, payload.len()), payload].concat()
}

fn datagram(port: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 8).unwrap();
    [&50_000u16.to_be_bytes()[..], &port.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload].concat()
}

/// The IPv4 packet of a frame without tags, without what stands behind it.
fn packet(frame: &[u8]) -> Option<&[u8]> {
    let packet = frame.get(14..).filter(|_| frame[12..14] == [8, 0])?;
    packet.get(..usize::from(u16::from_be_bytes([packet[2], packet[3]])))
}

/// A frame as the frames of its packet's parts; one that is no IP, or short, or in parts already, as it is.
fn parts(frame: &[u8], size: usize) -> Vec<Vec<u8>> {
    let whole = || vec![frame.to_vec()];
    if frame.get(12..14) == Some(&[0x86, 0xdd]) {
        return parts_of_ipv6(frame, size);
    }
    let Some(packet) = packet(frame) else { return whole() };
    let (head, payload) = packet.split_at(usize::from(packet[0] & 0x0f) * 4);
    if payload.len() <= size || head[6] & 0x3f != 0 || head[7] != 0 {
        return whole();
    }
    let count = payload.len().div_ceil(size);
    let part = |(n, part): (usize, &[u8])| {
        let mut head = head.to_vec();
        let length = u16::try_from(head.len() + part.len()).unwrap();
        let more = if n + 1 < count { 0x2000 } else { 0 };
        let offset = u16::try_from(n * size / 8).unwrap();
        head[2..4].copy_from_slice(&length.to_be_bytes());
        head[6..8].copy_from_slice(&(more | offset).to_be_bytes());
        [&frame[..14], &head, part].concat()
    };
    payload.chunks(size).enumerate().map(part).collect()
}

/// The same of IPv6: a header of its own says which part it is.
fn parts_of_ipv6(frame: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (head, rest) = frame[14..].split_at(40);
    let payload = &rest[..usize::from(u16::from_be_bytes([head[4], head[5]])).min(rest.len())];
    let count = payload.len().div_ceil(size);
    if count < 2 {
        return vec![frame.to_vec()];
    }
    let part = |(n, part): (usize, &[u8])| {
        let length = u16::try_from(part.len() + 8).unwrap().to_be_bytes();
        let place = u16::try_from(n * size).unwrap() | u16::from(n + 1 < count);
        let header = [&[head[6], 0][..], &place.to_be_bytes(), &7u32.to_be_bytes()].concat();
        [&frame[..18], &length, &[44], &head[7..], &header, part].concat()
    };
    payload.chunks(size).enumerate().map(part).collect()
}

/// A frame as the frames of its segment's pieces; one without TCP as it is.
fn segments(frame: &[u8], size: usize) -> Vec<Vec<u8>> {
    let whole = || vec![frame.to_vec()];
    let Some(packet) = packet(frame).filter(|p| p[9] == 6 && p[6] & 0x3f == 0 && p[7] == 0) else { return whole() };
    let tcp = usize::from(packet[0] & 0x0f) * 4;
    let (head, payload) = packet.split_at(tcp + usize::from(packet[tcp + 12] >> 4) * 4);
    if payload.len() <= size {
        return whole();
    }
    let seq = u32::from_be_bytes(head[tcp + 4..tcp + 8].try_into().unwrap());
    let count = payload.len().div_ceil(size);
    let piece = |(n, piece): (usize, &[u8])| {
        let mut head = head.to_vec();
        let length = u16::try_from(head.len() + piece.len()).unwrap();
        head[2..4].copy_from_slice(&length.to_be_bytes());
        head[tcp + 4..tcp + 8].copy_from_slice(&seq.wrapping_add(u32::try_from(n * size).unwrap()).to_be_bytes());
        if n + 1 < count {
            head[tcp + 13] &= !1; // FIN
        }
        [&frame[..14], &head, piece].concat()
    };
    payload.chunks(size).enumerate().map(piece).collect()
}
