//! The findings that were shown, as a text that travels with the record, and whether they follow from it.
//!
//! The text: `auscult findings 1`, `at MILLISECONDS`, `knowledge VERSION`; then a line `judged SENSOR HASH` for each sensor with the
//! newest report that was judged, and for each open finding `finding SENSOR RULE SUBJECT SEVERITY HOLDS` (subject: FORMAT.md, in hex;
//! severity: 0 info to 4 critical; `holds`, or `remembered` where nothing says any more that it does, nor that it is gone). Keeps: what
//! is open. Drops: findings that follow from what people plan, and what people decided: statements of the record say it.

use super::FINDINGS;
use super::daily::Daily;
use super::objects::Record;
use super::repeated::Repeated;
use crate::judge::Judge;
use crate::store::{ClinicStore, NOBODY, StoreError};
use auscult_assess::Severity;
use auscult_assess::knowledge::Knowledge;
use auscult_report::subject::Subject;
use auscult_report::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Findings, as of a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) at: Timestamp,
    pub(super) knowledge: String,
    /// The hash of the newest report that was judged, by sensor; both in hex.
    pub(super) judged: BTreeMap<String, String>,
    pub(super) open: BTreeSet<Line>,
}

/// An open finding: sensor, rule, subject, severity; numbers and octets as they are written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    pub(super) sensor: String,
    pub(super) rule: String,
    pub(super) subject: String,
    pub(super) severity: u8,
    pub(super) holds: bool,
}

impl Shown {
    /// What an archive shows, once it was judged.
    pub(super) fn of(store: &ClinicStore, knowledge: &Knowledge, at: Timestamp) -> Result<Shown, StoreError> {
        let mut shown = Shown { at, knowledge: knowledge.version().to_owned(), ..Shown::default() };
        for sensor in store.sensors()? {
            let newest = store.judged(sensor.id)?.0.report_id;
            if let Some(report) = store.reports_after(sensor.id, newest.saturating_sub(1), 1)?.first() {
                shown.judged.insert(sensor.id.to_string(), hex(&report.hash));
            }
        }
        for found in Judge::new(knowledge).findings(store, false)?.into_iter().filter(|f| f.sensor != NOBODY) {
            let row = found.row;
            let (sensor, subject) = (found.sensor.to_string(), hex(&row.subject));
            shown.open.insert(Line { sensor, rule: row.rule, subject, severity: row.severity, holds: row.holds });
        }
        Ok(shown)
    }

    /// The text.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{FIRST_LINE}\nat {}\nknowledge {}\n", self.at.0, self.knowledge);
        for (sensor, hash) in &self.judged {
            let _ = writeln!(text, "judged {sensor} {hash}");
        }
        for Line { sensor, rule, subject, severity, holds } in &self.open {
            let holds = if *holds { HOLDS } else { REMEMBERED };
            let _ = writeln!(text, "finding {sensor} {rule} {subject} {severity} {holds}");
        }
        text
    }

    /// Reads the text. It comes from whoever is reviewed, and parts of it are shown: every word has its form.
    fn parse(text: &str) -> Option<Shown> {
        let mut lines = text.lines();
        let mut shown = Shown::default();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        shown.at = Timestamp(lines.next()?.strip_prefix("at ")?.parse().ok()?);
        lines.next()?.strip_prefix("knowledge ").filter(|w| is_word(w))?.clone_into(&mut shown.knowledge);
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            if !words.iter().all(|word| is_word(word)) {
                return None;
            }
            match words.as_slice() {
                ["judged", sensor, hash] => drop(shown.judged.insert((*sensor).to_owned(), (*hash).to_owned())),
                ["finding", sensor, rule, subject, severity, holds] if [HOLDS, REMEMBERED].contains(holds) => {
                    let [sensor, rule, subject] = [sensor, rule, subject].map(|word| (*word).to_owned());
                    let (severity, holds) = (severity.parse().ok()?, *holds == HOLDS);
                    shown.open.insert(Line { sensor, rule, subject, severity, holds });
                }
                _ => return None,
            }
        }
        Some(shown)
    }
}

/// Judges what was made again, as of the moment of the text, and says what follows; what was shown must be the same.
pub(super) fn check(
    record: &Record,
    repeated: &Repeated,
    daily: &Daily<'_>,
    say: &mut impl FnMut(&str),
) -> Result<(), String> {
    let knowledge = daily.knowledge;
    let octets = record.file(FINDINGS, MOST_OCTETS)?;
    let shown = std::str::from_utf8(&octets).ok().and_then(Shown::parse).ok_or("findings: the file is none of ours")?;
    let failed = |e: StoreError| e.to_string();
    Judge::new(knowledge).catch_up(&repeated.clinic, shown.at).map_err(failed)?;
    let own = Shown::of(&repeated.clinic, knowledge, shown.at).map_err(failed)?;
    let by = &own.knowledge;
    say(&format!("findings: {} are open by knowledge {by}, as far as the record goes:", counted(&own.open)));
    for level in (0..Severity::ALL.len()).rev() {
        for line in own.open.iter().filter(|l| usize::from(l.severity) == level) {
            say(&format!("  {}", described(line, knowledge)));
        }
    }
    if shown.knowledge != own.knowledge {
        say(&format!("findings: not compared: the archive judges by knowledge {}; use its program", shown.knowledge));
        return Ok(());
    }
    let mut compared: usize = 0;
    for (sensor, judged) in own.judged.iter().chain(&shown.judged).collect::<BTreeMap<_, _>>() {
        if own.judged.get(sensor) != shown.judged.get(sensor) {
            say(&format!("findings: not compared for sensor {sensor}: the record does not end with report {judged}"));
            continue;
        }
        let of = |all: &BTreeSet<Line>| all.iter().filter(|l| l.sensor == *sensor).cloned().collect::<BTreeSet<Line>>();
        let (shown, own) = (of(&shown.open), of(&own.open));
        // Reports that contradict others are not in the record: what follows from them for the sensor itself cannot be told from it.
        let is_doubted = shown.iter().any(|line| asks(line, knowledge, CONTRADICTION));
        // What other knowledge found may still be remembered; what holds now does not depend on it.
        let counts = |line: &&Line| {
            !(is_doubted && asks(line, knowledge, OF_SENSORS)) && (line.holds || !daily.was_of_other_knowledge())
        };
        if let Some(line) = own.difference(&shown).find(counts) {
            return Err(format!(
                "findings: this follows from the record and is not shown: {}",
                described(line, knowledge)
            ));
        }
        if let Some(line) = shown.difference(&own).find(counts) {
            return Err(format!(
                "findings: this is shown and does not follow from the record: {}",
                described(line, knowledge)
            ));
        }
        if is_doubted {
            say(&format!("findings: sensor {sensor} contradicted itself, by reports that are not in the record"));
        }
        compared = compared.saturating_add(own.len());
    }
    say(&format!("findings: what was shown at {} is what follows from the record: {compared}", moment(shown.at)));
    Ok(())
}

/// Whether a rule asks for something.
pub(super) fn asks(line: &Line, knowledge: &Knowledge, name: &str) -> bool {
    knowledge.rule(&line.rule).is_some_and(|rule| rule.condition().contains(name))
}

/// `5 (1 critical, 4 high)`.
fn counted(open: &BTreeSet<Line>) -> String {
    let of = |n: usize| open.iter().filter(|l| usize::from(l.severity) == n).count();
    let levels = Severity::ALL.iter().enumerate().rev().filter(|(n, _)| of(*n) > 0);
    let levels: Vec<String> = levels.map(|(n, level)| format!("{} {}", of(n), level.word())).collect();
    if levels.is_empty() { "none".to_owned() } else { format!("{} ({})", open.len(), levels.join(", ")) }
}

fn described(line: &Line, knowledge: &Knowledge) -> String {
    let level = Severity::ALL.get(usize::from(line.severity)).map_or("?", |level| level.word());
    let title = knowledge.rule(&line.rule).map_or("a rule that this program does not know", |rule| rule.title());
    let subject = octets(&line.subject).and_then(|o| postcard::from_bytes::<Subject>(&o).ok());
    let subject = subject.map_or_else(|| "?".to_owned(), subject_words);
    format!("{level}: {title} ({}; {subject}; sensor {})", line.rule, line.sensor)
}

/// What a finding is about, in words that need no archive.
#[must_use]
pub fn subject_words(subject: Subject) -> String {
    match subject {
        Subject::Sensor => "the sensor".to_owned(),
        Subject::Site => "the site".to_owned(),
        Subject::Host(id) => format!("host {:016x}", id.0),
        Subject::Service(id, transport, port) => format!("service {}/{port} of host {:016x}", transport.word(), id.0),
        Subject::Wireless(bssid) => {
            let octets: Vec<String> = bssid.0.iter().map(|o| format!("{o:02x}")).collect();
            format!("wireless network {}", octets.join(":"))
        }
    }
}

/// A name, a number, or octets in hex.
fn is_word(word: &str) -> bool {
    (1..=MOST_WORD).contains(&word.len()) && word.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.'))
}

/// `2026-11-21 14:02 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    let at = i64::try_from(at.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map_or_else(|| "?".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|o| format!("{o:02x}")).collect()
}

fn octets(hex: &str) -> Option<Vec<u8>> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at.checked_add(2)?)?, 16).ok()).collect()
}

const FIRST_LINE: &str = "auscult findings 1";
const HOLDS: &str = "holds";
const REMEMBERED: &str = "remembered";
/// Names that rules ask for: that a sensor contradicts itself; anything about a sensor.
const CONTRADICTION: &str = "sensor.chain_broken";
pub(super) const OF_SENSORS: &str = "sensor.";
/// Octets of the longest word: a subject in hex is shorter.
const MOST_WORD: usize = 128;
/// A hundred thousand open findings.
const MOST_OCTETS: u64 = 16 << 20;
