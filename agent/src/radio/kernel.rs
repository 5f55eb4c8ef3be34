//! The way to the kernel's wireless side: a generic netlink socket (netlink(7)). What goes through it is for the kernel of this
//! machine; nothing of it goes on the air or on a cable.
//!
//! Keeps: one socket, the number of the last question. Drops: answers to older questions, and whatever another process says.

use super::mind::{Link, System};
use crate::capture::interface::link;
use crate::wire::dot11::Address;
use crate::wire::netlink::{Request, What, messages};
use rustix::io::Errno;
use rustix::net::netlink::{GENERIC, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recvfrom, send, socket_with};
use std::fs::{File, read_dir, read_to_string};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// Why the kernel did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It said no: the number of errno(3).
    No(u32),
    /// It said nothing that could be understood.
    Silent,
}

/// Who can be asked.
pub trait Kernel {
    /// Asks, and gives each part of the answer: its command and its attributes.
    ///
    /// # Errors
    /// The kernel's refusal.
    fn ask(&mut self, request: Request, part: &mut dyn FnMut(u8, &[u8])) -> Result<(), Refusal>;
}

/// The kernel of this machine.
pub struct Netlink {
    descriptor: OwnedFd,
    sequence: u32,
    space: Vec<u8>,
}

impl Netlink {
    /// No right is needed; but a request that needs one needs it here and when it is made, and in the same thread.
    ///
    /// # Errors
    /// The system refuses a socket.
    pub fn open() -> io::Result<Netlink> {
        let descriptor = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(GENERIC))?;
        bind(&descriptor, &SocketAddrNetlink::new(0, 0))?;
        set_socket_timeout(&descriptor, Timeout::Recv, Some(PATIENCE))?;
        Ok(Netlink { descriptor, sequence: 0, space: vec![0; SPACE] })
    }
}

impl Kernel for Netlink {
    fn ask(&mut self, request: Request, part: &mut dyn FnMut(u8, &[u8])) -> Result<(), Refusal> {
        self.sequence = self.sequence.wrapping_add(1);
        let octets = request.finish(self.sequence);
        send(&self.descriptor, &octets, SendFlags::empty()).map_err(|e| refusal(Err(e)))?;
        for _ in 0..MAX_DATAGRAMS {
            let (heard, length, from) = match recvfrom(&self.descriptor, &mut self.space[..], RecvFlags::TRUNC) {
                Ok((heard, length, from)) => (heard, length, from),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(refusal(Err(error))),
            };
            let is_kernel = from.is_some_and(|a| SocketAddrNetlink::try_from(a).is_ok_and(|a| a.pid() == 0));
            if !is_kernel {
                continue;
            }
            if length > SPACE {
                return Err(Refusal::Silent);
            }
            if let Some(end) = read(self.space.get(..heard).unwrap_or_default(), self.sequence, part) {
                return end;
            }
        }
        Err(Refusal::Silent)
    }
}

/// Reads a datagram; gives the end of the answer, if it stands in it.
pub fn read(octets: &[u8], sequence: u32, part: &mut dyn FnMut(u8, &[u8])) -> Option<Result<(), Refusal>> {
    for message in messages(octets).filter(|m| m.sequence == sequence) {
        match message.what() {
            Ok(What::Part(command, inner)) => part(command, inner),
            Ok(What::End(0)) => return Some(Ok(())),
            Ok(What::End(number)) => return Some(Err(Refusal::No(number))),
            Err(_) => return Some(Err(Refusal::Silent)),
        }
    }
    None
}

fn refusal(error: Result<(), Errno>) -> Refusal {
    match error {
        // Nothing came in time, or more than there was room for.
        Ok(()) | Err(Errno::AGAIN | Errno::NOBUFS) => Refusal::Silent,
        Err(error) => Refusal::No(error.raw_os_error().unsigned_abs()),
    }
}

/// This machine, as far as radios are concerned.
pub struct Machine(pub Option<Netlink>);

impl Machine {
    /// Without a way to the kernel what the files say is left.
    #[must_use]
    pub fn open() -> Machine {
        Machine(Netlink::open().ok())
    }
}

impl Kernel for Machine {
    fn ask(&mut self, request: Request, part: &mut dyn FnMut(u8, &[u8])) -> Result<(), Refusal> {
        self.0.as_mut().map_or(Err(Refusal::Silent), |kernel| kernel.ask(request, part))
    }
}

impl System for Machine {
    fn file(&mut self, path: &Path) -> Option<Zeroizing<Vec<u8>>> {
        let mut octets = Zeroizing::new(Vec::with_capacity(MAX_FILE));
        let most = u64::try_from(MAX_FILE).unwrap_or(u64::MAX);
        File::open(path).ok()?.take(most).read_to_end(&mut octets).ok()?;
        Some(octets)
    }

    fn link(&mut self, name: &str) -> Option<Link> {
        let (is_up, address): (bool, Option<Address>) = link(name)?;
        Some(Link { is_up, address })
    }

    /// rfkill's own files (Documentation/driver-api/rfkill.rst): `name` is the radio's, `soft` and `hard` are 1 where a person
    /// or a switch has turned it off.
    fn is_blocked(&mut self, radio: &[u8]) -> bool {
        let switches = read_dir("/sys/class/rfkill").into_iter().flatten().flatten().take(MAX_SWITCHES);
        switches.map(|entry| entry.path()).any(|path| {
            let says = |file: &str| read_to_string(path.join(file)).unwrap_or_default();
            says("name").trim().as_bytes() == radio && [says("soft"), says("hard")].iter().any(|s| s.trim() == "1")
        })
    }
}

/// The kernel answers at once; where a driver is changed it may take a while.
const PATIENCE: Duration = Duration::from_secs(3);
/// Octets of an answer's part: the kernel makes them of 32 KiB at most.
const SPACE: usize = 32_768;
/// Parts of an answer: a table of some hundred networks comes in a few dozen.
const MAX_DATAGRAMS: usize = 4_096;
/// Octets of a file of hostapd: sixteen networks need a tenth of it.
const MAX_FILE: usize = 262_144;
/// Switches of a machine: one a radio, Bluetooth, and a few for all.
const MAX_SWITCHES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::nl80211;

    #[test]
    fn the_kernel_of_this_machine_answers_or_says_no() {
        // What every kernel has: the family of families is known by its name; one that nobody has is refused with ENOENT.
        let mut kernel = Netlink::open().unwrap();
        let ask = |name: &[u8]| Request::new(16, 3, false).with(2, name);
        let mut family = None;
        let known = kernel.ask(ask(b"nlctrl\0"), &mut |_, inner| family = nl80211::family(inner));
        assert_eq!((known, family), (Ok(()), Some(16)));
        assert_eq!(kernel.ask(ask(b"auscult\0"), &mut |_, _| panic!("an answer")), Err(Refusal::No(2)));
        assert_eq!(kernel.ask(Request::new(9_999, 1, true), &mut |_, _| ()), Err(Refusal::No(2)));
    }

    #[test]
    fn an_answer_to_another_question_is_passed_over() {
        let octets = Request::new(28, 7, false).with_u32(3, 1).finish(4);
        let mut parts = 0;
        assert_eq!(read(&octets, 5, &mut |_, _| parts += 1), None);
        assert_eq!(read(&octets, 4, &mut |_, _| parts += 1), None);
        assert_eq!(parts, 1);
    }

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        let path = std::env::temp_dir().join(format!("auscult-hostapd-{}", std::process::id()));
        std::fs::write(&path, vec![b'x'; MAX_FILE + 9]).unwrap();
        assert_eq!(Machine(None).file(&path).unwrap().len(), MAX_FILE);
        std::fs::remove_file(&path).unwrap();
        assert!(Machine(None).file(&path).is_none());
    }
}
