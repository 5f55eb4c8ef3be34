//! People for whom another service vouches (OpenID Connect): against a certified provider as it is, and against one that lies.
//!
//! Counts as failure: an account that nobody was invited to; an answer that is taken though its nonce, issuer, audience, time, key or
//! signature is wrong; a way that is gone twice; a refusal that does not say what to do.

use auscult_collector::access::{Role, invite};
use auscult_collector::run::now;
use auscult_collector::store::Invitation;
use auscult_tests::guest::{Answer, Guest};
use auscult_tests::liar::Liar;
use auscult_tests::npm::{OPENID_PROVIDER, fetched};
use auscult_tests::root;
use auscult_tests::station::Station;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;

#[test]
fn a_certified_provider_vouches_for_who_was_invited_and_for_nobody_else() {
    let Some(package) = fetched(OPENID_PROVIDER) else { return };
    let provider = Provider::start(&package);
    let station = Station::with(&settings(&provider.issuer, "client_secret"));
    station.clock.store(now().unwrap().0, Ordering::Relaxed);
    // Nobody gets an account by signing in there.
    let mut stranger = Guest::new(&station);
    assert!(stranger.get("/sign-in").text.contains("Sign in with Example Login"));
    let refused = provider.round(&mut stranger, "/oidc?next=/fleet", "stranger");
    assert!(refused.status == 401 && refused.text.contains("nobody invited you here"), "{}", refused.text);
    // An invitation binds who it is; from then on one signs in there.
    let mut maria = Guest::new(&station);
    let code = invited(&station, true);
    let fields = [("code", code.as_str()), ("name", "maria"), ("title", "Maria Lindt")];
    let page = maria.post("/oidc", &fields);
    let address = page.between("<a class=\"button\" href=\"", "\"").replace("&amp;", "&").replace("&#38;", "&");
    let bound = maria.get(&provider.walked(&address, "person-17"));
    assert_eq!((bound.status, bound.header("location")), (303, "/"), "{}", bound.text);
    assert!(maria.get("/people").text.contains("Maria Lindt"));
    let mut again = Guest::new(&station);
    let done = provider.round(&mut again, "/oidc?next=/fleet", "person-17");
    assert_eq!((done.status, done.header("location")), (303, "/fleet"), "{}", done.text);
    assert!(again.get("/fleet").text.contains("Maria Lindt"));
    let other = invited(&station, true);
    let fields = [("code", other.as_str()), ("name", "second"), ("title", "Second")];
    let page = Guest::new(&station).post("/oidc", &fields);
    assert_eq!(page.status, 200);
    // What has consequences is asked for there, once five minutes have passed here.
    shows_again(&station, &provider, &mut again);
    // Who is shut out here is out, whoever vouches.
    station.store().set_person("maria", false).unwrap();
    assert_eq!(again.get("/").status, 303);
    let refused = provider.round(&mut Guest::new(&station), "/oidc", "person-17");
    assert_eq!(refused.status, 401);
}

/// The step-up of somebody who has no digits here.
fn shows_again(station: &Station, provider: &Provider, guest: &mut Guest) {
    station.pass(5 * 60_000);
    guest.get("/people");
    let fields = [("role", "provider-admin")];
    let asked = guest.post("/people", &fields);
    assert!(asked.status == 401 && asked.text.contains("/oidc?again=yes"), "{}", asked.text);
    station.clock.store(now().unwrap().0, Ordering::Relaxed);
    let session = guest.cookie.clone();
    for (person, status) in [("somebody-else", 401), ("person-17", 303)] {
        guest.cookie.clone_from(&session);
        let go = guest.get("/oidc?again=yes&next=/people");
        assert!(go.header("location").contains("prompt=login"), "{go:?}");
        let path = provider.walked(go.header("location"), person);
        guest.cookie = format!("{session}; {}", guest.cookie);
        assert_eq!(guest.get(&path).status, status, "{person}");
    }
    assert_ne!(guest.cookie, session, "a new token");
    guest.get("/people");
    assert_eq!(guest.post("/people", &fields).status, 200);
}

#[test]
fn an_answer_that_does_not_hold_is_refused_with_what_is_wrong() {
    let liar = Liar::start();
    let station = Station::with(&settings(&liar.issuer, ""));
    let bind = |guest: &mut Guest, name: &str| {
        let code = invited(&station, false);
        let page = guest.post("/oidc", &[("code", &code), ("name", name), ("title", "T")]);
        let address = page.between("<a class=\"button\" href=\"", "\"").replace("&#38;", "&").replace("&amp;", "&");
        guest.get(&liar.back(&address, station.now()))
    };
    for (lie, said) in [
        ("nonce", "does not belong to this way in"),
        ("issuer", "another service than the one of the settings"),
        ("audience", "meant for somebody else"),
        ("expired", "too old"),
        ("key", "not signed by the service"),
        ("hmac", "signs in a way that is not taken here"),
        ("nothing", "is not understood"),
        ("code", "does not take this way in any more"),
        ("elsewhere", "does not answer as it should"),
    ] {
        liar.lies(lie);
        let refused = bind(&mut Guest::new(&station), "tom");
        assert!(refused.status == 401 && refused.text.contains(said), "{lie}: {}", refused.text);
        assert!(station.store().person_named("tom").unwrap().is_none(), "{lie}");
    }
    liar.lies("");
    let mut tom = Guest::new(&station);
    assert_eq!(bind(&mut tom, "tom").status, 303);
    assert_eq!(tom.get("/clinics/north").status, 200);
    // A second account for the same person there, and a name that is taken, are refused.
    assert!(bind(&mut Guest::new(&station), "tim").text.contains("has an account here already"));
    ways_end(&station, &liar);
    // Who signs in there has no password here.
    assert_eq!(Guest::called(&station, "tom", &[]).sign_in("", station.now()).status, 401);
}

/// A way is gone once, by the browser that began it, within ten minutes.
fn ways_end(station: &Station, liar: &Liar) {
    let mut guest = Guest::new(station);
    let address = guest.get("/oidc").header("location").to_owned();
    let path = liar.back(&address, station.now());
    assert!(Guest::new(station).get(&path).text.contains("begun in another browser"));
    let cookie = guest.cookie.clone();
    assert_eq!(guest.get(&path).status, 303);
    guest.cookie = cookie;
    assert!(guest.get(&path).text.contains("was used already"));
    let mut late = Guest::new(station);
    let path = liar.back(late.get("/oidc").header("location"), station.now());
    station.pass(10 * 60_000);
    assert_eq!(late.get(&path).status, 401);
    // One that comes with the address of another issuer, or with a refusal, is not asked about.
    for (more, said) in
        [("&iss=https://other.example", "another service"), ("&error=access_denied", "turned back there")]
    {
        let mut guest = Guest::new(station);
        let path = liar.back(guest.get("/oidc").header("location"), station.now());
        let path = if more.contains("error") {
            path.split("code=").next().unwrap().to_owned() + &more[1..]
        } else {
            path + more
        };
        let refused = guest.get(&path);
        assert!(refused.status == 401 && refused.text.contains(said), "{more}: {}", refused.text);
    }
}

#[test]
fn without_another_service_there_is_no_way_to_one() {
    let station = Station::new();
    let mut guest = Guest::new(&station);
    assert!(!guest.get("/sign-in").text.contains("/oidc"));
    for path in ["/oidc", "/oidc/back?state=x&code=y"] {
        assert_eq!(guest.get(path).status, 404, "{path}");
    }
    let refused = Station::refuses(&settings("http://login.example.org", ""));
    assert!(refused.contains("people.oidc.issuer must begin with https://"), "{refused}");
}

fn settings(issuer: &str, secret: &str) -> String {
    let secret = if secret.is_empty() { String::new() } else { "client_secret = \"{at}/secret\"\n".to_owned() };
    format!(
        "[people.oidc]\nissuer = \"{issuer}\"\ntitle = \"Example Login\"\nclient_id = \"auscult\"\n{secret}address = \"{OURS}\"\n"
    )
}

fn invited(station: &Station, admin: bool) -> String {
    let role = if admin { String::new() } else { Role::Technician.word().to_owned() };
    let invitation = Invitation { admin, role, clinics: "north".to_owned(), until: None };
    invite(station.store(), &invitation, 900_000, station.now()).unwrap()
}

/// A certified provider as a program of its own.
struct Provider {
    child: Child,
    issuer: String,
}

impl Provider {
    fn start(package: &Path) -> Provider {
        let mut node = Command::new("node");
        node.arg(root().join("tests/op.mjs")).arg(package).arg(format!("{OURS}/oidc/back"));
        let mut child = node.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let issuer = lines.find_map(|l| l.ok().filter(|l| l.starts_with("http://"))).unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        Provider { child, issuer }
    }

    /// Goes there and comes back with what it says.
    fn round(&self, guest: &mut Guest, path: &str, person: &str) -> Answer {
        let go = guest.get(path);
        assert_eq!(go.status, 303, "{}", go.text);
        let back = self.walked(go.header("location"), person);
        guest.get(&back)
    }

    /// What a browser does there: the path at which it comes back to us.
    fn walked(&self, address: &str, person: &str) -> String {
        assert!(address.starts_with(&self.issuer), "{address}");
        let jar = std::env::temp_dir().join(format!("auscult-jar-{}", std::process::id()));
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-L", "--proto-redir", "=http", "--max-redirs", "10", "-o", "/dev/null", "-D", "-", "-b"]);
        let said =
            curl.arg(&jar).arg("-c").arg(&jar).arg("-H").arg(format!("x-person: {person}")).arg(address).output();
        let _ = fs::remove_file(jar);
        let heads = String::from_utf8(said.unwrap().stdout).unwrap();
        let last = heads.lines().rev().find_map(|l| l.strip_prefix("location: ").or(l.strip_prefix("Location: ")));
        last.and_then(|to| to.trim().strip_prefix(OURS))
            .unwrap_or_else(|| panic!("it does not send back: {heads}"))
            .to_owned()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// How browsers would reach us; the test brings what they are sent back with by itself.
const OURS: &str = "https://localhost:8444";
