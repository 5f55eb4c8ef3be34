//! What the daemon may, once its ears are open: less than any program of its user (capabilities(7), PR_SET_NO_NEW_PRIVS of
//! prctl(2), seccomp(2), landlock(7)), and each thread only what its work needs.
//!
//! Keeps: the sockets that are open; an interface that comes back is heard by them. Drops: every capability of every set, also
//! for programs that would be started, and the way to get one back; the calls of `calls.rs`; the files beside those of
//! `folders.rs`; the image of the memory that a crash would leave, for keys and octets are in it.
//!
//! Rights belong to threads, and a thread hands what is left of them to those that it starts. So [`lay_down`] stands before
//! the first thread of the daemon, and a thread that is to keep more than the others must be started before and lay down its
//! own, with a [`Duty`] of its own.

use super::calls::{INTERNET_4, INTERNET_6, Instruction, LOCAL, ROUTES, Talk, WIRELESS, program};
use super::folders::{Reach, bound};
use crate::config::Config;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};
use seccompiler::{apply_filter, sock_filter};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use tracing::{info, warn};

/// What a thread may.
pub(super) struct Duty {
    /// Capabilities that it keeps, of those that it has.
    pub(super) keeps: CapabilitySet,
    /// Sockets that it may open.
    pub(super) sockets: &'static [Talk],
    /// Whether it may connect them.
    pub(super) connects: bool,
    /// Whether it may make, change, name and remove files; where, `folders.rs` says.
    pub(super) writes: bool,
}

/// Whatever one of its threads may.
pub(super) const DAEMON: Duty =
    Duty { keeps: NONE, sockets: &[INTERNET_4, INTERNET_6, ROUTES, LOCAL, WIRELESS], connects: true, writes: true };

/// The loop: owns the disk and speaks to nobody beyond this machine.
pub(super) const LOOP: Duty = Duty { sockets: &[ROUTES, LOCAL], ..DAEMON };

/// The capture: reads what strangers say. It looks for interfaces; it reaches nobody and changes no file.
pub(super) const CAPTURE: Duty = Duty { sockets: &[ROUTES, LOCAL], connects: false, writes: false, ..DAEMON };

/// The courier: reaches the collector, and changes no file.
pub(super) const COURIER: Duty = Duty { sockets: &[INTERNET_4, INTERNET_6, ROUTES], writes: false, ..DAEMON };

/// Who thinks for the radios: asks the kernel what it heard, and reads what hostapd reads.
pub(super) const RADIO: Duty = Duty { sockets: &[ROUTES, LOCAL, WIRELESS], ..CAPTURE };

/// Who obeys it: tells the kernel a channel by a socket that is open already. It hears nothing.
pub(super) const HAND: Duty = Duty { keeps: CapabilitySet::NET_ADMIN, sockets: &[], ..CAPTURE };

/// How far the daemon is held, as the log says it at each start and `status` after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Restraint {
    /// No capability is left in any set but, without CAP_SETPCAP, the bounding one.
    pub no_capability: bool,
    /// Nothing can be gained by starting a program.
    pub no_new_privs: bool,
    /// System calls are refused, sending on what is heard among them.
    pub seccomp: bool,
    /// The version of Landlock that bounds files; 0: the kernel has none.
    pub landlock_abi: u8,
}

impl Restraint {
    /// Whether nothing that is known is missing.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.no_capability && self.no_new_privs && self.seccomp && self.landlock_abi > 0
    }

    /// What the daemon left at its last start.
    #[must_use]
    pub fn look(state: &Path) -> Option<Restraint> {
        serde_json::from_slice(&fs::read(state.join(RESTRAINT)).ok()?).ok()
    }

    pub(super) fn octets(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// A line of the screen.
    pub(super) fn sentence(&self) -> String {
        let right = if self.no_capability && self.no_new_privs { "no capability" } else { "rights of its user" };
        let calls = if self.seccomp { "cannot send on what it hears" } else { "no call refused (no seccomp)" };
        let files = match self.landlock_abi {
            0 => "files not bounded (no Landlock)".to_owned(),
            abi => format!("writes in state only (Landlock {abi})"),
        };
        format!("{right}; {calls}; {files}")
    }

    /// Holds this thread, and those that it starts, to less. For threads of a daemon that is held already.
    pub(super) fn narrow(&self, duty: &Duty) {
        if self.seccomp && program(duty).is_none_or(|program| install(program).is_err()) {
            warn!("a thread is held no narrower than the daemon");
        }
    }
}

/// Holds this thread, and those that it starts from now on, as the daemon is held once its ears are open. The configuration
/// lies in `file`; its folder can be read later.
///
/// # Errors
/// One sentence, where the system refuses what every Linux has.
pub fn restrain(config: &Config, file: Option<&Path>) -> Result<Restraint, String> {
    let restraint = lay_down(&DAEMON, Some(&Reach::new(config, file)))?;
    tell(&restraint);
    Ok(restraint)
}

/// Lays down, for this thread and those that it starts, every right that `duty` does not name; files are bounded where a
/// `reach` is given.
///
/// # Errors
/// One sentence, where the system refuses what every Linux since 3.5 has: a sensor does not run with more than it needs.
pub(super) fn lay_down(duty: &Duty, reach: Option<&Reach>) -> Result<Restraint, String> {
    let keeps = no_right(duty.keeps)?;
    let landlock_abi = reach.map_or(Ok(0), bound).unwrap_or_else(|e| {
        warn!(error = %e, "files cannot be bounded");
        0
    });
    let seccomp = match program(duty).map(install) {
        Some(Ok(())) => true,
        Some(Err(e)) => {
            warn!(error = %e, "system calls cannot be refused");
            false
        }
        None => {
            warn!("system calls are not refused: their numbers on this processor are not known");
            false
        }
    };
    Ok(Restraint { no_capability: keeps.is_empty(), no_new_privs: true, seccomp, landlock_abi })
}

/// Lays down every right of a program that a person runs: it hears and shows, keeps its terminal, and may stop itself.
///
/// # Errors
/// As the daemon's.
pub fn hold_ear() -> Result<(), String> {
    no_right(NONE).map(drop)
}

/// No right is left but these, of those that this thread has, and none is to be had. Gives what was kept.
fn no_right(keeps: CapabilitySet) -> Result<CapabilitySet, String> {
    let refused =
        |e| format!("the rights that are not needed any more cannot be laid down ({e}); Linux 3.5 or newer is needed");
    set_no_new_privs(true).map_err(refused)?;
    let keeps = capabilities(None).map_or(NONE, |had| had.permitted & keeps);
    // Without CAP_SETPCAP the bound stays, and with PR_SET_NO_NEW_PRIVS nothing is to be had within it. A right that this
    // kernel does not know is in no set.
    let is_there = |right| capability_is_in_bounding_set(right).unwrap_or(false);
    let is_gone = |right| remove_capability_from_bounding_set(right).is_ok() || !is_there(right);
    let is_bound = CapabilitySet::all().iter().all(is_gone);
    // A kernel without ambient rights has nothing to clear.
    let _ = clear_ambient_capability_set();
    set_capabilities(None, CapabilitySets { effective: keeps, permitted: keeps, inheritable: NONE })
        .map_err(refused)?;
    if !is_bound {
        warn!("the bounding set stays as it was found");
    }
    Ok(keeps)
}

/// Says how far the daemon is held.
fn tell(restraint: &Restraint) {
    let Restraint { no_capability, no_new_privs, seccomp, landlock_abi } = *restraint;
    if restraint.is_whole() {
        info!(no_capability, no_new_privs, seccomp, landlock_abi, "held");
    } else {
        warn!(no_capability, no_new_privs, seccomp, landlock_abi, "held, as far as this kernel can");
    }
}

/// No image of the memory is left behind, and who is not root cannot look into it. For every command: each reads keys.
pub fn leave_no_image() {
    // A system that refuses this has no such images.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

fn install(program: Vec<Instruction>) -> Result<(), seccompiler::Error> {
    let program: Vec<sock_filter> =
        program.into_iter().map(|(code, jt, jf, k)| sock_filter { code, jt, jf, k }).collect();
    apply_filter(&program)
}

const NONE: CapabilitySet = CapabilitySet::empty();
/// In the state folder.
pub(super) const RESTRAINT: &str = "restraint";
