//! The MongoDB wire protocol (MongoDB manual, "MongoDB Wire Protocol") and as much of BSON (bsonspec.org, version 1.1)
//! as the top level of a document needs.
//!
//! Keeps: message headers, the command's name and a few numbers of the top level (borrowed). Drops: data base and
//! collection names, filters, documents: they are stepped over by their length.

use super::WireError;
use super::reader::Reader;

/// The sixteen octets before every message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Octets 0-3: octets of the message, header included.
    pub length: u32,
    /// Octets 4-7: the sender's number for it.
    pub id: u32,
    /// Octets 8-11: the number of the message that this one answers; 0 (old drivers: all ones) in a question.
    pub answers: u32,
    /// Octets 12-15.
    pub operation: Operation,
}

/// opCode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// 1: OP_REPLY.
    Reply,
    /// 2004: OP_QUERY.
    Query,
    /// 2005: OP_GET_MORE.
    GetMore,
    /// 2001, 2002, 2006, 2007: OP_UPDATE, OP_INSERT, OP_DELETE, OP_KILL_CURSORS: never answered.
    Unanswered,
    /// 2010, 2011: OP_COMMAND, OP_COMMANDREPLY, between members of 3.x clusters.
    Internal,
    /// 2012: OP_COMPRESSED.
    Compressed,
    /// 2013: OP_MSG.
    Message,
}

impl Header {
    /// How many octets it has.
    pub const OCTETS: usize = 16;

    /// The header that `octets` begin with.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if the length is not possible (48,000,000 is the server's limit) or the operation is
    /// not known.
    pub fn parse(octets: &[u8]) -> Result<Header, WireError> {
        let mut r = Reader::new(octets);
        let length = r.u32_le("message length")?;
        if !(MIN_MESSAGE..=MAX_MESSAGE).contains(&length) {
            return Err(WireError::Malformed("message length"));
        }
        let id = r.u32_le("request id")?;
        let answers = r.u32_le("response to")?;
        let operation = match r.u32_le("operation")? {
            1 => Operation::Reply,
            2004 => Operation::Query,
            2005 => Operation::GetMore,
            2001 | 2002 | 2006 | 2007 => Operation::Unanswered,
            2010 | 2011 => Operation::Internal,
            2012 => Operation::Compressed,
            2013 => Operation::Message,
            _ => return Err(WireError::Malformed("operation")),
        };
        Ok(Header { length, id, answers, operation })
    }

    /// Whether it is a question.
    #[must_use]
    pub const fn asks(&self) -> bool {
        matches!(self.answers, 0 | u32::MAX) && !matches!(self.operation, Operation::Reply)
    }
}

/// What a client asks for.
#[derive(Clone, Copy, Debug)]
pub enum Question<'a> {
    /// A command: its document, of which the first element names it.
    Command(Elements<'a>),
    /// OP_QUERY on a collection, OP_GET_MORE.
    Find,
    /// One that cannot be read: compressed, or its document stands elsewhere.
    Closed,
}

impl<'a> Question<'a> {
    /// Reads what follows the header. `body` may be cut.
    ///
    /// # Errors
    /// `Truncated`, `Malformed`.
    pub fn parse(operation: Operation, body: &'a [u8]) -> Result<Question<'a>, WireError> {
        let mut r = Reader::new(body);
        match operation {
            Operation::Message => {
                let document = message(r)?;
                Ok(document.map_or(Question::Closed, Question::Command))
            }
            Operation::Query => {
                if r.u32_le("flags")? > 0xff {
                    return Err(WireError::Malformed("flags"));
                }
                let name = text(&mut r, "collection name")?;
                r.take(8, "number to skip and to return")?;
                if !name.ends_with(b".$cmd") {
                    return Ok(Question::Find);
                }
                let outer = document(&mut r)?;
                // A command with options stands inside an element "$query" or "query".
                let inner = outer.clone().next().filter(|e| matches!(e.name, b"$query" | b"query"));
                match inner.map(|e| e.value) {
                    Some(Value::Document(inner)) => Ok(Question::Command(inner)),
                    _ => Ok(Question::Command(outer)),
                }
            }
            Operation::GetMore => Ok(Question::Find),
            _ => Ok(Question::Closed),
        }
    }
}

/// What a server answers.
#[derive(Clone, Copy, Debug)]
pub enum Reply<'a> {
    /// One document: what became of a command.
    Document(Elements<'a>),
    /// OP_REPLY with so many documents; `failed` is the flag QueryFailure.
    Documents {
        /// responseFlags, bit 1.
        failed: bool,
        /// numberReturned.
        count: u32,
        /// The first of them.
        first: Elements<'a>,
    },
    /// One that cannot be read.
    Closed,
}

impl<'a> Reply<'a> {
    /// Reads what follows the header. `body` may be cut.
    ///
    /// # Errors
    /// `Truncated`, `Malformed`.
    pub fn parse(operation: Operation, body: &'a [u8]) -> Result<Reply<'a>, WireError> {
        let mut r = Reader::new(body);
        match operation {
            Operation::Message => {
                let document = message(r)?;
                Ok(document.map_or(Reply::Closed, Reply::Document))
            }
            Operation::Reply => {
                let flags = r.u32_le("response flags")?;
                r.take(12, "cursor and starting number")?;
                let count = r.u32_le("number returned")?;
                if flags > 0xf {
                    return Err(WireError::Malformed("response flags"));
                }
                let first = if count > 0 { document(&mut r)? } else { Elements::over(&[]) };
                Ok(Reply::Documents { failed: flags & 2 != 0, count, first })
            }
            _ => Ok(Reply::Closed),
        }
    }
}

/// The elements at the top of a document: at most [`MAX_ELEMENTS`], and none behind one that is cut or malformed.
#[derive(Clone, Copy, Debug)]
pub struct Elements<'a> {
    rest: Reader<'a>,
    left: u16,
}

impl<'a> Elements<'a> {
    const fn over(octets: &'a [u8]) -> Elements<'a> {
        Elements { rest: Reader::new(octets), left: MAX_ELEMENTS }
    }

    fn read(&mut self) -> Result<Element<'a>, WireError> {
        let r = &mut self.rest;
        let kind = r.u8("element kind")?;
        if kind == 0 {
            return Err(WireError::Malformed("end of the document"));
        }
        let name = text(r, "element name")?;
        let value = match kind {
            0x01 => Value::Double(f64::from_le_bytes(r.array("double")?)),
            0x02 | 0x0d | 0x0e => {
                let length = r.u32_le("string length")?;
                let text = r.take(usize::try_from(length).unwrap_or(usize::MAX), "string")?;
                Value::Text(text.strip_suffix(&[0]).unwrap_or(text))
            }
            0x03 | 0x04 => {
                let length = usize::try_from(r.u32_le("document length")?).unwrap_or(usize::MAX);
                let inside = r.sub_at_most(length.saturating_sub(4));
                Value::Document(Elements::over(inside.rest()))
            }
            0x05 => {
                let length = r.u32_le("binary length")?;
                r.u8("binary kind")?;
                r.take(usize::try_from(length).unwrap_or(usize::MAX), "binary")?;
                Value::Other
            }
            0x06 | 0x0a | 0x7f | 0xff => Value::Other,
            0x07 => r.take(12, "object id").map(|_| Value::Other)?,
            0x08 => Value::Truth(r.u8("truth")? != 0),
            0x09 | 0x11 => r.take(8, "time").map(|_| Value::Other)?,
            0x0b => {
                text(r, "pattern")?;
                text(r, "options")?;
                Value::Other
            }
            0x0f => {
                let length = usize::try_from(r.u32_le("code length")?).unwrap_or(usize::MAX);
                r.take(length.saturating_sub(4), "code").map(|_| Value::Other)?
            }
            0x10 => Value::Number(i64::from(i32::from_le_bytes(r.array("number")?))),
            0x12 => Value::Number(i64::from_le_bytes(r.array("number")?)),
            0x13 => r.take(16, "decimal").map(|_| Value::Other)?,
            _ => return Err(WireError::Malformed("element kind")),
        };
        Ok(Element { name, value })
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        self.left = self.left.checked_sub(1)?;
        let element = self.read().ok();
        if element.is_none() {
            self.left = 0;
        }
        element
    }
}

/// One element.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    /// Its name: to be compared, never kept.
    pub name: &'a [u8],
    /// Its value.
    pub value: Value<'a>,
}

/// The value of an element.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A 64-bit float.
    Double(f64),
    /// A 32-bit or 64-bit integer.
    Number(i64),
    /// A boolean.
    Truth(bool),
    /// A string: to be compared, never kept.
    Text(&'a [u8]),
    /// A document or an array.
    Document(Elements<'a>),
    /// Any other: stepped over.
    Other,
}

impl Value<'_> {
    /// Whether it says yes: `ok` is a double, an integer or a boolean, by the age of the server.
    #[must_use]
    pub fn is_yes(&self) -> bool {
        match self {
            Value::Double(d) => *d > 0.5,
            Value::Number(n) => *n != 0,
            Value::Truth(t) => *t,
            _ => false,
        }
    }

    /// The number that it stands for.
    #[must_use]
    pub const fn number(&self) -> Option<i64> {
        match self {
            Value::Number(n) => Some(*n),
            _ => None,
        }
    }
}

/// OP_MSG: flags, then sections. The document of a section of kind 0, if it stands first.
fn message(mut r: Reader<'_>) -> Result<Option<Elements<'_>>, WireError> {
    // Of the lower 16 bits only checksumPresent and moreToCome may be set; of the others exhaustAllowed is known.
    if r.u32_le("flag bits")? & 0xffff & !3 != 0 {
        return Err(WireError::Malformed("flag bits"));
    }
    match r.u8("section kind")? {
        0 => document(&mut r).map(Some),
        1 => Ok(None),
        _ => Err(WireError::Malformed("section kind")),
    }
}

/// A document: its length, itself included, then its elements, which may be cut.
fn document<'a>(r: &mut Reader<'a>) -> Result<Elements<'a>, WireError> {
    let length = r.u32_le("document length")?;
    if !(5..=MAX_MESSAGE).contains(&length) {
        return Err(WireError::Malformed("document length"));
    }
    let inside = usize::try_from(length.saturating_sub(4)).unwrap_or(usize::MAX);
    Ok(Elements::over(r.sub_at_most(inside).rest()))
}

/// Octets up to a NUL, which is passed over.
fn text<'a>(r: &mut Reader<'a>, field: &'static str) -> Result<&'a [u8], WireError> {
    let length = r.rest().iter().take(MAX_TEXT).position(|o| *o == 0).ok_or(WireError::Truncated(field))?;
    let text = r.take(length, field)?;
    r.u8(field)?;
    Ok(text)
}

/// Header and four octets of flags: nothing is shorter.
const MIN_MESSAGE: u32 = 20;

/// `maxMessageSizeBytes`.
const MAX_MESSAGE: u32 = 48_000_000;

/// Elements of one document that are looked at: `hello` answers have about 25, `buildInfo` about 20.
pub const MAX_ELEMENTS: u16 = 64;

/// Octets of a name: 255 is the limit for "data base . collection".
const MAX_TEXT: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_plausible_or_none() {
        let header = |length: u32, operation: u32| {
            let mut o = length.to_le_bytes().to_vec();
            o.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0]); // request id 1, response to 0
            o.extend_from_slice(&operation.to_le_bytes());
            Header::parse(&o)
        };
        assert!(header(58, 2013).unwrap().asks());
        assert!(!header(58, 1).unwrap().asks());
        assert_eq!(header(58, 2014), Err(WireError::Malformed("operation")));
        assert_eq!(header(48_000_001, 2013), Err(WireError::Malformed("message length")));
        assert_eq!(header(16, 2013), Err(WireError::Malformed("message length")));
    }

    /// { ping: 1, x: { y: "smith" }, ok: 1.0 } without its own length.
    const DOCUMENT: &[u8] =
        b"\x10ping\0\x01\0\0\0\x03x\0\x12\0\0\0\x02y\0\x06\0\0\0smith\0\0\x01ok\0\0\0\0\0\0\0\xf0\x3f\0";

    #[test]
    fn only_the_top_level_of_a_document_is_walked() {
        let names: Vec<_> = Elements::over(DOCUMENT).map(|e| e.name.to_vec()).collect();
        assert_eq!(names, [b"ping".to_vec(), b"x".to_vec(), b"ok".to_vec()]);
        assert!(Elements::over(DOCUMENT).last().unwrap().value.is_yes());
    }

    #[test]
    fn a_document_that_is_cut_ends_there() {
        for cut in 0..DOCUMENT.len() {
            assert!(Elements::over(&DOCUMENT[..cut]).count() <= 3);
        }
        assert_eq!(Elements::over(b"\x77a\0\x01").count(), 0);
    }

    #[test]
    fn a_command_may_stand_inside_a_query() {
        let mut body = b"\0\0\0\0admin.$cmd\0\0\0\0\0\xff\xff\xff\xff".to_vec();
        // { $query: { ping: 1 } }
        body.extend_from_slice(b"\x1c\0\0\0\x03$query\0\x0f\0\0\0\x10ping\0\x01\0\0\0\0\0");
        let Ok(Question::Command(mut e)) = Question::parse(Operation::Query, &body) else { panic!() };
        assert_eq!(e.next().unwrap().name, b"ping");
    }

    #[test]
    fn a_query_on_a_collection_finds() {
        let body = b"\0\0\0\0clinic.patients\0\0\0\0\0\0\0\0\0\x05\0\0\0\0";
        assert!(matches!(Question::parse(Operation::Query, body), Ok(Question::Find)));
    }
}
