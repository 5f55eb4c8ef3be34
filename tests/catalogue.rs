//! Every finding of the catalogue is raised by octets: the table of `tests/raised.rs`, from a capture file through sensor and judge.
//!
//! And what only looks like one, the tables of `tests/trapped.rs` and `tests/trap.rs`, does not raise it, or becomes what they say.
//!
//! Counts as failure: a finding without an entry and without a reason, an entry that does not raise it, a reason that no longer
//! holds, a trap that raises what it must not, a trap of the catalogue that is in no table.

use auscult_assess::knowledge::Knowledge;
use auscult_assess::sensing::Sensing;
use auscult_assess::{Rule, SHOWN_PERCENT, SURE_PERCENT, assess_by};
use auscult_tests::octets::ntlm_challenge;
use auscult_tests::raised::{BY_REPORTS, NOT_YET, RAISED, Raises};
use auscult_tests::tale::Tale;
use auscult_tests::talks::{DEVICE, SERVER, browse};
use auscult_tests::told::shows;
use auscult_tests::trap::{ELSEWHERE, Story, TRAPS, Told, UNTOLD, Why};
use auscult_tests::trapped::{MILDER, TRAPPED};
use auscult_tests::{hear, inspect_piped, root};
use std::collections::BTreeSet;
use std::fs;

#[test]
fn every_finding_of_the_catalogue_is_raised_by_octets() {
    let knowledge = Knowledge::compiled();
    let mut faults = Vec::new();
    let mut raised_by_any = BTreeSet::new();
    for (finding, tale) in entries() {
        let (raised, sightings) = tale().raised();
        if !raised.contains_key(finding) {
            let others: Vec<&str> = raised.keys().copied().collect();
            faults.push(format!("{finding} is not raised; {sightings} sightings raise {}", others.join(", ")));
        }
        raised_by_any.extend(raised.into_keys());
    }
    for rule in knowledge.rules() {
        let entered = entries().filter(|(finding, _)| *finding == rule.id()).count();
        let by_reports = BY_REPORTS.iter().filter(|(finding, ..)| *finding == rule.id()).count();
        let entered = entered + by_reports;
        let excused = NOT_YET.iter().filter(|(finding, _)| *finding == rule.id()).count();
        match (entered, excused) {
            (1.., 0) | (0, 1) => {}
            (0, _) => faults.push(format!("{}: nothing raises it, and no reason stands in NOT_YET", rule.id())),
            _ => faults.push(format!("{}: it is raised, and has a reason why not", rule.id())),
        }
    }
    for (finding, file, test) in BY_REPORTS {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let body = text.split_once(&format!("fn {test}()")).unwrap_or_else(|| panic!("{file} has no test {test}")).1;
        let body = body.split("\n}\n").next().unwrap_or_default();
        assert!(body.contains(&format!("steps(\"{finding}\"), [\"opened")), "{test} does not raise {finding}");
    }
    for (finding, reason) in NOT_YET {
        assert!(reason.len() > 20, "{finding}: {reason:?} is no reason");
        if knowledge.rule(finding).is_none() {
            faults.push(format!("the catalogue has no {finding}"));
        }
        if raised_by_any.contains(finding) {
            faults.push(format!("{finding} is raised now, although \"{reason}\""));
        }
    }
    let all = knowledge.rules().len();
    println!("{} of {all} findings are raised, {} not yet", all - NOT_YET.len(), NOT_YET.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_only_looks_like_a_finding_is_not_raised_or_is_milder() {
    let (knowledge, mut faults) = (Knowledge::compiled(), Vec::new());
    let traps = TRAPPED.iter().flat_map(|traps| traps.iter()).map(|trap| (None, trap));
    for (at_most, (finding, words, tale)) in traps.chain(MILDER.iter().map(|(level, trap)| (Some(*level), trap))) {
        let (raised, sightings) = tale().raised();
        match (raised.get(finding), at_most) {
            (Some((severity, _)), None) => faults.push(format!("{finding}: {words:?} raises it ({})", severity.word())),
            (None, Some(_)) => faults.push(format!("{finding}: {words:?} does not raise it at all")),
            (Some((severity, _)), Some(most)) if *severity > most => {
                faults.push(format!("{finding}: {words:?} is {}, not {}", severity.word(), most.word()));
            }
            _ => {}
        }
        if sightings < 2 {
            faults.push(format!("{finding}: {words:?} is not heard at all"));
        }
    }
    for (finding, words, told) in TRAPS.iter().flat_map(|traps| traps.iter()) {
        let Some(rule) = knowledge.rule(finding) else { continue };
        if let Err(fault) = holds(rule, told) {
            faults.push(format!("{finding}: {words:?} {fault}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Whether a trap becomes what its table says.
fn holds(rule: &Rule, told: &Told) -> Result<(), String> {
    let finding = rule.id();
    let worst = |tale: Story| {
        let (raised, sightings) = tale().raised();
        let others: Vec<&str> = raised.keys().copied().collect();
        raised
            .get(finding)
            .copied()
            .ok_or(format!("does not raise it; {sightings} sightings raise {}", others.join(", ")))
    };
    let not = |tale: Story, twin: Story| {
        if let Ok((severity, percent)) = worst(tale) {
            return Err(format!("raises it ({}, {percent} of 100)", severity.word()));
        }
        if tale().raised().1 < 2 {
            return Err("is not heard at all".to_owned());
        }
        worst(twin).map(|_| ()).map_err(|fault| format!(": its twin {fault}"))
    };
    match told {
        Told::Not(tale, twin) => not(*tale, *twin)?,
        Told::Instead(other, tale, twin) => {
            not(*tale, *twin)?;
            if !tale().raised().0.contains_key(other) {
                return Err(format!("does not raise {other} instead"));
            }
        }
        Told::AtMost(most, tale) => {
            let (severity, _) = worst(*tale)?;
            if severity > *most {
                return Err(format!("is {}, not {}", severity.word(), most.word()));
            }
        }
        Told::Still(least, tale) => {
            let (severity, _) = worst(*tale)?;
            if severity < *least {
                return Err(format!("is {}, not {}", severity.word(), least.word()));
            }
        }
        Told::Without(other, tale) => {
            worst(*tale)?;
            if tale().raised().0.contains_key(other) {
                return Err(format!("raises {other} too"));
            }
        }
        Told::Unsure(most, tale) => {
            let (_, percent) = worst(*tale)?;
            if percent > *most {
                return Err(format!("is {percent} of 100 sure, not {most}"));
            }
        }
        Told::Says(words) => {
            if ![rule.title(), rule.remedy()].iter().any(|text| text.contains(words)) {
                return Err(format!("is not told by the words {words:?}"));
            }
        }
    }
    Ok(())
}

#[test]
fn every_trap_of_the_catalogue_is_tried_or_says_why_not() {
    let knowledge = Knowledge::compiled();
    let mut tried: Vec<(&str, &str)> =
        TRAPPED.iter().flat_map(|traps| traps.iter()).map(|(f, w, _)| (*f, *w)).collect();
    tried.extend(MILDER.iter().map(|(_, (finding, words, _))| (*finding, *words)));
    tried.extend(TRAPS.iter().flat_map(|traps| traps.iter()).map(|(finding, words, _)| (*finding, *words)));
    tried.extend(ELSEWHERE.iter().map(|(finding, words, ..)| (*finding, *words)));
    let untold: Vec<(&str, &str)> = UNTOLD.iter().map(|(finding, words, _)| (*finding, *words)).collect();
    let mut faults = Vec::new();
    for (finding, words) in tried.iter().chain(&untold) {
        let fits =
            knowledge.rule(finding).map_or(0, |rule| rule.traps().filter(|trap| trap.starts_with(words)).count());
        if fits != 1 {
            faults.push(format!("{finding} has {fits} traps that begin with {words:?}"));
        }
    }
    let (mut of_tried, mut of_untold, mut waiting) = (0, 0, 0);
    for rule in knowledge.rules() {
        let waits = NOT_YET.iter().any(|(finding, _)| *finding == rule.id());
        for trap in rule.traps() {
            let is_in =
                |list: &[(&str, &str)]| list.iter().any(|(f, words)| *f == rule.id() && trap.starts_with(words));
            match (is_in(&tried), is_in(&untold)) {
                (true, false) => of_tried += 1,
                (false, true) => of_untold += 1,
                (false, false) if waits => waiting += 1,
                (false, false) => {
                    faults.push(format!("{}: nothing tries {trap:?}, and no reason stands in UNTOLD", rule.id()))
                }
                (true, true) => faults.push(format!("{}: {trap:?} is tried, and has a reason why not", rule.id())),
            }
        }
    }
    println!("{of_tried} traps are tried, {of_untold} cannot be put into octets, {waiting} wait for their finding");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_stands_elsewhere_is_there_and_reasons_still_hold() {
    for (finding, words, file, test) in ELSEWHERE {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let body = text.split_once(&format!("fn {test}()")).unwrap_or_else(|| panic!("{file} has no test {test}")).1;
        let end = if file.contains("/src/") { "\n    }\n" } else { "\n}\n" };
        assert!(body.split(end).next().unwrap().contains(finding), "{test} does not name {finding} ({words})");
    }
    let facts = fs::read_dir(root().join("assess/src/facts")).unwrap();
    let sources: String = facts.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    assert!(sources.contains("\"web.open_documents\""), "facts are said elsewhere now");
    for (finding, words, why) in UNTOLD {
        let (Why::Decision(reason) | Why::Unsaid(_, reason) | Why::Unheard(reason)) = why;
        assert!(reason.len() > 40, "{finding}: {reason:?} is no reason for {words:?}");
        if let Why::Unsaid(fact, _) = why {
            assert!(!sources.contains(&format!("\"{fact}\"")), "{fact} is said now: {finding}, {words:?} can be tried");
        }
    }
}

#[test]
fn a_sensor_that_is_not_sure_of_the_day_is_not_sure_of_an_end() {
    let knowledge = Knowledge::compiled();
    for (finding, ends) in [("cert-expired", (2026, 10, 1)), ("cert-expires-soon", (2026, 12, 1))] {
        let tale = Tale::built(shows("pacs.example", 0xc02f, "pacs.example", ends));
        let (_, summary) = hear(&tale.octets, tale.place.settings()).unwrap();
        let sure = |clock_off_s| {
            let sensing = Sensing { clock_off_s, ..Sensing::default() };
            let findings = assess_by(&summary, &sensing, &knowledge, summary.window.to);
            findings.iter().find(|f| f.rule.id() == finding).map(|f| f.confidence_percent)
        };
        assert!(sure(Some(60)).is_some_and(|percent| percent >= SURE_PERCENT), "{finding} of a sensor with a clock");
        assert!(sure(Some(7_200)).is_some_and(|percent| percent < SHOWN_PERCENT), "{finding} is an observation then");
    }
}

#[test]
fn the_base_build_of_a_family_is_not_called_by_one_of_its_names() {
    let tale = Tale::built(browse(DEVICE, SERVER, &[("/", &ntlm_challenge(10, 0, 19_041))]));
    let output = inspect_piped(&["--home", "192.168.20.0/24", "-"], &tale.octets);
    let told = String::from_utf8(output.stdout).unwrap();
    let title = Knowledge::compiled().rule("windows-probably-without-updates").unwrap().title();
    assert!(told.contains(title), "{told}");
    // What may have been mistaken names them all.
    let heard = told.lines().find(|line| line.trim_start().starts_with("heard ")).expect("it says what it heard");
    assert!(heard.contains("19041"), "{heard}");
    for name in ["2004", "20H2", "21H1", "21H2", "22H2"] {
        assert!(!heard.contains(name) && !title.contains(name), "one of several: {name}\n{heard}");
    }
}

fn entries() -> impl Iterator<Item = &'static Raises> {
    RAISED.iter().flat_map(|(_, entries)| entries.iter())
}
