//! Files of the authority: whole or not there, for their owner only.
//!
//! Keeps: mode 0600 in a folder of mode 0700. Drops: a secret that others may read; it is refused, not repaired.

use super::AuthorityError;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use zeroize::Zeroizing;

pub(super) fn make_folder(folder: &Path) -> Result<(), AuthorityError> {
    match DirBuilder::new().mode(0o700).recursive(true).create(folder) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => Err(failed(folder, e)),
        _ => Ok(()),
    }
}

/// Writes a file under another name first; it is on the disk when this returns.
pub(super) fn replace(path: &Path, octets: &[u8]) -> Result<(), AuthorityError> {
    let beside = path.with_extension("new");
    let write = || -> io::Result<()> {
        match fs::remove_file(&beside) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(octets)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(|e| failed(path, e))
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, AuthorityError> {
    let mut octets = Vec::new();
    let file = File::open(path).map_err(|e| failed(path, e))?;
    file.take(MOST_OCTETS).read_to_end(&mut octets).map_err(|e| failed(path, e))?;
    Ok(octets)
}

/// A file that only its owner may read; wiped from memory after use.
pub(super) fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, AuthorityError> {
    let mode = fs::metadata(path).map_err(|e| failed(path, e))?.permissions().mode();
    if mode & OTHERS != 0 {
        return Err(AuthorityError::Exposed(path.to_path_buf()));
    }
    read(path).map(Zeroizing::new)
}

fn failed(path: &Path, error: io::Error) -> AuthorityError {
    AuthorityError::File(path.to_path_buf(), error)
}

/// Rights of the group and of others.
const OTHERS: u32 = 0o077;
/// A bundle of four certificates and eight addresses is shorter.
const MOST_OCTETS: u64 = 65_536;
