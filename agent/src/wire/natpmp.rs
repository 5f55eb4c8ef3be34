//! How a host asks its router for a port on the outside: NAT-PMP (RFC 6886 section 3) and its successor PCP (RFC 6887
//! sections 7, 11, 12), as far as the router's answer.
//!
//! Keeps: which of the two, and whether a port was granted. Drops: the ports, the outside address, the address of a third
//! host for which it was asked.

use super::WireError;
use super::reader::Reader;

/// A message of either protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Octet 0 is 2: PCP. 0: NAT-PMP.
    pub is_pcp: bool,
    /// Octet 1, bit 7: it comes from the router.
    pub is_answer: bool,
    /// It says that a port leads inside from now on.
    pub grants: bool,
}

impl Message {
    /// Reads the payload of a datagram.
    ///
    /// # Errors
    /// `Malformed` if it is neither of the two, `Truncated` if an answer ends before what it grants.
    pub fn read(payload: &[u8]) -> Result<Message, WireError> {
        let mut r = Reader::new(payload);
        let version = r.u8("version")?;
        let operation = r.u8("operation")?;
        let (is_answer, what) = (operation & 0x80 != 0, operation & 0x7f);
        match (version, what) {
            // The outside address; a port of UDP; a port of TCP.
            (0, 0..=2) => {
                let wanted = if is_answer { answer_octets(what) } else { question_octets(what) };
                if payload.len() != wanted {
                    return Err(WireError::Malformed("length"));
                }
                let grants = is_answer && what != 0 && natpmp_grants(&mut r)?;
                Ok(Message { is_pcp: false, is_answer, grants })
            }
            // Announce; a port; one that was opened by a conversation.
            (2, 0..=2) => {
                // RFC 6887 section 7: a multiple of four octets, of at most 1100.
                if payload.len() < PCP_HEADER || payload.len() > MAX_PCP || payload.len() & 3 != 0 {
                    return Err(WireError::Malformed("length"));
                }
                let grants = is_answer && what == 1 && pcp_grants(&mut r)?;
                Ok(Message { is_pcp: true, is_answer, grants })
            }
            _ => Err(WireError::Malformed("version")),
        }
    }
}

/// Result (2 octets), seconds since the start (4), inside port, outside port (2 each), lifetime (4); 0 takes it away.
fn natpmp_grants(r: &mut Reader<'_>) -> Result<bool, WireError> {
    let result = r.u16("result")?;
    r.take(6, "epoch, inside port")?;
    let outside = r.u16("outside port")?;
    let lifetime = r.u32("lifetime")?;
    Ok(result == 0 && outside != 0 && lifetime > 0)
}

/// Reserved, result, lifetime (4), epoch (4), reserved (12); then nonce (12), protocol, reserved (3), inside port,
/// outside port (2 each), outside address (16).
fn pcp_grants(r: &mut Reader<'_>) -> Result<bool, WireError> {
    r.u8("reserved")?;
    let result = r.u8("result")?;
    let lifetime = r.u32("lifetime")?;
    r.take(34, "epoch, nonce, protocol, inside port")?;
    let outside = r.u16("outside port")?;
    Ok(result == 0 && outside != 0 && lifetime > 0)
}

const fn question_octets(what: u8) -> usize {
    if what == 0 { 2 } else { 12 }
}

const fn answer_octets(what: u8) -> usize {
    if what == 0 { 12 } else { 16 }
}

/// Octets of the header of PCP.
const PCP_HEADER: usize = 24;
/// Octets of the longest message of PCP.
const MAX_PCP: usize = 1100;

#[cfg(test)]
pub(crate) mod testing {
    //! Messages made by hand.

    /// A router's answer in NAT-PMP about a port of TCP.
    pub(crate) fn natpmp(result: u8, lifetime: u8) -> Vec<u8> {
        [
            &[0, 130, 0, result][..],         // version; answer about TCP; result
            &[0, 0, 1, 0, 0x1f, 0x90],        // epoch; inside port 8080
            &[0x1f, 0x90, 0, 0, lifetime, 0], // outside port 8080; lifetime
        ]
        .concat()
    }

    /// A router's answer in PCP to MAP.
    pub(crate) fn pcp(result: u8, lifetime: u8) -> Vec<u8> {
        [
            &[2, 0x81, 0, result, 0, 0, lifetime, 0][..], // version; answer to MAP; reserved; result; lifetime
            &[0, 0, 1, 0],                                // epoch
            &[0; 12],                                     // reserved
            &[7; 12],                                     // nonce
            &[6, 0, 0, 0, 0, 104, 0x2b, 0x68],            // TCP; inside port 104; outside port 11112
            &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 2], // outside address
        ]
        .concat()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{natpmp, pcp};
    use super::*;

    #[test]
    fn a_port_is_granted_by_an_answer_without_an_error_that_lasts() {
        let granted = |octets: &[u8]| Message::read(octets).map(|m| (m.is_pcp, m.is_answer, m.grants));
        assert_eq!(granted(&natpmp(0, 14)), Ok((false, true, true)));
        assert_eq!(granted(&natpmp(2, 14)), Ok((false, true, false)), "not authorized");
        assert_eq!(granted(&natpmp(0, 0)), Ok((false, true, false)), "taken away");
        assert_eq!(granted(&pcp(0, 14)), Ok((true, true, true)));
        assert_eq!(granted(&pcp(8, 14)), Ok((true, true, false)), "no resources");
        assert_eq!(granted(&pcp(0, 0)), Ok((true, true, false)));
    }

    #[test]
    fn questions_and_addresses_grant_nothing() {
        assert_eq!(Message::read(&[0, 0]), Ok(Message { is_pcp: false, is_answer: false, grants: false }));
        let address = [0, 128, 0, 0, 0, 0, 1, 0, 203, 0, 113, 2];
        assert_eq!(Message::read(&address), Ok(Message { is_pcp: false, is_answer: true, grants: false }));
        let mut question = pcp(0, 14);
        question[1] = 1;
        assert_eq!(Message::read(&question), Ok(Message { is_pcp: true, is_answer: false, grants: false }));
    }

    #[test]
    fn other_octets_are_neither() {
        for octets in [&[1, 130, 0, 0][..], &[0, 3], &[0, 130, 0, 0], &[2, 0x81, 0, 0], &[0, 131], &[3; 24]] {
            assert!(matches!(Message::read(octets), Err(WireError::Malformed(_))), "{octets:?}");
        }
        let whole = pcp(0, 14);
        for end in [24, 28, 40] {
            assert!(matches!(Message::read(&whole[..end]), Err(WireError::Truncated(_))), "{end}");
        }
    }
}
