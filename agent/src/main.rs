//! `auscult-agent`: the ear of a clinic, as a daemon. Arguments, log, exit status; it knows nothing of judging.

use auscult_agent::config::Config;
use auscult_agent::identity::Identity;
use auscult_agent::log;
use auscult_agent::run::{Asked, Checked, Grade, check, enrol, leave_no_image, rotate, serve, status};
use auscult_agent::setup::{Ending, Fault, Wishes, setup};
use clap::{Parser, Subcommand};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use zeroize::Zeroizing;

/// Listens on a clinic's network, seals what it heard, as facts, in a spool on this device, and delivers it to its collector.
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
    /// From nothing to a sensor that is heard and trusted: asks, writes the configuration, checks, enrols, waits for the first receipt
    ///
    /// It asks only what this machine cannot tell, and goes on where it stopped when it is run again. With --from it asks nobody.
    /// Exit status: 0 heard and trusted, 3 something is still missing (the last line says what), 4 it does not hear as it should,
    /// 2 configuration or answers are refused, 1 stopped by an error.
    Setup(Setup),
    /// Listen until the capture ends or SIGTERM comes; what is in hand is sealed first
    ///
    /// SIGHUP: the configuration is read again. One with a fault changes nothing; what has to wait for the next start is named.
    Run(Configured),
    /// Make this sensor known to its collector, with the one-time code that its provider made
    ///
    /// The code is read from --code-file (which is deleted after success) or from standard input, never from an argument:
    /// other users see arguments. Stop the daemon first.
    Enrol(Enrol),
    /// Make a new signing key and hand over to it; stop the daemon first
    Rotate(Configured),
    /// Show on one screen whether it hears, where its chain stands, how full its spool is and whether it is delivered
    Status(Configured),
    /// Prove in a minute that this box hears, and that its collector is reached and trusted
    ///
    /// One line for each thing, well, to be looked at or wrong, with what to try; the last line is the verdict. It may run beside
    /// the daemon. Exit status: 0 well, 3 something is to be looked at, 4 something is wrong, 2 the configuration is refused, 1
    /// the check cannot be carried out.
    Check(Check),
    /// Make the keys if there are none, and print the sensor's id and the five words of its key
    Identity(Configured),
}

#[derive(clap::Args)]
struct Configured {
    /// The configuration file
    #[arg(short, long, value_name = "FILE", default_value = "/etc/auscult/agent.toml")]
    config: PathBuf,
}

#[derive(clap::Args)]
struct Enrol {
    #[command(flatten)]
    configured: Configured,
    /// Where the collector is; several are tried in turn. Without it collector.addresses of the configuration
    #[arg(long, value_name = "https://HOST:PORT")]
    collector: Vec<String>,
    /// A file with the code
    #[arg(long, value_name = "FILE")]
    code_file: Option<PathBuf>,
    /// Enrol although this sensor is enrolled already
    #[arg(long)]
    again: bool,
}

#[derive(clap::Args)]
struct Check {
    #[command(flatten)]
    configured: Configured,
    /// How long to listen, from 1 to 3600 seconds
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// How to print: for a person, or one JSON document (schema auscult-check/1)
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(clap::Args)]
struct Setup {
    #[command(flatten)]
    configured: Configured,
    /// A file with the answers (TOML, mode 0600); its one-time code is taken out of it once it was used
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// The folder for keys, chain and reports that a new configuration names
    #[arg(long, value_name = "FOLDER", default_value = "/var/lib/auscult")]
    state: PathBuf,
    /// How long to listen, from 1 to 3600 seconds
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Take the configuration that is there as it is
    #[arg(long)]
    keep: bool,
    /// For packages: PROGRAM check, enrol and restart are called in place of this one; it knows the sensor's user and its service
    #[arg(long, value_name = "PROGRAM")]
    through: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    leave_no_image();
    let given = match &command {
        Command::Setup(given) => return set_up(given),
        Command::Run(given) | Command::Rotate(given) | Command::Status(given) | Command::Identity(given) => given,
        Command::Enrol(enrol) => &enrol.configured,
        Command::Check(check) => &check.configured,
    };
    let config = match read(&given.config) {
        Ok(config) => config,
        Err(sentence) if let Command::Check(given) = &command => {
            let checked = Checked::refused(&sentence);
            return say_all(&checked, given.format)
                .map_or_else(|e| refuse(&e, EXIT_ERROR), |()| EXIT_CONFIGURATION.into());
        }
        Err(sentence) => return refuse(&sentence, EXIT_CONFIGURATION),
    };
    let done = match &command {
        // Ended above: it may have to make the configuration first.
        Command::Setup(_) => Ok(()),
        Command::Run(given) => listen(&config, &given.config),
        Command::Enrol(given) => join(&config, given),
        Command::Rotate(_) => rotate(&config).and_then(|key_no| print(&format!("key {key_no} signs from now on\n"))),
        Command::Check(given) => match prove(&config, given) {
            Ok(Grade::Well) => Ok(()),
            Ok(Grade::Attention) => return EXIT_ATTENTION.into(),
            Ok(Grade::Wrong) => return EXIT_WRONG.into(),
            Err(sentence) => Err(sentence),
        },
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

/// Enrols, and says what a person does next.
fn join(config: &Config, given: &Enrol) -> Result<(), String> {
    let code = read_code(given.code_file.as_deref())?;
    let enrolled = enrol(config, &code, &given.collector, given.again)?;
    if let Some(path) = &given.code_file {
        std::fs::remove_file(path).map_err(|e| {
            format!("enrolled; but {} cannot be deleted ({e}): delete it, it is of no use any more", path.display())
        })?;
    }
    let next = if enrolled.is_confirmed {
        "A person at the provider must now approve this sensor, if these five words stand there too. Start the agent: it asks \
         until then."
    } else {
        "The collector did not confirm the last word. Start the agent; if this sensor does not stand among those that wait \
         at the provider, enrol it again with a new code (--again)."
    };
    print(&format!("sensor  {}\nwords   {}\n\n{next}\n", enrolled.sensor, enrolled.words.join(" ")))
}

/// Sets this sensor up. While a person is asked, a signal ends it at once; behind the questions it is told.
fn set_up(given: &Setup) -> ExitCode {
    let (stop, at_once) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(true)));
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        let told = flag::register_conditional_shutdown(signal, EXIT_ENDED, Arc::clone(&at_once))
            .and_then(|_| flag::register(signal, Arc::clone(&stop)));
        if let Err(e) = told {
            return refuse(&format!("signals cannot be heard: {e}"), EXIT_ERROR);
        }
    }
    let (config, from, through) = (&given.configured.config, given.from.as_deref(), given.through.as_deref());
    let wishes = Wishes { config, from, through, state: &given.state, keep: given.keep, seconds: given.seconds };
    let ending = Ending { stop: &stop, at_once: &at_once };
    match setup(&wishes, &ending, &mut io::stdin().lock(), &mut io::stdout()) {
        Ok(Grade::Well) => ExitCode::SUCCESS,
        Ok(Grade::Attention) => EXIT_ATTENTION.into(),
        Ok(Grade::Wrong) => EXIT_WRONG.into(),
        Err(Fault::Refused(sentence)) => refuse(&sentence, EXIT_CONFIGURATION),
        Err(Fault::Error(sentence)) => refuse(&sentence, EXIT_ERROR),
    }
}

/// Checks this box; a person sees each line as soon as it is known.
fn prove(config: &Config, given: &Check) -> Result<Grade, String> {
    let stop = told_to_stop()?;
    let mut gone = Ok(());
    let checked = check(config, given.seconds, &stop, &mut |line| {
        if given.format == Format::Text && gone.is_ok() {
            gone = print(&format!("{}\n", line.text()));
        }
    })?;
    gone?;
    match given.format {
        Format::Text => print(&format!("{}\n", checked.verdict()))?,
        Format::Json => print(&format!("{}\n", checked.json()))?,
    }
    Ok(checked.grade())
}

fn say_all(checked: &Checked, format: Format) -> Result<(), String> {
    let lines: String = checked.lines.iter().map(|line| line.text() + "\n").collect();
    match format {
        Format::Text => print(&format!("{lines}{}\n", checked.verdict())),
        Format::Json => print(&format!("{}\n", checked.json())),
    }
}

/// Set by SIGTERM and SIGINT.
fn told_to_stop() -> Result<Arc<AtomicBool>, String> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).map_err(|e| format!("signals cannot be heard: {e}"))?;
    }
    Ok(stop)
}

/// The code, from a file or from standard input. Wiped when dropped.
fn read_code(file: Option<&Path>) -> Result<Zeroizing<String>, String> {
    let mut code = Zeroizing::new(String::with_capacity(MOST_CODE));
    let read = |input: &mut dyn Read, code: &mut String| input.take(MOST_CODE as u64).read_to_string(code);
    match file {
        Some(path) => {
            let mut file = File::open(path).map_err(|e| format!("{} cannot be read ({e})", path.display()))?;
            read(&mut file, &mut code).map_err(|e| format!("{} cannot be read ({e})", path.display()))?;
        }
        None => {
            if io::stdin().is_terminal() {
                let _ = write!(io::stderr().lock(), "one-time code: ");
            }
            // A person ends the line, a pipe may not.
            let mut input = BufReader::new(io::stdin().lock()).take(MOST_CODE as u64);
            input.read_line(&mut code).map_err(|e| format!("the code cannot be read ({e})"))?;
        }
    }
    Ok(code)
}

#[expect(clippy::disallowed_methods, reason = "the log counts how often a line is said in a while")]
fn listen(config: &Config, file: &Path) -> Result<(), String> {
    let began = Instant::now();
    let now_ms = move || u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let voice = log::begin(config.level, config.log_to, Box::new(now_ms))?;
    let (stop, again) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    for (signal, flag) in [(SIGTERM, &stop), (SIGINT, &stop), (SIGHUP, &again)] {
        signal_hook::flag::register(signal, Arc::clone(flag)).map_err(|e| format!("signals cannot be heard: {e}"))?;
    }
    let reread = || {
        let config = read(file)?;
        voice.set(config.level);
        Ok(config)
    };
    serve(config, &Asked { stop, again: &again, read: &reread, file: Some(file) })
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

/// A code has 41 characters with its dashes.
const MOST_CODE: usize = 256;

/// Stopped by an error.
const EXIT_ERROR: u8 = 1;

/// The configuration is refused.
const EXIT_CONFIGURATION: u8 = 2;

/// Ended by a person while it asked; as a shell says it.
const EXIT_ENDED: i32 = 130;

/// `check` found something that a person should look at.
const EXIT_ATTENTION: u8 = 3;

/// `check` found something that does not work.
const EXIT_WRONG: u8 = 4;
