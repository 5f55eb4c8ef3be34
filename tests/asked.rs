//! What a person or a service manager asks of the running agent: to read its configuration again, to say that it is alive, to
//! end.
//!
//! Counts as failure: a configuration with a fault that changes anything or stops anything; a fact that speaks of two uses of
//! a network; a manager that is told what is not so.

use auscult_report::payload::Payload;
use auscult_report::summary::Summary;
use auscult_report::zone::Zone;
use auscult_tests::cable::{Listener, Mouth, cable, frames, ip, is_inside};
use auscult_tests::{agent, recorded};
use std::collections::BTreeSet;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;
use std::{env, fs, thread};

/// A folder with a configuration.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let folder = env::temp_dir().join(format!("auscult-asked-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn configure(&self, identity: &str, window_s: u32, more: &str) {
        let text = format!(
            "state = \"{0}/state\"\n[identity]\n{identity}machine_id = \"{0}/none\"\n[[capture.interface]]\nname = \"heard\"\n[window]\n\
             length_s = {window_s}\n{more}",
            self.0.display()
        );
        fs::write(self.0.join("agent.toml"), text).unwrap();
    }
}

fn hang_up(listener: &Listener) {
    let told = Command::new("kill").args(["-HUP", &listener.child.id().to_string()]).status().unwrap();
    assert!(told.success());
}

/// The zones of the hosts that a window tells of.
fn zones(summary: &Summary) -> BTreeSet<Zone> {
    summary.hosts.iter().map(|host| host.zone).collect()
}

#[test]
fn a_configuration_is_tested_before_it_is_taken_over_and_the_manager_knows() {
    if !is_inside("a_configuration_is_tested_before_it_is_taken_over_and_the_manager_knows") {
        return;
    }
    cable("heard", "there");
    let folder = Folder::new();
    folder.configure("", 3_600, "[clinic]\nhome = [\"192.168.20.0/24\"]\n");
    let manager = UnixDatagram::bind(folder.0.join("notify")).unwrap();
    let (heard, says) = channel();
    thread::spawn(move || {
        let mut octets = [0; 200];
        while let Ok(length) = manager.recv(&mut octets) {
            let _ = heard.send(String::from_utf8(octets[..length].to_vec()).unwrap());
        }
    });
    let told = || says.recv_timeout(Duration::from_secs(60)).unwrap();
    // An alive daemon says so often, so that it is passed over here.
    let told_next = || core::iter::repeat_with(told).find(|told| told != "WATCHDOG=1").unwrap();
    let mut run = agent();
    run.env("NOTIFY_SOCKET", folder.0.join("notify")).env("WATCHDOG_USEC", "400000");
    let mut listener = Listener::run_by(run, &folder.0);
    assert_eq!(told(), "READY=1");
    listener.until(" heard ");
    assert_eq!((told(), told()), ("WATCHDOG=1".to_owned(), "WATCHDOG=1".to_owned()));

    let capture = recorded().into_iter().find(|c| c.name == "hl7-oru-inside").unwrap();
    let frames = frames(&capture).unwrap();
    let mut mouth = Mouth::at("there");
    mouth.say_all(&frames);

    // A fault: its line is named, and nothing changes.
    folder.configure("", 3_600, "[clinic]\nhome = [\"192.168.20.0/240\"]\n");
    hang_up(&listener);
    let said = listener.until("refused");
    assert!(said.contains("line 9") && said.contains("at most 32"), "{said}");
    assert!(told_next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(told_next(), "READY=1");

    // Another use of the network, and what has to wait.
    let zone = "[clinic]\nzones = [{ network = \"192.168.20.0/24\", zone = \"guest\" }]\n";
    folder.configure("accept_copied_key = true\n", 1_800, &format!("{zone}[spool]\noctets = 2097152\n"));
    hang_up(&listener);
    listener.until("read again");
    assert!(listener.until("next start").contains("identity"));
    listener.until(" window ");
    assert!(told_next().starts_with("RELOADING=1"));
    assert_eq!(told_next(), "READY=1");

    mouth.say_all(&frames);
    listener.stop();
    assert_eq!(told_next(), "STOPPING=1");
    let (reports, _) = listener.reports();
    let windows = reports.iter().filter_map(|r| match r.payload() {
        Some(Payload::Full(full)) if !full.summary.hosts.is_empty() => Some(zones(&full.summary)),
        _ => None,
    });
    assert_eq!(windows.collect::<Vec<_>>(), [BTreeSet::from([Zone::SameSegment]), BTreeSet::from([Zone::Guest])]);
    ip("link del heard");
}
