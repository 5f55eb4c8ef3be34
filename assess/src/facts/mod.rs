//! From sightings to the named values that rules ask for (`assess/knowledge/facts.tsv`), one picture of a window.
//!
//! Keeps: for each subject its values; of a service one view for each zone of its clients beside the whole, so that what
//! a stranger got is not mixed with what a modality got. Drops: the order of things; values that need one (`change.*`,
//! `web.login_lost`) come from the past of the place, if it is known.

mod service;
mod site;
mod software;
mod system;
mod wireless;

use crate::date::Day;
use crate::knowledge::Knowledge;
use crate::past::{MEDICAL_ROLES, Past};
use crate::sensing::Sensing;
use crate::value::{Value, Word};
use crate::vocabulary::Values;
use auscult_report::fact::Fact;
use auscult_report::subject::{Bssid, HostId, Subject, Transport};
use auscult_report::summary::{Sighting, Summary};
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;
use core::ops::RangeInclusive;
use std::collections::{BTreeMap, BTreeSet};

use software::Programs;
pub(crate) use software::Variant;

/// What is known of a subject, by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Stated {
    /// The subject.
    pub subject: Subject,
    /// Its values.
    pub values: BTreeMap<Word, Value>,
}

/// What is known of everything in a window.
#[derive(Debug)]
pub(crate) struct Picture<'k> {
    pub(crate) site: Values<'k>,
    pub(crate) sensor: Values<'k>,
    pub(crate) hosts: BTreeMap<HostId, HostPicture<'k>>,
    pub(crate) services: BTreeMap<Subject, ServicePicture<'k>>,
    pub(crate) wireless: BTreeMap<Bssid, Values<'k>>,
}

/// What is known of a host.
#[derive(Debug)]
pub(crate) struct HostPicture<'k> {
    pub(crate) zone: Option<Zone>,
    pub(crate) values: Values<'k>,
    pub(crate) software: Vec<Variant<'k>>,
}

/// What is known of a service.
#[derive(Debug)]
pub(crate) struct ServicePicture<'k> {
    pub(crate) host: HostId,
    /// All zones together.
    pub(crate) whole: Values<'k>,
    /// By the zone of the client; empty where fewer than two zones were heard.
    pub(crate) views: Vec<(Zone, Values<'k>)>,
    /// The zones of its clients, answered or not.
    pub(crate) zones: BTreeSet<Zone>,
    /// What each program that it named makes of the values about programs.
    pub(crate) software: Vec<Variant<'k>>,
    /// Of a server outside to which only the clinic's own hosts are clients: its clients with the zone outside, because
    /// what is sent there crosses the internet.
    pub(crate) abroad: Option<Values<'k>>,
}

impl<'k> Picture<'k> {
    /// Of a window, at `now`. Work grows with the number of sightings.
    pub(crate) fn of(
        summary: &Summary,
        (sensing, past): (&Sensing, &Past),
        knowledge: &'k Knowledge,
        now: Timestamp,
    ) -> Picture<'k> {
        let today = Day::of(now);
        let subjects = Heard::by_subject(summary);
        let zones: BTreeMap<HostId, Zone> = summary.hosts.iter().map(|h| (h.id, h.zone)).collect();
        let vocabulary = knowledge.vocabulary();
        let mut programs = Programs::default();
        let mut hosts = BTreeMap::new();
        for id in host_ids(&subjects) {
            let heard = subjects.get(&Subject::Host(id));
            let services: Vec<&Heard<'_>> = subjects.range(services_of(id)).map(|(_, h)| h).collect();
            let mut picture = host(knowledge, &mut programs, heard, &services, zones.get(&id).copied(), today);
            past.say_host(id, &mut picture.values);
            hosts.insert(id, picture);
        }
        let mut services = BTreeMap::new();
        for (subject, heard) in &subjects {
            let Subject::Service(id, ..) = subject else { continue };
            if let Some(host) = hosts.get(id) {
                let mut picture = service::picture(knowledge, &mut programs, *id, host, heard, now);
                let views = picture.views.iter_mut().map(|(_, values)| values);
                views.chain([&mut picture.whole]).for_each(|values| past.say_service(*subject, values));
                services.insert(*subject, picture);
            }
        }
        let mut site = site::values(vocabulary, &subjects, &zones);
        let mut sensor = Values::new(vocabulary);
        sensing.say(&mut site, &mut sensor);
        past.say_site(&mut site);
        let mut wireless = wireless::values(vocabulary, &subjects);
        wireless.iter_mut().for_each(|(bssid, values)| past.say_network(*bssid, values));
        Picture { site, sensor, wireless, hosts, services }
    }

    /// The services of a host.
    pub(crate) fn services_of(&self, host: HostId) -> impl Iterator<Item = (&Subject, &ServicePicture<'k>)> {
        self.services.range(services_of(host))
    }

    /// The values of each subject that has any.
    pub(crate) fn stated(&self) -> Vec<Stated> {
        let hosts = self.hosts.iter().map(|(id, h)| (Subject::Host(*id), &h.values, worst(&h.software)));
        let services = self.services.iter().map(|(s, p)| (*s, &p.whole, worst(&p.software)));
        let wireless = self.wireless.iter().map(|(b, v)| (Subject::Wireless(*b), v, None));
        let places = [(Subject::Sensor, &self.sensor, None), (Subject::Site, &self.site, None)];
        let all = places.into_iter().chain(hosts).chain(services).chain(wireless);
        all.map(|(subject, values, software)| {
            let programs = software.into_iter().flat_map(Values::iter);
            let values =
                values.iter().chain(programs).map(|(name, value)| (Word::Borrowed(name), value.clone())).collect();
            Stated { subject, values }
        })
        .filter(|s: &Stated| !s.values.is_empty())
        .collect()
    }
}

/// The values about the program that is worst off: a page shows one of them.
fn worst<'a, 'k>(software: &'a [Variant<'k>]) -> Option<&'a Values<'k>> {
    software.iter().min_by_key(|v| v.rank).map(|v| &v.values)
}

/// The sightings of one subject.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard<'s> {
    sightings: Vec<(usize, &'s Sighting)>,
}

impl<'s> Heard<'s> {
    fn by_subject(summary: &'s Summary) -> BTreeMap<Subject, Heard<'s>> {
        let mut subjects: BTreeMap<Subject, Heard<'s>> = BTreeMap::new();
        for (place, sighting) in summary.sightings.iter().enumerate() {
            subjects.entry(sighting.subject).or_default().sightings.push((place, sighting));
        }
        subjects
    }

    /// The sightings that a client of `zone` could have caused: its own, and those without a zone.
    fn seen_from(&self, zone: Zone) -> Heard<'s> {
        let seen = self.sightings.iter().filter(|(_, s)| s.zone.is_none_or(|z| z == zone));
        Heard { sightings: seen.copied().collect() }
    }

    /// The zones of clients.
    fn zones(&self) -> BTreeSet<Zone> {
        self.sightings.iter().filter_map(|(_, s)| s.zone).collect()
    }

    /// The zones of the clients in whose conversations `fact` was heard.
    fn zones_of(&self, fact: Fact) -> BTreeSet<Zone> {
        self.sightings.iter().filter(|(_, s)| s.fact == fact).filter_map(|(_, s)| s.zone).collect()
    }

    /// When it was heard first towards a client of this zone.
    fn first_in(&self, fact: Fact, zone: Zone) -> Option<Timestamp> {
        self.sightings.iter().filter(|(_, s)| s.fact == fact && s.zone == Some(zone)).map(|(_, s)| s.first).min()
    }

    /// When it was heard last towards a client of this zone.
    fn last_in(&self, fact: Fact, zone: Zone) -> Option<Timestamp> {
        self.sightings.iter().filter(|(_, s)| s.fact == fact && s.zone == Some(zone)).map(|(_, s)| s.last).max()
    }

    fn has(&self, fact: Fact) -> bool {
        self.sightings.iter().any(|(_, s)| s.fact == fact)
    }

    /// Says what is true because it was heard: facts that need no more than their row ([`Fact::is_flag`]).
    fn flags(&self, values: &mut Values<'_>) {
        for (_, sighting) in self.sightings.iter().filter(|(_, s)| s.fact.is_flag()) {
            sighting.fact.names().iter().for_each(|name| values.flag(name, true));
        }
    }

    /// How often, over all its zones; of facts that count different things, at most that many different ones.
    fn count(&self, fact: Fact) -> u32 {
        self.sightings.iter().filter(|(_, s)| s.fact == fact).fold(0, |n, (_, s)| n.saturating_add(s.count))
    }

    /// How often towards the clients of these zones.
    fn count_from(&self, fact: Fact, is_meant: impl Fn(Zone) -> bool) -> u32 {
        let meant = self.sightings.iter().filter(|(_, s)| s.fact == fact && s.zone.is_some_and(&is_meant));
        meant.fold(0, |n, (_, s)| n.saturating_add(s.count))
    }

    /// Every different thing that `pick` finds in a fact, with its count.
    fn each<T: Ord>(&self, pick: impl Fn(&Fact) -> Option<T>) -> BTreeMap<T, u32> {
        let mut found = BTreeMap::new();
        for (_, sighting) in &self.sightings {
            if let Some(thing) = pick(&sighting.fact) {
                let count: &mut u32 = found.entry(thing).or_default();
                *count = count.saturating_add(sighting.count);
            }
        }
        found
    }

    /// The same, with the place of the first sighting instead of the count.
    fn placed<T: Ord>(&self, pick: impl Fn(&Fact) -> Option<T>) -> BTreeMap<T, usize> {
        let mut found = BTreeMap::new();
        for (place, sighting) in &self.sightings {
            if let Some(thing) = pick(&sighting.fact) {
                found.entry(thing).or_insert(*place);
            }
        }
        found
    }

    /// Different things as words.
    fn words(&self, pick: impl Fn(&Fact) -> Option<&'static str>) -> BTreeSet<&'static str> {
        self.each(pick).into_keys().collect()
    }

    /// The thing that was heard most often; of those heard equally often the first in its list.
    fn most<T: Ord>(&self, pick: impl Fn(&Fact) -> Option<T>) -> Option<T> {
        self.each(pick).into_iter().rev().max_by_key(|(_, count)| *count).map(|(thing, _)| thing)
    }

    /// Days from the first to the last sighting, both counted.
    fn days(&self) -> u32 {
        let first = self.sightings.iter().map(|(_, s)| s.first.days()).min().unwrap_or(0);
        let last = self.sightings.iter().map(|(_, s)| s.last.days()).max().unwrap_or(0);
        u32::try_from(last.saturating_sub(first)).unwrap_or(u32::MAX).saturating_add(1)
    }
}

fn host<'k>(
    knowledge: &'k Knowledge,
    programs: &mut Programs,
    heard: Option<&Heard<'_>>,
    services: &[&Heard<'_>],
    zone: Option<Zone>,
    today: Day,
) -> HostPicture<'k> {
    let nothing = Heard::default();
    let heard = heard.unwrap_or(&nothing);
    let mut values = Values::new(knowledge.vocabulary());
    let roles = heard.each(|f| if let Fact::Role(role) = f { Some(*role) } else { None });
    values.word("host.zone", zone.map(Zone::word));
    values.set("host.role", roles.keys().map(|r| r.word()).collect());
    values.flag("host.medical", heard.has(Fact::Medical) || roles.keys().any(|r| MEDICAL_ROLES.contains(r)));
    heard.flags(&mut values);
    values.flag("host.lent", zone == Some(Zone::Guest));
    let is_reachable = services.iter().any(|s| s.zones_of(Fact::Answered).contains(&Zone::Outside));
    values.flag("host.reachable_outside", is_reachable);
    let tool = heard.most(|f| if let Fact::RemoteTool(t) = f { Some(*t) } else { None });
    values.word("remote.tool", tool.map(|t| t.word()));
    let has_advisory = core::iter::once(&heard).chain(services).any(|h| software::has_advisory(h));
    values.flag("device.advisory", has_advisory);
    let asked = heard.each(|f| if let Fact::SnmpAsksWith(c) = f { Some(*c) } else { None });
    values.word("snmp.asks_with", asked.into_keys().next().map(|c| c.word()));
    let system = system::of(heard, &roles.into_keys().collect::<Vec<_>>(), today);
    system.put(&mut values);
    let software = programs.variants(knowledge, heard, system.is_windows(), today);
    HostPicture { zone, values, software }
}

/// Every place that a service of a host can have.
const fn services_of(host: HostId) -> RangeInclusive<Subject> {
    Subject::Service(host, Transport::Tcp, 0)..=Subject::Service(host, Transport::Link, u16::MAX)
}

fn host_of(subject: Subject) -> Option<HostId> {
    match subject {
        Subject::Host(id) | Subject::Service(id, ..) => Some(id),
        Subject::Sensor | Subject::Site | Subject::Wireless(_) => None,
    }
}

fn host_ids(subjects: &BTreeMap<Subject, Heard<'_>>) -> BTreeSet<HostId> {
    subjects.keys().filter_map(|s| host_of(*s)).collect()
}

#[cfg(test)]
mod tests {
    use crate::knowledge::Knowledge;
    use crate::vocabulary::Kind;
    use auscult_report::fact::Fact;
    use std::collections::BTreeSet;

    /// Every name that the code of this room says, or that a row of the facts feeds, stands in the vocabulary: one that does not would
    /// be said to nobody.
    #[test]
    fn every_name_in_the_code_is_in_the_vocabulary() {
        let knowledge = Knowledge::compiled();
        let vocabulary = knowledge.vocabulary();
        let mut said = BTreeSet::new();
        for code in [
            include_str!("mod.rs"),
            include_str!("service.rs"),
            include_str!("site.rs"),
            include_str!("software.rs"),
            include_str!("system.rs"),
            include_str!("wireless.rs"),
            include_str!("../past.rs"),
            include_str!("../past/partners.rs"),
            include_str!("../sensing.rs"),
        ] {
            let code = code.split("#[cfg(test)]").next().unwrap();
            for word in code.split('"').skip(1).step_by(2) {
                let (subject, rest) = word.split_once('.').unwrap_or((word, ""));
                let is_name = rest.bytes().all(|o| o.is_ascii_lowercase() || o == b'_' || o.is_ascii_digit());
                if SUBJECTS.contains(&subject) && is_name && !rest.is_empty() {
                    assert!(vocabulary.name(word).is_some(), "{word}");
                    said.insert(word);
                }
            }
        }
        assert!(said.len() > 80, "{}", said.len());
        for row in Fact::TABLE {
            for word in row.names {
                let name = vocabulary.name(word).unwrap_or_else(|| panic!("{word} of {}", row.fact));
                assert!(!row.is_flag || vocabulary.kind(name) == Kind::Bool, "{word}");
                assert!(row.is_flag || said.contains(word), "{word}: {} feeds it, and nothing says it", row.fact);
            }
        }
    }

    const SUBJECTS: &[&str] = &[
        "svc", "host", "wifi", "net", "dicom", "web", "tls", "cert", "db", "file", "smb", "rdp", "vnc", "ssh", "snmp",
        "mqtt", "ldap", "print", "hl7", "fhir", "lab", "mirth", "os", "sw", "mail", "lan", "out", "remote", "change",
        "dns", "monitor", "device",
    ];
}
