//! The part of the configuration that says which Wi-Fi radios hear, and how.
//!
//! Keeps: each value within its bound. Drops: nothing quietly.

use super::capture::name;
use super::{Odd, list, number, odd, path};
use crate::capture::interface;
use crate::radio::Ask;
use serde::Deserialize;
use std::path::PathBuf;
use toml::Spanned;

pub(super) use crate::radio::Wanted;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRadio {
    name: Spanned<String>,
    way: Option<Spanned<Ask>>,
    channels: Option<Spanned<Vec<Spanned<i64>>>>,
    hostapd: Option<Spanned<Vec<Spanned<PathBuf>>>>,
    dwell_ms: Option<Spanned<i64>>,
    listen_every_s: Option<Spanned<i64>>,
}

/// The radios, beside the interfaces that are heard already; both together have at most `ears`.
pub(super) fn meant(
    raw: Option<Spanned<Vec<RawRadio>>>,
    interfaces: &[interface::Wanted],
    ears: usize,
) -> Result<Vec<Wanted>, Odd> {
    let span = raw.as_ref().map(Spanned::span).unwrap_or_default();
    let mut wanted: Vec<Wanted> = Vec::new();
    for raw in list("capture.radio", raw, MAX_RADIOS)? {
        let name = name(&raw.name)?;
        if wanted.iter().any(|other| other.name == name) {
            return Err(odd(raw.name.span(), format!("the radio {name} is given twice")));
        }
        let radio = one(name, raw)?;
        if radio.0.needs_an_ear() && interfaces.iter().any(|other| other.name == radio.0.name) {
            let what =
                "this interface is heard as [[capture.interface]] already; say way = \"access-point\" or \"scan\"";
            return Err(odd(radio.1, what));
        }
        wanted.push(radio.0);
    }
    let more = wanted.iter().filter(|w| w.needs_an_ear()).count();
    if interfaces.len().saturating_add(more) > ears {
        return Err(odd(span, format!("interfaces and radios together are more than {ears}; leave some away")));
    }
    Ok(wanted)
}

fn one(name: String, raw: RawRadio) -> Result<(Wanted, core::ops::Range<usize>), Odd> {
    let mut channels = Vec::new();
    for channel in list("capture.radio.channels", raw.channels, MAX_CHANNELS)? {
        let frequency = u16::try_from(*channel.get_ref()).ok();
        let frequency = frequency.filter(|f| matches!(f, 2_412..=2_484 | 5_160..=5_895 | 5_955..=7_115));
        channels.push(frequency.ok_or_else(|| {
            odd(channel.span(), "a channel is given in MHz: 2412 to 2484, 5160 to 5895 or 5955 to 7115, as in 2437")
        })?);
    }
    let files = list("capture.radio.hostapd", raw.hostapd, MAX_FILES)?;
    let wanted = Wanted {
        name,
        way: raw.way.map(Spanned::into_inner).unwrap_or_default(),
        channels,
        hostapd: files.into_iter().map(|file| path("capture.radio.hostapd", file)).collect::<Result<_, _>>()?,
        dwell_ms: number("capture.radio.dwell_ms", raw.dwell_ms, 110..=5_000, 250)?,
        listen_every_ms: listen(raw.listen_every_s)?.saturating_mul(1_000),
    };
    Ok((wanted, raw.name.span()))
}

/// Never, or not so often that the radio does nothing else.
fn listen(raw: Option<Spanned<i64>>) -> Result<u64, Odd> {
    match raw {
        Some(raw) if *raw.get_ref() == 0 => Ok(0),
        raw => number("capture.radio.listen_every_s", raw, 60..=86_400, 0).map_err(|Odd { span, what }| {
            let what = what + ", or 0 for never";
            Odd { span, what }
        }),
    }
}

/// Radios of a router.
const MAX_RADIOS: usize = 4;
/// As many as a plan has.
const MAX_CHANNELS: usize = 128;
/// One of each radio, and what is beside.
const MAX_FILES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Heard};

    const WIRE: &str = "state = \"s\"\n[[capture.interface]]\nname = \"br-lan\"\n[[capture.radio]]\n";

    fn refused(radio: &str) -> (Option<usize>, String) {
        let error = Config::read(&format!("{WIRE}{radio}")).unwrap_err();
        (error.line, error.what)
    }

    #[test]
    fn a_radio_is_read_with_its_defaults() {
        let config = Config::read(&format!("{WIRE}name = \"mon0\"\n")).unwrap();
        let wanted = Wanted {
            name: "mon0".to_owned(),
            way: Ask::Best,
            channels: Vec::new(),
            hostapd: Vec::new(),
            dwell_ms: 250,
            listen_every_ms: 0,
        };
        assert_eq!(config.radios, [wanted]);
        let text = "name = \"wlan0\"\nway = \"access-point\"\nchannels = [2412, 5180, 5955]\nhostapd = [\"/x\"]\n\
                    dwell_ms = 500\nlisten_every_s = 60\n";
        let [radio] = &Config::read(&format!("{WIRE}{text}")).unwrap().radios[..] else { panic!() };
        assert_eq!((radio.way, radio.channels.as_slice()), (Ask::AccessPoint, &[2_412, 5_180, 5_955][..]));
        assert_eq!((radio.dwell_ms, radio.listen_every_ms, radio.hostapd.len()), (500, 60_000, 1));
    }

    #[test]
    fn a_sensor_may_have_nothing_but_a_radio() {
        let config = Config::read("state = \"s\"\n[[capture.radio]]\nname = \"mon0\"\n").unwrap();
        let Heard::Live(wanted, _) = config.heard else { panic!() };
        assert!(wanted.is_empty() && config.radios.len() == 1);
    }

    #[test]
    fn an_odd_radio_is_refused_with_line_and_bound() {
        for (key, bound) in [
            ("way = \"all\"", "access-point"),
            ("channels = [6]", "in MHz"),
            ("channels = [5950]", "in MHz"),
            ("dwell_ms = 109", "from 110 to 5000"),
            ("dwell_ms = 5001", "from 110 to 5000"),
            ("listen_every_s = 59", "from 60 to 86400, or 0"),
            ("hostapd = [\"\"]", "empty"),
            ("chanels = []", "channels"),
        ] {
            let (line, what) = refused(&format!("name = \"wlan0\"\n{key}\n"));
            assert_eq!(line, Some(6), "{key}: {what}");
            assert!(what.contains(bound), "{key}: {what}");
        }
        assert!(refused("name = \"a b\"\n").1.contains("1 to 15"));
        let (line, what) = refused("name = \"a\"\n[[capture.radio]]\nname = \"a\"\n");
        assert_eq!((line, what.contains("twice")), (Some(7), true), "{what}");
        let (line, what) = refused("name = \"br-lan\"\n");
        assert_eq!((line, what.contains("access-point")), (Some(5), true), "{what}");
        let five: String = (1..5).map(|n| format!("[[capture.radio]]\nname = \"w{n}\"\n")).collect();
        assert!(refused(&format!("name = \"w0\"\n{five}")).1.contains("at most 4"));
        let eight: String = (0..7).map(|n| format!("[[capture.interface]]\nname = \"e{n}\"\n")).collect();
        assert!(refused(&format!("name = \"w0\"\n{eight}")).1.contains("more than 8"));
        let text = "state = \"s\"\n[capture]\nreplay = \"c\"\n[[capture.radio]]\nname = \"w\"\n";
        let error = Config::read(text).unwrap_err();
        assert_eq!((error.line, error.what.contains("[[capture.interface]]")), (Some(4), true), "{error}");
    }

    #[test]
    fn the_section_that_the_shipped_file_shows_is_read_and_names_every_default() {
        let shown = include_str!("../../agent.toml").lines().skip_while(|l| *l != "# [[capture.radio]]");
        let is_key =
            |l: &&str| l.split_once(" = ").is_some_and(|(k, _)| k.bytes().all(|c| c.is_ascii_lowercase() || c == b'_'));
        let shown: Vec<_> =
            shown.take_while(|l| !l.is_empty()).filter_map(|l| l.strip_prefix("# ")).filter(is_key).collect();
        assert_eq!(shown.len(), 6, "{shown:?}");
        let config = Config::read(&format!("{WIRE}{}\n", shown.join("\n"))).unwrap();
        let least = Config::read(&format!("{WIRE}name = \"wlan0\"\n")).unwrap();
        assert_eq!(config.radios, least.radios);
    }
}
