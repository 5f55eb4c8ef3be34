//! The opening of remote desktop connections: TPKT (RFC 1006 section 6), X.224 connection request and confirm, and the
//! negotiation in them (MS-RDPBCGR 2.2.1.1, 2.2.1.2).
//!
//! Keeps: which of the two it is, what was selected, why it was refused. Drops: the routing token or cookie of a
//! request, unread: it holds a user's name.

use super::WireError;
use super::reader::Reader;

/// A TPKT that carries a connection request or confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Client X.224 Connection Request PDU (MS-RDPBCGR 2.2.1.1).
    Request {
        /// It has a cookie, a token or a negotiation as only RDP has them.
        sure: bool,
    },
    /// Server X.224 Connection Confirm PDU (MS-RDPBCGR 2.2.1.2).
    Confirm(Negotiation),
}

/// What a server answers to the offer of protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Negotiation {
    /// No structure at all: a server from before the negotiation.
    Absent,
    /// RDP_NEG_RSP (2.2.1.2.1), octets 4-7: selectedProtocol.
    Selected(u32),
    /// RDP_NEG_FAILURE (2.2.1.2.2), octets 4-7: failureCode.
    Failed(u32),
}

impl Opening {
    /// The opening that `octets` begin with, and its whole length.
    ///
    /// # Errors
    /// `Truncated` while it is not complete; `Malformed` if it is no connection request or confirm of RDP.
    pub fn parse(octets: &[u8]) -> Result<(Opening, usize), WireError> {
        let mut r = Reader::new(octets);
        let length = tpkt(&mut r)?;
        let mut x224 = Reader::new(r.rest());
        // Octet 4: length indicator, octet 5: kind.
        let indicator = usize::from(x224.u8("length indicator")?);
        let kind = x224.u8("X.224 kind")?;
        if !(kind == REQUEST || kind == CONFIRM) || indicator.saturating_add(5) != length || indicator < 6 {
            return Err(WireError::Malformed("X.224 kind"));
        }
        // Octets 6-10: destination reference, source reference, class 0.
        let [_, _, _, _, class] = x224.array("class")?;
        if class & 0xF0 != 0 {
            return Err(WireError::Malformed("class"));
        }
        let mut rest = x224.sub(indicator.saturating_sub(6), "variable part")?;
        let opening = if kind == REQUEST { request(&mut rest)? } else { Opening::Confirm(confirm(&mut rest)?) };
        Ok((opening, length))
    }
}

/// Whether `octets` begin with the MCS Connect Initial or Connect Response that follows an opening without negotiation
/// (MS-RDPBCGR 2.2.1.3, 2.2.1.4): X.224 data, then BER application tag 101 or 102.
///
/// # Errors
/// `Truncated` while that is not sure.
pub fn connect_follows(octets: &[u8]) -> Result<bool, WireError> {
    let mut r = Reader::new(octets);
    if tpkt(&mut r).is_err_and(|e| matches!(e, WireError::Malformed(_))) {
        return Ok(false);
    }
    let mut r = Reader::new(octets.get(4..).unwrap_or_default());
    let [a, b, c, d, e] = r.array("X.224 data")?;
    Ok([a, b, c, d] == [0x02, 0xF0, 0x80, 0x7F] && matches!(e, 0x65 | 0x66))
}

/// The head of a TPKT: version 3, reserved, length of the whole.
fn tpkt(r: &mut Reader<'_>) -> Result<usize, WireError> {
    if r.u8("TPKT version")? != 3 {
        return Err(WireError::Malformed("TPKT version"));
    }
    if r.u8("TPKT reserved")? != 0 {
        return Err(WireError::Malformed("TPKT reserved"));
    }
    let length = usize::from(r.u16("TPKT length")?);
    if length < 7 { Err(WireError::Malformed("TPKT length")) } else { Ok(length) }
}

/// The variable part of a request: `Cookie: ...` or another line, then RDP_NEG_REQ; each may be missing. A line is
/// passed over unread.
fn request(rest: &mut Reader<'_>) -> Result<Opening, WireError> {
    let cookie = rest.rest().starts_with(b"Cookie: ");
    let negotiation = rest.rest().starts_with(&[1]) && rest.left() >= 8;
    // A parameter of X.224 begins with 0xC0 and up: that is another protocol above it.
    if rest.rest().first().is_some_and(|o| *o >= 0xC0) {
        return Err(WireError::Malformed("variable part"));
    }
    Ok(Opening::Request { sure: cookie || negotiation })
}

/// The variable part of a confirm: RDP_NEG_RSP, RDP_NEG_FAILURE or nothing.
fn confirm(rest: &mut Reader<'_>) -> Result<Negotiation, WireError> {
    if rest.is_empty() {
        return Ok(Negotiation::Absent);
    }
    let kind = rest.u8("negotiation type")?;
    rest.u8("negotiation flags")?;
    if rest.u16_le("negotiation length")? != 8 {
        return Err(WireError::Malformed("negotiation length"));
    }
    let value = rest.u32_le("selected protocol")?;
    match kind {
        2 => Ok(Negotiation::Selected(value)),
        3 => Ok(Negotiation::Failed(value)),
        _ => Err(WireError::Malformed("negotiation type")),
    }
}

/// X.224 connection request.
const REQUEST: u8 = 0xE0;
/// X.224 connection confirm.
const CONFIRM: u8 = 0xD0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_known_by_its_cookie_or_its_negotiation() {
        let cookie = b"Cookie: mstshash=ZZCANARY\r\n";
        let with_cookie = [&[3, 0, 0, 38, 33, 0xE0, 0, 0, 0, 0, 0][..], cookie].concat();
        assert_eq!(Opening::parse(&with_cookie), Ok((Opening::Request { sure: true }, 38)));
        let negotiation = [3, 0, 0, 19, 14, 0xE0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0];
        assert_eq!(Opening::parse(&negotiation), Ok((Opening::Request { sure: true }, 19)));
        let bare = [3, 0, 0, 11, 6, 0xE0, 0, 0, 0, 0, 0];
        assert_eq!(Opening::parse(&bare), Ok((Opening::Request { sure: false }, 11)));
        for end in 0..negotiation.len() {
            assert!(matches!(Opening::parse(&negotiation[..end]), Err(WireError::Truncated(_))), "{end}");
        }
    }

    #[test]
    fn a_confirm_says_what_was_selected_or_why_not() {
        let confirm = |kind, value| [3, 0, 0, 19, 14, 0xD0, 0, 0, 0x12, 0x34, 0, kind, 0, 8, 0, value, 0, 0, 0];
        let parse = |octets: &[u8]| Opening::parse(octets).map(|(o, _)| o);
        assert_eq!(parse(&confirm(2, 1)), Ok(Opening::Confirm(Negotiation::Selected(1))));
        assert_eq!(parse(&confirm(3, 5)), Ok(Opening::Confirm(Negotiation::Failed(5))));
        assert_eq!(parse(&confirm(9, 5)), Err(WireError::Malformed("negotiation type")));
        assert_eq!(parse(&[3, 0, 0, 11, 6, 0xD0, 0, 0, 0x12, 0x34, 0]), Ok(Opening::Confirm(Negotiation::Absent)));
    }

    #[test]
    fn other_protocols_on_tpkt_are_malformed() {
        // An industrial controller: TSAP parameters 0xC0, 0xC1, 0xC2.
        let controller = [3, 0, 0, 22, 17, 0xE0, 0, 0, 0, 1, 0, 0xC0, 1, 10, 0xC1, 2, 1, 0, 0xC2, 2, 1, 2];
        assert_eq!(Opening::parse(&controller), Err(WireError::Malformed("variable part")));
        assert!(matches!(Opening::parse(b"GET / HTTP/1.1"), Err(WireError::Malformed(_))));
    }

    #[test]
    fn the_data_behind_an_old_opening_are_known_by_their_tag() {
        assert_eq!(connect_follows(&[3, 0, 1, 0x51, 2, 0xF0, 0x80, 0x7F, 0x66]), Ok(true));
        assert_eq!(connect_follows(&[3, 0, 0, 25, 2, 0xF0, 0x80, 0x32, 1]), Ok(false));
        assert!(connect_follows(&[3, 0, 1, 0x51, 2]).is_err());
        assert_eq!(connect_follows(b"GET / HTTP"), Ok(false));
    }
}
