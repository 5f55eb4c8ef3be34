//! Where notices go: addresses of the web, of servers, networks that are named by hand, times of a day.
//!
//! Keeps: what can be connected to. Drops: an address with a name and a password in it, a plain one that leaves this machine.

use std::net::{IpAddr, SocketAddr};

/// An address of the web, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebAddress {
    /// Whether it is spoken to over TLS; if not, it is this machine.
    pub tls: bool,
    /// Its name, or its address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What stands behind: path and query.
    pub path: String,
}

impl WebAddress {
    /// Reads an address; the path may have places of a [`super::Template`].
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(text: &str) -> Result<WebAddress, &'static str> {
        let (tls, rest) = match text.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => return Err("an address of the web begins with https://"),
        };
        if text.len() > MOST_ADDRESS || !text.bytes().all(|o| o.is_ascii_graphic()) || text.contains(['#', '\\', '"']) {
            return Err("an address is at most 1000 printable letters of ASCII, without #, \\ and \"");
        }
        let cut = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(cut).unwrap_or((rest, ""));
        if authority.contains(['@', '{', '}']) {
            return Err(
                "the host of an address has no @ and no braces: names and passwords stand in files of their own",
            );
        }
        let default = if tls { 443 } else { 80 };
        let (host, port) = match host_and_port(authority) {
            Some(both) => both,
            None => (authority.trim_start_matches('[').trim_end_matches(']').to_owned(), default),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if host.is_empty() || !host.chars().all(is_name) || (host.contains(':') && host.parse::<IpAddr>().is_err()) {
            return Err("the host of an address is a name (of ASCII: xn--...) or an address, with a port if need be");
        }
        if !tls && !host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()) {
            return Err("http:// is for this machine only (http://127.0.0.1:...): anywhere else it must be https://");
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(WebAddress { tls, host, port, path })
    }

    /// The host as a request names it.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == if self.tls { 443 } else { 80 } { host } else { format!("{host}:{}", self.port) }
    }
}

/// A server by name and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name, or its address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Server {
    /// Reads `host:port`.
    #[must_use]
    pub fn read(text: &str) -> Option<Server> {
        let (host, port) = host_and_port(text)?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
        let is_good = !host.is_empty() && host.len() <= 253 && host.chars().all(is_name) && port > 0;
        (is_good && (!host.contains(':') || host.parse::<IpAddr>().is_ok())).then_some(Server { host, port })
    }

    /// Whether it is this machine, by its address: a name could lead elsewhere.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

fn host_and_port(text: &str) -> Option<(String, u16)> {
    if let Ok(at) = text.parse::<SocketAddr>() {
        return Some((at.ip().to_string(), at.port()));
    }
    let (host, port) = text.rsplit_once(':').filter(|(host, _)| !host.contains(':'))?;
    Some((host.to_owned(), port.parse().ok()?))
}

/// A network: an address and how many bits of it count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads `10.1.0.0/16`.
    #[must_use]
    pub fn read(text: &str) -> Option<Network> {
        let (address, bits) = text.split_once('/')?;
        let (address, bits) = (address.parse::<IpAddr>().ok()?, bits.parse::<u8>().ok()?);
        let most = if address.is_ipv4() { 32 } else { 128 };
        let network = Network { address, bits };
        (bits <= most && address.to_canonical() == address && network.masked(address) == Some(number(address)))
            .then_some(network)
    }

    /// Whether an address lies in it.
    #[must_use]
    pub fn has(self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && self.masked(address) == self.masked(self.address)
    }

    /// An IPv4 address is read as 32 bits behind 96 others.
    fn masked(self, address: IpAddr) -> Option<u128> {
        let width: u8 = if address.is_ipv4() { 32 } else { 128 };
        let shift = u32::from(width.checked_sub(self.bits)?);
        Some(number(address).checked_shr(shift).unwrap_or(0).checked_shl(shift).unwrap_or(0))
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

/// Minutes since midnight of `22:30`.
pub(super) fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2)?;
    let (hours, minutes) = (hours.parse::<u16>().ok()?, minutes.parse::<u16>().ok()?);
    (hours < 24 && minutes < 60).then(|| hours.saturating_mul(60).saturating_add(minutes))
}

const MOST_ADDRESS: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let read = |text| WebAddress::read(text).map(|a| (a.tls, a.authority(), a.port, a.path));
        let is = |tls, authority: &str, port, path: &str| Ok((tls, authority.to_owned(), port, path.to_owned()));
        assert_eq!(read("https://hooks.example.org/a?b=c"), is(true, "hooks.example.org", 443, "/a?b=c"));
        assert_eq!(read("https://hooks.example.org"), is(true, "hooks.example.org", 443, "/"));
        assert_eq!(read("https://[2001:db8::1]:8443/x"), is(true, "[2001:db8::1]:8443", 8443, "/x"));
        assert_eq!(read("https://[2001:db8::1]/x"), is(true, "[2001:db8::1]", 443, "/x"));
        assert_eq!(read("http://127.0.0.1:8080/"), is(false, "127.0.0.1:8080", 8080, "/"));
        for bad in [
            "ftp://a/",
            "hooks.example.org",
            "http://hooks.example.org/",
            "http://localhost/",
            "https://user:pw@a.example/",
            "https://a.example/#x",
            "https:///x",
            "https://a.exämple/",
            "https://{{key}}.example/",
            "https://a.example/ b",
            "https://a:b:c/",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_network_is_an_address_without_bits_behind_its_length() {
        let network = |text: &str| Network::read(text).unwrap();
        assert!(network("10.1.0.0/16").has("10.1.255.3".parse().unwrap()));
        assert!(!network("10.1.0.0/16").has("10.2.0.3".parse().unwrap()));
        assert!(
            network("fd00::/8").has("fd12::1".parse().unwrap()) && !network("fd00::/8").has("fe80::1".parse().unwrap())
        );
        assert!(
            network("0.0.0.0/0").has("8.8.8.8".parse().unwrap()) && !network("0.0.0.0/0").has("::1".parse().unwrap())
        );
        assert!(
            network("::/0").has("::1".parse().unwrap()) && network("192.0.2.7/32").has("192.0.2.7".parse().unwrap())
        );
        for bad in ["10.1.0.1/16", "10.1.0.0", "10.1.0.0/33", "::/129", "::ffff:10.0.0.0/104", "a/8"] {
            assert_eq!(Network::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_time_of_day_has_four_digits() {
        assert_eq!((minutes("00:00"), minutes("22:30"), minutes("23:59")), (Some(0), Some(1_350), Some(1_439)));
        for bad in ["24:00", "7:00", "07:60", "0700", "07:0", ""] {
            assert_eq!(minutes(bad), None, "{bad}");
        }
        assert_eq!(Server::read("[::1]:25"), Some(Server { host: "::1".to_owned(), port: 25 }));
        assert!(
            Server::read("127.0.0.1:25").unwrap().is_loopback() && !Server::read("localhost:25").unwrap().is_loopback()
        );
        assert_eq!((Server::read("mail.example.org"), Server::read("a b:25"), Server::read(":25")), (None, None, None));
    }
}
