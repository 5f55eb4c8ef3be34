//! Pages as those use them who do not see them, or have no mouse: axe looks at every page of the route table as every role, in the light,
//! in the dark and on a telephone; the main path is walked by keys alone.
//!
//! Counts as failure: what axe calls serious or critical; a place that has the focus and does not show it. New pages are looked at by
//! themselves, because the table is walked.

use auscult_collector::access::{Role, digits_at};
use auscult_collector::store::{Decision, FindingId};
use auscult_collector::web::{ROUTES, Route, Side};
use auscult_report::note::{NoteKind, NoteSigner};
use auscult_report::time::{MS_PER_DAY, Timestamp};
use auscult_tests::guest::{Found, Guest, PASSWORD, admin, found, matter, person};
use auscult_tests::npm::{AXE, fetched};
use auscult_tests::station::{Caller, Station};
use auscult_tests::way::Way;
use auscult_tests::window::Window;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

#[test]
fn axe_finds_nothing_serious_on_any_page_for_any_role_in_the_light_in_the_dark_and_on_a_telephone() {
    let Some(package) = fetched(AXE) else { return };
    let Some(window) = Window::open() else { return };
    let axe = fs::read_to_string(package.join("axe.min.js")).unwrap();
    let station = Station::new();
    let (found, mut people) = lived_in(&station);
    let base = base(&station);
    let (mut looked, mut faults) = (BTreeSet::new(), Vec::new());
    // All are asked first what they may see: a browser takes its time, and their connections would not wait for it.
    let seen: Vec<Vec<(&Route, String, bool)>> = people.iter_mut().map(|(_, guest)| pages(guest, &found)).collect();
    for ((role, guest), seen) in people.iter().zip(seen) {
        sign_in_as(&window, &base, guest);
        for (route, path, is_there) in seen {
            window.go(&format!("{base}{path}"));
            for (sight, scheme, width) in SIGHTS {
                let said = looked_at(&window, &axe, scheme, *width);
                faults.extend(said.into_iter().map(|fault| format!("{path} for {role}, {sight}: {fault}")));
            }
            if is_there {
                looked.insert(route.path);
            }
        }
    }
    let missed: Vec<&str> = ROUTES.iter().filter(is_page).map(|r| r.path).filter(|p| !looked.contains(p)).collect();
    println!("{} pages as {} roles in {} ways", looked.len(), people.len(), SIGHTS.len());
    assert!(missed.is_empty(), "no role of this test saw {missed:?}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn by_keys_alone_one_signs_in_opens_a_finding_decides_and_adds_a_sensor() {
    let Some(window) = Window::open() else { return };
    let station = Station::new();
    let _found = found(&station, "north", 1);
    let mut maria = admin(&station);
    maria.post("/sign-out", &[]);
    station.pass(30_000);
    let base = base(&station);
    window.go(&format!("{base}/sign-in"));
    window.until_focused("name");
    window.press("maria");
    to(&window, "e.name === 'password'");
    window.press(PASSWORD);
    to(&window, "e.name === 'digits'");
    window.press(&digits_at(&maria.key, station.now()));
    to(&window, "e.tagName === 'BUTTON' && e.innerText === 'Sign in'");
    window.press(ENTER);
    // The open network is no matter of today's: by the fleet to the clinic.
    window.until("Quietly fine");
    to(&window, "e.innerText === 'Skip to the page'");
    window.press(ENTER);
    to(&window, "e.getAttribute('href') === '/fleet' && e.closest('main')");
    window.press(ENTER);
    window.until("Last 90 days");
    to(&window, "e.getAttribute('href') === '/clinics/north'");
    window.press(ENTER);
    window.until("What is open");
    to(&window, "e.closest('.matter h3')");
    window.press(ENTER);
    window.until("What to do");
    to(&window, "e.value === 'fixed'");
    window.press(SPACE);
    to(&window, "e.name === 'reason'");
    window.press("The network has a password since this morning.");
    to(&window, "e.tagName === 'BUTTON' && e.innerText === 'Decide'");
    window.press(ENTER);
    window.until("Said to be mended");
    to(&window, "e.innerText === 'Overview'");
    window.press(ENTER);
    window.until("What is open");
    to(&window, "e.innerText === 'Add a sensor'");
    window.press(ENTER);
    window.until("Where will it be");
    to(&window, "e.tagName === 'BUTTON' && e.closest('main form')");
    window.press(ENTER);
    window.until("Waiting for the device.");
}

/// Goes on from field to field until a condition holds for the element that has the focus, and looks each time that one can see where
/// it is.
fn to(window: &Window, wanted: &str) {
    let mut passed = Vec::new();
    for _ in 0..MOST_KEYS {
        window.press(TAB);
        let looked = window.script(&format!(
            "const e = document.activeElement;
             if (!e || e === document.body) return {{ what: 'the page', seen: true, wanted: false }};
             const style = getComputedStyle(e), box = e.getBoundingClientRect();
             const ring = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1) || style.boxShadow !== 'none';
             const around = e.closest('label');
             const ringed = ring || (around && getComputedStyle(around).outlineStyle !== 'none');
             const there = box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight;
             return {{ what: e.outerHTML.slice(0, 120), seen: Boolean(ringed && there), wanted: Boolean({wanted}) }};"
        ));
        assert_eq!(looked["seen"], json!(true), "the focus cannot be seen: {}", looked["what"]);
        if looked["wanted"] == json!(true) {
            return;
        }
        passed.push(looked["what"].to_string());
    }
    panic!("keys never come to {wanted} at {}: {}", window.url(), passed.join("\n"));
}

/// What somebody is shown: pages, and whether each is the page or says why it is not there.
fn pages(guest: &mut Guest, found: &Found) -> Vec<(&'static Route, String, bool)> {
    let mut pages = Vec::new();
    for route in ROUTES.iter().filter(is_page) {
        let path = found.path(&route.path.replace("{person}", "maria"), "north");
        let answer = guest.get(&path);
        if answer.status != 303 && answer.header("content-type").starts_with("text/html") {
            pages.push((route, path, answer.status == 200));
        }
    }
    pages
}

/// Whether a line of the table is a page that somebody looks at; what leads elsewhere has none.
fn is_page(route: &&Route) -> bool {
    let is_seen = route.side == Side::People && route.method == "GET" && route.answers.contains(&200);
    let is_file = [".tar", "/{file}", "/live"].iter().any(|end| route.path.ends_with(end));
    is_seen && !is_file
}

/// An archive in which everything has happened, and somebody of each role.
fn lived_in(station: &Station) -> (Found, Vec<(&'static str, Guest)>) {
    let mut caller = Caller::new(9);
    assert_eq!(caller.enrol(&mut Way::to(station, None), &station.code("north")), 202);
    let found = found(station, "north", 1);
    matter(station, "north", "us-hipaa");
    let until = Timestamp(station.now().0 + 90 * MS_PER_DAY);
    let mut people = vec![("nobody", Guest::new(station)), ("an administrator", admin(station))];
    for (role, says) in
        [(Role::Technician, "a technician"), (Role::Viewer, "a clinic viewer"), (Role::Reviewer, "a reviewer")]
    {
        people.push((says, person(station, role.word(), role, "north", Some(until))));
    }
    people.push(("a newcomer", newcomer(station)));
    let clinic = station.clinic("north");
    let subject = auscult_collector::access::octets(&found.subject);
    let of = FindingId { sensor: found.sensor, rule: &found.rule, subject: &subject };
    clinic.comment(of, ("reviewer", "Seen at the site: it stands in the waiting room."), station.now()).unwrap();
    let decision = Decision {
        sensor: found.sensor,
        rule: found.rule.clone(),
        subject: subject.clone(),
        what: "fixed".to_owned(),
        reason: "The network has a password since this morning.".to_owned(),
        until: None,
        severity: 2,
        person: "technician".to_owned(),
        decided: station.now(),
        statement: [0; 32],
    };
    clinic.propose(&decision, station.now()).unwrap();
    let of_admin = Decision { what: "open".to_owned(), person: "maria".to_owned(), ..decision };
    clinic.decide(&of_admin, station.now()).unwrap();
    cosigned(station);
    (found, people)
}

/// A reviewer's key has cosigned, another one was removed.
fn cosigned(station: &Station) {
    let (clinic, now) = (station.clinic("north"), station.now());
    let ledger = &station.service().desk().ledger;
    let head = ledger.take_all(&clinic, now).unwrap().unwrap();
    let [rita, carl] = ["rita.example", "carl.example"].map(|name| NoteSigner::new(name, &[7; 32]).unwrap());
    for key in [&rita, &carl] {
        clinic.register_reviewer(&key.key(NoteKind::Cosignature), "viewer", now).unwrap();
    }
    assert!(clinic.remove_reviewer(&carl.key(NoteKind::Cosignature).vkey(), "viewer", now).unwrap());
    let (text, _) = head.note.split_once("\n\n").unwrap();
    let cosigned = format!("{}{}", head.note, rita.cosign(&format!("{text}\n"), now.0 / 1_000));
    assert_eq!(ledger.take_cosigned(&clinic, cosigned.as_bytes(), now).unwrap().len(), 1);
}

/// Somebody who has begun an account and must still show the second factor.
fn newcomer(station: &Station) -> Guest {
    let invitation = auscult_collector::store::Invitation { admin: true, ..Default::default() };
    let code = auscult_collector::access::invite(station.store(), &invitation, 900_000, station.now()).unwrap();
    let mut guest = Guest::new(station);
    let fields = [("code", code.as_str()), ("name", "nina"), ("title", "Nina New"), ("password", PASSWORD)];
    assert_eq!(guest.post("/set-up", &fields).status, 303);
    guest
}

fn base(station: &Station) -> String {
    format!("https://localhost:{}", station.service().addresses().people.unwrap().port())
}

/// The browser has the session of a guest; of somebody who has none it has none.
fn sign_in_as(window: &Window, base: &str, guest: &Guest) {
    window.tell("Network.clearBrowserCookies", &json!({}));
    if let Some((name, value)) = guest.cookie.split_once('=') {
        let cookie = json!({"name": name, "value": value, "url": base, "path": "/", "secure": true, "httpOnly": true});
        assert_eq!(window.tell("Network.setCookie", &cookie)["success"], json!(true));
    }
}

/// What axe calls serious or critical.
fn looked_at(window: &Window, axe: &str, scheme: &str, width: u32) -> Vec<String> {
    let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500});
    window.tell("Emulation.setDeviceMetricsOverride", &size);
    let still = json!({"name": "prefers-reduced-motion", "value": "reduce"});
    let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}, still]});
    window.tell("Emulation.setEmulatedMedia", &media);
    let _ = window.script(axe);
    let found: Value = window.script(
        "return axe.run(document, { resultTypes: ['violations'] }).then((all) => all.violations
            .filter((found) => ['serious', 'critical'].includes(found.impact))
            .map((found) => `${found.id}: ${found.help}: ${found.nodes.map((n) => n.target.join(' ')).slice(0, 5).join(', ')}`))",
    );
    found.as_array().unwrap().iter().filter_map(|fault| fault.as_str().map(str::to_owned)).collect()
}

/// How a page is looked at: in words, the scheme of colours, the width in pixels.
const SIGHTS: &[(&str, &str, u32)] =
    &[("in the light", "light", 1_440), ("in the dark", "dark", 1_440), ("on a telephone", "light", 390)];
const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const SPACE: &str = "\u{e00d}";
/// More places than any page of the walk has before the one that is looked for.
const MOST_KEYS: usize = 60;
