//! What waits for the writer: bounded by items and by octets, so that a crowd costs no more memory than said.
//!
//! Keeps: the order of arrival. Drops: nothing; what has no room is told so before any work is done for it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// A bounded queue with room that is reserved first.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    room: Arc<Mutex<(usize, usize)>>,
}

struct State<T> {
    waiting: VecDeque<(T, usize, usize)>,
    closed: bool,
}

/// Room that is given back when what it was for is settled.
pub(super) struct Room {
    of: Arc<Mutex<(usize, usize)>>,
    octets: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut room = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        *room = (room.0.saturating_add(1), room.1.saturating_add(self.octets));
    }
}

impl<T> Queue<T> {
    pub(super) fn new(items: usize, octets: usize) -> Queue<T> {
        Queue {
            state: Mutex::new(State { waiting: VecDeque::new(), closed: false }),
            filled: Condvar::new(),
            room: Arc::new(Mutex::new((items, octets))),
        }
    }

    /// Room for one item. `None`: there is none.
    pub(super) fn reserve(&self, octets: usize) -> Option<Room> {
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        *room = (room.0.checked_sub(1)?, room.1.checked_sub(octets)?);
        Some(Room { of: Arc::clone(&self.room), octets })
    }

    /// Puts something at the end; `items` and `octets` are what it counts for in a batch. After [`Queue::close`] it is
    /// dropped.
    pub(super) fn push(&self, what: T, items: usize, octets: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.closed {
            state.waiting.push_back((what, items, octets));
            self.filled.notify_one();
        }
    }

    /// Waits for something, then takes what is there, at least one and within the bounds of a batch. `None`: closed, and
    /// nothing waits any more.
    pub(super) fn next(&self, most_items: usize, most_octets: usize) -> Option<Vec<T>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let mut batch = Vec::new();
        let (mut items, mut octets) = (0usize, 0usize);
        while let Some((_, more_items, more_octets)) = state.waiting.front() {
            items = items.saturating_add(*more_items);
            octets = octets.saturating_add(*more_octets);
            if !batch.is_empty() && (items > most_items || octets > most_octets) {
                break;
            }
            batch.extend(state.waiting.pop_front().map(|(what, ..)| what));
        }
        Some(batch)
    }

    /// Nothing more is taken.
    pub(super) fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.filled.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_bounded_by_items_and_octets_and_comes_back() {
        let queue: Queue<u8> = Queue::new(2, 100);
        let first = queue.reserve(60).unwrap();
        assert!(queue.reserve(41).is_none());
        let second = queue.reserve(40).unwrap();
        assert!(queue.reserve(0).is_none(), "two items are all");
        drop((first, second));
        assert!(queue.reserve(100).is_some());
    }

    #[test]
    fn a_batch_is_what_waits_within_its_bounds_and_never_nothing() {
        let queue = Queue::new(9, 9);
        for n in 0..5 {
            queue.push(n, 1, 10);
        }
        assert_eq!(queue.next(2, 1_000), Some(vec![0, 1]));
        assert_eq!(queue.next(9, 25), Some(vec![2, 3]));
        assert_eq!(queue.next(0, 0), Some(vec![4]));
        queue.push(5, 1, 1);
        queue.close();
        queue.push(6, 1, 1);
        assert_eq!((queue.next(9, 9), queue.next(9, 9)), (Some(vec![5]), None));
    }
}
