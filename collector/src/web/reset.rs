//! Coming in again after a password or a second factor was lost: with a one-time code that an administrator reads out.
//!
//! Keeps: nothing; `access` decides. Drops: code and password, as soon as they were looked at.

use super::Desk;
use super::guard::{Visit, with_session};
use super::page::{Answered, Frame, html, html_with};
use super::session::status;
use askama::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "reset.html")]
struct ResetPage<'a> {
    frame: Frame,
    code: &'a str,
    wrong: String,
}

/// The form for the code and a new password.
pub(super) fn form(_: &Arc<Desk>, visit: &Visit) -> Answered {
    html(&ResetPage { frame: visit.frame("Come in again", ""), code: "", wrong: String::new() })
}

/// Begins: the new second factor is shown next.
pub(super) fn begin(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let code = visit.form.get("code").trim();
    match desk.people.begin_reset(code, visit.form.get("password"), visit.from, visit.now) {
        Ok(token) => Ok(with_session(&token, "/set-up/second")),
        Err(why) => {
            let frame = visit.frame("Come in again", "");
            html_with(status(why)?, &ResetPage { frame, code, wrong: why.to_string() })
        }
    }
}
