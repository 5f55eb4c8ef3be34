//! Every finding of the catalogue is raised by octets: the table of `tests/raised.rs`, from a capture file through sensor and judge.
//!
//! And what only looks like one, the table of `tests/trapped.rs`, does not raise it.
//!
//! Counts as failure: a finding without an entry and without a reason, an entry that does not raise it, a reason that no longer
//! holds, a trap that raises what it must not.

use auscult_assess::knowledge::Knowledge;
use auscult_tests::raised::{BY_REPORTS, NOT_YET, RAISED, Raises};
use auscult_tests::root;
use auscult_tests::trapped::{MILDER, TRAPPED};
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
    let knowledge = Knowledge::compiled();
    let (mut faults, mut tried) = (Vec::new(), BTreeSet::new());
    let traps = TRAPPED.iter().flat_map(|traps| traps.iter()).map(|trap| (None, trap));
    for (at_most, (finding, words, tale)) in traps.chain(MILDER.iter().map(|(level, trap)| (Some(*level), trap))) {
        let Some(rule) = knowledge.rule(finding) else {
            faults.push(format!("the catalogue has no {finding}"));
            continue;
        };
        if !rule.traps().any(|trap| trap.starts_with(words)) {
            faults.push(format!("{finding} has no trap that begins with {words:?}"));
        }
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
        tried.insert((*finding, *words));
    }
    let all: usize = knowledge.rules().iter().map(|rule| rule.traps().count()).sum();
    println!("{} of {all} traps are tried", tried.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn entries() -> impl Iterator<Item = &'static Raises> {
    RAISED.iter().flat_map(|(_, entries)| entries.iter())
}
