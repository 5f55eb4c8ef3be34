//! The closed lists of words that facts are made of: the words of `assess/knowledge/facts.tsv`, appended to only.
//!
//! Keeps: one word a variant. Drops: every word that is not here, because nothing can hold it.

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
        BacnetApdu = "bacnet-apdu", BacnetNpdu = "bacnet-npdu", Lldp = "lldp", Cdp = "cdp",
        NatPmp = "nat-pmp", Pcp = "pcp", Dhcpv6 = "dhcpv6",
        Nfs = "nfs", Rpcbind = "rpcbind", Tftp = "tftp", Kerberos = "kerberos", Jetdirect = "jetdirect", Lpd = "lpd",
        Docker = "docker", Webmin = "webmin", Winrm = "winrm",
        X11 = "x11", Rexec = "rexec", Rlogin = "rlogin", Rsh = "rsh", Iscsi = "iscsi", Ipmi = "ipmi", Coap = "coap",
        Modbus = "modbus", IsoTsap = "iso-tsap", MssqlBrowser = "mssql-browser", MysqlX = "mysql-x", Firebird = "firebird",
        Db2 = "db2", Dcerpc = "dcerpc",
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
    Txt = "txt-record", VendorClass = "vendor-class", SystemDescription = "system-description", Realm = "realm",
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
    Switch = "switch", AccessPoint = "access-point",
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
    SshBanner = "ssh-banner", DefaultPage = "default-page", DnsVersion = "dns-version",
    SystemDescription = "system-description",
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
words! { /// `remote.tool`.
RemoteTool {
    Teamviewer = "teamviewer", Anydesk = "anydesk", Screenconnect = "screenconnect", Rustdesk = "rustdesk",
    Splashtop = "splashtop", Logmein = "logmein", Other = "other",
} }
words! { /// Below the TLS of a JA4.
Ja4Over { Tcp = "t", Quic = "q", } }
words! { /// The first application protocol that a client offers (RFC 7301), as JA4 writes it.
Alpn {
    None = "00", Http11 = "h1", Http2 = "h2", Http3 = "h3", Http10 = "h0", HttpQuic = "hp", Imap = "ip", Pop3 = "p3",
    Ftp = "fp", DnsTls = "dt", DnsQuic = "dq", Mqtt = "mt", Smb = "sb", Xmpp = "xt", Postgresql = "pl", Tds = "t0",
    Dicom = "dm",
} }
words! { /// `wifi.clear_kinds`.
ClearKind { Dns = "dns", Http = "http", Dicom = "dicom", Hl7 = "hl7", Mail = "mail", Smb = "smb", } }
words! { /// Records of an analyser (ASTM E1394 O, P, Q, R; POCT1-A `OBS`, `PTL`): kinds only.
LabRecord { Patient = "patient", Order = "order", Result = "result", Query = "query", } }
words! { /// `wifi.purpose`: what a wireless network is for.
WifiPurpose { Guest = "guest", Clinical = "clinical", Office = "office", Unknown = "unknown", } }
