//! What equipment tells its neighbour on the cable: LLDP (IEEE 802.1AB) and Cisco's own protocol. So the sensor learns
//! which switch it hangs on, in which VLAN, and what runs there.
//!
//! Keeps: the kind of the equipment, product and version of its description if listed, the VLAN of its port. Drops: its
//! name, its ports, its place; its address only names the host.

use super::link::{LinkDetector, OnLink};
use super::management::describe;
use crate::wire::cdp;
use crate::wire::lldp::Neighbour;
use auscult_report::fact::{Fact, Protocol, Role};

/// The Link Layer Discovery Protocol.
pub const LLDP: LinkDetector = LinkDetector {
    name: "lldp",
    version: 1,
    hears: "Announcements of switches, routers, access points and telephones to the next piece of equipment (IEEE \
            802.1AB): what they do, product and version of their description if listed, the VLAN of the port. Switches \
            do not pass them on, so on a mirrored port they tell of the switch itself. Anybody can send them: they are \
            one sign of several. A computer with a bridge for its virtual machines looks like a switch.",
    number: 0x88cc,
    listen: |message, on_link| {
        let Ok(neighbour) = Neighbour::read(message) else { return false };
        tell(&neighbour, Protocol::Lldp, on_link);
        true
    },
};

/// The Cisco Discovery Protocol.
pub const CDP: LinkDetector = LinkDetector {
    name: "cdp",
    version: 1,
    hears: "The same as LLDP in Cisco's own protocol, which its switches, routers and telephones send unless they were \
            told not to; also switches of other makers and virtual ones. Names and serial numbers are passed over.",
    number: 0x2000,
    listen: |message, on_link| {
        let Ok(neighbour) = cdp::read(message) else { return false };
        tell(&neighbour, Protocol::Cdp, on_link);
        true
    },
};

fn tell(neighbour: &Neighbour<'_>, protocol: Protocol, on_link: &mut OnLink<'_>) {
    let mut said = on_link.from_server(neighbour.address);
    said.protocol(protocol);
    describe(neighbour.description, &mut said);
    // A telephone has a port for the computer on the desk, a router has ports: the rarest of what it does names it.
    let roles = [
        (neighbour.is_telephone, Role::Phone),
        (neighbour.is_access_point, Role::AccessPoint),
        (neighbour.is_router, Role::Router),
        (neighbour.is_bridge, Role::Switch),
    ];
    if let Some((_, role)) = roles.iter().find(|(does, _)| *does) {
        said.server_host(Fact::Role(*role));
    }
    if let Some(vlan) = neighbour.port_vlan {
        said.server_host(Fact::PortVlan(vlan));
    }
}

#[cfg(test)]
mod tests {
    use super::super::link::testing::hear_link;
    use super::super::testing::facts;
    use super::*;
    use crate::wire::{cdp, lldp};
    use auscult_report::subject::{HostId, Subject, Transport};
    use auscult_report::version::Version;

    const IOS: &[u8] =
        b"Cisco IOS Software, C2960 Software (C2960-LANBASEK9-M), Version 12.2(55)SE7, RELEASE SOFTWARE (fc1)";

    #[test]
    fn a_switch_is_a_service_on_the_link_with_its_software_and_its_vlan() {
        let of_lldp = hear_link(&LLDP, &lldp::testing::message(0x0004, IOS, [192, 168, 20, 62]));
        let of_cdp = hear_link(&CDP, &cdp::testing::message(0x28, IOS, [192, 168, 20, 62]));
        for ((heard, told), protocol, number) in [(of_lldp, Protocol::Lldp, 0x88cc), (of_cdp, Protocol::Cdp, 0x2000)] {
            assert_eq!(told.first(), Some(&Some([192, 168, 20, 62].into())));
            assert_eq!(heard[0].subject, Subject::Service(HostId(1), Transport::Link, number));
            let facts = facts(&heard);
            assert_eq!(facts[0], Fact::Protocol(protocol));
            assert!(facts.iter().any(|f| matches!(f, Fact::Software(s)
                if s.product.name() == "Cisco IOS" && s.version == Version::exact(b"12.2"))));
            assert_eq!(facts[2..], [Fact::Role(Role::Switch), Fact::PortVlan(20)]);
            assert!(!format!("{heard:?}").to_lowercase().contains("zzcanary"));
        }
    }

    #[test]
    fn the_rarest_of_what_it_does_names_a_piece_of_equipment() {
        for (does, role) in [(0x0024, Role::Phone), (0x000c, Role::AccessPoint), (0x0014, Role::Router)] {
            let (heard, _) = hear_link(&LLDP, &lldp::testing::message(does, b"", [10, 0, 0, 1]));
            assert!(facts(&heard).contains(&Fact::Role(role)), "{does:#x}");
        }
        let (station, _) = hear_link(&LLDP, &lldp::testing::message(0x0080, b"", [10, 0, 0, 1]));
        assert_eq!(facts(&station), [Fact::Protocol(Protocol::Lldp), Fact::PortVlan(20)]);
    }

    #[test]
    fn what_is_no_announcement_says_nothing() {
        assert!(hear_link(&LLDP, b"\x00\x00 nothing").0.is_empty());
        assert!(hear_link(&CDP, b"\x09\x00 nothing").0.is_empty());
    }
}
