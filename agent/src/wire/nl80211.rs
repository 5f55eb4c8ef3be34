//! What Linux says of its wireless interfaces over nl80211 (linux/nl80211.h, whose names stand beside the numbers here), and the
//! few requests that a sensor has.
//!
//! Keeps: index, kind, channel and address of an interface; the channels that the system allows; of a network in the kernel's
//! table what a beacon of it says, how strong and how long ago it was heard. Drops: rates, keys, stations, capabilities.
//! What stands in an entry of the table was heard in the air: it is read with the same care.

use super::dot11::{Address, Air, Announcement, Frame};
use super::dot11_elements::MAX_NAME;
use super::netlink::{Request, attributes, u16_of, u32_of};
use super::radiotap::Radio;

/// A wireless interface (NL80211_CMD_NEW_INTERFACE).
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Interface {
    /// NL80211_ATTR_IFINDEX.
    pub index: u32,
    /// NL80211_ATTR_WIPHY: the radio that it is of.
    pub wiphy: u32,
    /// NL80211_ATTR_IFTYPE.
    pub kind: Kind,
    /// NL80211_ATTR_MAC.
    pub address: Option<Address>,
    /// NL80211_ATTR_WIPHY_FREQ, in MHz.
    pub frequency: Option<u16>,
    name: Octets<16>,
    ssid: Octets<MAX_NAME>,
}

impl Interface {
    /// NL80211_ATTR_IFNAME: what the system calls it.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.name.get()
    }

    /// NL80211_ATTR_SSID: what its network is called, for comparing only; empty where it has none.
    #[must_use]
    pub fn ssid(&self) -> &[u8] {
        self.ssid.get()
    }

    /// From the attributes of a message; `None` where the kernel names no interface (a P2P device has none).
    #[must_use]
    pub fn read(inner: &[u8]) -> Option<Interface> {
        let mut found = Interface::default();
        for (kind, value) in attributes(inner) {
            match kind {
                ATTR_WIPHY => found.wiphy = u32_of(value)?,
                ATTR_IFINDEX => found.index = u32_of(value)?,
                ATTR_IFNAME => found.name = Octets::of(value.split(|o| *o == 0).next()?)?,
                ATTR_IFTYPE => found.kind = Kind::of(u32_of(value)?),
                ATTR_MAC => found.address = value.first_chunk().copied(),
                ATTR_WIPHY_FREQ => found.frequency = u32_of(value).and_then(|f| u16::try_from(f).ok()),
                ATTR_SSID => found.ssid = Octets::of(value).unwrap_or_default(),
                _ => {}
            }
        }
        (found.index != 0 && !found.name().is_empty()).then_some(found)
    }
}

/// Names are not for logs.
impl core::fmt::Debug for Interface {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Interface({}, {:?} of radio {})", self.index, self.kind, self.wiphy)
    }
}

/// What an interface does (enum nl80211_iftype).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// 2, 8: a client of a network.
    Station,
    /// 3, 4, 9: it makes a network.
    AccessPoint,
    /// 6: it hears all.
    Monitor,
    /// All others.
    #[default]
    Other,
}

impl Kind {
    const fn of(number: u32) -> Kind {
        match number {
            2 | 8 => Kind::Station,
            3 | 4 | 9 => Kind::AccessPoint,
            6 => Kind::Monitor,
            _ => Kind::Other,
        }
    }
}

/// Gives the channels that a part of the answer about a radio (NL80211_CMD_NEW_WIPHY) names and the system allows to be heard,
/// in MHz. That it must not be transmitted on them first does not matter to who only listens.
pub fn channels(inner: &[u8], give: &mut dyn FnMut(u16)) {
    for (_, bands) in attributes(inner).filter(|(kind, _)| *kind == ATTR_WIPHY_BANDS) {
        for (_, band) in attributes(bands) {
            for (_, list) in attributes(band).filter(|(kind, _)| *kind == BAND_ATTR_FREQS) {
                attributes(list).filter_map(|(_, one)| allowed(one)).for_each(&mut *give);
            }
        }
    }
}

/// One channel of a band.
fn allowed(one: &[u8]) -> Option<u16> {
    let mut frequency = None;
    for (kind, value) in attributes(one) {
        match kind {
            FREQUENCY_ATTR_FREQ => frequency = u32_of(value).and_then(|f| u16::try_from(f).ok()),
            FREQUENCY_ATTR_DISABLED | FREQUENCY_ATTR_NO_20MHZ => return None,
            _ => {}
        }
    }
    frequency.filter(|f| matches!(f, 2_412..=2_484 | 5_160..=5_895 | 5_955..=7_115))
}

/// The radio's own name (`phy0`), where a part of the answer says it.
#[must_use]
pub fn radio_name(inner: &[u8]) -> Option<&[u8]> {
    let name = attributes(inner).find(|(kind, _)| *kind == ATTR_WIPHY_NAME)?.1;
    name.split(|o| *o == 0).next().filter(|n| (1..=MAX_RADIO_NAME).contains(&n.len()))
}

/// A network in the kernel's table (NL80211_CMD_NEW_SCAN_RESULTS, NL80211_ATTR_BSS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// NL80211_BSS_BSSID.
    pub bssid: Address,
    /// NL80211_BSS_FREQUENCY, in MHz.
    pub frequency: Option<u16>,
    /// NL80211_BSS_SEEN_MS_AGO: milliseconds since its last beacon or answer.
    pub age_ms: Option<u32>,
    /// NL80211_BSS_STATUS: this machine belongs to it.
    pub joined: bool,
    /// NL80211_BSS_SIGNAL_MBM, in dBm.
    signal: Option<i8>,
    capability: u16,
    /// NL80211_BSS_INFORMATION_ELEMENTS.
    elements: &'a [u8],
    /// NL80211_BSS_BEACON_IES.
    beacon: Option<&'a [u8]>,
    /// NL80211_BSS_PRESP_DATA: `elements` are of a probe response.
    is_answer: bool,
}

impl<'a> Entry<'a> {
    /// From the attributes of a message; `None` where it names no network.
    #[must_use]
    pub fn read(inner: &'a [u8]) -> Option<Entry<'a>> {
        let nest = attributes(inner).find(|(kind, _)| *kind == ATTR_BSS)?.1;
        let (mut bssid, mut capability) = (None, None);
        let mut found = Entry {
            bssid: [0; 6],
            frequency: None,
            age_ms: None,
            joined: false,
            signal: None,
            capability: 0,
            elements: &[],
            beacon: None,
            is_answer: false,
        };
        for (kind, value) in attributes(nest) {
            match kind {
                BSS_BSSID => bssid = value.first_chunk().copied(),
                BSS_FREQUENCY => found.frequency = u32_of(value).and_then(|f| u16::try_from(f).ok()),
                BSS_CAPABILITY => capability = u16_of(value),
                BSS_INFORMATION_ELEMENTS => found.elements = value,
                BSS_SIGNAL_MBM => found.signal = u32_of(value).and_then(dbm),
                BSS_STATUS => found.joined = u32_of(value) == Some(ASSOCIATED),
                BSS_SEEN_MS_AGO => found.age_ms = u32_of(value),
                BSS_BEACON_IES => found.beacon = Some(value),
                BSS_PRESP_DATA => found.is_answer = true,
                _ => {}
            }
        }
        Some(Entry { bssid: bssid?, capability: capability?, ..found })
    }

    /// What a monitor would have heard: its answer to a station, its beacon, or both. Elements of which the kernel does not say
    /// what they are of count as those of an answer: then nothing is concluded from a name that is missing.
    pub fn heard(&self) -> impl Iterator<Item = Air<'a>> + use<'a> {
        let radio = Radio { signal: self.signal, frequency: self.frequency, ..Radio::default() };
        let of = |elements| Announcement::of(self.bssid, self.capability, elements, false);
        let answer = (self.is_answer || self.beacon.is_none()).then(|| Frame::ProbeResponse(of(self.elements)));
        let beacon = self.beacon.map(|elements| Frame::Beacon(of(elements)));
        answer.into_iter().chain(beacon).map(move |frame| Air { radio, frame })
    }
}

/// From hundredths of a dBm.
fn dbm(hundredths: u32) -> Option<i8> {
    i8::try_from(hundredths.cast_signed() / 100).ok()
}

/// The number of nl80211 in this kernel: CTRL_CMD_GETFAMILY.
#[must_use]
pub fn ask_family() -> Request {
    Request::new(CONTROL, CTRL_CMD_GETFAMILY, false).with(CTRL_ATTR_FAMILY_NAME, b"nl80211\0")
}

/// CTRL_ATTR_FAMILY_ID, from the answer.
#[must_use]
pub fn family(inner: &[u8]) -> Option<u16> {
    attributes(inner).find(|(kind, _)| *kind == CTRL_ATTR_FAMILY_ID).and_then(|(_, value)| u16_of(value))
}

/// All wireless interfaces: NL80211_CMD_GET_INTERFACE.
#[must_use]
pub fn ask_interfaces(family: u16) -> Request {
    Request::new(family, CMD_GET_INTERFACE, true)
}

/// A radio: NL80211_CMD_GET_WIPHY, in parts that fit.
#[must_use]
pub fn ask_radio(family: u16, wiphy: u32) -> Request {
    Request::new(family, CMD_GET_WIPHY, true).with_u32(ATTR_WIPHY, wiphy).with(ATTR_SPLIT_WIPHY_DUMP, &[])
}

/// The table of networks: NL80211_CMD_GET_SCAN. Nothing is sent for it.
#[must_use]
pub fn ask_table(family: u16, index: u32) -> Request {
    Request::new(family, CMD_GET_SCAN, true).with_u32(ATTR_IFINDEX, index)
}

/// A radio in monitor mode is to hear another channel: NL80211_CMD_SET_WIPHY, 20 MHz, where beacons are sent. `old`: with no
/// word of how wide, for radios that know only what was before 802.11n.
#[must_use]
pub fn tune(family: u16, index: u32, frequency: u16, old: bool) -> Request {
    let width = if old { CHAN_WIDTH_20_NOHT } else { CHAN_WIDTH_20 };
    Request::new(family, CMD_SET_WIPHY, false)
        .with_u32(ATTR_IFINDEX, index)
        .with_u32(ATTR_WIPHY_FREQ, u32::from(frequency))
        .with_u32(ATTR_CHANNEL_WIDTH, width)
        .with_u32(ATTR_CENTER_FREQ1, u32::from(frequency))
}

/// The radio is to listen on all its channels once: NL80211_CMD_TRIGGER_SCAN. Without a list of names the kernel asks nobody: it
/// listens (no NL80211_ATTR_SCAN_SSIDS).
#[must_use]
pub fn listen_once(family: u16, index: u32) -> Request {
    Request::new(family, CMD_TRIGGER_SCAN, false).with_u32(ATTR_IFINDEX, index)
}

/// A few octets.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Octets<const N: usize> {
    length: u8,
    octets: [u8; N],
}

impl<const N: usize> Octets<N> {
    /// `None` if they do not fit.
    fn of(value: &[u8]) -> Option<Octets<N>> {
        let mut octets = [0; N];
        octets.get_mut(..value.len())?.copy_from_slice(value);
        Some(Octets { length: u8::try_from(value.len()).ok()?, octets })
    }

    fn get(&self) -> &[u8] {
        self.octets.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl<const N: usize> Default for Octets<N> {
    fn default() -> Octets<N> {
        Octets { length: 0, octets: [0; N] }
    }
}

/// Octets of a radio's name: the kernel allows itself 64 (NL80211_WIPHY_NAME_MAXLEN).
const MAX_RADIO_NAME: usize = 64;

/// GENL_ID_CTRL.
const CONTROL: u16 = 16;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;

const CMD_GET_WIPHY: u8 = 1;
const CMD_SET_WIPHY: u8 = 2;
const CMD_GET_INTERFACE: u8 = 5;
const CMD_GET_SCAN: u8 = 32;
const CMD_TRIGGER_SCAN: u8 = 33;

const ATTR_WIPHY: u16 = 1;
const ATTR_WIPHY_NAME: u16 = 2;
const ATTR_IFINDEX: u16 = 3;
const ATTR_IFNAME: u16 = 4;
const ATTR_IFTYPE: u16 = 5;
const ATTR_MAC: u16 = 6;
const ATTR_WIPHY_BANDS: u16 = 22;
const ATTR_WIPHY_FREQ: u16 = 38;
const ATTR_BSS: u16 = 47;
const ATTR_SSID: u16 = 52;
const ATTR_CHANNEL_WIDTH: u16 = 159;
const ATTR_CENTER_FREQ1: u16 = 160;
const ATTR_SPLIT_WIPHY_DUMP: u16 = 174;

const BAND_ATTR_FREQS: u16 = 1;
const FREQUENCY_ATTR_FREQ: u16 = 1;
const FREQUENCY_ATTR_DISABLED: u16 = 2;
const FREQUENCY_ATTR_NO_20MHZ: u16 = 16;

const BSS_BSSID: u16 = 1;
const BSS_FREQUENCY: u16 = 2;
const BSS_CAPABILITY: u16 = 5;
const BSS_INFORMATION_ELEMENTS: u16 = 6;
const BSS_SIGNAL_MBM: u16 = 7;
const BSS_STATUS: u16 = 9;
const BSS_SEEN_MS_AGO: u16 = 10;
const BSS_BEACON_IES: u16 = 11;
const BSS_PRESP_DATA: u16 = 14;

/// NL80211_BSS_STATUS_ASSOCIATED.
const ASSOCIATED: u32 = 1;

const CHAN_WIDTH_20_NOHT: u32 = 0;
const CHAN_WIDTH_20: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::netlink::{What, messages};

    /// The attributes that are built with [`Request::with`], as the kernel would send them.
    fn inner(request: Request) -> Vec<u8> {
        let octets = request.finish(0);
        let What::Part(_, inner) = messages(&octets).next().unwrap().what().unwrap() else { panic!() };
        inner.to_vec()
    }

    fn part() -> Request {
        Request::new(28, 0, false)
    }

    fn interface() -> Request {
        part()
            .with_u32(ATTR_IFINDEX, 9)
            .with(ATTR_IFNAME, b"phy0-ap0\0")
            .with_u32(ATTR_WIPHY, 1)
            .with_u32(ATTR_IFTYPE, 3)
            .with(153, &[1, 0, 0, 0, 0, 0, 0, 0]) // NL80211_ATTR_WDEV: passed over
            .with(ATTR_MAC, &[2, 0, 0, 0, 0, 1])
            .with(ATTR_SSID, b"Clinic-Staff")
            .with_u32(ATTR_WIPHY_FREQ, 5_180)
    }

    #[test]
    fn an_interface_is_read_with_its_radio_and_channel() {
        let octets = inner(interface());
        let found = Interface::read(&octets).unwrap();
        assert_eq!((found.index, found.wiphy, found.kind), (9, 1, Kind::AccessPoint));
        assert_eq!((found.name(), found.ssid()), (&b"phy0-ap0"[..], &b"Clinic-Staff"[..]));
        assert_eq!((found.frequency, found.address), (Some(5_180), Some([2, 0, 0, 0, 0, 1])));
        assert!(!format!("{found:?}").contains("Clinic"), "names are not for logs");
        assert_eq!(Interface::read(&inner(part().with_u32(ATTR_IFTYPE, 10))), None, "a P2P device has no interface");
        assert_eq!(Interface::read(&inner(part().with_u32(ATTR_IFINDEX, 1).with(ATTR_IFNAME, &[b'x'; 17]))), None);
    }

    #[test]
    fn channels_that_the_system_forbids_are_left_away() {
        let one = |frequency, more: &[u16]| {
            more.iter().fold(part().with_u32(FREQUENCY_ATTR_FREQ, frequency), |r, kind| r.with(*kind, &[]))
        };
        let mut list = part();
        for (n, (frequency, more)) in [
            (2_412, &[][..]),
            (2_484, &[FREQUENCY_ATTR_DISABLED]),
            (5_260, &[3, 5]), // no initiating of radiation, radar: heard all the same
            (5_955, &[]),
            (925, &[]),    // not of these bands
            (58_320, &[]), // 60 GHz
        ]
        .into_iter()
        .enumerate()
        {
            list = list.with(n as u16, &inner(one(frequency, more)));
        }
        let band = part().with(3, &[0; 16]).with(BAND_ATTR_FREQS, &inner(list));
        let octets =
            inner(part().with(ATTR_WIPHY_NAME, b"phy0\0").with(ATTR_WIPHY_BANDS, &inner(part().with(0, &inner(band)))));
        let mut found = Vec::new();
        channels(&octets, &mut |frequency| found.push(frequency));
        assert_eq!(found, [2_412, 5_260, 5_955]);
        assert_eq!(radio_name(&octets), Some(&b"phy0"[..]));
    }

    fn entry(more: Request) -> Vec<u8> {
        let bss = inner(
            more.with(BSS_BSSID, &[4, 0x18, 0xd6, 0x20, 1, 1])
                .with_u32(BSS_FREQUENCY, 2_437)
                .with(BSS_CAPABILITY, &0x0411u16.to_ne_bytes())
                .with_u32(BSS_SIGNAL_MBM, (-5_700i32).cast_unsigned())
                .with_u32(BSS_SEEN_MS_AGO, 120),
        );
        inner(part().with_u32(ATTR_IFINDEX, 3).with(ATTR_BSS | 0x8000, &bss))
    }

    #[test]
    fn an_entry_is_heard_as_its_beacon_and_its_answer() {
        let octets = entry(
            part()
                .with(BSS_INFORMATION_ELEMENTS, b"\0\x06Hidden")
                .with(BSS_BEACON_IES, &[0, 0])
                .with(BSS_PRESP_DATA, &[]),
        );
        let found = Entry::read(&octets).unwrap();
        assert_eq!((found.frequency, found.age_ms, found.joined), (Some(2_437), Some(120), false));
        let heard: Vec<_> = found.heard().collect();
        assert_eq!((heard.len(), heard[0].radio.signal), (2, Some(-57)));
        let Frame::ProbeResponse(answer) = &heard[0].frame else { panic!() };
        assert_eq!(answer.announced().name, Some(&b"Hidden"[..]));
        let Frame::Beacon(beacon) = &heard[1].frame else { panic!() };
        assert!(beacon.announced().is_hidden() && beacon.privacy());
    }

    #[test]
    fn elements_of_unknown_origin_are_those_of_an_answer() {
        let octets = entry(part().with(BSS_INFORMATION_ELEMENTS, &[0, 0]));
        let heard: Vec<_> = Entry::read(&octets).unwrap().heard().collect();
        assert!(matches!(heard[..], [Air { frame: Frame::ProbeResponse(_), .. }]));
        let octets = entry(part().with_u32(BSS_STATUS, ASSOCIATED).with(BSS_BEACON_IES, &[0, 0]));
        let found = Entry::read(&octets).unwrap();
        assert!(found.joined && matches!(found.heard().next().unwrap().frame, Frame::Beacon(_)));
    }

    #[test]
    fn an_entry_without_address_or_capability_is_none() {
        for missing in [part().with(BSS_CAPABILITY, &[1, 4]), part().with(BSS_BSSID, &[1; 6])] {
            assert_eq!(Entry::read(&inner(part().with(ATTR_BSS, &inner(missing)))), None);
        }
        assert_eq!(Entry::read(&inner(interface())), None);
    }

    #[test]
    fn the_requests_name_what_they_are_for() {
        let read = |request: Request| {
            let octets = request.finish(1);
            let message = messages(&octets).next().unwrap();
            let What::Part(command, inner) = message.what().unwrap() else { panic!() };
            let attributes: Vec<_> = attributes(inner).map(|(k, v)| (k, u32_of(v))).collect();
            (message.kind, command, attributes)
        };
        let set = |width| vec![(3, Some(7)), (38, Some(5_955)), (159, Some(width)), (160, Some(5_955))];
        assert_eq!(read(tune(28, 7, 5_955, false)), (28, 2, set(1)));
        assert_eq!(read(tune(28, 7, 5_955, true)), (28, 2, set(0)));
        assert_eq!(read(ask_interfaces(28)), (28, 5, vec![]));
        assert_eq!(read(ask_radio(28, 1)), (28, 1, vec![(1, Some(1)), (174, None)]));
        assert_eq!(read(ask_table(28, 7)), (28, 32, vec![(3, Some(7))]));
        assert_eq!(read(listen_once(28, 7)), (28, 33, vec![(3, Some(7))]), "no list of names: it asks nobody");
        assert_eq!(read(ask_family()).0, 16);
        assert_eq!(family(&inner(part().with(CTRL_ATTR_FAMILY_ID, &28u16.to_ne_bytes()))), Some(28));
    }
}
