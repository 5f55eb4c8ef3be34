//! A sensor with its folder and configuration, for tests that let it enrol and deliver.

use crate::opposite::Desk;
use crate::{agent, root};
use auscult_agent::config::Config;
use auscult_agent::identity::{Identity, NOT_ENROLLED, Papers};
use auscult_agent::run::{Enrolled, enrol, run};
use auscult_agent::spool::look;
use auscult_report::payload::Place;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use std::{env, fs, thread};

/// A sensor's folder with its configuration.
pub struct Sensor {
    pub folder: PathBuf,
}

impl Sensor {
    pub fn fresh() -> Sensor {
        Sensor::with("[collector]\nlinger_s = 60\n")
    }

    pub fn with(more: &str) -> Sensor {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("auscult-deliver-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let text = format!(
            "state = \"{0}/state\"\n[identity]\nmachine_id = \"{0}/none\"\n[clinic]\nhome = [\"192.168.20.0/24\"]\n[window]\n\
             length_s = 60\n[capture]\nspeed = 0\nreplay = \"{1}/tests/captures/clinic-day-mixed.pcap\"\n{more}",
            folder.display(),
            root().display()
        );
        fs::write(folder.join("agent.toml"), text).unwrap();
        Sensor { folder }
    }

    /// Enrolled at a desk.
    pub fn at(desk: &Desk) -> Sensor {
        let sensor = Sensor::fresh();
        sensor.enrol(desk).unwrap();
        sensor
    }

    pub fn config(&self) -> Config {
        Config::read(&fs::read_to_string(self.folder.join("agent.toml")).unwrap()).unwrap()
    }

    pub fn enrol(&self, desk: &Desk) -> Result<Enrolled, String> {
        enrol(&self.config(), &desk.code(), &[desk.address()], false)
    }

    /// Hears the capture once more and delivers, until all is delivered.
    pub fn run(&self) {
        run(&self.config(), &Arc::new(AtomicBool::new(false))).unwrap();
    }

    pub fn command(&self, command: &str) -> Command {
        let mut run = agent();
        run.arg(command).arg("-c").arg(self.folder.join("agent.toml"));
        run.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        run
    }

    pub fn key(&self, name: &str) -> PathBuf {
        self.folder.join("state/keys").join(name)
    }

    pub fn is_enrolled(&self) -> bool {
        let papers = Papers::open(&self.config().state).unwrap();
        papers.trust().is_some() || Identity::look(&self.config()).unwrap().ledger() != NOT_ENROLLED
    }

    pub fn settled(&self) -> Option<Place> {
        look(&self.config().state).settled
    }

    pub fn head(&self) -> Place {
        look(&self.config().state).head.unwrap().place
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Whether a program succeeded, and what it printed.
pub fn ended(mut child: Child) -> (bool, String) {
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    (child.wait().unwrap().success(), out + &err)
}

/// The collector holds the whole chain of the sensor, and the sensor knows it.
pub fn is_whole(sensor: &Sensor, desk: &Desk) {
    let book = desk.book();
    assert_eq!(book.head.map(|h| h.place), Some(sensor.head()), "{:?}", book.paths());
    assert_eq!(sensor.settled(), Some(sensor.head()));
}

/// Waits for something that happens within a minute.
pub fn wait_until(done: impl Fn() -> bool) {
    for _ in 0..600 {
        if done() {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("it did not happen within a minute");
}
