#!/usr/bin/env python3
"""Records captures of the old ways to a machine: screens (X), shells (rexec, rlogin, rsh), disks (iSCSI), its board (IPMI).

    record_old_ways.py ROOT VENV [SCENARIO...]

As record.py, whose laboratory it uses: ROOT is a folder with a Debian 12 in it and the packages of PACKAGES; of VENV nothing is used.
"""
import record
from record import sh


class Expect(record.Expect):
    def __init__(self, name, *more):
        super().__init__(name, *more)
        self.said["origin"]["by"] = f"record_old_ways.py {name}"


PACKAGES = """xvfb x11-utils xauth openbsd-inetd rsh-server rsh-client rsh-redone-client tgt libiscsi-bin openipmi ipmitool freeipmi-tools
python3-minimal iproute2 procps"""


def screens_and_shells(clinic):
    """X with and without a cookie; a command with a password, a terminal, a command without a password."""
    xray, desk = clinic.host("xray", 30, "00:0c:29:20:00:30"), clinic.host("desk", 51, "00:0c:29:20:00:51")
    out, unix = clinic.host("out", 50, "02:00:5e:00:00:50", outside=True), clinic.host("unix", 31, "00:0c:29:20:00:31")
    xray.serve("exec Xvfb :0 -screen 0 640x480x24 -ac -listen tcp -nolisten unix -nolisten local", 6000)
    xray.run("xauth -f /tmp/cookie add :1 . 5a5a43414e4152595a5a43414e415259", check=True)
    xray.serve("exec Xvfb :1 -screen 0 640x480x24 -auth /tmp/cookie -listen tcp -nolisten unix -nolisten local", 6001)
    unix.run("useradd -m ward; echo ward:CnryRexec1 | chpasswd; useradd -m zzcanary; su ward -c 'echo 192.168.20.51 zzcanary > ~/.rhosts; chmod 600 ~/.rhosts'", check=True)
    for name in ("rexec", "rlogin", "rsh"):
        unix.write(f"/etc/pam.d/{name}", f"auth {'required pam_unix.so' if name == 'rexec' else 'sufficient pam_rhosts.so'}\n{'auth required pam_unix.so' if name == 'rlogin' else ''}\naccount required pam_unix.so\nsession required pam_permit.so\n")
    unix.run(f"echo '{desk.ip} desk desk.clinic.example' >> /etc/hosts")
    unix.write("/etc/inetd.conf", "".join(f"{port} stream tcp nowait root /usr/sbin/in.{name}d in.{name}d\n" for port, name in ((512, "rexec"), (513, "rlogin"), (514, "rsh"))))
    unix.serve("exec inetd -i /etc/inetd.conf", 512, 513, 514)
    desk.run("useradd -m zzcanary", check=True)
    for host in (desk, unix):
        host.write("/etc/services", "exec 512/tcp\nlogin 513/tcp\nshell 514/tcp\n")
    desk.write("/tmp/rexec.py", REXEC)
    clinic.listen("tcp")
    out.run(f"xdpyinfo -display {xray.ip}:0", check=True)
    desk.run(f"xauth -f /tmp/cookie add {xray.ip}:1 . 5a5a43414e4152595a5a43414e415259; XAUTHORITY=/tmp/cookie xdpyinfo -display {xray.ip}:1", check=True)
    desk.run(f"XAUTHORITY=/tmp/none xdpyinfo -display {xray.ip}:1")
    for word in ("CnryRexec1", "wrongCnry1"):
        desk.run(f"python3 /tmp/rexec.py {unix.ip} ward {word} 'echo ZZCANARY'")
    for rsh in ("netkit-rsh", "rsh-redone-rsh"):
        desk.run(f"su zzcanary -c '{rsh} -l ward {unix.ip} echo ZZCANARY letter'")
        desk.run(f"{rsh} -l ward {unix.ip} echo ZZCANARY letter")  # root is not in .rhosts
    for rlogin in ("netkit-rlogin", "rsh-redone-rlogin"):
        desk.run(f"su zzcanary -c \"(sleep 2; echo 'echo ZZCANARY letter'; sleep 1; echo exit; sleep 1) | TERM=xterm script -qec '{rlogin} -l ward {unix.ip}' /dev/null\"", 15)
    clinic.close()
    e = Expect(clinic.name, "Screens by X with and without a cookie, and the shells of old: rexec, rlogin, rsh", ["servers: Xvfb 21.1.7, netkit rsh 0.17 behind openbsd-inetd (Debian 12)", "clients: xdpyinfo 1.3, netkit rsh and rlogin 0.17, rsh-redone 85, rexec by a script of ours"])
    for port in (6000, 6001):
        e.service(xray, port, "tcp", "x11", "x11", "-d", f"tcp.port=={port},x11")
    e.service(unix, 512, "tcp", "rexec", "exec"), e.service(unix, 513, "tcp", "rlogin", "rlogin"), e.service(unix, 514, "tcp", "rsh", "rsh")
    e.exposure("remote-administration-reachable-from-outside", xray, 6000, "X let an outside client in without a cookie")
    e.absent("remote-administration-reachable-from-outside", xray, 6001, "its client was inside"), e.absent("remote-administration-reachable-from-outside", unix, 514, "its clients were inside")
    e.absent("service", desk, 1023, "the second connection of rsh is no service")
    e.never("ZZCANARY", "zzcanary", "CnryRexec1", "wrongCnry1")
    e.save()


REXEC = """import socket, sys
host, *words = sys.argv[1:]
s = socket.create_connection((host, 512), 10)
s.sendall(b'\\0' + b''.join(w.encode() + b'\\0' for w in words))
while d := s.recv(4096):
    print(d)
"""


def disks_iscsi(clinic):
    """iSCSI: a disk for everybody read from outside and from inside, one with CHAP, a list, a wrong password."""
    nas, sure = clinic.host("nas", 17, "00:11:32:20:00:17"), clinic.host("sure", 18, "00:11:32:20:00:18")
    out, desk = clinic.host("out", 50, "02:00:5e:00:00:50", outside=True), clinic.host("desk", 51, "00:0c:29:20:00:51")
    name = "iqn.2026-01.example.clinic:zzcanary"
    for host in (nas, sure):
        host.serve("mkdir -p /var/run; exec tgtd -f", 3260)
        host.run(f"yes ZZCANARY | head -c 1048576 > /tmp/disk; tgtadm --lld iscsi --op new --mode target --tid 1 -T {name} && tgtadm --lld iscsi --op new --mode logicalunit --tid 1 --lun 1 -b /tmp/disk && tgtadm --lld iscsi --op bind --mode target --tid 1 -I ALL", check=True)
    sure.run("tgtadm --lld iscsi --op new --mode account --user ward --password CnryIscsi123 && tgtadm --lld iscsi --op bind --mode account --tid 1 --user ward", check=True)
    sh("ip", "netns", "exec", nas.space, "tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "200kbit", "burst", "4000", "latency", "900ms")  # it reads as long as it may
    clinic.listen("tcp")
    out.run(f"iscsi-ls -s iscsi://{nas.ip}", check=True)
    for host in (out, desk):
        host.run(f"iscsi-inq iscsi://{nas.ip}/{name}/1", check=True), host.run(f"timeout 1.5 iscsi-perf -b 8 -m 1 iscsi://{nas.ip}/{name}/1")
    desk.run(f"iscsi-inq iscsi://ward%CnryIscsi123@{sure.ip}/{name}/1", check=True)
    desk.run(f"iscsi-inq iscsi://ward%wrongCnry1234@{sure.ip}/{name}/1; iscsi-inq iscsi://{sure.ip}/{name}/1")
    clinic.close()
    e = Expect(clinic.name, "Disks by iSCSI: one for everybody, from outside too; one with CHAP", ["server: tgt 1.0.85 (Debian 12)", "client: libiscsi 1.19"])
    for host in (nas, sure):
        e.service(host, 3260, "tcp", "iscsi", "iscsi")
    e.exposure("file-share-open", nas, 3260, "blocks were read from outside without CHAP"), e.absent("file-share-open", sure, 3260, "its disk needs CHAP")
    e.never("ZZCANARY", "zzcanary", "CnryIscsi123", "wrongCnry1234")
    e.save()


LAN = """name "ZZCANARY"
set_working_mc 0x20
  startlan 1
    addr 0.0.0.0 623
    priv_limit admin
    allowed_auths_callback %(auths)s
    allowed_auths_user %(auths)s
    allowed_auths_operator %(auths)s
    allowed_auths_admin %(auths)s
    guid a123456789abcdefa123456789abcdef
  endlan
  user 1 %(anonymous)s "" "%(word)s" admin 10 %(auths)s
  user 2 true "zzcanary" "CnryIpmi1" admin 10 md5
"""
BOARD = "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nmc_enable 0x20\n"


def boards_ipmi(clinic):
    """IPMI 1.5 and 2.0: boards that ask for a password and one that asks for nothing; with cipher 3 and cipher 0; a ping of ASF."""
    sure, open_board = clinic.host("sure", 32, "00:25:90:20:00:32"), clinic.host("open", 33, "00:25:90:20:00:33")
    desk, out = clinic.host("desk", 51, "00:0c:29:20:00:51"), clinic.host("out", 50, "02:00:5e:00:00:50", outside=True)
    for host, values in ((sure, {"auths": "md5", "anonymous": "false", "word": "CnryIpmi2"}), (open_board, {"auths": "none md2 md5 straight", "anonymous": "true", "word": ""})):
        host.write("/tmp/lan.conf", LAN % values), host.write("/tmp/board.emu", BOARD)
        host.serve("mkdir -p /tmp/state; exec ipmi_sim -c /tmp/lan.conf -f /tmp/board.emu -s /tmp/state -n", 623)
    clinic.listen("udp")
    ask = "ipmitool -R 1 -N 2"
    desk.run(f"{ask} -I lanplus -C 3 -H {sure.ip} -U zzcanary -P CnryIpmi1 mc info", check=True)
    desk.run(f"{ask} -I lanplus -C 3 -H {sure.ip} -U zzcanary -P wrongCnry1 mc info"), desk.run(f"{ask} -I lanplus -C 3 -H {sure.ip} -U zzcanary2 -P wrongCnry1 mc info")
    desk.run(f"{ask} -I lan -A MD5 -H {sure.ip} -U zzcanary -P CnryIpmi1 mc info", check=True)
    desk.run(f"rmcpping -c 1 {sure.ip}; ipmiping -c 1 {sure.ip}")
    out.run(f"{ask} -I lan -A NONE -H {open_board.ip} -U '' mc info"), out.run(f"{ask} -I lanplus -C 0 -H {open_board.ip} -U '' -P '' mc info")
    clinic.close()
    e = Expect(clinic.name, "Boards that control a machine, with a password and without; one of them from outside", ["server: ipmi_sim of OpenIPMI 2.0.33 (Debian 12)", "clients: ipmitool 1.8.19, FreeIPMI 1.6.10"])
    for host in (sure, open_board):
        e.service(host, 623, "udp", "ipmi", "rmcp.class==7")
    e.exposure("remote-administration-reachable-from-outside", open_board, 623, "a session without authentication from outside")
    e.absent("remote-administration-reachable-from-outside", sure, 623, "its client was inside"), e.absent("service", desk, 623, "the client serves nothing")
    e.never("zzcanary", "CnryIpmi1", "wrongCnry1", "CnryIpmi2")
    e.save()


if __name__ == "__main__":
    record.SCENARIOS = {f.__name__.replace("_", "-"): f for f in (screens_and_shells, disks_iscsi, boards_ipmi)}
    record.main()
