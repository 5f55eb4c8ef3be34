#!/usr/bin/env python3
"""A release, made twice of programs that are built already, and looked into: `tests/release.py aarch64 armv7 mipsel`.

Counts as failure: two makings that differ in an octet; a sum that is missing or wrong; a package with another program than was built,
or for a router that nobody serves; what it is made of (CycloneDX 1.5) without a field that the standard demands, or with a part that
nobody uses; a place of this machine in any of it. Keeps: what the person who publishes would look at. Drops: the collector, which is
not built in the gate, and whether a compiler gives the same octets twice (firmware-configs/README.md says when that was tried).
Needs dpkg-deb, pip and the tools of firmware-configs/release.
"""

import ast
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILT = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
TARGETS = sys.argv[1:]
CYCLONEDX = "11.12.0"
# Debian's architectures, of those that get a package.
DEBIAN = {"aarch64": "arm64", "armv7": "armhf", "x86_64": "amd64"}


def run(*words, **more):
    return subprocess.run([str(w) for w in words], cwd=ROOT, check=True, capture_output=True, text=True, **more).stdout


def triple(target):
    return run("firmware-configs/toolchain", "--triple", target).strip()


def program(target, name="auscult-agent"):
    return (BUILT / triple(target) / "release-agent" / name).read_bytes()


def sha(octets):
    return hashlib.sha256(octets).hexdigest()


def unpacked(octets):
    """Name -> octets of the files in a tar."""
    with tarfile.open(fileobj=io.BytesIO(octets)) as archive:
        return {m.name.removeprefix("./"): archive.extractfile(m).read() for m in archive if m.isfile()}


class Release(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.keep = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.keep.cleanup)
        cls.makings = [pathlib.Path(cls.keep.name) / n for n in ("one", "two")]
        here = os.environ | {"AUSCULT_TARGETS": " ".join(TARGETS), "AUSCULT_SERVERS": "", "AUSCULT_DRAFT": "1"}
        here.setdefault("SOURCE_DATE_EPOCH", "1790000000")
        others = [{}, {"TZ": "Asia/Tokyo", "LC_ALL": "C", "LANG": "C", "TMPDIR": cls.keep.name}]
        for place, other, mask in zip(cls.makings, others, (0o022, 0o077)):
            old = os.umask(mask)
            try:
                run("firmware-configs/release", env=here | other | {"AUSCULT_RELEASE": str(place)})
            finally:
                os.umask(old)
        cls.files = {p.name: p.read_bytes() for p in sorted(cls.makings[0].iterdir())}
        cls.validator = validator(pathlib.Path(cls.keep.name) / "python")
        cls.version = re.search(r'^version = "([^"]+)"', (ROOT / "Cargo.toml").read_text(), re.M).group(1)

    def test_two_makings_are_the_same_octet_by_octet(self):
        again = {p.name: p.read_bytes() for p in sorted(self.makings[1].iterdir())}
        self.assertEqual(sorted(self.files), sorted(again))
        self.assertEqual([name for name in self.files if self.files[name] != again[name]], [])
        print(f"{len(self.files)} files, {sum(map(len, self.files.values()))} octets, twice the same")

    def test_every_file_has_its_sum(self):
        lines = [line.split("  ") for line in self.files["SHA256SUMS"].decode().splitlines()]
        self.assertEqual({name: digest for digest, name in lines},
                         {name: sha(octets) for name, octets in self.files.items() if name != "SHA256SUMS"})

    def test_every_package_holds_the_program_that_was_built(self):
        looked = 0
        for target in TARGETS:
            wanted = program(target)
            notices = self.files[f"auscult-agent-{self.version}-{triple(target)}.notices.txt"].decode()
            for part in ("ring 0.17", "serde 1.", "musl as in zig"):
                self.assertRegex(notices, rf"(?m)^(.*, )?{re.escape(part)}", "its licence goes along")
            held = unpacked(self.files[f"auscult-agent-{self.version}-{triple(target)}.tar.gz"])
            folder = f"auscult-agent-{self.version}-{triple(target)}"
            self.assertEqual(held[f"{folder}/auscult-agent"], wanted)
            self.assertEqual(held[f"{folder}/auscult-inspect"], program(target, "auscult-inspect"))
            self.assertEqual(held[f"{folder}/NOTICES"].decode(), notices)
            self.assertEqual(held[f"{folder}/agent.toml"], (ROOT / "agent/agent.toml").read_bytes())
            for arch in routers(target):
                outer = unpacked(self.files[f"auscult-agent_{self.version}-r1_{arch}.ipk"])
                self.assertEqual(unpacked(outer["data.tar.gz"])["usr/sbin/auscult-agent"], wanted)
                self.assertIn(f"auscult-agent-{self.version}-r1_{arch}.apk", self.files)
                looked += 2
            if target in DEBIAN:
                deb = self.makings[0] / f"auscult-agent_{self.version}-1_{DEBIAN[target]}.deb"
                tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], check=True, capture_output=True).stdout
                self.assertEqual(unpacked(tar)["usr/bin/auscult-agent"], wanted)
                self.assertEqual(gzip.decompress(unpacked(tar)["usr/share/doc/auscult-agent/NOTICES.gz"]).decode(), notices)
                looked += 1
        self.assertEqual(looked, len([name for name in self.files if name.endswith((".ipk", ".apk", ".deb"))]))

    def test_what_a_program_is_made_of_has_every_field_that_the_standard_demands(self):
        for target in TARGETS:
            bom = json.loads(self.files[f"auscult-agent-{self.version}-{triple(target)}.cdx.json"])
            self.assertEqual((bom["bomFormat"], bom["specVersion"], bom["version"]), ("CycloneDX", "1.5", 1))
            self.assertRegex(bom["metadata"]["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
            top = bom["metadata"]["component"]
            for part in [top, *top["components"], *bom["components"]]:
                self.assertIn(part["type"], ("application", "library"))
                self.assertTrue(part["name"] and part["version"], part)
                self.assertRegex(part["purl"], r"^pkg:(cargo|deb|pypi|generic)/\S+@\S+$")
                for digest in part.get("hashes", []):
                    self.assertEqual(set(digest), {"alg", "content"})
                    self.assertRegex(digest["content"], r"^[0-9a-f]{64}$")
            for part in bom["components"]:
                self.assertTrue(part["licenses"], f"{part['name']} has no licence")
                for licence in part["licenses"]:
                    self.assertTrue(licence.get("expression") or licence["license"].get("name") or licence["license"].get("id"), part)
            refs = [top["bom-ref"]] + [c["bom-ref"] for c in bom["components"]]
            self.assertEqual(len(refs), len(set(refs)), "one name, one part")
            users = {d["ref"]: d["dependsOn"] for d in bom["dependencies"]}
            self.assertEqual(set(users), set(refs))
            reached, next_ones = set(), [top["bom-ref"]]
            while next_ones:
                ref = next_ones.pop()
                if ref not in reached:
                    reached.add(ref)
                    next_ones += users[ref]
            self.assertEqual(reached, set(refs), "a part that nobody uses")
            programs = {p["name"]: p["hashes"][0]["content"] for p in top["components"]}
            self.assertEqual(programs, {name: sha(program(target, name)) for name in ("auscult-agent", "auscult-inspect")})

    def test_what_a_program_is_made_of_is_what_the_standards_own_schema_takes(self):
        looked = 0
        for name, octets in self.files.items():
            if name.endswith(".cdx.json"):
                judge(self.validator, octets.decode(), name)
                looked += 1
        self.assertEqual(looked, len(TARGETS))
        # That it can refuse at all.
        bom = json.loads(self.files[f"auscult-agent-{self.version}-{triple(TARGETS[0])}.cdx.json"])
        bom["components"][0]["type"] = "software"
        with self.assertRaises(AssertionError):
            judge(self.validator, json.dumps(bom), "a changed one")

    def test_what_is_linked_is_named_and_what_is_not_linked_is_not(self):
        for target in TARGETS:
            bom = json.loads(self.files[f"auscult-agent-{self.version}-{triple(target)}.cdx.json"])
            named = {(c["name"], "v" + c["version"]) for c in bom["components"] if c["purl"].startswith("pkg:cargo/")}
            tree = run("cargo", "tree", "--quiet", "--locked", "-p", "auscult-agent", "--target", triple(target), "-e", "normal", "--prefix", "none")
            self.assertEqual(named, {tuple(line.split()[:2]) for line in tree.splitlines() if line} - {("auscult-agent", f"v{self.version}")})
            names = {c["name"] for c in bom["components"]}
            self.assertLessEqual({"ring", "rustls", "rust-std", "musl", "zig-compiler-rt", "libunwind"}, names)
            self.assertFalse(names & {"jsonschema", "aws-lc-sys", "openssl-sys", "auscult-collector"}, "of tests, or of another TLS")

    def test_no_place_of_this_machine_is_in_it(self):
        places = [str(p).encode() for p in (ROOT, BUILT, pathlib.Path.home(), self.keep.name)]
        texts = {name: octets for name, octets in self.files.items() if name.endswith((".json", "SUMS", "REPRODUCE"))}
        for target in TARGETS:
            texts |= {f"{target} {name}": program(target, name) for name in ("auscult-agent", "auscult-inspect")}
        for name, octets in texts.items():
            for place in places:
                # A message that shows the octets would fill the screen.
                found = re.search(re.escape(place) + rb"/[\w./+-]{0,80}", octets)
                self.assertTrue(found is None or place == b"/root", f"{name}: {found and found[0]}")
            found = re.search(rb"/(root|home/\w+)/\.(cargo|cache|rustup)[\w./+-]{0,80}", octets)
            self.assertIsNone(found and found[0], name)

    def test_it_says_how_to_make_it_again(self):
        text = self.files["HOW-TO-REPRODUCE"].decode()
        parts = run("firmware-configs/toolchain", "--parts").splitlines()
        self.assertGreaterEqual(len(parts), 3)
        for word in [self.version, "SOURCE_DATE_EPOCH=", f"targets: {' '.join(TARGETS)};", *parts]:
            self.assertIn(word, text)

    def test_every_router_that_packages_know_has_a_target_and_one_only(self):
        source = (ROOT / "firmware-configs/openwrt/package").read_text()
        known = ast.literal_eval(re.search(r"^ARCHITECTURES = (\{.*?^\})", source, re.M | re.S).group(1))
        served = [arch for target in ("aarch64", "armv7", "arm", "mipsel", "x86_64") for arch in routers(target)]
        self.assertEqual(sorted(served), sorted(known))

    def test_another_version_than_the_sources_is_refused(self):
        done = subprocess.run([ROOT / "firmware-configs/release", "99.0.0"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("99.0.0", done.stderr)
        self.assertIn("Cargo.toml", done.stderr)


def validator(folder):
    """What judges by the standard's own schema: the library of CycloneDX' own project, from PyPI."""
    run(sys.executable, "-m", "pip", "install", "-q", "--no-compile", "--root-user-action=ignore", "--disable-pip-version-check",
        "--target", folder, f"cyclonedx-python-lib[json-validation]=={CYCLONEDX}")
    sys.path.insert(0, str(folder))
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    return JsonStrictValidator(SchemaVersion.V1_5)


def judge(validator, text, name):
    if refused := validator.validate_str(text):
        raise AssertionError(f"{name}: {str(refused).splitlines()[0]}")


def routers(target):
    """OpenWrt's architectures of a target, as the release says them."""
    source = (ROOT / "firmware-configs/release").read_text()
    return re.search(rf"^    {target}\) echo (\w[^;]*) ;;", source, re.M).group(1).split()


if __name__ == "__main__":
    if not TARGETS:
        sys.exit("for which targets? (aarch64 armv7 arm mipsel x86_64)")
    unittest.main(argv=sys.argv[:1])
