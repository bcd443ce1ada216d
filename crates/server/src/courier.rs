//! Posts messages to webhooks.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use leitmotif_api::webhooks::{Courier, Outgoing, Target, check_address};
use leitmotif_domain::limits;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

/// Posts over HTTP/1.1, encrypted where the address says `https`, one connection for each message: messages are few,
/// and a kept connection would have to be checked again when names lead elsewhere.
pub struct HttpCourier {
    /// Whether addresses inside the operator's network may be reached.
    pub may_be_private: bool,
    /// Encrypts; none where nobody is trusted.
    pub tls: Option<TlsConnector>,
}

#[async_trait]
impl Courier for HttpCourier {
    async fn post(&self, message: Outgoing) -> Result<u16, String> {
        let target = Target::parse(&message.url.to_string())?;
        let address = self.resolve(&target).await?;
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| format!("cannot connect to {address}: {error}"))?;
        let request = request_of(message, &target)?;
        if !target.is_encrypted {
            return exchange(stream, request, address).await;
        }
        let tls = self
            .tls
            .as_ref()
            .ok_or("this system trusts no certificates: install them or set `webhook_roots`")?;
        let name = ServerName::try_from(target.host.clone())
            .map_err(|_| format!("`{}` is no name of a server", target.host))?;
        let encrypted = tls.connect(name, stream).await;
        let encrypted =
            encrypted.map_err(|error| format!("no encrypted connection to {address}: {error}"))?;
        exchange(encrypted, request, address).await
    }
}

/// Sends a request over a connection and reads its answer's status.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
    address: SocketAddr,
) -> Result<u16, String> {
    let failed = |error: hyper::Error| format!("no answer from {address}: {error}");
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(failed)?;
    let answered = async move {
        let response = sender.send_request(request).await.map_err(failed)?;
        let status = response.status().as_u16();
        // Read so far that a receiver which writes before it closes is not cut off; what it says is not used.
        let body = Limited::new(response.into_body(), limits::DELIVERY_ANSWER_BYTES_MAX);
        let _ = body.collect().await;
        Ok(status)
    };
    let mut answered = pin!(answered);
    // The connection works only while it is polled, and ends with the answer.
    let lost = tokio::select! {
        biased;
        outcome = &mut answered => return outcome,
        ended = connection => ended.err(),
    };
    // An answer that came before counts, as that of a receiver who hangs up without the farewell of TLS.
    match (answered.await, lost) {
        (Err(_), Some(error)) => Err(failed(error)),
        (outcome, _) => outcome,
    }
}

impl HttpCourier {
    /// The address that a host has now. It is connected to as it was checked: a name that leads elsewhere at
    /// a second look cannot get past the check.
    async fn resolve(&self, target: &Target) -> Result<SocketAddr, String> {
        let found: Vec<SocketAddr> = match target.host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, target.port)],
            Err(_) => lookup_host((target.host.as_str(), target.port))
                .await
                .map_err(|error| format!("cannot resolve `{}`: {error}", target.host))?
                .collect(),
        };
        let first = found.first().copied();
        if !self.may_be_private {
            for address in &found {
                check_address(address.ip())?;
            }
        }
        first.ok_or_else(|| format!("`{}` has no address", target.host))
    }
}

fn request_of(message: Outgoing, target: &Target) -> Result<Request<Full<Bytes>>, String> {
    let path = message
        .url
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let host = target.url.authority().map_or("", |host| host.as_str());
    let mut builder = Request::post(path).header(header::HOST, host);
    for (name, value) in message.headers {
        builder = builder.header(name, value);
    }
    let body = Full::new(Bytes::from(message.body));
    builder.body(body).map_err(|error| error.to_string())
}
