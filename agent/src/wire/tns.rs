//! Oracle's Transparent Network Substrate. Not published: as free dissectors read it.
//!
//! Keeps: the kind and length of a packet. Drops: everything else: connect strings name users and hosts.

use super::WireError;
use super::reader::Reader;

/// The kind of a TNS packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tns {
    /// 1: the client names the service that it wants.
    Connect,
    /// 2: the listener accepts.
    Accept,
    /// 4: there is no such service.
    Refuse,
    /// 5: ask there.
    Redirect,
    /// 11: say it again.
    Resend,
    /// Any other kind up to 19.
    Other,
}

impl Tns {
    /// Octets 0-1: length, header included; 2-3: checksum, zero; 4: kind; 5: flags; 6-7: checksum, zero. A CONNECT
    /// goes on with its version and the oldest that it speaks, both of the order of 300.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if it is none.
    pub fn parse(octets: &[u8]) -> Result<(Tns, u16), WireError> {
        let mut r = Reader::new(octets);
        let length = r.u16("length")?;
        if length < 8 || r.u16("checksum")? != 0 {
            return Err(WireError::Malformed("length"));
        }
        let kind = r.u8("kind")?;
        r.u8("flags")?;
        if r.u16("header checksum")? != 0 {
            return Err(WireError::Malformed("header checksum"));
        }
        let kind = match kind {
            1 | 2 => {
                let version = r.u16("version")?;
                if !(300..400).contains(&version) {
                    return Err(WireError::Malformed("version"));
                }
                if kind == 1 { Tns::Connect } else { Tns::Accept }
            }
            4 => Tns::Refuse,
            5 => Tns::Redirect,
            11 if length == 8 => Tns::Resend,
            3 | 6..=10 | 12..=19 => Tns::Other,
            _ => return Err(WireError::Malformed("kind")),
        };
        Ok((kind, length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connect_is_told_by_its_version() {
        // length 58, checksum, kind 1, flags, checksum, version 315
        assert_eq!(Tns::parse(&[0, 58, 0, 0, 1, 0, 0, 0, 1, 0x3b]), Ok((Tns::Connect, 58)));
        assert_eq!(Tns::parse(&[0, 58, 0, 0, 1, 0, 0, 0]), Err(WireError::Truncated("version")));
        assert!(Tns::parse(&[0, 58, 0, 0, 1, 0, 0, 0, 9, 0x3b]).is_err());
        assert_eq!(Tns::parse(&[0, 8, 0, 0, 11, 0, 0, 0]), Ok((Tns::Resend, 8)));
    }
}
