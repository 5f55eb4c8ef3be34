//! Clinics, sites and sensors as an operator lists them: what `apply` brings into the archive.
//!
//! Keeps: names, titles, quotas, public keys. Drops: a file with anything that is not understood, by its line.

use super::{ConfigError, MIB, at, octets};
use serde::Deserialize;
use toml::Spanned;

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

/// Sixteen sensors at their own quota.
const QUOTA_MIB_DAY: u64 = 256;

#[cfg(test)]
mod tests {
    use super::*;

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
