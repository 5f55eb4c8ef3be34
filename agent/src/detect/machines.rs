//! Machines that regulate, pump and switch: Modbus over TCP, and what is called through the ISO transport of RFC 1006 (S7
//! communication, MMS).
//!
//! Keeps: of at most [`MAX_WAITING`] requests of a conversation what their answers must fit. Drops: addresses and values of what is
//! read and written, selectors, passwords.

use super::lines::once;
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::WireError;
use crate::wire::modbus::{self, Answer, Frame};
use crate::wire::tsap::{Inside, READ, S7, S7Kind, Unit};
use auscult_report::fact::{Encryption, Fact, Login, Protocol};
use std::collections::VecDeque;

/// Modbus over TCP.
pub const MODBUS: Detector = Detector {
    name: "modbus",
    version: 1,
    hears: "A request of a public function and the answer that fits it, on any port: the same transaction, unit and function, and as \
            many values as were asked for. The protocol has no login: values that were read went to whoever asked. A gateway \
            answers for the machines behind it. Functions of makers, Modbus inside TLS (port 802) and over UDP are not told. \
            Addresses and values are never kept.",
    sniff: sniff_modbus,
    start: || Box::new(Modbus::default()),
};

/// ISO transport on TCP.
pub const ISO_TSAP: Detector = Detector {
    name: "iso-tsap",
    version: 1,
    hears: "A connection of ISO transport class 0 with selectors, asked for and given, on any port; remote desktops ask without. Inside \
            it S7 communication is followed, also from its middle: a value that is read and given without a password before it went \
            to whoever asked. Of MMS and of S7's successor only the connection is told, and a program that shows who it is above \
            them is not seen. Selectors, addresses and values are never kept.",
    sniff: sniff_tsap,
    start: || Box::new(Transport::default()),
};

fn sniff_modbus(opening: &Opening<'_>) -> Verdict {
    let request = match Frame::read(opening.client).and_then(|(frame, _)| frame.request()) {
        Ok(request) => request,
        Err(WireError::Truncated(_)) => return may_be_modbus(opening.server),
        Err(WireError::Malformed(_)) => return Verdict::No,
    };
    // Who is heard from the middle may be answered first what was asked before.
    let mut rest = opening.server;
    for _ in 0..MAX_WAITING {
        let (frame, length) = match Frame::read(rest) {
            Ok(whole) => whole,
            Err(WireError::Truncated(_)) => return Verdict::Unsure,
            Err(WireError::Malformed(_)) => return Verdict::No,
        };
        if request.answered_by(&frame).is_some() {
            return Verdict::Yes;
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    Verdict::No
}

fn may_be_modbus(octets: &[u8]) -> Verdict {
    if matches!(Frame::read(octets), Err(WireError::Malformed(_))) { Verdict::No } else { Verdict::Unsure }
}

/// Follows one conversation.
#[derive(Default)]
struct Modbus {
    waiting: VecDeque<modbus::Request>,
    said: bool,
    open: bool,
    answers: u16,
}

impl Listener for Modbus {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if talk.client.torn() | talk.server.torn() {
            return Interest::Done;
        }
        // Each round takes a message.
        while let Some(request) = next(talk.client, |frame| frame.request().ok()) {
            match request {
                Ok(Some(request)) => remember(&mut self.waiting, request),
                Ok(None) => {}
                // What it asked before may still be answered.
                Err(_) => talk.client.skip(u64::MAX),
            }
        }
        loop {
            let waiting = &mut self.waiting;
            let heard = next(talk.server, |frame| {
                let at = waiting.iter().position(|r| r.answered_by(frame).is_some())?;
                waiting.remove(at)?.answered_by(frame)
            });
            match heard {
                None => return Interest::More,
                Some(Err(_)) => return Interest::Done,
                Some(Ok(answer)) => {
                    self.answers = self.answers.saturating_add(1);
                    if self.say(answer, said) == Interest::Done || self.answers >= MAX_ANSWERS {
                        return Interest::Done;
                    }
                }
            }
        }
    }

    fn held(&self) -> usize {
        self.waiting.capacity().saturating_mul(size_of::<modbus::Request>())
    }
}

impl Modbus {
    fn say(&mut self, answer: Option<Answer>, said: &mut Said<'_>) -> Interest {
        let Some(answer) = answer else { return Interest::More };
        if once(&mut self.said) {
            speaks(Protocol::Modbus, said);
            said.service(Fact::Encryption(Encryption::None));
        }
        if answer != Answer::Refused && once(&mut self.open) {
            said.service(Fact::Login(Login::None));
        }
        if answer != Answer::Values {
            return Interest::More;
        }
        said.service(Fact::DataServed);
        Interest::Done
    }
}

/// What `look` makes of the next message of a side; nothing if there is none yet.
fn next<T>(head: &mut Head, look: impl FnOnce(&Frame<'_>) -> Option<T>) -> Option<Result<Option<T>, WireError>> {
    match Frame::read(head.octets()) {
        Ok((frame, length)) => {
            let looked = look(&frame);
            head.take(length);
            Some(Ok(looked))
        }
        Err(WireError::Truncated(_)) => None,
        Err(e) => Some(Err(e)),
    }
}

fn sniff_tsap(opening: &Opening<'_>) -> Verdict {
    let asked = match Unit::read(opening.client) {
        Ok((Unit::Request { reference, has_selector: true }, _)) => Asked::Connection(reference),
        Ok((Unit::Data(data), _)) => match data.inside() {
            Inside::S7(job) if job.kind == S7Kind::Job => Asked::Job(job),
            _ => return Verdict::No,
        },
        Ok(_) | Err(WireError::Malformed(_)) => return Verdict::No,
        Err(WireError::Truncated(_)) => {
            let is_none = matches!(Unit::read(opening.server), Err(WireError::Malformed(_)));
            return if is_none { Verdict::No } else { Verdict::Unsure };
        }
    };
    let mut rest = opening.server;
    for _ in 0..MAX_WAITING {
        let (unit, length) = match Unit::read(rest) {
            Ok(whole) => whole,
            Err(WireError::Truncated(_)) => return Verdict::Unsure,
            Err(WireError::Malformed(_)) => return Verdict::No,
        };
        match (asked, unit) {
            (Asked::Connection(from), Unit::Confirm { of } | Unit::Refusal { of }) if from == of => {
                return Verdict::Yes;
            }
            // A connection is answered before anything else.
            (Asked::Connection(_), _) => return Verdict::No,
            (Asked::Job(job), Unit::Data(data)) if is_result(data.inside(), job) => return Verdict::Yes,
            (Asked::Job(_), Unit::Data(_)) => {}
            (Asked::Job(_), _) => return Verdict::No,
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    Verdict::No
}

/// What a client said first.
#[derive(Clone, Copy)]
enum Asked {
    Connection(u16),
    Job(S7),
}

fn is_result(inside: Inside, job: S7) -> bool {
    let Inside::S7(S7 { kind: S7Kind::Done | S7Kind::Other, reference, function }) = inside else { return false };
    (reference, function) == (job.reference, job.function)
}

/// Follows one connection.
#[derive(Default)]
struct Transport {
    /// The reference of the connection that was asked for.
    asked: Option<u16>,
    client: Messages,
    server: Messages,
    jobs: VecDeque<S7>,
    shows_password: bool,
    said: bool,
    encryption: bool,
    units: u16,
}

impl Listener for Transport {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if talk.client.torn() | talk.server.torn() {
            return Interest::Done;
        }
        // Each round takes a unit.
        while let Some(unit) = unit(talk.client) {
            match unit {
                Ok(Heard::Request(reference)) => self.asked = Some(reference),
                Ok(Heard::Data(data)) => match self.client.inside(data) {
                    Some(Inside::S7(S7 { kind: S7Kind::Password, .. })) => self.shows_password = true,
                    Some(Inside::S7(job)) if job.kind == S7Kind::Job => remember(&mut self.jobs, job),
                    _ => {}
                },
                // What it asked before may still be answered.
                Ok(_) | Err(_) => talk.client.skip(u64::MAX),
            }
        }
        while let Some(unit) = unit(talk.server) {
            self.units = self.units.saturating_add(1);
            let interest = match unit {
                Ok(Heard::Confirm(of)) if self.asked == Some(of) => self.speaks(said),
                Ok(Heard::Refusal(of)) if self.asked == Some(of) && !self.said => {
                    said.protocol(Protocol::IsoTsap);
                    said.service(Fact::Refused);
                    Interest::Done
                }
                Ok(Heard::Data(data)) => match self.server.inside(data) {
                    Some(inside) => self.hear(inside, talk.from_start, said),
                    None => Interest::More,
                },
                Ok(_) | Err(_) => Interest::Done,
            };
            if interest == Interest::Done || self.units >= MAX_ANSWERS {
                return Interest::Done;
            }
        }
        Interest::More
    }

    fn held(&self) -> usize {
        self.jobs.capacity().saturating_mul(size_of::<S7>())
    }
}

impl Transport {
    fn speaks(&mut self, said: &mut Said<'_>) -> Interest {
        if once(&mut self.said) {
            speaks(Protocol::IsoTsap, said);
        }
        Interest::More
    }

    /// What the server says inside.
    fn hear(&mut self, inside: Inside, from_start: bool, said: &mut Said<'_>) -> Interest {
        match inside {
            Inside::S7(answer) => {
                let Some(at) = self.jobs.iter().position(|job| is_result(inside, *job)) else { return Interest::More };
                self.jobs.remove(at);
                self.speaks(said);
                self.encryption(Encryption::None, said);
                if answer.kind == S7Kind::Done && answer.function == READ {
                    return self.given(from_start, said);
                }
                Interest::More
            }
            // Without a connection that was heard, none of these is sure.
            _ if !self.said => Interest::Done,
            Inside::Session => {
                self.encryption(Encryption::None, said);
                Interest::Done
            }
            Inside::Tls => {
                self.encryption(Encryption::Tls, said);
                Interest::Done
            }
            Inside::S7Plus | Inside::Other => Interest::Done,
        }
    }

    /// Values were given. A password may have been shown before the first octet that was heard.
    fn given(&self, from_start: bool, said: &mut Said<'_>) -> Interest {
        if self.shows_password {
            said.service(Fact::Login(Login::Used));
        } else if from_start {
            said.service(Fact::DataServed);
            said.service(Fact::Login(Login::None));
        }
        Interest::Done
    }

    fn encryption(&mut self, encryption: Encryption, said: &mut Said<'_>) {
        if once(&mut self.encryption) {
            said.service(Fact::Encryption(encryption));
        }
    }
}

/// Which unit of a side begins a message.
#[derive(Default)]
struct Messages {
    /// The message before goes on.
    goes_on: bool,
}

impl Messages {
    fn inside(&mut self, (inside, ends): (Inside, bool)) -> Option<Inside> {
        let begins = !core::mem::replace(&mut self.goes_on, !ends);
        begins.then_some(inside)
    }
}

/// A unit without its octets.
enum Heard {
    Request(u16),
    Confirm(u16),
    Refusal(u16),
    /// What it begins with, if a message begins here, and whether it ends.
    Data((Inside, bool)),
}

/// The next unit of a side; nothing if there is none yet. What is longer than its beginning is passed over.
fn unit(head: &mut Head) -> Option<Result<Heard, WireError>> {
    if head.is_skipping() {
        return None;
    }
    let (heard, length) = match Unit::read(head.octets()) {
        Ok((Unit::Request { reference, .. }, length)) => (Heard::Request(reference), length),
        Ok((Unit::Confirm { of }, length)) => (Heard::Confirm(of), length),
        Ok((Unit::Refusal { of }, length)) => (Heard::Refusal(of), length),
        Ok((Unit::Data(data), length)) => (Heard::Data((data.inside(), data.ends)), length),
        Err(WireError::Truncated(_)) => return None,
        Err(e) => return Some(Err(e)),
    };
    head.skip(u64::try_from(length).unwrap_or(u64::MAX));
    Some(Ok(heard))
}

/// The server gave a message of its protocol.
fn speaks(protocol: Protocol, said: &mut Said<'_>) {
    said.protocol(protocol);
    said.answered();
}

fn remember<T>(waiting: &mut VecDeque<T>, request: T) {
    if waiting.len() >= MAX_WAITING {
        waiting.pop_front();
    }
    waiting.push_back(request);
}

/// Requests of a conversation that may wait at once: Modbus proposes 1 to 16, a machine takes 8 jobs at most.
const MAX_WAITING: usize = 16;

/// Answers after which nothing new is expected: who has written or asked for names so often reads no values.
const MAX_ANSWERS: u16 = 256;

#[cfg(test)]
mod tests {
    use super::super::testing::Says::{Client, Server};
    use super::super::testing::{facts, hear};
    use super::*;
    use crate::wire::tsap::testing::{asks, begins, confirms, data, gives, reads, s7, tpkt};

    const PORT: u16 = 502;
    const ISO: u16 = 102;
    const READS: &[u8] = &[0, 7, 0, 0, 0, 6, 1, 3, 0, 0, 0, 2]; // transaction 7, unit 1, two registers
    const GIVES: &[u8] = &[0, 7, 0, 0, 0, 7, 1, 3, 4, b'Z', b'Z', b'Z', b'Z'];

    fn modbus() -> Vec<Fact> {
        vec![Fact::Protocol(Protocol::Modbus), Fact::Answered, Fact::Encryption(Encryption::None)]
    }

    fn said(detector: &Detector, port: u16, piece: usize, says: &[super::super::testing::Says<'_>]) -> Vec<Fact> {
        // The outside client's network is counted beside it.
        facts(&hear(detector, port, piece, says)).into_iter().filter(|f| *f != Fact::OutsideNetwork).collect()
    }

    #[test]
    fn registers_that_are_read_are_data_without_a_login() {
        for piece in [1, 100] {
            let heard = said(&MODBUS, PORT, piece, &[Client(READS), Server(GIVES)]);
            assert_eq!(heard, [modbus(), vec![Fact::Login(Login::None), Fact::DataServed]].concat());
        }
    }

    #[test]
    fn a_write_gives_nothing_and_an_exception_not_even_an_opinion() {
        let write = [0, 8, 0, 0, 0, 6, 1, 6, 0, 1, 0, 3];
        let heard = said(&MODBUS, PORT, 100, &[Client(&write), Server(&write), Client(READS), Server(GIVES)]);
        assert_eq!(heard, [modbus(), vec![Fact::Login(Login::None), Fact::DataServed]].concat());
        let heard = said(&MODBUS, PORT, 100, &[Client(&write), Server(&write)]);
        assert_eq!(heard, [modbus(), vec![Fact::Login(Login::None)]].concat());
        let refused = [0, 7, 0, 0, 0, 3, 1, 0x83, 2];
        assert_eq!(said(&MODBUS, PORT, 100, &[Client(READS), Server(&refused)]), modbus());
    }

    #[test]
    fn answers_may_come_in_another_order_and_from_before_the_beginning() {
        let second = [0, 8, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1];
        let to_second = [0, 8, 0, 0, 0, 5, 1, 3, 2, 0, 1];
        let before = [0, 6, 0, 0, 0, 5, 1, 3, 2, 0, 1];
        let server = [&before[..], &to_second, GIVES].concat();
        let heard = said(&MODBUS, PORT, 7, &[Server(&before), Client(READS), Client(&second), Server(&server[11..])]);
        assert!(heard.contains(&Fact::DataServed), "{heard:?}");
    }

    #[test]
    fn neighbours_are_not_modbus() {
        let verdict = |client: &[u8], server: &[u8]| sniff_modbus(&Opening { client, server, server_port: PORT });
        assert_eq!(verdict(READS, GIVES), Verdict::Yes);
        assert_eq!(verdict(READS, b""), Verdict::Unsure);
        assert_eq!(verdict(b"", GIVES), Verdict::Unsure, "half of a conversation is never enough");
        assert_eq!(verdict(GIVES, READS), Verdict::No, "the sides changed");
        assert_eq!(verdict(READS, READS), Verdict::Unsure, "an echo");
        for (client, server) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], &b"HTTP/1.1 200 OK\r\n"[..]),
            (READS, b"HTTP/1.1 400 Bad Request\r\n"),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b""),
            (b"\x00\x3a\x00\x00\x01\x00\x00\x00\x01\x36", b""), // Oracle
            (b"\x00\x00\x00\x08\x04\xd2\x16\x2f", b""),         // PostgreSQL
            (b"\x00\x00\x00\x2f\xffSMB", b""),
        ] {
            assert_eq!(verdict(client, server), Verdict::No, "{client:?}");
        }
    }

    fn iso(more: &[Fact]) -> Vec<Fact> {
        [&[Fact::Protocol(Protocol::IsoTsap), Fact::Answered], more].concat()
    }

    const CLEAR: Fact = Fact::Encryption(Encryption::None);

    #[test]
    fn values_that_a_controller_gives_are_data_without_a_login_but_not_behind_a_password() {
        let setup = s7(1, 1, &[], &[0xF0, 0, 0, 1, 0, 1, 1, 0xE0], &[]);
        let agreed = s7(3, 1, &[0, 0], &[0xF0, 0, 0, 1, 0, 1, 1, 0xE0], &[]);
        let (asks, confirms, reads, gives) = (asks(), confirms(), reads(2), gives(2));
        for piece in [1, 1000] {
            let says =
                [Client(&asks), Server(&confirms), Client(&setup), Server(&agreed), Client(&reads), Server(&gives)];
            let heard = hear(&ISO_TSAP, ISO, piece, &says);
            assert!(!format!("{heard:?}").contains("ZZCANARY"));
            let heard: Vec<Fact> = facts(&heard).into_iter().filter(|f| *f != Fact::OutsideNetwork).collect();
            assert_eq!(heard, iso(&[CLEAR, Fact::DataServed, Fact::Login(Login::None)]));
        }
        let shows = s7(7, 9, &[], &[0, 1, 0x12, 4, 0x11, 0x45, 1, 0], &[0xFF, 9, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
        let taken = s7(7, 9, &[], &[0, 1, 0x12, 8, 0x12, 0x85, 1, 0, 0, 0, 0, 0], &[0x0A, 0, 0, 0]);
        let says = [Client(&asks), Server(&confirms), Client(&shows), Server(&taken), Client(&reads), Server(&gives)];
        assert_eq!(said(&ISO_TSAP, ISO, 1000, &says), iso(&[CLEAR, Fact::Login(Login::Used)]));
    }

    #[test]
    fn a_conversation_heard_from_its_middle_is_known_by_a_job_and_its_result() {
        let (reads, gives) = (reads(5), gives(5));
        let opening = Opening { client: &reads, server: &gives, server_port: ISO };
        assert_eq!(sniff_tsap(&opening), Verdict::Yes);
        let mut transport = Transport::default();
        let (mut client, mut server) = (Head::default(), Head::default());
        client.segment(1, &reads, 0);
        server.segment(1, &gives, 0);
        let mut heard = Vec::new();
        let mut out = |o| heard.push(o);
        let at = auscult_report::time::Timestamp(1);
        let home = super::super::testing::home;
        let transport_kind = auscult_report::subject::Transport::Tcp;
        let mut said =
            Said { at, transport: transport_kind, server: home(1, ISO), client: home(2, 4000), key: 7, out: &mut out };
        let mut talk = Talk { at, client: &mut client, server: &mut server, server_port: ISO, from_start: false };
        assert_eq!(transport.listen(&mut talk, &mut said), Interest::Done);
        assert_eq!(facts(&heard), iso(&[CLEAR]), "a password may have gone before");
    }

    #[test]
    fn a_message_may_go_on_in_the_next_unit() {
        let (asks, confirms, reads, gives) = (asks(), confirms(), reads(2), gives(2));
        let (first, rest) = (begins(&gives[7..], 20), data(&gives[27..]));
        let failed = s7(3, 1, &[0, 0], &[4, 1], &[0x0A, 0, 0, 0]);
        let (failed_first, failed_rest) = (begins(&failed[7..], 15), data(&failed[22..]));
        let before = self::reads(1);
        let says = [
            Client(&asks),
            Server(&confirms),
            Client(&before),
            Server(&failed_first),
            Server(&failed_rest),
            Client(&reads),
            Server(&first),
            Server(&rest),
        ];
        for piece in [1, 1000] {
            let heard = said(&ISO_TSAP, ISO, piece, &says);
            assert_eq!(heard, iso(&[CLEAR, Fact::DataServed, Fact::Login(Login::None)]));
        }
    }

    #[test]
    fn other_things_above_the_transport_are_told_as_far_as_they_show() {
        let (asks, confirms) = (asks(), confirms());
        let hear = |user: &[u8]| said(&ISO_TSAP, ISO, 9, &[Client(&asks), Server(&confirms), Server(&data(user))]);
        assert_eq!(hear(&[0x0E, 4, 5, 2, 0x13, 1]), iso(&[CLEAR]), "MMS");
        assert_eq!(hear(&[0x16, 3, 3, 0, 0x7A]), iso(&[Fact::Encryption(Encryption::Tls)]));
        assert_eq!(hear(&[0x72, 1, 0, 2, 1, 1]), iso(&[]));
        let refused = tpkt(&[6, 0x80, 0, 1, 0, 0, 2]);
        let heard = said(&ISO_TSAP, ISO, 100, &[Client(&asks), Server(&refused)]);
        assert_eq!(heard, [Fact::Protocol(Protocol::IsoTsap), Fact::Refused]);
    }

    #[test]
    fn remote_desktops_and_answers_to_somebody_else_are_not_taken() {
        let verdict = |client: &[u8], server: &[u8]| sniff_tsap(&Opening { client, server, server_port: ISO });
        assert_eq!(verdict(&asks(), &confirms()), Verdict::Yes);
        assert_eq!(verdict(&asks(), b""), Verdict::Unsure);
        assert_eq!(verdict(b"", &confirms()), Verdict::Unsure);
        assert_eq!(verdict(&asks(), &tpkt(&[6, 0xD0, 0, 9, 0, 6, 0])), Verdict::No, "of another reference");
        assert_eq!(verdict(&asks(), &gives(1)), Verdict::No);
        assert_eq!(verdict(&reads(1), &gives(2)), Verdict::Unsure);
        let desktop = tpkt(&[14, 0xE0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0]);
        let bare = tpkt(&[6, 0xE0, 0, 0, 0, 0, 0]);
        for client in [&desktop, &bare, &gives(1)] {
            assert_eq!(verdict(client, &confirms()), Verdict::No);
        }
        let rdp = super::super::desktop::RDP.sniff;
        for server_port in [ISO, 3389] {
            let (client, server) = (asks(), confirms());
            let opening = Opening { client: &client, server: &server, server_port };
            assert_eq!(rdp(&opening), Verdict::No, "nor does the desktop take a machine");
        }
    }
}
