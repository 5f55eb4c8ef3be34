#!/usr/bin/env bash
# Runs the release build of auscult-inspect over every capture of tests/captures, over changed ones made here, and over
# any further folder given, and fails if one of them ends other than with status 0 or 2, takes 2 s of CPU, or needs
# 32 MiB of memory. Prints the worst of each.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --quiet --release --bin auscult-inspect
exec python3 tests/hostile.py "${CARGO_TARGET_DIR:-target}/release/auscult-inspect" tests/captures "$@"
