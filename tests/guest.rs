//! A person at the pages of a collector, form by form: what a browser does, without one.

use crate::archive::{full, sighting};
use crate::station::Station;
use crate::way::Way;
use auscult_assess::knowledge::Knowledge;
use auscult_collector::access::{Role as PersonRole, digits_at, hex, invite};
use auscult_collector::authority::Authority;
use auscult_collector::judge::Judge;
use auscult_collector::store::{Invitation, PlanEvent};
use auscult_report::fact::Fact;
use auscult_report::key::SensorId;
use auscult_report::payload::Payload;
use auscult_report::subject::{Bssid, HostId, Subject};
use auscult_report::summary::{HostEntry, Sighting};
use auscult_report::terms::{Role, WifiOwner, WifiSecurity};
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{HeaderMap, Request};
use std::net::SocketAddr;

/// A person with a browser.
pub struct Guest {
    way: Way,
    /// The session's cookie; empty: none.
    pub cookie: String,
    /// What forms bring; empty: none.
    pub csrf: String,
    /// The name to sign in.
    pub name: String,
    /// The key of the second factor.
    pub key: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The page.
    pub text: String,
}

impl Answer {
    /// A header's text; empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap_or_default())
    }

    /// What stands between two pieces of the page.
    ///
    /// # Panics
    /// If they do not stand there.
    #[must_use]
    pub fn between(&self, before: &str, after: &str) -> &str {
        let rest = self.text.split_once(before).unwrap_or_else(|| panic!("no {before}: {}", self.text)).1;
        rest.split_once(after).unwrap_or_else(|| panic!("no {after}: {}", self.text)).0
    }
}

impl Guest {
    /// Somebody who is not signed in.
    ///
    /// # Panics
    /// If there is no listener for people.
    #[must_use]
    pub fn new(station: &Station) -> Guest {
        Guest::at(station.service().addresses().people.unwrap(), &station.authority())
    }

    /// The same, where a collector listens for people.
    ///
    /// # Panics
    /// If it does not.
    #[must_use]
    pub fn at(at: SocketAddr, authority: &Authority) -> Guest {
        let way = Way::try_to(at, authority, None).unwrap();
        Guest { way, cookie: String::new(), csrf: String::new(), name: String::new(), key: Vec::new() }
    }

    /// Somebody with a name and a second factor, who is not signed in.
    #[must_use]
    pub fn called(station: &Station, name: &str, key: &[u8]) -> Guest {
        Guest { name: name.to_owned(), key: key.to_vec(), ..Guest::new(station) }
    }

    /// Somebody who makes an account with a code, and is signed in.
    ///
    /// # Panics
    /// If that does not go.
    #[must_use]
    pub fn with_account(station: &Station, name: &str, code: &str) -> Guest {
        let mut guest = Guest { name: name.to_owned(), ..Guest::new(station) };
        let title = format!("{name} of the test");
        let fields = [("code", code), ("name", name), ("title", &title), ("password", PASSWORD)];
        let begun = guest.post("/set-up", &fields);
        assert_eq!((begun.status, begun.header("location")), (303, "/set-up/second"), "{}", begun.text);
        let second = guest.get("/set-up/second");
        guest.key = base32(second.between("<code class=\"key\">", "</code>"));
        let digits = digits_at(&guest.key, station.now());
        let done = guest.post("/set-up/second", &[("digits", &digits)]);
        assert_eq!((done.status, done.header("location")), (303, "/"), "{}", done.text);
        guest.get("/");
        guest
    }

    /// Signs in with the digits of now.
    pub fn sign_in(&mut self, password: &str, now: Timestamp) -> Answer {
        let (name, digits) = (self.name.clone(), digits_at(&self.key, now));
        self.post("/sign-in", &[("name", &name), ("password", password), ("digits", &digits)])
    }

    /// Looks at a page.
    pub fn get(&mut self, path: &str) -> Answer {
        let request = Request::get(path).header("host", "localhost").header("cookie", &self.cookie);
        self.ask(request.body(Full::default()).unwrap())
    }

    /// Looks at the head of an answer that goes on: status and type.
    ///
    /// # Panics
    /// If the connection breaks.
    #[must_use]
    pub fn peek(&self, station: &Station, path: &str) -> (u16, String) {
        let mut way = Guest::new(station).way;
        let request = Request::get(path).header("host", "localhost").header("cookie", &self.cookie);
        let (status, headers) = way.head(request.body(Full::default()).unwrap()).unwrap();
        (status, headers.get("content-type").map_or("", |v| v.to_str().unwrap()).to_owned())
    }

    /// Takes a file: status, type, octets.
    ///
    /// # Panics
    /// If the connection breaks.
    pub fn file(&mut self, path: &str) -> (u16, String, Vec<u8>) {
        let request = Request::get(path).header("host", "localhost").header("cookie", &self.cookie);
        let (status, headers, octets) = self.way.ask(request.body(Full::default()).unwrap()).unwrap();
        (status, headers.get("content-type").map_or("", |v| v.to_str().unwrap()).to_owned(), octets)
    }

    /// Sends a form as its page would.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf.clone();
        self.post_as(path, &[fields, &[("csrf", csrf.as_str())]].concat(), &[("sec-fetch-site", "same-origin")])
    }

    /// Sends a form with these headers.
    ///
    /// # Panics
    /// If the connection breaks.
    pub fn post_as(&mut self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", coded(value))).collect();
        let mut request = Request::post(path).header("host", "localhost").header("cookie", &self.cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.ask(request.body(Full::new(Bytes::from(body.join("&")))).unwrap())
    }

    fn ask(&mut self, request: Request<Full<Bytes>>) -> Answer {
        let (status, headers, octets) = self.way.ask(request).unwrap();
        // A file is looked at by `file`.
        let is_file = headers.get("content-type").is_some_and(|kind| kind == "application/x-tar");
        let text = if is_file { String::new() } else { String::from_utf8(octets).unwrap() };
        let answer = Answer { status, headers, text };
        if let Some((pair, _)) = answer.header("set-cookie").split_once(';') {
            self.cookie = pair.to_owned();
        }
        if let Some((_, rest)) = answer.text.split_once("name=\"csrf\" value=\"") {
            self.csrf = rest.split('"').next().unwrap_or_default().to_owned();
        }
        answer
    }
}

/// An administrator of the provider, signed in.
///
/// # Panics
/// If that does not go.
#[must_use]
pub fn admin(station: &Station) -> Guest {
    let code = invite(
        &station.service().desk().store,
        &Invitation { admin: true, ..Invitation::default() },
        900_000,
        station.now(),
    );
    Guest::with_account(station, "maria", &code.unwrap())
}

/// Somebody with a role at a clinic, signed in.
///
/// # Panics
/// If that does not go.
#[must_use]
pub fn person(station: &Station, name: &str, role: PersonRole, clinic: &str, until: Option<Timestamp>) -> Guest {
    let invitation = Invitation { admin: false, role: role.word().to_owned(), clinics: clinic.to_owned(), until };
    let code = invite(&station.service().desk().store, &invitation, 900_000, station.now()).unwrap();
    Guest::with_account(station, name, &code)
}

/// Opens a breach matter under some laws, discovered an hour ago.
///
/// # Panics
/// If it could not be written.
pub fn matter(station: &Station, clinic: &str, laws: &str) {
    let said = |what: &str, topic: &str, when| PlanEvent {
        what: what.to_owned(),
        topic: topic.to_owned(),
        person: "vera".to_owned(),
        words: "because it is so".to_owned(),
        when,
        ..PlanEvent::default()
    };
    let opened = said("opened", "A shared folder was open", Some(Timestamp(station.now().0 - 3_600_000)));
    station.clinic(clinic).say_plans(None, &[opened, said("applies", laws, None)], station.now()).unwrap();
}

/// A clinic with a sensor that heard an open network of its own: the finding, and a code.
///
/// # Panics
/// If nothing is found.
#[must_use]
pub fn found(station: &Station, clinic: &str, seed: u8) -> Found {
    let mut caller = station.enrolled(clinic, seed);
    let of = Subject::Wireless(Bssid([2, 0, 0, 0, 0, seed]));
    let facts =
        [(Fact::WifiOwner(WifiOwner::Own), 1), (Fact::WifiSecurity(WifiSecurity::Open), 1), (Fact::WifiBeacon, 500)];
    let sightings: Vec<Sighting> =
        facts.into_iter().map(|(fact, count)| Sighting { count, ..sighting(of, fact, 1_000) }).collect();
    // And a computer that does nothing wrong.
    let host = HostId(u64::from(seed));
    let desk = sighting(Subject::Host(host), Fact::Role(Role::Workstation), 1_000);
    let mut payload = full(0, 3_600_000, sightings.into_iter().chain([desk]).collect());
    if let Payload::Full(full) = &mut payload {
        let entry = HostEntry { id: host, zone: Zone::Office, address: None, maker: None };
        full.summary.hosts = vec![entry].try_into().unwrap();
        full.summary.counters.frames = 1_000;
    }
    let reports = [caller.ear.chain(1).remove(0), caller.ear.say(&payload)];
    assert_eq!(Way::to(station, Some(&caller)).reports(&reports).0, 200);
    let store = station.clinic(clinic);
    let knowledge = Knowledge::compiled();
    let judge = Judge::new(&knowledge);
    judge.catch_up(&store, station.now()).unwrap();
    let open = judge.findings(&store, false).unwrap();
    let first = open.first().unwrap();
    Found {
        sensor: first.sensor,
        rule: first.row.rule.clone(),
        subject: hex(&first.row.subject),
        code: hex(&station.code(clinic).id().0),
        host: host.0,
    }
}

/// What paths name.
pub struct Found {
    /// The sensor that heard it.
    pub sensor: SensorId,
    /// The rule's id.
    pub rule: String,
    /// What it is about, encoded, in hexadecimal.
    pub subject: String,
    /// A one-time code's id, in hexadecimal.
    pub code: String,
    /// A host that was heard.
    pub host: u64,
}

impl Found {
    /// A path of the route table for a clinic with these ids. A person or a token that is to be there is put in before.
    #[must_use]
    pub fn path(&self, path: &str, clinic: &str) -> String {
        path.replace("{clinic}", clinic)
            .replace("{sensor}", &self.sensor.to_string())
            .replace("{rule}", &self.rule)
            .replace("{subject}", &self.subject)
            .replace("{code}", &self.code)
            .replace("{token}", &"0".repeat(32))
            .replace("{person}", "nobody")
            .replace("{matter}", "1")
            .replace("{clock}", "hipaa-individuals")
            .replace("{host}", &format!("{:016x}", self.host))
            .replace("{file}", "findings.csv")
    }
}

/// A value as a form brings it.
fn coded(value: &str) -> String {
    value
        .bytes()
        .map(|o| if o.is_ascii_alphanumeric() { char::from(o).to_string() } else { format!("%{o:02X}") })
        .collect()
}

/// The octets of base 32, with blanks.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn base32(text: &str) -> Vec<u8> {
    let (mut octets, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for symbol in text.bytes().filter(|c| *c != b' ') {
        let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|s| *s == symbol).unwrap();
        bits = (bits << 5) | u32::try_from(value).unwrap();
        count += 5;
        if count >= 8 {
            count -= 8;
            octets.push(u8::try_from((bits >> count) & 0xff).unwrap());
        }
    }
    octets
}

/// The password of everybody here.
pub const PASSWORD: &str = "four small green boats";
