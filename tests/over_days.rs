//! Stories of days: what is new, what lost its protection, what came back; each from its octets, day after day.

use crate::errands::partners;
use crate::frames::{AIR, Recording};
use crate::octets::Says::{C, S};
use crate::octets::{ask, basic, beacons, datagram, dns, question, record, rsn, speak};
use crate::raised::Raises;
use crate::tale::Tale;
use crate::talks::{DEVICE, SERVER, STRANGER, locked, ok, result_in};
use crate::told::{NAME, OWN, PSK};
use crate::watched::Place;

/// Findings that need the days before.
pub const OVER_DAYS: &[Raises] = &[
    ("portal-login-disappeared", || Tale::built(portal(6, ""))),
    ("dns-server-changed", || Tale::built(resolvers(18, STRANGER))),
    ("new-outside-exposure", || Tale::built(exposed(18))),
    ("security-went-down", || Tale::built(unlocked(6, true))),
    ("service-back-changed", || Tale::built(away(8, 5, true))),
    ("new-medical-equipment", || Tale::built(equipment(18))),
    ("new-own-wifi", || networks([0x04, 0x18, 0xd6, 0x77, 0x02, 0x01], 18)),
    ("medical-new-outside-partner", || Tale::built(partners(18, 1, None))),
    ("medical-bulk-to-new-place", || Tale::built(partners(18, 24, Some("files.stranger.example")))),
    ("new-service-on-host", || Tale::built(another_service(18))),
];

/// So many days, each beginning at the same hour, and each with a port of its own: nobody uses one for weeks.
pub fn days(recording: &mut Recording, days: core::ops::Range<u32>, mut each: impl FnMut(&mut Recording, u16)) {
    for day in days {
        recording.set_clock(1_795_000_000 + day * 86_400);
        each(recording, 41_000 + u16::try_from(day).unwrap() * 8);
    }
}

/// A shell that somebody inside uses.
pub fn shell(recording: &mut Recording, port: u16) {
    let says = [S(b"SSH-2.0-dropbear\r\n"), C(b"SSH-2.0-OpenSSH_10.0\r\n")];
    speak(recording, (DEVICE, port), (SERVER, 22), &says);
}

/// A document that is asked for with a name and a password, and from a day on with something else.
pub fn portal(closed: u32, more: &str) -> Vec<u8> {
    let mut recording = Recording::new();
    let document = ok("application/pdf", "", &"%PDF-1.7 a document of some length ".repeat(40));
    let with = basic("clinic:a-long-word-of-nobody");
    days(&mut recording, 0..closed, |r, port| {
        ask(r, (DEVICE, port + 1), (SERVER, 80), "/transcripts/1.pdf", &with, &document)
    });
    days(&mut recording, closed..closed + 2, |r, port| {
        ask(r, (DEVICE, port + 1), (SERVER, 80), "/transcripts/1.pdf", more, &document);
    });
    recording.octets().to_vec()
}

/// A page that asks for a login, and from a day on perhaps does not.
pub fn unlocked(closed: u32, is_opened: bool) -> Vec<u8> {
    let mut recording = Recording::new();
    let studies = ok("application/dicom+json", "", "[{\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"1.2.826.0.1\"]}}]");
    let path = "/dicom-web/studies";
    days(&mut recording, 0..closed, |r, port| ask(r, (DEVICE, port + 1), (SERVER, 8042), path, "", &locked()));
    let answer = if is_opened { studies } else { locked() };
    days(&mut recording, closed..closed + 2, |r, port| ask(r, (DEVICE, port + 1), (SERVER, 8042), path, "", &answer));
    recording.octets().to_vec()
}

/// Names are asked of the clinic's own server every day, then of another.
pub fn resolvers(known: u32, other: [u8; 4]) -> Vec<u8> {
    let mut recording = Recording::new();
    let asked = |recording: &mut Recording, server: [u8; 4]| {
        for n in 0..12u8 {
            let host = format!("h{n}.example");
            let answer = dns(0x8180, [1, 1, 0, 0], &[question(&host, 1), record(&host, 1, &[198, 51, 100, n])]);
            recording.frame(&datagram((server, 53), ([192, 168, 20, 100 + n], 40_000), &answer));
        }
    };
    days(&mut recording, 0..known, |r, _| asked(r, SERVER));
    days(&mut recording, known..known + 1, |r, _| asked(r, other));
    recording.octets().to_vec()
}

/// An interface engine that answers inside, and from a day on outside.
pub fn exposed(inside: u32) -> Vec<u8> {
    let mut recording = Recording::new();
    days(&mut recording, 0..inside, |r, port| result_in(r, DEVICE, SERVER, port + 2));
    days(&mut recording, inside..inside + 1, |r, port| result_in(r, STRANGER, SERVER, port + 2));
    recording.octets().to_vec()
}

/// An interface engine that is heard for some days, is away for some, and comes back; the rest of the clinic is there or not.
pub fn away(there: u32, gone: u32, is_clinic_open: bool) -> Vec<u8> {
    let mut recording = Recording::new();
    let all = |r: &mut Recording, port: u16| {
        shell(r, port);
        result_in(r, DEVICE, SERVER, port + 2);
    };
    days(&mut recording, 0..there, all);
    if is_clinic_open {
        days(&mut recording, there..there + gone, shell);
    }
    days(&mut recording, there + gone..there + gone + 2, all);
    recording.octets().to_vec()
}

/// A device that speaks HL7 from a day on.
pub fn equipment(known: u32) -> Vec<u8> {
    let mut recording = Recording::new();
    days(&mut recording, 0..known, shell);
    days(&mut recording, known..known + 1, |r, port| result_in(r, DEVICE, SERVER, port + 2));
    recording.octets().to_vec()
}

/// A host that has a shell, and from a day on a page.
pub fn another_service(known: u32) -> Vec<u8> {
    let mut recording = Recording::new();
    days(&mut recording, 0..known, shell);
    days(&mut recording, known..known + 1, |r, port| {
        ask(r, (DEVICE, port + 1), (SERVER, 8080), "/", "", &ok("text/html", "", "<title>Clinic North</title>"));
    });
    recording.octets().to_vec()
}

/// A network of the clinic by its name, and from a day on another access point of that name.
pub fn networks(other: [u8; 6], known: u32) -> Tale {
    let mut recording = Recording::of(AIR);
    days(&mut recording, 0..known, |r, _| beacons(r, 12, OWN, NAME, &rsn(PSK, 0)));
    days(&mut recording, known..known + 1, |r, _| beacons(r, 12, other, NAME, &rsn(PSK, 0)));
    let place = Place { own_ssids: vec![NAME.to_owned()], ..Place::built() };
    Tale::at(place, recording.octets().to_vec())
}
