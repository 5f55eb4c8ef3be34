//! A file that goes out while it is made, however long it is.
//!
//! Keeps: two pieces of [`PIECE`] octets of each file. Drops: what is asked for by more readers at once than [`MOST_EXPORTS`]; a reader who
//! takes no piece for [`PATIENCE`]: what he has is broken off, so that nobody takes it for the whole.

use super::Desk;
use super::page::Answered;
use super::problem::{Problem, content, set};
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::{HeaderValue, StatusCode};
use http_body_util::channel::{Channel, Sender};
use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// Answers with a file of a type, by a name; `make` writes it, elsewhere than here.
pub(super) fn stream<E: Display>(
    desk: &Arc<Desk>,
    (kind, name): (&'static str, &str),
    make: impl FnOnce(&Arc<Desk>, &mut BufWriter<Pieces>) -> Result<(), E> + Send + 'static,
) -> Answered {
    let place = Arc::clone(&desk.exports).try_acquire_owned();
    let place = place.map_err(|_| Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many"))?;
    let (sender, body) = Channel::<Bytes, io::Error>::new(2);
    let mut response = content(kind, Body::new(body));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        set(&mut response, CONTENT_DISPOSITION, value);
    }
    let (handle, desk) = (Handle::current(), Arc::clone(desk));
    handle.clone().spawn_blocking(move || {
        let _place = place;
        let mut pieces = BufWriter::with_capacity(PIECE, Pieces { sender, handle });
        let made = make(&desk, &mut pieces).map_err(|e| e.to_string());
        let made = made.and_then(|()| pieces.flush().map_err(|e| e.to_string()));
        if let Err(error) = made {
            tracing::warn!(error, "a file ended early");
            let (pieces, _) = pieces.into_parts();
            pieces.sender.abort(io::Error::other("ended early"));
        }
    });
    Ok(response)
}

/// Where a file is written to: its reader takes it piece by piece.
pub(super) struct Pieces {
    sender: Sender<Bytes, io::Error>,
    handle: Handle,
}

impl Write for Pieces {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let piece = octets.get(..PIECE).unwrap_or(octets);
        let sent = timeout(PATIENCE, self.sender.send_data(Bytes::copy_from_slice(piece)));
        match self.handle.block_on(sent) {
            Ok(Ok(())) => Ok(piece.len()),
            Ok(Err(_)) => Err(io::Error::new(ErrorKind::BrokenPipe, "its reader is gone")),
            Err(_) => Err(io::Error::new(ErrorKind::TimedOut, "its reader takes nothing")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Files that are read at once: each has a thread that waits for its reader.
pub const MOST_EXPORTS: usize = 16;
/// How long a reader may take for a piece.
const PATIENCE: Duration = Duration::from_secs(30);
/// Octets of a piece: two seconds of a slow line.
const PIECE: usize = 64 << 10;
