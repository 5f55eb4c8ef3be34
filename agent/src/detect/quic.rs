//! QUIC: that a server speaks it, and what clients of the clinic offer (RFC 9000, RFC 9001, RFC 9369).
//!
//! Keeps: of at most [`MAX_HELLOS`] connections the pieces of a ClientHello until it is whole, then of those with a
//! remote-support program how much was said. Drops: the name that is asked for, identifiers, addresses of strangers.

use super::remote_tool::{Session, Volume};
use super::secrecy::offers;
use super::{Datagram, DatagramDetector, Ears, Said};
use crate::wire::WireError;
use crate::wire::quic::{self, Kind, Packet};
use crate::wire::tls::{CLIENT_HELLO, ClientHello};
use auscult_report::fact::{Encryption, Fact, Ja4Over, Protocol, TlsVersion};
use core::net::IpAddr;
use std::collections::VecDeque;

/// QUIC versions 1 and 2.
pub const QUIC: DatagramDetector = DatagramDetector {
    name: "quic",
    version: 1,
    hears: "The first packets of QUIC versions 1 and 2 on the ports of HTTP/3 and DNS. They are sealed with keys that \
            everybody on the way can make: a server's answer makes it a service inside TLS 1.3, a client's hello gives its \
            JA4 and is compared with the domains of remote-support programs. A proxy or a load balancer may answer for the \
            server. Certificates and everything behind the handshake are hidden; the name asked for is forgotten.",
    ports: &[443, 853, 8443, 4433, 784],
    listen,
};

fn listen(datagram: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    let from_client = QUIC.ports.contains(&datagram.destination_port);
    let ends = if from_client { [ears.source, ears.destination] } else { [ears.destination, ears.source] };
    let ends = ends.map(|e| (e.address, e.port));
    let mut rest = datagram.payload;
    for n in 0..MAX_PACKETS {
        let packet = match Packet::parse(rest) {
            Ok((packet, behind)) => {
                rest = behind;
                packet
            }
            // The rest of a conversation, or a version that is not understood: the second bit of both is set.
            Err(_) if n == 0 => {
                Hellos::passed(ends, from_client, datagram, ears);
                return datagram.payload.first().is_some_and(|first| first & 0x40 != 0);
            }
            Err(_) => return true,
        };
        match packet.kind {
            Kind::Initial if from_client => asked(&packet, ends, ears),
            // Once a datagram.
            Kind::Initial => {
                answered(&mut ears.from_server());
                return true;
            }
            Kind::ZeroRtt | Kind::Handshake | Kind::Retry => {}
        }
        if rest.is_empty() {
            return true;
        }
    }
    true
}

/// The server took part in a handshake.
fn answered(said: &mut Said<'_>) {
    said.protocol(Protocol::Quic);
    said.answered();
    said.service(Fact::Encryption(Encryption::Tls));
    // There is no other inside (RFC 9001 section 4.2).
    said.service(Fact::TlsVersion(TlsVersion::Tls13));
}

/// A packet of the client's first flight.
fn asked(packet: &Packet<'_>, ends: Ends, ears: &mut Ears<'_>) {
    let hellos = &mut ears.kept.hellos;
    let mut hello = match hellos.take(ends) {
        Some(Entry { state: State::Gathering(hello), .. }) => hello,
        Some(entry) => return hellos.put(entry),
        None => Hello::begin(packet.destination),
    };
    // What cannot be opened was sealed with the keys of a packet that nobody heard.
    if hello.hear(packet).is_err() {
        return;
    }
    let Some(body) = hello.body() else { return hellos.put(Entry { ends, state: State::Gathering(hello) }) };
    let mut said = ears.from_client();
    offers(body, Ja4Over::Quic, &mut said);
    let name = ClientHello::parse(body).ok().and_then(|h| h.name);
    let session = name.and_then(|n| Session::with(n, &said));
    if let Some(session) = session {
        ears.kept.hellos.put(Entry { ends, state: State::Session(session, Volume::default()) });
    }
}

/// A client and its server.
type Ends = [(IpAddr, u16); 2];

/// What is kept of connections, the oldest first.
#[derive(Default)]
pub(super) struct Hellos {
    entries: VecDeque<Entry>,
}

struct Entry {
    ends: Ends,
    state: State,
}

enum State {
    /// The ClientHello is not whole yet.
    Gathering(Hello),
    /// The server belongs to a remote-support program.
    Session(Session, Volume),
}

impl Hellos {
    fn take(&mut self, ends: Ends) -> Option<Entry> {
        let at = self.entries.iter().position(|e| e.ends == ends)?;
        self.entries.remove(at)
    }

    fn put(&mut self, entry: Entry) {
        if self.entries.len() >= MAX_HELLOS {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// Octets that cannot be read went by.
    fn passed(ends: Ends, from_client: bool, datagram: &Datagram<'_>, ears: &mut Ears<'_>) {
        let Some(at) = ears.kept.hellos.entries.iter().position(|e| e.ends == ends) else { return };
        let Some(Entry { state: State::Session(session, volume), .. }) = ears.kept.hellos.entries.get_mut(at) else {
            return;
        };
        let over = volume.add(from_client, datagram.payload.len());
        let session = *session;
        if over {
            ears.kept.hellos.entries.remove(at);
            session.say(&mut if from_client { ears.from_client() } else { ears.from_server() });
        }
    }
}

/// A ClientHello whose pieces may come in any order.
struct Hello {
    /// The destination of the client's first packet.
    first: [u8; quic::MAX_IDENTIFIER],
    first_len: usize,
    octets: Vec<u8>,
    /// One for each octet that is there.
    there: Vec<bool>,
}

impl Hello {
    fn begin(destination: &[u8]) -> Hello {
        let mut first = [0u8; quic::MAX_IDENTIFIER];
        for (here, octet) in first.iter_mut().zip(destination) {
            *here = *octet;
        }
        Hello { first, first_len: destination.len(), octets: Vec::new(), there: Vec::new() }
    }

    fn hear(&mut self, packet: &Packet<'_>) -> Result<(), WireError> {
        let frames = packet.open(self.first.get(..self.first_len).unwrap_or_default())?;
        quic::handshake(&frames, |offset, data| self.piece(offset, data))
    }

    fn piece(&mut self, offset: usize, data: &[u8]) {
        let end = offset.saturating_add(data.len());
        if end > MAX_HELLO {
            return;
        }
        if self.octets.len() < end {
            self.octets.resize(end, 0);
            self.there.resize(end, false);
        }
        let place = self.octets.iter_mut().zip(self.there.iter_mut()).skip(offset);
        for ((here, there), octet) in place.zip(data) {
            (*here, *there) = (*octet, true);
        }
    }

    /// The body of the ClientHello, once it is whole: HandshakeType, length (3), body.
    fn body(&self) -> Option<&[u8]> {
        let whole = self.there.iter().take_while(|t| **t).count();
        let [kind, a, b, c, rest @ ..] = self.octets.get(..whole)? else { return None };
        let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).ok()?;
        rest.get(..length).filter(|_| *kind == CLIENT_HELLO)
    }
}

/// Connections that are remembered at a time: a browser that starts opens some ten, and their hellos are whole within
/// milliseconds. With [`MAX_HELLO`] that is 260 KiB at the very worst.
const MAX_HELLOS: usize = 16;

/// Octets of a ClientHello: with the keys of post-quantum groups it has about 2 KiB.
const MAX_HELLO: usize = 8 * 1024;

/// Packets in one datagram: Initial, 0-RTT, Handshake, and one more.
const MAX_PACKETS: usize = 4;

#[cfg(test)]
mod tests {
    use super::super::testing::{hear_datagrams, home};
    use super::*;
    use crate::wire::ja4::tests::browser;
    use crate::wire::quic::tests::{crypto, initial};
    use auscult_report::fact::RemoteTool;

    const PORT: u16 = 50_000;

    fn message(name: &[u8]) -> Vec<u8> {
        let body = browser(name);
        let [_, length @ ..] = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[CLIENT_HELLO][..], &length, &body].concat()
    }

    /// What is said of datagrams: of the client (true) or the server.
    fn said_of(datagrams: &[(bool, Vec<u8>)]) -> Vec<Fact> {
        let says: Vec<_> =
            datagrams
                .iter()
                .map(|(client, o)| {
                    if *client { (home(2, PORT), home(1, 443), &o[..]) } else { (home(1, 443), home(2, PORT), &o[..]) }
                })
                .collect();
        let heard = hear_datagrams(&QUIC, &says);
        assert!(!format!("{heard:?}").contains("zzcanary"));
        heard.into_iter().map(|o| o.fact).collect()
    }

    fn ja4(said: &[Fact]) -> Vec<String> {
        said.iter().filter_map(|f| if let Fact::TlsClient(j) = f { Some(j.to_string()) } else { None }).collect()
    }

    #[test]
    fn a_hello_in_one_packet_gives_its_fingerprint() {
        let packet = initial(b"12345678", b"", &[crypto(0, &message(b"zzcanary.example")), vec![0; 600]].concat());
        assert_eq!(ja4(&said_of(&[(true, packet)])), ["q13d1516h2_8daaf6152771_e5627efa2ab1"]);
    }

    #[test]
    fn a_hello_in_pieces_out_of_order_and_over_two_datagrams_gives_it_too() {
        let hello = message(b"zzcanary.example");
        let (one, rest) = hello.split_at(40);
        let (two, three) = rest.split_at(60);
        let late = initial(b"12345678", b"", &[crypto(100, three), vec![1, 0], crypto(0, one)].concat());
        let early = initial(b"12345678", b"", &crypto(40, two));
        for order in [[&late, &early], [&early, &late]] {
            let said = said_of(&[(true, order[0].clone()), (true, order[1].clone())]);
            assert_eq!(ja4(&said).len(), 1, "{said:?}");
        }
        assert_eq!(ja4(&said_of(&[(true, late)])).len(), 0);
    }

    #[test]
    fn a_server_that_takes_part_is_a_service_inside_tls() {
        // Its packets are sealed with its own keys: only their heads are read.
        let answer = initial(b"client", b"", &[0; 60]);
        let said = said_of(&[(false, answer)]);
        for fact in [Fact::Protocol(Protocol::Quic), Fact::Answered, Fact::Encryption(Encryption::Tls)] {
            assert_eq!(said.iter().filter(|f| **f == fact).count(), 1, "{fact:?}");
        }
    }

    #[test]
    fn a_long_conversation_with_a_remote_support_program_is_a_session() {
        let hello = initial(b"12345678", b"", &crypto(0, &message(b"relay.anydesk.com")));
        let mut talk = vec![(true, hello)];
        let sealed = |n: usize| vec![0x41; n];
        talk.extend((0..101).map(|_| (true, sealed(1_000))));
        assert!(!said_of(&talk).contains(&Fact::RemoteTool(RemoteTool::Anydesk)), "one side alone");
        talk.extend((0..101).map(|_| (false, sealed(1_000))));
        let said = said_of(&talk);
        assert_eq!(said.iter().filter(|f| **f == Fact::RemoteTool(RemoteTool::Anydesk)).count(), 1);
    }

    #[test]
    fn other_datagrams_say_nothing_and_fill_nothing() {
        // DTLS; octets of nobody; a version that is not known; a packet that other keys sealed.
        let foreign = initial(b"12345678", b"", &crypto(0, &message(b"a.example")));
        let mut foreign = foreign;
        foreign[8] ^= 1;
        for other in [vec![22, 254, 253, 0, 0], vec![], vec![0xC3, 0xFF, 0, 0, 0x1D, 8], foreign] {
            assert_eq!(said_of(&[(true, other)]), []);
        }
        let mut hellos = Hellos::default();
        for n in 0..1000u16 {
            let ends = [([192, 168, 20, 2].into(), n), ([192, 168, 20, 1].into(), 443)];
            hellos.put(Entry { ends, state: State::Gathering(Hello::begin(b"12345678")) });
        }
        assert_eq!(hellos.entries.len(), MAX_HELLOS);
        let mut hello = Hello::begin(b"12345678");
        hello.piece(usize::MAX, b"x");
        hello.piece(MAX_HELLO - 1, b"xy");
        assert!(hello.octets.is_empty());
    }
}
