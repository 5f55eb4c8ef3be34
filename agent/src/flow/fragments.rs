//! Fragments: the parts of one IP packet (RFC 791 3.2, RFC 8200 4.5), put together again.
//!
//! Keeps: at most [`MOST_PACKETS`] packets that are not whole yet, for [`KEPT_MS`], and [`MOST_HELD`] of their octets. Drops, and
//! counts part by part: the oldest when there is no room; a packet whose parts overlap (RFC 5722), contradict each other, or go on
//! behind its end.

use crate::wire::internet::Fragment;
use auscult_report::time::Timestamp;
use core::net::IpAddr;

/// Packets that are not whole yet, the oldest first.
#[derive(Debug, Default)]
pub struct Fragments {
    packets: Vec<Packet>,
    held: usize,
    let_go: u64,
}

/// A packet that is whole again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// What it carries, as far as captured.
    pub octets: Vec<u8>,
    /// Octets that were on the wire behind these but not in the capture.
    pub missing: u32,
}

#[derive(Debug)]
struct Packet {
    name: Name,
    since: Timestamp,
    parts: Vec<Part>,
    /// How long it is, once its last part was heard.
    length: Option<u32>,
}

/// Whose packet it is: source, destination, protocol, identification.
type Name = (IpAddr, IpAddr, u8, u32);

#[derive(Debug)]
struct Part {
    offset: u32,
    octets: Box<[u8]>,
    missing: u32,
}

impl Fragments {
    /// Hears a part; gives the packet, if it is whole now.
    pub fn hear(&mut self, at: Timestamp, fragment: &Fragment<'_>) -> Option<Whole> {
        self.forget_old(at);
        let name = (fragment.source, fragment.destination, fragment.protocol, fragment.identification);
        let place = self.packets.iter().position(|packet| packet.name == name).unwrap_or_else(|| {
            self.packets.push(Packet { name, since: at, parts: Vec::new(), length: None });
            self.packets.len().saturating_sub(1)
        });
        match self.packets.get_mut(place)?.take(fragment) {
            Taken::Again => return None,
            Taken::Wrong => {
                self.let_go = self.let_go.saturating_add(1);
                self.forget(place);
                return None;
            }
            Taken::New => self.held = self.held.saturating_add(fragment.payload.len()),
        }
        let whole = self.packets.get(place).and_then(Packet::whole);
        if whole.is_some() {
            let packet = self.packets.remove(place);
            self.held = self.held.saturating_sub(packet.held());
            return whole;
        }
        while self.packets.len() > MOST_PACKETS || self.held > MOST_HELD {
            self.forget(0);
        }
        None
    }

    /// Nothing more will be heard: what is not whole never will be.
    pub fn finish(&mut self) {
        while !self.packets.is_empty() {
            self.forget(0);
        }
    }

    /// Parts that were let go since this was asked last.
    pub fn take_let_go(&mut self) -> u64 {
        core::mem::take(&mut self.let_go)
    }

    fn forget_old(&mut self, at: Timestamp) {
        while self.packets.first().is_some_and(|packet| packet.since.0.abs_diff(at.0) > KEPT_MS) {
            self.forget(0);
        }
    }

    fn forget(&mut self, place: usize) {
        if place < self.packets.len() {
            let packet = self.packets.remove(place);
            self.held = self.held.saturating_sub(packet.held());
            self.let_go = self.let_go.saturating_add(u64::try_from(packet.parts.len()).unwrap_or(u64::MAX));
        }
    }
}

/// What became of a part.
enum Taken {
    New,
    /// It was heard before, the very same place.
    Again,
    /// It does not go with the others.
    Wrong,
}

impl Packet {
    fn take(&mut self, fragment: &Fragment<'_>) -> Taken {
        let Fragment { offset, more, payload, missing, .. } = *fragment;
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).saturating_add(missing);
        let end = offset.saturating_add(length);
        if length == 0 || end > MOST_LENGTH || (more && !length.is_multiple_of(8)) {
            return Taken::Wrong;
        }
        if self.parts.iter().any(|part| part.offset == offset && part.end() == end) {
            return Taken::Again;
        }
        let overlaps = self.parts.iter().any(|part| part.offset < end && offset < part.end());
        let last = if more { self.length } else { Some(end) };
        let is_behind = last.is_some_and(|last| end > last || self.parts.iter().any(|part| part.end() > last));
        if overlaps || is_behind || (!more && self.length.is_some()) || self.parts.len() >= MOST_PARTS {
            return Taken::Wrong;
        }
        self.length = last;
        self.parts.push(Part { offset, octets: payload.into(), missing });
        Taken::New
    }

    /// Parts do not overlap, and none lies behind the end: if they are as long together as the packet, it is whole.
    fn whole(&self) -> Option<Whole> {
        let length = self.length?;
        let sum = self.parts.iter().fold(0u32, |sum, part| sum.saturating_add(part.length()));
        if sum != length {
            return None;
        }
        let mut order: Vec<&Part> = self.parts.iter().collect();
        order.sort_by_key(|part| part.offset);
        let mut octets = Vec::with_capacity(self.held());
        for part in order {
            octets.extend_from_slice(&part.octets);
            if part.missing > 0 {
                break;
            }
        }
        let missing = length.saturating_sub(u32::try_from(octets.len()).unwrap_or(u32::MAX));
        Some(Whole { octets, missing })
    }

    fn held(&self) -> usize {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(part.octets.len()))
    }
}

impl Part {
    fn length(&self) -> u32 {
        u32::try_from(self.octets.len()).unwrap_or(u32::MAX).saturating_add(self.missing)
    }

    fn end(&self) -> u32 {
        self.offset.saturating_add(self.length())
    }
}

/// Packets that are put together at one time: their parts follow each other at once, from a few hosts.
const MOST_PACKETS: usize = 32;
/// Octets of all of them: two of the longest.
const MOST_HELD: usize = 128 * 1024;
/// How long a packet may take (RFC 8200 4.5 gives it 60 seconds, Linux 30).
const KEPT_MS: u64 = 30_000;
/// The longest packet: its length has 16 bits.
const MOST_LENGTH: u32 = 65_535;
/// Parts of a packet: the longest one over a link of 576 octets has 119.
const MOST_PARTS: usize = 128;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;

    const AT: Timestamp = Timestamp(1_795_219_200_000);

    fn part(identification: u32, offset: u32, more: bool, payload: &[u8]) -> Fragment<'_> {
        let address = |n| IpAddr::V4(Ipv4Addr::new(192, 168, 20, n));
        let (source, destination) = (address(1), address(2));
        Fragment { source, destination, protocol: 17, identification, offset, more, ttl: 64, payload, missing: 0 }
    }

    #[test]
    fn parts_become_a_packet_in_any_order_and_sent_twice() {
        let octets: Vec<u8> = (0..40).collect();
        let parts =
            [part(1, 0, true, &octets[..16]), part(1, 16, true, &octets[16..32]), part(1, 32, false, &octets[32..])];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let mut table = Fragments::default();
            assert_eq!(table.hear(AT, &parts[order[0]]), None);
            assert_eq!(table.hear(AT, &parts[order[0]]), None, "again");
            assert_eq!(table.hear(AT, &parts[order[1]]), None);
            let whole = table.hear(AT, &parts[order[2]]).unwrap();
            assert_eq!((whole.octets, whole.missing), (octets.clone(), 0));
            assert_eq!((table.held, table.packets.len(), table.take_let_go()), (0, 0, 0));
        }
    }

    #[test]
    fn what_a_capture_cut_is_missing_from_there_on() {
        let mut table = Fragments::default();
        let cut = Fragment { missing: 8, ..part(1, 0, true, &[1; 8]) };
        assert_eq!(table.hear(AT, &cut), None);
        let whole = table.hear(AT, &part(1, 16, false, &[2; 4])).unwrap();
        assert_eq!((whole.octets, whole.missing), (vec![1; 8], 12));
    }

    #[test]
    fn packets_of_two_hosts_and_two_numbers_are_not_mixed() {
        let mut table = Fragments::default();
        let other = Fragment { source: IpAddr::V4(Ipv4Addr::LOCALHOST), ..part(1, 8, false, &[3; 4]) };
        assert_eq!(table.hear(AT, &part(1, 0, true, &[1; 8])), None);
        assert_eq!(table.hear(AT, &part(2, 8, false, &[2; 4])), None);
        assert_eq!(table.hear(AT, &other), None);
        assert_eq!(table.packets.len(), 3);
        assert!(table.hear(AT, &part(1, 8, false, &[4; 4])).is_some());
    }

    #[test]
    fn parts_that_overlap_or_contradict_end_their_packet() {
        for (one, two) in [
            (part(1, 0, true, &[1; 16]), part(1, 8, false, &[2; 16])), // overlap
            (part(1, 8, false, &[1; 8]), part(1, 16, true, &[2; 8])),  // behind the end
            (part(1, 16, true, &[1; 8]), part(1, 0, false, &[2; 8])),  // an end before what was heard
            (part(1, 8, false, &[1; 8]), part(1, 24, false, &[2; 8])), // two ends
        ] {
            let mut table = Fragments::default();
            assert_eq!(table.hear(AT, &one), None);
            assert_eq!(table.hear(AT, &two), None);
            assert_eq!((table.packets.len(), table.held, table.take_let_go()), (0, 0, 2), "{two:?}");
        }
        let mut table = Fragments::default();
        for wrong in [part(1, 0, true, &[1; 7]), part(1, 65_528, false, &[1; 8]), part(1, 8, false, &[])] {
            assert_eq!(table.hear(AT, &wrong), None);
        }
        assert_eq!((table.packets.len(), table.take_let_go()), (0, 3));
    }

    #[test]
    fn nothing_is_held_beyond_the_bounds_of_number_octets_and_time() {
        let mut table = Fragments::default();
        for n in 0..1_000 {
            assert_eq!(table.hear(AT, &part(n, 0, true, &[0; 8])), None);
            assert!(table.packets.len() <= MOST_PACKETS);
        }
        assert_eq!(table.take_let_go(), 1_000 - u64::try_from(MOST_PACKETS).unwrap());
        for n in 0..100 {
            assert_eq!(table.hear(AT, &part(n, 0, true, &[0; 8_192])), None);
            assert!(table.held <= MOST_HELD, "{}", table.held);
        }
        let later = Timestamp(AT.0 + KEPT_MS + 1);
        assert_eq!(table.hear(later, &part(7, 0, true, &[0; 8])), None);
        assert_eq!((table.packets.len(), table.held), (1, 8));
        assert_eq!(table.hear(AT, &part(8, 0, true, &[0; 8])), None, "the clock was set back");
        assert_eq!(table.packets.len(), 1);
        for n in 0..1_000 {
            assert_eq!(table.hear(AT, &part(8, 8 + n * 8, true, &[0; 8])), None);
        }
        assert!(table.packets.iter().all(|packet| packet.parts.len() <= MOST_PARTS));
        let _ = (table.finish(), table.take_let_go());
        assert_eq!(table.hear(AT, &part(9, 0, true, &[0; 8])), None);
        table.finish();
        assert_eq!(
            (table.packets.len(), table.held, table.take_let_go()),
            (0, 0, 1),
            "what never became whole is counted"
        );
    }
}
