//! Header compression of HTTP/2: HPACK (RFC 7541).
//!
//! Keeps: the dynamic table that both sides agree on (at most [`MAX_TABLE`] octets, while the conversation lasts), and
//! the field lines of one block, for comparing. Drops: whether a field may be indexed; a block that is longer than
//! [`MAX_FIELDS_OCTETS`] when it is unpacked.

use super::WireError;
use super::reader::Reader;
use std::collections::VecDeque;

/// One direction's decompressor. Both ends keep the same table: after a lost block nothing can be read any more.
pub struct Unpacker {
    /// Newest first.
    table: VecDeque<Entry>,
    /// RFC 7541 section 4.1: octets of names and values, and 32 an entry.
    size: usize,
    limit: usize,
}

struct Entry {
    /// The name, then the value.
    octets: Box<[u8]>,
    name: usize,
}

/// The field lines of one block, in order.
#[derive(Default)]
pub struct Block {
    octets: Vec<u8>,
    /// Where each name and each value ends.
    ends: Vec<(usize, usize)>,
}

/// Fields hold cookies and passwords: they are not for logs.
impl core::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Unpacker({} entries)", self.table.len())
    }
}

/// Fields hold cookies and passwords: they are not for logs.
impl core::fmt::Debug for Block {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Block({} lines)", self.ends.len())
    }
}

impl Block {
    /// Names (lower case, RFC 9113 section 8.2.1) and values.
    pub fn lines(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut begin = 0usize;
        self.ends.iter().map(move |(name_end, end)| {
            let name = self.octets.get(begin..*name_end).unwrap_or_default();
            begin = *end;
            (name, self.octets.get(*name_end..*end).unwrap_or_default())
        })
    }

    /// The value of the first line of this name.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.lines().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// A name or a value as it was sent: length with its Huffman bit (RFC 7541 section 5.2), octets.
    fn literal(&mut self, r: &mut Reader<'_>) -> Result<(), WireError> {
        let packed = r.rest().first().is_some_and(|o| o & 0x80 != 0);
        let len = integer(r, 7)?;
        let octets = r.take(len, "literal")?;
        if packed {
            unpack(octets, &mut self.octets)?
        } else {
            self.octets.extend_from_slice(octets)
        }
        if self.octets.len() > MAX_FIELDS_OCTETS {
            return Err(WireError::Malformed("field section"));
        }
        Ok(())
    }

    fn copy(&mut self, octets: &[u8]) -> Result<(), WireError> {
        self.octets.extend_from_slice(octets);
        if self.octets.len() > MAX_FIELDS_OCTETS { Err(WireError::Malformed("field section")) } else { Ok(()) }
    }

    fn end(&mut self, name_end: usize) -> Result<(), WireError> {
        if self.ends.len() >= MAX_LINES {
            return Err(WireError::Malformed("field section"));
        }
        self.ends.push((name_end, self.octets.len()));
        Ok(())
    }
}

impl Default for Unpacker {
    fn default() -> Unpacker {
        Unpacker { table: VecDeque::new(), size: 0, limit: MAX_TABLE }
    }
}

impl Unpacker {
    /// Octets that are held.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.size
    }

    /// The field lines of a whole block. Work is bounded by the block and by [`MAX_FIELDS_OCTETS`].
    ///
    /// # Errors
    /// `Truncated` or `Malformed`: the table is out of step from here on.
    pub fn block(&mut self, octets: &[u8]) -> Result<Block, WireError> {
        let (mut r, mut block) = (Reader::new(octets), Block::default());
        while let Some(first) = r.rest().first().copied() {
            match first {
                0x80.. => {
                    let index = integer(&mut r, 7)?;
                    let (name, value) = self.line(index)?;
                    block.copy(name)?;
                    let name_end = block.octets.len();
                    block.copy(value)?;
                    block.end(name_end)?;
                }
                0x20..0x40 => {
                    let limit = integer(&mut r, 5)?;
                    if limit > MAX_TABLE {
                        return Err(WireError::Malformed("table size"));
                    }
                    self.limit = limit;
                    self.shrink(limit);
                }
                _ => self.literal(&mut r, first, &mut block)?,
            }
        }
        Ok(block)
    }

    /// RFC 7541 section 6.2: a literal line, to be remembered (01), or not (0000, 0001).
    fn literal(&mut self, r: &mut Reader<'_>, first: u8, block: &mut Block) -> Result<(), WireError> {
        let remembered = first & 0x40 != 0;
        let begin = block.octets.len();
        match integer(r, if remembered { 6 } else { 4 })? {
            0 => block.literal(r)?,
            index => block.copy(self.line(index)?.0)?,
        }
        let name_end = block.octets.len();
        block.literal(r)?;
        block.end(name_end)?;
        if remembered {
            let line = block.octets.get(begin..).unwrap_or_default();
            self.remember(line, name_end.saturating_sub(begin));
        }
        Ok(())
    }

    /// RFC 7541 section 2.3.3: 1 to 61 stand in the static table, the newest of the dynamic one follows.
    fn line(&self, index: usize) -> Result<(&[u8], &[u8]), WireError> {
        let absent = WireError::Malformed("index");
        let at = index.checked_sub(1).ok_or(absent)?;
        if let Some((name, value)) = STATIC.get(at) {
            return Ok((name.as_bytes(), value.as_bytes()));
        }
        let entry = self.table.get(at.saturating_sub(STATIC.len())).ok_or(absent)?;
        entry.octets.split_at_checked(entry.name).ok_or(absent)
    }

    fn remember(&mut self, line: &[u8], name: usize) {
        let cost = line.len().saturating_add(ENTRY);
        // What is larger than the table empties it (section 4.4).
        self.shrink(self.limit.saturating_sub(cost));
        if cost <= self.limit {
            self.size = self.size.saturating_add(cost);
            self.table.push_front(Entry { octets: line.into(), name });
        }
    }

    fn shrink(&mut self, limit: usize) {
        while self.size > limit {
            let Some(oldest) = self.table.pop_back() else { return };
            self.size = self.size.saturating_sub(oldest.octets.len().saturating_add(ENTRY));
        }
    }
}

/// RFC 7541 section 5.1: an integer behind a prefix of so many bits.
fn integer(r: &mut Reader<'_>, bits: u32) -> Result<usize, WireError> {
    let most = u32::from(u8::MAX).checked_shr(8u32.saturating_sub(bits)).unwrap_or(0);
    let mut value = u32::from(r.u8("integer")?) & most;
    if value == most {
        let mut shift = 0u32;
        loop {
            let octet = r.u8("integer")?;
            let part = u32::from(octet & 0x7F).checked_shl(shift).filter(|_| shift <= MAX_SHIFT);
            value = value.saturating_add(part.ok_or(WireError::Malformed("integer"))?);
            if octet & 0x80 == 0 {
                break;
            }
            shift = shift.saturating_add(7);
        }
    }
    usize::try_from(value).map_err(|_| WireError::Malformed("integer"))
}

/// RFC 7541 section 5.2, appendix B: the code is canonical, so the number of symbols of each length says it all. Work
/// is bounded by the octets: each bit is taken once.
fn unpack(octets: &[u8], out: &mut Vec<u8>) -> Result<(), WireError> {
    let mut bits = octets.iter().flat_map(|o| (0..8u32).rev().map(move |n| u32::from(o >> n & 1)));
    loop {
        let (mut code, mut first, mut taken, mut ones) = (0u32, 0u32, 0u32, true);
        let mut symbol = None;
        for (length, symbols) in CODES {
            while taken < *length {
                let Some(bit) = bits.next() else {
                    // The end is filled with ones, less than an octet of them.
                    return if ones && taken < 8 { Ok(()) } else { Err(WireError::Malformed("Huffman code")) };
                };
                code = code << 1 | bit;
                first <<= 1;
                taken = taken.saturating_add(1);
                ones &= bit == 1;
            }
            let place = code.checked_sub(first).and_then(|p| usize::try_from(p).ok());
            symbol = place.and_then(|p| symbols.get(p));
            if symbol.is_some() {
                break;
            }
            first = first.saturating_add(u32::try_from(symbols.len()).unwrap_or(0));
        }
        out.push(*symbol.ok_or(WireError::Malformed("Huffman code"))?);
        if out.len() > MAX_FIELDS_OCTETS {
            return Err(WireError::Malformed("field section"));
        }
    }
}

/// Octets of a dynamic table: 4,096 unless the other side allows more (RFC 9113 section 6.5.2); browsers allow 64 KiB,
/// but speak HTTP/2 inside TLS only. Beyond it the conversation is given up.
pub const MAX_TABLE: usize = 16 * 1024;

/// Octets of a block when it is unpacked: as much as a head of HTTP/1 may have, and room for what stands in it twice.
pub const MAX_FIELDS_OCTETS: usize = 32 * 1024;

/// Lines of a block: cookies may stand one a line.
const MAX_LINES: usize = 256;

/// What an entry costs beside its octets (section 4.1).
const ENTRY: usize = 32;

/// Four octets of seven bits: 2^28 is more than anything here may have.
const MAX_SHIFT: u32 = 21;

/// Appendix B: symbols by the length of their code in bits, in the order of their codes.
#[rustfmt::skip]
const CODES: &[(u32, &[u8])] = &[
    (5, b"012aceiost"),
    (6, b" %-./3456789=A_bdfghlmnpru"),
    (7, b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
    (8, b"&*,;XZ"),
    (10, b"!\"()?"),
    (11, b"'+|"),
    (12, b"#>"),
    (13, b"\x00$@[]~"),
    (14, b"^}"),
    (15, b"<`{"),
    (19, b"\\\xC3\xD0"),
    (20, b"\x80\x82\x83\xA2\xB8\xC2\xE0\xE2"),
    (21, b"\x99\xA1\xA7\xAC\xB0\xB1\xB3\xD1\xD8\xD9\xE3\xE5\xE6"),
    (22, b"\x81\x84\x85\x86\x88\x92\x9A\x9C\xA0\xA3\xA4\xA9\xAA\xAD\xB2\xB5\xB9\xBA\xBB\xBD\xBE\xC4\xC6\xE4\xE8\xE9"),
    (23, b"\x01\x87\x89\x8A\x8B\x8C\x8D\x8F\x93\x95\x96\x97\x98\x9B\x9D\x9E\xA5\xA6\xA8\xAE\xAF\xB4\xB6\xB7\xBC\xBF\xC5\xE7\xEF"),
    (24, b"\x09\x8E\x90\x91\x94\x9F\xAB\xCE\xD7\xE1\xEC\xED"),
    (25, b"\xC7\xCF\xEA\xEB"),
    (26, b"\xC0\xC1\xC8\xC9\xCA\xCD\xD2\xD5\xDA\xDB\xEE\xF0\xF2\xF3\xFF"),
    (27, b"\xCB\xCC\xD3\xD4\xD6\xDD\xDE\xDF\xF1\xF4\xF5\xF6\xF7\xF8\xFA\xFB\xFC\xFD\xFE"),
    (28, b"\x02\x03\x04\x05\x06\x07\x08\x0B\x0C\x0E\x0F\x10\x11\x12\x13\x14\x15\x17\x18\x19\x1A\x1B\x1C\x1D\x1E\x1F\x7F\xDC\xF9"),
    (30, b"\x0A\x0D\x16"),
];

/// Appendix A.
const STATIC: &[(&str, &str)] = &[
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(block: &Block) -> Vec<(&[u8], &[u8])> {
        block.lines().collect()
    }

    fn octets(hex: &str) -> Vec<u8> {
        hex.as_bytes().chunks(2).map(|p| u8::from_str_radix(core::str::from_utf8(p).unwrap(), 16).unwrap()).collect()
    }

    #[test]
    fn what_fields_hold_is_not_printed() {
        let mut octets = b"cookie".to_vec();
        octets.extend(b"ZZCANARY");
        let block = Block { octets: octets.clone(), ends: vec![(6, 14)] };
        let entry = Entry { octets: octets.into(), name: 6 };
        let unpacker = Unpacker { table: [entry].into(), size: 46, limit: 4_096 };
        assert_eq!(block.get(b"cookie"), Some(&b"ZZCANARY"[..]));
        assert_eq!(format!("{block:?} {unpacker:?}"), "Block(1 lines) Unpacker(1 entries)");
    }

    #[test]
    fn lines_are_unpacked_remembered_and_named_again() {
        // What a packer of others made: three static names, a literal of the static table, one of its own with octets
        // of every length of code.
        let first = "82448d624310f4ade0b1b084db218a8f418810195c0b842cae2f578bba34188a6c037bb96c820f\
                     4084f2b7bf7f8affc7ffffddffff5fff7f"
            .replace(' ', "");
        let mut unpacker = Unpacker::default();
        for hex in [first.as_str(), "82c1c0bfbe"] {
            let block = unpacker.block(&octets(hex)).unwrap();
            assert_eq!(block.get(b":path"), Some(&b"/dicom-web/studies"[..]));
            assert_eq!(block.get(b":authority"), Some(&b"203.0.113.2"[..]));
            assert_eq!(block.get(b"authorization"), Some(&b"Basic Q05SWQ=="[..]));
            assert_eq!(block.get(b"x-zz"), Some(&[0x00, 0xFF, 0xE9, b'~'][..]));
            assert_eq!(lines(&block).len(), 5);
        }
        assert!(unpacker.held() > 4 * ENTRY && unpacker.held() <= MAX_TABLE);
    }

    #[test]
    fn the_examples_of_the_standard_are_read() {
        // RFC 7541 appendix C.2.1: literal, remembered, not packed; C.2.2: not remembered; C.2.4: a static line.
        let mut unpacker = Unpacker::default();
        let block = unpacker.block(b"\x40\x0acustom-key\x0dcustom-header").unwrap();
        assert_eq!(lines(&block), [(&b"custom-key"[..], &b"custom-header"[..])]);
        assert_eq!(unpacker.held(), 55);
        let block = unpacker.block(b"\x04\x0c/sample/path\x82").unwrap();
        assert_eq!(lines(&block), [(&b":path"[..], &b"/sample/path"[..]), (b":method", b"GET")]);
        assert_eq!(unpacker.held(), 55);
    }

    #[test]
    fn the_table_shrinks_when_it_is_told_to_and_never_grows_beyond_its_bound() {
        let mut unpacker = Unpacker::default();
        for _ in 0..1000 {
            unpacker.block(b"\x40\x0acustom-key\x0dcustom-header").unwrap();
        }
        assert!(unpacker.held() <= MAX_TABLE);
        unpacker.block(&[0x20]).unwrap();
        assert_eq!(unpacker.held(), 0);
        assert_eq!(unpacker.block(&[0xBE]).err(), Some(WireError::Malformed("index")));
        // 2^28 and more octets of a table
        assert!(unpacker.block(&[0x3F, 0xFF, 0xFF, 0xFF, 0x7F]).is_err());
    }

    #[test]
    fn what_is_no_block_is_malformed() {
        for bad in [
            &[0x80][..],                                 // index 0
            &[0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], // an integer without an end
            &[0x40, 0x05, b'a'],                         // a name that ends early
            &[0x00, 0x84, 0xFF, 0xFF, 0xFF, 0xFF],       // the end of a string inside it (RFC 7541 section 5.2)
            &[0x00, 0x81, 0x00, 0x00],                   // filled with zeros
        ] {
            assert!(Unpacker::default().block(bad).is_err(), "{bad:?}");
        }
        // A short block that unpacks to more than anybody may send: the same long line again and again.
        let mut unpacker = Unpacker::default();
        let mut block = vec![0x40, 0x01, b'a', 0x7F, 0x81, 0x1F]; // a value of 4,096 octets
        block.extend([b'z'; 4096]);
        block.extend([0xBE; 64]);
        assert_eq!(unpacker.block(&block).err(), Some(WireError::Malformed("field section")));
    }
}
