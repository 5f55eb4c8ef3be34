//! JA4 of a ClientHello (FoxIO's technical details of JA4, the client's part, which is free to use; RFC 8446 section 4.1.2, RFC 8701).
//!
//! Keeps: the highest version that is offered, whether a server is named, how many suites and extensions there are, the
//! first application protocol if it is registered, and the first six octets of two hashes of the lists. Drops: the name,
//! randoms, keys, tickets: none of them goes into a hash.

use super::WireError;
use super::reader::Reader;
use auscult_report::fact::{Alpn, Ja4, Ja4Over, TlsVersion};
use sha2::{Digest, Sha256};

/// The fingerprint of the ClientHello in `body` (a handshake message without its head); `None` if a version or an application
/// protocol stands in it that no list has.
///
/// # Errors
/// `Truncated` for the field in which it ends, `Malformed` if it has more suites or extensions than any client.
pub fn of(body: &[u8], over: Ja4Over) -> Result<Option<Ja4>, WireError> {
    let mut r = Reader::new(body);
    let mut version = r.u16("hello version")?;
    r.take(RANDOM, "random")?;
    let session = r.u8("session identifier")?;
    r.take(session.into(), "session identifier")?;
    let len = r.u16("cipher suites")?;
    let mut suites = numbers(r.sub(len.into(), "cipher suites")?, "cipher suites")?;
    let compressions = r.u8("compression methods")?;
    r.take(compressions.into(), "compression methods")?;

    let (mut named, mut alpn) = (false, Some(Alpn::None));
    let (mut extensions, mut signatures) = (Vec::new(), Vec::new());
    if !r.is_empty() {
        let len = r.u16("extensions")?;
        let mut list = r.sub(len.into(), "extensions")?;
        while !list.is_empty() {
            let kind = list.u16("extension type")?;
            let len = list.u16("extension")?;
            let mut value = list.sub(len.into(), "extension")?;
            if is_grease(kind) {
                continue;
            }
            if extensions.len() >= MOST {
                return Err(WireError::Malformed("extensions"));
            }
            extensions.push(kind);
            match kind {
                SERVER_NAME => named = true,
                PROTOCOLS => alpn = first_protocol(value)?,
                SIGNATURES => {
                    value.u16("signature algorithms")?;
                    signatures = numbers(value, "signature algorithms")?;
                }
                VERSIONS => {
                    value.u8("supported versions")?;
                    version = numbers(value, "supported versions")?.into_iter().max().unwrap_or(version);
                }
                _ => {}
            }
        }
    }
    let (count, suite_count) = (extensions.len(), suites.len());
    suites.sort_unstable();
    extensions.retain(|e| !matches!(*e, SERVER_NAME | PROTOCOLS));
    extensions.sort_unstable();
    let (Some(version), Some(alpn)) = (offered(version), alpn) else { return Ok(None) };
    let shown = |n: usize| u8::try_from(n.min(99)).unwrap_or(99);
    Ok(Some(Ja4 {
        over,
        version,
        named,
        suites: shown(suite_count),
        extensions: shown(count),
        alpn,
        suites_hash: hash(&suites, &[]),
        extensions_hash: hash(&extensions, &signatures),
    }))
}

/// Numbers of two octets without those that mean nothing (RFC 8701).
fn numbers(mut list: Reader<'_>, field: &'static str) -> Result<Vec<u16>, WireError> {
    let mut found = Vec::new();
    while !list.is_empty() {
        let number = list.u16(field)?;
        if found.len() >= MOST {
            return Err(WireError::Malformed(field));
        }
        if !is_grease(number) {
            found.push(number);
        }
    }
    Ok(found)
}

/// The first of a list of protocol names (RFC 7301 section 3.1); `None` if it stands in no list.
fn first_protocol(mut value: Reader<'_>) -> Result<Option<Alpn>, WireError> {
    value.u16("protocol names")?;
    let len = value.u8("protocol name")?;
    let name = value.take(len.into(), "protocol name")?;
    Ok(NAMES.iter().find(|(n, _)| *n == name).map(|(_, alpn)| *alpn))
}

const fn offered(version: u16) -> Option<TlsVersion> {
    Some(match version {
        0x0002 => TlsVersion::Ssl2,
        0x0300 => TlsVersion::Ssl3,
        0x0301 => TlsVersion::Tls10,
        0x0302 => TlsVersion::Tls11,
        0x0303 => TlsVersion::Tls12,
        0x0304 => TlsVersion::Tls13,
        _ => return None,
    })
}

/// The first six octets of SHA-256 over four digits a number, joined by commas; of the second list behind `_`, if there
/// is one. Six zeros where there is nothing.
fn hash(numbers: &[u16], behind: &[u16]) -> [u8; 6] {
    if numbers.is_empty() && behind.is_empty() {
        return [0; 6];
    }
    let mut hasher = Sha256::new();
    for (list, before) in [(numbers, None), (behind, Some(b"_"))] {
        let mut separator = before.filter(|_| !list.is_empty()).map_or(&b""[..], |b| &b[..]);
        for number in list {
            hasher.update(separator);
            hasher.update(digits(*number));
            separator = b",";
        }
    }
    let [a, b, c, d, e, f, ..] = <[u8; 32]>::from(hasher.finalize());
    [a, b, c, d, e, f]
}

/// Four hexadecimal digits.
fn digits(number: u16) -> [u8; 4] {
    [12u32, 8, 4, 0].map(|shift| match u8::try_from(number >> shift & 15).unwrap_or(0) {
        digit @ 0..10 => digit.wrapping_add(b'0'),
        digit => digit.wrapping_sub(10).wrapping_add(b'a'),
    })
}

/// Both octets alike, `?A` (RFC 8701 section 2).
const fn is_grease(number: u16) -> bool {
    let [high, low] = number.to_be_bytes();
    high == low && low & 15 == 10
}

/// Names of application protocols in the IANA registry, as far as a fact may say them.
const NAMES: &[(&[u8], Alpn)] = &[
    (b"http/1.1", Alpn::Http11),
    (b"h2", Alpn::Http2),
    (b"h3", Alpn::Http3),
    (b"http/1.0", Alpn::Http10),
    (b"hq-interop", Alpn::HttpQuic),
    (b"imap", Alpn::Imap),
    (b"pop3", Alpn::Pop3),
    (b"ftp", Alpn::Ftp),
    (b"dot", Alpn::DnsTls),
    (b"doq", Alpn::DnsQuic),
    (b"mqtt", Alpn::Mqtt),
    (b"smb", Alpn::Smb),
    (b"xmpp-client", Alpn::Xmpp),
    (b"postgresql", Alpn::Postgresql),
    (b"tds/8.0", Alpn::Tds),
    (b"dicom", Alpn::Dicom),
];

/// Octets of a random.
const RANDOM: usize = 32;
/// Suites, and extensions, that are looked at: the longest lists of real clients have about 120.
const MOST: usize = 512;

const SERVER_NAME: u16 = 0;
const SIGNATURES: u16 = 13;
const PROTOCOLS: u16 = 16;
const VERSIONS: u16 = 43;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An extension: type, length, value.
    pub(crate) fn extension(kind: u16, value: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &u16::try_from(value.len()).unwrap().to_be_bytes(), value].concat()
    }

    /// A ClientHello of TLS 1.2 form with these suites and extensions, without the head of its message.
    pub(crate) fn hello(suites: &[u16], extensions: &[Vec<u8>]) -> Vec<u8> {
        let long = |octets: &[u8]| [&u16::try_from(octets.len()).unwrap().to_be_bytes()[..], octets].concat();
        let suites: Vec<u8> = suites.iter().flat_map(|s| s.to_be_bytes()).collect();
        let mut body = vec![3, 3]; // legacy_version
        body.extend([7; 32]); // random
        body.push(0); // no session
        body.extend(long(&suites));
        body.extend([1, 0]); // no compression
        body.extend(long(&extensions.concat()));
        body
    }

    /// What a browser offers: with numbers that mean nothing among suites, extensions and versions, and out of order.
    pub(crate) fn browser(name: &[u8]) -> Vec<u8> {
        let suites = [
            0x5A5A, 0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x009C,
            0x009D, 0x002F, 0x0035,
        ];
        let [high, low] = u16::try_from(name.len()).unwrap().to_be_bytes();
        let named = [&[0, low.strict_add(3), 0, high, low][..], name].concat();
        let list = [
            extension(0x2A2A, &[]),
            extension(0, &named),
            extension(0x17, &[]),
            extension(0xFF01, &[0]),
            extension(0x0A, &[0, 2, 0, 0x1D]),
            extension(0x0B, &[1, 0]),
            extension(0x23, &[]),
            extension(16, &[0, 12, 2, b'h', b'2', 8, b'h', b't', b't', b'p', b'/', b'1', b'.', b'1']),
            extension(5, &[1, 0, 0, 0, 0]),
            extension(13, &[0, 16, 4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1, 8, 6, 6, 1]),
            extension(0x12, &[]),
            extension(0x33, &[0, 0]),
            extension(0x2D, &[1, 1]),
            extension(43, &[6, 0xFA, 0xFA, 3, 4, 3, 3]),
            extension(0x1B, &[2, 0, 2]),
            extension(0x4469, &[0, 3, 2, b'h', b'2']),
            extension(0x15, &[0]),
        ];
        hello(&suites, &list)
    }

    #[test]
    fn a_browser_has_the_fingerprint_that_the_paper_gives_it() {
        let ja4 = of(&browser(b"a.example"), Ja4Over::Tcp).unwrap().unwrap();
        assert_eq!(ja4.to_string(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        let other = of(&browser(b"zzcanary.example"), Ja4Over::Tcp).unwrap().unwrap();
        assert_eq!(ja4, other, "the name asked for is in no part of it");
    }

    #[test]
    fn an_old_hello_without_extensions_has_one_too() {
        let mut body = vec![3, 1]; // TLS 1.0
        body.extend([7; 32]);
        body.extend([0, 0, 4, 0, 5, 0, 10, 1, 0]); // no session, two suites, no compression
        let ja4 = of(&body, Ja4Over::Tcp).unwrap().unwrap();
        assert!(ja4.to_string().starts_with("t10i020000_") && ja4.to_string().ends_with("_000000000000"), "{ja4}");
        for end in 0..body.len() {
            assert!(matches!(of(&body[..end], Ja4Over::Tcp), Err(WireError::Truncated(_))), "{end}");
        }
    }

    #[test]
    fn words_that_nobody_registered_are_not_said_and_floods_are_refused() {
        let odd = hello(&[0x1301], &[extension(16, &[0, 9, 8, b'z', b'z', b'c', b'a', b'n', b'a', b'r', b'y'])]);
        assert_eq!(of(&odd, Ja4Over::Tcp), Ok(None));
        let many = hello(&[0x1301; 600], &[]);
        assert_eq!(of(&many, Ja4Over::Tcp), Err(WireError::Malformed("cipher suites")));
        let many: Vec<_> = (0..600).map(|n| extension(n, &[])).collect();
        assert!(matches!(
            of(&hello(&[0x1301], &many), Ja4Over::Quic),
            Err(WireError::Malformed(_) | WireError::Truncated(_))
        ));
    }
}
