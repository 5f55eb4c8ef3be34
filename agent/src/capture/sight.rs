//! What kind of sight an interface gives: only this machine's own traffic, what is for all, one side or both sides of what
//! others say to each other, or what passes through this machine.
//!
//! Follows Ethernet (IEEE 802.3 clause 3, 802.1Q), IPv4 (RFC 791) and IPv6 (RFC 8200), as far as the two addresses of a frame.
//! Keeps: counters, and of up to [`PAIRS`] pairs which of the two was heard. Drops: the addresses themselves; a pair is a
//! hash that is kept nowhere else.

use super::{Frame, Link};
use core::hash::{BuildHasher, Hasher};
use core::net::IpAddr;
use std::hash::RandomState;

/// What an interface lets us hear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// No frame yet.
    #[default]
    Nothing,
    /// This machine's own traffic, and nothing else.
    Own,
    /// What is for all, and this machine's own traffic: a plain port of a switch.
    Broadcast,
    /// What others say to each other, but one side of it only.
    OneSide,
    /// What others say to each other through this machine: it is their router.
    Path,
    /// Both sides of what others say to each other.
    Both,
    /// The air.
    Air,
}

impl Sight {
    /// Every one.
    pub const ALL: [Sight; 7] =
        [Sight::Nothing, Sight::Own, Sight::Broadcast, Sight::OneSide, Sight::Path, Sight::Both, Sight::Air];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Sight::Nothing => "nothing",
            Sight::Own => "own-only",
            Sight::Broadcast => "broadcast-only",
            Sight::OneSide => "one-side",
            Sight::Path => "router-path",
            Sight::Both => "both-sides",
            Sight::Air => "air",
        }
    }

    /// What it is, for a person.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Sight::Nothing => "nothing at all",
            Sight::Own => "only this machine's own traffic",
            Sight::Broadcast => "only what is for all (broadcasts) and this machine's own traffic",
            Sight::OneSide => "only one side of what other hosts say to each other",
            Sight::Path => "both sides of what other hosts say to each other through this machine",
            Sight::Both => "both sides of what other hosts say to each other",
            Sight::Air => "the air",
        }
    }
}

/// The addresses of this machine, of all its interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// Hardware addresses.
    pub hardware: Vec<[u8; 6]>,
    /// IP addresses.
    pub addresses: Vec<IpAddr>,
}

/// What was counted of the frames of one interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Frames.
    pub frames: u64,
    /// Octets of these frames on the wire.
    pub octets: u64,
    /// Frames from or to this machine itself, not for all.
    pub own: u64,
    /// Frames for all or for a group.
    pub group: u64,
    /// Frames from one other host to another.
    pub foreign: u64,
    /// Those of them that are sent to or by this machine's hardware: it passes them on.
    pub passing: u64,
    /// Pairs of other hosts of whom at least one was heard.
    pub pairs: u64,
    /// Pairs of whom both were heard.
    pub answered: u64,
    /// Frames of the air.
    pub air: u64,
}

impl Counted {
    /// What kind of sight these counters show.
    ///
    /// A switch that does not know where a host is sends its frames to every port: a few frames of one side are no copy.
    /// A copy of one direction shows pairs of whom one never speaks; logs and alarms are one-sided in any network, so that
    /// a quarter of answered pairs counts as both sides.
    #[must_use]
    pub const fn sight(&self) -> Sight {
        let is_stray = self.foreign < FEWEST_FOREIGN || self.foreign.saturating_mul(STRAY_SHARE) < self.frames;
        if self.frames == 0 {
            Sight::Nothing
        } else if self.air.saturating_mul(2) > self.frames {
            Sight::Air
        } else if self.answered > 0 && self.answered.saturating_mul(4) >= self.pairs {
            if self.passing.saturating_mul(2) >= self.foreign { Sight::Path } else { Sight::Both }
        } else if self.foreign > 0 && !is_stray {
            Sight::OneSide
        } else if self.group > 0 || self.foreign > 0 {
            Sight::Broadcast
        } else {
            Sight::Own
        }
    }

    /// What was counted since an earlier look.
    #[must_use]
    pub const fn since(&self, earlier: &Counted) -> Counted {
        Counted {
            frames: self.frames.saturating_sub(earlier.frames),
            octets: self.octets.saturating_sub(earlier.octets),
            own: self.own.saturating_sub(earlier.own),
            group: self.group.saturating_sub(earlier.group),
            foreign: self.foreign.saturating_sub(earlier.foreign),
            passing: self.passing.saturating_sub(earlier.passing),
            pairs: self.pairs.saturating_sub(earlier.pairs),
            answered: self.answered.saturating_sub(earlier.answered),
            air: self.air.saturating_sub(earlier.air),
        }
    }
}

/// Counts the frames of one interface.
pub struct Tally {
    counted: Counted,
    own: Own,
    keyed: RandomState,
    /// At the place of a pair: its hash, and in its last two bits which of the two was heard.
    pairs: Box<[u64]>,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally::new(Own::default())
    }
}

impl Tally {
    /// Nothing was heard yet.
    #[must_use]
    pub fn new(own: Own) -> Tally {
        Tally { counted: Counted::default(), own, keyed: RandomState::new(), pairs: vec![0; PAIRS].into_boxed_slice() }
    }

    /// The addresses of this machine, as they are now.
    pub fn is_at(&mut self, own: &Own) {
        if self.own != *own {
            self.own = own.clone();
        }
    }

    /// What was counted.
    #[must_use]
    pub const fn counted(&self) -> Counted {
        self.counted
    }

    /// Counts a frame.
    pub fn take(&mut self, frame: &Frame<'_>) {
        let c = &mut self.counted;
        c.frames = c.frames.saturating_add(1);
        c.octets = c.octets.saturating_add(u64::from(frame.wire_octets));
        match frame.link {
            Link::Ethernet => self.ethernet(frame.octets),
            Link::RawIp | Link::Ppp => {
                // An interface without hardware addresses is the end of a line: what is not for us passes through us.
                if let Some((from, to)) = ip(frame.octets) {
                    self.between(from, to, true);
                }
            }
            Link::Ieee80211 | Link::Radiotap | Link::Ppi => c.air = c.air.saturating_add(1),
            Link::LinuxCooked | Link::LinuxCooked2 | Link::Loopback | Link::Other => {}
        }
    }

    fn ethernet(&mut self, octets: &[u8]) {
        let Some((to, rest)) = octets.split_first_chunk::<6>() else { return };
        let Some((from, rest)) = rest.split_first_chunk::<6>() else { return };
        let [first, ..] = *to;
        if first & 1 == 1 {
            self.counted.group = self.counted.group.saturating_add(1);
            return;
        }
        let is_ours = self.own.hardware.contains(from) || self.own.hardware.contains(to);
        match behind_tags(rest).and_then(ip) {
            Some((from, to)) => self.between(from, to, is_ours),
            None if is_ours => self.counted.own = self.counted.own.saturating_add(1),
            None => self.pair(from, to, false),
        }
    }

    fn between(&mut self, from: IpAddr, to: IpAddr, is_ours: bool) {
        if is_group(to) {
            self.counted.group = self.counted.group.saturating_add(1);
        } else if self.own.addresses.contains(&from) || self.own.addresses.contains(&to) {
            self.counted.own = self.counted.own.saturating_add(1);
        } else {
            let mapped = |a: IpAddr| match a {
                IpAddr::V4(a) => a.to_ipv6_mapped().octets(),
                IpAddr::V6(a) => a.octets(),
            };
            self.pair(&mapped(from), &mapped(to), is_ours);
        }
    }

    /// One of a pair of other hosts speaks to the other.
    fn pair(&mut self, from: &[u8], to: &[u8], passes: bool) {
        let c = &mut self.counted;
        c.foreign = c.foreign.saturating_add(1);
        c.passing = c.passing.saturating_add(u64::from(passes));
        let is_lower = from < to;
        let (low, high) = if is_lower { (from, to) } else { (to, from) };
        let mut hasher = self.keyed.build_hasher();
        hasher.write(low);
        hasher.write(high);
        let hash = hasher.finish();
        let side = if is_lower { 1 } else { 2 };
        let place = usize::try_from(hash >> 32).unwrap_or(0).checked_rem(PAIRS).unwrap_or(0);
        let Some(known) = self.pairs.get_mut(place) else { return };
        if *known & !3 != hash & !3 || *known & 3 == 0 {
            // A pair that is new, or was let go for another one of the same place.
            *known = hash & !3 | side;
            c.pairs = c.pairs.saturating_add(1);
        } else if *known & side == 0 {
            *known |= side;
            c.answered = c.answered.saturating_add(1);
        }
    }
}

/// What follows the hardware addresses and up to two VLAN tags, if it is IP.
fn behind_tags(mut octets: &[u8]) -> Option<&[u8]> {
    for _ in 0..=MAX_TAGS {
        let ([high, low], rest) = octets.split_first_chunk::<2>()?;
        octets = match u16::from_be_bytes([*high, *low]) {
            0x0800 | 0x86dd => return Some(rest),
            0x8100 | 0x88a8 => rest.get(2..)?,
            // PPPoE: six octets and the protocol, of which 0x21 and 0x57 are IP.
            0x8864 => return rest.get(8..),
            _ => return None,
        };
    }
    None
}

/// Source and destination of an IP header.
fn ip(octets: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let at = |from: usize| octets.get(from..);
    match octets.first()? >> 4 {
        4 => {
            let v4 = |from| at(from)?.first_chunk::<4>().map(|a| IpAddr::from(*a));
            Some((v4(12)?, v4(16)?))
        }
        6 => {
            let v6 = |from| at(from)?.first_chunk::<16>().map(|a| IpAddr::from(*a));
            Some((v6(8)?, v6(24)?))
        }
        _ => None,
    }
}

fn is_group(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => a.is_multicast() || a.is_broadcast(),
        IpAddr::V6(a) => a.is_multicast(),
    }
}

/// Pairs that are remembered: a clinic's 300 hosts and whom they talk to; who is pushed out is counted again. 8 KiB.
const PAIRS: usize = 1_024;
/// Fewer frames between others may have strayed here.
const FEWEST_FOREIGN: u64 = 20;
/// ... and so may less than a twentieth of all.
const STRAY_SHARE: u64 = 20;
/// 802.1Q and 802.1ad.
const MAX_TAGS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::time::Timestamp;

    const HERE: [u8; 6] = [2, 0, 0, 0, 0, 1];

    fn own() -> Own {
        Own { hardware: vec![HERE], addresses: vec!["192.168.20.2".parse().unwrap()] }
    }

    /// An IPv4 frame: hardware addresses by their last octet, then the last octets of two addresses in 192.168.20.0/24.
    fn frame(hardware: (u8, u8), hosts: (u8, u8), tags: usize) -> Vec<u8> {
        let mut octets = vec![2, 0, 0, 0, 0, hardware.1, 2, 0, 0, 0, 0, hardware.0];
        for _ in 0..tags {
            octets.extend([0x81, 0, 0, 20]);
        }
        octets.extend([8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0]);
        octets.extend([192, 168, 20, hosts.0, 192, 168, 20, hosts.1]);
        octets
    }

    fn hear(tally: &mut Tally, link: Link, octets: &[u8]) {
        let wire_octets = u32::try_from(octets.len()).unwrap();
        tally.take(&Frame { at: Timestamp(1), link, octets, wire_octets });
    }

    fn sight(frames: &[Vec<u8>]) -> Sight {
        let mut tally = Tally::new(own());
        frames.iter().for_each(|f| hear(&mut tally, Link::Ethernet, f));
        tally.counted().sight()
    }

    #[test]
    fn each_way_to_plug_in_shows_its_kind_of_sight() {
        let broadcast = || [vec![0xff; 6], vec![2, 0, 0, 0, 0, 9, 8, 6], vec![0; 28]].concat();
        let ours = || frame((1, 9), (2, 9), 0);
        let there = |n: u8| frame((7, 8), (n, 8), 0);
        let back = |n: u8| frame((8, 7), (8, n), 0);
        assert_eq!(sight(&[]), Sight::Nothing);
        assert_eq!(sight(&[ours(), ours()]), Sight::Own);
        assert_eq!(sight(&[ours(), broadcast()]), Sight::Broadcast);
        assert_eq!(sight(&[there(3), broadcast(), broadcast()]), Sight::Broadcast, "one frame strayed");
        let one_side: Vec<_> = (10..60).map(there).chain([broadcast()]).collect();
        assert_eq!(sight(&one_side), Sight::OneSide);
        let both: Vec<_> = (10..20).flat_map(|n| [there(n), back(n)]).chain([broadcast()]).collect();
        assert_eq!(sight(&both), Sight::Both);
        let tagged: Vec<_> = [frame((7, 8), (3, 8), 2), frame((8, 7), (8, 3), 1)].to_vec();
        assert_eq!(sight(&tagged), Sight::Both);
        let passing: Vec<_> = [frame((7, 1), (3, 8), 0), frame((1, 7), (8, 3), 0)].to_vec();
        assert_eq!(sight(&passing), Sight::Path);
    }

    #[test]
    fn what_is_no_ip_is_known_by_its_hardware_addresses() {
        let plain = |from: u8, to: u8| [vec![2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from], vec![0x88, 0xb5, 1]].concat();
        assert_eq!(sight(&[plain(7, 8), plain(8, 7)]), Sight::Both);
        assert_eq!(sight(&[plain(7, 1), plain(1, 7)]), Sight::Own);
    }

    #[test]
    fn a_line_without_hardware_addresses_passes_what_is_not_ours_and_the_air_is_the_air() {
        let mut tally = Tally::new(own());
        hear(&mut tally, Link::RawIp, &frame((0, 0), (3, 8), 0)[14..]);
        hear(&mut tally, Link::RawIp, &frame((0, 0), (8, 3), 0)[14..]);
        assert_eq!(tally.counted().sight(), Sight::Path);
        let mut tally = Tally::new(own());
        hear(&mut tally, Link::Radiotap, &[0; 30]);
        assert_eq!(tally.counted().sight(), Sight::Air);
    }

    #[test]
    fn frames_that_end_anywhere_are_counted_and_no_more() {
        let whole = frame((7, 8), (3, 8), 2);
        for link in [Link::Ethernet, Link::RawIp, Link::Other] {
            let mut tally = Tally::new(own());
            for end in 0..whole.len() {
                hear(&mut tally, link, &whole[..end]);
            }
            assert_eq!(tally.counted().frames, u64::try_from(whole.len()).unwrap());
        }
    }

    #[test]
    fn more_pairs_than_there_is_room_for_are_still_seen_from_both_sides() {
        let mut tally = Tally::new(own());
        for n in 0..20_000u32 {
            let [_, b, c, d] = n.to_be_bytes();
            let mut there = frame((7, 8), (3, 8), 0);
            there[26..30].copy_from_slice(&[10, b, c, d]);
            let mut back = frame((8, 7), (8, 3), 0);
            back[30..34].copy_from_slice(&[10, b, c, d]);
            hear(&mut tally, Link::Ethernet, &there);
            hear(&mut tally, Link::Ethernet, &back);
        }
        let counted = tally.counted();
        assert_eq!((counted.sight(), counted.frames), (Sight::Both, 40_000));
        assert_eq!((counted.pairs, counted.answered), (20_000, 20_000));
    }

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        let words: std::collections::BTreeSet<_> = Sight::ALL.iter().map(|s| s.word()).collect();
        assert_eq!(words.len(), Sight::ALL.len());
    }
}
