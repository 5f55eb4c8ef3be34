//! How an open finding stands after what people decided about it.
//!
//! Keeps: nothing. Drops: a decision that no longer fits: its day has passed, the matter became worse, or it was heard again.

use crate::store::{Decision, FindingRow};
use auscult_report::time::Timestamp;

/// How a finding stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It asks for somebody.
    Open,
    /// The risk is accepted until then.
    Accepted(Timestamp),
    /// Somebody says that it is not so.
    NotTrue,
    /// Somebody says that it was mended; it is listened for.
    Watched,
    /// It is gone.
    Gone,
}

impl Standing {
    /// How a finding stands after the newest decision about it.
    #[must_use]
    pub fn of(row: &FindingRow, decision: Option<&Decision>, now: Timestamp) -> Standing {
        if row.closed.is_some() {
            return Standing::Gone;
        }
        let Some(decision) = decision else { return Standing::Open };
        let is_same = row.severity <= decision.severity && row.opened <= decision.decided;
        match (decision.what.as_str(), decision.until) {
            ("accepted", Some(until)) if is_same && now < until => Standing::Accepted(until),
            ("not-true", _) if is_same => Standing::NotTrue,
            ("fixed", _) if is_same && row.held <= decision.decided => Standing::Watched,
            _ => Standing::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::key::SensorId;

    fn row() -> FindingRow {
        FindingRow {
            rule: "r".to_owned(),
            subject: Vec::new(),
            rule_version: 1,
            severity: 3,
            confidence: 90,
            proof: Vec::new(),
            opened: Timestamp(10),
            changed: Timestamp(10),
            holds: true,
            held: Timestamp(20),
            held_heard_ms: 0,
            closed: None,
            times_opened: 1,
        }
    }

    fn decision(what: &str) -> Decision {
        Decision {
            sensor: SensorId([0; 16]),
            rule: "r".to_owned(),
            subject: Vec::new(),
            what: what.to_owned(),
            reason: "because".to_owned(),
            until: (what == "accepted").then_some(Timestamp(100)),
            severity: 3,
            person: "maria".to_owned(),
            decided: Timestamp(30),
            statement: [0; 32],
        }
    }

    #[test]
    fn a_decision_holds_until_its_day_or_until_the_matter_is_another() {
        let stands = |what: &str, row: &FindingRow, now| Standing::of(row, Some(&decision(what)), Timestamp(now));
        assert_eq!(stands("accepted", &row(), 99), Standing::Accepted(Timestamp(100)));
        assert_eq!(stands("accepted", &row(), 100), Standing::Open, "its day has passed");
        assert_eq!(stands("accepted", &FindingRow { severity: 4, ..row() }, 50), Standing::Open, "it became worse");
        assert_eq!(
            stands("not-true", &FindingRow { opened: Timestamp(31), ..row() }, 50),
            Standing::Open,
            "it came back"
        );
        assert_eq!(stands("fixed", &row(), 50), Standing::Watched);
        assert_eq!(stands("fixed", &FindingRow { held: Timestamp(31), ..row() }, 50), Standing::Open, "heard again");
        assert_eq!(stands("open", &row(), 50), Standing::Open, "taken back");
        let gone = FindingRow { closed: Some((Timestamp(40), "heard".to_owned())), ..row() };
        assert_eq!(stands("accepted", &gone, 50), Standing::Gone);
    }
}
