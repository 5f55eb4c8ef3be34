//! The configuration: [`RawConfig`] as it is typed (TOML 1.0) becomes [`Config`] as it is meant.
//!
//! Keeps: what `agent.toml` documents, each value within its bound. Drops: nothing quietly; an unknown key or an odd
//! value refuses to start, with its line and its bound.

mod capture;
mod memory;
mod radio;

use crate::places::Prefix;
use crate::radio::Wanted;
use auscult_report::terms::WifiPurpose;
use auscult_report::zone::Zone;
use core::fmt;
use core::ops::{Range, RangeInclusive};
use serde::Deserialize;
use std::path::PathBuf;
use toml::Spanned;

pub use capture::{Heard, Then};
pub use memory::Memory;

/// What is meant.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Folder for keys, the chain and the spool.
    pub state: PathBuf,
    /// What is heard.
    pub heard: Heard,
    /// Wi-Fi radios.
    pub radios: Vec<Wanted>,
    /// What becomes of the daemon when the capture ends.
    pub then: Then,
    /// The clinic's networks.
    pub networks: Vec<(Prefix, Zone)>,
    /// Names of the clinic's wireless networks.
    pub own_ssids: Vec<Vec<u8>>,
    /// Addresses of the clinic's access points.
    pub own_bssids: Vec<[u8; 6]>,
    /// What wireless networks of the clinic are for, by their names.
    pub purposes: Vec<(Vec<u8>, WifiPurpose)>,
    /// What becomes of names.
    pub names: Names,
    /// Length of a window in milliseconds.
    pub window_ms: u64,
    /// Octets of the spool.
    pub spool_octets: u64,
    /// How long reports are kept after their receipt, in milliseconds.
    pub keep_ms: u64,
    /// Where reports go.
    pub collectors: Vec<String>,
    /// How long the daemon goes on delivering when the capture ended, in milliseconds.
    pub linger_ms: u64,
    /// The file that names this installation.
    pub machine_id: PathBuf,
    /// Whether a key that looks copied is used all the same.
    pub accept_copied_key: bool,
    /// How much is kept in memory.
    pub memory: Memory,
    /// How much is logged.
    pub level: Level,
    /// Where it is said.
    pub log_to: LogTo,
}

/// What becomes of names that are heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Names {
    /// They never leave the sensor.
    #[default]
    Dropped,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A person must act.
    Error,
    /// Something was lost.
    Warn,
    /// Start, stop, a window closed.
    #[default]
    Info,
    /// One flow.
    Debug,
}

/// Where the log goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogTo {
    /// Standard error.
    #[default]
    Stderr,
    /// The local syslog.
    Syslog,
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// The line of what is wrong, and what would be right.
    pub fn read(text: &str) -> Result<Config, ConfigError> {
        let raw: RawConfig = toml::from_str(text).map_err(|e| ConfigError {
            line: e.span().map(|s| line_of(text, &s)),
            what: e.message().replace('\n', " "),
        })?;
        raw.meant().map_err(|odd| ConfigError { line: Some(line_of(text, &odd.span)), what: odd.what })
    }
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The line, from 1; none where a key is missing altogether.
    pub line: Option<usize>,
    /// What is wrong and what would be right.
    pub what: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl core::error::Error for ConfigError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    state: Spanned<PathBuf>,
    capture: Spanned<capture::RawCapture>,
    #[serde(default)]
    clinic: RawClinic,
    #[serde(default)]
    window: RawWindow,
    #[serde(default)]
    spool: RawSpool,
    #[serde(default)]
    collector: RawCollector,
    #[serde(default)]
    identity: RawIdentity,
    #[serde(default)]
    memory: RawMemory,
    #[serde(default)]
    log: RawLog,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawClinic {
    home: Option<Spanned<Vec<Spanned<String>>>>,
    zones: Option<Spanned<Vec<RawZone>>>,
    own_ssids: Option<Spanned<Vec<Spanned<String>>>>,
    own_bssids: Option<Spanned<Vec<Spanned<String>>>>,
    purposes: Option<Spanned<Vec<RawPurpose>>>,
    names: Names,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPurpose {
    ssid: Spanned<String>,
    purpose: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawZone {
    network: Spanned<String>,
    zone: Spanned<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawWindow {
    length_s: Option<Spanned<i64>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawSpool {
    octets: Option<Spanned<i64>>,
    keep_days: Option<Spanned<i64>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawCollector {
    addresses: Option<Spanned<Vec<Spanned<String>>>>,
    linger_s: Option<Spanned<i64>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawIdentity {
    machine_id: Option<PathBuf>,
    accept_copied_key: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawMemory {
    cap_mib: Option<Spanned<i64>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawLog {
    level: Level,
    to: LogTo,
}

/// A value that is refused.
struct Odd {
    span: Range<usize>,
    what: String,
}

impl RawConfig {
    fn meant(self) -> Result<Config, Odd> {
        let mut networks = Vec::new();
        for network in list("clinic.home", self.clinic.home, MAX_NETWORKS)? {
            networks.push((prefix(&network)?, Zone::SameSegment));
        }
        for raw in list("clinic.zones", self.clinic.zones, MAX_NETWORKS)? {
            networks.push((prefix(&raw.network)?, zone(&raw.zone)?));
        }
        let ssids = list("clinic.own_ssids", self.clinic.own_ssids, MAX_SSIDS)?;
        let mut own_ssids = ssids.iter().map(ssid).collect::<Result<Vec<_>, _>>()?;
        let purposes = list("clinic.purposes", self.clinic.purposes, MAX_SSIDS)?;
        let purposes = purposes.iter().map(purpose).collect::<Result<Vec<_>, _>>()?;
        // Who says what a network is for says that it is the clinic's.
        own_ssids.extend(
            purposes.iter().map(|(name, _)| name.clone()).filter(|n| !own_ssids.contains(n)).collect::<Vec<_>>(),
        );
        let bssids = list("clinic.own_bssids", self.clinic.own_bssids, MAX_BSSIDS)?;
        let collectors = list("collector.addresses", self.collector.addresses, MAX_COLLECTORS)?;
        let span = self.memory.cap_mib.as_ref().map_or(self.capture.span(), Spanned::span);
        let cap_mib = number("memory.cap_mib", self.memory.cap_mib, 14..=1_024, memory::DEFAULT_CAP_MIB)?;
        let (heard, radios, then) = capture::meant(self.capture, cap_mib)?;
        let ears = radios.iter().filter(|radio| radio.needs_an_ear()).count();
        let memory = room(span, cap_mib, heard.rings_octets(ears))?;
        Ok(Config {
            state: path("state", self.state)?,
            heard,
            radios,
            then,
            networks,
            own_ssids,
            own_bssids: bssids.iter().map(bssid).collect::<Result<_, _>>()?,
            purposes,
            names: self.clinic.names,
            window_ms: number("window.length_s", self.window.length_s, 10..=3_600, 900)?.saturating_mul(1_000),
            spool_octets: number("spool.octets", self.spool.octets, 1_048_576..=1_073_741_824, 16_777_216)?,
            keep_ms: number("spool.keep_days", self.spool.keep_days, 0..=365, 30)?.saturating_mul(86_400_000),
            collectors: collectors.into_iter().map(address).collect::<Result<_, _>>()?,
            linger_ms: number("collector.linger_s", self.collector.linger_s, 0..=3_600, 0)?.saturating_mul(1_000),
            machine_id: self.identity.machine_id.unwrap_or_else(|| PathBuf::from("/etc/machine-id")),
            accept_copied_key: self.identity.accept_copied_key,
            memory,
            level: self.log.level,
            log_to: self.log.to,
        })
    }
}

fn odd(span: Range<usize>, what: impl Into<String>) -> Odd {
    Odd { span, what: what.into() }
}

fn list<T>(key: &str, raw: Option<Spanned<Vec<T>>>, most: usize) -> Result<Vec<T>, Odd> {
    let Some(raw) = raw else { return Ok(Vec::new()) };
    let (span, list) = (raw.span(), raw.into_inner());
    if list.len() > most {
        return Err(odd(span, format!("{key} has {} entries; at most {most} are taken", list.len())));
    }
    Ok(list)
}

fn number(key: &str, raw: Option<Spanned<i64>>, bound: RangeInclusive<u64>, default: u64) -> Result<u64, Odd> {
    let Some(raw) = raw else { return Ok(default) };
    let value = u64::try_from(*raw.get_ref()).ok().filter(|v| bound.contains(v));
    let (low, high) = (bound.start(), bound.end());
    value.ok_or_else(|| odd(raw.span(), format!("{key} is {}; it must be from {low} to {high}", raw.get_ref())))
}

/// What each table gets, if it is enough.
fn room(span: Range<usize>, cap_mib: u64, rings_octets: u64) -> Result<Memory, Odd> {
    Memory::within(cap_mib, rings_octets).ok_or_else(|| {
        let (least, rings) = (Memory::least_mib(rings_octets), rings_octets.div_ceil(1_048_576));
        let what = format!("memory.cap_mib is {cap_mib}; of it the interfaces' capture.buffer_kib take {rings} MiB");
        odd(span, format!("{what}, so that it must be at least {least}, or the buffers smaller"))
    })
}

fn path(key: &str, raw: Spanned<PathBuf>) -> Result<PathBuf, Odd> {
    let span = raw.span();
    let path = raw.into_inner();
    if path.as_os_str().is_empty() { Err(odd(span, format!("{key} is empty; it must be a path"))) } else { Ok(path) }
}

fn prefix(raw: &Spanned<String>) -> Result<Prefix, Odd> {
    raw.get_ref().parse().map_err(|form: &str| odd(raw.span(), form))
}

fn zone(raw: &Spanned<String>) -> Result<Zone, Odd> {
    Zone::from_word(raw.get_ref()).ok_or_else(|| {
        let words: Vec<_> = Zone::ALL.iter().map(|z| z.word()).collect();
        odd(raw.span(), format!("the use of a network is one of {}", words.join(", ")))
    })
}

fn ssid(raw: &Spanned<String>) -> Result<Vec<u8>, Odd> {
    let name = raw.get_ref().as_bytes();
    if (1..=MAX_SSID_OCTETS).contains(&name.len()) {
        Ok(name.to_vec())
    } else {
        Err(odd(raw.span(), format!("the name of a wireless network has 1 to {MAX_SSID_OCTETS} octets")))
    }
}

fn purpose(raw: &RawPurpose) -> Result<(Vec<u8>, WifiPurpose), Odd> {
    let word = raw.purpose.get_ref();
    let purpose = WifiPurpose::from_word(word).filter(|p| *p != WifiPurpose::Unknown);
    let form = "a wireless network is for one of guest, clinical, office";
    Ok((ssid(&raw.ssid)?, purpose.ok_or_else(|| odd(raw.purpose.span(), form))?))
}

fn bssid(raw: &Spanned<String>) -> Result<[u8; 6], Odd> {
    let form = || odd(raw.span(), "the address of an access point is six octets, as in 04:18:d6:20:01:01");
    let mut address = [0u8; 6];
    let mut parts = raw.get_ref().split([':', '-']);
    for octet in &mut address {
        let part = parts.next().filter(|p| p.len() == 2 && p.bytes().all(|c| c.is_ascii_hexdigit()));
        *octet = part.and_then(|p| u8::from_str_radix(p, 16).ok()).ok_or_else(form)?;
    }
    if parts.next().is_some() { Err(form()) } else { Ok(address) }
}

fn address(raw: Spanned<String>) -> Result<String, Odd> {
    let span = raw.span();
    let address = raw.into_inner();
    if is_collector(&address) { Ok(address) } else { Err(odd(span, COLLECTOR_FORM)) }
}

/// Whether a text is a collector's address, as [`COLLECTOR_FORM`] says it.
#[must_use]
pub fn is_collector(address: &str) -> bool {
    let host = address.strip_prefix("https://").unwrap_or_default();
    let plain = host.bytes().all(|c| c.is_ascii_alphanumeric() || b".-:[]".contains(&c));
    plain && (1..=MAX_ADDRESS_OCTETS).contains(&host.len())
}

/// What a collector's address looks like.
pub const COLLECTOR_FORM: &str =
    "a collector is https://, a name or an address, and perhaps a port, as in https://collector.example:8443";

/// The line, from 1, in which a span begins.
fn line_of(text: &str, span: &Range<usize>) -> usize {
    text.bytes().take(span.start).filter(|b| *b == b'\n').count().saturating_add(1)
}

/// Networks of a clinic; each is looked at for each new address.
const MAX_NETWORKS: usize = 64;
/// Wireless networks of a clinic.
const MAX_SSIDS: usize = 32;
/// IEEE 802.11, 9.4.2.2.
const MAX_SSID_OCTETS: usize = 32;
/// Access points of a clinic.
const MAX_BSSIDS: usize = 256;
/// Collectors that are tried one after the other.
const MAX_COLLECTORS: usize = 8;
/// A host name (RFC 1035 2.3.4) with a port.
const MAX_ADDRESS_OCTETS: usize = 261;

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "state = \"s\"\n[capture]\nreplay = \"c.pcap\"\n";

    fn refused(text: &str) -> (Option<usize>, String) {
        let error = Config::read(text).unwrap_err();
        (error.line, error.what)
    }

    #[test]
    fn the_file_that_is_shipped_is_read_and_names_every_default() {
        let shipped = Config::read(include_str!("../agent.toml")).unwrap();
        let least = Config::read(LEAST).unwrap();
        assert_eq!(shipped.networks.len(), 2);
        let live = Config::read("state = \"s\"\n[[capture.interface]]\nname = \"br-lan\"\n").unwrap();
        assert_eq!((&shipped.heard, shipped.memory), (&live.heard, live.memory));
        let heard = least.heard.clone();
        let (state, networks, memory) = (least.state.clone(), least.networks.clone(), least.memory);
        let shown = Config { state, heard, radios: Vec::new(), networks, memory, ..shipped };
        assert_eq!(shown, least, "what the file shows is what is taken without it");
    }

    #[test]
    fn every_key_of_the_program_stands_in_the_shipped_file() {
        let shipped = include_str!("../agent.toml");
        let mut told_of = 0;
        let sources = [include_str!("config.rs"), include_str!("config/capture.rs"), include_str!("config/radio.rs")];
        for source in sources {
            let keys = source.lines().skip_while(|l| !l.contains("struct Raw"));
            for line in keys.take_while(|l| *l != "/// A value that is refused." && !l.starts_with("pub(super) fn")) {
                let Some((key, kind)) = line.trim().trim_end_matches(',').split_once(": ") else { continue };
                let key = key.trim_start_matches("pub(super) ");
                let told = match kind {
                    "Spanned<capture::RawCapture>" => "[capture]\n".to_owned(),
                    "Option<Spanned<Vec<RawInterface>>>" | "Option<Spanned<Vec<RawRadio>>>" => {
                        format!("[[capture.{key}]]\n")
                    }
                    _ if kind.starts_with("Raw") => format!("[{key}]\n"),
                    _ => format!("{key} = "),
                };
                assert!(shipped.contains(&told), "agent.toml does not tell of {key}");
                told_of += 1;
            }
        }
        assert!(told_of >= 30, "only {told_of} keys were found");
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let (line, what) = refused(&format!("{LEAST}sped = 1\n"));
        assert_eq!(line, Some(4));
        assert!(what.contains("sped") && what.contains("speed"), "{what}");
        assert_eq!(refused(&format!("{LEAST}[capturing]\n")).0, Some(4));
    }

    #[test]
    fn a_value_out_of_its_bound_is_refused_with_line_and_bound() {
        for (key, bound) in [
            ("[window]\nlength_s = 9", "from 10 to 3600"),
            ("[window]\nlength_s = -1", "from 10 to 3600"),
            ("[spool]\noctets = 1", "from 1048576 to 1073741824"),
            ("[spool]\nkeep_days = 366", "from 0 to 365"),
            ("[clinic]\nhome = [\"192.168.20.0/33\"]", "at most 32"),
            ("[clinic]\nzones = [{ network = \"10.0.0.0/8\", zone = \"lobby\" }]", "guest"),
            ("[clinic]\nown_ssids = [\"\"]", "1 to 32 octets"),
            ("[clinic]\npurposes = [{ ssid = \"A\", purpose = \"ward\" }]", "guest, clinical, office"),
            ("[clinic]\npurposes = [{ ssid = \"\", purpose = \"guest\" }]", "1 to 32 octets"),
            ("[clinic]\nown_bssids = [\"4:18:d6:20:01:01\"]", "six octets"),
            ("[clinic]\nnames = \"reported\"", "dropped"),
            ("[collector]\naddresses = [\"http://collector.example\"]", "https://"),
            ("[collector]\naddresses = [\"https://user@collector.example/x\"]", "https://"),
            ("[collector]\nlinger_s = 3601", "from 0 to 3600"),
            ("[memory]\ncap_mib = 13", "from 14 to 1024"),
            ("[log]\nlevel = \"loud\"", "info"),
            ("[log]\nto = \"/var/log/x\"", "syslog"),
        ] {
            let (line, what) = refused(&format!("{LEAST}{key}\n"));
            assert_eq!(line, Some(5), "{key}: {what}");
            assert!(what.contains(bound), "{key}: {what}");
        }
        for speed in ["-1.0", "10001.0", "nan", "inf"] {
            let (line, what) = refused(&format!("{LEAST}speed = {speed}\n"));
            assert_eq!(line, Some(4));
            assert!(what.contains("from 0 to 10000"), "{speed}: {what}");
        }
    }

    #[test]
    fn the_rings_of_the_interfaces_are_part_of_the_memory() {
        let live = |interfaces: usize, more: &str| {
            let names: String =
                (0..interfaces).map(|n| format!("[[capture.interface]]\nname = \"eth{n}\"\n")).collect();
            Config::read(&format!("state = \"s\"\n{more}\n{names}"))
        };
        let octets = |config: &Config| config.heard.rings_octets(0) / 1_048_576;
        let taken: Vec<u64> = [1, 3, 4, 8].map(|n| octets(&live(n, "").unwrap())).to_vec();
        assert_eq!(taken, [2, 6, 6, 6]);
        let (one, eight) = (live(1, "").unwrap().memory, live(8, "").unwrap().memory);
        assert!(one.known > eight.known && eight.known > 3_000, "{one:?} {eight:?}");
        let error = live(2, "[memory]\ncap_mib = 16\n[capture]\nbuffer_kib = 4096").unwrap_err();
        assert_eq!(error.line, Some(3));
        assert!(error.what.contains("at least 21") && error.what.contains("take 8 MiB"), "{error}");
        let error = live(8, "[capture]\nbuffer_kib = 65536").unwrap_err();
        assert!(error.what.contains("at least 525"), "{error}");
    }

    #[test]
    fn what_must_be_said_and_is_not_is_named() {
        assert!(refused("[capture]\nreplay = \"c.pcap\"\n").1.contains("state"));
        assert!(refused("state = \"s\"\n").1.contains("capture"));
        assert!(refused("state = \"\"\n[capture]\nreplay = \"c\"\n").1.contains("empty"));
        let many = vec!["\"10.0.0.0/8\""; 65].join(",");
        assert!(refused(&format!("{LEAST}[clinic]\nhome = [{many}]\n")).1.contains("at most 64"));
    }

    #[test]
    fn a_wireless_network_with_a_purpose_is_the_clinics() {
        let purposes = "[{ ssid = \"A\", purpose = \"clinical\" }, { ssid = \"B\", purpose = \"guest\" }]";
        let config = Config::read(&format!("{LEAST}[clinic]\nown_ssids = [\"A\"]\npurposes = {purposes}\n")).unwrap();
        assert_eq!(config.own_ssids, [b"A", b"B"]);
        let named: Vec<_> = config.purposes.iter().map(|(name, purpose)| (&name[..], purpose.word())).collect();
        assert_eq!(named, [(&b"A"[..], "clinical"), (b"B", "guest")]);
    }

    #[test]
    fn networks_keep_their_use() {
        let config = Config::read(&format!(
            "{LEAST}[clinic]\nhome = [\"10.0.0.0/8\"]\nzones = [{{ network = \"10.9.0.0/16\", zone = \"guest\" }}]\n"
        ));
        let networks = config.unwrap().networks;
        assert_eq!(networks.iter().map(|(_, z)| *z).collect::<Vec<_>>(), [Zone::SameSegment, Zone::Guest]);
    }
}
