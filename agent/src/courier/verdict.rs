//! What a receipt means for the reports (FORMAT.md sections 4 and 9): which of them it names, whether the chain goes on, what
//! the collector misses.
//!
//! Keeps: hashes; a result counts for the report that has exactly these octets. Drops: results of reports that were not in
//! the batch, whatever they say.

use auscult_report::key::Hash;
use auscult_report::payload::{EpochReason, Known, Place};
use auscult_report::receipt::{Outcome, Receipt};

/// What a receipt means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// On the collector's disk.
    pub stored: Vec<Place>,
    /// On the collector's disk, beside another one of the same place.
    pub conflicts: Vec<Place>,
    /// The collector will never take these, for their form or their length.
    pub refused: Vec<Place>,
    /// It does not know them as this sensor's: their signature or their ledger is not what it expects.
    pub disowned: Vec<Place>,
    /// The chain cannot go on as it is: why, and behind which report the next epoch begins.
    pub epoch: Option<(EpochReason, Option<Known>)>,
}

/// What the sensor knows when a receipt comes.
pub struct Side<'a> {
    /// The reports of the batch.
    pub sent: &'a [Known],
    /// The head of the chain.
    pub head: Known,
}

impl Verdict {
    /// Of a receipt. `own` gives the hash of the report that the sensor itself made at a place, if it still knows it.
    #[must_use]
    pub fn of(receipt: &Receipt, side: &Side<'_>, own: impl Fn(Place) -> Option<Hash>) -> Verdict {
        let mut verdict = Verdict::default();
        for known in side.sent {
            let mut outcomes = receipt.results.iter().filter(|r| r.report == known.hash).map(|r| r.outcome);
            let Some(first) = outcomes.next() else { continue };
            // Two results that differ are none.
            if outcomes.any(|other| other != first) {
                continue;
            }
            let list = match first {
                Outcome::Stored => &mut verdict.stored,
                Outcome::Conflict => &mut verdict.conflicts,
                Outcome::RefusedForm | Outcome::RefusedSize => &mut verdict.refused,
                Outcome::RefusedSignature | Outcome::RefusedLedger => &mut verdict.disowned,
            };
            list.push(known.place);
        }
        let in_this_epoch = |place: &Place| place.epoch == side.head.place.epoch;
        // Where others are stored, the collector knows the sensor, and these really are none of its reports.
        if !verdict.stored.is_empty() {
            verdict.refused.append(&mut verdict.disowned);
        }
        verdict.epoch = match receipt.durable_to {
            Some(theirs) if theirs.place > side.head.place => Some((EpochReason::HeadOld, Some(theirs))),
            Some(theirs) if in_this_epoch(&theirs.place) && own(theirs.place).is_some_and(|h| h != theirs.hash) => {
                Some((EpochReason::Conflict, Some(theirs)))
            }
            theirs if verdict.conflicts.iter().any(in_this_epoch) => Some((EpochReason::Conflict, theirs)),
            _ => None,
        };
        verdict
    }

    /// Whether it names any report.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.stored.is_empty() && self.conflicts.is_empty() && self.refused.is_empty()
    }
}

/// Up to where the spool may be settled: of the reports that wait, in the order of the chain, all up to the first that is
/// not in `named`.
pub fn settled_to(waiting: impl Iterator<Item = Place>, named: impl Fn(Place) -> bool) -> Option<Place> {
    waiting.take_while(|place| named(*place)).last()
}

/// Settled reports that the collector misses, of those that are `here`: it says so, or (if it was `asked` where the chain
/// stands, by a sign of life) its chain ends before them.
pub fn missed(receipt: &Receipt, settled: Option<Place>, asked: bool, here: impl Iterator<Item = Place>) -> Vec<Place> {
    let named = |place: Place| {
        receipt.missing.iter().any(|m| m.epoch == place.epoch && m.from <= place.seq && place.seq <= m.to)
    };
    let durable = receipt.durable_to.map(|known| known.place);
    let behind = |place: Place| asked && receipt.missing.is_empty() && Some(place) > durable;
    here.filter(|place| Some(*place) <= settled && (named(*place) || behind(*place))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::bounded::Bounded;
    use auscult_report::receipt::{ItemResult, Missing};

    fn known(epoch: u32, seq: u64) -> Known {
        let mut hash = [u8::try_from(epoch).unwrap(); 32];
        hash[0] = u8::try_from(seq).unwrap();
        Known { place: Place { epoch, seq }, hash }
    }

    fn receipt(results: &[(Known, Outcome)], durable_to: Option<Known>) -> Receipt {
        let results = results.iter().map(|(k, outcome)| ItemResult { report: k.hash, outcome: *outcome }).collect();
        Receipt { results: Bounded::first_of(results).0, durable_to, ..Receipt::default() }
    }

    fn verdict(receipt: &Receipt, sent: &[Known], head: Known) -> Verdict {
        Verdict::of(receipt, &Side { sent, head }, |place| Some(known(place.epoch, place.seq).hash))
    }

    #[test]
    fn a_result_counts_for_the_report_that_it_names_and_for_no_other() {
        let sent: Vec<Known> = (0..5).map(|n| known(0, n)).collect();
        let said = receipt(
            &[
                (sent[3], Outcome::Stored),
                (known(0, 9), Outcome::Stored),
                (sent[0], Outcome::RefusedSize),
                (sent[1], Outcome::Stored),
                (sent[4], Outcome::Stored),
                (sent[4], Outcome::RefusedForm),
            ],
            None,
        );
        let verdict = verdict(&said, &sent, sent[4]);
        assert_eq!(verdict.stored, [sent[1].place, sent[3].place]);
        assert_eq!((verdict.refused, verdict.epoch), (vec![sent[0].place], None));
    }

    #[test]
    fn a_collector_that_knows_none_of_the_reports_has_forgotten_the_sensor() {
        let sent: Vec<Known> = (0..2).map(|n| known(0, n)).collect();
        let none = receipt(&[(sent[0], Outcome::RefusedSignature), (sent[1], Outcome::RefusedLedger)], None);
        let of = verdict(&none, &sent, sent[1]);
        assert_eq!((of.disowned.len(), of.refused.len()), (2, 0), "nothing is given up");
        let one = receipt(&[(sent[0], Outcome::RefusedSignature), (sent[1], Outcome::Stored)], None);
        let of = verdict(&one, &sent, sent[1]);
        assert_eq!((of.disowned.len(), of.refused.len()), (0, 1));
    }

    #[test]
    fn nothing_is_settled_behind_a_report_that_was_not_named() {
        let waiting = || (3..9).map(|seq| known(0, seq).place);
        let named = |seqs: &'static [u64]| settled_to(waiting(), move |p| seqs.contains(&p.seq)).map(|p| p.seq);
        assert_eq!(named(&[3, 4, 6, 7, 8]), Some(4));
        assert_eq!(named(&[4, 5, 6, 7, 8]), None);
        assert_eq!(named(&[3, 4, 5, 6, 7, 8]), Some(8));
    }

    #[test]
    fn a_head_that_is_ahead_or_another_begins_an_epoch() {
        let head = known(1, 5);
        let epoch = |durable_to| verdict(&receipt(&[], durable_to), &[], head).epoch;
        assert_eq!(epoch(None), None);
        assert_eq!(epoch(Some(head)), None);
        assert_eq!(epoch(Some(known(1, 3))), None);
        assert_eq!(epoch(Some(known(1, 6))), Some((EpochReason::HeadOld, Some(known(1, 6)))));
        assert_eq!(epoch(Some(known(2, 0))), Some((EpochReason::HeadOld, Some(known(2, 0)))));
        let other = Known { hash: [9; 32], ..known(1, 3) };
        assert_eq!(epoch(Some(other)), Some((EpochReason::Conflict, Some(other))));
        let earlier = Known { hash: [9; 32], ..known(0, 3) };
        assert_eq!(epoch(Some(earlier)), None, "the chain went on since");
    }

    #[test]
    fn a_conflict_begins_one_epoch_and_not_one_more_when_it_is_told_again() {
        let (sent, theirs) = (known(1, 5), Known { hash: [9; 32], ..known(1, 5) });
        let said = receipt(&[(sent, Outcome::Conflict)], Some(theirs));
        let of = |head| verdict(&said, &[sent], head);
        assert_eq!(of(known(1, 6)).epoch, Some((EpochReason::Conflict, Some(theirs))));
        assert_eq!(of(known(2, 0)).epoch, None);
        assert_eq!(of(known(2, 0)).conflicts, [sent.place]);
    }

    #[test]
    fn what_the_collector_misses_is_found_among_what_is_kept() {
        let here = || (2..8).map(|seq| known(0, seq).place);
        let mut said = receipt(&[], Some(known(0, 4)));
        let seqs = |said: &Receipt, settled, asked| -> Vec<u64> {
            missed(said, settled, asked, here()).iter().map(|p| p.seq).collect()
        };
        let settled = Some(known(0, 6).place);
        assert_eq!(seqs(&said, settled, true), [5, 6]);
        assert!(seqs(&said, settled, false).is_empty(), "behind a batch the collector may not have walked on yet");
        assert!(seqs(&said, None, true).is_empty());
        said.missing = vec![Missing { epoch: 0, from: 1, to: 3 }].try_into().unwrap();
        assert_eq!(seqs(&said, settled, true), [2, 3]);
        said.durable_to = None;
        said.missing = Bounded::new();
        assert_eq!(seqs(&said, settled, true), [2, 3, 4, 5, 6], "it has lost everything");
    }
}
