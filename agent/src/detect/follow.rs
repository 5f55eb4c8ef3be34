//! Following: which detector a conversation belongs to, and the listener that follows it from there.
//!
//! Keeps: both ends of the conversation, the listener. Drops: conversations that no detector recognises in their first
//! [`MAX_SNIFFED_OCTETS`].

use super::{DETECTORS, Detector, End, Interest, Listener, Observation, Opening, Said, Talk, Verdict};
use crate::flow::key::Side;
use crate::flow::table::{Follow, Sides, Wanted};
use auscult_report::subject::Transport;
use auscult_report::time::Timestamp;
use core::net::IpAddr;

/// What is known of one conversation.
#[derive(Default)]
pub struct Following {
    ends: Option<[End; 2]>,
    stage: Stage,
}

/// What a conversation needs of the sensor around it.
pub trait Surroundings {
    /// The end of a conversation, when its first octet was heard.
    fn end(&mut self, address: IpAddr, port: u16, at: Timestamp) -> End;
    /// Both ends of a conversation; who is known to call from behind a router is its caller.
    fn ends(&mut self, parties: [(IpAddr, u16); 2], at: Timestamp) -> [End; 2] {
        parties.map(|(address, port)| self.end(address, port, at))
    }
    /// An observation.
    fn observe(&mut self, observation: Observation);
    /// Nobody recognised a conversation.
    fn unknown(&mut self) {}
    /// The key of the hashes of things that are only counted.
    fn key(&self) -> u64;
}

enum Stage {
    /// Nobody knows yet what it is.
    Unknown { tries: u8 },
    /// A listener follows it.
    Followed(Box<dyn Listener>),
}

impl Default for Stage {
    fn default() -> Stage {
        Stage::Unknown { tries: 0 }
    }
}

impl Follow for Following {
    type Around<'a> = dyn Surroundings + 'a;

    /// Bounded: each round either ends, or hands the conversation to another protocol.
    fn follow(&mut self, sides: &mut Sides<'_>, around: &mut (dyn Surroundings + '_)) -> Wanted {
        let ends = *self.ends.get_or_insert_with(|| around.ends(sides.parties, sides.at));
        for _ in 0..MAX_PROTOCOLS {
            if let Stage::Unknown { tries } = self.stage {
                match sniff(sides, &ends) {
                    Some((detector, caller)) => {
                        *sides.caller = Some(caller);
                        self.stage = Stage::Followed((detector.start)());
                    }
                    None if tries < MAX_TRIES && may_become_clear(sides) => {
                        self.stage = Stage::Unknown { tries: tries.saturating_add(1) };
                        return Wanted::More;
                    }
                    None => {
                        around.unknown();
                        return Wanted::Nothing;
                    }
                }
            }
            match self.listen(sides, ends, around) {
                Interest::More => return Wanted::More,
                Interest::Done => return Wanted::Nothing,
                Interest::Again => self.stage = Stage::default(),
            }
        }
        Wanted::Nothing
    }

    fn held(&self) -> usize {
        match &self.stage {
            Stage::Unknown { .. } => 0,
            Stage::Followed(listener) => size_of_val(&**listener).saturating_add(listener.held()),
        }
    }
}

impl Following {
    fn listen(&mut self, sides: &mut Sides<'_>, ends: [End; 2], around: &mut dyn Surroundings) -> Interest {
        let (Stage::Followed(listener), Some(caller)) = (&mut self.stage, *sides.caller) else { return Interest::Done };
        let [zero, one] = ends;
        let [head_zero, head_one] = &mut *sides.heads;
        let (client, server, client_end, server_end) = match caller {
            Side::Zero => (head_zero, head_one, zero, one),
            Side::One => (head_one, head_zero, one, zero),
        };
        let (at, key) = (sides.at, around.key());
        let mut out = |observation: Observation| around.observe(observation);
        let mut said =
            Said { at, transport: Transport::Tcp, server: server_end, client: client_end, key, out: &mut out };
        let mut talk = Talk { at, client, server, server_port: server_end.port, from_start: sides.from_start };
        listener.listen(&mut talk, &mut said)
    }
}

/// Asks the detectors whose protocol this is: first as the SYN or the ports say, then, if no SYN was heard, with the
/// sides changed.
fn sniff(sides: &Sides<'_>, ends: &[End; 2]) -> Option<(&'static Detector, Side)> {
    let [zero, one] = ends;
    let [head_zero, head_one] = &*sides.heads;
    let likely = sides.caller.unwrap_or(if zero.port < one.port { Side::One } else { Side::Zero });
    for caller in [likely, likely.other()] {
        if sides.caller.is_some_and(|known| known != caller) {
            continue;
        }
        let (client, server, server_port) = match caller {
            Side::Zero => (head_zero, head_one, one.port),
            Side::One => (head_one, head_zero, zero.port),
        };
        let opening = Opening { client: client.octets(), server: server.octets(), server_port };
        if let Some(detector) = DETECTORS.iter().find(|d| (d.sniff)(&opening) == Verdict::Yes) {
            return Some((detector, caller));
        }
    }
    None
}

/// Whether some detector may still recognise the conversation.
fn may_become_clear(sides: &Sides<'_>) -> bool {
    let [head_zero, head_one] = &*sides.heads;
    let (zero, one) = (head_zero.octets(), head_one.octets());
    if zero.len().max(one.len()) >= MAX_SNIFFED_OCTETS {
        return false;
    }
    let [(_, zero_port), (_, one_port)] = sides.parties;
    [(Side::Zero, zero, one, one_port), (Side::One, one, zero, zero_port)].iter().any(
        |(caller, client, server, server_port)| {
            let opening = Opening { client, server, server_port: *server_port };
            sides.caller.is_none_or(|known| known == *caller)
                && DETECTORS.iter().any(|d| (d.sniff)(&opening) == Verdict::Unsure)
        },
    )
}

/// Octets of one side after which nobody will recognise it any more.
const MAX_SNIFFED_OCTETS: usize = 4 * 1024;

/// Times that the detectors are asked about one conversation: an opening of a kilobyte may come in pieces of some octets.
const MAX_TRIES: u8 = 200;

/// Protocols that one conversation may pass through: clear, STARTTLS, and one more.
const MAX_PROTOCOLS: u8 = 4;
