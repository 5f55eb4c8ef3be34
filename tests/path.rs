//! The whole path once, by hand: a capture is heard, sealed and spooled by the agent, carried over as files, kept, judged
//! and written into the ledger by the collector. Both are the programs themselves.

use auscult_tests::archive::Folder;
use auscult_tests::{agent, collector, root};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn what_a_sensor_hears_stands_in_the_ledger_and_in_the_findings_of_its_clinic() {
    let folder = Folder::new();
    let dir = &folder.0;
    write_configurations(dir);
    let identity = said(agent().arg("identity").arg("-c").arg(dir.join("agent.toml")));
    let (id, key) = (identity.lines().next().unwrap(), identity.lines().nth(2).unwrap());
    let fleet =
        "[[clinic]]\nname = \"north\"\ntitle = \"Clinic North\"\n[[clinic.site]]\nname = \"main\"\ntitle = \"Main\"\n";
    let sensor = format!("[[clinic.sensor]]\nsite = \"main\"\nkey = \"{key}\"\n");
    fs::write(dir.join("clinics.toml"), format!("{fleet}{sensor}")).unwrap();
    said(Command::new(collector()).args(["ledger", "new-key"]).arg(dir.join("ledger.key")));
    archive(dir, &["apply", "-f", dir.join("clinics.toml").to_str().unwrap()]);

    // Enrolment by hand: the sensor is told its clinic's ledger, which stands in the name of the ledger's key.
    let vkey = archive(dir, &["ledger", "key", "north"]);
    let ledger = vkey.split("/ledger/").nth(1).unwrap().split('/').next().unwrap();
    let told = dir.join("state/keys/ledger");
    fs::write(&told, format!("{ledger}\n")).unwrap();
    fs::set_permissions(&told, fs::Permissions::from_mode(0o600)).unwrap();

    said(agent().arg("run").arg("-c").arg(dir.join("agent.toml")));
    let mut reports: Vec<_> = fs::read_dir(dir.join("state/spool")).unwrap().map(|e| e.unwrap().path()).collect();
    reports.sort();
    let mut ingest = vec!["ingest".to_owned()];
    ingest.extend(reports.iter().map(|p| p.to_str().unwrap().to_owned()));
    let ingest: Vec<&str> = ingest.iter().map(String::as_str).collect();
    assert!(archive(dir, &ingest).contains(&format!("{} stored, 0 not", reports.len())));
    assert!(archive(dir, &ingest).contains(&format!("{} stored, 0 not", reports.len())), "a second time is no harm");

    let findings = archive(dir, &["findings", "north"]);
    for rule in ["dicom-records-given-outside", "orthanc-open", "hl7-open-outside", "portal-documents-without-login"] {
        assert!(findings.contains(rule), "{rule}: {findings}");
    }
    let checkpoint = archive(dir, &["ledger", "checkpoint", "north"]);
    let size: usize = checkpoint.lines().nth(1).unwrap().parse().unwrap();
    assert!(size >= reports.len() && size <= reports.len() + 1, "{checkpoint}");
    let whole = format!("{id} active (applied) at main; whole up to 0-{}", reports.len() - 1);
    assert!(archive(dir, &["sensors", "north"]).contains(&whole));
    assert_eq!(archive(dir, &["findings", "north"]), findings);
    archive(dir, &["rebuild", "north"]);
    assert_eq!(archive(dir, &["findings", "north"]), findings, "the same from the envelopes alone");
}

#[test]
fn the_demonstration_shows_three_clinics_and_cleans_up_when_it_is_interrupted() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_demo")).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let shown: Vec<String> = lines.by_ref().take_while(|line| !line.contains("It serves until Ctrl-C")).collect();
    let text = shown.join("\n");
    for (clinic, rule) in [
        ("Northside Imaging", "orthanc-open"),
        ("Lakeside Family Practice", "wifi-open-network"),
        ("Hilltop Laboratory", "database-no-login"),
    ] {
        let found = text.split("\n== ").find(|part| part.starts_with(clinic)).unwrap_or_default();
        assert!(found.contains(rule) && found.contains("ledger verify"), "{clinic}: {text}");
    }
    let folder = text.split("everything lies in ").nth(1).unwrap().lines().next().unwrap();
    assert!(Path::new(folder).join("archive.db").exists());
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(child.wait().unwrap().success());
    assert!(!Path::new(folder).exists(), "{folder} was left behind");
}

fn write_configurations(dir: &Path) {
    let (at, capture) = (dir.display(), root().join("tests/captures/clinic-day-mixed.pcap"));
    let agent = format!(
        "state = \"{at}/state\"\n[capture]\nreplay = \"{}\"\nspeed = 0.0\n[clinic]\nhome = [\"192.168.20.0/24\"]\n",
        capture.display()
    );
    fs::write(dir.join("agent.toml"), agent).unwrap();
    let collector = format!(
        "name = \"archive.example.org\"\n[store]\npath = \"{at}/archive.db\"\n[ledger]\nkey = \"{at}/ledger.key\"\n\
         tiles = \"{at}/ledger\"\nhighwater = \"{at}/highwater\"\n"
    );
    fs::write(dir.join("collector.toml"), collector).unwrap();
}

fn archive(dir: &Path, arguments: &[&str]) -> String {
    said(Command::new(collector()).arg("-c").arg(dir.join("collector.toml")).args(arguments))
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
