//! What goes wrong while interfaces are heard: the daemon is killed, its disk is full.
//!
//! Failure: an acknowledged report that is gone, a number used twice, a chain that does not hold, a window that counts time in
//! which nobody listened, a daemon that does not go on. Not a failure: what was in hand when it was killed; the next window
//! says from when it listened again.
//! Elsewhere: an interface that goes and comes, or is not there at the start (`live.rs`); a clock that jumps (`clock.rs`, by the
//! engine: a live daemon's clock is the machine's); a power cut, as a kill and the loss of what the disk was not told to keep
//! (`spool.rs`, where each step fails in three ways on a disk that forgets).

use auscult_report::payload::Payload;
use auscult_report::seal::{SealedReport, VerifiedReport};
use auscult_report::time::Window;
use auscult_tests::archive::Dice;
use auscult_tests::cable::{Listener, Mouth, cable, frames, is_inside};
use auscult_tests::nest::{verify, walk};
use auscult_tests::opposite::Desk;
use auscult_tests::sensor::{Sensor, wait_until};
use auscult_tests::{agent, recorded};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[test]
fn killed_while_it_hears_and_delivers_it_goes_on_and_says_since_when() {
    if !is_inside("killed_while_it_hears_and_delivers_it_goes_on_and_says_since_when") {
        return;
    }
    cable("heard", "there");
    let (desk, sensor) = enrolled("state");
    let (mut dice, over) = (Dice(0x5eed), AtomicBool::new(false));
    let mut kills = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| speak(&over));
        while kills < KILLS {
            let mut listener = Listener::run(&sensor.folder);
            listener.until(" heard ");
            // Within its first window, or behind it: while it seals, writes, delivers and hears on.
            if kills % 2 == 0 {
                listener.until(" window ");
            }
            std::thread::sleep(Duration::from_millis(dice.below(3_000)));
            // -9, and no word before. The folder stays: it is the sensor's.
            listener.child.kill().unwrap();
            listener.child.wait().unwrap();
            std::mem::forget(listener);
            kills += 1;
        }
        let mut listener = Listener::run(&sensor.folder);
        listener.until(" window ");
        over.store(true, Ordering::Relaxed);
        listener.stop();
        // What the collector has, and behind it what waits for it.
        let (waiting, identity) = listener.reports();
        let mut reports: Vec<VerifiedReport> = Vec::new();
        for octets in desk.book().stored.values() {
            reports.push(verify(&SealedReport::from_octets(octets.clone()), &identity));
        }
        let delivered = reports.len();
        let newest = reports.last().unwrap().header().place;
        reports.extend(waiting.into_iter().filter(|report| report.header().place > newest));
        assert_eq!(walk(&reports), 1, "one epoch, every number once");
        assert_eq!(reports.last().unwrap().header().place, sensor.head(), "nothing is missing at the end");
        let windows = windows(&reports);
        assert!(windows.iter().zip(windows.iter().skip(1)).all(|(one, next)| one.to <= next.from), "{windows:?}");
        let deaf = windows.iter().zip(windows.iter().skip(1)).filter(|(one, next)| one.to < next.from).count();
        println!(
            "{kills} kills: {delivered} of {} reports delivered, {} windows, {deaf} gaps",
            reports.len(),
            windows.len()
        );
        assert!(deaf > 0, "who was killed did not listen meanwhile");
    });
}

/// The windows that reports tell of, in order.
fn windows(reports: &[VerifiedReport]) -> Vec<Window> {
    let window = |report: &VerifiedReport| match report.payload().unwrap() {
        Payload::Full(full) => Some(full.summary.window),
        Payload::Changes(changes) => Some(changes.window),
        _ => None,
    };
    reports.iter().filter_map(window).collect()
}

#[test]
fn with_a_full_disk_it_goes_on_hearing_and_tells_it_when_there_is_room() {
    if !is_inside("with_a_full_disk_it_goes_on_hearing_and_tells_it_when_there_is_room") {
        return;
    }
    cable("heard", "there");
    let (desk, sensor) = enrolled("small");
    let small = sensor.folder.join("small");
    fs::rename(sensor.folder.join("state"), sensor.folder.join("made")).unwrap();
    fs::create_dir(&small).unwrap();
    // A disk of 512 KiB of its own, which nobody else sees.
    let mut run = Command::new("unshare");
    let mount = "mount -t tmpfs -o size=512k none \"$1\" && cp -a \"$2\"/. \"$1\" && chmod 700 \"$1\" && exec \"$3\" run -c \"$4\"";
    run.args(["-m", "sh", "-c", mount, "sh"]).arg(&small).arg(sensor.folder.join("made"));
    run.arg(agent().get_program()).arg(sensor.folder.join("agent.toml"));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| speak(&over));
        let mut listener = Listener::of(&sensor.folder, run);
        listener.until(" heard ");
        listener.until("sealed");
        let seen = Path::new("/proc")
            .join(listener.child.id().to_string())
            .join("root")
            .join(small.strip_prefix("/").unwrap());
        let filler = seen.join("filler");
        assert!(fs::write(&filler, vec![0u8; 1 << 20]).is_err(), "there is no room left");
        listener.until("not written; goes into the next report");
        let stored = desk.book().stored.len();
        fs::remove_file(&filler).unwrap();
        listener.until("sealed");
        wait_until(|| desk.book().stored.len() > stored);
        over.store(true, Ordering::Relaxed);
        listener.stop();
    });
    let book = desk.book();
    let head = book.head.unwrap().place;
    assert_eq!((head.epoch, head.seq), (0, book.stored.len() as u64 - 1), "one chain without a gap");
    println!("full and empty again: {} reports, all delivered", book.stored.len());
}

/// A sensor that hears `heard` and keeps its state in a folder of this name. It is enrolled with `state`.
fn enrolled(folder: &str) -> (Desk, Sensor) {
    let (desk, sensor) = (Desk::open(), Sensor::with(""));
    let text = |state: &str| {
        format!(
            "state = \"{0}/{state}\"\n[identity]\nmachine_id = \"{0}/none\"\n[clinic]\nhome = [\"192.168.20.0/24\"]\n[window]\n\
             length_s = 10\n[[capture.interface]]\nname = \"heard\"\n",
            sensor.folder.display()
        )
    };
    fs::write(sensor.folder.join("agent.toml"), text("state")).unwrap();
    sensor.enrol(&desk).unwrap();
    fs::write(sensor.folder.join("agent.toml"), text(folder)).unwrap();
    (desk, sensor)
}

/// A clinic's day, over and over, each time with something new to tell.
fn speak(over: &AtomicBool) {
    let days: Vec<_> = recorded().into_iter().filter_map(|capture| frames(&capture)).collect();
    let mut mouth = Mouth::at("there");
    for frame in days.iter().flatten().cycle() {
        if over.load(Ordering::Relaxed) {
            return;
        }
        mouth.say(frame);
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// Enough to hit each of its works; `kills.rs` has more, on a file.
const KILLS: usize = 5;
