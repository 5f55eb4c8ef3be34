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
