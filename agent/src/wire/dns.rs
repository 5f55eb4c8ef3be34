//! DNS messages (RFC 1035 section 4.1), as multicast DNS (RFC 6762) and LLMNR (RFC 4795) use them too.
//!
//! Keeps: flags, counts, and names and data as borrowed places of the message, to be compared with known labels.
//! Drops: everything beyond [`MAX_MESSAGE`] octets, [`MAX_RECORDS`] records and [`MAX_LABELS`] labels of a name. A name
//! is never put together: there is no way to get it as text.

use super::WireError;
use super::reader::Reader;

/// One message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Octets 2-3.
    pub flags: Flags,
    /// Octets 4-5: questions.
    pub questions: u16,
    /// Octets 6-7: answers.
    pub answers: u16,
    /// Octets 8-9: authority records.
    pub authorities: u16,
    /// Octets 10-11: additional records.
    pub additionals: u16,
    octets: &'a [u8],
}

/// The second pair of octets of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// Bit 15: an answer.
    #[must_use]
    pub const fn is_response(self) -> bool {
        self.0 & 0x8000 != 0
    }

    /// Bits 11-14: 0 is a query.
    #[must_use]
    pub const fn opcode(self) -> u16 {
        self.0 >> 11 & 0xf
    }

    /// Bit 9: the answer was too long.
    #[must_use]
    pub const fn is_truncated(self) -> bool {
        self.0 & 0x0200 != 0
    }

    /// Bit 10: the server speaks for its own zone.
    #[must_use]
    pub const fn is_authoritative(self) -> bool {
        self.0 & 0x0400 != 0
    }

    /// Bit 7: the server looks names up for others.
    #[must_use]
    pub const fn offers_recursion(self) -> bool {
        self.0 & 0x0080 != 0
    }

    /// Bits 0-3: 0 is no error, 5 is refused.
    #[must_use]
    pub const fn response_code(self) -> u16 {
        self.0 & 0xf
    }
}

impl<'a> Message<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// `Truncated` if the header is not whole; `Malformed` if the operation is not one of RFC 1035, 1996, 2136 or 8490,
    /// or if it is longer than [`MAX_MESSAGE`].
    pub fn read(octets: &'a [u8]) -> Result<Message<'a>, WireError> {
        if octets.len() > MAX_MESSAGE {
            return Err(WireError::Malformed("length"));
        }
        let mut r = Reader::new(octets);
        r.u16("id")?;
        let flags = Flags(r.u16("flags")?);
        let message = Message {
            flags,
            questions: r.u16("questions")?,
            answers: r.u16("answers")?,
            authorities: r.u16("authorities")?,
            additionals: r.u16("additionals")?,
            octets,
        };
        if flags.opcode() > LAST_OPCODE || flags.opcode() == 3 {
            return Err(WireError::Malformed("opcode"));
        }
        Ok(message)
    }

    /// The questions and records, in order, until one is not whole. At most [`MAX_RECORDS`].
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        Records { message: *self, at: HEADER, place: 0 }
    }

    /// Whether it has all questions and records that its header announces, as far as they are read.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.records().count() == self.announced().min(MAX_RECORDS)
    }

    /// How many questions and records the header announces.
    #[must_use]
    pub fn announced(&self) -> usize {
        [self.questions, self.answers, self.authorities, self.additionals]
            .iter()
            .fold(0usize, |n, c| n.saturating_add(usize::from(*c)))
    }
}

/// Walks over the questions and records of a message.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    message: Message<'a>,
    at: usize,
    place: usize,
}

/// In which part of the message a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// A question: it has no data.
    Question,
    /// An answer.
    Answer,
    /// An authority: in a probe of multicast DNS, what the sender wants to own.
    Authority,
    /// An additional record.
    Additional,
}

/// One question or record.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Where it stands.
    pub section: Section,
    /// Whose record it is.
    pub owner: Name<'a>,
    /// 1 A, 12 PTR, 16 TXT, 28 AAAA, 33 SRV.
    pub kind: u16,
    /// 1 Internet, 3 CHAOS; multicast DNS uses bit 15 for itself.
    pub class: u16,
    /// Its data, empty for a question.
    pub data: &'a [u8],
    /// Where its data begins in the message: for names in it.
    data_at: usize,
    message: &'a [u8],
}

impl<'a> Record<'a> {
    /// The name that a PTR record points to.
    #[must_use]
    pub const fn pointed(&self) -> Name<'a> {
        Name { message: self.message, at: self.data_at }
    }

    /// The strings of a TXT record. Work is bounded by its data.
    pub fn strings(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut r = Reader::new(self.data);
        core::iter::from_fn(move || {
            let len = r.u8("length").ok()?;
            r.take(usize::from(len), "string").ok()
        })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let m = &self.message;
        let questions = usize::from(m.questions);
        let answers = questions.saturating_add(usize::from(m.answers));
        let authorities = answers.saturating_add(usize::from(m.authorities));
        let section = match self.place {
            n if n >= MAX_RECORDS.min(m.announced()) => return None,
            n if n < questions => Section::Question,
            n if n < answers => Section::Answer,
            n if n < authorities => Section::Authority,
            _ => Section::Additional,
        };
        let owner = Name { message: m.octets, at: self.at };
        let after_name = owner.end()?;
        let mut r = Reader::new(m.octets.get(after_name..)?);
        let (kind, class) = (r.u16("type").ok()?, r.u16("class").ok()?);
        let mut data: &[u8] = &[];
        if section != Section::Question {
            r.u32("ttl").ok()?;
            let len = r.u16("rdlength").ok()?;
            data = r.take(usize::from(len), "rdata").ok()?;
        }
        self.at = m.octets.len().saturating_sub(r.left());
        self.place = self.place.saturating_add(1);
        let data_at = self.at.saturating_sub(data.len());
        Some(Record { section, owner, kind, class, data, data_at, message: m.octets })
    }
}

/// A name by its place in the message.
#[derive(Clone, Copy)]
pub struct Name<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Name<'a> {
    /// Its labels, from the most special one. Pointers must lead backwards (RFC 1035 section 4.1.4), so that it ends;
    /// at most [`MAX_LABELS`].
    pub fn labels(&self) -> impl Iterator<Item = &'a [u8]> {
        let (message, mut at, mut before) = (self.message, self.at, self.at);
        core::iter::from_fn(move || {
            loop {
                let first = *message.get(at)?;
                if first & POINTER == POINTER {
                    let low = usize::from(*message.get(at.checked_add(1)?)?);
                    let to = usize::from(first & !POINTER).checked_shl(8)? | low;
                    if to >= before {
                        return None;
                    }
                    (at, before) = (to, to);
                    continue;
                }
                if first == 0 || first & POINTER != 0 {
                    return None;
                }
                let begin = at.checked_add(1)?;
                at = begin.checked_add(usize::from(first))?;
                return message.get(begin..at);
            }
        })
        .take(MAX_LABELS)
    }

    /// Whether its labels are exactly these, in any case.
    #[must_use]
    pub fn is(&self, labels: &[&[u8]]) -> bool {
        let mut heard = self.labels();
        labels.iter().all(|l| heard.next().is_some_and(|h| h.eq_ignore_ascii_case(l))) && heard.next().is_none()
    }

    /// Its last three labels, from the most special one; empty where it has fewer.
    #[must_use]
    pub fn last_three(&self) -> [&'a [u8]; 3] {
        self.labels().fold([&[][..]; 3], |[_, b, c], label| [b, c, label])
    }

    /// Where the octets after it begin; `None` if it is not whole.
    fn end(&self) -> Option<usize> {
        let mut at = self.at;
        for _ in 0..=MAX_LABELS {
            let first = *self.message.get(at)?;
            match first & POINTER {
                POINTER => return at.checked_add(2),
                0 if first == 0 => return at.checked_add(1),
                0 => at = at.checked_add(1)?.checked_add(usize::from(first))?,
                _ => return None,
            }
        }
        None
    }
}

impl core::fmt::Debug for Name<'_> {
    /// Never the name itself.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Name({} labels)", self.labels().count())
    }
}

/// Octets of a message that are read: EDNS asks for 1232 to 4096 (RFC 6891, section 6.2.5); multicast DNS has up to
/// 9000, of which the end is repeated soon.
pub const MAX_MESSAGE: usize = 9000;

/// Records of a message that are read: a host that announces every service it has sends some forty.
pub const MAX_RECORDS: usize = 128;

/// A name has at most 255 octets, a label takes at least two.
pub const MAX_LABELS: usize = 127;

/// Octets of the header.
const HEADER: usize = 12;
/// The two high bits of a pointer.
const POINTER: u8 = 0xc0;
/// DNS stateful operations (RFC 8490).
const LAST_OPCODE: u16 = 6;

#[cfg(test)]
pub(crate) mod testing {
    //! Messages made by hand.

    /// A message with these flags and counts (questions, answers, authorities, additionals) and this body.
    pub(crate) fn message(flags: u16, counts: [u16; 4], body: &[&[u8]]) -> Vec<u8> {
        let mut m = vec![0x06, 0x1e]; // id
        m.extend(flags.to_be_bytes());
        for c in counts {
            m.extend(c.to_be_bytes());
        }
        for part in body {
            m.extend(*part);
        }
        m
    }

    /// A name of these labels, separated by `/`.
    pub(crate) fn name(labels: &str) -> Vec<u8> {
        let mut n = Vec::new();
        for l in labels.split('/').filter(|l| !l.is_empty()) {
            n.push(u8::try_from(l.len()).unwrap());
            n.extend(l.as_bytes());
        }
        n.push(0);
        n
    }

    /// A record: owner, type, class, 120 seconds, data.
    pub(crate) fn record(owner: &str, kind: u16, class: u16, data: &[u8]) -> Vec<u8> {
        let mut r = name(owner);
        r.extend(kind.to_be_bytes());
        r.extend(class.to_be_bytes());
        r.extend([0, 0, 0, 120]); // ttl
        r.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        r.extend(data);
        r
    }

    /// A question: name, type, class.
    pub(crate) fn question(owner: &str, kind: u16, class: u16) -> Vec<u8> {
        let mut q = name(owner);
        q.extend(kind.to_be_bytes());
        q.extend(class.to_be_bytes());
        q
    }

    /// TXT data of these strings.
    pub(crate) fn txt(strings: &[&str]) -> Vec<u8> {
        strings
            .iter()
            .flat_map(|s| {
                let mut o = vec![u8::try_from(s.len()).unwrap()];
                o.extend(s.as_bytes());
                o
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::*;
    use super::*;

    #[test]
    fn an_answer_with_a_pointer_gives_its_owner() {
        let octets = message(
            0x8580, // response, authoritative, recursion
            [1, 1, 0, 0],
            &[
                &question("version/bind", 16, 3),
                &[0xc0, 0x0c],              // owner: pointer to octet 12
                &[0, 16, 0, 3, 0, 0, 0, 0], // TXT, CHAOS, ttl 0
                &[0, 13],                   // rdlength
                &txt(&["dnsmasq-2.90"]),
            ],
        );
        let m = Message::read(&octets).unwrap();
        assert!(m.flags.is_response());
        assert_eq!((m.flags.opcode(), m.flags.response_code()), (0, 0));
        let records: Vec<_> = m.records().collect();
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].section, Section::Question);
        assert_eq!((records[1].section, records[1].kind, records[1].class), (Section::Answer, 16, 3));
        assert!(records[1].owner.is(&[b"VERSION", b"bind"]));
        assert_eq!(records[1].owner.last_three(), [&b""[..], b"version", b"bind"]);
        assert!(!records[1].owner.is(&[b"bind"]));
        assert_eq!(records[1].strings().collect::<Vec<_>>(), [b"dnsmasq-2.90"]);
    }

    #[test]
    fn a_pointer_that_leads_in_a_circle_ends() {
        let octets = message(0x8400, [1, 0, 0, 0], &[&[0xc0, 0x0c, 0, 1, 0, 1]]);
        let m = Message::read(&octets).unwrap();
        assert_eq!(m.records().next().unwrap().owner.labels().count(), 0);
        let octets = message(0x8400, [1, 0, 0, 0], &[&[1, b'a', 0xc0, 0x0c, 0, 1, 0, 1]]);
        let m = Message::read(&octets).unwrap();
        assert_eq!(m.records().next().unwrap().owner.labels().count(), 1);
    }

    #[test]
    fn a_message_that_announces_more_than_it_has_is_not_whole() {
        let octets = message(0x8400, [0, 200, 0, 0], &[&record("a/local", 12, 1, &name("b"))]);
        assert!(!Message::read(&octets).unwrap().is_whole());
        assert_eq!(Message::read(&octets[..7]).unwrap_err(), WireError::Truncated("answers"));
        let octets = message(0x7800, [0, 0, 0, 0], &[]);
        assert_eq!(Message::read(&octets).unwrap_err(), WireError::Malformed("opcode"));
    }

    #[test]
    fn a_name_is_never_shown() {
        let octets = message(0x0100, [1, 0, 0, 0], &[&question("zzcanarys-iphone/local", 1, 1)]);
        let m = Message::read(&octets).unwrap();
        assert_eq!(format!("{:?}", m.records().next().unwrap().owner), "Name(2 labels)");
    }

    #[test]
    fn any_octets_at_all_are_read_without_a_panic() {
        let sample = message(
            0x8400,
            [0, 2, 0, 0],
            &[
                &record("_ipp/_tcp/local", 12, 1, &name("ZZCANARY/_ipp/_tcp/local")),
                &record("x/_ipp/_tcp/local", 16, 1, &txt(&["ty=Brother", "rp=ipp/print"])),
            ],
        );
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..20_000 {
            let mut octets = sample.clone();
            for _ in 0..4 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let at = seed as usize % octets.len();
                octets[at] = (seed >> 32) as u8;
                octets.truncate(octets.len() - (seed >> 40) as usize % 3);
            }
            if let Ok(m) = Message::read(&octets) {
                for r in m.records() {
                    let _ = (r.owner.labels().count(), r.pointed().labels().count(), r.strings().count());
                }
            }
        }
    }
}
