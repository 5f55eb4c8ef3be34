//! The one table of what can be asked: at which listener, by whom, with what, what may be answered, and what answers.
//!
//! The listeners are made of it; tests ask every line as every role. Keeps: nothing. Drops: nothing; what stands in no line is not there.

use super::api::{Ask, Nothing, clinics, findings, heard};
use super::guard::{self, PageFn};
use super::{
    Contract, Desk, Side, account, add, api, assets, clinic, cosign, coverage, deadlines, finding, fleet, knowledge,
    letter, live, oidc, ops, page, people, proposal, reset, reviewer, reviews, sensor, sensors, session, settings,
    timeline, today, tokens,
};
use crate::access::Right;
use axum::routing::{MethodRouter, get, post};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anyone who reaches the listener.
    Anyone,
    /// Who has a one-time code.
    Code,
    /// Who signs with a sensor's key.
    SigningKey,
    /// The sensor that its certificate names.
    Certificate,
    /// Who has a clinic's token for its ledger.
    Token,
    /// Who makes an account and must still show the second factor.
    Newcomer,
    /// Everybody who is signed in.
    Person,
    /// An administrator of the provider.
    Admin,
    /// Who has this right at the clinic that the path names; for who has none there the clinic is not there.
    At(Right),
}

/// What can be asked.
#[derive(Clone, Copy)]
pub struct Route {
    /// At which listener.
    pub side: Side,
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// By whom.
    pub who: Who,
    /// What it is, in a few words: the audit and the description for programs say it.
    pub says: &'static str,
    /// The fields of a form that it asks for.
    pub asks: &'static [&'static str],
    /// The statuses that it may answer with, beside those of the door: 303 to sign in, 400, 401 for the second factor again, 403, 404, 503.
    pub answers: &'static [u16],
    /// Whether the second factor must have been shown in the last five minutes.
    pub careful: bool,
    handler: Handler,
}

#[derive(Clone, Copy)]
enum Handler {
    /// Machines, and what begins a session: it looks for itself who asks.
    Own(fn() -> MethodRouter<Arc<Desk>>),
    /// A page: the guard has looked who asks.
    Page(PageFn),
    /// JSON: the API's door has looked who asks.
    Api(Contract),
}

impl Route {
    /// What answers.
    pub(super) fn handler(&'static self) -> MethodRouter<Arc<Desk>> {
        match self.handler {
            Handler::Own(own) => own(),
            Handler::Page(page) => guard::page(self, page),
            Handler::Api(ref contract) => api::line(self, contract),
        }
    }

    /// What a line of the API reads and answers; `None`: it is none.
    #[must_use]
    pub const fn contract(&self) -> Option<&Contract> {
        if let Handler::Api(contract) = &self.handler { Some(contract) } else { None }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({:?})", self.method, self.path, self.who)
    }
}

/// Everything that can be asked.
pub const ROUTES: &[Route] = &[
    own(Side::Agents, "POST", "/v1/enrol/hello", Who::Anyone, || post(sensor::hello)),
    own(Side::Agents, "POST", "/v1/enrol/finish", Who::Code, || post(sensor::finish)),
    own(Side::Agents, "POST", "/v1/sensor/renew", Who::SigningKey, || post(sensor::renew)),
    own(Side::Agents, "POST", "/v1/sensor/alive", Who::Certificate, || post(sensor::alive)),
    own(Side::Agents, "POST", "/v1/reports", Who::Certificate, || post(sensor::reports)),
    own(Side::Ops, "GET", "/healthz", Who::Anyone, || get(ops::healthz)),
    own(Side::Ops, "GET", "/readyz", Who::Anyone, || get(ops::readyz)),
    own(Side::Ops, "GET", "/metrics", Who::Anyone, || get(ops::metrics)),
    own(Side::People, "GET", "/v1/ledgers/{ledger}/{*file}", Who::Token, || get(reviewer::file)),
    own(Side::People, "GET", "/static/{file}", Who::Anyone, || get(page::file)),
    see(Who::Anyone, "/sign-in", "the form to sign in", session::form),
    act(Who::Anyone, "/sign-in", "sign in", &["name", "password", "digits"], &[303, 401, 429], session::sign_in),
    see(Who::Anyone, "/set-up", "the form to make an account", session::new_account),
    act(
        Who::Anyone,
        "/set-up",
        "make an account",
        &["code", "name", "title", "password"],
        &[303, 422, 429],
        session::begin,
    ),
    see(Who::Newcomer, "/set-up/second", "the second factor of a new account", session::second),
    act(Who::Newcomer, "/set-up/second", "show the second factor", &["digits"], &[303, 422, 429], session::finish),
    go(Who::Anyone, "/oidc", "to the service that vouches for people", &[303, 404, 422], oidc::go),
    act(
        Who::Anyone,
        "/oidc",
        "bind an invitation to who signs in there",
        &["code", "name", "title"],
        &[200, 404, 422, 429],
        oidc::invited,
    ),
    go(Who::Anyone, "/oidc/back", "back from the service that vouches for people", &[303, 401, 404], oidc::back),
    see(Who::Anyone, "/reset", "the form for who lost a password or a second factor", reset::form),
    act(Who::Anyone, "/reset", "replace what was lost", &["code", "password"], &[303, 422, 429], reset::begin),
    act(Who::Person, "/sign-out", "sign out", &[], &[303], session::sign_out),
    see(Who::Person, "/account", "one's own account", account::page),
    // No field is named: what is typed here is in no audit and on no page. The password of now is the proof.
    act(Who::Person, "/account", "take another password", &[], &[200, 422, 429], account::change),
    careful(act(Who::Person, "/account/sessions", "end one's other sessions", &[], &[200], account::end_others)),
    see(Who::Person, "/", "what needs somebody", today::page),
    see(Who::Person, "/fleet", "every clinic with its days", fleet::page),
    see(Who::At(Right::See), "/clinics/{clinic}", "a clinic", clinic::page),
    see(Who::At(Right::See), "/clinics/{clinic}/findings/{sensor}/{rule}/{subject}", "a finding", finding::page),
    careful(act(
        Who::At(Right::Decide),
        "/clinics/{clinic}/findings/{sensor}/{rule}/{subject}",
        "decide about a finding, or propose it",
        &["what", "reason", "until"],
        &[303, 422],
        finding::decide,
    )),
    careful(act(
        Who::At(Right::Confirm),
        "/clinics/{clinic}/findings/{sensor}/{rule}/{subject}/proposal",
        "confirm or decline what somebody proposed",
        &["proposal", "answer"],
        &[303, 422],
        proposal::answer,
    )),
    act(
        Who::At(Right::Comment),
        "/clinics/{clinic}/findings/{sensor}/{rule}/{subject}/comment",
        "say something about a finding",
        &["words"],
        &[303, 422],
        proposal::comment,
    ),
    see(Who::At(Right::See), "/clinics/{clinic}/sensors", "the sensors of a clinic", sensors::page),
    careful(act(
        Who::At(Right::Sensors),
        "/clinics/{clinic}/sensors/{sensor}",
        "let a sensor in, or shut it out",
        &["state", "why"],
        &[303, 422],
        sensors::set,
    )),
    see(Who::At(Right::Sensors), "/clinics/{clinic}/add", "add a sensor", add::page),
    act(
        Who::At(Right::Sensors),
        "/clinics/{clinic}/add",
        "make a one-time code",
        &["site", "device"],
        &[200, 422],
        add::make,
    ),
    see(Who::At(Right::Sensors), "/clinics/{clinic}/add/{code}", "what became of a one-time code", add::progress),
    see(Who::At(Right::Audit), "/clinics/{clinic}/audit", "who did and who looked", people::audit_of_clinic),
    see(Who::At(Right::See), "/clinics/{clinic}/live", "whether anything is new", live::stream),
    see(Who::Admin, "/people", "who may sign in", people::page),
    careful(act(Who::Admin, "/people", "invite somebody", &["role", "clinics", "until"], &[200, 422], people::invite)),
    careful(act(Who::Admin, "/people/{person}", "shut a person out, or let in again", &["state"], &[303], people::set)),
    careful(act(
        Who::Admin,
        "/people/{person}/reset",
        "give a code to who lost a password or a second factor",
        &[],
        &[200],
        people::reset,
    )),
    careful(act(
        Who::Admin,
        "/people/{person}/grant",
        "change what a person may at a clinic",
        &["at", "role", "until"],
        &[303, 422],
        people::grant,
    )),
    see(Who::Admin, "/audit", "who did and who looked, beside clinics", people::audit),
    see(Who::At(Right::See), "/clinics/{clinic}/assets", "the devices of a clinic", assets::page),
    act(
        Who::At(Right::Decide),
        "/clinics/{clinic}/assets/{sensor}/{host}",
        "name a device",
        &["label"],
        &[303, 422],
        assets::label,
    ),
    see(Who::At(Right::See), "/clinics/{clinic}/timeline", "what happened at a clinic", timeline::page),
    see(Who::At(Right::See), "/clinics/{clinic}/coverage", "what was not heard at a clinic", coverage::page),
    see(Who::At(Right::See), "/clinics/{clinic}/deadlines", "breach matters of a clinic", deadlines::page),
    act(
        Who::At(Right::Decide),
        "/clinics/{clinic}/deadlines",
        "open a breach matter",
        &["title", "discovered", "laws", "why", "finding"],
        &[303, 422],
        deadlines::open,
    ),
    see(Who::At(Right::See), "/clinics/{clinic}/deadlines/{matter}", "a breach matter", deadlines::matter),
    act(
        Who::At(Right::Decide),
        "/clinics/{clinic}/deadlines/{matter}",
        "say something about a breach matter",
        &["what", "clock", "when", "laws", "why"],
        &[303, 422],
        deadlines::say,
    ),
    see(
        Who::At(Right::See),
        "/clinics/{clinic}/deadlines/{matter}/letters/{clock}",
        "the draft of a letter",
        letter::page,
    ),
    see(Who::At(Right::See), "/clinics/{clinic}/reviews", "the reviews of a clinic", reviews::page),
    act(
        Who::At(Right::Review),
        "/clinics/{clinic}/reviews",
        "say something about reviews",
        &["what", "when", "interval", "scope", "by", "why"],
        &[303, 422],
        reviews::say,
    ),
    careful(act(
        Who::At(Right::Register),
        "/clinics/{clinic}/reviews/keys",
        "register a reviewer's key, or remove it",
        &["what", "vkey"],
        &[303, 422],
        cosign::set,
    )),
    act(
        Who::At(Right::Cosign),
        "/clinics/{clinic}/reviews/cosigned",
        "hand in a cosigned checkpoint",
        &["note"],
        &[303, 422],
        cosign::hand_in,
    ),
    Route {
        answers: &[200, 303],
        ..see(
            Who::At(Right::See),
            "/clinics/{clinic}/reviews/record.tar",
            "the record of a clinic, as a file",
            reviews::record,
        )
    },
    see(Who::Person, "/knowledge", "what findings are judged by", knowledge::page),
    see(Who::Admin, "/settings", "what this archive works with", settings::page),
    see(Who::Admin, "/tokens", "the tokens of programs", tokens::page),
    careful(act(
        Who::Admin,
        "/tokens",
        "make a token for a program",
        &["title", "scopes", "clinics", "until"],
        &[200, 422],
        tokens::make,
    )),
    careful(act(Who::Admin, "/tokens/{token}", "end a token", &[], &[303], tokens::end)),
    see(Who::At(Right::See), "/clinics/{clinic}/export/{file}", "a list as a file", api::export::page),
    // The API.
    say::<api::Document>(Who::Person, "/v1/openapi.json", "the description of the API"),
    say::<clinics::Clinics>(Who::Person, "/v1/clinics", "the clinics that you may see"),
    say::<clinics::One>(SEE, "/v1/clinics/{clinic}", "a clinic"),
    say::<clinics::Sites>(SEE, "/v1/clinics/{clinic}/sites", "the sites of a clinic"),
    say::<api::sensors::Sensors>(SEE, "/v1/clinics/{clinic}/sensors", "the sensors of a clinic"),
    say::<api::sensors::One>(SEE, "/v1/clinics/{clinic}/sensors/{sensor}", "a sensor"),
    take::<api::sensors::Set>(
        SENSORS,
        "/v1/clinics/{clinic}/sensors/{sensor}/state",
        "let a sensor in, or shut it out",
    ),
    say::<api::sensors::Codes>(SENSORS, "/v1/clinics/{clinic}/enrol-codes", "the one-time codes of a clinic"),
    take::<api::sensors::MakeCode>(SENSORS, "/v1/clinics/{clinic}/enrol-codes", "make a one-time code"),
    say::<api::sensors::OneCode>(SENSORS, "/v1/clinics/{clinic}/enrol-codes/{code}", "what became of a one-time code"),
    say::<heard::Hosts>(SEE, "/v1/clinics/{clinic}/hosts", "the hosts of a clinic"),
    say::<heard::Facts>(SEE, "/v1/clinics/{clinic}/facts", "the facts of a clinic"),
    say::<heard::Coverages>(SEE, "/v1/clinics/{clinic}/coverage", "how well a clinic's sensors hear"),
    say::<findings::Findings>(SEE, "/v1/clinics/{clinic}/findings", "the findings of a clinic, the worst first"),
    say::<findings::One>(SEE, "/v1/clinics/{clinic}/findings/{sensor}/{rule}/{subject}", "a finding"),
    take::<findings::Decide>(
        Who::At(Right::Decide),
        "/v1/clinics/{clinic}/findings/{sensor}/{rule}/{subject}/decision",
        "decide about a finding",
    ),
    say::<clinics::AuditOfClinic>(AUDIT, "/v1/clinics/{clinic}/audit", "who did and who looked, the newest first"),
    say::<clinics::Checkpoint>(AUDIT, "/v1/clinics/{clinic}/ledger/checkpoint", "the newest checkpoint of the ledger"),
    line("GET", SEE, "/v1/clinics/{clinic}/exports/{file}", "a list as a file, all of it", api::export::CONTRACT),
    say::<api::admin::People>(Who::Admin, "/v1/people", "who may sign in"),
    say::<api::admin::Tokens>(Who::Admin, "/v1/tokens", "the tokens of programs"),
    take::<api::admin::MakeToken>(Who::Admin, "/v1/tokens", "make a token for a program"),
    say::<api::admin::OneToken>(Who::Admin, "/v1/tokens/{token}", "a token of a program"),
    line("DELETE", Who::Admin, "/v1/tokens/{token}", "end a token", Contract::get::<api::admin::EndToken>()),
    say::<clinics::Audit>(Who::Admin, "/v1/audit", "who did and who looked, beside clinics"),
];

const fn own(
    side: Side,
    method: &'static str,
    path: &'static str,
    who: Who,
    own: fn() -> MethodRouter<Arc<Desk>>,
) -> Route {
    let handler = Handler::Own(own);
    Route { side, method, path, who, says: "", asks: &[], answers: &[], careful: false, handler }
}

/// A page that is only looked at.
const fn see(who: Who, path: &'static str, says: &'static str, page: PageFn) -> Route {
    Route {
        side: Side::People,
        method: "GET",
        path,
        who,
        says,
        asks: &[],
        answers: &[200],
        careful: false,
        handler: Handler::Page(page),
    }
}

/// A step of a way that leads elsewhere.
const fn go(who: Who, path: &'static str, says: &'static str, answers: &'static [u16], page: PageFn) -> Route {
    Route { answers, ..see(who, path, says, page) }
}

/// A form that does something.
const fn act(
    who: Who,
    path: &'static str,
    says: &'static str,
    asks: &'static [&'static str],
    answers: &'static [u16],
    page: PageFn,
) -> Route {
    let (side, handler) = (Side::People, Handler::Page(page));
    Route { side, method: "POST", path, who, says, asks, answers, careful: false, handler }
}

/// A form whose consequences are worth the second factor once more.
const fn careful(route: Route) -> Route {
    Route { careful: true, ..route }
}

/// A line of the API that is only read.
const fn say<A: Ask<Body = Nothing>>(who: Who, path: &'static str, says: &'static str) -> Route {
    line("GET", who, path, says, Contract::get::<A>())
}

/// A line of the API that takes a body.
const fn take<A: Ask>(who: Who, path: &'static str, says: &'static str) -> Route
where
    A::Body: DeserializeOwned + JsonSchema,
{
    line("POST", who, path, says, Contract::post::<A>())
}

const fn line(method: &'static str, who: Who, path: &'static str, says: &'static str, contract: Contract) -> Route {
    let (asks, answers, handler) = (&[], &[], Handler::Api(contract));
    // What is sent has consequences: a person shows the second factor for it, as for a form.
    let careful = !matches!(method.as_bytes(), b"GET");
    Route { side: Side::People, method, path, who, says, asks, answers, careful, handler }
}

const SEE: Who = Who::At(Right::See);
const SENSORS: Who = Who::At(Right::Sensors);
const AUDIT: Who = Who::At(Right::Audit);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_of_a_path_stands_in_the_table_once() {
        for route in ROUTES {
            let is_same = |r: &&Route| (r.side, r.method, r.path) == (route.side, route.method, route.path);
            assert_eq!(ROUTES.iter().filter(is_same).count(), 1, "{route:?}");
        }
    }

    #[test]
    fn a_path_names_a_clinic_if_and_only_if_the_table_asks_for_a_right_there() {
        for route in ROUTES {
            assert_eq!(route.path.contains("{clinic}"), matches!(route.who, Who::At(_)), "{route:?}");
        }
    }

    #[test]
    fn only_what_is_posted_changes_anything_and_every_page_says_what_it_is() {
        for route in ROUTES.iter().filter(|r| matches!(r.handler, Handler::Page(_))) {
            assert!(!route.says.is_empty() && !route.answers.is_empty(), "{route:?}");
            assert!(route.asks.is_empty() || route.method == "POST", "{route:?}");
        }
    }
}
