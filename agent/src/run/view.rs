//! What the screen of `status` says of sight and machine, in plain words.
//!
//! Keeps: what the last sign of life told of the last window. Drops: everything heard. The names of interfaces are those of this
//! device's own configuration: they stand on its screen, never in a report.

use super::health::ZERO_CELSIUS_K;
use crate::config::{Config, Heard};
use auscult_report::coverage::{Coverage, Ear, EarWay, RadioState, Sight};
use auscult_report::header::Clock;
use auscult_report::heartbeat::Heartbeat;
use auscult_report::machine::{FlashReserve, Machine};

/// A line for each interface, and for the radio if there is to be one.
pub(super) fn sight(config: &Config, beat: &Heartbeat) -> Vec<(String, String)> {
    let Some(coverage) = Coverage::within(&beat.ext) else { return Vec::new() };
    let mut lines: Vec<_> =
        coverage.ears.iter().map(|ear| (name(config, ear), ear_line(ear, coverage.seconds))).collect();
    let radio = match coverage.radio {
        RadioState::None => None,
        RadioState::Missing => Some("not there; looked for again"),
        RadioState::Broken => Some("there, but it cannot be heard"),
        RadioState::Working => Some("heard"),
    };
    lines.extend(radio.map(|text| ("radio".to_owned(), text.to_owned())));
    if coverage.blocked_s > 0 {
        let text = format!("the capture waited {} s for the disk: is it slow, or full?", coverage.blocked_s);
        lines.push(("held up".to_owned(), text));
    }
    lines
}

/// The name of an interface by its number.
fn name(config: &Config, ear: &Ear) -> String {
    match &config.heard {
        Heard::Live(wanted, _) => wanted.get(usize::from(ear.number)).map_or("other".to_owned(), |w| w.name.clone()),
        Heard::Replay(..) => "file".to_owned(),
    }
}

fn ear_line(ear: &Ear, seconds: u32) -> String {
    let sight = match ear.sight {
        Sight::Nothing => "nothing is said there",
        Sight::Broadcast => "broadcasts only (no mirror port?)",
        Sight::Own => "this device's own talk only (no mirror port?)",
        Sight::Router => "both sides of what passes through this device",
        Sight::Mirror => "both sides of what others say",
        Sight::OneSided => "one side only (mirror both directions)",
        Sight::Radio => "the air",
    };
    let way = match ear.way {
        EarWay::Ring => "",
        EarWay::Portable => ", portable",
        EarWay::File => ", file",
        EarWay::Monitor => ", monitor",
        EarWay::AccessPoint => ", access point",
        EarWay::Scan => ", scans",
    };
    let mut text = if ear.heard { String::new() } else { "AWAY NOW; ".to_owned() };
    text += &format!("{sight}; {} frames in {}", ear.frames, span(seconds));
    if ear.lost > 0 {
        text += &format!(", {} lost", ear.lost);
    }
    if ear.deaf_s > 0 {
        text += &format!(", away {}", span(ear.deaf_s));
    }
    text + way
}

/// The machine, what it may still do, and its clock.
pub(super) fn machine(beat: &Heartbeat) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let mut jumps = String::new();
    if let Some(machine) = Machine::within(&beat.ext) {
        lines.push(("machine", machine_line(beat, &machine)));
        lines.extend(Some(("", wear(&machine))).filter(|(_, text)| !text.is_empty()));
        lines.push(("restraint", restraint(&machine)));
        if machine.clock_jumps > 0 {
            jumps = format!(", jumped {} times since the start", machine.clock_jumps);
        }
    }
    let clock = match beat.moment.clock {
        Clock::Unset => "not set: it waits for a time server",
        Clock::Floor => "set forward to the newest time that is proved",
        Clock::Rtc => "from its battery",
        Clock::Ntp => "set by a time server",
        Clock::Collector => "set by the collector",
    };
    lines.push(("clock", format!("{clock}{jumps}")));
    lines
}

fn machine_line(beat: &Heartbeat, machine: &Machine) -> String {
    let mib = |kib: u32| kib / 1_024;
    let health = &beat.health;
    format!(
        "memory {} of {} MiB free, own {}; disk {} of {} MiB free; load {}.{:02}",
        mib(health.memory_free_kib),
        mib(machine.memory_total_kib),
        mib(machine.memory_own_kib),
        mib(health.disk_free_kib),
        mib(machine.disk_total_kib),
        health.load_thousandths / 1_000,
        health.load_thousandths % 1_000 / 10
    )
}

/// What of it ages; empty if it tells nothing.
fn wear(machine: &Machine) -> String {
    let warmth = machine
        .temperature_k
        .map(|kelvin| format!("{} degrees Celsius", i32::from(kelvin).saturating_sub(ZERO_CELSIUS_K)));
    let worn = machine.flash_worn_percent.map(|percent| match percent {
        0..=100 => format!("flash memory up to {percent} % worn"),
        _ => "the flash memory is past its life: replace it".to_owned(),
    });
    let is_low = matches!(machine.flash_reserve, Some(FlashReserve::Low | FlashReserve::Urgent));
    let reserve = is_low.then(|| "its reserve is nearly used".to_owned());
    [warmth, worn, reserve].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn restraint(machine: &Machine) -> String {
    let bound = &machine.restraint;
    let mut words = vec![match (bound.no_capability, bound.no_new_privs) {
        (true, true) => "no administrator's right and no way to one".to_owned(),
        (true, false) => "no administrator's right".to_owned(),
        (false, _) => "administrator's rights are still held".to_owned(),
    }];
    words.extend(bound.seccomp.then(|| "calls bounded".to_owned()));
    words.extend((bound.landlock_abi > 0).then(|| format!("files bounded (Landlock {})", bound.landlock_abi)));
    words.join("; ")
}

/// Seconds as a person says them.
fn span(seconds: u32) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::bounded::Bounded;
    use auscult_report::coverage::EarRole;
    use auscult_report::header::Moment;
    use auscult_report::heartbeat::Health;
    use auscult_report::key::{LedgerId, SensorId};
    use auscult_report::machine::Restraint;
    use auscult_report::payload::Extra;

    fn beat(ext: Vec<Extra>) -> Heartbeat {
        Heartbeat {
            ledger: LedgerId([0; 16]),
            sensor: SensorId([0; 16]),
            key_no: 0,
            head: None,
            moment: Moment { clock: Clock::Ntp, ..Moment::default() },
            health: Health { memory_free_kib: 40_960, load_thousandths: 1_250, ..Health::default() },
            seen: None,
            bundle_version: 0,
            ext: Bounded::first_of(ext).0,
        }
    }

    #[test]
    fn each_interface_is_named_with_what_it_gives_and_what_to_do() {
        let text = "state = \"s\"\n[[capture.interface]]\nname = \"br-lan\"\n[[capture.interface]]\nname = \"eth1\"\n";
        let config = Config::read(text).unwrap();
        let ear = |number, sight, heard, lost, deaf_s| Ear {
            number,
            role: EarRole::Lan,
            way: EarWay::Ring,
            sight,
            heard,
            frames: 812,
            lost,
            deaf_s,
            group: 0,
            foreign: 0,
            conversations: 0,
            both_sides: 0,
        };
        let coverage = Coverage {
            seconds: 900,
            off_s: Some(0),
            blocked_s: 0,
            jumped_ahead_s: 0,
            jumped_back_s: 0,
            radio: RadioState::Missing,
            ears: vec![ear(0, Sight::Router, true, 0, 0), ear(1, Sight::Broadcast, false, 5, 450)].try_into().unwrap(),
            faults: Bounded::new(),
        };
        let lines = sight(&config, &beat(vec![coverage.extra().unwrap()]));
        let said: Vec<String> = lines.iter().map(|(name, text)| format!("{name}: {text}")).collect();
        assert_eq!(said[0], "br-lan: both sides of what passes through this device; 812 frames in 15 min");
        assert_eq!(
            said[1],
            "eth1: AWAY NOW; broadcasts only (no mirror port?); 812 frames in 15 min, 5 lost, away 7 min"
        );
        assert!(said.iter().all(|line| line.len() <= 94), "{said:?}");
        assert_eq!(said[2], "radio: not there; looked for again");
        assert!(sight(&config, &beat(Vec::new())).is_empty(), "a sign of life of an older program");
    }

    #[test]
    fn the_machine_is_told_in_plain_words() {
        let restraint = Restraint { no_capability: true, no_new_privs: true, seccomp: true, landlock_abi: 4 };
        let all = Machine {
            memory_total_kib: 524_288,
            memory_own_kib: 9_412,
            disk_total_kib: 1_048_576,
            temperature_k: Some(331),
            flash_worn_percent: Some(20),
            flash_reserve: Some(FlashReserve::Normal),
            clock_jumps: 2,
            restraint,
        };
        let lines = machine(&beat(vec![all.extra().unwrap()]));
        let said: Vec<&str> = lines.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(
            said,
            [
                "memory 40 of 512 MiB free, own 9; disk 0 of 1024 MiB free; load 1.25",
                "58 degrees Celsius; flash memory up to 20 % worn",
                "no administrator's right and no way to one; calls bounded; files bounded (Landlock 4)",
                "set by a time server, jumped 2 times since the start",
            ]
        );
        assert!(said.iter().all(|line| line.len() <= 88), "{said:?}");
        let past =
            Machine { flash_worn_percent: Some(110), flash_reserve: Some(FlashReserve::Urgent), ..Machine::default() };
        let lines = machine(&beat(vec![past.extra().unwrap()]));
        assert!(lines[1].1.contains("past its life: replace it; its reserve"), "{}", lines[1].1);
        assert!(lines[2].1.contains("still held"), "{}", lines[2].1);
    }
}
