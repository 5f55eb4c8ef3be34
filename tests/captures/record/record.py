#!/usr/bin/env python3
"""Records captures of real servers in closed network namespaces, each with its ground truth. Needs root and Debian 12 with
lldpd radvd nftables miniupnpd miniupnpc natpmpc isc-dhcp-server wide-dhcpv6-client snmpd snmp sip-tester kamailio tcpdump iproute2
python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-rtsp gstreamer1.0-tools libcoap3-bin,
and PYTHON naming an interpreter that has bacpypes3, pymodbus, python-snap7 and aiocoap (PyPI).

  record.py [scene...]          writes NAME.pcap and NAME.expect.json into the folder above; no scene: all of them

A router (192.168.20.1) is a bridge; hosts hang on it. No namespace has an interface that leaves the lab. Every password and name
is invented. What is not a server of others (the analysers, SQL Server's browser) says so in "origin".
"""
import json, os, pathlib, subprocess, sys, tempfile, time

OUT = pathlib.Path(__file__).resolve().parent.parent
PEERS = pathlib.Path(__file__).resolve().parent / "peers.py"
PYTHON = os.environ.get("PYTHON", sys.executable)


class Lab:
    """Hosts at a bridge, and what passes over it."""

    def __init__(self, name, v6=()):
        self.name, self.started, self.spaces = name, [], []
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="auscult-record-"))
        self.folder.chmod(0o755)  # some servers give up root
        (self.folder / "hosts").write_text("127.0.0.1 localhost zzcanary-host\n")
        self.tag = f"ar{os.getpid() % 10000}"
        self.router = self.space("r")
        self.sh(self.router, "ip link add br0 type bridge; ip link set br0 address 02:00:00:20:00:01; ip link set br0 type bridge mcast_snooping 0 group_fwd_mask 0x4000 || true; ip addr add 192.168.20.1/24 dev br0; ip link set br0 up")
        for address in v6:
            self.sh(self.router, f"ip addr add {address} dev br0 nodad")
        self.capture = None

    def space(self, name):
        space = f"{self.tag}{name}"
        subprocess.run(["ip", "netns", "add", space], check=True)
        self.spaces.append(space)
        self.sh(space, "ip link set lo up; sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 || true")
        return space

    def host(self, number, hardware, v6=None):
        """A host with the address 192.168.20.NUMBER (none for 0)."""
        space = self.space(f"h{number}")
        there = f"b{number}"
        self.sh(self.router, f"ip link add {there} type veth peer name eth0 netns {space}; ip link set {there} master br0 up; ethtool -K {there} tx off >/dev/null 2>&1 || true")
        self.sh(space, f"ip link set eth0 address {hardware} up; ethtool -K eth0 tx off >/dev/null 2>&1 || true")
        if number:
            self.sh(space, f"ip addr add 192.168.20.{number}/24 dev eth0; ip route add default via 192.168.20.1")
        if v6:
            self.sh(space, f"ip addr add {v6} dev eth0 nodad")
        return space

    def sh(self, space, command, check=True, timeout=60):
        run = subprocess.run(["ip", "netns", "exec", space, "sh", "-c", command], capture_output=True, text=True, timeout=timeout)
        if check and run.returncode:
            raise SystemExit(f"{self.name}: {command}: {run.stdout}{run.stderr}")
        return run.stdout + run.stderr

    def start(self, space, command):
        log = open(self.folder / f"log{len(self.started)}", "w")
        mounts = f"mount -t tmpfs tmpfs /run; mkdir -p /run/kamailio /run/lldpd; mount --bind {self.folder}/hosts /etc/hosts; "
        own = ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--propagation", "private"]
        process = subprocess.Popen(["ip", "netns", "exec", space, *own, "sh", "-c", f"{mounts}hostname zzcanary-host; exec {command}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.started.append(process)
        return process

    def hear(self):
        path = OUT / f"{self.name}.pcap"
        path.unlink(missing_ok=True)
        self.capture = subprocess.Popen(["ip", "netns", "exec", self.router, "tcpdump", "-i", "br0", "-U", "-n", "-s", "0", "-Z", "root", "-w", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1.5)

    def wait(self, what, seconds=20):
        end = time.time() + seconds
        while time.time() < end:
            if what():
                return
            time.sleep(0.3)
        logs = "\n".join(p.read_text(errors="replace")[-800:] for p in sorted(self.folder.glob("log*")))
        raise SystemExit(f"{self.name}: waited for nothing\n{logs}")

    def listens(self, space, port, seconds=20):
        self.wait(lambda: f":{port} " in self.sh(space, "ss -Hltun", check=False), seconds)

    def end(self, story, peers, services, exposures=(), absent=(), secrets=(), inside=("192.168.20.0/24",)):
        time.sleep(1.5)
        if self.capture:
            self.capture.terminate()
            self.capture.wait()
        for process in self.started:
            process.kill()
            process.wait()
        for space in self.spaces:
            subprocess.run(["ip", "netns", "del", space])
        document = {
            "schema": "auscult-expect/1", "capture": f"{self.name}.pcap", "story": story,
            "vantage": "the bridge of the clinic's router", "inside": list(inside), "outside": [],
            "origin": {"kind": "recorded", "script": "record/record.py", "scenario": self.name, "peers": peers},
            "licence": "recorded by this project's scripts; free to use", "hosts": [],
            "services": [dict(zip(("host", "port", "transport", "protocol"), s), product=None, version=None) for s in services],
            "wifi": [], "exposures": [dict(zip(("kind", "host", "port"), e), why="by design of the scene") for e in exposures],
            "absent": [dict(zip(("kind", "host", "port"), a), why="by design of the scene") for a in absent],
            "never_in_a_report": list(secrets),
        }
        (OUT / f"{self.name}.expect.json").write_text(json.dumps(document, indent=1) + "\n")
        print(f"{self.name}: {(OUT / f'{self.name}.pcap').stat().st_size} octets")


def neighbours():
    """A switch (lldpd with CDP and the words of a Cisco switch) and a telephone. The router's bridge keeps LLDP to itself."""
    lab = Lab("neighbours-cdp")
    lab.hear()
    for number, hardware, words, platform in [(62, "00:1b:0d:20:00:62", "Cisco IOS Software, C2960 Software (C2960-LANBASEK9-M), Version 12.2(55)SE7, RELEASE SOFTWARE (fc1)", "cisco WS-C2960-24TT-L"), (63, "00:1e:f7:20:00:63", "SIP41.8-5-3S", "Cisco IP Phone 7942")]:
        space = lab.host(number, hardware)
        socket = lab.folder / f"lldpd{number}"
        lab.start(space, f"lldpd -d -cc -k -u {socket} -I eth0 -C eth0 -m 192.168.20.{number} -S '{words}' -P '{platform}'")
        lab.wait(lambda: socket.exists())
        lab.sh(space, f"lldpcli -u {socket} configure lldp tx-interval 1", check=False)
    time.sleep(8)
    lab.end("What a switch and a telephone tell their neighbours", ["lldpd 1.0.16"],
            [("192.168.20.62", 0x2000, "link", "cdp"), ("192.168.20.63", 0x2000, "link", "cdp")],
            exposures=[("end-of-life-software", "192.168.20.62", None)], secrets=["zzcanary-host"])


def home():
    """A router announces a network (radvd), delegates one (dhcpd), and a router behind it asks for it (dhcp6c)."""
    lab = Lab("ipv6-home", v6=["fe80::1/64", "2001:db8:20::1/64"])
    lab.sh(lab.router, "sysctl -qw net.ipv6.conf.all.forwarding=1")
    client = lab.host(30, "00:1e:67:20:00:30", v6="2001:db8:20::30/64")
    lab.hear()
    (lab.folder / "radvd.conf").write_text("interface br0 { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; prefix 2001:db8:20::/64 { AdvOnLink on; AdvAutonomous on; }; };\n")
    lab.start(lab.router, f"radvd -n -C {lab.folder}/radvd.conf -p {lab.folder}/radvd.pid -u root")
    (lab.folder / "dhcpd.conf").write_text("default-lease-time 600; subnet6 2001:db8:20::/64 { range6 2001:db8:20::1000 2001:db8:20::1fff; prefix6 2001:db8:77:: 2001:db8:77:: /56; }\n")
    (lab.folder / "leases").write_text("")
    lab.start(lab.router, f"dhcpd -6 -f -d -cf {lab.folder}/dhcpd.conf -lf {lab.folder}/leases --no-pid br0")
    lab.listens(lab.router, 547)
    (lab.folder / "dhcp6c.conf").write_text("interface eth0 { send ia-pd 0; send ia-na 0; };\nid-assoc pd 0 { };\nid-assoc na 0 { };\n")
    lab.start(client, f"dhcp6c -f -D -c {lab.folder}/dhcp6c.conf -p {lab.folder}/dhcp6c.pid eth0")
    lab.wait(lambda: "iaprefix" in (lab.folder / "leases").read_text())
    # A stranger in the delegated network is no stranger.
    lab.start(lab.router, f"{sys.executable} -m http.server -b 2001:db8:20::1 --directory {lab.folder} 8000")
    lab.listens(lab.router, 8000)
    lab.sh(client, "ip addr add 2001:db8:77:1::30/64 dev eth0 nodad; sleep 4")
    lab.sh(lab.router, "ip -6 route add 2001:db8:77::/48 dev br0")
    lab.sh(client, f"{sys.executable} -c \"import socket; s=socket.create_connection(('2001:db8:20::1', 8000), 5, ('2001:db8:77:1::30', 0)); s.sendall(b'GET /leases HTTP/1.0\\r\\n\\r\\n'); s.recv(99)\"")
    lab.end("Which IPv6 networks are home", ["radvd 2.19", "isc-dhcp-server 4.4.3", "wide-dhcpv6-client 20080615", "python http.server"],
            [("fe80::ff:fe20:1", 547, "udp", "dhcpv6"), ("2001:db8:20::1", 8000, "tcp", "http")], absent=[("directory-listing", "2001:db8:20::1", 8000)])


def ports():
    """A host asks the router for ports by UPnP and NAT-PMP (miniupnpd). Where the kernel has no nftables with NAT, as on the
    machine where this was recorded, the router refuses: the capture is the harmless twin of a granted port."""
    lab = Lab("firewall-holes-refused")
    lab.sh(lab.router, "ip link add wan0 type dummy; ip addr add 198.51.100.9/24 dev wan0; ip link set wan0 up; ip route add default via 198.51.100.1; sysctl -qw net.ipv4.ip_forward=1")
    client = lab.host(61, "44:19:b6:20:00:61")
    lab.hear()
    (lab.folder / "upnpd.conf").write_text("ext_ifname=wan0\next_ip=8.8.4.9\nlistening_ip=br0\nhttp_port=5000\nenable_natpmp=yes\nenable_upnp=yes\nsecure_mode=no\nsystem_uptime=yes\nuuid=00000000-0000-0000-0000-000000000001\nallow 1-65535 0.0.0.0/0 1-65535\n")
    lab.start(lab.router, f"sh -c '/etc/miniupnpd/nft_init.sh; exec miniupnpd -d -f {lab.folder}/upnpd.conf -P {lab.folder}/upnpd.pid'")
    lab.listens(lab.router, 5351)
    print(lab.sh(client, "upnpc -i -m eth0 -a 192.168.20.61 554 8554 TCP 3600", check=False)[-300:])
    print(lab.sh(client, "natpmpc -g 192.168.20.1 -a 8080 80 tcp 3600", check=False)[-200:])
    lab.end("A camera asks for ports; the router has no way to open them and says so", ["miniupnpd 2.3.1", "miniupnpc 2.2.4", "natpmpc 20150609"],
            [("192.168.20.1", 5351, "udp", "nat-pmp"), ("192.168.20.1", 5000, "tcp", "http")])


def cameras():
    """Two cameras (GStreamer's RTSP server): one open, one with a password. Where the pipeline does not start, as on the machine
    where this was recorded, the open one answers 503: no picture was given."""
    lab = Lab("cameras-rtsp")
    client = lab.host(30, "00:1e:67:20:00:30")
    lab.hear()
    for number, secret in [(61, ""), (64, "zzcanarycam:zzcanaryword")]:
        space = lab.host(number, f"44:19:b6:20:00:{number}")
        lab.start(space, f"/usr/bin/python3 {PEERS} camera {secret}")
        lab.listens(space, 554)
        login = f"{secret}@" if secret else ""
        lab.sh(client, f"timeout 25 gst-launch-1.0 -q rtspsrc location=rtsp://{login}192.168.20.{number}/live protocols=tcp ! fakesink num-buffers=5", check=False)
    lab.end("Two cameras: one asks for a password, one has no picture to give", ["gst-rtsp-server 1.22", "rtspsrc 1.22"],
            [("192.168.20.61", 554, "tcp", "rtsp"), ("192.168.20.64", 554, "tcp", "rtsp")], secrets=["zzcanarycam", "zzcanaryword"])


def telephony():
    """An exchange (Kamailio) that takes telephones (SIPp) over UDP and TCP."""
    lab = Lab("telephony-sip")
    exchange, phone = lab.host(5, "00:1e:67:20:00:05"), lab.host(63, "00:15:65:20:00:63")
    (lab.folder / "kamailio.cfg").write_text('listen=udp:192.168.20.5:5060\nlisten=tcp:192.168.20.5:5060\nloadmodule "sl.so"\nloadmodule "tm.so"\nrequest_route { if (method == "OPTIONS") { sl_send_reply("401", "Unauthorized"); exit; } sl_send_reply("200", "OK"); }\n')
    (lab.folder / "register.xml").write_text("""<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="register"><send retrans="500"><![CDATA[
METHOD sip:[remote_ip] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:zzcanary@[remote_ip]>;tag=[call_number]
To: <sip:zzcanary@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 METHOD
User-Agent: Yealink SIP-T46S 66.84.0.15
Contact: <sip:zzcanary@[local_ip]:[local_port]>
Content-Length: 0

]]></send><recv response="STATUS"/></scenario>
""")
    lab.hear()
    lab.start(exchange, f"kamailio -DD -E -f {lab.folder}/kamailio.cfg -m 32 -M 4 -Y {lab.folder}")
    lab.listens(exchange, 5060, 60)
    text = (lab.folder / "register.xml").read_text()
    for method, status in [("REGISTER", "200"), ("OPTIONS", "401")]:
        (lab.folder / f"{method}.xml").write_text(text.replace("METHOD", method).replace("STATUS", status))
        for transport in ("u1", "t1"):
            lab.sh(phone, f"cd {lab.folder} && timeout 20 sipp -sf {method}.xml -i 192.168.20.63 -t {transport} -m 1 -nostdin 192.168.20.5:5060 >/dev/null 2>&1", check=False)
    lab.end("A telephone registers at an exchange that asks for nothing", ["kamailio 5.6.3", "sipp 3.6.1"],
            [("192.168.20.5", 5060, "udp", "sip"), ("192.168.20.5", 5060, "tcp", "sip")], secrets=["zzcanary"])


def building():
    """Ventilation that answers whoever asks (bacpypes3)."""
    lab = Lab("building-bacnet")
    device, desk = lab.host(70, "00:1e:67:20:00:70"), lab.host(30, "00:1e:67:20:00:30")
    lab.hear()
    lab.start(device, f"{PYTHON} {PEERS} ventilation")
    lab.listens(device, 47808)
    time.sleep(2)
    print(lab.sh(desk, f"timeout 20 {PYTHON} {PEERS} controls", check=False)[-300:])
    lab.end("The ventilation's controller answers whoever asks", ["bacpypes3"], [("192.168.20.70", 47808, "udp", "bacnet-apdu")], secrets=["zzcanary-theatre"])


def community():
    """Three agents of SNMP (net-snmp): the factory word, another word, version 3."""
    lab = Lab("snmp-words")
    desk = lab.host(30, "00:1e:67:20:00:30")
    lab.hear()
    for number, setting, asks in [(60, "rocommunity public", "-v1 -c public"), (65, "rocommunity zzcanaryword", "-v2c -c zzcanaryword"), (66, "rouser zzcanaryuser noauth\ncreateUser zzcanaryuser", "-v3 -l noAuthNoPriv -u zzcanaryuser")]:
        space = lab.host(number, f"3c:2a:f4:20:00:{number}")
        (lab.folder / f"snmpd{number}.conf").write_text(f"{setting}\nagentaddress udp:161\nsysName zzcanary-host\nsysDescr Brother NC-8300w, Firmware Ver.1.77  ,MID 8CE-A03\n")
        (lab.folder / f"state{number}").mkdir()
        lab.start(space, f"env SNMP_PERSISTENT_DIR={lab.folder}/state{number} snmpd -f -Lo -C -c {lab.folder}/snmpd{number}.conf")
        lab.listens(space, 161)
        lab.sh(desk, f"snmpget -r1 -t2 {asks} 192.168.20.{number} 1.3.6.1.2.1.1.1.0 1.3.6.1.2.1.1.5.0", check=False)
    lab.end("Three agents of SNMP, one with the factory word", ["net-snmp 5.9.3"], [(f"192.168.20.{n}", 161, "udp", "snmp") for n in (60, 65, 66)],
            exposures=[("snmp-default-community", "192.168.20.60", 161)], absent=[("snmp-default-community", "192.168.20.65", 161), ("snmp-default-community", "192.168.20.66", 161)],
            secrets=["zzcanaryword", "zzcanaryuser", "zzcanary-host"])


def laboratory():
    """Analysers and their middleware, as the standards have it (both peers are ours)."""
    lab = Lab("laboratory-astm-poct1a")
    middleware = lab.host(12, "00:1e:67:20:00:12")
    lab.hear()
    for kind, port, number in [("astm", 4000, 45), ("poct1a", 3001, 46)]:
        analyser = lab.host(number, f"00:90:e8:20:00:{number}")
        lab.start(middleware, f"{sys.executable} {PEERS} {kind}-takes {port}")
        lab.listens(middleware, port)
        lab.sh(analyser, f"{sys.executable} {PEERS} {kind}-sends 192.168.20.12 {port}")
    lab.end("Two analysers send results to their middleware", ["ours, after LIS1-A, LIS2-A and POCT01-A2"],
            [("192.168.20.12", 4000, "tcp", "astm"), ("192.168.20.12", 3001, "tcp", "poct1a")], secrets=["ZZCANARY", "19610203"])


def machines():
    """A pump (Modbus), a controller (S7) and two sensors (CoAP) that answer whoever asks."""
    lab = Lab("building-modbus-s7-coap")
    hosts = {n: lab.host(n, f"00:1e:67:20:00:{n}") for n in (30, 71, 72, 73, 74)}
    lab.hear()
    at = "192.168.20."
    for what, number, port in [("pump", 71, 502), ("controller", 72, 102), ("sensor", 73, 5683)]:
        lab.start(hosts[number], f"{PYTHON} {PEERS} {what} {at}{number}")
        lab.listens(hosts[number], port)
    lab.start(hosts[74], f"coap-server-notls -A {at}74 -d 10")
    lab.listens(hosts[74], 5683)
    for what in (f"pump-asks {at}71", f"controller-asks {at}72", f"sensor-asks coap://{at}73/.well-known/core coap://{at}73/zzcanary-ward coap://{at}73/none coap://{at}74/time"):
        print(lab.sh(hosts[30], f"timeout 20 {PYTHON} {PEERS} {what}")[-600:])
    print(lab.sh(hosts[30], f"timeout 9 coap-client-notls -m get coap://{at}74/; timeout 9 coap-client-notls -N -m get coap://{at}73/zzcanary-ward"))
    lab.end("A pump, a controller and two sensors answer whoever asks", ["pymodbus 3.16.1", "python-snap7 3.3.0", "aiocoap 0.4.17", "libcoap 4.3.1"],
            [(f"{at}71", 502, "tcp", "modbus"), (f"{at}72", 102, "tcp", "iso-tsap"), (f"{at}73", 5683, "udp", "coap"), (f"{at}74", 5683, "udp", "coap")],
            secrets=["ZZCANARY-THEATRE-2", "zzcanary-ward"])


def instances():
    """SQL Server's browser tells what instances there are (both peers are ours)."""
    lab = Lab("db-mssql-browser")
    server, desk = lab.host(14, "00:1e:67:20:00:14"), lab.host(30, "00:1e:67:20:00:30")
    lab.hear()
    lab.start(server, f"{sys.executable} {PEERS} instances 192.168.20.14")
    lab.listens(server, 1434)
    print(lab.sh(desk, f"{sys.executable} {PEERS} instances-asks 192.168.20.14"))
    lab.end("SQL Server's browser tells everybody its instances", ["ours, after MC-SQLR"], [("192.168.20.14", 1434, "udp", "mssql-browser")],
            exposures=[("end-of-life-software", "192.168.20.14", 1434)], secrets=["ZZCANARY-DB", "ZZCANARYRIS", "ZZCANARYLIS"])


SCENES = {f.__name__: f for f in (neighbours, home, ports, cameras, telephony, building, community, laboratory, machines, instances)}

if __name__ == "__main__":
    for name in sys.argv[1:] or SCENES:
        SCENES[name]()
