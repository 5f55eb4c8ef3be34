//! Traps of days: what is not new, what is no loss, what never was the same thing; each after weeks in which it was usual.

use crate::frames::Recording;
use crate::octets::Says::{C, S};
use crate::octets::{ask, basic, datagram, dns, question, record, speak};
use crate::over_days::{another_service, days, equipment, portal, shell, unlocked};
use crate::tale::Tale;
use crate::talks::{DEVICE, SERVER, STRANGER, locked, ok, result_in, studies};
use crate::trap::Told::{AtMost, Not};
use crate::trap::Trap;
use auscult_assess::Severity;

pub const OVER_DAYS: &[Trap] = &[
    (
        "portal-login-disappeared",
        "a public page moved under an old path",
        Not(|| Tale::built(replaced(6)), || Tale::built(portal(6, ""))),
    ),
    (
        "security-went-down",
        "a second port without TLS beside the first",
        Not(|| Tale::built(beside(6, 8043)), || Tale::built(unlocked(6, true))),
    ),
    (
        "security-went-down",
        "a second port without TLS beside the first",
        Not(|| Tale::built(health_checks(6)), || Tale::built(beside(6, 8042))),
    ),
    ("new-medical-equipment", "loaners and service laptops", AtMost(Severity::Info, || Tale::built(equipment(18)))),
    (
        "new-medical-equipment",
        "loaners and service laptops; randomised",
        Not(|| Tale::built(another_hardware_address(18)), || Tale::built(equipment(18))),
    ),
    (
        "new-service-on-host",
        "ephemeral ports of RPC and peer-to-peer",
        Not(|| Tale::built(passing_ports(18)), || Tale::built(another_service(18))),
    ),
    (
        "dns-server-changed",
        "carrier change, new filter service",
        Not(|| Tale::built(asks_another(18, 4)), || Tale::built(asks_another(18, 40))),
    ),
    (
        "dns-server-changed",
        "carrier change, new filter service",
        AtMost(Severity::Medium, || Tale::built(asks_another(18, 40))),
    ),
];

/// A document that is asked for with a name and a password; from a day on a page for everybody stands in its place.
fn replaced(closed: u32) -> Vec<u8> {
    let mut recording = Recording::new();
    let (document, page) = (ok("application/pdf", "", &PDF.repeat(40)), ok("text/html", "", &PAGE.repeat(40)));
    let with = basic("clinic:a-long-word-of-nobody");
    let path = "/transcripts/1.pdf";
    days(&mut recording, 0..closed, |r, port| ask(r, (DEVICE, port + 1), (SERVER, 80), path, &with, &document));
    days(&mut recording, closed..closed + 2, |r, port| ask(r, (DEVICE, port + 1), (SERVER, 80), path, "", &page));
    recording.octets().to_vec()
}

/// An archive asks for a login; from a day on a port, its own or another, gives studies without one.
fn beside(closed: u32, other: u16) -> Vec<u8> {
    let mut recording = Recording::new();
    let path = "/dicom-web/studies";
    days(&mut recording, 0..closed + 2, |r, port| ask(r, (DEVICE, port + 1), (SERVER, 8042), path, "", &locked()));
    let mut octets = recording.octets().to_vec();
    let mut later = Recording::new();
    days(&mut later, closed + 2..closed + 4, |r, port| {
        ask(r, (DEVICE, port + 2), (SERVER, other), path, "", &studies())
    });
    octets.extend(&later.octets()[24..]);
    octets
}

/// An archive asks for a login; from a day on somebody asks it how it is, and is told.
fn health_checks(closed: u32) -> Vec<u8> {
    let mut recording = Recording::new();
    let (path, well) = ("/dicom-web/studies", ok("text/plain", "", "well"));
    days(&mut recording, 0..closed, |r, port| ask(r, (DEVICE, port + 1), (SERVER, 8042), path, "", &locked()));
    days(&mut recording, closed..closed + 2, |r, port| {
        ask(r, (DEVICE, port + 1), (SERVER, 8042), path, "", &locked());
        ask(r, (DEVICE, port + 2), (SERVER, 8042), "/health", "", &well);
    });
    recording.octets().to_vec()
}

/// A device that is known makes up another hardware address, as some do after an update.
fn another_hardware_address(known: u32) -> Vec<u8> {
    let all = |r: &mut Recording, port: u16| {
        shell(r, port);
        result_in(r, DEVICE, SERVER, port + 2);
    };
    let mut recording = Recording::new();
    days(&mut recording, 0..known, all);
    let mut octets = recording.octets().to_vec();
    let mut later = Recording::new();
    days(&mut later, known..known + 2, all);
    let mut later = later.octets()[24..].to_vec();
    let (own, made_up) = ([0x00, 0x1e, 192, 168, 20, 41], [0x06, 0x77, 192, 168, 20, 41]);
    let places: Vec<usize> = (0..later.len() - 6).filter(|at| later[*at..at + 6] == own).collect();
    for at in places {
        later[at..at + 6].copy_from_slice(&made_up);
    }
    octets.extend(later);
    octets
}

/// A host answers on a passing port in no family that is known.
fn passing_ports(known: u32) -> Vec<u8> {
    let mut recording = Recording::new();
    days(&mut recording, 0..known, shell);
    days(&mut recording, known..known + 1, |r, port| {
        shell(r, port);
        let says = [C(&[5, 0, 11, 3, 16, 0, 0, 0]), S(&[5, 0, 12, 3, 16, 0, 0, 0])];
        speak(r, (DEVICE, port + 2), (SERVER, 49_688), &says);
        speak(r, (DEVICE, port + 3), (SERVER, 51_413), &[C(&[0x9d; 40]), S(&[0x7e; 40])]);
    });
    recording.octets().to_vec()
}

/// Names are asked of the clinic's own server every day; on the last so many of another as well.
fn asks_another(known: u32, questions: u8) -> Vec<u8> {
    let mut recording = Recording::new();
    let asked = |recording: &mut Recording, server: [u8; 4], questions: u8| {
        for n in 0..questions {
            let host = format!("h{n}.example");
            let answer = dns(0x8180, [1, 1, 0, 0], &[question(&host, 1), record(&host, 1, &[198, 51, 100, n])]);
            recording.frame(&datagram((server, 53), ([192, 168, 20, 100 + n], 40_000), &answer));
        }
    };
    days(&mut recording, 0..known, |r, _| asked(r, SERVER, 12));
    days(&mut recording, known..known + 1, |r, _| {
        asked(r, SERVER, 12);
        asked(r, STRANGER, questions);
    });
    recording.octets().to_vec()
}

const PDF: &str = "%PDF-1.7 a document of some length ";
const PAGE: &str = "<p>our hours, our address, how to find us</p>";
