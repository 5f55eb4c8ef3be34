//! The way to the collector: the only room that speaks, and only to addresses that enrolment named.
//!
//! [`link`] carries octets there and back; [`trust`] says whom it believes; [`retry`] says what to do with what came
//! back. Keeps: failures, the address in turn. Drops: every answer that is no receipt.

pub mod link;
pub mod retry;
pub mod trust;
