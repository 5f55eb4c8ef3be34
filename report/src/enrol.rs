//! Enrolment: from a one-time code to a key that both sides know (FORMAT.md, "Enrolment").
//!
//! The secret of the [`crate::code`] never travels: both sides prove that they have it by HMAC over everything that was
//! said and over the TLS key that the agent really talks to. So the proof is the pin: who stands between the two with
//! another certificate fails, even if every octet is relayed.
//! Keeps: keys, nonces, proofs. Nothing here looks at a clock, draws a random number or remembers a use: those are
//! arguments, and the collector's store.

use crate::bounded::Bounded;
use crate::code::{CodeId, CodeKey};
use crate::context;
use crate::header::Clock;
use crate::key::{Hash, LedgerId, PublicKey, SensorKey, Signature, hash};
use crate::payload::whole;
use crate::version::Version;
use core::fmt;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

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
    /// What the agent is to trust from now on: [`Pinned`], as octets.
    pub trust: Bounded<u8, MAX_TRUST>,
    /// SHA-256 of the public key (SubjectPublicKeyInfo, DER) of the collector's TLS certificate.
    pub tls_key: Hash,
    /// The collector's proof.
    pub proof: Proof,
}

/// What stands in [`Offer::trust`]: where the sensor belongs from now on, and whom it believes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// The clinic's ledger.
    pub ledger: LedgerId,
    /// The trust bundle (section 18), sealed.
    pub bundle: Bounded<u8, MAX_BUNDLE>,
}

impl Pinned {
    /// As it stands in an offer. `None` if memory is gone.
    #[must_use]
    pub fn encode(&self) -> Option<Bounded<u8, MAX_TRUST>> {
        postcard::to_allocvec(self).ok()?.try_into().ok()
    }

    /// Reads what an offer says, once its proof holds.
    #[must_use]
    pub fn decode(trust: &[u8]) -> Option<Pinned> {
        whole(trust)
    }
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

impl CodeKey {
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
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret_octets()).ok()?;
        mac.update(side.label());
        mac.update(&transcript.0);
        Some(mac)
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

/// Octets of a certificate request: one for an Ed25519 key has about 200.
pub const MAX_REQUEST: usize = 2048;
/// Octets of a sealed trust bundle.
pub const MAX_BUNDLE: usize = 16_000;
/// Octets of what an agent is to trust: a few certificates and addresses.
pub const MAX_TRUST: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code;

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
    fn what_is_pinned_is_read_back() {
        let pinned = Pinned { ledger: LedgerId([4; 16]), bundle: vec![1, 2, 3].try_into().unwrap() };
        let trust = pinned.encode().unwrap();
        assert_eq!(Pinned::decode(&trust), Some(pinned));
        assert_eq!(Pinned::decode(&trust[..trust.len() - 1]), None);
        assert_eq!(Pinned::decode(b""), None);
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
