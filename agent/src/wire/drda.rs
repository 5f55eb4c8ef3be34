//! Distributed Relational Database Architecture (The Open Group, DRDA version 5): data stream structures and the DDM objects
//! in them (volume 3), as far as the greeting and the login.
//!
//! Keeps: codepoints, class and release of the server (borrowed, in EBCDIC), security mechanisms, whether a password is there, the
//! verdict on a login. Drops: names of users, data bases and packages, statements, rows: of a row only its codepoint is looked at.

use super::WireError;
use super::reader::Reader;

/// A data stream structure with the object that it begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Structure {
    /// Octets 0-1: octets of the structure, its header of six included. The highest bit says that more follows behind them.
    pub length: u16,
    /// Octet 2 is D0; octet 3, lower half: 1 request, 2 reply, 3 object, 4 encrypted object, 5 request without reply.
    pub kind: Kind,
    /// Octets 8-9, after the object's own length: what it is.
    pub codepoint: u16,
}

/// Who says a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 1, 5: a client asks.
    Request,
    /// 2: a server answers.
    Reply,
    /// 3, 4: data of either.
    Object,
}

impl Structure {
    /// Exchange of attributes: the first that a client says.
    pub const EXCSAT: u16 = 0x1041;
    /// The answer to it.
    pub const EXCSATRD: u16 = 0x1443;
    /// A login.
    pub const SECCHK: u16 = 0x106E;
    /// The answer to it.
    pub const SECCHKRM: u16 = 0x1219;
    /// Rows.
    pub const QRYDTA: u16 = 0x241B;

    /// The structure that `octets` begin with.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if it is none.
    pub fn parse(octets: &[u8]) -> Result<Structure, WireError> {
        let mut r = Reader::new(octets);
        let length = r.u16("structure length")?;
        if length < 10 {
            return Err(WireError::Malformed("structure length"));
        }
        if r.u8("magic")? != 0xD0 {
            return Err(WireError::Malformed("magic"));
        }
        let kind = match r.u8("format")? & 0x8F {
            1 | 5 => Kind::Request,
            2 => Kind::Reply,
            3 | 4 => Kind::Object,
            _ => return Err(WireError::Malformed("format")),
        };
        r.u16("correlator")?;
        let object = r.u16("object length")?;
        let whole = length & !CONTINUED;
        // A longer object says so in its highest bit, or has no length of its own.
        if length == whole && object & CONTINUED == 0 && (object < 4 || object > whole.saturating_sub(6)) {
            return Err(WireError::Malformed("object length"));
        }
        let codepoint = r.u16("codepoint")?;
        Ok(Structure { length, kind, codepoint })
    }

    /// Octets of it, its header included.
    #[must_use]
    pub const fn octets(&self) -> u16 {
        self.length & !CONTINUED
    }

    /// Whether it goes on behind its octets, in pieces that have a length and nothing else before them.
    #[must_use]
    pub const fn goes_on(&self) -> bool {
        self.length & CONTINUED != 0
    }

    /// Whether a server may say this first: the answer to an exchange of attributes, or why there is none (reply messages have
    /// codepoints from 1200).
    #[must_use]
    pub const fn may_open(&self) -> bool {
        matches!((self.kind, self.codepoint), (Kind::Reply, Structure::EXCSATRD | 0x1200..=0x12FF))
    }
}

/// The parameters of the object that a complete structure begins with.
///
/// # Errors
/// `Truncated` if it is not complete; `Malformed` as [`Structure::parse`], or if it has no parameters.
pub fn parameters(octets: &[u8]) -> Result<Parameters<'_>, WireError> {
    let structure = Structure::parse(octets)?;
    if structure.goes_on() {
        return Err(WireError::Malformed("structure length"));
    }
    let mut r = Reader::new(octets).sub(usize::from(structure.octets()), "structure")?;
    r.take(6, "structure header")?;
    let length = r.u16("object length")?;
    r.u16("codepoint")?;
    let inner = r.take(usize::from(length).saturating_sub(4), "object").map_err(|_| WireError::Malformed("object"))?;
    Ok(Parameters(Reader::new(inner)))
}

/// Parameters of an object: each a length (its four octets included), a codepoint, a value.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<'a>(Reader<'a>);

impl<'a> Iterator for Parameters<'a> {
    type Item = (u16, &'a [u8]);

    /// Bounded: each takes four octets or more, or is the last.
    fn next(&mut self) -> Option<(u16, &'a [u8])> {
        let length = self.0.u16("length").ok()?;
        let codepoint = self.0.u16("codepoint").ok()?;
        let value = self.0.take(usize::from(length).checked_sub(4)?, "value").ok()?;
        Some((codepoint, value))
    }
}

/// How a server calls itself in EXCSATRD, in EBCDIC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Server<'a> {
    /// SRVCLSNM: its class.
    pub class: &'a [u8],
    /// SRVRLSLV: its release.
    pub release: &'a [u8],
}

impl<'a> Server<'a> {
    /// From an EXCSATRD.
    #[must_use]
    pub fn read(parameters: Parameters<'a>) -> Server<'a> {
        parameters.fold(Server::default(), |server, (codepoint, value)| match codepoint {
            0x1147 => Server { class: value, ..server },
            0x115A => Server { release: value, ..server },
            _ => server,
        })
    }
}

/// A login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// SECMEC: how it is shown who asks.
    pub mechanism: Option<u16>,
    /// Octets of PASSWORD, if it is there.
    pub password: Option<usize>,
}

impl Login {
    /// SECMEC: user and password as they are.
    pub const PASSWORD: u16 = 3;
    /// SECMEC: the user's name alone.
    pub const NAME_ALONE: u16 = 4;
    /// SECMEC: user, password and new password as they are.
    pub const NEW_PASSWORD: u16 = 5;
    /// SECMEC: user and data are encrypted; with the password too.
    pub const DATA_ENCRYPTED: [u16; 2] = [12, 13];

    /// From a SECCHK.
    #[must_use]
    pub fn read(parameters: Parameters<'_>) -> Login {
        parameters.fold(Login::default(), |login, (codepoint, value)| match (codepoint, value) {
            (0x11A2, [high, low]) => Login { mechanism: Some(u16::from_be_bytes([*high, *low])), ..login },
            (0x11A1, password) => Login { password: Some(password.len()), ..login },
            _ => login,
        })
    }
}

/// SECCHKCD of a SECCHKRM: 0 is accepted.
///
/// # Errors
/// `Malformed` if it is missing.
pub fn verdict(parameters: Parameters<'_>) -> Result<u8, WireError> {
    let mut codes = parameters.filter_map(|(codepoint, value)| match (codepoint, value) {
        (0x11A4, [code]) => Some(*code),
        _ => None,
    });
    codes.next().ok_or(WireError::Malformed("security check code"))
}

/// An octet of EBCDIC (code page 500) as ASCII, for letters, digits and what stands between them in a release.
#[must_use]
pub fn ascii(octet: u8) -> u8 {
    let from = |first: u8, letter: u8| letter.wrapping_add(octet.wrapping_sub(first));
    match octet {
        0x81..=0x89 => from(0x81, b'a'),
        0x91..=0x99 => from(0x91, b'j'),
        0xA2..=0xA9 => from(0xA2, b's'),
        0xC1..=0xC9 => from(0xC1, b'A'),
        0xD1..=0xD9 => from(0xD1, b'J'),
        0xE2..=0xE9 => from(0xE2, b'S'),
        0xF0..=0xF9 => from(0xF0, b'0'),
        0x40 => b' ',
        0x4B => b'.',
        0x60 => b'-',
        0x61 => b'/',
        _ => b'?',
    }
}

/// The bit of a length that says that more follows.
const CONTINUED: u16 = 0x8000;

#[cfg(test)]
mod tests {
    use super::*;

    /// A structure of this kind with an object of these parameters.
    fn structure(format: u8, codepoint: u16, parameters: &[(u16, &[u8])]) -> Vec<u8> {
        let inner: Vec<u8> = parameters
            .iter()
            .flat_map(|(codepoint, value)| {
                [&(value.len() as u16).saturating_add(4).to_be_bytes()[..], &codepoint.to_be_bytes(), value].concat()
            })
            .collect();
        let length = (inner.len() as u16).saturating_add(4);
        // length, D0, format, correlator 1; the object's length, its codepoint, its parameters
        let head = [&length.saturating_add(6).to_be_bytes()[..], &[0xD0, format, 0, 1]].concat();
        [&head[..], &length.to_be_bytes(), &codepoint.to_be_bytes(), &inner].concat()
    }

    #[test]
    fn an_exchange_of_attributes_names_class_and_release() {
        // SRVCLSNM "Apache Derby", SRVRLSLV "CSS10140/10.14.2.0", in EBCDIC
        let class = [0xC1, 0x97, 0x81, 0x83, 0x88, 0x85, 0x40, 0xC4, 0x85, 0x99, 0x82, 0xA8];
        let release = [0xC3, 0xE2, 0xE2, 0xF1, 0xF0, 0xF1, 0xF4, 0xF0, 0x61, 0xF1, 0xF0, 0x4B, 0xF1, 0xF4];
        let octets = structure(0x42, Structure::EXCSATRD, &[(0x115E, b"x"), (0x1147, &class), (0x115A, &release)]);
        let heard = Structure::parse(&octets).unwrap();
        assert_eq!((heard.kind, heard.codepoint, heard.may_open()), (Kind::Reply, Structure::EXCSATRD, true));
        let server = Server::read(parameters(&octets).unwrap());
        let text = |octets: &[u8]| octets.iter().map(|o| ascii(*o) as char).collect::<String>();
        assert_eq!((text(server.class), text(server.release)), ("Apache Derby".into(), "CSS10140/10.14".into()));
        assert_eq!(parameters(&octets[..20]).err(), Some(WireError::Truncated("structure")));
    }

    #[test]
    fn a_login_shows_its_mechanism_and_whether_a_password_is_there() {
        let octets = structure(0x41, Structure::SECCHK, &[(0x11A2, &[0, 3]), (0x11A0, b"zz"), (0x11A1, b"secret")]);
        let login = Login::read(parameters(&octets).unwrap());
        assert_eq!(login, Login { mechanism: Some(Login::PASSWORD), password: Some(6) });
        let octets = structure(0x02, Structure::SECCHKRM, &[(0x1149, &[0, 8]), (0x11A4, &[0x13])]);
        assert_eq!(verdict(parameters(&octets).unwrap()), Ok(0x13));
        let octets = structure(0x02, Structure::SECCHKRM, &[(0x1149, &[0, 8])]);
        assert!(verdict(parameters(&octets).unwrap()).is_err());
    }

    #[test]
    fn what_is_no_structure_names_its_field() {
        let octets = structure(0x41, Structure::EXCSAT, &[]);
        for (at, value, field) in
            [(1, 9, "structure length"), (2, 0xD1, "magic"), (3, 0x4F, "format"), (7, 5, "object length")]
        {
            let mut broken = octets.clone();
            broken[at] = value;
            assert_eq!(Structure::parse(&broken), Err(WireError::Malformed(field)));
        }
        assert_eq!(Structure::parse(&octets[..9]), Err(WireError::Truncated("codepoint")));
        // FFFF: 32767 octets, and more behind them.
        let rows = Structure::parse(&[0xFF, 0xFF, 0xD0, 3, 0, 1, 0, 0, 0x24, 0x1B]).unwrap();
        assert!(rows.goes_on() && rows.codepoint == Structure::QRYDTA);
    }
}
