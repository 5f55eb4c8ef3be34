//! What a process took of the machine, as the system counts it (proc(5)): for programs that measure.

use std::fs;

/// User and system time of a process so far, in milliseconds; the system counts ticks of 10 ms.
///
/// # Panics
/// If there is no such process.
#[must_use]
pub fn cpu_ms(id: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10
}

/// The most memory that a process had resident, in KiB.
///
/// # Panics
/// If there is no such process.
#[must_use]
pub fn peak_kib(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The peak of this process begins again.
///
/// # Panics
/// If the system refuses.
pub fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}
