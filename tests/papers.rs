//! Where strange octets enter the paper (report/FORMAT.md): one entrance for each thing that comes over the network or from a disk,
//! used by its fuzz target and by the plain test that replays its corpus. What is read must be written and read again as the same.

use crate::entrances::Enter;
use crate::golden::{Ledger, keeper, key, sensor, trust};
use auscult_report::batch::{batch, reports};
use auscult_report::checkpoint::Checkpoint;
use auscult_report::code::Code;
use auscult_report::coverage::Coverage;
use auscult_report::enrol::{Finish, Hello, Offer, Pinned, check_finish, check_offer};
use auscult_report::header::{Codec, Frame, Header, Moment};
use auscult_report::heartbeat::Heartbeat;
use auscult_report::key::{LedgerId, SensorId};
use auscult_report::leaf::Leaf;
use auscult_report::machine::Machine;
use auscult_report::note::{Note, NoteKey, NoteKind};
use auscult_report::payload::{Changes, Extras, Full, Kind, Payload, Place};
use auscult_report::receipt::{Receipt, Watch};
use auscult_report::renew::{Grant, Renewal};
use auscult_report::seal::{Content, SealedReport};
use auscult_report::tile::{Tile, entries};
use auscult_report::trust::Trust;
use std::str::from_utf8;
use std::sync::LazyLock;

/// The paper's name, and how octets reach it.
pub const PAPERS: &[(&str, Enter)] = &[
    ("batch", in_batch),
    ("enrol", in_enrol),
    ("frame", in_frame),
    ("heartbeat", in_heartbeat),
    ("note", in_note),
    ("payload", in_payload),
    ("receipt", in_receipt),
    ("renewal", in_renewal),
    ("tile", in_tile),
    ("trust", in_trust),
];

/// Lets octets in at an entrance of the paper.
pub fn at(name: &str, octets: &[u8]) {
    for (_, enter) in PAPERS.iter().filter(|e| e.0 == name) {
        enter(octets);
    }
}

fn in_batch(octets: &[u8]) {
    let Ok(found) = reports(octets) else { return };
    let (again, count) = batch(found.iter().copied());
    assert!(again == octets && count == found.len());
    found.iter().for_each(|report| in_frame(report));
}

fn in_frame(octets: &[u8]) {
    let Ok(frame) = Frame::parse(octets) else { return };
    for seed in [1, 2] {
        let Ok(report) = frame.verify(&key(seed).public()) else { continue };
        assert_eq!(report.header(), frame.claimed());
    }
}

/// Kind, schema, codec, octets of the payload when unpacked (4, the least first); then the payload, as somebody has signed it.
fn in_payload(octets: &[u8]) {
    let [kind, schema, codec, a, b, c, d, packed @ ..] = octets else { return };
    let all = Kind::ALL;
    let header = Header {
        ledger: LedgerId([1; 16]),
        sensor: SensorId::of(&key(1).public()),
        key_no: 0,
        place: Place::default(),
        prev: [0; 32],
        moment: Moment::default(),
        kind: all[usize::from(*kind) % all.len()],
        schema: u16::from(*schema),
        codec: if codec & 1 == 0 { Codec::Plain } else { Codec::Deflate },
        plain_octets: u32::from_le_bytes([*a, *b, *c, *d]),
        seen: None,
        bundle_version: 0,
    };
    let Ok(report) = SealedReport::sign(&key(1), &header, packed) else { return };
    let Ok(frame) = report.parse_frame() else { return };
    let Ok(verified) = frame.verify(&key(1).public()) else { return };
    if let Content::Known(payload) = verified.content() {
        if let Payload::Full(Full { ext, .. }) | Payload::Changes(Changes { ext, .. }) = &**payload {
            in_extras(ext);
        }
        let again = payload.encode().unwrap();
        assert_eq!(Payload::decode(header.kind, header.schema, &again).as_ref(), Some(&**payload));
    }
}

/// What was added: read or not, it stops nobody, and what is read is written as what is read again.
fn in_extras(ext: &Extras) {
    let alone = |extra| Extras::first_of(vec![extra]).0;
    if let Some(coverage) = Coverage::within(ext) {
        assert_eq!(coverage.extra().and_then(|extra| Coverage::within(&alone(extra))), Some(coverage));
    }
    if let Some(machine) = Machine::within(ext) {
        assert_eq!(machine.extra().and_then(|extra| Machine::within(&alone(extra))), Some(machine));
    }
}

fn in_heartbeat(octets: &[u8]) {
    let Ok(claimed) = Heartbeat::claimed(octets) else { return };
    let _ = Heartbeat::open(octets, &key(1).public());
    in_extras(&claimed.ext);
    let again = claimed.seal(&key(1)).unwrap();
    assert_eq!(Heartbeat::claimed(&again), Ok(claimed));
}

fn in_renewal(octets: &[u8]) {
    if let Ok(asked) = Renewal::read(octets) {
        let again = asked.claimed().seal(&key(1)).unwrap();
        assert_eq!(Renewal::read(&again).unwrap().claimed(), asked.claimed());
        let _ = asked.verify(&key(1).public());
    }
    if let Ok(grant) = Grant::decode(octets) {
        assert_eq!(Grant::decode(&grant.encode().unwrap()), Ok(grant));
    }
}

fn in_trust(octets: &[u8]) {
    let _ = (Trust::first(octets), trust().next(octets));
    if let Ok(kept) = Trust::kept(octets) {
        assert_eq!(Trust::kept(&kept.seal(&key(1)).unwrap()), Ok(kept));
    }
}

fn in_receipt(octets: &[u8]) {
    let Ok(receipt) = Receipt::decode(octets) else { return };
    assert_eq!(Receipt::decode(&receipt.encode().unwrap()).as_ref(), Ok(&receipt));
    static LEDGER: LazyLock<Ledger> = LazyLock::new(Ledger::made);
    let keeper = keeper().key(NoteKind::Ed25519);
    let seen = LEDGER.checkpoint(5).seen();
    for seen in [None, Some(&seen)] {
        let watch = Watch { sensor: &sensor(), origin: keeper.name(), keeper: &keeper, seen };
        if let Ok(Some(proven)) = receipt.check(&watch, |place| LEDGER.own(place)) {
            assert!(proven.size >= seen.map_or(0, |s| s.size));
        }
    }
}

fn in_note(octets: &[u8]) {
    if let Ok(note) = Note::parse(octets) {
        let _ = note.signed_by(&keeper().key(NoteKind::Ed25519));
        if let Some(checkpoint) = Checkpoint::parse(note.text) {
            assert_eq!(checkpoint.text(), note.text);
        }
    }
    if let Some(key) = from_utf8(octets).ok().and_then(NoteKey::parse) {
        assert_eq!(NoteKey::parse(&key.vkey()), Some(key));
    }
}

/// The first octet says what follows.
fn in_enrol(octets: &[u8]) {
    let Some((which, octets)) = octets.split_first() else { return };
    let code = Code::new(auscult_report::code::CodeId([9; 5]), [9; 15]);
    let hello = [7; 40];
    match which % 5 {
        0 => {
            if let Ok((hello, [])) = postcard::take_from_bytes::<Hello>(octets) {
                assert_eq!(postcard::from_bytes::<Hello>(&postcard::to_allocvec(&hello).unwrap()), Ok(hello));
            }
        }
        1 => {
            if let Ok((offer, [])) = postcard::take_from_bytes::<Offer>(octets) {
                assert!(check_offer(&code.key(), &hello, &offer, &offer.tls_key).is_err(), "nobody has the code");
                let _ = Pinned::decode(&offer.trust);
            }
        }
        2 => {
            if let Ok((finish, [])) = postcard::take_from_bytes::<Finish>(octets) {
                let transcript = auscult_report::enrol::Transcript::of(&hello, &[1; 32], &[], &[2; 32]);
                assert!(check_finish(&code.key(), &key(1).public(), &transcript, &finish).is_err());
            }
        }
        3 => {
            if let Some(Ok(code)) = from_utf8(octets).ok().map(Code::parse) {
                assert_eq!(Code::parse(&code.shown()).unwrap().shown(), code.shown());
            }
        }
        _ => {
            if let Some(pinned) = Pinned::decode(octets) {
                let _ = Trust::first(&pinned.bundle);
            }
        }
    }
}

fn in_tile(octets: &[u8]) {
    if let Some((level, tile)) = from_utf8(octets).ok().and_then(Tile::parse) {
        let path = if level.is_some() { tile.path() } else { tile.entries_path() };
        assert_eq!(path.as_bytes(), octets);
    }
    for entry in entries(octets).unwrap_or_default() {
        if let Some(leaf) = Leaf::read(entry) {
            assert_eq!(leaf.octets(), entry);
        }
    }
    let _ = Tile::full_hash(octets);
}
