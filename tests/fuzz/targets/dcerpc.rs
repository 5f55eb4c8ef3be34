//! Strange octets for `agent/src/wire/dcerpc.rs`, through the entrance that `tests/entrances.rs` gives it.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| auscult_fuzz::entrances::at("dcerpc", octets));
