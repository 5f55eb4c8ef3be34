//! How much memory the agent may take, and how much of it each table gets: one figure is configured, the others follow from it.
//!
//! The figure is the resident memory of the whole process (VmHWM). No limit of the system holds it, for a process that is
//! refused memory is a sensor that is down: every table has its bound, and `tests/days.rs` fills all of them at once and
//! asks the system for the sum.
//! Keeps: the bounds. Drops: nothing; what finds no room is let go and counted where it is.

/// The bounds of what is kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Conversations known at once.
    pub conversations: usize,
    /// Octets that they may hold together: what waits for a listener, and what listeners keep.
    pub held_octets: usize,
    /// Hosts known at once.
    pub hosts: usize,
    /// Rows of the inventory: subject, fact and zone.
    pub rows: usize,
    /// Different things that rows count, together.
    pub things: usize,
    /// Sightings that are known over windows.
    pub known: usize,
}

impl Memory {
    /// What follows from `cap_mib` for the whole process, of which the rings of the interfaces take `rings_octets`. `None` if
    /// too little is left for the tables.
    #[must_use]
    pub fn within(cap_mib: u64, rings_octets: u64) -> Option<Memory> {
        let cap = cap_mib.checked_mul(MIB)?;
        let tables = cap.checked_sub(PROGRAM_OCTETS)?.checked_sub(rings_octets)?;
        if tables < LEAST_TABLES_OCTETS {
            return None;
        }
        let share = |percent: u64| usize::try_from(tables.saturating_mul(percent) / 100).unwrap_or(usize::MAX);
        Some(Memory {
            conversations: share(24) / CONVERSATION_OCTETS,
            held_octets: share(8),
            hosts: (share(7) / HOST_OCTETS).min(auscult_report::summary::MAX_HOSTS),
            rows: (share(28) / ROW_OCTETS).min(auscult_report::summary::MAX_SIGHTINGS),
            things: share(5) / THING_OCTETS,
            known: (share(28) / KNOWN_OCTETS).min(auscult_report::summary::MAX_SIGHTINGS),
        })
    }

    /// The least figure that is enough for these rings, in MiB.
    #[must_use]
    pub fn least_mib(rings_octets: u64) -> u64 {
        PROGRAM_OCTETS.saturating_add(LEAST_TABLES_OCTETS).saturating_add(rings_octets).div_ceil(MIB)
    }

    /// For the person at the keyboard: a capture of a day, on a computer.
    #[must_use]
    pub fn desk() -> Memory {
        Memory::within(DESK_MIB, 0).unwrap_or_default()
    }
}

impl Default for Memory {
    /// What [`DEFAULT_CAP_MIB`] gives two interfaces.
    fn default() -> Memory {
        let none = Memory { conversations: 1, held_octets: 1, hosts: 1, rows: 1, things: 1, known: 1 };
        Memory::within(DEFAULT_CAP_MIB, MIB.saturating_mul(4)).unwrap_or(none)
    }
}

/// A router with 128 MB of memory has as much to spare; a clinic of 300 hosts needs a third of it.
pub(super) const DEFAULT_CAP_MIB: u64 = 24;

/// What a capture of many hundred hosts needs.
const DESK_MIB: u64 = 96;

const MIB: u64 = 1_048_576;

/// The program and its libraries (5 MiB of pages that the system may drop), stacks, the client that delivers (a TLS conversation
/// and a batch of reports), what the allocator loses between its pieces. With 7 here
/// the worst was 23.3 MiB of 24, heard live; with 9 it is 20.4.
const PROGRAM_OCTETS: u64 = 9 * MIB;

/// Less than this is no sensor.
const LEAST_TABLES_OCTETS: u64 = 4 * MIB;

/// A conversation's slot (368 octets), and its place in a hash table that has just doubled (65, twice).
const CONVERSATION_OCTETS: usize = 498;
/// A host with its address in such a table.
const HOST_OCTETS: usize = 150;
/// A row of the inventory in such a table (169), and its sighting (112) in the summary in hand and in the two that wait for the loop.
const ROW_OCTETS: usize = 674;
/// A thing in a set that has just doubled.
const THING_OCTETS: usize = 20;
/// A sighting in what is known (a node of a tree that is two thirds full: 190), in the last whole report, in what is not told yet,
/// in the report in hand (112 each) and in its encoding.
const KNOWN_OCTETS: usize = 650;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_room_for_a_clinic_of_300_hosts() {
        let memory = Memory::default();
        println!("{memory:?}");
        assert!(memory.conversations >= 4_000 && memory.hosts >= 5_000 && memory.rows >= 4_500, "{memory:?}");
        assert!(memory.known >= 3_000 && memory.held_octets >= 900_000, "{memory:?}");
    }

    #[test]
    fn more_memory_never_means_less_room_and_too_little_is_refused() {
        let mut last = Memory::within(Memory::least_mib(0), 0).unwrap();
        assert_eq!(Memory::within(Memory::least_mib(0) - 1, 0), None);
        for cap in Memory::least_mib(0)..1_024 {
            let now = Memory::within(cap, 0).unwrap();
            let all = |m: &Memory| [m.conversations, m.held_octets, m.hosts, m.rows, m.things, m.known];
            assert!(all(&now).iter().zip(all(&last)).all(|(a, b)| *a >= b), "{cap}: {now:?} {last:?}");
            last = now;
        }
        let rings = 8 * 2_048 * 1_024;
        assert!(Memory::within(Memory::least_mib(rings), rings).is_some());
        assert_eq!(Memory::within(Memory::least_mib(rings) - 1, rings), None);
    }
}
