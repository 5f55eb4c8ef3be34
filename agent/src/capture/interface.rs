//! Interfaces: which there are (`pnet_datalink`), and the two ways to what one of them hears.
//!
//! Keeps: one socket for the whole life of the sensor; an interface that comes back is heard by the same one, for which no
//! right is needed any more. Drops: which way a frame went.

use super::filter::{Own, program};
use super::portable::Portable;
use super::ring::{Ring, Socket};
use super::{Frame, Link};
use core::net::IpAddr;
use pnet_datalink::NetworkInterface;
use serde::Deserialize;
use std::io;

/// An interface that is to be heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// Whether frames are heard that are for others.
    pub promiscuous: bool,
    /// Whether frames are heard that leave through it.
    pub leaving: bool,
}

/// What an interface is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The clinic's own network, on its router or bridge.
    #[default]
    Lan,
    /// The way to the internet.
    Wan,
    /// A switch sends a copy of what others say.
    Mirror,
    /// A plain port: what is for all, and for this machine.
    Port,
    /// A radio: heard only while it is in monitor mode, and missed by nobody but `radio`.
    #[serde(skip)]
    Air,
}

/// How frames are got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// The ring; the portable way where the system refuses it.
    #[default]
    Best,
    /// The kernel's ring.
    Ring,
    /// pnet's channel.
    Portable,
}

/// How much is kept of frames, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// The way.
    pub way: Way,
    /// Octets of a frame.
    pub snap_octets: u32,
    /// Octets of frames that wait, for each interface.
    pub buffer_octets: usize,
}

/// One interface's ear: it is opened once and hears whatever interface it is attached to.
pub(super) struct Source {
    inner: Inner,
    link: Link,
    keeping: Keeping,
}

enum Inner {
    Ring(Box<Ring>),
    Portable(Box<Portable>),
}

impl Source {
    /// Opens an ear that hears nothing yet. From here on no right is needed.
    pub(super) fn open(keeping: Keeping) -> io::Result<Source> {
        let inner = match keeping.way {
            Way::Portable => Source::portable(keeping)?,
            Way::Ring => Inner::Ring(Box::new(Ring::new(Socket::open()?, keeping.buffer_octets)?)),
            Way::Best => match Ring::new(Socket::open()?, keeping.buffer_octets) {
                Ok(ring) => Inner::Ring(Box::new(ring)),
                Err(_) => Source::portable(keeping)?,
            },
        };
        Ok(Source { inner, link: Link::Other, keeping })
    }

    fn portable(keeping: Keeping) -> io::Result<Inner> {
        let socket = Socket::open()?;
        socket.room(keeping.buffer_octets);
        let snap = usize::try_from(keeping.snap_octets).unwrap_or(usize::MAX);
        Ok(Inner::Portable(Box::new(Portable::new(socket, snap))))
    }

    /// The way that was taken.
    pub(super) const fn way(&self) -> Way {
        match self.inner {
            Inner::Ring(_) => Way::Ring,
            Inner::Portable(_) => Way::Portable,
        }
    }

    /// Begins to hear an interface, without our own conversations.
    pub(super) fn attach(&mut self, wanted: &Wanted, interface: &NetworkInterface, own: &Own) -> io::Result<()> {
        if wanted.role == Role::Air {
            return self.attach_to_air(wanted, interface);
        }
        // What leaves through a loopback comes in again at once.
        let leaving = wanted.leaving && !interface.is_loopback();
        let socket = self.socket();
        if let Err(error) = socket.hear_leaving(leaving)
            && !leaving
        {
            // Before Linux 4.20 both ways are heard always.
            return Err(error);
        }
        let _ = socket.fault();
        // What it begins with is known when it is bound; until then nothing of ours is left out.
        socket.filter(&program(self.kept(), Link::Other, own))?;
        match &mut self.inner {
            Inner::Ring(ring) => {
                let index = i32::try_from(interface.index).map_err(|_| io::ErrorKind::InvalidInput)?;
                ring.socket.bind(index, wanted.promiscuous)?;
            }
            Inner::Portable(portable) => portable.attach(interface, wanted.promiscuous)?,
        }
        self.link = self.socket().link();
        self.leave_out(own);
        Ok(())
    }

    /// Hears no conversation of ours from now on. A kernel that has no room for it lets us hear ourselves: no frame is lost.
    pub(super) fn leave_out(&self, own: &Own) {
        let _ = self.socket().filter(&program(self.kept(), self.link, own));
    }

    /// Octets of a frame that the kernel keeps. One more than we do shows the portable way that a frame was cut.
    fn kept(&self) -> u32 {
        let more = u32::from(matches!(self.inner, Inner::Portable(_)));
        self.keeping.snap_octets.saturating_add(more)
    }

    /// Begins to hear a radio, if it is in monitor mode. Until that is known nothing of it is heard: as a part of a network it
    /// would give the frames of that network's cable.
    fn attach_to_air(&mut self, wanted: &Wanted, interface: &NetworkInterface) -> io::Result<()> {
        let _ = self.socket().fault();
        self.socket().filter(&program(0, Link::Other, &Own::default()))?;
        let index = i32::try_from(interface.index).map_err(|_| io::ErrorKind::InvalidInput)?;
        match &mut self.inner {
            Inner::Ring(ring) => ring.socket.bind(index, wanted.promiscuous)?,
            Inner::Portable(portable) => portable.attach(interface, wanted.promiscuous)?,
        }
        self.link = self.socket().link();
        if !matches!(self.link, Link::Radiotap | Link::Ieee80211) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        self.socket().filter(&program(self.kept(), self.link, &Own::default()))
    }

    /// Whether the interface is not heard any more. Asking clears it.
    pub(super) fn is_gone(&self) -> bool {
        let is_broken = matches!(&self.inner, Inner::Portable(portable) if portable.is_broken);
        is_broken || self.socket().fault().is_some()
    }

    /// Frames for which the kernel had no room.
    pub(super) fn lost(&mut self) -> u64 {
        match &mut self.inner {
            Inner::Ring(ring) => ring.socket.lost(),
            Inner::Portable(portable) => portable.socket.lost(),
        }
    }

    /// When the frame that comes next was heard, in nanoseconds since 1970, if there is one.
    pub(super) fn front(&mut self, now_ns: impl FnOnce() -> u64) -> Option<u64> {
        match &mut self.inner {
            Inner::Ring(ring) => ring.front(),
            Inner::Portable(portable) => portable.front(now_ns()),
        }
    }

    /// Whether a frame may lie ready for a while, so that an earlier one of another source can be given first.
    pub(super) fn can_wait(&self) -> bool {
        match &self.inner {
            Inner::Ring(ring) => ring.has_room(),
            // The time of its frames is that of their reading.
            Inner::Portable(_) => false,
        }
    }

    /// Gives the frame that comes next.
    pub(super) fn take(&mut self, hear: &mut dyn FnMut(&Frame<'_>)) {
        match &mut self.inner {
            Inner::Ring(ring) => ring.take(self.link, hear),
            Inner::Portable(portable) => portable.take(self.link, hear),
        }
    }

    pub(super) const fn socket(&self) -> &Socket {
        match &self.inner {
            Inner::Ring(ring) => &ring.socket,
            Inner::Portable(portable) => &portable.socket,
        }
    }
}

/// Whether an interface can be heard, as the system tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is not there; these are.
    Missing(Vec<String>),
    /// It is switched off.
    Down,
    /// It is switched on, and nothing is at its other end.
    NoCable,
    /// Frames can come.
    Up,
}

/// How an interface stands now.
#[must_use]
pub fn state(name: &str) -> State {
    let there = all();
    match there.iter().find(|i| i.name == name) {
        None => State::Missing(there.into_iter().map(|i| i.name).collect()),
        Some(interface) if !interface.is_up() => State::Down,
        // A radio that only listens, and some tunnels, never count as running; what comes through them is counted all the same.
        Some(interface) if !interface.is_running() && interface.mac.is_some() => State::NoCable,
        Some(_) => State::Up,
    }
}

/// An interface, as the system tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct There {
    /// Its name.
    pub name: String,
    /// It is switched on.
    pub is_up: bool,
    /// It leads to this machine alone.
    pub is_loopback: bool,
    /// Its addresses, each with the length of its network.
    pub addresses: Vec<(IpAddr, u8)>,
}

/// Every interface of this machine, for who chooses among them.
#[must_use]
pub fn there() -> Vec<There> {
    let there = |i: NetworkInterface| There {
        is_up: i.is_up(),
        is_loopback: i.is_loopback(),
        addresses: i.ips.iter().map(|network| (network.ip(), network.prefix())).collect(),
        name: i.name,
    };
    all().into_iter().map(there).collect()
}

/// Every interface of the machine.
pub(super) fn all() -> Vec<NetworkInterface> {
    pnet_datalink::interfaces()
}

/// The interface of a name, if it is there and up.
pub(super) fn up<'i>(name: &str, all: &'i [NetworkInterface]) -> Option<&'i NetworkInterface> {
    all.iter().find(|i| i.name == name && i.is_up())
}

/// The addresses of this machine by which it may be reached from elsewhere.
pub(super) fn here(all: &[NetworkInterface]) -> Vec<IpAddr> {
    let all = all.iter().filter(|i| i.is_up() && !i.is_loopback()).flat_map(|i| &i.ips);
    let is_local = |ip: &IpAddr| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    all.map(|network| network.ip()).filter(|ip| !is_local(ip)).collect()
}

/// Whether the interface of a name is up, and its address; `None` if it is not there.
#[must_use]
pub fn link(name: &str) -> Option<(bool, Option<[u8; 6]>)> {
    let found = all().into_iter().find(|i| i.name == name)?;
    Some((found.is_up(), found.mac.map(|m| m.octets())))
}
