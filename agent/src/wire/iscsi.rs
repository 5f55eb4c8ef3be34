//! Disks over the network: iSCSI (RFC 7143 section 11; keys of the login in section 13 and 12.1).
//!
//! Keeps: lengths, the stages and the status of a login, which commands read. Drops: names of initiators and targets,
//! challenges and answers, and what is on the disk: it is passed over.

use super::WireError;
use super::reader::Reader;

/// Octets of the basic header segment (11.2).
pub const HEADER: usize = 48;

/// What a message is for, as far as a listener needs it (11.2.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 0x03: a step of a login.
    LoginRequest,
    /// 0x23: its answer.
    LoginAnswer,
    /// 0x01: a command of SCSI; whether it asks for contents of the disk.
    Command {
        /// READ (6), (10), (12), (16) of SBC.
        reads: bool,
    },
    /// 0x25: data for the client.
    DataIn,
    /// Any other that the standard has.
    Other,
}

/// A basic header segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is.
    pub kind: Kind,
    /// Octets of additional headers.
    pub additional: usize,
    /// Octets of data, without padding.
    pub data: usize,
    /// The number that the client gave to its task.
    pub task: u32,
}

impl Header {
    /// Octet 0: bit 6 for immediate delivery, bits 5-0 what it is. 1: flags. 2-3: by kind. 4: additional headers, in units of four.
    /// 5-7: octets of data. 8-15: by kind. 16-19: the task. 20-47: by kind; of a command 32-47 is what SCSI is asked.
    ///
    /// # Errors
    /// `Truncated`, or `Malformed` for what the standard does not have.
    pub fn read(octets: &[u8]) -> Result<Header, WireError> {
        let mut r = Reader::new(octets);
        let first = r.u8("opcode")?;
        let mut kind = match first & 0x3F {
            _ if first & 0x80 != 0 => return Err(WireError::Malformed("opcode")),
            0x01 => Kind::Command { reads: false },
            0x03 => Kind::LoginRequest,
            0x23 => Kind::LoginAnswer,
            0x25 => Kind::DataIn,
            0x00 | 0x02 | 0x04..=0x06 | 0x10 | 0x1C..=0x1E | 0x20..=0x22 | 0x24 | 0x26 | 0x31 | 0x32 | 0x3C..=0x3F => {
                Kind::Other
            }
            _ => return Err(WireError::Malformed("opcode")),
        };
        r.take(3, "flags")?;
        let additional = usize::from(r.u8("additional headers")?).saturating_mul(4);
        let data = usize::try_from(r.u24("length of data")?).unwrap_or(usize::MAX);
        r.take(8, "unit")?;
        let task = r.u32("task")?;
        r.take(12, "numbers")?;
        let [asked, ..] = r.array::<16>("command")?;
        if let Kind::Command { reads } = &mut kind {
            *reads = matches!(asked, 0x08 | 0x28 | 0xA8 | 0x88);
        }
        Ok(Header { kind, additional, data, task })
    }
}

/// A step of a login, or its answer (11.12, 11.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Login<'a> {
    /// Its header.
    pub header: Header,
    /// The text goes on in the next message.
    pub goes_on: bool,
    /// Of an answer: the login is over, and what follows is work.
    pub is_last: bool,
    /// Of an answer: class and detail.
    pub status: (u8, u8),
    /// Who calls: the client's part of the session's name.
    pub session: [u8; 6],
    text: &'a [u8],
}

impl<'a> Login<'a> {
    /// Octet 1: T (bit 7, the next stage may begin), C (bit 6, the text goes on), the stage (bits 3-2: 0 security, 1 operation), the
    /// next one (bits 1-0: 1, or 3 for work). 2, 3: versions, 0. 8-13: the client's part of the session's name. Of an answer 36-37:
    /// status. Then keys and values.
    ///
    /// # Errors
    /// `Truncated` until it is whole, `Malformed` if it is no step of a login.
    pub fn read(octets: &'a [u8]) -> Result<Login<'a>, WireError> {
        let mut r = Reader::new(octets);
        // The kind is told first: a header that is not whole may already be none.
        if !matches!(r.u8("opcode")?, 0x03 | 0x43 | 0x23) {
            return Err(WireError::Malformed("opcode"));
        }
        let flags = r.u8("flags")?;
        let (transits, goes_on, stage, next) = (flags & 0x80 != 0, flags & 0x40 != 0, (flags >> 2) & 3, flags & 3);
        let is_stage = stage < 2 && (!transits || (next != 2 && next > stage)) && !(transits && goes_on);
        if flags & 0x30 != 0 || !is_stage {
            return Err(WireError::Malformed("stage"));
        }
        if r.u16("versions")? != 0 {
            return Err(WireError::Malformed("versions"));
        }
        let header = Header::read(octets)?;
        if header.additional != 0 || header.data > MAX_TEXT {
            return Err(WireError::Malformed("length of data"));
        }
        r.take(4, "lengths")?;
        let session = r.array("session")?;
        r.take(22, "numbers")?;
        let [class, detail] = r.array("status")?;
        let is_answer = header.kind == Kind::LoginAnswer;
        if !is_answer && (class != 0 || detail != 0) || class > 3 {
            return Err(WireError::Malformed("status"));
        }
        r.take(10, "reserved")?;
        let text = r.take(header.data.next_multiple_of(4), "keys")?;
        let text = text.get(..header.data).unwrap_or(text);
        let is_last = is_answer && transits && next == 3 && class == 0;
        Ok(Login { header, goes_on, is_last, status: (class, detail), session, text })
    }

    /// How many octets it has, with padding.
    #[must_use]
    pub const fn octets(&self) -> usize {
        HEADER.saturating_add(self.header.data.next_multiple_of(4))
    }

    /// The value of a key, `key=value` ended by a zero. Bounded by the text.
    #[must_use]
    pub fn value(&self, key: &[u8]) -> Option<&'a [u8]> {
        self.text.split(|o| *o == 0).find_map(|pair| pair.strip_prefix(key)?.strip_prefix(b"="))
    }
}

/// Octets of data in a step of a login: what both sides may send before they agreed on another number (13.12).
const MAX_TEXT: usize = 8192;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A step of a login (0x43) or its answer (0x23), with flags, status and keys.
    pub(crate) fn step(opcode: u8, flags: u8, status: [u8; 2], keys: &[u8]) -> Vec<u8> {
        let mut octets = vec![opcode, flags, 0, 0]; // versions 0 and 0
        octets.extend(u32::try_from(keys.len()).unwrap().to_be_bytes()); // no additional headers; length of the keys
        octets.extend([0x80, 1, 2, 3, 4, 5, 0, 0]); // the client's part of the name, the server's
        octets.extend([0, 0, 0, 9]); // the task
        octets.extend([0; 16]); // connection, numbers
        octets.extend(status);
        octets.extend([0; 10]);
        octets.extend(keys);
        octets.resize(octets.len().next_multiple_of(4), 0);
        octets
    }

    /// A message of work: what it is, the task, what SCSI is asked, its data.
    pub(crate) fn work(opcode: u8, task: u8, asks: u8, data: &[u8]) -> Vec<u8> {
        let mut octets = vec![opcode, 0x80, 0, 0];
        octets.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        octets.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, task]); // unit, task
        octets.extend([0; 12]);
        octets.push(asks);
        octets.resize(HEADER, 0);
        octets.extend(data);
        octets.resize(octets.len().next_multiple_of(4), 0);
        octets
    }

    #[test]
    fn a_step_of_a_login_tells_its_keys_and_its_end() {
        let first = step(0x43, 0x81, [0, 0], b"InitiatorName=iqn.zzcanary\0AuthMethod=CHAP,None\0");
        let login = Login::read(&first).unwrap();
        assert_eq!(login.value(b"AuthMethod"), Some(&b"CHAP,None"[..]));
        assert_eq!((login.value(b"Auth"), login.octets(), login.header.task), (None, first.len(), 9));
        assert!(!login.is_last && !login.goes_on);
        for short in 0..first.len() {
            assert!(matches!(Login::read(&first[..short]), Err(WireError::Truncated(_))), "{short}");
        }
        let last = step(0x23, 0x87, [0, 0], b"");
        assert!(Login::read(&last).unwrap().is_last);
        let refused = step(0x23, 0x87, [2, 1], b"");
        assert_eq!(Login::read(&refused).map(|l| (l.is_last, l.status)), Ok((false, (2, 1))));
    }

    #[test]
    fn other_octets_are_no_login() {
        let good = step(0x43, 0x81, [0, 0], b"InitiatorName=x\0");
        // Another kind, reserved bits, no stage, backwards, both T and C, a version, additional headers, length, a status.
        for (at, value) in [
            (0, 0x01),
            (0, 0xC3),
            (1, 0x91),
            (1, 0x08),
            (1, 0x84),
            (1, 0x82),
            (1, 0xC1),
            (2, 1),
            (4, 1),
            (5, 9),
            (36, 1),
        ] {
            let mut bad = good.clone();
            bad[at] = value;
            assert!(matches!(Login::read(&bad), Err(WireError::Malformed(_))), "octet {at}");
        }
        assert!(matches!(Login::read(b"CONNECT x HTTP/1.1"), Err(WireError::Malformed(_))));
    }

    #[test]
    fn work_tells_what_reads() {
        for (asks, reads) in [(0x28, true), (0x88, true), (0x08, true), (0xA8, true), (0x12, false), (0x2A, false)] {
            assert_eq!(Header::read(&work(0x01, 7, asks, b"")).unwrap().kind, Kind::Command { reads });
        }
        let data = Header::read(&work(0x25, 7, 0, b"ZZCANARY!")).unwrap();
        assert_eq!((data.kind, data.data, data.task), (Kind::DataIn, 9, 7));
        assert!(matches!(Header::read(&work(0x17, 7, 0, b"")), Err(WireError::Malformed(_))));
        assert!(matches!(Header::read(&[0x25; 47]), Err(WireError::Truncated(_))));
    }
}
