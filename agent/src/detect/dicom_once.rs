//! What a DICOM conversation gives, each of it once: facts about the service, and about the hosts at both ends.
//!
//! Keeps: marks of what was said. Drops: nothing; it is given no octet that was heard.

use super::Said;
use super::dicom_maker::{self, Class, Name};
use auscult_report::fact::{DicomIdentity, DicomService, Encryption, Fact, Login, Protocol, Role};
use auscult_report::zone::Zone;
use core::mem::replace;

/// The marks.
#[derive(Default)]
pub(super) struct Once {
    protocol: bool,
    answered: bool,
    accepted: bool,
    identity: bool,
    login: bool,
    served: bool,
    software: bool,
    archive: bool,
    sender: bool,
    reader: bool,
    cleartext_out: bool,
    /// A bit for each [`DicomService`].
    services: u8,
}

impl Once {
    pub(super) const fn is_answered(&self) -> bool {
        self.answered
    }

    pub(super) const fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// It is DICOM, and readable.
    pub(super) fn protocol(&mut self, said: &mut Said<'_>) {
        if !replace(&mut self.protocol, true) {
            said.protocol(Protocol::Dicom);
            said.service(Fact::Encryption(Encryption::None));
        }
    }

    /// The client was let in, if only to be heard.
    pub(super) fn answered(&mut self, said: &mut Said<'_>) {
        self.protocol(said);
        if !replace(&mut self.answered, true) {
            said.answered();
        }
    }

    /// At least one context was accepted.
    pub(super) fn accepted(&mut self, said: &mut Said<'_>) {
        if !replace(&mut self.accepted, true) {
            said.service(Fact::DicomAccepted);
            if serves_here(said) {
                said.server_host(Fact::Medical);
            }
        }
    }

    /// A context of this service was accepted.
    pub(super) fn context(&mut self, service: DicomService, said: &mut Said<'_>) {
        let place = DicomService::ALL.iter().position(|s| *s == service).and_then(|p| u32::try_from(p).ok());
        let mark = place.and_then(|p| 1u8.checked_shl(p)).unwrap_or(0);
        if self.services & mark == 0 {
            self.services |= mark;
            said.service(Fact::DicomContext(service));
        }
        if matches!(service, DicomService::Storage | DicomService::Query) {
            self.archive(said);
        }
    }

    /// What an accepted caller showed; `None` is a kind of identity that has no word.
    pub(super) fn identity(&mut self, kind: Option<DicomIdentity>, said: &mut Said<'_>) {
        if let (false, Some(kind)) = (replace(&mut self.identity, true), kind) {
            said.service(Fact::DicomIdentity(kind));
        }
    }

    pub(super) fn software(&mut self, class: Option<Class>, name: Option<Name>, said: &mut Said<'_>) {
        if !replace(&mut self.software, true) {
            dicom_maker::software(class, name).for_each(|fact| said.service(fact));
        }
    }

    pub(super) fn login(&mut self, login: Login, said: &mut Said<'_>) {
        if !replace(&mut self.login, true) {
            said.service(Fact::Login(login));
        }
    }

    /// Records or objects went to a caller without identity.
    pub(super) fn served_to_nobody(&mut self, said: &mut Said<'_>) {
        if !replace(&mut self.served, true) {
            said.service(Fact::DataServed);
            self.login(Login::None, said);
        }
    }

    /// The server keeps images or answers questions about them.
    pub(super) fn archive(&mut self, said: &mut Said<'_>) {
        if serves_here(said) && !replace(&mut self.archive, true) {
            said.server_host(Fact::Role(Role::Archive));
        }
    }

    /// The client stores: it makes images, or passes on what another host asked an archive for.
    pub(super) fn sender(&mut self, is_forwarded: bool, said: &mut Said<'_>) {
        self.cleartext_out(said);
        if is_ours(said.client.zone) && !replace(&mut self.sender, true) {
            said.client_host(Fact::Role(if is_forwarded { Role::Archive } else { Role::Modality }));
            said.client_host(Fact::Medical);
        }
    }

    /// A question about images that are kept was answered: an archive did that. Who asked is a workstation, unless it
    /// stores as well; worklists are what modalities ask for. A laptop with a viewer is no medical equipment.
    pub(super) fn read(&mut self, service: Option<DicomService>, said: &mut Said<'_>) {
        use DicomService::{Query, RetrieveGet, RetrieveMove};
        if !matches!(service, Some(Query | RetrieveGet | RetrieveMove)) {
            return;
        }
        self.archive(said);
        if is_ours(said.client.zone) && !self.sender && !replace(&mut self.reader, true) {
            said.client_host(Fact::Role(Role::Workstation));
        }
    }

    /// Patients were named or shown readable; it matters where a host of the clinic calls an outside server.
    pub(super) fn cleartext_out(&mut self, said: &mut Said<'_>) {
        let goes_out = is_ours(said.client.zone) && !is_ours(said.server.zone);
        if goes_out && !replace(&mut self.cleartext_out, true) {
            said.client_host(Fact::MedicalCleartextOut);
        }
    }
}

const fn is_ours(zone: Zone) -> bool {
    !matches!(zone, Zone::Outside)
}

/// A server outside that a home client calls is a partner's; one that strangers call is the clinic's own, heard at its
/// public address.
const fn serves_here(said: &Said<'_>) -> bool {
    is_ours(said.server.zone) || !is_ours(said.client.zone)
}
