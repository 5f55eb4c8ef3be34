//! How the radios stand, as a report tells it: one word for all of them, and of each by its number the way that it is heard.
//!
//! Keeps: closed words. Drops: names of interfaces, and why a radio is not heard; the log says that.

use crate::radio::{Ask, Radio, State, Wanted, Way};
use auscult_report::coverage::{Ear, EarRole, EarWay, RadioState, Sight};

/// A radio of the configuration, and what became of it.
pub(super) struct Told {
    pub(super) wanted: Wanted,
    /// Nothing before the first look.
    pub(super) radio: Option<Radio>,
}

/// The best of them speaks for all.
pub(super) fn state(radios: &[Told]) -> RadioState {
    let stands = |told: &Told| match told.radio {
        None | Some(Radio { state: State::Missing, .. }) => RadioState::Missing,
        Some(Radio { way: Way::None, .. }) => RadioState::Broken,
        Some(_) => RadioState::Working,
    };
    radios.iter().map(stands).max_by_key(|state| *state as u8).unwrap_or(RadioState::None)
}

/// Adds to the ears those radios of which no frames are wanted, and says of each radio by which way it is heard. `ears` has
/// one for each interface, then one for each radio that may be in monitor mode, in the configuration's order.
pub(super) fn ways(ears: &mut Vec<Ear>, radios: &[Told]) {
    let first = ears.iter().position(|ear| ear.role == EarRole::Radio).unwrap_or(ears.len());
    let mut framed = ears.split_off(first).into_iter();
    for told in radios {
        let number = u8::try_from(ears.len()).unwrap_or(u8::MAX);
        let framed = if told.wanted.needs_an_ear() { framed.next() } else { None };
        let ear = framed.map_or_else(|| silent(number, way_asked(told.wanted.way)), |ear| Ear { number, ..ear });
        ears.push(match told.radio {
            Some(Radio { way: Way::AccessPoint, .. }) => {
                Ear { way: EarWay::AccessPoint, heard: true, deaf_s: 0, ..ear }
            }
            Some(Radio { way: Way::Scan, .. }) => Ear { way: EarWay::Scan, heard: true, deaf_s: 0, ..ear },
            _ => ear,
        });
    }
}

const fn way_asked(ask: Ask) -> EarWay {
    match ask {
        Ask::Best | Ask::Monitor => EarWay::Monitor,
        Ask::AccessPoint => EarWay::AccessPoint,
        Ask::Scan => EarWay::Scan,
    }
}

/// A radio of which no frame is heard.
const fn silent(number: u8, way: EarWay) -> Ear {
    Ear {
        number,
        role: EarRole::Radio,
        way,
        sight: Sight::Nothing,
        heard: false,
        frames: 0,
        lost: 0,
        deaf_s: 0,
        group: 0,
        foreign: 0,
        conversations: 0,
        both_sides: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(way: Ask, radio: Option<Radio>) -> Told {
        let wanted = Wanted {
            name: "wlan0".to_owned(),
            way,
            channels: Vec::new(),
            hostapd: Vec::new(),
            dwell_ms: 0,
            listen_every_ms: 0,
        };
        Told { wanted, radio }
    }

    const fn is(way: Way, state: State) -> Option<Radio> {
        Some(Radio { way, state })
    }

    #[test]
    fn one_radio_that_hears_speaks_for_all() {
        assert_eq!(state(&[]), RadioState::None);
        assert_eq!(state(&[told(Ask::Best, None)]), RadioState::Missing);
        let missing = || told(Ask::Monitor, is(Way::None, State::Missing));
        assert_eq!(state(&[missing(), told(Ask::Best, is(Way::None, State::Blocked))]), RadioState::Broken);
        assert_eq!(state(&[missing(), told(Ask::Scan, is(Way::Scan, State::Hears))]), RadioState::Working);
    }

    #[test]
    fn each_radio_has_its_number_and_the_way_that_was_taken() {
        let wire = Ear { role: EarRole::Lan, way: EarWay::Ring, heard: true, ..silent(0, EarWay::Ring) };
        let air = Ear { frames: 7, deaf_s: 900, ..silent(1, EarWay::Monitor) };
        let mut ears = vec![wire, air];
        let radios = [
            told(Ask::AccessPoint, is(Way::AccessPoint, State::Partly)),
            told(Ask::Best, is(Way::Scan, State::Hears)),
            told(Ask::Scan, is(Way::None, State::Down)),
        ];
        ways(&mut ears, &radios);
        let shown: Vec<_> = ears.iter().map(|e| (e.number, e.role, e.way, e.heard, e.deaf_s)).collect();
        let radio = EarRole::Radio;
        assert_eq!(
            shown,
            [
                (0, EarRole::Lan, EarWay::Ring, true, 0),
                (1, radio, EarWay::AccessPoint, true, 0),
                (2, radio, EarWay::Scan, true, 0),
                (3, radio, EarWay::Scan, false, 0),
            ]
        );
        assert_eq!(ears[2].frames, 7);
    }
}
