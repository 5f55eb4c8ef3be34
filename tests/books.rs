//! What must hold of an archive whatever happened to it: what was acknowledged is there, once; what is there stands in the ledger,
//! once; every checkpoint that anybody was ever shown is the beginning of today's ledger.

use auscult_collector::store::ClinicStore;
use auscult_report::key::Hash;
use auscult_report::merkle::{Growing, leaf_hash};
use auscult_report::seal::SealedReport;
use std::collections::{BTreeMap, BTreeSet};

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Reports in the archive.
    pub kept: usize,
    /// Leaves of the ledger.
    pub leaves: usize,
    /// Reports that were acknowledged and are not in the archive.
    pub missing: usize,
    /// Reports that are twice in the archive, and leaves that are twice in the ledger.
    pub doubled: usize,
    /// Reports that are in the archive and not in the ledger.
    pub untaken: usize,
    /// Checkpoints that are not the beginning of today's ledger.
    pub strangers: usize,
}

impl Audit {
    /// Looks through a clinic's archive. `checkpoints` gives root by size.
    ///
    /// # Panics
    /// If something cannot be read, or is not what it was when it came.
    #[must_use]
    pub fn of(clinic: &ClinicStore, acknowledged: &BTreeSet<Hash>, checkpoints: &BTreeMap<u64, Hash>) -> Audit {
        let mut audit = Audit::default();
        let kept = kept(clinic, &mut audit);
        audit.missing = acknowledged.difference(&kept).count();
        let mut tree = Growing::new();
        let (mut in_ledger, mut met) = (BTreeSet::new(), 0);
        for leaf in clinic.leaves(0, u32::MAX).unwrap() {
            tree.push(&leaf_hash(&leaf));
            audit.leaves += 1;
            audit.doubled += usize::from(!in_ledger.insert(*leaf.last_chunk::<32>().unwrap()));
            met += usize::from(checkpoints.get(&tree.size()).is_some_and(|root| *root == tree.root()));
        }
        audit.strangers = checkpoints.len() - met;
        audit.untaken = kept.difference(&in_ledger).count();
        audit
    }

    /// Whether everything holds.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.missing == 0 && self.doubled == 0 && self.untaken == 0 && self.strangers == 0
    }
}

/// The hashes of all reports; each still has the octets that were signed.
fn kept(clinic: &ClinicStore, audit: &mut Audit) -> BTreeSet<Hash> {
    let mut kept = BTreeSet::new();
    for sensor in clinic.sensors().unwrap() {
        let mut after = 0;
        loop {
            let reports = clinic.reports_after(sensor.id, after, 500).unwrap();
            let Some(last) = reports.last() else { break };
            after = last.id;
            for report in &reports {
                let octets = report.envelope.clone().unwrap();
                assert_eq!(SealedReport::from_octets(octets).hash(), report.hash);
                audit.kept += 1;
                audit.doubled += usize::from(!kept.insert(report.hash));
            }
        }
    }
    kept
}
