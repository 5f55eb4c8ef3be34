//! From sightings to the named values that rules are written in (`knowledge/facts.tsv`): one set for each subject, and
//! for a service one more for each zone that its clients were in.
//!
//! Why by zone: a rule such as "gave records to the outside without a login" must not be fed by what a modality inside
//! got and a stranger outside did not. So what was heard towards one zone is kept apart, and a rule is asked for each.
//! Keeps: counts, words. Drops: the times, but where a rule asks for days.

mod names;
mod service;
mod software;
mod system;
mod wireless;

use crate::knowledge::Knowledge;
use crate::value::{Value, Values, Word};
use auscult_report::fact::{Fact, Role};
use auscult_report::subject::{HostId, Subject};
use auscult_report::summary::{Sighting, Summary};
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

pub use names::names_of;
pub use software::Proof;

/// What is known of one subject.
#[derive(Clone, Debug)]
pub struct Stated {
    /// The subject.
    pub subject: Subject,
    /// Everything that is known of it.
    pub values: Values,
    /// For a service: what was heard towards the clients of each zone.
    pub by_zone: Vec<(Zone, Values)>,
    /// It is not the clinic's, and nobody from outside was heard asking it: a server that the clinic uses.
    pub is_foreign: bool,
}

/// The values of every subject of a summary, judged at `now`.
#[must_use]
pub fn stated(summary: &Summary, knowledge: &Knowledge, now: Timestamp) -> Vec<Stated> {
    let mut by_subject: BTreeMap<Subject, Vec<&Sighting>> = BTreeMap::new();
    for sighting in &summary.sightings {
        by_subject.entry(sighting.subject).or_default().push(sighting);
    }
    let zones: BTreeMap<HostId, Zone> = summary.hosts.iter().map(|h| (h.id, h.zone)).collect();
    let scene = Scene { by_subject: &by_subject, zones: &zones, knowledge, now };
    let hosts: BTreeMap<HostId, Values> = scene.host_ids().into_iter().map(|id| (id, scene.host(id))).collect();
    let mut all =
        vec![Stated { subject: Subject::Site, values: Values::new(), by_zone: Vec::new(), is_foreign: false }];
    for (subject, sightings) in &by_subject {
        all.push(match subject {
            Subject::Host(_) | Subject::Sensor | Subject::Site => continue,
            Subject::Wireless(_) => Stated {
                subject: *subject,
                values: wireless::values(sightings),
                by_zone: Vec::new(),
                is_foreign: false,
            },
            Subject::Service(id, ..) => service::stated(*subject, sightings, &scene, hosts.get(id)),
        });
    }
    for (id, values) in hosts {
        let is_foreign = zones.get(&id) == Some(&Zone::Outside) && !flag(&values, "host.reachable_outside");
        all.push(Stated { subject: Subject::Host(id), values, by_zone: Vec::new(), is_foreign });
    }
    all.sort_by_key(|s| s.subject);
    all
}

/// What a subject's values are made of.
struct Scene<'a> {
    by_subject: &'a BTreeMap<Subject, Vec<&'a Sighting>>,
    zones: &'a BTreeMap<HostId, Zone>,
    knowledge: &'a Knowledge,
    now: Timestamp,
}

impl Scene<'_> {
    /// Every host that a sighting speaks of, or whose service one does.
    fn host_ids(&self) -> BTreeSet<HostId> {
        self.by_subject
            .keys()
            .filter_map(|s| match s {
                Subject::Host(id) | Subject::Service(id, ..) => Some(*id),
                Subject::Sensor | Subject::Site | Subject::Wireless(_) => None,
            })
            .collect()
    }

    fn host(&self, id: HostId) -> Values {
        let own: &[&Sighting] = self.by_subject.get(&Subject::Host(id)).map_or(&[], Vec::as_slice);
        let services = || self.by_subject.iter().filter(move |(s, _)| matches!(s, Subject::Service(i, ..) if *i == id));
        let mut values = Values::new();
        let mut set = |name: &'static str, value: Value| values.insert(Cow::Borrowed(name), value);
        if let Some(zone) = self.zones.get(&id) {
            set("host.zone", Value::word(zone.word()));
        }
        let roles: BTreeSet<Word> = own
            .iter()
            .filter_map(|s| if let Fact::Role(r) = s.fact { Some(Cow::Borrowed(r.word())) } else { None })
            .collect();
        let is_medical = own.iter().any(|s| s.fact == Fact::Medical)
            || own.iter().any(|s| {
                matches!(s.fact, Fact::Role(Role::Modality | Role::Archive | Role::Lab | Role::Monitor | Role::Pump))
            });
        if !roles.is_empty() {
            set("host.role", Value::Set(roles));
        }
        set("host.medical", Value::Bool(is_medical));
        let reachable = services()
            .any(|(_, sightings)| sightings.iter().any(|s| s.fact == Fact::Answered && s.zone == Some(Zone::Outside)));
        set("host.reachable_outside", Value::Bool(reachable));
        if own.iter().any(|s| s.fact == Fact::MedicalCleartextOut) {
            set("out.cleartext_medical", Value::Bool(true));
        }
        let signs = own.iter().filter_map(|s| if let Fact::System(sign) = s.fact { Some(sign) } else { None });
        system::add(&mut values, signs, self.now);
        values
    }
}

/// Whether a fact is known and true.
fn flag(values: &Values, name: &str) -> bool {
    values.get(name) == Some(&Value::Bool(true))
}
