//! An archive as a large provider has it: a thousand clinics with a sensor, open matters and a year of days each, and one clinic with
//! two hundred hosts and five hundred findings. Written into the data base beside the program: pages are measured, not the door.

use crate::guest::{Found, found};
use crate::station::Station;
use auscult_report::fact::Fact;
use auscult_report::subject::{HostId, Subject, Transport};
use auscult_report::zone::Zone;
use rusqlite::{Connection, params};
use std::time::Duration;

/// Fills an archive; the large clinic is `north`.
///
/// # Panics
/// If the data base does not take it.
pub fn throng(station: &Station, clinics: u32, hosts: u64, findings: u64) -> Found {
    let found = found(station, "north", 1);
    let data = Connection::open(&station.config.store).unwrap();
    data.busy_timeout(Duration::from_secs(20)).unwrap();
    let (today, now) = (i64::try_from(station.now().days()).unwrap(), i64::try_from(station.now().0).unwrap());
    let proof =
        postcard::to_allocvec(&vec![(Fact::DicomAccepted, Some(Zone::Outside)), (Fact::Medical, None)]).unwrap();
    data.execute_batch("BEGIN IMMEDIATE").unwrap();
    let insert = "INSERT INTO finding VALUES (?1, ?2, ?3, ?4, 1, ?5, 90, ?6, ?7, ?7, 1, ?7, 0, NULL, NULL, 1)";
    for n in 0..clinics {
        let id = [&[0xee; 12][..], &n.to_be_bytes()].concat();
        let named = params![id, format!("clinic-{n}"), format!("Medical practice number {n}")];
        data.execute("INSERT INTO clinic VALUES (?1, ?2, ?3, 'active', ?1, 1, 1, 0, 0)", named).unwrap();
        data.execute("INSERT INTO site VALUES (?1, 'main', 'Main building')", [&id]).unwrap();
        let own = params![id, now];
        data.execute("INSERT INTO sensor VALUES (?1, ?1, 'main', 'active', 'words compared', ?2, ?2)", own).unwrap();
        data.execute("INSERT INTO sensor_state VALUES (?1, ?1, NULL, ?2, 0, 3)", own).unwrap();
        data.execute("INSERT INTO judged VALUES (?1, ?1, 0, ?2, ?3, 1, ?3, x'', 0)", params![id, today, now]).unwrap();
        // Every day another level, somebody listened on most of them: the longest picture that there is.
        let cells: Vec<u8> =
            (0..370u32).map(|day| ((day + n) as u8 % 6) | if day % 9 == 0 { 0 } else { 0x80 }).collect();
        data.execute("INSERT INTO strip VALUES (?1, ?2, ?3)", params![id, today, cells]).unwrap();
        for (k, rule) in RULES.iter().enumerate() {
            let subject = postcard::to_allocvec(&Subject::Host(HostId(u64::from(n)))).unwrap();
            data.execute(insert, params![id, id, rule, subject, (k as i64 + i64::from(n)) % 5, proof, now]).unwrap();
            if k == 0 {
                let decided = "INSERT INTO decision (clinic_id, sensor_id, rule, subject, what, reason, until_ms, severity, person,
                                   decided_ms, statement)
                               VALUES (?1, ?1, ?2, ?3, 'accepted', 'The archive moves next month.', ?4, 4, 'maria', ?5, zeroblob(32))";
                data.execute(decided, params![id, rule, subject, now + 86_400_000, now]).unwrap();
            }
        }
    }
    let north = station.clinic("north").id();
    for n in 0..findings {
        let host = HostId((n % hosts) << 40);
        let subject = if n < hosts {
            Subject::Host(host)
        } else {
            Subject::Service(host, Transport::Tcp, 1_000 + u16::try_from(n / hosts).unwrap())
        };
        let subject = postcard::to_allocvec(&subject).unwrap();
        let values = params![north.0, found.sensor.0, RULES[1], subject, i64::try_from(n % 5).unwrap(), proof, now];
        data.execute(insert, values).unwrap();
        let step = "INSERT INTO finding_step VALUES (?1, ?2, ?3, ?4, 1, ?5, 'opened', 3, NULL)";
        data.execute(step, params![north.0, found.sensor.0, RULES[1], subject, now]).unwrap();
    }
    data.execute_batch("COMMIT").unwrap();
    found
}

/// Rules of the catalogue; the first is decided about at each clinic.
const RULES: [&str; 4] = ["dicom-old-toolkit", "dicom-no-user-identity", "web-shows-versions", "hl7-cleartext"];
