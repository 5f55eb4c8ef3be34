//! The commands of an operator, one function each, and the only clock.
//!
//! Keeps: nothing between commands. Drops: nothing that was acknowledged; what a command prints as stored is on the disk.

use crate::{Arguments, Command, LedgerCommand, NewState};
use auscult_assess::Severity;
use auscult_assess::knowledge::Knowledge;
use auscult_collector::config::{Config, Fleet, octets};
use auscult_collector::ingest::{Answer, Door, Item, Later, Limits};
use auscult_collector::judge::{Judge, Open};
use auscult_collector::ledger::Ledger;
use auscult_collector::store::{ClinicId, ClinicStore, NewClinic, SensorState, Store};
use auscult_report::batch::MAX_BATCH_OCTETS;
use auscult_report::header::{MAGIC, MAX_REPORT};
use auscult_report::key::{LedgerId, PublicKey};
use auscult_report::receipt::{MAX_BATCH, Outcome};
use auscult_report::subject::Subject;
use auscult_report::time::Timestamp;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

type Done = Result<ExitCode, Box<dyn Error>>;

/// Runs a command; what it says goes to `out`.
pub(crate) fn run(arguments: Arguments, out: &mut impl Write) -> Done {
    match &arguments.command {
        Command::Check { file } => {
            let config = read_config(file)?;
            writeln!(
                out,
                "{}: usable; signs as {}, keeps its data in {}",
                file.display(),
                config.name,
                config.store.display()
            )?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Ledger(LedgerCommand::NewKey { file }) => return new_key(file, out),
        _ => {}
    }
    let config = read_config(&arguments.config)?;
    let store = Store::open(&config.store, config.most_octets, now()?)?;
    match arguments.command {
        Command::Check { .. } | Command::Ledger(LedgerCommand::NewKey { .. }) => Ok(ExitCode::SUCCESS),
        Command::Apply { file } => apply(&store, &file, out),
        Command::Ingest { files, each, rounds } => {
            let ledger = if rounds { Some(ledger(&config)?) } else { None };
            let import = Import { store: &store, ledger, each };
            import.take_in(&Door::open(&store, limits(&config)), &files, out)
        }
        Command::Ledger(command) => run_ledger(&config, &store, command, out),
        Command::Rebuild { clinic } => rebuild(&store, clinic.as_deref(), out),
        Command::Findings { clinic, all } => findings(&named(&store, &clinic)?, all, out),
        Command::Sensors { clinic } => sensors(&named(&store, &clinic)?, out),
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

fn limits(config: &Config) -> Limits {
    Limits {
        queue_items: config.queue_reports,
        queue_octets: config.queue_octets,
        sensor_octets_day: config.sensor_octets_day,
        sensor_burst: config.sensor_burst,
        sensor_reports_minute: config.sensor_reports_minute,
    }
}

fn ledger(config: &Config) -> Result<Ledger, Box<dyn Error>> {
    let path = &config.ledger_key;
    let said = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let file = File::open(path).map_err(|e| said(&e))?;
    if file.metadata().map_err(|e| said(&e))?.permissions().mode() & 0o077 != 0 {
        return Err(said(&"others may read this key; chmod 600 it, and make a new one if they did").into());
    }
    let mut text = String::new();
    file.take(MOST_KEY_OCTETS).read_to_string(&mut text).map_err(|e| said(&e))?;
    let seed = octets(text.trim_end()).ok_or_else(|| said(&"is no key; make one with `ledger new-key`"))?;
    Ok(Ledger::open(&config.name, seed, &config.tiles, &config.highwater)?)
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

fn apply(store: &Store, file: &Path, out: &mut impl Write) -> Done {
    let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let fleet = Fleet::read(&text).map_err(|e| format!("{}: {e}", file.display()))?;
    let mut changes: usize = 0;
    for clinic in &fleet.clinics {
        let new = NewClinic {
            id: ClinicId(random()?),
            ledger: LedgerId(random()?),
            name: &clinic.name,
            title: &clinic.title,
            quota_octets_day: clinic.quota_octets_day,
        };
        let mut changed = |what: String| {
            changes = changes.saturating_add(1);
            writeln!(out, "{}: {what}", clinic.name)
        };
        if store.put_clinic(&new, now()?)? {
            changed("clinic".to_owned())?;
        }
        let kept = named(store, &clinic.name)?;
        for (name, title) in &clinic.sites {
            if kept.put_site(name, title)? {
                changed(format!("site {name}"))?;
            }
        }
        for (site, key) in &clinic.sensors {
            if let Some(id) = kept.put_sensor(site, &PublicKey(*key), SensorState::Active, "applied", now()?)? {
                changed(format!("sensor {id} at {site}"))?;
            }
        }
    }
    writeln!(out, "{changes} changes")?;
    Ok(ExitCode::SUCCESS)
}

/// Reports from files.
struct Import<'a> {
    store: &'a Store,
    ledger: Option<Ledger>,
    each: bool,
}

impl Import<'_> {
    fn take_in(&self, door: &Door, files: &[std::path::PathBuf], out: &mut impl Write) -> Done {
        let mut count = Count::default();
        for file in files {
            let opened = File::open(file).map_err(|e| format!("{}: {e}", file.display()))?;
            let mut reports = Frames { input: BufReader::new(opened), first: true };
            loop {
                let batch = reports.batch().map_err(|e| format!("{}: {e}", file.display()))?;
                if batch.is_empty() {
                    break;
                }
                self.batch(door, &batch, &mut count, out)?;
            }
        }
        let Count { stored, other } = count;
        writeln!(out, "{stored} stored, {other} not")?;
        Ok(if other == 0 { ExitCode::SUCCESS } else { ExitCode::from(EXIT_PERSON) })
    }

    fn batch(
        &self,
        door: &Door,
        batch: &[Vec<u8>],
        count: &mut Count,
        out: &mut impl Write,
    ) -> Result<(), Box<dyn Error>> {
        let slices: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
        let items = door.take(&slices, None, now()?).wait();
        for item in &items {
            if item.answer == Answer::Later(Later::Busy) {
                let why = door.take_fault().map_or_else(|| "no room".to_owned(), |e| e.to_string());
                return Err(format!("{why}; nothing behind this point was taken in: run it again").into());
            }
            count.add(item);
            let is_stored = item.answer == Answer::Done(Outcome::Stored);
            if self.each || !is_stored {
                let hash: String = item.report.iter().map(|o| format!("{o:02x}")).collect();
                writeln!(out, "{} {hash}", item.answer.word())?;
            }
        }
        if let Some(ledger) = &self.ledger {
            for clinic in self.store.each_clinic()? {
                if let Some(head) = ledger.round(&clinic, now()?)? {
                    let root: String = head.root.iter().map(|o| format!("{o:02x}")).collect();
                    writeln!(out, "checkpoint {} {root}", head.size)?;
                }
            }
        }
        out.flush()?;
        Ok(())
    }
}

#[derive(Default)]
struct Count {
    stored: u64,
    other: u64,
}

impl Count {
    fn add(&mut self, item: &Item) {
        let is_stored = item.answer == Answer::Done(Outcome::Stored);
        let counter = if is_stored { &mut self.stored } else { &mut self.other };
        *counter = counter.saturating_add(1);
    }
}

/// The reports of a file: one as it is, or many, each behind its length.
struct Frames<R> {
    input: R,
    first: bool,
}

impl<R: Read> Frames<R> {
    /// As many as a batch takes; none at the end.
    fn batch(&mut self) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
        let mut batch: Vec<Vec<u8>> = Vec::new();
        let mut octets: usize = 0;
        while batch.len() < MAX_BATCH && octets < MAX_BATCH_OCTETS {
            let Some(report) = self.next()? else { break };
            octets = octets.saturating_add(report.len());
            batch.push(report);
        }
        Ok(batch)
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
        let mut begin = Vec::new();
        self.input.by_ref().take(4).read_to_end(&mut begin)?;
        if begin.is_empty() {
            return Ok(None);
        }
        let is_first = core::mem::take(&mut self.first);
        if is_first && begin == MAGIC {
            let most = u64::try_from(MAX_REPORT).unwrap_or(u64::MAX);
            self.input.by_ref().take(most).read_to_end(&mut begin)?;
            return Ok(Some(begin));
        }
        let length: [u8; 4] = begin.try_into().map_err(|_| "ends within a length")?;
        let length = usize::try_from(u32::from_be_bytes(length))?;
        if length > MAX_REPORT {
            return Err(format!("a report of {length} octets is announced; {MAX_REPORT} is the most").into());
        }
        let mut report = vec![0; length];
        self.input.read_exact(&mut report).map_err(|_| "ends within a report")?;
        Ok(Some(report))
    }
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
        LedgerCommand::NewKey { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
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

fn findings(clinic: &ClinicStore, all: bool, out: &mut impl Write) -> Done {
    let knowledge = Knowledge::compiled();
    let judge = Judge::new(&knowledge);
    judge.catch_up(clinic, now()?)?;
    let found = judge.findings(clinic, all)?;
    for finding in &found {
        let Open { sensor, rule, subject, row } = finding;
        let severity = LEVELS.get(usize::from(row.severity)).map_or("?", |s| s.word());
        let state = match &row.closed {
            Some((at, by)) => format!("gone since {} ({by})", day(*at)),
            None if row.holds => format!("open since {}", day(row.opened)),
            None => format!("open since {}, not heard since {}", day(row.opened), day(row.held)),
        };
        let title = rule.map_or("(this rule is no longer in the catalogue)", |r| r.title());
        let subject = subject.map_or_else(|| "?".to_owned(), shown);
        writeln!(out, "{severity:8} {:3}% {} - {title}", row.confidence, row.rule)?;
        writeln!(out, "         {subject}; {state}; sensor {sensor}")?;
    }
    writeln!(out, "{} findings", found.len())?;
    Ok(ExitCode::SUCCESS)
}

/// `2026-11-21`, by UTC.
fn day(at: Timestamp) -> String {
    let at = i64::try_from(at.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map_or_else(|| "?".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}

fn shown(subject: Subject) -> String {
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

fn sensors(clinic: &ClinicStore, out: &mut impl Write) -> Done {
    for sensor in clinic.sensors()? {
        let (head, missing) = clinic.durable(sensor.id)?;
        let head = head.map_or_else(|| "nothing".to_owned(), |h| format!("{}-{}", h.place.epoch, h.place.seq));
        let state = sensor.state.word();
        writeln!(out, "{} {state} ({}) at {}; whole up to {head}", sensor.id, sensor.why, sensor.site)?;
        for hole in missing {
            writeln!(out, "         missing: {}-{} to {}-{}", hole.epoch, hole.from, hole.epoch, hole.to)?;
        }
    }
    let counts = clinic.counts()?;
    let (reports, forks, queued, refused) = (counts.reports, counts.forks, counts.queued, counts.refused);
    writeln!(out, "{reports} reports, {forks} that contradict, {refused} refused, {queued} wait for the ledger")?;
    Ok(ExitCode::SUCCESS)
}

fn random<const N: usize>() -> Result<[u8; N], String> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).map_err(|e| e.to_string())?;
    Ok(octets)
}

/// The only look at the clock.
#[expect(clippy::disallowed_methods, reason = "run.rs is where the clock is read; everything else is told the time")]
fn now() -> Result<Timestamp, String> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let ms = since.ok().and_then(|d| u64::try_from(d.as_millis()).ok());
    ms.map(Timestamp).ok_or_else(|| "the clock of this machine is set before 1970: set it first".to_owned())
}

/// By their number in the archive.
const LEVELS: [Severity; 5] = [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

/// It was done, and a person must look.
const EXIT_PERSON: u8 = 1;

/// Longest file of a key.
const MOST_KEY_OCTETS: u64 = 1_024;
