# A double of OpenWrt's /lib/functions/network.sh: what ubus would say stands in files of $DOUBLE_NET, as in lan.physdev.
# shellcheck shell=dash

_heard() {
	[ -s "$DOUBLE_NET/$2" ] || return 1
	eval "$1=\$(cat \"\$DOUBLE_NET/$2\")"
}

network_get_physdev() { _heard "$1" "$2.physdev"; }
network_get_subnets() { _heard "$1" "$2.subnets"; }
network_get_subnets6() { _heard "$1" "$2.subnets6"; }
network_get_ipaddrs() { _heard "$1" "$2.ipaddrs"; }
network_get_ipaddrs6() { _heard "$1" "$2.ipaddrs6"; }
