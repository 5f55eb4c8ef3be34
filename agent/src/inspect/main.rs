//! `auscult-inspect`: a capture file, or what interfaces hear, becomes facts and findings for the person at the keyboard.
//!
//! Arguments, output, exit status; the only part of the agent that knows `assess`. It prints here and sends nothing.

mod arguments;
mod document;
mod evidence;
mod explain;
mod known;
mod listening;
mod live;
mod panes;
mod picture;
mod reading;
mod screen;
mod text;
mod view;

use arguments::{Arguments, Command, Format};
use auscult_assess::Severity;
use auscult_assess::knowledge::Knowledge;
use clap::Parser;
use reading::Heard;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(worst) => {
            let met = arguments.fail_on.is_some_and(|limit| worst.is_some_and(|w| w >= limit));
            if met { ExitCode::from(EXIT_FINDING) } else { ExitCode::SUCCESS }
        }
        Err(Stop::OutputGone) => ExitCode::SUCCESS,
        Err(Stop::Unusable) => ExitCode::from(EXIT_UNUSABLE),
    }
}

/// Inspects every file; gives back the worst severity that counts.
fn run(arguments: &Arguments) -> Result<Option<Severity>, Stop> {
    if let Some(Command::Explain { id }) = &arguments.command {
        return explain(id.as_deref()).map(|()| None);
    }
    if !arguments.live.is_empty() {
        return listen(arguments);
    }
    let knowledge = Knowledge::compiled();
    let mut worst = None;
    let mut unusable = false;
    for file in &arguments.files {
        match reading::read(file, arguments) {
            Ok(heard) => worst = worst.max(tell(arguments, &knowledge, &heard)?),
            Err(trouble) => {
                complain(&format!("{file}: {trouble}"))?;
                unusable = true;
            }
        }
    }
    if unusable { Err(Stop::Unusable) } else { Ok(worst) }
}

/// Hears interfaces; a view tells as it goes, everything else is told at the end.
fn listen(arguments: &Arguments) -> Result<Option<Severity>, Stop> {
    match listening::listen(arguments) {
        Ok(Some(heard)) => tell(arguments, &Knowledge::compiled(), &heard),
        Ok(None) => Ok(None),
        Err(sentence) => {
            complain(&sentence)?;
            Err(Stop::Unusable)
        }
    }
}

/// Judges what was heard in one file and prints it.
fn tell(arguments: &Arguments, knowledge: &Knowledge, heard: &Heard) -> Result<Option<Severity>, Stop> {
    if let Some(stopped) = &heard.stopped {
        complain(&format!("{}: {stopped}", heard.name))?;
    }
    let now = heard.judged_at(knowledge);
    let findings = auscult_assess::assess(&heard.summary, knowledge, now);
    let stated = auscult_assess::stated(&heard.summary, knowledge, now);
    let inspection = document::Inspection::of_heard(heard, knowledge, &findings, &stated, now);
    match arguments.format {
        Format::Json => {
            let mut out = io::stdout().lock();
            serde_json::to_writer(&mut out, &inspection.document()).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => text::print(&inspection, &mut anstream::stdout().lock())?,
    }
    Ok(findings.iter().filter(|f| f.confidence_percent >= auscult_assess::SHOWN_PERCENT).map(|f| f.severity).max())
}

/// Prints the list of pages, or one of them.
fn explain(id: Option<&str>) -> Result<(), Stop> {
    let knowledge = Knowledge::compiled();
    let mut out = anstream::stdout().lock();
    match id {
        None => explain::list(&knowledge, &mut out)?,
        Some(id) => match explain::page(&knowledge, id) {
            Some(page) => page.print(&mut out)?,
            None => {
                complain(&explain::unknown(&knowledge, id))?;
                return Err(Stop::Unusable);
            }
        },
    }
    Ok(())
}

fn complain(sentence: &str) -> io::Result<()> {
    writeln!(anstream::stderr().lock(), "auscult-inspect: {sentence}")
}

/// Why the program ends early.
enum Stop {
    /// Who read the output is gone: that is no fault.
    OutputGone,
    /// An input could not be used; it was said.
    Unusable,
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        if error.kind() == io::ErrorKind::BrokenPipe { Stop::OutputGone } else { Stop::Unusable }
    }
}

/// `--fail-on` was met.
const EXIT_FINDING: u8 = 1;

/// An input could not be used.
const EXIT_UNUSABLE: u8 = 2;
