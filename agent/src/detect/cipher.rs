//! The class of a cipher suite, by its number in the IANA registry (TLS Cipher Suites) and the rules of
//! `tls-weak.tsv`: what the name of the suite contains.
//!
//! Keeps: the class. Drops: the number; a number that is not assigned has no class.

use auscult_report::fact::CipherClass;

/// The class of a suite; `None` for a number that nobody has assigned. Work is bounded by the length of the lists.
#[must_use]
pub const fn class(suite: u16) -> Option<CipherClass> {
    if stands_in(suite, BROKEN) {
        Some(CipherClass::Broken)
    } else if stands_in(suite, WEAK) {
        Some(CipherClass::Weak)
    } else if stands_in(suite, OLD) {
        Some(CipherClass::Old)
    } else if stands_in(suite, GOOD) {
        Some(CipherClass::Good)
    } else {
        None
    }
}

/// Whether the keys of a suite are made in a group of the server's choice (`DHE` in its name).
#[must_use]
pub const fn is_prime_group(suite: u16) -> bool {
    stands_in(suite, PRIME_GROUP)
}

const fn stands_in(suite: u16, mut ranges: &[(u16, u16)]) -> bool {
    while let [(first, last), rest @ ..] = ranges {
        if *first <= suite && suite <= *last {
            return true;
        }
        ranges = rest;
    }
    false
}

/// NULL, anon, EXPORT, RC4 in the name, or no encryption by design (RFC 9150).
const BROKEN: &[(u16, u16)] = &[
    (0x0000, 0x0006),
    (0x0008, 0x0008),
    (0x000B, 0x000B),
    (0x000E, 0x000E),
    (0x0011, 0x0011),
    (0x0014, 0x0014),
    (0x0017, 0x001C),
    (0x0020, 0x0020),
    (0x0024, 0x0024),
    (0x0026, 0x002E),
    (0x0034, 0x0034),
    (0x003A, 0x003B),
    (0x0046, 0x0046),
    (0x0060, 0x0066),
    (0x006C, 0x006D),
    (0x0082, 0x0083),
    (0x0089, 0x008A),
    (0x008E, 0x008E),
    (0x0092, 0x0092),
    (0x009B, 0x009B),
    (0x00A6, 0x00A7),
    (0x00B0, 0x00B1),
    (0x00B4, 0x00B5),
    (0x00B8, 0x00B9),
    (0x00BF, 0x00BF),
    (0x00C5, 0x00C5),
    (0xC001, 0xC002),
    (0xC006, 0xC007),
    (0xC00B, 0xC00C),
    (0xC010, 0xC011),
    (0xC015, 0xC019),
    (0xC033, 0xC033),
    (0xC039, 0xC03B),
    (0xC046, 0xC047),
    (0xC05A, 0xC05B),
    (0xC084, 0xC085),
    (0xC0B4, 0xC0B5),
];

/// 3DES, DES, RC2 or FORTEZZA.
const WEAK: &[(u16, u16)] = &[
    (0x0009, 0x000A),
    (0x000C, 0x000D),
    (0x000F, 0x0010),
    (0x0012, 0x0013),
    (0x0015, 0x0016),
    (0x001D, 0x001F),
    (0x0022, 0x0023),
    (0x008B, 0x008B),
    (0x008F, 0x008F),
    (0x0093, 0x0093),
    (0xC003, 0xC003),
    (0xC008, 0xC008),
    (0xC00D, 0xC00D),
    (0xC012, 0xC012),
    (0xC01A, 0xC01C),
    (0xC034, 0xC034),
    (0xFEFE, 0xFEFF),
    (0xFFE0, 0xFFE1),
];

/// `TLS_RSA_WITH` (no forward secrecy), or CBC with a hash older than SHA-256.
const OLD: &[(u16, u16)] = &[
    (0x0007, 0x0007),
    (0x0021, 0x0021),
    (0x0025, 0x0025),
    (0x002F, 0x0033),
    (0x0035, 0x0039),
    (0x003C, 0x003D),
    (0x0041, 0x0045),
    (0x0084, 0x0088),
    (0x008C, 0x008D),
    (0x0090, 0x0091),
    (0x0094, 0x009A),
    (0x009C, 0x009D),
    (0x00BA, 0x00BA),
    (0x00C0, 0x00C0),
    (0xC004, 0xC005),
    (0xC009, 0xC00A),
    (0xC00E, 0xC00F),
    (0xC013, 0xC014),
    (0xC01D, 0xC022),
    (0xC035, 0xC036),
    (0xC03C, 0xC03D),
    (0xC050, 0xC051),
    (0xC07A, 0xC07B),
    (0xC09C, 0xC09D),
    (0xC0A0, 0xC0A1),
    (0xE410, 0xE411),
];

/// `TLS_DHE_` in the name.
const PRIME_GROUP: &[(u16, u16)] = &[
    (0x0011, 0x0016),
    (0x0032, 0x0033),
    (0x0038, 0x0039),
    (0x0040, 0x0040),
    (0x0044, 0x0045),
    (0x0067, 0x0067),
    (0x006A, 0x006B),
    (0x0087, 0x0088),
    (0x0099, 0x009A),
    (0x009E, 0x009F),
    (0x00A2, 0x00A3),
    (0x00BD, 0x00BE),
    (0x00C3, 0x00C4),
    (0xC044, 0xC045),
    (0xC052, 0xC053),
    (0xC07C, 0xC07D),
    (0xC09E, 0xC09F),
    (0xC0A2, 0xC0A3),
    (0xCCAA, 0xCCAA),
];

/// All that is assigned and stands in none of the lists above (which are asked first).
const GOOD: &[(u16, u16)] = &[
    (0x0000, 0x0046),
    (0x0060, 0x006D),
    (0x0080, 0x00C7),
    (0x1301, 0x1307),
    (0xC001, 0xC0B5),
    (0xC0FF, 0xC106),
    (0xCC13, 0xCC15),
    (0xCCA8, 0xCCAE),
    (0xD001, 0xD005),
    // Suites of GM/T 0024 and the drafts with Salsa20: seen in the wild, never registered.
    (0xE001, 0xE05A),
    (0xE410, 0xE41F),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_suites_have_the_class_that_their_names_say() {
        for (suite, expected) in [
            (0x0000, CipherClass::Broken), // TLS_NULL_WITH_NULL_NULL
            (0x0003, CipherClass::Broken), // TLS_RSA_EXPORT_WITH_RC4_40_MD5
            (0x0005, CipherClass::Broken), // TLS_RSA_WITH_RC4_128_SHA
            (0x0009, CipherClass::Weak),   // TLS_RSA_WITH_DES_CBC_SHA
            (0x000A, CipherClass::Weak),   // TLS_RSA_WITH_3DES_EDE_CBC_SHA
            (0x0016, CipherClass::Weak),   // TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA
            (0x001B, CipherClass::Broken), // TLS_DH_anon_WITH_3DES_EDE_CBC_SHA
            (0x002F, CipherClass::Old),    // TLS_RSA_WITH_AES_128_CBC_SHA
            (0x0033, CipherClass::Old),    // TLS_DHE_RSA_WITH_AES_128_CBC_SHA
            (0x0034, CipherClass::Broken), // TLS_DH_anon_WITH_AES_128_CBC_SHA
            (0x003B, CipherClass::Broken), // TLS_RSA_WITH_NULL_SHA256
            (0x003C, CipherClass::Old),    // TLS_RSA_WITH_AES_128_CBC_SHA256
            (0x0067, CipherClass::Good),   // TLS_DHE_RSA_WITH_AES_128_CBC_SHA256
            (0x009C, CipherClass::Old),    // TLS_RSA_WITH_AES_128_GCM_SHA256
            (0x009E, CipherClass::Good),   // TLS_DHE_RSA_WITH_AES_128_GCM_SHA256
            (0x1301, CipherClass::Good),   // TLS_AES_128_GCM_SHA256
            (0xC007, CipherClass::Broken), // TLS_ECDHE_ECDSA_WITH_RC4_128_SHA
            (0xC012, CipherClass::Weak),   // TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA
            (0xC013, CipherClass::Old),    // TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
            (0xC018, CipherClass::Broken), // TLS_ECDH_anon_WITH_AES_128_CBC_SHA
            (0xC027, CipherClass::Good),   // TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256
            (0xC02F, CipherClass::Good),   // TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
            (0xC09C, CipherClass::Old),    // TLS_RSA_WITH_AES_128_CCM
            (0xC0B4, CipherClass::Broken), // TLS_SHA256_SHA256
            (0xCCA8, CipherClass::Good),   // TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
        ] {
            assert_eq!(class(suite), Some(expected), "{suite:#06x}");
        }
    }

    #[test]
    fn groups_of_the_servers_choice_are_told() {
        // TLS_DHE_RSA_WITH_AES_128_GCM_SHA256; TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256; TLS_AES_128_GCM_SHA256
        assert_eq!([0x009E, 0xC02F, 0x1301].map(is_prime_group), [true, false, false]);
    }

    #[test]
    fn a_number_that_nobody_has_assigned_has_no_class() {
        for suite in [0x0A0A, 0x00FF, 0x5600, 0x4242, 0xFFFF] {
            assert_eq!(class(suite), None, "{suite:#06x}");
        }
    }
}
