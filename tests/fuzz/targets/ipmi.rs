//! Strange octets for `agent/src/wire/ipmi.rs`, through the entrance that `tests/entrances.rs` gives it.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| auscult_fuzz::entrances::at("ipmi", octets));
