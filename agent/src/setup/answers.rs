//! The answers of a set-up that nobody attends: a small TOML file. What it does not say is found, or the set-up ends and names it.
//!
//! Keeps: each answer within its bound; the code only until it is used. Drops: the code from the disk, as soon as it was used; a
//! file with a code that others may read is refused: a code that was shown is no code.

use super::found::Found;
use super::paper::{Choice, whole};
use super::person::{networks, role_of, way};
use crate::capture::interface::Role;
use crate::config::{COLLECTOR_FORM, is_collector};
use crate::radio::Way;
use auscult_report::code::Code;
use core::ops::Range;
use serde::Deserialize;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use toml::Spanned;
use zeroize::Zeroizing;

/// What the file says.
pub(super) struct Answers {
    path: PathBuf,
    text: Zeroizing<String>,
    raw: Raw,
    /// Where the code stands in the file, and the code, unless it was used.
    code: Option<(Range<usize>, Zeroizing<String>)>,
}

/// What becomes of a configuration that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Existing {
    /// It stays.
    Keep,
    /// It is kept under another name.
    Replace,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    code: Option<Spanned<String>>,
    collector: Vec<String>,
    state: Option<PathBuf>,
    interfaces: Option<Vec<RawInterface>>,
    home: Option<Vec<String>>,
    radio: Option<bool>,
    own_ssids: Option<Vec<String>>,
    existing: Option<Existing>,
    check_s: Option<u64>,
    wait_s: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInterface {
    name: String,
    role: String,
}

impl Answers {
    /// Reads a file of answers.
    ///
    /// # Errors
    /// The line of what is wrong; never what stands there.
    pub(super) fn read(path: &Path) -> Result<Answers, String> {
        let shown = path.display();
        let fault = |e| format!("{shown} cannot be read ({e})");
        let mut text = Zeroizing::new(String::with_capacity(MOST_OCTETS));
        let file = File::open(path).map_err(fault)?;
        let mode = file.metadata().map_err(fault)?.mode();
        let most = u64::try_from(MOST_OCTETS).unwrap_or(u64::MAX);
        file.take(most).read_to_string(&mut text).map_err(fault)?;
        let mut raw: Raw = toml::from_str(&text).map_err(|e| {
            let line = e.span().map_or(0, |s| text.bytes().take(s.start).filter(|b| *b == b'\n').count());
            // The message of a wrong type shows the value.
            let what = if e.message().starts_with("unknown field") { e.message() } else { "this is no answer" };
            format!("{shown}: line {}: {what}; agent/setup.toml shows every answer", line.saturating_add(1))
        })?;
        let code = raw.code.take().map(|code| (code.span(), Zeroizing::new(code.into_inner())));
        let code = code.filter(|(_, code)| !code.trim().is_empty());
        if code.is_some() && mode & 0o077 != 0 {
            return Err(format!("{shown} holds a code, and others may read it: chmod 600 {shown}"));
        }
        for (key, value, bound) in [("check_s", raw.check_s, 1..=3_600), ("wait_s", raw.wait_s, 0..=604_800)] {
            if value.is_some_and(|value| !bound.contains(&value)) {
                return Err(format!("{shown}: {key} must be from {} to {}", bound.start(), bound.end()));
            }
        }
        if !raw.collector.iter().all(|a| is_collector(a)) {
            return Err(format!("{shown}: collector: {COLLECTOR_FORM}"));
        }
        Ok(Answers { path: path.to_owned(), text, raw, code })
    }

    /// The code, unless it was used.
    ///
    /// # Errors
    /// There is none, or it was typed wrong.
    pub(super) fn code(&self) -> Result<&str, String> {
        let shown = self.path.display();
        let code = self.code.as_ref().map(|(_, code)| code.trim());
        let code = code.ok_or_else(|| format!("{shown} holds no code: put a new one there (code = \"...\")"))?;
        Code::parse(code).map_err(|e| format!("{shown}: code: {e}"))?;
        Ok(code)
    }

    /// The code was used: it goes from the disk.
    ///
    /// # Errors
    /// It cannot be taken away.
    pub(super) fn forget_code(&mut self) -> Result<(), String> {
        let Some((span, _)) = self.code.take() else { return Ok(()) };
        let (before, behind) = (self.text.get(..span.start), self.text.get(span.end..));
        let left = [before.unwrap_or_default(), "\"\"", behind.unwrap_or_default()].concat();
        whole(&self.path, left.as_bytes(), 0o600).map_err(|e| {
            format!("the code was used, and cannot be taken out of {} ({e}): delete that file", self.path.display())
        })
    }

    pub(super) fn existing(&self) -> Option<Existing> {
        self.raw.existing
    }

    pub(super) fn state(&self) -> Option<&Path> {
        self.raw.state.as_deref()
    }

    pub(super) fn collectors(&self) -> &[String] {
        &self.raw.collector
    }

    /// How long is listened, in seconds.
    pub(super) fn check_s(&self) -> Option<u64> {
        self.raw.check_s
    }

    /// How long an approval and a receipt are waited for, in seconds.
    pub(super) fn wait_s(&self) -> u64 {
        self.raw.wait_s.unwrap_or(DEFAULT_WAIT_S)
    }

    /// What goes into the configuration.
    ///
    /// # Errors
    /// What is neither said nor found.
    pub(super) fn choose(&self, found: &Found, state: &Path) -> Result<Choice, String> {
        let shown = self.path.display();
        let interfaces = self.interfaces(found)?;
        let home = self.raw.home.clone().unwrap_or_else(|| networks(found, &interfaces));
        let wants_radio = self.raw.radio.unwrap_or(true);
        let radios = found.radios.iter().filter(|radio| wants_radio && radio.way != Way::None);
        let radios: Vec<_> =
            radios.map(|r| (r.name.clone(), r.hostapd.clone(), format!("{} {}.", r.name, way(r)))).collect();
        let here = || found.names.iter().filter(|(_, here)| **here).map(|(name, _)| name.clone()).collect();
        let typed = self.raw.own_ssids.as_ref();
        let own_names = typed.map_or_else(here, |names| names.iter().map(|n| n.clone().into_bytes()).collect());
        if self.raw.collector.is_empty() {
            return Err(format!("{shown} does not say where the collector is: collector = [\"https://...\"]"));
        }
        let collectors = self.raw.collector.clone();
        Ok(Choice { state: state.to_owned(), interfaces, home, radios, own_names, collectors })
    }

    fn interfaces(&self, found: &Found) -> Result<Vec<(String, Role, String)>, String> {
        let shown = self.path.display();
        if let Some(said) = &self.raw.interfaces {
            let known = |name: &str| found.interfaces.iter().find(|i| i.name == name);
            let one = |raw: &RawInterface| {
                let why = known(&raw.name).map_or("not there yet", |i| &i.why).to_owned() + "; said by the answers";
                let role = role_of(&raw.role).map_err(|e| format!("{shown}: interfaces: {e}"))?;
                Ok(role.map(|role| (raw.name.clone(), role, why)))
            };
            return said.iter().filter_map(|raw| one(raw).transpose()).collect();
        }
        let all: Vec<_> =
            found.interfaces.iter().filter_map(|i| Some((i.name.clone(), i.role?, i.why.clone()))).collect();
        if all.is_empty() || !found.interfaces.iter().any(|i| i.is_way_out) {
            return Err(format!(
                "what is heard cannot be found (no interface is up, or none is the way out): say it in {shown}: \
                 interfaces = [{{ name = \"eth0\", role = \"port\" }}]"
            ));
        }
        Ok(all)
    }
}

/// An hour: who sends a technician has somebody at the other end.
const DEFAULT_WAIT_S: u64 = 3_600;
/// Octets of a file of answers.
const MOST_OCTETS: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::found::{Interface, Radio};
    use crate::setup::made::Made;
    use auscult_report::code::CodeId;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn file(name: &str, text: &str) -> Made {
        let path = std::env::temp_dir().join(format!("auscult-answers-{name}-{}", std::process::id()));
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        Made(path)
    }

    fn found() -> Found {
        let interface = |name: &str, role, is_way_out| Interface {
            name: name.to_owned(),
            role,
            why: "why".to_owned(),
            networks: vec!["10.0.0.0/24".to_owned()],
            is_way_out,
        };
        let interfaces = vec![interface("eth0", Some(Role::Port), true), interface("eth1", None, false)];
        let radios = vec![Radio { name: "wlan0".to_owned(), way: Way::Scan, hostapd: Vec::new() }];
        Found { interfaces, radios, names: [(b"Ours".to_vec(), true), (b"Other".to_vec(), false)].into() }
    }

    #[test]
    fn every_answer_stands_in_the_file_that_is_shipped_and_is_read() {
        let shipped = include_str!("../../setup.toml");
        let source = include_str!("answers.rs").lines().skip_while(|l| *l != "struct Raw {").skip(1);
        let keys: Vec<&str> = source.take_while(|l| *l != "}").filter_map(|l| l.trim().split(':').next()).collect();
        assert!(keys.len() == 10, "{keys:?}");
        let shown =
            |line: &&str| keys.iter().any(|key| line.trim_start_matches("# ").starts_with(&format!("{key} = ")));
        let lines: Vec<&str> = shipped.lines().filter(shown).map(|line| line.trim_start_matches("# ")).collect();
        assert_eq!(lines.len(), keys.len(), "{lines:?}");
        let answers = Answers::read(&file("shipped", &lines.join("\n"))).unwrap();
        assert_eq!((answers.wait_s(), answers.check_s()), (DEFAULT_WAIT_S, Some(20)));
        let chosen = answers.choose(&found(), Path::new("/s")).unwrap_or_else(|e| panic!("{e}"));
        assert!(chosen.paper().is_ok() && answers.code().is_err(), "an example is no code");
    }

    #[test]
    fn what_is_not_said_is_found_and_what_is_said_wins() {
        let path = file("found", "collector = [\"https://c.example\"]\n");
        let chosen = Answers::read(&path).unwrap().choose(&found(), Path::new("/s")).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((chosen.interfaces.len(), chosen.radios.len()), (1, 1));
        assert_eq!(
            (&chosen.home[..], &chosen.own_names[..]),
            (&["10.0.0.0/24".to_owned()][..], &[b"Ours".to_vec()][..])
        );
        let said = "collector = [\"https://c.example\"]\ninterfaces = [{ name = \"eth1\", role = \"mirror\" }]\n\
                    home = []\nradio = false\nown_ssids = [\"Upstairs\"]\n";
        let path = file("said", said);
        let chosen = Answers::read(&path).unwrap().choose(&found(), Path::new("/s")).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((chosen.interfaces[0].0.as_str(), chosen.interfaces[0].1), ("eth1", Role::Mirror));
        assert!(chosen.home.is_empty() && chosen.radios.is_empty());
        assert_eq!(chosen.own_names, [b"Upstairs"]);
        let refused = Answers::read(&file("less", "")).unwrap().choose(&found(), Path::new("/s"));
        assert!(refused.is_err_and(|e| e.contains("collector = [")));
        let nothing = Answers::read(&path).unwrap().choose(&Found::default(), Path::new("/s"));
        assert!(nothing.is_ok(), "what is said needs nothing found");
        let path = file("found", "collector = [\"https://c.example\"]\n");
        let nothing = Answers::read(&path).unwrap().choose(&Found::default(), Path::new("/s"));
        assert!(nothing.is_err_and(|e| e.contains("interfaces = [")));
    }

    #[test]
    fn an_odd_answer_is_refused_with_its_line_and_nothing_of_a_secret() {
        for (text, words) in [
            ("collector = []\nsecret = 1\n", "line 2: unknown field `secret`"),
            ("\n\ncode = 12345678\n", "line 3: this is no answer"),
            ("check_s = 0\n", "from 1 to 3600"),
            ("wait_s = 604801\n", "from 0 to 604800"),
            ("collector = [\"http://c\"]\n", "https://"),
            ("existing = \"burn\"\n", "line 1"),
        ] {
            let Err(said) = Answers::read(&file("odd", text)) else { panic!("{text}") };
            assert!(said.contains(words) && !said.contains("12345678"), "{text}: {said}");
        }
    }

    #[test]
    fn a_code_is_for_its_owner_alone_and_goes_from_the_disk_once_it_was_used() {
        let code = Code::new(CodeId([9; 5]), [9; 15]).shown();
        let text = format!("# for the north\ncode = \"{code}\" # once\ncheck_s = 5\n");
        let path = file("code", &text);
        fs::set_permissions(&*path, fs::Permissions::from_mode(0o640)).unwrap();
        let Err(said) = Answers::read(&path) else { panic!() };
        assert!(said.contains("chmod 600") && !said.contains(&code), "{said}");
        fs::set_permissions(&*path, fs::Permissions::from_mode(0o600)).unwrap();
        let mut answers = Answers::read(&path).unwrap();
        assert_eq!(answers.code(), Ok(code.as_str()));
        answers.forget_code().unwrap();
        assert_eq!(fs::read_to_string(&*path).unwrap(), "# for the north\ncode = \"\" # once\ncheck_s = 5\n");
        assert_eq!(fs::metadata(&*path).unwrap().permissions().mode() & 0o777, 0o600);
        let answers = Answers::read(&path).unwrap();
        assert!(answers.code().is_err_and(|e| e.contains("holds no code")));
        let last = if code.ends_with('0') { '1' } else { '0' };
        let typed = code.chars().take(code.len() - 1).chain([last]).collect::<String>();
        let answers = Answers::read(&file("typo", &format!("code = \"{typed}\"\n"))).unwrap();
        assert!(answers.code().is_err_and(|e| e.contains("code: ") && !e.contains(&typed)));
    }
}
