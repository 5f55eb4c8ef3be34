//! What a published standard says the octets are; never what they mean.
//!
//! One file a standard, each a set of views over borrowed octets. Views keep what a fact may need and skip the rest;
//! unknown values stay numbers, because a sensor must not stumble on tomorrow.

pub mod astm;
pub mod bacnet;
pub mod ber;
pub mod cdp;
pub mod certificate;
pub mod coap;
pub mod dcerpc;
pub mod dhcp;
pub mod dhcp6;
pub mod dicom;
pub mod dicom_items;
pub mod dimse;
pub mod dns;
pub mod dot11;
pub mod dot11_elements;
pub mod drda;
pub mod elasticsearch;
pub mod firebird;
pub mod heads;
pub mod hostapd;
pub mod hpack;
pub mod http;
pub mod http2;
pub mod internet;
pub mod ipmi;
pub mod iscsi;
pub mod ja4;
pub mod kerberos;
pub mod layers;
pub mod ldap;
pub mod lldp;
pub mod memcached;
pub mod mllp;
pub mod modbus;
pub mod mongodb;
pub mod mqtt;
pub mod mysql;
pub mod mysql_x;
pub mod natpmp;
pub mod ndp;
pub mod netbeui;
pub mod netbios;
pub mod netlink;
pub mod nl80211;
pub mod ntlm;
pub mod onc_rpc;
pub mod poct1a;
pub mod ports;
pub mod postgresql;
pub mod printing;
pub mod quic;
pub mod radiotap;
pub mod rcmd;
pub mod rdp;
pub mod reader;
pub mod redis;
pub mod smb;
pub mod smb1;
pub mod smb2;
pub mod snmp;
pub mod sqlr;
pub mod ssh;
pub mod ssl2;
pub mod syn;
pub mod tds;
pub mod text;
pub mod tftp;
pub mod tls;
pub mod tns;
pub mod tsap;
pub mod tunnel;
pub mod vnc;
pub mod x11;

use core::fmt;

/// Why octets are not what they claim to be. Counted, never logged one by one, and it carries no octet heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    /// The octets end inside this field.
    Truncated(&'static str),
    /// This field contradicts its standard.
    Malformed(&'static str),
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireError::Truncated(field) => write!(f, "ends inside {field}"),
            WireError::Malformed(field) => write!(f, "{field} contradicts its standard"),
        }
    }
}

impl core::error::Error for WireError {}
