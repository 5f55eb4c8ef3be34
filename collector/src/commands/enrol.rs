//! How sensors and reviewers are let in: `enrol` makes a one-time code, `approve` compares five words, `token` opens a ledger.
//!
//! Keeps: hashes and sealed keys. Drops: the code and the token themselves: each is shown once, here.

use super::Done;
use auscult_collector::access::{FIRST_CODE_MS, Role, invite as make_invitation, new_code, random};
use auscult_collector::authority::Authority;
use auscult_collector::config::Config;
use auscult_collector::run::now;
use auscult_collector::store::{ClinicStore, Invitation, SensorState, Store};
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

/// Makes a code by which a person makes an account and shows it.
pub(super) fn invite(store: &Store, role: &str, clinics: &[String], days: Option<u64>, out: &mut impl Write) -> Done {
    let admin = role == Role::Admin.word();
    let granted = Role::granted(role);
    if !admin && granted.is_none() {
        return Err(format!("{role} is no role: provider-admin, technician, clinic-viewer or reviewer").into());
    }
    if admin != clinics.is_empty() {
        return Err("name the clinics of every role but provider-admin, who sees them all".into());
    }
    if granted == Some(Role::Reviewer) && days.is_none() {
        return Err("a reviewer's access always ends: say --days".into());
    }
    for clinic in clinics {
        super::named(store, clinic)?;
    }
    let now = now()?;
    let until = days.map(|days| Timestamp(now.0.saturating_add(days.saturating_mul(MS_PER_DAY))));
    let role = granted.map_or("", Role::word).to_owned();
    let code =
        make_invitation(store, &Invitation { admin, role, clinics: clinics.join("\n"), until }, FIRST_CODE_MS, now)?;
    writeln!(out, "{code}")?;
    writeln!(out, "for one account, within 15 minutes, at /set-up; it is not shown again")?;
    Ok(ExitCode::SUCCESS)
}

const MINUTE_MS: u64 = 60_000;
