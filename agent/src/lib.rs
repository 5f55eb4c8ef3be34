//! The ear: frames in, facts out. The rooms stand in the order in which the data passes them; a room uses only those
//! before it (`tests/house.rs` holds it to that).
//!
//! `capture` octets and when they were heard -> `wire` what a standard says they are -> `flow` which octets belong
//! together -> `detect` what was heard, as facts -> `inventory` how often, first and last -> `sensor` one window of it. `places` and `hosts` know the addresses; they never leave.

pub mod capture;
pub mod config;
pub mod detect;
pub mod flow;
pub mod hosts;
pub mod identity;
pub mod inventory;
pub mod places;
pub mod sensor;
pub mod urgent;
pub mod wire;
