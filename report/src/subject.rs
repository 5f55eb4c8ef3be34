//! What a fact is about: the sensor, the site, a host, a service of a host, a wireless network.
//! Keeps: a pseudonym for a host, a port, a BSSID. Drops: host names, addresses of strangers.

use serde::{Deserialize, Serialize};

/// A host by pseudonym: eight octets of a hash keyed with a key that stays on the sensor.
///
/// The same host keeps its pseudonym on the same sensor; two sensors give different ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HostId(pub u64);

/// The octets of an access point's radio address (IEEE 802.11, 9.2.4.3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bssid(pub [u8; 6]);

words! {
    /// The protocol below a service.
    Transport {
        Tcp = "tcp",
        Udp = "udp",
        /// Directly on the link, to neighbours: the port is the EtherType (LLDP: 0x88CC), the number behind SNAP (CDP:
        /// 0x2000) or the service access point (NetBIOS: 0xF0).
        Link = "link",
    }
}

/// What a fact is about. Variants are only ever appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subject {
    /// The sensor itself.
    Sensor,
    /// The place that it listens to.
    Site,
    /// A host.
    Host(HostId),
    /// A service: who answers or announces itself, over what, on which port.
    Service(HostId, Transport, u16),
    /// A wireless network, by the radio that announces it.
    Wireless(Bssid),
}
