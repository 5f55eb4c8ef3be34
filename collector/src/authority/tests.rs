//! The CA: what it certifies, what it refuses, who may read its keys.

use super::*;
use rcgen::PublicKeyData;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU32, Ordering};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

const NOW: Timestamp = Timestamp(1_795_219_200_000);

struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("auscult-authority-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Folder(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn request(key: &KeyPair) -> Vec<u8> {
    let params = CertificateParams::new(vec!["admin.example".to_owned()]).unwrap();
    params.serialize_request(key).unwrap().der().to_vec()
}

#[test]
fn the_same_authority_is_there_again_and_its_secrets_are_its_owners() {
    let folder = Folder::new();
    let first = Authority::open(&folder.0, "archive.example", NOW).unwrap();
    let again = Authority::open(&folder.0, "archive.example", NOW).unwrap();
    assert_eq!(first.certificate(), again.certificate());
    assert_eq!(first.trust_key.public(), again.trust_key.public());
    for file in std::fs::read_dir(&folder.0).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(std::fs::metadata(&folder.0).unwrap().permissions().mode() & 0o777, 0o700);
    let key = folder.0.join("ca.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    let refused = Authority::open(&folder.0, "archive.example", NOW).unwrap_err().to_string();
    assert!(refused.contains("ca.key") && refused.contains("chmod 600"), "{refused}");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&key, b"no key").unwrap();
    let refused = Authority::open(&folder.0, "archive.example", NOW).unwrap_err().to_string();
    assert!(refused.contains("is damaged"), "{refused}");
    assert_eq!(format!("{first:?}"), "Authority(archive.example)");
}

#[test]
fn a_start_that_was_cut_off_is_made_again() {
    let folder = Folder::new();
    let first = Authority::open(&folder.0, "archive.example", NOW).unwrap();
    std::fs::remove_file(folder.0.join("trust.key")).unwrap();
    let again = Authority::open(&folder.0, "archive.example", NOW).unwrap();
    assert_ne!(first.certificate(), again.certificate(), "nobody has seen the half one");
}

#[test]
fn a_sensors_certificate_names_the_sensor_and_nothing_that_it_asked_for() {
    let folder = Folder::new();
    let authority = Authority::open(&folder.0, "archive.example", NOW).unwrap();
    let key = server_key().unwrap();
    let of = (LedgerId([0xab; 16]), SensorId([0xcd; 16]));
    let der = authority.sensor(&request(&key), of, NOW).unwrap();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    let names = &certificate.subject_alternative_name().unwrap().unwrap().value.general_names;
    let uri = format!("spiffe://archive.example/clinic/{}/sensor/{}", "ab".repeat(16), "cd".repeat(16));
    assert!(matches!(names.as_slice(), [GeneralName::URI(u)] if *u == uri), "{names:?}");
    assert!(!certificate.is_ca());
    let usage = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth && !usage.any);
    let days = (certificate.validity().not_after.timestamp() - 1_795_219_200) / 86_400;
    assert_eq!(u64::try_from(days).unwrap(), SENSOR_DAYS);
    assert_eq!(certificate.public_key().raw, key.subject_public_key_info());
}

#[test]
fn a_request_that_its_own_key_did_not_sign_is_refused() {
    let folder = Folder::new();
    let authority = Authority::open(&folder.0, "archive.example", NOW).unwrap();
    let of = (LedgerId([1; 16]), SensorId([2; 16]));
    let key = server_key().unwrap();
    let good = request(&key);
    let mut refused = 0;
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 1;
        match authority.sensor(&changed, of, NOW) {
            Err(_) => refused += 1,
            // A tag outside what is signed: the key that is certified is the same.
            Ok(der) => {
                let (_, certificate) = X509Certificate::from_der(&der).unwrap();
                assert_eq!(certificate.public_key().raw, key.subject_public_key_info(), "octet {at}");
            }
        }
    }
    assert!(refused > good.len() - 4, "only {refused} of {} changes were refused", good.len());
    assert!(authority.sensor(b"", of, NOW).is_err());
}

#[test]
fn a_bundle_has_a_new_version_only_if_it_says_something_new() {
    let folder = Folder::new();
    let authority = Authority::open(&folder.0, "archive.example", NOW).unwrap();
    let key = auscult_report::key::PublicKey([7; 32]);
    let addresses = vec!["a.example:1".to_owned()];
    let first = authority.bundle(key, &addresses).unwrap();
    assert_eq!((first.version, &authority.bundle(key, &addresses).unwrap()), (1, &first));
    let trust = auscult_report::trust::Trust::first(&first.octets).unwrap();
    let second = authority.bundle(key, &["a.example:1".to_owned(), "b.example:1".to_owned()]).unwrap();
    assert_eq!(trust.next(&second.octets).unwrap().version, 2);
    assert!(authority.bundle(key, &["x".repeat(300)]).is_err());
}
