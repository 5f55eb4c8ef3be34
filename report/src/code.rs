//! The one-time code of an enrolment (FORMAT.md, "Enrolment"), and the key made of it.
//!
//! The code is shown once to a technician, 35 characters of Crockford's base 32: version (1), id (8, 40 bits), secret
//! (24, 120 bits), check (2, 10 bits). What a person may mistype (case, dashes, `O` for 0) is read as meant.
//! Keeps: the id, and the key. Drops: the secret, wiped as soon as the key is made of it. Nothing here prints either.

extern crate alloc;
use crate::context;
use crate::key::hash;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroize;

/// The public half of a code: which one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CodeId(pub [u8; 5]);

/// A one-time code. Its secret is wiped when it is dropped and never printed.
pub struct Code {
    id: CodeId,
    secret: [u8; SECRET_OCTETS],
}

impl Code {
    /// From random octets: 5 for the id, 15 for the secret.
    #[must_use]
    pub const fn new(id: CodeId, secret: [u8; SECRET_OCTETS]) -> Code {
        Code { id, secret }
    }

    /// Reads what a technician typed: in any case, with blanks and dashes, `O` for 0 and `I` or `L` for 1.
    ///
    /// # Errors
    /// What is wrong with it: its length, a character, its version, or its check (a typing error).
    pub fn parse(typed: &str) -> Result<Code, CodeError> {
        let mut symbols = [0u8; CODE_SYMBOLS];
        let mut count = 0usize;
        for c in typed.chars().filter(|c| !matches!(c, ' ' | '-' | '\t' | '\r' | '\n')) {
            let symbol = symbol(c).ok_or(CodeError::Character)?;
            *symbols.get_mut(count).ok_or(CodeError::Length)? = symbol;
            count = count.saturating_add(1);
        }
        if count != CODE_SYMBOLS {
            return Err(CodeError::Length);
        }
        let (body, check) = symbols.split_at_checked(CHECKED_SYMBOLS).ok_or(CodeError::Length)?;
        if check != checks(body) {
            return Err(CodeError::Check);
        }
        let [version, rest @ ..] = body else { return Err(CodeError::Length) };
        if *version != CODE_VERSION {
            return Err(CodeError::Version);
        }
        let (id, secret) = rest.split_at_checked(ID_SYMBOLS).ok_or(CodeError::Length)?;
        let mut code = Code { id: CodeId([0; 5]), secret: [0; SECRET_OCTETS] };
        octets_of(id, &mut code.id.0);
        octets_of(secret, &mut code.secret);
        symbols.zeroize();
        Ok(code)
    }

    /// As it is shown once: seven groups of five.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut symbols = Vec::with_capacity(CODE_SYMBOLS);
        symbols.push(CODE_VERSION);
        symbols_of(&self.id.0, &mut symbols);
        symbols_of(&self.secret, &mut symbols);
        symbols.extend(checks(&symbols));
        let mut text = String::with_capacity(CODE_SYMBOLS.saturating_add(6));
        for (n, s) in symbols.iter().enumerate() {
            if n > 0 && n.is_multiple_of(5) {
                text.push('-');
            }
            text.push(ALPHABET.get(usize::from(*s)).copied().map_or('0', char::from));
        }
        symbols.zeroize();
        text
    }

    /// Which code it is.
    #[must_use]
    pub const fn id(&self) -> CodeId {
        self.id
    }

    /// The key that both sides prove to have: HKDF-SHA256 of the secret, salted with the id. The collector stores this,
    /// not the secret.
    #[must_use]
    pub fn key(&self) -> CodeKey {
        let mut key = [0u8; 32];
        // 32 octets are within what HKDF gives (255 times 32): this cannot fail, and a key of zeroes proves nothing.
        let _ = Hkdf::<Sha256>::new(Some(&self.id.0), &self.secret).expand(context::ENROL, &mut key);
        CodeKey(key)
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Code").field(&self.id).finish()
    }
}

/// What both sides prove to have. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct CodeKey([u8; 32]);

impl CodeKey {
    /// From where the collector keeps it.
    #[must_use]
    pub const fn from_octets(octets: [u8; 32]) -> CodeKey {
        CodeKey(octets)
    }

    /// For where the collector keeps it: it must be kept encrypted.
    #[must_use]
    pub const fn secret_octets(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Drop for CodeKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeKey(..)")
    }
}

/// Why a code that was typed is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeError {
    /// It has not 35 characters.
    Length,
    /// It has a character that codes do not have.
    Character,
    /// Its last two characters do not fit the others.
    Check,
    /// It was made by a newer collector.
    Version,
}

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CodeError::Length => "a code has 35 characters in seven groups of five: compare it with what was shown",
            CodeError::Character => "a code has only digits and letters without U: compare it with what was shown",
            CodeError::Check => "the code was mistyped: its last two characters do not fit the others",
            CodeError::Version => "the code was made by a newer collector: update this agent",
        })
    }
}

/// The value of a typed character.
fn symbol(c: char) -> Option<u8> {
    let c = match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let place = ALPHABET.iter().position(|a| char::from(*a) == c)?;
    u8::try_from(place).ok()
}

/// Two symbols, 10 bits, of a hash of the others: finds a mistyped character, keeps nobody out.
fn checks(body: &[u8]) -> [u8; 2] {
    let [a, b, ..] = hash(context::ENROL, &[b"check", body]);
    [a >> 3, (a & 7) << 2 | b >> 6]
}

/// Octets as symbols of five bits, most significant first. The lengths used here leave no bits over.
fn symbols_of(octets: &[u8], symbols: &mut Vec<u8>) {
    let (mut bits, mut count) = (0u32, 0u32);
    for octet in octets {
        bits = (bits << 8) | u32::from(*octet);
        count = count.saturating_add(8);
        while count >= 5 {
            count = count.saturating_sub(5);
            symbols.push(u8::try_from(bits >> count & 31).unwrap_or(0));
        }
        bits &= !u32::MAX.wrapping_shl(count);
    }
}

/// The other way.
fn octets_of(symbols: &[u8], octets: &mut [u8]) {
    let (mut bits, mut count) = (0u32, 0u32);
    let mut places = octets.iter_mut();
    for symbol in symbols {
        bits = (bits << 5) | u32::from(*symbol);
        count = count.saturating_add(5);
        if count >= 8 {
            count = count.saturating_sub(8);
            if let Some(place) = places.next() {
                *place = u8::try_from(bits >> count & 255).unwrap_or(0);
            }
            bits &= !u32::MAX.wrapping_shl(count);
        }
    }
}

/// Crockford's base 32: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The version of this form of code.
const CODE_VERSION: u8 = 1;
/// Symbols of the id: 40 bits.
const ID_SYMBOLS: usize = 8;
/// Octets of the secret: 120 bits, which nobody guesses in the life of a code.
pub const SECRET_OCTETS: usize = 15;
/// Symbols before the check.
const CHECKED_SYMBOLS: usize = 33;
/// Symbols in all.
const CODE_SYMBOLS: usize = 35;

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> Code {
        Code::new(CodeId([1, 2, 3, 4, 5]), [7; 15])
    }

    #[test]
    fn a_code_survives_being_shown_and_typed() {
        let shown = code().shown();
        assert_eq!(shown.len(), 41);
        for typed in
            [shown.clone(), shown.to_lowercase(), shown.replace('-', " "), shown.replace('0', "O").replace('1', "l")]
        {
            let read = Code::parse(&typed).unwrap();
            assert_eq!((read.id, read.secret), (code().id, code().secret), "{typed}");
        }
    }

    #[test]
    fn a_mistyped_character_is_noticed() {
        let shown = code().shown();
        let mut missed = 0;
        for (at, old) in shown.char_indices().filter(|(_, c)| *c != '-') {
            for new in "0123456789ABCDEFGHJKMNPQRSTVWXYZ".chars().filter(|c| *c != old) {
                let mut typed: Vec<char> = shown.chars().collect();
                typed[at] = new;
                missed += usize::from(Code::parse(&typed.iter().collect::<String>()).is_ok());
            }
        }
        assert!(missed <= 3, "{missed} of 1085 typing errors pass: the check has ten bits");
        assert_eq!(Code::parse("").err(), Some(CodeError::Length));
        assert_eq!(Code::parse(&shown.replace('-', "U")).err(), Some(CodeError::Character));
        assert_eq!(Code::parse(&format!("{shown}0")).err(), Some(CodeError::Length));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let printed = format!("{:?} {:?}", code(), code().key());
        assert!(!printed.contains('7') && printed.contains("CodeKey(..)"), "{printed}");
    }
}
