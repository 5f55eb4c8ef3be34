//! Requests that may come twice: with an `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header) the second is answered as the first,
//! and nothing is done again.
//!
//! Keeps: the answer for a day, without what is shown once. Drops: the key of a request that was refused: it may come again, mended.

use super::super::problem::Problem;
use super::wrong::Wrong;
use super::{Call, Reply};
use crate::store::{Claimed, KeptAnswer, Keyed};
use auscult_report::key::hash;
use axum::http::header::HeaderMap;

/// The key of a request that makes something. `None`: it may not come twice.
pub(super) fn key(headers: &HeaderMap, makes: bool) -> Result<Option<String>, Wrong> {
    let Some(given) = headers.get(NAME).filter(|_| makes) else { return Ok(None) };
    let key = given.to_str().unwrap_or_default();
    if (1..=MOST_KEY).contains(&key.len()) && key.bytes().all(|c| c.is_ascii_graphic()) {
        Ok(Some(key.to_owned()))
    } else {
        Err(Wrong::KEY)
    }
}

/// Does what is asked, if it is the first time.
pub(super) fn answer(
    call: &Call,
    key: &str,
    octets: &[u8],
    run: fn(&Call, &[u8]) -> Result<Reply, Wrong>,
) -> Result<Reply, Wrong> {
    let matched = call.if_match.as_deref().unwrap_or_default();
    let request = hash(b"auscult.dev/once/v1\0", &[call.path.as_bytes(), b"\0", matched.as_bytes(), b"\0", octets]);
    let keyed = Keyed { asker: call.asker.number(), key, request };
    let store = &call.desk.store;
    match store.claim_answer(&keyed, call.now).map_err(|e| call.busy(&e))? {
        Claimed::New => {}
        Claimed::Done(KeptAnswer { status, location, body }) => {
            return Ok(Reply { status, body, kept: None, location, tag: String::new() });
        }
        Claimed::UnderWay => return Err(Wrong::UNDER_WAY),
        Claimed::Another => return Err(Wrong::KEY_USED),
        Claimed::TooMany => return Err(Wrong::KEYS),
    }
    let done = run(call, octets);
    let kept = done.as_ref().ok().map(|reply| KeptAnswer {
        status: reply.status,
        location: reply.location.clone(),
        body: reply.kept.as_ref().unwrap_or(&reply.body).clone(),
    });
    let settled = store.settle_answer(&keyed, kept.as_ref());
    let reply = done?;
    // It was done: who asks again hears that it is under way, and looks.
    settled.map_err(|e| {
        call.busy(&e);
        Wrong::from(Problem::BUSY)
    })?;
    Ok(reply)
}

/// The header.
pub(super) const NAME: &str = "idempotency-key";
/// The longest key: a UUID in any form, or a hash.
pub(super) const MOST_KEY: usize = 64;
