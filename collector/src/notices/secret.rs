//! Files of secrets: keys of webhooks, passwords, headers.
//!
//! Keeps: a secret in memory that is wiped. Drops: a file that others may read; it is refused, not repaired.

use base64ct::{Base64, Encoding};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// A text that only its owner may read, without blanks at its end.
pub(super) fn secret(path: &Path) -> Result<Zeroizing<String>, String> {
    let said = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let file = File::open(path).map_err(|e| said(&e))?;
    if file.metadata().map_err(|e| said(&e))?.permissions().mode() & 0o077 != 0 {
        return Err(said(&"others may read this secret; chmod 600 it, and make a new one if they did"));
    }
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(MOST_OCTETS).unwrap_or(0)));
    file.take(MOST_OCTETS).read_to_string(&mut text).map_err(|e| said(&e))?;
    let end = text.trim_end().len();
    text.truncate(end);
    if text.is_empty() { Err(said(&"nothing stands in it")) } else { Ok(text) }
}

/// A key of a webhook: `whsec_` and base64 of 24 to 64 octets, as Standard Webhooks has it.
pub(super) fn key(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let text = secret(path)?;
    let key = text.strip_prefix(PREFIX).and_then(|base64| Base64::decode_vec(base64).ok()).map(Zeroizing::new);
    let key = key.filter(|key| (24..=64).contains(&key.len()));
    key.ok_or_else(|| format!("{}: is no key of a webhook; make one with `notices new-key`", path.display()))
}

/// Makes a new key of a webhook in a file that must not exist.
///
/// # Errors
/// If it cannot be made.
pub fn new_key(path: &Path) -> Result<(), String> {
    let said = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let mut key = Zeroizing::new([0u8; 32]);
    getrandom::fill(key.as_mut_slice()).map_err(|e| said(&e))?;
    let text = Zeroizing::new(format!("{PREFIX}{}\n", Base64::encode_string(key.as_slice())));
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut made = made.map_err(|e| said(&e))?;
    made.write_all(text.as_bytes()).and_then(|()| made.sync_all()).map_err(|e| said(&e))
}

const PREFIX: &str = "whsec_";
/// A chain of certificates with its key is shorter.
const MOST_OCTETS: u64 = 65_536;

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_secret_is_for_its_owner_only_and_a_key_is_made_once() {
        let folder = std::env::temp_dir().join(format!("auscult-secret-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("hook.key");
        new_key(&path).unwrap();
        assert!(new_key(&path).is_err(), "a key that is there stays");
        assert_eq!((key(&path).unwrap().len(), fs::metadata(&path).unwrap().permissions().mode() & 0o777), (32, 0o600));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(key(&path).unwrap_err().contains("others may read this secret; chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for bad in
            ["", "\n", "whsec_", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw====", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
        {
            fs::write(&path, bad).unwrap();
            assert!(key(&path).is_err(), "{bad}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
