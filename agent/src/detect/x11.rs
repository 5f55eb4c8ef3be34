//! Screens over the network: the X Window System without anything around it.
//!
//! Keeps: whether the client had authorisation data, and whether it was let in. Drops: cookies, vendors, everything behind the
//! setup: that is what is seen and typed.

use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::wire::WireError;
use crate::wire::text::after;
use crate::wire::x11::{Answer, Request};
use auscult_report::fact::{Encryption, Fact, Login, Protocol};

/// X11.
pub const X11: Detector = Detector {
    name: "x11",
    version: 1,
    hears: "The connection setup of X, from both sides, on any port. A client that gives no authorisation data and is let in \
            can see the screen and read every key; a server that lets in by a list of addresses (xhost) looks the same, for \
            an address is no identity. A client with a cookie may have been let in without it: that does not show. X through \
            ssh is not heard. Cookies and everything behind the setup are never read.",
    sniff,
    start: || Box::new(Setup),
};

fn sniff(opening: &Opening<'_>) -> Verdict {
    let request = match Request::read(opening.client) {
        Ok(request) => request,
        // The server speaks second, and begins with 0, 1 or 2.
        Err(WireError::Truncated(_)) if opening.server.first().is_none_or(|o| *o <= 2) => return Verdict::Unsure,
        Err(_) => return Verdict::No,
    };
    match Answer::read(opening.server, request.order) {
        Ok(_) => Verdict::Yes,
        Err(WireError::Truncated(_)) => Verdict::Unsure,
        Err(WireError::Malformed(_)) => Verdict::No,
    }
}

/// Both sides' first messages are there when it is asked.
struct Setup;

impl Listener for Setup {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        let Ok(request) = Request::read(talk.client.octets()) else { return Interest::Done };
        let Ok(answer) = Answer::read(talk.server.octets(), request.order) else { return Interest::Done };
        said.protocol(Protocol::X11);
        said.answered();
        said.service(Fact::Encryption(Encryption::None));
        match answer {
            Answer::Success if request.has_data => said.service(Fact::Login(Login::Used)),
            Answer::Success => {
                said.service(Fact::Login(Login::None));
                said.service(Fact::DataServed);
            }
            Answer::Failed(reason) if IDENTITY.iter().any(|word| after(reason, word).is_some()) => {
                said.service(Fact::Login(Login::Refused));
            }
            Answer::Failed(_) => said.service(Fact::Refused),
            Answer::Authenticate => {}
        }
        Interest::Done
    }
}

/// What X.Org's server says of a client that is not let in: "Authorization required, but no authorization protocol specified",
/// "Client is not authorized to connect to Server", "Invalid MIT-MAGIC-COOKIE-1 key", "No protocol specified".
const IDENTITY: &[&[u8]] = &[b"uthoriz", b"Invalid ", b"No protocol specified"];

#[cfg(test)]
mod tests {
    use super::super::testing::Says::{Client, Server};
    use super::super::testing::{facts, hear};
    use super::*;
    use crate::wire::x11::tests::{failed, let_in, request};

    const BEGIN: [Fact; 3] = [Fact::Protocol(Protocol::X11), Fact::Answered, Fact::Encryption(Encryption::None)];

    /// What is said of a request and its answer, besides [`BEGIN`].
    fn said_of(request: &[u8], answer: &[u8]) -> Vec<Fact> {
        let whole = hear(&X11, 6000, 1000, &[Client(request), Server(answer), Client(b"ZZCANARY")]);
        assert_eq!(facts(&whole), facts(&hear(&X11, 6000, 1, &[Client(request), Server(answer)])));
        assert!(!format!("{whole:?}").contains("ZZCANARY"));
        let said = facts(&whole);
        assert!(BEGIN.iter().all(|f| said.contains(f)), "{said:?}");
        said.into_iter().filter(|f| !BEGIN.contains(f) && *f != Fact::OutsideNetwork).collect()
    }

    #[test]
    fn a_screen_for_everybody_is_told_from_one_with_a_cookie() {
        assert_eq!(said_of(&request(b"", b""), &let_in()), [Fact::Login(Login::None), Fact::DataServed]);
        let cookie = request(b"MIT-MAGIC-COOKIE-1", b"ZZCANARYZZCANARY");
        assert_eq!(said_of(&cookie, &let_in()), [Fact::Login(Login::Used)]);
    }

    #[test]
    fn who_is_not_let_in_was_refused() {
        let why = b"Authorization required, but no authorization protocol specified\n";
        assert_eq!(said_of(&request(b"", b""), &failed(why)), [Fact::Login(Login::Refused)]);
        assert_eq!(said_of(&request(b"", b""), &failed(b"Maximum number of clients reached")), [Fact::Refused]);
        assert_eq!(said_of(&request(b"", b""), &[2, 0, 0, 0, 0, 0, 1, 0, b'w', b'h', b'y', 0]), []);
    }

    #[test]
    fn one_side_alone_is_not_enough_and_others_are_not_taken() {
        let (ask, give) = (request(b"", b""), let_in());
        for (client, server, verdict) in [
            (&ask[..], &b""[..], Verdict::Unsure),
            (b"", &give, Verdict::Unsure),
            (&ask, b"HTTP/1.1 400 Bad Request\r\n", Verdict::No),
            (b"list\r\n", b"", Verdict::No),
            (b"l", b"220 ready", Verdict::No),
            (&give, &ask, Verdict::No),
        ] {
            assert_eq!(sniff(&Opening { client, server, server_port: 6000 }), verdict, "{client:?} {server:?}");
        }
    }
}
