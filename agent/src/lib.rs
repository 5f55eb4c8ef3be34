//! The ear: frames in, facts out. The rooms stand in the order in which the data passes them; a room uses only those
//! before it (`tests/house.rs` holds it to that).
//!
//! `capture` octets and when they were heard -> `wire` what a standard says they are -> `flow` which octets belong
//! together -> `detect` what was heard, as facts -> `urgent` what cannot wait -> `inventory` how often, first and last ->
//! `sensor` one window of it -> `window` what of it is told -> `identity` by whom -> `spool` signed, on the disk -> `run` the
//! daemon's loop. `places` and `hosts` know the addresses; they never leave. `config` is what a person wants, `log` what is said
//! to that person. `radio` says which way a Wi-Fi radio hears, and what the system knows of the air.
//! `courier` is the only room that speaks, and only to its own collector. `setup` leads a person from nothing to a sensor that is
//! heard and trusted, with the commands that the others have.

pub mod capture;
pub mod config;
pub mod courier;
pub mod detect;
pub mod flow;
pub mod hosts;
pub mod identity;
pub mod inventory;
pub mod log;
pub mod places;
pub mod radio;
pub mod run;
pub mod sensor;
pub mod setup;
pub mod spool;
pub mod urgent;
pub mod window;
pub mod wire;
