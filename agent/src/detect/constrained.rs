//! Small equipment that speaks CoAP (RFC 7252): sensors, lamps, locks, gateways.
//!
//! Keeps: of at most [`MAX_QUESTIONS`] questions who asked whom, with the token and id that the answer must repeat. Drops: paths,
//! queries, everything that was asked for and given.

use super::{Datagram, DatagramDetector, Ears, End};
use crate::wire::coap::{Code, Kind, Message, Token};
use auscult_report::fact::{Encryption, Fact, Login, Protocol};
use core::net::IpAddr;
use std::collections::VecDeque;

/// CoAP without DTLS.
pub const COAP: DatagramDetector = DatagramDetector {
    name: "coap",
    version: 1,
    hears: "Questions to UDP port 5683 and the answers that repeat their token. Content that came back is content without a \
            login: CoAP itself has none without DTLS. A secret that a client wrote into the path or the query cannot be told \
            from any other word, because neither is read. A list of links (what a station offers) is no content, and a sealed \
            message (OSCORE) counts as encrypted. What goes over DTLS on port 5684 is not read.",
    ports: &[PORT],
    listen,
};

fn listen(datagram: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    let Ok(message) = Message::read(datagram.payload) else { return false };
    match message.code {
        Code::Asks(method) if datagram.destination_port == PORT => {
            let reads = matches!(method, GET | FETCH);
            ears.kept.questions.ask(Question::of(&message, reads, ears.source, ears.destination));
            true
        }
        Code::Answers(class, detail) => {
            let Some(question) = ears.kept.questions.answer(&message, ears.source, ears.destination) else {
                return false;
            };
            say(&message, (class, detail), &question, ears);
            true
        }
        // A question between other ports; or only "heard", which many an echo says too.
        Code::Asks(_) | Code::Empty => false,
    }
}

fn say(message: &Message, code: (u8, u8), question: &Question, ears: &mut Ears<'_>) {
    let mut said = ears.from_server();
    said.protocol(Protocol::Coap);
    said.answered();
    if question.is_sealed || message.is_sealed {
        said.service(Fact::Encryption(Encryption::Tls));
        return;
    }
    said.service(Fact::Encryption(Encryption::None));
    let is_content = message.has_payload && question.reads && message.format != Some(LINKS);
    match code {
        CONTENT if is_content => {
            said.service(Fact::DataServed);
            said.service(Fact::Login(Login::None));
        }
        UNAUTHORIZED => said.service(Fact::Login(Login::Refused)),
        _ => {}
    }
}

/// Questions that wait for their answers, the oldest first.
#[derive(Default)]
pub(super) struct Questions {
    waiting: VecDeque<Question>,
}

#[derive(Clone, Copy)]
struct Question {
    client: (IpAddr, u16),
    server: (IpAddr, u16),
    id: u16,
    token: Token,
    reads: bool,
    is_sealed: bool,
}

impl Question {
    fn of(message: &Message, reads: bool, client: End, server: End) -> Question {
        let [client, server] = [client, server].map(|end| (end.address, end.port));
        Question { client, server, id: message.id, token: message.token, reads, is_sealed: message.is_sealed }
    }

    /// An answer comes back between the same ends; to a question for everybody from anybody's port. In an acknowledgement it
    /// repeats the id too (section 5.3.2).
    fn is_answered_by(&self, message: &Message, from: (IpAddr, u16), to: (IpAddr, u16)) -> bool {
        let is_asked = if self.server.0.is_multicast() { from.1 == self.server.1 } else { from == self.server };
        let is_paired = message.kind != Kind::Acknowledgement || message.id == self.id;
        is_asked && is_paired && to == self.client && message.token == self.token
    }
}

impl Questions {
    /// A question that is asked again is one.
    fn ask(&mut self, question: Question) {
        let is_same =
            |q: &Question| (q.client, q.server, q.token) == (question.client, question.server, question.token);
        self.waiting.retain(|q| !is_same(q));
        if self.waiting.len() >= MAX_QUESTIONS {
            self.waiting.pop_front();
        }
        self.waiting.push_back(question);
    }

    /// The question that a message answers. One for everybody stays: others answer it too. Work is bounded by [`MAX_QUESTIONS`].
    fn answer(&mut self, message: &Message, from: End, to: End) -> Option<Question> {
        let [from, to] = [from, to].map(|end| (end.address, end.port));
        let at = self.waiting.iter().position(|q| q.is_answered_by(message, from, to))?;
        let question = self.waiting.get(at).copied()?;
        if !question.server.0.is_multicast() {
            self.waiting.remove(at);
        }
        Some(question)
    }
}

/// Where servers listen.
const PORT: u16 = 5683;

/// Methods that ask for content.
const GET: u8 = 1;
const FETCH: u8 = 5;

/// Answers: class, detail.
const CONTENT: (u8, u8) = (2, 5);
const UNAUTHORIZED: (u8, u8) = (4, 1);

/// application/link-format (RFC 6690).
const LINKS: u16 = 40;

/// Questions that may wait: a gateway that asks each of its sensors in turn has one with each. A question that is never answered
/// goes when others come.
const MAX_QUESTIONS: usize = 64;

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, hear_datagrams, home};
    use super::*;
    use crate::wire::coap::testing::{ASKS, GIVES};

    const SPOKE: [Fact; 3] = [Fact::Protocol(Protocol::Coap), Fact::Answered, Fact::Encryption(Encryption::None)];

    fn talk(asks: &[u8], answers: &[u8]) -> Vec<Fact> {
        let says = [(home(2, 40_000), home(1, PORT), asks), (home(1, PORT), home(2, 40_000), answers)];
        let heard = hear_datagrams(&COAP, &says);
        assert!(!format!("{heard:?}").contains("ZZCANARY"));
        facts(&heard)
    }

    #[test]
    fn content_that_is_given_to_whoever_asks_is_content_without_a_login() {
        let given = [&SPOKE[..], &[Fact::DataServed, Fact::Login(Login::None)]].concat();
        assert_eq!(talk(ASKS, GIVES), given);
        let later = b"\x42\x45\x77\x77\xAB\xCD\xFF21.5"; // a message of its own: another id, the same token
        assert_eq!(talk(ASKS, later), given);
    }

    #[test]
    fn a_list_of_links_a_refusal_and_a_change_are_no_content() {
        assert_eq!(talk(ASKS, b"\x62\x45\x12\x34\xAB\xCD\xC1\x28\xFF</ward>"), SPOKE); // format 40
        assert_eq!(talk(ASKS, b"\x62\x45\x12\x34\xAB\xCD"), SPOKE, "nothing in it");
        assert_eq!(talk(ASKS, b"\x62\x84\x12\x34\xAB\xCD\xFFnone"), SPOKE, "4.04");
        let posts = b"\x42\x02\x12\x34\xAB\xCD\xFF1";
        assert_eq!(talk(posts, GIVES), SPOKE, "an answer to POST is what the client wrote");
        let refused = [&SPOKE[..], &[Fact::Login(Login::Refused)]].concat();
        assert_eq!(talk(ASKS, b"\x62\x81\x12\x34\xAB\xCD"), refused, "4.01");
    }

    #[test]
    fn what_is_sealed_is_neither_readable_nor_open() {
        let sealed = b"\x42\x05\x12\x34\xAB\xCD\x93\x09\x01\x02\xFFsealed"; // FETCH, option 9
        let heard = talk(sealed, b"\x62\x45\x12\x34\xAB\xCD\x90\xFFsealed");
        assert_eq!(heard, [SPOKE[0], SPOKE[1], Fact::Encryption(Encryption::Tls)]);
    }

    #[test]
    fn what_repeats_no_token_says_nothing() {
        assert_eq!(talk(ASKS, b"\x62\x45\x12\x34\xAB\xCE\xFFx"), [], "another token");
        assert_eq!(talk(ASKS, b"\x62\x45\x12\x35\xAB\xCD\xFFx"), [], "an acknowledgement of something else");
        assert_eq!(talk(ASKS, ASKS), [], "an echo");
        assert_eq!(talk(ASKS, b"\x60\x00\x12\x34"), [], "heard, and nothing more");
        let stranger = [(home(2, 40_000), home(1, PORT), ASKS), (home(9, PORT), home(2, 40_000), GIVES)];
        assert_eq!(hear_datagrams(&COAP, &stranger), []);
        assert_eq!(hear_datagrams(&COAP, &[(home(1, PORT), home(2, 40_000), GIVES)]), [], "half of a conversation");
    }

    #[test]
    fn a_question_for_everybody_is_answered_by_each() {
        let everybody = End { address: [224, 0, 1, 187].into(), ..home(99, PORT) };
        let says = [
            (home(2, 40_000), everybody, ASKS),
            (home(1, PORT), home(2, 40_000), &b"\x52\x45\x00\x01\xAB\xCD\xFF1"[..]),
            (home(3, PORT), home(2, 40_000), &b"\x52\x45\x00\x02\xAB\xCD\xFF1"[..]),
        ];
        let heard = hear_datagrams(&COAP, &says);
        assert_eq!(heard.iter().filter(|o| o.fact == Fact::DataServed).count(), 2, "{heard:?}");
    }

    #[test]
    fn questions_without_answers_do_not_pile_up() {
        let mut questions = Questions::default();
        let message = Message::read(ASKS).unwrap();
        for port in 0..1000 {
            questions.ask(Question::of(&message, true, home(2, port), home(1, PORT)));
            questions.ask(Question::of(&message, true, home(2, port), home(1, PORT)));
        }
        assert_eq!(questions.waiting.len(), MAX_QUESTIONS);
    }
}
