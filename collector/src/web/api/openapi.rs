//! The description of the API for programs (OpenAPI 3.1): the route table, written another way.
//!
//! Every line whose answer is a [`Contract`] stands in it, with the schemas (JSON Schema 2020-12) of the very types that are read and
//! written. Keeps: nothing. Drops: pages; the files of ledgers, whose form is that of C2SP tlog-tiles.

use super::super::guard::SESSION;
use super::super::routes::{ROUTES, Route, Who};
use super::export::FILES;
use super::query::{Kind, Param};
use super::types::WORD;
use super::wrong::Wrong;
use super::wrong::{PROBLEM, ProblemDocument};
use super::{Ask, Call, Contract, Done, Gives, Nothing, once, with};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// The description itself, as an answer.
pub(in crate::web) struct Document;

impl Ask for Document {
    type Body = Nothing;
    type Answer = Description;

    fn answer(_: &Call, _: Nothing) -> Result<Done<Description>, Wrong> {
        Ok(Description(openapi()).into())
    }
}

/// An OpenAPI document.
#[derive(Serialize)]
pub(in crate::web) struct Description(Value);

impl JsonSchema for Description {
    fn schema_name() -> Cow<'static, str> {
        "Description".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "object", "required": ["openapi", "info", "paths"], "description": "This document." })
    }
}

/// The description of the API.
#[must_use]
pub fn openapi() -> Value {
    let settings = || {
        SchemaSettings::draft2020_12().with(|s| {
            s.definitions_path = "/components/schemas".into();
            s.meta_schema = None;
        })
    };
    // What is read and what is written are described for themselves: a field may be left out in one and always stand in the other.
    let mut schemas = (settings().for_deserialize().into_generator(), settings().for_serialize().into_generator());
    let problem = schemas.1.subschema_for::<ProblemDocument<'_>>();
    let mut paths: Map<String, Value> = Map::new();
    for (route, contract) in ROUTES.iter().filter_map(|route| Some((route, route.contract()?))) {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(route.method.to_lowercase(), operation(route, contract, &mut schemas, &problem));
        }
    }
    let mut definitions = schemas.0.take_definitions(false);
    definitions.extend(schemas.1.take_definitions(false));
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "auscult collector",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }, { "session": [] }],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "A token that an administrator made at /tokens." },
                "session": {
                    "type": "apiKey", "in": "cookie", "name": SESSION,
                    "description": "The cookie of a session; changes need its X-CSRF-Token besides, sent from a page of the archive.",
                },
            },
        },
    })
}

fn operation(
    route: &Route,
    contract: &Contract,
    (read, written): &mut (SchemaGenerator, SchemaGenerator),
    problem: &Schema,
) -> Value {
    let operation = json!({
        "operationId": name_of(route),
        "summary": route.says,
        "description": who(route.who),
        "parameters": parameters(route, contract),
    });
    let answer = match contract.gives {
        Gives::Json(schema) => json!({ "application/json": { "schema": schema(written) } }),
        Gives::Lines(kinds) => {
            kinds.iter().map(|kind| ((*kind).to_owned(), json!({ "schema": { "type": "string" } }))).collect()
        }
    };
    let mut responses = Map::new();
    let mut good = json!({ "description": "As asked for.", "content": answer });
    if contract.changes || route.path.ends_with('}') {
        let tag = json!({ "ETag": { "schema": { "type": "string" }, "description": "For If-Match." } });
        good = with(good, "headers", tag);
    }
    responses.insert(contract.success.to_string(), good);
    for status in refusals(route, contract) {
        let said = json!({ "description": reason(status), "content": { PROBLEM: { "schema": problem } } });
        responses.insert(status.to_string(), said);
    }
    let operation = with(operation, "responses", Value::Object(responses));
    let Some(schema) = contract.takes else { return operation };
    let content = json!({ "application/json": { "schema": schema(read) } });
    with(operation, "requestBody", json!({ "required": true, "content": content }))
}

/// A name for programs: `get_clinics_clinic_findings`.
fn name_of(route: &Route) -> String {
    let parts = route.path.split('/').skip(2).map(|part| part.trim_matches(['{', '}']).replace(['-', '.'], "_"));
    [route.method.to_lowercase()].into_iter().chain(parts).collect::<Vec<_>>().join("_")
}

fn parameters(route: &Route, contract: &Contract) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    for name in route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        let (says, schema) = part(name);
        all.push(json!({ "name": name, "in": "path", "required": true, "description": says, "schema": schema }));
    }
    for Param { name, says, kind } in contract.query {
        all.push(
            json!({ "name": name, "in": "query", "required": false, "description": says, "schema": kind.schema() }),
        );
    }
    if contract.changes {
        let says = "The ETag of what is changed, as it was read; a star for whatever it is.";
        let schema = json!({ "type": "string", "pattern": "^(\\*|\"[0-9a-f]+\")$" });
        all.push(
            json!({ "name": "If-Match", "in": "header", "required": true, "description": says, "schema": schema }),
        );
    }
    if route.method == "POST" {
        let says = "Who sends the same request with the same key again within a day is answered the same, without what is shown once.";
        let schema = json!({ "type": "string", "pattern": "^[!-~]+$", "minLength": 1, "maxLength": once::MOST_KEY });
        let name = "Idempotency-Key";
        all.push(json!({ "name": name, "in": "header", "required": false, "description": says, "schema": schema }));
    }
    all
}

/// A part of a path.
fn part(name: &str) -> (&'static str, Value) {
    let hex =
        |octets: usize| json!({ "type": "string", "pattern": format!("^[0-9a-f]{{{}}}$", octets.saturating_mul(2)) });
    match name {
        "clinic" => ("The word of a clinic.", json!({ "type": "string", "pattern": WORD })),
        "sensor" => ("A sensor's id.", hex(16)),
        "token" => ("A token's number; not the token.", hex(16)),
        "code" => ("The public half of a one-time code.", hex(5)),
        "rule" => ("The id of a rule in the catalogue.", json!({ "type": "string", "pattern": "^[a-z0-9-]{1,80}$" })),
        "subject" => {
            ("What a finding is about, encoded.", json!({ "type": "string", "pattern": "^([0-9a-f]{2}){1,40}$" }))
        }
        "file" => {
            ("What, and in which form.", json!({ "enum": FILES.iter().map(|(name, _)| name).collect::<Vec<_>>() }))
        }
        _ => ("", json!({ "type": "string" })),
    }
}

impl Kind {
    fn schema(self) -> Value {
        match self {
            Kind::Whole(least, most, otherwise) => {
                json!({ "type": "integer", "minimum": least, "maximum": most, "default": otherwise })
            }
            Kind::Word(words) => json!({ "type": "string", "enum": words, "default": words.first() }),
            Kind::Hex(least, most) => {
                json!({ "type": "string", "pattern": format!("^([0-9a-f]{{2}}){{{least},{most}}}$") })
            }
        }
    }
}

/// The statuses of a line beside its own.
#[must_use]
fn refusals(route: &Route, contract: &Contract) -> Vec<u16> {
    let mut all = vec![400, 401, 429, 500, 503];
    if !matches!(route.who, Who::Person) || route.method != "GET" {
        all.push(403);
    }
    if route.path.contains('{') {
        all.push(404);
    }
    if route.method == "POST" {
        all.extend([408, 409, 411, 413, 415, 422]);
    }
    if contract.changes {
        all.extend([412, 428]);
    }
    all.sort_unstable();
    all
}

fn reason(status: u16) -> &'static str {
    match status {
        400 => "A parameter, a header or the JSON is not as described.",
        401 => "No token, or one that has ended.",
        403 => "The role or the token does not include it.",
        404 => "It is not there, or not for you.",
        408 => "The body came too slowly.",
        409 => "The same request is under way, or it contradicts what is there.",
        411 => "The body has no length.",
        412 => "It is not as you read it.",
        413 => "The body is too long.",
        415 => "The body is not application/json.",
        422 => "A field is not as described.",
        428 => "If-Match is missing.",
        429 => "Too many requests.",
        500 => "The archive made a mistake.",
        _ => "The archive does not answer just now.",
    }
}

fn who(who: Who) -> String {
    match who {
        Who::At(right) => format!("Needs the right `{right:?}` at the clinic."),
        Who::Admin => "For administrators of the provider, with a session; not for tokens.".to_owned(),
        _ => "For everybody who is signed in or has a token.".to_owned(),
    }
}

const ABOUT: &str = "What sensors heard in clinics, what it means, what was decided. Lists are paged: send `next` as `after`. What is not \
                     listed here is refused. Times are UTC.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_and_written_under_one_name_has_one_schema() {
        let settings = || SchemaSettings::draft2020_12().with(|s| s.definitions_path = "/components/schemas".into());
        let (mut read, mut written) =
            (settings().for_deserialize().into_generator(), settings().for_serialize().into_generator());
        for contract in ROUTES.iter().filter_map(Route::contract) {
            contract.takes.map(|schema| schema(&mut read));
            if let Gives::Json(schema) = contract.gives {
                schema(&mut written);
            }
        }
        for (name, schema) in read.definitions() {
            assert!(written.definitions().get(name).is_none_or(|other| other == schema), "{name}");
        }
        assert!(read.definitions().len() > 5 && written.definitions().len() > 20);
    }
}
