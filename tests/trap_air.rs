//! Traps of what is heard in the air: what was there while the sensor learnt, what is somebody else's, what lasts a moment, what an element offers beside the first one.

use crate::both::{device, laptop, rogue};
use crate::frames::{AIR, Recording, segment};
use crate::octets::{beacons, datagram, dns, name, network, record, rsn};
use crate::tale::Tale;
use crate::talks::{DEVICE, SERVER, ok};
use crate::told::{NAME, OWN, PSK, TWIN, air, twins};
use crate::trap::Told::{AtMost, Not, Says, Still};
use crate::trap::Trap;
use crate::trapped::{OWE_PAIR, PUSH_BUTTON};
use auscult_assess::Severity;

pub const OF_THE_AIR: &[Trap] = &[
    (
        "wifi-open-network",
        "a printer's or TV's Wi-Fi Direct",
        Not(|| air(network(TWIN, "DIRECT-7c-HP OfficeJet", &[])), || air(network(OWN, "DIRECT-7c-HP OfficeJet", &[]))),
    ),
    ("wifi-open-network", "a sign-in page is not encryption", Still(Severity::Medium, || air(signs_in(OWN)))),
    (
        "wifi-owe-transition-open",
        "this is the intended set-up",
        AtMost(Severity::Low, || air(network(OWN, NAME, OWE_PAIR))),
    ),
    ("wifi-wep", "vendor WPS or mesh backhaul beacons", Not(|| air(private(20, 3)), || air(private(0, 12)))),
    ("wifi-wep", "old scanners and handhelds", Says("equipment that only knows WEP")),
    ("wifi-wpa-tkip", "mixed mode: most clients may use AES", Says("still allows")),
    (
        "wifi-wpa-tkip",
        "mixed mode: most clients may use AES",
        Still(Severity::Medium, || air(network(OWN, NAME, MIXED))),
    ),
    (
        "wifi-wps-pin",
        "config methods stand in probe responses",
        Not(|| air(set_up(BEACON)), || air(set_up(PROBE_RESPONSE))),
    ),
    (
        "wifi-wps-pin",
        "many access points show the PIN method",
        Not(|| air(network(OWN, NAME, &with_rsn(PIN_LOCKED))), || air(network(OWN, NAME, &with_rsn(PIN)))),
    ),
    (
        "wifi-wps-on",
        "harmless unless the button",
        AtMost(Severity::Info, || air(network(OWN, NAME, &with_rsn(PUSH_BUTTON)))),
    ),
    (
        "wifi-pmf-off",
        "RSN override elements can offer PMF",
        Not(|| air(network(OWN, NAME, &with_rsn(OVERRIDE))), || air(network(OWN, NAME, &with_rsn(&[])))),
    ),
    (
        "wifi-hidden-open",
        "mesh backhaul, setup networks",
        Not(|| air(network(TWIN, "", &[])), || air(network(OWN, "", &[]))),
    ),
    ("wifi-hidden-open", "hiding a name protects nothing", Still(Severity::Medium, || air(network(OWN, "", &[])))),
    (
        "wifi-evil-twin",
        "a replaced or added access point",
        AtMost(Severity::Low, || air(twins(SAME_MAKER, &rsn(PSK, 0)))),
    ),
    (
        "wifi-evil-twin",
        "a phone hotspot that a staff member",
        AtMost(Severity::Medium, || air(twins(HOTSPOT, &rsn(PSK, 0)))),
    ),
    ("wifi-evil-twin", "a common name such as", Not(|| namesakes("Guest-WiFi"), || namesakes("Clinic-North"))),
    ("wifi-rogue-on-cable", "a new access point of the provider", Not(|| rogue(5), || rogue(18))),
    ("wifi-clear-traffic", "listening to other people's frames", Not(|| air(signs_in(TWIN)), || air(signs_in(OWN)))),
    ("wifi-clear-traffic", "multicast noise (mDNS, SSDP)", Not(|| air(multicast()), || air(signs_in(OWN)))),
    ("medical-device-on-open-wifi", "a doctor's laptop with a viewer", Not(laptop, || device(&[], None))),
    (
        "wifi-default-name",
        "carriers' boxes have unique passwords",
        AtMost(Severity::Info, || air(network(OWN, "linksys", &rsn(PSK, 0)))),
    ),
];

/// Announcements with the bit of privacy, and no element that says by what: `safe` of them have one beside them.
fn private(safe: u16, bare: u16) -> Vec<u8> {
    let mut recording = Recording::of(AIR);
    beacons(&mut recording, safe, OWN, NAME, &rsn(PSK, 0));
    for number in 0..bare {
        recording.frame(&announced(BEACON, number, &[]));
    }
    recording.octets().to_vec()
}

/// A network with WPS whose beacons name no method; its probe responses, or more of its beacons, name a PIN on a label.
fn set_up(kind: u8) -> Vec<u8> {
    let mut recording = Recording::of(AIR);
    for number in 0..12 {
        recording.frame(&announced(BEACON, number, &with_rsn(NO_METHOD)));
    }
    if kind == PROBE_RESPONSE {
        recording.frame(&announced(PROBE_RESPONSE, 12, &with_rsn(PIN)));
    }
    recording.octets().to_vec()
}

/// A beacon or a probe response of the clinic's network (IEEE 802.11-2020 9.3.3.2, 9.3.3.10), with privacy.
fn announced(kind: u8, number: u16, elements: &[u8]) -> Vec<u8> {
    let mut o = vec![kind, 0, 0, 0]; // kind; duration
    o.extend(if kind == BEACON { [0xff; 6] } else { [0, 0x1e, 192, 168, 20, 77] });
    o.extend([OWN, OWN].concat()); // from; network
    o.extend((number << 4).to_le_bytes());
    o.extend([0; 8]); // clock of the access point
    o.extend([100, 0, 0x11, 0]); // every 100 time units; access point, privacy
    o.extend([&[0, u8::try_from(NAME.len()).unwrap()], NAME.as_bytes()].concat());
    o.extend([1, 4, 0x82, 0x84, 0x8b, 0x96, 3, 1, 6]); // rates; channel 6
    o.extend(elements);
    o
}

const BEACON: u8 = 0x80;
const PROBE_RESPONSE: u8 = 0x50;

/// An open network whose access point sends everybody to its sign-in page first.
fn signs_in(bssid: [u8; 6]) -> Vec<u8> {
    let mut recording = Recording::of(AIR);
    beacons(&mut recording, 12, bssid, NAME, &[]);
    let (client, server) = ((DEVICE, 49_600), ([198, 51, 100, 20], 80));
    let asks = b"GET / HTTP/1.1\r\nHost: news.example\r\n\r\n";
    let page = ok("text/html", "", "<title>Welcome</title><form action=\"/in\"><input name=room></form>");
    let (asked, told) = (u32::try_from(asks.len()).unwrap(), u32::try_from(page.len()).unwrap());
    let frames = [
        (true, segment(client, server, 1000, 0x02, &[])),
        (false, segment(server, client, 5000, 0x12, &[])),
        (true, segment(client, server, 1001, 0x10, asks)),
        (false, segment(server, client, 5001, 0x10, page.as_bytes())),
        (true, segment(client, server, 1001 + asked, 0x11, &[])),
        (false, segment(server, client, 5001 + told, 0x11, &[])),
    ];
    for (is_to_network, frame) in &frames {
        recording.frame(&readable(bssid, *is_to_network, frame));
    }
    recording.octets().to_vec()
}

/// Services are announced to all neighbours (RFC 6762), in the open network of the clinic.
fn multicast() -> Vec<u8> {
    let mut recording = Recording::of(AIR);
    beacons(&mut recording, 12, OWN, NAME, &[]);
    let told = dns(0x8400, [0, 1, 0, 0], &[record("_http._tcp.local", 12, &name("Ward._http._tcp.local"))]);
    for _ in 0..20 {
        recording.frame(&readable(OWN, true, &datagram((SERVER, 5353), ([224, 0, 0, 251], 5353), &told)));
    }
    recording.octets().to_vec()
}

/// A frame of the cable as one of the air that anybody can read (9.3.2.1; LLC and SNAP in front, RFC 1042).
fn readable(bssid: [u8; 6], is_to_network: bool, frame: &[u8]) -> Vec<u8> {
    let (to, from) = (&frame[..6], &frame[6..12]);
    let mut o = vec![0x08, if is_to_network { 1 } else { 2 }, 0, 0]; // data; direction; duration
    o.extend(if is_to_network { [&bssid[..], from, to].concat() } else { [to, &bssid[..], from].concat() });
    o.extend([0x10, 0]); // number
    o.extend([0xaa, 0xaa, 3, 0, 0, 0]);
    o.extend(&frame[12..]);
    o
}

/// The clinic's network, which is protected, and somebody's open one of the same name next door.
fn namesakes(ours: &str) -> Tale {
    let mut recording = Recording::of(AIR);
    beacons(&mut recording, 12, OWN, ours, &rsn(PSK, 0));
    beacons(&mut recording, 12, TWIN, ours, &[]);
    let mut tale = air(recording.octets().to_vec());
    tale.place.own_ssids = vec![ours.to_owned()];
    tale
}

fn with_rsn(more: &[u8]) -> Vec<u8> {
    [&rsn(PSK, 0)[..], more].concat()
}

/// Another access point of the maker of the clinic's, and a telephone that made its address up.
const SAME_MAKER: [u8; 6] = [0x04, 0x18, 0xd6, 0x99, 0x01, 0x02];
const HOTSPOT: [u8; 6] = [0x0a, 0x51, 0x2c, 0x01, 0x02, 0x03];

/// Wi-Fi Simple Configuration 12: version 1.0, configured; with a PIN on a label; and locked.
const NO_METHOD: &[u8] = &[0xdd, 14, 0x00, 0x50, 0xf2, 0x04, 0x10, 0x4a, 0, 1, 0x10, 0x10, 0x44, 0, 1, 2];
const PIN: &[u8] =
    &[0xdd, 20, 0x00, 0x50, 0xf2, 0x04, 0x10, 0x4a, 0, 1, 0x10, 0x10, 0x44, 0, 1, 2, 0x10, 0x08, 0, 2, 0, 4];
const PIN_LOCKED: &[u8] = &[
    0xdd, 25, 0x00, 0x50, 0xf2, 0x04, 0x10, 0x4a, 0, 1, 0x10, 0x10, 0x44, 0, 1, 2, 0x10, 0x57, 0, 1, 1, 0x10, 0x08, 0,
    2, 0, 4,
];

/// RSN with CCMP and TKIP for each, TKIP for all, key by PSK.
const MIXED: &[u8] =
    &[48, 24, 1, 0, 0, 0x0f, 0xac, 2, 2, 0, 0, 0x0f, 0xac, 4, 0, 0x0f, 0xac, 2, 1, 0, 0, 0x0f, 0xac, 2, 0, 0];

/// RSN override (Wi-Fi Alliance, WPA3 3.4): CCMP, key by SAE, protected management frames required.
const OVERRIDE: &[u8] = &[
    0xdd, 24, 0x50, 0x6f, 0x9a, 0x29, 1, 0, 0, 0x0f, 0xac, 4, 1, 0, 0, 0x0f, 0xac, 4, 1, 0, 0, 0x0f, 0xac, 8, 0xc0, 0,
];
