//! Why nothing is delivered, in words for the person at the device (the meanings of the statuses: FORMAT.md section 20).
//!
//! Keeps: one word of a closed list and its sentence. Drops: what an answer said beside; a stranger may have said it.

use crate::courier::retry::{Answer, Silence, Standing, Status};

/// Why the last contact was none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No way there.
    Unreachable,
    /// Somebody else answers.
    Untrusted,
    /// The sensor's certificate is not taken.
    Certificate,
    /// The answer was cut off.
    CutOff,
    /// A portal or a proxy answers.
    Stranger,
    /// Nobody approved the sensor yet.
    Pending,
    /// The sensor was shut out.
    Revoked,
    /// The clinic left, or the sensor was taken out of service.
    Closed,
    /// More was sent than may be.
    Quota,
    /// The collector has no time or no room.
    Busy,
    /// The collector does not understand what was sent.
    Refused,
}

impl Trouble {
    /// Every one.
    pub const ALL: [Trouble; 11] = [
        Trouble::Unreachable,
        Trouble::Untrusted,
        Trouble::Certificate,
        Trouble::CutOff,
        Trouble::Stranger,
        Trouble::Pending,
        Trouble::Revoked,
        Trouble::Closed,
        Trouble::Quota,
        Trouble::Busy,
        Trouble::Refused,
    ];

    /// What an answer that was no success means.
    #[must_use]
    pub const fn of(answer: &Answer) -> Trouble {
        match answer {
            Answer::Silence(Silence::Unreachable) => Trouble::Unreachable,
            Answer::Silence(Silence::Untrusted) => Trouble::Untrusted,
            Answer::Silence(Silence::TurnedAway) | Answer::Status(Status { code: 401, .. }) => Trouble::Certificate,
            Answer::Silence(Silence::CutOff) => Trouble::CutOff,
            Answer::Status(status) => match (status.standing, status.code) {
                (Some(Standing::Pending), _) => Trouble::Pending,
                (Some(Standing::Revoked), _) => Trouble::Revoked,
                (Some(Standing::Closed), _) => Trouble::Closed,
                (None, 429) => Trouble::Quota,
                (None, 408 | 425 | 500 | 503) => Trouble::Busy,
                (None, 400 | 409 | 413 | 415) => Trouble::Refused,
                (None, _) => Trouble::Stranger,
            },
        }
    }

    /// One word, for the log and the disk.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Trouble::Unreachable => "unreachable",
            Trouble::Untrusted => "untrusted",
            Trouble::Certificate => "certificate",
            Trouble::CutOff => "cut-off",
            Trouble::Stranger => "stranger",
            Trouble::Pending => "pending",
            Trouble::Revoked => "revoked",
            Trouble::Closed => "closed",
            Trouble::Quota => "quota",
            Trouble::Busy => "busy",
            Trouble::Refused => "refused",
        }
    }

    /// The one of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Trouble> {
        Trouble::ALL.into_iter().find(|t| t.word() == word)
    }

    /// What a person can make of it.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Trouble::Unreachable => "the collector cannot be reached: check the uplink and its firewall",
            Trouble::Untrusted => "who answers there is not our collector: somebody stands between, or its CA changed",
            Trouble::Certificate => "the collector does not take this sensor's certificate; a new one is asked for",
            Trouble::CutOff => "the answer was cut off: the uplink is bad, or something on it meddles",
            Trouble::Stranger => "a portal or a proxy answers in the collector's place: let the sensor through",
            Trouble::Pending => "a person at the provider has to look at this sensor first",
            Trouble::Revoked => "this sensor was revoked by its provider",
            Trouble::Closed => "this sensor was taken out of service by its provider",
            Trouble::Quota => "more was sent today than the provider allows: only events are sent",
            Trouble::Busy => "the collector has no time or no room; it is asked again",
            Trouble::Refused => "the collector does not understand this agent: update one of them",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_has_its_word_and_a_sentence_that_fits_the_screen() {
        for trouble in Trouble::ALL {
            assert_eq!(Trouble::from_word(trouble.word()), Some(trouble));
            assert!((20..88).contains(&trouble.sentence().len()), "{trouble:?}");
        }
    }

    #[test]
    fn a_portal_is_told_from_our_collector() {
        let status = |code, word: &[u8]| {
            Trouble::of(&Answer::Status(Status { code, standing: Standing::read(word), ..Status::default() }))
        };
        assert_eq!(status(200, b""), Trouble::Stranger);
        assert_eq!(status(403, b"<html>"), Trouble::Stranger);
        assert_eq!(status(403, b"pending\n"), Trouble::Pending);
        assert_eq!(status(503, b""), Trouble::Busy);
    }
}
