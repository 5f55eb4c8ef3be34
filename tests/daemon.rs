//! The daemon as its user meets it: a capture is replayed into a signed spool, and what a stranger reads there with the
//! public key is what the inspector hears.
//!
//! Counts as failure: an envelope that does not verify, a chain that does not hold, a fact that is missing or invented, a
//! planted name in the state folder, the log or an output.

use auscult_agent::config::Config;
use auscult_agent::identity::Identity;
use auscult_agent::spool::disk::SystemDisk;
use auscult_agent::spool::{Bounds, Spool};
use auscult_report::header::{Clock, Moment};
use auscult_report::heartbeat::Heartbeat;
use auscult_report::payload::{Kind, Payload};
use auscult_report::seal::VerifiedReport;
use auscult_report::summary::{Sighting, Summary};
use auscult_tests::nest::{verified, walk};
use auscult_tests::plant::{fields, has_plant, plant};
use auscult_tests::{Recorded, agent, hear, recorded};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

/// A folder with a configuration and, after a run, a state.
struct Device {
    folder: PathBuf,
}

impl Device {
    fn new(name: &str, capture: &Recorded, more: &str) -> Device {
        Device::with(name, capture, &capture.path, more)
    }

    fn with(name: &str, capture: &Recorded, file: &Path, more: &str) -> Device {
        let folder = env::temp_dir().join(format!("auscult-daemon-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let quoted = |words: Vec<String>| words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(", ");
        let networks = capture.expect["wifi"].as_array().cloned().unwrap_or_default();
        let own = networks.iter().filter_map(|w| w["bssid"].as_str().map(str::to_owned)).collect();
        let text = format!(
            "state = \"{0}/state\"\n[capture]\nreplay = \"{1}\"\nspeed = 0\n[clinic]\nhome = [{2}]\nown_bssids = [{3}]\n\
             [identity]\nmachine_id = \"{0}/none\"\n{more}",
            folder.display(),
            file.display(),
            quoted(capture.words("inside")),
            quoted(own),
        );
        fs::write(folder.join("agent.toml"), text).unwrap();
        Device { folder }
    }

    /// Keys that are the same in every run, so that pseudonyms are not by chance what is searched for.
    fn make_steady_keys(&self) {
        let keys = self.folder.join("state/keys");
        fs::create_dir_all(&keys).unwrap();
        for (name, octet) in [("sensor-0.key", 1), ("pseudonym.key", 2)] {
            fs::write(keys.join(name), [octet; 32]).unwrap();
            fs::set_permissions(keys.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    fn command(&self, command: &str) -> Command {
        let mut run = agent();
        run.arg(command).arg("-c").arg(self.folder.join("agent.toml"));
        run
    }

    fn run(&self, command: &str) -> std::process::Output {
        self.command(command).output().unwrap()
    }

    fn config(&self) -> Config {
        Config::read(&fs::read_to_string(self.folder.join("agent.toml")).unwrap()).unwrap()
    }

    fn reports(&self) -> (Vec<VerifiedReport>, Identity) {
        let identity = Identity::look(&self.config()).unwrap();
        let bounds = Bounds { octets: 16 << 20, keep_ms: 0 };
        let state = self.folder.join("state");
        let (spool, _) = Spool::open(Box::new(SystemDisk), &state, bounds, &identity, Moment::default()).unwrap();
        (verified(&spool, &identity), identity)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The state that a chain of reports ends in.
fn state(reports: &[VerifiedReport]) -> Summary {
    let (mut base, mut state) = (None, Summary::default());
    for report in reports {
        match report.payload().unwrap() {
            Payload::Full(full) => {
                base = Some((report.header().place, full.summary.clone()));
                state = full.summary.clone();
            }
            Payload::Changes(changes) => {
                let (place, whole) = base.as_ref().expect("a change has its base");
                assert_eq!(changes.base, *place);
                state = changes.onto(whole);
            }
            _ => {}
        }
    }
    state
}

/// What was heard of what, without when.
fn facts(sightings: &[Sighting]) -> BTreeMap<String, u32> {
    sightings.iter().map(|s| (format!("{:?} {:?} {:?}", s.subject, s.fact, s.zone), s.count)).collect()
}

#[test]
fn every_capture_is_sealed_and_says_what_the_inspector_hears() {
    let (mut sealed, mut octets, mut told, mut events) = (0, 0, 0, 0);
    for capture in recorded() {
        let device = Device::new("hears", &capture, "[window]\nlength_s = 3600\n");
        let run = device.run("run");
        assert!(run.status.success(), "{}: {}", capture.name, String::from_utf8_lossy(&run.stderr));
        let (reports, identity) = device.reports();
        assert_eq!(walk(&reports), 1, "{}", capture.name);
        let settings = auscult_agent::sensor::Settings { key: identity.pseudonym_key(), ..capture.settings() };
        let (_, wanted) = hear(&fs::read(&capture.path).unwrap(), settings).unwrap();
        let heard = state(&reports);
        let (heard_facts, wanted_facts) = (facts(&heard.sightings), facts(&wanted.sightings));
        assert_eq!(
            heard_facts.keys().collect::<Vec<_>>(),
            wanted_facts.keys().collect::<Vec<_>>(),
            "{}: not the same facts",
            capture.name
        );
        if wanted.window.to.since_ms(wanted.window.from) <= 3_600_000 {
            assert_eq!(heard, wanted, "{}: one window is the same summary", capture.name);
        }
        sealed += reports.len();
        told += heard_facts.len();
        events += reports.iter().filter(|r| r.header().kind == Kind::Event).count();
        octets += fs::read_dir(device.folder.join("state/spool"))
            .unwrap()
            .map(|f| f.unwrap().metadata().unwrap().len())
            .sum::<u64>();
    }
    println!("{sealed} reports, {octets} octets, {told} facts, {events} events");
    assert!(events > 0, "no capture had anything that cannot wait");
}

#[test]
fn short_windows_end_in_the_same_facts() {
    let capture = recorded().into_iter().find(|c| c.name == "clinic-day-mixed").unwrap();
    let device = Device::new("short", &capture, "[window]\nlength_s = 10\n");
    assert!(device.run("run").status.success());
    let (reports, identity) = device.reports();
    assert_eq!(walk(&reports), 1);
    let settings = auscult_agent::sensor::Settings { key: identity.pseudonym_key(), ..capture.settings() };
    let (_, wanted) = hear(&fs::read(&capture.path).unwrap(), settings).unwrap();
    let heard = state(&reports);
    let (heard_facts, wanted_facts) = (facts(&heard.sightings), facts(&wanted.sightings));
    assert_eq!(heard_facts.keys().collect::<Vec<_>>(), wanted_facts.keys().collect::<Vec<_>>());
    assert_eq!(heard.hosts, wanted.hosts);
    let kinds = |kind| reports.iter().filter(|r| r.header().kind == kind).count();
    println!("{} whole, {} changes, {} events", kinds(Kind::Full), kinds(Kind::Changes), kinds(Kind::Event));
    assert!(kinds(Kind::Changes) > 0);
}

#[test]
fn status_shows_one_screen_and_the_chain_goes_on_at_the_next_start() {
    let capture = recorded().into_iter().find(|c| c.name == "pacs-open-lan").unwrap();
    let device = Device::new("status", &capture, "");
    let early = device.run("status");
    assert_eq!(early.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&early.stderr).contains("start the agent once"));
    let identity = String::from_utf8(device.run("identity").stdout).unwrap();
    let words = identity.lines().nth(1).unwrap();
    assert_eq!(words.split(' ').count(), 5);
    for _ in 0..2 {
        assert!(device.run("run").status.success());
    }
    let screen = String::from_utf8(device.run("status").stdout).unwrap();
    for shown in [words, "enrolled    no", "the capture ended", "epoch 0, report", "nothing yet"] {
        assert!(screen.contains(shown), "{shown}: {screen}");
    }
    assert!(screen.lines().count() <= 24 && screen.lines().all(|l| l.len() <= 100), "{screen}");
    let (reports, identity) = device.reports();
    assert_eq!((walk(&reports), reports.iter().filter(|r| r.header().kind == Kind::Full).count()), (1, 2));
    let alive = fs::read(device.folder.join("state/alive")).unwrap();
    let beat = Heartbeat::open(&alive, &identity.public()).unwrap();
    assert_eq!(beat.head.unwrap().hash, reports.last().unwrap().hash());
    assert!(beat.health.frames > 0 && !beat.health.capturing && beat.health.program.is_some());
    assert!(reports.iter().all(|r| r.header().moment.boot != [0; 8] && r.header().moment.mono_ms > 0));
    assert!(reports.iter().all(|r| r.header().moment.clock != Clock::Collector));
}

#[test]
fn sigterm_seals_what_is_in_hand() {
    let capture = recorded().into_iter().find(|c| c.name == "clinic-day-mixed").unwrap();
    let device = Device::new("term", &capture, "");
    let text = fs::read_to_string(device.folder.join("agent.toml")).unwrap();
    fs::write(device.folder.join("agent.toml"), text.replace("speed = 0\n", "speed = 0.02\n")).unwrap();
    // Fifty times slower than it was recorded: however slow the machine is, it is not at the end.
    let mut child = device.command("run").stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let mut lines = log.lines().map_while(Result::ok);
    assert!(lines.any(|l| l.contains("started")), "the daemon did not start");
    let second = device.run("run");
    assert_eq!(second.status.code(), Some(1), "a second daemon on the same state");
    assert!(String::from_utf8_lossy(&second.stderr).contains("another auscult-agent"));
    std::thread::sleep(std::time::Duration::from_millis(600));
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert!(child.wait().unwrap().success());
    assert!(lines.any(|l| l.contains("stopped")));
    let (reports, _) = device.reports();
    assert_eq!(walk(&reports), 1);
    let heard = state(&reports);
    assert!(heard.counters.frames > 0 && heard.counters.frames < 962, "{} frames", heard.counters.frames);
}

#[test]
fn a_configuration_that_is_odd_is_refused_with_its_line() {
    let capture = recorded().remove(0);
    let device = Device::new("odd", &capture, "[window]\nlength_s = 5\n");
    let refused = device.run("run");
    assert_eq!(refused.status.code(), Some(2));
    let sentence = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(sentence.contains("line 11") && sentence.contains("from 10 to 3600"), "{sentence}");
    assert!(!device.folder.join("state").exists(), "nothing is made by a start that is refused");
}

#[test]
fn a_name_in_any_field_is_not_in_the_state_folder_nor_in_the_log() {
    let folder = env::temp_dir().join(format!("auscult-planted-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (mut searched, mut planted) = (0, 0);
    for capture in recorded() {
        let octets = fs::read(&capture.path).unwrap();
        let fields = fields(&octets);
        for turn in 0..TURNS {
            let some: Vec<_> = fields.iter().skip(turn).step_by(TURNS).cloned().collect();
            let file = folder.join("planted.pcap");
            fs::write(&file, plant(&octets, &some)).unwrap();
            let device = Device::with("planted", &capture, &file, "[log]\nlevel = \"debug\"\n");
            device.make_steady_keys();
            let run = device.run("run");
            let mut all = vec![run.stdout, run.stderr, device.run("status").stdout];
            let (reports, _) = device.reports();
            all.extend(reports.iter().map(|r| format!("{r:?}").into_bytes()));
            all.extend(reports.iter().map(|r| r.payload().unwrap().encode().unwrap()));
            for below in ["state", "state/spool"] {
                let files = fs::read_dir(device.folder.join(below)).unwrap().map(|f| f.unwrap().path());
                // Reports lie there deflated; what they say is searched above.
                let plain = files.filter(|f| f.is_file() && f.extension().is_none_or(|e| e != "report"));
                all.extend(plain.map(|f| fs::read(f).unwrap()));
            }
            planted += some.len();
            searched += all.iter().map(Vec::len).sum::<usize>();
            assert!(all.iter().all(|octets| !has_plant(octets)), "{} turn {turn}", capture.name);
        }
    }
    println!("{planted} fields planted, {searched} octets searched");
    fs::remove_dir_all(&folder).unwrap();
}

/// Every fourth field at once, so that what stands around them still parses.
const TURNS: usize = 4;
