//! Clocks that are wrong (threat T13): a sensor without a battery begins in 1970, one jumps ten years ahead and comes back,
//! one is set back by an hour in the middle of a window; the archive's own clock goes back. Reports flow, order is by
//! (epoch, number), leaf times never fall, findings stay open, and time in which nobody listened closes none.
//!
//! Counts as failure: a finding that a wrong clock closes, hides or keeps for ever; a report that waits for a wrong clock to
//! come true; a leaf before its predecessor. Does not: a window cut in two, a whole report more than needed.

use auscult_agent::config::Config;
use auscult_agent::identity::Identity;
use auscult_agent::spool::disk::SystemDisk;
use auscult_agent::spool::{Bounds, Spool};
use auscult_agent::window::Windows;
use auscult_collector::ingest::{Answer, Later, Limits, receipt};
use auscult_collector::judge::Judge;
use auscult_collector::store::SensorState;
use auscult_report::fact::Fact;
use auscult_report::header::{Clock, Moment, Seen};
use auscult_report::key::{Hash, SensorId};
use auscult_report::leaf::{Leaf, LeafKind};
use auscult_report::payload::{Kind, Place};
use auscult_report::receipt::Watch;
use auscult_report::seal::SealedReport;
use auscult_report::subject::{HostId, Subject};
use auscult_report::summary::Sighting;
use auscult_report::terms::WifiSecurity;
use auscult_report::time::{MS_PER_DAY, Timestamp, Window};
use auscult_tests::archive::{Archive, Ear, Folder, NOW, all_stored, answers, send};
use auscult_tests::frames::Recording;
use auscult_tests::hours::{HOUR, Story, WINDOW, heard, quiet, steps, whole, windows};
use auscult_tests::talks::{DEVICE, SERVER, STRANGER, association_in, result_in};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// 2026-11-18, in seconds.
const TODAY: u32 = 1_795_000_000;
const TEN_YEARS: u32 = 315_576_000;
/// An interface that takes messages of strangers: told with its window.
const OPEN: &str = "hl7-open-outside";

#[test]
fn a_sensor_that_begins_in_1970_is_heard_and_setting_its_clock_closes_nothing() {
    let mut recording = Recording::new();
    recording.set_clock(40);
    result_in(&mut recording, STRANGER, SERVER, 50_000);
    quiet(&mut recording, 40, 45);
    // A time server answers: 56 years pass in a moment.
    quiet(&mut recording, TODAY, 90);
    let clinic = heard(&recording);
    let early = windows(&clinic).iter().filter(|w| w.to.0 < MS_PER_DAY).count();
    assert!(early >= 1, "nothing was told while the clock was wrong");
    assert_eq!(steps(&clinic.clinic, clinic.sensor, OPEN), ["opened"]);
    let listened = clinic.clinic.judged(clinic.sensor).unwrap().0.heard_ms;
    assert!(listened <= 3 * HOUR + 14 * HOUR, "{} hours were not listened to", listened / HOUR);
    println!("{} reports over 56 years of clock; {} minutes listened", clinic.reports.len(), listened / 60_000);
}

#[test]
fn a_sensor_that_jumps_ten_years_ahead_and_comes_back_goes_on_telling() {
    let mut recording = Recording::new();
    result_in(&mut recording, DEVICE, SERVER, 50_000);
    quiet(&mut recording, TODAY, 20);
    quiet(&mut recording, TODAY + TEN_YEARS, 40);
    // The time server is right again. Only now a stranger calls, then two hours pass.
    recording.set_clock(TODAY + 3_600);
    result_in(&mut recording, STRANGER, SERVER, 50_001);
    association_in(&mut recording, STRANGER, SERVER, 0);
    quiet(&mut recording, TODAY + 3_700, 120);
    let clinic = heard(&recording);
    assert_eq!(steps(&clinic.clinic, clinic.sensor, OPEN), ["opened"]);
    assert_eq!(clinic.opened_by("dicom-open-from-outside"), [Kind::Event], "at once, not in ten years");
    let told = u64::from(TODAY + 3_600)..=u64::from(TODAY + 3_600 + 901);
    let in_time = |w: &Window| told.contains(&(w.from.0 / 1_000)) && told.contains(&(w.to.0 / 1_000));
    assert!(windows(&clinic).iter().any(in_time), "its window waits for 2036: {:?}", windows(&clinic));
}

#[test]
fn a_clock_that_is_set_back_by_an_hour_delays_no_window() {
    let mut recording = Recording::new();
    quiet(&mut recording, TODAY, 20);
    // In the middle of the second window; within the hour that comes twice a stranger calls.
    recording.set_clock(TODAY + 1_300 - 3_600);
    result_in(&mut recording, STRANGER, SERVER, 50_001);
    quiet(&mut recording, TODAY + 1_400 - 3_600, 40);
    let clinic = heard(&recording);
    assert_eq!(steps(&clinic.clinic, clinic.sensor, OPEN), ["opened"]);
    let spans: Vec<u64> = windows(&clinic).iter().map(|w| w.to.since_ms(w.from)).collect();
    assert!(spans.iter().all(|ms| *ms <= 2 * WINDOW), "{spans:?}");
    let again = windows(&clinic).iter().filter(|w| w.to.0 < u64::from(TODAY) * 1_000).count();
    assert!(again >= 1, "nothing was told of the hour that came twice: {:?}", windows(&clinic));
}

#[test]
fn an_event_is_told_again_when_the_clock_came_back() {
    let mut windows = Windows::default();
    let future = Timestamp(NOW.0 + u64::from(TEN_YEARS) * 1_000);
    for at in [future, NOW] {
        let fact = if at == NOW { Fact::DicomMatch } else { Fact::DicomAccepted };
        let subject = Subject::Host(HostId(1));
        windows.urge(&[Sighting { subject, fact, zone: None, first: at, last: at, count: 1 }], &[]);
        let event = windows.event(at).expect("an event is due, whatever year the last one was in");
        windows.written(Place::default(), &event);
    }
}

#[test]
fn what_was_heard_in_a_wrong_year_is_over_when_it_is_silent() {
    let mut story = Story::new();
    let future = u64::from(TEN_YEARS) * 1_000;
    // Ten years ahead the network is open; then the clock is right, and it was never heard again.
    story.window(future, &[WifiSecurity::Open]);
    assert_eq!(story.steps(), ["opened"]);
    for n in 0..8 * 24 * 4 {
        story.window(n * WINDOW, &[]);
        if n < 6 * 24 * 4 {
            assert_eq!(story.steps(), ["opened"], "seven days must be listened to, not {} hours", n / 4);
        }
    }
    assert_eq!(story.steps(), ["opened", "fixed"], "closed by seven days of silence that were listened to");
}

#[test]
fn the_hour_that_is_heard_twice_is_no_silence_and_no_jump_is_listened_to() {
    let mut story = Story::new();
    story.window(0, &[WifiSecurity::Open]);
    let year = 365 * MS_PER_DAY;
    // Twenty times a year ahead and back: nobody listened for years.
    for n in 1..=20 {
        story.window(n * WINDOW, &[]);
        story.window(year + n * WINDOW, &[]);
    }
    assert_eq!(story.steps(), ["opened"]);
    let heard = story.clinic.judged(story.ear.id()).unwrap().0.heard_ms;
    // A window that was not told yet is folded over one jump; of that fourteen hours at most are believed.
    assert!(heard <= 41 * WINDOW + 14 * HOUR, "{} minutes of 41 windows", heard / 60_000);
}

#[test]
fn order_rests_on_epoch_and_number_whatever_the_clock_says() {
    // Each report's clock and window is before its predecessor's; the last says that the network is protected.
    let securities = [WifiSecurity::Open, WifiSecurity::Wep, WifiSecurity::Open, WifiSecurity::Wpa2Psk];
    let mut ends = Vec::new();
    for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3], [3, 4, 0, 2, 1]] {
        let mut story = Story::unsent();
        let mut reports = Vec::new();
        for (n, security) in (0..).zip(securities) {
            let from = (4 - n) * 1_000 * HOUR;
            story.walls.push(Timestamp(NOW.0 + from));
            reports.push(story.sealed(&whole(from, &[security])));
        }
        reports.insert(0, story.first.clone());
        for (n, place) in (0..).zip(order) {
            let now = Timestamp(NOW.0 + n * HOUR);
            assert_eq!(
                answers(&send(&story.archive.door(Limits::default()), &reports[place..=place], now)),
                all_stored(1)
            );
            Judge::new(&story.knowledge).catch_up(&story.clinic, now).unwrap();
        }
        let (durable, missing) = story.clinic.durable(story.ear.id()).unwrap();
        assert_eq!((durable.unwrap().hash, missing), (reports[4].hash(), vec![]), "{order:?}");
        let chain = story.clinic.chain_from(story.ear.id(), Place::default(), i64::MAX, 100).unwrap();
        assert_eq!(
            chain.iter().map(|k| k.hash).collect::<Vec<_>>(),
            reports.iter().map(SealedReport::hash).collect::<Vec<_>>()
        );
        let holds = story.clinic.judged(story.ear.id()).unwrap().1.iter().filter(|row| row.holds).count();
        ends.push((order, holds));
    }
    assert!(ends.iter().all(|(_, holds)| *holds == 0), "the last of the chain says that all is well: {ends:?}");
}

#[test]
fn a_header_says_how_good_its_clock_is_and_the_archive_how_far_it_is_off() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let text = format!(
        "state = \"{0}/state\"\n[capture]\nreplay = \"x\"\n[identity]\nmachine_id = \"{0}/none\"\n",
        folder.0.display()
    );
    let config = Config::read(&text).unwrap();
    let public = Identity::open(&config).unwrap().public();
    let told = folder.0.join("state/keys/ledger");
    fs::write(&told, format!("{}\n", clinic.clinic().unwrap().ledger)).unwrap();
    fs::set_permissions(&told, fs::Permissions::from_mode(0o600)).unwrap();
    clinic.put_sensor("main", &public, SensorState::Active, "test", NOW).unwrap();
    let identity = Identity::open(&config).unwrap();
    let ten_years = u64::from(TEN_YEARS) * 1_000;
    let clocks = [
        (Timestamp(40_000), Clock::Unset),
        (NOW, Clock::Ntp),
        (Timestamp(NOW.0 + ten_years), Clock::Rtc),
        (Timestamp(NOW.0 - HOUR), Clock::Unset),
        (NOW, Clock::Floor),
        (NOW, Clock::Collector),
    ];
    let moment = |n: usize| Moment { boot: [1; 8], mono_ms: n as u64, wall: clocks[n].0, clock: clocks[n].1 };
    let bounds = Bounds { octets: 1 << 20, keep_ms: 0 };
    let (mut spool, _) = Spool::open(Box::new(SystemDisk), &config.state, bounds, &identity, moment(0)).unwrap();
    for n in 1..clocks.len() {
        spool.append(&identity, &whole(n as u64, &[]), moment(n)).unwrap();
    }
    let places: Vec<_> = spool.waiting().map(|(place, _)| place).collect();
    let door = archive.door(Limits::default());
    for (n, place) in places.iter().enumerate() {
        let report = spool.report(*place).unwrap();
        let header = *report.parse_frame().unwrap().claimed();
        assert_eq!((header.moment, header.place.seq), (moment(n), n as u64));
        assert_eq!(answers(&send(&door, &[report], NOW)), all_stored(1), "{:?}", clocks[n]);
        let data = rusqlite::Connection::open(folder.0.join("archive.db")).unwrap();
        let kept: (i64, i64) =
            data.query_row("SELECT clock, clock_off_ms FROM sensor_state", [], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
        let off = i64::try_from(clocks[n].0.0).unwrap() - i64::try_from(NOW.0).unwrap();
        assert_eq!(kept, (clocks[n].1 as i64, off));
    }
    assert_eq!(clinic.durable(identity.sensor()).unwrap().0.unwrap().place.seq, clocks.len() as u64 - 1);
}

#[test]
fn the_archives_clock_goes_back_and_no_leaf_no_checkpoint_and_no_report_does() {
    let mut story = Story::new();
    let (door, keeper) =
        (story.archive.door(Limits::default()), story.archive.ledger.key(&story.clinic.clinic().unwrap()));
    let (id, origin, keeper) =
        (story.ear.id(), story.archive.ledger.origin(&story.clinic.clinic().unwrap()), keeper.unwrap());
    let (mut seen, mut own): (Option<Seen>, BTreeMap<Place, Hash>) = (None, BTreeMap::new());
    own.insert(Place::default(), story.first.hash());
    // An hour back, a day ahead and back again, to 1970, and on.
    let day = i64::try_from(MS_PER_DAY).unwrap();
    let hour = i64::try_from(HOUR).unwrap();
    let clocks = [0, 1, -hour, 1 - hour, 2, day, day + 1, 3, i64::MIN, 4, hour];
    for (n, off) in (0..).zip(clocks) {
        let now = Timestamp(NOW.0.checked_add_signed(off).unwrap_or(0));
        let report = story.sealed(&whole(n * WINDOW, &[WifiSecurity::Open]));
        own.insert(report.parse_frame().unwrap().claimed().place, report.hash());
        let items = send(&door, &[report], now);
        assert_eq!(answers(&items), all_stored(1));
        story.clinic.state(LeafKind::Decision, &format!("decision {n}\n"), now).unwrap();
        Judge::new(&story.knowledge).catch_up(&story.clinic, now).unwrap();
        let receipt = receipt(&story.clinic, &story.archive.ledger, id, seen.map(|s| s.size), &items).unwrap();
        let watch = Watch { sensor: &id, origin: &origin, keeper: &keeper, seen: seen.as_ref() };
        // Each checkpoint is the beginning of the next, or the sensor would say so.
        if let Some(checkpoint) = receipt.check(&watch, |place| own.get(&place).copied()).unwrap() {
            assert!(seen.is_none_or(|s| checkpoint.size > s.size), "clock {off}: no round was made");
            seen = Some(checkpoint.seen());
        }
        story.archive.ledger.take_all(&story.clinic, now).unwrap();
    }
    let leaves: Vec<Leaf> = story.clinic.leaves(0, 1_000).unwrap().iter().map(|l| Leaf::read(l).unwrap()).collect();
    assert!(
        leaves.is_sorted_by_key(|leaf| leaf.received),
        "{:?}",
        leaves.iter().map(|l| l.received).collect::<Vec<_>>()
    );
    let kept = story.clinic.reports_after(id, 0, 1_000).unwrap();
    assert!(kept.is_sorted_by_key(|k| k.received) && kept.is_sorted_by_key(|k| k.place));
    let of_reports: Vec<Timestamp> = leaves.iter().filter(|l| l.kind == LeafKind::Report).map(|l| l.received).collect();
    assert_eq!(of_reports, kept.iter().map(|k| k.received).collect::<Vec<_>>());
    let steps = story.clinic.finding_steps(id).unwrap();
    assert!(steps.is_sorted_by_key(|s| s.at) && story.steps() == ["opened"], "{steps:?}");
    println!("{} leaves of {} reports; the newest checkpoint has {}", leaves.len(), kept.len(), seen.unwrap().size);
}

#[test]
fn an_archive_whose_clock_went_back_still_believes_a_person_at_once_and_takes_a_days_reports() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let (mut thief, mut honest) = (Ear::enrolled(&clinic, 1), Ear::enrolled(&clinic, 2));
    let door = archive.door(Limits::default());
    assert_eq!(answers(&send(&door, &thief.chain(2), NOW)), all_stored(2));
    let back = Timestamp(NOW.0 - HOUR);
    clinic.set_state(thief.id(), SensorState::Revoked, "stolen", back).unwrap();
    assert_eq!(answers(&send(&door, &thief.chain(1), back)), [Answer::Later(Later::Revoked)]);
    // For the hour that comes twice nothing flows into its bucket: there is enough in it.
    assert_eq!(answers(&send(&door, &honest.chain(1), NOW)), all_stored(1));
    for n in 0..60 {
        assert_eq!(answers(&send(&door, &honest.chain(4), Timestamp(back.0 + n * 60_000))), all_stored(4));
    }
    let state = |id: SensorId| clinic.sensors().unwrap().iter().find(|s| s.id == id).unwrap().state;
    assert_eq!((state(thief.id()), state(honest.id())), (SensorState::Revoked, SensorState::Active));
}
