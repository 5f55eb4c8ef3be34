//! E-mail: SMTP (RFC 5321) over TLS, by STARTTLS or from the first octet; a mail for each address, under an id that stays the same.
//!
//! Keeps: the password. Drops: what a server says beside its number: it may repeat an address.

use super::Failed;
use super::secret::secret;
use super::tls::{self, certificates};
use super::words::Letter;
use crate::config::{self, Mail};
use auscult_report::time::Timestamp;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::time::{Duration, UNIX_EPOCH};

/// Tells people through one server.
pub(super) struct Mailer {
    server: AsyncSmtpTransport<Tokio1Executor>,
    from: Address,
    archive: String,
}

impl Mailer {
    pub(super) fn open(settings: &Mail, archive: &str) -> Result<Mailer, String> {
        let host = settings.server.host.clone();
        let tls = match settings.tls {
            config::Tls::None => Tls::None,
            config::Tls::Start => Tls::Required(parameters(settings)?),
            config::Tls::Wrapped => Tls::Wrapper(parameters(settings)?),
        };
        let mut server = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host).port(settings.server.port);
        server = server.tls(tls).timeout(Some(PATIENCE)).hello_name(ClientId::Domain(archive.to_owned()));
        if let Some((user, file)) = &settings.login {
            server = server.credentials(Credentials::new(user.clone(), secret(file)?.to_string()));
        }
        let from = settings.from.parse().map_err(|_| "the address of `from` cannot be used")?;
        Ok(Mailer { server: server.build(), from, archive: archive.to_owned() })
    }

    /// Sends a letter; `id` names it for good, `now` is the moment of this try.
    pub(super) async fn send(&self, to: &str, id: &str, letter: &Letter, now: Timestamp) -> Result<(), Failed> {
        let message = self.message(to, id, letter, now).map_err(Failed::Never)?;
        self.server.send(message).await.map(drop).map_err(|e| failed(&e))
    }

    fn message(&self, to: &str, id: &str, letter: &Letter, now: Timestamp) -> Result<Message, String> {
        let to = to.parse::<Address>().map_err(|_| "this is no e-mail address")?;
        // RFC 3834: programs that answer for people on holiday stay silent.
        let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
        let date = UNIX_EPOCH.checked_add(Duration::from_secs(now.0 / 1_000)).unwrap_or(UNIX_EPOCH);
        let message = Message::builder()
            .message_id(Some(format!("<{id}@{}>", self.archive)))
            .date(date)
            .from(Mailbox::new(Some("auscult".to_owned()), self.from.clone()))
            .to(Mailbox::new(None, to))
            .subject(letter.subject.clone())
            .raw_header(automatic)
            .header(ContentType::TEXT_PLAIN);
        message.body(letter.text.clone()).map_err(|e| e.to_string())
    }
}

fn parameters(settings: &Mail) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(settings.server.host.clone());
    if let Some(ca) = &settings.ca {
        builder = builder.certificate_store(CertificateStore::None);
        for certificate in certificates(ca)? {
            let certificate = Certificate::from_der(certificate.to_vec());
            builder = builder.add_root_certificate(certificate.map_err(|e| format!("{}: {e}", ca.display()))?);
        }
    }
    builder.build().map_err(|e| format!("TLS cannot be set up ({e})"))
}

/// What a server's answer means for an operator.
fn failed(error: &lettre::transport::smtp::Error) -> Failed {
    if let Some(why) = tls::within(error) {
        return why;
    }
    let status = error.status().map(|code| code.to_string());
    Failed::Later(match status.as_deref() {
        Some(code @ ("530" | "534" | "535")) => {
            format!("the mail server does not let us in ({code}): are user and password right?")
        }
        Some(code @ ("550" | "551" | "553")) => format!("the mail server refuses this address ({code})"),
        Some(code) => format!("the mail server refused ({code})"),
        None if error.is_timeout() => "the mail server does not answer".to_owned(),
        // A server that offers no STARTTLS is one of these.
        None if error.is_client() => {
            "the mail server cannot do what is asked of it: does it offer STARTTLS, and a login?".to_owned()
        }
        None => "the mail server cannot be reached, or ended the connection".to_owned(),
    })
}

/// For one command.
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;

    /// A channel of a server on this machine.
    fn settings(port: u16, tls: &str) -> Mail {
        let text = format!(
            "name = \"a.example\"\n[store]\npath = \"x\"\n[ledger]\nkey = \"x\"\ntiles = \"x\"\nhighwater = \"y\"\n\
             [[notices.mail]]\nname = \"m\"\nserver = \"127.0.0.1:{port}\"\ntls = \"{tls}\"\n\
             from = \"auscult@example.org\"\nto = [\"maria@example.org\"]\n"
        );
        let settings = crate::config::Config::read(&text).unwrap().notices;
        let crate::config::Way::Mail(mail) = settings.channels[0].way.clone() else { panic!() };
        mail
    }

    #[tokio::test]
    async fn a_server_without_starttls_hears_nothing_of_the_mail() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            stream.write_all(b"220 here\r\n").await.unwrap();
            let mut heard = String::new();
            while stream.read_line(&mut heard).await.is_ok_and(|n| n > 0) {
                let _ = stream.write_all(b"250 yes\r\n").await;
            }
            heard
        });
        let mailer = Mailer::open(&settings(port, "start"), "a.example").unwrap();
        let letter = Letter { subject: "secret".to_owned(), text: "secret".to_owned() };
        let failed = mailer.send("maria@example.org", "0a", &letter, Timestamp(0)).await.unwrap_err();
        assert!(failed.why().contains("does it offer STARTTLS"), "{failed:?}");
        drop(mailer);
        let heard = served.await.unwrap();
        assert!(heard.starts_with("EHLO a.example") && !heard.contains("MAIL") && !heard.contains("maria"), "{heard}");
    }

    #[test]
    fn a_mail_has_its_id_and_says_that_no_person_wrote_it() {
        let mailer = Mailer::open(&settings(25, "none-on-loopback"), "a.example").unwrap();
        let letter = Letter { subject: "[auscult] Clínic: x".to_owned(), text: "one\ntwo\n".to_owned() };
        let message = mailer.message("maria@example.org", "0a0b", &letter, Timestamp(1_795_256_100_000)).unwrap();
        let text = String::from_utf8(message.formatted()).unwrap();
        for line in [
            "Message-ID: <0a0b@a.example>\r\n",
            "From: auscult <auscult@example.org>\r\n",
            "To: maria@example.org\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "Date: Sat, 21 Nov 2026 10:15:00 +0000\r\n",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "\r\n\r\none\r\ntwo\r\n",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(text.contains("Subject: [auscult] =?utf-8?"), "{text}");
    }
}
