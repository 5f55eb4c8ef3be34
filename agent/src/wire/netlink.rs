//! Messages between a program and the Linux kernel: netlink and generic netlink (RFC 3549 section 2; linux/netlink.h,
//! linux/genetlink.h). Numbers stand in the order of the machine.
//!
//! Keeps: kind, sequence and body of a message, kind and value of its attributes, the reason of a refusal. Drops: flags (but
//! that an answer has several parts ends with a message of its own), port numbers, whatever the kernel adds to a refusal.

use super::WireError;
use super::reader::Reader;

/// One message of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Octets 4-5: the family, or one of the kernel's own kinds.
    pub kind: u16,
    /// Octets 8-11: that of the question.
    pub sequence: u32,
    /// From octet 16.
    body: &'a [u8],
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// A part of the answer: the command (octet 0 of the generic header) and its attributes.
    Part(u8, &'a [u8]),
    /// The answer is whole. The number is that of errno(3), 0 where all went well.
    End(u32),
}

impl<'a> Message<'a> {
    /// What it says.
    ///
    /// # Errors
    /// `Truncated` where the header of its kind ends early.
    pub fn what(&self) -> Result<What<'a>, WireError> {
        let mut r = Reader::new(self.body);
        match self.kind {
            // linux/netlink.h: NLMSG_NOOP, and the kinds below 16 that nobody has defined.
            1 | 4..=15 => Err(WireError::Malformed("netlink kind")),
            // NLMSG_ERROR: the number is negative, and 0 is an acknowledgement. NLMSG_DONE: it may be left away.
            2 => Ok(What::End(number(r.array("netlink error")?).cast_signed().unsigned_abs())),
            3 => Ok(What::End(r.array("netlink end").map_or(0, |n| number(n).cast_signed().unsigned_abs()))),
            _ => {
                let command = r.u8("generic netlink command")?;
                r.take(3, "generic netlink header")?;
                Ok(What::Part(command, r.rest()))
            }
        }
    }
}

/// The messages of one datagram. Each has 16 octets at least, so that the work is bounded by the datagram.
pub fn messages(octets: &[u8]) -> impl Iterator<Item = Message<'_>> {
    let mut rest = Reader::new(octets);
    core::iter::from_fn(move || {
        let mut r = rest;
        let length = usize::try_from(number(r.array("netlink length").ok()?)).ok()?;
        let mut message = rest.sub(length, "netlink message").ok()?;
        message.take(4, "netlink length").ok()?;
        let kind = short(message.array("netlink kind").ok()?);
        message.take(2, "netlink flags").ok()?;
        let sequence = number(message.array("netlink sequence").ok()?);
        message.take(4, "netlink port").ok()?;
        let _ = rest.sub_at_most(padding(length));
        Some(Message { kind, sequence, body: message.rest() })
    })
}

/// Attributes, as kind and value. Each has four octets at least: the work is bounded by what they stand in.
pub fn attributes(octets: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = Reader::new(octets);
    core::iter::from_fn(move || {
        let length = usize::from(short(rest.array("attribute length").ok()?));
        let kind = short(rest.array("attribute kind").ok()?) & KIND_BITS;
        let value = rest.take(length.checked_sub(ATTRIBUTE_HEADER)?, "attribute").ok()?;
        let _ = rest.sub_at_most(padding(length));
        Some((kind, value))
    })
}

/// A value of 32 bits.
#[must_use]
pub fn u32_of(value: &[u8]) -> Option<u32> {
    value.first_chunk().copied().map(number)
}

/// A value of 16 bits.
#[must_use]
pub fn u16_of(value: &[u8]) -> Option<u16> {
    value.first_chunk().copied().map(short)
}

/// A question to the kernel, or a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request(Vec<u8>);

impl Request {
    /// To a family, by its number. Each is acknowledged; `every` asks for all there are of something.
    #[must_use]
    pub fn new(family: u16, command: u8, every: bool) -> Request {
        let mut octets = vec![0; 4]; // length: see `finish`
        octets.extend(family.to_ne_bytes());
        octets.extend((NLM_F_REQUEST | NLM_F_ACK | if every { NLM_F_DUMP } else { 0 }).to_ne_bytes());
        octets.extend([0; 8]); // sequence: see `finish`; port: the kernel knows it
        octets.extend([command, 1, 0, 0]); // version 1, reserved
        Request(octets)
    }

    /// With an attribute.
    #[must_use]
    pub fn with(mut self, kind: u16, value: &[u8]) -> Request {
        let length = value.len().saturating_add(ATTRIBUTE_HEADER);
        self.0.extend(u16::try_from(length).unwrap_or(u16::MAX).to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.0.extend(core::iter::repeat_n(0, padding(length)));
        self
    }

    /// With an attribute of 32 bits.
    #[must_use]
    pub fn with_u32(self, kind: u16, value: u32) -> Request {
        self.with(kind, &value.to_ne_bytes())
    }

    /// As it is sent.
    #[must_use]
    pub fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX).to_ne_bytes();
        for (place, octets) in [(0..4, length), (8..12, sequence.to_ne_bytes())] {
            if let Some(place) = self.0.get_mut(place) {
                place.copy_from_slice(&octets);
            }
        }
        self.0
    }
}

const fn number(octets: [u8; 4]) -> u32 {
    u32::from_ne_bytes(octets)
}

const fn short(octets: [u8; 2]) -> u16 {
    u16::from_ne_bytes(octets)
}

/// Messages and attributes begin at a multiple of four octets.
const fn padding(length: usize) -> usize {
    length.wrapping_neg() % 4
}

/// Octets before an attribute's value.
const ATTRIBUTE_HEADER: usize = 4;

/// The upper two bits of a kind say that it is nested, or in network order.
const KIND_BITS: u16 = 0x3fff;

const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_DUMP: u16 = 0x300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_written_as_the_kernel_reads_it() {
        let octets = Request::new(0x1c, 5, true).with_u32(3, 7).with(2, b"abcde").finish(9);
        let mut wanted = Vec::new();
        wanted.extend(40u32.to_ne_bytes()); // length
        wanted.extend(0x1cu16.to_ne_bytes()); // family
        wanted.extend(0x305u16.to_ne_bytes()); // request, acknowledge, all there are
        wanted.extend(9u32.to_ne_bytes()); // sequence
        wanted.extend(0u32.to_ne_bytes()); // port
        wanted.extend([5, 1, 0, 0]); // command, version, reserved
        wanted.extend([8u16.to_ne_bytes(), 3u16.to_ne_bytes()].concat()); // attribute of 8 octets, kind 3
        wanted.extend(7u32.to_ne_bytes());
        wanted.extend([9u16.to_ne_bytes(), 2u16.to_ne_bytes()].concat()); // attribute of 9 octets, kind 2
        wanted.extend(*b"abcde\0\0\0"); // and three of padding
        assert_eq!(octets, wanted);
        let message = messages(&octets).next().unwrap();
        assert_eq!((message.kind, message.sequence), (0x1c, 9));
        let What::Part(5, inner) = message.what().unwrap() else { panic!() };
        let read: Vec<_> = attributes(inner).collect();
        assert_eq!(read, [(3, &7u32.to_ne_bytes()[..]), (2, b"abcde")]);
    }

    #[test]
    fn an_end_tells_whether_all_went_well() {
        let end = |kind: u16, error: &[u8]| {
            let mut octets = (16 + error.len() as u32).to_ne_bytes().to_vec();
            octets.extend(kind.to_ne_bytes());
            octets.extend([0; 10]);
            octets.extend(error);
            messages(&octets).next().unwrap().what().map(|what| if let What::End(n) = what { n } else { panic!() })
        };
        assert_eq!(end(2, &(-1i32).to_ne_bytes()), Ok(1));
        assert_eq!(end(2, &0i32.to_ne_bytes()), Ok(0));
        assert_eq!(end(3, &[]), Ok(0));
        assert_eq!(end(3, &(-16i32).to_ne_bytes()), Ok(16));
        assert_eq!(end(2, &[]), Err(WireError::Truncated("netlink error")));
        assert!(end(1, &[0; 4]).is_err());
    }

    #[test]
    fn what_breaks_off_ends_the_walk() {
        let one = Request::new(20, 1, false).with_u32(1, 1).finish(1);
        let two = [one.clone(), one].concat();
        assert_eq!(messages(&two).count(), 2);
        for cut in 0..two.len() {
            assert!(messages(&two[..cut]).count() < 2);
        }
        // A length below its header's, and one beyond the end.
        assert_eq!(attributes(&[3, 0, 1, 0, 0, 0, 0, 0]).count(), 0);
        assert_eq!(attributes(&[0xff, 0xff, 0xff, 0xff]).count(), 0);
        assert_eq!(messages(&[0; 64]).count(), 0);
    }
}
