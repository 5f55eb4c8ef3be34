//! The whole path once, by hand: a capture is heard, sealed and spooled by the agent, carried over as files, kept, judged
//! and written into the ledger by the collector. Both are the programs themselves.

use auscult_collector::authority::Authority;
use auscult_collector::run::now;
use auscult_tests::archive::Folder;
use auscult_tests::guest::Guest;
use auscult_tests::reviewer::claims;
use auscult_tests::{agent, collector, root};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

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
fn the_demonstration_opens_on_three_clinics_with_ninety_days_behind_them_and_leaves_nothing() {
    let mut demo = Demo(Command::new(env!("CARGO_BIN_EXE_demo")).stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let shown: Vec<String> = lines.by_ref().take_while(|line| !line.contains("It serves until Ctrl-C")).collect();
    let text = shown.join("\n");
    for (clinic, rule) in [
        ("Northside Imaging", "dicom-records-given-outside"),
        ("Lakeside Family Practice", "wifi-open-network"),
        ("Lakeside Family Practice", "portal-documents-without-login"),
        ("Hilltop Laboratory", "database-no-login"),
        ("Hilltop Laboratory", "sensor-silent"),
    ] {
        let found = text.split("\n== ").find(|part| part.starts_with(clinic)).unwrap_or_default();
        assert!(found.contains(rule), "{clinic} {rule}: {text}");
    }
    let after =
        |word: &str| shown.iter().find_map(|l| l.strip_prefix(word)).unwrap_or_else(|| panic!("{word}: {text}"));
    let folder = Path::new(after("auscult DEMO: made-up clinics on this machine; everything lies in "));
    let claims = claims(&folder.join("review-northside"));
    for claim in
        [" by rita.review.example on 20", "one chain from its beginning to", "is what follows from the record: "]
    {
        assert!(claims.iter().any(|c| c.contains(claim)), "{claim}: {claims:?}");
    }
    let at = after("Open   https://").split(' ').next().unwrap().parse().unwrap();
    let authority = Authority::open(&folder.join("authority"), "archive.example", now().unwrap()).unwrap();
    walk_the_demonstration(&mut Guest::at(at, &authority), after("Password "), after("Digits   "));
    demo.interrupt();
    assert!(demo.0.wait().unwrap().success());
    assert!(!folder.exists(), "{} was left behind", folder.display());
}

/// The demonstration while it serves; it ends with the test, whatever comes of that.
struct Demo(Child);

impl Demo {
    fn interrupt(&self) {
        Command::new("kill").args(["-INT", &self.0.id().to_string()]).status().unwrap();
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.interrupt();
            let _ = self.0.wait();
        }
    }
}

/// What a visitor does: sign in with what the console says, look round, let the new sensor in.
fn walk_the_demonstration(guest: &mut Guest, password: &str, digits: &str) {
    assert!(guest.get("/sign-in").text.contains("<title>DEMO: Sign in"));
    let signed = guest.post("/sign-in", &[("name", "demo"), ("password", password), ("digits", digits)]);
    assert_eq!((signed.status, signed.header("location")), (303, "/"), "{}", signed.text);
    let today = guest.get("/").text;
    assert!(today.contains("3 clinics need you") && today.contains("A new sensor waits to be let in"), "{today}");
    for path in ["/", "/fleet", "/people", "/audit", "/clinics/northside", "/clinics/hilltop/sensors", "/nothing/here"]
    {
        let page = guest.get(path).text;
        let is_marked = page.contains("<title>DEMO: ") && page.contains("<strong>DEMO</strong>");
        assert!(is_marked, "{path}: {page}");
    }
    assert!(guest.get("/static/style.css").text.split("@media print").last().unwrap().contains(".demo {"), "on paper");
    let fleet = guest.get("/fleet").text;
    assert_eq!(fleet.matches("<th scope=\"row\">").count(), 3);
    // Ninety days are behind them: a lab whose sensor is silent has holes in its strip, the others have fewer.
    let holes = |n: usize| {
        let label = fleet.split("aria-label=\"90 days: the worst was critical; on ").nth(n).unwrap();
        label.split(' ').next().unwrap().parse::<u32>().unwrap()
    };
    let holes = [holes(1), holes(2), holes(3)];
    assert!(holes.iter().all(|n| *n <= 6) && holes.iter().any(|n| *n >= 2), "{holes:?}: {fleet}");
    assert!(guest.get("/clinics/lakeside").text.contains("Decided by somebody"));
    assert!(guest.get("/clinics/hilltop/sensors").text.contains("Silent: last heard"));
    let sensors = guest.get("/clinics/lakeside/sensors");
    let newcomer = sensors.between("action=\"/clinics/lakeside/sensors/", "\"").to_owned();
    let action = format!("/clinics/lakeside/sensors/{newcomer}");
    assert_eq!(guest.post(&action, &[("state", "active")]).status, 303);
    for _ in 0..600 {
        let page = guest.get("/clinics/lakeside/sensors").text;
        let card =
            page.split("<li class=\"card sensor\">").find(|card| card.contains(&newcomer)).unwrap_or(&page).to_owned();
        if card.contains("Listening; last heard") || card.contains("Alive, last heard") {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("the sensor that was let in never reports");
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
