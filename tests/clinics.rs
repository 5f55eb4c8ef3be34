//! The wall between clinics, at store, door, judge and ledger: whatever happens in one, nothing of it is in another, and
//! nothing that belongs to one opens anything in another.
//!
//! Counts as failure: an answer about clinic A that would be another if clinic B were not there. Does not: numbers of rows
//! (`report_id`, `queue_id`), which the data base counts for all and no answer shows. [`Two`] is where routes are asked too.

use auscult_assess::knowledge::Knowledge;
use auscult_collector::ingest::{Answer, Later, receipt};
use auscult_collector::judge::Judge;
use auscult_collector::store::{ClinicStore, NewClinic, SensorState};
use auscult_report::checkpoint::Checkpoint;
use auscult_report::key::{SensorId, SensorKey};
use auscult_report::payload::{Payload, Place};
use auscult_report::receipt::{Outcome, Watch};
use auscult_report::seal::SealedReport;
use auscult_tests::archive::{Ear, NOW, all_stored, answers, event, send};
use auscult_tests::root;
use auscult_tests::statements::{Statement, statements};
use auscult_tests::two::{STEPS, Two, described};
use std::fs;
use std::path::{Path, PathBuf};

const REFUSED: Answer = Answer::Done(Outcome::RefusedLedger);

#[test]
fn each_clinic_says_the_same_whether_the_other_is_there_or_not() {
    let (mut together, mut north, mut south) = (Two::new(), Two::only(0), Two::only(1));
    for step in 0..STEPS {
        // South has the very same keys of sensors, and other things happen there.
        together.step(0, step);
        together.step(1, step);
        north.step(0, step);
        south.step(1, step);
    }
    let both = together.whole(0) + &together.whole(1);
    for (n, alone) in [north, south].iter().enumerate() {
        let (here, there) = (together.whole(n), alone.whole(n));
        let other = here.lines().zip(there.lines()).find(|(a, b)| a != b);
        assert_eq!(here.len(), there.len(), "clinic {n}: {other:#?}");
        assert_eq!(other, None, "clinic {n}");
        let findings = alone.clinics[n].judged(alone.ears[n][0].id()).unwrap().1.len();
        assert!(findings >= 1, "nothing was found in clinic {n}: the test would compare nothing");
    }
    assert_ne!(together.whole(0), together.whole(1));
    println!("{} octets of answers of two clinics, the same without each other", both.len());
}

#[test]
fn what_happens_in_one_clinic_changes_no_answer_of_the_other() {
    let mut two = Two::new();
    (0..STEPS).for_each(|step| two.step(0, step));
    let before = two.whole(0);
    (0..STEPS).for_each(|step| two.step(1, step));
    let knowledge = Knowledge::compiled();
    Judge::new(&knowledge).rebuild(&two.clinics[1], two.now).unwrap();
    two.clinics[1].new_generation("test", two.now).unwrap();
    two.archive.ledger.take_all(&two.clinics[1], two.now).unwrap();
    assert_eq!(two.whole(0), before);
}

#[test]
fn a_report_that_is_sealed_for_another_clinic_is_refused_and_leaves_nothing_there() {
    let mut two = Two::new();
    (0..STEPS).for_each(|step| two.step(1, step));
    let before = two.whole(1);
    let mut mine = Ear::enrolled(&two.clinics[0], 70);
    let mut theirs = Ear::stranger(two.ears[1][0].ledger, 70);
    let chain = theirs.chain(3);
    assert_eq!(answers(&send(&two.door, &chain, two.now)), [REFUSED; 3]);
    // Its own reports go on, and the refusals are counted by now: to nobody's account.
    assert_eq!(answers(&send(&two.door, &mine.chain(2), two.now)), all_stored(2));
    assert_eq!(two.whole(1), before);
    assert_eq!(two.clinics[0].counts().unwrap().refused, 0);
}

#[test]
fn an_id_of_another_clinic_opens_nothing() {
    let mut two = Two::new();
    (0..STEPS).for_each(|step| two.step(1, step));
    let before = two.whole(1);
    let (north, ledger) = (&two.clinics[0], &two.archive.ledger);
    // A sensor that is south's alone, and has reports, keys, findings and leaves there.
    let foreign = two.ears[1][3].id();
    assert!(two.clinics[1].durable(foreign).unwrap().0.is_some());
    assert_eq!(north.durable(foreign).unwrap(), (None, vec![]));
    assert_eq!(north.keys(foreign).unwrap(), []);
    assert!(north.reports_after(foreign, 0, 1_000).unwrap().is_empty());
    assert!(north.chain_from(foreign, Place::default(), i64::MAX, 1_000).unwrap().is_empty());
    assert_eq!(north.newest_full(foreign, i64::MAX).unwrap(), None);
    assert_eq!(north.judged(foreign).unwrap(), Default::default());
    assert!(north.finding_steps(foreign).unwrap().is_empty());
    assert_eq!(north.newest_in_ledger(foreign).unwrap(), None);
    assert!(!north.sensors().unwrap().iter().any(|s| s.id == foreign));
    for leaf in two.clinics[1].leaves(0, 1_000).unwrap() {
        assert_eq!(north.leaf_of(leaf.last_chunk().unwrap()).unwrap(), None);
    }
    let mine = receipt(north, ledger, foreign, None, &[]).unwrap();
    assert!(mine.durable_to.is_none() && mine.missing.is_empty() && mine.proven.is_none());
    assert!(!north.set_state(foreign, SensorState::Revoked, "test", two.now).unwrap());
    assert!(north.put_heartbeat(&two.beat(1, 3), b"x", two.now).is_err(), "no sensor of north's");
    assert_eq!(two.whole(1), before);
}

#[test]
fn the_same_key_in_two_clinics_is_two_sensors() {
    let two = Two::new();
    let [north, south] = &two.clinics;
    let (mut a, mut b) = (Ear::enrolled(north, 70), Ear::enrolled(south, 70));
    assert_eq!(a.id(), b.id());
    assert_eq!(answers(&send(&two.door, &a.chain(2), NOW)), all_stored(2));
    assert_eq!(answers(&send(&two.door, &b.chain(2), NOW)), all_stored(2));
    // The chain of one is not the chain of the other, place by place.
    let (of_a, of_b) = (north.durable(a.id()).unwrap().0, south.durable(b.id()).unwrap().0);
    assert_eq!(of_a.map(|k| k.place), of_b.map(|k| k.place));
    assert_ne!(of_a.map(|k| k.hash), of_b.map(|k| k.hash));
    // A key that north's chain hands over is none in south.
    let next = SensorKey::from_seed(&[71; 32]);
    let rotation = a.say(&Payload::KeyRotation(a.head.unwrap().rotate(&next)));
    assert_eq!(answers(&send(&two.door, &[rotation], NOW)), all_stored(1));
    assert_eq!((north.keys(a.id()).unwrap().len(), south.keys(b.id()).unwrap().len()), (2, 1));
    let mut stamp = b.stamp();
    stamp.key_no = 1;
    let early = SealedReport::seal(&next, &stamp, &event(1)).unwrap();
    assert_eq!(answers(&send(&two.door, &[early], NOW)), [Answer::Later(Later::KeyNotYet)]);
    // A contradiction, and being shut out, stay where they are; what the door remembers of one is not told of the other.
    let mut copy = Ear::enrolled(north, 72);
    let mut twin = Ear::enrolled(south, 72);
    assert_eq!(answers(&send(&two.door, &copy.chain(3), NOW)), all_stored(3));
    assert_eq!(answers(&send(&two.door, &twin.chain(1), NOW)), all_stored(1));
    let mut forger = Ear::stranger(copy.ledger, 72);
    forger.uptime_ms = 77;
    assert_eq!(answers(&send(&two.door, &forger.chain(1), NOW)), [Answer::Done(Outcome::Conflict)]);
    assert_eq!(state(north, copy.id()), SensorState::Quarantine);
    assert_eq!(state(south, copy.id()), SensorState::Active);
    north.set_state(copy.id(), SensorState::Revoked, "stolen", NOW).unwrap();
    assert_eq!(answers(&send(&two.door, &copy.chain(1), NOW)), [Answer::Later(Later::Revoked)]);
    assert_eq!(answers(&send(&two.door, &twin.chain(2), NOW)), all_stored(2));
    assert_eq!(south.counts().unwrap().forks, 0);
}

#[test]
fn a_connection_brings_only_the_reports_of_its_own_sensor() {
    let two = Two::new();
    let mut own = Ear::enrolled(&two.clinics[0], 70);
    let mut beside = Ear::enrolled(&two.clinics[0], 71);
    let mut far = Ear::enrolled(&two.clinics[1], 72);
    let batch = [own.chain(1), beside.chain(1), far.chain(1), own.chain(1)].concat();
    let octets: Vec<&[u8]> = batch.iter().map(SealedReport::octets).collect();
    let stored = Answer::Done(Outcome::Stored);
    assert_eq!(answers(&two.door.take(&octets, Some(own.id()), NOW).wait()), [stored, REFUSED, REFUSED, stored]);
    let before = (two.whole(0), two.whole(1));
    for other in [beside.id(), far.id(), SensorId([0; 16])] {
        assert_eq!(answers(&two.door.take(&octets[..1], Some(other), NOW).wait()), [REFUSED]);
    }
    assert_eq!((two.whole(0), two.whole(1)), before);
}

#[test]
fn what_one_clinic_may_add_a_day_is_not_taken_from_another() {
    let two = Two::new();
    let (mut a, mut b) = (Ear::enrolled(&two.clinics[0], 70), Ear::enrolled(&two.clinics[1], 70));
    let chain = a.chain(20);
    let octets: usize = chain.iter().take(5).map(|r| r.octets().len()).sum();
    let quota = NewClinic { quota_octets_day: octets as u64, ..described(0) };
    assert!(two.archive.store.put_clinic(&quota, NOW).unwrap());
    // South goes first, with the same key.
    assert_eq!(answers(&send(&two.door, &b.chain(10), NOW)), all_stored(10));
    let taken = answers(&send(&two.door, &chain, NOW));
    assert_eq!(taken[..5], all_stored(5));
    assert_eq!(taken[5..], [Answer::Later(Later::Quota); 15]);
    assert_eq!(answers(&send(&two.door, &b.chain(10), NOW)), all_stored(10));
}

#[test]
fn a_checkpoint_of_one_clinic_is_none_of_another() {
    let mut two = Two::new();
    for step in 0..STEPS {
        two.step(0, step);
        two.step(1, step);
    }
    let rows = [0, 1].map(|n| two.clinics[n].clinic().unwrap());
    let heads = [0, 1].map(|n| two.clinics[n].book().unwrap().0.unwrap());
    let (origins, keys) = (
        rows.each_ref().map(|r| two.archive.ledger.origin(r)),
        rows.each_ref().map(|r| two.archive.ledger.key(r).unwrap()),
    );
    for (n, other) in [(0, 1), (1, 0)] {
        let note = heads[n].note.as_bytes();
        assert!(Checkpoint::open(note, &origins[n], &keys[n]).is_ok());
        assert!(Checkpoint::open(note, &origins[other], &keys[other]).is_err());
        assert!(Checkpoint::open(note, &origins[other], &keys[n]).is_err());
        assert!(Checkpoint::open(note, &origins[n], &keys[other]).is_err());
        // The same device in the other clinic would not believe this receipt.
        let ear = &two.ears[n][0];
        let receipt = receipt(&two.clinics[n], &two.archive.ledger, ear.id(), None, &[]).unwrap();
        let hash = two.clinics[n].durable(ear.id()).unwrap().0.map(|k| k.hash);
        for (who, is_good) in [(n, true), (other, false)] {
            let watch = Watch { sensor: &ear.id(), origin: &origins[who], keeper: &keys[who], seen: None };
            assert_eq!(receipt.check(&watch, |_| hash).is_ok(), is_good);
        }
    }
}

#[test]
fn every_statement_keeps_to_one_clinic() {
    let (mut read, mut excused) = (0, vec![0; EXCUSED.len()]);
    let mut faults = Vec::new();
    for file in sources(&root().join("collector/src/store")) {
        let found =
            statements(&fs::read_to_string(&file).unwrap()).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        for Statement { text, tables, bound } in found.iter().filter(|s| !s.keeps_to_a_clinic()) {
            match EXCUSED.iter().position(|(whole, _)| whole == text) {
                Some(n) => excused[n] += 1,
                None => faults.push(format!("{}: {bound} of {tables:?} bound: {text}", file.display())),
            }
        }
        read += found.len();
    }
    println!("{read} statements, {} excused", EXCUSED.len());
    assert!(read > 60, "only {read} statements were read: is the check still looking at them?");
    assert!(faults.is_empty(), "bind every table to clinic_id, or excuse the statement here:\n{}", faults.join("\n"));
    assert!(excused.iter().all(|n| *n == 1), "an excuse that nothing needs any more: {excused:?}");
    assert!(EXCUSED.iter().all(|(_, reason)| reason.len() > 30));
}

#[test]
fn only_the_store_speaks_sql() {
    for file in sources(&root().join("collector/src")) {
        let text = fs::read_to_string(&file).unwrap();
        let is_store = file.starts_with(root().join("collector/src/store"));
        assert_eq!(text.contains("rusqlite"), is_store && text.contains("rusqlite"), "{}", file.display());
        let found = if is_store { Vec::new() } else { statements(&text).unwrap_or_default() };
        assert!(found.iter().all(|s| s.tables.is_empty()), "{}: {found:?}", file.display());
    }
}

#[test]
fn a_statement_that_forgets_the_clinic_is_noticed() {
    let keeps = |sql: &str| {
        let source =
            format!("fn f() {{ tx.execute(\"{sql}\", [])?; }}\n#[cfg(test)]\nmod tests {{ \"SELECT 1 FROM a\" }}");
        let found = statements(&source);
        found.is_ok_and(|found| found.len() == 1 && found.iter().all(Statement::keeps_to_a_clinic))
    };
    for good in [
        "SELECT hash FROM report WHERE clinic_id = ?1 AND sensor_id = ?2",
        "SELECT r.hash FROM report r JOIN fork f USING (clinic_id, hash) WHERE r.clinic_id = ?1",
        "SELECT (SELECT count(*) FROM report WHERE clinic_id = ?1), (SELECT count(*) FROM fork WHERE clinic_id = ?1)",
        "INSERT INTO site (clinic_id, name) VALUES (?1, ?2) ON CONFLICT (clinic_id, name) DO UPDATE SET name = ?2",
        "DELETE FROM {table} WHERE clinic_id = ?1",
        "SELECT max(version) FROM schema_version",
        "UPDATE clinic SET title = ?2 WHERE clinic_id = ?1",
    ] {
        assert!(keeps(good), "{good}");
    }
    for bad in [
        "SELECT hash FROM report WHERE sensor_id = ?1",
        "SELECT clinic_id, hash FROM report",
        "SELECT hash FROM report WHERE clinic_id <> ?1",
        "SELECT hash FROM report WHERE clinic_id = ?1 OR sensor_id = ?2",
        "SELECT r.hash FROM report r JOIN fork f ON f.hash = r.hash WHERE r.clinic_id = ?1",
        "SELECT r.hash FROM report r, fork f WHERE r.clinic_id = ?1",
        "SELECT hash FROM report WHERE clinic_id = ?1 AND EXISTS (SELECT 1 FROM fork WHERE hash = ?2)",
        "SELECT hash FROM report WHERE clinic_id = ?1 UNION SELECT hash FROM fork",
        "SELECT hash FROM report WHERE clinic_id = clinic_id",
        "INSERT INTO site (name, title) VALUES (?1, ?2)",
        "INSERT INTO site VALUES (?1, ?2)",
        "INSERT INTO fork (clinic_id, hash) SELECT ?1, hash FROM report",
        "UPDATE sensor SET state = 'revoked' WHERE sensor_id = ?1",
        "DELETE FROM {table}",
        "DROP TABLE report",
        "WHERE clinic_id = ?1",
    ] {
        assert!(!keeps(bad), "{bad}");
    }
}

/// Statements that are not bound to one clinic, and why they may be.
const EXCUSED: &[(&str, &str)] = &[
    (
        "SELECT clinic_id, name, title, state, ledger_id, generation, quota_octets_day FROM clinic ORDER BY name",
        "the provider's own list of its clinics: an operator's commands begin with it",
    ),
    (
        "SELECT c.clinic_id, c.state, s.state FROM clinic c JOIN sensor s USING (clinic_id) WHERE c.ledger_id = ?1 AND \
         s.sensor_id = ?2",
        "finds the clinic that a report names: by its ledger, which is one clinic's alone",
    ),
    (
        "SELECT clinic_id FROM clinic WHERE ledger_id = ?1",
        "finds the clinic by its ledger, which is one clinic's alone",
    ),
    (
        "SELECT clinic_id FROM clinic WHERE name = ?1",
        "finds the clinic that a path or an invitation names: who may see it is asked behind it, and a name is one clinic's alone",
    ),
    (
        "SELECT c.name, g.role, g.until_ms FROM person_grant g JOIN clinic c USING (clinic_id) WHERE g.person_id = ?1 ORDER \
         BY c.name",
        "what one person may, clinic by clinic: who may see which clinic begins with it, and every row is that person's own",
    ),
    (
        "SELECT c.name FROM api_token_clinic t JOIN clinic c USING (clinic_id) WHERE t.token_id = ?1 ORDER BY c.name",
        "where one token may ask, clinic by clinic: what a program may see begins with it, and every row is that token's own",
    ),
    (
        "SELECT clinic_id, c.ledger_id, key FROM enrol_code JOIN clinic c USING (clinic_id) WHERE code_id = ?1 AND \
         used_ms IS NULL AND expires_ms > ?2 AND failures < ?3 AND c.state = 'active'",
        "finds the clinic by a code, whose id is unique among all clinics: nobody is enrolled yet",
    ),
    (
        "UPDATE enrol_code SET failures = failures + 1 WHERE code_id = ?1",
        "counts a wrong proof against a code, whose id is unique among all clinics",
    ),
    (
        "UPDATE enrol_code SET used_ms = ?2, sensor_id = ?4, key = x'' WHERE code_id = ?1 AND used_ms IS NULL AND \
         expires_ms > ?2 AND failures < ?3 RETURNING clinic_id, site",
        "uses a code, whose id is unique among all clinics; what follows is written for the clinic that it returns",
    ),
    (
        "SELECT n.news_id, n.clinic_id, c.name, n.matter, n.what, n.at_ms, n.rule, n.severity FROM news n JOIN clinic c ON \
         c.clinic_id = n.clinic_id WHERE n.is_planned = 0 ORDER BY n.news_id LIMIT ?1",
        "what happened, for the provider's own channels: which of them hears of which clinic is decided by each row's clinic",
    ),
    (
        "SELECT c.name, c.title, coalesce(i.title, ''), n.matter, n.what, n.at_ms, n.rule, n.severity FROM notice t JOIN news n \
         ON n.clinic_id = t.clinic_id AND n.news_id = t.news_id JOIN clinic c ON c.clinic_id = n.clinic_id LEFT JOIN sensor s ON \
         s.clinic_id = n.clinic_id AND s.sensor_id = n.sensor_id LEFT JOIN site i ON i.clinic_id = s.clinic_id AND i.name = \
         s.site WHERE t.parcel_id = ?1 ORDER BY n.news_id LIMIT ?2",
        "one parcel's own rows: its recipient was chosen for each of them by its clinic, and a digest speaks of several",
    ),
];

fn state(clinic: &ClinicStore, sensor: SensorId) -> SensorState {
    clinic.sensors().unwrap().iter().find(|s| s.id == sensor).unwrap().state
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
        if entry.is_dir() {
            files.extend(sources(&entry));
        } else {
            files.push(entry);
        }
    }
    files
}
