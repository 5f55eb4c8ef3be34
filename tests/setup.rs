//! `auscult-agent setup` as the technician meets it: from nothing to "heard and trusted", with a collector and its commands at the
//! other end, in a network namespace; by hand and by a file, to its end and with everything that comes in between.
//!
//! Counts as failure: a set-up that ends well and is not trusted, one that goes on with a wrong code, a half configuration, one that
//! was lost, a code that is left on the disk or shown in an argument, a wrong exit status.

use auscult_agent::capture::interface::Role;
use auscult_agent::config::Heard;
use auscult_report::code::{Code, CodeId};
use auscult_tests::agent;
use auscult_tests::bench::{Bench, Talk, Traffic, approve, delivered, is_here, plug_in, words};
use auscult_tests::desk::Provider;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn a_technician_comes_from_nothing_to_heard_and_trusted() {
    if !is_here("a_technician_comes_from_nothing_to_heard_and_trusted") {
        return;
    }
    plug_in();
    let (provider, place, _traffic) = (Provider::serving(), Bench::new(), Traffic::of_the_clinic());
    let mut talk = place.setup(&[]);
    let asked = talk.until("Enter if this is right");
    assert!(asked.contains("eth0            port    192.168.20.0/24: the way out"), "{asked}");
    assert!(asked.contains("eth1            mirror  is up and has no address"), "{asked}");
    talk.tell("eth9=attic");
    talk.answer("attic is none of lan", "");
    talk.answer("own networks", "");
    talk.answer("collector is", &format!("localhost:{}", provider.port()));
    talk.until("both sides of what other hosts say");
    assert!(!talk.said.contains("Wi-Fi:"), "no radio, no question: {}", talk.said);
    // A typing error, a code that nobody made, and the right one.
    let code = provider.code("north");
    talk.answer("one-time code", "12345");
    talk.answer("35", &Code::new(CodeId([9; 5]), [9; 15]).shown());
    talk.answer("once more or a new one", &code);
    talk.until("words ");
    let words = words(&talk.said);
    assert!(provider.command(&["sensors", "north"]).contains(&words.join(" ")), "the same words on both sides");
    talk.until("approved   not yet");
    approve(&provider, &words);
    talk.until("receipt    ");
    let (status, said) = talk.end();
    assert_eq!((status, said.lines().last()), (0, Some("heard and trusted")), "{said}");
    assert!(said.contains("not enrolled: https://localhost") && said.contains("wrong, used or too old"), "{said}");
    delivered(&provider);

    let config = place.read();
    let Heard::Live(wanted, _) = &config.heard else { panic!() };
    let heard: Vec<_> = wanted.iter().map(|w| (w.name.as_str(), w.role)).collect();
    assert_eq!(heard, [("eth0", Role::Port), ("eth1", Role::Mirror)]);
    assert_eq!((config.networks.len(), config.collectors.len()), (1, 1));
    assert_eq!(fs::metadata(place.config()).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(fs::read_dir(place.folder.join("etc")).unwrap().count(), 1, "nothing half is left");
    let typed: String = code.chars().filter(|c| *c != '-').collect();
    assert!(!said.contains(&code) && !said.contains(&typed), "the code is shown by nobody but who types it");

    // Once more: nothing is asked but whether the configuration stays, and all is proved again.
    let mut again = place.setup(&[]);
    again.answer("Does it stay as it is?", "");
    let (status, said) = again.end();
    assert!(status == 0 && said.contains("enrolled already") && said.ends_with("heard and trusted\n"), "{said}");
}

#[test]
fn a_set_up_that_was_left_in_the_middle_goes_on_where_it_stopped() {
    if !is_here("a_set_up_that_was_left_in_the_middle_goes_on_where_it_stopped") {
        return;
    }
    plug_in();
    let (mut provider, place, _traffic) = (Provider::serving(), Bench::new(), Traffic::of_the_clinic());
    // Ended at a question: nothing is written.
    let mut talk = place.setup(&[]);
    talk.until("Enter if this is right");
    talk.signal("-INT");
    assert_eq!(talk.end().0, 130);
    assert!(!place.config().exists() && !place.state().exists());
    // The collector is away, and the person has no patience: the configuration is there, and no key is enrolled.
    let code = provider.code("north");
    provider.stop();
    let mut talk = place.setup(&[]);
    talk.answer("Enter if this is right", "eth0=none");
    talk.answer("own networks", "10.0.0.0/8");
    talk.answer("collector is", &format!("https://localhost:{}", provider.port()));
    talk.answer("one-time code", &code);
    talk.until("cannot be reached there");
    talk.answer("once more or a new one", "");
    let (status, said) = talk.end();
    assert!(status == 3 && said.contains("still missing: the one-time code"), "{status}: {said}");
    assert_eq!(place.read().networks.len(), 1);
    // It is back; this time nobody approves, and the person goes home.
    provider.start();
    let mut talk = place.setup(&[]);
    talk.answer("Does it stay as it is?", "y");
    talk.answer("one-time code", &code);
    talk.until("approved   not yet");
    talk.signal("-INT");
    let (status, said) = talk.end();
    assert!(status == 3 && said.contains("still missing: the approval"), "{status}: {said}");
    assert!(said.contains("auscult-agent run --config"), "what to start is said: {said}");
    // Approved meanwhile; nothing is asked any more but whether the configuration stays.
    approve(&provider, &words(&said));
    let mut talk = place.setup(&[]);
    talk.answer("Does it stay as it is?", "");
    let (status, said) = talk.end();
    assert!(status == 0 && said.ends_with("heard and trusted\n"), "{said}");
    delivered(&provider);
}

#[test]
fn nobody_attends_and_a_file_answers() {
    if !is_here("nobody_attends_and_a_file_answers") {
        return;
    }
    plug_in();
    let (provider, place, _traffic) = (Provider::serving(), Bench::new(), Traffic::of_the_clinic());
    let collector = format!("collector = [\"https://localhost:{}\"]\n", provider.port());
    // Refused before anything is done: an unknown answer, a code that others may read, no collector.
    let code = provider.code("north");
    for (text, mode, words) in [
        ("interface = []\n".to_owned(), 0o600, "line 3: unknown field"),
        (format!("{collector}code = \"{code}\"\n"), 0o644, "chmod 600"),
        (format!("code = \"{code}\"\n"), 0o600, "does not say where the collector is"),
    ] {
        let answers = place.answers(&text);
        fs::set_permissions(&answers, fs::Permissions::from_mode(mode)).unwrap();
        let (status, said) = place.from(&answers);
        assert!(status == 2 && said.contains(words) && !said.contains(&code), "{status}: {said}");
        assert!(!place.config().exists() && !place.state().exists());
    }
    // A wrong code stays in the file: it may belong to another collector than the one that was named.
    let wrong = Code::new(CodeId([9; 5]), [9; 15]).shown();
    let answers = place.answers(&format!("{collector}code = \"{wrong}\"\n"));
    let (status, said) = place.from(&answers);
    assert!(status == 1 && said.contains("wrong, used or too old"), "{status}: {said}");
    assert!(fs::read_to_string(&answers).unwrap().contains(&wrong));
    // The right one goes from the disk as soon as it was used; nobody approves within no time.
    let answers = place.answers(&format!("{collector}code = \"{code}\"\nwait_s = 0\n"));
    let (status, said) = place.from(&answers);
    assert!(status == 3 && said.contains("still missing: the approval"), "{status}: {said}");
    assert!(said.contains("says just this already"), "the configuration of before: {said}");
    let left = fs::read_to_string(&answers).unwrap();
    assert!(left.contains("code = \"\"\nwait_s = 0\n") && !left.contains(&code), "{left}");
    assert_eq!(fs::metadata(&answers).unwrap().permissions().mode() & 0o777, 0o600);
    // The same file once more, when the sensor is approved.
    approve(&provider, &words(&said));
    let (status, said) = place.from(&place.answers(&collector));
    assert!(status == 0 && said.ends_with("heard and trusted\n"), "{status}: {said}");
    delivered(&provider);
}

#[test]
fn a_configuration_that_is_there_is_never_lost() {
    if !is_here("a_configuration_that_is_there_is_never_lost") {
        return;
    }
    plug_in();
    let (place, _traffic) = (Bench::new(), Traffic::of_the_clinic());
    fs::create_dir_all(place.folder.join("etc")).unwrap();
    let by_hand = format!(
        "# by hand\nstate = \"{}\"\n[[capture.interface]]\nname = \"eth1\"\n[collector]\naddresses = [\"https://c.example\"]\n",
        place.state().display()
    );
    fs::write(place.config(), &by_hand).unwrap();
    let answers = |more: &str| place.answers(&format!("collector = [\"https://localhost:1\"]\n{more}"));
    let (status, said) = place.from(&answers(""));
    assert!(status == 2 && said.contains("existing = \"replace\"") && said.contains("nothing was changed"), "{said}");
    assert_eq!(fs::read_to_string(place.config()).unwrap(), by_hand);
    let (status, said) = place.from(&answers("existing = \"keep\"\n"));
    assert!(
        status == 2 && said.contains("stays as it is: hears eth1 (lan)") && said.contains("holds no code"),
        "{said}"
    );
    assert_eq!(fs::read_to_string(place.config()).unwrap(), by_hand);
    let (_, said) = place.from(&answers("existing = \"replace\"\n"));
    let old = place.folder.join("etc/agent.toml.old");
    assert!(said.contains("is kept as") && fs::read_to_string(&old).unwrap() == by_hand, "{said}");
    assert_eq!(place.read().collectors, ["https://localhost:1"]);
    // A person is asked; one with a fault is said, and kept as well.
    fs::write(place.config(), "state = 5\n").unwrap();
    let mut talk = place.setup(&[]);
    talk.answer("Enter if this is right", "");
    talk.answer("own networks", "");
    talk.answer("collector is", "localhost:1");
    talk.until("is kept as");
    talk.answer("one-time code", "");
    assert_eq!(talk.end().0, 3);
    assert_eq!(fs::read_to_string(place.folder.join("etc/agent.toml.old.2")).unwrap(), "state = 5\n");
    let (status, said) = place.setup(&["--keep"]).end();
    assert!(status == 1 && said.contains("no more answers"), "kept without a question: {said}");
    fs::remove_file(place.config()).unwrap();
    assert_eq!(place.setup(&["--keep"]).end().0, 2);
}

#[test]
fn without_an_interface_the_next_step_is_said() {
    if !is_here("without_an_interface_the_next_step_is_said") {
        return;
    }
    let place = Bench::new();
    let (status, said) = place.from(&place.answers("collector = [\"https://localhost:1\"]\n"));
    assert!(status == 2 && said.contains("interfaces = [{ name = \"eth0\", role = \"port\" }]"), "{status}: {said}");
    assert!(!place.config().exists());
    let mut talk = place.setup(&[]);
    talk.answer("Enter if this is right", "");
    talk.answer("own networks", "");
    talk.answer("collector is", "localhost:1");
    let (status, said) = talk.end();
    assert!(status == 2 && said.contains("nothing is to be heard"), "{status}: {said}");
    // One that is not there yet may be named; the check says that it is missing, and a person goes on all the same.
    let mut talk = place.setup(&[]);
    talk.answer("Enter if this is right", "usb0=mirror");
    talk.answer("own networks", "");
    talk.answer("collector is", "localhost:1");
    talk.until("is not there. Try: the name in the configuration");
    talk.answer("check again, when it is mended", "g");
    talk.answer("one-time code", "");
    let (status, said) = talk.end();
    assert!(status == 4 && said.contains("still missing"), "{status}: {said}");
}

#[test]
fn who_runs_already_is_left_alone_and_watched() {
    if !is_here("who_runs_already_is_left_alone_and_watched") {
        return;
    }
    plug_in();
    let (provider, place, _traffic) = (Provider::serving(), Bench::new(), Traffic::of_the_clinic());
    let answers = place.answers(&format!("collector = [\"https://localhost:{}\"]\n", provider.port()));
    assert_eq!(place.from(&answers).0, 2, "it ends where the code is missing");
    let run = || {
        let mut command = agent();
        command.arg("run").arg("--config").arg(place.config()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let _ = log.lines().map_while(Result::ok).find(|line| line.contains(" heard ")).unwrap();
        Talk {
            input: None,
            output: BufReader::new(Command::new("true").stdout(Stdio::piped()).spawn().unwrap().stdout.unwrap()),
            child,
            said: String::new(),
        }
    };
    // An agent that is not enrolled has the keys in hand.
    let mut running = run();
    let (status, said) = place.setup(&["--keep"]).end();
    assert!(status == 1 && said.contains("stop it (systemctl stop auscult)"), "{status}: {said}");
    running.signal("-TERM");
    assert!(running.child.wait().unwrap().success());
    let code = provider.code("north");
    let answers = place.answers(&format!("existing = \"keep\"\ncode = \"{code}\"\nwait_s = 0\n"));
    let (status, said) = place.from(&answers);
    assert_eq!(status, 3, "{said}");
    // One that is enrolled is watched: it delivers, and nobody beside it speaks.
    let mut running = run();
    approve(&provider, &words(&said));
    let (status, said) = place.from(&place.answers("existing = \"keep\"\n"));
    assert!(status == 0 && said.contains("runs") && !said.contains("start the agent"), "{status}: {said}");
    running.signal("-TERM");
    assert!(running.child.wait().unwrap().success());
    delivered(&provider);
}

#[test]
fn a_package_sets_up_through_its_own_program() {
    if !is_here("a_package_sets_up_through_its_own_program") {
        return;
    }
    plug_in();
    let (provider, place, _traffic) = (Provider::serving(), Bench::new(), Traffic::of_the_clinic());
    // As the wrapper of a package: it knows the configuration, pauses its service for an enrolment, and starts it.
    let through = place.folder.join("auscult");
    let program = agent();
    let spoken = [program.get_program()].into_iter().chain(program.get_args());
    let program = spoken.map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ");
    let script = format!(
        "#!/bin/sh\necho \"$*\" >>{0}/called\n\
         stop() {{ [ ! -f {0}/pid ] || {{ kill \"$(cat {0}/pid)\"; while kill -0 \"$(cat {0}/pid)\" 2>/dev/null; do sleep 0.1; done; rm {0}/pid; }}; }}\n\
         case $1 in\nrestart) stop; {1} run --config {2} </dev/null >/dev/null 2>&1 & echo $! >{0}/pid ;;\n\
         enrol) stop; exec {1} \"$@\" --config {2} ;;\nstop) stop ;;\n*) exec {1} \"$@\" --config {2} ;;\nesac\n",
        place.folder.display(),
        program,
        place.config().display()
    );
    fs::write(&through, script).unwrap();
    fs::set_permissions(&through, fs::Permissions::from_mode(0o755)).unwrap();
    let code = provider.code("north");
    let collector = format!("collector = [\"https://localhost:{}\"]\n", provider.port());
    let answers = place.answers(&format!("{collector}code = \"{code}\"\nwait_s = 0\n"));
    let from = |answers: &Path| {
        let arguments = ["--through", through.to_str().unwrap(), "--from", answers.to_str().unwrap()];
        place.setup(&arguments).end()
    };
    let (status, said) = from(&answers);
    assert!(status == 3 && said.contains("both sides of what other hosts say"), "{status}: {said}");
    approve(&provider, &words(&said));
    let (status, said) = from(&place.answers(&collector));
    let _ = Command::new(&through).arg("stop").status();
    assert!(status == 0 && said.ends_with("heard and trusted\n") && !said.contains("start the agent"), "{said}");
    let called = fs::read_to_string(place.folder.join("called")).unwrap();
    let called: Vec<&str> = called.lines().collect();
    let first = ["restart", "check --seconds 2", "enrol", "restart"];
    assert_eq!(called, [&first[..], &["check --seconds 2", "stop"]].concat(), "the code is no argument");
    delivered(&provider);
}
