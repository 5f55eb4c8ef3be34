//! A network of a test's own: the test runs again in a network namespace that it makes for itself, with pairs of interfaces
//! like two ends of a cable, a sender at one end and a sensor at the other.
//!
//! Where the machine does not allow it the test says NOT RUN and passes; with `AUSCULT_FOREIGN` that is a failure.

use crate::nest::verified;
use crate::{Recorded, agent, inspector};
use auscult_agent::capture::file::CaptureFile;
use auscult_agent::capture::{Frame, Link};
use auscult_agent::config::Config;
use auscult_agent::identity::Identity;
use auscult_agent::spool::disk::SystemDisk;
use auscult_agent::spool::{Bounds, Spool};
use auscult_report::header::Moment;
use auscult_report::payload::Payload;
use auscult_report::seal::VerifiedReport;
use auscult_report::summary::Summary;
use pnet_datalink::{Channel, DataLinkSender};
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

/// True in a namespace of its own. Elsewhere the test of this name is run there, and nothing is left to do.
///
/// # Panics
/// If the test fails there.
#[must_use]
pub fn is_inside(test: &str) -> bool {
    if env::var_os(INSIDE).is_some() {
        // Nothing but what the test sends shall be on its cables.
        fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap();
        ip("link set lo up");
        return true;
    }
    let ways = [&["-n"][..], &["-r", "-n"][..]];
    let is_allowed = |way: &&&[&str]| {
        let probe = "ip link add name t0 type veth peer name t1";
        let tried = Command::new("unshare").args(**way).args(["sh", "-c", probe]).output();
        tried.is_ok_and(|o| o.status.success())
    };
    let Some(way) = ways.iter().find(is_allowed) else {
        assert!(env::var_os("AUSCULT_FOREIGN").is_none(), "{test} was not run: no network namespace is to be had");
        eprintln!("NOT RUN, no network namespace is to be had (root, iproute2, veth): {test}");
        return false;
    };
    // What the test needs is built out here.
    let _ = (agent(), inspector());
    let this = env::current_exe().unwrap();
    let mut run = Command::new("unshare");
    run.args(*way).arg(this).args(["--exact", test, "--nocapture", "--test-threads=1"]).env(INSIDE, "1");
    let output = run.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    println!("{said}");
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{test} is not the name of the test: {said}");
    false
}

/// Runs `ip`.
///
/// # Panics
/// If it fails.
pub fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A cable between two interfaces that are up; long frames fit.
pub fn cable(near: &str, far: &str) {
    ip(&format!("link add name {near} type veth peer name {far}"));
    for end in [near, far] {
        ip(&format!("link set {end} mtu 9000 up"));
    }
}

/// Frames that an interface received and sent.
///
/// # Panics
/// If there is no such interface.
#[must_use]
pub fn counted(interface: &str) -> (u64, u64) {
    let table = fs::read_to_string("/proc/net/dev").unwrap();
    let row = table.lines().find_map(|l| l.trim().strip_prefix(&format!("{interface}:")).map(str::to_owned)).unwrap();
    let numbers: Vec<u64> = row.split_whitespace().map(|n| n.parse().unwrap()).collect();
    (numbers[1], numbers[9])
}

/// Sends at one end of a cable.
pub struct Mouth(Box<dyn DataLinkSender>);

impl Mouth {
    /// # Panics
    /// If there is no such interface.
    #[must_use]
    pub fn at(interface: &str) -> Mouth {
        let found = pnet_datalink::interfaces().into_iter().find(|i| i.name == interface).unwrap();
        let config = pnet_datalink::Config { write_buffer_size: 65_536, promiscuous: false, ..Default::default() };
        match pnet_datalink::channel(&found, config).unwrap() {
            Channel::Ethernet(sender, _) => Mouth(sender),
            _ => panic!("no Ethernet"),
        }
    }

    /// # Panics
    /// If the frame cannot be sent.
    pub fn say(&mut self, frame: &[u8]) {
        self.0.send_to(frame, None).unwrap().unwrap();
    }

    /// Says frames at a speed that a slow machine under load can hear.
    pub fn say_all(&mut self, frames: &[Vec<u8>]) {
        for some in frames.chunks(64) {
            some.iter().for_each(|frame| self.say(frame));
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// The frames of a capture, if all of them can be sent as they are: whole, and of Ethernet.
#[must_use]
pub fn frames(capture: &Recorded) -> Option<Vec<Vec<u8>>> {
    let octets = fs::read(&capture.path).unwrap();
    let (mut frames, mut is_whole) = (Vec::new(), true);
    CaptureFile::open(&octets[..]).unwrap().each(|frame: &Frame<'_>, _| {
        let whole = usize::try_from(frame.wire_octets).is_ok_and(|w| w == frame.octets.len());
        is_whole &= frame.link == Link::Ethernet && whole && (14..=9_014).contains(&frame.octets.len());
        frames.push(frame.octets.to_vec());
    });
    is_whole.then_some(frames)
}

/// An agent that hears interfaces.
pub struct Listener {
    pub folder: PathBuf,
    pub child: Child,
    log: Lines<BufReader<ChildStderr>>,
}

impl Listener {
    /// Starts it and waits until it hears. `more` goes before the interfaces.
    #[must_use]
    pub fn start(name: &str, home: &[String], interfaces: &[&str], more: &str) -> Listener {
        let folder = env::temp_dir().join(format!("auscult-live-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let home: Vec<String> = home.iter().map(|n| format!("\"{n}\"")).collect();
        let mut text = format!(
            "state = \"{0}/state\"\n[identity]\nmachine_id = \"{0}/none\"\n[clinic]\nhome = [{1}]\n{more}",
            folder.display(),
            home.join(", ")
        );
        for interface in interfaces {
            text += &format!("[[capture.interface]]\nname = \"{interface}\"\n");
        }
        fs::write(folder.join("agent.toml"), text).unwrap();
        let mut listener = Listener::run(&folder);
        interfaces.iter().for_each(|_| drop(listener.until(" heard ")));
        listener
    }

    /// Starts it on a folder that is there.
    #[must_use]
    pub fn run(folder: &Path) -> Listener {
        Listener::run_by(agent(), folder)
    }

    /// The same, by a program that was given surroundings.
    #[must_use]
    pub fn run_by(mut run: Command, folder: &Path) -> Listener {
        run.arg("run").arg("-c").arg(folder.join("agent.toml"));
        Listener::of(folder, run)
    }

    /// One that is started by this command.
    #[must_use]
    pub fn of(folder: &Path, mut run: Command) -> Listener {
        let mut child = run.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        Listener { folder: folder.to_owned(), child, log }
    }

    /// Waits for a line of its log.
    ///
    /// # Panics
    /// If it ends before.
    pub fn until(&mut self, what: &str) -> String {
        let mut said = String::new();
        loop {
            let line = self.log.next().unwrap_or_else(|| panic!("it ended without {what}: {said}")).unwrap();
            if line.contains(what) {
                return line;
            }
            said += &format!("{line}\n");
        }
    }

    /// Tells it to stop, and waits. Gives its last word.
    ///
    /// # Panics
    /// If it fails.
    pub fn stop(&mut self) -> String {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        let ended = self.until("stopped");
        assert!(self.child.wait().unwrap().success());
        ended
    }

    /// What a command of the agent prints.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn command(&self, command: &str) -> String {
        let output = agent().arg(command).arg("-c").arg(self.folder.join("agent.toml")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it sealed, and who it is.
    #[must_use]
    pub fn reports(&self) -> (Vec<VerifiedReport>, Identity) {
        Listener::sealed_in(&self.folder)
    }

    /// What an agent with this folder sealed, and who it is.
    ///
    /// # Panics
    /// If its configuration or its spool cannot be read.
    #[must_use]
    pub fn sealed_in(folder: &Path) -> (Vec<VerifiedReport>, Identity) {
        let config = Config::read(&fs::read_to_string(folder.join("agent.toml")).unwrap()).unwrap();
        let identity = Identity::look(&config).unwrap();
        let bounds = Bounds { octets: 16 << 20, keep_ms: 0 };
        let state = folder.join("state");
        let (spool, _) = Spool::open(Box::new(SystemDisk), &state, bounds, &identity, Moment::default()).unwrap();
        (verified(&spool, &identity), identity)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The state that a chain of reports ends in.
#[must_use]
pub fn state(reports: &[VerifiedReport]) -> Summary {
    let (mut whole, mut state) = (Summary::default(), Summary::default());
    for report in reports {
        match report.payload().unwrap() {
            Payload::Full(full) => (whole, state) = (full.summary.clone(), full.summary.clone()),
            Payload::Changes(changes) => state = changes.onto(&whole),
            _ => {}
        }
    }
    state
}

/// Set where a test runs in its namespace.
const INSIDE: &str = "AUSCULT_INSIDE";
