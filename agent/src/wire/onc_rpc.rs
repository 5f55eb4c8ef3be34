//! Remote procedure calls of ONC (RFC 5531), as far as the port mapper (RFC 1833), the mount protocol and NFS (RFC 1813, RFC
//! 7530, RFC 8881) need them.
//!
//! Keeps: which program and procedure is called, the kind of credential, whether an answer is a success. Drops: the
//! credential (names, user numbers), paths, file names, contents.

use super::WireError;
use super::reader::Reader;

/// The mark before a record over TCP (RFC 5531 section 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The highest bit: the record ends with this fragment.
    pub last: bool,
    /// The other bits: octets of the fragment.
    pub length: u32,
}

impl Mark {
    /// Octets of a mark.
    pub const LEN: usize = 4;

    /// The mark that `octets` begin with.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` for a fragment that is longer than any server allows.
    pub fn parse(octets: &[u8]) -> Result<Mark, WireError> {
        let mark = Reader::new(octets).u32("record mark")?;
        let length = mark & 0x7FFF_FFFF;
        if length > MAX_FRAGMENT {
            Err(WireError::Malformed("record mark"))
        } else {
            Ok(Mark { last: mark >> 31 == 1, length })
        }
    }
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// msg_type 0.
    Call(Call),
    /// msg_type 1.
    Reply(Reply),
}

/// A call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Octets 0-3: the caller's number.
    pub number: u32,
    /// Octets 12-15.
    pub program: Program,
    /// What it asks for.
    pub asks: Asks,
    /// The flavour of the credential: 0 none, 1 AUTH_SYS (a claim without a proof), 6 RPCSEC_GSS.
    pub credential: u32,
}

/// Programs (RFC 5531 section 13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// 100000: where others listen.
    PortMapper,
    /// 100003.
    Nfs,
    /// 100005: hands out the first file handle.
    Mount,
    /// Any other of the range that is given out.
    Other,
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Procedure 0: whether somebody is there.
    Nothing,
    /// Names or contents of files: READ, READDIR, READDIRPLUS.
    Files,
    /// Anything else.
    Other,
}

/// A reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Octets 0-3: the number of the call.
    pub number: u32,
    /// What came of it.
    pub result: Outcome,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Accepted and executed, and what the procedure returns begins with zero (NFS, MOUNT: no error).
    Success,
    /// Accepted, but it failed.
    Failed,
    /// Denied: the credential is not enough (AUTH_ERROR), or another version.
    Denied,
}

impl Message {
    /// The message that a record or a datagram begins with; `octets` may be its beginning alone.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if it is none.
    pub fn read(octets: &[u8]) -> Result<Message, WireError> {
        let mut r = Reader::new(octets);
        let number = r.u32("transaction")?;
        match r.u32("message type")? {
            0 => call(number, r).map(Message::Call),
            1 => reply(number, r).map(Message::Reply),
            _ => Err(WireError::Malformed("message type")),
        }
    }
}

/// Octets 8-11: version of RPC, 2; program, version, procedure; credential, verifier; arguments.
fn call(number: u32, mut r: Reader<'_>) -> Result<Call, WireError> {
    if r.u32("version of RPC")? != 2 {
        return Err(WireError::Malformed("version of RPC"));
    }
    let program = match r.u32("program")? {
        100_000 => Program::PortMapper,
        100_003 => Program::Nfs,
        100_005 => Program::Mount,
        100_001..200_000 => Program::Other,
        _ => return Err(WireError::Malformed("program")),
    };
    let version = r.u32("version of program")?;
    let procedure = r.u32("procedure")?;
    let credential = r.u32("credential")?;
    opaque(&mut r, MAX_CREDENTIAL, "credential")?;
    r.u32("verifier")?;
    opaque(&mut r, MAX_CREDENTIAL, "verifier")?;
    let asks = match (program, version, procedure) {
        (_, _, 0) => Asks::Nothing,
        (Program::Nfs, 2, 6 | 16) | (Program::Nfs, 3, 6 | 16 | 17) => Asks::Files,
        (Program::Nfs, 4, 1) => compound(r),
        _ => Asks::Other,
    };
    Ok(Call { number, program, asks, credential })
}

/// NFS 4: a list of operations. Those that stand before a READ or READDIR are passed over; an operation that is not known
/// here ends the search.
fn compound(mut r: Reader<'_>) -> Asks {
    let mut search = || -> Result<bool, WireError> {
        opaque(&mut r, MAX_NAME, "tag")?;
        r.u32("minor version")?;
        for _ in 0..r.u32("operations")?.min(MAX_OPERATIONS) {
            match r.u32("operation")? {
                25 | 26 => return Ok(true),  // READ, READDIR
                10 | 16 | 24 | 31 | 32 => {} // GETFH, LOOKUPP, PUTROOTFH, RESTOREFH, SAVEFH
                3 => drop(r.u32("access")?),
                9 => {
                    // GETATTR: a list of words
                    let words = r.u32("attributes")?.min(MAX_OPERATIONS);
                    r.take(usize::try_from(words).unwrap_or(0).saturating_mul(4), "attributes")?;
                }
                15 => opaque(&mut r, MAX_NAME, "name")?,        // LOOKUP
                22 => opaque(&mut r, MAX_NAME, "file handle")?, // PUTFH
                53 => drop(r.take(32, "sequence")?),            // SEQUENCE: session (16), four numbers
                _ => return Ok(false),
            }
        }
        Ok(false)
    };
    if search() == Ok(true) { Asks::Files } else { Asks::Other }
}

/// Octets 8-11: accepted (0) or denied (1); verifier; accept_stat; what the procedure returns.
fn reply(number: u32, mut r: Reader<'_>) -> Result<Reply, WireError> {
    let result = match r.u32("reply state")? {
        0 => {
            r.u32("verifier")?;
            opaque(&mut r, MAX_CREDENTIAL, "verifier")?;
            match r.u32("accept state")? {
                // NULL returns nothing.
                0 if r.is_empty() => Outcome::Success,
                0 => {
                    if r.u32("status")? == 0 {
                        Outcome::Success
                    } else {
                        Outcome::Failed
                    }
                }
                1..=5 => Outcome::Failed,
                _ => return Err(WireError::Malformed("accept state")),
            }
        }
        1 => match r.u32("reject state")? {
            0 | 1 => Outcome::Denied,
            _ => return Err(WireError::Malformed("reject state")),
        },
        _ => return Err(WireError::Malformed("reply state")),
    };
    Ok(Reply { number, result })
}

/// Length, octets, filled to four (RFC 4506 section 4.10).
fn opaque(r: &mut Reader<'_>, most: u32, field: &'static str) -> Result<(), WireError> {
    let length = r.u32(field)?;
    if length > most {
        return Err(WireError::Malformed(field));
    }
    r.take(usize::try_from(length.next_multiple_of(4)).unwrap_or(usize::MAX), field).map(drop)
}

/// RFC 5531 section 8.2.
const MAX_CREDENTIAL: u32 = 400;
/// Names and handles are shorter: NFS 4 allows handles of 128 octets and servers names of 255.
const MAX_NAME: u32 = 1024;
/// Operations before a READ: clients send at most eight.
const MAX_OPERATIONS: u32 = 16;
/// Servers give at most 1 MiB in an answer, and a little around it.
const MAX_FRAGMENT: u32 = 2 * 1024 * 1024;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Numbers in network order.
    pub(crate) fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_be_bytes()).collect()
    }

    /// A call with an AUTH_SYS credential that names a machine.
    pub(crate) fn call(number: u32, program: u32, version: u32, procedure: u32, arguments: &[u8]) -> Vec<u8> {
        // stamp, name of the machine, user, group, no more groups
        let sys = [words(&[1, 8]), b"zzcanary".to_vec(), words(&[1000, 1000, 0])].concat();
        let head = words(&[number, 0, 2, program, version, procedure, 1, u32::try_from(sys.len()).unwrap()]);
        [head, sys, words(&[0, 0]), arguments.to_vec()].concat()
    }

    #[test]
    fn a_call_says_what_it_is_for_and_nothing_of_who_calls() {
        let read = Message::read(&call(7, 100_003, 3, 6, &[])).unwrap();
        let wanted = Call { number: 7, program: Program::Nfs, asks: Asks::Files, credential: 1 };
        assert_eq!(read, Message::Call(wanted));
        for (program, version, procedure, asks) in [
            (100_000, 2, 3, Asks::Other),
            (100_005, 3, 1, Asks::Other),
            (100_003, 3, 0, Asks::Nothing),
            (100_003, 2, 16, Asks::Files),
        ] {
            let Ok(Message::Call(call)) = Message::read(&call(1, program, version, procedure, &[])) else { panic!() };
            assert_eq!(call.asks, asks, "{program} {version} {procedure}");
        }
        let whole = call(7, 100_003, 3, 6, &[]);
        for end in 0..whole.len() {
            assert!(matches!(Message::read(&whole[..end]), Err(WireError::Truncated(_))), "{end}");
        }
    }

    #[test]
    fn a_compound_is_searched_for_reading() {
        // no tag, minor version 1, operations: SEQUENCE, PUTFH of 4 octets, READ
        let sequence = [words(&[53]), vec![9; 16], words(&[1, 0, 0, 1])].concat();
        let read = [words(&[0, 1, 3]), sequence, words(&[22, 4]), b"hand".to_vec(), words(&[25])].concat();
        let Ok(Message::Call(found)) = Message::read(&call(1, 100_003, 4, 1, &read)) else { panic!() };
        assert_eq!(found.asks, Asks::Files);
        // EXCHANGE_ID first: a session begins
        let Ok(Message::Call(found)) = Message::read(&call(1, 100_003, 4, 1, &words(&[0, 1, 1, 42]))) else { panic!() };
        assert_eq!(found.asks, Asks::Other);
    }

    #[test]
    fn a_reply_is_a_success_a_failure_or_a_denial() {
        for (octets, result) in [
            (words(&[7, 1, 0, 0, 0, 0]), Outcome::Success),
            (words(&[7, 1, 0, 0, 0, 0, 0, 9]), Outcome::Success),
            (words(&[7, 1, 0, 0, 0, 0, 13]), Outcome::Failed), // NFS3ERR_ACCES
            (words(&[7, 1, 0, 0, 0, 1]), Outcome::Failed),     // PROG_UNAVAIL
            (words(&[7, 1, 1, 1, 5]), Outcome::Denied),        // AUTH_ERROR
        ] {
            assert_eq!(Message::read(&octets), Ok(Message::Reply(Reply { number: 7, result })));
        }
        for bad in [words(&[7, 2, 0]), words(&[7, 0, 3]), words(&[7, 0, 2, 5]), words(&[7, 1, 9])] {
            assert!(matches!(Message::read(&bad), Err(WireError::Malformed(_))));
        }
        assert_eq!(Mark::parse(&[0x80, 0, 0, 40]), Ok(Mark { last: true, length: 40 }));
        assert!(Mark::parse(b"GET ").is_err());
    }
}
