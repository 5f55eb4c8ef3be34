//! One's own account: another password, where one is signed in, and the end of that.
//!
//! Keeps: nothing; `access` decides. Drops: passwords, as soon as they were looked at.

use super::Desk;
use super::guard::Visit;
use super::page::{Answered, Frame, html, html_with};
use super::problem::Problem;
use super::session::status;
use super::words::moment;
use askama::Template;
use axum::http::StatusCode;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    frame: Frame,
    name: &'a str,
    has_password: bool,
    /// Since when, when last used, whether it is this one.
    sessions: Vec<(String, String, bool)>,
    done: &'static str,
    wrong: String,
}

pub(super) fn page(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    html(&made(desk, visit, "", String::new())?)
}

/// Takes another password.
pub(super) fn change(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let (before, after) = (visit.form.get("password"), visit.form.get("new"));
    match desk.people.change_password(visit.visitor()?, (before, after), visit.from, visit.now) {
        Ok(()) => html(&made(desk, visit, "The password is changed; your other sessions have ended.", String::new())?),
        Err(why) => {
            let status = match status(why)? {
                // One is signed in: what is wrong is the form.
                StatusCode::UNAUTHORIZED => StatusCode::UNPROCESSABLE_ENTITY,
                other => other,
            };
            html_with(status, &made(desk, visit, "", why.to_string())?)
        }
    }
}

/// Ends every session but this one.
pub(super) fn end_others(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    desk.people.end_others(visit.visitor()?, visit.from, visit.now).map_err(|_| Problem::BUSY)?;
    html(&made(desk, visit, "Your other sessions have ended.", String::new())?)
}

fn made<'a>(desk: &Desk, visit: &'a Visit, done: &'static str, wrong: String) -> Result<AccountPage<'a>, Problem> {
    let visitor = visit.visitor()?;
    let sessions = desk.people.sessions(visitor, visit.now).map_err(|_| Problem::BUSY)?;
    Ok(AccountPage {
        frame: visit.frame("Your account", "account"),
        name: &visitor.name,
        has_password: visitor.has_digits(),
        sessions: sessions.into_iter().map(|(since, seen, own)| (moment(since), moment(seen), own)).collect(),
        done,
        wrong,
    })
}
