//! What a web address stands for, by the kinds of `web-paths.tsv` (DICOM PS3.18, HL7 FHIR R4, Orthanc's REST interface).
//!
//! Keeps: a kind of a closed list, whether a token stood in it. Drops: the path, the query and every identifier in
//! them, at once.

use super::web_kin::Kin;
use super::web_text::{contains, digits, ends_with, segments, starts_with};
use auscult_report::fact::WebAdmin;

/// An address, as far as it may be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// What it stands for.
    pub(super) kind: PathKind,
    /// What its last part is called.
    pub(super) name: FileName,
    /// It ends in `/`: a folder was asked for.
    pub(super) folder: bool,
    /// A token or a signature stands in it: whoever has the link has shown an identity.
    pub(super) token: bool,
    /// The address names another server: this one is a proxy.
    pub(super) elsewhere: bool,
}

/// Kinds of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathKind {
    /// DICOMweb (PS3.18 section 10): `records` if it asks for studies, series or instances.
    Dicomweb { records: bool },
    /// WADO-URI (PS3.18 section 9): `requestType=WADO`.
    WadoUri,
    /// Orthanc's REST interface; not `sure` where only a common word says so.
    Orthanc { sure: bool },
    /// Orthanc's own pages.
    OrthancPage,
    /// FHIR; `public` resources are open by design: terminology, directories.
    Fhir { public: bool },
    /// FHIR's description of itself.
    FhirCapability,
    /// A viewer of images.
    Viewer,
    /// The version of an interface engine.
    Mirth,
    /// An administration page.
    Admin(WebAdmin),
    /// A data base over http.
    DatabaseRest,
    /// A backup, a repository, a settings file.
    Leftover,
    /// A link that opens or resets an account.
    Activation,
    /// A login page.
    Login,
    /// A sign beside a field that names the program.
    Kin(Kin),
    /// An interface of some other program.
    Api,
    /// Anything else.
    Other,
}

/// What the end of a file's name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileName {
    /// A document.
    Document,
    /// XML that may be a document.
    Xml,
    /// The start page of IIS.
    IisStart,
    /// Anything else.
    Other,
}

/// Reads a request target (RFC 9112 section 3.2).
pub(super) fn read(target: &[u8]) -> Path {
    let (target, elsewhere) = origin_form(target);
    let (path, query) = match target.iter().position(|o| *o == b'?') {
        Some(at) => target.split_at(at),
        None => (target, &[][..]),
    };
    let path = path.get(..path.len().min(MAX_PATH)).unwrap_or_default();
    let kind = kind(path, query);
    let fhir = matches!(kind, PathKind::Fhir { .. } | PathKind::FhirCapability);
    let orthanc = matches!(kind, PathKind::Orthanc { .. });
    Path {
        kind,
        name: file_name(path),
        folder: path.ends_with(b"/"),
        // These interfaces name records by identifiers that look drawn by lot.
        token: token_in_query(query, !fhir && !orthanc) || (!fhir && !orthanc && segments(path).any(is_random)),
        elsewhere,
    }
}

/// The path of a redirect's target: whether it leads to a login page, and whether it leads to https.
pub(super) fn redirect(location: &[u8]) -> (bool, bool) {
    let secure = starts_with(location, b"https://");
    let path = read(location);
    (path.kind == PathKind::Login, secure)
}

/// Without scheme and authority, and whether there was one.
fn origin_form(target: &[u8]) -> (&[u8], bool) {
    if target.first() == Some(&b'/') {
        return (target, false);
    }
    let Some(scheme) = target.iter().position(|o| *o == b':').filter(|at| *at <= 5) else { return (target, false) };
    let rest = target.get(scheme..).unwrap_or_default();
    match rest.strip_prefix(b"://") {
        Some(rest) => {
            let path = rest.iter().position(|o| *o == b'/').unwrap_or(rest.len());
            (rest.get(path..).unwrap_or_default(), true)
        }
        None => (target, true),
    }
}

fn kind(path: &[u8], query: &[u8]) -> PathKind {
    if contains(query, b"requesttype=wado") {
        return PathKind::WadoUri;
    }
    if STATIC_ENDS.iter().any(|e| ends_with(path, e)) {
        return PathKind::Other;
    }
    if contains(query, b"studyinstanceuids=") && !contains(path, b"/studies") {
        return PathKind::Viewer;
    }
    imaging(path)
        .or_else(|| fhir(path))
        .or_else(|| administration(path))
        .or_else(|| leftover(path))
        .or_else(|| Kin::read(path, query).map(PathKind::Kin))
        .or_else(|| portal(path))
        .unwrap_or(PathKind::Other)
}

fn imaging(path: &[u8]) -> Option<PathKind> {
    let records = contains(path, b"/studies") || contains(path, b"/series") || contains(path, b"/instances");
    if DICOMWEB.iter().any(|w| contains(path, w)) || (contains(path, b"/aets/") && contains(path, b"/rs/")) {
        return Some(PathKind::Dicomweb { records });
    }
    if starts_with(path, b"/dicom-web") || starts_with(path, b"/dicomweb") {
        return Some(PathKind::Dicomweb { records });
    }
    if contains(path, b"/app/explorer.html") || contains(path, b"/ui/app/") {
        return Some(PathKind::OrthancPage);
    }
    let mut parts = segments(path).peekable();
    let mut first = true;
    while let Some(part) = parts.next() {
        // The service root may stand behind a proxy's prefix, the identifier tells it from any other program.
        if ORTHANC_LEVELS.contains(&part) {
            match parts.peek() {
                Some(id) if is_orthanc_id(id) => return Some(PathKind::Orthanc { sure: true }),
                Some(uid) if is_uid(uid) => return Some(PathKind::Dicomweb { records: true }),
                None if first => return Some(PathKind::Orthanc { sure: false }),
                _ => {}
            }
        }
        if first && part == b"system" && parts.peek().is_none() {
            return Some(PathKind::Orthanc { sure: false });
        }
        first = first && part == b"orthanc";
    }
    VIEWERS.iter().any(|w| contains(path, w)).then_some(PathKind::Viewer)
}

fn fhir(path: &[u8]) -> Option<PathKind> {
    if ends_with(path, b"/metadata") || contains(path, b"/.well-known/smart-configuration") {
        return Some(PathKind::FhirCapability);
    }
    let is_base = |s: &[u8]| FHIR_BASES.iter().any(|b| s.eq_ignore_ascii_case(b));
    let (base, _) = segments(path).enumerate().filter(|(_, s)| is_base(s)).last()?;
    let after = segments(path).nth(base.saturating_add(1))?;
    Some(PathKind::Fhir { public: is_public_resource(after) || after.starts_with(b"$") })
}

fn administration(path: &[u8]) -> Option<PathKind> {
    if contains(path, b"/manager/html") || contains(path, b"/host-manager/html") {
        return Some(PathKind::Admin(WebAdmin::TomcatManager));
    }
    if starts_with(path, b"/phpmyadmin") || starts_with(path, b"/pma/") {
        return Some(PathKind::Admin(WebAdmin::PhpMyAdmin));
    }
    let mut parts = segments(path);
    let first = parts.next().unwrap_or_default();
    let version = first.strip_prefix(b"v1.").is_some_and(digits);
    let rest = if version { parts.next().unwrap_or_default() } else { first };
    if rest == b"containers" && parts.next() == Some(b"json") {
        return Some(PathKind::Admin(WebAdmin::Docker));
    }
    if ends_with(path, b"/api/server/version")
        || ends_with(path, b"/api/version")
        || ends_with(path, b"/webstart.jnlp")
        || path == b"/webstart"
    {
        return Some(PathKind::Mirth);
    }
    let data = segments(path).any(|s| DATABASE_WORDS.contains(&s));
    data.then_some(PathKind::DatabaseRest)
}

fn leftover(path: &[u8]) -> Option<PathKind> {
    let name = segments(path).last().unwrap_or_default();
    let archive = BACKUP_ENDS.iter().any(|e| ends_with(name, e)) && contains(name, b"backup");
    let settings = LEFTOVERS.iter().any(|l| ends_with(path, l));
    (archive || settings || ends_with(name, b".sql")).then_some(PathKind::Leftover)
}

fn portal(path: &[u8]) -> Option<PathKind> {
    if ACTIVATION.iter().any(|w| word_in(path, w)) && !LETTERS.iter().any(|w| contains(path, w)) {
        return Some(PathKind::Activation);
    }
    if LOGIN.iter().any(|w| word_in(path, w)) {
        return Some(PathKind::Login);
    }
    (contains(path, b"/api/") || starts_with(path, b"/rest/")).then_some(PathKind::Api)
}

/// Whether a part of the path is this word, whatever its ending: `/login`, `/Login.aspx`, `/verify/...`.
fn word_in(path: &[u8], word: &[u8]) -> bool {
    segments(path).any(|s| {
        let (name, rest) = s.split_at_checked(word.len()).unwrap_or_default();
        name.eq_ignore_ascii_case(word) && matches!(rest.first(), None | Some(b'.' | b';'))
    })
}

fn file_name(path: &[u8]) -> FileName {
    let name = segments(path).last().unwrap_or_default();
    if path.ends_with(b"/") {
        return FileName::Other;
    }
    if contains(name, b"iisstart.") {
        return FileName::IisStart;
    }
    if ends_with(name, b".xml") {
        // Files that every site has, by their names.
        return if PLAIN_XML.iter().any(|w| contains(name, w)) { FileName::Other } else { FileName::Xml };
    }
    if DOCUMENT_ENDS.iter().any(|e| ends_with(name, e)) { FileName::Document } else { FileName::Other }
}

/// Whether a resource is meant to be open: terminology and directories of places and people who treat.
pub(super) fn is_public_resource(name: &[u8]) -> bool {
    PUBLIC_RESOURCES.contains(&name) || name == b"metadata" || name == b".well-known"
}

/// Orthanc's identifiers: five groups of eight hexadecimal digits, joined by dashes.
pub(super) fn is_orthanc_id(word: &[u8]) -> bool {
    word.len() == ORTHANC_ID
        && word
            .iter()
            .enumerate()
            .all(|(i, o)| if i % 9 == 8 { *o == b'-' } else { o.is_ascii_digit() || matches!(o, b'a'..=b'f') })
}

/// A DICOM unique identifier (PS3.5 section 9.1): numbers joined by dots.
fn is_uid(word: &[u8]) -> bool {
    word.len() >= 8 && word.contains(&b'.') && word.iter().all(|o| o.is_ascii_digit() || *o == b'.')
}

/// Whether a parameter is called a token, or (`random`) looks drawn by lot.
fn token_in_query(query: &[u8], random: bool) -> bool {
    query.get(1..).unwrap_or_default().split(|o| matches!(o, b'&' | b';')).take(MAX_PARAMETERS).any(|pair| {
        let mut halves = pair.splitn(2, |o| *o == b'=');
        let name = halves.next().unwrap_or_default();
        let value = halves.next().unwrap_or_default();
        let named = value.len() >= SHORTEST_TOKEN && TOKEN_NAMES.iter().any(|t| name.eq_ignore_ascii_case(t));
        named || (random && is_random(value))
    })
}

/// Whether a run of letters and digits looks drawn by lot: a UUID, 32 hexadecimal digits, or 20 characters that change
/// between letters and digits at least four times. Names of files and people change less often.
fn is_random(part: &[u8]) -> bool {
    let uuid = part.get(..36).is_some_and(|u| {
        u.iter().enumerate().all(
            |(i, o)| {
                if matches!(i, 8 | 13 | 18 | 23) { *o == b'-' } else { o.is_ascii_hexdigit() }
            },
        )
    });
    uuid || part.split(|o| !o.is_ascii_alphanumeric()).any(|run| {
        let changes = run.windows(2).filter(|w| match w {
            [a, b] => a.is_ascii_digit() != b.is_ascii_digit(),
            _ => false,
        });
        let hex = run.len() >= 32 && run.iter().all(u8::is_ascii_hexdigit) && !digits(run);
        hex || (run.len() >= 20 && changes.count() >= 4)
    })
}

/// Octets of a path that are looked at: browsers and servers stop at 2 to 8 KiB.
const MAX_PATH: usize = 2048;

/// Parameters of a query that are looked at.
const MAX_PARAMETERS: usize = 32;

/// A token has more octets than a flag.
const SHORTEST_TOKEN: usize = 6;

/// Five groups of eight, four dashes.
pub(super) const ORTHANC_ID: usize = 44;

/// What pages are made of: most requests, and none of the kinds.
const STATIC_ENDS: &[&[u8]] =
    &[b".js", b".css", b".png", b".jpg", b".jpeg", b".gif", b".svg", b".ico", b".woff", b".woff2", b".ttf", b".map"];

const DICOMWEB: &[&[u8]] =
    &[b"/dicom-web/", b"/dicomweb/", b"/wado-rs", b"/qido", b"/stow-rs", b"/stowrs", b"/rs/studies", b"/rs/series"];
const ORTHANC_LEVELS: &[&[u8]] = &[b"patients", b"studies", b"series", b"instances"];
const VIEWERS: &[&[u8]] = &[
    b"/ohif",
    b"/viewer/",
    b"/weasis",
    b"/oviyam",
    b"/dcm4chee-arc/ui",
    b"/stone-webviewer",
    b"/osimis-viewer",
    b"/web-viewer/",
    b"/volview",
];
const FHIR_BASES: &[&[u8]] =
    &[b"fhir", b"baseR4", b"baseR5", b"baseDstu3", b"baseDstu2", b"r4", b"stu3", b"dstu2", b"fhir-r4"];
const PUBLIC_RESOURCES: &[&[u8]] = &[
    b"CapabilityStatement",
    b"OperationOutcome",
    b"StructureDefinition",
    b"OperationDefinition",
    b"SearchParameter",
    b"ImplementationGuide",
    b"ValueSet",
    b"CodeSystem",
    b"ConceptMap",
    b"NamingSystem",
    b"TerminologyCapabilities",
    b"Practitioner",
    b"PractitionerRole",
    b"Organization",
    b"OrganizationAffiliation",
    b"Location",
    b"HealthcareService",
    b"Endpoint",
    b"Schedule",
    b"Slot",
    b"Questionnaire",
    b"Parameters",
];
const DATABASE_WORDS: &[&[u8]] = &[b"_cat", b"_search", b"_all_dbs", b"_all_docs", b"_msearch", b"_find"];
const BACKUP_ENDS: &[&[u8]] = &[b".zip", b".sql", b".bak", b".tar.gz", b".tgz"];
const LEFTOVERS: &[&[u8]] =
    &[b"/.git/head", b"/.git/config", b"/.env", b"/web.config", b"/wp-config.php.bak", b"/.svn/entries"];
const ACTIVATION: &[&[u8]] =
    &[b"activate", b"activation", b"reset-password", b"resetpassword", b"password-reset", b"verify", b"confirm"];
/// Who confirms that he wants letters opens no account.
const LETTERS: &[&[u8]] = &[b"newsletter", b"subscri", b"mailing", b"opt-in", b"optin"];
const LOGIN: &[&[u8]] = &[b"login", b"signin", b"sign-in", b"logon", b"log-in"];
const DOCUMENT_ENDS: &[&[u8]] =
    &[b".pdf", b".doc", b".docx", b".rtf", b".dcm", b".xls", b".xlsx", b".csv", b".hl7", b".tif", b".tiff", b".zip"];
const PLAIN_XML: &[&[u8]] = &[
    b"sitemap",
    b"crossdomain",
    b"clientaccesspolicy",
    b"browserconfig",
    b"opensearch",
    b"rss",
    b"atom",
    b"feed",
    b"wlwmanifest",
    b"rootdesc",
    b"devicedesc",
    b"config",
];
const TOKEN_NAMES: &[&[u8]] = &[
    b"token",
    b"access_token",
    b"auth",
    b"auth_token",
    b"authtoken",
    b"jwt",
    b"sig",
    b"signature",
    b"x-amz-signature",
    b"x-goog-signature",
    b"key",
    b"apikey",
    b"api_key",
    b"session",
    b"sessionid",
    b"sid",
    b"ticket",
    b"hash",
    b"secret",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(target: &str) -> PathKind {
        read(target.as_bytes()).kind
    }

    #[test]
    fn each_row_of_the_table_of_paths_is_told_apart() {
        for (target, kind) in [
            ("/dicom-web/studies?limit=5", PathKind::Dicomweb { records: true }),
            ("/dicomweb/servers", PathKind::Dicomweb { records: false }),
            ("/dcm4chee-arc/aets/DCM4CHEE/rs/studies", PathKind::Dicomweb { records: true }),
            ("/pacs/studies/1.2.840.113619.2/series", PathKind::Dicomweb { records: true }),
            ("/wado?requestType=WADO&studyUID=1.2.3", PathKind::WadoUri),
            ("/instances/74a662c4-829b1e7d-732aa9e6-2b4ba607-19df6f1b/file", PathKind::Orthanc { sure: true }),
            ("/pacs/studies/74a662c4-829b1e7d-732aa9e6-2b4ba607-19df6f1b", PathKind::Orthanc { sure: true }),
            ("/patients?expand", PathKind::Orthanc { sure: false }),
            ("/orthanc/studies", PathKind::Orthanc { sure: false }),
            ("/system", PathKind::Orthanc { sure: false }),
            ("/portal/patients", PathKind::Other),
            ("/app/explorer.html", PathKind::OrthancPage),
            ("/ui/app/index.html", PathKind::OrthancPage),
            ("/fhir/Patient?name=ZZCANARY", PathKind::Fhir { public: false }),
            ("/api/FHIR/R4/Observation", PathKind::Fhir { public: false }),
            ("/api/FHIR/R4/Slot/1", PathKind::Fhir { public: true }),
            ("/ohif/app.js", PathKind::Other),
            ("/fhir/Practitioner/1", PathKind::Fhir { public: true }),
            ("/fhir/metadata", PathKind::FhirCapability),
            ("/api/server/version", PathKind::Mirth),
            ("/webstart.jnlp", PathKind::Mirth),
            ("/manager/html", PathKind::Admin(WebAdmin::TomcatManager)),
            ("/phpMyAdmin/index.php", PathKind::Admin(WebAdmin::PhpMyAdmin)),
            ("/v1.41/containers/json", PathKind::Admin(WebAdmin::Docker)),
            ("/_cat/indices", PathKind::DatabaseRest),
            ("/people/_search?q=x", PathKind::DatabaseRest),
            ("/.git/HEAD", PathKind::Leftover),
            ("/old/backup-2020.tar.gz", PathKind::Leftover),
            ("/portal/Login.aspx", PathKind::Login),
            ("/account/login?next=/", PathKind::Login),
            ("/activate?token=abc", PathKind::Activation),
            ("/register/confirm", PathKind::Activation),
            ("/Newsletter/confirm", PathKind::Other),
            ("/subscriptions/activate?id=77", PathKind::Other),
            ("/loginfo", PathKind::Other),
            ("/api/x", PathKind::Api),
            ("/viewer?StudyInstanceUIDs=1.2.3", PathKind::Viewer),
            ("/ohif/", PathKind::Viewer),
            ("/", PathKind::Other),
            ("*", PathKind::Other),
        ] {
            assert_eq!(kind_of(target), kind, "{target}");
        }
    }

    #[test]
    fn a_proxy_is_asked_for_another_server() {
        assert!(read(b"http://other.example/fhir/Patient").elsewhere);
        assert!(!read(b"/fhir/Patient").elsewhere);
        assert_eq!(redirect(b"https://x.example/login"), (true, true));
        assert_eq!(redirect(b"/login?next=%2F"), (true, false));
    }

    #[test]
    fn a_token_in_the_link_is_an_identity_and_a_name_is_none() {
        for target in [
            "/doc/1.pdf?token=abcdef123",
            "/share/550e8400-e29b-41d4-a716-446655440000.pdf",
            "/d/9f86d081884c7d659a2feaa0c55ad015/x.pdf",
            "/d/Zk3Jx81bQv9Tr27LmPq4/x.pdf",
            "/doc?id=Zk3Jx81bQv9Tr27LmPq4",
        ] {
            assert!(read(target.as_bytes()).token, "{target}");
        }
        for target in [
            "/transcripts/ZZCANARY_PATIENT_0002.pdf?mrn=CNRY-000124",
            "/reports/DischargeSummaryForPatientSmithJohn2026.pdf",
            "/instances/74a662c4-829b1e7d-732aa9e6-2b4ba607-19df6f1b/file",
            "/fhir/Patient/550e8400-e29b-41d4-a716-446655440000",
            "/dicom-web/studies/1.2.826.0.1.3680043.8.498.7777.1/metadata",
        ] {
            assert!(!read(target.as_bytes()).token, "{target}");
        }
    }

    #[test]
    fn a_document_is_told_by_its_name() {
        assert_eq!(read(b"/a/B.PDF?x").name, FileName::Document);
        assert_eq!(read(b"/ccda/1.xml").name, FileName::Xml);
        assert_eq!(read(b"/sitemap.xml").name, FileName::Other);
        assert_eq!(read(b"/a.pdf/").name, FileName::Other);
    }
}
