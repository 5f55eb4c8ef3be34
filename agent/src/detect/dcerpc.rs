//! Calls between programs of Windows: DCE/RPC over TCP.
//!
//! Keeps: that a server answers; what a login by NTLM tells of both sides. Drops: what is called, with what, and what comes of it.

use super::system::say_ntlm;
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::WireError;
use crate::wire::dcerpc::{Header, Kind, fragment};
use crate::wire::ntlm;
use auscult_report::fact::{Fact, Login, Protocol};

/// DCE/RPC.
pub const DCERPC: Detector = Detector {
    name: "dcerpc",
    version: 1,
    hears: "Fragments of DCE/RPC over TCP on any port: the endpoint mapper of Windows, management by DCOM and WMI, a domain's own calls, \
            Samba. A login by NTLM names builds of Windows; how much of a call is encrypted is not told. Calls within SMB are heard as \
            SMB. Interfaces and what is called are never kept.",
    sniff,
    start: || Box::new(Association::default()),
};

fn sniff(opening: &Opening<'_>) -> Verdict {
    let sides =
        [(opening.client, false), (opening.server, true)].map(|(octets, is_server)| match Header::read(octets) {
            Ok(header) if header.kind.is_of_server() == is_server => Verdict::Yes,
            Ok(_) | Err(WireError::Malformed(_)) => Verdict::No,
            Err(WireError::Truncated(_)) => Verdict::Unsure,
        });
    match sides {
        [Verdict::No, _] | [_, Verdict::No] => Verdict::No,
        [Verdict::Yes, _] | [_, Verdict::Yes] => Verdict::Yes,
        _ => Verdict::Unsure,
    }
}

#[derive(Default)]
struct Association {
    is_known: bool,
    is_answered: bool,
    /// The server sent a token: a login goes on.
    logs_in: bool,
}

impl Listener for Association {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if talk.client.torn() | talk.server.torn() {
            return Interest::Done;
        }
        if !core::mem::replace(&mut self.is_known, true) {
            said.protocol(Protocol::Dcerpc);
        }
        // Bounded: each round takes a fragment.
        loop {
            match next(talk.client) {
                Ok(Some((header, message))) if !header.kind.is_of_server() => say_ntlm(message, false, said),
                Ok(None) => break,
                _ => return Interest::Done,
            }
        }
        loop {
            match next(talk.server) {
                Ok(Some((header, message))) if header.kind.is_of_server() => {
                    say_ntlm(message, true, said);
                    if self.answer(&header, said) == Interest::Done {
                        return Interest::Done;
                    }
                }
                Ok(None) => return Interest::More,
                _ => return Interest::Done,
            }
        }
    }
}

impl Association {
    /// A fragment of the server. The first result of a call ends what can be learnt.
    fn answer(&mut self, header: &Header, said: &mut Said<'_>) -> Interest {
        if !core::mem::replace(&mut self.is_answered, true) {
            said.answered();
        }
        self.logs_in |= header.kind == Kind::BindAnswer && header.token > 0;
        if header.kind != Kind::Response {
            return Interest::More;
        }
        // Only who was let in gets a result with a token behind it.
        if self.logs_in && header.token > 0 {
            said.service(Fact::Login(Login::Used));
        }
        Interest::Done
    }
}

/// The next fragment of a side and the NTLM message in it; one that may log somebody in once it is whole, others by their header. It is
/// passed over.
///
/// # Errors
/// If it is none.
fn next(head: &mut Head) -> Result<Option<(Header, Option<ntlm::Message>)>, WireError> {
    let octets = head.octets();
    let header = match Header::read(octets) {
        Err(WireError::Truncated(_)) => return Ok(None),
        header => header?,
    };
    let mut message = None;
    if header.kind.may_log_in() && header.token > 0 && header.length <= MOST_LOGIN {
        match fragment(octets) {
            Ok((_, token)) => message = ntlm::find(token),
            Err(_) => return Ok(None),
        }
    }
    head.skip(u64::from(header.length));
    Ok(Some((header, message)))
}

/// Octets of a fragment that logs somebody in: Windows sends at most 5,840 before it knows what the other side takes.
const MOST_LOGIN: u16 = 5_840;

#[cfg(test)]
mod tests {
    use super::super::testing::{Says, facts, hear, is_windows, ntlm_challenge};
    use super::*;
    use crate::wire::dcerpc::tests::pdu;
    use auscult_report::fact::SignPlace;

    const MAPPER: [Fact; 3] = [Fact::Protocol(Protocol::Dcerpc), Fact::Answered, Fact::OutsideNetwork];

    #[test]
    fn an_endpoint_mapper_is_heard_in_any_pieces() {
        let (bind, ack) = (pdu(11, &[0; 56], b""), pdu(12, &[0; 44], b""));
        let (call, result) = (pdu(0, &[0; 132], b""), pdu(2, &[0; 136], b""));
        let says = [Says::Client(&bind), Says::Server(&ack), Says::Client(&call), Says::Server(&result)];
        for piece in [1, 7, 1000] {
            assert_eq!(facts(&hear(&DCERPC, 135, piece, &says)), MAPPER);
        }
        assert_eq!(facts(&hear(&DCERPC, 49_668, 5, &[Says::Server(&ack)])), MAPPER, "one side alone");
        assert_eq!(facts(&hear(&DCERPC, 135, 5, &[Says::Client(&bind)])), MAPPER[..1]);
    }

    #[test]
    fn a_login_by_ntlm_names_builds_of_windows_and_is_used_when_a_result_is_protected_by_it() {
        let offer =
            [b"NTLMSSP\0\x01\0\0\0\x05\x82\x08\x02".as_slice(), &[0; 16], &[10, 0, 0xf4, 0x65, 0, 0, 0, 15]].concat();
        let (bind, ack) = (pdu(11, &[0; 56], &offer), pdu(12, &[0; 44], &ntlm_challenge(20_348)));
        let third = pdu(16, &[0; 4], b"NTLMSSP\0\x03\0\0\0");
        let call = pdu(0, &[0; 24], &[7; 16]);
        for (result, login) in [(pdu(2, &[0; 24], &[7; 16]), true), (pdu(3, &[0; 16], b""), false)] {
            let says = [
                Says::Client(&bind),
                Says::Server(&ack),
                Says::Client(&third),
                Says::Client(&call),
                Says::Server(&result),
            ];
            for piece in [1, 9, 1000] {
                let heard = facts(&hear(&DCERPC, 135, piece, &says));
                assert!(is_windows(&heard, SignPlace::NtlmChallenge, 20_348), "{heard:?}");
                assert!(is_windows(&heard, SignPlace::NtlmClient, 26_100), "{heard:?}");
                assert_eq!(heard.contains(&Fact::Login(Login::Used)), login, "{heard:?}");
            }
        }
    }

    #[test]
    fn what_begins_alike_is_none() {
        let socks = b"\x05\x01\x00"; // a client of SOCKS 5 with one method
        assert_eq!(sniff(&Opening { client: socks, server: b"\x05\x00", server_port: 1080 }), Verdict::Unsure);
        let request = b"\x05\x01\x00\x03\x0bexample.org\x00\x50";
        assert_eq!(sniff(&Opening { client: request, server: b"", server_port: 1080 }), Verdict::No);
        let bind = pdu(11, &[0; 56], b"");
        assert_eq!(sniff(&Opening { client: b"", server: &bind, server_port: 135 }), Verdict::No, "of the wrong side");
    }
}
