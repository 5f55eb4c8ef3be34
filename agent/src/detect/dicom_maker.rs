//! Who wrote an implementation: its class UID and version name (PS3.7, D.3.3.2), by `dicom-implementations.tsv`.
//!
//! Keeps: a product of the shipped list, a version in its grammar. Drops: both items; what is not listed says nothing.
//! Both are chosen by the program, and most products leave those of their toolkit: a sign, never the only proof.

use auscult_report::fact::{Fact, Software, SoftwarePlace};
use auscult_report::product::Product;
use auscult_report::version::Version;

/// What the class UID tells.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Class {
    row: &'static ClassRow,
    version: Option<Version>,
}

impl Class {
    /// The class of a UID, if it is listed.
    pub(super) fn of(uid: &[u8]) -> Option<Class> {
        let row = CLASSES.iter().find(|r| match r.reach {
            Reach::Only => uid == r.uid.as_bytes(),
            Reach::Below | Reach::Versions => uid.starts_with(r.uid.as_bytes()),
        })?;
        let version = match row.reach {
            Reach::Versions => uid.get(row.release..).filter(|arcs| is_arcs(arcs)).and_then(Version::exact),
            _ => None,
        };
        Some(Class { row, version })
    }
}

/// What the version name tells, beside the class that was heard before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    product: &'static str,
    version: Option<Version>,
}

impl Name {
    /// The toolkit of a version name, if it is listed. The names of some products are plain numbers: they count only
    /// below the product's own class.
    pub(super) fn of(name: &[u8], class: Option<Class>) -> Option<Name> {
        for row in NAMES {
            if let Some(rest) = name.strip_prefix(row.begins.as_bytes()) {
                let version = match row.form {
                    Form::Digits => digits(rest),
                    Form::Text => Version::leading(rest),
                    Form::Nothing => None,
                };
                let fits = version.is_some() || (row.form == Form::Nothing && rest.is_empty());
                return fits.then_some(Name { product: row.product, version });
            }
        }
        let own = class.filter(|c| c.row.product == CONQUEST)?;
        Some(Name { product: own.row.product, version: Version::leading(name) })
    }
}

/// What an implementation says about itself: the toolkit by its name, else by its class; and the maker whose class it
/// is.
pub(super) fn software(class: Option<Class>, name: Option<Name>) -> impl Iterator<Item = Fact> {
    let by_name = name.and_then(|n| fact(n.product, n.version));
    let by_class = class.filter(|c| c.row.is_maker || by_name.is_none()).and_then(|c| fact(c.row.product, c.version));
    by_name.into_iter().chain(by_class)
}

fn fact(product: &str, version: Option<Version>) -> Option<Fact> {
    let product = Product::named(product)?;
    Some(Fact::Software(Software { product, version, revision: None, place: SoftwarePlace::Implementation }))
}

/// `367` is 3.6.7, `3610` is 3.6.10. At most four digits are a version; more would be a number of something else.
fn digits(text: &[u8]) -> Option<Version> {
    let number = |d: &[u8]| d.iter().fold(0u32, |n, o| n.saturating_mul(10).saturating_add(u32::from(o & 0x0f)));
    match text {
        [major, minor, patch @ ..] if (3..=MAX_DIGITS).contains(&text.len()) && text.iter().all(u8::is_ascii_digit) => {
            Version::from_numbers(&[number(&[*major]), number(&[*minor]), number(patch)])
        }
        _ => None,
    }
}

/// A UID has digits and dots alone (PS3.5, 9.1).
fn is_arcs(text: &[u8]) -> bool {
    text.iter().all(|o| o.is_ascii_digit() || *o == b'.')
}

/// Digits of a version without dots.
const MAX_DIGITS: usize = 4;

#[derive(PartialEq, Eq)]
struct ClassRow {
    uid: &'static str,
    reach: Reach,
    /// Where the version begins in the UID, for [`Reach::Versions`].
    release: usize,
    product: &'static str,
    is_maker: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// This UID alone.
    Only,
    /// Every UID that begins so.
    Below,
    /// Every UID that begins so; its last arcs are the version.
    Versions,
}

const fn toolkit(uid: &'static str, reach: Reach, release: usize, product: &'static str) -> ClassRow {
    ClassRow { uid, reach, release, product, is_maker: false }
}

const fn maker(uid: &'static str, product: &'static str) -> ClassRow {
    ClassRow { uid, reach: Reach::Below, release: 0, product, is_maker: true }
}

const CONQUEST: &str = "ConQuest DICOM server";

/// Classes: toolkits, then the roots of makers.
static CLASSES: &[ClassRow] = &[
    toolkit("1.2.276.0.7230010.3.0.3.", Reach::Versions, "1.2.276.0.7230010.3.0.".len(), "DCMTK"),
    toolkit("1.2.826.0.1.3680043.9.3811.", Reach::Versions, "1.2.826.0.1.3680043.9.3811.".len(), "pynetdicom"),
    toolkit("1.2.826.0.1.3680043.8.498.1", Reach::Only, 0, "pydicom"),
    toolkit("1.3.6.1.4.1.30071.8", Reach::Only, 0, "fo-dicom"),
    toolkit("1.2.40.0.13.1.3", Reach::Only, 0, "dcm4che"),
    toolkit("1.2.40.0.13.1.1", Reach::Only, 0, "dcm4che"),
    toolkit("1.2.826.0.1.3680043.2.135.1066.101", Reach::Only, 0, CONQUEST),
    toolkit("1.3.6.1.4.1.25403.1.1.1", Reach::Only, 0, "ClearCanvas"),
    toolkit("1.2.826.0.1.3680043.2.1143.107.104.103.115.", Reach::Below, 0, "GDCM"),
    toolkit("2.25.175220362680028036156011002668768058626", Reach::Only, 0, "DICOM-rs"),
    toolkit("1.2.826.0.1.3680043.10.854", Reach::Only, 0, "dcmjs-dimse"),
    toolkit("2.16.840.1.113669.2.1.1", Reach::Only, 0, "Merge DICOM Toolkit"),
    toolkit("1.2.840.114257.", Reach::Below, 0, "LEADTOOLS"),
    toolkit("1.2.840.114089.", Reach::Below, 0, "Laurel Bridge DCF"),
    maker("1.2.840.113619.6.", "GE HealthCare"),
    maker("1.3.12.2.1107.5.", "Siemens Healthineers"),
    maker("1.3.46.670589.", "Philips"),
    maker("1.2.840.113704.", "Philips"),
    maker("1.2.392.200036.9116.", "Canon Medical"),
    maker("1.2.392.200036.9125.", "Fujifilm"),
    maker("1.2.392.200036.9107.", "Konica Minolta"),
    maker("1.2.840.113564.", "Carestream"),
    maker("1.2.840.113681.", "Hologic"),
    maker("1.2.124.113532.", "Agfa HealthCare"),
    maker("1.2.246.352.", "Varian"),
];

struct NameRow {
    begins: &'static str,
    product: &'static str,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Digits without dots.
    Digits,
    /// A version as it is usually written.
    Text,
    /// No version: the name ends here.
    Nothing,
}

/// Version names that belong to one toolkit, under whatever class.
static NAMES: &[NameRow] = &[
    NameRow { begins: "OFFIS_DCMTK_", product: "DCMTK", form: Form::Digits },
    NameRow { begins: "OSIRIX", product: "OsiriX or Horos", form: Form::Nothing },
    NameRow { begins: "PYNETDICOM_", product: "pynetdicom", form: Form::Digits },
    NameRow { begins: "PYDICOM ", product: "pydicom", form: Form::Text },
    NameRow { begins: "fo-dicom ", product: "fo-dicom", form: Form::Text },
    NameRow { begins: "dcm4che-", product: "dcm4che", form: Form::Text },
    NameRow { begins: "GDCM ", product: "GDCM", form: Form::Text },
    NameRow { begins: "DICOM-rs ", product: "DICOM-rs", form: Form::Text },
    NameRow { begins: "DCMJS-DIMSE-V", product: "dcmjs-dimse", form: Form::Text },
    NameRow { begins: "MergeCOM3_", product: "Merge DICOM Toolkit", form: Form::Digits },
    NameRow { begins: "DCF ", product: "Laurel Bridge DCF", form: Form::Text },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn said(uid: &str, name: &str) -> Vec<String> {
        let class = Class::of(uid.as_bytes());
        software(class, Name::of(name.as_bytes(), class))
            .map(|f| match f {
                Fact::Software(s) => match s.version {
                    Some(v) => format!("{} {v}", s.product.name()),
                    None => s.product.name().to_string(),
                },
                _ => String::new(),
            })
            .collect()
    }

    #[test]
    fn every_product_of_the_tables_is_in_the_shipped_list() {
        for product in CLASSES.iter().map(|r| r.product).chain(NAMES.iter().map(|r| r.product)) {
            assert!(Product::named(product).is_some(), "{product}");
        }
    }

    #[test]
    fn a_toolkit_tells_its_version_by_name_or_by_class() {
        assert_eq!(said("1.2.276.0.7230010.3.0.3.6.7", "OFFIS_DCMTK_367"), ["DCMTK 3.6.7"]);
        assert_eq!(said("1.2.276.0.7230010.3.0.3.6.7", ""), ["DCMTK 3.6.7"]);
        assert_eq!(said("1.2.826.0.1.3680043.9.3811.2.1.0", "PYNETDICOM_210"), ["pynetdicom 2.1.0"]);
        assert_eq!(said("1.3.6.1.4.1.30071.8", "fo-dicom 4.0.8"), ["fo-dicom 4.0.8"]);
        assert_eq!(said("1.2.40.0.13.1.3", "dcm4che-5.23.3"), ["dcm4che 5.23.3"]);
        assert_eq!(said("1.2.826.0.1.3680043.2.135.1066.101", "1.5.0/WIN32"), ["ConQuest DICOM server 1.5.0"]);
    }

    #[test]
    fn a_patched_toolkit_is_the_product_that_patched_it() {
        assert_eq!(said("1.2.276.0.7230010.3.0.3.6.0", "OSIRIX"), ["OsiriX or Horos"]);
    }

    #[test]
    fn a_maker_and_the_toolkit_inside_are_both_named() {
        assert_eq!(said("1.2.246.352.70.2.1.120.1", "MergeCOM3_410"), ["Merge DICOM Toolkit 4.1.0", "Varian"]);
        assert_eq!(said("1.2.840.113619.6.281", "Xeleris 4.1170"), ["GE HealthCare"]);
    }

    #[test]
    fn what_is_not_listed_is_not_named() {
        assert!(said("1.2.3.4.5", "ZZCANARY").is_empty());
        assert!(said("1.2.3.4.5", "OFFIS_DCMTK_ZZCANARY").is_empty());
        assert!(said("1.2.3.4.5", "OFFIS_DCMTK_19010203").is_empty());
        assert!(said("1.2.3.4.5", "OSIRIX ZZCANARY").is_empty());
        assert!(said("1.2.3.4.5", "1.5.0/WIN32").is_empty());
        assert!(said("", "").is_empty());
        assert_eq!(said("1.2.276.0.7230010.3.0.3.6.b", ""), ["DCMTK"]);
        assert_eq!(said("1.2.276.0.7230010.3.0.3.19010203", "ZZCANARY"), ["DCMTK"]);
    }
}
