//! The part of BER (X.690) that SNMP and LDAP use: tag of one octet, definite length, contents.
//!
//! Keeps: the contents as borrowed octets. Drops: nothing; tags of several octets and lengths without an end are malformed
//! here, because neither protocol has them.

use super::WireError;
use super::reader::Reader;

/// The contents of a field with this tag.
///
/// # Errors
/// `Malformed` if another field stands there, `Truncated` if it is not whole.
pub fn field<'a>(r: &mut Reader<'a>, tag: u8, name: &'static str) -> Result<&'a [u8], WireError> {
    if r.u8(name)? != tag {
        return Err(WireError::Malformed(name));
    }
    let len = length(r, name)?;
    r.take(len, name)
}

/// As [`field`], but one that reaches beyond the end is cut there.
///
/// # Errors
/// As [`field`], but for the contents.
pub fn cut_field<'a>(r: &mut Reader<'a>, tag: u8, name: &'static str) -> Result<Reader<'a>, WireError> {
    if r.u8(name)? != tag {
        return Err(WireError::Malformed(name));
    }
    let len = length(r, name)?;
    Ok(r.sub_at_most(len))
}

/// A length (X.690 section 8.1.3): one octet, or their number and then at most four. Some writers always use four.
///
/// # Errors
/// `Truncated`, or `Malformed` if it has more octets or none.
pub fn length(r: &mut Reader<'_>, name: &'static str) -> Result<usize, WireError> {
    let first = r.u8(name)?;
    if first & 0x80 == 0 {
        return Ok(usize::from(first));
    }
    let len = match first & 0x7f {
        1 => u32::from(r.u8(name)?),
        2 => u32::from(r.u16(name)?),
        3 => r.u24(name)?,
        4 => r.u32(name)?,
        _ => return Err(WireError::Malformed(name)),
    };
    usize::try_from(len).map_err(|_| WireError::Malformed(name))
}

/// INTEGER.
pub const INTEGER: u8 = 0x02;
/// OCTET STRING.
pub const OCTETS: u8 = 0x04;
/// OBJECT IDENTIFIER.
pub const OBJECT: u8 = 0x06;
/// ENUMERATED.
pub const ENUMERATED: u8 = 0x0a;
/// SEQUENCE.
pub const SEQUENCE: u8 = 0x30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_every_form_are_read() {
        for (octets, want) in [
            (&[0x05u8][..], Ok(5)),
            (&[0x81, 0xc8], Ok(200)),
            (&[0x82, 0x01, 0x00], Ok(256)),
            (&[0x84, 0, 0, 0, 7], Ok(7)),
            (&[0x80], Err(WireError::Malformed("x"))),
            (&[0x85, 0, 0, 0, 0, 1], Err(WireError::Malformed("x"))),
            (&[0x82, 1], Err(WireError::Truncated("x"))),
        ] {
            assert_eq!(length(&mut Reader::new(octets), "x"), want);
        }
    }

    #[test]
    fn a_field_has_its_tag_and_its_contents() {
        let mut r = Reader::new(&[INTEGER, 1, 3, OCTETS, 9, b'a']);
        assert_eq!(field(&mut r, INTEGER, "id"), Ok(&[3u8][..]));
        assert_eq!(field(&mut r.clone(), INTEGER, "id"), Err(WireError::Malformed("id")));
        assert_eq!(cut_field(&mut r.clone(), OCTETS, "name").map(|c| c.rest().len()), Ok(1));
        assert_eq!(field(&mut r, OCTETS, "name"), Err(WireError::Truncated("name")));
    }
}
