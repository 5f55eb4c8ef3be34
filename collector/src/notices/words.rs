//! What a notice says: the catalogue's sentence, the clinic, how bad, since when, and where to sign in.
//!
//! Keeps: what may stand on a locked telephone's screen. Drops: hosts, ports, addresses, pseudonyms, proofs, and links that sign somebody
//! in: none of them reaches this file.

use super::plan::{self, SILENT, hex};
use crate::config::{Kind, LEVELS, Place};
use crate::store::{DueKind, Told};
use auscult_assess::knowledge::Knowledge;
use auscult_report::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

/// What words are made of.
pub(super) struct Words {
    pub(super) knowledge: Arc<Knowledge>,
    /// Where people sign in.
    pub(super) page: Option<String>,
    /// The archive's name.
    pub(super) archive: String,
}

/// One notice in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The notice's id, as digits.
    pub(super) id: String,
    /// The matter's key, as digits: the same for its whole life.
    pub(super) key: String,
    /// The word of a [`Kind`], or `test`.
    pub(super) event: &'static str,
    /// For machines: what of what.
    pub(super) kind: &'static str,
    /// 0 info to 4 critical.
    pub(super) severity: u8,
    /// One sentence.
    pub(super) title: String,
    pub(super) clinic: String,
    pub(super) clinic_name: String,
    /// What people call the sensor's site; empty: none.
    pub(super) site: String,
    /// The rule's id; empty: none.
    pub(super) rule: String,
    pub(super) at: Timestamp,
}

/// An e-mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) subject: String,
    pub(super) text: String,
}

impl Words {
    /// The words for what a parcel says.
    pub(super) fn message(&self, id: &[u8; 16], told: &Told) -> Message {
        let kind = plan::kind_of(&told.what, &told.rule);
        let title = self.title(told);
        let site = clean(&told.site);
        let is_sensor = told.rule == SILENT;
        let title = match kind {
            Some(Kind::Silent) => format!("Nothing is heard of the sensor at {site}"),
            Some(Kind::Fixed) if is_sensor => format!("The sensor at {site} is heard again"),
            Some(Kind::Worse) if is_sensor => format!("Still nothing is heard of the sensor at {site}"),
            Some(Kind::Fixed) => format!("Gone: {title}"),
            Some(Kind::Worse) => format!("Worse: {title}"),
            Some(Kind::CameBack) => format!("It came back: {title}"),
            Some(Kind::Due) if told.what == DueKind::Deadline.word() => "A deadline has come".to_owned(),
            Some(Kind::Due) if told.what == DueKind::Review.word() => "A review is due".to_owned(),
            Some(Kind::Due) => format!("A decision has ended, and the matter asks again: {title}"),
            Some(Kind::Opened) | None => title,
        };
        Message {
            id: hex(id),
            key: hex(told.matter.first_chunk::<16>().unwrap_or(&[0; 16])),
            event: kind.map_or("opened", Kind::word),
            kind: machine_word(kind, told),
            severity: told.severity,
            title,
            clinic: clean(&told.clinic),
            clinic_name: told.clinic_name.clone(),
            site,
            rule: told.rule.clone(),
            at: told.at,
        }
    }

    /// A notice that is marked as a trial.
    pub(super) fn test(&self, id: &[u8; 16], now: Timestamp) -> Message {
        Message {
            id: hex(id),
            key: hex(id),
            event: "test",
            kind: "test",
            severity: 0,
            title: "TEST: this is a trial of notices; nothing is the matter".to_owned(),
            clinic: "(no clinic)".to_owned(),
            clinic_name: "none".to_owned(),
            site: String::new(),
            rule: String::new(),
            at: now,
        }
    }

    fn title(&self, told: &Told) -> String {
        let rule = self.knowledge.rules().iter().find(|r| r.id() == told.rule);
        rule.map_or("A finding whose rule is no longer in the catalogue", |r| r.title()).to_owned()
    }

    /// One notice, or a digest of many, as an e-mail.
    pub(super) fn mail(&self, messages: &[Message]) -> Letter {
        let mut text = String::new();
        let subject = match messages {
            [one] => {
                let _ = write!(
                    text,
                    "{}.\n\nClinic: {}\n{}Since: {}\n",
                    one.title,
                    one.clinic,
                    how_bad(one),
                    moment(one.at)
                );
                if one.event == "test" {
                    format!("[auscult] {}", one.title)
                } else {
                    format!("[auscult] {}: {}", one.clinic, one.title)
                }
            }
            _ => {
                let clinics: BTreeSet<&str> = messages.iter().map(|m| m.clinic_name.as_str()).collect();
                let mut sorted: Vec<&Message> = messages.iter().collect();
                sorted.sort_by_key(|m| (&m.clinic, u8::MAX.saturating_sub(m.severity), m.at));
                let mut clinic = "";
                for one in sorted.iter().take(MOST_LINES) {
                    if one.clinic != clinic {
                        clinic = &one.clinic;
                        let _ = writeln!(text, "{}{clinic}", if text.is_empty() { "" } else { "\n" });
                    }
                    let _ = writeln!(text, "  {:8}  {}  {}", level(one), moment(one.at), one.title);
                }
                let more = sorted.len().saturating_sub(MOST_LINES);
                if more > 0 {
                    let _ = write!(text, "\n... and {more} more.\n");
                }
                let worst = messages.iter().map(|m| m.severity).max().unwrap_or(0);
                let worst = LEVELS.get(usize::from(worst)).copied().unwrap_or("info");
                let places = if clinics.len() == 1 { "clinic" } else { "clinics" };
                format!("[auscult] {} notices from {} {places}, the worst {worst}", messages.len(), clinics.len())
            }
        };
        let page = self.page.as_deref().unwrap_or("your archive");
        let _ = write!(
            text,
            "\nWhat it is, what proves it and what to do is shown to who signs in at {page}\n\n\
             This mail holds no host, no address and no link that signs you in. It was sent by {}.\n",
            self.archive
        );
        Letter { subject, text }
    }

    /// For machines: everything that a notice says.
    pub(super) fn json(&self, message: &Message) -> Value {
        let Message { id, key, kind, title, clinic, clinic_name, site, rule, at, event, .. } = message;
        json!({
            "type": kind,
            "timestamp": moment(*at),
            "data": {
                "notice": id, "key": key, "event": event, "severity": level(message), "title": title, "clinic": clinic,
                "clinic_name": clinic_name, "site": site, "rule": rule, "page": self.page, "archive": self.archive,
            },
        })
    }

    /// What stands in the place of a template.
    pub(super) fn value(&self, place: Place, message: &Message, ticket: &str) -> String {
        match place {
            Place::Key => message.key.clone(),
            Place::Notice => message.id.clone(),
            Place::Ticket => ticket.to_owned(),
            Place::Event => message.event.to_owned(),
            Place::Severity => level(message).to_owned(),
            Place::Title => message.title.clone(),
            Place::Clinic => message.clinic.clone(),
            Place::ClinicName => message.clinic_name.clone(),
            Place::Rule => message.rule.clone(),
            Place::At => moment(message.at),
            Place::Page => self.page.clone().unwrap_or_default(),
        }
    }
}

/// The word of its severity.
pub(super) fn level(message: &Message) -> &'static str {
    LEVELS.get(usize::from(message.severity)).copied().unwrap_or("info")
}

/// Deadlines, reviews and silence have no severity of their own.
fn how_bad(message: &Message) -> String {
    if message.rule.is_empty() || message.rule == SILENT {
        String::new()
    } else {
        format!("How bad: {}\n", level(message))
    }
}

fn machine_word(kind: Option<Kind>, told: &Told) -> &'static str {
    match kind {
        Some(Kind::Worse) => "finding.worse",
        Some(Kind::Fixed) if told.rule == SILENT => "sensor.heard",
        Some(Kind::Fixed) => "finding.fixed",
        Some(Kind::CameBack) => "finding.came_back",
        Some(Kind::Silent) => "sensor.silent",
        Some(Kind::Due) if told.what == DueKind::Deadline.word() => "deadline.due",
        Some(Kind::Due) if told.what == DueKind::Review.word() => "review.due",
        Some(Kind::Due) => "decision.due",
        Some(Kind::Opened) | None => "finding.opened",
    }
}

/// What people typed, on one line.
fn clean(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.chars().take(MOST_LETTERS).collect()
}

/// `2026-11-21T10:15:00Z`.
pub(super) fn moment(at: Timestamp) -> String {
    let at = i64::try_from(at.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map_or_else(|| "1970-01-01T00:00:00Z".to_owned(), |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// Lines of a digest.
const MOST_LINES: usize = 200;
/// Of a title.
const MOST_LETTERS: usize = 200;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::notices) fn words() -> Words {
        let page = Some("https://archive.example.org:8444".to_owned());
        Words { knowledge: Arc::new(Knowledge::compiled()), page, archive: "archive.example.org".to_owned() }
    }

    pub(in crate::notices) fn told(what: &str, rule: &str) -> Told {
        Told {
            clinic_name: "north".to_owned(),
            clinic: "Clinic\r\nBcc: North".to_owned(),
            site: "Main building".to_owned(),
            matter: [7; 32],
            what: what.to_owned(),
            at: Timestamp(1_795_256_100_000),
            rule: rule.to_owned(),
            severity: 3,
        }
    }

    #[test]
    fn each_kind_has_its_sentence() {
        let rule = "pacs-open-no-login-internet";
        let rule =
            words().knowledge.rules().iter().find(|r| r.id() == rule).map_or("database-open", |_| rule).to_owned();
        let said = |what: &str, rule: &str| words().message(&[1; 16], &told(what, rule));
        assert!(said("worse", &rule).title.starts_with("Worse: "));
        assert_eq!(said("opened", SILENT).title, "Nothing is heard of the sensor at Main building");
        assert_eq!(said("fixed", SILENT).title, "The sensor at Main building is heard again");
        assert_eq!(
            (said("review due", "").title.as_str(), said("review due", "").kind),
            ("A review is due", "review.due")
        );
        assert_eq!(said("deadline due", "").kind, "deadline.due");
        assert!(
            said("decision due", "sensor-deaf").title.starts_with("A decision has ended, and the matter asks again: ")
        );
        assert_eq!(said("opened", "gone-rule").title, "A finding whose rule is no longer in the catalogue");
        let kinds = ["opened", "worse", "fixed", "came back"].map(|what| said(what, "sensor-deaf").kind);
        assert_eq!(kinds, ["finding.opened", "finding.worse", "finding.fixed", "finding.came_back"]);
    }

    #[test]
    fn a_mail_says_what_and_where_on_lines_of_its_own() {
        let message = words().message(&[1; 16], &told("opened", "sensor-deaf"));
        let letter = words().mail(std::slice::from_ref(&message));
        assert!(letter.subject.starts_with("[auscult] Clinic  Bcc: North: ") && !letter.subject.contains(['\r', '\n']));
        assert!(
            letter.text.contains("Clinic: Clinic  Bcc: North\nHow bad: high\nSince: 2026-11-21T10:15:00Z\n"),
            "{}",
            letter.text
        );
        assert!(letter.text.contains("signs in at https://archive.example.org:8444\n"));
        assert!(!letter.text.contains(&message.key), "not even the matter's key");
    }

    #[test]
    fn a_digest_has_each_clinic_once_the_worst_first() {
        let with = |clinic: &str, severity: u8| {
            let told = Told {
                clinic: clinic.to_owned(),
                clinic_name: clinic.to_owned(),
                severity,
                ..told("opened", "sensor-deaf")
            };
            words().message(&[1; 16], &told)
        };
        let letter = words().mail(&[with("b", 1), with("a", 2), with("b", 4)]);
        assert_eq!(letter.subject, "[auscult] 3 notices from 2 clinics, the worst critical");
        let at = |what: &str| letter.text.find(what).unwrap();
        assert!(at("a\n  medium") < at("\nb\n  critical") && at("critical") < at("low"));
        let many: Vec<Message> = (0..250).map(|_| with("a", 1)).collect();
        assert!(words().mail(&many).text.contains("... and 50 more."));
    }

    #[test]
    fn a_machine_is_told_the_same_and_no_more() {
        let json = words().json(&words().message(&[0xab; 16], &told("came back", "sensor-deaf")));
        assert_eq!(
            (json["type"].as_str(), json["timestamp"].as_str()),
            (Some("finding.came_back"), Some("2026-11-21T10:15:00Z"))
        );
        let keys: Vec<&str> = json["data"].as_object().unwrap().keys().map(String::as_str).collect();
        let mut known =
            ["notice", "key", "event", "severity", "title", "clinic", "clinic_name", "site", "rule", "page", "archive"];
        known.sort_unstable();
        assert_eq!(keys, known);
        assert_eq!(json["data"]["notice"], "ab".repeat(16));
    }
}
