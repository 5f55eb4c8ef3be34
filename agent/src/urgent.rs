//! What cannot wait for the end of its window: an imaging service that answered the outside, an own wireless network
//! that is open. Which facts these are, and nothing of what they mean: the judge decides that.
//!
//! Keeps: which were told already, at most [`MAX_TOLD`]. Drops: what comes after them; their window's report tells it.

use crate::detect::Observation;
use auscult_report::fact::{Fact, WebKind, WifiOwner, WifiSecurity};
use auscult_report::subject::Subject;
use auscult_report::summary::Sighting;
use auscult_report::zone::Zone;
use std::collections::HashSet;

/// What was told, and what waits to be told.
#[derive(Default)]
pub struct Urgent {
    told: HashSet<(Subject, Fact)>,
    waiting: Vec<Sighting>,
}

impl Urgent {
    /// Looks at an observation that is new in its window.
    pub fn take(&mut self, o: &Observation) {
        let partner = match o.fact {
            Fact::WifiSecurity(WifiSecurity::Open) => Some(Fact::WifiOwner(WifiOwner::Own)),
            Fact::WifiOwner(WifiOwner::Own) => Some(Fact::WifiSecurity(WifiSecurity::Open)),
            fact if o.zone == Some(Zone::Outside) && is_imaging(fact) => None,
            _ => return,
        };
        if self.told.len() >= MAX_TOLD || !self.told.insert((o.subject, o.fact)) {
            return;
        }
        let says = |fact| Sighting { subject: o.subject, fact, zone: o.zone, first: o.at, last: o.at, count: 1 };
        match partner {
            None => self.waiting.push(says(o.fact)),
            // A network is told of when both were heard: that it is open, and that it is ours.
            Some(partner) if self.told.contains(&(o.subject, partner)) => {
                self.waiting.extend([says(o.fact), says(partner)]);
            }
            Some(_) => {}
        }
    }

    /// Whether nothing waits.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What waits, in the order of a summary; each is given once.
    pub fn drain(&mut self) -> Vec<Sighting> {
        let mut waiting = core::mem::take(&mut self.waiting);
        waiting.sort_unstable();
        waiting
    }

    /// It is too early for these: they are given again.
    pub fn wait(&mut self, early: Vec<Sighting>) {
        self.waiting.extend(early);
    }
}

/// Images, or what finds them, were given.
const fn is_imaging(fact: Fact) -> bool {
    use WebKind::{Dicomweb, OrthancRest, OrthancUi, WadoUri};
    matches!(
        fact,
        Fact::DicomAccepted
            | Fact::DicomMatch
            | Fact::DicomHandedOver
            | Fact::WebOpenKind(Dicomweb | WadoUri | OrthancRest | OrthancUi)
    )
}

/// A clinic has a handful of these; a flood of invented ones ends here and shows in the windows' reports.
const MAX_TOLD: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Amount;
    use auscult_report::subject::{Bssid, HostId, Transport};
    use auscult_report::time::Timestamp;

    fn observation(subject: Subject, fact: Fact, zone: Option<Zone>) -> Observation {
        Observation { at: Timestamp(5), subject, zone, fact, amount: Amount::Times(1) }
    }

    #[test]
    fn an_archive_that_answers_the_outside_is_told_once_and_one_that_answers_the_clinic_is_not() {
        let mut urgent = Urgent::default();
        let archive = Subject::Service(HostId(1), Transport::Tcp, 104);
        for zone in [Zone::Clinical, Zone::Outside, Zone::Outside] {
            urgent.take(&observation(archive, Fact::DicomMatch, Some(zone)));
        }
        let told = urgent.drain();
        assert_eq!(
            told.iter().map(|s| (s.fact, s.zone)).collect::<Vec<_>>(),
            [(Fact::DicomMatch, Some(Zone::Outside))]
        );
        assert!(urgent.drain().is_empty());
    }

    #[test]
    fn an_open_network_is_told_when_it_is_known_to_be_ours() {
        let mut urgent = Urgent::default();
        let (ours, theirs) = (Subject::Wireless(Bssid([1; 6])), Subject::Wireless(Bssid([2; 6])));
        urgent.take(&observation(theirs, Fact::WifiSecurity(WifiSecurity::Open), None));
        urgent.take(&observation(ours, Fact::WifiSecurity(WifiSecurity::Open), None));
        assert!(urgent.drain().is_empty());
        urgent.take(&observation(ours, Fact::WifiOwner(WifiOwner::Own), None));
        assert_eq!(urgent.drain().iter().filter(|s| s.subject == ours).count(), 2);
    }

    #[test]
    fn a_flood_ends() {
        let mut urgent = Urgent::default();
        for n in 0..5_000 {
            urgent.take(&observation(Subject::Host(HostId(n)), Fact::DicomMatch, Some(Zone::Outside)));
        }
        assert_eq!(urgent.drain().len(), MAX_TOLD);
    }
}
