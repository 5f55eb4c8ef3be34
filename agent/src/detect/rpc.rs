//! Remote procedure calls: the port mapper and NFS, over TCP and UDP (RFC 5531, RFC 1833, RFC 1813, RFC 7530).
//!
//! Keeps: of at most [`MAX_CALLS`] calls that wait for their answers what they are for. Drops: names of machines and users,
//! paths, handles, contents: they are passed over.

use super::{Datagram, DatagramDetector, Detector, Ears, End, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::WireError;
use crate::wire::onc_rpc::{Asks, Call, Mark, Message, Outcome, Program, Reply};
use auscult_report::fact::{Encryption, Fact, Login, Protocol};
use core::net::IpAddr;
use std::collections::VecDeque;

/// RPC over TCP, on any port.
pub const RPC: Detector =
    Detector { name: "onc-rpc", version: 1, hears: HEARS, sniff, start: || Box::new(Calling::default()) };

/// RPC over UDP.
pub const RPC_DATAGRAM: DatagramDetector =
    DatagramDetector { name: "onc-rpc-datagram", version: 1, hears: HEARS, ports: &[111, 2049], listen };

const HEARS: &str = "Calls of the port mapper, the mount protocol and NFS 2 to 4, and their answers. NFS with AUTH_SYS believes \
    whatever number a client says it is: names or contents of files that go to a client of another zone are files without \
    a login; in the server's own zone that is how NFS is used, and nothing is said. Kerberos (RPCSEC_GSS) is a login. Names, \
    paths and contents are passed over.";

fn sniff(opening: &Opening<'_>) -> Verdict {
    if opening.client.is_empty() {
        // A server speaks second here, and its record begins with the mark of a last fragment.
        return if opening.server.first().is_some_and(|o| *o & 0x80 == 0) { Verdict::No } else { Verdict::Unsure };
    }
    match Mark::parse(opening.client) {
        Err(WireError::Malformed(_)) => return Verdict::No,
        Ok(mark) if !mark.last || mark.length < SHORTEST => return Verdict::No,
        _ => {}
    }
    match Message::read(opening.client.get(Mark::LEN..).unwrap_or_default()) {
        Ok(Message::Call(call)) if call.program != Program::Other => Verdict::Yes,
        Err(WireError::Truncated(_)) => Verdict::Unsure,
        _ => Verdict::No,
    }
}

/// Follows one conversation.
#[derive(Default)]
struct Calling {
    calls: Calls,
    client: Records,
    server: Records,
    said: Once,
}

impl Listener for Calling {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if talk.client.torn() | talk.server.torn() {
            return Interest::Done;
        }
        let ends = [said.client, said.server];
        // Bounded: each round takes a fragment.
        while let Some(message) = self.client.next(talk.client) {
            match message {
                Ok(Some(Message::Call(call))) => self.calls.ask(&call, ends),
                Ok(_) => {}
                Err(_) => return Interest::Done,
            }
        }
        while let Some(message) = self.server.next(talk.server) {
            match message {
                Ok(Some(Message::Reply(reply))) => {
                    if let Some(asked) = self.calls.answer(&reply, ends) {
                        self.said.say(&asked, reply.result, said);
                    }
                }
                Ok(_) => {}
                Err(_) => return Interest::Done,
            }
        }
        Interest::More
    }
}

/// The records of one direction.
#[derive(Default)]
struct Records {
    /// The next fragment belongs to the record before it.
    continued: bool,
}

impl Records {
    /// The message at the beginning of the next record; of a fragment that goes on with one before it nothing. The rest of it
    /// is passed over.
    fn next(&mut self, head: &mut Head) -> Option<Result<Option<Message>, WireError>> {
        if head.octets().is_empty() {
            return None;
        }
        let mark = match Mark::parse(head.octets()) {
            Ok(mark) => mark,
            Err(WireError::Truncated(_)) => return None,
            Err(e) => return Some(Err(e)),
        };
        let length = usize::try_from(mark.length).unwrap_or(usize::MAX);
        let waiting = head.octets().get(Mark::LEN..).unwrap_or_default();
        let begin = waiting.get(..length.min(BEGINNING))?;
        let message = if self.continued {
            Ok(None)
        } else {
            match Message::read(begin) {
                // A call of which the arguments are longer than what is looked at is still a call.
                Err(WireError::Truncated(_)) if length > BEGINNING => Ok(None),
                other => other.map(Some),
            }
        };
        self.continued = !mark.last;
        head.take(Mark::LEN);
        head.skip(mark.length.into());
        Some(message)
    }
}

fn listen(datagram: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    let Ok(message) = Message::read(datagram.payload) else { return false };
    match message {
        Message::Call(call) => {
            let ends = [ears.source, ears.destination];
            ears.kept.calls.ask(&call, ends);
        }
        Message::Reply(reply) => {
            let ends = [ears.destination, ears.source];
            if let Some(asked) = ears.kept.calls.answer(&reply, ends) {
                Once::default().say(&asked, reply.result, &mut ears.from_server());
            }
        }
    }
    true
}

/// What was said of a conversation.
#[derive(Default)]
struct Once {
    answered: bool,
    encryption: bool,
    open: bool,
    login: bool,
}

impl Once {
    fn say(&mut self, asked: &Asked, result: Outcome, said: &mut Said<'_>) {
        if !core::mem::replace(&mut self.answered, true) {
            said.protocol(match asked.program {
                Program::PortMapper => Protocol::Rpcbind,
                _ => Protocol::Nfs,
            });
            said.answered();
        }
        let sealed = asked.credential == KERBEROS;
        if asked.asks != Asks::Nothing && !sealed && !core::mem::replace(&mut self.encryption, true) {
            said.service(Fact::Encryption(Encryption::None));
        }
        let login = match result {
            Outcome::Denied => Login::Refused,
            Outcome::Success if sealed && asked.asks == Asks::Files => Login::Used,
            Outcome::Success if asked.asks == Asks::Files && said.client.zone != said.server.zone => {
                if !core::mem::replace(&mut self.open, true) {
                    said.service(Fact::FileAnonymous);
                    said.service(Fact::DataServed);
                    said.service(Fact::Login(Login::None));
                }
                return;
            }
            _ => return,
        };
        if !core::mem::replace(&mut self.login, true) {
            said.service(Fact::Login(login));
        }
    }
}

/// Calls that wait for their answers, the oldest first.
#[derive(Default)]
pub(super) struct Calls {
    waiting: VecDeque<Asked>,
}

struct Asked {
    number: u32,
    ends: [(IpAddr, u16); 2],
    program: Program,
    asks: Asks,
    credential: u32,
}

impl Calls {
    /// Remembers a call, if somebody may ask for its answer.
    fn ask(&mut self, call: &Call, ends: [End; 2]) {
        if call.program == Program::Other {
            return;
        }
        if self.waiting.len() >= MAX_CALLS {
            self.waiting.pop_front();
        }
        let ends = ends.map(|e| (e.address, e.port));
        let Call { number, program, asks, credential } = *call;
        self.waiting.push_back(Asked { number, ends, program, asks, credential });
    }

    fn answer(&mut self, reply: &Reply, ends: [End; 2]) -> Option<Asked> {
        let ends = ends.map(|e| (e.address, e.port));
        let at = self.waiting.iter().position(|a| a.number == reply.number && a.ends == ends)?;
        self.waiting.remove(at)
    }
}

/// Calls of a conversation, or of all datagrams, that may wait: a client sends at most some tens at a time.
const MAX_CALLS: usize = 64;

/// Octets of a record that are looked at: a call with the longest credential, and the names before a READ.
const BEGINNING: usize = 2 * 1024;

/// Octets of the shortest call: six numbers, and two empty credentials.
const SHORTEST: u32 = 40;

/// RPCSEC_GSS (RFC 2203).
const KERBEROS: u32 = 6;

#[cfg(test)]
mod tests {
    use super::super::testing::Says::{Client, Server};
    use super::super::testing::{facts, hear, hear_datagrams, home};
    use super::*;
    use crate::wire::onc_rpc::tests::{call, words};

    fn record(message: &[u8]) -> Vec<u8> {
        [&(u32::try_from(message.len()).unwrap() | 0x8000_0000).to_be_bytes()[..], message].concat()
    }

    /// An accepted reply: no error, and contents.
    fn success(number: u32, contents: &[u8]) -> Vec<u8> {
        [words(&[number, 1, 0, 0, 0, 0, 0]), contents.to_vec()].concat()
    }

    #[test]
    fn files_that_go_to_another_zone_are_without_a_login() {
        let contents = [b"ZZCANARY".as_slice(), &[0; 9000]].concat();
        for piece in [1, 700, 100_000] {
            let heard = hear(
                &RPC,
                2049,
                piece,
                &[
                    Client(&record(&call(1, 100_003, 3, 6, &[]))),
                    Server(&record(&success(1, &contents))),
                    Server(&record(&success(1, &[]))),
                ],
            );
            let said = facts(&heard);
            for fact in [
                Fact::Protocol(Protocol::Nfs),
                Fact::Answered,
                Fact::Encryption(Encryption::None),
                Fact::FileAnonymous,
                Fact::DataServed,
                Fact::Login(Login::None),
            ] {
                assert!(said.contains(&fact), "{fact:?} in pieces of {piece}: {said:?}");
            }
            assert!(!format!("{heard:?}").to_lowercase().contains("zzcanary"));
        }
    }

    #[test]
    fn a_question_whether_somebody_is_there_and_a_denial_open_nothing() {
        let said = facts(&hear(
            &RPC,
            2049,
            9,
            &[Client(&record(&call(1, 100_003, 4, 0, &[]))), Server(&record(&words(&[1, 1, 0, 0, 0, 0])))],
        ));
        assert!(said.contains(&Fact::Answered) && !said.contains(&Fact::FileAnonymous));
        let denied = words(&[1, 1, 1, 1, 5]);
        let said =
            facts(&hear(&RPC, 2049, 9, &[Client(&record(&call(1, 100_003, 3, 6, &[]))), Server(&record(&denied))]));
        assert!(said.contains(&Fact::Login(Login::Refused)) && !said.contains(&Fact::FileAnonymous), "{said:?}");
        // An answer to a question that nobody heard.
        let said = facts(&hear(
            &RPC,
            2049,
            9,
            &[Client(&record(&call(1, 100_003, 3, 6, &[]))), Server(&record(&success(2, &[])))],
        ));
        assert_eq!(said, []);
    }

    #[test]
    fn the_port_mapper_answers_a_datagram_and_neighbours_may_read_files() {
        let ask = (home(2, 800), home(1, 111), &call(5, 100_000, 2, 3, &[])[..]);
        let give = (home(1, 111), home(2, 800), &success(5, &[])[..]);
        let said = facts(&hear_datagrams(&RPC_DATAGRAM, &[ask, give]));
        assert_eq!(said, [Fact::Protocol(Protocol::Rpcbind), Fact::Answered, Fact::Encryption(Encryption::None)]);
        let stranger = (home(1, 111), home(3, 800), &success(5, &[])[..]);
        assert_eq!(hear_datagrams(&RPC_DATAGRAM, &[ask, stranger]), []);
        let ask = (home(2, 800), home(1, 2049), &call(6, 100_003, 3, 6, &[])[..]);
        let give = (home(1, 2049), home(2, 800), &success(6, b"....")[..]);
        let said = facts(&hear_datagrams(&RPC_DATAGRAM, &[ask, give]));
        assert!(said.contains(&Fact::Protocol(Protocol::Nfs)) && !said.contains(&Fact::FileAnonymous), "{said:?}");
    }

    #[test]
    fn other_protocols_and_floods_are_nothing() {
        for octets in
            [&b"GET / HTTP/1.1\r\n"[..], b"\x16\x03\x01\x02\x00", &[0x80, 0, 0, 10, 0, 0, 0, 1], &record(&[0xFF; 60])]
        {
            assert_eq!(sniff(&Opening { client: octets, server: b"", server_port: 2049 }), Verdict::No, "{octets:?}");
        }
        let mut calls = Calls::default();
        let Ok(Message::Call(one)) = Message::read(&call(1, 100_003, 3, 6, &[])) else { panic!() };
        for number in 0..1000 {
            calls.ask(&Call { number, ..one }, [home(1, 1), home(2, 2)]);
        }
        assert_eq!(calls.waiting.len(), MAX_CALLS);
    }
}
