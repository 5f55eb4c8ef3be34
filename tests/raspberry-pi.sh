#!/usr/bin/env bash
# The package for Raspberry Pis: its scripts with doubles of what they start, its units by systemd's own judgement, and a port that
# is silent in a network namespace. (The package itself, installed: tests/raspberry-pi-package.sh.)
#
# Needs root for namespaces and other users. What is not to be had is said; with AUSCULT_FOREIGN=1 it is a failure.
# shellcheck disable=SC2015,SC2016 # what fails ends it; doubles expand when they run
set -euo pipefail
cd "$(dirname "$0")/.."
pi=$PWD/firmware-configs/raspberry-pi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0

ok() { passed=$((passed + 1)); echo "ok: $*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
not_run() {
    [ "${AUSCULT_FOREIGN:-}" != 1 ] || fail "$* (AUSCULT_FOREIGN=1)"
    echo "NOT RUN: $*"
}
same() { [ "$1" = "$2" ] || fail "$3: $1, not $2"; }

# A program that records how it was called, in one line, and does what is asked of it.
double() {
    printf '#!/bin/sh\nprintf "%%s\\n" "%s $*" >>"%s"\n%s\n' "$1" "$work/said" "$2" >"$work/doubles/$1"
    chmod +x "$work/doubles/$1"
}
fresh() { rm -rf "${work:?}"/*; mkdir -p "$work/doubles" "$work/boot" "$work/etc"; : >"$work/said"; }
said() { grep -qxF -- "$1" "$work/said"; }

scripts() {
    shellcheck "$pi"/{auscult,first-boot,monitor,package,radio,silent} "$pi"/debian/p* tests/raspberry-pi*.sh ||
        fail "shellcheck"
    local script
    for script in "$pi"/{auscult,first-boot,monitor,radio,silent} "$pi"/debian/p*; do
        same "$(sed 1q "$script")" "#!/bin/sh" "$script begins with"
        sh -n "$script"
    done
    ok "shellcheck finds nothing"
}

# ---- first-boot

first_boot() { PATH=$work/doubles:$PATH AUSCULT_BOOT=$work/boot AUSCULT_ETC=$work/etc sh "$pi/first-boot" >"$work/out" 2>&1; }
with_network() { double ip 'case $* in *-4*) echo default via 192.0.2.1 dev eth0 ;; esac'; }

first_boots() {
    local code=AAAA-BBBB-CCCC
    fresh && with_network
    double auscult 'case $1 in enrol) cat >"'"$work"'/stdin" ;; esac'
    double systemctl :
    printf '\xef\xbb\xbf%s  \r\nhttps://a.example:8443\r\n# by hand\r\nhttps://b.example\r\n' "$code" >"$work/boot/auscult.code"
    first_boot || fail "a code is not used: $(cat "$work/out")"
    said "auscult enrol --config $work/etc/agent.toml --collector https://a.example:8443 --collector https://b.example" ||
        fail "enrolment was called as: $(cat "$work/said")"
    same "$(cat "$work/stdin")" "$code" "on standard input was"
    [ ! -e "$work/boot/auscult.code" ] || fail "the code is still there"
    ! grep -q "$code" "$work/said" "$work/out" || fail "the code was said aloud"
    ok "a code is used once, handed over on standard input, and deleted"

    double auscult 'exit 1'
    echo "$code" >"$work/boot/auscult.code"
    ! first_boot || fail "a failure is no failure"
    same "$(cat "$work/boot/auscult.code")" "$code" "the code that is kept is"
    ok "a code that was not used is kept, and it is tried again"

    fresh && double ip : && double auscult :
    echo "$code" >"$work/boot/auscult.code"
    ! first_boot || fail "without a network there is no enrolment"
    ! grep -q '^auscult' "$work/said" || fail "the sensor was stopped for nothing"
    [ -e "$work/boot/auscult.code" ] || fail "the code is gone"
    ok "without a way out nothing is stopped, and the code is kept"

    fresh && with_network
    double auscult :
    double systemctl :
    echo old >"$work/etc/agent.toml"
    printf 'state = "s"\r\n[capture]\r\n' >"$work/boot/auscult.toml"
    first_boot || fail "a configuration is not taken: $(cat "$work/out")"
    same "$(cat "$work/etc/agent.toml")" "$(printf 'state = "s"\n[capture]')" "the configuration is"
    same "$(stat -c '%a %U' "$work/etc/agent.toml")" "644 $(id -un)" "the configuration's mode and owner are"
    same "$(ls "$work/etc")" agent.toml "in the folder lies"
    [ ! -e "$work/boot/auscult.toml" ] || fail "the configuration is still on the boot partition"
    said "systemctl --no-block try-restart auscult.service" || fail "the sensor does not take it"
    ok "a configuration is tested, put in place without Windows' ends of lines, and taken from the boot partition"

    double auscult 'case $1 in identity) exit 2 ;; esac'
    : >"$work/said"
    echo bad >"$work/boot/auscult.toml"
    echo "$code" >"$work/boot/auscult.code"
    ! first_boot || fail "a refused configuration is no failure"
    same "$(sed 1q "$work/etc/agent.toml")" 'state = "s"' "the configuration is now"
    same "$(ls "$work/etc")" agent.toml "in the folder lies"
    [ -e "$work/boot/auscult.toml" ] && [ -e "$work/boot/auscult.code" ] || fail "what a person has to mend is gone"
    ! grep -q '^auscult enrol' "$work/said" || fail "the code was used with another configuration than the one meant"
    ok "a refused configuration is kept out, and the code is kept with it"

    fresh
    first_boot || fail "nothing to do is a failure"
    same "$(cat "$work/said")" "" "with nothing to do it started"
    ok "with nothing on the boot partition nothing happens"
}

# ---- auscult

# Runs the command with doubles; the agent is one that says who it is.
command_() {
    PATH=$work/doubles:$PATH AUSCULT_AGENT=$work/doubles/agent AUSCULT_USER=daemon AUSCULT_PARTS=$work/doubles sh "$pi/auscult" "$@"
}

commands() {
    fresh
    chmod 755 "$work" "$work/doubles" && chmod 666 "$work/said"
    double agent 'id -un; grep -E "^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs)" /proc/self/status | tr -d "\t\n"; exit ${AUSCULT_EXIT:-0}'
    double systemctl :
    local right=0000000000002000
    same "$(command_ status)" "daemon
CapInh:${right}CapPrm:${right}CapEff:${right}CapBnd:${right}CapAmb:${right}NoNewPrivs:1" "the agent runs as"
    same "$(cat "$work/said")" "agent status" "started was"
    ok "the agent runs as the sensor's user, with the right to listen and no other"

    : >"$work/said"
    command_ enrol --again >/dev/null
    same "$(tr '\n' ';' <"$work/said")" "systemctl --quiet is-active auscult.service;systemctl stop auscult.service;agent enrol \
--again;systemctl --no-block start auscult.service;" "enrolment did"
    : >"$work/said"
    local status=0
    AUSCULT_EXIT=7 command_ rotate >/dev/null || status=$?
    same "$status" 7 "the exit status is"
    said "systemctl --no-block start auscult.service" || fail "the service stays stopped"
    double systemctl 'case $* in *is-active*) exit 3 ;; esac'
    : >"$work/said"
    command_ enrol >/dev/null
    ! grep -qE 'start|stop' "$work/said" || fail "a service that did not run was touched"
    ok "the service pauses while keys change, also if that fails, and stays stopped if it was"

    : >"$work/said"
    double agent 'id -un'
    same "$(command_ setup --from answers)" "$(id -un)" "setup runs as"
    same "$(cat "$work/said")" "agent setup --through $pi/auscult --from answers" "started was"
    : >"$work/said"
    command_ restart
    same "$(cat "$work/said")" "systemctl restart auscult.service" "started was"
    ok "a set-up asks as root, and does the rest through this command"

    double silent :
    : >"$work/said"
    command_ silent eth1 --undo
    said "silent eth1 --undo" || fail "$(cat "$work/said")"
    ok "its parts get their arguments"
}

# ---- monitor, radio

interface() {
    mkdir -p "$work/sys/class/net/$1/phy80211"
    echo "$2" >"$work/sys/class/net/$1/phy80211/name"
    echo "$3" >"$work/sys/class/net/$1/type"
    echo "$4" >"$work/sys/class/net/$1/operstate"
}
monitor() {
    : >"$work/said"
    PATH=$work/doubles:$PATH AUSCULT_SYS=$work/sys sh "$pi/monitor" phy1 >"$work/out" 2>&1 || fail "monitor fails hard"
}
left() {
    monitor
    grep -q "$1" "$work/out" || fail "monitor said: $(cat "$work/out")"
    ! grep -qE 'add| up$' "$work/said" || fail "monitor did: $(cat "$work/said")"
}

monitors() {
    fresh && mkdir -p "$work/sys/class/net"
    double ip :
    double iw 'case $* in *info) printf "\tSupported interface modes:\n\t\t * managed\n\t\t * monitor\n" ;; esac'
    interface wlan0 phy0 1 up
    interface wlan1 phy1 1 down
    monitor
    same "$(grep -v info "$work/said" | tr '\n' ';')" "ip link set dev wlan1 down;iw phy phy1 interface add mon0 type monitor;ip \
link set dev mon0 up;" "monitor did"
    interface mon0 phy0 803 unknown
    monitor
    said "ip link set dev mon1 up" || fail "a second radio: $(cat "$work/said")"
    interface mon1 phy1 803 unknown
    monitor
    ! grep -q add "$work/said" || fail "a radio that listens already: $(cat "$work/said")"
    ok "a radio that nobody uses listens, once, and does not look for networks beside"

    rm -r "$work/sys/class/net/mon1"
    interface wlan1 phy1 1 up
    left "wlan1 is in use"
    interface wlan1 phy1 1 down
    double iw 'case $* in *info) printf "\t\t * managed\n\t\t * P2P-monitor\n" ;; esac'
    left "no monitor mode"
    double iw 'exit 237'
    left "no such radio"
    rm "$work/doubles/iw"
    mkdir "$work/bin" && ln -s "$(command -v sh)" "$(command -v grep)" "$work/bin/"
    (PATH=$work/bin AUSCULT_SYS=$work/sys sh "$pi/monitor" phy1 2>"$work/out") || fail "monitor fails hard without iw"
    grep -q "iw is not installed" "$work/out" || fail "$(cat "$work/out")"
    double iw 'case $* in *info) echo "		 * monitor" ;; *add*) exit 1 ;; esac'
    monitor && grep -q "makes no monitor interface" "$work/out" || fail "$(cat "$work/out")"
    ok "a radio that is missing, in use or cannot listen is said and left alone"

    double iw :
    double systemctl :
    double udevadm :
    mkdir -p "$work/root/usr/share/auscult" "$work/sys/devices/usb1/1-1" && cp "$pi"/radio.* "$work/root/usr/share/auscult/"
    rm -f "$work/root/usr/share/auscult/"*.service
    radio() { PATH=$work/doubles:$PATH AUSCULT_ROOT=$work/root AUSCULT_SYS=$work/sys sh "$pi/radio" "$@" >"$work/out" 2>&1; }
    double ip 'echo default via 192.0.2.1 dev wlan1'
    ln -s "$work/sys/devices/usb1/1-1" "$work/sys/class/net/wlan1/phy80211/device"
    ! radio || fail "the way out was taken"
    [ ! -e "$work/root/etc" ] || fail "something was put in place"
    double ip 'echo default via 192.0.2.1 dev eth0'
    radio || fail "$(cat "$work/out")"
    [ -s "$work/root/etc/udev/rules.d/90-auscult.rules" ] && [ -s "$work/root/etc/systemd/system/auscult.service.d/radio.conf" ] ||
        fail "rule and right are not in place"
    radio --undo && same "$(find "$work/root/etc" -type f)" "" "left is"
    ok "radios in USB are taken when a person says so, and never the one that carries the way out"
}

# ---- silent

# In a network namespace: eth1 is the port, eth2 one without the script, out is the machine's own with the way out.
silence() {
    ip link set lo up
    ip link add eth1 type veth peer name far1
    ip link add eth2 type veth peer name far2
    ip link add out type veth peer name far3
    ip link set far3 up
    ip address add 192.0.2.1/24 dev out
    ip link set out up
    ip route add default via 192.0.2.254
    unshare -n sleep 600 &
    local far=$! tries
    # shellcheck disable=SC2064 # the process of now
    trap "kill $far" EXIT
    until [ "$(readlink "/proc/$far/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
    ip link set far1 netns "$far"
    ip link set far2 netns "$far"
    ip address add 10.0.0.7/24 dev eth1
    beyond() { nsenter -n -t "$far" "$@"; }
    beyond ip link set far1 up
    beyond ip link set far2 up
    mkdir -p "$work/root/usr/share" && ln -s "$pi" "$work/root/usr/share/auscult"
    double systemctl 'case $* in *is-active*) exit 3 ;; esac'
    silent() { PATH=$work/doubles:$PATH AUSCULT_ROOT=$work/root sh "$pi/silent" "$@"; }
    ! silent out 2>"$work/out" || fail "the way out was silenced"
    grep -q "way out" "$work/out" || fail "$(cat "$work/out")"
    ! silent 'eth1;reboot' 2>/dev/null || fail "a name that is none"
    silent eth1 >/dev/null
    same "$(cd "$work/root/etc" && find . -type f | sort | tr '\n' ' ')" "./NetworkManager/conf.d/90-auscult-eth1.conf \
./sysctl.d/90-auscult-eth1.conf ./systemd/network/05-auscult-eth1.network " "written down is"
    ! grep -r 'PORT[^ ]*=\|=.*PORT' "$work/root/etc" || fail "the port is not named"
    said "systemctl enable auscult-silent@eth1.service" || fail "$(cat "$work/said")"
    sent() { cat "/sys/class/net/$1/statistics/tx_packets"; }
    mount -t sysfs sysfs /sys
    silent --now eth1
    ip link set eth2 up
    # What the kernel says on a port of its own: group reports, duplicate detection, router solicitations.
    for tries in $(seq 300); do [ "$(sent eth2)" -lt 4 ] || break; sleep 0.1; done
    [ "$(sent eth2)" -ge 4 ] || fail "the other port is silent, too: nothing is shown by this ($tries)"
    # Somebody asks there for the machine's other address.
    for n in 1 2; do
        beyond ip address add "192.0.2.10$n/32" dev "far$n"
        beyond ip route replace 192.0.2.1/32 dev "far$n" src "192.0.2.10$n"
        ip route add "192.0.2.10$n/32" dev "eth$n"
        beyond bash -c 'echo >/dev/udp/192.0.2.1/9'
        for tries in $(seq 300); do
            state=$(beyond ip neigh show 192.0.2.1 dev "far$n" | awk '{ print $NF }')
            case $state in REACHABLE | STALE | DELAY | PROBE | FAILED) break ;; esac
            sleep 0.1
        done
        echo "far$n $state" >>"$work/asked"
    done
    grep -q '^far1 FAILED' "$work/asked" && ! grep -q '^far2 FAILED' "$work/asked" || fail "who asked got: $(tr '\n' ' ' <"$work/asked")"
    same "$(sent eth1)" 0 "frames that left the silent port"
    same "$(ip -o address show dev eth1)" "" "addresses of the silent port"
    ip -o link show dev eth1 | grep -q ',UP' || fail "the silent port is not up"
    ok "nothing leaves a silent port ($(sent eth2) frames left the one beside it), also if somebody asks there"
}

# ---- units

# What a Debian of the age that is supported says of them; the programs need to be there.
units() {
    local root=$work/root unit verdict score
    fresh
    mkdir -p "$root/usr/lib/systemd/system" "$root/usr/bin" "$root/usr/lib/auscult" "$root/bin"
    cp /usr/lib/systemd/system/*.target "$root/usr/lib/systemd/system/"
    cp "$pi"/*.service "$root/usr/lib/systemd/system/"
    cp "$pi"/{first-boot,monitor,silent} "$root/usr/lib/auscult/"
    install -m 755 /bin/true "$root/usr/bin/auscult-agent"
    install -m 755 /bin/true "$root/bin/sh"
    for unit in auscult.service auscult-first-boot.service auscult-monitor@phy1.service auscult-silent@eth1.service; do
        verdict=$(SYSTEMD_LOG_LEVEL=warning systemd-analyze --root="$root" --man=no verify "$unit" 2>&1) ||
            fail "systemd-analyze verify $unit: $verdict"
        same "$verdict" "" "systemd-analyze verify $unit says"
    done
    ok "$(systemd-analyze --version | sed 1q) finds no fault in the units"
    for unit in auscult.service:20 auscult-first-boot.service:38 auscult-monitor@.service:18 auscult-silent@.service:20; do
        score=$(systemd-analyze --offline=true --no-pager --threshold="${unit#*:}" security "$pi/${unit%:*}" | tail -n 1) ||
            fail "${unit%:*}: $score"
        ok "systemd-analyze security $score"
    done
}

if [ "${1:-}" = in-namespaces ]; then
    fresh
    silence
    exit
fi
if command -v shellcheck >/dev/null; then scripts; else not_run "shellcheck is not installed"; fi
first_boots
if [ "$(id -u)" = 0 ]; then commands; else not_run "another user needs root"; fi
monitors
if unshare -n -m true 2>/dev/null; then
    unshare -n -m "$PWD/tests/raspberry-pi.sh" in-namespaces || fail "a silent port"
    passed=$((passed + 1))
else
    not_run "a network namespace needs root"
fi
if command -v systemd-analyze >/dev/null; then units; else not_run "systemd is not installed"; fi
echo "raspberry-pi: $passed passed"
