//! Traps of images and messages: what an archive hands to whom, what a proxy stands in front of, what is usual inside a clinic.

use crate::frames::{Recording, segment};
use crate::imaging::{Association, CT, ECHO, PLAIN, associate, associated, refuse};
use crate::octets::Says::{C, S};
use crate::octets::{ask, basic, ntlm_challenge, spoken};
use crate::tale::Tale;
use crate::talks::{DEVICE, SERVER, STRANGER, association, browse, device_with, ok, result, studies};
use crate::told::{analyser, called, engine, orthanc};
use crate::trap::Told::{AtMost, Instead, Not, Says, Still, Unsure, Without};
use crate::trap::Trap;
use auscult_assess::Severity;

pub const OF_IMAGES: &[Trap] = &[
    (
        "dicom-records-given-outside",
        "a teleradiology partner with a fixed address",
        Instead(
            "dicom-records-given-inside",
            || Tale::capture("pacs-open-lan").zone("203.0.113.0/24", "other-private"),
            || Tale::capture("pacs-open-lan"),
        ),
    ),
    (
        "dicom-open-from-outside",
        "C-ECHO only = alive",
        AtMost(Severity::High, || Tale::built(association(STRANGER, SERVER, 0))),
    ),
    (
        "dicom-open-from-outside",
        "C-ECHO only = alive",
        Without("dicom-records-given-outside", || Tale::built(association(STRANGER, SERVER, 0))),
    ),
    (
        "dicom-no-user-identity",
        "the state of the art in most clinics",
        AtMost(Severity::Info, || Tale::capture("pacs-inside-only")),
    ),
    (
        "dicom-any-caller",
        "AE titles are no secret and no login",
        Instead("dicom-no-user-identity", || Tale::built(strict()), || Tale::built(called(TITLES))),
    ),
    (
        "dicom-images-put-in",
        "Orthanc and storescp accept stores",
        Still(Severity::Critical, || Tale::built(put_in(STRANGER))),
    ),
    ("dicom-password-in-clear", "the content is never kept", Still(Severity::Medium, || Tale::built(with_identity(2)))),
    (
        "dicom-password-in-clear",
        "the content is never kept",
        Not(|| Tale::built(with_identity(1)), || Tale::built(with_identity(2))),
    ),
    ("dicomweb-open", "a reverse proxy that adds the identity", AtMost(Severity::Medium, || Tale::built(proxied("")))),
    (
        "dicomweb-open",
        "a reverse proxy that adds the identity",
        Not(|| Tale::built(proxied(FOR_A_STRANGER)), || Tale::built(proxied(""))),
    ),
    // A stranger can say that he asks for somebody else.
    ("dicomweb-open", "a reverse proxy that adds the identity", Still(Severity::Critical, || Tale::built(pretends()))),
    (
        "orthanc-open",
        "behind a proxy with its own login",
        Not(|| Tale::built(behind(FOR_A_STRANGER)), || Tale::built(behind(""))),
    ),
    (
        "dicom-cleartext-across-zones",
        "the sensor may stand inside the tunnel",
        AtMost(Severity::Info, || Tale::capture("pacs-open-lan").zone("203.0.113.0/24", "vpn")),
    ),
    ("medical-advisory-match", "model names are broad", Says("may concern")),
    ("medical-advisory-match", "model names are broad", Unsure(49, || Tale::built(orthanc("1.5.7")))),
    (
        "medical-advisory-match",
        "model names are broad",
        Not(|| Tale::built(orthanc("1.12.4")), || Tale::built(orthanc("1.5.7"))),
    ),
    (
        "dicomweb-open",
        "health checks and CORS preflight",
        Not(|| Tale::built(asks_with("OPTIONS", STRANGER)), || Tale::built(asks_with("GET", STRANGER))),
    ),
    (
        "orthanc-open",
        "a browser on the server itself",
        Not(|| Tale::built(on_itself("1.12.4")), || Tale::built(orthanc("1.12.4"))),
    ),
    (
        "imaging-web-cleartext",
        "loopback and same-host traffic",
        Not(|| Tale::built(on_itself("1.12.4")), || Tale::built(orthanc("1.12.4"))),
    ),
    (
        "imaging-web-cleartext",
        "behind a TLS proxy the inner leg",
        AtMost(Severity::Medium, || Tale::built(asks_with("GET", DEVICE))),
    ),
    (
        "dicom-old-toolkit",
        "the name is the toolkit's",
        AtMost(Severity::Info, || Tale::built(made_with("OFFIS_DCMTK_367"))),
    ),
    (
        "dicom-old-toolkit",
        "the name is the toolkit's",
        Without("software-ended", || Tale::built(made_with("OFFIS_DCMTK_360"))),
    ),
    ("dicom-old-toolkit", "medical devices are certified", Says("Ask the maker")),
    (
        "medical-device-on-ended-windows",
        "virtual machines and remote sessions",
        Not(|| Tale::built(two_systems()), || Tale::built(device_with("5.131.2600.5512"))),
    ),
    (
        "medical-device-on-ended-windows",
        "paid ESU cannot be heard",
        Instead(
            "windows-only-paid-updates",
            || Tale::built(medical(1_780_300_800, (6, 3, 9600))),
            || Tale::built(medical(1_795_000_000, (6, 3, 9600))),
        ),
    ),
    (
        "dicom-knocked-from-outside",
        "internet scanners do this",
        AtMost(Severity::Info, || Tale::capture("pacs-rejects-outside")),
    ),
    ("dicom-knocked-from-outside", "refused by AE title is not safe", Still(Severity::Info, || Tale::built(refused()))),
    ("medical-monitor-calls-home", "also sold under other names", Still(Severity::Critical, || Tale::built(attempt()))),
    (
        "medical-device-on-ended-windows",
        "embedded and LTSC editions",
        Not(
            || Tale::built(medical(1_795_000_000, (10, 0, 17_763))),
            || Tale::built(medical(1_795_000_000, (6, 3, 9600))),
        ),
    ),
];

pub const OF_MESSAGES: &[Trap] = &[
    (
        "hl7-open-outside",
        "AE/AR acknowledgement also proves",
        Still(Severity::Critical, || Tale::built(acknowledged("AE"))),
    ),
    (
        "hl7-open-outside",
        "AE/AR acknowledgement also proves",
        Still(Severity::Critical, || Tale::built(acknowledged("AR"))),
    ),
    (
        "hl7-cleartext",
        "the sensor may stand inside a tunnel",
        AtMost(Severity::Low, || Tale::built(result(STRANGER, SERVER)).zone("203.0.113.0/24", "vpn")),
    ),
    (
        "fhir-cleartext",
        "loopback legs are not heard",
        Not(|| Tale::built(patients(ITSELF, ITSELF)), || Tale::built(patients(DEVICE, SERVER))),
    ),
    (
        "fhir-cleartext",
        "behind a TLS proxy the inner leg",
        AtMost(Severity::Medium, || Tale::built(patients(PROXY, SERVER))),
    ),
    (
        "lab-analyser-cleartext",
        "the protocols have no encryption",
        AtMost(Severity::Info, || Tale::built(analyser(DEVICE))),
    ),
    // Port 4001 is that of serial-to-Ethernet servers.
    (
        "lab-analyser-cleartext",
        "serial-to-Ethernet servers show it",
        Still(Severity::Info, || Tale::built(analyser(DEVICE))),
    ),
    (
        "lab-analyser-outside",
        "remote maintenance by the maker",
        Still(Severity::Critical, || Tale::built(analyser(STRANGER))),
    ),
    (
        "interface-engine-known-hole",
        "a proxy may show another version",
        AtMost(Severity::High, || Tale::built(engine("4.4.0"))),
    ),
    ("medical-data-leaves-readable", "de-identified research data", Says("may contain patient data")),
];

const TITLES: &[&str] = &["ARCHIVE", "ANYTHING", "WHATEVER"];
const PROXY: [u8; 4] = [192, 168, 20, 9];
const ITSELF: [u8; 4] = [127, 0, 0, 1];

/// An archive with several titles that knows others not.
fn strict() -> Vec<u8> {
    let mut recording = Recording::new();
    for (port, called) in (49_620..).zip(TITLES) {
        associate(&mut recording, (DEVICE, port), (SERVER, 104), &Association { called, class: ECHO, ..PLAIN });
    }
    refuse(&mut recording, (DEVICE, 49_630), (SERVER, 104), &Association { called: "GUESSED", ..PLAIN });
    recording.octets().to_vec()
}

fn put_in(who: [u8; 4]) -> Vec<u8> {
    associated((who, 49_631), (SERVER, 104), &Association { class: CT, answers: &[(0x8001, 0, 0)], ..PLAIN })
}

/// A caller shows an identity of this kind (PS3.7 D.3.3.7), and the server says nothing to it.
fn with_identity(identity: u8) -> Vec<u8> {
    associated((DEVICE, 49_632), (SERVER, 104), &Association { identity, ..PLAIN })
}

fn made_with(maker: &str) -> Vec<u8> {
    associated((DEVICE, 49_633), (SERVER, 104), &Association { maker, ..PLAIN })
}

/// Somebody outside knows a title that is none.
fn refused() -> Vec<u8> {
    let mut recording = Recording::new();
    refuse(&mut recording, (STRANGER, 49_634), (SERVER, 104), &Association { called: "GUESSED", ..PLAIN });
    recording.octets().to_vec()
}

/// A stranger shows a password to a proxy, and the proxy none to the archive behind it.
fn proxied(says: &str) -> Vec<u8> {
    let mut recording = Recording::new();
    let path = "/dicom-web/studies";
    ask(&mut recording, (STRANGER, 49_635), (PROXY, 80), path, &basic("clinic:a-long-word-of-nobody"), &studies());
    ask(&mut recording, (PROXY, 49_636), (SERVER, 8042), path, says, &studies());
    recording.octets().to_vec()
}

/// What a proxy says of whom it asks for (RFC 7239 5.2, in its older form).
const FOR_A_STRANGER: &str = "X-Forwarded-For: 203.0.113.50\r\n";

/// A stranger says that he is a proxy.
fn pretends() -> Vec<u8> {
    let mut recording = Recording::new();
    ask(&mut recording, (STRANGER, 49_642), (SERVER, 8042), "/dicom-web/studies", FOR_A_STRANGER, &studies());
    recording.octets().to_vec()
}

/// Somebody inside, or a proxy that says for whom, asks Orthanc how it is.
fn behind(says: &str) -> Vec<u8> {
    let body = "{\"DatabaseVersion\":6,\"DicomAet\":\"X\",\"Name\":\"X\",\"Version\":\"1.12.4\"}";
    let mut recording = Recording::new();
    ask(&mut recording, (PROXY, 49_643), (SERVER, 8042), "/system", says, &ok("application/json", "", body));
    recording.octets().to_vec()
}

/// Studies are asked for, or only whether one may ask for them (Fetch, CORS preflight).
fn asks_with(method: &str, client: [u8; 4]) -> Vec<u8> {
    let asks =
        format!("{method} /dicom-web/studies HTTP/1.1\r\nHost: 198.51.100.1\r\nOrigin: http://viewer.example\r\n\r\n");
    spoken((client, 49_637), (SERVER, 8042), &[C(asks.as_bytes()), S(studies().as_bytes())])
}

/// A browser on the archive's own machine, as a recording of its loopback shows it.
fn on_itself(version: &str) -> Vec<u8> {
    let body = format!("{{\"DatabaseVersion\":6,\"DicomAet\":\"X\",\"Name\":\"X\",\"Version\":\"{version}\"}}");
    let mut octets = browse(ITSELF, ITSELF, &[("/system", &ok("application/json", "", &body))]);
    // The rest of the clinic is heard as well.
    octets.extend(&result(DEVICE, SERVER)[24..]);
    octets
}

/// A device says that it is Windows XP, and at its address a server of today.
fn two_systems() -> Vec<u8> {
    let mut octets = device_with("5.131.2600.5512");
    octets.extend(&browse(SERVER, DEVICE, &[("/", &ntlm_challenge(10, 0, 20_348))])[24..]);
    octets
}

/// An interface engine on a Windows with these numbers: 6.3.9600 is Server 2012 R2, whose paid updates end on 2026-10-13; 10.0.17763
/// is a Windows 10 that has ended, a Server 2019 and an LTSC that live.
fn medical(seconds: u32, (major, minor, build): (u8, u8, u16)) -> Vec<u8> {
    let mut recording = Recording::new();
    recording.set_clock(seconds);
    crate::talks::result_in(&mut recording, DEVICE, SERVER, 49_638);
    ask(&mut recording, (DEVICE, 49_639), (SERVER, 80), "/", "", &ntlm_challenge(major, minor, build));
    recording.octets().to_vec()
}

/// A monitor calls, and nobody answers.
fn attempt() -> Vec<u8> {
    let mut recording = Recording::new();
    recording.frame(&segment((DEVICE, 49_640), ([202, 114, 4, 119], 515), 1000, 0x02, &[]));
    recording.frame(&segment((DEVICE, 49_640), ([202, 114, 4, 119], 515), 1000, 0x02, &[]));
    recording.octets().to_vec()
}

/// A message of a stranger that the engine reads and does not take: an error (AE) or a rejection (AR).
fn acknowledged(code: &str) -> Vec<u8> {
    let asks = b"\x0bMSH|^~\\&|LAB|A|EHR|B|20261118||ORU^R01|1|P|2.5\rOBX|1|NM|X||1\r\x1c\r";
    let answers = format!("\x0bMSH|^~\\&|EHR|B|LAB|A|20261118||ACK^R01|1|P|2.5\rMSA|{code}|1\r\x1c\r");
    spoken((STRANGER, 49_641), (SERVER, 2575), &[C(asks), S(answers.as_bytes())])
}

/// A patient's record by FHIR.
fn patients(client: [u8; 4], server: [u8; 4]) -> Vec<u8> {
    let record = ok("application/fhir+json", "", "{\"resourceType\":\"Patient\",\"id\":\"1\"}");
    let mut octets = browse(client, server, &[("/fhir/Patient/1", &record)]);
    octets.extend(&analyser(DEVICE)[24..]);
    octets
}
