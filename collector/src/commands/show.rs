//! What an operator is shown: findings and sensors of a clinic.
//!
//! Keeps: nothing. Drops: nothing that is held; a finding that is not heard any more says so.

use super::Done;
use auscult_assess::Severity;
use auscult_assess::knowledge::Knowledge;
use auscult_collector::judge::{Judge, Open};
use auscult_collector::review::subject_words;
use auscult_collector::run::now;
use auscult_collector::store::ClinicStore;
use auscult_collector::web::{Export, ExportError};
use auscult_report::fingerprint::fingerprint_words;
use auscult_report::time::Timestamp;
use std::io::Write;
use std::process::ExitCode;

pub(super) fn findings(clinic: &ClinicStore, all: bool, out: &mut impl Write) -> Done {
    let knowledge = Knowledge::compiled();
    let judge = Judge::new(&knowledge);
    judge.catch_up(clinic, now()?)?;
    let found = judge.findings(clinic, all)?;
    for finding in &found {
        let Open { sensor, rule, subject, row } = finding;
        let severity = Severity::ALL.get(usize::from(row.severity)).map_or("?", |s| s.word());
        let state = match &row.closed {
            Some((at, by)) => format!("gone since {} ({by})", day(*at)),
            None if row.holds => format!("open since {}", day(row.opened)),
            None => format!("open since {}, not heard since {}", day(row.opened), day(row.held)),
        };
        let title = rule.map_or("(this rule is no longer in the catalogue)", |r| r.title());
        let subject = subject.map_or_else(|| "?".to_owned(), subject_words);
        writeln!(out, "{severity:8} {:3}% {} - {title}", row.confidence, row.rule)?;
        writeln!(out, "         {subject}; {state}; sensor {sensor}")?;
    }
    writeln!(out, "{} findings", found.len())?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a list of a clinic.
pub(super) fn export(clinic: &ClinicStore, file: &str, out: &mut impl Write) -> Done {
    let (row, knowledge) = (clinic.clinic()?, Knowledge::compiled());
    let export = Export { store: clinic, clinic: &row.name, knowledge: &knowledge, now: now()? };
    export.write(file, &mut |piece| out.write_all(piece.as_bytes()).map_err(|_| ExportError::Gone))?;
    Ok(ExitCode::SUCCESS)
}

/// `2026-11-21`, by UTC.
fn day(at: Timestamp) -> String {
    let at = i64::try_from(at.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map_or_else(|| "?".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}

pub(super) fn sensors(clinic: &ClinicStore, out: &mut impl Write) -> Done {
    for sensor in clinic.sensors()? {
        let (head, missing) = clinic.durable(sensor.id)?;
        let head = head.map_or_else(|| "nothing".to_owned(), |h| format!("{}-{}", h.place.epoch, h.place.seq));
        let state = sensor.state.word();
        writeln!(out, "{} {state} ({}) at {}; whole up to {head}", sensor.id, sensor.why, sensor.site)?;
        let words = clinic.keys(sensor.id)?.last().map(|key| fingerprint_words(key).join(" "));
        writeln!(out, "         words: {}", words.unwrap_or_default())?;
        if let Some(hint) = clinic.hint(sensor.id)? {
            writeln!(out, "         enrolled {} from {}, agent {}", day(hint.enrolled), hint.peer, hint.agent)?;
            for other in hint.serial.map(|s| clinic.same_machine(sensor.id, &s)).transpose()?.unwrap_or_default() {
                writeln!(out, "         looks like {other}: the same machine; revoke that one if this replaces it")?;
            }
        }
        for hole in missing {
            writeln!(out, "         missing: {}-{} to {}-{}", hole.epoch, hole.from, hole.epoch, hole.to)?;
        }
    }
    let counts = clinic.counts()?;
    let (reports, forks, queued, refused) = (counts.reports, counts.forks, counts.queued, counts.refused);
    writeln!(out, "{reports} reports, {forks} that contradict, {refused} refused, {queued} wait for the ledger")?;
    Ok(ExitCode::SUCCESS)
}
