//! The server: listeners, the rounds of the ledgers, judging. With the programs' `main` the only room that looks at the clock.
//!
//! Keeps: one archive open. Drops: nothing that was acknowledged; at the end what was begun is answered, what waits is written.

mod chores;
mod teller;

use crate::access::{Access, People, Programs};
use crate::authority::{Authority, Bundle};
use crate::config::Config;
use crate::ingest::{Door, Limits};
use crate::ledger::Ledger;
use crate::notices::Notices;
use crate::store::Store;
use crate::web::{Certificates, Clock, Desk, Elsewhere, Listener, MOST_EXPORTS, Meters, Side};
use auscult_assess::knowledge::Knowledge;
use auscult_report::key::SensorKey;
use auscult_report::time::Timestamp;
use chores::Chores;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};
use teller::Teller;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tracing::info;

/// A server that runs. When it is dropped, it ends.
pub struct Service {
    runtime: Option<Runtime>,
    stop: watch::Sender<bool>,
    listening: Vec<tokio::task::JoinHandle<()>>,
    /// The chores, and who tells people.
    threads: Vec<(Sender<()>, JoinHandle<()>)>,
    addresses: Addresses,
    desk: Arc<Desk>,
}

/// Where it listens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// For sensors.
    pub agents: Option<SocketAddr>,
    /// For people.
    pub people: Option<SocketAddr>,
    /// For monitoring.
    pub ops: Option<SocketAddr>,
}

impl Service {
    /// Opens the archive and begins to serve.
    ///
    /// # Errors
    /// What could not be opened, in one sentence, and what to try.
    pub fn start(config: &Config, seed: [u8; 32], clock: Clock) -> Result<Service, Box<dyn Error>> {
        let (Some(agents), Some(folder)) = (&config.agents, &config.authority) else {
            return Err("nothing to serve: [authority] and [agents] are not in the settings".into());
        };
        let notices = Notices::open(&config.notices, &config.name)?;
        let store = Store::open(&config.store, config.most_octets, clock())?;
        let ledger = Ledger::open(&config.name, seed, &config.tiles, &config.highwater)?;
        let authority = Arc::new(Authority::open(folder, &config.name, clock())?);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("web").build()?;
        let hosts = agents.addresses.iter().map(|a| host(a)).collect();
        let certificates = Certificates::new(&authority, hosts, config.people_files.clone(), clock())?;
        let key = certificates.tls_key();
        let bind = |side, at, tls, caps| runtime.block_on(bound(side, at, tls, caps));
        let caps = (agents.connections, agents.connections_address);
        let first = bind(Side::Agents, agents.listen, Some((certificates.for_sensors()?, key)), caps)?;
        let mut addresses = Addresses { agents: Some(first.address()?), ..Addresses::default() };
        let mut listeners = vec![first];
        if let Some(at) = config.people {
            let people = bind(Side::People, at, Some((certificates.for_people()?, key)), PEOPLE)?;
            addresses.people = Some(people.address()?);
            listeners.push(people);
        }
        if let Some(at) = config.ops {
            let ops = bind(Side::Ops, at, None, OPS)?;
            addresses.ops = Some(ops.address()?);
            listeners.push(ops);
        }
        let port = addresses.agents.map_or(0, |a| a.port());
        let told: Vec<String> = agents.addresses.iter().map(|a| with_port(a, port)).collect();
        let bundle = authority.bundle(SensorKey::from_seed(&seed).public(), &told)?;
        let elsewhere = config.oidc.as_ref().map(Elsewhere::open).transpose()?;
        let desk = desk((config, told), store, ledger, (authority, bundle), clock);
        let desk = Arc::new(Desk { elsewhere, ..desk });
        let chores = Chores::new(&desk, certificates, config.round_ms, &config.store);
        let teller = Teller::new(&desk, notices)?;
        Service::begin(runtime, listeners, desk, (chores, teller), addresses)
    }

    fn begin(
        runtime: Runtime,
        listeners: Vec<Listener>,
        desk: Arc<Desk>,
        (chores, teller): (Chores, Teller),
        addresses: Addresses,
    ) -> Result<Service, Box<dyn Error>> {
        let (stop, stopped) = watch::channel(false);
        let serve = |listener: Listener| runtime.spawn(listener.serve(Arc::clone(&desk), stopped.clone()));
        let listening = listeners.into_iter().map(serve).collect();
        let threads =
            vec![thread("chores", move |ended| chores.run(ended))?, thread("notices", move |ended| teller.run(ended))?];
        info!(agents = ?addresses.agents, people = ?addresses.people, ops = ?addresses.ops, "serving");
        let runtime = Some(runtime);
        Ok(Service { runtime, stop, listening, threads, addresses, desk })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The archive that it serves.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Ends: nothing new is accepted, what was begun is answered, what waits is written, one last round is taken.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.stop.send(true);
        if let Some(runtime) = self.runtime.take() {
            for task in self.listening.drain(..) {
                let _ = runtime.block_on(task);
            }
            runtime.shutdown_background();
        }
        for (end, _) in &self.threads {
            let _ = end.send(());
        }
        for (_, thread) in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end();
    }
}

/// A thread that works until it is told to end.
fn thread(
    name: &str,
    work: impl FnOnce(&Receiver<()>) + Send + 'static,
) -> Result<(Sender<()>, JoinHandle<()>), std::io::Error> {
    let (end, ended) = channel();
    let thread = std::thread::Builder::new().name(name.to_owned());
    Ok((end, thread.spawn(move || work(&ended))?))
}

fn desk(
    (config, addresses): (&Config, Vec<String>),
    store: Store,
    ledger: Ledger,
    (authority, bundle): (Arc<Authority>, Bundle),
    clock: Clock,
) -> Desk {
    Desk {
        people: People::new(&store, Arc::clone(&authority), &config.name),
        demo: config.demo,
        elsewhere: None,
        access: Access::new(&store, authority, bundle),
        programs: Programs::new(&store),
        knowledge: Knowledge::compiled(),
        addresses,
        door: Door::open(&store, limits(config)),
        ledger,
        tiles: config.tiles.clone(),
        config: config.clone(),
        meters: Meters::new(),
        exports: Arc::new(Semaphore::new(MOST_EXPORTS)),
        streams: Arc::default(),
        changes: Mutex::default(),
        ledgers_well: AtomicBool::new(true),
        clock,
        store,
    }
}

/// What the door takes at most.
#[must_use]
pub fn limits(config: &Config) -> Limits {
    Limits {
        queue_items: config.queue_reports,
        queue_octets: config.queue_octets,
        sensor_octets_day: config.sensor_octets_day,
        sensor_burst: config.sensor_burst,
        sensor_reports_minute: config.sensor_reports_minute,
    }
}

async fn bound(
    side: Side,
    at: SocketAddr,
    tls: Option<(Arc<rustls::ServerConfig>, auscult_report::key::Hash)>,
    caps: (usize, usize),
) -> Result<Listener, String> {
    let said =
        |e| format!("{at} cannot be listened on ({e}); another program may, or the address is not this machine's");
    Listener::bind(side, at, tls, caps).await.map_err(said)
}

/// The host of an address, without port and brackets.
fn host(address: &str) -> String {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

/// An address whose port 0 became the one that is listened on.
fn with_port(address: &str, port: u16) -> String {
    match address.rsplit_once(':') {
        Some((host, "0")) => format!("{host}:{port}"),
        _ => address.to_owned(),
    }
}

/// The machine's clock.
///
/// # Errors
/// If it is set before 1970.
#[expect(clippy::disallowed_methods, reason = "run is where the clock is read; everything else is told the time")]
pub fn now() -> Result<Timestamp, String> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let ms = since.ok().and_then(|d| u64::try_from(d.as_millis()).ok());
    ms.map(Timestamp).ok_or_else(|| "the clock of this machine is set before 1970: set it first".to_owned())
}

/// Connections of people, in all and from one address.
const PEOPLE: (usize, usize) = (1_024, 64);
/// Connections of monitoring.
const OPS: (usize, usize) = (32, 32);
