//! `serve`: listens until SIGTERM or SIGINT.
//!
//! Keeps: the log, on standard error. Drops: nothing.

use super::Done;
use auscult_collector::config::Config;
use auscult_collector::run::{Service, now};
use auscult_report::time::Timestamp;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{Write, stderr};
use std::process::ExitCode;
use std::sync::Arc;
use tracing::info;

pub(super) fn serve(config: &Config, seed: [u8; 32], out: &mut impl Write) -> Done {
    // Where the log goes may be full: what cannot be said there is not said on the same standard error, which would panic.
    let said = tracing_subscriber::fmt().with_ansi(false).log_internal_errors(false);
    said.with_target(false).with_writer(stderr).init();
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    now()?;
    // A clock that goes before 1970 while it runs stands still there; times of a ledger never go back anyway.
    let clock = Arc::new(|| now().unwrap_or(Timestamp(0)));
    let service = Service::start(config, seed, clock)?;
    let addresses = service.addresses();
    let listeners = [("agents", addresses.agents), ("people", addresses.people), ("ops", addresses.ops)];
    let lines = listeners.iter().filter_map(|(name, at)| at.map(|at| format!("{name} {at}\n")));
    let mut lines: String = lines.collect();
    // The first administrator makes an account with a code that only who sees this console knows.
    let people = addresses.people;
    let code = if people.is_some() { service.desk().people.first_code(now()?)? } else { None };
    if let Some((code, people)) = code.zip(people) {
        lines.push_str(&format!(
            "set-up {code}\n       no administrator yet: open https://{people}/set-up and type this code within 15 minutes\n"
        ));
    }
    // Who started it may not read: it serves all the same.
    let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
    let signal = signals.forever().next();
    info!(signal, "ending");
    service.stop();
    Ok(ExitCode::SUCCESS)
}
