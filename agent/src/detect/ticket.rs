//! Kerberos: that a host is a key distribution centre, and how logins to it end (RFC 4120).
//!
//! Keeps: kinds of messages. Drops: realms, names, tickets.

use super::{Datagram, DatagramDetector, Detector, Ears, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::WireError;
use crate::wire::kerberos::{self, Message};
use auscult_report::fact::{Fact, Login, Protocol};

/// Kerberos over TCP, on any port.
pub const KERBEROS: Detector =
    Detector { name: "kerberos", version: 1, hears: HEARS, sniff, start: || Box::new(Tickets::default()) };

/// Kerberos over UDP.
pub const KERBEROS_DATAGRAM: DatagramDetector =
    DatagramDetector { name: "kerberos-datagram", version: 1, hears: HEARS, ports: &[88], listen };

const HEARS: &str = "Requests for tickets and the answers to them. A ticket is a login that succeeded; a wrong password, a name \
    that nobody has, a locked or an expired account is one that was refused; that more is wanted before is neither. The same \
    user asks many times a day, so counts are not people. Realms, names and tickets are never read.";

fn sniff(opening: &Opening<'_>) -> Verdict {
    let heard = [(opening.client, true), (opening.server, false)].map(|(octets, client)| {
        if octets.is_empty() {
            return None;
        }
        match kerberos::record(octets).and_then(|_| Message::read(octets.get(4..).unwrap_or_default())) {
            Ok(Message::LoginRequest | Message::TicketRequest) => Some(if client { Verdict::Yes } else { Verdict::No }),
            Ok(_) => Some(if client { Verdict::No } else { Verdict::Yes }),
            Err(WireError::Truncated(_)) => Some(Verdict::Unsure),
            Err(WireError::Malformed(_)) => Some(Verdict::No),
        }
    });
    match heard {
        [Some(Verdict::No), _] | [_, Some(Verdict::No)] => Verdict::No,
        [Some(Verdict::Yes), _] | [_, Some(Verdict::Yes)] => Verdict::Yes,
        _ => Verdict::Unsure,
    }
}

/// Follows one conversation.
#[derive(Default)]
struct Tickets {
    answered: bool,
}

impl Listener for Tickets {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if talk.client.torn() | talk.server.torn() {
            return Interest::Done;
        }
        // Bounded: each round takes a message.
        while let Some(request) = next(talk.client) {
            if request.is_err() {
                return Interest::Done;
            }
        }
        while let Some(reply) = next(talk.server) {
            let Ok(reply) = reply else { return Interest::Done };
            if !answer(reply, !core::mem::replace(&mut self.answered, true), said) {
                return Interest::Done;
            }
        }
        Interest::More
    }
}

/// The next message of a side; the rest of it is passed over.
fn next(head: &mut Head) -> Option<Result<Message, WireError>> {
    if head.octets().is_empty() {
        return None;
    }
    let length = match kerberos::record(head.octets()) {
        Ok(length) => length,
        Err(WireError::Truncated(_)) => return None,
        Err(e) => return Some(Err(e)),
    };
    let end = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(4);
    let octets = head.octets();
    match Message::read(octets.get(4..end.min(octets.len())).unwrap_or_default()) {
        Err(WireError::Truncated(_)) if octets.len() < end.min(BEGINNING) => None,
        other => {
            head.skip(u64::from(length).saturating_add(4));
            Some(other)
        }
    }
}

fn listen(datagram: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    let Ok(message) = Message::read(datagram.payload) else { return false };
    if datagram.source_port == PORT {
        answer(message, true, &mut ears.from_server());
    }
    true
}

/// What an answer says; false if only clients say such a thing.
fn answer(message: Message, first: bool, said: &mut Said<'_>) -> bool {
    let login = match message {
        Message::LoginRequest | Message::TicketRequest => return false,
        Message::LoginReply | Message::TicketReply => Some(Login::Used),
        Message::Error(code) if REFUSALS.contains(&code) => Some(Login::Refused),
        Message::Error(_) => None,
    };
    if first {
        said.protocol(Protocol::Kerberos);
        said.answered();
    }
    if let Some(login) = login {
        said.service(Fact::Login(login));
    }
    true
}

const PORT: u16 = 88;

/// Octets of a message in which its kind, and the code of an error, must stand.
const BEGINNING: usize = 1024;

/// Errors that turn somebody away (RFC 4120 section 7.5.9): no such client (6), locked (18), expired (1, 23), wrong password
/// (24), policy (12).
const REFUSALS: &[u32] = &[1, 6, 12, 18, 23, 24];

#[cfg(test)]
mod tests {
    use super::super::testing::Says::{Client, Server};
    use super::super::testing::{facts, hear, hear_datagram};
    use super::*;
    use crate::wire::kerberos::tests::{error, message};

    fn record(message: &[u8]) -> Vec<u8> {
        [&u32::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
    }

    #[test]
    fn a_login_that_needs_a_second_try_is_one_that_succeeded() {
        for piece in [1, 9, 1000] {
            let heard = hear(
                &KERBEROS,
                88,
                piece,
                &[
                    Client(&record(&message(10))),
                    Server(&record(&error(25))),
                    Client(&record(&message(10))),
                    Server(&record(&message(11))),
                ],
            );
            let said = facts(&heard);
            assert_eq!(
                said,
                [Fact::Protocol(Protocol::Kerberos), Fact::Answered, Fact::OutsideNetwork, Fact::Login(Login::Used)]
            );
            assert!(!format!("{heard:?}").contains("zzcanary"));
        }
    }

    #[test]
    fn a_wrong_password_is_a_refusal_over_udp_too() {
        let said = facts(&hear_datagram(&KERBEROS_DATAGRAM, 88, 4000, &error(24)));
        assert_eq!(said, [Fact::Protocol(Protocol::Kerberos), Fact::Answered, Fact::Login(Login::Refused)]);
        assert_eq!(hear_datagram(&KERBEROS_DATAGRAM, 4000, 88, &message(10)), []);
        assert_eq!(hear_datagram(&KERBEROS_DATAGRAM, 88, 4000, &message(10)), [], "a server does not ask");
    }

    #[test]
    fn other_protocols_are_not_taken() {
        for octets in
            [&b"GET / HTTP/1.1\r\n"[..], b"\x00\x00\x00\x40\xfeSMB", b"\x16\x03\x01\x02\x00", &[0, 0, 1, 0, 0x30, 0x0C]]
        {
            assert_eq!(sniff(&Opening { client: octets, server: b"", server_port: 88 }), Verdict::No, "{octets:?}");
        }
    }
}
