//! What `status` shows of the delivery: a small file that the daemon leaves.
//!
//! Keeps: when, how often not, why not, as words of closed lists. Drops: addresses, and texts of answers.

use crate::courier::trouble::Trouble;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// How delivery stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Delivery {
    /// When the newest receipt came, in milliseconds since 1970 by the sensor's clock.
    pub(super) receipt_ms: Option<u64>,
    /// When reports were last named as stored.
    pub(super) stored_ms: Option<u64>,
    /// Failures in a row since then.
    pub(super) failures: u32,
    /// The word of why.
    trouble: Option<String>,
    /// When the ledger's keeper contradicted himself.
    pub(super) contradiction_ms: Option<u64>,
    /// Whether a report told of it.
    pub(super) contradiction_is_told: bool,
}

impl Delivery {
    /// What the daemon left.
    pub(super) fn look(state: &Path) -> Delivery {
        fs::read(state.join(DELIVERY)).ok().and_then(|o| serde_json::from_slice(&o).ok()).unwrap_or_default()
    }

    /// Why nothing is delivered.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.trouble.as_deref().and_then(Trouble::from_word)
    }

    /// Takes over how it stands; true if that is another trouble than before.
    pub(super) fn stands(&mut self, failures: u32, trouble: Option<Trouble>) -> bool {
        let changed = self.trouble() != trouble;
        (self.failures, self.trouble) = (failures, trouble.map(|t| t.word().to_owned()));
        changed
    }

    pub(super) fn octets(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// In the state folder.
pub(super) const DELIVERY: &str = "delivery";
/// The note that contradicts the ledger that was seen before it.
pub(super) const CONTRADICTION: &str = "contradiction";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_read_and_an_unknown_file_is_nothing() {
        let mut delivery = Delivery { receipt_ms: Some(5), ..Delivery::default() };
        assert!(delivery.stands(3, Some(Trouble::Pending)) && !delivery.stands(4, Some(Trouble::Pending)));
        let read: Delivery = serde_json::from_slice(&delivery.octets()).unwrap();
        assert_eq!((read.clone(), read.trouble()), (delivery, Some(Trouble::Pending)));
        assert_eq!(Delivery::look(Path::new("/nonexistent")), Delivery::default());
    }
}
