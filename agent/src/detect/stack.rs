//! Which class of systems a SYN stands for: `os-from-tcp.tsv`.
//!
//! Keeps: a family and a class. Drops: the SYN. Routers and security products rewrite every one of these traits, so this
//! is a hint that supports another sign, never a sign of its own.

use super::system::{linux, of_family, windows};
use crate::wire::syn::SynOptions;
use auscult_report::fact::{SignPlace, SystemFamily, SystemSign};

/// Of a client's SYN. Only a hint that supports another sign: the major number stands for a class (5: XP and 2003, 6:
/// Vista to 8.1, 10: 10 and later), the minor number is always 0.
#[must_use]
pub fn by_syn(ttl: u8, window: u16, options: &SynOptions) -> Option<SystemSign> {
    let place = SignPlace::TcpSyn;
    let scale = options.window_scale.unwrap_or(0);
    // The ranges: from the usual first TTL (64, 128, 255) down to what is left after the most hops that are heard.
    match (ttl, options.kinds()) {
        (65..=128, [2, 1, 1, 4]) if window == 32768 => Some(of_family(place, SystemFamily::Embedded)),
        (65..=128, [2, 1, 1, 4]) => Some(windows(place, 5, 0)),
        (65..=128, [2, 1, 3, 1, 1, 4] | [2, 1, 3, 4, 8]) => match (window, scale) {
            (8192, _) => Some(windows(place, 6, 0)),
            (64240 | 65535, 8..) => Some(windows(place, 10, 0)),
            (_, 0..=3) => Some(windows(place, 5, 0)),
            _ => None,
        },
        (33..=64, [2, 4, 8, 1, 3]) if window == 65535 && matches!(scale, 8 | 9) => {
            Some(of_family(place, SystemFamily::Android))
        }
        (33..=64, [2, 4, 8, 1, 3]) => Some(linux(place, (0, 0), 0)),
        (33..=64, [2, 1, 3, 1, 1, 8, 4]) if window == 65535 => {
            Some(of_family(place, if scale == 2 { SystemFamily::Ios } else { SystemFamily::Macos }))
        }
        (33..=64, [2, 1, 3, 4, 8]) if window == 65535 => Some(of_family(place, SystemFamily::Bsd)),
        (33..=64, [2, 1, 1, 4, 1, 3, 1, 1, 8]) => Some(of_family(place, SystemFamily::Bsd)),
        // Scanners send a bare segment size too, with windows of 1024 (nmap) to 65535 (zmap).
        (33..=64 | 200..=255, [2]) if !window.is_multiple_of(1024) && window != 65535 => {
            Some(of_family(place, SystemFamily::Embedded))
        }
        (33..=64, [2, 1, 3, 1, 1, 8]) => Some(of_family(place, SystemFamily::Embedded)),
        _ => None,
    }
}

/// What is heard of first packets, for the reader of a finding.
pub(super) const EAR: (&str, u16, &str) = (
    "tcp-syn",
    1,
    "The first packet of a conversation of a host of the clinic: its time to live, its window and the order of its options hint at \
     the kind of system. Routers, proxies and security products rewrite each of these traits, and a virtual machine shows its own: \
     it supports another sign and never decides alone. Nothing of the packet is kept.",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syn_gives_a_class() {
        let syn =
            |ttl, window, options: &[u8]| by_syn(ttl, window, &SynOptions::read(options)).map(|s| (s.family, s.major));
        let xp = &[2, 4, 5, 0xb4, 1, 1, 4, 2][..];
        let scaled = |scale| vec![2, 4, 5, 0xb4, 1, 3, 3, scale, 1, 1, 4, 2];
        let linux = |scale| vec![2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, scale];
        let apple = |scale| vec![2, 4, 5, 0xb4, 1, 3, 3, scale, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 4, 2, 0, 0];
        assert_eq!(syn(126, 65535, xp), Some((SystemFamily::Windows, 5)));
        assert_eq!(syn(128, 65535, &scaled(2)), Some((SystemFamily::Windows, 5)));
        assert_eq!(syn(128, 8192, &scaled(8)), Some((SystemFamily::Windows, 6)));
        assert_eq!(syn(127, 64240, &scaled(8)), Some((SystemFamily::Windows, 10)));
        assert_eq!(syn(63, 64240, &linux(7)), Some((SystemFamily::Linux, 0)));
        assert_eq!(syn(64, 65535, &linux(9)), Some((SystemFamily::Android, 0)));
        assert_eq!(syn(64, 65535, &apple(6)), Some((SystemFamily::Macos, 0)));
        // A Linux whose TTL was changed is no Windows.
        assert_eq!(syn(128, 64240, &linux(7)), None);
        // A scanner is no small controller.
        assert_eq!(syn(50, 1024, &[2, 4, 5, 0xb4]), None);
        assert_eq!(syn(64, 5840, &[2, 4, 5, 0xb4]), Some((SystemFamily::Embedded, 0)));
    }
}
