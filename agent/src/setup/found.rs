//! What this machine tells of itself, so that a person need not: its interfaces with their networks, the way out
//! (/proc/net/route, /proc/net/ipv6_route: proc(5)), bridges and radios (sysfs-class-net), the networks that its radios make or heard.
//!
//! Keeps: what is there and what each interface probably is. Drops: interfaces that carry nothing of their own (ports of a bridge,
//! tunnels, containers). Names that radios heard are octets here; they are shown to the person at the terminal and to nobody else.

use crate::capture::interface::{Role, There, there};
use crate::radio::kernel::Machine as Kernel;
use crate::radio::mind::{Mind, System};
use crate::radio::{Ask, State, Wanted, Way};
use crate::wire::dot11::Frame;
use crate::wire::hostapd;
use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// This machine, as far as a sensor is concerned.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) interfaces: Vec<Interface>,
    pub(super) radios: Vec<Radio>,
    /// Names of wireless networks, and whether this machine makes them; in the order of their octets.
    pub(super) names: BTreeMap<Vec<u8>, bool>,
}

/// An interface that could be heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) name: String,
    /// What it probably is; none: not worth hearing.
    pub(super) role: Option<Role>,
    /// Why that is thought.
    pub(super) why: String,
    /// Its networks, as the configuration writes them.
    pub(super) networks: Vec<String>,
    pub(super) is_way_out: bool,
}

/// A radio that could be heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Radio {
    pub(super) name: String,
    pub(super) way: Way,
    /// Files of hostapd that speak of it.
    pub(super) hostapd: Vec<PathBuf>,
}

impl Found {
    /// Looks at this machine.
    pub(super) fn here() -> Found {
        let root = Path::new("/");
        let there = there();
        let (radios, names) = radios(root, &there, &mut Kernel::open());
        Found { interfaces: interfaces(root, &there), radios, names }
    }

    /// Whether a person would only nod: one interface, and the way out leads through it.
    pub(super) fn is_plain(&self) -> bool {
        matches!(&self.interfaces[..], [one] if one.is_way_out && one.role.is_some())
    }
}

/// The interfaces, each with what it probably is.
fn interfaces(root: &Path, there: &[There]) -> Vec<Interface> {
    let way_out = way_out(root);
    let candidates: Vec<&There> = there.iter().filter(|i| is_worth(root, i)).take(MOST_INTERFACES).collect();
    let is_out = |i: &There| way_out.as_deref() == Some(i.name.as_str());
    let forwards = fs::read_to_string(root.join("proc/sys/net/ipv4/ip_forward")).is_ok_and(|told| told.trim() == "1");
    let has_inside = candidates.iter().any(|i| !is_out(i) && !networks(i).is_empty());
    let is_router = forwards && has_inside && candidates.iter().any(|i| is_out(i));
    let found = candidates.into_iter().map(|i| {
        let is_bridge = class(root, &i.name).join("bridge").exists();
        let networks = networks(i);
        let (role, what) = match (is_out(i), is_router) {
            (true, true) => (Some(Role::Wan), "the way out of this router"),
            (true, false) if is_bridge => (Some(Role::Lan), "a bridge, and the way out"),
            (true, false) => (Some(Role::Port), "the way out, as any machine at the switch has it"),
            (false, true) if !networks.is_empty() => (Some(Role::Lan), "a network behind this router"),
            (false, _) if is_bridge => (Some(Role::Lan), "a bridge: what passes it is heard"),
            (false, _) if !networks.is_empty() => (Some(Role::Port), "has an address, and is not the way out"),
            (false, _) if i.is_up => (Some(Role::Mirror), "is up and has no address, as where a switch sends a copy"),
            (false, _) => (None, "is down"),
        };
        let why = if networks.is_empty() { what.to_owned() } else { format!("{}: {what}", networks.join(", ")) };
        Interface { name: i.name.clone(), role, why, networks, is_way_out: is_out(i) }
    });
    found.collect()
}

fn is_worth(root: &Path, there: &There) -> bool {
    let class = class(root, &there.name);
    // A port of a bridge or a bond is heard through that.
    let is_part = class.join("master").exists();
    let is_radio = is_radio(&class);
    !there.is_loopback && !is_part && !is_radio && !carries_nothing(&there.name)
}

/// By its name: the kernel tells these from others no better.
fn carries_nothing(name: &str) -> bool {
    // A bridge of Docker's; a router's own has a word in this place.
    let is_docker = name.strip_prefix("br-").is_some_and(|n| n.len() == 12 && n.bytes().all(|c| c.is_ascii_hexdigit()));
    is_docker || NOT_HEARD.iter().any(|begin| name.starts_with(begin))
}

fn is_radio(class: &Path) -> bool {
    class.join("phy80211").exists() || class.join("wireless").exists()
}

fn class(root: &Path, name: &str) -> PathBuf {
    root.join("sys/class/net").join(name)
}

/// The interface of the default route; of several the preferred one (the smallest metric).
fn way_out(root: &Path) -> Option<String> {
    let four = fs::read_to_string(root.join("proc/net/route")).unwrap_or_default();
    // Iface, Destination, Gateway, Flags, RefCnt, Use, Metric, Mask.
    let four = four.lines().skip(1).filter_map(|line| {
        let [name, "00000000", _, _, _, _, metric, "00000000", ..] = &words(line)[..] else { return None };
        Some((metric.parse::<u32>().ok()?, (*name).to_owned()))
    });
    let six = fs::read_to_string(root.join("proc/net/ipv6_route")).unwrap_or_default();
    // Destination, its length, source, its length, next hop, metric, RefCnt, Use, flags, interface.
    let six = six.lines().filter_map(|line| {
        let [to, "00", _, _, _, metric, _, _, flags, name] = &words(line)[..] else { return None };
        let is_refusal = u32::from_str_radix(flags, 16).ok()? & RTF_REJECT != 0;
        let is_default = to.bytes().all(|c| c == b'0') && !is_refusal && *name != "lo";
        is_default.then_some((u32::from_str_radix(metric, 16).ok()?, (*name).to_owned()))
    });
    let best = |routes: Vec<(u32, String)>| routes.into_iter().min().map(|(_, name)| name);
    best(four.collect()).or_else(|| best(six.collect()))
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// The networks of its addresses; an address alone is none.
fn networks(there: &There) -> Vec<String> {
    let mut all: Vec<String> = there.addresses.iter().filter_map(|(address, bits)| network(*address, *bits)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn network(address: IpAddr, bits: u8) -> Option<String> {
    match address {
        IpAddr::V4(a) if !a.is_loopback() && !a.is_link_local() && bits <= 30 => {
            let mask = u32::MAX.checked_shl(32u32.saturating_sub(bits.into())).unwrap_or(0);
            Some(format!("{}/{bits}", std::net::Ipv4Addr::from(u32::from(a) & mask)))
        }
        IpAddr::V6(a) if !a.is_loopback() && !a.is_unicast_link_local() && bits <= 64 => {
            let mask = u128::MAX.checked_shl(128u32.saturating_sub(bits.into())).unwrap_or(0);
            Some(format!("{}/{bits}", std::net::Ipv6Addr::from(u128::from(a) & mask)))
        }
        _ => None,
    }
}

/// The radios that have a way to the air, and the names that they make or heard.
fn radios(root: &Path, there: &[There], system: &mut impl System) -> (Vec<Radio>, BTreeMap<Vec<u8>, bool>) {
    let mut names = BTreeMap::new();
    let mut found = Vec::new();
    let files = hostapd_files(root);
    for there in there.iter().filter(|i| is_radio(&class(root, &i.name))).take(MOST_RADIOS) {
        let speaks_of_it = |path: &&PathBuf| {
            let told = system.file(path).and_then(|octets| hostapd::read(&octets).ok()).unwrap_or_default();
            told.iter().any(|told| told.interface() == there.name.as_bytes())
        };
        let hostapd: Vec<PathBuf> = files.iter().filter(speaks_of_it).cloned().collect();
        let mut mind = Mind::new(vec![wanted(&there.name, &hostapd)]);
        mind.ear(&there.name, false);
        let looked = mind.look(0, system);
        let Some((_, radio)) = looked.changes.first() else { continue };
        if radio.state != State::Missing {
            found.push(Radio { name: there.name.clone(), way: radio.way, hostapd });
        }
        for network in &looked.networks {
            let (Frame::Beacon(a) | Frame::ProbeResponse(a)) = network.air().frame else { continue };
            if let Some(name) = a.announced().spoken_name()
                && (names.len() < MOST_NAMES || names.contains_key(name))
            {
                *names.entry(name.to_vec()).or_default() |= looked.made_here.contains(&a.bssid);
            }
        }
    }
    (found, names)
}

fn wanted(name: &str, hostapd: &[PathBuf]) -> Wanted {
    Wanted {
        name: name.to_owned(),
        way: Ask::Best,
        channels: Vec::new(),
        hostapd: hostapd.to_vec(),
        dwell_ms: 250,
        listen_every_ms: 0,
    }
}

/// Where systems put what hostapd reads.
fn hostapd_files(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["run", "var/run", "etc/hostapd"] {
        let Ok(folder) = root.join(folder).canonicalize() else { continue };
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let is_one = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with("hostapd") && name.ends_with(".conf")
        };
        files.extend(entries.filter(is_one).take(MOST_FILES));
    }
    files.sort_unstable();
    files.dedup();
    files
}

/// What carries nothing of its own: containers, virtual machines, tunnels (heard inside their carrier), things of the kernel.
const NOT_HEARD: [&str; 17] = [
    "docker",
    "veth",
    "virbr",
    "vnet",
    "lxc",
    "cni",
    "flannel",
    "cali",
    "tailscale",
    "wg",
    "tun",
    "tap",
    "dummy",
    "ifb",
    "sit",
    "gre",
    "ip6tnl",
];
/// rtnetlink's flag of a route that refuses.
const RTF_REJECT: u32 = 0x200;
/// As many as a person can look through.
const MOST_INTERFACES: usize = 16;
/// Radios of a router.
const MOST_RADIOS: usize = 4;
/// Names that a person is shown at most.
const MOST_NAMES: usize = 40;
/// Files of hostapd: one a radio.
const MOST_FILES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::made::Made;

    /// A machine by its files: paths below a root, with what stands in them; a path that ends in / is a folder.
    fn machine(name: &str, files: &[(&str, &str)]) -> Made {
        let root = std::env::temp_dir().join(format!("auscult-found-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        for (path, content) in files {
            let path = root.join(path);
            if path.to_string_lossy().ends_with('/') {
                fs::create_dir_all(&path).unwrap();
            } else {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, content).unwrap();
            }
        }
        Made(root)
    }

    fn there(name: &str, is_up: bool, addresses: &[&str]) -> There {
        let address = |text: &&str| {
            let (address, bits) = text.split_once('/').unwrap();
            (address.parse().unwrap(), bits.parse().unwrap())
        };
        let addresses = addresses.iter().map(address).collect();
        There { name: name.to_owned(), is_up, is_loopback: name == "lo", addresses }
    }

    fn roles(root: &Path, there: &[There]) -> Vec<(String, Option<Role>)> {
        let found = interfaces(root, there);
        fs::remove_dir_all(root).unwrap();
        found.into_iter().map(|i| (i.name, i.role)).collect()
    }

    const ROUTES: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

    fn default_by(interfaces: &[(&str, u32)]) -> String {
        let line = |(name, metric): &(&str, u32)| {
            format!("{name}\t00000000\t0100000A\t0003\t0\t0\t{metric}\t00000000\t0\t0\t0\n")
        };
        ROUTES.to_owned()
            + "eth9\t0014A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
            + &interfaces.iter().map(line).collect::<String>()
    }

    #[test]
    fn a_router_has_its_way_out_and_its_bridge() {
        let routes = default_by(&[("eth1", 0)]);
        let files = [
            ("proc/net/route", routes.as_str()),
            ("proc/sys/net/ipv4/ip_forward", "1\n"),
            ("sys/class/net/br-lan/bridge/", ""),
            ("sys/class/net/lan1/master", ""),
            ("sys/class/net/phy0-ap0/phy80211/", ""),
        ];
        let root = machine("router", &files);
        let machine = [
            there("lo", true, &["127.0.0.1/8"]),
            there("br-lan", true, &["192.168.20.1/24", "fe80::1/64"]),
            there("lan1", true, &[]),
            there("eth1", true, &["203.0.113.9/24"]),
            there("phy0-ap0", true, &[]),
            there("br-0123456789ab", true, &["172.17.0.1/16"]),
            there("tun0", true, &["10.8.0.1/24"]),
        ];
        assert_eq!(
            roles(&root, &machine),
            [("br-lan".to_owned(), Some(Role::Lan)), ("eth1".to_owned(), Some(Role::Wan))]
        );
    }

    #[test]
    fn a_box_beside_the_network_has_a_port_and_perhaps_a_copy() {
        let root = machine("box", &[("proc/net/route", &default_by(&[("wlan0", 600), ("eth0", 100)]))]);
        let machine = [
            there("eth0", true, &["192.168.20.7/24"]),
            there("eth1", true, &[]),
            there("eth2", false, &[]),
            there("eth3", true, &["10.1.0.1/16"]),
        ];
        let names = ["eth0", "eth1", "eth2", "eth3"].map(str::to_owned);
        let wanted = [Some(Role::Port), Some(Role::Mirror), None, Some(Role::Port)];
        assert_eq!(roles(&root, &machine), names.into_iter().zip(wanted).collect::<Vec<_>>());
    }

    #[test]
    fn the_way_out_is_the_preferred_route_and_without_one_that_of_version_6() {
        let six = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 \
                   00000400 00000001 00000000 00000003     eth6\n\
                   00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 \
                   ffffffff 00000001 00000000 00200200       lo\n";
        let root = machine(
            "both",
            &[("proc/net/route", &default_by(&[("eth1", 9), ("eth0", 2)])), ("proc/net/ipv6_route", six)],
        );
        assert_eq!(way_out(&root).as_deref(), Some("eth0"));
        let root = machine("six", &[("proc/net/route", ROUTES), ("proc/net/ipv6_route", six)]);
        assert_eq!(way_out(&root).as_deref(), Some("eth6"));
        let root = machine("none", &[("proc/net/route", ROUTES)]);
        assert_eq!(way_out(&root), None);
        let plain = |role, is_way_out| {
            let networks = Vec::new();
            let one = Interface { name: "eth0".to_owned(), role, why: String::new(), networks, is_way_out };
            Found { interfaces: vec![one], ..Found::default() }.is_plain()
        };
        assert_eq!([plain(Some(Role::Port), true), plain(Some(Role::Port), false)], [true, false]);
    }

    #[test]
    fn a_network_is_what_its_address_lies_in() {
        let networks = |addresses: &[&str]| networks(&there("eth0", true, addresses));
        let found = networks(&["192.168.22.7/22", "192.168.23.9/22", "169.254.1.1/16", "203.0.113.1/32", "fe80::1/64"]);
        assert_eq!(found, ["192.168.20.0/22"]);
        assert_eq!(networks(&["2001:db8:20::7/64", "2001:db8:20::7/128"]), ["2001:db8:20::/64"]);
        assert_eq!(networks(&["10.9.8.7/0"]), ["0.0.0.0/0"]);
    }

    #[test]
    fn an_access_point_tells_its_names_and_which_file_speaks_of_it() {
        let of_hostapd =
            "interface=wlan0\nbssid=02:00:00:00:00:09\nssid=Clinic\nwpa=2\nrsn_pairwise=CCMP\nwpa_passphrase=Canary\n";
        let files = [
            ("sys/class/net/wlan0/phy80211/", ""),
            ("run/hostapd-phy0.conf", of_hostapd),
            ("run/hostapd-other.conf", "interface=wlan9\nssid=Other\n"),
        ];
        let root = machine("ap", &files);
        let (found, names) = radios(&root, &[there("wlan0", true, &[])], &mut Up);
        let file = root.canonicalize().unwrap().join("run/hostapd-phy0.conf");
        assert_eq!(found, [Radio { name: "wlan0".to_owned(), way: Way::AccessPoint, hostapd: vec![file] }]);
        assert_eq!(names, [(b"Clinic".to_vec(), true)].into());
    }

    /// A machine whose kernel says nothing of radios, and whose interfaces are up.
    struct Up;

    impl crate::radio::kernel::Kernel for Up {
        fn ask(
            &mut self,
            _: crate::wire::netlink::Request,
            _: &mut dyn FnMut(u8, &[u8]),
        ) -> Result<(), crate::radio::kernel::Refusal> {
            Err(crate::radio::kernel::Refusal::Silent)
        }
    }

    impl System for Up {
        fn file(&mut self, path: &Path) -> Option<zeroize::Zeroizing<Vec<u8>>> {
            fs::read(path).ok().map(zeroize::Zeroizing::new)
        }
        fn link(&mut self, _: &str) -> Option<crate::radio::mind::Link> {
            Some(crate::radio::mind::Link { is_up: true, address: Some([2, 0, 0, 0, 0, 9]) })
        }
        fn is_blocked(&mut self, _: &[u8]) -> bool {
            false
        }
    }
}
