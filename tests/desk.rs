//! A provider and a technician at their terminals: both programs as they are, on loopback, in folders of their own.

use crate::archive::Folder;
use crate::station::settings;
use crate::{agent, collector, root, signal};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

pub use crate::hidden::{Secret, contains, secrets};

/// A collector that serves as a program of its own, with the clinics `north` and `south`.
pub struct Provider {
    folder: Folder,
    child: Option<Child>,
    port: u16,
    set_up: Option<String>,
    /// More settings.
    pub more: String,
}

impl Provider {
    /// On a port that the system chooses.
    #[must_use]
    pub fn serving() -> Provider {
        Provider::at_port(0)
    }

    /// On a port.
    ///
    /// # Panics
    /// If it does not serve.
    #[must_use]
    pub fn at_port(port: u16) -> Provider {
        let mut provider = Provider { folder: Folder::new(), child: None, port, set_up: None, more: String::new() };
        provider.write_settings();
        let key = provider.folder().join("ledger.key");
        said(Command::new(collector()).args(["ledger", "new-key"]).arg(key));
        let clinic = |name: &str| {
            let site = "[[clinic.site]]\nname = \"main\"\ntitle = \"Main\"\n";
            format!("[[clinic]]\nname = \"{name}\"\ntitle = \"Clinic {name}\"\n{site}")
        };
        let clinics = provider.folder().join("clinics.toml");
        fs::write(&clinics, [clinic("north"), clinic("south")].concat()).unwrap();
        let _ = provider.command(&["apply", "-f", clinics.to_str().unwrap()]);
        provider.start();
        provider
    }

    /// Serves; at the port of the first time.
    ///
    /// # Panics
    /// If it does not.
    pub fn start(&mut self) {
        let mut child = self.spawn();
        // What it says when it serves comes at once, in one piece.
        let mut console = BufReader::new(child.stdout.take().unwrap());
        let said = String::from_utf8(console.fill_buf().unwrap().to_vec()).unwrap();
        let after = |word: &str| said.lines().find_map(|l| l.strip_prefix(word));
        let agents = after("agents ").and_then(|l| l.parse().ok());
        self.set_up = after("set-up ").map(str::to_owned);
        let agents: std::net::SocketAddr = agents.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&self.log())));
        self.port = agents.port();
        self.write_settings();
        self.child = Some(child);
    }

    /// For the next start, and for commands.
    pub fn write_settings(&self) {
        fs::write(self.folder().join("collector.toml"), settings(self.folder(), self.port) + &self.more).unwrap();
    }

    fn spawn(&self) -> Child {
        let log = File::options().create(true).append(true).open(self.folder().join("log")).unwrap();
        let mut command = patient(&Command::new(collector()));
        command.arg("-c").arg(self.folder().join("collector.toml")).arg("serve");
        command.stdout(Stdio::piped()).stderr(log).spawn().unwrap()
    }

    /// Ends as a service ends.
    ///
    /// # Panics
    /// If it cannot be told.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal("-TERM", child.id());
            child.wait().unwrap();
        }
    }

    /// Is killed, wherever it is. Says whether it still ran.
    ///
    /// # Panics
    /// If it cannot be.
    pub fn kill(&mut self) -> bool {
        let Some(mut child) = self.child.take() else { return false };
        let ran = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        ran
    }

    /// Is started and killed after so long, whether it served by then or not. Says whether it still ran.
    ///
    /// # Panics
    /// If it cannot be.
    pub fn stillborn(&mut self, after: Duration) -> bool {
        self.child = Some(self.spawn());
        std::thread::sleep(after);
        self.kill()
    }

    /// The first administrator's code, as the console shows it.
    #[must_use]
    pub fn set_up_code(&self) -> Option<&str> {
        self.set_up.as_deref()
    }

    /// Its number, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// What a command says.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> String {
        said(Command::new(collector()).arg("-c").arg(self.folder().join("collector.toml")).args(arguments))
    }

    /// What a command that must fail says.
    ///
    /// # Panics
    /// If it does not.
    #[must_use]
    pub fn fails(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(collector());
        let output = command.arg("-c").arg(self.folder().join("collector.toml")).args(arguments).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    }

    /// A one-time code for the clinic's main site.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn code(&self, clinic: &str) -> String {
        self.command(&["enrol", clinic, "main"]).lines().next().unwrap().to_owned()
    }

    /// Lets in everybody who waits.
    ///
    /// # Panics
    /// If nobody does.
    pub fn approve_all(&self, clinic: &str) {
        let sensors = self.command(&["sensors", clinic]);
        let waiting: Vec<&str> =
            sensors.lines().filter(|l| l.contains(" pending ")).filter_map(|l| l.split(' ').next()).collect();
        assert!(!waiting.is_empty());
        for id in waiting {
            let _ = self.command(&["sensor", clinic, id, "active", "--why", "test"]);
        }
    }

    /// Waits until the list of a clinic's sensors is as it should be.
    ///
    /// # Panics
    /// If it is not so within a minute.
    pub fn until(&self, clinic: &str, what: &str, is_so: impl Fn(&str) -> bool) {
        // A minute, if a command takes no time.
        for _ in 0..600 {
            if is_so(&self.command(&["sensors", clinic])) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{what}: {}", self.command(&["sensors", clinic]));
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// Where sensors are listened for.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What it said on standard error.
    #[must_use]
    pub fn log(&self) -> Vec<u8> {
        fs::read(self.folder().join("log")).unwrap_or_default()
    }

    /// What everybody on the machine sees of it.
    #[must_use]
    pub fn listed(&self) -> Vec<u8> {
        self.child.as_ref().map(|c| listed(c.id())).unwrap_or_default()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A sensor as a program of its own.
pub struct Technician {
    folder: Folder,
    port: u16,
    home: String,
    /// Seconds for which it goes on delivering behind a capture; counts from the next `replay`.
    pub linger_s: u32,
}

impl Technician {
    /// A sensor that replays a capture of ours, and knows where a provider listens.
    #[must_use]
    pub fn at(provider: &Provider, capture: &str, home: &str) -> Technician {
        let technician =
            Technician { folder: Folder::new(), port: provider.port(), home: home.to_owned(), linger_s: 20 };
        technician.replay(capture);
        technician
    }

    /// The same sensor once more: a copy of its state folder, as of a disk.
    ///
    /// # Panics
    /// If it cannot be copied.
    #[must_use]
    pub fn copied(&self) -> Technician {
        let copy =
            Technician { folder: Folder::new(), home: self.home.clone(), port: self.port, linger_s: self.linger_s };
        let done = Command::new("cp").arg("-a").arg(self.state()).arg(copy.state()).status().unwrap();
        assert!(done.success());
        copy
    }

    /// Replays another capture at the next start.
    ///
    /// # Panics
    /// If it cannot be said.
    pub fn replay(&self, capture: &str) {
        self.replay_as(capture, 0.0, "");
    }

    /// The same, with a speed and more settings; the capture may lie anywhere.
    ///
    /// # Panics
    /// If it cannot be said.
    pub fn replay_as(&self, capture: &str, speed: f64, more: &str) {
        let text = format!(
            "state = \"{}/state\"\n[capture]\nreplay = \"{}\"\nspeed = {speed:?}\n[clinic]\nhome = [\"{}\"]\n[collector]\n\
             addresses = [\"https://localhost:{}\"]\nlinger_s = {}\n{more}",
            self.folder.0.display(),
            root().join("tests/captures").join(capture).display(),
            self.home,
            self.port,
            self.linger_s
        );
        fs::write(self.folder.0.join("agent.toml"), text).unwrap();
    }

    /// Enrols: what is said, or why not.
    ///
    /// # Errors
    /// What the program says.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn enrol(&mut self, code: &str) -> Result<String, String> {
        let mut child = agent()
            .arg("enrol")
            .arg("-c")
            .arg(self.folder.0.join("agent.toml"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(format!("{code}\n").as_bytes()).unwrap();
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        File::options().create(true).append(true).open(self.folder.0.join("log")).unwrap().write_all(&stderr).unwrap();
        let text = |octets| String::from_utf8(octets).unwrap();
        if status.success() { Ok(text(stdout)) } else { Err(text(stderr)) }
    }

    /// Enrols and is let in: its id.
    ///
    /// # Panics
    /// If it is not.
    pub fn approved(&mut self, provider: &Provider, clinic: &str) -> String {
        let said = self.enrol(&provider.code(clinic)).unwrap();
        provider.approve_all(clinic);
        said.lines().find_map(|l| l.strip_prefix("sensor")).unwrap().trim().to_owned()
    }

    /// Listens, as the daemon does.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn run(&self) -> Running {
        let log = File::options().create(true).append(true).open(self.folder.0.join("log")).unwrap();
        let mut command = patient(&agent());
        let child = command.arg("run").arg("-c").arg(self.folder.0.join("agent.toml")).stderr(log).spawn().unwrap();
        Running { child, log: self.folder.0.join("log") }
    }

    /// The screen of `status`.
    #[must_use]
    pub fn status(&self) -> String {
        said(agent().arg("status").arg("-c").arg(self.folder.0.join("agent.toml")))
    }

    /// Its state folder.
    #[must_use]
    pub fn state(&self) -> &Path {
        // One path for as long as the test lasts.
        Box::leak(Box::new(self.folder.0.join("state")))
    }

    /// What it said on standard error.
    #[must_use]
    pub fn log(&self) -> Vec<u8> {
        fs::read(self.folder.0.join("log")).unwrap_or_default()
    }
}

/// A daemon that runs.
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end well.
    pub fn wait(mut self) {
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{}", fs::read_to_string(&self.log).unwrap_or_default());
    }

    /// Is killed, wherever it is. Says whether it still ran.
    ///
    /// # Panics
    /// If it cannot be waited for.
    pub fn kill(mut self) -> bool {
        let ran = self.child.try_wait().unwrap().is_none();
        let _ = self.child.kill();
        self.child.wait().unwrap();
        ran
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What everybody on the machine sees of it.
    #[must_use]
    pub fn listed(&self) -> Vec<u8> {
        listed(self.child.id())
    }
}

/// Arguments and environment of a process.
fn listed(id: u32) -> Vec<u8> {
    ["cmdline", "environ"].iter().flat_map(|f| fs::read(format!("/proc/{id}/{f}")).unwrap_or_default()).collect()
}

/// The same program, which a limit on the size of files does not end: writing fails, as on a full disk.
fn patient(program: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg("trap '' XFSZ; exec \"$0\" \"$@\"").arg(program.get_program()).args(program.get_args());
    shell
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
