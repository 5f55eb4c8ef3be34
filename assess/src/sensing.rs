//! What is known of the sensor that heard a window, and of its sight: `sensor.*` and `svc.sensor_path`.
//!
//! Keeps: six values, each known or not. Drops: how they came about: who counts what was covered, and who knows when reports came
//! and whether they follow each other, states them here (the collector); of a capture file nothing of it is known.

use crate::condition::Layers;
use crate::knowledge::Knowledge;
use crate::rule::Rule;
use crate::vocabulary::Values;

/// What is known of a sensor beside what it heard.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sensing {
    /// `sensor.lost_share`: the part of what passed by that was not heard, of 1: frames lost, and time in which an interface was deaf.
    pub lost_share: Option<f64>,
    /// `svc.sensor_path`: where it stands, by the sight that it really has.
    pub path: Option<SensorPath>,
    /// `sensor.heard_share`: the part of the hosts that are always there which were heard lately, of 1.
    pub heard_share: Option<f64>,
    /// `sensor.clock_off_s`: seconds by which its clock is off, whichever way.
    pub clock_off_s: Option<u32>,
    /// `sensor.silent_hours`: whole hours since its last report.
    pub silent_hours: Option<u32>,
    /// `sensor.chain_broken`: whether its reports contradict each other, or the ledger them.
    pub chain_broken: Option<bool>,
}

/// Where a sensor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SensorPath {
    /// On the way to the internet.
    Wan,
    /// On the clinic's router or bridge.
    Lan,
    /// At a port to which a switch sends a copy.
    Mirror,
    /// Where only what is for all comes by.
    Broadcast,
}

impl SensorPath {
    /// `wan`, `lan`, `mirror`, `broadcast`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            SensorPath::Wan => "wan",
            SensorPath::Lan => "lan",
            SensorPath::Mirror => "mirror",
            SensorPath::Broadcast => "broadcast",
        }
    }
}

impl Sensing {
    /// Says what is known, of the site and of the sensor.
    pub(crate) fn say(&self, site: &mut Values<'_>, sensor: &mut Values<'_>) {
        let numbers = [
            ("sensor.lost_share", self.lost_share),
            ("sensor.clock_off_s", self.clock_off_s.map(f64::from)),
            ("sensor.silent_hours", self.silent_hours.map(f64::from)),
        ];
        for (name, number) in numbers {
            number.into_iter().for_each(|n| sensor.number(name, n));
        }
        sensor.flag("sensor.chain_broken", self.chain_broken == Some(true));
        self.heard_share.into_iter().for_each(|n| site.number("sensor.heard_share", n));
        site.word("svc.sensor_path", self.path.map(SensorPath::word));
    }

    /// Whether the words hold by which a rule about a sensor or its sight is gone. `None` for a rule without such words.
    #[must_use]
    pub fn is_gone(&self, rule: &Rule, knowledge: &Knowledge) -> Option<bool> {
        let (mut site, mut sensor) = (Values::new(knowledge.vocabulary()), Values::new(knowledge.vocabulary()));
        self.say(&mut site, &mut sensor);
        let layers = [&site, &sensor];
        rule.gone_when().map(|condition| condition.holds(Layers(&layers), Layers(&layers)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess_by;
    use auscult_report::summary::Summary;

    fn found(sensing: &Sensing) -> Vec<(&'static str, &'static str)> {
        let knowledge: &'static Knowledge = Box::leak(Box::new(Knowledge::compiled()));
        let findings = assess_by(&Summary::default(), sensing, knowledge, knowledge.dated());
        findings.iter().map(|f| (f.rule.id(), f.severity.word())).collect()
    }

    #[test]
    fn each_value_of_a_sensor_is_judged_at_its_thresholds() {
        let none = Sensing::default();
        assert_eq!(found(&none), []);
        let lost = |share| found(&Sensing { lost_share: Some(share), ..none });
        assert_eq!(lost(0.05), []);
        assert_eq!((lost(0.051), lost(0.21)), (vec![("sensor-deaf", "low")], vec![("sensor-deaf", "medium")]));
        let heard = |share| found(&Sensing { heard_share: Some(share), ..none });
        assert_eq!((heard(0.6), heard(0.59)), (vec![], vec![("sensor-deaf", "low")]));
        let path = |path| found(&Sensing { path: Some(path), ..none });
        assert_eq!(path(SensorPath::Broadcast), [("sensor-deaf", "low")]);
        for path in [SensorPath::Wan, SensorPath::Lan, SensorPath::Mirror].map(path) {
            assert_eq!(path, []);
        }
        let off = |seconds| found(&Sensing { clock_off_s: Some(seconds), ..none });
        assert_eq!(off(300), []);
        assert_eq!(
            (off(301), off(86_401)),
            (vec![("sensor-clock-wrong", "low")], vec![("sensor-clock-wrong", "medium")])
        );
        let silent = |hours| found(&Sensing { silent_hours: Some(hours), ..none });
        assert_eq!(silent(25), []);
        let told = [26, 49, 50, 167, 168].map(|hours| silent(hours)[0].1);
        assert_eq!(told, ["low", "low", "medium", "medium", "high"]);
        let broken = |is| found(&Sensing { chain_broken: Some(is), ..none });
        assert_eq!((broken(false), broken(true)), (vec![], vec![("report-chain-broken", "high")]));
    }

    #[test]
    fn what_is_gone_is_said_by_the_rule_and_nothing_unknown_ends_a_finding_about_the_clock() {
        let knowledge = Knowledge::compiled();
        let none = Sensing::default();
        let gone = |id: &str, sensing: Sensing| sensing.is_gone(knowledge.rule(id).unwrap(), &knowledge);
        let off = |seconds| gone("sensor-clock-wrong", Sensing { clock_off_s: Some(seconds), ..none });
        assert_eq!((off(59), off(60), gone("sensor-clock-wrong", none)), (Some(true), Some(false), Some(false)));
        let silent = |hours| gone("sensor-silent", Sensing { silent_hours: Some(hours), ..none });
        assert_eq!((silent(0), silent(26)), (Some(true), Some(false)));
        let well = Sensing { lost_share: Some(0.01), path: Some(SensorPath::Lan), heard_share: Some(0.9), ..none };
        assert_eq!(gone("sensor-deaf", well), Some(true));
        assert_eq!(gone("sensor-deaf", Sensing { heard_share: None, ..well }), Some(true), "too few hosts to tell");
        for worse in [
            Sensing { lost_share: Some(0.06), ..well },
            Sensing { lost_share: None, ..well },
            Sensing { heard_share: Some(0.7), ..well },
            Sensing { path: Some(SensorPath::Broadcast), ..well },
        ] {
            assert_eq!(gone("sensor-deaf", worse), Some(false), "{worse:?}");
        }
        assert_eq!(knowledge.rule("sensor-deaf").unwrap().gone_days(), 7);
        assert_eq!(knowledge.rule("sensor-clock-wrong").unwrap().gone_days(), 0);
        assert_eq!(gone("report-chain-broken", none), Some(true));
        assert_eq!(gone("wifi-open-network", none), None);
    }
}
