//! The part of a check that looks at the air: by which way each radio of the configuration hears (`radio::choose`), or why it does
//! not, as the daemon would find it.
//!
//! Keeps: how each radio stands, how many frames and networks. Drops: names and addresses of networks; the mind that looked ends
//! with the check. Nothing is told to the kernel: a radio in monitor mode is heard on the channel that it is on.

use super::check_paper::Line;
use crate::config::Config;
use crate::radio::kernel::Machine;
use crate::radio::mind::Mind;
use crate::radio::{Ask, Radio, State, Wanted, Way};
use crate::wire::dot11::{Address, Frame};
use std::collections::BTreeSet;

/// What an ear heard of the air.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Air<'a> {
    /// The name of the interface; none where it is no radio of the configuration.
    pub(super) radio: Option<&'a str>,
    /// It is in monitor mode, and heard.
    pub(super) is_heard: bool,
    pub(super) frames: u64,
    /// Networks that announced themselves.
    pub(super) networks: usize,
}

/// A line for each radio of the configuration; where there is none, one for the air. `radios` is how many this machine has.
pub(super) fn told(config: &Config, airs: &[Air<'_>], radios: usize, tell: &mut dyn FnMut(Line)) {
    if config.radios.is_empty() {
        return tell(unasked(airs, radios));
    }
    let mut machine = Machine::open();
    for wanted in &config.radios {
        let air = airs.iter().find(|air| air.radio == Some(&wanted.name)).copied().unwrap_or_default();
        let mut mind = Mind::new(vec![wanted.clone()]);
        mind.ear(&wanted.name, air.is_heard);
        // The first look: every radio is another than it was, and the kernel's table is believed as far back as it goes.
        let looked = mind.look(0, &mut machine);
        let announced: BTreeSet<Address> = looked.networks.iter().filter_map(|n| bssid(&n.air().frame)).collect();
        let beside = announced.iter().filter(|address| !looked.made_here.contains(address)).count();
        let found = Found { air, made_here: looked.made_here.len(), beside };
        if let Some((_, radio)) = looked.changes.first() {
            tell(line(wanted, *radio, found).of(&wanted.name));
        }
    }
}

fn bssid(frame: &Frame<'_>) -> Option<Address> {
    match frame {
        Frame::Beacon(a) | Frame::ProbeResponse(a) => Some(a.bssid),
        _ => None,
    }
}

/// Nobody asked for a radio; an interface of the wire may be one all the same.
fn unasked(airs: &[Air<'_>], radios: usize) -> Line {
    let frames = airs.iter().fold(0u64, |sum, air| sum.saturating_add(air.frames));
    let networks = airs.iter().fold(0usize, |sum, air| sum.saturating_add(air.networks));
    match (frames, radios) {
        (0, 0) => Line::well("radio", "none: Wi-Fi is not heard"),
        (0, _) => Line::well("radio", "this machine has one, and none is configured: Wi-Fi is not heard"),
        _ if networks == 0 => {
            Line::attention("radio", format!("{frames} frames of the air, and no network among them"), ANTENNA)
        }
        _ => Line::well("radio", format!("{frames} frames of the air, {networks} networks")),
    }
}

#[derive(Clone, Copy, Default)]
struct Found<'a> {
    air: Air<'a>,
    /// Networks that this machine makes.
    made_here: usize,
    /// Networks that the system heard.
    beside: usize,
}

fn line(wanted: &Wanted, radio: Radio, found: Found<'_>) -> Line {
    let mut line = match radio.way {
        Way::None => deaf(wanted, radio.state),
        Way::Monitor => monitor(radio.state, found.air),
        Way::AccessPoint => access_point(radio.state, found),
        Way::Scan if found.beside == 0 => Line::attention(
            "radio",
            "by the system's own scans, and none heard a network in the last half minute",
            "nothing, if this machine belongs to a network; else capture.radio.listen_every_s, and look at the antenna",
        ),
        Way::Scan => Line::well("radio", format!("by the system's own scans: {} networks of late", found.beside)),
    };
    let networks = match radio.way {
        Way::None => 0,
        Way::Monitor => found.air.networks,
        Way::AccessPoint | Way::Scan => found.made_here.saturating_add(found.beside),
    };
    line.figures.insert("frames".to_owned(), found.air.frames.into());
    line.figures.insert("networks".to_owned(), networks.into());
    line.figures.insert("way".to_owned(), word(radio.way).into());
    line
}

fn monitor(state: State, air: Air<'_>) -> Line {
    let Air { frames, networks, .. } = air;
    let heard = format!("in monitor mode: {frames} frames, {networks} networks on the channel that it is on");
    match state {
        State::Held => Line::well("radio", format!("{heard}, where it stays: the radio serves another interface")),
        State::Fixed => Line::attention(
            "radio",
            format!("{heard}, where it stays: the system lets nobody choose another"),
            "another driver; one that speaks nl80211 can be sent from channel to channel",
        ),
        _ if frames == 0 => Line::attention("radio", heard, ANTENNA),
        _ => Line::well("radio", format!("{heard}; the agent goes from channel to channel")),
    }
}

fn access_point(state: State, found: Found<'_>) -> Line {
    let Found { made_here, beside, .. } = found;
    let heard = format!("by the access point's own state: {made_here} networks of this machine, {beside} heard beside");
    match state {
        State::Partly => Line::attention(
            "radio",
            format!("{heard}; how its own are protected is not known"),
            "name the files of hostapd (capture.radio.hostapd), and let the agent's user read them",
        ),
        _ => Line::well("radio", heard),
    }
}

/// Why nothing is heard.
fn deaf(wanted: &Wanted, state: State) -> Line {
    let name = &wanted.name;
    let (found, advice) = match state {
        State::Missing => {
            ("is not there".to_owned(), "the name in the configuration; iw dev shows what there is".to_owned())
        }
        State::Blocked => {
            ("is switched off".to_owned(), "rfkill unblock wifi, or the switch of this machine".to_owned())
        }
        State::Down => ("is down".to_owned(), format!("ip link set {name} up, and whatever keeps it up")),
        State::Silent => (
            "the kernel says nothing of it over nl80211".to_owned(),
            "another driver, or monitor mode: old drivers (wext) cannot be asked".to_owned(),
        ),
        _ => match wanted.way {
            Ask::AccessPoint => ("makes no network".to_owned(), "start the access point, or way = \"best\"".to_owned()),
            Ask::Scan => {
                ("is in monitor mode and scans nothing".to_owned(), "way = \"monitor\", or \"best\"".to_owned())
            }
            Ask::Monitor => (
                "is not in monitor mode".to_owned(),
                "iw phy PHY interface add mon0 type monitor; ip link set mon0 up; and name that".to_owned(),
            ),
            Ask::Best => {
                ("is no radio that can be asked".to_owned(), "the name in the configuration; iw dev".to_owned())
            }
        },
    };
    Line::wrong("radio", found, advice)
}

const fn word(way: Way) -> &'static str {
    match way {
        Way::None => "none",
        Way::Monitor => "monitor",
        Way::AccessPoint => "access-point",
        Way::Scan => "scan",
    }
}

const ANTENNA: &str = "check the antenna and the channels of the radio";

#[cfg(test)]
mod tests {
    use super::super::check_paper::Grade;
    use super::*;

    fn wanted(way: Ask) -> Wanted {
        Wanted {
            name: "wlan0".to_owned(),
            way,
            channels: Vec::new(),
            hostapd: Vec::new(),
            dwell_ms: 250,
            listen_every_ms: 0,
        }
    }

    fn said(ask: Ask, way: Way, state: State, found: Found<'_>) -> (Grade, String) {
        let line = line(&wanted(ask), Radio { way, state }, found);
        assert_eq!(line.figures["way"], word(way));
        assert_eq!(line.grade == Grade::Well, line.advice.is_none(), "advice where it is needed: {line:?}");
        (line.grade, line.text())
    }

    #[test]
    fn each_way_is_named_and_each_fault_says_what_to_try() {
        use Grade::{Attention, Well, Wrong};
        let air = Air { radio: Some("wlan0"), is_heard: true, frames: 70, networks: 3 };
        let heard = Found { air, made_here: 2, beside: 5 };
        let nothing = Found::default();
        for (ask, way, state, found, grade, words) in [
            (Ask::Best, Way::Monitor, State::Hears, heard, Well, "70 frames, 3 networks"),
            (Ask::Best, Way::Monitor, State::Hears, nothing, Attention, "antenna"),
            (Ask::Best, Way::Monitor, State::Held, heard, Well, "serves another interface"),
            (Ask::Best, Way::Monitor, State::Fixed, heard, Attention, "nl80211"),
            (Ask::Best, Way::AccessPoint, State::Hears, heard, Well, "2 networks of this machine, 5 heard beside"),
            (Ask::AccessPoint, Way::AccessPoint, State::Partly, heard, Attention, "capture.radio.hostapd"),
            (Ask::Scan, Way::Scan, State::Hears, heard, Well, "5 networks of late"),
            (Ask::Scan, Way::Scan, State::Hears, nothing, Attention, "listen_every_s"),
            (Ask::Best, Way::None, State::Missing, nothing, Wrong, "iw dev"),
            (Ask::Best, Way::None, State::Blocked, nothing, Wrong, "rfkill"),
            (Ask::Best, Way::None, State::Down, nothing, Wrong, "ip link set wlan0 up"),
            (Ask::Best, Way::None, State::Silent, nothing, Wrong, "wext"),
            (Ask::Monitor, Way::None, State::OtherKind, nothing, Wrong, "type monitor"),
            (Ask::AccessPoint, Way::None, State::OtherKind, nothing, Wrong, "makes no network"),
            (Ask::Scan, Way::None, State::OtherKind, nothing, Wrong, "in monitor mode"),
        ] {
            let (found_grade, text) = said(ask, way, state, found);
            assert!(found_grade == grade && text.contains(words), "{ask:?} {way:?} {state:?}: {text}");
        }
    }

    #[test]
    fn without_a_radio_in_the_configuration_the_air_has_one_line() {
        let air = |frames, networks| [Air { frames, networks, ..Air::default() }];
        assert!(unasked(&[], 0).found.starts_with("none"));
        assert!(unasked(&air(0, 0), 1).found.contains("none is configured"));
        assert_eq!(unasked(&air(9, 0), 1).grade, Grade::Attention);
        assert!(unasked(&air(9, 2), 1).found.contains("9 frames of the air, 2 networks"));
    }
}
