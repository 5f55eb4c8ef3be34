//! A technician's bench: a box with two ports in a network namespace, the set-up as a program that is talked to, the traffic of a
//! clinic at both ports, and what the provider does meanwhile.

use crate::cable::{Mouth, cable, frames, ip, is_inside};
use crate::desk::Provider;
use crate::{agent, collector, recorded};
use auscult_agent::config::Config;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// A box with two ports: one on the clinic's network and a way out, one where a switch sends a copy.
pub struct Bench {
    pub folder: PathBuf,
}

impl Bench {
    pub fn new() -> Bench {
        let folder = std::env::temp_dir().join(format!("auscult-setup-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Bench { folder }
    }

    pub fn config(&self) -> PathBuf {
        self.folder.join("etc/agent.toml")
    }

    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    pub fn read(&self) -> Config {
        Config::read(&fs::read_to_string(self.config()).unwrap()).unwrap()
    }

    pub fn setup(&self, more: &[&str]) -> Talk {
        let mut command = agent();
        command.arg("setup").arg("--config").arg(self.config()).arg("--state").arg(self.state());
        command.args(["--seconds", "2"]).args(more);
        Talk::start(command)
    }

    /// Writes a file of answers, for its owner alone.
    pub fn answers(&self, text: &str) -> PathBuf {
        let path = self.folder.join("answers.toml");
        fs::write(&path, format!("state = \"{}\"\ncheck_s = 2\n{text}", self.state().display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// A set-up that nobody attends: its exit status, and what it said.
    pub fn from(&self, answers: &Path) -> (i32, String) {
        self.setup(&["--from", answers.to_str().unwrap()]).end()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A set-up that runs, and what it said so far.
pub struct Talk {
    pub child: Child,
    pub input: Option<ChildStdin>,
    pub output: BufReader<ChildStdout>,
    pub said: String,
}

impl Talk {
    /// Who waits for a word that never comes is ended: a test fails then, and does not hang.
    pub fn start(program: Command) -> Talk {
        let mut command = Command::new("timeout");
        command.args(["--foreground", "200"]).arg(program.get_program()).args(program.get_args());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Talk { child, input, output, said: String::new() }
    }

    /// Reads until this was said.
    pub fn until(&mut self, what: &str) -> String {
        let from = self.said.len();
        while !self.said[from..].contains(what) {
            let mut line = Vec::new();
            self.output.read_until(b'\n', &mut line).unwrap();
            if line.is_empty() {
                let errors = self.errors();
                panic!("it ended without {what}: {}{errors}", self.said);
            }
            self.said += &String::from_utf8(line).unwrap();
        }
        self.said[from..].to_owned()
    }

    /// Answers, once this was asked.
    pub fn answer(&mut self, asked: &str, answer: &str) {
        self.until(asked);
        self.tell(answer);
    }

    pub fn tell(&mut self, answer: &str) {
        self.input.as_mut().unwrap().write_all(format!("{answer}\n").as_bytes()).unwrap();
    }

    pub fn errors(&mut self) -> String {
        let mut errors = String::new();
        let _ = self.child.stderr.take().map(|mut e| e.read_to_string(&mut errors));
        errors
    }

    /// Nobody answers any more. Its exit status and all that it said.
    pub fn end(mut self) -> (i32, String) {
        drop(self.input.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        let errors = self.errors();
        let status = self.child.wait().unwrap();
        (status.code().unwrap_or(-1), self.said + &rest + &errors)
    }

    pub fn signal(&self, which: &str) {
        let told = Command::new("kill").args([which, &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
    }
}

/// Traffic of a clinic at both ports, until it is dropped.
pub struct Traffic(Arc<AtomicBool>, Option<thread::JoinHandle<()>>);

impl Traffic {
    pub fn of_the_clinic() -> Traffic {
        let over = Arc::new(AtomicBool::new(false));
        let day = frames(&recorded().into_iter().find(|c| c.name == "clinic-day-mixed").unwrap()).unwrap();
        let (mut mouths, told) = (["veth-switch", "veth-copy"].map(Mouth::at), Arc::clone(&over));
        let thread = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                mouths.iter_mut().for_each(|mouth| mouth.say_all(&day));
                thread::sleep(Duration::from_millis(200));
            }
        });
        Traffic(over, Some(thread))
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.take().into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// In a namespace of its own, with a collector that was built out here.
pub fn is_here(test: &str) -> bool {
    let _ = collector();
    is_inside(test)
}

/// The cables of the box.
pub fn plug_in() {
    // The far ends are another machine's; by such names they are not offered here.
    cable("eth0", "veth-switch");
    cable("eth1", "veth-copy");
    ip("addr add 192.168.20.7/24 dev eth0");
    ip("route add default via 192.168.20.1 dev eth0");
}

/// The five words that a set-up showed.
pub fn words(said: &str) -> Vec<String> {
    let line = said.lines().find_map(|l| l.trim().strip_prefix("words ")).unwrap_or_else(|| panic!("no words: {said}"));
    line.split_whitespace().map(str::to_owned).collect()
}

pub fn approve(provider: &Provider, words: &[String]) {
    let arguments: Vec<&str> = ["approve", "north"].into_iter().chain(words.iter().map(String::as_str)).collect();
    assert!(provider.command(&arguments).contains("is let in"));
}

/// The list of the provider's sensors says that a report of this clinic's sensor is there.
pub fn delivered(provider: &Provider) {
    let listed = provider.command(&["sensors", "north"]);
    assert!(listed.contains(" active ") && !listed.starts_with("0 reports"), "{listed}");
}
