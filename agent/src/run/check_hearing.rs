//! The part of a check that listens: each interface for itself, with an ear and an engine of its own, for as long as it was told.
//!
//! Keeps: counters, the kind of sight, the words of protocols. Drops: every fact and address that was heard; the engines end
//! with the check.

use super::check_air::Air;
use super::check_paper::Line;
use super::live::now_ns;
use crate::capture::interface::{Keeping, Role, State, Wanted, Way, state};
use crate::capture::kind::{self, sentence};
use crate::capture::several::{Change, Given, Several};
use crate::config::Config;
use crate::places::Places;
use crate::sensor::{Sensor, Settings};
use auscult_report::coverage::Sight;
use auscult_report::fact::Fact;
use auscult_report::summary::Summary;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// One interface with its ear.
pub(super) struct Place {
    wanted: Wanted,
    several: Several,
    sensor: Sensor,
    /// Why the system does not let it be heard.
    refused: Option<String>,
}

/// Opens an ear for each; who cannot be heard is told at once.
pub(super) fn open(config: &Config, wanted: &[Wanted], keeping: Keeping, tell: &mut dyn FnMut(Line)) -> Vec<Place> {
    let mut places = Vec::new();
    for wanted in wanted {
        match Several::open(core::slice::from_ref(wanted), keeping, Vec::new()) {
            Ok(several) => {
                let sensor = Sensor::new(settings(config));
                places.push(Place { wanted: wanted.clone(), several, sensor, refused: None });
            }
            Err(e) => {
                let advice = "run the check as root or with CAP_NET_RAW, and look at capture.method";
                let about = if wanted.role == Role::Air { "radio" } else { "interface" };
                tell(Line::wrong(about, format!("cannot be heard ({})", e.error), advice).of(&wanted.name));
            }
        }
    }
    places
}

fn settings(config: &Config) -> Settings {
    Settings {
        places: Places::new(config.networks.clone()),
        own_names: config.own_ssids.clone(),
        own_bssids: config.own_bssids.clone(),
        purposes: config.purposes.clone(),
        memory: config.memory,
        // Nothing that it names leaves the check.
        key: [0; 32],
    }
}

/// Listens until the time is over or `stop` is set; gives how many seconds it was.
#[expect(clippy::disallowed_methods, reason = "a check takes as long as it was told")]
pub(super) fn hear(places: &mut [Place], within: Duration, stop: &AtomicBool) -> u64 {
    let began = Instant::now();
    while began.elapsed() < within && !stop.load(Ordering::Relaxed) {
        for Place { several, sensor, refused, .. } in &mut *places {
            for change in several.look(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)) {
                *refused = if let Change::Refused(_, why) = change { Some(why) } else { None };
            }
            several.hear(&now_ns, MOST_AT_ONCE, &mut |frame| sensor.hear(frame));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    for Place { several, sensor, .. } in &mut *places {
        several.rest(&now_ns, &mut |frame| sensor.hear(frame));
    }
    began.elapsed().as_secs().max(1)
}

/// What came of it, one line an interface; gives what was heard of the air.
pub(super) fn told<'a>(places: &'a mut [Place], seconds: u64, tell: &mut dyn FnMut(Line)) -> Vec<Air<'a>> {
    let mut airs = Vec::new();
    for Place { wanted, several, sensor, refused } in places {
        let Some(given) = several.given().into_iter().next() else { continue };
        let summary = sensor.close();
        let is_radio = wanted.role == Role::Air;
        airs.push(Air {
            radio: is_radio.then_some(&wanted.name),
            is_heard: given.is_here,
            frames: given.counts.radio,
            networks: beacons(&summary),
        });
        if !is_radio {
            let line = match refused {
                Some(why) => not_let(why),
                None => line(&wanted.name, &given, &state(&wanted.name), &protocols(&summary), seconds),
            };
            tell(line.of(&wanted.name));
        }
    }
    airs
}

/// An interface that is there, and that the system does not let us hear: the cable is not to blame.
fn not_let(why: &str) -> Line {
    let advice = "a newer kernel, or what it can do without: promiscuous = false for this interface";
    Line::wrong("interface", format!("is up, and the system does not let it be heard ({why})"), advice)
}

/// How an interface is heard.
fn line(name: &str, given: &Given, state: &State, protocols: &BTreeSet<&'static str>, seconds: u64) -> Line {
    let wrong = |found: String, advice: String| Line::wrong("interface", found, advice);
    let mut line = match state {
        State::Missing(others) => {
            let others = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
            wrong("is not there".to_owned(), format!("the name in the configuration; this machine has {others}"))
        }
        State::Down => wrong("is down".to_owned(), format!("ip link set {name} up, and whatever keeps it up")),
        State::NoCable => wrong("has no cable, or nothing at its other end".to_owned(), "plug it in".to_owned()),
        State::Up if given.counts.frames == 0 => wrong(
            format!("is up, and not one frame came in {seconds} s"),
            "check the cable and the port of the switch; a mirror has to be switched on there".to_owned(),
        ),
        State::Up => hears(given, protocols, seconds),
    };
    let figures = &mut line.figures;
    let counts = &given.counts;
    let mut put = |name: &str, value: serde_json::Value| drop(figures.insert(name.to_owned(), value));
    put("frames", counts.frames.into());
    put("octets", counts.octets.into());
    put("frames_a_second", a_second(counts.frames, seconds).into());
    put("lost", given.lost.into());
    put("sight", kind::of(counts).word().into());
    put("way", way(given.way).into());
    put("protocols", protocols.iter().copied().collect::<Vec<_>>().into());
    line
}

fn hears(given: &Given, protocols: &BTreeSet<&'static str>, seconds: u64) -> Line {
    let counts = &given.counts;
    let sight = kind::of(counts);
    let mut found = format!(
        "{} frames/s, {} octets/s by the {} way: {}",
        a_second(counts.frames, seconds),
        a_second(counts.octets, seconds),
        way(given.way),
        sentence(sight)
    );
    if protocols.is_empty() {
        found += "; no protocol that it knows yet";
    } else {
        found += &format!("; {}", protocols.iter().copied().collect::<Vec<_>>().join(", "));
    }
    if given.lost > 0 {
        found += &format!("; {} frames LOST", given.lost);
    }
    let fault = fits(given.role, sight);
    match fault {
        Some((true, advice)) => Line::wrong("interface", found, advice),
        Some((false, advice)) => Line::attention("interface", found, advice),
        None if given.lost > 0 => {
            Line::attention("interface", found, "set capture.buffer_kib higher; copy less to this port")
        }
        None => Line::well("interface", found),
    }
}

/// Whether a kind of sight is what the role of the interface promises; if not, whether that makes it useless, and what to try.
const fn fits(role: Role, sight: Sight) -> Option<(bool, &'static str)> {
    match (role, sight) {
        (_, Sight::Mirror | Sight::Router | Sight::Radio) | (Role::Port, Sight::Broadcast | Sight::Own) => None,
        (Role::Mirror, Sight::OneSided) => {
            Some((false, "on the switch let the mirror copy both directions (receive and transmit)"))
        }
        (Role::Mirror, _) => Some((
            true,
            "this is no mirror port: on the switch copy the ports of servers and of the router to this one (mirror, SPAN)",
        )),
        (_, Sight::OneSided) => Some((
            false,
            "the other half passes elsewhere: name the bridge instead of one of its ports, or leave capture.interface.leaving true",
        )),
        (Role::Lan, Sight::Own | Sight::Broadcast | Sight::Nothing) => Some((
            false,
            "on a router name the bridge of the clinic's network; beside a router ask for a mirror port (role = \"mirror\"), or \
             say role = \"port\" if this is all there is",
        )),
        (Role::Air, _) => Some((true, "this is no radio in monitor mode: iw phy PHY interface add mon0 type monitor")),
        (Role::Wan | Role::Port, _) => {
            Some((false, "check that this is the interface that is meant; nobody else is heard through it"))
        }
    }
}

fn protocols(summary: &Summary) -> BTreeSet<&'static str> {
    let word = |fact: &Fact| if let Fact::Protocol(protocol) = fact { Some(protocol.word()) } else { None };
    summary.sightings.iter().filter_map(|s| word(&s.fact)).collect()
}

fn beacons(summary: &Summary) -> usize {
    summary.sightings.iter().filter(|s| s.fact == Fact::WifiBeacon).count()
}

const fn way(way: Way) -> &'static str {
    match way {
        Way::Best | Way::Ring => "ring",
        Way::Portable => "portable",
    }
}

fn a_second(count: u64, seconds: u64) -> u64 {
    count.saturating_add(seconds / 2).checked_div(seconds).unwrap_or(count)
}

/// How soon a stop is noticed; a ring holds what comes meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Frames of one interface before the next has its turn.
const MOST_AT_ONCE: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::super::check_paper::Grade;
    use super::*;
    use crate::capture::sight::Counts;

    fn given(role: Role, counts: Counts, lost: u64) -> Given {
        Given { role, way: Way::Ring, is_here: true, counts, lost, deaf_ms: 0 }
    }

    fn graded(role: Role, counts: Counts, lost: u64) -> (Grade, String) {
        let line = line("eth0", &given(role, counts, lost), &State::Up, &BTreeSet::from(["dicom"]), 10);
        (line.grade, line.text())
    }

    fn both() -> Counts {
        Counts { frames: 1_000, octets: 90_000, others: 900, conversations: 9, both_sides: 9, ..Counts::default() }
    }

    #[test]
    fn a_mirror_that_is_none_is_wrong_and_a_plain_port_that_is_one_is_well() {
        let nothing = Counts::default();
        let one = Counts { both_sides: 0, ..both() };
        let all = Counts { frames: 100, octets: 9_000, group: 100, ..nothing };
        let own = Counts { frames: 100, octets: 9_000, own: 100, ..nothing };
        let router = Counts { frames: 100, octets: 9_000, passed: 100, conversations: 1, both_sides: 1, ..nothing };
        let grades = |counts| [Role::Mirror, Role::Lan, Role::Wan, Role::Port].map(|role| graded(role, counts, 0).0);
        use Grade::{Attention, Well, Wrong};
        assert_eq!(grades(both()), [Well, Well, Well, Well]);
        assert_eq!(grades(router), [Well, Well, Well, Well]);
        assert_eq!(grades(one), [Attention, Attention, Attention, Attention]);
        assert_eq!(grades(all), [Wrong, Attention, Attention, Well]);
        assert_eq!(grades(own), [Wrong, Attention, Attention, Well]);
        assert_eq!(grades(nothing), [Wrong; 4]);
        assert!(graded(Role::Mirror, all, 0).1.contains("no mirror port"));
    }

    #[test]
    fn losses_are_said_and_looked_at() {
        let (grade, text) = graded(Role::Lan, both(), 3);
        assert!(grade == Grade::Attention && text.contains("3 frames LOST") && text.contains("buffer_kib"), "{text}");
        assert!(text.contains("100 frames/s, 9000 octets/s by the ring way") && text.contains("; dicom"), "{text}");
    }

    #[test]
    fn an_interface_that_cannot_be_heard_says_why() {
        for (state, words) in [
            (State::Missing(vec!["lo".to_owned(), "br-lan".to_owned()]), "lo, br-lan"),
            (State::Down, "ip link set eth0 up"),
            (State::NoCable, "plug it in"),
        ] {
            let line = line("eth0", &given(Role::Lan, Counts::default(), 0), &state, &BTreeSet::new(), 10);
            assert!(line.grade == Grade::Wrong && line.text().contains(words), "{}", line.text());
        }
    }
    #[test]
    fn an_interface_that_the_system_refuses_is_not_blamed_on_the_cable() {
        let line = not_let("Protocol not available (os error 92)");
        assert!(line.grade == Grade::Wrong && line.text().contains("os error 92"), "{}", line.text());
        assert!(line.text().contains("promiscuous = false") && !line.text().contains("cable"), "{}", line.text());
    }
}
