//! Linux: a packet socket that only receives, and its memory-mapped ring (packet(7); Documentation/networking/packet_mmap.rst,
//! TPACKET_V3).
//!
//! Keeps: octets, the kernel's time, VLAN tags, how many frames the kernel had no room for. Drops: nothing itself. There
//! is no way to send in here: no ring for it, no call of it.
//!
//! The only file with `unsafe`: a socket of this family, its options and its memory are not to be had without. Each use says
//! why it holds; what lies in the memory is read by `block.rs`, which has none.
#![expect(unsafe_code, reason = "packet sockets and mapped memory; nowhere else, and each use with its proof")]

use super::block::{Cursor, Entry, TAG_OCTETS, tagged};
use super::filter::Instruction;
use super::several::FLOOR;
use super::{Frame, Link};
use auscult_report::time::Timestamp;
use core::mem::size_of;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use libc::{c_int, c_uint, c_void, socklen_t};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// A packet socket, bound to one interface at a time.
pub(super) struct Socket {
    descriptor: OwnedFd,
    /// Interfaces that were asked to hear what is not for them; the kernel takes it back when the socket is closed.
    joined: Option<c_int>,
    lost: u64,
}

impl Socket {
    /// A socket that hears nothing yet: without a protocol the kernel gives it no frame.
    pub(super) fn open() -> io::Result<Socket> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: three numbers; the kernel reads no memory of ours.
        let number = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
        if number < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just given us this descriptor, and nobody else has its number.
        let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
        let descriptor = raised(&descriptor)?;
        Ok(Socket { descriptor, joined: None, lost: 0 })
    }

    /// A second descriptor of the same socket.
    pub(super) fn twin(&self) -> io::Result<OwnedFd> {
        raised(&self.descriptor)
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// Room for frames that wait, for a socket without a ring. Best effort: more than the system's bound needs a capability.
    pub(super) fn room(&self, octets: usize) {
        let octets = c_int::try_from(octets).unwrap_or(c_int::MAX);
        if self.set(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &octets).is_err() {
            let _ = self.set(libc::SOL_SOCKET, libc::SO_RCVBUF, &octets);
        }
    }

    /// Whether frames that leave through the interface are heard.
    pub(super) fn hear_leaving(&self, heard: bool) -> io::Result<()> {
        self.set(libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &c_int::from(!heard))
    }

    /// What the kernel leaves away.
    pub(super) fn filter(&self, program: &[Instruction]) -> io::Result<()> {
        let mut program: Vec<libc::sock_filter> = program
            .iter()
            .map(|(code, jt, jf, k)| libc::sock_filter { code: *code, jt: *jt, jf: *jf, k: *k })
            .collect();
        let len = u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        // The kernel copies the program during the call; the vector lives behind it.
        let filter = libc::sock_fprog { len, filter: program.as_mut_ptr() };
        self.set(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &filter)
    }

    /// Begins to hear an interface. Whoever heard another one before hears that no more.
    pub(super) fn bind(&mut self, index: c_int, promiscuous: bool) -> io::Result<()> {
        let place = libc::sockaddr_ll {
            sll_family: u16::try_from(libc::AF_PACKET).unwrap_or_default(),
            sll_protocol: EVERY_PROTOCOL.to_be(),
            sll_ifindex: index,
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 0,
            sll_addr: [0; 8],
        };
        // SAFETY: the address is a whole `sockaddr_ll` on our stack and its length is told; the kernel only reads it.
        let bound = unsafe {
            libc::bind(self.descriptor.as_raw_fd(), ptr::from_ref(&place).cast(), length::<libc::sockaddr_ll>())
        };
        if bound < 0 {
            return Err(io::Error::last_os_error());
        }
        if promiscuous && self.joined != Some(index) {
            let kind = u16::try_from(libc::PACKET_MR_PROMISC).unwrap_or_default();
            let wish = libc::packet_mreq { mr_ifindex: index, mr_type: kind, mr_alen: 0, mr_address: [0; 8] };
            self.set(libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &wish)?;
            self.joined = Some(index);
        }
        Ok(())
    }

    /// What the frames of the interface begin with.
    pub(super) fn link(&self) -> Link {
        let mut place = libc::sockaddr_ll {
            sll_family: 0,
            sll_protocol: 0,
            sll_ifindex: 0,
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 0,
            sll_addr: [0; 8],
        };
        let mut octets = length::<libc::sockaddr_ll>();
        // SAFETY: the kernel writes at most `octets` octets, which is the size of `place`; every pattern of octets is one.
        let told = unsafe {
            libc::getsockname(self.descriptor.as_raw_fd(), ptr::from_mut(&mut place).cast(), &raw mut octets)
        };
        if told < 0 { Link::Other } else { Link::from_hardware(place.sll_hatype) }
    }

    /// Why the interface is not heard any more, if it is not. Asking clears it.
    pub(super) fn fault(&self) -> Option<io::Error> {
        let mut number: c_int = 0;
        match self.get(libc::SOL_SOCKET, libc::SO_ERROR, &mut number) {
            Err(error) => Some(error),
            Ok(()) => (number != 0).then(|| io::Error::from_raw_os_error(number)),
        }
    }

    /// Frames for which the kernel had no room, since the socket was opened.
    pub(super) fn lost(&mut self) -> u64 {
        let mut counts = libc::tpacket_stats_v3 { tp_packets: 0, tp_drops: 0, tp_freeze_q_cnt: 0 };
        // The kernel forgets what it has told; a socket without a ring is told the first two numbers.
        if self.get(libc::SOL_PACKET, libc::PACKET_STATISTICS, &mut counts).is_ok() {
            self.lost = self.lost.saturating_add(u64::from(counts.tp_drops));
        }
        self.lost
    }

    /// `T` is a plain number or a structure of the kernel's interface.
    fn set<T>(&self, level: c_int, name: c_int, value: &T) -> io::Result<()> {
        let place: *const c_void = ptr::from_ref(value).cast();
        // SAFETY: the kernel reads `size_of::<T>()` octets from a value that is borrowed for the call. The one structure with
        // a pointer in it (`sock_fprog`) is made in `filter`, where what it points to lives behind the call.
        let done = unsafe { libc::setsockopt(self.descriptor.as_raw_fd(), level, name, place, length::<T>()) };
        if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// `T` is a plain number or a structure of numbers.
    fn get<T>(&self, level: c_int, name: c_int, value: &mut T) -> io::Result<()> {
        let mut octets = length::<T>();
        let place: *mut c_void = ptr::from_mut(value).cast();
        // SAFETY: the kernel writes at most `octets` octets into a value that is ours for the call; every pattern of octets
        // is a number.
        let done = unsafe { libc::getsockopt(self.descriptor.as_raw_fd(), level, name, place, &raw mut octets) };
        if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// Waits until one of the sockets has something to hear or to complain of, and no longer than `most`.
pub(super) fn wait<'s>(sockets: impl Iterator<Item = &'s Socket>, most: Duration) {
    let mut asked: Vec<libc::pollfd> = sockets
        .map(|socket| libc::pollfd { fd: socket.descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 })
        .collect();
    let count = libc::nfds_t::try_from(asked.len()).unwrap_or_default();
    let milliseconds = c_int::try_from(most.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: the kernel reads and writes `count` entries, which is the length of the vector. A signal or an error ends the
    // waiting early, and who waits looks at the sockets in any case.
    let _ = unsafe { libc::poll(asked.as_mut_ptr(), count, milliseconds) };
}

/// A packet socket with memory into which the kernel writes frames, a block at a time.
pub(super) struct Ring {
    pub(super) socket: Socket,
    memory: Memory,
    /// The block in hand or the next one.
    block: usize,
    cursor: Option<Cursor>,
    front: Option<Entry>,
    /// Frames with their tag put back.
    space: Vec<u8>,
}

impl Ring {
    /// Gives a socket its ring, of at least two blocks.
    pub(super) fn new(socket: Socket, octets: usize) -> io::Result<Ring> {
        let blocks = (octets / BLOCK_OCTETS).max(2);
        let number = |n: usize| c_uint::try_from(n).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput));
        let version = libc::tpacket_versions::TPACKET_V3 as c_int;
        socket.set(libc::SOL_PACKET, libc::PACKET_VERSION, &version)?;
        let wish = libc::tpacket_req3 {
            tp_block_size: number(BLOCK_OCTETS)?,
            tp_block_nr: number(blocks)?,
            tp_frame_size: number(FRAME_OCTETS)?,
            tp_frame_nr: number(blocks.saturating_mul(BLOCK_OCTETS / FRAME_OCTETS))?,
            tp_retire_blk_tov: BLOCK_MS,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        socket.set(libc::SOL_PACKET, libc::PACKET_RX_RING, &wish)?;
        let memory = Memory::map(&socket, blocks)?;
        Ok(Ring { socket, memory, block: 0, cursor: None, front: None, space: Vec::new() })
    }

    /// When the frame that comes next was heard, in nanoseconds since 1970, if there is one.
    pub(super) fn front(&mut self) -> Option<u64> {
        // Each turn gives a block back or finds none: who has seen all of them stops.
        for _ in 0..=self.memory.blocks {
            if self.front.is_some() {
                break;
            }
            if self.cursor.is_none() {
                self.cursor = Cursor::first(self.memory.block(self.block)?);
            }
            let block = self.memory.block(self.block)?;
            self.front = self.cursor.as_mut().and_then(|cursor| cursor.next(block));
            if self.front.is_none() {
                self.cursor = None;
                self.memory.give_back(self.block);
                self.block = self.block.saturating_add(1).checked_rem(self.memory.blocks).unwrap_or(0);
            }
        }
        self.front.map(|entry| entry.stamp_ns)
    }

    /// Whether the kernel has half of the blocks at least.
    pub(super) fn has_room(&self) -> bool {
        let half = self.block.saturating_add(self.memory.blocks / 2).checked_rem(self.memory.blocks).unwrap_or(0);
        self.memory.block(half).is_none()
    }

    /// Gives the frame that comes next.
    pub(super) fn take(&mut self, link: Link, hear: &mut dyn FnMut(&Frame<'_>)) {
        let Some(entry) = self.front.take() else { return };
        let Some(block) = self.memory.block(self.block) else { return };
        let octets = entry.octets(block);
        let (octets, more) = match entry.tag.filter(|_| link == Link::Ethernet) {
            Some(tag) => (tagged(octets, tag, &mut self.space), TAG_OCTETS),
            None => (octets, 0),
        };
        let wire_octets = entry.wire_octets.saturating_add(more);
        hear(&Frame { at: Timestamp(entry.stamp_ns / 1_000_000), link, octets, wire_octets, domain: Some(0) });
    }
}

/// The memory that we share with the kernel: `blocks` of [`BLOCK_OCTETS`] each.
struct Memory {
    start: NonNull<u8>,
    blocks: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread; there is one owner, and it is not shared (`Sync` is not claimed).
unsafe impl Send for Memory {}

impl Memory {
    fn map(socket: &Socket, blocks: usize) -> io::Result<Memory> {
        let octets = blocks.saturating_mul(BLOCK_OCTETS);
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the kernel chooses a place that nobody has; nothing of ours is replaced, because no address is asked for.
        let start =
            unsafe { libc::mmap(ptr::null_mut(), octets, access, libc::MAP_SHARED, socket.descriptor.as_raw_fd(), 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Memory { start, blocks })
    }

    /// Whose a block is: its status stands behind version and offset (`tpacket_block_desc`).
    fn status(&self, block: usize) -> Option<&AtomicU32> {
        let place = (block < self.blocks).then(|| block.saturating_mul(BLOCK_OCTETS).saturating_add(STATUS))?;
        // SAFETY: `place` is below `blocks * BLOCK_OCTETS`, the length of the mapping, which lives as long as `self`; it is a
        // multiple of four from a page's beginning, and both sides change these four octets as a whole only.
        Some(unsafe { AtomicU32::from_ptr(self.start.as_ptr().add(place).cast()) })
    }

    /// A block, if it is ours now.
    fn block(&self, block: usize) -> Option<&[u8]> {
        let is_ours = self.status(block)?.load(Ordering::Acquire) & libc::TP_STATUS_USER != 0;
        let place = is_ours.then(|| block.saturating_mul(BLOCK_OCTETS))?;
        // SAFETY: `status` has found `block` below `blocks`, so that the slice lies in the mapping, which lives as long as
        // `self`. The kernel has written it before it set the status (acquired above) and does not write again before the
        // status is given back, which needs `&mut self`: no slice lives then.
        Some(unsafe { core::slice::from_raw_parts(self.start.as_ptr().add(place), BLOCK_OCTETS) })
    }

    /// Leaves a block to the kernel.
    fn give_back(&mut self, block: usize) {
        if let Some(status) = self.status(block) {
            status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: place and length are those of the mapping made in `map`, and whoever drops it was its only owner.
        let _ = unsafe { libc::munmap(self.start.as_ptr().cast(), self.blocks.saturating_mul(BLOCK_OCTETS)) };
    }
}

/// Another descriptor of the same socket, from [`FLOOR`] on.
fn raised(descriptor: &OwnedFd) -> io::Result<OwnedFd> {
    let least = c_int::try_from(FLOOR).unwrap_or(c_int::MAX);
    let why = || io::Error::other("the system allows too few open files: ulimit -n must be 320 at least");
    rustix::io::fcntl_dupfd_cloexec(descriptor, least)
        .map_err(|e| if e == rustix::io::Errno::INVAL { why() } else { e.into() })
}

fn length<T>() -> socklen_t {
    socklen_t::try_from(size_of::<T>()).unwrap_or_default()
}

/// ETH_P_ALL.
const EVERY_PROTOCOL: u16 = 3;
/// A block: room for the longest frame, and some pages in a row that a small machine still finds.
pub(super) const BLOCK_OCTETS: usize = 262_144;
/// What the kernel checks the size of a block by; frames of a ring of this version are as long as they are.
const FRAME_OCTETS: usize = 2_048;
/// A block that is not full is given after so many milliseconds.
pub(super) const BLOCK_MS: c_uint = 20;
/// Where the status of a block stands.
const STATUS: usize = 8;
