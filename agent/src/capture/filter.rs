//! What the kernel leaves away before a frame is copied: a program of the classic packet filter (bpf(4), linux/filter.h).
//!
//! Keeps: every frame up to a length. Drops: nothing but the sensor's own conversations with its collector, where it is
//! told of them: hearing oneself would make more to tell at each telling. Its own is what goes between an address of this
//! machine and an address and port of the collector; what others say to the same collector is heard, also by a router's sensor:
//! on the inner side, where each speaks with his own address. (On the outer side of a router that puts its own address in
//! their place, who speaks is not to be told by anybody.)

use super::Link;
use core::net::{IpAddr, SocketAddr};

/// One instruction: code, jump if true, jump if false, operand.
pub(super) type Instruction = (u16, u8, u8, u32);

/// Both ends of one's own conversations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Own {
    /// Addresses of this machine.
    pub(super) here: Vec<IpAddr>,
    /// Addresses and ports of the collector.
    pub(super) there: Vec<SocketAddr>,
}

/// Every frame up to `snap` octets, without one's own conversations.
pub(super) fn program(snap: u32, link: Link, own: &Own) -> Vec<Instruction> {
    let keep = (RETURN, 0, 0, snap);
    let (v4, v6) = (Addresses::of(own, |ip| ip.is_ipv4()), Addresses::of(own, |ip| ip.is_ipv6()));
    let mut program = Vec::new();
    if !(v4.is_empty() && v6.is_empty()) {
        let at = |at: u32| ([without_v4(&v4, at), vec![keep]].concat(), [without_v6(&v6, at), vec![keep]].concat());
        match link {
            Link::Ethernet => {
                let (four, six) = at(14);
                program.push((LOAD_16, 0, 0, 12));
                program.extend(if_equal(0x0800, four));
                program.extend(if_equal(0x86dd, six));
                // PPPoE (RFC 2516 section 4): six octets, and the protocol of PPP.
                let (four, six) = at(22);
                let inner = [vec![(LOAD_16, 0, 0, 20)], if_equal(0x0021, four), if_equal(0x0057, six), vec![keep]];
                program.extend(if_equal(0x8864, inner.concat()));
            }
            Link::RawIp => {
                let (four, six) = at(0);
                program.extend([(LOAD_8, 0, 0, 0), (AND, 0, 0, 0xf0)]);
                program.extend(if_equal(0x40, four));
                program.extend(if_equal(0x60, six));
            }
            _ => {}
        }
    }
    program.push(keep);
    program
}

/// The ends of one version of IP, as words of 32 bits.
struct Addresses {
    here: Vec<Vec<u32>>,
    there: Vec<(Vec<u32>, u32)>,
}

impl Addresses {
    fn of(own: &Own, is_meant: impl Fn(&IpAddr) -> bool) -> Addresses {
        let here = own.here.iter().filter(|ip| is_meant(ip)).take(MOST_HERE).map(words);
        let there = own.there.iter().filter(|end| is_meant(&end.ip())).take(MOST_THERE);
        Addresses { here: here.collect(), there: there.map(|end| (words(&end.ip()), u32::from(end.port()))).collect() }
    }

    fn is_empty(&self) -> bool {
        self.here.is_empty() || self.there.is_empty()
    }

    /// Away, if the address at `here` is ours, and that at `there` the collector's, whose port `port` loads.
    fn away(&self, here: u32, there: u32, port: Instruction) -> Vec<Instruction> {
        let mut collector = Vec::new();
        for (address, number) in &self.there {
            let same_port = [vec![port], if_equal(*number, vec![(RETURN, 0, 0, 0)])].concat();
            collector.extend(if_address(there, address, same_port));
        }
        let mut piece = Vec::new();
        for (n, address) in (1usize..).zip(&self.here) {
            let left = self.here.len().saturating_sub(n);
            // Behind it stand the other addresses, each as long as this, and one jump over what follows them.
            let others = left.saturating_mul(address.len().saturating_mul(3).saturating_add(1)).saturating_add(1);
            let to_collector = (JUMP, 0, 0, u32::try_from(others).unwrap_or(u32::MAX));
            piece.extend(if_address(here, address, vec![to_collector]));
        }
        piece.push((JUMP, 0, 0, u32::try_from(collector.len()).unwrap_or(u32::MAX)));
        piece.extend(collector);
        piece
    }
}

/// Away with TCP over IPv4 between the ends, the header being at `at`. Its options are passed; fragments are kept.
fn without_v4(ends: &Addresses, at: u32) -> Vec<Instruction> {
    let place = |octet: u32| at.saturating_add(octet);
    let port = |octet: u32| (LOAD_16_INDEXED, 0, 0, place(octet));
    let both = [ends.away(place(12), place(16), port(2)), ends.away(place(16), place(12), port(0))].concat();
    let whole = [vec![(HEADER_LENGTH, 0, 0, at)], both].concat();
    let not_a_piece = [vec![(LOAD_16, 0, 0, place(6)), (AND, 0, 0, 0x1fff)], if_equal(0, whole)].concat();
    [vec![(LOAD_8, 0, 0, place(9))], if_equal(TCP, not_a_piece)].concat()
}

/// Away with TCP over IPv6 between the ends, where TCP follows the header at once.
fn without_v6(ends: &Addresses, at: u32) -> Vec<Instruction> {
    let place = |octet: u32| at.saturating_add(octet);
    let port = |octet: u32| (LOAD_16, 0, 0, place(octet));
    let both = [ends.away(place(8), place(24), port(42)), ends.away(place(24), place(8), port(40))].concat();
    [vec![(LOAD_8, 0, 0, place(6))], if_equal(TCP, both)].concat()
}

/// `then`, if what was loaded is `value`; it may be longer than the short jumps reach. What was loaded stays for who is not.
fn if_equal(value: u32, then: Vec<Instruction>) -> Vec<Instruction> {
    let over = (JUMP, 0, 0, u32::try_from(then.len()).unwrap_or(u32::MAX));
    [vec![(IF_EQUAL, 1, 0, value), over], then].concat()
}

/// `then`, if the address at this place is `words`.
fn if_address(at: u32, words: &[u32], then: Vec<Instruction>) -> Vec<Instruction> {
    let places = (0u32..).map(|n| at.saturating_add(n.saturating_mul(4)));
    let inner = |then, (place, word): (u32, &u32)| [vec![(LOAD_32, 0, 0, place)], if_equal(*word, then)].concat();
    let all: Vec<(u32, &u32)> = places.zip(words).collect();
    all.into_iter().rev().fold(then, inner)
}

fn words(ip: &IpAddr) -> Vec<u32> {
    match ip {
        IpAddr::V4(address) => vec![u32::from(*address)],
        IpAddr::V6(address) => {
            let word = |four: &[u8]| four.iter().fold(0u32, |n, octet| n << 8 | u32::from(*octet));
            address.octets().chunks_exact(4).map(word).collect()
        }
    }
}

/// Addresses of this machine, of each version: the kernel bounds a program's memory (20 KiB on older ones), and each costs
/// every frame of TCP a comparison.
const MOST_HERE: usize = 12;
/// Ends at the collector: those to which the courier spoke last.
pub(super) const MOST_THERE: usize = 6;
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
/// BPF_ALU | BPF_AND | BPF_K
const AND: u16 = 0x54;
/// BPF_JMP | BPF_JA
const JUMP: u16 = 0x05;
/// BPF_JMP | BPF_JEQ | BPF_K
const IF_EQUAL: u16 = 0x15;

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
                AND => Some(a & k),
                JUMP => {
                    at += place;
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

    /// The same without its Ethernet header, and within PPPoE.
    fn bare(frame: &[u8]) -> Vec<u8> {
        frame[14..].to_vec()
    }
    fn in_pppoe(frame: &[u8]) -> Vec<u8> {
        let protocol = if frame[12] == 8 { [0, 0x21] } else { [0, 0x57] };
        [&frame[..12], &[0x88, 0x64, 0x11, 0, 0, 1, 0, 60], &protocol, &frame[14..]].concat()
    }

    /// What programs for each link keep of a frame.
    fn kept(own: &Own, frame: &[u8]) -> u32 {
        let [ethernet, raw] = [Link::Ethernet, Link::RawIp].map(|link| program(1_000, link, own));
        let kept = run(&ethernet, frame);
        assert_eq!(run(&raw, &bare(frame)), kept, "without Ethernet");
        assert_eq!(run(&ethernet, &in_pppoe(frame)), kept, "within PPPoE");
        kept
    }

    fn own() -> Own {
        let here = ["192.168.20.2", "198.51.100.7", "2001:db8::1", "2001:db8::2"].map(|ip| ip.parse().unwrap());
        let there = ["203.0.113.7:443", "203.0.113.9:8443", "[2001:db8::8]:443", "[2001:db8::9]:8443"];
        Own { here: here.to_vec(), there: there.map(|end| end.parse().unwrap()).to_vec() }
    }

    #[test]
    fn without_a_word_about_ourselves_every_frame_is_heard() {
        let nobody = Own { here: vec![[192, 168, 20, 2].into()], there: Vec::new() };
        let homeless = Own { there: vec![([203, 0, 113, 9], 8443).into()], ..Own::default() };
        for own in [Own::default(), nobody, homeless] {
            assert_eq!(program(65_535, Link::Ethernet, &own), [(RETURN, 0, 0, 65_535)]);
        }
        assert_eq!(program(65_535, Link::Radiotap, &own()), [(RETURN, 0, 0, 65_535)]);
    }

    #[test]
    fn our_own_conversation_is_left_away_and_nothing_else() {
        let own = own();
        let (there, other) = ([203, 0, 113, 9], [203, 0, 113, 8]);
        for here in [[192, 168, 20, 2], [198, 51, 100, 7]] {
            for options in [0, 4, 40] {
                let heard = |from, to| kept(&own, &v4(from, to, options));
                assert_eq!(heard((here, 50_000), (there, 8443)), 0);
                assert_eq!(heard((there, 8443), (here, 50_000)), 0);
                assert_eq!(heard((here, 50_000), (there, 443)), 1_000, "another door of the same house");
                assert_eq!(heard((there, 443), (here, 8443)), 1_000);
                assert_eq!(heard((here, 50_000), (other, 8443)), 1_000);
                assert_eq!(heard((here, 8443), (other, 50_000)), 1_000);
                assert_eq!(heard((here, 8443), (there, 50_000)), 1_000, "a door of ours");
                for neighbour in [[192, 168, 20, 3], [192, 168, 21, 2]] {
                    assert_eq!(heard((neighbour, 50_000), (there, 8443)), 1_000, "another sensor, or a browser");
                    assert_eq!(heard((there, 8443), (neighbour, 50_000)), 1_000);
                }
            }
        }
        let heard = |from, to| kept(&own, &v6(from, to));
        for here in [1, 2] {
            assert_eq!((heard((here, 50_000), (9, 8443)), heard((9, 8443), (here, 50_000))), (0, 0));
            assert_eq!((heard((here, 50_000), (9, 443)), heard((here, 50_000), (7, 8443))), (1_000, 1_000));
            assert_eq!((heard((9, 443), (here, 8443)), heard((here, 8443), (7, 50_000))), (1_000, 1_000));
            assert_eq!((heard((8, 443), (here, 50_000)), heard((8, 8443), (here, 50_000))), (0, 1_000));
        }
        assert_eq!((heard((3, 50_000), (9, 8443)), heard((9, 8443), (3, 50_000))), (1_000, 1_000));
        let mut datagram = v4(([192, 168, 20, 2], 1), (there, 8443), 0);
        datagram[23] = 17;
        assert_eq!(kept(&own, &datagram), 1_000);
        let mut piece = v4(([192, 168, 20, 2], 1), (there, 8443), 0);
        piece[21] = 9;
        assert_eq!(kept(&own, &piece), 1_000, "a fragment has no ports");
        assert_eq!(run(&program(1_000, Link::Ethernet, &own), &[0; 60]), 1_000, "neither IPv4 nor IPv6");
    }

    #[test]
    fn the_longest_program_is_taken_by_an_old_kernel() {
        let here = (0..=255).flat_map(|n| [IpAddr::from([10, 0, 0, n]), IpAddr::from([n; 16])]).collect();
        let there = (0..=255).flat_map(|n| [([10, 0, 1, n], 443).into(), ([n; 16], 443).into()]).collect();
        for link in [Link::Ethernet, Link::RawIp] {
            let program = program(1_000, link, &Own { here: Vec::clone(&here), there: Vec::clone(&there) });
            println!("{link:?}: {} instructions", program.len());
            // Eight octets for each, a sixth more when the kernel has translated it; it gives 20,480.
            assert!(program.len() * 8 * 7 / 6 < 20_480, "{}", program.len());
            for (at, (code, yes, no, k)) in program.iter().enumerate() {
                let far = if *code == JUMP { *k as usize } else { usize::from(*yes.max(no)) };
                assert!(*code & 7 != 5 || at + 1 + far < program.len(), "a jump out of the program");
            }
        }
    }
}
