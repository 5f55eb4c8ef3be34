//! Head: one direction of a conversation, put in order, as much of it as somebody is waiting for.
//!
//! Keeps: at most [`MAX_WAITING`] octets that a listener has not taken yet, and at most [`MAX_EARLY`] segments that came
//! before their turn. Drops: octets that were sent twice, octets that a listener skips (they are never copied), and
//! everything after the bound, which is counted as a hole. What was heard first wins where two segments overlap.

/// One direction of a conversation.
#[derive(Debug, Default)]
pub struct Head {
    /// In order, not yet taken. `taken` octets at its front are gone already: they are moved out when it grows.
    waiting: Vec<u8>,
    taken: usize,
    /// Octets still to be passed over without being kept.
    skip: u64,
    /// The sequence number that comes next; `None` until one was heard.
    next: Option<u32>,
    /// Segments that came too early.
    early: Vec<Early>,
    /// Holes met so far.
    holes: u32,
    /// Octets let go because of a bound.
    let_go: u64,
    /// A hole follows what waits: it is torn when the octets behind the hole come.
    hole_ahead: bool,
    /// A hole was met since the listener last asked.
    torn: bool,
    /// Octets accepted since the conversation began.
    heard: u64,
    /// No octet will follow.
    ended: bool,
}

#[derive(Debug)]
struct Early {
    seq: u32,
    octets: Box<[u8]>,
    /// Octets that were on the wire but not in the capture.
    missing: u32,
}

impl Head {
    /// The octets that are in order and not taken yet.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.waiting.get(self.taken..).unwrap_or_default()
    }

    /// Takes `len` octets away (or all that wait, if they are fewer).
    pub fn take(&mut self, len: usize) {
        self.taken = self.taken.saturating_add(len).min(self.waiting.len());
        if self.taken == self.waiting.len() {
            self.waiting.clear();
            self.taken = 0;
        }
    }

    /// Passes over `len` octets: those that wait, and those that are still to come. Nothing of them is kept, and a
    /// hole among them does not matter.
    pub fn skip(&mut self, len: u64) {
        let here = u64::try_from(self.octets().len()).unwrap_or(u64::MAX).min(len);
        self.take(usize::try_from(here).unwrap_or(usize::MAX));
        self.skip = self.skip.saturating_add(len.saturating_sub(here));
    }

    /// Whether octets are still being passed over.
    #[must_use]
    pub const fn is_skipping(&self) -> bool {
        self.skip > 0
    }

    /// Whether octets are missing before those that wait, since this was last asked. The octets before the hole are
    /// gone; a listener starts anew at the next message that it recognises.
    pub fn torn(&mut self) -> bool {
        core::mem::take(&mut self.torn)
    }

    /// Whether nothing will follow (FIN or RST).
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    /// Octets accepted since the conversation began, skipped ones included.
    #[must_use]
    pub const fn heard(&self) -> u64 {
        self.heard
    }

    /// Holes met, and octets let go because of a bound.
    #[must_use]
    pub const fn losses(&self) -> (u32, u64) {
        (self.holes, self.let_go)
    }

    /// The losses were counted.
    pub(crate) fn forget_losses(&mut self) {
        self.holes = 0;
        self.let_go = 0;
    }

    /// Octets held now: the table keeps the sum of all heads under its bound.
    #[must_use]
    pub fn held(&self) -> usize {
        self.early.iter().fold(self.waiting.capacity(), |n, e| n.saturating_add(e.octets.len()))
    }

    /// The side announced its first sequence number (SYN).
    pub(crate) fn begin(&mut self, seq: u32) {
        if self.next.is_none() {
            self.next = Some(seq.wrapping_add(1));
        }
    }

    /// No octet will follow.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// A segment: `octets` of it were captured, `missing` more were on the wire behind them. Gives back whether
    /// something new is waiting.
    pub(crate) fn segment(&mut self, seq: u32, octets: &[u8], missing: u32) -> bool {
        let next = *self.next.get_or_insert(seq);
        let ahead = seq.wrapping_sub(next);
        if ahead == 0 {
            self.accept(octets, missing);
        } else if ahead < WINDOW {
            self.keep_early(seq, octets, missing);
        } else {
            // Sent again: only what goes beyond what was heard is new.
            let known = usize::try_from(next.wrapping_sub(seq)).unwrap_or(usize::MAX);
            let length = u32::try_from(octets.len()).unwrap_or(u32::MAX).saturating_add(missing);
            if seq.wrapping_add(length).wrapping_sub(next) >= WINDOW || seq.wrapping_add(length) == next {
                return false;
            }
            match octets.get(known..) {
                Some(fresh) => self.accept(fresh, missing),
                None => self.lose(seq.wrapping_add(length).wrapping_sub(next)),
            }
        }
        self.take_early();
        true
    }

    /// Octets that are next in order.
    fn accept(&mut self, octets: &[u8], missing: u32) {
        let length = u32::try_from(octets.len()).unwrap_or(u32::MAX);
        self.next = self.next.map(|n| n.wrapping_add(length));
        self.heard = self.heard.saturating_add(u64::from(length));
        let passed = u64::from(length).min(self.skip);
        self.skip = self.skip.saturating_sub(passed);
        let fresh = octets.get(usize::try_from(passed).unwrap_or(usize::MAX)..).unwrap_or_default();
        if !fresh.is_empty() {
            self.wait(fresh);
        }
        if missing > 0 {
            self.lose(missing);
        }
    }

    /// Keeps octets for the listener, or lets go what is beyond the bound.
    fn wait(&mut self, fresh: &[u8]) {
        if self.hole_ahead {
            self.tear();
        }
        if self.taken > 0 {
            self.waiting.drain(..self.taken);
            self.taken = 0;
        }
        let room = MAX_WAITING.saturating_sub(self.waiting.len());
        let (kept, lost) = fresh.split_at_checked(room).unwrap_or((fresh, &[]));
        self.waiting.extend_from_slice(kept);
        if !lost.is_empty() {
            self.let_go = self.let_go.saturating_add(u64::try_from(lost.len()).unwrap_or(u64::MAX));
            self.holes = self.holes.saturating_add(1);
            self.tear();
        }
    }

    /// `len` octets are in order but were not captured.
    fn lose(&mut self, len: u32) {
        self.next = self.next.map(|n| n.wrapping_add(len));
        let passed = u64::from(len).min(self.skip);
        self.skip = self.skip.saturating_sub(passed);
        if u64::from(len) > passed {
            self.holes = self.holes.saturating_add(1);
            // The beginning of a message that was cut is often enough to know whose it is: it stays until more comes.
            if self.octets().is_empty() {
                self.tear();
            } else {
                self.hole_ahead = true;
            }
        }
    }

    /// What waits before a hole can never be completed.
    fn tear(&mut self) {
        self.hole_ahead = false;
        self.torn = true;
        self.waiting.clear();
        self.taken = 0;
    }

    /// A segment before its turn. When too many wait, the hole before the first of them is given up.
    fn keep_early(&mut self, seq: u32, octets: &[u8], missing: u32) {
        let held: usize = self.early.iter().map(|e| e.octets.len()).fold(0, usize::saturating_add);
        if self.early.len() >= MAX_EARLY || held.saturating_add(octets.len()) > MAX_EARLY_OCTETS {
            self.give_up_hole();
            // After that this segment may be next, or still early, or old: at most one more round.
            let next = self.next.unwrap_or(seq);
            if seq == next {
                self.accept(octets, missing);
                return;
            }
            if seq.wrapping_sub(next) >= WINDOW {
                return;
            }
        }
        let place = self.early.partition_point(|e| e.seq.wrapping_sub(seq) >= WINDOW);
        if self.early.get(place).is_some_and(|e| e.seq == seq && e.octets.len() >= octets.len()) {
            return;
        }
        self.early.insert(place, Early { seq, octets: octets.into(), missing });
    }

    /// The octets before the first early segment will not come: go on with it.
    pub(crate) fn give_up_hole(&mut self) {
        let (Some(first), Some(next)) = (self.early.first(), self.next) else { return };
        let ahead = first.seq.wrapping_sub(next);
        if ahead > 0 && ahead < WINDOW {
            self.lose(ahead);
        }
        self.take_early();
    }

    /// Early segments whose turn has come. Work is bounded by [`MAX_EARLY`].
    fn take_early(&mut self) {
        while let (Some(first), Some(next)) = (self.early.first(), self.next) {
            let ahead = first.seq.wrapping_sub(next);
            if ahead > 0 && ahead < WINDOW {
                return;
            }
            let first = self.early.remove(0);
            let known = usize::try_from(next.wrapping_sub(first.seq)).unwrap_or(usize::MAX);
            if let Some(fresh) = first.octets.get(known..) {
                self.accept(fresh, first.missing);
            }
        }
    }

    /// Nobody waits for this direction any more: frees what is held.
    pub(crate) fn close(&mut self) {
        self.waiting = Vec::new();
        self.early = Vec::new();
        self.taken = 0;
    }
}

/// Octets that may wait for a listener: an A-ASSOCIATE-RQ with the 128 presentation contexts that PS3.8 allows has up to
/// about 40 KiB. What is beyond is counted (`octets_let_go`).
pub const MAX_WAITING: usize = 48 * 1024;

/// Segments that may wait for their turn: a window of 64 KiB has about 45; a quarter of that is more than real
/// networks reorder, and losing more shows as a hole.
pub const MAX_EARLY: usize = 16;

/// Octets of them.
pub const MAX_EARLY_OCTETS: usize = 32 * 1024;

/// A sequence number less than this ahead is new, else it is old (RFC 9293, 3.4).
const WINDOW: u32 = 1 << 31;

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(h: &Head) -> String {
        String::from_utf8_lossy(h.octets()).into_owned()
    }

    #[test]
    fn segments_in_any_order_come_out_in_order() {
        let mut h = Head::default();
        h.begin(99);
        h.segment(104, b"efg", 0);
        h.segment(107, b"hi", 0);
        assert_eq!(waiting(&h), "");
        h.segment(100, b"abcd", 0);
        assert_eq!(waiting(&h), "abcdefghi");
        assert_eq!(h.losses(), (0, 0));
    }

    #[test]
    fn what_is_sent_again_is_heard_once_and_the_first_hearing_wins() {
        let mut h = Head::default();
        h.segment(100, b"abcd", 0);
        assert!(!h.segment(100, b"XXXX", 0));
        h.segment(102, b"XXef", 0);
        assert_eq!(waiting(&h), "abcdef");
    }

    #[test]
    fn a_sequence_number_wraps() {
        let mut h = Head::default();
        h.segment(u32::MAX - 1, b"abcd", 0);
        h.segment(2, b"ef", 0);
        assert_eq!(waiting(&h), "abcdef");
    }

    #[test]
    fn skipped_octets_are_never_kept_and_holes_in_them_do_not_matter() {
        let mut h = Head::default();
        h.segment(0, b"head", 0);
        h.take(4);
        h.skip(10);
        h.segment(4, b"body", 4);
        assert!(!h.torn());
        h.segment(12, b"dynext", 0);
        assert_eq!(waiting(&h), "next");
        assert_eq!(h.losses(), (0, 0));
    }

    #[test]
    fn a_frame_cut_by_the_capture_leaves_a_hole_that_is_said_once() {
        let mut h = Head::default();
        h.segment(0, b"abc", 7);
        assert_eq!(waiting(&h), "abc", "the beginning stays until more comes");
        assert!(!h.torn());
        h.segment(10, b"next", 0);
        assert!(h.torn());
        assert!(!h.torn());
        assert_eq!(waiting(&h), "next");
        assert_eq!(h.losses().0, 1);
    }

    #[test]
    fn a_segment_that_never_comes_is_given_up() {
        let mut h = Head::default();
        h.segment(0, b"a", 0);
        for i in 0..u32::try_from(MAX_EARLY).unwrap() + 1 {
            h.segment(10 + i * 2, b"xy", 0);
        }
        assert!(h.torn());
        assert!(!h.octets().is_empty());
    }

    #[test]
    fn no_more_than_the_bound_waits() {
        let mut h = Head::default();
        let big = vec![7u8; MAX_WAITING];
        h.segment(0, &big, 0);
        h.segment(u32::try_from(MAX_WAITING).unwrap(), b"one more", 0);
        assert!(h.torn());
        assert_eq!(h.losses(), (1, 8));
        assert!(h.held() <= MAX_WAITING * 2);
    }
}
