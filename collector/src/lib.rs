//! The archive: what a provider runs. Reports of sensors come in, are kept as they were signed, written into a ledger that
//! only grows, and judged.
//!
//! In the order of the data: [`config`] (what was typed becomes what is meant), [`store`] (what may change, clinic by clinic), [`ledger`] (what may
//! never change), [`ingest`] (the door), [`judge`] (what it means).

pub mod config;
pub mod ingest;
pub mod judge;
pub mod ledger;
pub mod store;
