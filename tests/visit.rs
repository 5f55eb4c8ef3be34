//! A clinic that is served, its people, and a reviewer with a desk of his own: what visits are made of; and what a keeper could do who has
//! the key of the ledger.

use crate::archive::Folder;
use crate::collector;
use crate::desk::Provider;
use crate::guest::{Guest, PASSWORD, base32};
use crate::raw::{agents, authority, let_in, listener};
use crate::station::Caller;
use crate::way::Way;
use auscult_collector::access::digits_at;
use auscult_collector::run::now;
use auscult_collector::store::Store;
use auscult_report::checkpoint::Checkpoint;
use auscult_report::key::Hash;
use auscult_report::leaf::LeafKind;
use auscult_report::merkle::{Growing, inclusion, leaf_hash};
use auscult_report::note::{Note, NoteKey, NoteKind, NoteSigner};
use auscult_report::tile::{self, Tile};
use auscult_report::time::Timestamp;
use base64ct::{Base64, Encoding};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The page of reviews.
pub const PAGE: &str = "/clinics/north/reviews";

/// A clinic that is served, and the people that a review takes.
pub struct Clinic {
    /// The collector.
    pub provider: Provider,
    /// The reviewer's desk.
    pub desk: Folder,
    /// Answers for the clinic.
    pub vera: Guest,
    /// Reviews it.
    pub rita: Guest,
    /// Runs the archive.
    pub maria: Guest,
    caller: Caller,
    way: Way,
}

impl Clinic {
    /// The clinic with four reports in its ledger.
    ///
    /// # Panics
    /// If that does not go.
    #[must_use]
    pub fn served() -> Clinic {
        let provider = Provider::serving();
        let caller = let_in(&provider, "north", 1);
        let way = Way::try_to(agents(&provider), &authority(&provider), Some(&caller)).unwrap();
        let vera = account(&provider, "vera", &["clinic-viewer", "north"]);
        let rita = account(&provider, "rita", &["reviewer", "north", "--days", "30"]);
        let maria = account(&provider, "maria", &["provider-admin"]);
        let mut clinic = Clinic { provider, desk: Folder::new(), vera, rita, maria, caller, way };
        clinic.hears(4);
        clinic
    }

    /// Reports come, and are sealed.
    ///
    /// # Panics
    /// If that does not go.
    pub fn hears(&mut self, reports: usize) {
        assert_eq!(self.way.reports(&self.caller.ear.chain(reports)).0, 200);
        self.checkpoint();
    }

    /// Seals what waits: how many entries there are.
    ///
    /// # Panics
    /// If that does not go.
    pub fn checkpoint(&self) -> u64 {
        let note = self.provider.command(&["ledger", "checkpoint", "north"]);
        note.lines().nth(1).unwrap().parse().unwrap()
    }

    /// The record as the clinic gives it away.
    ///
    /// # Panics
    /// If that does not go.
    #[must_use]
    pub fn record(&self, name: &str) -> PathBuf {
        self.checkpoint();
        let dir = self.desk.0.join(name);
        let _ = self.provider.command(&["ledger", "export", "north", dir.to_str().unwrap()]);
        dir
    }

    /// Makes the reviewer's key: his vkey.
    ///
    /// # Panics
    /// If that does not go.
    #[must_use]
    pub fn new_key(&self) -> String {
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

    /// The clinic registers a key.
    ///
    /// # Panics
    /// If that does not go.
    pub fn registers(&mut self, vkey: &str) {
        self.vera.get(PAGE);
        assert_eq!(self.vera.post(&format!("{PAGE}/keys"), &[("what", "register"), ("vkey", vkey)]).status, 303);
        self.rita.get(PAGE);
    }

    /// The reviewer verifies a folder with what he brings along.
    ///
    /// # Panics
    /// If that does not go.
    #[must_use]
    pub fn visit(&self, folder: &Path) -> (bool, String) {
        let (state, key) = (self.state(), self.key());
        let (state, key) = (state.to_str().unwrap(), key.to_str().unwrap());
        run(&["ledger", "verify", folder.to_str().unwrap(), "--state", state, "--key", key])
    }

    /// The reviewer's key.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.desk.0.join("rita.key")
    }

    /// What he remembers.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.desk.0.join("north.state")
    }

    /// What he cosigned last.
    #[must_use]
    pub fn cosigned(&self) -> PathBuf {
        self.desk.0.join("north.state.cosigned")
    }

    /// What the reviewer's key signs.
    ///
    /// # Panics
    /// If that does not go.
    #[must_use]
    pub fn witness(&self) -> NoteSigner {
        let text = fs::read_to_string(self.key()).unwrap();
        let seed = text.lines().find_map(|l| l.strip_prefix("seed ")).unwrap();
        NoteSigner::new("rita.example", &octets(seed)).unwrap()
    }

    /// The key that signs the ledger: what its keeper could do with it.
    ///
    /// # Panics
    /// If that does not go.
    #[must_use]
    pub fn seed(&self) -> [u8; 32] {
        octets(fs::read_to_string(self.provider.folder().join("ledger.key")).unwrap().trim())
    }

    /// The statements about reviews.
    ///
    /// # Panics
    /// If that does not go.
    #[must_use]
    pub fn stated(&self) -> Vec<String> {
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
    let digits = digits_at(&guest.key, now().unwrap());
    assert_eq!(guest.post("/set-up/second", &[("digits", &digits)]).status, 303);
    guest.get("/");
    guest
}

/// What a keeper can do who has the key: a whole folder of the first `keep` entries of another, one of them changed, signed.
///
/// # Panics
/// If that does not go.
pub fn forge(from: &Path, to: &Path, keep: usize, change: Option<usize>, keeper: &NoteSigner) -> PathBuf {
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
///
/// # Panics
/// If that does not go.
#[must_use]
pub fn generation(origin: &str, n: u32) -> String {
    format!("{}/{n}", origin.rsplit_once('/').unwrap().0)
}

/// The last line's signature with one bit changed.
///
/// # Panics
/// If that does not go.
#[must_use]
pub fn spoilt(signed: &str) -> String {
    let parsed = Note::parse(signed.as_bytes()).unwrap();
    let line = parsed.signatures.last().unwrap();
    let mut octets = [&line.key_id.to_be_bytes(), line.signature.as_slice()].concat();
    *octets.last_mut().unwrap() ^= 1;
    let (before, _) = signed.trim_end().rsplit_once('\n').unwrap();
    format!("{before}\n— {} {}\n", line.name, Base64::encode_string(&octets))
}

/// Entries of a folder's checkpoint; few enough for one tile.
///
/// # Panics
/// If that does not go.
#[must_use]
pub fn size(folder: &Path) -> u64 {
    let note = fs::read_to_string(folder.join("checkpoint")).unwrap();
    note.lines().nth(1).unwrap().parse().unwrap()
}

/// A command that needs no archive: whether it went well, and what it says.
///
/// # Panics
/// If that does not go.
#[must_use]
pub fn run(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(collector()).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

fn octets(hex: &str) -> [u8; 32] {
    let octets: Vec<u8> = (0..32).map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap()).collect();
    octets.try_into().unwrap()
}

/// Who may read and write a file.
///
/// # Panics
/// If that does not go.
#[must_use]
pub fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
