//! The values of a wireless network.
//! Keeps: what its announcements said most often. Drops: what they said only for a moment (a button pressed, a frame
//! damaged).

use crate::value::{Value, Values};
use auscult_report::fact::{ClearKind, Fact, WifiOwner, WifiPmf, WifiWps};
use auscult_report::summary::Sighting;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Everything that is known of a wireless network.
pub(super) fn values(sightings: &[&Sighting]) -> Values {
    let mut values = Values::new();
    let mut set = |name: &'static str, value: Value| values.insert(Cow::Borrowed(name), value);
    let count = |fact: Fact| sightings.iter().filter(|s| s.fact == fact).fold(0u32, |n, s| n.saturating_add(s.count));
    let has = |fact: Fact| count(fact) > 0;
    let beacons = count(Fact::WifiBeacon);
    set("wifi.beacons", Value::count(beacons));
    set("wifi.clients", Value::count(count(Fact::WifiClient)));
    if let Some(word) = most(sightings, |f| if let Fact::WifiSecurity(s) = f { Some(s.word()) } else { None }) {
        set("wifi.security", Value::word(word));
    }
    let pmf = most(sightings, |f| if let Fact::WifiPmf(p) = f { Some(p.word()) } else { None });
    set("wifi.pmf", Value::word(pmf.unwrap_or(WifiPmf::Unknown.word())));
    // Probe responses tell the methods, beacons do not: the more telling word wins over the more frequent one.
    let told = [WifiWps::Pin, WifiWps::Locked, WifiWps::Button, WifiWps::Off];
    let wps = told.into_iter().find(|w| has(Fact::WifiWps(*w))).unwrap_or(WifiWps::Unknown);
    set("wifi.wps", Value::word(wps.word()));
    // A network whose name was learnt late was unknown before: own outweighs it.
    let owner = [WifiOwner::Own, WifiOwner::Neighbour].into_iter().find(|o| has(Fact::WifiOwner(*o)));
    let owner = owner.unwrap_or(WifiOwner::Unknown);
    set("wifi.owner", Value::word(owner.word()));
    set("wifi.known", Value::Bool(owner == WifiOwner::Own));
    set("wifi.hidden", Value::Bool(has(Fact::WifiHidden)));
    set("wifi.name_is_ours", Value::Bool(has(Fact::WifiNameIsOurs)));
    set("wifi.default_name", Value::Bool(has(Fact::WifiDefaultName)));
    set("wifi.signal_strong", Value::Bool(count(Fact::WifiSignalStrong).saturating_mul(2) > beacons));
    set("wifi.medical_client", Value::Bool(has(Fact::WifiMedicalClient)));
    set("wifi.deauth_burst", Value::Bool(has(Fact::WifiDeauthBurst)));
    let kinds: BTreeSet<_> =
        ClearKind::ALL.iter().filter(|k| has(Fact::WifiClearKind(**k))).map(|k| Cow::Borrowed(k.word())).collect();
    if !kinds.is_empty() {
        set("wifi.clear_kinds", Value::Set(kinds));
    }
    values
}

/// The word that was said most often.
fn most(sightings: &[&Sighting], pick: fn(Fact) -> Option<&'static str>) -> Option<&'static str> {
    sightings.iter().filter_map(|s| Some((s.count, pick(s.fact)?))).max_by_key(|(n, _)| *n).map(|(_, word)| word)
}
