//! Directories: LDAP without TLS (RFC 4511, 4513), and in datagrams.
//!
//! Keeps: whether a readable password crossed, whether entries were given to somebody without a name, what a bind by NTLM tells of
//! Windows. Drops: names,
//! passwords, filters, entries: they are passed over.

use super::system::say_ntlm;
use super::{Datagram, DatagramDetector, Detector, Ears, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::WireError;
use crate::wire::ldap::{Bind, Message, Operation, SUCCESS};
use crate::wire::ntlm;
use auscult_report::fact::{Encryption, Fact, Login, Protocol};

/// LDAP on any port.
pub const LDAP: Detector = Detector {
    name: "ldap",
    version: 2,
    hears: "Bind requests and their results, searches and whether entries came back, StartTLS. A simple bind with a \
            password before StartTLS is a readable password; entries after an anonymous bind, or after none at all, are \
            an open directory. The answer to a question about the server itself (root DSE) is an entry too: one entry \
            alone is not called open. A bind by NTLM names builds of Windows. Names, filters and entries are passed over.",
    sniff,
    start: || Box::new(Directory::new()),
};

/// LDAP in datagrams (RFC 1798, MS-ADTS 6.3.3).
pub const CLDAP: DatagramDetector = DatagramDetector {
    name: "cldap",
    version: 1,
    hears: "Answers from UDP port 389, by which a computer finds its domain's controllers. Each is small on purpose and needs no login:             nothing is called open by it. One that strangers get may be used to flood others. Names are passed over.",
    ports: &[389],
    listen: found,
};

fn found(datagram: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    match Message::read(datagram.payload).map(|message| message.operation) {
        Ok(Operation::Search) => datagram.destination_port == PORT,
        Ok(Operation::Entry | Operation::SearchDone(_)) if datagram.source_port == PORT => {
            let mut said = ears.from_server();
            said.protocol(Protocol::Ldap);
            said.answered();
            true
        }
        _ => false,
    }
}

fn sniff(opening: &Opening<'_>) -> Verdict {
    let heard = [(opening.client, true), (opening.server, false)].map(|(octets, client)| {
        if octets.is_empty() {
            return None;
        }
        Some(match Message::read(octets) {
            Ok(message) => verdict(message.operation, client),
            Err(WireError::Truncated(_)) => Verdict::Unsure,
            Err(WireError::Malformed(_)) => Verdict::No,
        })
    });
    match heard {
        [Some(Verdict::No), _] | [_, Some(Verdict::No)] | [None, None] => Verdict::No,
        [Some(Verdict::Yes), _] | [_, Some(Verdict::Yes)] => Verdict::Yes,
        _ => Verdict::Unsure,
    }
}

/// Whether this side may say it.
const fn verdict(operation: Operation, client: bool) -> Verdict {
    match operation {
        Operation::Bind(_) | Operation::Search | Operation::StartTls if client => Verdict::Yes,
        Operation::BindResponse(_) | Operation::Entry | Operation::SearchDone(_) | Operation::ExtendedResponse(_)
            if !client =>
        {
            Verdict::Yes
        }
        Operation::Other => Verdict::Unsure,
        _ => Verdict::No,
    }
}

#[derive(Debug)]
struct Directory {
    asks: Side,
    gives: Side,
    begun: bool,
    answered: bool,
    clear_said: bool,
    /// The last bind that was heard and not answered.
    binding: Option<Bind>,
    /// An identity was accepted, or may have been before the sensor listened.
    bound: bool,
    asked_tls: bool,
    /// Entries given to somebody without a name.
    entries: u32,
}

/// What one side says.
#[derive(Debug)]
struct Side {
    is_server: bool,
    /// Of the message that waits the operation was given already; the rest of it may hold an NTLM message.
    is_given: bool,
}

impl Listener for Directory {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if talk.client.torn() | talk.server.torn() {
            return Interest::Done;
        }
        self.bound |= !talk.from_start;
        if !core::mem::replace(&mut self.begun, true) {
            said.protocol(Protocol::Ldap);
            said.service(Fact::Encryption(Encryption::None));
        }
        // Bounded: each round takes a message.
        while let Some(operation) = self.asks.next(talk.client, said) {
            match operation {
                Ok(operation) => self.asked(operation, said),
                Err(_) => return Interest::Done,
            }
        }
        while let Some(operation) = self.gives.next(talk.server, said) {
            match operation {
                Ok(operation) => {
                    if let Some(interest) = self.answer(operation, said) {
                        return interest;
                    }
                }
                Err(_) => return Interest::Done,
            }
        }
        Interest::More
    }
}

impl Directory {
    const fn new() -> Directory {
        let (asks, gives) = (Side::new(false), Side::new(true));
        let (begun, answered, clear_said, bound, asked_tls) = (false, false, false, false, false);
        Directory { asks, gives, begun, answered, clear_said, binding: None, bound, asked_tls, entries: 0 }
    }

    fn asked(&mut self, operation: Operation, said: &mut Said<'_>) {
        match operation {
            Operation::Bind(bind) => {
                self.binding = Some(bind);
                if bind == Bind::Simple && !core::mem::replace(&mut self.clear_said, true) {
                    said.service(Fact::LdapClearBind);
                }
            }
            Operation::StartTls => self.asked_tls = true,
            _ => {}
        }
    }

    fn answer(&mut self, operation: Operation, said: &mut Said<'_>) -> Option<Interest> {
        if !core::mem::replace(&mut self.answered, true) {
            said.answered();
        }
        match operation {
            Operation::BindResponse(code) => self.bind_answered(code, said),
            Operation::Entry if !self.bound => {
                self.entries = self.entries.saturating_add(1);
                if self.entries == OPEN_ENTRIES {
                    said.service(Fact::LdapAnonymousData);
                    said.service(Fact::Login(Login::None));
                    said.service(Fact::DataServed);
                }
            }
            Operation::ExtendedResponse(SUCCESS) if self.asked_tls => return Some(Interest::Again),
            _ => {}
        }
        None
    }

    fn bind_answered(&mut self, code: u8, said: &mut Said<'_>) {
        match (self.binding.take(), code) {
            (Some(Bind::Simple | Bind::Sasl), SUCCESS) => {
                self.bound = true;
                said.service(Fact::Login(Login::Used));
            }
            // Anonymous: nothing was shown. Without the request nothing is known of who bound.
            (Some(Bind::Anonymous | Bind::Unauthenticated), SUCCESS) => {}
            (None, SUCCESS) => self.bound = true,
            // 14: the next step of SASL.
            (bind, SASL_IN_PROGRESS) => self.binding = bind,
            (_, _) => said.service(Fact::Login(Login::Refused)),
        }
    }
}

impl Side {
    const fn new(is_server: bool) -> Side {
        Side { is_server, is_given: false }
    }

    /// The next message: its operation, once it can be told. The message is passed over, a short one about a bind once it is whole.
    fn next(&mut self, head: &mut Head, said: &mut Said<'_>) -> Option<Result<Operation, WireError>> {
        // Bounded: each round takes a message.
        loop {
            let message = match Message::read(head.octets()) {
                Ok(message) => message,
                Err(WireError::Truncated(_)) => return None,
                Err(e) => return Some(Err(e)),
            };
            let is_of_bind = matches!(message.operation, Operation::Bind(Bind::Sasl) | Operation::BindResponse(_));
            if is_of_bind && message.octets <= ntlm::MAX_SEARCH {
                match head.octets().get(..message.octets) {
                    Some(whole) => say_ntlm(ntlm::find(whole), self.is_server, said),
                    None if core::mem::replace(&mut self.is_given, true) => return None,
                    None => return Some(Ok(message.operation)),
                }
            }
            head.skip(u64::try_from(message.octets).unwrap_or(u64::MAX));
            if !core::mem::take(&mut self.is_given) {
                return Some(Ok(message.operation));
            }
        }
    }
}

/// Where directories answer datagrams (IANA).
const PORT: u16 = 389;

/// saslBindInProgress (RFC 4511 appendix A.1).
const SASL_IN_PROGRESS: u8 = 14;

/// The root DSE is one entry, and servers give it to everybody on purpose (RFC 4513 section 5.1): more than that is data.
const OPEN_ENTRIES: u32 = 2;

#[cfg(test)]
mod tests {
    use super::super::testing::{Says, facts, hear, hear_datagram, is_windows, ntlm_challenge};
    use super::*;
    use crate::wire::ldap::tests::{bind, message, response};
    use auscult_report::fact::SignPlace;

    fn search() -> Vec<u8> {
        message(0x63, &[4, 0, 10, 1, 2, 10, 1, 0])
    }

    fn entry() -> Vec<u8> {
        message(0x64, b"\x04\x0fuid=zzcanary,dc=x\x30\x00")
    }

    #[test]
    fn a_simple_bind_is_a_readable_password_and_a_login() {
        for piece in [1, 1000] {
            let heard = hear(
                &LDAP,
                389,
                piece,
                &[
                    Says::Client(&bind(b"cn=zzcanary", b"CnryLdap1")),
                    Says::Server(&response(0x61, 0)),
                    Says::Client(&search()),
                    Says::Server(&entry()),
                    Says::Server(&entry()),
                ],
            );
            let said = facts(&heard);
            assert!(said.contains(&Fact::LdapClearBind) && said.contains(&Fact::Login(Login::Used)), "{said:?}");
            assert!(!said.contains(&Fact::LdapAnonymousData));
            assert!(!format!("{heard:?}").to_lowercase().contains("cnry"));
        }
    }

    #[test]
    fn entries_without_a_name_are_an_open_directory_but_one_alone_is_the_root() {
        let (ask, give, end) = (search(), entry(), response(0x65, 0));
        let one = facts(&hear(&LDAP, 389, 3, &[Says::Client(&ask), Says::Server(&give), Says::Server(&end)]));
        assert!(!one.contains(&Fact::LdapAnonymousData), "{one:?}");
        let anonymous = bind(b"", b"");
        let two = facts(&hear(
            &LDAP,
            389,
            3,
            &[
                Says::Client(&anonymous),
                Says::Server(&response(0x61, 0)),
                Says::Client(&ask),
                Says::Server(&give),
                Says::Server(&give),
            ],
        ));
        assert!(two.contains(&Fact::LdapAnonymousData) && two.contains(&Fact::Login(Login::None)), "{two:?}");
    }

    #[test]
    fn a_refused_bind_is_a_refused_login_and_half_a_conversation_claims_no_openness() {
        let refused = hear(&LDAP, 389, 7, &[Says::Client(&bind(b"cn=x", b"bad")), Says::Server(&response(0x61, 49))]);
        assert!(facts(&refused).contains(&Fact::Login(Login::Refused)));
        let half =
            hear(&LDAP, 389, 7, &[Says::Server(&response(0x61, 0)), Says::Server(&entry()), Says::Server(&entry())]);
        assert!(!facts(&half).contains(&Fact::LdapAnonymousData));
    }

    #[test]
    fn a_bind_by_ntlm_names_builds_of_windows_however_it_comes() {
        let offer = [
            &b"\x02\x01\x03\x04\x00\xa3\x36\x04\x0aGSS-SPNEGO\x04\x28NTLMSSP\0\x01\0\0\0\x05\x82\x08\x02"[..],
            &[0; 16],
        ];
        let client = [10, 0, 0xf4, 0x65, 0, 0, 0, 15]; // version 10.0.26100
        let offer = message(0x60, &[offer.concat(), client.to_vec()].concat());
        let result = [&[10, 1, 14, 4, 0, 4, 0, 0x87, 56][..], &ntlm_challenge(17_763)].concat();
        let challenge = message(0x61, &result);
        let done = response(0x61, 0);
        for piece in [1, 7, 1000] {
            let says = [Says::Client(&offer), Says::Server(&challenge), Says::Client(&offer), Says::Server(&done)];
            let heard = facts(&hear(&LDAP, 389, piece, &says));
            assert!(is_windows(&heard, SignPlace::NtlmChallenge, 17_763), "{piece}: {heard:?}");
            assert!(is_windows(&heard, SignPlace::NtlmClient, 26_100), "{piece}: {heard:?}");
            assert!(heard.contains(&Fact::Login(Login::Used)));
        }
    }

    #[test]
    fn a_controller_that_is_found_by_a_datagram_is_a_directory_and_not_an_open_one() {
        let (ask, give) = (search(), [entry(), response(0x65, 0)].concat());
        let said = facts(&hear_datagram(&CLDAP, 389, 50_123, &give));
        assert_eq!(said, [Fact::Protocol(Protocol::Ldap), Fact::Answered]);
        for (source, destination, octets) in [(50_123, 389, &ask), (389, 50_123, &ask), (50_123, 389, &give)] {
            assert_eq!(hear_datagram(&CLDAP, source, destination, octets), []);
        }
    }

    #[test]
    fn after_start_tls_another_protocol_begins() {
        let mut name = vec![0x80, 22];
        name.extend(b"1.3.6.1.4.1.1466.20037");
        let heard = hear(
            &LDAP,
            389,
            5,
            &[
                Says::Client(&message(0x77, &name)),
                Says::Server(&response(0x78, 0)),
                Says::Client(&bind(b"cn=x", b"would be TLS")),
            ],
        );
        assert!(!facts(&heard).contains(&Fact::LdapClearBind));
    }

    #[test]
    fn other_protocols_are_no_directory() {
        for octets in [&b"GET / HTTP/1.1\r\n"[..], b"SSH-2.0-x\r\n", &[0x30, 0x82, 0x03, 0x10, 0x30, 0x82]] {
            assert_eq!(sniff(&Opening { client: octets, server: b"", server_port: 389 }), Verdict::No);
        }
        assert_eq!(sniff(&Opening { client: b"", server: b"", server_port: 389 }), Verdict::No);
    }
}
