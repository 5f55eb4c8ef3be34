//! DIMSE command sets: PS3.7 section 6.3 and annex E, group 0000 in implicit VR little endian.
//!
//! Keeps: the class, the command, the status, two counts, and whether somebody else asked for the object.
//! Drops: every other element, among them the identifiers of objects, the titles of third parties and the texts that
//! go with errors. Data sets have other groups and are never given to this reader.

use super::WireError;
use super::reader::Reader;

/// A command set.
#[derive(Clone, Copy)]
pub struct CommandSet<'a> {
    /// (0000,0002): affected SOP class; empty if absent.
    pub class: &'a [u8],
    /// (0000,0100): command field, one of [`command`].
    pub command: u16,
    /// (0000,0900): status; only answers have it.
    pub status: Option<u16>,
    /// (0000,1021) and (0000,1023): sub-operations done, without and with a warning.
    pub handed_over: u32,
    /// (0000,1030) or (0000,1031) is there: an archive sends what another host asked for by C-MOVE.
    pub is_forwarded: bool,
}

impl<'a> CommandSet<'a> {
    /// Reads a whole command set. Work is bounded by [`MAX_COMMAND`]: each element has at least eight octets.
    ///
    /// # Errors
    /// `Truncated` if an element is cut, `Malformed` for another group, or without a command field.
    pub fn read(octets: &'a [u8]) -> Result<CommandSet<'a>, WireError> {
        let mut r = Reader::new(octets);
        let mut set = CommandSet { class: &[], command: 0, status: None, handed_over: 0, is_forwarded: false };
        let mut command = None;
        while !r.is_empty() {
            if r.u16_le("group")? != 0 {
                return Err(WireError::Malformed("group"));
            }
            let element = r.u16_le("element")?;
            let length = usize::try_from(r.u32_le("element length")?).unwrap_or(usize::MAX);
            let value = r.take(length, "element value")?;
            match element {
                0x0002 => set.class = super::dicom::trimmed(value),
                0x0100 => command = number(value),
                0x0900 => set.status = number(value),
                0x1021 | 0x1023 => {
                    set.handed_over = set.handed_over.saturating_add(number(value).map_or(0, u32::from));
                }
                0x1030 | 0x1031 => set.is_forwarded = true,
                _ => {}
            }
        }
        set.command = command.ok_or(WireError::Malformed("command field"))?;
        Ok(set)
    }

    /// The first command set of a P-DATA-TF, if all of it is here.
    #[must_use]
    pub fn first_of(pdu: &'a [u8]) -> Option<CommandSet<'a>> {
        let mut r = Reader::new(pdu);
        let head = super::dicom::PduHead::read(&mut r).ok()?;
        let pdv = super::dicom::PdvHead::read(&mut r, head.length).ok()?;
        if head.kind != super::dicom::PduKind::Data || !pdv.is_command {
            return None;
        }
        CommandSet::read(r.take(usize::try_from(pdv.body()).ok()?, "command set").ok()?).ok()
    }

    /// Bit 15 of the command field: an answer.
    #[must_use]
    pub const fn is_answer(&self) -> bool {
        self.command & command::ANSWER != 0
    }
}

/// Command fields (PS3.7, table E.1-1). Answers have bit 15.
pub mod command {
    /// The bit of answers.
    pub const ANSWER: u16 = 0x8000;
    /// C-STORE-RQ.
    pub const STORE: u16 = 0x0001;
    /// C-GET-RQ.
    pub const GET: u16 = 0x0010;
    /// C-FIND-RQ.
    pub const FIND: u16 = 0x0020;
    /// C-MOVE-RQ.
    pub const MOVE: u16 = 0x0021;
    /// N-EVENT-REPORT-RQ: the one request besides C-STORE that a server sends.
    pub const EVENT_REPORT: u16 = 0x0100;
    /// C-STORE-RSP.
    pub const STORE_ANSWER: u16 = STORE | ANSWER;
    /// C-GET-RSP.
    pub const GET_ANSWER: u16 = GET | ANSWER;
    /// C-FIND-RSP.
    pub const FIND_ANSWER: u16 = FIND | ANSWER;
    /// C-MOVE-RSP.
    pub const MOVE_ANSWER: u16 = MOVE | ANSWER;
    /// N-EVENT-REPORT-RSP.
    pub const EVENT_REPORT_ANSWER: u16 = EVENT_REPORT | ANSWER;
}

/// An unsigned short (US).
fn number(value: &[u8]) -> Option<u16> {
    <[u8; 2]>::try_from(value).ok().map(u16::from_le_bytes)
}

/// Octets of a command set: the largest of annex E has under 700 (a dozen elements, five UIDs of 64, an error comment),
/// usual ones have under 300. What is longer is no command set.
pub const MAX_COMMAND: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn element(out: &mut Vec<u8>, number: u16, value: &[u8]) {
        out.extend([0, 0]); // group
        out.extend(number.to_le_bytes());
        out.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
        out.extend(value);
    }

    fn get_answer() -> Vec<u8> {
        let mut o = Vec::new();
        element(&mut o, 0x0000, &[100, 0, 0, 0]); // group length, not relied on
        element(&mut o, 0x0002, b"1.2.840.10008.5.1.4.1.2.2.3\0"); // study root GET
        element(&mut o, 0x0100, &[0x10, 0x80]); // C-GET-RSP
        element(&mut o, 0x0120, &[1, 0]); // message answered
        element(&mut o, 0x0800, &[1, 1]); // no data set
        element(&mut o, 0x0900, &[0, 0]); // success
        element(&mut o, 0x0902, b"ZZCANARY"); // error comment
        element(&mut o, 0x1021, &[7, 0]); // completed
        element(&mut o, 0x1022, &[3, 0]); // failed
        element(&mut o, 0x1023, &[2, 0]); // with a warning
        o
    }

    #[test]
    fn an_answer_gives_its_status_and_what_was_handed_over() {
        let o = get_answer();
        let set = CommandSet::read(&o).unwrap();
        assert_eq!(set.class, b"1.2.840.10008.5.1.4.1.2.2.3");
        assert_eq!((set.command, set.status, set.handed_over), (command::GET_ANSWER, Some(0), 9));
        assert!(set.is_answer() && !set.is_forwarded);
    }

    #[test]
    fn an_object_that_another_host_asked_for_is_known() {
        let mut o = Vec::new();
        element(&mut o, 0x0100, &[1, 0]); // C-STORE-RQ
        element(&mut o, 0x1031, &[4, 0]); // move originator's message
        assert!(CommandSet::read(&o).unwrap().is_forwarded);
    }

    #[test]
    fn a_data_set_is_refused_at_its_first_group() {
        // (0010,0010) patient's name
        let o = b"\x10\x00\x10\x00\x08\x00\x00\x00ZZCANARY";
        assert_eq!(CommandSet::read(o).err(), Some(WireError::Malformed("group")));
    }

    #[test]
    fn a_cut_command_set_names_what_is_missing_and_never_panics() {
        let o = get_answer();
        for n in 0..o.len() {
            if let Ok(set) = CommandSet::read(&o[..n]) {
                assert_eq!(set.command, command::GET_ANSWER);
            }
        }
        assert_eq!(CommandSet::read(&o[..10]).err(), Some(WireError::Truncated("element value")));
    }
}
