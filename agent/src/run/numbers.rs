//! The numbers of the system calls that `calls.rs` speaks of, by processor (arch/*/syscalls.tbl, asm-generic/unistd.h).
//!
//! Keeps: by name what every processor has or what libc names; by number what is the same everywhere since 424, and what libc
//! does not name. Drops: processors that are in no router that we know (`KIND` is none there, and it is said).

use libc::c_long;

/// How the kernel calls the processor's calls (linux/audit.h): the machine's number in ELF, with 64 bits, least octet first.
pub(super) const KIND: Option<u32> = if cfg!(all(target_arch = "x86_64", target_pointer_width = "64")) {
    Some(0xc000_003e)
} else if cfg!(all(target_arch = "aarch64", target_endian = "little", target_pointer_width = "64")) {
    Some(0xc000_00b7)
} else if cfg!(all(target_arch = "arm", target_endian = "little")) {
    Some(0x4000_0028)
} else if cfg!(all(target_arch = "mips", target_endian = "little")) {
    Some(0x4000_0008)
} else {
    None
};

/// Where the numbers begin (o32 on MIPS).
pub(super) const BEGIN: u32 = if cfg!(target_arch = "mips") { 4_000 } else { 0 };

/// Calls of the processor's own begin here (set_tls on ARM).
pub(super) const OWN: u32 = if cfg!(target_arch = "arm") { 0x000f_0000 } else { u32::MAX };

/// A number that is the same everywhere but for where numbers begin.
const fn same(number: c_long) -> c_long {
    if cfg!(target_arch = "mips") { number.saturating_add(4_000) } else { number }
}

/// Refused whatever is asked.
pub(super) const NEVER: &[c_long] = &[
    // programs and other processes
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_kill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    same(424), // pidfd_send_signal
    same(434), // pidfd_open
    same(438), // pidfd_getfd
    same(440), // process_madvise
    same(448), // process_mrelease
    // another identity, another place
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_capset,
    libc::SYS_personality,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    // the machine
    libc::SYS_mount,
    libc::SYS_umount2,
    same(428), // open_tree
    same(429), // move_mount
    same(430), // fsopen
    same(431), // fsconfig
    same(432), // fsmount
    same(433), // fspick
    same(442), // mount_setattr
    same(443), // quotactl_fd
    libc::SYS_quotactl,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    libc::SYS_memfd_create,
    same(447), // memfd_secret
    // files: Landlock says where; to whom they belong and what they may stays as it is
    libc::SYS_mknodat,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    // nobody is let in, and no descriptor leaves by a pair
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_socketpair,
    // of some processors
    #[cfg(any(target_arch = "x86_64", target_arch = "arm", target_arch = "mips"))]
    libc::SYS_fork,
    #[cfg(any(target_arch = "x86_64", target_arch = "arm"))]
    libc::SYS_vfork,
    #[cfg(any(target_arch = "x86_64", target_arch = "arm", target_arch = "mips"))]
    libc::SYS_mknod,
    #[cfg(any(target_arch = "x86_64", target_arch = "arm", target_arch = "mips"))]
    libc::SYS_chmod,
    #[cfg(any(target_arch = "x86_64", target_arch = "arm", target_arch = "mips"))]
    libc::SYS_chown,
    #[cfg(any(target_arch = "x86_64", target_arch = "arm", target_arch = "mips"))]
    libc::SYS_lchown,
    #[cfg(any(target_arch = "x86_64", target_arch = "arm", target_arch = "mips"))]
    libc::SYS_link,
    #[cfg(any(target_arch = "x86_64", target_arch = "arm", target_arch = "mips"))]
    libc::SYS_symlink,
    #[cfg(any(target_arch = "x86_64", target_arch = "arm", target_arch = "mips"))]
    libc::SYS_uselib,
    #[cfg(any(target_arch = "x86_64", target_arch = "mips"))]
    libc::SYS_modify_ldt,
    #[cfg(any(target_arch = "x86_64", target_arch = "mips"))]
    libc::SYS_iopl,
    #[cfg(any(target_arch = "x86_64", target_arch = "mips"))]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    #[cfg(target_arch = "aarch64")]
    294, // kexec_file_load
    #[cfg(target_arch = "arm")]
    401, // kexec_file_load
    #[cfg(any(target_arch = "arm", target_arch = "mips"))]
    same(404), // clock_settime64
    #[cfg(target_arch = "arm")]
    libc::SYS_setuid32,
    #[cfg(target_arch = "arm")]
    libc::SYS_setgid32,
    #[cfg(target_arch = "arm")]
    libc::SYS_setreuid32,
    #[cfg(target_arch = "arm")]
    libc::SYS_setregid32,
    #[cfg(target_arch = "arm")]
    libc::SYS_setresuid32,
    #[cfg(target_arch = "arm")]
    libc::SYS_setresgid32,
    #[cfg(target_arch = "arm")]
    libc::SYS_setgroups32,
    #[cfg(target_arch = "arm")]
    libc::SYS_setfsuid32,
    #[cfg(target_arch = "arm")]
    libc::SYS_setfsgid32,
    #[cfg(target_arch = "arm")]
    libc::SYS_chown32,
    #[cfg(target_arch = "arm")]
    libc::SYS_fchown32,
    #[cfg(target_arch = "arm")]
    libc::SYS_lchown32,
    #[cfg(target_arch = "mips")]
    libc::SYS_socketcall,
];

/// As if the kernel did not have them: a library that tries them goes on in the old way, whose arguments can be looked at.
pub(super) const NOT_HERE: &[c_long] = &[
    same(425), // io_uring_setup
    same(426), // io_uring_enter
    same(427), // io_uring_register
    same(435), // clone3
    same(437), // openat2
    libc::SYS_io_setup,
    libc::SYS_io_submit,
];

/// Calls that send or write to the descriptor that is their first argument.
pub(super) const SENDS: &[c_long] = &[
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwritev,
    libc::SYS_pwritev2,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_sendfile,
    #[cfg(not(target_arch = "mips"))]
    libc::SYS_pwrite64,
    #[cfg(target_arch = "mips")]
    4_201, // pwrite64
    #[cfg(any(target_arch = "arm", target_arch = "mips"))]
    libc::SYS_send,
    #[cfg(any(target_arch = "arm", target_arch = "mips"))]
    libc::SYS_sendfile64,
];

/// Calls that give a descriptor another number.
pub(super) const DUPLICATES: &[c_long] = &[
    libc::SYS_dup,
    libc::SYS_dup3,
    #[cfg(any(target_arch = "x86_64", target_arch = "arm", target_arch = "mips"))]
    libc::SYS_dup2,
];

/// Calls that may do so.
pub(super) const CONTROLS: &[c_long] = &[
    libc::SYS_fcntl,
    #[cfg(any(target_arch = "arm", target_arch = "mips"))]
    libc::SYS_fcntl64,
];

/// Calls that open a file, flags second.
pub(super) const OPENS: &[c_long] = &[
    #[cfg(any(target_arch = "x86_64", target_arch = "arm", target_arch = "mips"))]
    libc::SYS_open,
];

/// Calls that make, name, cut and remove files.
pub(super) const CHANGES: &[c_long] = &[
    libc::SYS_renameat2,
    libc::SYS_unlinkat,
    libc::SYS_mkdirat,
    libc::SYS_truncate,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_utimensat,
    #[cfg(target_arch = "aarch64")]
    38, // renameat
    #[cfg(any(target_arch = "x86_64", target_arch = "arm", target_arch = "mips"))]
    libc::SYS_renameat,
    #[cfg(any(target_arch = "x86_64", target_arch = "arm", target_arch = "mips"))]
    libc::SYS_rename,
    #[cfg(any(target_arch = "x86_64", target_arch = "arm", target_arch = "mips"))]
    libc::SYS_unlink,
    #[cfg(any(target_arch = "x86_64", target_arch = "arm", target_arch = "mips"))]
    libc::SYS_mkdir,
    #[cfg(any(target_arch = "x86_64", target_arch = "arm", target_arch = "mips"))]
    libc::SYS_rmdir,
    #[cfg(any(target_arch = "x86_64", target_arch = "arm", target_arch = "mips"))]
    libc::SYS_creat,
    #[cfg(any(target_arch = "arm", target_arch = "mips"))]
    libc::SYS_truncate64,
    #[cfg(any(target_arch = "arm", target_arch = "mips"))]
    libc::SYS_ftruncate64,
    #[cfg(any(target_arch = "arm", target_arch = "mips"))]
    same(412), // utimensat_time64
];
