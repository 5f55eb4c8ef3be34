//! What the sensor says of the machine that it is on: free room, free memory, load.
//!
//! Keeps: three numbers, measured at most every ten seconds. Drops: names of disks and processes; nothing else is asked for.

use auscult_report::heartbeat::Health;
use auscult_report::key::Hash;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use sysinfo::{DiskRefreshKind, Disks, System};

/// Measures.
pub(super) struct Gauge {
    /// The state folder, as the system calls it.
    state: PathBuf,
    measured_ms: Option<u64>,
}

impl Gauge {
    pub(super) fn new(state: &Path) -> Gauge {
        Gauge { state: fs::canonicalize(state).unwrap_or_else(|_| state.to_owned()), measured_ms: None }
    }

    /// Brings the numbers up to date.
    pub(super) fn measure(&mut self, health: &mut Health, now_ms: u64) {
        if self.measured_ms.is_some_and(|before| now_ms.saturating_sub(before) < EVERY_MS) {
            return;
        }
        self.measured_ms = Some(now_ms);
        health.disk_free_kib = kib(self.disk_free());
        if let Ok(mut system) = System::new() {
            system.refresh_memory();
            health.memory_free_kib = kib(system.available_memory());
        }
        // The load of the last minute has two digits behind the point: thousandths of it fit.
        let load = System::load_average().map_or(0.0, |load| load.one) * 1_000.0;
        health.load_thousandths = if load.is_finite() { load.clamp(0.0, 4e9) as u32 } else { 0 };
    }

    /// Octets for the spool: of the disk whose folder is the nearest above.
    fn disk_free(&self) -> u64 {
        let Ok(disks) = Disks::new_with_refreshed_list_specifics(DiskRefreshKind::nothing().with_storage()) else {
            return 0;
        };
        let above = disks.iter().filter(|disk| self.state.starts_with(disk.mount_point()));
        above.max_by_key(|disk| disk.mount_point().as_os_str().len()).map_or(0, sysinfo::Disk::available_space)
    }
}

fn kib(octets: u64) -> u32 {
    u32::try_from(octets / 1_024).unwrap_or(u32::MAX)
}

/// A disk fills more slowly.
const EVERY_MS: u64 = 10_000;

/// SHA-256 of this program, read in pieces: it is larger than what the daemon may keep in memory. Zero if it cannot be read.
pub(super) fn program_hash() -> Hash {
    let hashed = || -> io::Result<Hash> {
        let mut program = File::open(std::env::current_exe()?)?;
        let (mut hasher, mut piece) = (Sha256::new(), vec![0; PIECE_OCTETS]);
        loop {
            match program.read(&mut piece)? {
                0 => return Ok(hasher.finalize().into()),
                length => hasher.update(piece.get(..length).unwrap_or_default()),
            }
        }
    };
    hashed().unwrap_or_default()
}

/// Of the program, at a time.
const PIECE_OCTETS: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_memory_and_the_numbers_are_kept_for_a_while() {
        let (mut gauge, mut health) = (Gauge::new(Path::new("/")), Health::default());
        gauge.measure(&mut health, 0);
        assert!(health.memory_free_kib > 0);
        health.memory_free_kib = 0;
        gauge.measure(&mut health, 9_999);
        assert_eq!(health.memory_free_kib, 0);
        gauge.measure(&mut health, 10_000);
        assert!(health.memory_free_kib > 0);
    }
}
