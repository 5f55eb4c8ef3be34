//! What single datagrams leave behind for those that follow them: a hello in pieces, a question whose answer does not say
//! what it answers, a transfer that goes on between other ports.
//!
//! Keeps: what each detector bounds for itself; the oldest goes. Drops: the rest.

use super::{constrained, quic, rpc, tftp};
use core::net::IpAddr;

/// What is kept.
#[derive(Default)]
pub struct Kept {
    pub(super) hellos: quic::Hellos,
    pub(super) transfers: tftp::Transfers,
    pub(super) calls: rpc::Calls,
    pub(super) questions: constrained::Questions,
}

impl Kept {
    /// Whether a datagram between ports that nobody listens on belongs to something that began on one.
    #[must_use]
    pub fn awaits(&self, source: IpAddr, destination: (IpAddr, u16)) -> bool {
        self.transfers.awaits(source, destination)
    }
}
