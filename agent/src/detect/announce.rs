//! What equipment announces about itself: service types of multicast DNS (RFC 6763 section 7), SSDP (UPnP Device
//! Architecture 1.1 section 1).
//!
//! Keeps: the kind of the equipment by closed lists; product and version of the `SERVER` field if listed. Drops: instance
//! names ("Dr Smith's iPhone"), host names, locations, identifiers, and every TXT value beyond its first word, which is
//! only compared.

use super::{Datagram, Ears, Said};
use crate::wire::dns::{Message, Record, Section};
use crate::wire::text::{after, begins, line, word, words};
use auscult_report::fact::{Fact, Protocol, Role, SignPlace, Software, SoftwarePlace, SystemFamily, SystemSign};
use auscult_report::product::Product;
use auscult_report::version::Version;

/// Says what a multicast DNS answer tells about its sender's equipment.
pub(super) fn equipment(message: &Message<'_>, said: &mut Said<'_>) {
    let mut roles = Roles::default();
    let mut maker = None;
    for record in message.records().filter(|r| matches!(r.section, Section::Answer | Section::Additional)) {
        roles.hear(&record);
        if record.kind == TXT && roles.is_printer() {
            maker = maker.or_else(|| printer_maker(&record));
        }
    }
    // A computer that shares its queue announces the printer that stands beside it: that is no printer's address.
    if !roles.shared_queue {
        for role in roles.found.iter().flatten() {
            said.server_host(Fact::Role(*role));
        }
        if let Some(product) = maker.filter(|_| roles.is_printer()) {
            let place = SoftwarePlace::Txt;
            said.service(Fact::Software(Software { product, version: None, revision: None, place }));
        }
    }
}

/// The kinds of equipment of one message.
#[derive(Default)]
struct Roles {
    found: [Option<Role>; 2],
    shared_queue: bool,
}

impl Roles {
    fn hear(&mut self, record: &Record<'_>) {
        let owner = record.owner.last_three();
        // `_services._dns-sd._udp.local` points to a type, everything else is owned by one.
        let of_type = if owner == [&b"_dns-sd"[..], b"_udp", b"local"] && record.kind == PTR {
            record.pointed().last_three()
        } else {
            owner
        };
        let Some((_, role)) = SERVICE_TYPES.iter().find(|(t, _)| is_type(of_type, t)) else { return };
        if *role == Role::Printer {
            // Whether it is the printer itself stands in its TXT record alone.
            if record.kind != TXT {
                return;
            }
            self.shared_queue |= record.strings().any(|s| begins(s, b"rp=printers/"));
        }
        self.add(*role);
    }

    fn add(&mut self, role: Role) {
        if self.found.contains(&Some(role)) {
            return;
        }
        if let Some(free) = self.found.iter_mut().find(|f| f.is_none()) {
            *free = Some(role);
        }
    }

    fn is_printer(&self) -> bool {
        self.found.contains(&Some(Role::Printer))
    }
}

fn is_type(last: [&[u8]; 3], service: &[u8]) -> bool {
    let [name, transport, domain] = last;
    name.eq_ignore_ascii_case(service)
        && transport.eq_ignore_ascii_case(b"_tcp")
        && domain.eq_ignore_ascii_case(b"local")
}

/// The maker of a printer, if its first word is in the list of products: the value itself is not kept.
fn printer_maker(record: &Record<'_>) -> Option<Product> {
    let mut values = record.strings().filter_map(|s| s.strip_prefix(b"ty=").or_else(|| s.strip_prefix(b"usb_MFG=")));
    values
        .find_map(|v| PRINTER_MAKERS.iter().find(|(w, _)| word(v).0.eq_ignore_ascii_case(w)))
        .and_then(|(_, name)| Product::named(name))
}

/// Hears one SSDP datagram.
pub(super) fn ssdp(datagram: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    let Some((first, len)) = line(datagram.payload) else { return false };
    if begins(first, b"M-SEARCH * HTTP/1.") {
        return true;
    }
    let answer = begins(first, b"HTTP/1.") && word(first).1.starts_with(b"200");
    if !answer && !begins(first, b"NOTIFY * HTTP/1.") {
        return false;
    }
    let mut rest = datagram.payload.get(len..).unwrap_or_default();
    let (mut server, mut subject): (&[u8], Option<&[u8]>) = (b"", None);
    for _ in 0..MAX_FIELDS {
        let Some((field, len)) = line(rest).filter(|(f, _)| !f.is_empty()) else { break };
        rest = rest.get(len..).unwrap_or_default();
        if begins(field, b"SERVER:") {
            server = field.get(b"SERVER:".len()..).unwrap_or_default().trim_ascii();
        } else if begins(field, b"NT:") || begins(field, b"ST:") {
            subject = Some(field.get(b"NT:".len()..).unwrap_or_default().trim_ascii());
        }
    }
    let Some(subject) = subject else { return false };
    let mut said = ears.from_server();
    if !answer {
        // It is sent from any port; the service that it announces answers on this one.
        said.server.port = SSDP_PORT;
    }
    said.protocol(Protocol::Ssdp);
    if answer {
        said.answered();
    }
    if let Some((_, role)) = DEVICE_TYPES.iter().find(|(t, _)| after(subject, t).is_some()) {
        said.server_host(Fact::Role(*role));
    }
    ssdp_server(server, &mut said);
    true
}

/// The words of the `SERVER` field: `Microsoft-Windows/10.0 UPnP/1.0`, `Linux/3.4 UPnP/1.0 MiniUPnPd/1.6`.
fn ssdp_server(server: &[u8], said: &mut Said<'_>) {
    for part in words(server).take(MAX_WORDS) {
        let part = part.strip_suffix(b",").unwrap_or(part);
        let mut halves = part.splitn(2, |o| *o == b'/');
        let (name, version) = (halves.next().unwrap_or_default(), Version::leading(halves.next().unwrap_or_default()));
        if let Some((_, family)) = SYSTEMS.iter().find(|(n, _)| name.eq_ignore_ascii_case(n)) {
            let [major, minor, ..] = version.map_or([0; 4], |v| v.numbers());
            let (Ok(major), Ok(minor)) = (u8::try_from(major), u8::try_from(minor)) else { continue };
            let place = SignPlace::Ssdp;
            said.server_host(Fact::System(SystemSign { place, family: *family, major, minor, build: 0 }));
        } else if let Some(product) = Product::called(name).filter(|p| SSDP_PRODUCTS.contains(&p.name())) {
            // Synology writes its own address where others write a version.
            let version = version.filter(|_| product.name() != "Synology DSM");
            let place = SoftwarePlace::ServerHeader;
            said.service(Fact::Software(Software { product, version, revision: None, place }));
        }
    }
}

/// Where SSDP listens.
pub(super) const SSDP_PORT: u16 = 1900;

/// Fields of a message: real ones have about ten.
const MAX_FIELDS: usize = 32;
/// Words of a `SERVER` field: Tomato writes nine.
const MAX_WORDS: usize = 16;
/// Record types.
const PTR: u16 = 12;
/// Record types.
const TXT: u16 = 16;

/// Types of services over TCP that only one kind of equipment offers.
const SERVICE_TYPES: &[(&[u8], Role)] = &[
    (b"_ipp", Role::Printer),
    (b"_ipps", Role::Printer),
    (b"_printer", Role::Printer),
    (b"_pdl-datastream", Role::Printer),
    (b"_uscan", Role::Printer),
    (b"_axis-video", Role::Camera),
    (b"_rtsp", Role::Camera),
];

/// The first word of a printer's own name for itself.
const PRINTER_MAKERS: &[(&[u8], &str)] =
    &[(b"Brother", "Brother printer"), (b"HP", "HP printer"), (b"Hewlett-Packard", "HP printer")];

/// Device types of UPnP that say what a host is.
const DEVICE_TYPES: &[(&[u8], Role)] = &[
    (b":device:InternetGatewayDevice:", Role::Router),
    (b":device:Printer:", Role::Printer),
    (b":device:DigitalSecurityCamera:", Role::Camera),
];

/// Systems that stand in a `SERVER` field.
const SYSTEMS: &[(&[u8], SystemFamily)] = &[
    (b"Microsoft-Windows", SystemFamily::Windows),
    (b"Microsoft-Windows-NT", SystemFamily::Windows),
    (b"Linux", SystemFamily::Linux),
    (b"Darwin", SystemFamily::Macos),
    (b"FreeBSD", SystemFamily::Bsd),
];

/// Products that may be told from a `SERVER` field.
const SSDP_PRODUCTS: &[&str] = &["MiniUPnPd", "Synology DSM", "gSOAP"];

#[cfg(test)]
mod tests {
    use super::super::names::{MDNS, SSDP};
    use super::super::testing::{facts, hear_datagram};
    use super::*;
    use crate::wire::dns::testing::{message, name, record, txt};

    fn printer(rp: &str) -> Vec<u8> {
        message(
            0x8400, // response, authoritative
            [0, 1, 0, 1],
            &[
                &record("_ipp/_tcp/local", 12, 1, &name("Brother of ZZCANARY/_ipp/_tcp/local")),
                &record(
                    "Brother of ZZCANARY/_ipp/_tcp/local",
                    16,
                    0x8001, // cache flush, Internet
                    &txt(&["txtvers=1", rp, "ty=Brother HL-L2350DW series", "note=Room of ZZCANARY"]),
                ),
            ],
        )
    }

    #[test]
    fn a_printer_announces_itself() {
        let heard = hear_datagram(&MDNS, 5353, 5353, &printer("rp=ipp/print"));
        let product = Product::named("Brother printer").unwrap();
        let software = Software { product, version: None, revision: None, place: SoftwarePlace::Txt };
        assert_eq!(
            facts(&heard)[2..],
            [Fact::Role(Role::Printer), Fact::Software(software)],
            "after the protocol and the answer"
        );
        assert!(!format!("{heard:?}").contains("ZZCANARY"));
    }

    #[test]
    fn a_computer_that_shares_a_queue_is_no_printer() {
        let heard = hear_datagram(&MDNS, 5353, 5353, &printer("rp=printers/Brother"));
        assert!(!facts(&heard).contains(&Fact::Role(Role::Printer)));
    }

    #[test]
    fn who_asks_for_printers_is_no_printer() {
        let question = message(
            0x0000, // a query, with an answer that it knows already
            [1, 1, 0, 0],
            &[
                &crate::wire::dns::testing::question("_ipp/_tcp/local", 12, 1),
                &record("_ipp/_tcp/local", 12, 1, &name("x/_ipp/_tcp/local")),
            ],
        );
        assert!(hear_datagram(&MDNS, 5353, 5353, &question).is_empty());
    }

    #[test]
    fn windows_tells_its_version_by_ssdp() {
        let notify = b"NOTIFY * HTTP/1.1\r\nHost:239.255.255.250:1900\r\nNT:upnp:rootdevice\r\nNTS:ssdp:alive\r\n\
            Location:http://192.168.20.172:2869/ZZCANARY?content=uuid:1\r\n\
            Server:Microsoft-Windows-NT/5.1 UPnP/1.0 UPnP-Device-Host/1.0\r\n\r\n";
        let heard = hear_datagram(&SSDP, 57985, 1900, notify);
        let (place, family) = (SignPlace::Ssdp, SystemFamily::Windows);
        assert_eq!(
            facts(&heard),
            [Fact::Protocol(Protocol::Ssdp), Fact::System(SystemSign { place, family, major: 5, minor: 1, build: 0 })]
        );
        assert!(format!("{heard:?}").contains("1900"));
        assert!(!format!("{heard:?}").contains("ZZCANARY"));
    }

    #[test]
    fn a_router_answers_with_its_upnp_version() {
        let answer = b"HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\
            SERVER: UPnP/Tomato 1.28 Linux/2.6.22 UPnP/1.0 MiniUPnPd/1.6\r\n\r\n";
        let heard = facts(&hear_datagram(&SSDP, 1900, 40000, answer));
        assert!(heard.contains(&Fact::Answered));
        assert!(heard.contains(&Fact::Role(Role::Router)));
        assert!(heard.iter().any(|f| matches!(f, Fact::Software(s)
            if s.product.name() == "MiniUPnPd" && s.version == Version::exact(b"1.6"))));
        assert!(heard.iter().any(|f| matches!(f, Fact::System(s) if (s.major, s.minor) == (2, 6))));
    }

    #[test]
    fn an_address_in_the_place_of_a_version_stays_here() {
        let notify = b"NOTIFY * HTTP/1.1\r\nNT: upnp:rootdevice\r\nSERVER: Synology/DSM/192.168.20.52\r\n\r\n";
        let heard = hear_datagram(&SSDP, 50890, 1900, notify);
        assert!(facts(&heard).iter().any(|f| matches!(f, Fact::Software(s) if s.version.is_none())));
    }

    #[test]
    fn a_search_and_other_octets_say_nothing() {
        let search = b"M-SEARCH * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\nST: ssdp:all\r\n\r\n";
        assert!(hear_datagram(&SSDP, 40000, 1900, search).is_empty());
        assert!(hear_datagram(&SSDP, 40000, 1900, b"NOTIFY * HTTP/1.1\r\n\r\n").is_empty());
        assert!(hear_datagram(&SSDP, 40000, 1900, &[0xff; 40]).is_empty());
    }
}
