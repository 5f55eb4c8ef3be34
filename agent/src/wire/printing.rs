//! What printers are sent: raw jobs (PJL, PostScript, PCL, ESC/P), and the line printer daemon (RFC 1179).
//!
//! Keeps: that a job begins, that a printer answers. Drops: everything in a job: names, users, pages.

use super::WireError;
use super::http::Begins;
use super::reader::Reader;

/// Whether these octets begin a raw job by the universal exit language, which nothing else begins with.
#[must_use]
pub fn begins_job(octets: &[u8]) -> Begins {
    begins_with_any(octets, &[EXIT])
}

/// Whether these octets begin a page in some language of printers: a sign on their own ports alone.
#[must_use]
pub fn begins_page(octets: &[u8]) -> Begins {
    begins_with_any(octets, PAGES)
}

/// Whether a printer says this: an answer in PJL, or a message of PostScript.
#[must_use]
pub fn begins_answer(octets: &[u8]) -> Begins {
    begins_with_any(octets, &[b"@PJL ", b"%%[ "])
}

fn begins_with_any(octets: &[u8], words: &[&[u8]]) -> Begins {
    if words.iter().any(|w| octets.starts_with(w)) {
        Begins::Yes
    } else if words.iter().any(|w| w.starts_with(octets)) {
        Begins::Perhaps
    } else {
        Begins::No
    }
}

/// A command of the line printer daemon (RFC 1179 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// 1, 2, 5: print what waits, take a job, remove jobs; the server answers with an octet.
    Job,
    /// 3, 4: the state of a queue; the server answers with text.
    State,
}

impl Command {
    /// Octet 0: the command; the name of a queue, perhaps users and numbers; a line feed.
    ///
    /// # Errors
    /// `Truncated` until the line feed is there, `Malformed` if it is none.
    pub fn read(octets: &[u8]) -> Result<Command, WireError> {
        let mut r = Reader::new(octets);
        let command = match r.u8("command")? {
            1 | 2 | 5 => Command::Job,
            3 | 4 => Command::State,
            _ => return Err(WireError::Malformed("command")),
        };
        let line = r.rest().iter().position(|o| *o == b'\n');
        let queue = r.rest().get(..line.unwrap_or(r.left())).unwrap_or_default();
        let plain = queue.iter().all(|o| (0x20..0x7F).contains(o));
        match line {
            _ if !plain || queue.len() > MAX_QUEUE => Err(WireError::Malformed("queue")),
            Some(at) if at > 0 => Ok(command),
            Some(_) => Err(WireError::Malformed("queue")),
            None => Err(WireError::Truncated("queue")),
        }
    }
}

/// ESC % - 1 2 3 4 5 X.
const EXIT: &[u8] = b"\x1B%-12345X";

/// PostScript (perhaps behind an end of file), PCL's reset, ESC/P's, PDF.
const PAGES: &[&[u8]] = &[b"@PJL ", b"%!PS", b"\x04%!PS", b"\x1BE\x1B", b"\x1B@", b"%PDF-"];

/// Octets of a queue's name and what stands behind it.
const MAX_QUEUE: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_pages_and_answers_are_told_by_their_first_octets() {
        assert_eq!(begins_job(b"\x1B%-12345X@PJL JOB NAME=\"ZZCANARY\"\r\n"), Begins::Yes);
        assert_eq!(begins_job(b"\x1B%-1"), Begins::Perhaps);
        assert_eq!(begins_page(b"%!PS-Adobe-3.0"), Begins::Yes);
        assert_eq!(begins_page(b"\x1B@ZZ"), Begins::Yes);
        assert_eq!(begins_page(b"GET / HTTP/1.1"), Begins::No);
        assert_eq!(begins_answer(b"@PJL INFO ID\r\n\"HP LaserJet\"\r\n"), Begins::Yes);
        assert_eq!(begins_answer(b"SSH-2.0"), Begins::No);
    }

    #[test]
    fn a_command_of_the_line_printer_daemon_names_a_queue() {
        assert_eq!(Command::read(b"\x02lp\n"), Ok(Command::Job));
        assert_eq!(Command::read(b"\x04lp zzcanary 12\n"), Ok(Command::State));
        assert_eq!(Command::read(b"\x02lp"), Err(WireError::Truncated("queue")));
        for bad in [&b"\x02\n"[..], b"\x09lp\n", b"\x02\xFF\x00\n", &[2; 300]] {
            assert!(matches!(Command::read(bad), Err(WireError::Malformed(_))), "{bad:?}");
        }
    }
}
