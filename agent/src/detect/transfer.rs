//! DNS over TCP (RFC 1035 4.2.2, RFC 7766), for what UDP does not show: whole zones that are given away (RFC 5936, 1995).
//!
//! Keeps: that a server answered, refused, or gave a zone. Drops: every name and every record, at once.

use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::dns::{Message, Section};
use auscult_report::fact::{Encryption, Fact, Protocol};

/// DNS over TCP.
pub const DNS_TCP: Detector = Detector {
    name: "dns-tcp",
    version: 1,
    hears: "Questions and answers of DNS over TCP on port 53. A whole zone that is given away is told by its kind (AXFR, IXFR) and by \
            more than its first record; to a secondary server that is its purpose, so the provider's must be listed. A message that \
            is longer than 9,000 octets is not looked into. Names and records are never kept.",
    sniff,
    start: || Box::new(Transfer::default()),
};

fn sniff(opening: &Opening<'_>) -> Verdict {
    // Two octets of length and a header of twelve look like many other things: the port is asked for, too.
    if opening.server_port != PORT {
        return Verdict::No;
    }
    let verdicts = [side(opening.client, false), side(opening.server, true)];
    if verdicts.contains(&Verdict::No) {
        Verdict::No
    } else if verdicts.contains(&Verdict::Yes) {
        Verdict::Yes
    } else {
        Verdict::Unsure
    }
}

fn side(octets: &[u8], is_answer: bool) -> Verdict {
    let Some((length, message)) = octets.split_at_checked(2) else { return Verdict::Unsure };
    if message.len() < HEADER {
        return Verdict::Unsure;
    }
    let is_long_enough = usize::from(number(length)) > HEADER;
    match Message::read(message.get(..HEADER).unwrap_or_default()) {
        Ok(m) if is_long_enough && m.flags.is_response() == is_answer && m.questions <= 1 => Verdict::Yes,
        _ => Verdict::No,
    }
}

#[derive(Default)]
struct Transfer {
    answered: bool,
    given: bool,
    /// A question for a whole zone was heard.
    asked: bool,
}

impl Listener for Transfer {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        // Behind a hole nobody knows where a message begins.
        if talk.client.torn() || talk.server.torn() {
            return Interest::Done;
        }
        while let Some(is_zone) = next(talk.client, is_for_a_zone) {
            self.asked |= is_zone == Some(true);
        }
        let asked = self.asked;
        while let Some(heard) = next(talk.server, |m| Answer::of(m, asked)) {
            let Some(answer) = heard else { continue };
            if !self.answered {
                self.answered = true;
                said.protocol(Protocol::Dns);
                said.service(Fact::Encryption(Encryption::None));
                match answer {
                    Answer::Refused => said.service(Fact::Refused),
                    _ => said.answered(),
                }
            }
            if answer == Answer::Zone && !self.given {
                self.given = true;
                said.service(Fact::DnsTransferred);
            }
        }
        Interest::More
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Refused,
    Zone,
    Other,
}

impl Answer {
    fn of(message: &Message<'_>, was_asked: bool) -> Answer {
        match message.flags.response_code() {
            5 | 9 => Answer::Refused,
            // The first record says whose zone it is; the rest gives it away.
            0 if message.answers > 1 && (was_asked || is_for_a_zone(message)) => Answer::Zone,
            _ => Answer::Other,
        }
    }
}

fn is_for_a_zone(message: &Message<'_>) -> bool {
    message.records().any(|r| r.section == Section::Question && matches!(r.kind, IXFR | AXFR))
}

/// What `look` makes of the next message of a side: `None` if there is none yet; inside, nothing of one that is too long.
fn next<T>(head: &mut Head, look: impl Fn(&Message<'_>) -> T) -> Option<Option<T>> {
    let (length, octets) = head.octets().split_at_checked(2)?;
    let length = usize::from(number(length));
    let whole = length.saturating_add(2);
    if length > LONGEST {
        head.skip(u64::try_from(whole).unwrap_or(u64::MAX));
        return Some(None);
    }
    let looked = Message::read(octets.get(..length)?).ok().map(|m| look(&m));
    head.take(whole);
    Some(looked)
}

fn number(octets: &[u8]) -> u16 {
    octets.iter().take(2).fold(0, |n, o| (n << 8) | u16::from(*o))
}

/// Where name servers listen.
const PORT: u16 = 53;
/// Octets of a header.
const HEADER: usize = 12;
/// Octets of a message that is looked into: what a side keeps in hand.
const LONGEST: usize = 9_000;
/// Kinds of questions for a zone: what changed in it, and all of it.
const IXFR: u16 = 251;
const AXFR: u16 = 252;

#[cfg(test)]
mod tests {
    use super::super::testing::Says::{Client, Server};
    use super::super::testing::{facts, hear};
    use super::*;
    use crate::wire::dns::testing::{message, question, record};

    fn over_tcp(message: &[u8]) -> Vec<u8> {
        [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
    }

    fn asks(kind: u16) -> Vec<u8> {
        over_tcp(&message(0x0000, [1, 0, 0, 0], &[&question("zzcanary/example", kind, 1)]))
    }

    fn answers(kind: u16, code: u16, records: u16) -> Vec<u8> {
        let a = record("zzcanary/example", 1, 1, &[192, 168, 20, 1]);
        let body: Vec<&[u8]> = (0..records).map(|_| &a[..]).collect();
        let asked = question("zzcanary/example", kind, 1);
        over_tcp(&message(0x8400 | code, [1, records, 0, 0], &[&[&asked[..]], &body[..]].concat()))
    }

    #[test]
    fn a_zone_that_is_given_away_is_told_in_any_pieces_and_a_refusal_is_none() {
        for piece in [1, 7, 4_000] {
            let given = hear(&DNS_TCP, 53, piece, &[Client(&asks(AXFR)), Server(&answers(AXFR, 0, 40))]);
            let said = facts(&given);
            assert!(said.contains(&Fact::DnsTransferred) && said.contains(&Fact::Answered), "{said:?}");
            assert!(!format!("{given:?}").contains("canary"));
            let refused = facts(&hear(&DNS_TCP, 53, piece, &[Client(&asks(AXFR)), Server(&answers(AXFR, 5, 0))]));
            assert!(refused.contains(&Fact::Refused) && !refused.contains(&Fact::DnsTransferred), "{refused:?}");
        }
    }

    #[test]
    fn an_answer_that_was_only_too_long_for_udp_is_no_zone() {
        let said = facts(&hear(&DNS_TCP, 53, 100, &[Client(&asks(16)), Server(&answers(16, 0, 3))]));
        assert!(said.contains(&Fact::Answered) && !said.contains(&Fact::DnsTransferred), "{said:?}");
    }

    #[test]
    fn other_protocols_and_other_ports_are_left_alone() {
        let verdict = |client: &[u8], port| sniff(&Opening { client, server: b"", server_port: port });
        assert_eq!(verdict(&asks(1), 53), Verdict::Yes);
        assert_eq!(verdict(&asks(1), 5353), Verdict::No);
        assert_eq!(verdict(b"GET / HTTP/1.1\r\n\r\n", 53), Verdict::No);
        assert_eq!(verdict(&asks(1)[..9], 53), Verdict::Unsure);
    }

    #[test]
    fn octets_of_any_kind_end() {
        let mut dice = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..200 {
            let mut octets = asks(AXFR);
            for _ in 0..300 {
                dice ^= dice << 13;
                dice ^= dice >> 7;
                dice ^= dice << 17;
                octets.push((dice >> 24) as u8);
            }
            hear(&DNS_TCP, 53, 11, &[Client(&octets)]);
            let answer = answers(AXFR, 0, 2);
            hear(&DNS_TCP, 53, 11, &[Client(&asks(AXFR)), Server(&[&answer[..], &octets[60..]].concat())]);
        }
    }
}
