//! The closed list of what a sensor can say. Variants are only ever appended: their position is their encoding.
//!
//! Each names the protocol field that it may come from; the words are those of `assess/knowledge/facts.tsv`. All that is to be said of
//! a fact stands in its row and nowhere else: how it is counted, which names of that table it feeds, and its sentence for a person
//! (the form of a row: [`table`]).
//! Keeps: numbers, closed enums, a [`Product`] of the shipped list, a [`Version`]. Drops: everything that a person
//! wrote: names, titles, paths, queries, subjects of certificates; at most a count of different ones is made of them.

use crate::product::Product;
pub use crate::terms::*;
use crate::time::Timestamp;
use crate::version::Version;
use serde::{Deserialize, Serialize};
pub use table::Row;

#[macro_use]
mod table;

facts! {
    /// Something that was heard about a [`crate::subject::Subject`].
    Fact
    // ---- services of any protocol
    /// `svc.protocol`: the first octets of both sides parsed as this.
    Protocol(Protocol) = times, [
        "svc.protocol", "db.product", "lab.protocol", "svc.medical", "change.new_service",
        "change.reappeared",
    ], "speaks {}";
    /// `svc.answered`, `svc.clients`: a client of the zone got a message of the protocol. Counts conversations.
    Answered = times by_zone, [
        "svc.answered", "svc.clients", "print.reached_from", "host.reachable_outside",
        "net.guest_reached_clinical", "change.new_outside", "dns.resolver_new",
    ], "answered {n conversation}{to}";
    /// `svc.outside_networks`: different outside networks (/24, /48) that got an answer.
    OutsideNetwork = different by_zone, ["svc.outside_networks"], "answered {n different outside network}";
    /// `svc.outside_refused` where the zone is outside: a client was turned away by the protocol.
    Refused = times by_zone, ["svc.outside_refused"], "turned away {n attempt}{to}";
    /// `svc.encrypted`, of one conversation.
    Encryption(Encryption) = times by_zone, ["svc.encrypted", "change.security_lower"], "encryption: {}{to}";
    /// `svc.login`, of one conversation.
    Login(Login) = times by_zone, ["svc.login", "change.security_lower"], "login {}{to}";
    /// `svc.data_served`: records, rows, documents or files went to a client that had shown no identity.
    DataServed = flag by_zone, ["svc.data_served"], "data handed over{to}";
    /// A product that the service named in the field of its protocol that names products.
    Software(Software) = times, [
        "db.product", "sw.support", "sw.proof", "sw.behind", "sw.kev", "sw.age_years", "dicom.toolkit_age",
        "mirth.version_age", "device.advisory",
    ], "names itself {}";

    // ---- imaging (DICOM PS3.7, PS3.8, PS3.18)
    /// `dicom.accepted`: associations with at least one accepted presentation context.
    DicomAccepted = times by_zone, ["dicom.accepted"], "accepted {n imaging association}{to}";
    /// `dicom.ae_refused`: A-ASSOCIATE-RJ 1/1/3 or 1/1/7.
    DicomTitleRefused = times by_zone, ["dicom.ae_refused"], "refused {n association}{to} for an unknown title";
    /// `dicom.contexts`: the service of an accepted presentation context.
    DicomContext(DicomService) = times by_zone, ["dicom.contexts"], "agreed to {}{to}";
    /// `dicom.identity`: the identity that an accepted caller showed (item 0x58).
    DicomIdentity(DicomIdentity) = times by_zone, ["dicom.identity"], "callers{to} showed an identity: {}";
    /// `dicom.callings`: different calling titles accepted.
    DicomCalling = different by_zone, ["dicom.callings"], "accepted {n different calling title}{to}";
    /// `dicom.calleds`: different called titles accepted.
    DicomCalled = different by_zone, ["dicom.calleds"], "answered under {n different called title}{to}";
    /// `dicom.matches`: C-FIND answers with status pending.
    DicomMatch = times by_zone, ["dicom.matches"], "named {n patient or study} in answer to queries{to}";
    /// `dicom.handed_over`: objects sent by C-GET or C-MOVE.
    DicomHandedOver = times by_zone, ["dicom.handed_over"], "handed over {n image}{to}";
    /// C-STORE answers with status success or warning.
    DicomStored = times by_zone, ["dicom.stored_from_new"], "took in {n image}{to}";
    /// `dicom.query_refused`: abort or refusal after an accepted query context.
    DicomQueryRefused = times by_zone, ["dicom.query_refused"], "refused {n query}{to}";

    // ---- web (RFC 9110, 9112)
    /// `web.kinds`: a path of this kind answered 200.
    WebKind(WebKind) = times by_zone, ["web.kinds", "svc.medical"], "web answers of kind {}{to}";
    /// `web.open_kinds`: it answered 200 with content to a request that showed no identity.
    WebOpenKind(WebKind) = times by_zone, ["web.open_kinds", "web.kinds", "fhir.open", "svc.medical", "web.login_lost"],
        "{} given without a login{to}";
    /// `web.auth`: how a request showed an identity.
    WebAuth(WebAuth) = times by_zone, ["web.auth"], "";
    /// `web.open_documents`: different documents given without any identity.
    WebOpenDocument = different by_zone, ["web.open_documents", "web.login_lost"],
        "{n document} given without a login{to}";
    /// `web.closed_documents`: different documents given to requests with an identity.
    WebClosedDocument = different by_zone, ["web.closed_documents"], "{n document} given behind a login{to}";
    /// `web.login_form`: a page with a password field was served.
    WebLoginForm = flag by_zone, ["web.login_form"], "a page with a password field was served{to}";
    /// `web.login_in_clear`: a password form was served or posted over http.
    WebLoginInClear = flag by_zone, ["web.login_in_clear"], "a password form is used over unencrypted http{to}";
    /// `web.basic_in_clear`: `Authorization: Basic` over http.
    WebBasicInClear = flag by_zone, ["web.basic_in_clear"], "name and password crossed readable in {n request}{to}";
    /// `web.default_password`: the decoded pair stands in the list of factory pairs.
    WebDefaultPassword = flag by_zone, ["web.default_password"], "a factory password was sent{to}";
    /// `web.default_page`: which page of `default-pages.tsv`.
    WebDefaultPage(WebPage) = times by_zone, ["web.default_page"], "the factory page {} was served{to}";
    /// `web.default_page_host`: it was asked for by address or by name.
    WebDefaultPageHost(HostForm) = times by_zone, ["web.default_page_host"], "";
    /// An answer that redirects to https.
    WebRedirect = times by_zone, ["web.only_redirects"], "";
    /// An answer that does not: with [`Fact::WebRedirect`] it gives `web.only_redirects`.
    WebOtherAnswer = times by_zone, ["web.only_redirects"], "";
    /// `web.listing`: a directory listing was served.
    WebListing = flag by_zone, ["web.listing"], "a directory listing was served{to}";
    /// `web.versions_shown`: a header that names a framework or version.
    WebVersionShown(WebHeader) = times by_zone, ["web.versions_shown"], "headers name {}";
    /// `web.error_detail`: an error page with stack trace, path or settings.
    WebErrorDetail = flag by_zone, ["web.error_detail"], "error pages show inner details{to}";
    /// `web.crawlers`: the class of an agent that got 200.
    WebCrawler(AgentClass) = times by_zone, ["web.crawlers"], "agents of class {} were served{to}";
    /// `web.crawler_documents`: different documents given to search, archive, ai or preview agents.
    WebCrawlerDocument = different by_zone, ["web.crawler_documents"], "{n document} given to crawlers";
    /// `web.session_in_clear`: a session cookie was set or sent over http.
    WebSessionInClear = flag by_zone, ["web.session_in_clear"], "session cookies crossed readable{to}";
    /// `web.token_in_clear`: an activation or reset link was requested over http.
    WebTokenInClear = flag by_zone, ["web.token_in_clear"], "an activation link was opened over unencrypted http{to}";
    /// `web.admin_open`: an administration page served without a login.
    WebAdminOpen(WebAdmin) = times by_zone, ["web.admin_open"], "administration page {} served without a login{to}";
    /// `web.leftover`: a backup, repository or settings file was served.
    WebLeftover = flag by_zone, ["web.leftover"], "a backup or settings file was served{to}";

    // ---- messages (HL7 v2, MLLP)
    /// `hl7.acks`: MSA acknowledgements.
    Hl7Acknowledged = times by_zone, ["hl7.acks"], "acknowledged {n HL7 message}{to}";
    /// `hl7.kinds`: the first component of MSH-9.
    Hl7Kind(Hl7Kind) = times by_zone, ["hl7.kinds"], "HL7 messages of kind {}{to}";
    /// MSH-12.
    Hl7Version(Version) = times, [], "HL7 version {}";

    // ---- secrecy (RFC 5246, 8446, 5280)
    /// `tls.version`: what the server chose.
    TlsVersion(TlsVersion) = times by_zone, ["tls.version"], "chose {}{to}";
    /// `tls.cipher`: the class of the suite that it chose.
    TlsCipher(CipherClass) = times by_zone, ["tls.cipher"], "chose a cipher of class {}{to}";
    /// The end of the server's certificate, for `cert.days_left`.
    CertificateEnds(Timestamp) = times, ["cert.days_left"], "certificate ends on {}";
    /// `cert.self_signed`.
    CertificateSelfSigned = flag, ["cert.self_signed"], "certificate is signed by itself";
    /// `cert.weak`: its key or its signature.
    CertificateWeak = flag, ["cert.weak"], "certificate has a weak key or signature";
    /// `cert.name_fits`: whether the name that was asked for stands in it.
    CertificateNameFits(bool) = times, ["cert.name_fits"], "certificate is for another name";

    // ---- data bases
    /// `db.password_clear`: a password crossed readable.
    DatabasePasswordClear = flag by_zone, ["db.password_clear"], "a password crossed readable{to}";
    /// `db.empty_password`: a login succeeded with an empty secret.
    DatabaseEmptyPassword = flag by_zone, ["db.empty_password"], "an empty password was accepted{to}";

    // ---- files, remote administration
    /// `smb.dialect`: what the server chose.
    SmbDialect(SmbDialect) = times, ["smb.dialect"], "file sharing dialect {}";
    /// `smb.signing`: the server's security mode.
    SmbSigning(SmbSigning) = times, ["smb.signing"], "signing {}";
    /// `ssh.version1`: the server speaks SSH 1.
    SshVersion1 = flag, ["ssh.version1"], "SSH version 1 in use";
    /// `file.anonymous`.
    FileAnonymous = flag by_zone, ["file.anonymous"], "files without a login{to}";
    /// `file.login_clear`.
    FileLoginClear = flag by_zone, ["file.login_clear"], "name and password crossed readable{to}";
    /// `rdp.security`.
    RdpSecurity(RdpSecurity) = times, ["rdp.security"], "remote desktop security {}";
    /// `vnc.security`.
    VncSecurity(VncSecurity) = times, ["vnc.security"], "remote screen security {}";
    /// `snmp.community`.
    SnmpCommunity(SnmpCommunity) = times by_zone, ["snmp.community"], "answers to the community {}{to}";
    /// `mqtt.anonymous`.
    MqttAnonymous = flag by_zone, ["mqtt.anonymous"], "accepts clients without a name{to}";
    /// `mail.starttls`.
    MailStartTls(MailStartTls) = times by_zone, ["mail.starttls"], "STARTTLS {}{to}";
    /// `mail.auth_clear`.
    MailAuthClear = flag by_zone, ["mail.auth_clear"], "a mail password crossed readable{to}";
    /// `mail.readable`.
    MailReadable = flag by_zone, ["mail.readable"], "{n mail} readable{to}";

    // ---- hosts
    /// `host.role`: by the protocols that it speaks.
    Role(Role) = times, ["host.role", "host.medical", "svc.medical", "change.new_medical"], "acts as {}";
    /// A sign of the system that a host runs.
    System(SystemSign) = times, [
        "os.family", "os.support", "os.support_likely", "os.proof", "os.signs", "os.xp_age",
        "os.days_to_end",
    ], "says {}";
    /// Different addresses of a medical role: the host spoke a medical protocol (`host.medical`).
    Medical = times, ["host.medical", "svc.medical", "change.new_medical"], "speaks a medical protocol";
    /// A DHCP client's class (option 60, 55).
    DhcpClass(DhcpClass) = times, [], "";
    /// `out.cleartext_medical`: medical data went readable to an outside server.
    MedicalCleartextOut = flag, ["out.cleartext_medical"], "medical data left readable";

    // ---- wireless networks (IEEE 802.11)
    /// `wifi.security`, by `wifi-security.tsv`.
    WifiSecurity(WifiSecurity) = times, ["wifi.security", "wifi.weaker_than_ours"], "announces security {}";
    /// `wifi.pmf`.
    WifiPmf(WifiPmf) = times, ["wifi.pmf"], "management frame protection {}";
    /// `wifi.wps`.
    WifiWps(WifiWps) = times, ["wifi.wps"], "WPS {}";
    /// `wifi.hidden`: no name in the beacon.
    WifiHidden = flag, ["wifi.hidden"], "hides its name";
    /// `wifi.beacons`: beacons and probe responses.
    WifiBeacon = times, ["wifi.beacons"], "{n announcement}";
    /// `wifi.clients`: different stations that exchanged data frames.
    WifiClient = different, ["wifi.clients"], "{n station}";
    /// `wifi.clear_kinds`: a kind of readable traffic in the air.
    WifiClearKind(ClearKind) = times, ["wifi.clear_kinds"], "readable in the air: {}";
    /// `wifi.owner`.
    WifiOwner(WifiOwner) = times, ["wifi.owner", "wifi.known", "change.new_network"], "";
    /// `wifi.name_is_ours`.
    WifiNameIsOurs = flag, ["wifi.name_is_ours"], "uses a name of the clinic";
    /// `wifi.default_name`.
    WifiDefaultName = flag, ["wifi.default_name"], "has a factory name";
    /// `wifi.signal_strong`: heard above -65 dBm.
    WifiSignalStrong = times, ["wifi.signal_strong"], "";
    /// The channel that it is on (DS parameter set, HT operation).
    WifiChannel(u8) = times, [], "";
    /// `wifi.medical_client`: a host that speaks a medical protocol sends through it.
    WifiMedicalClient = flag, ["wifi.medical_client"], "medical equipment sends through it";
    /// `wifi.deauth_burst`.
    WifiDeauthBurst = flag, ["wifi.deauth_burst"], "bursts of frames that throw stations off";

    // ---- appended
    /// `lan.poisonable`: different names of single hosts for which a host answered a question to all (NBT-NS). A host
    /// has one; who answers for more is a forger, or a device that answers for others.
    NameAnswered = different, ["lan.poisonable"], "";
    /// `ldap.clear_bind`: a simple bind with a password before StartTLS.
    LdapClearBind = flag by_zone, ["ldap.clear_bind"], "a directory password crossed readable{to}";
    /// `ldap.anonymous_data`: entries were given to somebody without a name.
    LdapAnonymousData = flag by_zone, ["ldap.anonymous_data"], "directory entries given without a name{to}";
    /// The VLAN of the port behind which the sensor hears its neighbour (IEEE 802.1Q annex D, CDP): without a tag.
    PortVlan(u16) = times, [], "its port is in VLAN {}";
    /// `upnp.mapping`: a router granted the host a port on the outside (UPnP `AddPortMapping`, NAT-PMP, PCP).
    PortMapped = flag, ["upnp.mapping"], "was given {n port} on the outside by its router";
    /// `camera.open`: RTSP DESCRIBE without credentials was answered by a description with a picture.
    CameraOpen = flag by_zone, ["camera.open"], "a picture was described without a login{to}";
    /// `remote.tool`: a session with a server of this remote-support program.
    RemoteTool(RemoteTool) = times, ["remote.tool"], "a session of the remote-support program {}";
    /// What a host of the clinic offers when it begins TLS or QUIC: the same program offers the same.
    TlsClient(Ja4) = times, [], "";
    /// Records of an analyser that went over: ASTM E1394, POCT1-A.
    LabRecord(LabRecord) = times by_zone, [], "handed over {n laboratory record of kind {}}{to}";
    /// `dns.recursion_outside` where the zone is outside: the server looked a name up for the client, that is not its own.
    DnsRecursed = times by_zone, ["dns.recursion_outside"], "looked names up{to}";
    /// `dns.transfer`: the server gave the records of a whole zone (AXFR, IXFR).
    DnsTransferred = flag by_zone, ["dns.transfer"], "gave all names of a zone{to}";
    /// `dns.unusual_volume`: over 1,000 different names with long labels, under one domain, within an hour.
    NameTunnel = flag, ["dns.unusual_volume"], "asked for over a thousand long names of one domain in an hour";
    /// `web.enumeration`: one client got over 200 different documents within an hour.
    WebEnumerated = flag by_zone, ["web.enumeration"], "over 200 different documents in an hour went to one client{to}";
    /// `monitor.phones_home`: the host called an address that is built into a monitor (ICSMA-25-030-01).
    MonitorCalled = flag, ["monitor.phones_home"], "called an address that is built into a monitor";
    /// `wifi.on_our_cable`: a station of the network was heard on the cable within a second.
    WifiOnOurCable = times, ["wifi.on_our_cable"], "its stations are heard on the cable";
    /// `mail.sent_readable`: the host sent mail readable to a server outside.
    MailSentReadable = flag, ["mail.sent_readable"], "sent {n mail} readable into the internet";
    /// `mail.link_and_code`: the host sent to one mailbox an activation link and, with it or within a day after it, a code, readable.
    MailLinkAndCode = flag, ["mail.link_and_code"], "sent an activation link and its code to one mailbox, readable";
    /// `snmp.asks_with`: the host was answered when it asked a device with this community.
    SnmpAsksWith(SnmpCommunity) = times, ["snmp.asks_with"], "asks devices with the community {}";
    /// `wifi.purpose`: what the network is for, as a person configured it.
    WifiPurpose(WifiPurpose) = times, ["wifi.purpose"], "is meant for: {}";
    /// `net.shared_broadcast`: hosts of a guest zone and of a clinical zone called to all in one broadcast domain.
    SharedBroadcast = flag, ["net.shared_broadcast"], "guests and clinical equipment are heard in one broadcast domain";
    /// `out.bulk`, `out.new_country_or_network`: what a medical host sent to one outside partner. Counts KiB, begun ones too.
    SentOutside(Partner) = times, ["out.bulk", "out.new_country_or_network"], "sent {n KiB} to outside partner {}";
    /// `svc.hairpin` where no outside client got an answer: a home host came through the clinic's own public address.
    Hairpin = times, ["svc.hairpin"], "a computer of the clinic came through the clinic's public address";
    /// `svc.clients_hidden`: a client called from the address of the clinic's router: whom it speaks for, only its other side knows.
    ClientHidden = times, ["svc.clients_hidden"], "{n conversation} came from the router itself: whom it speaks for, only its other side knows";
}

/// A product, its version and its distribution's revision, as far as the service said them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Software {
    /// The product.
    pub product: Product,
    /// Its version.
    pub version: Option<Version>,
    /// What the distribution added: `2+deb12u10`, `0ubuntu0.22.04.1`.
    pub revision: Option<Version>,
    /// Where it was said.
    pub place: SoftwarePlace,
}

/// An outside domain, or a network (/24, /48) where nobody asked for a name, under a number that is made with this sensor's key: one
/// partner has the same tomorrow, and nobody learns which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Partner(pub u32);

impl Partner {
    /// All for which there was no room: no partner, and never a new one.
    pub const OTHERS: Partner = Partner(0);
}

impl core::fmt::Display for Partner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl core::fmt::Display for Software {
    /// `nginx 1.22.1`
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.product.name())?;
        self.version.map_or(Ok(()), |version| write!(f, " {version}"))
    }
}

/// The fingerprint of a TLS client: JA4, the client's part alone. No name and no key goes into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ja4 {
    /// Below TLS.
    pub over: Ja4Over,
    /// The highest version that is offered.
    pub version: TlsVersion,
    /// Whether the client says which server it wants.
    pub named: bool,
    /// How many suites are offered, at most 99.
    pub suites: u8,
    /// How many extensions there are, at most 99.
    pub extensions: u8,
    /// The application protocol that is offered first.
    pub alpn: Alpn,
    /// The first octets of the hash of the suites, sorted.
    pub suites_hash: [u8; 6],
    /// The first octets of the hash of the extensions, sorted, and of the signature algorithms.
    pub extensions_hash: [u8; 6],
}

impl core::fmt::Display for Ja4 {
    /// As other programs write it: `t13d1516h2_8daaf6152771_e5627efa2ab1`.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let version = match self.version {
            TlsVersion::Ssl2 => "s2",
            TlsVersion::Ssl3 => "s3",
            TlsVersion::Tls10 => "10",
            TlsVersion::Tls11 => "11",
            TlsVersion::Tls12 => "12",
            TlsVersion::Tls13 => "13",
        };
        let (over, named, alpn) = (self.over.word(), if self.named { 'd' } else { 'i' }, self.alpn.word());
        write!(f, "{over}{version}{named}{:02}{:02}{alpn}", self.suites, self.extensions)?;
        for hash in [self.suites_hash, self.extensions_hash] {
            let [a, b, c, d, e, g] = hash;
            write!(f, "_{a:02x}{b:02x}{c:02x}{d:02x}{e:02x}{g:02x}")?;
        }
        Ok(())
    }
}

/// A sign of a system: `windows-by-agent.tsv`, `distro-suffixes.tsv`, `os-from-tcp.tsv`.
///
/// What the numbers mean goes by family and place:
/// - Windows: major and minor number of NT (5.1 is XP, 10.0 is 10, 11 and their servers) and the base build; 0.0 where
///   only the family is known. Except where a program names itself: [`SignPlace::WebServer`] has the number of IIS,
///   [`SignPlace::InternetExplorer`] that of the browser; and [`SignPlace::TcpSyn`] has a class in `major` (5: XP and
///   2003, 6: Vista to 8.1, 10: 10 and later).
/// - Linux: release of the distribution (Debian 12: 12.0; Ubuntu 22.04: 22.4), 0.0 where it is not known; `build` says
///   whose it is: 0 unknown, 1 Debian, 2 Ubuntu, 3 CentOS.
/// - others: release of the system (macOS 10.15, Android 6.0), 0.0 where it is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SystemSign {
    /// Where it was heard.
    pub place: SignPlace,
    /// The family that it stands for.
    pub family: SystemFamily,
    /// Major number, 0 where the sign has none (Windows: 5.1, 10.0; Debian: 12.0).
    pub major: u8,
    /// Minor number.
    pub minor: u8,
    /// Windows: the build, 0 where the sign has none. Linux: the distribution.
    pub build: u32,
}

impl core::fmt::Display for SystemSign {
    /// `windows 10.0 build 19041 (ntlm-challenge)`
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} {}.{}", self.family, self.major, self.minor)?;
        if self.build >= LEAST_BUILD {
            write!(f, " build {}", self.build)?;
        }
        write!(f, " ({})", self.place)
    }
}

/// Smaller numbers are no builds of Windows, but say whose a Linux is.
const LEAST_BUILD: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_finds_its_way_back() {
        for p in Protocol::ALL {
            assert_eq!(Protocol::from_word(p.word()), Some(*p));
        }
        for s in WifiSecurity::ALL {
            assert_eq!(WifiSecurity::from_word(s.word()), Some(*s));
        }
        assert_eq!(Protocol::from_word("gopher"), None);
    }

    #[test]
    fn a_row_says_all_of_a_fact() {
        let given = Fact::LabRecord(LabRecord::Result);
        assert_eq!(given.sentence(), "handed over {n laboratory record of kind {}}{to}");
        assert_eq!(given.payload().map(|word| format!("{word}")).as_deref(), Some("result"));
        assert!(given.is_by_zone() && !given.is_flag() && !given.counts_different());
        assert_eq!(Fact::MailReadable.names(), ["mail.readable"]);
        assert!(Fact::MailReadable.is_flag() && Fact::MailReadable.payload().is_none());
        assert!(Fact::WebOpenDocument.counts_different());
        assert!(Fact::TABLE.iter().any(|row| row.fact == "WifiOnOurCable" && row.names == ["wifi.on_our_cable"]));
    }

    /// What is true once it was heard feeds one name, so that the judge can say it without knowing the fact.
    #[test]
    fn a_flag_feeds_one_name() {
        for row in Fact::TABLE.iter().filter(|row| row.is_flag) {
            assert_eq!(row.names.len(), 1, "{}", row.fact);
        }
    }

    #[test]
    fn a_fact_survives_its_encoding() {
        let fact = Fact::Software(Software {
            product: Product::named("OpenSSH").unwrap(),
            version: Version::exact(b"9.2p1"),
            revision: Version::exact(b"2+deb12u10"),
            place: SoftwarePlace::Greeting,
        });
        let octets = postcard::to_allocvec(&fact).unwrap();
        assert_eq!(postcard::take_from_bytes::<Fact>(&octets).unwrap(), (fact, &[][..]));
    }
}
