//! CoAP over UDP: messages (RFC 7252 section 3), codes (section 12.1), the option that says that a message is sealed (RFC 8613
//! section 2).
//!
//! Keeps: the kind of a message, its code, id and token, the number of its content format, whether there is a payload.
//! Drops: every option's value besides the content format (paths and queries are options), every payload.

use super::WireError;
use super::reader::Reader;

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Octet 0, bits 2-3.
    pub kind: Kind,
    /// Octet 1.
    pub code: Code,
    /// Octets 2-3: pairs an acknowledgement with what it acknowledges.
    pub id: u16,
    /// Pairs an answer with its question.
    pub token: Token,
    /// Option 12: what the payload is, by its number in the registry (40 is a list of links, RFC 6690).
    pub format: Option<u16>,
    /// Option 9: code, options and payload outside are those of a sealed message, not of what is in it.
    pub is_sealed: bool,
    /// Something follows the marker 0xFF.
    pub has_payload: bool,
}

/// How a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 0: it wants an acknowledgement.
    Confirmable,
    /// 1: it wants none.
    NonConfirmable,
    /// 2: an acknowledgement, with or without an answer in it.
    Acknowledgement,
    /// 3: what came was not understood.
    Reset,
}

/// What a message is: octet 1, class in bits 0-2, detail in bits 3-7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// 0.00: nothing but the header.
    Empty,
    /// 0.01 to 0.07: GET, POST, PUT, DELETE, FETCH, PATCH, iPATCH.
    Asks(u8),
    /// 2.xx, 4.xx, 5.xx: class and detail.
    Answers(u8, u8),
}

/// Up to eight octets that a client chose for one question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Token {
    octets: u64,
    length: u8,
}

impl Message {
    /// The message in a datagram.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if it is none of CoAP over UDP.
    pub fn read(payload: &[u8]) -> Result<Message, WireError> {
        let mut r = Reader::new(payload);
        let first = r.u8("version, type and token length")?;
        if first >> 6 != 1 {
            return Err(WireError::Malformed("version"));
        }
        let kind = match (first >> 4) & 3 {
            0 => Kind::Confirmable,
            1 => Kind::NonConfirmable,
            2 => Kind::Acknowledgement,
            _ => Kind::Reset,
        };
        let code = code(r.u8("code")?)?;
        let id = r.u16("message id")?;
        let token = token(&mut r, first & 0x0F)?;
        if !may_be(kind, code) || (code == Code::Empty && !(r.is_empty() && token.length == 0)) {
            return Err(WireError::Malformed("code"));
        }
        let mut message = Message { kind, code, id, token, format: None, is_sealed: false, has_payload: false };
        message.options(&mut r)?;
        Ok(message)
    }

    /// The options, each by its distance from the one before it, and whether a payload follows. Each round takes an octet or more.
    fn options(&mut self, r: &mut Reader<'_>) -> Result<(), WireError> {
        let mut number = 0u32;
        while !r.is_empty() {
            let head = r.u8("option")?;
            if head == PAYLOAD {
                self.has_payload = true;
                // A marker with nothing behind it is an error (section 3).
                return if r.is_empty() { Err(WireError::Malformed("payload")) } else { Ok(()) };
            }
            let delta = extended(r, head >> 4, "option delta")?;
            let length = extended(r, head & 0x0F, "option length")?;
            number = number.saturating_add(delta);
            let value = r.take(usize::try_from(length).unwrap_or(usize::MAX), "option value")?;
            match (number, value) {
                (65_536.., _) => return Err(WireError::Malformed("option delta")),
                (SEALED, _) => self.is_sealed = true,
                (CONTENT_FORMAT, value) => self.format = Some(short(value)?),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Which kinds carry which codes (section 4.3, table 1).
fn may_be(kind: Kind, code: Code) -> bool {
    match code {
        Code::Empty => kind != Kind::NonConfirmable,
        Code::Asks(_) => matches!(kind, Kind::Confirmable | Kind::NonConfirmable),
        Code::Answers(..) => kind != Kind::Reset,
    }
}

fn code(octet: u8) -> Result<Code, WireError> {
    match (octet >> 5, octet & 0x1F) {
        (0, 0) => Ok(Code::Empty),
        (0, method @ 1..=7) => Ok(Code::Asks(method)),
        (class @ (2 | 4 | 5), detail) => Ok(Code::Answers(class, detail)),
        _ => Err(WireError::Malformed("code")),
    }
}

fn token(r: &mut Reader<'_>, length: u8) -> Result<Token, WireError> {
    if length > LONGEST_TOKEN {
        return Err(WireError::Malformed("token length"));
    }
    let octets = r.take(usize::from(length), "token")?.iter().fold(0, |n, o| (n << 8) | u64::from(*o));
    Ok(Token { octets, length })
}

/// Four bits, or one or two octets behind them (section 3.1).
fn extended(r: &mut Reader<'_>, bits: u8, field: &'static str) -> Result<u32, WireError> {
    match bits {
        13 => Ok(u32::from(r.u8(field)?).saturating_add(13)),
        14 => Ok(u32::from(r.u16(field)?).saturating_add(269)),
        15 => Err(WireError::Malformed(field)),
        bits => Ok(bits.into()),
    }
}

/// A number of at most two octets, zeros before it left out.
fn short(value: &[u8]) -> Result<u16, WireError> {
    match value {
        [] => Ok(0),
        [low] => Ok((*low).into()),
        [high, low] => Ok(u16::from_be_bytes([*high, *low])),
        _ => Err(WireError::Malformed("content format")),
    }
}

/// Between options and payload.
const PAYLOAD: u8 = 0xFF;
/// Octets of a token.
const LONGEST_TOKEN: u8 = 8;
/// Option OSCORE.
const SEALED: u32 = 9;
/// Option Content-Format.
const CONTENT_FORMAT: u32 = 12;

#[cfg(test)]
pub(crate) mod testing {
    //! Messages made by hand.

    /// GET /ward/ZZCANARY, confirmable.
    pub(crate) const ASKS: &[u8] = b"\x42\x01\x12\x34\xAB\xCD\xB4ward\x08ZZCANARY"; // type 0, token of 2; GET; id; token; option 11 twice
    /// 2.05 in the acknowledgement, text.
    pub(crate) const GIVES: &[u8] = b"\x62\x45\x12\x34\xAB\xCD\xC0\xFF21.5 ZZCANARY"; // type 2; 2.05; id; token; option 12 empty; payload
}

#[cfg(test)]
mod tests {
    use super::testing::{ASKS, GIVES};
    use super::*;

    const TOKEN: Token = Token { octets: 0xABCD, length: 2 };

    #[test]
    fn a_question_and_its_answer_have_one_token() {
        let asks = Message::read(ASKS).unwrap();
        assert_eq!((asks.kind, asks.code, asks.id), (Kind::Confirmable, Code::Asks(1), 0x1234));
        assert_eq!((asks.token, asks.format, asks.has_payload), (TOKEN, None, false));
        let gives = Message::read(GIVES).unwrap();
        assert_eq!((gives.kind, gives.code, gives.id), (Kind::Acknowledgement, Code::Answers(2, 5), 0x1234));
        assert_eq!((gives.token, gives.format, gives.has_payload), (TOKEN, Some(0), true));
    }

    #[test]
    fn options_are_counted_by_their_distance_also_where_it_is_long() {
        // Option 12 of 1 octet, then 12 + 13 + 3 = 28 of 1, then 28 + 269 + 1 = 298 of 14, payload.
        let octets = [&b"\x50\x45\0\x01\xC1\x28\xD1\x03\x07\xED\0\x01\x01"[..], &[7; 14], b"\xFFx"].concat();
        let message = Message::read(&octets).unwrap();
        assert_eq!((message.format, message.is_sealed, message.has_payload), (Some(40), false, true));
        let sealed = Message::read(b"\x40\x02\0\x01\x93\x09\x01\x02\xFFx").unwrap(); // option 9 of 3 octets
        assert!(sealed.is_sealed);
    }

    #[test]
    fn what_is_none_names_its_field() {
        for (octets, field) in [
            (&b"\x82\x01\0\x01ab"[..], "version"),
            (b"\x49\x01\0\x01123456789", "token length"),
            (b"\x40\x08\0\x01", "code"),      // 0.08: no method
            (b"\x40\x65\0\x01", "code"),      // 3.05: a reserved class
            (b"\x60\x01\0\x01", "code"),      // a question in an acknowledgement
            (b"\x70\x45\0\x01", "code"),      // an answer in a reset
            (b"\x41\x00\0\x01a", "code"),     // empty with a token
            (b"\x40\x00\0\x01\xFFx", "code"), // empty with a payload
            (b"\x50\x00\0\x01", "code"),      // empty without a purpose
            (b"\x40\x01\0\x01\xFF", "payload"),
            (b"\x40\x01\0\x01\xF0", "option delta"),
            (b"\x40\x01\0\x01\x0F", "option length"),
            (b"\x40\x01\0\x01\xE0\xFF\xFF", "option delta"),
            (b"\x40\x45\0\x01\xC3abc", "content format"),
        ] {
            assert_eq!(Message::read(octets), Err(WireError::Malformed(field)), "{octets:?}");
        }
        for (octets, field) in [
            (&b""[..], "version, type and token length"),
            (b"\x42", "code"),
            (b"\x42\x01\x12", "message id"),
            (b"\x42\x01\x12\x34\xAB", "token"),
            (b"\x40\x01\0\x01\xB4war", "option value"),
            (b"\x40\x01\0\x01\xD0", "option delta"),
        ] {
            assert_eq!(Message::read(octets), Err(WireError::Truncated(field)), "{octets:?}");
        }
    }
}
