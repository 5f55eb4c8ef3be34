//! How much medical hosts send to outside partners in a window (`out.bulk`, `out.new_country_or_network`).
//!
//! Keeps: the addresses of at most [`MOST_MEDICAL`] hosts that spoke a medical protocol, the partners of the [`MOST_NAMED`] addresses
//! that were asked for last, and octets for each host and partner. Drops: everything of every other host; to whom it was, but for the
//! partner's keyed hash; what is beyond [`MOST_FLOWS`], which is counted together as one partner of each host.

use crate::detect::partners::{by_name, by_network};
use crate::wire::layers::Packet;
use auscult_report::fact::Partner;
use auscult_report::subject::HostId;
use auscult_report::time::Timestamp;
use core::net::IpAddr;
use std::collections::{HashMap, HashSet, VecDeque};

/// What goes out.
#[derive(Default)]
pub(super) struct Outflows {
    medical: HashMap<IpAddr, HostId>,
    known: HashSet<HostId>,
    partners: HashMap<IpAddr, Partner>,
    /// The addresses of `partners` in the order in which they were asked for.
    asked: VecDeque<IpAddr>,
    sent: HashMap<(HostId, Partner), Sent>,
}

/// What one host sent to one partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) octets: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

impl Outflows {
    /// Whether a host is known to be medical already, or there is no room for one more.
    pub(super) fn knows(&self, host: HostId) -> bool {
        self.known.contains(&host) || self.known.len() >= MOST_MEDICAL
    }

    /// A host spoke a medical protocol.
    pub(super) fn is_medical(&mut self, host: HostId, address: IpAddr) {
        if !self.knows(host) {
            self.known.insert(host);
            self.medical.insert(address, host);
        }
    }

    /// A name server answers.
    pub(super) fn named(&mut self, payload: &[u8], key: u64) {
        by_name(payload, key, &mut |address, partner| {
            if self.partners.insert(address, partner).is_none() {
                self.asked.push_back(address);
            }
            if self.asked.len() > MOST_NAMED
                && let Some(oldest) = self.asked.pop_front()
            {
                self.partners.remove(&oldest);
            }
        });
    }

    /// The medical host that sends this packet, if one does.
    pub(super) fn sender(&self, packet: &Packet<'_>) -> Option<HostId> {
        if self.medical.is_empty() { None } else { self.medical.get(&packet.source).copied() }
    }

    /// A medical host sends so many octets to an outside address.
    pub(super) fn sent(&mut self, at: Timestamp, host: HostId, to: IpAddr, octets: u64, key: u64) {
        let partner = self.partners.get(&to).copied().unwrap_or_else(|| by_network(key, to));
        let has_room = self.sent.len() < MOST_FLOWS || self.sent.contains_key(&(host, partner));
        let partner = if has_room { partner } else { Partner::OTHERS };
        let sent = self.sent.entry((host, partner)).or_insert(Sent { octets: 0, first: at, last: at });
        sent.octets = sent.octets.saturating_add(octets);
        (sent.first, sent.last) = (sent.first.min(at), sent.last.max(at));
    }

    /// What was sent in the window that ends, in the order of hosts and partners.
    pub(super) fn take(&mut self) -> Vec<(HostId, Partner, Sent)> {
        let mut all: Vec<_> = self.sent.drain().map(|((host, partner), sent)| (host, partner, sent)).collect();
        all.sort_unstable_by_key(|(host, partner, _)| (*host, *partner));
        all
    }
}

/// Medical hosts of a clinic: a hospital's department has fewer.
const MOST_MEDICAL: usize = 256;
/// Addresses with a name: what a clinic asks for in some minutes. 1,024 take 50 KiB.
const MOST_NAMED: usize = 1_024;
/// Hosts with partners in one window, beside one for all others of each host.
const MOST_FLOWS: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_bounded_and_nothing_of_it_is_lost() {
        let mut outflows = Outflows::default();
        for n in 0..1_000u16 {
            let [a, b] = n.to_be_bytes();
            outflows.is_medical(HostId(n.into()), [10, 0, a, b].into());
        }
        assert_eq!(outflows.known.len(), MOST_MEDICAL);
        for n in 0..5_000u16 {
            let [a, b] = n.to_be_bytes();
            outflows.sent(Timestamp(n.into()), HostId(1), [203, a, b, 1].into(), 10, 7);
        }
        let all = outflows.take();
        assert_eq!(all.len(), MOST_FLOWS + 1);
        assert_eq!(all.iter().map(|(.., sent)| sent.octets).sum::<u64>(), 50_000);
        assert_eq!(all[0].1, Partner::OTHERS);
        assert!(outflows.take().is_empty());
    }
}
