//! How long the pages of a large clinic's papers are: two hundred hosts, five hundred findings, every law; and that page by page nothing is
//! left out.
//!
//! Counts as failure: a page longer than 150 kB; a device or a mark that stands on no page or on two.

use auscult_report::fact::{Fact, SystemSign};
use auscult_report::key::SensorId;
use auscult_report::payload::Payload;
use auscult_report::subject::{HostId, Subject, Transport};
use auscult_report::summary::{HostEntry, Sighting};
use auscult_report::terms::{Protocol, Role as HostRole, SignPlace, SystemFamily};
use auscult_report::zone::Zone;
use auscult_tests::archive::{full, sighting};
use auscult_tests::guest::{Found, Guest, admin, found, matter};
use auscult_tests::station::Station;
use auscult_tests::way::Way;

#[test]
fn two_hundred_hosts_and_five_hundred_findings_make_no_page_longer_than_150_kb() {
    let station = Station::new();
    let Found { sensor, .. } = found(&station, "north", 1);
    two_hundred_hosts(&station);
    five_hundred_findings(&station, sensor);
    matter(
        &station,
        "north",
        "us-hipaa,eu-gdpr,uk,nz,au,ca,eu-nis2,us-ca,us-tx,us-fl,us-ny,us-co,us-wa,us-nm,us-oh,us-de,us-ma,us-other",
    );
    let mut admin = admin(&station);
    for path in [
        "/clinics/north/assets",
        "/clinics/north/timeline?days=365",
        "/clinics/north/coverage",
        "/clinics/north/deadlines",
        "/clinics/north/deadlines/1",
        "/clinics/north/reviews",
        "/knowledge",
        "/settings",
    ] {
        let answer = admin.get(path);
        println!("{path}: {} octets", answer.text.len());
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.text.len() <= 150_000, "{path}: {}", answer.text.len());
    }
    each_device_once(&mut admin);
    each_mark_once(&mut admin);
}

/// A report of two hundred hosts with twenty services each.
fn two_hundred_hosts(station: &Station) {
    let mut caller = station.enrolled("north", 9);
    let hosts = (0..200u64).map(|n| HostEntry {
        id: HostId(n << 32 | 77),
        zone: Zone::Clinical,
        address: Some([192, 168, 20, n as u8].into()),
        maker: Some([0, 0x13, 0xdd]),
    });
    let mut sightings: Vec<Sighting> = Vec::new();
    for n in 0..200u64 {
        let id = HostId(n << 32 | 77);
        sightings.push(sighting(Subject::Host(id), Fact::Role(HostRole::Modality), 1_000 + n));
        let sign = SystemSign {
            place: SignPlace::NtlmChallenge,
            family: SystemFamily::Windows,
            major: 6,
            minor: 1,
            build: 7_601,
        };
        sightings.push(sighting(Subject::Host(id), Fact::System(sign), 1_000 + n));
        for port in 0..20u16 {
            sightings.push(sighting(
                Subject::Service(id, Transport::Tcp, 100 + port),
                Fact::Protocol(Protocol::Elasticsearch),
                1_000 + n,
            ));
        }
    }
    let mut payload = full(0, 3_600_000, sightings);
    let Payload::Full(summary) = &mut payload else { panic!("a full one") };
    summary.summary.hosts = hosts.collect::<Vec<_>>().try_into().unwrap();
    let reports = [caller.ear.chain(1).remove(0), caller.ear.say(&payload)];
    assert_eq!(Way::to(station, Some(&caller)).reports(&reports).0, 200);
    let judge = auscult_collector::judge::Judge::new(&station.service().desk().knowledge);
    judge.catch_up(&station.clinic("north"), station.now()).unwrap();
}

/// Findings of half a year, and ninety days of six sensors, each of them bad.
fn five_hundred_findings(station: &Station, sensor: SensorId) {
    let data = rusqlite::Connection::open(&station.config.store).unwrap();
    data.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    data.execute_batch("BEGIN IMMEDIATE").unwrap();
    let north = station.clinic("north").id();
    for n in 0..500u64 {
        let subject = postcard::to_allocvec(&Subject::Host(HostId((n << 40) | n))).unwrap();
        let at = station.now().0 - n * 7 * 3_600_000;
        let finding = "INSERT INTO finding VALUES (?1, ?2, 'dicom-no-user-identity', ?3, 1, ?4, 90, x'00', ?5, ?5, 1, ?5, 0, NULL, NULL, 1)";
        data.execute(finding, rusqlite::params![north.0, sensor.0, subject, (n % 5) as i64, at as i64]).unwrap();
        let step = "INSERT INTO finding_step VALUES (?1, ?2, 'security-went-down', ?3, 1, ?4, 'opened', ?5, NULL)";
        data.execute(step, rusqlite::params![north.0, sensor.0, subject, at as i64, (n % 5) as i64]).unwrap();
    }
    for n in 0..6u8 {
        for day in 0..90 {
            let row = "INSERT INTO listened VALUES (?1, ?2, ?3, x'0f0f0f0f0f0f0f0f0f0f0f0f', 9000, 100, 50, ?4)";
            let id = if n == 0 { sensor.0 } else { [n; 16] };
            let day = (station.now().days() - day) as i64;
            data.execute(
                &row.replace("INSERT", "INSERT OR REPLACE"),
                rusqlite::params![north.0, id, day, 1 << (day % 7)],
            )
            .unwrap();
        }
    }
    data.execute_batch("COMMIT").unwrap();
}

/// Page by page.
fn each_device_once(admin: &mut Guest) {
    let (mut path, mut devices) = ("/clinics/north/assets".to_owned(), 0);
    for _ in 0..10 {
        let page = admin.get(&path);
        devices += page.text.matches("<tr id=").count();
        if !page.text.contains("Next devices") {
            break;
        }
        path = format!("/clinics/north/assets?after={}", page.between("/assets?after=", "\""));
    }
    assert_eq!(devices, 201);
    let page = admin.get("/clinics/north/assets").text;
    assert!(
        page.contains("Windows, no longer mended by its maker")
            && page.contains("Abbott Diagnostics")
            && page.contains("192.168.20."),
        "{page}"
    );
}

/// Page by page; once more, if the judge found something meanwhile.
fn each_mark_once(admin: &mut Guest) {
    for _ in 0..5 {
        let (before, marks, after) = (all_marks(admin), listed_marks(admin), all_marks(admin));
        if before == after {
            assert!(marks == after && after > 2_900, "{marks} of {after}");
            return;
        }
    }
    panic!("the judge never rests");
}

fn listed_marks(admin: &mut Guest) -> usize {
    let (mut path, mut marks) = ("/clinics/north/timeline?days=365".to_owned(), 0);
    for _ in 0..100 {
        let page = admin.get(&path);
        marks += page.between("id=\"marks\"", "</table>").matches("<tr><th scope=\"row\"").count();
        if !page.text.contains("Older marks") {
            break;
        }
        path = format!(
            "/clinics/north/timeline{}",
            page.between("<a class=\"button small\" href=\"/clinics/north/timeline?from", "\"")
                .replace("&amp;", "&")
                .replace("&#38;", "&")
        );
        path = path.replacen("timeline=", "timeline?from=", 1);
    }
    marks
}

/// As the lanes count them.
fn all_marks(admin: &mut Guest) -> usize {
    let page = admin.get("/clinics/north/timeline?days=365").text;
    let counts = page.split("<span class=\"count\">").skip(1);
    counts.map(|t| t.split('<').next().unwrap().parse::<usize>().unwrap()).sum()
}
