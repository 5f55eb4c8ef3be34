//! The main paths of people through the pages, in a real browser with a real agent: from the first start to the first decision.
//!
//! Every page that is met is looked at on the way: nothing wider than the window, text that can be read, names for what is clicked, no
//! complaint of the browser. Pictures of each at 1440, 1024 and 390 pixels lie in `target/tmp/pages/` afterwards.

use auscult_collector::access::digits_at;
use auscult_collector::run::now;
use auscult_report::time::Timestamp;
use auscult_tests::desk::{Provider, Running, Technician};
use auscult_tests::guest::{PASSWORD, base32};
use auscult_tests::raw::listener;
use auscult_tests::root;
use auscult_tests::window::Window;
use serde_json::{Value, json};
use std::fs;
use std::sync::Mutex;
use std::time::Duration;

#[test]
fn from_the_first_start_to_the_first_decision_and_another_clinic_is_not_there() {
    let Some(window) = Window::open() else { return };
    let provider = Provider::serving();
    let base = format!("https://localhost:{}", listener(&provider, "people").port());
    let maria = first_start(&window, &provider, &base);
    let (running, _technician) = first_sensor(&window, &provider);
    first_decision(&window, &base);
    first_papers(&window, &base);
    somebody_for_one_clinic(&window, &base);
    // By the keyboard alone: the name has the focus.
    window.go(&base);
    window.click(".who button");
    window.until("Six digits of your second factor");
    window.until_focused("name");
    let digits = next_digits(&maria);
    window.press(&format!("maria\u{e004}{PASSWORD}\u{e004}{digits}\u{e007}"));
    window.until("Maria Lindt");
    running.wait();
    let faults = FAULTS.lock().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The key of the first administrator's second factor.
fn first_start(window: &Window, provider: &Provider, base: &str) -> Vec<u8> {
    window.go(base);
    window.until("Nobody has an account here yet");
    looked_at(window, "sign-in-first");
    window.follow("Make the first account");
    looked_at(window, "set-up");
    let maria = account(window, provider.set_up_code().unwrap(), "maria", "Maria Lindt");
    window.until("All quiet");
    looked_at(window, "today-empty");
    maria
}

/// A sensor is added on the page while a technician types at the device.
fn first_sensor(window: &Window, provider: &Provider) -> (Running, Technician) {
    window.follow("Choose a clinic");
    looked_at(window, "fleet-empty");
    window.follow("Clinic north");
    looked_at(window, "clinic-empty");
    window.follow("Add the first sensor");
    looked_at(window, "add");
    window.click("main form button");
    window.until("Waiting for the device.");
    looked_at(window, "code");
    let code = window.text_of("[data-copy]");
    let mut technician = Technician::at(provider, "clinic-day-mixed.pcap", "192.168.20.0/24");
    technician.linger_s = 60;
    technician.replay("clinic-day-mixed.pcap");
    let said = technician.enrol(&code).unwrap();
    // The page changes by itself; its words are those of the device.
    window.until("They match: let it in");
    looked_at(window, "compare");
    let words = window.text_of("ol.words");
    let words: Vec<&str> = words.split_whitespace().filter(|w| w.parse::<u8>().is_err()).collect();
    assert!(words.len() == 5 && said.contains(&words.join(" ")), "{words:?}: {said}");
    window.click(".choices button");
    window.until("It is let in.");
    let running = technician.run();
    window.until("It is listening.");
    looked_at(window, "listening");
    (running, technician)
}

/// What it found, and what is decided about it.
fn first_decision(window: &Window, base: &str) {
    window.follow("See the clinic");
    for _ in 0..100 {
        if !window.text_of(".matter h3").is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(300));
        window.go(&window.url());
    }
    window.until("What is open");
    looked_at(window, "clinic");
    printed(window);
    window.click(".matter h3 a");
    window.until("What to do");
    looked_at(window, "finding");
    window.click("input[value=accepted]");
    let _ =
        window.script("document.querySelector('input[name=until]').valueAsDate = new Date(Date.now() + 864e5 * 30)");
    window.fill("textarea[name=reason]", "The archive moves to the new building next month.");
    window.click(".decide form button");
    window.until("Accepted as a risk until");
    window.until("maria accepted the risk");
    looked_at(window, "decided");
    window.go(base);
    window.until("clinic needs you");
    looked_at(window, "today");
    window.go(&format!("{base}/fleet"));
    looked_at(window, "fleet");
    // Down to the first clinic, and in.
    window.press("j\u{e007}");
    window.until("The last twelve months");
    assert!(window.text().contains("Decided by somebody: 1"));
    window.go(&format!("{base}/clinics/north/sensors"));
    looked_at(window, "sensors");
}

/// The clinic's papers: what was heard and what was not, a breach matter with a letter, a review that is planned.
fn first_papers(window: &Window, base: &str) {
    let north = format!("{base}/clinics/north");
    window.go(&format!("{north}/deadlines"));
    window.until("No breach matter was ever opened");
    looked_at(window, "deadlines-empty");
    window.go(&format!("{north}/reviews"));
    looked_at(window, "reviews-empty");
    window.go(&format!("{base}/clinics/south/assets"));
    looked_at(window, "assets-empty");
    window.go(&format!("{base}/clinics/south/coverage"));
    looked_at(window, "coverage-empty");
    window.go(&north);
    window.click(".matter h3 a");
    window.until("Open a breach matter");
    window.follow("Open a breach matter");
    window.until("It begins with the finding");
    window.click("input[value=us-hipaa]");
    window.click("input[value=eu-gdpr]");
    window.fill("form textarea[name=why]", "A visitor read images of other patients on the archive.");
    looked_at(window, "deadlines");
    window.click("#open button");
    window.until("Who must be told");
    looked_at(window, "matter");
    window.click(".notice .act summary");
    window.fill(".notice .act textarea", "By their form, number 4711, and by telephone.");
    window.click(".notice .act button");
    window.until("Told on");
    window.follow("Draft of the letter");
    window.until("Not legal advice");
    looked_at(window, "letter");
    window.go(&format!("{north}/reviews"));
    window.fill("textarea[name=why]", "The yearly review, by an auditor of Elm Audit.");
    window.click(".decide button");
    window.until("The next review is planned for");
    looked_at(window, "reviews");
    window.go(&format!("{north}/assets"));
    window.until("of them medical");
    window.click(".rename summary");
    window.fill(".rename input[name=label]", "Computertomograph in the basement, room 2, beside the old archive");
    window.click(".rename button");
    window.until("Computertomograph");
    looked_at(window, "assets");
    for (page, said) in [("timeline", "The same as a table"), ("coverage", "Sensor by sensor")] {
        window.go(&format!("{north}/{page}"));
        window.until(said);
        looked_at(window, page);
    }
    for page in ["knowledge", "settings", ""] {
        window.go(&format!("{base}/{page}"));
        looked_at(window, if page.is_empty() { "today-soon" } else { page });
    }
}

/// A technician of one clinic is invited, and the other is not there for him.
fn somebody_for_one_clinic(window: &Window, base: &str) {
    window.go(&format!("{base}/people"));
    window.click("input[value=technician]");
    window.click("input[value=north]");
    window.click("aside form button");
    window.until("The invitation");
    looked_at(window, "people");
    let invitation = window.text_of("[data-copy]");
    window.go(&format!("{base}/tokens"));
    window.fill("input[name=title]", "the ticket system");
    window.click("input[value=see]");
    window.click("input[value=north]");
    let _ =
        window.script("document.querySelector('input[name=until]').valueAsDate = new Date(Date.now() + 864e5 * 30)");
    window.click("aside form button");
    window.until("The new token");
    looked_at(window, "tokens");
    window.go(&format!("{base}/audit"));
    looked_at(window, "audit");
    window.click(".who button");
    window.until("Six digits");
    window.go(&format!("{base}/set-up"));
    account(window, &invitation, "tom", "Tom Abel");
    window.until("clinic needs you");
    assert!(!window.text().contains("People"), "an administrator's page");
    for (path, said) in [("/clinics/south", "Not found"), ("/clinics/none", "Not found"), ("/people", "Not allowed")] {
        window.go(&format!("{base}{path}"));
        window.until(said);
        assert!(!window.text().contains("Clinic south"), "{path}");
    }
    looked_at(window, "not-allowed");
}

/// Makes an account, from the form for it to the front page: the key of its second factor.
fn account(window: &Window, code: &str, name: &str, title: &str) -> Vec<u8> {
    for (field, text) in [("code", code), ("title", title), ("name", name), ("password", PASSWORD)] {
        window.fill(&format!("input[name={field}]"), text);
    }
    window.click("main form button");
    window.until("Your second factor");
    window.click("details summary");
    looked_at(window, "second");
    let key = base32(&window.text_of("code.key"));
    window.fill("input[name=digits]", &digits_at(&key, now().unwrap()));
    window.click("main form button");
    key
}

/// Digits that were not used yet: those of the next half minute, which are taken already.
fn next_digits(key: &[u8]) -> String {
    digits_at(key, Timestamp(now().unwrap().0 + 30_000))
}

/// Looks at a page: as it stands, in the dark, at three widths, and as one who does not see it. What is wrong is said at the end, of all
/// pages together.
fn looked_at(window: &Window, name: &str) {
    let mut faults = Vec::new();
    for width in [1440, 1024, 390] {
        if window.picture(name, width) {
            faults.push(format!("is wider than {width} pixels"));
        }
    }
    let ways = fs::read_to_string(root().join("tests/readable.js")).unwrap();
    for scheme in ["light", "dark"] {
        // Nothing moves while it is measured.
        let still = json!({"name": "prefers-reduced-motion", "value": "reduce"});
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}, still]});
        window.tell("Emulation.setEmulatedMedia", &media);
        let found = window.script(&ways);
        faults.extend(found.as_array().unwrap().iter().map(|fault| format!("in the {scheme}: {fault}")));
    }
    window.picture(&format!("{name}-dark"), 1440);
    window.tell("Emulation.setEmulatedMedia", &json!({"features": []}));
    let complaints: Vec<String> = window.complaints().into_iter().filter(|c| !c.contains("favicon")).collect();
    if name != "not-allowed" {
        faults.extend(complaints);
    }
    FAULTS.lock().unwrap().extend(faults.into_iter().map(|fault| format!("{name}: {fault}")));
}

static FAULTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The clinic's page as it is printed: what is for the screen alone is not on it.
fn printed(window: &Window) {
    window.tell("Emulation.setEmulatedMedia", &json!({"media": "print"}));
    let shown = |css: &str| {
        window.script(&format!("return getComputedStyle(document.querySelector('{css}')).display !== 'none'"))
    };
    assert_eq!([shown(".top"), shown(".print-only"), shown(".summary")], [json!(false), json!(true), json!(true)]);
    window.picture("clinic-print", 1024);
    window.tell("Emulation.setEmulatedMedia", &json!({"media": ""}));
    let paper: Value = window.tell("Page.printToPDF", &json!({}));
    assert!(paper["data"].as_str().is_some_and(|d| d.len() > 10_000));
}
