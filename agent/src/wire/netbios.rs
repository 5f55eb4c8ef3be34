//! NetBIOS over TCP and UDP (RFC 1001 14.1, RFC 1002 4.2-4.4) and what browsers announce over it (MS-BRWS 2.2.1-2.2.3).
//!
//! Keeps: kinds, flags, the sixteenth octet of a name (the kind of its service), two octets of a system's number, the
//! bits of a server's type. Drops: names of hosts, users and workgroups, comments, addresses, statistics. A name is
//! only handed on as it stood, still encoded, so that different ones can be counted.

use super::WireError;
use super::reader::Reader;

/// The four octets before each message of a session (RFC 1002 4.3.1), and before each SMB message on port 445
/// (MS-SMB2 2.1), where the length has 24 bits and the type is always [`SessionKind::Message`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionHeader {
    /// Octet 0.
    pub kind: SessionKind,
    /// Octets 1-3: octets that follow. RFC 1002 has 17 bits here, but its flags beside them are reserved as 0.
    pub length: u32,
}

/// Octet 0 of a [`SessionHeader`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// 0x00.
    Message,
    /// 0x81.
    Request,
    /// 0x82.
    Positive,
    /// 0x83.
    Negative,
    /// 0x84.
    Retarget,
    /// 0x85.
    KeepAlive,
}

impl SessionHeader {
    /// Octets that it takes.
    pub const OCTETS: usize = 4;

    /// Reads the four octets.
    ///
    /// # Errors
    /// `Malformed` if the type is unknown or the length does not fit to it.
    pub fn read(octets: &[u8]) -> Result<SessionHeader, WireError> {
        let mut r = Reader::new(octets);
        let kind = r.u8("session type")?;
        let length = r.u24("session length")?;
        let (kind, fits) = match kind {
            0x00 => (SessionKind::Message, true),
            0x81 => (SessionKind::Request, (TWO_NAMES..=TWO_NAMES_WITH_SCOPES).contains(&length)),
            0x82 => (SessionKind::Positive, length == 0),
            0x83 => (SessionKind::Negative, length == 1),
            0x84 => (SessionKind::Retarget, length == 6),
            0x85 => (SessionKind::KeepAlive, length == 0),
            _ => return Err(WireError::Malformed("session type")),
        };
        if fits { Ok(SessionHeader { kind, length }) } else { Err(WireError::Malformed("session length")) }
    }
}

/// A name in its first-level encoding (RFC 1001 14.1): 32 letters `A` to `P`, two for each of sixteen octets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Name<'a> {
    letters: &'a [u8; 32],
}

impl<'a> Name<'a> {
    /// Reads a name and its scope, which is passed over.
    ///
    /// # Errors
    /// `Truncated` or `Malformed` if there is no such name; a pointer to another name is malformed here too.
    pub fn read(r: &mut Reader<'a>) -> Result<Name<'a>, WireError> {
        if r.u8("name length")? != 0x20 {
            return Err(WireError::Malformed("name length"));
        }
        let letters = r.take(32, "name")?.first_chunk::<32>().ok_or(WireError::Truncated("name"))?;
        if !letters.iter().all(|l| (b'A'..=b'P').contains(l)) {
            return Err(WireError::Malformed("name"));
        }
        for _ in 0..MAX_SCOPE_LABELS {
            let length = r.u8("scope label")?;
            if length == 0 {
                return Ok(Name { letters });
            }
            r.take(usize::from(length), "scope label")?;
        }
        Err(WireError::Malformed("scope"))
    }

    /// The sixteenth octet: the kind of service that the name stands for; 0x20 is file sharing.
    #[must_use]
    pub const fn suffix(&self) -> u8 {
        let [.., high, low] = self.letters;
        (high.wrapping_sub(b'A') << 4) | (low.wrapping_sub(b'A') & 0x0f)
    }

    /// The fifteen octets before it, still encoded: to be hashed, never to be kept.
    #[must_use]
    pub fn encoded_machine(&self) -> &'a [u8] {
        self.letters.first_chunk::<30>().map_or(&[], |o| o)
    }
}

/// The kind of service that the called name of a session request (RFC 1002 4.3.2) stands for.
///
/// # Errors
/// As [`Name::read`].
pub fn called_service(body: &[u8]) -> Result<u8, WireError> {
    Name::read(&mut Reader::new(body)).map(|n| n.suffix())
}

/// A message of the name service (RFC 1002 4.2), as far as its first name and the record beside it.
#[derive(Clone, Copy)]
pub struct NameMessage<'a> {
    /// Octet 2, bit 7: an answer.
    pub response: bool,
    /// Octet 2, bits 6-3: 0 query, 5 registration, 6 release, 7 wait, 8 and 9 refresh, 15 multi-homed registration.
    pub opcode: u8,
    /// Octet 3, bit 7: the sender is a name server (WINS) that answers for others.
    pub recursion_available: bool,
    /// Octet 3, bits 3-0: 0 is success.
    pub rcode: u8,
    /// The question's name, or the answer's.
    pub name: Name<'a>,
    /// Its type: 0x0020 name, 0x0021 status.
    pub kind: u16,
    /// Of an answer to a name: the group bit of its first address (RFC 1002 4.2.1.3).
    pub group: Option<bool>,
}

impl<'a> NameMessage<'a> {
    /// Reads a datagram of port 137.
    ///
    /// # Errors
    /// `Truncated` or `Malformed` if it is none.
    pub fn read(octets: &'a [u8]) -> Result<NameMessage<'a>, WireError> {
        let mut r = Reader::new(octets);
        r.u16("transaction")?;
        let flags = r.u16("flags")?;
        let opcode = u8::try_from((flags >> 11) & 0x0f).unwrap_or_default();
        if !matches!(opcode, 0 | 5..=9 | 15) {
            return Err(WireError::Malformed("opcode"));
        }
        let (questions, answers) = (r.u16("questions")?, r.u16("answers")?);
        let (authorities, additional) = (r.u16("authorities")?, r.u16("additional")?);
        if [questions, answers, authorities, additional].iter().any(|n| *n > MAX_RECORDS) {
            return Err(WireError::Malformed("records"));
        }
        let name = Name::read(&mut r)?;
        let kind = r.u16("type")?;
        // Octets 2-3 of the record: the class, always Internet.
        if !matches!(kind, 0x000a | 0x0020 | 0x0021) || r.u16("class")? != 1 {
            return Err(WireError::Malformed("type"));
        }
        let group = if questions == 0 && kind == 0x0020 { group_bit(r) } else { None };
        Ok(NameMessage {
            response: flags & 0x8000 != 0,
            opcode,
            recursion_available: flags & 0x0080 != 0,
            rcode: u8::try_from(flags & 0x000f).unwrap_or_default(),
            name,
            kind,
            group,
        })
    }
}

/// Of the record whose name, type and class were read: TTL (4 octets), RDLENGTH (2), then flags and address.
fn group_bit(mut r: Reader<'_>) -> Option<bool> {
    r.u32("ttl").ok()?;
    r.u16("rdlength").ok()?;
    r.u16("name flags").ok().map(|f| f & 0x8000 != 0)
}

/// The user data of a datagram of port 138 (RFC 1002 4.4.2); empty for the kinds that carry none.
///
/// # Errors
/// `Truncated` or `Malformed` if it is no such datagram.
pub fn datagram(octets: &[u8]) -> Result<&[u8], WireError> {
    let mut r = Reader::new(octets);
    let kind = r.u8("datagram type")?;
    // Flags 1, id 2, source address 4, source port 2.
    r.take(9, "datagram source")?;
    match kind {
        0x10..=0x12 => {
            // Length 2, offset of a fragment 2: only the first fragment has the header of the user data.
            r.u16("datagram length")?;
            if r.u16("packet offset")? != 0 {
                return Ok(&[]);
            }
            Name::read(&mut r)?;
            Name::read(&mut r)?;
            Ok(r.rest())
        }
        0x13 => Ok(&[]),
        0x14..=0x16 => Name::read(&mut r).map(|_| &[][..]),
        _ => Err(WireError::Malformed("datagram type")),
    }
}

/// What a host says of itself to the browsers of its workgroup (MS-BRWS 2.2.1 and 2.2.3: HostAnnouncement,
/// LocalMasterAnnouncement).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Octet 22: major number of the system.
    pub major: u8,
    /// Octet 23: minor number.
    pub minor: u8,
    /// Octets 24-27: bits of MS-BRWS 2.2.1 ServerType.
    pub server_type: u32,
}

impl Announcement {
    /// Bits of a server: domain controller, backup controller, NT server.
    pub const SERVER: u32 = 0x0000_8018;
    /// NT workstation, or server.
    pub const NT: u32 = 0x0000_1000;
    /// A server that is no Windows: Samba sets it.
    pub const UNIX: u32 = 0x0000_0800;

    /// Reads the announcement out of the user data of a datagram, if it is one: an SMB_COM_TRANSACTION to the mailslot
    /// `\MAILSLOT\BROWSE` (MS-MAIL 2.2.1, MS-CIFS 2.2.4.33.1). `None` for other frames of browsers.
    ///
    /// # Errors
    /// `Truncated` or `Malformed` if it is no message to that mailslot.
    pub fn read(user_data: &[u8]) -> Result<Option<Announcement>, WireError> {
        let mut r = Reader::new(mailslot(user_data)?);
        // Command 1, update count 1, periodicity 4, server name 16 (never read).
        let command = r.u8("browser command")?;
        if !matches!(command, 0x01 | 0x0f) {
            return Ok(None);
        }
        r.take(21, "server name")?;
        let (major, minor) = (r.u8("major")?, r.u8("minor")?);
        Ok(Some(Announcement { major, minor, server_type: r.u32_le("server type")? }))
    }
}

/// The data of a transaction to the browsers' mailslot.
fn mailslot(user_data: &[u8]) -> Result<&[u8], WireError> {
    let mut r = Reader::new(user_data);
    if r.take(5, "smb")? != b"\xffSMB\x25" {
        return Err(WireError::Malformed("smb"));
    }
    r.take(27, "smb header")?;
    let words = usize::from(r.u8("word count")?);
    let mut parameters = r.sub(words.saturating_mul(2), "parameters")?;
    // TotalParameterCount 2, TotalDataCount 2, MaxParameterCount 2, MaxDataCount 2, MaxSetupCount 1, Reserved 1,
    // Flags 2, Timeout 4, Reserved 2, ParameterCount 2, ParameterOffset 2, then DataCount 2 and DataOffset 2.
    parameters.take(22, "parameters")?;
    let count = usize::from(parameters.u16_le("data count")?);
    let offset = usize::from(parameters.u16_le("data offset")?);
    r.u16_le("byte count")?;
    if !r.rest().get(..MAILSLOT.len()).is_some_and(|n| n.eq_ignore_ascii_case(MAILSLOT)) {
        return Err(WireError::Malformed("mailslot"));
    }
    let mut data = Reader::new(user_data);
    data.take(offset, "data offset")?;
    Ok(data.sub_at_most(count).rest())
}

/// The browsers' mailslot; its end (a zero octet) is left away because LAN Manager's has `\LANMAN` in place of it.
const MAILSLOT: &[u8] = b"\\MAILSLOT\\BROWSE";

/// Two names without scope: twice a length, 32 letters, an end.
const TWO_NAMES: u32 = 68;

/// Two names with the longest scopes: a name has at most 255 octets (RFC 1002 4.1).
const TWO_NAMES_WITH_SCOPES: u32 = 510;

/// Labels of a scope that are passed over: scopes are rare, and have one to three.
const MAX_SCOPE_LABELS: usize = 16;

/// Records of one message: a host registers a name at a time; a name server's answer has some tens of addresses in one
/// record.
const MAX_RECORDS: u16 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// A name of fifteen octets and a suffix, encoded.
    fn name(text: &str, suffix: u8) -> Vec<u8> {
        let mut octets = vec![0x20];
        let mut plain = format!("{text:<15}").into_bytes();
        plain.push(suffix);
        for o in plain {
            octets.extend([b'A'.wrapping_add(o >> 4), b'A'.wrapping_add(o & 15)]);
        }
        octets.push(0);
        octets
    }

    #[test]
    fn a_session_header_must_have_the_length_of_its_type() {
        assert_eq!(
            SessionHeader::read(&[0, 1, 0, 2]),
            Ok(SessionHeader { kind: SessionKind::Message, length: 0x10002 })
        );
        assert_eq!(SessionHeader::read(&[0x82, 0, 0, 1]), Err(WireError::Malformed("session length")));
        assert_eq!(SessionHeader::read(&[0x81, 0, 0, 2]), Err(WireError::Malformed("session length")));
        assert_eq!(SessionHeader::read(&[0x47, 0x45, 0x54, 0x20]), Err(WireError::Malformed("session type")));
        assert_eq!(SessionHeader::read(&[0, 0]), Err(WireError::Truncated("session length")));
    }

    #[test]
    fn a_name_gives_its_suffix_only() {
        assert_eq!(called_service(&name("*SMBSERVER", 0x20)), Ok(0x20));
        assert_eq!(called_service(&name("WORKGROUP", 0x1d)), Ok(0x1d));
        assert!(called_service(b"\x20abcdefgh").is_err());
    }

    #[test]
    fn a_registration_and_an_answer_are_read() {
        // id, flags 0x2910 (registration, recursion desired, broadcast), one question, one additional record
        let mut octets = vec![0x61, 0x82, 0x29, 0x10, 0, 1, 0, 0, 0, 0, 0, 1];
        octets.extend(name("FILESRV", 0x20));
        octets.extend([0, 0x20, 0, 1]); // type name, class Internet
        let m = NameMessage::read(&octets).unwrap();
        assert_eq!((m.response, m.opcode, m.rcode, m.kind, m.group), (false, 5, 0, 0x20, None));
        // flags 0x8500: answer, authoritative, recursion desired; one answer
        let mut octets = vec![0, 1, 0x85, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        octets.extend(name("FILESRV", 0x00));
        octets.extend([0, 0x20, 0, 1]);
        octets.extend([0, 0, 0, 60, 0, 6]); // TTL, RDLENGTH
        octets.extend([0x80, 0, 192, 168, 20, 17]); // group bit, address
        let m = NameMessage::read(&octets).unwrap();
        assert_eq!((m.response, m.opcode, m.group, m.recursion_available), (true, 0, Some(true), false));
        for cut in 0..octets.len() - 12 {
            assert!(NameMessage::read(&octets[..cut]).is_err());
        }
        assert!(NameMessage::read(&[0x41; 80]).is_err());
    }

    /// A browser announcement of Windows 5.1 to the workgroup.
    fn announcement(major: u8, minor: u8, server_type: u32) -> Vec<u8> {
        let mut o = vec![0x11, 0x0a, 0x80, 0x01]; // direct group datagram, flags, id
        o.extend([192, 168, 20, 171, 0, 138, 0, 0xbb, 0, 0]); // source address and port, length, offset
        o.extend(name("XRAY-XP", 0));
        o.extend(name("CANARYCLINIC", 0x1d));
        o.extend(b"\xffSMB\x25"); // SMB_COM_TRANSACTION
        o.extend([0; 27]); // the rest of the header
        o.push(17); // word count
        o.extend([0, 0, 0x21, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xe8, 3, 0, 0, 0, 0]); // to Reserved2
        o.extend([0, 0, 0, 0]); // ParameterCount, ParameterOffset
        o.extend([0x21, 0, 0x56, 0]); // DataCount 33, DataOffset 86
        o.extend([3, 0, 1, 0, 1, 0, 2, 0]); // SetupCount, Reserved3, three setup words
        o.extend([0x32, 0]); // ByteCount
        o.extend(b"\\MAILSLOT\\BROWSE\0");
        o.extend([0x01, 0x80, 0xfc, 0x0a, 0x00, 0x00]); // HostAnnouncement, update count, periodicity
        o.extend(b"XRAY-XP\0\0\0\0\0\0\0\0\0"); // server name
        o.extend([major, minor]);
        o.extend(server_type.to_le_bytes());
        o.extend([0x0f, 1, 0x55, 0xaa, 0]); // browser version, signature, comment
        o
    }

    #[test]
    fn an_announcement_gives_its_system_and_its_type() {
        let octets = announcement(5, 1, 0x1003);
        let a = Announcement::read(datagram(&octets).unwrap()).unwrap().unwrap();
        assert_eq!(a, Announcement { major: 5, minor: 1, server_type: 0x1003 });
        let mut other = octets.clone();
        let command = other.len() - 33;
        other[command] = 0x08; // an election
        assert_eq!(Announcement::read(datagram(&other).unwrap()), Ok(None));
        for cut in 0..octets.len() - 8 {
            let _ = datagram(&octets[..cut]).map(Announcement::read);
        }
    }
}
