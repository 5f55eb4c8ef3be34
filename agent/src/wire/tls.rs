//! TLS and SSL as far as they are readable: the record layer and the hellos (RFC 8446, RFC 5246, RFC 6101).
//!
//! Keeps: kinds and lengths of records, versions, the suite that the server chose, alerts, and the first certificate
//! (borrowed). The name that the client asked for (RFC 6066 section 3) is borrowed for comparing only.
//! Drops: randoms, session identifiers, key shares, tickets, every other extension and everything that is encrypted.

use super::WireError;
use super::reader::Reader;

/// The head of a record (RFC 8446 section 5.1), octets 0-4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Octet 0: ContentType.
    pub content: Content,
    /// Octets 1-2: legacy_record_version. Says nothing about the version that is spoken.
    pub version: u16,
    /// Octets 3-4: length of the fragment that follows.
    pub length: u16,
}

/// ContentType.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// 20: change_cipher_spec.
    ChangeCipherSpec,
    /// 21: alert.
    Alert,
    /// 22: handshake.
    Handshake,
    /// 23: application_data.
    ApplicationData,
    /// 24: heartbeat (RFC 6520).
    Heartbeat,
}

impl Record {
    /// Octets of the head.
    pub const LEN: usize = 5;

    /// The head of the record that `octets` begins with.
    ///
    /// # Errors
    /// `Truncated` if fewer than five octets wait; `Malformed` for a content type, version or length that no TLS has.
    pub fn parse(octets: &[u8]) -> Result<Record, WireError> {
        let mut r = Reader::new(octets);
        let content = match r.u8("record type")? {
            20 => Content::ChangeCipherSpec,
            21 => Content::Alert,
            22 => Content::Handshake,
            23 => Content::ApplicationData,
            24 => Content::Heartbeat,
            _ => return Err(WireError::Malformed("record type")),
        };
        if r.u8("record version")? != 3 {
            return Err(WireError::Malformed("record version"));
        }
        let minor = r.u8("record version")?;
        if minor > 4 {
            return Err(WireError::Malformed("record version"));
        }
        let length = r.u16("record length")?;
        if length == 0 || length > MAX_FRAGMENT {
            return Err(WireError::Malformed("record length"));
        }
        Ok(Record { content, version: u16::from_be_bytes([3, minor]), length })
    }
}

/// An alert that is not encrypted (RFC 8446 section 6): a fragment of exactly two octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Octet 0: 2, the connection ends with it.
    pub fatal: bool,
    /// Octet 1: description.
    pub description: u8,
}

impl Alert {
    /// Octets of an alert.
    pub const LEN: u16 = 2;

    /// The alert in `fragment`.
    ///
    /// # Errors
    /// `Truncated`, or `Malformed` if the level is neither 1 nor 2.
    pub fn parse(fragment: &[u8]) -> Result<Alert, WireError> {
        let mut r = Reader::new(fragment);
        let level = r.u8("alert level")?;
        if !(1..=2).contains(&level) {
            return Err(WireError::Malformed("alert level"));
        }
        Ok(Alert { fatal: level == 2, description: r.u8("alert description")? })
    }
}

/// One handshake message (RFC 8446 section 4).
#[derive(Clone, Copy, Debug)]
pub struct Handshake<'a> {
    /// Octet 0: HandshakeType.
    pub kind: u8,
    /// From octet 4 on: the body, as far as it is kept for this kind.
    pub body: &'a [u8],
}

/// HandshakeType 0.
pub const HELLO_REQUEST: u8 = 0;
/// HandshakeType 1.
pub const CLIENT_HELLO: u8 = 1;
/// HandshakeType 2.
pub const SERVER_HELLO: u8 = 2;
/// HandshakeType 11.
pub const CERTIFICATE: u8 = 11;
/// HandshakeType 12.
pub const SERVER_KEY_EXCHANGE: u8 = 12;
/// HandshakeType 22 (RFC 6066 section 8): between the two before.
pub const CERTIFICATE_STATUS: u8 = 22;

/// Whether `octets` begin with a handshake record that begins with a hello: gives back HandshakeType (octet 5).
///
/// # Errors
/// `Truncated` while that is not sure, `Malformed` if they do not.
pub fn hello_begins(octets: &[u8]) -> Result<u8, WireError> {
    let mut r = Reader::new(octets);
    if r.u8("record type")? != 22 {
        return Err(WireError::Malformed("record type"));
    }
    if r.u8("record version")? != 3 {
        return Err(WireError::Malformed("record version"));
    }
    Record::parse(octets)?;
    let mut r = Reader::new(octets.get(Record::LEN..).unwrap_or_default());
    let kind = r.u8("handshake type")?;
    if kind != CLIENT_HELLO && kind != SERVER_HELLO {
        return Err(WireError::Malformed("handshake type"));
    }
    // No hello has 64 KiB: the first octet of its length is 0.
    if r.u8("handshake length")? != 0 {
        return Err(WireError::Malformed("handshake length"));
    }
    r.u16("handshake length")?;
    hello_version(&mut r)?;
    Ok(kind)
}

/// ClientHello (RFC 8446 section 4.1.2): only the name that it asks for.
#[derive(Clone, Copy, Debug)]
pub struct ClientHello<'a> {
    /// Octets 0-1: legacy_version.
    pub version: u16,
    /// Extension 0, server_name (RFC 6066 section 3): the first host_name. For comparing only.
    pub name: Option<&'a [u8]>,
}

impl<'a> ClientHello<'a> {
    /// The ClientHello in the body of a handshake message.
    ///
    /// # Errors
    /// `Truncated` for the field in which it ends, `Malformed` for a version that is none.
    pub fn parse(body: &'a [u8]) -> Result<ClientHello<'a>, WireError> {
        let mut r = Reader::new(body);
        let version = hello_version(&mut r)?;
        r.take(RANDOM, "random")?;
        let session = r.u8("session identifier")?;
        r.take(session.into(), "session identifier")?;
        let suites = r.u16("cipher suites")?;
        r.take(suites.into(), "cipher suites")?;
        let compressions = r.u8("compression methods")?;
        r.take(compressions.into(), "compression methods")?;
        let mut name = None;
        for_each_extension(&mut r, |kind, value| {
            if kind == EXTENSION_SERVER_NAME {
                name = host_name(value)?;
            }
            Ok(())
        })?;
        Ok(ClientHello { version, name })
    }
}

/// The first host_name of a server_name_list.
fn host_name(value: &[u8]) -> Result<Option<&[u8]>, WireError> {
    let mut list = Reader::new(value);
    let len = list.u16("server name list")?;
    let mut list = list.sub(len.into(), "server name list")?;
    let kind = list.u8("name type")?;
    let len = list.u16("host name")?;
    let name = list.take(len.into(), "host name")?;
    Ok(Some(name).filter(|n| kind == 0 && !n.is_empty() && n.len() <= MAX_NAME))
}

/// ServerHello (RFC 8446 section 4.1.3, RFC 5246 section 7.4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// The version that the server chose: extension 43 (supported_versions) if it is there, else octets 0-1.
    pub version: u16,
    /// The cipher suite, after the session identifier.
    pub suite: u16,
    /// Octets 2-33 have the value of a HelloRetryRequest.
    pub retry: bool,
    /// Extension 16 (RFC 7301) is there.
    pub alpn: bool,
}

impl ServerHello {
    /// The ServerHello in the body of a handshake message.
    ///
    /// # Errors
    /// `Truncated` for the field in which it ends, `Malformed` for a version that is none.
    pub fn parse(body: &[u8]) -> Result<ServerHello, WireError> {
        let mut r = Reader::new(body);
        let mut version = hello_version(&mut r)?;
        let retry = r.array::<RANDOM>("random")? == HELLO_RETRY;
        let session = r.u8("session identifier")?;
        r.take(session.into(), "session identifier")?;
        let suite = r.u16("cipher suite")?;
        r.u8("compression method")?;
        let mut alpn = false;
        for_each_extension(&mut r, |kind, value| {
            match kind {
                EXTENSION_VERSIONS => version = Reader::new(value).u16("supported version")?,
                EXTENSION_ALPN => alpn = true,
                _ => {}
            }
            Ok(())
        })?;
        Ok(ServerHello { version, suite, retry, alpn })
    }
}

/// Octets 0-1 of a hello.
fn hello_version(r: &mut Reader<'_>) -> Result<u16, WireError> {
    let version = r.u16("hello version")?;
    if (0x0300..=0x0304).contains(&version) { Ok(version) } else { Err(WireError::Malformed("hello version")) }
}

/// The extensions of a hello; SSL 3 and TLS 1.0 may have none at all. Work is bounded by the length of the message.
fn for_each_extension<'a>(
    r: &mut Reader<'a>,
    mut each: impl FnMut(u16, &'a [u8]) -> Result<(), WireError>,
) -> Result<(), WireError> {
    if r.is_empty() {
        return Ok(());
    }
    let len = r.u16("extensions")?;
    let mut list = r.sub(len.into(), "extensions")?;
    while !list.is_empty() {
        let kind = list.u16("extension type")?;
        let len = list.u16("extension")?;
        each(kind, list.take(len.into(), "extension")?)?;
    }
    Ok(())
}

/// The server's own certificate in the body of a Certificate message up to TLS 1.2 (RFC 5246 section 7.4.2): octets
/// 3-5 are its length, DER follows.
///
/// # Errors
/// `Truncated`; `Malformed` if there is none or it is longer than [`MAX_CERTIFICATE`].
pub fn first_certificate(body: &[u8]) -> Result<&[u8], WireError> {
    let mut r = Reader::new(body);
    r.u24("certificate list")?;
    let len = usize::try_from(r.u24("certificate")?).unwrap_or(usize::MAX);
    if len == 0 || len > MAX_CERTIFICATE {
        return Err(WireError::Malformed("certificate"));
    }
    r.take(len, "certificate")
}

/// Bits of the prime in the body of a ServerKeyExchange of a suite with `DHE` (RFC 5246 section 7.4.3): octets 0-1 are its
/// length, the prime follows. Only its first octet is looked at.
///
/// # Errors
/// `Truncated`; `Malformed` if there is none.
pub fn prime_bits(body: &[u8]) -> Result<u32, WireError> {
    let mut r = Reader::new(body);
    let octets = r.u16("prime")?;
    let first = r.u8("prime")?;
    if octets == 0 || first == 0 {
        return Err(WireError::Malformed("prime"));
    }
    Ok(u32::from(octets).saturating_mul(8).saturating_sub(first.leading_zeros()))
}

/// Longest fragment: 2^14 octets and what encryption up to TLS 1.2 may add (RFC 5246 section 6.2.3: 2048).
pub const MAX_FRAGMENT: u16 = 16_384 + 2_048;

/// Longest certificate that is looked at: with RSA 4096 and a hundred names it has about 4 KiB.
pub const MAX_CERTIFICATE: usize = 16 * 1024;

/// Longest name asked for (RFC 1035 section 2.3.4).
pub const MAX_NAME: usize = 255;

/// Octets of a random.
const RANDOM: usize = 32;

/// The random that makes a ServerHello a HelloRetryRequest: SHA-256 of that word (RFC 8446 section 4.1.3).
const HELLO_RETRY: [u8; RANDOM] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2, 0xA2, 0x11,
    0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

const EXTENSION_SERVER_NAME: u16 = 0;
const EXTENSION_ALPN: u16 = 16;
const EXTENSION_VERSIONS: u16 = 43;

#[cfg(test)]
mod tests {
    use super::*;

    /// Body of a ServerHello of TLS 1.3 behind the version of TLS 1.2.
    fn server_hello(random: [u8; 32]) -> Vec<u8> {
        let mut body = vec![3, 3]; // legacy_version
        body.extend(random);
        body.extend([
            2, 0xAA, 0xBB, // session identifier
            0x13, 0x02, // TLS_AES_256_GCM_SHA384
            0,    // compression
            0, 15, // extensions
            0, 43, 0, 2, 3, 4, // supported_versions: TLS 1.3
            0, 16, 0, 5, 0, 3, 2, b'h', b'2', // ALPN: h2
        ]);
        body
    }

    #[test]
    fn the_version_chosen_stands_in_the_extension() {
        let hello = ServerHello::parse(&server_hello([7; 32])).unwrap();
        assert_eq!(hello, ServerHello { version: 0x0304, suite: 0x1302, retry: false, alpn: true });
        assert!(ServerHello::parse(&server_hello(HELLO_RETRY)).unwrap().retry);
    }

    #[test]
    fn a_hello_without_extensions_is_one_too() {
        let mut body = vec![3, 0]; // SSL 3
        body.extend([7; 32]);
        body.extend([0, 0, 5, 0]); // no session, RC4 128 SHA, no compression
        let hello = ServerHello::parse(&body).unwrap();
        assert_eq!(hello, ServerHello { version: 0x0300, suite: 0x0005, retry: false, alpn: false });
    }

    #[test]
    fn the_name_that_a_client_asks_for_is_borrowed() {
        let mut body = vec![3, 3]; // legacy_version
        body.extend([7; 32]); // random
        body.extend([
            0, // no session
            0, 2, 0x13, 0x01, // one suite
            1, 0, // one compression method: none
            0, 14, // extensions
            0, 0, 0, 10, // server_name
            0, 8, 0, 0, 5, b'a', b'.', b'b', b'.', b'c', // list, host_name, length, name
        ]);
        let hello = ClientHello::parse(&body).unwrap();
        assert_eq!((hello.version, hello.name), (0x0303, Some(&b"a.b.c"[..])));
        for end in 0..body.len() {
            if let Ok(cut) = ClientHello::parse(&body[..end]) {
                assert_eq!((end, cut.name), (41, None), "only the one without extensions is complete");
            }
        }
    }

    #[test]
    fn the_size_of_a_group_is_that_of_its_prime() {
        assert_eq!(prime_bits(&[0, 128, 0xFF]), Ok(1024));
        assert_eq!(prime_bits(&[1, 0, 0x80]), Ok(2048));
        assert_eq!(prime_bits(&[1, 0, 0x01]), Ok(2041));
        assert_eq!(prime_bits(&[1, 0]), Err(WireError::Truncated("prime")));
        assert_eq!(prime_bits(&[0, 0, 1]), Err(WireError::Malformed("prime")));
    }

    #[test]
    fn records_of_other_protocols_are_malformed() {
        let good = [22, 3, 1, 0, 4];
        assert_eq!(Record::parse(&good), Ok(Record { content: Content::Handshake, version: 0x0301, length: 4 }));
        assert_eq!(Record::parse(&good[..4]), Err(WireError::Truncated("record length")));
        for bad in
            [*b"GET /", [25, 3, 1, 0, 4], [22, 4, 1, 0, 4], [22, 3, 5, 0, 4], [22, 3, 1, 0, 0], [22, 3, 1, 0xFF, 4]]
        {
            assert!(matches!(Record::parse(&bad), Err(WireError::Malformed(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_list_of_no_certificates_is_malformed() {
        assert_eq!(first_certificate(&[0, 0, 0]), Err(WireError::Truncated("certificate")));
        assert_eq!(first_certificate(&[0, 0, 3, 0, 0, 0]), Err(WireError::Malformed("certificate")));
        assert_eq!(first_certificate(&[0, 0, 4, 0, 0, 1, 0x30]), Ok(&[0x30][..]));
        // 65,536 octets: beyond the bound.
        assert_eq!(first_certificate(&[1, 0, 3, 1, 0, 0, 0x30]), Err(WireError::Malformed("certificate")));
    }
}
