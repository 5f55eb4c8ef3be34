//! What nobody else may know, and whether octets hold it: keys in files, codes and tokens that were shown once.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Something that nobody else may know.
pub struct Secret {
    /// The file that it lies in; empty for what was shown once.
    pub path: PathBuf,
    octets: Vec<u8>,
}

impl Secret {
    /// What was shown once.
    #[must_use]
    pub fn shown(octets: &[u8]) -> Secret {
        Secret { path: PathBuf::from("what was shown"), octets: octets.to_vec() }
    }

    /// Whether others may read its file, or a folder above it lets them list it.
    ///
    /// # Panics
    /// If the file is gone.
    #[must_use]
    pub fn is_open_to_others(&self) -> bool {
        fs::metadata(&self.path).unwrap().permissions().mode() & 0o077 != 0
    }
}

/// Every key in these folders: files that end in `.key`.
///
/// # Panics
/// If a folder cannot be read.
#[must_use]
pub fn secrets(folders: &[&Path]) -> Vec<Secret> {
    let mut found = Vec::new();
    let mut left: Vec<PathBuf> = folders.iter().map(|f| f.to_path_buf()).collect();
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|e| e == "key") {
                let octets = fs::read(&path).unwrap();
                found.push(Secret { path, octets: octets.trim_ascii_end().to_vec() });
            }
        }
    }
    found
}

/// Whether octets hold a secret: as it is, in hexadecimal, in base 64.
///
/// # Panics
/// If there is nothing to look for.
#[must_use]
pub fn contains(octets: &[u8], secret: &Secret) -> bool {
    assert!(secret.octets.len() >= 15);
    let hex: String = secret.octets.iter().map(|o| format!("{o:02x}")).collect();
    let upper = hex.to_uppercase();
    let base64 = <base64ct::Base64 as base64ct::Encoding>::encode_string(&secret.octets);
    let base64 = base64.trim_end_matches('=').as_bytes();
    let has = |needle: &[u8]| octets.windows(needle.len()).any(|w| w == needle);
    // The seed of an Ed25519 key stands within its PKCS#8 form (RFC 8410).
    let inner = secret.octets.get(16..48).filter(|_| secret.octets.starts_with(&[0x30]));
    inner.is_some_and(has)
        || has(&secret.octets)
        || has(hex.as_bytes())
        || has(upper.as_bytes())
        || has(&base64[..base64.len() - 1])
}
