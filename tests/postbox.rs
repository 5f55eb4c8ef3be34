//! A clinic in which networks come and go, and a receiver on loopback that writes down what it is told: what tests of notices share.

use crate::archive::{Archive, Ear, Folder, NOW, full, send, sighting};
use auscult_assess::knowledge::Knowledge;
use auscult_collector::config::Config;
use auscult_collector::ingest::Limits;
use auscult_collector::judge::Judge;
use auscult_collector::notices::{Clock, Ended, Notices};
use auscult_collector::store::{ClinicStore, News};
use auscult_report::fact::Fact;
use auscult_report::payload::Payload;
use auscult_report::subject::{Bssid, Subject};
use auscult_report::summary::Sighting;
use auscult_report::terms::{WifiOwner, WifiSecurity};
use auscult_report::time::Timestamp;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::{fs, thread};

/// What was heard of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Net {
    /// Nothing protects it.
    Open,
    /// The same, and medical equipment is in it.
    Medical,
    /// It is protected.
    Closed,
}

/// The report of six hours in which these networks were heard.
#[must_use]
pub fn networks(hour: u64, nets: &[(u8, Net)]) -> Payload {
    let from = hour * HOUR;
    let sightings = nets.iter().flat_map(|(n, net)| {
        let security = if *net == Net::Closed { WifiSecurity::Wpa2Psk } else { WifiSecurity::Open };
        let mut facts =
            vec![(Fact::WifiOwner(WifiOwner::Own), 1), (Fact::WifiSecurity(security), 1), (Fact::WifiBeacon, 500)];
        if *net == Net::Medical {
            facts.push((Fact::WifiMedicalClient, 1));
        }
        let subject = Subject::Wireless(Bssid([2, 0, 0, 0, 0, *n]));
        facts.into_iter().map(move |(fact, count)| Sighting { count, ..sighting(subject, fact, from) })
    });
    full(from, from + 6 * HOUR, sightings.collect())
}

/// A clinic with one sensor, in an archive of its own.
pub struct Story {
    /// The archive.
    pub archive: Archive,
    /// The clinic `north`.
    pub clinic: ClinicStore,
    /// Its sensor.
    pub ear: Ear,
    /// The time.
    pub now: Timestamp,
    /// Its folder; gone last.
    pub folder: Folder,
}

impl Default for Story {
    fn default() -> Story {
        let folder = Folder::new();
        let archive = Archive::open(&folder.0);
        let clinic = archive.clinic("north");
        let ear = Ear::enrolled(&clinic, 1);
        let mut story = Story { archive, clinic, ear, now: NOW, folder };
        let first = story.ear.chain(1);
        send(&story.archive.door(Limits::default()), &first, NOW);
        story
    }
}

impl Story {
    /// The sensor tells of the six hours from `hour` on, and is judged.
    ///
    /// # Panics
    /// If it cannot be judged.
    pub fn hears(&mut self, hour: u64, nets: &[(u8, Net)]) {
        let report = self.ear.say(&networks(hour, nets));
        self.now = Timestamp(NOW.0 + (hour + 6) * HOUR);
        send(&self.archive.door(Limits::default()), &[report], self.now);
        self.judge();
    }

    /// Judges as of now.
    ///
    /// # Panics
    /// If it cannot be judged.
    pub fn judge(&self) {
        Judge::new(&Knowledge::compiled()).catch_up(&self.clinic, self.now).unwrap();
    }

    /// What nobody was chosen for yet, of the rule that the networks break.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn news(&self) -> Vec<News> {
        self.archive.store.news(1_000).unwrap().into_iter().filter(|n| n.rule == RULE).collect()
    }

    /// Whom these settings name. `notices` is what stands behind `[notices]`.
    ///
    /// # Panics
    /// If they are refused.
    #[must_use]
    pub fn notices(&self, notices: &str) -> Notices {
        let text = self.settings(notices);
        let config = Config::read(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        Notices::open(&config.notices, &config.name).unwrap()
    }

    /// Settings with this behind `[notices]`.
    #[must_use]
    pub fn settings(&self, notices: &str) -> String {
        let at = self.folder.0.display();
        format!(
            "name = \"archive.example\"\n[store]\npath = \"{at}/a\"\n[ledger]\nkey = \"{at}/k\"\ntiles = \"{at}/t\"\nhighwater = \"{at}/h\"\n\
             [notices]\n{notices}"
        )
    }

    /// A file that only its owner may read.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn secret(&self, name: &str, text: &str) -> PathBuf {
        secret(&self.folder.0.join(name), text)
    }
}

/// A file that only its owner may read.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn secret(path: &std::path::Path, text: &str) -> PathBuf {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    path.to_path_buf()
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Method and path.
    pub line: String,
    /// Headers, their names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Value,
}

impl Asked {
    /// A header; empty: none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }
}

/// Takes everything that it is told over HTTP, or refuses it.
pub struct Receiver {
    /// Where.
    pub at: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    answer: Arc<Mutex<(u16, String)>>,
}

impl Default for Receiver {
    fn default() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (asked, answer) = (Arc::default(), Arc::new(Mutex::new((200, "{\"id\": 77}".to_owned()))));
        let receiver =
            Receiver { at: listener.local_addr().unwrap(), asked: Arc::clone(&asked), answer: Arc::clone(&answer) };
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream);
                let Some(one) = read(&mut reader) else { continue };
                asked.lock().unwrap().push(one);
                let (status, body) = answer.lock().unwrap().clone();
                let head =
                    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                let _ = reader.get_mut().write_all([head, body].concat().as_bytes());
            }
        });
        receiver
    }
}

impl Receiver {
    /// What it was asked since the last time.
    ///
    /// # Panics
    /// Never: nobody fails while writing it down.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// Answers so from now on.
    ///
    /// # Panics
    /// Never: nobody fails while reading it.
    pub fn answers(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned());
    }
}

fn read(reader: &mut impl BufRead) -> Option<Asked> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let headers: Vec<(String, String)> = lines
        .iter()
        .skip(1)
        .filter_map(|l| l.split_once(": "))
        .map(|(n, v)| (n.to_lowercase(), v.to_owned()))
        .collect();
    let length = headers.iter().find(|(n, _)| n == "content-length").map_or(0, |(_, v)| v.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let line = lines.first()?.trim_end_matches(" HTTP/1.1").to_owned();
    Some(Asked { line, headers, body: serde_json::from_slice(&body).unwrap_or_default() })
}

/// Packs, then sends what is due.
///
/// # Panics
/// If the store does not answer.
pub fn turn(story: &Story, notices: &Notices) -> Vec<Ended> {
    notices.plan(&story.archive.store, story.now).unwrap();
    deliver(story, notices)
}

/// Sends what is due.
///
/// # Panics
/// If the store does not answer.
pub fn deliver(story: &Story, notices: &Notices) -> Vec<Ended> {
    let now = story.now;
    let clock: Clock = Arc::new(move || now);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(notices.deliver(&story.archive.store, &clock)).unwrap()
}

/// A webhook at this receiver, with more lines.
#[must_use]
pub fn webhook(story: &Story, receiver: &Receiver, more: &str) -> String {
    let key = story.secret("hook.key", &format!("whsec_{}\n", "TWFyaW5h".repeat(4)));
    format!(
        "allow = [\"127.0.0.0/8\"]\n{}[[notices.webhook]]\nname = \"hook\"\nurl = \"http://{}/told\"\nkey = \"{}\"\n",
        more,
        receiver.at,
        key.display()
    )
}

/// What kinds of news of the networks came.
///
/// # Panics
/// If one has none.
#[must_use]
pub fn types(asked: &[Asked]) -> Vec<&str> {
    asked.iter().filter(|a| a.body["data"]["rule"] == RULE).map(|a| a.body["type"].as_str().unwrap()).collect()
}

/// What a network without protection breaks.
pub const RULE: &str = "wifi-open-network";
/// Milliseconds of an hour.
pub const HOUR: u64 = 3_600_000;
