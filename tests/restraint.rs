//! It holds nothing that it does not need, and cannot send on what it hears: tried out, and read in `/proc` of a daemon that
//! hears, enrols and delivers.
//!
//! Counts as failure: a right in any thread's sets, a thread without its filter, a descriptor that can be written to and is
//! neither a socket nor a file of the state folder, anything that succeeds and must not. Not looked at: descriptors that it was
//! started with. Where the kernel has no Landlock the files are not bounded, and it is said.

use auscult_agent::capture::interface::{Keeping, Role, Wanted, Way};
use auscult_agent::capture::several::{FLOOR, Several};
use auscult_agent::config::Config;
use auscult_agent::run::{Restraint, restrain};
use auscult_tests::cable::{Listener, Mouth, cable, counted, frames, is_inside};
use auscult_tests::opposite::Desk;
use auscult_tests::sensor::{Sensor, wait_until};
use auscult_tests::{agent, recorded};
use rustix::fd::{AsRawFd, BorrowedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, SocketFlags, SocketType};
use std::io::IoSlice;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Instant;
use std::{env, fs, thread};

#[test]
fn nothing_can_be_sent_by_the_ears_of_a_held_thread_and_they_still_hear() {
    if !is_inside("nothing_can_be_sent_by_the_ears_of_a_held_thread_and_they_still_hear") {
        return;
    }
    let place = Place::new();
    for (n, way) in [Way::Ring, Way::Portable].into_iter().enumerate() {
        let (near, far) = (format!("heard{n}"), format!("there{n}"));
        cable(&near, &far);
        // A cable carries a moment after both ends are up.
        wait_until(|| {
            Mouth::at(&near).say(&frame(0));
            counted(&far).0 > 0
        });
        let wanted = Wanted { name: near.clone(), role: Role::Lan, promiscuous: true, leaving: false };
        let keeping = Keeping { way, snap_octets: 65_535, buffer_octets: 512 << 10 };
        let config = place.config();
        // A thread for each: what it lays down it has not any more.
        thread::scope(|scope| {
            let held = scope.spawn(|| {
                let mut several = Several::open(&[wanted], keeping, Vec::new()).unwrap();
                assert_eq!(several.look(0).len(), 1);
                let ears: Vec<i32> = several.descriptors().iter().map(|fd| fd.as_raw_fd()).collect();
                assert!(ears.iter().all(|n| *n >= i32::try_from(FLOOR).unwrap()), "{ears:?}");
                let silent = counted(&far).0;
                // An ear could speak: each of these ways is one. That shows what the refusals are worth.
                assert_eq!(ways_to_send(several.descriptors()[0]), [Ok(()); 5], "{way:?}: before");
                wait_until(|| counted(&far).0 >= silent + 5);
                let said = counted(&far).0;
                assert_eq!(said, silent + 5, "{way:?}: what was said before is heard at the other end");
                let restraint = restrain(&config, None).unwrap();
                assert!(restraint.seccomp && restraint.no_capability && restraint.no_new_privs, "{restraint:?}");
                assert_eq!(ways_to_send(several.descriptors()[0]), [Err(Errno::PERM); 5], "{way:?}: after");
                no_other_number(several.descriptors()[0]);
                // Threads are not processes: it may start one.
                scope.spawn(|| ()).join().unwrap();
                assert_eq!(counted(&far).0, said, "{way:?}: nothing came out any more");
                several
            });
            let mut several = held.join().unwrap();
            Mouth::at(&far).say_all(&[frame(1)]);
            let mut heard = 0;
            several.rest(&|| 0, &mut |frame| heard += u32::from(frame.octets[12..14] == [0x88, 0xb5]));
            assert_eq!(heard, 1, "{way:?}: it still hears");
        });
    }
    println!("5 ways to send on each kind of ear, all refused");
}

/// What came of each way to send a frame.
fn ways_to_send(ear: BorrowedFd<'_>) -> [Result<(), Errno>; 5] {
    let octets = frame(7);
    let whole = |sent: Result<usize, Errno>| sent.map(|n| assert_eq!(n, 60));
    let pieces = [IoSlice::new(&octets)];
    [
        whole(rustix::net::send(ear, &octets, SendFlags::empty())),
        whole(rustix::net::sendmsg(ear, &pieces, &mut SendAncillaryBuffer::default(), SendFlags::empty())),
        whole(rustix::io::write(ear, &octets)),
        whole(rustix::io::writev(ear, &pieces)),
        whole(rustix::io::pwrite(ear, &octets, 0).or_else(|e| {
            // A socket has no places: the kernel says so where nobody says no before. Then the frame goes another way.
            if e == Errno::SPIPE { rustix::io::write(ear, &octets) } else { Err(e) }
        })),
    ]
}

/// By another number it could be sent.
fn no_other_number(ear: BorrowedFd<'_>) {
    assert_eq!(rustix::io::dup(ear).err(), Some(Errno::PERM));
    assert_eq!(rustix::io::fcntl_dupfd_cloexec(ear, 3).err(), Some(Errno::PERM));
    let high = rustix::io::fcntl_dupfd_cloexec(ear, i32::try_from(FLOOR).unwrap()).unwrap();
    assert_eq!(rustix::io::write(&high, &frame(7)).err(), Some(Errno::PERM));
    assert!(fs::OpenOptions::new().write(true).open(format!("/proc/self/fd/{}", ear.as_raw_fd())).is_err());
}

/// A frame of no protocol that anybody answers.
fn frame(n: u8) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, n, 0x88, 0xb5];
    frame.resize(60, n);
    frame
}

#[test]
fn a_held_thread_starts_nothing_changes_nothing_and_writes_in_its_folder_only() {
    if !is_inside("a_held_thread_starts_nothing_changes_nothing_and_writes_in_its_folder_only") {
        return;
    }
    cable("heard", "there");
    let place = Place::new();
    let (beside, state) = (place.folder.join("beside"), place.folder.join("state"));
    fs::write(&beside, "x").unwrap();
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    #[expect(clippy::disallowed_methods, reason = "what it costs is printed")]
    let began = Instant::now();
    let config = place.config();
    let restraint = restrain(&config, Some(&place.folder.join("etc/agent.toml"))).unwrap();
    println!("held within {} us: {restraint:?}", began.elapsed().as_micros());
    assert!(restraint.seccomp);

    // programs and the machine
    assert!(Command::new("/bin/true").status().is_err(), "a program was started");
    let no = Some(Errno::PERM);
    use rustix::thread::{LinkNameSpaceType, UnshareFlags};
    assert_eq!(rustix::thread::set_thread_uid(rustix::thread::Uid::from_raw(1)).err(), no);
    #[expect(deprecated, reason = "the name that needs no `unsafe`")]
    let away = rustix::thread::unshare(UnshareFlags::NEWUSER);
    assert_eq!(away.err(), no);
    let other = fs::File::open("/proc/self/ns/net").unwrap();
    assert_eq!(
        rustix::thread::move_into_link_name_space(rustix::fd::AsFd::as_fd(&other), Some(LinkNameSpaceType::Network))
            .err(),
        no
    );
    assert_eq!(rustix::process::chroot("/").err(), no);
    assert_eq!(rustix::mount::unmount("/proc", rustix::mount::UnmountFlags::DETACH).err(), no);
    assert_eq!(rustix::system::sethostname(b"other").err(), no);
    assert_eq!(rustix::system::finit_module(&other, c"", 0).err(), no);
    let this = rustix::process::getpid();
    assert_eq!(rustix::process::kill_process(this, rustix::process::Signal::CONT).err(), no);
    assert_eq!(rustix::process::pidfd_open(this, rustix::process::PidfdFlags::empty()).err(), no);
    assert_eq!(rustix::fs::memfd_create("m", rustix::fs::MemfdFlags::empty()).err(), no);

    // sockets: to the collector, and to nobody else in any other way
    assert!(TcpStream::connect(collector.local_addr().unwrap()).is_ok());
    assert!(TcpListener::bind("127.0.0.1:0").is_err(), "a door was opened");
    let open = |family, kind| rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None);
    assert_eq!(open(AddressFamily::PACKET, SocketType::RAW).err(), no);
    assert_eq!(open(AddressFamily::INET, SocketType::RAW).err(), no);
    assert_eq!(open(AddressFamily::UNIX, SocketType::STREAM).err(), no);
    assert_eq!(taken_down("heard"), -1, "EPERM: who has no right changes no interface");
    assert!(open(AddressFamily::INET6, SocketType::DGRAM).is_ok(), "names are asked for");

    files(restraint, &beside, &state);
}

/// What is written and read.
fn files(restraint: Restraint, beside: &Path, state: &Path) {
    assert!(fs::write(state.join("report"), "x").is_ok());
    assert!(fs::rename(state.join("report"), state.join("spool/report")).is_ok());
    assert!(fs::remove_file(state.join("spool/report")).is_ok());
    assert_eq!(rustix::fs::chmod(beside, rustix::fs::Mode::RWXO).err(), Some(Errno::PERM));
    if restraint.landlock_abi == 0 {
        eprintln!("NOT RUN, this kernel has no Landlock: which files are written");
        assert!(env::var_os("AUSCULT_FOREIGN").is_none());
        return;
    }
    let folder = beside.parent().unwrap();
    let is_refused =
        |done: std::io::Result<()>| done.err().map(|e| e.kind()) == Some(std::io::ErrorKind::PermissionDenied);
    assert!(is_refused(fs::write(beside, "y")), "written beside its folder");
    assert!(is_refused(fs::write(folder.join("new"), "y")));
    assert!(is_refused(fs::create_dir(folder.join("new"))));
    assert!(is_refused(fs::remove_file(beside)));
    assert!(is_refused(fs::rename(beside, state.join("taken"))));
    assert!(is_refused(fs::write("/dev/shm/new", "y")) || !Path::new("/dev/shm").exists());
    assert!(is_refused(fs::read(beside).map(drop)), "read what is none of its business");
    assert!(is_refused(fs::read_dir("/root").map(drop)));
    assert!(is_refused(fs::write("/proc/sys/net/ipv4/ip_forward", "1")));
    // A configuration that was put in the place of the old one is read.
    assert!(fs::read_to_string(folder.join("etc/agent.toml")).is_ok());
    for needed in ["/proc/meminfo", "/proc/loadavg", "/proc/self/mounts", "/sys/class/net", "/etc/hosts"] {
        assert!(fs::metadata(needed).is_err() || Path::new(needed).is_dir() || fs::read(needed).is_ok(), "{needed}");
    }
    assert_eq!(fs::read_to_string(beside).err().map(|e| e.kind()), Some(std::io::ErrorKind::PermissionDenied));
}

/// The kernel's answer to a wish over netlink that an interface be taken down.
fn taken_down(interface: &str) -> i32 {
    let found = pnet_datalink::interfaces().into_iter().find(|i| i.name == interface).unwrap();
    let index = i32::try_from(found.index).unwrap();
    let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None).unwrap();
    // nlmsghdr: length, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, number, port; ifinfomsg: family, kind, index, flags, IFF_UP
    let mut wish = Vec::new();
    wish.extend(32u32.to_ne_bytes().into_iter().chain(16u16.to_ne_bytes()).chain(5u16.to_ne_bytes()).chain([0; 8]));
    wish.extend([0; 4].into_iter().chain(index.to_ne_bytes()).chain([0; 4]).chain(1u32.to_ne_bytes()));
    rustix::net::send(&socket, &wish, SendFlags::empty()).unwrap();
    let mut answer = [0u8; 512];
    rustix::net::recv(&socket, &mut answer, RecvFlags::empty()).unwrap();
    assert_eq!(u16::from_ne_bytes([answer[4], answer[5]]), 2, "NLMSG_ERROR");
    i32::from_ne_bytes(answer[16..20].try_into().unwrap())
}

#[test]
fn a_daemon_that_hears_and_delivers_holds_nothing_that_it_does_not_need() {
    if !is_inside("a_daemon_that_hears_and_delivers_holds_nothing_that_it_does_not_need") {
        return;
    }
    for method in ["ring", "portable"] {
        cable("heard", "there");
        let capture = recorded().into_iter().find(|c| c.name == "clinic-day-mixed").unwrap();
        let desk = Desk::open();
        let sensor = Sensor::with("");
        let text = format!(
            "state = \"{0}/state\"\n[identity]\nmachine_id = \"{0}/none\"\n[clinic]\nhome = [\"192.168.20.0/24\"]\n[window]\n\
             length_s = 10\n[capture]\nmethod = \"{method}\"\n[[capture.interface]]\nname = \"heard\"\n",
            sensor.folder.display()
        );
        fs::write(sensor.folder.join("agent.toml"), text).unwrap();
        sensor.enrol(&desk).unwrap();
        let mut listener = Listener::run(&sensor.folder);
        assert!(listener.until("held").contains("seccomp=true"));
        listener.until(" heard ");
        Mouth::at("there").say_all(&frames(&capture).unwrap());
        listener.until(" window ");
        wait_until(|| !desk.book().stored.is_empty());
        let threads = threads(listener.child.id());
        let open = descriptors(listener.child.id(), &sensor.folder.join("state"));
        limits(listener.child.id());
        // It goes on behind the look, and still delivers.
        let stored = desk.book().stored.len();
        Mouth::at("there").say_all(&frames(&capture).unwrap());
        wait_until(|| desk.book().stored.len() > stored);
        listener.stop();
        let status = sensor.command("status").output().unwrap();
        let status = String::from_utf8(status.stdout).unwrap();
        assert!(status.contains("held        no capability; cannot send on what it hears"), "{status}");
        println!(
            "{method}: {threads} threads without a right, {open} descriptors, {} reports",
            desk.book().stored.len()
        );
        auscult_tests::cable::ip("link del heard");
    }
}

/// Every thread holds no right and is filtered. Gives how many there are.
fn threads(id: u32) -> usize {
    let (mut names, mut strictest) = (Vec::new(), 0);
    for thread in fs::read_dir(format!("/proc/{id}/task")).unwrap() {
        let told = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        let field = |name: &str| told.lines().find_map(|l| l.strip_prefix(name)).map(|text| text.trim().to_owned());
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
            assert_eq!(field(set).unwrap(), "0000000000000000", "{set}");
        }
        assert_eq!(field("NoNewPrivs:").unwrap(), "1");
        assert_eq!(field("Seccomp:").unwrap(), "2", "each call goes through the filter");
        // Since Linux 5.9; the daemon's filter, and the thread's own.
        let filters: usize = field("Seccomp_filters:").map_or(2, |text| text.parse().unwrap());
        assert!(filters >= 2, "{told}");
        strictest = strictest.max(filters);
        names.push(field("Name:").unwrap());
    }
    for name in ["capture", "courier"] {
        assert!(names.iter().any(|n| n == name), "{names:?}");
    }
    assert_eq!(strictest, 2, "no thread is filtered twice by its own");
    names.len()
}

/// What is open for writing is a socket, what waits for events, or a file of the state folder. Gives how many are open.
fn descriptors(id: u32, state: &Path) -> usize {
    let ears = fs::read_to_string(format!("/proc/{id}/net/packet")).unwrap();
    let ears: Vec<String> =
        ears.lines().skip(1).map(|l| format!("socket:[{}]", l.split_whitespace().last().unwrap())).collect();
    let (mut count, mut heard) = (0, 0);
    for entry in fs::read_dir(format!("/proc/{id}/fd")).unwrap() {
        let path = entry.unwrap().path();
        let number: u32 = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
        // A connection may be closed while we look.
        let Ok(what) = fs::read_link(&path) else { continue };
        let Ok(told) = fs::read_to_string(format!("/proc/{id}/fdinfo/{number}")) else { continue };
        let flags = told.lines().find_map(|l| l.strip_prefix("flags:")).unwrap().trim();
        let writes = u32::from_str_radix(flags, 8).unwrap() & 3 != 0;
        if fs::read_link(format!("/proc/self/fd/{number}")).is_ok_and(|ours| ours == what) {
            // Given by whoever started us both.
            continue;
        }
        let shown = what.to_string_lossy().into_owned();
        let is_ear = ears.contains(&shown);
        assert_eq!(is_ear, number >= FLOOR, "{number}: {shown}");
        heard += usize::from(is_ear);
        let is_needed = shown.starts_with("socket:[")
            || ["anon_inode:[eventpoll]", "anon_inode:[eventfd]"].contains(&shown.as_str())
            || what.starts_with(state);
        assert!(number < 3 || !writes || is_needed, "{number} is open for writing: {shown}");
        count += 1;
    }
    assert!(heard >= 1 && ears.len() == 1, "{heard} ears, {ears:?}");
    count
}

fn limits(id: u32) {
    let told = fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
    let core = told.lines().find(|l| l.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
}

#[test]
fn nobody_but_root_looks_into_its_memory() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("NOT RUN, only root can start a program as somebody else");
        return;
    }
    const SOMEBODY: u32 = 65_534;
    let place = Place::new();
    fs::write(place.folder.join("etc/agent.toml"), place.text("then = \"stay\"\n")).unwrap();
    Command::new("chown").arg("-R").arg(SOMEBODY.to_string()).arg(&place.folder).status().unwrap();
    let owner = |id: u32| fs::metadata(format!("/proc/{id}/environ")).unwrap().uid();
    let mut other = Command::new("sleep").arg("60").uid(SOMEBODY).spawn().unwrap();
    let mut command = agent();
    command.arg("run").arg("-c").arg(place.folder.join("etc/agent.toml")).uid(SOMEBODY).stderr(Stdio::null());
    let mut run = command.spawn().unwrap();
    wait_until(|| place.folder.join("state/chain").exists() || run_is_over(run.id()));
    let owners = (owner(other.id()), owner(run.id()));
    for child in [&mut other, &mut run] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_eq!(owners, (SOMEBODY, 0), "a program's image belongs to its user, this one's to root");
    assert!(place.folder.join("state/chain").exists(), "it ran as somebody without a right, held all the same");
    let held = Restraint::look(&place.folder.join("state")).unwrap();
    assert!(held.seccomp && held.no_capability, "{held:?}");
}

fn run_is_over(id: u32) -> bool {
    fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|text| text.contains(") Z "))
}

/// A folder with a state folder and a configuration, removed by somebody who is not held.
struct Place {
    folder: PathBuf,
    done: Option<std::sync::mpsc::Sender<()>>,
    keeper: Option<thread::JoinHandle<()>>,
}

impl Place {
    fn new() -> Place {
        let folder = env::temp_dir().join(format!("auscult-restraint-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("etc")).unwrap();
        let (done, wait) = channel::<()>();
        let removed = folder.clone();
        let keeper = thread::spawn(move || {
            let _ = wait.recv();
            let _ = fs::remove_dir_all(removed);
        });
        let place = Place { folder, done: Some(done), keeper: Some(keeper) };
        fs::create_dir_all(place.folder.join("state/spool")).unwrap();
        fs::write(place.folder.join("etc/agent.toml"), place.text("")).unwrap();
        place
    }

    fn text(&self, more: &str) -> String {
        let capture = auscult_tests::root().join("tests/captures/pacs-open-lan.pcap");
        format!(
            "state = \"{0}/state\"\n[identity]\nmachine_id = \"{0}/none\"\n[capture]\nspeed = 0\nreplay = \"{1}\"\n{more}",
            self.folder.display(),
            capture.display()
        )
    }

    fn config(&self) -> Config {
        Config::read(&self.text("")).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.done.take());
        let _ = self.keeper.take().map(thread::JoinHandle::join);
    }
}
