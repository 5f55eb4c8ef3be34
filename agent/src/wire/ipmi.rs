//! Control of a machine from outside of it: RMCP (ASF 2.0 section 3.2), IPMI 1.5 and 2.0 over it (IPMI 2.0 section 13, 22).
//!
//! Keeps: what a server answers about identities, whether sessions were opened and are encrypted. Drops: names of users, random
//! numbers, codes, contents of commands and answers, the console.

use super::WireError;
use super::reader::Reader;

/// What a datagram says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// Of another class over the same header: a ping of ASF, its answer, a receipt.
    Other,
    /// A question, or a message of a session towards the server, as far as that shows.
    Question,
    /// An answer of a server about something else.
    Answer(Session),
    /// Get Channel Authentication Capabilities (22.13): what the server asks of those who come.
    Capabilities {
        /// A session needs no authentication.
        without: bool,
        /// A user without name and password exists.
        anonymous: bool,
    },
    /// Activate Session of version 1.5 (22.17).
    Activated {
        /// It was opened.
        done: bool,
        /// With authentication.
        authenticated: bool,
    },
    /// Open Session Response, RAKP message 2 (13.18, 13.21): the server knows who asks, or not.
    Opening {
        /// The server goes on.
        goes_on: bool,
    },
    /// RAKP message 4 (13.23): the session is open, or refused.
    Opened {
        /// It is open.
        done: bool,
        /// It has a code that only who knows the password can check.
        authenticated: bool,
    },
    /// What is encrypted or checked inside a session of version 2.0: who speaks does not show.
    Sealed {
        /// Encrypted, not only checked.
        encrypted: bool,
    },
}

/// Whether a message belongs to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// Before any.
    None,
    /// Inside one.
    Open,
}

impl Message {
    /// Octet 0: version of RMCP, 6. 1: reserved, 0. 2: number. 3: class: bit 7 a receipt, 6 ASF, 7 IPMI. Then, of IPMI, the header
    /// of a session: its first octet is the kind of authentication, 6 for version 2.0.
    ///
    /// # Errors
    /// `Truncated` or `Malformed` if it is none of them.
    pub fn read(octets: &[u8]) -> Result<Message, WireError> {
        let mut r = Reader::new(octets);
        let [version, reserved, number, class] = r.array("RMCP header")?;
        if version != 6 || reserved != 0 {
            return Err(WireError::Malformed("RMCP header"));
        }
        match class {
            // IANA's number of ASF.
            6 if r.u32("enterprise")? == 4542 => Ok(Message::Other),
            0x86 | 0x87 if r.is_empty() => Ok(Message::Other),
            7 if number == 0xFF => match r.u8("kind of authentication")? {
                6 => version_2(&mut r),
                kind => version_1(kind, &mut r),
            },
            _ => Err(WireError::Malformed("class")),
        }
    }
}

/// Version 1.5 (13.6): 1-4: number. 5-8: session. Unless there is no authentication, a code of 16. Length of the message, 1 octet.
/// What stands behind the message is padding, of one octet at most.
fn version_1(kind: u8, r: &mut Reader<'_>) -> Result<Message, WireError> {
    if !matches!(kind, 0..=2 | 4 | 5) {
        return Err(WireError::Malformed("kind of authentication"));
    }
    let number = r.u32_le("number")?;
    let session = r.u32_le("session")?;
    if session == 0 && number != 0 {
        return Err(WireError::Malformed("session"));
    }
    if kind != 0 {
        r.take(16, "code")?;
    }
    let length = usize::from(r.u8("length")?);
    let message = r.take(length, "message")?;
    if r.left() > 1 {
        return Err(WireError::Malformed("length"));
    }
    command(message, if session == 0 { Session::None } else { Session::Open })
}

/// Version 2.0 (13.6): 1: kind of payload, bit 7 encrypted, bit 6 checked (0 IPMI, 1 console, 2 a maker's with a header of its own,
/// which is not followed). 2-5: session. 6-9: number. 10-11: length of the payload, least octet first. Inside a session padding,
/// its length, 7, and a code follow.
fn version_2(r: &mut Reader<'_>) -> Result<Message, WireError> {
    let kind = r.u8("kind of payload")?;
    let (encrypted, checked) = (kind & 0x80 != 0, kind & 0x40 != 0);
    let session = r.u32_le("session")?;
    let number = r.u32_le("number")?;
    let length = usize::from(r.u16_le("length")?);
    let payload = r.take(length, "payload")?;
    let outside = session == 0 && !encrypted && !checked && number == 0 && r.is_empty();
    match kind & 0x3F {
        0x10 | 0x12 | 0x14 if outside => Ok(Message::Question),
        0x11 if outside => open_session(payload),
        0x13 if outside => second(payload),
        0x15 if outside => fourth(payload),
        0 if outside => command(payload, Session::None),
        0 | 1 | 0x20..=0x27 if session != 0 && (encrypted || checked) => {
            trailer(checked, length, r)?;
            Ok(Message::Sealed { encrypted })
        }
        0 if session != 0 && r.is_empty() => command(payload, Session::Open),
        1 | 0x20..=0x27 if session != 0 && r.is_empty() => Ok(Message::Question),
        _ => Err(WireError::Malformed("kind of payload")),
    }
}

/// The trailer of a session (13.6): FF up to a multiple of four, how many of them, 7, a code of 12, 16 or 32 octets.
fn trailer(checked: bool, length: usize, r: &mut Reader<'_>) -> Result<(), WireError> {
    if !checked {
        return if r.is_empty() { Ok(()) } else { Err(WireError::Malformed("length")) };
    }
    // What is padded: 12 octets of header, the payload, the number of octets, and 7.
    let padding = length.saturating_add(14).next_multiple_of(4).saturating_sub(length.saturating_add(14));
    let pads = r.take(padding, "padding")?;
    let [many, next] = r.array("trailer")?;
    let is_pad = pads.iter().all(|o| *o == 0xFF) && usize::from(many) == padding && next == 7;
    if !is_pad || !matches!(r.left(), 12 | 16 | 32) {
        return Err(WireError::Malformed("trailer"));
    }
    Ok(())
}

/// A command or an answer (13.8): whom; function (bits 7-2, odd in answers) and unit; a sum of both; who; number and unit; the command;
/// of an answer a code; data; a sum of what stands behind the first.
fn command(message: &[u8], session: Session) -> Result<Message, WireError> {
    let mut r = Reader::new(message);
    let head = r.take(3, "addresses")?;
    let rest = r.rest();
    if !is_zero(head) || !is_zero(rest) {
        return Err(WireError::Malformed("sum"));
    }
    let [_whom, function, _sum] = *head else { return Err(WireError::Truncated("addresses")) };
    let [_who, _number, command] = r.array("command")?;
    if function & 4 == 0 {
        return Ok(Message::Question);
    }
    let done = r.u8("code")? == 0;
    let data = r.take(r.left().saturating_sub(1), "data")?;
    match (function >> 2, command, data) {
        // Channel, kinds of authentication (bit 0: none), flags (bit 0: anonymous), extensions, maker.
        (7, 0x38, [_, kinds, flags, _, _, _, _, _]) if done => {
            Ok(Message::Capabilities { without: kinds & 1 != 0, anonymous: flags & 1 != 0 })
        }
        // Kind of authentication, session, number, level.
        (7, 0x3A, [kind, _, _, _, _, _, _, _, _, _]) if done => {
            Ok(Message::Activated { done: true, authenticated: kind & 15 != 0 })
        }
        (7, 0x3A, []) if !done => Ok(Message::Activated { done: false, authenticated: true }),
        _ => Ok(Message::Answer(session)),
    }
}

/// Tag, status, level, reserved, the client's session; if it goes on, the server's session and three algorithms of 8 octets.
fn open_session(payload: &[u8]) -> Result<Message, WireError> {
    match payload {
        [_, 0, _, 0, rest @ ..] if rest.len() == 32 => {
            let mut r = Reader::new(rest);
            r.take(8, "sessions")?;
            for number in 0..3 {
                let [kind, _, _, length, ..] = r.array::<8>("algorithm")?;
                if kind != number || length != 8 {
                    return Err(WireError::Malformed("algorithm"));
                }
            }
            Ok(Message::Opening { goes_on: true })
        }
        [_, status, _, 0, rest @ ..] if is_refusal(*status) && matches!(rest.len(), 4 | 32) => {
            Ok(Message::Opening { goes_on: false })
        }
        _ => Err(WireError::Malformed("open session response")),
    }
}

/// Tag, status, reserved, the client's session; if it goes on, 16 random octets, the machine's number of 16, a code.
fn second(payload: &[u8]) -> Result<Message, WireError> {
    match payload {
        [_, 0, 0, 0, rest @ ..] if matches!(rest.len(), 36 | 52 | 56 | 68) => Ok(Message::Opening { goes_on: true }),
        [_, status, 0, 0, rest @ ..] if is_refusal(*status) && rest.len() >= 4 => {
            Ok(Message::Opening { goes_on: false })
        }
        _ => Err(WireError::Malformed("RAKP message 2")),
    }
}

/// Tag, status, reserved, the client's session, a code of 12 or 16 octets, or none where nothing is authenticated.
fn fourth(payload: &[u8]) -> Result<Message, WireError> {
    match payload {
        [_, 0, 0, 0, _, _, _, _] => Ok(Message::Opened { done: true, authenticated: false }),
        [_, 0, 0, 0, rest @ ..] if matches!(rest.len(), 16 | 20) => {
            Ok(Message::Opened { done: true, authenticated: true })
        }
        [_, status, 0, 0, rest @ ..] if is_refusal(*status) && rest.len() >= 4 => {
            Ok(Message::Opened { done: false, authenticated: true })
        }
        _ => Err(WireError::Malformed("RAKP message 4")),
    }
}

/// Table 13-15: status codes.
const fn is_refusal(status: u8) -> bool {
    matches!(status, 1..=0x12)
}

/// Whether the octets with the sum at their end add up to zero.
fn is_zero(octets: &[u8]) -> bool {
    octets.iter().fold(0u8, |sum, o| sum.wrapping_add(*o)) == 0
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A message with its sums: whom, function and unit; who, number, command and data.
    pub(crate) fn summed(head: [u8; 2], rest: &[u8]) -> Vec<u8> {
        let sum = |o: &[u8]| o.iter().fold(0u8, |s, o| s.wrapping_sub(*o));
        [&head[..], &[sum(&head)], rest, &[sum(rest)]].concat()
    }

    /// Version 1.5: authentication, session, message.
    pub(crate) fn old(kind: u8, session: u8, message: &[u8]) -> Vec<u8> {
        let mut octets = vec![6, 0, 0xFF, 7, kind, 0, 0, 0, 0, session, 0, 0, 0]; // RMCP; kind, number 0, session
        octets.extend(vec![0xAA; if kind == 0 { 0 } else { 16 }]); // the code
        octets.push(u8::try_from(message.len()).unwrap());
        octets.extend(message);
        octets
    }

    /// Version 2.0: kind of payload, session, payload.
    pub(crate) fn new(kind: u8, session: u8, payload: &[u8]) -> Vec<u8> {
        let mut octets = vec![6, 0, 0xFF, 7, 6, kind, session, 0, 0, 0, session, 0, 0, 0]; // RMCP; 2.0, kind, session, number
        octets.extend(u16::try_from(payload.len()).unwrap().to_le_bytes());
        octets.extend(payload);
        octets
    }

    /// The answer to Get Channel Authentication Capabilities: kinds, flags.
    pub(crate) fn capabilities(kinds: u8, flags: u8) -> Vec<u8> {
        // To 81, App answer; from 20, number, 0x38, done, channel 1, kinds, flags, extensions, maker 0, 0.
        old(0, 0, &summed([0x81, 0x1C], &[0x20, 0, 0x38, 0, 1, kinds, flags, 3, 0, 0, 0, 0]))
    }

    /// RAKP message 4: status, octets of its code.
    pub(crate) fn opened(status: u8, code: usize) -> Vec<u8> {
        new(0x15, 0, &[&[0, status, 0, 0, 1, 2, 3, 4][..], &vec![0xAA; code]].concat())
    }

    #[test]
    fn questions_and_answers_are_told_by_their_function_and_their_sums() {
        let question = old(0, 0, &summed([0x20, 0x18], &[0x81, 0, 0x38, 0x8E, 4]));
        assert_eq!(Message::read(&question), Ok(Message::Question));
        assert_eq!(
            Message::read(&capabilities(0x15, 0x07)),
            Ok(Message::Capabilities { without: true, anonymous: true })
        );
        assert_eq!(
            Message::read(&capabilities(0x84, 0x06)),
            Ok(Message::Capabilities { without: false, anonymous: false })
        );
        for kind in [0, 2, 4] {
            let answer = old(kind, 9, &summed([0x81, 0x1C], &[0x20, 4, 0x01, 0, 0x20, 1]));
            assert_eq!(Message::read(&answer), Ok(Message::Answer(Session::Open)));
        }
        let good = capabilities(0x15, 0x07);
        for at in [0, 1, 2, 3, 4, 5, 13, 16, 20, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 0x40;
            assert!(Message::read(&bad).is_err(), "octet {at}");
        }
        for short in 0..good.len() {
            assert!(Message::read(&good[..short]).is_err(), "{short}");
        }
    }

    #[test]
    fn sessions_are_opened_with_and_without_a_code() {
        let activated = |kind| old(2, 9, &summed([0x81, 0x1C], &[0x20, 8, 0x3A, 0, kind, 1, 2, 3, 4, 1, 0, 0, 0, 4]));
        assert_eq!(Message::read(&activated(0)), Ok(Message::Activated { done: true, authenticated: false }));
        assert_eq!(Message::read(&activated(2)), Ok(Message::Activated { done: true, authenticated: true }));
        let refused = old(0, 9, &summed([0x81, 0x1C], &[0x20, 8, 0x3A, 0x86]));
        assert_eq!(Message::read(&refused), Ok(Message::Activated { done: false, authenticated: true }));
        assert_eq!(Message::read(&opened(0, 0)), Ok(Message::Opened { done: true, authenticated: false }));
        assert_eq!(Message::read(&opened(0, 12)), Ok(Message::Opened { done: true, authenticated: true }));
        assert_eq!(Message::read(&opened(0x0F, 0)), Ok(Message::Opened { done: false, authenticated: true }));
        assert!(Message::read(&opened(0, 5)).is_err() && Message::read(&opened(0x77, 0)).is_err());
        let mut algorithms = vec![0, 0, 4, 0, 1, 2, 3, 4, 5, 6, 7, 8]; // tag, status, level, reserved, sessions
        for kind in 0..3 {
            algorithms.extend([kind, 0, 0, 8, 1, 0, 0, 0]);
        }
        assert_eq!(Message::read(&new(0x11, 0, &algorithms)), Ok(Message::Opening { goes_on: true }));
        assert_eq!(Message::read(&new(0x11, 0, &[0, 0x11, 4, 0, 1, 2, 3, 4])), Ok(Message::Opening { goes_on: false }));
        assert_eq!(
            Message::read(&new(0x13, 0, &[&[0; 8][..], &[7; 52]].concat())),
            Ok(Message::Opening { goes_on: true })
        );
        assert_eq!(Message::read(&new(0x13, 0, &[0, 0x0D, 0, 0, 1, 2, 3, 4])), Ok(Message::Opening { goes_on: false }));
        assert!(Message::read(&new(0x11, 0, &[0; 36])).is_err() && Message::read(&new(0x13, 0, &[0; 50])).is_err());
    }

    #[test]
    fn what_is_inside_a_session_is_sealed_if_its_trailer_is_right() {
        // 16 octets are padded by 2: 12 + 16 + 2 + 2 is 32.
        let sealed = [new(0xC0, 9, &[0x55; 16]), vec![0xFF, 0xFF, 2, 7], vec![0xAA; 12]].concat();
        assert_eq!(Message::read(&sealed), Ok(Message::Sealed { encrypted: true }));
        let mut bad = sealed.clone();
        let at = bad.len() - 13;
        bad[at] = 8;
        assert!(Message::read(&bad).is_err() && Message::read(&sealed[..sealed.len() - 1]).is_err());
        let readable = new(0, 9, &summed([0x81, 0x1C], &[0x20, 4, 0x01, 0, 0x20, 1]));
        assert_eq!(Message::read(&readable), Ok(Message::Answer(Session::Open)));
    }

    #[test]
    fn other_classes_are_known_and_other_octets_are_not() {
        // ASF, enterprise 4542, presence ping (0x80), tag, reserved, no data.
        assert_eq!(Message::read(&[6, 0, 0xFF, 6, 0, 0, 0x11, 0xBE, 0x80, 0, 0, 0]), Ok(Message::Other));
        assert_eq!(Message::read(&[6, 0, 0, 0x86]), Ok(Message::Other));
        for bad in [&b"\x06\x00\xff\x08"[..], b"nothing of the sort", &[6, 0, 0xFF, 7, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0]] {
            assert!(Message::read(bad).is_err(), "{bad:?}");
        }
    }
}
