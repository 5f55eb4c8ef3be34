//! Signs of life (FORMAT.md section 6): signed, outside the chain, not in the ledger; only the newest is kept.
//!
//! Keeps: the sensor's head, so that the collector knows at once whether it misses anything, and how the sensor is.
//! Drops: facts. A replayed one shows an old head and an old uptime of the same run; it changes nothing.

use crate::context;
use crate::header::{Moment, Seen};
use crate::key::{Hash, LedgerId, PublicKey, SensorId, SensorKey};
use crate::payload::{Extras, Known};
use crate::signed::Form;
use crate::version::Version;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// A sign of life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The clinic's ledger.
    pub ledger: LedgerId,
    /// The sensor.
    pub sensor: SensorId,
    /// The number of the key that signed it.
    pub key_no: u16,
    /// The last report that the sensor made.
    pub head: Option<Known>,
    /// When.
    pub moment: Moment,
    /// How the sensor is.
    pub health: Health,
    /// The newest checkpoint that the sensor has verified.
    pub seen: Option<Seen>,
    /// The version of the trust bundle that it has.
    pub bundle_version: u32,
    /// What was added later.
    pub ext: Extras,
}

/// What a sensor says of itself. Also a payload's extra with the tag [`crate::payload::EXTRA_HEALTH`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The version of its program.
    pub program: Option<Version>,
    /// SHA-256 of the program.
    pub program_hash: Hash,
    /// SHA-256 of its configuration as it is meant.
    pub config_hash: Hash,
    /// Whether the capture runs.
    pub capturing: bool,
    /// Frames heard since the start.
    pub frames: u64,
    /// Frames that the capture lost since the start.
    pub frames_lost: u64,
    /// Reports in the spool.
    pub waiting: u32,
    /// Free memory in KiB.
    pub memory_free_kib: u32,
    /// Free room for the spool in KiB.
    pub disk_free_kib: u32,
    /// Load of the last minute, in thousandths of one processor.
    pub load_thousandths: u32,
}

impl Heartbeat {
    /// Signs it. The same arguments give the same octets. `None` if it is too long.
    #[must_use]
    pub fn seal(&self, key: &SensorKey) -> Option<Vec<u8>> {
        FORM.seal(self, key)
    }

    /// Whose sign of life it claims to be: to look up the key.
    ///
    /// # Errors
    /// [`HeartbeatError::Form`].
    pub fn claimed(octets: &[u8]) -> Result<Heartbeat, HeartbeatError> {
        FORM.read(octets).map(|c| c.body).ok_or(HeartbeatError::Form)
    }

    /// Reads a sign of life that `key` signed.
    ///
    /// # Errors
    /// The step that failed.
    pub fn open(octets: &[u8], key: &PublicKey) -> Result<Heartbeat, HeartbeatError> {
        let claimed = FORM.read::<Heartbeat>(octets).ok_or(HeartbeatError::Form)?;
        if claimed.body.key_no == 0 && SensorId::of(key) != claimed.body.sensor {
            return Err(HeartbeatError::SensorId);
        }
        if claimed.is_signed_by(key) { Ok(claimed.body) } else { Err(HeartbeatError::Signature) }
    }
}

/// The step at which a sign of life was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeartbeatError {
    /// Its octets are no sign of life of this version.
    Form,
    /// The key is not the sensor's first.
    SensorId,
    /// The signature does not hold.
    Signature,
}

impl fmt::Display for HeartbeatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HeartbeatError::Form => "heartbeat: form",
            HeartbeatError::SensorId => "heartbeat: the key is not this sensor's first",
            HeartbeatError::Signature => "heartbeat: signature does not hold",
        })
    }
}

impl core::error::Error for HeartbeatError {}

/// Health as an extra of a payload. `None` if it is too long to be one.
#[must_use]
pub fn health_extra(health: &Health) -> Option<crate::payload::Extra> {
    crate::payload::Extra::of(crate::payload::EXTRA_HEALTH, health)
}

const FORM: Form = Form { magic: b"AUSA", context: context::HEARTBEAT, most_octets: MAX_BODY };
/// Longest body: today's without extras has about 350 octets.
pub const MAX_BODY: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Place;

    fn beat(key: &SensorKey) -> Heartbeat {
        Heartbeat {
            ledger: LedgerId([1; 16]),
            sensor: SensorId::of(&key.public()),
            key_no: 0,
            head: Some(Known { place: Place { epoch: 1, seq: 9 }, hash: [7; 32] }),
            moment: Moment::default(),
            health: Health { program: Version::exact(b"0.1.0"), capturing: true, ..Health::default() },
            seen: None,
            bundle_version: 1,
            ext: Extras::new(),
        }
    }

    #[test]
    fn a_sign_of_life_is_read_with_its_key_only() {
        let key = SensorKey::from_seed(&[1; 32]);
        let octets = beat(&key).seal(&key).unwrap();
        assert_eq!(Heartbeat::claimed(&octets), Ok(beat(&key)));
        assert_eq!(Heartbeat::open(&octets, &key.public()), Ok(beat(&key)));
        let other = SensorKey::from_seed(&[2; 32]).public();
        assert_eq!(Heartbeat::open(&octets, &other), Err(HeartbeatError::SensorId));
        let mut second = beat(&key);
        second.key_no = 1;
        assert_eq!(Heartbeat::open(&second.seal(&key).unwrap(), &other), Err(HeartbeatError::Signature));
    }

    #[test]
    fn every_changed_octet_and_every_cut_is_refused() {
        let key = SensorKey::from_seed(&[1; 32]);
        let octets = beat(&key).seal(&key).unwrap();
        for at in 0..octets.len() {
            let mut changed = octets.clone();
            changed[at] ^= 1;
            assert!(Heartbeat::open(&changed, &key.public()).is_err(), "octet {at}");
            assert!(Heartbeat::open(&octets[..at], &key.public()).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_sign_of_life_is_no_report() {
        let key = SensorKey::from_seed(&[1; 32]);
        let octets = beat(&key).seal(&key).unwrap();
        assert!(crate::header::Frame::parse(&octets).is_err());
    }

    #[test]
    fn health_fits_into_an_extra() {
        assert_eq!(health_extra(&Health::default()).unwrap().tag, 1);
    }
}
