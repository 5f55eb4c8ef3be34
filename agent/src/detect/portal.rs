//! HTTP/1.x over TCP on any port (RFC 9110, RFC 9112): portals, image archives, FHIR servers, printers.
//!
//! Keeps: of at most [`MAX_ASKED`] requests that wait for their answers what [`Asked`] keeps, of one body its first
//! octets. Drops: paths, queries, host names, cookies, form fields, credentials, titles, bodies.

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
    version: 1,
    hears: "Requests and answers of HTTP/1.0 and 1.1 on any port, told by their first line; RTSP, SIP, ICAP and HTTP/2 \
            are not taken. It follows keep-alive and pipelined requests and pairs answers with them; after a hole \
            nothing is paired until both sides are sure again. A field can be forged or written by a proxy in front: \
            products and crawlers are what they call themselves. Compressed pages are not searched. Paths, names, \
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

    /// Messages of either side were lost.
    fn unpair(&mut self) {
        self.pairing.broken |= self.pairing.pipelined;
        self.asked.clear();
    }
}

impl Listener for Web {
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
            for asked in core::mem::take(&mut self.memory.asked) {
                web_answer::unanswered(&asked, said, &mut self.memory.told);
            }
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
        let asked = web_request::read(&request, self.said.key);
        let media = request.fields.get("Content-Type").unwrap_or_default();
        let form = look && framing != Framing::Empty && asked.method == Method::Post && PostedForm::is_form(media);
        self.memory.form = form.then(PostedForm::default);
        if self.deaf {
            // The second request without an answer: this sensor hears one side alone.
            for earlier in core::mem::take(&mut self.memory.asked) {
                web_answer::unanswered(&earlier, self.said, &mut self.memory.told);
                self.memory.pairing.pipelined = true;
            }
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
            let tls = answer.fields.get("Upgrade").is_some_and(|u| starts_with(u, b"TLS/"));
            self.memory.over = Some(if tls { Interest::Again } else { Interest::Done });
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
}

/// Requests that may wait for their answers: browsers send one at a time, pipelining clients a few.
const MAX_ASKED: usize = 32;

/// How servers of other protocols greet: a browser that calls on them makes no web server of them.
const GREETINGS: &[&[u8]] = &[b"SSH-", b"220", b"+OK", b"* OK", b"RFB ", b"-ERR", b"-DENIED", b"\xFF\xFD", b"\xFF\xFB"];

#[cfg(test)]
mod replay {
    use super::*;
    use crate::detect::{End, Observation};
    use crate::flow::head::Head;
    use auscult_report::subject::{HostId, Transport};
    use auscult_report::time::Timestamp;
    use auscult_report::zone::Zone;

    #[test]
    fn replay() {
        let Ok(path) = std::env::var("REPLAY") else { return };
        let text = std::fs::read_to_string(path).unwrap();
        let mut streams: std::collections::BTreeMap<u32, (Head, Head, Option<Web>, Vec<Observation>, bool)> =
            Default::default();
        for line in text.lines() {
            let f: Vec<&str> = line.split(' ').collect();
            let (id, side, port, seq): (u32, &str, u16, u32) =
                (f[0].parse().unwrap(), f[1], f[2].parse().unwrap(), f[3].parse().unwrap());
            let octets: Vec<u8> =
                (0..f[4].len() / 2).map(|i| u8::from_str_radix(&f[4][2 * i..2 * i + 2], 16).unwrap()).collect();
            let s = streams.entry(id).or_insert_with(|| (Head::default(), Head::default(), None, Vec::new(), false));
            if s.4 {
                continue;
            }
            let side_head = if side == "C" { &mut s.0 } else { &mut s.1 };
            side_head.segment(seq, &octets, 0);
            if s.2.is_none() {
                match sniff(&Opening { client: s.0.octets(), server: s.1.octets(), server_port: port }) {
                    Verdict::Yes => s.2 = Some(Web::default()),
                    Verdict::Unsure => continue,
                    Verdict::No => {
                        s.4 = true;
                        println!("{id} not http");
                        continue;
                    }
                }
            }
            let mut out = |o| s.3.push(o);
            let mut said = Said {
                at: Timestamp(1),
                transport: Transport::Tcp,
                server: End { host: HostId(1), zone: Zone::SameSegment, address: [192, 168, 20, 1].into(), port },
                client: End { host: HostId(2), zone: Zone::Outside, address: [203, 0, 113, 5].into(), port: 40000 },
                key: 7,
                out: &mut out,
            };
            let mut talk = Talk { at: Timestamp(1), client: &mut s.0, server: &mut s.1, server_port: port };
            s.4 = s.2.as_mut().unwrap().listen(&mut talk, &mut said) != Interest::More;
        }
        for (id, s) in streams {
            println!("--- stream {id}");
            for o in s.3 {
                println!("   {:?} {:?} {:?}", o.subject, o.fact, o.amount);
            }
        }
    }
}
