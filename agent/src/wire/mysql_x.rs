//! The X Protocol of MySQL (MySQL internals, "X Protocol": mysqlx.proto, mysqlx_connection, mysqlx_session, mysqlx_notice), in the
//! encoding of Protocol Buffers.
//!
//! Keeps: kinds and lengths of messages, the mechanism of a login and whether its secret is empty, the code of an error. Drops:
//! schema and user names, secrets, statements, columns, rows: of a row only its header is looked at.

use super::WireError;
use super::reader::Reader;

/// The five octets before every message's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Octets 0-3, least significant first: octets that follow, the kind included.
    pub length: u32,
    /// Octet 4: the kind, of two lists: what clients say (`ClientMessages`), what servers say (`ServerMessages`).
    pub kind: u8,
}

impl Header {
    /// How many octets it has.
    pub const OCTETS: usize = 5;
    /// Clients: what can you do?
    pub const CAPABILITIES_GET: u8 = 1;
    /// Clients: let us do so.
    pub const CAPABILITIES_SET: u8 = 2;
    /// Clients: a login begins.
    pub const AUTHENTICATE_START: u8 = 4;
    /// Clients: a login goes on.
    pub const AUTHENTICATE_CONTINUE: u8 = 5;
    /// Servers: yes.
    pub const OK: u8 = 0;
    /// Servers: no.
    pub const ERROR: u8 = 1;
    /// Servers: what they can do.
    pub const CAPABILITIES: u8 = 2;
    /// Servers: a challenge.
    pub const CHALLENGE: u8 = 3;
    /// Servers: the login succeeded.
    pub const AUTHENTICATED: u8 = 4;
    /// Servers: a notice, the greeting among them.
    pub const NOTICE: u8 = 11;
    /// Servers: a row.
    pub const ROW: u8 = 13;
    /// Servers: messages that are compressed.
    pub const COMPRESSION: u8 = 19;

    /// The header that `octets` begin with.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if the length is none that a server takes (`mysqlx_max_allowed_packet` is at most 1 GiB) or the kind
    /// is in no list.
    pub fn parse(octets: &[u8]) -> Result<Header, WireError> {
        let mut r = Reader::new(octets);
        let length = r.u32_le("length")?;
        if !(1..=1 << 30).contains(&length) {
            return Err(WireError::Malformed("length"));
        }
        let kind = r.u8("kind")?;
        if kind > MOST_KIND {
            return Err(WireError::Malformed("kind"));
        }
        Ok(Header { length, kind })
    }

    /// Octets of the whole message.
    #[must_use]
    pub fn whole(&self) -> u64 {
        u64::from(self.length).saturating_add(4)
    }
}

/// The message that `octets` begin with, and its body.
///
/// # Errors
/// `Truncated` if it is not complete; `Malformed` as [`Header::parse`].
pub fn message(octets: &[u8]) -> Result<(Header, &[u8]), WireError> {
    let header = Header::parse(octets)?;
    let length = usize::try_from(header.length.saturating_sub(1)).map_err(|_| WireError::Malformed("length"))?;
    let body = Reader::new(octets.get(Header::OCTETS..).unwrap_or_default()).take(length, "body")?;
    Ok((header, body))
}

/// How a client shows who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// `PLAIN`: the password as it is.
    Plain,
    /// `MYSQL41`, `SHA256_MEMORY`: a proof for the server's challenge.
    Proof,
    /// Another.
    Other,
}

/// What is shown of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secret {
    /// Nothing yet: it comes after a challenge.
    Later,
    /// It is empty: there is no password.
    Empty,
    /// There is one.
    There,
}

/// `Mysqlx.Session.AuthenticateStart`: 1 mechanism, 2 what it begins with.
///
/// # Errors
/// `Malformed` if it is none: a mechanism is a word of capitals, digits, `_` and `-`.
pub fn login(body: &[u8]) -> Result<(Mechanism, Secret), WireError> {
    let (mut mechanism, mut secret) = (None, Secret::Later);
    each(body, |number, value| match (number, value) {
        (1, Value::Octets(name)) => mechanism = Some(name),
        (2, Value::Octets(data)) => secret = last_part(data),
        _ => {}
    })?;
    let name = mechanism.ok_or(WireError::Malformed("mechanism"))?;
    let is_word = |o: &u8| o.is_ascii_uppercase() || o.is_ascii_digit() || matches!(o, b'_' | b'-');
    if name.is_empty() || name.len() > MOST_NAME || !name.iter().all(is_word) {
        return Err(WireError::Malformed("mechanism"));
    }
    Ok(match name {
        b"PLAIN" => (Mechanism::Plain, secret),
        b"MYSQL41" | b"SHA256_MEMORY" => (Mechanism::Proof, Secret::Later),
        _ => (Mechanism::Other, Secret::Later),
    })
}

/// `Mysqlx.Session.AuthenticateContinue` of a client: 1 the answer to the challenge.
///
/// # Errors
/// `Malformed` if it is none.
pub fn proof(body: &[u8]) -> Result<Secret, WireError> {
    let mut secret = Secret::Later;
    each(body, |number, value| {
        if let (1, Value::Octets(data)) = (number, value) {
            secret = last_part(data);
        }
    })?;
    Ok(secret)
}

/// Schema, user and secret, a zero octet between them.
fn last_part(data: &[u8]) -> Secret {
    match data.splitn(3, |o| *o == 0).nth(2) {
        None => Secret::Later,
        Some([]) => Secret::Empty,
        Some(_) => Secret::There,
    }
}

/// `Mysqlx.Error`: its 2 (code) and whether its 4 (SQL state) is 28000, "invalid authorization".
///
/// # Errors
/// `Malformed` if a code, a state or a sentence (3) is missing.
pub fn failure(body: &[u8]) -> Result<(u16, bool), WireError> {
    let (mut code, mut state, mut sentence) = (None, None, false);
    each(body, |number, value| match (number, value) {
        (2, Value::Number(n)) => code = u16::try_from(n).ok(),
        (3, Value::Octets(_)) => sentence = true,
        (4, Value::Octets(octets)) => state = Some(octets),
        _ => {}
    })?;
    match (code, state, sentence) {
        (Some(code), Some(state), true) if state.len() == 5 => Ok((code, state == b"28000")),
        _ => Err(WireError::Malformed("error")),
    }
}

/// `Mysqlx.Notice.Frame`: 1 its type (a warning, a variable, a state, replication, the greeting).
///
/// # Errors
/// `Malformed` if it is none.
pub fn notice(body: &[u8]) -> Result<(), WireError> {
    let mut is_known = false;
    each(body, |number, value| is_known |= number == 1 && matches!(value, Value::Number(1..=5)))?;
    if is_known { Ok(()) } else { Err(WireError::Malformed("notice")) }
}

/// `Mysqlx.Connection.Capabilities`, each 1 a name and 2 a value: whether `tls` is one of them.
///
/// # Errors
/// `Malformed` if it is none, or names nothing.
pub fn capabilities(body: &[u8]) -> Result<bool, WireError> {
    let (mut named, mut tls, mut fault) = (0usize, false, None);
    each(body, |number, value| {
        if let (1, Value::Octets(capability)) = (number, value) {
            let (mut name, mut has_value) = (None, false);
            let read = each(capability, |number, value| match (number, value) {
                (1, Value::Octets(octets)) => name = Some(octets),
                (2, Value::Octets(_)) => has_value = true,
                _ => {}
            });
            match (read, name) {
                (Ok(()), Some(name)) if has_value && is_name(name) => {
                    named = named.saturating_add(1);
                    tls |= name == b"tls";
                }
                _ => fault = Some(WireError::Malformed("capability")),
            }
        }
    })?;
    match fault {
        Some(fault) => Err(fault),
        None if named == 0 => Err(WireError::Malformed("capabilities")),
        None => Ok(tls),
    }
}

/// `Mysqlx.Connection.CapabilitiesSet`: 1 the capabilities; whether `tls` is one of them.
///
/// # Errors
/// As [`capabilities`].
pub fn capabilities_set(body: &[u8]) -> Result<bool, WireError> {
    let mut inner = None;
    each(body, |number, value| {
        if let (1, Value::Octets(octets)) = (number, value) {
            inner = Some(octets);
        }
    })?;
    capabilities(inner.ok_or(WireError::Malformed("capabilities"))?)
}

/// A capability's name: lower-case words with dots and underscores between.
fn is_name(name: &[u8]) -> bool {
    let fits = |o: &u8| o.is_ascii_lowercase() || o.is_ascii_digit() || matches!(o, b'.' | b'_');
    !name.is_empty() && name.len() <= MOST_NAME && name.iter().all(fits)
}

/// What a field of Protocol Buffers holds.
#[derive(Clone, Copy)]
enum Value<'a> {
    Number(u64),
    Octets(&'a [u8]),
    Fixed,
}

/// Every field of a message that is complete. Bounded: a field has two octets at least.
fn each<'a>(body: &'a [u8], mut field: impl FnMut(u64, Value<'a>)) -> Result<(), WireError> {
    const BROKEN: WireError = WireError::Malformed("field");
    let mut r = Reader::new(body);
    while !r.is_empty() {
        let tag = varint(&mut r)?;
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut r)?),
            1 => r.take(8, "fixed").map(|_| Value::Fixed).map_err(|_| BROKEN)?,
            2 => {
                let length = usize::try_from(varint(&mut r)?).map_err(|_| BROKEN)?;
                Value::Octets(r.take(length, "octets").map_err(|_| BROKEN)?)
            }
            5 => r.take(4, "fixed").map(|_| Value::Fixed).map_err(|_| BROKEN)?,
            _ => return Err(BROKEN),
        };
        if tag >> 3 == 0 {
            return Err(BROKEN);
        }
        field(tag >> 3, value);
    }
    Ok(())
}

/// A number of seven bits an octet, the least significant first; at most ten octets.
fn varint(r: &mut Reader<'_>) -> Result<u64, WireError> {
    let mut value = 0u64;
    for shift in (0..70u32).step_by(7) {
        let octet = r.u8("number").map_err(|_| WireError::Malformed("number"))?;
        value |= u64::from(octet & 0x7f).checked_shl(shift).unwrap_or(0);
        if octet < 0x80 {
            return Ok(value);
        }
    }
    Err(WireError::Malformed("number"))
}

/// The greatest kind of either list (COMPRESSION of clients, 46), and some to come.
const MOST_KIND: u8 = 63;

/// Octets of a name: the longest known has 26 (`session_connect_attrs` and its kin).
const MOST_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_ends_where_it_says() {
        // length 5, kind 11 (notice), field 1 = 5 (greeting), field 3 = nothing
        let hello = [5, 0, 0, 0, 11, 0x08, 5, 0x1a, 0];
        let (header, body) = message(&hello).unwrap();
        assert_eq!((header.kind, header.whole()), (Header::NOTICE, 9));
        assert_eq!(notice(body), Ok(()));
        assert_eq!(message(&hello[..8]), Err(WireError::Truncated("body")));
        assert_eq!(notice(&[0x08, 9]), Err(WireError::Malformed("notice")));
        assert_eq!(Header::parse(&[0, 0, 0, 0, 1]), Err(WireError::Malformed("length")));
        assert_eq!(Header::parse(b"HTTP/"), Err(WireError::Malformed("length")));
        assert_eq!(Header::parse(&[1, 0, 0, 0, 0xff]), Err(WireError::Malformed("kind")));
    }

    #[test]
    fn a_login_names_its_mechanism_and_may_show_its_password() {
        // field 1: PLAIN; field 2: schema, user, password
        assert_eq!(login(b"\x0a\x05PLAIN\x12\x05\0u\0pw"), Ok((Mechanism::Plain, Secret::There)));
        assert_eq!(login(b"\x0a\x05PLAIN\x12\x03\0u\0"), Ok((Mechanism::Plain, Secret::Empty)));
        assert_eq!(login(b"\x0a\x07MYSQL41"), Ok((Mechanism::Proof, Secret::Later)));
        assert_eq!(login(b"\x0a\x03LDA"), Ok((Mechanism::Other, Secret::Later)));
        assert_eq!(login(b"\x0a\x03lda"), Err(WireError::Malformed("mechanism")));
        assert_eq!(login(b"\x0a\x09PLAIN"), Err(WireError::Malformed("field")));
        assert_eq!(login(b""), Err(WireError::Malformed("mechanism")));
        assert_eq!(proof(b"\x0a\x04\0u\0*"), Ok(Secret::There));
        assert_eq!(proof(b"\x0a\x03\0u\0"), Ok(Secret::Empty));
        assert_eq!(proof(b"\x0a\x01x"), Ok(Secret::Later));
    }

    #[test]
    fn capabilities_have_names_and_values() {
        // field 1: capabilities; in it field 1: a capability; in it field 1: tls, field 2: a scalar of kind 7, true
        let set = b"\x0a\x11\x0a\x0f\x0a\x03tls\x12\x08\x08\x01\x12\x04\x08\x07\x40\x01";
        assert_eq!(capabilities_set(set), Ok(true));
        assert_eq!(capabilities(&set[2..]), Ok(true));
        assert_eq!(capabilities(b"\x0a\x07\x0a\x03doc\x12\x00"), Ok(false));
        assert!(capabilities(b"").is_err());
        assert!(capabilities(b"\x0a\x05\x0a\x03doc").is_err(), "a name without a value");
        assert!(capabilities(b"\x0a\x07\x0a\x03DOC\x12\x00").is_err());
    }

    #[test]
    fn an_error_has_a_code_a_state_and_a_sentence() {
        // field 1: severity 1; 2: code 1045; 4: 28000; 3: a sentence
        assert_eq!(failure(b"\x08\x01\x10\x95\x08\x22\x0528000\x1a\x02no"), Ok((1045, true)));
        assert_eq!(failure(b"\x08\x01\x10\x95\x08\x22\x05HY000\x1a\x02no"), Ok((1045, false)));
        assert!(failure(b"\x08\x01\x10\x95\x08").is_err());
        // A number that never ends.
        assert_eq!(failure(&[0xff; 12]), Err(WireError::Malformed("number")));
    }
}
