//! To which outside partners a medical host sends, and how much a day: `out.new_country_or_network`, `out.bulk`.
//!
//! A partner is what the sensor's key made of a domain or a network (`report::fact::Partner`): which one it is, nobody here knows. Counts of
//! a report go on from the report before as long as their first moment is the same; else they began anew. Keeps: of [`MOST_PARTNERS`] of
//! a host since when it sends to them and the last count; the sum of some weeks. Drops: what was sent when; partners that were not heard
//! for longest, when room is needed.

use super::spell::{Spell, ever};
use super::{LEARNING_DAYS, NEW_DAYS};
use crate::vocabulary::Values;
use auscult_report::fact::{Fact, Partner};
use auscult_report::summary::Sighting;
use auscult_report::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The partners of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Partners {
    /// The day on which it was first heard to send.
    first: u32,
    /// The day in hand, KiB sent on it to all.
    today: u32,
    today_kib: u64,
    /// KiB of the days before, and how many days these were.
    sum_kib: u64,
    days: u32,
    known: BTreeMap<u32, Known>,
    /// The last day on which much more than usual went to a new partner.
    bulk: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    spell: Spell,
    /// The count that was heard last, and since when it is counted.
    counted: (Timestamp, u32),
    /// KiB of the day in hand.
    today_kib: u64,
}

impl Partners {
    /// Of a host that is heard to send from this day on.
    pub(super) fn since(today: u32) -> Partners {
        Partners { first: today, today, ..Partners::default() }
    }

    /// The day on which it was last heard to send.
    pub(super) const fn last(&self) -> u32 {
        self.today
    }

    /// What was sent to each, as it is counted now.
    pub(super) fn hear(&mut self, sightings: &[&Sighting], today: u32) {
        self.turn_to(today);
        for sighting in sightings {
            if let Fact::SentOutside(partner) = sighting.fact {
                self.sent(partner.0, sighting, today);
            }
        }
    }

    /// Says what is new of a host.
    pub(super) fn say(&self, today: u32, values: &mut Values<'_>) {
        let others = Partner::OTHERS.0;
        let is_new = |s: &Spell| s.is_new && today.saturating_sub(s.began) < NEW_DAYS;
        values.flag("out.new_country_or_network", self.known.iter().any(|(p, k)| *p != others && is_new(&k.spell)));
        values.flag("out.bulk", self.bulk.is_some_and(|day| today.saturating_sub(day) < BULK_DAYS));
    }

    fn sent(&mut self, partner: u32, sighting: &Sighting, today: u32) {
        let is_settled = today.saturating_sub(self.first) >= LEARNING_DAYS;
        if !self.known.contains_key(&partner) {
            self.make_room();
        }
        let before = self.known.get(&partner);
        let counted = (sighting.first, sighting.count);
        let kib = match before.map(|k| k.counted) {
            Some((since, kib)) if since == sighting.first => sighting.count.saturating_sub(kib),
            _ => sighting.count,
        };
        let of_today = before.map_or(0, |k| k.today_kib).saturating_add(u64::from(kib));
        let spell = ever(before.map(|k| &k.spell), today, is_settled);
        self.known.insert(partner, Known { spell, counted, today_kib: of_today });
        self.today_kib = self.today_kib.saturating_add(u64::from(kib));
        let is_new = spell.is_new && partner != Partner::OTHERS.0 && today.saturating_sub(spell.began) < NEW_DAYS;
        if is_new && of_today >= LEAST_KIB && of_today > self.usual_kib().saturating_mul(TIMES_USUAL) {
            self.bulk = Some(today);
        }
    }

    /// KiB of a usual day before this one; days on which nothing was sent are days.
    fn usual_kib(&self) -> u64 {
        self.sum_kib.checked_div(u64::from(self.days)).unwrap_or(0)
    }

    fn turn_to(&mut self, today: u32) {
        let passed = today.saturating_sub(self.today);
        if passed == 0 {
            return;
        }
        self.sum_kib = self.sum_kib.saturating_add(self.today_kib);
        self.days = self.days.saturating_add(passed);
        if self.days > REMEMBERED_DAYS {
            // As if the days before had all been usual ones.
            self.sum_kib = self.usual_kib().saturating_mul(u64::from(REMEMBERED_DAYS));
            self.days = REMEMBERED_DAYS;
        }
        (self.today, self.today_kib) = (today, 0);
        self.known.values_mut().for_each(|k| k.today_kib = 0);
    }

    fn make_room(&mut self) {
        if self.known.len() >= MOST_PARTNERS
            && let Some(oldest) = self.known.iter().min_by_key(|(_, k)| k.spell.last).map(|(partner, _)| *partner)
        {
            self.known.remove(&oldest);
        }
    }
}

/// Partners of a host: a modality has a maker, a cloud and an archive; more are a workstation's.
const MOST_PARTNERS: usize = 128;
/// How much more than on a usual day (the catalogue).
const TIMES_USUAL: u64 = 10;
/// Less is no bulk, whatever is usual: an update asks, a time server is told; a study of images is more.
const LEAST_KIB: u64 = 20 * 1_024;
/// Days for which it counts ("normal for 7 days" ends it).
const BULK_DAYS: u32 = 7;
/// Days whose mean is a usual day.
const REMEMBERED_DAYS: u32 = 28;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::knowledge::Knowledge;
    use auscult_report::subject::{HostId, Subject};
    use auscult_report::time::MS_PER_DAY;

    const MAKER: u32 = 1;
    const OTHER: u32 = 2;

    /// So many KiB, counted since a day.
    fn sent(partner: u32, since_day: u32, kib: u32) -> Sighting {
        let first = Timestamp(u64::from(since_day) * MS_PER_DAY);
        let fact = Fact::SentOutside(Partner(partner));
        Sighting { subject: Subject::Host(HostId(1)), fact, zone: None, first, last: first, count: kib }
    }

    fn says(partners: &Partners, today: u32) -> (bool, bool) {
        let knowledge = Knowledge::compiled();
        let mut values = Values::new(knowledge.vocabulary());
        partners.say(today, &mut values);
        let is_so = |word| knowledge.vocabulary().name(word).is_some_and(|n| values.get(n).is_some());
        (is_so("out.new_country_or_network"), is_so("out.bulk"))
    }

    /// Three MiB a day to its maker.
    fn usual(days: u32) -> Partners {
        let mut partners = Partners::since(0);
        for day in 0..days {
            partners.hear(&[&sent(MAKER, 0, 3_072 * (day + 1))], day);
        }
        partners
    }

    #[test]
    fn a_new_partner_is_new_for_a_month_after_a_fortnight_of_learning() {
        let mut early = usual(10);
        early.hear(&[&sent(OTHER, 10, 5)], 10);
        assert_eq!(says(&early, 10), (false, false));
        let mut later = usual(20);
        assert_eq!(says(&later, 19), (false, false));
        later.hear(&[&sent(OTHER, 20, 5)], 20);
        assert_eq!(says(&later, 20), (true, false));
        assert_eq!((says(&later, 49).0, says(&later, 50).0), (true, false));
    }

    #[test]
    fn ten_times_the_usual_day_to_a_new_place_is_bulk_for_a_week() {
        let mut partners = usual(20);
        partners.hear(&[&sent(OTHER, 20, 30_000)], 20);
        assert_eq!(says(&partners, 20), (true, false), "not ten times 3 MiB");
        partners.hear(&[&sent(OTHER, 20, 31_000)], 20);
        assert_eq!(says(&partners, 20), (true, true));
        assert_eq!((says(&partners, 26).1, says(&partners, 27).1), (true, false));
        let mut old = usual(20);
        old.hear(&[&sent(MAKER, 0, 20 * 3_072 + 90_000)], 20);
        assert_eq!(says(&old, 20), (false, false), "its maker is no new place");
        let mut quiet = Partners::since(0);
        for day in 0..20 {
            quiet.hear(&[&sent(MAKER, 0, day + 1)], day);
        }
        quiet.hear(&[&sent(OTHER, 20, 15_000)], 20);
        assert_eq!(says(&quiet, 20), (true, false), "ten times nothing is nothing");
    }

    #[test]
    fn all_for_which_there_was_no_room_is_no_new_partner() {
        let mut partners = usual(20);
        partners.hear(&[&sent(Partner::OTHERS.0, 20, 900_000)], 20);
        assert_eq!(says(&partners, 20), (false, false));
    }

    #[test]
    fn a_count_that_began_anew_is_counted_whole_and_one_that_goes_on_is_not_counted_twice() {
        let mut partners = usual(20);
        for _ in 0..50 {
            partners.hear(&[&sent(OTHER, 20, 1_000)], 20);
        }
        assert_eq!(partners.known[&OTHER].today_kib, 1_000);
        partners.hear(&[&sent(OTHER, 21, 400)], 20);
        assert_eq!(partners.known[&OTHER].today_kib, 1_400, "the sensor began anew");
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_mean_stays_what_it_was() {
        let mut partners = usual(400);
        assert!(partners.usual_kib().abs_diff(3_072) < 5, "{}", partners.usual_kib());
        for n in 0..1_000 {
            partners.hear(&[&sent(n, 400, 1)], 400);
        }
        assert_eq!(partners.known.len(), MOST_PARTNERS);
    }
}
