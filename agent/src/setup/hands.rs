//! Who does what a set-up wants done: this process, or a program of the system that knows the sensor's user and its service
//! (`--through`), called as `PROGRAM check ...`, `PROGRAM enrol ...` and `PROGRAM restart`.
//!
//! Keeps: rights. Whatever lays them down has a thread of its own. Drops: what the program prints of an enrolment; the words are
//! shown from the keys themselves. The code is handed over on standard input: other users see arguments.

use crate::config::Config;
use crate::run::{Grade, check, enrol, run};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

/// Who does it.
pub(super) enum Hands<'a> {
    /// This process.
    Own,
    /// A program.
    Through(&'a Path),
}

impl Hands<'_> {
    /// Listens and tells, a line for each thing that was checked.
    ///
    /// # Errors
    /// The check cannot be carried out.
    pub(super) fn check(
        &self,
        config: &Config,
        seconds: u64,
        stop: &AtomicBool,
        tell: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Grade, String> {
        if let Hands::Through(program) = self {
            let seconds = seconds.to_string();
            let ended = Command::new(program).args(["check", "--seconds", &seconds]).status();
            return match ended.map_err(|e| not_started(program, &e))?.code() {
                Some(0) => Ok(Grade::Well),
                Some(3) => Ok(Grade::Attention),
                Some(4) => Ok(Grade::Wrong),
                _ => Err("the check could not be carried out (above)".to_owned()),
            };
        }
        // It lays down the rights of its thread; the daemon below needs them once more.
        std::thread::scope(|scope| {
            let checks = scope.spawn(move || {
                let checked = check(config, seconds, stop, &mut |line| tell(&line.text()))?;
                tell(&checked.verdict());
                Ok(checked.grade())
            });
            checks.join().unwrap_or_else(|_| Err("the check broke".to_owned()))
        })
    }

    /// Makes the sensor known with a one-time code.
    ///
    /// # Errors
    /// Why not, and what to try.
    pub(super) fn enrol(&self, config: &Config, code: &str, collectors: &[String]) -> Result<(), String> {
        let Hands::Through(program) = self else { return enrol(config, code, collectors, false).map(drop) };
        let mut command = Command::new(program);
        command.arg("enrol").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        for collector in collectors {
            command.args(["--collector", collector]);
        }
        let mut child = command.spawn().map_err(|e| not_started(program, &e))?;
        if let Some(mut input) = child.stdin.take() {
            // Who did not read it says why not.
            let _ = input.write_all(code.as_bytes()).and_then(|()| input.write_all(b"\n"));
        }
        let ended = child.wait_with_output().map_err(|e| not_started(program, &e))?;
        if ended.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&ended.stderr);
        let said = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it did not say why");
        Err(said.trim_start_matches("auscult-agent: ").to_owned())
    }

    /// Sees that the service runs, with the configuration of now.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn restart(&self) -> Result<(), String> {
        let Hands::Through(program) = self else { return Ok(()) };
        match Command::new(program).arg("restart").status() {
            Ok(ended) if ended.success() => Ok(()),
            Ok(_) => Err("the service could not be started (above); look at its log".to_owned()),
            Err(e) => Err(not_started(program, &e)),
        }
    }
}

fn not_started(program: &Path, error: &std::io::Error) -> String {
    format!("{} cannot be started ({error})", program.display())
}

/// The daemon, in this process, for as long as the set-up lasts.
pub(super) struct Daemon {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<(), String>>>,
}

impl Daemon {
    /// Starts to listen and to deliver. It lays down the rights of its own thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(config: &Config) -> Result<Daemon, String> {
        let (config, stop) = (config.clone(), Arc::new(AtomicBool::new(false)));
        let told = Arc::clone(&stop);
        let thread = Builder::new().name("agent".to_owned()).spawn(move || run(&config, &told));
        let thread = thread.map_err(|e| format!("the sensor cannot be started ({e})"))?;
        Ok(Daemon { stop, thread: Some(thread) })
    }

    /// Why it ended, if it did.
    pub(super) fn ended(&mut self) -> Option<Result<(), String>> {
        let thread = self.thread.take_if(|thread| thread.is_finished())?;
        Some(thread.join().unwrap_or_else(|_| Err("the sensor broke".to_owned())))
    }
}

/// What is in hand is sealed.
impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
