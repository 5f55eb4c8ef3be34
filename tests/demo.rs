//! `cargo demo`: the whole of it in one process, on loopback, in a folder that goes when it ends. A collector with its embedded archive
//! and three made-up clinics with ninety days behind them; two sensors go on reporting over TLS, one is silent, and a real agent has
//! enrolled with a one-time code and waits for somebody to compare its words.
//!
//! Prints where the pages are and how to sign in, what is open at each clinic, a reviewer's folder and the command that verifies it; then
//! serves until Ctrl-C. With `--once` it ends at once. Nothing leaves this machine. The captures were recorded from real servers with
//! made-up patients.

#![allow(clippy::disallowed_methods, reason = "a program: it looks at the clock itself")]

use auscult_agent::config::Config as AgentConfig;
use auscult_agent::run;
use auscult_assess::Severity;
use auscult_assess::knowledge::Knowledge;
use auscult_collector::access::{Account, Role, digits_at, invite, new_code, new_token, random};
use auscult_collector::authority::Authority;
use auscult_collector::config::Config;
use auscult_collector::ingest::Door;
use auscult_collector::judge::{Judge, Open, refresh_strip};
use auscult_collector::ledger::Ledger;
use auscult_collector::review;
use auscult_collector::run::{Service, limits, now};
use auscult_collector::store::{ClinicId, ClinicStore, Decision, Invitation, NewClinic, Store};
use auscult_report::batch::batch;
use auscult_report::key::LedgerId;
use auscult_report::note::{NoteKind, NoteSigner};
use auscult_report::time::{MS_PER_DAY, Timestamp};
use auscult_tests::archive::Folder;
use auscult_tests::guest::base32;
use auscult_tests::ninety::{DAYS, Listener, PRACTICES};
use auscult_tests::root;
use auscult_tests::station::{ALIVE, Caller, REPORTS, settings};
use auscult_tests::way::Way;
use clap::Parser;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::error::Error;
use std::fs;
use std::io::{IsTerminal, Write, stdout};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

#[derive(Parser)]
#[command(name = "demo", about = "Shows the whole of auscult at work, on this machine alone")]
struct Arguments {
    /// End after showing, without waiting for Ctrl-C.
    #[arg(long)]
    once: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let once = Arguments::parse().once;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let begun = Instant::now();
    // Gone when this function ends, however it ends.
    let folder = Folder::new();
    println!("auscult DEMO: made-up clinics on this machine; everything lies in {}", folder.0.display());
    let (config, seed) = prepared(&folder.0)?;
    let remembered = past(&config, seed, &folder.0)?;
    let service = Service::start(&config, seed, Arc::new(|| now().unwrap_or(Timestamp(0))))?;
    let key = account(&service, "demo", "Dana Demo", &Invitation { admin: true, ..Invitation::default() })?;
    others(&service)?;
    let (agents, people) = (service.addresses().agents, service.addresses().people);
    let (agents, people) = agents.zip(people).ok_or("nobody listens")?;
    let mut threads = vec![newcomer(&service, &folder.0, agents, &stop)?];
    let authority = Arc::new(Authority::open(&folder.0.join("authority"), &config.name, now()?)?);
    // The third says nothing any more.
    for listener in remembered.into_iter().take(2) {
        let (authority, stop) = (Arc::clone(&authority), Arc::clone(&stop));
        threads.push(spawn(move || go_on(listener, agents, &authority, &stop)));
    }
    show(&service)?;
    println!("\nOpen   https://{people}   (the browser warns once: the certificate is this machine's own)");
    println!("Name     demo\nPassword {}\nDigits   {}", key.0, digits_at(&key.1, now()?));
    println!("(or give this key to a program for one-time passwords: {})", key.2);
    println!("ready after {:.1} s", begun.elapsed().as_secs_f64());
    if !once {
        println!("It serves until Ctrl-C; then the folder is removed.");
        wait(&stop, &key.1)?;
    }
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().map_err(|_| "a sensor broke")??;
    }
    service.stop();
    Ok(())
}

/// Shows the digits of each half minute until Ctrl-C.
fn wait(stop: &AtomicBool, key: &[u8]) -> Result<(), Box<dyn Error>> {
    let mut shown = 0;
    while !stop.load(Ordering::Relaxed) {
        let now = now()?;
        if now.0 / 30_000 != shown && stdout().is_terminal() {
            shown = now.0 / 30_000;
            print!("\rDigits   {}  ", digits_at(key, now));
            stdout().flush()?;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    println!();
    Ok(())
}

/// Settings and keys in the folder.
fn prepared(folder: &Path) -> Result<(Config, [u8; 32]), Box<dyn Error>> {
    let text = settings(folder, 0).replace("[people]\n", "[people]\ndemo = true\n");
    fs::write(folder.join("collector.toml"), &text)?;
    let seed: [u8; 32] = random()?;
    let key: String = seed.iter().map(|o| format!("{o:02x}")).collect();
    fs::write(folder.join("ledger.key"), key)?;
    fs::set_permissions(folder.join("ledger.key"), fs::Permissions::from_mode(0o600))?;
    Ok((Config::read(&text)?, seed))
}

/// The ninety days: heard, judged, decided about, sealed, reviewed.
fn past(config: &Config, seed: [u8; 32], folder: &Path) -> Result<Vec<Listener>, Box<dyn Error>> {
    let now = now()?;
    let begun = Timestamp(now.0 - DAYS * MS_PER_DAY);
    let store = Store::open(&config.store, config.most_octets, begun)?;
    let ledger = Ledger::open(&config.name, seed, &config.tiles, &config.highwater)?;
    let door = Door::open(&store, limits(config));
    let knowledge = Knowledge::compiled();
    let judge = Judge::new(&knowledge);
    let mut remembered = Vec::new();
    for practice in &PRACTICES {
        let (id, of) = (ClinicId(random()?), LedgerId(random()?));
        let new = NewClinic { id, ledger: of, name: practice.name, title: practice.title, quota_octets_day: 256 << 20 };
        store.put_clinic(&new, begun)?;
        let clinic = store.clinic_named(practice.name)?.ok_or("the clinic is gone")?;
        clinic.put_site("main", "Main building")?;
        clinic.put_site("annex", "Annex")?;
        let mut listener = Listener::new(practice, &clinic, begun);
        let mut days = 0;
        // As an archive that served all the time would have.
        listener.remember(&door, &mut |end| {
            days = (end.0 - begun.0) / MS_PER_DAY;
            judge.catch_up(&clinic, end).unwrap();
            review::state(&clinic, &knowledge, end).unwrap();
        });
        assert!(days >= DAYS - 3, "{days}");
        judge.catch_up(&clinic, now)?;
        refresh_strip(&clinic, true, now)?;
        // The reviewer was here before anything was decided.
        let before = ledger.take_all(&clinic, now)?.ok_or("nothing was sealed")?;
        decisions(&judge.findings(&clinic, false)?, &clinic, now)?;
        ledger.take_all(&clinic, now)?;
        if practice.name == PRACTICES[0].name {
            reviewed((&ledger, &knowledge), &clinic, (folder, &before.note), now)?;
        }
        remembered.push(listener);
    }
    Ok(remembered)
}

/// What people decided: of what is open, by its rule.
fn decisions(open: &[Open<'_>], clinic: &ClinicStore, now: Timestamp) -> Result<(), Box<dyn Error>> {
    for (rule, what, days_ago, until_days, person, reason) in DECIDED {
        let Some(found) = open.iter().find(|found| found.row.rule == *rule) else { continue };
        let decided = Timestamp(now.0 - days_ago * MS_PER_DAY);
        let until = until_days.map(|days| Timestamp(now.0 + days * MS_PER_DAY));
        let decision = Decision {
            sensor: found.sensor,
            rule: found.row.rule.clone(),
            subject: found.row.subject.clone(),
            what: (*what).to_owned(),
            reason: (*reason).to_owned(),
            until,
            severity: found.row.severity,
            person: (*person).to_owned(),
            decided,
            statement: [0; 32],
        };
        match *person {
            "tom" => clinic.propose(&decision, decided)?,
            _ => drop(clinic.decide(&decision, decided)?),
        }
    }
    Ok(())
}

/// A reviewer was here before anything was decided: the clinic registered his key, he cosigned what he had verified and handed it in. His
/// folder: the record as of now, with that checkpoint.
fn reviewed(
    by: (&Ledger, &Knowledge),
    clinic: &ClinicStore,
    (folder, before): (&Path, &str),
    now: Timestamp,
) -> Result<(), Box<dyn Error>> {
    let witness = NoteSigner::new("rita.review.example", &random()?).ok_or("no name")?;
    let ledger = by.0;
    ledger.register(clinic, &witness.key(NoteKind::Cosignature).vkey(), "nora", now)?;
    ledger.take_all(clinic, now)?;
    let (text, _) = before.split_once("\n\n").ok_or("no note")?;
    let cosigned = format!("{before}{}", witness.cosign(&format!("{text}\n"), now.0 / 1_000));
    ledger.take_cosigned(clinic, cosigned.as_bytes(), now)?;
    let bundle = folder.join("review-northside");
    review::export(by, clinic, &bundle, Some(before.as_bytes()), now)?;
    println!("\nA reviewer's folder, with what was cosigned; whoever has it checks it without this archive:");
    let scratch = Folder::new();
    review::verify(&bundle, &scratch.0, by.1, &mut |claim| println!("  {claim}"))?;
    println!("  again: cargo run -q -p auscult-collector -- ledger verify {}", bundle.display());
    Ok(())
}

/// An account as somebody makes one, with a password that is made now: password, key of the second factor, the same to type.
fn account(
    service: &Service,
    name: &str,
    title: &str,
    invitation: &Invitation,
) -> Result<(String, Vec<u8>, String), Box<dyn Error>> {
    let (people, from) = (&service.desk().people, IpAddr::from(Ipv4Addr::LOCALHOST));
    let code = invite(&service.desk().store, invitation, 300_000, now()?)?;
    let password: String = new_token()?.chars().take(20).collect();
    let new = Account { code: &code, name, title, password: &password };
    let token = people.begin(&new, from, now()?)?;
    let visitor = people.visitor(&token, now()?)?.ok_or("the account was not begun")?;
    let (typed, _) = people.second_factor(&visitor)?;
    let key = base32(&typed);
    // The digits of half a minute ago are used up by this, so that those of now are good for signing in.
    people.finish(&visitor, &digits_at(&key, Timestamp(now()?.0 - 30_000)), from, now()?)?;
    Ok((password, key, typed))
}

/// Colleagues, who never sign in: their passwords are known to nobody.
fn others(service: &Service) -> Result<(), Box<dyn Error>> {
    let until = Some(Timestamp(now()?.0 + 60 * MS_PER_DAY));
    for (name, title, role, clinics, until) in [
        ("tom", "Tom Abel", Role::Technician, "northside\nlakeside\nhilltop", None),
        ("vera", "Vera Holm", Role::Viewer, "lakeside", None),
        ("nora", "Nora Elm", Role::Viewer, "northside", None),
        ("rita", "Rita Review", Role::Reviewer, "northside", until),
    ] {
        let role = role.word().to_owned();
        account(service, name, title, &Invitation { admin: false, role, clinics: clinics.to_owned(), until })?;
    }
    Ok(())
}

/// A real agent at the annex of the second clinic: it enrolled with a one-time code and waits for somebody to compare its words.
fn newcomer(
    service: &Service,
    folder: &Path,
    agents: SocketAddr,
    stop: &Arc<AtomicBool>,
) -> Result<JoinHandle<Result<(), String>>, Box<dyn Error>> {
    let text = format!(
        "state = \"{}\"\n[capture]\nreplay = \"{}\"\nspeed = 0.0\nthen = \"stay\"\n[clinic]\nhome = [\"192.168.20.0/24\"]\n\
         [collector]\naddresses = [\"https://localhost:{}\"]\n",
        folder.join("newcomer").display(),
        root().join("tests/captures/clinic-day-mixed.pcap").display(),
        agents.port()
    );
    let config = AgentConfig::read(&text)?;
    let archive = Config::read(&fs::read_to_string(folder.join("collector.toml"))?)?;
    let authority = Authority::open(&folder.join("authority"), &archive.name, now()?)?;
    let store = clinic(service, PRACTICES[1].name)?;
    let code = new_code(&store, authority.vault(), "annex", 300_000, now()?)?;
    let enrolled = run::enrol(&config, &code.shown(), &[], false)?;
    println!("\nA sensor in the annex of {} enrolled and waits; on its screen stand five words:", PRACTICES[1].title);
    println!(
        "  {}\n  Compare them on the page of its clinic's sensors and let it in: then it reports.",
        enrolled.words.join(" ")
    );
    let stop = Arc::clone(stop);
    Ok(spawn(move || run::run(&config, &stop)))
}

/// Goes on as a sensor does, over TLS with a certificate: a sign of life, and from time to time what it hears.
fn go_on(mut listener: Listener, agents: SocketAddr, authority: &Authority, stop: &AtomicBool) -> Result<(), String> {
    let mut caller = Caller::new(0);
    let own = (listener.ear.ledger, listener.ear.id());
    let certificate = authority.sensor(&caller.request(), own, now()?).map_err(|e| format!("{e:?}"))?;
    caller.certificate = Some(certificate.to_vec());
    for turn in 0u64.. {
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        if turn % TURNS == 0 {
            let mut way = Way::try_to(agents, authority, Some(&caller))?;
            // A whole report each half hour.
            if turn % (TURNS * 30) == 0 {
                listener.tell_all();
            }
            if let Some(report) = listener.listen(DAYS - 1, now()?) {
                let (octets, _) = batch([report.octets()]);
                way.post("/v1/reports", REPORTS, &octets);
            }
            way.post("/v1/sensor/alive", ALIVE, &listener.beat(now()?));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// What is open at each clinic.
fn show(service: &Service) -> Result<(), Box<dyn Error>> {
    let knowledge = Knowledge::compiled();
    let judge = Judge::new(&knowledge);
    for practice in &PRACTICES {
        let store = clinic(service, practice.name)?;
        judge.catch_up(&store, now()?)?;
        let found = judge.findings(&store, false)?;
        println!("\n== {}: {} findings from {} reports", practice.title, found.len(), store.counts()?.reports);
        for finding in &found {
            let level = LEVELS.get(usize::from(finding.row.severity)).map_or("?", |s| s.word());
            let title = finding.rule.map_or("", |rule| rule.title());
            println!("  {level:8} {title} ({} % sure; {})", finding.row.confidence, finding.row.rule);
        }
    }
    Ok(())
}

fn clinic(service: &Service, name: &str) -> Result<ClinicStore, Box<dyn Error>> {
    Ok(service.desk().store.clinic_named(name)?.ok_or("the clinic is gone")?)
}

/// Rule, decision, days ago, until in how many days, who, why.
type Decided = (&'static str, &'static str, u64, Option<u64>, &'static str, &'static str);

const DECIDED: &[Decided] = &[
    (
        "dicom-no-user-identity",
        "accepted",
        40,
        Some(120),
        "demo",
        "The archive is replaced in spring; until then its network is separated from the others.",
    ),
    (
        "web-shows-versions",
        "accepted",
        30,
        Some(200),
        "vera",
        "The maker removes it with the next release, which is announced.",
    ),
    ("hl7-cleartext", "fixed", 6, None, "demo", "The interface goes through a tunnel now; we listen whether it holds."),
    ("new-medical-equipment", "not-true", 3, None, "demo", "This is the ECG that the practice bought in October."),
    // A technician proposes; it waits for an administrator.
    ("new-own-wifi", "not-true", 0, None, "tom", "We put the second access point up ourselves, in the waiting room."),
];

/// By their number in the archive.
const LEVELS: [Severity; 5] = [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
/// Tenths of a second between two signs of life.
const TURNS: u64 = 600;
