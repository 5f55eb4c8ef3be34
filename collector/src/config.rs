//! Settings: what was typed (`RawConfig`, TOML) becomes what is meant ([`Config`]), or is refused with line and bound.
//!
//! Two files: `collector.toml` for the program, and one of clinics, sites and sensors that `apply` brings into the archive.
//! Keeps: paths of secrets. Drops: secrets; they are never in a settings file. The words about a key stand in
//! `collector.toml`, which a test reads.

use serde::Deserialize;
use std::fmt;
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
}

/// `collector.toml` as it is typed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    name: Spanned<String>,
    store: RawStore,
    ledger: RawLedger,
    #[serde(default)]
    limits: RawLimits,
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
        let raw: RawConfig = toml::from_str(text).map_err(|e| ConfigError(e.to_string().trim_end().to_owned()))?;
        let bounded = |key, value: &Option<Spanned<i64>>, default, least, most| {
            let Some(value) = value else { return Ok(default) };
            let n = u64::try_from(*value.get_ref()).ok().filter(|n| (least..=most).contains(n));
            n.ok_or_else(|| {
                let said = format!("{key} is {}; it must be {least} to {most}", value.get_ref());
                at(text, value.span().start, &said)
            })
        };
        let name = raw.name.get_ref();
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-';
        if name.is_empty() || name.len() > 100 || !name.chars().all(is_name) {
            let said = "name must be 1 to 100 of a-z, 0-9, dot and hyphen";
            return Err(at(text, raw.name.span().start, said));
        }
        if raw.ledger.highwater.starts_with(&raw.ledger.tiles) {
            return Err(ConfigError(
                "ledger.highwater must not lie within ledger.tiles: reviewers may read those".to_owned(),
            ));
        }
        let RawLimits { queue_reports, queue_mib, sensor_kib_day, sensor_burst, sensor_reports_minute } = &raw.limits;
        Ok(Config {
            name: name.clone(),
            store: raw.store.path,
            most_octets: bounded("store.most_mib", &raw.store.most_mib, 65_536, 64, 16_777_216)?.saturating_mul(MIB),
            ledger_key: raw.ledger.key,
            tiles: raw.ledger.tiles,
            highwater: raw.ledger.highwater,
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
        })
    }
}

/// The clinics of a provider, as `apply` brings them into the archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    /// The clinics.
    pub clinics: Vec<FleetClinic>,
}

/// A clinic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetClinic {
    /// The word by which it is named.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Octets of reports that it may add a day.
    pub quota_octets_day: u64,
    /// Its sites: word and title.
    pub sites: Vec<(String, String)>,
    /// Sensors that are let in by their public keys: site and key.
    pub sensors: Vec<(String, [u8; 32])>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFleet {
    #[serde(default)]
    clinic: Vec<RawClinic>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClinic {
    name: Spanned<String>,
    title: Spanned<String>,
    quota_mib_day: Option<Spanned<i64>>,
    #[serde(default)]
    site: Vec<RawSite>,
    #[serde(default)]
    sensor: Vec<RawSensor>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSite {
    name: Spanned<String>,
    title: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSensor {
    site: Spanned<String>,
    key: Spanned<String>,
}

impl Fleet {
    /// Reads a file of clinics.
    ///
    /// # Errors
    /// The first line that is not understood, or contradicts another.
    pub fn read(text: &str) -> Result<Fleet, ConfigError> {
        let raw: RawFleet = toml::from_str(text).map_err(|e| ConfigError(e.to_string().trim_end().to_owned()))?;
        let mut clinics: Vec<FleetClinic> = Vec::new();
        for clinic in raw.clinic {
            let name = word(text, &clinic.name)?;
            if clinics.iter().any(|c| c.name == name) {
                return Err(at(text, clinic.name.span().start, &format!("clinic {name} stands there twice")));
            }
            clinics.push(read_clinic(text, name, &clinic)?);
        }
        Ok(Fleet { clinics })
    }
}

fn read_clinic(text: &str, name: String, clinic: &RawClinic) -> Result<FleetClinic, ConfigError> {
    let quota = clinic.quota_mib_day.as_ref();
    let mib = match quota.map(|q| (*q.get_ref(), q.span().start)) {
        None => QUOTA_MIB_DAY,
        Some((n, place)) => u64::try_from(n)
            .ok()
            .filter(|n| (1..=1_048_576).contains(n))
            .ok_or_else(|| at(text, place, &format!("quota_mib_day is {n}; it must be 1 to 1048576")))?,
    };
    let mut sites = Vec::new();
    for site in &clinic.site {
        sites.push((word(text, &site.name)?, title(text, &site.title)?));
    }
    let mut sensors = Vec::new();
    for sensor in &clinic.sensor {
        let site = word(text, &sensor.site)?;
        if !sites.iter().any(|(name, _)| *name == site) {
            return Err(at(text, sensor.site.span().start, &format!("clinic {name} has no site {site}")));
        }
        let key = octets(sensor.key.get_ref())
            .ok_or_else(|| at(text, sensor.key.span().start, "key must be a public key: 64 digits of 0-9 and a-f"))?;
        sensors.push((site, key));
    }
    let title = title(text, &clinic.title)?;
    Ok(FleetClinic { name, title, quota_octets_day: mib.saturating_mul(MIB), sites, sensors })
}

/// A short word by which something is named.
fn word(text: &str, value: &Spanned<String>) -> Result<String, ConfigError> {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let word = value.get_ref();
    if word.is_empty() || word.len() > 40 || !word.chars().all(is_word) {
        let said = format!("{word:?} must be 1 to 40 of a-z, 0-9 and hyphen");
        return Err(at(text, value.span().start, &said));
    }
    Ok(word.clone())
}

fn title(text: &str, value: &Spanned<String>) -> Result<String, ConfigError> {
    let title = value.get_ref();
    if title.is_empty() || title.len() > 200 || title.chars().any(char::is_control) {
        return Err(at(text, value.span().start, "a title must be 1 to 200 octets on one line"));
    }
    Ok(title.clone())
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
/// Sixteen sensors at their own quota.
const QUOTA_MIB_DAY: u64 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: &str = include_str!("../collector.toml");

    #[test]
    fn the_complete_file_is_read_and_has_the_defaults() {
        let config = Config::read(COMPLETE).unwrap();
        let short = COMPLETE.split("[limits]").next().unwrap().replace("most_mib = 65536", "");
        assert_eq!(Config::read(&short).unwrap(), config);
        assert_eq!((config.queue_octets, config.most_octets), (64 << 20, 64 << 30));
    }

    #[test]
    fn every_key_of_the_program_is_explained_there() {
        for key in ["most_mib", "queue_reports", "queue_mib", "sensor_kib_day", "sensor_burst", "sensor_reports_minute"]
        {
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
            ("[limits]", "[limit]", "unknown field `limit`"),
            ("\"/var/lib/auscult-highwater\"", "\"/var/lib/auscult/ledger/hw\"", "must not lie within"),
        ] {
            let refused = Config::read(&COMPLETE.replace(good, bad)).unwrap_err().to_string();
            assert!(refused.contains(said), "{bad}: {refused}");
        }
    }

    #[test]
    fn a_fleet_is_read_and_its_mistakes_are_named() {
        let good = "[[clinic]]\nname = \"north\"\ntitle = \"Clinic North\"\n[[clinic.site]]\nname = \"main\"\n\
                    title = \"Main\"\n[[clinic.sensor]]\nsite = \"main\"\nkey = \"KEY\"\n"
            .replace("KEY", &"0a".repeat(32));
        let fleet = Fleet::read(&good).unwrap();
        assert_eq!(fleet.clinics[0].sensors, [("main".to_owned(), [10; 32])]);
        for (from, to, said) in [
            ("\"north\"", "\"North Side\"", "line 2: \"North Side\" must be 1 to 40"),
            ("site = \"main\"", "site = \"side\"", "line 8: clinic north has no site side"),
            ("0a0a", "0A0A", "line 9: key must be a public key"),
            ("title = \"Main\"", "title = \"\"", "line 6: a title must be"),
            ("title = \"Main\"", "titel = \"Main\"", "unknown field `titel`"),
        ] {
            let refused = Fleet::read(&good.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(refused.contains(said), "{to}: {refused}");
        }
        let twice = format!("{good}{good}");
        assert!(Fleet::read(&twice).unwrap_err().to_string().contains("clinic north stands there twice"));
    }
}
