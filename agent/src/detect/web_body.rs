//! The body of an answer, as far as it is looked at: the first 4 KiB for titles and for what JSON and XML say they are,
//! 64 KiB of a page for a password field.
//!
//! Keeps: at most [`MAX_TEXT`] octets while the answer lasts. Drops: all of them when it ends.

use super::Said;
use super::web_answer::{document, served};
use super::web_data::{self, Recognised};
use super::web_media::Media;
use super::web_page::{self, PasswordField};
use super::web_path::{FileName, PathKind};
use super::web_request::Asked;
use super::web_server;
use super::web_text::{contains, digits};
use super::web_told::Told;
use auscult_report::fact::{Fact, HostForm, SoftwarePlace, WebAdmin, WebKind};
use auscult_report::version::Version;

/// A body that is being looked at.
#[derive(Debug)]
pub(super) struct Body {
    asked: Option<Asked>,
    media: Media,
    status: u16,
    claim: Claim,
    /// Its first octets are read.
    read: bool,
    /// The server calls itself IIS 5 or 6.
    pub(super) old_iis: bool,
    text: Vec<u8>,
    seen: u64,
    judged: bool,
    password: PasswordField,
    /// What the page is, if it turns out to ask for no password.
    open: Open,
}

/// What may be claimed of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// Nothing (any more).
    Nothing,
    /// Data of this kind, when it is more than an empty list.
    Kind(WebKind),
    /// Data of this kind, when it is more than an empty bundle.
    Large(WebKind),
    /// This kind answers; whether it is open is not asked.
    Plain(WebKind),
    /// An interface for administrators.
    Admin(WebAdmin),
    /// A document.
    Document,
    /// A backup or a settings file.
    Leftover,
}

/// A page that is open if no password field stands in it.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    kind: Option<WebKind>,
    admin: Option<WebAdmin>,
}

impl Body {
    /// Octets of it that are kept, and its own.
    pub(super) const fn held(&self) -> usize {
        self.text.capacity().saturating_add(size_of::<Body>())
    }

    /// Before its first octet.
    pub(super) fn new(asked: Option<Asked>, media: Media, status: u16, claim: Claim, read: bool) -> Body {
        Body {
            asked,
            media,
            status,
            claim,
            read,
            old_iis: false,
            text: Vec::new(),
            seen: 0,
            judged: false,
            password: PasswordField::default(),
            open: Open::default(),
        }
    }

    /// Its length was announced: what depends on the length alone is known now.
    pub(super) fn announced(&mut self, length: u64, said: &mut Said<'_>, told: &mut Told) {
        self.settle(length, said, told);
        self.claim = Claim::Nothing;
    }

    /// Whether anything can still be learnt from its octets.
    pub(super) fn wants(&self) -> bool {
        let page = self.is_page() && self.seen < MAX_PAGE && !self.password.clear;
        self.claim != Claim::Nothing || (self.read && !self.judged) || (self.read && page)
    }

    /// The next octets; gives back whether more are wanted.
    pub(super) fn hear(&mut self, octets: &[u8], said: &mut Said<'_>, told: &mut Told) -> bool {
        self.seen = self.seen.saturating_add(u64::try_from(octets.len()).unwrap_or(u64::MAX));
        self.settle(self.seen, said, told);
        if self.read {
            if self.is_page() {
                self.search(octets, said, told);
            }
            let room = MAX_TEXT.saturating_sub(self.text.len());
            self.text.extend_from_slice(octets.get(..room.min(octets.len())).unwrap_or_default());
            if self.text.len() >= MAX_TEXT {
                self.judge(false, said, told);
            }
        }
        self.wants()
    }

    /// It ended, or (`whole` is false) its rest is lost.
    pub(super) fn end(&mut self, whole: bool, said: &mut Said<'_>, told: &mut Told) {
        if self.read {
            self.judge(whole, said, told);
        }
        if self.password.seen || !(whole || self.seen >= MAX_PAGE) || !self.is_page() {
            return;
        }
        if let Some(kind) = self.open.kind {
            served(kind, self.asked.as_ref(), said, told);
        }
        if let (Some(admin), true) = (self.open.admin, self.is_open()) {
            told.service(said, Fact::WebKind(WebKind::Admin));
            told.service(said, Fact::WebOpenKind(WebKind::Admin));
            told.service(said, Fact::WebAdminOpen(admin));
        }
    }

    /// Whether it is a page whose password field matters.
    fn is_page(&self) -> bool {
        self.media == Media::Html && matches!(self.status, 200 | 203 | 401 | 403)
    }

    /// Whether its request was heard and showed no identity.
    fn is_open(&self) -> bool {
        self.asked.is_some_and(|a| a.is_of_nobody())
    }

    /// Says what can be claimed of a body of at least `length` octets.
    fn settle(&mut self, length: u64, said: &mut Said<'_>, told: &mut Told) {
        let needed = if matches!(self.claim, Claim::Large(_)) { LARGE } else { MORE_THAN_EMPTY };
        let asked = self.asked.as_ref();
        match self.claim {
            // An empty list of containers was given without a login all the same.
            Claim::Admin(admin) => {
                if asked.is_some_and(Asked::is_of_nobody) {
                    told.service(said, Fact::WebAdminOpen(admin));
                }
            }
            _ if length < needed => return,
            Claim::Nothing => return,
            Claim::Kind(kind) | Claim::Large(kind) => served(kind, asked, said, told),
            Claim::Plain(kind) => told.service(said, Fact::WebKind(kind)),
            Claim::Document => {
                if let Some(asked) = asked {
                    document(asked, said, told);
                }
            }
            Claim::Leftover => {
                told.service(said, Fact::WebKind(WebKind::Leftover));
                told.service(said, Fact::WebLeftover);
            }
        }
        self.claim = Claim::Nothing;
    }

    /// Searches a page for a password field.
    fn search(&mut self, octets: &[u8], said: &mut Said<'_>, told: &mut Told) {
        let before = self.password;
        self.password.hear(octets);
        if self.password.seen && !before.seen {
            told.service(said, Fact::WebKind(WebKind::Login));
            told.service(said, Fact::WebLoginForm);
        }
        if self.password.clear && !before.clear {
            told.service(said, Fact::WebLoginInClear);
        }
    }

    /// Looks at the first octets, once. `whole` says that they are all.
    fn judge(&mut self, whole: bool, said: &mut Said<'_>, told: &mut Told) {
        if core::mem::replace(&mut self.judged, true) {
            return;
        }
        let text = core::mem::take(&mut self.text);
        if self.media == Media::Html {
            self.page(&text, whole, said, told);
        } else {
            self.data(&text, said, told);
        }
    }

    fn page(&mut self, text: &[u8], whole: bool, said: &mut Said<'_>, told: &mut Told) {
        if let Some((word, version)) = web_page::title_product(text) {
            web_server::software(word, version, SoftwarePlace::PageTitle, said);
        }
        if web_page::is_error_detail(text) {
            told.service(said, Fact::WebErrorDetail);
        }
        if self.status != 200 {
            return;
        }
        let folder = self.asked.is_none_or(|a| a.path.folder || a.path.name == FileName::IisStart);
        if let (true, Some(page)) = (folder, web_page::default_page(text, whole, self.old_iis)) {
            let host = self.asked.map_or(HostForm::Unknown, |a| a.host);
            told.service(said, Fact::WebDefaultPage(page));
            told.service(said, Fact::WebDefaultPageHost(host));
            if let Some((place, numbers)) = web_page::iis_of(page) {
                web_server::windows(place, numbers, said);
            }
        }
        if self.is_open() && web_page::is_listing(text) {
            told.service(said, Fact::WebListing);
        }
        self.open = self.what_it_opens(web_page::title(text), said, told);
    }

    /// What this page is, if it asks for no password.
    fn what_it_opens(&self, title: &[u8], said: &mut Said<'_>, told: &mut Told) -> Open {
        let path = self.asked.map(|a| a.path.kind);
        let viewer = VIEWERS.iter().any(|v| contains(title, v));
        match path {
            Some(PathKind::Login) => told.service(said, Fact::WebKind(WebKind::Login)),
            Some(PathKind::Admin(admin)) => {
                told.service(said, Fact::WebKind(WebKind::Admin));
                return Open { kind: None, admin: Some(admin) };
            }
            Some(PathKind::OrthancPage) => return Open { kind: Some(WebKind::OrthancUi), admin: None },
            _ => {}
        }
        if contains(title, b"orthanc explorer") {
            return Open { kind: Some(WebKind::OrthancUi), admin: None };
        }
        if path == Some(PathKind::Viewer) || viewer {
            told.service(said, Fact::WebKind(WebKind::Viewer));
            return Open { kind: Some(WebKind::Viewer), admin: None };
        }
        let admin = if contains(title, b"[jenkins]") {
            Some(WebAdmin::Jenkins)
        } else if contains(title, b"phpmyadmin") {
            Some(WebAdmin::PhpMyAdmin)
        } else {
            None
        };
        Open { kind: None, admin }
    }

    fn data(&mut self, text: &[u8], said: &mut Said<'_>, told: &mut Told) {
        let path = self.asked.map(|a| a.path.kind);
        let asked = self.asked;
        let fhir = self.media == Media::Fhir || path.is_none_or(|p| matches!(p, PathKind::Fhir { .. }));
        match web_data::recognise(text) {
            Some(Recognised::OrthancSystem(version)) => {
                web_server::software(b"Orthanc", version, SoftwarePlace::Body, said);
                served(WebKind::OrthancRest, asked.as_ref(), said, told);
            }
            Some(Recognised::OrthancRecords) if matches!(path, Some(PathKind::Orthanc { .. })) => {
                if told.is_first(&Fact::WebKind(WebKind::OrthancRest)) {
                    web_server::software(b"Orthanc", None, SoftwarePlace::Body, said);
                    said.service(Fact::WebKind(WebKind::OrthancRest));
                }
                served(WebKind::OrthancRest, asked.as_ref(), said, told);
            }
            Some(Recognised::FhirCapability(software)) => {
                if let Some((word, version)) = software {
                    web_server::software(word, version, SoftwarePlace::Body, said);
                }
                served(WebKind::FhirCapability, None, said, told);
            }
            Some(Recognised::Fhir { public: false }) if fhir => served(WebKind::Fhir, asked.as_ref(), said, told),
            Some(Recognised::Fhir { .. } | Recognised::FhirEmpty) if fhir => served(WebKind::Fhir, None, said, told),
            Some(Recognised::Engine(word, version)) => {
                if let Some(word) = word {
                    web_server::software(word, version, SoftwarePlace::Body, said);
                }
                told.service(said, Fact::WebKind(WebKind::DatabaseRest));
            }
            Some(Recognised::Mirth(version)) => mirth(version, said, told),
            // Mirth Connect wants X-Requested-With, and answers with its version alone.
            None if self.media == Media::Text && path == Some(PathKind::Mirth) && asked.is_some_and(|a| a.by_page) => {
                let text = text.trim_ascii();
                if text.split(|o| *o == b'.').all(digits) {
                    mirth(Version::exact(text), said, told);
                }
            }
            _ => {}
        }
    }
}

fn mirth(version: Option<Version>, said: &mut Said<'_>, told: &mut Told) {
    web_server::software(b"Mirth", version, SoftwarePlace::Body, said);
    told.service(said, Fact::WebKind(WebKind::Mirth));
}

/// Octets of a body that are kept while it lasts: titles and descriptions stand at its beginning.
const MAX_TEXT: usize = 4096;

/// Octets of a page that are searched for a password field (`facts.tsv`, web.login_form).
const MAX_PAGE: u64 = 64 * 1024;

/// An empty list has up to eight octets (`[]`, `[ ]`, `{ }`, line ends).
const MORE_THAN_EMPTY: u64 = 9;

/// An empty bundle has less, compressed.
const LARGE: u64 = 512;

/// Words of the titles of viewers.
const VIEWERS: &[&[u8]] = &[b"ohif", b"weasis", b"dcm4chee-arc"];
