//! Another machine at the end of a cable: a thread in a network namespace of its own, for who must be reached over an interface
//! and not over loopback.

use crate::cable::ip;
use rustix::thread::{UnshareFlags, gettid};
use std::fs;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

type Job = Box<dyn FnOnce() + Send>;

/// A thread that is elsewhere, and does what it is told.
pub struct Far {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Far {
    /// Lays a cable from `near`, which gets the address `here`, to a machine with the address `there`, as `10.99.0.1/24`.
    ///
    /// # Panics
    /// If the system does not allow it.
    #[must_use]
    pub fn at(near: &str, here: &str, there: &str) -> Far {
        let (jobs, taken) = channel::<Job>();
        let (says, said) = channel();
        let thread = std::thread::spawn(move || {
            // Of this thread alone, and of those that it starts.
            #[expect(deprecated, reason = "descriptors are not unshared: the name that needs no `unsafe` will do")]
            rustix::thread::unshare(UnshareFlags::NEWNET).unwrap();
            fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap();
            says.send(gettid().as_raw_nonzero().get()).unwrap();
            for job in taken {
                job();
            }
        });
        let far = Far { jobs: Some(jobs), thread: Some(thread) };
        let id = said.recv().unwrap();
        ip(&format!("link add {near} type veth peer name {FAR_END}"));
        ip(&format!("link set {FAR_END} netns {id}"));
        let there = there.to_owned();
        far.does(move || {
            ip(&format!("address add {there} dev {FAR_END}"));
            ip(&format!("link set {FAR_END} up"));
            ip("link set lo up");
        });
        ip(&format!("address add {here} dev {near}"));
        ip(&format!("link set {near} up"));
        far
    }

    /// Both know each other's place from now on: nobody asks for it (ARP) any more.
    ///
    /// # Panics
    /// As [`Far::at`].
    pub fn acquaint(&self, near: &str) {
        let of = |name: &str| pnet_datalink::interfaces().into_iter().find(|i| i.name == name).unwrap();
        let knows = |name: &str, other: &pnet_datalink::NetworkInterface| {
            let (address, place) = (other.ips[0].ip(), other.mac.unwrap());
            ip(&format!("neighbour replace {address} lladdr {place} dev {name} nud permanent"));
        };
        let (here, there) = (of(near), self.does(move || of(FAR_END)));
        knows(near, &there);
        self.does(move || knows(FAR_END, &here));
    }

    /// Has something done there, and waits for it. Threads that it starts stay there.
    ///
    /// # Panics
    /// If it panics.
    pub fn does<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (gives, given) = channel();
        let job = Box::new(move || drop(gives.send(job())));
        self.jobs.as_ref().unwrap().send(job).unwrap();
        given.recv().unwrap()
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        drop(self.jobs.take());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Its interface.
pub const FAR_END: &str = "far0";
