//! Reads the SQL out of Rust sources, and says of each statement whether it keeps to one clinic: every table that it
//! touches must be bound to a clinic's id, each for itself.
//!
//! It reads text, not SQL: what it cannot read (a statement put together of pieces) it refuses.

/// A statement as it stands in a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its text, blanks made one.
    pub text: String,
    /// The tables that it touches; one given by a variable as `{table}`.
    pub tables: Vec<String>,
    /// How many of them are bound to a clinic.
    pub bound: usize,
}

/// Every statement of a source, its tests left out.
///
/// # Errors
/// A text that has words of SQL and is no whole statement.
pub fn statements(source: &str) -> Result<Vec<Statement>, String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    for text in texts(code) {
        for part in text.split(';') {
            let text = part.split_whitespace().collect::<Vec<_>>().join(" ");
            let words = words(&text);
            let Some(first) = words.first() else { continue };
            if VERBS.contains(&first.as_str()) {
                let tables = tables(&words);
                found.push(Statement { bound: bound(&text), tables, text });
            } else if PIECES.iter().any(|piece| text.contains(piece)) {
                return Err(format!("a piece of a statement, write it whole: {text}"));
            }
        }
    }
    Ok(found)
}

impl Statement {
    /// Whether it keeps to one clinic, or touches nothing that belongs to one.
    #[must_use]
    pub fn keeps_to_a_clinic(&self) -> bool {
        let of_clinics = self.tables.iter().filter(|t| !NOBODYS.contains(&t.as_str())).count();
        of_clinics <= self.bound
    }
}

/// The texts between quotes.
fn texts(code: &str) -> Vec<String> {
    let (mut texts, mut rest) = (Vec::new(), code.chars().peekable());
    while let Some(c) = rest.next() {
        match c {
            '/' if rest.peek() == Some(&'/') => {
                rest.by_ref().find(|c| *c == '\n');
            }
            // A character, not a lifetime: it has its second quote.
            '\'' => {
                let ahead: Vec<char> = rest.clone().take(3).collect();
                match ahead.as_slice() {
                    ['\\', _, '\'', ..] => drop(rest.nth(2)),
                    [_, '\'', ..] => drop(rest.nth(1)),
                    _ => {}
                }
            }
            '"' => {
                let mut text = String::new();
                while let Some(c) = rest.next().filter(|c| *c != '"') {
                    // An escaped end of line is a blank, an escaped letter is not looked at.
                    text.push(if c == '\\' { rest.next().map_or(' ', |_| ' ') } else { c });
                }
                texts.push(text);
            }
            _ => {}
        }
    }
    texts
}

/// Names, words, and brackets each for itself.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in text.chars() {
        if c.is_alphanumeric() || matches!(c, '_' | '{' | '}' | '?' | '.') {
            words.last_mut().unwrap().push(c);
        } else {
            words.extend([c.to_string(), String::new()]);
        }
    }
    words.retain(|w| !w.trim().is_empty());
    words
}

/// What stands behind FROM, JOIN, INTO, UPDATE and TABLE, and behind commas in a FROM.
fn tables(words: &[String]) -> Vec<String> {
    let mut tables = Vec::new();
    let mut in_from = false;
    for (at, word) in words.iter().enumerate() {
        let next = words[at + 1..].iter().find(|w| !matches!(w.as_str(), "IF" | "NOT" | "EXISTS"));
        // `DO UPDATE SET` speaks of the table that was named before; a bracket begins a question within the question.
        let names = next.filter(|n| !matches!(n.as_str(), "SET" | "("));
        match word.as_str() {
            "FROM" | "JOIN" => {
                in_from = true;
                tables.extend(names.cloned());
            }
            "INTO" | "UPDATE" | "TABLE" => tables.extend(names.cloned()),
            "," if in_from => tables.extend(names.cloned()),
            "WHERE" | "ON" | "USING" | "ORDER" | "GROUP" | "LIMIT" | ")" | "SET" => in_from = false,
            _ => {}
        }
    }
    tables
}

/// Tables bound to a clinic: by its id given, by a column that has it, by the same column of a bound one. None, if the
/// condition has a way around it.
fn bound(text: &str) -> usize {
    if let Some(rest) = text.strip_prefix("INSERT INTO ") {
        let columns = rest.split_once('(').and_then(|(_, r)| r.split_once(')')).map_or("", |(columns, _)| columns);
        let has = columns.split(',').any(|c| c.trim() == "clinic_id");
        return usize::from(has) + given(rest);
    }
    if text.contains(" OR ") { 0 } else { given(text) }
}

fn given(text: &str) -> usize {
    let is_bound = |rest: &&str| {
        let name: &str = rest.split([' ', ')', ',']).next().unwrap_or_default();
        name.starts_with('?') || name.ends_with(".clinic_id")
    };
    text.split("clinic_id = ").skip(1).filter(is_bound).count() + text.matches("USING (clinic_id").count()
}

const VERBS: &[&str] = &[
    "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "CREATE", "DROP", "ALTER", "ATTACH", "DETACH", "VACUUM",
];

/// What a piece of a statement has and a sentence has not.
const PIECES: &[&str] =
    &[" FROM ", "FROM ", "WHERE ", " JOIN ", "ORDER BY ", "select ", "insert into ", "delete from "];

/// Tables that belong to no clinic.
const NOBODYS: &[&str] = &[
    "schema_version",
    "sqlite_schema",
    "person",
    "person_session",
    "invitation",
    "person_reset",
    "person_identity",
    "person_flow",
    "parcel",
    "api_token",
    "api_answer",
];
