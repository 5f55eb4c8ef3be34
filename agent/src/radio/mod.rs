//! Radios: which way each of them hears what is in the air, by what is there: monitor mode, the access point's own state, or what
//! the system heard itself.
//!
//! Keeps: what a person wants of a radio, what became of it. Drops: nothing that was heard; `mind` gives it on. A radio that is
//! missing or broken is said and looked for again: the sensor goes on without it.

pub mod hand;
pub mod kernel;
pub mod mind;
pub mod plan;

use crate::wire::nl80211::Kind;
use serde::Deserialize;
use std::path::PathBuf;

/// What a person wants of a radio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The name of its interface.
    pub name: String,
    /// The way, or the best that there is.
    pub way: Ask,
    /// Channels in MHz; none: all that the system allows.
    pub channels: Vec<u16>,
    /// What hostapd reads.
    pub hostapd: Vec<PathBuf>,
    /// How long a quiet channel is heard, in milliseconds.
    pub dwell_ms: u64,
    /// How often the system is asked to listen on all its channels, in milliseconds; 0 is never.
    pub listen_every_ms: u64,
}

impl Wanted {
    /// Whether frames of its interface are heard, if it is in monitor mode.
    #[must_use]
    pub const fn needs_an_ear(&self) -> bool {
        matches!(self.way, Ask::Best | Ask::Monitor)
    }

    /// Whether the system may have to be told something, for which a right is needed.
    #[must_use]
    pub const fn needs_a_hand(&self) -> bool {
        self.needs_an_ear() || (matches!(self.way, Ask::Scan) && self.listen_every_ms > 0)
    }
}

/// What was heard on a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// Frames that were heard while the radio was there.
    pub frames: u32,
    /// Announcements of networks that are there.
    pub networks: u32,
    /// One of them is the clinic's.
    pub is_own: bool,
}

/// The way that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// The best that there is.
    #[default]
    Best,
    /// Monitor mode.
    Monitor,
    /// The access point's own state.
    AccessPoint,
    /// What the system heard itself.
    Scan,
}

/// What became of a radio: for the log, and for the report's coverage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Radio {
    /// The way that is taken.
    pub way: Way,
    /// How it is.
    pub state: State,
}

/// The way that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// None is open.
    None,
    /// It hears every frame of the channel that it is on.
    Monitor,
    /// The networks that this machine makes itself; and what its radio heard beside.
    AccessPoint,
    /// What the system's radio heard of the networks around.
    Scan,
}

/// How a radio is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It hears; in monitor mode it visits the channels by plan.
    Hears,
    /// In monitor mode on one channel: the radio serves another interface, whose channel is not touched.
    Held,
    /// In monitor mode on one channel: the system refuses another one, or the right to choose it is missing.
    Fixed,
    /// The access point is there, but nobody said how its networks are protected: no file of hostapd was given, or none is
    /// readable.
    Partly,
    /// There is no interface of this name.
    Missing,
    /// It is switched off by rfkill.
    Blocked,
    /// It is not up.
    Down,
    /// It is there, and does not do what is asked for.
    OtherKind,
    /// The kernel does not answer over nl80211.
    Silent,
}

/// What is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct There {
    /// What nl80211 says that the interface does; `None`: it does not know it.
    pub kind: Option<Kind>,
    /// nl80211 answers.
    pub answers: bool,
    /// There is an interface of this name, and whether it is up.
    pub link: Option<bool>,
    /// Frames of it are heard: it is in monitor mode, whatever nl80211 says.
    pub is_heard: bool,
    /// Its radio is switched off.
    pub is_blocked: bool,
    /// hostapd's files say how its networks are protected.
    pub is_told: bool,
    /// Its radio serves another interface.
    pub serves: bool,
    /// The system refused the last channel.
    pub is_refused: bool,
}

/// The way taken, by what is asked for and what is there.
#[must_use]
pub fn choose(ask: Ask, there: &There) -> Radio {
    let none = |state| Radio { way: Way::None, state };
    let monitors = there.is_heard || there.kind == Some(Kind::Monitor);
    let serves = there.kind == Some(Kind::AccessPoint) || there.is_told;
    let (way, fits) = match ask {
        Ask::Monitor => (Way::Monitor, monitors),
        Ask::AccessPoint => (Way::AccessPoint, serves),
        Ask::Scan => (Way::Scan, there.kind.is_some() && !monitors),
        Ask::Best if monitors => (Way::Monitor, true),
        Ask::Best if serves => (Way::AccessPoint, true),
        Ask::Best => (Way::Scan, there.kind.is_some()),
    };
    // What hostapd reads is there, whether or not the radio is on: but a network that is off is not announced.
    let Some(is_up) = there.link else { return none(State::Missing) };
    if there.is_blocked {
        return none(State::Blocked);
    }
    if !is_up {
        return none(State::Down);
    }
    if !fits {
        return none(if there.answers { State::OtherKind } else { State::Silent });
    }
    let state = match way {
        Way::Monitor if there.serves => State::Held,
        Way::Monitor if there.is_refused || !there.answers => State::Fixed,
        Way::AccessPoint if !there.is_told => State::Partly,
        _ => State::Hears,
    };
    Radio { way, state }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there(kind: Kind) -> There {
        There { kind: Some(kind), answers: true, link: Some(true), ..There::default() }
    }

    #[test]
    fn the_best_way_is_that_of_what_the_interface_does() {
        let chosen = |ask, there: There| {
            let Radio { way, state } = choose(ask, &there);
            (way, state)
        };
        let (monitor, ap, station) = (there(Kind::Monitor), there(Kind::AccessPoint), there(Kind::Station));
        let bare = There { link: Some(true), ..There::default() };
        for (ask, there, wanted) in [
            (Ask::Best, monitor, (Way::Monitor, State::Hears)),
            (Ask::Best, There { serves: true, ..monitor }, (Way::Monitor, State::Held)),
            (Ask::Best, There { is_refused: true, ..monitor }, (Way::Monitor, State::Fixed)),
            (Ask::Best, There { is_heard: true, ..bare }, (Way::Monitor, State::Fixed)),
            (Ask::Best, ap, (Way::AccessPoint, State::Partly)),
            (Ask::Best, There { is_told: true, ..ap }, (Way::AccessPoint, State::Hears)),
            (Ask::Best, There { is_told: true, ..bare }, (Way::AccessPoint, State::Hears)),
            (Ask::Best, station, (Way::Scan, State::Hears)),
            (Ask::Scan, ap, (Way::Scan, State::Hears)),
            (Ask::Best, bare, (Way::None, State::Silent)),
            (Ask::Best, There { answers: true, ..bare }, (Way::None, State::OtherKind)),
            (Ask::Monitor, station, (Way::None, State::OtherKind)),
            (Ask::AccessPoint, monitor, (Way::None, State::OtherKind)),
            (Ask::Scan, monitor, (Way::None, State::OtherKind)),
            (Ask::Best, There { link: None, ..monitor }, (Way::None, State::Missing)),
            (Ask::Best, There { link: Some(false), ..monitor }, (Way::None, State::Down)),
            (Ask::Best, There { link: Some(false), is_blocked: true, ..monitor }, (Way::None, State::Blocked)),
            (Ask::Best, There { link: Some(false), is_told: true, ..ap }, (Way::None, State::Down)),
        ] {
            assert_eq!(chosen(ask, there), wanted, "{ask:?} {there:?}");
        }
    }

    #[test]
    fn only_who_may_have_to_tell_the_system_something_needs_a_hand() {
        let wanted = |way, listen_every_ms| Wanted {
            name: "wlan0".to_owned(),
            way,
            channels: Vec::new(),
            hostapd: Vec::new(),
            dwell_ms: 250,
            listen_every_ms,
        };
        assert!(wanted(Ask::Best, 0).needs_a_hand() && wanted(Ask::Scan, 60_000).needs_a_hand());
        assert!(!wanted(Ask::AccessPoint, 60_000).needs_a_hand() && !wanted(Ask::Scan, 0).needs_a_hand());
        assert!(wanted(Ask::Monitor, 0).needs_an_ear() && !wanted(Ask::AccessPoint, 0).needs_an_ear());
    }
}
