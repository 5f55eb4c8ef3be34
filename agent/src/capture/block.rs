//! What the kernel writes into a block of a packet ring (linux/if_packet.h: `tpacket_block_desc`, `tpacket3_hdr`), in the
//! byte order of the machine.
//!
//! Keeps: octets and time of a frame, its length on the wire, its VLAN tag. Drops: hashes, checksum hints, who it was
//! addressed to.

/// Where the walk through a block is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    at: usize,
    left: u32,
}

/// One frame of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Nanoseconds since 1970.
    pub(super) stamp_ns: u64,
    /// Where its octets stand in the block.
    from: usize,
    kept: usize,
    /// Octets on the wire.
    pub(super) wire_octets: u32,
    /// The VLAN tag that the kernel took out: protocol and control information (IEEE 802.1Q, 9.3).
    pub(super) tag: Option<[u16; 2]>,
}

impl Cursor {
    /// At the first frame of a block.
    pub(super) fn first(block: &[u8]) -> Option<Cursor> {
        Some(Cursor { at: position(block, FIRST)?, left: number(block, COUNT)? })
    }

    /// The frame here; the cursor goes to the next one. `None` at the end, or where the block contradicts itself.
    pub(super) fn next(&mut self, block: &[u8]) -> Option<Entry> {
        self.left = self.left.checked_sub(1)?;
        let header = block.get(self.at..)?;
        self.at = self.at.checked_add(position(header, NEXT)?)?;
        let base = block.len().checked_sub(header.len())?;
        let status = number(header, STATUS)?;
        let tag = (status & VLAN_VALID != 0).then(|| {
            let protocol = if status & VLAN_PROTOCOL_VALID != 0 { short(header, VLAN_PROTOCOL) } else { None };
            let control = number(header, VLAN_CONTROL).and_then(|n| u16::try_from(n).ok());
            [protocol.unwrap_or(IEEE_802_1Q), control.unwrap_or(0)]
        });
        let (seconds, nanoseconds) = (u64::from(number(header, SECONDS)?), u64::from(number(header, NANOSECONDS)?));
        Some(Entry {
            stamp_ns: seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds),
            from: base.checked_add(usize::from(short(header, MAC)?))?,
            kept: position(header, KEPT)?,
            wire_octets: number(header, WIRE)?,
            tag,
        })
    }
}

impl Entry {
    /// Its octets.
    pub(super) fn octets<'b>(&self, block: &'b [u8]) -> &'b [u8] {
        let to = self.from.saturating_add(self.kept);
        block.get(self.from..to).unwrap_or_default()
    }
}

/// Puts a VLAN tag back behind the two addresses.
pub(super) fn tagged<'s>(octets: &[u8], tag: [u16; 2], space: &'s mut Vec<u8>) -> &'s [u8] {
    space.clear();
    let (addresses, rest) = octets.split_at_checked(ADDRESSES).unwrap_or((octets, &[]));
    space.extend_from_slice(addresses);
    space.extend(tag.iter().flat_map(|part| part.to_be_bytes()));
    space.extend_from_slice(rest);
    space
}

/// Octets of a tag.
pub(super) const TAG_OCTETS: u32 = 4;

fn number(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..)?.first_chunk().map(|four| u32::from_ne_bytes(*four))
}

fn short(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..)?.first_chunk().map(|two| u16::from_ne_bytes(*two))
}

fn position(octets: &[u8], at: usize) -> Option<usize> {
    usize::try_from(number(octets, at)?).ok()
}

/// `tpacket_block_desc`: version, offset to private, then `tpacket_hdr_v1`: status at 8, number of frames, first frame.
const COUNT: usize = 12;
const FIRST: usize = 16;
/// `tpacket3_hdr`.
const NEXT: usize = 0;
const SECONDS: usize = 4;
const NANOSECONDS: usize = 8;
const KEPT: usize = 12;
const WIRE: usize = 16;
const STATUS: usize = 20;
const MAC: usize = 24;
const VLAN_CONTROL: usize = 32;
const VLAN_PROTOCOL: usize = 36;
const VLAN_VALID: u32 = libc::TP_STATUS_VLAN_VALID;
const VLAN_PROTOCOL_VALID: u32 = libc::TP_STATUS_VLAN_TPID_VALID;
/// Two hardware addresses.
const ADDRESSES: usize = 12;
const IEEE_802_1Q: u16 = 0x8100;

#[cfg(test)]
mod tests {
    use super::*;

    /// A block of two frames, the second with a tag of VLAN 20.
    fn block() -> Vec<u8> {
        let mut block = vec![0u8; 48];
        block[COUNT..COUNT + 4].copy_from_slice(&2u32.to_ne_bytes());
        block[FIRST..FIRST + 4].copy_from_slice(&48u32.to_ne_bytes());
        for (status, octets) in [(1, b"first frame....."), (1 | VLAN_VALID | VLAN_PROTOCOL_VALID, b"aaaaaabbbbbb....")]
        {
            let mut header = Vec::new();
            header.extend(64u32.to_ne_bytes()); // next
            header.extend(1_700_000_000u32.to_ne_bytes()); // seconds
            header.extend(7u32.to_ne_bytes()); // nanoseconds
            header.extend(16u32.to_ne_bytes()); // kept
            header.extend(99u32.to_ne_bytes()); // on the wire
            header.extend(status.to_ne_bytes());
            header.extend(48u16.to_ne_bytes()); // where the octets begin
            header.extend([0; 6]); // network offset, hash
            header.extend(20u32.to_ne_bytes()); // control information
            header.extend(0x88a8u16.to_ne_bytes()); // protocol
            header.resize(48, 0);
            header.extend(octets);
            block.extend(header);
        }
        block
    }

    #[test]
    fn a_block_gives_its_frames_with_time_length_and_tag() {
        let block = block();
        let mut cursor = Cursor::first(&block).unwrap();
        let first = cursor.next(&block).unwrap();
        assert_eq!(first.octets(&block), b"first frame.....");
        assert_eq!((first.stamp_ns, first.wire_octets, first.tag), (1_700_000_000_000_000_007, 99, None));
        let second = cursor.next(&block).unwrap();
        assert_eq!(second.tag, Some([0x88a8, 20]));
        let mut space = Vec::new();
        assert_eq!(tagged(second.octets(&block), [0x88a8, 20], &mut space), b"aaaaaabbbbbb\x88\xa8\x00\x14....");
        assert_eq!(cursor.next(&block), None);
    }

    #[test]
    fn a_block_that_contradicts_itself_ends_early_and_stops_nothing() {
        let whole = block();
        for octet in 0..whole.len() {
            for changed in [0, 0x7f, 0xff] {
                let mut block = whole.clone();
                block[octet] = changed;
                for cut in [block.len(), octet] {
                    let Some(mut cursor) = Cursor::first(&block[..cut]) else { continue };
                    for _ in 0..5 {
                        let Some(entry) = cursor.next(&block[..cut]) else { break };
                        entry.octets(&block[..cut]);
                    }
                }
            }
        }
    }
}
