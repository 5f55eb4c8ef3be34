//! How a connection is left: the answer arrives also where the other end is still sending what was refused unread.
//!
//! Follows RFC 9112 section 9.6: a server that closes at once makes the system reset the connection, and the reset may reach the
//! other end before the answer does. Keeps: nothing. Drops: what still comes, up to a limit, for a moment.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Says that nothing more will be said, and lets the other end finish.
pub(super) async fn part(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    // Whatever goes wrong now: the connection ends.
    let _ = timeout(PATIENCE, finish(&mut stream)).await;
}

async fn finish(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    stream.shutdown().await?;
    let (mut scrap, mut taken) = ([0; 2_048], 0_usize);
    while taken < MOST_OCTETS {
        match stream.read(&mut scrap).await? {
            0 => return Ok(()),
            more => taken = taken.saturating_add(more),
        }
    }
    Ok(())
}

/// What is taken of a body that was refused: twice the longest that any route takes.
const MOST_OCTETS: usize = 2 * auscult_report::batch::MAX_BATCH_OCTETS;
/// A round trip over a satellite, and a second for what was under way.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn who_is_still_sending_can_finish_and_reads_the_end() {
        runtime().block_on(async {
            // One that holds no more than a little at a time.
            let (mut theirs, ours) = duplex(1_000);
            let sending = tokio::spawn(async move {
                theirs.write_all(&vec![0; 100_000]).await.unwrap();
                theirs.shutdown().await.unwrap();
                let mut answer = Vec::new();
                theirs.read_to_end(&mut answer).await.unwrap()
            });
            part(ours).await;
            assert_eq!(sending.await.unwrap(), 0);
        });
    }

    #[test]
    fn who_never_stops_is_left() {
        runtime().block_on(async {
            let (mut theirs, ours) = duplex(1 << 16);
            let sending = tokio::spawn(async move {
                let mut sent = 0_usize;
                while theirs.write_all(&[0; 4_096]).await.is_ok() {
                    sent += 4_096;
                }
                sent
            });
            part(ours).await;
            let sent = sending.await.unwrap();
            assert!((MOST_OCTETS..2 * MOST_OCTETS).contains(&sent), "{sent}");
        });
    }
}
