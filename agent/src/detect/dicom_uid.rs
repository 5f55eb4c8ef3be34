//! Which service a SOP class belongs to: PS3.6 table A-1 and PS3.4, folded into the arcs that they share.
//!
//! Keeps: one word of [`DicomService`]. Drops: the UID. Private classes of makers are "other", whatever they carry.

use auscult_report::fact::DicomService;

/// The service of an abstract syntax or SOP class. Work is bounded by the length of [`ARCS`].
pub(super) fn service(uid: &[u8]) -> DicomService {
    let Some(arcs) = uid.strip_prefix(ROOT) else { return DicomService::Other };
    let fits = |row: &&(Reach, &str, DicomService)| match row.0 {
        Reach::Only => arcs == row.1.as_bytes(),
        Reach::Below => arcs.starts_with(row.1.as_bytes()),
    };
    ARCS.iter().find(fits).map_or(DicomService::Other, |row| row.2)
}

#[derive(Clone, Copy)]
enum Reach {
    /// This class alone.
    Only,
    /// Every class whose UID begins so: new ones are added below the same arc.
    Below,
}

use DicomService::{Print, Query, RetrieveGet, RetrieveMove, Storage, Verification, Worklist};
use Reach::{Below, Only};

/// The arc of the standard itself (PS3.5, annex A).
const ROOT: &[u8] = b"1.2.840.10008.";

/// First fit counts, so an exception stands before its arc. What has no row is "other": commitment, performed
/// procedure steps, notifications, logging, detached management, verification of treatment machines, real-time video.
const ARCS: &[(Reach, &str, DicomService)] = &[
    (Only, "1.1", Verification),
    (Only, "1.3.10", Storage),
    // protocol approval and inventories: find, move and get stand among the storage classes
    (Only, "5.1.4.1.1.200.4", Query),
    (Only, "5.1.4.1.1.200.5", RetrieveMove),
    (Only, "5.1.4.1.1.200.6", RetrieveGet),
    (Only, "5.1.4.1.1.201.2", Query),
    (Only, "5.1.4.1.1.201.3", RetrieveMove),
    (Only, "5.1.4.1.1.201.4", RetrieveGet),
    (Only, "5.1.4.1.1.201.5", DicomService::Other),
    (Only, "5.1.4.1.1.201.6", Query),
    (Below, "5.1.4.1.1.", Storage),
    // query and retrieve: patient root, study root, patient and study only, composite instances
    (Only, "5.1.4.1.2.1.1", Query),
    (Only, "5.1.4.1.2.2.1", Query),
    (Only, "5.1.4.1.2.3.1", Query),
    (Only, "5.1.4.1.2.1.2", RetrieveMove),
    (Only, "5.1.4.1.2.2.2", RetrieveMove),
    (Only, "5.1.4.1.2.3.2", RetrieveMove),
    (Only, "5.1.4.1.2.4.2", RetrieveMove),
    (Only, "5.1.4.1.2.1.3", RetrieveGet),
    (Only, "5.1.4.1.2.2.3", RetrieveGet),
    (Only, "5.1.4.1.2.3.3", RetrieveGet),
    (Only, "5.1.4.1.2.4.3", RetrieveGet),
    (Only, "5.1.4.1.2.5.3", RetrieveGet),
    // procedure protocols, hanging protocols, palettes, implants: find, move, get
    (Only, "5.1.4.20.1", Query),
    (Only, "5.1.4.20.2", RetrieveMove),
    (Only, "5.1.4.20.3", RetrieveGet),
    (Only, "5.1.4.38.1", Storage),
    (Only, "5.1.4.38.2", Query),
    (Only, "5.1.4.38.3", RetrieveMove),
    (Only, "5.1.4.38.4", RetrieveGet),
    (Only, "5.1.4.39.1", Storage),
    (Only, "5.1.4.39.2", Query),
    (Only, "5.1.4.39.3", RetrieveMove),
    (Only, "5.1.4.39.4", RetrieveGet),
    (Only, "5.1.4.43.1", Storage),
    (Only, "5.1.4.43.2", Query),
    (Only, "5.1.4.43.3", RetrieveMove),
    (Only, "5.1.4.43.4", RetrieveGet),
    (Only, "5.1.4.44.1", Storage),
    (Only, "5.1.4.44.2", Query),
    (Only, "5.1.4.44.3", RetrieveMove),
    (Only, "5.1.4.44.4", RetrieveGet),
    (Only, "5.1.4.45.1", Storage),
    (Only, "5.1.4.45.2", Query),
    (Only, "5.1.4.45.3", RetrieveMove),
    (Only, "5.1.4.45.4", RetrieveGet),
    // worklists: of modalities, unified procedure steps (trial and final); the general purpose one is a plain query
    (Only, "5.1.4.31", Worklist),
    (Below, "5.1.4.34.4.", Worklist),
    (Below, "5.1.4.34.6.", Worklist),
    (Only, "5.1.4.32.1", Query),
    // delivery instructions for radiation
    (Only, "5.1.4.34.1", Storage),
    (Only, "5.1.4.34.7", Storage),
    (Only, "5.1.4.34.10", Storage),
    // what is relevant of a patient: C-FIND with the patient in the answer (PS3.4, annex Q)
    (Below, "5.1.4.37.", Query),
    // films that are kept like other objects, among the print classes
    (Only, "5.1.1.27", Storage),
    (Only, "5.1.1.29", Storage),
    (Only, "5.1.1.30", Storage),
    (Below, "5.1.1.", Print),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(arcs: &str) -> DicomService {
        service(format!("1.2.840.10008.{arcs}").as_bytes())
    }

    #[test]
    fn the_services_of_every_day_are_told_apart() {
        assert_eq!(of("1.1"), Verification);
        assert_eq!(of("5.1.4.1.1.2"), Storage); // CT
        assert_eq!(of("5.1.4.1.1.88.67"), Storage); // dose report
        assert_eq!(of("5.1.4.1.2.2.1"), Query); // study root
        assert_eq!(of("5.1.4.1.2.1.2"), RetrieveMove); // patient root
        assert_eq!(of("5.1.4.1.2.2.3"), RetrieveGet); // study root
        assert_eq!(of("5.1.4.31"), Worklist);
        assert_eq!(of("5.1.4.34.6.3"), Worklist); // unified procedure step, pull
        assert_eq!(of("5.1.1.9"), Print); // grayscale print management
        assert_eq!(of("1.20.1"), DicomService::Other); // storage commitment
        assert_eq!(of("3.1.2.3.3"), DicomService::Other); // performed procedure step
    }

    #[test]
    fn find_move_and_get_among_the_storage_classes_are_not_storage() {
        assert_eq!(of("5.1.4.1.1.201.1"), Storage);
        assert_eq!(of("5.1.4.1.1.201.2"), Query);
        assert_eq!(of("5.1.4.1.1.200.6"), RetrieveGet);
        assert_eq!(of("5.1.1.30"), Storage); // hardcopy images, among the print classes
    }

    #[test]
    fn what_is_private_or_no_class_is_other() {
        assert_eq!(service(b"1.3.12.2.1107.5.9.1"), DicomService::Other);
        assert_eq!(service(b""), DicomService::Other);
        assert_eq!(of("1.10"), DicomService::Other);
        assert_eq!(of("5.1.4.1.2.1.10"), DicomService::Other);
    }
}
