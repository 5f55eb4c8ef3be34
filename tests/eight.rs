//! How much memory the agent takes: `cargo run --release -p auscult-tests --bin days`, after `cargo build --profile release-agent
//! -p auscult-agent`. The real program hears, through a pipe and as fast as it goes: nothing, a clinic's day, eight days with two
//! floods, and every table filled at once. Prints its resident memory as the system counts it, what was shed, and how full the
//! spool is; fails if the memory was above its bound or a service of the clinic is not told at the end. Keeps: nothing.

use auscult_report::summary::Summary;
use auscult_tests::cable::{Listener, Mouth, cable, ip, state};
use auscult_tests::glut::fill;
use auscult_tests::opposite::Desk;
use auscult_tests::season::{Season, file_header, record_header};
use auscult_tests::sensor::{Sensor, wait_until};
use clap::Parser;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[derive(Parser)]
#[command(about = "Measures how much memory the agent takes over simulated days")]
struct Arguments {
    /// The agent; by default that of the profile release-agent.
    #[arg(long)]
    program: Option<PathBuf>,
    /// Its bound, in MiB.
    #[arg(long, default_value_t = 24)]
    cap_mib: u64,
    /// Only every so manieth event of the season.
    #[arg(long, default_value_t = 1)]
    every: u32,
    /// Only this part: idle, day, season, worst.
    #[arg(long)]
    only: Option<String>,
    /// On two interfaces, enrolled and delivering, instead of a pipe; in a network namespace: unshare -n.
    #[arg(long)]
    live: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let program = arguments.program.clone().unwrap_or_else(|| {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        target.join("release-agent/auscult-agent")
    });
    assert!(
        program.exists(),
        "{} is not there: cargo build --profile release-agent -p auscult-agent",
        program.display()
    );
    if arguments.live {
        return live(&program, &arguments);
    }
    println!(
        "{:<8} {:>10} {:>7} {:>9} {:>9} {:>9} {:>8}",
        "part", "frames", "s", "peak KiB", "anon KiB", "file KiB", "spool"
    );
    let season = Season { days: 8, hosts: 300, every: arguments.every };
    let day = Season { days: 1, ..season };
    let mut is_good = true;
    for part in ["idle", "day", "season", "worst"] {
        if arguments.only.as_deref().is_none_or(|only| only == part) {
            let heard = Heard::start(&program, arguments.cap_mib, part);
            let (summary, peak_kib) = heard.play(part, &mut |hear| match part {
                "idle" => 0,
                "day" => day.play(hear).frames,
                "season" => season.play(hear).frames,
                _ => fill(12, 1, hear),
            });
            is_good &= peak_kib <= arguments.cap_mib * 1_024;
            if matches!(part, "day" | "season") {
                let told = services(&summary);
                let missing =
                    season.services().into_iter().filter(|s| !told.contains(&(s.address.into(), s.port))).count();
                println!("  {} services of the clinic, {missing} of them missing; {:?}", told.len(), summary.counters);
                is_good &= missing == 0;
            }
        }
    }
    assert!(is_good, "see above");
}

/// What it takes while it hears live and delivers: the frames of hours within a minute.
fn live(program: &Path, arguments: &Arguments) {
    ip("link set lo up");
    cable("heard0", "there0");
    cable("heard1", "there1");
    println!(
        "{:<8} {:>10} {:>9} {:>9} {:>9} {:>9} {:>8}",
        "live", "frames", "peak KiB", "now KiB", "anon KiB", "file KiB", "reports"
    );
    let is_wanted = |part: &&str| arguments.only.as_deref().is_none_or(|only| only == *part);
    for part in ["idle", "day", "worst"].into_iter().filter(is_wanted) {
        let (desk, sensor) = (Desk::open(), Sensor::with(""));
        let text = format!(
            "state = \"{0}/state\"\n[identity]\nmachine_id = \"{0}/none\"\n[clinic]\nhome = [\"192.168.0.0/16\"]\n[window]\n\
             length_s = 10\n[memory]\ncap_mib = {1}\n[[capture.interface]]\nname = \"heard0\"\n[[capture.interface]]\nname = \
             \"heard1\"\nrole = \"wan\"\n",
            sensor.folder.display(),
            arguments.cap_mib
        );
        fs::write(sensor.folder.join("agent.toml"), text).unwrap();
        sensor.enrol(&desk).unwrap();
        let log = File::create(sensor.folder.join("log")).unwrap();
        let mut command = Command::new(program);
        command.arg("run").arg("-c").arg(sensor.folder.join("agent.toml")).stdout(Stdio::null()).stderr(log);
        let heard = Heard { child: command.spawn().unwrap(), folder: sensor.folder.clone() };
        wait_until(|| fs::read_to_string(sensor.folder.join("log")).unwrap().matches(" heard ").count() >= 2);
        let frames = say(part, arguments.every);
        let before = desk.book().stored.len();
        wait_until(|| desk.book().stored.len() > before || part == "idle" && before > 0);
        std::thread::sleep(Duration::from_secs(12));
        let kib = ["VmHWM", "VmRSS", "RssAnon", "RssFile"].map(|field| heard.kib(field));
        let reports = desk.book().stored.len();
        println!("{part:<8} {frames:>10} {:>9} {:>9} {:>9} {:>9} {reports:>8}", kib[0], kib[1], kib[2], kib[3]);
        assert!(kib[0] <= arguments.cap_mib * 1_024, "above its bound");
    }
}

/// Says a part on both cables, 30,000 frames a second at most.
fn say(part: &str, every: u32) -> u64 {
    let (mut mouths, mut frames) = ([Mouth::at("there0"), Mouth::at("there1")], 0u64);
    let mut say = |_: u64, frame: &[u8]| {
        frames += 1;
        mouths[usize::from(frames.is_multiple_of(5))].say(frame);
        if frames.is_multiple_of(64) {
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    match part {
        "day" => {
            (Season { days: 1, hosts: 300, every }).play(&mut say);
        }
        "worst" => {
            fill(3, 1, &mut say);
        }
        _ => {}
    }
    frames
}

/// Services whose host is told with an address.
fn services(summary: &Summary) -> Vec<(std::net::IpAddr, u16)> {
    let address = |id| summary.hosts.iter().find(|h| h.id == id).and_then(|h| h.address);
    let mut told: Vec<_> = summary
        .sightings
        .iter()
        .filter_map(|s| match s.subject {
            auscult_report::subject::Subject::Service(id, _, port) => Some((address(id)?, port)),
            _ => None,
        })
        .collect();
    told.sort_unstable();
    told.dedup();
    told
}

/// Takes a frame and when it comes.
type Hear<'a> = &'a mut dyn FnMut(u64, &[u8]);

/// An agent at the end of a pipe.
struct Heard {
    child: Child,
    folder: PathBuf,
}

impl Heard {
    fn start(program: &Path, cap_mib: u64, part: &str) -> Heard {
        let folder = std::env::temp_dir().join(format!("auscult-days-{part}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert!(Command::new("mkfifo").arg(folder.join("frames")).status().unwrap().success());
        let text = format!(
            "state = \"{0}/state\"\n[identity]\nmachine_id = \"{0}/none\"\n[clinic]\nhome = [\"192.168.0.0/16\", \
             \"2001:db8:20::/64\"]\n[spool]\noctets = {SPOOL_OCTETS}\n[memory]\ncap_mib = {cap_mib}\n[capture]\nreplay = \
             \"{0}/frames\"\nspeed = 0\nthen = \"stay\"\n",
            folder.display()
        );
        fs::write(folder.join("agent.toml"), text).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        let arguments = [OsStr::new("run"), OsStr::new("-c")];
        let mut command = Command::new(program);
        command.args(arguments).arg(folder.join("agent.toml")).stdout(Stdio::null()).stderr(log);
        Heard { child: command.spawn().unwrap(), folder }
    }

    /// Lets it hear, and prints what it took.
    #[expect(clippy::disallowed_methods, reason = "a program that measures")]
    fn play(mut self, part: &str, play: &mut dyn FnMut(Hear<'_>) -> u64) -> (Summary, u64) {
        let begun = Instant::now();
        let mut pipe =
            BufWriter::with_capacity(1 << 16, File::options().write(true).open(self.folder.join("frames")).unwrap());
        pipe.write_all(&file_header()).unwrap();
        let frames = play(&mut |at, frame| {
            pipe.write_all(&record_header(at, frame.len())).unwrap();
            pipe.write_all(frame).unwrap();
        });
        drop(pipe);
        // The sign of life behind the last window.
        while !fs::read_to_string(self.folder.join("log")).unwrap().contains("sealed") || self.is_busy() {
            assert!(
                self.child.try_wait().unwrap().is_none(),
                "{}",
                fs::read_to_string(self.folder.join("log")).unwrap()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        let taken = begun.elapsed().as_secs_f64();
        let (peak, anon, file) = (self.kib("VmHWM"), self.kib("RssAnon"), self.kib("RssFile"));
        let spool = self.spool_octets();
        println!("{part:<8} {frames:>10} {taken:>7.1} {peak:>9} {anon:>9} {file:>9} {:>7}K", spool / 1_024);
        assert!(spool <= SPOOL_OCTETS, "the spool is beyond its bound");
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
        let reports = Listener::sealed_in(&self.folder).0;
        (state(&reports), peak)
    }

    /// Whether it still works: its CPU time grows.
    fn is_busy(&self) -> bool {
        let ticks = || fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let used = |stat: String| stat.rsplit(')').next().map(|s| s.split(' ').skip(12).take(2).collect::<String>());
        let before = used(ticks());
        std::thread::sleep(Duration::from_millis(300));
        before != used(ticks())
    }

    fn kib(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|l| l.strip_prefix(field)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    fn spool_octets(&self) -> u64 {
        let files = fs::read_dir(self.folder.join("state/spool")).unwrap();
        files.map(|f| f.unwrap().metadata().unwrap().len()).sum()
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The least that can be configured.
const SPOOL_OCTETS: u64 = 1 << 20;
