//! What Windows and Samba tell their neighbours: the NetBIOS name service and the announcements of browsers.
//!
//! Keeps: that a host has these services, the number of its system, whether it serves, and how many names of single
//! hosts it answered for (counted by keyed hash). Drops: every name, comment and address in them.

use super::system::{known_windows, windows};
use super::{Datagram, DatagramDetector, Ears, Said};
use crate::wire::netbios::{Announcement, NameMessage, datagram};
use auscult_report::fact::{Fact, Protocol, Role, SignPlace};

/// NetBIOS on ports 137 and 138.
pub const WORKGROUP: DatagramDetector = DatagramDetector {
    name: "workgroup",
    version: 1,
    hears: "NetBIOS names and browser announcements on UDP 137 and 138. A host that sends from these ports has the \
            service. The system's number is what the host says: Samba says a Windows number too and is told apart by \
            a bit. Names are counted, never kept.",
    ports: &[NAMES, DATAGRAMS],
    listen,
};

fn listen(heard: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    if heard.source_port == NAMES || heard.destination_port == NAMES {
        names(heard, ears)
    } else {
        datagrams(heard, ears)
    }
}

/// RFC 1002 4.2: who sends from 137 has the service, whether it asks, registers or answers; who asks from elsewhere is
/// a client only.
fn names(heard: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    let Ok(message) = NameMessage::read(heard.payload) else { return false };
    if heard.source_port != NAMES {
        return true;
    }
    let mut said = ears.from_server();
    said.protocol(Protocol::Nbns);
    if message.response {
        said.answered();
        // A name server (WINS) answers for others by right, and a group's name is answered by each of its members.
        let for_one = message.group == Some(false) && message.opcode == 0 && message.rcode == 0;
        if for_one && !message.recursion_available {
            said.service_different(Fact::NameAnswered, message.name.encoded_machine());
        }
    }
    true
}

/// RFC 1002 4.4 and MS-BRWS 2.2.
fn datagrams(heard: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    let Ok(user_data) = datagram(heard.payload) else { return false };
    if heard.source_port != DATAGRAMS {
        return true;
    }
    let mut said = ears.from_server();
    said.protocol(Protocol::Nbns);
    if let Ok(Some(announcement)) = Announcement::read(user_data) {
        announced(&announcement, &mut said);
    }
    true
}

/// What an announcement tells of its sender, over UDP or directly on the link.
pub(super) fn announced(a: &Announcement, said: &mut Said<'_>) {
    if a.server_type & Announcement::UNIX != 0 {
        return;
    }
    if known_windows(a.major, a.minor) {
        said.server_host(Fact::System(windows(SignPlace::BrowserAnnouncement, a.major, a.minor)));
    }
    if a.server_type & Announcement::SERVER != 0 {
        said.server_host(Fact::Role(Role::Server));
    } else if a.server_type & Announcement::NT != 0 {
        said.server_host(Fact::Role(Role::Workstation));
    }
}

/// The name service.
const NAMES: u16 = 137;
/// The datagram service.
const DATAGRAMS: u16 = 138;

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, hear_datagram};
    use super::super::{Amount, Observation};
    use super::*;
    use auscult_report::fact::{SystemFamily, SystemSign};

    fn octets(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits.chunks(2).map(|d| u8::from_str_radix(core::str::from_utf8(d).unwrap(), 16).unwrap()).collect()
    }

    /// A registration of FILESRV<20>: flags 0x2910, one question, one additional record.
    const REGISTRATION: &str = "6182 2910 0001 0000 0000 0001 \
        20 4547454a454d454646444643464743414341434143414341434143414341 4341 00 0020 0001 \
        c00c 0020 0001 00000000 0006 0000 c0a81411";

    /// A browser announcement of XRAY-XP to CANARYCLINIC: 5.1, workstation, server, NT.
    const ANNOUNCEMENT: &str = "110a8001 c0a814ab 008a 00bb 0000 \
        20 4649464345424649434e4649464143414341434143414341434143414341 4141 00 \
        20 45444542454f45424643464a4544454d454a454f454a4544434143414341 424e 00 \
        ff534d4225 00000000 00 0000 000000000000000000000000 00000000 00000000 \
        11 0000 2100 0000 0000 00 00 0000 e8030000 0000 0000 0000 2100 5600 03 00 0100 0100 0200 \
        3200 5c4d41494c534c4f545c42524f57534500 \
        01 80 fc0a0000 585241592d5850000000000000000000 05 01 03100000 0f01 55aa 00";

    fn hear(source: u16, destination: u16, hex: &str) -> Vec<Observation> {
        hear_datagram(&WORKGROUP, source, destination, &octets(hex))
    }

    #[test]
    fn who_sends_from_the_port_has_the_service() {
        assert_eq!(facts(&hear(137, 137, REGISTRATION)), [Fact::Protocol(Protocol::Nbns)]);
        // A query from elsewhere says nothing about anybody.
        assert_eq!(hear(50412, 137, REGISTRATION), []);
        assert_eq!(hear(137, 50412, "474554202f20485454502f312e31"), []);
    }

    #[test]
    fn an_answer_is_counted_by_the_name_and_the_name_is_gone() {
        let answer = REGISTRATION
            .replace("6182 2910 0001 0000 0000 0001", "0001 8500 0000 0001 0000 0000")
            .replace("0020 0001 \\\n", "0020 0001")
            .replace("c00c 0020 0001 00000000", "00000000");
        let heard = hear(137, 50412, &answer);
        assert_eq!(facts(&heard), [Fact::Protocol(Protocol::Nbns), Fact::Answered, Fact::NameAnswered]);
        assert!(matches!(heard[2].amount, Amount::Different(_)));
        let text = format!("{heard:?}");
        assert!(!text.contains("EGEJ") && !text.contains("FILESRV"));
        // A name server answers for others.
        let wins = answer.replace("0001 8500", "0001 8580");
        assert_eq!(facts(&hear(137, 50412, &wins)), [Fact::Protocol(Protocol::Nbns), Fact::Answered]);
    }

    #[test]
    fn an_announcement_gives_the_system_and_the_role() {
        let sign = |major, minor| {
            Fact::System(SystemSign {
                place: SignPlace::BrowserAnnouncement,
                family: SystemFamily::Windows,
                major,
                minor,
                build: 0,
            })
        };
        let heard = hear(138, 138, ANNOUNCEMENT);
        assert_eq!(facts(&heard), [Fact::Protocol(Protocol::Nbns), sign(5, 1), Fact::Role(Role::Workstation)]);
        assert!(!format!("{heard:?}").contains("XRAY"));
        let server = ANNOUNCEMENT.replace("05 01 03100000", "05 02 03900000");
        assert_eq!(
            facts(&hear(138, 138, &server)),
            [Fact::Protocol(Protocol::Nbns), sign(5, 2), Fact::Role(Role::Server)]
        );
        // Samba: the bit of a server that is no Windows.
        let samba = ANNOUNCEMENT.replace("05 01 03100000", "06 01 039a0100");
        assert_eq!(facts(&hear(138, 138, &samba)), [Fact::Protocol(Protocol::Nbns)]);
    }

    #[test]
    fn any_octets_at_all_are_heard_without_harm() {
        let mut x = 0x9e37_79b9u32;
        for sample in [REGISTRATION, ANNOUNCEMENT] {
            let good = octets(sample);
            for _ in 0..2000 {
                let mut bad = good.clone();
                for _ in 0..3 {
                    x ^= x << 13;
                    x ^= x >> 17;
                    x ^= x << 5;
                    let at = x as usize & 63;
                    bad[at] = (x >> 24) as u8;
                    bad.truncate(bad.len().saturating_sub(x as usize >> 9 & 3).max(64));
                }
                hear_datagram(&WORKGROUP, 137, 137, &bad);
                hear_datagram(&WORKGROUP, 138, 138, &bad);
            }
        }
    }
}
