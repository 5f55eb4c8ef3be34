//! The paper: what a sensor can say, in the form that both sides, and a reviewer who has neither, read alike.
//!
//! In the order things are made: [`time`], [`zone`], [`version`] (the only text that may
//! leave a clinic), [`product`] (the list of product words), [`subject`] (what a fact is about), [`fact`] (the closed
//! list of what can be said), [`summary`] (one window of sightings), [`payload`] (what a report carries), [`coverage`] (what of
//! a window could be heard at all) and [`machine`] (what the sensor is on),
//! [`header`] (its frame), [`seal`] (signed octets, and the way back to what may be believed), [`chain`] (one report
//! after the other), [`heartbeat`] (signs of life); [`merkle`], [`tile`] and [`leaf`] (the ledger), [`note`] and
//! [`checkpoint`] (what its keeper and its witnesses sign), [`receipt`] (what the sensor checks itself), [`batch`]
//! (several reports in one request); [`code`], [`fingerprint`] and [`enrol`] (how a sensor and its collector meet), [`trust`]
//! (whom a sensor believes from then on) and [`renew`] (its certificate). `FORMAT.md` beside this folder says all of it octet
//! by octet.
//!
//! The rule about patient data begins here as a type: there is no field for a string. A fact is made of numbers,
//! closed enums, a [`product::Product`] of the shipped list, or a [`version::Version`] whose grammar has no room for a
//! name, a date of birth or a telephone number.

extern crate alloc;

#[macro_use]
mod words;

pub mod batch;
pub mod bounded;
pub mod chain;
pub mod checkpoint;
pub mod code;
pub mod context;
pub mod coverage;
pub mod enrol;
pub mod fact;
pub mod fingerprint;
pub mod header;
pub mod heartbeat;
pub mod key;
pub mod leaf;
pub mod machine;
pub mod merkle;
pub mod note;
pub mod payload;
pub mod product;
pub mod receipt;
pub mod renew;
pub mod seal;
mod signed;
pub mod subject;
pub mod summary;
pub mod terms;
pub mod tile;
pub mod time;
pub mod trust;
pub mod version;
pub mod zone;
