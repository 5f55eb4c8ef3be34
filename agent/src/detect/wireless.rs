//! Wireless networks in the air: who announces them, how they are protected, what is readable in them.
//!
//! Keeps, a network: counts, one word a question, how strong it was heard, and the name that its access point announced
//! (for comparing and for the person at the keyboard; it is never reported). Drops: names that stations ask for,
//! addresses of stations (they are hashed and counted), and every packet: only the kind of readable traffic is said,
//! and only for the clinic's own networks.

use super::counted::keyed_hash;
use super::wireless_class::{
    channel_at, frequency_of, is_common_name, is_factory_name, management_protection, security, setup,
};
use super::wireless_memory::{Name, Network, SETTLED};
use super::wireless_use::AirUse;
use super::{Amount, Observation};
use crate::radio::Use;
use crate::wire::dot11::{Address, Air, Announcement, ClearData, Farewell, Frame, Path, is_group};
use crate::wire::ports;
use crate::wire::radiotap::Radio;
use auscult_report::fact::{ClearKind, Fact, Protocol, WifiOwner, WifiPurpose};
use auscult_report::subject::{Bssid, Subject};
use auscult_report::time::Timestamp;
use std::collections::BTreeMap;

/// Which networks are the clinic's: configuration.
#[derive(Clone, Debug, Default)]
pub struct Ownership {
    /// Its names.
    pub names: Vec<Vec<u8>>,
    /// Its access points. If there is one, a name alone does not make a network the clinic's: it may be a twin.
    pub bssids: Vec<Address>,
    /// What networks are for, by their names.
    pub purposes: Vec<(Vec<u8>, WifiPurpose)>,
}

impl Ownership {
    fn purpose(&self, name: &Name) -> Option<WifiPurpose> {
        self.purposes.iter().find(|(n, _)| n.as_slice() == name.octets()).map(|(_, purpose)| *purpose)
    }
}

/// The wireless networks that were heard. Bounded: see [`MAX_NETWORKS`].
#[derive(Debug)]
pub struct Airwaves {
    ownership: Ownership,
    /// Names that the listed access points announced: the clinic's, too.
    learnt: Vec<Name>,
    /// Networks that this machine's own radios make. They say nothing about others of the same name: a second access point
    /// of the clinic is no twin because nobody listed it.
    made_here: Vec<Address>,
    key: u64,
    networks: BTreeMap<Address, Network>,
    let_go: u64,
    uses: AirUse,
}

impl Airwaves {
    /// Nothing heard yet. `key` stays on the sensor: stations are counted by their hash under it.
    #[must_use]
    pub const fn new(ownership: Ownership, key: u64) -> Airwaves {
        Airwaves {
            ownership,
            learnt: Vec::new(),
            made_here: Vec::new(),
            key,
            networks: BTreeMap::new(),
            let_go: 0,
            uses: AirUse::new(),
        }
    }

    /// Which networks this machine's own radios make, now: they are the clinic's.
    pub fn set_made_here(&mut self, bssids: &[Address]) {
        self.made_here = bssids.iter().copied().take(MAX_MADE_HERE).collect();
    }

    /// What was heard on which channel since this was asked last, by its frequency in MHz.
    pub fn take_uses(&mut self) -> Vec<(u16, Use)> {
        self.uses.take()
    }

    /// Other networks are the clinic's from now on.
    pub fn own(&mut self, ownership: Ownership) {
        (self.ownership, self.learnt) = (ownership, Vec::new());
    }

    /// Hears one frame and says what it means. Networks that never announced themselves are not spoken of, unless they
    /// are listed as the clinic's.
    pub fn hear(&mut self, at: Timestamp, air: &Air<'_>, out: &mut dyn FnMut(Observation)) {
        if let Some(frequency) = air.radio.frequency {
            self.uses.frame(frequency);
        }
        match &air.frame {
            Frame::Beacon(a) => self.announced(at, a, &air.radio, Kind::Beacon, out),
            Frame::ProbeResponse(a) => self.announced(at, a, &air.radio, Kind::ProbeResponse, out),
            Frame::Farewell(f) => self.farewell(at, f, out),
            Frame::Clear(data) => {
                self.station(at, &data.path, out);
                self.readable(at, data, out);
            }
            Frame::Encrypted(path) | Frame::Empty(path) => self.station(at, path, out),
            Frame::Joining { .. } | Frame::Other => {}
        }
    }

    /// A protocol was recognised inside packets that were readable in the air of this network ([`clear_kind`] gives the
    /// kind). Said for the clinic's networks only: what strangers send is nobody's business.
    pub fn clear_kind_heard(&mut self, bssid: Bssid, kind: ClearKind, at: Timestamp, out: &mut dyn FnMut(Observation)) {
        if self.is_own(bssid.0) {
            Saying { at, bssid: bssid.0, out }.say(Fact::WifiClearKind(kind));
        }
    }

    /// The network that a data frame belongs to; between two access points, the one of them that is the clinic's or was
    /// heard announcing itself.
    #[must_use]
    pub fn network_of(&self, path: &Path) -> Option<Bssid> {
        let known = |a: &Address| self.is_listed(*a) || self.networks.contains_key(a);
        path.bssid.or_else(|| [path.receiver, path.transmitter].into_iter().find(known)).map(Bssid)
    }

    /// Whether a network is the clinic's.
    #[must_use]
    pub fn is_own(&self, bssid: Address) -> bool {
        self.is_listed(bssid) || self.networks.get(&bssid).is_some_and(|n| self.owner(bssid, &n.name) == WifiOwner::Own)
    }

    /// The names as the access points announced them: for the person at the keyboard, never for a report.
    pub fn names(&self) -> impl Iterator<Item = (Bssid, &[u8])> {
        self.networks.iter().filter(|(_, n)| !n.name.is_empty()).map(|(b, n)| (Bssid(*b), n.name.octets()))
    }

    /// Networks let go because the table was full, since this was asked last.
    pub fn take_let_go(&mut self) -> u64 {
        core::mem::take(&mut self.let_go)
    }

    /// Each is read anew: 0.15 microseconds with all that is said, so that remembering the last body would save little.
    fn announced(
        &mut self,
        at: Timestamp,
        announcement: &Announcement<'_>,
        radio: &Radio,
        kind: Kind,
        out: &mut dyn FnMut(Observation),
    ) {
        let bssid = announcement.bssid;
        if is_group(bssid) {
            return;
        }
        let heard = announcement.announced();
        let network = self.entry(at, bssid);
        network.announced(&heard, radio);
        let (name, methods, strong) = (network.name, network.wps_methods, network.signal.is_strong());
        if !name.is_empty() && self.ownership.bssids.contains(&bssid) {
            self.learn(name);
        }
        let mut saying = Saying { at, bssid, out };
        saying.say(Fact::WifiBeacon);
        saying.say(Fact::WifiSecurity(security(announcement.privacy(), &heard)));
        saying.say_any(management_protection(&heard).map(Fact::WifiPmf));
        saying.say_any(setup(&heard, methods).map(Fact::WifiWps));
        saying.say_if(kind == Kind::Beacon && heard.is_hidden(), Fact::WifiHidden);
        let channel = heard.channel.or_else(|| radio.frequency.and_then(channel_at));
        saying.say_any(channel.map(Fact::WifiChannel));
        let owner = self.owner(bssid, &name);
        saying.say(Fact::WifiOwner(owner));
        let purpose = self.ownership.purpose(&name).filter(|_| owner == WifiOwner::Own);
        saying.say_any(purpose.map(Fact::WifiPurpose));
        if let Some(frequency) = radio.frequency.and_then(|near| frequency_of(channel?, near)) {
            self.uses.network(frequency, owner == WifiOwner::Own);
        }
        saying.say_if(self.is_our_name(&name) && !is_common_name(name.octets()), Fact::WifiNameIsOurs);
        saying.say_if(is_factory_name(name.octets()), Fact::WifiDefaultName);
        saying.say_if(strong, Fact::WifiSignalStrong);
    }

    /// Only one that anybody could have made counts: protected ones were dropped before.
    fn farewell(&mut self, at: Timestamp, farewell: &Farewell, out: &mut dyn FnMut(Observation)) {
        if farewell.again {
            return;
        }
        if let Some(network) = self.known(at, farewell.bssid)
            && network.farewells.get_or_insert_default().hear(at, farewell.to_all)
        {
            Saying { at, bssid: farewell.bssid, out }.say(Fact::WifiDeauthBurst);
        }
    }

    /// A station exchanged data with a network. Random addresses count as well: they are only counted.
    fn station(&mut self, at: Timestamp, path: &Path, out: &mut dyn FnMut(Observation)) {
        let (Some(bssid), Some(station)) = (path.bssid, path.station) else { return };
        if is_group(station) || station == bssid || self.known(at, bssid).is_none() {
            return;
        }
        let amount = Amount::Different(keyed_hash(self.key, &station));
        out(Observation { at, subject: Subject::Wireless(Bssid(bssid)), zone: None, fact: Fact::WifiClient, amount });
    }

    /// Of what is readable only questions to name servers are known by their port; the other kinds are recognised by
    /// their content, which is the work of other detectors ([`Airwaves::clear_kind_heard`]).
    fn readable(&mut self, at: Timestamp, data: &ClearData<'_>, out: &mut dyn FnMut(Observation)) {
        let Some(bssid) = self.network_of(&data.path) else { return };
        if !self.is_own(bssid.0) {
            return;
        }
        let asks = |p| matches!(p, Ok((DNS, _) | (_, DNS)));
        let to_one = data.packets().filter(|p| !is_group(p.destination));
        if to_one.map(|p| ports::of_datagram(p.ethertype, p.payload)).any(asks) {
            self.clear_kind_heard(bssid, ClearKind::Dns, at, out);
        }
    }

    fn owner(&self, bssid: Address, name: &Name) -> WifiOwner {
        // Whether somebody else's network is a neighbour's or an intruder's cannot be heard.
        if self.is_listed(bssid) || (self.ownership.bssids.is_empty() && self.is_our_name(name)) {
            WifiOwner::Own
        } else {
            WifiOwner::Unknown
        }
    }

    /// A person or this machine says that it is the clinic's.
    fn is_listed(&self, bssid: Address) -> bool {
        self.ownership.bssids.contains(&bssid) || self.made_here.contains(&bssid)
    }

    fn is_our_name(&self, name: &Name) -> bool {
        !name.is_empty()
            && (self.ownership.names.iter().any(|n| n.as_slice() == name.octets()) || self.learnt.contains(name))
    }

    fn learn(&mut self, name: Name) {
        if self.learnt.len() < MAX_LEARNT && !self.learnt.contains(&name) {
            self.learnt.push(name);
        }
    }

    /// The network, if it was announced before or is listed as the clinic's.
    fn known(&mut self, at: Timestamp, bssid: Address) -> Option<&mut Network> {
        if self.is_listed(bssid) {
            return Some(self.entry(at, bssid));
        }
        self.networks.get_mut(&bssid)
    }

    /// The network, made room for if need be.
    fn entry(&mut self, at: Timestamp, bssid: Address) -> &mut Network {
        if self.networks.len() >= MAX_NETWORKS && !self.networks.contains_key(&bssid) {
            self.make_room();
        }
        let network = self.networks.entry(bssid).or_default();
        network.last = at;
        network
    }

    /// Lets go the network that was silent longest: of those heard a few times if there are such, so that invented
    /// ones push away each other; listed ones last. Work is bounded by [`MAX_NETWORKS`].
    fn make_room(&mut self) {
        let worth = |(b, n): &(&Address, &Network)| (self.is_listed(**b), n.heard >= SETTLED, n.last);
        if let Some(bssid) = self.networks.iter().min_by_key(worth).map(|(b, _)| *b) {
            self.networks.remove(&bssid);
            self.let_go = self.let_go.saturating_add(1);
        }
    }
}

/// The kind of readable traffic that a recognised protocol is, if it is one that matters.
#[must_use]
pub const fn clear_kind(protocol: Protocol) -> Option<ClearKind> {
    Some(match protocol {
        Protocol::Dns => ClearKind::Dns,
        Protocol::Http => ClearKind::Http,
        Protocol::Dicom => ClearKind::Dicom,
        Protocol::Mllp => ClearKind::Hl7,
        Protocol::Smtp | Protocol::Pop3 | Protocol::Imap => ClearKind::Mail,
        Protocol::Smb => ClearKind::Smb,
        _ => return None,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Beacon,
    ProbeResponse,
}

/// Says facts about one network.
struct Saying<'a> {
    at: Timestamp,
    bssid: Address,
    out: &'a mut dyn FnMut(Observation),
}

impl Saying<'_> {
    fn say(&mut self, fact: Fact) {
        let subject = Subject::Wireless(Bssid(self.bssid));
        (self.out)(Observation { at: self.at, subject, zone: None, fact, amount: Amount::Times(1) });
    }

    fn say_any(&mut self, fact: Option<Fact>) {
        if let Some(fact) = fact {
            self.say(fact);
        }
    }

    fn say_if(&mut self, is: bool, fact: Fact) {
        if is {
            self.say(fact);
        }
    }
}

/// What is heard of the air, for the reader of a finding.
pub(super) const EAR: (&str, u16, &str) = (
    "wifi",
    2,
    "Beacons, probe responses, farewells and data frames of 802.11, by a radio in monitor mode, the access point's own state or the \
     system's scans: how each network is protected, whether it is the clinic's, whether what goes through it can be read. A network \
     is the clinic's because a person listed its address or its name, never by its strength. Another network of its name is told, \
     but not of a name that half the world uses (\"Guest\"). Beacons can be forged, methods of WPS \
     stand in probe responses only, and a wall or a channel that is not visited hides whole networks. Addresses of stations are \
     hashed and counted, names that they ask for are never kept.",
);

/// Networks in the table: an antenna in the middle of a city hears a few hundred.
pub const MAX_NETWORKS: usize = 512;

/// Names learnt from listed access points: more than a site has; one who uses their addresses cannot add without end.
const MAX_LEARNT: usize = 16;

/// Networks that the radios of this machine make: four radios with 16 each.
const MAX_MADE_HERE: usize = 64;

/// The port of name servers.
const DNS: u16 = 53;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::dot11::peel;
    use crate::wire::radiotap::RadioHeader;
    use auscult_report::fact::{WifiPmf, WifiSecurity, WifiWps};

    // Frames of captures made by this project, radiotap header first (signal -40 to -80 dBm).
    const OPEN: &str = "\
        00000f002e00000000048509a000d880000000ffffffffffff0418d62001010418d6200101100000e40b540200000064000104001243\
        616e617279436c696e69632d4775657374010882848b962430486c0301060504000100002a010032040c1218602d1aef1117ffff0000\
        00000000000000000000000000000000000000dd180050f2020101800003a4000027a4000042435e0062322f00";
    const MIXED: &str = "\
        00000f002e00000000049e09a000c680000000ffffffffffff001d7e200107001d7e2001071000bf410c540200000064001104000a42\
        61636b4f6666696365010882848b962430486c03010b0504000100002a010032040c12186030180100000fac020200000fac04000fac\
        020100000fac0200002d1aef1117ffff000000000000000000000000000000000000000000dd1a0050f20101000050f20202000050f2\
        040050f20201000050f202dd180050f2020101800003a4000027a4000042435e0062322f00";
    const WPS: &str = "\
        00000f002e00000000049e09a000c380000000ffffffffffffa040a0200108a040a020010810005f510c540200000064001104000c43\
        6c696e69632d5374616666010882848b962430486c03010b0504000100002a010032040c12186030140100000fac040100000fac0401\
        00000fac0200002d1aef1117ffff000000000000000000000000000000000000000000dd5d0050f204104a0001101044000102102100\
        0d4e4554474541522c20496e632e102300055236323530102400013110420007303030303030311054000800060050f2040001101100\
        05523632353010080002268c1049000600372a000120dd180050f2020101800003a4000027a4000042435e0062322f00";
    const HIDDEN: &str = "\
        00000f002e00000000046c09a000b180000000fffffffffffff09fc220010ef09fc220010e10001faf0c540200000064001104000001\
        0882848b962430486c0301010504000100002a010032040c12186030180100000fac040100000fac040200000fac02000fac0400002d\
        1aef1117ffff000000000000000000000000000000000000000000dd180050f2020101800003a4000027a4000042435e0062322f00";
    const ANSWER: &str = "\
        00000f002e00000000046c09a000c450000000f099bf200070f09fc220010ef09fc220010e40005dc20e540200000064001104000e48\
        696464656e2d496d6167696e67010882848b962430486c0301012a010032040c12186030180100000fac040100000fac040200000fac\
        02000fac0400002d1aef1117ffff000000000000000000000000000000000000000000dd180050f2020101800003a4000027a4000042\
        435e0062322f00";
    const CLEAR: &str = "\
        00000f002e00000000048509a000cc880100000418d620010100806420004100505620001250000000aaaa0300000008004500003c78\
        884000400618aec0a81429c0a8140c84900a0f6f9972f800000000a002faf053240000020405b40402080af3e9eb4600000000010303\
        0a";
    const CLEAR_DOWN: &str = "\
        00000f002e00000000048509a000d1880200000080642000410418d620010100505620001270000000aaaa0300000008004500003c00\
        00400040069136c0a8140cc0a814290a0f8490854306a06f9972f9a012fe886d020000020405b40402080a1ba13af4f3e9eb46010303\
        0a";
    const ENCRYPTED: &str = "\
        00000f002e00000000049e09a000c988410000a040a02001083cd92b20005201005e0000fb1000000000000020000000004420823cfd\
        e6f1c26b30f90ec7dd01e4887534a20f0b0d04c36ed80e71e0fd77b07670eb940bd5335f973daad8619b91ffc911f57cced458bbbf2c\
        e0";

    const OPEN_BSSID: Address = [0x04, 0x18, 0xd6, 0x20, 0x01, 0x01];
    const TWIN_BSSID: Address = [0x06, 0x18, 0xd6, 0x20, 0x01, 0x01];

    fn octets(hex: &str) -> Vec<u8> {
        let digit = |d: u8| char::from(d).to_digit(16).unwrap();
        let octet = |[high, low]: &[u8; 2]| u8::try_from((digit(*high) << 4) | digit(*low)).unwrap();
        hex.as_bytes().as_chunks::<2>().0.iter().map(octet).collect()
    }

    fn airwaves(names: &[&[u8]], bssids: &[Address]) -> Airwaves {
        Airwaves::new(
            Ownership {
                names: names.iter().map(|n| n.to_vec()).collect(),
                bssids: bssids.to_vec(),
                purposes: Vec::new(),
            },
            7,
        )
    }

    fn hear_octets(airwaves: &mut Airwaves, at: u64, octets: &[u8]) -> Vec<Observation> {
        let mut heard = Vec::new();
        let air = peel(octets, RadioHeader::Radiotap, false).unwrap();
        airwaves.hear(Timestamp(at), &air, &mut |o| heard.push(o));
        heard
    }

    fn hear(airwaves: &mut Airwaves, hex: &str) -> Vec<Fact> {
        hear_octets(airwaves, 1, &octets(hex)).iter().map(|o| o.fact).collect()
    }

    #[test]
    fn a_beacon_says_how_its_network_is_protected() {
        let mut a = airwaves(&[], &[]);
        let of_nobody = |security, pmf: Option<WifiPmf>, wps, channel| {
            let mut facts = vec![Fact::WifiBeacon, Fact::WifiSecurity(security)];
            facts.extend(pmf.map(Fact::WifiPmf));
            facts.extend([Fact::WifiWps(wps), Fact::WifiChannel(channel), Fact::WifiOwner(WifiOwner::Unknown)]);
            facts
        };
        assert_eq!(hear(&mut a, OPEN), of_nobody(WifiSecurity::Open, None, WifiWps::Off, 6));
        assert_eq!(hear(&mut a, MIXED), of_nobody(WifiSecurity::Wpa2Tkip, Some(WifiPmf::Off), WifiWps::Off, 11));
        assert_eq!(hear(&mut a, WPS), of_nobody(WifiSecurity::Wpa2Psk, Some(WifiPmf::Off), WifiWps::Pin, 11));
    }

    #[test]
    fn a_hidden_name_is_learnt_from_the_answer_of_its_access_point_only() {
        let mut a = airwaves(&[b"Hidden-Imaging"], &[]);
        let heard = hear(&mut a, HIDDEN);
        assert!(heard.contains(&Fact::WifiHidden));
        assert!(heard.contains(&Fact::WifiOwner(WifiOwner::Unknown)));
        assert_eq!(a.names().count(), 0);
        let heard = hear(&mut a, ANSWER);
        assert!(!heard.contains(&Fact::WifiHidden));
        assert!(heard.contains(&Fact::WifiNameIsOurs));
        let heard = hear(&mut a, HIDDEN);
        assert!(heard.contains(&Fact::WifiHidden) && heard.contains(&Fact::WifiOwner(WifiOwner::Own)));
        let names: Vec<_> = a.names().collect();
        assert_eq!(names, [(Bssid([0xf0, 0x9f, 0xc2, 0x20, 0x01, 0x0e]), &b"Hidden-Imaging"[..])]);
    }

    #[test]
    fn a_name_alone_makes_it_ours_only_if_no_access_point_is_listed() {
        let mut twin = octets(OPEN);
        twin[25..31].copy_from_slice(&TWIN_BSSID);
        twin[31..37].copy_from_slice(&TWIN_BSSID);
        let facts = |a: &mut Airwaves, o: &[u8]| -> Vec<Fact> { hear_octets(a, 1, o).iter().map(|o| o.fact).collect() };
        let mut by_name = airwaves(&[b"CanaryClinic-Guest"], &[]);
        assert!(facts(&mut by_name, &twin).contains(&Fact::WifiOwner(WifiOwner::Own)));
        let mut listed = airwaves(&[b"CanaryClinic-Guest"], &[OPEN_BSSID]);
        let heard = facts(&mut listed, &twin);
        assert!(heard.contains(&Fact::WifiNameIsOurs) && heard.contains(&Fact::WifiOwner(WifiOwner::Unknown)));
        assert!(hear(&mut listed, OPEN).contains(&Fact::WifiOwner(WifiOwner::Own)));
        // The listed access point tells what the clinic's network is called.
        let mut by_address = airwaves(&[], &[OPEN_BSSID]);
        assert!(!facts(&mut by_address, &twin).contains(&Fact::WifiNameIsOurs));
        hear(&mut by_address, OPEN);
        assert!(facts(&mut by_address, &twin).contains(&Fact::WifiNameIsOurs));
    }

    #[test]
    fn what_this_machine_makes_is_ours_and_a_second_one_of_its_name_is_no_twin() {
        let mut a = airwaves(&[], &[]);
        a.set_made_here(&[OPEN_BSSID]);
        assert!(hear(&mut a, OPEN).contains(&Fact::WifiOwner(WifiOwner::Own)));
        let mut second = octets(OPEN);
        second[25..31].copy_from_slice(&TWIN_BSSID);
        second[31..37].copy_from_slice(&TWIN_BSSID);
        let heard: Vec<_> = hear_octets(&mut a, 1, &second).iter().map(|o| o.fact).collect();
        assert!(heard.contains(&Fact::WifiOwner(WifiOwner::Unknown)) && !heard.contains(&Fact::WifiNameIsOurs));
        a.set_made_here(&[]);
        assert!(hear(&mut a, OPEN).contains(&Fact::WifiOwner(WifiOwner::Unknown)), "it was switched off");
        // A name that a person gave counts as before.
        let mut named = airwaves(&[b"CanaryClinic-Guest"], &[]);
        named.set_made_here(&[[9; 6]]);
        assert!(hear(&mut named, OPEN).contains(&Fact::WifiOwner(WifiOwner::Own)));
    }

    #[test]
    fn what_is_in_use_is_told_by_channel_and_whether_it_is_ours() {
        let mut a = airwaves(&[], &[OPEN_BSSID]);
        hear(&mut a, OPEN);
        hear(&mut a, MIXED);
        hear(&mut a, CLEAR);
        // The beacon of channel 11 that is heard on channel 10.
        let mut beside = octets(MIXED);
        beside[10..12].copy_from_slice(&2_457u16.to_le_bytes());
        hear_octets(&mut a, 2, &beside);
        let ours = Use { frames: 2, networks: 1, is_own: true };
        let theirs = Use { frames: 1, networks: 2, is_own: false };
        let wanted = [(2_437, ours), (2_457, Use { frames: 1, ..Use::default() }), (2_462, theirs)];
        assert_eq!(a.take_uses(), wanted);
        assert_eq!(a.take_uses(), []);
    }

    #[test]
    fn stations_are_counted_by_hash_and_only_of_networks_that_were_announced() {
        let mut a = airwaves(&[], &[]);
        assert_eq!(hear(&mut a, CLEAR), []);
        hear(&mut a, OPEN);
        let up = hear_octets(&mut a, 2, &octets(CLEAR));
        let down = hear_octets(&mut a, 2, &octets(CLEAR_DOWN));
        assert_eq!((up.len(), up[0].fact, up[0].subject), (1, Fact::WifiClient, Subject::Wireless(Bssid(OPEN_BSSID))));
        assert_eq!(up[0].amount, down[0].amount);
        assert!(matches!(up[0].amount, Amount::Different(_)));
        assert_eq!(hear(&mut a, ENCRYPTED), []);
        hear(&mut a, WPS);
        assert_eq!(hear(&mut a, ENCRYPTED), [Fact::WifiClient]);
        // To everybody: no station.
        let mut to_all = octets(CLEAR_DOWN);
        to_all[19..25].copy_from_slice(&[0xff; 6]);
        assert_eq!(hear_octets(&mut a, 2, &to_all), []);
    }

    #[test]
    fn kinds_of_readable_traffic_are_said_of_own_networks_only() {
        let mut question = octets(CLEAR);
        let ip = 15 + 26 + 8; // radiotap, 802.11 with QoS, LLC and SNAP
        question[ip + 9] = 17;
        question[ip + 22..ip + 24].copy_from_slice(&[0, 53]);
        let mut a = airwaves(&[], &[]);
        hear(&mut a, OPEN);
        let mut said = Vec::new();
        a.clear_kind_heard(Bssid(OPEN_BSSID), ClearKind::Dicom, Timestamp(1), &mut |o| said.push(o.fact));
        assert_eq!(said, []);
        assert_eq!(hear_octets(&mut a, 1, &question).len(), 1);
        let mut a = airwaves(&[], &[OPEN_BSSID]);
        a.clear_kind_heard(Bssid(OPEN_BSSID), ClearKind::Dicom, Timestamp(1), &mut |o| said.push(o.fact));
        assert_eq!(said, [Fact::WifiClearKind(ClearKind::Dicom)]);
        let facts: Vec<_> = hear_octets(&mut a, 1, &question).iter().map(|o| o.fact).collect();
        assert_eq!(facts, [Fact::WifiClient, Fact::WifiClearKind(ClearKind::Dns)]);
        assert_eq!(hear(&mut a, CLEAR), [Fact::WifiClient]);
    }

    #[test]
    fn strong_is_the_median_of_at_least_five() {
        let mut a = airwaves(&[], &[]);
        let strong = |f: Vec<Fact>| f.contains(&Fact::WifiSignalStrong);
        for _ in 0..4 {
            assert!(!strong(hear(&mut a, OPEN)));
        }
        assert!(strong(hear(&mut a, OPEN)));
        let mut weak = octets(OPEN);
        weak[14] = 0xb0; // -80 dBm
        for _ in 0..5 {
            hear_octets(&mut a, 1, &weak);
        }
        assert!(!strong(hear_octets(&mut a, 1, &weak).iter().map(|o| o.fact).collect()));
    }

    /// Control and receiver of a deauthentication or disassociation of the open network.
    fn farewell(control: [u8; 2], receiver: Address) -> Vec<u8> {
        let mut f = vec![0, 0, 8, 0, 0, 0, 0, 0];
        f.extend(control);
        f.extend([0, 0]);
        f.extend(receiver);
        f.extend(OPEN_BSSID);
        f.extend(OPEN_BSSID);
        f.extend([0, 0, 7, 0]);
        f
    }

    #[test]
    fn more_than_thirty_farewells_in_ten_seconds_are_a_burst() {
        let mut a = airwaves(&[], &[OPEN_BSSID]);
        let mut bursts = |pace: u64, count: u64, from: u64| -> usize {
            let frame = farewell([0xc0, 0], [2; 6]);
            (0..count).map(|i| hear_octets(&mut a, from + i * pace, &frame).len()).sum()
        };
        assert_eq!(bursts(100, 30, 1_000_000), 0);
        assert_eq!(bursts(100, 31, 2_000_000), 1);
        assert_eq!(bursts(1000, 100, 3_000_000), 0);
        // A long attack is said every ten seconds.
        assert_eq!(bursts(100, 500, 4_000_000), 5);
    }

    #[test]
    fn three_rounds_for_everybody_in_an_hour_are_a_burst_and_a_restart_is_none() {
        let mut a = airwaves(&[], &[OPEN_BSSID]);
        let to_all = farewell([0xa0, 0], [0xff; 6]);
        let mut said =
            |seconds: &[u64]| -> usize { seconds.iter().map(|s| hear_octets(&mut a, s * 1000, &to_all).len()).sum() };
        assert_eq!(said(&[10_000, 10_001, 10_002, 10_003]), 0);
        assert_eq!(said(&[13_000]), 0);
        assert_eq!(said(&[13_500]), 1);
        assert_eq!(said(&[20_000]), 0);
    }

    #[test]
    fn frames_sent_again_and_farewells_of_strangers_do_not_count() {
        let mut a = airwaves(&[], &[OPEN_BSSID]);
        let mut b = airwaves(&[], &[]);
        for i in 0..100 {
            assert_eq!(hear_octets(&mut a, i, &farewell([0xc0, 0x08], [2; 6])), []);
            assert_eq!(hear_octets(&mut b, i, &farewell([0xc0, 0], [2; 6])), []);
        }
    }

    #[test]
    fn invented_networks_push_away_each_other_and_not_the_known_ones() {
        let mut a = airwaves(&[], &[[0xf0, 0x9f, 0xc2, 0x20, 0x01, 0x0e]]);
        hear(&mut a, ANSWER);
        for _ in 0..20 {
            hear(&mut a, OPEN);
        }
        let mut invented = octets(MIXED);
        for i in 0..4 * MAX_NETWORKS {
            invented[33..35].copy_from_slice(&u16::try_from(i).unwrap().to_be_bytes());
            hear_octets(&mut a, 1000 + i as u64, &invented);
        }
        assert_eq!(a.names().count(), MAX_NETWORKS);
        assert_eq!(a.take_let_go(), 3 * MAX_NETWORKS as u64 + 2);
        for name in [&b"CanaryClinic-Guest"[..], b"Hidden-Imaging"] {
            assert!(a.names().any(|(_, n)| n == name));
        }
    }

    #[test]
    fn no_octets_at_all_make_it_stumble_and_no_name_is_said() {
        let samples = [OPEN, MIXED, WPS, HIDDEN, ANSWER, CLEAR, CLEAR_DOWN, ENCRYPTED].map(octets);
        let headers =
            [RadioHeader::None, RadioHeader::Radiotap, RadioHeader::Ppi, RadioHeader::Prism, RadioHeader::Avs];
        let mut a = airwaves(&[b"Hidden-Imaging"], &[OPEN_BSSID]);
        let mut seed = 0x9E37_79B9_7F4A_7C15u64;
        let mut random = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed as usize
        };
        let mut said = String::new();
        for round in 0..40_000 {
            let mut frame = samples[random() % samples.len()].clone();
            for _ in 0..random() % 6 {
                let place = random() % frame.len();
                frame[place] = random() as u8;
            }
            frame.truncate(random() % (frame.len() * 2));
            let header = headers[if round % 4 == 0 { random() % 5 } else { 1 }];
            let skip = if header == RadioHeader::None { frame.len().min(15) } else { 0 };
            if let Ok(air) = peel(&frame[skip..], header, round % 3 == 0) {
                a.hear(Timestamp(random() as u64), &air, &mut |o| {
                    if round % 100 == 0 {
                        said += &format!("{o:?}");
                    }
                });
            }
        }
        for name in ["Canary", "Hidden-", "Clinic", "BackOffice", "R6250", "72, 105, 100, 100, 101, 110"] {
            assert!(!said.contains(name) && !format!("{:?}", a.networks).contains(name));
        }
    }

    #[test]
    fn a_recognised_protocol_is_one_of_six_kinds_or_none() {
        assert_eq!(clear_kind(Protocol::Mllp), Some(ClearKind::Hl7));
        assert_eq!(clear_kind(Protocol::Imap), Some(ClearKind::Mail));
        assert_eq!(clear_kind(Protocol::Tls), None);
    }
}
