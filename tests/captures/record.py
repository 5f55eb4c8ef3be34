#!/usr/bin/env python3
"""Records captures of tests/captures with real servers and clients, in network namespaces that lead nowhere.

    record.py ROOT VENV [SCENARIO...]

ROOT is a folder with a Debian 12 in it (debootstrap) and the packages of PACKAGES; VENV a virtual environment of Python
with the packages of PYPI. Needs root, tcpdump and tshark. Each scenario writes NAME.pcap and NAME.expect.json beside this
file; every expectation is checked with tshark before it is written. Names, patients and passwords in them are invented
(canaries.txt). Nothing of a scenario reaches another network: no namespace has an interface that leads out of it.
"""
import hashlib, json, os, pathlib, shlex, shutil, signal, subprocess, sys, tempfile, time

PACKAGES = """nghttp2-server nghttp2-client curl cups cups-client cups-ipp-utils krb5-kdc krb5-admin-server krb5-user rsync tftpd-hpa
tftp-hpa rpcbind nfs-ganesha nfs-ganesha-vfs libnfs-utils vsftpd p910nd netcat-openbsd apache2 caddy postfix python3-minimal iproute2
procps openssl"""
PYPI = "aioquic"

HERE = pathlib.Path(__file__).resolve().parent
LAN, OUTSIDE = "192.168.20", "203.0.113"
SCENARIOS = {}


def sh(*words, check=True):
    done = subprocess.run(words, capture_output=True, text=True, errors="replace")
    if check and done.returncode:
        raise RuntimeError(f"{words}: {done.stdout}{done.stderr}")
    return done.stdout


class Host:
    """A host: a network namespace, and a copy of ROOT of its own that ends with it."""

    def __init__(self, clinic, name, last, mac, outside=False):
        self.clinic, self.name, self.ip = clinic, name, f"{OUTSIDE if outside else LAN}.{last}"
        self.space, self.folder, self.running = f"{clinic.prefix}{name}", clinic.folder / name, []
        router, bridge = clinic.space, "wan0" if outside else "br0"
        sh("ip", "netns", "add", self.space)
        near, far = f"{clinic.prefix}{last}n", f"{clinic.prefix}{last}f"
        sh("ip", "link", "add", near, "netns", self.space, "type", "veth", "peer", "name", far, "netns", router)
        on = lambda *w: sh("ip", "-n", self.space, *w)
        on("link", "set", near, "name", "eth0"), on("link", "set", "eth0", "address", mac)
        sh("ip", "-n", router, "link", "set", far, "master", bridge, "up")
        for space, interface in ((router, far), (self.space, "eth0")):
            for what in ("rx", "tx", "sg", "tso", "gso", "gro"):
                sh("ip", "netns", "exec", space, "ethtool", "-K", interface, what, "off", check=False)
        sh("ip", "netns", "exec", self.space, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", check=False)
        on("link", "set", "lo", "up"), on("link", "set", "eth0", "up"), on("addr", "add", f"{self.ip}/24", "dev", "eth0")
        on("route", "add", "default", "via", f"{OUTSIDE if outside else LAN}.1")
        for part in ("upper", "work", "root"):
            (self.folder / part).mkdir(parents=True)
        r = self.folder / "root"
        begin = f"""mount -t overlay overlay -o lowerdir={clinic.root},upperdir={self.folder}/upper,workdir={self.folder}/work {r}
hostname {name}; mkdir -p {r}/venv {r}/here; mount --bind {clinic.venv} {r}/venv; mount --bind {HERE} {r}/here
mount --rbind /dev {r}/dev; mount -t proc proc {r}/proc; mount -t tmpfs tmpfs {r}/run; mount -t tmpfs tmpfs {r}/tmp
echo "127.0.0.1 localhost
{self.ip} {name} {name}.clinic.example" > {r}/etc/hosts; : > {r}/etc/resolv.conf; touch {r}/tmp/ready
exec chroot {r} sleep 100000"""
        self.init = subprocess.Popen(["ip", "netns", "exec", self.space, "unshare", "-m", "-p", "-u", "-i", "--fork", "--kill-child", "--propagation", "private", "bash", "-c", begin], stdin=subprocess.DEVNULL)
        for _ in range(200):
            children = pathlib.Path(f"/proc/{self.init.pid}/task/{self.init.pid}/children").read_text().split()
            if children and os.path.exists(f"/proc/{children[0]}/root/tmp/ready") and os.path.exists(f"/proc/{children[0]}/root/here/record.py"):
                break
            time.sleep(0.05)
        self.pid = children[0]

    def words(self, command):
        inside = ["nsenter", "-t", self.pid, "-m", "-p", "-u", "-i", "-n", "-r", "-w", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1"]
        return inside + ["sh", "-c", command]

    def run(self, command, seconds=30, check=False):
        try:
            done = subprocess.run(self.words(command), capture_output=True, text=True, errors="replace", timeout=seconds, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired as late:
            return f"{late.stdout}{late.stderr}"
        self.clinic.log.write(f"[{self.name}] {command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}\n")
        if check and done.returncode:
            raise RuntimeError(f"{self.name}: {command}: {done.stdout}{done.stderr}")
        return done.stdout

    def write(self, path, text):
        subprocess.run(self.words(f"mkdir -p $(dirname {path}); cat > {path}"), input=text, text=True, check=True)

    def serve(self, command, *ports):
        """Starts a server and waits until it listens."""
        self.running.append(subprocess.Popen(self.words(command), stdin=subprocess.DEVNULL, stdout=self.clinic.log, stderr=self.clinic.log))
        for port in ports:
            for _ in range(200):
                if f":{port} " in sh("ip", "netns", "exec", self.space, "ss", "-Hltun"):
                    break
                time.sleep(0.1)
            else:
                raise RuntimeError(f"{self.name}: nobody listens on {port}: {command}")


class Clinic:
    """A router with the clinic's network on one side and documentation addresses on the other; no translation between."""

    def __init__(self, root, venv, name):
        self.root, self.venv, self.name, self.prefix = root, venv, name, f"rc{os.getpid() % 1000}-"
        self.space, self.hosts, self.capture = f"{self.prefix}router", [], None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="record-", dir=os.environ.get("TMPDIR")))
        self.log = open(self.folder / "log", "w")
        on = lambda *w: sh("ip", "-n", self.space, *w)
        sh("ip", "netns", "add", self.space)
        for bridge, address, mac in (("br0", f"{LAN}.1", "02:00:00:00:00:01"), ("wan0", f"{OUTSIDE}.1", "02:00:00:00:00:02")):
            on("link", "add", bridge, "type", "bridge", "mcast_snooping", "0", "forward_delay", "0")
            on("link", "set", bridge, "address", mac, "up"), on("addr", "add", f"{address}/24", "dev", bridge)
        sh("ip", "netns", "exec", self.space, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.disable_ipv6=1", check=False)

    def host(self, name, last, mac, outside=False):
        self.hosts.append(Host(self, name, last, mac, outside))
        return self.hosts[-1]

    def listen(self, filter="tcp or udp"):
        path = HERE / f"{self.name}.pcap"
        path.unlink(missing_ok=True)
        time.sleep(1)  # a server that listens may still be starting its workers
        self.capture = subprocess.Popen(["ip", "netns", "exec", self.space, "tcpdump", "-i", "br0", "-s", "0", "-U", "--immediate-mode", "-Z", "root", "-w", str(path), filter], stderr=subprocess.DEVNULL)
        while not path.exists() or path.stat().st_size < 24:
            time.sleep(0.05)
        time.sleep(0.3)

    def close(self):
        if self.capture:
            time.sleep(0.7)
            self.capture.send_signal(signal.SIGINT)
            self.capture.wait()
        for host in self.hosts:
            os.kill(int(host.pid), signal.SIGKILL)
            host.init.wait()
            for server in host.running:
                server.wait()
            sh("ip", "netns", "del", host.space, check=False)
        sh("ip", "netns", "del", self.space, check=False)
        self.log.close()


class Expect:
    """What is in a capture, each line with what tshark says of it."""

    def __init__(self, name, story, peers):
        self.pcap = HERE / f"{name}.pcap"
        self.said = {
            "schema": "auscult-expect/1", "capture": self.pcap.name, "story": story, "vantage": "the router's bridge",
            "inside": [f"{LAN}.0/24"], "outside": [f"{OUTSIDE}.0/24"], "origin": {"kind": "recorded", "by": f"record.py {name}", "peers": peers},
            "licence": "recorded by this project's scripts; free to use", "hosts": [], "services": [], "wifi": [], "exposures": [], "absent": [], "never_in_a_report": [],
        }

    def sure(self, filter, *options):
        command = ["tshark", "-n", "-r", str(self.pcap), *options, "-Y", filter, "-T", "fields", "-e", "_ws.col.Protocol"]
        found = sorted(set(sh(*command).split("\n")) - {""})
        if not found:
            raise RuntimeError(f"{self.pcap.name}: tshark finds no frame with {filter}")
        return [{"tool": "tshark", "filter": filter, "got": found}]

    def service(self, host, port, transport, protocol, filter, *options, **more):
        filter = f"({filter}) && ip.src=={host.ip} && {transport}.srcport=={port}"
        self.said["services"].append({"host": host.ip, "port": port, "transport": transport, "protocol": protocol, **more, "evidence": self.sure(filter, *options)})

    def exposure(self, kind, host, port, why):
        self.said["exposures"].append({"kind": kind, "host": host.ip, "port": port, "why": why})

    def absent(self, kind, host, port, why):
        self.said["absent"].append({"kind": kind, "host": host.ip, "port": port, "why": why})

    def never(self, *words):
        octets = self.pcap.read_bytes()
        for word in words:
            self.said["never_in_a_report"].append(word)
            if word.encode() not in octets:
                print(f"{self.pcap.name}: {word} is not readable in it", file=sys.stderr)

    def save(self):
        octets = self.pcap.read_bytes()
        self.said |= {"sha256": hashlib.sha256(octets).hexdigest(), "bytes": len(octets)}
        self.pcap.with_suffix(".expect.json").write_text(json.dumps(self.said, indent=1) + "\n")


def scenario(function):
    SCENARIOS[function.__name__.replace("_", "-")] = function
    return function


@scenario
def http2_open(clinic):
    """DICOMweb and documents over HTTP/2 without TLS: with prior knowledge, by upgrade, and pushed through nghttpd."""
    pacs, docs = clinic.host("pacs", 10, "00:0c:29:20:00:10"), clinic.host("docs", 15, "00:0c:29:20:00:15")
    out = clinic.host("out", 50, "02:00:5e:00:00:50", outside=True)
    pacs.write("/etc/apache2/sites-enabled/000-default.conf", """Protocols h2c http/1.1
<VirtualHost *:80>
DocumentRoot /srv
<Directory /srv>
Require all granted
</Directory>
<Location /dicom-web/>
ForceType application/dicom+json
</Location>
<Location /closed/>
ForceType application/pdf
AuthType Basic
AuthName clinic
AuthUserFile /etc/apache2/users
Require valid-user
</Location>
</VirtualHost>
ServerName pacs.clinic.example
""")
    study = json.dumps([{"00100010": {"vr": "PN", "Value": [{"Alphabetic": "ZZCANARY^ADA"}]}, "00100020": {"vr": "LO", "Value": ["CNRY-4711"]}}])
    pacs.write("/srv/dicom-web/studies", study), pacs.write("/srv/closed/letter.pdf", "%PDF-1.4 ZZCANARY letter\n")
    pacs.run("a2enmod http2 headers; htpasswd -bc /etc/apache2/users ward CnryHttp2", check=True)
    pacs.serve("mkdir -p /run/apache2 /var/log/apache2; . /etc/apache2/envvars; exec apache2 -DFOREGROUND", 80)
    for n in range(1, 4):
        docs.write(f"/srv/transcripts/ZZCANARY_{n}.pdf", f"%PDF-1.4 transcript of ZZCANARY number {n}\n")
    docs.serve("nghttpd --no-tls -d /srv --mime-types-file=/etc/mime.types 8080", 8080)
    clinic.listen("tcp")
    out.run(f"curl -sS --http2-prior-knowledge http://{pacs.ip}/dicom-web/studies?PatientName=ZZCANARY -o /dev/null", check=True)
    out.run(f"curl -sS --http2 http://{pacs.ip}/dicom-web/studies http://{pacs.ip}/dicom-web/studies?limit=1 -o /dev/null -o /dev/null", check=True)
    out.run(f"curl -sS --http2-prior-knowledge -u ward:CnryHttp2 http://{pacs.ip}/closed/letter.pdf -o /dev/null", check=True)
    out.run(f"nghttp -n {' '.join(f'http://{docs.ip}:8080/transcripts/ZZCANARY_{n}.pdf' for n in range(1, 4))}", check=True)
    clinic.close()
    e = Expect(clinic.name, "An image archive and a portal that speak HTTP/2 without TLS, from outside", ["servers: Apache 2.4 mod_http2, nghttpd 1.52 (Debian 12)", "clients: curl 7.88, nghttp 1.52"])
    e.service(pacs, 80, "tcp", "http", "http2 || http", product="Apache httpd"), e.service(docs, 8080, "tcp", "http", "http2", "-d", "tcp.port==8080,http2")
    e.exposure("dicomweb-no-login", pacs, 80, "GET /dicom-web/studies answered 200 without an identity")
    e.exposure("http-cleartext", pacs, 80, "records over HTTP/2 without TLS"), e.exposure("http-basic-cleartext", pacs, 80, "Authorization: Basic in a compressed header")
    e.exposure("document-without-session", docs, 8080, "three documents over one conversation")
    e.absent("document-without-session", pacs, 80, "the letter was behind a login"), e.absent("http-basic-cleartext", docs, 8080, "nobody logged in there")
    e.never("ZZCANARY", "CNRY-4711", "CnryHttp2")
    e.save()


QUIC = """import asyncio, ssl, sys
sys.path.insert(0, '/venv/lib/python3.11/site-packages')
from aioquic.asyncio import connect, serve, QuicConnectionProtocol
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.packet import QuicProtocolVersion as V
async def main():
    if sys.argv[1] == 'serve':
        c = QuicConfiguration(is_client=False, alpn_protocols=['hq-interop'])
        c.load_cert_chain('/tmp/c.pem', '/tmp/k.pem')
        await serve('0.0.0.0', 8443, configuration=c)
        await asyncio.Event().wait()
    host, port, name, alpn, version, more = sys.argv[2:8]
    v = V.VERSION_2 if version == '2' else V.VERSION_1
    c = QuicConfiguration(is_client=True, alpn_protocols=[alpn] + [f'x-{n:030}' for n in range(int(more))], server_name=name, verify_mode=ssl.CERT_NONE, original_version=v, supported_versions=[v])
    async with connect(host, int(port), configuration=c) as q:
        r, w = await q.create_stream()
        w.write(b'GET /ZZCANARY\\r\\n'); w.write_eof()
        await asyncio.sleep(0.3)
asyncio.run(main())
"""
CERTIFICATE = "openssl req -x509 -newkey rsa:2048 -nodes -days 700 -subj /CN=portal.clinic.example -addext subjectAltName=DNS:portal.clinic.example -keyout /tmp/k.pem -out /tmp/c.pem 2>/dev/null"


@scenario
def quic_inside_tls(clinic):
    """QUIC versions 1 and 2: a portal by Caddy, a server and clients by aioquic, one of them with a hello in two datagrams."""
    portal, other = clinic.host("portal", 15, "00:0c:29:20:00:15"), clinic.host("other", 16, "00:0c:29:20:00:16")
    desk = clinic.host("desk", 51, "00:0c:29:20:00:51")
    portal.run(CERTIFICATE, check=True), other.run(CERTIFICATE, check=True)
    portal.write("/tmp/Caddyfile", "{\nadmin off\nauto_https off\n}\nhttps://portal.clinic.example:443 {\ntls /tmp/c.pem /tmp/k.pem\nrespond hello\n}\n")
    portal.serve("HOME=/tmp exec caddy run --adapter caddyfile --config /tmp/Caddyfile", 443)
    for host in (other, desk):
        host.write("/tmp/q.py", QUIC)
    other.serve("exec python3 /tmp/q.py serve", 8443)
    clinic.listen("udp")
    desk.run(f"python3 /tmp/q.py ask {portal.ip} 443 portal.clinic.example h3 1 0", check=True)
    desk.run(f"python3 /tmp/q.py ask {portal.ip} 443 zzcanary.clinic.example h3 1 40")
    desk.run(f"python3 /tmp/q.py ask {other.ip} 8443 zzcanary.clinic.example hq-interop 2 0", check=True)
    clinic.close()
    e = Expect(clinic.name, "QUIC inside the clinic, in versions 1 and 2", ["servers: Caddy 2.6 with quic-go (Debian 12), aioquic", "client: aioquic"])
    e.service(portal, 443, "udp", "quic", "quic"), e.service(other, 8443, "udp", "quic", "quic", "-d", "udp.port==8443,quic", encrypted=True)
    e.absent("tls-outdated", portal, 443, "QUIC has TLS 1.3 inside"), e.absent("http-cleartext", other, 8443, "nothing is readable")
    e.never("zzcanary")
    e.save()


@scenario
def printers_for_all(clinic):
    """Printing from outside: IPP to CUPS, raw jobs to a print server that answers and to one that does not."""
    ipp, raw = clinic.host("cups", 60, "00:1b:a9:20:00:60"), clinic.host("raw", 61, "00:1b:a9:20:00:61")
    out = clinic.host("out", 50, "02:00:5e:00:00:50", outside=True)
    ipp.write("/etc/cups/cupsd.conf", "Listen 0.0.0.0:631\nBrowsing Off\nDefaultAuthType None\nServerAlias *\n<Location />\nOrder allow,deny\nAllow all\n</Location>\n<Policy default>\n<Limit All>\nOrder deny,allow\nAllow all\n</Limit>\n</Policy>\n")
    ipp.run("sed -i 's/.*FileDevice.*//' /etc/cups/cups-files.conf; echo FileDevice Yes >> /etc/cups/cups-files.conf")
    ipp.serve("exec cupsd -f", 631)
    ipp.run("lpadmin -h 127.0.0.1:631 -p ward -E -v file:///dev/null -m raw; cupsaccept -h 127.0.0.1:631 ward")
    raw.write("/tmp/pjl.py", "import socket\ns = socket.create_server(('0.0.0.0', 9100))\nwhile True:\n    c, _ = s.accept()\n    while d := c.recv(4096):\n        if b'INFO ID' in d:\n            c.sendall(b'@PJL INFO ID\\r\\n\"CANARY LaserJet 4250\"\\r\\n\\x0c')\n    c.close()\n")
    raw.serve("exec python3 /tmp/pjl.py", 9100)
    raw.serve("mkdir -p /run/lock /var/lock/p910nd; p910nd -f /dev/null 1; sleep 1000", 9101)
    clinic.listen("tcp")
    out.write("/tmp/job.txt", "letter about ZZCANARY\n" * 2000)
    out.write("/tmp/job.ps", "%!PS-Adobe-3.0\n% ZZCANARY\n" + "0 0 moveto (ZZCANARY) show\n" * 2000 + "showpage\n")
    out.run(f"ipptool -t -f /tmp/job.txt ipp://{ipp.ip}/printers/ward get-printer-attributes.test print-job.test get-jobs.test")
    out.run(f"printf '\\033%%-12345X@PJL JOB NAME=\"ZZCANARY\"\\r\\n@PJL INFO ID\\r\\n\\033%%-12345X' | nc -q 1 {raw.ip} 9100")
    out.run(f"nc -q 1 {raw.ip} 9101 < /tmp/job.ps", check=True)
    clinic.close()
    e = Expect(clinic.name, "Printers that take jobs from outside: IPP, and raw", ["servers: CUPS 2.4.2, p910nd 0.97 (Debian 12), a printer of ours that answers PJL", "clients: ipptool 2.4.2, netcat"])
    e.service(ipp, 631, "tcp", "ipp", "ipp"), e.service(raw, 9100, "tcp", "jetdirect", "tcp"), e.service(raw, 9101, "tcp", "jetdirect", "tcp")
    for host, port in ((ipp, 631), (raw, 9100), (raw, 9101)):
        e.exposure("printer-reached-from-outside", host, port, "an outside client printed or asked")
    e.absent("document-without-session", ipp, 631, "a job is no document of a portal"), e.absent("admin-no-login", ipp, 631, "no page of the administration was asked for")
    e.never("ZZCANARY", "CANARY LaserJet")
    e.save()


@scenario
def rsync_modules(clinic):
    """rsync's own server: a module for everybody, one with a password, a list, a wrong password."""
    nas, out, desk = clinic.host("nas", 17, "00:11:32:20:00:17"), clinic.host("out", 50, "02:00:5e:00:00:50", outside=True), clinic.host("desk", 51, "00:0c:29:20:00:51")
    nas.write("/etc/rsyncd.conf", "uid = root\nuse chroot = no\nmotd file = /etc/motd\n[scans]\npath = /srv/scans\n[zzcanary-private]\npath = /srv/scans\nauth users = ward\nsecrets file = /etc/rsyncd.secrets\n")
    nas.write("/etc/rsyncd.secrets", "ward:CnryRsync1\n"), nas.run("chmod 600 /etc/rsyncd.secrets"), nas.write("/srv/scans/ZZCANARY_1.pdf", "%PDF-1.4 ZZCANARY\n" * 400)
    nas.serve("exec rsync --daemon --no-detach", 873)
    nas.write("/etc/closed.conf", "port = 8730\nuid = root\nuse chroot = no\n[zzcanary-private]\npath = /srv/scans\nauth users = ward\nsecrets file = /etc/rsyncd.secrets\n")
    nas.serve("exec rsync --daemon --no-detach --config /etc/closed.conf", 8730)
    clinic.listen("tcp")
    out.run(f"rsync rsync://{nas.ip}/; rsync -a rsync://{nas.ip}/scans/ /tmp/o/", check=True)
    desk.run(f"RSYNC_PASSWORD=CnryRsync1 rsync -a rsync://ward@{nas.ip}:8730/zzcanary-private/ /tmp/o/", check=True)
    desk.run(f"RSYNC_PASSWORD=wrongCnry1 rsync -a rsync://ward@{nas.ip}:8730/zzcanary-private/ /tmp/p/")
    clinic.close()
    e = Expect(clinic.name, "rsync: one module that everybody outside may read, one with a password", ["server and client: rsync 3.5.0 (Debian 12)"])
    e.service(nas, 873, "tcp", "rsync", "rsync"), e.service(nas, 8730, "tcp", "rsync", "rsync", "-d", "tcp.port==8730,rsync")
    e.exposure("file-share-open", nas, 873, "@RSYNCD: OK without a challenge"), e.absent("file-share-open", nas, 8730, "its module has a password")
    e.never("ZZCANARY", "zzcanary-private", "CnryRsync1", "wrongCnry1")
    e.save()


@scenario
def nfs_to_others(clinic):
    """NFS 3 and 4 by Ganesha: read from outside without a login, and by a neighbour; the port mapper over TCP and UDP."""
    nas, out, desk = clinic.host("nas", 17, "00:11:32:20:00:17"), clinic.host("out", 50, "02:00:5e:00:00:50", outside=True), clinic.host("desk", 51, "00:0c:29:20:00:51")
    near = clinic.host("near", 18, "00:11:32:20:00:18")
    conf = "NFS_CORE_PARAM { Protocols = 3, 4; mount_path_pseudo = true; NLM_Port = 0; Enable_NLM = false; Enable_RQUOTA = false; }\nNFSV4 { Graceless = true; }\nEXPORT { Export_Id = 1; Path = /run/scans; Pseudo = /run/scans; Protocols = 3, 4; Access_Type = RO; PrivilegedPort = false; Squash = No_Root_Squash; SecType = sys; FSAL { Name = VFS; } }\n"
    for host in (nas, near):
        host.write("/run/scans/ZZCANARY_1.pdf", "%PDF-1.4 ZZCANARY\n" * 400), host.write("/etc/ganesha/ganesha.conf", conf)
        host.serve("ln -sf /proc/mounts /etc/mtab; mkdir -p /run/rpcbind /var/run/ganesha; rpcbind -w; sleep 1; exec ganesha.nfsd -F -L /dev/stderr -N NIV_EVENT", 111, 2049)
    clinic.listen("tcp or udp")
    out.run(f"nfs-ls 'nfs://{nas.ip}/run/scans/?version=4'; nfs-cat 'nfs://{nas.ip}/run/scans/ZZCANARY_1.pdf?version=4'; nfs-cat 'nfs://{nas.ip}/run/scans/ZZCANARY_1.pdf?version=3'", check=True)
    desk.run(f"nfs-ls 'nfs://{near.ip}/run/scans/?version=3'; nfs-cat 'nfs://{near.ip}/run/scans/ZZCANARY_1.pdf?version=3'", check=True)
    desk.run(f"rpcinfo -T udp {near.ip} 100000 4; rpcinfo -p {near.ip}")
    clinic.close()
    e = Expect(clinic.name, "Files by NFS: from outside without a login, and among neighbours as it is used", ["servers: NFS-Ganesha 4.3, rpcbind 1.2.6 (Debian 12)", "clients: libnfs 4.0, rpcinfo"])
    for host in (nas, near):
        e.service(host, 2049, "tcp", "nfs", "nfs"), e.service(host, 111, "tcp", "rpcbind", "portmap")
    e.service(near, 111, "udp", "rpcbind", "portmap || rpc")
    e.exposure("file-share-open", nas, 2049, "AUTH_SYS from outside reads files"), e.absent("file-share-open", near, 2049, "a neighbour in the same network")
    e.never("ZZCANARY")
    e.save()


@scenario
def tftp_files(clinic):
    """TFTP: a file fetched, one that is not there, one written."""
    boot, desk = clinic.host("boot", 19, "00:11:32:20:00:19"), clinic.host("phone", 70, "00:04:13:20:00:70")
    boot.write("/srv/tftp/ZZCANARY.cfg", "user ZZCANARY\n" * 200), boot.run("chmod -R 777 /srv/tftp")
    boot.serve("exec in.tftpd -L -u root --secure --create /srv/tftp", 69)
    clinic.listen("udp")
    desk.run(f"cd /tmp; tftp -m binary {boot.ip} -c get ZZCANARY.cfg; tftp {boot.ip} -c get ZZCANARY-none; echo CNRY > up; tftp -m binary {boot.ip} -c put up", check=True)
    clinic.close()
    e = Expect(clinic.name, "A server that hands out files by TFTP", ["server and client: tftp-hpa 5.2 (Debian 12)"])
    e.said["services"].append({"host": boot.ip, "port": 69, "transport": "udp", "protocol": "tftp", "evidence": e.sure("tftp.opcode==3")})
    e.exposure("file-share-open", boot, 69, "a file came without a login"), e.absent("service", desk, 69, "the client serves nothing")
    e.never("ZZCANARY")
    e.save()


@scenario
def kerberos_logins(clinic):
    """Kerberos: a login, a ticket for a service, a wrong password, a name that nobody has; over UDP and TCP."""
    kdc, desk = clinic.host("kdc", 5, "00:0c:29:20:00:05"), clinic.host("desk", 51, "00:0c:29:20:00:51")
    conf = f"[libdefaults]\ndefault_realm = ZZCANARY.EXAMPLE\ndns_lookup_kdc = false\ndns_lookup_realm = false\nrdns = false\nudp_preference_limit = %s\n[realms]\nZZCANARY.EXAMPLE = {{\n kdc = {kdc.ip}\n}}\n"
    kdc.write("/etc/krb5.conf", conf % 1465), kdc.write("/etc/krb5kdc/kdc.conf", "[kdcdefaults]\nkdc_ports = 88\nkdc_tcp_ports = 88\n[realms]\nZZCANARY.EXAMPLE = {\n database_name = /tmp/principal\n key_stash_file = /tmp/stash\n}\n")
    kdc.run("kdb5_util create -s -r ZZCANARY.EXAMPLE -P master; kadmin.local -q 'addprinc +requires_preauth -pw CnryKrb1 zzcanary'; kadmin.local -q 'addprinc -randkey host/pacs'", check=True)
    kdc.serve("exec krb5kdc -n", 88)
    clinic.listen("tcp or udp")
    for limit in (1465, 1):
        desk.write("/etc/krb5.conf", conf % limit)
        desk.run("echo CnryKrb1 | kinit zzcanary; kvno host/pacs; echo wrongCnry1 | kinit zzcanary; echo x | kinit nobody.zzcanary; true")
    clinic.close()
    e = Expect(clinic.name, "Logins to a realm of Kerberos, over UDP and over TCP", ["server and client: MIT Kerberos 1.20 (Debian 12)"])
    e.service(kdc, 88, "udp", "kerberos", "kerberos"), e.service(kdc, 88, "tcp", "kerberos", "kerberos")
    e.absent("ldap-login-cleartext", kdc, 88, "passwords do not cross"), e.absent("service", desk, 88, "the client serves nothing")
    e.never("zzcanary", "ZZCANARY.EXAMPLE", "CnryKrb1")
    e.save()


@scenario
def ftp_for_everybody(clinic):
    """FTP: anonymous from outside, with a file; a readable login inside; a server that takes only TLS."""
    ftp, sure = clinic.host("ftp", 17, "00:11:32:20:00:17"), clinic.host("sure", 18, "00:11:32:20:00:18")
    out, desk = clinic.host("out", 50, "02:00:5e:00:00:50", outside=True), clinic.host("desk", 51, "00:0c:29:20:00:51")
    common = "listen=YES\nbackground=NO\nseccomp_sandbox=NO\nsecure_chroot_dir=/run/vsftpd\nlocal_enable=YES\npam_service_name=vsftpd\n"
    ftp.write("/tmp/v.conf", common + "anonymous_enable=YES\nanon_root=/srv/ftp\nno_anon_password=NO\n")
    sure.run(CERTIFICATE, check=True), sure.write("/tmp/v.conf", common + "anonymous_enable=NO\nssl_enable=YES\nforce_local_logins_ssl=YES\nrequire_ssl_reuse=NO\nrsa_cert_file=/tmp/c.pem\nrsa_private_key_file=/tmp/k.pem\n")
    ftp.write("/srv/ftp/ZZCANARY_1.pdf", "%PDF-1.4 ZZCANARY\n")
    for host in (ftp, sure):
        host.run("useradd -m scans; echo scans:CnryFtp2 | chpasswd; echo 'auth required pam_unix.so\naccount required pam_unix.so' > /etc/pam.d/vsftpd; chmod 555 /srv/ftp; echo ZZCANARY > /home/scans/a.pdf", check=True)
        host.serve("mkdir -p /run/vsftpd; exec vsftpd /tmp/v.conf", 21)
    clinic.listen("tcp")
    out.run(f"curl -sS -o /tmp/o ftp://{ftp.ip}/ZZCANARY_1.pdf", check=True)
    desk.run(f"curl -sS -o /tmp/o ftp://scans:CnryFtp2@{ftp.ip}/a.pdf", check=True)
    desk.run(f"curl -sS -k --ssl-reqd -o /tmp/o ftp://scans:CnryFtp2@{sure.ip}/a.pdf", check=True)
    clinic.close()
    e = Expect(clinic.name, "FTP for everybody from outside, a readable login inside, and one under TLS", ["server: vsftpd 3.0.3 (Debian 12)", "client: curl 7.88"])
    for host in (ftp, sure):
        e.service(host, 21, "tcp", "ftp", "ftp", product="vsftpd", version="3.0.3")
    e.exposure("file-share-open", ftp, 21, "230 after USER anonymous"), e.exposure("ftp-login-cleartext", ftp, 21, "USER and PASS inside")
    e.absent("ftp-login-cleartext", sure, 21, "AUTH TLS before the password"), e.absent("file-share-open", sure, 21, "anonymous is refused")
    e.never("ZZCANARY", "CnryFtp2")
    e.save()


COUCH = """import http.server, json
class Couch(http.server.BaseHTTPRequestHandler):
    server_version, sys_version, protocol_version = 'CouchDB/3.3.2 (Erlang OTP/25)', '', 'HTTP/1.1'
    closed = False
    def do_GET(self):
        body = {'/': {'couchdb': 'Welcome', 'version': '3.3.2', 'vendor': {'name': 'The Apache Software Foundation'}}, '/_all_dbs': ['zzcanary_patients', '_users'],
            '/zzcanary_patients/_all_docs': {'total_rows': 1, 'rows': [{'id': 'ZZCANARY', 'key': 'ZZCANARY', 'value': {}}]}}.get(self.path.split('?')[0], {})
        status = 200
        if self.closed and self.path != '/' and 'Authorization' not in self.headers:
            status, body = 401, {'error': 'unauthorized', 'reason': 'You are not authorized to access this db.'}
        octets = json.dumps(body).encode() + b'\\n'
        self.send_response(status)
        for name, value in (('Content-Type', 'application/json'), ('Cache-Control', 'must-revalidate'), ('Content-Length', len(octets))):
            self.send_header(name, str(value))
        self.end_headers(); self.wfile.write(octets)
    def log_message(self, *_): pass
    def version_string(self): return self.server_version
import sys
Couch.closed = sys.argv[1] == 'closed'
http.server.ThreadingHTTPServer(('0.0.0.0', 5984), Couch).serve_forever()
"""


@scenario
def db_couchdb_open(clinic):
    """CouchDB, with answers of ours in its form (it is not in Debian): one that is open to outside, one that asks for a login."""
    couch, sure = clinic.host("couch", 21, "00:0c:29:20:00:21"), clinic.host("sure", 22, "00:0c:29:20:00:22")
    out = clinic.host("out", 50, "02:00:5e:00:00:50", outside=True)
    for host, how in ((couch, "open"), (sure, "closed")):
        host.write("/tmp/couch.py", COUCH), host.serve(f"exec python3 /tmp/couch.py {how}", 5984)
    clinic.listen("tcp")
    for host in (couch, sure):
        out.run(f"curl -sS http://{host.ip}:5984/ http://{host.ip}:5984/_all_dbs 'http://{host.ip}:5984/zzcanary_patients/_all_docs?include_docs=true' -o /dev/null", check=True)
    clinic.close()
    e = Expect(clinic.name, "CouchDB: open to outside, and one that asks for a login", ["server: answers of ours in the form of CouchDB 3.3", "client: curl 7.88"])
    for host in (couch, sure):
        e.service(host, 5984, "tcp", "http", "http", product="CouchDB", version="3.3.2")
        e.exposure("database-answers-outside", host, 5984, "it answers outside clients")
    e.exposure("database-no-password", couch, 5984, "documents without a login"), e.absent("database-no-password", sure, 5984, "401 without a login")
    e.never("ZZCANARY", "zzcanary_patients")
    e.save()


@scenario
def remote_support(clinic):
    """TLS to servers with the names of remote-support programs: a session, and an update check that is none."""
    desk, us = clinic.host("desk", 51, "00:0c:29:20:00:51"), clinic.host("us-console", 31, "00:1b:21:20:00:31")
    vendor = clinic.host("vendor", 66, "02:00:5e:00:00:66", outside=True)
    vendor.run(CERTIFICATE, check=True)
    vendor.write("/tmp/echo.py", "import socket, ssl\nc = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain('/tmp/c.pem', '/tmp/k.pem')\ns = socket.create_server(('0.0.0.0', 443))\nwhile True:\n    p, _ = s.accept()\n    try:\n        t = c.wrap_socket(p, server_side=True)\n        while d := t.recv(16384):\n            t.sendall(d)\n        t.close()\n    except OSError:\n        pass\n")
    vendor.serve("exec python3 /tmp/echo.py", 443)
    talk = "import socket, ssl, sys\nc = ssl.create_default_context(); c.check_hostname = False; c.verify_mode = ssl.CERT_NONE\nt = c.wrap_socket(socket.create_connection((sys.argv[1], 443)), server_hostname=sys.argv[2])\nfor _ in range(int(sys.argv[3])):\n    t.sendall(b'ZZCANARY' * 128)\n    n = 0\n    while n < 1024: n += len(t.recv(4096))\n"
    for host in (desk, us):
        host.write("/tmp/talk.py", talk)
    clinic.listen("tcp")
    us.run(f"python3 /tmp/talk.py {vendor.ip} relay-7c.net.anydesk.com 130", check=True)
    desk.run(f"python3 /tmp/talk.py {vendor.ip} router3.teamviewer.com 4; python3 /tmp/talk.py {vendor.ip} zzcanary.example 130", check=True)
    clinic.close()
    e = Expect(clinic.name, "A session of a remote-support program, an update check of another, and long TLS to somebody else", ["server and client: Python 3.11 with OpenSSL 3.0 (Debian 12); the server stands for those of the programs"])
    e.service(vendor, 443, "tcp", "tls", "tls")
    e.exposure("remote-support-tool", us, None, "over 100,000 octets each way with a server of AnyDesk"), e.absent("remote-support-tool", desk, None, "an update check is no session")
    e.never("ZZCANARY", "zzcanary.example")
    e.save()


STRIP = """import socket, sys, threading
def pump(a, b, change):
    try:
        while d := a.recv(4096):
            b.sendall(d.replace(b'STARTTLS', b'XXXXXXXA') if change else d)
        b.shutdown(socket.SHUT_WR)
    except OSError:
        pass
s = socket.create_server(('0.0.0.0', 25))
while True:
    c, _ = s.accept(); u = socket.create_connection((sys.argv[1], 25))
    threading.Thread(target=pump, args=(c, u, False)).start(); threading.Thread(target=pump, args=(u, c, True)).start()
"""


@scenario
def mail_starttls_stripped(clinic):
    """Postfix offers STARTTLS; a box in between writes over it, as some firewalls do."""
    mail, box, desk = clinic.host("mail", 25, "00:0c:29:20:00:25"), clinic.host("box", 26, "00:0c:29:20:00:26"), clinic.host("desk", 51, "00:0c:29:20:00:51")
    mail.run(CERTIFICATE, check=True)
    mail.write("/etc/postfix/main.cf", "compatibility_level = 3.6\nmyhostname = mail.clinic.example\nmydestination = clinic.example\nmynetworks = 192.168.20.0/24\nsmtpd_tls_cert_file = /tmp/c.pem\nsmtpd_tls_key_file = /tmp/k.pem\nsmtpd_tls_security_level = may\ninet_interfaces = all\ninet_protocols = ipv4\nlocal_transport = discard\nlocal_recipient_maps =\nmaillog_file = /dev/stdout\n")
    mail.serve("mkdir -p /run/rsyslog; postfix check; exec postfix start-fg", 25)
    box.write("/tmp/strip.py", STRIP), box.serve(f"exec python3 /tmp/strip.py {mail.ip}", 25)
    desk.write("/tmp/m", "From: a@clinic.example\nTo: zzcanary@clinic.example\nSubject: ZZCANARY\n\nresults of ZZCANARY\n")
    clinic.listen(f"host {desk.ip} and tcp")
    desk.run(f"curl -sS -k --ssl smtp://{box.ip}/desk --mail-from a@clinic.example --mail-rcpt zzcanary@clinic.example -T /tmp/m", check=True)
    desk.run(f"curl -sS -k --ssl-reqd smtp://{mail.ip}/desk --mail-from a@clinic.example --mail-rcpt zzcanary@clinic.example -T /tmp/m", check=True)
    clinic.close()
    e = Expect(clinic.name, "Mail whose STARTTLS is written over on the way, and the same server reached directly", ["server: Postfix 3.7 (Debian 12), behind a box of ours", "client: curl 7.88"])
    e.service(box, 25, "tcp", "smtp", "smtp"), e.service(mail, 25, "tcp", "smtp", "smtp")
    e.exposure("mail-starttls-stripped", box, 25, "250-XXXXXXXA"), e.exposure("smtp-cleartext", box, 25, "DATA without TLS")
    e.absent("mail-starttls-stripped", mail, 25, "STARTTLS was used"), e.absent("smtp-cleartext", mail, 25, "STARTTLS was used")
    e.never("ZZCANARY", "zzcanary@clinic.example")
    e.save()


def main():
    root, venv, *names = sys.argv[1:]
    for name in names or SCENARIOS:
        clinic = Clinic(root, venv, name)
        try:
            SCENARIOS[name](clinic)
            shutil.rmtree(clinic.folder, ignore_errors=True)
        finally:
            if not clinic.log.closed:
                clinic.close()
                print(f"{name}: see {clinic.folder}/log", file=sys.stderr)


if __name__ == "__main__":
    main()
