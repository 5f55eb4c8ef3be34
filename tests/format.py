#!/usr/bin/env python3
"""A second reader of reports, written from report/FORMAT.md alone, with nothing but the standard library.

Reads the golden octets in tests/captures, checks signatures, chain, tree, notes and proofs, and says what it checked.
Exit code 0 only if all of it holds and every file says what its `.txt` says.
"""
import base64
import hashlib
import pathlib
import re
import sys
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests/captures"
FORMAT = (ROOT / "report/FORMAT.md").read_text()


class Refused(Exception):
    """The step that failed."""


def need(holds, step):
    if not holds:
        raise Refused(step)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def context(name):
    return b"auscult.dev/%s/v1\0" % name.encode()


# ---- Ed25519 (RFC 8032 5.1), the strict rule of section 1

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
NEUTRAL = (0, 1, 1, 0)


def add(a, b):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    e, f = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    g, h = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(n, point):
    sum_ = NEUTRAL
    while n:
        if n & 1:
            sum_ = add(sum_, point)
        point, n = add(point, point), n >> 1
    return sum_


def same(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def point(octets):
    number = int.from_bytes(octets, "little")
    y, sign = number & (1 << 255) - 1, number >> 255
    need(y < P, "a point that is none")
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    need((x * x - square) % P == 0 and not (x == 0 and sign), "a point that is none")
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def verifies(key, message, signature):
    try:
        a, r, s = point(key), point(signature[:32]), int.from_bytes(signature[32:], "little")
        need(len(signature) == 64 and s < ORDER, "S")
        need(not same(times(8, a), NEUTRAL) and not same(times(8, r), NEUTRAL), "small order")
    except Refused:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    return same(times(s, BASE), add(r, times(k, a)))


def public_key(seed):
    half = bytearray(hashlib.sha512(seed).digest()[:32])
    half[0] &= 248
    half[31] = half[31] & 127 | 64
    x, y, z, _ = times(int.from_bytes(half, "little"), BASE)
    inverse = pow(z, P - 2, P)
    return (y * inverse % P | (x * inverse % P & 1) << 255).to_bytes(32, "little")


# ---- bodies (section 1), read by the types of sections 11, 13 and 16

def block(name):
    return re.search(r"```%s\n(.*?)```" % name, FORMAT, re.S).group(1)


TYPES = dict(line.split(" = ", 1) for line in block("types").strip().splitlines())
WORDS = {
    name: [pair.split(" ")[1].split("=")[0] for pair in rest.split(", ")]
    for name, rest in (line.split(": ", 1) for line in block("words").strip().splitlines())
}
FACTS = re.findall(r"^\| \d+ \| (\w+)(?:\((\w+)\))? \|", FORMAT.split("## 13. ")[1], re.M)
PRODUCTS = block("products").strip().splitlines()
VERSION_WORDS = set(block("version-words").split())
SUBJECTS = [("Sensor", []), ("Site", []), ("Host", ["HostId"]), ("Service", ["HostId", "Transport", "u16"]),
            ("Wireless", ["Bssid"])]


class Struct(dict):
    """A struct with its name: shown as the golden texts show it."""

    def __init__(self, name, fields):
        super().__init__(fields)
        self.name = name

    def __str__(self):
        return f"{self.name} {{ " + ", ".join(f"{k}: {shown(v)}" for k, v in self.items()) + " }"


class Word(str):
    """Something that is shown as it is."""


def shown(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (bytes, list)):
        return "[" + ", ".join(shown(v) for v in value) + "]"
    return str(value)


class Some:
    def __init__(self, value):
        self.value = value

    def __str__(self):
        return f"Some({shown(self.value)})"


class Body:
    """A cursor over a body."""

    def __init__(self, octets):
        self.octets, self.at = octets, 0

    def take(self, n):
        need(self.at + n <= len(self.octets), "a body that ends too early")
        self.at += n
        return self.octets[self.at - n:self.at]

    def number(self, bits):
        value = 0
        for shift in range(0, bits, 7):
            octet = self.take(1)[0]
            value |= (octet & 127) << shift
            if octet < 128:
                need(value < 1 << bits, "a number of too many bits")
                return value
        raise Refused("a number of too many octets")

    def read(self, kind):
        if match := re.fullmatch(r"u(8|16|32|64)", kind):
            return self.take(1)[0] if kind == "u8" else self.number(int(match.group(1)))
        if kind == "bool":
            return [False, True][self.pick(self.take(1)[0], 2)]
        if kind == "hash":
            return self.take(32)
        if match := re.fullmatch(r"\[u8; (\d+)\]", kind):
            return self.take(int(match.group(1)))
        if match := re.fullmatch(r"option\((.*)\)", kind):
            return Some(self.read(match.group(1))) if self.pick(self.take(1)[0], 2) else Word("None")
        if match := re.fullmatch(r"list\((.*), (\d+)\)", kind):
            count = self.number(64)
            need(count <= int(match.group(2)), "a list beyond its bound")
            return [self.read(match.group(1)) for _ in range(count)]
        return self.named(kind)

    def pick(self, number, count):
        need(number < count, "a variant that is not known")
        return number

    def named(self, kind):
        if kind in WORDS:
            return Word(WORDS[kind][self.pick(self.number(32), len(WORDS[kind]))])
        if kind == "Fact":
            name, inner = FACTS[self.pick(self.number(32), len(FACTS))]
            return Word(f"{name}({shown(self.read(fact_type(inner)))})" if inner else name)
        if kind == "Subject":
            name, inner = SUBJECTS[self.pick(self.number(32), len(SUBJECTS))]
            return Word(f"{name}({', '.join(shown(self.read(k)) for k in inner)})" if inner else name)
        if kind == "address":
            return Word(address(self.take(4 if self.pick(self.number(32), 2) == 0 else 16)))
        if kind == "version":
            return version(bytes(self.read("list(u8, 31)")))
        form = TYPES[kind]
        if form == "id":
            return Word(f"{kind}({self.take(16).hex()})")
        if form.startswith("tuple "):
            value = self.read(form[6:])
            need(kind != "Product" or value < len(PRODUCTS), "a product that is not in the list")
            return Word(f"{kind}({shown(value)})")
        fields = re.findall(r"(\w+) ((?:[^,(\[]|\([^()]*(?:\([^()]*\)[^()]*)*\)|\[[^\]]*\])+)", form)
        return Struct(kind, [(name, self.read(of)) for name, of in fields])


def fact_type(inner):
    return "version" if inner == "Version" else inner


def whole(kind, octets):
    body = Body(octets)
    value = body.read(kind)
    need(body.at == len(octets), "something is left over")
    return value


def address(octets):
    import ipaddress
    return str(ipaddress.ip_address(octets))


def version(octets):
    text = octets.decode("ascii", "replace")
    parts = re.findall(r"\d+|[A-Za-z]+|[.+~_:]|-|.", text, re.S)
    need(0 < len(octets) <= 31 and any(p.isdigit() for p in parts), "a version outside its grammar")
    ends, digits, word = False, False, True
    for part in parts:
        good = len(part) <= 6 if part.isdigit() else part.lower() in VERSION_WORDS if part.isalpha() else part in ".+~_:-"
        need(good, "a version outside its grammar")
        digits, word = digits or part.isdigit(), part.isalpha() or (word and part != "-")
        ends = part.isalnum() and digits and word
    groups = [int(g) for g in re.findall(r"\d+", text)][:3]
    year = [1880 <= g <= 2100 for g in groups]
    small = [g <= 31 for g in groups]
    date = len(groups) == 3 and (year[0] and small[1] and small[2] or year[2] and small[0] and small[1])
    need(ends and not date, "a version outside its grammar")
    return Word(text)


# ---- reports (sections 2 to 4) and heartbeats (section 6)

def open_report(octets, key):
    """Header, payload or None, hash."""
    need(octets[:4] == b"AUSR" and octets[4:6] == b"\1\1", "frame")
    n = int.from_bytes(octets[6:8], "big")
    m = int.from_bytes(octets[8 + n:12 + n], "big")
    need(n <= 512 and m <= 262_144 and len(octets) == 12 + n + m + 64, "frame")
    header, payload = whole("Header", octets[8:8 + n]), octets[12 + n:-64]
    length = header["plain_octets"]
    need(length <= 1_048_576 and (header["codec"] != "Plain" or length == m), "plain length")
    if header["key_no"] == 0:
        need(header["sensor"] == f"SensorId({sha256(context('sensor-id'), key)[:16].hex()})", "sensor id")
    need(verifies(key, context("report") + octets[:-64], octets[-64:]), "signature")
    if header["codec"] == "Deflate":
        stream = zlib.decompressobj(-15)
        payload = stream.decompress(payload, length + 1)
        need(stream.eof and not stream.unused_data and len(payload) == length, "inflate")
    try:
        content = whole(header["kind"], payload) if header["schema"] == 1 else None
    except Refused:
        content = None
    return header, content, sha256(octets)


def follows(head, header, content, hash_):
    """The next head: (place, hash, key_no, key). `head` is None before the first."""
    place = (header["place"]["epoch"], header["place"]["seq"])
    if head is None:
        need(place == (0, 0) and header["kind"] == "EpochStart" and header["prev"] == bytes(32), "chain: begin")
        return place, hash_, 0, None
    (epoch, seq), before, key_no, key = head
    need(place == (epoch, seq + 1), "chain: place")
    need(header["prev"] == before, "chain: prev")
    need(header["key_no"] == key_no, "chain: key")
    return place, hash_, key_no, key


def taken_over(header, content, old):
    """The new key, if it signed that it takes over."""
    new, proof = tuple_octets(content["new_key"]), tuple_octets(content["proof"])
    place = header["place"]["epoch"].to_bytes(4, "big") + header["place"]["seq"].to_bytes(8, "big")
    sensor = bytes.fromhex(header["sensor"][len("SensorId("):-1])
    need(verifies(new, context("key-rotation") + old + new + sensor + place, proof), "chain: rotation")
    return new


def tuple_octets(word):
    return bytes(int(n) for n in re.findall(r"\d+", word.split("(", 1)[1]))


def open_signed(kind, magic, most, name, octets, key):
    n = int.from_bytes(octets[6:8], "big")
    need(octets[:6] == magic + b"\1\1" and n <= most and len(octets) == 8 + n + 64, f"{name}: form")
    need(verifies(key, context(name) + octets[:-64], octets[-64:]), f"{name}: signature")
    return whole(kind, octets[8:-64])


def open_heartbeat(octets, key):
    return open_signed("Heartbeat", b"AUSA", 1024, "heartbeat", octets, key)


# ---- ledger, checkpoints, receipts (sections 7 to 9)

def root(leaves):
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1", root(leaves[:k]), root(leaves[k:]))


def root_from(leaf, index, size, proof):
    """The root that an inclusion proof leads to, by the recursion of RFC 9162 2.1.3.1."""
    if size == 1:
        need(not proof, "inclusion: length")
        return leaf
    need(proof, "inclusion: length")
    k = 1 << (size - 1).bit_length() - 1
    if index < k:
        return sha256(b"\1", root_from(leaf, index, k, proof[:-1]), proof[-1])
    return sha256(b"\1", proof[-1], root_from(leaf, index - k, size - k, proof[:-1]))


def roots_from(old, size, proof, whole_old):
    """Old and new root that a consistency proof leads to, by the recursion of RFC 9162 2.1.4.1."""
    if old == size:
        if whole_old is not None:
            need(not proof, "consistency: length")
            return whole_old, whole_old
        need(len(proof) == 1, "consistency: length")
        return proof[0], proof[0]
    need(proof, "consistency: length")
    k = 1 << (size - 1).bit_length() - 1
    if old <= k:
        a, b = roots_from(old, k, proof[:-1], whole_old)
        return a, sha256(b"\1", b, proof[-1])
    a, b = roots_from(old - k, size - k, proof[:-1], None)
    return sha256(b"\1", proof[-1], a), sha256(b"\1", proof[-1], b)


def open_note(note, keys):
    """The text, if each of `keys` (name, kind, public key) signed it."""
    text, lines = note.decode().rsplit("\n\n", 1)
    text += "\n"
    for name, kind, key in keys:
        key_id = sha256(name.encode(), b"\n", bytes([kind]), key)[:4]
        found = False
        for line in lines.splitlines():
            dash, of, coded = line.split(" ")
            octets = base64.b64decode(coded, validate=True)
            if dash == "—" and of == name and octets[:4] == key_id:
                message, signature = text.encode(), octets[4:]
                if kind == 4:
                    message = b"cosignature/v1\ntime %d\n" % int.from_bytes(signature[:8], "big") + message
                    signature = signature[8:]
                need(verifies(key, message, signature), f"note: signature of {name}")
                found = True
        need(found, f"note: not signed by {name}")
    return text


def check_receipt(receipt, seen_leaves, leaves, sensor, own, keeper, witness):
    proven = receipt["proven"].value
    note = bytes(proven["note"])
    origin = note.decode().split("\n")[0]
    lines = open_note(note, [(origin, 1, keeper), ("anna.example", 4, witness)]).split("\n")
    size, tree = int(lines[1]), base64.b64decode(lines[2], validate=True)
    need(size == len(leaves) and tree == root(leaves), "checkpoint: not the root of the tile")
    seen = root(leaves[:seen_leaves])
    need(roots_from(seen_leaves, size, proven["consistency"], seen) == (seen, tree), "consistency")
    inclusion = proven["inclusion"].value
    place = (inclusion["place"]["epoch"], inclusion["place"]["seq"])
    received = int(re.search(r"\d+", inclusion["received"]).group())
    leaf = (context("leaf") + b"\1" + sensor + place[0].to_bytes(4, "big") + place[1].to_bytes(8, "big")
            + received.to_bytes(8, "big") + own[place])
    need(len(leaf) == 89, "leaf")
    need(root_from(sha256(b"\0", leaf), inclusion["index"], size, inclusion["proof"]) == tree, "inclusion")


# ---- what is checked

def golden(name):
    return (GOLDEN / f"{name}.bin").read_bytes()


def says(name, *lines):
    expected = (GOLDEN / f"{name}.txt").read_text().splitlines()
    for n, (is_, wanted) in enumerate(zip(lines, expected)):
        if is_ != wanted:
            at = next((i for i, (a, b) in enumerate(zip(is_, wanted)) if a != b), min(len(is_), len(wanted)))
            raise Refused(f"{name}.txt line {n + 1}: here {is_[at - 40:at + 40]!r}, there {wanted[at - 40:at + 40]!r}")
    need(len(lines) == len(expected), f"{name}.txt")
    print(f"{name}: says what its text says")


def content_text(header, content):
    return "Opaque" if content is None else f"{header['kind']}({content})"


def check_chain(first):
    names = sorted(p.stem for p in GOLDEN.glob("report-[0-9]*.bin"))
    head, own, key = None, {}, first
    opened = []
    for name in names:
        header, content, hash_ = open_report(golden(name), key)
        says(name, str(header), content_text(header, content))
        if header["kind"] == "KeyRotation":
            key = taken_over(header, content, key)
        opened.append((header, content, hash_))
    bridge = next(c for _, c, _ in opened if c.name == "Gap")
    for header, content, hash_ in opened:
        place = (header["place"]["epoch"], header["place"]["seq"])
        if head and head[0] == (bridge["epoch"], bridge["from"] - 1):
            head = ((bridge["epoch"], bridge["to"]), bridge["last"], *head[2:])
        head = follows(head, header, content, hash_)
        if header["kind"] == "KeyRotation":
            head = (*head[:2], head[2] + 1, None)
        own[place] = hash_
    print(f"chain: {len(names)} reports follow each other, across a gap and a change of keys")
    return own


EXTRAS = {1: "Health", 3: "Coverage", 4: "Machine"}


def extras(body):
    """What stands in an `ext`, by its tags; one that is not understood says nothing."""
    found = {}
    for extra in body["ext"]:
        try:
            found.setdefault(extra["tag"], whole(EXTRAS.get(extra["tag"], "hash"), bytes(extra["octets"])))
        except Refused:
            pass
    return found


def check_extras(first):
    coverage, machine = whole("Coverage", golden("coverage-1")), whole("Machine", golden("machine-1"))
    says("coverage-1", str(coverage))
    says("machine-1", str(machine))
    header, content, _ = open_report(golden("report-covered"), first)
    says("report-covered", str(header), content_text(header, content))
    need(shown(extras(content).get(3)) == shown(coverage), "report-covered: its extra is not the golden one")
    beat = open_heartbeat(golden("heartbeat-2"), first)
    says("heartbeat-2", str(beat))
    told = extras(beat)
    need(shown(told.get(4)) == shown(machine) and len(told[3]["ears"]) == 2, "heartbeat-2: its extras are not the golden ones")
    octets = golden("coverage-1")
    for broken in (octets[:-1], octets + b"\0"):
        need(not extras({"ext": [{"tag": 3, "octets": broken}]}), "an extra that is none is believed")
    print("extras: coverage and machine are read wherever they stand")


def check_refusals(first):
    octets = golden("report-0-epoch-start")
    for at in range(len(octets)):
        changed = bytearray(octets)
        changed[at] ^= 1
        try:
            open_report(bytes(changed), first)
        except Refused:
            continue
        raise Refused(f"octet {at} was changed and the report is accepted")
    print(f"report-0-epoch-start: each of {len(octets)} octets changed, each time refused")


def check_example():
    octets = bytes.fromhex("".join(line.split("  ")[0] for line in block("octets").splitlines()))
    need(octets == golden("report-0-epoch-start"), "the octets in FORMAT.md are not the file's")
    print("FORMAT.md: the octets in section 12 are the file's")


def main():
    first, keeper, witness = (public_key(bytes([n]) * 32) for n in (1, 3, 4))
    rfc = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    need(public_key(rfc).hex().startswith("d75a980182b10ab7"), "Ed25519 here is not that of RFC 8032")
    own = check_chain(first)
    header, content, _ = open_report(golden("report-later"), first)
    says("report-later", str(header), content_text(header, content))
    header, content, _ = open_report(golden("report-opaque"), first)
    says("report-opaque", str(header), content_text(header, content))
    says("heartbeat-1", str(open_heartbeat(golden("heartbeat-1"), first)))
    bundle = golden("trust-2")
    says("trust-2", str(open_signed("Trust", b"AUST", 12_000, "trust", bundle, public_key(b"\5" * 32))))
    says("renewal-1", str(open_signed("Renewal", b"AUSN", 2_200, "renew", golden("renewal-1"), first)))
    octets = golden("grant-1")
    need(octets[:5] == b"AUSG\1" and octets.endswith(bundle + b"\0"), "grant: form")
    says("grant-1", str(whole("Grant", octets[5:])))
    check_extras(first)
    check_refusals(first)
    check_example()

    entries, leaves = golden("ledger-entries"), []
    while entries:
        n = int.from_bytes(entries[:2], "big")
        leaves.append(sha256(b"\0", entries[2:2 + n]))
        entries = entries[2 + n:]
    need(b"".join(leaves) == golden("ledger-tile"), "the entries are not those of the tile")
    print(f"ledger: {len(leaves)} entries hash to their tile")

    octets = golden("receipt-1")
    need(octets[:5] == b"AUSK\1", "receipt: form")
    receipt = whole("Receipt", octets[5:])
    says("receipt-1", str(receipt))
    sensor = sha256(context("sensor-id"), first)[:16]
    check_receipt(receipt, 4, leaves, sensor, own, keeper, witness)
    print("receipt-1: note, cosignature, consistency and inclusion hold")


def run(program):
    """Its exit code 0 only if nothing was refused."""
    try:
        program()
    except Refused as step:
        sys.exit(f"refused: {step}")


if __name__ == "__main__":
    run(main)
