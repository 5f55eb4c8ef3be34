//! `apply`: what a file says of clinics, sites and sensors, and what the archive has; the difference is shown, then done.
//!
//! Keeps: everything that the archive has and the file has not: it is named, and never deleted. Drops: nothing.

use super::{Done, named};
use auscult_collector::access::random;
use auscult_collector::config::{Fleet, FleetClinic};
use auscult_collector::run::now;
use auscult_collector::store::{ClinicId, ClinicRow, ClinicStore, NewClinic, SensorState, Store};
use auscult_report::key::{LedgerId, PublicKey, SensorId};
use std::error::Error;
use std::fmt;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Something that the file has otherwise than the archive.
enum Change<'f> {
    Clinic { wanted: &'f FleetClinic, is: Option<ClinicRow> },
    Site { clinic: &'f str, name: &'f str, title: &'f str, is: Option<String> },
    Sensor { clinic: &'f str, site: &'f str, key: PublicKey },
}

impl fmt::Display for Change<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Clinic { wanted, is: None } => write!(f, "+ {}: clinic {:?}", wanted.name, wanted.title),
            Change::Clinic { wanted, is: Some(is) } => {
                write!(f, "~ {}: clinic", wanted.name)?;
                if is.title != wanted.title {
                    write!(f, " {:?} -> {:?}", is.title, wanted.title)?;
                }
                if is.quota_octets_day != wanted.quota_octets_day {
                    write!(f, " {} -> {} octets a day", is.quota_octets_day, wanted.quota_octets_day)?;
                }
                Ok(())
            }
            Change::Site { clinic, name, title, is: None } => write!(f, "+ {clinic}: site {name} {title:?}"),
            Change::Site { clinic, name, title, is: Some(is) } => {
                write!(f, "~ {clinic}: site {name} {is:?} -> {title:?}")
            }
            Change::Sensor { clinic, site, key } => {
                write!(f, "+ {clinic}: sensor {} at {site}", SensorId::of(key))
            }
        }
    }
}

/// Shows the difference, and brings it into the archive unless it is only to be shown.
pub(super) fn apply(store: &Store, file: &Path, dry_run: bool, out: &mut impl Write) -> Done {
    let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let fleet = Fleet::read(&text).map_err(|e| format!("{}: {e}", file.display()))?;
    let (mut changes, mut kept) = (Vec::new(), Vec::new());
    for row in store.clinics()? {
        if !fleet.clinics.iter().any(|wanted| wanted.name == row.name) {
            kept.push(format!("clinic {} is not in the file, and stays", row.name));
        }
    }
    for wanted in &fleet.clinics {
        clinic(store, wanted, &mut changes, &mut kept)?;
    }
    for change in &changes {
        if !dry_run {
            change.done(store)?;
        }
        writeln!(out, "{change}")?;
    }
    for kept in kept {
        writeln!(out, "  {kept}")?;
    }
    let end = if dry_run { "; nothing was written" } else { "" };
    writeln!(out, "{} changes{end}", changes.len())?;
    Ok(ExitCode::SUCCESS)
}

/// What differs at one clinic, and what the file does not have of it.
fn clinic<'f>(
    store: &Store,
    wanted: &'f FleetClinic,
    changes: &mut Vec<Change<'f>>,
    kept: &mut Vec<String>,
) -> Result<(), Box<dyn Error>> {
    let known: Option<ClinicStore> = store.clinic_named(&wanted.name)?;
    let is = known.as_ref().map(ClinicStore::clinic).transpose()?;
    let is_same =
        is.as_ref().is_some_and(|is| is.title == wanted.title && is.quota_octets_day == wanted.quota_octets_day);
    if !is_same {
        changes.push(Change::Clinic { wanted, is });
    }
    let sites = known.as_ref().map(ClinicStore::sites).transpose()?.unwrap_or_default();
    let sensors = known.as_ref().map(ClinicStore::sensors).transpose()?.unwrap_or_default();
    let name = wanted.name.as_str();
    for (site, title) in &wanted.sites {
        let is = sites.iter().find(|(known, _)| known == site).map(|(_, title)| title.clone());
        if is.as_ref() != Some(title) {
            changes.push(Change::Site { clinic: name, name: site, title, is });
        }
    }
    for (site, key) in &wanted.sensors {
        let key = PublicKey(*key);
        if !sensors.iter().any(|known| known.id == SensorId::of(&key)) {
            changes.push(Change::Sensor { clinic: name, site, key });
        }
    }
    for (site, _) in sites.iter().filter(|(site, _)| !wanted.sites.iter().any(|(wanted, _)| wanted == site)) {
        kept.push(format!("site {site} of {name} is not in the file, and stays"));
    }
    let listed = |id: SensorId| wanted.sensors.iter().any(|(_, key)| SensorId::of(&PublicKey(*key)) == id);
    for sensor in sensors.iter().filter(|sensor| !listed(sensor.id)) {
        let (id, state, site) = (sensor.id, sensor.state.word(), &sensor.site);
        kept.push(format!("sensor {id} of {name}, {state}, at {site} is not in the file, and stays"));
    }
    for (site, key) in &wanted.sensors {
        let id = SensorId::of(&PublicKey(*key));
        // Where a sensor is stands in its clinic's ledger: a file does not move it.
        if let Some(sensor) = sensors.iter().find(|sensor| sensor.id == id && sensor.site != *site) {
            kept.push(format!("sensor {id} of {name} stays at {}; the file has it at {site}", sensor.site));
        }
    }
    Ok(())
}

impl Change<'_> {
    fn done(&self, store: &Store) -> Result<(), Box<dyn Error>> {
        match self {
            Change::Clinic { wanted, .. } => {
                let new = NewClinic {
                    id: ClinicId(random()?),
                    ledger: LedgerId(random()?),
                    name: &wanted.name,
                    title: &wanted.title,
                    quota_octets_day: wanted.quota_octets_day,
                };
                store.put_clinic(&new, now()?)?;
            }
            Change::Site { clinic, name, title, .. } => {
                named(store, clinic)?.put_site(name, title)?;
            }
            Change::Sensor { clinic, site, key } => {
                named(store, clinic)?.put_sensor(site, key, SensorState::Active, "applied", now()?)?;
            }
        }
        Ok(())
    }
}
