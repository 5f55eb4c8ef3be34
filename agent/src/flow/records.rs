//! The records of TLS in one direction of a conversation, and the handshake messages that are spread over them (RFC
//! 8446 section 5.1).
//!
//! Keeps: one handshake message at a time, as much of it as somebody looks at. Drops: every encrypted fragment (passed
//! over, never copied) and the messages that nobody looks at.

use super::head::Head;
use crate::wire::WireError;
use crate::wire::reader::Reader;
use crate::wire::ssl2;
use crate::wire::tls::{
    Alert, CERTIFICATE, CLIENT_HELLO, Content, Handshake, MAX_CERTIFICATE, Record, SERVER_HELLO, SERVER_KEY_EXCHANGE,
};

/// One direction of a conversation.
#[derive(Default)]
pub struct Records {
    gather: Gather,
    /// Octets of a handshake record that are still to be read.
    left: u16,
    /// Encrypted records, one behind the other.
    in_row: u8,
    /// Records heard.
    records: u16,
    /// Pieces thrown away because no record begins in them, since a hole.
    thrown: u8,
    /// A hole was met: what waits may begin inside a record.
    lost: bool,
    /// ChangeCipherSpec was heard: the rest is encrypted.
    sealed: bool,
}

/// What one step through a direction gave.
pub enum Step<'a> {
    /// Nothing more is complete.
    Wait,
    /// This direction is no TLS, or nothing can be made of it any more.
    Lost,
    /// A handshake message.
    Message(Handshake<'a>),
    /// An alert that is not encrypted.
    Alert(Alert),
    /// ChangeCipherSpec.
    Sealed,
    /// An encrypted record, or one that does not matter.
    Passed,
    /// A hello of SSL 2; the certificate if it was the server's.
    Ssl2(Option<Vec<u8>>),
}

impl Records {
    /// Octets of the message in hand.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.gather.message.capacity()
    }

    /// How many encrypted records came one behind the other.
    #[must_use]
    pub const fn in_row(&self) -> u8 {
        self.in_row
    }

    /// After a hole what waits may begin anywhere.
    pub fn after_hole(&mut self, head: &mut Head) {
        if head.torn() {
            self.gather = Gather::default();
            self.left = 0;
            self.in_row = 0;
            self.lost = true;
        }
    }

    /// The next thing that is complete. Takes it from `head`; leaves what is not complete.
    pub fn step(&mut self, head: &mut Head) -> Step<'_> {
        loop {
            if self.left > 0 {
                let length = usize::from(self.left).min(head.octets().len());
                let mut fragment = Reader::new(head.octets()).sub_at_most(length);
                let complete = self.gather.feed(&mut fragment);
                let read = length.saturating_sub(fragment.left());
                head.take(read);
                self.left = self.left.saturating_sub(u16::try_from(read).unwrap_or(u16::MAX));
                if complete {
                    return self.gather.message().map_or(Step::Passed, Step::Message);
                }
                if self.left > 0 {
                    return Step::Wait;
                }
            }
            match Record::parse(head.octets()) {
                Err(WireError::Truncated(_)) => return Step::Wait,
                Err(WireError::Malformed(_)) => return self.no_record(head),
                Ok(record) => match self.record(&record, head) {
                    Some(step) => return step,
                    None => continue,
                },
            }
        }
    }

    /// A record begins. `None` if its fragment is to be read as handshake messages.
    fn record<'a>(&mut self, record: &Record, head: &mut Head) -> Option<Step<'a>> {
        let alert = record.content == Content::Alert && record.length == Alert::LEN && !self.sealed;
        if alert && head.octets().len() < Record::LEN.saturating_add(Alert::LEN.into()) {
            return Some(Step::Wait);
        }
        let alert = head.octets().get(Record::LEN..).filter(|_| alert).map(Alert::parse);
        self.lost = false;
        self.records = self.records.saturating_add(1);
        if self.records > MAX_RECORDS {
            return Some(Step::Lost);
        }
        if record.content == Content::Handshake && !self.sealed {
            head.take(Record::LEN);
            self.left = record.length;
            return None;
        }
        head.skip(u64::from(record.length).saturating_add(HEAD_LEN));
        Some(match (alert, record.content) {
            (Some(Ok(alert)), _) => Step::Alert(alert),
            (_, Content::ChangeCipherSpec) => {
                self.sealed = true;
                Step::Sealed
            }
            _ if is_sealed(record) || self.sealed => {
                self.in_row = self.in_row.saturating_add(1);
                Step::Passed
            }
            _ => Step::Passed,
        })
    }

    /// What waits begins with no record: a hello of SSL 2, the rest of a record behind a hole, or no TLS.
    fn no_record<'a>(&mut self, head: &mut Head) -> Step<'a> {
        if self.records == 0 && !self.lost {
            match ssl2::Hello::parse(head.octets()) {
                Err(WireError::Truncated(_)) => return Step::Wait,
                Err(WireError::Malformed(_)) => {
                    self.records = MAX_RECORDS;
                    return Step::Lost;
                }
                Ok((hello, length)) => {
                    let certificate = match hello {
                        ssl2::Hello::Client => None,
                        ssl2::Hello::Server { certificate } => Some(certificate.to_vec()),
                    };
                    self.records = 1;
                    head.take(length);
                    return Step::Ssl2(certificate);
                }
            }
        }
        self.thrown = self.thrown.saturating_add(1);
        if !self.lost || self.thrown > MAX_THROWN {
            return Step::Lost;
        }
        head.take(head.octets().len());
        self.in_row = 0;
        Step::Wait
    }
}

/// Whether a record is application data as encryption leaves it: longer than a tag, and of a version that is used.
#[must_use]
pub fn is_sealed(record: &Record) -> bool {
    record.content == Content::ApplicationData && record.length >= SHORTEST_SEALED && record.version <= 0x0303
}

/// Puts handshake messages together again that were spread over records (RFC 8446 section 5.1).
///
/// Bounded: holds four octets and what [`kept`] allows of one message; the rest of a message is passed over.
#[derive(Default)]
struct Gather {
    message: Vec<u8>,
    complete: bool,
    skip: usize,
}

impl Gather {
    /// Reads from `fragment` to the end of a message (or of what is kept of it); false if the fragment ended before.
    /// Work is bounded by the fragment.
    fn feed(&mut self, fragment: &mut Reader<'_>) -> bool {
        if self.complete {
            self.message.clear();
            self.complete = false;
        }
        let passed = fragment.sub_at_most(self.skip).left();
        self.skip = self.skip.saturating_sub(passed);
        if self.skip > 0 || !self.fill(HANDSHAKE_HEAD, fragment) {
            return false;
        }
        let Some((kind, length, _)) = self.parts() else { return false };
        let keep = length.min(kept(kind));
        if !self.fill(keep.saturating_add(HANDSHAKE_HEAD), fragment) {
            return false;
        }
        self.skip = length.saturating_sub(keep);
        self.complete = true;
        true
    }

    /// The message that [`Gather::feed`] found last.
    fn message(&self) -> Option<Handshake<'_>> {
        self.parts().filter(|_| self.complete).map(|(kind, _, body)| Handshake { kind, body })
    }

    /// HandshakeType (octet 0), length (octets 1-3), and what is there of the body.
    fn parts(&self) -> Option<(u8, usize, &[u8])> {
        let mut r = Reader::new(&self.message);
        let kind = r.u8("handshake type").ok()?;
        let length = usize::try_from(r.u24("handshake length").ok()?).ok()?;
        Some((kind, length, r.rest()))
    }

    /// Copies until `len` octets of the message are there.
    fn fill(&mut self, len: usize, fragment: &mut Reader<'_>) -> bool {
        let wanted = len.saturating_sub(self.message.len());
        self.message.extend_from_slice(fragment.sub_at_most(wanted).rest());
        self.message.len() >= len
    }
}

/// How many octets of the body of a message are kept.
const fn kept(kind: u8) -> usize {
    match kind {
        CLIENT_HELLO => MAX_CLIENT_HELLO,
        SERVER_HELLO => MAX_SERVER_HELLO,
        CERTIFICATE => MAX_CERTIFICATE + CERTIFICATE_HEAD,
        SERVER_KEY_EXCHANGE => PRIME_HEAD,
        _ => 0,
    }
}

/// Shortest encrypted record: one octet and a MAC of 16 octets (TLS 1.0 with RC4 and MD5).
const SHORTEST_SEALED: u16 = 17;

/// Records of one side before the visible part of a handshake must be over: a chain of certificates in small records
/// has about 20.
const MAX_RECORDS: u16 = 64;

/// Pieces that are thrown away behind a hole before the listener gives up: a record has at most 13 segments.
const MAX_THROWN: u8 = 16;

/// [`Record::LEN`].
const HEAD_LEN: u64 = 5;

/// Longest ClientHello that is looked at: with the keys of post-quantum groups and old tickets it has about 4 KiB.
const MAX_CLIENT_HELLO: usize = 16 * 1024;

/// Longest ServerHello that is looked at: a post-quantum key share has about 1.2 KiB.
const MAX_SERVER_HELLO: usize = 4 * 1024;

/// Octets before the first certificate of a Certificate message: two lengths of three octets.
const CERTIFICATE_HEAD: usize = 6;

/// Octets of a ServerKeyExchange that are looked at: the length of a prime and its first octet.
const PRIME_HEAD: usize = 3;

/// Octets before the body of a handshake message.
const HANDSHAKE_HEAD: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_longer_than_what_is_kept_is_cut_and_the_rest_passed_over() {
        let mut gather = Gather::default();
        let certificate = vec![5u8; MAX_CERTIFICATE + 100];
        let [_, a, b, c] = u32::try_from(certificate.len()).unwrap().to_be_bytes();
        let octets = [&[CERTIFICATE, a, b, c][..], &certificate, &[14, 0, 0, 0]].concat();
        let mut kinds = Vec::new();
        for piece in octets.chunks(1000) {
            let mut fragment = Reader::new(piece);
            while gather.feed(&mut fragment) {
                let message = gather.message().unwrap();
                assert!(message.body.len() <= MAX_CERTIFICATE + CERTIFICATE_HEAD);
                kinds.push(message.kind);
            }
        }
        assert_eq!(kinds, [CERTIFICATE, 14]);
    }

    #[test]
    fn encrypted_records_are_passed_over_without_waiting_for_their_end() {
        let (mut records, mut head) = (Records::default(), Head::default());
        head.segment(0, &[23, 3, 3, 0x40, 0, 1, 2, 3], 0); // 16,384 octets will follow, three are here
        assert!(matches!(records.step(&mut head), Step::Passed));
        assert!(matches!(records.step(&mut head), Step::Wait));
        assert!(head.is_skipping() && head.octets().is_empty());
    }
}
