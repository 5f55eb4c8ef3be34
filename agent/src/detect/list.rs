//! Every detector, in the order in which they are asked. A new one is a line here.
//!
//! Keeps: nothing. Drops: nothing.

use super::{
    DatagramDetector, Detector, bacnet, broker, camera, database, desktop, directory, files, home, imaging, laboratory,
    leases, lines, mail, mailbox, management, mapping, memcached, messages, mongodb, mysql, names, portal, postgresql,
    printer, quic, remote, rpc, rsync, secrecy, stack, store, telephone, telnet, tftp, ticket, transfer, web_stream,
    wireless, workgroup,
};

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
];

/// What is heard below conversations and datagrams of one protocol: name, version, and a paragraph as [`Detector::hears`].
pub const OTHER_EARS: &[(&str, u16, &str)] = &[wireless::EAR, stack::EAR, leases::EAR];

/// Who is asked about datagrams between other ports that [`super::kept::Kept::awaits`].
pub const AWAITING: &[&DatagramDetector] = &[&tftp::TFTP];
