//! One call heard twice, before and behind the clinic's router: a router that translates addresses leaves the sequence number of a SYN
//! as it is (RFC 9293 3.4, RFC 3022), so that who is behind the router's own address is told by the other leg.
//!
//! Keeps: the last [`MOST_LEGS`] SYNs for a second; of [`MOST_BEHIND`] calls that came in translated, who called; which addresses the
//! hardware has that passes on what comes from outside or goes there. Drops: everything else.

use crate::wire::layers::Mac;
use auscult_report::time::Timestamp;
use core::net::IpAddr;
use std::collections::{HashMap, VecDeque};

/// An address and a port.
pub(super) type Side = (IpAddr, u16);

/// The legs of calls.
#[derive(Default)]
pub(super) struct Twins {
    recent: VecDeque<Leg>,
    behind: HashMap<(Side, Side), IpAddr>,
    /// The calls of `behind` in their order.
    order: VecDeque<(Side, Side)>,
    /// Hardware that passes on what comes from outside or goes there.
    routers: Vec<Mac>,
    /// Addresses by the hardware that said by ARP that it has them.
    addresses: HashMap<Mac, IpAddr>,
}

/// A SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leg {
    pub(super) at: Timestamp,
    pub(super) seq: u32,
    pub(super) source: Side,
    pub(super) destination: Side,
}

impl Twins {
    /// A SYN; gives the earlier leg of the same call.
    pub(super) fn call(&mut self, leg: Leg) -> Option<Leg> {
        while self.recent.front().is_some_and(|old| leg.at.since_ms(old.at) > LEG_MS) || self.recent.len() >= MOST_LEGS
        {
            self.recent.pop_front();
        }
        let same = |old: &&Leg| old.seq == leg.seq && (old.source, old.destination) != (leg.source, leg.destination);
        let earlier = self.recent.iter().find(same).copied();
        self.recent.push_back(leg);
        earlier
    }

    /// Behind the source of this leg is somebody else.
    pub(super) fn is_behind(&mut self, leg: &Leg, caller: IpAddr) {
        let call = (leg.source, leg.destination);
        if self.behind.insert(call, caller).is_none() {
            self.order.push_back(call);
        }
        if self.order.len() > MOST_BEHIND
            && let Some(oldest) = self.order.pop_front()
        {
            self.behind.remove(&oldest);
        }
    }

    /// Who is behind one of the parties of a conversation: which party, and who.
    pub(super) fn behind(&self, [zero, one]: [Side; 2]) -> Option<(usize, IpAddr)> {
        if self.behind.is_empty() {
            return None;
        }
        let found = |n, call| self.behind.get(&call).map(|caller| (n, *caller));
        found(0, (zero, one)).or_else(|| found(1, (one, zero)))
    }

    /// This hardware passes on what comes from outside, or goes there.
    pub(super) fn passes_on(&mut self, hardware: Mac) {
        if !self.routers.contains(&hardware) && self.routers.len() < MOST_ROUTERS {
            self.routers.push(hardware);
        }
    }

    /// This hardware says that it has an address.
    pub(super) fn has_address(&mut self, hardware: Mac, address: IpAddr) {
        if self.addresses.len() < MOST_ADDRESSES || self.addresses.contains_key(&hardware) {
            self.addresses.insert(hardware, address);
        }
    }

    /// Whether an address is the router's own.
    pub(super) fn is_router(&self, hardware: Mac, address: IpAddr) -> bool {
        self.routers.contains(&hardware) && self.addresses.get(&hardware) == Some(&address)
    }
}

/// SYNs at a time: calls of a clinic in a second; a flood of them pushes out itself.
const MOST_LEGS: usize = 64;
/// How long a router takes at most, and interfaces that are heard one after the other.
const LEG_MS: u64 = 1_000;
/// Translated calls that are remembered until their conversation begins.
const MOST_BEHIND: usize = 512;
/// Routers of a site.
const MOST_ROUTERS: usize = 4;
/// Hosts that are heard to say which address they have: a router is among the first.
const MOST_ADDRESSES: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(at: u64, seq: u32, source: [u8; 4], destination: [u8; 4]) -> Leg {
        Leg { at: Timestamp(at), seq, source: (source.into(), 40_000), destination: (destination.into(), 443) }
    }

    const STRANGER: [u8; 4] = [198, 51, 100, 7];
    const PUBLIC: [u8; 4] = [203, 0, 113, 2];
    const ROUTER: [u8; 4] = [192, 168, 20, 1];
    const SERVER: [u8; 4] = [192, 168, 20, 10];

    #[test]
    fn two_legs_of_a_call_are_one_and_a_repeated_syn_is_none() {
        let mut twins = Twins::default();
        let outer = leg(0, 7, STRANGER, PUBLIC);
        assert_eq!(twins.call(outer), None);
        assert_eq!(twins.call(outer), None, "sent again");
        assert_eq!(twins.call(leg(1, 8, ROUTER, SERVER)), None, "another call");
        assert_eq!(twins.call(leg(2, 7, ROUTER, SERVER)), Some(outer));
        assert_eq!(twins.call(leg(2_000, 7, ROUTER, SERVER)), None, "long ago");
    }

    #[test]
    fn who_is_behind_is_found_from_either_side_and_what_is_kept_is_bounded() {
        let mut twins = Twins::default();
        for n in 0..2_000u16 {
            let call = Leg { source: (ROUTER.into(), n), ..leg(0, 7, ROUTER, SERVER) };
            twins.is_behind(&call, STRANGER.into());
            twins.call(Leg { seq: n.into(), ..call });
        }
        assert_eq!((twins.behind.len(), twins.order.len()), (MOST_BEHIND, MOST_BEHIND));
        assert_eq!(twins.recent.len(), MOST_LEGS);
        let (router, server): (Side, Side) = ((ROUTER.into(), 1_999), (SERVER.into(), 443));
        assert_eq!(twins.behind([router, server]), Some((0, STRANGER.into())));
        assert_eq!(twins.behind([server, router]), Some((1, STRANGER.into())));
        assert_eq!(twins.behind([(ROUTER.into(), 1), server]), None);
    }

    #[test]
    fn a_router_is_who_passes_on_and_says_its_own_address() {
        let (mut twins, hardware) = (Twins::default(), [0, 1, 2, 3, 4, 5]);
        twins.passes_on(hardware);
        assert!(!twins.is_router(hardware, ROUTER.into()));
        twins.has_address(hardware, ROUTER.into());
        assert!(twins.is_router(hardware, ROUTER.into()));
        assert!(!twins.is_router(hardware, [192, 168, 30, 5].into()), "a host of another VLAN that it passes on");
    }
}
