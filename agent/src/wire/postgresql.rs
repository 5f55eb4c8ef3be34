//! The PostgreSQL frontend/backend protocol 3 (PostgreSQL manual, 55.2 "Message Flow" and 55.7 "Message Formats").
//!
//! Keeps: kinds and lengths of messages, the kind of an authentication request, the value of one parameter (borrowed),
//! the SQLSTATE of an error. Drops: user and data base names, passwords, queries, rows, error texts.

use super::WireError;
use super::reader::Reader;

/// The first message of a client: it has no kind octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// StartupMessage, of this many octets in all.
    Startup(u32),
    /// SSLRequest, answered by one octet.
    Tls,
    /// GSSENCRequest, answered by one octet.
    Gss,
    /// CancelRequest, not answered.
    Cancel,
}

impl First {
    /// Octets of SSLRequest and GSSENCRequest.
    pub const REQUEST_OCTETS: usize = 8;

    /// Octets 0-3: length, itself included; octets 4-7: the version of the protocol, or a code that no version has.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if it is none of these.
    pub fn parse(octets: &[u8]) -> Result<First, WireError> {
        // A server refuses more than 10,000 octets (MAX_STARTUP_PACKET_LENGTH), so that the first two are zero.
        if octets.iter().take(2).any(|o| *o != 0) {
            return Err(WireError::Malformed("length"));
        }
        let mut r = Reader::new(octets);
        let length = r.u32("length")?;
        let code = r.u32("protocol version")?;
        match (code, length) {
            (80_877_103, 8) => Ok(First::Tls),
            (80_877_104, 8) => Ok(First::Gss),
            // Since protocol 3.2 the key may have up to 256 octets.
            (80_877_102, 16..=268) => Ok(First::Cancel),
            (0x0003_0000..=0x0003_270f, 9..=10_000) => {
                let name = r.u8("name of the first parameter")?;
                let is_name = name.is_ascii_lowercase() || name == b'_';
                if is_name { Ok(First::Startup(length)) } else { Err(WireError::Malformed("parameter")) }
            }
            _ => Err(WireError::Malformed("protocol version")),
        }
    }
}

/// The five octets before every other message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Octet 0.
    pub kind: u8,
    /// Octets 1-4: octets after the kind, itself included.
    length: u32,
}

impl Header {
    /// How many octets it has.
    pub const OCTETS: usize = 5;

    /// The header that `octets` begin with.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if the length is less than its own or more than a message can have (1 GiB).
    pub fn parse(octets: &[u8]) -> Result<Header, WireError> {
        let mut r = Reader::new(octets);
        let kind = r.u8("kind")?;
        if r.rest().first().is_some_and(|o| *o > 0x3f) {
            return Err(WireError::Malformed("length"));
        }
        let length = r.u32("length")?;
        if !(4..=MAX_MESSAGE).contains(&length) {
            return Err(WireError::Malformed("length"));
        }
        Ok(Header { kind, length })
    }

    /// Kind, length and body together.
    #[must_use]
    pub fn whole(&self) -> u64 {
        u64::from(self.length).saturating_add(1)
    }

    /// The body alone.
    #[must_use]
    pub fn body(&self) -> usize {
        usize::try_from(self.length.saturating_sub(4)).unwrap_or(usize::MAX)
    }
}

/// The message that `octets` begin with: its header and all of its body.
///
/// # Errors
/// As [`Header::parse`]; `Truncated` if it is not complete.
pub fn message(octets: &[u8]) -> Result<(Header, &[u8]), WireError> {
    let header = Header::parse(octets)?;
    let mut r = Reader::new(octets);
    r.take(Header::OCTETS, "header")?;
    Ok((header, r.take(header.body(), "body")?))
}

/// What an `R` message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// 0: nothing more.
    Ok,
    /// 3: the password as it is.
    ClearPassword,
    /// Anything else: Kerberos, MD5, GSSAPI, SSPI, SASL.
    Other,
}

impl Authentication {
    /// Octets 0-3 of the body.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if there is no such kind, or its body has another length.
    pub fn parse(body: &[u8]) -> Result<Authentication, WireError> {
        let mut r = Reader::new(body);
        match (r.u32("authentication")?, r.left()) {
            (0, 0) => Ok(Authentication::Ok),
            (3, 0) => Ok(Authentication::ClearPassword),
            // Kerberos, crypt with its salt, MD5 with its salt, GSSAPI, SSPI
            (2 | 7 | 9, 0) | (4, 2) | (5, 4) | (8 | 10..=12, _) => Ok(Authentication::Other),
            _ => Err(WireError::Malformed("authentication")),
        }
    }
}

/// The value of the parameter `name`, if this body of an `S` message (ParameterStatus) is about it.
#[must_use]
pub fn parameter<'a>(body: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut parts = body.split(|o| *o == 0);
    (parts.next()? == name).then_some(())?;
    parts.next()
}

/// The SQLSTATE (field `C`) in the body of an `E` message: fields of one octet and a text, each ended by a NUL.
#[must_use]
pub fn state(body: &[u8]) -> Option<[u8; 5]> {
    let field = body.split(|o| *o == 0).take(MAX_FIELDS).find(|f| f.first() == Some(&b'C'))?;
    let state: [u8; 5] = field.get(1..)?.try_into().ok()?;
    state.iter().all(|o| o.is_ascii_digit() || o.is_ascii_uppercase()).then_some(state)
}

/// Whether a server sends messages of this kind.
#[must_use]
pub fn is_server_kind(kind: u8) -> bool {
    b"123ACDEGHIKNRSTVWZcdnstv".contains(&kind)
}

/// Whether these octets are a server's answer to a command, up to ReadyForQuery: how a conversation that was joined in
/// the middle is recognised. `Truncated` as long as that is not decided. Work is bounded by `octets`.
///
/// # Errors
/// `Truncated` if it may still be one, `Malformed` if it is none.
pub fn reply(octets: &[u8]) -> Result<(), WireError> {
    let mut r = Reader::new(octets);
    loop {
        // Two octets of the length tell soon what is no PostgreSQL.
        if r.rest().iter().skip(1).take(2).any(|o| *o != 0) || octets.len() > MAX_REPLY {
            return Err(WireError::Malformed("length"));
        }
        let (header, body) = match message(r.rest()) {
            Ok(whole) => whole,
            Err(WireError::Truncated(field)) => {
                let known = r.rest().first().is_none_or(|kind| is_server_kind(*kind));
                return Err(if known { WireError::Truncated(field) } else { WireError::Malformed("kind") });
            }
            Err(malformed) => return Err(malformed),
        };
        if header.kind == b'Z' {
            return if matches!(body, b"I" | b"T" | b"E") { Ok(()) } else { Err(WireError::Malformed("status")) };
        }
        if !is_server_kind(header.kind) {
            return Err(WireError::Malformed("kind"));
        }
        r.take(usize::try_from(header.whole()).unwrap_or(usize::MAX), "message")?;
    }
}

/// Octets of an answer by which a conversation is recognised: less than may wait in a head.
const MAX_REPLY: usize = 32 * 1024;

/// Octets of a message: a server's own limit (MaxAllocSize).
const MAX_MESSAGE: u32 = 0x3fff_ffff;

/// Fields of an error: 55.8 lists 18.
const MAX_FIELDS: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_of_a_client_is_told_by_its_code() {
        assert_eq!(First::parse(b"\0\0\0\x08\x04\xd2\x16\x2f"), Ok(First::Tls));
        assert_eq!(First::parse(b"\0\0\0\x08\x04\xd2\x16\x30"), Ok(First::Gss));
        assert_eq!(First::parse(b"\0\0\0\x10\x04\xd2\x16\x2eaaaabbbb"), Ok(First::Cancel));
        // length 19, version 3.0, "user" ...
        assert_eq!(First::parse(b"\0\0\0\x13\0\x03\0\0user\0smith\0\0"), Ok(First::Startup(19)));
        assert_eq!(First::parse(b"\0\0\0\x13\0\x03\0\0"), Err(WireError::Truncated("name of the first parameter")));
        assert!(First::parse(b"\0\0\0\x13\0\x03\0\0\0ser").is_err());
        assert_eq!(First::parse(b"\0\x01"), Err(WireError::Malformed("length")));
    }

    #[test]
    fn authentication_requests_have_their_length() {
        assert_eq!(Authentication::parse(&[0, 0, 0, 0]), Ok(Authentication::Ok));
        assert_eq!(Authentication::parse(&[0, 0, 0, 3]), Ok(Authentication::ClearPassword));
        assert_eq!(Authentication::parse(&[0, 0, 0, 5, 1, 2, 3, 4]), Ok(Authentication::Other));
        assert!(Authentication::parse(&[0, 0, 0, 0, 0]).is_err());
        assert!(Authentication::parse(&[0, 0, 1, 0]).is_err());
    }

    #[test]
    fn one_parameter_and_one_field_are_read() {
        assert_eq!(parameter(b"server_version\x0015.20 (Debian)\0", b"server_version"), Some(&b"15.20 (Debian)"[..]));
        assert_eq!(parameter(b"session_authorization\0smith\0", b"server_version"), None);
        assert_eq!(state(b"SFATAL\0VFATAL\0C28P01\0Mpassword of smith\0\0"), Some(*b"28P01"));
        assert_eq!(state(b"SFATAL\0C28P0\0\0"), None);
    }

    #[test]
    fn an_answer_is_recognised_by_its_end() {
        let whole = b"D\0\0\0\x0a\0\x01\0\0\0\0C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I";
        assert_eq!(reply(whole), Ok(()));
        for cut in 0..whole.len() {
            assert!(matches!(reply(&whole[..cut]), Err(WireError::Truncated(_))), "{cut}");
        }
        assert!(matches!(reply(b"HTTP/1.1 200 OK"), Err(WireError::Malformed(_))));
        assert!(matches!(reply(b"Z\0\0\0\x05Q"), Err(WireError::Malformed(_))));
    }
}
