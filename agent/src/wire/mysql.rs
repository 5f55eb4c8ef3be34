//! The MySQL and MariaDB client/server protocol, version 10 (MySQL internals manual "Connection Phase", "Text
//! Resultset"; MariaDB "Client/Server Protocol").
//!
//! Keeps: the server's version text (borrowed), capability flags, the kind of the authentication plugin, whether a
//! secret is empty, error numbers, the number of columns. Drops: user and data base names, secrets, queries, rows: they
//! are stepped over, never given out.

use super::WireError;
use super::reader::Reader;

/// The four octets before every packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Octets 0-2, least significant first: octets that follow the header.
    pub length: u32,
    /// Octet 3: counts both sides' packets of one exchange, from 0.
    pub sequence: u8,
}

impl Header {
    /// How many octets it has.
    pub const OCTETS: usize = 4;

    /// The header that `octets` begin with.
    ///
    /// # Errors
    /// `Truncated` if there are fewer than four.
    pub fn parse(octets: &[u8]) -> Result<Header, WireError> {
        let [a, b, c, sequence] = Reader::new(octets).array("packet header")?;
        Ok(Header { length: u32::from_le_bytes([a, b, c, 0]), sequence })
    }

    /// Header and payload together.
    #[must_use]
    pub fn whole(&self) -> u64 {
        u64::from(self.length).saturating_add(4)
    }
}

/// The packet that `octets` begin with: its header and all of its payload.
///
/// # Errors
/// `Truncated` if it is not complete, `Malformed` if it is longer than any packet of the connection phase.
pub fn packet(octets: &[u8]) -> Result<(Header, &[u8]), WireError> {
    let header = Header::parse(octets)?;
    let length = usize::try_from(header.length).unwrap_or(usize::MAX);
    if length > MAX_CONNECTION_PACKET {
        return Err(WireError::Malformed("packet length"));
    }
    let mut rest = Reader::new(octets);
    rest.take(Header::OCTETS, "packet header")?;
    Ok((header, rest.take(length, "packet payload")?))
}

/// The server's first packet (Protocol::HandshakeV10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greeting<'a> {
    /// From octet 1 to a NUL: the version of the server, as it was built.
    pub version: &'a [u8],
}

impl<'a> Greeting<'a> {
    /// The first octet of its payload: the version of the protocol.
    pub const MARK: u8 = 10;

    /// Reads the payload.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if the mark, the version text or the filler is not as documented.
    pub fn parse(payload: &'a [u8]) -> Result<Greeting<'a>, WireError> {
        let mut r = Reader::new(payload);
        if r.u8("protocol version")? != Greeting::MARK {
            return Err(WireError::Malformed("protocol version"));
        }
        let version = text(&mut r, MAX_VERSION, "server version")?;
        let printable = version.iter().all(|o| o.is_ascii_graphic() || *o == b' ');
        if !printable || !version.first().is_some_and(u8::is_ascii_digit) {
            return Err(WireError::Malformed("server version"));
        }
        r.take(4, "thread id")?;
        r.take(8, "first part of the scramble")?;
        if r.u8("filler")? != 0 {
            return Err(WireError::Malformed("filler"));
        }
        r.u16_le("capability flags")?;
        Ok(Greeting { version })
    }
}

/// An error packet (ERR_Packet).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure<'a> {
    /// Octets 1-2: the number of the error.
    pub code: u16,
    /// After a `#`: the SQL state.
    pub state: Option<[u8; 5]>,
    /// The sentence for people: only ever searched for a product's word.
    pub sentence: &'a [u8],
}

impl<'a> Failure<'a> {
    /// The first octet of its payload.
    pub const MARK: u8 = 0xff;

    /// Reads the payload.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if it is no error packet or its number is none that a server gives.
    pub fn parse(payload: &'a [u8]) -> Result<Failure<'a>, WireError> {
        let mut r = Reader::new(payload);
        if r.u8("error mark")? != Failure::MARK {
            return Err(WireError::Malformed("error mark"));
        }
        let code = r.u16_le("error code")?;
        if !(1000..10_000).contains(&code) {
            return Err(WireError::Malformed("error code"));
        }
        let mut state = None;
        if r.rest().first() == Some(&b'#') {
            r.u8("state marker")?;
            state = Some(r.array("sql state")?);
        }
        let sentence = r.rest();
        if sentence.iter().any(u8::is_ascii_control) {
            return Err(WireError::Malformed("error message"));
        }
        Ok(Failure { code, state, sentence })
    }
}

/// How the client is to prove who it is. Names that are not in this list are [`Plugin::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plugin {
    /// `mysql_native_password`, `mysql_old_password`, `caching_sha2_password`, `sha256_password`: an empty secret
    /// gives an empty answer.
    Hashed,
    /// `mysql_clear_password`, and MariaDB's `dialog`: the secret as it is.
    Clear,
    /// Anything else.
    Other,
}

impl Plugin {
    /// The plugin of this name.
    #[must_use]
    pub fn named(name: &[u8]) -> Plugin {
        match name {
            b"mysql_native_password" | b"mysql_old_password" | b"caching_sha2_password" | b"sha256_password" => {
                Plugin::Hashed
            }
            b"mysql_clear_password" | b"dialog" => Plugin::Clear,
            _ => Plugin::Other,
        }
    }
}

/// The client's first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// SSLRequest: it ends after the character set, and TLS follows.
    Tls,
    /// HandshakeResponse41 or 320.
    Login {
        /// Whether the secret's answer is empty.
        empty: bool,
        /// How it was made.
        plugin: Plugin,
        /// Whether packets are compressed after the login.
        compressed: bool,
    },
}

impl Response {
    /// Reads the payload.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if the reserved octets are not zero.
    pub fn parse(payload: &[u8]) -> Result<Response, WireError> {
        let mut r = Reader::new(payload);
        let low = r.u16_le("capability flags")?;
        if u32::from(low) & PROTOCOL_41 == 0 {
            return Response::parse_320(low, r);
        }
        let flags = u32::from(low) | (u32::from(r.u16_le("capability flags, upper half")?) << 16);
        r.take(4, "maximum packet")?;
        r.u8("character set")?;
        // 23 reserved octets, of which MariaDB uses the last four for more flags.
        if r.take(19, "reserved")?.iter().any(|o| *o != 0) {
            return Err(WireError::Malformed("reserved"));
        }
        r.take(4, "reserved")?;
        if r.is_empty() && flags & TLS != 0 {
            return Ok(Response::Tls);
        }
        text(&mut r, MAX_CONNECTION_PACKET, "user name")?;
        let secret = if flags & LENGTH_ENCODED_SECRET != 0 {
            let length = length_encoded(&mut r)?;
            r.take(usize::try_from(length).unwrap_or(usize::MAX), "secret")?
        } else if flags & SECURE_CONNECTION != 0 {
            let length = r.u8("length of the secret")?;
            r.take(usize::from(length), "secret")?
        } else {
            text(&mut r, MAX_CONNECTION_PACKET, "secret")?
        };
        if flags & WITH_DATABASE != 0 {
            text(&mut r, MAX_CONNECTION_PACKET, "data base name")?;
        }
        let plugin = if flags & PLUGIN_NAME != 0 { Plugin::named(text_or_rest(&mut r)) } else { Plugin::Hashed };
        Ok(Response::Login { empty: is_empty_secret(secret), plugin, compressed: flags & (COMPRESSED | ZSTD) != 0 })
    }

    /// HandshakeResponse320, of clients before 4.1.
    fn parse_320(flags: u16, mut r: Reader<'_>) -> Result<Response, WireError> {
        let flags = u32::from(flags);
        r.take(3, "maximum packet")?;
        if r.is_empty() && flags & TLS != 0 {
            return Ok(Response::Tls);
        }
        text(&mut r, MAX_CONNECTION_PACKET, "user name")?;
        let secret = text_or_rest(&mut r);
        Ok(Response::Login {
            empty: is_empty_secret(secret),
            plugin: Plugin::Hashed,
            compressed: flags & COMPRESSED != 0,
        })
    }
}

/// What the server says to the client's proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// OK_Packet.
    Accepted,
    /// ERR_Packet.
    Failed(Failure<'a>),
    /// AuthSwitchRequest: prove it in another way.
    Switch(Plugin),
    /// AuthMoreData, AuthNextFactor.
    More,
}

impl<'a> Answer<'a> {
    /// Reads the payload.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if its first octet is none of these.
    pub fn parse(payload: &'a [u8]) -> Result<Answer<'a>, WireError> {
        let mut r = Reader::new(payload);
        match r.u8("answer mark")? {
            0x00 => Ok(Answer::Accepted),
            Failure::MARK => Failure::parse(payload).map(Answer::Failed),
            // Alone it is the request for the secret of before 4.1 (OldAuthSwitchRequest).
            0xfe if r.is_empty() => Ok(Answer::Switch(Plugin::Hashed)),
            0xfe => Ok(Answer::Switch(Plugin::named(text_or_rest(&mut r)))),
            0x01 | 0x02 => Ok(Answer::More),
            _ => Err(WireError::Malformed("answer mark")),
        }
    }
}

/// Whether the proof of a secret is that of an empty one: nothing, or (sha256 plugins) one NUL.
#[must_use]
pub fn is_empty_secret(proof: &[u8]) -> bool {
    matches!(proof, [] | [0])
}

/// The number of columns, if this payload announces a result set: one length-encoded integer and nothing else.
#[must_use]
pub fn columns(payload: &[u8]) -> Option<u64> {
    let mut r = Reader::new(payload);
    let count = length_encoded(&mut r).ok()?;
    (r.is_empty() && (1..=MAX_COLUMNS).contains(&count)).then_some(count)
}

/// Whether this payload begins like the description of a column: the catalogue, which is always `def`.
#[must_use]
pub fn is_column(payload: &[u8]) -> bool {
    payload.starts_with(b"\x03def")
}

/// Protocol::LengthEncodedInteger.
fn length_encoded(r: &mut Reader<'_>) -> Result<u64, WireError> {
    match r.u8("length")? {
        small @ 0..=0xfa => Ok(u64::from(small)),
        0xfc => r.u16_le("length").map(u64::from),
        0xfd => r.array::<3>("length").map(|[a, b, c]| u64::from(u32::from_le_bytes([a, b, c, 0]))),
        0xfe => r.array("length").map(u64::from_le_bytes),
        _ => Err(WireError::Malformed("length")),
    }
}

/// Octets up to a NUL, which is passed over.
fn text<'a>(r: &mut Reader<'a>, max: usize, field: &'static str) -> Result<&'a [u8], WireError> {
    let length = r.rest().iter().take(max.saturating_add(1)).position(|o| *o == 0);
    match length {
        Some(length) => {
            let text = r.take(length, field)?;
            r.u8(field)?;
            Ok(text)
        }
        None if r.left() > max => Err(WireError::Malformed(field)),
        None => Err(WireError::Truncated(field)),
    }
}

/// Octets up to a NUL or to the end: some clients leave the last NUL out.
fn text_or_rest<'a>(r: &mut Reader<'a>) -> &'a [u8] {
    r.rest().split(|o| *o == 0).next().unwrap_or_default()
}

/// Octets of a packet before the login is settled: the attributes of a client may have 64 KiB by the manual, but the
/// clients in use send a few hundred octets, and a public key has less than 1 KiB.
pub const MAX_CONNECTION_PACKET: usize = 16 * 1024;

/// Octets of a server's version: `SERVER_VERSION_LENGTH` is 60.
const MAX_VERSION: usize = 60;

/// Columns of a table or view: 4096 is the server's own limit.
const MAX_COLUMNS: u64 = 4096;

const WITH_DATABASE: u32 = 0x0000_0008;
const COMPRESSED: u32 = 0x0000_0020;
const PROTOCOL_41: u32 = 0x0000_0200;
const TLS: u32 = 0x0000_0800;
const SECURE_CONNECTION: u32 = 0x0000_8000;
const PLUGIN_NAME: u32 = 0x0008_0000;
const LENGTH_ENCODED_SECRET: u32 = 0x0020_0000;
const ZSTD: u32 = 0x0400_0000;

#[cfg(test)]
mod tests {
    use super::*;

    const GREETING: &[u8] = b"\x0a8.0.43-0ubuntu0.22.04.1\0\x08\0\0\0abcdefgh\0\xff\xff";

    #[test]
    fn a_packet_waits_for_its_last_octet() {
        // length 2, sequence 5, payload
        assert_eq!(packet(&[2, 0, 0, 5, 7]), Err(WireError::Truncated("packet payload")));
        assert_eq!(packet(&[2, 0, 0, 5, 7, 8, 9]), Ok((Header { length: 2, sequence: 5 }, &[7, 8][..])));
        assert_eq!(packet(&[0, 0, 0xff, 0]), Err(WireError::Malformed("packet length")));
    }

    #[test]
    fn a_greeting_gives_its_version() {
        assert_eq!(Greeting::parse(GREETING).unwrap().version, b"8.0.43-0ubuntu0.22.04.1");
        for cut in 0..GREETING.len() {
            assert!(Greeting::parse(&GREETING[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn a_greeting_whose_version_is_no_number_is_none() {
        assert!(Greeting::parse(b"\x0ahello\0\x08\0\0\0abcdefgh\0\xff\xff").is_err());
        assert!(Greeting::parse(b"\x0a8.0\0\x08\0\0\0abcdefghX\xff\xff").is_err());
    }

    fn response(flags: u32, tail: &[u8]) -> Vec<u8> {
        let mut o = flags.to_le_bytes().to_vec();
        o.extend_from_slice(&[0, 0, 0, 1]); // maximum packet
        o.push(33); // character set
        o.extend_from_slice(&[0; 23]); // reserved
        o.extend_from_slice(tail);
        o
    }

    #[test]
    fn a_response_tells_an_empty_secret_from_one_that_is_there() {
        let login = |empty, plugin| Ok(Response::Login { empty, plugin, compressed: false });
        let new = PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_NAME;
        assert_eq!(Response::parse(&response(new, b"root\0\0mysql_native_password\0")), login(true, Plugin::Hashed));
        assert_eq!(
            Response::parse(&response(new | WITH_DATABASE, b"root\0\x03abcclinic\0mysql_clear_password\0")),
            login(false, Plugin::Clear)
        );
        let lenenc = new | LENGTH_ENCODED_SECRET;
        assert_eq!(
            Response::parse(&response(lenenc, b"root\0\x01\0caching_sha2_password")),
            login(true, Plugin::Hashed)
        );
        assert_eq!(Response::parse(&response(lenenc, b"root\0\x01xsmith_plugin\0")), login(false, Plugin::Other));
        assert_eq!(Response::parse(&response(PROTOCOL_41, b"root\0abc\0")), login(false, Plugin::Hashed));
    }

    #[test]
    fn a_short_response_with_the_flag_asks_for_tls() {
        assert_eq!(Response::parse(&response(PROTOCOL_41 | TLS, b"")), Ok(Response::Tls));
        assert!(Response::parse(&response(PROTOCOL_41, b"")).is_err());
        // HandshakeResponse320: flags, maximum packet
        assert_eq!(Response::parse(&[0x00, 0x08, 0, 0, 0]), Ok(Response::Tls));
    }

    #[test]
    fn an_error_gives_its_number_and_state() {
        let heard = Failure::parse(b"\xff\x15\x04#28000Access denied").unwrap();
        assert_eq!((heard.code, heard.state), (1045, Some(*b"28000")));
        let heard = Failure::parse(b"\xff\x6a\x04Host").unwrap();
        assert_eq!((heard.code, heard.state), (1130, None));
        assert!(Failure::parse(b"\xff\x01\x00Host").is_err());
    }

    #[test]
    fn a_count_of_columns_stands_alone() {
        assert_eq!(columns(&[4]), Some(4));
        assert_eq!(columns(&[0xfc, 0, 1]), Some(256));
        for no in [&[0][..], &[0xff], &[0xfb], &[4, 4], &[0, 0, 0, 2, 0, 0, 0], &[]] {
            assert_eq!(columns(no), None);
        }
    }
}
