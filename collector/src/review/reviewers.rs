//! The reviewers of a record: those whose keys its statements registered, and did not remove since.
//!
//! Who keeps the ledger writes the list that travels with it: a name on it that nobody registered would let him cosign himself. Keeps: keys
//! that are registered. Drops: who registered them; the statements say it.

use crate::ledger::reviewer_key;
use auscult_report::note::NoteKey;

/// Keys as the statements leave them.
#[derive(Default)]
pub(super) struct Reviewers(Vec<NoteKey>);

impl Reviewers {
    /// Takes in a statement about a review; one that is not about a reviewer's key changes nothing.
    pub(super) fn take(&mut self, text: &str) -> Result<(), String> {
        // Behind the first line, kind and time: further down people's own words may stand.
        let mut lines = text.lines().skip(3);
        if !lines.next().is_some_and(|line| line.starts_with("reviewer-key ")) {
            return Ok(());
        }
        let vkey = lines.next().and_then(|line| line.strip_prefix("vkey ")).ok_or(NO_STATE)?;
        let key = reviewer_key(vkey)?;
        self.0.retain(|other| *other != key);
        match lines.next() {
            Some("state registered") => self.0.push(key),
            Some("state removed") => {}
            _ => return Err(NO_STATE.to_owned()),
        }
        Ok(())
    }

    /// Compares the list of the record with them; gives the claim that holds.
    pub(super) fn check(&self, listed: &[NoteKey]) -> Result<&'static str, String> {
        if let Some(key) = listed.iter().find(|key| !self.0.contains(key)) {
            return Err(format!("reviewers: {} is on the list, and no statement registered that key", key.name()));
        }
        if let Some(key) = self.0.iter().find(|key| !listed.contains(key)) {
            return Err(format!("reviewers: the key of {} is registered, and the list does not hold it", key.name()));
        }
        Ok("reviewers: the list is what the statements say")
    }
}

const NO_STATE: &str = "it does not say which key of a reviewer is registered, or removed";

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::note::{NoteKind, NoteSigner};

    fn key(name: &str, seed: u8) -> NoteKey {
        NoteSigner::new(name, &[seed; 32]).unwrap().key(NoteKind::Cosignature)
    }

    fn stated(key: &NoteKey, state: &str) -> String {
        format!(
            "auscult statement 1\nkind review\nat 5\nreviewer-key {}\nvkey {}\nstate {state}\nby vera\n",
            key.name(),
            key.vkey()
        )
    }

    #[test]
    fn the_list_is_what_was_registered_and_not_removed_since() {
        let (anna, rita) = (key("anna.example", 1), key("rita.example", 2));
        let mut own = Reviewers::default();
        assert!(own.check(&[]).is_ok());
        own.take(&stated(&anna, "registered")).unwrap();
        let words = format!("auscult statement 1\nkind review\nat 5\nreview 7\n{}", stated(&rita, "registered"));
        own.take(&words).unwrap();
        assert!(own.check(core::slice::from_ref(&anna)).is_ok());
        assert!(own.check(&[]).unwrap_err().contains("the key of anna.example is registered"));
        let both = [anna.clone(), rita.clone()];
        assert!(own.check(&both).unwrap_err().contains("rita.example is on the list, and no statement"));
        own.take(&stated(&rita, "registered")).unwrap();
        own.take(&stated(&rita, "registered")).unwrap();
        assert!(own.check(&both).is_ok());
        own.take(&stated(&anna, "removed")).unwrap();
        assert!(own.check(&[rita]).is_ok() && own.check(&both).is_err());
        let other = key("anna.example", 3);
        assert!(own.check(&[other]).is_err(), "a name is not a key");
    }

    #[test]
    fn a_statement_that_does_not_say_what_became_of_a_key_is_refused() {
        let anna = key("anna.example", 1);
        let mut own = Reviewers::default();
        assert!(own.take(&stated(&anna, "lost")).is_err());
        assert!(own.take(&stated(&anna, "registered").replace("anna", "anne")).is_err(), "its digits do not fit");
    }
}
