//! Ports that a host opens in the clinic's firewall by itself: NAT-PMP and PCP here, UPnP's `AddPortMapping` where the web
//! is heard ([`super::web_answer`]).
//!
//! Keeps: that a mapping was granted, to whom. Drops: the ports, the words that describe the mapping.

use super::web_text::{contains, ends_with};
use super::{Datagram, DatagramDetector, Ears};
use crate::wire::natpmp::Message;
use auscult_report::fact::{Encryption, Fact, Protocol, Role};

/// NAT-PMP and PCP.
pub const NATPMP: DatagramDetector = DatagramDetector {
    name: "nat-pmp",
    version: 1,
    hears: "Answers of a router on UDP port 5351 (NAT-PMP, PCP). One without an error and with a lifetime grants a port \
            to the host that asked, which from then on can be called from outside; whether anybody calls is another \
            matter. Games and telephony programs ask for ports as well. Which port it is, is not kept.",
    ports: &[PORT],
    listen,
};

fn listen(datagram: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    let Ok(message) = Message::read(datagram.payload) else { return false };
    // Announcements to everybody grant nothing to anybody.
    if datagram.source_port != PORT || !message.is_answer || ears.destination.address.is_multicast() {
        return true;
    }
    let mut said = ears.from_server();
    said.protocol(if message.is_pcp { Protocol::Pcp } else { Protocol::NatPmp });
    said.answered();
    said.service(Fact::Encryption(Encryption::None));
    if message.grants {
        said.server_host(Fact::Role(Role::Router));
        said.client_host(Fact::PortMapped);
    }
    true
}

/// Whether a `SOAPAction` asks an internet gateway for a port (UPnP WANIPConnection:2 sections 2.5.16, 2.5.22):
/// `"urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping"`.
pub(super) fn asks_for_port(action: &[u8]) -> bool {
    let action = action.strip_prefix(b"\"").unwrap_or(action);
    let action = action.strip_suffix(b"\"").unwrap_or(action);
    let is_gateway = GATEWAYS.iter().any(|g| contains(action, g));
    is_gateway && (ends_with(action, b"#AddPortMapping") || ends_with(action, b"#AddAnyPortMapping"))
}

/// Services of a gateway that map ports.
const GATEWAYS: &[&[u8]] = &[b":service:wanipconnection:", b":service:wanpppconnection:"];

/// Where a router listens.
const PORT: u16 = 5_351;

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, hear_datagram};
    use super::*;
    use crate::wire::natpmp::testing::{natpmp, pcp};
    use auscult_report::subject::{HostId, Subject};

    #[test]
    fn a_granted_port_is_said_of_the_host_that_asked() {
        for (answer, protocol) in [(natpmp(0, 14), Protocol::NatPmp), (pcp(0, 14), Protocol::Pcp)] {
            let heard = hear_datagram(&NATPMP, PORT, 50_000, &answer);
            assert_eq!(facts(&heard)[..2], [Fact::Protocol(protocol), Fact::Answered]);
            let mapped: Vec<_> = heard.iter().filter(|o| o.fact == Fact::PortMapped).map(|o| o.subject).collect();
            assert_eq!(mapped, [Subject::Host(HostId(2))]);
        }
    }

    #[test]
    fn a_refusal_a_question_and_strange_octets_map_nothing() {
        for answer in [natpmp(2, 14), pcp(8, 14), natpmp(0, 0)] {
            assert!(!facts(&hear_datagram(&NATPMP, PORT, 50_000, &answer)).contains(&Fact::PortMapped));
        }
        assert_eq!(hear_datagram(&NATPMP, 50_000, PORT, &[0, 0]), []);
        assert_eq!(hear_datagram(&NATPMP, PORT, 50_000, b"nothing of the sort"), []);
    }

    #[test]
    fn only_a_gateway_is_asked_for_a_port() {
        assert!(asks_for_port(b"\"urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping\""));
        assert!(asks_for_port(b"urn:schemas-upnp-org:service:WANIPConnection:2#AddAnyPortMapping"));
        assert!(asks_for_port(b"\"urn:schemas-upnp-org:service:WANPPPConnection:1#AddPortMapping\""));
        for action in [
            &b"\"urn:schemas-upnp-org:service:WANIPConnection:1#DeletePortMapping\""[..],
            b"\"urn:schemas-upnp-org:service:WANIPConnection:1#GetExternalIPAddress\"",
            b"\"urn:example:service:Printer:1#AddPortMapping\"",
            b"",
        ] {
            assert!(!asks_for_port(action));
        }
    }
}
