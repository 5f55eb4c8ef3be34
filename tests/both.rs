//! What a sensor with a radio hears: frames of the cable and of the air in one capture (pcapng, draft-ietf-opsawg-pcapng), and a
//! station that is in both.

use crate::frames::{AIR, segment};
use crate::octets::rsn;
use crate::tale::Tale;
use crate::talks::{DEVICE, SERVER, studies};
use crate::told::{NAME, OWN, PSK, TWIN};
use crate::watched::Place;

/// A capture of both.
struct Both {
    octets: Vec<u8>,
    ms: u64,
    calls: u16,
}

/// 2026-11-18.
const BEGINS_MS: u64 = 1_795_000_000_000;
const ON_CABLE: u32 = 0;
const IN_AIR: u32 = 1;

impl Both {
    fn new() -> Both {
        let mut octets =
            block(0x0a0d_0d0a, &[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]); // section
        for link in [1, AIR] {
            octets.extend(block(1, &[&u16::try_from(link).unwrap().to_le_bytes()[..], &[0, 0, 0, 0, 4, 0]].concat()));
        }
        Both { octets, ms: BEGINS_MS, calls: 0 }
    }

    /// A frame, a tenth of a second after the one before.
    fn frame(&mut self, place: u32, frame: &[u8]) {
        self.ms += 100;
        let micros = self.ms * 1_000;
        let [high, low] = [u32::try_from(micros >> 32).unwrap(), u32::try_from(micros & 0xffff_ffff).unwrap()];
        let length = u32::try_from(frame.len()).unwrap();
        let head: Vec<u8> = [place, high, low, length, length].iter().flat_map(|n| n.to_le_bytes()).collect();
        self.octets.extend(block(6, &[head, frame.to_vec()].concat()));
    }

    /// A device announces its network, and asks a server something through it; each of its frames comes by the air first.
    fn said(
        &mut self,
        (bssid, name, protection): ([u8; 6], &str, &[u8]),
        station: Option<[u8; 6]>,
        port: u16,
        (asks, answers): (&[u8], &[u8]),
    ) {
        self.beacons(bssid, name, protection);
        self.calls += 1;
        let (client, server) = ((DEVICE, 49_500 + self.calls), (SERVER, port));
        let (asked, answered) = (u32::try_from(asks.len()).unwrap(), u32::try_from(answers.len()).unwrap());
        let frames = [
            (true, segment(client, server, 1000, 0x02, &[])),
            (false, segment(server, client, 5000, 0x12, &[])),
            (true, segment(client, server, 1001, 0x10, asks)),
            (false, segment(server, client, 5001, 0x10, answers)),
            (true, segment(client, server, 1001 + asked, 0x11, &[])),
            (false, segment(server, client, 5001 + answered, 0x11, &[])),
        ];
        for (is_from_device, mut frame) in frames {
            if is_from_device {
                let station = station.unwrap_or(hardware(DEVICE));
                self.frame(IN_AIR, &sealed(bssid, station));
                frame[6..12].copy_from_slice(&station);
            }
            self.frame(ON_CABLE, &frame);
        }
    }

    fn beacons(&mut self, bssid: [u8; 6], name: &str, elements: &[u8]) {
        let mut recording = crate::frames::Recording::of(AIR);
        crate::octets::beacons(&mut recording, 12, bssid, name, elements);
        // Behind the header of the file each has one of 16 octets.
        let mut rest = &recording.octets()[24..];
        while let Some((head, more)) = rest.split_at_checked(16) {
            let length = usize::try_from(u32::from_le_bytes(head[8..12].try_into().unwrap())).unwrap();
            self.frame(IN_AIR, &more[..length]);
            rest = &more[length..];
        }
    }
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
    let length = u32::try_from(body.len().next_multiple_of(4) + 12).unwrap().to_le_bytes();
    [&kind.to_le_bytes()[..], &length, body, &padding, &length].concat()
}

/// A station sends to its network, so that nobody else can read it (IEEE 802.11-2020 9.3.2.1).
fn sealed(bssid: [u8; 6], station: [u8; 6]) -> Vec<u8> {
    let mut o = vec![0x08, 0x41, 0, 0]; // data; to the access point, protected; duration
    o.extend([bssid, station, hardware(SERVER)].concat());
    o.extend([0x10, 0]); // number
    o.extend([1, 0, 0, 0x20, 0, 0, 0, 0]); // CCMP: number of the packet
    o.extend([0xa5; 40]);
    o
}

fn hardware([a, b, c, d]: [u8; 4]) -> [u8; 6] {
    [0x00, 0x1e, a, b, c, d]
}

/// One conversation of a device by air.
fn said_by_air(network: ([u8; 6], &str, &[u8]), station: Option<[u8; 6]>, port: u16, says: (&[u8], &[u8])) -> Vec<u8> {
    let mut both = Both::new();
    both.said(network, station, port, says);
    both.octets
}

/// The clinic's own access point is listed.
fn at_the_clinic(octets: Vec<u8>) -> Tale {
    let own_bssids = vec!["04:18:d6:20:02:01".to_owned()];
    Tale::at(Place { own_bssids, own_ssids: vec![NAME.to_owned()], ..Place::built() }, octets)
}

/// After so many days in the clinic's network a device is behind somebody's access point.
pub fn rogue(known: u64) -> Tale {
    let mut both = Both::new();
    let protection = rsn(PSK, 0);
    for day in 0..=known {
        both.ms = BEGINS_MS + day * 86_400_000;
        let network = if day < known { (OWN, NAME) } else { (TWIN, "extender") };
        both.said((network.0, network.1, &protection), None, 2575, (RESULT, TAKEN));
    }
    at_the_clinic(both.octets)
}

/// A device of the clinic in its own network, which is protected or not; with its own address, or one that it made up.
pub fn device(protection: &[u8], station: Option<[u8; 6]>) -> Tale {
    at_the_clinic(said_by_air((OWN, NAME, protection), station, 2575, (RESULT, TAKEN)))
}

/// A doctor's laptop looks at studies, in the clinic's own network, which is open.
pub fn laptop() -> Tale {
    let asks = b"GET /dicom-web/studies HTTP/1.1\r\nHost: 192.168.20.10\r\n\r\n";
    at_the_clinic(said_by_air((OWN, NAME, &[]), None, 8042, (asks, studies().as_bytes())))
}

/// A result that goes over MLLP, and its acknowledgement (HL7 v2.5, Transport MLLP R1).
const RESULT: &[u8] = b"\x0bMSH|^~\\&|LAB|A|EHR|B|20261118||ORU^R01|1|P|2.5\rOBX|1|NM|X||1\r\x1c\r";
const TAKEN: &[u8] = b"\x0bMSH|^~\\&|EHR|B|LAB|A|20261118||ACK^R01|1|P|2.5\rMSA|AA|1\r\x1c\r";
