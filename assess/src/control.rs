//! Which requirement of which framework a finding is evidence for: `assess/knowledge/controls.tsv`.
//!
//! Keeps: identifiers, and labels in our own words. Drops: the texts of the standards, which are not ours to copy. The
//! judge never says "compliant" or "violation": a control says what the evidence is about.

use crate::table::Table;

/// A requirement of a framework.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// `hipaa`, `iso27001`, `nist_csf2`, `hicp405d`, `cis_v8`, `gdpr`, `nist80053`.
    pub framework: &'static str,
    /// Its identifier there: `164.312(e)(1)`, `A.8.20`.
    pub id: &'static str,
    /// What it asks for, in our own words.
    pub label: &'static str,
    /// `required` or `addressable`, where the framework tells them apart.
    pub kind: &'static str,
}

/// The control of a framework by its identifier. Work is bounded by the length of the table.
pub(crate) fn find(table: Table, framework: &str, id: &str) -> Option<Control> {
    table
        .rows_of(framework, ["framework", "id", "label_in_own_words", "kind"])
        .find(|row| row[1] == id)
        .map(|[framework, id, label, kind]| Control { framework, id, label, kind })
}
