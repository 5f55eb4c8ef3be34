//! SQL Server's browser, which tells everybody what instances a host has (MC-SQLR).
//!
//! Keeps: the release of each instance. Drops: names of servers and instances, ports.

use super::{Datagram, DatagramDetector, Ears};
use crate::wire::sqlr::Answer;
use auscult_report::fact::{Encryption, Fact, Protocol, Software, SoftwarePlace};
use auscult_report::product::Product;
use auscult_report::version::Version;

/// SQL Server's browser.
pub const MSSQL_BROWSER: DatagramDetector = DatagramDetector {
    name: "mssql-browser",
    version: 1,
    hears: "Answers from UDP port 1434 with the names of instances, which no other protocol begins like. The browser tells the \
            version with which an instance was set up, not its updates: the release alone is told. It hands over names and ports, \
            no rows, and has no login: whether the data base asks for one is heard elsewhere. Names are never read.",
    ports: &[PORT],
    listen,
};

fn listen(datagram: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    if datagram.source_port != PORT {
        return false;
    }
    let Ok(answer) = Answer::read(datagram.payload) else { return false };
    let mut said = ears.from_server();
    said.protocol(Protocol::MssqlBrowser);
    said.answered();
    said.service(Fact::Encryption(Encryption::None));
    let Some(product) = Product::named("Microsoft SQL Server") else { return true };
    for version in answer.versions() {
        let (version, place) = (release(version), SoftwarePlace::Parameter);
        said.service(Fact::Software(Software { product, version, revision: None, place }));
    }
    true
}

/// The release: from 2005 on the minor number counts service packs here (13.2.5026 is 13.0 with the second), but for 10.50 (2008 R2),
/// which counts from 50.
fn release([major, minor]: [u32; 2]) -> Option<Version> {
    Version::from_numbers(&[major, if minor < R2 { 0 } else { R2 }])
}

/// Minor number of 2008 R2.
const R2: u32 = 50;

/// Where the browser listens.
const PORT: u16 = 1434;

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, hear_datagram};
    use super::*;
    use crate::wire::sqlr::testing::{answer, instance};

    fn server(release: &[u32]) -> Fact {
        Fact::Software(Software {
            product: Product::named("Microsoft SQL Server").unwrap(),
            version: Version::from_numbers(release),
            revision: None,
            place: SoftwarePlace::Parameter,
        })
    }

    #[test]
    fn the_release_of_each_instance_is_told_and_no_name() {
        let octets = answer(&["13.2.5026.0", "15.0.2000.5", "10.52.4000.0", "10.3.5500.0"].map(instance).concat());
        let heard = hear_datagram(&MSSQL_BROWSER, PORT, 50_000, &octets);
        assert!(!format!("{heard:?}").contains("ZZ"));
        let spoke = [Fact::Protocol(Protocol::MssqlBrowser), Fact::Answered, Fact::Encryption(Encryption::None)];
        let releases = [[13, 0], [15, 0], [10, 50], [10, 0]].map(|r| server(&r));
        assert_eq!(facts(&heard), [&spoke[..], &releases].concat());
    }

    #[test]
    fn questions_and_other_datagrams_of_the_port_say_nothing() {
        assert_eq!(hear_datagram(&MSSQL_BROWSER, 50_000, PORT, &answer(&instance("15.0.2000.5"))), []);
        for octets in [&b"\x03"[..], b"\x04MSSQLSERVER\0", b"\x05\x06\x00\x01\x9a\x05", b"\x05\x03\x00abc", b""] {
            assert_eq!(hear_datagram(&MSSQL_BROWSER, PORT, 50_000, octets), [], "{octets:?}");
        }
    }
}
