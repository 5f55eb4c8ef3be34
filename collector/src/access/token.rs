//! Programs at the door: tokens by which they use the API, what each may, where, until when.
//!
//! Keeps: how often each asked in the last minute and what was noted of it in this hour, in memory; hashes in the store. Drops: the token; it is shown once, when it is made.

use super::roles::Right;
use super::secret::{new_token, token_hash};
use super::{AccessError, random};
use crate::store::{ClinicRow, ClinicStore, NewToken, Store, StoreError, TokenId, TokenRow};
use auscult_report::time::Timestamp;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// What a token may be made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Findings, sensors, hosts, facts.
    See,
    /// Say that something was mended or is not so. To accept a risk is for people.
    Decide,
    /// Make codes, let sensors in, shut them out.
    Sensors,
    /// The ledger's checkpoint and the clinic's audit.
    Ledger,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 4] = [Scope::See, Scope::Decide, Scope::Sensors, Scope::Ledger];

    /// The word in the data base and for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Scope::See => "see",
            Scope::Decide => "decide",
            Scope::Sensors => "sensors",
            Scope::Ledger => "ledger",
        }
    }

    const fn needed(right: Right) -> Option<Scope> {
        match right {
            Right::See => Some(Scope::See),
            Right::Decide | Right::Mend => Some(Scope::Decide),
            Right::Sensors => Some(Scope::Sensors),
            Right::Audit => Some(Scope::Ledger),
            _ => None,
        }
    }
}

/// A program that asks with its token.
#[derive(Clone, Debug)]
pub struct Program {
    /// The token's number.
    pub id: TokenId,
    /// What it is for.
    pub title: String,
    scopes: Vec<Scope>,
}

impl Program {
    fn of(row: TokenRow) -> Program {
        let words: Vec<&str> = row.scopes.split(' ').collect();
        let scopes = Scope::ALL.into_iter().filter(|scope| words.contains(&scope.word())).collect();
        Program { id: row.id, title: row.title, scopes }
    }

    /// Whether it may do this, where it may ask at all.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        Scope::needed(right).is_some_and(|scope| self.scopes.contains(&scope))
    }

    /// Whether it may decide so about a finding.
    #[must_use]
    pub fn may_decide(&self, what: &str) -> bool {
        matches!(what, "fixed" | "not-true" | "open") && self.scopes.contains(&Scope::Decide)
    }
}

/// Lets programs in.
pub struct Programs {
    store: Store,
    minutes: Mutex<HashMap<TokenId, (Timestamp, u32)>>,
    /// Which hour, and what was noted in it.
    noted: Mutex<(u64, HashSet<Noted>)>,
}

/// What is noted of a program: who, what it did, by which method, at which line of the table, at which path.
pub(crate) type Noted = (TokenId, &'static str, &'static str, &'static str, String);

/// What a token is made of.
pub struct Wanted<'a> {
    /// What it is for.
    pub title: &'a str,
    /// What it may.
    pub scopes: &'a [Scope],
    /// Names of clinics.
    pub clinics: &'a [String],
    /// When it ends.
    pub until: Timestamp,
    /// Who makes it.
    pub person: &'a str,
}

/// Why a program is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// There is no such token, or it has ended; which is not said.
    Unknown,
    /// It asks too often.
    TooOften,
    /// What a new token was to be made of is wrong: what to do.
    Wrong(&'static str),
    /// The store does not answer.
    Store(StoreError),
    /// The system gives no random octets.
    Random,
}

impl From<StoreError> for TokenError {
    fn from(e: StoreError) -> TokenError {
        TokenError::Store(e)
    }
}

impl From<AccessError> for TokenError {
    fn from(e: AccessError) -> TokenError {
        match e {
            AccessError::Store(e) => TokenError::Store(e),
            AccessError::Random => TokenError::Random,
        }
    }
}

impl Programs {
    /// Lets programs into this archive.
    #[must_use]
    pub fn new(store: &Store) -> Programs {
        Programs { store: store.clone(), minutes: Mutex::default(), noted: Mutex::default() }
    }

    /// Makes a token: its number, and the token, which is shown once.
    ///
    /// # Errors
    /// What is wrong with what it is made of; or it could not be kept.
    pub fn make(&self, wanted: &Wanted<'_>, now: Timestamp) -> Result<(TokenId, String), TokenError> {
        let known = self.store.clinics()?;
        let clinics: Option<Vec<_>> =
            wanted.clinics.iter().map(|name| known.iter().find(|c| c.name == *name).map(|c| c.id)).collect();
        let mut clinics = clinics.ok_or(TokenError::Wrong("Choose clinics that there are."))?;
        clinics.sort_unstable();
        clinics.dedup();
        let title = wanted.title.trim();
        let last = now.0.saturating_add(MOST_LIFE_MS);
        let wrong = match wanted {
            _ if !(2..=60).contains(&title.chars().count()) || title.chars().any(char::is_control) => {
                "Say what the token is for, in 2 to 60 characters."
            }
            Wanted { scopes: [], .. } => "Choose what the token may.",
            _ if clinics.is_empty() => "Choose at least one clinic.",
            Wanted { until, .. } if *until <= now => "A token always ends: choose a day in the future.",
            Wanted { until, .. } if until.0 > last => "A token ends within two years.",
            _ => "",
        };
        if !wrong.is_empty() {
            return Err(TokenError::Wrong(wrong));
        }
        let words: Vec<&str> = Scope::ALL.into_iter().filter(|s| wanted.scopes.contains(s)).map(Scope::word).collect();
        let (id, token) = (TokenId(random()?), format!("{PREFIX}{}", new_token()?));
        let scopes = words.join(" ");
        let new =
            NewToken { id, title, scopes: &scopes, person: wanted.person, clinics: &clinics, until: wanted.until };
        self.store.put_api_token(&token_hash(&token), &new, now)?;
        Ok((id, token))
    }

    /// Who has this token, if it has not ended.
    ///
    /// # Errors
    /// Why not.
    pub fn program(&self, token: &str, now: Timestamp) -> Result<Program, TokenError> {
        let row = self.store.api_token(&token_hash(token))?.ok_or(TokenError::Unknown)?;
        if row.revoked.is_some() || row.until <= now {
            return Err(TokenError::Unknown);
        }
        if !self.may_ask(row.id, now) {
            return Err(TokenError::TooOften);
        }
        if now.since_ms(row.used) >= HOUR_MS {
            self.store.api_token_used(row.id, now)?;
        }
        Ok(Program::of(row))
    }

    /// A clinic where a program may ask. `None`: it is not there, or not for this program; which of the two is not said.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn clinic(&self, program: &Program, name: &str) -> Result<Option<ClinicStore>, StoreError> {
        let Some(clinic) = self.store.clinic_named(name)? else { return Ok(None) };
        Ok(clinic.has_api_token(program.id)?.then_some(clinic))
    }

    /// Every clinic where a program may ask, by name.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn clinics(&self, program: &Program) -> Result<Vec<(ClinicRow, ClinicStore)>, StoreError> {
        let names = self.store.clinics_of_token(program.id)?;
        let mut clinics = self.store.clinics()?;
        clinics.retain(|clinic| names.contains(&clinic.name));
        Ok(clinics.into_iter().map(|row| (row.clone(), self.store.clinic_with(row.id))).collect())
    }

    /// Whether this was noted of a program within this hour already; if not, it is from now on. Where there are too many to remember,
    /// nothing was.
    pub(crate) fn was_noted(&self, what: Noted, now: Timestamp) -> bool {
        let hour = now.0 / HOUR_MS;
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.0 != hour {
            *noted = (hour, HashSet::new());
        }
        noted.1.contains(&what) || (noted.1.len() < MOST_NOTED && !noted.1.insert(what))
    }

    /// Counts a request; too many in a minute are held.
    fn may_ask(&self, id: TokenId, now: Timestamp) -> bool {
        let mut minutes = self.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        // As many as there are tokens: only what the store knows is counted.
        let (since, count) = minutes.entry(id).or_insert((now, 0));
        if now.since_ms(*since) >= MINUTE_MS {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= MOST_A_MINUTE
    }
}

/// What a token begins with: who looks for secrets in places where they should not be finds it.
const PREFIX: &str = "auscult-api-";
/// Fifty a second: each costs the store about a millisecond.
const MOST_A_MINUTE: u32 = 3_000;
/// What is noted in an hour and remembered: some 20 MB at most.
const MOST_NOTED: usize = 65_536;
/// The longest life of a token.
const MOST_LIFE_MS: u64 = 732 * 24 * HOUR_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const MINUTE_MS: u64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn program(scopes: &str) -> Program {
        let at = Timestamp(1);
        Program::of(TokenRow {
            id: TokenId([1; 16]),
            title: "a test".to_owned(),
            scopes: scopes.to_owned(),
            person: "maria".to_owned(),
            created: at,
            until: at,
            revoked: None,
            used: at,
        })
    }

    #[test]
    fn a_scope_opens_its_own_rights_and_no_word_opens_more() {
        let all = [Right::See, Right::Sensors, Right::Mend, Right::Accept, Right::Decide, Right::Audit];
        let rights = |scopes: &str| all.into_iter().filter(|r| program(scopes).may(*r)).collect::<Vec<_>>();
        assert_eq!(rights("see"), [Right::See]);
        assert_eq!(rights("sensors"), [Right::Sensors]);
        assert_eq!(rights("ledger"), [Right::Audit]);
        assert_eq!(rights("decide"), [Right::Mend, Right::Decide]);
        assert_eq!(rights(""), []);
        assert_eq!(rights("admin seer SEE"), []);
        assert!(!program("see decide sensors ledger").may(Right::Accept), "to accept a risk is for people");
    }

    #[test]
    fn a_program_accepts_no_risk() {
        let program = program("see decide");
        assert_eq!(["fixed", "not-true", "open"].map(|what| program.may_decide(what)), [true; 3]);
        assert_eq!(["accepted", "", "deleted"].map(|what| program.may_decide(what)), [false; 3]);
        assert!(!self::program("see").may_decide("fixed"));
    }
}
