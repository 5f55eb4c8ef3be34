//! Guests and clinical equipment in one broadcast domain (IEEE 802.1Q): who calls to all, and is heard by all.
//!
//! A domain is an interface and the VLAN in the frame: on a trunk several pass by one interface. Who calls with addresses of both zones
//! is a router, or reflects what others called, and tells nothing. Keeps: of [`MOST_DOMAINS`] the last [`MOST_CALLERS`] hardware
//! addresses that called, with the kind of zone and when. Drops: what was called; calls of other zones; none of it is ever told.

use crate::wire::layers::Mac;
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;

/// The broadcast domains that were heard.
#[derive(Default)]
pub(super) struct Domains(Vec<Domain>);

struct Domain {
    place: (u8, Option<u16>),
    callers: Vec<Caller>,
}

struct Caller {
    mac: Mac,
    /// When it last called as a guest, and as clinical equipment.
    guest: Option<Timestamp>,
    clinical: Option<Timestamp>,
    /// Calls so far.
    times: u8,
}

impl Domains {
    /// Somebody of a zone calls to all. Whether hosts of both kinds were heard in this domain within an hour.
    pub(super) fn hear(&mut self, at: Timestamp, place: (u8, Option<u16>), mac: Mac, zone: Zone) -> bool {
        if !matches!(zone, Zone::Guest | Zone::Clinical) {
            return false;
        }
        let Some(domain) = self.domain(place) else { return false };
        domain.calls(at, mac, zone);
        let is_heard = |caller: &Caller, zone| {
            let (here, there) =
                if zone == Zone::Guest { (caller.guest, caller.clinical) } else { (caller.clinical, caller.guest) };
            there.is_none() && caller.times >= SURE && here.is_some_and(|then| at.since_ms(then) <= HOUR_MS)
        };
        [Zone::Guest, Zone::Clinical].iter().all(|zone| domain.callers.iter().any(|c| is_heard(c, *zone)))
    }

    fn domain(&mut self, place: (u8, Option<u16>)) -> Option<&mut Domain> {
        let at = match self.0.iter().position(|d| d.place == place) {
            Some(at) => at,
            None if self.0.len() < MOST_DOMAINS => {
                self.0.push(Domain { place, callers: Vec::new() });
                self.0.len().checked_sub(1)?
            }
            None => return None,
        };
        self.0.get_mut(at)
    }
}

impl Domain {
    fn calls(&mut self, at: Timestamp, mac: Mac, zone: Zone) {
        let place = match self.callers.iter().position(|c| c.mac == mac) {
            Some(place) => place,
            None => self.room(mac),
        };
        let Some(caller) = self.callers.get_mut(place) else { return };
        caller.times = caller.times.saturating_add(1);
        *(if zone == Zone::Guest { &mut caller.guest } else { &mut caller.clinical }) = Some(at);
    }

    /// The place of a new caller: behind the others, or that of who was silent for longest.
    fn room(&mut self, mac: Mac) -> usize {
        let new = Caller { mac, guest: None, clinical: None, times: 0 };
        if self.callers.len() < MOST_CALLERS {
            self.callers.push(new);
            return self.callers.len().saturating_sub(1);
        }
        let oldest = self.callers.iter().enumerate().min_by_key(|(_, c)| c.guest.max(c.clinical)).map_or(0, |(n, _)| n);
        if let Some(place) = self.callers.get_mut(oldest) {
            *place = new;
        }
        oldest
    }
}

/// Domains at a time: a small clinic has four VLANs.
const MOST_DOMAINS: usize = 16;
/// Callers of a domain: 16 times 64 take 48 KiB. Guests come and go; one of each kind is enough.
const MOST_CALLERS: usize = 64;
/// Calls after which a caller counts: a lease that moves between networks is one.
const SURE: u8 = 2;
const HOUR_MS: u64 = 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    const LAN: (u8, Option<u16>) = (0, None);

    fn mac(n: u8) -> Mac {
        [0, 0x1e, 0, 0, 0, n]
    }

    #[test]
    fn guests_and_wards_meet_in_one_domain_and_not_in_two() {
        let mut domains = Domains::default();
        let mut hears = |place, n, zone, at| domains.hear(Timestamp(at), place, mac(n), zone);
        for at in 0..5 {
            assert!(!hears(LAN, 1, Zone::Clinical, at));
            assert!(!hears((0, Some(30)), 2, Zone::Guest, at), "another VLAN of the trunk");
            assert!(!hears((1, None), 3, Zone::Guest, at), "another interface");
            assert!(!hears(LAN, 4, Zone::Office, at));
        }
        assert!(!hears(LAN, 5, Zone::Guest, 10), "once is a mistake");
        assert!(hears(LAN, 5, Zone::Guest, 11));
        assert!(!hears(LAN, 5, Zone::Guest, 11 + 2 * HOUR_MS), "the ward is silent");
    }

    #[test]
    fn who_calls_for_both_is_a_router() {
        let mut domains = Domains::default();
        for at in 0..9 {
            for (n, zone) in [(1, Zone::Clinical), (9, Zone::Clinical), (9, Zone::Guest)] {
                assert!(!domains.hear(Timestamp(at), LAN, mac(n), zone));
            }
        }
    }

    #[test]
    fn callers_and_domains_are_bounded() {
        let mut domains = Domains::default();
        for n in 0..5_000u16 {
            let [a, b] = n.to_be_bytes();
            domains.hear(Timestamp(n.into()), (0, Some(n % 100)), [2, 0, 0, 0, a, b], Zone::Guest);
        }
        assert_eq!(domains.0.len(), MOST_DOMAINS);
        assert!(domains.0.iter().all(|d| d.callers.len() <= MOST_CALLERS));
    }
}
