//! Holds `collector/docs/asvs.md` to what is there: every item of levels 1 and 2 stands in it once, and every test that it names exists.
//!
//! Counts as failure: an item that is forgotten, a test that was renamed or is gone, a line that says nothing. Does not: an item that is
//! not met, as long as the line says so and why.

use auscult_tests::root;
use std::collections::BTreeMap;
use std::fs;

#[test]
fn every_item_of_level_2_stands_there_once_with_a_test_that_exists_or_a_reason() {
    let text = fs::read_to_string(root().join("collector/docs/asvs.md")).unwrap();
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let (mut states, mut faults): (BTreeMap<String, usize>, Vec<String>) = Default::default();
    for line in text.lines().filter(|l| l.starts_with("| ") && !l.starts_with("| item ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [item, state, why] = cells[..] else { panic!("not three cells: {line}") };
        *found.entry(item.to_owned()).or_default() += 1;
        *states.entry(state.to_owned()).or_default() += 1;
        if !["met", "by design", "n/a", "not met"].contains(&state) {
            faults.push(format!("{item}: no state is called {state}"));
        }
        if why.len() < 6 || (state == "met" && !why.contains("::")) {
            faults.push(format!("{item}: {state}, but by what?"));
        }
    }
    for named in text.split('`').skip(1).step_by(2).filter(|word| word.contains("::")) {
        let (file, test) = named.split_once("::").unwrap();
        let source = fs::read_to_string(root().join(file)).unwrap_or_default();
        if !source.contains(&format!("#[test]\nfn {test}()")) && !source.contains(&format!("#[test]\n    fn {test}()"))
        {
            faults.push(format!("there is no test {named}"));
        }
    }
    for (section, last) in ITEMS {
        for number in last.iter() {
            let item = format!("{section}.{number}");
            if found.remove(&item) != Some(1) {
                faults.push(format!("{item} does not stand there once"));
            }
        }
    }
    faults.extend(
        found.keys().filter(|item| !item.starts_with("17.")).map(|item| format!("{item} is no item of level 2")),
    );
    println!("{states:?}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The items of levels 1 and 2 of ASVS 5.0.0, section by section.
const ITEMS: &[(&str, &[u8])] = &[
    ("1.1", &[1, 2]),
    ("1.2", &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ("1.3", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ("1.4", &[1, 2, 3]),
    ("1.5", &[1, 2]),
    ("2.1", &[1, 2, 3]),
    ("2.2", &[1, 2, 3]),
    ("2.3", &[1, 2, 3, 4]),
    ("2.4", &[1]),
    ("3.2", &[1, 2]),
    ("3.3", &[1, 2, 3, 4]),
    ("3.4", &[1, 2, 3, 4, 5, 6]),
    ("3.5", &[1, 2, 3, 4, 5]),
    ("3.7", &[1, 2]),
    ("4.1", &[1, 2, 3]),
    ("4.2", &[1]),
    ("4.3", &[1, 2]),
    ("4.4", &[1, 2, 3, 4]),
    ("5.1", &[1]),
    ("5.2", &[1, 2, 3]),
    ("5.3", &[1, 2]),
    ("5.4", &[1, 2, 3]),
    ("6.1", &[1, 2, 3]),
    ("6.2", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ("6.3", &[1, 2, 3]),
    ("6.4", &[1, 2, 3, 4]),
    ("6.5", &[1, 2, 3, 4, 5]),
    ("6.6", &[1, 2, 3]),
    ("6.8", &[1, 2, 3, 4]),
    ("7.1", &[1, 2, 3]),
    ("7.2", &[1, 2, 3, 4]),
    ("7.3", &[1, 2]),
    ("7.4", &[1, 2, 3, 4, 5]),
    ("7.5", &[1, 2]),
    ("7.6", &[1, 2]),
    ("8.1", &[1, 2]),
    ("8.2", &[1, 2, 3]),
    ("8.3", &[1]),
    ("8.4", &[1]),
    ("9.1", &[1, 2, 3]),
    ("9.2", &[1, 2, 3, 4]),
    ("10.1", &[1, 2]),
    ("10.2", &[1, 2]),
    ("10.3", &[1, 2, 3, 4]),
    ("10.4", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ("10.5", &[1, 2, 3, 4, 5]),
    ("10.6", &[1, 2]),
    ("10.7", &[1, 2, 3]),
    ("11.1", &[1, 2]),
    ("11.2", &[1, 2, 3]),
    ("11.3", &[1, 2, 3]),
    ("11.4", &[1, 2, 3]),
    ("11.5", &[1]),
    ("11.6", &[1]),
    ("12.1", &[1, 2, 3]),
    ("12.2", &[1, 2]),
    ("12.3", &[1, 2, 3, 4]),
    ("13.1", &[1]),
    ("13.2", &[1, 2, 3, 4, 5]),
    ("13.3", &[1, 2]),
    ("13.4", &[1, 2, 3, 4, 5]),
    ("14.1", &[1, 2]),
    ("14.2", &[1, 2, 3, 4]),
    ("14.3", &[1, 2, 3]),
    ("15.1", &[1, 2, 3]),
    ("15.2", &[1, 2, 3]),
    ("15.3", &[1, 2, 3, 4, 5, 6, 7]),
    ("16.1", &[1]),
    ("16.2", &[1, 2, 3, 4, 5]),
    ("16.3", &[1, 2, 3, 4]),
    ("16.4", &[1, 2, 3]),
    ("16.5", &[1, 2, 3]),
];
