//! Passwords (RFC 9106, argon2id), six digits of a second factor (RFC 6238, RFC 4226), tokens and codes.
//!
//! Keeps: nothing. Drops: passwords, as soon as they were hashed or compared. Tokens and codes are random and long: a plain hash keeps
//! them; a password is neither.

use super::{AccessError, random};
use argon2::{Algorithm, Argon2, Params, Version};
use auscult_report::key::{Hash, hash};
use auscult_report::time::Timestamp;
use ring::hmac;
use zeroize::Zeroizing;

/// The hash under which a token or code is kept.
#[must_use]
pub fn token_hash(token: &str) -> Hash {
    hash(b"", &[token.as_bytes()])
}

/// A new token: 256 random bits in hexadecimal.
///
/// # Errors
/// If the system gives none.
pub fn new_token() -> Result<String, AccessError> {
    Ok(hex(&random::<32>()?))
}

/// A new one-time code for people: 128 random bits, in groups of four.
///
/// # Errors
/// If the system gives none.
pub(super) fn new_person_code() -> Result<String, AccessError> {
    let code = base32(&random::<16>()?);
    let groups: Vec<String> = code.as_bytes().chunks(4).map(|g| String::from_utf8_lossy(g).into_owned()).collect();
    Ok(groups.join("-"))
}

/// A code as it was made, from what somebody typed: in any case, with blanks and dashes.
#[must_use]
pub(super) fn typed_code(typed: &str) -> String {
    let plain: String =
        typed.chars().filter(char::is_ascii_alphanumeric).take(64).collect::<String>().to_ascii_uppercase();
    let groups: Vec<&str> = plain.as_bytes().chunks(4).filter_map(|g| core::str::from_utf8(g).ok()).collect();
    groups.join("-")
}

/// What is kept of a password: `argon2id$SALT$HASH` in hexadecimal; the cost is [`COST`].
///
/// # Errors
/// If the system gives no salt.
pub(super) fn keep_password(password: &str) -> Result<String, AccessError> {
    let salt = random::<16>()?;
    let hashed = hashed(password, &salt).ok_or(AccessError::Random)?;
    Ok(format!("argon2id$m={},t={},p={}${}${}", COST.0, COST.1, COST.2, hex(&salt), hex(hashed.as_slice())))
}

/// Whether a password is the one that was kept. Where nothing was kept the same work is done.
#[must_use]
pub(super) fn is_password(password: &str, kept: Option<&str>) -> bool {
    let parts: Vec<&str> = kept.unwrap_or_default().split('$').collect();
    let (salt, wanted) = match parts.as_slice() {
        ["argon2id", _, salt, wanted] => (octets(salt), octets(wanted)),
        _ => (Vec::new(), Vec::new()),
    };
    let salt = if salt.len() == 16 { salt } else { vec![0; 16] };
    let Some(hashed) = hashed(password, &salt) else { return false };
    // As long for the first octet that differs as for the last.
    let differs = hashed.iter().zip(&wanted).fold(0, |all, (a, b)| all | (a ^ b));
    wanted.len() == hashed.len() && differs == 0
}

fn hashed(password: &str, salt: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let params = Params::new(COST.0, COST.1, COST.2, Some(32)).ok()?;
    let mut out = Zeroizing::new([0; 32]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(password.as_bytes(), salt, out.as_mut_slice()).ok()?;
    Some(out)
}

/// What is wrong with a new password. `None`: nothing.
#[must_use]
pub(super) fn is_weak(password: &str, name: &str) -> Option<&'static str> {
    let count = password.chars().count();
    if count < LEAST_PASSWORD {
        return Some("A password has at least 12 characters; a few words that belong together only for you are good.");
    }
    if count > MOST_PASSWORD {
        return Some("A password has at most 128 characters.");
    }
    let mut rest = password.to_lowercase();
    for word in GUESSED.iter().copied().chain([name]).filter(|w| w.len() > 2) {
        rest = rest.replace(word, "");
    }
    let mut different: Vec<char> = rest.chars().collect();
    different.sort_unstable();
    different.dedup();
    (rest.chars().count() < 6 || different.len() < 5).then_some(
        "This password is among the first that would be guessed: take one without your name and common words.",
    )
}

/// The step of a second factor that these digits belong to: the current one, the one before or after it, behind the one that was
/// used last. `None`: they are wrong, or were used.
#[must_use]
pub(super) fn step_of(key: &[u8], digits: &str, now: Timestamp, used: u64) -> Option<u64> {
    let typed: String = digits.chars().filter(|c| !c.is_whitespace()).collect();
    if typed.len() != 6 || !typed.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let current = now.0 / STEP_MS;
    let first = current.saturating_sub(1).max(used.saturating_add(1));
    (first..=current.saturating_add(1)).find(|step| digits_of(key, *step) == typed)
}

/// The six digits that a second factor shows at a moment.
#[must_use]
pub fn digits_at(key: &[u8], now: Timestamp) -> String {
    digits_of(key, now.0 / STEP_MS)
}

/// The six digits of a step (RFC 4226 section 5.3).
fn digits_of(key: &[u8], step: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let octets = tag.as_ref();
    let at = usize::from(octets.last().copied().unwrap_or(0) & 0x0f);
    let four = octets.get(at..).and_then(|rest| rest.first_chunk::<4>()).copied().unwrap_or_default();
    let number = u32::from_be_bytes(four) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// Octets in base 32 (RFC 4648 section 6), without what fills up.
#[must_use]
pub(super) fn base32(octets: &[u8]) -> String {
    let bits = octets.iter().flat_map(|o| (0u32..8).rev().map(move |bit| o.checked_shr(bit).unwrap_or(0) & 1));
    let bits: Vec<u8> = bits.collect();
    let symbol = |five: &[u8]| {
        let padded = five.iter().copied().chain(core::iter::repeat(0)).take(5);
        let value = padded.fold(0usize, |n, bit| (n << 1) | usize::from(bit));
        char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".get(value).copied().unwrap_or(b'A'))
    };
    bits.chunks(5).map(symbol).collect()
}

/// Small hexadecimal digits.
#[must_use]
pub fn hex(octets: &[u8]) -> String {
    octets.iter().map(|o| format!("{o:02x}")).collect()
}

/// The octets of hexadecimal digits; none if they are not.
#[must_use]
pub fn octets(hex: &str) -> Vec<u8> {
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let pair = |pair: &[u8; 2]| core::str::from_utf8(pair).ok().and_then(|p| u8::from_str_radix(p, 16).ok());
    let octets: Option<Vec<u8>> = pairs.iter().map(pair).collect();
    octets.filter(|_| rest.is_empty()).unwrap_or_default()
}

/// Memory in KiB, rounds, lanes: what OWASP asks for at least; a guess costs 19 MiB for some 30 ms.
const COST: (u32, u32, u32) = (19_456, 2, 1);
/// RFC 6238 section 4.1.
const STEP_MS: u64 = 30_000;
const LEAST_PASSWORD: usize = 12;
const MOST_PASSWORD: usize = 128;
/// What stands in every list of guesses, and what this program and its readers are called.
const GUESSED: &[&str] = &[
    "password",
    "passwort",
    "qwertyuiop",
    "qwertz",
    "qwerty",
    "asdfgh",
    "1234567890",
    "123456",
    "654321",
    "letmein",
    "welcome",
    "admin",
    "auscult",
    "collector",
    "clinic",
    "hospital",
    "doctor",
    "secret",
    "changeme",
    "iloveyou",
    "dragon",
    "monkey",
    "summer",
    "winter",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_are_those_of_rfc_6238() {
        // Appendix B, SHA-1; there eight digits, here the last six.
        let key = b"12345678901234567890";
        for (second, digits) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            let now = Timestamp(second * 1_000);
            assert_eq!(step_of(key, digits, now, 0), Some(second / 30), "{second}");
            assert_eq!(step_of(key, digits, now, second / 30), None, "used");
            assert!(step_of(key, digits, Timestamp(now.0 + 29_000), 0).is_some(), "a slow hand");
            assert_eq!(step_of(key, digits, Timestamp(now.0 + 90_000), 0), None, "too late");
        }
        assert_eq!(step_of(key, " 287 082 ", Timestamp(59_000), 0), Some(1), "blanks are no matter");
        assert_eq!(step_of(key, "94287082", Timestamp(59_000), 0), None);
    }

    #[test]
    fn base_32_is_that_of_rfc_4648() {
        for (plain, coded) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(base32(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn a_password_opens_what_was_kept_of_it_and_nothing_else_does() {
        let kept = keep_password("four small green boats").unwrap();
        assert!(!kept.contains("boats") && kept.starts_with("argon2id$m=19456,t=2,p=1$"));
        assert!(is_password("four small green boats", Some(&kept)));
        for (other, of) in [
            ("four small green boat", Some(kept.as_str())),
            ("", Some(&kept)),
            ("", None),
            ("x", Some("")),
            ("", Some("argon2id$$$")),
        ] {
            assert!(!is_password(other, of), "{other:?} {of:?}");
        }
        assert_ne!(kept, keep_password("four small green boats").unwrap(), "salted");
    }

    #[test]
    fn what_is_guessed_first_is_refused() {
        for weak in [
            "short",
            "password1234",
            "Password123456",
            "aaaaaaaaaaaaaaaa",
            "mariamaria12",
            "ClinicAdmin2026",
            &"long".repeat(40),
        ] {
            assert!(is_weak(weak, "maria").is_some(), "{weak}");
        }
        for good in ["four small green boats", "Tz9-kfu3.plw", "übermäßig viele Äpfel"] {
            assert_eq!(is_weak(good, "maria"), None, "{good}");
        }
    }

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = new_person_code().unwrap();
        assert_eq!(code.replace('-', "").len(), 26, "128 bits");
        assert_eq!(typed_code(&format!("  {} ", code.to_lowercase().replace('-', " "))), code);
    }
}
