//! Since when something is so, and whether that is new.
//!
//! Keeps: two days and a word. Drops: what was in between.

use super::NEW_DAYS;
use serde::{Deserialize, Serialize};

/// How long something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spell {
    pub(super) began: u32,
    pub(super) last: u32,
    /// It began when enough was known to call it new.
    pub(super) is_new: bool,
}

impl Spell {
    /// Goes on, or begins: anew where it was not heard for so long that it counts as new again.
    pub(super) fn after(before: Option<Spell>, today: u32, is_new: bool) -> Spell {
        match before {
            Some(spell) if today.saturating_sub(spell.last) <= NEW_DAYS => Spell { last: today, ..spell },
            _ => Spell { began: today, last: today, is_new },
        }
    }
}

/// What was never heard before is new once.
pub(super) fn ever(before: Option<&Spell>, today: u32, is_new: bool) -> Spell {
    before.map_or(Spell { began: today, last: today, is_new }, |spell| Spell { last: today, ..*spell })
}
