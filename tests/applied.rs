//! `apply`, `export` and `openapi` at an operator's terminal.
//!
//! Counts as failure: a dry run that writes; a run that does something else than the dry run said; something that is deleted.

use auscult_collector::web::openapi;
use auscult_tests::archive::Folder;
use auscult_tests::collector;
use auscult_tests::station::settings;
use std::fs;
use std::process::Command;

#[test]
fn a_dry_run_says_what_apply_does_and_writes_nothing() {
    let folder = Folder::new();
    fs::write(folder.0.join("collector.toml"), settings(&folder.0, 0)).unwrap();
    let key = "0a".repeat(32);
    let site = |title: &str| format!("[[clinic.site]]\nname = \"main\"\ntitle = \"{title}\"\n");
    let sensor = format!("[[clinic.sensor]]\nsite = \"main\"\nkey = \"{key}\"\n");
    let clinic = |name: &str, title: &str| format!("[[clinic]]\nname = \"{name}\"\ntitle = \"{title}\"\n");
    let first =
        [clinic("north", "North"), site("Main"), sensor.clone(), clinic("south", "South"), site("Main")].concat();
    let (dry, done) = (run(&folder, &first, true), run(&folder, &first, false));
    assert!(dry.starts_with("+ north: clinic \"North\"\n+ north: site main \"Main\"\n+ north: sensor "), "{dry}");
    assert!(dry.ends_with("5 changes; nothing was written\n") && done.ends_with("5 changes\n"), "{dry}{done}");
    assert_eq!(lines(&dry), lines(&done));
    assert_eq!(run(&folder, &first, true), "0 changes; nothing was written\n");
    // Another title, another quota, a site more; the second clinic and the sensor are not in the file any more.
    let quota = clinic("north", "North Side") + "quota_mib_day = 7\n";
    let second =
        [quota, site("Main house"), "[[clinic.site]]\nname = \"annex\"\ntitle = \"Annex\"\n".to_owned()].concat();
    let (dry, done) = (run(&folder, &second, true), run(&folder, &second, false));
    for line in [
        "~ north: clinic \"North\" -> \"North Side\" 268435456 -> 7340032 octets a day",
        "~ north: site main \"Main\" -> \"Main house\"",
        "+ north: site annex \"Annex\"",
        "  clinic south is not in the file, and stays",
    ] {
        assert!(dry.lines().any(|l| l == line), "{line}: {dry}");
    }
    assert!(
        dry.contains(" of north, active, at main is not in the file, and stays\n")
            && dry.ends_with("3 changes; nothing was written\n"),
        "{dry}"
    );
    assert_eq!(lines(&dry), lines(&done));
    let moved = second.clone() + &sensor.replace("site = \"main\"", "site = \"annex\"");
    let said = run(&folder, &moved, false);
    assert!(
        said.contains(" of north stays at main; the file has it at annex\n") && said.ends_with("0 changes\n"),
        "{said}"
    );
    let clinics = collect(&folder, &["sensors", "north"]);
    assert!(clinics.contains(" active (applied) at main"), "it is kept: {clinics}");
    assert!(collect(&folder, &["findings", "south"]).ends_with("0 findings\n"), "it is kept");
}

#[test]
fn lists_and_the_description_are_printed() {
    let folder = Folder::new();
    fs::write(folder.0.join("collector.toml"), settings(&folder.0, 0)).unwrap();
    run(&folder, "[[clinic]]\nname = \"north\"\ntitle = \"North\"\n", false);
    assert!(collect(&folder, &["export", "north", "findings.csv"]).starts_with("level,title,standing,"));
    assert_eq!(collect(&folder, &["export", "north", "hosts.jsonl"]), "");
    let refused = command(&folder, &["export", "north", "findings.xls"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("there is: findings.csv"), "{refused:?}");
    assert_eq!(refused.status.code(), Some(2));
    let printed = collect(&folder, &["openapi"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&printed).unwrap(), openapi());
}

/// What is said of changes, and of what is kept.
fn lines(said: &str) -> Vec<&str> {
    said.lines().filter(|line| !line.contains(" changes")).collect()
}

fn run(folder: &Folder, fleet: &str, dry: bool) -> String {
    let file = folder.0.join("fleet.toml");
    fs::write(&file, fleet).unwrap();
    let mut arguments = vec!["apply", "-f", file.to_str().unwrap()];
    arguments.extend(dry.then_some("--dry-run"));
    collect(folder, &arguments)
}

fn collect(folder: &Folder, arguments: &[&str]) -> String {
    let output = command(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn command(folder: &Folder, arguments: &[&str]) -> std::process::Output {
    Command::new(collector()).arg("-c").arg(folder.0.join("collector.toml")).args(arguments).output().unwrap()
}
