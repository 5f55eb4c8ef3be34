//! The frames of HTTP/2 (RFC 9113 sections 3.4, 4, 6), as far as they carry fields and bodies.
//!
//! Keeps: kind, flags, stream and length of a frame; which octets of a frame are fields or a body. Drops: settings,
//! priorities, windows, pings, reasons: they are passed over.

use super::WireError;
use super::http::Begins;
use super::reader::Reader;

/// The head of a frame, octets 0-8 (RFC 9113 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// Octets 0-2: octets that follow.
    pub length: u32,
    /// Octet 3.
    pub kind: Kind,
    /// Octet 4.
    pub flags: u8,
    /// Octets 5-8 without the highest bit.
    pub stream: u32,
}

/// Kinds of frames (section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 0: a piece of a body.
    Data,
    /// 1: begins fields.
    Headers,
    /// 3: a stream ends before its end.
    Reset,
    /// 4.
    Settings,
    /// 5: the server answers what nobody asked.
    PushPromise,
    /// 9: more fields.
    Continuation,
    /// Any other.
    Other,
}

impl FrameHead {
    /// Octets of a head.
    pub const LEN: usize = 9;

    /// The head that `octets` begin with.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` for a length that nobody may send, or a stream that does not fit the kind.
    pub fn parse(octets: &[u8]) -> Result<FrameHead, WireError> {
        let mut r = Reader::new(octets);
        let length = r.u24("frame length")?;
        let kind = r.u8("frame type")?;
        let flags = r.u8("frame flags")?;
        let stream = r.u32("stream")? & 0x7FFF_FFFF;
        let (kind, on_stream) = match kind {
            0 => (Kind::Data, true),
            1 => (Kind::Headers, true),
            2 => (Kind::Other, true),
            3 => (Kind::Reset, true),
            4 => (Kind::Settings, false),
            5 => (Kind::PushPromise, true),
            6 | 7 => (Kind::Other, false),
            9 => (Kind::Continuation, true),
            _ => return Ok(FrameHead { length, kind: Kind::Other, flags, stream }),
        };
        if on_stream == (stream == 0) {
            return Err(WireError::Malformed("stream"));
        }
        if kind == Kind::Settings && !length.is_multiple_of(SETTING) {
            return Err(WireError::Malformed("settings"));
        }
        Ok(FrameHead { length, kind, flags, stream })
    }

    /// Whether a flag of the frame is set.
    #[must_use]
    pub const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The fields in the payload of HEADERS, PUSH_PROMISE or CONTINUATION, without padding and priority; and the stream
    /// that a PUSH_PROMISE promises (else the frame's own).
    ///
    /// # Errors
    /// `Truncated`, or `Malformed` if there is more padding than payload.
    pub fn fields<'a>(&self, payload: &'a [u8]) -> Result<(u32, &'a [u8]), WireError> {
        let mut r = Reader::new(payload);
        let padding = if self.kind != Kind::Continuation && self.has(PADDED) { r.u8("padding")? } else { 0 };
        let mut stream = self.stream;
        if self.kind == Kind::PushPromise {
            stream = r.u32("promised stream")? & 0x7FFF_FFFF;
        }
        if self.kind == Kind::Headers && self.has(PRIORITY) {
            r.array::<5>("priority")?;
        }
        let len = r.left().checked_sub(padding.into()).ok_or(WireError::Malformed("padding"))?;
        Ok((stream, r.take(len, "fields")?))
    }
}

/// Whether these octets begin what a client says: the connection preface (section 3.4).
#[must_use]
pub fn begins_client(octets: &[u8]) -> Begins {
    if octets.starts_with(PREFACE) {
        Begins::Yes
    } else if PREFACE.starts_with(octets) {
        Begins::Perhaps
    } else {
        Begins::No
    }
}

/// Whether these octets begin what a server says: SETTINGS with settings that exist (section 6.5.2), and where there
/// are none, another frame of the connection behind them.
#[must_use]
pub fn begins_server(octets: &[u8]) -> Begins {
    // A frame of settings has less than 256 octets; its type is 4, and it has no flags.
    let known = [(0, 0), (1, 0), (3, 4), (4, 0)];
    if known.iter().any(|(at, octet)| octets.get(*at).is_some_and(|o| o != octet)) {
        return Begins::No;
    }
    match FrameHead::parse(octets) {
        Err(WireError::Truncated(_)) => Begins::Perhaps,
        Ok(FrameHead { kind: Kind::Settings, flags: 0, length, .. }) if length <= MAX_SETTINGS => {
            let mut r = Reader::new(octets.get(FrameHead::LEN..).unwrap_or_default());
            if length > 0 {
                return match r.u16("setting") {
                    Ok(1..=9 | 16) => Begins::Yes,
                    Ok(_) => Begins::No,
                    Err(_) => Begins::Perhaps,
                };
            }
            match FrameHead::parse(r.rest()) {
                Ok(next) if next.kind == Kind::Settings && next.length == 0 => Begins::Yes,
                Ok(next) if next.kind != Kind::Data && next.length <= MAX_SETTINGS => Begins::Yes,
                Err(WireError::Truncated(_)) => Begins::Perhaps,
                _ => Begins::No,
            }
        }
        _ => Begins::No,
    }
}

/// With what a client begins.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The message ends with this frame (DATA, HEADERS).
pub const END_STREAM: u8 = 0x01;
/// The fields end with this frame (HEADERS, PUSH_PROMISE, CONTINUATION).
pub const END_HEADERS: u8 = 0x04;
/// Padding follows (DATA, HEADERS, PUSH_PROMISE).
pub const PADDED: u8 = 0x08;
/// A priority stands before the fields (HEADERS).
const PRIORITY: u8 = 0x20;

/// Octets of a setting: identifier and value.
const SETTING: u32 = 6;
/// Octets of the first settings of a server: there are nine of them.
const MAX_SETTINGS: u32 = 252;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_octet_by_octet() {
        // length 4, HEADERS, END_STREAM and END_HEADERS, stream 5
        let head = FrameHead::parse(&[0, 0, 4, 1, 5, 0, 0, 0, 5]).unwrap();
        assert_eq!(head, FrameHead { length: 4, kind: Kind::Headers, flags: 5, stream: 5 });
        assert!(head.has(END_STREAM) && head.has(END_HEADERS) && !head.has(PADDED));
        assert_eq!(head.fields(b"abcd"), Ok((5, &b"abcd"[..])));
        assert_eq!(FrameHead::parse(&[0, 0, 4, 1, 5, 0, 0, 0]), Err(WireError::Truncated("stream")));
        assert_eq!(FrameHead::parse(&[0, 0, 4, 1, 5, 0, 0, 0, 0]), Err(WireError::Malformed("stream")));
        assert_eq!(FrameHead::parse(&[0, 0, 7, 4, 0, 0, 0, 0, 0]), Err(WireError::Malformed("settings")));
    }

    #[test]
    fn padding_and_priority_are_no_fields() {
        let head = FrameHead { length: 10, kind: Kind::Headers, flags: PADDED | PRIORITY, stream: 1 };
        // two octets of padding; dependency and weight; fields; padding
        assert_eq!(head.fields(&[2, 0, 0, 0, 0, 16, b'a', b'b', 0, 0]), Ok((1, &b"ab"[..])));
        assert_eq!(head.fields(&[200, 0, 0, 0, 0, 16, b'a', b'b', 0, 0]), Err(WireError::Malformed("padding")));
        let promise = FrameHead { length: 6, kind: Kind::PushPromise, flags: 4, stream: 1 };
        assert_eq!(promise.fields(&[0, 0, 0, 2, b'a', b'b']), Ok((2, &b"ab"[..])));
    }

    #[test]
    fn both_sides_are_told_by_how_they_begin() {
        assert_eq!(begins_client(PREFACE), Begins::Yes);
        assert_eq!(begins_client(b"PRI * HT"), Begins::Perhaps);
        assert_eq!(begins_client(b"GET / HTTP/1.1"), Begins::No);
        // one setting: 3 (streams at a time) is 100
        assert_eq!(begins_server(&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100]), Begins::Yes);
        // none, and then the acknowledgement of the client's
        assert_eq!(begins_server(&[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0]), Begins::Yes);
        assert_eq!(begins_server(&[0, 0, 0, 4, 0, 0, 0, 0, 0]), Begins::Perhaps);
        for other in [&b"HTTP/1.1 200"[..], b"\x00\x00\x00\x20ftyp", b"\x16\x03\x03\x00\x04", &[0; 20]] {
            assert_eq!(begins_server(other), Begins::No, "{other:?}");
        }
    }
}
