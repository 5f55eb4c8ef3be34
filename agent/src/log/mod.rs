//! What the daemon says to the person who looks after the box: to standard error, to the journal (systemd.journal-fields(7),
//! sd-daemon(3)) or to the local syslog (RFC 3164 as far as /dev/log goes).
//!
//! Keeps: constant sentences with values in fields, so many of each kind. Drops: what is over (`limit`), and what nobody takes:
//! a full disk under the journal or a syslog that is away never stops the sensor.

mod limit;
mod place;

use crate::config::{Level, LogTo};
use limit::Limit;
use place::Place;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use tracing::callsite::Identifier;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

/// How much is said can be changed while the daemon runs.
pub struct Voice(reload::Handle<LevelFilter, Registry>);

impl Voice {
    /// From now on this much is said.
    pub fn set(&self, level: Level) {
        // It fails only where nobody listens any more.
        let _ = self.0.reload(filter(level));
    }
}

/// Begins to say things. `now_ms` counts from anywhere, forward.
///
/// # Errors
/// One sentence: where it should be said nobody listens.
pub fn begin(level: Level, to: LogTo, now_ms: Box<dyn Fn() -> u64 + Send + Sync>) -> Result<Voice, String> {
    let place = Place::open(to)?;
    let (level, voice) = reload::Layer::new(filter(level));
    let lines = Lines { form: place.form(), limit: Mutex::default(), now_ms };
    let said = tracing_subscriber::fmt::layer().with_ansi(false).log_internal_errors(false);
    let said = said.event_format(lines).with_writer(place);
    let begun = tracing_subscriber::registry().with(level).with(said).try_init();
    begun.map(|()| Voice(voice)).map_err(|e| format!("the log cannot be begun ({e})"))
}

const fn filter(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    }
}

/// What stands before the sentence of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Time and level, for a person.
    Person,
    /// `<level>`, for the journal: it has the time.
    Journal,
    /// `<facility and level>name[process]: `, for syslog.
    Syslog,
}

/// Forms lines, and leaves out what repeats.
struct Lines {
    form: Form,
    limit: Mutex<Limit<Identifier>>,
    now_ms: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let level = *event.metadata().level();
        // Who asks for everything gets everything.
        let left_out = if level > tracing::Level::INFO {
            0
        } else {
            let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
            match limit.ask(event.metadata().callsite(), (self.now_ms)()) {
                Some(left_out) => left_out,
                None => return Ok(()),
            }
        };
        let severity = severity(level);
        match self.form {
            Form::Person => {
                SystemTime.format_time(&mut out)?;
                write!(out, " {level:>5} ")?;
            }
            Form::Journal => write!(out, "<{severity}>")?,
            Form::Syslog => {
                let priority = DAEMON.saturating_mul(8).saturating_add(severity);
                write!(out, "<{priority}>auscult-agent[{}]: ", std::process::id())?;
            }
        }
        context.format_fields(out.by_ref(), event)?;
        if left_out > 0 {
            write!(out, " left_out={left_out}")?;
        }
        writeln!(out)
    }
}

/// RFC 5424 section 6.2.1, table 2.
fn severity(level: tracing::Level) -> u8 {
    match level {
        tracing::Level::ERROR => 3,
        tracing::Level::WARN => 4,
        tracing::Level::INFO => 6,
        _ => 7,
    }
}

/// RFC 5424 section 6.2.1, table 1: system daemons.
const DAEMON: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tracing::subscriber::with_default;
    use tracing::{debug, error, info};

    /// What is said in a form while a closure runs, at a time that it sets.
    fn said(form: Form, say: impl FnOnce(&AtomicU64)) -> String {
        let (heard, now_ms) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicU64::new(0)));
        let (into, clock) = (Arc::clone(&heard), Arc::clone(&now_ms));
        let lines = Lines { form, limit: Mutex::default(), now_ms: Box::new(move || clock.load(Ordering::Relaxed)) };
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).event_format(lines);
        let layer = layer.with_writer(move || Heard(Arc::clone(&into)));
        with_default(tracing_subscriber::registry().with(layer), || say(&now_ms));
        let heard = heard.lock().unwrap().clone();
        String::from_utf8(heard).unwrap()
    }

    struct Heard(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Heard {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            assert!(!octets.is_empty(), "what is left out is not written as nothing");
            self.0.lock().unwrap().extend(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn each_place_gets_its_form() {
        let lines = |form| {
            said(form, |_| {
                error!(frames = 3, "lost");
                info!("started");
            })
        };
        assert_eq!(lines(Form::Journal), "<3>lost frames=3\n<6>started\n");
        let own = format!("auscult-agent[{}]: ", std::process::id());
        assert_eq!(lines(Form::Syslog), format!("<27>{own}lost frames=3\n<30>{own}started\n"));
        let person = lines(Form::Person);
        let (time, rest) = person.lines().next().unwrap().split_once(' ').unwrap();
        assert!(time.starts_with("20") && time.ends_with('Z'), "{person}");
        assert_eq!(rest, "ERROR lost frames=3");
    }

    #[test]
    fn what_repeats_is_left_out_and_counted_and_what_was_asked_for_is_not() {
        let text = said(Form::Journal, |now_ms| {
            for second in 0..120 {
                now_ms.store(second * 1_000, Ordering::Relaxed);
                error!("the disk is full");
                debug!("a look");
            }
        });
        let errors: Vec<&str> = text.lines().filter(|l| l.starts_with("<3>")).collect();
        assert_eq!(errors.len(), 31, "{errors:?}");
        assert_eq!(errors[30], "<3>the disk is full left_out=30");
        assert_eq!(text.matches("a look").count(), 120);
    }
}
