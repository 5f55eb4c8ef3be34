//! What is recorded for each story of `assess/knowledge/stories.tsv`: octets, how the clinic is described, which findings
//! open, and the harmless twin. `tests/incidents.rs` replays them.

use crate::talks::{
    DEVICE, GUEST, SERVER, STRANGER, WPA2, association, browse, device_with, greeting, hidden_network, locked, ok,
    port_asked_for, result, studies, viewer,
};
use crate::watched::{Place, capture};

/// What somebody recorded, how the clinic is described, and the findings of the story that open.
pub struct Scene {
    /// Its id in the table.
    pub story: &'static str,
    /// In words.
    pub name: &'static str,
    /// Octets and place.
    pub heard: fn() -> (Vec<u8>, Place),
    /// Findings by their ids.
    pub opens: &'static [&'static str],
    /// Nearly the same, and harmless: none of these findings.
    pub twin: fn() -> (Vec<u8>, Place),
}

/// The same capture, where the strangers are a branch of the clinic.
fn of_a_branch(name: &str) -> (Vec<u8>, Place) {
    let (octets, place) = capture(name);
    (octets, place.zone("203.0.113.0/24", "clinical"))
}

fn built(octets: Vec<u8>) -> (Vec<u8>, Place) {
    (octets, Place::built())
}

/// Every scene, story by story.
pub const SCENES: &[Scene] = &[
    Scene {
        story: "propublica",
        name: "a stranger searches the archive and takes images, heard behind the router",
        heard: || capture("pacs-open-lan"),
        opens: &["dicom-records-given-outside"],
        twin: || of_a_branch("pacs-open-lan"),
    },
    Scene {
        story: "propublica",
        name: "the same, heard in front of it",
        heard: || capture("pacs-open-wan"),
        opens: &["dicom-records-given-outside"],
        twin: || capture("pacs-inside-only"),
    },
    Scene {
        story: "propublica",
        name: "a stranger is let in and asks nothing",
        heard: || built(association(STRANGER, SERVER, 0)),
        opens: &["dicom-open-from-outside"],
        twin: || built(association(STRANGER, SERVER, 3)),
    },
    Scene {
        story: "propublica",
        name: "the archive's web interface gives studies to anyone",
        heard: || capture("orthanc-rest-open"),
        opens: &["dicomweb-open", "orthanc-open"],
        twin: || capture("orthanc-basic-login"),
    },
    Scene {
        story: "propublica",
        name: "a viewer opens, and the data behind it",
        heard: || built(viewer(&studies())),
        opens: &["imaging-viewer-open", "dicomweb-open"],
        twin: || built(viewer(&locked())),
    },
    Scene {
        story: "propublica",
        name: "the archive opens the port itself",
        heard: || built(port_asked_for("200 OK")),
        opens: &["firewall-hole-by-itself"],
        twin: || built(port_asked_for("500 Internal Server Error")),
    },
    Scene {
        story: "mobilexusa",
        name: "at the provider",
        heard: || capture("pacs-open-wan"),
        opens: &["dicom-records-given-outside"],
        twin: || capture("pacs-rejects-outside"),
    },
    Scene {
        story: "mobilexusa",
        name: "at the clinic: results go to the provider, readable",
        heard: || built(result(DEVICE, STRANGER)),
        opens: &["medical-data-leaves-readable"],
        twin: || (result(DEVICE, STRANGER), Place::built().zone("203.0.113.0/24", "vpn")),
    },
    Scene {
        story: "offsite-image",
        name: "\"a password was needed\": it was not",
        heard: || capture("orthanc-rest-open"),
        opens: &["orthanc-open", "dicomweb-open"],
        twin: || capture("orthanc-basic-login"),
    },
    Scene {
        story: "offsite-image",
        name: "nor for the viewer",
        heard: || built(viewer(&studies())),
        opens: &["imaging-viewer-open"],
        twin: || built(viewer(&locked())),
    },
    Scene {
        story: "newmexico",
        name: "the portal shows its factory page and its age",
        heard: || capture("iis-default-page"),
        opens: &["default-web-page-outside", "web-shows-versions", "old-web-server-windows"],
        twin: || built(browse(STRANGER, SERVER, &[("/", &ok("text/html", "", "<title>Clinic North</title>"))])),
    },
    Scene {
        story: "newmexico",
        name: "the welcome link is opened over http",
        heard: || built(browse(STRANGER, SERVER, &[("/activate?token=8f3a9c71be", &welcome())])),
        opens: &["activation-link-in-clear"],
        twin: || built(browse(STRANGER, SERVER, &[("/welcome", &welcome())])),
    },
    Scene {
        story: "newmexico",
        name: "link and code leave in readable mail",
        heard: || capture("smtp-activation-clear"),
        opens: &["mail-without-encryption", "activation-link-and-code-same-mailbox"],
        twin: || capture("smtp-starttls-good"),
    },
    Scene {
        story: "portal-unpatched",
        name: "the web server names a Windows that nobody mends",
        heard: || capture("iis-default-page"),
        opens: &["old-web-server-windows", "windows-ended"],
        twin: || built(browse(STRANGER, SERVER, &[("/", &ok("text/html", "Server: Microsoft-IIS/10.0\r\n", "x"))])),
    },
    Scene {
        story: "portal-unpatched",
        name: "a package stands behind its distribution",
        heard: || built(greeting("OpenSSH_9.2p1 Debian-2+deb12u3")),
        opens: &["package-behind"],
        twin: || capture("ssh-outside"),
    },
    Scene {
        story: "portal-unpatched",
        name: "a version that attackers are known to use",
        heard: || built(browse(STRANGER, SERVER, &[("/", &ok("text/html", "Server: Apache/2.4.49 (Unix)\r\n", "x"))])),
        opens: &["software-known-exploited"],
        twin: || built(browse(STRANGER, SERVER, &[("/", &ok("text/html", "Server: Apache/2.4.71 (Unix)\r\n", "x"))])),
    },
    Scene {
        story: "portal-unpatched",
        name: "a device of the laboratory runs Windows XP",
        heard: || built(device_with("5.131.2600.5512")),
        opens: &["medical-device-on-ended-windows"],
        twin: || built(device_with("10.0")),
    },
    Scene {
        story: "portal-unpatched",
        name: "an archive's toolkit is years old",
        heard: || capture("pacs-inside-only"),
        opens: &["dicom-old-toolkit"],
        twin: || capture("pacs-rejects-outside"),
    },
    Scene {
        story: "medantex",
        name: "transcripts without a login, for strangers and for a search engine",
        heard: || capture("docs-no-session"),
        opens: &["portal-documents-without-login", "crawler-took-documents", "web-directory-listing"],
        twin: || capture("docs-with-session-inside"),
    },
    Scene {
        story: "medantex",
        name: "an administration page without a login",
        heard: || built(browse(STRANGER, SERVER, &[("/manager/html", &ok("text/html", "", ADMINISTRATION))])),
        opens: &["admin-page-open"],
        twin: || built(browse(STRANGER, SERVER, &[("/manager/html", &locked())])),
    },
    Scene {
        story: "middletown",
        name: "the seed's reading: a data base gives rows to strangers",
        heard: || capture("db-postgres-open"),
        opens: &["database-answers-outside"],
        twin: || of_a_branch("db-postgres-open"),
    },
    Scene {
        story: "middletown",
        name: "the same of another make",
        heard: || capture("db-redis-open"),
        opens: &["database-answers-outside"],
        twin: || of_a_branch("db-redis-open"),
    },
    Scene {
        story: "middletown",
        name: "it gives them to nobody without a password, and encrypted",
        heard: || capture("db-postgres-open"),
        opens: &["database-no-login"],
        twin: || capture("db-postgres-tls"),
    },
    Scene {
        story: "middletown",
        name: "the press's reading: an interface takes messages of strangers",
        heard: || capture("hl7-adt-outside"),
        opens: &["hl7-open-outside"],
        twin: || capture("hl7-oru-inside"),
    },
    Scene {
        story: "middletown",
        name: "or gives images",
        heard: || capture("pacs-open-lan"),
        opens: &["dicom-records-given-outside"],
        twin: || capture("dicom-tls-good"),
    },
    Scene {
        story: "open-wifi",
        name: "open, broken and half-protected networks of the clinic",
        heard: || capture("wifi-beacons-radiotap"),
        opens: &["wifi-open-network", "wifi-wep", "wifi-wpa-tkip", "wifi-wps-pin"],
        twin: || neighbours("wifi-beacons-radiotap"),
    },
    Scene {
        story: "open-wifi",
        name: "results can be read in the air",
        heard: || capture("wifi-open-client-cleartext"),
        opens: &["wifi-clear-traffic", "medical-device-on-open-wifi"],
        twin: || neighbours("wifi-open-client-cleartext"),
    },
    Scene {
        story: "open-wifi",
        name: "a network without a name and without protection",
        heard: || hidden(&[]),
        opens: &["wifi-hidden-open"],
        twin: || hidden(WPA2),
    },
    Scene {
        story: "open-wifi",
        name: "a guest gets an answer of the interface engine",
        heard: || (result(GUEST, SERVER), zoned("guest")),
        opens: &["guest-reaches-clinical"],
        twin: || (result(GUEST, SERVER), zoned("office")),
    },
];

/// The same radio, and none of its access points is the clinic's.
fn neighbours(name: &str) -> (Vec<u8>, Place) {
    let (octets, place) = capture(name);
    (octets, Place { own_bssids: vec!["02:00:00:00:00:99".to_owned()], ..place })
}

fn hidden(protection: &[u8]) -> (Vec<u8>, Place) {
    let place = Place { own_bssids: vec!["04:18:d6:20:02:01".to_owned()], ..Place::built() };
    (hidden_network([0x04, 0x18, 0xd6, 0x20, 0x02, 0x01], protection), place)
}

fn zoned(of_the_caller: &str) -> Place {
    Place::default().zone("192.168.20.0/24", "clinical").zone("192.168.30.0/24", of_the_caller)
}

fn welcome() -> String {
    ok("text/html", "", "<html><title>Welcome</title><body>Your account is ready</body></html>")
}

const ADMINISTRATION: &str = "<html><title>/manager</title><body>Applications</body></html>";
