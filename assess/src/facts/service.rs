//! What is known of a service: `svc.*`, and what its protocols tell (`dicom.*`, `web.*`, `tls.*`, `db.*` and their kin).
//!
//! Keeps: one picture of all its clients, and one for each zone of clients. Drops: in the picture of a zone, what was
//! heard towards the clients of other zones.

use super::software::{self, Programs};
use super::{Heard, HostPicture, ServicePicture};
use crate::date::Day;
use crate::knowledge::Knowledge;
use crate::value::Value;
use crate::vocabulary::{Values, Vocabulary};
use auscult_report::fact::{
    CipherClass, DicomIdentity, Encryption, Fact, Login, MailStartTls, Protocol, Role, SnmpCommunity, TlsVersion,
    WebKind,
};
use auscult_report::subject::HostId;
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;
use std::collections::BTreeSet;

/// The picture of a service on a host.
pub(super) fn picture<'k>(
    knowledge: &'k Knowledge,
    programs: &mut Programs,
    id: HostId,
    host: &HostPicture<'k>,
    heard: &Heard<'_>,
    now: Timestamp,
) -> ServicePicture<'k> {
    let today = Day::of(now);
    let is_windows = value(knowledge, &host.values, "os.family") == Some(&Value::word("windows"));
    let is_medical_host = value(knowledge, &host.values, "host.medical") == Some(&Value::Bool(true));
    let software = programs.variants(knowledge, heard, is_windows, today);
    let mut always = Values::new(knowledge.vocabulary());
    always.word("svc.zone", host.zone.map(Zone::word));
    always.flag("svc.medical", is_medical_host || is_medical(heard));
    software::of_all(heard, today, &mut always);
    lab(heard, host, knowledge, &mut always);
    let view = |heard: &Heard<'_>| {
        let mut values = always.clone();
        say(heard, now, &mut values);
        values
    };
    let zones = heard.zones();
    let views =
        if zones.len() > 1 { zones.iter().map(|z| (*z, view(&heard.seen_from(*z)))).collect() } else { Vec::new() };
    let whole = view(heard);
    let is_foreign = host.zone == Some(Zone::Outside) && !zones.contains(&Zone::Outside);
    let abroad = is_foreign.then(|| {
        let mut clients = BTreeSet::from([Zone::Outside.word()]);
        clients.extend(heard.zones_of(Fact::Answered).into_iter().map(Zone::word));
        let mut values = Values::new(knowledge.vocabulary());
        values.set("svc.clients", clients);
        values
    });
    ServicePicture { host: id, whole, views, zones, software, abroad }
}

fn value<'a>(knowledge: &Knowledge, values: &'a Values<'_>, name: &str) -> Option<&'a Value> {
    let vocabulary: &Vocabulary = knowledge.vocabulary();
    values.get(vocabulary.name(name)?)
}

fn is_medical(heard: &Heard<'_>) -> bool {
    let protocols = [Protocol::Dicom, Protocol::Mllp, Protocol::Astm, Protocol::Poct1a];
    let kinds = [WebKind::Dicomweb, WebKind::WadoUri, WebKind::OrthancRest, WebKind::Fhir];
    protocols.iter().any(|p| heard.has(Fact::Protocol(*p))) || kinds.iter().any(|k| heard.has(Fact::WebKind(*k)))
}

/// ASTM and POCT1-A are analysers' own; HL7 is one's only where the host has that role.
fn lab(heard: &Heard<'_>, host: &HostPicture<'_>, knowledge: &Knowledge, values: &mut Values<'_>) {
    let is_lab =
        matches!(value(knowledge, &host.values, "host.role"), Some(Value::Set(r)) if r.contains(Role::Lab.word()));
    let spoken = [(Protocol::Astm, "astm"), (Protocol::Poct1a, "poct1a"), (Protocol::Mllp, "hl7")];
    let word = spoken.iter().find(|(p, _)| heard.has(Fact::Protocol(*p)) && (*p != Protocol::Mllp || is_lab));
    values.word("lab.protocol", word.map(|(_, word)| *word));
}

/// What a view of a service tells.
fn say(heard: &Heard<'_>, now: Timestamp, values: &mut Values<'_>) {
    heard.flags(values);
    common(heard, values);
    imaging(heard, values);
    web(heard, values);
    messages(heard, values);
    secrecy(heard, now, values);
    data_base(heard, values);
    administration(heard, values);
    mail(heard, values);
}

fn common(heard: &Heard<'_>, values: &mut Values<'_>) {
    values.word("svc.protocol", protocol(heard).map(Protocol::word));
    values.flag("svc.answered", heard.has(Fact::Answered));
    let answered: BTreeSet<&str> = heard.zones_of(Fact::Answered).into_iter().map(Zone::word).collect();
    if answered.contains(Zone::Outside.word()) {
        // An outside client that got an answer stands in some network, even where that was not counted.
        values.number("svc.outside_networks", heard.count(Fact::OutsideNetwork).max(1));
    }
    values.set("svc.clients", answered);
    values.flag("svc.outside_refused", heard.zones_of(Fact::Refused).contains(&Zone::Outside));
    values.word("svc.encrypted", Some(encrypted(heard).word()));
    values.word("svc.login", Some(login(heard).word()));
    values.number("svc.days", heard.days());
    // A rule that excuses what came back through the public address must not excuse strangers who came as well.
    values.flag("svc.hairpin", heard.has(Fact::Hairpin) && !heard.zones_of(Fact::Answered).contains(&Zone::Outside));
    values.flag("svc.clients_hidden", heard.has(Fact::ClientHidden));
}

/// The protocol that a service is named by: what speaks inside TLS before TLS, what speaks over HTTP before HTTP; else
/// what was heard most often.
fn protocol(heard: &Heard<'_>) -> Option<Protocol> {
    let protocols = heard.each(|f| if let Fact::Protocol(p) = f { Some(*p) } else { None });
    let nearness = |p: &Protocol| match p {
        Protocol::Tls | Protocol::Quic => 0,
        Protocol::Http => 1,
        _ => 2,
    };
    protocols.into_iter().rev().max_by_key(|(p, count)| (nearness(p), *count)).map(|(p, _)| p)
}

/// None, if no conversation was encrypted; partly, if some were.
fn encrypted(heard: &Heard<'_>) -> Encryption {
    let has = |e| heard.has(Fact::Encryption(e));
    match (has(Encryption::None), has(Encryption::Tls)) {
        (true, true) => Encryption::Partly,
        _ if has(Encryption::Partly) => Encryption::Partly,
        (true, false) => Encryption::None,
        (false, true) => Encryption::Tls,
        (false, false) => Encryption::Unknown,
    }
}

/// None, if any conversation gave something to nobody in particular: one door without a lock is enough. Used before
/// refused: a wrong password is no sign that all are.
fn login(heard: &Heard<'_>) -> Login {
    let known = [Login::None, Login::Used, Login::Refused].into_iter().find(|l| heard.has(Fact::Login(*l)));
    known.unwrap_or(Login::Unknown)
}

fn imaging(heard: &Heard<'_>, values: &mut Values<'_>) {
    if !heard.has(Fact::Protocol(Protocol::Dicom)) {
        return;
    }
    values.number("dicom.accepted", heard.count(Fact::DicomAccepted));
    values.number("dicom.ae_refused", heard.count(Fact::DicomTitleRefused));
    values.number("dicom.callings", heard.count(Fact::DicomCalling));
    values.number("dicom.calleds", heard.count(Fact::DicomCalled));
    values.number("dicom.matches", heard.count(Fact::DicomMatch));
    values.number("dicom.handed_over", heard.count(Fact::DicomHandedOver));
    values.number("dicom.stored_from_new", stored_by_strangers(heard));
    values.set("dicom.contexts", heard.words(|f| if let Fact::DicomContext(c) = f { Some(c.word()) } else { None }));
    let identity = heard.each(|f| if let Fact::DicomIdentity(i) = f { Some(strength(*i)) } else { None });
    values.word("dicom.identity", identity.into_keys().max().map(|(_, i)| i.word()));
    values.flag("dicom.query_refused", heard.has(Fact::DicomQueryRefused));
}

/// Who was heard before needs a history; from outside and among the guests everybody is a stranger.
fn stored_by_strangers(heard: &Heard<'_>) -> u32 {
    heard.count_from(Fact::DicomStored, |zone| matches!(zone, Zone::Outside | Zone::Guest))
}

/// A name is less than a name with a passcode, and tokens are more than both.
const fn strength(identity: DicomIdentity) -> (u8, DicomIdentity) {
    match identity {
        DicomIdentity::None => (0, identity),
        DicomIdentity::Name => (1, identity),
        DicomIdentity::NamePasscode => (2, identity),
        DicomIdentity::Kerberos | DicomIdentity::Saml | DicomIdentity::Jwt => (3, identity),
    }
}

fn web(heard: &Heard<'_>, values: &mut Values<'_>) {
    if heard.has(Fact::Protocol(Protocol::Http)) {
        values.number("web.open_documents", heard.count(Fact::WebOpenDocument));
        values.number("web.closed_documents", heard.count(Fact::WebClosedDocument));
        values.number("web.crawler_documents", heard.count(Fact::WebCrawlerDocument));
        values.flag("web.only_redirects", heard.has(Fact::WebRedirect) && !heard.has(Fact::WebOtherAnswer));
    }
    values.set(
        "web.kinds",
        heard.words(|f| if let Fact::WebKind(k) | Fact::WebOpenKind(k) = f { Some(k.word()) } else { None }),
    );
    values.set("web.open_kinds", heard.words(|f| if let Fact::WebOpenKind(k) = f { Some(k.word()) } else { None }));
    values.set("web.auth", heard.words(|f| if let Fact::WebAuth(a) = f { Some(a.word()) } else { None }));
    values.set(
        "web.versions_shown",
        heard.words(|f| if let Fact::WebVersionShown(h) = f { Some(h.word()) } else { None }),
    );
    values.set("web.crawlers", heard.words(|f| if let Fact::WebCrawler(c) = f { Some(c.word()) } else { None }));
    let page = heard.most(|f| if let Fact::WebDefaultPage(p) = f { Some(*p) } else { None });
    values.word("web.default_page", page.map(|p| p.word()));
    let form = heard.most(|f| if let Fact::WebDefaultPageHost(h) = f { Some(*h) } else { None });
    values.word("web.default_page_host", form.map(|h| h.word()));
    let admin = heard.most(|f| if let Fact::WebAdminOpen(a) = f { Some(*a) } else { None });
    values.word("web.admin_open", admin.map(|a| a.word()));
    values.flag("fhir.open", heard.has(Fact::WebOpenKind(WebKind::Fhir)));
}

fn messages(heard: &Heard<'_>, values: &mut Values<'_>) {
    if heard.has(Fact::Protocol(Protocol::Mllp)) {
        values.number("hl7.acks", heard.count(Fact::Hl7Acknowledged));
    }
    values.set("hl7.kinds", heard.words(|f| if let Fact::Hl7Kind(k) = f { Some(k.word()) } else { None }));
}

fn secrecy(heard: &Heard<'_>, now: Timestamp, values: &mut Values<'_>) {
    let versions = heard.each(|f| if let Fact::TlsVersion(v) = f { Some(*v) } else { None });
    values.word("tls.version", versions.into_keys().min().map(TlsVersion::word));
    let ciphers = heard.each(|f| if let Fact::TlsCipher(c) = f { Some(*c) } else { None });
    values.word("tls.cipher", ciphers.into_keys().max().map(CipherClass::word));
    let ends = heard.each(|f| if let Fact::CertificateEnds(end) = f { Some(*end) } else { None });
    // The one that ends last: another may be the old one, before it was renewed in this window.
    if let Some(end) = ends.into_keys().max() {
        values.number("cert.days_left", days_left(now, end));
    }
    if heard.has(Fact::CertificateNameFits(false)) {
        values.put("cert.name_fits", Value::Bool(false));
    } else if heard.has(Fact::CertificateNameFits(true)) {
        values.put("cert.name_fits", Value::Bool(true));
    }
}

/// Whole days from `now` to `end`; below 0 from the first moment after it.
fn days_left(now: Timestamp, end: Timestamp) -> i32 {
    let days = |ms: u64| i32::try_from(Timestamp(ms).days()).unwrap_or(i32::MAX);
    if end >= now { days(end.since_ms(now)) } else { days(now.since_ms(end)).saturating_neg().saturating_sub(1) }
}

fn data_base(heard: &Heard<'_>, values: &mut Values<'_>) {
    let by_protocol = DATA_BASES.iter().find(|(protocol, _)| heard.has(Fact::Protocol(*protocol)));
    // Those that are spoken to in HTTP are told by what they call themselves.
    let by_name = || {
        let named = heard.each(|f| if let Fact::Software(s) = f { Some(s.product.name()) } else { None });
        WEB_DATA_BASES.iter().find(|(name, _)| named.contains_key(name))
    };
    let word = by_protocol.map(|(_, word)| *word).or_else(|| by_name().map(|(_, word)| *word));
    values.word("db.product", word);
}

fn administration(heard: &Heard<'_>, values: &mut Values<'_>) {
    values.flag("dns.recursion_outside", heard.zones_of(Fact::DnsRecursed).contains(&Zone::Outside));
    // Where several were heard, the weakest: that is the one an attacker would ask for.
    let dialects = heard.each(|f| if let Fact::SmbDialect(d) = f { Some(*d) } else { None });
    values.word("smb.dialect", dialects.into_keys().min().map(|d| d.word()));
    let signing = heard.each(|f| if let Fact::SmbSigning(s) = f { Some(*s) } else { None });
    values.word("smb.signing", signing.into_keys().max().map(|s| s.word()));
    let desktops = heard.each(|f| if let Fact::RdpSecurity(s) = f { Some(*s) } else { None });
    values.word("rdp.security", desktops.into_keys().min().map(|s| s.word()));
    let screens = heard.each(|f| if let Fact::VncSecurity(s) = f { Some(*s) } else { None });
    values.word("vnc.security", screens.into_keys().min().map(|s| s.word()));
    // `private` may write, so it is worse than `public`; the list has `public` first.
    let private = heard.has(Fact::SnmpCommunity(SnmpCommunity::Private));
    let community = heard.each(|f| if let Fact::SnmpCommunity(c) = f { Some(*c) } else { None });
    values.word("snmp.community", community.into_keys().min().map(|c| if private { "private" } else { c.word() }));
    if PRINTING.iter().any(|p| heard.has(Fact::Protocol(*p))) {
        values.set("print.reached_from", heard.zones_of(Fact::Answered).into_iter().map(Zone::word).collect());
    }
}

/// Whether clients of a zone were offered encryption before, and are not any more: a server that never offered it to them,
/// or offers it again, is another matter.
fn encryption_went(heard: &Heard<'_>) -> bool {
    heard.zones().into_iter().any(|zone| {
        let of = |word| heard.last_in(Fact::MailStartTls(word), zone);
        let offered = of(MailStartTls::Offered).max(of(MailStartTls::Used));
        let first_without = heard.first_in(Fact::MailStartTls(MailStartTls::NotOffered), zone);
        matches!((offered, first_without), (Some(before), Some(since)) if before < since)
    })
}

fn mail(heard: &Heard<'_>, values: &mut Values<'_>) {
    let offers = heard.each(|f| if let Fact::MailStartTls(m) = f { Some(*m) } else { None });
    let worst = offers.into_keys().max().map(|m| if encryption_went(heard) { MailStartTls::Stripped } else { m });
    values.word("mail.starttls", worst.map(|m| m.word()));
}

/// What printers are asked by.
const PRINTING: &[Protocol] = &[Protocol::Ipp, Protocol::Jetdirect, Protocol::Lpd];

/// `db.product`, by protocol.
const DATA_BASES: &[(Protocol, &str)] = &[
    (Protocol::Mysql, "mysql"),
    (Protocol::Postgresql, "postgresql"),
    (Protocol::Mssql, "mssql"),
    (Protocol::OracleTns, "oracle"),
    (Protocol::Mongodb, "mongodb"),
    (Protocol::Redis, "redis"),
    (Protocol::Elasticsearch, "elasticsearch"),
    (Protocol::Memcached, "memcached"),
    (Protocol::MysqlX, "mysql"),
    (Protocol::MssqlBrowser, "mssql"),
    (Protocol::Firebird, "other"),
    (Protocol::Db2, "other"),
];

/// `db.product`, by the product that a service names itself.
const WEB_DATA_BASES: &[(&str, &str)] =
    &[("CouchDB", "couchdb"), ("Elasticsearch", "elasticsearch"), ("InfluxDB", "influxdb")];
