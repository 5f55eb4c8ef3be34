"""The service, with doubles of rc.common, procd and ujail (see tests/openwrt.py)."""

import os
import subprocess
import tomllib

from openwrt import AGENT, DOUBLES, FILES, Router


class Service(Router):
    def setUp(self):
        super().setUp()
        self.put("resolv", "nameserver 127.0.0.1\n")
        self.configure()

    def configure(self, more="", enabled="1"):
        self.put("config/auscult", f"config agent 'agent'\n\toption enabled '{enabled}'\n\toption state '{self.root}/state'\n"
                 f"config identity 'identity'\n\toption machine_id '{self.root}/etc/auscult/machine-id'\n"
                 "config interface 'lan'\n\toption device 'br-lan'\n" + more)

    def run_service(self, *words, stdin=b""):
        """What procd was told, and what was said of faults; `self.out` is the rest."""
        (self.root / "told").write_text("")
        done = self.ash(DOUBLES / "rc.common", FILES / "etc/init.d/auscult", *words, stdin=stdin)
        self.out = done.stdout.decode()
        self.status = done.returncode
        return (self.root / "told").read_text().splitlines(), done.stderr.decode()

    def ujail(self, refuses=""):
        """A ujail that starts what stands behind --, or refuses when it is given an option."""
        self.put("ujail", f'#!/bin/sh\necho "ujail $*" >>"$DOUBLE_ROOT/jailed"\nfor w in "$@"; do [ "$w" != "{refuses}" ] || exit 255; done\n'
                 'while [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n')
        (self.root / "ujail").chmod(0o755)
        self.put("caps", (FILES / "etc/capabilities/auscult.json").read_text())
        self.put("passwd", "root:x:0:0::/root:/bin/ash\nauscult:x:32768:32768::/:/bin/false\n")

    def test_an_installation_starts_nothing(self):
        self.configure(enabled="0")
        told, said = self.run_service("start")
        self.assertEqual(told, ["start"])
        self.assertIn("not enabled", said)
        self.assertFalse((self.root / "state").exists())
        shipped = (FILES / "etc/config/auscult").read_text()
        self.assertIn("option enabled '0'", shipped)

    def test_without_ujail_it_starts_as_root_and_lays_down_its_rights_itself(self):
        told, _ = self.run_service("start")
        config = f"{self.root}/var/agent.toml"
        self.assertIn(f"set_param command {AGENT.resolve()} run --config {config}", told)
        for line in ("set_param respawn 20 60 60", "set_param no_new_privs 1", "set_param stderr 1", "set_param term_timeout 15", "set_param nice 5",
                     "set_param limits core=0 nofile=256"):
            self.assertIn(line, told)
        self.assertFalse([t for t in told if "jail" in t or "user" in t or "capabilities" in t])
        self.assertEqual((self.root / "var/agent.toml").stat().st_mode & 0o777, 0o640)
        self.assertEqual((self.root / "state").stat().st_mode & 0o777, 0o700)
        self.assertEqual(os.readlink(self.root / "etc/auscult/agent.toml"), config)
        self.assertIn("starts, held by: self", (self.root / "log").read_text())

    def test_the_jail_is_taken_as_far_as_it_was_tried(self):
        for refuses, held in (("", "view"), ("-r", "user"), ("-U", "self")):
            self.ujail(refuses)
            told, _ = self.run_service("start")
            self.assertIn(f"held by: {held}", (self.root / "log").read_text().splitlines()[-1])
            self.assertEqual("add_jail auscult log procfs sysfs" in told, held == "view")
            self.assertEqual(f"add_jail_mount {self.root}/var {self.root}/etc/auscult" in told, held == "view")
            self.assertEqual(f"add_jail_mount_rw {self.root}/state" in told, held == "view")
            self.assertEqual("add_jail auscult" in told, held == "user")
            for line in ("set_param user auscult", "set_param group auscult", f"set_param capabilities {self.root}/caps"):
                self.assertEqual(line in told, held != "self", line)
            owner = "root" if held == "self" else "auscult"
            self.assertIn(f"chgrp {owner} {self.root}/var/agent.toml.new", told)
        self.configure("config agent 'agent'\n\toption jail '0'\n")
        self.assertFalse([t for t in self.run_service("start")[0] if "jail" in t])

    def test_a_refused_configuration_is_named_and_the_one_before_goes_on(self):
        faults = (("config capture 'capture'\n\toption buffer_kib '1'\n", "line 5: capture.buffer_kib is 1; it must be from 512"),
                  ("config capture 'capture'\n\toption method 'x'\n", "auscult.capture.method is 'x'"))
        for more, word in faults:
            self.configure(more)
            told, said = self.run_service("start")
            self.assertEqual((told, self.status), ([], 1), "there is none before")
            self.assertIn(word, said)
            self.assertIn(word, (self.root / "log").read_text())
        self.configure()
        self.run_service("start")
        before = (self.root / "var/agent.toml").read_text()
        (self.root / "running").touch()
        for more, word in faults:
            self.configure(more)
            told, said = self.run_service("reload")
            self.assertEqual((told, self.status), ([], 1))
            self.assertIn(word, said)
            told, said = self.run_service("start")
            self.assertEqual(told[-1], "start")
            self.assertIn("starts with the configuration of before", said)
            self.assertEqual((self.root / "var/agent.toml").read_text(), before)
            self.assertFalse((self.root / "var/agent.toml.new").exists())

    def test_a_reload_does_no_more_than_it_must(self):
        self.assertIn("start", self.run_service("reload")[0], "it was not running")
        (self.root / "running").touch()
        self.assertEqual(self.run_service("reload")[0], [], "nothing is new")
        self.configure("config prefix 'p'\n\toption network '10.0.0.0/8'\n")
        self.assertEqual(self.run_service("reload")[0], ["send_signal auscult * HUP"])
        made = tomllib.loads((self.root / "var/agent.toml").read_text())
        self.assertEqual(made["clinic"]["home"], ["10.0.0.0/8"])
        self.configure("config interface 'b'\n\toption device 'eth1'\n")
        told, _ = self.run_service("reload")
        self.assertEqual((told[0], told[-1]), ("stop", "start"), "another interface is for a start")
        self.put("resolv", "nameserver 203.0.113.53\n")
        self.assertEqual(self.run_service("reload")[0][0], "stop", "the jail has the old file of name servers")
        self.configure(enabled="0")
        self.assertEqual(self.run_service("reload")[0], ["stop"])

    def test_a_configuration_by_hand_wins(self):
        self.put("hand.toml", f'state = "{self.root}/elsewhere"\n[[capture.interface]]\nname = "eth7"\n')
        self.configure(f"config agent 'agent'\n\toption config '{self.root}/hand.toml'\n")
        told, _ = self.run_service("start")
        self.assertIn("start", told)
        self.assertEqual((self.root / "var/agent.toml").read_text(), (self.root / "hand.toml").read_text())
        self.assertTrue((self.root / "elsewhere").is_dir())
        (self.root / "var/agent.toml").unlink()
        self.put("hand.toml", "state = 'x'\n")
        self.assertEqual((self.run_service("start")[0], self.status), ([], 1))

    def test_a_backup_that_is_restored_on_another_router_is_not_the_same_sensor(self):
        self.put("sys/firmware/devicetree/base/serial-number", b"1000000012345678\0")
        self.run_service("start")
        file = self.root / "etc/auscult/machine-id"
        self.assertEqual(file.read_text(), "tree:1000000012345678\n")

        def identity():
            return subprocess.run([AGENT, "identity", "--config", self.root / "var/agent.toml"], capture_output=True, text=True)

        made = identity()
        self.assertEqual(made.returncode, 0, made.stderr)
        when = file.stat().st_mtime_ns
        self.put("sys/class/dmi/id/product_uuid", "a new firmware shows more\n")
        self.run_service("start")
        self.assertEqual(file.stat().st_mtime_ns, when, "the kind stays what it was")
        self.assertEqual(identity().stdout, made.stdout)
        self.put("sys/firmware/devicetree/base/serial-number", b"1000000099999999\0")
        self.run_service("start")
        copied = identity()
        self.assertEqual(copied.returncode, 1)
        self.assertIn("installation", copied.stderr)

    def test_a_machine_without_a_name_has_no_file_and_starts(self):
        self.run_service("start")
        self.assertEqual(self.status, 0)
        self.assertFalse((self.root / "etc/auscult/machine-id").exists())
        (self.root / "state/keys").mkdir()
        self.put("sys/block/mmcblk0/device/cid", "0123\n")
        self.run_service("start")
        self.assertFalse((self.root / "etc/auscult/machine-id").exists(), "keys older than the file would look copied")

    def test_enrol_stops_asks_enables_and_starts(self):
        self.put("agent", '#!/bin/sh\necho "agent $*" >>"$DOUBLE_LOG"\nexit ${SAYS:-0}\n')
        (self.root / "agent").chmod(0o755)
        self.configure(enabled="0")
        self.env["DOUBLE_PROG"] = str(self.root / "agent")
        told, _ = self.run_service("enrol", "--collector", "https://c.example:8443")
        self.assertEqual(told[1:3], ["stop", f"agent enrol --config {self.root}/var/agent.toml --collector https://c.example:8443"])
        self.assertEqual(told[-1], "start")
        self.assertIn("option enabled '1'", (self.root / "config/auscult").read_text())
        self.configure(enabled="0")
        self.put("agent", '#!/bin/sh\n[ "$1" != enrol ]\n')
        told, _ = self.run_service("enrol")
        self.assertEqual((told, self.status), (["stop"], 1))
        self.assertIn("option enabled '0'", (self.root / "config/auscult").read_text())

    def test_a_set_up_asks_for_the_collector_and_leaves_the_rest_to_the_agent(self):
        agent = '#!/bin/sh\necho "agent $*" >>"$DOUBLE_LOG"\ncase "$1" in status) exit ${REFUSES:-1} ;; esac\n'
        self.put("agent", agent)
        (self.root / "agent").chmod(0o755)
        self.configure(enabled="0")
        self.env["DOUBLE_PROG"] = str(self.root / "agent")
        settings = self.root / "config/auscult"
        runs = f"agent setup --keep --through /etc/init.d/auscult --config {self.root}/var/agent.toml"
        # An address that the agent refuses is not kept.
        self.env["REFUSES"] = "2"
        told, _ = self.run_service("setup", stdin=b"nonsense\n")
        self.assertEqual(([t for t in told if " setup " in t], self.status), ([], 1))
        self.assertNotIn("nonsense", settings.read_text())
        del self.env["REFUSES"]
        told, _ = self.run_service("setup", stdin=b"c.example:8443\n")
        self.assertIn("br-lan as lan", self.out)
        self.assertEqual((told[-1], self.status), (runs, 0))
        self.assertIn("https://c.example:8443", settings.read_text())
        self.assertIn('addresses = ["https://c.example:8443"]', (self.root / "var/agent.toml").read_text())
        # It is asked once; a file of answers is the agent's.
        told, _ = self.run_service("setup")
        self.assertEqual((told[-1], self.status, "collector is" in self.out), (runs, 0, False))
        told, _ = self.run_service("setup", "--from", "/tmp/answers.toml")
        self.assertEqual((told[-1], self.out), (f"{runs} --from /tmp/answers.toml", ""))
        told, _ = self.run_service("check", "--seconds", "5")
        self.assertEqual(told[-1], f"agent check --config {self.root}/var/agent.toml --seconds 5")
        # Beside a service that runs the new configuration is taken by it.
        self.put("running", "")
        uci = settings.read_text().replace("https://c.example:8443", "https://d.example")
        settings.write_text(uci)
        told, _ = self.run_service("setup")
        self.assertEqual(told[-1], runs)

    def test_triggers_are_configuration_and_interfaces(self):
        told, _ = self.run_service("service_triggers")
        self.assertEqual(told, ["add_reload_trigger auscult network wireless", "add_raw_trigger interface.* 5000 /etc/init.d/auscult reload"])

    def test_an_upgrade_stops_it_and_a_backup_does_not(self):
        self.put("hook", 'pidof() { return 1; }\nsysupgrade_init_conffiles=add_uci_conffiles\n. "$HOOK"\nfor h in $sysupgrade_init_conffiles; do '
                 '[ "$h" = add_uci_conffiles ] || "$h"; echo "$h"; done\n')
        hook = (FILES / "lib/upgrade/auscult.sh").read_text().replace("/etc/init.d/auscult", str(self.root / "service"))
        self.put("upgrade.sh", hook)
        self.put("service", '#!/bin/sh\necho "$@"\n')
        (self.root / "service").chmod(0o755)
        for env, stops in (({}, True), ({"CONF_BACKUP": "x.tgz"}, False), ({"CONF_BACKUP_LIST": "1"}, False), ({"TEST": "1"}, False)):
            done = self.ash(self.root / "hook", HOOK=str(self.root / "upgrade.sh"), **env)
            self.assertEqual(done.stdout.decode().split(), ["stop"] * stops + ["auscult_settle", "add_uci_conffiles"], done.stderr)
