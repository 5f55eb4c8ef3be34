//! The wire protocol of Firebird (Firebird documentation, "Firebird Wire Protocol", versions 10 to 19), in XDR (RFC 4506): the
//! handshake, the login and the first answer.
//!
//! Keeps: operations, the version agreed, whether what follows is compressed, whether a password is there as it is, the first code of
//! a status. Drops: file names of data bases, user and host names, proofs and salts, statements, rows.

use super::WireError;
use super::reader::Reader;

/// What a client says until it is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// 1: the versions that it speaks, and who asks.
    Connect,
    /// 92, 90: the login goes on.
    Proof,
    /// 96: what follows is encrypted.
    Crypt,
    /// 19, 20, 82: opens or makes a data base, or the services of the server.
    Attach(Shown),
    /// 6, 21, 83: ends.
    Leave,
    /// 91, 93, 97 and the keep-alives: nothing to learn.
    Other,
}

/// What an attachment shows of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Item 29: as it is.
    Readable,
    /// None, or a hash of it: Legacy_Auth sends eight of its characters by DES, Srp none of it.
    Nothing,
}

/// What a server says until the client is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 3, 94, 98: accepts the connection; whether what follows is compressed.
    Accept {
        /// The flag in the type of packets.
        compressed: bool,
    },
    /// 4: speaks none of these versions.
    Reject,
    /// 92, 90: wants more of the login.
    More,
    /// 9: the first code of its status, 0 for success.
    Response(u32),
    /// 71, 97: keep-alive, the key of an encrypted file.
    Other,
}

impl Ask {
    /// The message that `octets` begin with, and how many octets it has.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if it is none that a client says until it is logged in.
    pub fn parse(octets: &[u8]) -> Result<(Ask, usize), WireError> {
        let mut r = Reader::new(octets);
        let ask = match r.u32("operation")? {
            1 => connect(&mut r)?,
            92 => {
                buffers(&mut r, &["proof", "plugin", "plugins", "keys"])?;
                Ask::Proof
            }
            90 => {
                buffers(&mut r, &["proof"])?;
                Ask::Proof
            }
            96 => {
                buffers(&mut r, &["plugin", "key"])?;
                Ask::Crypt
            }
            operation @ (19 | 20 | 82) => {
                r.u32("data base")?;
                buffer(&mut r, "file")?;
                Ask::Attach(shown(buffer(&mut r, "parameters")?, operation == 82))
            }
            21 | 83 => r.u32("data base").map(|_| Ask::Leave)?,
            6 => Ask::Leave,
            91 => r.u32("kind").map(|_| Ask::Other)?,
            97 => buffer(&mut r, "key").map(|_| Ask::Other)?,
            71 | 93 => Ask::Other,
            _ => return Err(WireError::Malformed("operation")),
        };
        Ok((ask, octets.len().saturating_sub(r.left())))
    }
}

impl Answer {
    /// The message that `octets` begin with, and how many octets it has.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if it is none that a server says until the client is logged in.
    pub fn parse(octets: &[u8]) -> Result<(Answer, usize), WireError> {
        let mut r = Reader::new(octets);
        let answer = match r.u32("operation")? {
            operation @ (3 | 94 | 98) => {
                let compressed = accepted(&mut r)?;
                if operation != 3 {
                    buffers(&mut r, &["data", "plugin"])?;
                    if r.u32("is authenticated")? > 1 {
                        return Err(WireError::Malformed("is authenticated"));
                    }
                    buffer(&mut r, "keys")?;
                }
                Answer::Accept { compressed }
            }
            4 => Answer::Reject,
            9 => {
                r.u32("object")?;
                r.array::<8>("blob")?;
                buffer(&mut r, "data")?;
                Answer::Response(status(&mut r)?)
            }
            92 => {
                buffers(&mut r, &["data", "plugin", "plugins", "keys"])?;
                Answer::More
            }
            90 => buffer(&mut r, "data").map(|_| Answer::More)?,
            97 => buffer(&mut r, "data").map(|_| Answer::Other)?,
            71 => Answer::Other,
            _ => return Err(WireError::Malformed("operation")),
        };
        Ok((answer, octets.len().saturating_sub(r.left())))
    }
}

/// op_connect: what comes then, the version of this message, the machine's kind, the file, how many versions follow, who asks, and
/// of each version its number, kind of machine, least and greatest type of packets, preference.
fn connect(r: &mut Reader<'_>) -> Result<Ask, WireError> {
    if ![0, 19, 20, 82].contains(&r.u32("next operation")?) {
        return Err(WireError::Malformed("next operation"));
    }
    if ![2, 3].contains(&r.u32("connect version")?) {
        return Err(WireError::Malformed("connect version"));
    }
    if r.u32("architecture")? > MOST_ARCHITECTURE {
        return Err(WireError::Malformed("architecture"));
    }
    buffer(r, "file")?;
    let count = r.u32("count of protocols")?;
    if !(1..=MOST_PROTOCOLS).contains(&count) {
        return Err(WireError::Malformed("count of protocols"));
    }
    let user = buffer(r, "user")?;
    if items(user, false).any(|(tag, _)| !(1..=MOST_USER_TAG).contains(&tag)) {
        return Err(WireError::Malformed("user"));
    }
    for _ in 0..count {
        if !is_version(r.u32("protocol")?) || r.u32("architecture")? > MOST_ARCHITECTURE {
            return Err(WireError::Malformed("protocol"));
        }
        let (least, greatest) = (r.u32("least type")?, r.u32("greatest type")?);
        if least & 0xFF > greatest & 0xFF || greatest & 0xFF > MOST_TYPE || greatest > 0xFFFF {
            return Err(WireError::Malformed("type"));
        }
        r.u32("preference")?;
    }
    Ok(Ask::Connect)
}

/// Version, architecture and type of packets of an acceptance; whether what follows is compressed.
fn accepted(r: &mut Reader<'_>) -> Result<bool, WireError> {
    if !is_version(r.u32("protocol")?) || r.u32("architecture")? > MOST_ARCHITECTURE {
        return Err(WireError::Malformed("protocol"));
    }
    let kind = r.u32("type")?;
    if kind & 0xFF > MOST_TYPE || kind > 0xFFFF {
        return Err(WireError::Malformed("type"));
    }
    Ok(kind & COMPRESSED != 0)
}

/// Up to 10 they are InterBase's; Firebird marks its own, which some clients extend as a negative number of 16 bits.
const fn is_version(number: u32) -> bool {
    matches!(number, 1..=10 | 0x8000..=0x80FF | 0xFFFF_8000..=0xFFFF_80FF)
}

/// A status vector: each entry a kind and a number, or a kind and a text; the first code of kind 1. Bounded by [`MOST_STATUS`].
fn status(r: &mut Reader<'_>) -> Result<u32, WireError> {
    let mut code = None;
    for _ in 0..MOST_STATUS {
        match r.u32("status")? {
            0 => return code.ok_or(WireError::Malformed("status")),
            2 | 5 | 19 => drop(buffer(r, "status text")?),
            kind @ (1 | 3 | 4 | 6..=18) => {
                let number = r.u32("status number")?;
                if kind == 1 {
                    code.get_or_insert(number);
                }
            }
            _ => return Err(WireError::Malformed("status")),
        }
        if code.is_none() {
            return Err(WireError::Malformed("status"));
        }
    }
    Err(WireError::Malformed("status"))
}

/// Whether the parameters of an attachment hold a password as it is.
fn shown(parameters: &[u8], is_service: bool) -> Shown {
    // A data base's begin with their version; those of services with their version twice, or 3.
    let (list, wide) = match (parameters, is_service) {
        ([1, list @ ..], _) | ([2, 2, list @ ..], true) => (list, false),
        ([2, list @ ..], false) | ([3, list @ ..], true) => (list, true),
        _ => return Shown::Nothing,
    };
    let has_password = items(list, wide).any(|(tag, value)| tag == PASSWORD && !value.is_empty());
    if has_password { Shown::Readable } else { Shown::Nothing }
}

/// Items of a block: each a tag, a length of one octet (or four, least significant first), a value. Bounded by its octets.
fn items(list: &[u8], wide: bool) -> impl Iterator<Item = (u8, &[u8])> {
    let mut r = Reader::new(list);
    core::iter::from_fn(move || {
        let tag = r.u8("tag").ok()?;
        let length = if wide { r.u32_le("length").ok()? } else { u32::from(r.u8("length").ok()?) };
        Some((tag, r.take(usize::try_from(length).ok()?, "value").ok()?))
    })
}

/// Several strings of XDR.
fn buffers(r: &mut Reader<'_>, fields: &[&'static str]) -> Result<(), WireError> {
    fields.iter().try_for_each(|field| buffer(r, field).map(|_| ()))
}

/// A string of XDR: its length, its octets, and zeros up to a multiple of four.
fn buffer<'a>(r: &mut Reader<'a>, field: &'static str) -> Result<&'a [u8], WireError> {
    let length = r.u32(field)?;
    if length > MOST_BUFFER {
        return Err(WireError::Malformed(field));
    }
    let octets = r.take(usize::try_from(length).map_err(|_| WireError::Malformed(field))?, field)?;
    r.take(usize::try_from(length.wrapping_neg() & 3).unwrap_or(0), field)?;
    Ok(octets)
}

/// Octets of one string before the login: a proof of Srp has 650, lists of plugins less; half of what may wait.
const MOST_BUFFER: u32 = 16 * 1024;
/// Versions that one client offers: ten are known.
const MOST_PROTOCOLS: u32 = 32;
/// Entries of a status: the server's own vector has 20 places.
const MOST_STATUS: usize = 64;
/// Kinds of machines: 1 is "any", 36 the greatest that Firebird 3 on Linux says.
const MOST_ARCHITECTURE: u32 = 64;
/// Types of packets: the greatest is "lazy".
const MOST_TYPE: u32 = 5;
/// In a type of packets: what follows is compressed by zlib.
const COMPRESSED: u32 = 0x100;
/// The greatest tag of who asks: 11 is what the client encrypts.
const MOST_USER_TAG: u8 = 15;
/// isc_dpb_password, isc_spb_password.
const PASSWORD: u8 = 29;

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_be_bytes()).collect()
    }

    /// Opens a data base by version 2 of the message, any machine, file "a.fd", one version, user "me".
    fn connects() -> Vec<u8> {
        let mut o = words(&[1, 19, 2, 1, 4]);
        o.extend_from_slice(b"a.fd");
        o.extend(words(&[1, 6]));
        // tag 1, two octets, tag 6 (verify), none; padding
        o.extend_from_slice(b"\x01\x02me\x06\0\0\0");
        o.extend(words(&[0xFFFF_800D, 1, 0, 5, 2]));
        o
    }

    #[test]
    fn a_connection_names_versions_of_the_protocol() {
        let o = connects();
        assert_eq!(Ask::parse(&o), Ok((Ask::Connect, o.len())));
        assert_eq!(Ask::parse(&o[..o.len() - 1]), Err(WireError::Truncated("preference")));
        for (at, field) in [
            (7, "next operation"),
            (11, "connect version"),
            (15, "architecture"),
            (27, "count of protocols"),
            (32, "user"),
            (42, "protocol"),
        ] {
            let mut broken = o.clone();
            broken[at] ^= 0x55;
            assert_eq!(Ask::parse(&broken), Err(WireError::Malformed(field)));
        }
    }

    #[test]
    fn an_acceptance_has_a_version_and_may_ask_for_a_login() {
        // accept, version 10, any machine, type 5
        assert_eq!(Answer::parse(&words(&[3, 10, 1, 5])), Ok((Answer::Accept { compressed: false }, 16)));
        assert_eq!(Answer::parse(&words(&[3, 0xFFFF_800D, 1, 0x105])), Ok((Answer::Accept { compressed: true }, 16)));
        assert_eq!(Answer::parse(&words(&[3, 77, 1, 5])), Err(WireError::Malformed("protocol")));
        // with data: none, plugin "Srp", not authenticated, no keys
        let mut o = words(&[98, 0xFFFF_800F, 1, 5, 0, 3]);
        o.extend_from_slice(b"Srp\0");
        o.extend(words(&[0, 0]));
        assert_eq!(Answer::parse(&o), Ok((Answer::Accept { compressed: false }, o.len())));
        assert_eq!(Answer::parse(&o[..24]), Err(WireError::Truncated("plugin")));
        assert_eq!(Answer::parse(&words(&[4])), Ok((Answer::Reject, 4)));
    }

    #[test]
    fn a_response_has_the_code_of_its_status() {
        // object, blob, no data, code 0, end
        let o = words(&[9, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(Answer::parse(&o), Ok((Answer::Response(0), 32)));
        // code 335544472 (login), a number, a text, end
        let mut o = words(&[9, 0, 0, 0, 0, 1, 0x1400_0098, 4, 7, 2, 2]);
        o.extend_from_slice(b"no\0\0");
        o.extend(words(&[0]));
        assert_eq!(Answer::parse(&o), Ok((Answer::Response(0x1400_0098), o.len())));
        assert_eq!(Answer::parse(&words(&[9, 0, 0, 0, 0, 0])), Err(WireError::Malformed("status")));
        assert_eq!(Answer::parse(&words(&[9, 0, 0, 0, 0, 1, 0, 99])), Err(WireError::Malformed("status")));
    }

    #[test]
    fn a_password_that_stands_there_is_told_from_its_hash() {
        let attach = |operation: u32, parameters: &[u8]| {
            let mut o = words(&[operation, 0, 0, parameters.len() as u32]);
            o.extend_from_slice(parameters);
            o.resize(o.len().next_multiple_of(4), 0);
            Ask::parse(&o).unwrap().0
        };
        // version 1; 28 user, 30 hash
        assert_eq!(attach(19, b"\x01\x1c\x02me\x1e\x02xx"), Ask::Attach(Shown::Nothing));
        assert_eq!(attach(19, b"\x01\x1c\x02me\x1d\x02pw"), Ask::Attach(Shown::Readable));
        // version 2: lengths of four octets
        assert_eq!(attach(20, b"\x02\x1d\x02\0\0\0pw"), Ask::Attach(Shown::Readable));
        // a service
        assert_eq!(attach(82, b"\x02\x02\x1c\x02me\x1d\x02pw"), Ask::Attach(Shown::Readable));
        assert_eq!(attach(82, b"\x02\x02\x1d\x00"), Ask::Attach(Shown::Nothing));
    }
}
