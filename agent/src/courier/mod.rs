//! The way to the collector: the only room that speaks, and only to addresses that enrolment named.
//!
//! [`plan`] says what is sent next and when, [`retry`] what to do with what came back, [`verdict`] what a receipt means for
//! the reports, [`witness`] what it proves of the ledger: these have no clock and no socket. [`carrier`] is the thread that
//! has one, [`link`] carries octets there and back, [`trust`] says whom it believes, [`enrol`] is the first meeting,
//! [`ends`] tells whom it is about to speak to, [`probe`] says where a way ends that is none.
//! Keeps: failures, the address in turn. Drops: every answer that is no receipt.

pub mod carrier;
pub mod ends;
pub mod enrol;
pub mod link;
pub mod plan;
pub mod probe;
pub mod retry;
pub mod trouble;
pub mod trust;
pub mod verdict;
pub mod witness;
