//! What administrators ask: who may sign in, which programs have tokens; making and ending a token. A token does not ask for these.
//!
//! Keeps: tokens, as hashes. Drops: the token; it stands in the first answer and nowhere else.

use super::super::problem::Problem;
use super::query::{PAGED, Param};
use super::types::{Day, Moment, Page, Text, Word};
use super::wrong::Wrong;
use super::{Ask, Asker, Call, Done, Nothing};
use crate::access::{Scope as Granted, TokenError, Wanted, hex, octets};
use crate::store::{GrantRow, PersonRow, TokenRow};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Somebody who may sign in.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Person {
    /// The name to sign in.
    name: String,
    /// What others read.
    title: String,
    /// Whether the second factor was shown, and nobody shut the person out.
    active: bool,
    /// Whether it is an administrator of the provider.
    admin: bool,
    grants: Vec<Grant>,
}

/// What a person may at a clinic.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Grant {
    clinic: String,
    role: String,
    /// When it ends.
    until: Option<Moment>,
}

/// Who may sign in.
pub(in crate::web) struct People;

impl Ask for People {
    const QUERY: &'static [Param] = PAGED;
    type Body = Nothing;
    type Answer = Page<Person>;

    fn answer(call: &Call, _: Nothing) -> Result<Done<Page<Person>>, Wrong> {
        let store = &call.desk.store;
        let grant = |g: GrantRow| Grant { clinic: g.clinic, role: g.role, until: g.until.map(Moment) };
        let item = |row: PersonRow| {
            let grants = store.grants(row.id).map_err(|e| call.busy(&e))?.into_iter().map(grant).collect();
            Ok(Person { name: row.name, title: row.title, active: row.active, admin: row.admin, grants })
        };
        let rows = store.people().map_err(|e| call.busy(&e))?;
        Ok(Page::of(&call.query, "people", rows, |row| row.name.clone(), item)?.into())
    }
}

/// What a token may.
#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::web) enum Scope {
    /// Findings, sensors, hosts, facts.
    See,
    /// Say that something was mended or is not so; to accept a risk is for people.
    Decide,
    /// Make codes, let sensors in, shut them out.
    Sensors,
    /// The ledger's checkpoint and the clinic's audit.
    Ledger,
}

impl From<Scope> for Granted {
    fn from(scope: Scope) -> Granted {
        match scope {
            Scope::See => Granted::See,
            Scope::Decide => Granted::Decide,
            Scope::Sensors => Granted::Sensors,
            Scope::Ledger => Granted::Ledger,
        }
    }
}

/// A token.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Token {
    /// By which people name it; it opens nothing.
    id: String,
    /// The token: it is shown once, in the first answer to who made it; null in every other.
    token: Option<String>,
    /// What it is for.
    title: String,
    /// What it may: `see`, `decide`, `sensors`, `ledger`.
    scopes: Vec<String>,
    /// Where.
    clinics: Vec<String>,
    /// Who made it, by the name to sign in.
    person: String,
    created: Moment,
    until: Moment,
    /// When somebody ended it earlier.
    revoked: Option<Moment>,
    /// When it was last used, to the hour.
    used: Option<Moment>,
}

fn token(call: &Call, row: TokenRow) -> Result<Token, Wrong> {
    Ok(Token {
        id: hex(&row.id.0),
        token: None,
        clinics: call.desk.store.clinics_of_token(row.id).map_err(|e| call.busy(&e))?,
        title: row.title,
        scopes: row.scopes.split(' ').map(str::to_owned).collect(),
        person: row.person,
        created: Moment(row.created),
        until: Moment(row.until),
        revoked: row.revoked.map(Moment),
        used: Moment::some(row.used),
    })
}

/// The tokens of programs.
pub(in crate::web) struct Tokens;

impl Ask for Tokens {
    const QUERY: &'static [Param] = PAGED;
    type Body = Nothing;
    type Answer = Page<Token>;

    fn answer(call: &Call, _: Nothing) -> Result<Done<Page<Token>>, Wrong> {
        let rows = call.desk.store.api_tokens().map_err(|e| call.busy(&e))?;
        Ok(Page::of(&call.query, "tokens", rows, |row| row.id.0, |row| token(call, row))?.into())
    }
}

/// The token that the path names.
fn found(call: &Call) -> Result<TokenRow, Wrong> {
    let id = octets(call.part("token"));
    let all = call.desk.store.api_tokens().map_err(|e| call.busy(&e))?;
    all.into_iter().find(|row| row.id.0 == id.as_slice()).ok_or_else(|| Problem::NOT_FOUND.into())
}

/// Another one when somebody ended it.
fn tag(row: &TokenRow) -> String {
    let state = if row.revoked.is_some() { "00" } else { "01" };
    format!("{}{state}", hex(&row.id.0))
}

fn one(call: &Call) -> Result<Done<Token>, Wrong> {
    let row = found(call)?;
    let tag = tag(&row);
    Ok(Done { tag, ..token(call, row)?.into() })
}

/// One token.
pub(in crate::web) struct OneToken;

impl Ask for OneToken {
    type Body = Nothing;
    type Answer = Token;

    fn answer(call: &Call, _: Nothing) -> Result<Done<Token>, Wrong> {
        one(call)
    }
}

/// Makes a token.
pub(in crate::web) struct MakeToken;

/// A token for a program.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct NewToken {
    /// What it is for.
    title: Text<2, 60>,
    /// What it may.
    #[schemars(length(min = 1))]
    scopes: Vec<Scope>,
    /// Where: words of clinics.
    #[schemars(length(min = 1))]
    clinics: Vec<Word>,
    /// It ends with this day, within two years.
    until: Day,
}

impl Ask for MakeToken {
    const SUCCESS: u16 = 201;
    type Body = NewToken;
    type Answer = Token;

    fn answer(call: &Call, body: NewToken) -> Result<Done<Token>, Wrong> {
        let Asker::Person(visitor) = &call.asker else { return Err(Problem::NOT_YOURS.into()) };
        let scopes: Vec<Granted> = body.scopes.into_iter().map(Granted::from).collect();
        let clinics: Vec<String> = body.clinics.into_iter().map(|Word(name)| name).collect();
        let (title, person) = (body.title.0, visitor.name.as_str());
        let wanted = Wanted { title: &title, scopes: &scopes, clinics: &clinics, until: body.until.end(), person };
        let (id, made) = call.desk.programs.make(&wanted, call.now).map_err(|why| match why {
            TokenError::Store(e) => call.busy(&e),
            other => other.into(),
        })?;
        let rows = call.desk.store.api_tokens().map_err(|e| call.busy(&e))?;
        let row = rows.into_iter().find(|row| row.id == id).ok_or(Problem::BUSY)?;
        let kept = token(call, row.clone())?;
        let location = format!("/v1/tokens/{}", kept.id);
        let body = Token { token: Some(made), ..token(call, row)? };
        Ok(Done { body, kept: Some(kept), location, tag: String::new() })
    }
}

/// Ends a token.
pub(in crate::web) struct EndToken;

impl Ask for EndToken {
    const CHANGES: bool = true;
    type Body = Nothing;
    type Answer = Token;

    fn tag(call: &Call) -> Result<String, Wrong> {
        Ok(tag(&found(call)?))
    }

    fn answer(call: &Call, _: Nothing) -> Result<Done<Token>, Wrong> {
        let row = found(call)?;
        call.desk.store.revoke_api_token(row.id, call.now).map_err(|e| call.busy(&e))?;
        one(call)
    }
}
