//! What detectors say: facts about subjects, and how much of them.
//!
//! Keeps: keyed hashes of things that are only counted. Drops: the things; addresses beyond the prefix of their network.

use auscult_report::fact::Fact;
use auscult_report::subject::Subject;
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;
use core::net::IpAddr;

/// A fact, as it leaves a detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When.
    pub at: Timestamp,
    /// About what.
    pub subject: Subject,
    /// Towards whom, for facts that go by zone.
    pub zone: Option<Zone>,
    /// What.
    pub fact: Fact,
    /// How much.
    pub amount: Amount,
}

/// How much of a fact was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So many times more.
    Times(u32),
    /// One of a number of different things, by keyed hash.
    Different(u64),
    /// One of many: the fact is true when more than `most` different things of a group were heard within an hour.
    Many {
        /// What they have in common, by keyed hash.
        group: u64,
        /// The thing, by keyed hash.
        thing: u64,
        /// How many are usual.
        most: u16,
    },
}

/// The first 24 bits of an IPv4 address, the first 48 of an IPv6 address.
pub(super) fn network_prefix(address: IpAddr) -> ([u8; 6], usize) {
    match address.to_canonical() {
        IpAddr::V4(a) => {
            let [a, b, c, _] = a.octets();
            ([a, b, c, 0, 0, 0], 3)
        }
        IpAddr::V6(a) => {
            let [a, b, c, d, e, f, ..] = a.octets();
            ([a, b, c, d, e, f], 6)
        }
    }
}

/// SipHash of `thing` under a key that stays on the sensor: for counting, never for telling.
pub(super) fn keyed_hash(key: u64, thing: &[u8]) -> u64 {
    use core::hash::Hasher;
    let mut hasher = std::collections::hash_map::DefaultHasher::new();
    hasher.write_u64(key);
    hasher.write(thing);
    hasher.finish()
}
