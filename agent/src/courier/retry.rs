//! What to do after a delivery, whatever came back: the table of statuses, as a pure function.
//!
//! Follows RFC 9110 (statuses, Retry-After) and RFC 6585 (429). The rule above all rows: only a receipt settles
//! anything; a 200 without one is a captive portal's. Keeps: how often it failed, which address is in turn. Drops:
//! texts of answers; nobody reads them. Random numbers are arguments.

use auscult_report::receipt::Receipt;
use auscult_report::renew::Grant;

/// What came back of one request.
#[derive(Debug)]
pub enum Answer {
    /// Nothing that could be read.
    Silence(Silence),
    /// A status with what is ours in it.
    Status(Status),
}

/// Why nothing came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// No way: no name, no route, nobody there, no time.
    Unreachable,
    /// Who is there has not our collector's certificate.
    Untrusted,
    /// Who is there does not take our certificate.
    TurnedAway,
    /// The answer was cut off, or is longer than any answer.
    CutOff,
}

/// An answer, as far as it means something.
#[derive(Debug, Default)]
pub struct Status {
    /// RFC 9110 section 15.
    pub code: u16,
    /// Retry-After, in seconds from when the answer was made.
    pub retry_after_s: Option<u64>,
    /// The receipt, if the body is one.
    pub receipt: Option<Box<Receipt>>,
    /// The certificate, if the body is one.
    pub grant: Option<Box<Grant>>,
    /// What a 403 says, if it is our collector that says it.
    pub standing: Option<Standing>,
}

/// Why a collector that knows the sensor does not take its reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has approved it yet.
    Pending,
    /// Its key was revoked.
    Revoked,
    /// The clinic has left, or the sensor was taken out of service.
    Closed,
}

impl Standing {
    /// The body of a 403: one word and perhaps a newline. Anything else is not our collector's.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Standing> {
        match body.trim_ascii_end() {
            b"pending" => Some(Standing::Pending),
            b"revoked" => Some(Standing::Revoked),
            b"closed" => Some(Standing::Closed),
            _ => None,
        }
    }
}

/// What is done next.
#[derive(Debug)]
pub enum Move {
    /// Each report has its result: settle, and go on.
    Settle(Box<Receipt>),
    /// The certificate that was asked for: take it, and go on.
    Take(Box<Grant>),
    /// The same octets in the same order, after so long, at [`Retry::address`].
    Again {
        /// Milliseconds.
        after_ms: u64,
        /// Only events until the next receipt: the quota is used up.
        events_only: bool,
    },
    /// Half as many reports, at once.
    Halve,
    /// This one report is refused for its form: keep it aside, tell it in a Gap.
    Park,
    /// This one report is too large: tell the same in a Full report.
    Fold,
    /// Renew the client certificate, then the same octets at once.
    Renew,
    /// Ask where the chain stands, then go on from there.
    AskHead,
    /// Encode as the collector's `Accept-Auscult` lists, then the same at once.
    Recode,
    /// A person has to approve: ask again after so long.
    Poll {
        /// Milliseconds.
        after_ms: u64,
    },
    /// Revoked: send nothing, ask once a day.
    Rest {
        /// Milliseconds.
        after_ms: u64,
    },
    /// Closed: never again.
    Stop,
}

/// The courier's memory between deliveries.
#[derive(Clone, Debug)]
pub struct Retry {
    addresses: usize,
    address: usize,
    failures: u32,
    refusals: u8,
    renewed: bool,
    recoded: bool,
}

impl Retry {
    /// For a list of so many addresses of one collector.
    #[must_use]
    pub const fn new(addresses: usize) -> Retry {
        Retry { addresses, address: 0, failures: 0, refusals: 0, renewed: false, recoded: false }
    }

    /// Which address of the list is in turn.
    #[must_use]
    pub const fn address(&self) -> usize {
        self.address
    }

    /// Failures in a row since the last receipt: what a technician is shown.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// The list of addresses has changed.
    pub fn addresses(&mut self, count: usize) {
        self.addresses = count;
        self.address = self.address.checked_rem(count).unwrap_or(0);
    }

    /// What to do after this answer to a batch of `reports`; 0 for what is no batch. `random` is any 64 random bits.
    #[must_use]
    pub fn after(&mut self, answer: Answer, reports: usize, random: u64) -> Move {
        let status = match answer {
            // As a 401: the certificate's end may be past, and TLS says so before HTTP can.
            Answer::Silence(Silence::TurnedAway) => Status { code: 401, ..Status::default() },
            Answer::Silence(_) => return self.elsewhere(None, random),
            Answer::Status(status) => status,
        };
        if let (200..=299, Some(grant)) = (status.code, status.grant) {
            self.failures = 0;
            return Move::Take(grant);
        }
        match (status.code, status.receipt, status.standing) {
            (200..=299, Some(receipt), _) => {
                *self = Retry { address: self.address, ..Retry::new(self.addresses) };
                Move::Settle(receipt)
            }
            (400, ..) if reports > 1 => Move::Halve,
            (400, ..) if reports == 1 => self.refused(status.retry_after_s, random),
            (401, ..) if !self.renewed || self.failures >= RENEW_AFTER => {
                (self.renewed, self.failures) = (true, 0);
                Move::Renew
            }
            (403, _, Some(standing)) => self.stands(standing, status.retry_after_s, random),
            (409, ..) if reports > 0 => Move::AskHead,
            (413, ..) if reports > 1 => Move::Halve,
            (413, ..) if reports == 1 => Move::Fold,
            (415, ..) if !self.recoded => {
                self.recoded = true;
                Move::Recode
            }
            (429, ..) => Move::Again { after_ms: self.pause(status.retry_after_s, random), events_only: true },
            // Ours, and in need of time: another address leads to the same collector.
            (400 | 401 | 408 | 409 | 413 | 415 | 425 | 500 | 503, ..) => {
                Move::Again { after_ms: self.pause(status.retry_after_s, random), events_only: false }
            }
            // A stranger's page, a redirect, a gateway that does not reach ours: try another way.
            _ => self.elsewhere(status.retry_after_s, random),
        }
    }

    fn elsewhere(&mut self, retry_after_s: Option<u64>, random: u64) -> Move {
        self.address = self.address.saturating_add(1).checked_rem(self.addresses).unwrap_or(0);
        Move::Again { after_ms: self.pause(retry_after_s, random), events_only: false }
    }

    fn refused(&mut self, retry_after_s: Option<u64>, random: u64) -> Move {
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals < MAX_REFUSALS {
            return Move::Again { after_ms: self.pause(retry_after_s, random), events_only: false };
        }
        self.refusals = 0;
        Move::Park
    }

    fn stands(&mut self, standing: Standing, retry_after_s: Option<u64>, random: u64) -> Move {
        match standing {
            Standing::Pending => Move::Poll { after_ms: self.pause(retry_after_s, random) },
            Standing::Revoked => Move::Rest { after_ms: DAY_MS },
            Standing::Closed => Move::Stop,
        }
    }

    /// How long to wait: what the collector asked for, or else anything up to a bound that grows by 1.7 with each
    /// failure ("full jitter": sensors that lost the collector together must not come back together).
    fn pause(&mut self, retry_after_s: Option<u64>, random: u64) -> u64 {
        let failures = self.failures;
        self.failures = failures.saturating_add(1);
        match retry_after_s {
            Some(asked) => asked.saturating_mul(1_000).clamp(SHORTEST_ASKED_MS, LONGEST_ASKED_MS),
            None => pause_ms(failures, random),
        }
    }
}

/// A pause after so many failures: anything up to a bound that grows by 1.7 with each.
#[must_use]
pub fn pause_ms(failures: u32, random: u64) -> u64 {
    let bound = (0..failures.min(MAX_STEPS)).fold(FIRST_MS, |ms, _| ms.saturating_mul(17) / 10).min(LONGEST_MS);
    random.checked_rem(bound.saturating_add(1)).unwrap_or(0)
}

/// The first bound of a pause: 5 s.
const FIRST_MS: u64 = 5_000;
/// The last: 15 min. A sensor that waits longer looks dead to a technician.
const LONGEST_MS: u64 = 900_000;
/// Steps after which the bound has long reached [`LONGEST_MS`]: 5 s times 1.7 to the tenth is 16 min.
const MAX_STEPS: u32 = 10;
/// The shortest that a collector may ask for: a `Retry-After: 0` must not become a flood.
const SHORTEST_ASKED_MS: u64 = 1_000;
/// The longest that a collector may ask for: 6 h. A mistake there must not silence a clinic for days.
const LONGEST_ASKED_MS: u64 = 21_600_000;
/// How often a revoked sensor asks.
const DAY_MS: u64 = 86_400_000;
/// Failures after which a certificate that is not taken is renewed once more: about an hour.
const RENEW_AFTER: u32 = 12;
/// How often one report is refused for its form before it is kept aside: a proxy's 400 is not the collector's.
const MAX_REFUSALS: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::bounded::Bounded;

    fn status(code: u16) -> Answer {
        Answer::Status(Status { code, ..Status::default() })
    }

    fn standing(word: &[u8]) -> Answer {
        Answer::Status(Status { code: 403, standing: Standing::read(word), ..Status::default() })
    }

    fn receipt() -> Answer {
        let receipt = Receipt {
            results: Bounded::new(),
            durable_to: None,
            missing: Bounded::new(),
            next_contact_s: 900,
            want_full: false,
            newest_schema: 1,
            proven: None,
            trust_bundle: None,
            ext: Bounded::new(),
        };
        Answer::Status(Status { code: 200, receipt: Some(Box::new(receipt)), ..Status::default() })
    }

    /// The move after one answer to a batch of `reports`, in few words.
    fn word(retry: &mut Retry, answer: Answer, reports: usize) -> &'static str {
        match retry.after(answer, reports, u64::MAX) {
            Move::Settle(_) => "settle",
            Move::Take(_) => "take",
            Move::Again { events_only: true, .. } => "again, events only",
            Move::Again { .. } => "again",
            Move::Halve => "halve",
            Move::Park => "park",
            Move::Fold => "fold",
            Move::Renew => "renew",
            Move::AskHead => "ask head",
            Move::Recode => "recode",
            Move::Poll { .. } => "poll",
            Move::Rest { after_ms: DAY_MS } => "rest a day",
            Move::Rest { .. } => "rest",
            Move::Stop => "stop",
        }
    }

    #[test]
    fn every_status_has_its_move_and_its_address() {
        // status, reports in the batch, move, whether another address is tried
        for (code, reports, wanted, elsewhere) in [
            (200, 9, "again", true), // a captive portal says 200 too
            (204, 9, "again", true),
            (302, 9, "again", true),
            (400, 9, "halve", false),
            (400, 1, "again", false),
            (401, 9, "renew", false),
            (403, 9, "again", true), // a portal's or a proxy's: our collector says why
            (404, 9, "again", true),
            (405, 9, "again", true),
            (406, 9, "again", true),
            (407, 9, "again", true),
            (408, 9, "again", false),
            (409, 9, "ask head", false),
            (413, 9, "halve", false),
            (413, 1, "fold", false),
            (415, 9, "recode", false),
            (425, 9, "again", false),
            (429, 9, "again, events only", false),
            (500, 9, "again", false),
            (502, 9, "again", true),
            (503, 9, "again", false),
            (504, 9, "again", true),
            (511, 9, "again", true),
        ] {
            let mut retry = Retry::new(2);
            assert_eq!(word(&mut retry, status(code), reports), wanted, "{code}");
            assert_eq!(retry.address() == 1, elsewhere, "{code}");
        }
        let mut retry = Retry::new(2);
        assert_eq!((word(&mut retry, Answer::Silence(Silence::Unreachable), 9), retry.address()), ("again", 1));
        assert_eq!((word(&mut retry, Answer::Silence(Silence::Unreachable), 9), retry.address()), ("again", 0));
    }

    #[test]
    fn only_a_receipt_settles_and_it_forgets_the_failures() {
        let mut retry = Retry::new(3);
        for _ in 0..4 {
            assert_eq!(word(&mut retry, Answer::Silence(Silence::Unreachable), 9), "again");
        }
        assert_eq!((retry.failures(), retry.address()), (4, 1));
        assert_eq!(word(&mut retry, receipt(), 9), "settle");
        assert_eq!((retry.failures(), retry.address()), (0, 1), "the address that answers is kept");
    }

    #[test]
    fn a_single_report_is_kept_aside_after_the_third_refusal() {
        let mut retry = Retry::new(1);
        let words: Vec<_> = (0..4).map(|_| word(&mut retry, status(400), 1)).collect();
        assert_eq!(words, ["again", "again", "park", "again"]);
    }

    #[test]
    fn a_certificate_is_renewed_and_an_encoding_changed_once_until_a_receipt() {
        for (code, wanted) in [(401, "renew"), (415, "recode")] {
            let mut retry = Retry::new(1);
            let mut said = || [word(&mut retry, status(code), 9), word(&mut retry, status(code), 9)];
            assert_eq!(said(), [wanted, "again"]);
            let _ = word(&mut retry, receipt(), 9);
            assert_eq!(word(&mut retry, status(code), 9), wanted);
        }
    }

    #[test]
    fn a_certificate_that_is_not_taken_is_renewed_again_after_an_hour_and_not_before() {
        let mut retry = Retry::new(1);
        let words: Vec<_> = (0..16).map(|_| word(&mut retry, status(401), 9)).collect();
        let renewals: Vec<_> = (0..16).filter(|n| words[*n] == "renew").collect();
        assert_eq!(renewals, [0, 13], "{words:?}");
        let turned = Answer::Silence(Silence::TurnedAway);
        assert_eq!(word(&mut Retry::new(1), turned, 9), "renew", "an alert of TLS is the same");
    }

    #[test]
    fn what_is_no_batch_is_neither_halved_nor_kept_aside() {
        for code in [400, 409, 413, 415, 500] {
            let mut retry = Retry::new(2);
            let words: Vec<_> = (0..4).map(|_| word(&mut retry, status(code), 0)).collect();
            assert!(words.iter().skip(1).all(|w| *w == "again"), "{code}: {words:?}");
            assert_eq!(retry.address(), 0);
        }
    }

    #[test]
    fn a_sensor_that_is_not_wanted_is_told_by_a_word() {
        let mut retry = Retry::new(1);
        assert_eq!(word(&mut retry, standing(b"pending\n"), 9), "poll");
        assert_eq!(word(&mut retry, standing(b"revoked"), 9), "rest a day");
        assert_eq!(word(&mut retry, standing(b"closed\r\n"), 9), "stop");
        assert_eq!(word(&mut retry, standing(b"<html>closed</html>"), 9), "again", "a proxy stops nobody");
    }

    #[test]
    fn pauses_grow_to_a_quarter_of_an_hour_and_are_spread_over_all_of_it() {
        let mut retry = Retry::new(1);
        let mut bounds = Vec::new();
        for n in 0..12 {
            let mut other = retry.clone();
            assert!(
                matches!(other.after(Answer::Silence(Silence::Unreachable), 1, 0), Move::Again { after_ms: 0, .. }),
                "{n}"
            );
            let longest = (0..=40_000u64).map(|r| {
                let Move::Again { after_ms, .. } =
                    retry.clone().after(Answer::Silence(Silence::Unreachable), 1, r * 23)
                else {
                    panic!()
                };
                after_ms
            });
            bounds.push(longest.max().unwrap() / 1_000);
            let _ = retry.after(Answer::Silence(Silence::Unreachable), 1, 0);
        }
        assert_eq!(bounds[..4], [5, 8, 14, 24]);
        assert_eq!(bounds[10..], [899, 899]);
        for _ in 0..100 {
            let Move::Again { after_ms, .. } = retry.after(Answer::Silence(Silence::Unreachable), 1, u64::MAX) else {
                panic!()
            };
            assert!(after_ms <= LONGEST_MS);
        }
    }

    #[test]
    fn what_the_collector_asks_for_wins_but_neither_at_once_nor_for_days() {
        let asked = |retry_after_s| {
            let status = Status { code: 503, retry_after_s: Some(retry_after_s), ..Status::default() };
            match Retry::new(1).after(Answer::Status(status), 1, 7) {
                Move::Again { after_ms, .. } => after_ms,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!([asked(0), asked(120), asked(u64::MAX)], [1_000, 120_000, LONGEST_ASKED_MS]);
    }
}
