//! Octets and when they were heard: frames, from a capture file or from interfaces. Both give the same [`Frame`]s.

mod block;
pub mod file;
mod filter;
pub mod interface;
pub mod kind;
mod portable;
mod ring;
pub mod several;
pub mod sight;

use auscult_report::time::Timestamp;

/// One frame, as far as the capture kept it.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// When it was heard, by the clock of who captured it.
    pub at: Timestamp,
    /// What its first header is.
    pub link: Link,
    /// Its octets, as far as they were kept.
    pub octets: &'a [u8],
    /// How many octets it had on the wire.
    pub wire_octets: u32,
    /// The number of the interface that heard it, where that and the VLAN in the frame name one broadcast domain: none where the way
    /// of hearing loses the tags.
    pub domain: Option<u8>,
}

/// The link types that are understood (tcpdump.org/linktypes.html).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// 1: Ethernet.
    Ethernet,
    /// 113: Linux cooked, version 1.
    LinuxCooked,
    /// 276: Linux cooked, version 2.
    LinuxCooked2,
    /// 12, 14, 101, 228, 229: an IP header at once.
    RawIp,
    /// 0, 108: BSD loopback, four octets of address family.
    Loopback,
    /// 9, 50: PPP, with or without its HDLC address.
    Ppp,
    /// 105: 802.11.
    Ieee80211,
    /// 127: 802.11 behind a radiotap header.
    Radiotap,
    /// 192: 802.11 (or another) behind a PPI header.
    Ppi,
    /// 119: 802.11 behind a Prism header (or one of AVS: drivers differ).
    Prism,
    /// 163: 802.11 behind an AVS header.
    Avs,
    /// 104: Cisco's HDLC, two octets and an EtherType.
    CiscoHdlc,
    /// Any other: counted.
    Other,
}

impl Link {
    /// From the number in a capture file; its upper bits hold the length of a frame check sequence.
    #[must_use]
    pub const fn from_number(number: u32) -> Link {
        match number & 0xffff {
            1 => Link::Ethernet,
            113 => Link::LinuxCooked,
            276 => Link::LinuxCooked2,
            12 | 14 | 101 | 228 | 229 => Link::RawIp,
            0 | 108 => Link::Loopback,
            9 | 50 => Link::Ppp,
            105 => Link::Ieee80211,
            127 => Link::Radiotap,
            192 => Link::Ppi,
            119 => Link::Prism,
            163 => Link::Avs,
            104 => Link::CiscoHdlc,
            _ => Link::Other,
        }
    }

    /// From the number that Linux gives to the kind of an interface (linux/if_arp.h).
    const fn from_hardware(number: u16) -> Link {
        match number {
            // Ethernet, loopback
            1 | 772 => Link::Ethernet,
            // PPP (its header is taken off before), tunnels over IPv4, IPv6 and both, raw IP, none
            512 | 768 | 769 | 776 | 519 | 65534 => Link::RawIp,
            801 => Link::Ieee80211,
            802 => Link::Prism,
            803 => Link::Radiotap,
            _ => Link::Other,
        }
    }
}
