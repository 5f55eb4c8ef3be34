//! How the catalogue's traps are told: what looks like a finding and is none, what looks harmless and is not, what is milder or less
//! sure than it looks; each with what raises the finding, so that no line of these tables can hold by itself.
//!
//! Keeps: the forms, and the traps that octets cannot show, each with its reason. The stories stand in `tests/trap_*.rs`, those
//! whose twin is the catalogue's own story in `tests/trapped.rs`. `tests/catalogue.rs` tries them all and fails when a trap of the
//! catalogue is missing in them.

use crate::tale::Tale;
use crate::trap_age::OF_AGE;
use crate::trap_air::OF_THE_AIR;
use crate::trap_days::OVER_DAYS;
use crate::trap_doors::{OF_DATA_BASES, OF_DOORS};
use crate::trap_images::{OF_IMAGES, OF_MESSAGES};
use crate::trap_web::{OF_CERTIFICATES, OF_THE_WEB};
use auscult_assess::Severity;

/// What is heard.
pub type Story = fn() -> Tale;

/// What a trap makes of its finding.
pub enum Told {
    /// Harmless: it is not raised; nearly the same, without what makes it harmless, raises it.
    Not(Story, Story),
    /// It is not raised, this other finding is, which has it as its own; nearly the same raises it.
    Instead(&'static str, Story, Story),
    /// It is raised, and no worse than this.
    AtMost(Severity, Story),
    /// It looks harmless and is not: it is raised, and at least so bad.
    Still(Severity, Story),
    /// It is raised, and the finding that a reader would think of too is not.
    Without(&'static str, Story),
    /// It is raised, and no surer than so many of 100.
    Unsure(u8, Story),
    /// Its words for people say so.
    Says(&'static str),
}

/// A finding, how its trap begins, and what becomes of it.
pub type Trap = (&'static str, &'static str, Told);

/// Every story of a trap.
pub const TRAPS: &[&[Trap]] =
    &[OF_THE_AIR, OF_IMAGES, OF_MESSAGES, OF_THE_WEB, OF_CERTIFICATES, OF_DATA_BASES, OF_DOORS, OF_AGE, OVER_DAYS];

/// Traps that another test tries: the file and the test, in which the finding is named.
pub const ELSEWHERE: &[(&str, &str, &str, &str)] = &[
    (
        "sensor-silent",
        "planned outage; carrier fault",
        "tests/sight.rs",
        "silence_is_told_after_26_hours_and_grows_and_a_late_spool_ends_it",
    ),
    (
        "sensor-deaf",
        "closed days: fewer hosts",
        "tests/sight.rs",
        "a_plain_port_is_told_after_a_day_and_a_mirror_port_in_a_closed_clinic_is_not",
    ),
    (
        "sensor-clock-wrong",
        "router without a clock battery",
        "tests/sight.rs",
        "a_wrong_clock_is_told_and_one_that_is_set_after_the_start_is_not",
    ),
    (
        "report-chain-broken",
        "a restored or cloned SD card",
        "tests/sight.rs",
        "a_chain_that_contradicts_itself_is_told_until_a_person_explains_it_and_a_restored_disk_is_none",
    ),
    (
        "cert-expired",
        "the sensor's own clock",
        "tests/catalogue.rs",
        "a_sensor_that_is_not_sure_of_the_day_is_not_sure_of_an_end",
    ),
    (
        "cert-expires-soon",
        "automatic renewal happens at 30 days",
        "tests/catalogue.rs",
        "a_sensor_that_is_not_sure_of_the_day_is_not_sure_of_an_end",
    ),
    (
        "review-overdue",
        "the plan must be entered by the clinic",
        "tests/plans.rs",
        "nothing_that_was_heard_plans_a_review_or_starts_a_clock",
    ),
    (
        "significant-change-unreviewed",
        "changes that the clinic confirmed as planned still need the note",
        "tests/plans.rs",
        "a_significant_change_waits_thirty_days_for_a_review_and_no_longer",
    ),
    (
        "notice-deadline-near",
        "the sensor never starts a clock by itself",
        "tests/plans.rs",
        "nothing_that_was_heard_plans_a_review_or_starts_a_clock",
    ),
    ("new-outside-exposure", "a new carrier address", "assess/src/past.rs", "a_new_prefix_moves_an_old_exposure"),
    (
        "windows-probably-without-updates",
        "NTLM shows the base build: runZero",
        "tests/catalogue.rs",
        "the_base_build_of_a_family_is_not_called_by_one_of_its_names",
    ),
];

/// Why a trap has no story.
pub enum Why {
    /// It is about what a person of the clinic knows: a decision in the ledger, which `tests/pages.rs` tries.
    Decision(&'static str),
    /// It would need this fact of `assess/knowledge/facts.tsv`, which nothing says.
    Unsaid(&'static str, &'static str),
    /// The octets are the same whether it is so or not.
    Unheard(&'static str),
}

/// Traps that cannot be put into octets. Those of findings that nothing raises yet (`raised::NOT_YET`) wait for their finding.
pub const UNTOLD: &[(&str, &str, Why)] = &[
    (
        "fhir-open",
        "test servers with invented patients",
        Why::Decision(
            "an invented patient has the octets of a real one; the clinic accepts the finding for its test server",
        ),
    ),
    (
        "portal-documents-without-login",
        "price lists, forms and brochures",
        Why::Unsaid("web.public_site", "a price list has the octets of a report; no setting marks a public site"),
    ),
    (
        "web-directory-listing",
        "software mirrors and public downloads",
        Why::Decision("a public folder has the octets of a forgotten one; the clinic accepts the finding for it"),
    ),
    (
        "printer-open-to-others",
        "AirPrint for guests on purpose",
        Why::Decision("what is on purpose is not in the job; the clinic accepts the finding for that printer"),
    ),
    (
        "remote-support-tool",
        "the provider's own tool: list it once",
        Why::Decision(
            "whose session it is stands inside TLS; the clinic accepts the finding, which is for information",
        ),
    ),
    (
        "software-known-exploited",
        "a paid or vendor fix may exist",
        Why::Unheard("a maker who mends a hole for money leaves the number as it is"),
    ),
    (
        "old-web-server-windows",
        "a proxy can pass the header",
        Why::Unheard(
            "the header of the machine behind a proxy is all that is heard; the finding is about that machine",
        ),
    ),
    (
        "software-ended",
        "Exchange 2016 and 2019",
        Why::Unheard("since 2007 Exchange tells its version in no greeting, only inside TLS"),
    ),
    (
        "printer-firmware-old",
        "date formats differ by maker",
        Why::Unheard("no date of a printer is read: its age is that of the programs that it names"),
    ),
    (
        "clinical-wifi-shared-password",
        "small clinics may accept this",
        Why::Decision(
            "it is a risk that the clinic accepts, for information or low; nothing is heard otherwise where it does",
        ),
    ),
    (
        "medical-bulk-to-new-place",
        "first cloud backup",
        Why::Decision("a first backup has the octets of a theft; it is 50 of 100 sure, asks, and alerts nobody"),
    ),
    (
        "activation-link-and-code-same-mailbox",
        "heard only where mail is readable",
        Why::Unheard("of letters inside TLS nothing is heard; then it is a question of the review"),
    ),
];
