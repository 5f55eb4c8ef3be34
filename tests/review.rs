//! A ledger that a serving collector made of reports that came over TLS, in the hands of a reviewer: written out by its own command,
//! checked by that command and by software that is not ours; what was changed is refused by both.

use auscult_report::checkpoint::Checkpoint;
use auscult_report::leaf::{Leaf, LeafKind};
use auscult_report::note::{NoteKey, NoteSigner};
use auscult_report::receipt::{Inclusion, Proven};
use auscult_report::seal::SealedReport;
use auscult_tests::archive::Folder;
use auscult_tests::desk::Provider;
use auscult_tests::raw::{agents, authority, let_in};
use auscult_tests::reviewer::{Change, change_an_entry_with_its_tile, flip, foreign, ours, refuses_each, run, text};
use auscult_tests::sensor::wait_until;
use auscult_tests::station::Caller;
use auscult_tests::way::Way;
use auscult_tests::{collector, signal};
use base64ct::{Base64, Encoding};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[test]
fn a_ledger_that_the_collector_made_verifies_and_refuses_every_change() {
    let provider = Provider::serving();
    let (checkpoints, receipts) = a_busy_day(&provider);
    let folder = Folder::new();
    let (since, dir) = (folder.0.join("mine"), folder.0.join("north"));
    fs::write(&since, &checkpoints[1].1).unwrap();
    // The collector serves meanwhile.
    let exported = ["ledger", "export", "north", dir.to_str().unwrap(), "--since", since.to_str().unwrap()];
    let told = provider.command(&exported);
    let (size, old) = (checkpoints.last().unwrap().0, checkpoints[1].0);
    assert!(told.contains(&format!("{size} entries are in")), "{told}");
    let tiles = size.div_ceil(256) + 1;
    let claims = [
        format!("checkpoint: {size} entries, signed by the keeper and 0 witness"),
        format!("checkpoint.old: {old} entries"),
        format!("consistency: the first {old} entries of {size} are those of before"),
        format!("inclusion: entry {} stands in the ledger", size - 1),
        format!("entries: all {size}, and {tiles} tiles, are what was signed"),
    ];
    let verifiers = [Some(ours()), foreign()];
    let mut refused = 0;
    for verify in verifiers.iter().flatten() {
        let (holds, said) = run(verify, &dir);
        assert!(holds && claims.iter().all(|c| said.contains(c)), "{said}");
        let proven = receipts_hold(verify, &dir, &receipts);
        assert!(proven >= 4, "only {proven} receipts proved anything");
        let changes = changes(&dir, size);
        let changes: Vec<Change<'_>> = changes.iter().map(|(n, c, r)| (n.as_str(), *c, *r)).collect();
        refuses_each(verify, &dir, &changes);
        refused += changes.len();
        let (bundle, tile) = (dir.join("tile/entries/001"), dir.join("tile/0/001"));
        let good = (fs::read(&bundle).unwrap(), fs::read(&tile).unwrap());
        change_an_entry_with_its_tile(&dir, 300);
        assert!(!run(verify, &dir).0, "an entry and its tile together");
        fs::write(bundle, good.0).unwrap();
        fs::write(tile, good.1).unwrap();
        println!("{said}{proven} receipts hold");
    }
    println!("{refused} changes refused by {} verifiers", verifiers.iter().flatten().count());
}

#[test]
fn a_first_review_has_nothing_to_compare_with_and_a_folder_is_never_written_twice() {
    let provider = Provider::serving();
    let folder = Folder::new();
    let dir = folder.0.join("north");
    let export = ["ledger", "export", "north", dir.to_str().unwrap()];
    assert!(provider.fails(&export).contains("nothing has come for the ledger of north yet"));
    let mut caller = let_in(&provider, "north", 1);
    let mut way = Way::try_to(agents(&provider), &authority(&provider), Some(&caller)).unwrap();
    assert_eq!(way.reports(&caller.ear.chain(3)).0, 200);
    let size = checkpoint(&provider).0;
    assert!(provider.command(&export).contains(&format!("entries: all {size}, and 1 tiles")));
    assert!(provider.fails(&export).contains("is not empty"));
    for verify in [Some(ours()), foreign()].iter().flatten() {
        let (holds, said) = run(verify, &dir);
        assert!(holds && said.contains("there is no checkpoint.old"), "{said}");
        // A checkpoint of before that somebody else signed is no checkpoint of before.
        let stranger = NoteSigner::new(key(&dir).name(), &[8; 32]).unwrap();
        let other = Checkpoint { origin: key(&dir).name().to_owned(), size: 1, root: [1; 32] }.sign(&stranger);
        fs::write(dir.join("checkpoint.old"), other).unwrap();
        assert!(!run(verify, &dir).0);
        fs::remove_file(dir.join("checkpoint.old")).unwrap();
        assert!(run(verify, &dir).0);
    }
}

#[test]
fn a_check_that_somebody_ends_leaves_nothing_in_the_scratch_folder() {
    let provider = Provider::serving();
    let mut caller = let_in(&provider, "north", 1);
    let mut way = Way::try_to(agents(&provider), &authority(&provider), Some(&caller)).unwrap();
    assert_eq!(way.reports(&caller.ear.chain(3)).0, 200);
    let folder = Folder::new();
    let (dir, scratch) = (folder.0.join("north"), folder.0.join("scratch"));
    fs::create_dir(&scratch).unwrap();
    let _ = checkpoint(&provider);
    let _ = provider.command(&["ledger", "export", "north", dir.to_str().unwrap()]);
    // The last file that is read never ends, so that there is a time in which to end the check.
    fs::remove_file(dir.join("findings")).unwrap();
    assert!(Command::new("mkfifo").arg(dir.join("findings")).status().unwrap().success());
    let held = || fs::read_dir(&scratch).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    for (name, number) in [("-TERM", 15), ("-INT", 2)] {
        let mut check = Command::new(collector());
        check.args(["ledger", "verify"]).arg(&dir).env("TMPDIR", &scratch).stdout(Stdio::null());
        let mut check = check.spawn().unwrap();
        wait_until(|| held().iter().any(|own| own.join("archive.db").exists()));
        let mode = fs::metadata(&held()[0]).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        signal(name, check.id());
        assert_eq!(check.wait().unwrap().signal(), Some(number));
        assert_eq!(held(), [""; 0].map(PathBuf::from));
    }
}

/// A file, what is done to it, what both verifiers say of it.
type Changes = Vec<(String, fn(Vec<u8>) -> Vec<u8>, &'static str)>;

fn changes(dir: &Path, size: u64) -> Changes {
    let last = size / 256;
    let (width, above) = (size % 256, format!("tile/1/000.p/{last}"));
    assert!(width > 2 && dir.join(&above).exists(), "{size} leaves leave no partial tile");
    let a_size: fn(Vec<u8>) -> Vec<u8> = |o| {
        let note = String::from_utf8(o.clone()).unwrap();
        let size: u64 = note.lines().nth(1).unwrap().parse().unwrap();
        text(o, &format!("\n{size}\n"), &format!("\n{}\n", size - 1))
    };
    vec![
        ("tile/entries/001".into(), flip, "FAILED: "),
        (
            format!("tile/entries/{last:03}.p/{width}"),
            |o| o[..o.len() - 91].to_vec(),
            "entries where the checkpoint wants",
        ),
        ("tile/entries/000".into(), |o| o[91..].iter().chain(&o[..91]).copied().collect(), "FAILED: "),
        ("tile/0/000".into(), flip, "FAILED: "),
        (format!("tile/0/{last:03}.p/{width}"), |o| o[..o.len() - 32].to_vec(), "FAILED: "),
        (above, |o| o.iter().map(|b| b ^ 1).collect(), "FAILED: "),
        ("checkpoint".into(), a_size, "FAILED: reading checkpoint: "),
        ("checkpoint.old".into(), a_size, "FAILED: reading checkpoint.old: "),
        ("checkpoint.old".into(), |o| text(o, "/1\n", "/2\n"), "FAILED: reading checkpoint.old: "),
        ("vkeys".into(), |o| text(o, "archive.example", "archive.invalid"), "FAILED: reading vkeys: "),
        ("proof".into(), |o| text(o, "\nindex ", "\nindex 1"), "FAILED: proof: "),
        ("proof".into(), |o| text(o, "\nextra ", "\nextra AAAA"), "FAILED: proof: "),
    ]
}

/// What two sensors deliver, in five turns with a checkpoint after each, and what they get for it.
fn a_busy_day(provider: &Provider) -> (Vec<(u64, String)>, Vec<Kept>) {
    let authority = authority(provider);
    let mut sensors: Vec<(Caller, Way, Vec<SealedReport>)> = Vec::new();
    for seed in [1, 2] {
        let caller = let_in(provider, "north", seed);
        let way = Way::try_to(agents(provider), &authority, Some(&caller)).unwrap();
        sensors.push((caller, way, Vec::new()));
    }
    let (mut checkpoints, mut kept) = (Vec::new(), Vec::new());
    for turn in 0..5 {
        for (caller, way, sent) in &mut sensors {
            let reports = caller.ear.chain(60 + turn);
            let (status, receipt) = way.reports(&reports);
            assert_eq!(status, 200);
            sent.extend(reports);
            let Some(Proven { note, inclusion: Some(inclusion), .. }) = receipt.unwrap().proven else { continue };
            let own = &sent[usize::try_from(inclusion.place.seq).unwrap()];
            let leaf = Leaf {
                kind: LeafKind::Report,
                sensor: caller.id(),
                place: inclusion.place,
                received: inclusion.received,
                object: own.hash(),
            };
            kept.push(Kept { leaf: leaf.octets(), inclusion, note: String::from_utf8(note.to_vec()).unwrap() });
        }
        checkpoints.push(checkpoint(provider));
    }
    assert!(checkpoints.is_sorted_by(|a, b| a.0 < b.0));
    (checkpoints, kept)
}

/// What a sensor keeps of a receipt, with the leaf that it makes of its own report.
struct Kept {
    leaf: Vec<u8>,
    inclusion: Inclusion,
    note: String,
}

/// Puts what each sensor was given in the place of the folder's own proof.
fn receipts_hold(verify: &auscult_tests::reviewer::Verifier, dir: &Path, receipts: &[Kept]) -> usize {
    let own = fs::read(dir.join("proof")).unwrap();
    for Kept { leaf, inclusion, note } in receipts {
        let index = inclusion.index;
        let extra = Base64::encode_string(leaf);
        let mut text = format!("c2sp.org/tlog-proof@v1\nextra {extra}\nindex {index}\n");
        inclusion.proof.iter().for_each(|hash| text.extend([&Base64::encode_string(hash), "\n"]));
        fs::write(dir.join("proof"), format!("{text}\n{note}")).unwrap();
        let (holds, said) = run(verify, dir);
        assert!(holds && said.contains(&format!("inclusion: entry {index} stands")), "{said}");
    }
    fs::write(dir.join("proof"), own).unwrap();
    receipts.len()
}

/// Takes a checkpoint: its size and its note.
fn checkpoint(provider: &Provider) -> (u64, String) {
    let note = provider.command(&["ledger", "checkpoint", "north"]);
    (note.lines().nth(1).unwrap().parse().unwrap(), note)
}

fn key(dir: &Path) -> NoteKey {
    NoteKey::parse(fs::read_to_string(dir.join("vkeys")).unwrap().trim()).unwrap()
}
