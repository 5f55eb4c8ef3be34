//! The octets of the traps of doors and data bases, each beside the standard that it follows.

use crate::frames::Recording;
use crate::octets::Says::{C, S};
use crate::octets::{datagrams, dns, question, spoken};
use crate::talks::{DEVICE, GUEST, SERVER, result, result_in};
use crate::told::looked_up;

/// ENCRYPTION of PRELOGIN (MS-TDS 2.2.6.5): the login alone is encrypted; nothing can be.
pub const LOGIN_ONLY: u8 = 0;
pub const NOT_SUPPORTED: u8 = 2;

/// A login at SQL Server, after both sides said how they encrypt (MS-TDS 2.2.6.4, 2.2.6.5).
pub fn sql_login(encryption: u8) -> Vec<u8> {
    let packet =
        |kind: u8, data: &[u8]| [&[kind, 1, 0, u8::try_from(data.len() + 8).unwrap(), 0, 0, 1, 0][..], data].concat();
    let options = [0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 16, 0, 0x03, 0xe8, 0, 0, encryption]; // version, encryption
    let (asks, answers) = (packet(0x12, &options), packet(4, &options));
    let mut login = vec![0; 94];
    (login[0], login[7], login[42], login[46]) = (94, 0x74, 2, 8); // length; TDS 7.4; characters of user and password
    let last = if encryption == NOT_SUPPORTED {
        packet(0x10, &login)
    } else {
        packet(0x12, &[&[22, 3, 3, 0, 64, 1, 0, 0, 60][..], &[0x11; 60]].concat()) // a handshake of TLS
    };
    spoken((DEVICE, 49_671), (SERVER, 1433), &[C(&asks), S(&answers), C(&last)])
}

/// A client of a remote desktop that offers TLS only (MS-RDPBCGR 2.2.1.1.1), and gets it.
pub fn desktop_by_tls() -> Vec<u8> {
    let request = [3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 1, 0, 0, 0];
    let confirm = [3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0, 8, 0, 1, 0, 0, 0];
    spoken((DEVICE, 49_672), (SERVER, 3389), &[C(&request), S(&confirm)])
}

/// A screen calls who helps it, and greets first (RFC 6143 7.1.1): the one who is called only looks.
pub fn calls_back() -> Vec<u8> {
    let says = [C(b"RFB 003.008\n"), S(b"RFB 003.008\n"), C(&[1, 1]), S(&[1]), C(&[0, 0, 0, 0]), S(&[1])];
    let mut octets = spoken((DEVICE, 49_673), (SERVER, 5500), &says);
    octets.extend(&result(DEVICE, SERVER)[24..]);
    octets
}

/// A client begins with SMB1 and is told of SMB2 (MS-SMB2 3.3.5.3.1), which both then speak.
pub fn negotiated_up() -> Vec<u8> {
    let framed = |message: &[u8]| [&u32::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat();
    let dialects = b"\x02NT LM 0.12\0\x02SMB 2.002\0\x02SMB 2.???\0";
    let mut first = [&[0xff][..], b"SMB", &[0x72], &[0; 4], &[0x18, 0x53, 0xc8], &[0; 20], &[0]].concat(); // negotiate; no words
    first.extend(u16::try_from(dialects.len()).unwrap().to_le_bytes());
    first.extend(dialects);
    let header = |flags: u8, message: u8| {
        let mut o = [&[0xfe][..], b"SMB", &[64, 0, 0, 0], &[0; 4], &[0, 0, 1, 0], &[flags, 0, 0, 0], &[0; 4]].concat();
        o.extend([message, 0, 0, 0, 0, 0, 0, 0]);
        o.extend([0; 32]); // process, tree, session, signature
        o
    };
    let answer = |dialect: u16, message: u8| {
        let mut o = header(1, message);
        o.extend([65, 0, 1, 0]); // structure; signing enabled
        o.extend(dialect.to_le_bytes());
        o.extend([0; 2 + 16 + 4]); // contexts, server, capabilities
        o.extend([0, 0, 1, 0].repeat(3)); // largest messages
        o.extend([0; 16]); // times
        o.extend([128, 0, 0, 0, 0, 0, 0, 0]); // no token
        o
    };
    let mut second = header(0, 1);
    second.extend([&[36, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0][..], &[7; 16], &[0; 8], &[0x00, 0x03]].concat()); // one dialect: 3.0
    let says = [first, answer(0x02ff, 0), second, answer(0x0300, 1)].map(|message| framed(&message));
    spoken((DEVICE, 49_674), (SERVER, 445), &[C(&says[0]), S(&says[1]), C(&says[2]), S(&says[3])])
}

/// The clinic's name server does not look names up for somebody (RCODE 5), and does for its own.
pub fn refused_to(client: [u8; 4]) -> Vec<u8> {
    let answer = dns(0x8105, [1, 0, 0, 0], &[question("www.example", 1)]);
    let mut octets = datagrams(&[((SERVER, 53), (client, 40_001), &answer)]);
    octets.extend(&looked_up(DEVICE)[24..]);
    octets
}

/// A telephone in the guests' network calls on the clinic by its public address; the router calls on the server in its place.
pub fn hairpin() -> Vec<u8> {
    let mut recording = Recording::new();
    result_in(&mut recording, GUEST, [198, 51, 100, 1], 49_675);
    result_in(&mut recording, [192, 168, 20, 1], SERVER, 49_676);
    recording.octets().to_vec()
}
