//! The record in a reviewer's hands, and what somebody who keeps it might try behind a tree that is whole and signed: with the key of
//! the ledger, with the data base, with the folder.
//!
//! Counts as failure: a lie that verifies; one that is named by another step than its own.

use auscult_assess::knowledge::Knowledge;
use auscult_collector::ingest::Limits;
use auscult_collector::judge::Judge;
use auscult_collector::review;
use auscult_collector::store::{ClinicStore, SensorState};
use auscult_report::fact::Fact;
use auscult_report::header::Seen;
use auscult_report::key::{SensorId, SensorKey};
use auscult_report::leaf::{Leaf, LeafKind, statement_hash};
use auscult_report::payload::{Extras, Gap, GapReason, Payload, Place};
use auscult_report::seal::SealedReport;
use auscult_report::subject::{Bssid, Subject};
use auscult_report::summary::Sighting;
use auscult_report::terms::{WifiOwner, WifiSecurity};
use auscult_report::time::Timestamp;
use auscult_tests::archive::{Archive, Ear, Folder, NOW, all_stored, answers, event, full, send, sighting};
use auscult_tests::reviewer::flip;
use auscult_tests::root;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn a_record_with_two_chains_a_new_key_a_gap_and_late_reports_verifies_to_its_findings() {
    let kept = Kept::new();
    let told = kept.told().unwrap();
    let (a, b) = (id(&kept.ears[0]), id(&kept.ears[1]));
    for claim in [
        format!("sensor {a} (active): signed by its own keys, one chain from its beginning to 0-7"),
        format!("sensor {b} (revoked): signed by its own keys, one chain from its beginning to 0-3"),
        "objects: 11 reports and 5 statements are what was signed, and came one behind the other".to_owned(),
        "seen: 1 views of this ledger that sensors signed lie on it".to_owned(),
        "  medium: ".to_owned(),
        "is what follows from the record: 1".to_owned(),
    ] {
        assert!(told.contains(&claim), "{claim}: {told}");
    }
    assert_eq!(kept.second(), "folder: 16 entries, 11 reports in 2 chains, 1 new keys\n");
}

#[test]
fn a_ledger_grows_on_while_its_record_is_read_and_what_was_read_holds() {
    let mut kept = Kept::unsealed();
    let Kept { archive, clinic, dir, .. } = &kept;
    let grow = |n: u64| {
        clinic.state(LeafKind::Review, &format!("what a test says for the {n}th time\n"), minutes(12 + n)).unwrap();
        archive.ledger.take_all(clinic, minutes(12 + n)).unwrap().unwrap().size
    };
    for n in 0..600 {
        clinic.state(LeafKind::Review, &format!("{n}\n"), minutes(11)).unwrap();
    }
    let before = grow(0);
    let mut files = 0;
    let by = (&archive.ledger, &Knowledge::compiled());
    let size = review::parts(by, clinic, None, minutes(13), &mut |name, octets| {
        files += 1;
        // More rounds than partial tiles are kept of.
        assert!(grow(files * 2) < grow(files * 2 + 1));
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, octets).unwrap();
        Ok(())
    });
    assert_eq!(size.unwrap(), before, "it is the record of when it was asked for");
    assert!(grow(1_000) > before + 2 * files && files > 12, "{files} files");
    assert!(kept.told().unwrap().contains(&format!("objects: 11 reports and {} statements", before - 11)));
    kept.dir = kept.folder.0.join("later");
    kept.seal();
    assert!(kept.told().is_ok());
}

#[test]
fn a_folder_that_was_changed_is_refused_by_the_step_that_it_concerns() {
    let kept = Kept::new();
    let objects = kept.bundle();
    let findings = |change: fn(String) -> String| move |o: Vec<u8>| change(String::from_utf8(o).unwrap()).into_bytes();
    let changes: Vec<(&str, Change, &str)> = vec![
        (&objects, Box::new(flip), "objects: "),
        (&objects, Box::new(|o| o[..o.len() - 1].to_vec()), "an object is cut"),
        (&objects, Box::new(|o| [&o[..], &[0; 4]].concat()), "17 objects for 16 entries"),
        (&objects, Box::new(|o| without_the_first(&o)), "objects: the enrolment of entry 0 is not in the folder"),
        ("findings", Box::new(|_| b"auscult findings 2\n".to_vec()), "findings: the file is none of ours"),
        // What is shown at a terminal must not speak to it.
        (
            "findings",
            Box::new(findings(|t| t.replace("wifi-open-network", "wifi\u{1b}[2J"))),
            "findings: the file is none of ours",
        ),
        (
            "findings",
            Box::new(findings(|t| t.replace(" 2 holds", " 1 holds"))),
            "this follows from the record and is not shown: medium",
        ),
        (
            "findings",
            Box::new(findings(|t| {
                t.lines().filter(|l| !l.starts_with("finding ")).fold(String::new(), |a, l| a + l + "\n")
            })),
            "this follows from the record and is not shown: medium",
        ),
        (
            "findings",
            Box::new(findings(|t| t.replace("wifi-open-network", "dicom-records-given-outside") + &last_line(&t))),
            "this is shown and does not follow from the record: medium: Your image archive",
        ),
    ];
    for (file, change, why) in changes {
        let before = fs::read(kept.dir.join(file)).unwrap();
        let after = change(before.clone());
        assert_ne!(before, after, "{why}");
        fs::write(kept.dir.join(file), after).unwrap();
        let told = kept.told().unwrap_err();
        assert!(told.contains(why), "wanted {why}: {told}");
        fs::write(kept.dir.join(file), before).unwrap();
    }
    kept.told().unwrap();
}

#[test]
fn a_keeper_who_signs_a_lie_with_the_true_key_is_named_for_it() {
    let lies: [(&str, Lie, &str); 10] = [
        ("showed less on that day", show_less, "others were shown than follow from the record: 0 of sensor"),
        ("hides a finding", |k| k.sql("UPDATE finding SET closed_ms = 1, closed_by = 'heard'"), "is not shown: medium"),
        ("makes it milder", |k| k.sql("UPDATE finding SET severity = 0"), "is not shown: medium"),
        ("invents one", |k| k.sql(INVENTED), "does not follow from the record: info: "),
        ("invents a report", invent_a_report, "signature"),
        ("puts one in by a key of his own", invent_a_key, "its sensor never handed over the key"),
        ("states a key that no chain handed over", state_a_key, "keys: what is stated of new keys"),
        ("lets a sensor in whose key is another", let_in_another, "the key is not the one of sensor"),
        (
            "shows a sensor another ledger",
            show_another,
            "seen: sensors signed 1 views of this ledger that do not lie on it",
        ),
        ("says that a report came earlier", back_date, "came before the one in front of it"),
    ];
    for (what, lie, why) in lies {
        let mut kept = Kept::unsealed();
        lie(&mut kept);
        kept.seal();
        let told = kept.told().expect_err(what);
        assert!(told.contains(why), "who {what}: wanted {why}: {told}");
        // It does not judge, and cannot know what a tree of another size was.
        let is_blind = ["showed less", "finding", "milder", "invents one", "another ledger"]
            .iter()
            .any(|word| what.contains(word));
        assert_eq!(kept.second().starts_with("refused: "), !is_blind, "{what}: {}", kept.second());
    }
}

#[test]
fn what_was_left_out_of_the_record_is_said() {
    let mut kept = Kept::unsealed();
    // Three reports are gone before the next round: from the data base, and from what waits for the ledger.
    let b = kept.ears[1].id();
    let leaf = format!("hex(leaf) LIKE '%' || hex(x'{b}') || '000000000000000000000002%'");
    kept.sql(&format!("DELETE FROM ledger_queue WHERE {leaf}"));
    kept.sql(&format!("DELETE FROM report WHERE hex(sensor_id) = hex(x'{b}') AND seq = 2"));
    kept.seal();
    let told = kept.told().unwrap();
    assert!(told.contains("one chain from its beginning to 0-1; behind that reports are missing"), "{told}");
}

#[test]
fn a_ledger_that_was_begun_again_verifies_and_says_whose_views_were_of_the_one_before() {
    let mut kept = Kept::unsealed();
    kept.archive.ledger.take_all(&kept.clinic, minutes(12)).unwrap();
    kept.clinic.new_generation("a test restored it", minutes(13)).unwrap();
    kept.seal();
    let told = kept.told().unwrap();
    let seen = "seen: 0 views that sensors signed lie on this ledger; 1 do not: ask why it was begun again";
    assert!(told.contains(seen) && told.contains("is what follows from the record: 1"), "{told}");
    // A sensor that was let in and shut out is believed for the time between.
    assert!(told.contains("(revoked): signed by its own keys, one chain from its beginning to 0-3"), "{told}");
}

/// What a keeper does before he signs.
type Lie = fn(&mut Kept);

/// Makes other octets of those of a file.
type Change = Box<dyn Fn(Vec<u8>) -> Vec<u8>>;

/// A ledger that two sensors wrote, and the folder that its keeper hands out.
struct Kept {
    archive: Archive,
    clinic: ClinicStore,
    ears: Vec<Ear>,
    dir: PathBuf,
    folder: Folder,
}

impl Kept {
    fn new() -> Kept {
        let mut kept = Kept::unsealed();
        kept.seal();
        kept
    }

    /// Everything has come, and waits for its last round.
    fn unsealed() -> Kept {
        let folder = Folder::new();
        let archive = Archive::open(&folder.0);
        let clinic = archive.clinic("north");
        let (mut a, mut b) = (Ear::enrolled(&clinic, 1), Ear::enrolled(&clinic, 2));
        let door = archive.door(Limits::default());
        let take = |reports: &[SealedReport], minute: u64| {
            let items = send(&door, reports, minutes(minute));
            assert_eq!(answers(&items), all_stored(reports.len()));
        };
        take(&a.chain(1), 1);
        take(&[a.say(&full(0, 3_600_000, network()))], 2);
        // The sensor has seen the ledger as it is now.
        let head = archive.ledger.take_all(&clinic, minutes(3)).unwrap().unwrap();
        a.seen = Some(Seen { size: head.size, root: head.root });
        take(&[a.say(&event(5))], 4);
        a.seen = None;
        // It hands over to a new key and goes on with it.
        let new = SensorKey::from_seed(&[7; 32]);
        let over = Payload::KeyRotation(a.head.unwrap().rotate(&new));
        take(&[a.say(&over)], 5);
        a.key = new;
        // Of two reports the second comes first.
        let late = [next(&mut a), next(&mut a)];
        take(&late[1..], 6);
        take(&late[..1], 7);
        // One is given up, and it says so.
        let given_up = next(&mut a);
        let gap = Gap {
            epoch: 0,
            from: 6,
            to: 6,
            last: given_up.hash(),
            why: GapReason::Damaged,
            window: auscult_report::time::Window { from: NOW, to: NOW },
            ext: Extras::new(),
        };
        take(&[a.say(&Payload::Gap(gap))], 8);
        take(&b.chain(4), 9);
        clinic.set_state(b.id(), SensorState::Revoked, "replaced", minutes(10)).unwrap();
        clinic.state(LeafKind::Review, "what a test says\n", minutes(11)).unwrap();
        drop(door);
        let knowledge = Knowledge::compiled();
        Judge::new(&knowledge).catch_up(&clinic, minutes(12)).unwrap();
        let dir = folder.0.join("north");
        Kept { archive, clinic, ears: vec![a, b], dir, folder }
    }

    /// The keeper signs what is there, and hands it out.
    fn seal(&mut self) {
        self.archive.ledger.take_all(&self.clinic, minutes(12)).unwrap();
        let by = (&self.archive.ledger, &Knowledge::compiled());
        review::export(by, &self.clinic, &self.dir, None, minutes(12)).unwrap();
    }

    /// What a reviewer is told: all that holds, or what does not.
    fn told(&self) -> Result<String, String> {
        let (scratch, mut told) = (Folder::new(), String::new());
        review::verify(&self.dir, &scratch.0, &Knowledge::compiled(), &mut |claim| told += &format!("{claim}\n"))?;
        Ok(told)
    }

    /// What a reader says that was written from report/FORMAT.md alone.
    fn second(&self) -> String {
        let read = Command::new("python3").arg(root().join("tests/folder.py")).arg(&self.dir).output().unwrap();
        String::from_utf8([read.stdout, read.stderr].concat()).unwrap()
    }

    fn sql(&self, sql: &str) {
        let data = rusqlite::Connection::open(self.folder.0.join("archive.db")).unwrap();
        assert!(data.execute(sql, []).unwrap() > 0, "{sql}");
    }

    /// The path of the only bundle of objects.
    fn bundle(&self) -> String {
        let part = fs::read_dir(self.dir.join("objects/000.p")).unwrap().next().unwrap().unwrap();
        Path::new("objects/000.p").join(part.file_name()).to_str().unwrap().to_owned()
    }

    /// Puts an entry in behind the others, with the row of its object.
    fn put_report(&self, sensor: SensorId, place: Place, octets: &[u8], received: Timestamp) {
        let object = auscult_report::seal::report_hash(octets);
        let data = rusqlite::Connection::open(self.folder.0.join("archive.db")).unwrap();
        let sql = "INSERT INTO report (clinic_id, sensor_id, epoch, seq, hash, prev, key_no, kind, opaque, received_ms, octets,
                       envelope) VALUES (?1, ?2, ?3, ?4, ?5, zeroblob(32), 0, 0, 0, ?6, ?7, ?8)";
        let seq = i64::try_from(place.seq).unwrap();
        let at = i64::try_from(received.0).unwrap();
        let length = i64::try_from(octets.len()).unwrap();
        let row = rusqlite::params![self.clinic.id().0, sensor.0, place.epoch, seq, object, at, length, octets];
        data.execute(sql, row).unwrap();
        self.put_leaf(&Leaf { kind: LeafKind::Report, sensor, place, received, object });
    }

    fn put_leaf(&self, leaf: &Leaf) {
        let data = rusqlite::Connection::open(self.folder.0.join("archive.db")).unwrap();
        let sql = "INSERT INTO ledger_queue (clinic_id, leaf) VALUES (?1, ?2)";
        data.execute(sql, rusqlite::params![self.clinic.id().0, leaf.octets()]).unwrap();
    }
}

/// The finding is shown to the reviewer, but it was not on the day when it was heard.
fn show_less(kept: &mut Kept) {
    kept.sql("UPDATE finding SET holds = 0");
    review::state(&kept.clinic, &Knowledge::compiled(), minutes(12)).unwrap();
    kept.sql("UPDATE finding SET holds = 1");
}

/// A report in the name of the first sensor, signed by somebody else.
fn invent_a_report(kept: &mut Kept) {
    let a = &kept.ears[0];
    let stamp = a.stamp();
    let forged = SealedReport::seal(&SensorKey::from_seed(&[66; 32]), &stamp, &event(1)).unwrap();
    kept.put_report(id(a), stamp.place, forged.octets(), minutes(12));
}

/// The same, with a number of a key that the chain never had.
fn invent_a_key(kept: &mut Kept) {
    let a = &kept.ears[0];
    let stamp = auscult_report::seal::Stamp { key_no: 2, ..a.stamp() };
    let forged = SealedReport::seal(&SensorKey::from_seed(&[66; 32]), &stamp, &event(1)).unwrap();
    kept.put_report(id(a), stamp.place, forged.octets(), minutes(12));
}

fn state_a_key(kept: &mut Kept) {
    kept.clinic.state(LeafKind::KeyRotation, "key-no 2\nkey 00\n", minutes(12)).unwrap();
}

/// A sensor's id with a key that does not give it.
fn let_in_another(kept: &mut Kept) {
    let (sensor, key) = (SensorId([5; 16]), "22".repeat(32));
    let at = minutes(12);
    let text = format!(
        "auscult statement 1\nkind enrolment\nat {}\nsensor {sensor}\nsite main\nkey {key}\nstate active\nwhy test\n",
        at.0
    );
    let object = statement_hash(text.as_bytes());
    let data = rusqlite::Connection::open(kept.folder.0.join("archive.db")).unwrap();
    let sql =
        "INSERT INTO statement (clinic_id, hash, sensor_id, kind, text, stated_ms) VALUES (?1, ?2, ?3, 1, ?4, ?5)";
    let row = rusqlite::params![kept.clinic.id().0, object, sensor.0, text, i64::try_from(at.0).unwrap()];
    data.execute(sql, row).unwrap();
    kept.put_leaf(&Leaf { kind: LeafKind::Enrolment, sensor, place: Place::default(), received: at, object });
}

/// The sensor signs what it was shown: another tree.
fn show_another(kept: &mut Kept) {
    kept.ears[0].seen = Some(Seen { size: 3, root: [7; 32] });
    let report = next(&mut kept.ears[0]);
    let items = send(&kept.archive.door(Limits::default()), &[report], minutes(12));
    assert_eq!(answers(&items), all_stored(1));
    Judge::new(&Knowledge::compiled()).catch_up(&kept.clinic, minutes(12)).unwrap();
}

fn back_date(kept: &mut Kept) {
    let report = next(&mut kept.ears[0]);
    let place = report.parse_frame().unwrap().claimed().place;
    kept.put_report(id(&kept.ears[0]), place, report.octets(), minutes(1));
}

/// The next report of a sensor that has had more than one key.
fn next(ear: &mut Ear) -> SealedReport {
    let payload = event(ear.uptime_ms);
    ear.say(&payload)
}

/// Its id is that of its first key.
fn id(ear: &Ear) -> SensorId {
    ear.head.unwrap().sensor
}

/// A network of the clinic's own, open.
fn network() -> Vec<Sighting> {
    let of = Subject::Wireless(Bssid([2, 0, 0, 0, 0, 1]));
    let facts =
        [(Fact::WifiOwner(WifiOwner::Own), 1), (Fact::WifiSecurity(WifiSecurity::Open), 1), (Fact::WifiBeacon, 500)];
    facts.into_iter().map(|(fact, count)| Sighting { count, ..sighting(of, fact, 1_000) }).collect()
}

/// A bundle whose first object is not there.
fn without_the_first(bundle: &[u8]) -> Vec<u8> {
    let length = usize::try_from(u32::from_be_bytes(bundle[..4].try_into().unwrap())).unwrap();
    [&[0; 4], &bundle[4 + length..]].concat()
}

fn last_line(text: &str) -> String {
    format!("{}\n", text.lines().last().unwrap())
}

fn minutes(n: u64) -> Timestamp {
    Timestamp(NOW.0 + n * 60_000)
}

/// A finding that nothing that was heard gives.
const INVENTED: &str =
    "INSERT INTO finding SELECT clinic_id, sensor_id, 'ftp-clear-login', subject, rule_version, 0, confidence, proof,
    opened_ms, changed_ms, holds, held_ms, held_heard_ms, closed_ms, closed_by, times_opened FROM finding";
