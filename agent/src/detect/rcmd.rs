//! The oldest ways to a shell: rexec, rlogin and rsh, in which everything is readable.
//!
//! Keeps: whether the server took it. Drops: names of users, passwords, commands, and everything behind.

use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::wire::WireError;
use crate::wire::rcmd::{self, Answer};
use auscult_report::fact::{Encryption, Fact, Login, Protocol};

/// A command with a readable password.
pub const REXEC: Detector = Detector {
    name: "rexec",
    version: 1,
    hears: "To port 512 a port or none, a user, a password and a command, and the server's zero, or its one and a reason. The \
            password crosses readable. On other ports it is not looked for, because its beginning has no sign of its own. \
            Users, passwords, commands and what they give are never kept.",
    sniff: |opening| sniff(opening, 512, |o| !o.third_is_empty),
    start: || Box::new(Remote { protocol: Protocol::Rexec }),
};

/// A terminal.
pub const RLOGIN: Detector = Detector {
    name: "rlogin",
    version: 1,
    hears: "To port 513 a zero, two names of users, a terminal and its speed, and the server's zero, or its one and a reason. A \
            server may believe the names and the address, or ask for a password behind its zero: which of them is not told. \
            Names and everything behind them are never kept.",
    sniff: |opening| sniff(opening, 513, |o| !o.has_port && !o.second_is_empty && o.names_terminal),
    start: || Box::new(Remote { protocol: Protocol::Rlogin }),
};

/// A command without a password.
pub const RSH: Detector = Detector {
    name: "rsh",
    version: 1,
    hears: "To port 514 a port or none, two names of users and a command, and the server's zero, or its one and a reason. The \
            server believes the names because of the address from which they come: that is no login, and it is not none, so \
            nothing is said of it. The second connection, for what goes wrong, is not heard. Names, commands and what they \
            give are never kept.",
    sniff: |opening| sniff(opening, 514, |o| !o.second_is_empty && !o.third_is_empty),
    start: || Box::new(Remote { protocol: Protocol::Rsh }),
};

/// The port, the client's form and the server's answer: none of them is enough alone.
fn sniff(opening: &Opening<'_>, port: u16, is_form: fn(&rcmd::Opening) -> bool) -> Verdict {
    if opening.server_port != port {
        return Verdict::No;
    }
    match (rcmd::Opening::read(opening.client), Answer::read(opening.server)) {
        (Ok(form), _) if !is_form(&form) => Verdict::No,
        (Ok(_), Ok(_)) => Verdict::Yes,
        (Err(WireError::Malformed(_)), _) | (_, Err(WireError::Malformed(_))) => Verdict::No,
        _ => Verdict::Unsure,
    }
}

struct Remote {
    protocol: Protocol,
}

impl Listener for Remote {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        let Ok(answer) = Answer::read(talk.server.octets()) else { return Interest::Done };
        said.protocol(self.protocol);
        said.answered();
        said.service(Fact::Encryption(Encryption::None));
        match (answer, self.protocol) {
            (Answer::Refused, _) => said.service(Fact::Login(Login::Refused)),
            (Answer::Taken, Protocol::Rexec) => said.service(Fact::Login(Login::Used)),
            (Answer::Taken, _) => said.service(Fact::Login(Login::Unknown)),
        }
        Interest::Done
    }
}

#[cfg(test)]
mod tests {
    use super::super::DETECTORS;
    use super::super::testing::Says::{Client, Server};
    use super::super::testing::{facts, hear};
    use super::*;

    const REXEC_ASKS: &[u8] = b"1022\0zzcanary\0ZZCANARY-word\0cat /srv/ZZCANARY\0";
    const RLOGIN_ASKS: &[u8] = b"\0zzcanary\0ward\0xterm/38400\0";
    const RSH_ASKS: &[u8] = b"1021\0zzcanary\0ward\0cat /srv/ZZCANARY\0";

    #[test]
    fn each_is_heard_on_its_port_when_both_sides_have_its_form() {
        for (detector, port, asks, protocol, login) in [
            (&REXEC, 512, REXEC_ASKS, Protocol::Rexec, Login::Used),
            (&RLOGIN, 513, RLOGIN_ASKS, Protocol::Rlogin, Login::Unknown),
            (&RSH, 514, RSH_ASKS, Protocol::Rsh, Login::Unknown),
            (&RSH, 514, b"\0zzcanary\0ward\0id\0", Protocol::Rsh, Login::Unknown),
        ] {
            for piece in [1, 1000] {
                let taken = hear(detector, port, piece, &[Client(asks), Server(b"\0ZZCANARY")]);
                let said = facts(&taken);
                for fact in
                    [Fact::Protocol(protocol), Fact::Answered, Fact::Encryption(Encryption::None), Fact::Login(login)]
                {
                    assert!(said.contains(&fact), "{said:?}");
                }
                assert!(!said.contains(&Fact::DataServed) && !format!("{taken:?}").to_lowercase().contains("zzcanary"));
                let refused = facts(&hear(detector, port, piece, &[Client(asks), Server(b"\x01Permission denied.\n")]));
                assert!(refused.contains(&Fact::Login(Login::Refused)), "{refused:?}");
            }
        }
    }

    #[test]
    fn nothing_else_is_taken_for_them() {
        for (detector, port, client, server) in [
            (&RSH, 514, &b"<13>Nov 22 12:00:00 host program: text\n"[..], &b""[..]), // the system's journal over TCP
            (&RSH, 514, RSH_ASKS, b"SSH-2.0-OpenSSH"),
            (&RSH, 1514, RSH_ASKS, b"\0"),
            (&RSH, 514, b"\0zzcanary\0\0id\0", b"\0"),
            (&RLOGIN, 513, b"\0zzcanary\0ward\0id\0", b"\0"),
            (&RLOGIN, 513, b"1022\0zzcanary\0ward\0xterm/38400\0", b"\0"),
            (&REXEC, 512, b"\0zzcanary\0word\0\0", b"\0"),
            (&REXEC, 513, REXEC_ASKS, b"\0"),
        ] {
            assert_eq!((detector.sniff)(&Opening { client, server, server_port: port }), Verdict::No, "{client:?}");
        }
        for (port, asks) in [(512, REXEC_ASKS), (513, RLOGIN_ASKS), (514, RSH_ASKS)] {
            let opening = Opening { client: asks, server: b"\0", server_port: port };
            let takers: Vec<&str> =
                DETECTORS.iter().filter(|d| (d.sniff)(&opening) == Verdict::Yes).map(|d| d.name).collect();
            assert_eq!(takers.len(), 1, "{takers:?}");
            let half = Opening { server: b"", ..opening };
            assert!(!DETECTORS.iter().any(|d| (d.sniff)(&half) == Verdict::Yes));
        }
    }
}
