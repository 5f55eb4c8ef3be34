#!/usr/bin/env python3
"""Records a capture of a domain: its controller answers calls (DCE/RPC), its directory (LDAP), tickets (Kerberos) and shares (SMB).

    record_domain.py ROOT VENV

As record.py, whose laboratory it uses: ROOT is a folder with a Debian 12 in it and the packages of PACKAGES; of VENV nothing is used.
"""
import record

PACKAGES = """samba samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind smbclient ldap-utils libsasl2-modules krb5-user ldb-tools
python3-samba python3-markdown python3-dnspython attr python3-minimal iproute2 procps"""

WORD = "CnryDomain1!"


class Expect(record.Expect):
    def __init__(self, name, *more):
        super().__init__(name, *more)
        self.said["origin"]["by"] = "record_domain.py"


def domain_controller(clinic):
    """Calls by TCP with NTLM and without a name, binds of LDAP by NTLM, with a readable password, without a name; a wrong password."""
    dc, desk = clinic.host("dc", 3, "00:15:5d:20:00:03"), clinic.host("desk", 51, "00:0c:29:20:00:51")
    out = clinic.host("out", 50, "02:00:5e:00:00:50", outside=True)
    dc.run("rm -f /etc/samba/smb.conf; samba-tool domain provision --realm CLINIC.EXAMPLE --domain CLINIC --server-role dc --use-rfc2307 "
           f"--dns-backend SAMBA_INTERNAL --adminpass '{WORD}' --host-ip={dc.ip}", 300, check=True)
    dc.run("sed -i 's/^\\[global\\]/&\\nldap server require strong auth = no/' /etc/samba/smb.conf", check=True)
    dc.run(f"samba-tool user create zzcanary '{WORD}2' --given-name=Ada --surname=Zzcanary", 60, check=True)
    dc.serve("exec samba --foreground --no-process-group --debug-stdout", 135, 3268, 445, 88)
    clinic.listen("tcp or udp")
    ntlm = "--use-kerberos=off -U 'CLINIC\\zzcanary%{}'"
    right, wrong, nobody = ntlm.format(WORD + "2"), ntlm.format("wrongCnry1"), "--use-kerberos=off -N -U%"
    for level in ("", ",sign", ",seal"):
        desk.run(f"rpcclient 'ncacn_ip_tcp:{dc.ip}[ntlm{level}]' {right} -c 'getusername; enumdomusers'", check=True)
    desk.run(f"rpcclient 'ncacn_ip_tcp:{dc.ip}' {nobody} -c 'getusername'"), out.run(f"rpcclient 'ncacn_ip_tcp:{dc.ip}[ntlm]' {wrong} -c 'enumdomusers'")
    desk.run(f"ldbsearch -H ldap://{dc.ip} {right} '(sAMAccountName=zzcanary)' cn", check=True)
    desk.run(f"ldbsearch -H ldap://{dc.ip} {wrong} '(sAMAccountName=zzcanary)' cn")
    desk.run(f"ldapsearch -x -H ldap://{dc.ip} -s base -b '' defaultNamingContext", check=True)
    desk.run(f"ldapsearch -x -H ldap://{dc.ip} -D zzcanary@clinic.example -w '{WORD}2' -b DC=clinic,DC=example '(sn=Zzcanary)' cn", check=True)
    desk.run(f"smbclient -L {dc.ip} {right}", check=True)
    desk.write("/etc/krb5.conf", f"[libdefaults]\ndefault_realm = CLINIC.EXAMPLE\ndns_lookup_kdc = false\n[realms]\nCLINIC.EXAMPLE = {{\nkdc = {dc.ip}\n}}\n")
    desk.run(f"echo '{WORD}2' | kinit zzcanary", check=True)
    clinic.close()
    e = Expect(clinic.name, "A domain controller: calls, directory, tickets, shares; an outside client with a wrong password", ["server: Samba 4.17.12 as a domain controller (Debian 12)", "clients: rpcclient, smbclient and ldbsearch of Samba 4.17.12, ldapsearch 2.5.13, MIT kinit 1.20"])
    e.service(dc, 135, "tcp", "dcerpc", "dcerpc")
    high = sorted({int(p) for p in record.sh("tshark", "-n", "-r", str(e.pcap), "-Y", f"dcerpc && ip.src=={dc.ip} && tcp.srcport>=49152", "-T", "fields", "-e", "tcp.srcport").split()})
    for port in high:
        e.service(dc, port, "tcp", "dcerpc", "dcerpc")
    e.service(dc, 389, "tcp", "ldap", "ldap"), e.service(dc, 445, "tcp", "smb", "smb2"), e.service(dc, 88, "udp", "kerberos", "kerberos")
    for port in (135, high[-1]):
        e.exposure("remote-administration-reachable-from-outside", dc, port, "calls of an outside client were answered")
    e.absent("end-of-life-operating-system", dc, 0, "Samba writes 6.1 and no build: it is no Windows 7")
    e.never("Zzcanary", "zzcanary", WORD, WORD + "2", "CLINIC.EXAMPLE")
    e.save()


if __name__ == "__main__":
    record.SCENARIOS = {"domain-controller": domain_controller}
    record.main()
