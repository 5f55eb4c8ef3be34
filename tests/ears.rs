//! What a live sensor says of its own ears, in a network namespace of each test's own: the kind of sight, what was lost, how long it was
//! deaf, how long nobody listened.
//!
//! Counts as failure: an absence that is not told, one that is invented, frames that no interface had. Does not: a second here or there.

use auscult_report::coverage::{Coverage, Ear, EarWay, Sight};
use auscult_report::machine::Machine;
use auscult_report::payload::{Extras, Payload};
use auscult_report::seal::VerifiedReport;
use auscult_tests::cable::{Listener, Mouth, cable, ip, is_inside};
use auscult_tests::frames::segment;
use auscult_tests::sensor::wait_until;
use std::time::Duration;
use std::{fs, thread};

#[test]
fn an_interface_that_goes_is_deaf_for_so_long_and_each_tells_what_it_really_hears() {
    if !is_inside("an_interface_that_goes_is_deaf_for_so_long_and_each_tells_what_it_really_hears") {
        return;
    }
    cable("heard0", "there0");
    cable("heard1", "there1");
    let more = "[window]\nlength_s = 3600\n";
    let mut listener = Listener::start("ears", &[], &["heard0", "heard1"], more);
    let (client, server) = (([192, 168, 20, 9], 50_000), ([192, 168, 20, 5], 104));
    let both = [segment(client, server, 1, 16, b"a"), segment(server, client, 1, 16, b"b")];
    let to_all: Vec<Vec<u8>> = (0..40).map(|_| to_all(&both[0])).collect();
    Mouth::at("there0").say_all(&to_all);
    Mouth::at("there1").say_all(&vec![both; 20].concat());
    ip("link set heard1 down");
    listener.until("not heard any more");
    thread::sleep(AWAY);
    ip("link set heard1 up");
    listener.until(" heard ");
    listener.stop();
    let (reports, _) = listener.reports();
    let (coverage, frames) = covered(&reports).pop().unwrap();
    let [first, second] = &coverage.ears[..] else { panic!("two interfaces: {coverage:?}") };
    assert_eq!((first.sight, first.group, first.foreign, first.deaf_s), (Sight::Broadcast, 40, 0, 0), "{coverage:?}");
    assert_eq!((second.sight, second.foreign, second.conversations, second.both_sides), (Sight::Mirror, 40, 1, 1));
    assert!(u64::from(second.deaf_s) >= AWAY.as_secs() - 1 && second.deaf_s <= coverage.seconds, "{coverage:?}");
    assert!([first, second].iter().all(|ear: &&Ear| ear.heard && ear.way == EarWay::Ring && ear.lost == 0));
    assert_eq!((first.number, second.number, first.frames + second.frames), (0, 1, frames), "{coverage:?}");
    assert_eq!((coverage.off_s, coverage.jumped_ahead_s, coverage.jumped_back_s), (Some(0), 0, 0));
    let machine = machines(&reports).pop().unwrap();
    assert!(machine.restraint.no_capability && machine.restraint.no_new_privs, "{machine:?}");
    assert!(machine.memory_own_kib > 1_000 && machine.memory_own_kib < machine.memory_total_kib, "{machine:?}");
    let shown = listener.command("status");
    let line = |name: &str| shown.lines().find(|l| l.starts_with(name)).unwrap_or_else(|| panic!("{shown}")).to_owned();
    assert!(line("heard0").contains("broadcasts only") && line("heard1").contains("away"), "{shown}");
    assert!(line("restraint").contains("no administrator's right"), "{shown}");
    println!("{coverage:?}\n{machine:?}");
}

#[test]
fn what_the_kernel_had_no_room_for_is_told_of_the_interface_that_lost_it() {
    if !is_inside("what_the_kernel_had_no_room_for_is_told_of_the_interface_that_lost_it") {
        return;
    }
    cable("heard0", "there0");
    cable("heard1", "there1");
    let more = "[window]\nlength_s = 3600\n[capture]\nbuffer_kib = 512\n";
    let mut listener = Listener::start("room", &[], &["heard0", "heard1"], more);
    // Nobody hears for a moment; what does not fit into half a MiB is lost.
    let pid = listener.child.id().to_string();
    signal("-STOP", &pid);
    let long = segment(([192, 168, 20, 9], 50_000), ([192, 168, 20, 5], 104), 1, 16, &[7; 1_400]);
    Mouth::at("there1").say_all(&vec![long; 2_000]);
    signal("-CONT", &pid);
    listener.until("no room for frames");
    listener.stop();
    let (coverage, frames) = covered(&listener.reports().0).pop().unwrap();
    let lost: Vec<u64> = coverage.ears.iter().map(|ear| ear.lost).collect();
    assert!(lost[0] == 0 && lost[1] > 500, "{coverage:?}");
    assert_eq!(frames + lost[1], 2_000, "each frame was heard or is told as lost");
}

#[test]
fn after_a_restart_the_first_report_tells_how_long_nobody_listened() {
    if !is_inside("after_a_restart_the_first_report_tells_how_long_nobody_listened") {
        return;
    }
    cable("heard", "there");
    let mut listener = Listener::start("off", &[], &["heard"], "[window]\nlength_s = 10\n");
    let alive = listener.folder.join("state/alive");
    wait_until(|| alive.exists());
    listener.child.kill().unwrap();
    listener.child.wait().unwrap();
    thread::sleep(AWAY);
    let mut again = Listener::run(&listener.folder);
    again.until(" heard ");
    again.stop();
    let told: Vec<Option<u32>> = covered(&again.reports().0).iter().map(|(c, _)| c.off_s).collect();
    let [first, second] = told[..] else { panic!("a whole report of each run: {told:?}") };
    assert_eq!(first, Some(0), "the first run of all");
    assert!(second.is_some_and(|s| u64::from(s) >= AWAY.as_secs() - 1 && s < 600), "{second:?}");
    assert!(fs::read(&alive).is_ok());
}

fn signal(name: &str, pid: &str) {
    assert!(std::process::Command::new("kill").args([name, pid]).status().unwrap().success());
}

/// The same frame for all.
fn to_all(frame: &[u8]) -> Vec<u8> {
    [&[0xff; 6], &frame[6..]].concat()
}

/// What each report of a window says that was covered, and its frames.
fn covered(reports: &[VerifiedReport]) -> Vec<(Coverage, u64)> {
    reports.iter().filter_map(|r| ext(r).and_then(|(ext, frames)| Some((Coverage::within(ext)?, frames)))).collect()
}

fn machines(reports: &[VerifiedReport]) -> Vec<Machine> {
    reports.iter().filter_map(|r| Machine::within(ext(r)?.0)).collect()
}

fn ext(report: &VerifiedReport) -> Option<(&Extras, u64)> {
    match report.payload()? {
        Payload::Full(full) => Some((&full.ext, full.summary.counters.frames)),
        Payload::Changes(changes) => Some((&changes.ext, changes.counters.frames)),
        _ => None,
    }
}

/// How long something is away; what is told of it is at least as long, but for a second.
const AWAY: Duration = Duration::from_secs(3);
