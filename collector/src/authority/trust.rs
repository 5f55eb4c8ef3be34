//! The trust bundle that sensors get (report/FORMAT.md section 18): made again, under a higher version, when what it says changed.
//!
//! Keeps: the newest, sealed, in the authority's folder: a version is never used for two bundles. Drops: nothing else.

use super::{Authority, AuthorityError, keys};
use auscult_report::bounded::Bounded;
use auscult_report::key::PublicKey;
use auscult_report::payload::Extras;
use auscult_report::trust::Trust;
use std::io::ErrorKind;

/// The bundle in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Its version.
    pub version: u32,
    /// Its octets, as sensors get them.
    pub octets: Vec<u8>,
}

impl Authority {
    /// The bundle that says this: the one in force if it does, else a new one.
    ///
    /// # Errors
    /// If it cannot be read or written, or is too long.
    pub fn bundle(&self, ledger_key: PublicKey, addresses: &[String]) -> Result<Bundle, AuthorityError> {
        let path = self.folder.join("trust");
        let before = match keys::read(&path) {
            Ok(octets) => Some((Trust::kept(&octets).map_err(|_| AuthorityError::Damaged(path.clone()))?, octets)),
            Err(AuthorityError::File(_, e)) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(e),
        };
        let version = before.as_ref().map_or(0, |(t, _)| t.version);
        let trust = self.says(version, ledger_key, addresses).ok_or(AuthorityError::TooLong)?;
        if let Some((_, octets)) = before.filter(|(before, _)| *before == trust) {
            return Ok(Bundle { version, octets });
        }
        let trust = Trust { version: version.saturating_add(1), ..trust };
        let octets = trust.seal(&self.trust_key).ok_or(AuthorityError::TooLong)?;
        keys::replace(&path, &octets)?;
        Ok(Bundle { version: trust.version, octets })
    }

    fn says(&self, version: u32, ledger_key: PublicKey, addresses: &[String]) -> Option<Trust> {
        let addresses = addresses.iter().map(|a| Bounded::try_from(a.clone().into_bytes()).ok());
        Some(Trust {
            version,
            signer: self.trust_key.public(),
            keeper: self.name.clone().into_bytes().try_into().ok()?,
            ledger_key,
            authorities: vec![self.certificate.to_vec().try_into().ok()?].try_into().ok()?,
            addresses: addresses.collect::<Option<Vec<_>>>()?.try_into().ok()?,
            ext: Extras::new(),
        })
    }
}
