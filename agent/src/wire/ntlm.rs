//! NTLM messages (MS-NLMP 2.2.1), wherever they are wrapped: SPNEGO in SMB, base64 in HTTP, raw in others.
//!
//! Keeps: the kind of a message, the version of the sender's system (2.2.2.10), and whether it logs in without a name.
//! Drops: names of users, hosts and domains, challenges and responses; they are never read, only the lengths of two.

use super::WireError;
use super::reader::Reader;

/// An NTLM message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Octets 8-11.
    pub kind: Kind,
    /// The sender's system, where flag 0x02000000 says that it is there.
    pub version: Option<Version>,
    /// Of [`Kind::Authenticate`]: neither a user nor a response (MS-NLMP 3.2.5.1.2): an anonymous login.
    pub anonymous: bool,
}

/// Octets 8-11 of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 1: a client offers what it can.
    Negotiate,
    /// 2: a server challenges it.
    Challenge,
    /// 3: the client answers.
    Authenticate,
}

/// VERSION (2.2.2.10): the numbers of a Windows, or what a library writes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Octet 0.
    pub major: u8,
    /// Octet 1.
    pub minor: u8,
    /// Octets 2-3.
    pub build: u16,
    /// Octet 7: 15 for every Windows since XP.
    pub revision: u8,
}

impl Message {
    /// Reads a message that begins with `NTLMSSP\0`.
    ///
    /// # Errors
    /// `Truncated` or `Malformed` if it is none. A message that is cut before its version is one without a version.
    pub fn read(octets: &[u8]) -> Result<Message, WireError> {
        let mut r = Reader::new(octets);
        if r.take(8, "signature")? != SIGNATURE {
            return Err(WireError::Malformed("signature"));
        }
        match r.u32_le("message type")? {
            1 => {
                let flags = r.u32_le("flags")?;
                // Fields of domain and workstation: 8 octets each.
                Ok(Message { kind: Kind::Negotiate, version: version(r, 16, flags), anonymous: false })
            }
            2 => {
                r.take(8, "target name")?;
                let flags = r.u32_le("flags")?;
                // Challenge 8, reserved 8, fields of the target's information 8.
                Ok(Message { kind: Kind::Challenge, version: version(r, 24, flags), anonymous: false })
            }
            3 => authenticate(r),
            _ => Err(WireError::Malformed("message type")),
        }
    }
}

/// The first NTLM message inside `octets`, which may wrap it in anything. Work is bounded by [`MAX_SEARCH`].
#[must_use]
pub fn find(octets: &[u8]) -> Option<Message> {
    let octets = octets.get(..MAX_SEARCH).unwrap_or(octets);
    let at = octets.windows(SIGNATURE.len()).position(|w| w == SIGNATURE)?;
    Message::read(octets.get(at..)?).ok()
}

/// The first NTLM message inside base64 (RFC 4648 section 4), as HTTP's `NTLM` and `Negotiate` carry it (RFC 4559,
/// MS-NTHT). Reading ends at the first character that is not base64. Work is bounded by [`MAX_BASE64`].
#[must_use]
pub fn in_base64(text: &[u8]) -> Option<Message> {
    let mut octets = [0u8; MAX_BASE64 / 4 * 3];
    let mut length: usize = 0;
    for four in text.get(..MAX_BASE64).unwrap_or(text).chunks(4) {
        let values = four.iter().map_while(|c| value(*c));
        let (bits, count) = values.fold((0u32, 0u32), |(bits, n), v| ((bits << 6) | v, n.saturating_add(1)));
        let [_, three @ ..] = (bits << 6u32.saturating_mul(4u32.saturating_sub(count))).to_be_bytes();
        for octet in three.iter().take(usize::try_from(count.saturating_sub(1)).unwrap_or_default()) {
            *octets.get_mut(length)? = *octet;
            length = length.saturating_add(1);
        }
        if count < 4 {
            break;
        }
    }
    find(octets.get(..length)?)
}

/// The six bits of a character of base64.
fn value(character: u8) -> Option<u32> {
    let v = match character {
        b'A'..=b'Z' => character.wrapping_sub(b'A'),
        b'a'..=b'z' => character.wrapping_sub(b'a').wrapping_add(26),
        b'0'..=b'9' => character.wrapping_sub(b'0').wrapping_add(52),
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(v))
}

/// AUTHENTICATE_MESSAGE (2.2.1.3) after its type: six fields of a length (2 octets), an allocated length (2) and an
/// offset (4), then flags and version. Of the responses and the user only the lengths are read.
fn authenticate(mut r: Reader<'_>) -> Result<Message, WireError> {
    let lm = field(&mut r, "lm response")?;
    let nt = field(&mut r, "nt response")?;
    field(&mut r, "domain")?;
    let user = field(&mut r, "user")?;
    field(&mut r, "workstation")?;
    let anonymous = user == 0 && nt == 0 && lm <= 1;
    // Windows 2000 ends here.
    let version = field(&mut r, "session key").and_then(|_| r.u32_le("flags")).ok().and_then(|f| version(r, 0, f));
    Ok(Message { kind: Kind::Authenticate, version, anonymous })
}

/// The length of a field.
fn field(r: &mut Reader<'_>, name: &'static str) -> Result<u16, WireError> {
    let length = r.u16_le(name)?;
    r.take(6, name)?;
    Ok(length)
}

/// The version `ahead` octets further on, if the flags say that it is there.
fn version(mut r: Reader<'_>, ahead: usize, flags: u32) -> Option<Version> {
    if flags & NEGOTIATE_VERSION == 0 {
        return None;
    }
    r.take(ahead, "version").ok()?;
    let (major, minor) = (r.u8("major").ok()?, r.u8("minor").ok()?);
    let build = r.u16_le("build").ok()?;
    r.take(3, "reserved").ok()?;
    Some(Version { major, minor, build, revision: r.u8("revision").ok()? })
}

const SIGNATURE: &[u8] = b"NTLMSSP\0";

/// NTLMSSP_NEGOTIATE_VERSION (2.2.2.5).
const NEGOTIATE_VERSION: u32 = 0x0200_0000;

/// Octets that are searched for a message: before it stand at most a few headers and SPNEGO's list of mechanisms, about
/// 200 octets; a Kerberos ticket, which has no NTLM, is up to 64 KiB long.
pub const MAX_SEARCH: usize = 2048;

/// Characters of base64 that are decoded: the version stands in the first 72 octets, SPNEGO's wrapping before it.
pub const MAX_BASE64: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    /// A challenge of Windows 10 (build 14393), with a target name that must not show.
    fn challenge() -> Vec<u8> {
        let mut o = b"NTLMSSP\0\x02\0\0\0".to_vec();
        o.extend([8, 0, 8, 0, 56, 0, 0, 0]); // target name: length, allocated, offset
        o.extend(0x6289_8215u32.to_le_bytes()); // flags
        o.extend([1, 2, 3, 4, 5, 6, 7, 8]); // server challenge
        o.extend([0; 8]); // reserved
        o.extend([0, 0, 0, 0, 64, 0, 0, 0]); // target info
        o.extend([10, 0, 0x39, 0x38, 0, 0, 0, 15]); // version 10.0.14393 revision 15
        o.extend(b"Z\0Z\0C\0A\0");
        o
    }

    /// An authenticate message with lengths of its responses and its user.
    fn authenticate(lm: u8, nt: u8, user: u8) -> Vec<u8> {
        let mut o = b"NTLMSSP\0\x03\0\0\0".to_vec();
        for length in [lm, nt, 0, user, 0, 0] {
            o.extend([length, 0, length, 0, 72, 0, 0, 0]);
        }
        o.extend(0x6200_8215u32.to_le_bytes());
        o.extend([6, 1, 0xb1, 0x1d, 0, 0, 0, 15]); // 6.1.7601
        o
    }

    #[test]
    fn a_challenge_gives_the_build_of_its_sender() {
        let mut wrapped = b"\xa1\x81\xb0 wrapped in anything ".to_vec();
        wrapped.extend(challenge());
        let m = find(&wrapped).unwrap();
        assert_eq!(m.kind, Kind::Challenge);
        assert_eq!(m.version, Some(Version { major: 10, minor: 0, build: 14393, revision: 15 }));
        assert!(!format!("{m:?}").contains("ZZ"));
    }

    #[test]
    fn a_challenge_without_the_flag_has_no_version() {
        let mut octets = challenge();
        octets[23] = 0x60;
        assert_eq!(find(&octets).unwrap().version, None);
    }

    #[test]
    fn a_login_without_user_and_response_is_anonymous() {
        assert!(find(&authenticate(0, 0, 0)).unwrap().anonymous);
        assert!(find(&authenticate(1, 0, 0)).unwrap().anonymous);
        assert!(!find(&authenticate(24, 24, 8)).unwrap().anonymous);
        assert!(!find(&authenticate(24, 24, 0)).unwrap().anonymous);
        assert_eq!(find(&authenticate(24, 24, 8)).unwrap().version.map(|v| v.build), Some(7601));
    }

    #[test]
    fn a_message_cut_anywhere_is_refused_or_has_no_version() {
        for octets in [challenge(), authenticate(24, 24, 8)] {
            for cut in 0..56 {
                assert_eq!(find(&octets[..cut]).and_then(|m| m.version), None);
            }
        }
    }

    #[test]
    fn base64_is_read_as_far_as_it_goes() {
        // NTLMSSP negotiate: flags 0x02000000, empty fields, version 10.0.19041 revision 15.
        let m = in_base64(b"TlRMTVNTUAABAAAAAAAAAgAAAAAAAAAAAAAAAAAAAAAKAGFKAAAADw==\r\nCookie: x").unwrap();
        assert_eq!(m.kind, Kind::Negotiate);
        assert_eq!(m.version, Some(Version { major: 10, minor: 0, build: 19041, revision: 15 }));
        assert_eq!(in_base64(b""), None);
        assert_eq!(in_base64(b"Tl=MTVNTUAAB"), None);
        assert_eq!(in_base64(&[b'A'; 5000]), None);
    }
}
