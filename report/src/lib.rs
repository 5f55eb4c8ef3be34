//! The paper: what a sensor can say, in the form that both sides, and a reviewer who has neither, read alike.
//!
//! In the order things are made: [`time`], [`zone`], [`version`] (the only text that may
//! leave a clinic), [`product`] (the list of product words), [`subject`] (what a fact is about), [`fact`] (the closed
//! list of what can be said), [`summary`] (one window of sightings).
//!
//! The rule about patient data begins here as a type: there is no field for a string. A fact is made of numbers,
//! closed enums, a [`product::Product`] of the shipped list, or a [`version::Version`] whose grammar has no room for a
//! name, a date of birth or a telephone number.

extern crate alloc;

#[macro_use]
mod words;

pub mod bounded;
pub mod chain;
pub mod checkpoint;
pub mod context;
pub mod fact;
pub mod header;
pub mod heartbeat;
pub mod key;
pub mod leaf;
pub mod merkle;
pub mod note;
pub mod payload;
pub mod product;
pub mod receipt;
pub mod seal;
pub mod subject;
pub mod summary;
pub mod terms;
pub mod tile;
pub mod time;
pub mod version;
pub mod zone;
