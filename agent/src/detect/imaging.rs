//! DICOM associations: who is let in, for what, with which identity, and what goes out (PS3.7, PS3.8).
//!
//! Keeps: per conversation the services of its contexts, the kind of identity, the state of one query; the two titles
//! until the association is accepted, when they are hashed. Drops: titles, identities, identifiers, all data sets.

use super::dicom_maker::{Class, Name};
use super::dicom_once::Once;
use super::dicom_walk::{Heard, Order, Walk};
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::wire::dicom::{Likeness, PduKind, Rejection, Title, likeness};
use crate::wire::dimse::{CommandSet, command};
use auscult_report::fact::{DicomIdentity, DicomService, Fact, Login};

/// DICOM over TCP, on any port.
pub const DICOM: Detector = Detector {
    name: "dicom",
    version: 1,
    hears: "DICOM associations on any port, by their content: whether a caller is let in, for which services, whether \
            it showed an identity, how many matches and objects it was given, how many it stored. Titles are counted, \
            never told; identities, identifiers and data sets are never read. A conversation of which only the \
            server's side was heard counts as one without identity if the server acknowledged none: a caller that \
            showed one without asking for an answer is then mistaken. The implementation is mostly the toolkit's.",
    sniff,
    start: || Box::new(Association::default()),
};

fn sniff(opening: &Opening<'_>) -> Verdict {
    use Likeness::{Maybe, No, Short, Yes};
    use PduKind::{AssociateAccept, AssociateReject, AssociateRequest, Data, ReleaseRequest, ReleaseResponse};
    let (client, server) = (likeness(opening.client), likeness(opening.server));
    match (client, server) {
        // These two are a server's, and this one is a client's: the sides are the other way round.
        (Yes(AssociateAccept | AssociateReject), _) | (_, Yes(AssociateRequest)) => return Verdict::No,
        _ => {}
    }
    let wrong_side = CommandSet::first_of(opening.client).is_some_and(|c| is_servers(&c))
        || CommandSet::first_of(opening.server).is_some_and(|c| is_clients(&c));
    match (client, server) {
        _ if wrong_side => Verdict::No,
        (Yes(AssociateRequest | Data), _) | (_, Yes(AssociateAccept | AssociateReject | Data)) => Verdict::Yes,
        // Ten octets each that are all given by the standard.
        (Maybe(ReleaseRequest), Maybe(ReleaseResponse)) => Verdict::Yes,
        (No, No) => Verdict::No,
        (No, _) if opening.server.is_empty() => Verdict::No,
        (_, No) if opening.client.is_empty() => Verdict::No,
        (Short | Maybe(_) | No | Yes(_), _) => Verdict::Unsure,
    }
}

/// Only servers answer; a client answers what is sent to it by C-GET, and reports of events.
fn is_servers(set: &CommandSet<'_>) -> bool {
    set.is_answer() && !matches!(set.command, command::STORE_ANSWER | command::EVENT_REPORT_ANSWER)
}

/// Only clients ask; a server sends what was asked for by C-GET, and reports of events.
fn is_clients(set: &CommandSet<'_>) -> bool {
    !set.is_answer() && !matches!(set.command, command::STORE | command::EVENT_REPORT)
}

/// One conversation: PS3.8 has one association a connection.
#[derive(Default)]
struct Association {
    client: Walk,
    server: Walk,
    request: Request,
    answer: Answer,
    query: Query,
    said: Once,
    /// Both halves of the association were heard to their end, and told.
    is_settled: bool,
}

/// What the client asked for.
struct Request {
    is_heard: bool,
    is_whole: bool,
    /// Title called, title calling.
    titles: Option<(Title, Title)>,
    /// By presentation context, halved: they are odd.
    services: [Option<DicomService>; CONTEXTS],
    identity: Option<Shown>,
}

#[derive(Clone, Copy)]
struct Shown {
    /// `None`: of a kind that the standard does not have yet.
    kind: Option<DicomIdentity>,
    answer_wanted: bool,
}

/// What the server let in.
#[derive(Default)]
struct Answer {
    is_whole: bool,
    /// A bit for each context, as in [`Request::services`].
    accepted: u128,
    identity: bool,
    class: Option<Class>,
    name: Option<Name>,
}

/// The query or retrieval in hand.
#[derive(Default)]
struct Query {
    is_open: bool,
    matches: u32,
    /// Objects that the server sent on this connection.
    sent: u32,
    /// Objects told to be handed over.
    told: u32,
}

/// Who calls.
#[derive(Clone, Copy)]
enum Caller {
    Unknown,
    Nobody,
    Somebody(Shown),
}

impl Listener for Association {
    fn held(&self) -> usize {
        self.client.held().saturating_add(self.server.held())
    }

    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        let mut over = false;
        while let Some(heard) = self.client.next(talk.client) {
            over |= self.client_said(heard, talk.server.heard() == 0, said);
        }
        let one_sided = talk.client.heard() == 0;
        while let Some(heard) = self.server.next(talk.server) {
            over |= self.server_said(heard, one_sided, said);
        }
        let ended = talk.client.is_ended() && talk.server.is_ended();
        let deaf = self.client.is_deaf() && self.server.is_deaf();
        self.settle(over || ended, one_sided, said);
        if over || ended || deaf { Interest::Done } else { Interest::More }
    }
}

impl Association {
    /// Gives back whether the conversation is over.
    fn client_said(&mut self, heard: Heard, one_sided: bool, said: &mut Said<'_>) -> bool {
        match heard {
            Heard::Request => self.request.is_heard = true,
            Heard::Titles { called, calling } => self.request.titles = Some((called, calling)),
            Heard::Proposed { context, service } => {
                if let Some(slot) = self.request.services.get_mut(usize::from(context >> 1)) {
                    *slot = Some(service);
                }
            }
            Heard::Identity(shown) => {
                self.request.identity = Some(Shown { kind: identity(shown.kind), answer_wanted: shown.answer_wanted });
            }
            Heard::Whole => self.request.is_whole = true,
            Heard::Command(order) => {
                // Who sends a command was let in before. Where the server is not heard at all, this is the sign.
                if one_sided {
                    self.said.protocol(said);
                }
                self.client_command(order, said);
            }
            Heard::Aborted => return true,
            _ => {}
        }
        false
    }

    /// Gives back whether the conversation is over.
    fn server_said(&mut self, heard: Heard, one_sided: bool, said: &mut Said<'_>) -> bool {
        match heard {
            Heard::Accept => self.said.answered(said),
            Heard::Answered { context, is_accepted: true } => {
                self.answer.accepted |= 1u128.checked_shl(u32::from(context >> 1)).unwrap_or(0);
                self.said.accepted(said);
            }
            Heard::IdentityAnswered => self.answer.identity = true,
            Heard::Class(class) => self.answer.class = Some(class),
            Heard::Name(name) => self.answer.name = Some(name),
            Heard::Whole => {
                self.answer.is_whole = true;
                self.said.software(self.answer.class, self.answer.name, said);
                self.settle(false, one_sided, said);
            }
            Heard::Rejected(rejection) => {
                self.rejected(rejection, said);
                return true;
            }
            Heard::Data => {
                // Data go only through an accepted context, whether its acceptance was heard or not.
                self.said.answered(said);
                self.said.accepted(said);
                self.said.software(self.answer.class, self.answer.name, said);
                self.settle(true, one_sided, said);
            }
            Heard::Command(order) => self.server_command(order, one_sided, said),
            Heard::Release => self.said.answered(said),
            Heard::Released => {
                self.said.answered(said);
                return true;
            }
            Heard::Aborted => {
                self.aborted(said);
                return true;
            }
            _ => {}
        }
        false
    }

    fn client_command(&mut self, order: Order, said: &mut Said<'_>) {
        match order.command {
            command::STORE => self.said.sender(order.is_forwarded, said),
            command::FIND | command::GET | command::MOVE => {
                self.query = Query { is_open: true, ..Query::default() };
                self.said.cleartext_out(said);
            }
            _ => {}
        }
    }

    fn server_command(&mut self, order: Order, one_sided: bool, said: &mut Said<'_>) {
        let status = order.status.unwrap_or(FAILED);
        match order.command {
            command::STORE_ANSWER => {
                self.said.sender(false, said);
                if is_stored(status) {
                    said.service(Fact::DicomStored);
                    self.said.archive(said);
                }
            }
            command::STORE => {
                self.query.sent = self.query.sent.saturating_add(1);
                self.handed_over(self.query.sent, one_sided, said);
            }
            command::FIND_ANSWER | command::GET_ANSWER | command::MOVE_ANSWER => {
                if order.command == command::FIND_ANSWER && is_pending(status) {
                    self.query.matches = self.query.matches.saturating_add(1);
                    said.service(Fact::DicomMatch);
                    self.given(one_sided, said);
                }
                if order.command != command::FIND_ANSWER {
                    self.handed_over(order.handed_over, one_sided, said);
                }
                if is_refusal(status) {
                    if self.query.is_empty() {
                        said.service(Fact::DicomQueryRefused);
                    }
                } else {
                    let context = || self.request.services.get(usize::from(order.context >> 1)).copied().flatten();
                    self.said.read(order.service.or_else(context), said);
                }
                if !is_pending(status) {
                    self.query = Query::default();
                }
            }
            _ => {}
        }
    }

    /// So many objects of this retrieval went out: those that were seen and those that were told are the same.
    fn handed_over(&mut self, objects: u32, one_sided: bool, said: &mut Said<'_>) {
        let more = objects.saturating_sub(self.query.told);
        if more > 0 {
            self.query.told = objects;
            said.service_times(Fact::DicomHandedOver, more);
            self.given(one_sided, said);
        }
    }

    /// Records or objects went to the caller.
    fn given(&mut self, one_sided: bool, said: &mut Said<'_>) {
        self.said.cleartext_out(said);
        if matches!(self.caller(one_sided), Caller::Nobody) {
            self.said.served_to_nobody(said);
        }
    }

    fn rejected(&mut self, rejection: Rejection, said: &mut Said<'_>) {
        self.said.protocol(said);
        said.service(Fact::Refused);
        // PS3.8 table 9-21: 3 is the calling, 7 the called title, of the user.
        if matches!(rejection, Rejection { source: 1, reason: 3 | 7, .. }) {
            said.service(Fact::DicomTitleRefused);
        }
        // Reason 2 is about context or version, source 3 about a busy server; "no reason given" is what a wrong
        // identity gets (PS3.7, D.3.3.7), from either of the other sources.
        if rejection.source != 3 && rejection.reason != 2 {
            self.said.login(Login::Refused, said);
        }
    }

    fn aborted(&mut self, said: &mut Said<'_>) {
        if self.said.is_answered() {
            // Measured: an archive that lets everybody in and may not be asked breaks off at the question.
            if self.query.is_open && self.query.is_empty() {
                said.service(Fact::DicomQueryRefused);
            }
        } else if self.request.is_heard {
            self.said.protocol(said);
            said.service(Fact::Refused);
        }
    }

    /// What an acceptance means needs both halves; `late` is when no more of them will come.
    fn settle(&mut self, late: bool, one_sided: bool, said: &mut Said<'_>) {
        let is_whole = self.request.is_whole && self.answer.is_whole;
        if self.is_settled || !self.said.is_accepted() || !(late || is_whole) {
            return;
        }
        self.is_settled = is_whole;
        self.contexts(said);
        if let Some((called, calling)) = self.request.titles.take() {
            said.service_different(Fact::DicomCalled, called.trimmed());
            said.service_different(Fact::DicomCalling, calling.trimmed());
        }
        match self.caller(one_sided) {
            Caller::Unknown => {}
            Caller::Nobody => {
                self.said.identity(Some(DicomIdentity::None), said);
            }
            Caller::Somebody(shown) => {
                self.said.identity(shown.kind, said);
                // An answer that was asked for and did not come: the server does not know identities.
                let is_ignored = shown.answer_wanted && self.answer.is_whole && !self.answer.identity;
                self.said.login(if is_ignored { Login::Unknown } else { Login::Used }, said);
            }
        }
    }

    fn contexts(&mut self, said: &mut Said<'_>) {
        for (place, service) in self.request.services.iter().enumerate() {
            let bit = u32::try_from(place).ok().and_then(|p| 1u128.checked_shl(p)).unwrap_or(0);
            if let Some(service) = service.filter(|_| self.answer.accepted & bit != 0) {
                self.said.context(service, said);
            }
        }
    }

    /// A request that was heard to its end tells whether there was an identity. Of a conversation of which only the
    /// server's side is heard nobody knows; there the rule is: what the server did not acknowledge was not shown. A
    /// finding that is missed on half of a conversation weighs more than the rare caller whose identity went without
    /// asking for an answer.
    fn caller(&self, one_sided: bool) -> Caller {
        match self.request.identity {
            Some(shown) => Caller::Somebody(shown),
            None if self.request.is_whole => Caller::Nobody,
            None if one_sided && self.answer.is_whole && !self.answer.identity => Caller::Nobody,
            None => Caller::Unknown,
        }
    }
}

impl Default for Request {
    fn default() -> Request {
        Request { is_heard: false, is_whole: false, titles: None, services: [None; CONTEXTS], identity: None }
    }
}

impl Query {
    const fn is_empty(&self) -> bool {
        self.matches == 0 && self.told == 0
    }
}

/// PS3.7 D.3.3.7.1, user identity type.
const fn identity(kind: u8) -> Option<DicomIdentity> {
    match kind {
        1 => Some(DicomIdentity::Name),
        2 => Some(DicomIdentity::NamePasscode),
        3 => Some(DicomIdentity::Kerberos),
        4 => Some(DicomIdentity::Saml),
        5 => Some(DicomIdentity::Jwt),
        _ => None,
    }
}

/// One more match, or one more object on its way (PS3.4, C.4.1.1.4).
const fn is_pending(status: u16) -> bool {
    matches!(status, 0xff00 | 0xff01)
}

/// Success, or a warning after which the object is kept (PS3.4, B.2.3).
const fn is_stored(status: u16) -> bool {
    matches!(status, 0x0000 | 0xb000..=0xbfff)
}

/// Class not offered, not authorised, out of resources, not fitting, not able (PS3.7, annex C; PS3.4, C.4).
const fn is_refusal(status: u16) -> bool {
    matches!(status, 0x0122 | 0x0124 | 0xa700..=0xa7ff | 0xa900..=0xa9ff | 0xc000..=0xcfff)
}

/// Presentation contexts of an association: odd numbers of one octet (PS3.8, 9.3.2.2).
const CONTEXTS: usize = 128;

/// A command without a status, where one is needed: it counts as neither done nor refused.
const FAILED: u16 = 0xffff;

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "sizes of our own samples")]
mod tests {
    use super::super::testing::{Says, facts, hear};
    use super::super::{End, Observation};
    use super::*;
    use crate::flow::head::Head;
    use auscult_report::fact::{Encryption, Protocol, Role};
    use auscult_report::subject::{HostId, Transport};
    use auscult_report::time::Timestamp;
    use auscult_report::zone::Zone;

    const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
    const FIND: &str = "1.2.840.10008.5.1.4.1.2.2.1";
    const GET: &str = "1.2.840.10008.5.1.4.1.2.2.3";
    const ECHO: &str = "1.2.840.10008.1.1";
    const CALLER: &str = "ZZCANARY";

    fn item(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut o = vec![kind, 0]; // item type, reserved
        o.extend(u16::try_from(body.len()).unwrap().to_be_bytes()); // item length
        o.extend(body);
        o
    }

    fn pdu(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut o = vec![kind, 0]; // PDU type, reserved
        o.extend(u32::try_from(body.len()).unwrap().to_be_bytes()); // PDU length
        o.extend(body);
        o
    }

    fn association(kind: u8, items: &[Vec<u8>]) -> Vec<u8> {
        let mut o = vec![0, 1, 0, 0]; // protocol version, reserved
        o.extend(format!("{:16}{:16}", "ANY-SCP", CALLER).as_bytes()); // called and calling title
        o.extend([0; 32]); // reserved
        o.extend(item(0x10, b"1.2.840.10008.3.1.1.1")); // application context
        o.extend(items.concat());
        pdu(kind, &o)
    }

    fn user_information(more: &[u8]) -> Vec<u8> {
        let mut o = item(0x51, &[0, 0, 0x40, 0]); // maximum length
        o.extend(item(0x52, b"1.2.276.0.7230010.3.0.3.6.7")); // implementation class
        o.extend(item(0x55, b"OFFIS_DCMTK_367")); // implementation version name
        o.extend(more);
        item(0x50, &o)
    }

    fn request(classes: &[&str], identity: &[u8]) -> Vec<u8> {
        let mut items = Vec::new();
        for (place, class) in classes.iter().enumerate() {
            let mut o = vec![u8::try_from(place * 2 + 1).unwrap(), 0, 0xff, 0]; // context, reserved
            o.extend(item(0x30, class.as_bytes())); // abstract syntax
            o.extend(item(0x40, b"1.2.840.10008.1.2")); // transfer syntax
            items.push(item(0x20, &o));
        }
        items.push(user_information(identity));
        association(1, &items)
    }

    fn accept(results: &[u8], identity: &[u8]) -> Vec<u8> {
        let mut items = Vec::new();
        for (place, result) in results.iter().enumerate() {
            let mut o = vec![u8::try_from(place * 2 + 1).unwrap(), 0, *result, 0]; // context, reserved, result, reserved
            o.extend(item(0x40, b"1.2.840.10008.1.2")); // transfer syntax
            items.push(item(0x21, &o));
        }
        items.push(user_information(identity));
        association(2, &items)
    }

    fn value(context: u8, control: u8, body: &[u8]) -> Vec<u8> {
        let mut o = u32::try_from(body.len() + 2).unwrap().to_be_bytes().to_vec(); // length
        o.extend([context, control]); // context, message control header
        o.extend(body);
        o
    }

    fn element(number: u16, body: &[u8]) -> Vec<u8> {
        let mut o = vec![0, 0]; // group
        o.extend(number.to_le_bytes());
        o.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
        o.extend(body);
        o
    }

    fn command_set(class: &str, command: u16, status: Option<u16>, completed: Option<u16>) -> Vec<u8> {
        let mut o = element(0x0002, class.as_bytes()); // affected SOP class
        o.extend(element(0x0100, &command.to_le_bytes())); // command field
        o.extend(element(0x0600, b"ZZCANARY")); // move destination
        if let Some(status) = status {
            o.extend(element(0x0900, &status.to_le_bytes())); // status
        }
        o.extend(element(0x1000, b"1.2.3.19010203")); // affected SOP instance
        if let Some(completed) = completed {
            o.extend(element(0x1021, &completed.to_le_bytes())); // completed sub-operations
        }
        let mut whole = element(0, &u32::try_from(o.len()).unwrap().to_le_bytes()); // group length
        whole.extend(o);
        whole
    }

    fn order(class: &str, command: u16, status: Option<u16>, completed: Option<u16>) -> Vec<u8> {
        pdu(4, &value(1, 3, &command_set(class, command, status, completed)))
    }

    /// A data set with a patient in it.
    fn data() -> Vec<u8> {
        pdu(4, &value(1, 2, b"\x10\x00\x10\x00\x08\x00\x00\x00ZZCANARY\x10\x00\x30\x00\x08\x00\x00\x0019010203"))
    }

    const RELEASE: &[u8] = &[5, 0, 0, 0, 0, 4, 0, 0, 0, 0];
    const RELEASED: &[u8] = &[6, 0, 0, 0, 0, 4, 0, 0, 0, 0];

    fn count(heard: &[Observation], fact: Fact) -> usize {
        heard.iter().filter(|o| o.fact == fact).count()
    }

    fn times(heard: &[Observation], fact: Fact) -> u32 {
        let times = |o: &Observation| match o.amount {
            super::super::Amount::Times(n) => n,
            _ => 0,
        };
        heard.iter().filter(|o| o.fact == fact).map(times).sum()
    }

    fn says_nothing_private(heard: &[Observation]) {
        let text = format!("{heard:?}");
        for word in ["CANARY", "19010203", "ANY-SCP"] {
            assert!(!text.contains(word), "{word}");
        }
    }

    /// A place among so many, wherever a pointer has 32 bits too.
    fn below(random: u64, length: usize) -> usize {
        usize::try_from(random % u64::try_from(length).unwrap()).unwrap()
    }

    #[test]
    fn a_query_without_identity_is_told_in_any_pieces() {
        let client = [request(&[FIND], &[]), order(FIND, 0x0020, None, None), data()].concat();
        let server = [
            accept(&[0], &[]),
            order(FIND, 0x8020, Some(0xff00), None),
            data(),
            order(FIND, 0x8020, Some(0xff01), None),
            data(),
            order(FIND, 0x8020, Some(0), None),
        ]
        .concat();
        for piece in [1, 3, 100, 100_000] {
            let heard = hear(
                &DICOM,
                104,
                piece,
                &[Says::Client(&client), Says::Server(&server), Says::Client(RELEASE), Says::Server(RELEASED)],
            );
            says_nothing_private(&heard);
            let facts = facts(&heard);
            for fact in [
                Fact::Protocol(Protocol::Dicom),
                Fact::Encryption(Encryption::None),
                Fact::Answered,
                Fact::OutsideNetwork,
                Fact::DicomAccepted,
                Fact::DicomContext(DicomService::Query),
                Fact::DicomIdentity(DicomIdentity::None),
                Fact::DicomCalled,
                Fact::DicomCalling,
                Fact::DicomMatch,
                Fact::DataServed,
                Fact::Login(Login::None),
                Fact::Role(Role::Archive),
                Fact::Medical,
            ] {
                assert!(facts.contains(&fact), "{fact:?} in pieces of {piece}");
            }
            assert_eq!(facts.len(), 15, "and the software");
            assert_eq!(count(&heard, Fact::DicomMatch), 2);
            assert_eq!(count(&heard, Fact::Answered), 1);
        }
    }

    #[test]
    fn the_servers_half_alone_counts_as_one_without_identity() {
        let server = [accept(&[0], &[]), order(FIND, 0x8020, Some(0xff00), None), data()].concat();
        let heard = hear(&DICOM, 104, 50, &[Says::Server(&server)]);
        assert_eq!(count(&heard, Fact::DicomIdentity(DicomIdentity::None)), 1);
        assert_eq!(count(&heard, Fact::DataServed), 1);
        assert_eq!(count(&heard, Fact::DicomMatch), 1);
        let acknowledged = [accept(&[0], &item(0x59, &[0, 0])), order(FIND, 0x8020, Some(0xff00), None)].concat();
        let heard = hear(&DICOM, 104, 50, &[Says::Server(&acknowledged)]);
        assert_eq!(count(&heard, Fact::DicomIdentity(DicomIdentity::None)), 0);
        assert_eq!(count(&heard, Fact::DataServed), 0);
    }

    #[test]
    fn an_identity_is_told_by_its_kind_and_nothing_of_it_is_kept() {
        let identity = item(0x58, b"\x02\x00\x00\x08ZZCANARY\x00\x08CnryPass");
        let server = [accept(&[0], &[]), order(FIND, 0x8020, Some(0xff00), None)].concat();
        let heard = hear(&DICOM, 104, 4, &[Says::Client(&request(&[FIND], &identity)), Says::Server(&server)]);
        assert_eq!(count(&heard, Fact::DicomIdentity(DicomIdentity::NamePasscode)), 1);
        assert_eq!(count(&heard, Fact::Login(Login::Used)), 1);
        assert_eq!(count(&heard, Fact::DataServed), 0);
        assert!(!format!("{heard:?}").contains("Cnry"));
    }

    #[test]
    fn an_identity_whose_answer_was_asked_for_and_did_not_come_is_no_login() {
        let identity = item(0x58, b"\x01\x01\x00\x08ZZCANARY\x00\x00");
        let heard =
            hear(&DICOM, 104, 99, &[Says::Client(&request(&[FIND], &identity)), Says::Server(&accept(&[0], &[]))]);
        assert_eq!(count(&heard, Fact::DicomIdentity(DicomIdentity::Name)), 1);
        assert_eq!(count(&heard, Fact::Login(Login::Unknown)), 1);
    }

    #[test]
    fn refused_titles_are_no_answer() {
        for reason in [3, 7] {
            let reject = [3, 0, 0, 0, 0, 4, 0, 1, 1, reason]; // permanent, user
            let heard = hear(&DICOM, 104, 9, &[Says::Client(&request(&[FIND], &[])), Says::Server(&reject)]);
            let expected = [
                Fact::Protocol(Protocol::Dicom),
                Fact::Encryption(Encryption::None),
                Fact::Refused,
                Fact::DicomTitleRefused,
                Fact::Login(Login::Refused),
            ];
            assert_eq!(facts(&heard), expected);
        }
        let busy = [3, 0, 0, 0, 0, 4, 0, 2, 3, 2]; // transient, presentation, local limit
        let heard = hear(&DICOM, 104, 9, &[Says::Client(&request(&[FIND], &[])), Says::Server(&busy)]);
        assert_eq!(count(&heard, Fact::Refused), 1);
        assert_eq!(count(&heard, Fact::Login(Login::Refused)), 0);
    }

    #[test]
    fn an_association_with_every_context_refused_is_an_answer_and_no_acceptance() {
        let (ask, answer) = (request(&[FIND, CT], &[]), accept(&[3, 4], &[]));
        let says = [Says::Client(&ask), Says::Server(&answer), Says::Client(RELEASE), Says::Server(RELEASED)];
        let heard = hear(&DICOM, 104, 80, &says);
        assert_eq!(count(&heard, Fact::Answered), 1);
        for fact in [Fact::DicomAccepted, Fact::DicomIdentity(DicomIdentity::None), Fact::Medical, Fact::DicomCalling] {
            assert_eq!(count(&heard, fact), 0, "{fact:?}");
        }
    }

    #[test]
    fn an_abort_at_the_question_and_a_status_of_refusal_are_the_same() {
        let abort = [7, 0, 0, 0, 0, 4, 0, 0, 2, 0]; // provider, no reason
        for no in [abort.to_vec(), order(FIND, 0x8020, Some(0x0124), None), order(FIND, 0x8020, Some(0xc001), None)] {
            let heard = hear(
                &DICOM,
                104,
                70,
                &[
                    Says::Client(&request(&[FIND], &[])),
                    Says::Server(&accept(&[0], &[])),
                    Says::Client(&order(FIND, 0x0020, None, None)),
                    Says::Client(&data()),
                    Says::Server(&no),
                ],
            );
            assert_eq!(count(&heard, Fact::DicomQueryRefused), 1);
            assert_eq!(count(&heard, Fact::DataServed), 0);
        }
    }

    #[test]
    fn an_abort_instead_of_an_answer_is_a_refusal() {
        let abort = [7, 0, 0, 0, 0, 4, 0, 0, 0, 0]; // user
        let heard = hear(&DICOM, 104, 70, &[Says::Client(&request(&[FIND], &[])), Says::Server(&abort)]);
        assert_eq!(count(&heard, Fact::Refused), 1);
        assert_eq!(count(&heard, Fact::Answered), 0);
        assert_eq!(count(&heard, Fact::DicomQueryRefused), 0);
    }

    #[test]
    fn objects_that_were_sent_and_told_are_counted_once() {
        let server = [
            accept(&[0, 0], &[]),
            order(CT, 0x0001, None, None),
            data(),
            order(GET, 0x8010, Some(0xff00), Some(1)),
            order(CT, 0x0001, None, None),
            data(),
            order(GET, 0x8010, Some(0), Some(2)),
            // a second retrieval, of which only the count is told
            order(GET, 0x8021, Some(0), Some(5)),
        ]
        .concat();
        let client = request(&[GET, CT], &[]);
        let heard = hear(&DICOM, 11112, 1000, &[Says::Client(&client), Says::Server(&server)]);
        assert_eq!(times(&heard, Fact::DicomHandedOver), 7);
        let heard = hear(&DICOM, 11112, 1000, &[Says::Server(&server)]);
        assert_eq!(times(&heard, Fact::DicomHandedOver), 7);
        assert_eq!(count(&heard, Fact::DicomStored), 0);
    }

    #[test]
    fn a_command_set_in_fragments_is_put_together_and_one_without_end_is_let_go() {
        let set = command_set(FIND, 0x8020, Some(0xff00), None);
        let parts =
            [pdu(4, &value(1, 1, &set[..40])), pdu(4, &[value(1, 1, &set[40..41]), value(1, 3, &set[41..])].concat())];
        let server = [accept(&[0], &[]), parts.concat()].concat();
        let heard = hear(&DICOM, 104, 1, &[Says::Client(&request(&[FIND], &[])), Says::Server(&server)]);
        assert_eq!(count(&heard, Fact::DicomMatch), 1);
        let endless: Vec<u8> = (0..50).flat_map(|_| pdu(4, &value(1, 1, &set))).collect();
        let server = [accept(&[0], &[]), endless].concat();
        let heard = hear(&DICOM, 104, 500, &[Says::Client(&request(&[FIND], &[])), Says::Server(&server)]);
        assert_eq!(count(&heard, Fact::DicomMatch), 0);
    }

    #[test]
    fn a_large_data_set_is_passed_over() {
        let mut object = vec![0u8; 300_000];
        object[1000..1012].copy_from_slice(b"\x04\x00\x00\x00\x00\x54\x00\x00\x00\x50\x01\x03");
        let client = [request(&[CT], &[]), order(CT, 0x0001, None, None), pdu(4, &value(1, 2, &object))].concat();
        let server = [accept(&[0], &[]), order(CT, 0x8001, Some(0xb000), None)].concat();
        let heard = hear(&DICOM, 104, 1448, &[Says::Client(&client), Says::Server(&server)]);
        assert_eq!(count(&heard, Fact::DicomStored), 1);
        assert_eq!(count(&heard, Fact::DicomContext(DicomService::Storage)), 1);
        assert_eq!(count(&heard, Fact::DataServed), 0);
    }

    /// Plays a conversation between these zones with all octets of a side at once.
    fn between(client_zone: Zone, server_zone: Zone, client_says: &[u8], server_says: &[u8]) -> Vec<Observation> {
        let (mut client, mut server) = (Head::default(), Head::default());
        client.segment(0, client_says, 0);
        server.segment(0, server_says, 0);
        let mut heard = Vec::new();
        let mut out = |o| heard.push(o);
        let end = |n: u8, zone| End {
            host: HostId(n.into()),
            zone,
            address: [192, 0, 2, n].into(),
            port: 104,
            passage: crate::detect::Passage::Plain,
        };
        let mut said = Said {
            at: Timestamp(1),
            transport: Transport::Tcp,
            server: end(1, server_zone),
            client: end(2, client_zone),
            key: 7,
            out: &mut out,
        };
        let mut talk =
            Talk { at: Timestamp(1), client: &mut client, server: &mut server, server_port: 104, from_start: true };
        (DICOM.start)().listen(&mut talk, &mut said);
        heard
    }

    #[test]
    fn roles_are_told_of_hosts_of_the_clinic() {
        let store = [request(&[CT], &[]), order(CT, 0x0001, None, None), data()].concat();
        let stored = [accept(&[0], &[]), order(CT, 0x8001, Some(0), None)].concat();
        let heard = between(Zone::Clinical, Zone::Clinical, &store, &stored);
        assert_eq!(count(&heard, Fact::Role(Role::Modality)), 1);
        assert_eq!(count(&heard, Fact::Role(Role::Archive)), 1);
        assert_eq!(count(&heard, Fact::Medical), 2);
        assert_eq!(count(&heard, Fact::MedicalCleartextOut), 0);
        let heard = between(Zone::Clinical, Zone::Outside, &store, &stored);
        assert_eq!(count(&heard, Fact::MedicalCleartextOut), 1);
        assert_eq!(count(&heard, Fact::Medical), 1, "the partner's server is no host of the clinic");
        let heard = between(Zone::Outside, Zone::Outside, &store, &stored);
        assert_eq!(count(&heard, Fact::MedicalCleartextOut), 0);
        assert_eq!(count(&heard, Fact::Role(Role::Modality)), 0);
        assert_eq!(count(&heard, Fact::Medical), 1);
    }

    #[test]
    fn who_only_asks_is_a_workstation_and_an_echo_proves_nothing_of_the_caller() {
        let ask = [request(&[FIND], &[]), order(FIND, 0x0020, None, None), data()].concat();
        let found = [accept(&[0], &[]), order(FIND, 0x8020, Some(0), None)].concat();
        let heard = between(Zone::Office, Zone::Clinical, &ask, &found);
        assert_eq!(count(&heard, Fact::Role(Role::Workstation)), 1);
        assert_eq!(count(&heard, Fact::Medical), 1);
        let echo = [request(&[ECHO], &[]), order(ECHO, 0x0030, None, None)].concat();
        let alive = [accept(&[0], &[]), order(ECHO, 0x8030, Some(0), None)].concat();
        let heard = between(Zone::Office, Zone::Outside, &echo, &alive);
        assert!(!heard.iter().any(|o| matches!(o.fact, Fact::Role(_) | Fact::Medical | Fact::MedicalCleartextOut)));
        assert_eq!(count(&heard, Fact::DicomContext(DicomService::Verification)), 1);
    }

    #[test]
    fn a_request_that_nobody_answers_or_something_else_answers_is_no_service() {
        let ask = request(&[FIND], &[]);
        assert!(hear(&DICOM, 104, 100, &[Says::Client(&ask)]).is_empty());
        let other = Says::Server(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        assert!(hear(&DICOM, 80, 100, &[Says::Client(&ask), other]).is_empty());
    }

    #[test]
    fn the_clients_half_alone_shows_that_the_service_is_there() {
        let client = [request(&[CT], &[]), order(CT, 0x0001, None, None), data()].concat();
        let heard = hear(&DICOM, 104, 100, &[Says::Client(&client)]);
        assert_eq!(facts(&heard), [Fact::Protocol(Protocol::Dicom), Fact::Encryption(Encryption::None)]);
    }

    fn asked(client: &[u8], server: &[u8]) -> Verdict {
        sniff(&Opening { client, server, server_port: 104 })
    }

    #[test]
    fn the_sides_are_told_apart() {
        let (ask, yes) = (request(&[FIND], &[]), accept(&[0], &[]));
        assert_eq!(asked(&ask, &yes), Verdict::Yes);
        assert_eq!(asked(&yes, &ask), Verdict::No);
        assert_eq!(asked(b"", &yes), Verdict::Yes);
        assert_eq!(asked(&yes, b""), Verdict::No);
        let (question, answer) = (order(FIND, 0x0020, None, None), order(FIND, 0x8020, Some(0), None));
        assert_eq!(asked(&question, &answer), Verdict::Yes);
        assert_eq!(asked(&answer, &question), Verdict::No);
        assert_eq!(asked(b"", &question), Verdict::No);
        // C-GET: the server sends objects, the client answers.
        assert_eq!(asked(&order(CT, 0x8001, Some(0), None), &order(CT, 0x0001, None, None)), Verdict::Yes);
        assert_eq!(asked(RELEASE, RELEASED), Verdict::Yes);
        assert_eq!(asked(RELEASE, b""), Verdict::Unsure);
        assert_eq!(asked(b"", b""), Verdict::Unsure);
        assert_eq!(asked(b"GET / HTTP/1.1\r\n", b""), Verdict::No);
        assert_eq!(asked(b"", b"SSH-2.0-x\r\n"), Verdict::No);
    }

    #[test]
    fn frames_that_the_capture_cut_still_tell_the_protocol_and_nothing_more() {
        let (mut client, mut server) = (Head::default(), Head::default());
        let mut listener = (DICOM.start)();
        let mut heard = Vec::new();
        let frames: [(bool, u32, Vec<u8>, u32); 6] = [
            (true, 0, request(&[FIND], &[])[..30].to_vec(), 0),
            (false, 0, accept(&[0], &[])[..30].to_vec(), 0),
            (true, 300, order(FIND, 0x0020, None, None)[..12].to_vec(), 0),
            (false, 300, order(FIND, 0x8020, Some(0xff00), None)[..12].to_vec(), 0),
            (false, 312, order(FIND, 0x8020, Some(0xff00), None)[12..42].to_vec(), 100),
            (false, 442, RELEASED.to_vec(), 0),
        ];
        for (from_client, seq, octets, missing) in frames {
            let head = if from_client { &mut client } else { &mut server };
            head.segment(seq, &octets, missing);
            if seq == 300 {
                head.give_up_hole();
            }
            let mut out = |o| heard.push(o);
            let end = |n: u8| End {
                host: HostId(n.into()),
                zone: Zone::Clinical,
                address: [192, 0, 2, n].into(),
                port: 104,
                passage: crate::detect::Passage::Plain,
            };
            let mut said = Said {
                at: Timestamp(1),
                transport: Transport::Tcp,
                server: end(1),
                client: end(2),
                key: 7,
                out: &mut out,
            };
            let mut talk =
                Talk { at: Timestamp(1), client: &mut client, server: &mut server, server_port: 104, from_start: true };
            listener.listen(&mut talk, &mut said);
        }
        let expected = [
            Fact::Protocol(Protocol::Dicom),
            Fact::Encryption(Encryption::None),
            Fact::Answered,
            Fact::DicomAccepted,
            Fact::Medical,
        ];
        assert_eq!(facts(&heard), expected);
    }

    #[test]
    fn changed_octets_never_panic_and_never_tell_a_name() {
        let mut seed = 0x2545_f491_4f6c_dd1du64;
        let mut random = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let ask = [
            request(&[FIND, CT, GET], &item(0x58, b"\x02\x00\x00\x08ZZCANARY\x00\x01x")),
            order(FIND, 0x0020, None, None),
            data(),
        ];
        let answer = [
            accept(&[0, 0, 4], &item(0x59, &[0, 0])),
            order(FIND, 0x8020, Some(0xff00), None),
            data(),
            order(GET, 0x8010, Some(0), Some(3)),
        ];
        for _ in 0..3000 {
            let (mut client, mut server) = (ask.concat(), answer.concat());
            for _ in 0..random() % 6 {
                // The head of the request stays: a detector that says no is no fault here.
                let at = 99 + below(random(), client.len() - 99);
                client[at] = random().to_le_bytes()[0];
                let at = below(random(), server.len());
                server[at] = random().to_le_bytes()[0];
            }
            let cut = below(random(), server.len());
            let piece = 1 + usize::try_from(random() % 500).unwrap();
            let heard = hear(
                &DICOM,
                104,
                piece,
                &[Says::Client(&client), Says::Server(&server[..cut]), Says::Server(RELEASED)],
            );
            says_nothing_private(&heard);
        }
    }
}
