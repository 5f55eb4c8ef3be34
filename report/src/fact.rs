//! The closed list of what a sensor can say. Variants are only ever appended: their position is their encoding.
//!
//! Each names the protocol field that it may come from; the words are those of `assess/knowledge/facts.tsv`.
//! Keeps: numbers, closed enums, a [`Product`] of the shipped list, a [`Version`]. Drops: everything that a person
//! wrote: names, titles, paths, queries, subjects of certificates; at most a count of different ones is made of them.

use crate::product::Product;
use crate::time::Timestamp;
use crate::version::Version;
use serde::{Deserialize, Serialize};

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
}

impl Fact {
    /// Whether it was heard towards a client, so that the client's zone belongs to it.
    #[must_use]
    pub const fn is_by_zone(&self) -> bool {
        use Fact::*;
        matches!(
            self,
            Answered
                | OutsideNetwork
                | Refused
                | Encryption(_)
                | Login(_)
                | DataServed
                | DicomAccepted
                | DicomTitleRefused
                | DicomContext(_)
                | DicomIdentity(_)
                | DicomCalling
                | DicomCalled
                | DicomMatch
                | DicomHandedOver
                | DicomStored
                | DicomQueryRefused
                | WebKind(_)
                | WebOpenKind(_)
                | WebAuth(_)
                | WebOpenDocument
                | WebClosedDocument
                | WebLoginForm
                | WebLoginInClear
                | WebBasicInClear
                | WebDefaultPassword
                | WebDefaultPage(_)
                | WebDefaultPageHost(_)
                | WebRedirect
                | WebOtherAnswer
                | WebListing
                | WebVersionShown(_)
                | WebErrorDetail
                | WebCrawler(_)
                | WebCrawlerDocument
                | WebSessionInClear
                | WebTokenInClear
                | WebAdminOpen(_)
                | WebLeftover
                | Hl7Acknowledged
                | Hl7Kind(_)
                | TlsVersion(_)
                | TlsCipher(_)
                | DatabasePasswordClear
                | DatabaseEmptyPassword
                | FileAnonymous
                | FileLoginClear
                | SnmpCommunity(_)
                | MqttAnonymous
                | MailStartTls(_)
                | MailAuthClear
                | MailReadable
        )
    }

    /// Whether its count is of different things, not of times.
    #[must_use]
    pub const fn counts_different(&self) -> bool {
        use Fact::*;
        matches!(
            self,
            OutsideNetwork
                | DicomCalling
                | DicomCalled
                | WebOpenDocument
                | WebClosedDocument
                | WebCrawlerDocument
                | WifiClient
        )
    }
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

/// A sign of a system: `windows-by-agent.tsv`, `distro-suffixes.tsv`, `os-from-tcp.tsv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SystemSign {
    /// Where it was heard.
    pub place: SignPlace,
    /// The family that it stands for.
    pub family: SystemFamily,
    /// Major and minor number, 0 where the sign has none (Windows: 5.1, 10.0; Debian: 12.0).
    pub major: u8,
    /// The minor number.
    pub minor: u8,
    /// The build, 0 where the sign has none.
    pub build: u32,
}

words! {
    /// `svc.protocol`.
    Protocol {
        Dicom = "dicom", Http = "http", Mllp = "mllp", Tls = "tls", Ssh = "ssh", Mysql = "mysql",
        Postgresql = "postgresql", Redis = "redis", Mongodb = "mongodb", Dhcp = "dhcp", Mdns = "mdns", Dns = "dns",
        Smb = "smb", Nbns = "nbns", Ftp = "ftp", Telnet = "telnet", Smtp = "smtp", Pop3 = "pop3", Imap = "imap",
        Rdp = "rdp", Vnc = "vnc", Snmp = "snmp", Mqtt = "mqtt", Ldap = "ldap", Memcached = "memcached",
        Mssql = "mssql", OracleTns = "oracle-tns", Elasticsearch = "elasticsearch", Ssdp = "ssdp", Llmnr = "llmnr",
        Ntp = "ntp", Rtsp = "rtsp", Sip = "sip", Ipp = "ipp", Astm = "astm", Poct1a = "poct1a", Rsync = "rsync",
        Bacnet = "bacnet", Quic = "quic",
    }
}
words! { /// `svc.encrypted`.
Encryption { None = "none", Partly = "partly", Tls = "tls", Unknown = "unknown", } }
words! { /// `svc.login`.
Login { None = "none", Refused = "refused", Used = "used", Unknown = "unknown", } }
words! { /// Where a product was named.
SoftwarePlace {
    ServerHeader = "server-header", PoweredBy = "powered-by", PageTitle = "page-title", Body = "body",
    Greeting = "greeting", Implementation = "implementation", Parameter = "parameter", NativeLanman = "native-lanman",
    Txt = "txt-record", VendorClass = "vendor-class", Realm = "realm",
} }
words! { /// `dicom.contexts`: the service of a SOP class (PS3.4), by `dicom-uids.tsv`.
DicomService {
    Verification = "verification", Storage = "storage", Query = "query", RetrieveMove = "retrieve-move",
    RetrieveGet = "retrieve-get", Worklist = "worklist", Print = "print", Other = "other",
} }
words! { /// `dicom.identity` (PS3.7 D.3.3.7).
DicomIdentity {
    None = "none", Name = "name", NamePasscode = "name-passcode", Kerberos = "kerberos", Saml = "saml", Jwt = "jwt",
} }
words! { /// `web.kinds`: kinds of paths, by `web-paths.tsv`.
WebKind {
    Dicomweb = "dicomweb", WadoUri = "wado-uri", OrthancRest = "orthanc-rest", OrthancUi = "orthanc-ui",
    Fhir = "fhir", FhirCapability = "fhir-capability", Viewer = "viewer", Document = "document", Login = "login",
    Admin = "admin", Leftover = "leftover", Api = "api", Activation = "activation", Mirth = "mirth",
    DatabaseRest = "database-rest",
} }
words! { /// `web.auth`.
WebAuth {
    None = "none", Cookie = "cookie", Basic = "basic", Digest = "digest", Bearer = "bearer", Ntlm = "ntlm",
    ClientCertificate = "client-cert", TokenParameter = "token",
} }
words! { /// `web.default_page`, by `default-pages.tsv`.
WebPage {
    Iis = "iis", IisClient = "iis-client", Iis8 = "iis-8", Iis7 = "iis-7", Iis6 = "iis-6", ApacheDebian = "apache-debian",
    ApacheUbuntu = "apache-ubuntu", Apache = "apache", ApacheRedHat = "apache-red-hat", Nginx = "nginx",
    NginxDebian = "nginx-debian", NginxRedHat = "nginx-red-hat", Lighttpd = "lighttpd", TomcatDebian = "tomcat-debian",
    Tomcat = "tomcat", Xampp = "xampp", Plesk = "plesk",
} }
words! { /// `web.default_page_host`: how the Host field named the server.
HostForm { BareAddress = "bare-address", NamedHost = "named-host", Unknown = "unknown", } }
words! { /// `web.versions_shown`, by `framework-headers.tsv`.
WebHeader {
    Iis = "iis", Httpapi = "httpapi", Apache = "apache", Nginx = "nginx", Lighttpd = "lighttpd", Openssl = "openssl",
    Php = "php", Module = "module", Coyote = "coyote", Jetty = "jetty", Kestrel = "kestrel", Embedded = "embedded",
    Werkzeug = "werkzeug", Cups = "cups", AspNet = "asp-net", AspNetVersion = "asp-net-version",
    AspNetMvc = "asp-net-mvc", Generator = "generator", Framework = "framework",
} }
words! { /// `web.crawlers`, by `crawler-agents.tsv`.
AgentClass {
    Search = "search", Archive = "archive", Ai = "ai", Seo = "seo", Survey = "survey",
    InternetScanner = "internet-scanner", AttackTool = "attack-tool", Script = "script", Preview = "preview",
} }
words! { /// `web.admin_open`.
WebAdmin {
    TomcatManager = "tomcat-manager", PhpMyAdmin = "phpmyadmin", Docker = "docker", Jenkins = "jenkins", Mirth = "mirth",
    Orthanc = "orthanc", Other = "other",
} }
words! { /// `hl7.kinds`: MSH-9.1.
Hl7Kind {
    Adt = "ADT", Orm = "ORM", Oru = "ORU", Siu = "SIU", Dft = "DFT", Mdm = "MDM", Ack = "ACK", Other = "other",
} }
words! { /// `tls.version`.
TlsVersion {
    Ssl2 = "ssl2", Ssl3 = "ssl3", Tls10 = "tls1.0", Tls11 = "tls1.1", Tls12 = "tls1.2", Tls13 = "tls1.3",
} }
words! { /// `tls.cipher`, by `tls-weak.tsv`; from the best to the worst.
CipherClass { Good = "good", Old = "old", Weak = "weak", Broken = "broken", } }
words! { /// `smb.dialect` (MS-SMB, MS-SMB2 2.2.4).
SmbDialect {
    Smb1 = "smb1", Smb202 = "2.0.2", Smb210 = "2.1", Smb300 = "3.0", Smb302 = "3.0.2", Smb311 = "3.1.1",
} }
words! { /// `smb.signing`.
SmbSigning { Required = "required", Optional = "optional", Off = "off", } }
words! { /// `rdp.security` (MS-RDPBCGR 2.2.1.2).
RdpSecurity { Standard = "standard", Tls = "tls", Nla = "nla", } }
words! { /// `vnc.security` (RFC 6143 7.1.2).
VncSecurity { None = "none", Password = "password", Other = "other", } }
words! { /// `snmp.community`.
SnmpCommunity { Public = "public", Private = "private", Other = "other", None = "none", } }
words! { /// `mail.starttls`.
MailStartTls { Used = "used", Offered = "offered", NotOffered = "not-offered", Stripped = "stripped", } }
words! { /// `host.role`.
Role {
    Modality = "modality", Archive = "archive", Lab = "lab", Monitor = "monitor", Pump = "pump",
    Workstation = "workstation", Server = "server", Printer = "printer", Router = "router", Camera = "camera",
    Phone = "phone", Unknown = "unknown",
} }
words! { /// `os.family`.
SystemFamily {
    Windows = "windows", Linux = "linux", Macos = "macos", Android = "android", Ios = "ios", Bsd = "bsd",
    Embedded = "embedded", Unknown = "unknown",
} }
words! { /// Where a sign of a system was heard: the rows of `windows-by-agent.tsv` and its kin.
SignPlace {
    NtlmChallenge = "ntlm-challenge", NtlmClient = "ntlm-client", SmbNativeOs = "smb-native-os",
    BrowserAnnouncement = "browser-announcement", Ssdp = "ssdp", CryptoApi = "cryptoapi-agent", Bits = "bits-agent",
    WindowsUpdate = "windows-update-agent", Browser = "browser-agent", InternetExplorer = "internet-explorer-agent",
    RdpClient = "rdp-client", DhcpVendor = "dhcp-vendor-class", DhcpParameters = "dhcp-parameters",
    TcpSyn = "tcp-syn", WebServer = "web-server", PackageRevision = "package-revision", DhcpKernel = "dhcp-kernel",
    SshBanner = "ssh-banner", DefaultPage = "default-page",
} }
words! { /// A DHCP client, by `dhcp-fingerprints.tsv`.
DhcpClass {
    Udhcpc = "udhcpc", Dhclient = "dhclient", Dhcpcd = "dhcpcd", Android = "android", Windows = "windows",
    Macos = "macos", Ios = "ios", Systemd = "systemd-networkd", Printer = "printer", Phone = "phone",
    AccessPoint = "access-point", Other = "other",
} }
words! { /// `wifi.security`, by `wifi-security.tsv`.
WifiSecurity {
    Open = "open", OweTransitionOpen = "owe-transition-open", Owe = "owe", Wep = "wep", Wpa1 = "wpa1",
    RsnWep = "rsn-wep", Wpa2Tkip = "wpa2-tkip", Wpa2GroupTkip = "wpa2-group-tkip", Wpa2Psk = "wpa2-psk",
    Wpa3Compat = "wpa3-compat", Wpa3Transition = "wpa3-transition", Wpa3Personal = "wpa3-personal",
    Enterprise = "enterprise", Mixed = "mixed", Unknown = "unknown",
} }
words! { /// `wifi.pmf`.
WifiPmf { Off = "off", Optional = "optional", Required = "required", Unknown = "unknown", } }
words! { /// `wifi.wps`.
WifiWps { Off = "off", Button = "button", Pin = "pin", Locked = "locked", Unknown = "unknown", } }
words! { /// `wifi.owner`.
WifiOwner { Own = "own", Neighbour = "neighbour", Unknown = "unknown", } }
words! { /// `wifi.clear_kinds`.
ClearKind { Dns = "dns", Http = "http", Dicom = "dicom", Hl7 = "hl7", Mail = "mail", Smb = "smb", } }

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
