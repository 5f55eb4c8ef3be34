//! placeholder for the check of the others, replaced below by real receivers of notices.
fn main() {}
