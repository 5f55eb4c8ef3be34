//! What everything signed or hashed begins with, so that no signature and no hash can be read as another.
//!
//! Keeps: every context string of the product, in one list. Drops: nothing is signed or hashed without one, but what
//! C2SP defines (notes and cosignatures have their own first lines) and the Merkle tree (RFC 9162 2.1.1: 00 and 01).

/// Before the octets of a report that are signed.
pub const REPORT: &[u8] = b"auscult.dev/report/v1\0";
/// Before the first public key of a sensor, hashed to its id.
pub const SENSOR_ID: &[u8] = b"auscult.dev/sensor-id/v1\0";
/// Before what an enrolment hashes, and the label of the key that a code gives.
pub const ENROL: &[u8] = b"auscult.dev/enrol/v1\0";
/// Before the hash that a sensor signs to enrol.
pub const ENROL_PROOF: &[u8] = b"auscult.dev/enrol-proof/v1\0";
/// At the start of each leaf of a clinic's ledger.
pub const LEAF: &[u8] = b"auscult.dev/leaf/v1\0";
/// At the start of each leaf of the provider's ledger of heads.
pub const HEAD: &[u8] = b"auscult.dev/head/v1\0";
/// Before the text of a statement, hashed for its leaf.
pub const STATEMENT: &[u8] = b"auscult.dev/statement/v1\0";
/// Before a configuration that the collector gives to a sensor.
pub const CONFIG: &[u8] = b"auscult.dev/config/v1\0";
/// Before a request for a new certificate, signed by the sensor.
pub const RENEW: &[u8] = b"auscult.dev/renew/v1\0";
/// Before the octets of a heartbeat that are signed.
pub const HEARTBEAT: &[u8] = b"auscult.dev/heartbeat/v1\0";
/// Before what a sensor's new key signs when it takes over.
pub const KEY_ROTATION: &[u8] = b"auscult.dev/key-rotation/v1\0";
/// Before a public key, hashed to the words that two people compare.
pub const FINGERPRINT: &[u8] = b"auscult.dev/fingerprint/v1\0";
/// Before the octets of a trust bundle that are signed.
pub const TRUST: &[u8] = b"auscult.dev/trust/v1\0";

/// All of them. Appended to only.
pub const ALL: &[&[u8]] = &[
    REPORT,
    SENSOR_ID,
    ENROL,
    ENROL_PROOF,
    LEAF,
    HEAD,
    STATEMENT,
    CONFIG,
    RENEW,
    HEARTBEAT,
    KEY_ROTATION,
    FINGERPRINT,
    TRUST,
];

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn no_context_is_the_beginning_of_another() {
        for (i, a) in ALL.iter().enumerate() {
            for (j, b) in ALL.iter().enumerate() {
                assert!(i == j || !a.starts_with(b), "{a:?} begins with {b:?}");
            }
        }
    }

    #[test]
    fn each_ends_in_its_only_zero() {
        for context in ALL {
            assert_eq!(context.iter().position(|o| *o == 0), Some(context.len() - 1));
            assert!(context.starts_with(b"auscult.dev/") && context.ends_with(b"/v1\0"));
        }
    }

    #[test]
    fn none_can_begin_what_others_sign() {
        for context in ALL {
            for other in [&b"cosignature/v1\n"[..], b"AUSR", b"AUSA", b"AUSN", b"AUST", b"\x00", b"\x01"] {
                assert!(!context.starts_with(other) && !other.starts_with(context));
            }
        }
    }
}
