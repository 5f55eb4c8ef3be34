//! Lines for collectors of logs: RFC 5424, over TLS with octets counted (RFC 5425); the text is CEF or JSON of OCSF.
//!
//! Neither standard has an acknowledgement. So each line has a connection of its own, which we end first: when the other side has ended
//! it in order, too, it has read all of it. Keeps: nothing. Drops: structured data: the text says it all.

use super::Failed;
use super::http::connect;
use super::tls;
use super::words::{Message, Words, level, moment};
use crate::config::Syslog;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::json;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::lookup_host;
use tokio_rustls::TlsConnector;

/// Tells one collector of logs.
pub(super) struct Line {
    settings: Syslog,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    archive: String,
}

impl Line {
    pub(super) fn open(settings: &Syslog, archive: &str) -> Result<Line, String> {
        let tls = if settings.tls {
            let name = ServerName::try_from(settings.server.host.clone());
            let name = name.map_err(|_| "its name cannot stand in a certificate")?;
            Some((tls::config(settings.ca.as_deref(), settings.files.as_ref())?, name))
        } else {
            None
        };
        Ok(Line { settings: settings.clone(), tls, archive: archive.to_owned() })
    }

    pub(super) async fn send(&self, words: &Words, message: &Message) -> Result<(), Failed> {
        let text = if self.settings.ocsf { ocsf(words, message) } else { cef(words, message) };
        let line = frame(self.settings.facility, &self.archive, message, &text);
        let server = (self.settings.server.host.as_str(), self.settings.server.port);
        let unknown = |_| Failed::Later("the name of the collector of logs leads to no address (DNS)".to_owned());
        let addresses: Vec<_> = lookup_host(server).await.map_err(unknown)?.collect();
        let stream = connect(&addresses).await?;
        match &self.tls {
            None => say(stream, &line).await,
            Some((config, name)) => {
                let connector = TlsConnector::from(Arc::clone(config));
                say(connector.connect(name.clone(), stream).await.map_err(|e| tls::failed(&e))?, &line).await
            }
        }
    }
}

/// Says it, and waits until the other side has read all of it.
async fn say<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, line: &str) -> Result<(), Failed> {
    let broken = |_| Failed::Later("the connection ended before everything was read".to_owned());
    stream.write_all(line.as_bytes()).await.map_err(broken)?;
    stream.shutdown().await.map_err(broken)?;
    let mut rest = [0; 256];
    for _ in 0..MOST_READS {
        match stream.read(&mut rest).await {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // It has read everything, also that nothing more comes, and closed without saying so in TLS (RFC 5425 4.4 allows no less, many
            // do): a connection that broke is another error.
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(e) => return Err(broken(e)),
        }
    }
    Err(Failed::Later("what answers there is no collector of logs".to_owned()))
}

/// RFC 5424 section 6, behind its length (RFC 5425 section 4.3.1). The text has no byte order mark: it is for programs.
fn frame(facility: u8, archive: &str, message: &Message, text: &str) -> String {
    let severity = match (message.event, message.severity) {
        ("fixed" | "test" | "due", _) => NOTICE,
        (_, n) => SEVERITIES.get(usize::from(n)).copied().unwrap_or(NOTICE),
    };
    let priority = u16::from(facility).saturating_mul(8).saturating_add(severity);
    let said = format!("<{priority}>1 {} {archive} auscult - {} - {text}", moment(message.at), message.event);
    format!("{} {said}", said.len())
}

/// ArcSight Common Event Format 0.
fn cef(words: &Words, message: &Message) -> String {
    let Message { id, key, kind, title, clinic, clinic_name, site, rule, at, .. } = message;
    let header = |text: &str| text.replace('\\', "\\\\").replace('|', "\\|");
    let value = |text: &str| text.replace('\\', "\\\\").replace('=', "\\=").replace(['\r', '\n'], " ");
    let severity = CEF_SEVERITIES.get(usize::from(message.severity)).copied().unwrap_or(0);
    let class = if rule.is_empty() { kind } else { rule.as_str() };
    let mut text = format!("CEF:0|auscult|auscult-collector|{VERSION}|{}|{}|{severity}|", header(class), header(title));
    let fields = [
        ("externalId", id.as_str()),
        ("cat", kind),
        ("rt", &at.0.to_string()),
        ("cs1Label", "clinic"),
        ("cs1", clinic),
        ("cs2Label", "clinicName"),
        ("cs2", clinic_name),
        ("cs3Label", "matter"),
        ("cs3", key),
        ("cs4Label", "site"),
        ("cs4", site),
        ("request", words.page.as_deref().unwrap_or_default()),
    ];
    let fields: Vec<String> = fields.iter().map(|(name, field)| format!("{name}={}", value(field))).collect();
    text.push_str(&fields.join(" "));
    text
}

/// OCSF 1.3: Detection Finding (class 2004).
fn ocsf(words: &Words, message: &Message) -> String {
    let Message { id, key, event, kind, title, clinic, clinic_name, site, rule, at, severity, .. } = message;
    // Activity (create, update, close), type (class and activity), status (new, in progress, resolved).
    let (activity, kind_no, status) = match *event {
        "opened" | "silent" | "due" | "test" => (1, 200_401, 1),
        "fixed" => (3, 200_403, 4),
        _ => (2, 200_402, 2),
    };
    let text = json!({
        "category_uid": 2, "class_uid": 2004, "activity_id": activity, "type_uid": kind_no, "time": at.0,
        "severity_id": severity.saturating_add(1), "severity": level(message), "status_id": status, "message": title,
        "finding_info": {"uid": key, "title": title, "types": [kind], "analytic": {"type_id": 1, "uid": rule}},
        "metadata": {
            "version": "1.3.0", "uid": id, "tenant_uid": clinic_name,
            "product": {"name": "auscult-collector", "vendor_name": "auscult", "version": VERSION},
        },
        "unmapped": {"clinic": clinic, "site": site, "page": words.page},
    });
    text.to_string()
}

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// RFC 5424 table 2: a normal thing that somebody should know of.
const NOTICE: u16 = 5;
/// For info to critical: informational, notice, warning, error, critical.
const SEVERITIES: [u16; 5] = [6, 5, 4, 3, 2];
/// For info to critical, of 10.
const CEF_SEVERITIES: [u8; 5] = [1, 3, 5, 8, 10];
/// Who collects logs says nothing; TLS alone says a little.
const MOST_READS: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notices::words::tests::{told, words};
    use crate::store::Told;

    fn message() -> Message {
        let told = Told { clinic: "Clinic | A=B \\ C\nD".to_owned(), ..told("opened", "sensor-deaf") };
        words().message(&[1; 16], &told)
    }

    #[test]
    fn a_line_is_counted_in_octets_and_says_how_bad() {
        let line = frame(16, "archive.example.org", &message(), "ä");
        assert_eq!(line, "69 <131>1 2026-11-21T10:15:00Z archive.example.org auscult - opened - ä");
        let said = line.split_once(' ').unwrap().1;
        assert_eq!(said.len(), 69, "octets, not letters");
        let fixed = Message { event: "fixed", ..message() };
        assert!(frame(4, "a", &fixed, "x").contains(" <37>1 "));
    }

    #[test]
    fn cef_escapes_what_would_end_a_field() {
        let text = cef(&words(), &message());
        assert!(text.starts_with("CEF:0|auscult|auscult-collector|"), "{text}");
        assert!(text.contains("|sensor-deaf|") && text.contains("|8|externalId=01010101"), "{text}");
        assert!(text.contains(" cs1=Clinic | A\\=B \\\\ C D cs2Label="), "{text}");
        let bar = Message { title: "a|b\\".to_owned(), ..message() };
        assert!(cef(&words(), &bar).contains("|a\\|b\\\\|8|"));
    }

    #[test]
    fn ocsf_is_created_updated_and_closed() {
        let read = |event: &'static str| -> serde_json::Value {
            serde_json::from_str(&ocsf(&words(), &Message { event, ..message() })).unwrap()
        };
        assert_eq!(read("opened")["type_uid"], 200_401);
        assert_eq!((&read("worse")["activity_id"], &read("fixed")["activity_id"]), (&json!(2), &json!(3)));
        assert_eq!((&read("fixed")["status_id"], &read("opened")["severity_id"]), (&json!(4), &json!(4)));
        assert_eq!(read("opened")["metadata"]["uid"], "01".repeat(16));
    }
}
