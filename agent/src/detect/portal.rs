//! HTTP/1.x over TCP on any port (RFC 9110, RFC 9112): portals, image archives, FHIR servers, printers.
//!
//! Keeps: of at most [`MAX_ASKED`] requests that wait for their answers what [`Asked`] keeps, of one body its first
//! octets. Drops: paths, queries, host names, cookies, form fields, credentials, titles, bodies.

use super::system::say_ntlm;
use super::web_answer;
use super::web_body::Body;
use super::web_request::{self, Asked, Method, PostedForm};
use super::web_side::{self, Hears, Side};
use super::web_text::{mark, starts_with};
use super::web_told::Told;
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict, web_agent};
use crate::wire::WireError;
use crate::wire::http::{self, AskedBy, Begins, Framing};
use std::collections::VecDeque;

/// HTTP/1.x.
pub const HTTP: Detector = Detector {
    name: "http",
    version: 3,
    hears: "Requests and answers of HTTP/1.0 and 1.1 on any port, told by their first line; RTSP, SIP and ICAP are \
            not taken. It follows keep-alive and pipelined requests and pairs answers with them; after a hole \
            nothing is paired until both sides are sure again. A field can be forged or written by a proxy in front: \
            products and crawlers are what they call themselves; logins by NTLM name builds of Windows. Compressed pages \
            are not searched. Documents are counted by address, browser and session: people with none of these apart are taken for one. Paths, names, \
            cookies, passwords and bodies are compared and dropped.",
    sniff,
    start: || Box::new(Web::default()),
};

fn sniff(opening: &Opening<'_>) -> Verdict {
    let client = without_blank_lines(opening.client);
    let server = opening.server;
    if server.is_empty() {
        return if client.is_empty() { Verdict::Unsure } else { verdict(http::begins_request(client)) };
    }
    // The sides are the wrong way round when the client answers or the server asks.
    if http::begins_answer(client) == Begins::Yes || http::begins_request(server) == Begins::Yes {
        return Verdict::No;
    }
    match verdict(http::begins_answer(server)) {
        // The beginning of the answer may be missing, but another protocol's greeting is none.
        Verdict::No if GREETINGS.iter().any(|g| server.starts_with(g)) => Verdict::No,
        Verdict::No if !client.is_empty() => verdict(http::begins_request(client)),
        other => other,
    }
}

fn verdict(begins: Begins) -> Verdict {
    match begins {
        Begins::No => Verdict::No,
        Begins::Perhaps => Verdict::Unsure,
        Begins::Yes => Verdict::Yes,
    }
}

fn without_blank_lines(octets: &[u8]) -> &[u8] {
    let blank = octets.iter().take_while(|o| matches!(o, b'\r' | b'\n')).count();
    octets.get(blank..).unwrap_or_default()
}

/// Follows one conversation.
struct Web {
    requests: Side,
    answers: Side,
    memory: Memory,
}

impl Default for Web {
    fn default() -> Web {
        Web { requests: Side::new(), answers: Side::new(), memory: Memory::default() }
    }
}

/// What both directions share.
#[derive(Default)]
struct Memory {
    /// Requests that wait for their answers, oldest first.
    asked: VecDeque<Asked>,
    pairing: Pairing,
    told: Told,
    /// The form that is being posted.
    form: Option<PostedForm>,
    /// The body that is being looked at.
    body: Option<Box<Body>>,
    /// What the client called itself last.
    agent: Option<u64>,
    over: Option<Interest>,
}

/// How sure it is which answer belongs to which request.
#[derive(Clone, Copy, Debug, Default)]
struct Pairing {
    /// Requests were sent before their predecessors were answered.
    pipelined: bool,
    /// A request was lost: the answer that comes next may be to it.
    dubious: bool,
    /// Nobody can tell any more.
    broken: bool,
}

impl Memory {
    /// A request was heard.
    fn push(&mut self, asked: Asked) {
        if self.pairing.dubious || self.pairing.broken {
            return;
        }
        self.pairing.pipelined |= !self.asked.is_empty();
        if self.asked.len() >= MAX_ASKED {
            self.pairing.broken = true;
            self.asked = VecDeque::new();
            return;
        }
        self.asked.push_back(asked);
    }

    /// The request that the next answer belongs to.
    fn pop(&mut self) -> Option<Asked> {
        self.pairing.dubious = false;
        self.asked.pop_front()
    }

    /// This sensor hears the client alone: what is readable in its requests is said without their answers.
    fn unanswered(&mut self, said: &mut Said<'_>) {
        self.pairing.broken = true;
        for asked in core::mem::take(&mut self.asked) {
            web_answer::unanswered(&asked, said, &mut self.told);
        }
    }

    /// Messages of either side were lost.
    fn unpair(&mut self) {
        self.pairing.broken |= self.pairing.pipelined;
        self.asked.clear();
    }
}

impl Listener for Web {
    fn held(&self) -> usize {
        let asked = self.memory.asked.capacity().saturating_mul(size_of::<Asked>());
        self.memory.body.as_ref().map_or(asked, |body| body.held().saturating_add(asked))
    }

    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        let deaf = talk.server.heard() == 0;
        let mut requests = Requests { memory: &mut self.memory, said, deaf };
        if talk.client.torn() {
            self.requests.torn(&mut requests);
        }
        self.requests.hear(talk.client, &mut requests);
        let mut answers = Answers { memory: &mut self.memory, said };
        if talk.server.torn() {
            self.answers.torn(&mut answers);
        }
        self.answers.hear(talk.server, &mut answers);
        if let Some(over) = self.memory.over {
            return over;
        }
        if deaf && talk.client.is_ended() {
            self.memory.unanswered(said);
        }
        let ended = talk.client.is_ended() && talk.server.is_ended();
        if ended || self.answers.is_closed() { Interest::Done } else { Interest::More }
    }
}

/// The client's side.
struct Requests<'a, 'b> {
    memory: &'a mut Memory,
    said: &'a mut Said<'b>,
    /// Nothing of the server was heard.
    deaf: bool,
}

impl Hears for Requests<'_, '_> {
    fn begins(octets: &[u8]) -> Begins {
        http::method_word(octets)
    }

    fn find(octets: &[u8]) -> Result<usize, usize> {
        http::find_request(octets)
    }

    fn head(&mut self, octets: &[u8], look: bool) -> Result<web_side::Body, WireError> {
        let request = http::Request::read(octets)?;
        let framing = request.framing()?;
        if let Some(agent) = request.fields.get("User-Agent") {
            let mark = mark(self.said.key, &[agent]);
            if self.memory.agent.replace(mark) != Some(mark) {
                web_agent::client_signs(agent, self.said);
            }
        }
        for field in ["Authorization", "Proxy-Authorization"].iter().filter_map(|name| request.fields.get(name)) {
            say_ntlm(web_answer::ntlm_message(field), false, self.said);
        }
        let asked = web_request::read(&request, self.said.key).heard_from(self.said.client.zone);
        let media = request.fields.get("Content-Type").unwrap_or_default();
        let form = look && framing != Framing::Empty && asked.method == Method::Post && PostedForm::is_form(media);
        self.memory.form = form.then(PostedForm::default);
        if self.deaf && self.memory.asked.len() >= MAX_ASKED {
            self.memory.unanswered(self.said);
        }
        self.memory.push(asked);
        Ok(web_side::Body { framing, wanted: form })
    }

    fn piece(&mut self, octets: &[u8]) -> bool {
        let Some(form) = &mut self.memory.form else { return false };
        let more = form.hear(octets);
        if form.password
            && let Some(asked) = self.memory.asked.back_mut()
        {
            asked.password = true;
        }
        more
    }

    fn end(&mut self, _whole: bool) {
        self.memory.form = None;
    }

    fn lost(&mut self) {
        self.memory.unpair();
        self.memory.pairing.dubious = true;
    }
}

/// The server's side.
struct Answers<'a, 'b> {
    memory: &'a mut Memory,
    said: &'a mut Said<'b>,
}

impl Hears for Answers<'_, '_> {
    fn begins(octets: &[u8]) -> Begins {
        http::begins_answer(octets)
    }

    fn find(octets: &[u8]) -> Result<usize, usize> {
        http::find_answer(octets)
    }

    fn head(&mut self, octets: &[u8], look: bool) -> Result<web_side::Body, WireError> {
        let answer = http::Answer::read(octets)?;
        if answer.status == 101 {
            let known = |u| starts_with(u, b"TLS/") || starts_with(u, b"h2c");
            let known = answer.fields.get("Upgrade").is_some_and(known);
            self.memory.over = Some(if known { Interest::Again } else { Interest::Done });
        }
        if (100..200).contains(&answer.status) {
            return Ok(web_side::Body { framing: Framing::Empty, wanted: false });
        }
        let asked = self.memory.asked.front().copied();
        let by = if asked.is_some_and(|a| a.method == Method::Head) { AskedBy::Head } else { AskedBy::Other };
        let framing = answer.framing(by)?;
        self.memory.pop();
        if asked.is_some_and(|a| a.method == Method::Connect) && (200..300).contains(&answer.status) {
            self.memory.over = Some(Interest::Done);
        }
        let body = web_answer::hear(&answer, framing, asked.as_ref(), self.said, &mut self.memory.told);
        self.memory.body = body.filter(|_| look).map(Box::new);
        Ok(web_side::Body { framing, wanted: self.memory.body.is_some() })
    }

    fn piece(&mut self, octets: &[u8]) -> bool {
        let Memory { body, told, .. } = &mut *self.memory;
        body.as_mut().is_some_and(|b| b.hear(octets, self.said, told))
    }

    fn end(&mut self, whole: bool) {
        if let Some(mut body) = self.memory.body.take() {
            body.end(whole, self.said, &mut self.memory.told);
        }
    }

    fn lost(&mut self) {
        self.memory.unpair();
    }

    fn is_over(&self) -> bool {
        self.memory.over.is_some()
    }
}

/// Requests that may wait for their answers: browsers send one at a time, pipelining clients a few.
const MAX_ASKED: usize = 32;

/// How servers of other protocols greet: a browser that calls on them makes no web server of them.
const GREETINGS: &[&[u8]] = &[b"SSH-", b"220", b"+OK", b"* OK", b"RFB ", b"-ERR", b"-DENIED", b"\xFF\xFD", b"\xFF\xFB"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{NTLM_IN_BASE64, Says, facts, hear, is_windows};
    use crate::detect::{End, Observation};
    use crate::flow::head::Head;
    use auscult_report::fact::*;
    use auscult_report::subject::{HostId, Transport};
    use auscult_report::time::Timestamp;
    use auscult_report::zone::Zone;

    const SYSTEM: &str = "{\n   \"ApiVersion\" : 16,\n   \"DatabaseVersion\" : 6,\n   \"DicomAet\" : \"CLINICPACS\",\n   \
        \"Name\" : \"ZZCANARY\",\n   \"Version\" : \"1.10.1\"\n}";
    const FORM: &str = "<html><title>Patient portal of ZZCANARY</title><form method=\"post\" action=\"/portal/login.php\">\
        <input name=\"username\"><input type=\"password\" name=\"password\"></form></html>";

    fn get(path: &str, fields: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nHost: 203.0.113.2\r\nUser-Agent: x\r\n{fields}\r\n")
    }

    fn ok(media: &str, fields: &str, body: &str) -> String {
        let length = body.len();
        format!("HTTP/1.1 200 OK\r\nContent-Type: {media}\r\n{fields}Content-Length: {length}\r\n\r\n{body}")
    }

    /// What is said of these questions and answers, the same however the octets are cut.
    fn said_of(turns: &[(&str, &str)]) -> Vec<Fact> {
        let mut says = Vec::new();
        for (question, answer) in turns {
            if !question.is_empty() {
                says.push(Says::Client(question.as_bytes()));
            }
            if !answer.is_empty() {
                says.push(Says::Server(answer.as_bytes()));
            }
        }
        let whole = hear(&HTTP, 80, 100_000, &says);
        for piece in [1, 7, 536] {
            let mut cut = facts(&hear(&HTTP, 80, piece, &says));
            let mut all = facts(&whole);
            cut.sort_unstable();
            all.sort_unstable();
            assert_eq!(cut, all, "in pieces of {piece}");
        }
        let text = format!("{whole:?}");
        for planted in ["ZZCANARY", "CNRY", "zzcanary", "CnryPassw0rd", "transcripts", "203, 0, 113, 2]"] {
            assert!(!text.contains(planted), "{planted} leaves");
        }
        facts(&whole)
    }

    fn kinds(said: &[Fact]) -> (Vec<WebKind>, Vec<WebKind>) {
        let all = said.iter().filter_map(|f| if let Fact::WebKind(k) = f { Some(*k) } else { None });
        let open = said.iter().filter_map(|f| if let Fact::WebOpenKind(k) = f { Some(*k) } else { None });
        (all.collect(), open.collect())
    }

    #[test]
    fn a_service_is_named_when_it_answers() {
        let said = said_of(&[(&get("/", ""), &ok("text/html", "Server: Apache/2.4.62 (Debian)\r\n", "<p>hello</p>"))]);
        assert_eq!(said[0], Fact::Protocol(Protocol::Http));
        assert!(said.contains(&Fact::Answered) && said.contains(&Fact::Encryption(Encryption::None)));
        assert!(said.contains(&Fact::WebVersionShown(WebHeader::Apache)));
        assert!(said.iter().any(|f| matches!(f, Fact::Software(s) if s.product.name() == "Apache httpd"
            && s.version.is_some_and(|v| v.as_str() == "2.4.62"))));
        assert_eq!(said_of(&[(&get("/", ""), "")]), []);
    }

    #[test]
    fn a_document_without_an_identity_is_open_and_with_one_closed() {
        let pdf = ok("application/pdf", "", "%PDF-1.4 ZZCANARY");
        let path = "/transcripts/ZZCANARY_PATIENT_0001.pdf";
        let open = said_of(&[(&get(path, ""), &pdf)]);
        for fact in [Fact::WebOpenDocument, Fact::DataServed, Fact::Login(Login::None), Fact::WebAuth(WebAuth::None)] {
            assert!(open.contains(&fact), "{fact:?}");
        }
        for identity in ["Cookie: sid=CNRYCOOKIE99\r\n", "Cookie: x=1\r\n", "Authorization: Bearer CNRYabc\r\n"] {
            let closed = said_of(&[(&get(path, identity), &pdf)]);
            assert!(closed.contains(&Fact::WebClosedDocument) && !closed.contains(&Fact::DataServed), "{identity}");
            assert_eq!(kinds(&closed).1, []);
        }
        let token = said_of(&[(&get("/d/1.pdf?token=CNRYTOKEN7f3a9b11", ""), &pdf)]);
        assert!(token.contains(&Fact::WebClosedDocument) && token.contains(&Fact::WebAuth(WebAuth::TokenParameter)));
    }

    #[test]
    fn different_documents_are_counted_and_the_same_one_once() {
        let pdf = ok("application/pdf", "", "%PDF-1.4 ZZCANARY");
        let (a, b) = (get("/ZZCANARY/1.pdf", ""), get("/ZZCANARY/2.pdf", ""));
        let says: Vec<_> =
            [&a, &b, &a].into_iter().flat_map(|q| [Says::Client(q.as_bytes()), Says::Server(pdf.as_bytes())]).collect();
        let heard = hear(&HTTP, 80, 1000, &says);
        let mut amounts: Vec<_> =
            heard.iter().filter(|o| o.fact == Fact::WebOpenDocument).map(|o| format!("{:?}", o.amount)).collect();
        assert_eq!(amounts.len(), 3);
        amounts.sort();
        amounts.dedup();
        assert_eq!(amounts.len(), 2);
    }

    #[test]
    fn chunks_continuations_and_requests_that_did_not_wait_are_followed() {
        let form = "POST /portal/login.php HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n\
            Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n";
        let body = "9\r\nuser=a&pa\r\nC;x=y\r\nssword=CNRY9\r\n0\r\nTrailer: zzcanary\r\n\r\n";
        let pipelined = [get("/d/1.pdf", ""), get("/none", ""), get("/d/2.pdf", "")].concat();
        let pdf = |n: u8| {
            format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nTransfer-Encoding: chunked\r\n\r\n\
            10\r\n%PDF-1.4 ZZCANAR\r\n2\r\nY{n}\r\n0\r\n\r\n"
            )
        };
        let none = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n";
        let says = [
            Says::Client(form.as_bytes()),
            Says::Server(b"HTTP/1.1 100 Continue\r\n\r\n"),
            Says::Client(body.as_bytes()),
            Says::Server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
            Says::Client(pipelined.as_bytes()),
            Says::Server(&[pdf(1), none.to_owned(), pdf(2)].concat().into_bytes()),
        ]
        .map(|s| match s {
            Says::Client(o) => (true, o.to_vec()),
            Says::Server(o) => (false, o.to_vec()),
        });
        let says: Vec<_> = says.iter().map(|(c, o)| if *c { Says::Client(o) } else { Says::Server(o) }).collect();
        for piece in [1, 13, 100_000] {
            let heard = hear(&HTTP, 80, piece, &says);
            assert!(heard.iter().any(|o| o.fact == Fact::WebLoginInClear), "in pieces of {piece}");
            let documents = heard.iter().filter(|o| o.fact == Fact::WebOpenDocument);
            assert_eq!(
                documents.map(|o| format!("{:?}", o.amount)).collect::<std::collections::BTreeSet<_>>().len(),
                2
            );
        }
    }

    #[test]
    fn after_an_upgrade_to_something_else_nothing_is_read_as_http() {
        let says = [
            Says::Client(b"GET /chat HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
            Says::Server(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nHTTP/1.1 200 OK\r\nServer: nginx/1.0\r\n\r\n"),
        ];
        let said = facts(&hear(&HTTP, 80, 1000, &says));
        assert!(!said.iter().any(|f| matches!(f, Fact::Software(_))), "{said:?}");
    }

    #[test]
    fn the_challenge_of_a_proxy_is_its_own_and_what_it_passes_on_is_not() {
        let [challenge, offer] = NTLM_IN_BASE64;
        for (status, field, is_own) in [(407, "Proxy-Authenticate", true), (401, "WWW-Authenticate", false)] {
            let again = field.replace("enticate", "orization").replace("WWW-", "");
            let again = format!("GET http://portal.example/ HTTP/1.1\r\n{again}: Negotiate {offer}\r\n\r\n");
            let answer = format!("HTTP/1.1 {status} no\r\n{field}: NTLM {challenge}\r\nContent-Length: 0\r\n\r\n");
            let says = [
                Says::Client(b"GET http://portal.example/ HTTP/1.1\r\nHost: portal.example\r\n\r\n"),
                Says::Server(answer.as_bytes()),
                Says::Client(again.as_bytes()),
            ];
            let said = facts(&hear(&HTTP, 3128, 1000, &says));
            assert!(is_windows(&said, SignPlace::NtlmClient, 26_100), "{said:?}");
            assert_eq!(is_windows(&said, SignPlace::NtlmChallenge, 17_763), is_own, "{said:?}");
        }
    }

    #[test]
    fn what_is_no_document_is_not_called_one() {
        let path = "/transcripts/1.pdf";
        let nothing = |said: Vec<Fact>| {
            assert_eq!(kinds(&said).1, []);
            assert!(!said.contains(&Fact::DataServed) && !said.contains(&Fact::WebOpenDocument));
        };
        // a login page at its address; a redirect; an error; unchanged; no octets; only the head; preflight
        nothing(said_of(&[(&get(path, ""), &ok("text/html", "", FORM))]));
        nothing(said_of(&[(&get(path, ""), "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n")]));
        nothing(said_of(&[(
            &get(path, ""),
            "HTTP/1.1 404 Not Found\r\nContent-Type: application/pdf\r\nContent-Length: 12\r\n\r\nxxxxxxxxxxxx",
        )]));
        nothing(said_of(&[(&get(path, ""), "HTTP/1.1 304 Not Modified\r\nContent-Type: application/pdf\r\n\r\n")]));
        nothing(said_of(&[(&get(path, ""), &ok("application/pdf", "", ""))]));
        let head = format!("HEAD {path} HTTP/1.1\r\n\r\n");
        nothing(said_of(&[(&head, "HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nContent-Length: 400\r\n\r\n")]));
        let options = format!("OPTIONS {path} HTTP/1.1\r\n\r\n");
        nothing(said_of(&[(&options, &ok("application/pdf", "", "0123456789abcdef"))]));
        // and nobody heard the request
        nothing(said_of(&[("", &ok("application/pdf", "", "%PDF-1.4 ZZCANARY"))]));
    }

    #[test]
    fn an_open_orthanc_is_heard_and_a_closed_one_is_not_called_open() {
        let said = said_of(&[
            (&get("/", ""), "HTTP/1.1 301 Moved\r\nLocation: app/explorer.html\r\nContent-Length: 0\r\n\r\n"),
            (&get("/app/explorer.html", ""), &ok("text/html", "", "<title>Orthanc Explorer</title>")),
            (&get("/system", ""), &ok("application/json; charset=utf-8", "", SYSTEM)),
            (
                &get("/patients?expand", ""),
                &ok(
                    "application/json",
                    "",
                    "[{\"ID\" : \"836eb178-ccfa3540-47e76ce2-a90ce613-cdcd8bc6\", \"x\":\"ZZCANARY\"}]",
                ),
            ),
            (
                &get("/dicom-web/studies?limit=5", ""),
                &ok("application/dicom+json", "", "[{\"00100010\":\"ZZCANARY\"}]"),
            ),
        ]);
        assert_eq!(kinds(&said).1, [WebKind::OrthancUi, WebKind::OrthancRest, WebKind::Dicomweb]);
        assert!(said.contains(&Fact::Medical) && said.contains(&Fact::Role(Role::Archive)));
        assert!(said.iter().any(|f| matches!(f, Fact::Software(s) if s.product.name() == "Orthanc"
            && s.version.is_some_and(|v| v.as_str() == "1.10.1"))));

        let asked = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"Orthanc Secure Area\"\r\n\
            Content-Length: 0\r\n\r\n";
        let basic = "Authorization: Basic ZHJjYW5hcnk6Q25yeVBhc3N3MHJkIQ==\r\n";
        let said =
            said_of(&[(&get("/system", ""), asked), (&get("/system", basic), &ok("application/json", "", SYSTEM))]);
        assert_eq!(kinds(&said), (vec![WebKind::OrthancRest], vec![]));
        for fact in [
            Fact::Refused,
            Fact::Login(Login::Refused),
            Fact::Login(Login::Used),
            Fact::WebAuth(WebAuth::Basic),
            Fact::WebBasicInClear,
        ] {
            assert!(said.contains(&fact), "{fact:?}");
        }
        assert!(!said.contains(&Fact::WebDefaultPassword) && !said.contains(&Fact::DataServed));
    }

    #[test]
    fn empty_lists_and_other_programs_words_are_no_records() {
        let (_, open) = kinds(&said_of(&[
            (&get("/dicom-web/studies", ""), &ok("application/dicom+json", "", "[]")),
            (&get("/patients", ""), &ok("application/json", "", "[]\n")),
            (&get("/patients", ""), &ok("application/json", "", "[{\"id\":1,\"name\":\"ZZCANARY\"}]")),
            (&get("/system", ""), &ok("application/json", "", "{\"Version\":\"1.2\"}")),
            (
                &get("/fhir/metadata", ""),
                &ok("application/fhir+json", "", "{\"resourceType\":\"CapabilityStatement\"}"),
            ),
            (&get("/fhir/Patient", ""), &ok("application/fhir+json", "", "{\"resourceType\":\"Bundle\",\"total\":0}")),
            (&get("/fhir/Slot/1", ""), &ok("application/fhir+json", "", "{\"resourceType\":\"Slot\"}")),
        ]));
        assert_eq!(open, []);
        let chunked = "HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n";
        assert_eq!(kinds(&said_of(&[(&get("/dicom-web/studies", ""), chunked)])).1, []);
    }

    #[test]
    fn fhir_records_without_a_login_are_open() {
        let bundle = r#"{"resourceType": "Bundle", "total": 1, "entry": [{"resource": {"resourceType": "Patient", "id": "CNRY-1"}}]}"#;
        let fields = "X-Powered-By: HAPI FHIR 5.4.0 REST Server (FHIR Server; FHIR 4.0.1/R4)\r\n";
        let said = said_of(&[(
            &get("/fhir/Patient?name=ZZCANARY", ""),
            &ok("application/fhir+json;charset=UTF-8", fields, bundle),
        )]);
        assert_eq!(kinds(&said), (vec![WebKind::Fhir], vec![WebKind::Fhir]));
        assert!(said.contains(&Fact::Medical) && !said.contains(&Fact::Role(Role::Archive)));
        assert!(said.iter().any(|f| matches!(f, Fact::Software(s) if s.product.name() == "HAPI FHIR")));
    }

    #[test]
    fn a_login_in_the_clear_is_a_form_served_or_posted() {
        let served = said_of(&[(
            &get("/portal/login.php", ""),
            &ok("text/html", "Set-Cookie: CNRYSESSID=jmr9gg88; path=/\r\n", FORM),
        )]);
        for fact in [Fact::WebLoginForm, Fact::WebLoginInClear, Fact::WebSessionInClear, Fact::WebKind(WebKind::Login)]
        {
            assert!(served.contains(&fact), "{fact:?}");
        }
        let body = "username=zzcanary.patient&password=CnryPassw0rd%21";
        let post = format!(
            "POST /portal/in HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let home = "HTTP/1.1 302 Found\r\nLocation: /home\r\nContent-Length: 0\r\n\r\n";
        assert!(said_of(&[(&post, home)]).contains(&Fact::WebLoginInClear));
        let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        assert!(!said_of(&[(&post, missing)]).contains(&Fact::WebLoginInClear));
        // half a conversation: the server alone
        let alone = said_of(&[("", &ok("text/html", "", FORM))]);
        assert!(alone.contains(&Fact::WebLoginForm) && !alone.iter().any(|f| matches!(f, Fact::WebOpenKind(_))));
    }

    #[test]
    fn a_factory_password_counts_when_it_is_taken() {
        let basic = "Authorization: Basic b3J0aGFuYzpvcnRoYW5j\r\n"; // orthanc:orthanc
        let taken = said_of(&[(&get("/system", basic), &ok("application/json", "", SYSTEM))]);
        assert!(taken.contains(&Fact::WebDefaultPassword));
        let refused = said_of(&[(&get("/system", basic), "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")]);
        assert!(!refused.contains(&Fact::WebDefaultPassword) && refused.contains(&Fact::Refused));
    }

    #[test]
    fn a_port_that_only_leads_to_https_says_so() {
        let redirect = "HTTP/1.1 301 Moved\r\nServer: nginx/1.22.1\r\nLocation: https://x.example/ZZCANARY\r\nContent-Length: 0\r\n\r\n";
        let said = said_of(&[(&get("/", ""), redirect)]);
        assert!(said.contains(&Fact::WebRedirect) && !said.contains(&Fact::WebOtherAnswer));
    }

    #[test]
    fn crawlers_that_got_documents_are_counted() {
        let bot =
            "GET /transcripts/ZZCANARY.pdf HTTP/1.1\r\nUser-Agent: Mozilla/5.0 (compatible; Googlebot/2.1)\r\n\r\n";
        let said = said_of(&[(bot, &ok("application/pdf", "", "%PDF-1.4 ZZCANARY"))]);
        assert!(said.contains(&Fact::WebCrawler(AgentClass::Search)) && said.contains(&Fact::WebCrawlerDocument));
        let said = said_of(&[(bot, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")]);
        assert!(!said.contains(&Fact::WebCrawler(AgentClass::Search)));
    }

    #[test]
    fn factory_pages_listings_and_leftovers_are_heard() {
        let iis = ok("text/html", "Server: Microsoft-IIS/7.5\r\n", "<head>\r\n<title>IIS7</title>");
        let said = said_of(&[(&get("/", ""), &iis)]);
        assert!(said.contains(&Fact::WebDefaultPage(WebPage::Iis7)));
        assert!(said.contains(&Fact::WebDefaultPageHost(HostForm::BareAddress)));
        let listing = ok("text/html", "", "<title>Index of /transcripts</title>ZZCANARY");
        assert!(said_of(&[(&get("/transcripts/", ""), &listing)]).contains(&Fact::WebListing));
        assert!(
            !said_of(&[(&get("/transcripts/", "Authorization: Basic YTpi\r\n"), &listing)]).contains(&Fact::WebListing)
        );
        let git = ok("application/octet-stream", "", "ref: refs/heads/main\n");
        assert!(said_of(&[(&get("/.git/HEAD", ""), &git)]).contains(&Fact::WebLeftover));
        let soft = ok("text/html", "", "<p>no such page, sorry</p>");
        assert!(!said_of(&[(&get("/.git/HEAD", ""), &soft)]).contains(&Fact::WebLeftover));
    }

    #[test]
    fn an_administration_page_is_open_only_without_a_password_field() {
        let open = ok("text/html", "", "<title>/manager</title><p>Applications</p>");
        let said = said_of(&[(&get("/manager/html", ""), &open)]);
        assert!(said.contains(&Fact::WebAdminOpen(WebAdmin::TomcatManager)));
        let login = ok("text/html", "", "<title>phpMyAdmin</title><form><input type=\"password\"></form>");
        let said = said_of(&[(&get("/phpmyadmin/", ""), &login)]);
        assert!(!said.iter().any(|f| matches!(f, Fact::WebAdminOpen(_))) && said.contains(&Fact::WebLoginForm));
    }

    #[test]
    fn pipelined_requests_meet_their_own_answers() {
        let questions =
            [get("/a.pdf", "Cookie: sid=1\r\n"), "HEAD /b.pdf HTTP/1.1\r\n\r\n".into(), get("/c", "")].concat();
        let answers = [
            "HTTP/1.1 100 Continue\r\n\r\n".into(),
            ok("application/pdf", "", "0123456789"),
            "HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nContent-Length: 99\r\n\r\n".into(),
            ok("text/plain", "", "0123456789"),
        ]
        .concat();
        let said = said_of(&[(&questions, &answers)]);
        assert!(said.contains(&Fact::WebClosedDocument) && !said.contains(&Fact::WebOpenDocument));
    }

    #[test]
    fn nothing_is_called_open_while_it_is_unsure_which_request_is_answered() {
        // The request with the cookie is lost in a hole; its answer comes after a request without one.
        let mut web = Web::default();
        let (mut client, mut server) = (Head::default(), Head::default());
        let mut heard: Vec<Observation> = Vec::new();
        let mut step = |web: &mut Web, client: &mut Head, server: &mut Head| {
            let mut out = |o| heard.push(o);
            let mut said = said(&mut out);
            web.listen(&mut Talk { at: Timestamp(1), client, server, server_port: 80, from_start: true }, &mut said);
        };
        let question = get("/b.pdf", "");
        client.segment(0, b"", 200);
        client.segment(200, question.as_bytes(), 0);
        step(&mut web, &mut client, &mut server);
        let pdf = ok("application/pdf", "", "0123456789");
        server.segment(0, pdf.as_bytes(), 0);
        step(&mut web, &mut client, &mut server);
        // From here on both sides are sure again.
        let next = get("/c.pdf", "");
        client.segment(200 + question.len() as u32, next.as_bytes(), 0);
        step(&mut web, &mut client, &mut server);
        let before = heard_documents(&heard);
        let mut step = |web: &mut Web, client: &mut Head, server: &mut Head| {
            let mut out = |o| heard.push(o);
            let mut said = said(&mut out);
            web.listen(&mut Talk { at: Timestamp(1), client, server, server_port: 80, from_start: true }, &mut said);
        };
        server.segment(pdf.len() as u32, pdf.as_bytes(), 0);
        step(&mut web, &mut client, &mut server);
        assert_eq!((before, heard_documents(&heard)), (0, 1));
    }

    fn heard_documents(heard: &[Observation]) -> usize {
        heard.iter().filter(|o| o.fact == Fact::WebOpenDocument).count()
    }

    fn said(out: &mut dyn FnMut(Observation)) -> Said<'_> {
        let server = End {
            host: HostId(1),
            zone: Zone::SameSegment,
            address: [192, 168, 20, 1].into(),
            port: 80,
            passage: crate::detect::Passage::Plain,
        };
        let client = End {
            host: HostId(2),
            zone: Zone::Outside,
            address: [203, 0, 113, 5].into(),
            port: 40000,
            passage: crate::detect::Passage::Plain,
        };
        Said { at: Timestamp(1), transport: Transport::Tcp, server, client, key: 7, out }
    }

    #[test]
    fn the_client_alone_still_shows_readable_passwords() {
        let basic = get("/x", "Authorization: Basic ZHJjYW5hcnk6Q25yeVBhc3N3MHJkIQ==\r\n");
        let (mut web, mut client, mut server) = (Web::default(), Head::default(), Head::default());
        let mut heard: Vec<Observation> = Vec::new();
        client.segment(0, basic.as_bytes(), 0);
        for _ in 0..2 {
            let mut out = |o| heard.push(o);
            let mut said = said(&mut out);
            let mut talk =
                Talk { at: Timestamp(1), client: &mut client, server: &mut server, server_port: 80, from_start: true };
            let _ = web.listen(&mut talk, &mut said);
            client.end();
        }
        assert_eq!(facts(&heard), [Fact::WebBasicInClear, Fact::WebAuth(WebAuth::Basic)]);
    }

    #[test]
    fn tunnels_and_upgrades_end_the_listening() {
        let tunnel = "CONNECT secret.example:443 HTTP/1.1\r\n\r\n";
        let said = said_of(&[(tunnel, "HTTP/1.1 200 OK\r\n\r\n\x16\x03\x01GET / HTTP/1.1\r\n\r\n")]);
        assert!(said.contains(&Fact::Protocol(Protocol::Http)));
        let upgrade = get("/ws", "Upgrade: websocket\r\n");
        let said = said_of(&[(&upgrade, "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n")]);
        assert!(!said.contains(&Fact::Answered));
        let proxied = said_of(&[(
            "GET http://other.example/fhir/Patient HTTP/1.1\r\n\r\n",
            &ok("application/fhir+json", "", "{}"),
        )]);
        assert_eq!(kinds(&proxied), (vec![], vec![]));
    }

    #[test]
    fn other_protocols_and_the_wrong_way_round_are_left_to_others() {
        let sniff_of = |client: &[u8], server: &[u8]| sniff(&Opening { client, server, server_port: 80 });
        assert_eq!(sniff_of(b"GET / HTTP/1.1\r\n", b""), Verdict::Yes);
        assert_eq!(sniff_of(b"", b"HTTP/1.1 200 OK"), Verdict::Yes);
        assert_eq!(sniff_of(b"GE", b""), Verdict::Unsure);
        assert_eq!(sniff_of(b"", b""), Verdict::Unsure);
        assert_eq!(sniff_of(b"\x16\x03\x01", b"HTTP/1.1 400 Bad"), Verdict::Yes);
        assert_eq!(sniff_of(b"GET / HTTP/1.1\r\n", b"rest of a picture"), Verdict::Yes);
        assert_eq!(sniff_of(b"GET / HTTP/1.1\r\n", b"SSH-2.0-OpenSSH"), Verdict::No);
        assert_eq!(sniff_of(b"HTTP/1.1 200 OK", b"GET / HTTP/1.1\r\n"), Verdict::No);
        assert_eq!(sniff_of(b"", b"GET / HTTP/1.1\r\n"), Verdict::No);
        assert_eq!(sniff_of(b"OPTIONS * RTSP/1.0\r\n", b"RTSP/1.0 200 OK"), Verdict::No);
        assert_eq!(sniff_of(b"INVITE sip:a SIP/2.0\r\n", b""), Verdict::No);
        assert_eq!(sniff_of(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b""), Verdict::No);
    }

    #[test]
    fn mutated_octets_do_no_harm() {
        let form = ok("text/html", "Transfer-Encoding: chunked\r\nServer: Apache/2.2 (Ubuntu) mod_ssl/2.2\r\n", FORM);
        let samples = [
            get("/patients?expand&requestType=WADO", "Cookie: a=b; sid=c\r\nAuthorization: Basic YWRtaW46\r\n"),
            "POST /activate HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"pas\r\n0\r\n\r\n".into(),
            form,
            ok("application/json", "WWW-Authenticate: Basic realm=\"Orthanc Secure Area\"\r\n", SYSTEM),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/html\r\n\r\n5\r\n<titl\r\n2;x\r\ne>\r\n0\r\n\r\n".into(),
        ];
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = move |n: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % n as u64) as usize
        };
        for round in 0..4000 {
            let mut web = Web::default();
            let (mut client, mut server) = (Head::default(), Head::default());
            let (mut at, mut seqs) = (0, [0u32; 2]);
            for _ in 0..4 {
                let mut octets = samples[random(samples.len())].clone().into_bytes();
                for _ in 0..random(6) {
                    let place = random(octets.len());
                    match random(3) {
                        0 => octets[place] = random(256) as u8,
                        1 => octets.truncate(place.max(1)),
                        _ => octets.insert(place, b"\r\n:;=/<\" "[random(9)]),
                    }
                }
                let to_server = random(2);
                let head = if to_server == 0 { &mut client } else { &mut server };
                let missing = if random(8) == 0 { random(500) as u32 } else { 0 };
                head.segment(seqs[to_server], &octets, missing);
                seqs[to_server] = seqs[to_server].wrapping_add(octets.len() as u32 + missing);
                if random(20) == 0 {
                    head.end();
                }
                let mut out = |_| at += 1;
                let mut said = said(&mut out);
                let mut talk = Talk {
                    at: Timestamp(1),
                    client: &mut client,
                    server: &mut server,
                    server_port: 80,
                    from_start: true,
                };
                let opening = Opening { client: talk.client.octets(), server: talk.server.octets(), server_port: 80 };
                let _ = sniff(&opening);
                let _ = web.listen(&mut talk, &mut said);
            }
            assert!(at < 500, "round {round}");
            assert!(web.memory.asked.len() <= MAX_ASKED);
        }
    }
}
