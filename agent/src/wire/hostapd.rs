//! The configuration of an access point of this machine (hostapd.conf(5) and the comments of its sample file), as what its
//! beacons announce (IEEE 802.11-2020, 9.4.2): so one classifier judges both.
//!
//! Keeps, by a closed list of keys: interface, address, name (for comparing), channel, ciphers, ways of joining, protection of
//! management frames, WPS without its PIN; that there is a WEP key. Drops: every other line unread. The file holds passwords:
//! a line whose key is not in the list is passed over before its value is looked at, and nothing here can print a value.

use super::WireError;
use super::dot11::{Address, Announcement};
use super::dot11_elements::MAX_NAME;

/// A network that an access point of this machine makes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Told {
    interface: Vec<u8>,
    /// `bssid`.
    pub address: Option<Address>,
    name: Vec<u8>,
    /// `ignore_broadcast_ssid`: 1 an empty name, 2 one of zeros.
    pub hidden: bool,
    channel: Option<u8>,
    /// `wpa`: bit 0 WPA, bit 1 RSN.
    wpa: u8,
    joining: Vec<u32>,
    wpa_pairwise: Vec<u32>,
    rsn_pairwise: Vec<u32>,
    group: Option<u32>,
    /// `ieee80211w`.
    protection: u8,
    wps: u8,
    locked: bool,
    methods: Option<u16>,
    has_wep_key: bool,
    owe_transition: bool,
    override_joining: Vec<u32>,
}

/// Names are not for logs.
impl core::fmt::Debug for Told {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Told(a network of this machine)")
    }
}

/// Reads a file: its first network, and those behind each `bss=`.
///
/// # Errors
/// `Malformed` where it names no interface: it is not what hostapd reads. Never says what stands in it.
pub fn read(octets: &[u8]) -> Result<Vec<Told>, WireError> {
    let mut found: Vec<Told> = Vec::new();
    let mut channel = None;
    for line in octets.split(|o| *o == b'\n').take(MAX_LINES) {
        // Whole lines are compared by their key first: what is not in the list is not looked at.
        let Some((key, value)) = keyed(line) else { continue };
        match key {
            Key::Interface | Key::Bss if found.len() >= MAX_NETWORKS => break,
            Key::Interface | Key::Bss => found.push(Told { interface: bounded(value, 15), ..Told::default() }),
            Key::Channel => channel = decimal(value).filter(|c| *c != 0),
            _ => {
                if let Some(told) = found.last_mut() {
                    told.take(key, value);
                }
            }
        }
    }
    found.iter_mut().for_each(|told| told.channel = channel);
    if found.is_empty() { Err(WireError::Malformed("hostapd configuration")) } else { Ok(found) }
}

impl Told {
    /// What the system calls its interface.
    #[must_use]
    pub fn interface(&self) -> &[u8] {
        &self.interface
    }

    /// A network of which nothing is known but its name and that it is there.
    #[must_use]
    pub fn bare(interface: &[u8], name: &[u8], channel: Option<u8>) -> Told {
        Told { interface: bounded(interface, 15), name: bounded(name, MAX_NAME), channel, ..Told::default() }
    }

    /// The elements of its beacon, or of its answer to a station that knows its name.
    #[must_use]
    pub fn elements(&self, as_beacon: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let name: &[u8] = if as_beacon && self.hidden { &[] } else { &self.name };
        element(&mut out, 0, name);
        element(&mut out, 3, self.channel.as_slice());
        let (rsn, wpa) = (self.wpa & 2 != 0, self.wpa & 1 != 0);
        if rsn && let Some(body) = self.protection(self.pairwise(), &self.joining) {
            element(&mut out, 48, &body);
        }
        if wpa && !self.wpa_pairwise.is_empty() {
            let old = |suites: &[u32]| suites.iter().map(|s| s & 0xff | WPA).collect::<Vec<u32>>();
            let joining: Vec<u32> = self.joining.iter().copied().filter(|s| matches!(*s, PSK | ENTERPRISE)).collect();
            let joining = if joining.is_empty() { vec![PSK] } else { joining };
            let mut body = vec![0x00, 0x50, 0xf2, 1, 1, 0];
            body.extend((self.group() & 0xff | WPA).to_be_bytes());
            [old(&self.wpa_pairwise), old(&joining)].iter().for_each(|list| suites(&mut body, list));
            element(&mut out, 221, &body);
        }
        if self.owe_transition {
            element(&mut out, 221, &[0x50, 0x6f, 0x9a, 0x1c]);
        }
        if !self.override_joining.is_empty()
            && let Some(body) = self.protection(self.pairwise(), &self.override_joining)
        {
            element(&mut out, 221, &[&[0x50, 0x6f, 0x9a, 0x29], &body[..]].concat());
        }
        if self.wps != 0 {
            element(&mut out, 221, &self.setup());
        }
        out
    }

    /// Its announcement with these elements. Where the file says that it is protected, but not how, elements are missing.
    #[must_use]
    pub fn announcement<'a>(&self, address: Address, elements: &'a [u8]) -> Announcement<'a> {
        let privacy = if self.wpa != 0 || self.has_wep_key { PRIVACY } else { 0 };
        Announcement::of(address, ESS | privacy, elements, !self.is_whole())
    }

    /// Whether the file says how the network is protected.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let told = self.wpa & 1 == 0 || !self.wpa_pairwise.is_empty();
        self.wpa != UNTOLD && told && (self.wpa & 2 == 0 || !self.pairwise().is_empty())
    }

    /// This network, of which nobody said how it is protected.
    #[must_use]
    pub fn of_unknown_protection(mut self) -> Told {
        self.wpa = UNTOLD;
        self
    }

    fn take(&mut self, key: Key, value: &[u8]) {
        match key {
            Key::Bssid => self.address = address(value),
            Key::Ssid => self.name = bounded(value, MAX_NAME),
            Key::Ssid2 => self.name = quoted(value).unwrap_or_default(),
            Key::IgnoreBroadcastSsid => self.hidden = decimal(value).is_some_and(|n| n != 0),
            Key::Wpa => self.wpa = decimal(value).filter(|n| *n <= 3).unwrap_or(UNTOLD),
            Key::WpaKeyMgmt => self.joining = words(value, JOINING),
            Key::WpaPairwise => self.wpa_pairwise = words(value, CIPHERS),
            Key::RsnPairwise => self.rsn_pairwise = words(value, CIPHERS),
            Key::GroupCipher => self.group = words(value, CIPHERS).first().copied(),
            Key::Ieee80211w => self.protection = decimal(value).unwrap_or(UNTOLD),
            Key::WpsState => self.wps = decimal(value).unwrap_or(UNTOLD),
            Key::ApSetupLocked => self.locked = decimal(value) == Some(1),
            Key::ConfigMethods => self.methods = Some(methods(value)),
            Key::Wep => self.has_wep_key |= !value.is_empty(),
            Key::OweTransition => self.owe_transition |= !value.is_empty(),
            Key::RsnOverrideKeyMgmt => self.override_joining = words(value, JOINING),
            Key::Interface | Key::Bss | Key::Channel => {}
        }
    }

    /// `rsn_pairwise`, else `wpa_pairwise`, as hostapd takes it.
    fn pairwise(&self) -> &[u32] {
        if self.rsn_pairwise.is_empty() { &self.wpa_pairwise } else { &self.rsn_pairwise }
    }

    /// The weakest cipher that a client may have is the one for everybody: every client must be able to read it.
    fn group(&self) -> u32 {
        let old: &[u32] = if self.wpa & 1 != 0 { &self.wpa_pairwise } else { &[] };
        let new: &[u32] = if self.wpa & 2 != 0 { self.pairwise() } else { &[] };
        let has = |suite: &u32| old.contains(suite) || new.contains(suite);
        let weakest = [TKIP, CCMP, GCMP, GCMP_256, CCMP_256].into_iter().find(has);
        self.group.or(weakest).unwrap_or(UNKNOWN)
    }

    /// Body of element 48: version, group, pairwise, joining, capabilities.
    fn protection(&self, pairwise: &[u32], joining: &[u32]) -> Option<Vec<u8>> {
        if pairwise.is_empty() {
            return None;
        }
        let mut body = vec![1, 0];
        body.extend(self.group().to_be_bytes());
        suites(&mut body, pairwise);
        // hostapd takes WPA-PSK where the file says nothing.
        suites(&mut body, if joining.is_empty() { &[PSK] } else { joining });
        match self.protection {
            0 => body.extend([0, 0]),
            1 => body.extend([0x80, 0]),
            2 => body.extend([0xc0, 0]),
            // Half of the field: unknown to who reads it.
            _ => body.push(0),
        }
        Some(body)
    }

    /// The WPS element: state, lock, methods.
    fn setup(&self) -> Vec<u8> {
        let mut body = vec![0x00, 0x50, 0xf2, 4];
        if self.wps != UNTOLD {
            body.extend([0x10, 0x44, 0, 1, self.wps]);
        }
        if self.locked {
            body.extend([0x10, 0x57, 0, 1, 1]);
        }
        if let Some(methods) = self.methods {
            body.extend([0x10, 0x08, 0, 2]);
            body.extend(methods.to_be_bytes());
        }
        body
    }
}

/// The keys that are looked at; no other line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Interface,
    Bss,
    Bssid,
    Ssid,
    Ssid2,
    IgnoreBroadcastSsid,
    Channel,
    Wpa,
    WpaKeyMgmt,
    WpaPairwise,
    RsnPairwise,
    GroupCipher,
    Ieee80211w,
    WpsState,
    ApSetupLocked,
    ConfigMethods,
    /// Of its value only that there is one.
    Wep,
    /// As above.
    OweTransition,
    RsnOverrideKeyMgmt,
}

/// Octets before the first `=`, and behind it; only of keys in the list.
fn keyed(line: &[u8]) -> Option<(Key, &[u8])> {
    let mut parts = line.splitn(2, |o| *o == b'=');
    let key = match parts.next()?.trim_ascii() {
        b"interface" => Key::Interface,
        b"bss" => Key::Bss,
        b"bssid" => Key::Bssid,
        b"ssid" => Key::Ssid,
        b"ssid2" => Key::Ssid2,
        b"ignore_broadcast_ssid" => Key::IgnoreBroadcastSsid,
        b"channel" => Key::Channel,
        b"wpa" => Key::Wpa,
        b"wpa_key_mgmt" => Key::WpaKeyMgmt,
        b"wpa_pairwise" => Key::WpaPairwise,
        b"rsn_pairwise" => Key::RsnPairwise,
        b"group_cipher" => Key::GroupCipher,
        b"ieee80211w" => Key::Ieee80211w,
        b"wps_state" => Key::WpsState,
        b"ap_setup_locked" => Key::ApSetupLocked,
        b"config_methods" => Key::ConfigMethods,
        b"wep_key0" | b"wep_key1" | b"wep_key2" | b"wep_key3" | b"wep_key_len_broadcast" => Key::Wep,
        b"owe_transition_ssid" | b"owe_transition_ifname" => Key::OweTransition,
        b"rsn_override_key_mgmt" => Key::RsnOverrideKeyMgmt,
        _ => return None,
    };
    let value = parts.next()?;
    // A name may end in a blank; no other value has one that counts.
    Some((key, if key == Key::Ssid { value.strip_suffix(b"\r").unwrap_or(value) } else { value.trim_ascii() }))
}

fn bounded(value: &[u8], most: usize) -> Vec<u8> {
    if value.len() <= most { value.to_vec() } else { Vec::new() }
}

fn decimal(value: &[u8]) -> Option<u8> {
    core::str::from_utf8(value).ok()?.parse().ok()
}

/// `"name"`, `P"name"` without an escape in it, or hexadecimal digits.
fn quoted(value: &[u8]) -> Option<Vec<u8>> {
    let printed = value.strip_prefix(b"P");
    if let Some(name) = printed.unwrap_or(value).strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")) {
        let is_escaped = printed.is_some() && name.contains(&b'\\');
        return (!is_escaped).then(|| bounded(name, MAX_NAME));
    }
    let (pairs, []) = value.as_chunks::<2>() else { return None };
    pairs.iter().take(MAX_NAME).map(octet).collect()
}

/// Two hexadecimal digits.
fn octet(digits: &[u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|d| char::from(d).to_digit(16).and_then(|d| u8::try_from(d).ok()));
    Some(high? << 4 | low?)
}

/// `04:18:d6:20:01:01`.
fn address(value: &[u8]) -> Option<Address> {
    let mut found = [0; 6];
    let mut parts = value.split(|o| *o == b':');
    for place in &mut found {
        *place = octet(parts.next()?.first_chunk::<2>()?)?;
    }
    Some(found)
}

/// Each word as its suite; one that is not listed is unknown, never weak.
fn words(value: &[u8], list: &[(&[u8], u32)]) -> Vec<u32> {
    let known = |word: &[u8]| list.iter().find(|(name, _)| *name == word).map_or(UNKNOWN, |(_, suite)| *suite);
    value.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty()).take(MAX_WORDS).map(known).collect()
}

/// Wi-Fi Simple Configuration 2.0.8, table 33.
fn methods(value: &[u8]) -> u16 {
    value.split(u8::is_ascii_whitespace).take(MAX_WORDS).fold(0, |bits, word| {
        bits | match word {
            b"label" => 0x0004,
            b"display" => 0x0008,
            b"virtual_display" => 0x2008,
            b"physical_display" => 0x4008,
            b"push_button" => 0x0080,
            b"virtual_push_button" => 0x0280,
            b"physical_push_button" => 0x0480,
            b"keypad" => 0x0100,
            _ => 0,
        }
    })
}

/// An element; nothing where there is nothing to say, but a name may be empty.
fn element(out: &mut Vec<u8>, id: u8, body: &[u8]) {
    if let Ok(length) = u8::try_from(body.len())
        && (length > 0 || id == 0)
    {
        out.extend([id, length]);
        out.extend_from_slice(body);
    }
}

fn suites(out: &mut Vec<u8>, list: &[u32]) {
    out.extend(u16::try_from(list.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend(list.iter().flat_map(|suite| suite.to_be_bytes()));
}

const JOINING: &[(&[u8], u32)] = &[
    (b"WPA-EAP", ENTERPRISE),
    (b"WPA-PSK", PSK),
    (b"FT-EAP", 0x000F_AC03),
    (b"FT-PSK", 0x000F_AC04),
    (b"WPA-EAP-SHA256", 0x000F_AC05),
    (b"WPA-PSK-SHA256", 0x000F_AC06),
    (b"SAE", 0x000F_AC08),
    (b"FT-SAE", 0x000F_AC09),
    (b"WPA-EAP-SUITE-B", 0x000F_AC0B),
    (b"WPA-EAP-SUITE-B-192", 0x000F_AC0C),
    (b"FT-EAP-SHA384", 0x000F_AC0D),
    (b"FILS-SHA256", 0x000F_AC0E),
    (b"FILS-SHA384", 0x000F_AC0F),
    (b"FT-FILS-SHA256", 0x000F_AC10),
    (b"FT-FILS-SHA384", 0x000F_AC11),
    (b"OWE", 0x000F_AC12),
    (b"WPA-EAP-SHA384", 0x000F_AC17),
    (b"SAE-EXT-KEY", 0x000F_AC18),
    (b"FT-SAE-EXT-KEY", 0x000F_AC19),
    (b"DPP", 0x506F_9A02),
];

const CIPHERS: &[(&[u8], u32)] =
    &[(b"TKIP", TKIP), (b"CCMP", CCMP), (b"GCMP", GCMP), (b"GCMP-256", GCMP_256), (b"CCMP-256", CCMP_256)];

const ENTERPRISE: u32 = 0x000F_AC01;
const PSK: u32 = 0x000F_AC02;
const TKIP: u32 = 0x000F_AC02;
const CCMP: u32 = 0x000F_AC04;
const GCMP: u32 = 0x000F_AC08;
const GCMP_256: u32 = 0x000F_AC09;
const CCMP_256: u32 = 0x000F_AC0A;
/// No suite of the standard.
const UNKNOWN: u32 = 0x000F_ACFF;
/// Whose the suites of the WPA element are.
const WPA: u32 = 0x0050_F200;

/// Capability bits 0 and 4 (9.4.1.4).
const ESS: u16 = 0x0001;
const PRIVACY: u16 = 0x0010;

/// Nobody said it, or in a way that nobody knows; no key has this value.
const UNTOLD: u8 = 0x80;

/// Networks of one radio: drivers allow 16 at most.
const MAX_NETWORKS: usize = 16;
/// Lines of a file: about 150 a network.
const MAX_LINES: usize = 8_192;
/// Words of a list.
const MAX_WORDS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// As OpenWrt 24 writes it, with every secret that such a file may hold.
    const FILE: &str = "\
        driver=nl80211\nlogger_syslog=127\nhw_mode=g\nchannel=6\n#wpa_passphrase=CanaryComment\ninterface=phy0-ap0\n\
        ctrl_interface=/var/run/hostapd\nssid=Clinic Staff \nwpa=2\nwpa_passphrase=CanaryPassphrase\nwpa_psk=00112233CANARY\n\
        wpa_key_mgmt=WPA-PSK SAE\nsae_password=CanarySae|vlanid=3\nrsn_pairwise=CCMP\nieee80211w=1\nap_pin=12345670\n\
        wps_state=2\nconfig_methods=push_button label\nbssid=04:18:d6:20:01:01\nauth_server_shared_secret=CanaryRadius\n\
        bss=phy0-ap1\nssid2=\"Guest\"\nwpa=0\nignore_broadcast_ssid=1\nbssid=06:18:d6:20:01:01\nwpa_psk_file=/canary\n\
        bss=phy0-ap2\nssid=Old\nwep_default_key=0\nwep_key0=CanaryWepKey0\r\n";

    #[test]
    fn each_network_of_a_file_announces_what_its_beacons_do() {
        let found = read(FILE.as_bytes()).unwrap();
        let names: Vec<_> = found.iter().map(|t| (t.interface(), t.name.as_slice(), t.address)).collect();
        assert_eq!(names[0], (&b"phy0-ap0"[..], &b"Clinic Staff "[..], Some([4, 0x18, 0xd6, 0x20, 1, 1])));
        assert_eq!(names[1], (&b"phy0-ap1"[..], &b"Guest"[..], Some([6, 0x18, 0xd6, 0x20, 1, 1])));
        assert_eq!(names[2], (&b"phy0-ap2"[..], &b"Old"[..], None));
        let elements = found[0].elements(true);
        let staff = found[0].announcement([1; 6], &elements);
        let heard = staff.announced();
        let rsn = heard.rsn.unwrap().unwrap();
        assert!(staff.privacy() && !heard.incomplete && heard.channel == Some(6));
        assert_eq!((rsn.can_protect(), rsn.must_protect()), (Some(true), Some(false)));
        assert_eq!(rsn.joining.iter().map(|s| s.0).collect::<Vec<_>>(), [PSK, 0x000F_AC08]);
        assert_eq!((rsn.group.0, heard.wps.unwrap().methods), (CCMP, Some(0x84)));
        let elements = found[1].elements(true);
        let guest = found[1].announcement([1; 6], &elements);
        assert!(guest.announced().is_hidden() && !guest.privacy());
        let elements = found[1].elements(false);
        assert_eq!(found[1].announcement([1; 6], &elements).announced().name, Some(&b"Guest"[..]));
        assert!(found[2].announcement([1; 6], &found[2].elements(true)).privacy());
    }

    #[test]
    fn no_octet_of_a_secret_is_kept_or_shown() {
        for told in read(FILE.as_bytes()).unwrap() {
            let kept = [told.elements(true), told.elements(false), told.name.clone(), told.interface.clone()].concat();
            let shown = format!("{told:?} {:?}", kept.escape_ascii().to_string());
            for secret in ["anary", "CANARY", "12345670", "00112233", "vlanid"] {
                assert!(!shown.contains(secret), "{secret} in {shown}");
            }
        }
        let error = read(b"wpa_passphrase=CanaryPassphrase\n").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("Canary"));
    }

    #[test]
    fn ciphers_that_the_file_leaves_to_hostapd_are_not_guessed() {
        let told = &read(b"interface=a\nssid=b\nwpa=2\nwpa_key_mgmt=WPA-PSK\n").unwrap()[0];
        let elements = told.elements(true);
        assert!(!told.is_whole() && told.announcement([1; 6], &elements).announced().incomplete);
        let told = &read(b"interface=a\nssid=b\nwpa=3\nwpa_pairwise=TKIP\nrsn_pairwise=CCMP\n").unwrap()[0];
        let elements = told.elements(true);
        let heard = told.announcement([1; 6], &elements);
        let (rsn, wpa) = (heard.announced().rsn.unwrap().unwrap(), heard.announced().wpa.unwrap().unwrap());
        assert!(told.is_whole() && rsn.group.0 == TKIP && wpa.group.0 == 0x0050_F202);
    }

    #[test]
    fn odd_lines_are_passed_over() {
        assert!(read(b"").is_err() && read(b"\xff\xff\n=\nssid=x\n").is_err());
        let long =
            [b"interface=a\nssid=".to_vec(), vec![b'x'; 33], b"\nbssid=1:2\nwpa=300\nwps_state\n".to_vec()].concat();
        let told = &read(&long).unwrap()[0];
        assert_eq!((told.name.len(), told.address, told.wpa, told.wps), (0, None, UNTOLD, 0));
        assert!(!told.is_whole(), "an odd value is not taken for an open network");
        assert_eq!(quoted(b"436c696e6963"), Some(b"Clinic".to_vec()));
        assert_eq!((quoted(b"P\"a\\x20b\""), quoted(b"43x"), quoted(b"zz")), (None, None, None));
        assert_eq!(read("interface=a\nbss=b\n".repeat(40).as_bytes()).unwrap().len(), MAX_NETWORKS);
    }
}
