//! What the sensor says of the machine that it is on: room, memory, load, warmth, wear of its flash memory, and how far this program
//! has bound itself (proc(5); Documentation/admin-guide/thermal; JESD84-B51 for the wear of an eMMC).
//!
//! Keeps: numbers, measured at most every ten seconds; what cannot be asked is left as it was. Drops: names of disks and processes.

use crate::config::Config;
use auscult_report::heartbeat::Health;
use auscult_report::key::{Hash, hash};
use auscult_report::machine::{FlashReserve, Machine};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use sysinfo::{Disk, DiskRefreshKind, Disks, System};

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
    pub(super) fn measure(&mut self, health: &mut Health, machine: &mut Machine, now_ms: u64) {
        if self.measured_ms.is_some_and(|before| now_ms.saturating_sub(before) < EVERY_MS) {
            return;
        }
        self.measured_ms = Some(now_ms);
        let (free, total) = self.disk();
        (health.disk_free_kib, machine.disk_total_kib) = (kib(free), kib(total));
        if let Ok(mut system) = System::new() {
            system.refresh_memory();
            health.memory_free_kib = kib(system.available_memory());
            machine.memory_total_kib = kib(system.total_memory());
        }
        // The load of the last minute has two digits behind the point: thousandths of it fit.
        let load = System::load_average().map_or(0.0, |load| load.one) * 1_000.0;
        health.load_thousandths = if load.is_finite() { load.clamp(0.0, 4e9) as u32 } else { 0 };
        machine.temperature_k = temperature_k(Path::new(THERMAL));
        (machine.flash_worn_percent, machine.flash_reserve) = flash(Path::new(BLOCKS));
        if let Some(status) = short(Path::new("/proc/self/status")) {
            of_process(&status, machine);
        }
    }

    /// Free octets for the spool and octets in all: of the disk whose folder is the nearest above.
    fn disk(&self) -> (u64, u64) {
        let Ok(disks) = Disks::new_with_refreshed_list_specifics(DiskRefreshKind::nothing().with_storage()) else {
            return (0, 0);
        };
        let above = disks.iter().filter(|disk| self.state.starts_with(disk.mount_point()));
        let nearest = above.max_by_key(|disk| disk.mount_point().as_os_str().len());
        (nearest.map_or(0, Disk::available_space), nearest.map_or(0, Disk::total_space))
    }
}

fn kib(octets: u64) -> u32 {
    u32::try_from(octets / 1_024).unwrap_or(u32::MAX)
}

/// The warmest of the machine's zones, in kelvin; they tell thousandths of a degree Celsius.
pub(super) fn temperature_k(zones: &Path) -> Option<u16> {
    let zone = |n: u32| {
        let text = short(&zones.join(format!("thermal_zone{n}/temp")))?;
        text.trim().parse::<i32>().ok()
    };
    let kelvin = |milli: i32| u16::try_from(milli.saturating_add(ICE_MK) / 1_000).ok();
    (0..MOST_ZONES).filter_map(zone).filter(|milli| (-60_000..=200_000).contains(milli)).max().and_then(kelvin)
}

/// Of the most worn flash memory that tells of itself: life used in percent, and what is left of its reserve.
fn flash(blocks: &Path) -> (Option<u8>, Option<FlashReserve>) {
    let ask = |n: u32, name: &str| short(&blocks.join(format!("mmcblk{n}/device/{name}")));
    let number = |word: &str| u8::from_str_radix(word.trim_start_matches("0x"), 16).ok();
    // Tenths from 1 to 10, 11 is past its life; 0 says nothing. Two kinds of cells, each with its own.
    let worn = |n: u32| {
        let told = ask(n, "life_time")?;
        told.split_whitespace().filter_map(number).filter(|tenth| (1..=11).contains(tenth)).max()
    };
    let reserve = |n: u32| match number(ask(n, "pre_eol_info")?.trim())? {
        1 => Some(FlashReserve::Normal),
        2 => Some(FlashReserve::Low),
        3 => Some(FlashReserve::Urgent),
        _ => None,
    };
    let worn = (0..MOST_BLOCKS).filter_map(worn).max().map(|tenth| tenth.saturating_mul(10));
    (worn, (0..MOST_BLOCKS).filter_map(reserve).max())
}

/// What the kernel says of this process: its memory, and what it may still do.
fn of_process(status: &str, machine: &mut Machine) {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let kib = field("VmRSS:").and_then(|text| text.strip_suffix(" kB")).and_then(|text| text.trim().parse().ok());
    machine.memory_own_kib = kib.unwrap_or(machine.memory_own_kib);
    let is_nothing = |set: &str| field(set).is_some_and(|bits| !bits.is_empty() && bits.bytes().all(|c| c == b'0'));
    let restraint = &mut machine.restraint;
    restraint.no_capability = ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:"].into_iter().all(is_nothing);
    restraint.no_new_privs = field("NoNewPrivs:") == Some("1");
    restraint.seccomp = field("Seccomp:") == Some("2");
}

/// A small text of the kernel; what is longer is none of those that are read here.
fn short(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(MOST_OCTETS).read_to_string(&mut text).ok()?;
    Some(text)
}

/// A disk fills more slowly.
const EVERY_MS: u64 = 10_000;
pub(super) const THERMAL: &str = "/sys/class/thermal";
const BLOCKS: &str = "/sys/block";
/// Thermal zones of a board: a few.
const MOST_ZONES: u32 = 32;
/// Memory cards and chips of a board.
const MOST_BLOCKS: u32 = 4;
/// The status of a process has about 1,500 octets.
const MOST_OCTETS: u64 = 8_192;
/// 0 degrees Celsius, in kelvins: to show whole degrees.
pub(super) const ZERO_CELSIUS_K: i32 = 273;
/// The same in thousandths of a kelvin.
const ICE_MK: i32 = 273_150;

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

/// SHA-256 of what is meant, whatever the file looks like.
pub(super) fn config_hash(config: &Config) -> Hash {
    hash(b"", &[format!("{config:?}").as_bytes()])
}

/// Of the program, at a time.
const PIECE_OCTETS: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_memory_and_the_numbers_are_kept_for_a_while() {
        let (mut gauge, mut health, mut machine) = (Gauge::new(Path::new("/")), Health::default(), Machine::default());
        gauge.measure(&mut health, &mut machine, 0);
        assert!(health.memory_free_kib > 0 && machine.memory_total_kib >= health.memory_free_kib);
        assert!(machine.memory_own_kib > 1_000 && machine.disk_total_kib >= health.disk_free_kib);
        health.memory_free_kib = 0;
        gauge.measure(&mut health, &mut machine, 9_999);
        assert_eq!(health.memory_free_kib, 0);
        gauge.measure(&mut health, &mut machine, 10_000);
        assert!(health.memory_free_kib > 0);
    }

    #[test]
    fn warmth_and_wear_are_read_from_what_the_kernel_tells() {
        let folder = std::env::temp_dir().join(format!("auscult-health-{}", std::process::id()));
        let write = |path: &str, text: &str| {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!((temperature_k(&folder), flash(&folder)), (None, (None, None)));
        write("thermal_zone0/temp", "41500\n");
        write("thermal_zone1/temp", "58312\n");
        write("thermal_zone2/temp", "-274000\n");
        write("thermal_zone3/temp", "warm\n");
        assert_eq!(temperature_k(&folder), Some(331));
        write("mmcblk0/device/life_time", "0x01 0x02\n");
        write("mmcblk0/device/pre_eol_info", "0x01\n");
        assert_eq!(flash(&folder), (Some(20), Some(FlashReserve::Normal)));
        write("mmcblk1/device/life_time", "0x0b 0x00\n");
        write("mmcblk1/device/pre_eol_info", "0x03\n");
        assert_eq!(flash(&folder), (Some(110), Some(FlashReserve::Urgent)));
        write("mmcblk1/device/life_time", "0x00 0xff\n");
        assert_eq!(flash(&folder).0, Some(20), "what says nothing is not believed");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn how_far_the_program_is_bound_is_what_the_kernel_says_not_what_it_wishes() {
        let bound = "VmRSS:\t    9412 kB\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n\
                     CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n";
        let mut machine = Machine::default();
        of_process(bound, &mut machine);
        let restraint = machine.restraint;
        assert_eq!(machine.memory_own_kib, 9_412);
        assert!(restraint.no_capability && restraint.no_new_privs && restraint.seccomp);
        of_process(&bound.replace("CapEff:\t0000000000000000", "CapEff:\t0000000000002000"), &mut machine);
        assert!(!machine.restraint.no_capability);
        of_process("", &mut machine);
        let restraint = machine.restraint;
        assert!(!restraint.no_capability && !restraint.no_new_privs && !restraint.seccomp);
        assert_eq!(machine.memory_own_kib, 9_412, "what is not told is left as it was");
    }
}
