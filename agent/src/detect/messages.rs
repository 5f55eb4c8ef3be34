//! HL7 v2 messages over MLLP: of what kind, in which version, and whether they are acknowledged.
//!
//! Keeps: a word for the kind (MSH-9), a version of the list (MSH-12), counts. Drops: everything else; of the segments
//! after MSH only the name is looked at until MSA was found, and messages are passed over as they come.

use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::mllp::{Acknowledgement, BEGIN, CARRIAGE_RETURN, END, Likeness, Msh, ends_segment, likeness};
use auscult_report::fact::{Encryption, Fact, Hl7Kind, Login, Protocol};
use auscult_report::version::Version;
use auscult_report::zone::Zone;
use core::mem::replace;

/// HL7 v2 over MLLP, on any port.
pub const MLLP: Detector = Detector {
    name: "mllp",
    version: 1,
    hears: "HL7 v2 messages in MLLP frames on any port, by the header segment MSH with its encoding characters: kind and \
            version of each message, and how many were acknowledged (MSA), whatever the acknowledgement says, because \
            also a refusal proves that messages are read. Patients, visits and results stand in other segments, which \
            are passed over. A server that sends messages of its own instead of taking them is heard as one that gives \
            data to whoever calls.",
    sniff,
    start: || Box::new(Exchange::default()),
};

fn sniff(opening: &Opening<'_>) -> Verdict {
    use Likeness::{No, Yes};
    match (likeness(opening.client), likeness(opening.server)) {
        (Yes { .. }, _) | (_, Yes { .. }) => Verdict::Yes,
        (No, No) => Verdict::No,
        (No, _) if opening.server.is_empty() => Verdict::No,
        (_, No) if opening.client.is_empty() => Verdict::No,
        _ => Verdict::Unsure,
    }
}

/// One conversation.
#[derive(Default)]
struct Exchange {
    client: Walk,
    server: Walk,
    /// Messages that the client sent to their end.
    sent: u32,
    /// A bit for each [`Hl7Kind`] and each of [`VERSIONS`], heard; they are told when it is sure that this is a service.
    kinds: u16,
    versions: u16,
    said: Once,
}

/// What was said already: each of it once a conversation.
#[derive(Default)]
struct Once {
    protocol: bool,
    answered: bool,
    served: bool,
    medical: bool,
    kinds: u16,
    versions: u16,
}

impl Listener for Exchange {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        let one_sided = talk.server.heard() == 0;
        while let Some(heard) = self.client.next(talk.client) {
            self.client_said(heard, one_sided, said);
        }
        while let Some(heard) = self.server.next(talk.server) {
            self.server_said(heard, said);
        }
        if one_sided && self.sent > 0 && talk.client.is_ended() {
            self.understood(said);
        }
        self.tell(said);
        let ended = talk.client.is_ended() && talk.server.is_ended();
        if ended || (self.client.is_deaf() && self.server.is_deaf()) { Interest::Done } else { Interest::More }
    }
}

impl Exchange {
    fn client_said(&mut self, heard: Heard, one_sided: bool, said: &mut Said<'_>) {
        match heard {
            Heard::Begin => {}
            Heard::Message { kind, version } => {
                // Nobody goes on where the first message was not understood: a sign where only this side is heard.
                if one_sided && self.sent > 0 {
                    self.understood(said);
                }
                if kind != Hl7Kind::Ack {
                    self.kinds |= kind_bit(kind);
                }
                self.versions |= version;
            }
            // The client takes what the server sends.
            Heard::Acknowledgement if self.said.protocol => self.medical(said),
            Heard::Acknowledgement => {}
            Heard::Whole => self.sent = self.sent.saturating_add(1),
        }
    }

    fn server_said(&mut self, heard: Heard, said: &mut Said<'_>) {
        match heard {
            Heard::Begin => {
                self.understood(said);
                if !replace(&mut self.said.answered, true) {
                    said.answered();
                    said.service(Fact::Login(Login::None));
                }
            }
            Heard::Message { kind, version } => {
                self.versions |= version;
                // An answer has a kind of its own; these are what others would send to a server.
                if !matches!(kind, Hl7Kind::Ack | Hl7Kind::Other) {
                    self.kinds |= kind_bit(kind);
                    if !replace(&mut self.said.served, true) {
                        said.service(Fact::DataServed);
                    }
                }
            }
            Heard::Acknowledgement => {
                said.service(Fact::Hl7Acknowledged);
                self.medical(said);
            }
            Heard::Whole => {}
        }
    }

    /// The server speaks it too, or the client goes on as if it did.
    fn understood(&mut self, said: &mut Said<'_>) {
        if replace(&mut self.said.protocol, true) {
            return;
        }
        said.protocol(Protocol::Mllp);
        said.service(Fact::Encryption(Encryption::None));
        if self.kinds != 0 && is_ours(said.client.zone) && !is_ours(said.server.zone) {
            said.client_host(Fact::MedicalCleartextOut);
        }
    }

    /// Kinds and versions that were heard and not told yet.
    fn tell(&mut self, said: &mut Said<'_>) {
        if !self.said.protocol {
            return;
        }
        let kinds = self.kinds & !replace(&mut self.said.kinds, self.kinds);
        for kind in Hl7Kind::ALL.iter().filter(|k| kinds & kind_bit(**k) != 0) {
            said.service(Fact::Hl7Kind(*kind));
        }
        let versions = self.versions & !replace(&mut self.said.versions, self.versions);
        let heard = VERSIONS.iter().enumerate().filter(|(place, _)| versions & bit(*place) != 0);
        for version in heard.filter_map(|(_, text)| Version::exact(text)) {
            said.service(Fact::Hl7Version(version));
        }
    }

    /// Both ends speak HL7. A client outside is no host of the clinic, nor is a partner's server.
    fn medical(&mut self, said: &mut Said<'_>) {
        if replace(&mut self.said.medical, true) {
            return;
        }
        if is_ours(said.client.zone) {
            said.client_host(Fact::Medical);
        }
        if is_ours(said.server.zone) || !is_ours(said.client.zone) {
            said.server_host(Fact::Medical);
        }
    }
}

/// What was heard next on one side.
#[derive(Clone, Copy)]
enum Heard {
    /// A message begins.
    Begin,
    /// Its header; the version as a bit.
    Message { kind: Hl7Kind, version: u16 },
    /// It acknowledges one of the other side.
    Acknowledgement,
    /// It was sent to its end.
    Whole,
}

/// Where one side stands.
#[derive(Default)]
struct Walk {
    stage: Stage,
    /// Octets let go since a message was last recognised.
    lost: usize,
}

#[derive(Clone, Copy, Default)]
enum Stage {
    /// A message may begin.
    #[default]
    Between,
    /// A segment begins; so many more are looked at.
    Segment { left: u8, separator: u8 },
    /// Inside of a segment that is none of our business.
    Passing { left: u8, separator: u8 },
    /// The rest of the message.
    Body,
    /// Nothing more will be understood.
    Deaf,
}

/// What a step came to: something heard, another look, or more octets.
enum Step {
    Say(Heard),
    On,
    Wait,
}

impl Walk {
    /// The next thing heard on this side, if enough waits. Work is bounded by what waits: each step takes octets away
    /// or goes on to one that does.
    fn next(&mut self, head: &mut Head) -> Option<Heard> {
        if head.torn() && !self.is_deaf() {
            self.stage = Stage::Between;
        }
        while !head.is_skipping() && !head.octets().is_empty() {
            let step = match self.stage {
                Stage::Between => self.find(head),
                Stage::Segment { left: 0, .. } => {
                    self.stage = Stage::Body;
                    Step::On
                }
                Stage::Segment { left, separator } => self.segment(head, left, separator),
                Stage::Passing { left, separator } => self.pass(head, left, separator),
                Stage::Body => self.body(head),
                Stage::Deaf => Step::Wait,
            };
            match step {
                Step::Say(heard) => return Some(heard),
                Step::On => {}
                Step::Wait => return None,
            }
        }
        None
    }

    const fn is_deaf(&self) -> bool {
        matches!(self.stage, Stage::Deaf)
    }

    fn find(&mut self, head: &mut Head) -> Step {
        let octets = head.octets();
        match likeness(octets) {
            Likeness::Yes { framed } => {
                head.take(usize::from(framed));
                self.lost = 0;
                self.stage = Stage::Segment { left: MAX_LEADING, separator: 0 };
                return Step::Say(Heard::Begin);
            }
            Likeness::Short => return Step::Wait,
            Likeness::No => {}
        }
        let next = octets.iter().skip(1).position(|o| *o == BEGIN).map_or(octets.len(), |p| p.saturating_add(1));
        head.take(next);
        self.lost = self.lost.saturating_add(next);
        if self.lost > MAX_LOST {
            self.stage = Stage::Deaf;
            head.skip(u64::MAX);
        }
        Step::On
    }

    fn segment(&mut self, head: &mut Head, left: u8, separator: u8) -> Step {
        let octets = head.octets();
        let end = octets.iter().take(MAX_HEADER).position(|o| ends_segment(*o));
        let (segment, is_whole) = (octets.get(..end.unwrap_or(octets.len())).unwrap_or_default(), end.is_some());
        let next = Stage::Segment { left: left.saturating_sub(1), separator };
        if end == Some(0) {
            // The end of the message, a message without end before the next one, or an empty line.
            if matches!(octets.first(), Some(&(END | BEGIN))) {
                self.stage = Stage::Body;
            } else {
                head.take(1);
                self.stage = next;
            }
        } else if segment.starts_with(b"MSH") && (is_whole || octets.len() < MAX_HEADER) {
            if !is_whole {
                return Step::Wait;
            }
            let msh = Msh::read(segment).ok();
            let heard = msh.map(|m| Heard::Message { kind: kind(m.kind), version: version_bit(m.version) });
            let separator = msh.map_or(separator, |m| m.separator);
            head.take(segment.len());
            self.stage = Stage::Segment { left: left.saturating_sub(1), separator };
            return heard.map_or(Step::On, Step::Say);
        } else if segment.starts_with(b"MSA") {
            // Name, separator, two octets of code, and what ends them.
            if !is_whole && segment.len() < 7 {
                return Step::Wait;
            }
            let mut fields = segment.split(|o| *o == separator);
            let code = fields.nth(1).and_then(Acknowledgement::of);
            self.stage = Stage::Body;
            return code.map_or(Step::On, |_| Step::Say(Heard::Acknowledgement));
        } else if !is_whole && segment.len() < 3 {
            return Step::Wait;
        } else {
            self.stage = Stage::Passing { left, separator };
        }
        Step::On
    }

    fn pass(&mut self, head: &mut Head, left: u8, separator: u8) -> Step {
        let octets = head.octets();
        let end = octets.iter().position(|o| ends_segment(*o));
        head.take(end.unwrap_or(octets.len()));
        if end.is_some() {
            self.stage = Stage::Segment { left: left.saturating_sub(1), separator };
        }
        Step::On
    }

    /// Goes to the end of the message, or to the next one where a sender leaves the end out.
    fn body(&mut self, head: &mut Head) -> Step {
        let octets = head.octets();
        let place = octets.iter().position(|o| matches!(*o, END | BEGIN));
        let rest = place.and_then(|p| octets.get(p..)).unwrap_or_default();
        let (passed, over) = match rest {
            [] => (octets.len(), Some(false)),
            [END, CARRIAGE_RETURN, ..] => (2, Some(true)),
            [END, BEGIN, ..] => (1, Some(true)),
            [END] => (0, None),
            [END, ..] => (1, Some(false)),
            _ => match likeness(rest) {
                Likeness::Yes { .. } => (0, Some(true)),
                Likeness::Short => (0, None),
                Likeness::No => (1, Some(false)),
            },
        };
        head.take(place.unwrap_or(0).saturating_add(passed));
        match over {
            Some(true) => {
                self.stage = Stage::Between;
                Step::Say(Heard::Whole)
            }
            Some(false) => Step::On,
            None => Step::Wait,
        }
    }
}

/// MSH-9.1 (HL7 table 0076).
fn kind(text: &[u8]) -> Hl7Kind {
    match text {
        b"ADT" => Hl7Kind::Adt,
        b"ORM" => Hl7Kind::Orm,
        b"ORU" => Hl7Kind::Oru,
        b"SIU" => Hl7Kind::Siu,
        b"DFT" => Hl7Kind::Dft,
        b"MDM" => Hl7Kind::Mdm,
        b"ACK" | b"MCF" => Hl7Kind::Ack,
        _ => Hl7Kind::Other,
    }
}

fn kind_bit(kind: Hl7Kind) -> u16 {
    Hl7Kind::ALL.iter().position(|k| *k == kind).map_or(0, bit)
}

fn version_bit(text: &[u8]) -> u16 {
    VERSIONS.iter().position(|v| *v == text).map_or(0, bit)
}

fn bit(place: usize) -> u16 {
    u32::try_from(place).ok().and_then(|p| 1u16.checked_shl(p)).unwrap_or(0)
}

const fn is_ours(zone: Zone) -> bool {
    !matches!(zone, Zone::Outside)
}

/// HL7 table 0104. MSH-12 is written by people: what is not a version of the standard is not told.
const VERSIONS: [&[u8]; 15] = [
    b"2.1", b"2.2", b"2.3", b"2.3.1", b"2.4", b"2.5", b"2.5.1", b"2.6", b"2.7", b"2.7.1", b"2.8", b"2.8.1", b"2.8.2",
    b"2.9", b"2.9.1",
];

/// Segments that are looked at: before MSA stand MSH, SFT (repeated) and UAC (HL7 v2.7, 2.14.1), and the headers of a
/// file and of a batch before the first MSH.
const MAX_LEADING: u8 = 8;

/// Octets of a segment that is waited for: MSH has six names of at most 227 octets, and usually under 200 in all.
const MAX_HEADER: usize = 2048;

/// Octets without a message after which a side is given up: messages with documents in them have megabytes.
const MAX_LOST: usize = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::super::testing::{Says, facts, hear};
    use super::*;

    const ADMISSION: &[u8] = b"\x0bMSH|^~\\&|REGADT|MCM|IFENG|CLINIC|20240312101700||ADT^A01|MSG00002|P|2.5.1\r\
        EVN|A01|20240312101700\rPID|1||CNRY-000123^^^CLINIC^MR||ZZCANARY^PATIENT^0001||19010203|M\r\x1c\r";
    const RESULT: &[u8] = b"\x0bMSH|^~\\&|ANALYZER|LAB|LIS|CLINIC|20240312101500||ORU^R01|MSG00001|P|2.3\r\
        PID|1||CNRY-000123||ZZCANARY^PATIENT\rOBX|1|TX|X||CNRYDX MSA|AA|MSG00001\r\x1c\r";
    const TAKEN: &[u8] = b"\x0bMSH|^~\\&|IFENG|CLINIC|REGADT|MCM|20261121194032||ACK^A01^ACK|63|P|2.5.1\r\
        MSA|AA|MSG00002\r\x1c\r";
    const TURNED_DOWN: &[u8] = b"\x0bMSH|^~\\&|IFENG|CLINIC|REGADT|MCM|20261121194032||ACK|64|P|2.5.1\r\
        SFT|ZZCANARY|1.0|X|1\rMSA|AR|MSG00002|ZZCANARY is unknown here\rERR|||207^CNRYDX\r\x1c\r";

    fn version(text: &str) -> Fact {
        Fact::Hl7Version(Version::exact(text.as_bytes()).unwrap())
    }

    fn count(heard: &[super::super::Observation], fact: Fact) -> usize {
        heard.iter().filter(|o| o.fact == fact).count()
    }

    /// A place among so many, wherever a pointer has 32 bits too.
    fn below(random: u64, length: usize) -> usize {
        usize::try_from(random.checked_rem(u64::try_from(length).unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn an_acknowledged_message_from_outside_is_told_in_any_pieces() {
        for piece in [1, 2, 7, 4096] {
            let heard = hear(&MLLP, 6661, piece, &[Says::Client(ADMISSION), Says::Server(TAKEN)]);
            let facts = facts(&heard);
            for fact in [
                Fact::Protocol(Protocol::Mllp),
                Fact::Encryption(Encryption::None),
                Fact::Answered,
                Fact::OutsideNetwork,
                Fact::Login(Login::None),
                Fact::Hl7Acknowledged,
                Fact::Hl7Kind(Hl7Kind::Adt),
                version("2.5.1"),
                Fact::Medical,
            ] {
                assert!(facts.contains(&fact), "{fact:?} in pieces of {piece}");
            }
            assert_eq!(facts.len(), 9);
            assert!(!format!("{heard:?}").contains("CANARY"));
        }
    }

    #[test]
    fn each_message_is_acknowledged_once_whatever_the_code_and_whatever_stands_in_results() {
        let says = [Says::Client(RESULT), Says::Server(TAKEN), Says::Client(ADMISSION), Says::Server(TURNED_DOWN)];
        let heard = hear(&MLLP, 2575, 4096, &says);
        assert_eq!(count(&heard, Fact::Hl7Acknowledged), 2);
        assert_eq!(count(&heard, Fact::Hl7Kind(Hl7Kind::Oru)), 1);
        assert_eq!(count(&heard, Fact::Hl7Kind(Hl7Kind::Ack)), 0);
        assert_eq!(count(&heard, version("2.3")), 1);
        assert_eq!(count(&heard, version("2.5.1")), 1);
    }

    #[test]
    fn answers_alone_are_enough() {
        let heard = hear(&MLLP, 2575, 5, &[Says::Server(TAKEN), Says::Server(TAKEN)]);
        assert_eq!(count(&heard, Fact::Hl7Acknowledged), 2);
        assert_eq!(count(&heard, Fact::Answered), 1);
    }

    #[test]
    fn a_message_that_nobody_answers_is_no_service_until_a_second_one_follows() {
        assert!(hear(&MLLP, 2575, 4096, &[Says::Client(ADMISSION)]).is_empty());
        let heard = hear(&MLLP, 2575, 4096, &[Says::Client(ADMISSION), Says::Client(RESULT)]);
        assert_eq!(count(&heard, Fact::Protocol(Protocol::Mllp)), 1);
        assert_eq!(count(&heard, Fact::Answered), 0);
    }

    #[test]
    fn a_message_answered_by_something_else_is_no_service() {
        let says = [Says::Client(ADMISSION), Says::Server(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Says::Client(RESULT)];
        assert!(hear(&MLLP, 80, 4096, &says).is_empty());
    }

    #[test]
    fn a_server_that_sends_results_to_whoever_calls_serves_data() {
        let heard = hear(&MLLP, 2575, 4096, &[Says::Server(RESULT), Says::Client(TAKEN)]);
        assert_eq!(count(&heard, Fact::DataServed), 1);
        assert_eq!(count(&heard, Fact::Hl7Kind(Hl7Kind::Oru)), 1);
        assert_eq!(count(&heard, Fact::Hl7Acknowledged), 0);
    }

    #[test]
    fn a_version_that_is_none_is_not_told() {
        let other = b"\x0bMSH|^~\\&|A|B|C|D|1||ZZCANARY^A01|1|P|2.19010203\rPID|1\r\x1c\r";
        let heard = hear(&MLLP, 2575, 4096, &[Says::Client(other), Says::Server(TAKEN)]);
        assert_eq!(count(&heard, Fact::Hl7Kind(Hl7Kind::Other)), 1);
        assert_eq!(heard.iter().filter(|o| matches!(o.fact, Fact::Hl7Version(_))).count(), 1);
    }

    #[test]
    fn a_long_message_is_passed_over_without_being_held() {
        let mut long = b"\x0bMSH|^~\\&|A|B|C|D|1||MDM^T02|1|P|2.4\rOBX|1|ED|".to_vec();
        long.extend(vec![b'A'; 200_000]);
        long.extend(b"\r\x1c\r");
        let says = [Says::Client(&long), Says::Client(&long), Says::Server(TAKEN)];
        let heard = hear(&MLLP, 2575, 1448, &says);
        assert_eq!(count(&heard, Fact::Hl7Kind(Hl7Kind::Mdm)), 1);
        assert_eq!(count(&heard, Fact::Hl7Acknowledged), 1);
    }

    #[test]
    fn after_a_hole_the_next_message_is_found() {
        let mut head = Head::default();
        let mut walk = Walk::default();
        head.segment(0, &ADMISSION[..60], 5); // the capture lost five octets
        while walk.next(&mut head).is_some() {}
        head.segment(65, &ADMISSION[65..], 0);
        assert!(walk.next(&mut head).is_none());
        head.segment(u32::try_from(ADMISSION.len()).unwrap(), RESULT, 0);
        assert!(matches!(walk.next(&mut head), Some(Heard::Begin)));
        assert!(matches!(walk.next(&mut head), Some(Heard::Message { kind: Hl7Kind::Oru, .. })));
        assert!(matches!(walk.next(&mut head), Some(Heard::Whole)));
    }

    #[test]
    fn a_message_whose_end_is_left_out_ends_where_the_next_begins() {
        let bare = b"\x0bMSH|^~\\&|A|B|C|D|1||ADT^A01|1|P|2.3\rPID|1\r";
        let heard = hear(&MLLP, 2575, 3, &[Says::Client(bare), Says::Client(RESULT), Says::Server(TAKEN)]);
        assert_eq!(count(&heard, Fact::Hl7Kind(Hl7Kind::Oru)), 1);
        assert_eq!(count(&heard, Fact::Hl7Kind(Hl7Kind::Adt)), 1);
    }

    #[test]
    fn changed_octets_never_panic_and_never_tell_a_name() {
        let mut seed = 0x9e37_79b9_7f4a_7c15u64;
        let mut random = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        for _ in 0..3000 {
            let (mut client, mut server) = ([ADMISSION, RESULT].concat(), [TAKEN, TURNED_DOWN].concat());
            for _ in 0..random() % 8 {
                let at = below(random(), client.len());
                client[at] = random().to_le_bytes()[0];
                let at = below(random(), server.len());
                server[at] = random().to_le_bytes()[0];
            }
            let piece = 1 + usize::try_from(random() % 200).unwrap();
            // A sniff that says no is no fault here: the first octets are kept as they were.
            client[..10].copy_from_slice(&ADMISSION[..10]);
            let heard = hear(&MLLP, 2575, piece, &[Says::Client(&client), Says::Server(&server)]);
            assert!(!format!("{heard:?}").contains("CANARY"));
        }
    }
}
