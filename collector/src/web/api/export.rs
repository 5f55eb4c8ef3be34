//! Lists as files, all of a clinic: CSV (RFC 4180) for people's tables, OCSF JSON lines for a SIEM. Rows go out as they are read.
//!
//! Keeps: some hundred rows at a time, or what one sensor says. Drops: nothing.

use super::super::Desk;
use super::super::guard::Visit;
use super::super::matters::with;
use super::super::page::Answered;
use super::super::problem::Problem;
use super::super::stream::stream as streamed;
use super::clinics::AuditLine;
use super::findings::Finding;
use super::heard::{FactLine, hosts_of};
use super::sensors::Sensor;
use super::wrong::Wrong;
use super::{Asker, Call, Contract, csv, ocsf};
use crate::access::Right;
use crate::judge::{Judge, Standing};
use crate::store::{ClinicStore, Decision, FindingKey, FindingRow, StoreError, Which};
use auscult_assess::knowledge::Knowledge;
use auscult_report::key::SensorId;
use auscult_report::time::Timestamp;
use axum::body::Body;
use axum::http::Response;
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::sync::Arc;

/// A file that can be asked for: its name, its type.
pub const FILES: &[(&str, &str)] = &[
    ("findings.csv", CSV),
    ("sensors.csv", CSV),
    ("hosts.csv", CSV),
    ("facts.csv", CSV),
    ("audit.csv", CSV),
    ("findings.jsonl", LINES),
    ("hosts.jsonl", LINES),
];

/// What is written of a clinic.
pub struct Export<'a> {
    /// The clinic.
    pub store: &'a ClinicStore,
    /// Its name.
    pub clinic: &'a str,
    /// What findings are explained by.
    pub knowledge: &'a Knowledge,
    /// Now.
    pub now: Timestamp,
}

/// Why an export ended early.
#[derive(Debug)]
pub enum ExportError {
    /// There is no such file.
    Unknown,
    /// The store does not answer.
    Store(StoreError),
    /// Who reads is gone.
    Gone,
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExportError::Unknown => {
                let names: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
                write!(f, "there is no such export; there is: {}", names.join(", "))
            }
            ExportError::Store(e) => e.fmt(f),
            ExportError::Gone => f.write_str("the output was closed"),
        }
    }
}

impl std::error::Error for ExportError {}

impl From<StoreError> for ExportError {
    fn from(e: StoreError) -> ExportError {
        ExportError::Store(e)
    }
}

impl Export<'_> {
    /// Writes a file, piece by piece, each in whole lines.
    ///
    /// # Errors
    /// If there is no such file, or it could not be read or taken.
    pub fn write(
        &self,
        file: &str,
        take: &mut dyn FnMut(String) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let (list, form) = file.split_once('.').ok_or(ExportError::Unknown)?;
        let columns = csv::columns(list).ok_or(ExportError::Unknown)?;
        match form {
            "csv" => {
                take(csv::header(columns))?;
                self.rows(list, &mut |piece| take(piece.iter().map(|row| csv::line(columns, row)).collect()))
            }
            "jsonl" if matches!(list, "findings" | "hosts") => {
                let event = |row: &Value| match list {
                    "findings" => ocsf::finding(self, row),
                    _ => ocsf::host(self, row),
                };
                self.rows(list, &mut |piece| take(piece.iter().map(|row| format!("{}\n", event(row))).collect()))
            }
            _ => Err(ExportError::Unknown),
        }
    }

    /// The rows of a list, as the API says them.
    fn rows(&self, list: &str, take: &mut dyn FnMut(&[Value]) -> Result<(), ExportError>) -> Result<(), ExportError> {
        match list {
            "findings" => self.findings(take),
            "audit" => self.audit(take),
            "sensors" => {
                for detail in self.store.sensor_details()? {
                    take(&values([Sensor::of(self.store, detail)?]))?;
                }
                Ok(())
            }
            "hosts" => self.of_each_sensor(|sensor, known| values(hosts_of(sensor, known).into_values()), take),
            _ => self.of_each_sensor(
                |sensor, known| values(known.summary.sightings.iter().map(|s| FactLine::of(sensor, s))),
                take,
            ),
        }
    }

    fn findings(&self, take: &mut dyn FnMut(&[Value]) -> Result<(), ExportError>) -> Result<(), ExportError> {
        let decisions = self.store.decisions()?;
        let decided: HashMap<(SensorId, &str, &[u8]), &Decision> =
            decisions.iter().map(|d| ((d.sensor, d.rule.as_str(), d.subject.as_slice()), d)).collect();
        let finding = |(sensor, row): (SensorId, FindingRow)| {
            let decision = decided.get(&(sensor, row.rule.as_str(), row.subject.as_slice())).copied();
            let standing = Standing::of(&row, decision, self.now);
            Finding::of(with(self.knowledge, self.clinic, sensor, row, standing))
        };
        let which = Which { open: true, gone: true, least: 0, sensor: None };
        let mut after = FindingKey::first();
        loop {
            let rows = self.store.findings_after(which, &after, ROWS)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = FindingKey::of(last);
            take(&values(rows.into_iter().map(finding)))?;
        }
    }

    fn audit(&self, take: &mut dyn FnMut(&[Value]) -> Result<(), ExportError>) -> Result<(), ExportError> {
        let mut before = i64::MAX;
        loop {
            let rows = self.store.audited(before, ROWS)?;
            let Some(last) = rows.last() else { return Ok(()) };
            before = last.id;
            take(&values(rows.into_iter().map(AuditLine::from)))?;
        }
    }

    fn of_each_sensor(
        &self,
        rows: impl Fn(SensorId, &crate::judge::Known) -> Vec<Value>,
        take: &mut dyn FnMut(&[Value]) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        for sensor in self.store.sensors()? {
            let all = rows(sensor.id, &Judge::known(self.store, sensor.id)?);
            all.chunks(usize::try_from(ROWS).unwrap_or(usize::MAX)).try_for_each(&mut *take)?;
        }
        Ok(())
    }
}

/// Rows as the API says them.
fn values<T: Serialize>(rows: impl IntoIterator<Item = T>) -> Vec<Value> {
    rows.into_iter().filter_map(|row| serde_json::to_value(row).ok()).collect()
}

/// A file for a page.
pub(in crate::web) fn page(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let at = visit.clinic()?;
    let (file, may_audit) = (visit.part("file").to_owned(), at.role.may(Right::Audit));
    stream(desk, (&at.row.name, &at.store), file, may_audit, visit.now)
}

/// The line of the API.
pub(in crate::web) const CONTRACT: Contract = Contract::lines(&[CSV, LINES], of_call);

fn of_call(call: &Call) -> Result<Response<Body>, Wrong> {
    let at = call.at()?;
    let may_audit = match &call.asker {
        Asker::Person(_) => at.role.is_some_and(|role| role.may(Right::Audit)),
        Asker::Program(program) => program.may(Right::Audit),
    };
    Ok(stream(&call.desk, (&at.row.name, &at.store), call.part("file").to_owned(), may_audit, call.now)?)
}

fn stream(
    desk: &Arc<Desk>,
    (name, store): (&str, &ClinicStore),
    file: String,
    may_audit: bool,
    now: Timestamp,
) -> Answered {
    let (_, kind) = FILES.iter().find(|(known, _)| *known == file).ok_or(Problem::NOT_FOUND)?;
    if file.starts_with("audit") && !may_audit {
        return Err(Problem::NOT_YOURS);
    }
    let (store, name) = (store.clone(), name.to_owned());
    streamed(desk, (kind, &format!("{name}-{file}")), move |desk, out| {
        let export = Export { store: &store, clinic: &name, knowledge: &desk.knowledge, now };
        export.write(&file, &mut |piece| out.write_all(piece.as_bytes()).map_err(|_| ExportError::Gone))
    })
}

/// Rows that are read at once.
const ROWS: u32 = 500;
const CSV: &str = "text/csv; charset=utf-8";
const LINES: &str = "application/jsonl";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_its_columns_and_is_named_once() {
        for (n, (name, kind)) in FILES.iter().enumerate() {
            let (list, form) = name.split_once('.').unwrap();
            assert!(csv::columns(list).is_some_and(|c| c.len() > 3), "{name}");
            assert_eq!(*kind == CSV, form == "csv", "{name}");
            assert!(FILES.iter().skip(n + 1).all(|(other, _)| other != name), "{name}");
        }
    }
}
