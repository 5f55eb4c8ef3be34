//! It only listens: every frame that leaves the heard interface is counted, over a whole run with enrolment and delivery on
//! another interface. There is none.
//!
//! Counts as failure: one frame, of whatever kind. The heard interface has an address in the clinic's network and the way to
//! everywhere, so that whoever looked up a name or asked a host that it heard of would be caught.

use auscult_tests::cable::{Listener, Mouth, cable, counted, frames, ip, is_inside};
use auscult_tests::opposite::Desk;
use auscult_tests::sensor::{Sensor, wait_until};
use auscult_tests::{recorded, root};
use std::fs;
use std::process::Command;

#[test]
fn no_frame_leaves_the_heard_interface() {
    if !is_inside("no_frame_leaves_the_heard_interface") {
        return;
    }
    for method in ["ring", "portable"] {
        let (sent, reports) = whole_run(method);
        println!("{method}: {sent} frames heard, {reports} reports delivered, 0 frames sent");
    }
}

/// Enrols, hears, delivers, stops.
fn whole_run(method: &str) -> (usize, usize) {
    cable("heard", "there");
    ip("address add 192.168.20.251/24 dev heard");
    ip("route add default via 192.168.20.1 dev heard");
    let capture = recorded().into_iter().find(|c| c.name == "clinic-day-mixed").unwrap();
    let frames = frames(&capture).unwrap();
    let desk = Desk::open();
    let sensor = Sensor::with("");
    let text = format!(
        "state = \"{0}/state\"\n[identity]\nmachine_id = \"{0}/none\"\n[clinic]\nhome = [\"192.168.20.0/24\"]\n[window]\n\
         length_s = 10\n[capture]\nmethod = \"{method}\"\n[[capture.interface]]\nname = \"heard\"\n",
        sensor.folder.display()
    );
    fs::write(sensor.folder.join("agent.toml"), text).unwrap();
    sensor.enrol(&desk).unwrap();
    let mut listener = Listener::run(&sensor.folder);
    listener.until(" heard ");
    let mut mouth = Mouth::at("there");
    let (mut sent, mut windows) = (0, 0);
    while windows < 2 {
        mouth.say_all(&frames);
        sent += frames.len();
        listener.until(" window ");
        windows += 1;
    }
    wait_until(|| !desk.book().stored.is_empty());
    listener.stop();
    let reports = desk.book().stored.len();
    assert!(reports > 1, "nothing was delivered");
    assert_eq!(counted("heard"), (u64::try_from(sent).unwrap(), 0), "{method}: received, sent");
    assert_eq!(counted("there").0, 0, "{method}: what came out at the other end");
    // The count would have shown it.
    let _ = Command::new("ping").args(["-c1", "-W1", "192.168.20.1"]).output();
    let _ =
        std::net::TcpStream::connect_timeout(&"192.168.20.1:80".parse().unwrap(), std::time::Duration::from_secs(1));
    assert!(counted("heard").1 > 0, "who does not count what is sent finds nothing");
    ip("link del heard");
    (sent, reports)
}

#[test]
fn the_capture_has_no_way_to_send() {
    let folder = root().join("agent/src/capture");
    let mut files = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for word in
            ["send_to", "sendto", "sendmsg", "sendmmsg", "build_and_send", "libc::write", "libc::send", "TX_RING"]
        {
            assert!(!code.contains(word), "{} has {word}", path.display());
        }
        files += 1;
    }
    assert!(files >= 8, "only {files} files were looked at");
}
