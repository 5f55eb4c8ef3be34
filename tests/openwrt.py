#!/usr/bin/env python3
"""Tests of firmware-configs/openwrt: `tests/openwrt.py target/debug/auscult-agent`.

The scripts run under busybox ash with busybox' applets alone and doubles of OpenWrt's functions (tests/openwrt); what they make is read
by the real agent. Packages are opened by busybox' tar and by a reader of our own; golden octets are those of apk-tools 3.0.8.
Keeps: what a router would see. Drops: procd, ujail and real hardware, which are not to be had here.
"""

import importlib.machinery
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest

TESTS = pathlib.Path(__file__).resolve().parent
OURS = TESTS.parent / "firmware-configs" / "openwrt"
FILES = OURS / "files"
DOUBLES = TESTS / "openwrt"
AGENT = pathlib.Path("target/debug/auscult-agent")
BUSYBOX = shutil.which("busybox")
# What OpenWrt's busybox has of what our scripts use.
APPLETS = (
    "[ ash awk cat chgrp chmod chown cmp cp df echo false find grep head hexdump ln mkdir mv printf rm sed sh sleep tail tr true"
).split()

sys.dont_write_bytecode = True
sys.path.insert(0, str(OURS))
import adb  # noqa: E402

LOADER = importlib.machinery.SourceFileLoader("package", str(OURS / "package"))
package = importlib.util.module_from_spec(importlib.util.spec_from_loader("package", LOADER))
LOADER.exec_module(package)

NETWORK = """
config interface 'loopback'
	option device 'lo'
	option proto 'static'
config interface 'lan'
	option device 'br-lan'
	option proto 'static'
	option ipaddr '192.168.20.1'
	option netmask '255.255.252.0'
config interface 'wan'
	option device 'eth1'
	option proto 'dhcp'
config interface 'wan6'
	option device 'eth1'
	option proto 'dhcpv6'
config interface 'visitors'
	option device 'br-lan.30'
	option proto 'static'
	list ipaddr '192.168.30.1/24'
config interface 'wg0'
	option proto 'wireguard'
"""
FIREWALL = """
config zone
	option name 'lan'
	list network 'lan'
config zone
	option name 'internet'
	option masq '1'
	list network 'wan'
	list network 'wan6'
config zone
	option name 'guest'
	list network 'visitors'
"""
WIRELESS = """
config wifi-device 'radio0'
	option type 'mac80211'
config wifi-iface 'default_radio0'
	option device 'radio0'
	option mode 'ap'
	option ssid 'Praxis Müller'
config wifi-iface 'off'
	option mode 'ap'
	option ssid 'Old'
	option disabled '1'
config wifi-iface 'client'
	option mode 'sta'
	option ssid 'Neighbour'
"""
LEAST = """
config agent 'agent'
config interface 'lan'
	option device 'br-lan'
"""


def uci(text):
    """Text as an option's value in a UCI file."""
    return "'" + text.replace("'", "'\\''") + "'"


class Router(unittest.TestCase):
    """A folder that stands for a router's disk."""

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="auscult-openwrt-"))
        self.addCleanup(shutil.rmtree, self.root)
        for name in ("config", "bin", "net", "etc/auscult", "var"):
            (self.root / name).mkdir(parents=True)
        for applet in APPLETS:
            (self.root / "bin" / applet).symlink_to(BUSYBOX)
        for name, target in (("uci", DOUBLES / "uci"), ("python3", sys.executable), ("env", shutil.which("env"))):
            (self.root / "bin" / name).symlink_to(target)
        shutil.copy(FILES / "etc/config/auscult", self.root / "config")
        self.put("config/network", NETWORK)
        self.put("config/firewall", FIREWALL)
        self.put("config/wireless", WIRELESS)
        self.env = {
            "PATH": str(self.root / "bin"), "UCI_CONFIG_DIR": str(self.root / "config"), "AUSCULT_LIB": str(DOUBLES),
            "AUSCULT_ETC": str(self.root / "etc"), "DOUBLE_NET": str(self.root / "net"), "DOUBLE_ROOT": str(self.root),
            "DOUBLE_LOG": str(self.root / "told"), "DOUBLE_PROG": str(AGENT.resolve()),
            "DOUBLE_MAKE": str(self.root / "bin/agent-toml"),
        }
        # Its first line would find this machine's shell.
        self.put("bin/agent-toml", f'#!/bin/sh\nexec {BUSYBOX} ash {FILES}/usr/lib/auscult/agent-toml "$@"\n')
        (self.root / "bin/agent-toml").chmod(0o755)

    def put(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def ash(self, *words, stdin=b"", **more):
        return subprocess.run([BUSYBOX, "ash", *map(str, words)], env=self.env | more, input=stdin, capture_output=True, cwd=self.root)

    def make(self, config=None):
        if config is not None:
            self.put("config/auscult", config)
        return self.ash(FILES / "usr/lib/auscult/agent-toml")

    def made(self, config=None):
        """What the agent would read, and that it reads it."""
        done = self.make(config)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.put("agent.toml", done.stdout)
        look = subprocess.run([AGENT, "status", "--config", self.root / "agent.toml"], capture_output=True)
        self.assertIn(look.returncode, (0, 1), look.stderr.decode() + done.stdout.decode())
        return tomllib.loads(done.stdout.decode())

    def find(self):
        done = self.ash(FILES / "etc/uci-defaults/90-auscult")
        self.assertEqual((done.returncode, done.stderr), (0, b""))


class Scripts(Router):
    def test_every_script_passes_shellcheck(self):
        scripts = [FILES / n for n in ("etc/init.d/auscult", "etc/uci-defaults/90-auscult", "usr/lib/auscult/agent-toml", "lib/upgrade/auscult.sh")]
        scripts += [DOUBLES / n for n in ("functions.sh", "functions/network.sh", "rc.common")]
        done = subprocess.run(["shellcheck", "-e", "SC1091", *scripts], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_hooks_of_both_packages_pass_shellcheck_and_do_nothing_but_call_openwrt(self):
        for manager in ("opkg", "apk"):
            for action in ("default_postinst", "default_prerm"):
                self.put("hook", package.hook(manager, action))
                done = subprocess.run(["shellcheck", "-e", "SC1091", self.root / "hook"], capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stdout)
                shutil.copytree(DOUBLES, self.root / "lib", dirs_exist_ok=True)
                self.assertEqual(self.ash(self.root / "hook", IPKG_INSTROOT=str(self.root)).returncode, 0)
                told = (self.root / "told").read_text().split("\n")
                self.assertIn(action.removeprefix("default_"), told[-2])
        self.assertEqual(package.hook("opkg", "default_postinst").count("\n"), 5)


class Found(Router):
    def test_the_first_start_finds_what_a_technician_would_type(self):
        self.find()
        for name, text in (("lan.physdev", "br-lan"), ("wan.physdev", "eth1"), ("visitors.physdev", "br-lan.30"), ("lan.subnets", "192.168.20.1/22"),
                           ("lan.subnets6", "fd00:1::1/60 2001:db8:20::1/60"), ("visitors.subnets", "192.168.30.1/24"),
                           ("wan.ipaddrs", "203.0.113.7"), ("wan.ipaddrs6", "2001:db8:ffff::7")):
            self.put(f"net/{name}", text)
        made = self.made()
        heard = [(i["name"], i["role"]) for i in made["capture"]["interface"]]
        self.assertEqual(heard, [("br-lan", "lan"), ("eth1", "wan"), ("br-lan.30", "lan")])
        own = ["192.168.20.1/22", "fd00:1::1/60", "2001:db8:20::1/60", "203.0.113.7/32", "2001:db8:ffff::7/128"]
        self.assertEqual(made["clinic"]["home"], own)
        self.assertEqual(made["clinic"]["zones"], [{"network": "192.168.30.1/24", "zone": "guest"}])
        self.assertEqual(made["clinic"]["own_ssids"], ["Praxis Müller"])
        self.assertEqual((made["state"], made["log"]["to"]), ("/etc/auscult/state", "syslog"))
        self.assertNotIn("addresses", made["collector"])

    def test_networks_that_are_down_count_by_their_configuration(self):
        self.find()
        done = self.make()
        made = self.made()
        self.assertEqual(made["clinic"]["home"], ["192.168.20.1/22"])
        self.assertEqual([i["name"] for i in made["capture"]["interface"]], ["br-lan", "eth1", "br-lan.30"])
        self.assertIn(b"'wg0' has no address yet", done.stderr)

    def test_a_second_run_and_what_a_person_set_change_nothing(self):
        self.find()
        first = (self.root / "config/auscult").read_bytes()
        self.find()
        self.assertEqual((self.root / "config/auscult").read_bytes(), first)
        self.put("config/auscult", LEAST)
        self.find()
        self.assertNotIn(b"hear_lan", (self.root / "config/auscult").read_bytes())

    def test_a_configuration_by_hand_that_was_there_before_wins(self):
        self.put("etc/auscult/agent.toml", "state = 1")
        self.find()
        self.assertIn(f"option config '{self.root}/etc/auscult/agent.toml'", (self.root / "config/auscult").read_text())

    def test_a_router_without_firewall_and_with_more_than_eight_networks_is_found_too(self):
        (self.root / "config/firewall").unlink()
        more = "".join(f"config interface 'n{i}'\n\toption device 'eth0.{i}'\n\toption proto 'static'\n" for i in range(12))
        self.put("config/network", NETWORK + more)
        self.find()
        made = self.made()
        self.assertEqual(len(made["capture"]["interface"]), 8)
        self.assertEqual(made["capture"]["interface"][1], {"name": "eth1", "role": "wan"})


class Made(Router):
    def test_every_key_of_the_agent_has_an_option_or_a_reason_why_not(self):
        none = {"capture.replay", "capture.speed", "capture.then", "collector.linger_s"}  # for capture files
        elsewhere = {"state": "agent state", "interface.name": "interface device", "clinic.home": "network zone", "clinic.zones": "network zone", "clinic.purposes": "wifi purpose"}
        script = (FILES / "usr/lib/auscult/agent-toml").read_text()
        known = {m[1]: m[2].split() for m in re.finditer(r"^\t(\w+)\) echo (.*) ;;$", script, re.M)}
        section, seen = "", 0
        for line in (TESTS.parent / "agent/agent.toml").read_text().splitlines():
            if head := re.fullmatch(r"(?:# )?\[\[?(?:capture\.)?(\w+)\]\]?", line):
                section = head[1]
            elif key := re.fullmatch(r"(?:# )?(\w+) = .+", line):
                name = f"{section}.{key[1]}".lstrip(".")
                if name in none:
                    continue
                kind, option = elsewhere.get(name, name.replace(".", " ")).split()
                self.assertIn(option, known.get(kind, []), f"{name} cannot be set by UCI")
                seen += 1
        self.assertGreater(seen, 18)

    def test_every_option_reaches_the_agent(self):
        made = self.made("""
config agent 'agent'
	option state '/mnt/usb/auscult'
config capture 'capture'
	option method 'portable'
	option buffer_kib '512'
	option snap_octets '2048'
config memory 'memory'
	option cap_mib '32'
config interface 'tap'
	option device 'eth3'
	option role 'mirror'
	option promiscuous '0'
	option leaving 'off'
config interface 'away'
	option device 'eth9'
	option enabled '0'
config prefix 'branch'
	option network '10.20.0.0/16'
	option zone 'vpn'
config prefix 'here'
	option network '10.1.0.0/16'
config clinic 'clinic'
	option from_wireless '0'
	option names 'dropped'
	list own_ssids 'A'
	list own_ssids 'B, C'
	list own_bssids '04:18:d6:20:01:01'
config wifi 'ward'
	option ssid 'C "1"'
	option purpose 'clinical'
config wifi
	option ssid 'B, C'
	option purpose 'guest'
config window 'window'
	option length_s '60'
config spool 'spool'
	option octets '1048576'
	option keep_days '0'
config collector 'collector'
	option addresses 'https://a.example:8443'
config identity 'identity'
	option machine_id '/etc/machine-id'
	option accept_copied_key '1'
config log 'log'
	option level 'warn'
	option to 'stderr'
""")
        self.assertEqual(made, {
            "state": "/mnt/usb/auscult",
            "capture": {"method": "portable", "buffer_kib": 512, "snap_octets": 2048,
                        "interface": [{"name": "eth3", "role": "mirror", "promiscuous": False, "leaving": False}]},
            "identity": {"machine_id": "/etc/machine-id", "accept_copied_key": True},
            "log": {"level": "warn", "to": "stderr"},
            "memory": {"cap_mib": 32},
            "window": {"length_s": 60}, "spool": {"octets": 1048576, "keep_days": 0},
            "collector": {"addresses": ["https://a.example:8443"]},
            "clinic": {"names": "dropped", "own_bssids": ["04:18:d6:20:01:01"], "home": ["10.1.0.0/16"],
                       "zones": [{"network": "10.20.0.0/16", "zone": "vpn"}], "own_ssids": ["A", "B, C"],
                       "purposes": [{"ssid": 'C "1"', "purpose": "clinical"}, {"ssid": "B, C", "purpose": "guest"}]},
        })

    def test_a_wireless_network_is_for_something_or_refused(self):
        done = self.make(LEAST + "config wifi 'ward'\n\toption ssid 'A'\n\toption purpose 'ward'\n")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"must be guest, clinical or office", done.stderr)

    def test_a_radio_has_its_section(self):
        done = self.make("config agent 'agent'\nconfig radio 'air'\n\toption name 'mon0'\n\toption way 'monitor'\n\tlist channels '2412'\n"
                         "\tlist channels '5180'\n\tlist hostapd '/var/run/hostapd-phy0.conf'\n\toption dwell_ms '250'\n")
        radio = tomllib.loads(done.stdout.decode())["capture"]["radio"]
        expected = {"name": "mon0", "way": "monitor", "channels": [2412, 5180], "hostapd": ["/var/run/hostapd-phy0.conf"], "dwell_ms": 250}
        self.assertEqual(radio, [expected])

    def test_what_people_type_cannot_end_a_string_or_run(self):
        canary = self.root / "canary"
        names = ['"', "\\", '\\"', "a'b", "$(touch canary)", "`touch canary`", '"]\nstate = "/x"\n[x', "tab\tbell\a", "\x7f", "%s%n\\0101",
                 "Ä€𝄞", "日本語", " lead and trail ", "--", "*", "${PATH}", "a;b&c|d", "#no comment", "x" * 32, "é" * 16]
        config = LEAST + "config clinic 'clinic'\n\toption from_wireless '0'\n" + "".join(f"\tlist own_ssids {uci(n)}\n" for n in names)
        made = self.made(config)
        self.assertEqual(made["clinic"]["own_ssids"], names)
        self.assertEqual(made["state"], "/etc/auscult/state")
        self.put("config/wireless", "".join(f"config wifi-iface 'w{i}'\n\toption mode 'ap'\n\toption ssid {uci(n)}\n" for i, n in enumerate(names)))
        self.assertEqual(self.made(LEAST)["clinic"]["own_ssids"], names)
        self.assertFalse(canary.exists())

    def test_names_that_are_no_text_are_left_out_and_said(self):
        bad = [b"\xff", b"\xc0\x80", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"a\x80", b"\xf8\x88\x80\x80\x80", b"\xc3A"]
        for octets in bad:
            with self.assertRaises(UnicodeDecodeError):
                octets.decode()
        good = ["\u0800", "\ud7ff", "\ue000", "\U00010000", "\U0010ffff", "\x80", "\u07ff", "\U000fffff"]
        names = [n for pair in zip(bad, (g.encode() for g in good)) for n in pair] + bad[len(good):]
        wireless = b"".join(b"config wifi-iface 'w%d'\n\toption ssid '%s'\n" % (i, n) for i, n in enumerate(names))
        self.put("config/wireless", wireless)
        self.assertEqual(self.made(LEAST)["clinic"]["own_ssids"], good)
        self.assertEqual(self.make().stderr.count(b"is no text"), len(bad))

    def test_what_is_wrong_is_named_and_nothing_is_made(self):
        for more, word in [
            ("config capturing 'x'\n", "capturing"),
            ("config capture 'capture'\n\toption metod 'ring'\n", "metod"),
            ("config capture 'capture'\n\tlist metods 'ring'\n", "metods"),
            ("config capture 'capture'\n\toption method 'x'\n", "auscult.capture.method"),
            ("config capture 'capture'\n\toption buffer_kib '2 MiB'\n", "auscult.capture.buffer_kib"),
            ("config capture 'capture'\n\toption buffer_kib '-1'\n", "auscult.capture.buffer_kib"),
            ("config capture 'capture'\n\toption buffer_kib '010'\n", "auscult.capture.buffer_kib"),
            ("config capture 'capture'\n\toption snap_octets '99999999999'\n", "auscult.capture.snap_octets"),
            ("config interface 'b'\n\toption device 'eth0'\n\toption role 'inside'\n", "auscult.b.role"),
            ("config interface 'b'\n\toption device 'eth0\"'\n", "auscult.b.device"),
            ("config interface 'b'\n\toption device 'a-very-long-name'\n", "auscult.b.device"),
            ("config interface 'b'\n\toption network 'l;an'\n", "auscult.b.network"),
            ("config interface 'b'\n", "neither a network nor a device"),
            ("config interface 'b'\n\toption device 'eth0'\n\toption promiscuous 'maybe'\n", "auscult.b.promiscuous"),
            ("config radio 'b'\n", "auscult.b.name"),
            ("config prefix 'b'\n\toption network '10.0.0.0/8\" }]'\n", "is no network"),
            ("config prefix 'b'\n\toption network '10.0.0.0/8'\n\toption zone 'lobby'\n", "lobby"),
            ("config network 'b'\n\toption network '$(id)'\n", "auscult.b.network"),
            ("config log 'log'\n\toption level 'loud'\n", "auscult.log.level"),
            ("config agent 'agent'\n\toption state 'here'\n", "auscult.agent.state"),
        ]:
            done = self.make(LEAST + more)
            self.assertEqual((done.returncode, done.stdout), (2, b""), more)
            self.assertIn(word, done.stderr.decode(), more)
        self.assertIn(b"nothing to hear", self.make("config agent 'agent'\n").stderr)
        (self.root / "config/auscult").unlink()
        self.assertEqual(self.make().returncode, 2)


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        AGENT = pathlib.Path(sys.argv.pop(1))
    sys.modules["openwrt"] = sys.modules["__main__"]
    sys.path.insert(0, str(DOUBLES))
    from package_tests import *  # noqa: E402,F403
    from service_tests import *  # noqa: E402,F403
    unittest.main()
