//! Why somebody is not let in, in words that say no more than they must.
//!
//! Keeps: nothing. Drops: which of name, password and digits was wrong.

use crate::store::StoreError;
use std::fmt;

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// Name, password or digits: which is not said.
    Refused,
    /// Too many tries.
    TooOften,
    /// The one-time code is unknown, used or has ended.
    Code,
    /// The name is no name.
    Name,
    /// The name of the person is empty or too long.
    Title,
    /// Somebody has this name.
    Taken,
    /// The password would be guessed.
    Weak(&'static str),
    /// The six digits are wrong.
    Digits,
    /// Another service does not vouch for this person; the sentence says why.
    Elsewhere(&'static str),
    /// Not now.
    Busy,
}

impl From<StoreError> for SignIn {
    fn from(_: StoreError) -> SignIn {
        SignIn::Busy
    }
}

impl fmt::Display for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SignIn::Refused => "Name, password or code is not right. A code of the second factor can be used once: wait for the next.",
            SignIn::TooOften => "Too many tries. Wait a quarter of an hour, then try again.",
            SignIn::Code => "This one-time code cannot be used: it is mistyped, was used, or its time is over.",
            SignIn::Name => "A name to sign in has 2 to 40 of a-z, 0-9, dot, hyphen and underscore.",
            SignIn::Title => "Write your own name, in at most 100 characters.",
            SignIn::Taken => "This name to sign in is taken: choose another one.",
            SignIn::Weak(why) => why,
            SignIn::Digits => "These six digits are not right. They change every 30 seconds; check that the telephone's clock is right.",
            SignIn::Elsewhere(why) => why,
            SignIn::Busy => "The archive does not answer just now: try again in a minute.",
        })
    }
}

impl std::error::Error for SignIn {}
