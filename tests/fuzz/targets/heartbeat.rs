//! Strange octets for a paper of `report/FORMAT.md`, through the entrance that `tests/papers.rs` gives it.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| auscult_fuzz::papers::at("heartbeat", octets));
