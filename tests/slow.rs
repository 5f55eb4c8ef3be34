//! Those who hold connections and say nothing, and those who say too much: dropped in the time that is shipped, held within their
//! caps, and no honest sensor waits for them. The collector is a program of its own with the times of every other.
//!
//! Counts as failure: a connection that is still there after its time, an honest report that is not stored meanwhile.

use auscult_report::receipt::Outcome;
use auscult_tests::desk::Provider;
use auscult_tests::raw::{agents, authority, let_in, most_memory_mib, restarted, serves_on};
use auscult_tests::station::Caller;
use auscult_tests::way::{Way, client_config};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

#[test]
fn connections_that_drip_are_dropped_in_time_and_nobody_waits_for_them() {
    let provider = Provider::serving();
    let mut honest = let_in(&provider, "north", 1);
    let (to, over) = (agents(&provider), AtomicBool::new(false));
    let strange = client_config(authority(&provider).certificate(), None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (ends, delivered) = std::thread::scope(|threads| {
        let delivering = threads.spawn(|| deliver(&provider, &mut honest, &over));
        let ends = runtime.block_on(drip_all(to, &strange));
        over.store(true, Ordering::Relaxed);
        (ends, delivering.join().unwrap())
    });
    for (way, most) in [(Drip::Hello, 14), (Drip::Head, 36), (Drip::Body, 26), (Drip::Idle, 36)] {
        let of: Vec<u32> = ends.iter().filter(|e| e.0 == way).map(|e| e.1).collect();
        let latest = of.iter().max().copied().unwrap();
        println!("{way:?}: {} connections, gone after {} to {latest} seconds", of.len(), of.iter().min().unwrap());
        assert!(latest <= most, "{way:?}: after {latest} seconds, {most} at most");
    }
    // With one second between two deliveries, each over a handshake of its own.
    assert!(delivered >= 15, "an honest sensor delivered only {delivered} times meanwhile");
    serves_on(&provider, &mut honest);
    println!("{} connections; {delivered} deliveries meanwhile; {} MiB", ends.len(), most_memory_mib(&provider));
}

#[test]
fn one_address_has_its_connections_and_no_more_and_others_come_in() {
    let mut provider = Provider::serving();
    let mut honest = let_in(&provider, "north", 2);
    restarted(&mut provider, &[("connections_address = 20000", "connections_address = 32")]);
    let to = agents(&provider);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut held = runtime.block_on(async {
        let mut held = Vec::new();
        for _ in 0..FLOOD {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
            held.push(socket.connect(to).await.unwrap());
        }
        held
    });
    let closed = runtime.block_on(async {
        let mut closed = 0;
        for stream in &mut held {
            closed += usize::from(timeout(Duration::from_millis(20), stream.read_u8()).await.is_ok());
        }
        closed
    });
    assert_eq!(closed, FLOOD - 32, "those beyond the cap are closed at once");
    serves_on(&provider, &mut honest);
    drop(held);
    println!("{FLOOD} connections of one address, {closed} closed at once");
}

#[test]
fn one_flooder_gets_its_share_and_honest_sensors_are_served() {
    let mut provider = Provider::serving();
    let mut flooder = let_in(&provider, "north", 3);
    let mut honest: Vec<Caller> = (4..8).map(|seed| let_in(&provider, "north", seed)).collect();
    let limits = [("sensor_burst = 1000000", "sensor_burst = 500"), ("minute = 100000", "minute = 60")];
    restarted(&mut provider, &limits);
    let over = AtomicBool::new(false);
    let (statuses, stored) = std::thread::scope(|threads| {
        let flooding = threads.spawn(|| flood(&provider, &mut flooder, &over));
        let mut stored = 0;
        for _ in 0..6 {
            for caller in &mut honest {
                let mut way = Way::try_to(agents(&provider), &authority(&provider), Some(caller)).unwrap();
                let (status, receipt) = way.reports(&caller.ear.chain(8));
                assert_eq!(status, 200);
                assert!(receipt.unwrap().results.iter().all(|r| r.outcome == Outcome::Stored));
                stored += 8;
            }
        }
        over.store(true, Ordering::Relaxed);
        (flooding.join().unwrap(), stored)
    });
    assert!(statuses.keys().all(|s| [200, 429, 503].contains(s)), "{statuses:?}");
    assert!(statuses.contains_key(&429), "the flooder was not held: {statuses:?}");
    // Its burst, what a minute adds, and what it was let in with.
    let sensors = provider.command(&["sensors", "north"]);
    let last = sensors.lines().last().unwrap();
    let reports: usize = last.split(' ').next().unwrap().parse().unwrap();
    assert!(reports <= stored + 500 + 120, "{last}");
    serves_on(&provider, &mut honest[0]);
    println!("flooder: {statuses:?}; honest: {stored} stored; {} MiB", most_memory_mib(&provider));
}

/// Sends whole batches as fast as they are answered.
fn flood(provider: &Provider, flooder: &mut Caller, over: &AtomicBool) -> BTreeMap<u16, u32> {
    let mut statuses = BTreeMap::new();
    let mut way = Way::try_to(agents(provider), &authority(provider), Some(flooder)).unwrap();
    while !over.load(Ordering::Relaxed) || !statuses.contains_key(&429) {
        let (status, _) = way.reports(&flooder.ear.chain(64));
        *statuses.entry(status).or_insert(0) += 1;
    }
    statuses
}

/// A report a second, each over a connection of its own, until it is over: how many were stored.
fn deliver(provider: &Provider, caller: &mut Caller, over: &AtomicBool) -> u32 {
    let mut stored = 0;
    while !over.load(Ordering::Relaxed) {
        let mut way = Way::try_to(agents(provider), &authority(provider), Some(caller)).unwrap();
        assert_eq!(way.reports(&caller.ear.chain(1)).0, 200);
        stored += 1;
        std::thread::sleep(Duration::from_secs(1));
    }
    stored
}

/// Where a connection is when it begins to drip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drip {
    Hello,
    Head,
    Body,
    Idle,
}

/// Every connection at once: how each dripped, and after how many seconds it was closed.
async fn drip_all(to: SocketAddr, config: &Arc<ClientConfig>) -> Vec<(Drip, u32)> {
    let counts = [(Drip::Head, 100), (Drip::Body, 100), (Drip::Idle, 20), (Drip::Hello, 300)];
    let mut tasks = Vec::new();
    for (way, count) in counts {
        for _ in 0..count {
            let stream = TcpStream::connect(to).await.unwrap();
            if way == Drip::Hello {
                tasks.push(tokio::spawn(async move { (way, drip(stream, &[0x16, 3, 1, 2, 0], true).await) }));
                continue;
            }
            let name = ServerName::try_from("localhost").unwrap();
            let stream = TlsConnector::from(Arc::clone(config)).connect(name, stream).await.unwrap();
            let begin: &[u8] = match way {
                Drip::Head => b"POST /v1/sensor/renew HTTP/1.1\r\nx: ",
                Drip::Body => {
                    b"POST /v1/sensor/renew HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\ncontent-type: \
                      application/vnd.auscult.renew\r\n\r\n"
                }
                _ => b"",
            };
            tasks.push(tokio::spawn(async move { (way, drip(stream, begin, way != Drip::Idle).await) }));
        }
    }
    let mut ends = Vec::new();
    for task in tasks {
        ends.push(task.await.unwrap());
    }
    ends
}

/// Sends the beginning, then an octet a second, until the other end says or closes something: after how many seconds.
async fn drip(stream: impl AsyncRead + AsyncWrite, begin: &[u8], drips: bool) -> u32 {
    let (mut read, mut write) = tokio::io::split(stream);
    let _ = write.write_all(begin).await;
    let _ = write.flush().await;
    for second in 0..90 {
        tokio::select! {
            _ = read.read_u8() => return second,
            () = sleep(Duration::from_secs(1)) => {}
        }
        if drips {
            let _ = write.write_all(b"a").await;
            let _ = write.flush().await;
        }
    }
    90
}

const FLOOD: usize = 200;
