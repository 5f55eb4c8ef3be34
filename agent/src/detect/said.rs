//! Where detectors say what they heard: about the service, about its host, about who asks.
//!
//! Keeps: both ends, and a key by which things are counted. Drops: nothing; what may be said is a [`Fact`].

use super::counted::{keyed_hash, network_prefix};
use super::kept::Kept;
use super::{Amount, Observation};
use auscult_report::fact::{Fact, Protocol};
use auscult_report::subject::{HostId, Subject, Transport};
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;
use core::net::IpAddr;

/// One end of a conversation or datagram.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// The host, by pseudonym.
    pub host: HostId,
    /// Its zone.
    pub zone: Zone,
    /// Its address: for comparing, never for telling.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// How it came through the clinic's router.
    pub passage: Passage,
}

/// What an address tells of the way through the clinic's router.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Passage {
    /// Nothing.
    #[default]
    Plain,
    /// It is the clinic's own public address: a home host comes back through it, or calls by it (hairpin).
    OwnPublic,
    /// It is the router's own address inside: it may speak for somebody else, whom its other side knows.
    Router,
}

/// Both ends of a datagram; the detector says which of them serves.
pub struct Ears<'a> {
    /// When.
    pub at: Timestamp,
    /// Who sent it.
    pub source: End,
    /// To whom.
    pub destination: End,
    /// Keys the hashes of things that are only counted.
    pub key: u64,
    /// What datagrams before it left behind.
    pub kept: &'a mut Kept,
    /// Where observations go.
    pub out: &'a mut dyn FnMut(Observation),
}

impl Ears<'_> {
    /// The sender is the server: this is an answer or an announcement.
    pub fn from_server(&mut self) -> Said<'_> {
        let (server, client) = (self.source, self.destination);
        Said { at: self.at, transport: Transport::Udp, server, client, key: self.key, out: self.out }
    }

    /// The sender is the client: this is a question.
    pub fn from_client(&mut self) -> Said<'_> {
        let (server, client) = (self.destination, self.source);
        Said { at: self.at, transport: Transport::Udp, server, client, key: self.key, out: self.out }
    }
}

/// Where a detector says what it heard, about the conversation in hand.
pub struct Said<'a> {
    /// When.
    pub at: Timestamp,
    /// Below the service.
    pub transport: Transport,
    /// Who serves.
    pub server: End,
    /// Who asks.
    pub client: End,
    /// Keys the hashes of things that are only counted.
    pub key: u64,
    /// Where observations go.
    pub out: &'a mut dyn FnMut(Observation),
}

impl Said<'_> {
    /// Both sides parsed as this protocol: the service exists.
    pub fn protocol(&mut self, protocol: Protocol) {
        self.service(Fact::Protocol(protocol));
    }

    /// The server gave a message of the protocol to this client. Say it once a conversation.
    pub fn answered(&mut self) {
        self.service(Fact::Answered);
        if self.client.zone == Zone::Outside {
            let (prefix, len) = network_prefix(self.client.address);
            self.service_different(Fact::OutsideNetwork, prefix.get(..len).unwrap_or_default());
        } else if [self.client.passage, self.server.passage].contains(&Passage::OwnPublic) {
            self.service(Fact::Hairpin);
        } else if self.client.passage == Passage::Router && self.transport == Transport::Tcp {
            self.service(Fact::ClientHidden);
        }
    }

    /// A fact about the service.
    pub fn service(&mut self, fact: Fact) {
        self.service_times(fact, 1);
    }

    /// A fact about the service, heard `times` times at once.
    pub fn service_times(&mut self, fact: Fact, times: u32) {
        self.say(self.service_subject(), fact, Amount::Times(times));
    }

    /// A fact that counts different things ([`Fact::counts_different`]): `thing` is hashed with the sensor's key and
    /// dropped.
    pub fn service_different(&mut self, fact: Fact, thing: &[u8]) {
        let amount = Amount::Different(keyed_hash(self.key, thing));
        self.say(self.service_subject(), fact, amount);
    }

    /// A fact about the service that is true once one of this client's users asked for more than `most` different things within an
    /// hour: many people may stand behind one address, and `who` tells them apart.
    pub fn service_of_many(&mut self, fact: Fact, who: u64, thing: &[u8], most: u16) {
        let [host, who] = [self.client.host.0, who].map(u64::to_be_bytes);
        let group = keyed_hash(self.key, &[host, who].concat());
        let amount = Amount::Many { group, thing: keyed_hash(self.key, thing), most };
        self.say(self.service_subject(), fact, amount);
    }

    /// A fact about the client's host that is true once it asked for more than `most` different things of a group within an hour.
    pub fn client_of_many(&mut self, fact: Fact, group: &[u8], thing: &[u8], most: u16) {
        let (group, thing) = (keyed_hash(self.key, group), keyed_hash(self.key, thing));
        self.say(Subject::Host(self.client.host), fact, Amount::Many { group, thing, most });
    }

    /// A fact about the client's host that is true once the second of two things was heard within a day after the first, of the same
    /// `thing`, by its keyed hash. Both in one moment count, if the first is said first.
    pub fn client_host_after(&mut self, fact: Fact, thing: u64, is_second: bool) {
        self.say(Subject::Host(self.client.host), fact, Amount::After { thing, is_second });
    }

    /// A fact about the server's host.
    pub fn server_host(&mut self, fact: Fact) {
        self.say(Subject::Host(self.server.host), fact, Amount::Times(1));
    }

    /// A fact about the client's host.
    pub fn client_host(&mut self, fact: Fact) {
        self.say(Subject::Host(self.client.host), fact, Amount::Times(1));
    }

    fn service_subject(&self) -> Subject {
        Subject::Service(self.server.host, self.transport, self.server.port)
    }

    /// What programs of one machine say to each other (RFC 1122 3.2.1.3 g), wherever it was recorded, tells what they are and what
    /// they would choose with anybody; what they give, they give to nobody else.
    fn say(&mut self, subject: Subject, fact: Fact, amount: Amount) {
        let is_within_a_machine = [&self.client, &self.server].iter().all(|end| end.address.is_loopback());
        let is_its_choice = matches!(fact, Fact::TlsVersion(_) | Fact::TlsCipher(_));
        if fact.is_by_zone() && !is_its_choice && is_within_a_machine {
            return;
        }
        let zone = fact.is_by_zone().then_some(self.client.zone);
        (self.out)(Observation { at: self.at, subject, zone, fact, amount });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::terms::TlsVersion;

    /// What is said of a data base that names itself and gives rows without a login.
    fn facts(server: &str, client: &str) -> Vec<Fact> {
        let end = |address: &str, port| End {
            host: HostId(u64::from(port)),
            zone: Zone::SameSegment,
            address: address.parse().unwrap(),
            port,
            passage: Passage::Plain,
        };
        let mut facts = Vec::new();
        let mut out = |o: Observation| facts.push(o.fact);
        let (server, client) = (end(server, 5432), end(client, 40_000));
        let mut said = Said { at: Timestamp(1), transport: Transport::Tcp, server, client, key: 7, out: &mut out };
        said.protocol(Protocol::Postgresql);
        said.answered();
        said.service(Fact::DataServed);
        said.service(Fact::TlsVersion(TlsVersion::Tls10));
        facts
    }

    #[test]
    fn within_a_machine_a_service_is_told_of_and_nothing_that_it_gives() {
        let old = Fact::TlsVersion(TlsVersion::Tls10);
        let all = [Fact::Protocol(Protocol::Postgresql), Fact::Answered, Fact::DataServed, old];
        assert_eq!(facts("192.168.20.5", "192.168.20.6"), all);
        assert_eq!(facts("192.168.20.5", "192.168.20.5"), all, "an address that others can reach");
        assert_eq!(facts("127.0.0.1", "127.0.0.1"), [all[0], old]);
        assert_eq!(facts("::1", "::1"), [all[0], old]);
    }
}
