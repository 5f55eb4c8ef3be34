//! One ticket for each matter: opened once, told what is new, closed.
//!
//! Keeps: nothing; the store knows the ticket's number. Drops: an answer but its status and that number; an end of something of which no
//! ticket was opened.

use super::Failed;
use super::guard::Guard;
use super::http::Client;
use super::secret::secret;
use super::words::{Message, Words};
use crate::config::{Kind, Place, Step, Ticket};
use hyper::header::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

/// Tells one ticket system.
pub(super) struct Desk {
    settings: Ticket,
    client: Client,
    header: Option<(String, Zeroizing<String>)>,
}

impl Desk {
    pub(super) fn open(settings: &Ticket, guard: &Guard) -> Result<Desk, String> {
        let client = Client::open(&settings.url, settings.ca.as_deref(), guard)?;
        let header = settings.header.as_ref().map(|file| {
            let line = secret(file)?;
            let said = || format!("{}: must be one line, as in `Authorization: Bearer ...`", file.display());
            let (name, value) = line.split_once(':').ok_or_else(said)?;
            let (name, value) = (name.trim().to_owned(), Zeroizing::new(value.trim().to_owned()));
            let is_header = HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_str(&value).is_ok();
            if is_header { Ok((name, value)) } else { Err(said()) }
        });
        Ok(Desk { settings: settings.clone(), client, header: header.transpose()? })
    }

    /// Tells it. `ticket` is what was opened before: `None`, nothing; else its number, which may not be known. Gives the number.
    pub(super) async fn send(
        &self,
        words: &Words,
        message: &Message,
        ticket: Option<String>,
    ) -> Result<String, Failed> {
        let is_end = message.event == Kind::Fixed.word();
        let (step, key) = match &ticket {
            None if is_end => return Ok(String::new()),
            // Whoever opens it twice by this key gets one ticket.
            None => (&self.settings.open, &message.key),
            Some(_) if is_end => (&self.settings.close, &message.id),
            Some(_) => (&self.settings.update, &message.id),
        };
        let number = ticket.clone().unwrap_or_default();
        if ticket.is_some() && number.is_empty() && asks_for_number(step) {
            let said = "the ticket's number is not known: the answer that opened it had none where `number` says";
            return Err(Failed::Never(said.to_owned()));
        }
        let path = step.path.path(|place| words.value(place, message, &number));
        let body = step.body.json(|place| words.value(place, message, &number));
        let mut headers = vec![("Idempotency-Key", key.as_str())];
        if let Some((name, value)) = &self.header {
            headers.push((name, value));
        }
        let answer = self.client.ask(&step.method, &path, &headers, Some(body)).await?.taken()?;
        let place = self.settings.number.as_ref().filter(|_| ticket.is_none());
        Ok(place.map_or(number, |place| number_at(place, &answer.body)))
    }
}

fn asks_for_number(step: &Step) -> bool {
    step.path.has(Place::Ticket) || step.body.has(Place::Ticket)
}

/// What stands there: a short text or a whole number; empty if neither.
fn number_at(place: &str, answer: &[u8]) -> String {
    let read: serde_json::Value = serde_json::from_slice(answer).unwrap_or_default();
    let number = match read.pointer(place) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(serde_json::Value::Number(n)) if n.is_u64() => n.to_string(),
        _ => String::new(),
    };
    let is_number = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '#');
    if number.len() <= MOST_NUMBER && number.chars().all(is_number) { number } else { String::new() }
}

/// Of a ticket's number.
const MOST_NUMBER: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_short_word_of_the_answer() {
        let answer = br#"{"result": {"number": "INC0010023", "id": 7, "bad": "a/../b", "list": ["x"]}}"#;
        let at = |place: &str| number_at(place, answer);
        assert_eq!(
            (at("/result/number"), at("/result/id"), at("/result/list/0")),
            ("INC0010023".into(), "7".into(), "x".into())
        );
        for nothing in ["/result/bad", "/result", "/none"] {
            assert_eq!(at(nothing), "", "{nothing}");
        }
        assert_eq!(number_at("/id", b"<html>"), "");
        assert_eq!(number_at("/id", format!("{{\"id\": \"{}\"}}", "9".repeat(129)).as_bytes()), "");
    }
}
