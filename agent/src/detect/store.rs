//! Redis and Valkey: stores of keys and values, most of them meant for one program only.
//!
//! Keeps: classes of commands that wait for their answer, counters. Drops: keys, values, passwords, arguments.

use super::database::{Session, Step, software, steps, verdict};
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::WireError;
use crate::wire::redis::{self, Item, item};
use auscult_report::fact::{Encryption, Login, Protocol, Software, SoftwarePlace};
use std::collections::VecDeque;

/// Redis and Valkey.
pub const REDIS: Detector = Detector {
    name: "redis",
    version: 1,
    hears: "RESP on any port: AUTH, or HELLO with AUTH, out of TLS is a password that crossed readable; a command on data \
            that is answered without NOAUTH and without a password before it shows that none is needed; an answer with \
            something in it is data served. PING, COMMAND, CLIENT and HELLO are no data; INFO shows that no password is \
            needed and gives the version, but is no data. A conversation of which only the server is heard gives the \
            version and refusals, no word on the login. Keys and values are never read.",
    sniff,
    start: || Box::new(Redis::default()),
};

fn sniff(opening: &Opening<'_>) -> Verdict {
    match opening.client {
        [] => by_answer(opening.server),
        [b'*', ..] => match redis::command(opening.client) {
            // An answer may look like a command, but not like one of the lists.
            Ok(word) if Class::of(word) == Class::Unknown => match opening.server {
                [] => Verdict::Unsure,
                [b'+' | b'-' | b':' | b'$' | b'*' | b'%' | b'_' | b'#' | b',' | b'(', ..] => Verdict::Yes,
                _ => Verdict::No,
            },
            heard => verdict(&heard),
        },
        typed => {
            // A command typed by hand begins like those of other protocols: the answer must be of ours too.
            let Ok((Item::Inline(line), _)) = item(typed) else {
                return if typed.len() < redis::MAX_LINE && typed.first().is_some_and(u8::is_ascii_alphabetic) {
                    Verdict::Unsure
                } else {
                    Verdict::No
                };
            };
            let word = line.split(|o| *o == b' ').next().unwrap_or_default();
            if Class::of(word) == Class::Unknown || line.windows(6).any(|w| w == b" HTTP/") {
                return Verdict::No;
            }
            if opening.server.is_empty() { Verdict::Unsure } else { by_answer(opening.server) }
        }
    }
}

/// Whether a server's first octets can only be of Redis.
fn by_answer(server: &[u8]) -> Verdict {
    const ERRORS: &[&[u8]] = &[b"NOAUTH ", b"DENIED Redis", b"WRONGPASS ", b"ERR unknown command", b"LOADING Redis"];
    match item(server) {
        _ if server.is_empty() => Verdict::Unsure,
        // An array of the client's side looks alike: its first word tells.
        Ok((Item::Array(_), _)) if redis::command(server).is_ok_and(|w| Class::of(w) != Class::Unknown) => Verdict::No,
        Ok((Item::Array(_), _)) if matches!(redis::command(server), Err(WireError::Truncated(_))) => Verdict::Unsure,
        Ok((Item::Simple(b"PONG"), _)) => Verdict::Yes,
        Ok((Item::Error(text), _)) if ERRORS.iter().any(|e| text.starts_with(e)) => Verdict::Yes,
        Ok((Item::Bulk(Some(length)), used)) if length > 0 => {
            let text = server.get(used..).unwrap_or_default();
            if b"# Server\r\n".starts_with(text) {
                return Verdict::Unsure;
            }
            // INFO, or any other string: its end must stand where its length says.
            let end = usize::try_from(length).ok().and_then(|l| text.get(l..));
            match end {
                _ if text.starts_with(b"# Server\r\n") => Verdict::Yes,
                Some([b'\r', b'\n', ..]) => Verdict::Yes,
                Some([b'\r'] | []) | None if length <= SMALL_STRING => Verdict::Unsure,
                _ => Verdict::No,
            }
        }
        Ok((Item::Array(count) | Item::Map(count), used)) if count > 0 => match item(server.get(used..).unwrap_or(&[]))
        {
            Ok((Item::Inline(_), _)) | Err(WireError::Malformed(_)) => Verdict::No,
            Ok(_) => Verdict::Yes,
            Err(WireError::Truncated(_)) => Verdict::Unsure,
        },
        Err(WireError::Truncated(_)) if matches!(server.first(), Some(b'+' | b'-' | b'$' | b'*' | b'%')) => {
            Verdict::Unsure
        }
        _ => Verdict::No,
    }
}

/// What a command is, as far as its answer matters. Compared without case.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Nobody heard it, or it is not in the lists.
    #[default]
    Unknown,
    /// Shows a password.
    Auth,
    /// Chooses the protocol; the answer names the server.
    Hello,
    /// HELLO that shows a password.
    HelloAuth,
    /// Needs a login where there is one; the answer has the version.
    Info,
    /// Gives data.
    Reads,
    /// Works on data, but its answer has none.
    Works,
    /// Answers to anybody, or tells nothing.
    Idle,
    /// From here answers come unasked.
    Streams,
}

impl Class {
    fn of(word: &[u8]) -> Class {
        let among = |list: &str| list.split(' ').any(|w| w.as_bytes().eq_ignore_ascii_case(word));
        match () {
            () if among("AUTH") => Class::Auth,
            () if among("HELLO") => Class::Hello,
            () if among("INFO") => Class::Info,
            () if among(READS) => Class::Reads,
            () if among(WORKS) => Class::Works,
            () if among("PING ECHO COMMAND CLIENT QUIT RESET MULTI DISCARD") => Class::Idle,
            () if among("SUBSCRIBE PSUBSCRIBE SSUBSCRIBE MONITOR SYNC PSYNC") => Class::Streams,
            () => Class::Unknown,
        }
    }
}

#[derive(Default)]
struct Redis {
    session: Session,
    /// Strings of the client's command that are still to come, and how many came.
    strings: u64,
    place: u64,
    class: Class,
    /// Commands that wait for their answer.
    asked: VecDeque<Class>,
    /// Items of the server's answer that are still to come.
    items: u64,
    shown: bool,
    /// Answers heard.
    answers: u16,
}

impl Listener for Redis {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if talk.client.torn() | talk.server.torn() {
            return Interest::Done;
        }
        // A pooled connection may have logged in before the sensor listened.
        self.shown |= !talk.from_start;
        steps(|| {
            if self.asked.len() >= MAX_ASKED {
                // Answers first; where there are none, only the client is heard.
                return if talk.server.heard() == 0 {
                    Step::End(Interest::Done)
                } else {
                    self.answer(talk.server, said)
                };
            }
            match self.command(talk.client, said) {
                Step::Wait => self.answer(talk.server, said),
                step => step,
            }
        })
    }
}

impl Redis {
    /// One string of a command, or the line before them.
    fn command(&mut self, head: &mut Head, said: &mut Said<'_>) -> Step {
        let octets = head.octets();
        if octets.is_empty() {
            return Step::Wait;
        }
        let (heard, used) = match item(octets) {
            Ok(heard) => heard,
            Err(e) => return e.into(),
        };
        if self.strings == 0 {
            match heard {
                Item::Array(count) => (self.strings, self.place, self.class) = (count, 0, Class::Unknown),
                Item::Inline(line) => {
                    let word = line.split(|o| *o == b' ').next().unwrap_or_default();
                    self.class = Class::of(word);
                    let empty = word.is_empty();
                    head.take(used);
                    return if empty { Step::Taken } else { self.asks(said) };
                }
                _ => return Step::End(Interest::Done),
            }
            head.take(used);
            return Step::Taken;
        }
        let Item::Bulk(Some(length)) = heard else { return Step::End(Interest::Done) };
        // The word of the command, and the places where HELLO may say AUTH.
        if self.place == 0 || (self.class == Class::Hello && matches!(self.place, 2 | 4)) {
            let size = usize::try_from(length.min(redis::MAX_WORD)).unwrap_or(usize::MAX);
            let Some(word) = octets.get(used..).and_then(|o| o.get(..size)) else { return Step::Wait };
            if self.place == 0 {
                self.class = Class::of(word);
            } else if word.eq_ignore_ascii_case(b"AUTH") {
                self.class = Class::HelloAuth;
            }
        }
        head.skip(whole_bulk(length, used));
        self.place = self.place.saturating_add(1);
        self.strings = self.strings.saturating_sub(1);
        if self.strings == 0 { self.asks(said) } else { Step::Taken }
    }

    /// A command is complete.
    fn asks(&mut self, said: &mut Said<'_>) -> Step {
        self.opens(said);
        if matches!(self.class, Class::Auth | Class::HelloAuth) {
            self.session.password_clear(said);
        }
        self.asked.push_back(self.class);
        Step::Taken
    }

    fn opens(&mut self, said: &mut Said<'_>) {
        self.session.opens(said, Protocol::Redis);
        self.session.encryption(said, Encryption::None);
    }

    /// One item of an answer.
    fn answer(&mut self, head: &mut Head, said: &mut Said<'_>) -> Step {
        let octets = head.octets();
        if octets.is_empty() {
            return Step::Wait;
        }
        let (heard, used) = match item(octets) {
            Ok(heard) => heard,
            Err(e) => return e.into(),
        };
        let begins = self.items == 0;
        let mut step = Step::Taken;
        if begins && !matches!(heard, Item::Push(_) | Item::Attribute(_)) {
            self.opens(said);
            self.session.answers(said);
            let class = self.asked.front().copied().unwrap_or_default();
            let rest = octets.get(used..).unwrap_or_default();
            if !self.named(class, &heard, rest, said) {
                return Step::Wait;
            }
            self.asked.pop_front();
            step = self.judge(class, &heard, said);
        }
        let more = match heard {
            Item::Array(count) | Item::Push(count) => count,
            Item::Map(pairs) => pairs.saturating_mul(2),
            // It is not counted itself.
            Item::Attribute(pairs) => pairs.saturating_mul(2).saturating_add(u64::from(!begins)),
            Item::Inline(_) => return Step::End(Interest::Done),
            _ => 0,
        };
        self.items = self.items.saturating_sub(1).saturating_add(more);
        match heard {
            Item::Bulk(Some(length)) => head.skip(whole_bulk(length, used)),
            _ => head.take(used),
        }
        step
    }

    /// Looks for the product in the answers to INFO and HELLO; false if more octets are needed for that.
    fn named(&mut self, class: Class, heard: &Item<'_>, rest: &[u8], said: &mut Said<'_>) -> bool {
        match (class, heard) {
            (Class::Info | Class::Unknown, Item::Bulk(Some(length))) => {
                let size = usize::try_from((*length).min(INFO_OCTETS)).unwrap_or(usize::MAX);
                let Some(text) = rest.get(..size) else { return false };
                if text.starts_with(b"# Server") || text.starts_with(b"txt:# Server") {
                    self.session.software(said, informed(text));
                }
            }
            (Class::Hello | Class::HelloAuth, Item::Map(_) | Item::Array(2..)) => match greeted(rest) {
                Ok(named) => self.session.software(said, named),
                Err(WireError::Truncated(_)) => return false,
                Err(WireError::Malformed(_)) => {}
            },
            _ => {}
        }
        true
    }

    /// What the first item of an answer says about the client's identity.
    fn judge(&mut self, class: Class, heard: &Item<'_>, said: &mut Said<'_>) -> Step {
        self.answers = self.answers.saturating_add(1);
        if let Item::Error(text) = heard {
            let word = text.split(|o| *o == b' ').next().unwrap_or_default();
            match word {
                b"DENIED" => {
                    self.session.refused(said);
                    return Step::End(Interest::Done);
                }
                b"NOAUTH" | b"WRONGPASS" | b"NOPERM" => self.session.login(said, Login::Refused),
                _ if text.starts_with(b"ERR invalid password") => self.session.login(said, Login::Refused),
                _ => {}
            }
        } else {
            let filled = match heard {
                Item::Bulk(length) => length.is_some_and(|l| l > 0),
                Item::Array(count) | Item::Map(count) => *count > 0,
                _ => false,
            };
            match class {
                Class::Auth | Class::HelloAuth => {
                    self.shown = true;
                    self.session.login(said, Login::Used);
                }
                Class::Info | Class::Reads | Class::Works if !self.shown && *heard != Item::Simple(b"QUEUED") => {
                    self.session.login(said, Login::None);
                    if class == Class::Reads && filled {
                        self.session.data(said);
                    }
                }
                _ => {}
            }
        }
        let settled = self.shown || self.session.has_data();
        let tired = self.answers >= if settled { MAX_AFTER } else { MAX_ANSWERS };
        if class == Class::Streams || tired || (settled && self.session.has_software()) {
            return Step::End(Interest::Done);
        }
        Step::Taken
    }
}

/// The line before a bulk string, the string, and its line end.
fn whole_bulk(length: u64, used: usize) -> u64 {
    length.saturating_add(u64::try_from(used).unwrap_or(u64::MAX)).saturating_add(2)
}

/// `redis_version:7.0.15`, `valkey_version:8.0.1`. Servers that only imitate are not named.
fn informed(text: &[u8]) -> Option<Software> {
    if redis::field(text, b"dragonfly_version:").is_some() {
        return None;
    }
    if let Some(version) = redis::field(text, b"valkey_version:") {
        return software("Valkey", version, None, SoftwarePlace::Body);
    }
    software("Redis", redis::field(text, b"redis_version:")?, None, SoftwarePlace::Body)
}

/// The answer to HELLO begins: `server`, its word, `version`, its version.
fn greeted(mut rest: &[u8]) -> Result<Option<Software>, WireError> {
    let mut words = [&[][..]; 4];
    for word in &mut words {
        let (Item::Bulk(Some(length)), used) = item(rest)? else { return Err(WireError::Malformed("word")) };
        let length = usize::try_from(length).ok().filter(|l| *l <= 32).ok_or(WireError::Malformed("word"))?;
        let (text, after) =
            rest.get(used..).and_then(|r| r.split_at_checked(length)).ok_or(WireError::Truncated("word"))?;
        *word = text;
        rest = after.get(2..).ok_or(WireError::Truncated("line end"))?;
    }
    Ok(match words {
        [b"server", b"redis", b"version", version] => software("Redis", version, None, SoftwarePlace::Body),
        [b"server", b"valkey", b"version", version] => software("Valkey", version, None, SoftwarePlace::Body),
        _ => None,
    })
}

/// Commands whose answer has keys or values.
const READS: &str = "GET MGET GETEX GETDEL GETRANGE GETSET SUBSTR KEYS SCAN SSCAN HSCAN ZSCAN RANDOMKEY HGET HGETALL \
    HMGET HKEYS HVALS HRANDFIELD LRANGE LINDEX LPOP RPOP BLPOP BRPOP LMOVE RPOPLPUSH SMEMBERS \
    SRANDMEMBER SPOP SINTER SUNION SDIFF ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE ZRANGEBYLEX \
    ZPOPMIN ZPOPMAX BZPOPMIN BZPOPMAX XRANGE XREVRANGE XREAD XREADGROUP DUMP SORT EVAL EVALSHA FCALL \
    EXEC JSON.GET JSON.MGET FT.SEARCH";

/// Commands that need a login where there is one, but whose answer has no data.
const WORKS: &str = "SET SETEX PSETEX SETNX MSET APPEND INCR DECR INCRBY DECRBY DEL UNLINK EXISTS EXPIRE PEXPIRE PERSIST \
    TTL PTTL TYPE STRLEN RENAME HSET HMSET HSETNX HDEL HEXISTS HLEN HINCRBY LPUSH RPUSH LLEN LREM LSET \
    LTRIM SADD SREM SCARD SISMEMBER ZADD ZREM ZCARD ZCOUNT ZSCORE ZINCRBY XADD XLEN XACK XGROUP PUBLISH \
    DBSIZE SELECT CONFIG FLUSHALL FLUSHDB SAVE BGSAVE LASTSAVE SLAVEOF REPLICAOF ROLE CLUSTER MEMORY \
    SLOWLOG TIME WATCH UNWATCH JSON.SET";

/// Octets of an INFO answer that are looked at: the versions stand in its first lines.
const INFO_OCTETS: u64 = 256;

/// Octets of a string by whose end alone a conversation is recognised.
const SMALL_STRING: u64 = 4096;

/// Commands that may wait for their answer: clients send at most some dozens ahead.
const MAX_ASKED: usize = 64;

/// Answers after which a conversation whose login is known, but not its version, is left.
const MAX_AFTER: u16 = 32;

/// Answers after which any conversation is left.
const MAX_ANSWERS: u16 = 256;

#[cfg(test)]
mod tests {
    use super::super::database::trials::mutate;
    use super::super::testing::{Says, facts, hear};
    use super::*;
    use auscult_report::fact::Fact;
    use auscult_report::product::Product;
    use auscult_report::version::Version;

    const INFO: &[u8] = b"*2\r\n$4\r\ninfo\r\n$6\r\nserver\r\n";
    const INFORMS: &[u8] = b"$47\r\n# Server\r\nredis_version:7.0.15\r\nos:Linux 6\r\n\r\n\r\n";
    const GET: &[u8] = b"*2\r\n$3\r\nget\r\n$8\r\nzzcanary\r\n";
    const GIVES: &[u8] = b"$12\r\nZZCANARY^PAT\r\n";
    const AUTH: &[u8] = b"*2\r\n$4\r\nAUTH\r\n$8\r\nZZSECRET\r\n";

    fn named(product: &str, version: &[u8]) -> Fact {
        Fact::Software(Software {
            product: Product::named(product).unwrap(),
            version: Version::exact(version),
            revision: None,
            place: SoftwarePlace::Body,
        })
    }

    #[test]
    fn an_open_store_gives_data_without_a_login() {
        let says = [Says::Client(GET), Says::Server(GIVES), Says::Client(INFO), Says::Server(INFORMS)];
        for piece in [1, 3, 2000] {
            let heard = hear(&REDIS, 6379, piece, &says);
            assert_eq!(
                facts(&heard),
                [
                    Fact::Protocol(Protocol::Redis),
                    Fact::Encryption(Encryption::None),
                    Fact::Answered,
                    Fact::OutsideNetwork,
                    Fact::Login(Login::None),
                    Fact::DataServed,
                    named("Redis", b"7.0.15"),
                ],
                "{piece}"
            );
            assert!(!format!("{heard:?}").to_lowercase().contains("canary"));
        }
        mutate(&REDIS, &says);
    }

    #[test]
    fn info_alone_is_no_data() {
        let heard = facts(&hear(&REDIS, 6379, 1, &[Says::Client(INFO), Says::Server(INFORMS)]));
        assert!(heard.contains(&Fact::Login(Login::None)) && !heard.contains(&Fact::DataServed));
        assert!(heard.contains(&named("Redis", b"7.0.15")));
    }

    #[test]
    fn a_password_in_clear_is_a_login_and_its_data_is_not_open() {
        let says = [
            Says::Client(GET),
            Says::Server(b"-NOAUTH Authentication required.\r\n"),
            Says::Client(AUTH),
            Says::Server(b"+OK\r\n"),
            Says::Client(GET),
            Says::Server(GIVES),
        ];
        for piece in [1, 2000] {
            let heard = hear(&REDIS, 6379, piece, &says);
            assert_eq!(
                facts(&heard)[2..],
                [
                    Fact::Answered,
                    Fact::OutsideNetwork,
                    Fact::Login(Login::Refused),
                    Fact::DatabasePasswordClear,
                    Fact::Login(Login::Used),
                ]
            );
            assert!(!format!("{heard:?}").contains("ZZ"));
        }
        mutate(&REDIS, &says);
    }

    #[test]
    fn answers_find_their_commands_when_many_are_sent_ahead() {
        let mut ask = AUTH.to_vec();
        ask.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
        ask.extend_from_slice(GET);
        let says = [Says::Client(&ask[..]), Says::Server(b"-WRONGPASS no\r\n+PONG\r\n$-1\r\n")];
        let heard = facts(&hear(&REDIS, 6379, 1, &says));
        assert!(heard.ends_with(&[Fact::Login(Login::Refused), Fact::Login(Login::None)]), "{heard:?}");
    }

    #[test]
    fn hello_shows_a_password_and_names_the_server() {
        let ask: &[u8] = b"*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$8\r\nZZSECRET\r\n";
        let answer: &[u8] =
            b"%7\r\n$6\r\nserver\r\n$6\r\nvalkey\r\n$7\r\nversion\r\n$5\r\n8.0.1\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n";
        for piece in [1, 2000] {
            let heard = facts(&hear(&REDIS, 6379, piece, &[Says::Client(ask), Says::Server(answer)]));
            assert!(heard.contains(&Fact::DatabasePasswordClear));
            assert!(heard.contains(&named("Valkey", b"8.0.1")));
            assert_eq!(heard.last(), Some(&Fact::Login(Login::Used)));
        }
    }

    #[test]
    fn commands_typed_by_hand_are_known_by_their_answer() {
        let says = [Says::Client(b"KEYS *\r\n"), Says::Server(b"*1\r\n$9\r\nzzcanary1\r\n")];
        let heard = facts(&hear(&REDIS, 6379, 1, &says));
        assert_eq!(heard.last(), Some(&Fact::DataServed));
        for (client, server) in [
            (&b"GET / HTTP/1.1\r\n"[..], &b""[..]),
            (b"AUTH PLAIN x\r\n", b"+OK ready\r\n"),
            (b"get s1\r\n", b"END\r\n"),
        ] {
            assert_eq!(sniff(&Opening { client, server, server_port: 6379 }), Verdict::No);
        }
    }

    #[test]
    fn the_server_alone_gives_version_and_refusals_only() {
        let heard = facts(&hear(&REDIS, 6379, 1, &[Says::Server(INFORMS), Says::Server(GIVES)]));
        assert!(heard.contains(&named("Redis", b"7.0.15")));
        assert!(!heard.contains(&Fact::DataServed) && !heard.contains(&Fact::Login(Login::None)));
        let denied: &[u8] = b"-DENIED Redis is running in protected mode\r\n";
        let heard = facts(&hear(&REDIS, 6379, 1, &[Says::Server(denied)]));
        assert_eq!(heard.last(), Some(&Fact::Refused));
    }

    #[test]
    fn a_command_heard_from_the_wrong_side_is_no_answer() {
        for piece in 1..GET.len() {
            let opening = Opening { client: b"", server: &GET[..piece], server_port: 6379 };
            assert_ne!(sniff(&opening), Verdict::Yes, "{piece}");
        }
    }

    #[test]
    fn other_protocols_are_left_alone() {
        for server in [
            &b"+OK Dovecot ready.\r\n"[..],
            b"* OK IMAP4rev1\r\n",
            b"220 mail\r\n",
            b"HTTP/1.1 200 OK\r\n",
            b"VERSION 1.6\r\n",
        ] {
            assert_eq!(sniff(&Opening { client: b"", server, server_port: 6379 }), Verdict::No);
        }
    }
}
