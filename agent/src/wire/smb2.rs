//! SMB2 and SMB3 messages without their four octets of length (MS-SMB2 2.2).
//!
//! Keeps: commands, statuses, flags, numbers of sessions and trees, what a server chose, the kind of a share. Drops:
//! names of shares, files, users, hosts and domains, identifiers of servers and clients, and all data.

use super::WireError;
use super::reader::Reader;
use super::smb::{Form, Share};

/// The header of SMB2 (MS-SMB2 2.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Octets 12-13.
    pub command: u16,
    /// Octets 8-11, of a response: 0 is success.
    pub status: u32,
    /// Octets 16-19, bit 0: it comes from the server.
    pub response: bool,
    /// Octets 20-23: where the next message of a chain begins, 0 for the last.
    pub next: usize,
    /// Octets 24-31: the same in a request and its response.
    pub message: u64,
    /// Octets 36-39; 0 in an asynchronous message.
    pub tree: u32,
    /// Octets 40-47.
    pub session: u64,
}

impl Header {
    /// Reads the header.
    ///
    /// # Errors
    /// `Truncated` or `Malformed` if it is none.
    pub fn read(message: &[u8]) -> Result<Header, WireError> {
        let mut r = Reader::new(message);
        if Form::read(message)? != Form::Two {
            return Err(WireError::Malformed("signature"));
        }
        r.take(4, "signature")?;
        if r.u16_le("structure size")? != 64 {
            return Err(WireError::Malformed("structure size"));
        }
        r.u16_le("credit charge")?;
        let status = r.u32_le("status")?;
        let command = r.u16_le("command")?;
        r.u16_le("credits")?;
        let flags = r.u32_le("flags")?;
        let next = usize::try_from(r.u32_le("next command")?).unwrap_or(usize::MAX);
        let message = u64_le(&mut r, "message")?;
        r.u32_le("process")?;
        let tree = r.u32_le("tree")?;
        // In an asynchronous message the last two are its number.
        let tree = if flags & 2 != 0 { 0 } else { tree };
        let session = u64_le(&mut r, "session")?;
        r.take(16, "signature")?;
        Ok(Header { command, status, response: flags & 1 != 0, next, message, tree, session })
    }
}

fn u64_le(r: &mut Reader<'_>, field: &'static str) -> Result<u64, WireError> {
    r.array(field).map(u64::from_le_bytes)
}

/// The messages of a chain with what follows their headers, at most `MAX_CHAIN`.
pub fn chain(message: &[u8]) -> impl Iterator<Item = (Header, &[u8])> {
    let mut rest = Some(message);
    core::iter::from_fn(move || {
        let message = rest?;
        let header = Header::read(message).ok()?;
        // The next one stands behind this one's header, else a chain could turn on the spot.
        rest = if header.next >= 64 { message.get(header.next..) } else { None };
        Some((header, message.get(64..)?))
    })
    .take(MAX_CHAIN)
}

/// What an SMB2 server chose: the body of a successful response to NEGOTIATE (MS-SMB2 2.2.4).
///
/// # Errors
/// `Truncated` if it is none.
pub fn choice(body: &[u8]) -> Result<Choice, WireError> {
    let mut r = Reader::new(body);
    r.u16_le("structure size")?;
    let mode = r.u16_le("security mode")?;
    Ok(Choice { signing: (mode & 1 != 0, mode & 2 != 0), dialect: r.u16_le("dialect")? })
}

/// See [`choice`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Octets 2-3: signatures are known, are required.
    pub signing: (bool, bool),
    /// Octets 4-5: 0x0202 to 0x0311; 0x02FF asks the client to negotiate again.
    pub dialect: u16,
}

/// Octets 2-3 of a successful response to SESSION_SETUP (MS-SMB2 2.2.6): bit 0 guest, 1 null, 2 encrypt.
///
/// # Errors
/// `Truncated` if it is none.
pub fn session_flags(body: &[u8]) -> Result<u16, WireError> {
    let mut r = Reader::new(body);
    r.u16_le("structure size")?;
    r.u16_le("session flags")
}

/// The kind of share of a successful response to TREE_CONNECT, and whether it must be encrypted (MS-SMB2 2.2.10).
///
/// # Errors
/// `Truncated` if it is none.
pub fn tree_connected(body: &[u8]) -> Result<(Share, bool), WireError> {
    let mut r = Reader::new(body);
    r.u16_le("structure size")?;
    let share = match r.u8("share type")? {
        1 => Share::Files,
        2 => Share::Pipe,
        _ => Share::Other,
    };
    r.u8("reserved")?;
    Ok((share, r.u32_le("share flags")? & 0x8000 != 0))
}

/// Octets that were read: 4-7 of a successful response to READ (MS-SMB2 2.2.20).
///
/// # Errors
/// `Truncated` if it is none.
pub fn read_octets(body: &[u8]) -> Result<u32, WireError> {
    let mut r = Reader::new(body);
    r.take(4, "data offset")?;
    r.u32_le("data length")
}

// Commands (MS-SMB2 2.2.1.2).

/// NEGOTIATE.
pub const NEGOTIATE: u16 = 0;
/// SESSION_SETUP.
pub const SESSION_SETUP: u16 = 1;
/// TREE_CONNECT.
pub const TREE_CONNECT: u16 = 3;
/// CREATE.
pub const CREATE: u16 = 5;
/// READ.
pub const READ: u16 = 8;
/// WRITE.
pub const WRITE: u16 = 9;
/// QUERY_DIRECTORY.
pub const QUERY_DIRECTORY: u16 = 14;

/// Messages of a chain: clients send three to five.
const MAX_CHAIN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_smb2_and_its_chain_are_read() {
        let mut o = b"\xfeSMB\x40\0\0\0".to_vec();
        o.extend(0xc000_0016u32.to_le_bytes()); // status
        o.extend([1, 0, 1, 0]); // command, credits
        o.extend([1, 0, 0, 0]); // flags: response
        o.extend([72, 0, 0, 0]); // next command
        o.extend(5u64.to_le_bytes()); // message
        o.extend([0xff, 0xfe, 0, 0, 9, 0, 0, 0]); // process, tree
        o.extend(0x4000_0001u64.to_le_bytes()); // session
        o.extend([0; 16]); // signature
        o.extend([9, 0, 1, 0, 0, 0, 0, 0]); // structure size, session flags: guest
        let h = Header::read(&o).unwrap();
        assert_eq!((h.command, h.status, h.response, h.next), (1, 0xc000_0016, true, 72));
        assert_eq!((h.message, h.tree, h.session), (5, 9, 0x4000_0001));
        assert_eq!(session_flags(&o[64..]), Ok(1));
        let mut two = o.clone();
        two[20] = 0;
        o.extend(two);
        assert_eq!(chain(&o).count(), 2);
        o[20] = 1;
        assert_eq!(chain(&o).count(), 1);
    }
}
