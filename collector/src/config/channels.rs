//! Channels of notices as they are typed: e-mail, webhook, syslog, ticket.
//!
//! Keeps: what is meant. Drops: a channel that cannot work: no recipient, no TLS, a text that does not become JSON.

use super::notices::{Channel, Mail, RawTakes, Step, Syslog, Ticket, Tls, Way, Webhook, time, web, word};
use super::place::{Server, WebAddress};
use super::template::Template;
use super::{ConfigError, at, bounded, small};
use serde::Deserialize;
use std::path::PathBuf;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMail {
    pub(super) name: Spanned<String>,
    server: Spanned<String>,
    tls: Option<Spanned<String>>,
    user: Option<Spanned<String>>,
    password: Option<PathBuf>,
    from: Spanned<String>,
    to: Spanned<Vec<Spanned<String>>>,
    digest: Option<Spanned<String>>,
    most_hour: Option<Spanned<i64>>,
    ca: Option<PathBuf>,
    #[serde(default)]
    takes: RawTakes,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWebhook {
    pub(super) name: Spanned<String>,
    url: Spanned<String>,
    key: PathBuf,
    old_key: Option<PathBuf>,
    ca: Option<PathBuf>,
    #[serde(default)]
    takes: RawTakes,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSyslog {
    pub(super) name: Spanned<String>,
    server: Spanned<String>,
    tls: Option<Spanned<String>>,
    body: Option<Spanned<String>>,
    facility: Option<Spanned<i64>>,
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    #[serde(default)]
    takes: RawTakes,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTicket {
    pub(super) name: Spanned<String>,
    url: Spanned<String>,
    header: Option<PathBuf>,
    number: Option<Spanned<String>>,
    open: RawStep,
    update: RawStep,
    close: RawStep,
    ca: Option<PathBuf>,
    #[serde(default)]
    takes: RawTakes,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    method: Option<Spanned<String>>,
    path: Option<Spanned<String>>,
    body: Spanned<String>,
}

impl RawMail {
    pub(super) fn meant(self, text: &str) -> Result<Channel, ConfigError> {
        let server = server(text, &self.server)?;
        let tls = match self.tls.as_ref().map(|t| t.get_ref().as_str()) {
            None | Some("start") => Tls::Start,
            Some("wrapped") => Tls::Wrapped,
            Some("none-on-loopback") => Tls::None,
            Some(_) => return Err(no_tls(text, self.tls.as_ref(), "start, wrapped or none-on-loopback")),
        };
        loopback(text, &self.server, tls != Tls::None || server.is_loopback())?;
        let login = match (self.user, self.password) {
            (Some(user), Some(file)) => Some((line(text, &user)?, file)),
            (None, None) => None,
            _ => {
                let said = "user and password belong together: a name, and the file of its password; or neither";
                return Err(at(text, self.name.span().start, said));
            }
        };
        let to = self.to.get_ref();
        if to.is_empty() || to.len() > MOST_RECIPIENTS {
            let said = format!("to has {} addresses; it must have 1 to {MOST_RECIPIENTS}", to.len());
            return Err(at(text, self.to.span().start, &said));
        }
        let mail = Mail {
            server,
            tls,
            login,
            from: mailbox(text, &self.from)?,
            to: to.iter().map(|a| mailbox(text, a)).collect::<Result<_, _>>()?,
            digest: self.digest.as_ref().map(|d| time(text, d)).transpose()?,
            most_hour: small(bounded(text, "most_hour", &self.most_hour, 12, 1..=1_000)?),
            ca: self.ca,
        };
        let takes = self.takes.meant(text, MEDIUM, true)?;
        Ok(Channel { name: word(text, &self.name)?, takes, way: Way::Mail(mail) })
    }
}

impl RawWebhook {
    pub(super) fn meant(self, text: &str) -> Result<Channel, ConfigError> {
        let hook = Webhook { url: fixed(text, &self.url)?, key: self.key, old_key: self.old_key, ca: self.ca };
        let takes = self.takes.meant(text, LOW, false)?;
        Ok(Channel { name: word(text, &self.name)?, takes, way: Way::Webhook(hook) })
    }
}

impl RawSyslog {
    pub(super) fn meant(self, text: &str) -> Result<Channel, ConfigError> {
        let server = server(text, &self.server)?;
        let tls = match self.tls.as_ref().map(|t| t.get_ref().as_str()) {
            None | Some("wrapped") => true,
            Some("none-on-loopback") => false,
            Some(_) => return Err(no_tls(text, self.tls.as_ref(), "wrapped or none-on-loopback")),
        };
        loopback(text, &self.server, tls || server.is_loopback())?;
        let ocsf = match self.body.as_ref().map(|b| (b.get_ref().as_str(), b.span().start)) {
            None | Some(("cef", _)) => false,
            Some(("ocsf", _)) => true,
            Some((_, place)) => return Err(at(text, place, "body is cef or ocsf")),
        };
        let files = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => {
                let said = "certificate and key belong together: name both files, or neither";
                return Err(at(text, self.name.span().start, said));
            }
        };
        let facility = bounded(text, "facility", &self.facility, 16, 0..=23)?;
        let facility = u8::try_from(facility).unwrap_or(16);
        let way = Way::Syslog(Syslog { server, tls, ocsf, facility, ca: self.ca, files });
        Ok(Channel { name: word(text, &self.name)?, takes: self.takes.meant(text, LOW, false)?, way })
    }
}

impl RawTicket {
    pub(super) fn meant(self, text: &str) -> Result<Channel, ConfigError> {
        let number = self.number.as_ref().map(|n| {
            let said = "number says where the answer has the ticket's number, as in /result/number (RFC 6901)";
            let is_good = n.get_ref().starts_with('/') && n.get_ref().len() <= 200;
            if is_good { Ok(n.get_ref().clone()) } else { Err(at(text, n.span().start, said)) }
        });
        let url = fixed(text, &self.url)?;
        let way = Way::Ticket(Ticket {
            header: self.header,
            open: self.open.meant(text, &url)?,
            update: self.update.meant(text, &url)?,
            close: self.close.meant(text, &url)?,
            number: number.transpose()?,
            ca: self.ca,
            url,
        });
        Ok(Channel { name: word(text, &self.name)?, takes: self.takes.meant(text, MEDIUM, false)?, way })
    }
}

impl RawStep {
    fn meant(self, text: &str, url: &WebAddress) -> Result<Step, ConfigError> {
        let method = match self.method.as_ref().map(|m| (m.get_ref().as_str(), m.span().start)) {
            None => "POST".to_owned(),
            Some((method @ ("POST" | "PUT" | "PATCH"), _)) => method.to_owned(),
            Some((_, place)) => return Err(at(text, place, "method is POST, PUT or PATCH")),
        };
        let path = match &self.path {
            None => Template::read(&url.path).unwrap_or_default(),
            Some(path) => {
                let is_path = path.get_ref().starts_with('/')
                    && path.get_ref().bytes().all(|o| o.is_ascii_graphic() || o == b' ');
                if !is_path || path.get_ref().len() > 1_000 {
                    return Err(at(
                        text,
                        path.span().start,
                        "path begins with / and has at most 1000 letters of ASCII",
                    ));
                }
                template(text, path)?
            }
        };
        let body = template(text, &self.body)?;
        // Filled with what is hardest to write it must still be read.
        if serde_json::from_str::<serde_json::Value>(&body.json(|_| "\"\\\n{}".to_owned())).is_err() {
            let said = "body does not become JSON: places stand within quotes, as in {\"title\": \"{{title}}\"}";
            return Err(at(text, self.body.span().start, said));
        }
        Ok(Step { method, path, body })
    }
}

/// A text, or the line of the first place that is none.
fn template(text: &str, value: &Spanned<String>) -> Result<Template, ConfigError> {
    Template::read(value.get_ref()).map_err(|wrong| {
        let start = value.span().start;
        let within = text.get(value.span()).and_then(|raw| raw.find(&wrong)).unwrap_or(0);
        let places: Vec<&str> = super::Place::ALL.iter().map(|p| p.word()).collect();
        at(text, start.saturating_add(within), &format!("{wrong} is none of {}", places.join(", ")))
    })
}

/// An address without places.
fn fixed(text: &str, value: &Spanned<String>) -> Result<WebAddress, ConfigError> {
    let url = web(text, value)?;
    if url.path.contains(['{', '}']) {
        return Err(at(text, value.span().start, "url has no places; those of a ticket stand in its path"));
    }
    Ok(url)
}

fn server(text: &str, value: &Spanned<String>) -> Result<Server, ConfigError> {
    let said = "server is a name or an address and a port, as in mail.example.org:587";
    Server::read(value.get_ref()).ok_or_else(|| at(text, value.span().start, said))
}

fn loopback(text: &str, value: &Spanned<String>, is_good: bool) -> Result<(), ConfigError> {
    let said =
        "without TLS a server must be this machine by its address, as in 127.0.0.1:25: a name could lead elsewhere";
    if is_good { Ok(()) } else { Err(at(text, value.span().start, said)) }
}

fn no_tls(text: &str, value: Option<&Spanned<String>>, words: &str) -> ConfigError {
    at(text, value.map_or(0, |v| v.span().start), &format!("tls is {words}"))
}

/// An e-mail address without a name.
fn mailbox(text: &str, value: &Spanned<String>) -> Result<String, ConfigError> {
    let address = value.get_ref();
    match address.parse::<lettre::Address>() {
        Ok(_) if address.len() <= 254 => Ok(address.clone()),
        _ => Err(at(text, value.span().start, "this is no e-mail address, as in maria@example.org")),
    }
}

fn line(text: &str, value: &Spanned<String>) -> Result<String, ConfigError> {
    let line = value.get_ref();
    if line.is_empty() || line.len() > 200 || line.chars().any(char::is_control) {
        return Err(at(text, value.span().start, "must be 1 to 200 octets on one line"));
    }
    Ok(line.clone())
}

const MEDIUM: u8 = 2;
const LOW: u8 = 1;
/// Each gets a mail of their own.
const MOST_RECIPIENTS: usize = 64;
