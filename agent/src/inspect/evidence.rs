//! What was heard, in words: one short sentence for each kind of fact that a finding rests on.
//!
//! Keeps: numbers, words of closed lists. Drops: what people wrote; there is none in a fact.

use crate::document::Inspection;
use auscult_assess::Finding;
use auscult_report::fact::{Encryption, Fact, Login};
use auscult_report::summary::Sighting;
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;

/// The sentences of a finding, in the order of the facts, each once.
pub(crate) fn sentences(inspection: &Inspection<'_>, finding: &Finding<'_>) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    for sighting in inspection.proof(finding) {
        sentences.extend(sentence(sighting).filter(|s| !sentences.contains(s)));
    }
    sentences
}

/// One sighting as a sentence; `None` where the fact says nothing to a person beside the finding itself.
pub(crate) fn sentence(sighting: &Sighting) -> Option<String> {
    let n = sighting.count;
    let to = sighting.zone.map_or("", towards);
    Some(match sighting.fact {
        Fact::Protocol(p) => format!("speaks {}", p.word()),
        Fact::Answered => format!("answered {}{to}", times(n, "conversation")),
        Fact::OutsideNetwork => format!("answered {}", times(n, "different outside network")),
        Fact::Refused => format!("turned away {}{to}", times(n, "attempt")),
        Fact::Encryption(Encryption::None) => format!("readable, not encrypted{to}"),
        Fact::Encryption(e) => format!("encryption: {}{to}", e.word()),
        Fact::Login(Login::None) => format!("gave data without asking who asks{to}"),
        Fact::Login(l) => format!("login {}{to}", l.word()),
        Fact::DataServed => format!("data handed over{to}"),
        Fact::Software(s) => match s.version {
            Some(v) => format!("names itself {} {v}", s.product.name()),
            None => format!("names itself {}", s.product.name()),
        },
        _ => return medical(sighting.fact, n, to).or_else(|| other(sighting.fact, n, to)),
    })
}

fn medical(fact: Fact, n: u32, to: &str) -> Option<String> {
    Some(match fact {
        Fact::DicomAccepted => format!("accepted {}{to}", times(n, "imaging association")),
        Fact::DicomTitleRefused => format!("refused {}{to} for an unknown title", times(n, "association")),
        Fact::DicomContext(s) => format!("agreed to {}{to}", s.word()),
        Fact::DicomIdentity(i) if i.word() == "none" => format!("no caller{to} showed an identity"),
        Fact::DicomIdentity(i) => format!("callers{to} showed an identity: {}", i.word()),
        Fact::DicomCalling => format!("accepted {}{to}", times(n, "different calling title")),
        Fact::DicomCalled => format!("answered under {}{to}", times(n, "different called title")),
        Fact::DicomMatch => format!("named {} in answer to queries{to}", times(n, "patient or study")),
        Fact::DicomHandedOver => format!("handed over {}{to}", times(n, "image")),
        Fact::DicomStored => format!("took in {}{to}", times(n, "image")),
        Fact::DicomQueryRefused => format!("refused {}{to}", times(n, "query")),
        Fact::Hl7Acknowledged => format!("acknowledged {}{to}", times(n, "HL7 message")),
        Fact::Hl7Kind(k) => format!("HL7 messages of kind {}{to}", k.word()),
        Fact::Hl7Version(v) => format!("HL7 version {v}"),
        Fact::LabRecord(k) => {
            format!("handed over {}{to}", times(n, &format!("laboratory record of kind {}", k.word())))
        }
        Fact::Medical => "speaks a medical protocol".to_owned(),
        Fact::Role(r) => format!("acts as {}", r.word()),
        Fact::MedicalCleartextOut => "medical data left readable".to_owned(),
        _ => return None,
    })
}

fn other(fact: Fact, n: u32, to: &str) -> Option<String> {
    Some(match fact {
        Fact::WebKind(k) => format!("web answers of kind {}{to}", k.word()),
        Fact::WebOpenKind(k) => format!("{} given without a login{to}", k.word()),
        Fact::WebOpenDocument => format!("{} given without a login{to}", times(n, "document")),
        Fact::WebClosedDocument => format!("{} given behind a login{to}", times(n, "document")),
        Fact::WebLoginForm => format!("a page with a password field was served{to}"),
        Fact::WebLoginInClear => format!("a password form is used over unencrypted http{to}"),
        Fact::WebBasicInClear => format!("name and password crossed readable in {}{to}", times(n, "request")),
        Fact::WebDefaultPassword => format!("a factory password was sent{to}"),
        Fact::WebDefaultPage(p) => format!("the factory page {} was served{to}", p.word()),
        Fact::WebListing => format!("a directory listing was served{to}"),
        Fact::WebVersionShown(h) => format!("headers name {}", h.word()),
        Fact::WebErrorDetail => format!("error pages show inner details{to}"),
        Fact::WebCrawler(c) => format!("agents of class {} were served{to}", c.word()),
        Fact::WebCrawlerDocument => format!("{} given to crawlers", times(n, "document")),
        Fact::WebSessionInClear => format!("session cookies crossed readable{to}"),
        Fact::WebTokenInClear => format!("an activation link was opened over unencrypted http{to}"),
        Fact::WebAdminOpen(a) => format!("administration page {} served without a login{to}", a.word()),
        Fact::WebLeftover => format!("a backup or settings file was served{to}"),
        Fact::TlsVersion(v) => format!("chose {}{to}", v.word()),
        Fact::TlsCipher(c) => format!("chose a cipher of class {}{to}", c.word()),
        Fact::CertificateEnds(at) => format!("certificate ends on {}", day(at)),
        Fact::CertificateSelfSigned => "certificate is signed by itself".to_owned(),
        Fact::CertificateWeak => "certificate has a weak key or signature".to_owned(),
        Fact::CertificateNameFits(false) => "certificate is for another name".to_owned(),
        Fact::DatabasePasswordClear => format!("a password crossed readable{to}"),
        Fact::DatabaseEmptyPassword => format!("an empty password was accepted{to}"),
        Fact::SmbDialect(d) => format!("file sharing dialect {}", d.word()),
        Fact::SmbSigning(s) => format!("signing {}", s.word()),
        Fact::SshVersion1 => "SSH version 1 in use".to_owned(),
        Fact::FileAnonymous => format!("files without a login{to}"),
        Fact::FileLoginClear => format!("name and password crossed readable{to}"),
        Fact::RdpSecurity(s) => format!("remote desktop security {}", s.word()),
        Fact::VncSecurity(s) => format!("remote screen security {}", s.word()),
        Fact::SnmpCommunity(c) => format!("answers to the community {}{to}", c.word()),
        Fact::MqttAnonymous => format!("accepts clients without a name{to}"),
        Fact::LdapClearBind => format!("a directory password crossed readable{to}"),
        Fact::LdapAnonymousData => format!("directory entries given without a name{to}"),
        Fact::CameraOpen => format!("a picture was described without a login{to}"),
        Fact::PortMapped => format!("was given {} on the outside by its router", times(n, "port")),
        Fact::DnsRecursed => format!("looked names up{to}"),
        Fact::DnsTransferred => format!("gave all names of a zone{to}"),
        Fact::NameTunnel => "asked for over a thousand long names of one domain in an hour".to_owned(),
        Fact::WebEnumerated => format!("over 200 different documents in an hour went to one client{to}"),
        Fact::MonitorCalled => "called an address that is built into a monitor".to_owned(),
        Fact::WifiOnOurCable => "its stations are heard on the cable".to_owned(),
        Fact::PortVlan(v) => format!("its port is in VLAN {v}"),
        Fact::MailStartTls(s) => format!("STARTTLS {}{to}", s.word()),
        Fact::MailAuthClear => format!("a mail password crossed readable{to}"),
        Fact::MailReadable => format!("{} readable{to}", times(n, "mail")),
        Fact::RemoteTool(t) => format!("a session of the remote-support program {}", t.word()),
        Fact::System(s) if s.build >= 1000 => {
            format!("says {} {}.{} build {} ({})", s.family.word(), s.major, s.minor, s.build, s.place.word())
        }
        Fact::System(s) => format!("says {} {}.{} ({})", s.family.word(), s.major, s.minor, s.place.word()),
        _ => return wireless(fact, n),
    })
}

fn wireless(fact: Fact, n: u32) -> Option<String> {
    Some(match fact {
        Fact::WifiSecurity(s) => format!("announces security {}", s.word()),
        Fact::WifiPmf(p) => format!("management frame protection {}", p.word()),
        Fact::WifiWps(w) => format!("WPS {}", w.word()),
        Fact::WifiHidden => "hides its name".to_owned(),
        Fact::WifiBeacon => times(n, "announcement"),
        Fact::WifiClient => times(n, "station"),
        Fact::WifiClearKind(k) => format!("readable in the air: {}", k.word()),
        Fact::WifiMedicalClient => "medical equipment sends through it".to_owned(),
        Fact::WifiDeauthBurst => "bursts of frames that throw stations off".to_owned(),
        Fact::WifiDefaultName => "has a factory name".to_owned(),
        Fact::WifiNameIsOurs => "uses a name of the clinic".to_owned(),
        _ => return None,
    })
}

/// `1 image`, `3 images`, `2 queries`, `2 patients or studies`.
pub(crate) fn times(n: u32, thing: &str) -> String {
    if n == 1 {
        return format!("1 {thing}");
    }
    let plural = match thing {
        "query" => "queries".to_owned(),
        "patient or study" => "patients or studies".to_owned(),
        _ => format!("{thing}s"),
    };
    format!("{n} {plural}")
}

const fn towards(zone: Zone) -> &'static str {
    match zone {
        Zone::SameSegment => " inside",
        Zone::Clinical => " in the clinical network",
        Zone::Office => " in the office network",
        Zone::Guest => " in the guest network",
        Zone::Dmz => " in the DMZ",
        Zone::Vpn => " through the VPN",
        Zone::OtherPrivate => " at another site",
        Zone::Outside => " from the internet",
    }
}

fn day(at: Timestamp) -> String {
    crate::document::moment(at).chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        assert_eq!(times(1, "image"), "1 image");
        assert_eq!(times(2, "query"), "2 queries");
        assert_eq!(times(0, "image"), "0 images");
    }
}
