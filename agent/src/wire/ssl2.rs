//! The two hellos of SSL 2 (draft-hickman-netscape-ssl-00, section 2; RFC 5246 appendix E.2).
//!
//! Keeps: which hello it is, and the server's certificate (borrowed). Drops: suites, session and connection
//! identifiers, the challenge, and every message after the hellos.

use super::WireError;
use super::reader::Reader;
use super::tls::MAX_CERTIFICATE;

/// A hello of SSL 2: its record has a head of two octets, of which the first bit is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hello<'a> {
    /// CLIENT-HELLO (message 1): what an old client sends first, even if it speaks TLS.
    Client,
    /// SERVER-HELLO (message 4) with the server's certificate: the server chose SSL 2.
    Server {
        /// Octets 11 and on: X.509 certificate.
        certificate: &'a [u8],
    },
}

impl<'a> Hello<'a> {
    /// The hello that `octets` begins with, and its whole length.
    ///
    /// # Errors
    /// `Truncated` if it is not complete, `Malformed` if it is no such hello.
    pub fn parse(octets: &'a [u8]) -> Result<(Hello<'a>, usize), WireError> {
        let mut r = Reader::new(octets);
        let [high, low] = r.array("SSL 2 record")?;
        let length = usize::from(u16::from_be_bytes([high & 0x7F, low]));
        if high & 0x80 == 0 || !(11..=MAX_SSL2).contains(&length) {
            return Err(WireError::Malformed("SSL 2 record"));
        }
        let kind = r.u8("SSL 2 message")?;
        let hello = match kind {
            1 => Hello::client(&mut r, length)?,
            4 => Hello::server(&mut r, length)?,
            _ => return Err(WireError::Malformed("SSL 2 message")),
        };
        Ok((hello, length.saturating_add(2)))
    }

    fn client(r: &mut Reader<'a>, length: usize) -> Result<Hello<'a>, WireError> {
        let version = r.u16("SSL 2 version")?;
        if version != 0x0002 && !(0x0300..=0x0303).contains(&version) {
            return Err(WireError::Malformed("SSL 2 version"));
        }
        let [suites, session, challenge] =
            [r.u16("cipher specs")?, r.u16("session identifier")?, r.u16("challenge")?].map(usize::from);
        let sum = suites.saturating_add(session).saturating_add(challenge).saturating_add(9);
        if suites == 0 || suites % 3 != 0 || challenge < 16 || sum != length {
            return Err(WireError::Malformed("cipher specs"));
        }
        r.take(length.saturating_sub(9), "SSL 2 record")?;
        Ok(Hello::Client)
    }

    fn server(r: &mut Reader<'a>, length: usize) -> Result<Hello<'a>, WireError> {
        let [hit, kind] = r.array("certificate type")?;
        if hit > 1 || kind > 1 || r.u16("SSL 2 version")? != 0x0002 {
            return Err(WireError::Malformed("SSL 2 version"));
        }
        let [certificate, suites, connection] =
            [r.u16("certificate")?, r.u16("cipher specs")?, r.u16("connection identifier")?].map(usize::from);
        let sum = certificate.saturating_add(suites).saturating_add(connection).saturating_add(11);
        if suites % 3 != 0 || connection > 16 || sum != length {
            return Err(WireError::Malformed("cipher specs"));
        }
        let mut rest = r.sub(length.saturating_sub(11), "SSL 2 record")?;
        Ok(Hello::Server { certificate: rest.take(certificate, "certificate")? })
    }
}

/// Longest record of SSL 2 that is looked at: a certificate and a list of suites.
const MAX_SSL2: usize = MAX_CERTIFICATE + 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// CLIENT-HELLO of SSL 2 that offers two suites.
    fn client() -> Vec<u8> {
        let mut hello = vec![
            0x80, 31, // record: head of two octets, 31 octets follow
            1,  // CLIENT-HELLO
            0, 2, // version
            0, 6, // cipher specs
            0, 0, // session identifier
            0, 16, // challenge
            1, 0, 0x80, 7, 0, 0xC0, // RC4 128, triple DES
        ];
        hello.extend([0x5A; 16]);
        hello
    }

    /// SERVER-HELLO with a certificate of three octets.
    fn server() -> Vec<u8> {
        let mut hello = vec![
            0x80, 33, // record
            4,  // SERVER-HELLO
            0, 1, // no session, X.509
            0, 2, // version
            0, 3, // certificate
            0, 3, // cipher specs
            0, 16, // connection identifier
            0x30, 1, 0, // certificate
            7, 0, 0xC0, // triple DES
        ];
        hello.extend([0x5A; 16]);
        hello
    }

    #[test]
    fn both_hellos_are_recognised_and_measured() {
        assert_eq!(Hello::parse(&client()), Ok((Hello::Client, 33)));
        assert_eq!(Hello::parse(&server()), Ok((Hello::Server { certificate: &[0x30, 1, 0] }, 35)));
    }

    #[test]
    fn a_cut_hello_is_truncated_and_another_protocol_is_malformed() {
        for hello in [client(), server()] {
            for end in 0..hello.len() {
                assert!(matches!(Hello::parse(&hello[..end]), Err(WireError::Truncated(_))), "{end}");
            }
        }
        assert!(matches!(Hello::parse(b"GET / HTTP/1.1"), Err(WireError::Malformed(_))));
        // The parts of the hello do not add up to its length.
        let mut wrong = client();
        wrong[6] = 9;
        assert!(matches!(Hello::parse(&wrong), Err(WireError::Malformed(_))));
    }
}
