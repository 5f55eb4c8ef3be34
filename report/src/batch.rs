//! Several reports in one request (FORMAT.md section 10): each behind its length.
//!
//! Keeps: where each report lies. Drops: nothing; a batch that does not end with a report is refused as a whole.

use crate::header::MAX_REPORT;
use crate::receipt::MAX_BATCH;
use alloc::vec::Vec;
use core::fmt;

/// A batch of the first of `reports` that fit, and how many did.
#[must_use]
pub fn batch<'a>(reports: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, usize) {
    let mut octets = Vec::new();
    let mut count: usize = 0;
    for report in reports.into_iter().take(MAX_BATCH) {
        let Ok(length) = u32::try_from(report.len()) else { break };
        if octets.len().saturating_add(report.len()).saturating_add(4) > MAX_BATCH_OCTETS {
            break;
        }
        octets.extend(length.to_be_bytes());
        octets.extend(report);
        count = count.saturating_add(1);
    }
    (octets, count)
}

/// The reports of a batch: 1 to [`MAX_BATCH`]. Nothing of them is looked at.
///
/// # Errors
/// [`BatchError`] if the batch is too long, has too many or no reports, or does not end with one.
pub fn reports(octets: &[u8]) -> Result<Vec<&[u8]>, BatchError> {
    if octets.len() > MAX_BATCH_OCTETS {
        return Err(BatchError);
    }
    let mut rest = octets;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk().ok_or(BatchError)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| BatchError)?;
        let (report, after) = after.split_at_checked(length).ok_or(BatchError)?;
        if found.len() >= MAX_BATCH || length > MAX_REPORT {
            return Err(BatchError);
        }
        found.push(report);
        rest = after;
    }
    if found.is_empty() { Err(BatchError) } else { Ok(found) }
}

/// It is no batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchError;

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("batch: form")
    }
}

impl core::error::Error for BatchError {}

/// Longest batch: what a collector holds for one request before it knows whose it is.
pub const MAX_BATCH_OCTETS: usize = 262_144;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn a_batch_gives_its_reports_back() {
        let (octets, count) = batch([&b"one"[..], b"three"]);
        assert_eq!(octets, b"\0\0\0\x03one\0\0\0\x05three");
        assert_eq!((count, reports(&octets)), (2, Ok(vec![&b"one"[..], b"three"])));
        for end in 0..octets.len() {
            assert_eq!(reports(&octets[..end]).is_ok(), end == 7, "cut at {end}");
        }
    }

    #[test]
    fn a_batch_keeps_its_bounds() {
        let many = vec![&b"x"[..]; MAX_BATCH + 1];
        let (octets, count) = batch(many);
        assert_eq!((count, reports(&octets).map(|r| r.len())), (MAX_BATCH, Ok(MAX_BATCH)));
        let more = [&octets[..], &octets[..5]].concat();
        assert_eq!(reports(&more), Err(BatchError));
        let large = vec![0; MAX_BATCH_OCTETS / 2];
        assert_eq!(batch([&large[..], &large, &large]).1, 1);
        assert_eq!(reports(&vec![0; MAX_BATCH_OCTETS + 1]), Err(BatchError));
        assert_eq!(reports(&[0xff; 4]), Err(BatchError));
        assert_eq!(reports(&[]), Err(BatchError));
    }
}
