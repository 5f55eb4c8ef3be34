//! Octets that could not be read, counted by where and why (`report::coverage`).
//!
//! Keeps: counts, at most [`MAX_FAULTS`] of them: a protocol for which there is no room left is counted without its name. Drops:
//! the octets, and which field it was: that stands in a debugger, not in a report.

use crate::detect::DATAGRAM_DETECTORS;
use crate::wire::WireError;
use auscult_report::bounded::Bounded;
use auscult_report::coverage::{Fault, FaultKind, FaultPlace, MAX_FAULTS};
use auscult_report::terms::Protocol;
use std::collections::BTreeMap;

/// What could not be read in a window.
#[derive(Debug, Default)]
pub(super) struct Faults {
    times: BTreeMap<(FaultPlace, Option<Protocol>, FaultKind), u64>,
}

impl Faults {
    /// Headers that contradict themselves, or end too early.
    pub(super) fn headers(&mut self, place: FaultPlace, error: WireError) {
        let kind = match error {
            WireError::Truncated(_) => FaultKind::Cut,
            WireError::Malformed(_) => FaultKind::Malformed,
        };
        self.count(place, None, kind);
    }

    /// A frame, or a conversation, of no protocol that is known.
    pub(super) fn unknown(&mut self, place: FaultPlace) {
        self.count(place, None, FaultKind::NotUnderstood);
    }

    /// A datagram that is not of the protocol of its port.
    pub(super) fn datagram(&mut self, ports: [u16; 2], cut: bool) {
        let detector = DATAGRAM_DETECTORS.iter().find(|d| d.ports.iter().any(|p| ports.contains(p)));
        let protocol = detector.and_then(|d| protocol(d.name));
        // A search says nothing that is looked for: it was understood.
        if protocol != Some(Protocol::Ssdp) {
            self.count(FaultPlace::Datagram, protocol, if cut { FaultKind::Cut } else { FaultKind::NotUnderstood });
        }
    }

    /// What was counted; from here on anew.
    pub(super) fn take(&mut self) -> Bounded<Fault, MAX_FAULTS> {
        let times = core::mem::take(&mut self.times).into_iter();
        let faults = times.map(|((place, protocol, kind), times)| Fault { place, protocol, kind, times });
        Bounded::first_of(faults.collect()).0
    }

    fn count(&mut self, place: FaultPlace, protocol: Option<Protocol>, kind: FaultKind) {
        let is_new = !self.times.contains_key(&(place, protocol, kind));
        let named = self.times.keys().filter(|(_, protocol, _)| protocol.is_some()).count();
        let protocol = protocol.filter(|_| !is_new || named < MAX_NAMED);
        let times = self.times.entry((place, protocol, kind)).or_default();
        *times = times.saturating_add(1);
    }
}

/// Protocols and kinds that are told by their names: there must be room for every place and kind without one.
const MAX_NAMED: usize = MAX_FAULTS - FaultPlace::ALL.len() * FaultKind::ALL.len();

/// The protocol that a detector is named after.
fn protocol(name: &str) -> Option<Protocol> {
    let otherwise = OTHERWISE.iter().find(|(n, _)| *n == name).map(|(_, protocol)| *protocol);
    otherwise.or_else(|| Protocol::from_word(name))
}

/// The protocol of a detector that is called otherwise.
const OTHERWISE: &[(&str, Protocol)] = &[
    ("workgroup", Protocol::Nbns),
    ("onc-rpc-datagram", Protocol::Rpcbind),
    ("kerberos-datagram", Protocol::Kerberos),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_counted_by_place_protocol_and_kind_and_then_anew() {
        let mut faults = Faults::default();
        faults.headers(FaultPlace::Frame, WireError::Malformed("version"));
        faults.headers(FaultPlace::Frame, WireError::Truncated("length"));
        faults.headers(FaultPlace::Frame, WireError::Truncated("source"));
        faults.unknown(FaultPlace::Conversation);
        faults.datagram([50_000, 53], false);
        faults.datagram([5_353, 5_353], true);
        faults.datagram([50_000, 1_900], false);
        let told: Vec<_> = faults.take().iter().map(|f| (f.place, f.protocol, f.kind, f.times)).collect();
        let wanted = [
            (FaultPlace::Frame, None, FaultKind::Malformed, 1),
            (FaultPlace::Frame, None, FaultKind::Cut, 2),
            (FaultPlace::Conversation, None, FaultKind::NotUnderstood, 1),
            (FaultPlace::Datagram, Some(Protocol::Dns), FaultKind::NotUnderstood, 1),
            (FaultPlace::Datagram, Some(Protocol::Mdns), FaultKind::Cut, 1),
        ];
        assert_eq!(told, {
            let mut wanted = wanted.to_vec();
            wanted.sort();
            wanted
        });
        assert!(faults.take().is_empty());
    }

    #[test]
    fn every_sort_of_fault_finds_room() {
        let mut faults = Faults::default();
        let mut counted = 0;
        for cut in [false, true] {
            for detector in DATAGRAM_DETECTORS.iter().filter(|d| d.name != "ssdp") {
                faults.datagram([50_000, detector.ports[0]], cut);
                counted += 1;
            }
        }
        for place in FaultPlace::ALL {
            faults.unknown(*place);
            faults.headers(*place, WireError::Truncated("length"));
            faults.headers(*place, WireError::Malformed("length"));
            counted += 3;
        }
        let told = faults.take();
        assert!(told.len() <= MAX_FAULTS);
        assert_eq!(told.iter().map(|f| f.times).sum::<u64>(), counted, "none is lost, the last ones lose their names");
        assert!(told.iter().filter(|f| f.protocol.is_some()).count() == MAX_NAMED);
    }
}
