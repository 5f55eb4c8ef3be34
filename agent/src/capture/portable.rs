//! The portable way to frames: `pnet_datalink`'s channel, one system call a frame, where a ring is not to be had.
//!
//! Keeps: octets; the time is that of their reading. Drops: VLAN tags (the kernel takes them out and pnet does not ask for
//! them), the length of what was cut. The half of the channel that sends is dropped unseen.

use super::ring::Socket;
use super::{Frame, Link};
use auscult_report::time::Timestamp;
use core::time::Duration;
use pnet_datalink::{Channel, Config, DataLinkReceiver, NetworkInterface};
use std::io;
use std::os::fd::IntoRawFd;

/// A channel on a socket of ours, so that filter, room and losses are the same as the ring's.
pub(super) struct Portable {
    pub(super) socket: Socket,
    reader: Option<Box<dyn DataLinkReceiver>>,
    snap: usize,
    /// The frame that comes next, and when it was read.
    front: Option<u64>,
    octets: Vec<u8>,
    /// It cannot be read on.
    pub(super) is_broken: bool,
}

impl Portable {
    pub(super) fn new(socket: Socket, snap: usize) -> Portable {
        Portable { socket, reader: None, snap, front: None, octets: Vec::new(), is_broken: false }
    }

    /// Begins to hear an interface.
    pub(super) fn attach(&mut self, interface: &NetworkInterface, promiscuous: bool) -> io::Result<()> {
        self.reader = None;
        let config = Config {
            read_timeout: Some(Duration::ZERO),
            // One more than is kept shows that a frame was cut.
            read_buffer_size: self.snap.saturating_add(1),
            write_buffer_size: 0,
            promiscuous,
            // From here on pnet owns this descriptor: it closes it, also when it fails.
            socket_fd: Some(self.socket.twin()?.into_raw_fd()),
            ..Config::default()
        };
        let Channel::Ethernet(_, reader) = pnet_datalink::channel(interface, config)? else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        (self.reader, self.is_broken) = (Some(reader), false);
        Ok(())
    }

    /// When the frame that comes next was read, in nanoseconds since 1970, if there is one.
    pub(super) fn front(&mut self, now_ns: u64) -> Option<u64> {
        if self.front.is_none() {
            match self.reader.as_mut()?.next() {
                Ok(octets) => {
                    self.octets.clear();
                    self.octets.extend_from_slice(octets);
                    self.front = Some(now_ns);
                }
                Err(error) => self.is_broken |= !is_nothing(&error),
            }
        }
        self.front
    }

    /// Gives the frame that comes next.
    pub(super) fn take(&mut self, link: Link, hear: &mut dyn FnMut(&Frame<'_>)) {
        let Some(at_ns) = self.front.take() else { return };
        let octets = self.octets.get(..self.snap).unwrap_or(&self.octets);
        let wire_octets = u32::try_from(self.octets.len()).unwrap_or(u32::MAX);
        hear(&Frame { at: Timestamp(at_ns / 1_000_000), link, octets, wire_octets, domain: None });
    }
}

/// Whether nothing is wrong but that nothing came.
fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
