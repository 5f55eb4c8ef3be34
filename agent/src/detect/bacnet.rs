//! Building automation: BACnet over IP (ASHRAE 135 annex J): heating, doors, and the ventilation of operating rooms.
//!
//! Keeps: that a station speaks it, whether it answers questions or routes between networks. Drops: everything else;
//! the kind of a message is all that is read.

use super::{Datagram, DatagramDetector, Ears};
use crate::wire::bacnet::{Kind, Message};
use auscult_report::fact::{Encryption, Fact, Login, Protocol};
use auscult_report::zone::Zone;

/// BACnet over IP.
pub const BACNET: DatagramDetector = DatagramDetector {
    name: "bacnet",
    version: 1,
    hears: "Messages of BACnet over IP from UDP port 47808: each station sends from the port at which it listens, so who \
            asks has the service too. A station that was only heard to speak of routes is named bacnet-npdu, one that \
            speaks of equipment bacnet-apdu. The protocol has no login: an answer was given to whoever asked. Stations \
            of a serial line behind a router stand under the router's address.",
    ports: &[PORT],
    listen,
};

fn listen(datagram: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    let Ok(message) = Message::read(datagram.payload) else { return false };
    if datagram.source_port != PORT {
        return true;
    }
    let is_to_many = ears.destination.address.is_multicast();
    let mut said = ears.from_server();
    said.protocol(match message {
        Message::Application(_) => Protocol::BacnetApdu,
        Message::Network => Protocol::BacnetNpdu,
        Message::Link { .. } | Message::Secured => Protocol::Bacnet,
    });
    match message {
        Message::Secured => said.service(Fact::Encryption(Encryption::Tls)),
        _ => said.service(Fact::Encryption(Encryption::None)),
    }
    match message {
        Message::Application(Kind::Answer) if !is_to_many => {
            said.answered();
            said.service(Fact::Login(Login::None));
        }
        // It was read and answered, if only by a no.
        Message::Application(Kind::Refusal) | Message::Link { is_answer: true } if !is_to_many => said.answered(),
        // What is told to one host outside was given to it; what is told to all neighbours was given to nobody.
        Message::Application(Kind::Told) if said.client.zone == Zone::Outside => said.answered(),
        _ => {}
    }
    true
}

/// Where every station listens: 0xBAC0.
const PORT: u16 = 47_808;

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, hear_datagram};
    use super::*;
    use crate::wire::bacnet::testing::{bvlc, i_am, read_property_answer};

    const CLEAR: Fact = Fact::Encryption(Encryption::None);

    #[test]
    fn a_station_that_says_who_it_is_has_the_service_and_answered_nobody() {
        assert_eq!(facts(&hear_datagram(&BACNET, PORT, PORT, &i_am())), [Fact::Protocol(Protocol::BacnetApdu), CLEAR]);
    }

    #[test]
    fn an_answer_is_given_to_whoever_asks_and_nothing_of_it_is_kept() {
        let heard = hear_datagram(&BACNET, PORT, 50_000, &read_property_answer());
        let wanted = [Fact::Protocol(Protocol::BacnetApdu), CLEAR, Fact::Answered, Fact::Login(Login::None)];
        assert_eq!(facts(&heard), wanted);
        assert!(!format!("{heard:?}").contains("ZZCANARY"));
    }

    #[test]
    fn a_router_is_told_from_equipment_and_a_question_from_elsewhere_says_nothing() {
        let router = bvlc(0x0b, &[1, 0x80, 1, 0, 5]);
        assert_eq!(facts(&hear_datagram(&BACNET, PORT, PORT, &router)), [Fact::Protocol(Protocol::BacnetNpdu), CLEAR]);
        assert_eq!(hear_datagram(&BACNET, 50_000, PORT, &i_am()), []);
        assert_eq!(hear_datagram(&BACNET, PORT, 50_000, b"\x01\x02 nothing of the sort"), []);
    }

    #[test]
    fn what_is_secured_is_not_called_readable() {
        let heard = facts(&hear_datagram(&BACNET, PORT, PORT, &bvlc(0x0c, &[7; 20])));
        assert_eq!(heard, [Fact::Protocol(Protocol::Bacnet), Fact::Encryption(Encryption::Tls)]);
    }
}
