//! Which named values a fact feeds: so that a finding can show the sightings it rests on.
//! Keeps: the names of `knowledge/facts.tsv`. Drops: facts that no rule asks for.

use auscult_report::fact::{Fact, WebKind};

/// The names of the values that a fact feeds.
#[must_use]
pub fn names_of(fact: &Fact) -> &'static [&'static str] {
    match fact {
        Fact::Protocol(_) => &["svc.protocol", "db.product", "lab.protocol"],
        Fact::Answered => &["svc.clients", "svc.answered"],
        Fact::OutsideNetwork => &["svc.outside_networks"],
        Fact::Refused => &["svc.outside_refused"],
        Fact::Encryption(_) => &["svc.encrypted"],
        Fact::Login(_) => &["svc.login"],
        Fact::DataServed => &["svc.data_served"],
        Fact::Software(_) => {
            &["sw.support", "sw.behind", "sw.kev", "sw.age_years", "dicom.toolkit_age", "mirth.version_age"]
        }
        Fact::System(_) => &["os.support", "os.support_likely", "os.xp_age"],
        Fact::Medical => &["host.medical", "svc.medical"],
        Fact::Role(_) => &["host.role"],
        Fact::MedicalCleartextOut => &["out.cleartext_medical"],
        _ => imaging(fact).or_else(|| web(fact)).or_else(|| wireless(fact)).unwrap_or_else(|| other(fact)),
    }
}

fn imaging(fact: &Fact) -> Option<&'static [&'static str]> {
    Some(match fact {
        Fact::DicomAccepted => &["dicom.accepted"],
        Fact::DicomTitleRefused => &["dicom.ae_refused"],
        Fact::DicomContext(_) => &["dicom.contexts"],
        Fact::DicomIdentity(_) => &["dicom.identity"],
        Fact::DicomCalling => &["dicom.callings"],
        Fact::DicomCalled => &["dicom.calleds"],
        Fact::DicomMatch => &["dicom.matches"],
        Fact::DicomHandedOver => &["dicom.handed_over"],
        Fact::DicomStored => &["dicom.stored_from_new"],
        Fact::DicomQueryRefused => &["dicom.query_refused"],
        Fact::Hl7Acknowledged => &["hl7.acks"],
        Fact::Hl7Kind(_) => &["hl7.kinds"],
        _ => return None,
    })
}

fn web(fact: &Fact) -> Option<&'static [&'static str]> {
    Some(match fact {
        Fact::WebKind(_) => &["web.kinds"],
        Fact::WebOpenKind(WebKind::Fhir) => &["web.open_kinds", "fhir.open", "web.kinds"],
        Fact::WebOpenKind(_) => &["web.open_kinds", "web.kinds"],
        Fact::WebAuth(_) => &["web.auth"],
        Fact::WebOpenDocument => &["web.open_documents"],
        Fact::WebClosedDocument => &["web.closed_documents"],
        Fact::WebLoginForm => &["web.login_form"],
        Fact::WebLoginInClear => &["web.login_in_clear"],
        Fact::WebBasicInClear => &["web.basic_in_clear"],
        Fact::WebDefaultPassword => &["web.default_password"],
        Fact::WebDefaultPage(_) => &["web.default_page"],
        Fact::WebDefaultPageHost(_) => &["web.default_page_host"],
        Fact::WebRedirect | Fact::WebOtherAnswer => &["web.only_redirects"],
        Fact::WebListing => &["web.listing"],
        Fact::WebVersionShown(_) => &["web.versions_shown"],
        Fact::WebErrorDetail => &["web.error_detail"],
        Fact::WebCrawler(_) => &["web.crawlers"],
        Fact::WebCrawlerDocument => &["web.crawler_documents"],
        Fact::WebSessionInClear => &["web.session_in_clear"],
        Fact::WebTokenInClear => &["web.token_in_clear"],
        Fact::WebAdminOpen(_) => &["web.admin_open"],
        Fact::WebLeftover => &["web.leftover"],
        _ => return None,
    })
}

fn wireless(fact: &Fact) -> Option<&'static [&'static str]> {
    Some(match fact {
        Fact::WifiSecurity(_) => &["wifi.security"],
        Fact::WifiPmf(_) => &["wifi.pmf"],
        Fact::WifiWps(_) => &["wifi.wps"],
        Fact::WifiHidden => &["wifi.hidden"],
        Fact::WifiBeacon => &["wifi.beacons"],
        Fact::WifiClearKind(_) => &["wifi.clear_kinds"],
        Fact::WifiNameIsOurs => &["wifi.name_is_ours"],
        Fact::WifiDefaultName => &["wifi.default_name"],
        Fact::WifiMedicalClient => &["wifi.medical_client"],
        Fact::WifiDeauthBurst => &["wifi.deauth_burst"],
        _ => return None,
    })
}

const fn other(fact: &Fact) -> &'static [&'static str] {
    match fact {
        Fact::TlsVersion(_) => &["tls.version"],
        Fact::TlsCipher(_) => &["tls.cipher"],
        Fact::CertificateEnds(_) => &["cert.days_left"],
        Fact::CertificateSelfSigned => &["cert.self_signed"],
        Fact::CertificateWeak => &["cert.weak"],
        Fact::CertificateNameFits(_) => &["cert.name_fits"],
        Fact::DatabasePasswordClear => &["db.password_clear"],
        Fact::DatabaseEmptyPassword => &["db.empty_password"],
        Fact::SmbDialect(_) => &["smb.dialect"],
        Fact::SmbSigning(_) => &["smb.signing"],
        Fact::SshVersion1 => &["ssh.version1"],
        Fact::FileAnonymous => &["file.anonymous"],
        Fact::FileLoginClear => &["file.login_clear"],
        Fact::RdpSecurity(_) => &["rdp.security"],
        Fact::VncSecurity(_) => &["vnc.security"],
        Fact::SnmpCommunity(_) => &["snmp.community"],
        Fact::MqttAnonymous => &["mqtt.anonymous"],
        Fact::MailStartTls(_) => &["mail.starttls"],
        Fact::MailAuthClear => &["mail.auth_clear"],
        Fact::MailReadable => &["mail.readable"],
        _ => &[],
    }
}
