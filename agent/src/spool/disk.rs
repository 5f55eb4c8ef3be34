//! The five things that the spool asks of a disk. A test puts a worse disk in its place.
//!
//! Keeps: the order "written, on the disk, named, the name on the disk". Drops: nothing is ever changed in place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A disk.
pub trait Disk: Send {
    /// Makes a file, or empties it, writes it and waits until the disk has it.
    ///
    /// # Errors
    /// As the system says. The file may be there all the same, in any state.
    fn write(&self, path: &Path, octets: &[u8]) -> io::Result<()>;

    /// Gives a file another name, in place of what has it now.
    ///
    /// # Errors
    /// As the system says. It may have happened all the same.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Waits until the disk has the names of a folder.
    ///
    /// # Errors
    /// As the system says.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// As the system says. It may have happened all the same.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// The disk of the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn write(&self, path: &Path, octets: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(octets)?;
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

/// Writes a file whole or not at all: under another name first, then under its own.
pub(super) fn put(disk: &dyn Disk, folder: &Path, name: &str, octets: &[u8]) -> io::Result<()> {
    let half = folder.join(format!("{name}{HALF}"));
    disk.write(&half, octets)?;
    disk.rename(&half, &folder.join(name))?;
    disk.sync_folder(folder)
}

/// The end of the name of a file that is not whole yet.
pub(super) const HALF: &str = ".tmp";
