//! Reviewers at the door: the files of one clinic's ledger (C2SP tlog-tiles), for who has a token of that clinic.
//!
//! Keeps: nothing. Drops: whether a ledger exists; who has no token for it hears "not found", as for one that is not there. A path is
//! read only if it has the form of a checkpoint, a tile or a bundle of entries.

use super::Desk;
use super::api::said;
use super::problem::{Problem, content, set};
use crate::access::token_hash;
use auscult_report::key::LedgerId;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderMap};
use axum::http::{HeaderValue, Response, Uri};
use std::path::PathBuf;
use std::sync::Arc;

/// A file of a ledger.
pub(super) async fn file(
    State(desk): State<Arc<Desk>>,
    Path((ledger, file)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    let at = Arc::clone(&desk);
    read(desk, ledger, file, &headers).await.unwrap_or_else(|problem| said(&at, problem, &uri))
}

async fn read(desk: Arc<Desk>, ledger: String, file: String, headers: &HeaderMap) -> Result<Response<Body>, Problem> {
    let token = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok()?.strip_prefix("Bearer "));
    let token = token.filter(|_| is_file(&file)).ok_or(Problem::NOT_FOUND)?;
    let folder = folder(&desk, &ledger, token).ok_or(Problem::NOT_FOUND)?;
    let is_checkpoint = file == "checkpoint";
    let read = tokio::task::spawn_blocking(move || std::fs::read(folder.join(file))).await;
    let octets = read.ok().and_then(Result::ok).ok_or(Problem::NOT_FOUND)?;
    if is_checkpoint {
        return Ok(content("text/plain; charset=utf-8", octets));
    }
    let mut response = content("application/octet-stream", octets);
    set(&mut response, CACHE_CONTROL, HeaderValue::from_static("private, immutable, max-age=31536000"));
    Ok(response)
}

/// The folder of a ledger's newest generation, if the token is for it.
fn folder(desk: &Desk, ledger: &str, token: &str) -> Option<PathBuf> {
    let number = (ledger.len() == 32).then(|| u128::from_str_radix(ledger, 16).ok()).flatten()?;
    let clinic = desk.store.clinic_of_ledger(LedgerId(number.to_be_bytes())).ok()??;
    clinic.is_token(&token_hash(token), (desk.clock)()).ok().filter(|may| *may)?;
    let row = clinic.clinic().ok()?;
    Some(desk.tiles.join(row.ledger.to_string()).join(row.generation.to_string()))
}

/// `checkpoint`, `tile/...` or `tile/entries/...`: letters x and p, digits, dots before `p` only.
fn is_file(path: &str) -> bool {
    if path == "checkpoint" {
        return true;
    }
    let Some(rest) = path.strip_prefix("tile/") else { return false };
    let rest = rest.strip_prefix("entries/").unwrap_or(rest);
    let is_part = |part: &str| {
        let digits = part.strip_suffix(".p").unwrap_or(part);
        let digits = digits.strip_prefix('x').unwrap_or(digits);
        (1..=3).contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_digit())
    };
    rest.len() <= 40 && rest.split('/').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_files_of_a_ledger_have_a_path() {
        for path in
            ["checkpoint", "tile/0/000", "tile/1/x001/234.p/17", "tile/entries/000.p/9", "tile/entries/x001/x234/567"]
        {
            assert!(is_file(path), "{path}");
        }
        for path in [
            "",
            "../checkpoint",
            "tile/../../archive.db",
            "tile//000",
            "tile/0/000/",
            "tile/0/.p",
            "tile/0/0000",
            "entries/000",
            "tile/0/x",
        ] {
            assert!(!is_file(path), "{path}");
        }
    }
}
