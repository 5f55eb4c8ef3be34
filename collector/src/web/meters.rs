//! What is counted, for the provider's monitoring (Prometheus text format 0.0.4).
//!
//! Keeps: counts, levels and durations under fixed names and words. Drops: clinics, sensors and addresses; a figure that names one
//! does not exist.

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// The recorder of one archive. Nothing of it is global: two archives in one process count apart.
pub struct Meters {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    /// Seconds from a batch's last octet to its answer.
    pub ingest_seconds: Histogram,
    /// Reports of a batch.
    pub batch_reports: Histogram,
    /// Connections that are open.
    pub connections: Gauge,
    /// Seconds of a ledger's round.
    pub round_seconds: Histogram,
    /// Leaves that wait for a round.
    pub ledger_queue: Gauge,
    /// Findings that are open.
    pub findings_open: Gauge,
    /// Octets that are free where the data base lies.
    pub disk_free_octets: Gauge,
    /// Seconds for which the oldest notice waits.
    pub notices_age_seconds: Gauge,
}

impl Default for Meters {
    fn default() -> Meters {
        Meters::new()
    }
}

impl Meters {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Meters {
        let builder = PrometheusBuilder::new();
        let builder = builder.set_buckets(SECONDS).unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let describe = |name: &'static str, unit: Option<Unit>, said: &'static str| {
            let name = KeyName::from_const_str(name);
            if said.starts_with("How many") {
                recorder.describe_counter(name, unit, said.into());
            } else {
                recorder.describe_gauge(name, unit, said.into());
            }
        };
        describe(REPORTS, None, "How many reports came, by what became of them");
        describe(HANDSHAKES, None, "How many TLS handshakes there were, by how they ended");
        describe(SENSORS, None, "Sensors, by state");
        describe(NOTICES, None, "How many tries to tell somebody there were, by kind of channel and how they ended");
        describe(PARCELS, None, "Notices that did not arrive, by state: waiting, given up");
        let histogram = |name| recorder.register_histogram(&Key::from_static_name(name), &METADATA);
        let gauge = |name| recorder.register_gauge(&Key::from_static_name(name), &METADATA);
        Meters {
            handle: recorder.handle(),
            ingest_seconds: histogram("auscult_ingest_seconds"),
            batch_reports: histogram("auscult_batch_reports"),
            connections: gauge("auscult_connections"),
            round_seconds: histogram("auscult_ledger_round_seconds"),
            ledger_queue: gauge("auscult_ledger_queue"),
            findings_open: gauge("auscult_findings_open"),
            disk_free_octets: gauge("auscult_disk_free_bytes"),
            notices_age_seconds: gauge("auscult_notices_age_seconds"),
            recorder,
        }
    }

    /// Reports of this result. The word is one of a closed list.
    pub fn reports(&self, result: &'static str) -> Counter {
        self.counter(REPORTS, vec![Label::from_static_parts("result", result)])
    }

    /// Handshakes that ended so.
    pub fn handshakes(&self, result: &'static str) -> Counter {
        self.counter(HANDSHAKES, vec![Label::from_static_parts("result", result)])
    }

    /// Sensors in this state.
    pub fn sensors(&self, state: &'static str) -> Gauge {
        let key = Key::from_parts(SENSORS, vec![Label::from_static_parts("state", state)]);
        self.recorder.register_gauge(&key, &METADATA)
    }

    /// Tries to tell somebody, at this kind of channel, that ended so.
    pub fn notices(&self, (kind, result): (&'static str, &'static str)) -> Counter {
        let labels = vec![Label::from_static_parts("kind", kind), Label::from_static_parts("result", result)];
        self.counter(NOTICES, labels)
    }

    /// Notices that did not arrive, in this state.
    pub fn parcels(&self, state: &'static str) -> Gauge {
        let key = Key::from_parts(PARCELS, vec![Label::from_static_parts("state", state)]);
        self.recorder.register_gauge(&key, &METADATA)
    }

    /// Everything, as text.
    #[must_use]
    pub fn text(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }

    fn counter(&self, name: &'static str, labels: Vec<Label>) -> Counter {
        self.recorder.register_counter(&Key::from_parts(name, labels), &METADATA)
    }
}

const REPORTS: &str = "auscult_reports_total";
const HANDSHAKES: &str = "auscult_tls_handshakes_total";
const SENSORS: &str = "auscult_sensors";
const NOTICES: &str = "auscult_notices_total";
const PARCELS: &str = "auscult_notices";
static METADATA: Metadata<'static> = Metadata::new("auscult", Level::INFO, None);
/// From a millisecond to ten seconds; counts of a batch fit too.
const SECONDS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
