//! A chain through slots of a vector: who was quiet for the longest time stands first.
//! Keeps: each slot's neighbours. Drops: nothing. Each step costs the same, however long the chain is.

/// Something that stands in a chain.
pub(super) trait Linked {
    /// Its neighbours.
    fn links(&mut self) -> &mut Links;
}

/// A chain of slots, the longest quiet one first.
#[derive(Default)]
pub(super) struct Chain {
    pub(super) first: Option<u32>,
    last: Option<u32>,
    pub(super) len: usize,
}

/// A slot's neighbours in its chain.
#[derive(Clone, Copy, Default)]
pub(super) struct Links {
    previous: Option<u32>,
    pub(super) next: Option<u32>,
    /// Which chain: of those heard, or of the silent ones.
    pub(super) heard: bool,
}

impl Chain {
    /// Puts a slot at the end.
    pub(super) fn append<S: Linked>(&mut self, slots: &mut [S], place: u32) {
        let last = self.last;
        if let Some(links) = at_mut(slots, Some(place)) {
            links.previous = last;
            links.next = None;
        }
        match at_mut(slots, last) {
            Some(links) => links.next = Some(place),
            None => self.first = Some(place),
        }
        self.last = Some(place);
        self.len = self.len.saturating_add(1);
    }

    /// Takes a slot out.
    pub(super) fn remove<S: Linked>(&mut self, slots: &mut [S], place: u32) {
        let Some(Links { previous, next, .. }) = at_mut(slots, Some(place)).map(|l| *l) else { return };
        match at_mut(slots, previous) {
            Some(links) => links.next = next,
            None => self.first = next,
        }
        match at_mut(slots, next) {
            Some(links) => links.previous = previous,
            None => self.last = previous,
        }
        self.len = self.len.saturating_sub(1);
    }
}

fn at_mut<S: Linked>(slots: &mut [S], place: Option<u32>) -> Option<&mut Links> {
    slots.get_mut(usize::try_from(place?).ok()?).map(S::links)
}
