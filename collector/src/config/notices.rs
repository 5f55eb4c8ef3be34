//! Who is told what, how, and when not: the part `[notices]` of `collector.toml`.
//!
//! Keeps: names of channels, addresses, files of secrets, texts of tickets. Drops: a text with a place that is not of the list, a server
//! without TLS that is not this machine; by their line.

use super::channels::{RawMail, RawSyslog, RawTicket, RawWebhook};
use super::place::{Network, WebAddress, minutes};
use super::template::Template;
use super::{ConfigError, at, bounded};
use serde::Deserialize;
use std::path::PathBuf;
use toml::Spanned;

/// Who is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    /// Seconds east of UTC, for quiet hours and digests.
    pub offset_s: i32,
    /// When people are left alone.
    pub quiet: Option<Quiet>,
    /// Where people sign in: the only link in a notice.
    pub page: Option<String>,
    /// Networks that may be connected to although they are not of the public Internet.
    pub allow: Vec<Network>,
    /// Who is told that this program lives.
    pub alive: Option<Alive>,
    /// Whom and how.
    pub channels: Vec<Channel>,
}

/// Hours of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// From here on, minutes since midnight.
    pub from: u16,
    /// Up to here; before `from`: on the next day.
    pub to: u16,
    /// A silent sensor breaks through.
    pub silent: bool,
    /// The worst severity breaks through.
    pub critical: bool,
}

/// A web address that is asked as long as all is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alive {
    /// Where.
    pub url: WebAddress,
    /// How often, in milliseconds.
    pub every_ms: u64,
    /// Who vouches for its certificate; `None`: whom this system trusts.
    pub ca: Option<PathBuf>,
}

/// One way to tell somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub takes: Takes,
    /// How it is told.
    pub way: Way,
}

/// What a channel takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Takes {
    /// Of these clinics; none: of all.
    pub clinics: Vec<String>,
    /// Findings from this severity on: 0 info ... 4 critical. Silence and dates have none.
    pub least: u8,
    /// These kinds.
    pub kinds: Vec<Kind>,
    /// Whether it is left alone in quiet hours.
    pub quiet: bool,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A finding was opened.
    Opened,
    /// It became worse.
    Worse,
    /// It is gone.
    Fixed,
    /// It was gone and holds again.
    CameBack,
    /// Nothing is heard of a sensor.
    Silent,
    /// A date came: the end of a decision, a deadline, a review.
    Due,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 6] = [Kind::Opened, Kind::Worse, Kind::Fixed, Kind::CameBack, Kind::Silent, Kind::Due];

    /// Its word, in settings and for machines.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Opened => "opened",
            Kind::Worse => "worse",
            Kind::Fixed => "fixed",
            Kind::CameBack => "came-back",
            Kind::Silent => "silent",
            Kind::Due => "due",
        }
    }
}

/// How a channel is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// By e-mail.
    Mail(Mail),
    /// By a signed request to a web address.
    Webhook(Webhook),
    /// By a line to a collector of logs.
    Syslog(Syslog),
    /// By a ticket for each finding.
    Ticket(Ticket),
}

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// In the clear until both agree on TLS; if they do not, nothing is said.
    Start,
    /// From the first octet.
    Wrapped,
    /// In the clear, on this machine.
    None,
}

/// E-mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The server that takes it.
    pub server: super::Server,
    /// How.
    pub tls: Tls,
    /// The name and the file of the password, if the server asks for them.
    pub login: Option<(String, PathBuf)>,
    /// Who it is from.
    pub from: String,
    /// Whom it goes to: each gets a mail of their own.
    pub to: Vec<String>,
    /// Minutes since midnight at which everything of a day is sent at once.
    pub digest: Option<u16>,
    /// Mails an hour to one address; what is more waits for one mail together.
    pub most_hour: u32,
    /// Who vouches for the server's certificate; `None`: whom this system trusts.
    pub ca: Option<PathBuf>,
}

/// A web address that is told with a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where.
    pub url: WebAddress,
    /// The file of the key.
    pub key: PathBuf,
    /// The file of the key before it, while receivers change theirs.
    pub old_key: Option<PathBuf>,
    /// Who vouches for its certificate; `None`: whom this system trusts.
    pub ca: Option<PathBuf>,
}

/// A collector of logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syslog {
    /// Where.
    pub server: super::Server,
    /// Whether it is spoken to over TLS; if not, it is this machine.
    pub tls: bool,
    /// Whether the text is JSON of OCSF; if not, CEF.
    pub ocsf: bool,
    /// The facility, 0 to 23.
    pub facility: u8,
    /// Who vouches for its certificate; `None`: whom this system trusts.
    pub ca: Option<PathBuf>,
    /// What is shown to it: a certificate with its chain, and its key.
    pub files: Option<(PathBuf, PathBuf)>,
}

/// A ticket system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Host and port of all three requests; its path is that of `open`.
    pub url: WebAddress,
    /// The file with a line `Name: value` by which we are let in.
    pub header: Option<PathBuf>,
    /// Opens a ticket.
    pub open: Step,
    /// Says something new about it.
    pub update: Step,
    /// Closes it.
    pub close: Step,
    /// Where the ticket's number stands in the answer to `open` (RFC 6901).
    pub number: Option<String>,
    /// Who vouches for its certificate; `None`: whom this system trusts.
    pub ca: Option<PathBuf>,
}

/// A request to a ticket system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The method.
    pub method: String,
    /// The path.
    pub path: Template,
    /// The body.
    pub body: Template,
}

/// `[notices]` as it is typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNotices {
    utc_offset: Option<Spanned<String>>,
    quiet_from: Option<Spanned<String>>,
    quiet_to: Option<Spanned<String>>,
    break_through: Option<Vec<Spanned<String>>>,
    page: Option<Spanned<String>>,
    #[serde(default)]
    allow: Vec<Spanned<String>>,
    alive: Option<RawAlive>,
    #[serde(default)]
    mail: Vec<RawMail>,
    #[serde(default)]
    webhook: Vec<RawWebhook>,
    #[serde(default)]
    syslog: Vec<RawSyslog>,
    #[serde(default)]
    ticket: Vec<RawTicket>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAlive {
    url: Spanned<String>,
    every_s: Option<Spanned<i64>>,
    ca: Option<PathBuf>,
}

/// What a channel takes, as it is typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTakes {
    #[serde(default)]
    clinics: Vec<Spanned<String>>,
    least_severity: Option<Spanned<String>>,
    kinds: Option<Vec<Spanned<String>>>,
    quiet: Option<bool>,
}

impl RawNotices {
    pub(super) fn meant(self, text: &str) -> Result<Notices, ConfigError> {
        let quiet = self.quiet(text)?;
        let offset_s = self.utc_offset.as_ref().map_or(Ok(0), |o| {
            let said = "utc_offset must be +hh:mm or -hh:mm, up to 14 hours, as in +02:00";
            offset(o.get_ref()).ok_or_else(|| at(text, o.span().start, said))
        })?;
        let page = self.page.as_ref().map(|p| page(text, p)).transpose()?;
        let network = |n: &Spanned<String>| {
            let said = "allow has networks, as in 10.1.0.0/16: no bits may be set behind the length";
            Network::read(n.get_ref()).ok_or_else(|| at(text, n.span().start, said))
        };
        let allow = self.allow.iter().map(network).collect::<Result<_, _>>()?;
        let mut channels: Vec<Channel> = Vec::new();
        let mails = self.mail.into_iter().map(|c| (c.name.clone(), c.meant(text)));
        let webhooks = self.webhook.into_iter().map(|c| (c.name.clone(), c.meant(text)));
        let syslogs = self.syslog.into_iter().map(|c| (c.name.clone(), c.meant(text)));
        let tickets = self.ticket.into_iter().map(|c| (c.name.clone(), c.meant(text)));
        for (name, channel) in mails.chain(webhooks).chain(syslogs).chain(tickets) {
            let channel = channel?;
            let is_taken = channel.name == "alive" || channels.iter().any(|c| c.name == channel.name);
            if is_taken || channels.len() >= MOST_CHANNELS {
                let said =
                    format!("a channel {} is there already, or there are more than {MOST_CHANNELS}", channel.name);
                return Err(at(text, name.span().start, &said));
            }
            channels.push(channel);
        }
        let alive = self.alive.map(|a| a.meant(text)).transpose()?;
        Ok(Notices { offset_s, quiet, page, allow, alive, channels })
    }

    fn quiet(&self, text: &str) -> Result<Option<Quiet>, ConfigError> {
        let mut breaks = (false, self.break_through.is_none());
        for word in self.break_through.iter().flatten() {
            match word.get_ref().as_str() {
                "silent" => breaks.0 = true,
                "critical" => breaks.1 = true,
                _ => {
                    return Err(at(
                        text,
                        word.span().start,
                        "break_through has \"silent\" and \"critical\", no other word",
                    ));
                }
            }
        }
        let time = |value: &Spanned<String>| time(text, value);
        match (&self.quiet_from, &self.quiet_to) {
            (None, None) => Ok(None),
            (Some(from), Some(to)) if from.get_ref() == to.get_ref() => {
                Err(at(text, to.span().start, "quiet_from and quiet_to are the same: nobody would ever be told"))
            }
            (Some(from), Some(to)) => {
                Ok(Some(Quiet { from: time(from)?, to: time(to)?, silent: breaks.0, critical: breaks.1 }))
            }
            (Some(one), None) | (None, Some(one)) => {
                Err(at(text, one.span().start, "quiet_from and quiet_to belong together: name both, or neither"))
            }
        }
    }
}

impl RawAlive {
    fn meant(self, text: &str) -> Result<Alive, ConfigError> {
        let every_s = bounded(text, "notices.alive.every_s", &self.every_s, 300, 30..=86_400)?;
        Ok(Alive { url: web(text, &self.url)?, every_ms: every_s.saturating_mul(1_000), ca: self.ca })
    }
}

impl RawTakes {
    /// What is not said is as the channel's kind has it.
    pub(super) fn meant(self, text: &str, least: u8, quiet: bool) -> Result<Takes, ConfigError> {
        let level = |word: &Spanned<String>| {
            let place = LEVELS.iter().position(|l| l == word.get_ref()).and_then(|n| u8::try_from(n).ok());
            place.ok_or_else(|| at(text, word.span().start, "least_severity is info, low, medium, high or critical"))
        };
        let kind = |word: &Spanned<String>| {
            let said = "kinds are opened, worse, fixed, came-back, silent and due";
            let kind = Kind::ALL.into_iter().find(|k| k.word() == word.get_ref());
            kind.ok_or_else(|| at(text, word.span().start, said))
        };
        let kinds =
            self.kinds.as_ref().map(|words| words.iter().map(kind).collect::<Result<Vec<_>, _>>()).transpose()?;
        Ok(Takes {
            clinics: self.clinics.iter().map(|c| word(text, c)).collect::<Result<_, _>>()?,
            least: self.least_severity.as_ref().map_or(Ok(least), level)?,
            kinds: kinds.unwrap_or_else(|| Kind::ALL.to_vec()),
            quiet: self.quiet.unwrap_or(quiet),
        })
    }
}

/// A name of something of ours.
pub(super) fn word(text: &str, value: &Spanned<String>) -> Result<String, ConfigError> {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let word = value.get_ref();
    if word.is_empty() || word.len() > 40 || !word.chars().all(is_word) {
        return Err(at(text, value.span().start, &format!("{word:?} must be 1 to 40 of a-z, 0-9 and hyphen")));
    }
    Ok(word.clone())
}

pub(super) fn web(text: &str, value: &Spanned<String>) -> Result<WebAddress, ConfigError> {
    WebAddress::read(value.get_ref()).map_err(|said| at(text, value.span().start, said))
}

pub(super) fn time(text: &str, value: &Spanned<String>) -> Result<u16, ConfigError> {
    let said = "a time of day is hh:mm, from 00:00 to 23:59";
    minutes(value.get_ref()).ok_or_else(|| at(text, value.span().start, said))
}

/// Where people sign in.
fn page(text: &str, value: &Spanned<String>) -> Result<String, ConfigError> {
    let page = web(text, value)?;
    if page.path.contains(['?', '{']) {
        return Err(at(text, value.span().start, "page is where people sign in: it stands in mails, and has no query"));
    }
    Ok(value.get_ref().trim_end_matches('/').to_owned())
}

/// Seconds of `+02:00`.
fn offset(text: &str) -> Option<i32> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (60, rest),
        ("-", rest) => (-60, rest),
        _ => return None,
    };
    let minutes = i32::from(minutes(rest)?);
    (minutes <= 14 * 60).then(|| minutes.saturating_mul(sign))
}

/// Severities, by their number in the archive.
pub const LEVELS: [&str; 5] = ["info", "low", "medium", "high", "critical"];
/// Each is asked in turn; a provider has a few, a large one some for each clinic.
const MOST_CHANNELS: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const COMPLETE: &str = include_str!("../../collector.toml");

    /// The settings with every line of notices in use.
    fn in_use() -> String {
        let (before, notices) = COMPLETE.split_once("[notices]\n").unwrap();
        let is_line = |l: &str| {
            let key =
                l.split_once(" = ").is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
            key || (l.starts_with('[') && l.ends_with(']'))
        };
        let lines = notices.lines().map(|l| l.strip_prefix("# ").filter(|l| is_line(l)).unwrap_or(l));
        format!("{before}[notices]\n{}\n", lines.collect::<Vec<_>>().join("\n"))
    }

    fn refused(from: &str, to: &str) -> String {
        let text = in_use();
        assert!(text.contains(from), "{from}");
        Config::read(&text.replacen(from, to, 1)).map(|_| format!("{to} was taken")).unwrap_or_else(|e| e.to_string())
    }

    #[test]
    fn every_line_of_the_complete_file_can_be_used() {
        let notices = Config::read(&in_use()).unwrap_or_else(|e| panic!("{e}")).notices;
        assert_eq!(
            notices.channels.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
            ["office", "hook", "siem", "tickets"]
        );
        assert_eq!(notices.quiet, Some(Quiet { from: 1_260, to: 390, silent: true, critical: true }));
        assert_eq!((notices.offset_s, notices.allow.len(), notices.alive.unwrap().every_ms), (3_600, 1, 300_000));
        assert_eq!(Config::read(COMPLETE).unwrap().notices, Notices::default(), "and nothing is told before");
    }

    #[test]
    fn every_key_is_explained_there_with_its_default() {
        let text = in_use();
        let (_, notices) = text.split_once("[notices]\n").unwrap();
        let mut said = String::new();
        for line in notices.lines() {
            if line.starts_with('#') {
                said.push_str(line);
            } else if let Some((key, _)) = line.split_once(" = ") {
                // Two files that belong together share their sentence.
                let is_told = said.contains("efault") || (key == "key" || key == "password" || key == "quiet_to");
                assert!(is_told, "{key}: {said}");
                said.clear();
            } else {
                said.clear();
            }
        }
        // What a struct has and the file has not would be a key that nobody finds.
        for key in [
            "utc_offset",
            "quiet_from",
            "quiet_to",
            "break_through",
            "page",
            "allow",
            "url",
            "every_s",
            "ca",
            "name",
            "server",
            "tls",
            "user",
            "password",
            "from",
            "to",
            "digest",
            "most_hour",
            "takes",
            "key",
            "old_key",
            "body",
            "facility",
            "certificate",
            "header",
            "number",
            "open",
            "update",
            "close",
        ] {
            assert!(notices.contains(&format!("\n{key} = ")), "{key}");
        }
        assert!(
            ["clinics", "least_severity", "kinds", "quiet"].iter().all(|key| notices.contains(&format!("{key} = ")))
        );
        assert!(super::super::Place::ALL.iter().all(|p| notices.contains(p.word())));
    }

    #[test]
    fn a_place_that_is_none_is_named_with_its_line() {
        let text = in_use();
        let line = text.lines().position(|l| l.starts_with("close = ")).unwrap() + 1;
        let said = refused("{\"note\": \"{{event}}\", \"state\"", "{\"note\": \"{{host}}\", \"state\"");
        assert!(said.starts_with(&format!("line {line}: {{{{host}}}} is none of key, notice, ")), "{said}");
        let long = text.replace(
            "open = { body = '{\"title\"",
            "open = { body = '''\n{\"x\": \"{{title}}\",\n \"y\": \"{{adress}}\",\n\"title\"",
        );
        let long = long.replace("\"reference\": \"{{key}}\"}' }", "\"reference\": \"{{key}}\"}''' }");
        let line = long.lines().position(|l| l.contains("adress")).unwrap() + 1;
        let said = Config::read(&long).unwrap_err().to_string();
        assert!(
            said.starts_with(&format!("line {line}: {{{{adress}}}} is none of")),
            "the line within the text: {said}"
        );
        assert!(refused("\"{{event}}: {{title}}\"", "{{title}}").contains("does not become JSON"));
    }

    #[test]
    fn odd_channels_are_refused_by_their_line() {
        for (from, to, said) in [
            ("\"+01:00\"", "\"+15:00\"", "utc_offset must be"),
            ("\"+01:00\"", "\"CET\"", "utc_offset must be"),
            ("quiet_to = \"06:30\"\n", "", "belong together"),
            ("\"06:30\"", "\"21:00\"", "are the same"),
            ("\"06:30\"", "\"6:30\"", "a time of day is hh:mm"),
            ("[\"silent\", \"critical\"]", "[\"high\"]", "no other word"),
            ("\"10.20.0.0/16\"", "\"10.20.0.1/16\"", "allow has networks"),
            (
                "page = \"https://archive.example.org:8444",
                "page = \"https://archive.example.org/?token=1",
                "page is where people sign in",
            ),
            ("every_s = 300", "every_s = 5", "notices.alive.every_s is 5; it must be 30 to 86400"),
            ("\"mail.example.org:587\"", "\"mail.example.org\"", "server is a name or an address and a port"),
            ("tls = \"start\"", "tls = \"none\"", "tls is start, wrapped or none-on-loopback"),
            ("tls = \"start\"", "tls = \"none-on-loopback\"", "without TLS a server must be this machine"),
            ("tls = \"wrapped\"", "tls = \"none-on-loopback\"", "without TLS a server must be this machine"),
            ("user = \"auscult\"\n", "", "user and password belong together"),
            ("\"maria@example.org\"", "\"maria\"", "this is no e-mail address"),
            ("\"maria@example.org\"", "\"maria@example.org\\r\\nBcc: x@example.org\"", "this is no e-mail address"),
            ("\"maria@example.org\", \"on-call@example.org\"", "", "to has 0 addresses"),
            ("most_hour = 12", "most_hour = 0", "most_hour is 0; it must be 1 to 1000"),
            ("\"high\", kinds", "\"bad\", kinds", "least_severity is info"),
            ("\"came-back\", \"silent\"", "\"came back\", \"silent\"", "kinds are opened"),
            ("\"hook\"", "\"office\"", "a channel office is there already"),
            ("\"hook\"", "\"alive\"", "a channel alive is there already"),
            ("\"hook\"", "\"Hook\"", "must be 1 to 40 of a-z"),
            ("https://hooks", "http://hooks", "http:// is for this machine only"),
            ("body = \"ocsf\"", "body = \"leef\"", "body is cef or ocsf"),
            ("facility = 16", "facility = 24", "facility is 24; it must be 0 to 23"),
            ("key = \"/etc/auscult/siem.key\"\n", "", "certificate and key belong together"),
            ("method = \"PATCH\"", "method = \"DELETE\"", "method is POST, PUT or PATCH"),
            ("path = \"/api", "path = \"api", "path begins with /"),
            ("number = \"/id\"", "number = \"id\"", "number says where"),
            ("close = {", "shut = {", "unknown field `shut`"),
        ] {
            let line = refused(from, to);
            assert!(line.contains(said), "{to}: {line}");
            assert!(line.starts_with("line ") || line.contains("at line "), "{to}: {line}");
        }
    }
}
