//! A reviewer with a key of his own, visit after visit, by the real commands and the real page: the clinic registers his key, he verifies,
//! remembers, cosigns and hands in; everybody reads up to where. A second ledger, one that was rolled back, another key, a changed
//! cosignature, a removed key are each refused in words, and nothing of his is written then.

use auscult_assess::knowledge::Knowledge;
use auscult_collector::access::Role;
use auscult_collector::ledger::Ledger;
use auscult_collector::review::export;
use auscult_collector::store::ClinicStore;
use auscult_report::checkpoint::Checkpoint;
use auscult_report::leaf::LeafKind;
use auscult_report::note::{NoteKey, NoteKind, NoteSigner, note};
use auscult_report::time::{MS_PER_DAY, Timestamp};
use auscult_tests::collector;
use auscult_tests::guest::{Guest, admin, found, person};
use auscult_tests::reviewer::{foreign, run as run_verifier};
use auscult_tests::station::Station;
use auscult_tests::visit::{Clinic, PAGE, forge, generation, mode, run, size, spoilt};
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn a_reviewer_cosigns_what_he_verified_and_everybody_reads_up_to_where() {
    let mut clinic = Clinic::served();
    let vkey = clinic.new_key();
    only_the_clinic_registers(&mut clinic, &vkey);
    assert!(clinic.vera.get(PAGE).text.contains("Never cosigned"));

    let first = clinic.record("first");
    let (holds, said) = clinic.visit(&first);
    assert!(
        holds && said.contains("reviewers: 1 registered, rita.example") && said.contains("so this is the first"),
        "{said}"
    );
    let note = fs::read_to_string(clinic.cosigned()).unwrap();
    assert!(said.contains(&format!("cosigned as rita.example: hand in {}", clinic.cosigned().display())), "{said}");
    assert!(said.contains(&note) && !said.contains("does not list your key"), "{said}");
    assert_eq!(mode(&clinic.state()), 0o600);

    // As a browser sends it, and twice.
    let form = note.replace('\n', "\r\n");
    for _ in 0..2 {
        assert_eq!(clinic.rita.post(&format!("{PAGE}/cosigned"), &[("note", &form)]).status, 303);
    }
    let size = size(&first);
    let up_to = format!("Cosigned up to entry {size} of ");
    assert!(clinic.vera.get(PAGE).text.contains(&up_to), "{}", clinic.vera.get(PAGE).text);
    clinic.hears(7);
    let now = clinic.checkpoint();
    let page = clinic.vera.get(PAGE).text;
    let behind = format!("; the {} entries behind it were not yet reviewed.", now - size);
    assert!(page.contains(&format!("{up_to}{now} by rita.example on ")) && page.contains(&behind), "{page}");
    assert!(clinic.vera.get("/clinics/north").text.contains(&up_to));

    let second = clinic.record("second");
    assert!(second.join(format!("cosigned/{size}")).exists());
    let tar = clinic.rita.file(&format!("{PAGE}/record.tar")).2;
    let has = |name: &str| tar.windows(name.len()).any(|w| w == name.as_bytes());
    assert!(has("record/reviewers") && has(&format!("record/cosigned/{size}")), "the page's record has them too");
    let (holds, said) = clinic.visit(&second);
    assert!(holds, "{said}");
    for claim in [
        format!("your last visit: the first {size} entries of {now} are those that you verified on 20"),
        format!("cosigned: entry {size} by rita.example on 20"),
    ] {
        assert!(said.contains(&claim), "{claim}: {said}");
    }
    let given = clinic.cosigned();
    let kept = clinic.provider.command(&["ledger", "cosign", "north", given.to_str().unwrap()]);
    assert_eq!(kept, format!("kept: up to entry {now}, cosigned by rita.example\n"));
    assert!(clinic.vera.get(PAGE).text.contains(&format!("Cosigned up to entry {now} of ")));
    if let Some(verify) = foreign() {
        let (holds, said) = run_verifier(&verify, &second);
        assert!(holds, "Go's verifier takes the folder as it is: {said}");
    }
}

fn only_the_clinic_registers(clinic: &mut Clinic, vkey: &str) {
    let keys = format!("{PAGE}/keys");
    let register = |vkey: &str| [("what", "register".to_owned()), ("vkey", vkey.to_owned())];
    let post = |guest: &mut Guest, vkey: &str| {
        let fields = register(vkey);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        guest.post(&keys, &fields)
    };
    for provider in [&mut clinic.maria, &mut clinic.rita] {
        assert!(!provider.get(PAGE).text.contains("Register a reviewer"));
        assert_eq!(post(provider, vkey).status, 403, "the clinic says who reviews it");
    }
    assert_eq!(clinic.maria.post(&format!("{PAGE}/cosigned"), &[("note", "x")]).status, 403);
    assert!(clinic.stated().is_empty());
    clinic.vera.get(PAGE);
    let csrf = std::mem::take(&mut clinic.vera.csrf);
    assert_eq!(post(&mut clinic.vera, vkey).status, 403, "a form without its page");
    clinic.vera.csrf = csrf;
    let keeper = clinic.provider.command(&["ledger", "key", "north"]);
    for (wrong, words) in [
        (keeper.trim(), "a key that signs ledgers (kind 01)"),
        (&vkey.replace("rita", "rosa"), "its 8 digits do not fit the rest"),
        ("", "This is no reviewer"),
    ] {
        let refused = post(&mut clinic.vera, wrong);
        assert!(refused.status == 422 && refused.text.contains(words), "{wrong}: {}", refused.text);
    }
    assert_eq!(post(&mut clinic.vera, vkey).status, 303);
    let again = post(&mut clinic.vera, vkey);
    assert!(
        again.status == 422 && again.text.contains("the key of rita.example is registered already"),
        "{}",
        again.text
    );
    let stated = clinic.stated();
    assert_eq!(stated.len(), 1);
    let said = format!("reviewer-key rita.example\nvkey {vkey}\nstate registered\nby vera\n");
    assert!(stated[0].starts_with("auscult statement 1\nkind review\nat ") && stated[0].ends_with(&said), "{stated:?}");
    assert!(clinic.vera.get(PAGE).text.contains("by vera; has cosigned nothing"));
}

#[test]
fn what_does_not_go_on_from_the_last_visit_is_refused_and_nothing_is_remembered() {
    let mut clinic = Clinic::served();
    let vkey = clinic.new_key();
    clinic.registers(&vkey);
    let first = clinic.record("first");
    assert!(clinic.visit(&first).0);
    let cosigned = fs::read_to_string(clinic.cosigned()).unwrap();
    assert_eq!(clinic.rita.post(&format!("{PAGE}/cosigned"), &[("note", &cosigned)]).status, 303);
    clinic.hears(5);
    let second = clinic.record("second");
    let held = fs::read(clinic.state()).unwrap();
    fs::remove_file(clinic.cosigned()).unwrap();
    another_ledger_is_refused(&clinic, &second, size(&first));
    what_is_wrong_about_reviewers_is_refused(&clinic, &second, size(&first));
    // Of all this nothing was remembered or cosigned; what is true goes on.
    assert_eq!(fs::read(clinic.state()).unwrap(), held);
    assert!(!clinic.cosigned().exists());
    let (holds, said) = clinic.visit(&second);
    assert!(holds && fs::read(clinic.state()).unwrap() != held && clinic.cosigned().exists(), "{said}");
    let rolled = clinic.visit(&first);
    assert!(!rolled.0 && rolled.1.contains(": the ledger was rolled back"), "an older record: {}", rolled.1);
    let state = clinic.state();
    fs::write(&state, "something else").unwrap();
    let mut verify = Command::new(collector());
    let output = verify.args(["ledger", "verify"]).arg(&second).arg("--state").arg(&state).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "what is no memory is not written over");
    assert_eq!(fs::read(&state).unwrap(), b"something else");
}

/// The true signature of a folder's keeper: who could sign it, and a thief who is not.
fn keepers(clinic: &Clinic, folder: &Path) -> [NoteSigner; 2] {
    let vkey = fs::read_to_string(folder.join("vkeys")).unwrap();
    let origin = NoteKey::parse(vkey.trim()).unwrap().name().to_owned();
    let keeper = NoteSigner::new(&origin, &clinic.seed()).unwrap();
    assert_eq!(keeper.key(NoteKind::Ed25519).vkey(), vkey.trim(), "the true key of the ledger");
    [keeper, NoteSigner::new(&origin, &[8; 32]).unwrap()]
}

/// Whole ledgers that hold by themselves: only the last visit tells.
fn another_ledger_is_refused(clinic: &Clinic, second: &Path, old: u64) {
    let new = size(second);
    let [keeper, thief] = keepers(clinic, second);
    let origin = keeper.key(NoteKind::Ed25519).name().to_owned();
    let next = NoteSigner::new(&generation(&origin, 2), &clinic.seed()).unwrap();
    let last = "FAILED: consistency with your own last visit: ";
    for (what, keep, change, signer, words) in [
        (
            "forked",
            new,
            Some(0),
            &keeper,
            format!("{last}the first {old} entries are not those that you verified on 20"),
        ),
        ("same-size", old, Some(0), &keeper, format!("{last}the first {old} entries are not those")),
        (
            "rolled-back",
            old - 1,
            None,
            &keeper,
            format!("entries, now there are {}: the ledger was rolled back", old - 1),
        ),
        ("another-key", new, None, &thief, format!("{last}it is signed with another key, {origin}+")),
        (
            "begun-again",
            new,
            None,
            &next,
            format!("{last}this is generation 2 of the ledger, and you visited generation 1"),
        ),
    ] {
        let forged = clinic.desk.0.join(what);
        forge(second, &forged, usize::try_from(keep).unwrap(), change, signer);
        let (holds, said) = clinic.visit(&forged);
        assert!(!holds && said.contains(&words), "{what}: {said}");
        assert!(run(&["ledger", "verify", "--ledger-alone", forged.to_str().unwrap()]).0, "{what}");
    }
}

fn what_is_wrong_about_reviewers_is_refused(clinic: &Clinic, second: &Path, old: u64) {
    let name = format!("cosigned/{old}");
    let [keeper, thief] = keepers(clinic, second);
    let good = fs::read_to_string(second.join(&name)).unwrap();
    let stranger = NoteSigner::new("stranger.example", &[8; 32]).unwrap();
    let (text, _) = good.split_once("\n\n").unwrap();
    let text = format!("{text}\n");
    let other = Checkpoint { root: [1; 32], ..Checkpoint::parse(&text).unwrap() };
    for (bad, words) in [
        (spoilt(&good), "the cosignature of rita.example does not hold"),
        (format!("{good}{}", stranger.cosign(&text, 1)), "the key of stranger.example is not registered"),
        (good.lines().take(5).map(|l| format!("{l}\n")).collect(), "nobody has cosigned it"),
        (
            fs::read_to_string(second.join("checkpoint")).unwrap(),
            &format!("it is the checkpoint of {} entries", size(second)),
        ),
        (other.sign(&keeper) + &clinic.witness().cosign(&other.text(), 1), "consistency"),
        (other.sign(&thief), "not signed by this key"),
    ] {
        fs::write(second.join(&name), bad).unwrap();
        let (holds, said) = clinic.visit(second);
        assert!(!holds && said.contains(&format!("FAILED: {name}: ")) && said.contains(words), "{words}: {said}");
    }
    fs::write(second.join(&name), &good).unwrap();
    fs::write(second.join("cosigned/007"), &good).unwrap();
    assert!(clinic.visit(second).1.contains("FAILED: cosigned: 007 is no number of entries"));
    fs::remove_file(second.join("cosigned/007")).unwrap();
    let reviewers = fs::read(second.join("reviewers")).unwrap();
    fs::remove_file(second.join("reviewers")).unwrap();
    assert!(clinic.visit(second).1.contains("FAILED: cosigned: there is no list of reviewers"));
    fs::write(second.join("reviewers"), b"nobody").unwrap();
    assert!(clinic.visit(second).1.contains("FAILED: reviewers: This is no reviewer's key"));
    // A true list is the one that statements of the ledger make.
    let own = stranger.key(NoteKind::Cosignature).vkey();
    let longer = [reviewers.as_slice(), own.as_bytes(), b"\n"].concat();
    fs::write(second.join("reviewers"), longer).unwrap();
    let invented = "FAILED: reviewers: stranger.example is on the list, and no statement registered that key";
    assert!(clinic.visit(second).1.contains(invented));
    fs::remove_file(second.join("reviewers")).unwrap();
    fs::remove_dir_all(second.join("cosigned")).unwrap();
    let left_out = "FAILED: reviewers: the key of rita.example is registered, and the list does not hold it";
    assert!(clinic.visit(second).1.contains(left_out));
    fs::create_dir(second.join("cosigned")).unwrap();
    fs::write(second.join(&name), &good).unwrap();
    fs::write(second.join("reviewers"), reviewers).unwrap();
}

#[test]
fn what_is_handed_in_and_is_not_so_is_refused_in_words() {
    let station = Station::new();
    let _ = found(&station, "north", 1);
    let until = Timestamp(station.now().0 + 90 * MS_PER_DAY);
    let mut vera = person(&station, "vera", Role::Viewer, "north", None);
    let mut rita = person(&station, "rita", Role::Reviewer, "north", Some(until));
    let (ledger, clinic) = (&station.service().desk().ledger, station.clinic("north"));
    let hand_in = HandIn::of(ledger, &clinic, station.now());
    let good = hand_in.signed(&hand_in.own, &hand_in.keeper, hand_in.seconds);
    refuses(&mut rita, &good, "The clinic has not registered any reviewer");
    vera.get(PAGE);
    let vkey = hand_in.witness.key(NoteKind::Cosignature).vkey();
    let register = [("what", "register"), ("vkey", vkey.as_str())];
    assert_eq!(vera.post(&format!("{PAGE}/keys"), &register).status, 303);
    for (note, words) in hand_in.wrong(&good) {
        refuses(&mut rita, &note, words);
    }
    assert!(clinic.newest_cosignatures().unwrap().is_empty());
    // A clock that is a little ahead is a clock; the clinic may hand it in too.
    let ahead = hand_in.signed(&hand_in.own, &hand_in.keeper, hand_in.seconds + 300);
    let kept = vera.post(&format!("{PAGE}/cosigned"), &[("note", &ahead)]);
    assert_eq!(kept.status, 303, "{}", kept.text);
    assert_eq!(clinic.newest_cosignatures().unwrap().len(), 1);
    vera.get(PAGE);
    let remove = [("what", "remove"), ("vkey", vkey.as_str())];
    assert_eq!(vera.post(&format!("{PAGE}/keys"), &remove).status, 303);
    refuses(&mut rita, &good, "The clinic removed the key of rita.example on 20");
    let page = vera.get(PAGE).text;
    assert!(page.contains("Never cosigned") && page.contains("; removed on 2"), "it does not count any more: {page}");
    let again = vera.post(&format!("{PAGE}/keys"), &register);
    assert!(again.status == 422 && again.text.contains("was removed once and is not taken again"), "{}", again.text);
    let reviews = clinic.statements().unwrap().into_iter().filter(|s| s.kind == LeafKind::Review);
    let ends: Vec<bool> = reviews.map(|s| s.text.ends_with("\nstate removed\nby vera\n")).collect();
    assert_eq!((ends.len(), ends.iter().filter(|e| **e).count()), (2, 1));
    // A folder that is given away now names nobody.
    let folder = station.folder().join("given");
    export((ledger, &Knowledge::compiled()), &clinic, &folder, None, station.now()).unwrap();
    assert!(!folder.join("reviewers").exists() && !folder.join("cosigned").exists());
}

fn refuses(rita: &mut Guest, note: &str, words: &str) {
    rita.get(PAGE);
    let refused = rita.post(&format!("{PAGE}/cosigned"), &[("note", note)]);
    assert!(refused.status == 422 && refused.text.contains(words), "{words}: {}", refused.text);
}

/// What may be handed in.
struct HandIn {
    keeper: NoteSigner,
    witness: NoteSigner,
    own: Checkpoint,
    note: String,
    seconds: u64,
}

impl HandIn {
    fn of(ledger: &Ledger, clinic: &ClinicStore, now: Timestamp) -> HandIn {
        let head = ledger.take_all(clinic, now).unwrap().unwrap();
        let origin = ledger.origin(&clinic.clinic().unwrap());
        HandIn {
            keeper: NoteSigner::new(&origin, &[9; 32]).unwrap(),
            witness: NoteSigner::new("rita.example", &[4; 32]).unwrap(),
            own: Checkpoint { origin, size: head.size, root: head.root },
            note: head.note,
            seconds: now.0 / 1_000,
        }
    }

    fn signed(&self, checkpoint: &Checkpoint, keeper: &NoteSigner, at: u64) -> String {
        checkpoint.sign(keeper) + &self.witness.cosign(&checkpoint.text(), at)
    }

    /// What is not so, and what is said of it.
    fn wrong(&self, good: &str) -> Vec<(String, &'static str)> {
        let (own, now) = (&self.own, self.seconds);
        let thief = NoteSigner::new(&own.origin, &[8; 32]).unwrap();
        let stranger = NoteSigner::new("bo.example", &[5; 32]).unwrap();
        let by = |other: Checkpoint| self.signed(&other, &self.keeper, now);
        let of_stranger = note(&own.text(), &[self.keeper.sign(&own.text()), stranger.cosign(&own.text(), 1)]);
        vec![
            (by(Checkpoint { root: [1; 32], ..own.clone() }), "two ledgers were signed with one key"),
            (by(Checkpoint { size: own.size - 1, ..own.clone() }), "two ledgers were signed with one key"),
            (by(Checkpoint { size: own.size + 9, ..own.clone() }), "though its keeper signed both"),
            (
                by(Checkpoint { origin: "other.example/ledger/00/1".into(), ..own.clone() }),
                "a checkpoint of another ledger",
            ),
            (
                by(Checkpoint { origin: generation(&own.origin, 0), ..own.clone() }),
                "a checkpoint of generation 0 of this ledger; it began again as generation 1",
            ),
            (self.signed(own, &thief, now), "The keeper of this ledger has not signed it"),
            (good.replace(&format!("\n{}\n", own.size), "\n1\n"), "keeper does not hold: something in it was changed"),
            (spoilt(good), "The cosignature of rita.example does not hold"),
            (self.note.clone(), "Nobody whose key is registered here has cosigned it: those are rita.example."),
            (of_stranger, "Nobody whose key is registered"),
            (self.signed(own, &self.keeper, now + 301), "and that has not come yet: set the clock"),
            (String::new(), "This is no cosigned checkpoint"),
            (format!("{good}{}", "— a AAAAAA==\n".repeat(40)), "This is no cosigned checkpoint"),
            (good.lines().next_back().unwrap().to_owned(), "This is no cosigned checkpoint"),
        ]
    }
}

#[test]
fn a_clinic_has_sixteen_reviewers_keys_at_one_time_and_one_for_a_name() {
    let station = Station::new();
    let mut vera = person(&station, "vera", Role::Viewer, "north", None);
    let mut maria = admin(&station);
    vera.get(PAGE);
    let mut register = |name: &str, seed: u8| {
        let vkey = NoteSigner::new(name, &[seed; 32]).unwrap().key(NoteKind::Cosignature).vkey();
        vera.post(&format!("{PAGE}/keys"), &[("what", "register"), ("vkey", &vkey)])
    };
    for seed in 20..36 {
        assert_eq!(register(&format!("r{seed}.example"), seed).status, 303);
    }
    let more = register("more.example", 40);
    assert!(more.status == 422 && more.text.contains("16 keys are registered, more would not fit"), "{}", more.text);
    let other = register("r20.example", 41);
    assert!(other.status == 422 && other.text.contains("r20.example has another key here"), "{}", other.text);
    let own = station.service().desk().ledger.key(&station.clinic("north").clinic().unwrap()).unwrap();
    let disguised = NoteSigner::new(own.name(), &[9; 32]).unwrap().key(NoteKind::Cosignature).vkey();
    let refused = vera.post(&format!("{PAGE}/keys"), &[("what", "register"), ("vkey", &disguised)]);
    assert!(refused.status == 422 && refused.text.contains("This is the key of the ledger itself"), "{}", refused.text);
    let page = maria.get(PAGE).text;
    assert!(page.contains("r35.example") && !page.contains("Remove this key"), "who runs the archive reads it only");
    assert_eq!(vera.post(&format!("{PAGE}/keys"), &[("what", "all")]).status, 400);
}
