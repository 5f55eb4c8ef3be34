//! What the kernel leaves away before a frame is copied: a program of the classic packet filter (bpf(4), linux/filter.h).
//!
//! Keeps: every frame up to a length. Drops: nothing but the sensor's own conversations with its collector, where it is
//! told of them: hearing oneself would make more to tell at each telling.

use core::net::{IpAddr, SocketAddr};

/// One instruction: code, jump if true, jump if false, operand.
pub(super) type Instruction = (u16, u8, u8, u32);

/// Every frame up to `snap` octets, without the TCP conversations with `own` on a link whose frames begin with Ethernet.
pub(super) fn program(snap: u32, own: &[SocketAddr]) -> Vec<Instruction> {
    let mut program = Vec::new();
    for end in own.iter().take(MOST_OWN) {
        let talk = match end.ip() {
            IpAddr::V4(address) => without_v4(u32::from(address), end.port()),
            IpAddr::V6(address) => without_v6(&address.octets(), end.port()),
        };
        program.extend(talk);
    }
    program.push((RETURN, 0, 0, snap));
    program
}

/// Away with TCP over IPv4 from or to this end. Options of the header are passed; fragments are kept.
fn without_v4(address: u32, port: u16) -> Vec<Instruction> {
    let port = u32::from(port);
    // A jump of `n` passes n instructions; what is heard goes on behind the last.
    vec![
        (LOAD_16, 0, 0, 12),
        (IF_EQUAL, 0, 14, 0x0800),
        (LOAD_8, 0, 0, 23),
        (IF_EQUAL, 0, 12, TCP),
        (LOAD_16, 0, 0, 20),
        (IF_ANY_BIT, 10, 0, 0x1fff),
        (HEADER_LENGTH, 0, 0, 14),
        // from there, by its port
        (LOAD_32, 0, 0, 26),
        (IF_EQUAL, 0, 2, address),
        (LOAD_16_INDEXED, 0, 0, 14),
        (IF_EQUAL, 4, 0, port),
        // to there
        (LOAD_32, 0, 0, 30),
        (IF_EQUAL, 0, 3, address),
        (LOAD_16_INDEXED, 0, 0, 16),
        (IF_EQUAL, 0, 1, port),
        (RETURN, 0, 0, 0),
    ]
}

/// Away with TCP over IPv6 from or to this end, where TCP follows the header at once.
fn without_v6(address: &[u8; 16], port: u16) -> Vec<Instruction> {
    let port = u32::from(port);
    let mut piece = vec![(LOAD_16, 0, 0, 12), (IF_EQUAL, 0, 23, 0x86dd), (LOAD_8, 0, 0, 20), (IF_EQUAL, 0, 21, TCP)];
    for (at, port_at, away) in [(22u32, 54, 11u8), (38, 56, 0)] {
        let words = address.chunks_exact(4).map(|w| w.iter().fold(0u32, |n, octet| n << 8 | u32::from(*octet)));
        for (n, word) in (0u8..4).zip(words) {
            let left = 8u8.saturating_sub(n.saturating_mul(2));
            // The second end is the last: who is not it is heard, one instruction behind.
            let other = if away == 0 { left.saturating_add(1) } else { left };
            piece.push((LOAD_32, 0, 0, at.saturating_add(u32::from(n).saturating_mul(4))));
            piece.push((IF_EQUAL, 0, other, word));
        }
        piece.push((LOAD_16, 0, 0, port_at));
        piece.push((IF_EQUAL, away.saturating_sub(1), u8::from(away == 0), port));
    }
    piece.push((RETURN, 0, 0, 0));
    piece
}

/// Addresses of one's own collector: eight of the configuration and as many as it gave itself.
const MOST_OWN: usize = 16;
const TCP: u32 = 6;

/// BPF_RET | BPF_K
const RETURN: u16 = 0x06;
/// BPF_LD | BPF_W | BPF_ABS
const LOAD_32: u16 = 0x20;
/// BPF_LD | BPF_H | BPF_ABS
const LOAD_16: u16 = 0x28;
/// BPF_LD | BPF_B | BPF_ABS
const LOAD_8: u16 = 0x30;
/// BPF_LD | BPF_H | BPF_IND
const LOAD_16_INDEXED: u16 = 0x48;
/// BPF_LDX | BPF_B | BPF_MSH: the length of an IPv4 header
const HEADER_LENGTH: u16 = 0xb1;
/// BPF_JMP | BPF_JEQ | BPF_K
const IF_EQUAL: u16 = 0x15;
/// BPF_JMP | BPF_JSET | BPF_K
const IF_ANY_BIT: u16 = 0x45;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may stop")]
mod tests {
    use super::*;

    /// What a program gives for a frame: how many octets are kept. A load behind the end gives none, as in the kernel.
    fn run(program: &[Instruction], frame: &[u8]) -> u32 {
        let (mut a, mut x, mut at) = (0u32, 0usize, 0usize);
        let load = |at: usize, octets: usize| {
            frame.get(at..at + octets).map(|o| o.iter().fold(0u32, |n, octet| n << 8 | u32::from(*octet)))
        };
        loop {
            let (code, yes, no, k) = program[at];
            let place = k as usize;
            at += 1;
            let loaded = match code {
                RETURN => return k,
                LOAD_32 => load(place, 4),
                LOAD_16 => load(place, 2),
                LOAD_8 => load(place, 1),
                LOAD_16_INDEXED => load(x + place, 2),
                HEADER_LENGTH => {
                    x = load(place, 1).map_or(0, |o| (o as usize & 15) * 4);
                    Some(a)
                }
                IF_EQUAL => {
                    at += usize::from(if a == k { yes } else { no });
                    Some(a)
                }
                IF_ANY_BIT => {
                    at += usize::from(if a & k != 0 { yes } else { no });
                    Some(a)
                }
                _ => panic!("code {code:#x}"),
            };
            let Some(value) = loaded else { return 0 };
            a = value;
        }
    }

    fn v4(from: ([u8; 4], u16), to: ([u8; 4], u16), options: usize) -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend([8, 0, 0x45 + u8::try_from(options / 4).unwrap(), 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0]);
        frame.extend(from.0.into_iter().chain(to.0).chain(vec![1; options]));
        frame.extend(from.1.to_be_bytes().into_iter().chain(to.1.to_be_bytes()));
        frame
    }

    fn v6(from: (u8, u16), to: (u8, u16)) -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, 6, 64]);
        for last in [from.0, to.0] {
            frame.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
        }
        frame.extend(from.1.to_be_bytes().into_iter().chain(to.1.to_be_bytes()));
        frame
    }

    #[test]
    fn without_a_word_about_ourselves_every_frame_is_heard() {
        assert_eq!(program(65_535, &[]), [(RETURN, 0, 0, 65_535)]);
    }

    #[test]
    fn our_own_conversation_is_left_away_and_nothing_else() {
        let own = ["203.0.113.9:8443".parse().unwrap(), "[2001:db8::9]:8443".parse().unwrap()];
        let program = program(1_000, &own);
        let (here, there, other) = ([192, 168, 20, 2], [203, 0, 113, 9], [203, 0, 113, 8]);
        for options in [0, 4, 40] {
            let heard = |from, to| run(&program, &v4(from, to, options));
            assert_eq!(heard((here, 50_000), (there, 8443)), 0);
            assert_eq!(heard((there, 8443), (here, 50_000)), 0);
            assert_eq!(heard((here, 50_000), (there, 443)), 1_000, "another door of the same house");
            assert_eq!(heard((there, 443), (here, 8443)), 1_000);
            assert_eq!(heard((here, 50_000), (other, 8443)), 1_000);
            assert_eq!(heard((here, 8443), (other, 50_000)), 1_000);
        }
        let heard = |from, to| run(&program, &v6(from, to));
        assert_eq!((heard((1, 50_000), (9, 8443)), heard((9, 8443), (1, 50_000))), (0, 0));
        assert_eq!((heard((1, 50_000), (9, 443)), heard((1, 50_000), (8, 8443))), (1_000, 1_000));
        assert_eq!((heard((9, 443), (1, 8443)), heard((1, 8443), (8, 50_000))), (1_000, 1_000));
        let mut datagram = v4((here, 1), (there, 8443), 0);
        datagram[23] = 17;
        assert_eq!(run(&program, &datagram), 1_000);
        assert_eq!(run(&program, &[0; 60]), 1_000, "neither IPv4 nor IPv6");
    }
}
