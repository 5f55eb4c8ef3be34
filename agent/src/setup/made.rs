//! For tests: what was made for them in the folder of temporary files, and goes with them.
//!
//! Keeps: its path. Drops: the file or the folder.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};

pub(super) struct Made(pub(super) PathBuf);

impl Deref for Made {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let _ = if self.0.is_dir() { fs::remove_dir_all(&self.0) } else { fs::remove_file(&self.0) };
    }
}
