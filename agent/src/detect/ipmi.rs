//! Who can switch a machine on and off from outside of it: IPMI 1.5 and 2.0.
//!
//! Keeps: nothing between datagrams. Drops: names of users, codes, commands and what they give, the console.

use super::{Datagram, DatagramDetector, Ears, Said};
use crate::wire::ipmi::{Message, Session};
use auscult_report::fact::{Encryption, Fact, Login, Protocol};

/// IPMI.
pub const IPMI: DatagramDetector = DatagramDetector {
    name: "ipmi",
    version: 1,
    hears: "Answers from port 623 whose sums, lengths and codes are IPMI's: which kinds of authentication the machine takes, how \
            sessions begin, that they go on. Login none is a session that was opened without any code, or the machine's own \
            word that it needs none or has a user without name and password: whether that user may do anything is not told. \
            A session of version 2.0 that is encrypted is called partly so: its beginning is readable and gives away what \
            a password can be guessed with. A ping of ASF alone makes no service. Names and contents are never read.",
    ports: &[PORT],
    listen,
};

fn listen(datagram: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    let Ok(message) = Message::read(datagram.payload) else { return false };
    if datagram.source_port != PORT {
        return true;
    }
    let is_between_ports = datagram.destination_port == PORT;
    let mut said = ears.from_server();
    let login = match message {
        Message::Other | Message::Question => return true,
        // Some clients send from the same port: then nothing tells who serves.
        Message::Sealed { .. } if is_between_ports => return true,
        Message::Sealed { encrypted } => {
            let encryption = if encrypted { Encryption::Partly } else { Encryption::None };
            return answered(&mut said, Some(encryption));
        }
        Message::Answer(Session::Open) => return answered(&mut said, Some(Encryption::None)),
        Message::Answer(Session::None) | Message::Opening { goes_on: true } => return answered(&mut said, None),
        Message::Capabilities { without: false, anonymous: false } => return answered(&mut said, None),
        Message::Capabilities { .. } => Login::None,
        Message::Activated { done: true, authenticated } | Message::Opened { done: true, authenticated } => {
            if !authenticated {
                said.service(Fact::DataServed);
            }
            if authenticated { Login::Used } else { Login::None }
        }
        Message::Activated { done: false, .. } | Message::Opened { done: false, .. } | Message::Opening { .. } => {
            Login::Refused
        }
    };
    said.service(Fact::Login(login));
    answered(&mut said, None)
}

fn answered(said: &mut Said<'_>, encryption: Option<Encryption>) -> bool {
    said.protocol(Protocol::Ipmi);
    said.answered();
    if let Some(encryption) = encryption {
        said.service(Fact::Encryption(encryption));
    }
    true
}

/// The primary port of RMCP.
const PORT: u16 = 623;

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, hear_datagram};
    use super::*;
    use crate::wire::ipmi::tests::{capabilities, new, old, opened, summed};

    /// What is said of an answer to a client, besides that there is one.
    fn said_of(answer: &[u8]) -> Vec<Fact> {
        let heard = hear_datagram(&IPMI, PORT, 50_000, answer);
        let said = facts(&heard);
        assert!(said.contains(&Fact::Protocol(Protocol::Ipmi)) && said.contains(&Fact::Answered), "{said:?}");
        said.into_iter().filter(|f| !matches!(f, Fact::Protocol(_) | Fact::Answered)).collect()
    }

    #[test]
    fn a_machine_says_whether_it_needs_an_identity() {
        assert_eq!(said_of(&capabilities(0x84, 0x06)), []);
        assert_eq!(said_of(&capabilities(0x85, 0x06)), [Fact::Login(Login::None)]);
        assert_eq!(said_of(&capabilities(0x84, 0x07)), [Fact::Login(Login::None)]);
    }

    #[test]
    fn a_session_without_a_code_gives_the_machine_away() {
        assert_eq!(said_of(&opened(0, 0)), [Fact::DataServed, Fact::Login(Login::None)]);
        assert_eq!(said_of(&opened(0, 12)), [Fact::Login(Login::Used)]);
        assert_eq!(said_of(&opened(0x0F, 0)), [Fact::Login(Login::Refused)]);
        assert_eq!(said_of(&new(0x13, 0, &[0, 0x0D, 0, 0, 1, 2, 3, 4])), [Fact::Login(Login::Refused)]);
    }

    #[test]
    fn a_session_is_readable_or_partly_encrypted() {
        let readable = old(2, 9, &summed([0x81, 0x1C], &[0x20, 4, 0x01, 0, 0x20, 1]));
        assert_eq!(said_of(&readable), [Fact::Encryption(Encryption::None)]);
        let sealed = [new(0xC0, 9, &[0x55; 16]), vec![0xFF, 0xFF, 2, 7], vec![0xAA; 12]].concat();
        assert_eq!(said_of(&sealed), [Fact::Encryption(Encryption::Partly)]);
        assert_eq!(hear_datagram(&IPMI, PORT, PORT, &sealed), [], "nobody knows who serves");
    }

    #[test]
    fn questions_pings_and_other_octets_make_no_service() {
        let question = old(0, 0, &summed([0x20, 0x18], &[0x81, 0, 0x38, 0x8E, 4]));
        for (source, octets) in [
            (50_000, &question[..]),
            (50_000, &capabilities(0x15, 7)),
            (PORT, &question),
            (PORT, &[6, 0, 0xFF, 6, 0, 0, 0x11, 0xBE, 0x40, 0, 0, 0]), // a pong
            (PORT, b"nothing of the sort"),
        ] {
            assert_eq!(
                hear_datagram(&IPMI, source, if source == PORT { 50_000 } else { PORT }, octets),
                [],
                "{octets:?}"
            );
        }
    }
}
