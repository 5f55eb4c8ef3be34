//! System calls that are refused once the ears are open: a program of the classic packet filter over the number of a call and
//! its arguments (seccomp(2), linux/seccomp.h, linux/audit.h), by our own hands, because no library knows 32-bit ARM and MIPS.
//!
//! Keeps: every call of hearing, sealing and delivering, whichever of them the system's library, its age or the processor
//! chooses. Therefore this lists what is refused; a list of what is allowed that lacks one call would make a sensor deaf in a
//! clinic where nobody looks. Sockets alone are listed the other way round, because by them one speaks.
//! Drops: sending on what is heard; programs, processes, other identities; everything that changes the machine. A refused call
//! fails with EPERM and nothing ends; calls that are younger than this list do not exist (ENOSYS), as on an older kernel.

use super::numbers as call;
use super::rights::Duty;
use libc::{c_int, c_long};
use std::collections::BTreeMap;

/// One instruction: code, jump if true, jump if false, operand.
pub(super) type Instruction = (u16, u8, u8, u32);

/// A kind of socket: family, types, protocols.
pub(super) type Talk = (c_int, &'static [c_int], &'static [c_int]);

/// TCP and UDP over IPv4: the collector, and the names that lead to it.
pub(super) const INTERNET_4: Talk = (libc::AF_INET, &[libc::SOCK_STREAM, libc::SOCK_DGRAM], &INTERNET);
/// The same over IPv6.
pub(super) const INTERNET_6: Talk = (libc::AF_INET6, &[libc::SOCK_STREAM, libc::SOCK_DGRAM], &INTERNET);
/// Which interfaces there are, with which addresses. To change one needs a capability.
pub(super) const ROUTES: Talk = (libc::AF_NETLINK, &[libc::SOCK_RAW, libc::SOCK_DGRAM], &[libc::NETLINK_ROUTE]);
/// What the kernel knows of its radios. To change it needs a capability.
pub(super) const WIRELESS: Talk = (libc::AF_NETLINK, &[libc::SOCK_RAW, libc::SOCK_DGRAM], &[libc::NETLINK_GENERIC]);
/// An interface's number; a word to the service manager.
pub(super) const LOCAL: Talk = (libc::AF_UNIX, &[libc::SOCK_DGRAM], &[0]);

/// The program for a thread with this duty; none for a processor whose calls are not known here.
pub(super) fn program(duty: &Duty) -> Option<Vec<Instruction>> {
    let kind = call::KIND?;
    let mut program = vec![
        (LOAD, 0, 0, KIND),
        (IF_EQUAL, 1, 0, kind),
        // Another kind of call of the same processor: nothing of ours makes it.
        REFUSE,
        (LOAD, 0, 0, NUMBER),
        (IF_AT_LEAST, 0, 3, call::BEGIN.saturating_add(LAST_KNOWN).saturating_add(1)),
        (IF_AT_LEAST, 0, 1, call::OWN),
        ALLOW,
        UNKNOWN,
    ];
    let rules: Vec<(u32, Vec<Instruction>)> = rules(duty).into_iter().collect();
    program.extend(tree(&rules));
    Some(program)
}

/// Looks for the number of a call by halves: each call that the program makes passes it, some hundred thousand a minute.
fn tree(rules: &[(u32, Vec<Instruction>)]) -> Vec<Instruction> {
    let (low, high) = rules.split_at(rules.len() / 2);
    let mut piece = Vec::new();
    match high.first() {
        Some((first, _)) if rules.len() > FEW => {
            let low = tree(low);
            piece.extend([(IF_AT_LEAST, 0, 1, *first), (JUMP, 0, 0, u32::try_from(low.len()).unwrap_or(u32::MAX))]);
            piece.extend(low);
            piece.extend(tree(high));
        }
        _ => {
            for (number, rule) in rules {
                piece.push((IF_EQUAL, 0, behind(rule).saturating_add(1), *number));
                piece.extend(rule);
                piece.push(ALLOW);
            }
            piece.push(ALLOW);
        }
    }
    piece
}

/// What becomes of each call that is looked at; who falls out of a rule is allowed.
fn rules(duty: &Duty) -> BTreeMap<u32, Vec<Instruction>> {
    let mut rules: BTreeMap<u32, Vec<Instruction>> = BTreeMap::new();
    let mut add = |calls: &[c_long], rule: Vec<Instruction>| {
        for number in calls.iter().filter_map(|call| u32::try_from(*call).ok()) {
            rules.entry(number).or_default().extend(&rule);
        }
    };
    add(call::NEVER, vec![REFUSE]);
    add(call::NOT_HERE, vec![UNKNOWN]);
    add(&[libc::SYS_clone], without_bit(0, bits(libc::CLONE_THREAD), vec![REFUSE]));
    add(&[libc::SYS_ioctl], one_of(1, EVERY_BIT, &[typing()], vec![REFUSE]));
    // What is heard is heard by descriptors from FLOOR on; nothing is said there, and no other number is given to them.
    add(call::SENDS, at_least(0, FLOOR, vec![REFUSE]));
    add(&[libc::SYS_splice], at_least(2, FLOOR, vec![REFUSE]));
    add(call::DUPLICATES, at_least(0, FLOOR, vec![REFUSE]));
    let duplicates = [bits(libc::F_DUPFD), bits(libc::F_DUPFD_CLOEXEC)];
    let lower = one_of(1, EVERY_BIT, &duplicates, below(2, FLOOR, vec![REFUSE]));
    add(call::CONTROLS, at_least(0, FLOOR, lower));
    let ring = one_of(2, EVERY_BIT, &[bits(libc::PACKET_TX_RING)], vec![REFUSE]);
    add(&[libc::SYS_setsockopt], one_of(1, EVERY_BIT, &[bits(libc::SOL_PACKET)], ring));
    add(&[libc::SYS_socket], sockets(duty.sockets));
    if !duty.connects {
        add(&[libc::SYS_connect], vec![REFUSE]);
    }
    if !duty.writes {
        add(call::CHANGES, vec![REFUSE]);
        let change = bits(libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC);
        add(&[libc::SYS_openat], any_bit(2, change, vec![REFUSE]));
        add(call::OPENS, any_bit(1, change, vec![REFUSE]));
    }
    rules
}

/// Only sockets of these kinds.
fn sockets(talks: &[Talk]) -> Vec<Instruction> {
    let mut rule = Vec::new();
    for (family, types, protocols) in talks {
        let [types, protocols] = [types, protocols].map(|list| list.iter().map(|n| bits(*n)).collect::<Vec<_>>());
        let by_protocol = one_of(2, EVERY_BIT, &protocols, vec![ALLOW]);
        let by_type = one_of(1, TYPE, &types, by_protocol);
        rule.extend(one_of(0, EVERY_BIT, &[bits(*family)], by_type));
    }
    rule.push(REFUSE);
    rule
}

/// `then`, if these bits of an argument are one of `values`.
fn one_of(argument: u32, mask: u32, values: &[u32], then: Vec<Instruction>) -> Vec<Instruction> {
    let mut piece = vec![load(argument), (AND, 0, 0, mask)];
    for (n, value) in (1usize..).zip(values) {
        let left = u8::try_from(values.len().saturating_sub(n)).unwrap_or(u8::MAX);
        piece.push((IF_EQUAL, left, if left == 0 { behind(&then) } else { 0 }, *value));
    }
    piece.extend(then);
    piece
}

/// `then`, if an argument is not below `least`; so also if it is negative.
fn at_least(argument: u32, least: u32, then: Vec<Instruction>) -> Vec<Instruction> {
    [vec![load(argument), (IF_AT_LEAST, 0, behind(&then), least)], then].concat()
}

/// `then`, if an argument is below `end`.
fn below(argument: u32, end: u32, then: Vec<Instruction>) -> Vec<Instruction> {
    [vec![load(argument), (IF_AT_LEAST, behind(&then), 0, end)], then].concat()
}

/// `then`, if an argument has one of these bits.
fn any_bit(argument: u32, mask: u32, then: Vec<Instruction>) -> Vec<Instruction> {
    [vec![load(argument), (IF_ANY_BIT, 0, behind(&then), mask)], then].concat()
}

/// `then`, if an argument has none of these bits.
fn without_bit(argument: u32, mask: u32, then: Vec<Instruction>) -> Vec<Instruction> {
    [vec![load(argument), (IF_ANY_BIT, behind(&then), 0, mask)], then].concat()
}

/// The lower half of an argument: descriptors, flags and kinds have 32 bits.
const fn load(argument: u32) -> Instruction {
    let half = if cfg!(target_endian = "little") { 0 } else { 4 };
    (LOAD, 0, 0, ARGUMENTS.saturating_add(argument.saturating_mul(8)).saturating_add(half))
}

/// A jump over a piece. No piece here has more than forty instructions.
fn behind(piece: &[Instruction]) -> u8 {
    u8::try_from(piece.len()).unwrap_or(u8::MAX)
}

/// A flag's bits as they are.
const fn bits(flag: c_int) -> u32 {
    flag.cast_unsigned()
}

/// The request that types on a terminal in a person's place.
fn typing() -> u32 {
    u32::try_from(libc::TIOCSTI).unwrap_or(u32::MAX)
}

/// Descriptors from here on are ears.
pub(super) use crate::capture::several::FLOOR;

/// The number of the youngest call that this list knows: cachestat, Linux 6.5.
const LAST_KNOWN: u32 = 451;
/// TCP, UDP, and whichever of them fits the type.
const INTERNET: [c_int; 3] = [0, libc::IPPROTO_TCP, libc::IPPROTO_UDP];
/// A socket's type without its flags.
const TYPE: u32 = 0xf;
const EVERY_BIT: u32 = u32::MAX;
/// So many calls are compared one by one.
const FEW: usize = 3;

/// Where they stand in `seccomp_data`.
const NUMBER: u32 = 0;
const KIND: u32 = 4;
const ARGUMENTS: u32 = 16;

/// BPF_RET | BPF_K with SECCOMP_RET_ALLOW
const ALLOW: Instruction = (0x06, 0, 0, libc::SECCOMP_RET_ALLOW);
/// SECCOMP_RET_ERRNO: EPERM
const REFUSE: Instruction = (0x06, 0, 0, libc::SECCOMP_RET_ERRNO | bits(libc::EPERM));
/// SECCOMP_RET_ERRNO: ENOSYS, behind which every library tries an older way
const UNKNOWN: Instruction = (0x06, 0, 0, libc::SECCOMP_RET_ERRNO | bits(libc::ENOSYS));
/// BPF_LD | BPF_W | BPF_ABS
const LOAD: u16 = 0x20;
/// BPF_ALU | BPF_AND | BPF_K
const AND: u16 = 0x54;
/// BPF_JMP | BPF_JA
const JUMP: u16 = 0x05;
/// BPF_JMP | BPF_JEQ | BPF_K
const IF_EQUAL: u16 = 0x15;
/// BPF_JMP | BPF_JGE | BPF_K
const IF_AT_LEAST: u16 = 0x35;
/// BPF_JMP | BPF_JSET | BPF_K
const IF_ANY_BIT: u16 = 0x45;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may stop")]
mod tests {
    use super::super::rights::{CAPTURE, COURIER, DAEMON, HAND, LOOP, RADIO};
    use super::*;

    /// What the kernel does with a call.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Told {
        Done,
        Refused,
        Unknown,
    }
    use Told::{Done, Refused, Unknown};

    /// Goes through the program as the kernel does (Documentation/networking/filter.rst), and counts the instructions.
    fn run(program: &[Instruction], kind: u32, number: u32, arguments: [u32; 6]) -> (Told, usize) {
        let word = |at: u32| match at {
            NUMBER => number,
            KIND => kind,
            _ => {
                let place = (at - ARGUMENTS) as usize;
                let half = if cfg!(target_endian = "little") { 0 } else { 4 };
                // The upper half holds what nobody may rely on.
                if place % 8 == half { arguments[place / 8] } else { 0xdead_beef }
            }
        };
        let (mut a, mut at, mut steps) = (0, 0, 0);
        loop {
            let (code, yes, no, k) = program[at];
            (at, steps) = (at + 1, steps + 1);
            let jump = |is_so: bool| usize::from(if is_so { yes } else { no });
            match code {
                0x06 if k == libc::SECCOMP_RET_ALLOW => return (Done, steps),
                0x06 if k == libc::SECCOMP_RET_ERRNO | 1 => return (Refused, steps),
                0x06 if k == UNKNOWN.3 => return (Unknown, steps),
                LOAD => a = word(k),
                AND => a &= k,
                JUMP => at += k as usize,
                IF_EQUAL => at += jump(a == k),
                IF_AT_LEAST => at += jump(a >= k),
                IF_ANY_BIT => at += jump(a & k != 0),
                _ => panic!("code {code:#x}"),
            }
        }
    }

    fn told(duty: &Duty, call: c_long, arguments: &[c_int]) -> Told {
        let mut six = [0; 6];
        arguments.iter().enumerate().for_each(|(n, argument)| six[n] = argument.cast_unsigned());
        run(&program(duty).unwrap(), call::KIND.unwrap(), u32::try_from(call).unwrap(), six).0
    }

    const ALL: [&Duty; 4] = [&DAEMON, &LOOP, &CAPTURE, &COURIER];
    const EAR: c_int = FLOOR as c_int;

    #[test]
    fn nobody_starts_a_program_becomes_another_or_changes_the_machine() {
        for duty in ALL {
            for call in call::NEVER {
                assert_eq!(told(duty, *call, &[]), Refused, "{call}");
            }
            for call in call::NOT_HERE {
                assert_eq!(told(duty, *call, &[]), Unknown, "{call}");
            }
            let thread = libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND;
            assert_eq!(told(duty, libc::SYS_clone, &[thread]), Done);
            assert_eq!(told(duty, libc::SYS_clone, &[libc::CLONE_VM | libc::CLONE_NEWUSER | libc::SIGCHLD]), Refused);
            assert_eq!(told(duty, libc::SYS_ioctl, &[0, c_int::try_from(libc::TIOCSTI).unwrap()]), Refused);
            assert_eq!(told(duty, libc::SYS_ioctl, &[0, 0x8933]), Done, "SIOCGIFINDEX");
        }
    }

    #[test]
    fn nothing_is_sent_by_an_ear_and_none_gets_another_number() {
        for duty in ALL {
            for call in call::SENDS {
                assert_eq!(told(duty, *call, &[EAR]), Refused, "{call}");
                assert_eq!(told(duty, *call, &[EAR + 60]), Refused, "{call}");
                assert_eq!(told(duty, *call, &[EAR - 1]), Done, "{call}");
                assert_eq!(told(duty, *call, &[2]), Done, "{call}");
            }
            assert_eq!(told(duty, libc::SYS_splice, &[3, 0, EAR]), Refused);
            assert_eq!(told(duty, libc::SYS_splice, &[EAR, 0, 3]), Done);
            for call in call::DUPLICATES {
                assert_eq!((told(duty, *call, &[EAR, 3]), told(duty, *call, &[5, 3])), (Refused, Done));
            }
            for call in call::CONTROLS {
                for way in [libc::F_DUPFD, libc::F_DUPFD_CLOEXEC] {
                    assert_eq!(told(duty, *call, &[EAR, way, EAR - 1]), Refused);
                    assert_eq!(told(duty, *call, &[EAR, way, EAR]), Done);
                    assert_eq!(told(duty, *call, &[3, way, 3]), Done);
                }
                assert_eq!(told(duty, *call, &[EAR, libc::F_SETFL, 0]), Done);
            }
            let set = |level, name| told(duty, libc::SYS_setsockopt, &[EAR, level, name]);
            assert_eq!(set(libc::SOL_PACKET, libc::PACKET_TX_RING), Refused);
            assert_eq!(set(libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP), Done);
            assert_eq!(set(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER), Done);
            for call in [libc::SYS_recvfrom, libc::SYS_recvmsg, libc::SYS_read, libc::SYS_getsockopt, libc::SYS_bind] {
                assert_eq!(told(duty, call, &[EAR]), Done, "{call}");
            }
        }
    }

    #[test]
    fn each_thread_opens_the_sockets_of_its_work_and_no_other() {
        let more = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        let kinds = [
            (libc::AF_INET, libc::SOCK_STREAM, 0),
            (libc::AF_INET6, libc::SOCK_STREAM, libc::IPPROTO_TCP),
            (libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_UDP),
            (libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE),
            (libc::AF_UNIX, libc::SOCK_DGRAM, 0),
            (libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_GENERIC),
        ];
        for (duty, may) in [
            (&DAEMON, [true, true, true, true, true, true]),
            (&LOOP, [false, false, false, true, true, false]),
            (&CAPTURE, [false, false, false, true, true, false]),
            (&COURIER, [true, true, true, true, false, false]),
            (&RADIO, [false, false, false, true, true, true]),
            (&HAND, [false, false, false, false, false, false]),
        ] {
            for ((family, kind, protocol), may) in kinds.into_iter().zip(may) {
                let wanted = if may { Done } else { Refused };
                assert_eq!(told(duty, libc::SYS_socket, &[family, kind | more, protocol]), wanted, "{family} {kind}");
            }
            for (family, kind, protocol) in [
                (libc::AF_PACKET, libc::SOCK_RAW, 0),
                (libc::AF_PACKET, libc::SOCK_DGRAM, 0x0300),
                (libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_TCP),
                (libc::AF_INET6, libc::SOCK_RAW, libc::IPPROTO_ICMPV6),
                (libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_ICMP),
                (libc::AF_INET, libc::SOCK_SEQPACKET, libc::IPPROTO_SCTP),
                (libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_NETFILTER),
                (libc::AF_UNIX, libc::SOCK_STREAM, 0),
                (libc::AF_VSOCK, libc::SOCK_STREAM, 0),
                (libc::AF_BLUETOOTH, libc::SOCK_RAW, 1),
                (libc::AF_ALG, libc::SOCK_SEQPACKET, 0),
            ] {
                assert_eq!(told(duty, libc::SYS_socket, &[family, kind | more, protocol]), Refused, "{family} {kind}");
            }
            assert_eq!(told(duty, libc::SYS_connect, &[3]), if duty.connects { Done } else { Refused });
        }
    }

    #[test]
    fn the_threads_that_meet_strangers_change_no_file() {
        let strangers = [&CAPTURE, &COURIER, &RADIO, &HAND].map(|duty| (duty, Refused));
        for (duty, wanted) in [(&DAEMON, Done), (&LOOP, Done)].into_iter().chain(strangers) {
            for call in call::CHANGES {
                assert_eq!(told(duty, *call, &[]), wanted, "{call}");
            }
            for flag in [libc::O_WRONLY, libc::O_RDWR, libc::O_RDONLY | libc::O_CREAT, libc::O_RDONLY | libc::O_TRUNC] {
                assert_eq!(
                    told(duty, libc::SYS_openat, &[libc::AT_FDCWD, 0, flag | libc::O_CLOEXEC]),
                    wanted,
                    "{flag}"
                );
                for call in call::OPENS {
                    assert_eq!(told(duty, *call, &[0, flag]), wanted);
                }
            }
            let looks = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_DIRECTORY;
            assert_eq!(told(duty, libc::SYS_openat, &[libc::AT_FDCWD, 0, looks]), Done);
            assert_eq!(told(duty, libc::SYS_fsync, &[3]), Done);
        }
    }

    #[test]
    fn what_is_younger_than_the_list_or_of_another_kind_is_not_done() {
        let program = program(&DAEMON).unwrap();
        let kind = call::KIND.unwrap();
        let told = |kind, number| run(&program, kind, call::BEGIN + number, [0; 6]).0;
        assert_eq!((told(kind, LAST_KNOWN), told(kind, LAST_KNOWN + 1), told(kind, 1_000)), (Done, Unknown, Unknown));
        if call::OWN == u32::MAX {
            // The 32-bit calls on a 64-bit processor (x32).
            assert_eq!(told(kind, 0x4000_0000 + 41), Unknown);
        } else {
            assert_eq!(run(&program, kind, call::OWN + 5, [0; 6]).0, Done);
        }
        assert_eq!(told(kind ^ 1, 1), Refused);
    }

    #[test]
    fn the_programs_are_short() {
        for duty in ALL {
            let program = program(duty).unwrap();
            let kind = call::KIND.unwrap();
            let most = (0..500).map(|n| run(&program, kind, call::BEGIN + n, [0; 6]).1).max().unwrap();
            println!("{} instructions, at most {most} for a call", program.len());
            assert!(program.len() < 4_096, "the kernel takes no more");
            assert!(most < 64);
            for (at, (code, yes, no, k)) in program.iter().enumerate() {
                let far = if *code == JUMP { *k as usize } else { usize::from(*yes.max(no)) };
                assert!(*code & 7 != 5 || at + 1 + far < program.len(), "a jump out of the program");
            }
        }
    }
}
