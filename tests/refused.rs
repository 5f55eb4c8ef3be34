//! What either program refuses to start with, and what it tells the person who started it: the file or the line, what is wrong, what
//! to do. Exit status 2, and nothing was opened to anybody.

use auscult_tests::archive::Folder;
use auscult_tests::station::settings;
use auscult_tests::{agent, collector, root};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

#[test]
fn a_collector_does_not_serve_with_what_it_does_not_understand() {
    for (from, to, said) in [
        ("[people]", "[peopel]", &["unknown field `peopel`", "TOML parse error at line 1"][..]),
        ("round_s = 1", "round_s = 0", &["line 8: ledger.round_s is 0; it must be 1 to 3600"]),
        ("listen = \"127.0.0.1:0\"", "listen = \"everywhere\"", &["listen must be an address and a port"]),
        ("name = \"archive.example\"", "name = \"My Archive\"", &["line 1: name must be"]),
        ("sensor_burst = 1000000", "sensor_burst = many", &["line 2"]),
    ] {
        let folder = prepared();
        let text = settings(&folder.0, 0);
        assert!(text.contains(from), "{from}");
        fs::write(folder.0.join("collector.toml"), text.replace(from, to)).unwrap();
        refuses(&serve(&folder.0), said);
        assert!(!folder.0.join("archive.db").exists(), "{to}: nothing was made");
    }
}

#[test]
fn a_collector_does_not_serve_with_keys_that_others_read_or_that_are_none() {
    let folder = prepared();
    let key = folder.0.join("ledger.key");
    open_to_others(&key);
    refuses(&serve(&folder.0), &["ledger.key", "others may read this key", "chmod 600"]);
    fs::remove_file(&key).unwrap();
    refuses(&serve(&folder.0), &["ledger.key", "No such file"]);
    private(&key, "not a key");
    refuses(&serve(&folder.0), &["ledger.key", "ledger new-key"]);
    private(&key, &"09".repeat(32));
    for name in ["ca.key", "trust.key"] {
        // The authority is made by the first command that needs it.
        let folder = prepared();
        archive(&folder.0, &["apply", "-f", folder.0.join("clinics.toml").to_str().unwrap()]);
        archive(&folder.0, &["enrol", "north", "main"]);
        let path = folder.0.join("authority").join(name);
        open_to_others(&path);
        refuses(&serve(&folder.0), &[name, "others may read this key"]);
        private(&path, "damaged");
        refuses(&serve(&folder.0), &[name, "is damaged", "bring the whole authority folder back"]);
    }
}

#[test]
fn a_collector_does_not_serve_a_data_base_that_it_does_not_know() {
    let folder = prepared();
    archive(&folder.0, &["apply", "-f", folder.0.join("clinics.toml").to_str().unwrap()]);
    let change =
        |sql: &str| rusqlite::Connection::open(folder.0.join("archive.db")).unwrap().execute_batch(sql).unwrap();
    change("INSERT INTO schema_version (version, name, sha256, applied_ms) VALUES (99, 'later', x'00', 0)");
    refuses(&serve(&folder.0), &["has schema 99", "run the newer program", "restore the backup"]);
    change(
        "DELETE FROM schema_version WHERE version = 99; UPDATE schema_version SET sha256 = zeroblob(32) WHERE version = 1",
    );
    refuses(&serve(&folder.0), &["step 0001_archive of the schema is not the one"]);
    change("PRAGMA application_id = 7");
    refuses(&serve(&folder.0), &["another program", "name another path"]);
    fs::write(folder.0.join("archive.db"), b"this is no data base at all, but it is long enough").unwrap();
    refuses(&serve(&folder.0), &["store"]);
}

#[test]
fn a_collector_says_which_address_it_cannot_have() {
    let folder = prepared();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    fs::write(folder.0.join("collector.toml"), settings(&folder.0, port)).unwrap();
    refuses(&serve(&folder.0), &[&format!("127.0.0.1:{port} cannot be listened on"), "another program"]);
}

#[test]
fn an_agent_does_not_start_with_keys_that_others_read_or_what_it_does_not_understand() {
    let folder = Folder::new();
    let capture = root().join("tests/captures/clinic-day-mixed.pcap");
    let text = format!(
        "state = \"{}/state\"\n[capture]\nreplay = \"{}\"\nspeed = 0.0\n",
        folder.0.display(),
        capture.display()
    );
    let file = folder.0.join("agent.toml");
    let run = |text: &str| {
        fs::write(&file, text).unwrap();
        agent().arg("run").arg("-c").arg(&file).output().unwrap()
    };
    let refused = run(&text.replace("speed", "sped"));
    assert_eq!(refused.status.code(), Some(2));
    told(&refused, &["line 4", "sped"]);
    assert!(run(&text).status.success());
    for name in ["sensor-0.key", "pseudonym.key"] {
        let key = folder.0.join("state/keys").join(name);
        open_to_others(&key);
        let refused = run(&text);
        assert_eq!(refused.status.code(), Some(1));
        told(&refused, &[name, "may be read by others"]);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    }
    fs::write(folder.0.join("state/keys/sensor-0.key"), b"short").unwrap();
    told(&run(&text), &["is damaged"]);
}

fn prepared() -> Folder {
    let folder = Folder::new();
    fs::write(folder.0.join("collector.toml"), settings(&folder.0, 0)).unwrap();
    private(&folder.0.join("ledger.key"), &"09".repeat(32));
    let clinics =
        "[[clinic]]\nname = \"north\"\ntitle = \"North\"\n[[clinic.site]]\nname = \"main\"\ntitle = \"Main\"\n";
    fs::write(folder.0.join("clinics.toml"), clinics).unwrap();
    folder
}

/// It must end by itself; if it serves, the test stands.
fn serve(folder: &Path) -> Output {
    let mut command = Command::new("timeout");
    command.args(["20"]).arg(collector()).arg("-c").arg(folder.join("collector.toml")).arg("serve");
    command.output().unwrap()
}

fn archive(folder: &Path, arguments: &[&str]) {
    let output =
        Command::new(collector()).arg("-c").arg(folder.join("collector.toml")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn refuses(output: &Output, said: &[&str]) {
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty(), "it listened already");
    told(output, said);
}

fn told(output: &Output, said: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    for part in said {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn open_to_others(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
}
