"""Packages of apk-tools 3 (OpenWrt 25): the ADB container, from doc/apk-v3(5) and doc/apk-package(5) of apk-tools.

A file is a header (`ADB.` and the schema `pckg`), then blocks: one of the data base, here none of signatures, one for each file
that is not empty. The data base is a heap of values; a value is 32 bits, 4 of kind and 28 that are the value itself or its place
in the heap. Numbers are little-endian; a value stands at a multiple of its size, a block is filled up to 8 octets.
Keeps: what a package of ours needs. Drops: links, devices, extended attributes, sizes of 256 MiB and more.
"""

import hashlib
import re
import struct
import zlib

FILE_LIMIT = 1 << 28  # a number that fits into its value; far beyond the flash of a router
VERSION = re.compile(r"[0-9]+(\.[0-9]+)*[a-z]?(_(alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*(~[0-9a-f]+)?(-r[0-9]+)?")
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._+-]*")

# Kinds of values.
INT, INT_32, BLOB_8, BLOB_16, BLOB_32, OBJECT = (k << 28 for k in (0x1, 0x2, 0x8, 0x9, 0xA, 0xE))
# Kinds of blocks.
DATA_BASE, DATA = 0, 2

# The fields of each object, by their number.
PACKAGE = ["info", "paths", "scripts"]
INFO = ["name", "version", "hashes", "description", "arch", "license", "origin", "maintainer", "url", "repo-commit", "build-time",
        "installed-size", "file-size", "provider-priority", "depends"]
DEPENDENCY = ["name"]
FOLDER = ["name", "acl", "files"]
FILE = ["name", "acl", "size", "mtime", "hash"]
ACL = ["mode", "user", "group"]
SCRIPTS = ["trigger", "pre-install", "post-install", "pre-deinstall", "post-deinstall", "pre-upgrade", "post-upgrade"]


class Heap:
    """The values of a data base. Equal ones are stored once."""

    def __init__(self):
        self.octets = bytearray(8)  # version 0, compatible with 0, then the root
        self.places = {}

    def put(self, octets, size, once=True):
        """Where the octets stand, at a multiple of `size`."""
        known = self.places.get((octets, size)) if once else None
        if known is not None:
            return known
        self.octets += bytes(-len(self.octets) % size)
        place = len(self.octets)
        self.octets += octets
        if once:
            self.places[octets, size] = place
        return place

    def number(self, number):
        if number >= FILE_LIMIT:
            return INT_32 | self.put(struct.pack("<I", number), 4)
        return INT | number

    def blob(self, octets, once=True):
        if not octets:
            return 0
        for kind, form, size in ((BLOB_8, "<B", 1), (BLOB_16, "<H", 2), (BLOB_32, "<I", 4)):
            if len(octets) < 1 << (8 * size):
                return kind | self.put(struct.pack(form, len(octets)) + octets, size, once)
        raise ValueError("a value of 4 GiB")

    def slots(self, kind, values):
        """An array or an object: its number of slots with this one, and the slots up to the last that is used."""
        while values and not values[-1]:
            values = values[:-1]
        if not values:
            return 0
        return kind | self.put(struct.pack(f"<{len(values) + 1}I", len(values) + 1, *values), 4)

    def object(self, fields, values):
        unknown = set(values) - set(fields)
        if unknown:
            raise ValueError(f"no such field: {unknown}")
        return self.slots(OBJECT, [values.get(field, 0) for field in fields])

    def array(self, values):
        # apk's own tool marks arrays as objects, too (readers take either): so ours are the same octet by octet.
        return self.slots(OBJECT, list(values))


def block(kind, octets):
    size = len(octets) + 4
    return struct.pack("<I", kind << 30 | size) + octets + bytes(-size % 8)


def tree(heap, files):
    """The folders with their files, and the blocks of those that are not empty, in the order of apk's own tool: sorted by octets."""

    def acl(mode):
        return heap.object(ACL, {"mode": heap.number(mode), "user": heap.blob(b"root"), "group": heap.blob(b"root")})

    folders = {""}
    for path in files:
        parts = path.split("/")[:-1]
        folders |= {"/".join(parts[: n + 1]) for n in range(len(parts))}
    paths, data = [], []
    for folder in sorted(folders, key=str.encode):
        listed = []
        for path in sorted((p for p in files if p.rpartition("/")[0] == folder), key=str.encode):
            octets, mode, mtime = files[path]
            values = {"name": heap.blob(path.rpartition("/")[2].encode()), "hash": heap.blob(hashlib.sha256(octets).digest())}
            values |= {"mtime": heap.number(mtime), "size": heap.number(len(octets)), "acl": acl(mode)}
            listed.append(heap.object(FILE, values))
            if octets:
                data.append(struct.pack("<II", len(paths) + 1, len(listed)) + octets)
        values = {"name": heap.blob(folder.encode()), "acl": acl(0o755), "files": heap.array(listed)}
        paths.append(heap.object(FOLDER, values))
    return paths, data


def package(info, files, scripts):
    """The octets of a package.

    `info`: name, version, arch, description and the like as text, depends as a list of names. `files`: path from the root ->
    (octets, mode, mtime in seconds since 1970). `scripts`: name of SCRIPTS -> text. Everything belongs to root.
    """
    if not NAME.fullmatch(info["name"]) or not VERSION.fullmatch(info["version"]):
        raise ValueError(f"apk has no such name or version: {info['name']} {info['version']}")
    heap = Heap()
    texts = {key: heap.blob(info[key].encode()) for key in INFO if key in info and key != "depends"}
    # Sorted, as apk looks them up.
    depends = {name: heap.object(DEPENDENCY, {"name": heap.blob(name.encode())}) for name in info.get("depends", [])}
    texts["depends"] = heap.array(depends[name] for name in sorted(depends))
    paths, data = tree(heap, files)
    texts["installed-size"] = heap.number(max(1, sum(len(octets) for octets, _, _ in files.values())))
    # Its own hash, filled in when all else stands.
    texts["hashes"] = heap.blob(bytes(20), once=False)
    unique = (texts["hashes"] & (FILE_LIMIT - 1)) + 1
    values = {"info": heap.object(INFO, texts), "paths": heap.array(paths)}
    values["scripts"] = heap.object(SCRIPTS, {name: heap.blob(scripts[name].encode()) for name in SCRIPTS if name in scripts})
    heap.octets[4:8] = struct.pack("<I", heap.object(PACKAGE, values))
    heap.octets[unique : unique + 20] = hashlib.sha256(heap.octets).digest()[:20]

    content = b"ADB.pckg" + block(DATA_BASE, bytes(heap.octets)) + b"".join(block(DATA, d) for d in data)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"ADBd" + deflate.compress(content) + deflate.flush()
