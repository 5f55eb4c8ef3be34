//! The commands of an operator, one function each.
//!
//! Keeps: nothing between commands. Drops: nothing that was acknowledged; what a command prints as stored is on the disk.

mod apply;
mod enrol;
mod import;
mod notices;
mod review;
mod reviewer;
mod scratch;
mod serve;
mod show;

use crate::{Arguments, Command, LedgerCommand, NewState, NoticesCommand, ReviewerCommand};
use auscult_assess::knowledge::Knowledge;
use auscult_collector::access::random;
use auscult_collector::config::{Config, octets};
use auscult_collector::ingest::Door;
use auscult_collector::judge::Judge;
use auscult_collector::ledger::Ledger;
use auscult_collector::run::{limits, now};
use auscult_collector::store::{ClinicStore, SensorState, Store};
use auscult_collector::web::openapi;
use import::Import;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::ExitCode;

type Done = Result<ExitCode, Box<dyn Error>>;

/// Runs a command; what it says goes to `out`.
pub(crate) fn run(arguments: Arguments, out: &mut impl Write) -> Done {
    match &arguments.command {
        Command::Check { file } => {
            let Config { name, store, .. } = read_config(file)?;
            writeln!(out, "{}: usable; signs as {name}, keeps its data in {}", file.display(), store.display())?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Openapi => {
            writeln!(out, "{:#}", openapi())?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Ledger(LedgerCommand::NewKey { file }) => return new_key(file, out),
        Command::Ledger(LedgerCommand::Verify { folder, brought }) => return reviewer::verified(folder, brought, out),
        Command::Reviewer(ReviewerCommand::NewKey { file, name }) => return reviewer::new_key(file, name, out),
        Command::Notices(NoticesCommand::NewKey { file }) => return notices::make_key(file, out),
        Command::Notices(NoticesCommand::Try { name }) => {
            return notices::try_out(&read_config(&arguments.config)?, name, out);
        }
        Command::Serve => {
            let config = read_config(&arguments.config)?;
            return serve::serve(&config, seed(&config)?, out);
        }
        _ => {}
    }
    let config = read_config(&arguments.config)?;
    let store = Store::open(&config.store, config.most_octets, now()?)?;
    match arguments.command {
        Command::Check { .. } | Command::Serve | Command::Openapi | Command::Reviewer(_) => Ok(ExitCode::SUCCESS),
        Command::Enrol { clinic, site, minutes } => enrol::code(&config, &named(&store, &clinic)?, &site, minutes, out),
        Command::Approve { clinic, words } => enrol::approve(&named(&store, &clinic)?, &words, out),
        Command::Token { clinic, days, whose } => enrol::token(&named(&store, &clinic)?, days, &whose, out),
        Command::Invite { role, clinics, days } => enrol::invite(&store, &role, &clinics, days, out),
        Command::Apply { file, dry_run } => apply::apply(&store, &file, dry_run, out),
        Command::Export { clinic, file } => show::export(&named(&store, &clinic)?, &file, out),
        Command::Ingest { files, each, rounds } => {
            let ledger = if rounds { Some(ledger(&config)?) } else { None };
            let import = Import { store: &store, ledger, each };
            import.take_in(&Door::open(&store, limits(&config)), &files, out)
        }
        Command::Ledger(command) => run_ledger(&config, &store, command, out),
        Command::Notices(command) => notices::run(&store, &command, out),
        Command::Rebuild { clinic } => rebuild(&store, clinic.as_deref(), out),
        Command::Findings { clinic, all } => show::findings(&named(&store, &clinic)?, all, out),
        Command::Sensors { clinic } => show::sensors(&named(&store, &clinic)?, out),
        Command::Sensor { clinic, sensor, state, why } => {
            let clinic = named(&store, &clinic)?;
            let row = clinic.sensors()?.into_iter().find(|s| s.id.to_string() == sensor);
            let row = row.ok_or("the clinic has no such sensor; `sensors CLINIC` lists them")?;
            let state = match state {
                NewState::Active => SensorState::Active,
                NewState::Revoked => SensorState::Revoked,
            };
            let changed = clinic.set_state(row.id, state, &why, now()?)?;
            writeln!(out, "{} is {}{}", row.id, state.word(), if changed { "" } else { " already" })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn read_config(file: &Path) -> Result<Config, Box<dyn Error>> {
    let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    Ok(Config::read(&text).map_err(|e| format!("{}: {e}", file.display()))?)
}

fn ledger(config: &Config) -> Result<Ledger, Box<dyn Error>> {
    Ok(Ledger::open(&config.name, seed(config)?, &config.tiles, &config.highwater)?)
}

/// The key that signs checkpoints.
fn seed(config: &Config) -> Result<[u8; 32], Box<dyn Error>> {
    let path = &config.ledger_key;
    let said = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let file = File::open(path).map_err(|e| said(&e))?;
    if file.metadata().map_err(|e| said(&e))?.permissions().mode() & 0o077 != 0 {
        return Err(said(&"others may read this key; chmod 600 it, and make a new one if they did").into());
    }
    let mut text = String::new();
    file.take(MOST_KEY_OCTETS).read_to_string(&mut text).map_err(|e| said(&e))?;
    octets(text.trim_end()).ok_or_else(|| said(&"is no key; make one with `ledger new-key`").into())
}

fn named(store: &Store, clinic: &str) -> Result<ClinicStore, Box<dyn Error>> {
    Ok(store.clinic_named(clinic)?.ok_or_else(|| format!("there is no clinic {clinic}; `apply` makes clinics"))?)
}

fn new_key(file: &Path, out: &mut impl Write) -> Done {
    let seed = random::<32>()?;
    let text: String = seed.iter().map(|o| format!("{o:02x}")).collect();
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut made = made.map_err(|e| format!("{}: {e}", file.display()))?;
    writeln!(made, "{text}")?;
    made.sync_all()?;
    writeln!(out, "{}: made; keep a copy where the archive's backups are not", file.display())?;
    Ok(ExitCode::SUCCESS)
}

fn run_ledger(config: &Config, store: &Store, command: LedgerCommand, out: &mut impl Write) -> Done {
    let ledger = ledger(config)?;
    match command {
        LedgerCommand::Checkpoint { clinic } => match ledger.take_all(&named(store, &clinic)?, now()?)? {
            Some(head) => write!(out, "{}", head.note)?,
            None => writeln!(out, "nothing has come for the ledger of {clinic} yet")?,
        },
        LedgerCommand::Key { clinic } => {
            writeln!(out, "{}", ledger.key(&named(store, &clinic)?.clinic()?)?.vkey())?;
        }
        LedgerCommand::Tiles { clinic } => {
            writeln!(out, "tiles of {} leaves made", ledger.make_tiles(&named(store, &clinic)?)?)?;
        }
        LedgerCommand::AcceptHead { clinic } => {
            ledger.accept_head(&named(store, &clinic)?)?;
            writeln!(out, "the head of {clinic} is the high-water mark")?;
        }
        LedgerCommand::NewGeneration { clinic, why } => {
            let generation = named(store, &clinic)?.new_generation(&why, now()?)?;
            writeln!(out, "the ledger of {clinic} begins again as generation {generation}; tell its reviewers")?;
        }
        LedgerCommand::Export { clinic, folder, since } => {
            return review::export(&ledger, &named(store, &clinic)?, &folder, since.as_deref(), out);
        }
        LedgerCommand::Cosign { clinic, file } => {
            return reviewer::take(&ledger, &named(store, &clinic)?, &file, out);
        }
        LedgerCommand::NewKey { .. } | LedgerCommand::Verify { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// A note in a file; what is longer is none.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    File::open(path)?.take(MOST_NOTE).read_to_end(&mut octets)?;
    Ok(octets)
}

fn rebuild(store: &Store, clinic: Option<&str>, out: &mut impl Write) -> Done {
    let knowledge = Knowledge::compiled();
    let judge = Judge::new(&knowledge);
    let clinics = match clinic {
        Some(name) => vec![named(store, name)?],
        None => store.each_clinic()?,
    };
    let mut damaged = 0;
    for clinic in clinics {
        let judgement = judge.rebuild(&clinic, now()?)?;
        damaged = judgement.damaged.max(damaged);
        let name = clinic.clinic()?.name;
        let (reports, steps) = (judgement.reports, judgement.steps.len());
        writeln!(out, "{name}: {reports} reports judged, {steps} steps, {} damaged", judgement.damaged)?;
    }
    Ok(if damaged == 0 { ExitCode::SUCCESS } else { ExitCode::from(EXIT_PERSON) })
}

/// It was done, and a person must look.
const EXIT_PERSON: u8 = 1;

/// Longest checkpoint.
const MOST_NOTE: u64 = 65_536;

/// Longest file of a key.
const MOST_KEY_OCTETS: u64 = 1_024;
