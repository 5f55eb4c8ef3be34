//! How a picture is drawn: head, interfaces, protocols, panes, foot; everything from 80 x 24 on, and what is smaller as far as it
//! goes.
//!
//! Keeps: nothing. Drops: columns and rows that do not fit. A severity is always a word, never a colour alone.

use crate::picture::{Ear, Found, Picture};
use crate::view::{Over, View};
use auscult_agent::capture::kind::is_good;
use auscult_assess::Severity;
use auscult_report::coverage::Sight;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Padding, Paragraph, Wrap};

/// A pane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pane {
    /// What is wrong.
    #[default]
    Findings,
    /// Hosts and services.
    Hosts,
    /// What is being heard.
    Facts,
    /// Wi-Fi.
    Networks,
}

impl Pane {
    /// Every one, in the order of the keys.
    pub(crate) const ALL: [Pane; 4] = [Pane::Findings, Pane::Hosts, Pane::Facts, Pane::Networks];

    /// How many rows it has.
    pub(crate) fn length(self, picture: &Picture) -> usize {
        match self {
            Pane::Findings => picture.findings.len(),
            Pane::Hosts => picture.hosts.len(),
            Pane::Facts => picture.facts.len(),
            Pane::Networks => picture.networks.len(),
        }
    }

    pub(crate) const fn next(self) -> Pane {
        match self {
            Pane::Findings => Pane::Hosts,
            Pane::Hosts => Pane::Facts,
            Pane::Facts => Pane::Networks,
            Pane::Networks => Pane::Findings,
        }
    }

    pub(crate) const fn before(self) -> Pane {
        match self {
            Pane::Findings => Pane::Networks,
            Pane::Hosts => Pane::Findings,
            Pane::Facts => Pane::Hosts,
            Pane::Networks => Pane::Facts,
        }
    }

    fn title(self, picture: &Picture) -> String {
        match self {
            Pane::Findings => format!("1 Findings {}", picture.findings.iter().filter(|f| f.counts).count()),
            Pane::Hosts => format!("2 Hosts {}, services {}", picture.host_count, picture.service_count),
            Pane::Facts => "3 Heard just now".to_owned(),
            Pane::Networks => format!("4 Wi-Fi {}", picture.networks.len()),
        }
    }
}

/// Draws everything.
pub(crate) fn draw(frame: &mut Frame<'_>, view: &mut View) {
    let paint = Paint { has_colours: view.has_colours };
    let area = frame.area();
    let is_wide = area.width >= WIDE && area.height >= TALL;
    let ears = u16::try_from(view.picture.interfaces.len()).unwrap_or(u16::MAX).min(if is_wide { 8 } else { 4 }).max(1);
    let rows = [
        Constraint::Length(1),
        Constraint::Length(ears),
        Constraint::Length(if is_wide { 1 } else { 2 }),
        Constraint::Min(3),
        Constraint::Length(1),
    ];
    let [head, interfaces, protocols, body, foot] = Layout::vertical(rows).areas(area);
    frame.render_widget(paint.head(view), head);
    draw_ears(frame, interfaces, &view.picture, paint);
    frame.render_widget(paint.protocols(&view.picture), protocols);
    if is_wide {
        let [findings, below] = Layout::vertical([Constraint::Percentage(45), Constraint::Percentage(55)]).areas(body);
        let [hosts, right] = Layout::horizontal([Constraint::Percentage(50); 2]).areas(below);
        let wifi = if view.picture.has_air { Constraint::Percentage(40) } else { Constraint::Length(4) };
        let [facts, networks] = Layout::vertical([Constraint::Min(5), wifi]).areas(right);
        for (pane, area) in Pane::ALL.into_iter().zip([findings, hosts, facts, networks]) {
            let title = format!(" {} ", pane.title(&view.picture));
            let block = Block::bordered().title(title).border_style(paint.border(pane == view.pane));
            let block = if pane == view.pane { block.border_type(BorderType::Thick) } else { block };
            let inner = block.inner(area);
            frame.render_widget(block, area);
            draw_pane(frame, inner, view, pane, paint);
        }
    } else {
        let [tabs, inner] = Layout::vertical([Constraint::Length(1), Constraint::Min(1)]).areas(body);
        frame.render_widget(paint.tabs(view), tabs);
        draw_pane(frame, inner, view, view.pane, paint);
    }
    frame.render_widget(paint.foot(view), foot);
    draw_over(frame, area, view, paint);
}

fn draw_ears(frame: &mut Frame<'_>, area: Rect, picture: &Picture, paint: Paint) {
    let mut lines: Vec<Line<'_>> = picture.interfaces.iter().map(|ear| paint.ear(ear)).collect();
    if picture.interfaces.is_empty() {
        lines.push(Line::from("the ears open ...").style(paint.dim()));
    }
    let room = usize::from(area.height);
    if lines.len() > room {
        let more = lines.len().saturating_sub(room).saturating_add(1);
        lines.truncate(room.saturating_sub(1));
        lines.push(Line::from(format!("and {more} more")).style(paint.dim()));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

/// The rows of a pane, the chosen one among them.
fn draw_pane(frame: &mut Frame<'_>, area: Rect, view: &View, pane: Pane, paint: Paint) {
    let picture = &view.picture;
    let length = pane.length(picture);
    if length == 0 {
        frame.render_widget(Paragraph::new(empty(pane, picture)).style(paint.dim()).wrap(Wrap { trim: true }), area);
        return;
    }
    let chosen = Pane::ALL.iter().zip(view.rows).find(|(p, _)| **p == pane).map_or(0, |(_, row)| row);
    let room = usize::from(area.height).max(1);
    // The chosen row stays in sight; without it the beginning is shown.
    let from = chosen.saturating_add(1).saturating_sub(room).min(length.saturating_sub(1));
    let rows = (from..length).take(room).map(|row| {
        let line = paint.row(picture, pane, row);
        if row == chosen && pane == view.pane {
            line.style(Style::new().add_modifier(Modifier::REVERSED))
        } else {
            line
        }
    });
    frame.render_widget(Paragraph::new(rows.collect::<Vec<_>>()), area);
}

const fn empty(pane: Pane, picture: &Picture) -> &'static str {
    match pane {
        Pane::Findings => {
            "No finding yet. That is no proof of safety: an hour of a working day tells more than a minute."
        }
        Pane::Hosts => {
            "No host yet. If this stays: is the cable in a mirror port, or the interface the bridge of the network?"
        }
        Pane::Facts => "Nothing yet.",
        Pane::Networks if picture.has_air => "No network yet.",
        Pane::Networks => "No frame of the air: nothing is known of Wi-Fi. It takes a radio in monitor mode.",
    }
}

fn draw_over(frame: &mut Frame<'_>, area: Rect, view: &mut View, paint: Paint) {
    let (title, width) = match &view.over {
        Over::Nothing => return,
        Over::Help => (" Keys ", 66),
        Over::Finding(..) => (" Finding: up, down; any other key closes it ", 100),
    };
    let width = width.min(area.width);
    let inner = usize::from(width.saturating_sub(4));
    let lines = match &view.over {
        Over::Finding(found, _) => paint.explained(found, inner),
        _ => help(),
    };
    let length = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let place = middle(area, width, length);
    // Nobody scrolls behind the last line.
    let most = length.saturating_sub(place.height.saturating_sub(2));
    let first = match &mut view.over {
        Over::Finding(_, from) => {
            *from = (*from).min(most);
            *from
        }
        _ => 0,
    };
    let mut block = Block::bordered().title(title).border_type(BorderType::Thick).border_style(paint.border(true));
    if first < most {
        block = block.title_bottom(" more below: down, Page ");
    }
    frame.render_widget(Clear, place);
    frame.render_widget(Paragraph::new(lines).scroll((first, 0)).block(block.padding(Padding::horizontal(1))), place);
}

fn help() -> Vec<Line<'static>> {
    [
        "Tab, right, left, 1-4   the next pane, the one before, a pane",
        "up, down, j, k          a row up or down; Page, Home, End",
        "Enter                   what a finding means, and what to do",
        "p, space                pause the pictures; it goes on hearing",
        "Ctrl-L                  draw everything anew",
        "Ctrl-Z                  stop for a while; fg goes on",
        "q, Ctrl-C               end",
        "",
        "It only listens: it sends nothing on any interface, and what",
        "it heard is forgotten when it ends.",
    ]
    .map(Line::from)
    .to_vec()
}

/// A place in the middle, as large as it may be.
fn middle(area: Rect, width: u16, lines: u16) -> Rect {
    let width = width.min(area.width);
    let height = lines.saturating_add(2).min(area.height);
    let x = area.x.saturating_add(area.width.saturating_sub(width) / 2);
    let y = area.y.saturating_add(area.height.saturating_sub(height) / 2);
    Rect { x, y, width, height }
}

/// Lines with a colour or without.
#[derive(Clone, Copy)]
struct Paint {
    has_colours: bool,
}

impl Paint {
    const fn coloured(self, style: Style, colour: Color) -> Style {
        if self.has_colours { style.fg(colour) } else { style }
    }

    const fn bold(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    const fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    const fn border(self, is_chosen: bool) -> Style {
        if is_chosen { self.coloured(Style::new(), Color::Cyan) } else { self.dim() }
    }

    const fn severity(self, severity: Severity) -> Style {
        match severity {
            Severity::Critical => self.coloured(self.bold(), Color::LightRed),
            Severity::High => self.coloured(Style::new(), Color::Red),
            Severity::Medium => self.coloured(Style::new(), Color::Yellow),
            Severity::Low => self.coloured(Style::new(), Color::Cyan),
            Severity::Info => self.coloured(Style::new(), Color::Blue),
        }
    }

    fn head(self, view: &View) -> Line<'static> {
        let picture = &view.picture;
        let seconds = picture.elapsed.as_secs();
        let clock = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let mut spans = vec![
            Span::styled("auscult-inspect", self.bold()),
            Span::raw(format!(" {}  {clock}  {} frames, {}B", view.names, picture.frames, short(picture.octets))),
        ];
        if picture.let_go > 0 {
            let words = format!("  {} let go for want of room", picture.let_go);
            spans.push(Span::styled(words, self.severity(Severity::Medium)));
        }
        if view.is_paused {
            spans.push(Span::styled("  PAUSED", self.coloured(self.bold(), Color::Yellow)));
        }
        Line::from(spans)
    }

    fn ear(self, ear: &Ear) -> Line<'static> {
        let name = Span::styled(format!("{:<15}", ear.name), self.bold());
        if let Some(fault) = ear.fault {
            return Line::from(vec![name, Span::styled(format!(" {fault}"), self.severity(Severity::High))]);
        }
        let speed = format!(
            " {:>7} frames/s {:>6}B/s {:<8} ",
            short(ear.frames_a_second).trim_end(),
            short(ear.octets_a_second),
            ear.way
        );
        let lost = if ear.lost > 0 {
            Span::styled(format!("{} LOST ", ear.lost), self.severity(Severity::High))
        } else {
            Span::styled("0 lost ", self.dim())
        };
        let sight = if is_good(ear.sight) { Style::new() } else { self.severity(Severity::Medium) };
        Line::from(vec![name, Span::raw(speed), lost, Span::styled(hears(ear.sight), sight)])
    }

    fn protocols(self, picture: &Picture) -> Paragraph<'static> {
        let words = if picture.protocols.is_empty() { "none yet".to_owned() } else { picture.protocols.join(" ") };
        let line = Line::from(vec![Span::styled("protocols ", self.dim()), Span::raw(words)]);
        Paragraph::new(line).wrap(Wrap { trim: true })
    }

    fn tabs(self, view: &View) -> Line<'static> {
        let mut spans = Vec::new();
        for pane in Pane::ALL {
            let title = format!(" {} ", pane.title(&view.picture));
            let style = if pane == view.pane { self.bold().add_modifier(Modifier::REVERSED) } else { self.dim() };
            spans.push(Span::styled(title, style));
            spans.push(Span::raw(" "));
        }
        Line::from(spans)
    }

    fn row(self, picture: &Picture, pane: Pane, row: usize) -> Line<'static> {
        match pane {
            Pane::Findings => picture.findings.get(row).map(|found| {
                let unsure = if found.counts { "" } else { "(unsure) " };
                Line::from(vec![
                    Span::styled(format!("{:<9}", found.severity.word()), self.severity(found.severity)),
                    Span::styled(format!("{:<24}", found.place), self.dim()),
                    Span::raw(format!("{unsure}{}", found.title)),
                ])
            }),
            Pane::Hosts => picture.hosts.get(row).map(|host| match (host.is_service, host.is_medical) {
                (true, _) => Line::from(format!("    {}", host.text)),
                (false, true) => Line::from(host.text.clone()).style(self.coloured(self.bold(), Color::Cyan)),
                (false, false) => Line::from(host.text.clone()).style(self.bold()),
            }),
            Pane::Facts => picture.facts.get(row).map(|fact| Line::from(fact.clone())),
            Pane::Networks => picture.networks.get(row).map(|network| Line::from(network.clone())),
        }
        .unwrap_or_default()
    }

    /// A finding in words, with its labels beside them.
    fn explained(self, found: &Found, width: usize) -> Vec<Line<'static>> {
        let severity = Span::styled(found.severity.word().to_uppercase(), self.severity(found.severity));
        let mut lines = vec![Line::from(severity)];
        lines.extend(folded(&found.title, width).into_iter().map(|line| Line::from(line).style(self.bold())));
        for (label, words) in &found.explanation {
            lines.push(Line::default());
            let mut label = format!("{label:<8}");
            for words in folded(words, width.saturating_sub(8)) {
                lines.push(Line::from(vec![Span::styled(label, self.dim()), Span::raw(words)]));
                label = " ".repeat(8);
            }
        }
        lines
    }

    fn foot(self, view: &View) -> Line<'static> {
        let keys = "q end  Tab pane  arrows row  Enter explain  p pause  ? keys";
        let mut spans = vec![Span::styled(keys, self.dim())];
        if view.picture.is_assumed {
            spans.push(Span::styled("  no --home", self.dim()));
        }
        Line::from(spans)
    }
}

/// The kind of sight, in as few columns as are left.
const fn hears(sight: Sight) -> &'static str {
    match sight {
        Sight::Nothing => "nothing yet",
        Sight::Broadcast => "broadcasts only",
        Sight::Own => "own and broadcasts",
        Sight::Router => "both sides, routed",
        Sight::Mirror => "both sides of others",
        Sight::OneSided => "one side of others",
        Sight::Radio => "the air",
    }
}

/// `812`, `81.2 k`, `8.1 M`: three digits at least, as far as they matter.
fn short(n: u64) -> String {
    for (size, unit) in [(1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")] {
        if n >= size {
            let tenths = n.saturating_mul(10).checked_div(size).unwrap_or(0);
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{n} ")
}

/// Words in lines of at most `width` columns; a longer word has a line of its own.
fn folded(words: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        let length = line.chars().count().saturating_add(1).saturating_add(word.chars().count());
        if line.is_empty() {
            line.push_str(word);
        } else if length <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// From here on all panes are shown at once.
const WIDE: u16 = 120;
const TALL: u16 = 30;
