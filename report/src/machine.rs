//! What the sensor says of the machine that it is on, beside its `Health` (FORMAT.md section 5, tag 4): an element of the `ext` of a
//! whole report and of a heartbeat.
//!
//! Keeps: numbers, and how far the program has bound itself. Drops: names of disks, of processes, of the machine.

use crate::payload::{Extra, Extras, whole};
use serde::{Deserialize, Serialize};

words! {
    /// How much of a flash memory's reserve is left, as it says itself (JESD84-B51, PRE_EOL_INFO). Grows at its end.
    FlashReserve {
        /// Enough.
        Normal = "normal",
        /// Four fifths of it are used.
        Low = "low",
        /// Nine tenths are.
        Urgent = "urgent",
    }
}

/// How far the program has bound itself once its ears were open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restraint {
    /// It holds no capability.
    pub no_capability: bool,
    /// It cannot get one by starting a program.
    pub no_new_privs: bool,
    /// The kernel refuses it every call that it does not need.
    pub seccomp: bool,
    /// The version of Landlock that bounds its files; 0: none does.
    pub landlock_abi: u8,
}

/// The machine. What is not known is `None`, or 0 where a machine cannot have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Memory in KiB.
    pub memory_total_kib: u32,
    /// Of it, what the sensor's program takes (its resident set).
    pub memory_own_kib: u32,
    /// The size of the disk that the spool is on, in KiB.
    pub disk_total_kib: u32,
    /// The warmest place of it, in kelvin.
    pub temperature_k: Option<u16>,
    /// How much of the flash memory's life is used, in percent: the upper bound of the tenth that it tells; above 100: past it.
    pub flash_worn_percent: Option<u8>,
    /// How much of its reserve is left.
    pub flash_reserve: Option<FlashReserve>,
    /// How often its clock jumped since the start.
    pub clock_jumps: u32,
    /// How far the program has bound itself.
    pub restraint: Restraint,
}

impl Machine {
    /// As an element of an `ext`. `None` if memory is gone.
    #[must_use]
    pub fn extra(&self) -> Option<Extra> {
        Extra::of(EXTRA_MACHINE, self)
    }

    /// The one that stands in an `ext`; `None` if there is none, or one that this program does not understand.
    #[must_use]
    pub fn within(ext: &Extras) -> Option<Machine> {
        whole(&ext.iter().find(|e| e.tag == EXTRA_MACHINE)?.octets)
    }
}

/// The tag of a [`Machine`] in an `ext`.
pub const EXTRA_MACHINE: u16 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_written_octet_by_octet() {
        let restraint = Restraint { no_capability: true, no_new_privs: true, seccomp: false, landlock_abi: 4 };
        let machine = Machine {
            memory_total_kib: 250_000,
            memory_own_kib: 9_000,
            disk_total_kib: 100,
            temperature_k: Some(327),
            flash_worn_percent: Some(20),
            flash_reserve: Some(FlashReserve::Normal),
            clock_jumps: 1,
            restraint,
        };
        #[rustfmt::skip]
        let octets = [
            0x90, 0xa1, 0x0f, // memory_total_kib: 250,000
            0xa8, 0x46,       // memory_own_kib: 9,000
            100,              // disk_total_kib
            1, 0xc7, 0x02,    // temperature_k: some, 327
            1, 20,            // flash_worn_percent: some, 20
            1, 0,             // flash_reserve: some, Normal
            1,                // clock_jumps
            1,                // restraint: no_capability
            1,                // no_new_privs
            0,                // seccomp
            4,                // landlock_abi
        ];
        let extra = machine.extra().unwrap();
        assert_eq!((extra.tag, &extra.octets[..]), (4, &octets[..]));
        assert_eq!(Machine::within(&Extras::first_of(vec![extra]).0), Some(machine));
    }
}
