//! The file `chain`: where the chain stands, beside the reports themselves.
//!
//! Keeps: version 2, then the length-less postcard of [`Stored`], then SHA-256 of all before. Drops: a file that does
//! not fit its hash: then the head counts as lost.

use auscult_report::chain::Head;
use auscult_report::header::Seen;
use auscult_report::key::hash;
use auscult_report::payload::Place;
use serde::{Deserialize, Serialize};

/// Where the chain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    /// The last report, and who signs the next.
    pub(super) head: Head,
    /// Up to here receipts settled everything.
    pub(super) settled: Option<Place>,
    /// The newest checkpoint that this sensor has verified.
    pub(super) seen: Option<Seen>,
    /// The version of the trust bundle.
    pub(super) bundle_version: u32,
    /// The generation of the ledger that `seen` is of; none until one was seen.
    pub(super) generation: Option<u32>,
}

/// Version 1: without a generation.
#[derive(Deserialize)]
struct First {
    head: Head,
    settled: Option<Place>,
    seen: Option<Seen>,
    bundle_version: u32,
}

impl From<First> for Stored {
    fn from(first: First) -> Stored {
        let First { head, settled, seen, bundle_version } = first;
        Stored { head, settled, seen, bundle_version, generation: None }
    }
}

impl Stored {
    /// Where a chain stands that nobody has heard of yet.
    pub(super) const fn begun(head: Head) -> Stored {
        Stored { head, settled: None, seen: None, bundle_version: 0, generation: None }
    }

    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let mut octets = vec![VERSION];
        octets.extend(postcard::to_allocvec(self).ok()?);
        let sum = hash(CONTEXT, &[&octets]);
        octets.extend(sum);
        Some(octets)
    }

    pub(super) fn decode(octets: &[u8]) -> Option<Stored> {
        let (told, sum) = octets.split_last_chunk::<32>()?;
        if hash(CONTEXT, &[told]) != *sum {
            return None;
        }
        match told.split_first()? {
            (1, body) => read::<First>(body).map(Stored::from),
            (&VERSION, body) => read(body),
            _ => None,
        }
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    match postcard::take_from_bytes(body) {
        Ok((stored, [])) => Some(stored),
        _ => None,
    }
}

const VERSION: u8 = 2;
/// It never leaves the sensor; it is told apart from what does.
const CONTEXT: &[u8] = b"auscult.dev/chain-file/v1\0";

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::key::{LedgerId, PublicKey, SensorId};

    #[test]
    fn one_changed_octet_is_a_lost_head() {
        let stored = stored();
        let octets = stored.encode().unwrap();
        assert_eq!(Stored::decode(&octets), Some(stored));
        for at in 0..octets.len() {
            let mut changed = octets.clone();
            changed[at] ^= 0x10;
            assert_eq!(Stored::decode(&changed), None);
            assert_eq!(Stored::decode(&octets[..at]), None);
        }
    }

    #[test]
    fn what_an_earlier_program_left_is_read() {
        let stored = Stored { generation: None, ..stored() };
        let mut octets = stored.encode().unwrap();
        // The last octet before the hash is the generation, which version 1 did not have.
        octets.truncate(octets.len() - 33);
        octets[0] = 1;
        let sum = hash(CONTEXT, &[&octets]);
        octets.extend(sum);
        assert_eq!(Stored::decode(&octets), Some(stored));
    }

    fn stored() -> Stored {
        let head = Head {
            ledger: LedgerId([1; 16]),
            sensor: SensorId([2; 16]),
            key_no: 0,
            key: PublicKey([3; 32]),
            place: Place { epoch: 1, seq: 700 },
            hash: [4; 32],
            closed: false,
        };
        let settled = Some(Place { epoch: 1, seq: 9 });
        Stored { head, settled, seen: None, bundle_version: 2, generation: Some(3) }
    }
}
