//! What was heard, as facts; never an offset, never a judgement.
//!
//! A [`Detector`] knows one protocol: `sniff` looks at the first octets of both sides and says whether they are its
//! own; `start` makes the [`Listener`] that follows the conversation from there, message by message, and says facts
//! to [`Said`]. A [`DatagramDetector`] does the same for single datagrams, a [`link::LinkDetector`] for what is said
//! directly on the link. Growing the sensor means one file, and one line in a list of this file.

pub mod announce;
pub mod bacnet;
pub mod broker;
pub mod camera;
pub mod cipher;
pub mod constrained;
mod counted;
pub mod database;
pub mod db2;
pub mod dcerpc;
pub mod desktop;
mod dicom_maker;
mod dicom_once;
mod dicom_uid;
mod dicom_walk;
pub mod directory;
pub mod files;
pub mod firebird;
pub mod follow;
pub mod home;
pub mod imaging;
pub mod instances;
pub mod ipmi;
pub mod iscsi;
pub mod kept;
pub mod laboratory;
pub mod leases;
pub mod lines;
pub mod link;
pub mod machines;
pub mod mail;
mod mail_body;
pub mod mailbox;
pub mod management;
pub mod mapping;
pub mod memcached;
pub mod messages;
pub mod mongodb;
pub mod mysql;
pub mod mysql_x;
pub mod names;
pub mod neighbours;
pub mod netbeui;
mod observation;
pub mod partners;
pub mod portal;
pub mod postgresql;
pub mod printer;
pub mod quic;
pub mod rcmd;
pub mod remote;
mod remote_tool;
pub mod rpc;
pub mod rsync;
mod said;
pub mod secrecy;
pub mod shares;
pub mod stack;
pub mod store;
pub mod system;
pub mod telephone;
pub mod telnet;
pub mod tftp;
pub mod ticket;
pub mod transfer;
mod web_agent;
mod web_answer;
mod web_body;
mod web_data;
mod web_kin;
mod web_media;
mod web_page;
mod web_path;
mod web_request;
mod web_server;
mod web_side;
pub mod web_stream;
mod web_text;
mod web_told;
pub mod wireless;
mod wireless_class;
mod wireless_memory;
mod wireless_use;
pub mod workgroup;
pub mod x11;

use crate::flow::head::Head;
use auscult_report::time::Timestamp;
pub use observation::{Amount, Observation};
pub use said::{Ears, End, Passage, Said};

/// One protocol over TCP that the sensor understands.
pub struct Detector {
    /// Its name, stable.
    pub name: &'static str,
    /// Grows when its answer to the same octets may change.
    pub version: u16,
    /// What it hears, what it may mistake, what it never keeps: one paragraph for the reader of a finding.
    pub hears: &'static str,
    /// Are these the first octets of my protocol?
    pub sniff: fn(&Opening<'_>) -> Verdict,
    /// Makes the listener that follows a conversation.
    pub start: fn() -> Box<dyn Listener>,
}

/// The first octets of a conversation, on the assumption that this side is the client. The table asks again with the
/// sides changed where nobody heard who called whom, so a detector answers for this assumption alone. Either side may
/// be empty: half of a conversation is often all there is.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// What the client said first, in order.
    pub client: &'a [u8],
    /// What the server said first, in order.
    pub server: &'a [u8],
    /// The server's port: a hint where two protocols begin alike, never a proof.
    pub server_port: u16,
}

/// A detector's word on an [`Opening`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not mine, whatever follows.
    No,
    /// It may be mine: ask again when there is more.
    Unsure,
    /// Mine.
    Yes,
}

/// Follows one conversation.
pub trait Listener: Send {
    /// New octets wait on one side or both, or a side ended. Takes from the heads what it has understood and leaves
    /// what is not complete yet. Its work is bounded by the octets that wait.
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest;

    /// Octets that it holds beside its own fields; what is never more than a few hundred need not be told.
    fn held(&self) -> usize {
        0
    }
}

/// Whether a listener wants to hear more of its conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Go on.
    More,
    /// Everything that it can learn was heard: the rest is counted, not kept.
    Done,
    /// Another protocol begins here (STARTTLS, SSLRequest, Upgrade): ask the detectors again with what waits.
    Again,
}

/// A conversation as far as it was heard.
pub struct Talk<'a> {
    /// When the newest octets were heard.
    pub at: Timestamp,
    /// What the client says.
    pub client: &'a mut Head,
    /// What the server says.
    pub server: &'a mut Head,
    /// The server's port.
    pub server_port: u16,
    /// Whether its beginning was heard. Without it a login may have gone before what is heard, so that "no login" must
    /// not be said of it.
    pub from_start: bool,
}

/// One protocol over UDP (or below it) that the sensor understands.
pub struct DatagramDetector {
    /// Its name, stable.
    pub name: &'static str,
    /// Grows when its answer to the same octets may change.
    pub version: u16,
    /// One paragraph, as [`Detector::hears`].
    pub hears: &'static str,
    /// The ports on which it listens: a datagram is offered when either of its ports stands here.
    pub ports: &'static [u16],
    /// Hears one datagram; true if it was of this protocol.
    pub listen: fn(&Datagram<'_>, &mut Ears<'_>) -> bool,
}

/// One datagram.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// When it was heard.
    pub at: Timestamp,
    /// Its source port.
    pub source_port: u16,
    /// Its destination port.
    pub destination_port: u16,
    /// Its octets, as far as captured.
    pub payload: &'a [u8],
    /// Whether the capture kept only its beginning.
    pub cut: bool,
}

/// What is understood over TCP, the surest signs first.
pub const DETECTORS: &[&Detector] = &[
    &portal::HTTP,
    &web_stream::HTTP2,
    &secrecy::TLS,
    &imaging::DICOM,
    &messages::MLLP,
    &files::SMB,
    &remote::SSH,
    &mysql::MYSQL,
    &postgresql::POSTGRESQL,
    &mongodb::MONGODB,
    &store::REDIS,
    &memcached::MEMCACHED,
    &database::MSSQL,
    &database::ORACLE_TNS,
    &database::ELASTICSEARCH,
    &desktop::RDP,
    &desktop::VNC,
    &mail::SMTP,
    &mailbox::POP3,
    &mailbox::IMAP,
    &lines::FTP,
    &telnet::TELNET,
    &broker::MQTT,
    &directory::LDAP,
    &laboratory::ASTM,
    &laboratory::POCT1A,
    &camera::RTSP,
    &telephone::SIP,
    &rpc::RPC,
    &rsync::RSYNC,
    &ticket::KERBEROS,
    &printer::JETDIRECT,
    &printer::LPD,
    &transfer::DNS_TCP,
    &dcerpc::DCERPC,
    &machines::MODBUS,
    &machines::ISO_TSAP,
    &firebird::FIREBIRD,
    &db2::DB2,
    &mysql_x::MYSQL_X,
    &x11::X11,
    &iscsi::ISCSI,
    &rcmd::REXEC,
    &rcmd::RLOGIN,
    &rcmd::RSH,
];

/// What is understood over UDP.
pub const DATAGRAM_DETECTORS: &[&DatagramDetector] = &[
    &names::DHCP,
    &names::DNS,
    &names::MDNS,
    &names::LLMNR,
    &names::SSDP,
    &workgroup::WORKGROUP,
    &management::SNMP,
    &bacnet::BACNET,
    &mapping::NATPMP,
    &home::DHCP6,
    &telephone::SIP_DATAGRAMS,
    &quic::QUIC,
    &rpc::RPC_DATAGRAM,
    &tftp::TFTP,
    &ticket::KERBEROS_DATAGRAM,
    &directory::CLDAP,
    &constrained::COAP,
    &instances::MSSQL_BROWSER,
    &ipmi::IPMI,
];

/// What is heard below conversations and datagrams of one protocol: name, version, and a paragraph as [`Detector::hears`].
pub const OTHER_EARS: &[(&str, u16, &str)] = &[wireless::EAR, stack::EAR, leases::EAR, partners::EAR];

/// Who is asked about datagrams between other ports that [`kept::Kept::awaits`].
pub const AWAITING: &[&DatagramDetector] = &[&tftp::TFTP];

#[cfg(test)]
pub(crate) mod testing {
    //! For the unit tests of the detectors: a conversation made of octets.
    use super::kept::Kept;
    use super::*;
    use auscult_report::fact::{Fact, SignPlace, SystemFamily, SystemSign};
    use auscult_report::subject::{HostId, Transport};
    use auscult_report::zone::Zone;

    /// A challenge of NTLM (MS-NLMP 2.2.1.2) by Windows 10.0 of this build: 56 octets, of no name.
    pub(crate) fn ntlm_challenge(build: u16) -> Vec<u8> {
        let mut o = b"NTLMSSP\0\x02\0\0\0".to_vec();
        o.extend([0; 8]); // target name: no octets
        o.extend([0x05, 0x82, 0x89, 0x02]); // flags: a version is there
        o.extend([7; 8]); // challenge
        o.extend([0; 16]); // reserved; target information: no octets
        o.extend([10, 0]); // version
        o.extend(build.to_le_bytes());
        o.extend([0, 0, 0, 15]); // reserved, revision
        o
    }

    /// The same of build 17763, and an offer of a client of build 26100, in base64.
    pub(crate) const NTLM_IN_BASE64: [&str; 2] = [
        "TlRMTVNTUAACAAAAAAAAAAAAAAAFgokCBwcHBwcHBwcAAAAAAAAAAAAAAAAAAAAACgBjRQAAAA8=",
        "TlRMTVNTUAABAAAABYIIAgAAAAAAAAAAAAAAAAAAAAAKAPRlAAAADw==",
    ];

    /// Whether a host was heard to be Windows 10.0 of this build.
    pub(crate) fn is_windows(facts: &[Fact], place: SignPlace, build: u32) -> bool {
        let sign = SystemSign { place, family: SystemFamily::Windows, major: 10, minor: 0, build };
        facts.contains(&Fact::System(sign))
    }

    /// One side of a conversation says something.
    pub(crate) enum Says<'a> {
        Client(&'a [u8]),
        Server(&'a [u8]),
    }

    /// Plays a conversation between an outside client and a home server on `port` to `detector`, a piece of at most
    /// `piece` octets at a time, and gives back what was said, in order. Panics if the detector does not take it.
    pub(crate) fn hear(detector: &Detector, port: u16, piece: usize, says: &[Says<'_>]) -> Vec<Observation> {
        let (mut client, mut server) = (Head::default(), Head::default());
        let (mut client_seq, mut server_seq) = (0u32, 0u32);
        let mut listener: Option<Box<dyn Listener>> = None;
        let mut heard = Vec::new();
        let mut done = false;
        for say in says {
            let (octets, from_client) = match say {
                Says::Client(o) => (*o, true),
                Says::Server(o) => (*o, false),
            };
            for chunk in octets.chunks(piece) {
                let (head, seq) =
                    if from_client { (&mut client, &mut client_seq) } else { (&mut server, &mut server_seq) };
                head.segment(*seq, chunk, 0);
                *seq = seq.wrapping_add(u32::try_from(chunk.len()).unwrap());
                if listener.is_none() {
                    let opening = Opening { client: client.octets(), server: server.octets(), server_port: port };
                    match (detector.sniff)(&opening) {
                        Verdict::Yes => listener = Some((detector.start)()),
                        Verdict::Unsure => continue,
                        Verdict::No => panic!("{} does not take this conversation", detector.name),
                    }
                }
                if done {
                    continue;
                }
                let mut out = |o| heard.push(o);
                let mut said = Said {
                    at: Timestamp(1),
                    transport: Transport::Tcp,
                    server: End {
                        host: HostId(1),
                        zone: Zone::SameSegment,
                        address: [192, 168, 20, 1].into(),
                        port,
                        passage: Passage::Plain,
                    },
                    client: End {
                        host: HostId(2),
                        zone: Zone::Outside,
                        address: [203, 0, 113, 5].into(),
                        port: 40000,
                        passage: Passage::Plain,
                    },
                    key: 7,
                    out: &mut out,
                };
                let mut talk = Talk {
                    at: Timestamp(1),
                    client: &mut client,
                    server: &mut server,
                    server_port: port,
                    from_start: true,
                };
                let interest = listener.as_mut().unwrap().listen(&mut talk, &mut said);
                done = interest != Interest::More;
            }
        }
        heard
    }

    /// Lets a listener hear what waits in two heads, once.
    pub(crate) fn listen(listener: &mut dyn Listener, client: &mut Head, server: &mut Head, port: u16) -> Interest {
        let at = Timestamp(1);
        let mut out = |_| {};
        let (transport, key) = (Transport::Tcp, 7);
        let mut said = Said { at, transport, server: home(1, port), client: home(2, 40_000), key, out: &mut out };
        let mut talk = Talk { at, client, server, server_port: port, from_start: true };
        listener.listen(&mut talk, &mut said)
    }

    /// The facts alone, without repetition, in the order of their first hearing.
    pub(crate) fn facts(heard: &[Observation]) -> Vec<Fact> {
        let mut facts = Vec::new();
        for o in heard {
            if !facts.contains(&o.fact) {
                facts.push(o.fact);
            }
        }
        facts
    }

    /// A host of the clinic.
    pub(crate) fn home(n: u8, port: u16) -> End {
        End {
            host: HostId(u64::from(n)),
            zone: Zone::SameSegment,
            address: [192, 168, 20, n].into(),
            port,
            passage: Passage::Plain,
        }
    }

    /// Plays one datagram from a home server to a home client (or the other way) and gives back what was said.
    pub(crate) fn hear_datagram(
        detector: &DatagramDetector,
        source_port: u16,
        destination_port: u16,
        payload: &[u8],
    ) -> Vec<Observation> {
        hear_datagrams(detector, &[(home(1, source_port), home(2, destination_port), payload)])
    }

    /// Plays datagrams, each from one end to another, and gives back what was said.
    pub(crate) fn hear_datagrams(detector: &DatagramDetector, says: &[(End, End, &[u8])]) -> Vec<Observation> {
        let (mut heard, mut kept) = (Vec::new(), Kept::default());
        for (source, destination, payload) in says {
            let mut out = |o| heard.push(o);
            let (source, destination) = (*source, *destination);
            let mut ears = Ears { at: Timestamp(1), source, destination, key: 7, kept: &mut kept, out: &mut out };
            let (source_port, destination_port) = (source.port, destination.port);
            let datagram = Datagram { at: Timestamp(1), source_port, destination_port, payload, cut: false };
            (detector.listen)(&datagram, &mut ears);
        }
        heard
    }
}
