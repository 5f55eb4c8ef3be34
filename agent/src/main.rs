//! `auscult-agent`: the ear of a clinic, as a daemon. Arguments, log, exit status.

fn main() {}
