//! A collector that serves on loopback, in a folder of its own, and sensors that speak to it octet by octet: what tests of the
//! network share.

use crate::archive::{Ear, Folder, NOW};
use crate::way::Way;
use auscult_collector::access::new_code;
use auscult_collector::authority::Authority;
use auscult_collector::config::Config;
use auscult_collector::run::Service;
use auscult_collector::store::{ClinicId, ClinicStore, NewClinic, SensorState, Store};
use auscult_report::code::Code;
use auscult_report::enrol::{Hello, Hints, Offer, Pinned, check_offer, finish};
use auscult_report::header::Clock;
use auscult_report::key::{LedgerId, SensorId};
use auscult_report::renew::{Grant, Renewal};
use auscult_report::time::Timestamp;
use auscult_report::trust::Trust;
use auscult_report::version::Version;
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A collector that serves.
pub struct Station {
    /// Its settings.
    pub config: Config,
    /// Its clock: milliseconds since 1970, as a test wants.
    pub clock: Arc<AtomicU64>,
    service: Option<Service>,
    /// Settings beside those of every station; `{at}` is the folder.
    more: String,
    folder: Folder,
}

impl Station {
    /// A new archive that serves, with the clinics `north` and `south`, each with the site `main`.
    ///
    /// # Panics
    /// If it cannot serve.
    #[must_use]
    pub fn new() -> Station {
        Station::with("")
    }

    /// The same, with more settings; `{at}` in them is its folder, in which a file `secret` lies.
    ///
    /// # Panics
    /// If it cannot serve.
    #[must_use]
    pub fn with(more: &str) -> Station {
        let folder = Folder::new();
        std::fs::write(folder.0.join("secret"), "a-secret-of-the-test\n").unwrap();
        let more = more.replace("{at}", &folder.0.display().to_string());
        let config = Config::read(&(settings(&folder.0, 0) + &more)).unwrap();
        let clock = Arc::new(AtomicU64::new(NOW.0));
        let mut station = Station { config, clock, service: None, more, folder };
        station.start();
        for name in ["north", "south"] {
            let id = [name.as_bytes()[0]; 16];
            let new =
                NewClinic { id: ClinicId(id), ledger: LedgerId(id), name, title: name, quota_octets_day: 1 << 40 };
            station.store().put_clinic(&new, NOW).unwrap();
            station.clinic(name).put_site("main", "Main building").unwrap();
        }
        station
    }

    /// Serves, as after a start of the machine; always at the port of the first time.
    ///
    /// # Panics
    /// If it cannot.
    pub fn start(&mut self) {
        let clock = Arc::clone(&self.clock);
        let time = Arc::new(move || Timestamp(clock.load(Ordering::Relaxed)));
        let service = Service::start(&self.config, [9; 32], time).unwrap();
        let port = service.addresses().agents.unwrap().port();
        self.config = Config::read(&(settings(&self.folder.0, port) + &self.more)).unwrap();
        self.service = Some(service);
    }

    /// What is said of settings that are refused.
    ///
    /// # Panics
    /// If they are not.
    #[must_use]
    pub fn refuses(more: &str) -> String {
        let text = settings(Path::new("/nowhere"), 0) + more;
        Config::read(&text).unwrap_err().to_string()
    }

    /// Serves no more.
    pub fn stop(&mut self) {
        self.service.take().into_iter().for_each(Service::stop);
    }

    /// The server.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn service(&self) -> &Service {
        self.service.as_ref().unwrap()
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// Its archive.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.service().desk().store
    }

    /// A clinic.
    ///
    /// # Panics
    /// If there is none of this name.
    #[must_use]
    pub fn clinic(&self, name: &str) -> ClinicStore {
        self.store().clinic_named(name).unwrap().unwrap()
    }

    /// Where sensors are listened for.
    ///
    /// # Panics
    /// If they are not.
    #[must_use]
    pub fn agents(&self) -> SocketAddr {
        self.service().addresses().agents.unwrap()
    }

    /// The time by its clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp(self.clock.load(Ordering::Relaxed))
    }

    /// Lets time pass.
    pub fn pass(&self, ms: u64) {
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }

    /// A one-time code for an hour.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn code(&self, clinic: &str) -> Code {
        let authority = self.authority();
        new_code(&self.clinic(clinic), authority.vault(), "main", 3_600_000, self.now()).unwrap()
    }

    /// Its CA.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn authority(&self) -> Authority {
        Authority::open(self.config.authority.as_ref().unwrap(), &self.config.name, self.now()).unwrap()
    }

    /// A sensor that enrolled with a code, was approved and has its certificate.
    ///
    /// # Panics
    /// If it was not let in.
    #[must_use]
    pub fn enrolled(&self, clinic: &str, seed: u8) -> Caller {
        let mut caller = Caller::new(seed);
        let mut way = Way::to(self, None);
        assert_eq!(caller.enrol(&mut way, &self.code(clinic)), 202);
        self.clinic(clinic).set_state(caller.ear.id(), SensorState::Active, "test", self.now()).unwrap();
        assert_eq!(caller.renew(&mut way).0, 200);
        caller
    }
}

impl Default for Station {
    fn default() -> Station {
        Station::new()
    }
}

/// Settings of a collector in a folder, on loopback.
#[must_use]
pub fn settings(folder: &Path, port: u16) -> String {
    let at = folder.display();
    format!(
        "name = \"archive.example\"\n[store]\npath = \"{at}/archive.db\"\n[ledger]\nkey = \"{at}/ledger.key\"\ntiles = \"{at}/ledger\"\n\
         highwater = \"{at}/highwater\"\nround_s = 1\n[authority]\nfolder = \"{at}/authority\"\n[agents]\nlisten = \"127.0.0.1:{port}\"\n\
         addresses = [\"localhost:{port}\"]\n\
         connections_address = 20000\n[people]\nlisten = \"127.0.0.1:0\"\n[ops]\nlisten = \"127.0.0.1:0\"\n\
         [limits]\nsensor_reports_minute = 100000\nsensor_burst = 1000000\nsensor_kib_day = 4194304\n"
    )
}

/// A sensor with what it got from its collector.
pub struct Caller {
    /// Its key and its chain.
    pub ear: Ear,
    /// Its TLS key.
    pub tls: KeyPair,
    /// Its certificate.
    pub certificate: Option<Vec<u8>>,
    /// Whom it believes.
    pub trust: Option<Trust>,
}

impl Caller {
    /// A sensor that knows nobody.
    ///
    /// # Panics
    /// If no key can be made.
    #[must_use]
    pub fn new(seed: u8) -> Caller {
        let tls = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        Caller { ear: Ear::stranger(LedgerId([0; 16]), seed), tls, certificate: None, trust: None }
    }

    /// The octets of its request for a certificate.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn request(&self) -> Vec<u8> {
        CertificateParams::new(Vec::new()).unwrap().serialize_request(&self.tls).unwrap().der().to_vec()
    }

    /// Its first word.
    ///
    /// # Panics
    /// If it cannot be encoded.
    #[must_use]
    pub fn hello(&self, code: &Code) -> Vec<u8> {
        let hints = Hints { agent: Version::exact(b"0.1.0"), serial: Some([8; 32]), clock: Clock::Ntp };
        let request = self.request().try_into().unwrap();
        let hello = Hello { code: code.id(), sign_key: self.ear.key.public(), request, nonce: [5; 32], hints };
        postcard::to_allocvec(&hello).unwrap()
    }

    /// The whole of an enrolment: the status of its last answer.
    ///
    /// # Panics
    /// If the offer does not hold.
    pub fn enrol(&mut self, way: &mut Way, code: &Code) -> u16 {
        let hello = self.hello(code);
        let (status, _, octets) = way.post("/v1/enrol/hello", ENROL, &hello);
        if status != 200 {
            return status;
        }
        let offer: Offer = postcard::from_bytes(&octets).unwrap();
        let transcript = check_offer(&code.key(), &hello, &offer, &way.peer_key).unwrap();
        let pinned = Pinned::decode(&offer.trust).unwrap();
        (self.ear.ledger, self.trust) = (pinned.ledger, Some(Trust::first(&pinned.bundle).unwrap()));
        let last = finish(code.id(), &code.key(), &self.ear.key, &transcript);
        way.post("/v1/enrol/finish", ENROL, &postcard::to_allocvec(&last).unwrap()).0
    }

    /// Asks for a certificate: status and word.
    ///
    /// # Panics
    /// If the grant cannot be read.
    pub fn renew(&mut self, way: &mut Way) -> (u16, String) {
        let (ledger, sensor, request) = (self.ear.ledger, self.ear.id(), self.request().try_into().unwrap());
        let bundle_version = self.trust.as_ref().map_or(0, |t| t.version);
        let renewal = Renewal { ledger, sensor, key_no: 0, request, bundle_version };
        let octets = renewal.seal(&self.ear.key).unwrap();
        let (status, _, octets) = way.post("/v1/sensor/renew", RENEW, &octets);
        if status == 200 {
            self.certificate = Some(Grant::decode(&octets).unwrap().certificate.to_vec());
            return (status, String::new());
        }
        (status, String::from_utf8_lossy(&octets).trim().to_owned())
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> SensorId {
        self.ear.id()
    }
}

/// Content-Type of an enrolment.
pub const ENROL: &str = "application/vnd.auscult.enrol";
/// Content-Type of a renewal.
pub const RENEW: &str = "application/vnd.auscult.renew";
/// Content-Type of a heartbeat.
pub const ALIVE: &str = "application/vnd.auscult.alive";
/// Content-Type of a batch.
pub const REPORTS: &str = "application/vnd.auscult.reports";
