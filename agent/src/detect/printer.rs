//! Printers that take whatever comes: raw jobs (JetDirect, port 9100) and the line printer daemon (RFC 1179). IPP is heard with
//! the web.
//!
//! Keeps: that a job was taken or a question answered. Drops: the job: it is passed over.

use super::lines::once;
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::wire::WireError;
use crate::wire::http::Begins;
use crate::wire::printing::{self, Command};
use auscult_report::fact::{Encryption, Fact, Protocol, Role};

/// Raw printing.
pub const JETDIRECT: Detector = Detector {
    name: "jetdirect",
    version: 1,
    hears: "A job that begins with the universal exit language on any port, or with PostScript, PCL, ESC/P or PDF on 9100 to 9107. \
            Printers need not answer: one that does, or that takes more than a connection's first window, has taken the job. A \
            short job to a silent printer is not told. A print server in between looks like the printer. Jobs are never read.",
    sniff: sniff_raw,
    start: || Box::new(Raw::default()),
};

/// The line printer daemon.
pub const LPD: Detector = Detector {
    name: "lpd",
    version: 1,
    hears: "Commands of the line printer daemon to port 515 and what it answers: an octet of zero takes a job, text tells of a \
            queue. There is no login in it. Names of queues, users and jobs are never read.",
    sniff: sniff_lpd,
    start: || Box::new(Daemon::default()),
};

fn sniff_raw(opening: &Opening<'_>) -> Verdict {
    if opening.client.is_empty() {
        return if opening.server.is_empty() { Verdict::Unsure } else { Verdict::No };
    }
    let page =
        if RAW_PORTS.contains(&opening.server_port) { printing::begins_page(opening.client) } else { Begins::No };
    let answer = opening.server.is_empty() || printing::begins_answer(opening.server) != Begins::No;
    match (printing::begins_job(opening.client), page) {
        _ if !answer => Verdict::No,
        (Begins::Yes, _) | (_, Begins::Yes) => Verdict::Yes,
        (Begins::No, Begins::No) => Verdict::No,
        _ => Verdict::Unsure,
    }
}

fn sniff_lpd(opening: &Opening<'_>) -> Verdict {
    if opening.server_port != LPD_PORT {
        return Verdict::No;
    }
    match Command::read(opening.client) {
        Ok(_) => Verdict::Yes,
        Err(WireError::Truncated(_)) if opening.server.is_empty() => Verdict::Unsure,
        _ => Verdict::No,
    }
}

#[derive(Default)]
struct Raw {
    said: bool,
}

impl Listener for Raw {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        talk.client.skip(u64::MAX);
        let answers = printing::begins_answer(talk.server.octets()) == Begins::Yes;
        if (answers || talk.client.heard() > FIRST_WINDOW) && once(&mut self.said) {
            takes(Protocol::Jetdirect, said);
            return Interest::Done;
        }
        Interest::More
    }
}

#[derive(Default)]
struct Daemon {
    asked: Option<Command>,
}

impl Listener for Daemon {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if self.asked.is_none() {
            let Ok(command) = Command::read(talk.client.octets()) else { return Interest::Done };
            self.asked = Some(command);
        }
        talk.client.skip(u64::MAX);
        let Some(first) = talk.server.octets().first() else { return Interest::More };
        match (self.asked, first) {
            (Some(Command::Job), 0) => takes(Protocol::Lpd, said),
            (Some(Command::State), 0x09..0x7F) => takes(Protocol::Lpd, said),
            (Some(Command::Job), _) => {
                said.protocol(Protocol::Lpd);
                said.service(Fact::Refused);
            }
            _ => {}
        }
        Interest::Done
    }
}

/// A printer answered.
fn takes(protocol: Protocol, said: &mut Said<'_>) {
    said.protocol(protocol);
    said.answered();
    said.service(Fact::Encryption(Encryption::None));
    said.server_host(Fact::Role(Role::Printer));
}

/// Octets that a client may send before anything came back: ten segments (RFC 6928). More of them were taken.
const FIRST_WINDOW: u64 = 16 * 1024;

/// JetDirect, and the second and third port of print servers with several.
const RAW_PORTS: core::ops::RangeInclusive<u16> = 9100..=9107;

const LPD_PORT: u16 = 515;

#[cfg(test)]
mod tests {
    use super::super::testing::Says::{Client, Server};
    use super::super::testing::{facts, hear};
    use super::*;

    const JOB: &[u8] = b"\x1B%-12345X@PJL JOB NAME=\"ZZCANARY\"\r\n@PJL INFO ID\r\n";

    #[test]
    fn a_printer_that_answers_is_one() {
        for piece in [1, 1000] {
            let heard =
                hear(&JETDIRECT, 9100, piece, &[Client(JOB), Server(b"@PJL INFO ID\r\n\"ZZCANARY 4250\"\r\n\x0C")]);
            let said = facts(&heard);
            for fact in [Fact::Protocol(Protocol::Jetdirect), Fact::Answered, Fact::Role(Role::Printer)] {
                assert!(said.contains(&fact), "{said:?}");
            }
            assert!(!format!("{heard:?}").contains("ZZCANARY"));
        }
    }

    #[test]
    fn a_silent_printer_is_one_when_it_took_more_than_the_first_window() {
        let page = [b"%!PS-Adobe-3.0\n".as_slice(), &[b'x'; 20_000]].concat();
        let said = facts(&hear(&JETDIRECT, 9100, 1000, &[Client(&page)]));
        assert!(said.contains(&Fact::Answered), "{said:?}");
        assert_eq!(hear(&JETDIRECT, 9100, 1000, &[Client(&page[..8_000])]), []);
        let opening = Opening { client: &page, server: b"", server_port: 8080 };
        assert_eq!(sniff_raw(&opening), Verdict::No, "a page to another port is no job");
        let opening = Opening { client: JOB, server: b"HTTP/1.1 400 Bad Request\r\n", server_port: 80 };
        assert_eq!(sniff_raw(&opening), Verdict::No);
    }

    #[test]
    fn a_job_is_taken_or_refused_by_the_daemon() {
        let taken = facts(&hear(&LPD, 515, 1, &[Client(b"\x02lp\n"), Server(b"\0"), Client(b"\x02zzcanary")]));
        assert!(taken.contains(&Fact::Protocol(Protocol::Lpd)) && taken.contains(&Fact::Answered));
        let refused = facts(&hear(&LPD, 515, 1, &[Client(b"\x02lp\n"), Server(b"\x01")]));
        assert_eq!(refused, [Fact::Protocol(Protocol::Lpd), Fact::Refused]);
        let state = facts(&hear(&LPD, 515, 100, &[Client(b"\x03lp\n"), Server(b"no entries\n")]));
        assert!(state.contains(&Fact::Answered));
        assert_eq!(sniff_lpd(&Opening { client: b"\x02lp\n", server: b"", server_port: 80 }), Verdict::No);
    }
}
