//! rsync's own server (the protocol of its clientserver.c, on port 873 as a rule).
//!
//! Keeps: whether a module was given with or without a challenge. Drops: names of modules, users, challenges, answers, files:
//! the listener stops where the transfer begins.

use super::lines::{Side, once};
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::wire::text::begins;
use auscult_report::fact::{Encryption, Fact, Login, Protocol};

/// rsync without ssh.
pub const RSYNC: Detector = Detector {
    name: "rsync",
    version: 1,
    hears: "A greeting @RSYNCD from both sides. OK without a challenge before it opens a module to everybody; a challenge that \
            is answered is a login. A module that is given to everybody may hold what everybody may have: only its name would \
            tell, and that is never read. The list of modules alone opens nothing.",
    sniff,
    start: || Box::new(Rsync::default()),
};

fn sniff(opening: &Opening<'_>) -> Verdict {
    let [client, server] = [opening.client, opening.server].map(|octets| match octets {
        [] => None,
        octets if octets.starts_with(GREETING) => Some(true),
        octets if GREETING.starts_with(octets) => None,
        _ => Some(false),
    });
    match (client, server) {
        (Some(false), _) | (_, Some(false)) => Verdict::No,
        (_, Some(true)) | (Some(true), None) => Verdict::Yes,
        (None, None) => Verdict::Unsure,
    }
}

#[derive(Default)]
struct Rsync {
    server: Side,
    answered: bool,
    challenged: bool,
}

impl Listener for Rsync {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        // What the client says is a module, a user and a hash.
        talk.client.skip(u64::MAX);
        if talk.server.torn() {
            return Interest::Done;
        }
        let mut side = core::mem::take(&mut self.server);
        while let Some(interest) = side.next(talk.server, |line| self.hear(line, said)) {
            if interest != Interest::More {
                return interest;
            }
        }
        self.server = side;
        Interest::More
    }
}

impl Rsync {
    fn hear(&mut self, line: &[u8], said: &mut Said<'_>) -> Interest {
        if once(&mut self.answered) {
            if !line.starts_with(GREETING) {
                return Interest::Done;
            }
            said.protocol(Protocol::Rsync);
            said.answered();
            said.service(Fact::Encryption(Encryption::None));
            return Interest::More;
        }
        if begins(line, b"@RSYNCD: AUTHREQD") {
            self.challenged = true;
        } else if begins(line, b"@RSYNCD: OK") {
            if self.challenged {
                said.service(Fact::Login(Login::Used));
            } else {
                said.service(Fact::FileAnonymous);
                said.service(Fact::Login(Login::None));
            }
            return Interest::Done;
        } else if begins(line, b"@RSYNCD: EXIT") {
            return Interest::Done;
        } else if begins(line, b"@ERROR") {
            if self.challenged {
                said.service(Fact::Login(Login::Refused));
            } else if begins(line, b"@ERROR: access denied") {
                said.service(Fact::Refused);
            }
            return Interest::Done;
        }
        // A line of the list of modules, or of the message of the day.
        Interest::More
    }
}

/// With what both sides begin.
const GREETING: &[u8] = b"@RSYNCD: ";

#[cfg(test)]
mod tests {
    use super::super::testing::Says::{Client, Server};
    use super::super::testing::{Says, facts, hear};
    use super::*;

    fn said_of(says: &[Says<'_>]) -> Vec<Fact> {
        for piece in [1, 7] {
            assert_eq!(facts(&hear(&RSYNC, 873, piece, says)), facts(&hear(&RSYNC, 873, 1000, says)));
        }
        let heard = hear(&RSYNC, 873, 1000, says);
        assert!(!format!("{heard:?}").to_lowercase().contains("zzcanary"));
        facts(&heard)
    }

    #[test]
    fn a_module_without_a_challenge_is_open() {
        let said = said_of(&[
            Server(b"@RSYNCD: 31.0 sha512 md5\n"),
            Client(b"@RSYNCD: 31.0 sha512\nzzcanary-scans\n"),
            Server(b"Welcome to zzcanary\n@RSYNCD: OK\n\x01\x02\x03"),
        ]);
        assert!(said.contains(&Fact::Protocol(Protocol::Rsync)) && said.contains(&Fact::FileAnonymous), "{said:?}");
        assert!(said.contains(&Fact::Login(Login::None)) && said.contains(&Fact::Encryption(Encryption::None)));
    }

    #[test]
    fn a_challenge_is_a_login_whether_it_succeeds_or_not() {
        let begin =
            [Server(b"@RSYNCD: 31.0\n"), Client(b"@RSYNCD: 31.0\nzzcanary\n"), Server(b"@RSYNCD: AUTHREQD q1w2\n")];
        for (end, login) in
            [(&b"@RSYNCD: OK\n"[..], Login::Used), (b"@ERROR: auth failed on module zzcanary\n", Login::Refused)]
        {
            let mut says = Vec::from_iter(begin.iter().map(|s| match s {
                Client(o) => Client(o),
                Server(o) => Server(o),
            }));
            says.extend([Client(b"zzcanary aGFzaA\n"), Server(end)]);
            let said = said_of(&says);
            assert!(said.contains(&Fact::Login(login)) && !said.contains(&Fact::FileAnonymous), "{said:?}");
        }
    }

    #[test]
    fn a_list_of_modules_opens_nothing_and_others_are_not_taken() {
        let said = said_of(&[
            Server(b"@RSYNCD: 31.0\n"),
            Client(b"@RSYNCD: 31.0\n\n"),
            Server(b"zzcanary\tscans\n@RSYNCD: EXIT\n"),
        ]);
        assert!(said.contains(&Fact::Answered) && !said.contains(&Fact::FileAnonymous));
        for octets in [&b"SSH-2.0-x"[..], b"@RSYNX"] {
            assert_eq!(sniff(&Opening { client: b"", server: octets, server_port: 873 }), Verdict::No);
        }
    }
}
