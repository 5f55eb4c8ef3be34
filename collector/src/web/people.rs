//! People: who may sign in and what each may where; invitations by a one-time code; the audit of who did and who looked.
//!
//! Keeps: invitations, as hashes. Drops: the code; it stands on the answer to the form and nowhere else.

use super::Desk;
use super::guard::Visit;
use super::page::{Answered, Frame, html, html_with, redirect};
use super::problem::Problem;
use super::words::{day, end_of, moment};
use crate::access::{Role, invite as make_code};
use crate::store::{AuditRow, Invitation, PersonRow, StoreError};
use askama::Template;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use axum::http::StatusCode;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    frame: Frame,
    people: Vec<Person>,
    clinics: Vec<(String, String)>,
    code: String,
    /// Whom a code lets come in again; the code stands in `code`.
    again: Option<String>,
    wrong: &'static str,
}

struct Person {
    name: String,
    title: String,
    active: bool,
    is_admin: bool,
    is_self: bool,
    may: Vec<String>,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    frame: Frame,
    of: String,
    href: String,
    lines: Vec<(String, AuditRow)>,
    next: Option<i64>,
}

pub(super) fn page(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    html(&made(desk, visit, (String::new(), ""))?)
}

/// Makes a code by which somebody makes an account.
pub(super) fn invite(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let (role, now) = (visit.form.get("role"), visit.now);
    let known = desk.store.clinics().map_err(|_| Problem::BUSY)?;
    let chosen: Vec<&str> = visit.form.all("clinics").filter(|name| known.iter().any(|c| c.name == *name)).collect();
    let until = end_of(visit.form.get("until")).filter(|until| *until > now);
    let is_admin = role == Role::Admin.word();
    let granted = Role::granted(role);
    let wrong = match granted {
        None if !is_admin => "Choose what the person will be.",
        Some(_) if chosen.is_empty() => "Choose at least one clinic.",
        Some(Role::Reviewer) if until.is_none() => "A reviewer's access always ends: choose a day in the future.",
        _ => "",
    };
    if !wrong.is_empty() {
        return html_with(StatusCode::UNPROCESSABLE_ENTITY, &made(desk, visit, (String::new(), wrong))?);
    }
    let role = granted.map_or("", Role::word).to_owned();
    let invitation = Invitation { admin: is_admin, role, clinics: chosen.join("\n"), until };
    let code = make_code(&desk.store, &invitation, INVITATION_MS, now).map_err(|_| Problem::BUSY)?;
    html(&made(desk, visit, (code, ""))?)
}

/// Shuts a person out, or lets one in again.
pub(super) fn set(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let name = visit.part("person");
    let person = desk.store.person_named(name).map_err(|_| Problem::BUSY)?.ok_or(Problem::NOT_FOUND)?;
    let active = match visit.form.get("state") {
        "active" => true,
        "disabled" => false,
        _ => return Err(Problem::FORM),
    };
    // Nobody locks the door behind the last administrator, who would be this one.
    if person.id == visit.visitor()?.id {
        return Err(Problem::NOT_YOURS);
    }
    desk.store.set_person(name, active).map_err(|_| Problem::BUSY)?;
    Ok(redirect("/people"))
}

/// A code for who lost a password or a second factor.
pub(super) fn reset(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let name = visit.part("person");
    // One's own is replaced by another administrator: four eyes.
    if name == visit.visitor()?.name {
        return Err(Problem::NOT_YOURS);
    }
    let code = desk.people.reset_code(name, visit.now).map_err(|_| Problem::BUSY)?.ok_or(Problem::NOT_FOUND)?;
    let again = Some(name.to_owned());
    html(&PeoplePage { again, ..made(desk, visit, (code, ""))? })
}

/// Gives a person a role at a clinic, another one, or none.
pub(super) fn grant(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let busy = |_: StoreError| Problem::BUSY;
    let person = desk.store.person_named(visit.part("person")).map_err(busy)?.ok_or(Problem::NOT_FOUND)?;
    let clinic = desk.store.clinic_named(visit.form.get("at")).map_err(busy)?;
    let until = end_of(visit.form.get("until")).filter(|until| *until > visit.now);
    let role = Role::granted(visit.form.get("role"));
    let wrong = match (&clinic, role) {
        (None, _) => "Choose a clinic.",
        (_, None) if visit.form.get("role") != "none" => "Choose what the person will be there.",
        (_, Some(Role::Reviewer)) if until.is_none() => "A reviewer's access always ends: choose a day in the future.",
        _ => "",
    };
    let Some(clinic) = clinic.filter(|_| wrong.is_empty()) else {
        return html_with(StatusCode::UNPROCESSABLE_ENTITY, &made(desk, visit, (String::new(), wrong))?);
    };
    clinic.put_grant(person.id, role.map(|role| (role.word(), until)), visit.now).map_err(busy)?;
    Ok(redirect("/people"))
}

fn made(desk: &Desk, visit: &Visit, (code, wrong): (String, &'static str)) -> Result<PeoplePage, Problem> {
    let own = visit.visitor()?.id;
    let person = |row: PersonRow| -> Result<Person, StoreError> {
        let mut may: Vec<String> = Vec::new();
        if row.admin {
            may.push("administrator of the provider".to_owned());
        }
        for grant in desk.store.grants(row.id)? {
            let until = match grant.until {
                Some(until) if until <= visit.now => ", ended".to_owned(),
                Some(until) => format!(", until {}", day(Timestamp(until.0.saturating_sub(MS_PER_DAY)))),
                None => String::new(),
            };
            may.push(format!("{} at {}{until}", grant.role.replace('-', " "), grant.clinic));
        }
        Ok(Person {
            name: row.name,
            title: row.title,
            active: row.active,
            is_admin: row.admin,
            is_self: row.id == own,
            may,
        })
    };
    let people: Result<Vec<Person>, StoreError> =
        desk.store.people().map_err(|_| Problem::BUSY)?.into_iter().map(person).collect();
    let clinics = desk.store.clinics().map_err(|_| Problem::BUSY)?;
    Ok(PeoplePage {
        frame: visit.frame("People", "people"),
        people: people.map_err(|_| Problem::BUSY)?,
        clinics: clinics.into_iter().map(|c| (c.name, c.title)).collect(),
        code,
        again: None,
        wrong,
    })
}

/// Who did and who looked at a clinic.
pub(super) fn audit_of_clinic(_: &Arc<Desk>, visit: &Visit) -> Answered {
    let at = visit.clinic()?;
    let lines = at.store.audited(before(visit), PAGE.saturating_add(1)).map_err(|_| Problem::BUSY)?;
    listed(visit, at.row.title.clone(), format!("/clinics/{}/audit", at.row.name), lines)
}

/// Who did and who looked, beside clinics.
pub(super) fn audit(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let lines = desk.store.audited(before(visit), PAGE.saturating_add(1)).map_err(|_| Problem::BUSY)?;
    listed(visit, "the provider".to_owned(), "/audit".to_owned(), lines)
}

fn before(visit: &Visit) -> i64 {
    visit.query.get("before").parse().unwrap_or(i64::MAX)
}

fn listed(visit: &Visit, of: String, href: String, mut lines: Vec<AuditRow>) -> Answered {
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let is_more = lines.len() > page;
    lines.truncate(page);
    let next = lines.last().filter(|_| is_more).map(|line| line.id);
    let lines = lines.into_iter().map(|line| (moment(line.at), line)).collect();
    html(&AuditPage { frame: visit.frame(format!("Audit of {of}"), "audit"), of, href, lines, next })
}

/// Lines of a page.
const PAGE: u32 = 100;
/// How long an invitation can be used.
const INVITATION_MS: u64 = 3 * MS_PER_DAY;
