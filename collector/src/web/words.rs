//! Plain words for people: times, levels, what a finding is about, what to do in steps. UTC throughout, and it says so.
//!
//! Keeps: nothing. Drops: jargon above the fold; what engineers need stands below it.

use auscult_report::subject::{HostId, Subject};
use auscult_report::time::{MS_PER_DAY, Timestamp};
use auscult_report::zone::Zone;

/// A level, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// 0 info to 4 critical.
    pub(super) number: u8,
    /// What people read.
    pub(super) word: &'static str,
    /// What it asks for.
    pub(super) asks: &'static str,
    /// The class of the stylesheet.
    pub(super) class: &'static str,
}

/// The level of a number in the archive.
pub(super) const fn level(number: u8) -> Level {
    let (word, asks, class) = match number {
        4 => ("Critical", "stop it now", "critical"),
        3 => ("High", "mend it this week", "high"),
        2 => ("Medium", "mend it soon", "medium"),
        1 => ("Low", "mend it when there is time", "low"),
        _ => ("Note", "good to know", "info"),
    };
    Level { number, word, asks, class }
}

/// Whether a sensor that was heard of then is listening now: a report or a sign of life comes within the hour, and one may be late.
pub(super) const fn is_recent(heard: Timestamp, now: Timestamp) -> bool {
    now.since_ms(heard) < 2 * 3_600_000
}

/// `21 November 2026`.
pub(super) fn day(at: Timestamp) -> String {
    shown(at, "%-d %B %Y")
}

/// `21 November 2026, 14:02 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    shown(at, "%-d %B %Y, %H:%M UTC")
}

/// `2026-11-21T14:02:00Z`, for machines.
pub(super) fn machine(at: Timestamp) -> String {
    shown(at, "%Y-%m-%dT%H:%M:%SZ")
}

/// `2026-11-21`, as a form has it.
pub(super) fn date(at: Timestamp) -> String {
    shown(at, "%Y-%m-%d")
}

/// The end of the day that a form names.
pub(super) fn end_of(date: &str) -> Option<Timestamp> {
    let day: jiff::civil::Date = date.parse().ok()?;
    let begin = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond();
    Some(Timestamp(u64::try_from(begin).ok()?.saturating_add(MS_PER_DAY)))
}

/// `2026-11-21T14:02`, as a form has it.
pub(super) fn minute(at: Timestamp) -> String {
    shown(at, "%Y-%m-%dT%H:%M")
}

/// The moment that a form names, UTC.
pub(super) fn at_minute(typed: &str) -> Option<Timestamp> {
    let at: jiff::civil::DateTime = typed.parse().ok()?;
    let ms = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond();
    u64::try_from(ms).ok().map(Timestamp)
}

/// What a person wrote in a form, as one line; `None`: it is too short or too long to say something, or no text.
pub(super) fn typed(text: &str, least: usize, most: usize) -> Option<String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_text = (least..=most).contains(&line.chars().count()) && !line.chars().any(char::is_control);
    is_text.then_some(line)
}

fn shown(at: Timestamp, form: &str) -> String {
    let at = i64::try_from(at.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map_or_else(|| "an unknown time".to_owned(), |at| at.strftime(form).to_string())
}

/// How long ago: `just now`, `4 minutes ago`, `3 days ago`.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    if at.0 == 0 {
        return "never".to_owned();
    }
    match now.since_ms(at) {
        0..60_000 => "just now".to_owned(),
        ms => format!("{} ago", long(ms)),
    }
}

/// How long: `4 minutes`, `3 days`.
pub(super) fn long(ms: u64) -> String {
    let (count, unit) = match ms {
        0..3_600_000 => (ms / 60_000, "minute"),
        3_600_000..172_800_000 => (ms / 3_600_000, "hour"),
        _ => (ms / MS_PER_DAY, "day"),
    };
    counted(usize::try_from(count.max(1)).unwrap_or(usize::MAX), unit)
}

/// The same for what may be shorter: `5 seconds`.
pub(super) fn lasting(ms: u64) -> String {
    if ms < 60_000 { counted(usize::try_from(ms / 1_000).unwrap_or(usize::MAX), "second") } else { long(ms) }
}

/// `1 finding`, `2 findings`.
pub(super) fn counted(count: usize, of: &str) -> String {
    match (count, of.strip_suffix('y')) {
        (1, _) => format!("1 {of}"),
        (_, Some(stem)) if !of.ends_with("ay") => format!("{count} {stem}ies"),
        _ => format!("{count} {of}s"),
    }
}

/// What a device is called: the sensor's pseudonym for it, short enough to say.
pub(super) fn device(host: HostId) -> String {
    let hex = format!("{:016x}", host.0);
    let (first, second) = (hex.get(..4).unwrap_or_default(), hex.get(4..8).unwrap_or_default());
    format!("device {first}-{second}")
}

/// What a finding is about.
pub(super) fn about(subject: Option<Subject>) -> String {
    match subject {
        None => "something that this version does not know".to_owned(),
        Some(Subject::Sensor) => "the sensor itself".to_owned(),
        Some(Subject::Site) => "the whole site".to_owned(),
        Some(Subject::Host(host)) => device(host),
        Some(Subject::Service(host, transport, port)) => match service(port) {
            Some(name) => format!("{name} on {}", device(host)),
            None => format!("{} port {port} on {}", transport.word().to_uppercase(), device(host)),
        },
        Some(Subject::Wireless(bssid)) => {
            let octets: Vec<String> = bssid.0.iter().map(|o| format!("{o:02x}")).collect();
            format!("Wi-Fi network {}", octets.join(":"))
        }
    }
}

/// What usually answers at a port, as its keeper would say. A hint for people: no judgement rests on it.
const fn service(port: u16) -> Option<&'static str> {
    Some(match port {
        21 => "the file server (FTP)",
        22 => "the remote shell (SSH)",
        23 => "the remote shell (Telnet)",
        25 | 465 | 587 => "the mail server",
        53 => "the name server",
        80 | 443 | 8080 | 8443 => "the web server",
        104 | 4242 | 11112 => "the image archive (DICOM)",
        110 | 143 | 993 | 995 => "the mailbox server",
        139 | 445 => "the file shares",
        161 => "the device management (SNMP)",
        389 | 636 => "the directory",
        1433 | 1521 | 3306 | 5432 | 27017 => "the database",
        1883 | 8883 => "the message broker",
        2575 | 6661 => "the patient messages (HL7)",
        3389 => "the remote desktop",
        5900 | 5901 => "the screen sharing (VNC)",
        6379 | 11211 => "the cache",
        8042 => "the image server (Orthanc)",
        9200 => "the search database",
        _ => return None,
    })
}

/// Where somebody is, as an owner would draw it.
pub(super) const fn zone(zone: Zone) -> &'static str {
    match zone {
        Zone::SameSegment => "the clinic's network",
        Zone::Clinical => "the clinical network",
        Zone::Office => "the office network",
        Zone::Guest => "the guest network",
        Zone::Dmz => "the part that is reachable on purpose",
        Zone::Vpn => "the VPN",
        Zone::OtherPrivate => "another site",
        Zone::Outside => "the internet",
    }
}

/// What to do, a step a sentence.
pub(super) fn steps(remedy: &str) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    for part in remedy.split_inclusive(". ") {
        let part = part.trim();
        // An abbreviation or a number with a dot is no end of a sentence.
        let is_new = part.chars().next().is_some_and(char::is_uppercase) || steps.is_empty();
        match steps.last_mut().filter(|_| !is_new) {
            Some(last) => *last = format!("{last} {part}"),
            None => steps.push(part.to_owned()),
        }
    }
    steps
}

/// The first letter of a sentence.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_people_say_them() {
        let now = Timestamp(1_795_219_200_000);
        for (before_ms, said) in [
            (0, "just now"),
            (61_000, "1 minute ago"),
            (3_600_000, "1 hour ago"),
            (47 * 3_600_000, "47 hours ago"),
            (3 * MS_PER_DAY, "3 days ago"),
        ] {
            assert_eq!(ago(Timestamp(now.0 - before_ms), now), said);
        }
        assert_eq!(ago(Timestamp(0), now), "never");
        assert_eq!((day(now), date(now)), ("21 November 2026".to_owned(), "2026-11-21".to_owned()));
        assert_eq!(end_of("2026-11-21"), Some(Timestamp(now.0 + MS_PER_DAY)));
        assert_eq!([end_of("2026-13-01"), end_of("")], [None, None]);
        assert_eq!([counted(1, "clinic"), counted(2, "day"), counted(2, "entry")], ["1 clinic", "2 days", "2 entries"]);
    }

    #[test]
    fn a_minute_of_a_form_finds_its_way_back() {
        let at = Timestamp(1_795_219_200_000 + 14 * 3_600_000 + 120_000);
        assert_eq!((minute(at).as_str(), at_minute("2026-11-21T14:02")), ("2026-11-21T14:02", Some(at)));
        assert_eq!([at_minute(""), at_minute("2026-11-21T25:00"), at_minute("1960-01-01T00:00")], [None; 3]);
        assert_eq!(typed(" two  words\n", 3, 20).as_deref(), Some("two words"));
        assert_eq!([typed("no", 3, 20), typed("far too long", 3, 5), typed("a\u{7}bcd", 3, 20)], [None, None, None]);
    }

    #[test]
    fn a_remedy_becomes_steps_and_loses_no_word() {
        let text = "Close the port now (VPN or list), then ask. Update to 4.4.1 or later. Treat it as a breach: see the clock.";
        assert_eq!(steps(text).len(), 3);
        assert_eq!(steps(text).join(" "), text);
        assert_eq!(steps("Use e.g. a VPN."), ["Use e.g. a VPN."]);
    }
}
