//! How sensors and reviewers are let in: `enrol` makes a one-time code, `approve` compares five words, `token` opens a ledger.
//!
//! Keeps: hashes and sealed keys. Drops: the code and the token themselves: each is shown once, here.

use super::Done;
use auscult_collector::access::{new_code, random};
use auscult_collector::authority::Authority;
use auscult_collector::config::Config;
use auscult_collector::run::now;
use auscult_collector::store::{ClinicStore, SensorState};
use auscult_collector::web::token_hash;
use auscult_report::fingerprint::fingerprint_words;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use std::io::Write;
use std::process::ExitCode;

/// Makes a one-time code for a sensor of a site and shows it.
pub(super) fn code(config: &Config, clinic: &ClinicStore, site: &str, minutes: u64, out: &mut impl Write) -> Done {
    let folder = config.authority.as_ref().ok_or("authority.folder is not set: without it no sensor can be let in")?;
    let now = now()?;
    let authority = Authority::open(folder, &config.name, now)?;
    let code = new_code(clinic, authority.vault(), site, minutes.saturating_mul(MINUTE_MS), now)?;
    writeln!(out, "{}", code.shown())?;
    let addresses = config.agents.as_ref().map(|a| a.addresses.join(", ")).unwrap_or_default();
    writeln!(out, "for one sensor, within {minutes} minutes; it is not shown again. At the sensor:")?;
    let first = config.agents.as_ref().and_then(|a| a.addresses.first()).map_or("HOST:PORT", String::as_str);
    writeln!(out, "    auscult-agent enrol --collector https://{first}")?;
    writeln!(
        out,
        "then compare the five words that it shows: auscult-collector approve CLINIC WORD WORD WORD WORD WORD"
    )?;
    writeln!(out, "(sensors reach this archive at {addresses})")?;
    Ok(ExitCode::SUCCESS)
}

/// Lets in the sensor that waits and whose key has these words.
pub(super) fn approve(clinic: &ClinicStore, words: &[String], out: &mut impl Write) -> Done {
    for sensor in clinic.sensors()?.into_iter().filter(|s| s.state == SensorState::Pending) {
        let key = clinic.keys(sensor.id)?.first().copied();
        let is_it = key.is_some_and(|key| fingerprint_words(&key).iter().eq(words.iter()));
        if is_it {
            clinic.set_state(sensor.id, SensorState::Active, "words compared", now()?)?;
            writeln!(out, "{} at {} is let in", sensor.id, sensor.site)?;
            return Ok(ExitCode::SUCCESS);
        }
    }
    Err("no sensor that waits at this clinic has these words: if the device shows them, it talks to another archive, or \
         its code was used by somebody else; `sensors CLINIC` lists who waits"
        .into())
}

/// Makes a token by which a clinic's ledger can be read and shows it.
pub(super) fn token(clinic: &ClinicStore, days: u64, whose: &str, out: &mut impl Write) -> Done {
    let now = now()?;
    let token: String = random::<32>()?.iter().map(|o| format!("{o:02x}")).collect();
    let until = Timestamp(now.0.saturating_add(days.saturating_mul(MS_PER_DAY)));
    clinic.put_token(&token_hash(&token), whose, (now, until))?;
    writeln!(out, "{token}")?;
    writeln!(
        out,
        "reads /v1/ledgers/{}/checkpoint and tile/... for {days} days, as Authorization: Bearer",
        clinic.clinic()?.ledger
    )?;
    Ok(ExitCode::SUCCESS)
}

const MINUTE_MS: u64 = 60_000;
