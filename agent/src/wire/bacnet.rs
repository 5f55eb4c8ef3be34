//! BACnet over IP: the virtual link layer (ASHRAE 135 annex J.2), the header of the network layer (clause 6.2), the kind
//! of an application message (clause 20.1).
//!
//! Keeps: the kind of a message, and whether it is an answer. Drops: networks, stations, objects, properties and values:
//! nothing behind the kind is read.

use super::WireError;
use super::reader::Reader;

/// One datagram, as far as its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// Between neighbours of the virtual link alone: tables of broadcasters, registrations, results.
    Link {
        /// A result, or a table that was asked for.
        is_answer: bool,
    },
    /// Between routers of BACnet networks.
    Network,
    /// Between a program and equipment.
    Application(Kind),
    /// Secured: nothing more can be read (annex J.2.14).
    Secured,
}

/// The kind of an application message: the upper half of its first octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 0: a question that wants an answer.
    Question,
    /// 1: told to everybody, or without an answer.
    Told,
    /// 2, 3, 4: a question was answered.
    Answer,
    /// 5, 6, 7: a question was refused.
    Refusal,
}

impl Message {
    /// Reads the payload of a datagram.
    ///
    /// # Errors
    /// `Malformed` if it is not BACnet over IP, `Truncated` if its kind is not reached.
    pub fn read(payload: &[u8]) -> Result<Message, WireError> {
        let mut r = Reader::new(payload);
        if r.u8("BVLC type")? != BACNET_IP {
            return Err(WireError::Malformed("BVLC type"));
        }
        let function = r.u8("BVLC function")?;
        // Octets 2-3 count the whole message; a capture may have cut it, but nothing stands behind it.
        let length = usize::from(r.u16("BVLC length")?);
        if length < HEADER_OCTETS || length < payload.len() {
            return Err(WireError::Malformed("BVLC length"));
        }
        match function {
            // Result, a table of broadcasters, a table of foreign devices.
            0x00 | 0x03 | 0x07 => Ok(Message::Link { is_answer: true }),
            0x01 | 0x02 | 0x05 | 0x06 | 0x08 => Ok(Message::Link { is_answer: false }),
            0x04 => {
                r.take(6, "address of the origin")?;
                network(r)
            }
            0x09..=0x0b => network(r),
            0x0c => Ok(Message::Secured),
            _ => Err(WireError::Malformed("BVLC function")),
        }
    }
}

/// Version, control, the parts that control announces, then a message of the network or of an application.
fn network(mut r: Reader<'_>) -> Result<Message, WireError> {
    if r.u8("NPDU version")? != 1 {
        return Err(WireError::Malformed("NPDU version"));
    }
    let control = r.u8("NPDU control")?;
    // Bits 4 and 6 are reserved as 0.
    if control & 0x50 != 0 {
        return Err(WireError::Malformed("NPDU control"));
    }
    if control & HAS_DESTINATION != 0 {
        place(&mut r)?;
    }
    if control & HAS_SOURCE != 0 {
        place(&mut r)?;
    }
    if control & HAS_DESTINATION != 0 {
        r.u8("hop count")?;
    }
    if control & IS_NETWORK != 0 {
        r.u8("network message type")?;
        return Ok(Message::Network);
    }
    let kind = match r.u8("APDU type")? >> 4 {
        0 => Kind::Question,
        1 => Kind::Told,
        2..=4 => Kind::Answer,
        5..=7 => Kind::Refusal,
        _ => return Err(WireError::Malformed("APDU type")),
    };
    Ok(Message::Application(kind))
}

/// A network's number, the length of a station's address, the address.
fn place(r: &mut Reader<'_>) -> Result<(), WireError> {
    r.u16("network number")?;
    let length = usize::from(r.u8("station length")?);
    r.take(length, "station").map(drop)
}

/// Octet 0 of everything that annex J sends.
const BACNET_IP: u8 = 0x81;
/// Octets of the virtual link's header.
const HEADER_OCTETS: usize = 4;
/// Control, bit 7.
const IS_NETWORK: u8 = 0x80;
/// Control, bit 5.
const HAS_DESTINATION: u8 = 0x20;
/// Control, bit 3.
const HAS_SOURCE: u8 = 0x08;

#[cfg(test)]
pub(crate) mod testing {
    //! Messages made by hand.

    /// The header of the virtual link before a message.
    pub(crate) fn bvlc(function: u8, message: &[u8]) -> Vec<u8> {
        let mut o = vec![0x81, function]; // BACnet/IP; function
        o.extend(u16::try_from(message.len().saturating_add(4)).unwrap().to_be_bytes()); // length with this header
        o.extend(message);
        o
    }

    /// A device says who it is.
    pub(crate) fn i_am() -> Vec<u8> {
        bvlc(
            0x0b, // original broadcast
            &[
                1, 0x20, // version; control: a destination
                0xff, 0xff, 0, 255, // every network, no station; hop count
                0x10, 0, // told; I-Am
                0xc4, 2, 0, 0, 108, 0x22, 4, 0, 0x91, 0, 0x21, 24, // device 108, size, segmentation, maker
            ],
        )
    }

    /// A property was read.
    pub(crate) fn read_property_answer() -> Vec<u8> {
        bvlc(
            0x0a, // original unicast
            &[
                1, 0, // version; control
                0x30, 7, 12, // complex acknowledgement, number of the question, ReadProperty
                0x0c, 0, 0, 0, 5, 0x19, 77, 0x3e, 0x75, 9, 0, b'Z', b'Z', b'C', b'A', b'N', b'A', b'R', b'Y', 0x3f,
            ],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{bvlc, i_am, read_property_answer};
    use super::*;

    #[test]
    fn kinds_are_told_apart() {
        assert_eq!(Message::read(&i_am()), Ok(Message::Application(Kind::Told)));
        assert_eq!(Message::read(&read_property_answer()), Ok(Message::Application(Kind::Answer)));
        let question = bvlc(0x0a, &[1, 4, 0x02, 0x75, 7, 12]); // expecting an answer; confirmed request
        assert_eq!(Message::read(&question), Ok(Message::Application(Kind::Question)));
        let abort = bvlc(0x0a, &[1, 0, 0x71, 7, 4]);
        assert_eq!(Message::read(&abort), Ok(Message::Application(Kind::Refusal)));
        let i_am_router = bvlc(0x0b, &[1, 0x80, 1, 0, 5]); // network message; I-Am-Router-To-Network 5
        assert_eq!(Message::read(&i_am_router), Ok(Message::Network));
        let forwarded = bvlc(0x04, &[192, 168, 20, 9, 0xba, 0xc0, 1, 0x08, 0, 5, 1, 3, 0x10, 8]); // from network 5, station 3
        assert_eq!(Message::read(&forwarded), Ok(Message::Application(Kind::Told)));
        assert_eq!(Message::read(&bvlc(0, &[0, 0])), Ok(Message::Link { is_answer: true }));
        assert_eq!(Message::read(&bvlc(5, &[0, 60])), Ok(Message::Link { is_answer: false }));
        assert_eq!(Message::read(&bvlc(0x0c, &[9; 30])), Ok(Message::Secured));
    }

    #[test]
    fn what_is_none_names_its_field() {
        for (octets, field) in [
            (&[0x82, 10, 0, 4][..], "BVLC type"),
            (&[0x81, 10, 0, 3], "BVLC length"),
            (&[0x81, 10, 0, 4, 1, 0], "BVLC length"),
            (&[0x81, 13, 0, 4], "BVLC function"),
            (&[0x81, 10, 0, 6, 2, 0], "NPDU version"),
            (&[0x81, 10, 0, 7, 1, 0x10, 0], "NPDU control"),
            (&[0x81, 10, 0, 7, 1, 0, 0x80], "APDU type"),
        ] {
            assert_eq!(Message::read(octets), Err(WireError::Malformed(field)), "{octets:?}");
        }
        let whole = i_am();
        for end in 0..11 {
            assert!(matches!(Message::read(&whole[..end]), Err(WireError::Truncated(_))), "{end}");
        }
        assert_eq!(Message::read(&whole[..14]), Ok(Message::Application(Kind::Told)), "cut by the capture");
    }
}
