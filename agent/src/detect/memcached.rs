//! memcached: a cache without a login.
//!
//! Keeps: which facts were said, a counter. Drops: keys and values.

use super::database::{Session, Step, software, steps};
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::WireError;
use crate::wire::memcached::{Answer, is_command};
use auscult_report::fact::{Encryption, Login, Protocol, SoftwarePlace};

/// memcached.
pub const MEMCACHED: Detector = Detector {
    name: "memcached",
    version: 1,
    hears: "The text protocol of memcached on any port, known by the server's lines. It has no login: whoever reaches it \
            may read it. Keys and values are never read.",
    sniff,
    start: || Box::new(Memcached::default()),
};

fn sniff(opening: &Opening<'_>) -> Verdict {
    let command = match opening.client {
        [] => Ok(false),
        client => is_command(client),
    };
    match (command, Answer::parse(opening.server)) {
        (Ok(false), _) if !opening.client.is_empty() => Verdict::No,
        (_, Err(WireError::Malformed(_))) => Verdict::No,
        (Ok(true), Ok(_)) | (_, Ok((Answer::Value(_) | Answer::Statistic, _))) => Verdict::Yes,
        (_, Ok((Answer::Version(version), _))) if version.first().is_some_and(u8::is_ascii_digit) => Verdict::Yes,
        (Err(_), _) | (_, Err(_)) => Verdict::Unsure,
        // END, ERROR and OK alone are said by many.
        (Ok(false), Ok(_)) => Verdict::No,
    }
}

#[derive(Default)]
struct Memcached {
    session: Session,
    answers: u16,
}

impl Listener for Memcached {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        // The answers tell everything.
        talk.client.take(usize::MAX);
        if talk.client.torn() | talk.server.torn() {
            return Interest::Done;
        }
        steps(|| self.answer(talk.server, said))
    }
}

impl Memcached {
    /// One line of the server.
    fn answer(&mut self, head: &mut Head, said: &mut Said<'_>) -> Step {
        if head.octets().is_empty() {
            return Step::Wait;
        }
        let (answer, used) = match Answer::parse(head.octets()) {
            Ok(heard) => heard,
            Err(e) => return e.into(),
        };
        self.session.opens(said, Protocol::Memcached);
        self.session.answers(said);
        self.session.encryption(said, Encryption::None);
        self.session.login(said, Login::None);
        let mut more = 0;
        match answer {
            Answer::Version(version) => {
                self.session.software(said, software("memcached", version, None, SoftwarePlace::Body));
            }
            Answer::Value(length) => {
                self.session.data(said);
                more = length.saturating_add(2);
            }
            Answer::Statistic | Answer::Word => {}
        }
        head.skip(more.saturating_add(u64::try_from(used).unwrap_or(u64::MAX)));
        self.answers = self.answers.saturating_add(1);
        let all = self.session.has_data() && self.session.has_software();
        if all || self.answers > MAX_ANSWERS { Step::End(Interest::Done) } else { Step::Taken }
    }
}

/// Lines after which the version is no longer waited for: `stats` gives about 60.
const MAX_ANSWERS: u16 = 256;

#[cfg(test)]
mod tests {
    use super::super::database::trials::mutate;
    use super::super::testing::{Says, facts, hear};
    use super::*;
    use auscult_report::fact::{Fact, Software};
    use auscult_report::product::Product;
    use auscult_report::version::Version;

    const CLIENT: &[u8] = b"version\r\nset s1 0 60 8\r\nZZCANARY\r\nget s1\r\nquit\r\n";
    const SERVER: &[u8] = b"VERSION 1.6.18\r\nSTORED\r\nVALUE s1 0 8\r\nZZCANARY\r\nEND\r\n";

    fn expected() -> Vec<Fact> {
        vec![
            Fact::Protocol(Protocol::Memcached),
            Fact::Answered,
            Fact::OutsideNetwork,
            Fact::Encryption(Encryption::None),
            Fact::Login(Login::None),
            Fact::Software(Software {
                product: Product::named("memcached").unwrap(),
                version: Version::exact(b"1.6.18"),
                revision: None,
                place: SoftwarePlace::Body,
            }),
            Fact::DataServed,
        ]
    }

    #[test]
    fn version_and_values_of_an_open_cache_are_heard_without_the_values() {
        for piece in [1, 2000] {
            let heard = hear(&MEMCACHED, 11211, piece, &[Says::Client(CLIENT), Says::Server(SERVER)]);
            assert_eq!(facts(&heard), expected(), "{piece}");
            assert!(!format!("{heard:?}").contains("CANARY"));
        }
    }

    #[test]
    fn changed_octets_do_no_harm() {
        mutate(&MEMCACHED, &[Says::Client(CLIENT), Says::Server(SERVER)]);
    }

    #[test]
    fn the_server_alone_is_enough() {
        assert_eq!(facts(&hear(&MEMCACHED, 5000, 1, &[Says::Server(SERVER)])), expected());
    }

    #[test]
    fn other_protocols_are_left_alone() {
        for (client, server) in [
            (&b"get s1\r\n"[..], &b"+OK\r\n"[..]),
            (b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n"),
            (b"", b"OK\r\n"),
            (b"", b"220 mail\r\n"),
            (b"user smith\r\n", b""),
        ] {
            assert_eq!(sniff(&Opening { client, server, server_port: 11211 }), Verdict::No);
        }
    }
}
