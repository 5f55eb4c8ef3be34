#!/usr/bin/env bash
# The package for Raspberry Pis, of static programs that are built already: the same program gives the same octets, every file has
# its place, owner and mode, and in a Debian for arm64 that is made here and runs under emulation it is installed, used, installed
# again, removed and purged, after which nothing of it is left.
#
#   tests/raspberry-pi-package.sh TRIPLE=PROGRAM...    as in aarch64-unknown-linux-musl=target/.../auscult-agent
#
# Needs root, debootstrap, Debian's archive, the emulators of firmware-configs/toolchain, and a kernel whose binfmt_misc belongs to a
# user namespace (6.7), so that nothing of the machine is changed. What is not to be had is said; with AUSCULT_FOREIGN=1 it is a
# failure. AUSCULT_PI_ROOT names a folder that keeps the Debian for the next time.
# shellcheck disable=SC2015,SC2016 # what fails ends it; what is written expands inside
set -euo pipefail
cd "$(dirname "$0")/.."
pi=$PWD/firmware-configs/raspberry-pi
emulators=$(firmware-configs/toolchain --where)/qemu
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
passed=0
release=bookworm

ok() { passed=$((passed + 1)); echo "ok: $*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
not_run() {
    [ "${AUSCULT_FOREIGN:-}" != 1 ] || fail "$* (AUSCULT_FOREIGN=1)"
    echo "NOT RUN: $*"
    echo "raspberry-pi-package: $passed passed"
    exit 0
}
same() { [ "$1" = "$2" ] || fail "$3:
$(diff <(echo "$2") <(echo "$1"))"; }

# Mode, owner and place of every file.
files() {
    cat <<END
drwxr-xr-x root/root ./
drwxr-xr-x root/root ./etc/
drwxr-xr-x root/root ./etc/auscult/
drwxr-xr-x root/root ./usr/
drwxr-xr-x root/root ./usr/bin/
drwxr-xr-x root/root ./usr/lib/
drwxr-xr-x root/root ./usr/lib/auscult/
drwxr-xr-x root/root ./usr/lib/systemd/
drwxr-xr-x root/root ./usr/lib/systemd/system/
drwxr-xr-x root/root ./usr/lib/sysusers.d/
drwxr-xr-x root/root ./usr/sbin/
drwxr-xr-x root/root ./usr/share/
drwxr-xr-x root/root ./usr/share/auscult/
drwxr-xr-x root/root ./usr/share/doc/
drwxr-xr-x root/root ./usr/share/doc/auscult-agent/
-rw-r--r-- root/root ./etc/auscult/agent.toml
-rw-r--r-- root/root ./usr/lib/systemd/system/auscult-first-boot.service
-rw-r--r-- root/root ./usr/lib/systemd/system/auscult-monitor@.service
-rw-r--r-- root/root ./usr/lib/systemd/system/auscult-silent@.service
-rw-r--r-- root/root ./usr/lib/systemd/system/auscult.service
-rw-r--r-- root/root ./usr/lib/sysusers.d/auscult.conf
-rw-r--r-- root/root ./usr/share/auscult/journal.conf
-rw-r--r-- root/root ./usr/share/auscult/radio.conf
-rw-r--r-- root/root ./usr/share/auscult/radio.rules
-rw-r--r-- root/root ./usr/share/auscult/silent.network
-rw-r--r-- root/root ./usr/share/auscult/silent.nm
-rw-r--r-- root/root ./usr/share/auscult/silent.sysctl
-rw-r--r-- root/root ./usr/share/auscult/user-data
-rw-r--r-- root/root ./usr/share/auscult/watchdog.conf
-rw-r--r-- root/root ./usr/share/doc/auscult-agent/NOTICES.gz
-rw-r--r-- root/root ./usr/share/doc/auscult-agent/README.md
-rw-r--r-- root/root ./usr/share/doc/auscult-agent/agent.toml
-rw-r--r-- root/root ./usr/share/doc/auscult-agent/copyright
-rw-r--r-- root/root ./usr/share/doc/auscult-agent/setup.toml
-rwxr-xr-x root/root ./usr/bin/auscult-agent
-rwxr-xr-x root/root ./usr/lib/auscult/first-boot
-rwxr-xr-x root/root ./usr/lib/auscult/monitor
-rwxr-xr-x root/root ./usr/lib/auscult/radio
-rwxr-xr-x root/root ./usr/lib/auscult/silent
-rwxr-xr-x root/root ./usr/sbin/auscult
END
}

architecture() {
    case $1 in
    aarch64-*) echo arm64 ;;
    armv7-*) echo armhf ;;
    x86_64-*) echo amd64 ;;
    *) fail "no package is made for $1" ;;
    esac
}

# Makes the package of a program twice, and looks into it.
package() {
    local triple=$1 program=$2 wanted deb again
    wanted=$(architecture "$triple")
    deb=$("$pi/package" "$triple" "$program" "$work/out")
    again=$("$pi/package" "$triple" "$program" "$work/again")
    cmp "$deb" "$again" || fail "the same program gives other octets"
    same "$(dpkg-deb -f "$deb" Package Architecture Depends)" "Package: auscult-agent
Architecture: $wanted
Depends: init-system-helpers, passwd" "the package says"
    same "$(dpkg-deb -I "$deb" conffiles)" /etc/auscult/agent.toml "configuration files are"
    same "$(dpkg-deb -c "$deb" | awk '{ print $1, $2, $6 }' | sed 's/ 0\/0 / root\/root /' | { cat; echo "drwxr-xr-x root/root ./"; } |
        LC_ALL=C sort -u)" "$(files | LC_ALL=C sort)" "files of the package"
    ok "$(basename "$deb"), $(stat -c %s "$deb") octets, twice the same, each file at its place"
}

# The Debian: unpacked here, set up by its own programs under emulation.
debian() {
    [ ! -e "$root/.made" ] || return 0
    command -v debootstrap >/dev/null || not_run "debootstrap is not installed"
    [ ! -e "$root" ] || rm -rf --one-file-system "${root:?}"/*
    mkdir -p "$root"
    debootstrap --foreign --variant=minbase --arch=arm64 --include=systemd "$release" "$root" >"$work/log" 2>&1 ||
        { tail -n 5 "$work/log"; not_run "Debian's archive does not give $release for arm64"; }
    # A namespace makes no device nodes; it has those that are there.
    mkdir -p "$root/usr/local/sbin"
    printf '#!/bin/sh\n: >"$1"\n' >"$root/usr/local/sbin/mknod"
    chmod +x "$root/usr/local/sbin/mknod"
    inside /debootstrap/debootstrap --second-stage >"$work/log" 2>&1 || { tail -n 5 "$work/log"; fail "the Debian cannot be set up"; }
    rm "$root/usr/local/sbin/mknod"
    touch "$root/.made"
}

# Runs a program in the Debian, as root of a user namespace with an emulator of its own.
inside() {
    local child go=$work/go
    rm -f "$go"
    mkfifo "$go"
    unshare -U -m -p -f --kill-child sh -c 'read -r _ <"$0" && exec "$@"' "$go" "$work/enter" "$@" &
    child=$!
    until [ "$(readlink "/proc/$child/ns/user")" != "$(readlink /proc/self/ns/user)" ]; do sleep 0.1; done
    echo 0 0 65536 >"/proc/$child/uid_map"
    echo 0 0 65536 >"/proc/$child/gid_map"
    echo >"$go"
    wait "$child"
}
entrance() {
    local magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    local mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    cat >"$work/enter" <<END
#!/bin/bash
set -e
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
printf '%s' ':aarch64:M::$magic:$mask:$emulators/qemu-aarch64-static:F' >/proc/sys/fs/binfmt_misc/register
mount -t proc proc "$root/proc"
exec chroot "$root" /usr/bin/env -i DEBIAN_FRONTEND=noninteractive LC_ALL=C QEMU_CPU=cortex-a53 \
    PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin "\$@"
END
    chmod +x "$work/enter"
}

# Everything there is, with mode, owner and (of files) a hash; but for what dpkg and shadow write about themselves, and the mark that
# systemd's checker leaves when it loads units.
inventory() {
    (cd "$root" && find . -xdev \( -path ./proc -o -path ./var/lib/dpkg -o -path ./var/log -o -path ./var/cache -o -path ./tmp \) -prune \
        -o ! -path './etc/*-' ! -name .pwd.lock ! -path ./run/systemd/systemd-units-load \( -type f -printf '%p %m %U:%G ' -exec sh -c 'sha256sum <"$1"' _ {} \; \
        -o -printf '%p %m %U:%G %l\n' \) | sort)
}

installed() {
    # What a run that failed left in a Debian that is kept.
    [ ! -e "$root/var/lib/dpkg/info/auscult-agent.list" ] || inside dpkg --purge auscult-agent >/dev/null
    rm -rf "$root/boot/firmware"
    cp "$work/out/"*_arm64.deb "$root/tmp/auscult.deb"
    inventory >"$work/before"
    inside dpkg --install /tmp/auscult.deb >"$work/log" 2>&1 || { cat "$work/log"; fail "it does not install"; }
    ! grep -iE 'warning|error' "$work/log" || fail "the installation complains"
    inside sh -c '
        as_sensor() { setpriv --reuid auscult --regid auscult --clear-groups "$@"; }
        getent passwd auscult | grep -q ":/var/lib/auscult:/usr/sbin/nologin$" &&
            [ "$(stat -c "%a %U:%G" /var/lib/auscult)" = "700 auscult:auscult" ] &&
            [ "$(stat -c "%a %U:%G" /etc/auscult/agent.toml)" = "644 root:root" ] &&
            as_sensor test -r /etc/auscult/agent.toml && ! as_sensor test -w /etc/auscult/agent.toml &&
            ! as_sensor test -w /etc/auscult &&
            [ -h /etc/systemd/system/multi-user.target.wants/auscult.service ] &&
            [ -h /etc/systemd/system/multi-user.target.wants/auscult-first-boot.service ]
        ' || fail "user, folders or units"
    ok "it installs: user, folders with their owners, units enabled"

    inside sh -c 'systemd-analyze --man=no verify auscult.service auscult-first-boot.service auscult-monitor@phy1.service \
        auscult-silent@eth1.service' >"$work/log" 2>&1 || { cat "$work/log"; fail "systemd-analyze verify"; }
    ! grep -i auscult "$work/log" || fail "systemd-analyze verify complains"
    ok "$(inside systemd-analyze --version | sed 1q) for arm64 finds no fault in the units where they are"
}

used() {
    inside auscult --version >"$work/version" && inside auscult-agent --version | cmp - "$work/version" || fail "it does not start"
    inside auscult identity >"$work/identity" || fail "identity"
    same "$(wc -l <"$work/identity")" 3 "lines of its identity"
    inside sh -c 'find /var/lib/auscult -type f | grep -q . && ! find /var/lib/auscult ! -user auscult | grep . &&
        ! find /var/lib/auscult -type f -perm /077 | grep .' ||
        fail "keys that the service cannot read, or others can"
    ok "$(cat "$work/version") runs under emulation with the configuration that is shipped, and its keys are its own"

    # The real thing on a boot partition: a code of the right form, and nobody who has it.
    local code=auscult1-9f3k2
    inside sh -c "mkdir -p /boot/firmware; echo $code >/boot/firmware/auscult.code; echo 'state = 1' >/boot/firmware/auscult.toml
        /usr/lib/auscult/first-boot" >"$work/log" 2>&1 && fail "a configuration with a fault is no failure"
    grep -q 'agent.toml.new: line 1' "$work/log" || fail "the fault is not named: $(cat "$work/log")"
    inside sh -c 'grep -q eth0 /etc/auscult/agent.toml && [ ! -e /etc/auscult/agent.toml.new ]' || fail "the configuration is gone"
    inside sh -c 'sed "s/eth0/eth7/; s/\$/\r/" /usr/share/doc/auscult-agent/agent.toml >/boot/firmware/auscult.toml
        sed -i s/br-lan/eth7/ /boot/firmware/auscult.toml; /usr/lib/auscult/first-boot' >"$work/log" 2>&1 && fail "a wrong code is no failure"
    inside sh -c 'grep -q eth7 /etc/auscult/agent.toml && [ ! -e /boot/firmware/auscult.toml ] && [ -e /boot/firmware/auscult.code ]' ||
        fail "a good configuration is not in place: $(cat "$work/log")"
    ! grep -q "$code" "$work/log" || fail "the code was said aloud"
    ok "on the boot partition: a configuration with a fault is kept out, a good one taken, a wrong code kept"
}

removed() {
    local kept
    inside sh -c 'rm -r /boot/firmware; find /var/lib/auscult -type f -exec sha256sum {} +; sha256sum /etc/auscult/agent.toml' >"$work/kept"
    inside dpkg --install --force-confold /tmp/auscult.deb >"$work/log" 2>&1 || { cat "$work/log"; fail "it does not install again"; }
    inside sh -c 'find /var/lib/auscult -type f -exec sha256sum {} +; sha256sum /etc/auscult/agent.toml' | cmp - "$work/kept" ||
        fail "an upgrade changed keys or configuration"
    inside dpkg --remove auscult-agent >"$work/log" 2>&1 || { cat "$work/log"; fail "it cannot be removed"; }
    kept=$(inside sh -c 'find /var/lib/auscult -type f -exec sha256sum {} +; sha256sum /etc/auscult/agent.toml')
    same "$kept" "$(cat "$work/kept")" "after the removal there is"
    [ ! -e "$root/usr/bin/auscult-agent" ] && [ ! -e "$root/usr/lib/auscult" ] || fail "the program is still there"
    ok "an upgrade and a removal keep keys, record and configuration"

    inside sh -c 'mkdir -p /etc/systemd/journald.conf.d /etc/systemd/system.conf.d /etc/udev/rules.d /etc/sysctl.d /etc/systemd/network
        mkdir -p /etc/NetworkManager/conf.d && touch /etc/NetworkManager/conf.d/90-auscult-eth1.conf
        mkdir -p /etc/systemd/system/auscult.service.d /etc/systemd/system/sys-subsystem-net-devices-eth1.device.wants
        touch /etc/systemd/journald.conf.d/90-auscult.conf /etc/systemd/system.conf.d/90-auscult.conf /etc/udev/rules.d/90-auscult.rules
        touch /etc/sysctl.d/90-auscult-eth1.conf /etc/systemd/network/05-auscult-eth1.network
        touch /etc/systemd/system/auscult.service.d/radio.conf /etc/auscult/agent.toml.new
        ln -s /usr/lib/systemd/system/auscult-silent@.service \
            /etc/systemd/system/sys-subsystem-net-devices-eth1.device.wants/auscult-silent@eth1.service'
    inside dpkg --purge auscult-agent >"$work/log" 2>&1 || { cat "$work/log"; fail "it cannot be purged"; }
    ! grep -iE 'warning|error|not empty' "$work/log" || fail "the purge complains"
    inventory >"$work/after"
    diff "$work/before" "$work/after" || fail "something is left (>) or gone (<)"
    ok "a purge leaves nothing: user, keys, record, configuration, and what was set up for ports and radios"
}

# A program of another processor, started by its emulator: keys and the words of them.
starts() {
    local triple=$1 program=$2 emulator
    case $triple in
    aarch64-*) emulator="$emulators/qemu-aarch64-static -cpu cortex-a53" ;;
    armv7-*) emulator="$emulators/qemu-arm-static -cpu cortex-a7" ;;
    *) emulator= ;;
    esac
    mkdir -p "$work/$triple"
    dpkg-deb -x "$work/out/"*_"$(architecture "$triple")".deb "$work/$triple"
    cmp "$program" "$work/$triple/usr/bin/auscult-agent" || fail "another program is in the package"
    mkdir "$work/$triple/state"
    sed "s#^state = .*#state = \"$work/$triple/state\"#" "$work/$triple/etc/auscult/agent.toml" >"$work/$triple/agent.toml"
    # shellcheck disable=SC2086 # an emulator and its argument, or none
    same "$($emulator "$work/$triple/usr/bin/auscult-agent" identity --config "$work/$triple/agent.toml" | wc -l)" 3 "lines of its identity"
    ok "the program for $triple starts with the configuration of its package"
}

[ $# -gt 0 ] || fail "which programs? (TRIPLE=PROGRAM)"
command -v dpkg-deb >/dev/null || not_run "dpkg is not installed"
arm64=
for pair in "$@"; do
    package "${pair%%=*}" "${pair#*=}"
    starts "${pair%%=*}" "${pair#*=}"
    case $pair in aarch64-*) arm64=yes ;; esac
done
if [ -n "$arm64" ]; then
    [ "$(id -u)" = 0 ] || not_run "namespaces with users of their own need root"
    root=${AUSCULT_PI_ROOT:-$work/root}
    entrance
    unshare -U -m -r mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc 2>/dev/null ||
        not_run "this kernel has no emulators of a namespace (6.7)"
    debian
    installed
    used
    removed
fi
echo "raspberry-pi-package: $passed passed"
