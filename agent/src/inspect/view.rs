//! The live view at work: one thread hears, one judges, this one draws and listens to keys.
//!
//! Between them go a question, a turn and a picture at a time, so that who is slow slows nobody but the pictures; what is heard
//! meanwhile waits in the engine, within its bounds. Keeps: where the reader is. Drops: pictures that came while it was paused.

use crate::arguments::Arguments;
use crate::live::{Ears, Turn};
use crate::panes::{Pane, draw};
use crate::picture::{Found, Painter, Picture};
use crate::screen::{Screen, Signals};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// Where the reader is.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    pub(crate) names: String,
    pub(crate) picture: Picture,
    pub(crate) pane: Pane,
    /// The row in each pane.
    pub(crate) rows: [usize; Pane::ALL.len()],
    pub(crate) over: Over,
    pub(crate) is_paused: bool,
    pub(crate) has_colours: bool,
}

/// What lies over the panes.
#[derive(Clone, Debug, Default)]
pub(crate) enum Over {
    /// Nothing.
    #[default]
    Nothing,
    /// The keys.
    Help,
    /// A finding, as it was when it was opened, and the line that stands first.
    Finding(Box<Found>, u16),
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Go on.
    Stay,
    /// End.
    Quit,
    /// Stop for a while, as the shell knows it.
    Pause,
    /// Draw everything anew.
    Redraw,
}

/// Shows what is heard until it is ended; gives the last picture.
///
/// # Errors
/// If the terminal cannot be drawn on any more; it is as before then.
pub(crate) fn show(ears: Ears, arguments: &Arguments, signals: &Signals, has_colours: bool) -> io::Result<Picture> {
    let pictures = start(ears, &signals.stop)?;
    let mut view = View { names: arguments.live.join(" "), has_colours, ..View::default() };
    let mut screen = Screen::take()?;
    while !signals.stop.load(Ordering::Relaxed) {
        loop {
            match pictures.try_recv() {
                Ok(picture) if !view.is_paused => view.show(picture),
                Ok(_) => {}
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Err(io::Error::other("a thread broke")),
            }
        }
        screen.terminal.draw(|frame| draw(frame, &mut view))?;
        if event::poll(LOOK_EVERY)?
            && let Event::Key(key) = event::read()?
        {
            match view.press(key) {
                Wish::Stay => {}
                Wish::Quit => break,
                Wish::Pause => screen.pause()?,
                Wish::Redraw => screen.anew()?,
            }
        }
        if Signals::was_said(&signals.pause) {
            screen.pause()?;
        }
        if Signals::was_said(&signals.goes_on) {
            screen.again()?;
        }
    }
    signals.stop.store(true, Ordering::Relaxed);
    Ok(view.picture)
}

/// Starts to hear and to judge; both end when nobody takes their pictures, or `stop` is set.
fn start(ears: Ears, stop: &Arc<AtomicBool>) -> io::Result<Receiver<Picture>> {
    let (ask, asked) = sync_channel(1);
    let (turned, turns) = sync_channel(1);
    let (painted, pictures) = sync_channel(1);
    let until = Arc::clone(stop);
    Builder::new().name("ear".to_owned()).spawn(move || ears.serve(&asked, &turned, &until))?;
    let until = Arc::clone(stop);
    Builder::new().name("judge".to_owned()).spawn(move || judge(&ask, &turns, &painted, &until))?;
    Ok(pictures)
}

/// Asks, judges, gives a picture; not more often than a tenth of the time is spent with it.
#[expect(clippy::disallowed_methods, reason = "a picture a second, and fewer where they take long")]
fn judge(ask: &SyncSender<()>, turns: &Receiver<Turn>, pictures: &SyncSender<Picture>, stop: &AtomicBool) {
    let mut painter = Painter::new();
    while !stop.load(Ordering::Relaxed) {
        if ask.send(()).is_err() {
            return;
        }
        let turn = loop {
            match turns.recv_timeout(LOOK_EVERY) {
                Ok(turn) => break turn,
                Err(RecvTimeoutError::Timeout) if !stop.load(Ordering::Relaxed) => {}
                Err(_) => return,
            }
        };
        let began = Instant::now();
        if pictures.send(painter.paint(turn)).is_err() {
            return;
        }
        let pause = began.elapsed().saturating_mul(9).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        let until = Instant::now().checked_add(pause);
        while until.is_some_and(|until| Instant::now() < until) && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl View {
    /// Shows another picture; who reads a row stays on it, as far as there are so many.
    pub(crate) fn show(&mut self, picture: Picture) {
        self.picture = picture;
        for pane in Pane::ALL {
            let last = pane.length(&self.picture).saturating_sub(1);
            let row = self.row(pane);
            *row = (*row).min(last);
        }
    }

    fn row(&mut self, pane: Pane) -> &mut usize {
        let [findings, hosts, facts, networks] = &mut self.rows;
        match pane {
            Pane::Findings => findings,
            Pane::Hosts => hosts,
            Pane::Facts => facts,
            Pane::Networks => networks,
        }
    }

    /// A key was pressed.
    pub(crate) fn press(&mut self, key: KeyEvent) -> Wish {
        if key.kind == KeyEventKind::Release {
            return Wish::Stay;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c' | 'd') => Wish::Quit,
                KeyCode::Char('z') => Wish::Pause,
                KeyCode::Char('l') => Wish::Redraw,
                _ => Wish::Stay,
            };
        }
        match (&mut self.over, key.code) {
            (_, KeyCode::Char('q')) => return Wish::Quit,
            (_, KeyCode::Char('p' | ' ')) => self.is_paused = !self.is_paused,
            (Over::Finding(_, line), KeyCode::Down | KeyCode::Char('j')) => *line = line.saturating_add(1),
            (Over::Finding(_, line), KeyCode::Up | KeyCode::Char('k')) => *line = line.saturating_sub(1),
            (Over::Finding(_, line), KeyCode::PageDown) => *line = line.saturating_add(PAGE_LINES),
            (Over::Finding(_, line), KeyCode::PageUp) => *line = line.saturating_sub(PAGE_LINES),
            (Over::Finding(..) | Over::Help, _) => self.over = Over::Nothing,
            (Over::Nothing, KeyCode::Char('?' | 'h')) => self.over = Over::Help,
            (Over::Nothing, code) => self.walk(code),
        }
        Wish::Stay
    }

    fn walk(&mut self, code: KeyCode) {
        let pane = self.pane;
        let last = pane.length(&self.picture).saturating_sub(1);
        let row = self.row(pane);
        match code {
            KeyCode::Tab | KeyCode::Right => self.pane = pane.next(),
            KeyCode::BackTab | KeyCode::Left => self.pane = pane.before(),
            KeyCode::Down | KeyCode::Char('j') => *row = row.saturating_add(1).min(last),
            KeyCode::Up | KeyCode::Char('k') => *row = row.saturating_sub(1),
            KeyCode::PageDown => *row = row.saturating_add(usize::from(PAGE_LINES)).min(last),
            KeyCode::PageUp => *row = row.saturating_sub(usize::from(PAGE_LINES)),
            KeyCode::Home | KeyCode::Char('g') => *row = 0,
            KeyCode::End | KeyCode::Char('G') => *row = last,
            KeyCode::Char(digit @ '1'..='4') => {
                let chosen = Pane::ALL.into_iter().zip('1'..).find(|(_, d)| *d == digit);
                self.pane = chosen.map_or(pane, |(pane, _)| pane);
            }
            KeyCode::Enter if pane == Pane::Findings => {
                let row = *row;
                if let Some(found) = self.picture.findings.get(row) {
                    self.over = Over::Finding(Box::new(found.clone()), 0);
                }
            }
            _ => {}
        }
    }
}

/// How soon a picture, a signal or a stop is noticed; a key at once.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Between two pictures.
const SHORTEST_PAUSE: Duration = Duration::from_millis(900);
/// A flood of thousands of services takes long to judge; a person still sees that it lives.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// Lines of a page.
const PAGE_LINES: u16 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Ear, Row};
    use auscult_assess::Severity;
    use auscult_report::coverage::Sight;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn found(n: usize) -> Found {
        let words = "close the port to the internet now, and ask the maker to switch on user checks. ".repeat(6);
        Found {
            severity: if n == 0 { Severity::Critical } else { Severity::Low },
            counts: n < 30,
            title: format!("Finding number {n}"),
            place: format!("192.168.20.{n} 104/tcp"),
            explanation: vec![
                ("where", format!("192.168.20.{n}")),
                ("do", words),
                ("rule", "the-last-line".to_owned()),
            ],
        }
    }

    fn picture() -> Picture {
        let ear = |n: u64| Ear {
            name: format!("eth{n}"),
            fault: (n == 1).then_some("is down"),
            frames_a_second: 812,
            octets_a_second: 81_234,
            lost: if n == 2 { 7 } else { 0 },
            way: "ring",
            sight: Sight::Broadcast,
        };
        Picture {
            elapsed: Duration::from_secs(3_723),
            frames: 12_345,
            octets: 8_100_000,
            interfaces: (0..8).map(ear).collect(),
            protocols: vec!["dicom", "http"],
            findings: (0..40).map(found).collect(),
            hosts: vec![
                Row { is_service: false, is_medical: true, text: "192.168.20.5  medical".to_owned() },
                Row { is_service: true, is_medical: true, text: "104/tcp dicom".to_owned() },
            ],
            host_count: 1,
            service_count: 1,
            facts: ["12:00:01 192.168.20.5 104/tcp: speaks dicom".to_owned()].into(),
            ..Picture::default()
        }
    }

    fn view() -> View {
        let mut view = View { names: "eth0 eth1".to_owned(), ..View::default() };
        view.show(picture());
        view
    }

    /// The lines of a screen.
    fn lines(view: &mut View, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, view)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol().to_owned()).collect::<String>();
        (0..height).map(|y| row(y).trim_end().to_owned()).collect()
    }

    fn press(view: &mut View, code: KeyCode) -> Wish {
        view.press(KeyEvent::from(code))
    }

    #[test]
    fn a_small_screen_has_one_pane_and_everything_else_around_it() {
        let mut view = view();
        let shown = lines(&mut view, 80, 24);
        assert!(shown[0].starts_with("auscult-inspect eth0 eth1  01:02:03  12345 frames, 8.1 MB"), "{shown:#?}");
        assert!(
            shown[1].starts_with("eth0 ")
                && shown[1].contains("812 frames/s 81.2 kB/s ring     0 lost broadcasts only")
        );
        assert!(shown[2].starts_with("eth1 ") && shown[2].ends_with("is down"));
        assert!(shown[3].contains("7 LOST") && shown[4] == "and 5 more");
        assert_eq!(shown[5], "protocols dicom http");
        assert!(shown[7].contains("1 Findings 30") && shown[7].contains("4 Wi-Fi 0") && shown[7].len() <= 80);
        assert_eq!(shown[8], "critical 192.168.20.0 104/tcp    Finding number 0");
        assert!(shown[22].starts_with("low ") && shown[23].starts_with("q end"));
    }

    #[test]
    fn a_large_screen_has_all_panes() {
        let text = lines(&mut view(), 140, 40).join("\n");
        for words in ["1 Findings 30", "2 Hosts 1, services 1", "3 Heard just now", "4 Wi-Fi 0", "eth7", "speaks dicom"]
        {
            assert!(text.contains(words), "{words}:\n{text}");
        }
    }

    #[test]
    fn every_size_of_a_screen_can_be_drawn_with_everything_over_it() {
        for (width, height) in [(1, 1), (10, 3), (20, 8), (79, 23), (119, 29), (120, 30), (300, 100)] {
            for over in [Over::Nothing, Over::Help, Over::Finding(Box::new(found(0)), 9_999)] {
                let mut view = View { over, ..view() };
                for pane in Pane::ALL {
                    view.pane = pane;
                    assert_eq!(lines(&mut view, width, height).len(), usize::from(height));
                }
            }
        }
    }

    #[test]
    fn the_chosen_row_stays_in_sight_and_a_shorter_list_takes_it_along() {
        let mut view = view();
        for _ in 0..100 {
            press(&mut view, KeyCode::Down);
        }
        assert!(lines(&mut view, 80, 24).join("\n").contains("(unsure) Finding number 39"));
        view.show(Picture { findings: vec![found(3)], ..picture() });
        assert!(lines(&mut view, 80, 24).join("\n").contains("Finding number 3"));
        press(&mut view, KeyCode::Home);
        assert_eq!(view.rows, [0; 4]);
    }

    #[test]
    fn a_finding_is_opened_read_to_its_end_and_closed_and_stays_what_it_was() {
        let mut view = view();
        press(&mut view, KeyCode::Enter);
        view.show(Picture::default());
        let shown = lines(&mut view, 80, 14).join("\n");
        assert!(
            shown.contains("CRITICAL") && shown.contains("more below") && !shown.contains("the-last-line"),
            "{shown}"
        );
        for _ in 0..50 {
            press(&mut view, KeyCode::PageDown);
        }
        let shown = lines(&mut view, 80, 14).join("\n");
        assert!(shown.contains("the-last-line") && !shown.contains("more below"), "{shown}");
        press(&mut view, KeyCode::Esc);
        assert!(matches!(view.over, Over::Nothing));
        assert_eq!(press(&mut view, KeyCode::Enter), Wish::Stay, "there is nothing to open");
    }

    #[test]
    fn each_key_does_what_the_help_says() {
        let mut view = view();
        for pane in [Pane::Hosts, Pane::Facts, Pane::Networks, Pane::Findings] {
            press(&mut view, KeyCode::Tab);
            assert_eq!(view.pane, pane);
        }
        press(&mut view, KeyCode::Left);
        assert_eq!(view.pane, Pane::Networks);
        press(&mut view, KeyCode::Char('2'));
        assert_eq!(view.pane, Pane::Hosts);
        press(&mut view, KeyCode::Char('p'));
        assert!(view.is_paused && lines(&mut view, 80, 24)[0].ends_with("PAUSED"));
        press(&mut view, KeyCode::Char('?'));
        assert!(lines(&mut view, 80, 24).join("\n").contains("it sends nothing"));
        press(&mut view, KeyCode::Char('x'));
        assert!(matches!(view.over, Over::Nothing));
        let control = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
        assert_eq!(
            ["c", "z", "l"].map(|c| view.press(control(c.chars().next().unwrap()))),
            [Wish::Quit, Wish::Pause, Wish::Redraw]
        );
        assert_eq!(press(&mut view, KeyCode::Char('q')), Wish::Quit);
    }
}
