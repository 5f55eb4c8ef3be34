//! The items of a DICOM association: PS3.8 section 9.3.2 and 9.3.3, and the user information of PS3.7 annex D.3.3.
//!
//! Keeps: identifiers and results of presentation contexts, abstract syntaxes, the kind of identity that a caller
//! shows. Drops: transfer syntaxes, and what stands in an identity (item 0x58): there is no way to read it.

use super::WireError;
use super::dicom::trimmed;
use super::reader::Reader;

/// What an item or sub-item begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemHead {
    /// Octet 1: one of [`item`], or one that is not known here.
    pub kind: u8,
    /// Octets 3-4: octets that follow.
    pub length: u16,
}

impl ItemHead {
    /// Octets that [`ItemHead::read`] takes.
    pub const OCTETS: usize = 4;

    /// Reads octets 1-4 of an item.
    ///
    /// # Errors
    /// `Truncated`.
    pub fn read(r: &mut Reader<'_>) -> Result<ItemHead, WireError> {
        let kind = r.u8("item type")?;
        r.u8("reserved octet 2 of an item")?;
        Ok(ItemHead { kind, length: r.u16("item length")? })
    }
}

/// Item types.
pub mod item {
    /// Application context (PS3.8, 9.3.2.1).
    pub const APPLICATION_CONTEXT: u8 = 0x10;
    /// Presentation context of a request (9.3.2.2).
    pub const PROPOSED_CONTEXT: u8 = 0x20;
    /// Presentation context of an answer (9.3.3.2).
    pub const ANSWERED_CONTEXT: u8 = 0x21;
    /// Abstract syntax (9.3.2.2.1).
    pub const ABSTRACT_SYNTAX: u8 = 0x30;
    /// User information: holds the items that follow here (9.3.2.3).
    pub const USER_INFORMATION: u8 = 0x50;
    /// Implementation class (PS3.7, D.3.3.2.1).
    pub const IMPLEMENTATION_CLASS: u8 = 0x52;
    /// Implementation version name (D.3.3.2.3).
    pub const IMPLEMENTATION_NAME: u8 = 0x55;
    /// User identity, asked (D.3.3.7.1).
    pub const USER_IDENTITY: u8 = 0x58;
    /// User identity, answered (D.3.3.7.2).
    pub const USER_IDENTITY_ANSWER: u8 = 0x59;
}

/// A presentation context of a request (item 0x20), as far as its abstract syntax.
#[derive(Clone, Copy)]
pub struct ProposedContext<'a> {
    /// Octet 5: odd, 1-255.
    pub id: u8,
    /// The name in its sub-item 0x30: a UID.
    pub abstract_syntax: &'a [u8],
}

impl<'a> ProposedContext<'a> {
    /// Reads the octets behind the [`ItemHead`].
    ///
    /// # Errors
    /// `Truncated`, or `Malformed` if its first sub-item is no abstract syntax.
    pub fn read(body: &'a [u8]) -> Result<ProposedContext<'a>, WireError> {
        let mut r = Reader::new(body);
        let id = r.u8("presentation context ID")?;
        r.take(3, "reserved octets 6-8")?;
        let sub = ItemHead::read(&mut r)?;
        if sub.kind != item::ABSTRACT_SYNTAX {
            return Err(WireError::Malformed("abstract syntax"));
        }
        let name = r.take(usize::from(sub.length), "abstract syntax name")?;
        Ok(ProposedContext { id, abstract_syntax: trimmed(name) })
    }
}

/// A presentation context of an answer (item 0x21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnsweredContext {
    /// Octet 5.
    pub id: u8,
    /// Octet 7: 0 accepted, 1-4 refused.
    pub result: u8,
}

impl AnsweredContext {
    /// Reads the octets behind the [`ItemHead`].
    ///
    /// # Errors
    /// `Truncated`.
    pub fn read(body: &[u8]) -> Result<AnsweredContext, WireError> {
        let mut r = Reader::new(body);
        let id = r.u8("presentation context ID")?;
        r.u8("reserved octet 6")?;
        Ok(AnsweredContext { id, result: r.u8("result")? })
    }
}

/// The beginning of a user identity (item 0x58). What follows is a person's: there is no way to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserIdentity {
    /// Octet 5: 1 name, 2 name and passcode, 3 Kerberos, 4 SAML, 5 JWT.
    pub kind: u8,
    /// Octet 6: an answer (item 0x59) is asked for.
    pub answer_wanted: bool,
}

impl UserIdentity {
    /// Octets that [`UserIdentity::read`] takes.
    pub const OCTETS: usize = 2;

    /// Reads the two octets behind the [`ItemHead`].
    ///
    /// # Errors
    /// `Truncated`.
    pub fn read(r: &mut Reader<'_>) -> Result<UserIdentity, WireError> {
        Ok(UserIdentity { kind: r.u8("user identity type")?, answer_wanted: r.u8("positive response requested")? == 1 })
    }
}

/// The first item must be the application context: a UID, of which `heard` is the beginning.
///
/// # Errors
/// `Malformed` if it is something else.
pub fn is_application_context(first: ItemHead, heard: &[u8]) -> Result<(), WireError> {
    let name = Reader::new(heard).sub_at_most(usize::from(first.length)).rest();
    let fits = first.kind == item::APPLICATION_CONTEXT
        && (1..=MAX_UID).contains(&first.length)
        && name.iter().all(|o| o.is_ascii_digit() || matches!(o, b'.' | b' ' | 0));
    if fits { Ok(()) } else { Err(WireError::Malformed("application context")) }
}

/// Longest UID (PS3.5, 9.1).
const MAX_UID: u16 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_read_to_its_abstract_syntax() {
        let o = b"\x05\x00\xff\x00\x30\x00\x00\x111.2.840.10008.1.1\x40\x00\x00\x111.2.840.10008.1.2";
        let c = ProposedContext::read(o).unwrap();
        assert_eq!((c.id, c.abstract_syntax), (5, &b"1.2.840.10008.1.1"[..]));
        assert_eq!(ProposedContext::read(&o[..20]).err(), Some(WireError::Truncated("abstract syntax name")));
        assert_eq!(AnsweredContext::read(&[5, 0, 3, 0]), Ok(AnsweredContext { id: 5, result: 3 }));
    }

    #[test]
    fn an_identity_is_its_kind_alone() {
        let mut r = Reader::new(b"\x02\x01\x00\x08ZZCANARY\x00\x06secret");
        assert_eq!(UserIdentity::read(&mut r), Ok(UserIdentity { kind: 2, answer_wanted: true }));
    }
}
