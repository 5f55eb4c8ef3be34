//! Who is behind an outside address: the domain under which a host asked for it, else its network (RFC 1035; /24, /48).
//!
//! Update servers and clouds change their addresses, so that a name says better than a network whether a place is new.
//! Keeps: the first octets of a keyed hash of the domain or the network. Drops: the name, the address.

use super::counted::{keyed_hash, network_prefix};
use crate::wire::dns::{Message, Section};
use auscult_report::fact::Partner;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The partner of an address that nobody asked for by a name.
#[must_use]
pub fn by_network(key: u64, address: IpAddr) -> Partner {
    let (prefix, len) = network_prefix(address);
    partner(key, &[b"network ", prefix.get(..len).unwrap_or_default()])
}

/// The addresses that an answer of a name server gives, with the partner that the name asked for stands for: its domain, which is its
/// last two labels, or three under a country's second level (`clinic.co.uk`). At most [`MAX_ADDRESSES`].
pub fn by_name(payload: &[u8], key: u64, each: &mut dyn FnMut(IpAddr, Partner)) {
    let Ok(message) = Message::read(payload) else { return };
    if !message.flags.is_response() || message.flags.response_code() != 0 || message.answers == 0 {
        return;
    }
    let Some(question) = message.records().find(|r| r.section == Section::Question) else { return };
    let [third, second, first] = question.owner.last_three().map(<[u8]>::to_ascii_lowercase);
    if second.is_empty() {
        return;
    }
    let third = if first.len() == 2 && second.len() <= 3 { third } else { Vec::new() };
    let partner = partner(key, &[b"domain ", &third, b".", &second, b".", &first]);
    let answers = message.records().filter(|r| r.section == Section::Answer);
    for address in answers.filter_map(|r| address(r.kind, r.data)).take(MAX_ADDRESSES) {
        each(address, partner);
    }
}

fn address(kind: u16, data: &[u8]) -> Option<IpAddr> {
    match kind {
        1 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into()),
        28 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into()),
        _ => None,
    }
}

/// Never 0, which stands for all for which there was no room.
fn partner(key: u64, parts: &[&[u8]]) -> Partner {
    let hash = keyed_hash(key, &parts.concat());
    Partner(u32::try_from(hash >> 32).unwrap_or(0).max(1))
}

/// What is heard of ways and volumes, for the reader of a finding.
pub(super) const EAR: (&str, u16, &str) = (
    "ways",
    1,
    "How much a medical host sends to each outside partner, which is a keyed number of the domain that was asked for or of the network: a \
     cloud with a new name is a new partner, and what is sent again is counted again. Calls of guests and of wards to all in one \
     broadcast domain, an interface and a VLAN; who calls with addresses of both is taken for a router. Of a call that is heard before \
     and behind the router, who really calls; of one from the router's own address alone, that nobody here can know. Who comes through \
     the clinic's public address is told from strangers only where that address is configured.",
);

/// Addresses of one answer: a cloud gives eight.
const MAX_ADDRESSES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(labels: &str) -> Vec<u8> {
        let mut octets: Vec<u8> =
            labels.split('.').flat_map(|l| [&[l.len() as u8][..], l.as_bytes()].concat()).collect();
        octets.push(0);
        octets
    }

    fn answer(asked: &str, address: [u8; 4]) -> Vec<u8> {
        let mut octets = vec![0, 1, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0]; // id, answer, one question, two answers
        octets.extend([&name(asked)[..], &[0, 1, 0, 1]].concat());
        octets.extend([&name(asked)[..], &[0, 5, 0, 1, 0, 0, 0, 9, 0, 4, 1, b'x', 1, b'y']].concat()); // an alias
        octets.extend([&name("edge.cloud.example")[..], &[0, 1, 0, 1, 0, 0, 0, 9, 0, 4], &address].concat());
        octets
    }

    fn heard(asked: &str, address: [u8; 4], key: u64) -> Vec<(IpAddr, Partner)> {
        let mut all = Vec::new();
        by_name(&answer(asked, address), key, &mut |address, partner| all.push((address, partner)));
        all
    }

    #[test]
    fn hosts_of_one_domain_are_one_partner_wherever_they_stand() {
        let of = |asked, last| heard(asked, [198, 51, 100, last], 7)[0].1;
        assert_eq!(of("updates.maker.example", 1), of("Telemetry.MAKER.example", 200));
        assert_ne!(of("updates.maker.example", 1), of("updates.other.example", 1));
        assert_ne!(of("a.clinic.co.uk", 1), of("b.other.co.uk", 1), "a country's second level is no domain");
        assert_ne!(
            of("updates.maker.example", 1),
            heard("updates.maker.example", [198, 51, 100, 1], 8)[0].1,
            "another key"
        );
        assert_eq!(heard("updates.maker.example", [198, 51, 100, 1], 7)[0].0, IpAddr::from([198, 51, 100, 1]));
    }

    #[test]
    fn without_a_name_a_network_is_the_partner() {
        let of = |a: [u8; 4]| by_network(7, a.into());
        assert_eq!(of([198, 51, 100, 1]), of([198, 51, 100, 9]));
        assert_ne!(of([198, 51, 100, 1]), of([198, 51, 101, 1]));
    }

    #[test]
    fn questions_refusals_and_strange_octets_name_nobody() {
        for (at, octet) in [(2, 0x01), (3, 0x83), (7, 0)] {
            let mut octets = answer("a.example", [198, 51, 100, 1]);
            octets[at] = octet;
            by_name(&octets, 7, &mut |address, _| panic!("{address}"));
        }
        by_name(b"nothing", 7, &mut |address, _| panic!("{address}"));
    }
}
