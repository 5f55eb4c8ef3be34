//! Where strange octets enter, taken from `tests/`: compiled here without the collector, which an instrumented build would take along
//! for nothing.

#[path = "../entrances.rs"]
pub mod entrances;
#[path = "../frames.rs"]
pub mod frames;
#[path = "../golden.rs"]
pub mod golden;
#[path = "../papers.rs"]
pub mod papers;
#[path = "../radio.rs"]
pub mod radio;

/// The project's folder.
fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
