//! Drafts of letters: to the persons concerned, to an authority, to who hired us. Plain words with gaps to fill, marked DRAFT.
//!
//! What such a letter must say follows 45 CFR 164.404(c), GDPR 33(3) and 34(2), NZ Privacy Act 2020 s 117 in our own words; it is no
//! legal advice. Keeps: nothing. Drops: everything that only the clinic knows: that is a gap.

use super::Desk;
use super::deadlines::found;
use super::guard::Visit;
use super::page::{Answered, Frame, html};
use super::problem::Problem;
use super::words::{day, moment};
use askama::Template;
use auscult_assess::clock::LawClock;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "letter.html")]
struct LetterPage {
    frame: Frame,
    back: String,
    clock: LawClock,
    subject: String,
    /// A heading, and what stands below it: text and gaps by turns.
    parts: Vec<(&'static str, Vec<Piece>)>,
}

/// A piece of a letter.
enum Piece {
    Text(String),
    Gap(&'static str),
}

use Piece::{Gap, Text};

pub(super) fn page(_: &Arc<Desk>, visit: &Visit) -> Answered {
    let at = visit.clinic()?;
    let matter = found(at, visit)?;
    let notice = matter.notices().into_iter().find(|n| n.clock.id == visit.part("clock"));
    let clock = notice.ok_or(Problem::NOT_FOUND)?.clock;
    let facts = Facts {
        clinic: at.row.title.clone(),
        discovered: moment(matter.discovered),
        day: day(matter.discovered),
        due: clock.rule.due(matter.discovered, |_| None).map(moment),
    };
    let (subject, parts) = match reader(&clock) {
        Reader::Person => (format!("What happened to your data at {}", facts.clinic), to_persons(&facts)),
        Reader::Authority => {
            (format!("Notice of a breach of personal data at {}", facts.clinic), to_authority(&facts, &clock))
        }
        Reader::Principal => (format!("Notice of a breach to {}", clock.told), to_principal(&facts)),
        Reader::Media => (format!("{} informs about a breach of patients' data", facts.clinic), to_media(&facts)),
        Reader::Own => (format!("Record of a breach at {}", facts.clinic), to_own_file(&facts)),
    };
    let back = format!("/clinics/{}/deadlines/{}", at.row.name, matter.no);
    html(&LetterPage { frame: visit.frame("Draft of a letter", "deadlines"), back, clock, subject, parts })
}

struct Facts {
    clinic: String,
    discovered: String,
    day: String,
    due: Option<String>,
}

/// Who reads it.
enum Reader {
    Person,
    Authority,
    /// Who hired the sender: a covered entity, a controller.
    Principal,
    Media,
    Own,
}

fn reader(clock: &LawClock) -> Reader {
    match clock.told {
        "covered entity" | "controller" => Reader::Principal,
        "own file" | "-" => Reader::Own,
        told if told.contains("media") => Reader::Media,
        told if told.contains("person") => Reader::Person,
        _ => Reader::Authority,
    }
}

fn text(words: impl Into<String>) -> Piece {
    Text(words.into())
}

fn to_persons(facts: &Facts) -> Vec<(&'static str, Vec<Piece>)> {
    vec![
        ("", vec![text("Dear "), Gap("name"), text(",")]),
        (
            "What happened",
            vec![
                text(format!("On {} we learnt that ", facts.day)),
                Gap("what happened, in one or two plain sentences; since when, if known"),
                text(". We are sorry that this happened."),
            ],
        ),
        (
            "Which data of yours",
            vec![
                text("Concerned are "),
                Gap(
                    "kinds of data: name, date of birth, images, findings, insurance number; say also what was not concerned",
                ),
                text("."),
            ],
        ),
        (
            "What we have done",
            vec![text("We have "), Gap("what was stopped, mended and investigated, with dates"), text(".")],
        ),
        (
            "What you can do",
            vec![
                Gap(
                    "steps that protect the person: watch statements, change a password, beware of calls that mention the treatment; what help is offered, free of charge",
                ),
                text("."),
            ],
        ),
        (
            "Whom to ask",
            vec![
                text("Please ask "),
                Gap("a person, a telephone number free of charge, an e-mail address, a postal address"),
                text(". You may also turn to "),
                Gap("the authority that is competent, if the law asks to name it"),
                text("."),
            ],
        ),
        ("", vec![text("Yours sincerely, "), Gap("name and role"), text(format!(", {}", facts.clinic))]),
    ]
}

fn to_authority(facts: &Facts, clock: &LawClock) -> Vec<(&'static str, Vec<Piece>)> {
    let mut when = vec![
        text(format!("The breach was discovered on {}. It began on ", facts.discovered)),
        Gap("date, or not known"),
        text(" and ended on "),
        Gap("date, or not known"),
    ];
    when.push(text(facts.due.as_ref().map_or(".".to_owned(), |due| format!(". This notice is due before {due}."))));
    vec![
        ("To", vec![text(format!("{} ({})", clock.told, clock.cite))]),
        (
            "Who reports",
            vec![
                text(format!("{}, as {}; ", facts.clinic, clock.who_tells)),
                Gap("registered name, address, number with the authority"),
                text("; contact for questions, or data protection officer: "),
                Gap("name, telephone, e-mail"),
                text("."),
            ],
        ),
        ("When", when),
        (
            "What happened",
            vec![Gap("nature of the breach: seen, taken, changed, lost; how it was found; which systems"), text(".")],
        ),
        (
            "Who and what is concerned",
            vec![
                text("About "),
                Gap("number"),
                text(" persons and "),
                Gap("number"),
                text(" records: "),
                Gap("categories of persons and of data"),
                text("."),
            ],
        ),
        ("Likely consequences", vec![Gap("what may follow for the persons, and how likely that is"), text(".")]),
        (
            "What was done",
            vec![Gap("measures taken and planned, with dates; whether persons were told, when and how"), text(".")],
        ),
        (
            "If this comes late or in parts",
            vec![Gap("reasons for the delay; what will be handed in later, and until when"), text(".")],
        ),
        (
            "Evidence",
            vec![text(
                "Signed reports of the sensor, their places in the record and its checkpoints can be checked without the provider; a bundle is available on request.",
            )],
        ),
    ]
}

fn to_principal(facts: &Facts) -> Vec<(&'static str, Vec<Piece>)> {
    vec![
        ("", vec![text("To "), Gap("the organisation on whose behalf the data are processed, and its contact")]),
        (
            "What happened",
            vec![
                text(format!("On {} we discovered ", facts.discovered)),
                Gap("what happened, in plain words"),
                text(". Under our contract and the law we tell you without delay."),
            ],
        ),
        (
            "Whose data",
            vec![Gap("each person concerned, as far as known, in a separate list that is sent protected"), text(".")],
        ),
        (
            "What you will need for your own notices",
            vec![Gap("kinds of data, since when, measures, likely consequences"), text(".")],
        ),
        ("Whom to ask", vec![Gap("name, telephone, e-mail"), text(format!(", {}", facts.clinic))]),
    ]
}

fn to_media(facts: &Facts) -> Vec<(&'static str, Vec<Piece>)> {
    vec![
        (
            "",
            vec![
                Gap("place"),
                text(", "),
                Gap("date"),
                text(format!(": {} informs its patients that ", facts.clinic)),
                Gap("what happened, in one sentence"),
                text(format!(". It was discovered on {}.", facts.day)),
            ],
        ),
        ("Who may be concerned", vec![Gap("which patients, of which time, how many"), text(".")]),
        ("What was done", vec![Gap("measures, with dates"), text(".")]),
        ("What patients can do", vec![Gap("steps, and the telephone number free of charge"), text(".")]),
    ]
}

fn to_own_file(facts: &Facts) -> Vec<(&'static str, Vec<Piece>)> {
    vec![
        (
            "What happened",
            vec![text(format!("Discovered on {}: ", facts.discovered)), Gap("the facts of the breach"), text(".")],
        ),
        ("Its effects", vec![Gap("for whom, how many, how bad"), text(".")]),
        ("What was done", vec![Gap("measures, with dates"), text(".")]),
        ("Who was told, or why nobody was", vec![Gap("authority, persons; or the assessment of the risk"), text(".")]),
    ]
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests {
    use super::*;
    use auscult_assess::clock::{clock, clocks};

    #[test]
    fn every_clock_has_its_reader() {
        let of = |id: &str| reader(&clock(id).unwrap());
        assert!(matches!(of("hipaa-individuals"), Reader::Person));
        assert!(matches!(of("gdpr-authority"), Reader::Authority));
        assert!(matches!(of("hipaa-business-associate"), Reader::Principal));
        assert!(matches!(of("gdpr-processor"), Reader::Principal));
        assert!(matches!(of("hipaa-media"), Reader::Media));
        assert!(matches!(of("gdpr-record"), Reader::Own));
        assert!(matches!(of("us-ca-ag"), Reader::Authority));
        assert!(matches!(of("us-fl"), Reader::Person));
    }

    #[test]
    fn a_letter_says_what_is_known_and_leaves_the_rest_open() {
        let facts = || Facts {
            clinic: "Clinic <north>".to_owned(),
            discovered: "21 November 2026, 14:02 UTC".to_owned(),
            day: "21 November 2026".to_owned(),
            due: Some("24 November 2026".to_owned()),
        };
        for clock in clocks() {
            let parts = match reader(&clock) {
                Reader::Person => to_persons(&facts()),
                Reader::Authority => to_authority(&facts(), &clock),
                Reader::Principal => to_principal(&facts()),
                Reader::Media => to_media(&facts()),
                Reader::Own => to_own_file(&facts()),
            };
            let pieces: Vec<&Piece> = parts.iter().flat_map(|(_, pieces)| pieces).collect();
            let gaps = pieces.iter().filter(|p| matches!(p, Gap(_))).count();
            let text: String =
                pieces.iter().filter_map(|p| if let Text(t) = p { Some(t.as_str()) } else { None }).collect();
            assert!(gaps >= 3 && text.contains("21 November 2026"), "{}: {gaps} {text}", clock.id);
        }
    }
}
