//! What is known of wireless networks: `wifi.*` (IEEE 802.11; `wifi.security` by the agent's classes).
//!
//! Keeps: of each radio what it mostly said. Drops: what it said for a moment, as while a button of WPS is pressed.

use super::Heard;
use crate::vocabulary::{Values, Vocabulary};
use auscult_report::fact::{Fact, WifiOwner, WifiPmf, WifiPurpose, WifiSecurity, WifiWps};
use auscult_report::subject::{Bssid, Subject};
use std::collections::BTreeMap;

/// The values of each network.
pub(super) fn values<'k>(
    vocabulary: &'k Vocabulary,
    subjects: &BTreeMap<Subject, Heard<'_>>,
) -> BTreeMap<Bssid, Values<'k>> {
    let networks: BTreeMap<Bssid, &Heard<'_>> = subjects
        .iter()
        .filter_map(|(subject, heard)| if let Subject::Wireless(b) = subject { Some((*b, heard)) } else { None })
        .collect();
    let own: BTreeMap<Bssid, &Heard<'_>> =
        networks.iter().filter(|(_, heard)| owner(heard) == WifiOwner::Own).map(|(b, h)| (*b, *h)).collect();
    networks.into_iter().map(|(bssid, heard)| (bssid, network(vocabulary, bssid, heard, &own))).collect()
}

fn network<'k>(
    vocabulary: &'k Vocabulary,
    bssid: Bssid,
    heard: &Heard<'_>,
    own: &BTreeMap<Bssid, &Heard<'_>>,
) -> Values<'k> {
    let mut values = Values::new(vocabulary);
    let owner = owner(heard);
    values.word("wifi.owner", Some(owner.word()));
    values.word("wifi.security", security(heard).map(WifiSecurity::word));
    let protection = heard.most(|f| if let Fact::WifiPmf(p) = f { Some(*p) } else { None });
    values.word("wifi.pmf", Some(protection.unwrap_or(WifiPmf::Unknown).word()));
    let methods = heard.each(|f| if let Fact::WifiWps(w) = f { Some(*w) } else { None });
    let method = methods.into_keys().max_by_key(|w| weight(*w)).unwrap_or(WifiWps::Unknown);
    values.word("wifi.wps", Some(method.word()));
    values.set("wifi.clear_kinds", heard.words(|f| if let Fact::WifiClearKind(k) = f { Some(k.word()) } else { None }));
    let purpose = heard.most(|f| if let Fact::WifiPurpose(p) = f { Some(*p) } else { None });
    values.word("wifi.purpose", purpose.map(WifiPurpose::word));
    let beacons = heard.count(Fact::WifiBeacon);
    values.number("wifi.beacons", beacons);
    values.number("wifi.clients", heard.count(Fact::WifiClient));
    heard.flags(&mut values);
    // One frame may be a station on its way from one network to the other.
    values.flag("wifi.on_our_cable", heard.count(Fact::WifiOnOurCable) >= ON_CABLE);
    // The median is above the bound where more than half of all are.
    let is_strong = heard.count(Fact::WifiSignalStrong).saturating_mul(2) > beacons;
    values.flag("wifi.signal_strong", is_strong);
    let is_ours = owner == WifiOwner::Own || heard.has(Fact::WifiOnOurCable) || heard.has(Fact::WifiMedicalClient);
    values.flag("wifi.elsewhere", !is_ours && !is_strong);
    // What is the clinic's own was listed.
    values.flag("wifi.known", owner == WifiOwner::Own);
    values.flag("wifi.same_maker", own.keys().any(|o| *o != bssid && maker(*o) == maker(bssid)));
    values.flag("wifi.weaker_than_ours", heard.has(Fact::WifiNameIsOurs) && is_weaker(heard, own));
    values
}

/// Frames of a network's stations on the cable that are no chance.
const ON_CABLE: u32 = 3;

/// A network whose name was learnt late was unknown before: what is known of it outweighs that.
fn owner(heard: &Heard<'_>) -> WifiOwner {
    let known = [WifiOwner::Own, WifiOwner::Neighbour].into_iter().find(|o| heard.has(Fact::WifiOwner(*o)));
    known.unwrap_or(WifiOwner::Unknown)
}

fn security(heard: &Heard<'_>) -> Option<WifiSecurity> {
    heard.most(|f| if let Fact::WifiSecurity(s) = f { Some(*s) } else { None })
}

/// Weaker than every network of ours that bears one of our names: which of the names it is, nobody said.
fn is_weaker(heard: &Heard<'_>, own: &BTreeMap<Bssid, &Heard<'_>>) -> bool {
    let ours = own.values().filter(|o| o.has(Fact::WifiNameIsOurs)).filter_map(|o| strength(security(o)?)).min();
    matches!((security(heard).and_then(strength), ours), (Some(theirs), Some(ours)) if theirs < ours)
}

/// The classes of `wifi.security` from the weakest on; networks with a login of each person are the strongest.
const fn strength(security: WifiSecurity) -> Option<u8> {
    Some(match security {
        WifiSecurity::Open | WifiSecurity::OweTransitionOpen => 0,
        WifiSecurity::Owe => 1,
        WifiSecurity::Wep | WifiSecurity::RsnWep => 2,
        WifiSecurity::Wpa1 => 3,
        WifiSecurity::Wpa2Tkip | WifiSecurity::Wpa2GroupTkip => 4,
        WifiSecurity::Wpa2Psk | WifiSecurity::Wpa3Compat | WifiSecurity::Wpa3Transition | WifiSecurity::Mixed => 5,
        WifiSecurity::Wpa3Personal | WifiSecurity::Enterprise => 6,
        WifiSecurity::Unknown => return None,
    })
}

/// Methods stand in probe responses, not in beacons: what a beacon lets guess loses against what a response says.
const fn weight(wps: WifiWps) -> u8 {
    match wps {
        WifiWps::Unknown => 0,
        WifiWps::Off => 1,
        WifiWps::Button => 2,
        WifiWps::Locked => 3,
        WifiWps::Pin => 4,
    }
}

/// The maker's part of a radio's address, without the bit that says that it was made up (0x02): the second network of
/// an access point has its maker's address with that bit.
const fn maker(bssid: Bssid) -> [u8; 3] {
    let [a, b, c, ..] = bssid.0;
    [a & !2, b, c]
}
