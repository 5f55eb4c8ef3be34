//! `auscult-collector`: what an operator does at a terminal. Arguments and exit code; the commands stand in `commands`.
//!
//! Exit code 0: done. 1: done, but something needs a person (a report was refused, a signature does not hold). 2: not done;
//! the sentence says why and what to do.

mod commands;

use clap::{Parser, Subcommand};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "auscult-collector", version, about = "The archive of what sensors heard in clinics")]
struct Arguments {
    /// The settings.
    #[arg(short, long, global = true, default_value = "/etc/auscult/collector.toml", value_name = "FILE")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read a settings file, open nothing, say whether it is usable.
    Check {
        /// The settings file.
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Serve sensors, people and monitoring until SIGTERM.
    Serve,
    /// Make a one-time code for a sensor of a site; it is shown once.
    Enrol {
        /// The clinic.
        clinic: String,
        /// The site.
        site: String,
        /// Minutes for which it can be used.
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(5..=1_440))]
        minutes: u64,
    },
    /// Let in the sensor that shows these five words.
    Approve {
        /// The clinic.
        clinic: String,
        /// The five words on the device.
        #[arg(num_args = 5, required = true, value_name = "WORD")]
        words: Vec<String>,
    },
    /// Make a token by which a clinic's ledger can be read; it is shown once.
    Token {
        /// The clinic.
        clinic: String,
        /// Days for which it can be used.
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=3_660))]
        days: u64,
        /// Whose it is: a few words.
        #[arg(long)]
        whose: String,
    },
    /// Make a one-time code by which a person makes an account, also where nobody can sign in any more; it is shown once.
    Invite {
        /// `provider-admin`, `technician`, `clinic-viewer` or `reviewer`.
        role: String,
        /// The clinics, for every role but `provider-admin`.
        clinics: Vec<String>,
        /// Days after which the role ends; a reviewer's must.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=3_660))]
        days: Option<u64>,
    },
    /// Bring clinics, sites and sensors of a file into the archive.
    Apply {
        /// The file of clinics.
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
        /// Show the difference and write nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Write a list of a clinic as a file: CSV, or OCSF JSON lines.
    Export {
        /// The clinic.
        clinic: String,
        /// `findings.csv`, `findings.jsonl`, `hosts.csv`, `hosts.jsonl`, `facts.csv`, `sensors.csv`, `audit.csv`.
        file: String,
    },
    /// Print the description of the API (OpenAPI 3.1).
    Openapi,
    /// Take in reports from files: each one report, or many, each behind its length in four octets.
    Ingest {
        /// The files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Print a line for each report, once it is settled.
        #[arg(long)]
        each: bool,
        /// Take a ledger round after each batch, and print its checkpoint's size and root.
        #[arg(long)]
        rounds: bool,
    },
    /// The ledgers.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// What a reviewer needs at his own desk.
    #[command(subcommand)]
    Reviewer(ReviewerCommand),
    /// Who is told what: what waits, what reached nobody, a trial of a channel.
    #[command(subcommand)]
    Notices(NoticesCommand),
    /// Make the findings again from the envelopes alone.
    Rebuild {
        /// The clinic; all if none is named.
        clinic: Option<String>,
    },
    /// The findings of a clinic, the worst first.
    Findings {
        /// The clinic.
        clinic: String,
        /// Also those that are gone.
        #[arg(long)]
        all: bool,
    },
    /// The sensors of a clinic: state, chain, what is missing.
    Sensors {
        /// The clinic.
        clinic: String,
    },
    /// Give a sensor another state; it is stated in the ledger.
    Sensor {
        /// The clinic.
        clinic: String,
        /// The sensor's id.
        sensor: String,
        /// What it may do.
        state: NewState,
        /// Why: a few words for the reviewer.
        #[arg(long)]
        why: String,
    },
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum NewState {
    /// Its reports are taken in: approved, or released from quarantine.
    Active,
    /// It is shut out.
    Revoked,
}

#[derive(Subcommand)]
enum LedgerCommand {
    /// Take in what waits and print the signed checkpoint.
    Checkpoint {
        /// The clinic.
        clinic: String,
    },
    /// Print the key by which a clinic's checkpoints are checked (C2SP vkey).
    Key {
        /// The clinic.
        clinic: String,
    },
    /// Write a clinic's record into a folder for a reviewer, and check it.
    Export {
        /// The clinic.
        clinic: String,
        /// The folder to make; it must be new or empty.
        folder: PathBuf,
        /// The checkpoint that the reviewer holds from before.
        #[arg(long, value_name = "CHECKPOINT_FILE")]
        since: Option<PathBuf>,
    },
    /// Check a folder of `export`, from the signed tree to the findings that were shown; needs no settings and no archive.
    Verify {
        /// The folder.
        folder: PathBuf,
        #[command(flatten)]
        brought: Brought,
    },
    /// Take in a checkpoint that a reviewer cosigned.
    Cosign {
        /// The clinic.
        clinic: String,
        /// The file that `verify --key` wrote.
        file: PathBuf,
    },
    /// Make a new key that signs checkpoints.
    NewKey {
        /// The file to make; it must not exist.
        file: PathBuf,
    },
    /// Make the tiles again from the data base.
    Tiles {
        /// The clinic.
        clinic: String,
    },
    /// Believe the data base where the high-water mark is missing.
    AcceptHead {
        /// The clinic.
        clinic: String,
    },
    /// Begin a clinic's ledger again, after its data base was restored from a backup.
    NewGeneration {
        /// The clinic.
        clinic: String,
        /// Why: a few words for the reviewer.
        #[arg(long)]
        why: String,
    },
}

/// What a reviewer brings along.
#[derive(Default, clap::Args)]
struct Brought {
    /// Look at the ledger alone: checkpoints, tiles and entries, not at the reports and statements behind them.
    #[arg(long)]
    ledger_alone: bool,
    /// A reviewer's own file: it remembers the ledger's key and the checkpoint that he verified last. The first time it is made.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// The reviewer's key: cosigns the checkpoint, if every claim holds. Who remembers nothing cannot say that it only grew.
    #[arg(long, value_name = "FILE", requires = "state", conflicts_with = "ledger_alone")]
    key: Option<PathBuf>,
    /// Where the cosigned checkpoint is written; beside the state, with `.cosigned` behind its name, if nothing is said.
    #[arg(long, value_name = "FILE", requires = "key")]
    cosignature: Option<PathBuf>,
}

#[derive(Subcommand)]
enum ReviewerCommand {
    /// Make the key by which a reviewer cosigns, and print what the clinic registers.
    NewKey {
        /// The file to make; it must not exist.
        file: PathBuf,
        /// The reviewer's name in it, best one that is his on the internet, as anna.example.
        name: String,
    },
}

#[derive(Subcommand)]
enum NoticesCommand {
    /// List what waits and what reached nobody, channel by channel.
    List,
    /// Send a notice that is marked as a trial, and say what came of it; needs no archive.
    Try {
        /// The channel's name in the settings, or `alive`.
        name: String,
    },
    /// Try again what reached nobody.
    Again,
    /// Forget what reached nobody.
    Forget,
    /// Make a new key of a webhook.
    NewKey {
        /// The file to make; it must not exist.
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match commands::run(arguments, &mut std::io::stdout().lock()) {
        Ok(code) => code,
        Err(why) => {
            // Who closed our output is gone: that is no fault of ours to tell.
            let _ = writeln!(std::io::stderr().lock(), "auscult-collector: {why}");
            ExitCode::from(EXIT_NOT_DONE)
        }
    }
}

/// It was not done.
const EXIT_NOT_DONE: u8 = 2;
