//! What is spoken inside HTTP and has a name of its own: printing (RFC 8010), and interfaces for administrators.
//!
//! Keeps: the protocol. Drops: the fields it was told by.

use super::Said;
use super::web_answer;
use super::web_media::Media;
use super::web_path::PathKind;
use super::web_request::{Asked, Method};
use super::web_text::{contains, starts_with};
use super::web_told::Told;
use crate::wire::http::Answer;
use auscult_report::fact::{Fact, Protocol, Role, WebAdmin, WebKind};

/// Addresses that mean something where the server says which program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kin {
    /// A program's own pages: `/app`.
    App,
    /// InfluxDB's questions, without a password in them.
    Query,
    /// Remote administration of Windows (WS-Management).
    WsMan,
}

impl Kin {
    /// Of a path and its query.
    pub(super) fn read(path: &[u8], query: &[u8]) -> Option<Kin> {
        match path {
            b"/app" => Some(Kin::App),
            b"/wsman" => Some(Kin::WsMan),
            b"/query" if contains(query, b"q=") && !contains(query, b"p=") => Some(Kin::Query),
            _ => starts_with(path, b"/app/").then_some(Kin::App),
        }
    }
}

/// Says what an answer belongs to, beside HTTP.
pub(super) fn hear(answer: &Answer<'_>, asked: Option<&Asked>, said: &mut Said<'_>, told: &mut Told) {
    if let Some(asked) = asked.filter(|a| answer.status == 200 && a.is_of_nobody()) {
        open(answer, asked, said, told);
    }
    let server = answer.fields.get("Server").unwrap_or_default();
    let protocol = if answer.fields.get("Content-Type").map(Media::of) == Some(Media::Ipp) {
        told.server_host(said, Fact::Role(Role::Printer));
        Protocol::Ipp
    } else if starts_with(server, b"MiniServ/") {
        Protocol::Webmin
    } else if starts_with(server, b"Docker/") || answer.fields.get("Docker-Experimental").is_some() {
        Protocol::Docker
    } else if asked.is_some_and(|a| a.path.kind == PathKind::Kin(Kin::WsMan) && a.method == Method::Post)
        && starts_with(server, b"Microsoft-HTTPAPI/")
    {
        Protocol::Winrm
    } else {
        return;
    };
    told.service(said, Fact::Protocol(protocol));
}

/// What is open by what the program says in fields of its own (`service-ports.tsv`).
fn open(answer: &Answer<'_>, asked: &Asked, said: &mut Said<'_>, told: &mut Told) {
    let media = answer.fields.get("Content-Type").map(Media::of);
    let has = |name| answer.fields.get(name).is_some();
    match (asked.path.kind, media) {
        // Kibana sends who has to log in elsewhere.
        (PathKind::Kin(Kin::App), Some(Media::Html)) if has("Kbn-Name") => {
            told.service(said, Fact::WebKind(WebKind::Admin));
            told.service(said, Fact::WebOpenKind(WebKind::Admin));
            told.service(said, Fact::WebAdminOpen(WebAdmin::Other));
        }
        (PathKind::Kin(Kin::Query), Some(Media::Json)) if has("X-Influxdb-Version") => {
            web_answer::served(WebKind::DatabaseRest, Some(asked), said, told);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::portal::HTTP;
    use super::super::testing::Says::{Client, Server};
    use super::super::testing::{facts, hear};
    use super::*;
    use auscult_report::fact::{Fact, Login};

    fn said_of(target: &str, fields: &str, answer: &str) -> Vec<Fact> {
        let ask = format!("{target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let give = format!("HTTP/1.1 {answer}\r\nContent-Length: 20\r\n\r\n{{\"results\":[{{\"s\":0}}]}}"); // 20 octets
        facts(&hear(&HTTP, 80, 1000, &[Client(ask.as_bytes()), Server(give.as_bytes())]))
    }

    #[test]
    fn what_is_spoken_inside_has_its_own_name() {
        for (target, answer, protocol) in [
            ("POST /printers/x", "200 OK\r\nContent-Type: application/ipp", Protocol::Ipp),
            ("GET /session_login.cgi", "200 OK\r\nServer: MiniServ/2.101\r\nContent-Type: text/html", Protocol::Webmin),
            (
                "GET /v1.43/version",
                "200 OK\r\nServer: Docker/24.0.5 (linux)\r\nContent-Type: application/json",
                Protocol::Docker,
            ),
            ("POST /wsman", "401 No\r\nServer: Microsoft-HTTPAPI/2.0\r\nWWW-Authenticate: Negotiate", Protocol::Winrm),
        ] {
            assert!(said_of(target, "", answer).contains(&Fact::Protocol(protocol)), "{target}");
        }
        let said = said_of("POST /wsman", "", "404 No\r\nServer: nginx");
        assert_eq!(said.iter().filter(|f| matches!(f, Fact::Protocol(_))).count(), 1, "{said:?}");
    }

    #[test]
    fn a_program_is_open_by_its_own_fields_and_not_to_who_logged_in() {
        let kibana = "200 OK\r\nkbn-name: k\r\nContent-Type: text/html";
        let open = Fact::WebAdminOpen(WebAdmin::Other);
        assert!(said_of("GET /app/discover", "", kibana).contains(&open));
        assert!(!said_of("GET /app/discover", "Cookie: sid=1\r\n", kibana).contains(&open));
        assert!(!said_of("GET /app/discover", "", "200 OK\r\nContent-Type: text/html").contains(&open));
        let influx = "200 OK\r\nX-Influxdb-Version: 1.8.10\r\nContent-Type: application/json";
        let said = said_of("GET /query?db=zzcanary&q=SHOW", "", influx);
        assert!(said.contains(&Fact::DataServed) && said.contains(&Fact::Login(Login::None)), "{said:?}");
        assert!(!said_of("GET /query?u=a&p=zzcanary&q=SHOW", "", influx).contains(&Fact::DataServed));
    }
}
