//! The values of a service: what it speaks, who got answers, what was given to whom.
//! Keeps: for each zone what was heard towards its clients; for the whole, their sum. Drops: nothing else is needed.

use super::{Scene, Stated, flag, software};
use crate::value::{Value, Values, Word};
use auscult_report::fact::{
    CipherClass, DicomIdentity, Encryption, Fact, Hl7Kind, Login, MailStartTls, Protocol, RdpSecurity, SmbDialect,
    SmbSigning, SnmpCommunity, VncSecurity, WebAuth, WebKind,
};
use auscult_report::subject::Subject;
use auscult_report::summary::Sighting;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use auscult_report::zone::Zone;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Everything that is known of a service.
pub(super) fn stated(subject: Subject, sightings: &[&Sighting], scene: &Scene<'_>, host: Option<&Values>) -> Stated {
    let zones: BTreeSet<Zone> = sightings.iter().filter_map(|s| s.zone).collect();
    let mut values = part(sightings, scene, host);
    let by_zone: Vec<(Zone, Values)> = zones
        .into_iter()
        .map(|zone| {
            let towards: Vec<&Sighting> =
                sightings.iter().copied().filter(|s| s.zone.is_none_or(|z| z == zone)).collect();
            (zone, part(&towards, scene, host))
        })
        .collect();
    let asked_from_outside = by_zone.iter().any(|(zone, _)| *zone == Zone::Outside);
    let is_foreign = values.get("host.zone") == Some(&Value::word("outside")) && !asked_from_outside;
    if let Some(zone) = values.get("host.zone").cloned() {
        values.insert(Cow::Borrowed("svc.zone"), zone);
    }
    Stated { subject, values, by_zone, is_foreign }
}

/// The values of a part of the sightings, with those of the host below them.
fn part(sightings: &[&Sighting], scene: &Scene<'_>, host: Option<&Values>) -> Values {
    let mut values = host.cloned().unwrap_or_default();
    let heard = Heard { sightings, values: &mut values };
    heard.of_any_protocol();
    let heard = Heard { sightings, values: &mut values };
    heard.of_imaging_and_messages();
    let heard = Heard { sightings, values: &mut values };
    heard.of_web();
    let heard = Heard { sightings, values: &mut values };
    heard.of_secrecy(scene.now);
    let heard = Heard { sightings, values: &mut values };
    heard.of_others();
    let named = sightings.iter().filter_map(|s| if let Fact::Software(s) = s.fact { Some(s) } else { None });
    software::add(&mut values, named, scene.knowledge, scene.now);
    values
}

struct Heard<'a> {
    sightings: &'a [&'a Sighting],
    values: &'a mut Values,
}

impl Heard<'_> {
    fn of_any_protocol(mut self) {
        let protocols: Vec<Protocol> =
            self.sightings.iter().filter_map(|s| if let Fact::Protocol(p) = s.fact { Some(p) } else { None }).collect();
        // What is spoken inside a cipher tells more than the cipher.
        if let Some(protocol) = protocols.iter().find(|p| **p != Protocol::Tls).or(protocols.first()) {
            self.set("svc.protocol", Value::word(protocol.word()));
            if let Some(product) = database(*protocol) {
                self.set("db.product", Value::word(product));
            }
        }
        let clients: BTreeSet<Word> = self.zones(Fact::Answered);
        self.set("svc.answered", Value::Bool(!clients.is_empty()));
        self.set("svc.clients", Value::Set(clients));
        self.set("svc.outside_networks", Value::count(self.count(Fact::OutsideNetwork)));
        self.set("svc.outside_refused", Value::Bool(self.zones(Fact::Refused).contains("outside")));
        let (clear, tls) = (self.has(Fact::Encryption(Encryption::None)), self.has(Fact::Encryption(Encryption::Tls)));
        let encrypted = match (clear, tls) {
            (true, true) => Encryption::Partly,
            (true, false) => Encryption::None,
            (false, true) => Encryption::Tls,
            _ if self.has(Fact::Encryption(Encryption::Partly)) => Encryption::Partly,
            _ => Encryption::Unknown,
        };
        self.set("svc.encrypted", Value::word(encrypted.word()));
        // Data that was given to somebody without an identity outweighs those who showed one.
        let login = [Login::None, Login::Used, Login::Refused].into_iter().find(|l| self.has(Fact::Login(*l)));
        self.set("svc.login", Value::word(login.unwrap_or(Login::Unknown).word()));
        self.set("svc.data_served", Value::Bool(self.has(Fact::DataServed)));
        let day = |t: Timestamp| t.0 / MS_PER_DAY;
        let first = self.sightings.iter().map(|s| day(s.first)).min().unwrap_or(0);
        let last = self.sightings.iter().map(|s| day(s.last)).max().unwrap_or(0);
        let days = u32::try_from(last.saturating_sub(first).saturating_add(1)).unwrap_or(u32::MAX);
        self.set("svc.days", Value::count(days));
        let medical = flag(self.values, "host.medical")
            || protocols
                .iter()
                .any(|p| matches!(p, Protocol::Dicom | Protocol::Mllp | Protocol::Astm | Protocol::Poct1a))
            || [WebKind::Dicomweb, WebKind::WadoUri, WebKind::OrthancRest, WebKind::Fhir]
                .iter()
                .any(|k| self.has(Fact::WebKind(*k)));
        self.set("svc.medical", Value::Bool(medical));
    }

    fn of_imaging_and_messages(mut self) {
        if self.has(Fact::Protocol(Protocol::Dicom)) {
            for (name, fact) in [
                ("dicom.accepted", Fact::DicomAccepted),
                ("dicom.ae_refused", Fact::DicomTitleRefused),
                ("dicom.callings", Fact::DicomCalling),
                ("dicom.calleds", Fact::DicomCalled),
                ("dicom.matches", Fact::DicomMatch),
                ("dicom.handed_over", Fact::DicomHandedOver),
            ] {
                self.set(name, Value::count(self.count(fact)));
            }
            let contexts = self.words(|f| if let Fact::DicomContext(c) = f { Some(c.word()) } else { None });
            self.set("dicom.contexts", Value::Set(contexts));
            // The strongest identity that was shown; without an accepted association nothing is known.
            let identity = DicomIdentity::ALL.iter().rev().find(|i| self.has(Fact::DicomIdentity(**i)));
            if let Some(identity) = identity {
                self.set("dicom.identity", Value::word(identity.word()));
            }
            // Who is outside, or a guest, is a stranger; of all others only a longer memory knows it.
            let strangers = self.sightings.iter().filter(|s| s.fact == Fact::DicomStored);
            let stored = strangers
                .filter(|s| matches!(s.zone, Some(Zone::Outside | Zone::Guest)))
                .fold(0u32, |n, s| n.saturating_add(s.count));
            self.set("dicom.stored_from_new", Value::count(stored));
            self.set("dicom.query_refused", Value::Bool(self.has(Fact::DicomQueryRefused)));
        }
        if self.has(Fact::Protocol(Protocol::Mllp)) {
            self.set("hl7.acks", Value::count(self.count(Fact::Hl7Acknowledged)));
            let kinds = self.words(|f| if let Fact::Hl7Kind(k) = f { Some(Hl7Kind::word(k)) } else { None });
            self.set("hl7.kinds", Value::Set(kinds));
        }
        for (protocol, word) in [(Protocol::Astm, "astm"), (Protocol::Poct1a, "poct1a")] {
            if self.has(Fact::Protocol(protocol)) {
                self.set("lab.protocol", Value::word(word));
            }
        }
    }

    fn of_web(mut self) {
        if !self.has(Fact::Protocol(Protocol::Http)) {
            return;
        }
        for (name, fact) in [
            ("web.open_documents", Fact::WebOpenDocument),
            ("web.closed_documents", Fact::WebClosedDocument),
            ("web.crawler_documents", Fact::WebCrawlerDocument),
        ] {
            self.set(name, Value::count(self.count(fact)));
        }
        for (name, fact) in [
            ("web.login_form", Fact::WebLoginForm),
            ("web.login_in_clear", Fact::WebLoginInClear),
            ("web.basic_in_clear", Fact::WebBasicInClear),
            ("web.default_password", Fact::WebDefaultPassword),
            ("web.listing", Fact::WebListing),
            ("web.error_detail", Fact::WebErrorDetail),
            ("web.session_in_clear", Fact::WebSessionInClear),
            ("web.token_in_clear", Fact::WebTokenInClear),
            ("web.leftover", Fact::WebLeftover),
            ("fhir.open", Fact::WebOpenKind(WebKind::Fhir)),
        ] {
            self.set_if(name, fact);
        }
        let open = self.words(|f| if let Fact::WebOpenKind(k) = f { Some(k.word()) } else { None });
        let kinds = self.words(|f| if let Fact::WebKind(k) | Fact::WebOpenKind(k) = f { Some(k.word()) } else { None });
        let auth = self.words(|f| if let Fact::WebAuth(a) = f { Some(WebAuth::word(a)) } else { None });
        let shown = self.words(|f| if let Fact::WebVersionShown(h) = f { Some(h.word()) } else { None });
        let crawlers = self.words(|f| if let Fact::WebCrawler(c) = f { Some(c.word()) } else { None });
        for (name, words) in [
            ("web.open_kinds", open),
            ("web.kinds", kinds),
            ("web.auth", auth),
            ("web.versions_shown", shown),
            ("web.crawlers", crawlers),
        ] {
            self.set(name, Value::Set(words));
        }
        self.first("web.default_page", |f| if let Fact::WebDefaultPage(p) = f { Some(p.word()) } else { None });
        self.first(
            "web.default_page_host",
            |f| if let Fact::WebDefaultPageHost(h) = f { Some(h.word()) } else { None },
        );
        self.first("web.admin_open", |f| if let Fact::WebAdminOpen(a) = f { Some(a.word()) } else { None });
        let only = self.has(Fact::WebRedirect) && !self.has(Fact::WebOtherAnswer);
        self.set("web.only_redirects", Value::Bool(only));
    }

    fn of_secrecy(mut self, now: Timestamp) {
        let versions =
            self.sightings.iter().filter_map(|s| if let Fact::TlsVersion(v) = s.fact { Some(v) } else { None });
        if let Some(lowest) = versions.min() {
            self.set("tls.version", Value::word(lowest.word()));
        }
        let ciphers =
            self.sightings.iter().filter_map(|s| if let Fact::TlsCipher(c) = s.fact { Some(c) } else { None });
        if let Some(worst) = ciphers.max() {
            self.set("tls.cipher", Value::word(CipherClass::word(worst)));
        }
        // A certificate that was renewed in the window: the one that lasts longer counts.
        let ends =
            self.sightings.iter().filter_map(|s| if let Fact::CertificateEnds(t) = s.fact { Some(t) } else { None });
        if let Some(end) = ends.max() {
            self.set("cert.days_left", Value::Number(days_between(now, end)));
        }
        self.set_if("cert.self_signed", Fact::CertificateSelfSigned);
        self.set_if("cert.weak", Fact::CertificateWeak);
        if self.has(Fact::CertificateNameFits(true)) {
            self.set("cert.name_fits", Value::Bool(true));
        } else if self.has(Fact::CertificateNameFits(false)) {
            self.set("cert.name_fits", Value::Bool(false));
        }
    }

    fn of_others(mut self) {
        for (name, fact) in [
            ("db.password_clear", Fact::DatabasePasswordClear),
            ("db.empty_password", Fact::DatabaseEmptyPassword),
            ("file.anonymous", Fact::FileAnonymous),
            ("file.login_clear", Fact::FileLoginClear),
            ("ssh.version1", Fact::SshVersion1),
            ("mqtt.anonymous", Fact::MqttAnonymous),
            ("mail.auth_clear", Fact::MailAuthClear),
            ("mail.readable", Fact::MailReadable),
        ] {
            self.set_if(name, fact);
        }
        // The worst that was chosen: the lists begin with it.
        self.worst("smb.dialect", SmbDialect::ALL, |d| Fact::SmbDialect(*d), |d| d.word());
        self.worst(
            "smb.signing",
            &[SmbSigning::Off, SmbSigning::Optional, SmbSigning::Required],
            |s| Fact::SmbSigning(*s),
            |s| s.word(),
        );
        self.worst("rdp.security", RdpSecurity::ALL, |s| Fact::RdpSecurity(*s), |s| s.word());
        self.worst("vnc.security", VncSecurity::ALL, |s| Fact::VncSecurity(*s), |s| s.word());
        let communities = [SnmpCommunity::Private, SnmpCommunity::Public, SnmpCommunity::Other, SnmpCommunity::None];
        self.worst("snmp.community", &communities, |c| Fact::SnmpCommunity(*c), |c| c.word());
        let starttls = [MailStartTls::Stripped, MailStartTls::NotOffered, MailStartTls::Offered, MailStartTls::Used];
        self.worst("mail.starttls", &starttls, |s| Fact::MailStartTls(*s), |s| s.word());
    }

    fn set(&mut self, name: &'static str, value: Value) {
        self.values.insert(Cow::Borrowed(name), value);
    }

    fn set_if(&mut self, name: &'static str, fact: Fact) {
        if self.has(fact) {
            self.set(name, Value::Bool(true));
        }
    }

    fn first(&mut self, name: &'static str, pick: fn(Fact) -> Option<&'static str>) {
        if let Some(word) = self.sightings.iter().find_map(|s| pick(s.fact)) {
            self.set(name, Value::word(word));
        }
    }

    fn worst<T>(&mut self, name: &'static str, order: &[T], fact: fn(&T) -> Fact, word: fn(&T) -> &'static str) {
        if let Some(worst) = order.iter().find(|t| self.has(fact(t))) {
            self.set(name, Value::word(word(worst)));
        }
    }

    fn has(&self, fact: Fact) -> bool {
        self.sightings.iter().any(|s| s.fact == fact)
    }

    fn count(&self, fact: Fact) -> u32 {
        self.sightings.iter().filter(|s| s.fact == fact).fold(0, |n, s| n.saturating_add(s.count))
    }

    fn zones(&self, fact: Fact) -> BTreeSet<Word> {
        self.sightings
            .iter()
            .filter(|s| s.fact == fact)
            .filter_map(|s| s.zone)
            .map(|z| Cow::Borrowed(z.word()))
            .collect()
    }

    fn words(&self, pick: fn(Fact) -> Option<&'static str>) -> BTreeSet<Word> {
        self.sightings.iter().filter_map(|s| pick(s.fact)).map(Cow::Borrowed).collect()
    }
}

const fn database(protocol: Protocol) -> Option<&'static str> {
    Some(match protocol {
        Protocol::Mysql => "mysql",
        Protocol::Postgresql => "postgresql",
        Protocol::Mssql => "mssql",
        Protocol::OracleTns => "oracle",
        Protocol::Mongodb => "mongodb",
        Protocol::Redis => "redis",
        Protocol::Elasticsearch => "elasticsearch",
        Protocol::Memcached => "memcached",
        _ => return None,
    })
}

/// Whole days from one moment to a later one; negative if it has passed.
#[allow(clippy::cast_precision_loss, reason = "days of a certificate are far below 2^52")]
fn days_between(from: Timestamp, to: Timestamp) -> f64 {
    let (from, to) = (i128::from(from.0), i128::from(to.0));
    let days = to.saturating_sub(from).div_euclid(i128::from(MS_PER_DAY));
    days as f64
}
