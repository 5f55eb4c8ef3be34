//! Wi-Fi without a radio: on this machine no radio is needed to see that one that is missing stops nobody, that the access point's
//! own state says what its beacons say, and who has which right.
//!
//! Counts as failure: a sensor that stops, a right that nobody needs, a fact that differs from the beacon's. What no test here can
//! show: a real radio's driver (agent/manual.md says what was never tried).

use auscult_agent::sensor::Settings;
use auscult_report::fact::{Fact, WifiOwner};
use auscult_report::subject::{Bssid, Subject};
use auscult_report::summary::Summary;
use auscult_tests::cable::{Listener, Mouth, cable, frames, ip, is_inside, state};
use auscult_tests::radio::told_by_file;
use auscult_tests::{hear, recorded};
use std::collections::BTreeSet;
use std::fs;

const OPEN: [u8; 6] = [0x04, 0x18, 0xd6, 0x20, 0x01, 0x01];
const MIXED: [u8; 6] = [0x00, 0x1d, 0x7e, 0x20, 0x01, 0x07];
const SETUP: [u8; 6] = [0xa0, 0x40, 0xa0, 0x20, 0x01, 0x08];
const HIDDEN: [u8; 6] = [0xf0, 0x9f, 0xc2, 0x20, 0x01, 0x0e];

/// The four networks of the capture, as the file of the access point that made them would say it.
const FILES: &[([u8; 6], &str)] = &[
    (OPEN, "interface=a\nbssid=04:18:d6:20:01:01\nchannel=6\nssid=CanaryClinic-Guest\n"),
    (
        MIXED,
        "interface=a\nbssid=00:1d:7e:20:01:07\nchannel=11\nssid=BackOffice\nwpa=3\nwpa_pairwise=TKIP\n\
         rsn_pairwise=TKIP CCMP\nwpa_key_mgmt=WPA-PSK\nwpa_passphrase=CanaryPassphrase\n",
    ),
    (
        SETUP,
        "interface=a\nbssid=a0:40:a0:20:01:08\nchannel=11\nssid=Clinic-Staff\nwpa=2\nrsn_pairwise=CCMP\n\
         wpa_key_mgmt=WPA-PSK\nwps_state=2\nap_pin=12345670\n\
         config_methods=label virtual_display virtual_push_button physical_push_button\n",
    ),
    (
        HIDDEN,
        "interface=a\nbssid=f0:9f:c2:20:01:0e\nchannel=1\nssid=Hidden-Imaging\nignore_broadcast_ssid=1\nwpa=2\n\
         rsn_pairwise=CCMP\nwpa_key_mgmt=WPA-PSK\n",
    ),
];

#[test]
fn the_access_points_own_state_says_what_its_beacons_say() {
    let captures: Vec<_> = recorded().into_iter().filter(|c| c.name.starts_with("wifi-")).collect();
    let mut compared = 0;
    for (bssid, file) in FILES {
        let settings = Settings { own_bssids: vec![*bssid], ..Settings::default() };
        let heard: BTreeSet<String> = captures
            .iter()
            .flat_map(|capture| words(&hear(&fs::read(&capture.path).unwrap(), settings.clone()).unwrap().1, *bssid))
            .collect();
        let told = words(&told_by_file(file, Settings::default(), 1), *bssid);
        assert!(heard.len() >= 4, "{file}: only {heard:?} was heard");
        assert_eq!(told, heard, "{file}");
        compared += heard.len();
    }
    println!("{} networks, {compared} facts told by file as they are heard", FILES.len());
}

/// How a network is, in words: without how strong it is heard and who is in it, which no file says.
fn words(summary: &Summary, bssid: [u8; 6]) -> BTreeSet<String> {
    let of_it = summary.sightings.iter().filter(|s| s.subject == Subject::Wireless(Bssid(bssid)));
    let by_file = |fact: &Fact| {
        !matches!(
            fact,
            Fact::WifiSignalStrong
                | Fact::WifiClient
                | Fact::WifiNameIsOurs
                | Fact::WifiClearKind(_)
                | Fact::WifiDeauthBurst
                | Fact::WifiOnOurCable
                | Fact::WifiMedicalClient
        )
    };
    of_it.map(|s| s.fact).filter(by_file).map(|fact| format!("{fact:?}")).collect()
}

#[test]
fn the_sensor_goes_on_without_its_radio_and_says_so() {
    if !is_inside("the_sensor_goes_on_without_its_radio_and_says_so") {
        return;
    }
    let capture = recorded().into_iter().find(|c| c.name == "pacs-open-lan").unwrap();
    let sent = frames(&capture).unwrap();
    cable("heard", "there");
    cable("wlan0", "air");
    let radios = "[[capture.radio]]\nname = \"mon0\"\n[[capture.radio]]\nname = \"wlan0\"\nway = \"monitor\"\n";
    let mut listener = Listener::start("air", &capture.words("inside"), &[], &more(radios));
    // No driver at all, or one that knows nothing of it: it is not in monitor mode.
    let said = until_all(&mut listener, &[" heard ", "radio=\"mon0\" state=Missing", "radio=\"wlan0\" state="]);
    assert!(said.contains("\"wlan0\" state=Silent") || said.contains("\"wlan0\" state=OtherKind"), "{said}");
    Mouth::at("there").say_all(&sent);
    // What is not in monitor mode is no radio: its cable is not heard through it.
    Mouth::at("air").say_all(&sent);
    // It vanishes, and comes back.
    ip("link del wlan0");
    assert!(listener.until("no way to the air").contains("Missing"));
    cable("wlan0", "air");
    assert!(!listener.until("no way to the air").contains("Missing"));
    listener.stop();
    let heard = state(&listener.reports().0);
    assert_eq!(heard.counters.frames, u64::try_from(sent.len()).unwrap());
    let by_file = hear(&fs::read(&capture.path).unwrap(), capture.settings()).unwrap().1;
    assert_eq!(heard.sightings.len(), by_file.sightings.len());
}

/// Waits until each of these was said, in whatever order the threads say it.
fn until_all(listener: &mut Listener, wanted: &[&str]) -> String {
    let mut said = String::new();
    while !wanted.iter().all(|what| said.contains(what)) {
        said += &(listener.until("") + "\n");
    }
    said
}

/// A wire that is heard, windows that make looks frequent, and what else is wanted.
fn more(radios: &str) -> String {
    format!("[window]\nlength_s = 10\n[[capture.interface]]\nname = \"heard\"\n{radios}")
}

#[test]
fn an_access_point_of_this_machine_is_reported_as_the_clinics_and_none_of_its_secrets() {
    if !is_inside("an_access_point_of_this_machine_is_reported_as_the_clinics_and_none_of_its_secrets") {
        return;
    }
    cable("heard", "there");
    // To the agent an access point whose driver says nothing: what hostapd reads is all that it has.
    cable("wlan0", "air");
    let file = std::env::temp_dir().join(format!("auscult-air-{}.conf", std::process::id()));
    fs::write(&file, FILES[2].1.replace("interface=a", "interface=wlan0") + "wpa_passphrase=CanaryPassphrase\n")
        .unwrap();
    let radio = format!("[[capture.radio]]\nname = \"wlan0\"\nhostapd = [\"{}\"]\n", file.display());
    let mut listener = Listener::start("ap", &[], &[], &more(&radio));
    assert!(listener.until("AccessPoint").contains("Hears"));
    fs::remove_file(&file).unwrap();
    let gone = listener.until("no way to the air");
    assert!(!gone.contains("Canary"), "{gone}");
    listener.stop();
    let (reports, _) = listener.reports();
    let found = words(&state(&reports), SETUP);
    assert_eq!(found, words(&told_by_file(FILES[2].1, Settings::default(), 1), SETUP));
    assert!(found.contains(&format!("{:?}", Fact::WifiOwner(WifiOwner::Own))), "{found:?}");
    for entry in walk(&listener.folder.join("state")) {
        let octets = fs::read(&entry).unwrap();
        for secret in [&b"CanaryPass"[..], b"12345670", b"Clinic-Staff"] {
            assert!(!octets.windows(secret.len()).any(|w| w == secret), "{}", entry.display());
        }
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn one_thread_keeps_one_right_and_only_where_a_radio_may_need_it() {
    if !is_inside("one_thread_keeps_one_right_and_only_where_a_radio_may_need_it") {
        return;
    }
    cable("heard", "there");
    for (way, holders) in [("best", 1), ("monitor", 1), ("access-point", 0), ("scan", 0)] {
        let radio = format!("[[capture.radio]]\nname = \"mon0\"\nway = \"{way}\"\n");
        let mut listener = Listener::start("rights", &[], &[], &more(&radio));
        listener.until("no way to the air");
        let (mut threads, mut hands) = (0, 0);
        for thread in fs::read_dir(format!("/proc/{}/task", listener.child.id())).unwrap() {
            let told = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
            let field = |name: &str| told.lines().find_map(|l| l.strip_prefix(name)).unwrap().trim().to_owned();
            let rights = ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"].map(field);
            let (none, one) = ("0000000000000000", "0000000000001000"); // bit 12: CAP_NET_ADMIN
            let is_hand = rights == [none, one, one, none, none];
            assert!(is_hand && field("Name:") == "hand" || rights == [none; 5], "{way}: {told}");
            assert_eq!(field("NoNewPrivs:"), "1");
            hands += usize::from(is_hand);
            threads += 1;
        }
        assert!(threads >= 3, "the loop, the capture, the radios");
        assert_eq!(hands, holders, "{way}");
        listener.stop();
    }
}

#[test]
fn a_window_counts_what_is_told_as_often_as_it_is_told() {
    let told = told_by_file(FILES[0].1, Settings::default(), 5);
    let beacons = told.sightings.iter().find(|s| s.fact == Fact::WifiBeacon).unwrap();
    assert_eq!(beacons.count, 5);
    assert_eq!(told.counters.frames, 0, "no frame was heard for it");
}

#[test]
fn a_check_says_of_each_radio_by_which_way_it_hears_or_why_not() {
    if !is_inside("a_check_says_of_each_radio_by_which_way_it_hears_or_why_not") {
        return;
    }
    cable("wlan0", "air");
    let sensor = auscult_tests::sensor::Sensor::with("");
    let (file, config) = (sensor.folder.join("hostapd.conf"), sensor.folder.join("agent.toml"));
    let radios = format!(
        "state = \"{0}/state\"\n[[capture.radio]]\nname = \"wlan0\"\nhostapd = [\"{0}/hostapd.conf\"]\n\
         [[capture.radio]]\nname = \"mon0\"\nway = \"monitor\"\n",
        sensor.folder.display()
    );
    fs::write(&config, radios).unwrap();
    fs::write(&file, FILES[2].1.replace("interface=a", "interface=wlan0")).unwrap();
    let check = || {
        let mut command = auscult_tests::agent();
        command.args(["check", "--seconds", "1", "--format", "json", "-c"]).arg(&config);
        let output = command.output().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let radios = document["checks"].as_array().unwrap().iter().filter(|line| line["check"] == "radio");
        let said = |line: &serde_json::Value| {
            format!("{} {} {}: {} {}", line["of"], line["grade"], line["figures"]["way"], line["found"], line["try"])
        };
        (radios.map(said).collect::<Vec<_>>(), output.status.code().unwrap())
    };
    let (told, status) = check();
    assert!(
        told[0].starts_with("\"wlan0\" \"ok\" \"access-point\"") && told[0].contains("1 networks of this"),
        "{told:?}"
    );
    assert!(told[1].starts_with("\"mon0\" \"wrong\" \"none\"") && told[1].contains("is not there"), "{told:?}");
    assert!(told.len() == 2 && status == 4 && !told[0].contains("Clinic-Staff"), "{told:?}");
    fs::remove_file(&file).unwrap();
    ip("link set wlan0 down");
    let (told, _) = check();
    assert!(told[0].starts_with("\"wlan0\" \"wrong\"") && told[0].contains("ip link set wlan0 up"), "{told:?}");
}
