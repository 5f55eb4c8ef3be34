//! Hosts with real servers, each in namespaces of its own (network, mounts, processes), at the cables of a test's network; and
//! the boxes that a clinic has between them: a switch with a trunk, a modem. Made of user space where the kernel has neither.
//!
//! Keeps: nothing; a host ends with everything that it started. Drops: nothing.

use pnet_datalink::{Channel, ChannelType, DataLinkReceiver, DataLinkSender};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{env, thread};

use crate::cable::ip;
use crate::sensor::wait_until;

/// A machine of the clinic, or one outside.
pub struct Host {
    holder: Child,
    process: u32,
    /// A folder of its own that both it and the test see.
    pub folder: PathBuf,
}

impl Host {
    /// A machine that is on, without a network.
    ///
    /// # Panics
    /// If it does not start: the test needs root.
    #[must_use]
    pub fn new(name: &str) -> Host {
        let folder = env::temp_dir().join(format!("auscult-host-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let ready = folder.join("ready");
        let mounts = ["/run", "/var/log", "/var/lib/samba", "/var/cache/samba", "/var/spool"];
        let mounts: String = mounts.iter().map(|m| format!("[ -d {m} ] && mount -t tmpfs tmpfs {m}; ")).collect();
        let script = format!(
            "mount -t proc proc /proc; {mounts} mkdir -p /run/sshd /run/samba /run/lock; hostname {name}; \
             ip link set lo up; touch {}; exec sleep infinity",
            ready.display()
        );
        let own = ["--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--propagation", "private"];
        let holder =
            Command::new("unshare").args(own).args(["sh", "-c", &script]).stdin(Stdio::null()).spawn().unwrap();
        wait_until(|| ready.exists());
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", holder.id())).unwrap();
        let process = children.trim().parse().unwrap();
        Host { holder, process, folder }
    }

    /// A cable from `eth0` of the host to an interface of the test, which is up.
    pub fn plug(&self, interface: &str) {
        ip(&format!("link add name {interface} type veth peer name eth0 netns {}", self.process));
        ip(&format!("link set {interface} up"));
        self.must("ip link set eth0 up");
    }

    /// Runs a command line.
    ///
    /// # Panics
    /// If there is no shell.
    #[must_use]
    pub fn run(&self, line: &str) -> Output {
        self.command(line).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs a command line that does not fail, at most for 30 seconds.
    ///
    /// # Panics
    /// If it fails.
    pub fn must(&self, line: &str) -> String {
        let output = self.run(line);
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {said}");
        said
    }

    /// Starts a server; what it says goes into the folder.
    ///
    /// # Panics
    /// If there is no shell.
    pub fn serve(&self, name: &str, line: &str) {
        let log = File::create(self.folder.join(name).with_extension("log")).unwrap();
        let other = log.try_clone().unwrap();
        // It ends with the host: nobody waits for it.
        drop(self.command(line).stdin(Stdio::null()).stdout(log).stderr(other).spawn().unwrap());
    }

    /// Waits until somebody listens on these ports.
    ///
    /// # Panics
    /// If nobody does in time.
    pub fn listens(&self, ports: &[u16]) {
        let open = || {
            let table = self.must("cat /proc/net/tcp /proc/net/tcp6");
            ports.iter().all(|port| table.lines().any(|l| l.contains(&format!(":{port:04X} ")) && l.contains(" 0A ")))
        };
        for _ in 0..600 {
            if open() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("nobody listens on {ports:?}: {}", self.logs());
    }

    /// What its servers said.
    #[must_use]
    pub fn logs(&self) -> String {
        let files = fs::read_dir(&self.folder).unwrap().map(|f| f.unwrap().path());
        let logs = files.filter(|f| f.extension().is_some_and(|e| e == "log"));
        logs.map(|f| format!("{}:\n{}\n", f.display(), fs::read_to_string(&f).unwrap_or_default())).collect()
    }

    /// A file in its folder.
    ///
    /// # Panics
    /// If it cannot be written.
    #[must_use]
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new("nsenter");
        let spaces = ["-m", "-p", "-u", "-i", "-n", "-r", "-w"];
        command.arg("-t").arg(self.process.to_string()).args(spaces);
        let path = format!("{}:/usr/sbin:/sbin", env::var("PATH").unwrap_or_default());
        command
            .args(["timeout", "1200", "sh", "-c"])
            .arg(format!("cd {}; {line}", self.folder.display()))
            .env("PATH", path);
        command
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What a box does with a frame that goes from its plain to its wrapped side; the other way it is undone.
#[derive(Clone, Copy, Debug)]
pub enum Wrap {
    /// A tag of IEEE 802.1Q.
    Vlan(u16),
    /// A session of PPPoE (RFC 2516); what is not IP goes through as it is.
    Pppoe(u16),
}

/// A box with a plain and a wrapped side.
pub struct Middle {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Middle {
    /// Between two interfaces.
    #[must_use]
    pub fn between(plain: &str, wrapped: &str, wrap: Wrap) -> Middle {
        let stop = Arc::new(AtomicBool::new(false));
        let ((plain_out, plain_in), (wrapped_out, wrapped_in)) = (open(plain), open(wrapped));
        let run = |mut from: Box<dyn DataLinkReceiver>, mut to: Box<dyn DataLinkSender>, outward: bool| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    match from.next() {
                        Ok(frame) => {
                            let frame = if outward { wrap.put_on(frame) } else { wrap.take_off(frame) };
                            let _ = to.send_to(&frame, None);
                        }
                        Err(e) if matches!(e.kind(), ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
                        Err(_) => return,
                    }
                }
            })
        };
        let threads = vec![run(plain_in, wrapped_out, true), run(wrapped_in, plain_out, false)];
        Middle { stop, threads }
    }
}

impl Drop for Middle {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|t| drop(t.join()));
    }
}

impl Wrap {
    fn put_on(self, frame: &[u8]) -> Vec<u8> {
        let (addresses, rest) = frame.split_at(12);
        match (self, rest) {
            (Wrap::Vlan(id), _) => [addresses, &[0x81, 0], &id.to_be_bytes(), rest].concat(),
            (Wrap::Pppoe(session), [8, 0, packet @ ..]) => pppoe(addresses, session, 0x21, packet),
            (Wrap::Pppoe(session), [0x86, 0xdd, packet @ ..]) => pppoe(addresses, session, 0x57, packet),
            (Wrap::Pppoe(_), _) => frame.to_vec(),
        }
    }

    /// The kernel takes a tag out before anybody sees the frame.
    fn take_off(self, frame: &[u8]) -> Vec<u8> {
        let (addresses, rest) = frame.split_at(12);
        match (self, rest) {
            (Wrap::Pppoe(_), [0x88, 0x64, 0x11, 0, _, _, _, _, 0, protocol, packet @ ..]) => {
                let kind: &[u8] = if *protocol == 0x21 { &[8, 0] } else { &[0x86, 0xdd] };
                [addresses, kind, packet].concat()
            }
            _ => frame.to_vec(),
        }
    }
}

/// Version and type 1, session data, session, length, PPP protocol, packet.
fn pppoe(addresses: &[u8], session: u16, protocol: u8, packet: &[u8]) -> Vec<u8> {
    let length = u16::try_from(packet.len() + 2).unwrap();
    let head = [&[0x88, 0x64, 0x11, 0][..], &session.to_be_bytes(), &length.to_be_bytes(), &[0, protocol]].concat();
    [addresses, &head, packet].concat()
}

/// Only what comes in from the cable is passed on: what we send there ourselves does not come back.
fn open(interface: &str) -> (Box<dyn DataLinkSender>, Box<dyn DataLinkReceiver>) {
    let found = pnet_datalink::interfaces().into_iter().find(|i| i.name == interface).unwrap();
    let config = pnet_datalink::Config {
        write_buffer_size: 65_536,
        read_buffer_size: 65_536,
        read_timeout: Some(Duration::from_millis(100)),
        channel_type: ChannelType::Layer2,
        promiscuous: true,
        ..Default::default()
    };
    match pnet_datalink::channel(&found, config).unwrap() {
        Channel::Ethernet(sender, receiver) => (sender, receiver),
        _ => panic!("no Ethernet"),
    }
}

/// A capture of an interface that is being written, by tcpdump.
pub struct Recorder {
    child: Child,
    /// The file.
    pub path: PathBuf,
}

impl Recorder {
    /// Begins; everything is kept.
    ///
    /// # Panics
    /// If tcpdump does not start.
    #[must_use]
    pub fn at(interface: &str, folder: &Path) -> Recorder {
        let path = folder.join(format!("{interface}.pcap"));
        let mut run = Command::new("tcpdump");
        // Otherwise what came in the last second would be lost with the kernel's last block.
        run.args(["-i", interface, "-s", "0", "-U", "--immediate-mode", "-B", "16384", "-Z", "root", "-w"]).arg(&path);
        let child = run.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until(|| fs::metadata(&path).is_ok_and(|m| m.len() >= 24));
        Recorder { child, path }
    }

    /// Ends, with nothing lost.
    ///
    /// # Panics
    /// If the kernel had no room for a frame.
    pub fn stop(&mut self) {
        // A machine under load still writes: until nothing more comes for a while.
        let length = || fs::metadata(&self.path).map_or(0, |m| m.len());
        let mut before = None;
        while before.replace(length()) != Some(length()) {
            thread::sleep(Duration::from_secs(1));
        }
        let told = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success(), "{said}");
        assert!(said.contains("0 packets dropped by kernel"), "{said}");
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
