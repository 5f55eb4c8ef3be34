//! Strange octets for `agent/src/wire/nl80211.rs`, through the entrance that `tests/entrances.rs` gives it.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| auscult_fuzz::entrances::at("nl80211", octets));
