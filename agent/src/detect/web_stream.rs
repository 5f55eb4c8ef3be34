//! HTTP/2 without TLS (RFC 9113, RFC 7541): with prior knowledge, or after `Upgrade: h2c`.
//!
//! Keeps: of at most [`MAX_STREAMS`] streams what an answer needs of its request, the tables of the header compression,
//! of one frame of fields what waits. Drops: paths, names, cookies, credentials, bodies, as for HTTP/1.

use super::web_answer;
use super::web_body::Body;
use super::web_request::{self, Asked, Method, PostedForm};
use super::web_text::mark;
use super::web_told::Told;
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict, web_agent};
use crate::flow::head::Head;
use crate::wire::WireError;
use crate::wire::hpack::{Block, Unpacker};
use crate::wire::http::{self, Answer, Begins, Fields, Framing};
use crate::wire::http2::{self, END_HEADERS, END_STREAM, FrameHead, Kind, PADDED, PREFACE};
use std::collections::BTreeMap;

/// HTTP/2 in the clear.
pub const HTTP2: Detector = Detector {
    name: "http2",
    version: 1,
    hears: "HTTP/2 without TLS on any port, told by its preface or its settings: the same facts as of HTTP/1. Its header \
            compression needs every frame from the beginning: after a hole, or joined in the middle, nothing more is \
            said than was. A proxy in front may speak it for a server that does not. Inside TLS nothing is heard of it.",
    sniff,
    start: || Box::new(Streams::default()),
};

fn sniff(opening: &Opening<'_>) -> Verdict {
    match (http2::begins_client(opening.client), http2::begins_server(opening.server)) {
        (Begins::No, _) => Verdict::No,
        (Begins::Yes, _) => Verdict::Yes,
        (Begins::Perhaps, Begins::No) => Verdict::No,
        // Nothing of the client, or its first octets: the server's settings say it.
        (Begins::Perhaps, Begins::Yes) => Verdict::Yes,
        (Begins::Perhaps, Begins::Perhaps) => Verdict::Unsure,
    }
}

/// Follows one conversation.
#[derive(Default)]
struct Streams {
    requests: Direction,
    answers: Direction,
    web: Web,
}

/// One direction.
#[derive(Default)]
struct Direction {
    /// The client's preface went by.
    begun: bool,
    fields: Unpacker,
    /// Fields that are continued in the next frame, for this stream, and whether the message ends with them.
    open: Option<(u32, bool, Vec<u8>)>,
    /// The body that goes by: its stream, octets of it in this frame, padding behind them, and whether it ends here.
    body: Option<Piece>,
}

#[derive(Clone, Copy)]
struct Piece {
    stream: u32,
    left: u64,
    padding: u8,
    ends: bool,
}

/// What both directions share.
#[derive(Default)]
struct Web {
    streams: BTreeMap<u32, Stream>,
    told: Told,
    /// What the client called itself last.
    agent: Option<u64>,
    /// Octets of bodies that went by.
    carried: u64,
    /// Nothing of the server was heard.
    deaf: bool,
}

/// A request and its answer.
#[derive(Default)]
struct Stream {
    asked: Option<Asked>,
    form: Option<PostedForm>,
    body: Option<Box<Body>>,
}

/// What listens to one direction.
trait Ears {
    /// Fields of a message, or the trailer behind it.
    fn fields(&mut self, stream: u32, block: &Block, ends: bool, said: &mut Said<'_>);
    /// Octets of a body; gives back whether more are wanted.
    fn piece(&mut self, stream: u32, octets: &[u8], said: &mut Said<'_>) -> bool;
    /// A message ended; `whole` if nothing of it is missing.
    fn end(&mut self, stream: u32, whole: bool, said: &mut Said<'_>);
}

impl Listener for Streams {
    fn held(&self) -> usize {
        let tables = self.requests.held().saturating_add(self.answers.held());
        let bodies = self.web.streams.values().filter_map(|s| s.body.as_ref()).map(|b| b.held());
        let streams = self.web.streams.len().saturating_mul(size_of::<Stream>());
        bodies.fold(tables.saturating_add(streams), usize::saturating_add)
    }

    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if talk.client.torn() | talk.server.torn() {
            return Interest::Done;
        }
        self.web.deaf = talk.server.heard() == 0;
        if !self.requests.begun {
            match http2::begins_client(talk.client.octets()) {
                Begins::Perhaps => {}
                Begins::No => return Interest::Done,
                Begins::Yes => {
                    talk.client.take(PREFACE.len());
                    self.requests.begun = true;
                }
            }
        }
        let asked = !self.requests.begun || self.requests.hear(talk.client, &mut Requests(&mut self.web), said).is_ok();
        let answered = self.answers.hear(talk.server, &mut Answers(&mut self.web), said).is_ok();
        let ended = talk.client.is_ended() && talk.server.is_ended();
        if asked && answered && !ended { Interest::More } else { Interest::Done }
    }
}

impl Direction {
    const fn held(&self) -> usize {
        let open = match &self.open {
            Some((_, _, octets)) => octets.capacity(),
            None => 0,
        };
        self.fields.held().saturating_add(open)
    }

    /// Takes every frame that is complete, and every piece of a body. Work is bounded by the waiting octets: each step
    /// takes some.
    fn hear(&mut self, head: &mut Head, ears: &mut dyn Ears, said: &mut Said<'_>) -> Result<(), WireError> {
        loop {
            let more = match self.body {
                Some(piece) => self.body(piece, head, ears, said),
                None => self.frame(head, ears, said)?,
            };
            if !more {
                return Ok(());
            }
        }
    }

    /// The next frame; false if it is not complete.
    fn frame(&mut self, head: &mut Head, ears: &mut dyn Ears, said: &mut Said<'_>) -> Result<bool, WireError> {
        let frame = match FrameHead::parse(head.octets()) {
            Ok(frame) => frame,
            Err(WireError::Truncated(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        let length = usize::try_from(frame.length).unwrap_or(usize::MAX);
        // Fields are never interrupted (RFC 9113 section 6.10).
        if self.open.is_some() != (frame.kind == Kind::Continuation) {
            return Err(WireError::Malformed("frame type"));
        }
        match frame.kind {
            Kind::Headers | Kind::PushPromise | Kind::Continuation => {
                if length > MAX_FRAME {
                    return Err(WireError::Malformed("frame length"));
                }
                let end = FrameHead::LEN.saturating_add(length);
                let Some(payload) = head.octets().get(FrameHead::LEN..end) else { return Ok(false) };
                self.gather(&frame, payload)?;
                head.take(end);
                if frame.has(END_HEADERS)
                    && let Some((stream, ends, octets)) = self.open.take()
                {
                    ears.fields(stream, &self.fields.block(&octets)?, ends, said);
                }
            }
            Kind::Data => {
                let padding = if frame.has(PADDED) {
                    let Some(padding) = head.octets().get(FrameHead::LEN) else { return Ok(false) };
                    Some(*padding)
                } else {
                    None
                };
                head.take(FrameHead::LEN.saturating_add(usize::from(padding.is_some())));
                let around = padding.map_or(0, |p| u64::from(p).saturating_add(1));
                let left = u64::from(frame.length).checked_sub(around).ok_or(WireError::Malformed("padding"))?;
                let ends = frame.has(END_STREAM);
                self.body = Some(Piece { stream: frame.stream, left, padding: padding.unwrap_or(0), ends });
            }
            Kind::Reset => {
                ears.end(frame.stream, false, said);
                self.pass(&frame, head);
            }
            Kind::Settings | Kind::Other => self.pass(&frame, head),
        }
        Ok(true)
    }

    fn pass(&self, frame: &FrameHead, head: &mut Head) {
        head.take(FrameHead::LEN);
        head.skip(frame.length.into());
    }

    /// Adds the fields of a frame to those before.
    fn gather(&mut self, frame: &FrameHead, payload: &[u8]) -> Result<(), WireError> {
        let (stream, fields) = frame.fields(payload)?;
        let begun = || (stream, frame.kind == Kind::PushPromise || frame.has(END_STREAM), Vec::new());
        let (opened, _, octets) = self.open.get_or_insert_with(begun);
        if *opened != stream || octets.len().saturating_add(fields.len()) > MAX_FRAME {
            return Err(WireError::Malformed("fields"));
        }
        octets.extend_from_slice(fields);
        Ok(())
    }

    /// Octets of a body; false if more are needed.
    fn body(&mut self, mut piece: Piece, head: &mut Head, ears: &mut dyn Ears, said: &mut Said<'_>) -> bool {
        let waiting = head.octets();
        let here = usize::try_from(piece.left).unwrap_or(usize::MAX).min(waiting.len());
        let wanted = here > 0 && ears.piece(piece.stream, waiting.get(..here).unwrap_or_default(), said);
        head.take(here);
        piece.left = piece.left.saturating_sub(u64::try_from(here).unwrap_or(u64::MAX));
        if piece.left > 0 && (wanted || here == 0) {
            self.body = Some(piece);
            return false;
        }
        head.skip(piece.left.saturating_add(piece.padding.into()));
        self.body = None;
        if piece.ends {
            ears.end(piece.stream, true, said);
        }
        true
    }
}

/// The client's side.
struct Requests<'w>(&'w mut Web);

impl Ears for Requests<'_> {
    fn fields(&mut self, stream: u32, block: &Block, ends: bool, said: &mut Said<'_>) {
        let (Some(method), Some(target)) = (block.get(b":method"), block.get(b":path")) else {
            return self.end(stream, true, said);
        };
        let request = http::Request { method, target, fields: Fields::of(named(block)) };
        let asked = web_request::read(&request, said.key).heard_from(said.client.zone);
        if let Some(agent) = request.fields.get("User-Agent") {
            let mark = mark(said.key, &[agent]);
            if self.0.agent.replace(mark) != Some(mark) {
                web_agent::client_signs(agent, said);
            }
        }
        if self.0.deaf {
            web_answer::unanswered(&asked, said, &mut self.0.told);
        }
        let media = request.fields.get("Content-Type").unwrap_or_default();
        let form = !ends && asked.method == Method::Post && PostedForm::is_form(media);
        let form = form.then(PostedForm::default);
        self.0.open(stream, Stream { asked: Some(asked), form, body: None });
    }

    fn piece(&mut self, stream: u32, octets: &[u8], _: &mut Said<'_>) -> bool {
        let Some(Stream { asked, form: Some(form), .. }) = self.0.streams.get_mut(&stream) else { return false };
        let more = form.hear(octets);
        if let (true, Some(asked)) = (form.password, asked) {
            asked.password = true;
        }
        more
    }

    fn end(&mut self, stream: u32, whole: bool, _: &mut Said<'_>) {
        if !whole {
            self.0.streams.remove(&stream);
        }
    }
}

/// The server's side.
struct Answers<'w>(&'w mut Web);

impl Ears for Answers<'_> {
    fn fields(&mut self, stream: u32, block: &Block, ends: bool, said: &mut Said<'_>) {
        let web = &mut *self.0;
        // What the server says that nobody asked was fetched by its own request.
        if let (Some(method), Some(target)) = (block.get(b":method"), block.get(b":path")) {
            let asked =
                web_request::read(&http::Request { method, target, fields: Fields::of(named(block)) }, said.key)
                    .heard_from(said.client.zone);
            return web.open(stream, Stream { asked: Some(asked), ..Stream::default() });
        }
        let Some(status) = block.get(b":status").and_then(status) else { return self.end(stream, true, said) };
        if (100..200).contains(&status) {
            return;
        }
        let answer = Answer { status, fields: Fields::of(named(block)) };
        let length = answer.fields.get("Content-Length").and_then(http::decimal);
        let framing = if ends { Framing::Empty } else { length.map_or(Framing::UntilClose, Framing::Length) };
        let asked = web.streams.get(&stream).and_then(|s| s.asked);
        let body = web_answer::hear(&answer, framing, asked.as_ref(), said, &mut web.told);
        let body = body.filter(|_| web.carried < LOOK_UNTIL).map(Box::new);
        web.open(stream, Stream { asked, form: None, body });
        if ends {
            self.end(stream, true, said);
        }
    }

    fn piece(&mut self, stream: u32, octets: &[u8], said: &mut Said<'_>) -> bool {
        let Web { streams, told, carried, .. } = &mut *self.0;
        *carried = carried.saturating_add(u64::try_from(octets.len()).unwrap_or(u64::MAX));
        let body = streams.get_mut(&stream).and_then(|s| s.body.as_mut());
        body.is_some_and(|b| b.hear(octets, said, told))
    }

    fn end(&mut self, stream: u32, whole: bool, said: &mut Said<'_>) {
        if let Some(Stream { body: Some(mut body), .. }) = self.0.streams.remove(&stream) {
            body.end(whole, said, &mut self.0.told);
        }
    }
}

impl Web {
    /// A stream is known from now on; when there are too many, the oldest is forgotten.
    fn open(&mut self, number: u32, stream: Stream) {
        self.streams.insert(number, stream);
        if self.streams.len() > MAX_STREAMS {
            self.streams.pop_first();
        }
    }
}

/// The fields by the names that HTTP/1 gives them.
fn named(block: &Block) -> impl Iterator<Item = (&[u8], &[u8])> {
    block.lines().filter_map(|(name, value)| match name {
        b":authority" => Some((&b"host"[..], value)),
        [b':', ..] => None,
        _ => Some((name, value)),
    })
}

/// Three digits (RFC 9113 section 8.3.2).
fn status(value: &[u8]) -> Option<u16> {
    http::decimal(value).and_then(|n| u16::try_from(n).ok()).filter(|n| (100..1000).contains(n))
}

/// Streams that may wait for their answers: browsers send at most 100 at a time, programs a few. Each has less than
/// 300 octets, and at most 4 KiB of a page while it is looked at.
const MAX_STREAMS: usize = 32;

/// Octets of fields, packed: as much as waits in a head.
const MAX_FRAME: usize = 32 * 1024;

/// Octets of bodies after which nothing more is looked at in a conversation: what it serves is known by then.
const LOOK_UNTIL: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::portal::HTTP;
    use crate::detect::testing::Says::{Client, Server};
    use crate::detect::testing::{Says, facts, hear};
    use auscult_report::fact::*;

    /// A frame: length, type, flags, stream, payload.
    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    /// Fields, not packed and not remembered: 0, length, name, length, value.
    fn fields(lines: &[(&str, &str)]) -> Vec<u8> {
        let text = |t: &str| [&[u8::try_from(t.len()).unwrap()][..], t.as_bytes()].concat();
        lines.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
    }

    fn get(stream: u32, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
        let mut lines = vec![(":method", "GET"), (":path", path), (":scheme", "http"), (":authority", "203.0.113.2")];
        lines.extend(more);
        frame(1, END_STREAM | END_HEADERS, stream, &fields(&lines))
    }

    fn answer(stream: u32, status: &str, media: &str, body: &str) -> Vec<u8> {
        let head = frame(1, END_HEADERS, stream, &fields(&[(":status", status), ("content-type", media)]));
        [head, frame(0, END_STREAM, stream, body.as_bytes())].concat()
    }

    fn begin() -> Vec<u8> {
        [PREFACE, &frame(4, 0, 0, &[0, 3, 0, 0, 0, 100])].concat()
    }

    /// The server's settings and its acknowledgement of the client's.
    fn settings() -> Vec<u8> {
        [frame(4, 0, 0, &[0, 4, 0, 0, 0xFF, 0xFF]), frame(4, 1, 0, &[])].concat()
    }

    fn said_of(says: &[Says<'_>]) -> Vec<Fact> {
        let whole = facts(&hear(&HTTP2, 8080, 100_000, says));
        for piece in [1, 7, 536] {
            let heard = hear(&HTTP2, 8080, piece, says);
            let text = format!("{heard:?}");
            assert!(!text.contains("ZZCANARY") && !text.contains("CNRY"), "something planted leaves");
            let (mut cut, mut all) = (facts(&heard), whole.clone());
            cut.sort_unstable();
            all.sort_unstable();
            assert_eq!(cut, all, "in pieces of {piece}");
        }
        whole
    }

    #[test]
    fn a_record_without_an_identity_is_open_and_with_one_it_is_not() {
        let body = "[{\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"ZZCANARY^ADA\"}]}}]";
        let (mut ask, mut give) = (begin(), settings());
        ask.extend(get(1, "/dicom-web/studies?PatientName=ZZCANARY", &[]));
        give.extend(answer(1, "200", "application/dicom+json", body));
        let open = said_of(&[Client(&ask), Server(&give)]);
        for fact in [
            Fact::Protocol(Protocol::Http),
            Fact::Answered,
            Fact::Encryption(Encryption::None),
            Fact::WebKind(WebKind::Dicomweb),
            Fact::WebOpenKind(WebKind::Dicomweb),
            Fact::DataServed,
            Fact::Login(Login::None),
            Fact::Medical,
        ] {
            assert!(open.contains(&fact), "{fact:?} in {open:?}");
        }
        let mut ask = begin();
        ask.extend(get(1, "/dicom-web/studies", &[("authorization", "Basic Q05SWTpDTlJZ"), ("cookie", "sid=CNRY1")]));
        let closed = said_of(&[Client(&ask), Server(&give)]);
        assert!(closed.contains(&Fact::WebBasicInClear) && closed.contains(&Fact::WebSessionInClear), "{closed:?}");
        assert!(closed.contains(&Fact::WebKind(WebKind::Dicomweb)) && !closed.contains(&Fact::DataServed));
    }

    #[test]
    fn answers_find_their_requests_in_any_order() {
        let (mut ask, mut give) = (begin(), settings());
        for (stream, path) in [(1, "/ZZCANARY/1.pdf"), (3, "/x"), (5, "/ZZCANARY/2.pdf")] {
            ask.extend(get(stream, path, &[]));
        }
        let pdf = [("200", "application/pdf", "%PDF-1.4 ZZCANARY"), ("404", "text/html", "<p>none here</p>")];
        for (stream, n) in [(5, 0), (3, 1), (1, 0)] {
            give.extend(answer(stream, pdf[n].0, pdf[n].1, pdf[n].2));
        }
        let heard = hear(&HTTP2, 80, 1000, &[Client(&ask), Server(&give)]);
        let documents = heard.iter().filter(|o| o.fact == Fact::WebOpenDocument).map(|o| format!("{:?}", o.amount));
        let documents: std::collections::BTreeSet<String> = documents.collect();
        assert_eq!(documents.len(), 2);
    }

    #[test]
    fn fields_in_several_frames_and_padded_bodies_are_put_together() {
        let lines = fields(&[(":method", "GET"), (":path", "/d/1.pdf"), ("user-agent", "x")]);
        let (one, two) = lines.split_at(20);
        let ask = [begin(), frame(1, END_STREAM, 1, one), frame(9, END_HEADERS, 1, two)].concat();
        let head = frame(1, END_HEADERS, 1, &fields(&[(":status", "200"), ("content-type", "application/pdf")]));
        // one octet: octets of padding; the body; the padding
        let body = [&[3][..], b"%PDF-1.4 ZZCANARY", &[0, 0, 0]].concat();
        let give = [settings(), head, frame(0, PADDED | END_STREAM, 1, &body)].concat();
        assert!(said_of(&[Client(&ask), Server(&give)]).contains(&Fact::WebOpenDocument));
        // Fields of another stream between them: nobody may send that, and nothing is made of it.
        let ask = [begin(), frame(1, END_STREAM, 1, one), frame(9, END_HEADERS, 3, two)].concat();
        assert!(!said_of(&[Client(&ask), Server(&give)]).contains(&Fact::WebOpenDocument));
    }

    #[test]
    fn a_posted_password_is_heard_and_not_said() {
        let post = [(":method", "POST"), (":path", "/session"), ("content-type", "application/x-www-form-urlencoded")];
        let ask =
            [begin(), frame(1, END_HEADERS, 1, &fields(&post)), frame(0, END_STREAM, 1, b"user=a&password=CNRY9")];
        let give = [settings(), answer(1, "200", "text/html", "<p>welcome</p>")].concat();
        let said = said_of(&[Client(&ask.concat()), Server(&give)]);
        assert!(said.contains(&Fact::WebLoginInClear), "{said:?}");
    }

    #[test]
    fn one_side_alone_says_what_it_can() {
        let ask = [begin(), get(1, "/d/1.pdf", &[("authorization", "Basic Q05SWTpDTlJZ")])].concat();
        assert!(facts(&hear(&HTTP2, 80, 9, &[Client(&ask)])).contains(&Fact::WebBasicInClear));
        let give = [settings(), answer(1, "200", "application/pdf", "%PDF-1.4 ZZCANARY")].concat();
        let said = facts(&hear(&HTTP2, 80, 9, &[Server(&give)]));
        assert!(said.contains(&Fact::Protocol(Protocol::Http)) && !said.contains(&Fact::WebOpenDocument), "{said:?}");
    }

    #[test]
    fn many_streams_and_long_fields_stay_within_their_bounds() {
        let mut streams = Streams::default();
        for stream in 0..1000u32 {
            streams.web.open(stream * 2 + 1, Stream::default());
        }
        assert_eq!(streams.web.streams.len(), MAX_STREAMS);
        let long = vec![0u8; MAX_FRAME / 2];
        let ask = [begin(), frame(1, 0, 1, &long), frame(9, 0, 1, &long), frame(9, 0, 1, &long)].concat();
        let heard = hear(&HTTP2, 80, 1000, &[Client(&ask)]);
        assert_eq!(heard, []);
    }

    #[test]
    fn after_an_upgrade_the_settings_that_come_with_it_are_not_lost() {
        let upgrade = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n";
        let agreed = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
        let give = [&agreed[..], &settings(), &answer(1, "200", "text/html", "<p>hello</p>")].concat();
        let (mut client, mut server) = (Head::default(), Head::default());
        client.segment(0, upgrade.as_bytes(), 0);
        server.segment(0, &give, 0);
        let mut web = (HTTP.start)();
        let interest = crate::detect::testing::listen(&mut *web, &mut client, &mut server, 80);
        assert_eq!(interest, Interest::Again);
        let opening = Opening { client: client.octets(), server: server.octets(), server_port: 80 };
        assert_eq!(sniff(&opening), Verdict::Yes, "{:?}", server.octets());
    }

    #[test]
    fn other_protocols_are_not_taken() {
        for (client, server) in [
            (&b"GET / HTTP/1.1\r\n"[..], &b""[..]),
            (b"", b"SSH-2.0-x\r\n"),
            (b"\x16\x03\x01", b""),
            (b"", b"\0\0\0\0\0\0\0\0\0\0"),
        ] {
            assert_eq!(sniff(&Opening { client, server, server_port: 80 }), Verdict::No);
        }
    }
}
