//! The closed list of what a sensor can say. Variants are only ever appended: their position is their encoding.
//!
//! Each names the protocol field that it may come from; the words are those of `assess/knowledge/facts.tsv`.
//! Keeps: numbers, closed enums, a [`Product`] of the shipped list, a [`Version`]. Drops: everything that a person
//! wrote: names, titles, paths, queries, subjects of certificates; at most a count of different ones is made of them.

use crate::product::Product;
pub use crate::terms::*;
use crate::time::Timestamp;
use crate::version::Version;
use serde::{Deserialize, Serialize};

mod counting;

/// Something that was heard about a [`crate::subject::Subject`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Fact {
    // ---- services of any protocol
    /// `svc.protocol`: the first octets of both sides parsed as this.
    Protocol(Protocol),
    /// `svc.answered`, `svc.clients`: a client of the zone got a message of the protocol. Counts conversations.
    Answered,
    /// `svc.outside_networks`: different outside networks (/24, /48) that got an answer.
    OutsideNetwork,
    /// `svc.outside_refused` where the zone is outside: a client was turned away by the protocol.
    Refused,
    /// `svc.encrypted`, of one conversation.
    Encryption(Encryption),
    /// `svc.login`, of one conversation.
    Login(Login),
    /// `svc.data_served`: records, rows, documents or files went to a client that had shown no identity.
    DataServed,
    /// A product that the service named in the field of its protocol that names products.
    Software(Software),

    // ---- imaging (DICOM PS3.7, PS3.8, PS3.18)
    /// `dicom.accepted`: associations with at least one accepted presentation context.
    DicomAccepted,
    /// `dicom.ae_refused`: A-ASSOCIATE-RJ 1/1/3 or 1/1/7.
    DicomTitleRefused,
    /// `dicom.contexts`: the service of an accepted presentation context.
    DicomContext(DicomService),
    /// `dicom.identity`: the identity that an accepted caller showed (item 0x58).
    DicomIdentity(DicomIdentity),
    /// `dicom.callings`: different calling titles accepted.
    DicomCalling,
    /// `dicom.calleds`: different called titles accepted.
    DicomCalled,
    /// `dicom.matches`: C-FIND answers with status pending.
    DicomMatch,
    /// `dicom.handed_over`: objects sent by C-GET or C-MOVE.
    DicomHandedOver,
    /// C-STORE answers with status success or warning.
    DicomStored,
    /// `dicom.query_refused`: abort or refusal after an accepted query context.
    DicomQueryRefused,

    // ---- web (RFC 9110, 9112)
    /// `web.kinds`: a path of this kind answered 200.
    WebKind(WebKind),
    /// `web.open_kinds`: it answered 200 with content to a request that showed no identity.
    WebOpenKind(WebKind),
    /// `web.auth`: how a request showed an identity.
    WebAuth(WebAuth),
    /// `web.open_documents`: different documents given without any identity.
    WebOpenDocument,
    /// `web.closed_documents`: different documents given to requests with an identity.
    WebClosedDocument,
    /// `web.login_form`: a page with a password field was served.
    WebLoginForm,
    /// `web.login_in_clear`: a password form was served or posted over http.
    WebLoginInClear,
    /// `web.basic_in_clear`: `Authorization: Basic` over http.
    WebBasicInClear,
    /// `web.default_password`: the decoded pair stands in the list of factory pairs.
    WebDefaultPassword,
    /// `web.default_page`: which page of `default-pages.tsv`.
    WebDefaultPage(WebPage),
    /// `web.default_page_host`: it was asked for by address or by name.
    WebDefaultPageHost(HostForm),
    /// An answer that redirects to https.
    WebRedirect,
    /// An answer that does not: with [`Fact::WebRedirect`] it gives `web.only_redirects`.
    WebOtherAnswer,
    /// `web.listing`: a directory listing was served.
    WebListing,
    /// `web.versions_shown`: a header that names a framework or version.
    WebVersionShown(WebHeader),
    /// `web.error_detail`: an error page with stack trace, path or settings.
    WebErrorDetail,
    /// `web.crawlers`: the class of an agent that got 200.
    WebCrawler(AgentClass),
    /// `web.crawler_documents`: different documents given to search, archive, ai or preview agents.
    WebCrawlerDocument,
    /// `web.session_in_clear`: a session cookie was set or sent over http.
    WebSessionInClear,
    /// `web.token_in_clear`: an activation or reset link was requested over http.
    WebTokenInClear,
    /// `web.admin_open`: an administration page served without a login.
    WebAdminOpen(WebAdmin),
    /// `web.leftover`: a backup, repository or settings file was served.
    WebLeftover,

    // ---- messages (HL7 v2, MLLP)
    /// `hl7.acks`: MSA acknowledgements.
    Hl7Acknowledged,
    /// `hl7.kinds`: the first component of MSH-9.
    Hl7Kind(Hl7Kind),
    /// MSH-12.
    Hl7Version(Version),

    // ---- secrecy (RFC 5246, 8446, 5280)
    /// `tls.version`: what the server chose.
    TlsVersion(TlsVersion),
    /// `tls.cipher`: the class of the suite that it chose.
    TlsCipher(CipherClass),
    /// The end of the server's certificate, for `cert.days_left`.
    CertificateEnds(Timestamp),
    /// `cert.self_signed`.
    CertificateSelfSigned,
    /// `cert.weak`: its key or its signature.
    CertificateWeak,
    /// `cert.name_fits`: whether the name that was asked for stands in it.
    CertificateNameFits(bool),

    // ---- data bases
    /// `db.password_clear`: a password crossed readable.
    DatabasePasswordClear,
    /// `db.empty_password`: a login succeeded with an empty secret.
    DatabaseEmptyPassword,

    // ---- files, remote administration
    /// `smb.dialect`: what the server chose.
    SmbDialect(SmbDialect),
    /// `smb.signing`: the server's security mode.
    SmbSigning(SmbSigning),
    /// `ssh.version1`: the server speaks SSH 1.
    SshVersion1,
    /// `file.anonymous`.
    FileAnonymous,
    /// `file.login_clear`.
    FileLoginClear,
    /// `rdp.security`.
    RdpSecurity(RdpSecurity),
    /// `vnc.security`.
    VncSecurity(VncSecurity),
    /// `snmp.community`.
    SnmpCommunity(SnmpCommunity),
    /// `mqtt.anonymous`.
    MqttAnonymous,
    /// `mail.starttls`.
    MailStartTls(MailStartTls),
    /// `mail.auth_clear`.
    MailAuthClear,
    /// `mail.readable`.
    MailReadable,

    // ---- hosts
    /// `host.role`: by the protocols that it speaks.
    Role(Role),
    /// A sign of the system that a host runs.
    System(SystemSign),
    /// Different addresses of a medical role: the host spoke a medical protocol (`host.medical`).
    Medical,
    /// A DHCP client's class (option 60, 55).
    DhcpClass(DhcpClass),
    /// `out.cleartext_medical`: medical data went readable to an outside server.
    MedicalCleartextOut,

    // ---- wireless networks (IEEE 802.11)
    /// `wifi.security`, by `wifi-security.tsv`.
    WifiSecurity(WifiSecurity),
    /// `wifi.pmf`.
    WifiPmf(WifiPmf),
    /// `wifi.wps`.
    WifiWps(WifiWps),
    /// `wifi.hidden`: no name in the beacon.
    WifiHidden,
    /// `wifi.beacons`: beacons and probe responses.
    WifiBeacon,
    /// `wifi.clients`: different stations that exchanged data frames.
    WifiClient,
    /// `wifi.clear_kinds`: a kind of readable traffic in the air.
    WifiClearKind(ClearKind),
    /// `wifi.owner`.
    WifiOwner(WifiOwner),
    /// `wifi.name_is_ours`.
    WifiNameIsOurs,
    /// `wifi.default_name`.
    WifiDefaultName,
    /// `wifi.signal_strong`: heard above -65 dBm.
    WifiSignalStrong,
    /// The channel that it is on (DS parameter set, HT operation).
    WifiChannel(u8),
    /// `wifi.medical_client`: a host that speaks a medical protocol sends through it.
    WifiMedicalClient,
    /// `wifi.deauth_burst`.
    WifiDeauthBurst,

    // ---- appended
    /// `lan.poisonable`: different names of single hosts for which a host answered a question to all (NBT-NS). A host
    /// has one; who answers for more is a forger, or a device that answers for others.
    NameAnswered,
    /// `ldap.clear_bind`: a simple bind with a password before StartTLS.
    LdapClearBind,
    /// `ldap.anonymous_data`: entries were given to somebody without a name.
    LdapAnonymousData,
    /// The VLAN of the port behind which the sensor hears its neighbour (IEEE 802.1Q annex D, CDP): without a tag.
    PortVlan(u16),
    /// `upnp.mapping`: a router granted the host a port on the outside (UPnP `AddPortMapping`, NAT-PMP, PCP).
    PortMapped,
    /// `camera.open`: RTSP DESCRIBE without credentials was answered by a description with a picture.
    CameraOpen,
    /// `remote.tool`: a session with a server of this remote-support program.
    RemoteTool(RemoteTool),
    /// What a host of the clinic offers when it begins TLS or QUIC: the same program offers the same.
    TlsClient(Ja4),
    /// Records of an analyser that went over: ASTM E1394, POCT1-A.
    LabRecord(LabRecord),
    /// `dns.recursion_outside` where the zone is outside: the server looked a name up for the client, that is not its own.
    DnsRecursed,
    /// `dns.transfer`: the server gave the records of a whole zone (AXFR, IXFR).
    DnsTransferred,
    /// `dns.unusual_volume`: over 1,000 different names with long labels, under one domain, within an hour.
    NameTunnel,
    /// `web.enumeration`: one client got over 200 different documents within an hour.
    WebEnumerated,
    /// `monitor.phones_home`: the host called an address that is built into a monitor (ICSMA-25-030-01).
    MonitorCalled,
    /// `wifi.on_our_cable`: a station of the network was heard on the cable within a second.
    WifiOnOurCable,
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
