//! A configuration that is read again while the daemon runs (SIGHUP): tested as a whole first; what can be taken over at once
//! is, the rest is named and waits for the next start.
//!
//! Keeps: the interfaces as they were opened, for which there is no right any more. Drops: a configuration with a fault; the
//! daemon goes on with the one that it has.

use super::ear::Wish;
use super::health::config_hash;
use super::{Asked, Daemon, settings};
use crate::config::Config;
use crate::spool::Bounds;
use std::sync::atomic::Ordering;
use tracing::{error, info, warn};

impl Daemon {
    /// Reads the configuration again, if somebody asked for it.
    pub(super) fn reread(&mut self, asked: &Asked<'_>) {
        if !asked.again.swap(false, Ordering::Relaxed) {
            return;
        }
        self.service.reloading();
        match (asked.read)() {
            Ok(next) => self.take(next),
            Err(fault) => error!(%fault, "the configuration is refused; the one before stays"),
        }
        self.service.ready();
    }

    fn take(&mut self, next: Config) {
        let later = later(&self.config, &next);
        let taken = merged(&self.config, next);
        self.health.config_hash = config_hash(&taken);
        self.spool.bound(Bounds { octets: taken.spool_octets, keep_ms: taken.keep_ms });
        if let Some(post) = &mut self.post {
            post.configured(&taken.collectors);
        }
        let is_new = uses(&taken) != uses(&self.config);
        let settings = is_new.then(|| settings(&taken, &self.identity));
        // Nobody there: the capture is over.
        let _ = self.wishes.send(Wish { settings, window_ms: taken.window_ms });
        self.config = taken;
        info!("the configuration was read again");
        if !later.is_empty() {
            warn!(keys = later.join(", "), "these take effect at the next start");
        }
    }
}

/// What decides where addresses and networks belong.
fn uses(config: &Config) -> impl PartialEq {
    (config.networks.clone(), config.own_ssids.clone(), config.own_bssids.clone(), config.purposes.clone())
}

/// The keys whose change has to wait for a start.
fn later(now: &Config, next: &Config) -> Vec<&'static str> {
    let changed = [
        ("state", now.state != next.state),
        ("capture", now.heard != next.heard || now.radios != next.radios || now.then != next.then),
        ("identity", now.machine_id != next.machine_id || now.accept_copied_key != next.accept_copied_key),
        ("memory", now.memory != next.memory),
        ("log.to", now.log_to != next.log_to),
    ];
    changed.into_iter().filter(|(_, is_changed)| *is_changed).map(|(key, _)| key).collect()
}

/// The next configuration, without what has to wait.
fn merged(now: &Config, next: Config) -> Config {
    Config {
        state: now.state.clone(),
        heard: now.heard.clone(),
        radios: now.radios.clone(),
        then: now.then,
        machine_id: now.machine_id.clone(),
        accept_copied_key: now.accept_copied_key,
        memory: now.memory,
        log_to: now.log_to,
        ..next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        let head = "state = \"s\"\n[[capture.interface]]\nname = \"br-lan\"\n";
        Config::read(&format!("{head}{text}")).unwrap()
    }

    #[test]
    fn what_belongs_to_a_start_waits_and_the_rest_is_taken() {
        let (now, next) = (config(""), config("[clinic]\nhome = [\"10.0.0.0/8\"]\n[window]\nlength_s = 60\n"));
        assert!(later(&now, &next).is_empty());
        assert_eq!(merged(&now, next.clone()), next);
        let moved = Config { state: "elsewhere".into(), ..next.clone() };
        assert_eq!(later(&now, &moved), ["state"]);
        assert_eq!(merged(&now, moved), next);
        let other =
            Config::read("state = \"s\"\n[[capture.interface]]\nname = \"eth1\"\n[log]\nto = \"syslog\"\n").unwrap();
        assert_eq!(later(&now, &other), ["capture", "log.to"]);
        assert_eq!(later(&now, &config("[memory]\ncap_mib = 32\n")), ["memory"]);
        assert_eq!(merged(&now, other), now);
    }
}
