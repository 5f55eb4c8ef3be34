//! The second factor once more: what has consequences asks for it if it was not shown in the last five minutes (ASVS 5.0, 7.5.3).
//!
//! The form that was sent goes on from there as it was filled in. Keeps: nothing. Drops: the old token of the session; with the new one,
//! forms that are open elsewhere have to be loaded again.

use super::Desk;
use super::guard::Visit;
use super::page::{Frame, html_with};
use super::problem::Problem;
use super::routes::Route;
use crate::access::SignIn;
use askama::Template;
use axum::body::Body;
use axum::http::{Response, StatusCode};

#[derive(Template)]
#[template(path = "again.html")]
struct AgainPage<'a> {
    frame: Frame,
    /// Where the form was sent.
    path: &'a str,
    /// What it does.
    says: &'static str,
    /// What was filled in.
    fields: Vec<(&'a str, &'a str)>,
    wrong: String,
    /// Whether another service vouches for this person: then it is asked there.
    elsewhere: bool,
}

/// Looks whether the second factor was shown lately, or is with this form. `Some`: it is asked for.
pub(super) fn proved(desk: &Desk, route: &Route, visit: &mut Visit) -> Result<Option<Response<Body>>, Problem> {
    let visitor = visit.visitor()?.clone();
    if !route.careful || desk.people.is_proved(&visitor, visit.now) {
        return Ok(None);
    }
    let digits = visit.form.get("digits");
    let elsewhere = !visitor.has_digits();
    let wrong = match digits.is_empty() || elsewhere {
        true => String::new(),
        false => match desk.people.prove(&visitor, digits, visit.from, visit.now) {
            Ok(token) => {
                visit.visitor = desk.people.visitor(&token, visit.now).map_err(|_| Problem::BUSY)?;
                visit.fresh = Some(token);
                return Ok(None);
            }
            Err(SignIn::Busy) => return Err(Problem::BUSY),
            Err(why) => why.to_string(),
        },
    };
    let frame = visit.frame("Your second factor again", "");
    let fields = visit.form.pairs().filter(|(name, _)| !matches!(*name, "csrf" | "digits")).collect();
    let page = AgainPage { frame, path: &visit.path, says: route.says, fields, wrong, elsewhere };
    html_with(StatusCode::UNAUTHORIZED, &page).map(Some)
}
