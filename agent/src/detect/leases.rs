//! Who got which address, and what kind of client it is (RFC 2131; `dhcp-fingerprints.tsv`, `windows-by-agent.tsv`).
//!
//! A DHCP client has no address while it says what it is, so [`Leases`] remembers the class until the server's ACK
//! gives the address. Keeps: hardware address, transaction and class of the last [`MAX_PENDING`] clients. Drops: the
//! vendor class and the parameters themselves; host names, domains and client identifiers are never read.

use crate::wire::dhcp::{Kind, Message};
use crate::wire::text::{after, begins};
use auscult_report::fact::{DhcpClass, Fact, Role, SignPlace, Software, SoftwarePlace, SystemFamily, SystemSign};
use auscult_report::product::Product;
use auscult_report::time::Timestamp;
use auscult_report::version::Version;
use core::net::{IpAddr, Ipv4Addr};

/// What an ACK gives a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The client's address.
    pub address: Ipv4Addr,
    /// The client's hardware address, where it is an Ethernet address.
    pub hardware: Option<[u8; 6]>,
    /// The mask of its network: with the address it gives a prefix of the clinic.
    pub subnet_mask: Option<Ipv4Addr>,
    /// The first router.
    pub router: Option<Ipv4Addr>,
    /// The first name server.
    pub name_server: Option<Ipv4Addr>,
    /// The network has a captive portal.
    pub captive_portal: bool,
}

/// The lease that the payload of a datagram from port 67 gives, if it is an ACK.
#[must_use]
pub fn lease(payload: &[u8]) -> Option<Lease> {
    lease_of(&Message::read(payload).ok()?)
}

/// Clients that have not got their address yet, with what they said about themselves.
#[derive(Debug, Default)]
pub struct Leases {
    pending: Vec<Pending>,
}

#[derive(Debug)]
struct Pending {
    hardware: [u8; 6],
    transaction: u32,
    at: Timestamp,
    facts: Facts,
}

impl Leases {
    /// Hears the payload of one datagram from or to port 67. An ACK gives the client's address, its hardware address,
    /// and the facts about it that were heard before (none if nobody heard its question).
    pub fn hear(&mut self, payload: &[u8], at: Timestamp) -> Option<(IpAddr, [u8; 6], Facts)> {
        let message = Message::read(payload).ok()?;
        let hardware = message.hardware?;
        let place = self.pending.iter().position(|p| p.hardware == hardware && p.transaction == message.transaction);
        if !message.is_from_server() {
            self.remember(&message, hardware, place, at);
            return None;
        }
        let lease = lease_of(&message)?;
        let facts = place.map(|p| self.pending.swap_remove(p).facts).unwrap_or_default();
        Some((IpAddr::V4(lease.address), hardware, facts))
    }

    /// Keeps what a client said; the client that has waited longest makes room.
    fn remember(&mut self, message: &Message<'_>, hardware: [u8; 6], place: Option<usize>, at: Timestamp) {
        if !matches!(message.options.kind, Some(Kind::Discover | Kind::Request | Kind::Inform)) {
            return;
        }
        let facts = client(message.options.vendor_class, message.options.parameters);
        if facts.is_empty() {
            return;
        }
        let entry = Pending { hardware, transaction: message.transaction, at, facts };
        if let Some(known) = place.and_then(|p| self.pending.get_mut(p)) {
            *known = entry;
        } else if self.pending.len() < MAX_PENDING {
            self.pending.push(entry);
        } else if let Some(oldest) = self.pending.iter_mut().min_by_key(|p| p.at) {
            *oldest = entry;
        }
    }

    /// How many clients are waiting: at most [`MAX_PENDING`].
    #[must_use]
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether none is waiting.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}

/// A few facts about one client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts([Option<Fact>; MAX_FACTS]);

impl Facts {
    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Fact> + '_ {
        self.0.iter().flatten().copied()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    fn add(&mut self, fact: Fact) {
        if let Some(free) = self.0.iter_mut().find(|f| f.is_none()) {
            *free = Some(fact);
        }
    }

    fn sign(&mut self, place: SignPlace, family: SystemFamily, version: (u8, u8)) {
        self.add(Fact::System(SystemSign { place, family, major: version.0, minor: version.1, build: 0 }));
    }

    fn software(&mut self, name: &str, version: &[u8]) {
        if let Some(product) = Product::named(name) {
            let version = Version::leading(version);
            let place = SoftwarePlace::VendorClass;
            self.add(Fact::Software(Software { product, version, revision: None, place }));
        }
    }
}

/// What option 60 and option 55 say about a client; nothing if it sent neither.
#[must_use]
pub fn client(vendor_class: &[u8], parameters: &[u8]) -> Facts {
    let mut facts = Facts::default();
    let vendor = trimmed(vendor_class);
    if vendor.is_empty() {
        by_parameters(parameters, &mut facts);
    } else {
        by_vendor_class(vendor, parameters, &mut facts);
    }
    facts
}

fn by_vendor_class(vendor: &[u8], parameters: &[u8], facts: &mut Facts) {
    let class = if let Some(rest) = after_any(vendor, &[b"udhcpc", b"udhcp"]) {
        facts.sign(SignPlace::DhcpVendor, SystemFamily::Linux, (0, 0));
        facts.software("udhcp", rest.trim_ascii_start());
        DhcpClass::Udhcpc
    } else if let Some(rest) = after_any(vendor, &[b"dhcpcd-", b"dhcpcd "]) {
        dhcpcd(rest, facts);
        DhcpClass::Dhcpcd
    } else if let Some(version) = after_any(vendor, &[b"android-dhcp-"]) {
        facts.sign(SignPlace::DhcpVendor, SystemFamily::Android, (numbers(version).0, 0));
        DhcpClass::Android
    } else if vendor == b"MSFT 5.0" || vendor == b"MSFT 98" {
        facts.sign(SignPlace::DhcpVendor, SystemFamily::Windows, (0, 0));
        if let Some(version) = windows_by_parameters(parameters) {
            facts.sign(SignPlace::DhcpParameters, SystemFamily::Windows, version);
        }
        DhcpClass::Windows
    } else if begins(vendor, b"AAPLBSDPC/") {
        facts.sign(SignPlace::DhcpVendor, SystemFamily::Macos, (0, 0));
        DhcpClass::Macos
    } else {
        equipment(vendor, facts)
    };
    facts.add(Fact::DhcpClass(class));
}

/// `9.4.1:Linux-5.10.0-8-amd64:x86_64:GenuineIntel`: the version, then the kernel of the system.
fn dhcpcd(rest: &[u8], facts: &mut Facts) {
    let mut parts = rest.split(|o| *o == b':');
    facts.software("dhcpcd", parts.next().unwrap_or_default());
    let system = parts.next().unwrap_or_default();
    for (name, family) in KERNELS {
        if begins(system, name) {
            let release = system.get(name.len()..).and_then(|r| r.strip_prefix(b"-")).unwrap_or_default();
            let place = if release.is_empty() { SignPlace::DhcpVendor } else { SignPlace::DhcpKernel };
            facts.sign(place, *family, numbers(release));
        }
    }
}

/// Printers, telephones, access points and cameras that say so.
fn equipment(vendor: &[u8], facts: &mut Facts) -> DhcpClass {
    // Mfg=<maker>;Typ=Printer;Mod=<model>;Ser=<serial>: only the kind is taken.
    let kind = after(vendor, b";Typ=").unwrap_or_default();
    if [&b"Printer"[..], b"MFP", b"AIO"].iter().any(|k| begins(kind, k)) {
        facts.add(Fact::Role(Role::Printer));
        return DhcpClass::Printer;
    }
    for (prefix, class, role) in EQUIPMENT {
        if begins(vendor, prefix) {
            if let Some(role) = role {
                facts.add(Fact::Role(*role));
            }
            return *class;
        }
    }
    DhcpClass::Other
}

/// Clients that say no vendor class are known by what they ask for, and in which order.
fn by_parameters(parameters: &[u8], facts: &mut Facts) {
    if parameters.is_empty() {
        return;
    }
    let (class, family) = if parameters.starts_with(&[1, 28, 2, 3, 15, 6, 12]) {
        (DhcpClass::Dhclient, None)
    } else if parameters.starts_with(&[1, 121, 3, 6, 15]) && [119, 252].iter().all(|p| parameters.contains(p)) {
        // Both of Apple's systems; only the one with a keyboard asks for NetBIOS name servers and LDAP.
        if [95, 44, 46].iter().all(|p| parameters.contains(p)) {
            (DhcpClass::Macos, Some(SystemFamily::Macos))
        } else {
            (DhcpClass::Ios, Some(SystemFamily::Ios))
        }
    } else if parameters == [1, 3, 6, 12, 15, 26, 33, 42, 119, 121] {
        (DhcpClass::Systemd, Some(SystemFamily::Linux))
    } else {
        (DhcpClass::Other, None)
    };
    if let Some(family) = family {
        facts.sign(SignPlace::DhcpParameters, family, (0, 0));
    }
    facts.add(Fact::DhcpClass(class));
}

/// Major and minor number of the Windows that asks for these, in this order. What later builds added is left out.
fn windows_by_parameters(parameters: &[u8]) -> Option<(u8, u8)> {
    let asked = parameters.iter().filter(|p| !ADDED_LATER.contains(p));
    WINDOWS.iter().find(|(list, _)| asked.clone().eq(list.iter())).map(|(_, version)| *version)
}

fn lease_of(message: &Message<'_>) -> Option<Lease> {
    if !message.is_from_server() || message.options.kind != Some(Kind::Ack) {
        return None;
    }
    // The answer to an INFORM gives no address: the client has one.
    let address = if message.given.is_unspecified() { message.client } else { message.given };
    (!address.is_unspecified()).then_some(Lease {
        address,
        hardware: message.hardware,
        subnet_mask: message.options.subnet_mask,
        router: message.options.router,
        name_server: message.options.name_server,
        captive_portal: message.options.captive_portal,
    })
}

/// The first two numbers of `5.10.0-8-amd64`, as far as they fit an octet.
fn numbers(text: &[u8]) -> (u8, u8) {
    let [major, minor, ..] = Version::leading(text).map_or([0; 4], |v| v.numbers());
    match (u8::try_from(major), u8::try_from(minor)) {
        (Ok(major), Ok(minor)) => (major, minor),
        _ => (0, 0),
    }
}

fn after_any<'a>(text: &'a [u8], prefixes: &[&[u8]]) -> Option<&'a [u8]> {
    prefixes.iter().find(|p| begins(text, p)).and_then(|p| text.get(p.len()..))
}

/// Without blanks, and without the zero octets with which some clients end a text.
fn trimmed(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|o| *o != 0).map_or(0, |p| p.saturating_add(1));
    text.get(..end).unwrap_or_default().trim_ascii()
}

/// Clients that may wait at once: a waiting room after a power cut has less; each takes some 300 octets.
pub const MAX_PENDING: usize = 256;

/// Vendor class, system by vendor class, system by parameters, software, role: a client says at most four of them.
const MAX_FACTS: usize = 5;

/// What dhcpcd calls a system.
const KERNELS: &[(&[u8], SystemFamily)] = &[
    (b"Linux", SystemFamily::Linux),
    (b"FreeBSD", SystemFamily::Bsd),
    (b"NetBSD", SystemFamily::Bsd),
    (b"OpenBSD", SystemFamily::Bsd),
    (b"DragonFly", SystemFamily::Bsd),
];

/// Beginnings of vendor classes.
const EQUIPMENT: &[(&[u8], DhcpClass, Option<Role>)] = &[
    (b"Hewlett-Packard JetDirect", DhcpClass::Printer, Some(Role::Printer)),
    (b"Hewlett-Packard LaserJet", DhcpClass::Printer, Some(Role::Printer)),
    (b"Hewlett-Packard OfficeJet", DhcpClass::Printer, Some(Role::Printer)),
    (b"HP LaserJet", DhcpClass::Printer, Some(Role::Printer)),
    (b"HP Printer", DhcpClass::Printer, Some(Role::Printer)),
    (b"Canon iR", DhcpClass::Printer, Some(Role::Printer)),
    (b"Dell Color", DhcpClass::Printer, Some(Role::Printer)),
    (b"SAMSUNG Network Printer", DhcpClass::Printer, Some(Role::Printer)),
    (b"Zebra Technologies", DhcpClass::Printer, Some(Role::Printer)),
    (b"Cisco Systems, Inc. IP Phone", DhcpClass::Phone, Some(Role::Phone)),
    (b"Cisco Systems Inc. Wireless Phone", DhcpClass::Phone, Some(Role::Phone)),
    (b"CISCO SPA", DhcpClass::Phone, Some(Role::Phone)),
    (b"yealink", DhcpClass::Phone, Some(Role::Phone)),
    (b"Polycom-", DhcpClass::Phone, Some(Role::Phone)),
    (b"Poly-", DhcpClass::Phone, Some(Role::Phone)),
    (b"ipphone.mitel.com", DhcpClass::Phone, Some(Role::Phone)),
    (b"ccp.avaya.com", DhcpClass::Phone, Some(Role::Phone)),
    (b"Avaya", DhcpClass::Phone, Some(Role::Phone)),
    (b"ShoreTel IP Phone", DhcpClass::Phone, Some(Role::Phone)),
    (b"ArubaAP", DhcpClass::AccessPoint, None),
    (b"ArubaInstantAP", DhcpClass::AccessPoint, None),
    (b"Cisco AP", DhcpClass::AccessPoint, None),
    (b"AEROHIVE", DhcpClass::AccessPoint, None),
    (b"Cambium-WiFi-AP", DhcpClass::AccessPoint, None),
    (b"ubnt", DhcpClass::AccessPoint, None),
    (b"AXIS,", DhcpClass::Other, Some(Role::Camera)),
];

/// Parameters that systems began to ask for later, in the middle of an old list: IPv6 only (108), portal (114).
const ADDED_LATER: &[u8] = &[108, 114];

/// What Windows asks for, by major and minor number.
const WINDOWS: &[(&[u8], (u8, u8))] = &[
    (&[1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252], (10, 0)),
    (&[1, 15, 3, 6, 44, 46, 47, 31, 33, 121, 249, 43], (6, 1)),
    (&[1, 15, 3, 6, 44, 46, 47, 31, 33, 249, 43], (5, 1)),
];

/// What is heard of leases, for the reader of a finding.
pub(super) const EAR: (&str, u16, &str) = (
    "dhcp-lease",
    1,
    "What a DHCP client says of itself while it has no address, told of the address that the server then gives it: the order of its \
     parameters (option 55) and its vendor class (option 60) name its kind and sometimes its system. Programs can write any class \
     there, so it is one sign of several. Host names, domains and client identifiers are never read.",
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::dhcp::testing::{message, option};

    fn sign(place: SignPlace, family: SystemFamily, major: u8, minor: u8) -> Fact {
        Fact::System(SystemSign { place, family, major, minor, build: 0 })
    }

    fn said(vendor: &[u8], parameters: &[u8]) -> Vec<Fact> {
        client(vendor, parameters).iter().collect()
    }

    #[test]
    fn a_camera_with_an_old_busybox_tells_its_version() {
        let facts = said(b"udhcp 1.19.4", &[1, 3, 6, 12, 15, 28, 42]);
        assert_eq!(facts.last(), Some(&Fact::DhcpClass(DhcpClass::Udhcpc)));
        assert!(facts.contains(&sign(SignPlace::DhcpVendor, SystemFamily::Linux, 0, 0)));
        assert!(facts.iter().any(|f| matches!(f, Fact::Software(s)
            if s.product.name() == "udhcp" && s.version == Version::exact(b"1.19.4"))));
    }

    #[test]
    fn dhcpcd_tells_the_kernel_where_it_says_it() {
        let facts = said(b"dhcpcd-9.4.1:Linux-5.10.63-v7l+:armv7l:BCM2711", &[1, 3]);
        assert!(facts.contains(&sign(SignPlace::DhcpKernel, SystemFamily::Linux, 5, 10)));
        let facts = said(b"dhcpcd-9.4.1:Linux", &[1, 121]);
        assert!(facts.contains(&sign(SignPlace::DhcpVendor, SystemFamily::Linux, 0, 0)));
        assert!(facts.contains(&Fact::DhcpClass(DhcpClass::Dhcpcd)));
    }

    #[test]
    fn windows_is_told_by_its_class_and_its_age_by_the_order_of_its_parameters() {
        let ten = [1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 114, 119, 121, 249, 252];
        assert!(said(b"MSFT 5.0", &ten).contains(&sign(SignPlace::DhcpParameters, SystemFamily::Windows, 10, 0)));
        let xp = [1, 15, 3, 6, 44, 46, 47, 31, 33, 249, 43];
        assert!(said(b"MSFT 5.0", &xp).contains(&sign(SignPlace::DhcpParameters, SystemFamily::Windows, 5, 1)));
        let neither = said(b"MSFT 5.0", &[1, 3, 6, 15, 33, 26, 42]);
        assert_eq!(
            neither,
            [sign(SignPlace::DhcpVendor, SystemFamily::Windows, 0, 0), Fact::DhcpClass(DhcpClass::Windows)]
        );
    }

    #[test]
    fn telephones_of_apple_and_computers_of_apple_differ_in_what_they_ask_for() {
        assert!(said(b"", &[1, 121, 3, 6, 15, 119, 252]).contains(&Fact::DhcpClass(DhcpClass::Ios)));
        assert!(said(b"", &[1, 121, 3, 6, 15, 108, 114, 119, 252]).contains(&Fact::DhcpClass(DhcpClass::Ios)));
        assert!(said(b"", &[1, 121, 3, 6, 15, 119, 252, 95, 44, 46]).contains(&Fact::DhcpClass(DhcpClass::Macos)));
    }

    #[test]
    fn a_printer_gives_its_kind_and_never_its_serial_number() {
        let facts = said(b"Mfg=Xerox;Typ=MFP;Mod=VersaLink C405;Ser=ZZCANARY19010203;Loc=Print Room", &[]);
        assert_eq!(facts, [Fact::Role(Role::Printer), Fact::DhcpClass(DhcpClass::Printer)]);
        assert!(!format!("{facts:?}").contains("ZZCANARY"));
    }

    #[test]
    fn an_unknown_class_is_other_and_silence_is_nothing() {
        assert_eq!(said(b"ZZCANARY^JOHN", &[1, 3]), [Fact::DhcpClass(DhcpClass::Other)]);
        assert_eq!(said(b"", &[]), []);
    }

    fn discover(last: u8) -> Vec<u8> {
        let mut m = message(
            1,
            [0; 4],
            [0; 4],
            &[&option(53, &[1]), &option(60, b"udhcp 1.19.4"), &option(12, b"ZZCANARY"), &option(55, &[1, 3, 6])],
        );
        m[33] = last; // the last octet of chaddr
        m
    }

    fn ack() -> Vec<u8> {
        message(2, [0; 4], [192, 168, 20, 134], &[&option(53, &[5]), &option(1, &[255, 255, 255, 0])])
    }

    #[test]
    fn the_class_of_a_client_waits_for_its_address() {
        let mut leases = Leases::default();
        assert!(leases.hear(&discover(0x70), Timestamp(1)).is_none());
        let request = message(1, [0; 4], [0; 4], &[&option(53, &[3])]); // says nothing about itself
        assert!(leases.hear(&request, Timestamp(2)).is_none());
        let (address, hardware, facts) = leases.hear(&ack(), Timestamp(3)).unwrap();
        assert_eq!(address, IpAddr::V4(Ipv4Addr::new(192, 168, 20, 134)));
        assert_eq!(hardware, [0xf0, 0x99, 0xbf, 0x20, 0x00, 0x70]);
        assert!(facts.iter().any(|f| f == Fact::DhcpClass(DhcpClass::Udhcpc)));
        assert!(leases.is_empty());
        // Heard again, as on a mirror of both sides: the address is still told, the facts were.
        assert!(leases.hear(&ack(), Timestamp(4)).unwrap().2.is_empty());
        assert!(!format!("{facts:?}").contains("ZZCANARY"));
    }

    #[test]
    fn an_ack_teaches_the_prefix_and_nothing_else_does() {
        let lease = lease(&ack()).unwrap();
        assert_eq!(lease.subnet_mask, Some(Ipv4Addr::new(255, 255, 255, 0)));
        assert_eq!(super::lease(&discover(1)), None);
        let inform = message(2, [10, 0, 0, 7], [0; 4], &[&option(53, &[5])]);
        assert_eq!(super::lease(&inform).map(|l| l.address), Some(Ipv4Addr::new(10, 0, 0, 7)));
    }

    #[test]
    fn no_more_clients_wait_than_the_bound_and_the_oldest_goes_first() {
        let mut leases = Leases::default();
        for n in 0..=255u8 {
            leases.hear(&discover(n), Timestamp(u64::from(n)));
        }
        let mut other = discover(0);
        other[4] = 1; // another transaction
        leases.hear(&other, Timestamp(1000));
        assert_eq!(leases.len(), MAX_PENDING);
        let mut of_first = ack();
        of_first[33] = 0;
        assert!(leases.hear(&of_first, Timestamp(1001)).unwrap().2.is_empty());
    }
}
