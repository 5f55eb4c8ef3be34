//! The API under `/v1`: what programs and scripts ask for in JSON. A line of the route table names a [`Contract`]; it is made of the very
//! types that are read and written, so that the description for programs (OpenAPI 3.1) cannot say anything else.
//!
//! [`door`] (who asks, what is noted), [`query`] (what stands behind `?`), [`types`] (what every answer is made of), [`wrong`] (why not,
//! RFC 9457), [`mod@openapi`] (the description), then the answers by what they are about.
//! Keeps: nothing. Drops: what is asked for in another form than described.

pub(super) mod admin;
pub(super) mod clinics;
mod csv;
mod door;
pub(super) mod export;
pub(super) mod findings;
pub(super) mod heard;
mod ocsf;
mod once;
mod openapi;
mod query;
pub(super) mod sensors;
mod types;
mod wrong;

pub(super) use door::line;
pub use export::{Export, ExportError, FILES as EXPORTS};
pub(super) use openapi::Document;
pub use openapi::openapi;
pub use query::Param;
pub(super) use query::{behind, cursor};
pub(super) use wrong::{not_allowed, not_found, said};

use super::Desk;
use super::problem::Problem;
use crate::access::{Program, Role, Visitor};
use crate::store::{ClinicRow, ClinicStore, StoreError};
use auscult_report::time::Timestamp;
use axum::body::Body;
use axum::http::Response;
use query::Query;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError};
use wrong::Wrong;

/// What a line of the table reads and answers.
#[derive(Clone, Copy)]
pub struct Contract {
    /// What may stand behind `?`.
    pub query: &'static [Param],
    /// The status of what is answered when all is well.
    pub success: u16,
    /// Whether the asker must name the state that is to be changed (`If-Match`).
    pub changes: bool,
    takes: Option<SchemaFn>,
    gives: Gives,
    run: Run,
}

/// Gives the schema of a type.
type SchemaFn = fn(&mut SchemaGenerator) -> Schema;

#[derive(Clone, Copy)]
enum Gives {
    /// JSON of a type.
    Json(SchemaFn),
    /// Lines of one of these types, as they are read.
    Lines(&'static [&'static str]),
}

#[derive(Clone, Copy)]
enum Run {
    Json(fn(&Call, &[u8]) -> Result<Reply, Wrong>),
    Lines(fn(&Call) -> Result<Response<Body>, Wrong>),
}

/// Something that can be asked.
pub(super) trait Ask {
    /// What may stand behind `?`.
    const QUERY: &'static [Param] = &[];
    /// The status of what is answered when all is well.
    const SUCCESS: u16 = 200;
    /// Whether it changes something that has a tag.
    const CHANGES: bool = false;
    /// What is sent; [`Nothing`] where nothing is.
    type Body;
    /// What is answered.
    type Answer: Serialize + JsonSchema;

    /// The tag of what it changes, as it now stands; empty where nothing has one.
    fn tag(_: &Call) -> Result<String, Wrong> {
        Ok(String::new())
    }

    fn answer(call: &Call, body: Self::Body) -> Result<Done<Self::Answer>, Wrong>;
}

/// No body.
pub(super) struct Nothing;

/// What was done.
pub(super) struct Done<A> {
    body: A,
    /// The same without what is shown once.
    kept: Option<A>,
    /// Where what was made is.
    location: String,
    /// The tag of what is answered; empty: none.
    tag: String,
}

impl<A> From<A> for Done<A> {
    fn from(body: A) -> Done<A> {
        Done { body, kept: None, location: String::new(), tag: String::new() }
    }
}

/// An answer in JSON.
struct Reply {
    status: u16,
    body: String,
    kept: Option<String>,
    location: String,
    tag: String,
}

impl Contract {
    /// Of a line that only reads.
    pub(super) const fn get<A: Ask<Body = Nothing>>() -> Contract {
        let (gives, run) = (Gives::Json(schema::<A::Answer>), Run::Json(run_without::<A>));
        Contract { query: A::QUERY, success: A::SUCCESS, changes: A::CHANGES, takes: None, gives, run }
    }

    /// Of a line that takes a body.
    pub(super) const fn post<A: Ask>() -> Contract
    where
        A::Body: DeserializeOwned + JsonSchema,
    {
        let (gives, run) = (Gives::Json(schema::<A::Answer>), Run::Json(run_with::<A>));
        let takes = Some(schema::<A::Body> as SchemaFn);
        Contract { query: A::QUERY, success: A::SUCCESS, changes: A::CHANGES, takes, gives, run }
    }

    /// Of a line that answers as it reads.
    pub(super) const fn lines(
        kinds: &'static [&'static str],
        run: fn(&Call) -> Result<Response<Body>, Wrong>,
    ) -> Contract {
        let (gives, run) = (Gives::Lines(kinds), Run::Lines(run));
        Contract { query: &[], success: 200, changes: false, takes: None, gives, run }
    }
}

fn schema<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<T>()
}

fn run_without<A: Ask<Body = Nothing>>(call: &Call, _: &[u8]) -> Result<Reply, Wrong> {
    run::<A>(call, || Ok(Nothing))
}

fn run_with<A: Ask>(call: &Call, octets: &[u8]) -> Result<Reply, Wrong>
where
    A::Body: DeserializeOwned,
{
    run::<A>(call, || serde_json::from_slice(octets).map_err(|e| Wrong::body(&e)))
}

fn run<A: Ask>(call: &Call, body: impl FnOnce() -> Result<A::Body, Wrong>) -> Result<Reply, Wrong> {
    let sent = body()?;
    let _one = A::CHANGES.then(|| call.desk.changes.lock().unwrap_or_else(PoisonError::into_inner));
    if A::CHANGES {
        let wanted = tags(call.if_match.as_deref().ok_or(Wrong::NO_MATCH)?)?;
        let tag = A::tag(call)?;
        if wanted.is_some_and(|wanted| !wanted.contains(&tag.as_str())) {
            return Err(Wrong::CHANGED);
        }
    }
    let Done { body, kept, location, tag } = A::answer(call, sent)?;
    let text = |answer: &A::Answer| serde_json::to_string(answer).map_err(|_| Wrong::from(Problem::BUSY));
    let kept = kept.as_ref().map(text).transpose()?;
    Ok(Reply { status: A::SUCCESS, body: text(&body)?, kept, location, tag })
}

/// The tags of `If-Match` (RFC 9110 section 13.1.1); a weak one is none here. `None`: whatever it is.
fn tags(text: &str) -> Result<Option<Vec<&str>>, Wrong> {
    if text.trim() == "*" {
        return Ok(None);
    }
    fn tag(part: &str) -> Option<(bool, &str)> {
        let part = part.trim();
        let weak = part.strip_prefix("W/");
        let inner = weak.unwrap_or(part).strip_prefix('"')?.strip_suffix('"')?;
        (!inner.contains('"')).then_some((weak.is_some(), inner))
    }
    let tags: Option<Vec<(bool, &str)>> = text.split(',').map(tag).collect();
    let strong = tags.ok_or(Wrong::MATCH)?.into_iter().filter(|(weak, _)| !weak).map(|(_, tag)| tag);
    Ok(Some(strong.collect()))
}

/// An object with one field more.
fn with(mut object: Value, name: &str, value: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
    object
}

/// A request that the door has let in.
pub(super) struct Call {
    desk: Arc<Desk>,
    asker: Asker,
    at: Option<At>,
    query: Query,
    parts: Vec<(String, String)>,
    path: String,
    from: IpAddr,
    now: Timestamp,
    /// By which the log and the asker name it.
    id: String,
    if_match: Option<String>,
}

/// Who asks.
#[derive(Clone)]
enum Asker {
    /// Somebody who is signed in.
    Person(Visitor),
    /// A program with a token.
    Program(Program),
}

impl Asker {
    /// As the audit names it.
    fn name(&self) -> String {
        match self {
            Asker::Person(visitor) => visitor.name.clone(),
            Asker::Program(program) => format!("token {}", program.title),
        }
    }

    const fn number(&self) -> [u8; 16] {
        match self {
            Asker::Person(visitor) => visitor.id.0,
            Asker::Program(program) => program.id.0,
        }
    }
}

/// A clinic, and what a person is there; a program is none of the roles.
struct At {
    store: ClinicStore,
    row: ClinicRow,
    role: Option<Role>,
}

impl Call {
    /// A part of the path.
    fn part(&self, name: &str) -> &str {
        self.parts.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// The clinic; the door has seen to it that there is one where the table says so.
    fn at(&self) -> Result<&At, Wrong> {
        self.at.as_ref().ok_or_else(|| Problem::NOT_FOUND.into())
    }

    /// Whether the asker may decide so about a finding here.
    fn may_decide(&self, what: &str) -> bool {
        match &self.asker {
            Asker::Person(_) => self.at.as_ref().and_then(|at| at.role).is_some_and(|role| role.may_decide(what)),
            Asker::Program(program) => program.may_decide(what),
        }
    }

    /// Every clinic that the asker may see.
    fn clinics(&self) -> Result<Vec<(ClinicRow, ClinicStore)>, Wrong> {
        match &self.asker {
            Asker::Person(visitor) => self.desk.people.clinics(visitor, self.now),
            Asker::Program(program) => self.desk.programs.clinics(program),
        }
        .map_err(|e| self.busy(&e))
    }

    /// The store does not answer: why is for the log alone.
    fn busy(&self, why: &StoreError) -> Wrong {
        tracing::warn!(id = self.id, error = %why, "a request could not be answered");
        Problem::BUSY.into()
    }
}
