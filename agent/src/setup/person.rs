//! What a person is asked, and only that: which interface is what, which networks and wireless networks are the clinic's, whether a
//! radio is heard, where the collector is. What the machine tells is proposed; Enter takes it.
//!
//! Keeps: the answers, each with why it was proposed. Drops: names that were heard and not chosen.

use super::found::{Found, Interface, Radio};
use super::paper::{Choice, word};
use super::terminal::Terminal;
use crate::capture::interface::Role;
use crate::config::{COLLECTOR_FORM, is_collector};
use crate::places::Prefix;
use crate::radio::Way;
use std::path::Path;

/// Asks for everything that goes into the configuration.
pub(super) fn choose(found: &Found, state: &Path, terminal: &mut Terminal<'_>) -> Result<Choice, String> {
    let interfaces = interfaces(found, terminal)?;
    let home = home(found, &interfaces, terminal)?;
    let radios = radios(found, terminal)?;
    let own_names = if radios.is_empty() { Vec::new() } else { own_names(found, terminal)? };
    let collectors = collectors(terminal)?;
    Ok(Choice { state: state.to_owned(), interfaces, home, radios, own_names, collectors })
}

fn interfaces(found: &Found, terminal: &mut Terminal<'_>) -> Result<Vec<(String, Role, String)>, String> {
    terminal.say("\nWhat is heard. This machine has:")?;
    if found.interfaces.is_empty() {
        terminal.say("  no interface of the wire")?;
    }
    for interface in &found.interfaces {
        let role = interface.role.map_or("none", word);
        terminal.say(&format!("  {:<15} {role:<7} {}", interface.name, interface.why))?;
    }
    let proposed = || found.interfaces.iter().filter_map(|i| Some((i.name.clone(), i.role?, i.why.clone()))).collect();
    if found.is_plain() {
        return Ok(proposed());
    }
    terminal.say(ROLES)?;
    terminal.until(|answer| if answer.is_empty() { Ok(proposed()) } else { changed(found, answer) })
}

/// The proposal with what a person says otherwise.
fn changed(found: &Found, answer: &str) -> Result<Vec<(String, Role, String)>, String> {
    let mut all: Vec<(String, Option<Role>, String)> =
        found.interfaces.iter().map(|i| (i.name.clone(), i.role, i.why.clone())).collect();
    for pair in answer.split([' ', ',']).filter(|pair| !pair.is_empty()) {
        let Some((name, role)) = pair.split_once('=') else {
            return Err(format!("{pair} is no answer; as in: eth1=mirror"));
        };
        let role = role_of(role)?;
        match all.iter_mut().find(|(known, ..)| known == name) {
            Some(known) => (known.1, known.2) = (role, format!("{}; said by a person", known.2)),
            None => all.push((name.to_owned(), role, "not there yet; said by a person".to_owned())),
        }
    }
    Ok(all.into_iter().filter_map(|(name, role, why)| Some((name, role?, why))).collect())
}

/// A role as a person types it; `none` is none.
pub(super) fn role_of(typed: &str) -> Result<Option<Role>, String> {
    match typed.to_ascii_lowercase().as_str() {
        "none" => Ok(None),
        "lan" => Ok(Some(Role::Lan)),
        "wan" => Ok(Some(Role::Wan)),
        "mirror" => Ok(Some(Role::Mirror)),
        "port" => Ok(Some(Role::Port)),
        _ => Err(format!("{typed} is none of lan, wan, mirror, port, none")),
    }
}

/// The networks at interfaces that are the clinic's; where a copy alone is heard, that of the way out.
pub(super) fn networks(found: &Found, chosen: &[(String, Role, String)]) -> Vec<String> {
    let inside = |i: &&Interface| {
        let role = chosen.iter().find(|(name, ..)| *name == i.name).map(|(_, role, _)| *role);
        matches!(role, Some(Role::Lan | Role::Port)) || (role.is_none() && i.is_way_out)
    };
    let mut all: Vec<String> = found.interfaces.iter().filter(inside).flat_map(|i| i.networks.clone()).collect();
    all.dedup();
    all
}

fn home(found: &Found, chosen: &[(String, Role, String)], terminal: &mut Terminal<'_>) -> Result<Vec<String>, String> {
    let proposed = networks(found, chosen);
    terminal.say("\nThe clinic's own networks, all of them:")?;
    terminal.say(&if proposed.is_empty() {
        "  Enter: every private address is the clinic's. Or as in: 192.168.20.0/24 10.1.0.0/16".to_owned()
    } else {
        format!(
            "  Enter: {}. Or as in: 192.168.20.0/24 10.1.0.0/16; or none: every private address",
            proposed.join(" ")
        )
    })?;
    terminal.until(|answer| match answer {
        "" => Ok(proposed.clone()),
        "none" => Ok(Vec::new()),
        typed => {
            let typed: Vec<String> = typed.split([' ', ',']).filter(|n| !n.is_empty()).map(str::to_owned).collect();
            typed.iter().try_for_each(|n| n.parse::<Prefix>().map(drop).map_err(|form| format!("{n}: {form}")))?;
            Ok(typed)
        }
    })
}

fn radios(
    found: &Found,
    terminal: &mut Terminal<'_>,
) -> Result<Vec<(String, Vec<std::path::PathBuf>, String)>, String> {
    let mut chosen = Vec::new();
    for radio in &found.radios {
        let why = way(radio);
        if radio.way == Way::None {
            terminal.say(&format!("\nWi-Fi: {} {why}", radio.name))?;
            continue;
        }
        if terminal.yes(&format!("\nWi-Fi: {} {why}. Nothing is sent by it. Is that heard, too?", radio.name), true)? {
            chosen.push((radio.name.clone(), radio.hostapd.clone(), format!("{} {why}.", radio.name)));
        }
    }
    Ok(chosen)
}

/// By which way a radio hears, in words.
pub(super) fn way(radio: &Radio) -> &'static str {
    match radio.way {
        Way::Monitor => "is in monitor mode: it hears every frame of one channel after the other",
        Way::AccessPoint => "serves an access point: it knows the networks that this machine makes, and those beside",
        Way::Scan => "is a client: the networks that the system's own scans hear are known",
        Way::None => "is down or cannot be asked; it is left alone",
    }
}

fn own_names(found: &Found, terminal: &mut Terminal<'_>) -> Result<Vec<Vec<u8>>, String> {
    let texts = found.names.iter().filter_map(|(name, here)| Some((name, core::str::from_utf8(name).ok()?, *here)));
    let names: Vec<(&Vec<u8>, &str, bool)> = texts.collect();
    terminal.say("\nThe clinic's wireless networks (what is seen here stays here; * is made by this machine):")?;
    for (n, (_, name, is_here)) in (1usize..).zip(&names) {
        terminal.show(&format!("  {n:>2} {} ", if *is_here { '*' } else { ' ' }), name, "")?;
    }
    let here: Vec<Vec<u8>> = names.iter().filter(|(.., here)| *here).map(|(name, ..)| (*name).clone()).collect();
    let enter = if here.is_empty() { "Enter: none" } else { "Enter: those with *" };
    terminal.say(&format!("  {enter}. Or numbers and names, with commas between: 1, 3, Clinic upstairs"))?;
    terminal.until(|answer| {
        let mut chosen = if answer.is_empty() { here.clone() } else { Vec::new() };
        for part in answer.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let number = part.parse::<usize>().ok().and_then(|n| names.get(n.checked_sub(1)?));
            let name = number.map_or(part.as_bytes().to_vec(), |(name, ..)| (*name).clone());
            if name.len() > MOST_NAME {
                return Err(format!("{part} is longer than a name of a network: at most {MOST_NAME} octets"));
            }
            if !chosen.contains(&name) {
                chosen.push(name);
            }
        }
        Ok(chosen)
    })
}

fn collectors(terminal: &mut Terminal<'_>) -> Result<Vec<String>, String> {
    terminal.say("\nWhere the provider's collector is, as the provider said it (as in collector.example:8443):")?;
    terminal.until(collectors_of)
}

/// Addresses as a person types them, with or without `https://`.
fn collectors_of(typed: &str) -> Result<Vec<String>, String> {
    let whole = |a: &str| if a.contains("://") { a.to_owned() } else { format!("https://{a}") };
    let all: Vec<String> = typed.split([' ', ',']).filter(|a| !a.is_empty()).map(whole).collect();
    if all.is_empty() || !all.iter().all(|a| is_collector(a)) { Err(COLLECTOR_FORM.to_owned()) } else { Ok(all) }
}

const ROLES: &str = "  \
  lan: the clinic's network, on its router or bridge.  wan: the way to the internet, on its router.
  mirror: a switch sends a copy there.  port: a plain port.  none: not heard.
  Enter if this is right. Else say what is different, as in: eth1=mirror eth0=none";
/// IEEE 802.11, 9.4.2.2.
const MOST_NAME: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn interface(name: &str, role: Option<Role>, network: &str) -> Interface {
        let networks = if network.is_empty() { Vec::new() } else { vec![network.to_owned()] };
        Interface { name: name.to_owned(), role, why: "why".to_owned(), networks, is_way_out: role == Some(Role::Port) }
    }

    fn answered(found: &Found, typed: &str) -> (Result<Choice, String>, String) {
        let (mut input, mut output) = (typed.as_bytes(), Vec::new());
        let mut terminal = Terminal { input: &mut input, output: &mut output };
        let chosen = choose(found, Path::new("/s"), &mut terminal);
        (chosen, String::from_utf8(output).unwrap())
    }

    #[test]
    fn enter_takes_what_the_machine_tells_and_only_the_collector_has_to_be_typed() {
        let interfaces =
            vec![interface("eth0", Some(Role::Port), "192.168.20.0/24"), interface("eth1", Some(Role::Mirror), "")];
        let found = Found { interfaces, ..Found::default() };
        let (chosen, said) = answered(&found, "\n\ncollector.example:8443\n");
        let chosen = chosen.unwrap_or_else(|e| panic!("{e}: {said}"));
        let shown: Vec<_> = chosen.interfaces.iter().map(|(name, role, _)| (name.as_str(), *role)).collect();
        assert_eq!(shown, [("eth0", Role::Port), ("eth1", Role::Mirror)]);
        assert_eq!(chosen.home, ["192.168.20.0/24"]);
        assert_eq!(chosen.collectors, ["https://collector.example:8443"]);
        assert!(chosen.paper().is_ok() && !said.contains("Wi-Fi"), "no radio, no question about it: {said}");
    }

    #[test]
    fn one_interface_that_is_the_way_out_is_not_asked_about() {
        let interfaces = vec![interface("eth0", Some(Role::Port), "10.0.0.0/24")];
        let found = Found { interfaces, ..Found::default() };
        let (chosen, said) = answered(&found, "none\nhttp://wrong\ncollector.example\n");
        assert_eq!(chosen.unwrap_or_else(|e| panic!("{e}: {said}")).home, [""; 0]);
        assert!(!said.contains("Enter if this is right") && said.contains(COLLECTOR_FORM), "{said}");
    }

    #[test]
    fn a_person_may_say_it_otherwise_and_is_told_what_cannot_be() {
        let interfaces = vec![interface("eth0", Some(Role::Port), "10.0.0.0/24"), interface("eth1", None, "")];
        let found = Found { interfaces, ..Found::default() };
        let (chosen, said) =
            answered(&found, "eth1\neth1=attic\neth1=mirror, eth0=none usb0=port\n10/8\n10.0.0.0/8\nc.example\n");
        let chosen = chosen.unwrap_or_else(|e| panic!("{e}: {said}"));
        let shown: Vec<_> = chosen.interfaces.iter().map(|(name, role, _)| (name.as_str(), *role)).collect();
        assert_eq!(shown, [("eth1", Role::Mirror), ("usb0", Role::Port)]);
        assert!(said.contains("attic is none of lan") && said.contains("10/8: a network is"), "{said}");
        assert!(said.contains("Enter: 10.0.0.0/24"), "the network of the way out: {said}");
    }

    #[test]
    fn networks_are_chosen_by_number_or_name_and_those_of_this_machine_by_enter() {
        let radios = vec![Radio { name: "wlan0".to_owned(), way: Way::AccessPoint, hostapd: vec!["/h.conf".into()] }];
        let names = [(&b"Clinic"[..], true), (b"Neighbour\x1b", false), (b"\xff", false)];
        let names: BTreeMap<Vec<u8>, bool> = names.map(|(name, here)| (name.to_vec(), here)).into();
        let found = Found { interfaces: Vec::new(), radios, names };
        let (chosen, said) = answered(&found, "\n\ny\n\nc.example\n");
        assert_eq!(chosen.unwrap_or_else(|e| panic!("{e}: {said}")).own_names, [b"Clinic"]);
        assert!(
            said.contains("   1 * Clinic") && said.contains("   2   Neighbour?\n") && !said.contains("   3"),
            "{said}"
        );
        let (chosen, said) = answered(&found, "\n\ny\n2, Upstairs, 99\nc.example\n");
        let names = chosen.unwrap_or_else(|e| panic!("{e}: {said}")).own_names;
        assert_eq!(names, [&b"Neighbour\x1b"[..], b"Upstairs", b"99"]);
        let (chosen, said) = answered(&found, "\n\nn\nc.example\n");
        assert!(chosen.is_ok_and(|c| c.paper().is_err()) && !said.contains("Clinic"), "no radio, no names: {said}");
    }
}
