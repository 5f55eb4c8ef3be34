//! The person at the terminal: plain lines out, plain lines in. A pipe does as well.
//!
//! Keeps: nothing; what was typed is wiped with the answer. Drops: of names that were heard every character that could drive the
//! terminal or turn what stands beside it (all but letters, digits and the signs of ASCII).

use std::io::{BufRead, Read, Write};
use zeroize::Zeroizing;

/// Lines out, and lines in.
pub(super) struct Terminal<'a> {
    pub(super) input: &'a mut dyn BufRead,
    pub(super) output: &'a mut (dyn Write + Send),
}

impl Terminal<'_> {
    /// Says a line.
    pub(super) fn say(&mut self, line: &str) -> Result<(), String> {
        writeln!(self.output, "{line}").map_err(|e| format!("the terminal cannot be written to ({e})"))
    }

    /// Shows a name that was heard, behind `before`. A character that is not harmless is shown as a question mark.
    pub(super) fn show(&mut self, before: &str, heard: &str, behind: &str) -> Result<(), String> {
        let fault = |e| format!("the terminal cannot be written to ({e})");
        write!(self.output, "{before}").map_err(fault)?;
        for c in heard.chars() {
            let shown = if c.is_alphanumeric() || c == ' ' || c.is_ascii_graphic() { c } else { '?' };
            write!(self.output, "{shown}").map_err(fault)?;
        }
        self.say(behind)
    }

    /// What is typed, without blanks around it.
    pub(super) fn ask(&mut self) -> Result<Zeroizing<String>, String> {
        let fault = |e| format!("the answer cannot be read ({e})");
        write!(self.output, "> ").and_then(|()| self.output.flush()).map_err(fault)?;
        let mut line = Zeroizing::new(String::with_capacity(MOST_LINE));
        let most = u64::try_from(MOST_LINE).unwrap_or(u64::MAX);
        let length = Read::take(&mut *self.input, most).read_line(&mut line).map_err(fault)?;
        if length == 0 {
            return Err("there are no more answers; run setup again, it goes on where it stopped".to_owned());
        }
        Ok(Zeroizing::new(line.trim().to_owned()))
    }

    /// Asks until the answer can be taken; says what is wrong with one that cannot.
    pub(super) fn until<T>(&mut self, mut take: impl FnMut(&str) -> Result<T, String>) -> Result<T, String> {
        for _ in 0..MOST_TRIES {
            let answer = self.ask()?;
            match take(&answer) {
                Ok(taken) => return Ok(taken),
                Err(fault) => self.say(&format!("  {fault}"))?,
            }
        }
        Err("no answer could be taken; run setup again when it is known".to_owned())
    }

    /// Yes or no; Enter is `default`.
    pub(super) fn yes(&mut self, question: &str, default: bool) -> Result<bool, String> {
        self.say(&format!("{question} {}", if default { "[Y/n]" } else { "[y/N]" }))?;
        self.until(|answer| match answer.to_ascii_lowercase().as_str() {
            "" => Ok(default),
            "y" | "yes" => Ok(true),
            "n" | "no" => Ok(false),
            _ => Err("y or n".to_owned()),
        })
    }
}

/// A line of answers.
const MOST_LINE: usize = 4_096;
/// A person who does not find the answer comes back later.
const MOST_TRIES: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(typed: &str, talk: impl FnOnce(&mut Terminal<'_>) -> T) -> (T, String) {
        let (mut input, mut output) = (typed.as_bytes(), Vec::new());
        let told = talk(&mut Terminal { input: &mut input, output: &mut output });
        (told, String::from_utf8(output).unwrap())
    }

    #[test]
    fn an_answer_that_cannot_be_taken_is_asked_for_again_and_the_end_of_answers_ends_it() {
        let (answer, said) = with("maybe\n\n", |t| t.yes("Keep it?", true));
        assert_eq!(answer, Ok(true));
        assert!(said.starts_with("Keep it? [Y/n]\n> ") && said.contains("  y or n\n> "), "{said}");
        assert!(with("", |t| t.yes("Keep it?", true)).0.unwrap_err().contains("no more answers"));
        assert!(with(&"x\n".repeat(10), |t| t.yes("Keep it?", true)).0.unwrap_err().contains("no answer could be"));
        assert!(with(&"x".repeat(9_000), |t| t.yes("Keep it?", true)).0.is_err());
    }

    #[test]
    fn a_name_that_was_heard_cannot_drive_the_terminal() {
        let (_, said) = with("", |t| t.show("  1  ", "Praxis \u{e4}\u{1b}[2J\u{202e}\n", "  here"));
        assert_eq!(said, "  1  Praxis \u{e4}?[2J??  here\n");
    }
}
