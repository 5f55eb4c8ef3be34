//! Seals what must lie in the data base and must not be read from a copy of it: keys of one-time codes.
//!
//! ChaCha20-Poly1305 (RFC 8439) with a random nonce in front and the place (table, column, row) as associated data: a sealed value
//! that is moved to another row does not open. Keeps: one key, derived (HKDF, RFC 5869) from the trust key's seed, which never is in
//! the data base. Drops: nothing.

use hkdf::Hkdf;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::Sha256;
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// A key that seals. It never prints.
pub struct Vault(Option<LessSafeKey>);

impl Vault {
    /// The vault of a seed.
    #[must_use]
    pub fn new(seed: &[u8; 32]) -> Vault {
        let mut key = [0u8; 32];
        // 32 octets are within what HKDF gives; the cipher takes 32: neither can fail.
        let derived = Hkdf::<Sha256>::new(None, seed).expand(b"auscult.dev/vault/v1\0", &mut key);
        let sealing = derived.ok().and_then(|()| UnboundKey::new(&CHACHA20_POLY1305, &key).ok()).map(LessSafeKey::new);
        key.zeroize();
        Vault(sealing)
    }

    /// Seals a value for its place.
    ///
    /// # Errors
    /// If the system gives no random octets.
    pub fn seal(&self, value: &[u8], place: &[&[u8]]) -> Result<Vec<u8>, VaultError> {
        let key = self.0.as_ref().ok_or(VaultError)?;
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| VaultError)?;
        let mut sealed = value.to_vec();
        let bound = Aad::from(joined(place));
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound, &mut sealed)
            .map_err(|_| VaultError)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens a value at its place.
    ///
    /// # Errors
    /// If it was sealed by another key or for another place, or changed.
    pub fn open(&self, sealed: &[u8], place: &[&[u8]]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let key = self.0.as_ref().ok_or(VaultError)?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(VaultError)?;
        let mut value = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = key.open_in_place(nonce, Aad::from(joined(place)), &mut value).map_err(|_| VaultError)?.len();
        value.truncate(length);
        Ok(value)
    }
}

/// Each part behind its length.
fn joined(place: &[&[u8]]) -> Vec<u8> {
    place.iter().flat_map(|p| [&p.len().to_be_bytes()[..], p].concat()).collect()
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

/// It was not sealed by this archive for this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VaultError;

impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sealed value does not open: the data base and the authority folder do not belong together")
    }
}

impl std::error::Error for VaultError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_at_its_place_and_nowhere_else() {
        let vault = Vault::new(&[1; 32]);
        let sealed = vault.seal(b"secret", &[b"enrol_code", b"key", b"row 1"]).unwrap();
        assert!(!sealed.windows(6).any(|w| w == b"secret"));
        assert_eq!(vault.open(&sealed, &[b"enrol_code", b"key", b"row 1"]).unwrap().as_slice(), b"secret");
        assert!(vault.open(&sealed, &[b"enrol_code", b"key", b"row 2"]).is_err());
        assert!(vault.open(&sealed, &[b"enrol_code", b"keyrow", b" 1"]).is_err());
        assert!(Vault::new(&[2; 32]).open(&sealed, &[b"enrol_code", b"key", b"row 1"]).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(vault.open(&changed, &[b"enrol_code", b"key", b"row 1"]).is_err());
        }
        assert_ne!(vault.seal(b"secret", &[]).unwrap(), vault.seal(b"secret", &[]).unwrap());
        assert_eq!(format!("{vault:?}"), "Vault");
    }
}
