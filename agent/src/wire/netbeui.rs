//! NetBIOS directly on the link, without IP: LLC (IEEE 802.2) and NetBIOS frames as IBM's LAN Technical Reference (SC30-
//! 3587) describes them. Windows up to 2000 and old copiers speak it.
//!
//! Keeps: which kind of frame it is, and its user data. Drops: names of hosts and groups, numbers of sessions.

use super::WireError;
use super::reader::Reader;

/// User data of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Without a session, to a name or to everybody: what browsers announce.
    Datagram(&'a [u8]),
    /// Of a session: a message, or its beginning.
    Session(&'a [u8]),
    /// Names and sessions are arranged: nothing to hear.
    Other,
}

impl<'a> Frame<'a> {
    /// Reads a frame behind its Ethernet header: the two service access points (octet 0: to 0xF0, octet 1: from 0xF0,
    /// bit 0 set in an answer), control (one octet where its low bits are both set, otherwise two).
    ///
    /// # Errors
    /// `Malformed` if it is not NetBIOS, `Truncated` if it ends before its user data.
    pub fn read(octets: &'a [u8]) -> Result<Frame<'a>, WireError> {
        let mut r = Reader::new(octets);
        let [to, from, control] = r.array("LLC header")?;
        if to != NETBIOS || from & 0xfe != NETBIOS {
            return Err(WireError::Malformed("service access point"));
        }
        match control & 0x03 {
            // Unnumbered: only information (0x03) carries anything.
            0x03 if control & 0xef != 0x03 => return Ok(Frame::Other),
            0x03 => {}
            // Supervisory: an acknowledgement.
            0x01 => return Ok(Frame::Other),
            _ => {
                r.u8("LLC control")?;
            }
        }
        let length = usize::from(r.u16_le("header length")?);
        if r.u16("delimiter")? != DELIMITER {
            return Err(WireError::Malformed("delimiter"));
        }
        let command = r.u8("command")?;
        // Octets 0-4 were read; the rest of the header are numbers, or two names.
        let rest = length.checked_sub(5).ok_or(WireError::Malformed("header length"))?;
        let is_datagram = matches!(command, DATAGRAM | DATAGRAM_TO_ALL);
        if !is_datagram && !matches!(command, DATA_FIRST | DATA_ONLY) {
            return Ok(Frame::Other);
        }
        if length != if is_datagram { WITH_NAMES } else { WITH_NUMBERS } {
            return Err(WireError::Malformed("header length"));
        }
        r.take(rest, "names or numbers")?;
        Ok(if is_datagram { Frame::Datagram(r.rest()) } else { Frame::Session(r.rest()) })
    }
}

const NETBIOS: u8 = 0xf0;
/// Octets 2-3 of the header, the other way round on the wire.
const DELIMITER: u16 = 0xffef;
/// Octets of a header with two names.
const WITH_NAMES: usize = 44;
/// Octets of a header with the numbers of a session.
const WITH_NUMBERS: usize = 14;
const DATAGRAM: u8 = 0x08;
const DATAGRAM_TO_ALL: u8 = 0x09;
const DATA_FIRST: u8 = 0x15;
const DATA_ONLY: u8 = 0x16;

#[cfg(test)]
pub(crate) mod testing {
    //! Frames made by hand.

    /// A message of a session.
    pub(crate) fn session(message: &[u8]) -> Vec<u8> {
        [
            &[0xf0, 0xf0, 0x02, 0x04][..], // to and from NetBIOS; information 1, expects 2
            &[14, 0, 0xff, 0xef, 0x16, 0], // length of the header; delimiter; data, only or last; data 1
            &[0, 0, 0, 0, 1, 0, 1, 1],     // data 2, correlators; numbers of the session
            message,
        ]
        .concat()
    }

    /// A datagram.
    pub(crate) fn datagram(user_data: &[u8]) -> Vec<u8> {
        [
            &[0xf0, 0xf0, 0x03][..],       // to and from NetBIOS; unnumbered information
            &[44, 0, 0xff, 0xef, 0x08, 0], // length of the header; delimiter; datagram; data 1
            &[0; 6],                       // data 2, correlators
            b"ZZCANARYGROUP  \x1d",        // to
            b"ZZCANARY98     \0",          // from
            user_data,
        ]
        .concat()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{datagram, session};
    use super::*;

    #[test]
    fn user_data_are_found_behind_names_and_numbers() {
        assert_eq!(Frame::read(&session(b"\xffSMB")), Ok(Frame::Session(b"\xffSMB")));
        assert_eq!(Frame::read(&datagram(b"\xffSMB")), Ok(Frame::Datagram(b"\xffSMB")));
    }

    #[test]
    fn what_arranges_names_and_sessions_is_passed_over() {
        let ready = [0xf0, 0xf1, 0x01, 0x08]; // receiver ready
        let connect = [0xf0, 0xf0, 0x7f]; // set asynchronous balanced mode
        let mut query = datagram(b"");
        query[7] = 0x0a; // a question for a name
        for octets in [&ready[..], &connect, &query] {
            assert_eq!(Frame::read(octets), Ok(Frame::Other));
        }
    }

    #[test]
    fn what_is_none_names_its_field() {
        assert_eq!(Frame::read(&[0xf0, 0xe0, 3]), Err(WireError::Malformed("service access point")));
        assert_eq!(Frame::read(&[0xf0, 0xf0, 3, 14, 0, 1, 2]), Err(WireError::Malformed("delimiter")));
        let mut short = session(b"");
        short[4] = 13;
        assert_eq!(Frame::read(&short), Err(WireError::Malformed("header length")));
        let whole = session(b"");
        for end in 0..whole.len() {
            assert!(matches!(Frame::read(&whole[..end]), Err(WireError::Truncated(_))), "{end}");
        }
    }
}
