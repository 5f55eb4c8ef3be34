//! The part of the configuration that says what is heard: interfaces, or one capture file.
//!
//! Keeps: one of the two kinds, each value within its bound. Drops: nothing quietly; a key that belongs to the other kind is
//! refused.

use super::radio::{self, RawRadio};
use super::{Odd, list, number, odd, path};
use crate::capture::interface::{Keeping, Role, Wanted, Way};
use core::ops::Range;
use serde::Deserialize;
use std::path::PathBuf;
use toml::Spanned;

/// What is heard.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// A capture file, and how fast: 0 is as fast as it goes.
    Replay(PathBuf, f64),
    /// Interfaces, and how much is kept of their frames.
    Live(Vec<Wanted>, Keeping),
}

impl Heard {
    /// Octets that the rings of the interfaces, and of so many radios, take.
    pub(super) fn rings_octets(&self, radios: usize) -> u64 {
        match self {
            Heard::Replay(..) => 0,
            Heard::Live(wanted, keeping) => {
                let ears = wanted.len().saturating_add(radios);
                u64::try_from(ears.saturating_mul(keeping.buffer_octets)).unwrap_or(u64::MAX)
            }
        }
    }
}

/// What becomes of the daemon when the capture ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Then {
    /// It ends, after what waits was delivered or its time is over.
    #[default]
    End,
    /// It stays, delivers and gives signs of life until it is told to stop.
    Stay,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCapture {
    replay: Option<Spanned<PathBuf>>,
    speed: Option<Spanned<f64>>,
    then: Option<Spanned<Then>>,
    method: Option<Spanned<Way>>,
    buffer_kib: Option<Spanned<i64>>,
    snap_octets: Option<Spanned<i64>>,
    interface: Option<Spanned<Vec<RawInterface>>>,
    radio: Option<Spanned<Vec<RawRadio>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInterface {
    name: Spanned<String>,
    #[serde(default)]
    role: Role,
    promiscuous: Option<bool>,
    leaving: Option<bool>,
}

pub(super) fn meant(raw: Spanned<RawCapture>, cap_mib: u64) -> Result<(Heard, Vec<radio::Wanted>, Then), Odd> {
    let (span, raw) = (raw.span(), raw.into_inner());
    match (raw.replay, raw.interface) {
        (Some(_), Some(interfaces)) => {
            Err(odd(interfaces.span(), "capture.replay and [[capture.interface]] are both given; keep one of them"))
        }
        (None, None) if raw.radio.is_none() => {
            Err(odd(span, "nothing is to be heard; give [[capture.interface]] with a name, or capture.replay"))
        }
        (Some(file), None) => {
            refuse("capture.radio", "[[capture.interface]]", raw.radio.map(|r| r.span()))?;
            refuse("capture.method", "[[capture.interface]]", raw.method.map(|m| m.span()))?;
            refuse("capture.buffer_kib", "[[capture.interface]]", raw.buffer_kib.map(|b| b.span()))?;
            refuse("capture.snap_octets", "[[capture.interface]]", raw.snap_octets.map(|s| s.span()))?;
            let then = raw.then.map(Spanned::into_inner).unwrap_or_default();
            Ok((Heard::Replay(path("capture.replay", file)?, speed(raw.speed)?), Vec::new(), then))
        }
        (None, interfaces) => {
            refuse("capture.speed", "capture.replay", raw.speed.map(|s| s.span()))?;
            refuse("capture.then", "capture.replay", raw.then.map(|t| t.span()))?;
            let wanted = interfaces.map_or(Ok(Vec::new()), wanted)?;
            let radios = radio::meant(raw.radio, &wanted, MAX_INTERFACES)?;
            let ears = wanted.len().saturating_add(radios.iter().filter(|radio| radio.needs_an_ear()).count());
            let kib = number("capture.buffer_kib", raw.buffer_kib, 512..=65_536, buffer_kib(cap_mib, ears))?;
            let snap = number("capture.snap_octets", raw.snap_octets, 256..=65_535, 65_535)?;
            let keeping = Keeping {
                way: raw.method.map(Spanned::into_inner).unwrap_or_default(),
                snap_octets: u32::try_from(snap).unwrap_or(u32::MAX),
                buffer_octets: usize::try_from(kib.saturating_mul(1_024)).unwrap_or(usize::MAX),
            };
            Ok((Heard::Live(wanted, keeping), radios, Then::End))
        }
    }
}

/// Room for frames that wait, for each of so many interfaces: all together a quarter of the memory at most.
fn buffer_kib(cap_mib: u64, interfaces: usize) -> u64 {
    let each = u64::try_from(interfaces).ok().and_then(|n| cap_mib.saturating_mul(256).checked_div(n));
    each.unwrap_or_default().clamp(512, 2_048)
}

/// A key that means nothing without another one.
fn refuse(key: &str, without: &str, given: Option<Range<usize>>) -> Result<(), Odd> {
    given.map_or(Ok(()), |span| Err(odd(span, format!("{key} means nothing without {without}"))))
}

fn wanted(raw: Spanned<Vec<RawInterface>>) -> Result<Vec<Wanted>, Odd> {
    let span = raw.span();
    let mut wanted: Vec<Wanted> = Vec::new();
    for raw in list("capture.interface", Some(raw), MAX_INTERFACES)? {
        let name = name(&raw.name)?;
        if wanted.iter().any(|other| other.name == name) {
            return Err(odd(raw.name.span(), format!("the interface {name} is given twice")));
        }
        wanted.push(Wanted {
            name,
            role: raw.role,
            promiscuous: raw.promiscuous.unwrap_or(true),
            leaving: raw.leaving.unwrap_or(true),
        });
    }
    if wanted.is_empty() {
        Err(odd(span, "capture.interface is empty; at least one is to be heard"))
    } else {
        Ok(wanted)
    }
}

/// The name of an interface.
pub(super) fn name(raw: &Spanned<String>) -> Result<String, Odd> {
    let name = raw.get_ref();
    let plain = name.bytes().all(|c| c.is_ascii_graphic() && c != b'/');
    if !plain || !(1..=MAX_NAME_OCTETS).contains(&name.len()) {
        let form = format!("the name of an interface has 1 to {MAX_NAME_OCTETS} characters, none a space or /");
        return Err(odd(raw.span(), form));
    }
    Ok(name.clone())
}

fn speed(raw: Option<Spanned<f64>>) -> Result<f64, Odd> {
    let Some(raw) = raw else { return Ok(1.0) };
    let speed = *raw.get_ref();
    if (0.0..=MAX_SPEED).contains(&speed) {
        Ok(speed)
    } else {
        Err(odd(raw.span(), format!("capture.speed is {speed}; it must be from 0 to {MAX_SPEED}")))
    }
}

/// Recorded as fast as a day in ten seconds; faster is 0.
const MAX_SPEED: f64 = 10_000.0;
/// Interfaces of a router with its VLANs; each has its own ring.
const MAX_INTERFACES: usize = 8;
/// IFNAMSIZ without its zero.
const MAX_NAME_OCTETS: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn refused(capture: &str) -> (Option<usize>, String) {
        let error = Config::read(&format!("state = \"s\"\n{capture}")).unwrap_err();
        (error.line, error.what)
    }

    #[test]
    fn interfaces_are_read_with_their_roles() {
        let text = "state = \"s\"\n[capture]\nmethod = \"portable\"\nbuffer_kib = 512\nsnap_octets = 256\n\
                    [[capture.interface]]\nname = \"br-lan\"\n[[capture.interface]]\nname = \"pppoe-wan\"\nrole = \"wan\"\n\
                    promiscuous = false\nleaving = false\n";
        let Heard::Live(wanted, keeping) = Config::read(text).unwrap().heard else { panic!("live") };
        assert_eq!(keeping, Keeping { way: Way::Portable, snap_octets: 256, buffer_octets: 524_288 });
        let shown: Vec<_> = wanted.iter().map(|w| (w.name.as_str(), w.role, w.promiscuous, w.leaving)).collect();
        assert_eq!(shown, [("br-lan", Role::Lan, true, true), ("pppoe-wan", Role::Wan, false, false)]);
    }

    #[test]
    fn exactly_one_kind_is_heard() {
        let (line, what) = refused("[capture]\n");
        assert_eq!(line, Some(2), "{what}");
        assert!(what.contains("[[capture.interface]]") && what.contains("capture.replay"), "{what}");
        let (line, what) = refused("[capture]\nreplay = \"x\"\n[[capture.interface]]\nname = \"a\"\n");
        assert_eq!(line, Some(4), "{what}");
        assert!(what.contains("both"), "{what}");
    }

    #[test]
    fn a_key_of_the_other_kind_is_refused_with_its_line() {
        for key in ["method = \"ring\"", "buffer_kib = 512", "snap_octets = 256"] {
            let (line, what) = refused(&format!("[capture]\nreplay = \"x\"\n{key}\n"));
            assert_eq!(line, Some(4), "{what}");
            assert!(what.contains("[[capture.interface]]"), "{what}");
        }
        for key in ["speed = 1.0", "then = \"stay\""] {
            let (line, what) = refused(&format!("[capture]\n{key}\n[[capture.interface]]\nname = \"a\"\n"));
            assert_eq!(line, Some(3), "{what}");
            assert!(what.contains("capture.replay"), "{what}");
        }
    }

    #[test]
    fn an_odd_interface_is_refused_with_line_and_bound() {
        for (name, bound) in
            [("", "1 to 15"), ("br-lan and more of it", "1 to 15"), ("a/b", "1 to 15"), ("a b", "1 to 15")]
        {
            let (line, what) = refused(&format!("[[capture.interface]]\nname = \"{name}\"\n"));
            assert_eq!(line, Some(3), "{what}");
            assert!(what.contains(bound), "{what}");
        }
        for (key, bound) in [
            ("buffer_kib = 511", "from 512 to 65536"),
            ("buffer_kib = 65537", "from 512 to 65536"),
            ("snap_octets = 255", "from 256 to 65535"),
            ("snap_octets = 65536", "from 256 to 65535"),
            ("method = \"pcap\"", "portable"),
        ] {
            let (line, what) = refused(&format!("[capture]\n{key}\n[[capture.interface]]\nname = \"a\"\n"));
            assert_eq!(line, Some(3), "{what}");
            assert!(what.contains(bound), "{what}");
        }
        assert!(refused("[[capture.interface]]\nname = \"a\"\nrole = \"attic\"\n").1.contains("mirror"));
        let (line, what) = refused("[[capture.interface]]\nname = \"a\"\n[[capture.interface]]\nname = \"a\"\n");
        assert_eq!((line, what.contains("twice")), (Some(5), true));
        let nine: String = (0..9).map(|n| format!("[[capture.interface]]\nname = \"a{n}\"\n")).collect();
        assert!(refused(&nine).1.contains("at most 8"));
        assert!(refused("[capture]\ninterface = []\n").1.contains("empty"));
    }
}
