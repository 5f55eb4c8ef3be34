//! File shares over SMB (MS-CIFS, MS-SMB2), directly over TCP or inside NetBIOS sessions (RFC 1002 4.3): which octets
//! are a message, and which of them are worth hearing. What they tell is in [`super::shares`].
//!
//! Keeps: which side lost octets, whether the file service was asked for. Drops: bodies, which are skipped.

use super::shares::Shares;
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::netbios::{SessionHeader, SessionKind, called_service};
use crate::wire::smb::{Form, find};
use crate::wire::{smb1, smb2};
use auscult_report::fact::{Encryption, Fact};

/// SMB 1 to 3, directly over TCP or inside NetBIOS sessions, on any port.
pub const SMB: Detector = Detector {
    name: "smb",
    version: 1,
    hears: "SMB 1 to 3 over TCP (445) and NetBIOS sessions (139). The dialect is what the server chose, not what a \
            client offered. A login without an identity is one that the server calls guest or null, or in which the \
            client showed neither user nor secret. Encrypted messages tell nothing more. Names of users, shares and \
            files are never kept.",
    sniff,
    start: || Box::new(Smb::default()),
};

fn sniff(opening: &Opening<'_>) -> Verdict {
    match (look(opening.client, false), look(opening.server, true)) {
        (Verdict::Yes, _) | (_, Verdict::Yes) => Verdict::Yes,
        (Verdict::No, Verdict::No) => Verdict::No,
        (Verdict::Unsure, Verdict::Unsure) => Verdict::Unsure,
        // One side is in the middle of something else: on SMB's ports it may be the body of a message.
        _ if matches!(opening.server_port, 445 | 139) => Verdict::Unsure,
        _ => Verdict::No,
    }
}

/// One side's first octets. The flags of both headers say which side speaks.
fn look(mut octets: &[u8], server: bool) -> Verdict {
    for _ in 0..MAX_KEEP_ALIVES {
        let Ok(header) = SessionHeader::read(octets) else {
            return if octets.len() < SessionHeader::OCTETS && starts_like(octets, server) {
                Verdict::Unsure
            } else {
                Verdict::No
            };
        };
        let body = octets.get(SessionHeader::OCTETS..).unwrap_or_default();
        match (header.kind, server) {
            (SessionKind::Message, _) => return look_at_message(body, server),
            (SessionKind::Request, false) => {
                return match called_service(body) {
                    Ok(_) => Verdict::Yes,
                    Err(_) if body.len() < 34 => Verdict::Unsure,
                    Err(_) => Verdict::No,
                };
            }
            // An answer alone is too short to be sure: what follows it says more.
            (SessionKind::Positive, true) | (SessionKind::KeepAlive, _) => octets = body,
            (SessionKind::Negative | SessionKind::Retarget, true) => return Verdict::Unsure,
            _ => return Verdict::No,
        }
    }
    Verdict::No
}

/// Fewer octets than a header has: none, or a type that this side may say.
fn starts_like(octets: &[u8], server: bool) -> bool {
    octets.first().is_none_or(|o| match o {
        0x00 | 0x85 => true,
        0x81 => !server,
        0x82..=0x84 => server,
        _ => false,
    })
}

fn look_at_message(message: &[u8], server: bool) -> Verdict {
    let response = match Form::read(message) {
        Ok(Form::One) => smb1::Header::read(message).map(|h| h.response),
        Ok(Form::Two) => smb2::Header::read(message).map(|h| h.response),
        // Nothing in these says which side speaks.
        Ok(Form::Encrypted | Form::Compressed) => return Verdict::Yes,
        Err(_) if Form::may_begin(message) => return Verdict::Unsure,
        Err(_) => return Verdict::No,
    };
    match response {
        Ok(response) if response == server => Verdict::Yes,
        Ok(_) => Verdict::No,
        Err(_) if message.len() < 64 => Verdict::Unsure,
        Err(_) => Verdict::No,
    }
}

/// Follows one conversation.
#[derive(Default)]
struct Smb {
    /// The side lost octets: it goes on at the next message that is recognised. Client, server.
    lost: [bool; 2],
    /// The client asked for the file service of NetBIOS.
    asked: bool,
    /// What the messages tell.
    shares: Shares,
}

impl Listener for Smb {
    fn held(&self) -> usize {
        size_of_val(self.shares.told.as_slice())
    }

    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        // The client first: where both wait, its requests come before the answers.
        self.hear(talk.client, false, said);
        self.hear(talk.server, true, said);
        if self.shares.is_done() || (talk.client.is_ended() && talk.server.is_ended()) {
            Interest::Done
        } else {
            Interest::More
        }
    }
}

impl Smb {
    /// Takes all complete messages of one side. Each round takes at least an octet.
    fn hear(&mut self, head: &mut Head, server: bool, said: &mut Said<'_>) {
        loop {
            if head.torn() {
                *self.lost(server) = true;
            }
            if head.is_skipping() {
                return;
            }
            if *self.lost(server) {
                match find(head.octets()) {
                    Some(at) => head.take(at),
                    // The beginning of a message may be among the last octets.
                    None => return head.take(head.octets().len().saturating_sub(7)),
                }
                *self.lost(server) = false;
            }
            let octets = head.octets();
            if octets.len() < SessionHeader::OCTETS {
                return;
            }
            let Ok(header) = SessionHeader::read(octets) else {
                *self.lost(server) = true;
                head.take(1);
                continue;
            };
            let length = usize::try_from(header.length).unwrap_or(usize::MAX);
            let body = octets.get(SessionHeader::OCTETS..).unwrap_or_default();
            let body = body.get(..length).unwrap_or(body);
            match self.envelope(header, body, server, said) {
                Step::Wait => return,
                Step::Lost => {
                    *self.lost(server) = true;
                    head.take(1);
                }
                Step::Next => {
                    self.shares.one_more();
                    head.skip(u64::from(header.length).saturating_add(4));
                }
            }
        }
    }

    fn lost(&mut self, server: bool) -> &mut bool {
        let [client_lost, server_lost] = &mut self.lost;
        if server { server_lost } else { client_lost }
    }

    /// What stands behind a header, as far as it is there.
    fn envelope(&mut self, header: SessionHeader, body: &[u8], server: bool, said: &mut Said<'_>) -> Step {
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        match header.kind {
            SessionKind::Message => {}
            SessionKind::Request if body.len() < length => return Step::Wait,
            SessionKind::Request => {
                self.asked = called_service(body) == Ok(FILE_SERVICE);
                return Step::Next;
            }
            SessionKind::Positive if self.asked => {
                self.shares.answered(said);
                return Step::Next;
            }
            SessionKind::Negative if self.asked => {
                self.shares.service(Fact::Refused, said);
                return Step::Next;
            }
            _ => return Step::Next,
        }
        if body.len() < length.min(4) {
            return Step::Wait;
        }
        let Ok(form) = Form::read(body) else { return Step::Lost };
        if !(form.least()..=form.most()).contains(&length) {
            return Step::Lost;
        }
        // Only a whole header says how much of the message is wanted.
        if body.len() < form.least() || body.len() < form.wanted(body).min(length) {
            return Step::Wait;
        }
        match (form, server) {
            (Form::One, true) => self.shares.response1(body, said),
            (Form::One, false) => self.shares.request1(body, said),
            (Form::Two, _) => smb2::chain(body).for_each(|(h, b)| self.shares.message2(h, b, server, said)),
            (Form::Encrypted, _) => {
                self.shares.answered(said);
                self.shares.service(Fact::Encryption(Encryption::Tls), said);
            }
            (Form::Compressed, true) => self.shares.answered(said),
            (Form::Compressed, false) => {}
        }
        Step::Next
    }
}

/// What became of a message.
enum Step {
    /// It is not complete.
    Wait,
    /// It is none: the side lost its place.
    Lost,
    /// It was heard.
    Next,
}

/// The sixteenth octet of the name of a host's file service (MS-NBTE 2.1.1).
const FILE_SERVICE: u8 = 0x20;

/// Keep-alives before the first message that are passed over.
const MAX_KEEP_ALIVES: usize = 4;

#[cfg(test)]
mod tests {
    use super::super::Observation;
    use super::super::testing::{Says, facts, hear};
    use super::*;
    use auscult_report::fact::{
        Login, Protocol, SignPlace, SmbDialect, SmbSigning, Software, SoftwarePlace, SystemFamily, SystemSign,
    };
    use auscult_report::product::Product;
    use auscult_report::version::Version;

    fn octets(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits.chunks(2).map(|d| u8::from_str_radix(core::str::from_utf8(d).unwrap(), 16).unwrap()).collect()
    }

    /// A client of SMB1 and Samba 4.17.12, as recorded; the client shows no identity and connects a share of files.
    const OLD: &[(char, &str)] = &[
        // NEGOTIATE: LANMAN 1.0, NT LM 0.12
        (
            'C',
            "0000003eff534d4272000000001843c80000000000000000000000000000feff00000000001b00024e54204c414e4d414e20312e\
        3000024e54204c4d20302e313200",
        ),
        // dialect 1, signing off
        (
            'S',
            "0000009fff534d4272000000008843c80000000000000000000000000000feff0000000011000003320001000441000000000100\
        2e000000fdf38080c5a2bb40fe79dd010000005a0066696c65737276000000000000000000604806062b0601050502a03e303ca0\
        0e300c060a2b06010401823702020aa32a3028a0261b246e6f745f646566696e65645f696e5f5246433431373840706c65617365\
        5f69676e6f7265",
        ),
        // SESSION_SETUP: NTLM without a user; Unix, Samba
        (
            'C',
            "000000c2ff534d4273000000001843c800000000000000000000000000002000e20a04000cff000000ffff020001000000000070\
        000000000054c000808700a16e306ca26a04684e544c4d5353500003000000000000005800000000000000580000000000000058\
        000000000000005800000000000000580000001000100058000000158a0062060100000000000fabffa167fdd9033feee1403641\
        0e0787e2055d4c278048cb4cfe65bf75a69b850055006e00690078000000530061006d00620061000000",
        ),
        // success, action 0; Windows 6.1, Samba 4.17.12-Debian
        (
            'S',
            "00000090ff534d4273000000008803c800000000000000000000000000002000e20a040004ff000000000009006500a1073005a0\
        030a0100570069006e0064006f0077007300200036002e0031000000530061006d0062006100200034002e00310037002e003100\
        32002d00440065006200690061006e000000430041004e0041005200590043004c0049004e00490043000000",
        ),
        // TREE_CONNECT
        (
            'C',
            "0000005eff534d4275000000001843c8000000000000000000000000ffff2000e20a080004ff0000000c0001003300005c005c00\
        3100390032002e003100360038002e00320030002e00310037005c005300430041004e00530000003f3f3f3f3f00",
        ),
        // service A:
        (
            'S',
            "0000003eff534d4275000000008803c8000000000000000000000000c7692000e20a080007ff0000000100ff011f00000000000d\
        00413a004e005400460053000000",
        ),
    ];

    /// Samba with SMB 3.1.1 and a client that shows a user, as recorded, and the first encrypted message of each side.
    const NEW: &[(char, &str)] = &[
        // NEGOTIATE: 2.0.2 to 3.1.1
        (
            'C',
            "000000eafe534d42400000000000000000001f000000000000000000000000000000000000000000000000000000000000000000\
        0000000000000000000000000000000024000500030000007f00000032154ff1afe0b64db4e76e643214d63c7000000004000000\
        0202100200030203110300000100260000000000010020000100854d91e5580a7ca55aec89022aad6dedc08a56e05388935ca05a\
        2e381d006d7d000002000a0000000000040002000100040003000000000000000800080000000000030002000100000005001a00\
        000000003100390032002e003100360038002e00320030002e0031003700",
        ),
        // 3.1.1, signing enabled
        (
            'S',
            "0000011cfe534d424000000000000000000001000100000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000000410001001103030066696c657372760000000000000000000f0000000000800000008000\
        000080001e73d640fe79dd01000000000000000080004a00d0000000604806062b0601050502a03e303ca00e300c060a2b060104\
        01823702020aa32a3028a0261b246e6f745f646566696e65645f696e5f5246433431373840706c656173655f69676e6f72650000\
        000000000100260000000000010020000100416db294a2e6b6d5d8438b1ff96eae665ca10eaf9b05485d7d8e8442b9f7e8ba0000\
        02000400000000000100020000000000080004000000000001000200",
        ),
        // SESSION_SETUP: NTLM with a user
        (
            'C',
            "00000212fe534d42400001000000000001000020100000000000000002000000000000000000000000000000cdf1514800000000\
        000000000000000000000000000000001900000301000000000000005800ba010000000000000000a18201b6308201b2a282019a\
        048201964e544c4d53535000030000001800180058000000f200f20070000000120012006201000008000800740100000a000a00\
        7c010000100010008601000035820862060100000000000fab87df7c43318f446d6123bc2f2b6056000000000000000000000000\
        000000000000000000000000caba7cabe229d9c99cf296b537f8c12f0101000000000000289fd740fe79dd019a1d7b1335785732\
        0000000002000e00460049004c00450053005200560001000e00460049004c00450053005200560004000000030012006c006f00\
        630061006c0068006f007300740007000800289fd740fe79dd010600040002000000080030003000000000000000000000000000\
        000098f48fd7a06f6577dfe6902b8d6d5b6700f1f55b255f0e1a3c0090fa1a0146190a0010000000000000000000000000000000\
        00000900240063006900660073002f003100390032002e003100360038002e00320030002e00310037000000000057004f005200\
        4b00470052004f005500500072006f006f0074004e004500570050004300052de86826d473815b0e54b6bc9f5a9da31204100100\
        0000db5899579aabb6e900000000",
        ),
        // success, no flags
        (
            'S',
            "00000065fe534d42400001000000000001000020190000000000000002000000000000000000000000000000cdf1514800000000\
        9cc78aca22f10a436339dd02cd9d39540900000048001d00a11b3019a0030a0100a3120410010000003c431ff0538bf076000000\
        00",
        ),
        // an encrypted message
        (
            'S',
            "00000084fd534d4276085cbebb57730d21b6a1a75c9b5e0a0100000000000000a06d0739000000005000000000000100cdf15148\
        00000000e0dbb5a8e78afe32c30ccec8527bf7d9216a711b527d4ce92937f522ff38b3f661168de24a92e169f92b61443fd72e02\
        ee5ce25cfcfe5464f341d130daf4a8cc58350b7af302c517f5f6280098d9c4b6",
        ),
    ];

    fn play(talk: &[(char, Vec<u8>)], piece: usize) -> Vec<Observation> {
        let says: Vec<Says<'_>> =
            talk.iter().map(|(s, o)| if *s == 'C' { Says::Client(o) } else { Says::Server(o) }).collect();
        hear(&SMB, 445, piece, &says)
    }

    fn recorded(talk: &[(char, &str)]) -> Vec<(char, Vec<u8>)> {
        talk.iter().map(|(s, o)| (*s, octets(o))).collect()
    }

    /// A message of SMB2 with its length: command, status, session; body behind.
    fn two(command: u8, status: u32, response: bool, session: u64, body: &[u8]) -> Vec<u8> {
        let length = u8::try_from(body.len()).unwrap().checked_add(64).unwrap();
        let mut o = vec![0, 0, 0, length];
        o.extend(b"\xfeSMB\x40\0\0\0"); // structure size, credit charge
        o.extend(status.to_le_bytes());
        o.extend([command, 0, 1, 0]); // command, credits
        o.extend([u8::from(response), 0, 0, 0]); // flags
        o.extend([0, 0, 0, 0]); // next command
        o.extend([7, 0, 0, 0, 0, 0, 0, 0]); // message
        o.extend([0, 0, 0, 0, 5, 0, 0, 0]); // process, tree
        o.extend(session.to_le_bytes());
        o.extend([0; 16]); // signature
        o.extend(body);
        o
    }

    /// A server of SMB 2.1 that lets a guest in, connect a share of `kind` and read from it.
    fn guest(flags: u8, kind: u8) -> Vec<(char, Vec<u8>)> {
        vec![
            ('C', two(0, 0, false, 0, &[36, 0, 1, 0, 1, 0, 0, 0])),
            ('S', two(0, 0, true, 0, &[65, 0, 3, 0, 0x10, 2, 0, 0])), // signing required, 2.1
            ('C', two(1, 0, false, 0, &[25, 0, 0, 1])),
            ('S', two(1, 0, true, 9, &[9, 0, flags, 0, 72, 0, 0, 0])), // session flags
            ('C', two(3, 0, false, 9, b"\x09\0\0\0\x48\0\x10\0\\\0\\\0Z\0Z\0C\0A\0N\0A\0")),
            ('S', two(3, 0, true, 9, &[16, 0, kind, 0, 0, 0, 0, 0])), // share type, flags
            ('C', two(8, 0, false, 9, &[49, 0, 0, 0])),
            ('S', two(8, 0, true, 9, b"\x11\0\x50\0\x08\0\0\0\0\0\0\0\0\0\0\0ZZCANARY")), // eight octets
        ]
    }

    fn old_facts(login: Login) -> Vec<Fact> {
        let software = Software {
            product: Product::named("Samba").unwrap(),
            version: Version::exact(b"4.17.12"),
            revision: None,
            place: SoftwarePlace::NativeLanman,
        };
        let debian = SystemSign {
            place: SignPlace::SmbNativeOs,
            family: SystemFamily::Linux,
            major: 0,
            minor: 0,
            build: super::super::system::DEBIAN,
        };
        vec![
            Fact::Protocol(Protocol::Smb),
            Fact::Answered,
            Fact::OutsideNetwork,
            Fact::SmbDialect(SmbDialect::Smb1),
            Fact::SmbSigning(SmbSigning::Off),
            Fact::Software(software),
            Fact::System(debian),
            Fact::Login(login),
            Fact::Encryption(Encryption::None),
        ]
    }

    #[test]
    fn an_old_share_without_login_is_told_whole_and_in_pieces() {
        let mut expected = old_facts(Login::None);
        expected.push(Fact::FileAnonymous);
        for piece in [1, 7, 9999] {
            assert_eq!(facts(&play(&recorded(OLD), piece)), expected);
        }
    }

    #[test]
    fn an_answer_alone_does_not_say_whether_the_client_had_a_name() {
        let server: Vec<_> = recorded(OLD).into_iter().filter(|t| t.0 == 'S').collect();
        assert_eq!(facts(&play(&server, 1)), old_facts(Login::Unknown));
    }

    #[test]
    fn a_client_that_uses_numbers_of_its_server_proves_that_it_answers() {
        let client: Vec<_> = recorded(OLD).into_iter().filter(|t| t.0 == 'C').collect();
        let heard = facts(&play(&client, 9999));
        assert_eq!(heard.first(), Some(&Fact::Protocol(Protocol::Smb)));
        assert!(heard.contains(&Fact::SmbDialect(SmbDialect::Smb1)));
        let offers_only = play(&recorded(&OLD[..1]), 9999);
        assert_eq!(facts(&offers_only), []);
    }

    #[test]
    fn an_encrypted_conversation_tells_its_dialect_and_no_more() {
        for piece in [1, 9999] {
            assert_eq!(
                facts(&play(&recorded(NEW), piece)),
                [
                    Fact::Protocol(Protocol::Smb),
                    Fact::Answered,
                    Fact::OutsideNetwork,
                    Fact::SmbDialect(SmbDialect::Smb311),
                    Fact::SmbSigning(SmbSigning::Optional),
                    Fact::Login(Login::Used),
                    Fact::Encryption(Encryption::Tls),
                ]
            );
        }
    }

    #[test]
    fn an_offer_of_smb1_that_is_answered_with_smb2_is_not_smb1() {
        let mut talk = recorded(&OLD[..1]);
        talk.push(('S', two(0, 0, true, 0, &[65, 0, 1, 0, 0xff, 2, 0, 0]))); // 2.???
        talk.extend(guest(0, 1).drain(..2));
        let heard = facts(&play(&talk, 9999));
        assert!(heard.contains(&Fact::SmbDialect(SmbDialect::Smb210)));
        assert!(!heard.contains(&Fact::SmbDialect(SmbDialect::Smb1)));
    }

    #[test]
    fn a_guest_that_reads_is_told_and_what_it_read_is_not() {
        let heard = play(&guest(1, 1), 3);
        let facts = facts(&heard);
        for fact in [
            Fact::SmbSigning(SmbSigning::Required),
            Fact::Login(Login::None),
            Fact::FileAnonymous,
            Fact::DataServed,
            Fact::Encryption(Encryption::None),
        ] {
            assert!(facts.contains(&fact), "{fact:?}");
        }
        assert!(!format!("{heard:?}").contains("ZZ"));
    }

    #[test]
    fn a_null_session_on_pipes_is_no_open_share_and_a_user_is_no_guest() {
        let pipes = facts(&play(&guest(2, 2), 9999));
        assert!(pipes.contains(&Fact::Login(Login::None)));
        assert!(!pipes.contains(&Fact::FileAnonymous) && !pipes.contains(&Fact::DataServed));
        let user = facts(&play(&guest(0, 1), 9999));
        assert!(user.contains(&Fact::Login(Login::Used)));
        assert!(!user.contains(&Fact::FileAnonymous) && !user.contains(&Fact::DataServed));
        let mut refused = guest(0, 1);
        refused[3].1 = two(1, 0xc000_006d, true, 9, &[9, 0, 0, 0, 0, 0, 0, 0]);
        assert!(facts(&play(&refused[..4], 9999)).contains(&Fact::Login(Login::Refused)));
    }

    #[test]
    fn a_netbios_session_must_be_asked_for_and_granted() {
        // To *SMBSERVER<20> from a host whose name must not show.
        let mut long = vec![0x81, 0, 0, 68];
        for (name, suffix) in [("*SMBSERVER     ", 0x20u8), ("ZZCANARY       ", 0)] {
            long.push(0x20);
            for o in name.bytes().chain([suffix]) {
                long.extend([b'A'.wrapping_add(o >> 4), b'A'.wrapping_add(o & 15)]);
            }
            long.push(0);
        }
        assert_eq!(facts(&play(&[('C', long.clone())], 1)), []);
        let granted = play(&[('C', long.clone()), ('S', vec![0x82, 0, 0, 0])], 1);
        assert_eq!(facts(&granted)[..2], [Fact::Protocol(Protocol::Smb), Fact::Answered]);
        let denied = play(&[('C', long), ('S', vec![0x83, 0, 0, 1, 0x82])], 1);
        assert_eq!(facts(&denied), [Fact::Refused]);
    }

    #[test]
    fn a_conversation_joined_in_its_middle_goes_on_at_the_next_message() {
        let mut first = b"the end of a file\0\0\0".to_vec();
        let talk = guest(1, 1);
        first.extend(&talk[5].1);
        let heard = facts(&play(&[('C', talk[6].1.clone()), ('S', first)], 5));
        assert_eq!(heard[0], Fact::Protocol(Protocol::Smb));
        assert!(heard.contains(&Fact::Encryption(Encryption::None)));
        assert!(!heard.contains(&Fact::FileAnonymous));
    }

    #[test]
    fn other_protocols_are_not_taken() {
        for client in
            [&b"GET / HTTP/1.1\r\n"[..], b"\x16\x03\x01\x02\x00", b"\0\0\0\x08\x04\xd2\x16\x2f", b"\x81\x05hello"]
        {
            assert_eq!(sniff(&Opening { client, server: b"", server_port: 80 }), Verdict::No);
        }
        for client in [&b""[..], b"\0\0", b"\0\0\0\x3e\xffSM"] {
            assert_eq!(sniff(&Opening { client, server: b"", server_port: 80 }), Verdict::Unsure);
        }
        // The same octets from the other side.
        let answer = octets(OLD[1].1);
        assert_eq!(sniff(&Opening { client: &answer, server: b"", server_port: 80 }), Verdict::No);
        assert_eq!(sniff(&Opening { client: b"", server: &answer, server_port: 80 }), Verdict::Yes);
    }

    #[test]
    fn any_octets_at_all_are_heard_without_harm() {
        let mut x = 0x2545_f491u32;
        for round in 0..3000 {
            let mut talk = match round & 3 {
                0 => recorded(OLD),
                1 => recorded(NEW),
                _ => guest(1, 1),
            };
            for _ in 0..6 {
                x ^= x << 13;
                x ^= x >> 17;
                x ^= x << 5;
                let which = (x >> 20) as usize & 3;
                let message = &mut talk[which].1;
                // The first octets stay, so that the detector takes the conversation.
                let at = ((x >> 4) as usize & 255).clamp(44, message.len().saturating_sub(1));
                message[at] = (x >> 8) as u8;
                if x & 0x3000 == 0 {
                    message[3] ^= (x >> 16) as u8;
                }
            }
            talk.insert(0, ('C', recorded(&OLD[..1]).remove(0).1));
            let heard = play(&talk, 1000);
            assert!(!format!("{heard:?}").contains("CANARY"));
        }
    }
}
