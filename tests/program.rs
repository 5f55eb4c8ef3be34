//! A program at the API of a collector: what scripts do, request by request.

use crate::archive::NOW;
use crate::guest::{Answer, Guest};
use crate::station::Station;
use crate::way::Way;
use crate::{hear, recorded};
use auscult_assess::knowledge::Knowledge;
use auscult_collector::access::{Scope, Wanted};
use auscult_collector::judge::Judge;
use auscult_report::bounded::Bounded;
use auscult_report::coverage::{Coverage, Ear, EarRole, EarWay, Fault, FaultKind, FaultPlace, RadioState, Sight};
use auscult_report::key::SensorId;
use auscult_report::payload::{Full as FullReport, Payload};
use auscult_report::time::{MS_PER_DAY, Timestamp, Window};
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use serde_json::Value;

/// A program.
pub struct Program {
    way: Way,
    /// What it sends with each request.
    pub headers: Vec<(String, String)>,
}

impl Program {
    /// A program with these headers.
    ///
    /// # Panics
    /// If there is no listener for people.
    #[must_use]
    pub fn new(station: &Station, headers: &[(&str, &str)]) -> Program {
        let at = station.service().addresses().people.unwrap();
        let way = Way::try_to(at, &station.authority(), None).unwrap();
        Program { way, headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect() }
    }

    /// A program with a token.
    #[must_use]
    pub fn with(station: &Station, token: &str) -> Program {
        Program::new(station, &[("authorization", &format!("Bearer {token}"))])
    }

    /// A script in the session of a person, as a page of ours would send it.
    #[must_use]
    pub fn of(station: &Station, guest: &Guest) -> Program {
        let (cookie, csrf) = (guest.cookie.as_str(), guest.csrf.as_str());
        Program::new(station, &[("cookie", cookie), ("x-csrf-token", csrf), ("sec-fetch-site", "same-origin")])
    }

    /// Asks.
    ///
    /// # Panics
    /// If the connection breaks.
    pub fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        for (name, value) in self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain(headers.iter().copied()) {
            request = request.header(name, value);
        }
        let octets = body.unwrap_or_default();
        let (status, headers, octets) =
            self.way.ask(request.body(Full::new(Bytes::copy_from_slice(octets))).unwrap()).unwrap();
        Answer { status, headers, text: String::from_utf8(octets).unwrap() }
    }

    /// Looks at something.
    pub fn get(&mut self, path: &str) -> (u16, Value) {
        let answer = self.ask("GET", path, &[], None);
        (answer.status, json(&answer))
    }

    /// Sends JSON.
    pub fn post(&mut self, path: &str, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
        let headers = [headers, &[("content-type", "application/json")]].concat();
        let answer = self.ask("POST", path, &headers, Some(body.to_string().as_bytes()));
        (answer.status, json(&answer))
    }
}

/// What an answer says.
#[must_use]
pub fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.text).unwrap_or(Value::Null)
}

/// A token for ninety days.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn token(station: &Station, scopes: &[Scope], clinics: &[&str]) -> String {
    let clinics: Vec<String> = clinics.iter().map(|name| (*name).to_owned()).collect();
    let until = Timestamp(station.now().0 + 90 * MS_PER_DAY);
    let words: Vec<&str> = scopes.iter().map(|scope| scope.word()).collect();
    let title = format!("a test: {}", words.join(" "));
    let wanted = Wanted { title: &title, scopes, clinics: &clinics, until, person: "maria" };
    station.service().desk().programs.make(&wanted, station.now()).unwrap().1
}

/// A clinic with a sensor that heard what one of our captures holds: hosts, services, findings, and how well it heard. Its id.
///
/// # Panics
/// If nothing of it is let in.
pub fn day(station: &Station, clinic: &str, capture: &str, seed: u8) -> SensorId {
    let recorded = recorded().into_iter().find(|r| r.name == capture).unwrap();
    let (_, mut summary) = hear(&std::fs::read(&recorded.path).unwrap(), recorded.settings()).unwrap();
    summary.window = Window { from: NOW, to: Timestamp(NOW.0 + 3_600_000) };
    let ear = Ear {
        number: 0,
        role: EarRole::ALL[0],
        way: EarWay::Ring,
        sight: Sight::Mirror,
        heard: true,
        frames: 1_000,
        lost: 3,
        deaf_s: 0,
        group: 10,
        foreign: 900,
        conversations: 40,
        both_sides: 30,
    };
    let fault = Fault { place: FaultPlace::ALL[0], protocol: None, kind: FaultKind::Cut, times: 2 };
    let coverage = Coverage {
        seconds: 3_600,
        off_s: Some(0),
        blocked_s: 0,
        jumped_ahead_s: 0,
        jumped_back_s: 0,
        radio: RadioState::ALL[0],
        ears: Bounded::first_of(vec![ear]).0,
        faults: Bounded::first_of(vec![fault]).0,
    };
    let ext = Bounded::first_of(vec![coverage.extra().unwrap()]).0;
    let mut caller = station.enrolled(clinic, seed);
    let reports = [caller.ear.chain(1).remove(0), caller.ear.say(&Payload::Full(FullReport { summary, ext }))];
    assert_eq!(Way::to(station, Some(&caller)).reports(&reports).0, 200);
    let knowledge = Knowledge::compiled();
    Judge::new(&knowledge).catch_up(&station.clinic(clinic), station.now()).unwrap();
    caller.id()
}
