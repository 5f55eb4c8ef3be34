//! Db2, Derby and others that speak DRDA: who answers, how clients show who they are, and whether rows go to those who do not.
//!
//! Keeps: the state of one login, counters, the product and its version. Drops: names of users, data bases and packages, passwords,
//! statements, rows: of a row only its codepoint is looked at.

use super::database::{Session, Step, software, steps};
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::WireError;
use crate::wire::drda::{self, Kind, Structure};
use auscult_report::fact::{Encryption, Login, Protocol, Software, SoftwarePlace};

/// DRDA.
pub const DB2: Detector = Detector {
    name: "db2",
    version: 1,
    hears: "The greeting of DRDA, the protocol of IBM's Db2 and of Apache Derby, on any port: Db2 for Linux, Unix and Windows and Derby \
            by the release that they name; the login, whether its password crossed as it is (security mechanism 3 or 5), was empty, or \
            was not asked for (mechanism 4, the name alone), and what the server said to it; rows that went to a client without one. A \
            server that takes any password looks like one that checked it. Names, statements and rows are never read.",
    sniff,
    start: || Box::new(Follows::default()),
};

fn sniff(opening: &Opening<'_>) -> Verdict {
    let client = side(opening.client, |s| s.kind == Kind::Request && s.codepoint == Structure::EXCSAT && !s.goes_on());
    let server = side(opening.server, |s| s.may_open() && !s.goes_on());
    match (client, server) {
        (Verdict::No, _) | (_, Verdict::No) => Verdict::No,
        (Verdict::Yes, _) => Verdict::Yes,
        _ => Verdict::Unsure,
    }
}

/// One side's first structure.
fn side(octets: &[u8], fits: impl Fn(&Structure) -> bool) -> Verdict {
    match Structure::parse(octets) {
        Ok(structure) if fits(&structure) => Verdict::Yes,
        Err(WireError::Truncated(_)) => Verdict::Unsure,
        _ => Verdict::No,
    }
}

#[derive(Default)]
struct Follows {
    session: Session,
    login: Option<drda::Login>,
    is_open: bool,
    answered: bool,
    replies: u16,
}

impl Listener for Follows {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if talk.client.torn() | talk.server.torn() {
            return Interest::Done;
        }
        steps(|| match self.client(talk.client, said) {
            Step::Wait => self.server(talk.server, said),
            step => step,
        })
    }
}

impl Follows {
    /// A structure of the client.
    fn client(&mut self, head: &mut Head, said: &mut Said<'_>) -> Step {
        let structure = match Structure::parse(head.octets()) {
            Ok(structure) => structure,
            Err(e) => return e.into(),
        };
        if !self.is_open && structure.codepoint == Structure::SECCHK {
            let login = match drda::parameters(head.octets()) {
                Ok(parameters) => drda::Login::read(parameters),
                Err(e) => return e.into(),
            };
            self.shows(login, said);
        }
        pass(head, &structure)
    }

    fn shows(&mut self, login: drda::Login, said: &mut Said<'_>) {
        self.login = Some(login);
        // Without an answer nobody proved to be a server of this protocol: a port may take anything in silence.
        if self.answered {
            self.tells(login, said);
        }
    }

    fn tells(&mut self, login: drda::Login, said: &mut Said<'_>) {
        let is_data_encrypted = login.mechanism.is_some_and(|m| drda::Login::DATA_ENCRYPTED.contains(&m));
        self.session.encryption(said, if is_data_encrypted { Encryption::Partly } else { Encryption::None });
        let is_readable = matches!(login.mechanism, Some(drda::Login::PASSWORD | drda::Login::NEW_PASSWORD));
        if is_readable && login.password.is_some_and(|octets| octets > 0) {
            self.session.password_clear(said);
        }
    }

    /// A structure of the server.
    fn server(&mut self, head: &mut Head, said: &mut Said<'_>) -> Step {
        let structure = match Structure::parse(head.octets()) {
            Ok(structure) => structure,
            Err(e) => return e.into(),
        };
        if structure.kind == Kind::Request || (!self.answered && !structure.may_open()) {
            return Step::End(Interest::Done);
        }
        if !self.answered {
            self.answered = true;
            self.session.opens(said, Protocol::Db2);
            self.session.answers(said);
            if let Some(login) = self.login {
                self.tells(login, said);
            }
        }
        self.replies = self.replies.saturating_add(1);
        let ends = match structure.codepoint {
            Structure::EXCSATRD | Structure::SECCHKRM => {
                let parameters = match drda::parameters(head.octets()) {
                    Ok(parameters) => parameters,
                    Err(e) => return e.into(),
                };
                if structure.codepoint == Structure::EXCSATRD {
                    self.session.software(said, product(drda::Server::read(parameters)));
                    false
                } else {
                    self.checked(drda::verdict(parameters), said)
                }
            }
            Structure::QRYDTA if self.is_open => {
                self.session.data(said);
                true
            }
            _ => false,
        };
        if ends || self.replies > MAX_REPLIES { Step::End(Interest::Done) } else { pass(head, &structure) }
    }

    /// The verdict on a login; true if nothing more is to be learnt.
    fn checked(&mut self, code: Result<u8, WireError>, said: &mut Said<'_>) -> bool {
        match (code, self.login) {
            (Ok(0), Some(drda::Login { mechanism: Some(drda::Login::NAME_ALONE), .. })) => {
                self.session.login(said, Login::None);
                self.is_open = true;
                false
            }
            (Ok(0), Some(drda::Login { mechanism: Some(drda::Login::PASSWORD), password: Some(0) })) => {
                self.session.empty_password(said);
                self.is_open = true;
                false
            }
            (Ok(0), Some(_)) => {
                self.session.login(said, Login::Used);
                true
            }
            // Password expired, wrong, missing; user missing, unknown, revoked; new password refused.
            (Ok(0x0E..=0x15), _) => {
                self.session.login(said, Login::Refused);
                true
            }
            _ => true,
        }
    }
}

/// Passes over a structure that was understood.
fn pass(head: &mut Head, structure: &Structure) -> Step {
    if structure.goes_on() {
        // The pieces behind it have no mark of their own.
        return Step::End(Interest::Done);
    }
    head.skip(u64::from(structure.octets()));
    Step::Taken
}

/// The product of a greeting: class `QDB2/LINUXX8664` with release `SQL11055`, class `Apache Derby` with release
/// `CSS10140/10.14.2.0 - (1828579)`. Db2 of other machines counts its releases otherwise, and is heard without a product.
fn product(server: drda::Server<'_>) -> Option<Software> {
    let mut text = [0u8; MOST_TEXT];
    let mut plain = |octets: &[u8]| {
        text.iter_mut().zip(octets).for_each(|(to, from)| *to = drda::ascii(*from));
        (text, octets.len().min(MOST_TEXT))
    };
    let ((class, class_octets), (release, octets)) = (plain(server.class), plain(server.release));
    let (class, release) = (class.get(..class_octets)?, release.get(..octets)?);
    if class == b"Apache Derby" {
        let version = release.splitn(2, |o| *o == b'/').nth(1).unwrap_or_default();
        return software("Apache Derby", version, None, SoftwarePlace::Greeting);
    }
    let digits = release.strip_prefix(b"SQL").filter(|_| class.starts_with(b"QDB2/"))?;
    let [a, b, c, d, _] = digits.get(..5)? else { return None };
    let number = |tens: u8, ones: u8| {
        let digit = |o: u8| (o as char).to_digit(10);
        Some(digit(tens)?.saturating_mul(10).saturating_add(digit(ones)?))
    };
    let version = format!("{}.{}", number(*a, *b)?, number(*c, *d)?);
    software("IBM Db2", version.as_bytes(), None, SoftwarePlace::Greeting)
}

/// Octets of a class or a release that are looked at: the longest known has 30.
const MOST_TEXT: usize = 64;

/// Structures after which a client that got no row is left: a greeting, a login and a first statement have about ten.
const MAX_REPLIES: u16 = 256;

#[cfg(test)]
mod tests {
    use super::super::DETECTORS;
    use super::super::database::trials::mutate;
    use super::super::testing::{Says, facts, hear};
    use super::*;
    use auscult_report::fact::Fact;

    /// A structure of this format with an object of these parameters.
    fn structure(format: u8, codepoint: u16, parameters: &[(u16, &[u8])]) -> Vec<u8> {
        let value = |(codepoint, value): &(u16, &[u8])| {
            [&(value.len() as u16).saturating_add(4).to_be_bytes()[..], &codepoint.to_be_bytes(), value].concat()
        };
        let inner: Vec<u8> = parameters.iter().flat_map(value).collect();
        let length = (inner.len() as u16).saturating_add(4);
        let head = [&length.saturating_add(6).to_be_bytes()[..], &[0xD0, format, 0, 1], &length.to_be_bytes()].concat();
        [&head[..], &codepoint.to_be_bytes(), &inner].concat()
    }

    /// EBCDIC of the words below.
    fn ebcdic(text: &str) -> Vec<u8> {
        text.bytes().map(|c| (0..=255u8).find(|o| drda::ascii(*o) == c).unwrap()).collect()
    }

    fn greeting(class: &str, release: &str) -> Vec<u8> {
        structure(0x02, Structure::EXCSATRD, &[(0x1147, &ebcdic(class)), (0x115A, &ebcdic(release))])
    }

    /// A conversation with Derby with this login, its verdict and a row.
    fn talk(login: &[(u16, &[u8])], verdict: u8) -> Vec<Fact> {
        let (ask, greets) = (structure(1, Structure::EXCSAT, &[]), greeting("Apache Derby", "CSS10140/10.14.2.0 - 1"));
        let shows = structure(1, Structure::SECCHK, login);
        let checks = structure(2, Structure::SECCHKRM, &[(0x1149, &[0, 0]), (0x11A4, &[verdict])]);
        let row = structure(3, Structure::QRYDTA, &[(0, b"ZZ")]);
        let says = [
            Says::Client(&ask),
            Says::Server(&greets),
            Says::Client(&shows),
            Says::Server(&checks),
            Says::Server(&row),
        ];
        mutate(&DB2, &says);
        let heard = hear(&DB2, 1527, 3, &says);
        assert_eq!(facts(&heard), facts(&hear(&DB2, 1527, 4000, &says)));
        facts(&heard)
    }

    const BEGINNING: [Fact; 3] = [Fact::Protocol(Protocol::Db2), Fact::Answered, Fact::OutsideNetwork];

    #[test]
    fn a_password_as_it_is_is_told_with_the_verdict_on_it() {
        let login: &[(u16, &[u8])] = &[(0x11A2, &[0, 3]), (0x11A0, b"zzuser"), (0x11A1, b"zzsecret")];
        let heard = talk(login, 0);
        assert_eq!(heard[..3], BEGINNING);
        assert!(
            matches!(heard[3], Fact::Software(s) if s.product.name() == "Apache Derby" && s.version.unwrap().as_str() == "10.14.2.0")
        );
        let clear = [Fact::Encryption(Encryption::None), Fact::DatabasePasswordClear];
        assert_eq!(heard[4..], [&clear[..], &[Fact::Login(Login::Used)]].concat());
        assert!(!format!("{heard:?}").contains("zz"));
        assert_eq!(talk(login, 0x0F)[4..], [&clear[..], &[Fact::Login(Login::Refused)]].concat());
        // The mechanism is not spoken: nobody was refused.
        assert_eq!(talk(login, 1)[4..], clear);
    }

    #[test]
    fn an_encrypted_password_is_none_that_can_be_read() {
        let heard = talk(&[(0x11A2, &[0, 9]), (0x11DC, b"xx"), (0x11DC, b"yy")], 0);
        assert_eq!(heard[4..], [Fact::Encryption(Encryption::None), Fact::Login(Login::Used)]);
        let heard = talk(&[(0x11A2, &[0, 13]), (0x11DC, b"xx")], 0);
        assert_eq!(heard[4..], [Fact::Encryption(Encryption::Partly), Fact::Login(Login::Used)]);
    }

    #[test]
    fn rows_to_a_name_alone_are_handed_over_without_a_login() {
        let heard = talk(&[(0x11A2, &[0, 4]), (0x11A0, b"APP")], 0);
        assert_eq!(heard[4..], [Fact::Encryption(Encryption::None), Fact::Login(Login::None), Fact::DataServed]);
        let heard = talk(&[(0x11A2, &[0, 3]), (0x11A0, b"APP"), (0x11A1, b"")], 0);
        assert_eq!(heard[5..], [Fact::DatabaseEmptyPassword, Fact::Login(Login::None), Fact::DataServed]);
    }

    #[test]
    fn db2_names_its_version_in_digits() {
        let named = |class: &str, release: &str| {
            let (class, release) = (ebcdic(class), ebcdic(release));
            let told = product(drda::Server { class: &class, release: &release })?;
            Some((told.product.name(), told.version.map(|v| v.as_str().to_owned())))
        };
        assert_eq!(named("QDB2/LINUXX8664", "SQL11055"), Some(("IBM Db2", Some("11.5".to_owned()))));
        assert_eq!(named("QDB2/NT64", "SQL09077"), Some(("IBM Db2", Some("9.7".to_owned()))));
        assert_eq!(named("QDB2", "DSN12015"), None);
        assert_eq!(named("QDB2/NT", "SQL1105"), None);
        assert_eq!(named("zzserver", "SQL11055"), None);
        assert_eq!(named("Apache Derby", "zz"), Some(("Apache Derby", None)));
    }

    #[test]
    fn a_silent_port_is_no_server_and_others_are_left_alone() {
        let (ask, shows) = (
            structure(1, Structure::EXCSAT, &[]),
            structure(1, Structure::SECCHK, &[(0x11A2, &[0, 3]), (0x11A1, b"x")]),
        );
        assert_eq!(facts(&hear(&DB2, 50_000, 9, &[Says::Client(&ask), Says::Client(&shows)])), []);
        let opening = |client, server| sniff(&Opening { client, server, server_port: 50_000 });
        let greets = greeting("Apache Derby", "x");
        assert_eq!(opening(b"", &greets), Verdict::Unsure);
        assert_eq!(opening(&ask, &ask), Verdict::No, "an echo");
        assert_eq!(opening(b"GET / HTTP/1.1\r\n", b""), Verdict::No);
        assert_eq!(opening(&ask, b"HTTP/1.1 400 Bad Request\r\n"), Verdict::No);
        let both = Opening { client: &ask, server: &greets, server_port: 50_000 };
        let names: Vec<_> = DETECTORS.iter().filter(|d| (d.sniff)(&both) == Verdict::Yes).map(|d| d.name).collect();
        assert_eq!(names, ["db2"]);
    }
}
