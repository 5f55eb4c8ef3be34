//! To another service that vouches for people, and back: signing in, binding an invitation, showing again who one is.
//!
//! Keeps: nothing; the way lies in the store, bound to this browser. Drops: what the service's address brings besides code and state.

use super::Desk;
use super::elsewhere::Elsewhere;
use super::guard::{Visit, own_path, with_browser, with_session};
use super::page::{Answered, Frame, html, html_with, redirect};
use super::problem::Problem;
use super::session::{sign_in_page, status};
use crate::access::{Sent, SignIn};
use askama::Template;
use axum::http::StatusCode;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "elsewhere.html")]
struct ElsewherePage<'a> {
    frame: Frame,
    service: &'a str,
    /// Where it goes on; empty: it does not.
    address: String,
    wrong: String,
}

/// Sends somebody to the service.
pub(super) fn go(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let service = desk.elsewhere.as_ref().ok_or(Problem::NOT_FOUND)?;
    let visitor = visit.visitor.as_ref().filter(|v| v.full && !v.has_digits());
    let why = match visitor {
        Some(visitor) if visit.query.get("again") == "yes" => Sent::Again(visitor),
        _ => Sent::SignIn,
    };
    match sent(desk, service, visit, &why) {
        Ok((address, browser)) => Ok(with_browser(redirect(&address), &browser)),
        Err(SignIn::Busy) => Err(Problem::BUSY),
        Err(why) => html_with(StatusCode::UNPROCESSABLE_ENTITY, &sign_in_page(desk, visit, why.to_string())),
    }
}

/// Binds an invitation: the page with the link that goes there.
pub(super) fn invited(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let service = desk.elsewhere.as_ref().ok_or(Problem::NOT_FOUND)?;
    let field = |name| visit.form.get(name).trim();
    let why = Sent::Invited(field("code"), field("name"), field("title"));
    let frame = visit.frame("Make your account", "");
    let page = |address, wrong| ElsewherePage { frame, service: &service.title, address, wrong };
    match sent(desk, service, visit, &why) {
        Ok((address, browser)) => Ok(with_browser(html(&page(address, String::new()))?, &browser)),
        Err(why) => html_with(status(why)?, &page(String::new(), why.to_string())),
    }
}

/// Somebody comes back.
pub(super) fn back(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let service = desk.elsewhere.as_ref().ok_or(Problem::NOT_FOUND)?;
    match came(desk, service, visit) {
        Ok((token, next)) => Ok(with_session(&token, own_path(&next))),
        Err(SignIn::Busy) => Err(Problem::BUSY),
        Err(why) => html_with(StatusCode::UNAUTHORIZED, &sign_in_page(desk, visit, why.to_string())),
    }
}

/// Where the browser goes, and what it keeps.
fn sent(desk: &Desk, service: &Elsewhere, visit: &Visit, why: &Sent<'_>) -> Result<(String, String), SignIn> {
    let out = Elsewhere::out().ok_or(SignIn::Busy)?;
    let next = own_path(visit.query.get("next"));
    let (state, browser) = desk.people.send(why, (&out.nonce, &out.verifier, next), visit.from, visit.now)?;
    let again = matches!(why, Sent::Again(_));
    let address = service.address(&out, &state, again, visit.now).map_err(SignIn::Elsewhere)?;
    Ok((address, browser))
}

fn came(desk: &Desk, service: &Elsewhere, visit: &Visit) -> Result<(String, String), SignIn> {
    let field = |name| visit.query.get(name);
    let flow = desk.people.back(field("state"), &visit.browser, visit.now)?;
    if !service.is_from(field("iss")) {
        return Err(SignIn::Elsewhere("The answer comes from another service than the one of the settings."));
    }
    if field("code").is_empty() {
        return Err(SignIn::Elsewhere("The service did not let you in, or you turned back there."));
    }
    let vouched = service.vouches(field("code"), (&flow.nonce, &flow.verifier), visit.now);
    let token = desk.people.vouched(&flow, &vouched.map_err(SignIn::Elsewhere)?, visit.from, visit.now)?;
    Ok((token, flow.next))
}
