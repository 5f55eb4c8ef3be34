//! Strange octets for `agent/src/wire/dicom_items.rs`, through the entrance that `tests/entrances.rs` gives it.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| auscult_fuzz::entrances::at("dicom_items", octets));
