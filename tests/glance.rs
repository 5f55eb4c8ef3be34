//! How long a look takes: `cargo run --release -p auscult-tests --bin glance`. A person's pages of an archive with a thousand clinics and
//! of a clinic with two hundred hosts and five hundred findings, asked one after the other over TLS on loopback, while nothing else is
//! asked; rounds of the ledgers and judging go on as always.
//!
//! Prints for each page its size and, from the first octet asked to the last one read, p50 and p99 in milliseconds, and the processor
//! time of all of it (this program is server and browser in one). Keeps: nothing; the archive goes at the end.

#![allow(clippy::disallowed_methods, reason = "a program that measures")]

use auscult_tests::guest::admin;
use auscult_tests::spent::cpu_ms;
use auscult_tests::station::Station;
use auscult_tests::throng::throng;
use clap::Parser;
use std::process::id;
use std::time::Instant;

#[derive(Parser)]
#[command(about = "Measures how long pages take, and what they cost")]
struct Arguments {
    /// Clinics.
    #[arg(long, default_value_t = 1_000)]
    clinics: u32,
    /// Hosts of the large clinic.
    #[arg(long, default_value_t = 200)]
    hosts: u64,
    /// Findings of the large clinic.
    #[arg(long, default_value_t = 500)]
    findings: u64,
    /// How often each page is asked.
    #[arg(long, default_value_t = 200)]
    times: usize,
}

fn main() {
    let arguments = Arguments::parse();
    let station = Station::new();
    let found = throng(&station, arguments.clinics, arguments.hosts, arguments.findings);
    let mut maria = admin(&station);
    let finding = format!("/clinics/north/findings/{}/{}/{}", found.sensor, found.rule, found.subject);
    println!("{} clinics; one with {} hosts and {} findings", arguments.clinics, arguments.hosts, arguments.findings);
    println!("{:34} {:>8} {:>9} {:>9} {:>9}", "page", "octets", "p50 ms", "p99 ms", "CPU ms");
    let every = ["/", "/fleet", "/fleet?order=name", "/clinics/north", "/clinics/north/sensors", &finding, "/people"];
    for path in every {
        let first = maria.get(path);
        assert_eq!(first.status, 200, "{path}");
        let before = cpu_ms(id());
        let mut took: Vec<f64> = (0..arguments.times)
            .map(|_| {
                let begun = Instant::now();
                let octets = maria.get(path).text.len();
                assert!(octets > 0);
                begun.elapsed().as_secs_f64() * 1_000.0
            })
            .collect();
        let cpu = (cpu_ms(id()) - before) as f64 / arguments.times as f64;
        took.sort_by(f64::total_cmp);
        let at = |permille: usize| took[(took.len() - 1) * permille / 1_000];
        let name: String = path.chars().take(34).collect();
        println!("{name:34} {:8} {:9.1} {:9.1} {cpu:9.1}", first.text.len(), at(500), at(990));
    }
}
