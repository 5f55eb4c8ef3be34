//! Keys are made once, stay where they were made, and are refused when they were shown, damaged or copied.

use super::*;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, UNIX_EPOCH};

struct Place(PathBuf, Config);

impl Place {
    fn new(name: &str) -> Place {
        let folder = std::env::temp_dir().join(format!("auscult-identity-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("machine-id"), "0123456789abcdef0123456789abcdef\n").unwrap();
        age(&folder.join("machine-id"), 1_000);
        let text = format!(
            "state = \"{0}/state\"\n[capture]\nreplay = \"x\"\n[identity]\nmachine_id = \"{0}/machine-id\"\n",
            folder.display()
        );
        Place(folder, Config::read(&text).unwrap())
    }

    fn key(&self, name: &str) -> PathBuf {
        self.1.state.join("keys").join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn age(path: &Path, seconds: u64) {
    File::options()
        .append(true)
        .open(path)
        .unwrap()
        .set_modified(UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap())
        .unwrap();
}

#[test]
fn keys_are_made_once_and_only_their_owner_may_read_them() {
    let place = Place::new("once");
    let first = Identity::open(&place.1).unwrap();
    let second = Identity::open(&place.1).unwrap();
    assert!(first.is_new() && !second.is_new());
    assert_eq!((first.sensor(), first.pseudonym_key()), (second.sensor(), second.pseudonym_key()));
    assert_eq!(SensorId::of(&first.public()), first.sensor());
    assert_eq!(first.words(), second.words());
    assert_ne!(first.pseudonym_key(), fs::read(place.key("sensor-0.key")).unwrap()[..]);
    assert_eq!(first.ledger(), NOT_ENROLLED);
    for name in ["sensor-0.key", "pseudonym.key"] {
        assert_eq!(fs::metadata(place.key(name)).unwrap().mode() & 0o777, 0o600);
    }
    assert_eq!(fs::metadata(&place.1.state).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn a_start_that_was_cut_off_before_the_first_key_is_made_again() {
    let place = Place::new("cut");
    fs::create_dir_all(place.1.state.join("keys")).unwrap();
    for name in ["pseudonym.key", "machine", "sensor-0.new"] {
        fs::write(place.key(name), "half").unwrap();
    }
    assert!(Identity::open(&place.1).unwrap().is_new());
}

#[test]
fn a_key_that_others_may_read_or_that_is_damaged_is_refused() {
    for name in ["sensor-0.key", "pseudonym.key"] {
        let place = Place::new(&format!("shown-{name}"));
        Identity::open(&place.1).unwrap();
        fs::set_permissions(place.key(name), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Identity::open(&place.1), Err(IdentityError::Exposed(_))));
        fs::set_permissions(place.key(name), fs::Permissions::from_mode(0o600)).unwrap();
        for octets in [&[1u8; 31][..], &[1; 33], &[]] {
            fs::write(place.key(name), octets).unwrap();
            assert!(matches!(Identity::open(&place.1), Err(IdentityError::Length(_))));
        }
    }
}

#[test]
fn a_copied_disk_is_refused_with_a_way_out() {
    let mut place = Place::new("copy");
    Identity::open(&place.1).unwrap();
    fs::write(place.0.join("machine-id"), "ffffffffffffffffffffffffffffffff\n").unwrap();
    let refused = Identity::open(&place.1).unwrap_err();
    assert!(matches!(refused, IdentityError::OtherMachine(_)));
    assert!(refused.to_string().contains("accept_copied_key"));
    place.1.accept_copied_key = true;
    assert!(Identity::open(&place.1).is_ok());
}

#[test]
fn a_key_that_is_older_than_the_installation_is_refused() {
    let place = Place::new("older");
    Identity::open(&place.1).unwrap();
    age(&place.key("sensor-0.key"), 999);
    assert!(matches!(Identity::open(&place.1), Err(IdentityError::OlderThanMachine(_))));
    fs::remove_file(place.0.join("machine-id")).unwrap();
    assert!(Identity::open(&place.1).is_ok(), "where nothing names the installation nothing is compared");
}

#[test]
fn the_next_key_keeps_the_sensor_who_it_is() {
    let place = Place::new("next");
    let mut identity = Identity::open(&place.1).unwrap();
    let (sensor, words) = (identity.sensor(), identity.words());
    assert_eq!(identity.make_next_key().unwrap(), 1);
    assert_ne!(identity.words(), words);
    let again = Identity::look(&place.1).unwrap();
    assert_eq!((again.sensor(), again.newest_key_no()), (sensor, 1));
    assert_eq!(again.public(), identity.public());
}

#[test]
fn an_epoch_is_remembered_beside_the_keys() {
    let place = Place::new("epoch");
    let identity = Identity::open(&place.1).unwrap();
    assert_eq!(identity.epoch(), None);
    identity.use_epoch(3).unwrap();
    identity.use_epoch(4).unwrap();
    assert_eq!(Identity::open(&place.1).unwrap().epoch(), Some(4));
}

#[test]
fn a_ledger_is_read_or_refused() {
    let place = Place::new("ledger");
    Identity::open(&place.1).unwrap();
    fs::write(place.key("ledger"), "000102030405060708090a0b0c0d0e0f\n").unwrap();
    assert_eq!(Identity::open(&place.1).unwrap().ledger().0[..3], [0, 1, 2]);
    fs::write(place.key("ledger"), "+0102030405060708090a0b0c0d0e0f1\n").unwrap();
    assert!(matches!(Identity::open(&place.1), Err(IdentityError::Ledger(_))));
}

#[test]
fn what_is_printed_of_it_is_its_id() {
    let place = Place::new("debug");
    let identity = Identity::open(&place.1).unwrap();
    assert_eq!(format!("{identity:?}"), format!("Identity({}, key 0)", identity.sensor()));
}
