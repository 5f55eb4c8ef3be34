//! One request to one address of the collector, and where the way ends if it is none: for the person who has just plugged the
//! sensor in, and wants to know more than that nothing is delivered.
//!
//! Keeps: the step that failed. Drops: the addresses that a name resolves to, and every text of an answer.

use crate::courier::link::{Credentials, Link, Request};
use crate::courier::retry::{Answer, Silence};
use crate::courier::trouble::Trouble;
use crate::courier::trust::ClockTrust;
use auscult_report::renew::Grant;
use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// How far the way leads.
#[derive(Debug)]
pub enum Reached {
    /// Our collector answers, and knows the sensor.
    Well,
    /// Our collector answers with the certificate that it was asked for.
    Granted(Box<Grant>),
    /// The name of the collector is not known here.
    NoName,
    /// There is a machine, and nobody listens at the port.
    Refused,
    /// No way to the address, or no answer in time.
    NoWay,
    /// A connection opens, and TLS does not come about.
    NoTls,
    /// It is our collector's certificate, and by our clock it is not valid now.
    Dates,
    /// The sensor's papers cannot be used at all.
    Papers,
    /// Anything else that a delivery would meet.
    Trouble(Trouble),
}

/// Asks once. It takes no longer than about a minute.
#[must_use]
pub fn probe(address: &str, request: &Request, credentials: &Credentials<'_>) -> Reached {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Reached::Papers;
    };
    let reached = runtime.block_on(reach(address, request, credentials));
    // A look-up that still waits for its answer is left to itself.
    runtime.shutdown_background();
    reached
}

async fn reach(address: &str, request: &Request, credentials: &Credentials<'_>) -> Reached {
    let Ok(link) = Link::new(credentials) else { return Reached::Papers };
    let sent = timeout(WITHIN, link.send(address, request.clone())).await;
    let answer = match sent.unwrap_or(Answer::Silence(Silence::Unreachable)) {
        Answer::Status(mut status) if matches!(status.code, 200..=299) => match (status.grant.take(), status.receipt) {
            (Some(grant), _) => return Reached::Granted(grant),
            (None, Some(_)) => return Reached::Well,
            (None, None) => return Reached::Trouble(Trouble::Stranger),
        },
        answer => answer,
    };
    match answer {
        Answer::Silence(Silence::Unreachable) => where_it_ends(address).await,
        Answer::Silence(Silence::Untrusted) if is_ours_at_another_time(address, credentials).await => Reached::Dates,
        answer => Reached::Trouble(Trouble::of(&answer)),
    }
}

/// Name, machine, port: the first that is not to be had.
async fn where_it_ends(address: &str) -> Reached {
    // Without a port it is that of https.
    let has_port = address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let whole = if has_port { address.to_owned() } else { format!("{address}:443") };
    let found = match timeout(STEP, lookup_host(whole)).await {
        Ok(Ok(found)) => found.take(MOST_ADDRESSES).collect::<Vec<SocketAddr>>(),
        _ => return Reached::NoName,
    };
    let mut reached = Reached::NoName;
    for at in found {
        reached = match timeout(STEP, TcpStream::connect(at)).await {
            Ok(Ok(_)) => return Reached::NoTls,
            Ok(Err(e)) if e.kind() == io::ErrorKind::ConnectionRefused => Reached::Refused,
            _ => Reached::NoWay,
        };
    }
    reached
}

/// Whether the certificate there is our collector's, if dates do not count. Nothing of the sensor is shown.
async fn is_ours_at_another_time(address: &str, credentials: &Credentials<'_>) -> bool {
    if credentials.clock != ClockTrust::Trusted {
        return false;
    }
    let without_dates = Credentials { roots: credentials.roots, own: None, clock: ClockTrust::Floor(0) };
    let Ok(link) = Link::new(&without_dates) else { return false };
    let empty = Request { path: "/v1/sensor/alive", form: "", octets: Vec::new(), seen: None };
    matches!(
        timeout(WITHIN, link.send(address, empty)).await,
        Ok(Answer::Status(_) | Answer::Silence(Silence::TurnedAway))
    )
}

/// For TCP, TLS and an answer.
const WITHIN: Duration = Duration::from_secs(25);
/// For a name, and for each connection that is tried.
const STEP: Duration = Duration::from_secs(5);
/// Addresses of one name that are tried: two of each kind.
const MOST_ADDRESSES: usize = 4;
