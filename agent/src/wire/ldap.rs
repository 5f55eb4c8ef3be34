//! LDAP messages (RFC 4511 sections 4.1.1, 4.2, 4.5, 4.12, 4.14), as far as the kind of the operation and how a client
//! bound itself.
//!
//! Keeps: message length, kind of operation, result code, whether a bind names somebody and shows a secret, and whether an
//! extended request is StartTLS. Drops: names, passwords, filters, entries and their attributes.

use super::WireError;
use super::ber::{ENUMERATED, INTEGER, OCTETS, SEQUENCE, field, length};
use super::reader::Reader;

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// [APPLICATION 0].
    Bind(Bind),
    /// [APPLICATION 1], with its result code.
    BindResponse(u8),
    /// [APPLICATION 3]: a question.
    Search,
    /// [APPLICATION 4]: an entry was given.
    Entry,
    /// [APPLICATION 5], with its result code.
    SearchDone(u8),
    /// [APPLICATION 23] with the name 1.3.6.1.4.1.1466.20037.
    StartTls,
    /// [APPLICATION 24], with its result code.
    ExtendedResponse(u8),
    /// Any other.
    Other,
}

/// How a client binds itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bind {
    /// Neither a name nor a secret: anonymous.
    Anonymous,
    /// A name without a secret (RFC 4513 section 5.1.2): anonymous too, whatever the client believes.
    Unauthenticated,
    /// A name and a readable secret.
    Simple,
    /// SASL: the mechanism hides the secret, or not; it is not looked at.
    Sasl,
}

/// The head of a message: its whole length, and its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Octets of the message with its own tag and length.
    pub octets: usize,
    /// What it is.
    pub operation: Operation,
}

impl Message {
    /// Reads the message that `octets` begin with. A long one need not be whole: an entry may be megabytes.
    ///
    /// # Errors
    /// `Truncated` if the operation cannot be told yet, `Malformed` if it is no LDAP.
    pub fn read(octets: &[u8]) -> Result<Message, WireError> {
        let mut outer = Reader::new(octets);
        if outer.u8("LDAPMessage")? != SEQUENCE {
            return Err(WireError::Malformed("LDAPMessage"));
        }
        let len = length(&mut outer, "LDAPMessage")?;
        if !(MIN_MESSAGE..=MAX_MESSAGE).contains(&len) {
            return Err(WireError::Malformed("LDAPMessage"));
        }
        let head = octets.len().saturating_sub(outer.left());
        let is_whole = outer.left() >= len;
        let mut message = outer.sub_at_most(len);
        let id = field(&mut message, INTEGER, "messageID")?;
        // A non-negative number of at most 31 bits.
        if id.is_empty() || id.len() > 4 || id.first().is_some_and(|o| o & 0x80 != 0) {
            return Err(WireError::Malformed("messageID"));
        }
        let operation = match operation(&mut message) {
            Err(WireError::Truncated(field)) if is_whole => return Err(WireError::Malformed(field)),
            other => other?,
        };
        Ok(Message { octets: head.saturating_add(len), operation })
    }
}

fn operation(message: &mut Reader<'_>) -> Result<Operation, WireError> {
    let tag = message.u8("protocolOp")?;
    let len = length(message, "protocolOp")?;
    let mut inner = message.sub_at_most(len);
    Ok(match tag {
        0x60 => Operation::Bind(bind(&mut inner)?),
        0x61 => Operation::BindResponse(result(&mut inner)?),
        0x63 => Operation::Search,
        0x64 => Operation::Entry,
        0x65 => Operation::SearchDone(result(&mut inner)?),
        0x77 if field(&mut inner, 0x80, "requestName")? == START_TLS => Operation::StartTls,
        0x78 => Operation::ExtendedResponse(result(&mut inner)?),
        // unbind, modify, add, delete, rename, compare, abandon, their responses, references, intermediate responses
        0x42 | 0x66..=0x6f | 0x4a | 0x50 | 0x73 | 0x77 | 0x79 => Operation::Other,
        _ => return Err(WireError::Malformed("protocolOp")),
    })
}

fn bind(inner: &mut Reader<'_>) -> Result<Bind, WireError> {
    let version = field(inner, INTEGER, "version")?;
    if !matches!(version, [1..=3]) {
        return Err(WireError::Malformed("version"));
    }
    let is_named = !field(inner, OCTETS, "name")?.is_empty();
    // [0] simple: an OCTET STRING; [3] SASL: a SEQUENCE.
    match inner.u8("authentication")? {
        0x80 => Ok(match (is_named, length(inner, "simple")? > 0) {
            (_, true) => Bind::Simple,
            (true, false) => Bind::Unauthenticated,
            (false, false) => Bind::Anonymous,
        }),
        _ => Ok(Bind::Sasl),
    }
}

fn result(inner: &mut Reader<'_>) -> Result<u8, WireError> {
    match field(inner, ENUMERATED, "resultCode")? {
        [code] => Ok(*code),
        _ => Err(WireError::Malformed("resultCode")),
    }
}

/// The result code of success.
pub const SUCCESS: u8 = 0;

/// 1.3.6.1.4.1.1466.20037, as text (RFC 4511 section 4.14.1).
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

/// The shortest message: a number and an unbind.
const MIN_MESSAGE: usize = 5;

/// The longest message that is believed: a photograph in an entry. It is passed over, not kept.
const MAX_MESSAGE: usize = 16 * 1024 * 1024;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A message with this operation.
    pub(crate) fn message(tag: u8, inner: &[u8]) -> Vec<u8> {
        let mut o = vec![SEQUENCE, u8::try_from(inner.len().saturating_add(5)).unwrap()]; // LDAPMessage
        o.extend([INTEGER, 1, 7]); // messageID
        o.extend([tag, u8::try_from(inner.len()).unwrap()]); // protocolOp
        o.extend(inner);
        o
    }

    /// A bind of version 3 with a name and a password.
    pub(crate) fn bind(name: &[u8], password: &[u8]) -> Vec<u8> {
        let mut inner = vec![INTEGER, 1, 3]; // version
        inner.extend([OCTETS, u8::try_from(name.len()).unwrap()]);
        inner.extend(name);
        inner.extend([0x80, u8::try_from(password.len()).unwrap()]); // simple
        inner.extend(password);
        message(0x60, &inner)
    }

    /// A response with this result code.
    pub(crate) fn response(tag: u8, code: u8) -> Vec<u8> {
        message(tag, &[ENUMERATED, 1, code, OCTETS, 0, OCTETS, 0])
    }

    fn operation_of(octets: &[u8]) -> Operation {
        Message::read(octets).unwrap().operation
    }

    #[test]
    fn binds_are_told_apart() {
        assert_eq!(operation_of(&bind(b"", b"")), Operation::Bind(Bind::Anonymous));
        assert_eq!(operation_of(&bind(b"cn=x", b"")), Operation::Bind(Bind::Unauthenticated));
        assert_eq!(operation_of(&bind(b"cn=x", b"secret")), Operation::Bind(Bind::Simple));
        let sasl = message(0x60, &[INTEGER, 1, 3, OCTETS, 0, 0xa3, 7, OCTETS, 5, b'G', b'S', b'S', b'A', b'P']);
        assert_eq!(operation_of(&sasl), Operation::Bind(Bind::Sasl));
    }

    #[test]
    fn responses_tell_their_result() {
        assert_eq!(operation_of(&response(0x61, 49)), Operation::BindResponse(49));
        assert_eq!(operation_of(&response(0x65, 0)), Operation::SearchDone(0));
        assert_eq!(operation_of(&response(0x78, 0)), Operation::ExtendedResponse(0));
        let mut name = vec![0x80, 22];
        name.extend(START_TLS);
        assert_eq!(operation_of(&message(0x77, &name)), Operation::StartTls);
    }

    #[test]
    fn a_long_entry_is_told_by_its_beginning() {
        // LDAPMessage of 70,000 octets, messageID 2, SearchResultEntry
        let octets = [SEQUENCE, 0x83, 0x01, 0x11, 0x70, INTEGER, 1, 2, 0x64, 0x83, 0x01, 0x11, 0x66, OCTETS];
        assert_eq!(Message::read(&octets), Ok(Message { octets: 70_005, operation: Operation::Entry }));
    }

    #[test]
    fn what_is_no_ldap_is_malformed() {
        for octets in [&b"GET / HTTP/1.1"[..], &[0x30, 0x03, 2, 1, 1], &[0x30, 9, 2, 1, 0x80, 0x60, 4, 2, 1, 3, 4]] {
            assert!(matches!(Message::read(octets), Err(WireError::Malformed(_))), "{octets:?}");
        }
        for end in 0..bind(b"cn=x", b"secret").len().saturating_sub(7) {
            assert!(matches!(Message::read(&bind(b"cn=x", b"secret")[..end]), Err(WireError::Truncated(_))), "{end}");
        }
    }
}
