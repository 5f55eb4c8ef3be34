//! What the tests across crates share: captures with their ground truth, the inspector as a program, frames built octet
//! by octet.

use auscult_agent::capture::file::CaptureFile;
use auscult_agent::sensor::{Sensor, Settings};
use auscult_report::summary::Summary;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

pub mod answers;
pub mod archive;
pub mod bench;
pub mod books;
pub mod both;
pub mod cable;
pub mod covered;
pub mod crowd;
pub mod desk;
pub mod entrances;
pub mod errands;
pub mod far;
pub mod frames;
pub mod glut;
pub mod golden;
pub mod guest;
pub mod hidden;
pub mod hours;
pub mod imaging;
pub mod lab;
pub mod later;
pub mod liar;
pub mod nest;
pub mod ninety;
pub mod npm;
pub mod octets;
pub mod opposite;
pub mod over_days;
pub mod papers;
pub mod plant;
pub mod postbox;
pub mod program;
pub mod radio;
pub mod raised;
pub mod raw;
pub mod receivers;
pub mod reviewer;
pub mod scenes;
pub mod search;
pub mod season;
pub mod sensor;
pub mod spent;
pub mod statements;
pub mod station;
pub mod story;
pub mod tale;
pub mod talks;
pub mod throng;
pub mod told;
pub mod trap;
pub mod trap_age;
pub mod trap_air;
pub mod trap_days;
pub mod trap_doors;
pub mod trap_images;
pub mod trap_talks;
pub mod trap_web;
pub mod trapped;
pub mod two;
pub mod visit;
pub mod ward;
pub mod watched;
pub mod way;
pub mod window;

/// The root of the project.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// A capture with its ground truth.
pub struct Recorded {
    /// Its name, without ending.
    pub name: String,
    /// The capture file.
    pub path: PathBuf,
    /// The ground truth.
    pub expect: Value,
}

/// Every capture of `tests/captures`, by name.
///
/// # Panics
/// If one of them cannot be read: then the clone is broken.
#[must_use]
pub fn recorded() -> Vec<Recorded> {
    let folder = root().join("tests/captures");
    let mut found: Vec<Recorded> = std::fs::read_dir(&folder)
        .expect("tests/captures is there")
        .filter_map(|entry| entry.ok()?.path().to_str().map(str::to_owned))
        .filter_map(|path| path.strip_suffix(".expect.json").map(str::to_owned))
        .map(|stem| {
            let expect: Value = serde_json::from_slice(&std::fs::read(format!("{stem}.expect.json")).unwrap())
                .expect("ground truth is JSON");
            let name = Path::new(&stem).file_name().unwrap().to_str().unwrap().to_owned();
            let path = folder.join(expect["capture"].as_str().expect("ground truth names its capture"));
            Recorded { name, path, expect }
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(found.len() >= 50, "only {} captures are there", found.len());
    found
}

impl Recorded {
    /// The words of an array of the ground truth.
    #[must_use]
    pub fn words(&self, key: &str) -> Vec<String> {
        let list = self.expect[key].as_array().cloned().unwrap_or_default();
        list.iter()
            .filter_map(|v| v.as_str().or_else(|| v["text"].as_str()).map(str::to_owned))
            .filter(|w| !w.is_empty())
            .collect()
    }

    /// The arguments by which a technician would describe this place.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        for network in self.words("inside") {
            arguments.extend(["--home".to_owned(), network]);
        }
        for network in self.expect["wifi"].as_array().into_iter().flatten() {
            if let Some(bssid) = network["bssid"].as_str() {
                arguments.extend(["--own-bssid".to_owned(), bssid.to_owned()]);
            }
        }
        arguments
    }

    /// The same, for a sensor in this process.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let home = self.words("inside").iter().filter_map(|n| n.parse().ok()).collect::<Vec<_>>();
        let own_bssids = self.expect["wifi"].as_array().into_iter().flatten().filter_map(|w| {
            let mut octets = w["bssid"].as_str()?.split(':').map(|o| u8::from_str_radix(o, 16).ok());
            Some([octets.next()??, octets.next()??, octets.next()??, octets.next()??, octets.next()??, octets.next()??])
        });
        Settings {
            places: auscult_agent::places::Places::new(
                home.into_iter().map(|p| (p, auscult_report::zone::Zone::SameSegment)).collect(),
            ),
            own_names: Vec::new(),
            own_bssids: own_bssids.collect(),
            purposes: Vec::new(),
            memory: auscult_agent::config::Memory::default(),
            key: [7; 32],
        }
    }
}

/// Lets a sensor hear a capture file.
#[must_use]
pub fn hear(octets: &[u8], settings: Settings) -> Option<(Sensor, Summary)> {
    let mut sensor = Sensor::new(settings);
    CaptureFile::open(octets).ok()?.each(|frame, _| sensor.hear(frame));
    let summary = sensor.close();
    Some((sensor, summary))
}

/// A program of this tree, built by cargo the first time: with the features of the whole tree, so that nothing is built twice.
fn program(name: &str, built: &'static OnceLock<PathBuf>) -> &'static Path {
    built.get_or_init(|| {
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--workspace", "--bin", name])
            .current_dir(root())
            .status()
            .expect("cargo starts");
        assert!(status.success(), "{name} does not build");
        target().join("debug").join(name)
    })
}

/// Where cargo puts what it builds.
#[must_use]
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// `auscult-inspect`, as a path.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn inspector() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    program("auscult-inspect", &BUILT)
}

/// `auscult-agent`, without arguments yet.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn agent() -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    foreign("AUSCULT_AGENT").unwrap_or_else(|| Command::new(program("auscult-agent", &BUILT)))
}

/// The program for another machine that is tried in place of this one's: an emulator, what it is told, the program.
fn foreign(variable: &str) -> Option<Command> {
    let words = std::env::var(variable).ok()?;
    let mut words = words.split_whitespace();
    let mut command = Command::new(words.next()?);
    command.args(words);
    Some(command)
}

/// Sends a process a signal, as kill(1) names it.
///
/// # Panics
/// If kill(1) cannot be started.
pub fn signal(which: &str, id: u32) {
    Command::new("kill").args([which, &id.to_string()]).status().unwrap();
}

/// `auscult-collector`, as a path.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn collector() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    program("auscult-collector", &BUILT)
}

/// Runs `auscult-inspect`.
///
/// # Panics
/// If it cannot be built or started.
#[must_use]
pub fn inspect(arguments: &[String]) -> Output {
    Command::new(inspector()).args(arguments).output().expect("auscult-inspect starts")
}

/// Runs `auscult-inspect` with octets on its standard input.
///
/// # Panics
/// If it cannot be built or started.
#[must_use]
pub fn inspect_piped(arguments: &[&str], octets: &[u8]) -> Output {
    let mut child = Command::new(inspector())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("auscult-inspect starts");
    let mut input = child.stdin.take().expect("its standard input is a pipe");
    input.write_all(octets).expect("it reads its standard input");
    drop(input);
    child.wait_with_output().expect("auscult-inspect ends")
}

/// The document that `auscult-inspect --format json` prints for a capture.
///
/// # Panics
/// If it prints none.
#[must_use]
pub fn document(recorded: &Recorded, more: &[&str]) -> Value {
    let mut arguments = vec!["--format".to_owned(), "json".to_owned()];
    arguments.extend(recorded.arguments());
    arguments.extend(more.iter().map(|a| (*a).to_owned()));
    arguments.push(recorded.path.display().to_string());
    let output = inspect(&arguments);
    match serde_json::from_slice(&output.stdout) {
        Ok(document) => document,
        Err(e) => panic!("{}: {e}: {}", recorded.name, String::from_utf8_lossy(&output.stderr)),
    }
}
