//! One direction of an HTTP/1.x conversation (RFC 9112), message by message: which octets are a head, which a body.
//!
//! Keeps: where in a message it stands. Drops: every body that nobody wants (they are passed over without a copy) and
//! whatever stands between a hole and the next head that parses.

use crate::flow::head::Head;
use crate::wire::WireError;
use crate::wire::http::{self, Begins, Framing};

/// Follows one direction.
#[derive(Debug)]
pub(super) struct Side {
    step: Step,
    /// Whether the listener still wants the body in hand.
    wanted: bool,
    /// Octets of bodies that went by.
    carried: u64,
    /// Octets let go since a head was last recognised.
    adrift: u64,
}

/// Who listens to the messages of one direction.
pub(super) trait Hears {
    /// Whether a head may begin with these octets.
    fn begins(octets: &[u8]) -> Begins;
    /// Where a head may begin after a hole, or how many octets can be let go.
    fn find(octets: &[u8]) -> Result<usize, usize>;
    /// A complete head; `look` says whether its body may be looked at.
    fn head(&mut self, octets: &[u8], look: bool) -> Result<Body, WireError>;
    /// The next octets of the body; gives back whether it wants more of them.
    fn piece(&mut self, octets: &[u8]) -> bool;
    /// The message ended, or (`whole` is false) its rest is lost.
    fn end(&mut self, whole: bool);
    /// A message was lost: nobody knows how many.
    fn lost(&mut self);
    /// Another protocol begins where this message ended.
    fn is_over(&self) -> bool {
        false
    }
}

/// The body that follows a head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body {
    /// Where it ends.
    pub(super) framing: Framing,
    /// Whether its octets are wanted.
    pub(super) wanted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Before or in a head, of which so many octets were searched for its end.
    Head { searched: usize },
    /// In a body of known length.
    Octets { left: u64 },
    /// Before the size of a chunk.
    ChunkSize,
    /// In a chunk.
    Chunk { left: u64 },
    /// Before the end of line behind a chunk.
    ChunkEnd,
    /// Behind the last chunk.
    Trailer,
    /// In a body that ends with the connection.
    UntilClose,
    /// Behind a hole: the next head is sought.
    Adrift,
    /// Nothing more can be learnt.
    Closed,
}

impl Side {
    /// Before the first octet.
    pub(super) const fn new() -> Side {
        Side { step: Step::Head { searched: 0 }, wanted: false, carried: 0, adrift: 0 }
    }

    /// Takes every message that is complete, and every piece of a body. The work is bounded by the octets that wait:
    /// each step takes some, or leaves a body.
    pub(super) fn hear<H: Hears>(&mut self, head: &mut Head, ears: &mut H) {
        while !ears.is_over() && self.next(head, ears) {}
        if head.is_ended() && head.octets().is_empty() {
            match self.step {
                Step::UntilClose => ears.end(true),
                Step::Octets { .. } | Step::ChunkSize | Step::Chunk { .. } | Step::ChunkEnd | Step::Trailer => {
                    ears.end(false);
                }
                Step::Head { .. } | Step::Adrift | Step::Closed => return,
            }
            self.step = Step::Closed;
        }
    }

    /// The octets before those that wait are gone.
    pub(super) fn torn<H: Hears>(&mut self, ears: &mut H) {
        if self.step != Step::Closed {
            self.lose(ears);
        }
    }

    /// Whether nothing more can be learnt from this direction.
    pub(super) fn is_closed(&self) -> bool {
        self.step == Step::Closed
    }

    fn lose<H: Hears>(&mut self, ears: &mut H) {
        if !matches!(self.step, Step::Head { .. } | Step::Adrift) {
            ears.end(false);
        }
        ears.lost();
        self.step = Step::Adrift;
    }

    /// One step; false if more octets are needed.
    fn next<H: Hears>(&mut self, head: &mut Head, ears: &mut H) -> bool {
        match self.step {
            Step::Head { searched } => self.message_head(head, ears, searched),
            Step::Octets { left } => match self.body(head, ears, left) {
                None => {
                    self.finish(ears);
                    true
                }
                Some(rest) => {
                    self.step = Step::Octets { left: rest };
                    rest < left
                }
            },
            Step::Chunk { left } => match self.body(head, ears, left) {
                None => {
                    self.step = Step::ChunkEnd;
                    true
                }
                Some(rest) => {
                    self.step = Step::Chunk { left: rest };
                    rest < left
                }
            },
            Step::UntilClose => match self.body(head, ears, u64::MAX) {
                None => {
                    self.finish(ears);
                    self.step = Step::Closed;
                    false
                }
                Some(_) => !head.octets().is_empty(),
            },
            Step::ChunkSize | Step::ChunkEnd | Step::Trailer => self.body_line(head, ears),
            Step::Adrift => self.seek::<H>(head),
            Step::Closed => {
                head.skip(u64::MAX);
                false
            }
        }
    }

    fn finish<H: Hears>(&mut self, ears: &mut H) {
        ears.end(true);
        self.step = Step::Head { searched: 0 };
    }

    fn message_head<H: Hears>(&mut self, head: &mut Head, ears: &mut H, searched: usize) -> bool {
        let octets = head.octets();
        let blank = octets.iter().take_while(|o| matches!(o, b'\r' | b'\n')).count();
        if blank > 0 {
            head.take(blank);
            return true;
        }
        if octets.is_empty() {
            return false;
        }
        let foreign = searched < http::MAX_METHOD && H::begins(octets) == Begins::No;
        let end = if foreign { None } else { http::head_end(octets, searched) };
        if end.is_none() && !foreign && octets.len() < http::MAX_HEAD {
            self.step = Step::Head { searched: octets.len() };
            return false;
        }
        let look = self.carried < LOOK_UNTIL;
        match end.and_then(|e| octets.get(..e)).map(|front| (front.len(), ears.head(front, look))) {
            Some((len, Ok(body))) => {
                head.take(len);
                self.begin_body(body);
            }
            _ => {
                head.take(1);
                self.lose(ears);
            }
        }
        true
    }

    fn begin_body(&mut self, body: Body) {
        self.wanted = body.wanted;
        self.adrift = 0;
        self.step = match body.framing {
            Framing::Empty => Step::Octets { left: 0 },
            Framing::Length(left) => Step::Octets { left },
            Framing::Chunked => Step::ChunkSize,
            Framing::UntilClose => Step::UntilClose,
        };
    }

    /// Octets of a body: `None` when all of `left` went by, else what is left.
    fn body<H: Hears>(&mut self, head: &mut Head, ears: &mut H, left: u64) -> Option<u64> {
        if !self.wanted {
            self.carried = self.carried.saturating_add(left);
            head.skip(left);
            return None;
        }
        let octets = head.octets();
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(octets.len());
        if here > 0 {
            self.wanted = ears.piece(octets.get(..here).unwrap_or_default());
            head.take(here);
        }
        let here = u64::try_from(here).unwrap_or(u64::MAX);
        self.carried = self.carried.saturating_add(here);
        let rest = left.saturating_sub(here);
        (rest > 0).then_some(rest)
    }

    /// The lines between and behind chunks.
    fn body_line<H: Hears>(&mut self, head: &mut Head, ears: &mut H) -> bool {
        let octets = head.octets();
        let read = match self.step {
            Step::ChunkSize => http::chunk_line(octets).map(|c| {
                let next = if c.size == 0 { Step::Trailer } else { Step::Chunk { left: c.size } };
                (c.octets, Some(next))
            }),
            Step::ChunkEnd => match http::line(octets, 2, "chunk end") {
                Ok(l) if l.trim_ascii().is_empty() => Ok((l.len(), Some(Step::ChunkSize))),
                Ok(_) => Err(WireError::Malformed("chunk end")),
                Err(e) => Err(e),
            },
            _ => http::line(octets, http::MAX_HEAD, "trailer")
                .map(|l| (l.len(), if l.trim_ascii().is_empty() { None } else { Some(Step::Trailer) })),
        };
        match read {
            Ok((len, next)) => {
                head.take(len);
                match next {
                    Some(next) => self.step = next,
                    None => self.finish(ears),
                }
                true
            }
            Err(WireError::Truncated(_)) => false,
            Err(WireError::Malformed(_)) => {
                self.lose(ears);
                true
            }
        }
    }

    /// Lets octets go up to the next head.
    fn seek<H: Hears>(&mut self, head: &mut Head) -> bool {
        let (gone, found) = match H::find(head.octets()) {
            Ok(place) => (place, true),
            Err(gone) => (gone, false),
        };
        head.take(gone);
        self.adrift = self.adrift.saturating_add(u64::try_from(gone).unwrap_or(u64::MAX));
        if found {
            self.step = Step::Head { searched: 0 };
        } else if self.adrift > ADRIFT_UNTIL {
            self.step = Step::Closed;
        }
        found
    }
}

/// Octets of bodies after which nothing more is looked at in a conversation: what it serves is known by then.
const LOOK_UNTIL: u64 = 4 * 1024 * 1024;

/// Octets without a head after which a conversation is given up: a large image may lie behind the hole.
const ADRIFT_UNTIL: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Notes {
        heads: Vec<u16>,
        body: Vec<u8>,
        ends: Vec<bool>,
        lost: usize,
        stop_after: Option<usize>,
    }

    impl Hears for Notes {
        fn begins(octets: &[u8]) -> Begins {
            http::begins_answer(octets)
        }
        fn find(octets: &[u8]) -> Result<usize, usize> {
            http::find_answer(octets)
        }
        fn head(&mut self, octets: &[u8], look: bool) -> Result<Body, WireError> {
            let answer = http::Answer::read(octets)?;
            let framing = answer.framing(http::AskedBy::Other)?;
            self.heads.push(answer.status);
            Ok(Body { framing, wanted: look })
        }
        fn piece(&mut self, octets: &[u8]) -> bool {
            self.body.extend_from_slice(octets);
            self.stop_after.is_none_or(|n| self.body.len() < n)
        }
        fn end(&mut self, whole: bool) {
            self.ends.push(whole);
        }
        fn lost(&mut self) {
            self.lost = self.lost.saturating_add(1);
        }
    }

    fn hear(octets: &[u8], piece: usize, mut notes: Notes) -> Notes {
        let (mut side, mut head) = (Side::new(), Head::default());
        let mut seq = 0u32;
        for p in octets.chunks(piece) {
            head.segment(seq, p, 0);
            seq = seq.wrapping_add(p.len() as u32);
            side.hear(&mut head, &mut notes);
        }
        head.end();
        side.hear(&mut head, &mut notes);
        notes
    }

    #[test]
    fn bodies_of_every_framing_end_where_they_end() {
        let octets = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc\
            HTTP/1.1 201 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nde\r\n1\r\nf\r\n0\r\nT: u\r\n\r\n\r\n\
            HTTP/1.1 204 No\r\n\r\nHTTP/1.1 206 OK\r\n\r\nghi";
        for piece in [1, 7, 1000] {
            let notes = hear(octets, piece, Notes::default());
            assert_eq!(notes.heads, [100, 200, 201, 204, 206]);
            assert_eq!(notes.body, b"abcdefghi");
            assert_eq!(notes.ends, [true; 5]);
            assert_eq!(notes.lost, 0);
        }
    }

    #[test]
    fn the_rest_of_a_body_that_nobody_wants_is_passed_over() {
        let octets =
            b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nabcdefghHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n";
        for piece in [1, 1000] {
            let notes = hear(octets, piece, Notes { stop_after: Some(2), ..Notes::default() });
            assert_eq!(notes.heads, [200, 404]);
            assert!(notes.body.len() < 9);
        }
    }

    #[test]
    fn after_a_hole_the_next_head_is_found() {
        let (mut side, mut head, mut notes) = (Side::new(), Head::default(), Notes::default());
        let first = b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nabc";
        head.segment(0, first, 0);
        side.hear(&mut head, &mut notes);
        head.segment(first.len() as u32, b"", 100);
        assert!(head.torn());
        side.torn(&mut notes);
        head.segment(
            first.len() as u32 + 100,
            b"xyz HTTP/9 HTTP/1.1 nonsense\r\n\r\n HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
            0,
        );
        side.hear(&mut head, &mut notes);
        assert_eq!(notes.heads, [200, 302]);
        assert_eq!(notes.ends, [false, true]);
    }

    #[test]
    fn a_head_that_never_ends_is_let_go() {
        let mut octets = b"HTTP/1.1 200 OK\r\nA: ".to_vec();
        octets.resize(http::MAX_HEAD + 3000, b'a');
        octets.extend_from_slice(b"\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
        let notes = hear(&octets, 1000, Notes::default());
        assert_eq!(notes.heads, [500]);
        assert!(notes.lost > 0);
    }

    #[test]
    fn absurd_lengths_are_passed_over_without_waiting() {
        let octets = b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nabc";
        assert_eq!(hear(octets, 1, Notes { stop_after: Some(1), ..Notes::default() }).body, b"a");
    }
}
