//! SNMP messages (RFC 1157 section 4, RFC 1901, RFC 3416 section 3, RFC 3412 section 6), in the part of BER (X.690) that
//! they use.
//!
//! Keeps: the version, the community as borrowed octets to be compared, the kind of the message, and the bindings one by
//! one. Drops: request numbers, the security parameters and the contents of version 3, and all bindings after the first
//! [`MAX_BINDINGS`].

use super::WireError;
use super::ber::{INTEGER, OBJECT, OCTETS, SEQUENCE, cut_field, field, length};
use super::reader::Reader;

/// One message.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// Versions 1 and 2c: the community is in the clear.
    Community {
        /// What stands for a password.
        community: Community<'a>,
        /// What it is.
        kind: Kind,
        /// Its bindings.
        bindings: Bindings<'a>,
    },
    /// Version 3: users, and perhaps secrecy.
    Users {
        /// The message is an answer or a report: nobody may report an error about it (RFC 3412 section 6.4, flag 0x04).
        is_answer: bool,
        /// Its contents are encrypted (flag 0x02).
        is_secret: bool,
    },
}

/// A community: compared, never shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Community<'a>(pub &'a [u8]);

impl core::fmt::Debug for Community<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Community")
    }
}

/// The kind of a message (RFC 3416 section 3): the tag of its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 0xa0, 0xa1, 0xa3, 0xa5: get, get-next, set, get-bulk.
    Question,
    /// 0xa2: an answer.
    Response,
    /// 0xa4, 0xa6, 0xa7, 0xa8: traps, informs, reports.
    Other,
}

impl<'a> Message<'a> {
    /// Reads the payload of a datagram. A capture that keeps only its beginning gives what is there.
    ///
    /// # Errors
    /// `Truncated` if the kind is not reached, `Malformed` if it is not BER, or not of version 1, 2c or 3.
    pub fn read(payload: &'a [u8]) -> Result<Message<'a>, WireError> {
        let mut message = cut_field(&mut Reader::new(payload), SEQUENCE, "message")?;
        let version = field(&mut message, INTEGER, "version")?;
        match version {
            [0 | 1] => {
                let community = Community(field(&mut message, OCTETS, "community")?);
                let (kind, contents) = contents(&mut message)?;
                Ok(Message::Community { community, kind, bindings: bindings(contents) })
            }
            [3] => {
                let mut global = Reader::new(field(&mut message, SEQUENCE, "msgGlobalData")?);
                field(&mut global, INTEGER, "msgID")?;
                field(&mut global, INTEGER, "msgMaxSize")?;
                let flags = *field(&mut global, OCTETS, "msgFlags")?.first().ok_or(WireError::Truncated("msgFlags"))?;
                field(&mut global, INTEGER, "msgSecurityModel")?;
                Ok(Message::Users { is_answer: flags & 0x04 == 0, is_secret: flags & 0x02 != 0 })
            }
            _ => Err(WireError::Malformed("version")),
        }
    }
}

/// The bindings of a message: object identifier and value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bindings<'a> {
    rest: &'a [u8],
}

/// One binding.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The object identifier, as encoded (X.690 section 8.19).
    pub object: &'a [u8],
    /// The octets of its value, if it is an OCTET STRING.
    pub text: Option<&'a [u8]>,
}

impl<'a> Bindings<'a> {
    /// One after the other, until one is not whole; at most [`MAX_BINDINGS`].
    pub fn iter(&self) -> impl Iterator<Item = Binding<'a>> {
        let mut r = Reader::new(self.rest);
        core::iter::from_fn(move || {
            let mut binding = Reader::new(field(&mut r, SEQUENCE, "binding").ok()?);
            let object = field(&mut binding, OBJECT, "name").ok()?;
            Some(Binding { object, text: field(&mut binding, OCTETS, "value").ok() })
        })
        .take(MAX_BINDINGS)
    }
}

/// The kind of the contents, and what follows the request's number and the two error fields.
fn contents<'a>(message: &mut Reader<'a>) -> Result<(Kind, Reader<'a>), WireError> {
    let kind = match message.rest().first() {
        Some(0xa0 | 0xa1 | 0xa3 | 0xa5) => Kind::Question,
        Some(0xa2) => Kind::Response,
        Some(0xa4 | 0xa6..=0xa8) => Kind::Other,
        Some(_) => return Err(WireError::Malformed("kind")),
        None => return Err(WireError::Truncated("kind")),
    };
    let tag = message.u8("kind")?;
    let len = length(message, "kind")?;
    let mut inner = message.sub_at_most(len);
    if tag != V1_TRAP {
        for name in ["request-id", "error-status", "error-index"] {
            field(&mut inner, INTEGER, name)?;
        }
    }
    Ok((kind, inner))
}

fn bindings(mut contents: Reader<'_>) -> Bindings<'_> {
    let list = cut_field(&mut contents, SEQUENCE, "bindings").unwrap_or(Reader::new(&[]));
    Bindings { rest: list.rest() }
}

/// Bindings of a message that are read: a question about a system asks for a handful.
pub const MAX_BINDINGS: usize = 32;

/// The trap of version 1 has other fields (RFC 1157 section 4.1.6).
const V1_TRAP: u8 = 0xa4;

#[cfg(test)]
pub(crate) mod testing {
    //! Messages made by hand.

    /// Tag, length, octets.
    pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let inner: Vec<u8> = parts.concat();
        let mut o = vec![tag, 0x82];
        o.extend(u16::try_from(inner.len()).unwrap().to_be_bytes());
        o.extend(inner);
        o
    }

    /// An answer of version 2c that binds a text to an object.
    pub(crate) fn response(community: &[u8], object: &[u8], text: &[u8]) -> Vec<u8> {
        let binding = tlv(0x30, &[&tlv(0x06, &[object]), &tlv(0x04, &[text])]);
        let pdu = tlv(
            0xa2,                                                                    // response
            &[&[2, 2, 0x12, 0x34], &[2, 1, 0], &[2, 1, 0], &tlv(0x30, &[&binding])], // request, status, index, bindings
        );
        tlv(0x30, &[&[2, 1, 1], &tlv(0x04, &[community]), &pdu]) // version 2c
    }

    /// A message of version 3 with these flags.
    pub(crate) fn users(flags: u8) -> Vec<u8> {
        let global = tlv(0x30, &[&[2, 1, 7], &[2, 2, 5, 0xdc], &[4, 1, flags], &[2, 1, 3]]);
        tlv(0x30, &[&[2, 1, 3], &global, &tlv(0x04, &[b"ZZCANARY"]), &tlv(0x30, &[])])
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{response, users};
    use super::*;

    #[test]
    fn a_response_gives_its_community_and_its_bindings() {
        let octets = response(b"public", &[0x2b, 6, 1], b"a text");
        let Message::Community { community, kind, bindings } = Message::read(&octets).unwrap() else { panic!() };
        assert_eq!((community, kind), (Community(b"public"), Kind::Response));
        assert_eq!(format!("{community:?}"), "Community");
        let all: Vec<_> = bindings.iter().collect();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].object, all[0].text), (&[0x2b, 6, 1][..], Some(&b"a text"[..])));
    }

    #[test]
    fn version_3_tells_whether_it_is_an_answer() {
        let read = |flags| Message::read(&users(flags)).map(|m| format!("{m:?}"));
        assert_eq!(read(0x07).unwrap(), "Users { is_answer: false, is_secret: true }");
        assert_eq!(read(0x01).unwrap(), "Users { is_answer: true, is_secret: false }");
    }

    #[test]
    fn what_is_no_message_is_refused() {
        assert_eq!(Message::read(&[0x31, 0]).unwrap_err(), WireError::Malformed("message"));
        assert_eq!(Message::read(&[0x30, 3, 2, 1, 9]).unwrap_err(), WireError::Malformed("version"));
        assert_eq!(Message::read(&[0x30, 3, 2, 1, 1]).unwrap_err(), WireError::Truncated("community"));
        assert_eq!(Message::read(&[0x30, 0x89, 1]).unwrap_err(), WireError::Malformed("message"));
    }

    #[test]
    fn a_cut_message_gives_what_is_there() {
        let octets = response(b"public", &[0x2b, 6, 1], b"a text");
        let Message::Community { kind, bindings, .. } = Message::read(&octets[..octets.len() - 3]).unwrap() else {
            panic!()
        };
        assert_eq!((kind, bindings.iter().count()), (Kind::Response, 0));
    }

    #[test]
    fn any_octets_at_all_are_read_without_a_panic() {
        let sample = response(b"public", &[0x2b, 6, 1, 2, 1, 1, 1, 0], b"Linux host 5.10");
        let mut seed = 0x0dd0_cafe_1234_5678_u64;
        for _ in 0..20_000 {
            let mut octets = sample.clone();
            for _ in 0..3 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let at = seed as usize % octets.len();
                octets[at] = (seed >> 32) as u8;
                octets.truncate(octets.len() - (seed >> 40) as usize % 3);
            }
            if let Ok(Message::Community { bindings, .. }) = Message::read(&octets) {
                let _ = bindings.iter().count();
            }
        }
    }
}
