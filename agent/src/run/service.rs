//! What the service manager is told: that the sensor hears, that it is alive, that it reads its configuration again, that it
//! ends (sd_notify(3), sd_watchdog_enabled(3)).
//!
//! Keeps: one socket, open before the rights are laid down. Drops: everything where no manager asks for it. Alive is who hears:
//! a capture thread that hangs is not, and is started anew by the manager.

use rustix::time::{ClockId, clock_gettime};
use std::env;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Goes up with each turn of the capture thread.
pub(super) type Pulse = Arc<AtomicU32>;

/// The way to the service manager.
#[derive(Debug, Default)]
pub(super) struct Service {
    way: Option<(UnixDatagram, SocketAddr)>,
    /// How often it wants to hear that the daemon is alive.
    every: Option<Duration>,
    last: Option<(Duration, Option<u32>)>,
}

impl Service {
    /// The manager that started this process, if there is one.
    pub(super) fn of_environment() -> Service {
        let named = |name| env::var(name).ok();
        let Some(address) = named("NOTIFY_SOCKET").and_then(|path| address(&path)) else { return Service::default() };
        let way = UnixDatagram::unbound().and_then(|socket| socket.set_nonblocking(true).map(|()| (socket, address)));
        let own = named("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
        let every = named("WATCHDOG_USEC").and_then(|us| us.parse().ok()).filter(|us| own && *us > 0);
        // Twice within the time, as the manual wants it.
        Service { way: way.ok(), every: every.map(|us: u64| Duration::from_micros(us / 2)), last: None }
    }

    /// It hears.
    pub(super) fn ready(&self) {
        self.say("READY=1");
    }

    /// It reads its configuration again; [`Service::ready`] follows.
    pub(super) fn reloading(&self) {
        // The parts of the time have other types on MIPS.
        let now_us = Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default().as_micros();
        self.say(&format!("RELOADING=1\nMONOTONIC_USEC={now_us}"));
    }

    /// It ends.
    pub(super) fn stopping(&self) {
        self.say("STOPPING=1");
    }

    /// It is alive, if the capture thread turned since this was told last; where there is none any more, in any case. `now`
    /// counts from anywhere, forward.
    pub(super) fn alive(&mut self, now: Duration, pulse: Option<u32>) {
        let Some(every) = self.every else { return };
        let is_due = self
            .last
            .is_none_or(|(at, before)| now.saturating_sub(at) >= every && (pulse.is_none() || pulse != before));
        if is_due {
            self.last = Some((now, pulse));
            self.say("WATCHDOG=1");
        }
    }

    /// The longest that the loop may wait so that it is told in time.
    pub(super) fn longest_wait(&self) -> Duration {
        self.every.map_or(Duration::MAX, |every| every.div_f32(2.0))
    }

    fn say(&self, what: &str) {
        if let Some((socket, manager)) = &self.way {
            // A manager that does not listen notices the silence.
            let _ = socket.send_to_addr(what.as_bytes(), manager);
        }
    }
}

/// A path, or a name in the abstract space, which begins with @.
fn address(named: &str) -> Option<SocketAddr> {
    match named.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name).ok(),
        None if named.starts_with('/') => SocketAddr::from_pathname(named).ok(),
        None => None,
    }
}

/// The capture thread turned.
pub(super) fn beat(pulse: &Pulse) {
    pulse.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(every_ms: u64) -> (UnixDatagram, Service) {
        let name = format!("auscult-test-{}-{every_ms}", std::process::id());
        let address = address(&format!("@{name}")).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        manager.set_nonblocking(true).unwrap();
        let way = Some((UnixDatagram::unbound().unwrap(), address));
        (manager, Service { way, every: Some(Duration::from_millis(every_ms)), last: None })
    }

    fn heard(manager: &UnixDatagram) -> Option<String> {
        let mut octets = [0; 200];
        let length = manager.recv(&mut octets).ok()?;
        Some(String::from_utf8(octets[..length].to_vec()).unwrap())
    }

    #[test]
    fn the_manager_is_told_in_the_words_of_its_manual() {
        let (manager, service) = asked(1);
        service.ready();
        assert_eq!(heard(&manager).as_deref(), Some("READY=1"));
        service.reloading();
        let told = heard(&manager).unwrap();
        let since: u64 = told.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().parse().unwrap();
        assert!(since > 0);
        service.stopping();
        assert_eq!(heard(&manager).as_deref(), Some("STOPPING=1"));
    }

    #[test]
    fn who_does_not_hear_any_more_is_not_alive() {
        let (manager, mut service) = asked(100);
        let ms = Duration::from_millis;
        let mut told = |at_ms, pulse: u32| {
            service.alive(ms(at_ms), pulse.into());
            heard(&manager).is_some()
        };
        assert!(told(0, 0), "at the start");
        assert!(!told(99, 1), "too early");
        assert!(told(100, 1));
        assert!(!told(300, 1), "the capture thread hangs");
        assert!(told(400, 2));
        let none = |at_ms, service: &mut Service| {
            service.alive(ms(at_ms), None);
            heard(&manager).is_some()
        };
        assert!(none(500, &mut service) && none(600, &mut service), "who only delivers does not hear");
    }

    #[test]
    fn nobody_is_told_where_nobody_asks() {
        let mut service = Service::default();
        service.ready();
        service.alive(Duration::ZERO, Some(1));
        assert_eq!(service.longest_wait(), Duration::MAX);
        assert!(address("udp:1").is_none());
    }
}
