//! SMB1 messages without their four octets of length (MS-CIFS 2.2, MS-SMB 2.2.4).
//!
//! Keeps: commands, statuses, flags, numbers of sessions and trees, what a server chose, the kind of a share. Drops:
//! names of shares, files, users, hosts and domains, secrets, and all data. The two words by which the protocol names
//! systems ([`Words`]) are handed on in a buffer, to be held against a closed list.

use super::WireError;
use super::reader::Reader;
use super::smb::{Form, Share};

/// The header of SMB1 (MS-CIFS 2.2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Octet 4.
    pub command: u8,
    /// Octets 5-8: 0 is success, for the statuses of NT and of DOS alike.
    pub status: u32,
    /// Octet 9, bit 7: it comes from the server.
    pub response: bool,
    /// Octets 10-11, bit 15: strings are UTF-16.
    pub unicode: bool,
    /// Octets 24-25.
    pub tree: u16,
    /// Octets 28-29: the session.
    pub user: u16,
    /// Octets 30-31: the same in a request and its response.
    pub multiplex: u16,
}

impl Header {
    /// Reads the header.
    ///
    /// # Errors
    /// `Truncated` or `Malformed` if it is none.
    pub fn read(message: &[u8]) -> Result<Header, WireError> {
        if Form::read(message)? != Form::One {
            return Err(WireError::Malformed("signature"));
        }
        let mut r = Reader::new(message);
        r.take(4, "signature")?;
        let command = r.u8("command")?;
        let status = r.u32_le("status")?;
        let (flags, flags2) = (r.u8("flags")?, r.u16_le("flags2")?);
        // Process 2, signature 8, reserved 2.
        r.take(12, "security features")?;
        let tree = r.u16_le("tree")?;
        r.u16_le("process")?;
        let (user, multiplex) = (r.u16_le("user")?, r.u16_le("multiplex")?);
        Ok(Header {
            command,
            status,
            response: flags & 0x80 != 0,
            unicode: flags2 & 0x8000 != 0,
            tree,
            user,
            multiplex,
        })
    }
}

/// One block of parameters and data; SMB1 may chain several in a message (MS-CIFS 2.2.3.4).
#[derive(Clone, Copy)]
pub struct Block<'a> {
    /// Its command.
    pub command: u8,
    /// Its parameters.
    pub words: &'a [u8],
    /// Its data, as far as they are there.
    pub bytes: &'a [u8],
    /// Where the data begin, counted from the header: strings of UTF-16 stand at even places.
    bytes_at: usize,
    /// Where the next block begins, and its command.
    next: Option<(u8, usize)>,
}

/// The blocks of a message, at most `MAX_BLOCKS`.
pub fn blocks(message: &[u8], first: u8) -> impl Iterator<Item = Block<'_>> {
    core::iter::successors(block(message, first, 32), move |b| {
        let (command, at) = b.next?;
        block(message, command, at)
    })
    .take(MAX_BLOCKS)
}

/// The block that begins at octet `at`.
fn block(message: &[u8], command: u8, at: usize) -> Option<Block<'_>> {
    let mut r = Reader::new(message.get(at..)?);
    let words = usize::from(r.u8("word count").ok()?).saturating_mul(2);
    let words = r.sub_at_most(words).rest();
    // A message that was cut inside its data still has all that stands before.
    let length = r.u16_le("byte count").map_or(0, usize::from);
    let bytes_at = message.len().saturating_sub(r.left());
    let next = match words {
        [next, _, low, high, ..] if *next != 0xff && is_chaining(command) => {
            let next_at = usize::from(u16::from_le_bytes([*low, *high]));
            // Only forwards: a chain that goes back would not end.
            (next_at > at).then_some((*next, next_at))
        }
        _ => None,
    };
    Some(Block { command, words, bytes: r.sub_at_most(length).rest(), bytes_at, next })
}

/// Commands whose parameters begin with the next command (MS-CIFS 2.2.3.4).
const fn is_chaining(command: u8) -> bool {
    matches!(command, 0x24 | 0x2d | 0x2e | 0x2f | 0x73 | 0x74 | 0x75 | 0xa2)
}

/// What an SMB1 server chose (MS-CIFS 2.2.4.52.2, MS-SMB 2.2.4.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Words 0: the dialect's place in the client's list; `None` (0xFFFF) if the server takes none.
    pub dialect: Option<u16>,
    /// Bits 2 and 3 of the security mode of NT LM 0.12; older dialects have no signatures.
    pub signing: (bool, bool),
}

impl Block<'_> {
    /// Of a response to NEGOTIATE.
    ///
    /// # Errors
    /// `Truncated` if there is no dialect.
    pub fn choice(&self) -> Result<Choice, WireError> {
        let mut r = Reader::new(self.words);
        let dialect = r.u16_le("dialect index")?;
        let mode = if self.words.len() >= 34 { r.u8("security mode")? } else { 0 };
        Ok(Choice { dialect: (dialect != 0xffff).then_some(dialect), signing: (mode & 0x04 != 0, mode & 0x08 != 0) })
    }

    /// Of a successful response to SESSION_SETUP_ANDX: bit 0 of the action, a guest's session (MS-CIFS 2.2.4.53.2).
    #[must_use]
    pub fn is_guest(&self) -> bool {
        matches!(self.words, [_, _, _, _, action, ..] if *action & 1 != 0)
    }

    /// Of a request or response of SESSION_SETUP_ANDX: where SPNEGO or NTLM stand, if they do, and the words behind.
    #[must_use]
    pub fn session(&self, unicode: bool, response: bool) -> Session {
        let word = |n: usize| {
            let at = n.saturating_mul(2);
            let two = self.words.get(at..at.saturating_add(2)).and_then(<[u8]>::first_chunk::<2>);
            two.map_or(0, |o| usize::from(u16::from_le_bytes(*o)))
        };
        // By the number of words: secrets before the strings, strings before the system's (account, domain).
        let (secrets, strings) = match (response, self.words.len() / 2) {
            (true, 4) => (word(3), 0),
            (true, _) => (0, 0),
            (false, 12) => (word(7), 0),
            (false, 13) => (word(7).saturating_add(word(8)), 2),
            (false, _) => (word(7), 2),
        };
        let rest = self.bytes.get(secrets..).unwrap_or_default();
        let mut text = Text { rest, at: self.bytes_at.saturating_add(secrets), unicode };
        // In the old form a login without account and with an empty secret (at most its end) is anonymous.
        let mut nameless = strings == 2 && secrets <= 2;
        for i in 0..strings {
            let first_is_end = text.pass();
            nameless &= i > 0 || first_is_end;
        }
        Session { nameless, system: text.words(), lanman: text.words() }
    }

    /// Of a successful response to TREE_CONNECT_ANDX: the kind of the share (MS-CIFS 2.2.4.55.2), never its name.
    #[must_use]
    pub fn share(&self) -> Share {
        match self.bytes {
            [b'A', b':', ..] => Share::Files,
            [b'I', b'P', b'C', ..] => Share::Pipe,
            _ => Share::Other,
        }
    }

    /// Of a successful response to READ or READ_ANDX: octets that were read.
    #[must_use]
    pub fn read_octets(&self) -> u16 {
        let at = if self.command == READ_ANDX { 10 } else { 0 };
        self.words.get(at..).and_then(<[u8]>::first_chunk::<2>).map_or(0, |o| u16::from_le_bytes(*o))
    }
}

/// The strings of a SESSION_SETUP_ANDX.
pub struct Session {
    /// A request of the old form without account and without secret.
    pub nameless: bool,
    /// NativeOS.
    pub system: Words,
    /// NativeLanMan.
    pub lanman: Words,
}

/// A string of a system, as ASCII: to be held against a closed list, and dropped. It has no `Debug` on purpose.
#[derive(Clone, Copy)]
pub struct Words {
    octets: [u8; MAX_WORDS],
    length: usize,
}

impl Words {
    /// Its octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

/// Strings one behind the other, each with its end.
struct Text<'a> {
    rest: &'a [u8],
    at: usize,
    unicode: bool,
}

impl Text<'_> {
    /// The next character, 0 at a string's end, 0x1a for what is not ASCII; `None` where the octets end.
    fn next(&mut self) -> Option<u8> {
        let step = if self.unicode { 2 } else { 1 };
        let (one, rest) = self.rest.split_at_checked(step)?;
        self.rest = rest;
        self.at = self.at.saturating_add(step);
        match one {
            [c] | [c, 0] => Some(if c.is_ascii() { *c } else { 0x1a }),
            _ => Some(0x1a),
        }
    }

    /// Strings of UTF-16 stand at even places.
    fn align(&mut self) {
        if self.unicode && self.at % 2 == 1 {
            self.rest = self.rest.get(1..).unwrap_or_default();
            self.at = self.at.saturating_add(1);
        }
    }

    /// Passes over a string; true if it is empty.
    fn pass(&mut self) -> bool {
        self.align();
        let first = self.next();
        let mut c = first;
        while c.is_some_and(|c| c != 0) {
            c = self.next();
        }
        first == Some(0)
    }

    /// The next string.
    fn words(&mut self) -> Words {
        self.align();
        let mut words = Words { octets: [0; MAX_WORDS], length: 0 };
        while let Some(c) = self.next().filter(|c| *c != 0) {
            if let Some(place) = words.octets.get_mut(words.length) {
                *place = c;
                words.length = words.length.saturating_add(1);
            }
        }
        words
    }
}

// Commands (MS-CIFS 2.2.2.1).

/// SMB_COM_READ.
pub const READ: u8 = 0x0a;
/// SMB_COM_READ_ANDX.
pub const READ_ANDX: u8 = 0x2e;
/// SMB_COM_NEGOTIATE.
pub const NEGOTIATE: u8 = 0x72;
/// SMB_COM_SESSION_SETUP_ANDX.
pub const SESSION_SETUP: u8 = 0x73;
/// SMB_COM_TREE_CONNECT_ANDX.
pub const TREE: u8 = 0x75;

/// Blocks of an SMB1 message: a session, a tree and an opened file are the longest chain in use.
const MAX_BLOCKS: usize = 4;

/// Longest string of a system that is compared: `Windows Server 2008 R2 Standard 7601 Service Pack 1` has 51 octets.
const MAX_WORDS: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of SMB1: response, UTF-16, tree 0x1234, user 7, multiplex 4.
    fn one(command: u8) -> Vec<u8> {
        let mut o = b"\xffSMB".to_vec();
        o.push(command);
        o.extend([0, 0, 0, 0]); // status
        o.push(0x88); // flags: response, case-insensitive
        o.extend([0x03, 0xc8]); // flags2: UTF-16, NT status, extended security
        o.extend([0; 12]); // process, signature, reserved
        o.extend([0x34, 0x12, 0, 0, 7, 0, 4, 0]); // tree, process, user, multiplex
        o
    }

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_header_of_smb1_is_read() {
        let h = Header::read(&one(0x73)).unwrap();
        assert_eq!((h.command, h.status, h.response, h.unicode), (0x73, 0, true, true));
        assert_eq!((h.tree, h.user, h.multiplex), (0x1234, 7, 4));
        assert_eq!(Header::read(&one(0x73)[..31]), Err(WireError::Truncated("multiplex")));
    }

    #[test]
    fn the_choice_of_an_smb1_server_is_read() {
        let mut o = one(0x72);
        o.push(17); // word count
        o.extend([1, 0, 0x0f]); // dialect index, security mode
        o.extend([0; 31]);
        o.extend([0, 0]); // byte count
        let b = blocks(&o, 0x72).next().unwrap();
        assert_eq!(b.choice(), Ok(Choice { dialect: Some(1), signing: (true, true) }));
        o[33..35].copy_from_slice(&[0xff, 0xff]);
        assert_eq!(blocks(&o, 0x72).next().unwrap().choice().unwrap().dialect, None);
    }

    #[test]
    fn the_words_of_a_session_stand_at_even_places() {
        let mut o = one(0x73);
        o.extend([3, 0xff, 0, 0, 0, 1, 0]); // word count 3, no next command, action: guest
        let mut data = vec![0]; // to an even place
        data.extend(utf16("Windows 5.1"));
        data.extend(utf16("Windows 2000 LAN Manager"));
        data.extend(utf16("ZZCANARY"));
        o.extend(u16::try_from(data.len()).unwrap().to_le_bytes());
        o.extend(data);
        let b = blocks(&o, 0x73).next().unwrap();
        assert!(b.is_guest());
        let s = b.session(true, true);
        assert_eq!(s.system.octets(), b"Windows 5.1");
        assert_eq!(s.lanman.octets(), b"Windows 2000 LAN Manager");
    }

    #[test]
    fn a_chain_of_blocks_is_followed_forwards_only() {
        let mut o = one(0x73);
        o.extend([3, 0x75, 0, 41, 0, 0, 0, 0, 0]); // session setup, then 0x75 at 41, no data
        o.extend([2, 0xff, 0, 0, 0, 7, 0]); // tree connect: two words, seven octets
        o.extend(b"A:\0FAT\0");
        let all: Vec<_> = blocks(&o, 0x73).map(|b| (b.command, b.share())).collect();
        assert_eq!(all, [(0x73, Share::Other), (0x75, Share::Files)]);
        o[35] = 32;
        assert_eq!(blocks(&o, 0x73).count(), 1);
    }
}
