//! The terminal: taken over for the view, and given back as it was, whatever ends the view - a key, a signal, an error, a panic.
//!
//! Follows ECMA-48 and termios(3), by crossterm. Keeps: nothing. Drops: nothing that stood there before the view.

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGSTOP, SIGTERM, SIGTSTP};
use signal_hook::low_level::raise;
use std::io::{self, IsTerminal, Stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A terminal that is taken over.
pub(crate) struct Screen {
    pub(crate) terminal: Terminal<CrosstermBackend<Stdout>>,
}

/// Whether there is a terminal that a view can be drawn on.
pub(crate) fn is_there() -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    io::stdin().is_terminal() && io::stdout().is_terminal() && !is_dumb
}

/// Whether colours are wanted (no-color.org).
pub(crate) fn has_colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// If it does not let itself be; then it is as before.
    pub(crate) fn take() -> io::Result<Screen> {
        give_back_when_it_breaks();
        enter()?;
        match Terminal::new(CrosstermBackend::new(io::stdout())) {
            Ok(terminal) => Ok(Screen { terminal }),
            Err(error) => {
                leave();
                Err(error)
            }
        }
    }

    /// Gives the terminal back, stops as the shell expects it, and takes the terminal over again when it goes on.
    ///
    /// # Errors
    /// If the terminal is gone meanwhile.
    pub(crate) fn pause(&mut self) -> io::Result<()> {
        leave();
        raise(SIGSTOP)?;
        self.again()
    }

    /// Somebody stopped the program without asking it, and it goes on: nothing is known of the terminal.
    ///
    /// # Errors
    /// If the terminal is gone meanwhile.
    pub(crate) fn again(&mut self) -> io::Result<()> {
        enter()?;
        self.anew()
    }

    /// Draws everything at the next picture, whatever stands there. (Ratatui's own way asks the terminal where its cursor is,
    /// and a serial line may not answer.)
    ///
    /// # Errors
    /// If the terminal is gone.
    pub(crate) fn anew(&mut self) -> io::Result<()> {
        execute!(io::stdout(), Clear(ClearType::All))?;
        self.terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

/// What signals say.
#[derive(Clone, Default)]
pub(crate) struct Signals {
    /// The end.
    pub(crate) stop: Arc<AtomicBool>,
    /// Stop for a while.
    pub(crate) pause: Arc<AtomicBool>,
    /// It goes on.
    pub(crate) goes_on: Arc<AtomicBool>,
}

impl Signals {
    /// Hears them. Who says the end twice is not asked again: then the program ends at once.
    ///
    /// # Errors
    /// If the system does not let them be heard.
    pub(crate) fn hear(with_screen: bool) -> io::Result<Signals> {
        let signals = Signals::default();
        for end in [SIGTERM, SIGINT, SIGHUP, SIGQUIT] {
            signal_hook::flag::register_conditional_shutdown(end, EXIT_BY_SIGNAL, Arc::clone(&signals.stop))?;
            signal_hook::flag::register(end, Arc::clone(&signals.stop))?;
        }
        if with_screen {
            signal_hook::flag::register(SIGTSTP, Arc::clone(&signals.pause))?;
            signal_hook::flag::register(SIGCONT, Arc::clone(&signals.goes_on))?;
        }
        Ok(signals)
    }

    /// Whether this was said since it was asked last.
    pub(crate) fn was_said(flag: &AtomicBool) -> bool {
        flag.swap(false, Ordering::Relaxed)
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, Hide)
}

/// What cannot be given back stays: there is nobody to tell.
fn leave() {
    let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// Also where a thread breaks, and where a panic ends the program at once.
fn give_back_when_it_breaks() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        leave();
        before(panic);
    }));
}

/// As a shell counts a program that SIGTERM ended.
const EXIT_BY_SIGNAL: i32 = 143;
