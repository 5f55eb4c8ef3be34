//! Who this sensor is: keys made on the device, the id and the five words that follow from them, and whether they were
//! made here.
//!
//! Keeps: `keys/sensor-N.key` (the seed of signing key N), `keys/pseudonym.key`, `keys/machine` (a hash of the
//! installation), `keys/epoch` (the newest epoch that may have been used), `keys/ledger` (the clinic's ledger, once
//! enrolled) and the papers of [`Papers`]. Each is readable by its owner only, on the disk with its folder before it is used.
//! Drops: the content of keys from every print and message.

mod files;
mod papers;

use crate::config::Config;
use auscult_report::key::{LedgerId, PublicKey, SensorId, SensorKey, hash};
use auscult_report::time::Timestamp;
use core::fmt;
use files::{create, make_folder, put, read_key, remove, sync_folder};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub use auscult_report::fingerprint::fingerprint_words;
pub use papers::{Certificate, Papers, is_trusted, key_hash};

/// Keys and what follows from them.
pub struct Identity {
    folder: PathBuf,
    keys: Vec<SensorKey>,
    sensor: SensorId,
    pseudonym: [u8; 32],
    ledger: LedgerId,
    boot: [u8; 8],
    is_new: bool,
}

impl Identity {
    /// Opens the keys of this sensor, and makes them at the first start.
    ///
    /// # Errors
    /// What is wrong and what a person can do; nothing is changed then.
    pub fn open(config: &Config) -> Result<Identity, IdentityError> {
        let folder = config.state.join("keys");
        for made in [&config.state, &folder] {
            make_folder(made)?;
        }
        let is_new = !folder.join(key_name(0)).exists();
        let machine = machine_hash(&config.machine_id)?;
        if is_new {
            make_keys(&folder, machine.as_ref())?;
        } else if !config.accept_copied_key {
            made_here(&folder, &config.machine_id, machine.as_ref())?;
        }
        Identity::load(folder, is_new)
    }

    /// Opens keys that are there already: for programs that only look.
    ///
    /// # Errors
    /// If there are none, or they are not as they must be.
    pub fn look(config: &Config) -> Result<Identity, IdentityError> {
        Identity::load(config.state.join("keys"), false)
    }

    fn load(folder: PathBuf, is_new: bool) -> Result<Identity, IdentityError> {
        let mut keys = Vec::new();
        while keys.len() < MAX_KEYS && (keys.is_empty() || folder.join(key_name(keys.len())).exists()) {
            keys.push(SensorKey::from_seed(&read_key(&folder.join(key_name(keys.len())))?));
        }
        let first = keys.first().ok_or(IdentityError::Length(folder.clone()))?;
        let sensor = SensorId::of(&first.public());
        let pseudonym = read_key(&folder.join("pseudonym.key"))?;
        let ledger = read_ledger(&folder)?;
        Ok(Identity { folder, sensor, keys, pseudonym, ledger, boot: boot()?, is_new })
    }

    /// The sensor's id.
    #[must_use]
    pub const fn sensor(&self) -> SensorId {
        self.sensor
    }

    /// Key number `key_no`, if this sensor has it.
    #[must_use]
    pub fn key(&self, key_no: u16) -> Option<&SensorKey> {
        self.keys.get(usize::from(key_no))
    }

    /// The number of the newest key.
    #[must_use]
    pub fn newest_key_no(&self) -> u16 {
        u16::try_from(self.keys.len().saturating_sub(1)).unwrap_or(u16::MAX)
    }

    /// The public half of the newest key, whose fingerprint people compare.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.keys.last().map_or(PublicKey([0; 32]), SensorKey::public)
    }

    /// The key of pseudonyms; it stays here.
    #[must_use]
    pub const fn pseudonym_key(&self) -> [u8; 32] {
        self.pseudonym
    }

    /// The clinic's ledger; zero until the sensor is enrolled.
    #[must_use]
    pub const fn ledger(&self) -> LedgerId {
        self.ledger
    }

    /// The sensor belongs to this ledger from now on. It is on the disk when this returns: the last step of an enrolment.
    ///
    /// # Errors
    /// If it cannot be written: then the sensor belongs where it did before.
    pub fn belong(&mut self, ledger: LedgerId) -> Result<(), IdentityError> {
        put(&self.folder, "ledger", format!("{ledger}\n").as_bytes())?;
        self.ledger = ledger;
        Ok(())
    }

    /// When the newest signing key was made, by the clock of then.
    #[must_use]
    pub fn newest_key_made(&self) -> Option<Timestamp> {
        let name = key_name(usize::from(self.newest_key_no()));
        let seconds = fs::metadata(self.folder.join(name)).ok()?.mtime();
        u64::try_from(seconds).ok().map(Timestamp::from_seconds)
    }

    /// The number of this run of the system.
    #[must_use]
    pub const fn boot(&self) -> [u8; 8] {
        self.boot
    }

    /// Whether the keys were made just now.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    /// Five words for the newest key.
    #[must_use]
    pub fn words(&self) -> [&'static str; 5] {
        fingerprint_words(&self.public())
    }

    /// Makes the next signing key. It signs only after a report of the old one said so.
    ///
    /// # Errors
    /// If it cannot be written; then there is none.
    pub fn make_next_key(&mut self) -> Result<u16, IdentityError> {
        if self.keys.len() >= MAX_KEYS {
            return Err(IdentityError::TooManyKeys);
        }
        let name = key_name(self.keys.len());
        put(&self.folder, &name, &random_key()?)?;
        self.keys.push(SensorKey::from_seed(&read_key(&self.folder.join(name))?));
        Ok(self.newest_key_no())
    }

    /// The newest epoch that may have been used, by what stands beside the keys.
    #[must_use]
    pub fn epoch(&self) -> Option<u32> {
        fs::read_to_string(self.folder.join("epoch")).ok()?.trim().parse().ok()
    }

    /// Remembers that `epoch` may be used from now on. It is on the disk when this returns.
    ///
    /// # Errors
    /// If it cannot be written: then the epoch must not be used.
    pub fn use_epoch(&self, epoch: u32) -> Result<(), IdentityError> {
        put(&self.folder, "epoch", format!("{epoch}\n").as_bytes())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}, key {})", self.sensor, self.newest_key_no())
    }
}

/// Why there is no identity to work with.
#[derive(Debug)]
pub enum IdentityError {
    /// A file cannot be read.
    Read(PathBuf, io::Error),
    /// A file or a folder cannot be made.
    Write(PathBuf, io::Error),
    /// A file is not as long as a key.
    Length(PathBuf),
    /// Others may read a key or its folder.
    Exposed(PathBuf),
    /// The system gives no random octets.
    Random,
    /// The keys were made under another installation of the system.
    OtherMachine(PathBuf),
    /// The keys are older than the installation of the system.
    OlderThanMachine(PathBuf),
    /// The ledger's number is none.
    Ledger(PathBuf),
    /// More keys than a sensor has in its life.
    TooManyKeys,
    /// A key for TLS, or a request for its certificate, cannot be made.
    Request,
    /// What the collector gave as trust bundle or certificate cannot be used.
    Papers(&'static str),
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let copied = "if this is a copied disk, remove the state folder so that the sensor gets keys of its own; if it is \
                      the same sensor, set identity.accept_copied_key = true";
        match self {
            IdentityError::Read(path, e) => write!(f, "{} cannot be read ({e})", path.display()),
            IdentityError::Write(path, e) => write!(f, "{} cannot be made ({e})", path.display()),
            IdentityError::Length(path) => write!(f, "{} is damaged: it has not the length of a key", path.display()),
            IdentityError::Exposed(path) => {
                write!(
                    f,
                    "{} may be read by others; a key that was shown is no key: chmod go= it if nobody read it",
                    path.display()
                )
            }
            IdentityError::Random => f.write_str("the system gives no random octets"),
            IdentityError::OtherMachine(path) => {
                write!(f, "{} belongs to another installation of the system; {copied}", path.display())
            }
            IdentityError::OlderThanMachine(path) => {
                write!(f, "{} is older than this installation of the system; {copied}", path.display())
            }
            IdentityError::Ledger(path) => {
                write!(f, "{} is damaged: a ledger is 32 hexadecimal digits", path.display())
            }
            IdentityError::Request => {
                f.write_str("a key for TLS cannot be made: the program has no usable cryptography")
            }
            IdentityError::Papers(why) => f.write_str(why),
            IdentityError::TooManyKeys => write!(f, "a sensor has at most {MAX_KEYS} keys in its life"),
        }
    }
}

impl core::error::Error for IdentityError {}

fn key_name(key_no: usize) -> String {
    format!("sensor-{key_no}.key")
}

/// The order matters: the first signing key is made last, so that a start which was cut off is made again.
fn make_keys(folder: &Path, machine: Option<&[u8; 32]>) -> Result<(), IdentityError> {
    for name in ["pseudonym.key", "machine"] {
        remove(&folder.join(name))?;
    }
    if let Some(machine) = machine {
        create(&folder.join("machine"), machine)?;
    }
    create(&folder.join("pseudonym.key"), &random_key()?)?;
    sync_folder(folder)?;
    put(folder, &key_name(0), &random_key()?)
}

fn random_key() -> Result<[u8; 32], IdentityError> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|_| IdentityError::Random)?;
    Ok(key)
}

/// A hash of what names this installation; none if nothing does.
fn machine_hash(path: &Path) -> Result<Option<[u8; 32]>, IdentityError> {
    match fs::read(path) {
        Ok(id) => Ok(Some(hash(b"auscult.dev/machine/v1\0", &[id.trim_ascii()]))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(IdentityError::Read(path.to_owned(), e)),
    }
}

/// Whether the keys were made under this installation of the system.
fn made_here(folder: &Path, machine_id: &Path, machine: Option<&[u8; 32]>) -> Result<(), IdentityError> {
    let Some(machine) = machine else { return Ok(()) };
    let key = folder.join(key_name(0));
    match fs::read(folder.join("machine")) {
        Ok(stored) if stored != machine => return Err(IdentityError::OtherMachine(key)),
        _ => {}
    }
    let made = |path: &Path| fs::metadata(path).map(|m| (m.mtime(), m.mtime_nsec()));
    match (made(&key), made(machine_id)) {
        (Ok(key_made), Ok(machine_made)) if key_made < machine_made => Err(IdentityError::OlderThanMachine(key)),
        _ => Ok(()),
    }
}

fn read_ledger(folder: &Path) -> Result<LedgerId, IdentityError> {
    let path = folder.join("ledger");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(NOT_ENROLLED),
        Err(e) => return Err(IdentityError::Read(path, e)),
    };
    let digits = Some(text.trim()).filter(|t| t.len() == 32 && t.bytes().all(|c| c.is_ascii_hexdigit()));
    let number = digits.and_then(|t| u128::from_str_radix(t, 16).ok());
    number.map(|n| LedgerId(n.to_be_bytes())).ok_or(IdentityError::Ledger(path))
}

/// The number of this run of the system: Linux has one; elsewhere this start of the agent gets one.
fn boot() -> Result<[u8; 8], IdentityError> {
    let mut boot = [0; 8];
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = id.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    match u64::from_str_radix(&digits, 16) {
        Ok(number) if digits.len() == 16 => boot = number.to_be_bytes(),
        _ => getrandom::fill(&mut boot).map_err(|_| IdentityError::Random)?,
    }
    Ok(boot)
}

/// The ledger of a sensor that is not enrolled: what is sealed for it can be delivered to nobody.
pub const NOT_ENROLLED: LedgerId = LedgerId([0; 16]);

/// A key a year, and some by command.
const MAX_KEYS: usize = 256;

#[cfg(test)]
mod tests;
