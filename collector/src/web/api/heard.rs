//! What sensors say now: hosts, facts, how well each hears. Facts bear the names of `report/FORMAT.md`, section 13.
//!
//! Keeps: nothing; it is put together from the envelopes at each question. Drops: nothing that a report says.

use super::query::{AFTER, LIMIT, Param, SENSOR};
use super::types::{About, Moment, Page, host};
use super::wrong::Wrong;
use super::{Ask, Call, Done, Nothing};
use crate::judge::{Judge, Known};
use crate::store::ClinicStore;
use auscult_report::coverage::{Coverage, Ear, Fault};
use auscult_report::fact::Fact;
use auscult_report::key::SensorId;
use auscult_report::subject::{HostId, Subject};
use auscult_report::summary::{HostEntry, Sighting};
use auscult_report::time::Window;
use auscult_report::zone::Zone;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A host.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Host {
    /// The sensor that heard it.
    pub(super) sensor: String,
    /// The sensor's pseudonym for it.
    pub(super) host: String,
    /// The part of the network that it is in.
    pub(super) zone: &'static str,
    /// Its address: only of one that serves something or is medical, in the clinic's own networks.
    pub(super) address: Option<String>,
    /// The maker's part of its hardware address, on the same terms.
    pub(super) maker: Option<String>,
    /// Whether it is a medical device or serves medical data.
    pub(super) medical: bool,
    pub(super) services: Vec<Service>,
    /// When anything was first heard of it in what is held now, by the sensor's clock.
    pub(super) first: Option<Moment>,
    /// When anything was last heard of it.
    pub(super) last: Option<Moment>,
}

/// A service of a host.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Service {
    transport: &'static str,
    port: u16,
    /// What it speaks.
    protocols: Vec<&'static str>,
}

/// What is known of the hosts of a sensor, by pseudonym.
pub(super) fn hosts_of(sensor: SensorId, known: &Known) -> BTreeMap<u64, Host> {
    let new = |entry: &HostEntry| Host {
        sensor: sensor.to_string(),
        host: host(entry.id.0),
        zone: entry.zone.word(),
        address: entry.address.map(|address| address.to_string()),
        maker: entry.maker.map(|m| crate::access::hex(&m)),
        medical: false,
        services: Vec::new(),
        first: None,
        last: None,
    };
    let mut hosts: BTreeMap<u64, Host> = known.summary.hosts.iter().map(|entry| (entry.id.0, new(entry))).collect();
    let mut services: BTreeMap<Subject, BTreeSet<&'static str>> = BTreeMap::new();
    for Sighting { subject, fact, first, last, .. } in known.summary.sightings.iter() {
        let of = match subject {
            Subject::Host(id) | Subject::Service(id, ..) => id,
            _ => continue,
        };
        if matches!(subject, Subject::Service(..)) {
            let spoken = services.entry(*subject).or_default();
            if let Fact::Protocol(protocol) = fact {
                spoken.insert(protocol.word());
            }
        }
        if let Some(host) = hosts.get_mut(&of.0) {
            host.medical |= matches!(fact, Fact::Medical | Fact::Role(_));
            host.first = host.first.filter(|known| known.0 <= *first).or(Some(Moment(*first)));
            host.last = host.last.filter(|known| known.0 >= *last).or(Some(Moment(*last)));
        }
    }
    for (subject, spoken) in services {
        if let Subject::Service(HostId(id), transport, port) = subject
            && let Some(host) = hosts.get_mut(&id)
        {
            let protocols = spoken.into_iter().collect();
            host.services.push(Service { transport: transport.word(), port, protocols });
        }
    }
    hosts
}

/// The hosts of a clinic.
pub(in crate::web) struct Hosts;

const OF_SENSOR: &[Param] = &[LIMIT, AFTER, SENSOR];

impl Ask for Hosts {
    const QUERY: &'static [Param] = OF_SENSOR;
    type Body = Nothing;
    type Answer = Page<Host>;

    fn answer(call: &Call, _: Nothing) -> Result<Done<Page<Host>>, Wrong> {
        let after: Option<([u8; 16], u64)> = call.query.after("hosts")?;
        let rows = gathered(call, after.map(|(sensor, _)| sensor), |sensor, known| {
            let behind = |id: &u64| after.is_none_or(|after| (sensor.0, *id) > after);
            hosts_of(sensor, known)
                .into_iter()
                .filter(|(id, _)| behind(id))
                .map(|(id, h)| ((sensor.0, id), h))
                .collect()
        })?;
        Ok(Page::cut(&call.query, "hosts", rows, |(key, _)| *key, |(_, host)| host).into())
    }
}

/// Rows of a clinic's sensors, in the order of their ids, from one on, until there are enough.
fn gathered<R>(
    call: &Call,
    from: Option<[u8; 16]>,
    mut rows: impl FnMut(SensorId, &Known) -> Vec<R>,
) -> Result<Vec<R>, Wrong> {
    let (store, limit) = (&call.at()?.store, usize::try_from(call.query.limit()).unwrap_or(usize::MAX));
    let mut gathered = Vec::new();
    for sensor in sensors(call, store)?.into_iter().filter(|s| from.is_none_or(|from| s.0 >= from)) {
        let known = Judge::known(store, sensor).map_err(|e| call.busy(&e))?;
        gathered.extend(rows(sensor, &known));
        if gathered.len() > limit {
            break;
        }
    }
    gathered.truncate(limit.saturating_add(1));
    Ok(gathered)
}

/// The sensors that are asked for, by their ids.
fn sensors(call: &Call, store: &ClinicStore) -> Result<Vec<SensorId>, Wrong> {
    let only: Option<[u8; 16]> = call.query.octets(&SENSOR).and_then(|id| id.try_into().ok());
    let mut all: Vec<SensorId> = store.sensors().map_err(|e| call.busy(&e))?.into_iter().map(|s| s.id).collect();
    all.retain(|id| only.is_none_or(|only| id.0 == only));
    all.sort_by_key(|id| id.0);
    Ok(all)
}

/// A fact, as `report/FORMAT.md` names it.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Said {
    /// The fact's name.
    pub(super) fact: String,
    /// What stands in its brackets; null: nothing.
    pub(super) value: Value,
}

/// A fact in JSON.
pub(super) fn said(fact: &Fact) -> Said {
    let value = match fact {
        // A product is a number of the shipped list, a version has a form of its own: people read their names.
        Fact::Software(s) => {
            let text = |v: auscult_report::version::Version| v.as_str().to_owned();
            json!({ "product": s.product.name(), "version": s.version.map(text), "revision": s.revision.map(text), "place": s.place.word() })
        }
        Fact::CertificateEnds(at) => json!(Moment(*at)),
        Fact::Hl7Version(version) => json!(version.as_str()),
        other => match serde_json::to_value(other) {
            Ok(Value::Object(of)) => of.into_iter().next().map_or(Value::Null, |(_, value)| value),
            _ => Value::Null,
        },
    };
    let named = format!("{fact:?}");
    Said { fact: named.split(['(', ' ']).next().unwrap_or_default().to_owned(), value }
}

/// A fact about something, as a sensor heard it.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct FactLine {
    /// The sensor that heard it.
    pub(super) sensor: String,
    about: About,
    #[serde(flatten)]
    pub(super) said: Said,
    /// The zone of the client in whose conversation it was heard, where that matters.
    pub(super) zone: Option<&'static str>,
    /// When it was first heard, by the sensor's clock.
    pub(super) first: Moment,
    /// When it was last heard.
    pub(super) last: Moment,
    /// How often; for facts that count different things, how many different ones.
    pub(super) count: u32,
}

impl FactLine {
    pub(super) fn of(sensor: SensorId, sighting: &Sighting) -> FactLine {
        let Sighting { subject, fact, zone, first, last, count } = sighting;
        FactLine {
            sensor: sensor.to_string(),
            about: About::of(Some(*subject)),
            said: said(fact),
            zone: zone.map(Zone::word),
            first: Moment(*first),
            last: Moment(*last),
            count: *count,
        }
    }
}

/// The facts of a clinic.
pub(in crate::web) struct Facts;

type FactKey = ([u8; 16], Subject, Fact, Option<Zone>);

impl Ask for Facts {
    const QUERY: &'static [Param] = OF_SENSOR;
    type Body = Nothing;
    type Answer = Page<FactLine>;

    fn answer(call: &Call, _: Nothing) -> Result<Done<Page<FactLine>>, Wrong> {
        let after: Option<FactKey> = call.query.after("facts")?;
        let rows = gathered(call, after.map(|(sensor, ..)| sensor), |sensor, known| {
            let key = |s: &Sighting| (sensor.0, s.subject, s.fact, s.zone);
            let behind = known.summary.sightings.iter().filter(|s| after.is_none_or(|after| key(s) > after));
            behind.map(|s| (key(s), FactLine::of(sensor, s))).collect()
        })?;
        Ok(Page::cut(&call.query, "facts", rows, |(key, _)| *key, |(_, line)| line).into())
    }
}

/// How well a sensor hears.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Covered {
    sensor: String,
    /// The newest window of which something was told, by the sensor's clock.
    window: Option<Span>,
    /// What could be heard in the newest window that says so; null: none does.
    coverage: Option<Hearing>,
}

/// From a moment to another.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Span {
    from: Moment,
    to: Moment,
}

impl From<Window> for Span {
    fn from(window: Window) -> Span {
        Span { from: Moment(window.from), to: Moment(window.to) }
    }
}

/// What a sensor could hear of a window.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Hearing {
    window: Span,
    /// How long it listened.
    seconds: u32,
    /// Before that it did not run for so long; null: its clock cannot tell.
    off_s: Option<u32>,
    /// So long the capture waited for the rest of the sensor.
    blocked_s: u32,
    jumped_ahead_s: u32,
    jumped_back_s: u32,
    radio: &'static str,
    interfaces: Vec<Interface>,
    /// What could not be read.
    faults: Vec<Unread>,
}

/// An interface that is to be heard.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Interface {
    number: u8,
    role: &'static str,
    way: &'static str,
    sight: &'static str,
    /// Whether it was heard at the end of the window.
    heard: bool,
    frames: u64,
    lost: u64,
    deaf_s: u32,
    conversations: u32,
    both_sides: u32,
}

/// Octets that could not be read, of one sort.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Unread {
    place: &'static str,
    protocol: Option<&'static str>,
    why: &'static str,
    times: u64,
}

impl Hearing {
    fn of((window, coverage): (Window, Coverage)) -> Hearing {
        let interface = |ear: &Ear| Interface {
            number: ear.number,
            role: ear.role.word(),
            way: ear.way.word(),
            sight: ear.sight.word(),
            heard: ear.heard,
            frames: ear.frames,
            lost: ear.lost,
            deaf_s: ear.deaf_s,
            conversations: ear.conversations,
            both_sides: ear.both_sides,
        };
        let unread = |fault: &Fault| Unread {
            place: fault.place.word(),
            protocol: fault.protocol.map(|p| p.word()),
            why: fault.kind.word(),
            times: fault.times,
        };
        Hearing {
            window: window.into(),
            seconds: coverage.seconds,
            off_s: coverage.off_s,
            blocked_s: coverage.blocked_s,
            jumped_ahead_s: coverage.jumped_ahead_s,
            jumped_back_s: coverage.jumped_back_s,
            radio: coverage.radio.word(),
            interfaces: coverage.ears.iter().map(interface).collect(),
            faults: coverage.faults.iter().map(unread).collect(),
        }
    }
}

/// How well a clinic's sensors hear.
pub(in crate::web) struct Coverages;

impl Ask for Coverages {
    const QUERY: &'static [Param] = OF_SENSOR;
    type Body = Nothing;
    type Answer = Page<Covered>;

    fn answer(call: &Call, _: Nothing) -> Result<Done<Page<Covered>>, Wrong> {
        let store = &call.at()?.store;
        let rows = sensors(call, store)?;
        let item = |sensor: SensorId| {
            let known = Judge::known(store, sensor).map_err(|e| call.busy(&e))?;
            let window = known.window.map(Span::from);
            Ok(Covered { sensor: sensor.to_string(), window, coverage: known.coverage.map(Hearing::of) })
        };
        Ok(Page::of(&call.query, "coverage", rows, |sensor| sensor.0, item)?.into())
    }
}
