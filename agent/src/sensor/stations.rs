//! Stations of the air that are heard on the cable as well: by their own hardware address, while they use it.
//!
//! Keeps: the last network of [`MOST`] stations, and when they were heard in it; never longer than they are heard. Drops: random
//! addresses, which would lead astray; what a station says. The addresses never leave this table.

use crate::wire::dot11::{Air, Frame, is_group};
use crate::wire::layers::Mac;
use auscult_report::subject::Bssid;
use auscult_report::time::Timestamp;
use std::collections::HashMap;

/// Stations with a hardware address of their own.
#[derive(Default)]
pub(super) struct Stations(HashMap<Mac, (Bssid, Timestamp)>);

impl Stations {
    /// A frame of the air tells who is where.
    pub(super) fn in_the_air(&mut self, at: Timestamp, air: &Air<'_>) {
        let path = match &air.frame {
            Frame::Encrypted(path) | Frame::Empty(path) => path,
            Frame::Clear(data) => &data.path,
            _ => return,
        };
        let (Some(bssid), Some(station)) = (path.bssid, path.station) else { return };
        if is_group(station) || is_random(station) || station == bssid {
            return;
        }
        if self.0.len() >= MOST && !self.0.contains_key(&station) {
            self.make_room();
        }
        self.0.insert(station, (Bssid(bssid), at));
    }

    /// The network through which a sender of the cable spoke less than a second ago.
    pub(super) fn on_the_cable(&self, at: Timestamp, sender: Mac) -> Option<Bssid> {
        let (bssid, heard) = self.0.get(&sender)?;
        (at.since_ms(*heard) <= AT_ONCE_MS).then_some(*bssid)
    }

    /// The network of a station that was heard in the last minutes.
    pub(super) fn network_of(&self, at: Timestamp, station: Mac) -> Option<Bssid> {
        let (bssid, heard) = self.0.get(&station)?;
        (at.since_ms(*heard) <= LATELY_MS).then_some(*bssid)
    }

    /// Whether no radio has told of any: then nothing has to be looked up.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn make_room(&mut self) {
        if let Some(oldest) = self.0.iter().min_by_key(|(_, (_, heard))| *heard).map(|(mac, _)| *mac) {
            self.0.remove(&oldest);
        }
    }
}

/// Locally administered: made up for this network (IEEE 802, 8.4).
fn is_random([first, ..]: Mac) -> bool {
    first & 2 != 0
}

/// Stations at a time: more than a clinic's access points serve.
const MOST: usize = 512;
/// What comes by the air goes on by the cable at once; longer ago the station may have been in another network.
const AT_ONCE_MS: u64 = 1_000;
/// A device says something every few minutes as long as it is in a network.
const LATELY_MS: u64 = 300_000;
