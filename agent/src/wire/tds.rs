//! Tabular Data Stream, the protocol of Microsoft SQL Server (MS-TDS 2.2.3.1 packets, 2.2.6.4 LOGIN7, 2.2.6.5 PRELOGIN,
//! 2.2.7 tokens).
//!
//! Keeps: kinds of packets, the server's version and encryption option, whether a login shows a password and how,
//! whether it was acknowledged. Drops: names of hosts, users, programs and data bases, passwords, queries, rows.

use super::WireError;
use super::reader::Reader;

/// The eight octets before every packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Octet 0.
    pub kind: Kind,
    /// Octets 2-3: octets of the packet, header included.
    pub length: u16,
}

/// Octet 0 of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 0x12: PRELOGIN, and the records of the TLS handshake.
    Prelogin,
    /// 0x10: LOGIN7.
    Login,
    /// 0x04: an answer.
    Answer,
    /// 0x01, 0x02, 0x03, 0x06, 0x07, 0x08, 0x0e, 0x11: other messages of a client.
    Other,
}

impl Header {
    /// How many octets it has.
    pub const OCTETS: usize = 8;

    /// The header that `octets` begin with.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if the kind is not known, the status has other bits or the length is not possible.
    pub fn parse(octets: &[u8]) -> Result<Header, WireError> {
        let mut r = Reader::new(octets);
        let kind = match r.u8("kind")? {
            0x12 => Kind::Prelogin,
            0x10 => Kind::Login,
            0x04 => Kind::Answer,
            0x01 | 0x02 | 0x03 | 0x06 | 0x07 | 0x08 | 0x0e | 0x11 => Kind::Other,
            _ => return Err(WireError::Malformed("kind")),
        };
        if r.u8("status")? & !0x1f != 0 {
            return Err(WireError::Malformed("status"));
        }
        let length = r.u16("length")?;
        r.take(4, "channel, packet number and window")?;
        if !(9..=32_768).contains(&length) {
            return Err(WireError::Malformed("length"));
        }
        Ok(Header { kind, length })
    }
}

/// The packet that `octets` begin with: its header and all of its data.
///
/// # Errors
/// As [`Header::parse`]; `Truncated` if it is not complete.
pub fn packet(octets: &[u8]) -> Result<(Header, &[u8]), WireError> {
    let header = Header::parse(octets)?;
    let mut r = Reader::new(octets);
    r.take(Header::OCTETS, "header")?;
    Ok((header, r.take(usize::from(header.length).saturating_sub(Header::OCTETS), "data")?))
}

/// Options of a PRELOGIN message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prelogin {
    /// Option 0: major, minor, build.
    pub version: [u32; 3],
    /// Option 1: 0 off, 1 on, 2 not supported, 3 required.
    pub encryption: u8,
}

impl Prelogin {
    /// Reads the data of a packet: a list of (token, offset, length), ended by 0xff.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if the first option is not VERSION or there is no ENCRYPTION.
    pub fn parse(data: &[u8]) -> Result<Prelogin, WireError> {
        let mut r = Reader::new(data);
        let mut version = None;
        let mut encryption = None;
        for _ in 0..MAX_OPTIONS {
            let token = r.u8("option")?;
            if token == 0xff {
                break;
            }
            let (offset, length) = (r.u16("offset")?, r.u16("option length")?);
            let value = data.get(usize::from(offset)..).ok_or(WireError::Malformed("offset"))?;
            let mut value = Reader::new(value).sub(usize::from(length), "option value")?;
            match token {
                0 => {
                    let (major, minor) = (value.u8("major version")?, value.u8("minor version")?);
                    version = Some([u32::from(major), u32::from(minor), u32::from(value.u16("build")?)]);
                }
                1 => encryption = Some(value.u8("encryption")?),
                _ => {}
            }
            if version.is_none() {
                return Err(WireError::Malformed("version"));
            }
        }
        match (version, encryption) {
            (Some(version), Some(encryption @ 0..=3)) => Ok(Prelogin { version, encryption }),
            _ => Err(WireError::Malformed("encryption")),
        }
    }
}

/// What a LOGIN7 message shows of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A password that is only scrambled.
    Password,
    /// A user name and an empty password.
    EmptyPassword,
    /// A ticket of the domain, a token, or nothing that can be told.
    Other,
}

/// Reads the fixed part of a LOGIN7 message.
///
/// # Errors
/// `Truncated`.
pub fn login(data: &[u8]) -> Result<Shown, WireError> {
    let mut r = Reader::new(data);
    r.take(25, "fixed part")?;
    let flags2 = r.u8("option flags 2")?;
    r.u8("type flags")?;
    let flags3 = r.u8("option flags 3")?;
    r.take(14, "zone, language and host name")?;
    let user = r.u16_le("user name length")?;
    r.u16_le("password offset")?;
    let password = r.u16_le("password length")?;
    // fIntSecurity: the identity is a ticket; fExtension: it may be a token.
    Ok(match (flags2 & 0x80 != 0 || flags3 & 0x10 != 0, user, password) {
        (_, _, 1..) => Shown::Password,
        (false, 1.., 0) => Shown::EmptyPassword,
        _ => Shown::Other,
    })
}

/// What a server says to a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// LOGINACK.
    Accepted,
    /// ERROR 18456 and its kin: login failed.
    Refused,
    /// Neither.
    Neither,
}

/// Looks through the tokens of an answer. Work is bounded by [`MAX_TOKENS`].
#[must_use]
pub fn verdict(data: &[u8]) -> Verdict {
    let mut r = Reader::new(data);
    for _ in 0..MAX_TOKENS {
        let Ok(token) = r.u8("token") else { break };
        match token {
            0xad => return Verdict::Accepted,
            0xaa | 0xab | 0xe3 => {
                let Ok(mut inside) = r.u16_le("token length").and_then(|l| r.sub(usize::from(l), "token")) else {
                    break;
                };
                let number = inside.u32_le("number");
                if token == 0xaa && number.is_ok_and(|n| matches!(n, 18_450..=18_489)) {
                    return Verdict::Refused;
                }
            }
            _ => break,
        }
    }
    Verdict::Neither
}

/// Options of a PRELOGIN: nine are defined.
const MAX_OPTIONS: usize = 16;

/// Tokens before the acknowledgement of a login: four to six are usual.
pub const MAX_TOKENS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// VERSION at 11 (6 octets), ENCRYPTION at 17 (1 octet), end; 15.0.2000.5, not supported.
    const PRELOGIN: &[u8] = &[0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 15, 0, 0x07, 0xd0, 0, 5, 2];

    #[test]
    fn a_prelogin_gives_version_and_encryption() {
        assert_eq!(Prelogin::parse(PRELOGIN), Ok(Prelogin { version: [15, 0, 2000], encryption: 2 }));
        for cut in 0..PRELOGIN.len() {
            assert!(Prelogin::parse(&PRELOGIN[..cut]).is_err(), "{cut}");
        }
        // a record of the TLS handshake
        assert!(Prelogin::parse(&[0x16, 3, 1, 0, 40, 1, 0, 0, 36]).is_err());
    }

    #[test]
    fn a_login_shows_a_password_an_empty_one_or_a_ticket() {
        let login_of = |flags2: u8, user: u8, password: u8| {
            let mut o = vec![0; 94];
            o[25] = flags2;
            o[42] = user; // cchUserName
            o[46] = password; // cchPassword
            login(&o)
        };
        assert_eq!(login_of(3, 2, 8), Ok(Shown::Password));
        assert_eq!(login_of(3, 2, 0), Ok(Shown::EmptyPassword));
        assert_eq!(login_of(0x83, 0, 0), Ok(Shown::Other));
    }

    #[test]
    fn the_tokens_of_an_answer_tell_what_became_of_a_login() {
        // ENVCHANGE of 2 octets, LOGINACK
        assert_eq!(verdict(&[0xe3, 2, 0, 1, 1, 0xad, 1, 0]), Verdict::Accepted);
        // ERROR of 6 octets: number 18456
        assert_eq!(verdict(&[0xaa, 6, 0, 0x18, 0x48, 0, 0, 1, 14]), Verdict::Refused);
        assert_eq!(verdict(&[0x81, 1, 0]), Verdict::Neither);
    }
}
