//! Ways into the clinic: hairpin, translated addresses, VPN, partners, guests; what a sensor on the router hears of each, from octets
//! to the judge (`assess/knowledge/README.md`, "Zones").

use auscult_agent::capture::file::CaptureFile;
use auscult_agent::sensor::Sensor;
use auscult_assess::knowledge::Knowledge;
use auscult_report::fact::Fact;
use auscult_report::subject::Subject;
use auscult_report::summary::Summary;
use auscult_report::zone::Zone;
use auscult_tests::errands::{PUBLIC, ROUTER, behind_its_router, calls_to_all, through_the_router, to_all};
use auscult_tests::frames::Recording;
use auscult_tests::tale::Tale;
use auscult_tests::talks::{DEVICE, GUEST, SERVER, STRANGER, result};
use auscult_tests::told::wards;
use auscult_tests::watched::Place;

const OPEN: &str = "hl7-open-outside";

#[test]
fn who_comes_back_through_the_public_address_is_no_stranger_and_is_said() {
    // The leg behind the router has the public address as its client, or the leg before it has it as its server.
    for octets in [through_the_router(Some((DEVICE, PUBLIC)), (PUBLIC, SERVER)), result(DEVICE, PUBLIC)] {
        let (heard, raised) = heard(&behind_its_router(), &octets);
        assert!(says(&heard, Fact::Hairpin) && clients(&heard).iter().all(|z| *z == Zone::SameSegment), "{heard:?}");
        assert!(!raised.contains(&OPEN), "{raised:?}");
    }
    // Where nobody said which address is the clinic's, it looks like a stranger: hence the key `clinic.home`.
    let (_, raised) = heard(&Place::built(), &through_the_router(None, (PUBLIC, SERVER)));
    assert!(raised.contains(&OPEN));
}

#[test]
fn a_hairpin_excuses_no_stranger() {
    let knowledge = Knowledge::compiled();
    let mut octets = through_the_router(None, (PUBLIC, SERVER));
    octets.extend(&result(STRANGER, SERVER)[24..]);
    let (heard, raised) = heard(&behind_its_router(), &octets);
    assert!(says(&heard, Fact::Hairpin) && raised.contains(&OPEN), "{raised:?}");
    let stated = auscult_assess::stated(&heard, &knowledge, knowledge.dated());
    assert!(!stated.iter().any(|s| s.values.contains_key("svc.hairpin")), "the rules would excuse it");
}

#[test]
fn a_stranger_behind_the_routers_own_address_is_told_by_the_other_side_of_the_router() {
    let (heard, raised) = heard(&behind_its_router(), &through_the_router(Some((STRANGER, PUBLIC)), (ROUTER, SERVER)));
    assert_eq!(clients(&heard), [Zone::Outside]);
    assert!(raised.contains(&OPEN), "{raised:?}");
    assert!(!says(&heard, Fact::ClientHidden));
}

#[test]
fn without_the_other_side_it_is_said_that_nobody_knows_who_calls() {
    let (heard, raised) = heard(&behind_its_router(), &through_the_router(None, (ROUTER, SERVER)));
    assert!(says(&heard, Fact::ClientHidden), "{heard:?}");
    assert!(clients(&heard) == [Zone::SameSegment] && !raised.contains(&OPEN), "not heard is not claimed: {raised:?}");
    // A host that only stands behind the router, in another network of the clinic, hides nobody.
    let place = behind_its_router().zone("192.168.40.0/24", "office");
    let (heard, _) = self::heard(&place, &through_the_router(None, ([192, 168, 40, 5], SERVER)));
    assert!(!says(&heard, Fact::ClientHidden) && clients(&heard) == [Zone::Office]);
}

#[test]
fn a_vpn_a_partner_and_another_site_are_not_the_internet() {
    for (network, zone, wanted) in [
        ("203.0.113.0/24", "vpn", Zone::Vpn),
        ("203.0.113.0/24", "other-private", Zone::OtherPrivate),
        ("203.0.113.0/25", "dmz", Zone::Dmz),
    ] {
        let place = Place::built().zone(network, zone);
        let (heard, raised) = heard(&place, &result([203, 0, 113, 9], SERVER));
        assert_eq!(clients(&heard), [wanted], "a partner is still listed");
        assert!(!raised.contains(&OPEN), "{zone}: {raised:?}");
    }
    let (heard, _) = heard(&Place::built(), &result([10, 9, 0, 5], SERVER));
    assert_eq!(clients(&heard), [Zone::OtherPrivate]);
}

#[test]
fn guests_and_wards_in_one_domain_are_said_and_a_reflector_is_not_taken_for_it() {
    let shared = |octets: &[u8]| says(&heard(&wards("guest"), octets).0, Fact::SharedBroadcast);
    assert!(shared(&calls_to_all(None, None)) && shared(&calls_to_all(Some(20), Some(20))));
    assert!(!shared(&calls_to_all(Some(20), Some(30))) && !shared(&calls_to_all(None, Some(30))));
    // What guests call is repeated by the router in the ward's network, with the router's hardware address.
    let mut recording = Recording::new();
    for _ in 0..3 {
        recording.frame(&to_all(DEVICE, None));
        for source in [ROUTER, GUEST] {
            let mut frame = to_all(source, None);
            frame[6..12].copy_from_slice(&[0, 0x1e, 1, 1, 1, 1]);
            recording.frame(&frame);
        }
    }
    assert!(!shared(recording.octets()));
}

#[test]
fn two_interfaces_of_a_capture_are_two_domains() {
    let block = |kind: u32, body: &[u8]| {
        let padded = [body, &vec![0; body.len().wrapping_neg() % 4]].concat();
        let length = u32::try_from(padded.len() + 12).unwrap().to_le_bytes();
        [&kind.to_le_bytes()[..], &length, &padded, &length].concat()
    };
    let capture = |of_guest: u32| {
        let mut octets =
            block(0x0a0d_0d0a, &[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
        for _ in 0..2 {
            octets.extend(block(1, &[1, 0, 0, 0, 0, 0, 4, 0])); // Ethernet, snap length
        }
        for _ in 0..3 {
            for (interface, frame) in [(0, to_all(DEVICE, None)), (of_guest, to_all(GUEST, None))] {
                let length = u32::try_from(frame.len()).unwrap().to_le_bytes();
                octets
                    .extend(block(6, &[&u32::to_le_bytes(interface)[..], &[0; 8], &length, &length, &frame].concat()));
            }
        }
        octets
    };
    let shared = |octets: &[u8]| says(&heard(&wards("guest"), octets).0, Fact::SharedBroadcast);
    assert!(shared(&capture(0)) && !shared(&capture(1)));
}

#[test]
fn what_a_medical_host_sends_out_is_counted_and_its_partner_is_a_number() {
    let octets = auscult_tests::errands::partners(1, 1, None);
    let (heard, _) = heard(&Place::built(), &octets);
    let sent: Vec<u32> =
        heard.sightings.iter().filter(|s| matches!(s.fact, Fact::SentOutside(_))).map(|s| s.count).collect();
    assert_eq!(sent.iter().sum::<u32>(), 59 + 1_055, "60,000 octets, and 18 times as many, in begun KiB: {sent:?}");
    let text = format!("{heard:?}");
    assert!(!text.contains("198.51.0.20") && !text.contains("203.0.113.77") && !text.contains("example"), "{text}");
}

fn heard(place: &Place, octets: &[u8]) -> (Summary, Vec<&'static str>) {
    let mut sensor = Sensor::new(place.settings());
    CaptureFile::open(octets).unwrap().each(|frame, _| sensor.hear(frame));
    let raised = Tale::at(place.clone(), octets.to_vec()).raised().0.into_keys().collect();
    (sensor.close(), raised)
}

fn says(heard: &Summary, fact: Fact) -> bool {
    heard.sightings.iter().any(|s| s.fact == fact)
}

/// The zones whose clients the interface engine answered.
fn clients(heard: &Summary) -> Vec<Zone> {
    let engine = |subject| matches!(subject, Subject::Service(_, _, 2575));
    heard.sightings.iter().filter(|s| s.fact == Fact::Answered && engine(s.subject)).filter_map(|s| s.zone).collect()
}
