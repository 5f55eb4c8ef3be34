//! A folder for scratch files that nobody else can look into: what is in it is as confidential as the reports.
//!
//! Keeps: a name that nobody can foresee. Drops: the folder, when the work ends, and also where somebody ends it from the keyboard or by
//! a signal; it stays where the process is killed, its terminal is closed (nohup would not hold otherwise) or the power goes.

use auscult_collector::access::random;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::thread;

/// A folder, gone with this.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// A new one, where TMPDIR says. Once in a process: it ends on signals from now on.
    pub(super) fn new() -> Result<Scratch, String> {
        let number = random().map(u64::from_ne_bytes).map_err(|e| e.to_string())?;
        let folder = std::env::temp_dir().join(format!("auscult-review-{number:016x}"));
        let failed = |e| format!("{}: {e}; TMPDIR names another place for scratch files", folder.display());
        DirBuilder::new().mode(0o700).create(&folder).map_err(failed)?;
        let scratch = Scratch(folder);
        let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(|e| format!("signals: {e}"))?;
        let folder = scratch.0.clone();
        thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                // The work may make another file meanwhile.
                let _ = (0..TRIES).any(|_| fs::remove_dir_all(&folder).is_ok());
                let _ = emulate_default_handler(signal);
            }
        });
        Ok(scratch)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is in a folder of this user alone.
        let _ = fs::remove_dir_all(&self.0);
    }
}

const TRIES: u32 = 10;
