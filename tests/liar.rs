//! An OpenID provider on loopback that says what a test wants: tokens with a wrong nonce, issuer, audience, time, key or signature. What is
//! right about them is made by the same library that checks them elsewhere (`openidconnect`), signed with keys of its own.

use auscult_collector::access::random;
use auscult_report::time::Timestamp;
use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use openidconnect::core::{
    CoreEdDsaPrivateSigningKey, CoreHmacKey, CoreIdToken, CoreIdTokenClaims, CoreJsonWebKeySet, CoreJwsSigningAlgorithm,
};
use openidconnect::{
    Audience, EmptyAdditionalClaims, IssuerUrl, JsonWebKeyId, Nonce, PrivateSigningKey, StandardClaims,
    SubjectIdentifier,
};
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A provider that lies.
pub struct Liar {
    /// Its address.
    pub issuer: String,
    said: Arc<Mutex<Said>>,
}

/// What it is about to say.
#[derive(Clone, Default)]
struct Said {
    lie: &'static str,
    nonce: String,
    challenge: String,
    now: Timestamp,
}

impl Liar {
    /// Begins to answer, for as long as the test runs.
    ///
    /// # Panics
    /// If there is no port.
    #[must_use]
    pub fn start() -> Liar {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let said: Arc<Mutex<Said>> = Arc::default();
        let keys = [key("own"), key("own")];
        let (own, shared) = (issuer.clone(), Arc::clone(&said));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let said = shared.lock().unwrap().clone();
                answer(&stream, &own, &said, &keys);
            }
        });
        Liar { issuer, said }
    }

    /// From now on it lies about this; empty: about nothing.
    pub fn lies(&self, about: &'static str) {
        self.said.lock().unwrap().lie = about;
    }

    /// A browser was there by this address: the path with which it comes back.
    #[must_use]
    pub fn back(&self, address: &str, now: Timestamp) -> String {
        let field = |name: &str| {
            let rest = address.split_once(&format!("{name}=")).map_or("", |(_, rest)| rest);
            rest.split('&').next().unwrap_or_default().to_owned()
        };
        let mut said = self.said.lock().unwrap();
        (said.nonce, said.challenge, said.now) = (field("nonce"), field("code_challenge"), now);
        format!("/oidc/back?state={}&code=a-code", field("state"))
    }
}

fn key(name: &str) -> CoreEdDsaPrivateSigningKey {
    // PKCS #8 (RFC 8410 section 7): what stands before 32 random octets.
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    der.extend(random::<32>().unwrap());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", Base64::encode_string(&der));
    CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, Some(JsonWebKeyId::new(name.to_owned()))).unwrap()
}

fn answer(stream: &TcpStream, issuer: &str, said: &Said, keys: &[CoreEdDsaPrivateSigningKey; 2]) {
    let (path, body) = heard(stream);
    let (status, text) = match path.as_str() {
        "/.well-known/openid-configuration" => {
            let own = if said.lie == "elsewhere" { "http://127.0.0.1:1" } else { issuer };
            let about = json!({
                "issuer": own,
                "authorization_endpoint": format!("{issuer}/auth"),
                "token_endpoint": format!("{issuer}/token"),
                "jwks_uri": format!("{issuer}/keys"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["EdDSA"],
            });
            (200, about.to_string())
        }
        "/keys" => {
            let keys = CoreJsonWebKeySet::new(vec![keys[0].as_verification_key()]);
            (200, serde_json::to_string(&keys).unwrap())
        }
        "/token" => token(issuer, said, keys, &body),
        _ => (404, String::new()),
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        text.len()
    );
    let mut stream = stream;
    let _ = stream.write_all((head + &text).as_bytes());
}

fn token(issuer: &str, said: &Said, keys: &[CoreEdDsaPrivateSigningKey; 2], body: &str) -> (u16, String) {
    // Who comes with the code is who began (RFC 7636 section 4.6).
    let verifier = body.split('&').find_map(|field| field.strip_prefix("code_verifier=")).unwrap_or_default();
    let hash = auscult_report::key::hash(b"", &[verifier.as_bytes()]);
    assert_eq!(Base64UrlUnpadded::encode_string(&hash), said.challenge, "the proof key");
    if said.lie == "code" {
        return (400, json!({"error": "invalid_grant"}).to_string());
    }
    let mut answer = json!({"access_token": "nobody-needs-it", "token_type": "Bearer"});
    if said.lie != "nothing" {
        answer["id_token"] = json!(id_token(issuer, said, keys));
    }
    (200, answer.to_string())
}

fn id_token(issuer: &str, said: &Said, keys: &[CoreEdDsaPrivateSigningKey; 2]) -> String {
    let or = |lie: &str, wrong: &str, right: &str| if said.lie == lie { wrong } else { right }.to_owned();
    let at = |ms: u64| chrono::DateTime::from_timestamp_millis(i64::try_from(ms).unwrap()).unwrap();
    let ends = if said.lie == "expired" { said.now.0 - 1_000 } else { said.now.0 + 300_000 };
    let claims = CoreIdTokenClaims::new(
        IssuerUrl::new(or("issuer", "https://login.other.example", issuer)).unwrap(),
        vec![Audience::new(or("audience", "somebody", "auscult"))],
        at(ends),
        at(said.now.0 - 2_000),
        StandardClaims::new(SubjectIdentifier::new("person-1".to_owned())),
        EmptyAdditionalClaims {},
    );
    let claims = claims.set_nonce(Some(Nonce::new(or("nonce", "of-another-way", &said.nonce))));
    let (signer, eddsa) = (&keys[usize::from(said.lie == "key")], CoreJwsSigningAlgorithm::EdDsa);
    if said.lie == "hmac" {
        // Signed with what everybody knows.
        let known = CoreHmacKey::new(b"auscult".to_vec());
        return CoreIdToken::new(claims, &known, CoreJwsSigningAlgorithm::HmacSha256, None, None).unwrap().to_string();
    }
    CoreIdToken::new(claims, signer, eddsa, None, None).unwrap().to_string()
}

/// A request: its path and its body.
fn heard(stream: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    let _ = reader.read_line(&mut first);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
            break;
        }
        if let Some(octets) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = octets.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    let _ = reader.read_exact(&mut body);
    (first.split(' ').nth(1).unwrap_or_default().to_owned(), String::from_utf8(body).unwrap_or_default())
}
