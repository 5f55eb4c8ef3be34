//! A provider and a technician at their terminals: both programs as they are, on loopback, in folders of their own.

use crate::archive::Folder;
use crate::station::settings;
use crate::{agent, collector, root};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// A collector that serves as a program of its own, with the clinics `north` and `south`.
pub struct Provider {
    folder: Folder,
    child: Option<Child>,
    port: u16,
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
        let mut provider = Provider { folder: Folder::new(), child: None, port };
        fs::write(provider.folder().join("collector.toml"), settings(provider.folder(), port)).unwrap();
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
        let log = File::options().create(true).append(true).open(self.folder().join("log")).unwrap();
        let mut command = Command::new(collector());
        command.arg("-c").arg(self.folder().join("collector.toml")).arg("serve");
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let agents = lines.map_while(Result::ok).find_map(|l| l.strip_prefix("agents ")?.parse().ok());
        let agents: std::net::SocketAddr = agents.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&self.log())));
        self.port = agents.port();
        fs::write(self.folder().join("collector.toml"), settings(self.folder(), self.port)).unwrap();
        self.child = Some(child);
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

    /// Is killed.
    ///
    /// # Panics
    /// If it cannot be.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
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

    /// The number of its process; 0 if it does not run.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
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
}

impl Technician {
    /// A sensor that replays a capture of ours, and knows where a provider listens.
    #[must_use]
    pub fn at(provider: &Provider, capture: &str, home: &str) -> Technician {
        let technician = Technician { folder: Folder::new(), port: provider.port(), home: home.to_owned() };
        technician.replay(capture);
        technician
    }

    /// Replays another capture at the next start.
    ///
    /// # Panics
    /// If it cannot be said.
    pub fn replay(&self, capture: &str) {
        let text = format!(
            "state = \"{}/state\"\n[capture]\nreplay = \"{}\"\nspeed = 0.0\n[clinic]\nhome = [\"{}\"]\n[collector]\n\
             addresses = [\"https://localhost:{}\"]\nlinger_s = 20\n",
            self.folder.0.display(),
            root().join("tests/captures").join(capture).display(),
            self.home,
            self.port
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
        let child = agent().arg("run").arg("-c").arg(self.folder.0.join("agent.toml")).stderr(log).spawn().unwrap();
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

fn signal(which: &str, id: u32) {
    Command::new("kill").args([which, &id.to_string()]).status().unwrap();
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Something that nobody else may know.
pub struct Secret {
    /// The file that it lies in; empty for what was shown once.
    pub path: PathBuf,
    octets: Vec<u8>,
}

impl Secret {
    /// What was shown once.
    #[must_use]
    pub fn shown(octets: &[u8]) -> Secret {
        Secret { path: PathBuf::from("what was shown"), octets: octets.to_vec() }
    }

    /// Whether others may read its file, or a folder above it lets them list it.
    ///
    /// # Panics
    /// If the file is gone.
    #[must_use]
    pub fn is_open_to_others(&self) -> bool {
        fs::metadata(&self.path).unwrap().permissions().mode() & 0o077 != 0
    }
}

/// Every key in these folders: files that end in `.key`.
///
/// # Panics
/// If a folder cannot be read.
#[must_use]
pub fn secrets(folders: &[&Path]) -> Vec<Secret> {
    let mut found = Vec::new();
    let mut left: Vec<PathBuf> = folders.iter().map(|f| f.to_path_buf()).collect();
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|e| e == "key") {
                let octets = fs::read(&path).unwrap();
                found.push(Secret { path, octets: octets.trim_ascii_end().to_vec() });
            }
        }
    }
    found
}

/// Whether octets hold a secret: as it is, in hexadecimal, in base 64.
///
/// # Panics
/// If there is nothing to look for.
#[must_use]
pub fn contains(octets: &[u8], secret: &Secret) -> bool {
    assert!(secret.octets.len() >= 15);
    let hex: String = secret.octets.iter().map(|o| format!("{o:02x}")).collect();
    let upper = hex.to_uppercase();
    let base64 = <base64ct::Base64 as base64ct::Encoding>::encode_string(&secret.octets);
    let base64 = base64.trim_end_matches('=').as_bytes();
    let has = |needle: &[u8]| octets.windows(needle.len()).any(|w| w == needle);
    // The seed of an Ed25519 key stands within its PKCS#8 form (RFC 8410).
    let inner = secret.octets.get(16..48).filter(|_| secret.octets.starts_with(&[0x30]));
    inner.is_some_and(has)
        || has(&secret.octets)
        || has(hex.as_bytes())
        || has(upper.as_bytes())
        || has(&base64[..base64.len() - 1])
}
