//! A clinic of real servers and real clients in network namespaces: imaging, files, web and data bases, a desk, somebody outside;
//! between them a bridge, a trunk, a line of PPPoE and a tunnel (`lab.rs`).
//!
//! Keeps: nothing; all of it ends with the test. Drops: nothing.

use crate::cable::{cable, ip};
use crate::lab::{Host, Middle, Wrap};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, fs, thread};

/// The clinic: its router is the test's own namespace.
pub struct Lab {
    imaging: Host,
    files: Host,
    web: Host,
    desk: Host,
    out: Host,
    router: Vec<Child>,
    boxes: Vec<Middle>,
}

impl Lab {
    /// With everything that serves in it.
    ///
    /// # Panics
    /// If something does not start.
    #[must_use]
    pub fn new(folder: &Path) -> Lab {
        ip("link add name br-lan type bridge");
        ip("link set br-lan up");
        let new = Host::new;
        let (imaging, files, web, desk, out) = (new("imaging"), new("files"), new("web"), new("desk"), new("outside"));
        for (host, interface) in [(&imaging, "l-imaging"), (&files, "l-files"), (&desk, "l-desk")] {
            host.plug(interface);
            ip(&format!("link set {interface} master br-lan"));
        }
        // The web server is behind a trunk, the world behind a line of PPPoE.
        web.plug("access");
        out.plug("modem1");
        for (near, far) in [("up0", "up1"), ("trunk0", "trunk1"), ("wan", "modem0"), ("line0", "line1")] {
            cable(near, far);
        }
        ip("link set up0 mtu 1500 master br-lan");
        ip("link set wan mtu 1492");
        out.must("ip link set eth0 mtu 1492");
        let boxes = vec![
            Middle::between("up1", "trunk0", Wrap::Vlan(20)),
            Middle::between("access", "trunk1", Wrap::Vlan(20)),
            Middle::between("modem0", "line0", Wrap::Pppoe(7)),
            Middle::between("modem1", "line1", Wrap::Pppoe(7)),
        ];
        // Whoever sends into such a box makes whole frames.
        for interface in ["up0", "wan"] {
            run(&format!("ethtool -K {interface} tx off tso off gso off"));
        }
        for host in [&web, &out] {
            host.must("ethtool -K eth0 tx off tso off gso off");
        }
        addresses(&[(&imaging, 10), (&files, 11), (&web, 12)], &out);
        let mut lab = Lab { imaging, files, web, desk, out, router: Vec::new(), boxes };
        lab.tunnel();
        lab.router.push(start(&format!(
            "dnsmasq --keep-in-foreground --conf-file=/dev/null --interface=br-lan --bind-interfaces --no-resolv --no-hosts \
             --user=root --dhcp-range=192.168.20.100,192.168.20.150,1h --dhcp-leasefile={0}/leases --pid-file={0}/dnsmasq.pid \
             --address=/lab.example/192.168.20.12",
            folder.display()
        )));
        lab.serve();
        lab
    }

    /// From the router to the world, by datagrams between two programs: the kernel needs nothing but TUN.
    fn tunnel(&mut self) {
        let end = |own: &str, tunnel: &str, other: &str| {
            format!("socat TUN:{tunnel}/30,tun-name=tun0,iff-no-pi,iff-up UDP4-DATAGRAM:{other}:9999,bind={own}:9999")
        };
        self.router.push(start(&end("203.0.113.2", "10.9.0.1", "203.0.113.50")));
        self.out.serve("tunnel", &end("203.0.113.50", "10.9.0.2", "203.0.113.2"));
        for _ in 0..100 {
            if Command::new("ip").args(["link", "show", "tun0"]).output().unwrap().status.success()
                && self.out.run("ip route add 192.168.20.11/32 via 10.9.0.1 dev tun0").status.success()
            {
                return;
            }
            thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("no tunnel: {}", self.out.logs());
    }

    fn serve(&self) {
        let h = &self.imaging;
        let orthanc = h.file(
            "orthanc.json",
            r#"{"Name":"LAB","StorageDirectory":"/run/o","IndexDirectory":"/run/o","DicomPort":4242,"HttpPort":8042,
            "RemoteAccessAllowed":true,"AuthenticationEnabled":false,"DicomAlwaysAllowStore":true,"DicomAlwaysAllowFind":true}"#,
        );
        h.serve("orthanc", &format!("mkdir -p /run/o; Orthanc {orthanc}"));
        let archive = h.file(
            "qr.cfg",
            "NetworkTCPPort = 11112\nMaxPDUSize = 16384\nMaxAssociations = 16\nHostTable BEGIN\nHostTable END\nVendorTable \
             BEGIN\nVendorTable END\nAETable BEGIN\nCLINICQR /run/qr RW (100, 64mb) ANY\nAETable END\n",
        );
        h.serve("dcmqrscp", &format!("mkdir -p /run/qr; dcmqrscp -c {archive}"));
        let h = &self.files;
        let samba = h.file(
            "smb.conf",
            "[global]\nnetbios name = FILESRV\nmap to guest = Bad User\ndisable spoolss = yes\n[scans]\npath = /run/scans\n\
             guest ok = yes\nread only = no\n",
        );
        h.serve(
            "smbd",
            &format!("mkdir -p -m 777 /run/scans /var/lib/samba/private; smbd -F --no-process-group -s {samba}"),
        );
        let ftp = h.file(
            "vsftpd.conf",
            "listen=NO\nlisten_ipv6=YES\nanonymous_enable=YES\nsecure_chroot_dir=/run/lock\nbackground=NO\n\
             anon_root=/run/ftp\nno_anon_password=YES\nseccomp_sandbox=NO\nisolate_network=NO\nisolate=NO\n",
        );
        h.serve("vsftpd", &format!("mkdir -p -m 755 /run/ftp; echo hello > /run/ftp/hello; vsftpd {ftp}"));
        h.must("ssh-keygen -q -t ed25519 -N '' -f host-key");
        h.serve("sshd", "$(command -v sshd) -D -e -f /dev/null -h $PWD/host-key");
        self.serve_web();
        self.imaging.listens(&[4242, 8042, 11_112]);
        self.files.listens(&[445, 21, 22]);
        self.web.listens(&[80, 443, 5432, 6379, 1883, 11_211]);
        self.out.listens(&[80]);
    }

    fn serve_web(&self) {
        for (h, more) in [
            (&self.web, "listen 443 ssl; listen [::]:443 ssl; ssl_certificate c.pem; ssl_certificate_key k.pem;"),
            (&self.out, ""),
        ] {
            h.must("mkdir -p html; echo hello > html/index.html");
            h.must(
                "openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 9 -subj /CN=lab 2>/dev/null",
            );
            let own = h.folder.display();
            let nginx = h.file("nginx.conf", &format!(
                "daemon off; user root; pid {own}/nginx.pid; error_log stderr; events {{}} http {{ access_log off; \
                 client_body_temp_path {own}/b; proxy_temp_path {own}/p; fastcgi_temp_path {own}/f; uwsgi_temp_path {own}/u; \
                 scgi_temp_path {own}/s; server {{ listen 80; listen [::]:80; {more} root {own}/html; }} }}"
            ));
            h.serve("nginx", &format!("nginx -e stderr -c {nginx}"));
        }
        let h = &self.web;
        let own = h.folder.display();
        h.must(&format!("chmod 755 {own}; mkdir -p -m 777 /run/pg; chown postgres /run/pg"));
        let programs = postgres().display().to_string();
        h.must(&format!("runuser -u postgres -- {programs}/initdb -D /run/pg/data -A trust -N"));
        h.must("echo 'host all all all trust' >> /run/pg/data/pg_hba.conf");
        h.serve(
            "postgres",
            &format!("runuser -u postgres -- {programs}/postgres -D /run/pg/data -h '*' -k /run/pg -F"),
        );
        h.serve("redis", "redis-server --port 6379 --bind 0.0.0.0 --protected-mode no --save '' --dir /run");
        let mqtt = h.file("mosquitto.conf", "listener 1883\nallow_anonymous true\nuser root\n");
        h.serve("mosquitto", &format!("mosquitto -c {mqtt}"));
        h.serve("memcached", "memcached -u root -l 0.0.0.0 -U 0");
    }

    /// What the clinic does in a minute.
    ///
    /// # Panics
    /// If a client is not served.
    pub fn talk(&self) {
        let d = &self.desk;
        let lease = d.file(
            "lease.sh",
            "#!/bin/sh\ncase $1 in bound|renew) ip addr add $ip/24 dev eth0; ip route add default via $router;; esac\n",
        );
        d.must(&format!("chmod 755 {lease}; udhcpc -i eth0 -n -q -f -s {lease} -V MSFT-free"));
        d.must("ip -6 addr add 2001:db8:20::64/64 dev eth0 nodad");
        d.must("bash -c \"exec 3<>/dev/udp/192.168.20.1/53; printf '\\x12\\x34\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x03lab\\x07example\\x00\\x00\\x01\\x00\\x01' >&3; timeout 5 head -c 20 <&3 >/dev/null\"");
        let _ = d.file("image.dump", "(0008,0016) UI =SecondaryCaptureImageStorage\n(0008,0018) UI [1.2.826.0.1.3680043.2.1.1]\n(0008,0060) CS [OT]\n\
             (0010,0010) PN [ZZCANARY^PATIENT]\n(0010,0020) LO [ZZ1]\n(0020,000d) UI [1.2.826.0.1.3680043.2.1.2]\n\
             (0020,000e) UI [1.2.826.0.1.3680043.2.1.3]\n");
        d.must("dump2dcm image.dump image.dcm");
        d.must("storescu -aet DESK -aec LAB 192.168.20.10 4242 image.dcm");
        d.must("findscu -S -aet DESK -aec LAB -k QueryRetrieveLevel=STUDY -k PatientName=* 192.168.20.10 4242");
        d.must("echoscu -aet DESK -aec CLINICQR 192.168.20.10 11112");
        d.must("storescu -aet DESK -aec CLINICQR 192.168.20.10 11112 image.dcm");
        d.must("curl -sf http://192.168.20.10:8042/studies");
        d.must("curl -sf http://192.168.20.10:8042/app/explorer.html");
        d.must("smbclient -N //192.168.20.11/scans -c ls");
        d.must("curl -sf ftp://192.168.20.11/");
        ssh(d, "192.168.20.11");
        ssh(d, "2001:db8:20::11");
        d.must("curl -sf http://192.168.20.12/ http://192.168.20.12/index.html");
        d.must("curl -sfk --tlsv1.2 --tls-max 1.2 https://192.168.20.12/");
        d.must("curl -sf http://[2001:db8:20::12]/");
        d.must("psql -h 192.168.20.12 -U postgres -c 'select 1'");
        d.must("psql -h 2001:db8:20::12 -U postgres -c 'select 1'");
        d.must("redis-cli -h 192.168.20.12 set a b");
        d.must("mosquitto_pub -h 192.168.20.12 -t ward -m hello");
        d.must("bash -c \"exec 3<>/dev/tcp/192.168.20.12/11211; printf 'version\\r\\nstats\\r\\nquit\\r\\n' >&3; timeout 5 cat <&3 >/dev/null\"");
        d.must("curl -sf http://203.0.113.50/");
        let o = &self.out;
        o.must("curl -sf http://192.168.20.12/");
        o.must("curl -sfk https://192.168.20.12/");
        o.must("curl -sf http://[2001:db8:20::12]/");
        o.must("echoscu -aet SCAN -aec LAB 192.168.20.10 4242");
        o.must("findscu -S -aet SCAN -aec LAB -k QueryRetrieveLevel=STUDY -k PatientName=* 192.168.20.10 4242");
        o.must("psql -h 192.168.20.12 -U postgres -c 'select 1'");
        o.must("smbclient -N //192.168.20.11/scans -c ls");
        ssh(o, "192.168.20.11");
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.boxes.clear();
        for child in &mut self.router {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Nobody is let in: greetings and keys are enough.
fn ssh(host: &Host, to: &str) {
    let options = "-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=10";
    assert!(String::from_utf8_lossy(&host.run(&format!("ssh {options} nobody@{to} true")).stderr).contains("denied"));
}

/// Two families of addresses, and the ways between the clinic and the world.
fn addresses(inside: &[(&Host, u8)], out: &Host) {
    let write = |path: &str, text: &str| fs::write(format!("/proc/sys/net/{path}"), text).unwrap();
    for interface in ["br-lan", "wan"] {
        write(&format!("ipv6/conf/{interface}/disable_ipv6"), "0");
    }
    write("ipv4/ip_forward", "1");
    write("ipv6/conf/all/forwarding", "1");
    for (address, interface) in [
        ("192.168.20.1/24", "br-lan"),
        ("2001:db8:20::1/64", "br-lan"),
        ("203.0.113.2/24", "wan"),
        ("2001:db8:113::2/64", "wan"),
    ] {
        ip(&format!("addr add {address} dev {interface}{}", if address.contains("::") { " nodad" } else { "" }));
    }
    for (host, n) in inside {
        host.must(&format!(
            "ip addr add 192.168.20.{n}/24 dev eth0; ip -6 addr add 2001:db8:20::{n}/64 dev eth0 nodad"
        ));
        host.must("ip route add default via 192.168.20.1; ip -6 route add default via 2001:db8:20::1");
    }
    out.must("ip addr add 203.0.113.50/24 dev eth0; ip -6 addr add 2001:db8:113::50/64 dev eth0 nodad");
    out.must("ip route add 192.168.20.0/24 via 203.0.113.2; ip -6 route add 2001:db8:20::/64 via 2001:db8:113::2");
}

fn run(line: &str) {
    let output = Command::new("sh").args(["-c", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

fn start(line: &str) -> Child {
    let path = format!("{}:/usr/sbin:/sbin", env::var("PATH").unwrap_or_default());
    let mut run = Command::new("sh");
    run.args(["-c", &format!("exec {line}")])
        .env("PATH", path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    run.spawn().unwrap()
}

/// Where Debian keeps the programs of the data base that are not for everybody.
#[must_use]
pub fn postgres() -> PathBuf {
    let versions =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(|v| Some(v.ok()?.path().join("bin")));
    versions.max().unwrap_or_default()
}
