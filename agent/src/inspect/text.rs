//! The text for a technician: the worst finding first, each with what was heard, where, why it matters, what to do, how
//! sure it is and what it may be mistaken for; then what was heard and what was not.

use crate::document::{Inspection, moment, protocol};
use crate::evidence;
use anstyle::{AnsiColor, Style};
use auscult_assess::{Finding, Severity};
use auscult_report::fact::{Fact, Protocol};
use auscult_report::subject::Subject;
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Prints one inspection.
pub(crate) fn print(inspection: &Inspection<'_>, out: &mut impl Write) -> io::Result<()> {
    head(inspection, out)?;
    let (counted, observed): (Vec<_>, Vec<_>) =
        inspection.findings.iter().partition(|f| f.confidence_percent >= auscult_assess::SHOWN_PERCENT);
    if counted.is_empty() {
        writeln!(out, "No finding. That is no proof of safety: see below what was not heard.\n")?;
    }
    tally(&counted, out)?;
    for f in &counted {
        finding(inspection, f, out)?;
    }
    if !observed.is_empty() {
        writeln!(out, "{BOLD}Observed, too unsure to count{BOLD:#}")?;
        for f in &observed {
            writeln!(out, "  {} ({} %): {}", f.rule.title(), f.confidence_percent, place(inspection, f.subject))?;
        }
        writeln!(out)?;
    }
    services(inspection, out)?;
    networks(inspection, out)?;
    coverage(inspection, out)
}

/// How many findings of each severity, the worst first.
fn tally(counted: &[&Finding<'_>], out: &mut impl Write) -> io::Result<()> {
    let levels = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];
    let parts: Vec<String> = levels
        .into_iter()
        .map(|level| (level, counted.iter().filter(|f| f.severity == level).count()))
        .filter(|(_, n)| *n > 0)
        .map(|(level, n)| format!("{}{n} {}{:#}", colour(level), level.word(), colour(level)))
        .collect();
    if parts.is_empty() { Ok(()) } else { writeln!(out, "Findings: {}\n", parts.join(", ")) }
}

fn head(inspection: &Inspection<'_>, out: &mut impl Write) -> io::Result<()> {
    let summary = &inspection.heard.summary;
    let c = &summary.counters;
    writeln!(out, "{BOLD}{}{BOLD:#}", inspection.heard.name)?;
    writeln!(
        out,
        "{} frames, {} octets, {} to {}; judged by knowledge {}\n",
        c.frames,
        c.octets,
        moment(summary.window.from),
        moment(summary.window.to),
        inspection.knowledge.version(),
    )
}

fn finding(inspection: &Inspection<'_>, finding: &Finding<'_>, out: &mut impl Write) -> io::Result<()> {
    let rule = finding.rule;
    let style = colour(finding.severity);
    let word = finding.severity.word().to_uppercase();
    writeln!(out, "{style}{word:<8}{style:#} {BOLD}{}{BOLD:#}", rule.title())?;
    for (label, words) in explanation(inspection, finding) {
        line(out, label, &words)?;
    }
    writeln!(out)
}

/// Everything that a person is told of a finding, with its labels.
pub(crate) fn explanation(inspection: &Inspection<'_>, finding: &Finding<'_>) -> Vec<(&'static str, String)> {
    let rule = finding.rule;
    let mut told = vec![("where", place(inspection, finding.subject))];
    let heard = evidence::sentences(inspection, finding);
    if !heard.is_empty() {
        told.push(("heard", heard.join("; ")));
    }
    let why = finding.because.unwrap_or_else(|| general_reason(rule.group()));
    told.push(("why", why.to_owned()));
    told.push(("do", rule.remedy().to_owned()));
    told.push(("sure", format!("{} %", finding.confidence_percent)));
    let traps: Vec<&str> = rule.traps().collect();
    if !traps.is_empty() {
        told.push(("or else", traps.join("; ")));
    }
    let controls: Vec<String> = rule
        .controls()
        .filter(|(framework, _)| *framework == "hipaa" || *framework == "gdpr")
        .map(|(framework, ids)| format!("{} {}", framework.to_uppercase(), ids.collect::<Vec<_>>().join(", ")))
        .collect();
    told.push(("rule", format!("{} ({})", rule.id(), controls.join("; "))));
    told
}

/// Why a finding of this group matters, where its rule gives no reason of its own.
fn general_reason(group: &str) -> &'static str {
    match group {
        "wifi" => "what goes through the air can be heard from the street",
        "imaging" | "messaging" => "this is patient data",
        "portal" => "what a web server gives to strangers, everybody has",
        "database" => "a data base holds everything at once",
        "remote" => "who gets in here can do what your staff can do",
        "patch" => "old software has holes that everybody knows",
        "mail" => "mail crosses many hands",
        "dns" => "who answers names decides where people are led",
        "change" => "something is not as it was",
        _ => "an ear that does not hear proves nothing",
    }
}

/// Where: address, port, what it is.
pub(crate) fn place(inspection: &Inspection<'_>, subject: Subject) -> String {
    match subject {
        Subject::Sensor => "this sensor".to_owned(),
        Subject::Site => "the whole site".to_owned(),
        Subject::Host(id) => inspection.address(id).map_or_else(|| "a host".to_owned(), |a| a.to_string()),
        Subject::Service(id, transport, port) => {
            let address = inspection.address(id).map_or_else(|| "a host".to_owned(), |a| a.to_string());
            let what = what_it_is(inspection, subject);
            format!("{address} port {port}/{}{what}", transport.word())
        }
        Subject::Wireless(bssid) => {
            let address = crate::document::colons(&bssid.0);
            match inspection.network_name(bssid) {
                Some(name) => format!("access point {address} (\"{name}\")"),
                None => format!("access point {address}"),
            }
        }
    }
}

fn what_it_is(inspection: &Inspection<'_>, subject: Subject) -> String {
    let protocols: Vec<&str> = inspection.of(subject).filter_map(|s| protocol(&s.fact)).map(Protocol::word).collect();
    let mut what = protocols.join("+");
    if let Some(software) = inspection.software(subject).first() {
        what.push_str(", ");
        what.push_str(software.product.name());
        if let Some(version) = software.version {
            what.push(' ');
            what.push_str(version.as_str());
        }
    }
    if what.is_empty() { what } else { format!(" ({what})") }
}

fn services(inspection: &Inspection<'_>, out: &mut impl Write) -> io::Result<()> {
    let subjects = inspection.subjects(|fact| matches!(fact, Fact::Protocol(_)));
    if subjects.is_empty() {
        return Ok(());
    }
    writeln!(out, "{BOLD}Services heard{BOLD:#}")?;
    let mut lines: Vec<String> = subjects
        .iter()
        .map(|subject| {
            let zones: BTreeSet<&str> = inspection
                .of(*subject)
                .filter(|s| s.fact == Fact::Answered)
                .filter_map(|s| s.zone)
                .map(|z| z.word())
                .collect();
            let asked = if zones.is_empty() {
                String::new()
            } else {
                format!(", answered {}", zones.into_iter().collect::<Vec<_>>().join(", "))
            };
            format!("  {}{asked}", place(inspection, *subject))
        })
        .collect();
    lines.sort();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    writeln!(out)
}

fn networks(inspection: &Inspection<'_>, out: &mut impl Write) -> io::Result<()> {
    let heard: BTreeSet<Subject> =
        inspection.heard.summary.sightings.iter().filter(|s| s.fact == Fact::WifiBeacon).map(|s| s.subject).collect();
    if heard.is_empty() {
        return Ok(());
    }
    writeln!(out, "{BOLD}Wireless networks heard{BOLD:#}")?;
    for subject in heard {
        writeln!(out, "  {}", network(inspection, subject))?;
    }
    writeln!(out)
}

/// A wireless network in one line.
pub(crate) fn network(inspection: &Inspection<'_>, subject: Subject) -> String {
    let word = |name: &str| {
        let value = inspection.stated(subject).and_then(|s| s.values.get(name));
        value.map_or_else(|| "unknown".to_owned(), |v| v.to_string())
    };
    format!(
        "{}: {}, owner {}, {} announcements",
        place(inspection, subject),
        word("wifi.security"),
        word("wifi.owner"),
        word("wifi.beacons"),
    )
}

fn coverage(inspection: &Inspection<'_>, out: &mut impl Write) -> io::Result<()> {
    let c = &inspection.heard.summary.counters;
    let heard = inspection.protocols();
    let silent: Vec<&str> = Protocol::ALL.iter().map(|p| p.word()).filter(|w| !heard.contains(w)).collect();
    writeln!(out, "{BOLD}What this capture cannot tell{BOLD:#}")?;
    line(out, "silent", &format!("not heard at all: {}", silent.join(", ")))?;
    if inspection.heard.is_assumed {
        line(
            out,
            "networks",
            "no --home given: private addresses are taken as the clinic's, all others as the internet",
        )?;
    }
    if c.wireless_frames == 0 {
        line(out, "wireless", "no radio frames: nothing is known of Wi-Fi")?;
    }
    let counted = [
        (c.one_sided, "conversations of which one side was not heard"),
        (c.holes, "holes: octets that were sent but not captured"),
        (c.cut, "frames of which the capture kept only the beginning"),
        (c.fragments, "IP fragments whose packet was not whole"),
        (c.malformed, "frames that contradict themselves"),
        (c.not_understood, "frames of protocols that are not looked into"),
        (c.conversations_let_go, "conversations let go for want of room"),
        (c.observations_let_go, "observations let go for want of room"),
    ];
    for (n, what) in counted.into_iter().filter(|(n, _)| *n > 0) {
        line(out, "", &format!("{n} {what}"))?;
    }
    if let Some(stopped) = &inspection.heard.stopped {
        line(out, "ended", &stopped.to_string())?;
    }
    writeln!(out)
}

/// A label, then words, broken to [`WIDTH`] columns.
fn line(out: &mut impl Write, label: &str, words: &str) -> io::Result<()> {
    write!(out, "{DIM}{label:>8}{DIM:#}")?;
    let mut column = 8usize;
    for word in words.split(' ') {
        let length = word.chars().count();
        if column.saturating_add(length) >= WIDTH && column > 8 {
            write!(out, "\n{:8}", "")?;
            column = 8;
        }
        write!(out, " {word}")?;
        column = column.saturating_add(length).saturating_add(1);
    }
    writeln!(out)
}

const fn colour(severity: Severity) -> Style {
    match severity {
        Severity::Critical => AnsiColor::BrightRed.on_default().bold(),
        Severity::High => AnsiColor::Red.on_default(),
        Severity::Medium => AnsiColor::Yellow.on_default(),
        Severity::Low => AnsiColor::Cyan.on_default(),
        Severity::Info => AnsiColor::Blue.on_default(),
    }
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Columns of a line: what fits a terminal beside another window.
const WIDTH: usize = 100;
