//! The archive: what a provider runs. Reports of sensors come in, are kept as they were signed, written into a ledger that
//! only grows, and judged.
//!
//! In the order of the data: [`config`] (what was typed becomes what is meant), [`authority`] (the CA and whom sensors believe),
//! [`store`] (what may change, clinic by clinic), [`access`] (who may), [`ledger`] (what may never change), [`ingest`] (the door),
//! [`judge`] (what it means), [`review`] (the record in a reviewer's hands), [`notices`] (who is told), [`web`] (sensors, people and monitoring at their listeners), [`run`] (the server and its chores).

pub mod access;
pub mod authority;
pub mod config;
pub mod ingest;
pub mod judge;
pub mod ledger;
pub mod notices;
pub mod review;
pub mod run;
pub mod store;
pub mod web;
