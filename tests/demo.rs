//! `cargo demo`: the whole of it in one process, on loopback, in a folder that goes when it ends. A collector with its embedded archive,
//! three clinics, a sensor at each: enrolled by a one-time code and five words, listening to a capture, sealing, delivering over TLS.
//!
//! Prints what was found at each clinic, the checkpoints, and how to verify them; then serves until Ctrl-C. With `--once` it ends at
//! once. Nothing leaves this machine. DEMO: the clinics are made up, the captures were recorded from real servers with made-up patients.

#![allow(clippy::disallowed_methods, reason = "a program: it looks at the clock itself")]

use auscult_agent::config::Config as AgentConfig;
use auscult_agent::run;
use auscult_assess::Severity;
use auscult_assess::knowledge::Knowledge;
use auscult_collector::access::{new_code, random};
use auscult_collector::authority::Authority;
use auscult_collector::config::Config;
use auscult_collector::judge::Judge;
use auscult_collector::run::{Service, now};
use auscult_collector::store::{ClinicId, ClinicStore, NewClinic, SensorState};
use auscult_report::fingerprint::fingerprint_words;
use auscult_report::key::LedgerId;
use auscult_report::time::Timestamp;
use auscult_tests::archive::Folder;
use auscult_tests::root;
use auscult_tests::station::settings;
use clap::Parser;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

#[derive(Parser)]
#[command(name = "demo", about = "Shows the whole of auscult at work, on this machine alone")]
struct Arguments {
    /// End after showing, without waiting for Ctrl-C.
    #[arg(long)]
    once: bool,
}

/// A clinic of the demonstration.
struct Clinic {
    name: &'static str,
    title: &'static str,
    capture: &'static str,
    own_bssids: &'static str,
}

const CLINICS: [Clinic; 3] = [
    Clinic { name: "northside", title: "Northside Imaging", capture: "clinic-day-mixed.pcap", own_bssids: "" },
    Clinic {
        name: "lakeside",
        title: "Lakeside Family Practice",
        capture: "wifi-open-client-cleartext.pcap",
        own_bssids: "\"04:18:d6:20:01:01\"",
    },
    Clinic { name: "hilltop", title: "Hilltop Laboratory", capture: "db-mongodb-open.pcap", own_bssids: "" },
];

fn main() -> Result<(), Box<dyn Error>> {
    let once = Arguments::parse().once;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let begun = Instant::now();
    // Gone when this function ends, however it ends.
    let folder = Folder::new();
    let service = serve(&folder.0)?;
    let addresses = service.addresses();
    println!("auscult DEMO: made-up clinics on this machine; everything lies in {}", folder.0.display());
    if let (Some(agents), Some(people), Some(ops)) = (addresses.agents, addresses.people, addresses.ops) {
        println!(
            "a collector serves: sensors https://{agents}, people https://{people}, monitoring http://{ops}/metrics"
        );
    }
    if let (Some(code), Some(people)) = (service.desk().people.first_code(now()?)?, addresses.people) {
        println!("the pages: open https://{people}/set-up (the browser warns once) and make your account with {code}");
    }
    let mut sensors = Vec::new();
    for clinic in &CLINICS {
        sensors.push(enrol(&service, &folder.0, clinic, &stop)?);
    }
    for sensor in sensors {
        sensor.join().map_err(|_| "a sensor broke")??;
    }
    if stop.load(Ordering::Relaxed) {
        return Ok(());
    }
    show(&service, &folder.0)?;
    println!("\nshown after {:.1} s", begun.elapsed().as_secs_f64());
    if !once {
        println!("It serves until Ctrl-C; then the folder is removed.");
        while !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    service.stop();
    Ok(())
}

/// A collector in a folder, with the clinics.
fn serve(folder: &Path) -> Result<Service, Box<dyn Error>> {
    let text = settings(folder, 0);
    fs::write(folder.join("collector.toml"), &text)?;
    let seed: [u8; 32] = random()?;
    let key: String = seed.iter().map(|o| format!("{o:02x}")).collect();
    fs::write(folder.join("ledger.key"), key)?;
    fs::set_permissions(folder.join("ledger.key"), fs::Permissions::from_mode(0o600))?;
    let service = Service::start(&Config::read(&text)?, seed, Arc::new(|| now().unwrap_or(Timestamp(0))))?;
    for Clinic { name, title, .. } in &CLINICS {
        let (id, ledger) = (ClinicId(random()?), LedgerId(random()?));
        let new = NewClinic { id, ledger, name, title, quota_octets_day: 256 << 20 };
        service.desk().store.put_clinic(&new, now()?)?;
        clinic(&service, name)?.put_site("main", "Main building")?;
    }
    Ok(service)
}

/// Lets a sensor in, as a technician and a provider do, and lets it listen.
fn enrol(
    service: &Service,
    folder: &Path,
    demo: &Clinic,
    stop: &Arc<AtomicBool>,
) -> Result<JoinHandle<Result<(), String>>, Box<dyn Error>> {
    let agents = service.addresses().agents.ok_or("nobody listens for sensors")?;
    let text = format!(
        "state = \"{}\"\n[capture]\nreplay = \"{}\"\nspeed = 0.0\n[clinic]\nhome = [\"192.168.20.0/24\"]\nown_bssids = [{}]\n\
         [collector]\naddresses = [\"https://localhost:{}\"]\nlinger_s = 30\n",
        folder.join(demo.name).display(),
        root().join("tests/captures").join(demo.capture).display(),
        demo.own_bssids,
        agents.port()
    );
    let path = folder.join(format!("{}.toml", demo.name));
    fs::write(&path, &text)?;
    let config = AgentConfig::read(&text)?;
    let archive = Config::read(&settings(folder, 0))?;
    let authority = Authority::open(&folder.join("authority"), &archive.name, now()?)?;
    let store = clinic(service, demo.name)?;
    let code = new_code(&store, authority.vault(), "main", 300_000, now()?)?;
    let enrolled = run::enrol(&config, &code.shown(), &[], false)?;
    let words = enrolled.words.join(" ");
    let key = store.keys(enrolled.sensor)?.first().copied().ok_or("the sensor is not known")?;
    if fingerprint_words(&key).join(" ") != words {
        return Err("the words on the device are not those at the provider".into());
    }
    store.set_state(enrolled.sensor, SensorState::Active, "words compared", now()?)?;
    println!("{}: a sensor enrolled with a one-time code; both sides see \"{words}\"; let in", demo.title);
    let stop = Arc::clone(stop);
    Ok(std::thread::spawn(move || run::run(&config, &stop)))
}

/// What was found at each clinic, and what proves it.
fn show(service: &Service, folder: &Path) -> Result<(), Box<dyn Error>> {
    let knowledge = Knowledge::compiled();
    let judge = Judge::new(&knowledge);
    for demo in &CLINICS {
        let store = clinic(service, demo.name)?;
        let head = service.desk().ledger.take_all(&store, now()?)?;
        judge.catch_up(&store, now()?)?;
        let found = judge.findings(&store, false)?;
        println!("\n== {}: {} findings from {} reports", demo.title, found.len(), store.counts()?.reports);
        for finding in &found {
            let level = LEVELS.get(usize::from(finding.row.severity)).map_or("?", |s| s.word());
            let title = finding.rule.map_or("", |rule| rule.title());
            println!("  {level:8} {title} ({} % sure; {})", finding.row.confidence, finding.row.rule);
        }
        let Some(head) = head else { continue };
        println!("  ledger: {} leaves, checkpoint", head.size);
        head.note.lines().for_each(|line| println!("    {line}"));
        let copy = folder.join(format!("review-{}", demo.name));
        println!("  verify: {}", verify(folder, demo.name, &copy));
    }
    Ok(())
}

/// What a reviewer types.
fn verify(folder: &Path, name: &str, copy: &Path) -> String {
    let config = folder.join("collector.toml");
    format!(
        "cargo run -q -p auscult-collector -- -c {} ledger export {name} {copy} && cargo run -q -p auscult-collector -- ledger verify {copy}",
        config.display(),
        copy = copy.display()
    )
}

fn clinic(service: &Service, name: &str) -> Result<ClinicStore, Box<dyn Error>> {
    Ok(service.desk().store.clinic_named(name)?.ok_or("the clinic is gone")?)
}

/// By their number in the archive.
const LEVELS: [Severity; 5] = [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
