//! What is typed: files, networks, names. Odd values are refused by name, with the form that is wanted.

use auscult_agent::places::Prefix;
use auscult_assess::Severity;
use auscult_report::zone::Zone;
use clap::{Parser, Subcommand, ValueEnum};

/// Hears a capture file, or interfaces, and says what a clinic leaks.
///
/// Reads pcap and pcapng (`-` reads standard input), or hears interfaces (--live): in a terminal as a view of what is being heard.
/// It prints to you and sends nothing. No octet of patient data is
/// printed: what was sent in clear is counted and named by its kind.
///
/// Exit status: 0 read, 1 a finding of the severity of --fail-on or worse, 2 an input could not be used.
#[derive(Debug, Parser)]
#[command(
    name = "auscult-inspect",
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// How to print: for a person, or one JSON document a file (schema auscult-inspect/1)
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,

    /// A network of the clinic, as 192.168.20.0/24; may be repeated. Without it private addresses count as the clinic's
    #[arg(long, value_name = "CIDR")]
    pub(crate) home: Vec<Prefix>,

    /// A network of the clinic with its use, as 10.9.0.0/16=guest (clinical, office, guest, dmz, vpn, other-private,
    /// outside); may be repeated
    #[arg(long, value_name = "CIDR=ZONE", value_parser = zone)]
    pub(crate) zone: Vec<(Prefix, Zone)>,

    /// The name of a wireless network of the clinic; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) own_ssid: Vec<String>,

    /// The address of an access point of the clinic, as 04:18:d6:20:01:01; may be repeated
    #[arg(long, value_name = "MAC", value_parser = hardware_address)]
    pub(crate) own_bssid: Vec<[u8; 6]>,

    /// Also print the names that access points announce
    #[arg(long)]
    pub(crate) names: bool,

    /// End with status 1 if a finding is at least this severe: info, low, medium, high, critical
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub(crate) fail_on: Option<Severity>,

    /// Hear this interface; may be repeated. In a terminal it shows what is being heard, until q is pressed; elsewhere, or with
    /// --format json, it listens until it is told to stop, and prints what it heard. Needs the right to hear (sudo)
    #[arg(long, value_name = "INTERFACE", value_parser = interface, conflicts_with = "files")]
    pub(crate) live: Vec<String>,

    /// With --live: listen for so many seconds, from 1 to 86400, then print, as of a capture file
    #[arg(long, value_name = "N", requires = "live", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) seconds: Option<u32>,

    /// Capture files; - is standard input
    #[arg(required_unless_present = "live", value_name = "FILE")]
    pub(crate) files: Vec<String>,
}

/// What else it does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the page of a finding or of a detector: what it hears, what it may mistake, what to do; without a name, all of them
    Explain {
        /// A finding or a detector, as dicom-open-from-outside or dicom. A capture file of the name "explain" is ./explain
        #[arg(value_name = "ID")]
        id: Option<String>,
    },
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a person
    Text,
    /// One JSON document a file
    Json,
}

fn zone(text: &str) -> Result<(Prefix, Zone), String> {
    let (prefix, word) =
        text.split_once('=').ok_or("a network and its use are joined by =, as in 10.9.0.0/16=guest")?;
    let zone = Zone::from_word(word).ok_or_else(|| {
        let words: Vec<_> = Zone::ALL.iter().map(|z| z.word()).collect();
        format!("the use of a network is one of {}", words.join(", "))
    })?;
    Ok((prefix.parse()?, zone))
}

fn hardware_address(text: &str) -> Result<[u8; 6], &'static str> {
    const FORM: &str = "the address of an access point is six octets in hexadecimal, as in 04:18:d6:20:01:01";
    let mut address = [0u8; 6];
    let mut parts = text.split([':', '-']);
    for octet in &mut address {
        let part = parts.next().filter(|p| p.len() == 2).ok_or(FORM)?;
        *octet = u8::from_str_radix(part, 16).map_err(|_| FORM)?;
    }
    if parts.next().is_some() { Err(FORM) } else { Ok(address) }
}

fn interface(text: &str) -> Result<String, &'static str> {
    let plain = text.bytes().all(|c| c.is_ascii_graphic() && c != b'/');
    let fits = plain && (1..=MOST_NAME_OCTETS).contains(&text.len());
    if fits { Ok(text.to_owned()) } else { Err("the name of an interface has 1 to 15 characters, none a space or /") }
}

fn severity(text: &str) -> Result<Severity, &'static str> {
    Severity::from_word(text).ok_or("a severity is one of info, low, medium, high, critical")
}

/// IFNAMSIZ, without its end.
const MOST_NAME_OCTETS: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_has_a_name_that_the_system_takes_and_a_terminal_survives() {
        assert_eq!(interface("br-lan.20"), Ok("br-lan.20".to_owned()));
        for wrong in ["", "a b", "../x", "sixteen-octets-x", "\u{1b}[2J"] {
            assert!(interface(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_access_point_is_six_octets() {
        assert_eq!(hardware_address("04:18:d6:20:01:01"), Ok([0x04, 0x18, 0xd6, 0x20, 0x01, 0x01]));
        assert_eq!(hardware_address("04-18-D6-20-01-01"), Ok([0x04, 0x18, 0xd6, 0x20, 0x01, 0x01]));
        for wrong in ["04:18:d6:20:01", "04:18:d6:20:01:01:02", "4:18:d6:20:01:01", "clinic", "zz:18:d6:20:01:01"] {
            assert!(hardware_address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_network_carries_its_use() {
        assert_eq!(zone("10.9.0.0/16=guest"), Ok(("10.9.0.0/16".parse().unwrap(), Zone::Guest)));
        assert!(zone("10.9.0.0/16=lobby").unwrap_err().contains("guest"));
        assert!(zone("10.9.0.0/16").is_err());
    }

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
