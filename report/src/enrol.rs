//! Enrolment: from a one-time code to a key that both sides know (FORMAT.md, "Enrolment").
//!
//! The code is shown once to a technician, 35 characters of Crockford's base 32: version (1), id (8, 40 bits), secret
//! (24, 120 bits), check (2, 10 bits). The secret never travels: both sides prove that they have it by HMAC over
//! everything that was said and over the TLS key that the agent really talks to. So the proof is the pin: who stands
//! between the two with another certificate fails, even if every octet is relayed.
//! Keeps: keys, nonces, proofs. Drops: the secret, as soon as the key is made of it. Nothing here looks at a clock,
//! draws a random number or remembers a use: those are arguments, and the collector's store.

extern crate alloc;
use crate::bounded::Bounded;
use crate::context;
use crate::header::Clock;
use crate::key::{Hash, PublicKey, SensorKey, Signature, hash};
use crate::version::Version;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
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

    /// The proof of one side over a transcript.
    #[must_use]
    pub fn prove(&self, side: Side, transcript: &Transcript) -> Proof {
        self.mac(side, transcript).map_or(Proof([0; 32]), |mac| Proof(mac.finalize().into_bytes().into()))
    }

    /// Whether a proof is that side's, compared in constant time.
    #[must_use]
    pub fn is_proved(&self, side: Side, transcript: &Transcript, proof: &Proof) -> bool {
        self.mac(side, transcript).is_some_and(|mac| mac.verify_slice(&proof.0).is_ok())
    }

    fn mac(&self, side: Side, transcript: &Transcript) -> Option<Hmac<Sha256>> {
        // HMAC takes a key of any length: there is always one.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(side.label());
        mac.update(&transcript.0);
        Some(mac)
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

/// Who proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The collector, in its offer.
    Collector,
    /// The agent, when it finishes.
    Agent,
}

impl Side {
    const fn label(self) -> &'static [u8] {
        match self {
            Side::Collector => b"collector",
            Side::Agent => b"agent",
        }
    }
}

/// The first word of an agent that has a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Which code.
    pub code: CodeId,
    /// The key that it will sign reports with.
    pub sign_key: PublicKey,
    /// The certificate request for its TLS key (PKCS#10, DER).
    pub request: Bounded<u8, MAX_REQUEST>,
    /// Random.
    pub nonce: [u8; 32],
    /// What a person is shown to recognise it by: hints, proved by nothing.
    pub hints: Hints,
}

/// What an agent says of the machine that it is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hints {
    /// The agent's version.
    pub agent: Option<Version>,
    /// A hash of the machine's serial number, so that a machine that comes back is noticed.
    pub serial: Option<Hash>,
    /// How good its clock is.
    pub clock: Clock,
}

/// The collector's answer to [`Hello`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Random.
    pub nonce: [u8; 32],
    /// What the agent is to trust from now on, as octets.
    pub trust: Bounded<u8, MAX_TRUST>,
    /// SHA-256 of the public key (SubjectPublicKeyInfo, DER) of the collector's TLS certificate.
    pub tls_key: Hash,
    /// The collector's proof.
    pub proof: Proof,
}

/// The agent's last word: it is the one with the code, and it has the key that it named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finish {
    /// Which code.
    pub code: CodeId,
    /// By the key of [`Hello::sign_key`], over the transcript.
    pub signature: Signature,
    /// The agent's proof.
    pub proof: Proof,
}

/// A proof of having the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof(pub [u8; 32]);

/// Everything that was said before the proofs, and whom the agent talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transcript(Hash);

impl Transcript {
    /// Of the octets of [`Hello`] as they were sent, and the parts of the offer.
    #[must_use]
    pub fn of(hello: &[u8], nonce: &[u8; 32], trust: &[u8], tls_key: &Hash) -> Transcript {
        let parts: [&[u8]; 4] = [hello, nonce, trust, tls_key];
        let lengths = parts.map(|p| u32::try_from(p.len()).unwrap_or(u32::MAX).to_be_bytes());
        let [a, b, c, d] = &lengths;
        Transcript(hash(context::ENROL, &[a, hello, b, nonce, c, trust, d, tls_key]))
    }
}

/// The agent checks an offer: does the collector have the code, and is it the one at the other end of the TLS?
///
/// # Errors
/// [`EnrolError::OtherEnd`] if somebody stands between; [`EnrolError::Proof`] if the other side does not have the code.
pub fn check_offer(key: &CodeKey, hello: &[u8], offer: &Offer, peer_key: &Hash) -> Result<Transcript, EnrolError> {
    if offer.tls_key != *peer_key {
        return Err(EnrolError::OtherEnd);
    }
    let transcript = Transcript::of(hello, &offer.nonce, &offer.trust, &offer.tls_key);
    if key.is_proved(Side::Collector, &transcript, &offer.proof) { Ok(transcript) } else { Err(EnrolError::Proof) }
}

/// The agent's last word.
#[must_use]
pub fn finish(code: CodeId, key: &CodeKey, sign_key: &SensorKey, transcript: &Transcript) -> Finish {
    Finish {
        code,
        signature: sign_key.sign(context::ENROL_PROOF, &[&transcript.0]),
        proof: key.prove(Side::Agent, transcript),
    }
}

/// The collector checks the agent's last word. Both checks are always made, so that their time tells nothing.
///
/// # Errors
/// [`EnrolError::Proof`], whichever of the two failed: the other side learns nothing more.
pub fn check_finish(
    key: &CodeKey,
    sign_key: &PublicKey,
    transcript: &Transcript,
    said: &Finish,
) -> Result<(), EnrolError> {
    let proved = key.is_proved(Side::Agent, transcript, &said.proof);
    let signed = sign_key.verifies(context::ENROL_PROOF, &[&transcript.0], &said.signature);
    if proved & signed { Ok(()) } else { Err(EnrolError::Proof) }
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

/// Why an enrolment failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnrolError {
    /// The TLS certificate is not the one that the offer speaks of: somebody stands between.
    OtherEnd,
    /// The other side does not have the code.
    Proof,
}

impl fmt::Display for EnrolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EnrolError::OtherEnd => "somebody stands between this sensor and its collector: do not use this uplink",
            EnrolError::Proof => "the other side does not have this code: make a new one and try again",
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

/// Octets of a certificate request: one for an Ed25519 key has about 200.
pub const MAX_REQUEST: usize = 2048;
/// Octets of what an agent is to trust: a few certificates and addresses.
pub const MAX_TRUST: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> Code {
        Code::new(CodeId([1, 2, 3, 4, 5]), [7; 15])
    }

    fn hello() -> Vec<u8> {
        let hello = Hello {
            code: code().id(),
            sign_key: SensorKey::from_seed(&[3; 32]).public(),
            request: Bounded::new(),
            nonce: [9; 32],
            hints: Hints { agent: Version::exact(b"0.1.0"), serial: None, clock: Clock::default() },
        };
        postcard::to_allocvec(&hello).unwrap()
    }

    fn offer(key: &CodeKey, tls_key: Hash) -> Offer {
        let transcript = Transcript::of(&hello(), &[8; 32], b"trust", &tls_key);
        let (trust, left) = Bounded::first_of(b"trust".to_vec());
        assert_eq!(left, 0);
        Offer { nonce: [8; 32], trust, tls_key, proof: key.prove(Side::Collector, &transcript) }
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

    #[test]
    fn both_sides_that_have_the_code_meet() {
        let (key, tls_key, sign_key) = (code().key(), [5; 32], SensorKey::from_seed(&[3; 32]));
        let offer = offer(&key, tls_key);
        let transcript = check_offer(&key, &hello(), &offer, &tls_key).unwrap();
        let finish = finish(code().id(), &key, &sign_key, &transcript);
        assert_eq!(check_finish(&key, &sign_key.public(), &transcript, &finish), Ok(()));
    }

    #[test]
    fn who_stands_between_with_another_certificate_fails_even_if_every_octet_is_relayed() {
        let key = code().key();
        let offer = offer(&key, [5; 32]);
        assert_eq!(check_offer(&key, &hello(), &offer, &[6; 32]), Err(EnrolError::OtherEnd));
        let forged = Offer { tls_key: [6; 32], ..offer };
        assert_eq!(check_offer(&key, &hello(), &forged, &[6; 32]), Err(EnrolError::Proof));
    }

    #[test]
    fn every_changed_part_of_the_talk_breaks_the_proof() {
        let (key, tls_key) = (code().key(), [5; 32]);
        let good = offer(&key, tls_key);
        let mut other_hello = hello();
        other_hello[20] ^= 1;
        assert_eq!(check_offer(&key, &other_hello, &good, &tls_key), Err(EnrolError::Proof));
        let nonce = Offer { nonce: [1; 32], ..good.clone() };
        assert_eq!(check_offer(&key, &hello(), &nonce, &tls_key), Err(EnrolError::Proof));
        let trust = Offer { trust: Bounded::first_of(b"other".to_vec()).0, ..good.clone() };
        assert_eq!(check_offer(&key, &hello(), &trust, &tls_key), Err(EnrolError::Proof));
        let other_code = Code::new(CodeId([1, 2, 3, 4, 5]), [8; 15]).key();
        assert_eq!(check_offer(&other_code, &hello(), &good, &tls_key), Err(EnrolError::Proof));
    }

    #[test]
    fn an_agent_without_the_code_or_without_its_key_is_turned_away_alike() {
        let (key, tls_key, sign_key) = (code().key(), [5; 32], SensorKey::from_seed(&[3; 32]));
        let transcript = check_offer(&key, &hello(), &offer(&key, tls_key), &tls_key).unwrap();
        let good = finish(code().id(), &key, &sign_key, &transcript);
        let stranger = finish(code().id(), &key, &SensorKey::from_seed(&[4; 32]), &transcript);
        let guess = Finish { proof: Proof([0; 32]), ..good.clone() };
        let mirrored = Finish { proof: key.prove(Side::Collector, &transcript), ..good };
        for bad in [stranger, guess, mirrored] {
            assert_eq!(check_finish(&key, &sign_key.public(), &transcript, &bad), Err(EnrolError::Proof));
        }
    }

    #[test]
    fn a_message_with_too_long_a_part_is_refused() {
        let mut octets = hello();
        // The length of the empty request stands behind the code's id (5) and the key (32).
        octets[37] = 0xff;
        octets.insert(38, 0xff);
        octets.insert(39, 0x7f);
        assert!(postcard::from_bytes::<Hello>(&octets).is_err());
    }
}
