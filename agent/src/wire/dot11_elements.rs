//! The elements of a beacon or probe response (IEEE 802.11-2020, 9.4.2), and those of the Wi-Fi Alliance in the vendor
//! element: WPA, WPS (Wi-Fi Simple Configuration 2.0.8, section 12), OWE transition, RSN override.
//!
//! Keeps: the name (borrowed, for comparing), the channel, how data is encrypted and who may join, which WPS methods
//! there are. Drops: rates, capabilities of the radio, and every text of WPS (serial numbers, names of people).

use super::WireError;
use super::reader::Reader;

/// What an access point says of its network. Where an element stands twice, the first that can be read wins: what
/// comes behind may be noise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announced<'a> {
    /// Element 0, the name: for comparing only. Hidden if empty or all zeros. `None`: not announced.
    pub name: Option<&'a [u8]>,
    /// Element 3 octet 0, else element 61 octet 0: the channel.
    pub channel: Option<u8>,
    /// Element 48 (9.4.2.24).
    pub rsn: Option<Result<Protection<'a>, WireError>>,
    /// Vendor element 00-50-F2 type 1: WPA, the predecessor of element 48.
    pub wpa: Option<Result<Protection<'a>, WireError>>,
    /// Vendor elements 50-6F-9A types 0x29 and 0x2A: what newer clients are offered instead of element 48.
    pub overrides: [Option<Protection<'a>>; 2],
    /// Vendor element 00-50-F2 type 4.
    pub wps: Option<Wps>,
    /// Vendor element 50-6F-9A type 0x1C: this is the open half of a pair.
    pub owe_transition: bool,
    /// Element 68 (WAPI) or vendor element 50-6F-9A type 0x12 (OSEN): encrypted in a way that is not looked into.
    pub other_protection: bool,
    /// Element 114: a mesh, whose beacons have an empty name as a rule.
    pub mesh: bool,
    /// The capture kept only the beginning: what is missing here may have been there.
    pub incomplete: bool,
}

impl<'a> Announced<'a> {
    /// Reads all elements. `cut` says that the capture kept only the beginning.
    #[must_use]
    pub fn read(elements: &'a [u8], cut: bool) -> Announced<'a> {
        let mut found = Announced::default();
        let mut ht_channel = None;
        let mut r = Reader::new(elements);
        for _ in 0..MAX_ELEMENTS {
            let before = r;
            let (Ok(id), Ok(length)) = (r.u8("element id"), r.u8("element length")) else { break };
            let Ok(value) = r.take(usize::from(length), "element") else {
                // Up to four octets may be a checksum that the radio did not tell of.
                if id == 48 && before.left() > UNTOLD_CHECKSUM {
                    keep(&mut found.rsn, Err(WireError::Truncated("RSN element")));
                }
                break;
            };
            match id {
                0 if value.len() <= MAX_NAME => found.name = found.name.or(Some(value)),
                3 => found.channel = found.channel.or(first(value)),
                48 => keep(&mut found.rsn, Protection::read(value, RSN_CCMP, RSN_8021X)),
                61 => ht_channel = ht_channel.or(first(value)),
                68 => found.other_protection = true,
                114 => found.mesh = true,
                221 => found.vendor(value),
                _ => {}
            }
        }
        found.channel = found.channel.or(ht_channel);
        found.incomplete = cut;
        found
    }

    /// Whether the name is withheld: an element of length 0 or of zeros only.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        !self.mesh && self.name.is_some_and(|n| n.iter().all(|o| *o == 0))
    }

    /// The name, unless it is withheld.
    #[must_use]
    pub fn spoken_name(&self) -> Option<&'a [u8]> {
        self.name.filter(|n| n.iter().any(|o| *o != 0))
    }

    /// Element 221: octets 0-2 whose, 3 type.
    fn vendor(&mut self, value: &'a [u8]) {
        let mut r = Reader::new(value);
        let Ok(kind) = r.u32("vendor and type") else { return };
        match kind {
            0x0050_F201 => keep(&mut self.wpa, Protection::read(r.rest(), WPA_TKIP, WPA_8021X)),
            0x0050_F204 => self.wps = Some(self.wps.unwrap_or_default().and(r)),
            0x506F_9A12 => self.other_protection = true,
            0x506F_9A1C => self.owe_transition = true,
            0x506F_9A29 | 0x506F_9A2A => {
                let slot = self.overrides.iter_mut().find(|s| s.is_none());
                if let (Some(slot), Ok(offer)) = (slot, Protection::read(r.rest(), RSN_CCMP, RSN_8021X)) {
                    *slot = Some(offer);
                }
            }
            _ => {}
        }
    }
}

/// How data is encrypted and how a client shows who it is: the body of element 48 and of the WPA element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protection<'a> {
    /// Octets 2-5: the cipher for everybody at once.
    pub group: Suite,
    /// The ciphers for one client.
    pub pairwise: Suites<'a>,
    /// The ways of joining (authentication and key management).
    pub joining: Suites<'a>,
    /// RSN capabilities; 0 where the element ends before them, as it may; `None` where it breaks off inside them.
    pub capabilities: Option<u16>,
}

impl<'a> Protection<'a> {
    /// Everything behind the version may be absent (9.4.2.24.1): then the default holds.
    ///
    /// # Errors
    /// `Malformed` for another version or a list without entries, `Truncated` where a field or a list breaks off.
    fn read(octets: &'a [u8], cipher: Suite, joining: Suite) -> Result<Protection<'a>, WireError> {
        let mut r = Reader::new(octets);
        if r.u16_le("RSN version")? != 1 {
            return Err(WireError::Malformed("RSN version"));
        }
        let group = if r.is_empty() { cipher } else { Suite(r.u32("group cipher")?) };
        let pairwise = Suites::read(&mut r, cipher)?;
        let joining = Suites::read(&mut r, joining)?;
        let capabilities = if r.is_empty() { Some(0) } else { r.u16_le("RSN capabilities").ok() };
        Ok(Protection { group, pairwise, joining, capabilities })
    }

    /// Capabilities bit 7: management frames can be protected (MFPC). `None` if it was not heard.
    #[must_use]
    pub fn can_protect(&self) -> Option<bool> {
        self.capabilities.map(|c| c & 0x0080 != 0)
    }

    /// Capabilities bit 6: management frames must be protected (MFPR). `None` if it was not heard.
    #[must_use]
    pub fn must_protect(&self) -> Option<bool> {
        self.capabilities.map(|c| c & 0x0040 != 0)
    }
}

/// A suite: three octets whose, one octet which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suite(pub u32);

/// A list of suites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suites<'a> {
    octets: &'a [u8],
    default: Suite,
}

impl<'a> Suites<'a> {
    /// Octets 0-1 how many, then four octets each. Absent means the default.
    fn read(r: &mut Reader<'a>, default: Suite) -> Result<Suites<'a>, WireError> {
        if r.is_empty() {
            return Ok(Suites { octets: &[], default });
        }
        let count = usize::from(r.u16_le("number of suites")?);
        if count == 0 {
            return Err(WireError::Malformed("number of suites"));
        }
        // An element has at most 255 octets: the fence of the reader bounds the list.
        Ok(Suites { octets: r.take(count.saturating_mul(4), "suites")?, default })
    }

    /// The suites, in their order; the default alone where the element does not list any.
    pub fn iter(&self) -> impl Iterator<Item = Suite> + use<'a> {
        let listed = self.octets.as_chunks::<4>().0.iter().map(|s| Suite(u32::from_be_bytes(*s)));
        self.octets.is_empty().then_some(self.default).into_iter().chain(listed)
    }
}

/// Wi-Fi Protected Setup, as far as it says how strangers may join.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wps {
    /// Attribute 0x1044: 1 not configured, 2 configured.
    pub state: Option<u8>,
    /// Attribute 0x1057: 1 means that PINs are refused now.
    pub locked: Option<u8>,
    /// Attribute 0x1008: the methods that the access point knows.
    pub methods: Option<u16>,
    /// Attribute 0x1053: the methods that are open just now.
    pub methods_now: Option<u16>,
}

impl Wps {
    /// Reads on: attributes of octets 0-1 type, 2-3 length, value. A long set is spread over several elements.
    fn and(mut self, mut r: Reader<'_>) -> Wps {
        for _ in 0..MAX_ATTRIBUTES {
            let (Ok(kind), Ok(length)) = (r.u16("attribute type"), r.u16("attribute length")) else { break };
            let Ok(mut value) = r.sub(usize::from(length), "attribute") else { break };
            match kind {
                0x1044 => self.state = self.state.or(value.u8("state").ok()),
                0x1057 => self.locked = self.locked.or(value.u8("locked").ok()),
                0x1008 => self.methods = self.methods.or(value.u16("config methods").ok()),
                0x1053 => self.methods_now = self.methods_now.or(value.u16("registrar config methods").ok()),
                _ => {}
            }
        }
        self
    }
}

/// The first octet.
fn first(value: &[u8]) -> Option<u8> {
    value.first().copied().filter(|c| *c != 0)
}

/// The first that can be read stays.
fn keep<'a>(slot: &mut Option<Result<Protection<'a>, WireError>>, read: Result<Protection<'a>, WireError>) {
    if !matches!(slot, Some(Ok(_))) {
        *slot = Some(read);
    }
}

/// Octets of a name (9.4.2.2).
pub const MAX_NAME: usize = 32;

/// Elements that are read: a beacon of today has 20 to 40; a frame of 11,454 octets could hold thousands of empty ones.
const MAX_ELEMENTS: usize = 128;

/// WPS attributes that are read from one element: about 30 are defined, and 251 octets hold 62 empty ones.
const MAX_ATTRIBUTES: usize = 64;

/// Octets of an FCS that stands at the end although no header says so.
const UNTOLD_CHECKSUM: usize = 4;

// Defaults of element 48 (9.4.2.24) and of the WPA element.
const RSN_CCMP: Suite = Suite(0x000F_AC04);
const RSN_8021X: Suite = Suite(0x000F_AC01);
const WPA_TKIP: Suite = Suite(0x0050_F202);
const WPA_8021X: Suite = Suite(0x0050_F201);

#[cfg(test)]
mod tests {
    use super::*;

    const RSN_PSK: [u8; 22] = [
        48, 20, // element 48, 20 octets
        1, 0, // version 1
        0x00, 0x0f, 0xac, 0x04, // group: CCMP
        1, 0, 0x00, 0x0f, 0xac, 0x04, // pairwise: CCMP
        1, 0, 0x00, 0x0f, 0xac, 0x02, // joining: PSK
        0xc0, 0x00, // capabilities: can and must protect
    ];

    fn read(elements: &[u8]) -> Announced<'_> {
        Announced::read(elements, false)
    }

    #[test]
    fn a_whole_rsn_element_is_read_to_its_capabilities() {
        let rsn = read(&RSN_PSK).rsn.unwrap().unwrap();
        assert_eq!(rsn.group, Suite(0x000F_AC04));
        assert_eq!(rsn.pairwise.iter().collect::<Vec<_>>(), [Suite(0x000F_AC04)]);
        assert_eq!(rsn.joining.iter().collect::<Vec<_>>(), [Suite(0x000F_AC02)]);
        assert_eq!((rsn.can_protect(), rsn.must_protect()), (Some(true), Some(true)));
    }

    #[test]
    fn what_a_short_rsn_element_leaves_out_has_its_default() {
        let rsn = read(&[48, 2, 1, 0]).rsn.unwrap().unwrap();
        assert_eq!((rsn.group, rsn.capabilities), (RSN_CCMP, Some(0)));
        assert_eq!(rsn.joining.iter().collect::<Vec<_>>(), [RSN_8021X]);
        let mut short = RSN_PSK[..20].to_vec(); // without capabilities
        short[1] = 18;
        assert_eq!(read(&short).rsn.unwrap().unwrap().can_protect(), Some(false));
        short.push(0xc0); // one octet of two
        short[1] = 19;
        assert_eq!(read(&short).rsn.unwrap().unwrap().can_protect(), None);
    }

    #[test]
    fn lists_that_break_off_are_refused() {
        for (length, octets) in [
            (5, &[1, 0, 0x00, 0x0f, 0xac][..]),                          // group
            (8, &[1, 0, 0x00, 0x0f, 0xac, 0x04, 0, 0][..]),              // no pairwise cipher
            (10, &[1, 0, 0x00, 0x0f, 0xac, 0x04, 9, 0, 0, 0][..]),       // nine of them
            (2, &[2, 0][..]),                                            // version 2
            (40, &[1, 0, 0x00, 0x0f, 0xac, 0x04, 1, 0, 0x00, 0x0f][..]), // longer than the frame
        ] {
            let mut element = vec![48, length];
            element.extend(octets);
            assert!(matches!(read(&element).rsn, Some(Err(_))), "{octets:?}");
        }
    }

    #[test]
    fn a_broken_element_does_not_undo_a_good_one_and_a_good_one_replaces_a_broken_one() {
        let mut elements = vec![0, 3, b'a', b'b', b'c'];
        elements.extend(RSN_PSK);
        elements.extend([48, 3, 1, 0, 9]);
        elements.extend([0, 1, b'z', 3, 1, 11, 61, 1, 36]);
        elements.extend([221, 200, 0x00, 0x50]); // ends here
        let found = read(&elements);
        assert!(matches!(found.rsn, Some(Ok(_))));
        assert_eq!((found.name, found.channel), (Some(&b"abc"[..]), Some(11)));
        let mut elements = vec![48, 3, 1, 0, 9];
        elements.extend(RSN_PSK);
        assert!(matches!(read(&elements).rsn, Some(Ok(_))));
    }

    #[test]
    fn hidden_is_an_empty_name_or_one_of_zeros_but_not_in_a_mesh() {
        assert!(read(&[0, 0]).is_hidden());
        assert!(read(&[0, 4, 0, 0, 0, 0]).is_hidden());
        assert!(!read(&[0, 1, b'x']).is_hidden());
        assert!(!read(&[]).is_hidden());
        assert!(!read(&[0, 0, 114, 1, b'm']).is_hidden());
        assert_eq!(read(&[0, 4, 0, 0, 0, 0]).spoken_name(), None);
        let mut long = vec![0, 33];
        long.extend([b'x'; 33]);
        assert_eq!(read(&long).name, None);
    }

    #[test]
    fn the_vendor_elements_of_the_alliance_are_found() {
        let elements = [
            221, 22, 0x00, 0x50, 0xf2, 0x01, // WPA
            1, 0, 0x00, 0x50, 0xf2, 0x02, 1, 0, 0x00, 0x50, 0xf2, 0x04, 1, 0, 0x00, 0x50, 0xf2, 0x02, //
            221, 4, 0x50, 0x6f, 0x9a, 0x1c, // OWE transition
            221, 22, 0x50, 0x6f, 0x9a, 0x29, // RSN override
            1, 0, 0x00, 0x0f, 0xac, 0x04, 1, 0, 0x00, 0x0f, 0xac, 0x04, 1, 0, 0x00, 0x0f, 0xac, 0x08, //
        ];
        let found = read(&elements);
        assert_eq!(found.wpa.unwrap().unwrap().pairwise.iter().collect::<Vec<_>>(), [Suite(0x0050_F204)]);
        assert!(found.owe_transition);
        let offer = found.overrides[0].unwrap();
        assert_eq!(offer.joining.iter().collect::<Vec<_>>(), [Suite(0x000F_AC08)]);
    }

    #[test]
    fn wps_attributes_are_read_over_several_elements() {
        let elements = [
            221, 14, 0x00, 0x50, 0xf2, 0x04, // WPS
            0x10, 0x4a, 0, 1, 0x10, // version
            0x10, 0x44, 0, 1, 2, // configured
            221, 15, 0x00, 0x50, 0xf2, 0x04, // WPS, on
            0x10, 0x57, 0, 1, 1, // locked
            0x10, 0x08, 0, 2, 0x22, 0x8c, // methods
            221, 8, 0x00, 0x50, 0xf2, 0x04, 0x10, 0x53, 0, 9, // breaks off
        ];
        let wanted = Wps { state: Some(2), locked: Some(1), methods: Some(0x228c), methods_now: None };
        assert_eq!(read(&elements).wps, Some(wanted));
    }
}
