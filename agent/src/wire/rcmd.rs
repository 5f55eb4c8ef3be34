//! The remote commands of Berkeley: rlogin (RFC 1282), and rexec and rsh, whose form rexecd(8), rshd(8) and rcmd(3) write down.
//!
//! Keeps: whether the beginning has its form, and whether the server took it. Drops: names of users, passwords, commands, and
//! everything behind: nobody looks at it.

use super::WireError;
use super::reader::Reader;

/// What a client sends first: a port in decimal digits for a second connection, or none, and three texts, each ended by a zero.
/// The texts are a person's, and only looked at for their form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// A second connection is wanted, for what goes wrong.
    pub has_port: bool,
    /// The second text is empty: no password, no name there.
    pub second_is_empty: bool,
    /// The third text is empty.
    pub third_is_empty: bool,
    /// The third text is a type of terminal and its speed, `xterm/38400`.
    pub names_terminal: bool,
}

impl Opening {
    /// 0 to 5 digits, 0. A name, 0. A name or password, 0. A command, or a terminal and its speed, 0.
    ///
    /// # Errors
    /// `Truncated` while it may become one, `Malformed` if it is none.
    pub fn read(octets: &[u8]) -> Result<Opening, WireError> {
        let mut r = Reader::new(octets);
        let port = text(&mut r, MAX_PORT, "port", |o| o.is_ascii_digit())?;
        let is_port =
            |digits: &[u8]| digits.iter().fold(0u32, |n, o| n.saturating_mul(10).saturating_add(u32::from(o & 15)));
        if !port.is_empty() && !(1..=u32::from(u16::MAX)).contains(&is_port(port)) {
            return Err(WireError::Malformed("port"));
        }
        if text(&mut r, MAX_TEXT, "first name", |o| matches!(o, b' '..=b'~'))?.is_empty() {
            return Err(WireError::Malformed("first name"));
        }
        let second = text(&mut r, MAX_TEXT, "second name", |o| o >= b' ' && o != 0x7F)?;
        let third = text(&mut r, MAX_COMMAND, "command", |o| o >= b' ' || matches!(o, b'\t' | b'\n' | b'\r'))?;
        Ok(Opening {
            has_port: !port.is_empty(),
            second_is_empty: second.is_empty(),
            third_is_empty: third.is_empty(),
            names_terminal: names_terminal(third),
        })
    }
}

/// The server's first octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 0: it goes on.
    Taken,
    /// 1, and a line of text: it does not.
    Refused,
}

impl Answer {
    /// Octet 0: 0, or 1 with a text behind it.
    ///
    /// # Errors
    /// `Truncated` while it may become one, `Malformed` if it is none.
    pub fn read(octets: &[u8]) -> Result<Answer, WireError> {
        let mut r = Reader::new(octets);
        match r.u8("answer")? {
            0 => Ok(Answer::Taken),
            1 if matches!(r.u8("reason")?, b' '..=b'~') => Ok(Answer::Refused),
            _ => Err(WireError::Malformed("answer")),
        }
    }
}

/// The octets before the next zero, at most `most`, each of which `may` stand there.
fn text<'a>(r: &mut Reader<'a>, most: usize, field: &'static str, may: fn(u8) -> bool) -> Result<&'a [u8], WireError> {
    let rest = r.rest();
    let end = rest.iter().position(|o| *o == 0);
    let found = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    if found.len() > most || !found.iter().all(|o| may(*o)) {
        return Err(WireError::Malformed(field));
    }
    r.take(found.len().saturating_add(1), field)?;
    Ok(found)
}

/// RFC 1282: `terminal-type/speed`.
fn names_terminal(text: &[u8]) -> bool {
    let Some(slash) = text.iter().rposition(|o| *o == b'/') else { return false };
    let Some((kind, [_, speed @ ..])) = text.split_at_checked(slash) else { return false };
    let is_speed = !speed.is_empty() && speed.len() <= MAX_SPEED && speed.iter().all(u8::is_ascii_digit);
    is_speed && !kind.is_empty() && kind.len() <= MAX_TEXT && kind.iter().all(u8::is_ascii_graphic)
}

/// Digits of a port.
const MAX_PORT: usize = 5;
/// Digits of a speed: 4000000 is the highest that systems know.
const MAX_SPEED: usize = 7;
/// Octets of a name or password: servers take 16 to 256.
const MAX_TEXT: usize = 256;
/// Octets of a command: a longer one is not told from other octets in time.
const MAX_COMMAND: usize = 3000;

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Opening =
        Opening { has_port: false, second_is_empty: false, third_is_empty: false, names_terminal: false };

    #[test]
    fn three_texts_behind_a_port_or_none() {
        // The port of the second connection, who calls, who is asked for, what is to be done.
        let rsh = b"1022\0zzcanary\0ward\0ls /srv/ZZCANARY\0";
        assert_eq!(Opening::read(rsh), Ok(Opening { has_port: true, ..PLAIN }));
        for short in 0..rsh.len() {
            assert!(matches!(Opening::read(&rsh[..short]), Err(WireError::Truncated(_))), "{short}");
        }
        // No port; who calls, who is asked for, terminal and speed.
        let rlogin = b"\0zzcanary\0ward\0xterm-256color/38400\0";
        assert_eq!(Opening::read(rlogin), Ok(Opening { names_terminal: true, ..PLAIN }));
        let rexec = b"0\0zzcanary\0\0date\0";
        assert_eq!(Opening::read(rexec), Err(WireError::Malformed("port")));
        let rexec = b"\0zzcanary\0\0date\0"; // no password
        assert_eq!(Opening::read(rexec), Ok(Opening { second_is_empty: true, ..PLAIN }));
    }

    #[test]
    fn other_octets_are_none() {
        for bad in [
            &b"<13>Nov 22 12:00:00 host program: text\n"[..], // a line for the system's journal
            b"99999\0a\0b\0c\0",                              // no port
            b"123456\0a\0b\0c\0",
            b"\0\0\0\x17junk",
            b"\0a\x01\0b\0c\0",
            b"\0a\0b\x02\0c\0",
            b"\0a\0b\0c\x7f\x03\0",
        ] {
            assert!(matches!(Opening::read(bad), Err(WireError::Malformed(_))), "{bad:?}");
        }
        let long = [&b"\0a\0b\0"[..], &[b'x'; MAX_COMMAND + 1]].concat();
        assert!(matches!(Opening::read(&long), Err(WireError::Malformed(_))));
        for (text, is) in [
            (&b"xterm/38400"[..], true),
            (b"a/b/9600", true),
            (b"xterm", false),
            (b"/9600", false),
            (b"x/", false),
            (b"x/12345678", false),
            (b"x y/9600", false),
        ] {
            assert_eq!(names_terminal(text), is, "{text:?}");
        }
    }

    #[test]
    fn a_server_takes_it_or_says_why_not() {
        assert_eq!(Answer::read(b"\0"), Ok(Answer::Taken));
        assert_eq!(Answer::read(b"\x01Permission denied.\n"), Ok(Answer::Refused));
        assert!(matches!(Answer::read(b""), Err(WireError::Truncated(_))));
        assert!(matches!(Answer::read(b"\x01"), Err(WireError::Truncated(_))));
        for bad in [&b"\x01\x02"[..], b"SSH-2.0-x"] {
            assert!(matches!(Answer::read(bad), Err(WireError::Malformed(_))), "{bad:?}");
        }
    }
}
