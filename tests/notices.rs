//! Notices at real receivers: aiosmtpd, rsyslog, a receiver that verifies signatures by the library of Standard Webhooks, a ticket
//! system; the collector is killed in between and while a notice is in a receiver's hand.
//!
//! Counts as failure: a notice that does not arrive, or arrives twice under two ids; one that arrives twice at all where the collector was
//! killed between two sends; a signature that the library refuses; a mail or line without TLS; a host, an address or a secret in what is
//! sent or logged. Does not: the same notice twice under the same id, where the collector was killed before the receiver had answered.

use auscult_collector::run::now;
use auscult_collector::store::{DueKind, SensorState};
use auscult_report::subject::{Bssid, Subject};
use auscult_tests::archive::Ear;
use auscult_tests::collector;
use auscult_tests::crowd::archive;
use auscult_tests::desk::Provider;
use auscult_tests::postbox::{Net, networks};
use auscult_tests::receivers::Receivers;
use std::process::Command;
use std::time::Duration;
use std::{fs, thread};

#[test]
fn each_notice_arrives_once_at_real_receivers_also_when_the_collector_is_killed() {
    let Some(receivers) =
        Receivers::start("each_notice_arrives_once_at_real_receivers_also_when_the_collector_is_killed")
    else {
        return;
    };
    let (mut provider, mut ear) = watched(&receivers);
    let clinic = archive(provider.folder(), "north");

    // While it runs.
    let nets = |nets: &[(u8, Net)], hour, ear: &mut Ear| ear.say(&networks(hour, nets)).octets().to_vec();
    ingest(&provider, &[&nets(&[(1, Net::Open), (2, Net::Open)], 0, &mut ear)]);
    receivers.until("two networks", |heard| heard.of("hook", "finding.opened") == 2 && heard.is_level());
    all_arrived(&provider);

    // Killed between two sends: what came while it was away, and what was judged while it was away, is told once when it is back.
    assert!(provider.kill());
    ingest(&provider, &[&nets(&[(1, Net::Medical), (2, Net::Closed)], 6, &mut ear)]);
    let _ = provider.command(&["findings", "north"]);
    provider.start();
    receivers.until("worse and gone", |heard| {
        heard.of("hook", "finding.worse") == 1 && heard.of("hook", "finding.fixed") == 1 && heard.is_level()
    });
    all_arrived(&provider);
    assert!(provider.kill());
    provider.start();
    assert!(clinic.put_due(DueKind::Review, "plan 1 of 2026", now().unwrap(), 2).unwrap());
    receivers.until("a review", |heard| heard.of("hook", "review.due") == 1 && heard.is_level());
    let before = receivers.heard();
    before.each_once();

    // Killed while receivers have it in hand: they wrote it down and have not answered.
    receivers.mode("hang");
    ingest(&provider, &[&nets(&[(1, Net::Closed), (3, Net::Open)], 12, &mut ear)]);
    receivers
        .until("in hand", |heard| ["mail", "hook", "ticket"].iter().all(|way| heard.count(way) > before.count(way)));
    assert!(provider.kill());
    receivers.mode("take");
    provider.start();
    receivers.until("again", |heard| {
        heard.of("hook", "finding.fixed") == 2 && heard.of("hook", "finding.opened") == 3 && heard.is_level()
    });
    all_arrived(&provider);
    provider.stop();

    let heard = receivers.heard();
    println!("{}", heard.counts());
    heard.twice_only_if_in_hand(&before);
    heard.is_as_promised();
    heard.holds_nothing_of(&[
        format!("{:?}", Subject::Wireless(Bssid([2, 0, 0, 0, 0, 1]))),
        "02:00:00:00:00:01".to_owned(),
        "020000000001".to_owned(),
        ear.id().to_string(),
    ]);
    let log = String::from_utf8(provider.log()).unwrap();
    for word in ["maria@", "localhost:", "whsec_", "green boats", "Bearer", "panicked"] {
        assert!(!log.contains(word), "the log has {word}: {log}");
    }
}

#[test]
fn a_trial_says_in_plain_words_what_came_of_it() {
    let Some(receivers) = Receivers::start("a_trial_says_in_plain_words_what_came_of_it") else { return };
    let (mut provider, _) = watched(&receivers);
    for (name, said) in [
        ("office", "office, maria@example.org: sent; the mail server took it"),
        ("hook", "hook: sent; the receiver took it"),
        ("siem", "siem: sent; the collector of logs took it and closed in order"),
        ("tickets", "tickets: sent; a ticket marked as a trial was opened and closed again"),
        ("alive", "alive: sent; it was told that this program lives"),
    ] {
        let told = provider.command(&["notices", "try", name]);
        assert!(told.starts_with(said), "{name}: {told}");
    }
    receivers.until("trials", |heard| heard.is_level());
    let heard = receivers.heard();
    for way in ["mail", "hook", "siem", "ticket"] {
        assert!(heard.0[way].iter().all(|one| one.to_string().contains("TEST") || one["method"] == "PATCH"), "{way}");
    }
    assert!(
        provider
            .fails(&["notices", "try", "nobody"])
            .contains("there is no channel nobody in the settings; office (mail), hook")
    );
    // What goes wrong, in words that say what to do.
    let settings = receivers.settings();
    let at = receivers.folder.0.display();
    let (web, hook) = (format!("localhost:{}/hook", receivers.web), format!("localhost:{}/redirect", receivers.web));
    let shown = format!("certificate = \"{at}/client.pem\"\nkey = \"{at}/client.key\"\n");
    let allow = "allow = [\"127.0.0.0/8\", \"::1/128\"]\n";
    let believed = format!("most_hour = 1000\n{}", receivers.ca());
    for (name, from, to, said) in [
        ("hook", allow, "", "list its network under notices.allow"),
        ("hook", &web, &hook, "redirects are not followed"),
        ("hook", &web, "localhost:1/hook", "it cannot be connected to"),
        ("office", "user = \"auscult\"", "user = \"other\"", "does not let us in (535): are user and password right?"),
        ("office", "tls = \"start\"", "tls = \"wrapped\"", "does not speak TLS from the first octet on"),
        ("office", &believed, "", "its certificate is not believed (UnknownIssuer)"),
        ("siem", &shown, "", "the connection ended before everything was read"),
    ] {
        assert!(settings.contains(from), "{from}");
        provider.more = settings.replacen(from, to, 1);
        provider.write_settings();
        let mut run = Command::new(collector());
        let output =
            run.arg("-c").arg(provider.folder().join("collector.toml")).args(["notices", "try", name]).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.contains("not sent; ") && told.contains(said), "{name}: {told}");
    }
}

/// A collector that tells these receivers, and a sensor at the clinic `north`.
fn watched(receivers: &Receivers) -> (Provider, Ear) {
    let mut provider = Provider::serving();
    provider.stop();
    provider.more = receivers.settings();
    provider.write_settings();
    let clinic = archive(provider.folder(), "north");
    let mut ear = Ear::stranger(clinic.clinic().unwrap().ledger, 7);
    clinic.put_sensor("main", &ear.key.public(), SensorState::Active, "test", now().unwrap()).unwrap();
    provider.start();
    let beginning = ear.chain(1);
    ingest(&provider, &[beginning[0].octets()]);
    (provider, ear)
}

fn ingest(provider: &Provider, reports: &[&[u8]]) {
    for (n, report) in reports.iter().enumerate() {
        let file = provider.folder().join(format!("report-{n}"));
        fs::write(&file, report).unwrap();
        assert!(provider.command(&["ingest", file.to_str().unwrap()]).contains("1 stored, 0 not"));
    }
}

/// What an operator sees when nothing waits.
fn all_arrived(provider: &Provider) {
    let mut said = String::new();
    for _ in 0..600 {
        said = provider.command(&["notices", "list"]);
        if said == "every notice arrived\n" {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("{said}");
}
