//! What one person alone cannot do: a technician's proposal is confirmed by somebody else, what has consequences wants the second factor
//! again, who lost one comes in by another's code, and a reviewer's access ends.
//!
//! Counts as failure: a decision that one person made alone and may not; a deed of consequence on an old proof; an old password that still
//! opens; a reviewer's grant without an end.

use auscult_collector::access::{Role, digits_at, invite};
use auscult_collector::store::{Invitation, PersonId};
use auscult_report::leaf::LeafKind;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use auscult_tests::guest::{Found, Guest, PASSWORD, admin, base32, found, person};
use auscult_tests::station::Station;

#[test]
fn a_technician_proposes_and_somebody_else_confirms() {
    let station = Station::new();
    let Found { sensor, rule, subject, .. } = found(&station, "north", 1);
    let path = format!("/clinics/north/findings/{sensor}/{rule}/{subject}");
    let (mut tom, mut maria) = (person(&station, "tom", Role::Technician, "north", None), admin(&station));
    let why = "The network has a password since this morning.";
    assert!(tom.get(&path).text.contains("<button>Propose</button>"));
    assert_eq!(tom.post(&path, &[("what", "fixed"), ("reason", "too short")]).status, 422);
    assert_eq!(tom.post(&path, &[("what", "not-true"), ("reason", why)]).status, 303);
    // A second one replaces the first.
    assert_eq!(tom.post(&path, &[("what", "fixed"), ("reason", why)]).status, 303);
    let clinic = station.clinic("north");
    let decided = || clinic.statements().unwrap().into_iter().filter(|s| s.kind == LeafKind::Decision).count();
    assert_eq!((decided(), clinic.decisions().unwrap().len()), (0, 0), "a proposal decides nothing");
    assert!(!tom.get(&path).text.contains(">Confirm</button>"), "not his to confirm");
    let answer = format!("{path}/proposal");
    assert!(maria.get("/").text.contains("A proposal of tom waits"));
    let page = maria.get(&path);
    assert!(page.text.contains("replaced by a newer proposal"), "{}", page.text);
    let number = page.between("name=\"proposal\" value=\"", "\"").to_owned();
    let confirm = [("proposal", number.as_str()), ("answer", "confirm")];
    assert_eq!(tom.post(&answer, &confirm).status, 403, "not his to confirm");
    // Nor if he became an administrator meanwhile.
    let data = rusqlite::Connection::open(&station.config.store).unwrap();
    data.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    data.execute("UPDATE person SET is_admin = 1 WHERE name = 'tom'", []).unwrap();
    let own = tom.post(&answer, &confirm);
    assert!(own.status == 422 && own.text.contains("Somebody else must confirm"), "{}", own.text);
    assert!(data.execute("UPDATE proposal SET answer = 'confirmed', answered_by = person", []).is_err(), "by nobody");
    assert_eq!(decided(), 0);
    assert_eq!(maria.post(&answer, &confirm).status, 303);
    assert_eq!(maria.post(&answer, &confirm).status, 422, "it does not wait any more");
    let stated = clinic.statements().unwrap().into_iter().find(|s| s.kind == LeafKind::Decision).unwrap();
    for line in ["decision fixed", "by maria", "proposed-by tom", &format!("why {why}")] {
        assert!(stated.text.lines().any(|l| l == line), "{line}: {}", stated.text);
    }
    assert!(maria.get(&path).text.contains("confirmed by maria"));
    assert!(!maria.get("/").text.contains("A proposal of tom waits"));
}

#[test]
fn a_reviewer_comments_which_stands_in_the_ledger_and_decides_nothing() {
    let station = Station::new();
    let Found { sensor, rule, subject, .. } = found(&station, "north", 1);
    let path = format!("/clinics/north/findings/{sensor}/{rule}/{subject}");
    let until = Timestamp(station.now().0 + 30 * MS_PER_DAY);
    let mut rita = person(&station, "rita", Role::Reviewer, "north", Some(until));
    assert!(!rita.get(&path).text.contains("class=\"card decide\""));
    let words = "Seen at the site: the access point stands in the waiting room.";
    let comment = format!("{path}/comment");
    assert_eq!(rita.post(&comment, &[("words", "short")]).status, 422);
    assert_eq!(rita.post(&comment, &[("words", words)]).status, 303);
    assert_eq!(rita.post(&path, &[("what", "open"), ("reason", words)]).status, 403);
    let clinic = station.clinic("north");
    let stated = clinic.statements().unwrap().into_iter().find(|s| s.kind == LeafKind::Decision).unwrap();
    assert!(stated.text.contains("\ncomment\nby rita\n") && stated.text.contains(words), "{}", stated.text);
    assert!(clinic.decisions().unwrap().is_empty());
    assert!(rita.get(&path).text.contains(words));
}

#[test]
fn what_has_consequences_wants_the_second_factor_again_after_five_minutes_and_goes_on_with_the_same_form() {
    let station = Station::new();
    let Found { sensor, rule, subject, .. } = found(&station, "north", 1);
    let path = format!("/clinics/north/findings/{sensor}/{rule}/{subject}");
    let mut maria = admin(&station);
    let waiting = sensor.to_string();
    station.pass(5 * 60_000);
    maria.get(&path);
    let why = "We <accept> it until the new network is there.";
    let fields = [("what", "accepted"), ("until", "2026-11-30"), ("reason", why)];
    for (action, fields) in [
        (path.as_str(), &fields[..]),
        ("/people", &[("role", "provider-admin")]),
        (&format!("/clinics/north/sensors/{waiting}"), &[("state", "revoked"), ("why", "it was stolen last night")]),
        ("/people/maria/grant", &[("at", "north"), ("role", "none")]),
    ] {
        let asked = maria.post(action, fields);
        assert_eq!(asked.status, 401, "{action}");
        assert!(asked.text.contains("Your second factor again") && asked.text.contains(action), "{}", asked.text);
    }
    assert!(station.clinic("north").decisions().unwrap().is_empty());
    assert!(!maria.post(&path, &fields).text.contains("<accept>"), "escaped");
    let with = |digits: &str| {
        [&fields[..], &[("digits", digits)]].concat().iter().map(|(n, v)| (*n, (*v).to_owned())).collect::<Vec<_>>()
    };
    let post = |guest: &mut Guest, digits: &str| {
        let fields = with(digits);
        guest.post(&path, &fields.iter().map(|(n, v)| (*n, v.as_str())).collect::<Vec<_>>())
    };
    let wrong = post(&mut maria, "000000");
    assert!(wrong.status == 401 && wrong.text.contains("are not right"), "{}", wrong.text);
    let before = maria.cookie.clone();
    let digits = digits_at(&maria.key, station.now());
    let done = post(&mut maria, &digits);
    assert_eq!((done.status, done.header("location")), (303, path.as_str()), "{}", done.text);
    assert_ne!(maria.cookie, before, "a new token");
    let mut old = Guest::new(&station);
    old.cookie = before;
    assert_eq!(old.get("/").status, 303, "the old one opens nothing");
    assert_eq!(station.clinic("north").decisions().unwrap()[0].reason, why);
    // Within five minutes nobody is asked again; what has no consequences never asks.
    maria.get(&path);
    assert_eq!(maria.post(&path, &[("what", "open"), ("reason", why)]).status, 303);
    station.pass(6 * 60_000);
    maria.get(&path);
    assert_eq!(maria.post(&format!("{path}/comment"), &[("words", why)]).status, 303);
    // The same digits are good once.
    let digits = digits_at(&maria.key, station.now());
    assert_eq!(post(&mut maria, &digits).status, 303);
    station.pass(5 * 60_000 + 20_000);
    maria.get(&path);
    assert_eq!(post(&mut maria, &digits).status, 401);
}

#[test]
fn who_lost_something_comes_in_by_the_code_of_another_and_the_old_password_opens_nothing() {
    let station = Station::new();
    let (mut maria, mut tom) = (admin(&station), person(&station, "tom", Role::Technician, "north", None));
    maria.get("/people");
    assert_eq!(maria.post("/people/maria/reset", &[]).status, 403, "one's own is another's to give");
    assert_eq!(maria.post("/people/nobody/reset", &[]).status, 404);
    let shown = maria.post("/people/tom/reset", &[]);
    let code = shown.between("<code data-copy>", "</code>").to_owned();
    assert!(!maria.get("/people").text.contains(&code), "it is shown once");
    assert_eq!(tom.get("/").status, 303, "every session has ended");
    let mut new = Guest::called(&station, "tom", &[]);
    for (typed, password, said) in [
        ("AAAA-BBBB", "six small green boats", "one-time code cannot be used"),
        (code.as_str(), "short", "at least 12 characters"),
        (&code, "password tom 12", "first that would be guessed"),
    ] {
        let refused = new.post("/reset", &[("code", typed), ("password", password)]);
        assert!(refused.status == 422 && refused.text.contains(said), "{said}: {}", refused.text);
    }
    let begun = new.post("/reset", &[("code", &code.to_lowercase()), ("password", "six small green boats")]);
    assert_eq!((begun.status, begun.header("location")), (303, "/set-up/second"), "{}", begun.text);
    station.pass(30_000);
    // Until the new second factor was shown, nothing has changed.
    assert_eq!(tom.sign_in(PASSWORD, station.now()).status, 303);
    let second = new.get("/set-up/second");
    new.key = base32(second.between("<code class=\"key\">", "</code>"));
    assert_ne!(new.key, tom.key);
    let digits = digits_at(&new.key, station.now());
    assert_eq!(new.post("/set-up/second", &[("digits", &digits)]).status, 303);
    assert_eq!(new.get("/clinics/north").status, 200, "what he may is as before");
    assert_eq!(tom.get("/").status, 303, "every other session has ended");
    station.pass(60_000);
    assert_eq!(tom.sign_in(PASSWORD, station.now()).status, 401, "the old password and the old second factor");
    assert_eq!(new.sign_in("six small green boats", station.now()).status, 303);
    let again = new.post("/reset", &[("code", &code), ("password", "six small green boats")]);
    assert_eq!(again.status, 422, "used up");
    // After an hour a code is over, and for who was shut out there is none.
    station.pass(30_000);
    maria.sign_in(PASSWORD, station.now());
    maria.get("/people");
    let late = maria.post("/people/tom/reset", &[]).between("<code data-copy>", "</code>").to_owned();
    station.pass(60 * 60_000);
    assert_eq!(new.post("/reset", &[("code", &late), ("password", "six small green boats")]).status, 422);
    maria.sign_in(PASSWORD, station.now());
    maria.get("/people");
    assert_eq!(maria.post("/people/tom", &[("state", "disabled")]).status, 303);
    assert_eq!(maria.post("/people/tom/reset", &[]).status, 404);
}

#[test]
fn a_reviewers_access_ends_whoever_writes_it_down() {
    let station = Station::new();
    let store = &station.service().desk().store;
    let endless =
        Invitation { role: Role::Reviewer.word().to_owned(), clinics: "north".to_owned(), ..Invitation::default() };
    let refused = invite(store, &endless, 900_000, station.now()).unwrap_err().to_string();
    assert!(refused.contains("always ends"), "{refused}");
    let _rita = person(&station, "rita", Role::Technician, "north", None);
    let PersonId(id) = store.person_named("rita").unwrap().unwrap().id;
    assert!(station.clinic("north").put_grant(PersonId(id), Some(("reviewer", None)), station.now()).is_err());
    let data = rusqlite::Connection::open(&station.config.store).unwrap();
    data.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    assert!(data.execute("UPDATE person_grant SET role = 'reviewer'", []).is_err());
    let until = station.now().0 as i64 + 1_000;
    data.execute("UPDATE person_grant SET role = 'reviewer', until_ms = ?1", [until]).unwrap();
    assert_eq!(store.grants(PersonId(id)).unwrap()[0].role, "reviewer");
}

#[test]
fn a_password_is_changed_with_the_one_of_now_and_other_sessions_end() {
    let station = Station::new();
    let mut tom = person(&station, "tom", Role::Technician, "north", None);
    station.pass(60_000);
    let mut other = Guest::called(&station, "tom", &tom.key);
    assert_eq!(other.sign_in(PASSWORD, station.now()).status, 303);
    let page = tom.get("/account").text;
    assert_eq!((page.matches("<td>this one</td>").count(), page.matches("another browser").count()), (1, 1), "{page}");
    let new = "six large red wagons";
    for (before, after, said) in [
        ("four small green boat", new, "is not right"),
        (PASSWORD, "short", "at least 12 characters"),
        (PASSWORD, "password tom 12", "first that would be guessed"),
    ] {
        let refused = tom.post("/account", &[("password", before), ("new", after)]);
        assert!(refused.status == 422 && refused.text.contains(said), "{said}: {}", refused.text);
    }
    assert_eq!(other.get("/").status, 200);
    let done = tom.post("/account", &[("password", PASSWORD), ("new", new)]);
    assert!(done.status == 200 && done.text.contains("The password is changed"), "{}", done.text);
    assert!(!done.text.contains(new), "it is never shown again");
    assert_eq!((tom.get("/").status, other.get("/").status), (200, 303));
    station.pass(60_000);
    assert_eq!(other.sign_in(PASSWORD, station.now()).status, 401);
    assert_eq!(other.sign_in(new, station.now()).status, 303);
    // All but one's own end by a button, with the second factor once five minutes have passed.
    station.pass(5 * 60_000);
    tom.get("/account");
    assert_eq!(tom.post("/account/sessions", &[]).status, 401);
    let digits = digits_at(&tom.key, station.now());
    assert_eq!(tom.post("/account/sessions", &[("digits", &digits)]).status, 200);
    assert_eq!((tom.get("/").status, other.get("/").status), (200, 303));
    let lines = station.store().audited(i64::MAX, 100).unwrap();
    for what in ["password-changed", "sessions-ended"] {
        assert!(lines.iter().any(|l| l.what == what && l.person == "tom"), "{what}");
    }
}
