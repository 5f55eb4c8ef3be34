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


main()
