//! The table of conversations: which octets belong together, within a bound.
//!
//! Keeps: as many conversations as there is room for, and as many of their octets ([`Memory`]). Drops: the conversation that
//! was quiet for the longest time when a new one needs its place; those of which nothing but a SYN was heard go first,
//! so that a flood of them costs no real one. Both are counted.
//! A segment of a known conversation costs one hash and no allocation.

use super::chain::{Chain, Linked, Links};
use super::head::Head;
use super::key::{Key, Side};
use crate::config::Memory;
use crate::wire::layers::{ACK, FIN, RST, SYN, Segment};
use auscult_report::time::Timestamp;
use core::net::IpAddr;
use std::collections::HashMap;

/// Follows one conversation: the room after this one says what the octets mean.
pub trait Follow: Default {
    /// What it needs around itself.
    type Around<'a>: ?Sized;

    /// New octets wait on a side, or a side ended.
    fn follow(&mut self, sides: &mut Sides<'_>, around: &mut Self::Around<'_>) -> Wanted;

    /// Octets that it holds beside its own place.
    fn held(&self) -> usize;
}

/// Whether more of a conversation is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Go on.
    More,
    /// Nothing more can be learnt: the rest is not kept.
    Nothing,
}

/// A conversation as far as it was heard: two sides in a fixed order.
pub struct Sides<'a> {
    /// When the newest octets were heard.
    pub at: Timestamp,
    /// What each side says.
    pub heads: &'a mut [Head; 2],
    /// Address and port of each side.
    pub parties: [(IpAddr, u16); 2],
    /// The side that calls, if a SYN told it; who follows may find it out from the octets.
    pub caller: &'a mut Option<Side>,
    /// Whether its beginning (a SYN) was heard.
    pub from_start: bool,
}

/// The conversations that are known now.
pub struct FlowTable<F> {
    places: HashMap<Key, u32>,
    slots: Vec<Slot<F>>,
    free: Vec<u32>,
    /// Conversations of which an octet was heard, and those of which only a SYN was: two chains, the longest quiet
    /// one at the front of each.
    heard: Chain,
    silent: Chain,
    /// Frames so far: a conversation moves to the end of its chain only now and then.
    tick: u64,
    held_octets: usize,
    most: usize,
    most_silent: usize,
    most_held_octets: usize,
    counts: Counts,
}

/// What the table counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Conversations of which an octet was heard.
    pub conversations: u64,
    /// Those of which one side was never heard.
    pub one_sided: u64,
    /// Conversations let go for want of room.
    pub let_go: u64,
    /// Holes.
    pub holes: u64,
    /// Octets let go for want of room.
    pub octets_let_go: u64,
}

/// One conversation.
struct Slot<F> {
    key: Key,
    chain: Links,
    touched: u64,
    /// The side that calls, once it is known.
    caller: Option<Side>,
    /// Whether a SYN of it was heard.
    from_start: bool,
    /// First sequence number of the side that called, to notice when the same ports are used again.
    first_seq: u32,
    stage: Stage,
    /// Side zero has the smaller address and port.
    heads: [Head; 2],
    follower: F,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Only a SYN was heard.
    Silent,
    /// Somebody follows it.
    Followed,
    /// Nothing more can be learnt from it.
    Settled,
}

impl<F: Follow> FlowTable<F> {
    /// An empty table with room for what [`Memory`] says.
    #[must_use]
    pub fn new(memory: &Memory) -> FlowTable<F> {
        FlowTable {
            // All of it at once: a table that grows is there twice for a while. Places are touched when they are taken.
            places: HashMap::with_capacity(memory.conversations),
            slots: Vec::with_capacity(memory.conversations),
            free: Vec::new(),
            heard: Chain::default(),
            silent: Chain::default(),
            tick: 0,
            held_octets: 0,
            most: memory.conversations,
            most_silent: memory.conversations / SILENT_SHARE,
            most_held_octets: memory.held_octets,
            counts: Counts::default(),
        }
    }

    /// What was counted since this was asked last.
    pub fn take_counts(&mut self) -> Counts {
        core::mem::take(&mut self.counts)
    }

    /// Hears one segment.
    pub fn hear(&mut self, at: Timestamp, segment: &Segment<'_>, around: &mut F::Around<'_>) {
        self.tick = self.tick.wrapping_add(1);
        let (key, side) = Key::of(segment);
        let octets = !segment.packet.payload.is_empty() || segment.packet.missing > 0;
        let opens = segment.flags & (SYN | RST) == SYN;
        let place = match self.places.get(&key) {
            Some(place) => *place,
            // Acknowledgements and ends of unknown conversations tell nothing.
            None if octets || opens => match self.admit(key) {
                Some(place) => place,
                None => return,
            },
            None => return,
        };
        if opens && segment.flags & ACK == 0 && self.is_other_call(place, side, segment.seq) {
            self.settle(place);
            self.renew(place);
        }
        self.touch(place, octets);
        let Some(slot) = self.slot_mut(place) else { return };
        if opens {
            slot.open(side, segment);
        }
        let ends = segment.flags & (FIN | RST) != 0;
        match slot.stage {
            _ if !octets && !ends => return,
            Stage::Silent if !octets => {}
            Stage::Settled => {}
            Stage::Silent | Stage::Followed => self.put_in_order(place, side, at, segment, around),
        }
        if segment.flags & RST != 0 {
            self.forget(place);
        }
    }

    /// Gives up every hole that is still waited for: nothing more will be heard.
    pub fn finish(&mut self, at: Timestamp, around: &mut F::Around<'_>) {
        for place in 0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX) {
            let Some(slot) = self.slot_mut(place) else { continue };
            if slot.stage != Stage::Followed {
                continue;
            }
            for head in &mut slot.heads {
                head.give_up_hole();
                head.end();
            }
            self.follow(place, at, around);
            self.settle(place);
        }
    }

    fn slot_mut(&mut self, place: u32) -> Option<&mut Slot<F>> {
        self.slots.get_mut(usize::try_from(place).ok()?)
    }

    /// A SYN with another sequence number on the same ports: a new conversation.
    fn is_other_call(&self, place: u32, side: Side, seq: u32) -> bool {
        let Some(slot) = usize::try_from(place).ok().and_then(|p| self.slots.get(p)) else { return false };
        slot.stage != Stage::Silent && (slot.caller != Some(side) || slot.first_seq != seq)
    }

    /// Puts the octets in order and lets who follows hear them.
    fn put_in_order(
        &mut self,
        place: u32,
        side: Side,
        at: Timestamp,
        segment: &Segment<'_>,
        around: &mut F::Around<'_>,
    ) {
        let Some(slot) = self.slot_mut(place) else { return };
        let begins = slot.stage == Stage::Silent;
        slot.stage = Stage::Followed;
        let head = slot.head(side);
        let held = head.held();
        // A SYN takes a sequence number of its own before its first octet (TCP fast open).
        let seq = if segment.flags & SYN != 0 { segment.seq.wrapping_add(1) } else { segment.seq };
        let news = head.segment(seq, segment.packet.payload, segment.packet.missing);
        let ended = segment.flags & (FIN | RST) != 0;
        if ended {
            head.give_up_hole();
            head.end();
        }
        let now_held = head.held();
        self.held_octets = self.held_octets.saturating_add(now_held).saturating_sub(held);
        if begins {
            self.counts.conversations = self.counts.conversations.saturating_add(1);
        }
        if news || ended {
            self.follow(place, at, around);
        }
        while self.held_octets > self.most_held_octets && self.let_go_quietest(Some(place)) {}
    }

    /// Lets who follows hear what waits.
    fn follow(&mut self, place: u32, at: Timestamp, around: &mut F::Around<'_>) {
        let Some(slot) = self.slot_mut(place) else { return };
        let held = slot.held();
        let parties = slot.key.parties();
        let mut sides =
            Sides { at, heads: &mut slot.heads, parties, caller: &mut slot.caller, from_start: slot.from_start };
        let wanted = slot.follower.follow(&mut sides, around);
        let now_held = slot.held();
        self.held_octets = self.held_octets.saturating_add(now_held).saturating_sub(held);
        if wanted == Wanted::Nothing {
            self.settle(place);
        }
    }

    /// Nothing more is wanted of it: frees what it holds and takes its losses into the counters, once.
    fn settle(&mut self, place: u32) {
        let Some(slot) = self.slot_mut(place) else { return };
        let held = slot.held();
        let (mut holes, mut let_go) = (0u64, 0u64);
        for head in &mut slot.heads {
            let (h, l) = head.losses();
            holes = holes.saturating_add(u64::from(h));
            let_go = let_go.saturating_add(l);
            head.forget_losses();
            head.close();
        }
        let one_sided = slot.stage == Stage::Followed && slot.heads.iter().any(|h| h.heard() == 0);
        if slot.stage == Stage::Followed {
            slot.stage = Stage::Settled;
            slot.follower = F::default();
        }
        self.held_octets = self.held_octets.saturating_sub(held);
        self.counts.holes = self.counts.holes.saturating_add(holes);
        self.counts.octets_let_go = self.counts.octets_let_go.saturating_add(let_go);
        self.counts.one_sided = self.counts.one_sided.saturating_add(u64::from(one_sided));
    }

    /// The same ports, a new conversation.
    fn renew(&mut self, place: u32) {
        if let Some(slot) = self.slot_mut(place) {
            slot.caller = None;
            slot.from_start = false;
            slot.heads = [Head::default(), Head::default()];
            slot.stage = Stage::Silent;
            slot.follower = F::default();
        }
    }

    /// A place for a new conversation.
    fn admit(&mut self, key: Key) -> Option<u32> {
        if self.places.len() >= self.most && !self.let_go_quietest(None) {
            return None;
        }
        let slot = Slot::new(key, self.tick);
        let place = match self.free.pop() {
            Some(place) => {
                *self.slot_mut(place)? = slot;
                place
            }
            None => {
                self.slots.push(slot);
                u32::try_from(self.slots.len()).ok()?.checked_sub(1)?
            }
        };
        self.places.insert(key, place);
        self.silent.append(&mut self.slots, place);
        Some(place)
    }

    /// Lets go the conversation that was quiet for the longest time, but not `spared`. False if there is none.
    fn let_go_quietest(&mut self, spared: Option<u32>) -> bool {
        let crowded = self.silent.len >= self.most_silent || self.heard.first.is_none();
        let chain = if crowded && spared.is_none() { &self.silent } else { &self.heard };
        let first = chain.first.or(self.heard.first).or(self.silent.first);
        let Some(mut place) = first else { return false };
        if spared == Some(place) {
            let next = usize::try_from(place).ok().and_then(|p| self.slots.get(p)).and_then(|s| s.chain.next);
            let Some(next) = next else { return false };
            place = next;
        }
        self.counts.let_go = self.counts.let_go.saturating_add(1);
        self.forget(place);
        true
    }

    /// Takes a conversation out of the table.
    fn forget(&mut self, place: u32) {
        self.settle(place);
        let Some(slot) = self.slot_mut(place) else { return };
        let (key, heard) = (slot.key, slot.chain.heard);
        let chain = if heard { &mut self.heard } else { &mut self.silent };
        chain.remove(&mut self.slots, place);
        self.places.remove(&key);
        self.free.push(place);
    }

    /// Marks a conversation as heard just now. It moves in its chain at most once in [`TOUCH_EVERY`] frames.
    fn touch(&mut self, place: u32, octets: bool) {
        let tick = self.tick;
        let Some(slot) = self.slot_mut(place) else { return };
        let (was_heard, due) = (slot.chain.heard, tick.wrapping_sub(slot.touched) >= TOUCH_EVERY);
        if was_heard && !due || !was_heard && !octets {
            return;
        }
        slot.touched = tick;
        let chain = if was_heard { &mut self.heard } else { &mut self.silent };
        chain.remove(&mut self.slots, place);
        if let Some(slot) = self.slot_mut(place) {
            slot.chain.heard = true;
        }
        self.heard.append(&mut self.slots, place);
    }
}

impl<F> Linked for Slot<F> {
    fn links(&mut self) -> &mut Links {
        &mut self.chain
    }
}

impl<F: Follow> Slot<F> {
    fn new(key: Key, tick: u64) -> Slot<F> {
        Slot {
            key,
            chain: Links::default(),
            touched: tick,
            caller: None,
            from_start: false,
            first_seq: 0,
            stage: Stage::Silent,
            heads: [Head::default(), Head::default()],
            follower: F::default(),
        }
    }

    fn head(&mut self, side: Side) -> &mut Head {
        let [zero, one] = &mut self.heads;
        if side == Side::Zero { zero } else { one }
    }

    fn held(&self) -> usize {
        self.heads.iter().fold(self.follower.held(), |n, h| n.saturating_add(h.held()))
    }

    /// A SYN or SYN-ACK: who calls, and where the side's octets begin.
    fn open(&mut self, side: Side, segment: &Segment<'_>) {
        self.from_start = true;
        let caller = if segment.flags & ACK == 0 { side } else { side.other() };
        if self.caller.is_none() {
            self.caller = Some(caller);
        }
        if caller == side {
            self.first_seq = segment.seq;
        }
        self.head(side).begin(segment.seq);
    }
}

/// Of the conversations, those of which only a SYN was heard: beyond a quarter they make room for each other first.
const SILENT_SHARE: usize = 4;

/// A conversation moves to the end of its chain at most once in so many frames: the order need not be exact.
const TOUCH_EVERY: u64 = 1024;
