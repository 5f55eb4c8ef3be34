//! What kind of sight an interface gives: its frames counted by whom they are for (IEEE 802.3 addresses, RFC 791, RFC 8200), and
//! its conversations by how many of their sides are heard.
//!
//! Keeps: counts. Of conversations a hash, until the window ends, of the first [`PLACES`] that find a place: what is asked is which
//! part of them has both sides, not how many there are. Drops: every octet. A frame is read once, to its ports, without allocation.

use super::{Frame, Link};
use core::net::IpAddr;

/// Who this machine is at an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Us {
    /// Its hardware address; none where there are none, or where the frames are of a file.
    pub hardware: Option<[u8; 6]>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether others go to the internet under its address, so that their frames cannot be told from its own.
    pub is_way_out: bool,
}

/// What was counted. Each only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames.
    pub frames: u64,
    /// Octets of these frames on the wire.
    pub octets: u64,
    /// For all or for many.
    pub group: u64,
    /// For one, from or to this machine itself.
    pub own: u64,
    /// For one, of others, through this machine.
    pub passed: u64,
    /// For one, between others.
    pub others: u64,
    /// Of the air.
    pub radio: u64,
    /// Conversations of others.
    pub conversations: u64,
    /// Of these, with both sides.
    pub both_sides: u64,
}

/// Counts the frames of one interface.
#[derive(Debug)]
pub struct Tally {
    us: Us,
    counts: Counts,
    /// Hash and sides of conversations; 0 is nobody.
    talks: Box<[(u32, u8)]>,
}

/// To whom a frame belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Group,
    Own,
    Passed,
    Others,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally::new(Us::default())
    }
}

impl Tally {
    /// Nothing yet.
    #[must_use]
    pub fn new(us: Us) -> Tally {
        Tally { us, counts: Counts::default(), talks: vec![(0, 0); PLACES].into_boxed_slice() }
    }

    /// This machine has another address there.
    pub fn is(&mut self, us: Us) {
        self.us = us;
    }

    /// What was counted since the beginning.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// A window ended: its conversations are counted anew in the next.
    pub fn turn(&mut self) {
        self.talks.fill((0, 0));
    }

    /// Counts a frame.
    pub fn hear(&mut self, frame: &Frame<'_>) {
        let counts = &mut self.counts;
        counts.frames = counts.frames.saturating_add(1);
        counts.octets = counts.octets.saturating_add(u64::from(frame.wire_octets));
        let (whose, packet) = match frame.link {
            Link::Ethernet => self.by_hardware(frame.octets),
            Link::RawIp => {
                let packet = Ip::read(frame.octets);
                (packet.as_ref().map_or(Whose::Own, |p| self.by_address(p)), packet)
            }
            Link::Ieee80211 | Link::Radiotap | Link::Ppi | Link::Prism | Link::Avs => {
                counts.radio = counts.radio.saturating_add(1);
                return;
            }
            // Of a capture file: whose machine it was does not stand there.
            Link::LinuxCooked => between(frame.octets.get(16..)),
            Link::LinuxCooked2 => between(frame.octets.get(20..)),
            Link::Loopback => between(frame.octets.get(4..)),
            Link::CiscoHdlc => between(frame.octets.get(4..)),
            Link::Ppp => between(frame.octets.strip_prefix(&[0xff, 0x03]).unwrap_or(frame.octets).get(2..)),
            Link::Other => return,
        };
        let counts = &mut self.counts;
        let count = match whose {
            Whose::Group => &mut counts.group,
            Whose::Own => &mut counts.own,
            Whose::Passed => &mut counts.passed,
            Whose::Others => &mut counts.others,
        };
        *count = count.saturating_add(1);
        if let (Whose::Passed | Whose::Others, Some(talk)) = (whose, packet.and_then(|p| p.talk())) {
            self.talk(talk);
        }
    }

    fn by_hardware<'f>(&self, octets: &'f [u8]) -> (Whose, Option<Ip<'f>>) {
        let (Some(to), Some(from)) = (octets.get(..6), octets.get(6..12)) else { return (Whose::Group, None) };
        if to.first().is_some_and(|o| o & 1 == 1) {
            return (Whose::Group, None);
        }
        let packet = behind_ethernet(octets).and_then(Ip::read);
        let is_ours = self.us.hardware.is_some_and(|us| us == *to || us == *from);
        match &packet {
            _ if !is_ours => (Whose::Others, packet),
            Some(inner) => (self.by_address(inner), packet),
            None => (Whose::Own, None),
        }
    }

    /// Of what passes this machine, what is its own.
    fn by_address(&self, packet: &Ip<'_>) -> Whose {
        if packet.to.is_multicast() || packet.to == IpAddr::V4(core::net::Ipv4Addr::BROADCAST) {
            Whose::Group
        } else if !self.us.is_way_out && self.us.addresses.iter().any(|us| *us == packet.from || *us == packet.to) {
            Whose::Own
        } else {
            Whose::Passed
        }
    }

    /// One side of a conversation was heard.
    fn talk(&mut self, (hash, side): (u32, u8)) {
        let place = usize::try_from(hash).unwrap_or(0) % PLACES;
        let Some(slot) = self.talks.get_mut(place) else { return };
        if slot.0 == 0 {
            *slot = (hash, side);
            self.counts.conversations = self.counts.conversations.saturating_add(1);
        } else if slot.0 == hash && slot.1 | side != slot.1 {
            slot.1 |= side;
            self.counts.both_sides = self.counts.both_sides.saturating_add(1);
        }
    }
}

/// A packet of which only the addresses of IP are known.
fn between(octets: Option<&[u8]>) -> (Whose, Option<Ip<'_>>) {
    let packet = octets.and_then(Ip::read);
    let is_group = packet.as_ref().is_none_or(|p| p.to.is_multicast());
    (if is_group { Whose::Group } else { Whose::Others }, packet)
}

/// What is behind an Ethernet header, its VLAN tags (802.1Q, 802.1ad) and a PPPoE session's header (RFC 2516), if it is IP.
fn behind_ethernet(octets: &[u8]) -> Option<&[u8]> {
    let mut at = 12usize;
    for _ in 0..MOST_TAGS {
        let kind = u16::from_be_bytes(*octets.get(at..)?.first_chunk()?);
        let rest = octets.get(at.saturating_add(2)..)?;
        match kind {
            0x0800 | 0x86dd => return Some(rest),
            0x8100 | 0x88a8 | 0x9100 => at = at.saturating_add(4),
            0x8864 => return rest.get(8..),
            _ => return None,
        }
    }
    None
}

/// An IP packet, as far as its addresses.
struct Ip<'f> {
    from: IpAddr,
    to: IpAddr,
    protocol: u8,
    rest: &'f [u8],
}

impl Ip<'_> {
    fn read(octets: &[u8]) -> Option<Ip<'_>> {
        let first = *octets.first()?;
        if first >> 4 == 4 {
            let from: [u8; 4] = *octets.get(12..)?.first_chunk()?;
            let to: [u8; 4] = *octets.get(16..)?.first_chunk()?;
            // Only the first fragment has ports.
            let is_first = u16::from_be_bytes(*octets.get(6..)?.first_chunk()?) & 0x1fff == 0;
            let rest = octets.get(usize::from(first & 15).saturating_mul(4)..)?;
            let protocol = if is_first { *octets.get(9)? } else { 0 };
            Some(Ip { from: from.into(), to: to.into(), protocol, rest })
        } else if first >> 4 == 6 {
            let from: [u8; 16] = *octets.get(8..)?.first_chunk()?;
            let to: [u8; 16] = *octets.get(24..)?.first_chunk()?;
            Some(Ip { from: from.into(), to: to.into(), protocol: *octets.get(6)?, rest: octets.get(40..)? })
        } else {
            None
        }
    }

    /// The conversation that it is of, as a hash that is the same from both sides and never 0, and the side that speaks. What says
    /// nothing but SYN or RST is none: whoever knocks makes no conversation.
    fn talk(&self) -> Option<(u32, u8)> {
        let is_talk = match self.protocol {
            6 => self.rest.get(13).is_some_and(|flags| flags & ACK != 0 && flags & (SYN | RST) == 0),
            17 => true,
            _ => false,
        };
        let ports: [u8; 4] = *self.rest.first_chunk().filter(|_| is_talk)?;
        let [a, b, c, d] = ports.map(u64::from);
        let ends = (end(self.from, a << 8 | b), end(self.to, c << 8 | d));
        let (low, high, side) = if ends.0 <= ends.1 { (ends.0, ends.1, 1) } else { (ends.1, ends.0, 2) };
        let mixed = low.rotate_left(23).wrapping_add(high).wrapping_mul(MIX);
        let hash = u32::try_from(mixed >> 32).unwrap_or(0) | 1 << 31;
        Some((hash, side))
    }
}

/// An end of a conversation as a number. That two ends may have the same makes one count less, and no harm.
fn end(address: IpAddr, port: u64) -> u64 {
    let number = match address {
        IpAddr::V4(a) => u64::from(u32::from(a)),
        IpAddr::V6(a) => a.octets().iter().fold(0, |n: u64, o| n.wrapping_mul(257).wrapping_add(u64::from(*o))),
    };
    (number << 16 ^ port).wrapping_mul(MIX)
}

/// Conversations of a window that are looked at, 8 octets each: enough to tell a part by, and nothing to a flood, which fills them
/// with what has one side only if it makes whole conversations.
pub const PLACES: usize = 1_024;
/// Two tags, and what is behind them.
const MOST_TAGS: usize = 3;
/// An odd number whose bits are well mixed (2^64 over the golden ratio).
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
/// RFC 9293, 3.1.
const ACK: u8 = 0x10;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may stop")]
mod tests {
    use super::*;
    use auscult_report::time::Timestamp;

    const US: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const OTHER: [u8; 6] = [2, 0, 0, 0, 0, 2];
    const THIRD: [u8; 6] = [2, 0, 0, 0, 0, 3];
    const ROUTER: [u8; 4] = [192, 168, 20, 1];

    fn tally(is_way_out: bool) -> Tally {
        let addresses = vec![IpAddr::from(ROUTER)];
        Tally::new(Us { hardware: Some(US), addresses, is_way_out })
    }

    /// A segment with an acknowledgement.
    fn segment(macs: [[u8; 6]; 2], from: ([u8; 4], u16), to: ([u8; 4], u16), flags: u8) -> Vec<u8> {
        let mut frame = [macs[1], macs[0]].concat();
        frame.extend([0x08, 0x00]);
        frame.extend([0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0]);
        frame.extend([from.0, to.0].concat());
        frame.extend([from.1.to_be_bytes(), to.1.to_be_bytes()].concat());
        frame.extend([0; 8]);
        frame.extend([0x50, flags, 0, 0, 0, 0, 0, 0]);
        frame
    }

    fn hear(tally: &mut Tally, link: Link, octets: &[u8]) {
        let wire_octets = u32::try_from(octets.len()).unwrap();
        tally.hear(&Frame { at: Timestamp(0), link, octets, wire_octets, domain: None });
    }

    #[test]
    fn frames_are_counted_by_whom_they_are_for() {
        let (client, far) = (([192, 168, 20, 9], 50_000), ([203, 0, 113, 5], 443));
        let through = segment([OTHER, US], client, far, ACK);
        let own = segment([OTHER, US], client, (ROUTER, 22), ACK);
        let others = segment([OTHER, THIRD], client, ([192, 168, 20, 8], 104), ACK);
        let all = segment([OTHER, [0xff; 6]], client, ([255; 4], 9), ACK);
        let mut counted = tally(false);
        [&through, &own, &others, &all].iter().for_each(|frame| hear(&mut counted, Link::Ethernet, frame));
        let counts = counted.counts();
        assert_eq!((counts.frames, counts.passed, counts.own, counts.others, counts.group), (4, 1, 1, 1, 1));
        assert_eq!((counts.conversations, counts.both_sides), (2, 0));
        // Behind NAT all that is for one is for others.
        let mut wan = tally(true);
        hear(&mut wan, Link::Ethernet, &own);
        assert_eq!((wan.counts().own, wan.counts().passed), (0, 1));
        // A way without Ethernet, and the air.
        hear(&mut counted, Link::RawIp, &through[14..]);
        hear(&mut counted, Link::RawIp, &own[14..]);
        hear(&mut counted, Link::Radiotap, &[0; 30]);
        hear(&mut counted, Link::LinuxCooked, &[&[0; 16][..], &others[14..]].concat());
        let counts = counted.counts();
        assert_eq!((counts.passed, counts.own, counts.radio, counts.others, counts.frames), (2, 2, 1, 2, 8));
    }

    #[test]
    fn both_sides_of_a_conversation_are_one_conversation_also_behind_tags_and_pppoe() {
        let (a, b) = (([192, 168, 20, 9], 50_000), ([203, 0, 113, 5], 443));
        let sides = [segment([OTHER, THIRD], a, b, ACK), segment([THIRD, OTHER], b, a, ACK)];
        let tagged = |frame: &[u8]| [&frame[..12], &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6], &frame[12..]].concat();
        let session =
            |frame: &[u8]| [&frame[..12], &[0x88, 0x64, 0x11, 0, 0, 1, 0, 42, 0, 0x21], &frame[14..]].concat();
        for wrapped in [sides.clone(), sides.clone().map(|s| tagged(&s)), sides.clone().map(|s| session(&s))] {
            let mut counted = tally(false);
            for _ in 0..3 {
                wrapped.iter().for_each(|side| hear(&mut counted, Link::Ethernet, side));
            }
            let counts = counted.counts();
            assert_eq!((counts.others, counts.conversations, counts.both_sides), (6, 1, 1));
            counted.turn();
            hear(&mut counted, Link::Ethernet, &wrapped[0]);
            assert_eq!((counted.counts().conversations, counted.counts().both_sides), (2, 1), "a window of its own");
        }
    }

    #[test]
    fn a_flood_of_calls_makes_no_conversation_and_a_crowd_is_told_by_its_share() {
        let mut counted = tally(false);
        for n in 0..5_000u16 {
            hear(&mut counted, Link::Ethernet, &segment([OTHER, THIRD], ([10, 0, 0, 1], n), ([10, 0, 0, 2], 80), SYN));
        }
        assert_eq!(counted.counts().conversations, 0);
        for n in 0..20_000u16 {
            hear(&mut counted, Link::Ethernet, &segment([OTHER, THIRD], ([10, 0, 0, 1], n), ([10, 0, 0, 2], 80), ACK));
        }
        for n in 0..20_000u16 {
            hear(&mut counted, Link::Ethernet, &segment([THIRD, OTHER], ([10, 0, 0, 2], 80), ([10, 0, 0, 1], n), ACK));
        }
        let Counts { conversations, both_sides, .. } = counted.counts();
        assert!((900..=1_024).contains(&conversations) && both_sides == conversations, "{conversations} {both_sides}");
    }

    #[test]
    fn no_frame_is_too_short_or_too_strange() {
        let whole = segment([OTHER, THIRD], ([10, 0, 0, 1], 1), ([10, 0, 0, 2], 2), ACK);
        let mut counted = tally(false);
        let mut heard = 0;
        for link in [Link::Ethernet, Link::RawIp, Link::Ppp, Link::Other, Link::LinuxCooked2] {
            for at in 0..=whole.len() {
                hear(&mut counted, link, &whole[..at]);
                let mut changed = whole.clone();
                changed[at.min(whole.len() - 1)] ^= 0xff;
                hear(&mut counted, link, &changed);
                heard += 2;
            }
        }
        assert_eq!(counted.counts().frames, heard);
    }
}
