"""The packages, opened by other programs than made them (see tests/openwrt.py)."""

import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import zlib

from openwrt import BUSYBOX, DOUBLES, FILES, OURS, TESTS, Router, adb, package

ELF = {name: b"\x7fELF" + bytes([kind, order]) + bytes(12) + struct.pack("<H", machine) + bytes(40) for name, (kind, order, machine) in package.ARCHITECTURES.items()}


class Packages(Router):
    def pack(self, arch="mipsel_24kc", binary=None, out="dist", **env):
        self.put("binary", ELF[arch] if binary is None else binary)
        done = subprocess.run([sys.executable, "-B", OURS / "package", "--binary", self.root / "binary", "--arch", arch, "--out", self.root / out],
                              env=os.environ | {"SOURCE_DATE_EPOCH": "1790000000"} | env, capture_output=True, text=True)
        return done

    def ours(self, arch="mipsel_24kc"):
        return {name: mode for name, (_, mode) in package.content(ELF[arch]).items()}

    def unpack(self, archive, folder):
        (self.root / folder).mkdir()
        done = subprocess.run([BUSYBOX, "tar", "-xzpf", archive, "-C", self.root / folder], capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.root / folder

    def tree(self, folder):
        """Path -> mode of every file; every folder is 0755, nothing is anybody's to write."""
        found = {}
        for path in folder.rglob("*"):
            mode = path.stat().st_mode & 0o7777
            self.assertEqual(mode & 0o7022, 0, path)
            if path.is_dir():
                self.assertEqual(mode, 0o755, path)
            else:
                found[path.relative_to(folder).as_posix()] = mode
        return found

    def test_an_ipk_has_the_paths_and_modes_that_openwrt_expects(self):
        self.assertEqual(self.pack().returncode, 0)
        outer = self.unpack(next((self.root / "dist").glob("*.ipk")), "outer")
        self.assertEqual(sorted(p.name for p in outer.iterdir()), ["control.tar.gz", "data.tar.gz", "debian-binary"])
        self.assertEqual((outer / "debian-binary").read_text(), "2.0\n")
        data = self.tree(self.unpack(outer / "data.tar.gz", "data"))
        self.assertEqual(data, self.ours())
        executable = {"usr/sbin/auscult-agent", "usr/lib/auscult/agent-toml", "etc/init.d/auscult", "etc/uci-defaults/90-auscult"}
        self.assertEqual({name for name, mode in data.items() if mode & 0o111}, executable)
        self.assertEqual(data["etc/config/auscult"], 0o600)
        listed = subprocess.run([BUSYBOX, "tar", "-tzvf", outer / "data.tar.gz"], capture_output=True, text=True).stdout
        self.assertEqual(set(re.findall(r"^\S+ (\S+)", listed, re.M)), {"0/0"})
        control = self.unpack(outer / "control.tar.gz", "control")
        self.assertEqual(self.tree(control), {"control": 0o644, "conffiles": 0o644, "postinst": 0o755, "prerm": 0o755})
        fields = dict(line.split(": ", 1) for line in (control / "control").read_text().splitlines())
        self.assertEqual((fields["Package"], fields["Architecture"], fields["Require-User"]), ("auscult-agent", "mipsel_24kc", "auscult:auscult"))
        self.assertEqual(int(fields["Installed-Size"]), sum((self.root / "data" / name).stat().st_size for name in data))
        self.assertEqual((control / "conffiles").read_text(), "/etc/config/auscult\n")

    def test_the_same_input_gives_the_same_octets(self):
        first = self.pack()
        old = os.umask(0o077)
        try:
            second = self.pack(out="again", TZ="Asia/Tokyo", LC_ALL="C", HOME="/")
        finally:
            os.umask(old)
        self.assertEqual(first.stdout, second.stdout)
        self.assertEqual(len(first.stdout.split()), 4)
        for digest, name in zip(*[iter(first.stdout.split())] * 2):
            self.assertEqual(hashlib.sha256((self.root / "again" / name).read_bytes()).hexdigest(), digest)
        self.assertNotEqual(self.pack(SOURCE_DATE_EPOCH="1").stdout, first.stdout)
        outer = next((self.root / "again").glob("*.ipk"))
        inner = self.unpack(outer, "outer")
        for packed in (outer, inner / "control.tar.gz", inner / "data.tar.gz"):
            self.assertEqual(packed.read_bytes()[4:8], bytes(4), "the time of packing, which is the same only within a second")

    def test_a_binary_for_another_processor_is_refused(self):
        for arch in package.ARCHITECTURES:
            self.assertEqual(self.pack(arch).returncode, 0, arch)
        done = self.pack("aarch64_cortex-a53", ELF["mipsel_24kc"])
        self.assertEqual(done.returncode, 1)
        self.assertIn("is for machine", done.stderr)
        self.assertIn("no ELF", self.pack(binary=b"#!/bin/sh\n").stderr)

    def test_an_apk_is_octet_by_octet_what_apk_tools_makes(self):
        files = {
            "etc/config/golden": (b"config golden 'golden'\n", 0o600, 1790000000),
            "etc/empty": (b"", 0o644, 0),
            "usr/sbin/golden": (bytes(range(256)) * 300, 0o755, 5),
            "usr/sbin/same": (b"config golden 'golden'\n", 0o755, 1790000000),
        }
        info = {"name": "golden", "version": "1.2.3-r4", "description": "Golden. " * 40, "arch": "noarch", "license": "MIT", "origin": "golden",
                "maintainer": "Nobody", "depends": ["libc", "busybox"]}
        scripts = {"post-install": "#!/bin/sh\nexit 0\n", "pre-deinstall": "#!/bin/sh\n" + "# long\n" * 10000}
        made = adb.package(info, files, scripts)
        # Made by apk mkpkg of apk-tools 3.0.8 of the same names, files and scripts.
        golden = (DOUBLES / "golden.apk").read_bytes()
        self.assertEqual(zlib.decompress(made[4:], -15), zlib.decompress(golden[4:], -15))

    def test_an_apk_holds_what_the_ipk_holds_and_openwrts_lists(self):
        self.pack()
        found = read_apk(next((self.root / "dist").glob("*.apk")).read_bytes())
        lists = "lib/apk/packages/auscult-agent"
        expected = self.ours() | {f"{lists}{end}": 0o644 for end in (".list", ".conffiles", ".conffiles_static", ".rusers")}
        self.assertEqual({name: mode for name, (mode, _) in found["files"].items()}, expected)
        for name, (_, octets) in found["files"].items():
            if name.startswith("usr/sbin"):
                self.assertEqual(octets, ELF["mipsel_24kc"])
            elif not name.startswith("lib/apk"):
                self.assertEqual(octets, (FILES / name).read_bytes())
        self.assertEqual(found["files"][f"{lists}.list"][1].decode(), "".join(f"/{name}\n" for name in sorted(self.ours())))
        self.assertEqual(found["info"], ["auscult-agent", package.version(), "mipsel_24kc"])

    def test_names_and_versions_that_apk_does_not_take_are_refused(self):
        for name, version in (("a b", "1"), ("", "1"), ("a", "v1"), ("a", "1.0-dev"), ("a", "")):
            with self.assertRaises(ValueError):
                adb.package({"name": name, "version": version}, {}, {})
        self.assertTrue(adb.VERSION.fullmatch(package.version()))

    def test_the_feed_installs_the_same_files_as_the_packages(self):
        top = self.root / "top"
        (top / "feeds/packages/lang/rust").mkdir(parents=True)
        (top / "rules.mk").write_text("INCLUDE_DIR:=$(TOPDIR)\nINSTALL_DIR:=install -d -m0755\nINSTALL_BIN:=install -m0755\n"
                                      "INSTALL_DATA:=install -m0644\nINSTALL_CONF:=install -m0600\n")
        (top / "package.mk").write_text("PKG_INSTALL_DIR:=$(TOPDIR)/built\ndefine BuildPackage\n$(1):\n\tmkdir -p $(TOPDIR)/$(1)\n"
                                        "$(call Package/$(1)/install,$(TOPDIR)/$(1))\nendef\n")
        (top / "feeds/packages/lang/rust/rust-package.mk").write_text("RUST_ARCH_DEPENDS:=@(x86_64)\n")
        for name in ("auscult-agent", "auscult-inspect"):
            self.put(f"top/built/bin/{name}", b"")
        done = subprocess.run(["make", "-s", "-C", OURS, f"TOPDIR={top}", "auscult-agent", "auscult-inspect"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.tree(top / "auscult-agent"), self.ours())
        self.assertEqual(self.tree(top / "auscult-inspect"), {"usr/bin/auscult-inspect": 0o755})
        makefile = (OURS / "Makefile").read_text()
        self.assertIn(f"PKG_VERSION:={package.version().removesuffix('-r1')}\n", makefile)
        self.assertIn("\n".join(package.CONFFILES) + "\nendef", makefile)
        self.assertIn(f"USERID:={package.USER}\n", makefile)
        self.assertIn(f"PKG_LICENSE:={package.LICENSE}\n", makefile)
        bins = (TESTS.parent / "agent/Cargo.toml").read_text()
        for name in ("auscult-agent", "auscult-inspect"):
            self.assertIn(f'[[bin]]\nname = "{name}"', bins)

    def test_settings_keys_and_reports_outlive_an_upgrade(self):
        kept = (FILES / "lib/upgrade/keep.d/auscult").read_text().split()
        state = re.search(r"option state '(.*)'", (FILES / "etc/config/auscult").read_text()).group(1)
        self.assertTrue(any(state.startswith(k) for k in kept))
        self.assertFalse(state.startswith(("/tmp", "/var")), "RAM")

    def test_one_right_is_asked_for_and_the_one_to_lay_down_the_rest(self):
        sets = json.loads((FILES / "etc/capabilities/auscult.json").read_text())
        self.assertEqual(set(sets), {"bounding", "effective", "ambient", "permitted", "inheritable"})
        self.assertEqual({tuple(v) for v in sets.values()}, {("CAP_NET_RAW", "CAP_SETPCAP")})


def read_apk(octets):
    """An independent reader of apk-v3(5): blocks, values by their kind, each file's hash and place."""
    assert octets[:4] == b"ADBd"
    text = zlib.decompress(octets[4:], -15)
    assert text[:8] == b"ADB.pckg"
    blocks, at = [], 8
    while at < len(text):
        head = struct.unpack_from("<I", text, at)[0]
        size = head & 0x3FFFFFFF
        blocks.append((head >> 30, text[at + 4 : at + size]))
        assert not any(text[at + size : at + size + -size % 8])
        at += size + -size % 8
    assert at == len(text) and [b[0] for b in blocks] == [0] + [2] * (len(blocks) - 1)
    heap = blocks[0][1]

    def value(word):
        kind, place = word >> 28, word & 0xFFFFFFF
        if kind == 1:
            return place
        if kind == 2:
            return struct.unpack_from("<I", heap, place)[0]
        if kind in (8, 9, 10):
            form = {8: "<B", 9: "<H", 10: "<I"}[kind]
            length = struct.unpack_from(form, heap, place)[0]
            begin = place + struct.calcsize(form)
            return heap[begin : begin + length]
        if kind in (13, 14):
            count = struct.unpack_from("<I", heap, place)[0]
            return [None] + [value(w) for w in struct.unpack_from(f"<{count - 1}I", heap, place + 4)]
        assert word == 0, hex(word)
        return None

    root = value(struct.unpack_from("<I", heap, 4)[0])
    found, data = {}, iter(blocks[1:])
    for number, folder in enumerate(root[2][1:], 1):
        for index, file in enumerate((folder[3] if len(folder) > 3 else [None])[1:], 1):
            content = b""
            if file[3]:
                block = next(data)[1]
                assert struct.unpack_from("<II", block) == (number, index)
                content = block[8:]
            assert len(content) == file[3] and hashlib.sha256(content).digest() == file[5]
            name = "/".join(p for p in ((folder[1] or b"").decode(), file[1].decode()) if p)
            assert file[2][2:] == [b"root", b"root"]
            found[name] = (file[2][1], content)
    assert next(data, None) is None
    # The package's own hash is made with zeroes in its place.
    own = root[1][3]
    assert hashlib.sha256(heap.replace(own, bytes(20), 1)).digest()[:20] == own
    return {"files": found, "info": [root[1][i].decode() for i in (1, 2, 5)]}
