//! The configuration that a set-up writes: only what was chosen, each value with why. Every other key keeps its default and
//! stands in `agent/agent.toml`.
//!
//! Keeps: what a person said and what the machine told (TOML 1.0). Drops: nothing; what the program itself would refuse is never
//! written. On the disk there is one whole configuration at any time: the one before, or this one.

use crate::capture::interface::Role;
use crate::config::Config;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What was chosen.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) state: PathBuf,
    /// Name, role and why.
    pub(super) interfaces: Vec<(String, Role, String)>,
    pub(super) home: Vec<String>,
    /// Name, files of hostapd and why.
    pub(super) radios: Vec<(String, Vec<PathBuf>, String)>,
    pub(super) own_names: Vec<Vec<u8>>,
    pub(super) collectors: Vec<String>,
}

impl Choice {
    /// As a file, and as the program will read it.
    ///
    /// # Errors
    /// What the program would refuse: one sentence.
    pub(super) fn paper(&self) -> Result<(String, Config), String> {
        if self.interfaces.is_empty() && self.radios.is_empty() {
            return Err("nothing is to be heard: name an interface, also one that the system has not yet".to_owned());
        }
        let mut text = format!("{MARK}\n{HEAD}\nstate = {}\n", quoted(&self.state.to_string_lossy()));
        for (name, role, why) in &self.interfaces {
            text += &format!("\n# {}\n", comment(why));
            text += &format!("[[capture.interface]]\nname = {}\nrole = \"{}\"\n", quoted(name), word(*role));
        }
        for (name, hostapd, why) in &self.radios {
            text += &format!("\n# {}\n[[capture.radio]]\nname = {}\n", comment(why), quoted(name));
            if !hostapd.is_empty() {
                let files = hostapd.iter().map(|path| quoted(&path.to_string_lossy()));
                text += &format!(
                    "# What it reads says how its networks are protected; lines with passwords are passed over.\nhostapd = {}\n",
                    list(files)
                );
            }
        }
        text += &self.clinic()?;
        text += "\n[collector]\n# Where the provider said that the collector is; tried in this order.\n";
        text += &format!("addresses = {}\n", list(self.collectors.iter().map(|a| quoted(a))));
        let config = Config::read(&text).map_err(|e| format!("what was answered makes no configuration ({e})"))?;
        Ok((text, config))
    }

    fn clinic(&self) -> Result<String, String> {
        let mut text = "\n[clinic]\n".to_owned();
        if self.home.is_empty() {
            text += "# No network was named: every private address counts as the clinic's own. As in [\"192.168.20.0/24\"].\n# home = []\n";
        } else {
            text += "# The clinic's own networks; other addresses are another site's or the internet's.\n";
            text += &format!("home = {}\n", list(self.home.iter().map(|n| quoted(n))));
        }
        text += "# Networks with another use (clinical, office, guest, dmz, vpn), if there are some:\n";
        text += "# zones = [{ network = \"192.168.30.0/24\", zone = \"guest\" }]\n";
        if !self.own_names.is_empty() {
            let names = self.own_names.iter().map(|name| core::str::from_utf8(name).map(quoted));
            let names: Result<Vec<String>, _> = names.collect();
            let names = names.map_err(|_| "the name of a wireless network is no text (UTF-8)".to_owned())?;
            text += "# The clinic's wireless networks: others are neighbours. These names never leave the sensor.\n";
            text += &format!("own_ssids = {}\n", list(names.into_iter()));
        }
        Ok(text)
    }
}

/// What lies there already.
pub(super) struct Before {
    pub(super) text: String,
    /// As the program reads it.
    pub(super) config: Result<Config, String>,
}

impl Before {
    /// The configuration that lies at `path`, if there is one.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub(super) fn look(path: &Path) -> Result<Option<Before>, String> {
        match fs::read_to_string(path) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(format!("{} cannot be read ({e})", path.display())),
            Ok(text) => {
                let config = Config::read(&text).map_err(|e| format!("{}: {e}", path.display()));
                Ok(Some(Before { text, config }))
            }
        }
    }

    /// A set-up wrote it.
    pub(super) fn is_ours(&self) -> bool {
        self.text.starts_with(MARK)
    }
}

/// Puts a configuration in its place; what lay there is kept under another name, which is given back.
///
/// # Errors
/// What cannot be written; then what lay there lies there still.
pub(super) fn put(path: &Path, text: &str) -> Result<Option<PathBuf>, String> {
    let fault = |path: &Path, e: io::Error| format!("{} cannot be written ({e}); run this as root", path.display());
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        fs::DirBuilder::new().mode(0o755).create(folder).map_err(|e| fault(folder, e))?;
    }
    let mut kept = None;
    if path.exists() {
        let before = fs::read(path).map_err(|e| fault(path, e))?;
        let mode = fs::metadata(path).map_err(|e| fault(path, e))?.permissions().mode();
        let old = free(path)?;
        whole(&old, &before, mode).map_err(|e| fault(&old, e))?;
        kept = Some(old);
    }
    whole(path, text.as_bytes(), MODE).map_err(|e| fault(path, e))?;
    Ok(kept)
}

/// Writes a file whole or not at all. What an earlier attempt left under the other name goes.
pub(super) fn whole(path: &Path, octets: &[u8], mode: u32) -> io::Result<()> {
    let half = beside(path, ".new");
    match fs::remove_file(&half) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode & 0o777).open(&half)?;
    // Whatever the umask of the person is: the agent's user has to read it.
    file.set_permissions(fs::Permissions::from_mode(mode & 0o777))?;
    file.write_all(octets)?;
    file.sync_all()?;
    fs::rename(&half, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// A name for what is kept that nothing has yet.
fn free(path: &Path) -> Result<PathBuf, String> {
    let names = ["".to_owned()].into_iter().chain((2..=MOST_KEPT).map(|n| format!(".{n}")));
    let mut names = names.map(|n| beside(path, &format!(".old{n}")));
    names.find(|name| !name.exists()).ok_or_else(|| {
        format!("there are {MOST_KEPT} old configurations beside {}; remove some of them (.old)", path.display())
    })
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// A TOML string: nothing that was typed can end it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted += &format!("\\u{:04x}", u32::from(c)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// A comment ends with its line.
fn comment(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A role as the configuration names it.
pub(super) const fn word(role: Role) -> &'static str {
    match role {
        Role::Lan => "lan",
        Role::Wan => "wan",
        Role::Mirror => "mirror",
        Role::Port | Role::Air => "port",
    }
}

/// The first line of what a set-up wrote.
const MARK: &str = "# What this sensor hears and where its reports go, as `auscult-agent setup` found and asked it.";
const HEAD: &str = "\
# Change it as you like; every other key keeps its default, and all stand in agent.toml of the documentation with unit, default and
# bound. After a change restart the agent; for [clinic] and [collector] alone SIGHUP is enough. `auscult-agent check` tests it.

# Keys, chain and the reports that wait. The agent's user owns it; nobody else may read it.";
/// As the packages install it: no secret stands in it.
const MODE: u32 = 0o644;
/// Old configurations that are kept.
const MOST_KEPT: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Heard;

    fn choice() -> Choice {
        Choice {
            state: "/var/lib/auscult".into(),
            interfaces: vec![("br-lan".to_owned(), Role::Lan, "192.168.20.0/24: a network".to_owned())],
            home: vec!["192.168.20.0/24".to_owned()],
            radios: vec![("wlan0".to_owned(), vec!["/run/hostapd-phy0.conf".into()], "serves".to_owned())],
            own_names: vec![b"Clinic \"up\" \\ \xc3\xa4\x07".to_vec()],
            collectors: vec!["https://collector.example:8443".to_owned()],
        }
    }

    #[test]
    fn what_was_chosen_is_what_the_program_reads() {
        let (text, config) = choice().paper().unwrap();
        let Heard::Live(wanted, _) = &config.heard else { panic!() };
        assert_eq!((wanted.len(), wanted[0].name.as_str(), wanted[0].role), (1, "br-lan", Role::Lan));
        assert_eq!(config.own_ssids, choice().own_names, "{text}");
        assert_eq!((config.radios.len(), config.collectors.len(), config.networks.len()), (1, 1, 1));
        let is_told = |line: &str| line.starts_with('#');
        let lines: Vec<&str> = text.lines().collect();
        for (n, line) in lines.iter().enumerate().filter(|(_, l)| l.starts_with("[[") || l.contains("= [\"")) {
            assert!(is_told(lines[n - 1]), "{line} stands without why");
        }
    }

    #[test]
    fn what_the_program_would_refuse_is_never_written() {
        let nothing = Choice { interfaces: Vec::new(), radios: Vec::new(), ..choice() };
        assert!(nothing.paper().unwrap_err().contains("nothing is to be heard"));
        let odd = Choice { home: vec!["10.0.0.0/33".to_owned()], ..choice() };
        assert!(odd.paper().unwrap_err().contains("at most 32"));
        let no_text = Choice { own_names: vec![vec![0xff]], ..choice() };
        assert!(no_text.paper().unwrap_err().contains("UTF-8"));
        let line = Choice { interfaces: vec![("eth0".to_owned(), Role::Port, "a\nstate = 1".to_owned())], ..choice() };
        assert!(line.paper().is_ok());
    }

    #[test]
    fn the_one_before_is_kept_and_none_of_those_that_were_kept_is_lost() {
        let folder = std::env::temp_dir().join(format!("auscult-paper-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let path = folder.join("agent.toml");
        fs::create_dir_all(&folder).unwrap();
        fs::write(beside(&path, ".new"), "half").unwrap();
        assert_eq!(put(&path, "one").unwrap(), None);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        for (text, old) in [("two", ".old"), ("three", ".old.2"), ("four", ".old.3")] {
            assert_eq!(put(&path, text).unwrap(), Some(beside(&path, old)));
        }
        let read = |end| fs::read_to_string(beside(&path, end)).unwrap();
        assert_eq!([read(""), read(".old"), read(".old.2"), read(".old.3")], ["four", "one", "two", "three"]);
        for n in 4..=MOST_KEPT {
            assert!(put(&path, &n.to_string()).is_ok());
        }
        assert!(put(&path, "more").unwrap_err().contains("remove some"));
        assert_eq!(read(""), MOST_KEPT.to_string(), "what lay there lies there still");
        assert!(!beside(&path, ".new").exists());
        fs::remove_dir_all(&folder).unwrap();
    }
}
