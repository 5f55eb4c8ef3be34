//! Months without anybody looking: eight days of a clinic of 300 hosts, with phones that come and go, a flood of SYNs of invented
//! addresses and one of invented hardware addresses; then every table filled at once. `cargo test` plays a tenth of it;
//! `cargo run --release -p auscult-tests --bin days` all of it, against the real program.
//!
//! Counts as failure: a table beyond its bound, a real host or service that is not told at the end or has another pseudonym,
//! something let go and not counted. Does not: what a flood invented and nobody remembers.

use auscult_agent::capture::{Frame, Link};
use auscult_agent::config::Memory;
use auscult_agent::places::Places;
use auscult_agent::sensor::{Sensor, Settings};
use auscult_agent::window::Windows;
use auscult_report::payload::{Payload, Place};
use auscult_report::subject::Subject;
use auscult_report::summary::{Counters, Summary};
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;
use auscult_tests::season::{BEGIN_MS, Season, WINDOW_MS};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

#[test]
fn after_eight_days_and_two_floods_the_clinic_is_known_as_before_and_what_was_shed_is_counted() {
    let season = Season { days: 8, hosts: 300, every: 10 };
    let mut long = Long::new();
    let played = season.play(&mut |at, frame| long.hear(at, frame));
    long.close();
    println!("{played:?}\n{:?}\n{} reports, {:?}", long.most, long.reports, long.shed);
    assert!(played.spoofed == 500_000 && played.invented == 100_000 && played.phones > 2_000, "{played:?}");
    let memory = Memory::default();
    assert!(
        long.most.0 <= memory.hosts && long.most.1 <= memory.rows && long.most.2 <= memory.known,
        "{:?}",
        long.most
    );
    assert!(long.most.0 > memory.hosts / 8 * 7 && long.most.1 >= memory.rows / 2, "it never was full: {:?}", long.most);
    assert!(long.shed.hosts_let_go > 0 && long.shed.conversations_let_go > 0, "{:?}", long.shed);
    assert!(long.shed.observations_let_go > 0, "{:?}", long.shed);
    // A sensor with the same key that heard nothing but one talk with each service.
    let mut alone = Long::new();
    season.talks(&mut |at, frame| alone.hear(at, frame));
    alone.close();
    let (wanted, told) = (alone.services(), long.services());
    let missing: Vec<_> = wanted.difference(&told).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    assert_eq!(wanted.len(), season.services().len());
    println!("{} services known at the end, each under its first pseudonym", wanted.len());
}

/// The engine and its windows over a long time.
struct Long {
    sensor: Sensor,
    windows: Windows,
    end: u64,
    base: Summary,
    state: Summary,
    reports: u64,
    /// The most that there was: hosts, sightings of a window, sightings known.
    most: (usize, usize, usize),
    shed: Counters,
}

impl Long {
    fn new() -> Long {
        let home = vec![
            ("192.168.0.0/16".parse().unwrap(), Zone::SameSegment),
            ("2001:db8:20::/64".parse().unwrap(), Zone::SameSegment),
        ];
        Long {
            sensor: Sensor::new(Settings { places: Places::new(home), key: [5; 32], ..Settings::default() }),
            windows: Windows::with_room(Memory::default().known),
            end: BEGIN_MS + WINDOW_MS,
            base: Summary::default(),
            state: Summary::default(),
            reports: 0,
            most: (0, 0, 0),
            shed: Counters::default(),
        }
    }

    fn hear(&mut self, at_ms: u64, octets: &[u8]) {
        while at_ms >= self.end {
            self.turn();
        }
        let wire_octets = u32::try_from(octets.len()).unwrap();
        self.sensor.hear(&Frame { at: Timestamp(at_ms), link: Link::Ethernet, octets, wire_octets, domain: None });
        self.sensor.urgent();
    }

    fn turn(&mut self) {
        self.most.0 = self.most.0.max(self.sensor.hosts().iter().count());
        let summary = self.sensor.turn(Timestamp(self.end));
        self.end += WINDOW_MS;
        self.tell(summary);
    }

    fn close(&mut self) {
        let summary = self.sensor.close();
        self.tell(summary);
    }

    fn tell(&mut self, summary: Summary) {
        self.most.1 = self.most.1.max(summary.sightings.len());
        let Some(payload) = self.windows.close(summary) else { return };
        self.reports += 1;
        self.windows.written(Place { epoch: 0, seq: self.reports }, &payload);
        let counters = match payload {
            Payload::Full(full) => {
                (self.base, self.state) = (full.summary.clone(), full.summary.clone());
                full.summary.counters
            }
            Payload::Changes(changes) => {
                self.state = changes.onto(&self.base);
                changes.counters
            }
            other => panic!("{other:?}"),
        };
        self.most.2 = self.most.2.max(self.state.sightings.len());
        self.shed.hosts_let_go += counters.hosts_let_go;
        self.shed.conversations_let_go += counters.conversations_let_go;
        self.shed.observations_let_go += counters.observations_let_go;
    }

    /// Which services are known, with address, port and pseudonym.
    fn services(&self) -> BTreeSet<(IpAddr, u16, u64)> {
        let addresses: BTreeMap<_, _> = self.state.hosts.iter().map(|h| (h.id, h.address)).collect();
        let services = self.state.sightings.iter().filter_map(|s| match s.subject {
            Subject::Service(id, _, port) => Some((addresses.get(&id).copied().flatten()?, port, id.0)),
            _ => None,
        });
        services.filter(|(address, ..)| address.is_ipv4()).collect()
    }
}
