//! Which channels are in use: what a radio that can hear one at a time must know to be where something is said.
//!
//! Keeps, a channel: frames, announcements, whether one of them was the clinic's. Drops: who. It is never reported.

use crate::radio::Use;
use std::collections::BTreeMap;

/// Channels by their frequency in MHz. Bounded: see [`MAX_CHANNELS`].
#[derive(Debug)]
pub(super) struct AirUse(BTreeMap<u16, Use>);

impl AirUse {
    pub(super) const fn new() -> AirUse {
        AirUse(BTreeMap::new())
    }

    /// A frame was heard there.
    pub(super) fn frame(&mut self, frequency: u16) {
        if let Some(channel) = self.entry(frequency) {
            channel.frames = channel.frames.saturating_add(1);
        }
    }

    /// A network says that it is there.
    pub(super) fn network(&mut self, frequency: u16, is_own: bool) {
        if let Some(channel) = self.entry(frequency) {
            channel.networks = channel.networks.saturating_add(1);
            channel.is_own |= is_own;
        }
    }

    /// All of it, once.
    pub(super) fn take(&mut self) -> Vec<(u16, Use)> {
        core::mem::take(&mut self.0).into_iter().collect()
    }

    fn entry(&mut self, frequency: u16) -> Option<&mut Use> {
        if self.0.len() >= MAX_CHANNELS && !self.0.contains_key(&frequency) {
            return None;
        }
        Some(self.0.entry(frequency).or_default())
    }
}

/// More than the three bands have (14, 45 and 59); a header may lie, then what is invented beyond is not counted.
const MAX_CHANNELS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invented_channels_do_not_grow_the_table() {
        let mut uses = AirUse::new();
        uses.network(2_412, true);
        for frequency in 0..u16::MAX {
            uses.frame(frequency);
        }
        let told = uses.take();
        assert_eq!(told.len(), MAX_CHANNELS);
        assert!(told.contains(&(2_412, Use { frames: 1, networks: 1, is_own: true })));
    }
}
