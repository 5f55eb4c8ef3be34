//! What people said about reviews and breach matters. Each saying is a statement of the ledger; none is changed.
//!
//! Keeps: every saying, in its order. Drops: nothing; how a matter stands is what its sayings add up to, and is reckoned elsewhere.

use super::fleet::state_it;
use super::{ClinicStore, StoreError, int, nat};
use auscult_report::key::{Hash, SensorId};
use auscult_report::leaf::LeafKind;
use auscult_report::time::Timestamp;
use rusqlite::{Row, params};
use std::fmt::Write;

/// Something that a person said about reviews or a breach matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanEvent {
    /// Its number: 1, 2, ...
    pub no: u64,
    /// Which breach matter; 0: reviews.
    pub matter: u64,
    /// What: a word of `schema/0007_plans.sql`.
    pub what: String,
    /// When it was said; behind everything that was judged before.
    pub at: Timestamp,
    /// Who, by the name to sign in.
    pub person: String,
    /// What it is about: a title, a clock, groups of laws, how much was reviewed.
    pub topic: String,
    /// The moment that it names.
    pub when: Option<Timestamp>,
    /// The number that it names.
    pub number: Option<u64>,
    /// A person's words.
    pub words: String,
    /// The finding that a matter began with: sensor, rule, encoded subject.
    pub finding: Option<(SensorId, String, Vec<u8>)>,
    /// What proves when that was first heard, a line each.
    pub proof: String,
    /// The statement's hash.
    pub statement: Hash,
}

impl ClinicStore {
    /// Keeps what was said, and states it in the ledger, in one transaction. A matter that is opened gets its number here: the first
    /// saying names it by `None`, what follows belongs to it. Gives the matter's number.
    ///
    /// # Errors
    /// If it could not be written; [`StoreError::Conflict`] if the clinic has said more than [`MOST_EVENTS`] things.
    pub fn say_plans(&self, matter: Option<u64>, events: &[PlanEvent], now: Timestamp) -> Result<u64, StoreError> {
        self.database.write("say plans", |tx| {
            let sql = "SELECT coalesce(max(event_no), 0), coalesce(max(matter_no), 0) FROM plan_event WHERE clinic_id = ?1";
            let (last, newest): (i64, i64) =
                tx.prepare_cached(sql)?.query_row([self.clinic.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let matter = matter.unwrap_or_else(|| nat(newest).saturating_add(1));
            // What was judged is not judged again: a saying lies behind it, also where the clock was set back.
            let sql = "SELECT coalesce(max(stood_ms), 0) FROM judged WHERE clinic_id = ?1 AND sensor_id = ?2";
            let stood: i64 =
                tx.prepare_cached(sql)?.query_row(params![self.clinic.0, NOBODY.0], |row| row.get(0))?;
            let at = now.max(Timestamp(nat(stood).saturating_add(1)));
            let mut no = nat(last);
            if no >= MOST_EVENTS {
                return Err(StoreError::Conflict("this clinic's plans are full".to_owned()));
            }
            for event in events {
                no = no.saturating_add(1);
                let event = PlanEvent { no, matter, at, words: one_line(&event.words), ..event.clone() };
                let kind = if matter == 0 { LeafKind::Review } else { LeafKind::Decision };
                let statement = state_it(tx, self.clinic, kind, None, &said(&event), now)?;
                let sql = "INSERT INTO plan_event (clinic_id, event_no, matter_no, what, at_ms, person, topic, when_ms, number,
                               words, sensor_id, rule, subject, proof, statement)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
                let finding = event.finding.as_ref();
                let values = params![
                    self.clinic.0,
                    int(no),
                    int(matter),
                    event.what,
                    int(at.0),
                    event.person,
                    event.topic,
                    event.when.map(|when| int(when.0)),
                    event.number.map(int),
                    event.words,
                    finding.map(|(sensor, ..)| sensor.0),
                    finding.map(|(_, rule, _)| rule),
                    finding.map(|(.., subject)| subject),
                    event.proof,
                    statement
                ];
                tx.execute(sql, values)?;
            }
            Ok(matter)
        })
    }

    /// Everything that was said, in its order.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn plan_events(&self) -> Result<Vec<PlanEvent>, StoreError> {
        self.database.ask("plan events", |reader| {
            let sql = "SELECT event_no, matter_no, what, at_ms, person, topic, when_ms, number, words, sensor_id, rule, subject,
                           proof, statement
                       FROM plan_event WHERE clinic_id = ?1 ORDER BY event_no";
            let mut rows = reader.prepare_cached(sql)?;
            Ok(rows.query_map([self.clinic.0], event)?.collect::<Result<_, _>>()?)
        })
    }

    /// The number of the newest saying; 0: nobody said anything.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn newest_plan(&self) -> Result<u64, StoreError> {
        self.database.ask("newest plan", |reader| {
            let sql = "SELECT coalesce(max(event_no), 0) FROM plan_event WHERE clinic_id = ?1";
            Ok(nat(reader.prepare_cached(sql)?.query_row([self.clinic.0], |row| row.get(0))?))
        })
    }
}

/// The text of its statement: a line a thing, as those of decisions.
fn said(event: &PlanEvent) -> String {
    let PlanEvent { matter, what, topic, person, words, proof, .. } = event;
    let about = if *matter == 0 { "reviews".to_owned() } else { format!("breach matter {matter}") };
    let mut said = format!("about {about}\nsaid {what}\n");
    if !topic.is_empty() {
        let _ = writeln!(said, "topic {}", one_line(topic));
    }
    if let Some(when) = event.when {
        let _ = writeln!(said, "when {}", when.0);
    }
    if let Some(number) = event.number {
        let _ = writeln!(said, "number {number}");
    }
    if let Some((sensor, rule, subject)) = &event.finding {
        let hex: String = subject.iter().map(|o| format!("{o:02x}")).collect();
        let _ = writeln!(said, "heard by {sensor}\nrule {rule}\nsubject {hex}");
    }
    said.push_str(proof);
    let _ = writeln!(said, "by {person}\nwhy {words}");
    said
}

/// A person's words are one line of a statement.
fn one_line(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn event(row: &Row<'_>) -> rusqlite::Result<PlanEvent> {
    let (when, number): (Option<i64>, Option<i64>) = (row.get(6)?, row.get(7)?);
    let (sensor, rule, subject): (Option<[u8; 16]>, Option<String>, Option<Vec<u8>>) =
        (row.get(9)?, row.get(10)?, row.get(11)?);
    Ok(PlanEvent {
        no: nat(row.get(0)?),
        matter: nat(row.get(1)?),
        what: row.get(2)?,
        at: Timestamp(nat(row.get(3)?)),
        person: row.get(4)?,
        topic: row.get(5)?,
        when: when.map(|ms| Timestamp(nat(ms))),
        number: number.map(nat),
        words: row.get(8)?,
        finding: sensor.zip(rule).zip(subject).map(|((sensor, rule), subject)| (SensorId(sensor), rule, subject)),
        proof: row.get(12)?,
        statement: row.get(13)?,
    })
}

/// Whose findings are nobody's: those that follow from plans. Statements about no sensor have the same.
pub const NOBODY: SensorId = SensorId([0; 16]);

/// A saying an hour for a year; a clinic has some tens. All of them are read for a page.
const MOST_EVENTS: u64 = 8_760;
