//! Tokens of programs: which there are, what each may, where, until when; making one, ending one.
//!
//! Keeps: tokens, as hashes. Drops: the token; it stands on the answer to the form and nowhere else.

use super::Desk;
use super::guard::Visit;
use super::page::{Answered, Frame, html, html_with, redirect};
use super::problem::Problem;
use super::words::{date, day, end_of, moment};
use crate::access::{Scope, TokenError, Wanted, hex, octets};
use crate::store::{StoreError, TokenId, TokenRow};
use askama::Template;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use axum::http::StatusCode;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "tokens.html")]
struct TokensPage {
    frame: Frame,
    tokens: Vec<Token>,
    clinics: Vec<(String, String)>,
    /// The new token; empty where none was made.
    made: String,
    wrong: &'static str,
    earliest: String,
}

struct Token {
    id: String,
    title: String,
    may: String,
    at: String,
    made: String,
    used: String,
    state: String,
    is_open: bool,
}

pub(super) fn page(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    html(&made(desk, visit, (String::new(), ""))?)
}

/// Makes a token and shows it, this once.
pub(super) fn make(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let chosen: Vec<&str> = visit.form.all("scopes").collect();
    let scopes: Vec<Scope> = Scope::ALL.into_iter().filter(|scope| chosen.contains(&scope.word())).collect();
    let clinics: Vec<String> = visit.form.all("clinics").map(str::to_owned).collect();
    let Some(until) = end_of(visit.form.get("until")) else {
        let page = made(desk, visit, (String::new(), "A token always ends: choose a day in the future."))?;
        return html_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let (title, person) = (visit.form.get("title"), visit.visitor()?.name.as_str());
    match desk.programs.make(&Wanted { title, scopes: &scopes, clinics: &clinics, until, person }, visit.now) {
        Ok((_, token)) => html(&made(desk, visit, (token, ""))?),
        Err(TokenError::Wrong(wrong)) => {
            html_with(StatusCode::UNPROCESSABLE_ENTITY, &made(desk, visit, (String::new(), wrong))?)
        }
        Err(_) => Err(Problem::BUSY),
    }
}

/// Ends a token.
pub(super) fn end(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let id: [u8; 16] = octets(visit.part("token")).try_into().map_err(|_| Problem::NOT_FOUND)?;
    let known = desk.store.api_tokens().map_err(|_| Problem::BUSY)?;
    known.iter().find(|token| token.id == TokenId(id)).ok_or(Problem::NOT_FOUND)?;
    desk.store.revoke_api_token(TokenId(id), visit.now).map_err(|_| Problem::BUSY)?;
    Ok(redirect("/tokens"))
}

fn made(desk: &Desk, visit: &Visit, (made, wrong): (String, &'static str)) -> Result<TokensPage, Problem> {
    let tokens = desk.store.api_tokens().map_err(|_| Problem::BUSY)?;
    let tokens: Result<Vec<Token>, StoreError> = tokens.into_iter().map(|row| token(desk, row, visit.now)).collect();
    let clinics = desk.store.clinics().map_err(|_| Problem::BUSY)?;
    Ok(TokensPage {
        frame: visit.frame("Tokens", "tokens"),
        tokens: tokens.map_err(|_| Problem::BUSY)?,
        clinics: clinics.into_iter().map(|c| (c.name, c.title)).collect(),
        made,
        wrong,
        earliest: date(visit.now),
    })
}

fn token(desk: &Desk, row: TokenRow, now: Timestamp) -> Result<Token, StoreError> {
    let state = match row.revoked {
        Some(at) => format!("ended by somebody, {}", moment(at)),
        None if row.until <= now => "has ended".to_owned(),
        None => format!("until {}", day(Timestamp(row.until.0.saturating_sub(MS_PER_DAY)))),
    };
    Ok(Token {
        id: hex(&row.id.0),
        at: desk.store.clinics_of_token(row.id)?.join(", "),
        made: format!("{}, {}", row.person, day(row.created)),
        used: if row.used.0 == 0 { "never".to_owned() } else { moment(row.used) },
        state,
        is_open: row.revoked.is_none() && row.until > now,
        title: row.title,
        may: row.scopes.replace(' ', ", "),
    })
}
