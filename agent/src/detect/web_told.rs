//! What was said already of a conversation with a web server, so that a thousand requests of one page say it once.
//!
//! Keeps: one bit a fact, and a hash of the fields that name products. Drops: everything else.

use super::Said;
use auscult_report::fact::Fact;

/// What was said already.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    bits: u128,
    server: Option<u64>,
    family: bool,
}

impl Told {
    /// Says a fact about the service, the first time.
    pub(super) fn service(&mut self, said: &mut Said<'_>, fact: Fact) {
        if self.is_first(&fact) {
            said.service(fact);
        }
    }

    /// Says a fact about the server's host, the first time.
    pub(super) fn server_host(&mut self, said: &mut Said<'_>, fact: Fact) {
        if self.is_first(&fact) {
            said.server_host(fact);
        }
    }

    /// Says a fact about the client's host, the first time.
    pub(super) fn client_host(&mut self, said: &mut Said<'_>, fact: Fact) {
        if self.is_first(&fact) {
            said.client_host(fact);
        }
    }

    /// Whether the fields that name products differ from those before.
    pub(super) fn is_new_server(&mut self, mark: u64) -> bool {
        self.server.replace(mark) != Some(mark)
    }

    /// Whether no family of systems was said yet.
    pub(super) fn is_first_family(&mut self) -> bool {
        !core::mem::replace(&mut self.family, true)
    }

    /// Whether the fact was not said yet; it counts as said from now on.
    pub(super) fn is_first(&mut self, fact: &Fact) -> bool {
        let Some(bit) = place(fact).and_then(|p| 1u128.checked_shl(p)) else { return true };
        let first = self.bits & bit == 0;
        self.bits |= bit;
        first
    }
}

/// The bit of a fact; `None` for facts that are said every time. A word beyond its room shares the last bit of it.
fn place(fact: &Fact) -> Option<u32> {
    use Fact::*;
    let (base, room, word) = match fact {
        WebKind(k) => (0, 16, *k as u32),
        WebOpenKind(k) => (16, 16, *k as u32),
        WebAuth(a) => (32, 8, *a as u32),
        WebDefaultPage(p) => (40, 20, *p as u32),
        WebDefaultPageHost(h) => (60, 4, *h as u32),
        WebVersionShown(h) => (64, 20, *h as u32),
        WebCrawler(c) => (84, 9, *c as u32),
        WebAdminOpen(a) => (93, 7, *a as u32),
        Login(l) => (100, 4, *l as u32),
        DataServed => (104, 1, 0),
        Refused => (105, 1, 0),
        WebLoginForm => (106, 1, 0),
        WebLoginInClear => (107, 1, 0),
        WebBasicInClear => (108, 1, 0),
        WebDefaultPassword => (109, 1, 0),
        WebListing => (110, 1, 0),
        WebErrorDetail => (111, 1, 0),
        WebSessionInClear => (112, 1, 0),
        WebTokenInClear => (113, 1, 0),
        WebLeftover => (114, 1, 0),
        WebRedirect => (115, 1, 0),
        WebOtherAnswer => (116, 1, 0),
        MedicalCleartextOut => (117, 1, 0),
        Medical => (118, 1, 0),
        Role(auscult_report::fact::Role::Printer) => (126, 1, 0),
        Role(_) => (119, 1, 0),
        Protocol(auscult_report::fact::Protocol::Http) => (120, 1, 0),
        Protocol(auscult_report::fact::Protocol::Ipp) => (122, 1, 0),
        Protocol(auscult_report::fact::Protocol::Webmin) => (123, 1, 0),
        Protocol(auscult_report::fact::Protocol::Docker) => (124, 1, 0),
        Protocol(auscult_report::fact::Protocol::Winrm) => (125, 1, 0),
        Encryption(_) => (121, 1, 0),
        _ => return None,
    };
    Some(word.min(u32::saturating_sub(room, 1)).saturating_add(base))
}

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::fact::{AgentClass, HostForm, Login, WebAdmin, WebAuth, WebHeader, WebKind, WebPage};
    use std::collections::HashSet;

    #[test]
    fn every_fact_has_a_bit_of_its_own() {
        let mut facts: Vec<Fact> = vec![
            Fact::DataServed,
            Fact::Refused,
            Fact::WebLoginForm,
            Fact::WebLoginInClear,
            Fact::WebBasicInClear,
            Fact::WebDefaultPassword,
            Fact::WebListing,
            Fact::WebErrorDetail,
            Fact::WebSessionInClear,
            Fact::WebTokenInClear,
            Fact::WebLeftover,
            Fact::WebRedirect,
            Fact::WebOtherAnswer,
            Fact::MedicalCleartextOut,
            Fact::Medical,
        ];
        facts.extend(WebKind::ALL.iter().map(|k| Fact::WebKind(*k)));
        facts.extend(WebKind::ALL.iter().map(|k| Fact::WebOpenKind(*k)));
        facts.extend(WebAuth::ALL.iter().map(|k| Fact::WebAuth(*k)));
        facts.extend(WebPage::ALL.iter().map(|k| Fact::WebDefaultPage(*k)));
        facts.extend(HostForm::ALL.iter().map(|k| Fact::WebDefaultPageHost(*k)));
        facts.extend(WebHeader::ALL.iter().map(|k| Fact::WebVersionShown(*k)));
        facts.extend(AgentClass::ALL.iter().map(|k| Fact::WebCrawler(*k)));
        facts.extend(WebAdmin::ALL.iter().map(|k| Fact::WebAdminOpen(*k)));
        facts.extend(Login::ALL.iter().map(|k| Fact::Login(*k)));
        let places: HashSet<_> = facts.iter().map(place).collect();
        assert_eq!(places.len(), facts.len());
        assert!(places.iter().all(|p| p.is_some_and(|p| p < 128)));
    }

    #[test]
    fn counted_facts_are_said_every_time() {
        let mut told = Told::default();
        assert!(told.is_first(&Fact::WebOpenDocument) && told.is_first(&Fact::WebOpenDocument));
        assert!(told.is_first(&Fact::WebListing) && !told.is_first(&Fact::WebListing));
    }
}
