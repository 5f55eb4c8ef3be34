#!/usr/bin/env python3
"""Makes the seeds of the fuzz targets out of tests/captures and the golden octets: small, and the same each time. Run: tests/fuzz/corpus.py

A conversation is written as its entrance reads it (tests/entrances.rs): pieces, each with side (1: the server) and length
(2 octets, least significant first) before it. Standard library only.
"""
import pathlib, re, struct

HERE = pathlib.Path(__file__).resolve().parent
CAPTURES = HERE.parent / "captures"
MOST = 12_000  # octets of one seed


def frames(name):
    octets = (CAPTURES / f"{name}.pcap").read_bytes()
    at = 24
    while at + 16 <= len(octets):
        length = struct.unpack("<I", octets[at + 8 : at + 12])[0]
        yield octets[at + 16 : at + 16 + length]
        at += 16 + length


def packets(name):
    """(protocol, source, destination, payload) of the IPv4 frames of an Ethernet capture."""
    for f in frames(name):
        if f[12:14] != b"\x08\x00":
            continue
        ip = f[14:]
        head, total, protocol = (ip[0] & 15) * 4, struct.unpack(">H", ip[2:4])[0], ip[9]
        if protocol not in (6, 17):
            continue
        below = ip[head:total]
        ports = struct.unpack(">HH", below[:4])
        payload = below[(below[12] >> 4) * 4 :] if protocol == 6 else below[8:]
        yield protocol, (ip[12:16], ports[0]), (ip[16:20], ports[1]), payload


def talks(name, port):
    """Every conversation with a server on this port, as pieces."""
    found = {}
    for protocol, source, destination, payload in packets(name):
        if protocol != 6 or not payload or port not in (source[1], destination[1]):
            continue
        server = source[1] == port
        key = (destination, source) if server else (source, destination)
        talk = found.setdefault(key, bytearray())
        if len(talk) + len(payload) < MOST:
            talk += struct.pack("<BH", server, len(payload)) + payload
    return [bytes(t) for t in found.values() if t]


def datagrams(name, port):
    return [p for protocol, s, d, p in packets(name) if protocol == 17 and port in (s[1], d[1]) and p]


def talk(*pieces):
    return b"".join(struct.pack("<BH", server, len(o)) + o for server, o in pieces)


def few(seeds, most=4):
    """The most different ones: by length, each once."""
    by_length = {len(s): s for s in sorted(seeds)}
    return [by_length[n] for n in sorted(by_length)][-most:]


def attribute(kind, value):
    return struct.pack("<HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)


def message(kind, sequence, body):
    return struct.pack("<IHHII", len(body) + 16, kind, 2, sequence, 0) + body + bytes(-len(body) % 4)


def kernel():
    """What nl80211 answers (linux/nl80211.h): an interface, a radio's channels, a network of the table; attributes alone, and as
    messages."""
    number = lambda kind, value: attribute(kind, struct.pack("<I", value))
    interface = number(3, 7) + attribute(4, b"wlan0\0") + number(1, 0) + attribute(6, bytes([2, 0, 0, 0, 0, 7])) + attribute(52, b"Clinic-Staff") + number(38, 2437)
    channels = b"".join(attribute(n, number(1, f) + more) for n, (f, more) in enumerate([(2412, b""), (2437, b""), (5260, attribute(3, b"") + attribute(5, b"")), (5955, attribute(2, b""))]))
    radio = attribute(2, b"phy0\0") + attribute(22, attribute(0, attribute(1, channels)))
    beacon = next(frames("wifi-beacons-no-radiotap"))[36:]
    bss = attribute(47, attribute(1, bytes([4, 0x18, 0xD6, 0x20, 1, 1])) + number(2, 2437) + attribute(5, b"\x31\x04") + attribute(6, beacon) + attribute(11, beacon) + attribute(14, b"") + attribute(7, struct.pack("<i", -5700)) + number(10, 120))
    # All in one, as an answer to every question: as a monitor, an access point and a client.
    parts = [interface + number(5, kind) + radio + bss + attribute(200, bytes(4 * kind)) for kind in (6, 3, 2)] + [bss]
    family = attribute(1, struct.pack("<H", 28))
    return parts, [message(28, 1, struct.pack("<BBH", 7, 1, 0) + family + p) + message(3, 1, bytes(4)) for p in parts] + [message(2, 1, struct.pack("<i", -16))]


HOSTAPD = b"""driver=nl80211
channel=6
interface=wlan0
bssid=04:18:d6:20:01:01
ssid=Clinic-Staff
wpa=3
wpa_passphrase=never kept
wpa_key_mgmt=WPA-PSK SAE FT-SAE
wpa_pairwise=TKIP
rsn_pairwise=CCMP GCMP-256
ieee80211w=1
wps_state=2
ap_setup_locked=0
config_methods=push_button label
rsn_override_key_mgmt=SAE-EXT-KEY
bss=wlan0-1
ssid2=P"Guest"
ignore_broadcast_ssid=1
owe_transition_ifname=wlan0-2
bss=wlan0-2
ssid2=4f5745
wpa=2
rsn_pairwise=CCMP
wpa_key_mgmt=OWE
group_cipher=CCMP
wep_key0=0102030405
"""


def netbeui():
    """An SMB1 answer in a session, and the announcement of a host, in frames of NetBIOS without IP."""
    ends = bytes.fromhex("00505633789e000c29d479b2")
    frame = lambda llc: ends + struct.pack(">H", len(llc)) + llc
    smb = lambda command, flags: b"\xffSMB" + bytes([command, 0, 0, 0, 0, flags]) + bytes(14) + bytes([1, 0, 9, 9, 1, 0, 7, 0, 0, 0, 0])
    session = bytes.fromhex("f0f00204" "0e00ffef1600" "0000000001000101") + smb(0x73, 0x80)
    names = b"GROUP          \x1dHOST           \0"
    browse = smb(0x25, 0)[:32] + bytes([17]) + struct.pack("<HHHHBBHIHHHHHBB", 0, 33, 0, 0, 0, 0, 0, 0, 0, 0, 0, 33, 86, 3, 0) + struct.pack("<HHHH", 1, 1, 2, 50)
    browse += b"\\MAILSLOT\\BROWSE\0" + bytes([1, 3]) + struct.pack("<I", 60000) + b"HOST".ljust(16, b"\0") + bytes([4, 0]) + struct.pack("<IBBH", 0x402003, 21, 4, 0xAA55) + b"\0"
    datagram = bytes.fromhex("f0f003" "2c00ffef0800" "000000000000") + names + browse
    return [frame(session), frame(datagram), frame(bytes.fromhex("f0f10108"))]


def ipv6(protocol, body):
    return struct.pack(">IHBB", 0x60000000, len(body), protocol, 255) + bytes.fromhex("fe80" + "00" * 13 + "01" "ff02" + "00" * 13 + "01") + body


def ipv4(protocol, body, offset=0, more=False):
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 7, more << 13 | offset // 8, 64, protocol, 0) + bytes([192, 168, 20, 30, 192, 168, 20, 10]) + body


def tunnels():
    """Packets of one conversation, each in another tunnel; all of it in parts; a tunnel in a tunnel."""
    frames_of = list(frames("hl7-oru-inside"))[:7]
    inner = [f[14:] for f in frames_of]
    udp = lambda port, o: ipv4(17, struct.pack(">HHHH", 50000, port, 8 + len(o), 0) + o)
    ways = [
        lambda f: ipv4(4, f[14:]), lambda f: ipv4(47, bytes.fromhex("b0000800" "00000000" "0000002a" "00000001") + f[14:]),
        lambda f: ipv4(47, bytes.fromhex("100088be" "00000001" "100a000100000000") + f),
        lambda f: ipv4(47, bytes.fromhex("100022eb" "00000001" "200a0001" "00000000" "00000001" "0000000000000000") + f),
        lambda f: udp(4789, bytes.fromhex("0800000000002a00") + f), lambda f: udp(6081, bytes.fromhex("0100655800002a00" "00018000") + f),
        lambda f: udp(37008, bytes.fromhex("01000001" "0a01c8" "00" "01") + f),
    ]
    cut = lambda p: [(o, p[20 + o : 84 + o]) for o in range(0, len(p) - 20, 64)]
    part = lambda p, o, c: p[:2] + struct.pack(">H", 20 + len(c)) + p[4:6] + struct.pack(">H", (o + 64 < len(p) - 20) << 13 | o // 8) + p[8:20] + c
    parts = lambda p: [part(p, o, c) for o, c in cut(p)]
    one = lambda packets: talk(*((0, p) for p in packets))
    return [
        one(way(f) for way, f in zip(ways, frames_of)), one(q for p in inner for q in parts(p)),
        one(q for f in frames_of for q in parts(ways[4](f))), one([ipv4(4, ipv4(4, ways[2](frames_of[3])))]),
    ]


def seeds():
    attributes, datagrams_of_kernel = kernel()
    tls = talks("tls10-expired-cert", 8443) + talks("https-portal-good", 443)
    dicom = talks("pacs-open-lan", 104) + talks("pacs-user-identity-clear", 104) + talks("pacs-rejects-outside", 104)
    smb = talks("smb-v1-legacy", 445) + talks("smb-v3-signed", 445)
    text = talks("smtp-activation-clear", 25) + talks("ftp-clear-outside", 21) + talks("telnet-pop3-imap-inside", 110)
    text += talks("telnet-pop3-imap-inside", 143) + talks("telnet-pop3-imap-inside", 23) + talks("smtp-starttls-good", 25)
    http = [t for n, p in (("docs-no-session", 80), ("orthanc-rest-open", 8042), ("portal-login-http", 80), ("iis-default-page", 80), ("fhir-open", 8080)) for t in talks(n, p)]
    dot11 = list(frames("wifi-beacons-no-radiotap"))
    clear = [f[struct.unpack("<H", f[2:4])[0] :] for f in frames("wifi-open-client-cleartext")]
    ethernet = [f for n in ("shape-vlan20", "shape-qinq", "shape-pppoe-wan", "ipv6-exposed") for f in list(frames(n))[:6]]
    cooked = [bytes([8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0]) + f[14:] for f in list(frames("hl7-oru-inside"))[:6]]
    # SSL 2 client hello: length with bit 15, type 1, version 2, one cipher, no session, challenge of 16.
    ssl2 = talk((0, bytes([0x80, 28, 1, 0, 2, 0, 3, 0, 0, 0, 16]) + bytes([1, 0, 0x80]) + bytes(16)))
    # TDS prelogin and its answer: version and encryption options.
    prelogin = lambda kind, encryption: bytes([kind, 1, 0, 26, 0, 0, 1, 0, 0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xFF, 15, 0, 7, 0xD0, 0, 0, encryption])
    tds = talk((0, prelogin(18, 0)), (1, prelogin(4, 2)))
    # TNS connect and accept.
    tns = talk((0, bytes([0, 58, 0, 0, 1, 0, 0, 0]) + bytes(50)), (1, bytes([0, 32, 0, 0, 2, 0, 0, 0]) + bytes(24)))
    # Elasticsearch transport: ES, length, request id, status, version.
    elastic = talk((0, b"ES" + struct.pack(">IQBI", 14, 1, 0, 7000099) + b"x"), (1, b"ES" + struct.pack(">IQBI", 14, 1, 1, 7000099) + b"x"))
    # LDAP: a simple bind and its result, a search and its entry.
    ldap = talk((0, bytes.fromhex("300c020101600702010304008000")), (1, bytes.fromhex("300c02010161070a010004000400")), (0, bytes.fromhex("300d02010263080400" "0a01020a0100")), (1, bytes.fromhex("3009020102640404003000")))
    return {
        "ber": datagrams("discovery-dhcp-mdns-lldp-snmp", 161), "ldap": [ldap],
        "certificate": tls, "tls": tls, "ssl2": [ssl2], "dicom": dicom, "dicom_items": dicom, "dimse": dicom,
        "mllp": talks("hl7-oru-inside", 2575) + talks("hl7-adt-outside", 6661), "http": http,
        "mysql": talks("db-mariadb-open", 3306), "postgresql": talks("db-postgres-open", 5432) + talks("db-postgres-tls", 5432),
        "redis": talks("db-redis-open", 6379), "mongodb": talks("db-mongodb-open", 27017),
        "memcached": talks("mqtt-memcached-inside-closed-ports-outside", 11211), "mqtt": talks("mqtt-memcached-inside-closed-ports-outside", 1883),
        "rdp": talks("rdp-legacy-security", 3389), "vnc": talks("vnc-open", 5900), "ssh": talks("ssh-outside", 22),
        "smb": smb, "smb1": smb, "smb2": smb, "ntlm": smb, "text": text, "tds": [tds], "tns": [tns], "elasticsearch": [elastic],
        "dhcp": datagrams("discovery-dhcp-mdns-lldp-snmp", 67), "dns": datagrams("discovery-dhcp-mdns-lldp-snmp", 53) + datagrams("discovery-dhcp-mdns-lldp-snmp", 5353),
        "snmp": datagrams("discovery-dhcp-mdns-lldp-snmp", 161), "netbios": datagrams("smb-v1-legacy", 137) + datagrams("old-windows-hints", 138),
        "dot11": dot11, "dot11_elements": dot11, "ports": clear, "radiotap": list(frames("wifi-beacons-radiotap")),
        "hostapd": [HOSTAPD], "nl80211": attributes, "netlink": datagrams_of_kernel,
        "ja4": talks("remote-support", 443) + tls,
        "drda": talks("databases-inside", 1527) + talks("databases-inside", 50000), "firebird": talks("databases-inside", 3050),
        "mysql_x": talks("databases-inside", 33060),
        "dcerpc": talks("domain-controller", 135) + talks("domain-controller", 49153),
        "kerberos": talks("kerberos-logins", 88),
        "onc_rpc": talks("nfs-to-others", 2049) + talks("nfs-to-others", 111),
        "printing": talks("printers-for-all", 9100) + talks("printers-for-all", 9101),
        "quic": datagrams("quic-inside-tls", 443) + datagrams("quic-inside-tls", 8443),
        "tftp": datagrams("tftp-files", 69),
        "coap": datagrams("building-modbus-s7-coap", 5683), "modbus": talks("building-modbus-s7-coap", 502), "sqlr": datagrams("db-mssql-browser", 1434),
        "tsap": talks("building-modbus-s7-coap", 102) + [
            talk((0, bytes.fromhex("03000016" "11e00000000100" "c0010a" "c1020100" "c2020102")), (1, bytes.fromhex("0300000b" "06800001000002"))),  # refused
            talk((0, bytes.fromhex("0300001f" "02f080" "32010000000500" "0e0000" "0401120a10020004000184000000")), (1, bytes.fromhex("0300001d" "02f080" "3203000000050002" "00080000" "0401" "ff04002001020304"))),
        ],
        # What a board asks for, an open session response, a session without a code, what is encrypted in one.
        "ipmi": [d for d in datagrams("boards-ipmi", 623) if len(d) in (30, 52, 24, 64)], "iscsi": talks("disks-iscsi", 3260),
        "rcmd": [few(talks("screens-and-shells", port))[0] for port in (512, 513, 514)],
        "x11": talks("screens-and-shells", 6000) + talks("screens-and-shells", 6001),
        "hpack": talks("http2-open", 80) + talks("http2-open", 8080), "http2": talks("http2-open", 80) + talks("http2-open", 8080),
        "bacnet": [
            bytes.fromhex("810b0018" "0120ffff00ff" "1000" "c40200006c" "2204009100" "2118"),  # I-Am
            bytes.fromhex("810a0011" "0104" "0275070c" "0c00000005" "194d"),  # ReadProperty
            bytes.fromhex("810400120a00" "0001bac0" "01080005" "0103" "1008"),  # forwarded Who-Is
            bytes.fromhex("810b0009" "0180" "010005"),  # I-Am-Router-To-Network
        ],
        "cdp": [f for f in frames("discovery-dhcp-mdns-lldp-snmp") if f[:6] == bytes.fromhex("01000ccccccc")],
        "lldp": [f for f in frames("discovery-dhcp-mdns-lldp-snmp") if f[12:14] == b"\x88\xcc"],
        "heads": [
            talk((0, b"DESCRIBE rtsp://192.168.20.61/live RTSP/1.0\r\nCSeq: 2\r\n\r\n"), (1, b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nServer: GStreamer RTSP server\r\nContent-Type: application/sdp\r\nContent-Length: 21\r\n\r\nm=video 0 RTP/AVP 96\n"), (1, b"$\0\0\x04abcd")),
            talk((0, b"REGISTER sip:192.168.20.5 SIP/2.0\r\nCSeq: 1 REGISTER\r\nUser-Agent: snom370/8\r\nContent-Length: 0\r\n\r\n"), (1, b"SIP/2.0 200 OK\r\nCSeq: 1 REGISTER\r\nl: 0\r\n\r\n")),
            b"SIP/2.0 401 Unauthorized\r\nCSeq: 1 REGISTER\r\nServer: kamailio (5.6.3 (x86_64/linux))\r\nContent-Length: 0\r\n\r\n",
        ],
        "astm": [
            talk((0, b"\x05"), (1, b"\x06"), (0, b"\x021H|\\^&|||LAB|||||||P|1\r\x03D4\r\n"), (1, b"\x06"), (0, b"\x022P|1\rO|1\rR|1|^^^GLU|5.\x17A1\r\n"), (1, b"\x06"), (0, b"\x0237\rL|1|N\r\x03B2\r\n\x04"), (1, b"\x15")),
            talk((1, b"H|\\^&|||\rP|1\rR|1\rL|1\r")),
        ],
        "poct1a": [
            talk((0, b'<?xml version="1.0"?>\n<!DOCTYPE HEL.R01>\n<HEL.R01><HDR/></HEL.R01>'), (1, b"<ACK.R01><ACK/></ACK.R01>"), (0, b"<OBS.R01><SVC/></OBS.R01>"), (1, b"<ACK.R01></ACK.R01><END.R01/>")),
        ],
        "netbeui": netbeui(),
        "natpmp": [
            bytes.fromhex("0000"), bytes.fromhex("008200000000010015b315b300000e10"),  # outside address?; a port of TCP is granted
            bytes.fromhex("02010000" "00000e10") + bytes(10) + b"\xff\xff\xc0\xa8\x14\x1e" + bytes(12) + bytes.fromhex("060000001f901f90") + bytes(16),  # MAP
            bytes.fromhex("02810000" "00000e10" "00000100") + bytes(24) + bytes.fromhex("060000001f901f90") + bytes(10) + bytes.fromhex("ffffcb007102") + bytes(4),
        ],
        "ndp": [ipv6(58, bytes.fromhex("86000000" "40000708" + "00" * 8 + "0101001e00000001" "0501000000000" "5dc" "030440c0" "00000e00" "00000e00" "00000000" "20010db8002000000000000000000000"))],
        "dhcp6": [
            bytes.fromhex("01010203" "0001000a00030001001e00000001" "0010000e" "0000013700084d53465420352e30"),  # solicit, MSFT 5.0
            bytes.fromhex("07010203" "0001000a00030001001e00000001" "00190029" + "00" * 12 + "001a0019" "00000e00" "00000e00" "38" "20010db8007700000000000000000000"),
        ],
        "tunnel": tunnels(),
        "internet": [f[14:] for n in ("ipv6-exposed", "hl7-oru-inside") for f in list(frames(n))[:6]],
        "layers": ethernet, "reader": cooked, "syn": [f[14:] for f in frames("os-syn-signatures")],
    }


def number(octets, at):
    """A number of postcard and where it ends."""
    value = shift = 0
    while True:
        value, shift, at = value | (octets[at] & 127) << shift, shift + 7, at + 1
        if octets[at - 1] < 128:
            return value, at


def payload(report):
    """What tests/papers.rs reads: kind, schema, codec, octets when unpacked, and the payload as it is packed."""
    length = struct.unpack(">H", report[6:8])[0]
    header, at = report[8 : 8 + length], 32
    for skip in (0, 0, 0, 32 + 8, 0, 0):  # key_no, epoch, seq, (prev, boot) mono, wall, clock
        at = number(header, at + skip)[1]
    kind, at = number(header, at)
    schema, at = number(header, at)
    codec, at = number(header, at)
    plain, at = number(header, at)
    return struct.pack("<BBBI", kind, schema & 255, codec, plain) + report[12 + length : -64]


def papers():
    """Seeds of the paper: the golden octets of report/FORMAT.md."""
    golden = {p.stem: p.read_bytes() for p in sorted(CAPTURES.glob("*.bin"))}
    reports = [o for n, o in golden.items() if n.startswith("report-")]
    listed = lambda octets: (bytes([len(octets)]) if len(octets) < 128 else bytes([len(octets) & 127 | 128, len(octets) >> 7])) + octets
    trust = golden["trust-2"]
    hello = bytes(5) + bytes(32) + listed(b"0" * 200) + bytes(32) + bytes([1, 5]) + b"0.1.0" + bytes([1]) + bytes(32) + bytes([3])
    pinned = bytes(16) + listed(trust)
    offer = bytes(32) + listed(pinned) + bytes(64)
    note = re.search(rb"[a-z.]+/ledger/[0-9a-f]+/\d+\n.*?\n\n(?:\xe2\x80\x94 [^\n]+\n)+", golden["receipt-1"], re.S).group()
    return {
        "batch": [b"".join(struct.pack(">I", len(o)) + o for o in some) for some in (reports[:1], reports[:3], reports)],
        "enrol": [bytes([0]) + hello, bytes([1]) + offer, bytes([2]) + bytes(5 + 64 + 32), bytes([3]) + b"14RTB-M9DNJ-WKEHX-3QPAC-0Z7VY-F8SG2-T5B1D", bytes([4]) + pinned],
        "frame": reports, "heartbeat": [golden["heartbeat-1"], golden["heartbeat-2"]], "note": [note], "payload": [payload(o) for o in reports],
        "receipt": [golden["receipt-1"]], "renewal": [golden["renewal-1"], golden["grant-1"]],
        "tile": [golden["ledger-tile"], golden["ledger-entries"], b"tile/entries/x001/234.p/5", b"tile/1/000.p/17"], "trust": [trust],
    }


WIRE, PAPER = seeds(), papers()
for name, found in (WIRE | PAPER).items():
    folder = HERE / "corpus" / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("seed-*"):
        old.unlink()
    chosen = few(found, 4 if name in WIRE else 10)
    assert chosen, name
    for number, seed in enumerate(chosen):
        (folder / f"seed-{number}").write_bytes(seed[: MOST + 100])
    target = HERE / "targets" / f"{name}.rs"
    what, room = (f"`agent/src/wire/{name}.rs`", "entrances") if name in WIRE else ("a paper of `report/FORMAT.md`", "papers")
    target.write_text(
        f"//! Strange octets for {what}, through the entrance that `tests/{room}.rs` gives it.\n"
        "#![no_main]\n\n"
        f'libfuzzer_sys::fuzz_target!(|octets: &[u8]| auscult_fuzz::{room}::at("{name}", octets));\n'
    )

names = sorted(WIRE | PAPER)
(HERE / "Cargo.toml").write_text(
    "# Fuzz targets, one a file of agent/src/wire and one a paper of report/FORMAT.md; written by corpus.py. Run one: cargo fuzz run --fuzz-dir tests/fuzz dicom\n"
    "# (cargo-fuzz needs a nightly compiler), all of them: tests/fuzz/run.py. The corpus is replayed by an ordinary test too: tests/hostile.rs.\n"
    '[package]\nname = "auscult-fuzz"\nversion = "0.0.0"\nedition = "2024"\npublish = false\n\n[package.metadata]\ncargo-fuzz = true\n\n'
    '[lib]\npath = "lib.rs"\ntest = false\ndoctest = false\n\n[[example]]\nname = "fuzzed"\npath = "fuzzed.rs"\n\n'
    '[dependencies]\nlibfuzzer-sys = "0.4.13"\nauscult-agent = { path = "../../agent" }\nauscult-report = { path = "../../report" }\n'
    'postcard = { version = "1", default-features = false, features = ["alloc"] }\n'
    'rustix = { version = "1", default-features = false, features = ["std", "time"] }\nzeroize = "1"\n\n[workspace]\n'
    + "".join(f'\n[[bin]]\nname = "{n}"\npath = "targets/{n}.rs"\ntest = false\ndoc = false\nbench = false\n' for n in names)
)
