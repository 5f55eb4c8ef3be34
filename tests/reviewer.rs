//! A reviewer with a folder of a clinic's ledger, software that is not ours to check it with, and what a keeper might have changed.

use crate::archive::Folder;
use crate::{collector, root, target};
use auscult_assess::knowledge::Knowledge;
use auscult_collector::review;
use auscult_report::merkle::leaf_hash;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A verifier: a program with its arguments before the folder.
pub struct Verifier {
    program: PathBuf,
    arguments: &'static [&'static str],
}

/// Go's verifier, built by Debian's Go with Debian's x/mod and nothing from a network. `None`, and that is said, where there is no Go;
/// with `AUSCULT_FOREIGN` that is a failure.
///
/// # Panics
/// If it was to be there and is not.
#[must_use]
pub fn foreign() -> Option<Verifier> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match BUILT.get_or_init(build) {
        Ok(program) => Some(Verifier { program: program.clone(), arguments: &[] }),
        Err(failure) => {
            assert!(std::env::var_os("AUSCULT_FOREIGN").is_none(), "Go's verifier was not built: {failure}");
            eprintln!("NOT RUN, Go's verifier was not built (Debian: golang-go golang-golang-x-mod-dev): {failure}");
            None
        }
    }
}

fn build() -> Result<PathBuf, String> {
    let folder = target().join("tmp").join("verify");
    fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    // Test programs may run side by side: one for each.
    let own = std::env::current_exe().map_err(|e| e.to_string())?;
    let program = folder.join(own.file_stem().unwrap_or_default());
    let build = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg("./tests/verify")
        .envs([("GO111MODULE", "off"), ("GOPATH", "/usr/share/gocode"), ("GOFLAGS", "")])
        .env("GOCACHE", target().join("tmp").join("go-cache"))
        .current_dir(root())
        .output()
        .map_err(|e| e.to_string())?;
    if build.status.success() { Ok(program) } else { Err(String::from_utf8_lossy(&build.stderr).into_owned()) }
}

/// `auscult-collector ledger verify`.
#[must_use]
pub fn ours() -> Verifier {
    Verifier { program: collector().to_path_buf(), arguments: &["ledger", "verify"] }
}

/// The claims of a folder, checked from the tree to the findings, in this process.
///
/// # Panics
/// If one does not hold.
#[must_use]
pub fn claims(folder: &Path) -> Vec<String> {
    let (scratch, mut claims) = (Folder::new(), Vec::new());
    review::verify(folder, &scratch.0, &Knowledge::compiled(), &mut |claim| claims.push(claim.to_owned())).unwrap();
    claims
}

/// Whether every claim of a folder holds, and what is said. Where it does not, the exit status is 1.
///
/// # Panics
/// If the verifier cannot be started, or ends otherwise.
#[must_use]
pub fn run(verify: &Verifier, dir: &Path) -> (bool, String) {
    let output = Command::new(&verify.program).args(verify.arguments).arg(dir).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{said}{}", String::from_utf8_lossy(&output.stderr));
    (output.status.success(), said)
}

/// A file of the ledger, what is done to it, and what the verifier has to say.
pub type Change<'a> = (&'a str, fn(Vec<u8>) -> Vec<u8>, &'a str);

/// Makes each change, sees that it is refused for this reason, and takes it back.
///
/// # Panics
/// If one is not refused, or the folder is refused afterwards.
pub fn refuses_each(verify: &Verifier, dir: &Path, changes: &[Change<'_>]) {
    for (name, change, refusal) in changes {
        let path = dir.join(name);
        let good = fs::read(&path).unwrap();
        let bad = change(good.clone());
        assert_ne!(good, bad, "{name}: nothing was changed");
        fs::write(&path, bad).unwrap();
        let (holds, said) = run(verify, dir);
        assert!(!holds && said.contains(refusal), "{name}: wanted {refusal}: {said}");
        fs::write(&path, good).unwrap();
    }
    let (holds, said) = run(verify, dir);
    assert!(holds, "with everything as it was, it holds again: {said}");
}

/// What a keeper would do who rewrites: the entry and the hash of it, so that the two still fit.
///
/// # Panics
/// If there is no full tile with this entry.
pub fn change_an_entry_with_its_tile(dir: &Path, index: usize) {
    let number = format!("{:03}", index / 256);
    let (bundle, tile) = (dir.join(format!("tile/entries/{number}")), dir.join(format!("tile/0/{number}")));
    let mut octets = fs::read(&bundle).unwrap();
    let place = index % 256;
    // An entry stands behind its length in two octets.
    let entry = &mut octets[place * 91 + 2..place * 91 + 91];
    entry[88] ^= 1;
    let hash = leaf_hash(entry);
    fs::write(&bundle, &octets).unwrap();
    let mut hashes = fs::read(&tile).unwrap();
    hashes[place * 32..place * 32 + 32].copy_from_slice(&hash);
    fs::write(&tile, hashes).unwrap();
}

/// One bit of another octet.
#[must_use]
pub fn flip(mut octets: Vec<u8>) -> Vec<u8> {
    octets[100] ^= 1;
    octets
}

/// The first of these words replaced.
///
/// # Panics
/// If it is no text.
#[must_use]
pub fn text(octets: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    String::from_utf8(octets).unwrap().replacen(from, to, 1).into_bytes()
}
