//! What a beacon means for the safety of its network: `wifi-security.tsv`, `wifi-suites.tsv`, `wifi-wps.tsv` and the
//! names of `snmp-and-default-words.tsv`, as pure functions.
//!
//! Keeps: one word of a closed list a question. Drops: the suites and methods that it was made of. A suite that is not
//! listed is unknown, never weak.

use crate::wire::dot11_elements::{Announced, Protection, Suite, Wps};
use auscult_report::fact::{WifiPmf, WifiSecurity, WifiWps};

/// How a network is protected. The first rule that fits wins; `privacy` is bit 4 of the capabilities.
#[must_use]
pub(super) fn security(privacy: bool, heard: &Announced<'_>) -> WifiSecurity {
    match (heard.rsn, heard.wpa) {
        (Some(Ok(rsn)), wpa) => security_of_rsn(&rsn, wpa.and_then(Result::ok).as_ref(), &heard.overrides),
        (Some(Err(_)), _) => WifiSecurity::Unknown,
        // What was cut away may have been the element that protects it.
        (None, _) if heard.incomplete => WifiSecurity::Unknown,
        (None, Some(_)) => WifiSecurity::Wpa1,
        (None, None) if heard.other_protection => WifiSecurity::Unknown,
        (None, None) if privacy => WifiSecurity::Wep,
        (None, None) if heard.owe_transition => WifiSecurity::OweTransitionOpen,
        (None, None) => WifiSecurity::Open,
    }
}

fn security_of_rsn(
    rsn: &Protection<'_>,
    wpa: Option<&Protection<'_>>,
    overrides: &[Option<Protection<'_>>],
) -> WifiSecurity {
    let joining = Ways::of(rsn);
    if joining == (Ways { owe: true, ..Ways::default() }) {
        return WifiSecurity::Owe;
    }
    let group = cipher(rsn.group);
    let pairwise = |wanted| rsn.pairwise.iter().any(|s| cipher(s) == wanted);
    if group == Cipher::Broken || pairwise(Cipher::Broken) {
        return WifiSecurity::RsnWep;
    }
    // WPA beside RSN is the mixed mode of old clients; it allows TKIP only if it lists it.
    let weak = pairwise(Cipher::Weak) || (pairwise(Cipher::Group) && group == Cipher::Weak);
    if weak || wpa.is_some_and(|w| w.pairwise.iter().any(|s| cipher(s) == Cipher::Weak)) {
        return WifiSecurity::Wpa2Tkip;
    }
    let good = pairwise(Cipher::Good) || (pairwise(Cipher::Group) && group == Cipher::Good);
    if !good {
        return WifiSecurity::Unknown;
    }
    if group == Cipher::Weak {
        return WifiSecurity::Wpa2GroupTkip;
    }
    joining.security(overrides.iter().flatten().any(|o| Ways::of(o).sae))
}

/// Whether management frames are protected. `None`: without element 48 there is nothing to protect them with.
#[must_use]
pub(super) fn management_protection(heard: &Announced<'_>) -> Option<WifiPmf> {
    let rsn = match heard.rsn? {
        Ok(rsn) => rsn,
        Err(_) => return Some(WifiPmf::Unknown),
    };
    Some(match (rsn.can_protect(), rsn.must_protect()) {
        (Some(true), Some(true)) => WifiPmf::Required,
        (Some(true), Some(false)) => WifiPmf::Optional,
        // Newer clients are offered more than element 48 says, older ones are not.
        (Some(false), Some(false)) if heard.overrides.iter().flatten().any(|o| o.can_protect() == Some(true)) => {
            WifiPmf::Optional
        }
        (Some(false), Some(false)) => WifiPmf::Off,
        // "Must, but cannot" contradicts the standard.
        _ => WifiPmf::Unknown,
    })
}

/// How strangers may join by Wi-Fi Protected Setup. `known_methods` are those that the access point named before, since
/// beacons need not name them. `None`: it is on, but nobody has heard yet in which way, or it may have been cut away.
#[must_use]
pub(super) fn setup(heard: &Announced<'_>, known_methods: Option<u16>) -> Option<WifiWps> {
    let Some(wps) = heard.wps else { return (!heard.incomplete).then_some(WifiWps::Off) };
    match wps {
        Wps { state: Some(WPS_CONFIGURED), locked: Some(1), .. } => Some(WifiWps::Locked),
        Wps { state: Some(WPS_CONFIGURED), methods, methods_now, .. } => {
            let methods = methods.or(known_methods).or(methods_now)?;
            if methods & WPS_PIN != 0 {
                Some(WifiWps::Pin)
            } else {
                (methods & WPS_BUTTON != 0).then_some(WifiWps::Button)
            }
        }
        Wps { state: Some(_), .. } => Some(WifiWps::Off),
        Wps { state: None, .. } => None,
    }
}

/// Whether it is the name that a factory gives.
#[must_use]
pub(super) fn is_factory_name(name: &[u8]) -> bool {
    FACTORY_NAMES.contains(&name) || FACTORY_PREFIXES.iter().any(|p| name.starts_with(p))
}

/// Whether half the world calls a network so: such a name does not say whose it is.
#[must_use]
pub(super) fn is_common_name(name: &[u8]) -> bool {
    let letters = || name.iter().filter(|o| !matches!(o, b' ' | b'-' | b'_')).map(u8::to_ascii_lowercase);
    COMMON_NAMES.iter().any(|common| letters().eq(common.iter().copied()))
}

/// The number of the channel at a frequency in MHz (IEEE 802.11-2020, annex E; 802.11ax for 6 GHz).
#[must_use]
pub(super) fn channel_at(frequency: u16) -> Option<u8> {
    let base = match frequency {
        2412..=2472 => 2407,
        2484 => return Some(14),
        5160..=5895 => 5000,
        5955..=7115 => 5950,
        _ => return None,
    };
    u8::try_from(frequency.saturating_sub(base) / 5).ok()
}

/// The frequency in MHz of a channel that is announced by what is heard near `heard` MHz: its band is the same.
#[must_use]
pub(super) fn frequency_of(channel: u8, heard: u16) -> Option<u16> {
    let base = match heard {
        2412..=2484 if channel == 14 => return Some(2484),
        2412..=2484 => 2407,
        5160..=5895 => 5000,
        5955..=7115 => 5950,
        _ => return None,
    };
    let frequency = u16::from(channel).saturating_mul(5).saturating_add(base);
    (channel_at(frequency) == Some(channel)).then_some(frequency)
}

/// What the ways of joining are.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Ways {
    enterprise: bool,
    psk: bool,
    sae: bool,
    owe: bool,
    unknown: bool,
}

impl Ways {
    fn of(protection: &Protection<'_>) -> Ways {
        let mut ways = Ways::default();
        for suite in protection.joining.iter() {
            match suite.0 {
                0x000F_AC01 | 0x000F_AC03 | 0x000F_AC05 | 0x000F_AC0B..=0x000F_AC11 | 0x000F_AC17 => {
                    ways.enterprise = true;
                }
                0x0050_F201 | 0x0040_9600 => ways.enterprise = true,
                0x000F_AC02 | 0x000F_AC04 | 0x000F_AC06 | 0x000F_AC13 | 0x000F_AC14 | 0x0050_F202 => ways.psk = true,
                0x000F_AC08 | 0x000F_AC09 | 0x000F_AC18 | 0x000F_AC19 => ways.sae = true,
                0x000F_AC12 => ways.owe = true,
                // TDLS and PASN are never a network's own; DPP is one more way in beside the others.
                0x000F_AC07 | 0x000F_AC15 | 0x506F_9A02 => {}
                _ => ways.unknown = true,
            }
        }
        ways
    }

    /// Rules 9 to 14. A shared password stays one, whatever else is offered; the strong words need that nothing unknown
    /// stands beside them.
    fn security(self, sae_by_override: bool) -> WifiSecurity {
        match self {
            Ways { enterprise: true, psk, sae, .. } if psk || sae => WifiSecurity::Mixed,
            Ways { psk: true, sae: true, owe: false, .. } => WifiSecurity::Wpa3Transition,
            Ways { psk: true, owe: false, .. } if sae_by_override => WifiSecurity::Wpa3Compat,
            Ways { psk: true, owe: false, .. } => WifiSecurity::Wpa2Psk,
            Ways { unknown: true, .. } | Ways { owe: true, .. } => WifiSecurity::Unknown,
            Ways { sae: true, .. } => WifiSecurity::Wpa3Personal,
            Ways { enterprise: true, .. } => WifiSecurity::Enterprise,
            _ => WifiSecurity::Unknown,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cipher {
    Good,
    Weak,
    Broken,
    /// The cipher for everybody serves for each client, too.
    Group,
    Other,
}

const fn cipher(suite: Suite) -> Cipher {
    match suite.0 {
        0x000F_AC00 | 0x0050_F200 => Cipher::Group,
        0x000F_AC01 | 0x000F_AC05 | 0x0050_F201 | 0x0050_F205 => Cipher::Broken,
        0x000F_AC02 | 0x0050_F202 => Cipher::Weak,
        0x000F_AC04 | 0x000F_AC08 | 0x000F_AC09 | 0x000F_AC0A | 0x0050_F204 => Cipher::Good,
        _ => Cipher::Other,
    }
}

/// WPS state 2: it is switched on.
const WPS_CONFIGURED: u8 = 2;

/// Config methods that take a PIN: label, display, keypad.
const WPS_PIN: u16 = 0x0004 | 0x0008 | 0x0100;

/// Config methods that need a finger.
const WPS_BUTTON: u16 = 0x0080;

const FACTORY_NAMES: &[&[u8]] = &[b"linksys", b"OpenWrt", b"xfinitywifi"];

const FACTORY_PREFIXES: &[&[u8]] =
    &[b"NETGEAR", b"TP-Link_", b"dlink", b"ASUS", b"FRITZ!Box", b"ATT", b"MySpectrumWiFi", b"DIRECT-"];

/// In small letters, without what stands between words.
const COMMON_NAMES: &[&[u8]] = &[
    b"guest",
    b"guests",
    b"guestwifi",
    b"guestwlan",
    b"guestnetwork",
    b"wifiguest",
    b"visitor",
    b"visitors",
    b"public",
    b"publicwifi",
    b"freewifi",
    b"wifi",
    b"wlan",
    b"internet",
    b"hotspot",
    b"gast",
    b"invitados",
    b"default",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Element 48 of suites of 00-0F-AC.
    fn rsn(group: u8, pairwise: &[u8], joining: &[u8], capabilities: u8) -> Vec<u8> {
        let mut body = vec![1, 0, 0x00, 0x0f, 0xac, group];
        for list in [pairwise, joining] {
            body.extend([list.len() as u8, 0]);
            list.iter().for_each(|s| body.extend([0x00, 0x0f, 0xac, *s]));
        }
        body.extend([capabilities, 0]);
        let mut element = vec![48, body.len() as u8];
        element.extend(body);
        element
    }

    fn word(privacy: bool, elements: &[u8]) -> &'static str {
        security(privacy, &Announced::read(elements, false)).word()
    }

    const WPA_TKIP: [u8; 24] = [
        221, 22, 0x00, 0x50, 0xf2, 0x01, 1, 0, 0x00, 0x50, 0xf2, 0x02, 1, 0, 0x00, 0x50, 0xf2, 0x02, 1, 0, 0x00, 0x50,
        0xf2, 0x02,
    ];

    #[test]
    fn without_an_element_of_protection_the_privacy_bit_decides() {
        assert_eq!(word(false, &[]), "open");
        assert_eq!(word(true, &[]), "wep");
        assert_eq!(word(false, &[221, 4, 0x50, 0x6f, 0x9a, 0x1c]), "owe-transition-open");
        assert_eq!(word(true, &WPA_TKIP), "wpa1");
        assert_eq!(word(true, &[68, 0]), "unknown");
    }

    #[test]
    fn what_was_cut_away_is_not_taken_for_absent() {
        let cut = Announced::read(&[0, 1, b'x'], true);
        assert_eq!(security(true, &cut), WifiSecurity::Unknown);
        assert_eq!(security(false, &cut), WifiSecurity::Unknown);
        assert_eq!(setup(&cut, None), None);
        let element = rsn(4, &[4], &[2], 0);
        assert_eq!(security(true, &Announced::read(&element, true)), WifiSecurity::Wpa2Psk);
    }

    #[test]
    fn the_first_rule_that_fits_wins() {
        let cases: [(&str, Vec<u8>); 20] = [
            ("owe", rsn(4, &[4], &[18], 0xc0)),
            ("rsn-wep", rsn(1, &[4], &[2], 0)),
            ("rsn-wep", rsn(4, &[5], &[2], 0)),
            ("wpa2-tkip", rsn(2, &[4, 2], &[2], 0)),
            ("wpa2-tkip", rsn(2, &[0], &[2], 0)),
            ("wpa2-tkip", [rsn(4, &[4], &[2], 0), WPA_TKIP.to_vec()].concat()),
            ("wpa2-group-tkip", rsn(2, &[4], &[2], 0)),
            ("wpa2-psk", rsn(4, &[4], &[2], 0)),
            ("wpa2-psk", rsn(4, &[4], &[4, 6], 0)),
            ("wpa3-transition", rsn(4, &[4], &[2, 8], 0x80)),
            ("wpa3-personal", rsn(4, &[4], &[8], 0xc0)),
            ("wpa3-personal", rsn(9, &[9], &[24, 25], 0xc0)),
            ("enterprise", rsn(4, &[4], &[1], 0)),
            ("enterprise", rsn(9, &[9], &[12], 0xc0)),
            ("enterprise", rsn(4, &[4], &[3, 5], 0)),
            ("mixed", rsn(4, &[4], &[1, 2], 0)),
            ("unknown", rsn(4, &[4], &[99], 0)),
            ("unknown", rsn(4, &[99], &[2], 0)),
            ("unknown", rsn(4, &[4], &[8, 99], 0)),
            ("unknown", vec![48, 2, 9, 0]),
        ];
        for (wanted, elements) in cases {
            assert_eq!(word(true, &elements), wanted, "{elements:02x?}");
        }
    }

    #[test]
    fn an_override_makes_it_compatible_with_wpa3() {
        let mut offer = rsn(4, &[4], &[8], 0xc0);
        offer.splice(..2, [221, 24, 0x50, 0x6f, 0x9a, 0x29]);
        let elements = [rsn(4, &[4], &[2], 0), offer].concat();
        let heard = Announced::read(&elements, false);
        assert_eq!(security(true, &heard), WifiSecurity::Wpa3Compat);
        assert_eq!(management_protection(&heard), Some(WifiPmf::Optional));
    }

    #[test]
    fn the_two_bits_of_management_protection() {
        for (bits, wanted) in
            [(0, WifiPmf::Off), (0x80, WifiPmf::Optional), (0xc0, WifiPmf::Required), (0x40, WifiPmf::Unknown)]
        {
            let element = rsn(4, &[4], &[2], bits);
            assert_eq!(management_protection(&Announced::read(&element, false)), Some(wanted));
        }
        assert_eq!(management_protection(&Announced::read(&[], false)), None);
    }

    #[test]
    fn setup_is_judged_by_state_lock_and_methods() {
        let wps = |attributes: &[u8]| {
            let mut element = vec![221, attributes.len() as u8 + 4, 0x00, 0x50, 0xf2, 0x04];
            element.extend(attributes);
            element
        };
        let on = [0x10, 0x44, 0, 1, 2];
        let cases: [(Option<WifiWps>, Vec<u8>, Option<u16>); 8] = [
            (Some(WifiWps::Off), vec![], None),
            (Some(WifiWps::Off), wps(&[0x10, 0x44, 0, 1, 1]), None),
            (None, wps(&on), None),
            (Some(WifiWps::Pin), wps(&on), Some(0x2008)),
            (Some(WifiWps::Button), wps(&on), Some(0x0280)),
            (Some(WifiWps::Pin), wps(&[&on[..], &[0x10, 0x08, 0, 2, 0x26, 0x8c]].concat()), None),
            (Some(WifiWps::Button), wps(&[&on[..], &[0x10, 0x53, 0, 2, 0x06, 0x80]].concat()), None),
            (Some(WifiWps::Locked), wps(&[&on[..], &[0x10, 0x57, 0, 1, 1]].concat()), Some(0x2008)),
        ];
        for (wanted, element, known) in cases {
            assert_eq!(setup(&Announced::read(&element, false), known), wanted, "{element:02x?}");
        }
    }

    #[test]
    fn factory_names_are_whole_names_or_beginnings() {
        for name in [&b"linksys"[..], b"NETGEAR-5G", b"TP-Link_1A2B", b"OpenWrt"] {
            assert!(is_factory_name(name));
        }
        for name in [&b""[..], b"Clinic", b"linksys-upstairs", b"OpenWrt2", b"netgear"] {
            assert!(!is_factory_name(name));
        }
    }

    #[test]
    fn a_frequency_gives_its_channel() {
        assert_eq!(
            [2412, 2437, 2484, 5180, 5955, 900].map(channel_at),
            [Some(1), Some(6), Some(14), Some(36), Some(1), None]
        );
        let back = [(6, 2442), (14, 2484), (36, 5200), (37, 5955), (1, 5180), (6, 900)];
        assert_eq!(
            back.map(|(channel, heard)| frequency_of(channel, heard)),
            [Some(2437), Some(2484), Some(5180), Some(6135), None, None]
        );
    }

    #[test]
    fn a_name_of_half_the_world_is_nobodys() {
        for name in ["Guest", "GUEST-WiFi", "Free Wifi", "wi-fi", "Public_WiFi"] {
            assert!(is_common_name(name.as_bytes()), "{name}");
        }
        for name in ["Clinic-Guest", "Guest2", "", "Clinic-North"] {
            assert!(!is_common_name(name.as_bytes()), "{name}");
        }
    }
}
