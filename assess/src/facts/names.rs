//! Which names a fact feeds: so that a finding can point at the sightings that it rests on.
//!
//! Keeps: names of `facts.tsv`. Drops: nothing. A fact that feeds no name is kept in the report, but no rule asks for it.

use auscult_report::fact::Fact;

/// The names whose values come from a fact.
pub(crate) const fn names_of(fact: &Fact) -> &'static [&'static str] {
    match fact {
        Fact::Protocol(_) => {
            &["svc.protocol", "db.product", "lab.protocol", "svc.medical", "change.new_service", "change.reappeared"]
        }
        Fact::Answered => &[
            "svc.answered",
            "svc.clients",
            "print.reached_from",
            "host.reachable_outside",
            "net.guest_reached_clinical",
            "change.new_outside",
            "dns.resolver_new",
        ],
        Fact::OutsideNetwork => &["svc.outside_networks"],
        Fact::Refused => &["svc.outside_refused"],
        Fact::Encryption(_) => &["svc.encrypted", "change.security_lower"],
        Fact::Login(_) => &["svc.login", "change.security_lower"],
        Fact::DataServed => &["svc.data_served"],
        Fact::Software(_) => &[
            "db.product",
            "sw.support",
            "sw.proof",
            "sw.behind",
            "sw.kev",
            "sw.age_years",
            "dicom.toolkit_age",
            "mirth.version_age",
            "device.advisory",
        ],
        Fact::Hl7Acknowledged => &["hl7.acks"],
        Fact::Hl7Kind(_) => &["hl7.kinds"],
        Fact::TlsVersion(_) => &["tls.version"],
        Fact::TlsCipher(_) => &["tls.cipher"],
        Fact::CertificateEnds(_) => &["cert.days_left"],
        Fact::CertificateSelfSigned => &["cert.self_signed"],
        Fact::CertificateWeak => &["cert.weak"],
        Fact::CertificateNameFits(_) => &["cert.name_fits"],
        Fact::Role(_) => &["host.role", "host.medical", "svc.medical", "change.new_medical"],
        Fact::Medical => &["host.medical", "svc.medical", "change.new_medical"],
        Fact::System(_) => {
            &["os.family", "os.support", "os.support_likely", "os.proof", "os.signs", "os.xp_age", "os.days_to_end"]
        }
        Fact::MedicalCleartextOut => &["out.cleartext_medical"],
        Fact::CameraOpen => &["camera.open"],
        Fact::PortMapped => &["upnp.mapping"],
        Fact::NameAnswered => &["lan.poisonable"],
        _ => served(fact),
    }
}

/// Data bases, files, administration, mail, cameras, directories.
const fn served(fact: &Fact) -> &'static [&'static str] {
    match fact {
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
        _ => appended(fact),
    }
}

/// Names, and what was appended late.
const fn appended(fact: &Fact) -> &'static [&'static str] {
    match fact {
        Fact::DnsRecursed => &["dns.recursion_outside"],
        Fact::DnsTransferred => &["dns.transfer"],
        Fact::NameTunnel => &["dns.unusual_volume"],
        Fact::MonitorCalled => &["monitor.phones_home"],
        Fact::RemoteTool(_) => &["remote.tool"],
        Fact::LdapClearBind => &["ldap.clear_bind"],
        Fact::LdapAnonymousData => &["ldap.anonymous_data"],
        _ => imaging_or_web(fact),
    }
}

const fn imaging_or_web(fact: &Fact) -> &'static [&'static str] {
    match fact {
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
        Fact::WebKind(_) => &["web.kinds", "svc.medical"],
        Fact::WebOpenKind(_) => &["web.open_kinds", "web.kinds", "fhir.open", "svc.medical", "web.login_lost"],
        Fact::WebAuth(_) => &["web.auth"],
        Fact::WebOpenDocument => &["web.open_documents", "web.login_lost"],
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
        Fact::WebEnumerated => &["web.enumeration"],
        _ => others(fact),
    }
}

const fn others(fact: &Fact) -> &'static [&'static str] {
    match fact {
        Fact::WifiSecurity(_) => &["wifi.security", "wifi.weaker_than_ours"],
        Fact::WifiPmf(_) => &["wifi.pmf"],
        Fact::WifiWps(_) => &["wifi.wps"],
        Fact::WifiHidden => &["wifi.hidden"],
        Fact::WifiBeacon => &["wifi.beacons"],
        Fact::WifiClient => &["wifi.clients"],
        Fact::WifiClearKind(_) => &["wifi.clear_kinds"],
        Fact::WifiOwner(_) => &["wifi.owner", "wifi.known", "change.new_network"],
        Fact::WifiNameIsOurs => &["wifi.name_is_ours"],
        Fact::WifiDefaultName => &["wifi.default_name"],
        Fact::WifiSignalStrong => &["wifi.signal_strong"],
        Fact::WifiMedicalClient => &["wifi.medical_client"],
        Fact::WifiDeauthBurst => &["wifi.deauth_burst"],
        Fact::WifiOnOurCable => &["wifi.on_our_cable"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use crate::knowledge::Knowledge;

    /// Every name that the code of this room says stands in the vocabulary: one that does not would be said to nobody.
    #[test]
    fn every_name_in_the_code_is_in_the_vocabulary() {
        let knowledge = Knowledge::compiled();
        let mut names = 0;
        for code in [
            include_str!("names.rs"),
            include_str!("mod.rs"),
            include_str!("service.rs"),
            include_str!("site.rs"),
            include_str!("software.rs"),
            include_str!("system.rs"),
            include_str!("wireless.rs"),
            include_str!("../past.rs"),
        ] {
            let code = code.split("#[cfg(test)]").next().unwrap();
            for word in code.split('"').skip(1).step_by(2) {
                let (subject, rest) = word.split_once('.').unwrap_or((word, ""));
                let is_name = rest.bytes().all(|o| o.is_ascii_lowercase() || o == b'_' || o.is_ascii_digit());
                if SUBJECTS.contains(&subject) && is_name && !rest.is_empty() {
                    assert!(knowledge.vocabulary().name(word).is_some(), "{word}");
                    names += 1;
                }
            }
        }
        assert!(names > 150, "{names}");
    }

    const SUBJECTS: &[&str] = &[
        "svc", "host", "wifi", "net", "dicom", "web", "tls", "cert", "db", "file", "smb", "rdp", "vnc", "ssh", "snmp",
        "mqtt", "ldap", "print", "hl7", "fhir", "lab", "mirth", "os", "sw", "mail", "lan", "out", "remote", "change",
        "dns", "monitor", "device",
    ];
}
