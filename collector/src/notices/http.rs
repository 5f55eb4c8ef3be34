//! One bounded request (HTTP/1.1, RFC 9112) to an address that the guard let through.
//!
//! No redirect is followed, no proxy of the environment is asked, no connection is used twice. Keeps: status and the first octets of an
//! answer. Drops: everything behind them.

use super::Failed;
use super::guard::Guard;
use super::tls;
use crate::config::WebAddress;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Asks one web address.
pub(super) struct Client {
    guard: Guard,
    url: WebAddress,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Client {
    pub(super) fn open(url: &WebAddress, ca: Option<&Path>, guard: &Guard) -> Result<Client, String> {
        let tls = if url.tls {
            let name = ServerName::try_from(url.host.clone()).map_err(|_| "its name cannot stand in a certificate")?;
            Some((tls::config(ca, None)?, name))
        } else {
            None
        };
        Ok(Client { guard: guard.clone(), url: url.clone(), tls })
    }

    /// Asks; a body is JSON.
    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Result<Answer, Failed> {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, self.url.authority());
        request = request.header(header::USER_AGENT, AGENT).header(header::CONNECTION, "close");
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body.unwrap_or_default())));
        let request =
            request.map_err(|_| Failed::Never("the request cannot be written: look at path and header".to_owned()))?;
        let stream = self.connect().await?;
        match &self.tls {
            None => exchange(stream, request).await,
            Some((config, name)) => {
                let connector = TlsConnector::from(Arc::clone(config));
                let stream = connector.connect(name.clone(), stream).await.map_err(|e| tls::failed(&e))?;
                exchange(stream, request).await
            }
        }
    }

    async fn connect(&self) -> Result<TcpStream, Failed> {
        connect(&self.guard.find(&self.url.host, self.url.port).await?).await
    }
}

impl Answer {
    /// Whether the other side took what it was told.
    pub(super) fn taken(self) -> Result<Answer, Failed> {
        match self.status {
            200..=299 => Ok(self),
            300..=399 => Err(Failed::Later(format!(
                "it answered {}: redirects are not followed, name the new address",
                self.status
            ))),
            // Standard Webhooks: the receiver wants no more.
            410 => Err(Failed::Never("it answered 410: it is gone for good".to_owned())),
            401 | 403 => Err(Failed::Later(format!(
                "it answered {}: it does not let us in; are key and header the right ones?",
                self.status
            ))),
            status => Err(Failed::Later(format!("it answered {status}"))),
        }
    }
}

/// To the first of these addresses that answers.
pub(super) async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Failed> {
    let mut why = "nobody answers there".to_owned();
    for at in addresses {
        match timeout(CONNECT, TcpStream::connect(at)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(e)) => why = format!("it cannot be connected to ({})", e.kind()),
            Err(_) => "it does not answer".clone_into(&mut why),
        }
    }
    Err(Failed::Later(why))
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Answer, Failed>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |_| Failed::Later("it ended the connection without an answer that can be read".to_owned());
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MOST_HEAD).max_headers(MOST_HEADERS);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await;
    let answer = match answer {
        Ok(answer) => read(answer).await,
        Err(e) => Err(broken(e)),
    };
    connection.abort();
    answer
}

async fn read(answer: Response<hyper::body::Incoming>) -> Result<Answer, Failed> {
    let status = answer.status().as_u16();
    // What is longer is not read: the status says what became of it.
    let body = Limited::new(answer.into_body(), MOST_BODY).collect().await;
    Ok(Answer { status, body: body.map(|b| b.to_bytes().to_vec()).unwrap_or_default() })
}

const AGENT: &str = concat!("auscult-collector/", env!("CARGO_PKG_VERSION"));
/// To one address.
const CONNECT: Duration = Duration::from_secs(5);
/// Octets of an answer's head.
const MOST_HEAD: usize = 16_384;
const MOST_HEADERS: usize = 64;
/// Octets of an answer's body: a ticket's number stands in a few hundred.
const MOST_BODY: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Network;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// What comes of an answer, and what was asked.
    async fn asked(answer: &[u8]) -> (Result<Answer, Failed>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = WebAddress::read(&format!("http://{}/a", listener.local_addr().unwrap())).unwrap();
        let answer = answer.to_vec();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4_096];
            let n = stream.read(&mut request).await.unwrap();
            let _ = stream.write_all(&answer).await;
            String::from_utf8(request[..n].to_vec()).unwrap()
        });
        let guard = Guard::new(&[Network::read("127.0.0.0/8").unwrap()]);
        let client = Client::open(&url, None, &guard).unwrap();
        let answer = client.ask("POST", "/a?b", &[("X-One", "1")], Some("{}".to_owned())).await;
        (answer, served.await.unwrap())
    }

    #[tokio::test]
    async fn a_request_says_what_it_must_and_its_answer_is_bounded() {
        let (answer, request) = asked(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok").await;
        assert_eq!(answer, Ok(Answer { status: 201, body: b"ok".to_vec() }));
        let request = request.to_lowercase();
        assert!(request.starts_with("post /a?b http/1.1\r\nhost: 127.0.0.1:"), "{request}");
        for said in [
            "x-one: 1\r\n",
            "content-type: application/json\r\n",
            "connection: close\r\n",
            "content-length: 2\r\n",
            "\r\n\r\n{}",
        ] {
            assert!(request.contains(said), "{said}: {request}");
        }
        let endless = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 1 << 20]].concat();
        assert_eq!(asked(&endless).await.0, Ok(Answer { status: 200, body: Vec::new() }));
        let long_head = [b"HTTP/1.1 200 OK\r\nA: ".to_vec(), vec![b'x'; 1 << 20]].concat();
        assert!(asked(&long_head).await.0.is_err());
    }

    #[tokio::test]
    async fn a_redirect_is_no_answer_and_gone_is_gone() {
        let (answer, _) =
            asked(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/x\r\nContent-Length: 0\r\n\r\n").await;
        assert!(answer.unwrap().taken().unwrap_err().why().contains("redirects are not followed"));
        let of = |status| Answer { status, body: Vec::new() }.taken();
        assert!(
            of(204).is_ok() && matches!(of(410), Err(Failed::Never(_))) && matches!(of(503), Err(Failed::Later(_)))
        );
    }

    #[tokio::test]
    async fn a_private_address_is_not_even_connected_to() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = WebAddress::read(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let client = Client::open(&url, None, &Guard::new(&[])).unwrap();
        assert!(client.ask("GET", "/", &[], None).await.unwrap_err().why().starts_with("refused: "));
        assert!(timeout(Duration::from_millis(50), listener.accept()).await.is_err());
    }
}
