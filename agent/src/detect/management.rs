//! Management of equipment: SNMP (RFC 1157, 3416, 3412), and the description that a system gives of itself there.
//!
//! Keeps: whether a factory word was the community, product and version of the description if listed. Drops: the
//! community, names of users, every value but `sysDescr`, and of that everything that no list has.

use super::{Datagram, DatagramDetector, Ears, Said};
use crate::wire::snmp::{Kind, Message};
use crate::wire::text::{after, begins, words};
use auscult_report::fact::{
    Encryption, Fact, Protocol, Role, SignPlace, SnmpCommunity, Software, SoftwarePlace, SystemFamily, SystemSign,
};
use auscult_report::product::Product;
use auscult_report::version::Version;

/// SNMP.
pub const SNMP: DatagramDetector = DatagramDetector {
    name: "snmp",
    version: 2,
    hears: "Answers from port 161. The community of versions 1 and 2c is compared with the factory words and dropped; of \
            version 3 only that it answers is said. The description of the system tells some products; its owner can \
            write anything there. The only client may be the provider's own monitoring: who asks with a factory word is said too, \
            so that it learns the new word when that is changed.",
    ports: &[161],
    listen: snmp,
};

fn snmp(datagram: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    let Ok(message) = Message::read(datagram.payload) else { return false };
    if datagram.source_port != 161 {
        return true;
    }
    match message {
        Message::Community { community, kind: Kind::Response, bindings } => {
            let word = match community.0 {
                b"public" => SnmpCommunity::Public,
                b"private" => SnmpCommunity::Private,
                _ => SnmpCommunity::Other,
            };
            let mut said = ears.from_server();
            answered(&mut said, word);
            said.service(Fact::Encryption(Encryption::None));
            if word != SnmpCommunity::Other {
                said.client_host(Fact::SnmpAsksWith(word));
            }
            let description = bindings.iter().find(|b| b.object == SYS_DESCR).and_then(|b| b.text);
            describe(description.unwrap_or_default(), &mut said);
        }
        Message::Users { is_answer: true, .. } => answered(&mut ears.from_server(), SnmpCommunity::None),
        Message::Community { .. } | Message::Users { .. } => {}
    }
    true
}

fn answered(said: &mut Said<'_>, community: SnmpCommunity) {
    said.protocol(Protocol::Snmp);
    said.answered();
    said.service(Fact::SnmpCommunity(community));
}

/// What a description of a system tells (RFC 3418 `sysDescr`; LLDP and CDP carry the same text).
pub(super) fn describe(description: &[u8], said: &mut Said<'_>) {
    let text = description.get(..MAX_DESCRIPTION).unwrap_or(description);
    if let Some((product, version)) = product(text).and_then(|(name, v)| Product::named(name).map(|p| (p, v))) {
        let place = SoftwarePlace::SystemDescription;
        said.service(Fact::Software(Software { product, version, revision: None, place }));
    }
    if PRINTERS.iter().any(|p| begins(text, p)) {
        said.server_host(Fact::Role(Role::Printer));
    }
    if let Some(sign) = system(text) {
        said.server_host(Fact::System(sign));
    }
}

fn product(text: &[u8]) -> Option<(&'static str, Option<Version>)> {
    if begins(text, b"Brother ") {
        // Brother NC-8300w, Firmware Ver.1.77  ,MID 8CE-A03
        let version = after(text, b"Firmware Ver.").and_then(|v| Version::leading(v.trim_ascii_start()));
        Some(("Brother printer", version))
    } else if begins(text, b"HP ETHERNET MULTI-ENVIRONMENT") || begins(text, b"HP LaserJet") {
        Some(("HP printer", None))
    } else if begins(text, b"Cisco IOS Software") || begins(text, b"Cisco Internetwork Operating System") {
        // Cisco IOS Software, C2960 Software (C2960-LANBASEK9-M), Version 12.2(55)SE7, RELEASE SOFTWARE (fc1)
        Some(("Cisco IOS", after(text, b"Version ").and_then(Version::leading)))
    } else {
        None
    }
}

fn system(text: &[u8]) -> Option<SystemSign> {
    let place = SignPlace::SystemDescription;
    if let Some(windows) = after(text, b"Software: Windows ") {
        // Hardware: x86 Family 6 - Software: Windows 2000 Version 5.0 (Build 2195 Uniprocessor Free)
        let [major, minor, ..] = Version::leading(after(windows, b"Version ")?)?.numbers();
        let [build, ..] = after(windows, b"(Build ").and_then(Version::leading).map_or([0; 4], |v| v.numbers());
        return sign(place, SystemFamily::Windows, [major, minor, build]);
    }
    let (_, family) = SYSTEMS.iter().find(|(name, _)| begins(text, name))?;
    // Linux <host name> 5.10.0-8-amd64 #1 SMP: the name is passed over, whatever it is.
    let release = words(text).nth(2)?;
    let [major, minor, ..] = Version::leading(release)?.numbers();
    sign(place, *family, [major, minor, 0])
}

fn sign(place: SignPlace, family: SystemFamily, [major, minor, build]: [u32; 3]) -> Option<SystemSign> {
    let (major, minor) = (u8::try_from(major).ok()?, u8::try_from(minor).ok()?);
    Some(SystemSign { place, family, major, minor, build })
}

/// Octets of a description that are read: RFC 3418 allows 255.
const MAX_DESCRIPTION: usize = 255;

/// 1.3.6.1.2.1.1.1.0 (RFC 3418), as X.690 section 8.19 encodes it.
const SYS_DESCR: &[u8] = &[0x2b, 6, 1, 2, 1, 1, 1, 0];

/// Beginnings of the descriptions of printers.
const PRINTERS: &[&[u8]] = &[
    b"Brother NC-",
    b"HP ETHERNET MULTI-ENVIRONMENT",
    b"HP LaserJet",
    b"Xerox WorkCentre",
    b"Xerox VersaLink",
    b"Xerox Phaser",
    b"Lexmark ",
    b"RICOH Aficio",
    b"KYOCERA Print",
    b"KYOCERA Document",
];

/// What `uname` puts first.
const SYSTEMS: &[(&[u8], SystemFamily)] =
    &[(b"Linux ", SystemFamily::Linux), (b"FreeBSD ", SystemFamily::Bsd), (b"OpenBSD ", SystemFamily::Bsd)];

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, hear_datagram};
    use super::*;
    use crate::wire::snmp::testing::{response, users};

    fn heard(community: &[u8], description: &[u8]) -> Vec<Fact> {
        let heard = hear_datagram(&SNMP, 161, 40000, &response(community, SYS_DESCR, description));
        assert!(!format!("{heard:?}").to_lowercase().contains("zzcanary"));
        facts(&heard)
    }

    #[test]
    fn a_printer_answers_to_the_factory_word() {
        let facts = heard(b"public", b"Brother NC-8300w, Firmware Ver.1.77  ,MID 8CE-A03");
        assert_eq!(facts[..2], [Fact::Protocol(Protocol::Snmp), Fact::Answered]);
        assert!(facts.contains(&Fact::SnmpCommunity(SnmpCommunity::Public)));
        assert!(facts.contains(&Fact::Role(Role::Printer)));
        assert!(facts.iter().any(|f| matches!(f, Fact::Software(s)
            if s.product.name() == "Brother printer" && s.version == Version::exact(b"1.77"))));
    }

    #[test]
    fn a_community_is_compared_and_dropped() {
        let asks = |word| heard(word, b"").contains(&Fact::SnmpAsksWith(SnmpCommunity::Public));
        assert!(asks(b"public") && !asks(b"ZZCANARY"));
        assert!(heard(b"private", b"").contains(&Fact::SnmpCommunity(SnmpCommunity::Private)));
        assert!(heard(b"ZZCANARY", b"ZZCANARY").contains(&Fact::SnmpCommunity(SnmpCommunity::Other)));
    }

    #[test]
    fn systems_describe_themselves() {
        let windows = heard(
            b"x",
            b"Hardware: x86 Family 15 Model 4 AT/AT COMPATIBLE - Software: Windows Version 5.2 (Build 3790 Multiprocessor Free)",
        );
        let (place, family) = (SignPlace::SystemDescription, SystemFamily::Windows);
        assert!(windows.contains(&Fact::System(SystemSign { place, family, major: 5, minor: 2, build: 3790 })));
        let linux = heard(b"x", b"Linux zzcanary 5.10.0-8-amd64 #1 SMP");
        let family = SystemFamily::Linux;
        assert!(linux.contains(&Fact::System(SystemSign { place, family, major: 5, minor: 10, build: 0 })));
        let cisco =
            heard(b"x", b"Cisco IOS Software, C2960 Software (C2960-LANBASEK9-M), Version 12.2(55)SE7, RELEASE");
        assert!(cisco.iter().any(|f| matches!(f, Fact::Software(s) if s.version == Version::exact(b"12.2"))));
    }

    #[test]
    fn version_3_answers_without_a_community() {
        let heard = facts(&hear_datagram(&SNMP, 161, 40000, &users(0x00)));
        assert!(heard.contains(&Fact::SnmpCommunity(SnmpCommunity::None)));
        assert!(hear_datagram(&SNMP, 161, 40000, &users(0x04)).is_empty());
    }

    #[test]
    fn a_question_says_nothing_wherever_it_goes() {
        let mut question = response(b"public", SYS_DESCR, b"");
        let at = question.iter().position(|o| *o == 0xa2).unwrap();
        question[at] = 0xa0; // get
        assert!(hear_datagram(&SNMP, 40000, 161, &question).is_empty());
        assert!(hear_datagram(&SNMP, 161, 161, &question).is_empty());
        assert!(hear_datagram(&SNMP, 161, 40000, &[0x30; 40]).is_empty());
    }
}
