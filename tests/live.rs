//! The agent on interfaces, in a network namespace of each test's own: what is sent at one end of a cable is heard at the other,
//! and says what the engine says of the capture file.
//!
//! Counts as failure: a frame that is not heard, a fact that is missing or invented, an interface that is not left as it was
//! found. Does not: frames of two interfaces that are out of order by less than a tenth of a second.

use auscult_agent::capture::interface::{Keeping, Role, Wanted, Way};
use auscult_agent::capture::several::{Change, Several};
use auscult_agent::sensor::{Sensor, Settings};
use auscult_report::heartbeat::Heartbeat;
use auscult_report::summary::{Sighting, Summary};
use auscult_report::time::Timestamp;
use auscult_tests::cable::{Listener, Mouth, cable, counted, frames, ip, is_inside, state};
use auscult_tests::nest::walk;
use auscult_tests::sensor::wait_until;
use auscult_tests::{Recorded, recorded};
use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, SystemTime};
use std::{fs, thread};

#[test]
fn what_is_heard_live_is_what_the_engine_hears_in_the_file() {
    if is_inside("what_is_heard_live_is_what_the_engine_hears_in_the_file") {
        compare("ring");
    }
}

#[test]
fn the_portable_way_hears_the_same() {
    if is_inside("the_portable_way_hears_the_same") {
        compare("portable");
    }
}

/// Every capture that can be sent, one agent each.
fn compare(method: &str) {
    let (mut captures, mut sent, mut told) = (0, 0, 0);
    for capture in recorded() {
        let Some(frames) = frames(&capture) else { continue };
        cable("heard", "there");
        let more = format!("[window]\nlength_s = 3600\n[capture]\nmethod = \"{method}\"\n");
        let mut listener = Listener::start(method, &capture.words("inside"), &["heard"], &more);
        Mouth::at("there").say_all(&frames);
        listener.stop();
        // The kernel takes the first tag out, and the portable way does not get it back.
        let untagged = |f: &Vec<u8>| [&f[..12], &f[if is_tagged(f) { 16 } else { 12 }..]].concat();
        let heard = if method == "portable" { frames.iter().map(untagged).collect() } else { frames.clone() };
        told += is_the_same(&listener, &capture, &heard);
        captures += 1;
        sent += frames.len();
        ip("link del heard");
    }
    println!("{method}: {captures} captures, {sent} frames, {told} facts, none lost");
    assert!(captures >= 40, "only {captures} captures could be sent");
}

/// The facts of the reports are those of the engine. Gives how many.
fn is_the_same(listener: &Listener, capture: &Recorded, frames: &[Vec<u8>]) -> usize {
    let (reports, identity) = listener.reports();
    assert_eq!(walk(&reports), 1, "{}", capture.name);
    let heard = state(&reports);
    let settings = Settings { key: identity.pseudonym_key(), own_bssids: Vec::new(), ..capture.settings() };
    let wanted = by_engine(settings, frames);
    assert_eq!(heard.counters.frames, wanted.counters.frames, "{}: frames", capture.name);
    assert_eq!(heard.counters.octets, wanted.counters.octets, "{}: octets", capture.name);
    let (heard, wanted) = (facts(&heard.sightings), facts(&wanted.sightings));
    let missing: Vec<_> = wanted.difference(&heard).collect();
    let invented: Vec<_> = heard.difference(&wanted).collect();
    assert!(missing.is_empty() && invented.is_empty(), "{}: {missing:#?} {invented:#?}", capture.name);
    heard.len()
}

/// What the engine says of these frames, a millisecond apart.
fn by_engine(settings: Settings, frames: &[Vec<u8>]) -> Summary {
    use auscult_agent::capture::{Frame, Link};
    let mut sensor = Sensor::new(settings);
    for (n, octets) in frames.iter().enumerate() {
        let at = Timestamp(1_795_000_000_000 + u64::try_from(n).unwrap());
        let wire_octets = u32::try_from(octets.len()).unwrap();
        sensor.hear(&Frame { at, link: Link::Ethernet, octets, wire_octets, domain: None });
    }
    sensor.close()
}

/// What was heard of what, without when and how often.
fn facts(sightings: &[Sighting]) -> BTreeSet<String> {
    sightings.iter().map(|s| format!("{:?} {:?} {:?}", s.subject, s.fact, s.zone)).collect()
}

#[test]
fn both_ways_give_the_same_frames_and_the_ring_their_tags() {
    if !is_inside("both_ways_give_the_same_frames_and_the_ring_their_tags") {
        return;
    }
    cable("heard", "there");
    let mut sent: Vec<Vec<u8>> = (0u8..200).map(|n| frame(n, 60 + usize::from(n) * 7, None)).collect();
    sent.extend((0u8..100).map(|n| frame(n, 100, Some([0x8100, 20]))));
    sent.extend((0u8..100).map(|n| frame(n, 100, Some([0x88a8, 4000]))));
    for way in [Way::Ring, Way::Portable, Way::Best] {
        let heard = hear_all(way, 65_535, &sent);
        let tags = if way == Way::Portable { 0 } else { 4 };
        for (wanted, (octets, wire)) in sent.iter().zip(&heard) {
            let is_tagged = matches!(wanted[12..14], [0x81, 0] | [0x88, 0xa8]);
            let wanted = if is_tagged && tags == 0 { [&wanted[..12], &wanted[16..]].concat() } else { wanted.clone() };
            assert_eq!(*octets, wanted, "{way:?}");
            assert_eq!(*wire, wanted.len(), "{way:?}");
        }
        assert_eq!(heard.len(), sent.len(), "{way:?}");
    }
    for way in [Way::Ring, Way::Portable] {
        for (octets, wire) in hear_all(way, 256, &sent[50..60]) {
            assert!(octets.len() == 256 && wire > 256, "{way:?}: {} of {wire}", octets.len());
        }
    }
}

fn is_tagged(frame: &[u8]) -> bool {
    matches!(frame[12..14], [0x81, 0] | [0x88, 0xa8])
}

/// A frame of no protocol that anybody answers.
fn frame(n: u8, octets: usize, tag: Option<[u16; 2]>) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, n];
    frame.extend(tag.iter().flatten().flat_map(|part| part.to_be_bytes()));
    frame.extend([0x88, 0xb5]); // IEEE 802: local experiments
    frame.resize(octets, n);
    frame
}

/// What is heard of what is sent: octets, and how many there were on the wire.
#[expect(clippy::disallowed_methods, reason = "who hears live is handed the time")]
fn hear_all(way: Way, snap_octets: u32, sent: &[Vec<u8>]) -> Vec<(Vec<u8>, usize)> {
    let now_ns =
        || u64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos()).unwrap();
    let keeping = Keeping { way, snap_octets, buffer_octets: 2 << 20 };
    let mut several = Several::open(&[wanted("heard")], keeping, Vec::new()).unwrap();
    assert_eq!(several.deaf(), 1);
    let taken = if way == Way::Best { Way::Ring } else { way };
    assert_eq!(several.look(0), [Change::Heard(wanted("heard"), taken)]);
    assert_eq!(promiscuity("heard"), 1);
    let before = Timestamp(now_ns() / 1_000_000);
    Mouth::at("there").say_all(sent);
    let mut heard = Vec::new();
    let mut last = before;
    several.rest(&now_ns, &mut |frame| {
        assert!(frame.at >= last, "the time goes on");
        last = frame.at;
        heard.push((frame.octets.to_vec(), usize::try_from(frame.wire_octets).unwrap()));
    });
    assert!(last.0 <= now_ns() / 1_000_000 && (several.lost(), several.deaf()) == (0, 0));
    drop(several);
    assert_eq!(promiscuity("heard"), 0, "left as it was found");
    heard
}

fn wanted(name: &str) -> Wanted {
    Wanted { name: name.to_owned(), role: Role::Lan, promiscuous: true, leaving: true }
}

/// How many want an interface to hear what is for others.
fn promiscuity(interface: &str) -> u32 {
    let told = Command::new("ip").args(["-d", "link", "show", interface]).output().unwrap();
    let text = String::from_utf8(told.stdout).unwrap();
    text.split("promiscuity ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn what_does_not_fit_is_counted_and_said() {
    if !is_inside("what_does_not_fit_is_counted_and_said") {
        return;
    }
    cable("heard", "there");
    let sent: Vec<Vec<u8>> = (0..1_000).map(|n| frame(u8::try_from(n % 250).unwrap(), 9_000, None)).collect();
    for way in [Way::Ring, Way::Portable] {
        let keeping = Keeping { way, snap_octets: 65_535, buffer_octets: 512 << 10 };
        let mut several = Several::open(&[wanted("heard")], keeping, Vec::new()).unwrap();
        several.look(0);
        Mouth::at("there").say_all(&sent);
        let mut heard = 0;
        several.rest(&|| 0, &mut |_| heard += 1);
        println!("{way:?}: {heard} heard, {} lost", several.lost());
        assert!(heard > 20 && several.lost() > 0, "{way:?}: {heard} heard");
        assert_eq!(heard + several.lost(), 1_000, "{way:?}");
    }
}

#[test]
fn our_own_conversation_is_not_heard() {
    if !is_inside("our_own_conversation_is_not_heard") {
        return;
    }
    use auscult_tests::frames::segment;
    cable("heard", "there");
    ip("address add 192.168.20.2/24 dev heard");
    let (here, collector, other) = (([192, 168, 20, 2], 50_000), ([203, 0, 113, 9], 8443), ([203, 0, 113, 9], 443));
    let neighbour = ([192, 168, 20, 3], 50_000);
    let sent: Vec<Vec<u8>> =
        [(here, collector), (collector, here), (here, other), (neighbour, collector), (collector, neighbour)]
            .map(|(from, to)| segment(from, to, 1, 16, b"x"))
            .to_vec();
    for way in [Way::Ring, Way::Portable] {
        let keeping = Keeping { way, snap_octets: 65_535, buffer_octets: 512 << 10 };
        let own = vec!["203.0.113.9:8443".parse().unwrap()];
        let mut several = Several::open(&[wanted("heard")], keeping, own).unwrap();
        several.look(0);
        Mouth::at("there").say_all(&sent);
        let mut heard = Vec::new();
        several.rest(&|| 0, &mut |frame| heard.push(frame.octets.to_vec()));
        assert_eq!(heard, sent[2..], "{way:?}");
        // Another one is told while it hears; its own address is another one meanwhile.
        ip("address add 192.168.20.3/24 dev heard");
        several.leave_out(&["203.0.113.9:443".parse().unwrap()]);
        Mouth::at("there").say_all(&sent);
        let mut heard = 0;
        several.rest(&|| 0, &mut |_| heard += 1);
        assert_eq!(heard, 0, "{way:?}: both addresses, both ends");
        ip("address del 192.168.20.3/24 dev heard");
    }
}

#[test]
fn two_ends_of_a_tap_are_one_conversation() {
    if !is_inside("two_ends_of_a_tap_are_one_conversation") {
        return;
    }
    let capture = recorded().into_iter().find(|c| c.name == "clinic-day-mixed").unwrap();
    let frames = frames(&capture).unwrap();
    cable("heard0", "there0");
    cable("heard1", "there1");
    let more = "[window]\nlength_s = 3600\n";
    let mut listener = Listener::start("tap", &capture.words("inside"), &["heard0", "heard1"], more);
    let mut mouths = [Mouth::at("there0"), Mouth::at("there1")];
    for frame in &frames {
        // Who is the greater of the two speaks on the one cable.
        mouths[usize::from(frame[6..12] > frame[..6])].say(frame);
        thread::sleep(Duration::from_micros(200));
    }
    listener.stop();
    let (one, two) = (counted("heard0").0, counted("heard1").0);
    println!("{one} frames here, {two} there, {} facts", is_the_same(&listener, &capture, &frames));
    assert!(one > 100 && two > 100);
}

#[test]
fn an_interface_that_vanishes_is_missed_and_comes_back() {
    if !is_inside("an_interface_that_vanishes_is_missed_and_comes_back") {
        return;
    }
    let capture = recorded().into_iter().find(|c| c.name == "pacs-open-lan").unwrap();
    let frames = frames(&capture).unwrap();
    for method in ["ring", "portable"] {
        cable("heard", "there");
        let more = format!("[window]\nlength_s = 10\n[capture]\nmethod = \"{method}\"\n");
        let mut listener = Listener::start(method, &capture.words("inside"), &["heard"], &more);
        ip("link set heard down");
        listener.until("not heard any more");
        ip("link set heard up");
        listener.until(" heard ");
        ip("link del heard");
        listener.until("not heard any more");
        // A window ends meanwhile: the sign of life says that it is deaf.
        let alive = listener.folder.join("state/alive");
        let health = || Some(Heartbeat::claimed(&fs::read(&alive).ok()?).ok()?.health);
        wait_until(|| health().is_some_and(|h| !h.capturing));
        cable("heard", "there");
        listener.until(" heard ");
        Mouth::at("there").say_all(&frames);
        wait_until(|| health().is_some_and(|h| h.capturing && h.frames > 0));
        listener.stop();
        assert_eq!(promiscuity("heard"), 0);
        is_the_same_facts(&listener, &capture, &frames);
        ip("link del heard");
    }
}

/// As [`is_the_same`], where several windows were reported.
fn is_the_same_facts(listener: &Listener, capture: &Recorded, frames: &[Vec<u8>]) {
    let (reports, identity) = listener.reports();
    let settings = Settings { key: identity.pseudonym_key(), own_bssids: Vec::new(), ..capture.settings() };
    assert_eq!(facts(&state(&reports).sightings), facts(&by_engine(settings, frames).sightings), "{}", capture.name);
}

#[test]
fn an_interface_that_is_not_there_yet_is_waited_for() {
    if !is_inside("an_interface_that_is_not_there_yet_is_waited_for") {
        return;
    }
    let mut listener = Listener::start("wait", &[], &[], "[[capture.interface]]\nname = \"heard\"\n");
    listener.until("not there");
    cable("heard", "there");
    listener.until(" heard ");
    listener.stop();
    let (reports, _) = listener.reports();
    let heard = state(&reports);
    assert_eq!(heard.counters.frames, 0);
    let length = heard.window.to.since_ms(heard.window.from);
    assert!((500..60_000).contains(&length), "a window begins at the start and ends at the stop: {length} ms");
}

#[test]
fn no_thread_holds_a_right_once_the_ears_are_open() {
    if !is_inside("no_thread_holds_a_right_once_the_ears_are_open") {
        return;
    }
    cable("heard", "there");
    let mut listener = Listener::start("rights", &[], &["heard"], "");
    let mut threads = 0;
    for thread in fs::read_dir(format!("/proc/{}/task", listener.child.id())).unwrap() {
        let told = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        let field = |name: &str| told.lines().find_map(|l| l.strip_prefix(name)).unwrap().trim().to_owned();
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
            assert_eq!(field(set), "0000000000000000", "{set}");
        }
        assert_eq!(field("NoNewPrivs:"), "1");
        threads += 1;
    }
    assert!(threads >= 2, "the loop and the capture");
    // What it needs it has: an interface that is made anew is heard.
    ip("link del heard");
    listener.until("not heard any more");
    cable("heard", "there");
    listener.until(" heard ");
    Mouth::at("there").say_all(&[frame(1, 60, None)]);
    listener.stop();
    let (reports, _) = listener.reports();
    assert_eq!(state(&reports).counters.frames, 1);
    println!("{threads} threads, no right");
}
