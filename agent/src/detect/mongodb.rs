//! MongoDB: who answers, whether clients show who they are, and whether documents go to those who do not.
//!
//! Keeps: classes of commands that wait for their answer, by the number of their message. Drops: names of data bases and
//! collections, filters, documents, payloads of logins.

use super::database::{Session, Step, software, steps};
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::WireError;
use crate::wire::mongodb::{Elements, Header, Operation, Question, Reply, Value};
use auscult_report::fact::{Encryption, Login, Protocol, SoftwarePlace};
use std::collections::VecDeque;

/// MongoDB.
pub const MONGODB: Detector = Detector {
    name: "mongodb",
    version: 1,
    hears: "Messages of MongoDB on any port: a command on data that is answered with ok and no login before it shows that \
            none is needed; hello, ping and buildInfo are no data, but buildInfo gives the version. A login is heard by \
            saslStart, by the login that newer drivers put into hello, or by authenticate; the mechanism PLAIN is a \
            password that crossed readable. Compressed messages say nothing. Names, filters and documents are never read.",
    sniff,
    start: || Box::new(Mongodb::default()),
};

fn sniff(opening: &Opening<'_>) -> Verdict {
    match (opening.client, opening.server) {
        ([], []) => Verdict::Unsure,
        ([], server) => plausible(server, false),
        (client, _) => plausible(client, true),
    }
}

/// Whether a message begins here, a question or an answer.
fn plausible(octets: &[u8], asks: bool) -> Verdict {
    let header = match Header::parse(octets) {
        Ok(header) if header.asks() == asks => header,
        Err(WireError::Truncated(_)) => return Verdict::Unsure,
        _ => return Verdict::No,
    };
    let Some(body) = window(octets, &header) else { return Verdict::Unsure };
    let parsed = if asks {
        Question::parse(header.operation, body).map(|_| ())
    } else {
        Reply::parse(header.operation, body).map(|_| ())
    };
    // Everything that is looked at waits: what is missing will not come.
    if parsed.is_ok() { Verdict::Yes } else { Verdict::No }
}

/// The message that the octets begin with, as far as it is needed; otherwise what to do.
fn message(octets: &[u8]) -> Result<(Header, &[u8]), Step> {
    if octets.is_empty() {
        return Err(Step::Wait);
    }
    let header = Header::parse(octets).map_err(Step::from)?;
    let body = window(octets, &header).ok_or(Step::Wait)?;
    Ok((header, body))
}

/// What follows the header, up to [`WINDOW`], once all of that waits.
fn window<'a>(octets: &'a [u8], header: &Header) -> Option<&'a [u8]> {
    let end = usize::try_from(header.length).unwrap_or(usize::MAX).min(WINDOW);
    octets.get(Header::OCTETS..end)
}

/// What a command is, as far as its answer matters.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Answers to anybody, or is not in the lists.
    #[default]
    Idle,
    /// buildInfo: answers to anybody, with the version.
    Build,
    /// Proves an identity.
    Proves,
    /// Gives data.
    Reads,
    /// Works on data, but its answer has none.
    Works,
}

impl Class {
    fn of(name: &[u8]) -> Class {
        let among = |list: &str| list.split(' ').any(|w| w.as_bytes() == name);
        match name {
            b"buildInfo" | b"buildinfo" => Class::Build,
            b"saslStart" | b"saslContinue" | b"authenticate" => Class::Proves,
            _ if among(READS) => Class::Reads,
            _ if among(WORKS) => Class::Works,
            _ => Class::Idle,
        }
    }
}

#[derive(Default)]
struct Mongodb {
    session: Session,
    /// Questions that wait for their answer.
    asked: VecDeque<(u32, Class)>,
    /// The client began to prove who it is.
    proving: bool,
    /// The beginning of the conversation was heard.
    from_start: bool,
    answers: u16,
}

impl Listener for Mongodb {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if talk.client.torn() | talk.server.torn() {
            return Interest::Done;
        }
        self.from_start = talk.from_start;
        steps(|| match self.question(talk.client, said) {
            Step::Wait => self.answer(talk.server, said),
            step => step,
        })
    }
}

impl Mongodb {
    fn opens(&mut self, said: &mut Said<'_>) {
        self.session.opens(said, Protocol::Mongodb);
        self.session.encryption(said, Encryption::None);
    }

    /// One message of the client.
    fn question(&mut self, head: &mut Head, said: &mut Said<'_>) -> Step {
        let (header, body) = match message(head.octets()) {
            Ok(message) => message,
            Err(step) => return step,
        };
        self.opens(said);
        let class = match Question::parse(header.operation, body) {
            Ok(Question::Command(elements)) => self.command(elements, said),
            Ok(Question::Find) => Class::Reads,
            Ok(Question::Closed) => Class::Idle,
            Err(_) => return Step::End(Interest::Done),
        };
        if header.operation != Operation::Unanswered {
            if self.asked.len() >= MAX_ASKED {
                self.asked.pop_front();
            }
            self.asked.push_back((header.id, class));
        }
        head.skip(u64::from(header.length));
        Step::Taken
    }

    /// The class of a command, by the name of its first element.
    fn command(&mut self, elements: Elements<'_>, said: &mut Said<'_>) -> Class {
        let class = elements.clone().next().map(|e| Class::of(e.name)).unwrap_or_default();
        // Since 4.4 drivers prove themselves within hello.
        if class == Class::Proves || elements.clone().any(|e| e.name == b"speculativeAuthenticate") {
            self.proving = true;
        }
        let is_plain = |v: &Value<'_>| matches!(v, Value::Text(b"PLAIN"));
        if class == Class::Proves && elements.clone().any(|e| e.name == b"mechanism" && is_plain(&e.value)) {
            self.session.password_clear(said);
        }
        class
    }

    /// One message of the server.
    fn answer(&mut self, head: &mut Head, said: &mut Said<'_>) -> Step {
        let (header, body) = match message(head.octets()) {
            Ok(message) => message,
            Err(step) => return step,
        };
        let place = self.asked.iter().position(|(id, _)| *id == header.answers);
        let class = place.and_then(|p| self.asked.remove(p)).map(|(_, class)| class);
        self.opens(said);
        self.session.answers(said);
        let is_long = usize::try_from(header.length).is_ok_and(|l| l > WINDOW);
        let outcome = match Reply::parse(header.operation, body) {
            Ok(Reply::Document(elements)) => Outcome::of(elements, is_long),
            Ok(Reply::Documents { failed, count, first }) => {
                let mut outcome = Outcome::of(first, is_long);
                outcome.ok = !failed && (outcome.ok || (class == Some(Class::Reads) && !outcome.says_ok && count > 0));
                outcome
            }
            Ok(Reply::Closed) => Outcome::default(),
            Err(_) => return Step::End(Interest::Done),
        };
        let step = self.judge(class, &outcome, said);
        if matches!(class, None | Some(Class::Build)) {
            self.version(header.operation, body, said);
        }
        head.skip(u64::from(header.length));
        self.answers = self.answers.saturating_add(1);
        let all = self.session.has_data() && self.session.has_software();
        if all || self.answers > MAX_ANSWERS { Step::End(Interest::Done) } else { step }
    }

    /// What an answer says about the client's identity.
    fn judge(&mut self, class: Option<Class>, outcome: &Outcome, said: &mut Said<'_>) -> Step {
        match outcome.code {
            Some(UNAUTHORIZED | AUTHENTICATION_FAILED) => {
                self.session.login(said, Login::Refused);
                return Step::Taken;
            }
            Some(AUTHENTICATION_NEEDED) if class == Some(Class::Reads) => self.session.login(said, Login::Refused),
            _ => {}
        }
        match class {
            Some(Class::Proves) if outcome.ok && outcome.done => {
                self.session.login(said, Login::Used);
                return Step::End(Interest::Done);
            }
            Some(Class::Reads | Class::Works) if outcome.ok && self.proving => {
                self.session.login(said, Login::Used);
                return Step::End(Interest::Done);
            }
            // A pooled connection may have logged in before the sensor listened.
            Some(Class::Reads | Class::Works) if !self.from_start => {}
            Some(Class::Reads) if outcome.ok => {
                self.session.login(said, Login::None);
                self.session.data(said);
            }
            Some(Class::Works) if outcome.ok => self.session.login(said, Login::None),
            _ => {}
        }
        Step::Taken
    }

    /// `buildInfo` names the version at its top level, beside the version of git or of the engines.
    fn version(&mut self, operation: Operation, body: &[u8], said: &mut Said<'_>) {
        let (Ok(Reply::Document(elements)) | Ok(Reply::Documents { first: elements, .. })) =
            Reply::parse(operation, body)
        else {
            return;
        };
        let named = |name: &[u8]| {
            elements.clone().find(|e| e.name == name).and_then(|e| match e.value {
                Value::Text(text) => Some(text),
                _ => None,
            })
        };
        if let (Some(version), Some(_)) = (named(b"version"), named(b"gitVersion")) {
            self.session.software(said, software("MongoDB", version, None, SoftwarePlace::Body));
        }
    }
}

/// What became of a command.
#[derive(Default, Clone, Copy)]
struct Outcome {
    /// It was done.
    ok: bool,
    /// Its document says whether it was.
    says_ok: bool,
    /// A login is complete: `done`, or nothing said about it (authenticate).
    done: bool,
    code: Option<i64>,
}

impl Outcome {
    /// From the top level of a document. Of a long one the end is not heard: what failed is never long.
    fn of(elements: Elements<'_>, is_long: bool) -> Outcome {
        let mut outcome = Outcome { ok: is_long, done: true, ..Outcome::default() };
        for element in elements {
            match element.name {
                b"ok" => {
                    outcome.says_ok = true;
                    outcome.ok = element.value.is_yes();
                }
                b"code" => outcome.code = element.value.number(),
                b"done" => outcome.done = element.value.is_yes(),
                _ => {}
            }
        }
        outcome
    }
}

/// Commands whose answer has documents or names of them.
const READS: &str = "find aggregate getMore listDatabases listCollections listIndexes distinct findAndModify \
    findandmodify mapReduce mapreduce group eval $eval parallelCollectionScan geoNear";

/// Commands that need a login where there is one, but whose answer has no documents.
const WORKS: &str = "count insert update delete create drop dropDatabase createIndexes collStats collstats dbStats \
    dbstats serverStatus top hostInfo getLog getCmdLineOpts getParameter usersInfo createUser \
    replSetGetStatus replSetGetConfig commitTransaction shutdown";

const UNAUTHORIZED: i64 = 13;
const AUTHENTICATION_FAILED: i64 = 18;
/// What servers before 2.6 said to a find without a login.
const AUTHENTICATION_NEEDED: i64 = 16550;

/// Octets of a message that are looked at: an answer of `buildInfo` has up to 3 KiB, an error less than 1 KiB.
const WINDOW: usize = 4096;

/// Questions that may wait for their answer: drivers send one at a time.
const MAX_ASKED: usize = 16;

/// Answers after which a conversation is left.
const MAX_ANSWERS: u16 = 64;

#[cfg(test)]
mod tests {
    use super::super::database::trials::mutate;
    use super::super::testing::{Says, facts, hear};
    use super::*;
    use auscult_report::fact::{Fact, Software};
    use auscult_report::product::Product;
    use auscult_report::version::Version;

    /// A document of these elements.
    fn document(elements: &[u8]) -> Vec<u8> {
        let mut o = (elements.len() as u32).saturating_add(5).to_le_bytes().to_vec();
        o.extend_from_slice(elements);
        o.push(0);
        o
    }

    /// Header and OP_MSG with one document.
    fn message(id: u32, answers: u32, elements: &[u8]) -> Vec<u8> {
        let document = document(elements);
        let mut o = (document.len() as u32).saturating_add(21).to_le_bytes().to_vec();
        o.extend_from_slice(&id.to_le_bytes());
        o.extend_from_slice(&answers.to_le_bytes());
        o.extend_from_slice(&2013u32.to_le_bytes());
        o.extend_from_slice(&[0, 0, 0, 0, 0]); // flags, section kind 0
        o.extend(document);
        o
    }

    const OK: &[u8] = b"\x01ok\0\0\0\0\0\0\0\xf0\x3f";
    const FIND: &[u8] = b"\x02find\0\x09\0\0\0patients\0\x02$db\0\x07\0\0\0clinic\0";
    /// cursor: { x: "ZZCANARY" }, ok: 1.0
    const FOUND: &[u8] = b"\x03cursor\0\x15\0\0\0\x02x\0\x09\0\0\0ZZCANARY\0\0\x01ok\0\0\0\0\0\0\0\xf0\x3f";
    const BUILD: &[u8] = b"\x10buildinfo\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0";
    const BUILT: &[u8] = b"\x02version\0\x07\0\0\x003.4.10\0\x02gitVersion\0\x04\0\0\x00078\0\x10ok\0\x01\0\0\0";
    const UNAUTHORIZED: &[u8] = b"\x01ok\0\0\0\0\0\0\0\0\0\x10code\0\x0d\0\0\0";

    #[test]
    fn documents_go_to_a_client_that_showed_nothing() {
        let (build, built) = (message(7, 0, BUILD), message(1, 7, BUILT));
        let (find, found) = (message(8, 0, FIND), message(2, 8, FOUND));
        let says = [Says::Client(&build), Says::Server(&built), Says::Client(&find), Says::Server(&found)];
        for piece in [1, 3, 2000] {
            let heard = hear(&MONGODB, 27017, piece, &says);
            assert_eq!(
                facts(&heard),
                [
                    Fact::Protocol(Protocol::Mongodb),
                    Fact::Encryption(Encryption::None),
                    Fact::Answered,
                    Fact::OutsideNetwork,
                    Fact::Software(Software {
                        product: Product::named("MongoDB").unwrap(),
                        version: Version::exact(b"3.4.10"),
                        revision: None,
                        place: SoftwarePlace::Body,
                    }),
                    Fact::Login(Login::None),
                    Fact::DataServed,
                ]
            );
            assert!(!format!("{heard:?}").to_lowercase().contains("canary"));
        }
        mutate(&MONGODB, &says);
    }

    #[test]
    fn a_find_without_a_login_may_be_refused() {
        let (find, no) = (message(8, 0, FIND), message(2, 8, UNAUTHORIZED));
        let heard = facts(&hear(&MONGODB, 27017, 1, &[Says::Client(&find), Says::Server(&no)]));
        assert_eq!(heard.last(), Some(&Fact::Login(Login::Refused)));
        assert!(!heard.contains(&Fact::DataServed));
    }

    #[test]
    fn a_login_is_used_and_its_documents_are_not_open() {
        let start = message(1, 0, b"\x10saslStart\0\x01\0\0\0\x02mechanism\0\x0e\0\0\0SCRAM-SHA-256\0");
        let mut half = b"\x08done\0\0".to_vec();
        half.extend_from_slice(OK);
        let half = message(1, 1, &half);
        let (find, found) = (message(8, 0, FIND), message(2, 8, FOUND));
        let says = [Says::Client(&start), Says::Server(&half), Says::Client(&find), Says::Server(&found)];
        let heard = facts(&hear(&MONGODB, 27017, 1, &says));
        assert_eq!(heard.last(), Some(&Fact::Login(Login::Used)));
        assert!(!heard.contains(&Fact::DataServed) && !heard.contains(&Fact::DatabasePasswordClear));
        // Newer drivers begin to prove themselves in hello.
        let hello = message(1, 0, b"\x10hello\0\x01\0\0\0\x03speculativeAuthenticate\0\x05\0\0\0\0");
        let welcome = message(1, 1, OK);
        let says = [Says::Client(&hello), Says::Server(&welcome), Says::Client(&find), Says::Server(&found)];
        assert_eq!(facts(&hear(&MONGODB, 27017, 1, &says)).last(), Some(&Fact::Login(Login::Used)));
        mutate(&MONGODB, &says);
    }

    #[test]
    fn the_mechanism_plain_shows_the_password() {
        let start = message(
            1,
            0,
            b"\x10saslStart\0\x01\0\0\0\x02mechanism\0\x06\0\0\0PLAIN\0\x05payload\0\x08\0\0\0\0ZZSECRET",
        );
        let heard = hear(&MONGODB, 27017, 1, &[Says::Client(&start)]);
        assert_eq!(facts(&heard).last(), Some(&Fact::DatabasePasswordClear));
        assert!(!format!("{heard:?}").contains("ZZ"));
    }

    #[test]
    fn hello_and_ping_are_no_data() {
        let (ping, pong) = (message(3, 0, b"\x10ping\0\x01\0\0\0"), message(4, 3, OK));
        let heard = facts(&hear(&MONGODB, 27017, 1, &[Says::Client(&ping), Says::Server(&pong)]));
        assert_eq!(heard.last(), Some(&Fact::OutsideNetwork));
    }

    #[test]
    fn an_old_query_on_a_collection_is_data() {
        let mut find = vec![62, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0xd4, 7, 0, 0, 0, 0, 0, 0]; // header, flags
        find.extend_from_slice(b"clinic.patients123456789\0\0\0\0\0\0\0\0\0");
        find.extend_from_slice(&document(b"\x10a\0\x01\0\0\0"));
        find[0] = find.len() as u8;
        let first = document(b"\x02name\0\x09\0\0\0ZZCANARY\0");
        let mut found = vec![36u8.saturating_add(first.len() as u8), 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0]; // header
        found.extend_from_slice(&[8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]); // flags, cursor, from, one
        found.extend(first);
        let says = [Says::Client(&find), Says::Server(&found)];
        let heard = hear(&MONGODB, 27017, 1, &says);
        assert_eq!(facts(&heard).last(), Some(&Fact::DataServed));
        assert!(!format!("{heard:?}").contains("CANARY"));
        mutate(&MONGODB, &says);
    }

    #[test]
    fn the_server_alone_gives_the_version_and_no_word_on_the_login() {
        let (built, found) = (message(1, 7, BUILT), message(2, 8, FOUND));
        let heard = facts(&hear(&MONGODB, 9999, 1, &[Says::Server(&built), Says::Server(&found)]));
        assert!(matches!(heard.last(), Some(Fact::Software(_))));
        assert_eq!(heard.len(), 5);
    }

    #[test]
    fn a_question_heard_from_the_wrong_side_is_no_answer() {
        let find = message(8, 0, FIND);
        assert_eq!(sniff(&Opening { client: b"", server: &find, server_port: 27017 }), Verdict::No);
        for client in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 0, 0, 0, 0, 0, 0]] {
            assert_eq!(sniff(&Opening { client, server: b"", server_port: 27017 }), Verdict::No);
        }
    }
}
