//! Which files may be touched once the ears are open, and which ports opened for others (landlock(7)): best effort, for the
//! kernels of many routers do not have it, and that is said, not an error.
//!
//! Keeps: writing in the state folder; reading what lies there, the configuration's folder (who changes a file often puts
//! another one in its place, and a reload reads that one), the capture file, `/proc` and `/sys` (load, memory, disks,
//! interfaces), and what leads from a name to an address: `/etc` and where its `resolv.conf` really lies, the libraries of the
//! system. Drops: every other file, running a program, a TCP port for others, signals to others.
//! Where TCP connections go is not bounded by port: a later trust bundle may name another port, and a proxy of the environment
//! has its own; whoever answers has to prove that he is the collector (TLS, both ways).

use crate::config::{Config, Heard};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope, path_beneath_rules,
};
use std::error::Error;
use std::path::{Path, PathBuf};

/// The files that a daemon needs.
pub(super) struct Reach {
    /// The one folder in which files are made and changed.
    state: PathBuf,
    /// Folders and files that are read.
    reads: Vec<PathBuf>,
}

impl Reach {
    /// What this configuration, which lies in `file`, needs.
    pub(super) fn new(config: &Config, file: Option<&Path>) -> Reach {
        let mut reads: Vec<PathBuf> = OF_THE_SYSTEM.iter().map(PathBuf::from).collect();
        reads.extend(folder_of(Path::new(NAME_SERVERS)));
        reads.extend(std::env::current_exe());
        reads.push(config.machine_id.clone());
        reads.extend(file.and_then(folder_of));
        // It makes its files anew at each change.
        reads.extend(config.radios.iter().flat_map(|radio| &radio.hostapd).filter_map(|file| folder_of(file)));
        if let Heard::Replay(path, _) = &config.heard {
            reads.push(path.clone());
        }
        Reach { state: config.state.clone(), reads }
    }
}

/// The folder in which a file really lies.
fn folder_of(file: &Path) -> Option<PathBuf> {
    Some(file.canonicalize().ok()?.parent()?.to_owned())
}

/// Bounds this thread, and those that it starts. Gives the version of Landlock that holds; 0 where there is none.
///
/// # Errors
/// If the kernel has Landlock and refuses what it says that it has, or the state folder is not there.
pub(super) fn bound(reach: &Reach) -> Result<u8, Box<dyn Error>> {
    let read: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::ReadDir;
    // No device, pipe, socket or link is made there, and no program run.
    let change = read
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer;
    let bounded = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::BindTcp)?
        .scope(Scope::Signal)?
        .create()?
        // What is not there needs no rule.
        .add_rules(path_beneath_rules(&reach.reads, read))?
        .add_rule(PathBeneath::new(PathFd::new(&reach.state)?, change))?
        .restrict_self()?;
    Ok(match (bounded.ruleset, bounded.landlock) {
        (RulesetStatus::NotEnforced, _) => 0,
        (_, LandlockStatus::Available { effective_abi, .. }) => effective_abi as u8,
        _ => 0,
    })
}

/// The newest version whose rights are named here; of an older kernel those that it knows.
const NEWEST: ABI = ABI::V6;
/// Who is asked for names.
const NAME_SERVERS: &str = "/etc/resolv.conf";
/// What is read on every system; the last folders are those of programs that write `resolv.conf` anew.
const OF_THE_SYSTEM: [&str; 13] = [
    "/proc",
    "/sys",
    "/etc",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/dev/urandom",
    "/dev/disk",
    "/run/systemd",
    "/tmp/resolv.conf.d",
    "/run/resolvconf",
    "/run/NetworkManager",
    "/run/connman",
];
