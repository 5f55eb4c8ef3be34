//! The options of a TCP SYN (RFC 9293 3.1, RFC 7323, RFC 2018), in the order in which a system writes them.
//!
//! Keeps: kinds in order, segment size, window scale. Drops: time stamps, and every option after the first
//! [`MAX_KINDS`].

/// The options of a SYN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SynOptions {
    kinds: [u8; MAX_KINDS],
    count: usize,
    /// Kind 2: largest segment.
    pub segment_octets: Option<u16>,
    /// Kind 3: shift of the window.
    pub window_scale: Option<u8>,
}

impl SynOptions {
    /// Reads the octets between TCP's fixed header and its data. Ends at the end-of-options kind, which is not told,
    /// or at an option that does not fit. Work is bounded by [`MAX_KINDS`].
    #[must_use]
    pub fn read(mut octets: &[u8]) -> SynOptions {
        let mut options = SynOptions::default();
        while let [kind, rest @ ..] = octets {
            if *kind == 0 {
                break;
            }
            let Some(place) = options.kinds.get_mut(options.count) else { break };
            if *kind == 1 {
                octets = rest;
            } else {
                let [length, value @ ..] = rest else { break };
                let Some(value_octets) = usize::from(*length).checked_sub(2) else { break };
                let Some((value, after)) = value.split_at_checked(value_octets) else { break };
                match (kind, value) {
                    (2, [high, low]) => options.segment_octets = Some(u16::from_be_bytes([*high, *low])),
                    (3, [scale]) => options.window_scale = Some(*scale),
                    _ => {}
                }
                octets = after;
            }
            *place = *kind;
            options.count = options.count.saturating_add(1);
        }
        options
    }

    /// The kinds, in order: 1 no operation, 2 segment size, 3 window scale, 4 selective acknowledgement, 8 time stamp.
    #[must_use]
    pub fn kinds(&self) -> &[u8] {
        self.kinds.get(..self.count).unwrap_or_default()
    }
}

/// Kinds that are kept: options have at most 40 octets, and no known system writes more than nine kinds.
pub const MAX_KINDS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_come_in_their_order() {
        // segment size 1460, no operation, scale 8, two no operations, selective acknowledgement
        let o = SynOptions::read(&[2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2]);
        assert_eq!(o.kinds(), &[2, 1, 3, 1, 1, 4]);
        assert_eq!((o.segment_octets, o.window_scale), (Some(1460), Some(8)));
    }

    #[test]
    fn options_that_do_not_fit_end_the_list() {
        assert_eq!(SynOptions::read(&[2, 4, 5]).kinds(), &[] as &[u8]);
        assert_eq!(SynOptions::read(&[4, 2, 8, 0, 1]).kinds(), &[4]);
        assert_eq!(SynOptions::read(&[4, 2, 0, 2, 4]).kinds(), &[4]);
        assert_eq!(SynOptions::read(&[1; 40]).kinds().len(), MAX_KINDS);
    }
}
