//! Signing in and out, and making an account with a one-time code: password, then six digits of a second factor.
//!
//! Keeps: nothing; `access` decides. Drops: passwords and codes, as soon as they were looked at; none is ever shown again on a page.

use super::Desk;
use super::guard::{Visit, own_path, with_session};
use super::page::{Answered, Frame, html, html_with, redirect};
use super::picture;
use super::problem::Problem;
use crate::access::{Account, SignIn};
use askama::Template;
use axum::http::StatusCode;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "sign_in.html")]
pub(super) struct SignInPage<'a> {
    frame: Frame,
    name: &'a str,
    next: &'a str,
    wrong: String,
    is_new: bool,
    /// Another service that vouches for people.
    service: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "set_up.html")]
struct SetUpPage<'a> {
    frame: Frame,
    code: &'a str,
    name: &'a str,
    title: &'a str,
    wrong: String,
    /// Another service that vouches for people.
    service: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "second.html")]
struct SecondPage {
    frame: Frame,
    qr: String,
    key: String,
    wrong: String,
}

/// The form to sign in.
pub(super) fn form(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let next = own_path(visit.query.get("next"));
    if visit.visitor.as_ref().is_some_and(|v| v.full) {
        return Ok(redirect(next));
    }
    let is_new = desk.store.admins().map_err(|_| Problem::BUSY)? == 0;
    html(&SignInPage { next, is_new, ..sign_in_page(desk, visit, String::new()) })
}

/// The form to sign in, with what was wrong elsewhere.
pub(super) fn sign_in_page<'a>(desk: &'a Desk, visit: &Visit, wrong: String) -> SignInPage<'a> {
    let service = desk.elsewhere.as_ref().map(|s| s.title.as_str());
    SignInPage { frame: visit.frame("Sign in", ""), name: "", next: "/", wrong, is_new: false, service }
}

/// Signs somebody in.
pub(super) fn sign_in(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let (name, next) = (visit.form.get("name").trim(), own_path(visit.form.get("next")));
    let typed = (name, visit.form.get("password"), visit.form.get("digits"));
    match desk.people.sign_in(typed, visit.from, visit.now) {
        Ok(token) => Ok(with_session(&token, next)),
        Err(why) => html_with(status(why)?, &SignInPage { name, next, ..sign_in_page(desk, visit, why.to_string()) }),
    }
}

/// Signs somebody out.
pub(super) fn sign_out(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    desk.people.sign_out(visit.visitor()?, visit.from, visit.now).map_err(|_| Problem::BUSY)?;
    Ok(with_session("", "/sign-in"))
}

/// The form to make an account.
pub(super) fn new_account(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    html(&SetUpPage {
        frame: visit.frame("Make your account", ""),
        code: "",
        name: "",
        title: "",
        wrong: String::new(),
        service: desk.elsewhere.as_ref().map(|s| s.title.as_str()),
    })
}

/// Begins an account.
pub(super) fn begin(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let field = |name| visit.form.get(name);
    let (code, name, title) = (field("code").trim(), field("name").trim(), field("title").trim());
    let account = Account { code, name, title, password: field("password") };
    match desk.people.begin(&account, visit.from, visit.now) {
        Ok(token) => Ok(with_session(&token, "/set-up/second")),
        Err(why) => {
            let frame = visit.frame("Make your account", "");
            let service = desk.elsewhere.as_ref().map(|s| s.title.as_str());
            html_with(status(why)?, &SetUpPage { frame, code, name, title, wrong: why.to_string(), service })
        }
    }
}

/// The second factor of a new account.
pub(super) fn second(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    html(&second_page(desk, visit, String::new())?)
}

/// The second factor was shown for the first time.
pub(super) fn finish(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    match desk.people.finish(visit.visitor()?, visit.form.get("digits"), visit.from, visit.now) {
        Ok(token) => Ok(with_session(&token, "/")),
        Err(why) => html_with(status(why)?, &second_page(desk, visit, why.to_string())?),
    }
}

fn second_page(desk: &Desk, visit: &Visit, wrong: String) -> Result<SecondPage, Problem> {
    let (typed, uri) = desk.people.second_factor(visit.visitor()?).map_err(|_| Problem::BUSY)?;
    let groups: Vec<&str> = typed.as_bytes().chunks(4).filter_map(|g| core::str::from_utf8(g).ok()).collect();
    let qr = picture::qr(&uri, "The key of your second factor as a QR code");
    Ok(SecondPage { frame: visit.frame("Your second factor", ""), qr, key: groups.join(" "), wrong })
}

/// The status of a refusal.
pub(super) fn status(why: SignIn) -> Result<StatusCode, Problem> {
    match why {
        SignIn::Busy => Err(Problem::BUSY),
        SignIn::Refused => Ok(StatusCode::UNAUTHORIZED),
        SignIn::TooOften => Ok(StatusCode::TOO_MANY_REQUESTS),
        _ => Ok(StatusCode::UNPROCESSABLE_ENTITY),
    }
}
