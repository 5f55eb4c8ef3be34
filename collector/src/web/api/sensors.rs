//! Sensors and one-time codes: the lists, one, letting in and shutting out, making a code.
//!
//! Keeps: the new state, which the store states in the ledger; the code's sealed key. Drops: the code; it stands in the first answer and
//! nowhere else.

use super::super::matters::sensor_id;
use super::super::problem::Problem;
use super::query::{PAGED, Param};
use super::types::{Moment, Page, Text, Whole, Word};
use super::wrong::Wrong;
use super::{Ask, Call, Done, Nothing};
use crate::access::{AccessError, hex, new_code, octets};
use crate::store::{ClinicStore, CodeLine, SensorDetail, SensorState, StoreError};
use auscult_report::code::CodeId;
use auscult_report::fingerprint::fingerprint_words;
use auscult_report::key::{SensorId, hash};
use auscult_report::payload::Place;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A sensor.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Sensor {
    pub(super) sensor: String,
    /// The word of its site.
    pub(super) site: String,
    pub(super) state: State,
    /// Why it is in this state.
    pub(super) why: String,
    /// When its state last changed.
    pub(super) changed: Moment,
    /// When a report of it last came.
    pub(super) spoke: Option<Moment>,
    /// When a sign of life of it last came.
    pub(super) alive: Option<Moment>,
    /// Its clock minus ours at the last report, in milliseconds.
    pub(super) clock_off_ms: i64,
    /// Reports of it that are held.
    pub(super) reports: u64,
    /// The words that the device shows, to be compared before it is let in.
    words: Vec<&'static str>,
    /// The version of its program when it enrolled; empty: it did not say.
    pub(super) agent: String,
    /// The address that it enrolled from; empty: it was let in by its key.
    peer: String,
    enrolled: Option<Moment>,
    /// The end of its unbroken chain.
    chain: Option<Link>,
    /// What is missing before later reports.
    missing: Vec<Hole>,
}

/// A place in a sensor's chain.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Link {
    epoch: u32,
    seq: u64,
}

impl From<Place> for Link {
    fn from(place: Place) -> Link {
        Link { epoch: place.epoch, seq: place.seq }
    }
}

/// Reports that are missing.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Hole {
    epoch: u32,
    from: u64,
    to: u64,
}

/// What a sensor may do.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::web) enum State {
    /// It waits for a person.
    Pending,
    /// Its reports are taken in.
    Active,
    /// It was shut out.
    Revoked,
    /// Its chain contradicts itself: a person must look.
    Quarantine,
}

impl From<SensorState> for State {
    fn from(state: SensorState) -> State {
        match state {
            SensorState::Pending => State::Pending,
            SensorState::Active => State::Active,
            SensorState::Revoked => State::Revoked,
            SensorState::Quarantine => State::Quarantine,
        }
    }
}

impl Sensor {
    pub(super) fn of(store: &ClinicStore, detail: SensorDetail) -> Result<Sensor, StoreError> {
        let id = detail.row.id;
        let (head, holes) = store.durable(id)?;
        let (keys, hint) = (store.keys(id)?, store.hint(id)?);
        Ok(Sensor {
            sensor: id.to_string(),
            site: detail.row.site,
            state: detail.row.state.into(),
            why: detail.row.why,
            changed: Moment(detail.changed),
            spoke: Moment::some(detail.spoke),
            alive: Moment::some(detail.beat),
            clock_off_ms: detail.clock_off_ms,
            reports: detail.reports,
            words: keys.first().map(|key| fingerprint_words(key).to_vec()).unwrap_or_default(),
            agent: hint.as_ref().map(|h| h.agent.clone()).unwrap_or_default(),
            peer: hint.as_ref().map(|h| h.peer.clone()).unwrap_or_default(),
            enrolled: hint.map(|h| Moment(h.enrolled)),
            chain: head.map(|known| known.place.into()),
            missing: holes.into_iter().map(|h| Hole { epoch: h.epoch, from: h.from, to: h.to }).collect(),
        })
    }
}

/// The sensors of a clinic.
pub(in crate::web) struct Sensors;

impl Ask for Sensors {
    const QUERY: &'static [Param] = PAGED;
    type Body = Nothing;
    type Answer = Page<Sensor>;

    fn answer(call: &Call, _: Nothing) -> Result<Done<Page<Sensor>>, Wrong> {
        let store = &call.at()?.store;
        let rows = store.sensor_details().map_err(|e| call.busy(&e))?;
        let item = |detail| Sensor::of(store, detail).map_err(|e| call.busy(&e));
        Ok(Page::of(&call.query, "sensors", rows, |d| d.row.id.0, item)?.into())
    }
}

/// One sensor.
pub(in crate::web) struct One;

impl Ask for One {
    type Body = Nothing;
    type Answer = Sensor;

    fn answer(call: &Call, _: Nothing) -> Result<Done<Sensor>, Wrong> {
        one(call)
    }
}

/// The sensor that the path names.
fn found(call: &Call) -> Result<SensorDetail, Wrong> {
    let id: SensorId = sensor_id(call.part("sensor"))?;
    let all = call.at()?.store.sensor_details().map_err(|e| call.busy(&e))?;
    all.into_iter().find(|d| d.row.id == id).ok_or_else(|| Problem::NOT_FOUND.into())
}

/// Another one when its state is.
fn tag(detail: &SensorDetail) -> String {
    let parts = [detail.row.state.word().as_bytes(), &detail.changed.0.to_be_bytes()];
    hash(b"auscult.dev/tag/v1\0", &parts).iter().take(12).map(|o| format!("{o:02x}")).collect()
}

fn one(call: &Call) -> Result<Done<Sensor>, Wrong> {
    let detail = found(call)?;
    let tag = tag(&detail);
    let body = Sensor::of(&call.at()?.store, detail).map_err(|e| call.busy(&e))?;
    Ok(Done { tag, ..body.into() })
}

/// Lets a sensor in, or shuts it out.
pub(in crate::web) struct Set;

/// What a sensor may do from now on.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::web) enum Wanted {
    /// Its reports are taken in: its words were compared, or it is released from quarantine.
    Active,
    /// It is shut out.
    Revoked,
}

/// Another state of a sensor.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Setting {
    state: Wanted,
    /// Why: a reviewer reads it, and it stays in the record.
    why: Text<10, 200>,
}

impl Ask for Set {
    const CHANGES: bool = true;
    type Body = Setting;
    type Answer = Sensor;

    fn tag(call: &Call) -> Result<String, Wrong> {
        Ok(tag(&found(call)?))
    }

    fn answer(call: &Call, body: Setting) -> Result<Done<Sensor>, Wrong> {
        let id = found(call)?.row.id;
        let state = match body.state {
            Wanted::Active => SensorState::Active,
            Wanted::Revoked => SensorState::Revoked,
        };
        let why = format!("{} ({})", body.why.0, call.asker.name());
        call.at()?.store.set_state(id, state, &why, call.now).map_err(|e| call.busy(&e))?;
        one(call)
    }
}

/// A one-time code.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Code {
    /// The public half of it.
    id: String,
    /// The code: it is shown once, in the first answer to who made it; null in every other.
    code: Option<String>,
    /// Where its sensor will be.
    site: String,
    created: Moment,
    expires: Moment,
    /// Whether it was burnt by wrong proofs.
    burnt: bool,
    /// The sensor that used it.
    sensor: Option<String>,
}

impl From<CodeLine> for Code {
    fn from(line: CodeLine) -> Code {
        Code {
            id: hex(&line.id.0),
            code: None,
            site: line.site,
            created: Moment(line.created),
            expires: Moment(line.expires),
            burnt: line.burnt,
            sensor: line.sensor.map(|s| s.to_string()),
        }
    }
}

/// The one-time codes of a clinic.
pub(in crate::web) struct Codes;

impl Ask for Codes {
    const QUERY: &'static [Param] = PAGED;
    type Body = Nothing;
    type Answer = Page<Code>;

    fn answer(call: &Call, _: Nothing) -> Result<Done<Page<Code>>, Wrong> {
        let after: [u8; 5] = call.query.after("codes")?.unwrap_or_default();
        let most = call.query.limit().saturating_add(1);
        let rows = call.at()?.store.codes_after(&after, most).map_err(|e| call.busy(&e))?;
        Ok(Page::cut(&call.query, "codes", rows, |line| line.id.0, Code::from).into())
    }
}

/// One code.
pub(in crate::web) struct OneCode;

impl Ask for OneCode {
    type Body = Nothing;
    type Answer = Code;

    fn answer(call: &Call, _: Nothing) -> Result<Done<Code>, Wrong> {
        let id: [u8; 5] = octets(call.part("code")).try_into().map_err(|_| Problem::NOT_FOUND)?;
        Ok(Code::from(line(call, CodeId(id))?).into())
    }
}

fn line(call: &Call, id: CodeId) -> Result<CodeLine, Wrong> {
    let found = call.at()?.store.code_line(id).map_err(|e| call.busy(&e))?;
    found.ok_or_else(|| Problem::NOT_FOUND.into())
}

/// Makes a code.
pub(in crate::web) struct MakeCode;

/// A code for one sensor of a site.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct NewCode {
    site: Word,
    /// How long it can be used, in minutes; an hour if nothing is said.
    minutes: Option<Whole<5, 1_440>>,
}

impl Ask for MakeCode {
    const SUCCESS: u16 = 201;
    type Body = NewCode;
    type Answer = Code;

    fn answer(call: &Call, body: NewCode) -> Result<Done<Code>, Wrong> {
        let (at, NewCode { site: Word(site), minutes }) = (call.at()?, body);
        if !at.store.sites().map_err(|e| call.busy(&e))?.iter().any(|(name, _)| *name == site) {
            return Err(Wrong::fields("The clinic has no such site."));
        }
        let life = minutes.map_or(HOUR, |Whole(minutes)| minutes).saturating_mul(MINUTE_MS);
        let code = new_code(&at.store, call.desk.access.vault(), &site, life, call.now).map_err(|e| match e {
            AccessError::Store(e) => call.busy(&e),
            AccessError::Random => Problem::BUSY.into(),
        })?;
        let kept = Code::from(line(call, code.id())?);
        let body = Code { code: Some(code.shown()), ..Code::from(line(call, code.id())?) };
        let location = format!("/v1/clinics/{}/enrol-codes/{}", at.row.name, kept.id);
        Ok(Done { body, kept: Some(kept), location, tag: String::new() })
    }
}

/// Minutes for which a code can be used: long enough to walk to the device.
const HOUR: u64 = 60;
const MINUTE_MS: u64 = 60_000;
