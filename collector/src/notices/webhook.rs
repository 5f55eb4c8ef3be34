//! Standard Webhooks 1.0: a request with `webhook-id`, `webhook-timestamp` and `webhook-signature` (`v1`, HMAC-SHA256 over
//! `id.timestamp.body`); two signatures while keys change.
//!
//! Keeps: the keys. Drops: the receiver's answer but its status.

use super::Failed;
use super::guard::Guard;
use super::http::Client;
use super::secret::key;
use super::words::{Message, Words};
use crate::config::Webhook;
use auscult_report::time::Timestamp;
use base64ct::{Base64, Encoding};
use ring::hmac;

/// Tells one receiver.
pub(super) struct Hook {
    client: Client,
    path: String,
    keys: Vec<hmac::Key>,
}

impl Hook {
    pub(super) fn open(settings: &Webhook, guard: &Guard) -> Result<Hook, String> {
        let client = Client::open(&settings.url, settings.ca.as_deref(), guard)?;
        let mut keys = vec![hmac::Key::new(hmac::HMAC_SHA256, &key(&settings.key)?)];
        if let Some(old) = &settings.old_key {
            keys.push(hmac::Key::new(hmac::HMAC_SHA256, &key(old)?));
        }
        Ok(Hook { client, path: settings.url.path.clone(), keys })
    }

    /// Tells it; `now` is the moment of this try.
    pub(super) async fn send(&self, words: &Words, message: &Message, now: Timestamp) -> Result<(), Failed> {
        let body = words.json(message).to_string();
        let id = format!("msg_{}", message.id);
        let moment = (now.0 / 1_000).to_string();
        let signature = sign(&self.keys, &id, &moment, &body);
        let headers = [("webhook-id", id.as_str()), ("webhook-timestamp", &moment), ("webhook-signature", &signature)];
        self.client.ask("POST", &self.path, &headers, Some(body)).await?.taken().map(drop)
    }
}

/// One signature for each key, blanks between.
fn sign(keys: &[hmac::Key], id: &str, moment: &str, body: &str) -> String {
    let signed = |key: &hmac::Key| {
        let mut context = hmac::Context::with_key(key);
        [id, ".", moment, ".", body].iter().for_each(|part| context.update(part.as_bytes()));
        format!("v1,{}", Base64::encode_string(context.sign().as_ref()))
    };
    keys.iter().map(signed).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(base64: &str) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &Base64::decode_vec(base64).unwrap())
    }

    #[test]
    fn the_signature_is_that_of_the_libraries_of_standard_webhooks() {
        let (id, moment, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}");
        let one = key_of("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        assert_eq!(sign(&[one], id, moment, body), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_keys_change_both_sign() {
        let (one, other) = (key_of("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), key_of(&Base64::encode_string(&[7; 32])));
        let both = sign(&[one.clone(), other.clone()], "msg_1", "1", "{}");
        let alone = [sign(&[one], "msg_1", "1", "{}"), sign(&[other], "msg_1", "1", "{}")];
        assert_eq!(both, alone.join(" "));
        assert_ne!(alone[0], alone[1]);
    }
}
