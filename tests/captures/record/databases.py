#!/usr/bin/env python3
"""Records databases-inside: data bases that practice programs bring along. Needs root and Debian 12 with firebird3.0-server,
firebird3.0-utils, derby-tools, a Java runtime, tcpdump and iproute2, and PYTHON naming an interpreter that has firebirdsql, passlib,
pydrda and mysqlx-connector-python (PyPI).

  databases.py                  writes databases-inside.pcap and databases-inside.expect.json into the folder above

UNPACKED may name folders (separated by `:`) into which those packages were unpacked with `dpkg -x`: they are laid over /usr and
/etc for the servers and clients of the lab alone, so that nothing is installed and no service is started beside the lab.
MySQL is not in Debian: what answers on 33060 is `x_server` here, a few lines after the published protocol; its client is Oracle's.
"""
import os, pathlib, shlex, struct, sys, time

HERE = pathlib.Path(__file__).resolve().parent
UNPACKED = [f for f in os.environ.get("UNPACKED", "").split(":") if f]
BASE = "/var/lib/firebird/3.0"
SECRET = "CnryDb77"

OPEN = """
mount --make-rprivate /
for top in usr etc; do
  under=""
  for folder in {folders}; do [ ! -d $folder/$top ] || under="$under$folder/$top:"; done
  [ -z "$under" ] || mount -t overlay overlay -o lowerdir=$under/$top /$top
done
mount -t tmpfs tmpfs /var/lib; mount -t tmpfs tmpfs /var/log; mkdir -p /var/log/firebird {base}/system {base}/data {base}/backup
mount -t tmpfs tmpfs /run; mkdir -p /run/lock
export FIREBIRD_LOCK=/run/lock FIREBIRD_TMP=/run
"""

FIREBIRD = """
mount --bind {folder}/{name}.conf /etc/firebird/3.0/firebird.conf
isql-fb -q <<'SQL'
create database '{base}/system/security3.fdb' user 'SYSDBA';
commit;
in /usr/share/firebird/3.0/security.sql;
commit;
create or alter user SYSDBA password '{secret}' using plugin Srp;
create or alter user SYSDBA password '{secret}' using plugin Legacy_UserManager;
commit;
SQL
isql-fb -q -user SYSDBA <<'SQL'
create database '{base}/data/zzcanary.fdb';
create table patients (name varchar(40));
commit;
insert into patients values ('ZZCANARY ROBERT');
commit;
SQL
exec /usr/sbin/firebird
"""

DERBY = """
mkdir -p /var/lib/derby; cd /var/lib/derby; cp {folder}/{name}.properties derby.properties
exec java -cp /usr/share/java/derby.jar:/usr/share/java/derbynet.jar:/usr/share/java/derbytools.jar org.apache.derby.drda.NetworkServerControl start -h {address} -p {port} -noSecurityManager
"""


def script(lab, name, text, **words):
    path = lab.folder / f"{name}.sh"
    folders = " ".join(UNPACKED)
    path.write_text((OPEN + text).format(name=name, folder=lab.folder, folders=folders, base=BASE, secret=SECRET, **words))
    return f"sh {path}"


def ask(lab, client, command, text=""):
    """Runs a client, its words for standard input in a file; what it says is printed, for whoever records."""
    (lab.folder / "ask").write_text(text)
    mounts = OPEN.format(folders=" ".join(UNPACKED), base=BASE)
    said = lab.sh(client, f"unshare -m -u sh -c {shlex.quote(f'hostname zzcanary-desk; {mounts} {command} < {lab.folder}/ask')}", check=False)
    print(f"-- {command[:100]}\n{said[-500:]}")


def databases():
    import record
    lab = record.Lab("databases-inside")
    try:
        talk(lab, record.PYTHON)
    except BaseException:
        for process in lab.started + [lab.capture] * bool(lab.capture):
            process.kill()
        for space in lab.spaces:
            record.subprocess.run(["ip", "netns", "del", space])
        raise


def talk(lab, python):
    import record
    client = lab.host(30, "00:1e:67:20:00:30")
    hosts = {n: lab.host(n, f"00:1e:67:20:00:{n:02}") for n in (5, 6, 7, 8, 9)}
    conf = "UserManager = Srp, Legacy_UserManager\nRemoteBindAddress =\nBugcheckAbort = 0\n"
    (lab.folder / "crypt.conf").write_text(conf + "AuthServer = Srp\n")
    (lab.folder / "plain.conf").write_text(conf + "AuthServer = Legacy_Auth, Srp\nWireCrypt = Disabled\n")
    (lab.folder / "open.properties").write_text("")
    (lab.folder / "login.properties").write_text(f"derby.connection.requireAuthentication=true\nderby.authentication.provider=BUILTIN\nderby.user.zzcanary={SECRET}\n")
    for number, name in ((5, "crypt"), (6, "plain")):
        lab.start(hosts[number], script(lab, name, FIREBIRD))
    for number, name, port in ((7, "open", 1527), (8, "login", 50000)):
        lab.start(hosts[number], script(lab, name, DERBY, address=f"192.168.20.{number}", port=port))
    lab.start(hosts[9], f"{python} {HERE}/databases.py x-server 33060")
    for number, port in ((5, 3050), (6, 3050), (7, 1527), (8, 50000), (9, 33060)):
        lab.listens(hosts[number], port, 40)
    lab.hear()
    firebird(lab, client, python)
    derby(lab, client, python)
    for password in (SECRET, ""):
        ask(lab, client, f"{python} {HERE}/databases.py x-client 192.168.20.9 '{password}'")
    lab.end("Data bases that programs of a practice bring along: Firebird with and without its own encryption, Derby with and without a login, and the X protocol of MySQL",
            ["Firebird 3.0.11 and isql-fb (Debian 12)", "firebirdsql 1.5.0 (PyPI)", "Apache Derby 10.14.2, network server and ij (Debian 12)", "pydrda 0.6.4 (PyPI)",
             "mysqlx-connector-python (PyPI)", "server of the X protocol: databases.py of this folder, after the published protocol"],
            [("192.168.20.5", 3050, "tcp", "firebird"), ("192.168.20.6", 3050, "tcp", "firebird"), ("192.168.20.7", 1527, "tcp", "db2"),
             ("192.168.20.8", 50000, "tcp", "db2"), ("192.168.20.9", 33060, "tcp", "mysql-x")],
            exposures=[("database-no-password", "192.168.20.7", 1527), ("database-no-password", "192.168.20.9", 33060), ("database-credentials-cleartext", "192.168.20.8", 50000)],
            absent=[(kind, f"192.168.20.{number}", 3050) for number in (5, 6) for kind in ("database-no-password", "database-credentials-cleartext")]
            + [("database-no-password", "192.168.20.8", 50000), ("database-credentials-cleartext", "192.168.20.7", 1527), ("service", "192.168.20.30", 3050)],
            secrets=["zzcanary", SECRET])
    expect = record.OUT / "databases-inside.expect.json"
    expect.write_text(expect.read_text().replace("record/record.py", "record/databases.py"))


def firebird(lab, client, python):
    for number in (5, 6):
        place = f"192.168.20.{number}:{BASE}/data/zzcanary.fdb"
        for secret in (SECRET, "wrong"):
            ask(lab, client, f"isql-fb -q -user SYSDBA -password {secret} {place}", "select * from patients;\n")
    for number, plugin, crypt in ((5, "Srp", True), (6, "Srp", False), (6, "Legacy_Auth", False)):
        words = f"host='192.168.20.{number}', database='{BASE}/data/zzcanary.fdb', user='SYSDBA', password='{SECRET}', auth_plugin_name='{plugin}', wire_crypt={crypt}"
        ask(lab, client, f"{python} -", f"import firebirdsql\nc = firebirdsql.connect({words}).cursor()\nc.execute('select * from patients')\nprint(c.fetchall())\n")


def derby(lab, client, python):
    java = "java -cp /usr/share/java/derbyclient.jar:/usr/share/java/derbytools.jar org.apache.derby.tools.ij"
    makes = "create table patients (name varchar(40)); insert into patients values 'ZZCANARY ROBERT'; select * from patients;\n"
    ask(lab, client, java, f"connect 'jdbc:derby://192.168.20.7:1527/zzcanary;create=true';\n{makes}exit;\n")
    for mechanism, secret in ((3, SECRET), (3, "wrong"), (8, SECRET), (9, SECRET)):
        place = f"jdbc:derby://192.168.20.8:50000/zzcanary;create=true;user=zzcanary;password={secret};securityMechanism={mechanism}"
        ask(lab, client, java, f"connect '{place}';\nvalues 1;\nexit;\n")
    ask(lab, client, f"{python} -", f"import drda\nc = drda.connect(host='192.168.20.8', port=50000, database='zzcanary', user='zzcanary', password='{SECRET}').cursor()\nc.execute('values 1')\nprint(c.fetchall())\n")


def x_client(host, password):
    import mysqlx
    session = mysqlx.get_session({"host": host, "port": 33060, "user": "zzcanary", "password": password, "ssl-mode": mysqlx.SSLMode.DISABLED, "auth": mysqlx.Auth.MYSQL41, "compression": "disabled"})
    print(session.sql("select name from patients").execute().fetch_all())


def field(number, octets):
    """A field of protobuf that has a length; one that is a number."""
    return bytes([number << 3 | 2, len(octets)]) + octets if isinstance(octets, bytes) else bytes([number << 3, octets])


def x_server(port):
    """One session after another: a greeting, what it can (mysqlx_connection.proto), a login whose proof it does not check (mysqlx_session.proto),
    and one row to every statement (mysqlx_resultset.proto)."""
    import socket
    listener = socket.create_server(("", int(port)))
    scalar = lambda text: field(1, 1) + field(2, field(1, 8) + field(9, field(1, text)))
    mechanisms = field(1, 3) + field(4, b"".join(field(1, scalar(m)) for m in (b"MYSQL41", b"SHA256_MEMORY")))
    capabilities = field(1, field(1, b"authentication.mechanisms") + field(2, mechanisms)) + field(1, field(1, b"doc.formats") + field(2, scalar(b"text")))
    while True:
        call, _ = listener.accept()
        file = call.makefile("rb")
        tell = lambda kind, body=b"": call.sendall(struct.pack("<IB", len(body) + 1, kind) + body)
        tell(11, field(1, 5) + field(2, 1) + field(3, b""))
        while len(header := file.read(5)) == 5:
            length, kind = struct.unpack("<IB", header)
            file.read(length - 1)
            if kind == 1:
                tell(2, capabilities)
            elif kind == 4:
                tell(3, field(1, b"01234567890123456789"))
            elif kind == 5:
                tell(11, field(1, 3) + field(2, 2) + field(3, field(1, 11) + field(2, field(1, 2) + field(3, 7))))
                tell(4)
            elif kind == 12:
                tell(12, field(1, 7) + b"".join(field(n, b"name") for n in range(2, 8)))
                tell(13, field(1, b"ZZCANARY ROBERT\0"))
                tell(14)
                tell(17)
            else:
                tell(0)
                if kind in (3, 7):
                    break
        call.close()


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    what, *rest = sys.argv[1:] or ["databases"]
    globals()[what.replace("-", "_")](*rest)
