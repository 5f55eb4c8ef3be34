//! From nothing to a sensor that is heard and trusted: asks what this machine cannot tell, writes the configuration, proves that it
//! hears, enrols, shows the five words, and waits for the first receipt. Run again, it goes on where it stopped.
//!
//! `found` what the machine tells -> `person` what a person says, at a `terminal`, or `answers`, a file -> `paper` the configuration ->
//! `hands` who checks, enrols and runs -> `wait` for others. Keeps: each step's result on the disk before the next begins. Drops:
//! the code; it is never an argument, and goes from the file of answers when it was used.

mod answers;
mod found;
mod hands;
#[cfg(test)]
mod made;
mod paper;
mod person;
mod terminal;
mod wait;

use crate::config::{Config, Heard};
use crate::run::{Grade, is_running, progress};
use answers::{Answers, Existing};
use auscult_report::code::Code;
use found::Found;
use hands::{Daemon, Hands};
use paper::{Before, Choice};
use std::fs;
use std::io::{BufRead, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use terminal::Terminal;
use wait::{Waited, missing, wait};
use zeroize::Zeroizing;

/// What is wanted of a set-up.
pub struct Wishes<'a> {
    /// Where the configuration lies, or will.
    pub config: &'a Path,
    /// The answers of a set-up that nobody attends.
    pub from: Option<&'a Path>,
    /// The state folder of a new configuration.
    pub state: &'a Path,
    /// The program that knows the sensor's user and its service.
    pub through: Option<&'a Path>,
    /// The configuration that is there stays, whatever it says.
    pub keep: bool,
    /// How long is listened, in seconds.
    pub seconds: u64,
}

/// How a set-up is told to end: while it asks a person, a signal ends it at once.
pub struct Ending<'a> {
    /// Set by a signal while it waits.
    pub stop: &'a AtomicBool,
    /// Whether a signal ends the process at once.
    pub at_once: &'a AtomicBool,
}

/// Why a set-up did not come to its end.
#[derive(Debug)]
pub enum Fault {
    /// Configuration or answers are refused.
    Refused(String),
    /// Something else, in one sentence.
    Error(String),
}

impl From<String> for Fault {
    fn from(sentence: String) -> Fault {
        Fault::Error(sentence)
    }
}

/// Sets this sensor up. [`Grade::Well`]: heard and trusted; [`Grade::Attention`]: something is still missing, and was said;
/// [`Grade::Wrong`]: it does not hear as it should.
///
/// # Errors
/// One sentence; what was done by then stays, and the next set-up goes on from there.
pub fn setup(
    wishes: &Wishes<'_>,
    ending: &Ending<'_>,
    input: &mut dyn BufRead,
    output: &mut (dyn Write + Send),
) -> Result<Grade, Fault> {
    let answers = wishes.from.map(Answers::read).transpose().map_err(Fault::Refused)?;
    let terminal = Terminal { input, output };
    let hands = wishes.through.map_or(Hands::Own, Hands::Through);
    Setup { wishes, ending, answers, terminal, hands }.all()
}

struct Setup<'a> {
    wishes: &'a Wishes<'a>,
    ending: &'a Ending<'a>,
    answers: Option<Answers>,
    terminal: Terminal<'a>,
    hands: Hands<'a>,
}

impl Setup<'_> {
    fn all(&mut self) -> Result<Grade, Fault> {
        if matches!(self.hands, Hands::Own) && Path::new(UCI).exists() {
            return Err(Fault::Refused(OF_UCI.to_owned()));
        }
        let (config, is_new) = self.configuration()?;
        self.may_go_on(&config)?;
        if is_new {
            // Where a service runs with another configuration, it takes this one now.
            self.hands.restart()?;
            if matches!(self.hands, Hands::Own) && is_running(&config.state) {
                self.terminal.say("  an agent runs, and has the one before: restart it (systemctl restart auscult)")?;
            }
        }
        let heard = self.check(&config)?;
        let was_enrolled = progress(&config)?.is_enrolled;
        if was_enrolled {
            self.terminal.say("\nThis sensor is enrolled already.")?;
        } else if !self.enrol(&config)? {
            return self.end(&config, heard, Waited::NotYet);
        }
        self.answers.as_mut().map_or(Ok(()), Answers::forget_code)?;
        self.words(&config)?;
        if !was_enrolled || !is_running(&config.state) {
            self.hands.restart()?;
        }
        let waited = self.wait(&config)?;
        self.end(&config, heard, waited)
    }

    /// The configuration that is in force from now on, and whether it is new.
    fn configuration(&mut self) -> Result<(Config, bool), Fault> {
        let path = self.wishes.config;
        let before = Before::look(path)?;
        if let Some(before) = &before {
            if let (true, Err(refused)) = (self.wishes.keep, &before.config) {
                return Err(Fault::Refused(refused.clone()));
            }
            if let Ok(config) = &before.config {
                self.may_go_on(config)?;
            }
            if let Ok(config) = &before.config
                && (self.wishes.keep || self.stays(before, config)?)
            {
                self.terminal.say(&format!("{} stays as it is: {}", path.display(), summary(config)))?;
                return Ok((config.clone(), false));
            }
        } else if self.wishes.keep {
            return Err(Fault::Refused(format!("{} is not there, so it cannot be kept", path.display())));
        }
        let choice = self.choose()?;
        let (text, config) = choice.paper().map_err(Fault::Refused)?;
        if before.as_ref().is_some_and(|before| before.text == text) {
            self.terminal.say(&format!("{} says just this already", path.display()))?;
            return Ok((config, false));
        }
        self.may_replace(before.as_ref())?;
        let kept = paper::put(path, &text)?;
        self.terminal.say(&format!("\n{} is written: {}", path.display(), summary(&config)))?;
        if let Some(kept) = kept {
            self.terminal.say(&format!("  the one before is kept as {}", kept.display()))?;
        }
        Ok((config, true))
    }

    /// Whether what is there stays.
    fn stays(&mut self, before: &Before, config: &Config) -> Result<bool, String> {
        if let Some(answers) = &self.answers {
            return Ok(answers.existing() == Some(Existing::Keep));
        }
        let path = self.wishes.config.display();
        self.terminal.say(&format!("There is a configuration, {path}: {}", summary(config)))?;
        // One that a package brought has nowhere to send its reports.
        let is_whole = before.is_ours() || !config.collectors.is_empty();
        self.terminal.yes("Does it stay as it is? If not, a new one is made, and it is kept as .old.", is_whole)
    }

    fn may_replace(&self, before: Option<&Before>) -> Result<(), Fault> {
        let is_said = self.answers.as_ref().is_none_or(|answers| answers.existing() == Some(Existing::Replace));
        match before {
            Some(before) if !is_said => {
                let path = self.wishes.config.display();
                let fault = before.config.as_ref().err().map_or("it says something else".to_owned(), Clone::clone);
                Err(Fault::Refused(format!(
                    "{path} is there already ({fault}); nothing was changed. Answer existing = \"keep\", or existing = \
                     \"replace\": then it is kept as .old"
                )))
            }
            _ => Ok(()),
        }
    }

    fn choose(&mut self) -> Result<Choice, Fault> {
        let found = Found::here();
        match &self.answers {
            Some(answers) => {
                answers.choose(&found, answers.state().unwrap_or(self.wishes.state)).map_err(Fault::Refused)
            }
            None => {
                self.terminal.say(HELLO)?;
                Ok(person::choose(&found, self.wishes.state, &mut self.terminal)?)
            }
        }
    }

    /// Whether this process can do the rest: nobody else has the keys in hand, and they will be readable for the agent.
    fn may_go_on(&self, config: &Config) -> Result<(), Fault> {
        if matches!(self.hands, Hands::Through(_)) {
            return Ok(());
        }
        let state = config.state.display();
        let me = fs::metadata("/proc/self").map(|told| told.uid()).ok();
        let owner = fs::metadata(&config.state).map(|told| told.uid()).ok();
        if owner.is_some() && owner != me {
            return Err(Fault::Error(format!(
                "{state} belongs to another user: run this as that user (on a Raspberry Pi: sudo auscult setup)"
            )));
        }
        if is_running(&config.state) && !progress(config)?.is_enrolled {
            return Err(Fault::Error(format!(
                "an agent runs with {state} and has the keys in hand: stop it (systemctl stop auscult), and run setup again"
            )));
        }
        Ok(())
    }

    /// Proves that this box hears. A person may plug it in better and have it checked again.
    fn check(&mut self, config: &Config) -> Result<Grade, Fault> {
        let seconds = self.answers.as_ref().and_then(Answers::check_s).unwrap_or(self.wishes.seconds);
        loop {
            self.terminal.say(&format!("\nDoes it hear? It listens for {seconds} seconds."))?;
            self.ending.at_once.store(false, Ordering::Relaxed);
            let output = &mut *self.terminal.output;
            let mut tell = |line: &str| drop(writeln!(output, "  {line}"));
            let grade = self.hands.check(config, seconds, self.ending.stop, &mut tell)?;
            self.ending.at_once.store(true, Ordering::Relaxed);
            if self.ending.stop.load(Ordering::Relaxed) {
                return Err(Fault::Error("ended by a person; run setup again, it goes on where it stopped".to_owned()));
            }
            if grade < Grade::Wrong || self.answers.is_some() {
                return Ok(grade);
            }
            self.terminal
                .say("Something is wrong (above). Enter: check again, when it is mended. g: go on all the same.")?;
            if !self.terminal.ask()?.is_empty() {
                return Ok(grade);
            }
        }
    }

    /// Makes the sensor known. False if a person has no code yet.
    fn enrol(&mut self, config: &Config) -> Result<bool, Fault> {
        let given = self.answers.as_ref().map_or(Vec::new(), |answers| answers.collectors().to_vec());
        let collectors = if config.collectors.is_empty() { given } else { Vec::new() };
        if let Some(answers) = &self.answers {
            let code = Zeroizing::new(answers.code().map_err(Fault::Refused)?.to_owned());
            self.hands.enrol(config, &code, &collectors).map_err(|e| format!("not enrolled: {e}"))?;
            return Ok(true);
        }
        self.terminal.say(CODE)?;
        for _ in 0..MOST_CODES {
            let code = self.terminal.until(|typed| match Code::parse(typed) {
                _ if typed.is_empty() => Ok(Zeroizing::new(String::new())),
                Ok(_) => Ok(Zeroizing::new(typed.to_owned())),
                Err(e) => Err(e.to_string()),
            })?;
            if code.is_empty() {
                return Ok(false);
            }
            match self.hands.enrol(config, &code, &collectors) {
                Ok(()) => return Ok(true),
                Err(fault) => {
                    self.terminal.say(&format!("  not enrolled: {fault}\n  The code, once more or a new one:"))?
                }
            }
        }
        Err(Fault::Error("not enrolled; run setup again with a new code of the provider".to_owned()))
    }

    fn words(&mut self, config: &Config) -> Result<(), String> {
        let Some((sensor, words)) = progress(config)?.known_as else { return Ok(()) };
        self.terminal.say(&format!("\n  sensor     {sensor}\n  words      {}\n", words.join(" ")))
    }

    /// Waits for the approval and the first receipt, while the service or this process listens and delivers.
    fn wait(&mut self, config: &Config) -> Result<Waited, Fault> {
        let now = progress(config)?;
        if !now.is_approved {
            self.terminal.say(READ_OUT)?;
        }
        let is_own = matches!(self.hands, Hands::Own) && !is_running(&config.state);
        let daemon = if is_own { Some(Daemon::start(config)?) } else { None };
        let within_s = self.answers.as_ref().map(Answers::wait_s);
        if within_s.is_none() {
            self.terminal.say(
                "It waits for the approval and the first receipt. Ctrl-C ends the waiting; nothing is lost by that.",
            )?;
        }
        self.ending.at_once.store(false, Ordering::Relaxed);
        let waited = wait(config, daemon, within_s, self.ending.stop, &mut self.terminal);
        self.ending.at_once.store(true, Ordering::Relaxed);
        Ok(waited?)
    }

    /// The last lines: what a person takes along.
    fn end(&mut self, config: &Config, heard: Grade, waited: Waited) -> Result<Grade, Fault> {
        let is_own = matches!(self.hands, Hands::Own) && !is_running(&config.state);
        if is_own && progress(config)?.is_enrolled {
            let path = self.wishes.config.display();
            self.terminal.say(&format!(
                "\nNow start the agent for good: it does not run. By its service (systemctl enable --now auscult), or\n  \
                 auscult-agent run --config {path}"
            ))?;
        }
        if waited == Waited::NotYet {
            self.terminal.say(&format!(
                "\n{}. Run setup again at any time: it goes on from here.",
                missing(&progress(config)?)
            ))?;
            return Ok(heard.max(Grade::Attention));
        }
        if heard == Grade::Wrong {
            self.terminal.say(
                "\ntrusted, and it does not hear as it should: mend what is wrong above, then auscult-agent check",
            )?;
            return Ok(heard);
        }
        self.terminal.say("\nheard and trusted")?;
        Ok(Grade::Well)
    }
}

/// What a configuration hears and where it delivers, in a line.
fn summary(config: &Config) -> String {
    let mut heard: Vec<String> = match &config.heard {
        Heard::Replay(..) => vec!["a capture file".to_owned()],
        Heard::Live(wanted, _) => wanted.iter().map(|w| format!("{} ({})", w.name, paper::word(w.role))).collect(),
    };
    heard.extend(config.radios.iter().map(|radio| format!("{} (Wi-Fi)", radio.name)));
    let collectors = if config.collectors.is_empty() { "none named".to_owned() } else { config.collectors.join(", ") };
    format!("hears {}; collector: {collectors}", heard.join(", "))
}

/// Where OpenWrt keeps what a person sets.
const UCI: &str = "/etc/config/auscult";
const OF_UCI: &str = "on OpenWrt the configuration is UCI's: service auscult setup";
const HELLO: &str = "\
From nothing to a sensor that is heard and trusted. Enter takes what is proposed. Ctrl-C ends it at any time; run again, it goes
on where it stopped.";
const CODE: &str = "\nThe one-time code that the provider made for this sensor (Enter: there is none yet):";
const READ_OUT: &str = "\
Read these five words to a person at the provider. If they are the same there (auscult-collector sensors CLINIC), the sensor is
approved there; if they differ, somebody stands between: stop, and tell the provider.";
/// Codes that a person tries: five wrong proofs burn one.
const MOST_CODES: usize = 5;
