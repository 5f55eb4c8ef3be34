//! How much a collector carries: `cargo run --release -p auscult-tests --bin load`. Sensors with their own certificates, each on a
//! connection that stays open, send reports that were signed before; the collector is a process of its own, on loopback.
//!
//! Prints durable reports a second, p50 and p99 from the moment at which a request was due (with `--rate`; else from its sending), and
//! CPU a report of both sides, as the system counts it. Bounded in time and in number; nothing leaves this machine. Keeps: nothing.

#![allow(clippy::disallowed_methods, reason = "a program that measures")]

use auscult_collector::authority::Authority;
use auscult_collector::store::{ClinicId, NewClinic, SensorState, Store};
use auscult_report::batch::batch;
use auscult_report::fact::Fact;
use auscult_report::key::LedgerId;
use auscult_report::receipt::{Outcome, Receipt};
use auscult_report::subject::{HostId, Subject, Transport};
use auscult_report::time::Timestamp;
use auscult_tests::archive::{Folder, full, sighting};
use auscult_tests::spent::{cpu_ms, peak_kib};
use auscult_tests::station::{Caller, REPORTS, settings};
use auscult_tests::way::{client_config, connect};
use clap::Parser;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Parser)]
#[command(about = "Measures how many reports a collector makes durable, and what each costs")]
struct Arguments {
    /// Sensors, each with its connection.
    #[arg(long, default_value_t = 512)]
    sensors: usize,
    /// Reports of each sensor.
    #[arg(long, default_value_t = 80)]
    reports: usize,
    /// Reports in a request.
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Requests a second, whether answers come or not; 0: as fast as they come.
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// Connections that are made anew for each request: a handshake each.
    #[arg(long)]
    fresh: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let folder = Folder::new();
    let mut collector = Collector::start(&folder.0);
    let authority = Authority::open(&folder.0.join("authority"), "archive.example", now()).unwrap();
    let begun = Instant::now();
    let callers = let_in(&folder.0, &authority, arguments.sensors);
    let mut sensors: Vec<Sensor> =
        callers.into_iter().map(|caller| Sensor::ready(caller, &authority, &arguments)).collect();
    let octets: usize = sensors[0].batches.iter().map(|(_, octets)| octets.len()).sum::<usize>() / arguments.reports;
    println!(
        "{} sensors with {} reports of {octets} octets each, signed in {:.1} s",
        sensors.len(),
        arguments.reports,
        secs(begun)
    );
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    threads.block_on(connect_all(&mut sensors, collector.agents));
    let (before, own_before) = (cpu_ms(collector.child.id()), cpu_ms(std::process::id()));
    let begun = Instant::now();
    let outcome = threads.block_on(send_all(sensors, &arguments, collector.agents, begun));
    let wall = begun.elapsed();
    let (after, own_after) = (cpu_ms(collector.child.id()), cpu_ms(std::process::id()));
    outcome.print(&arguments, wall, (after - before, own_after - own_before), peak_kib(collector.child.id()));
    collector.stop();
    let store = Store::open(&folder.0.join("archive.db"), u64::MAX, now()).unwrap();
    let kept = store.clinic_named("load").unwrap().unwrap().counts().unwrap().reports;
    println!("in the archive after its end: {kept} reports; {} were acknowledged", outcome.stored);
    assert_eq!(kept, outcome.stored, "what was acknowledged is there");
}

/// A collector in a process of its own.
struct Collector {
    child: Child,
    agents: SocketAddr,
}

impl Collector {
    fn start(folder: &Path) -> Collector {
        fs::write(folder.join("collector.toml"), settings(folder, 0).replace("round_s = 1\n", "round_s = 10\n"))
            .unwrap();
        fs::write(folder.join("ledger.key"), "09".repeat(32)).unwrap();
        fs::set_permissions(folder.join("ledger.key"), fs::Permissions::from_mode(0o600)).unwrap();
        let program = std::env::current_exe().unwrap().with_file_name("auscult-collector");
        assert!(program.exists(), "build it first: cargo build --release -p auscult-collector");
        let mut child = Command::new(program)
            .arg("-c")
            .arg(folder.join("collector.toml"))
            .arg("serve")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let agents = lines.map_while(Result::ok).find_map(|l| l.strip_prefix("agents ")?.parse().ok()).unwrap();
        Collector { child, agents }
    }

    fn stop(&mut self) {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sensors that a clinic let in, with certificates. The handshake of enrolment is limited to ten a minute an address.
fn let_in(folder: &Path, authority: &Authority, sensors: usize) -> Vec<Caller> {
    let store = Store::open(&folder.join("archive.db"), u64::MAX, now()).unwrap();
    let ledger = LedgerId([7; 16]);
    let clinic = NewClinic { id: ClinicId([7; 16]), ledger, name: "load", title: "Load", quota_octets_day: 1 << 50 };
    store.put_clinic(&clinic, now()).unwrap();
    let clinic = store.clinic_named("load").unwrap().unwrap();
    clinic.put_site("main", "Main").unwrap();
    let let_in = |n: usize| {
        let mut caller = Caller::new(0);
        let mut seed = [1; 32];
        seed[..8].copy_from_slice(&n.to_le_bytes());
        caller.ear.key = auscult_report::key::SensorKey::from_seed(&seed);
        caller.ear.ledger = ledger;
        clinic.put_sensor("main", &caller.ear.key.public(), SensorState::Active, "load", now()).unwrap();
        let certificate = authority.sensor(&caller.request(), (ledger, caller.id()), now()).unwrap();
        caller.certificate = Some(certificate.to_vec());
        caller
    };
    (0..sensors).map(let_in).collect()
}

/// A sensor with everything that it will send.
struct Sensor {
    tls: std::sync::Arc<rustls::ClientConfig>,
    /// Reports and octets of each request.
    batches: Vec<(usize, Bytes)>,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Sensor {
    fn ready(mut caller: Caller, authority: &Authority, arguments: &Arguments) -> Sensor {
        let tls = client_config(authority.certificate(), Some(&caller));
        let reports: Vec<_> = (0..arguments.reports).map(|n| caller.ear.say(&window(n))).collect();
        let batches = reports.chunks(arguments.batch).map(|chunk| {
            let (octets, count) = batch(chunk.iter().map(|r| r.octets()));
            assert_eq!(count, chunk.len(), "a request holds so many reports");
            (count, Bytes::from(octets))
        });
        Sensor { batches: batches.collect(), tls, sender: None }
    }
}

/// A window as an ordinary one: twelve services heard.
fn window(n: usize) -> auscult_report::payload::Payload {
    let at = u64::try_from(n).unwrap() * 1_000;
    let sightings = (0..24).map(|host| {
        let host = HostId(0x9e37_79b9_7f4a_7c15u64.wrapping_mul(host / 2 + 1));
        sighting(
            Subject::Service(host, Transport::Tcp, 104),
            if at % 2 == 0 { Fact::DicomAccepted } else { Fact::Medical },
            at,
        )
    });
    full(at, at + 1_000, sightings.collect())
}

async fn connect_all(sensors: &mut [Sensor], at: SocketAddr) {
    for sensor in sensors {
        sensor.sender = Some(connect(at, sensor.tls.clone()).await.unwrap().0);
    }
}

/// What became of everything.
#[derive(Default)]
struct Sent {
    stored: u64,
    other: u64,
    requests: u64,
    /// Milliseconds of each request.
    took: Vec<f64>,
}

async fn send_all(sensors: Vec<Sensor>, arguments: &Arguments, at: SocketAddr, begun: Instant) -> Sent {
    let (count, rate, fresh) = (sensors.len(), arguments.rate, arguments.fresh);
    let tasks: Vec<_> = sensors
        .into_iter()
        .enumerate()
        .map(|(n, s)| tokio::spawn(send(s, (n, count), rate, fresh, at, begun)))
        .collect();
    let mut all = Sent::default();
    for task in tasks {
        let sent = task.await.unwrap();
        all.stored += sent.stored;
        all.other += sent.other;
        all.requests += sent.requests;
        all.took.extend(sent.took);
    }
    all
}

async fn send(
    mut sensor: Sensor,
    (n, count): (usize, usize),
    rate: u64,
    fresh: bool,
    at: SocketAddr,
    begun: Instant,
) -> Sent {
    let mut sent = Sent::default();
    let mut sender = sensor.sender.take().unwrap();
    for (turn, (reports, octets)) in sensor.batches.iter().enumerate() {
        let mut due = Instant::now();
        let number = u64::try_from(turn * count + n).unwrap();
        if let Some(after_us) = (number * 1_000_000).checked_div(rate) {
            due = begun + Duration::from_micros(after_us);
            tokio::time::sleep_until(due.into()).await;
        }
        if fresh {
            sender = connect(at, sensor.tls.clone()).await.unwrap().0;
        }
        let stored = post(&mut sender, octets).await;
        sent.took.push(due.elapsed().as_secs_f64() * 1_000.0);
        sent.requests += 1;
        sent.stored += stored;
        sent.other += u64::try_from(*reports).unwrap() - stored;
    }
    sent
}

/// Sends a batch: how many of its reports are durable.
async fn post(sender: &mut SendRequest<Full<Bytes>>, octets: &Bytes) -> u64 {
    let request = Request::post("/v1/reports").header("host", "localhost").header("content-type", REPORTS);
    sender.ready().await.unwrap();
    let response = sender.send_request(request.body(Full::new(octets.clone())).unwrap()).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let results = Receipt::decode(&body).map(|r| r.results.iter().filter(|i| i.outcome == Outcome::Stored).count());
    u64::try_from(results.unwrap_or(0)).unwrap()
}

impl Sent {
    fn print(&self, arguments: &Arguments, wall: Duration, (theirs, ours): (u64, u64), rss_kib: u64) {
        let mut took = self.took.clone();
        took.sort_by(f64::total_cmp);
        let at = |permille: usize| took[(took.len() - 1) * permille / 1_000];
        let reports = (self.stored + self.other) as f64;
        let how = if arguments.rate > 0 {
            format!("{} requests/s asked for", arguments.rate)
        } else {
            "as fast as answers come".to_owned()
        };
        println!(
            "{how}, {} reports a request{}:",
            arguments.batch,
            if arguments.fresh { ", a handshake each" } else { "" }
        );
        println!(
            "  durable: {} of {} reports in {:.1} s = {:.0}/s",
            self.stored,
            reports,
            wall.as_secs_f64(),
            self.stored as f64 / wall.as_secs_f64()
        );
        println!("  a request: p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms", at(500), at(990), at(1_000));
        println!(
            "  CPU a report: collector {:.0} us, sensors {:.0} us",
            theirs as f64 * 1_000.0 / reports,
            ours as f64 * 1_000.0 / reports
        );
        println!("  collector's memory: {} MiB", rss_kib / 1_024);
    }
}

fn now() -> Timestamp {
    Timestamp(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap())
}

fn secs(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64()
}
