//! Traps of age: which system, which release, which number is proof, and which is only what a program says of itself.

use crate::frames::Recording;
use crate::octets::Says::{C, S};
use crate::octets::{ask, ntlm_challenge, speak, spoken};
use crate::tale::Tale;
use crate::talks::{DEVICE, SERVER, greeting};
use crate::told::{calls_itself, mail_of, says_server};
use crate::trap::Told::{AtMost, Instead, Not, Says, Still, Unsure, Without};
use crate::trap::Trap;
use auscult_assess::Severity;

pub const OF_AGE: &[Trap] = &[
    (
        "windows-ended",
        "NAT, terminal servers and virtual machines",
        Not(|| Tale::built(logins_of(&[(5, 2, 3790), (10, 0, 20_348)])), || Tale::built(logins_of(&[(5, 2, 3790)]))),
    ),
    ("windows-probably-without-updates", "LTSC 2021", Unsure(69, || Tale::built(logins_of(&[(10, 0, 19_041)])))),
    (
        "windows-probably-without-updates",
        "LTSC 2021",
        Without("windows-ended", || Tale::built(logins_of(&[(10, 0, 19_041)]))),
    ),
    ("windows-probably-without-updates", "ESU cannot be heard", Says("then mark it here")),
    (
        "windows-only-paid-updates",
        "the wire never shows whether ESU",
        Says("Confirm that this computer has paid updates"),
    ),
    (
        "windows-only-paid-updates",
        "the wire never shows whether ESU",
        AtMost(Severity::Low, || Tale::built(logins_on(1_780_300_800, (6, 3, 9600)))),
    ),
    // Clinics' Windows 10 22H2 may be paid for until 2028; so its end stays "probably".
    (
        "windows-only-paid-updates",
        "consumer ESU for Windows 10",
        Instead(
            "windows-probably-without-updates",
            || Tale::built(logins_on(1_795_000_000, (10, 0, 19_041))),
            || Tale::built(logins_on(1_780_300_800, (6, 3, 9600))),
        ),
    ),
    (
        "windows-ends-soon",
        "Server 2016 ends on 2027-01-12",
        Still(Severity::Low, || Tale::built(logins_on(1_795_000_000, (10, 0, 14_393)))),
    ),
    (
        "windows-ends-soon",
        "Server 2016 ends on 2027-01-12",
        Not(
            || Tale::built(logins_on(1_800_000_000, (10, 0, 14_393))),
            || Tale::built(logins_on(1_795_000_000, (10, 0, 14_393))),
        ),
    ),
    ("old-web-server-windows", "header can be forged", Unsure(70, || Tale::built(says_server("Microsoft-IIS/7.5")))),
    ("linux-release-ended", "NAS, Proxmox, Raspberry Pi OS", Says("replace the appliance")),
    (
        "linux-release-ended",
        "containers show their own release",
        Not(|| Tale::built(shells(&[OLD, NEW])), || Tale::built(shells(&[OLD]))),
    ),
    ("linux-release-paid-only", "Debian LTS is free", Says("long-term or paid")),
    ("linux-release-paid-only", "Debian LTS is free", AtMost(Severity::Low, || Tale::built(greeting(NEW)))),
    ("package-behind", "the revision in memory may lag", Says("restart the service")),
    // On 2024-09-01 only the third revision was newer for more than a month: it names no CVE.
    (
        "package-behind",
        "not every fix names a CVE",
        Not(|| Tale::built(shell_on(1_725_148_800, "2+deb12u3")), || Tale::built(shell_on(1_725_148_800, "2+deb12u2"))),
    ),
    (
        "software-ended",
        "SQL Server needs the build",
        Not(|| Tale::built(sql_server([13, 0], 6500)), || Tale::built(sql_server([11, 0], 7512))),
    ),
    ("software-says-old", "the backport trap", Unsure(49, || Tale::built(says_server("nginx/1.22.1")))),
    ("software-says-old", "the backport trap", Without("software-ended", || Tale::built(says_server("nginx/1.22.1")))),
    (
        "software-says-old",
        "never a CVE from such a number",
        Without("software-known-exploited", || Tale::built(says_server("nginx/1.22.1"))),
    ),
    ("software-maybe-exploited", "says \"may\"", Says("may have")),
    (
        "software-maybe-exploited",
        "says \"may\"",
        Unsure(49, || Tale::built(mail_of("220 mail.example ESMTP Exim 4.91\r\n"))),
    ),
    (
        "phone-or-browser-ended",
        "makers patch Android longer",
        Unsure(49, || Tale::built(calls_itself("Mozilla/5.0 (Linux; Android 9; SM-T510) AppleWebKit/537.36"))),
    ),
];

const OLD: &str = "OpenSSH_6.7p1 Debian-5+deb8u8";
const NEW: &str = "OpenSSH_9.2p1 Debian-2+deb12u10";

/// At one address several ports ask for a login, each as a Windows with these numbers.
fn logins_of(systems: &[(u8, u8, u16)]) -> Vec<u8> {
    let mut recording = Recording::new();
    for (port, (major, minor, build)) in (8_080..).zip(systems) {
        ask(&mut recording, (DEVICE, port + 40_000), (SERVER, port), "/", "", &ntlm_challenge(*major, *minor, *build));
    }
    recording.octets().to_vec()
}

fn logins_on(seconds: u32, (major, minor, build): (u8, u8, u16)) -> Vec<u8> {
    let mut recording = Recording::new();
    recording.set_clock(seconds);
    ask(&mut recording, (DEVICE, 49_680), (SERVER, 80), "/", "", &ntlm_challenge(major, minor, build));
    recording.octets().to_vec()
}

/// At one address several shells greet, as a host and its containers do.
fn shells(greetings: &[&str]) -> Vec<u8> {
    let mut recording = Recording::new();
    for (port, greets) in (2_200..).zip(greetings) {
        let greets = format!("SSH-2.0-{greets}\r\n");
        speak(
            &mut recording,
            (DEVICE, port + 40_000),
            (SERVER, port),
            &[S(greets.as_bytes()), C(b"SSH-2.0-OpenSSH_10.0\r\n")],
        );
    }
    recording.octets().to_vec()
}

fn shell_on(seconds: u32, revision: &str) -> Vec<u8> {
    let mut recording = Recording::new();
    recording.set_clock(seconds);
    let greets = format!("SSH-2.0-OpenSSH_9.2p1 Debian-{revision}\r\n");
    speak(&mut recording, (DEVICE, 49_681), (SERVER, 22), &[S(greets.as_bytes()), C(b"SSH-2.0-OpenSSH_10.0\r\n")]);
    recording.octets().to_vec()
}

/// PRELOGIN of both sides (MS-TDS 2.2.6.5), with the server's version.
fn sql_server([major, minor]: [u8; 2], build: u16) -> Vec<u8> {
    let packet = |kind: u8, version: &[u8]| {
        let options = [0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff]; // version at 11, encryption at 17, end
        let data = [&options[..], version, &[2]].concat(); // encryption: not supported
        [&[kind, 1, 0, u8::try_from(data.len() + 8).unwrap(), 0, 0, 1, 0][..], &data].concat()
    };
    let build = build.to_be_bytes();
    let (asks, answers) = (packet(0x12, &[0; 6]), packet(4, &[major, minor, build[0], build[1], 0, 0]));
    spoken((DEVICE, 49_682), (SERVER, 1433), &[C(&asks), S(&answers)])
}
