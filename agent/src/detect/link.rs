//! What is said directly on the link, to neighbours: who says it is known by hardware address, and perhaps by an address
//! that the message tells.
//!
//! A [`LinkDetector`] knows one protocol without IP; growing the sensor by one means one file and one line in
//! [`LINK_DETECTORS`].

use super::{End, Observation, Said, neighbours, netbeui};
use crate::wire::layers::Mac;
use auscult_report::subject::Transport;
use auscult_report::time::Timestamp;
use core::net::{IpAddr, Ipv6Addr};

/// One protocol directly on the link.
pub struct LinkDetector {
    /// Its name, stable.
    pub name: &'static str,
    /// Grows when its answer to the same octets may change.
    pub version: u16,
    /// One paragraph, as [`super::Detector::hears`].
    pub hears: &'static str,
    /// What says whose a message is ([`crate::wire::layers::LinkMessage::number`]); the port of its services.
    pub number: u16,
    /// Hears one message; true if it was of this protocol.
    pub listen: fn(&[u8], &mut OnLink<'_>) -> bool,
}

/// Who speaks on the link, and where observations go.
pub struct OnLink<'a> {
    /// When.
    pub at: Timestamp,
    /// Who sent it.
    pub source: Mac,
    /// To whom.
    pub destination: Option<Mac>,
    /// [`LinkDetector::number`].
    pub number: u16,
    /// Keys the hashes of things that are only counted.
    pub key: u64,
    /// The host of a hardware address, by the address that it told, if it told one.
    pub meet: &'a mut dyn FnMut(Option<IpAddr>, Mac) -> End,
    /// Where observations go.
    pub out: &'a mut dyn FnMut(Observation),
}

impl OnLink<'_> {
    /// The sender serves, or announces itself; `told` is the address that it says it has.
    pub fn from_server(&mut self, told: Option<IpAddr>) -> Said<'_> {
        let server = End { port: self.number, ..(self.meet)(told, self.source) };
        // Who hears an announcement is everybody on the same link.
        let one = self.destination.filter(|[first, ..]| first & 1 == 0);
        let client = one.map_or(server, |d| (self.meet)(None, d));
        Said { at: self.at, transport: Transport::Link, server, client, key: self.key, out: self.out }
    }
}

/// The address under which a host is listed of which only the hardware address is known: the link-local one that RFC
/// 4291 (appendix A) makes of it.
#[must_use]
pub const fn link_local(hardware: Mac) -> IpAddr {
    let [a, b, c, d, e, f] = hardware;
    IpAddr::V6(Ipv6Addr::from_octets([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f]))
}

/// What is understood directly on the link.
pub const LINK_DETECTORS: &[&LinkDetector] = &[&neighbours::LLDP, &neighbours::CDP, &netbeui::NETBEUI];

#[cfg(test)]
pub(crate) mod testing {
    //! For the unit tests of the detectors: one message from a home host.
    use super::*;
    use auscult_report::subject::HostId;
    use auscult_report::zone::Zone;

    /// Plays one message and gives back what was said, and the addresses that were told.
    pub(crate) fn hear_link(detector: &LinkDetector, message: &[u8]) -> (Vec<Observation>, Vec<Option<IpAddr>>) {
        let (mut heard, mut told) = (Vec::new(), Vec::new());
        let mut out = |o| heard.push(o);
        let mut meet = |address: Option<IpAddr>, hardware: Mac| {
            told.push(address);
            let address = address.unwrap_or(link_local(hardware));
            End {
                host: HostId(u64::from(hardware[5])),
                zone: Zone::SameSegment,
                address,
                port: 0,
                passage: crate::detect::Passage::Plain,
            }
        };
        let mut on_link = OnLink {
            at: Timestamp(1),
            source: [0, 0x1b, 0x0d, 0x20, 0, 1],
            destination: Some([0, 0x1b, 0x0d, 0x20, 0, 2]),
            number: detector.number,
            key: 7,
            meet: &mut meet,
            out: &mut out,
        };
        (detector.listen)(message, &mut on_link);
        (heard, told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hardware_address_makes_a_link_local_one() {
        assert_eq!(link_local([0x00, 0x1b, 0x0d, 0x20, 0x00, 0x62]).to_string(), "fe80::21b:dff:fe20:62");
    }
}
