//! Who is told, and when: kinds, quiet hours, digests, tries. Functions of the news and the moment alone.
//!
//! Keeps: nothing. Drops: news that are old by the time they become known (findings made again, a judge that stood still), unless they
//! are the newest of their matter; an end of which the beginning was not told.

use crate::config::{Kind, Quiet, Takes};
use crate::store::{DueKind, News};
use auscult_report::time::{MS_PER_DAY, Timestamp};
use sha2::{Digest, Sha256};

/// What a notice of this is; `None`: nothing that is told.
pub(super) fn kind(news: &News) -> Option<Kind> {
    kind_of(&news.what, &news.rule)
}

/// The same by its words.
pub(super) fn kind_of(what: &str, rule: &str) -> Option<Kind> {
    match what {
        "opened" | "came back" if rule == SILENT => Some(Kind::Silent),
        "opened" => Some(Kind::Opened),
        "worse" => Some(Kind::Worse),
        "fixed" => Some(Kind::Fixed),
        "came back" => Some(Kind::CameBack),
        _ if [DueKind::Decision, DueKind::Deadline, DueKind::Review].iter().any(|d| d.word() == what) => {
            Some(Kind::Due)
        }
        _ => None,
    }
}

/// Whether it became known long after it happened. A date may be known long before.
pub(super) const fn is_late(news: &News, now: Timestamp) -> bool {
    now.since_ms(news.at) > LATE_MS
}

/// Whether a channel takes it. An end is for who was told of the beginning, whatever became of its severity meanwhile.
pub(super) fn wants(takes: &Takes, news: &News, kind: Kind, was_told: bool, now: Timestamp) -> bool {
    let is_its_clinic = takes.clinics.is_empty() || takes.clinics.contains(&news.clinic_name);
    let is_bad = news.severity >= takes.least || news.rule == SILENT || kind == Kind::Due;
    let begins = takes.kinds.iter().any(|k| !matches!(k, Kind::Fixed | Kind::Due));
    let counts = match kind {
        Kind::Fixed if begins => was_told,
        Kind::Fixed => is_bad && !is_late(news, now),
        _ => is_bad,
    };
    is_its_clinic && takes.kinds.contains(&kind) && counts
}

/// Now, or when the quiet hours end, if it does not break through.
pub(super) fn after_quiet(
    quiet: Option<Quiet>,
    offset_s: i32,
    (kind, severity): (Kind, u8),
    now: Timestamp,
) -> Timestamp {
    let Some(quiet) = quiet else { return now };
    let breaks = match kind {
        Kind::Silent => quiet.silent,
        Kind::Fixed | Kind::Due => false,
        Kind::Opened | Kind::Worse | Kind::CameBack => quiet.critical && severity >= CRITICAL,
    };
    let minute = u16::try_from(of_day_ms(offset_s, now) / MINUTE_MS).unwrap_or(0);
    let is_quiet = if quiet.from < quiet.to {
        (quiet.from..quiet.to).contains(&minute)
    } else {
        minute >= quiet.from || minute < quiet.to
    };
    if is_quiet && !breaks { next(quiet.to, offset_s, now) } else { now }
}

/// The next moment at which it is this minute of the day there.
pub(super) fn next(minute: u16, offset_s: i32, now: Timestamp) -> Timestamp {
    let at = u64::from(minute).saturating_mul(MINUTE_MS);
    let passed = of_day_ms(offset_s, now);
    let wait =
        if at > passed { at.saturating_sub(passed) } else { at.saturating_add(MS_PER_DAY).saturating_sub(passed) };
    Timestamp(now.0.saturating_add(wait))
}

/// The next full hour.
pub(super) const fn next_hour(now: Timestamp) -> Timestamp {
    let hour = 60 * MINUTE_MS;
    Timestamp((now.0 / hour).saturating_add(1).saturating_mul(hour))
}

/// Milliseconds since midnight there.
fn of_day_ms(offset_s: i32, now: Timestamp) -> u64 {
    let local = i64::try_from(now.0).unwrap_or(i64::MAX).saturating_add(i64::from(offset_s).saturating_mul(1_000));
    let day = i64::try_from(MS_PER_DAY).unwrap_or(i64::MAX);
    u64::try_from(local.rem_euclid(day)).unwrap_or(0)
}

/// When it is tried again after its n-th try failed; `None`: it was the last.
pub(super) fn next_try(tries: u32, now: Timestamp) -> Option<Timestamp> {
    let wait = usize::try_from(tries).ok()?.checked_sub(1).and_then(|n| WAITS_MIN.get(n))?;
    Some(Timestamp(now.0.saturating_add(wait.saturating_mul(MINUTE_MS))))
}

/// The id of a notice: of what it says and to whom, so it is the same whenever it is made.
pub(super) fn notice_id((channel, recipient): (&str, &str), news: &News) -> [u8; 16] {
    let hash = to(b"notice\0", channel, recipient).chain_update(news.clinic.0).chain_update(news.matter);
    first(hash.chain_update(&news.what).chain_update([0]).chain_update(news.at.0.to_be_bytes()))
}

/// The id of a digest: of when it is sent and to whom.
pub(super) fn digest_id((channel, recipient): (&str, &str), next: Timestamp) -> [u8; 16] {
    first(to(b"digest\0", channel, recipient).chain_update(next.0.to_be_bytes()))
}

/// The id of a trial.
pub(super) fn test_id((channel, recipient): (&str, &str), now: Timestamp) -> [u8; 16] {
    first(to(b"trial\0", channel, recipient).chain_update(now.0.to_be_bytes()))
}

fn to(what: &[u8], channel: &str, recipient: &str) -> Sha256 {
    let hash = Sha256::new().chain_update(what).chain_update(channel).chain_update([0]);
    hash.chain_update(recipient).chain_update([0])
}

fn first(hash: Sha256) -> [u8; 16] {
    hash.finalize().first_chunk().copied().unwrap_or_default()
}

/// As digits.
pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|o| format!("{o:02x}")).collect()
}

/// The rule that says that nothing is heard of a sensor.
pub(super) const SILENT: &str = "sensor-silent";
const CRITICAL: u8 = 4;
const MINUTE_MS: u64 = 60_000;
/// Behind this, news are told only if they are the newest of their matter: a week in which nobody looked, or findings made again.
pub(super) const LATE_MS: u64 = 7 * MS_PER_DAY;
/// How often a parcel is tried.
pub(super) const TRIES: u32 = 12;
/// Minutes between two tries: a day in all. A server that restarts is asked again at once, one that is away for a night often enough.
const WAITS_MIN: [u64; 11] = [1, 2, 4, 8, 15, 30, 60, 120, 240, 420, 540];

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::store::ClinicId;
    use auscult_assess::knowledge::Knowledge;

    /// 2026-11-21, so many minutes after midnight, by UTC.
    fn at(minute: u64) -> Timestamp {
        Timestamp(1_795_219_200_000 + minute * MINUTE_MS)
    }

    fn news(what: &str, severity: u8) -> News {
        News {
            id: 1,
            clinic: ClinicId([1; 16]),
            clinic_name: "north".to_owned(),
            matter: [2; 32],
            what: what.to_owned(),
            at: at(0),
            rule: "r".to_owned(),
            severity,
        }
    }

    fn takes() -> Takes {
        Takes { clinics: Vec::new(), least: 2, kinds: Kind::ALL.to_vec(), quiet: true }
    }

    #[test]
    fn quiet_hours_pass_midnight_where_the_clinic_is() {
        let quiet = Some(Quiet { from: 22 * 60, to: 6 * 60 + 30, silent: false, critical: true });
        let told = |offset_s, minute| after_quiet(quiet, offset_s, (Kind::Opened, 3), at(minute));
        for (minute, then) in [
            (21 * 60 + 59, 21 * 60 + 59),
            (22 * 60, 30 * 60 + 30),
            (23 * 60 + 59, 30 * 60 + 30),
            (24 * 60, 30 * 60 + 30),
            (0, 6 * 60 + 30),
            (6 * 60 + 29, 6 * 60 + 30),
            (6 * 60 + 30, 6 * 60 + 30),
            (12 * 60, 12 * 60),
        ] {
            assert_eq!(told(0, minute), at(then), "{minute}");
        }
        assert_eq!(told(2 * 3_600, 20 * 60), at(28 * 60 + 30), "22:00 there");
        assert_eq!(told(-5 * 3_600 - 1_800, 4 * 60), at(12 * 60), "22:30 of the day before there");
        let day = Some(Quiet { from: 12 * 60, to: 13 * 60, silent: false, critical: true });
        assert_eq!(after_quiet(day, 0, (Kind::Opened, 3), at(12 * 60)), at(13 * 60));
        assert_eq!(after_quiet(day, 0, (Kind::Opened, 3), at(13 * 60)), at(13 * 60));
        assert_eq!(after_quiet(None, 0, (Kind::Opened, 3), at(5)), at(5));
    }

    #[test]
    fn what_the_settings_say_breaks_through_and_good_news_wait() {
        let quiet = |silent, critical| Some(Quiet { from: 0, to: 60, silent, critical });
        let is_told = |quiet, kind, severity| after_quiet(quiet, 0, (kind, severity), at(30)) == at(30);
        assert!(is_told(quiet(false, true), Kind::Worse, 4) && !is_told(quiet(false, true), Kind::Worse, 3));
        assert!(!is_told(quiet(true, false), Kind::Opened, 4) && is_told(quiet(true, false), Kind::Silent, 1));
        assert!(!is_told(quiet(false, true), Kind::Silent, 4));
        assert!(!is_told(quiet(true, true), Kind::Fixed, 4) && !is_told(quiet(true, true), Kind::Due, 4));
    }

    #[test]
    fn a_digest_is_at_the_next_such_minute_and_never_now() {
        assert_eq!(next(7 * 60, 0, at(6 * 60)), at(7 * 60));
        assert_eq!(next(7 * 60, 0, at(7 * 60)), at(31 * 60));
        assert_eq!(next(7 * 60, 3_600, at(6 * 60)), at(30 * 60), "it is 07:00 there just now");
        assert_eq!(next(0, -3_600, at(30)), at(60));
        assert_eq!((next_hour(at(60)), next_hour(at(61))), (at(120), at(120)));
    }

    #[test]
    fn twelve_tries_fill_a_day() {
        let mut now = at(0);
        let mut tries = 1;
        while let Some(then) = next_try(tries, now) {
            assert!(then > now);
            (now, tries) = (then, tries + 1);
        }
        assert_eq!((tries, now), (TRIES, at(24 * 60)));
        assert!(WAITS_MIN.is_sorted() && next_try(0, now).is_none() && next_try(u32::MAX, now).is_none());
    }

    #[test]
    fn each_news_has_its_kind_and_a_silent_sensor_one_of_its_own() {
        let silent = News { rule: SILENT.to_owned(), ..news("opened", 1) };
        assert_eq!(kind(&silent), Some(Kind::Silent));
        assert_eq!(kind(&News { what: "came back".to_owned(), ..silent.clone() }), Some(Kind::Silent));
        assert_eq!(kind(&News { what: "fixed".to_owned(), ..silent }), Some(Kind::Fixed));
        let all = ["opened", "worse", "fixed", "came back", "decision due", "deadline due", "review due", "milder"];
        let kinds = all.map(|what| kind(&news(what, 3)));
        let due = Some(Kind::Due);
        let begin = [Kind::Opened, Kind::Worse, Kind::Fixed, Kind::CameBack].map(Some);
        assert_eq!(kinds, [begin[0], begin[1], begin[2], begin[3], due, due, due, None]);
        assert!(Knowledge::compiled().rules().iter().any(|r| r.id() == SILENT), "the catalogue calls it otherwise");
    }

    #[test]
    fn a_channel_takes_its_clinics_its_severities_and_its_kinds() {
        let wants = |takes: &Takes, news: &News, told| wants(takes, news, kind(news).unwrap(), told, at(0));
        assert!(wants(&takes(), &news("opened", 2), false) && !wants(&takes(), &news("opened", 1), false));
        let south = Takes { clinics: vec!["south".to_owned()], ..takes() };
        assert!(!wants(&south, &news("opened", 4), true) && wants(&takes(), &news("review due", 0), false));
        let worse = Takes { kinds: vec![Kind::Worse, Kind::Fixed], ..takes() };
        assert!(!wants(&worse, &news("opened", 4), false) && wants(&worse, &news("worse", 4), false));
        // Of an end hears who heard of the beginning, also if it had become milder, and nobody else.
        assert!(wants(&takes(), &news("fixed", 0), true) && !wants(&takes(), &news("fixed", 4), false));
        let ends = Takes { kinds: vec![Kind::Fixed], ..takes() };
        assert!(wants(&ends, &news("fixed", 2), false) && !wants(&ends, &news("fixed", 1), false));
        let silent = News { rule: SILENT.to_owned(), ..news("opened", 1) };
        assert!(wants(&takes(), &silent, false), "silence has no severity that could hide it");
    }

    #[test]
    fn an_id_says_what_and_to_whom_and_nothing_else() {
        let one = notice_id(("a", "b"), &news("opened", 3));
        assert_eq!(one, notice_id(("a", "b"), &News { id: 9, severity: 1, ..news("opened", 3) }));
        let others = [
            notice_id(("a", "c"), &news("opened", 3)),
            notice_id(("ab", ""), &news("opened", 3)),
            notice_id(("a", "b"), &news("worse", 3)),
            notice_id(("a", "b"), &News { at: at(1), ..news("opened", 3) }),
            notice_id(("a", "b"), &News { matter: [3; 32], ..news("opened", 3) }),
            digest_id(("a", "b"), at(0)),
            test_id(("a", "b"), at(0)),
        ];
        assert!(others.iter().all(|other| *other != one));
        assert!(!is_late(&news("opened", 3), at(0)) && is_late(&news("opened", 3), Timestamp(at(0).0 + LATE_MS + 1)));
        assert!(!is_late(&News { at: at(90), ..news("review due", 3) }, at(0)));
    }
}
