//! The opening of the remote framebuffer protocol, RFB or VNC (RFC 6143 section 7.1).
//!
//! Keeps: protocol versions, security types, the result. Drops: challenges and responses (passed over unread), reasons,
//! the name of the desktop, and everything behind: that is the screen.

use super::WireError;
use super::reader::Reader;

/// Octets of a ProtocolVersion message: `RFB xxx.yyy\n`.
pub const VERSION_LEN: usize = 12;

/// A protocol version (7.1.1), as it changes the messages that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 3.3 and what is treated like it: the server decides.
    V3,
    /// 3.7: the client chooses.
    V7,
    /// 3.8 and later: there is a result for every security type.
    V8,
}

/// The ProtocolVersion message that `octets` begin with (7.1.1), [`VERSION_LEN`] octets.
///
/// # Errors
/// `Truncated` while it may become one, `Malformed` if it is none.
pub fn version(octets: &[u8]) -> Result<Version, WireError> {
    let known = octets.len().min(VERSION_LEN);
    let matches = octets.iter().zip(b"RFB 000.000\n").all(|(o, form)| match form {
        b'0' => o.is_ascii_digit(),
        form => o == form,
    });
    if !matches {
        return Err(WireError::Malformed("protocol version"));
    }
    if known < VERSION_LEN {
        return Err(WireError::Truncated("protocol version"));
    }
    let mut r = Reader::new(octets);
    r.take(4, "RFB")?;
    let major = r.take(3, "major version")?;
    r.u8("point")?;
    let minor = r.take(3, "minor version")?;
    // Versions 4 and 5 and Apple's 3.889 go on like 3.8.
    Ok(match (major, minor) {
        (b"003", minor) if minor >= &b"008"[..] => Version::V8,
        (b"003", b"007") => Version::V7,
        (major, _) if major > &b"003"[..] => Version::V8,
        _ => Version::V3,
    })
}

/// The server's word on security (7.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security<'a> {
    /// Zero types: a reason follows, the connection ends.
    Refused,
    /// Before 3.7: the server has decided.
    Decided(u8),
    /// From 3.7 on: what it offers; the client answers with one octet.
    Offered(&'a [u8]),
}

impl<'a> Security<'a> {
    /// The security message that `octets` begin with, and its length.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` for a type that 3.3 cannot express.
    pub fn parse(octets: &'a [u8], version: Version) -> Result<(Security<'a>, usize), WireError> {
        let mut r = Reader::new(octets);
        if version == Version::V3 {
            // Octets 0-3: the type. Only one octet of it was ever used.
            let decided = u8::try_from(r.u32("security type")?).map_err(|_| WireError::Malformed("security type"))?;
            let security = if decided == 0 { Security::Refused } else { Security::Decided(decided) };
            return Ok((security, 4));
        }
        let count = usize::from(r.u8("number of security types")?);
        let types = r.take(count, "security types")?;
        let security = if count == 0 { Security::Refused } else { Security::Offered(types) };
        Ok((security, count.saturating_add(1)))
    }
}

/// SecurityResult (7.1.3): whether the client was let in.
///
/// # Errors
/// `Truncated`; `Malformed` for a result that is none.
pub fn result(octets: &[u8]) -> Result<bool, WireError> {
    match Reader::new(octets).u32("security result")? {
        0 => Ok(true),
        1 | 2 => Ok(false),
        _ => Err(WireError::Malformed("security result")),
    }
}

/// Security type 1 (7.2.1): None.
pub const NONE: u8 = 1;
/// Security type 2 (7.2.2): VNC Authentication.
pub const PASSWORD: u8 = 2;
/// Octets of the challenge, and of the response, of VNC Authentication.
pub const CHALLENGE_LEN: u64 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_nothing_else_is_taken_for_one() {
        for (text, expected) in [
            (&b"RFB 003.003\n"[..], Version::V3),
            (b"RFB 003.005\n", Version::V3),
            (b"RFB 003.007\n", Version::V7),
            (b"RFB 003.008\n", Version::V8),
            (b"RFB 003.889\n", Version::V8), // Apple
            (b"RFB 005.000\n", Version::V8), // RealVNC
        ] {
            assert_eq!(version(text), Ok(expected));
        }
        assert_eq!(version(b"RFB 003"), Err(WireError::Truncated("protocol version")));
        assert_eq!(version(b"RFC 003"), Err(WireError::Malformed("protocol version")));
        assert_eq!(version(b"RFB 003.0x8\n"), Err(WireError::Malformed("protocol version")));
    }

    #[test]
    fn security_is_decided_by_old_servers_and_offered_by_new_ones() {
        assert_eq!(Security::parse(&[0, 0, 0, 2], Version::V3), Ok((Security::Decided(2), 4)));
        assert_eq!(Security::parse(&[0, 0, 0, 0], Version::V3), Ok((Security::Refused, 4)));
        assert_eq!(Security::parse(&[2, 16, 2, 9], Version::V8), Ok((Security::Offered(&[16, 2]), 3)));
        assert_eq!(Security::parse(&[0, 0, 0, 0, 4], Version::V8), Ok((Security::Refused, 1)));
        assert_eq!(Security::parse(&[2, 16], Version::V7), Err(WireError::Truncated("security types")));
    }

    #[test]
    fn the_result_is_a_number_of_three() {
        assert_eq!(result(&[0, 0, 0, 0]), Ok(true));
        assert_eq!(result(&[0, 0, 0, 1]), Ok(false));
        assert_eq!(result(&[0, 1, 0, 0]), Err(WireError::Malformed("security result")));
    }
}
