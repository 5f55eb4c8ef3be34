//! Real servers and real clients in a clinic of network namespaces; while they talk, agents hear live on the router's bridge, on its
//! way out, on a trunk with VLAN tags, on a line of PPPoE and on a tunnel, and tcpdump writes what comes by at the same places.
//! What each agent reported is what `auscult-inspect` says of the capture.
//!
//! Counts as failure: a fact, a zone, a count, a service or a product that only one of the two has; a server that nobody heard.
//! Does not: when something was heard to the millisecond, since the kernel stamps a frame for each listener.
//!
//! The trunk and the line of PPPoE are boxes in user space (`lab.rs`), the tunnel is one of TUN, whose frames begin with their IP
//! header as those of WireGuard do: none of them needs a module of the kernel.

use auscult_agent::config::Memory;
use auscult_agent::places::Places;
use auscult_agent::sensor::Settings;
use auscult_report::fact::Fact;
use auscult_report::subject::{HostId, Subject};
use auscult_report::summary::{Sighting, Summary};
use auscult_report::zone::Zone;
use auscult_tests::cable::{Listener, is_inside, state};
use auscult_tests::lab::Recorder;
use auscult_tests::nest::walk;
use auscult_tests::ward::{Lab, postgres};
use auscult_tests::{hear, inspect};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

#[test]
fn what_real_servers_say_is_heard_live_as_in_the_capture() {
    const NAME: &str = "what_real_servers_say_is_heard_live_as_in_the_capture";
    if let Some(lacking) = lacking() {
        assert!(env::var_os("AUSCULT_FOREIGN").is_none(), "{NAME} was not run: {lacking}");
        eprintln!("NOT RUN, {lacking}: {NAME}");
        return;
    }
    if !is_inside(NAME) {
        return;
    }
    let folder = env::temp_dir().join(format!("auscult-servers-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let lab = Lab::new(&folder);
    let mut places = [
        At::new("lan", &[("br-lan", "lan")], &folder),
        At::new("lan-and-wan", &[("br-lan", "lan"), ("wan", "wan")], &folder),
        At::new("trunk", &[("trunk0", "mirror")], &folder),
        At::new("pppoe", &[("line0", "wan")], &folder),
        At::new("tunnel", &[("tun0", "wan")], &folder),
    ];
    let mut recorders: Vec<Recorder> =
        ["br-lan", "wan", "trunk0", "line0", "tun0"].iter().map(|i| Recorder::at(i, &folder)).collect();
    lab.talk();
    places.iter_mut().for_each(|at| drop(at.listener.stop()));
    recorders.iter_mut().for_each(Recorder::stop);
    let heard: BTreeMap<&str, Said> = places.iter().map(|at| (at.name, at.compare())).collect();
    for (place, address, port, protocol, product) in EXPECTED {
        let said = &heard[place];
        let service = said.services.get(&((*address).to_owned(), *port));
        assert!(service.is_some_and(|p| p.contains(*protocol)), "{place}: {address} {port} {protocol}: {service:?}");
        let named = said.products.contains(&((*address).to_owned(), *port, (*product).to_owned()));
        assert!(product.is_empty() || named, "{place}: {address} {port} is not {product}: {:#?}", said.products);
    }
    assert!(heard["lan"].zones.is_superset(&BTreeSet::from([Zone::SameSegment, Zone::Outside, Zone::Vpn])));
    drop(lab);
    fs::remove_dir_all(&folder).unwrap();
}

/// Where a server must have been heard: place, address, port, protocol, product if it names one.
const EXPECTED: &[(&str, &str, u16, &str, &str)] = &[
    ("lan", "192.168.20.10", 4242, "dicom", "DCMTK"),
    ("lan", "192.168.20.10", 8042, "http", "Orthanc"),
    ("lan", "192.168.20.10", 11_112, "dicom", "DCMTK"),
    ("lan", "192.168.20.11", 445, "smb", ""),
    ("lan", "192.168.20.11", 21, "ftp", "vsftpd"),
    ("lan", "192.168.20.11", 22, "ssh", "OpenSSH"),
    ("lan", "192.168.20.12", 80, "http", "nginx"),
    ("lan", "192.168.20.12", 443, "tls", ""),
    ("lan", "192.168.20.12", 5432, "postgresql", "PostgreSQL"),
    ("lan", "192.168.20.12", 6379, "redis", ""),
    ("lan", "192.168.20.12", 1883, "mqtt", ""),
    ("lan", "192.168.20.12", 11_211, "memcached", "memcached"),
    ("lan", "2001:db8:20::12", 80, "http", "nginx"),
    ("lan", "2001:db8:20::11", 22, "ssh", "OpenSSH"),
    ("lan-and-wan", "192.168.20.10", 4242, "dicom", ""),
    ("lan-and-wan", "192.168.20.12", 80, "http", "nginx"),
    ("trunk", "192.168.20.12", 5432, "postgresql", "PostgreSQL"),
    ("trunk", "192.168.20.12", 80, "http", "nginx"),
    ("trunk", "2001:db8:20::12", 80, "http", "nginx"),
    ("pppoe", "192.168.20.10", 4242, "dicom", ""),
    ("pppoe", "192.168.20.12", 80, "http", "nginx"),
    ("pppoe", "2001:db8:20::12", 80, "http", "nginx"),
    ("tunnel", "192.168.20.11", 445, "smb", ""),
    ("tunnel", "192.168.20.11", 22, "ssh", "OpenSSH"),
];

/// What this machine lacks for the test.
fn lacking() -> Option<String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = || env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into(), postgres()]);
    let missing: Vec<&str> = PROGRAMS.iter().copied().filter(|p| !folders().any(|f| f.join(p).exists())).collect();
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n");
    let lacking = match (missing.is_empty(), is_root, Path::new("/dev/net/tun").exists()) {
        (true, true, true) => return None,
        (false, ..) => format!("these programs are not installed: {}", missing.join(" ")),
        (_, false, _) => "it needs root".to_owned(),
        _ => "/dev/net/tun is not there".to_owned(),
    };
    Some(lacking)
}

const PROGRAMS: &[&str] = &[
    "Orthanc",
    "dcmqrscp",
    "storescu",
    "findscu",
    "echoscu",
    "dump2dcm",
    "smbd",
    "smbclient",
    "vsftpd",
    "sshd",
    "ssh",
    "ssh-keygen",
    "nginx",
    "postgres",
    "psql",
    "redis-server",
    "redis-cli",
    "mosquitto",
    "mosquitto_pub",
    "memcached",
    "dnsmasq",
    "udhcpc",
    "curl",
    "openssl",
    "socat",
    "tcpdump",
    "ethtool",
    "nsenter",
    "unshare",
    "runuser",
    "bash",
];

/// An agent somewhere in the clinic.
struct At {
    name: &'static str,
    captures: Vec<PathBuf>,
    listener: Listener,
}

/// What it said, which is what the capture says.
struct Said {
    services: BTreeMap<(String, u16), BTreeSet<String>>,
    products: BTreeSet<(String, u16, String)>,
    zones: BTreeSet<Zone>,
}

impl At {
    fn new(name: &'static str, interfaces: &[(&str, &str)], folder: &Path) -> At {
        let heard: String = interfaces
            .iter()
            .map(|(i, role)| format!("[[capture.interface]]\nname = \"{i}\"\nrole = \"{role}\"\n"))
            .collect();
        let home: Vec<String> = HOME.iter().map(|n| (*n).to_owned()).collect();
        let more = format!("zones = [{{ network = \"{VPN}\", zone = \"vpn\" }}]\n[window]\nlength_s = 3600\n{heard}");
        let mut listener = Listener::start(name, &home, &[], &more);
        interfaces.iter().for_each(|_| drop(listener.until(" heard ")));
        let captures = interfaces.iter().map(|(i, _)| folder.join(format!("{i}.pcap"))).collect();
        At { name, captures, listener }
    }

    /// The facts of its reports are those of the capture, by the engine and by the program at the keyboard.
    fn compare(&self) -> Said {
        let (reports, identity) = self.listener.reports();
        assert_eq!(walk(&reports), 1, "{}", self.name);
        let told = state(&reports);
        let capture = merged(&self.captures);
        let mut networks: Vec<_> = HOME.iter().map(|n| (n.parse().unwrap(), Zone::SameSegment)).collect();
        networks.push((VPN.parse().unwrap(), Zone::Vpn));
        let (places, key) = (Places::new(networks), identity.pseudonym_key());
        let settings = Settings { places, key, memory: Memory::default(), ..Settings::default() };
        let (_, wanted) = hear(&capture, settings).unwrap();
        let (heard, wanted) = (facts(&told.sightings), facts(&wanted.sightings));
        let missing: Vec<_> = wanted.difference(&heard).collect();
        let invented: Vec<_> = heard.difference(&wanted).collect();
        let said = Said::of(&told);
        let hosts: BTreeSet<HostId> = told.hosts.iter().map(|h| h.id).collect();
        let (services, products) = (said.services.len(), said.products.len());
        println!(
            "{}: {} frames, {} facts of {} hosts, {services} services, {products} products named, {} missing, {} invented",
            self.name,
            told.counters.frames,
            heard.len(),
            hosts.len(),
            missing.len(),
            invented.len()
        );
        assert!(missing.is_empty() && invented.is_empty(), "{}: {missing:#?} {invented:#?}", self.name);
        said.is_what_the_inspector_says(self.name, &capture);
        said
    }
}

/// What was heard of what, and how often.
fn facts(sightings: &[Sighting]) -> BTreeSet<String> {
    sightings.iter().map(|s| format!("{:?} {:?} {:?} {}", s.subject, s.fact, s.zone, s.count)).collect()
}

impl Said {
    fn of(told: &Summary) -> Said {
        let addresses: BTreeMap<HostId, String> =
            told.hosts.iter().filter_map(|h| Some((h.id, h.address?.to_string()))).collect();
        let mut said = Said { services: BTreeMap::new(), products: BTreeSet::new(), zones: BTreeSet::new() };
        for sighting in &told.sightings {
            said.zones.extend(sighting.zone);
            let Subject::Service(id, _, port) = sighting.subject else { continue };
            let Some(address) = addresses.get(&id) else { continue };
            match sighting.fact {
                Fact::Protocol(protocol) => {
                    let protocols = said.services.entry((address.clone(), port)).or_default();
                    protocols.insert(protocol.word().to_owned());
                }
                Fact::Software(software) if software.product.name() != "unlisted" => {
                    said.products.insert((address.clone(), port, software.product.name().to_owned()));
                }
                _ => {}
            }
        }
        said
    }

    /// The same services, protocols and products, of the hosts whose addresses are told.
    fn is_what_the_inspector_says(&self, name: &str, capture: &[u8]) {
        let path = env::temp_dir().join(format!("auscult-servers-{}-{name}.pcap", std::process::id()));
        fs::write(&path, capture).unwrap();
        let mut arguments: Vec<String> = vec!["--format".into(), "json".into(), "--zone".into(), format!("{VPN}=vpn")];
        HOME.iter().for_each(|n| arguments.extend(["--home".to_owned(), (*n).to_owned()]));
        arguments.push(path.display().to_string());
        let output = inspect(&arguments);
        fs::remove_file(&path).unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let (mut services, mut products) = (BTreeMap::new(), BTreeSet::new());
        for service in document["services"].as_array().unwrap() {
            let address = service["host"].as_str().unwrap().to_owned();
            let port = u16::try_from(service["port"].as_u64().unwrap()).unwrap();
            if !HOME.iter().any(|n| n.parse::<auscult_agent::places::Prefix>().unwrap().holds(address.parse().unwrap()))
            {
                continue;
            }
            let words = |key: &str| service[key].as_array().unwrap().clone();
            let protocols = words("protocols").iter().map(|p| p.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>();
            services.entry((address.clone(), port)).or_insert_with(BTreeSet::new).extend(protocols);
            products.extend(
                words("software").iter().map(|s| (address.clone(), port, s["product"].as_str().unwrap().to_owned())),
            );
        }
        assert_eq!(self.services, services, "{name}: services");
        assert_eq!(self.products, products, "{name}: products");
    }
}

/// Captures as one, in the order of time (pcap of microseconds, as tcpdump writes it here).
fn merged(paths: &[PathBuf]) -> Vec<u8> {
    let files: Vec<Vec<u8>> = paths.iter().map(|p| fs::read(p).unwrap()).collect();
    let mut records: Vec<(u64, &[u8])> = Vec::new();
    for file in &files {
        let mut rest = &file[24..];
        while let Some(header) = rest.first_chunk::<16>() {
            let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
            let (record, more) = rest.split_at(16 + usize::try_from(word(8)).unwrap());
            records.push((u64::from(word(0)) * 1_000_000 + u64::from(word(4)), record));
            rest = more;
        }
    }
    records.sort_by_key(|(at, _)| *at);
    let mut one = files[0][..24].to_vec();
    records.iter().for_each(|(_, record)| one.extend_from_slice(record));
    one
}

const HOME: [&str; 2] = ["192.168.20.0/24", "2001:db8:20::/64"];
const VPN: &str = "10.9.0.0/24";
