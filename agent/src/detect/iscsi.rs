//! Disks over the network, and whether they are given without a login (iSCSI).
//!
//! Keeps: how the login went; of at most [`MAX_READS`] commands that read, their numbers. Drops: names of initiators and targets,
//! challenges, and what is on the disk.

use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::WireError;
use crate::wire::iscsi::{HEADER, Header, Kind, Login as Step};
use auscult_report::fact::{Encryption, Fact, Login, Protocol};
use std::collections::VecDeque;

/// iSCSI.
pub const ISCSI: Detector = Detector {
    name: "iscsi",
    version: 1,
    hears: "The steps of a login of iSCSI from both sides, on any port. A session for work that begins although the server chose \
            no method of authentication is one without a login; blocks that are read in it are data that were given. A disk \
            may be meant for one name of an initiator: a name that anybody can say is no identity. In a network of its own \
            that is how it is often used; only to a client of another zone is it said as a share for everybody. A session \
            that only asks for the list of disks opens nothing. Names and blocks are never kept.",
    sniff,
    start: || Box::new(Session::default()),
};

fn sniff(opening: &Opening<'_>) -> Verdict {
    let client = match Step::read(opening.client) {
        Ok(step) if step.header.kind == Kind::LoginRequest && step.value(b"InitiatorName").is_some() => step,
        Err(WireError::Truncated(_)) if opening.server.first().is_none_or(|o| *o == ANSWER) => return Verdict::Unsure,
        _ => return Verdict::No,
    };
    match Step::read(opening.server) {
        Ok(step) => {
            // Some servers leave the name of a session away that they refuse.
            let is_named = step.session == client.session || (step.status.0 != 0 && step.session == [0; 6]);
            let belongs = step.header.kind == Kind::LoginAnswer && step.header.task == client.header.task;
            if belongs && is_named { Verdict::Yes } else { Verdict::No }
        }
        Err(WireError::Truncated(_)) => Verdict::Unsure,
        Err(WireError::Malformed(_)) => Verdict::No,
    }
}

#[derive(Default)]
struct Session {
    /// The server answered.
    answered: bool,
    /// The login is over, without an identity, and what follows is work.
    works: bool,
    /// It only asks for the list of disks.
    lists: bool,
    /// A method of authentication was chosen.
    identity: bool,
    /// Keys were cut in two, or sums were agreed upon in a way that is not followed.
    uncertain: bool,
    /// Sums behind headers and behind data, of four octets.
    sums: [bool; 2],
    /// Commands that read and wait for their data, the oldest first.
    reads: VecDeque<u32>,
    /// Messages of work that were looked at.
    looked: u16,
}

impl Listener for Session {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if talk.client.torn() | talk.server.torn() {
            return Interest::Done;
        }
        if !self.works {
            match self.login(talk, said) {
                Interest::More if self.works => {}
                interest => return interest,
            }
        }
        self.work(talk, said)
    }
}

impl Session {
    /// The steps that wait. Bounded: each round takes one.
    fn login(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        while let Ok(step) = Step::read(talk.client.octets()) {
            if step.header.kind != Kind::LoginRequest {
                return Interest::Done;
            }
            self.lists |= step.value(b"SessionType").is_some_and(|v| v == b"Discovery");
            self.uncertain |= step.goes_on;
            let octets = step.octets();
            talk.client.take(octets);
        }
        loop {
            let step = match Step::read(talk.server.octets()) {
                Ok(step) if step.header.kind == Kind::LoginAnswer => step,
                Err(WireError::Truncated(_)) => return Interest::More,
                _ => return Interest::Done,
            };
            if let Some(interest) = self.answer(&step, talk.from_start, said) {
                let octets = step.octets();
                talk.server.take(octets);
                return interest;
            }
            let octets = step.octets();
            talk.server.take(octets);
        }
    }

    /// An answer to a step; an interest if it was the last.
    fn answer(&mut self, step: &Step<'_>, from_start: bool, said: &mut Said<'_>) -> Option<Interest> {
        if !core::mem::replace(&mut self.answered, true) {
            said.protocol(Protocol::Iscsi);
            said.answered();
            said.service(Fact::Encryption(Encryption::None));
        }
        self.uncertain |= step.goes_on;
        self.identity |= step.value(b"AuthMethod").is_some_and(|v| v != b"None");
        for (sum, key) in self.sums.iter_mut().zip([&b"HeaderDigest"[..], b"DataDigest"]) {
            match step.value(key) {
                None => {}
                Some(b"CRC32C") => *sum = true,
                Some(b"None") => *sum = false,
                Some(_) => self.uncertain = true,
            }
        }
        match step.status {
            (0, _) if !step.is_last => return None,
            (0, _) if self.identity => said.service(Fact::Login(Login::Used)),
            (0, _) if !self.lists && !self.uncertain && from_start => {
                said.service(Fact::Login(Login::None));
                self.works = true;
                return Some(Interest::More);
            }
            NOT_AUTHENTICATED => said.service(Fact::Login(Login::Refused)),
            NOT_ALLOWED => said.service(Fact::Refused),
            _ => {}
        }
        Some(Interest::Done)
    }

    /// Looks for data that answer a command that reads. Bounded: each round takes a message.
    fn work(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        loop {
            match self.pass(talk.client) {
                Some(Ok(Header { kind: Kind::Command { reads: true }, task, .. })) => {
                    if self.reads.len() >= MAX_READS {
                        self.reads.pop_front();
                    }
                    self.reads.push_back(task);
                }
                Some(Ok(_)) => {}
                Some(Err(_)) => return Interest::Done,
                None => break,
            }
        }
        loop {
            match self.pass(talk.server) {
                Some(Ok(header))
                    if header.kind == Kind::DataIn && header.data > 0 && self.reads.contains(&header.task) =>
                {
                    said.service(Fact::DataServed);
                    if said.client.zone != said.server.zone {
                        said.service(Fact::FileAnonymous);
                    }
                    return Interest::Done;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) => return Interest::Done,
                None => return if self.looked >= MAX_LOOKED { Interest::Done } else { Interest::More },
            }
        }
    }

    /// The next header of a side; what belongs to it is passed over.
    fn pass(&mut self, head: &mut Head) -> Option<Result<Header, WireError>> {
        let header = match Header::read(head.octets()) {
            Err(WireError::Truncated(_)) => return None,
            Err(e) => return Some(Err(e)),
            Ok(header) => header,
        };
        self.looked = self.looked.saturating_add(1);
        let [of_header, of_data] = self.sums.map(|is| if is { 4 } else { 0 });
        let data = header.data.next_multiple_of(4);
        let data = if data == 0 { 0 } else { data.saturating_add(of_data) };
        let rest = header.additional.saturating_add(of_header).saturating_add(data);
        head.take(HEADER);
        head.skip(u64::try_from(rest).unwrap_or(u64::MAX));
        Some(Ok(header))
    }
}

/// The first octet of an answer to a step of a login.
const ANSWER: u8 = 0x23;

/// RFC 7143, 11.13.5: authentication failure, authorisation failure.
const NOT_AUTHENTICATED: (u8, u8) = (2, 1);
const NOT_ALLOWED: (u8, u8) = (2, 2);

/// Commands that may wait for their data: what clients have under way at once is 32 to 128, and one of them is enough.
const MAX_READS: usize = 32;

/// Messages of work after which nothing was read, and nobody looks any more.
const MAX_LOOKED: u16 = 4096;

#[cfg(test)]
mod tests {
    use super::super::testing::Says::{Client, Server};
    use super::super::testing::{Says, facts, hear};
    use super::*;
    use crate::wire::iscsi::tests::{step, work};

    const NAMES: &[u8] =
        b"InitiatorName=iqn.2026-01.example:zzcanary\0TargetName=iqn.2026-01.example:zzcanary\0AuthMethod=None,CHAP\0";

    fn said_of(says: &[Says<'_>]) -> Vec<Fact> {
        let heard = hear(&ISCSI, 3260, 10_000, says);
        for piece in [1, 100] {
            assert_eq!(facts(&hear(&ISCSI, 3260, piece, says)), facts(&heard));
        }
        assert!(!format!("{heard:?}").to_lowercase().contains("zzcanary"));
        let begin = [Fact::Protocol(Protocol::Iscsi), Fact::Answered, Fact::Encryption(Encryption::None)];
        let said = facts(&heard);
        assert!(begin.iter().all(|f| said.contains(f)), "{said:?}");
        said.into_iter().filter(|f| !begin.contains(f) && *f != Fact::OutsideNetwork).collect()
    }

    #[test]
    fn a_disk_without_a_login_is_open_when_blocks_are_read() {
        for (sums, extra) in
            [(&b"HeaderDigest=None\0"[..], &b""[..]), (b"HeaderDigest=CRC32C\0DataDigest=CRC32C\0", b"sum!")]
        {
            let with_sum = |message: Vec<u8>, data: bool| {
                let (head, rest) = message.split_at(HEADER);
                [head, extra, rest, if data { extra } else { b"" }].concat()
            };
            let (ask, chosen) = (step(0x43, 0x81, [0, 0], NAMES), step(0x23, 0x81, [0, 0], b"AuthMethod=None\0"));
            let (more, last) =
                (step(0x43, 0x87, [0, 0], b"HeaderDigest=CRC32C,None\0"), step(0x23, 0x87, [0, 0], sums));
            let (inquiry, told) =
                (with_sum(work(0x01, 1, 0x12, b""), false), with_sum(work(0x25, 1, 0, b"ZZCANARY disk"), true));
            let (read, block) =
                (with_sum(work(0x01, 2, 0x28, b""), false), with_sum(work(0x25, 2, 0, &[b'Z'; 4096]), true));
            let mut says =
                vec![Client(&ask), Server(&chosen), Client(&more), Server(&last), Client(&inquiry), Server(&told)];
            assert_eq!(said_of(&says), [Fact::Login(Login::None)], "what it says of itself is no data");
            says.extend([Client(&read), Server(&block)]);
            assert_eq!(said_of(&says), [Fact::Login(Login::None), Fact::DataServed, Fact::FileAnonymous]);
        }
    }

    #[test]
    fn a_login_by_challenge_is_used_or_refused() {
        let ask = step(0x43, 0x81, [0, 0], NAMES);
        let chosen = step(0x23, 0, [0, 0], b"AuthMethod=CHAP\0");
        let algorithm = step(0x43, 0, [0, 0], b"CHAP_A=5\0");
        let challenge = step(0x23, 0, [0, 0], b"CHAP_A=5\0CHAP_I=1\0CHAP_C=0xZZCANARY\0");
        let answer = step(0x43, 0x87 & 0xF3, [0, 0], b"CHAP_N=zzcanary\0CHAP_R=0x00\0");
        for (end, wanted) in
            [(step(0x23, 0x83, [0, 0], b""), Login::Used), (step(0x23, 0x83, [2, 1], b""), Login::Refused)]
        {
            let says =
                [Client(&ask), Server(&chosen), Client(&algorithm), Server(&challenge), Client(&answer), Server(&end)];
            assert_eq!(said_of(&says), [Fact::Login(wanted)]);
        }
    }

    #[test]
    fn a_list_of_disks_a_stranger_and_cut_keys_open_nothing() {
        let keys = b"InitiatorName=iqn.zzcanary\0SessionType=Discovery\0";
        let (list, last) = (step(0x43, 0x87, [0, 0], keys), step(0x23, 0x87, [0, 0], b""));
        assert_eq!(said_of(&[Client(&list), Server(&last)]), []);
        let (ask, no) = (step(0x43, 0x87, [0, 0], NAMES), step(0x23, 0x87, [2, 2], b""));
        assert_eq!(said_of(&[Client(&ask), Server(&no)]), [Fact::Refused]);
        let cut = step(0x43, 0x44, [0, 0], NAMES);
        let (on, rest) = (step(0x23, 0x04, [0, 0], b""), step(0x43, 0x87, [0, 0], b"SessionType=Discovery\0"));
        assert_eq!(said_of(&[Client(&cut), Server(&on), Client(&rest), Server(&last)]), []);
    }

    #[test]
    fn an_answer_to_somebody_else_and_one_side_alone_are_not_taken() {
        let (ask, give) = (step(0x43, 0x87, [0, 0], NAMES), step(0x23, 0x87, [0, 0], b""));
        let (mut other, mut stranger, mut refusal) = (give.clone(), give.clone(), step(0x23, 0, [2, 1], b""));
        other[19] = 8; // another task
        stranger[9] = 8; // another session
        refusal[8..14].fill(0); // as tgt 1.0.85 refuses
        let nameless = step(0x43, 0x87, [0, 0], b"AuthMethod=None\0");
        for (client, server, verdict) in [
            (&ask[..], &give[..], Verdict::Yes),
            (&ask, &b""[..], Verdict::Unsure),
            (b"", &give, Verdict::Unsure),
            (&ask, &other, Verdict::No),
            (&ask, &stranger, Verdict::No),
            (&ask, &refusal, Verdict::Yes),
            (&nameless, &give, Verdict::No),
            (b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"", Verdict::No),
            (&ask[..1], b"HTTP/1.1", Verdict::No),
        ] {
            assert_eq!(sniff(&Opening { client, server, server_port: 3260 }), verdict);
        }
    }
}
