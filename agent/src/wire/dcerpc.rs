//! DCE/RPC over connections (C706 chapter 12.6, MS-RPCE 2.2.2): how programs of Windows call each other, from the endpoint mapper on.
//!
//! Keeps: what a fragment is, how long it is, and the octets of the security token at its end. Drops: interfaces, numbers of
//! operations, and everything that is called with or returned.

use super::WireError;
use super::reader::Reader;

/// What a fragment is (12.6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 0: a call.
    Request,
    /// 2: its result, or 3: its failure.
    Response,
    /// 11: a client names the interfaces that it wants; 14: more of them.
    Bind,
    /// 12, 15: the server grants some of them; 13: none.
    BindAnswer,
    /// 16: the last step of a login (MS-RPCE 2.2.2.10).
    Auth3,
    /// 17: the server asks the client to end the association (12.6.4.11).
    Shutdown,
    /// 18, 19: a call is given up.
    Cancel,
}

impl Kind {
    /// Whether a server says it; else a client does.
    #[must_use]
    pub const fn is_of_server(self) -> bool {
        matches!(self, Kind::Response | Kind::BindAnswer | Kind::Shutdown)
    }

    /// Whether a login may travel in it.
    #[must_use]
    pub const fn may_log_in(self) -> bool {
        matches!(self, Kind::Bind | Kind::BindAnswer | Kind::Auth3)
    }
}

/// The sixteen octets before every fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is.
    pub kind: Kind,
    /// Octets of the fragment, this header included.
    pub length: u16,
    /// Octets of the security token.
    pub token: u16,
}

impl Header {
    /// Octet 0: version 5. 1: minor version, 0 or 1. 2: kind. 3: flags. 4-7: how numbers are written: bits 7-4 of the first octet
    /// integers (0 the highest octet first, 1 the lowest), bits 3-0 characters, the second octet floating point, then nothing. 8-9: length.
    /// 10-11: octets of the token. 12-15: number of the call.
    ///
    /// # Errors
    /// `Truncated`, or `Malformed` for what the standard does not have.
    pub fn read(octets: &[u8]) -> Result<Header, WireError> {
        let mut r = Reader::new(octets);
        if r.u8("version")? != 5 || r.u8("minor version")? > 1 {
            return Err(WireError::Malformed("version"));
        }
        let kind = match r.u8("kind")? {
            0 => Kind::Request,
            2 | 3 => Kind::Response,
            11 | 14 => Kind::Bind,
            12 | 13 | 15 => Kind::BindAnswer,
            16 => Kind::Auth3,
            17 => Kind::Shutdown,
            18 | 19 => Kind::Cancel,
            _ => return Err(WireError::Malformed("kind")),
        };
        r.u8("flags")?;
        let written = r.array::<4>("data representation")?;
        let [0x00 | 0x01 | 0x10 | 0x11, 0..=3, 0, 0] = written else {
            return Err(WireError::Malformed("data representation"));
        };
        let is_little = written.first().is_some_and(|o| o & 0x10 != 0);
        let mut number = |field| if is_little { r.u16_le(field) } else { r.u16(field) };
        let (length, token) = (number("length")?, number("length of the token")?);
        r.u32("call")?;
        let least = if token == 0 { HEADER } else { HEADER.saturating_add(TRAILER).saturating_add(usize::from(token)) };
        if usize::from(length) < least {
            return Err(WireError::Malformed("length"));
        }
        Ok(Header { kind, length, token })
    }
}

/// The fragment that `octets` begin with: its header, and the security token at its end (MS-RPCE 2.2.2.11), behind the eight octets that
/// say of which kind it is.
///
/// # Errors
/// As [`Header::read`]; `Truncated` if it is not complete.
pub fn fragment(octets: &[u8]) -> Result<(Header, &[u8]), WireError> {
    let header = Header::read(octets)?;
    let mut r = Reader::new(octets);
    let before = usize::from(header.length).saturating_sub(usize::from(header.token));
    r.take(before, "fragment")?;
    Ok((header, r.take(usize::from(header.token), "token")?))
}

/// Octets of a header.
const HEADER: usize = 16;
/// Octets before a token: its kind, the level of protection, padding, a number.
const TRAILER: usize = 8;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A fragment of Windows with so much in it, and a token.
    pub(crate) fn pdu(kind: u8, body: &[u8], token: &[u8]) -> Vec<u8> {
        let trailer = if token.is_empty() { 0 } else { TRAILER };
        let length = [HEADER, body.len(), trailer, token.len()].iter().sum::<usize>();
        let length = u16::try_from(length).unwrap();
        let mut o = vec![5, 0, kind, 3]; // version 5.0, kind, first and last fragment
        o.extend([0x10, 0, 0, 0]); // the lowest octet first, ASCII, IEEE
        o.extend(length.to_le_bytes());
        o.extend(u16::try_from(token.len()).unwrap().to_le_bytes());
        o.extend([1, 0, 0, 0]); // call 1
        o.extend(body);
        if !token.is_empty() {
            o.extend([10, 2, 0, 0, 0, 0, 0, 0]); // NTLM, connect, no padding, context 0
            o.extend(token);
        }
        o
    }

    #[test]
    fn a_fragment_says_what_it_is_and_gives_its_token() {
        let bind = pdu(11, &[0; 56], b"token");
        let (header, token) = fragment(&bind).unwrap();
        assert_eq!((header, token), (Header { kind: Kind::Bind, length: 85, token: 5 }, &b"token"[..]));
        assert_eq!(fragment(&bind[..84]), Err(WireError::Truncated("token")));
        assert_eq!(fragment(&bind[..20]), Err(WireError::Truncated("fragment")));
        assert_eq!(Header::read(&bind[..15]), Err(WireError::Truncated("call")));
        let result = pdu(2, &[0; 8], b"");
        let (header, token) = fragment(&result).unwrap();
        assert_eq!((header.kind, header.length, token), (Kind::Response, 24, &b""[..]));
    }

    #[test]
    fn numbers_are_read_as_their_writer_wrote_them() {
        let of_unix = [5, 1, 12, 3, 0, 0, 0, 0, 0, 68, 0, 0, 0, 0, 0, 1]; // the highest octet first
        assert_eq!(Header::read(&of_unix), Ok(Header { kind: Kind::BindAnswer, length: 68, token: 0 }));
    }

    #[test]
    fn what_the_standard_does_not_have_is_refused() {
        let good = pdu(0, &[0; 8], b"");
        for (at, value, field) in [
            (0, 4, "version"),
            (1, 2, "version"),
            (2, 1, "kind"),
            (2, 20, "kind"),
            (4, 0x20, "data representation"),
            (5, 4, "data representation"),
            (7, 1, "data representation"),
            (8, 15, "length"),
            (10, 1, "length"), // no room for a token
        ] {
            let mut bad = good.clone();
            bad[at] = value;
            assert_eq!(Header::read(&bad), Err(WireError::Malformed(field)), "{at}");
        }
    }

    #[test]
    fn each_kind_is_of_one_side() {
        let kinds: Vec<(u8, bool)> = (0..20)
            .filter_map(|kind| Some((kind, Header::read(&pdu(kind, &[], b"")).ok()?.kind.is_of_server())))
            .collect();
        let of_server: Vec<u8> = kinds.iter().filter(|(_, server)| *server).map(|(kind, _)| *kind).collect();
        assert_eq!((kinds.len(), of_server), (12, vec![2, 3, 12, 13, 15, 17]));
    }
}
