//! Signs of life at the door, and what a sensor is told that may not deliver now: too much, not yet, not any more.

use auscult_collector::store::SensorState;
use auscult_report::heartbeat::{Health, Heartbeat};
use auscult_report::key::SensorKey;
use auscult_report::payload::{Extras, Known};
use auscult_report::receipt::Receipt;
use auscult_tests::guest::admin;
use auscult_tests::station::{ALIVE, Caller, Station};
use auscult_tests::way::Way;

#[test]
fn a_sign_of_life_is_kept_and_answered_with_where_the_sensor_stands() {
    let station = Station::new();
    let mut caller = station.enrolled("north", 1);
    let mut way = Way::to(&station, Some(&caller));
    let (status, receipt) = beat(&mut way, &mut caller);
    assert_eq!((status, receipt.unwrap().durable_to), (200, None), "nothing was delivered yet");
    let reports = caller.ear.chain(4);
    // The third is missing: the answer says so.
    way.reports(&[reports[0].clone(), reports[1].clone(), reports[3].clone()]);
    let receipt = beat(&mut way, &mut caller).1.unwrap();
    assert_eq!(receipt.durable_to.unwrap().place.seq, 1);
    assert_eq!(receipt.missing.iter().map(|m| (m.epoch, m.from, m.to)).collect::<Vec<_>>(), [(0, 2, 2)]);
    way.reports(&reports[2..3]);
    let receipt = beat(&mut way, &mut caller).1.unwrap();
    assert_eq!((receipt.durable_to.unwrap().place.seq, receipt.missing.len()), (3, 0));
}

#[test]
fn who_never_told_everything_is_asked_to() {
    let station = Station::new();
    let mut caller = station.enrolled("north", 1);
    let mut way = Way::to(&station, Some(&caller));
    assert!(!beat(&mut way, &mut caller).1.unwrap().want_full, "who has told nothing begins with everything anyway");
    way.reports(&caller.ear.chain(3));
    assert!(beat(&mut way, &mut caller).1.unwrap().want_full);
    let full = caller.ear.say(&auscult_tests::archive::full(0, 1_000, Vec::new()));
    way.reports(&[full]);
    assert!(!beat(&mut way, &mut caller).1.unwrap().want_full);
}

#[test]
fn a_sensor_that_has_nothing_to_report_listens_as_long_as_it_gives_signs_of_life() {
    let station = Station::new();
    let mut caller = station.enrolled("north", 1);
    let mut way = Way::to(&station, Some(&caller));
    way.reports(&caller.ear.chain(2));
    station.pass(3 * 3_600_000);
    let mut maria = admin(&station);
    let said = ["/fleet", "/clinics/north", "/clinics/north/sensors"];
    let before = said.map(|path| maria.get(path).text);
    for (page, words) in before.iter().zip(["0 of 1 listening", "The sensor was last heard", "Silent: last heard"]) {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert_eq!(beat(&mut Way::to(&station, Some(&caller)), &mut caller).0, 200);
    let after = said.map(|path| maria.get(path).text);
    for (page, words) in after.iter().zip(["1 of 1 listening", "The sensor is listening", "Listening; last heard"]) {
        assert!(page.contains(words), "{words}: {page}");
    }
    caller.ear.uptime_ms += 1;
    let deaf = sealed_with(&caller, &caller.ear.key, false);
    assert_eq!(Way::to(&station, Some(&caller)).post("/v1/sensor/alive", ALIVE, &deaf).0, 200);
    let page = maria.get("/clinics/north/sensors").text;
    assert!(page.contains("Alive, last heard") && !page.contains("Listening; last heard"), "{page}");
}

#[test]
fn an_old_sign_of_life_changes_nothing_and_a_strangers_is_refused() {
    let station = Station::new();
    let mut caller = station.enrolled("north", 1);
    let other = station.enrolled("north", 2);
    let mut way = Way::to(&station, Some(&caller));
    let first = sealed(&caller, &caller.ear.key);
    caller.ear.uptime_ms += 60_000;
    let second = sealed(&caller, &caller.ear.key);
    let kept = |octets: &[u8]| {
        let clinic = station.clinic("north");
        let beat = Heartbeat::open(octets, &caller.ear.key.public()).unwrap();
        !clinic.put_heartbeat(&beat, octets, station.now()).unwrap()
    };
    assert_eq!(way.post("/v1/sensor/alive", ALIVE, &second).0, 200);
    assert_eq!(way.post("/v1/sensor/alive", ALIVE, &first).0, 200, "a replay is no fault of the sensor");
    assert!(kept(&first) && kept(&second), "the newest is the one that is kept");
    // Another sensor's words over this one's connection, and words that the key did not sign.
    for wrong in [sealed(&other, &other.ear.key), sealed(&caller, &SensorKey::from_seed(&[9; 32]))] {
        let (status, _, word) = way.post("/v1/sensor/alive", ALIVE, &wrong);
        assert_eq!((status, word.as_slice()), (403, &b"refused\n"[..]));
    }
}

#[test]
fn a_sensor_in_quarantine_or_shut_out_is_told_so_by_a_word() {
    let station = Station::new();
    let mut caller = station.enrolled("north", 1);
    let clinic = station.clinic("north");
    for (state, word) in [
        (SensorState::Pending, "pending\n"),
        (SensorState::Quarantine, "pending\n"),
        (SensorState::Revoked, "revoked\n"),
    ] {
        clinic.set_state(caller.id(), state, "test", station.now()).unwrap();
        station.pass(5_001);
        let mut way = Way::to(&station, Some(&caller));
        let (status, headers, said) = way.post("/v1/sensor/alive", ALIVE, &sealed(&caller, &caller.ear.key));
        assert_eq!((status, said.as_slice()), (403, word.as_bytes()));
        assert_eq!(headers.contains_key("retry-after"), word == "pending\n");
        let report = caller.ear.chain(1);
        assert_eq!(way.reports(&report).0, 403, "{word}");
    }
    clinic.set_state(caller.id(), SensorState::Active, "looked at", station.now()).unwrap();
    station.pass(5_001);
    assert_eq!(beat(&mut Way::to(&station, Some(&caller)), &mut caller).0, 200);
}

#[test]
fn who_sends_too_much_is_told_when_to_come_again_and_nothing_of_it_is_lost() {
    let station = Station::new();
    let mut caller = station.enrolled("north", 1);
    let clinic = station.clinic("north").clinic().unwrap();
    let new = auscult_collector::store::NewClinic {
        id: clinic.id,
        ledger: clinic.ledger,
        name: "north",
        title: "north",
        quota_octets_day: 2_000,
    };
    station.store().put_clinic(&new, station.now()).unwrap();
    let mut way = Way::to(&station, Some(&caller));
    let reports = caller.ear.chain(12);
    let (status, receipt) = way.reports(&reports);
    let stored = receipt.unwrap().results.len();
    assert!(status == 200 && stored > 0 && stored < 12, "{stored} fit into the day");
    let octets = auscult_report::batch::batch(reports[stored..].iter().map(|r| r.octets())).0;
    let (status, headers, word) = way.post("/v1/reports", auscult_tests::station::REPORTS, &octets);
    assert_eq!((status, word.as_slice()), (429, &b"quota\n"[..]));
    assert!(headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 300);
    station.pass(86_400_000);
    assert_eq!(way.reports(&reports[stored..stored + 2]).1.unwrap().results.len(), 2, "the next day");
}

fn sealed(caller: &Caller, key: &SensorKey) -> Vec<u8> {
    sealed_with(caller, key, true)
}

/// Says whether all that it has hears.
fn sealed_with(caller: &Caller, key: &SensorKey, capturing: bool) -> Vec<u8> {
    let stamp = caller.ear.stamp();
    let head = caller.ear.head.map(|h| Known { place: h.place, hash: h.hash });
    let beat = Heartbeat {
        ledger: caller.ear.ledger,
        sensor: caller.id(),
        key_no: 0,
        head,
        moment: stamp.moment,
        health: Health { capturing, ..Health::default() },
        seen: None,
        bundle_version: 1,
        ext: Extras::new(),
    };
    beat.seal(key).unwrap()
}

fn beat(way: &mut Way, caller: &mut Caller) -> (u16, Option<Receipt>) {
    caller.ear.uptime_ms += 1;
    let (status, _, octets) = way.post("/v1/sensor/alive", ALIVE, &sealed(caller, &caller.ear.key));
    (status, Receipt::decode(&octets).ok())
}
