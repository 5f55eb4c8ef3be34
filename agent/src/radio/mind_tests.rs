//! The mind against a machine that a script plays: its answers are built attribute by attribute, as the kernel would send them.

use super::*;
use crate::radio::Ask;
use crate::wire::netlink::{Request, What, attributes, messages, u32_of};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A machine by script.
#[derive(Default)]
struct Script {
    /// nl80211 is there.
    answers: bool,
    interfaces: Vec<Request>,
    channels: Vec<u32>,
    table: Vec<Request>,
    links: BTreeMap<String, Link>,
    files: BTreeMap<PathBuf, String>,
    is_blocked: bool,
    asked: Vec<u8>,
}

impl Kernel for Script {
    fn ask(&mut self, request: Request, part: &mut dyn FnMut(u8, &[u8])) -> Result<(), Refusal> {
        let octets = request.finish(1);
        let message = messages(&octets).next().unwrap();
        let What::Part(command, inner) = message.what().unwrap() else { panic!() };
        self.asked.push(command);
        if !self.answers {
            return Err(Refusal::No(2));
        }
        let mut say = |command, answer: Request| part(command, &answer.finish(1)[20..]);
        match (message.kind, command) {
            (16, 3) => say(1, empty().with(1, &28u16.to_ne_bytes())),
            (28, 5) => self.interfaces.iter().for_each(|i| say(7, i.clone())),
            (28, 1) => {
                let one = |f: &u32| empty().with_u32(1, *f).finish(0)[20..].to_vec();
                let list = self.channels.iter().fold(empty(), |list, f| list.with(0, &one(f)));
                let band = empty().with(1, &list.finish(0)[20..]).finish(0)[20..].to_vec();
                let bands = empty().with(0, &band).finish(0)[20..].to_vec();
                say(3, empty().with(2, b"phy0\0").with(22, &bands));
            }
            (28, 32) => {
                assert_eq!(attributes(inner).next().and_then(|(k, v)| Some((k, u32_of(v)?))), Some((3, 7)));
                self.table
                    .iter()
                    .for_each(|bss| say(34, empty().with_u32(3, 7).with(47, &bss.clone().finish(0)[20..])));
            }
            other => panic!("{other:?}"),
        }
        Ok(())
    }
}

impl System for Script {
    fn file(&mut self, path: &Path) -> Option<Zeroizing<Vec<u8>>> {
        self.files.get(path).map(|text| Zeroizing::new(text.clone().into_bytes()))
    }

    fn link(&mut self, name: &str) -> Option<Link> {
        self.links.get(name).copied()
    }

    fn is_blocked(&mut self, radio: &[u8]) -> bool {
        assert_eq!(radio, b"phy0");
        self.is_blocked
    }
}

fn empty() -> Request {
    Request::new(28, 0, false)
}

fn interface(index: u32, name: &str, kind: u32) -> Request {
    let name = [name.as_bytes(), b"\0"].concat();
    let address = [2, 0, 0, 0, 0, u8::try_from(index).unwrap()];
    empty().with_u32(3, index).with(4, &name).with_u32(1, 0).with_u32(5, kind).with(6, &address)
}

fn bss(last: u8, age_ms: u32, more: Request) -> Request {
    more.with(1, &[4, 0x18, 0xd6, 0x20, 1, last]).with_u32(2, 2_437).with(5, &[0x11, 0]).with_u32(10, age_ms)
}

fn wanted(way: Ask) -> Wanted {
    Wanted {
        name: "wlan0".to_owned(),
        way,
        channels: Vec::new(),
        hostapd: vec![PathBuf::from("/hostapd-phy0.conf")],
        dwell_ms: 250,
        listen_every_ms: 60_000,
    }
}

fn script(kind: u32) -> Script {
    let mut script = Script { answers: true, channels: vec![2_412, 2_437, 5_180], ..Script::default() };
    script.interfaces.push(interface(7, "wlan0", kind));
    script.up("wlan0", true);
    script
}

impl Script {
    fn up(&mut self, name: &str, is_up: bool) {
        self.links.insert(name.to_owned(), Link { is_up, address: Some([8; 6]) });
    }
}

const AP: u32 = 3;
const STATION: u32 = 2;
const MONITOR: u32 = 6;

fn state(mind: &Mind) -> (Way, State) {
    let radio = mind.radios[0].radio.unwrap();
    (radio.way, radio.state)
}

#[test]
fn a_radio_that_is_missing_breaks_and_comes_back_is_said_once_each_time() {
    let mut mind = Mind::new(vec![wanted(Ask::Best)]);
    let mut machine = Script::default();
    let mut said = Vec::new();
    let mut look = |machine: &mut Script, now| {
        for _ in 0..2 {
            let changes = mind.look(now, machine).changes;
            said.extend(changes.iter().map(|(n, radio)| (*n, radio.way, radio.state)));
        }
    };
    look(&mut machine, 0);
    machine = script(MONITOR);
    look(&mut machine, 1);
    machine.up("wlan0", false);
    look(&mut machine, 2);
    machine.is_blocked = true;
    look(&mut machine, 3);
    machine.up("wlan0", true);
    look(&mut machine, 4);
    machine.answers = false;
    look(&mut machine, 5);
    machine.links.clear();
    look(&mut machine, 6);
    let wanted = [
        (0, Way::None, State::Missing),
        (0, Way::Monitor, State::Hears),
        (0, Way::None, State::Down),
        (0, Way::None, State::Blocked),
        (0, Way::Monitor, State::Hears),
        (0, Way::None, State::Silent),
        (0, Way::None, State::Missing),
    ];
    assert_eq!(said, wanted);
}

#[test]
fn a_monitor_visits_the_channels_that_are_allowed_and_wanted() {
    let mut mind = Mind::new(vec![Wanted { channels: vec![2_437, 5_180, 5_955], ..wanted(Ask::Monitor) }]);
    mind.look(0, &mut script(MONITOR));
    let mut visited = Vec::new();
    let mut now = 0;
    while let Some((0, Command::Tune { index: 7, frequency })) = mind.step(now) {
        visited.push(frequency);
        mind.done(0, Ok(()), now);
        assert_eq!(mind.step(now), None, "until the visit is over");
        now = mind.due_ms().unwrap();
        if visited.len() == 2 {
            mind.heard(&[(5_180, Use { frames: 100, networks: 10, is_own: true })], now);
        }
        if visited.len() == 8 {
            break;
        }
    }
    assert_eq!(&visited[..2], [2_437, 5_180]);
    assert!(visited.iter().filter(|f| **f == 5_180).count() >= 4, "{visited:?}");
}

#[test]
fn the_channel_of_a_radio_that_serves_is_not_touched() {
    let mut mind = Mind::new(vec![wanted(Ask::Best)]);
    let mut machine = script(MONITOR);
    machine.interfaces.push(interface(9, "phy0-ap0", AP));
    machine.up("phy0-ap0", true);
    mind.look(0, &mut machine);
    assert_eq!((state(&mind), mind.step(1_000), mind.due_ms()), ((Way::Monitor, State::Held), None, None));
    // It is down: nobody is served.
    machine.up("phy0-ap0", false);
    mind.look(0, &mut machine);
    assert_eq!(state(&mind), (Way::Monitor, State::Hears));
    assert!(mind.step(1_000).is_some());
}

#[test]
fn a_radio_that_refuses_channels_is_left_where_it_is_and_tried_at_each_look() {
    let mut mind = Mind::new(vec![wanted(Ask::Best)]);
    let mut machine = script(MONITOR);
    mind.look(0, &mut machine);
    let tries = |mind: &mut Mind, now| {
        let mut tries = 0;
        while let Some((n, _)) = mind.step(now) {
            mind.done(n, Err(Refusal::No(1)), now);
            tries += 1;
        }
        tries
    };
    assert_eq!(tries(&mut mind, 0), MOST_REFUSED);
    mind.look(60_000, &mut machine);
    assert_eq!((state(&mind), tries(&mut mind, 60_000)), ((Way::Monitor, State::Fixed), 1));
    mind.look(120_000, &mut machine);
    let (n, _) = mind.step(120_000).unwrap();
    mind.done(n, Ok(()), 120_000);
    mind.look(180_000, &mut machine);
    assert_eq!(state(&mind), (Way::Monitor, State::Hears));
}

const FILE: &str = "interface=wlan0\nchannel=6\nssid=Clinic-Staff\nwpa=2\nwpa_passphrase=CanaryPass\nwpa_key_mgmt=WPA-PSK\n\
                    rsn_pairwise=CCMP\nbss=wlan0-1\nssid=Clinic-Guest\nignore_broadcast_ssid=1\nbss=wlan0-2\nssid=Off\n";

#[test]
fn an_access_point_tells_of_its_own_networks_and_of_what_it_heard() {
    let mut mind = Mind::new(vec![wanted(Ask::Best)]);
    let mut machine = script(AP);
    machine.interfaces.push(interface(8, "wlan0-1", AP));
    machine.up("wlan0-1", true);
    machine.files.insert(PathBuf::from("/hostapd-phy0.conf"), FILE.to_owned());
    machine.table.push(bss(1, 100, empty().with(11, b"\0\x05Other")));
    let looked = mind.look(0, &mut machine);
    assert_eq!(looked.changes, [(0, Radio { way: Way::AccessPoint, state: State::Hears })]);
    assert_eq!(looked.made_here, [[2, 0, 0, 0, 0, 7], [2, 0, 0, 0, 0, 8]], "what is off is not announced");
    let shown: Vec<_> = looked.networks.iter().map(|n| (n.bssid[5], n.is_beacon)).collect();
    assert_eq!(shown, [(7, true), (8, false), (8, true), (1, true)]);
    let kept: Vec<u8> = looked.networks.iter().flat_map(|n| n.elements.clone()).collect();
    assert!(!kept.windows(6).any(|w| w == b"Canary") && !format!("{looked:?}").contains("Clinic"));
    assert!(looked.commands.is_empty(), "an access point is not made to leave its channel");
}

#[test]
fn an_access_point_of_which_only_the_kernel_knows_is_told_with_what_is_unknown() {
    let mut mind = Mind::new(vec![wanted(Ask::Best)]);
    let mut machine = script(AP);
    machine.interfaces[0] = interface(7, "wlan0", AP).with(52, b"Clinic-Staff").with_u32(38, 5_180);
    let looked = mind.look(0, &mut machine);
    assert_eq!(looked.changes, [(0, Radio { way: Way::AccessPoint, state: State::Partly })]);
    let Frame::Beacon(announcement) = looked.networks[0].air().frame else { panic!() };
    assert!(announcement.announced().incomplete && announcement.announced().rsn.is_none());
    assert_eq!(looked.networks[0].air().radio.frequency, Some(5_180));
}

#[test]
fn the_kernels_table_is_told_as_far_as_it_is_new_and_the_radio_listens_where_that_disturbs_nobody() {
    let mut mind = Mind::new(vec![wanted(Ask::Best)]);
    let mut machine = script(STATION);
    machine.table.push(bss(1, 500, empty().with(6, b"\0\x01a").with(14, &[]).with(11, b"\0\x01a")));
    machine.table.push(bss(2, 90_000, empty().with(6, b"\0\x01b")));
    let looked = mind.look(60_000, &mut machine);
    assert_eq!(looked.changes, [(0, Radio { way: Way::Scan, state: State::Hears })]);
    assert_eq!(looked.networks.iter().map(|n| n.bssid[5]).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(looked.commands, [Command::Listen { index: 7 }]);
    assert!(mind.look(61_000, &mut machine).commands.is_empty(), "not so soon");
    machine.table.push(bss(3, 0, empty().with_u32(9, 1)));
    assert!(mind.look(200_000, &mut machine).commands.is_empty(), "it is a client now: it would tell so");
    machine.table.pop();
    mind.radios[0].wanted.listen_every_ms = 0;
    assert!(mind.look(400_000, &mut machine).commands.is_empty(), "nobody allowed it");
}

#[test]
fn tables_without_end_are_bounded() {
    let mut mind = Mind::new(vec![wanted(Ask::Best)]);
    let mut machine = script(STATION);
    machine.interfaces.extend((0..200).map(|n| interface(100 + n % 100, &format!("w{n}"), STATION)));
    machine.channels = (2_412..2_484).chain(5_160..5_895).collect();
    machine.table = (0..2_000u32).map(|n| bss(n as u8, 0, empty().with(6, &[0; 4_000]))).collect();
    let looked = mind.look(0, &mut machine);
    assert_eq!((looked.networks.len(), mind.interfaces.len()), (MAX_NETWORKS, MAX_INTERFACES));
    assert!(looked.networks.iter().all(|n| n.elements.len() == MAX_ELEMENTS));
    assert_eq!(mind.radios[0].plan.len(), MAX_CHANNELS);
}
