//! Strange octets for `agent/src/wire/onc_rpc.rs`, through the entrance that `tests/entrances.rs` gives it.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| auscult_fuzz::entrances::at("onc_rpc", octets));
