//! Analysers of a laboratory and at the bedside: ASTM E1394 and LIS2 in frames of E1381, and POCT1-A, over TCP.
//!
//! Keeps: that it is spoken, how many records of which kind went over. Drops: every octet behind a kind: patients, orders
//! and results are there, and not even their number of octets is kept.

use super::lines::once;
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::astm::{self, Likeness, Record};
use crate::wire::poct1a::{self, Begins, END_OCTETS, Kind};
use auscult_report::fact::{Encryption, Fact, LabRecord, Login, Protocol, Role};
use auscult_report::zone::Zone;

/// ASTM E1394 (LIS2), in frames of E1381 (LIS1) or without.
pub const ASTM: Detector = Detector {
    name: "astm",
    version: 1,
    hears: "Laboratory analysers and their middleware by the header record with its separators, in frames or without, on \
            any port. It is said when the other side takes a frame, or the sender goes on as if it had. Only the first \
            letter of each record is read. Who sends results is an analyser, or a middleware that passes them on. A \
            serial-to-Ethernet server speaks for the old analyser behind it.",
    sniff: sniff_astm,
    start: || Box::new(Frames::default()),
};

/// POCT1-A.
pub const POCT1A: Detector = Detector {
    name: "poct1a",
    version: 1,
    hears: "Bedside analysers by the root of their XML messages (HEL.R01, OBS.R01), on any port, when both sides speak or \
            one goes on. Only the name of the root is read; what stands inside is passed over.",
    sniff: sniff_poct1a,
    start: || Box::new(Documents::default()),
};

/// What both protocols say once, and whom they are about.
#[derive(Default)]
struct Spoken {
    known: bool,
    answered: bool,
    served: bool,
    left: bool,
    analyser: [bool; 2],
    /// Kinds of records heard before it was sure that this is a service.
    early: [u32; LabRecord::ALL.len()],
}

impl Spoken {
    /// The other side understood, or the sender goes on as if it had.
    fn understood(&mut self, protocol: Protocol, said: &mut Said<'_>) {
        if !once(&mut self.known) {
            return;
        }
        said.protocol(protocol);
        said.service(Fact::Encryption(Encryption::None));
        if is_ours(said.client.zone) {
            said.client_host(Fact::Medical);
        }
        if is_ours(said.server.zone) || !is_ours(said.client.zone) {
            said.server_host(Fact::Medical);
        }
        for (kind, times) in LabRecord::ALL.iter().zip(core::mem::take(&mut self.early)) {
            if times > 0 {
                said.service_times(Fact::LabRecord(*kind), times);
                self.leaves(*kind, said);
            }
        }
    }

    /// The server said something of the protocol.
    fn answered(&mut self, said: &mut Said<'_>) {
        if self.known && once(&mut self.answered) {
            said.answered();
            said.service(Fact::Login(Login::None));
        }
    }

    /// A record went over.
    fn record(&mut self, kind: LabRecord, is_server: bool, said: &mut Said<'_>) {
        let [client, server] = &mut self.analyser;
        let zone = if is_server { said.server.zone } else { said.client.zone };
        if kind == LabRecord::Result && is_ours(zone) && once(if is_server { server } else { client }) {
            let fact = Fact::Role(Role::Lab);
            if is_server { said.server_host(fact) } else { said.client_host(fact) }
        }
        if !self.known {
            if let Some(times) = self.early.get_mut(kind as usize) {
                *times = times.saturating_add(1);
            }
            return;
        }
        said.service(Fact::LabRecord(kind));
        self.leaves(kind, said);
        if is_server && kind != LabRecord::Query && once(&mut self.served) {
            said.service(Fact::DataServed);
        }
    }

    /// Records of the clinic that go to a server which is not its own.
    fn leaves(&mut self, kind: LabRecord, said: &mut Said<'_>) {
        let is_out = is_ours(said.client.zone) && !is_ours(said.server.zone);
        if is_out && kind != LabRecord::Query && once(&mut self.left) {
            said.client_host(Fact::MedicalCleartextOut);
        }
    }
}

fn sniff_astm(opening: &Opening<'_>) -> Verdict {
    match (astm::likeness(opening.client), astm::likeness(opening.server)) {
        (Likeness::Yes, Likeness::Short | Likeness::Yes) | (Likeness::Short, Likeness::Yes) => Verdict::Yes,
        // A serial-to-Ethernet server may have greeted in its own words.
        (Likeness::Yes, Likeness::No) | (Likeness::No, Likeness::Yes) => Verdict::Yes,
        (Likeness::Short, Likeness::Short) => Verdict::Unsure,
        _ => Verdict::No,
    }
}

/// One conversation of ASTM.
#[derive(Default)]
struct Frames {
    client: astm::Walk,
    server: astm::Walk,
    /// Frames that each side sent, records without frames included.
    sent: [u32; 2],
    /// A header record was heard.
    begun: bool,
    spoken: Spoken,
}

impl Listener for Frames {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        self.side(talk.client, false, said);
        self.side(talk.server, true, said);
        if talk.client.is_ended() && talk.server.is_ended() { Interest::Done } else { Interest::More }
    }
}

impl Frames {
    /// Hears all that waits on one side. Work is bounded by the octets.
    fn side(&mut self, head: &mut Head, is_server: bool, said: &mut Said<'_>) {
        if head.torn() {
            self.walk(is_server).lose();
        }
        let len = head.octets().len();
        for at in 0..len {
            let Some(octet) = head.octets().get(at).copied() else { break };
            if let Some(heard) = self.walk(is_server).hear(octet) {
                self.heard(heard, is_server, said);
            }
        }
        head.take(len);
    }

    fn walk(&mut self, is_server: bool) -> &mut astm::Walk {
        if is_server { &mut self.server } else { &mut self.client }
    }

    fn heard(&mut self, heard: astm::Said, is_server: bool, said: &mut Said<'_>) {
        let [from_client, from_server] = self.sent;
        let (own, other) = if is_server { (from_server, from_client) } else { (from_client, from_server) };
        match heard {
            astm::Said::Record(record) => {
                self.begun |= record == Record::Header;
                let kind = match record {
                    Record::Patient => Some(LabRecord::Patient),
                    Record::Order => Some(LabRecord::Order),
                    Record::Result => Some(LabRecord::Result),
                    Record::Query => Some(LabRecord::Query),
                    Record::Header | Record::Terminator | Record::Other => None,
                };
                // The next frame is sent only when the one before was taken.
                if self.begun && (own > 0 || (record == Record::Header && other > 0)) {
                    self.spoken.understood(Protocol::Astm, said);
                }
                if let Some(kind) = kind {
                    self.spoken.record(kind, is_server, said);
                }
            }
            astm::Said::FrameEnd => {
                let [client, server] = &mut self.sent;
                let sent = if is_server { server } else { client };
                *sent = sent.saturating_add(1);
            }
            astm::Said::Taken if self.begun => self.spoken.understood(Protocol::Astm, said),
            _ => {}
        }
        if is_server {
            self.spoken.answered(said);
        }
    }
}

fn sniff_poct1a(opening: &Opening<'_>) -> Verdict {
    match (poct1a::begins(opening.client), poct1a::begins(opening.server)) {
        (Begins::Yes { .. }, _) | (_, Begins::Yes { .. }) => Verdict::Yes,
        (Begins::Short, Begins::Short) => Verdict::Unsure,
        _ => Verdict::No,
    }
}

/// One conversation of POCT1-A.
#[derive(Default)]
struct Documents {
    /// The message that each side is inside of.
    inside: [Option<[u8; 7]>; 2],
    /// Messages that each side sent.
    sent: [u32; 2],
    /// Octets of a side that belonged to no message.
    lost: usize,
    spoken: Spoken,
}

impl Listener for Documents {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        self.side(talk.client, false, said);
        self.side(talk.server, true, said);
        let ended = talk.client.is_ended() && talk.server.is_ended();
        if ended || self.lost > MAX_LOST { Interest::Done } else { Interest::More }
    }
}

impl Documents {
    /// Hears all that waits on one side. Each round takes octets away.
    fn side(&mut self, head: &mut Head, is_server: bool, said: &mut Said<'_>) {
        if head.torn() {
            // Inside of what, nobody knows: the end of any message is waited for.
            *self.inside(is_server) = None;
        }
        while !head.octets().is_empty() {
            if let Some(name) = *self.inside(is_server) {
                let octets = head.octets();
                let Some(end) = poct1a::end(octets, name) else {
                    // The end may have begun.
                    return head.take(octets.len().saturating_sub(END_OCTETS - 1));
                };
                head.take(end);
                *self.inside(is_server) = None;
                continue;
            }
            match poct1a::begins(head.octets()) {
                Begins::Yes { kind, name, octets } => {
                    head.take(octets);
                    *self.inside(is_server) = Some(name);
                    self.message(kind, is_server, said);
                }
                Begins::Short => return,
                Begins::No => {
                    let octets = head.octets();
                    let next =
                        octets.iter().skip(1).position(|o| *o == b'<').map_or(octets.len(), |p| p.saturating_add(1));
                    head.take(next);
                    self.lost = self.lost.saturating_add(next);
                }
            }
        }
    }

    fn inside(&mut self, is_server: bool) -> &mut Option<[u8; 7]> {
        let [client, server] = &mut self.inside;
        if is_server { server } else { client }
    }

    fn message(&mut self, kind: Kind, is_server: bool, said: &mut Said<'_>) {
        let [client, server] = &mut self.sent;
        let sent = if is_server { server } else { client };
        *sent = sent.saturating_add(1);
        if self.sent.iter().all(|n| *n > 0) || self.sent.iter().any(|n| *n > 1) {
            self.spoken.understood(Protocol::Poct1a, said);
        }
        match kind {
            Kind::Observations => self.spoken.record(LabRecord::Result, is_server, said),
            Kind::Patients => self.spoken.record(LabRecord::Patient, is_server, said),
            _ => {}
        }
        if is_server {
            self.spoken.answered(said);
        }
    }
}

/// Not of another site or somebody else's.
const fn is_ours(zone: Zone) -> bool {
    !matches!(zone, Zone::Outside)
}

/// Octets between messages after which nothing will be understood any more.
const MAX_LOST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::super::Observation;
    use super::super::testing::{Says, facts, hear};
    use super::*;
    use Says::{Client, Server};
    use auscult_report::subject::{HostId, Subject};

    const ENQ: &[u8] = b"\x05";
    const ACK: &[u8] = b"\x06";
    const HEADER: &[u8] = b"\x021H|\\^&|||ZZCANARY^LAB|||||||P|1\r\x03D4\r\n";
    const PATIENT: &[u8] = b"\x022P|1|ZZCANARY|||ZZCANARY^ROBERT||19610203|M\r\x03A0\r\n";
    const RESULT: &[u8] = b"\x023R|1|^^^GLU|5.7|mmol/L\r\x03B1\r\n";

    fn heard(detector: &Detector, says: &[Says<'_>]) -> Vec<Observation> {
        let whole = hear(detector, 4000, 60_000, says);
        let pieces = hear(detector, 4000, 1, says);
        assert_eq!(whole, pieces, "in one piece or octet by octet");
        assert!(!format!("{whole:?}").contains("ZZCANARY"));
        whole
    }

    #[test]
    fn an_analyser_that_is_acknowledged_is_heard_with_its_kinds_of_records() {
        let says = [
            Client(ENQ),
            Server(ACK),
            Client(HEADER),
            Server(ACK),
            Client(PATIENT),
            Server(ACK),
            Client(RESULT),
            Server(ACK),
            Client(b"\x04"),
        ];
        let facts = facts(&heard(&ASTM, &says));
        for fact in [
            Fact::Protocol(Protocol::Astm),
            Fact::Encryption(Encryption::None),
            Fact::Answered,
            Fact::Login(Login::None),
            Fact::LabRecord(LabRecord::Patient),
            Fact::LabRecord(LabRecord::Result),
            Fact::Medical,
        ] {
            assert!(facts.contains(&fact), "{fact:?} in {facts:?}");
        }
        assert!(!facts.contains(&Fact::DataServed) && !facts.contains(&Fact::MedicalCleartextOut));
        assert!(!facts.contains(&Fact::Role(Role::Lab)), "the analyser of the test is outside");
    }

    #[test]
    fn a_server_that_gives_results_is_an_analyser_that_gives_them_to_whoever_calls() {
        let says = [Server(ENQ), Client(ACK), Server(HEADER), Client(ACK), Server(RESULT), Client(ACK)];
        let all = heard(&ASTM, &says);
        let lab: Vec<_> = all.iter().filter(|o| o.fact == Fact::Role(Role::Lab)).map(|o| o.subject).collect();
        assert_eq!(lab, [Subject::Host(HostId(1))]);
        assert!(facts(&all).contains(&Fact::DataServed));
    }

    #[test]
    fn one_side_alone_is_believed_when_it_goes_on() {
        let alone = facts(&heard(&ASTM, &[Client(HEADER)]));
        assert_eq!(alone, [], "nobody took it");
        let goes_on = facts(&heard(&ASTM, &[Client(HEADER), Client(PATIENT), Client(RESULT)]));
        assert!(goes_on.contains(&Fact::Protocol(Protocol::Astm)) && !goes_on.contains(&Fact::Answered));
    }

    const HELLO: &[u8] = b"<?xml version=\"1.0\"?><HEL.R01><HDR/><DEV><DEV.vendor_id V=\"ZZCANARY\"/></DEV></HEL.R01>";
    const TAKEN: &[u8] = b"<ACK.R01><ACK><ACK.type_cd V=\"AA\"/></ACK></ACK.R01>\r\n";
    const RESULTS: &[u8] = b"<OBS.R01><SVC><PT><PT.patient_id V=\"ZZCANARY\"/></PT></SVC></OBS.R01>";

    #[test]
    fn a_bedside_analyser_is_heard_by_the_roots_of_its_messages() {
        let facts = facts(&heard(&POCT1A, &[Client(HELLO), Server(TAKEN), Client(RESULTS), Server(TAKEN)]));
        let wanted =
            [Fact::Protocol(Protocol::Poct1a), Fact::Answered, Fact::LabRecord(LabRecord::Result), Fact::Medical];
        assert!(wanted.iter().all(|w| facts.contains(w)), "{facts:?}");
        assert_eq!(facts.iter().filter(|f| matches!(f, Fact::LabRecord(_))).count(), 1);
    }

    #[test]
    fn a_root_inside_of_a_message_is_none_and_one_message_proves_nothing() {
        let nested = b"<HEL.R01><OBS.R01></OBS.R01></HEL.R01>";
        let all = facts(&heard(&POCT1A, &[Client(nested), Server(TAKEN)]));
        assert!(!all.iter().any(|f| matches!(f, Fact::LabRecord(_))), "{all:?}");
        assert_eq!(facts(&heard(&POCT1A, &[Client(HELLO)])), []);
    }
}
