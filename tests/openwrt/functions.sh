# A double of OpenWrt's /lib/functions.sh for the tests of firmware-configs/openwrt: the same functions with the same meaning, for what
# our scripts call. Values come from `uci export`, whose quoting is what makes its evaluation safe, as there.
# shellcheck shell=dash disable=SC2034,SC2317

N='
'

append() {
	local _sep="${3:- }"
	eval "[ -z \"\${$1:-}\" ] || $1=\"\${$1}\$_sep\""
	eval "$1=\"\${$1:-}\$2\""
}

reset_cb() {
	config_cb() { return 0; }
	option_cb() { return 0; }
	list_cb() { return 0; }
}
type config_cb >/dev/null 2>&1 || reset_cb

package() { return 0; }

config() {
	CONFIG_SECTION=$2
	append CONFIG_SECTIONS "$2"
	eval "CONFIG_${2}_TYPE=\$1"
	config_cb "$1" "$2"
}

option() {
	eval "CONFIG_${CONFIG_SECTION}_$1=\$2"
	option_cb "$1" "$2"
}

list() {
	local _count
	eval "_count=\$((\${CONFIG_${CONFIG_SECTION}_${1}_LENGTH:-0} + 1))"
	eval "CONFIG_${CONFIG_SECTION}_${1}_LENGTH=$_count CONFIG_${CONFIG_SECTION}_${1}_ITEM$_count=\$2"
	append "CONFIG_${CONFIG_SECTION}_$1" "$2"
	list_cb "$1" "$2"
}

config_load() {
	local _data
	CONFIG_SECTIONS='' CONFIG_SECTION=''
	_data=$(uci -q -n export "$1") || return 1
	eval "$_data"
	[ -z "$CONFIG_SECTION" ] || config_cb
}

config_get() {
	eval "$1=\"\${CONFIG_${2}_$3:-\${4:-}}\""
}

config_get_bool() {
	local _value
	config_get _value "$2" "$3" "${4:-}"
	case "$_value" in
	1 | on | true | yes | enabled) _value=1 ;;
	0 | off | false | no | disabled) _value=0 ;;
	*) _value=${4:-} ;;
	esac
	eval "$1=\$_value"
}

config_foreach() {
	local _call=$1 _kind=$2 _section _is
	shift 2
	for _section in $CONFIG_SECTIONS; do
		config_get _is "$_section" TYPE
		[ "$_is" != "$_kind" ] || "$_call" "$_section" "$@"
	done
}

config_list_foreach() {
	local _section=$1 _key=$2 _call=$3 _length _n=1 _item
	shift 3
	config_get _length "$_section" "${_key}_LENGTH" 0
	while [ "$_n" -le "$_length" ]; do
		config_get _item "$_section" "${_key}_ITEM$_n"
		"$_call" "$_item" "$@"
		_n=$((_n + 1))
	done
}

# What a package's hooks call.
add_group_and_user() { echo "user" >>"$DOUBLE_LOG"; }
default_postinst() { echo "postinst $*" >>"$DOUBLE_LOG"; }
default_prerm() { echo "prerm $*" >>"$DOUBLE_LOG"; }
