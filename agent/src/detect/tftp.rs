//! Trivial file transfer: who hands out files to everybody who asks (RFC 1350).
//!
//! Keeps: of at most [`MAX_TRANSFERS`] requests who asked whom, until the answer came from another port. Drops: names of files,
//! and the files.

use super::{Datagram, DatagramDetector, Ears};
use crate::wire::tftp::Packet;
use auscult_report::fact::{Encryption, Fact, Login, Protocol};
use core::net::IpAddr;
use std::collections::VecDeque;

/// TFTP.
pub const TFTP: DatagramDetector = DatagramDetector {
    name: "tftp",
    version: 1,
    hears: "Requests to port 69 and the answers to them, which come from a port of the server's choice. The protocol has no \
            login: a block of a file that was asked for is a file without one. Telephones and thin clients fetch their \
            settings so, on purpose. Names and contents of files are never read.",
    ports: &[PORT],
    listen,
};

fn listen(datagram: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    let Ok(packet) = Packet::read(datagram.payload) else { return false };
    if datagram.destination_port == PORT && matches!(packet, Packet::ReadRequest | Packet::WriteRequest) {
        let (client, server) = ((ears.source.address, ears.source.port), ears.destination.address);
        ears.kept.transfers.begin(Transfer { client, server, reads: packet == Packet::ReadRequest, answered: false });
        return true;
    }
    let Some(transfer) =
        ears.kept.transfers.take(ears.source.address, (ears.destination.address, ears.destination.port))
    else {
        return false;
    };
    let first = !transfer.answered;
    let over = matches!(packet, Packet::Data | Packet::Error(_)) || !transfer.reads;
    if !over {
        ears.kept.transfers.begin(Transfer { answered: true, ..transfer });
    }
    let mut said = ears.from_server();
    said.server.port = PORT;
    if first {
        said.protocol(Protocol::Tftp);
    }
    if packet == Packet::Error(ACCESS_VIOLATION) {
        said.service(Fact::Refused);
        return true;
    }
    if first {
        said.answered();
        said.service(Fact::Encryption(Encryption::None));
    }
    if transfer.reads && packet == Packet::Data {
        said.service(Fact::FileAnonymous);
        said.service(Fact::DataServed);
        said.service(Fact::Login(Login::None));
    }
    true
}

/// Requests that wait for their answers, the oldest first.
#[derive(Default)]
pub(super) struct Transfers {
    waiting: VecDeque<Transfer>,
}

#[derive(Clone, Copy)]
struct Transfer {
    client: (IpAddr, u16),
    server: IpAddr,
    reads: bool,
    answered: bool,
}

impl Transfers {
    /// Whether a datagram may be the answer to a request. Work is bounded by [`MAX_TRANSFERS`].
    pub(super) fn awaits(&self, source: IpAddr, destination: (IpAddr, u16)) -> bool {
        self.waiting.iter().any(|t| t.server == source && t.client == destination)
    }

    fn begin(&mut self, transfer: Transfer) {
        self.take(transfer.server, transfer.client);
        if self.waiting.len() >= MAX_TRANSFERS {
            self.waiting.pop_front();
        }
        self.waiting.push_back(transfer);
    }

    fn take(&mut self, server: IpAddr, client: (IpAddr, u16)) -> Option<Transfer> {
        let at = self.waiting.iter().position(|t| t.server == server && t.client == client)?;
        self.waiting.remove(at)
    }
}

const PORT: u16 = 69;

/// RFC 1350, appendix.
const ACCESS_VIOLATION: u16 = 2;

/// Requests that may wait: telephones that start at once after a power cut. A request that is never answered goes when
/// others come.
const MAX_TRANSFERS: usize = 32;

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, hear_datagrams, home};
    use super::*;

    const READ: &[u8] = b"\x00\x01ZZCANARY.cfg\x00octet\x00";
    const DATA: &[u8] = b"\x00\x03\x00\x01ZZCANARY";

    #[test]
    fn a_file_that_comes_from_another_port_belongs_to_the_service() {
        let says = [
            (home(2, 4000), home(1, 69), READ),
            (home(1, 3333), home(2, 4000), &b"\x00\x06tsize\x008\x00"[..]),
            (home(1, 3333), home(2, 4000), DATA),
            (home(1, 3333), home(2, 4000), DATA),
        ];
        let heard = hear_datagrams(&TFTP, &says);
        assert!(heard.iter().all(|o| format!("{:?}", o.subject).contains("69")), "{heard:?}");
        let said = facts(&heard);
        for fact in [
            Fact::Protocol(Protocol::Tftp),
            Fact::Answered,
            Fact::Encryption(Encryption::None),
            Fact::FileAnonymous,
            Fact::DataServed,
            Fact::Login(Login::None),
        ] {
            assert_eq!(heard.iter().filter(|o| o.fact == fact).count(), 1, "{fact:?}: {said:?}");
        }
        assert!(!format!("{heard:?}").contains("ZZCANARY"));
    }

    #[test]
    fn refusals_writes_and_strangers_open_nothing() {
        let ask = (home(2, 4000), home(1, 69), READ);
        let denied = (home(1, 3333), home(2, 4000), &b"\x00\x05\x00\x02no\x00"[..]);
        assert_eq!(facts(&hear_datagrams(&TFTP, &[ask, denied])), [Fact::Protocol(Protocol::Tftp), Fact::Refused]);
        let write = (home(2, 4000), home(1, 69), &b"\x00\x02a\x00octet\x00"[..]);
        let taken = (home(1, 3333), home(2, 4000), &b"\x00\x04\x00\x00"[..]);
        let said = facts(&hear_datagrams(&TFTP, &[write, taken]));
        assert!(said.contains(&Fact::Answered) && !said.contains(&Fact::FileAnonymous));
        let stranger = (home(9, 3333), home(2, 4000), DATA);
        assert_eq!(hear_datagrams(&TFTP, &[ask, stranger]), []);
        assert_eq!(hear_datagrams(&TFTP, &[(home(1, 3333), home(2, 4000), DATA)]), []);
    }

    #[test]
    fn requests_without_answers_do_not_pile_up() {
        let mut transfers = Transfers::default();
        for port in 0..1000 {
            let client = ([192, 168, 20, 2].into(), port);
            transfers.begin(Transfer { client, server: [192, 168, 20, 1].into(), reads: true, answered: false });
        }
        assert_eq!(transfers.waiting.len(), MAX_TRANSFERS);
    }
}
