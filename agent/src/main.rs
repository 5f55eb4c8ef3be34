//! `auscult-agent`: the ear of a clinic, as a daemon. Arguments, log, exit status; it knows nothing of judging.

use auscult_agent::config::{Config, Level};
use auscult_agent::identity::Identity;
use auscult_agent::run::{run, status};
use clap::{Parser, Subcommand};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Listens on a clinic's network and seals what it heard, as facts, in a spool on this device.
///
/// It sends no frame on what it hears. Exit status: 0 done, 1 stopped by an error, 2 the configuration is refused.
#[derive(Parser)]
#[command(name = "auscult-agent", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Listen until the capture ends or SIGTERM comes; what is in hand is sealed first
    Run(Configured),
    /// Show on one screen whether it hears, where its chain stands and how full its spool is
    Status(Configured),
    /// Make the keys if there are none, and print the sensor's id and the five words of its key
    Identity(Configured),
}

#[derive(clap::Args)]
struct Configured {
    /// The configuration file
    #[arg(short, long, value_name = "FILE", default_value = "/etc/auscult/agent.toml")]
    config: PathBuf,
}

fn main() -> ExitCode {
    let (Command::Run(given) | Command::Status(given) | Command::Identity(given)) = &Arguments::parse().command;
    let config = match read(&given.config) {
        Ok(config) => config,
        Err(sentence) => return refuse(&sentence, EXIT_CONFIGURATION),
    };
    let done = match Arguments::parse().command {
        Command::Run(_) => listen(&config),
        Command::Status(_) => status(&config).and_then(|screen| print(&screen)),
        Command::Identity(_) => {
            Identity::open(&config).map_err(|e| e.to_string()).and_then(|identity| print(&shown(&identity)))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => refuse(&sentence, EXIT_ERROR),
    }
}

fn listen(config: &Config) -> Result<(), String> {
    let level = match config.level {
        Level::Error => tracing::Level::ERROR,
        Level::Warn => tracing::Level::WARN,
        Level::Info => tracing::Level::INFO,
        Level::Debug => tracing::Level::DEBUG,
    };
    tracing_subscriber::fmt().with_max_level(level).with_ansi(false).with_target(false).with_writer(io::stderr).init();
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).map_err(|e| format!("signals cannot be heard: {e}"))?;
    }
    run(config, &stop)
}

fn read(path: &Path) -> Result<Config, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|e| format!("{shown} cannot be read ({e}); give a configuration with --config"))?;
    Config::read(&text).map_err(|e| format!("{shown}: {e}"))
}

/// A line each: the sensor's id, the five words of its key, its first public key in hexadecimal (what `auscult-collector apply`
/// wants).
fn shown(identity: &Identity) -> String {
    let key = identity.key(0).map(|key| key.public().0).unwrap_or_default();
    let key: String = key.iter().map(|octet| format!("{octet:02x}")).collect();
    format!("{}\n{}\n{key}\n", identity.sensor(), identity.words().join(" "))
}

fn print(text: &str) -> Result<(), String> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(format!("the output cannot be written: {e}")),
        _ => Ok(()),
    }
}

fn refuse(sentence: &str, status: u8) -> ExitCode {
    let _ = writeln!(io::stderr().lock(), "auscult-agent: {sentence}");
    ExitCode::from(status)
}

/// Stopped by an error.
const EXIT_ERROR: u8 = 1;

/// The configuration is refused.
const EXIT_CONFIGURATION: u8 = 2;
