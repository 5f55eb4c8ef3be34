//! A reviewer with a key of his own, visit after visit, by the real commands and the real page: the clinic registers his key, he verifies,
//! remembers, cosigns and hands in; everybody reads up to where. A second ledger, one that was rolled back, another key, a changed
//! cosignature, a removed key are each refused in words, and nothing of his is written then.

use auscult_collector::access::Role;
use auscult_collector::store::Store;
use auscult_report::checkpoint::Checkpoint;
use auscult_report::key::Hash;
use auscult_report::leaf::LeafKind;
use auscult_report::merkle::{Growing, inclusion, leaf_hash};
use auscult_report::note::{Note, NoteKey, NoteKind, NoteSigner, note};
use auscult_report::tile::{self, Tile};
use auscult_report::time::{MS_PER_DAY, Timestamp};
use auscult_tests::archive::Folder;
use auscult_tests::collector;
use auscult_tests::desk::Provider;
use auscult_tests::guest::{Guest, PASSWORD, admin, base32, found, person};
use auscult_tests::raw::{agents, authority, let_in, listener};
use auscult_tests::reviewer::{foreign, run as run_verifier};
use auscult_tests::station::{Caller, Station};
use auscult_tests::way::Way;
use base64ct::{Base64, Encoding};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const PAGE: &str = "/clinics/north/reviews";

#[test]
fn a_reviewer_cosigns_what_he_verified_and_everybody_reads_up_to_where() {
    let mut clinic = Clinic::new();
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
    let mut maria = clinic.maria.take().unwrap();
    for provider in [&mut maria, &mut clinic.rita] {
        assert!(!provider.get(PAGE).text.contains("Register a reviewer"));
        assert_eq!(post(provider, vkey).status, 403, "the clinic says who reviews it");
    }
    assert_eq!(maria.post(&format!("{PAGE}/cosigned"), &[("note", "x")]).status, 403);
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
    let said = format!("reviewer-key rita.example\nvkey {vkey}\nregistered\nby vera\n");
    assert!(stated[0].starts_with("auscult statement 1\nkind review\nat ") && stated[0].ends_with(&said), "{stated:?}");
    assert!(clinic.vera.get(PAGE).text.contains("by vera; has cosigned nothing"));
}

#[test]
fn what_does_not_go_on_from_the_last_visit_is_refused_and_nothing_is_remembered() {
    let mut clinic = Clinic::new();
    let vkey = clinic.new_key();
    clinic.registers(&vkey);
    let first = clinic.record("first");
    assert!(clinic.visit(&first).0);
    let cosigned = fs::read_to_string(clinic.cosigned()).unwrap();
    assert_eq!(clinic.rita.post(&format!("{PAGE}/cosigned"), &[("note", &cosigned)]).status, 303);
    clinic.hears(5);
    let second = clinic.record("second");
    let (old, new) = (size(&first), size(&second));
    let held = fs::read(clinic.state()).unwrap();
    fs::remove_file(clinic.cosigned()).unwrap();
    let name = fs::read_to_string(second.join("vkeys")).unwrap().trim().to_owned();
    let origin = NoteKey::parse(&name).unwrap().name().to_owned();
    let keeper = NoteSigner::new(&origin, &clinic.seed()).unwrap();
    let thief = NoteSigner::new(&origin, &[8; 32]).unwrap();
    let next = NoteSigner::new(&generation(&origin, 2), &clinic.seed()).unwrap();
    assert_eq!(keeper.key(NoteKind::Ed25519).vkey(), name, "the true key of the ledger");
    let last = "FAILED: consistency with your own last visit: ";
    let of = |n: usize| Some(n);
    for (what, keep, change, signer, words) in [
        ("forked", new, of(0), &keeper, format!("{last}the first {old} entries are not those that you verified on 20")),
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
        let forged = forge(&second, &clinic.desk.0.join(what), usize::try_from(keep).unwrap(), change, signer);
        let (holds, said) = clinic.visit(&forged);
        assert!(!holds && said.contains(&words), "{what}: {said}");
        assert!(
            run(&["ledger", "verify", forged.to_str().unwrap()]).0,
            "{what}: by itself it holds, only the last visit tells"
        );
    }
    let name = format!("cosigned/{old}");
    let good = fs::read_to_string(second.join(&name)).unwrap();
    let stranger = NoteSigner::new("stranger.example", &[8; 32]).unwrap();
    let (text, _) = good.split_once("\n\n").unwrap();
    let text = format!("{text}\n");
    let other = Checkpoint { root: [1; 32], ..Checkpoint::parse(&text).unwrap() };
    for (bad, words) in [
        (spoilt(&good), "the cosignature of rita.example does not hold"),
        (format!("{good}{}", stranger.cosign(&text, 1)), "the key of stranger.example is not registered"),
        (good.lines().take(5).map(|l| format!("{l}\n")).collect(), "nobody has cosigned it"),
        (fs::read_to_string(second.join("checkpoint")).unwrap(), &format!("it is the checkpoint of {new} entries")),
        (other.sign(&keeper) + &clinic.witness().cosign(&other.text(), 1), "consistency"),
        (other.sign(&thief), "not signed by this key"),
    ] {
        fs::write(second.join(&name), bad).unwrap();
        let (holds, said) = clinic.visit(&second);
        assert!(!holds && said.contains(&format!("FAILED: {name}: ")) && said.contains(words), "{words}: {said}");
    }
    fs::write(second.join(&name), &good).unwrap();
    fs::write(second.join("cosigned/007"), &good).unwrap();
    assert!(clinic.visit(&second).1.contains("FAILED: cosigned: 007 is no number of entries"));
    fs::remove_file(second.join("cosigned/007")).unwrap();
    let reviewers = fs::read(second.join("reviewers")).unwrap();
    fs::remove_file(second.join("reviewers")).unwrap();
    assert!(clinic.visit(&second).1.contains("FAILED: cosigned: there is no list of reviewers"));
    fs::write(second.join("reviewers"), reviewers).unwrap();
    // Of all this nothing was remembered or cosigned; what is true goes on.
    assert_eq!(fs::read(clinic.state()).unwrap(), held);
    assert!(!clinic.cosigned().exists());
    let (holds, said) = clinic.visit(&second);
    assert!(holds && fs::read(clinic.state()).unwrap() != held && clinic.cosigned().exists(), "{said}");
    let state = clinic.state();
    fs::write(&state, "something else").unwrap();
    let output =
        Command::new(collector()).args(["ledger", "verify"]).arg(&second).arg("--state").arg(&state).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "what is no memory is not written over");
    assert_eq!(fs::read(&state).unwrap(), b"something else");
}

#[test]
fn what_is_handed_in_and_is_not_so_is_refused_in_words() {
    let station = Station::new();
    let _ = found(&station, "north", 1);
    let until = Timestamp(station.now().0 + 90 * MS_PER_DAY);
    let (mut vera, mut rita) = (
        person(&station, "vera", Role::Viewer, "north", None),
        person(&station, "rita", Role::Reviewer, "north", Some(until)),
    );
    let (ledger, clinic) = (&station.service().desk().ledger, station.clinic("north"));
    let witness = NoteSigner::new("rita.example", &[4; 32]).unwrap();
    let key = witness.key(NoteKind::Cosignature);
    let head = ledger.take_all(&clinic, station.now()).unwrap().unwrap();
    let origin = ledger.origin(&clinic.clinic().unwrap());
    let keeper = NoteSigner::new(&origin, &[9; 32]).unwrap();
    let thief = NoteSigner::new(&origin, &[8; 32]).unwrap();
    let seconds = station.now().0 / 1_000;
    let own = Checkpoint { origin: origin.clone(), size: head.size, root: head.root };
    let by = |c: &Checkpoint, keeper: &NoteSigner, at: u64| c.sign(keeper) + &witness.cosign(&c.text(), at);
    let good = by(&own, &keeper, seconds);
    let mut refuses = |note: &str, words: &str| {
        rita.get(PAGE);
        let refused = rita.post(&format!("{PAGE}/cosigned"), &[("note", note)]);
        assert!(refused.status == 422 && refused.text.contains(words), "{words}: {}", refused.text);
    };
    refuses(&good, "The clinic has not registered any reviewer");
    vera.get(PAGE);
    let register = [("what", "register"), ("vkey", &key.vkey())];
    assert_eq!(vera.post(&format!("{PAGE}/keys"), &register).status, 303);
    let fork = Checkpoint { root: [1; 32], ..own.clone() };
    let more = Checkpoint { size: own.size + 9, ..own.clone() };
    let elsewhere = Checkpoint { origin: "other.example/ledger/00/1".into(), ..own.clone() };
    let earlier = Checkpoint { origin: generation(&origin, 0), ..own.clone() };
    let stranger = NoteSigner::new("bo.example", &[5; 32]).unwrap();
    let long = good.clone() + &"— a AAAAAA==\n".repeat(40);
    for (note, words) in [
        (by(&fork, &keeper, seconds), "two ledgers were signed with one key"),
        (by(&more, &keeper, seconds), "though its keeper signed both"),
        (by(&elsewhere, &keeper, seconds), "a checkpoint of another ledger"),
        (by(&earlier, &keeper, seconds), "a checkpoint of generation 0 of this ledger; it began again as generation 1"),
        (by(&own, &thief, seconds), "The keeper of this ledger has not signed it"),
        (good.replace(&format!("\n{}\n", own.size), "\n1\n"), "keeper does not hold: something in it was changed"),
        (spoilt(&good), "The cosignature of rita.example does not hold"),
        (head.note.clone(), "Nobody whose key is registered here has cosigned it: those are rita.example."),
        (
            note(&own.text(), &[keeper.sign(&own.text()), stranger.cosign(&own.text(), 1)]),
            "Nobody whose key is registered",
        ),
        (by(&own, &keeper, seconds + 301), "and that has not come yet: set the clock"),
        (String::new(), "This is no cosigned checkpoint"),
        (long, "This is no cosigned checkpoint"),
        (good.lines().next_back().unwrap().to_owned(), "This is no cosigned checkpoint"),
    ] {
        refuses(&note, words);
    }
    assert!(clinic.newest_cosignatures().unwrap().is_empty());
    // A clock that is a little ahead is a clock; the clinic may hand it in too.
    let kept = vera.post(&format!("{PAGE}/cosigned"), &[("note", &by(&own, &keeper, seconds + 300))]);
    assert_eq!(kept.status, 303, "{}", kept.text);
    assert_eq!(clinic.newest_cosignatures().unwrap().len(), 1);
    vera.get(PAGE);
    let remove = [("what", "remove"), ("vkey", &key.vkey())];
    assert_eq!(vera.post(&format!("{PAGE}/keys"), &remove).status, 303);
    refuses(&good, "The clinic removed the key of rita.example on 20");
    let page = vera.get(PAGE).text;
    assert!(page.contains("Never cosigned") && page.contains("; removed on 2"), "it does not count any more: {page}");
    let again = vera.post(&format!("{PAGE}/keys"), &register);
    assert!(again.status == 422 && again.text.contains("was removed once and is not taken again"), "{}", again.text);
    let reviews = clinic.statements().unwrap().into_iter().filter(|s| s.kind == LeafKind::Review);
    let ends: Vec<bool> = reviews.map(|s| s.text.ends_with("\nremoved\nby vera\n")).collect();
    assert_eq!((ends.len(), ends.iter().filter(|e| **e).count()), (2, 1));
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

/// A clinic that is served, and the people that a review takes.
struct Clinic {
    provider: Provider,
    /// The reviewer's desk.
    desk: Folder,
    vera: Guest,
    rita: Guest,
    maria: Option<Guest>,
    caller: Caller,
    way: Way,
}

impl Clinic {
    fn new() -> Clinic {
        let provider = Provider::serving();
        let caller = let_in(&provider, "north", 1);
        let way = Way::try_to(agents(&provider), &authority(&provider), Some(&caller)).unwrap();
        let vera = account(&provider, "vera", &["clinic-viewer", "north"]);
        let rita = account(&provider, "rita", &["reviewer", "north", "--days", "30"]);
        let maria = Some(account(&provider, "maria", &["provider-admin"]));
        let mut clinic = Clinic { provider, desk: Folder::new(), vera, rita, maria, caller, way };
        clinic.hears(4);
        clinic
    }

    /// Reports come, and are sealed.
    fn hears(&mut self, reports: usize) {
        assert_eq!(self.way.reports(&self.caller.ear.chain(reports)).0, 200);
        self.checkpoint();
    }

    fn checkpoint(&self) -> u64 {
        let note = self.provider.command(&["ledger", "checkpoint", "north"]);
        note.lines().nth(1).unwrap().parse().unwrap()
    }

    /// The record as the clinic gives it away.
    fn record(&self, name: &str) -> PathBuf {
        self.checkpoint();
        let dir = self.desk.0.join(name);
        let _ = self.provider.command(&["ledger", "export", "north", dir.to_str().unwrap()]);
        dir
    }

    /// Makes the reviewer's key: his vkey.
    fn new_key(&self) -> String {
        let file = self.key();
        let make = ["reviewer", "new-key", file.to_str().unwrap(), "rita.example"];
        let (made, said) = run(&make);
        let text = fs::read_to_string(&file).unwrap();
        let seed = text.lines().find_map(|l| l.strip_prefix("seed ")).unwrap();
        assert!(made && !said.contains(seed) && mode(&file) == 0o600, "{said}");
        assert!(!run(&make).0 && fs::read_to_string(&file).unwrap() == text, "a key that is there stays");
        let vkey = said.lines().find_map(|l| l.strip_prefix("vkey ")).unwrap().to_owned();
        assert_eq!(NoteKey::parse(&vkey), Some(self.witness().key(NoteKind::Cosignature)));
        vkey
    }

    fn registers(&mut self, vkey: &str) {
        self.vera.get(PAGE);
        assert_eq!(self.vera.post(&format!("{PAGE}/keys"), &[("what", "register"), ("vkey", vkey)]).status, 303);
        self.rita.get(PAGE);
    }

    /// The reviewer verifies a folder with what he brings along.
    fn visit(&self, folder: &Path) -> (bool, String) {
        let (state, key) = (self.state(), self.key());
        let (state, key) = (state.to_str().unwrap(), key.to_str().unwrap());
        run(&["ledger", "verify", folder.to_str().unwrap(), "--state", state, "--key", key])
    }

    fn key(&self) -> PathBuf {
        self.desk.0.join("rita.key")
    }

    fn state(&self) -> PathBuf {
        self.desk.0.join("north.state")
    }

    fn cosigned(&self) -> PathBuf {
        self.desk.0.join("north.state.cosigned")
    }

    /// What the reviewer's key signs.
    fn witness(&self) -> NoteSigner {
        let text = fs::read_to_string(self.key()).unwrap();
        let seed = text.lines().find_map(|l| l.strip_prefix("seed ")).unwrap();
        NoteSigner::new("rita.example", &octets(seed)).unwrap()
    }

    /// The key that signs the ledger: what its keeper could do with it.
    fn seed(&self) -> [u8; 32] {
        octets(fs::read_to_string(self.provider.folder().join("ledger.key")).unwrap().trim())
    }

    /// The statements about reviews.
    fn stated(&self) -> Vec<String> {
        let store = Store::open(&self.provider.folder().join("archive.db"), 1 << 30, Timestamp(0)).unwrap();
        let stated = store.clinic_named("north").unwrap().unwrap().statements().unwrap();
        stated.into_iter().filter(|s| s.kind == LeafKind::Review).map(|s| s.text).collect()
    }
}

/// An account as somebody makes it with a code of the operator's.
fn account(provider: &Provider, name: &str, role: &[&str]) -> Guest {
    let invited = provider.command(&[&["invite"][..], role].concat());
    let mut guest = Guest::at(listener(provider, "people"), &authority(provider));
    guest.name = name.to_owned();
    let code = invited.lines().next().unwrap();
    let fields = [("code", code), ("name", name), ("title", name), ("password", PASSWORD)];
    assert_eq!(guest.post("/set-up", &fields).status, 303);
    let second = guest.get("/set-up/second");
    guest.key = base32(second.between("<code class=\"key\">", "</code>"));
    let digits = auscult_collector::access::digits_at(&guest.key, auscult_collector::run::now().unwrap());
    assert_eq!(guest.post("/set-up/second", &[("digits", &digits)]).status, 303);
    guest.get("/");
    guest
}

/// What a keeper can do who has the key: a whole folder of the first `keep` entries of another, one of them changed, signed.
fn forge(from: &Path, to: &Path, keep: usize, change: Option<usize>, keeper: &NoteSigner) -> PathBuf {
    let width = u16::try_from(size(from)).unwrap();
    let of = |width: u16| Tile { level: 0, index: 0, width };
    let bundle = fs::read(from.join(of(width).entries_path())).unwrap();
    let mut leaves: Vec<Vec<u8>> = tile::entries(&bundle).unwrap().into_iter().map(<[u8]>::to_vec).take(keep).collect();
    if let Some(change) = change {
        leaves[change][88] ^= 1;
    }
    let hashes: Vec<Hash> = leaves.iter().map(|l| leaf_hash(l)).collect();
    let (mut tree, mut entries) = (Growing::new(), Vec::new());
    for (leaf, hash) in leaves.iter().zip(&hashes) {
        tree.push(hash);
        tile::push_entry(&mut entries, leaf).unwrap();
    }
    let key = keeper.key(NoteKind::Ed25519);
    let signed = Checkpoint { origin: key.name().to_owned(), size: tree.size(), root: tree.root() }.sign(keeper);
    let tile = of(u16::try_from(keep).unwrap());
    let octets = hashes.concat();
    let proof = inclusion(tree.size() - 1, tree.size(), tile::reader(tree.size(), |_| Some(octets.clone()))).unwrap();
    let last = leaves.last().unwrap();
    let mut alone =
        format!("c2sp.org/tlog-proof@v1\nextra {}\nindex {}\n", Base64::encode_string(last), tree.size() - 1);
    proof.iter().for_each(|hash| alone.extend([&Base64::encode_string(hash), "\n"]));
    for (name, octets) in [
        (tile.entries_path(), entries),
        (tile.path(), octets.clone()),
        ("vkeys".to_owned(), format!("{}\n", key.vkey()).into_bytes()),
        ("checkpoint".to_owned(), signed.clone().into_bytes()),
        ("proof".to_owned(), format!("{alone}\n{signed}").into_bytes()),
    ] {
        fs::create_dir_all(to.join(&name).parent().unwrap()).unwrap();
        fs::write(to.join(name), octets).unwrap();
    }
    to.to_path_buf()
}

/// The same ledger, begun another time.
fn generation(origin: &str, n: u32) -> String {
    format!("{}/{n}", origin.rsplit_once('/').unwrap().0)
}

/// The last line's signature with one bit changed.
fn spoilt(signed: &str) -> String {
    let parsed = Note::parse(signed.as_bytes()).unwrap();
    let line = parsed.signatures.last().unwrap();
    let mut octets = [&line.key_id.to_be_bytes(), line.signature.as_slice()].concat();
    *octets.last_mut().unwrap() ^= 1;
    let (before, _) = signed.trim_end().rsplit_once('\n').unwrap();
    format!("{before}\n— {} {}\n", line.name, Base64::encode_string(&octets))
}

/// Entries of a folder's checkpoint; few enough for one tile.
fn size(folder: &Path) -> u64 {
    let note = fs::read_to_string(folder.join("checkpoint")).unwrap();
    note.lines().nth(1).unwrap().parse().unwrap()
}

/// A command that needs no archive: whether it went well, and what it says.
fn run(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(collector()).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

fn octets(hex: &str) -> [u8; 32] {
    let octets: Vec<u8> = (0..32).map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap()).collect();
    octets.try_into().unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
