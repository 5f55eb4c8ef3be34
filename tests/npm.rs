//! Programs and scripts of npm that tests need: each version is named, is fetched once by npm itself and stays in `target/tmp/npm`.

use crate::target;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// axe: what a machine can tell of a page that somebody cannot use (Deque, MPL-2.0; fetched, never shipped).
pub const AXE: &str = "axe-core@4.14.1";
/// An OpenID provider that the OpenID Foundation has certified (MIT).
pub const OPENID_PROVIDER: &str = "oidc-provider@9.13.3";

/// Where a package lies. `None`, and that is said, where npm is not there or cannot fetch it; with `AUSCULT_FOREIGN` that is a failure.
///
/// # Panics
/// If it was to be there and is not.
#[must_use]
pub fn fetched(package: &str) -> Option<PathBuf> {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (name, _) = package.split_once('@').unwrap();
    let folder = target().join("tmp").join("npm").join(package);
    let found = folder.join("node_modules").join(name);
    if found.join("package.json").exists() {
        return Some(found);
    }
    fs::create_dir_all(&folder).unwrap();
    let mut npm = Command::new("npm");
    npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--prefix"])
        .arg(&folder)
        .arg(package);
    let failed = match npm.output() {
        Ok(output) if output.status.success() => return Some(found),
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(e) => e.to_string(),
    };
    assert!(std::env::var_os("AUSCULT_FOREIGN").is_none(), "npm does not fetch {package}: {failed}");
    eprintln!("NOT RUN, npm does not fetch {package} (Debian: npm): {failed}");
    None
}
