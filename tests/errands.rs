//! What computers of the clinic send, and through what: letters to patients, volumes to partners, calls to all, ways through the
//! router. The octets of the catalogue's stories about them, each with what may be told otherwise as an argument.

use crate::frames::{Recording, hardware, segment};
use crate::octets::Says::{C, S};
use crate::octets::{datagram, dns, question, record, speak};
use crate::talks::{DEVICE, GUEST, SERVER, STRANGER, result_in};
use crate::watched::Place;

/// An account's link, and a code.
pub const LINK: &str = "Open https://portal.example/activate?token=8f3a9c71be2d4f60a1 to begin.";
pub const CODE: &str = "Your activation code: 483921";

/// Letters that a portal sends to one mailbox or several, one conversation each: mailbox and text.
pub fn letters(all: &[(&str, &str)]) -> Vec<u8> {
    let mut recording = Recording::new();
    for (port, (mailbox, text)) in (49_500..).zip(all) {
        let to = format!("RCPT TO:<{mailbox}>\r\n");
        let letter = format!("Subject: your account\r\n\r\n{text}\r\n.\r\n");
        let says = [
            S(b"220 mx.example ESMTP\r\n"),
            C(b"EHLO portal.clinic.example\r\n"),
            S(b"250-mx.example\r\n250 STARTTLS\r\n"),
            C(b"MAIL FROM:<portal@clinic.example>\r\n"),
            S(b"250 ok\r\n"),
            C(to.as_bytes()),
            S(b"250 ok\r\n"),
            C(b"DATA\r\n"),
            S(b"354 go on\r\n"),
            C(letter.as_bytes()),
            S(b"250 queued\r\n"),
            C(b"QUIT\r\n"),
        ];
        speak(&mut recording, (DEVICE, port), (STRANGER, 25), &says);
    }
    recording.octets().to_vec()
}

/// Days of a device that speaks HL7 inside and sends a little to its maker; then a day on which it sends so many MiB to an address, that
/// was asked for by this name or by none. Every day the maker's address is another one.
pub fn partners(known: u32, mib: usize, asked: Option<&str>) -> Vec<u8> {
    let mut recording = Recording::new();
    let begin = |recording: &mut Recording, day: u32| {
        recording.set_clock(1_795_000_000 + day * 86_400);
        result_in(recording, DEVICE, SERVER, 41_000 + u16::try_from(day).unwrap());
    };
    for day in 0..known {
        begin(&mut recording, day);
        let maker = [198, 51, u8::try_from(day).unwrap(), 20];
        recording.frame(&named("updates.maker.example", maker));
        recording.frame(&datagram((DEVICE, 40_010), (maker, 40_000), &[7; 60_000]));
    }
    begin(&mut recording, known);
    let other = [203, 0, 113, 77];
    asked.into_iter().for_each(|name| recording.frame(&named(name, other)));
    for _ in 0..mib * 18 {
        recording.frame(&datagram((DEVICE, 40_011), (other, 40_000), &[7; 60_000]));
    }
    recording.octets().to_vec()
}

fn named(name: &str, address: [u8; 4]) -> Vec<u8> {
    let answer = dns(0x8180, [1, 1, 0, 0], &[question(name, 1), record(name, 1, &address)]);
    datagram((SERVER, 53), (DEVICE, 40_012), &answer)
}

/// A frame of a host for all, in a VLAN or in none (IEEE 802.1Q).
pub fn to_all(from: [u8; 4], vlan: Option<u8>) -> Vec<u8> {
    let mut frame = datagram((from, 5353), ([224, 0, 0, 251], 5353), b"\0\0\0\0\0\0\0\0\0\0\0\0");
    frame[..6].copy_from_slice(&[1, 0, 0x5e, 0, 0, 0xfb]); // the group's hardware address
    if let Some(vlan) = vlan {
        frame.splice(12..12, [0x81, 0, 0, vlan]);
    }
    frame
}

/// A host of the ward and one of the guests call to all, each in its VLAN, again and again.
pub fn calls_to_all(ward: Option<u8>, guest: Option<u8>) -> Vec<u8> {
    let mut recording = Recording::new();
    for _ in 0..3 {
        recording.frame(&to_all(DEVICE, ward));
        recording.frame(&to_all(GUEST, guest));
    }
    result_in(&mut recording, DEVICE, SERVER, 49_520);
    recording.octets().to_vec()
}

/// The clinic's public address, and its router's inside.
pub const PUBLIC: [u8; 4] = [203, 0, 113, 2];
pub const ROUTER: [u8; 4] = [192, 168, 20, 1];

/// The clinic whose public address is known.
pub fn behind_its_router() -> Place {
    let home = vec!["192.168.20.0/24".to_owned(), "203.0.113.2".to_owned()];
    Place { home, ..Place::default() }
}

/// A result that goes to the engine through the router, heard before and behind it: who calls, whom, and who that is behind it.
pub fn through_the_router(before: Option<([u8; 4], [u8; 4])>, behind: ([u8; 4], [u8; 4])) -> Vec<u8> {
    let mut recording = Recording::new();
    // Whoever passes on what goes out is the router; by ARP it says which address it has.
    let mut passed = segment((DEVICE, 40_020), (STRANGER, 443), 77, 0x02, &[]); // SYN
    passed[..6].copy_from_slice(&hardware(ROUTER));
    recording.frame(&passed);
    recording.frame(&arp(ROUTER));
    if let Some((client, server)) = before {
        recording.frame(&segment((client, 49_530), (server, 2575), 1000, 0x02, &[])); // SYN
    }
    // The same sequence number, as `result_in` begins with it.
    result_in(&mut recording, behind.0, behind.1, 49_531);
    recording.octets().to_vec()
}

/// A router asks for its own address (RFC 5227), so that all know it.
fn arp(address: [u8; 4]) -> Vec<u8> {
    let mut o = [&[0xff; 6][..], &hardware(address), &[8, 6]].concat(); // to all; ARP
    o.extend([0, 1, 8, 0, 6, 4, 0, 1]); // Ethernet, IPv4, lengths, request
    o.extend([&hardware(address)[..], &address, &[0; 6], &address].concat());
    o
}
