//! The mind of the radios: looks at what is there, chooses the way, reads what the system and hostapd tell, follows the plan. It
//! has no clock and no thread; who has them calls it with the time.
//!
//! Keeps: what became of each radio, its plan. Drops: what it was told of networks, as soon as it has given it on.

use super::hand::Command;
use super::kernel::{Kernel, Refusal};
use super::plan::{MAX_CHANNELS, Plan};
use super::{Radio, State, There, Use, Wanted, Way, choose};
use crate::wire::dot11::{Address, Air, Announcement, Frame};
use crate::wire::hostapd::{self, Told};
use crate::wire::nl80211::{self, Entry, Interface, Kind};
use crate::wire::radiotap;
use std::path::Path;
use zeroize::Zeroizing;

/// What the mind can ask of the machine.
pub trait System: Kernel {
    /// The content of a file, as far as it is read; `None` if it cannot be.
    fn file(&mut self, path: &Path) -> Option<Zeroizing<Vec<u8>>>;
    /// An interface by its name; `None` if it is not there.
    fn link(&mut self, name: &str) -> Option<Link>;
    /// Whether a radio (by its own name, such as phy0) is switched off.
    fn is_blocked(&mut self, radio: &[u8]) -> bool;
}

/// An interface, as every interface is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// It is up.
    pub is_up: bool,
    /// Its address.
    pub address: Option<Address>,
}

/// A network that was not heard as a frame: what is known of it, on its way to the sensor.
#[derive(Clone, PartialEq, Eq)]
pub struct Network {
    bssid: Address,
    capability: u16,
    elements: Vec<u8>,
    is_cut: bool,
    is_beacon: bool,
    radio: radiotap::Radio,
}

impl Network {
    fn of(air: &Air<'_>) -> Option<Network> {
        let (announcement, is_beacon) = match &air.frame {
            Frame::Beacon(a) => (a, true),
            Frame::ProbeResponse(a) => (a, false),
            _ => return None,
        };
        let (elements, is_cut) = announcement.raw();
        let elements = elements.get(..MAX_ELEMENTS).unwrap_or(elements).to_vec();
        let (bssid, capability) = (announcement.bssid, announcement.capability);
        Some(Network { bssid, capability, elements, is_cut, is_beacon, radio: air.radio })
    }

    /// As a monitor would have heard it.
    #[must_use]
    pub fn air(&self) -> Air<'_> {
        let announcement = Announcement::of(self.bssid, self.capability, &self.elements, self.is_cut);
        let frame = if self.is_beacon { Frame::Beacon(announcement) } else { Frame::ProbeResponse(announcement) };
        Air { radio: self.radio, frame }
    }
}

/// Names are not for logs.
impl core::fmt::Debug for Network {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Network({} octets of elements)", self.elements.len())
    }
}

/// What a look gave.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Networks that were told of.
    pub networks: Vec<Network>,
    /// Networks that this machine makes.
    pub made_here: Vec<Address>,
    /// Radios that are not what they were, by their place in the configuration.
    pub changes: Vec<(usize, Radio)>,
    /// What the kernel is to be told now.
    pub commands: Vec<Command>,
}

/// The mind, and what it knows.
pub struct Mind {
    radios: Vec<One>,
    family: Option<u16>,
    interfaces: Vec<Interface>,
    looked_ms: Option<u64>,
}

struct One {
    wanted: Wanted,
    /// As it is in the kernel.
    interface: Option<Interface>,
    radio: Option<Radio>,
    is_heard: bool,
    plan: Plan,
    /// When the visit in hand ends.
    until_ms: u64,
    /// Channels that were refused, one after the other.
    refused: u8,
    listened_ms: u64,
}

impl Mind {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(wanted: Vec<Wanted>) -> Mind {
        let one = |wanted: Wanted| One {
            interface: None,
            radio: None,
            is_heard: false,
            plan: Plan::new(&[], wanted.dwell_ms),
            until_ms: 0,
            refused: 0,
            listened_ms: 0,
            wanted,
        };
        Mind { radios: wanted.into_iter().map(one).collect(), family: None, interfaces: Vec::new(), looked_ms: None }
    }

    /// Frames of this interface are heard from now on, or not any more.
    pub fn ear(&mut self, name: &str, is_heard: bool) {
        for one in self.radios.iter_mut().filter(|one| one.wanted.name == name) {
            one.is_heard = is_heard;
        }
    }

    /// This was heard on these channels of late.
    pub fn heard(&mut self, uses: &[(u16, Use)], now_ms: u64) {
        for one in &mut self.radios {
            uses.iter().for_each(|(frequency, told)| one.plan.heard(*frequency, *told, now_ms));
        }
    }

    /// Looks at everything. Work is bounded by the number of radios and what one answer of the kernel may hold.
    pub fn look(&mut self, now_ms: u64, system: &mut impl System) -> Looked {
        let mut looked = Looked::default();
        let answers = self.ask_interfaces(system).is_ok();
        let since_ms = self.looked_ms.map_or(FIRST_AGE_MS, |at| now_ms.saturating_sub(at).saturating_add(SLACK_MS));
        self.looked_ms = Some(now_ms);
        for (n, one) in self.radios.iter_mut().enumerate() {
            let mut view = View { interfaces: &self.interfaces, family: self.family, system };
            let radio = one.look(answers, &mut view);
            if one.radio != Some(radio) {
                one.radio = Some(radio);
                looked.changes.push((n, radio));
            }
            one.read(radio, since_ms, now_ms, &mut view, &mut looked);
        }
        looked
    }

    /// The next channel of a radio whose visit is over: its place in the configuration, and what to tell the kernel.
    pub fn step(&mut self, now_ms: u64) -> Option<(usize, Command)> {
        let due = |one: &One| one.follows_plan() && now_ms >= one.until_ms;
        let (n, one) = self.radios.iter_mut().enumerate().find(|(_, one)| due(one))?;
        let index = one.interface?.index;
        let visit = one.plan.next(now_ms)?;
        // One channel alone is not chosen again and again.
        let dwell_ms = if one.plan.len() == 1 { ALONE_MS } else { visit.dwell_ms };
        one.until_ms = now_ms.saturating_add(dwell_ms);
        Some((n, Command::Tune { index, frequency: visit.frequency }))
    }

    /// What became of the last step of this radio. After [`MOST_REFUSED`] refusals it is left alone until the next look.
    pub fn done(&mut self, n: usize, done: Result<(), Refusal>, now_ms: u64) {
        let Some(one) = self.radios.get_mut(n) else { return };
        match done {
            Ok(()) => one.refused = 0,
            Err(_) => {
                one.refused = one.refused.saturating_add(1);
                one.until_ms = now_ms;
            }
        }
    }

    /// When the next step is due; `None` if no radio follows a plan.
    #[must_use]
    pub fn due_ms(&self) -> Option<u64> {
        self.radios.iter().filter(|one| one.follows_plan()).map(|one| one.until_ms).min()
    }

    fn ask_interfaces(&mut self, system: &mut impl System) -> Result<(), Refusal> {
        self.interfaces.clear();
        if self.family.is_none() {
            let mut found = None;
            system.ask(nl80211::ask_family(), &mut |_, inner| found = found.or(nl80211::family(inner)))?;
            self.family = found;
        }
        let family = self.family.ok_or(Refusal::Silent)?;
        let list = &mut self.interfaces;
        let asked = system.ask(nl80211::ask_interfaces(family), &mut |_, inner| {
            if let Some(found) = Interface::read(inner)
                && list.len() < MAX_INTERFACES
            {
                list.push(found);
            }
        });
        // A driver that was loaded anew may have another number.
        if asked.is_err() {
            self.family = None;
        }
        asked
    }
}

/// What one radio looks at.
struct View<'a, S> {
    interfaces: &'a [Interface],
    family: Option<u16>,
    system: &'a mut S,
}

impl<S: System> View<'_, S> {
    fn link(&mut self, name: &[u8]) -> Option<Link> {
        self.system.link(core::str::from_utf8(name).ok()?)
    }

    /// The radio's own name and the channels that the system allows it.
    fn channels(&mut self, wiphy: u32) -> (Vec<u8>, Vec<u16>) {
        let (mut name, mut channels) = (Vec::new(), Vec::new());
        if let Some(family) = self.family {
            let _ = self.system.ask(nl80211::ask_radio(family, wiphy), &mut |_, inner| {
                if let Some(found) = nl80211::radio_name(inner) {
                    name = found.to_vec();
                }
                nl80211::channels(inner, &mut |frequency| {
                    if channels.len() < MAX_CHANNELS {
                        channels.push(frequency);
                    }
                });
            });
        }
        (name, channels)
    }

    /// Whether another interface of the radio is at work.
    fn serves(&mut self, own: &Interface) -> bool {
        let others = self.interfaces.iter().filter(|i| i.wiphy == own.wiphy && i.index != own.index);
        let others: Vec<Interface> = others.filter(|i| i.kind != Kind::Monitor).copied().collect();
        others.iter().any(|other| self.link(other.name()).is_some_and(|link| link.is_up))
    }
}

impl One {
    /// Whether it goes from channel to channel.
    fn follows_plan(&self) -> bool {
        let is_monitor =
            self.radio.is_some_and(|r| r.way == Way::Monitor && matches!(r.state, State::Hears | State::Fixed));
        is_monitor && self.interface.is_some() && !self.plan.is_empty() && self.refused < MOST_REFUSED
    }

    /// What it is now.
    fn look(&mut self, answers: bool, view: &mut View<'_, impl System>) -> Radio {
        let name = self.wanted.name.as_bytes();
        self.interface = view.interfaces.iter().find(|i| i.name() == name).copied();
        let link = view.link(name);
        let mut there = There {
            kind: self.interface.map(|i| i.kind),
            answers,
            link: link.map(|link| link.is_up),
            is_heard: self.is_heard,
            is_refused: self.refused >= MOST_REFUSED,
            ..There::default()
        };
        if let Some(interface) = self.interface {
            let (radio, mut channels) = view.channels(interface.wiphy);
            channels.retain(|c| self.wanted.channels.is_empty() || self.wanted.channels.contains(c));
            self.plan.allow(&channels);
            there.serves = view.serves(&interface);
            there.is_blocked = there.link == Some(false) && view.system.is_blocked(&radio);
        }
        there.is_told = self.told(view).iter().any(Told::is_whole);
        // One more try at each look.
        self.refused = self.refused.min(MOST_REFUSED.saturating_sub(1));
        choose(self.wanted.way, &there)
    }

    /// What hostapd's files say.
    fn told(&self, view: &mut View<'_, impl System>) -> Vec<Told> {
        let mut told = Vec::new();
        for path in self.wanted.hostapd.iter().take(MAX_FILES) {
            if let Some(octets) = view.system.file(path)
                && let Ok(found) = hostapd::read(&octets)
            {
                told.extend(found);
            }
        }
        told.truncate(MAX_MADE_HERE);
        told
    }

    /// Reads what its way gives.
    fn read(
        &mut self,
        radio: Radio,
        since_ms: u64,
        now_ms: u64,
        view: &mut View<'_, impl System>,
        looked: &mut Looked,
    ) {
        if radio.way == Way::AccessPoint {
            self.own_networks(view, looked);
        }
        if let (Way::AccessPoint | Way::Scan, Some(interface), Some(family)) = (radio.way, self.interface, view.family)
        {
            let (networks, mut is_joined) = (&mut looked.networks, false);
            let _ = view.system.ask(nl80211::ask_table(family, interface.index), &mut |_, inner| {
                let Some(entry) = Entry::read(inner) else { return };
                is_joined |= entry.joined;
                if entry.age_ms.is_none_or(|age| u64::from(age) <= since_ms) && networks.len() < MAX_NETWORKS {
                    networks.extend(entry.heard().filter_map(|air| Network::of(&air)));
                }
            });
            // A client that leaves its channel tells its access point so, with a frame: it is never made to.
            let may_listen = radio.way == Way::Scan && interface.kind == Kind::Station && !is_joined;
            let every = self.wanted.listen_every_ms;
            if may_listen && every > 0 && now_ms.saturating_sub(self.listened_ms) >= every {
                self.listened_ms = now_ms;
                looked.commands.push(Command::Listen { index: interface.index });
            }
        }
    }

    /// The networks that this machine makes with this radio: as hostapd's files say, and those of which only the kernel knows.
    fn own_networks(&mut self, view: &mut View<'_, impl System>, looked: &mut Looked) {
        let mut told = self.told(view);
        let wiphy = self.interface.map(|i| i.wiphy);
        let silent = view.interfaces.iter().filter(|i| Some(i.wiphy) == wiphy && i.kind == Kind::AccessPoint);
        for interface in silent.filter(|i| !i.ssid().is_empty()) {
            if !told.iter().any(|t| t.interface() == interface.name()) {
                told.push(Told::bare(interface.name(), interface.ssid(), None).of_unknown_protection());
            }
        }
        for told in told.iter().take(MAX_MADE_HERE) {
            let Some(link) = view.link(told.interface()).filter(|link| link.is_up) else { continue };
            let known = view.interfaces.iter().find(|i| i.name() == told.interface());
            let address = known.and_then(|i| i.address).or(told.address).or(link.address);
            let Some(address) = address else { continue };
            let radio = radiotap::Radio { frequency: known.and_then(|i| i.frequency), ..radiotap::Radio::default() };
            let (answer, beacon) = (told.elements(false), told.elements(true));
            // Who knows the name is told it; everybody hears the beacon.
            for frame in [
                told.hidden.then(|| Frame::ProbeResponse(told.announcement(address, &answer))),
                Some(Frame::Beacon(told.announcement(address, &beacon))),
            ] {
                looked.networks.extend(frame.and_then(|frame| Network::of(&Air { radio, frame })));
            }
            if !looked.made_here.contains(&address) {
                looked.made_here.push(address);
            }
        }
    }
}

/// Octets of elements: a frame of management has no more (IEEE 802.11-2020, table 9-25).
const MAX_ELEMENTS: usize = 2_304;
/// Networks that one look gives on; as many as are remembered of the air.
const MAX_NETWORKS: usize = 512;
/// Networks that one radio makes, over all files.
const MAX_MADE_HERE: usize = 16;
/// Interfaces of a machine: sixteen networks a radio, four radios.
const MAX_INTERFACES: usize = 64;
/// Files of hostapd: one a radio, and what is beside.
const MAX_FILES: usize = 8;
/// Refusals in a row after which a radio is left alone.
const MOST_REFUSED: u8 = 3;
/// A plan of one channel: how often that is chosen anew, where somebody else chose another.
const ALONE_MS: u64 = 60_000;
/// At the first look the kernel's table is believed as far back as it keeps what it heard (30 s).
const FIRST_AGE_MS: u64 = 30_000;
/// The age of an entry is measured a moment after the look began.
const SLACK_MS: u64 = 1_000;

#[cfg(test)]
#[path = "mind_tests.rs"]
mod tests;
