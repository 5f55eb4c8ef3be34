//! Files that are there whole or not at all, for their owner only: under another name first, on the disk, then under
//! their own name, and the name on the disk.
//!
//! Keeps: the order of these steps, and who may read. Drops: what an earlier attempt left under the other name.

use super::IdentityError;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// Makes a file that was not there, for its owner only, and waits until the disk has it.
pub(super) fn create(path: &Path, octets: &[u8]) -> Result<(), IdentityError> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(octets)?;
        file.sync_all()
    };
    write().map_err(|e| IdentityError::Write(path.to_owned(), e))
}

/// Puts a file in the place of what has its name now. It is on the disk when this returns.
pub(super) fn put(folder: &Path, name: &str, octets: &[u8]) -> Result<(), IdentityError> {
    let half = folder.join(format!("{name}.new"));
    remove(&half)?;
    create(&half, octets)?;
    rename(folder, &format!("{name}.new"), name)
}

/// Gives a file another name, in place of what has it now.
pub(super) fn rename(folder: &Path, from: &str, to: &str) -> Result<(), IdentityError> {
    let path = folder.join(from);
    fs::rename(&path, folder.join(to)).map_err(|e| IdentityError::Write(path, e))?;
    sync_folder(folder)
}

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), IdentityError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(IdentityError::Write(path.to_owned(), e)),
        _ => Ok(()),
    }
}

pub(super) fn sync_folder(folder: &Path) -> Result<(), IdentityError> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| IdentityError::Write(folder.to_owned(), e))
}

pub(super) fn make_folder(folder: &Path) -> Result<(), IdentityError> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(IdentityError::Write(folder.to_owned(), e)),
        _ => Ok(()),
    }
}

/// A key of 32 octets that only its owner may read.
pub(super) fn read_key(path: &Path) -> Result<[u8; 32], IdentityError> {
    let octets = read_secret(path, 32)?;
    octets.as_slice().try_into().map_err(|_| IdentityError::Length(path.to_owned()))
}

/// A file of at most `most` octets that only its owner may read.
pub(super) fn read_secret(path: &Path, most: u64) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let error = |e| IdentityError::Read(path.to_owned(), e);
    let file = File::open(path).map_err(error)?;
    if file.metadata().map_err(error)?.mode() & OTHERS != 0 {
        return Err(IdentityError::Exposed(path.to_owned()));
    }
    let mut octets = Zeroizing::new(Vec::new());
    file.take(most.saturating_add(1)).read_to_end(&mut octets).map_err(error)?;
    if octets.len() as u64 > most { Err(IdentityError::Length(path.to_owned())) } else { Ok(octets) }
}

/// The octets of a file, at most `most`; none if it is not there.
pub(super) fn read_if_there(path: &Path, most: u64) -> Result<Option<Vec<u8>>, IdentityError> {
    let file = match File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|e| IdentityError::Read(path.to_owned(), e))?,
    };
    let mut octets = Vec::new();
    file.take(most).read_to_end(&mut octets).map_err(|e| IdentityError::Read(path.to_owned(), e))?;
    Ok(Some(octets))
}

/// Rights of the group and of others.
const OTHERS: u32 = 0o077;
