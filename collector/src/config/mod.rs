//! Settings: what was typed (`RawConfig`, TOML) becomes what is meant ([`Config`]), or is refused with line and bound.
//!
//! Two files: `collector.toml` for the program, and one of clinics, sites and sensors that `apply` brings into the archive.
//! Keeps: paths of secrets. Drops: secrets; they are never in a settings file. The words about a key stand in
//! `collector.toml`, which a test reads.

mod channels;
mod fleet;
mod notices;
mod oidc;
mod place;
mod template;

pub use fleet::{Fleet, FleetClinic};
pub use notices::{Alive, Channel, Kind, LEVELS, Mail, Notices, Quiet, Step, Syslog, Takes, Ticket, Tls, Way, Webhook};
pub use oidc::Oidc;
pub use place::{Network, Server, WebAddress};
pub use template::{Place, Template};

use notices::RawNotices;

use auscult_report::trust::{MAX_ADDRESS, MAX_ADDRESSES};
use serde::Deserialize;
use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use toml::Spanned;

/// What the program works with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The name by which ledgers are signed.
    pub name: String,
    /// The data base.
    pub store: PathBuf,
    /// The size at which it refuses to grow.
    pub most_octets: u64,
    /// The file of the key that signs checkpoints.
    pub ledger_key: PathBuf,
    /// The folder of tiles.
    pub tiles: PathBuf,
    /// The folder of high-water marks.
    pub highwater: PathBuf,
    /// Milliseconds between two rounds of the ledgers.
    pub round_ms: u64,
    /// The folder of the CA; none: nothing is served.
    pub authority: Option<PathBuf>,
    /// Where sensors are listened for.
    pub agents: Option<Agents>,
    /// Where people are.
    pub people: Option<SocketAddr>,
    /// What people's browsers are shown: a certificate with its chain, and its key (PEM). None: one of our own.
    pub people_files: Option<(PathBuf, PathBuf)>,
    /// Whether every page says that the clinics are made up.
    pub demo: bool,
    /// Another service that vouches for people.
    pub oidc: Option<Oidc>,
    /// Where the provider's own monitoring is: on this machine only.
    pub ops: Option<SocketAddr>,
    /// Reports that may wait for the disk.
    pub queue_reports: usize,
    /// Memory that they may take.
    pub queue_octets: usize,
    /// Octets that one sensor may add a day.
    pub sensor_octets_day: u64,
    /// Reports that one sensor may send at once.
    pub sensor_burst: u32,
    /// Reports that one sensor may send a minute.
    pub sensor_reports_minute: u32,
    /// Who is told what.
    pub notices: Notices,
}

/// The listener of sensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agents {
    /// Where.
    pub listen: SocketAddr,
    /// As sensors reach it, in the order in which they try: `host:port`; port 0 stands for the port that is listened on.
    pub addresses: Vec<String>,
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address.
    pub connections_address: usize,
}

/// `collector.toml` as it is typed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    name: Spanned<String>,
    store: RawStore,
    ledger: RawLedger,
    authority: Option<RawAuthority>,
    agents: Option<RawAgents>,
    people: Option<RawPeople>,
    ops: Option<RawListener>,
    #[serde(default)]
    limits: RawLimits,
    #[serde(default)]
    notices: RawNotices,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStore {
    path: PathBuf,
    most_mib: Option<Spanned<i64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLedger {
    key: PathBuf,
    tiles: PathBuf,
    highwater: PathBuf,
    round_s: Option<Spanned<i64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAuthority {
    folder: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAgents {
    listen: Spanned<String>,
    addresses: Spanned<Vec<Spanned<String>>>,
    connections: Option<Spanned<i64>>,
    connections_address: Option<Spanned<i64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawListener {
    listen: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPeople {
    listen: Spanned<String>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    demo: Option<bool>,
    oidc: Option<oidc::RawOidc>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLimits {
    queue_reports: Option<Spanned<i64>>,
    queue_mib: Option<Spanned<i64>>,
    sensor_kib_day: Option<Spanned<i64>>,
    sensor_burst: Option<Spanned<i64>>,
    sensor_reports_minute: Option<Spanned<i64>>,
}

impl Config {
    /// Reads `collector.toml`.
    ///
    /// # Errors
    /// The first line that is not understood, or not within its bounds.
    pub fn read(text: &str) -> Result<Config, ConfigError> {
        let mut raw: RawConfig = toml::from_str(text).map_err(|e| ConfigError(e.to_string().trim_end().to_owned()))?;
        let oidc = raw.people.as_mut().and_then(|l| l.oidc.take()).map(|o| o.meant(text)).transpose()?;
        let name = raw.name.get_ref();
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-';
        if name.is_empty() || name.len() > 100 || !name.chars().all(is_name) {
            let said = "name must be 1 to 100 of a-z, 0-9, dot and hyphen";
            return Err(at(text, raw.name.span().start, said));
        }
        if let (Some(agents), None) = (&raw.agents, &raw.authority) {
            let said =
                "sensors are listened for, but authority.folder is not set: it holds the CA of their certificates";
            return Err(at(text, agents.listen.span().start, said));
        }
        if raw.ledger.highwater.starts_with(&raw.ledger.tiles) {
            return Err(ConfigError(
                "ledger.highwater must not lie within ledger.tiles: reviewers may read those".to_owned(),
            ));
        }
        let bounded =
            |key, value: &Option<Spanned<i64>>, default, least, most| bounded(text, key, value, default, least..=most);
        let RawLimits { queue_reports, queue_mib, sensor_kib_day, sensor_burst, sensor_reports_minute } = &raw.limits;
        Ok(Config {
            name: name.clone(),
            store: raw.store.path,
            most_octets: bounded("store.most_mib", &raw.store.most_mib, 65_536, 64, 16_777_216)?.saturating_mul(MIB),
            ledger_key: raw.ledger.key,
            tiles: raw.ledger.tiles,
            highwater: raw.ledger.highwater,
            round_ms: bounded("ledger.round_s", &raw.ledger.round_s, 10, 1, 3_600)?.saturating_mul(1_000),
            authority: raw.authority.map(|a| a.folder),
            agents: raw.agents.map(|a| a.meant(text)).transpose()?,
            people: raw.people.as_ref().map(|l| socket(text, &l.listen)).transpose()?,
            oidc,
            demo: raw.people.as_ref().and_then(|l| l.demo).unwrap_or(false),
            people_files: raw.people.map(|l| l.files(text)).transpose()?.flatten(),
            ops: raw.ops.map(|l| loopback(text, &l.listen)).transpose()?,
            queue_reports: size(bounded("limits.queue_reports", queue_reports, 4_096, 64, 65_536)?),
            queue_octets: size(bounded("limits.queue_mib", queue_mib, 64, 16, 4_096)?.saturating_mul(MIB)),
            sensor_octets_day: bounded("limits.sensor_kib_day", sensor_kib_day, 16_384, 256, 4_194_304)?
                .saturating_mul(KIB),
            sensor_burst: small(bounded("limits.sensor_burst", sensor_burst, 4_096, 64, 1_048_576)?),
            sensor_reports_minute: small(bounded(
                "limits.sensor_reports_minute",
                sensor_reports_minute,
                120,
                1,
                100_000,
            )?),
            notices: raw.notices.meant(text)?,
        })
    }
}

impl RawAgents {
    fn meant(self, text: &str) -> Result<Agents, ConfigError> {
        let addresses = self.addresses.get_ref();
        if addresses.is_empty() || addresses.len() > MAX_ADDRESSES {
            let said = format!("agents.addresses has {} entries; it must have 1 to {MAX_ADDRESSES}", addresses.len());
            return Err(at(text, self.addresses.span().start, &said));
        }
        let (all, one) = (&self.connections, &self.connections_address);
        Ok(Agents {
            listen: socket(text, &self.listen)?,
            addresses: addresses.iter().map(|a| address(text, a)).collect::<Result<_, _>>()?,
            connections: size(bounded(text, "agents.connections", all, 20_000, 16..=1_000_000)?),
            connections_address: size(bounded(text, "agents.connections_address", one, 256, 1..=1_000_000)?),
        })
    }
}

impl RawPeople {
    fn files(self, text: &str) -> Result<Option<(PathBuf, PathBuf)>, ConfigError> {
        match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
            (None, None) => Ok(None),
            _ => {
                let said = "people.certificate and people.key belong together: name both files, or neither";
                Err(at(text, self.listen.span().start, said))
            }
        }
    }
}

/// A number within its bounds, or its default.
fn bounded(
    text: &str,
    key: &str,
    value: &Option<Spanned<i64>>,
    default: u64,
    bounds: RangeInclusive<u64>,
) -> Result<u64, ConfigError> {
    let Some(value) = value else { return Ok(default) };
    let n = u64::try_from(*value.get_ref()).ok().filter(|n| bounds.contains(n));
    n.ok_or_else(|| {
        let said = format!("{key} is {}; it must be {} to {}", value.get_ref(), bounds.start(), bounds.end());
        at(text, value.span().start, &said)
    })
}

/// Where something listens.
fn socket(text: &str, value: &Spanned<String>) -> Result<SocketAddr, ConfigError> {
    let said = "listen must be an address and a port, as in 0.0.0.0:8443 or [::]:8443";
    value.get_ref().parse().map_err(|_| at(text, value.span().start, said))
}

/// Where something listens that only this machine may ask.
fn loopback(text: &str, value: &Spanned<String>) -> Result<SocketAddr, ConfigError> {
    let socket = socket(text, value)?;
    if socket.ip().is_loopback() {
        return Ok(socket);
    }
    let said = "ops.listen must be on loopback, as in 127.0.0.1:9464: figures of all clinics are for this machine only";
    Err(at(text, value.span().start, said))
}

/// How sensors reach a listener.
fn address(text: &str, value: &Spanned<String>) -> Result<String, ConfigError> {
    let address = value.get_ref();
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    let host = address.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map(|(host, _)| host);
    match host {
        Some(host) if !host.is_empty() && address.len() <= MAX_ADDRESS && address.chars().all(plain) => {
            Ok(address.clone())
        }
        _ => {
            let said = "an address is a name or an address and a port, as in archive.example.org:8443";
            Err(at(text, value.span().start, said))
        }
    }
}

/// 32 octets written as 64 small hexadecimal digits.
#[must_use]
pub fn octets(hex: &str) -> Option<[u8; 32]> {
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let digit = |d: u8| match d {
        b'0'..=b'9' => d.checked_sub(b'0'),
        b'a'..=b'f' => d.checked_sub(b'a')?.checked_add(10),
        _ => None,
    };
    let octets: Option<Vec<u8>> =
        pairs.iter().map(|[high, low]| digit(*high)?.checked_mul(16)?.checked_add(digit(*low)?)).collect();
    octets.filter(|_| rest.is_empty())?.try_into().ok()
}

/// What is wrong in a settings file, with its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

fn at(text: &str, octet: usize, said: &str) -> ConfigError {
    let line = text.bytes().take(octet).filter(|o| *o == b'\n').count().saturating_add(1);
    ConfigError(format!("line {line}: {said}"))
}

fn size(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

fn small(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONAL: &[&str] = &["most_mib", "round_s", "connections", "connections_address", "demo"];
    const LIMITS: &[&str] = &["queue_reports", "queue_mib", "sensor_kib_day", "sensor_burst", "sensor_reports_minute"];
    const COMPLETE: &str = include_str!("../../collector.toml");

    #[test]
    fn the_complete_file_is_read_and_has_the_defaults() {
        let config = Config::read(COMPLETE).unwrap();
        let short = COMPLETE.split("[limits]").next().unwrap();
        let short = short.lines().filter(|l| !OPTIONAL.iter().any(|key| l.starts_with(&format!("{key} = "))));
        let short = short.collect::<Vec<_>>().join("\n");
        assert_eq!(Config::read(&short).unwrap(), config);
        assert_eq!((config.queue_octets, config.most_octets), (64 << 20, 64 << 30));
    }

    #[test]
    fn every_key_of_the_program_is_explained_there() {
        for key in OPTIONAL.iter().chain(LIMITS) {
            let at = COMPLETE.find(&format!("\n{key} = ")).unwrap();
            let comment = COMPLETE.get(..at).unwrap().rsplit('\n').next().unwrap();
            assert!(comment.starts_with("# ") && comment.contains("efault "), "{key}: {comment}");
        }
    }

    #[test]
    fn odd_values_are_refused_by_line_and_bound() {
        for (good, bad, said) in [
            ("most_mib = 65536", "most_mib = 63", "line 11: store.most_mib is 63; it must be 64 to 16777216"),
            ("queue_mib = 64", "queue_mib = -1", "limits.queue_mib is -1; it must be 16 to 4096"),
            ("sensor_burst = 4096", "sensor_burst = 9999999", "it must be 64 to 1048576"),
            ("\"archive.example.org\"", "\"Archive\"", "line 5: name must be"),
            ("most_mib = 65536", "most_mbi = 65536", "unknown field `most_mbi`"),
            ("most_mib = 65536", "most_mib = \"much\"", "line 11"),
            ("round_s = 10", "round_s = 0", "ledger.round_s is 0; it must be 1 to 3600"),
            ("\"0.0.0.0:8443\"", "\"8443\"", "listen must be an address and a port"),
            ("\"archive.example.org:8443\"", "\"archive.example.org\"", "a name or an address and a port"),
            ("\"127.0.0.1:9464\"", "\"0.0.0.0:9464\"", "must be on loopback"),
            ("[authority]\n", "", "unknown field `folder`"),
            ("[limits]", "[limit]", "unknown field `limit`"),
            ("\"/var/lib/auscult-highwater\"", "\"/var/lib/auscult/ledger/hw\"", "must not lie within"),
        ] {
            let refused = Config::read(&COMPLETE.replace(good, bad)).unwrap_err().to_string();
            assert!(refused.contains(said), "{bad}: {refused}");
        }
    }
}
