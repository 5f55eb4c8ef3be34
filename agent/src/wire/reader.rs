//! Reader: the cursor that every view of our own is built on (after rustls' `codec::Reader`).
//!
//! Keeps: a borrowed slice and a position. Drops: nothing. Every read names the field that it is for, so that a
//! truncated message says what was missing; nothing here can panic, allocate or loop.

use super::WireError;

/// A cursor over borrowed octets.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Over all of `octets`.
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Reader<'a> {
        Reader { rest: octets }
    }

    /// The next `len` octets.
    ///
    /// # Errors
    /// `Truncated(field)` if there are fewer.
    pub fn take(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], WireError> {
        let (head, tail) = self.rest.split_at_checked(len).ok_or(WireError::Truncated(field))?;
        self.rest = tail;
        Ok(head)
    }

    /// The next `N` octets as an array.
    ///
    /// # Errors
    /// `Truncated(field)` if there are fewer.
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], WireError> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or(WireError::Truncated(field))?;
        self.rest = tail;
        Ok(*head)
    }

    /// One octet.
    ///
    /// # Errors
    /// `Truncated(field)` at the end.
    pub fn u8(&mut self, field: &'static str) -> Result<u8, WireError> {
        self.array::<1>(field).map(|[o]| o)
    }

    /// Two octets, network order.
    ///
    /// # Errors
    /// `Truncated(field)` if there are fewer.
    pub fn u16(&mut self, field: &'static str) -> Result<u16, WireError> {
        self.array(field).map(u16::from_be_bytes)
    }

    /// Three octets, network order.
    ///
    /// # Errors
    /// `Truncated(field)` if there are fewer.
    pub fn u24(&mut self, field: &'static str) -> Result<u32, WireError> {
        self.array::<3>(field).map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// Four octets, network order.
    ///
    /// # Errors
    /// `Truncated(field)` if there are fewer.
    pub fn u32(&mut self, field: &'static str) -> Result<u32, WireError> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// Two octets, least significant first.
    ///
    /// # Errors
    /// `Truncated(field)` if there are fewer.
    pub fn u16_le(&mut self, field: &'static str) -> Result<u16, WireError> {
        self.array(field).map(u16::from_le_bytes)
    }

    /// Four octets, least significant first.
    ///
    /// # Errors
    /// `Truncated(field)` if there are fewer.
    pub fn u32_le(&mut self, field: &'static str) -> Result<u32, WireError> {
        self.array(field).map(u32::from_le_bytes)
    }

    /// A fence: a reader over the next `len` octets alone.
    ///
    /// # Errors
    /// `Truncated(field)` if there are fewer.
    pub fn sub(&mut self, len: usize, field: &'static str) -> Result<Reader<'a>, WireError> {
        self.take(len, field).map(Reader::new)
    }

    /// As [`Reader::sub`], but a fence that reaches beyond the end is cut there: for captures that keep only the
    /// beginning of a frame.
    #[must_use]
    pub fn sub_at_most(&mut self, len: usize) -> Reader<'a> {
        let (head, tail) = self.rest.split_at_checked(len).unwrap_or((self.rest, &[]));
        self.rest = tail;
        Reader::new(head)
    }

    /// All that is left, without moving.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// How many octets are left.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_read_names_its_field_and_does_not_move() {
        let mut r = Reader::new(&[1, 2, 3]);
        assert_eq!(r.u32("length"), Err(WireError::Truncated("length")));
        assert_eq!(r.u16("kind"), Ok(0x0102));
        assert_eq!(r.left(), 1);
    }

    #[test]
    fn a_fence_holds() {
        let mut r = Reader::new(&[1, 2, 3, 4]);
        let mut inner = r.sub(2, "item").unwrap();
        assert_eq!(inner.take(3, "value"), Err(WireError::Truncated("value")));
        assert_eq!(r.rest(), &[3, 4]);
        assert_eq!(r.sub_at_most(9).rest(), &[3, 4]);
        assert!(r.is_empty());
    }
}
