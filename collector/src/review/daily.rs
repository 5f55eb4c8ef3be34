//! What was shown, day by day: a statement of each day says how many findings hold and what they hash to, so that who shows a clinic less
//! than he knows has to answer for it on the day when a reviewer comes.
//!
//! The statement: `as-of MILLISECONDS`, `knowledge VERSION`, `knowledge-sha256 HEX`, and a line `sensor SENSOR REPORT NUMBER SHA256` for
//! each sensor: the hash of its newest report that was judged, how many of its findings hold, SHA-256 over a line `RULE SUBJECT
//! SEVERITY` of each, in their order. Keeps: what a sensor's reports say of the clinic. Drops: findings about the sensor itself, which
//! may rest on reports that contradict others, and what is only remembered, which may rest on older knowledge.

use super::findings::{Line, OF_SENSORS, Shown, asks, hex, moment};
use crate::judge::Judge;
use crate::store::{ClinicStore, StoreError};
use auscult_assess::knowledge::Knowledge;
use auscult_report::leaf::LeafKind;
use auscult_report::time::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// States what is shown, once a day and whenever the knowledge is another. To be called when everything is judged. Says whether it did: where
/// nothing was judged yet there is nothing to state.
///
/// # Errors
/// If the store could not be read or written.
pub fn state(store: &ClinicStore, knowledge: &Knowledge, now: Timestamp) -> Result<bool, StoreError> {
    if let Some((at, text)) = store.newest_statement(LeafKind::Findings)?
        && at.days() >= now.days()
        && text.lines().any(|line| line == version(knowledge))
    {
        return Ok(false);
    }
    let judged = judged(&Shown::of(store, knowledge, now)?, knowledge);
    if judged.is_empty() {
        return Ok(false);
    }
    let hash = hex(&knowledge.hash());
    let mut text = format!("as-of {}\n{}\nknowledge-sha256 {hash}\n", now.0, version(knowledge));
    for (sensor, judged) in judged {
        text.push_str(&format!("sensor {sensor} {judged}\n"));
    }
    store.state(LeafKind::Findings, &text, now)?;
    Ok(true)
}

/// The statements of a record, compared one after the other while the archive is made again.
pub(super) struct Daily<'k> {
    pub(super) knowledge: &'k Knowledge,
    compared: u64,
    others: u64,
}

impl<'k> Daily<'k> {
    pub(super) const fn new(knowledge: &'k Knowledge) -> Daily<'k> {
        Daily { knowledge, compared: 0, others: 0 }
    }

    /// Whether anything of the record was judged by another knowledge than this program's.
    pub(super) const fn was_of_other_knowledge(&self) -> bool {
        self.others > 0
    }

    /// Compares a statement with what follows from everything before it.
    pub(super) fn check(&mut self, clinic: &ClinicStore, text: &str) -> Result<(), String> {
        let said = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        if !text.lines().any(|line| line == version(self.knowledge)) {
            self.others = self.others.saturating_add(1);
            return Ok(());
        }
        let as_of = said("as-of").and_then(|ms| ms.parse().ok()).map(Timestamp);
        let as_of = as_of.ok_or("findings: a statement of a day does not say as of when")?;
        let failed = |e: StoreError| e.to_string();
        Judge::new(self.knowledge).catch_up(clinic, as_of).map_err(failed)?;
        let own = judged(&Shown::of(clinic, self.knowledge, as_of).map_err(failed)?, self.knowledge);
        for line in text.lines().filter_map(|line| line.strip_prefix("sensor ")) {
            let Some((sensor, shown)) = line.split_once(' ') else { continue };
            let is_of = |judged: &&String| judged.split(' ').next() == shown.split(' ').next();
            // A report that came while the day was written is judged here and was not there.
            let Some(own) = own.get(sensor).filter(is_of) else { continue };
            if own != shown {
                // Whoever is reviewed wrote the line: only a number of it is shown.
                let number = |judged: &str| judged.split(' ').nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
                return Err(format!(
                    "findings: at {} others were shown than follow from the record: {} of sensor {sensor}, {} follow",
                    moment(as_of),
                    number(shown),
                    number(own)
                ));
            }
        }
        self.compared = self.compared.saturating_add(1);
        Ok(())
    }

    /// How many days were compared, in a line.
    pub(super) fn said(&self) -> String {
        let others = match self.others {
            0 => String::new(),
            n => format!("; {n} more are of other knowledge: use the program of that time"),
        };
        format!(
            "findings: of {} days it was stated what was shown, and it follows from the record{others}",
            self.compared
        )
    }
}

/// Of each sensor: its newest report that was judged, how many findings hold, what they hash to.
fn judged(shown: &Shown, knowledge: &Knowledge) -> BTreeMap<String, String> {
    let of = |(sensor, report): (&String, &String)| {
        let is_stated = |l: &&Line| l.sensor == *sensor && l.holds && !asks(l, knowledge, OF_SENSORS);
        let (mut number, mut hash) = (0u64, Sha256::new());
        for Line { rule, subject, severity, .. } in shown.open.iter().filter(is_stated) {
            hash.update(format!("{rule} {subject} {severity}\n"));
            number = number.saturating_add(1);
        }
        (sensor.clone(), format!("{report} {number} {}", hex(&hash.finalize())))
    };
    shown.judged.iter().map(of).collect()
}

fn version(knowledge: &Knowledge) -> String {
    format!("knowledge {}", knowledge.version())
}
