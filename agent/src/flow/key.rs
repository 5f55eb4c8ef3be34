//! What makes two segments belong to one conversation: addresses and ports, in an order that both directions share.
//! Keeps: addresses and ports. Drops: the direction, which is a [`Side`].

use crate::wire::layers::Segment;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A side of a conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The smaller address and port.
    Zero,
    /// The other.
    One,
}

impl Side {
    /// The side across.
    #[must_use]
    pub const fn other(self) -> Side {
        match self {
            Side::Zero => Side::One,
            Side::One => Side::Zero,
        }
    }
}

/// Both ends of a conversation, the smaller first, so that both directions have the same key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    V4(u64, u32),
    V6(u128, u128, u32),
}

impl Key {
    /// Address and port of side zero and of side one.
    pub(super) fn parties(self) -> [(IpAddr, u16); 2] {
        let split = |ports: u32| {
            let [a, b, c, d] = ports.to_be_bytes();
            (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
        };
        match self {
            Key::V4(addresses, ports) => {
                let ((zero, one), (port_zero, port_one)) = (halves(addresses), split(ports));
                [(IpAddr::V4(Ipv4Addr::from(zero)), port_zero), (IpAddr::V4(Ipv4Addr::from(one)), port_one)]
            }
            Key::V6(zero, one, ports) => {
                let (port_zero, port_one) = split(ports);
                let address = |a| IpAddr::V6(Ipv6Addr::from(a)).to_canonical();
                [(address(zero), port_zero), (address(one), port_one)]
            }
        }
    }

    /// The key of a segment's conversation, and the side that sent it.
    pub(super) fn of(segment: &Segment<'_>) -> (Key, Side) {
        let p = &segment.packet;
        let ports = |a: u16, b: u16| (u32::from(a) << 16) | u32::from(b);
        match (p.source, p.destination) {
            (IpAddr::V4(s), IpAddr::V4(d)) => {
                let (s, d) = (u64::from(u32::from(s)), u64::from(u32::from(d)));
                if (s, p.source_port) <= (d, p.destination_port) {
                    (Key::V4((s << 32) | d, ports(p.source_port, p.destination_port)), Side::Zero)
                } else {
                    (Key::V4((d << 32) | s, ports(p.destination_port, p.source_port)), Side::One)
                }
            }
            (s, d) => {
                let (s, d) = (wide(s), wide(d));
                if (s, p.source_port) <= (d, p.destination_port) {
                    (Key::V6(s, d, ports(p.source_port, p.destination_port)), Side::Zero)
                } else {
                    (Key::V6(d, s, ports(p.destination_port, p.source_port)), Side::One)
                }
            }
        }
    }
}

/// The halves of a word of twice their width.
const fn halves(word: u64) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = word.to_be_bytes();
    (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
}

fn wide(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(a) => u128::from(a.to_ipv6_mapped()),
        IpAddr::V6(a) => u128::from(a),
    }
}
