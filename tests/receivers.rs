//! Real receivers of notices for `notices.rs`, in a folder of their own: `receivers.py` (mail, webhooks, tickets) and rsyslog, with
//! certificates of a CA that nobody else knows; and what came there.

use crate::archive::Folder;
use crate::postbox::{RULE, secret};
use crate::root;
use base64ct::{Base64, Encoding};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

/// Everything that came, way by way.
pub struct Heard(pub BTreeMap<&'static str, Vec<Value>>);

impl Heard {
    /// How often something came this way.
    pub fn count(&self, way: &str) -> usize {
        self.0[way].len()
    }

    /// How often something came, way by way, and under how many ids.
    pub fn counts(&self) -> String {
        let count = |way: &str| format!("{way} {} ({} ids)", self.count(way), self.ids(way).len());
        ["mail", "hook", "siem", "ticket"].map(count).join(", ")
    }

    fn ids(&self, way: &str) -> BTreeMap<String, usize> {
        let mut ids = BTreeMap::new();
        for one in &self.0[way] {
            *ids.entry(one["id"].as_str().unwrap_or_default().to_owned()).or_insert(0) += 1;
        }
        ids
    }

    /// Ids of a kind at the webhook, of the rule that the networks break, or of none.
    pub fn of(&self, way: &str, kind: &str) -> usize {
        let is_own = |one: &&Value| {
            one["body"]["type"] == kind && (one["body"]["data"]["rule"] == RULE || one["body"]["data"]["rule"] == "")
        };
        self.0[way].iter().filter(is_own).map(|one| one["id"].as_str().unwrap()).collect::<BTreeSet<_>>().len()
    }

    /// Whether mail, webhook and collector of logs were told of the same number of things: all that there is.
    pub fn is_level(&self) -> bool {
        let [mail, hook, siem] = ["mail", "hook", "siem"].map(|way| self.ids(way).len());
        mail == 2 * hook && siem == hook
    }

    /// Nothing came twice.
    ///
    /// # Panics
    /// If it did.
    pub fn each_once(&self) {
        for way in ["mail", "hook", "siem", "ticket"] {
            assert!(self.ids(way).values().all(|times| *times == 1), "{way}: {:?}", self.ids(way));
        }
    }

    /// What came twice came under one id, behind `before`, and never more often than it was in hand when the collector was killed.
    pub fn twice_only_if_in_hand(&self, before: &Heard) {
        for way in ["mail", "hook", "siem", "ticket"] {
            let twice: Vec<_> = self.ids(way).into_iter().filter(|(_, times)| *times > 1).collect();
            assert!(
                twice.iter().all(|(id, times)| *times == 2 && !before.ids(way).contains_key(id)),
                "{way}: {twice:?}"
            );
            // One parcel of a channel is in hand at a time. A collector of logs answers at once: it may have none.
            let expected = if way == "siem" { 0..=1 } else { 1..=1 };
            assert!(expected.contains(&twice.len()), "{way}: {twice:?}");
        }
    }

    /// Every promise about form and words is kept.
    ///
    /// # Panics
    /// If one is not.
    pub fn is_as_promised(&self) {
        for mail in &self.0["mail"] {
            assert!(mail["tls"] == true && mail["user"].as_str().unwrap().contains("auscult"), "{mail}");
            assert_eq!((&mail["sender"], mail["to"].as_array().unwrap().len()), (&"auscult@example.org".into(), 1));
            let (subject, text) =
                (mail["subject"].as_str().unwrap(), mail["text"].as_str().unwrap().replace("\r\n", "\n"));
            assert!(
                subject.starts_with("[auscult] Clinic north: ")
                    && text.contains("signs in at https://archive.example.org\n"),
                "{mail}"
            );
        }
        assert!(self.0["hook"].iter().all(|one| one["verified"] == serde_json::json!([true, true])), "both keys sign");
        assert!(self.0["ticket"].iter().all(|one| one["by"] == "Bearer four-small-green-boats"));
        let own: Vec<&Value> = self.0["ticket"].iter().filter(|one| one["body"]["rule"] == RULE).collect();
        let opened: BTreeSet<&str> =
            own.iter().filter(|t| t["method"] == "POST").map(|t| t["id"].as_str().unwrap()).collect();
        assert_eq!(opened.len(), 3, "one ticket a network, under its key: {own:?}");
        assert!(own.iter().filter(|t| t["method"] == "PATCH").all(|t| t["path"] == "/tickets/INC42"), "{own:?}");
        for line in &self.0["siem"] {
            let text = line["text"].as_str().unwrap();
            assert!(text.starts_with("local0|archive.example|auscult|") && text.contains("|CEF:0|auscult|"), "{text}");
        }
    }

    /// None of these words came.
    ///
    /// # Panics
    /// If one did.
    pub fn holds_nothing_of(&self, words: &[String]) {
        for one in self.0.values().flatten() {
            let text = one.to_string();
            assert!(words.iter().all(|word| !text.contains(word.as_str())), "{text}");
        }
    }
}

/// Real receivers in a folder of their own, with certificates of a CA that nobody else knows.
pub struct Receivers {
    /// Their folder.
    pub folder: Folder,
    python: Child,
    rsyslog: Child,
    mail: u64,
    /// The port of webhooks and tickets.
    pub web: u64,
    siem: u64,
}

impl Receivers {
    /// `None`: what they need is not here, which is said.
    pub fn start(test: &str) -> Option<Receivers> {
        let lacking = match (rsyslogd(), libraries()) {
            (Some(rsyslogd), Ok(libraries)) => return Some(Receivers::new(&rsyslogd, &libraries)),
            (None, _) => "rsyslogd and its module for TLS (rsyslog, rsyslog-openssl) are not installed".to_owned(),
            (_, Err(why)) => format!("aiosmtpd and standardwebhooks cannot be had from PyPI ({why})"),
        };
        assert!(env::var_os("AUSCULT_FOREIGN").is_none(), "{test} was not run: {lacking}");
        eprintln!("NOT RUN, {lacking}: {test}");
        None
    }

    fn new(rsyslogd: &Path, libraries: &Path) -> Receivers {
        let folder = Folder::new();
        certificates(&folder.0);
        fs::write(folder.0.join("mode"), "take").unwrap();
        for name in ["new.key", "old.key"] {
            let made = Command::new(crate::collector()).args(["notices", "new-key"]).arg(folder.0.join(name)).status();
            assert!(made.unwrap().success());
        }
        let mut run = Command::new("python3");
        run.arg(root().join("tests/receivers.py"))
            .arg(&folder.0)
            .args(["new.key", "old.key"].map(|k| folder.0.join(k)));
        run.env("PYTHONPATH", libraries).stdin(Stdio::piped()).stdout(Stdio::piped());
        run.stderr(fs::File::create(folder.0.join("python.said")).unwrap());
        let mut python = run.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(python.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ports: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
        let (rsyslog, siem) = self::rsyslog(rsyslogd, &folder.0);
        let _ = secret(&folder.0.join("password"), "four small green boats\n");
        let _ = secret(&folder.0.join("header"), "Authorization: Bearer four-small-green-boats\n");
        Receivers {
            python,
            rsyslog,
            mail: ports["mail"].as_u64().unwrap(),
            web: ports["web"].as_u64().unwrap(),
            siem,
            folder,
        }
    }

    /// A line of the settings that believes our CA.
    pub fn ca(&self) -> String {
        format!("ca = \"{}/ca.pem\"\n", self.folder.0.display())
    }

    /// Settings that name each of them.
    pub fn settings(&self) -> String {
        let (at, ca, web) = (self.folder.0.display(), self.ca(), format!("https://localhost:{}", self.web));
        let all = "takes = { least_severity = \"info\", quiet = false }\n";
        format!(
            "[notices]\nallow = [\"127.0.0.0/8\", \"::1/128\"]\npage = \"https://archive.example.org\"\n\
             [notices.alive]\nurl = \"{web}/alive\"\nca = \"{at}/ca.pem\"\n\
             [[notices.mail]]\nname = \"office\"\nserver = \"localhost:{}\"\ntls = \"start\"\nuser = \"auscult\"\npassword = \"{at}/password\"\n\
             from = \"auscult@example.org\"\nto = [\"maria@example.org\", \"tom@example.org\"]\nmost_hour = 1000\n{ca}{all}\
             [[notices.webhook]]\nname = \"hook\"\nurl = \"{web}/hook\"\nkey = \"{at}/new.key\"\nold_key = \"{at}/old.key\"\n{ca}{all}\
             [[notices.syslog]]\nname = \"siem\"\nserver = \"localhost:{}\"\ncertificate = \"{at}/client.pem\"\nkey = \"{at}/client.key\"\n{ca}{all}\
             [[notices.ticket]]\nname = \"tickets\"\nurl = \"{web}/tickets\"\nheader = \"{at}/header\"\nnumber = \"/result/number\"\n{ca}{all}\
             open = {{ body = '{{\"title\": \"{{{{title}}}}\", \"rule\": \"{{{{rule}}}}\"}}' }}\n\
             update = {{ method = \"PATCH\", path = \"/tickets/{{{{ticket}}}}\", body = '{{\"note\": \"{{{{event}}}}\", \"rule\": \"{{{{rule}}}}\"}}' }}\n\
             close = {{ method = \"PATCH\", path = \"/tickets/{{{{ticket}}}}\", body = '{{\"state\": \"closed\", \"rule\": \"{{{{rule}}}}\"}}' }}\n",
            self.mail, self.siem
        )
    }

    /// What is done with what comes from now on.
    pub fn mode(&self, mode: &str) {
        fs::write(self.folder.0.join("mode"), mode).unwrap();
    }

    /// Everything that came until now.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn heard(&self) -> Heard {
        let mut heard: BTreeMap<&'static str, Vec<Value>> =
            ["mail", "hook", "siem", "ticket", "alive"].map(|w| (w, Vec::new())).into();
        let text = fs::read_to_string(self.folder.0.join("heard")).unwrap_or_default();
        for one in text.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok()) {
            heard.get_mut(one["way"].as_str().unwrap()).unwrap().push(one);
        }
        // A line that is still being written has no end.
        let lines = fs::read_to_string(self.folder.0.join("siem")).unwrap_or_default();
        for line in lines.split_inclusive('\n').filter(|l| l.ends_with('\n')) {
            let id = line.split("externalId=").nth(1).and_then(|l| l.split(' ').next()).unwrap_or_default();
            heard.get_mut("siem").unwrap().push(serde_json::json!({"id": id, "text": line.trim_end()}));
        }
        Heard(heard)
    }

    /// Waits for something.
    ///
    /// # Panics
    /// If it is not so within two minutes.
    pub fn until(&self, what: &str, is_so: impl Fn(&Heard) -> bool) {
        // Two minutes: a lease is half of one.
        for _ in 0..1_200 {
            if is_so(&self.heard()) {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        let said = |name: &str| fs::read_to_string(self.folder.0.join(name)).unwrap_or_default();
        panic!(
            "{what}: {}\n{}\n{}\n{}",
            self.heard().counts(),
            said("heard"),
            said("siem"),
            said("rsyslog.said") + &said("python.said")
        );
    }
}

impl Drop for Receivers {
    fn drop(&mut self) {
        for child in [&mut self.python, &mut self.rsyslog] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A collector of logs that lets in who shows a certificate of our CA.
fn rsyslog(program: &Path, folder: &Path) -> (Child, u64) {
    let at = folder.display();
    let config = folder.join("rsyslog.conf");
    let mut file = fs::File::create(&config).unwrap();
    write!(
        file,
        "global(workDirectory=\"{at}\" maxMessageSize=\"64k\" defaultNetstreamDriver=\"ossl\" defaultNetstreamDriverCAFile=\"{at}/ca.pem\" \
         defaultNetstreamDriverCertFile=\"{at}/server.pem\" defaultNetstreamDriverKeyFile=\"{at}/server.key\")\n\
         module(load=\"imtcp\" streamDriver.name=\"ossl\" streamDriver.mode=\"1\" streamDriver.authMode=\"x509/certvalid\")\n\
         input(type=\"imtcp\" address=\"127.0.0.1\" port=\"0\" listenPortFileName=\"{at}/siem.port\")\n\
         template(name=\"line\" type=\"string\" string=\"%syslogfacility-text%|%hostname%|%app-name%|%msgid%|%syslogseverity%|%msg%\\n\")\n\
         action(type=\"omfile\" file=\"{at}/siem\" template=\"line\" asyncWriting=\"off\")\n"
    )
    .unwrap();
    let mut run = Command::new(program);
    run.arg("-n").arg("-f").arg(&config).arg("-i").arg(folder.join("rsyslog.pid")).stdout(Stdio::null());
    let mut child = run.stderr(fs::File::create(folder.join("rsyslog.said")).unwrap()).spawn().unwrap();
    for _ in 0..600 {
        if let Some(port) = fs::read_to_string(folder.join("siem.port")).ok().and_then(|p| p.trim().parse().ok()) {
            return (child, port);
        }
        thread::sleep(Duration::from_millis(100));
    }
    let _ = child.kill();
    let _ = child.wait();
    panic!("{}", fs::read_to_string(folder.join("rsyslog.said")).unwrap_or_default());
}

/// `ca.pem`, and certificates of it for the receivers and for us.
fn certificates(folder: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "receivers of a test");
    let issuer = KeyPair::generate().unwrap();
    fs::write(folder.join("ca.pem"), pem("CERTIFICATE", authority.self_signed(&issuer).unwrap().der())).unwrap();
    for name in ["server", "client"] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &Issuer::from_params(&authority, &issuer)).unwrap();
        fs::write(folder.join(format!("{name}.pem")), pem("CERTIFICATE", certificate.der())).unwrap();
        let _ = secret(&folder.join(format!("{name}.key")), &pem("PRIVATE KEY", &key.serialize_der()));
    }
}

/// RFC 7468.
fn pem(label: &str, octets: &[u8]) -> String {
    let text = Base64::encode_string(octets);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn rsyslogd() -> Option<PathBuf> {
    let module = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"];
    let has_tls = module.iter().any(|folder| Path::new(folder).join("rsyslog/lmnsd_ossl.so").exists());
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.find(|f| f.join("rsyslogd").exists()).filter(|_| has_tls).map(|f| f.join("rsyslogd"))
}

/// The folder of the libraries of `receivers.py`, fetched once.
fn libraries() -> Result<PathBuf, String> {
    const WANTED: [&str; 2] = ["aiosmtpd==1.4.6", "standardwebhooks==1.1.0"];
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = crate::target().join("tmp/receivers-1");
    if folder.join("complete").exists() {
        return Ok(folder);
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "-q", "--disable-pip-version-check", "--root-user-action=ignore", "--target"])
        .arg(&folder);
    let output = pip.args(WANTED).output().map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned());
    }
    fs::write(folder.join("complete"), "").map_err(|e| e.to_string())?;
    Ok(folder)
}
