//! Delivery as it happens, against a collector on loopback that tells the truth, lies, forgets or is not there.
//!
//! Counts as failure: a report that was settled and that no receipt named; a report that is neither delivered, waiting nor
//! told of by a Gap. Does not: a report that is sent twice; a sign of life more than needed.

use auscult_agent::config::{Config, Then};
use auscult_agent::run::{run, status};
use auscult_report::heartbeat::Heartbeat;
use auscult_report::payload::{EXTRA_CONTRADICTION, EpochReason, GapReason, Payload, Place};
use auscult_report::receipt::{Outcome, Receipt};
use auscult_tests::opposite::{Desk, page};
use auscult_tests::sensor::{Sensor, ended, is_whole, wait_until};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

#[test]
fn what_no_receipt_names_is_not_settled() {
    let desk = Desk::open();
    let sensor = Sensor::with("[collector]\nlinger_s = 3\n");
    sensor.enrol(&desk).unwrap();
    let receipt =
        |receipt: Receipt| page(200, "Content-Type: application/vnd.auscult.receipt\r\n", &receipt.encode().unwrap());
    let mut stranger = Receipt { next_contact_s: 900, ..Receipt::default() };
    let result = auscult_report::receipt::ItemResult { report: [9; 32], outcome: Outcome::Stored };
    stranger.results = vec![result; 64].try_into().unwrap();
    for _ in 0..40 {
        let mut book = desk.book();
        book.instead.push_back(("/v1/reports", receipt(Receipt::default())));
        book.instead.push_back(("/v1/reports", receipt(stranger.clone())));
        book.instead.push_back(("/v1/reports", page(200, "Content-Type: text/html\r\n", b"<html>Welcome</html>")));
        book.instead.push_back(("/v1/reports", page(503, "Retry-After: 1\r\n", b"")));
    }
    sensor.run();
    assert!(!desk.book().bodies("/v1/reports").is_empty());
    assert_eq!((sensor.settled(), desk.book().stored.len()), (None, 0));
    assert!(status(&sensor.config()).unwrap().contains("trouble "), "{}", status(&sensor.config()).unwrap());
    desk.book().instead.clear();
    let text = fs::read_to_string(sensor.folder.join("agent.toml")).unwrap();
    fs::write(sensor.folder.join("agent.toml"), text.replace("linger_s = 3", "linger_s = 60")).unwrap();
    sensor.run();
    is_whole(&sensor, &desk);
}

#[test]
fn a_kill_between_receipt_and_settling_doubles_nothing() {
    let desk = Desk::open();
    let sensor = Sensor::at(&desk);
    let mut killed = 0;
    for _ in 0..12 {
        let mut child = sensor.command("run").spawn().unwrap();
        desk.book().kills = Some(child.id());
        // Sometimes it is faster than the signal.
        killed += usize::from(!child.wait().unwrap().success());
        assert!(desk.book().stored.len() > 1);
    }
    assert!(killed > 0, "it was never killed");
    sensor.run();
    is_whole(&sensor, &desk);
    let reports = desk.book().verified();
    assert!(reports.iter().all(|r| r.header().place.epoch == 0), "no epoch was begun");
    println!("{killed} kills, {} reports, {} came twice", reports.len(), desk.book().repeated);
}

#[test]
fn a_collector_that_is_away_costs_nothing() {
    let mut desk = Desk::open();
    let sensor = Sensor::with("[collector]\nlinger_s = 2\n");
    sensor.enrol(&desk).unwrap();
    desk.close();
    sensor.run();
    let screen = status(&sensor.config()).unwrap();
    assert!(screen.contains("cannot be reached") && screen.contains("failure"), "{screen}");
    assert_eq!((sensor.settled(), desk.book().stored.len()), (None, 0));
    desk.reopen();
    let text = fs::read_to_string(sensor.folder.join("agent.toml")).unwrap();
    fs::write(sensor.folder.join("agent.toml"), text.replace("linger_s = 2", "linger_s = 60")).unwrap();
    sensor.run();
    is_whole(&sensor, &desk);
    assert!(!status(&sensor.config()).unwrap().contains("trouble"));
}

#[test]
fn a_disk_that_was_put_back_begins_a_new_epoch() {
    let desk = Desk::open();
    let sensor = Sensor::at(&desk);
    sensor.run();
    let old = fs::read(sensor.folder.join("state/chain")).unwrap();
    let spool = sensor.folder.join("state/spool");
    let kept: Vec<_> = fs::read_dir(&spool).unwrap().map(|f| f.unwrap().path()).collect();
    sensor.run();
    for file in fs::read_dir(&spool).unwrap().map(|f| f.unwrap().path()).filter(|f| !kept.contains(f)) {
        fs::remove_file(file).unwrap();
    }
    fs::write(sensor.folder.join("state/chain"), old).unwrap();
    sensor.run();
    is_whole(&sensor, &desk);
    let reasons: Vec<EpochReason> = desk
        .book()
        .verified()
        .iter()
        .filter_map(|r| match r.payload() {
            Some(Payload::EpochStart(start)) => Some(start.reason),
            _ => None,
        })
        .collect();
    assert_eq!(reasons[0], EpochReason::Enrolled);
    assert!(reasons[1..].iter().all(|r| matches!(r, EpochReason::HeadOld | EpochReason::Conflict)), "{reasons:?}");
    assert_eq!(reasons.len(), 2);
}

#[test]
fn what_a_restored_collector_lost_is_sent_again_and_what_is_not_here_any_more_is_bridged() {
    let desk = Desk::open();
    let sensor = Sensor::at(&desk);
    sensor.run();
    let before = desk.book().stored.clone();
    desk.book().forget_behind(Place { epoch: 0, seq: 1 });
    sensor.run();
    is_whole(&sensor, &desk);
    assert!(before.iter().all(|(place, octets)| desk.book().stored.get(place) == Some(octets)), "the same octets");
    // Now it lost what the sensor keeps no more.
    desk.book().forget_behind(Place { epoch: 0, seq: 0 });
    fs::remove_file(sensor.folder.join(format!("state/spool/{:08x}-{:016x}.report", 0, 1))).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let (config, halt) = (Config { then: Then::Stay, ..sensor.config() }, Arc::clone(&stop));
    let daemon = thread::spawn(move || run(&config, &halt));
    wait_until(|| desk.book().head.is_some_and(|h| h.place.epoch == 1));
    stop.store(true, Ordering::SeqCst);
    daemon.join().unwrap().unwrap();
}

#[test]
fn a_report_that_is_refused_for_good_is_told_by_a_gap_and_the_chain_goes_on() {
    let desk = Desk::open();
    let sensor = Sensor::at(&desk);
    desk.book().outcomes.insert(Place { epoch: 0, seq: 2 }, Outcome::RefusedSize);
    sensor.run();
    is_whole(&sensor, &desk);
    let reports = desk.book().verified();
    let gap = reports.iter().find_map(|r| match r.payload() {
        Some(Payload::Gap(gap)) => Some((gap.from, gap.to, gap.why)),
        _ => None,
    });
    assert_eq!(gap, Some((2, 2, GapReason::Refused)));
    assert_eq!(fs::read_dir(sensor.folder.join("state/parked")).unwrap().count(), 1);
}

#[test]
fn a_conflict_begins_one_new_epoch_and_is_not_sent_for_ever() {
    let desk = Desk::open();
    let sensor = Sensor::at(&desk);
    sensor.run();
    let next = Place { seq: sensor.head().seq + 1, ..sensor.head() };
    desk.book().outcomes.insert(next, Outcome::Conflict);
    sensor.run();
    let book = desk.book();
    assert_eq!(book.head.map(|h| h.place), Some(sensor.head()));
    assert_eq!(sensor.head().epoch, 1);
    assert_eq!(sensor.settled(), Some(sensor.head()));
    assert!(!book.stored.contains_key(&next));
}

#[test]
fn a_keeper_who_rewrites_his_ledger_is_told_of_in_the_next_report() {
    let desk = Desk::open();
    let sensor = Sensor::at(&desk);
    sensor.run();
    desk.book().rewrite_ledger();
    let (done, log) = ended(sensor.command("run").spawn().unwrap());
    assert!(done && log.contains("contradicts"), "{log}");
    let screen = status(&sensor.config()).unwrap();
    assert!(screen.contains("contradicted himself"), "{screen}");
    // What that run heard may have been sealed before the receipt came.
    sensor.run();
    let reports = desk.book().verified();
    let told = reports.iter().find_map(|r| {
        let ext = match r.payload()? {
            Payload::Full(full) => &full.ext,
            Payload::Changes(changes) => &changes.ext,
            Payload::Event(event) => &event.ext,
            _ => return None,
        };
        ext.iter().find(|e| e.tag == EXTRA_CONTRADICTION).map(|e| e.octets.to_vec())
    });
    assert!(told.unwrap().starts_with(b"archive.example/ledger/"));
    is_whole(&sensor, &desk);
}

#[test]
fn a_new_generation_of_the_ledger_is_followed() {
    let desk = Desk::open();
    let sensor = Sensor::at(&desk);
    sensor.run();
    desk.book().rewrite_ledger();
    desk.book().generation = 2;
    sensor.run();
    let before = desk.book().asked.len();
    sensor.run();
    assert!(desk.book().asked.len() > before);
    is_whole(&sensor, &desk);
    let screen = status(&sensor.config()).unwrap();
    assert!(!screen.contains("contradicted"), "{screen}");
    let beat = desk.book().bodies("/v1/sensor/alive").last().map(|b| Heartbeat::claimed(b).unwrap()).unwrap();
    assert!(beat.seen.is_some(), "the new ledger is seen");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how long a stop takes")]
fn three_sensors_live_in_one_process_and_stop_soon_when_told() {
    let desks = [Desk::open(), Desk::open(), Desk::open()];
    let sensors = desks.each_ref().map(Sensor::at);
    let stop = Arc::new(AtomicBool::new(false));
    let daemons = sensors.each_ref().map(|sensor| {
        let config = Config { then: Then::Stay, ..sensor.config() };
        let stop = Arc::clone(&stop);
        thread::spawn(move || run(&config, &stop))
    });
    wait_until(|| (0..3).all(|n| sensors[n].settled().is_some_and(|settled| settled == sensors[n].head())));
    desks[2].book().delay = Duration::from_secs(60);
    let told = Instant::now();
    stop.store(true, Ordering::SeqCst);
    for daemon in daemons {
        daemon.join().unwrap().unwrap();
    }
    assert!(told.elapsed() < Duration::from_secs(8), "{:?}", told.elapsed());
    for (sensor, desk) in sensors.iter().zip(&desks).take(2) {
        is_whole(sensor, desk);
    }
}

#[test]
fn a_batch_says_how_much_of_the_ledger_was_seen() {
    let desk = Desk::open();
    let sensor = Sensor::at(&desk);
    sensor.run();
    let leaves = desk.book().leaves.len();
    let before = desk.book().asked.len();
    sensor.run();
    let book = desk.book();
    let batch = book.asked.iter().skip(before).find(|asked| asked.path == "/v1/reports").unwrap();
    assert_eq!(batch.seen, Some(u64::try_from(leaves).unwrap()));
    assert!(book.asked.iter().filter(|asked| asked.path != "/v1/reports").all(|asked| asked.seen.is_none()));
}
