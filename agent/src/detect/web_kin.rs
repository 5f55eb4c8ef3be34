//! What is spoken inside HTTP and has a name of its own: printing (RFC 8010), and interfaces for administrators.
//!
//! Keeps: the protocol. Drops: the fields it was told by.

use super::Said;
use super::web_media::Media;
use super::web_path::PathKind;
use super::web_request::{Asked, Method};
use super::web_text::starts_with;
use super::web_told::Told;
use crate::wire::http::Answer;
use auscult_report::fact::{Fact, Protocol, Role};

/// Says what an answer belongs to, beside HTTP.
pub(super) fn hear(answer: &Answer<'_>, asked: Option<&Asked>, said: &mut Said<'_>, told: &mut Told) {
    let server = answer.fields.get("Server").unwrap_or_default();
    let protocol = if answer.fields.get("Content-Type").map(Media::of) == Some(Media::Ipp) {
        told.server_host(said, Fact::Role(Role::Printer));
        Protocol::Ipp
    } else if starts_with(server, b"MiniServ/") {
        Protocol::Webmin
    } else if starts_with(server, b"Docker/") || answer.fields.get("Docker-Experimental").is_some() {
        Protocol::Docker
    } else if asked.is_some_and(|a| a.path.kind == PathKind::WsMan && a.method == Method::Post)
        && starts_with(server, b"Microsoft-HTTPAPI/")
    {
        Protocol::Winrm
    } else {
        return;
    };
    told.service(said, Fact::Protocol(protocol));
}
