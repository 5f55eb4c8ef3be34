//! What the sensor could hear at all while it listened (FORMAT.md section 5, tag 3): an element of a report's `ext`.
//!
//! Keeps: for each interface, by its number, how it is heard, what kind of sight it really gave, what was lost and how long it was
//! deaf; how long nobody listened; what could not be read. Numbers and closed lists. Drops: names and addresses of interfaces.

use crate::bounded::Bounded;
use crate::payload::{Extra, Extras, whole};
use crate::terms::Protocol;
use serde::{Deserialize, Serialize};

words! {
    /// What an interface is, as it was configured. Grows at its end.
    EarRole {
        /// The clinic's own network, on its router or bridge.
        Lan = "lan",
        /// The way to the internet.
        Wan = "wan",
        /// A switch sends a copy of what others say.
        Mirror = "mirror",
        /// A plain port.
        Port = "port",
        /// A radio.
        Radio = "radio",
    }
}

words! {
    /// How it is heard. Grows at its end.
    EarWay {
        /// The kernel's memory-mapped ring.
        Ring = "ring",
        /// One system call a frame.
        Portable = "portable",
        /// A capture file.
        File = "file",
        /// A radio that hears every frame of its channel.
        Monitor = "monitor",
        /// What the access point tells of itself: no frames.
        AccessPoint = "access-point",
        /// The results of passive scans: no frames.
        Scan = "scan",
    }
}

words! {
    /// What kind of sight an interface really gave, by what was heard there. Grows at its end.
    Sight {
        /// No frame.
        Nothing = "nothing",
        /// Only what is for all or for many.
        Broadcast = "broadcast",
        /// Besides only the sensor's own conversations.
        Own = "own",
        /// Both sides of conversations that pass through this machine.
        Router = "router",
        /// Both sides of conversations of others.
        Mirror = "mirror",
        /// Conversations of others, but of most of them one side only.
        OneSided = "one-sided",
        /// Frames of the air.
        Radio = "radio",
    }
}

impl Default for Sight {
    /// Before the first frame.
    fn default() -> Sight {
        Sight::Nothing
    }
}

words! {
    /// How the radio stands. Grows at its end.
    RadioState {
        /// None was asked for.
        None = "none",
        /// One was asked for and is not there.
        Missing = "missing",
        /// It is there and cannot be heard.
        Broken = "broken",
        /// It is heard.
        Working = "working",
    }
}

words! {
    /// Where octets could not be read. Grows at its end.
    FaultPlace {
        /// The headers of a frame.
        Frame = "frame",
        /// The headers of a frame of the air.
        Wireless = "wireless",
        /// A conversation over TCP.
        Conversation = "conversation",
        /// A datagram to or from a port that is looked at.
        Datagram = "datagram",
    }
}

words! {
    /// Why octets could not be read. Grows at its end.
    FaultKind {
        /// They contradict their standard.
        Malformed = "malformed",
        /// They are of a protocol that is not known, or in no form of it that is.
        NotUnderstood = "not-understood",
        /// They end too early.
        Cut = "cut",
    }
}

/// What was heard at an interface, and what was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ear {
    /// Its place in the configuration, from 0; never its name.
    pub number: u8,
    /// What it was configured as.
    pub role: EarRole,
    /// How it is heard.
    pub way: EarWay,
    /// What kind of sight it gave.
    pub sight: Sight,
    /// Whether it was heard at the end of the window.
    pub heard: bool,
    /// Frames heard.
    pub frames: u64,
    /// Frames for which the kernel had no room.
    pub lost: u64,
    /// Seconds in which it was not heard, because it was away or refused.
    pub deaf_s: u32,
    /// Of the frames, those that are for all or for many.
    pub group: u64,
    /// Of the frames, those for one, and neither from nor to the sensor itself.
    pub foreign: u64,
    /// Conversations of others; counted by a table that lets some go, so at least so many.
    pub conversations: u32,
    /// Of these, those of which both sides were heard.
    pub both_sides: u32,
}

/// Octets that could not be read, of one sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fault {
    /// Where.
    pub place: FaultPlace,
    /// Of which protocol, by the port, where that is known.
    pub protocol: Option<Protocol>,
    /// Why.
    pub kind: FaultKind,
    /// How often.
    pub times: u64,
}

/// What the sensor could hear of the window of its report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// How long it listened, in seconds that no clock can jump over.
    pub seconds: u32,
    /// Seconds before that in which it did not run, since the last window that it closed; 0 if it ran. `None`: its clock
    /// cannot tell.
    pub off_s: Option<u32>,
    /// Seconds in which the capture waited for the rest of the sensor; what the kernel then had no room for is in `lost`.
    pub blocked_s: u32,
    /// Seconds by which its clock jumped ahead.
    pub jumped_ahead_s: u32,
    /// Seconds by which its clock jumped back.
    pub jumped_back_s: u32,
    /// How the radio stands.
    pub radio: RadioState,
    /// Each interface that is to be heard.
    pub ears: Bounded<Ear, MAX_EARS>,
    /// What could not be read.
    pub faults: Bounded<Fault, MAX_FAULTS>,
}

impl Coverage {
    /// As an element of a report's or a heartbeat's `ext`. `None` if memory is gone.
    #[must_use]
    pub fn extra(&self) -> Option<Extra> {
        Extra::of(EXTRA_COVERAGE, self)
    }

    /// The one that stands in an `ext`; `None` if there is none, or one that this program does not understand.
    #[must_use]
    pub fn within(ext: &Extras) -> Option<Coverage> {
        whole(&ext.iter().find(|e| e.tag == EXTRA_COVERAGE)?.octets)
    }
}

impl Extra {
    /// A value under a tag. `None` if it is longer than an extra may be.
    pub(crate) fn of<T: Serialize>(tag: u16, value: &T) -> Option<Extra> {
        Some(Extra { tag, octets: Bounded::try_from(postcard::to_allocvec(value).ok()?).ok()? })
    }
}

/// The tag of a [`Coverage`] in an `ext`.
pub const EXTRA_COVERAGE: u16 = 3;

/// Eight interfaces, and as many radios and what they tell.
pub const MAX_EARS: usize = 16;

/// Four places and three reasons; of datagrams, for each protocol whose port is looked at.
pub const MAX_FAULTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_is_written_octet_by_octet() {
        let ear = Ear {
            number: 1,
            role: EarRole::Wan,
            way: EarWay::Ring,
            sight: Sight::Router,
            heard: true,
            frames: 300,
            lost: 2,
            deaf_s: 9,
            group: 4,
            foreign: 200,
            conversations: 5,
            both_sides: 3,
        };
        let fault =
            Fault { place: FaultPlace::Datagram, protocol: Some(Protocol::Dns), kind: FaultKind::Cut, times: 7 };
        let coverage = Coverage {
            seconds: 900,
            off_s: Some(60),
            blocked_s: 1,
            jumped_ahead_s: 0,
            jumped_back_s: 130,
            radio: RadioState::Missing,
            ears: vec![ear].try_into().unwrap(),
            faults: vec![fault].try_into().unwrap(),
        };
        #[rustfmt::skip]
        let octets = [
            0x84, 0x07, // seconds: 900
            1, 60,      // off_s: some, 60
            1,          // blocked_s
            0,          // jumped_ahead_s
            0x82, 0x01, // jumped_back_s: 130
            1,          // radio: Missing
            1,          // one ear
            1,          // number
            1,          // role: Wan
            0,          // way: Ring
            3,          // sight: Router
            1,          // heard
            0xac, 0x02, // frames: 300
            2,          // lost
            9,          // deaf_s
            4,          // group
            0xc8, 0x01, // foreign: 200
            5,          // conversations
            3,          // both_sides
            1,          // one fault
            3,          // place: Datagram
            1, 11,      // protocol: some, Dns
            2,          // kind: Cut
            7,          // times
        ];
        let extra = coverage.extra().unwrap();
        assert_eq!((extra.tag, &extra.octets[..]), (3, &octets[..]));
        let ext = Extras::first_of(vec![extra]).0;
        assert_eq!(Coverage::within(&ext), Some(coverage));
        assert_eq!(Coverage::within(&Extras::new()), None);
    }

    #[test]
    fn what_is_too_long_or_unknown_or_left_over_is_no_coverage() {
        let within = |octets: &[u8]| {
            let octets = octets.to_vec().try_into().unwrap();
            Coverage::within(&Extras::first_of(vec![Extra { tag: EXTRA_COVERAGE, octets }]).0)
        };
        let least = [0, 0, 0, 0, 0, 0, 0, 0];
        assert!(within(&least).is_some());
        assert!(within(&least[..7]).is_none() && within(&[&least[..], &[0]].concat()).is_none());
        assert!(within(&[0, 0, 0, 0, 0, 4, 0, 0]).is_none(), "a state of a radio that is not known");
        let many = [&[0, 0, 0, 0, 0, 0, 17][..], &[0; 17 * 12], &[0]].concat();
        assert!(within(&many).is_none(), "more ears than a sensor has");
    }
}
