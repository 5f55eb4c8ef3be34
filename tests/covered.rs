//! The golden octets of what was added to reports and heartbeats: coverage and machine, with every word that they can have.

use crate::golden::{heartbeat, key};
use auscult_report::coverage::*;
use auscult_report::heartbeat::Heartbeat;
use auscult_report::key::Hash;
use auscult_report::machine::{FlashReserve, Machine, Restraint};
use auscult_report::payload::{Changes, Payload, Place};
use auscult_report::seal::{SealedReport, Stamp};
use auscult_report::terms::Protocol;
use auscult_report::time::{Timestamp, Window};

/// Coverage with every word of its lists.
#[must_use]
pub fn coverage() -> Coverage {
    let ear = |n: usize| Ear {
        number: u8::try_from(n).unwrap(),
        role: EarRole::ALL[n % EarRole::ALL.len()],
        way: EarWay::ALL[n % EarWay::ALL.len()],
        sight: Sight::ALL[n % Sight::ALL.len()],
        heard: n.is_multiple_of(2),
        frames: 1 << (9 * n),
        lost: n as u64,
        deaf_s: 900,
        group: 127,
        foreign: 128,
        conversations: u32::MAX,
        both_sides: 300,
    };
    let fault = |n: usize| Fault {
        place: FaultPlace::ALL[n % FaultPlace::ALL.len()],
        protocol: Protocol::ALL.get(n * 3).copied().filter(|_| n > 3),
        kind: FaultKind::ALL[n % FaultKind::ALL.len()],
        times: 1_000_000 * n as u64,
    };
    Coverage {
        seconds: 21_600,
        off_s: Some(86_400),
        blocked_s: 2,
        jumped_ahead_s: 1_795_262_400,
        jumped_back_s: 3_600,
        radio: RadioState::Broken,
        ears: (0..8).map(ear).collect::<Vec<_>>().try_into().unwrap(),
        faults: (0..8).map(fault).collect::<Vec<_>>().try_into().unwrap(),
    }
}

/// A machine of which all is known.
#[must_use]
pub fn machine() -> Machine {
    Machine {
        memory_total_kib: 498_000,
        memory_own_kib: 9_412,
        disk_total_kib: 7_600_000,
        temperature_k: Some(331),
        flash_worn_percent: Some(110),
        flash_reserve: Some(FlashReserve::Urgent),
        clock_jumps: 3,
        restraint: Restraint { no_capability: true, no_new_privs: true, seccomp: true, landlock_abi: 6 },
    }
}

/// A report that says what could be heard. Its base is the whole report of the golden chain.
#[must_use]
pub fn report() -> SealedReport {
    let beat = heartbeat();
    let stamp = Stamp {
        ledger: beat.ledger,
        sensor: beat.sensor,
        key_no: 0,
        place: Place { epoch: 0, seq: 9 },
        prev: Hash::from([0x44; 32]),
        moment: beat.moment,
        seen: beat.seen,
        bundle_version: 2,
    };
    let wall = beat.moment.wall;
    let changes = Changes {
        window: Window { from: Timestamp(wall.0 - 900_000), to: wall },
        base: Place { epoch: 0, seq: 1 },
        ext: vec![coverage().extra().unwrap()].try_into().unwrap(),
        ..Changes::default()
    };
    SealedReport::seal(&key(1), &stamp, &Payload::Changes(changes)).unwrap()
}

/// A heartbeat with both.
#[must_use]
pub fn second_heartbeat() -> Heartbeat {
    let all = Coverage { ears: coverage().ears[..2].to_vec().try_into().unwrap(), ..coverage() };
    let ext = vec![all.extra().unwrap(), machine().extra().unwrap()].try_into().unwrap();
    Heartbeat { ext, ..heartbeat() }
}
