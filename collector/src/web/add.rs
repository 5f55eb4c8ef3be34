//! Add a sensor: a one-time code and its QR code, what to type at the device, then the words to compare, then the first report, live.
//!
//! Keeps: the code's sealed key, in the store. Drops: the code; it stands on the answer to the form and nowhere else.

use super::Desk;
use super::guard::{AtClinic, Visit};
use super::page::{Answered, Frame, html, html_with};
use super::picture::qr;
use super::problem::Problem;
use super::sensors::{Card, card};
use super::words::{long, machine};
use crate::access::{hex, new_code, octets};
use crate::store::{CodeRow, StoreError};
use askama::Template;
use auscult_report::code::CodeId;
use auscult_report::time::Timestamp;
use axum::http::StatusCode;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "add.html")]
struct AddPage<'a> {
    frame: Frame,
    name: String,
    sites: Vec<(String, String)>,
    wrong: &'a str,
}

#[derive(Template)]
#[template(path = "code.html")]
struct CodePage {
    frame: Frame,
    /// The code; empty where the page was asked for again.
    code: String,
    qr: String,
    device: String,
    address: String,
    progress: Progress,
}

/// What became of a code.
#[derive(Template)]
#[template(path = "progress.html")]
struct Progress {
    /// Where it is asked for again.
    href: String,
    csrf: String,
    name: String,
    expires: String,
    left: String,
    stage: Stage,
    sensor: Option<Card>,
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nobody has used the code.
    Waits,
    /// Nobody can any more.
    Ended,
    /// Somebody tried to guess it.
    Burnt,
    /// A sensor used it: its words are compared.
    Compare,
    /// It is let in; nothing came yet.
    LetIn,
    /// It was shut out.
    Out,
    /// Its first report is here.
    Heard,
}

impl Stage {
    fn is(self, name: &str) -> bool {
        name == match self {
            Stage::Waits => "waits",
            Stage::Ended => "ended",
            Stage::Burnt => "burnt",
            Stage::Compare => "compare",
            Stage::LetIn => "let-in",
            Stage::Out => "out",
            Stage::Heard => "heard",
        }
    }

    /// How many of the four steps are done.
    const fn done(self) -> u8 {
        match self {
            Stage::Waits | Stage::Ended | Stage::Burnt => 1,
            Stage::Compare | Stage::Out => 2,
            Stage::LetIn => 3,
            Stage::Heard => 4,
        }
    }
}

/// Asks where and on what.
pub(super) fn page(_: &Arc<Desk>, visit: &Visit) -> Answered {
    html(&asked(visit, "")?)
}

/// Makes the code and shows it, this once.
pub(super) fn make(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let at = visit.clinic()?;
    let site = visit.form.get("site");
    let is_known = at.store.sites().map_err(|_| Problem::BUSY)?.iter().any(|(name, _)| name == site);
    if !is_known {
        return html_with(
            StatusCode::UNPROCESSABLE_ENTITY,
            &asked(visit, "Choose the place where the sensor will be.")?,
        );
    }
    let code = new_code(&at.store, desk.access.vault(), site, CODE_MS, visit.now).map_err(|_| Problem::BUSY)?;
    let shown = code.shown();
    let picture = qr(&shown, "The one-time code as a QR code");
    html(&made(desk, visit, code.id(), (shown, picture))?)
}

/// What became of a code; the code itself is not shown again.
pub(super) fn progress(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let id: [u8; 5] = octets(visit.part("code")).try_into().map_err(|_| Problem::NOT_FOUND)?;
    if visit.query.get("part") == "progress" {
        return html(&of_code(visit, CodeId(id))?);
    }
    html(&made(desk, visit, CodeId(id), (String::new(), String::new()))?)
}

fn asked<'a>(visit: &Visit, wrong: &'a str) -> Result<AddPage<'a>, Problem> {
    let at = visit.clinic()?;
    let sites = at.store.sites().map_err(|_| Problem::BUSY)?;
    let frame = visit.frame(format!("Add a sensor at {}", at.row.title), "sensors");
    Ok(AddPage { frame, name: at.row.name.clone(), sites, wrong })
}

fn made(desk: &Desk, visit: &Visit, id: CodeId, (code, qr): (String, String)) -> Result<CodePage, Problem> {
    let at = visit.clinic()?;
    let mut frame = visit.frame(format!("Add a sensor at {}", at.row.title), "sensors");
    let progress = of_code(visit, id)?;
    if matches!(progress.stage, Stage::Ended | Stage::Burnt | Stage::Out | Stage::Heard) {
        frame.live = String::new();
    }
    Ok(CodePage {
        frame,
        code,
        qr,
        device: visit.form.get("device").to_owned(),
        address: desk.addresses.first().cloned().unwrap_or_default(),
        progress,
    })
}

fn of_code(visit: &Visit, id: CodeId) -> Result<Progress, Problem> {
    let at = visit.clinic()?;
    let code = at.store.code(id).map_err(|_| Problem::BUSY)?.ok_or(Problem::NOT_FOUND)?;
    let (stage, sensor) = stage(at, &code, visit.now).map_err(|_| Problem::BUSY)?;
    Ok(Progress {
        href: format!("/clinics/{}/add/{}", at.row.name, hex(&id.0)),
        csrf: visit.visitor()?.csrf.clone(),
        name: at.row.name.clone(),
        expires: machine(code.expires),
        left: long(code.expires.since_ms(visit.now)),
        stage,
        sensor,
    })
}

fn stage(at: &AtClinic, code: &CodeRow, now: Timestamp) -> Result<(Stage, Option<Card>), StoreError> {
    let Some(sensor) = code.sensor else {
        let stage = match code {
            CodeRow { burnt: true, .. } => Stage::Burnt,
            code if code.expires <= now => Stage::Ended,
            _ => Stage::Waits,
        };
        return Ok((stage, None));
    };
    let details = at.store.sensor_details()?;
    let Some(detail) = details.iter().find(|d| d.row.id == sensor) else { return Ok((Stage::Waits, None)) };
    let card = card(at, detail, now)?;
    let stage = match card.state {
        "pending" => Stage::Compare,
        "active" if detail.reports > 0 => Stage::Heard,
        "active" => Stage::LetIn,
        _ => Stage::Out,
    };
    Ok((stage, Some(card)))
}

/// How long a code can be used: long enough to walk to the device.
const CODE_MS: u64 = 3_600_000;
