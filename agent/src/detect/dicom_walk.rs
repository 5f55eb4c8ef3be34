//! One side of a DICOM association, message by message: PS3.8 section 9.3 on a [`Head`].
//!
//! Keeps: where it stands, and the fragments of one command set until its last one came. Drops: every data set and
//! every user identity; they are passed over without being held. What it gives is a closed list of [`Heard`].

use super::dicom_maker::{Class, Name};
use super::dicom_uid;
use crate::flow::head::Head;
use crate::wire::WireError;
use crate::wire::dicom::{AssociateHead, Likeness, PduHead, PduKind, PdvHead, Rejection, Title, likeness, trimmed};
use crate::wire::dicom_items::{
    AnsweredContext, ItemHead, ProposedContext, UserIdentity, is_application_context, item,
};
use crate::wire::dimse::{CommandSet, MAX_COMMAND};
use crate::wire::reader::Reader;
use auscult_report::fact::DicomService;

/// What was heard next.
#[derive(Clone, Copy)]
pub(super) enum Heard {
    /// An association is asked for.
    Request,
    /// By whom, of whom.
    Titles { called: Title, calling: Title },
    /// A presentation context is proposed.
    Proposed { context: u8, service: DicomService },
    /// The caller shows an identity.
    Identity(UserIdentity),
    /// An association is accepted; not yet what for.
    Accept,
    /// A presentation context is answered.
    Answered { context: u8, is_accepted: bool },
    /// The implementation says its class.
    Class(Class),
    /// The implementation says its version name.
    Name(Name),
    /// The identity was acknowledged.
    IdentityAnswered,
    /// Request or acceptance were heard to their end.
    Whole,
    /// The association is refused.
    Rejected(Rejection),
    /// Data come; a command may follow from them.
    Data,
    /// A command is complete.
    Command(Order),
    /// The association shall end.
    Release,
    /// The association has ended.
    Released,
    /// The association is broken off.
    Aborted,
}

/// A command, without anything that names a thing or a person.
#[derive(Clone, Copy)]
pub(super) struct Order {
    pub(super) context: u8,
    pub(super) command: u16,
    pub(super) status: Option<u16>,
    /// Of the affected SOP class, if it was named.
    pub(super) service: Option<DicomService>,
    pub(super) handed_over: u32,
    pub(super) is_forwarded: bool,
}

/// Where one side stands.
#[derive(Default)]
pub(super) struct Walk {
    stage: Stage,
    /// Fragments of the command set in hand.
    command: Vec<u8>,
    /// The class that was heard, for the name behind it.
    class: Option<Class>,
    /// Octets let go since a PDU was last recognised.
    lost: usize,
}

#[derive(Clone, Copy, Default)]
enum Stage {
    /// The next message is one that can be recognised by itself.
    #[default]
    Lost,
    /// A PDU begins.
    Pdu,
    /// The fixed part of an association of this length was announced.
    Association(u32),
    /// Items follow.
    Items { left: u32, is_first: bool },
    /// Presentation data values follow.
    Values { left: u32 },
    /// A fragment of a command set follows.
    Fragment { left: u32, pdv: PdvHead },
    /// Nothing more will be understood.
    Deaf,
}

/// What a step came to.
enum Step {
    /// Something was heard.
    Say(Heard),
    /// Look again.
    On,
    /// More octets are needed.
    Wait,
    /// This is not what it should be.
    Stray,
}

impl From<WireError> for Step {
    fn from(error: WireError) -> Step {
        match error {
            WireError::Truncated(_) => Step::Wait,
            WireError::Malformed(_) => Step::Stray,
        }
    }
}

impl Walk {
    /// Octets of the command set in hand.
    pub(super) const fn held(&self) -> usize {
        self.command.capacity()
    }

    /// The next thing heard on this side, if enough waits. Work is bounded by what waits: each step takes octets away,
    /// or goes on to a stage that does.
    pub(super) fn next(&mut self, head: &mut Head) -> Option<Heard> {
        if head.torn() && !matches!(self.stage, Stage::Deaf) {
            self.stray();
        }
        while !head.is_skipping() && !head.octets().is_empty() {
            let step = match self.stage {
                Stage::Lost => self.find(head),
                Stage::Pdu => self.pdu(head),
                Stage::Association(length) => self.association(head, length),
                Stage::Items { left: 0, .. } => {
                    self.stage = Stage::Pdu;
                    Ok(Step::Say(Heard::Whole))
                }
                Stage::Items { left, is_first } => self.item(head, left, is_first),
                Stage::Values { left: 0 } => {
                    self.stage = Stage::Pdu;
                    Ok(Step::On)
                }
                Stage::Values { left } => self.value(head, left),
                Stage::Fragment { left, pdv } => self.fragment(head, left, pdv),
                Stage::Deaf => return None,
            };
            match step.unwrap_or_else(Step::from) {
                Step::Say(heard) => return Some(heard),
                Step::On => {}
                Step::Wait => return None,
                Step::Stray => self.stray(),
            }
        }
        self.at_end_of_octets(head)
    }

    /// Whether nothing more will be understood on this side.
    pub(super) const fn is_deaf(&self) -> bool {
        matches!(self.stage, Stage::Deaf)
    }

    /// An association whose last octets were just taken is whole, though nothing waits behind it.
    fn at_end_of_octets(&mut self, head: &Head) -> Option<Heard> {
        if head.is_skipping() || !matches!(self.stage, Stage::Items { left: 0, .. }) {
            return None;
        }
        self.stage = Stage::Pdu;
        Some(Heard::Whole)
    }

    fn stray(&mut self) {
        self.stage = Stage::Lost;
        self.command.clear();
    }

    /// The next PDU that can be recognised. An association is looked for only where octets begin to wait, which is
    /// where a segment begins; inside of them only data, whose two lengths agree.
    fn find(&mut self, head: &mut Head) -> Result<Step, WireError> {
        let octets = head.octets();
        match likeness(octets) {
            Likeness::Yes(_) | Likeness::Maybe(_) => {
                self.lost = 0;
                self.stage = Stage::Pdu;
                return Ok(Step::On);
            }
            Likeness::Short => return Ok(Step::Wait),
            Likeness::No => {}
        }
        let begins = |at: &usize| {
            let rest = octets.get(*at..).unwrap_or_default();
            rest.first() == Some(&DATA)
                && matches!(
                    likeness(rest),
                    Likeness::Yes(PduKind::Data) | Likeness::Maybe(PduKind::Data) | Likeness::Short
                )
        };
        let let_go = (1..octets.len()).find(begins).unwrap_or(octets.len());
        head.take(let_go);
        self.lost = self.lost.saturating_add(let_go);
        if self.lost > MAX_LOST {
            self.stage = Stage::Deaf;
            head.skip(u64::MAX);
        }
        Ok(Step::On)
    }

    fn pdu(&mut self, head: &mut Head) -> Result<Step, WireError> {
        let octets = head.octets();
        let mut r = Reader::new(octets);
        let pdu = PduHead::read(&mut r)?;
        let heard = match pdu.kind {
            PduKind::AssociateRequest | PduKind::AssociateAccept => {
                match likeness(octets) {
                    Likeness::Yes(_) => {}
                    Likeness::Short => return Ok(Step::Wait),
                    _ => return Ok(Step::Stray),
                }
                self.stage = Stage::Association(pdu.length);
                // The head stays: the fixed part is read together with it.
                let is_request = pdu.kind == PduKind::AssociateRequest;
                return Ok(Step::Say(if is_request { Heard::Request } else { Heard::Accept }));
            }
            PduKind::Data => {
                head.take(PduHead::OCTETS);
                self.stage = Stage::Values { left: pdu.length };
                return Ok(Step::On);
            }
            PduKind::AssociateReject => Heard::Rejected(Rejection::read(&mut r)?),
            PduKind::ReleaseRequest => r.u32("reserved octets 7-10").map(|_| Heard::Release)?,
            PduKind::ReleaseResponse => r.u32("reserved octets 7-10").map(|_| Heard::Released)?,
            PduKind::Abort => r.u32("source and reason").map(|_| Heard::Aborted)?,
        };
        head.take(octets.len().saturating_sub(r.left()));
        Ok(Step::Say(heard))
    }

    fn association(&mut self, head: &mut Head, length: u32) -> Result<Step, WireError> {
        let mut r = Reader::new(head.octets());
        let pdu = PduHead::read(&mut r)?;
        let fixed = AssociateHead::read(&mut r)?;
        head.take(PduHead::OCTETS.saturating_add(AssociateHead::OCTETS));
        self.stage = Stage::Items { left: length.saturating_sub(FIXED), is_first: true };
        if pdu.kind == PduKind::AssociateRequest {
            return Ok(Step::Say(Heard::Titles { called: fixed.called, calling: fixed.calling }));
        }
        Ok(Step::On)
    }

    /// One item. User information is entered, so that its items come one by one like all others.
    fn item(&mut self, head: &mut Head, left: u32, is_first: bool) -> Result<Step, WireError> {
        let mut r = Reader::new(head.octets());
        let it = ItemHead::read(&mut r)?;
        if is_first {
            is_application_context(it, r.rest())?;
        }
        let is_entered = it.kind == item::USER_INFORMATION;
        let octets = ITEM.saturating_add(if is_entered { 0 } else { u32::from(it.length) });
        let left = left.checked_sub(octets).ok_or(WireError::Malformed("item length"))?;
        let step = match it.kind {
            item::USER_IDENTITY => UserIdentity::read(&mut r).map(|i| Step::Say(Heard::Identity(i)))?,
            item::USER_IDENTITY_ANSWER => Step::Say(Heard::IdentityAnswered),
            item::PROPOSED_CONTEXT
            | item::ANSWERED_CONTEXT
            | item::IMPLEMENTATION_CLASS
            | item::IMPLEMENTATION_NAME
                if usize::from(it.length) <= MAX_ITEM =>
            {
                let body = r.take(usize::from(it.length), "item")?;
                self.understand(it.kind, body)
            }
            _ => Step::On,
        };
        head.skip(u64::from(octets));
        self.stage = Stage::Items { left, is_first: false };
        Ok(step)
    }

    /// A whole item. One that contradicts its standard is passed over: its length was right.
    fn understand(&mut self, kind: u8, body: &[u8]) -> Step {
        let heard = match kind {
            item::PROPOSED_CONTEXT => ProposedContext::read(body)
                .map(|c| Heard::Proposed { context: c.id, service: dicom_uid::service(c.abstract_syntax) })
                .ok(),
            item::ANSWERED_CONTEXT => {
                AnsweredContext::read(body).map(|c| Heard::Answered { context: c.id, is_accepted: c.result == 0 }).ok()
            }
            item::IMPLEMENTATION_CLASS => {
                self.class = Class::of(trimmed(body));
                self.class.map(Heard::Class)
            }
            _ => Name::of(trimmed(body), self.class).map(Heard::Name),
        };
        heard.map_or(Step::On, Step::Say)
    }

    fn value(&mut self, head: &mut Head, left: u32) -> Result<Step, WireError> {
        let pdv = PdvHead::read(&mut Reader::new(head.octets()), left)?;
        head.take(PdvHead::OCTETS);
        let left = left.saturating_sub(4).saturating_sub(pdv.length);
        if pdv.is_command {
            self.stage = Stage::Fragment { left, pdv };
        } else {
            head.skip(u64::from(pdv.body()));
            self.stage = Stage::Values { left };
        }
        Ok(Step::Say(Heard::Data))
    }

    fn fragment(&mut self, head: &mut Head, left: u32, pdv: PdvHead) -> Result<Step, WireError> {
        let body = usize::try_from(pdv.body()).unwrap_or(usize::MAX);
        if self.command.len().saturating_add(body) > MAX_COMMAND {
            return Err(WireError::Malformed("command set"));
        }
        let fragment = Reader::new(head.octets()).take(body, "command fragment")?;
        self.command.extend_from_slice(fragment);
        head.take(body);
        self.stage = Stage::Values { left };
        if !pdv.is_last {
            return Ok(Step::On);
        }
        let order = CommandSet::read(&self.command).map(|set| Order {
            context: pdv.context,
            command: set.command,
            status: set.status,
            service: Some(set.class).filter(|c| !c.is_empty()).map(dicom_uid::service),
            handed_over: set.handed_over,
            is_forwarded: set.is_forwarded,
        });
        self.command.clear();
        // One that contradicts its standard is let go alone: the lengths around it were right.
        Ok(order.map_or(Step::On, |o| Step::Say(Heard::Command(o))))
    }
}

/// PDU type 4.
const DATA: u8 = 4;

/// Octets of the fixed part and of an item's head, as lengths count them.
const FIXED: u32 = 68;
const ITEM: u32 = 4;

/// Octets of an item that is waited for: a presentation context with 128 transfer syntaxes of 64 octets has under 9 KB.
/// A larger one is passed over.
const MAX_ITEM: usize = 16 * 1024;

/// Octets without a PDU after which a side is given up: the largest PDU that toolkits offer by default has 1 MiB, so its
/// successor begins within that.
const MAX_LOST: usize = 2 * 1024 * 1024;
