# A firmware upgrade that keeps settings: the sensor seals what is in hand and stops before its state is copied. A report that it sealed
# after the copy would be known to the collector and not to the sensor, whose chain would then have to begin anew.
# shellcheck shell=dash

auscult_settle() {
	# Lists and backups leave it alone.
	if [ -n "$CONF_BACKUP" ] || [ "${CONF_BACKUP_LIST:-0}" = 1 ] || [ "${TEST:-0}" = 1 ]; then return 0; fi
	[ -x /etc/init.d/auscult ] || return 0
	/etc/init.d/auscult stop
	# procd does not wait for it.
	local left=15
	while pidof auscult-agent >/dev/null && [ "$left" -gt 0 ]; do
		sleep 1
		left=$((left - 1))
	done
}

# shellcheck disable=SC2034 # read by sysupgrade
sysupgrade_init_conffiles="auscult_settle $sysupgrade_init_conffiles"
