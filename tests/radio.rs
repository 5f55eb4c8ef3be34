//! A machine whose kernel and files answer with whatever octets a test has: strange ones for the fuzz targets, or those of an
//! access point. What it tells reaches the whole sensor.

use auscult_agent::radio::kernel::{Kernel, Refusal, read};
use auscult_agent::radio::mind::{Link, Mind, System};
use auscult_agent::radio::{Ask, Use, Wanted};
use auscult_agent::sensor::{Sensor, Settings};
use auscult_agent::wire::hostapd;
use auscult_agent::wire::netlink::{Request, What, messages};
use auscult_report::summary::Summary;
use auscult_report::time::Timestamp;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What the machine answers.
#[derive(Clone, Copy)]
enum Answer<'a> {
    /// These octets, as what the socket gives.
    Datagram(&'a [u8]),
    /// These attributes, as one part.
    Part(&'a [u8]),
    /// This is what every file holds; the kernel says nothing.
    File(&'a [u8]),
}

impl Kernel for Answer<'_> {
    fn ask(&mut self, request: Request, part: &mut dyn FnMut(u8, &[u8])) -> Result<(), Refusal> {
        // The family of families is asked for nl80211: 28 of it.
        let is_family = messages(&request.finish(1)).any(|m| m.kind == 16);
        let family = Request::new(16, 1, false).with(1, &28u16.to_ne_bytes()).finish(1);
        match *self {
            Answer::File(_) => Err(Refusal::Silent),
            Answer::Datagram(octets) => {
                let sequence = messages(octets).next().map_or(0, |m| m.sequence);
                read(octets, sequence, part).unwrap_or(Ok(()))
            }
            Answer::Part(_) if is_family => {
                for message in messages(&family) {
                    if let Ok(What::Part(command, inner)) = message.what() {
                        part(command, inner);
                    }
                }
                Ok(())
            }
            Answer::Part(octets) => {
                part(0, octets);
                Ok(())
            }
        }
    }
}

impl System for Answer<'_> {
    fn file(&mut self, _: &Path) -> Option<Zeroizing<Vec<u8>>> {
        if let Answer::File(octets) = self { Some(Zeroizing::new(octets.to_vec())) } else { None }
    }

    fn link(&mut self, _: &str) -> Option<Link> {
        Some(Link { is_up: true, address: Some([2, 0, 0, 0, 0, 1]) })
    }

    fn is_blocked(&mut self, _: &[u8]) -> bool {
        false
    }
}

pub(crate) fn in_netlink(octets: &[u8]) {
    hear(Answer::Datagram(octets));
}

pub(crate) fn in_nl80211(octets: &[u8]) {
    hear(Answer::Part(octets));
}

/// What hostapd's file says; no password may be in what is kept, but any octets may be a name.
pub(crate) fn in_hostapd(octets: &[u8]) {
    hear(Answer::File(octets));
}

/// Lets radios of every way look twice, and follows their plans.
fn hear(mut answer: Answer<'_>) {
    let mut sensor = crate::entrances::sensor();
    for way in [Ask::Best, Ask::Monitor, Ask::AccessPoint, Ask::Scan] {
        let name = "wlan0".to_owned();
        let hostapd = vec![PathBuf::from("hostapd.conf")];
        let wanted = Wanted { name, way, channels: Vec::new(), hostapd, dwell_ms: 250, listen_every_ms: 60_000 };
        let mut mind = Mind::new(vec![wanted]);
        for now_ms in [100_000, 120_000] {
            let looked = mind.look(now_ms, &mut answer);
            assert!(looked.networks.len() <= 1_024 && looked.made_here.len() <= 64, "bounded");
            sensor.airwaves().set_made_here(&looked.made_here);
            looked.networks.iter().for_each(|network| sensor.told(Timestamp(now_ms), &network.air()));
            mind.heard(&[(2_437, Use { frames: 9, networks: 1, is_own: true })], now_ms);
            for step in 0..8 {
                if let Some((n, _)) = mind.step(now_ms + step * 1_000) {
                    mind.done(n, Ok(()), now_ms);
                }
            }
        }
    }
    let _ = sensor.close();
}

/// What a sensor says of the networks of a file that hostapd reads, `times` looks long.
///
/// # Panics
/// If the file names no network.
#[must_use]
pub fn told_by_file(text: &str, settings: Settings, times: u64) -> Summary {
    let mut sensor = Sensor::new(settings);
    for network in hostapd::read(text.as_bytes()).unwrap() {
        let address = network.address.unwrap();
        sensor.airwaves().set_made_here(&[address]);
        for n in 0..times {
            let answer = network.elements(false);
            let beacon = network.elements(true);
            use auscult_agent::wire::dot11::{Air, Frame};
            let radio = auscult_agent::wire::radiotap::Radio::default();
            for frame in [
                network.hidden.then(|| Frame::ProbeResponse(network.announcement(address, &answer))),
                Some(Frame::Beacon(network.announcement(address, &beacon))),
            ] {
                frame
                    .into_iter()
                    .for_each(|frame| sensor.told(Timestamp(1_795_000_000_000 + n), &Air { radio, frame }));
            }
        }
    }
    sensor.close()
}
