//! One window of what was heard: sightings, the hosts they speak of, and what was let go.
//! Keeps: facts with first, last and count; counters. Drops: the order in which things were heard.

use crate::bounded::Bounded;
use crate::fact::Fact;
use crate::subject::{HostId, Subject};
use crate::time::{Timestamp, Window};
use crate::zone::Zone;
use core::net::IpAddr;
use serde::{Deserialize, Serialize};

/// A fact about a subject, heard at least once in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sighting {
    /// What it is about.
    pub subject: Subject,
    /// What was heard.
    pub fact: Fact,
    /// The zone of the client in whose conversation it was heard, where that matters ([`Fact::is_by_zone`]).
    pub zone: Option<Zone>,
    /// When it was first heard.
    pub first: Timestamp,
    /// When it was last heard.
    pub last: Timestamp,
    /// How often; for facts that count different things, how many different ones ([`Fact::counts_different`]).
    pub count: u32,
}

/// What a report may say of a host beside its pseudonym.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HostEntry {
    /// Its pseudonym.
    pub id: HostId,
    /// The zone that it is in.
    pub zone: Zone,
    /// Its address: only for a host that serves something or is medical, and only if the address is the clinic's.
    pub address: Option<IpAddr>,
    /// The maker's part of its hardware address, on the same terms, and never of a private (random) one.
    pub maker: Option<[u8; 3]>,
}

/// What the sensor counted while it listened. Each is what was met in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Frames heard.
    pub frames: u64,
    /// Octets of these frames on the wire.
    pub octets: u64,
    /// Frames whose headers contradict themselves.
    pub malformed: u64,
    /// Frames of a link type or a protocol that is not looked into.
    pub not_understood: u64,
    /// Frames of which the capture kept only the beginning.
    pub cut: u64,
    /// IP fragments that were let go: their packet was not whole, or there was no room.
    pub fragments: u64,
    /// Conversations heard.
    pub conversations: u64,
    /// Conversations of which only one side was heard.
    pub one_sided: u64,
    /// Conversations let go because the table was full.
    pub conversations_let_go: u64,
    /// Holes in conversations: octets that were not captured.
    pub holes: u64,
    /// Octets let go because a buffer was full.
    pub octets_let_go: u64,
    /// Hosts let go because the table was full.
    pub hosts_let_go: u64,
    /// Wireless networks let go because the table was full.
    pub networks_let_go: u64,
    /// Observations let go because the inventory was full.
    pub observations_let_go: u64,
    /// 802.11 frames heard.
    pub wireless_frames: u64,
    /// 802.11 data frames that were encrypted, as they should be.
    pub wireless_encrypted: u64,
    /// Hosts heard at all.
    pub hosts: u64,
}

/// One window of what was heard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// From the first frame to the end of the window.
    pub window: Window,
    /// The hosts that the sightings speak of, by pseudonym.
    pub hosts: Bounded<HostEntry, MAX_HOSTS>,
    /// The sightings, by subject and fact.
    pub sightings: Bounded<Sighting, MAX_SIGHTINGS>,
    /// What was counted.
    pub counters: Counters,
}

/// Hosts of one report: as many as the sensor keeps. About 1 MB when decoded.
pub const MAX_HOSTS: usize = 16_384;

/// Sightings of one report: as many as the sensor's inventory keeps in a window; about 5 MB when decoded.
pub const MAX_SIGHTINGS: usize = 40_000;
