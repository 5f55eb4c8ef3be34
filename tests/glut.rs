//! The worst that can be heard: every table of the agent filled at once, window after window.
//!
//! Services by the thousand that each say another version, callers that each call themselves otherwise, messages that are begun
//! and never ended, segments that come before their turn, phones. Keeps: the dice. Drops: nothing is recorded.

use crate::frames::segment;
use crate::season::{BEGIN_MS, WINDOW_MS};
use crate::talks::association;
use auscult_agent::capture::Frame;
use auscult_agent::capture::file::CaptureFile;

/// Plays so many windows; `much` is how much of it: 1 fills the tables of the default.
pub fn fill(windows: u32, much: u32, hear: &mut dyn FnMut(u64, &[u8])) -> u64 {
    let associations = association_frames();
    let mut frames = 0u64;
    for window in 0..windows {
        let mut now = BEGIN_MS + u64::from(window) * WINDOW_MS;
        let mut say = |frame: &[u8]| {
            frames += 1;
            now += u64::from(frames.is_multiple_of(1_000));
            hear(now, frame);
        };
        for n in 0..300 * much {
            unfinished(window, n, &mut say);
        }
        for n in 0..9_000 * much {
            greeted(window, n, &mut say);
        }
        for n in 0..40_000 * much {
            associated(&associations, window, n, &mut say);
        }
    }
    frames
}

/// A service that nobody heard before, with a version of its own.
fn greeted(window: u32, n: u32, say: &mut dyn FnMut(&[u8])) {
    let [_, b, c, d] = (window * 100_003 + n).to_be_bytes();
    let (client, server) = (([10, b, c, d], 40_000), ([192, 168 + b % 2, c, d], 22));
    let text = format!("SSH-2.0-OpenSSH_{}.{}p{} Debian-{}\r\n", n % 9 + 1, n % 97, n % 31, n);
    say(&segment(client, server, 99, 2, &[]));
    say(&segment(server, client, 199, 0x12, &[]));
    say(&segment(server, client, 200, 0x18, text.as_bytes()));
    say(&segment(client, server, 100, 0x18, b"SSH-2.0-OpenSSH_9.2p1\r\n"));
}

/// An association with one of forty archives under a title of its own; the client is of another zone now and then.
fn associated(frames: &[Vec<u8>], window: u32, n: u32, say: &mut dyn FnMut(&[u8])) {
    let title = format!("T{:015}", window * 1_000_003 + n);
    let [_, _, c, d] = n.to_be_bytes();
    let (client, server) =
        (if n.is_multiple_of(3) { [203, 0, c, d] } else { [192, 168, c, d] }, [192, 168, 20, (n % 40) as u8]);
    for frame in frames {
        let mut frame = frame.clone();
        let is_client = frame[26..30] == CLIENT;
        let (from, to) = if is_client { (client, server) } else { (server, client) };
        frame[26..30].copy_from_slice(&from);
        frame[30..34].copy_from_slice(&to);
        let port = if is_client { 34 } else { 36 };
        frame[port..port + 2].copy_from_slice(&(20_000 + (n % 40_000) as u16).to_be_bytes());
        if let Some(at) = frame.windows(16).position(|w| w == b"ANY-SCU         ") {
            frame[at..at + 16].copy_from_slice(title.as_bytes());
        }
        say(&frame);
    }
}

/// Both sides begin a long message, with a hole in it, and never end it.
fn unfinished(window: u32, n: u32, say: &mut dyn FnMut(&[u8])) {
    let [_, _, c, d] = (window * 1_009 + n).to_be_bytes();
    let (client, server) = (([10, 77, c, d], 45_000), ([192, 168, 21, 7], 104));
    say(&segment(client, server, 999, 2, &[]));
    say(&segment(server, client, 999, 0x12, &[]));
    for (from, to, kind) in [(client, server, 1u8), (server, client, 2)] {
        let mut head = vec![kind, 0, 0, 0, 0xb0, 0, 0, 1, 0, 0]; // A-ASSOCIATE of 45,056 octets
        head.resize(1_400, 0x20);
        say(&segment(from, to, 1_000, 0x18, &head));
        for piece in 1..20u32 {
            say(&segment(from, to, 1_000 + piece * 1_400, 0x18, &[0x10; 1_400]));
        }
        // The twenty-first never comes.
        for piece in 21..36u32 {
            say(&segment(from, to, 1_000 + piece * 1_400, 0x18, &[0x10; 1_400]));
        }
    }
}

fn association_frames() -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let octets = association(CLIENT, [192, 168, 20, 9], 0);
    CaptureFile::open(&octets[..]).unwrap().each(|frame: &Frame<'_>, _| frames.push(frame.octets.to_vec()));
    frames
}

const CLIENT: [u8; 4] = [192, 168, 20, 8];
