//! Notices at a terminal: what waits, what reached nobody, a trial of a channel.
//!
//! Keeps: nothing. Drops: keys and passwords; no answer holds one.

use super::{Done, EXIT_PERSON};
use crate::NoticesCommand;
use auscult_collector::config::Config;
use auscult_collector::notices::{Failed, Notices, new_key};
use auscult_collector::run::now;
use auscult_collector::store::Store;
use auscult_report::time::Timestamp;
use std::io::Write;
use std::process::ExitCode;

pub(super) fn make_key(file: &std::path::Path, out: &mut impl Write) -> Done {
    new_key(file)?;
    writeln!(out, "{}: made; give the line in it to the receiver, by a way that nobody else reads", file.display())?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn run(store: &Store, command: &NoticesCommand, out: &mut impl Write) -> Done {
    let now = now()?;
    match command {
        NoticesCommand::Again => {
            writeln!(out, "{} notices are tried again", store.retry_parcels(now)?)?;
        }
        NoticesCommand::Forget => {
            let mut forgotten: u64 = 0;
            for backlog in store.backlog()?.iter().filter(|b| b.state == "given up") {
                let why = "forgotten by an operator";
                forgotten = forgotten.saturating_add(store.forget_parcels(&backlog.channel, "given up", why, now)?);
            }
            writeln!(out, "{forgotten} notices are forgotten")?;
        }
        NoticesCommand::List | NoticesCommand::Try { .. } | NoticesCommand::NewKey { .. } => {
            return list(store, now, out);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(store: &Store, now: Timestamp, out: &mut impl Write) -> Done {
    let backlog = store.backlog()?;
    for waits in &backlog {
        let hours = now.since_ms(waits.oldest) / 3_600_000;
        let (channel, state, parcels, tries) = (&waits.channel, &waits.state, waits.parcels, waits.tries);
        write!(out, "{channel}: {parcels} {state}, the oldest for {hours} h, tried up to {tries} times")?;
        if waits.why.is_empty() {
            writeln!(out)?;
        } else {
            writeln!(out, "\n         {}", waits.why)?;
        }
    }
    if backlog.is_empty() {
        writeln!(out, "every notice arrived")?;
    }
    if backlog.iter().any(|b| b.state == "given up") {
        writeln!(out, "mend the channel (`notices try NAME`), then `notices again`; or `notices forget`")?;
        return Ok(ExitCode::from(EXIT_PERSON));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn try_out(config: &Config, name: &str, out: &mut impl Write) -> Done {
    let notices = Notices::open(&config.notices, &config.name)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if name == ALIVE && notices.alive_ms().is_some() {
        let said = runtime.block_on(notices.say_alive());
        return tell(name, &said.map(|()| "it was told that this program lives".to_owned()), out);
    }
    let Some(tried) = runtime.block_on(notices.try_out(name, now()?)) else {
        let names: Vec<String> = notices.names().map(|(name, kind)| format!("{name} ({kind})")).collect();
        let known = if names.is_empty() { "there is none".to_owned() } else { names.join(", ") };
        return Err(format!("there is no channel {name} in the settings; {known}").into());
    };
    let mut code = ExitCode::SUCCESS;
    for (recipient, said) in &tried {
        let to = if recipient.is_empty() { name.to_owned() } else { format!("{name}, {recipient}") };
        if tell(&to, said, out)? != ExitCode::SUCCESS {
            code = ExitCode::from(EXIT_PERSON);
        }
    }
    Ok(code)
}

fn tell(to: &str, said: &Result<String, Failed>, out: &mut impl Write) -> Done {
    match said {
        Ok(said) => writeln!(out, "{to}: sent; {said}")?,
        Err(e) => {
            writeln!(out, "{to}: not sent; {}", e.why())?;
            return Ok(ExitCode::from(EXIT_PERSON));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What the settings call the sign of life.
const ALIVE: &str = "alive";
