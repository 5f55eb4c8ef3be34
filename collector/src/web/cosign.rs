//! Reviewers' keys and cosignatures, on the page of reviews: the clinic registers keys, a reviewer hands in what he cosigned, everybody
//! reads up to where it was.
//!
//! Keeps: what the keeper of the ledger took in. Drops: nothing; what is refused is said on the page.

use super::Desk;
use super::guard::{AtClinic, Visit};
use super::page::{Answered, redirect};
use super::problem::Problem;
use super::words::{counted, day};
use crate::access::Right;
use crate::ledger::CosignError;
use crate::store::{Cosignature, ReviewerKey, StoreError};
use std::sync::Arc;

/// What the page says about keys and cosignatures.
pub(super) struct Cosigned {
    /// How far, in a sentence.
    pub(super) sentence: String,
    /// Every key, those of now first.
    pub(super) keys: Vec<Key>,
    pub(super) may_register: bool,
    pub(super) may_hand_in: bool,
}

/// A key.
pub(super) struct Key {
    pub(super) name: String,
    pub(super) vkey: String,
    /// Since when, by whom; until when; what it cosigned last.
    pub(super) about: String,
    pub(super) is_now: bool,
}

/// Registers a reviewer's key, or removes it.
pub(super) fn set(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let (at, visitor) = (visit.clinic()?, visit.visitor()?);
    let vkey = visit.form.get("vkey");
    match visit.form.get("what") {
        "register" => match desk.ledger.register(&at.store, vkey, &visitor.name, visit.now) {
            Ok(()) => {}
            Err(why) => return refused(desk, visit, why),
        },
        // A key that somebody else removed meanwhile is removed.
        "remove" => drop(at.store.remove_reviewer(vkey, &visitor.name, visit.now).map_err(|_| Problem::BUSY)?),
        _ => return Err(Problem::FORM),
    }
    Ok(redirect(&page(at)))
}

/// Takes in a checkpoint that a reviewer cosigned.
pub(super) fn hand_in(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let at = visit.clinic()?;
    match desk.ledger.take_cosigned(&at.store, visit.form.get("note").as_bytes(), visit.now) {
        Ok(_) => Ok(redirect(&page(at))),
        Err(why) => refused(desk, visit, why),
    }
}

fn refused(desk: &Arc<Desk>, visit: &Visit, why: CosignError) -> Answered {
    match why {
        CosignError::Refused(why) => super::reviews::wrong(desk, visit, why),
        CosignError::Ledger(_) => Err(Problem::BUSY),
    }
}

fn page(at: &AtClinic) -> String {
    format!("/clinics/{}/reviews", at.row.name)
}

/// What the page says; `size`: entries of the newest checkpoint.
pub(super) fn cosigned(at: &AtClinic, size: u64) -> Result<Cosigned, StoreError> {
    let (mut keys, kept) = (at.store.reviewer_keys()?, at.store.newest_cosignatures()?);
    let sentence = said(&keys, &kept, size);
    keys.reverse();
    keys.sort_by_key(|key| key.removed.is_some());
    Ok(Cosigned {
        sentence,
        keys: keys.into_iter().map(|key| shown(key, &kept)).collect(),
        may_register: at.role.may(Right::Register),
        may_hand_in: at.role.may(Right::Cosign),
    })
}

/// How far the ledger is cosigned, in a sentence.
pub(super) fn sentence(at: &AtClinic, size: u64) -> Result<String, StoreError> {
    Ok(said(&at.store.reviewer_keys()?, &at.store.newest_cosignatures()?, size))
}

/// By keys that are registered now: what was cosigned by one that was removed stands beside that key.
fn said(keys: &[ReviewerKey], kept: &[Cosignature], size: u64) -> String {
    let of = |cosignature: &Cosignature| {
        let key = keys.iter().find(|key| key.vkey == cosignature.signer && key.removed.is_none())?;
        Some((cosignature.size, format!("{} on {}", key.name, day(cosignature.signed))))
    };
    let held: Vec<(u64, String)> = kept.iter().filter_map(of).collect();
    let Some(newest) = held.iter().map(|(size, _)| *size).max() else {
        return "Never cosigned: no reviewer has said yet that this record only grows.".to_owned();
    };
    let by: Vec<&str> = held.iter().filter(|(size, _)| *size == newest).map(|(_, by)| by.as_str()).collect();
    let behind = match size.saturating_sub(newest) {
        0 => "nothing came behind it yet".to_owned(),
        1 => "the entry behind it was not yet reviewed".to_owned(),
        more => format!("the {more} entries behind it were not yet reviewed"),
    };
    format!("Cosigned up to entry {newest} of {size} by {}; {behind}.", by.join(" and "))
}

fn shown(key: ReviewerKey, kept: &[Cosignature]) -> Key {
    let (since, by) = &key.since;
    let mut about = format!("registered on {} by {by}", day(*since));
    if let Some((at, by)) = &key.removed {
        about.push_str(&format!("; removed on {} by {by}", day(*at)));
    }
    match kept.iter().filter(|c| c.signer == key.vkey).max_by_key(|c| c.size) {
        Some(last) => {
            let entries = counted(usize::try_from(last.size).unwrap_or(usize::MAX), "entry");
            about.push_str(&format!("; cosigned {entries} on {}", day(last.signed)));
        }
        None => about.push_str("; has cosigned nothing"),
    }
    Key { name: key.name, vkey: key.vkey, about, is_now: key.removed.is_none() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::time::Timestamp;

    #[test]
    fn how_far_it_is_cosigned_is_said_in_a_sentence_and_a_key_that_was_removed_does_not_count() {
        let at = Timestamp(1_795_219_200_000);
        let key = |name: &str, is_now: bool| ReviewerKey {
            vkey: format!("{name}+"),
            name: name.to_owned(),
            since: (at, "vera".to_owned()),
            removed: (!is_now).then(|| (at, "vera".to_owned())),
            statement: [0; 32],
            removal: None,
        };
        let held = |name: &str, size| Cosignature {
            generation: 1,
            size,
            signer: format!("{name}+"),
            line: String::new(),
            note: String::new(),
            signed: at,
        };
        let keys = [key("anna", true), key("bo", true), key("carl", false)];
        assert!(said(&keys, &[], 9).starts_with("Never cosigned"));
        assert!(said(&keys, &[held("carl", 9)], 9).starts_with("Never cosigned"));
        let kept = [held("carl", 9), held("bo", 7), held("anna", 7), held("anna", 3)];
        assert_eq!(
            said(&keys, &kept, 9),
            "Cosigned up to entry 7 of 9 by bo on 21 November 2026 and anna on 21 November 2026; the 2 entries behind it were \
             not yet reviewed."
        );
        assert!(said(&keys, &kept, 8).ends_with("; the entry behind it was not yet reviewed."));
        assert!(said(&keys, &kept, 7).ends_with("; nothing came behind it yet."));
        assert!(
            shown(key("carl", false), &kept)
                .about
                .ends_with("removed on 21 November 2026 by vera; cosigned 9 entries on 21 November 2026")
        );
        assert!(shown(key("dora", true), &kept).about.ends_with("; has cosigned nothing"));
    }
}
