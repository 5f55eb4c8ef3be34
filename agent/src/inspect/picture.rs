//! What the live view shows, as plain rows: everything is judged and put into words here, and only drawn elsewhere.
//!
//! Keeps: at most [`MOST_ROWS`] rows of each kind. Drops: rows behind them, which are counted; names, unless they were asked for.

use crate::document::{Inspection, colons, moment};
use crate::evidence;
use crate::known::Known;
use crate::live::{SIGHT_EVERY, Turn};
use crate::reading::Heard;
use crate::text::{explanation, network, place};
use auscult_agent::capture::interface::{State, Way};
use auscult_agent::capture::kind::{self, since};
use auscult_agent::capture::several::Given;
use auscult_agent::capture::sight::Counts;
use auscult_assess::knowledge::Knowledge;
use auscult_assess::{SHOWN_PERCENT, Severity};
use auscult_report::coverage::Sight;
use auscult_report::fact::Fact;
use auscult_report::subject::{HostId, Subject};
use auscult_report::summary::Sighting;
use auscult_report::zone::Zone;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// One picture.
#[derive(Clone, Debug, Default)]
pub(crate) struct Picture {
    pub(crate) elapsed: Duration,
    pub(crate) frames: u64,
    pub(crate) octets: u64,
    /// Everything that was let go for want of room.
    pub(crate) let_go: u64,
    pub(crate) interfaces: Vec<Ear>,
    pub(crate) protocols: Vec<&'static str>,
    /// The worst first.
    pub(crate) findings: Vec<Found>,
    /// Hosts, their services behind each.
    pub(crate) hosts: Vec<Row>,
    /// How many hosts and services there are.
    pub(crate) host_count: usize,
    pub(crate) service_count: usize,
    /// The newest first.
    pub(crate) facts: VecDeque<String>,
    pub(crate) networks: Vec<String>,
    /// Whether any frame came through the air.
    pub(crate) has_air: bool,
    /// No network of the clinic was named.
    pub(crate) is_assumed: bool,
}

/// How an interface is heard.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ear {
    pub(crate) name: String,
    /// Why it is not heard, if it is not.
    pub(crate) fault: Option<&'static str>,
    pub(crate) frames_a_second: u64,
    pub(crate) octets_a_second: u64,
    pub(crate) lost: u64,
    pub(crate) way: &'static str,
    pub(crate) sight: Sight,
}

/// A finding.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) severity: Severity,
    /// Sure enough to count.
    pub(crate) counts: bool,
    pub(crate) title: String,
    /// Where, in short.
    pub(crate) place: String,
    pub(crate) explanation: Vec<(&'static str, String)>,
}

/// A row of the hosts.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// It is a service of the host above.
    pub(crate) is_service: bool,
    pub(crate) is_medical: bool,
    pub(crate) text: String,
}

/// Makes pictures of what it is given.
pub(crate) struct Painter {
    knowledge: Knowledge,
    known: Known,
    facts: VecDeque<String>,
    marks: BTreeMap<String, Marks>,
}

/// What was counted of an interface at earlier pictures.
#[derive(Clone, Copy, Default)]
struct Marks {
    /// At the last one, and when that was.
    last: (Counts, Duration),
    /// From where its kind of sight is counted, and from where the next time.
    from: Counts,
    next: (Counts, Duration),
}

impl Painter {
    pub(crate) fn new() -> Painter {
        Painter {
            knowledge: Knowledge::compiled(),
            known: Known::default(),
            facts: VecDeque::new(),
            marks: BTreeMap::new(),
        }
    }

    /// Takes a turn in.
    pub(crate) fn paint(&mut self, turn: Turn) -> Picture {
        let Turn { mut heard, interfaces, elapsed } = turn;
        let news = self.known.take(core::mem::take(&mut heard.summary));
        heard.summary = self.known.summary(heard.hosts.len());
        let now = heard.judged_at(&self.knowledge);
        let findings = auscult_assess::assess(&heard.summary, &self.knowledge, now);
        let stated = auscult_assess::stated(&heard.summary, &self.knowledge, now);
        let inspection = Inspection::of_heard(&heard, &self.knowledge, &findings, &stated, now);
        remember(&mut self.facts, &inspection, &news);
        let interfaces = interfaces
            .into_iter()
            .map(|(name, given, state)| self.marks.entry(name.clone()).or_default().ear(name, &given, &state, elapsed))
            .collect();
        let (hosts, host_count, service_count) = hosts(&inspection);
        let c = &heard.summary.counters;
        Picture {
            elapsed,
            frames: c.frames,
            octets: c.octets,
            let_go: [c.conversations_let_go, c.octets_let_go, c.hosts_let_go, c.observations_let_go, c.networks_let_go]
                .iter()
                .fold(0, |sum, n| sum.saturating_add(*n)),
            interfaces,
            protocols: inspection.protocols().into_iter().collect(),
            findings: found(&inspection),
            hosts,
            host_count,
            service_count,
            facts: self.facts.clone(),
            networks: networks(&inspection),
            has_air: c.wireless_frames > 0,
            is_assumed: heard.is_assumed,
        }
    }

    /// All that is known, as of one capture.
    pub(crate) fn rest(mut self, turn: Turn) -> Heard {
        let mut heard = turn.heard;
        drop(self.known.take(core::mem::take(&mut heard.summary)));
        heard.summary = self.known.summary(heard.hosts.len());
        heard
    }
}

impl Marks {
    /// How an interface is heard: its speed since the last picture, its kind of sight in the last minutes.
    fn ear(&mut self, name: String, given: &Given, state: &State, elapsed: Duration) -> Ear {
        let (before, then) = core::mem::replace(&mut self.last, (given.counts, elapsed));
        if elapsed.saturating_sub(self.next.1) >= SIGHT_EVERY {
            (self.from, self.next) = (self.next.0, (given.counts, elapsed));
        }
        let moved = since(&given.counts, &before);
        let ms = elapsed.saturating_sub(then).as_millis();
        let a_second = |n: u64| {
            let n = u128::from(n).saturating_mul(1_000).saturating_add(ms / 2).checked_div(ms).unwrap_or(0);
            u64::try_from(n).unwrap_or(u64::MAX)
        };
        let fault = match state {
            State::Missing(_) => Some("is not there any more"),
            State::Down => Some("is down"),
            State::NoCable => Some("has no cable, or nothing at its other end"),
            State::Up if !given.is_here => Some("is not heard yet"),
            State::Up => None,
        };
        Ear {
            name,
            fault,
            frames_a_second: a_second(moved.frames),
            octets_a_second: a_second(moved.octets),
            lost: given.lost,
            way: if given.way == Way::Portable { "portable" } else { "ring" },
            sight: kind::of(&since(&given.counts, &self.from)),
        }
    }
}

/// Puts what is new in front.
fn remember(facts: &mut VecDeque<String>, inspection: &Inspection<'_>, news: &[Sighting]) {
    let mut news: Vec<&Sighting> = news.iter().collect();
    news.sort_by_key(|s| s.first);
    for sighting in news {
        let Some(words) = evidence::sentence(sighting) else { continue };
        let at = moment(sighting.first);
        let at = at.get(11..19).unwrap_or_default();
        facts.push_front(format!("{at} {}: {words}", short(inspection, sighting.subject)));
        facts.truncate(MOST_ROWS);
    }
}

/// Where, without what it is.
fn short(inspection: &Inspection<'_>, subject: Subject) -> String {
    match (subject, inspection.place(subject)) {
        (_, Some((address, transport, port))) => format!("{address} {port}/{}", transport.word()),
        (Subject::Wireless(bssid), _) => colons(&bssid.0),
        _ => place(inspection, subject),
    }
}

fn found(inspection: &Inspection<'_>) -> Vec<Found> {
    let mut found: Vec<Found> = inspection
        .findings
        .iter()
        .map(|f| Found {
            severity: f.severity,
            counts: f.confidence_percent >= SHOWN_PERCENT,
            title: f.rule.title().to_owned(),
            place: short(inspection, f.subject),
            explanation: explanation(inspection, f),
        })
        .take(MOST_ROWS)
        .collect();
    // What is too unsure to count stands behind.
    found.sort_by_key(|f| !f.counts);
    found
}

/// The clinic's hosts by address, each with its services; hosts outside only if they serve.
fn hosts(inspection: &Inspection<'_>) -> (Vec<Row>, usize, usize) {
    let mut services: BTreeMap<HostId, Vec<Subject>> = BTreeMap::new();
    let mut service_count = 0usize;
    for subject in inspection.subjects(|fact| matches!(fact, Fact::Protocol(_))) {
        if let Subject::Service(host, ..) = subject {
            service_count = service_count.saturating_add(1);
            services.entry(host).or_default().push(subject);
        }
    }
    let mut hosts: Vec<_> =
        inspection.heard.hosts.values().filter(|h| h.zone != Zone::Outside || services.contains_key(&h.id)).collect();
    hosts.sort_by_key(|h| (h.zone == Zone::Outside, h.address));
    let mut rows = Vec::new();
    for host in &hosts {
        if rows.len() >= MOST_ROWS {
            break;
        }
        let stated = inspection.stated(Subject::Host(host.id));
        let value = |name: &str| stated.and_then(|s| s.values.get(name)).map(ToString::to_string);
        let is_medical = value("host.medical").as_deref() == Some("true");
        let known = |text: Option<String>| text.filter(|t| t != "unknown" && t != "false");
        let maker = host.hardware.and_then(|m| inspection.knowledge.maker(m)).map(str::to_owned);
        let medical = is_medical.then(|| "medical".to_owned());
        let zone = Some(host.zone.word().to_owned());
        let parts: Vec<String> = [zone, medical, known(value("os.family")), maker].into_iter().flatten().collect();
        rows.push(Row { is_service: false, is_medical, text: format!("{}  {}", host.address, parts.join(", ")) });
        for subject in services.get(&host.id).into_iter().flatten() {
            rows.push(Row { is_service: true, is_medical, text: service(inspection, *subject) });
        }
    }
    rows.truncate(MOST_ROWS);
    (rows, hosts.len(), service_count)
}

/// `104/tcp dicom, Orthanc 1.12.1; answered outside`.
fn service(inspection: &Inspection<'_>, subject: Subject) -> String {
    let Subject::Service(_, transport, port) = subject else { return String::new() };
    let whole = place(inspection, subject);
    // Of "ADDRESS port 104/tcp (dicom, Orthanc)" the part in brackets.
    let what = whole.split_once(" (").map_or("", |(_, what)| what.trim_end_matches(')'));
    let answered = inspection.of(subject).filter(|s| s.fact == Fact::Answered).filter_map(|s| s.zone);
    let zones: BTreeSet<&str> = answered.map(|z| z.word()).collect();
    let mut text = format!("{port}/{} {what}", transport.word());
    if !zones.is_empty() {
        text += &format!("; answered {}", zones.into_iter().collect::<Vec<_>>().join(", "));
    }
    text
}

fn networks(inspection: &Inspection<'_>) -> Vec<String> {
    let heard = inspection.subjects(|fact| *fact == Fact::WifiBeacon);
    heard.into_iter().take(MOST_ROWS).map(|subject| network(inspection, subject)).collect()
}

/// Rows of one pane: nobody scrolls further, and a hundredth of it fits a screen.
pub(crate) const MOST_ROWS: usize = 2_000;
