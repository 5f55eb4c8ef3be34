//! Capture files: pcap in both byte orders with micro- and nanoseconds, and pcapng (draft-ietf-opsawg-pcap, -pcapng),
//! read by `pcap-parser`.
//!
//! Keeps: frames, their time, their link type. Drops: comments, names, decryption secrets and statistics of pcapng.
//! Memory is one buffer of [`BUFFER_OCTETS`], grown to [`MAX_RECORD_OCTETS`] for a longer record and never further.

use super::{Frame, Link};
use auscult_report::time::Timestamp;
use core::fmt;
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};
use std::io::Read;

/// A capture file that is being read.
pub struct CaptureFile<'r> {
    reader: Box<dyn PcapReaderIterator + Send + 'r>,
    buffer_octets: usize,
    /// Octets read so far, for messages and the progress bar.
    octet: u64,
    /// pcap: the one link type, and how many fractions make a millisecond.
    link: Link,
    fractions_per_ms: u32,
    /// pcapng: the interfaces of the section in hand.
    interfaces: Vec<Interface>,
    /// What the next record says of its length.
    lengths: Lengths,
}

impl<'r> CaptureFile<'r> {
    /// Looks at the beginning of `input`.
    ///
    /// # Errors
    /// What is wrong with it and what to try, if it is no capture file.
    pub fn open(input: impl Read + Send + 'r) -> Result<CaptureFile<'r>, FileError> {
        let reader =
            create_reader(BUFFER_OCTETS, Whole(input)).map_err(|e| FileError { octet: 0, fault: unusable(&e) })?;
        Ok(CaptureFile {
            reader,
            buffer_octets: BUFFER_OCTETS,
            octet: 0,
            link: Link::Other,
            fractions_per_ms: 1000,
            interfaces: Vec::new(),
            lengths: Lengths::Unknown,
        })
    }

    /// Gives every frame to `hear`, in the order of the file. Gives back how far the file could be read.
    pub fn each(&mut self, mut hear: impl FnMut(&Frame<'_>, u64)) -> End {
        let mut idle = 0u8;
        loop {
            // Before the parser adds to it: where a pointer has 32 bits the sum would not fit.
            if self.lengths.of_next(self.reader.data()).is_some_and(|octets| octets > MAX_RECORD_OCTETS) {
                return self.stopped(Fault::RecordTooLong);
            }
            let used = match self.reader.next() {
                Ok((used, block)) => {
                    let mut place = Place {
                        link: &mut self.link,
                        fractions_per_ms: &mut self.fractions_per_ms,
                        interfaces: &mut self.interfaces,
                        lengths: &mut self.lengths,
                    };
                    let octet = self.octet;
                    place.block(block, |frame| hear(frame, octet));
                    used
                }
                Err(PcapError::Eof) => return End::Whole,
                Err(PcapError::Incomplete(_)) => {
                    idle = idle.saturating_add(1);
                    if idle > MAX_IDLE_REFILLS || self.reader.refill().is_err() {
                        return self.stopped(Fault::Unreadable);
                    }
                    continue;
                }
                Err(PcapError::BufferTooSmall) => {
                    let wanted = self.buffer_octets.saturating_mul(2);
                    if wanted > MAX_RECORD_OCTETS {
                        return self.stopped(Fault::RecordTooLong);
                    }
                    self.buffer_octets = wanted;
                    if !self.reader.grow(wanted) || self.reader.refill().is_err() {
                        return self.stopped(Fault::Unreadable);
                    }
                    continue;
                }
                Err(PcapError::UnexpectedEof) => return self.stopped(Fault::EndsInARecord),
                Err(PcapError::ReadError) => return self.stopped(Fault::Unreadable),
                Err(_) => return self.stopped(Fault::Damaged),
            };
            idle = 0;
            // Nothing that the parser gives back is empty; if it were, this would be the only loop without an end.
            if used == 0 {
                return self.stopped(Fault::Damaged);
            }
            self.reader.consume_noshift(used);
            self.octet = self.octet.saturating_add(u64::try_from(used).unwrap_or(u64::MAX));
        }
    }

    fn stopped(&self, fault: Fault) -> End {
        End::Stopped(FileError { octet: self.octet, fault })
    }
}

/// How far a file could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// To its end.
    Whole,
    /// Up to the record that begins at this octet.
    Stopped(FileError),
}

/// Why a file cannot be read, or not further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileError {
    /// The octet of the file at which the trouble begins.
    pub octet: u64,
    /// The trouble.
    pub fault: Fault,
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It has no octets.
    Empty,
    /// It begins like no capture file.
    NotACapture,
    /// Its last record is not complete.
    EndsInARecord,
    /// A record contradicts its format.
    Damaged,
    /// A record is longer than any frame.
    RecordTooLong,
    /// The system could not read on.
    Unreadable,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octet = self.octet;
        match self.fault {
            Fault::Empty => {
                write!(f, "the file is empty: record something first, for example with `tcpdump -i INTERFACE -w FILE`")
            }
            Fault::NotACapture => write!(
                f,
                "octet 0: begins neither like pcap nor like pcapng; if it is compressed unpack it, if it comes from another tool convert it with `editcap -F pcapng IN OUT`"
            ),
            Fault::EndsInARecord => write!(
                f,
                "octet {octet}: the file ends inside a record, as when a recording was cut off; everything before it was read"
            ),
            Fault::Damaged => write!(
                f,
                "octet {octet}: the record contradicts its format; everything before it was read, `editcap IN OUT` may save the rest"
            ),
            Fault::RecordTooLong => write!(
                f,
                "octet {octet}: a record claims more than {MAX_RECORD_OCTETS} octets, which no frame has; everything before it was read, `editcap IN OUT` may save the rest"
            ),
            Fault::Unreadable => {
                write!(f, "octet {octet}: the system could not read on; check the disk or the pipe and try again")
            }
        }
    }
}

impl core::error::Error for FileError {}

/// Where a record says how long it is, and in which order of octets.
#[derive(Clone, Copy)]
enum Lengths {
    /// Nothing was read yet.
    Unknown,
    /// Octets 8 to 12 of a pcap record: captured length.
    Pcap { big_endian: bool },
    /// Octets 4 to 8 of a pcapng block: total length.
    Pcapng { big_endian: bool },
}

impl Lengths {
    /// What the record that begins here claims. `None` if not enough of it was read.
    fn of_next(self, octets: &[u8]) -> Option<usize> {
        let ([kind, length, third, ..], _) = octets.as_chunks::<4>() else { return None };
        let (length, big_endian) = match self {
            // A section has an order of its own.
            Lengths::Unknown | Lengths::Pcapng { .. } if *kind == SECTION => (length, *third == BIG_ENDIAN),
            Lengths::Unknown => return None,
            Lengths::Pcap { big_endian } => (third, big_endian),
            Lengths::Pcapng { big_endian } => (length, big_endian),
        };
        let length = if big_endian { u32::from_be_bytes(*length) } else { u32::from_le_bytes(*length) };
        Some(usize::try_from(length).unwrap_or(usize::MAX))
    }
}

/// How a section header block of pcapng begins, and its byte-order magic if the highest octet comes first.
const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const BIG_ENDIAN: [u8; 4] = [0x1a, 0x2b, 0x3c, 0x4d];

/// An interface of a pcapng section.
struct Interface {
    link: Link,
    /// Units of the time stamp in a second.
    resolution: u64,
    /// Seconds to be added.
    offset_s: i64,
}

/// What a block needs to be understood: borrowed apart from the reader that lends the block.
struct Place<'a> {
    link: &'a mut Link,
    fractions_per_ms: &'a mut u32,
    interfaces: &'a mut Vec<Interface>,
    lengths: &'a mut Lengths,
}

impl Place<'_> {
    fn block(&mut self, block: PcapBlockOwned<'_>, hear: impl FnOnce(&Frame<'_>)) {
        match block {
            PcapBlockOwned::LegacyHeader(h) => {
                *self.link = Link::from_number(u32::try_from(h.network.0).unwrap_or(u32::MAX));
                *self.fractions_per_ms = if h.is_nanosecond_precision() { 1_000_000 } else { 1000 };
                *self.lengths = Lengths::Pcap { big_endian: h.is_bigendian() };
            }
            PcapBlockOwned::Legacy(b) => {
                let fraction = b.ts_usec.checked_div(*self.fractions_per_ms).unwrap_or(0);
                let at = u64::from(b.ts_sec).saturating_mul(1000).saturating_add(u64::from(fraction));
                hear(&Frame {
                    at: Timestamp(at),
                    link: *self.link,
                    octets: b.data,
                    wire_octets: b.origlen,
                    domain: Some(0),
                });
            }
            PcapBlockOwned::NG(Block::SectionHeader(section)) => {
                self.interfaces.clear();
                *self.lengths = Lengths::Pcapng { big_endian: section.big_endian() };
            }
            PcapBlockOwned::NG(Block::InterfaceDescription(i)) => {
                if self.interfaces.len() < MAX_INTERFACES {
                    self.interfaces.push(Interface {
                        link: Link::from_number(u32::try_from(i.linktype.0).unwrap_or(u32::MAX)),
                        resolution: i.ts_resolution().filter(|r| *r > 0).unwrap_or(1_000_000),
                        offset_s: i.ts_offset(),
                    });
                }
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(b)) => {
                let interface = usize::try_from(b.if_id).ok().and_then(|n| self.interfaces.get(n));
                let stamp = (u64::from(b.ts_high) << 32) | u64::from(b.ts_low);
                let (link, at) = interface.map_or((Link::Other, 0), |i| (i.link, i.milliseconds(stamp)));
                let domain = u8::try_from(b.if_id).ok();
                hear(&Frame { at: Timestamp(at), link, octets: b.packet_data(), wire_octets: b.origlen, domain });
            }
            PcapBlockOwned::NG(Block::SimplePacket(b)) => {
                let link = self.interfaces.first().map_or(Link::Other, |i| i.link);
                let (octets, wire_octets) = (b.packet_data(), b.origlen);
                hear(&Frame { at: Timestamp(0), link, octets, wire_octets, domain: Some(0) });
            }
            PcapBlockOwned::NG(_) => {}
        }
    }
}

impl Interface {
    fn milliseconds(&self, stamp: u64) -> u64 {
        let ms = u128::from(stamp).saturating_mul(1000).checked_div(u128::from(self.resolution)).unwrap_or(0);
        let ms = i128::try_from(ms).unwrap_or(i128::MAX).saturating_add(i128::from(self.offset_s).saturating_mul(1000));
        u64::try_from(ms).unwrap_or(0)
    }
}

/// Fills the buffer as far as it goes at each read: a pipe gives a few octets at a time, and the parser's first look
/// takes what one read gives.
struct Whole<R>(R);

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        let mut filled = 0usize;
        while let Some(rest) = space.get_mut(filled..).filter(|r| !r.is_empty()) {
            match self.0.read(rest) {
                Ok(0) => break,
                Ok(n) => filled = filled.saturating_add(n),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return if filled > 0 { Ok(filled) } else { Err(e) },
            }
        }
        Ok(filled)
    }
}

/// Why the first look failed.
fn unusable(error: &PcapError<&[u8]>) -> Fault {
    match error {
        PcapError::Eof => Fault::Empty,
        PcapError::ReadError => Fault::Unreadable,
        _ => Fault::NotACapture,
    }
}

/// The buffer: a few hundred frames, so that one read of the system serves them all.
const BUFFER_OCTETS: usize = 256 * 1024;

/// The longest record: tcpdump's largest snap length is 256 KiB; a few blocks of pcapng (name resolution, secrets) are
/// longer.
const MAX_RECORD_OCTETS: usize = 4 * 1024 * 1024;

/// Interfaces of one pcapng section; a file with more has its frames of the others counted as not understood.
const MAX_INTERFACES: usize = 1024;

/// Refills without a block between them. Two are normal (the buffer's end, then the file's); a reader that asks for
/// ever is stopped.
const MAX_IDLE_REFILLS: u8 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// A pcap header in either byte order, then one record of `octets`.
    fn pcap(magic: u32, big: bool, link: u32, fraction: u32, octets: &[u8]) -> Vec<u8> {
        let u32_ = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let u16_ = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let length = u32::try_from(octets.len()).unwrap();
        let mut file = Vec::new();
        file.extend(u32_(magic)); // magic: 0xa1b2c3d4 microseconds, 0xa1b23c4d nanoseconds
        file.extend(u16_(2)); // major
        file.extend(u16_(4)); // minor
        file.extend(u32_(0)); // zone
        file.extend(u32_(0)); // accuracy
        file.extend(u32_(65535)); // snap length
        file.extend(u32_(link)); // link type
        file.extend(u32_(1_700_000_000)); // seconds
        file.extend(u32_(fraction)); // fraction
        file.extend(u32_(length)); // captured
        file.extend(u32_(length.saturating_add(5))); // on the wire
        file.extend(octets);
        file
    }

    type Seen = (u64, Link, Vec<u8>, u32);

    fn read(file: &[u8]) -> (Vec<Seen>, End) {
        let mut frames = Vec::new();
        let mut capture = CaptureFile::open(file).unwrap();
        let end = capture.each(|f, _| frames.push((f.at.0, f.link, f.octets.to_vec(), f.wire_octets)));
        (frames, end)
    }

    #[test]
    fn both_byte_orders_and_both_resolutions_give_the_same_frame() {
        let want = vec![(1_700_000_000_123, Link::Ethernet, b"frame".to_vec(), 10)];
        for (magic, fraction) in [(0xa1b2_c3d4, 123_456), (0xa1b2_3c4d, 123_456_789)] {
            for big in [false, true] {
                assert_eq!(read(&pcap(magic, big, 1, fraction, b"frame")), (want.clone(), End::Whole));
            }
        }
    }

    #[test]
    fn a_file_cut_in_its_last_record_is_read_up_to_there() {
        let mut file = pcap(0xa1b2_c3d4, false, 1, 0, b"frame");
        let second = pcap(0xa1b2_c3d4, false, 1, 0, b"another")[24..].to_vec();
        file.extend(&second[..second.len() - 3]);
        let (frames, end) = read(&file);
        assert_eq!(frames.len(), 1);
        assert_eq!(end, End::Stopped(FileError { octet: 45, fault: Fault::EndsInARecord }));
    }

    #[test]
    fn a_pipe_that_gives_one_octet_at_a_time_is_read_to_its_end() {
        struct Slow(Vec<u8>);
        impl Read for Slow {
            fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
                if self.0.is_empty() || space.is_empty() {
                    return Ok(0);
                }
                space[0] = self.0.remove(0);
                Ok(1)
            }
        }
        let mut count = 0;
        let end = CaptureFile::open(Slow(pcap(0xa1b2_c3d4, false, 1, 0, b"frame"))).unwrap().each(|_, _| count += 1);
        assert_eq!((count, end), (1, End::Whole));
    }

    #[test]
    fn what_is_no_capture_is_said_to_be_none() {
        assert_eq!(CaptureFile::open(&b""[..]).err().map(|e| e.fault), Some(Fault::Empty));
        assert_eq!(CaptureFile::open(&b"hello, this is text"[..]).err().map(|e| e.fault), Some(Fault::NotACapture));
    }

    #[test]
    fn a_record_that_claims_four_gigabytes_stops_the_reading() {
        let mut file = pcap(0xa1b2_c3d4, false, 1, 0, b"frame");
        let huge = 0xffff_fff0u32.to_le_bytes();
        file[32..36].copy_from_slice(&huge);
        file.extend(vec![0u8; 9 * 1024 * 1024]);
        let (frames, end) = read(&file);
        assert!(frames.is_empty());
        assert_eq!(end, End::Stopped(FileError { octet: 24, fault: Fault::RecordTooLong }));
    }

    #[test]
    fn a_block_that_claims_four_gigabytes_stops_the_reading_in_either_order_of_octets() {
        for big_endian in [false, true] {
            let number = |n: u32| if big_endian { n.to_be_bytes() } else { n.to_le_bytes() };
            // Section header: type, total length, byte-order magic, version 1.0, section length unknown, total length.
            let section = |length: u32| {
                let version = if big_endian { [0, 1, 0, 0] } else { [1, 0, 0, 0] };
                let magic = number(0x1a2b_3c4d);
                [SECTION, number(length), magic, version, [0xff; 4], [0xff; 4], number(length)].concat()
            };
            // A block of a kind that nobody knows: type, total length.
            let huge = [section(28), number(0xbad).to_vec(), number(0xffff_fffc).to_vec(), vec![0; 4_096]].concat();
            assert_eq!(read(&huge).1, End::Stopped(FileError { octet: 28, fault: Fault::RecordTooLong }));
            let again = [section(28), section(0xffff_fffc), vec![0; 4_096]].concat();
            assert_eq!(read(&again).1, End::Stopped(FileError { octet: 28, fault: Fault::RecordTooLong }));
            // And the very first one.
            let first = CaptureFile::open(&section(0xffff_fffc)[..]).map(|mut file| file.each(|_, _| {}));
            assert!(!matches!(first, Ok(End::Whole)));
        }
    }
}
