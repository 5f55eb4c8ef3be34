//! It only listens: every frame that leaves the heard interface is counted, over a whole run with enrolment, delivery
//! and renewal on another interface, behind which the collector is another machine. There is none.
//!
//! Counts as failure: one frame, of whatever kind. The heard interface has an address in the clinic's network and the way to
//! everywhere, so that whoever looked up a name or asked a host that it heard of would be caught.

use auscult_agent::capture::interface::{Keeping, Role, Wanted, Way};
use auscult_agent::capture::several::Several;
use auscult_tests::cable::{Listener, Mouth, cable, counted, frames, ip, is_inside};
use auscult_tests::far::Far;
use auscult_tests::opposite::{Desk, page};
use auscult_tests::sensor::{Sensor, wait_until};
use auscult_tests::{recorded, root};
use std::fs;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

#[test]
fn no_frame_leaves_the_heard_interface() {
    if !is_inside("no_frame_leaves_the_heard_interface") {
        return;
    }
    for method in ["ring", "portable"] {
        let far = Far::at("uplink", "10.99.0.2/24", "10.99.0.1/24");
        let (sent, reports, delivered) = whole_run(method, &far);
        println!(
            "{method}: {sent} frames heard, {reports} reports in {delivered} frames over the other, 0 frames sent"
        );
        ip("link del uplink");
    }
}

/// Enrols, hears, delivers, renews its certificate, stops.
fn whole_run(method: &str, far: &Far) -> (usize, usize, u64) {
    cable("heard", "there");
    ip("address add 192.168.20.251/24 dev heard");
    ip("route add default via 192.168.20.1 dev heard");
    let capture = recorded().into_iter().find(|c| c.name == "clinic-day-mixed").unwrap();
    let frames = frames(&capture).unwrap();
    let desk = far.does(|| Desk::at("10.99.0.1"));
    let sensor = Sensor::with("");
    configure(&sensor, method, "heard");
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
        // A certificate that is not taken any more is renewed.
        desk.book().instead.push_back(("/v1/reports", page(401, "", b"")));
    }
    let renewals = || desk.book().bodies("/v1/sensor/renew").len();
    wait_until(|| desk.book().stored.len() > 1 && renewals() > 1);
    listener.stop();
    let reports = desk.book().stored.len();
    assert_eq!(counted("heard"), (u64::try_from(sent).unwrap(), 0), "{method}: received, sent");
    assert_eq!(counted("there").0, 0, "{method}: what came out at the other end");
    let delivered = counted("uplink").1;
    assert!(delivered > 20, "the delivery went over the other interface: {delivered} frames");
    // The count would have shown it.
    let _ = Command::new("ping").args(["-c1", "-W1", "192.168.20.1"]).output();
    let _ = TcpStream::connect_timeout(&"192.168.20.1:80".parse().unwrap(), Duration::from_secs(1));
    assert!(counted("heard").1 > 0, "who does not count what is sent finds nothing");
    ip("link del heard");
    (sent, reports, delivered)
}

fn configure(sensor: &Sensor, method: &str, interface: &str) {
    let text = format!(
        "state = \"{0}/state\"\n[identity]\nmachine_id = \"{0}/none\"\n[clinic]\nhome = [\"192.168.20.0/24\", \
         \"10.99.0.0/24\"]\n[window]\nlength_s = 10\n[capture]\nmethod = \"{method}\"\n[[capture.interface]]\n\
         name = \"{interface}\"\n",
        sensor.folder.display()
    );
    fs::write(sensor.folder.join("agent.toml"), text).unwrap();
}

#[test]
fn what_it_says_to_its_collector_is_not_heard_and_what_others_say_there_is() {
    if !is_inside("what_it_says_to_its_collector_is_not_heard_and_what_others_say_there_is") {
        return;
    }
    for method in ["ring", "portable"] {
        // One interface: it is heard, and the way to the collector leads over it.
        let far = Far::at("uplink", "10.99.0.2/24", "10.99.0.1/24");
        let [desk, other] = [(); 2].map(|()| far.does(|| Desk::at("10.99.0.1")));
        let (sensor, stranger) = (Sensor::with(""), Sensor::with(""));
        configure(&sensor, method, "uplink");
        sensor.enrol(&desk).unwrap();
        far.acquaint("uplink");
        // Who hears everything.
        let wanted = Wanted { name: "uplink".to_owned(), role: Role::Lan, promiscuous: true, leaving: true };
        let keeping = Keeping { way: Way::Ring, snap_octets: 256, buffer_octets: 8 << 20 };
        let mut everything = Several::open(&[wanted], keeping, Vec::new()).unwrap();
        everything.look(0);
        let mut listener = Listener::run(&sensor.folder);
        listener.until(" heard ");
        wait_until(|| desk.book().stored.len() > 1);
        // From the same machine to another port of the same host: not its conversation.
        stranger.enrol(&other).unwrap();
        wait_until(|| desk.book().paths().len() > 5);
        let ended = listener.stop();
        let (mut own, mut others) = (0, 0);
        everything.rest(&|| 0, &mut |frame| {
            let is_own = [34, 36].iter().any(|at| frame.octets[*at..*at + 2] == desk.port.to_be_bytes());
            assert_eq!((&frame.octets[12..14], frame.octets[23]), (&[8, 0][..], 6), "nobody else speaks");
            *(if is_own { &mut own } else { &mut others }) += 1;
        });
        println!("{method}: {own} frames of its own, {others} of another conversation; {ended}");
        assert!(own > 30 && others > 10);
        assert!(
            ended.contains(&format!(" frames={others} ")),
            "it heard what is not its own, and nothing else: {ended}"
        );
        ip("link del uplink");
    }
}

#[test]
fn what_the_kernel_itself_says_is_turned_off_before_and_not_by_us() {
    if !is_inside("what_the_kernel_itself_says_is_turned_off_before_and_not_by_us") {
        return;
    }
    // As a system sets up an interface of its own: with IPv6 the kernel speaks.
    cable("heard0", "there0");
    let set = |name: &str, key: &str, value: &str| {
        fs::write(format!("/proc/sys/net/ipv6/conf/{name}/{key}"), value).unwrap();
    };
    set("heard0", "disable_ipv6", "0");
    wait_until(|| counted("heard0").1 >= 3);
    // As agent/manual.md says: IPv6 without an address of its own.
    cable("heard1", "there1");
    set("heard1", "addr_gen_mode", "1");
    set("heard1", "disable_ipv6", "0");
    let before: Vec<String> = settings("heard1");
    let mut listener = Listener::start("kernel", &[], &["heard1"], "[window]\nlength_s = 10\n");
    listener.until(" window ");
    listener.stop();
    println!(
        "the kernel sent {} frames by itself on the one, {} on the other",
        counted("heard0").1,
        counted("heard1").1
    );
    assert_eq!(counted("heard1").1, 0);
    assert_eq!(settings("heard1"), before, "left as it was found");
}

/// What is set for an interface.
fn settings(interface: &str) -> Vec<String> {
    let folders = ["ipv4", "ipv6"].map(|ip| format!("/proc/sys/net/{ip}/conf/{interface}"));
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(|file| file.unwrap().path());
    let mut read: Vec<String> =
        files.filter_map(|f| Some(format!("{} {}", f.display(), fs::read_to_string(&f).ok()?))).collect();
    read.sort();
    read
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
