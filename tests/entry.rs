//! How people come in: accounts by one-time codes, a password with a second factor, sessions and their ends.
//!
//! Counts as failure: a session that should not be; a refusal that says more than another; a password or code that is shown again.

use auscult_collector::access::{FIRST_CODE_MS, Role};
use auscult_tests::guest::{Guest, PASSWORD, admin, person};
use auscult_tests::station::Station;

#[test]
fn the_first_administrator_makes_an_account_with_the_code_of_the_console_and_nobody_else_does() {
    let station = Station::new();
    let people = &station.service().desk().people;
    let code = people.first_code(station.now()).unwrap().unwrap();
    let mut stranger = Guest::new(&station);
    assert!(stranger.get("/sign-in").text.contains("Nobody has an account here yet"));
    let form = |code: &str, name: &str, password: &str| {
        [
            ("code", code.to_owned()),
            ("name", name.to_owned()),
            ("title", "T".to_owned()),
            ("password", password.to_owned()),
        ]
    };
    for (code, name, password, said) in [
        ("AAAA-BBBB", "maria", PASSWORD, "one-time code cannot be used"),
        (code.as_str(), "Maria Anna", PASSWORD, "A name to sign in has"),
        (code.as_str(), "maria", "short", "at least 12 characters"),
        (code.as_str(), "maria", "password123456", "first that would be guessed"),
    ] {
        let fields = form(code, name, password);
        let refused = stranger.post("/set-up", &fields.each_ref().map(|(n, v)| (*n, v.as_str())));
        assert_eq!(refused.status, 422);
        assert!(refused.text.contains(said), "{said}: {}", refused.text);
        assert!(!refused.text.contains(password), "a password is never shown again");
    }
    // Typed in small letters with blanks.
    let mut admin = Guest::with_account(&station, "maria", &code.to_lowercase().replace('-', " "));
    assert!(admin.get("/").text.contains("maria of the test"));
    assert_eq!(people.first_code(station.now()).unwrap(), None, "there is an administrator now");
    let again = form(&code, "second", PASSWORD);
    assert_eq!(stranger.post("/set-up", &again.each_ref().map(|(n, v)| (*n, v.as_str()))).status, 422, "used up");
}

#[test]
fn an_account_is_none_before_its_second_factor_was_shown_and_not_after_a_quarter_of_an_hour() {
    let station = Station::new();
    let code = station.service().desk().people.first_code(station.now()).unwrap().unwrap();
    let mut guest = Guest::new(&station);
    let fields = [("code", code.as_str()), ("name", "maria"), ("title", "Maria"), ("password", PASSWORD)];
    assert_eq!(guest.post("/set-up", &fields).status, 303);
    for path in ["/", "/fleet", "/people", "/clinics/north"] {
        let sent = guest.get(path);
        assert_eq!(sent.status, 303, "{path}");
        assert!(sent.header("location").starts_with("/sign-in"), "{path}");
    }
    guest.get("/set-up/second");
    assert_eq!(guest.post("/set-up/second", &[("digits", "000000")]).status, 422);
    station.pass(FIRST_CODE_MS);
    assert!(guest.get("/set-up/second").header("location").starts_with("/sign-in"));
    assert_eq!(station.service().desk().store.admins().unwrap(), 0);
}

#[test]
fn whatever_is_wrong_at_signing_in_is_answered_alike_and_digits_are_used_once() {
    let station = Station::new();
    let mut maria = admin(&station);
    maria.post("/sign-out", &[]);
    assert!(maria.get("/").header("location").starts_with("/sign-in"));
    let now = station.now();
    let right = maria.sign_in(PASSWORD, now);
    assert_eq!(right.status, 401, "the digits of making the account were used");
    station.pass(30_000);
    let wrong = maria.sign_in("four small green boat", station.now());
    let (key, name) = (std::mem::take(&mut maria.key), maria.name.clone());
    let digits = maria.sign_in(PASSWORD, station.now());
    maria.name = "nobody".to_owned();
    let unknown = maria.sign_in(PASSWORD, station.now());
    for (answer, name) in [(&wrong, "maria"), (&digits, "maria"), (&unknown, "nobody")] {
        assert_eq!(answer.status, 401);
        assert_eq!(answer.text.replace(name, "maria"), wrong.text);
    }
    (maria.key, maria.name) = (key, name);
    let done = maria.sign_in(PASSWORD, station.now());
    assert_eq!((done.status, done.header("location")), (303, "/"));
    let cookie = done.header("set-cookie").to_owned();
    assert!(
        cookie.starts_with("__Host-auscult=") && cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    assert_eq!(maria.get("/").status, 200);
    let mut second = Guest::called(&station, &maria.name, &maria.key);
    assert_eq!(second.sign_in(PASSWORD, station.now()).status, 401, "overlooked digits open nothing");
}

#[test]
fn who_guesses_is_held_and_others_are_not() {
    let station = Station::new();
    let mut maria = admin(&station);
    maria.post("/sign-out", &[]);
    station.pass(60_000);
    let mut guesser = Guest::called(&station, "maria", &[1; 20]);
    let statuses: Vec<u16> =
        (0..8).map(|n| guesser.sign_in(&format!("guess number {n}"), station.now()).status).collect();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 401, 429, 429]);
    station.pass(15 * 60_000);
    assert_eq!(maria.sign_in(PASSWORD, station.now()).status, 303);
    let lines = station.service().desk().store.audited(i64::MAX, 100).unwrap();
    let count = |what: &str| lines.iter().filter(|l| l.what == what && l.person == "maria").count();
    assert_eq!((count("sign-in-refused"), count("sign-in-held"), count("signed-in")), (6, 2, 1));
}

#[test]
fn a_session_ends_when_it_rests_when_it_is_old_when_it_is_ended_and_when_the_person_is_shut_out() {
    let station = Station::new();
    let mut maria = admin(&station);
    let before = maria.cookie.clone();
    station.pass(29 * 60_000);
    assert_eq!(maria.get("/").status, 200);
    station.pass(29 * 60_000);
    assert_eq!(maria.get("/").status, 200, "it was used in between");
    station.pass(30 * 60_000);
    assert_eq!(maria.get("/").status, 303, "it rested");
    assert_eq!(maria.sign_in(PASSWORD, station.now()).status, 303);
    assert_ne!(maria.cookie, before, "a new token at each signing in");
    for _ in 0..25 {
        assert_eq!(maria.get("/").status, 200);
        station.pass(28 * 60_000 + 48_000);
    }
    assert_eq!(maria.get("/").status, 303, "twelve hours");
    maria.sign_in(PASSWORD, station.now());
    maria.get("/");
    let (cookie, _) = (maria.cookie.clone(), maria.post("/sign-out", &[]));
    maria.cookie = cookie;
    assert_eq!(maria.get("/").status, 303, "the old token opens nothing");
    // Somebody who is shut out is out at once.
    station.pass(30_000);
    maria.sign_in(PASSWORD, station.now());
    maria.get("/people");
    let mut tom = person(&station, "tom", Role::Technician, "north", None);
    assert_eq!(tom.get("/clinics/north").status, 200);
    assert_eq!(maria.post("/people/tom", &[("state", "disabled")]).status, 303);
    assert_eq!(tom.get("/clinics/north").status, 303);
    station.pass(30_000);
    assert_eq!(tom.sign_in(PASSWORD, station.now()).status, 401);
    assert_eq!(
        maria.post("/people/maria", &[("state", "disabled")]).status,
        403,
        "nobody locks the door behind oneself"
    );
}
