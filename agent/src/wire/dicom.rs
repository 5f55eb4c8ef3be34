//! DICOM upper layer PDUs: PS3.8 section 9.3.
//!
//! Keeps: the kind and length of a PDU, the titles of an association request (to be counted), the three octets of a
//! rejection, the heading of each presentation data value. Drops: every fragment of a data set: that is where patients
//! are. The items of an association are read in `dicom_items`, command sets in `dimse`.

use super::WireError;
use super::dicom_items::{ItemHead, is_application_context};
use super::dimse::MAX_COMMAND;
use super::reader::Reader;

/// Octet 1 of a PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PduKind {
    /// 1: A-ASSOCIATE-RQ.
    AssociateRequest,
    /// 2: A-ASSOCIATE-AC.
    AssociateAccept,
    /// 3: A-ASSOCIATE-RJ.
    AssociateReject,
    /// 4: P-DATA-TF.
    Data,
    /// 5: A-RELEASE-RQ.
    ReleaseRequest,
    /// 6: A-RELEASE-RP.
    ReleaseResponse,
    /// 7: A-ABORT.
    Abort,
}

/// The six octets that every PDU begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PduHead {
    /// Octet 1.
    pub kind: PduKind,
    /// Octets 3-6: octets that follow.
    pub length: u32,
}

impl PduHead {
    /// Octets that [`PduHead::read`] takes.
    pub const OCTETS: usize = 6;

    /// Reads octets 1-6.
    ///
    /// # Errors
    /// `Malformed` for an unknown type, a reserved octet that is not zero (all implementations known send zero), or a
    /// length that this type cannot have.
    pub fn read(r: &mut Reader<'_>) -> Result<PduHead, WireError> {
        let kind = match r.u8("PDU type")? {
            1 => PduKind::AssociateRequest,
            2 => PduKind::AssociateAccept,
            3 => PduKind::AssociateReject,
            4 => PduKind::Data,
            5 => PduKind::ReleaseRequest,
            6 => PduKind::ReleaseResponse,
            7 => PduKind::Abort,
            _ => return Err(WireError::Malformed("PDU type")),
        };
        if r.u8("reserved octet 2")? != 0 {
            return Err(WireError::Malformed("reserved octet 2"));
        }
        let length = r.u32("PDU length")?;
        let possible = match kind {
            PduKind::AssociateRequest | PduKind::AssociateAccept => MIN_ASSOCIATE..=MAX_ASSOCIATE,
            PduKind::Data => MIN_DATA..=MAX_DATA,
            _ => SHORT_PDU..=SHORT_PDU,
        };
        if possible.contains(&length) { Ok(PduHead { kind, length }) } else { Err(WireError::Malformed("PDU length")) }
    }
}

/// An application entity title: it may be compared and counted, so it has no `Debug` and no way to become text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Title([u8; 16]);

impl Title {
    /// The octets without the spaces and zeros around them, which do not count (PS3.5, 6.2, AE).
    #[must_use]
    pub fn trimmed(&self) -> &[u8] {
        trimmed(&self.0)
    }

    /// Whether it can be a title: printable, with a letter or digit, perhaps filled up with zeros.
    fn is_plausible(&self) -> bool {
        let title = self.trimmed();
        !title.is_empty() && title.iter().all(|o| (0x20..0x7f).contains(o) && *o != b'\\')
    }
}

/// The fixed part of A-ASSOCIATE-RQ and A-ASSOCIATE-AC, octets 7-74.
#[derive(Clone, Copy)]
pub struct AssociateHead {
    /// Octets 7-8: bit 0 is version 1.
    pub version: u16,
    /// Octets 11-26: called title (in an AC reserved: an echo, not to be relied on).
    pub called: Title,
    /// Octets 27-42: calling title (in an AC reserved, as above).
    pub calling: Title,
}

impl AssociateHead {
    /// Octets that [`AssociateHead::read`] takes.
    pub const OCTETS: usize = 68;

    /// Reads octets 7-74, behind the [`PduHead`].
    ///
    /// # Errors
    /// `Truncated`, or `Malformed` if version 1 is not offered.
    pub fn read(r: &mut Reader<'_>) -> Result<AssociateHead, WireError> {
        let version = version_1(r)?;
        let called = Title(r.array("called AE title")?);
        let calling = Title(r.array("calling AE title")?);
        r.take(32, "reserved octets 43-74")?;
        Ok(AssociateHead { version, called, calling })
    }
}

/// The end of A-ASSOCIATE-RJ, octets 7-10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Octet 8: 1 permanent, 2 transient.
    pub result: u8,
    /// Octet 9: 1 user, 2 ACSE, 3 presentation.
    pub source: u8,
    /// Octet 10: for source 1: 1 none given, 2 application context, 3 calling title, 7 called title.
    pub reason: u8,
}

impl Rejection {
    /// Reads octets 7-10, behind the [`PduHead`].
    ///
    /// # Errors
    /// `Truncated`, or `Malformed` for values that PS3.8 table 9-21 does not have.
    pub fn read(r: &mut Reader<'_>) -> Result<Rejection, WireError> {
        match r.array::<4>("result, source and reason")? {
            [0, result @ 1..=2, source @ 1..=3, reason @ 0..=10] => Ok(Rejection { result, source, reason }),
            _ => Err(WireError::Malformed("result, source and reason")),
        }
    }
}

/// The heading of a presentation data value (PS3.8, 9.3.5.1; PS3.8 annex E).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PdvHead {
    /// Octets 1-4: octets that follow, the two of this heading included.
    pub length: u32,
    /// Octet 5: presentation context, odd.
    pub context: u8,
    /// Octet 6, bit 0: a fragment of a command set, else of a data set.
    pub is_command: bool,
    /// Octet 6, bit 1: the last fragment.
    pub is_last: bool,
}

impl PdvHead {
    /// Octets that [`PdvHead::read`] takes.
    pub const OCTETS: usize = 6;

    /// Reads octets 1-6 of a value in a P-DATA-TF that has `left` octets left.
    ///
    /// # Errors
    /// `Malformed` for a value that is longer than its PDU, an even context, or control bits beyond the two.
    pub fn read(r: &mut Reader<'_>, left: u32) -> Result<PdvHead, WireError> {
        let length = r.u32("PDV length")?;
        if length < 2 || length > left.saturating_sub(4) {
            return Err(WireError::Malformed("PDV length"));
        }
        let context = r.u8("presentation context ID")?;
        if context & 1 == 0 {
            return Err(WireError::Malformed("presentation context ID"));
        }
        match r.u8("message control header")? {
            control @ 0..=3 => Ok(PdvHead { length, context, is_command: control & 1 == 1, is_last: control & 2 == 2 }),
            _ => Err(WireError::Malformed("message control header")),
        }
    }

    /// Octets of the fragment.
    #[must_use]
    pub const fn body(&self) -> u32 {
        self.length.saturating_sub(2)
    }
}

/// How much octets look like the beginning of a PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// They are none.
    No,
    /// Too few to tell; what is there fits.
    Short,
    /// They are, if anything else says that this is DICOM.
    Maybe(PduKind),
    /// They are: too much fits to be chance.
    Yes(PduKind),
}

/// Whether `octets` begin with a PDU. A capture may have kept no more than the first thirty octets of a segment, so an
/// association is taken at its called title (octet 26); what was heard beyond must fit as well.
#[must_use]
pub fn likeness(octets: &[u8]) -> Likeness {
    match like(octets) {
        Ok(likeness) => likeness,
        Err(WireError::Truncated(_)) => Likeness::Short,
        Err(WireError::Malformed(_)) => Likeness::No,
    }
}

fn like(octets: &[u8]) -> Result<Likeness, WireError> {
    let mut r = Reader::new(octets);
    let head = PduHead::read(&mut r)?;
    match head.kind {
        PduKind::AssociateRequest | PduKind::AssociateAccept => like_association(head.kind, r),
        PduKind::Data => like_data(head.length, r),
        PduKind::AssociateReject => Rejection::read(&mut r).map(|_| Likeness::Yes(head.kind)),
        PduKind::ReleaseRequest | PduKind::ReleaseResponse => match r.u32("reserved octets 7-10")? {
            0 => Ok(Likeness::Maybe(head.kind)),
            _ => Err(WireError::Malformed("reserved octets 7-10")),
        },
        PduKind::Abort => match r.array::<4>("source and reason")? {
            [0, 0, 0..=2, 0..=6] => Ok(Likeness::Maybe(head.kind)),
            _ => Err(WireError::Malformed("source and reason")),
        },
    }
}

fn like_association(kind: PduKind, mut r: Reader<'_>) -> Result<Likeness, WireError> {
    version_1(&mut r)?;
    let called = Title(r.array("called AE title")?);
    // An AC need not repeat the titles: then the application context must have been heard.
    let on_title =
        if called.is_plausible() { Ok(Likeness::Yes(kind)) } else { Err(WireError::Truncated("first item")) };
    if r.take(48, "octets 27-74").is_err() {
        return on_title;
    }
    let Ok(first) = ItemHead::read(&mut r) else { return on_title };
    is_application_context(first, r.rest())?;
    if r.left() < usize::from(first.length) { on_title } else { Ok(Likeness::Yes(kind)) }
}

fn like_data(length: u32, mut r: Reader<'_>) -> Result<Likeness, WireError> {
    let pdv = PdvHead::read(&mut r, length)?;
    let alone = pdv.length.saturating_add(4) == length;
    if !pdv.is_command {
        // Two lengths that agree, an odd context and six zero bits: enough to find the way again, not to begin with.
        return if alone { Ok(Likeness::Maybe(PduKind::Data)) } else { Err(WireError::Malformed("PDV length")) };
    }
    let body = usize::try_from(pdv.body()).unwrap_or(usize::MAX);
    let heard = r.sub_at_most(body.min(GROUP_LENGTH.len())).rest();
    if !(GROUP_LENGTH.len()..=MAX_COMMAND).contains(&body) || !GROUP_LENGTH.starts_with(heard) {
        return Err(WireError::Malformed("command group length"));
    }
    if alone || heard.len() == GROUP_LENGTH.len() {
        return Ok(Likeness::Yes(PduKind::Data));
    }
    Err(WireError::Truncated("command group length"))
}

/// Octets 7-10: the version, and two reserved octets.
fn version_1(r: &mut Reader<'_>) -> Result<u16, WireError> {
    let version = r.u16("protocol version")?;
    if version & 1 == 0 || r.u16("reserved octets 9-10")? != 0 {
        return Err(WireError::Malformed("protocol version"));
    }
    Ok(version)
}

/// Without the spaces and zeros around it that UIDs, titles and names are filled up with.
#[must_use]
pub fn trimmed(text: &[u8]) -> &[u8] {
    let fills = |o: &u8| matches!(o, b' ' | 0);
    let begin = text.iter().position(|o| !fills(o)).unwrap_or(text.len());
    let end = text.iter().rposition(|o| !fills(o)).map_or(begin, |p| p.saturating_add(1));
    text.get(begin..end).unwrap_or_default()
}

/// Element (0000,0000) with its length of four: what each command set begins with (PS3.7, 6.3.1).
const GROUP_LENGTH: [u8; 8] = [0, 0, 0, 0, 4, 0, 0, 0];

/// Rejection, release and abort have four octets behind the length (PS3.8, 9.3.4, 9.3.6-8).
const SHORT_PDU: u32 = 4;

/// The fixed part, an application context of at least one octet.
const MIN_ASSOCIATE: u32 = 68 + 5;

/// 128 contexts of 60 transfer syntaxes of 32 octets are 250 KB, and user information with as many roles 10 KB. A larger
/// length is another protocol. Nothing waits for its end: items are taken one by one.
const MAX_ASSOCIATE: u32 = 512 * 1024;

/// One value: its heading alone.
const MIN_DATA: u32 = 6;

/// Who announces no maximum may be sent a whole object in one PDU; an enhanced CT has up to about a gigabyte. Data sets
/// are passed over, so this costs nothing.
const MAX_DATA: u32 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    /// An A-ASSOCIATE-RQ or AC as far as its application context.
    fn association(kind: u8, called: &[u8; 16]) -> Vec<u8> {
        let mut o = vec![kind, 0]; // PDU type, reserved
        o.extend([0, 0, 0, 200]); // PDU length
        o.extend([0, 1, 0, 0]); // protocol version, reserved
        o.extend(called); // 11-26 called title
        o.extend(b"ZZCANARY        "); // 27-42 calling title
        o.extend([0; 32]); // 43-74 reserved
        o.extend([0x10, 0, 0, 21]); // application context, 21 octets
        o.extend(b"1.2.840.10008.3.1.1.1");
        o
    }

    #[test]
    fn an_association_is_taken_at_its_title_and_doubted_before() {
        let o = association(1, b"ANY-SCP         ");
        for n in 0..26 {
            assert_eq!(likeness(&o[..n]), Likeness::Short, "{n}");
        }
        for n in 26..=o.len() {
            assert_eq!(likeness(&o[..n]), Likeness::Yes(PduKind::AssociateRequest), "{n}");
        }
    }

    #[test]
    fn an_accept_without_titles_needs_its_application_context() {
        let o = association(2, &[0; 16]);
        assert_eq!(likeness(&o[..98]), Likeness::Short);
        assert_eq!(likeness(&o), Likeness::Yes(PduKind::AssociateAccept));
    }

    #[test]
    fn an_association_whose_first_item_is_another_is_none() {
        let mut o = association(2, b"ANY-SCP         ");
        o[74] = 0x21;
        assert_eq!(likeness(&o), Likeness::No);
    }

    #[test]
    fn cassandra_mysql_and_rdp_are_no_dicom() {
        // CQL: version, flags, stream, opcode STARTUP, length 22, one pair, ...
        assert_eq!(likeness(b"\x01\x00\x00\x01\x00\x00\x00\x16\x00\x01\x00\x0bCQL_VERSION\x00\x053.0.0"), Likeness::No);
        assert_eq!(likeness(b"\x02\x00\x00\x01\x00\x00\x00\x16\x00\x01\x00\x0bCQL_VERSION\x00\x053.0.0"), Likeness::No);
        // CQL 3 and 4: version, flags, stream, opcode OPTIONS, length 0, and the next frame
        assert_eq!(likeness(b"\x03\x00\x00\x01\x05\x00\x00\x00\x00\x03\x00"), Likeness::No);
        assert_eq!(likeness(b"\x04\x00\x00\x00\x05\x00\x00\x00\x00\x04\x00\x00\x01"), Likeness::No);
        // MySQL COM_QUERY after COM_PING
        assert_eq!(likeness(b"\x01\x00\x00\x00\x0e\x09\x00\x00\x00\x03SELECT 1"), Likeness::No);
        // TPKT with an X.224 connection request
        assert_eq!(likeness(b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08"), Likeness::No);
    }

    #[test]
    fn a_command_is_known_by_its_group_length_or_by_two_lengths_that_agree() {
        // type, reserved, length 12+..; PDV length; context 1; command, last; (0000,0000) UL 4 octets
        let o = b"\x04\x00\x00\x00\x00\x54\x00\x00\x00\x50\x01\x03\x00\x00\x00\x00\x04\x00\x00\x00\x42\x00\x00\x00";
        assert_eq!(likeness(&o[..11]), Likeness::Short);
        assert_eq!(likeness(&o[..12]), Likeness::Yes(PduKind::Data));
        assert_eq!(likeness(o), Likeness::Yes(PduKind::Data));
        let mut other = o.to_vec();
        other[16] = 8; // a group length of eight octets
        assert_eq!(likeness(&other), Likeness::No);
    }

    #[test]
    fn a_data_set_alone_is_only_a_hint() {
        assert_eq!(likeness(b"\x04\x00\x00\x00\x40\x00\x00\x00\x3f\xfc\x01\x02"), Likeness::Maybe(PduKind::Data));
        assert_eq!(likeness(b"\x04\x00\x00\x00\x40\x00\x00\x00\x3f\xfb\x01\x02"), Likeness::No);
        assert_eq!(likeness(b"\x04\x00\x00\x00\x40\x00\x00\x00\x3f\xfc\x02\x02"), Likeness::No);
    }

    #[test]
    fn a_rejection_has_its_three_octets() {
        let o = [3, 0, 0, 0, 0, 4, 0, 1, 1, 3]; // permanent, user, calling title
        let mut r = Reader::new(&o);
        assert_eq!(PduHead::read(&mut r), Ok(PduHead { kind: PduKind::AssociateReject, length: 4 }));
        assert_eq!(Rejection::read(&mut r), Ok(Rejection { result: 1, source: 1, reason: 3 }));
        assert_eq!(likeness(&[3, 0, 0, 0, 0, 4, 0, 9, 1, 3]), Likeness::No);
    }

    #[test]
    fn a_value_longer_than_its_pdu_is_refused() {
        let o = [0, 0, 0, 10, 1, 3];
        assert_eq!(PdvHead::read(&mut Reader::new(&o), 13), Err(WireError::Malformed("PDV length")));
        assert_eq!(PdvHead::read(&mut Reader::new(&o), 14).map(|p| p.body()), Ok(8));
    }

    #[test]
    fn titles_are_compared_without_what_fills_them_up() {
        assert_eq!(Title(*b"  ANY-SCP  \0\0\0\0\0").trimmed(), b"ANY-SCP");
        assert!(!Title([b' '; 16]).is_plausible());
        assert_eq!(trimmed(b""), b"");
    }
}
