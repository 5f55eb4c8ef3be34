//! What is not a frame of its own: the parts of a packet, and what travels in a tunnel.
//!
//! Keeps: how deep it is. Drops, and counts as not understood: what lies deeper than [`MAX_DEPTH`], and what somebody outside or a guest
//! sends in a tunnel: anybody could put frames of the clinic's own network into one, and be believed. Who is at the ends of a tunnel says
//! nothing about the hardware of those who speak in it.

use super::Sensor;
use crate::capture::{Frame, Link};
use crate::wire::internet::{Fragment, whole};
use crate::wire::layers::{Ends, Layers};
use crate::wire::radiotap::RadioHeader;
use crate::wire::reader::Reader;
use crate::wire::tunnel::Inner;
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;
use core::net::IpAddr;

impl Sensor {
    /// Hears a part of a packet; when it was the last that was missing, the packet.
    pub(super) fn part(&mut self, at: Timestamp, link: Ends, fragment: &Fragment<'_>) {
        let put_together = self.fragments.hear(at, fragment);
        self.counters.fragments = self.counters.fragments.saturating_add(self.fragments.take_let_go());
        let Some(packet) = put_together else { return };
        let peeled = whole(fragment, &packet.octets, packet.missing).map(|body| Layers { link, body });
        self.deeper(|sensor| sensor.layers(at, peeled));
    }

    /// Counts the parts whose packet will never be whole.
    pub(super) fn end_parts(&mut self) {
        self.fragments.finish();
        self.counters.fragments = self.counters.fragments.saturating_add(self.fragments.take_let_go());
    }

    /// Hears what is in a tunnel that begins at `source`.
    pub(super) fn inner(&mut self, at: Timestamp, source: IpAddr, inner: Inner<'_>) {
        if matches!(self.around.hosts.zone(source), Zone::Outside | Zone::Guest) {
            self.counters.not_understood = self.counters.not_understood.saturating_add(1);
            return;
        }
        self.deeper(|sensor| match inner {
            Inner::Ethernet(octets) => sensor.layers(at, Layers::ethernet(octets)),
            Inner::Typed(ether_type, octets) => {
                sensor.layers(at, Layers::ether_type(ether_type, Reader::new(octets), Ends::default()));
            }
            Inner::Ieee80211(octets) => {
                let wire_octets = u32::try_from(octets.len()).unwrap_or(u32::MAX);
                let frame = Frame { at, link: Link::Ieee80211, octets, wire_octets, domain: None };
                sensor.wireless(&frame, RadioHeader::None);
            }
        });
    }

    fn deeper(&mut self, hear: impl FnOnce(&mut Sensor)) {
        if self.depth >= MAX_DEPTH {
            self.counters.not_understood = self.counters.not_understood.saturating_add(1);
            return;
        }
        self.depth = self.depth.saturating_add(1);
        hear(self);
        self.depth = self.depth.saturating_sub(1);
    }
}

/// A mirrored frame, in whose tunnel another packet travels, both in parts.
const MAX_DEPTH: u8 = 4;
