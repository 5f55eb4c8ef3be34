//! What the daemon may do, once its ears are open: nothing more than any program of its user (capabilities(7), and
//! PR_SET_NO_NEW_PRIVS of prctl(2)).
//!
//! Keeps: the sockets that are open; an interface that comes back is heard by them. Drops: every capability of every set, also
//! for programs that would be started, and the way to get one back.

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities, set_no_new_privs,
};
use tracing::warn;

/// Lays all rights down. Threads that are started later have none either; so this stands before the first of them.
///
/// # Errors
/// One sentence, where the system refuses it: a sensor does not run with more than it needs.
pub(super) fn lay_down() -> Result<(), String> {
    lay_down_but(CapabilitySet::empty())
}

/// Lays all rights of this thread down but `kept`, as far as it has that.
///
/// # Errors
/// As [`lay_down`].
pub(super) fn lay_down_but(kept: CapabilitySet) -> Result<(), String> {
    let kept = capabilities(None).map_or(CapabilitySet::empty(), |had| had.permitted & kept);
    // Without CAP_SETPCAP the bound stays, and with PR_SET_NO_NEW_PRIVS nothing is to be had within it.
    let is_bound = CapabilitySet::all().iter().all(|right| remove_capability_from_bounding_set(right).is_ok());
    // A kernel without ambient rights has nothing to clear.
    let _ = clear_ambient_capability_set();
    let none = CapabilitySet::empty();
    let left = CapabilitySets { effective: kept, permitted: kept, inheritable: none };
    set_no_new_privs(true).and_then(|()| set_capabilities(None, left)).map_err(|e| {
        format!("the rights that are not needed any more cannot be laid down ({e}); Linux 3.5 or newer is needed")
    })?;
    if !is_bound {
        warn!("the bounding set stays as it was found");
    }
    Ok(())
}
