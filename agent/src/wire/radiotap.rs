//! What a radio puts before a frame that it heard: radiotap (radiotap.org, link type 127), Per-Packet Information
//! (CACE PPI 1.0.7, link type 192), and the older Prism (119) and AVS (163) headers.
//!
//! Keeps: signal in dBm, frequency in MHz, whether the frame ends in a checksum (FCS), whether that was wrong, whether
//! the 802.11 header is padded. Drops: rates, antennas, clocks, and everything of a vendor. Prism and AVS are passed
//! over by their length.

use super::WireError;
use super::reader::Reader;

/// Which header stands before the 802.11 frame: the link type of the capture says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RadioHeader {
    /// None: link type 105.
    None,
    /// Radiotap: link type 127.
    Radiotap,
    /// Per-Packet Information: link type 192.
    Ppi,
    /// Prism: link type 119 (which some drivers use for AVS, too).
    Prism,
    /// AVS: link type 163.
    Avs,
}

/// What the radio said of one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Radio {
    /// Signal at the antenna, in dBm (radiotap bit 5; PPI 802.11-common octet 18).
    pub signal: Option<i8>,
    /// What the radio listened to, in MHz (radiotap bit 3; PPI 802.11-common octets 12-13).
    pub frequency: Option<u16>,
    /// The frame ends in its FCS (radiotap flags 0x10; PPI flags 0x0001).
    pub checksum_included: bool,
    /// The FCS was wrong, or the header of the radio's own layer: the octets are noise (radiotap flags 0x40, receive flags
    /// 0x0002; PPI flags 0x0004). That an aggregate's mark between frames was wrong says nothing of the frame behind it.
    pub checksum_wrong: bool,
    /// There is no frame behind the header: an empty one of an aggregate (bit 20, flag 0x0002), or only its beginning was sent
    /// (bit 26).
    pub empty: bool,
    /// The 802.11 header is followed by zeros up to a multiple of 4 octets (radiotap flags 0x20).
    pub header_padded: bool,
}

impl Radio {
    /// What the radio said of the frame, and the frame.
    ///
    /// # Errors
    /// `Truncated` or `Malformed` where the header's own length or version is wrong. A field inside that cannot be read
    /// is not an error: the frame behind it is as good as before.
    pub fn read(octets: &[u8], header: RadioHeader) -> Result<(Radio, &[u8]), WireError> {
        match header {
            RadioHeader::None => Ok((Radio::default(), octets)),
            RadioHeader::Radiotap => radiotap(octets),
            RadioHeader::Ppi => per_packet_information(octets),
            RadioHeader::Prism | RadioHeader::Avs => passed_over(octets),
        }
    }
}

/// Octet 0 version, 2-3 length, from 4 words of presence bits, then the fields, each on its natural boundary.
fn radiotap(octets: &[u8]) -> Result<(Radio, &[u8]), WireError> {
    let mut r = Reader::new(octets);
    if r.u8("radiotap version")? != 0 {
        return Err(WireError::Malformed("radiotap version"));
    }
    r.take(1, "radiotap padding")?;
    let length = usize::from(r.u16_le("radiotap length")?);
    let (header, frame) = octets.split_at_checked(length).ok_or(WireError::Truncated("radiotap header"))?;
    let mut radio = Radio::default();
    let mut words = Reader::new(header);
    if words.take(PRESENCE, "radiotap length").is_ok() {
        // A field that ends early takes those behind it along, but not those before it.
        let _ = radiotap_fields(header.len(), words, &mut radio);
    }
    Ok((radio, frame))
}

/// `words` stands at the first word of presence bits.
fn radiotap_fields(length: usize, mut words: Reader<'_>, radio: &mut Radio) -> Result<(), WireError> {
    let mut fields = Fields { length, rest: words };
    for _ in 0..MAX_WORDS {
        if fields.rest.u32_le("radiotap presence")? & ANOTHER_WORD == 0 {
            break;
        }
    }
    let mut ours = true;
    for _ in 0..MAX_WORDS {
        let word = words.u32_le("radiotap presence")?;
        if ours {
            fields.of_word(word, radio)?;
        }
        if word & VENDOR_NEXT != 0 {
            // Octets 0-2 OUI, 3 kind, 4-5 how many octets of the vendor follow.
            fields.align(2)?;
            fields.rest.take(4, "radiotap vendor")?;
            let skip = usize::from(fields.rest.u16_le("radiotap vendor length")?);
            fields.rest.take(skip, "radiotap vendor data")?;
            ours = false;
        } else if word & OURS_NEXT != 0 {
            ours = true;
        } else if ours {
            // The next word would hold bits 32 and up, which nobody has defined.
            return Ok(());
        }
        if word & ANOTHER_WORD == 0 {
            return Ok(());
        }
    }
    Ok(())
}

/// Where the fields are read, and how long the whole header is: boundaries count from its beginning.
struct Fields<'a> {
    length: usize,
    rest: Reader<'a>,
}

impl Fields<'_> {
    /// The fields that one word of presence bits announces.
    fn of_word(&mut self, word: u32, radio: &mut Radio) -> Result<(), WireError> {
        let mut bits = word;
        for (bit, (boundary, size)) in FIELDS.iter().enumerate() {
            if bits & 1 != 0 {
                self.align(*boundary)?;
                let mut field = self.rest.sub(*size, "radiotap field")?;
                match bit {
                    BIT_FLAGS => {
                        let flags = field.u8("radiotap flags")?;
                        radio.checksum_included |= flags & 0x10 != 0;
                        radio.header_padded |= flags & 0x20 != 0;
                        radio.checksum_wrong |= flags & 0x40 != 0;
                    }
                    BIT_CHANNEL => radio.frequency = radio.frequency.or(Some(field.u16_le("radiotap frequency")?)),
                    // The first one is of all antennas together; those behind it are of one each.
                    BIT_SIGNAL => radio.signal = radio.signal.or(Some(field.u8("radiotap signal")?.cast_signed())),
                    BIT_RECEIVED => radio.checksum_wrong |= field.u16_le("radiotap receive flags")? & 0x0002 != 0,
                    BIT_AGGREGATE => {
                        field.take(4, "radiotap A-MPDU reference")?;
                        radio.empty |= field.u16_le("radiotap A-MPDU flags")? & 0x0002 != 0;
                    }
                    BIT_NO_BODY => radio.empty = true,
                    _ => {}
                }
            }
            bits >>= 1;
        }
        // Bit 28: what follows is no longer a list of fields.
        if bits & 1 != 0 { Err(WireError::Malformed("radiotap TLV")) } else { Ok(()) }
    }

    fn align(&mut self, boundary: usize) -> Result<(), WireError> {
        let read = self.length.saturating_sub(self.rest.left());
        let over = read.checked_rem(boundary).unwrap_or(0);
        if over > 0 {
            self.rest.take(boundary.saturating_sub(over), "radiotap boundary")?;
        }
        Ok(())
    }
}

/// Octet 0 version, 1 flags, 2-3 length, 4-7 link type of the frame, then fields of type, length, value.
fn per_packet_information(octets: &[u8]) -> Result<(Radio, &[u8]), WireError> {
    let mut r = Reader::new(octets);
    if r.u8("PPI version")? != 0 {
        return Err(WireError::Malformed("PPI version"));
    }
    let aligned = r.u8("PPI flags")? & 1 != 0;
    let length = usize::from(r.u16_le("PPI length")?);
    if r.u32_le("PPI link type")? != LINK_802_11 {
        return Err(WireError::Malformed("PPI link type"));
    }
    let (header, frame) = octets.split_at_checked(length).ok_or(WireError::Truncated("PPI header"))?;
    let mut radio = Radio::default();
    let mut fields = Reader::new(header);
    if fields.take(PPI_FIXED, "PPI length").is_ok() {
        let _ = ppi_fields(fields, aligned, &mut radio);
    }
    Ok((radio, frame))
}

fn ppi_fields(mut fields: Reader<'_>, aligned: bool, radio: &mut Radio) -> Result<(), WireError> {
    for _ in 0..MAX_FIELDS {
        let kind = fields.u16_le("PPI field type")?;
        let length = usize::from(fields.u16_le("PPI field length")?);
        let mut field = fields.sub(length, "PPI field")?;
        if aligned {
            let over = length % 4;
            let _ = fields.sub_at_most(if over == 0 { 0 } else { 4usize.saturating_sub(over) });
        }
        if kind == PPI_COMMON {
            field.take(8, "PPI clock")?;
            let flags = field.u16_le("PPI flags")?;
            field.take(2, "PPI rate")?;
            let frequency = field.u16_le("PPI frequency")?;
            field.take(4, "PPI channel flags and hopping")?;
            let signal = field.u8("PPI signal")?.cast_signed();
            radio.checksum_included = flags & 0x0001 != 0;
            radio.checksum_wrong = flags & 0x0004 != 0;
            radio.frequency = (frequency != 0).then_some(frequency);
            radio.signal = (signal != i8::MIN).then_some(signal);
        }
    }
    Ok(())
}

/// AVS: octets 0-3 cookie, 4-7 length, network order. Prism: 0-3 message, 4-7 length, in the order of the computer that
/// captured it.
fn passed_over(octets: &[u8]) -> Result<(Radio, &[u8]), WireError> {
    let mut r = Reader::new(octets);
    let cookie = r.u32("Prism or AVS message")?;
    let length: [u8; 4] = r.array("Prism or AVS length")?;
    let (network, little) = (u32::from_be_bytes(length), u32::from_le_bytes(length));
    let length = if cookie & AVS_MASK == AVS || network <= MAX_OLD_HEADER { network } else { little };
    if !(MIN_OLD_HEADER..=MAX_OLD_HEADER).contains(&length) {
        return Err(WireError::Malformed("Prism or AVS length"));
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let frame = octets.get(length..).ok_or(WireError::Truncated("Prism or AVS header"))?;
    Ok((Radio::default(), frame))
}

/// Its first two words.
const MIN_OLD_HEADER: u32 = 8;

/// Where the presence words of radiotap begin.
const PRESENCE: usize = 4;

/// Presence bit 31: one more word.
const ANOTHER_WORD: u32 = 1 << 31;

/// Presence bit 30: the next word belongs to a vendor.
const VENDOR_NEXT: u32 = 1 << 30;

/// Presence bit 29: the next word begins anew with radiotap's own fields.
const OURS_NEXT: u32 = 1 << 29;

/// Words of presence bits that are read: one an antenna and one for all; no radio has more than eight antennas.
const MAX_WORDS: usize = 16;

const BIT_FLAGS: usize = 1;
const BIT_CHANNEL: usize = 3;
const BIT_SIGNAL: usize = 5;
const BIT_RECEIVED: usize = 14;
const BIT_AGGREGATE: usize = 20;
const BIT_NO_BODY: usize = 26;

/// Boundary and size of the fields of bits 0-27 (radiotap.org, defined fields).
const FIELDS: &[(usize, usize)] = &[
    (8, 8),  // 0 clock
    (1, 1),  // 1 flags
    (1, 1),  // 2 rate
    (2, 4),  // 3 channel
    (2, 2),  // 4 hopping
    (1, 1),  // 5 signal, dBm
    (1, 1),  // 6 noise, dBm
    (2, 2),  // 7 lock quality
    (2, 2),  // 8 attenuation
    (2, 2),  // 9 attenuation, dB
    (1, 1),  // 10 power, dBm
    (1, 1),  // 11 antenna
    (1, 1),  // 12 signal, dB
    (1, 1),  // 13 noise, dB
    (2, 2),  // 14 receive flags
    (2, 2),  // 15 transmit flags
    (1, 1),  // 16 retries of RTS
    (1, 1),  // 17 retries of data
    (4, 8),  // 18 extended channel
    (1, 3),  // 19 MCS
    (4, 8),  // 20 A-MPDU
    (2, 12), // 21 VHT
    (8, 12), // 22 time stamp
    (2, 12), // 23 HE
    (2, 12), // 24 HE-MU
    (2, 6),  // 25 HE-MU of another
    (1, 1),  // 26 frame without a body
    (2, 4),  // 27 L-SIG
];

/// Octets of PPI's fixed part.
const PPI_FIXED: usize = 8;

/// The link type of 802.11.
const LINK_802_11: u32 = 105;

/// PPI field type: 802.11-common.
const PPI_COMMON: u16 = 2;

/// PPI fields that are read: eight kinds are defined, and one of several antennas may come a few times.
const MAX_FIELDS: usize = 32;

/// AVS cookie 0x80211001, 0x80211002.
const AVS: u32 = 0x8021_1000;
const AVS_MASK: u32 = 0xFFFF_FFF0;

/// Octets of a Prism (144) or AVS (64-84) header; more means that the length was read in the wrong order.
const MAX_OLD_HEADER: u32 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_radiotap_header_gives_signal_frequency_and_checksum() {
        let octets = [
            0x00, 0x00, // version, padding
            0x12, 0x00, // length 18
            0x2f, 0x00, 0x00, 0x00, // presence: clock, flags, rate, channel, signal
            0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, // clock
            0x10, 0x02, // (cut here on purpose: the length says 18)
            0xAA,
        ];
        let (radio, frame) = Radio::read(&octets, RadioHeader::Radiotap).unwrap();
        assert!(radio.checksum_included);
        assert_eq!(radio.frequency, None);
        assert_eq!(frame, &[0xAA]);
    }

    #[test]
    fn fields_stand_on_their_boundary() {
        let octets = [
            0x00, 0x00, 0x0f, 0x00, // version, padding, length 15
            0x2a, 0x00, 0x00, 0x00, // presence: flags, channel, signal
            0x50, 0x00, // flags: FCS at the end and wrong; one octet to the boundary of 2
            0x85, 0x09, 0xa0, 0x00, // 2437 MHz, channel flags
            0xd8, // -40 dBm
            0x80,
        ];
        let (radio, frame) = Radio::read(&octets, RadioHeader::Radiotap).unwrap();
        let wanted = Radio {
            signal: Some(-40),
            frequency: Some(2437),
            checksum_included: true,
            checksum_wrong: true,
            empty: false,
            header_padded: false,
        };
        assert_eq!(radio, wanted);
        assert_eq!(frame, &[0x80]);
    }

    #[test]
    fn a_frame_of_an_aggregate_is_heard_and_an_empty_or_a_broken_one_is_not() {
        let aggregate = |flags: u8| {
            let octets = [
                0x00, 0x00, 0x18, 0x00, // version, padding, length 24
                0x02, 0x40, 0x10, 0x00, // presence: flags, receive flags, A-MPDU
                0x10, 0x00, // flags: FCS at the end; one octet to the boundary of 2
                0x00, 0x00, // receive flags
                0x07, 0x00, 0x00, 0x00, // A-MPDU: reference
                flags, 0x00, // flags
                0x00, 0x00, // checksum of the mark, reserved
                0, 0, 0, 0,
            ];
            Radio::read(&octets, RadioHeader::Radiotap).unwrap().0
        };
        // The last one is known; the mark before it was wrong.
        assert!(!aggregate(0x0c).empty && !aggregate(0x10).checksum_wrong && aggregate(0x0c).checksum_included);
        assert!(aggregate(0x02).empty);
        let broken = [0, 0, 10, 0, 0x00, 0x40, 0, 0, 0x02, 0x00]; // receive flags: PLCP wrong
        assert!(Radio::read(&broken, RadioHeader::Radiotap).unwrap().0.checksum_wrong);
        let no_body = [0, 0, 9, 0, 0x00, 0x00, 0, 0x04, 0x00]; // sounding: no body
        assert!(Radio::read(&no_body, RadioHeader::Radiotap).unwrap().0.empty);
    }

    #[test]
    fn more_presence_words_and_a_vendor_in_between_are_passed_over() {
        let octets = [
            0x00, 0x00, 0x23, 0x00, // version, padding, length 35
            0x02, 0x00, 0x00, 0xc0, // flags; a vendor's word is next
            0xff, 0x00, 0x00, 0xa0, // the vendor's own bits; then radiotap's again
            0x20, 0x08, 0x00, 0xa0, // signal, antenna; radiotap's again
            0x20, 0x08, 0x00, 0x00, // signal, antenna
            0x00, 0x00, // flags, boundary of 2
            0x00, 0x11, 0x22, 0x00, 0x03, 0x00, // vendor, kind, 3 octets follow
            0xEE, 0xEE, 0xEE, // the vendor's
            0xc4, 0x00, // -60 dBm, antenna 0
            0xb0, 0x01, // -80 dBm, antenna 1
        ];
        let (radio, frame) = Radio::read(&octets, RadioHeader::Radiotap).unwrap();
        assert_eq!(radio.signal, Some(-60));
        assert!(frame.is_empty());
    }

    #[test]
    fn a_header_longer_than_the_capture_is_refused() {
        let octets = [0, 0, 40, 0, 0, 0, 0, 0];
        assert_eq!(Radio::read(&octets, RadioHeader::Radiotap), Err(WireError::Truncated("radiotap header")));
        assert_eq!(
            Radio::read(&[1, 0, 8, 0, 0, 0, 0, 0], RadioHeader::Radiotap),
            Err(WireError::Malformed("radiotap version"))
        );
    }

    #[test]
    fn per_packet_information_gives_the_same() {
        let mut octets = vec![
            0x00, 0x00, 0x20, 0x00, // version, flags, length 32
            0x69, 0x00, 0x00, 0x00, // link type 105
            0x02, 0x00, 0x14, 0x00, // 802.11-common, 20 octets
            0, 0, 0, 0, 0, 0, 0, 0, // clock
            0x05, 0x00, // FCS at the end, and wrong
            0x02, 0x00, // rate
            0x6c, 0x09, // 2412 MHz
            0xa0, 0x00, // channel flags
            0x00, 0x00, // hopping
            0xbf, 0xa0, // -65 dBm, noise -96 dBm
        ];
        octets.push(0x80);
        let (radio, frame) = Radio::read(&octets, RadioHeader::Ppi).unwrap();
        assert_eq!((radio.signal, radio.frequency), (Some(-65), Some(2412)));
        assert!(radio.checksum_included && radio.checksum_wrong);
        assert_eq!(frame, &[0x80]);
        octets[4] = 1;
        assert_eq!(Radio::read(&octets, RadioHeader::Ppi), Err(WireError::Malformed("PPI link type")));
    }

    #[test]
    fn prism_in_either_order_and_avs_are_passed_over() {
        let mut prism = vec![0x44, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0x80];
        assert_eq!(Radio::read(&prism, RadioHeader::Prism).unwrap().1, &[0x80]);
        prism[..8].copy_from_slice(&[0, 0, 0, 0x44, 0, 0, 0, 12]);
        assert_eq!(Radio::read(&prism, RadioHeader::Prism).unwrap().1, &[0x80]);
        prism[..8].copy_from_slice(&[0x80, 0x21, 0x10, 0x01, 0, 0, 0, 12]);
        assert_eq!(Radio::read(&prism, RadioHeader::Avs).unwrap().1, &[0x80]);
        prism[4] = 0xff;
        prism[7] = 0xff;
        assert!(Radio::read(&prism, RadioHeader::Avs).is_err());
    }
}
