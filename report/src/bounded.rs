//! A list with a bound that its decoder keeps: whoever sends a length decides nothing about our memory.
//!
//! Keeps: at most `N` elements; encoded as a plain list (a length, then the elements). Drops: nothing; a list that
//! announces more than `N` is refused before its first element is read.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// At most `N` elements. Reads like a slice.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bounded<T, const N: usize>(Vec<T>);

impl<T, const N: usize> Bounded<T, N> {
    /// The longest that it can be.
    pub const MOST: usize = N;

    /// An empty list.
    #[must_use]
    pub const fn new() -> Bounded<T, N> {
        // An element without octets would make a list of any length cost nothing to send (postcard counts it out).
        const { assert!(size_of::<T>() > 0, "a list of nothing has no bound") };
        Bounded(Vec::new())
    }

    /// The first `N` of a list, and how many were let go.
    #[must_use]
    pub fn first_of(mut list: Vec<T>) -> (Bounded<T, N>, usize) {
        let let_go = list.len().saturating_sub(N);
        list.truncate(N);
        (Bounded(list), let_go)
    }

    /// The elements, owned.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T, const N: usize> TryFrom<Vec<T>> for Bounded<T, N> {
    type Error = TooMany;
    fn try_from(list: Vec<T>) -> Result<Bounded<T, N>, TooMany> {
        if list.len() > N { Err(TooMany { most: N }) } else { Ok(Bounded(list)) }
    }
}

impl<T, const N: usize> Default for Bounded<T, N> {
    fn default() -> Bounded<T, N> {
        Bounded::new()
    }
}

impl<T, const N: usize> Deref for Bounded<T, N> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'a, T, const N: usize> IntoIterator for &'a Bounded<T, N> {
    type Item = &'a T;
    type IntoIter = core::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: fmt::Debug, const N: usize> fmt::Debug for Bounded<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Serialize, const N: usize> Serialize for Bounded<T, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for Bounded<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bounded<T, N>, D::Error> {
        deserializer.deserialize_seq(Reader(PhantomData))
    }
}

struct Reader<T, const N: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for Reader<T, N> {
    type Value = Bounded<T, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {N} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Bounded<T, N>, A::Error> {
        let announced = elements.size_hint().unwrap_or(0);
        if announced > N {
            return Err(A::Error::custom(TooMany { most: N }));
        }
        let mut list = Bounded::new();
        list.0.reserve(announced.min(FIRST_ROOM));
        while let Some(element) = elements.next_element()? {
            if list.0.len() >= N {
                return Err(A::Error::custom(TooMany { most: N }));
            }
            list.0.push(element);
        }
        Ok(list)
    }
}

/// A list is longer than its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// The bound.
    pub most: usize,
}

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of more than {} elements", self.most)
    }
}

impl core::error::Error for TooMany {}

/// Room taken on the word of a length alone: what comes after has to be sent before it takes memory.
const FIRST_ROOM: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_encoded_as_a_plain_list() {
        let list: Bounded<u16, 3> = vec![1, 300].try_into().unwrap();
        let octets = postcard::to_allocvec(&list).unwrap();
        assert_eq!(octets, [2, 1, 0xac, 0x02]);
        assert_eq!(postcard::from_bytes::<Bounded<u16, 3>>(&octets).unwrap(), list);
    }

    #[test]
    fn the_decoder_stops_at_the_bound() {
        assert!(postcard::from_bytes::<Bounded<u8, 2>>(&[2, 0, 0]).is_ok());
        assert!(postcard::from_bytes::<Bounded<u8, 2>>(&[3, 0, 0, 0]).is_err());
    }

    #[test]
    fn an_absurd_length_takes_no_memory() {
        // 2^63 elements, announced in ten octets.
        let octets = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
        assert!(postcard::from_bytes::<Bounded<u64, 40_000>>(&octets).is_err());
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let (list, let_go) = Bounded::<u8, 2>::first_of(vec![1, 2, 3]);
        assert_eq!((&list[..], let_go), (&[1, 2][..], 1));
        assert!(Bounded::<u8, 2>::try_from(vec![1, 2, 3]).is_err());
    }
}
