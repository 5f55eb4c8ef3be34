//! `--live`: which way to listen. A view where there is a terminal; for scripts and pipes a plain line now and then, and at the end
//! what is printed of a capture file.
//!
//! Keeps: what was heard. Drops: nothing of it; a view shows it as it goes.

use crate::arguments::{Arguments, Format};
use crate::live::Ears;
use crate::picture::{Painter, Picture};
use crate::reading::Heard;
use crate::screen::{Signals, has_colours, is_there};
use crate::view;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Listens; what is to be printed at the end, if anything.
///
/// # Errors
/// One sentence: what went wrong, what to try.
pub(crate) fn listen(arguments: &Arguments) -> Result<Option<Heard>, String> {
    let ears = Ears::open(arguments)?;
    let is_view = arguments.seconds.is_none() && arguments.format == Format::Text && is_there();
    let signals = Signals::hear(is_view).map_err(|e| format!("signals cannot be heard ({e})"))?;
    if is_view {
        return match view::show(ears, arguments, &signals, has_colours()) {
            Ok(last) => {
                say(&mut io::stdout(), &last);
                Ok(None)
            }
            // Who closed the terminal knows it.
            Err(_) if signals.stop.load(Ordering::Relaxed) => Ok(None),
            Err(e) => Err(format!("the terminal cannot be drawn on ({e}); try --seconds 60")),
        };
    }
    match arguments.seconds {
        Some(seconds) => Ok(Some(for_a_while(ears, seconds, &signals))),
        None => Ok(Some(until_told(ears, arguments.format, &signals))),
    }
}

/// Everything in one window, as of a capture file.
fn for_a_while(mut ears: Ears, seconds: u32, signals: &Signals) -> Heard {
    if io::stderr().is_terminal() {
        let _ = writeln!(io::stderr().lock(), "listening for {seconds} s; Ctrl-C ends it early");
    }
    ears.hear_until(Some(Duration::from_secs(u64::from(seconds))), &signals.stop);
    tell_losses(&mut ears);
    ears.close()
}

/// For as long as it takes, with bounded memory: a line now and then says that it hears.
fn until_told(mut ears: Ears, format: Format, signals: &Signals) -> Heard {
    let mut painter = Painter::new();
    while !signals.stop.load(Ordering::Relaxed) {
        let until = ears.elapsed().saturating_add(LINE_EVERY);
        ears.hear_until(Some(until), &signals.stop);
        let picture = painter.paint(ears.turn());
        match format {
            Format::Text => say(&mut io::stdout(), &picture),
            Format::Json => say(&mut io::stderr(), &picture),
        }
    }
    tell_losses(&mut ears);
    painter.rest(ears.turn())
}

fn tell_losses(ears: &mut Ears) {
    let lost = ears.lost();
    if lost > 0 {
        let _ = writeln!(io::stderr().lock(), "auscult-inspect: the kernel had no room for {lost} frames");
    }
}

/// One line: how it hears, and how much.
fn say(out: &mut impl Write, picture: &Picture) {
    let ears = picture.interfaces.iter().map(|ear| match ear.fault {
        Some(fault) => format!("{} {fault}", ear.name),
        None => format!("{} {} frames/s, {} lost, {}", ear.name, ear.frames_a_second, ear.lost, ear.sight.word()),
    });
    let counted = picture.findings.iter().filter(|f| f.counts).count();
    // Who reads this may be gone: that is no reason to stop listening.
    let _ = writeln!(
        out,
        "{} s, {} frames; {}; {} hosts, {} services, {counted} findings",
        picture.elapsed.as_secs(),
        picture.frames,
        ears.collect::<Vec<_>>().join("; "),
        picture.host_count,
        picture.service_count,
    );
}

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
