//! The collector's doors over HTTP and TLS: who comes in by which, and what everybody else is told. Statuses are those of
//! report/FORMAT.md section 20.

use auscult_collector::store::SensorState;
use auscult_collector::web::{ROUTES, Side, Who};
use auscult_report::batch::MAX_BATCH_OCTETS;
use auscult_tests::station::{ALIVE, Caller, ENROL, RENEW, REPORTS, Station};
use auscult_tests::way::Way;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;

#[test]
fn a_sensor_that_a_person_let_in_delivers_and_gets_a_receipt_that_proves_itself() {
    let station = Station::new();
    let mut caller = station.enrolled("north", 1);
    let mut way = Way::to(&station, Some(&caller));
    let (status, receipt) = way.reports(&caller.ear.chain(3));
    let receipt = receipt.unwrap();
    assert_eq!((status, receipt.results.len()), (200, 3));
    assert_eq!(receipt.durable_to.unwrap().place, caller.ear.head.unwrap().place);
    let desk = station.service().desk();
    desk.ledger.take_all(&station.clinic("north"), station.now()).unwrap();
    let (_, receipt) = way.reports(&caller.ear.chain(1));
    assert!(receipt.unwrap().proven.unwrap().inclusion.is_some());
}

#[test]
fn until_a_person_let_it_in_a_sensor_gets_nothing_and_once_revoked_again_nothing() {
    let station = Station::new();
    let mut caller = Caller::new(2);
    let mut way = Way::to(&station, None);
    assert_eq!(caller.enrol(&mut way, &station.code("north")), 202);
    assert_eq!(caller.renew(&mut way), (403, "pending".to_owned()));
    let (clinic, id) = (station.clinic("north"), caller.id());
    assert_eq!(clinic.sensors().unwrap()[0].state, SensorState::Pending);
    assert_eq!(clinic.hint(id).unwrap().unwrap().peer, "127.0.0.1");
    clinic.set_state(id, SensorState::Active, "test", station.now()).unwrap();
    assert_eq!(caller.renew(&mut way).0, 200);
    let mut own = Way::to(&station, Some(&caller));
    assert_eq!(own.reports(&caller.ear.chain(1)).0, 200);
    clinic.set_state(id, SensorState::Revoked, "stolen", station.now()).unwrap();
    station.pass(5_001);
    let (status, _, word) = own.post("/v1/reports", REPORTS, &one(&mut caller));
    assert_eq!((status, word.as_slice()), (403, &b"revoked\n"[..]));
    assert_eq!(caller.renew(&mut way), (403, "revoked".to_owned()));
    assert_eq!(clinic.counts().unwrap().reports, 1);
}

#[test]
fn a_certificate_that_has_ended_is_told_to_renew_and_then_all_goes_on() {
    let station = Station::new();
    let mut caller = station.enrolled("north", 3);
    station.pass(31 * 86_400_000);
    let batch = one(&mut caller);
    let mut own = Way::to(&station, Some(&caller));
    assert_eq!(own.post("/v1/reports", REPORTS, &batch).0, 401);
    assert_eq!(own.post("/v1/sensor/alive", ALIVE, b"").0, 401);
    assert_eq!(caller.renew(&mut Way::to(&station, None)).0, 200, "after its end too");
    assert_eq!(Way::to(&station, Some(&caller)).post("/v1/reports", REPORTS, &batch).0, 200);
}

#[test]
fn what_needs_a_certificate_is_closed_to_who_has_none_or_one_of_another_ca() {
    let (station, other) = (Station::new(), Station::new());
    let stranger = other.enrolled("north", 4);
    let refused = Way::try_to(station.agents(), &station.authority(), Some(&stranger))
        .and_then(|mut way| way.ask(request("POST", "/v1/reports", REPORTS, b"x")));
    assert!(refused.is_err(), "a foreign certificate does not end the handshake");
    let mut nobody = Way::to(&station, None);
    for route in ROUTES.iter().filter(|r| r.side == Side::Agents) {
        let (status, _, _) = nobody.ask(request(route.method, route.path, "x/y", b"x")).unwrap();
        let wanted = if route.who == Who::Certificate { 401 } else { 415 };
        assert_eq!(status, wanted, "{}", route.path);
    }
}

#[test]
fn a_sensor_cannot_bring_reports_of_another_nor_into_another_clinic() {
    let station = Station::new();
    let (mut north, mut south) = (station.enrolled("north", 5), station.enrolled("south", 6));
    let mut way = Way::to(&station, Some(&north));
    let (status, receipt) = way.reports(&south.ear.chain(1));
    assert_eq!(status, 200);
    assert_eq!(receipt.unwrap().results[0].outcome.word(), "refused-ledger");
    // Its own key, sealed for the other clinic's ledger.
    let mut moved = auscult_tests::archive::Ear::stranger(south.ear.ledger, 5);
    let (_, receipt) = way.reports(&moved.chain(1));
    assert_eq!(receipt.unwrap().results[0].outcome.word(), "refused-ledger");
    assert_eq!(way.reports(&north.ear.chain(1)).1.unwrap().results[0].outcome.word(), "stored");
    assert_eq!(station.clinic("south").counts().unwrap().reports, 0);
}

#[test]
fn every_wrong_code_looks_alike_and_five_wrong_proofs_burn_one() {
    let station = Station::new();
    let good = station.code("north");
    // Unknown: an offer as always, whose proof does not hold; its end is refused.
    let unknown = auscult_report::code::Code::new(auscult_report::code::CodeId([9; 5]), [9; 15]);
    let mut way = Way::to(&station, None);
    let (status, _, offer) = way.post("/v1/enrol/hello", ENROL, &Caller::new(7).hello(&unknown));
    let (good_status, _, good_offer) = way.post("/v1/enrol/hello", ENROL, &Caller::new(7).hello(&good));
    assert_eq!((status, offer.len()), (good_status, good_offer.len()), "by its form nobody can tell");
    let wrong = finish_with(&unknown);
    way.post("/v1/enrol/hello", ENROL, &Caller::new(7).hello(&unknown));
    assert_eq!(way.post("/v1/enrol/finish", ENROL, &wrong).0, 403);
    assert_eq!(way.post("/v1/enrol/finish", ENROL, &wrong).0, 409, "a finish without its hello");
    for _ in 0..5 {
        station.pass(61_000);
        way.post("/v1/enrol/hello", ENROL, &Caller::new(7).hello(&good));
        let (status, _, word) = way.post("/v1/enrol/finish", ENROL, &finish_with(&good));
        assert_eq!((status, word.as_slice()), (403, &b"refused\n"[..]));
    }
    let late = Caller::new(7);
    let hello = late.hello(&good);
    let (_, _, octets) = way.post("/v1/enrol/hello", ENROL, &hello);
    let offer: auscult_report::enrol::Offer = postcard::from_bytes(&octets).unwrap();
    assert!(auscult_report::enrol::check_offer(&good.key(), &hello, &offer, &way.peer_key).is_err(), "burnt");
    assert_eq!(station.clinic("north").sensors().unwrap(), []);
}

#[test]
fn a_code_is_used_once_and_not_after_its_hour() {
    let station = Station::new();
    let code = station.code("north");
    let mut way = Way::to(&station, None);
    assert_eq!(Caller::new(1).enrol(&mut way, &code), 202);
    let hello = Caller::new(2).hello(&code);
    let (_, _, octets) = way.post("/v1/enrol/hello", ENROL, &hello);
    let offer: auscult_report::enrol::Offer = postcard::from_bytes(&octets).unwrap();
    assert!(auscult_report::enrol::check_offer(&code.key(), &hello, &offer, &way.peer_key).is_err(), "used");
    // Two connections have an offer for the same code; the second to finish is too late.
    let code = station.code("north");
    let (mut first, mut second) = (Way::to(&station, None), Way::to(&station, None));
    let finish = |way: &mut Way, caller: &Caller| {
        let hello = caller.hello(&code);
        let (_, _, octets) = way.post("/v1/enrol/hello", ENROL, &hello);
        let offer = postcard::from_bytes(&octets).unwrap();
        let transcript = auscult_report::enrol::check_offer(&code.key(), &hello, &offer, &way.peer_key).unwrap();
        let last = auscult_report::enrol::finish(code.id(), &code.key(), &caller.ear.key, &transcript);
        postcard::to_allocvec(&last).unwrap()
    };
    let (a, b) = (finish(&mut first, &Caller::new(3)), finish(&mut second, &Caller::new(4)));
    assert_eq!(first.post("/v1/enrol/finish", ENROL, &a).0, 202);
    assert_eq!(second.post("/v1/enrol/finish", ENROL, &b).0, 403);
    let code = station.code("north");
    station.pass(3_600_000);
    let hello = Caller::new(5).hello(&code);
    let (_, _, octets) = way.post("/v1/enrol/hello", ENROL, &hello);
    let offer = postcard::from_bytes(&octets).unwrap();
    assert!(auscult_report::enrol::check_offer(&code.key(), &hello, &offer, &way.peer_key).is_err(), "too late");
    assert_eq!(station.clinic("north").sensors().unwrap().len(), 2);
}

#[test]
fn the_eleventh_first_word_of_a_minute_waits() {
    let station = Station::new();
    let mut way = Way::to(&station, None);
    let hello = Caller::new(1).hello(&station.code("north"));
    let statuses: Vec<u16> = (0..11).map(|_| way.post("/v1/enrol/hello", ENROL, &hello).0).collect();
    assert_eq!(statuses, [[200; 10].as_slice(), &[429]].concat());
    station.pass(60_000);
    assert_eq!(way.post("/v1/enrol/hello", ENROL, &hello).0, 200);
}

#[test]
fn what_is_no_request_of_ours_costs_a_status_and_nothing_else() {
    let station = Station::new();
    let mut caller = station.enrolled("north", 1);
    let long = vec![0; MAX_BATCH_OCTETS + 1];
    for (path, kind, body, wanted) in [
        ("/v1/reports", REPORTS, &b"junk"[..], 400),
        ("/v1/reports", REPORTS, b"", 411),
        ("/v1/reports", "text/plain", b"junk", 415),
        ("/v1/reports", REPORTS, &long, 413),
        ("/v1/sensor/alive", ALIVE, b"AUSA", 400),
        ("/v1/sensor/renew", RENEW, b"AUSN", 400),
        ("/v1/enrol/hello", ENROL, b"\xff\xff\xff\xff", 400),
        ("/v1/reports/", REPORTS, b"x", 404),
        ("/healthz", REPORTS, b"x", 404),
        ("/v1/ledgers/00/checkpoint", REPORTS, b"x", 404),
    ] {
        // What is refused unread ends its connection.
        let (status, headers, _) = Way::to(&station, Some(&caller)).post(path, kind, body);
        assert_eq!(status, wanted, "{path} {kind}");
        assert_eq!(headers.contains_key("accept-auscult"), wanted == 415);
    }
    let mut way = Way::to(&station, Some(&caller));
    assert_eq!(way.ask(request("GET", "/v1/reports", REPORTS, b"")).unwrap().0, 405);
    let chunked = Request::post("/v1/reports").header("content-type", REPORTS).header("transfer-encoding", "chunked");
    let body = Full::new(Bytes::from_static(b"junk"));
    assert_eq!(Way::to(&station, Some(&caller)).ask(chunked.body(body).unwrap()).unwrap().0, 411);
    assert_eq!(Way::to(&station, Some(&caller)).reports(&caller.ear.chain(1)).0, 200, "it serves as before");
}

#[test]
fn monitoring_sees_figures_and_no_names() {
    let mut station = Station::new();
    let mut caller = station.enrolled("north", 1);
    Way::to(&station, Some(&caller)).reports(&caller.ear.chain(2));
    let ask = |station: &Station, path: &str| {
        let at = station.service().addresses().ops.unwrap();
        plain(at, path)
    };
    assert!(ask(&station, "/healthz").ends_with("ok\n"));
    assert!(ask(&station, "/readyz").contains("200 OK"));
    let text = ask(&station, "/metrics");
    assert!(text.contains("auscult_reports_total{result=\"stored\"} 2"), "{text}");
    for secret in ["north", &caller.id().to_string()] {
        assert!(!text.contains(secret));
    }
    station.stop();
}

#[test]
fn a_ledger_is_read_by_who_has_its_clinics_token_and_by_nobody_else() {
    let station = Station::new();
    let mut caller = station.enrolled("north", 1);
    Way::to(&station, Some(&caller)).reports(&caller.ear.chain(3));
    let clinic = station.clinic("north");
    let head = station.service().desk().ledger.take_all(&clinic, station.now()).unwrap().unwrap();
    let until = auscult_report::time::Timestamp(station.now().0 + 1_000);
    clinic.put_token(&auscult_collector::web::token_hash("good"), "test", (station.now(), until)).unwrap();
    let at = station.service().addresses().people.unwrap();
    let mut way = Way::try_to(at, &station.authority(), None).unwrap();
    let mut get = |ledger: &str, file: &str, token: &str| {
        let request = Request::get(format!("/v1/ledgers/{ledger}/{file}")).header("host", "localhost");
        let request = request.header("authorization", format!("Bearer {token}"));
        let (status, _, body) = way.ask(request.body(Full::default()).unwrap()).unwrap();
        (status, body)
    };
    let (north, south) = ("6e".repeat(16), "73".repeat(16));
    assert_eq!(get(&north, "checkpoint", "good"), (200, head.note.clone().into_bytes()));
    let tile = format!("tile/0/000.p/{}", head.size);
    assert_eq!(get(&north, &tile, "good").1.len(), usize::try_from(head.size).unwrap() * 32);
    for (ledger, file, token) in [
        (&south, "checkpoint", "good"),
        (&north, "checkpoint", "bad"),
        (&north, "../../archive.db", "good"),
        (&north, "..%2f..%2farchive.db", "good"),
        (&north, "tile/9/000", "good"),
    ] {
        assert_eq!(get(ledger, file, token).0, 404, "{file}");
    }
    station.pass(1_001);
    assert_eq!(get(&north, "checkpoint", "good").0, 404, "it has ended");
}

fn one(caller: &mut Caller) -> Vec<u8> {
    let reports = caller.ear.chain(1);
    auscult_report::batch::batch(reports.iter().map(|r| r.octets())).0
}

/// The last word of who does not have the code.
fn finish_with(code: &auscult_report::code::Code) -> Vec<u8> {
    let signature = auscult_report::key::SensorKey::from_seed(&[1; 32]).sign(b"", &[]);
    let proof = auscult_report::enrol::Proof([0; 32]);
    postcard::to_allocvec(&auscult_report::enrol::Finish { code: code.id(), signature, proof }).unwrap()
}

fn request(method: &str, path: &str, kind: &str, body: &'static [u8]) -> Request<Full<Bytes>> {
    let request = Request::builder().method(method).uri(path).header("host", "localhost").header("content-type", kind);
    request.body(Full::new(Bytes::from_static(body))).unwrap()
}

/// A question without TLS.
fn plain(at: std::net::SocketAddr, path: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(at).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}
