#!/usr/bin/env python3
"""The peers of record.py: servers of others that need a few lines to run, and the analysers and SQL Server's browser, which are ours."""
import asyncio, socket, sys


def camera(secret=""):
    import gi
    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_service("554")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch("( videotestsrc num-buffers=50 ! video/x-raw,width=64,height=48,framerate=5/1 ! jpegenc ! rtpjpegpay name=pay0 )")
    if secret:
        user, word = secret.split(":")
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "user")
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, word), token)
        server.set_auth(auth)
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_role("user")
        permissions.add_permission_for_role("user", "media.factory.access", True)
        permissions.add_permission_for_role("user", "media.factory.construct", True)
        factory.set_permissions(permissions)
    server.get_mount_points().add_factory("/live", factory)
    server.attach(None)
    GLib.MainLoop().run()


async def bacnet(name, instance, address, asks):
    from bacpypes3.app import Application
    from bacpypes3.argparse import SimpleArgumentParser
    from bacpypes3.pdu import Address
    arguments = SimpleArgumentParser().parse_args(["--name", name, "--instance", str(instance), "--address", f"{address}/24"])
    application = Application.from_args(arguments)
    if not asks:
        await asyncio.Future()
    for device in await application.who_is():
        print(device.iAmDeviceIdentifier, device.pduSource)
    print(await application.read_property(Address("192.168.20.70"), "device,70", "object-name"))


FRAMES = ["H|\\^&|||ANALYSER^1|||||||P|LIS2-A|20261122", "P|1|ZZCANARY-4711|||ZZCANARY^ROBERT||19610203|M", "O|1|S1||^^^GLU|R", "R|1|^^^GLU|5.7|mmol/L||N||F", "L|1|N"]


def frame(number, text):
    body = f"{number % 8}{text}\r\x03".encode()
    return b"\x02" + body + f"{sum(body) % 256:02X}\r\n".encode()


def astm_sends(host, port):
    s = socket.create_connection((host, int(port)))
    for octets in [b"\x05"] + [frame(n, t) for n, t in enumerate(FRAMES, 1)]:
        s.sendall(octets)
        assert s.recv(1) == b"\x06"
    s.sendall(b"\x04")


def astm_takes(port):
    s = socket.create_server(("", int(port)))
    call, _ = s.accept()
    while octets := call.recv(4096):
        if octets != b"\x04":
            call.sendall(b"\x06")


POCT = ['<HEL.R01><HDR><HDR.control_id V="1"/></HDR><DEV><DEV.device_id V="ZZCANARY"/></DEV></HEL.R01>', '<DST.R01><DST><DST.new_observations_qty V="1"/></DST></DST.R01>',
        '<OBS.R01><SVC><PT><PT.patient_id V="ZZCANARY-4711"/><PT.birth_date V="19610203"/><OBS><OBS.value V="5.7"/></OBS></PT></SVC></OBS.R01>', "<EOT.R01><EOT/></EOT.R01>"]


def poct1a_sends(host, port):
    s = socket.create_connection((host, int(port)))
    for text in POCT:
        s.sendall(b'<?xml version="1.0" encoding="utf-8"?>' + text.encode())
        assert s.recv(4096)


def poct1a_takes(port):
    s = socket.create_server(("", int(port)))
    call, _ = s.accept()
    while call.recv(4096):
        call.sendall(b'<?xml version="1.0" encoding="utf-8"?><ACK.R01><HDR/><ACK><ACK.type_cd V="AA"/></ACK></ACK.R01>')


async def pump(address):
    from pymodbus.server import StartAsyncTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice
    registers = SimData(address=0, values=[0x5A5A] * 40, datatype=DataType.REGISTERS)
    await StartAsyncTcpServer(SimDevice(id=1, simdata=[registers]), address=(address, 502))


def pump_asks(address):
    from pymodbus.client import ModbusTcpClient
    with ModbusTcpClient(address) as client:
        print(client.write_register(3, 7), client.read_holding_registers(0, count=10), client.read_holding_registers(900, count=2), client.read_device_information())


def controller(address):
    from snap7.server import Server
    from snap7.type import SrvArea
    server = Server()
    server.register_area(SrvArea.DB, 1, bytearray(b"ZZCANARY-THEATRE-2".ljust(64)))
    server.start_to(address, 102)
    asyncio.run(asyncio.Event().wait())


def controller_asks(address):
    from snap7.client import Client
    client = Client()
    client.connect(address, 0, 2)
    print(client.db_write(1, 40, bytearray(b"ZZ")), client.db_read(1, 0, 18))
    client.disconnect()


async def sensor(address):
    import aiocoap
    from aiocoap import resource

    class Value(resource.Resource):
        async def render_get(self, request):
            return aiocoap.Message(payload=b"21.5 zzcanary-ward")

    site = resource.Site()
    site.add_resource([".well-known", "core"], resource.WKCResource(site.get_resources_as_linkheader))
    site.add_resource(["zzcanary-ward"], Value())
    await aiocoap.Context.create_server_context(site, bind=(address, 5683))
    await asyncio.Event().wait()


async def sensor_asks(*words):
    import aiocoap
    client = await aiocoap.Context.create_client_context()
    for word in words:
        answer = await client.request(aiocoap.Message(code=aiocoap.GET, uri=word)).response
        print(answer.code, len(answer.payload))
    await client.shutdown()


def instances(address):
    """SQL Server's browser, after MC-SQLR 2.2.5."""
    told = "".join(f"ServerName;ZZCANARY-DB;InstanceName;{name};IsClustered;No;Version;{version};tcp;{port};;" for name, version, port in [("ZZCANARYRIS", "10.52.4000.0", 1433), ("ZZCANARYLIS", "15.0.2000.5", 50123)])
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, 1434))
    while True:
        asked, who = s.recvfrom(64)
        if asked[:1] in b"\x02\x03":
            s.sendto(b"\x05" + len(told).to_bytes(2, "little") + told.encode(), who)


def instances_asks(address):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.sendto(b"\x03", (address, 1434))
    print(len(s.recv(9000)))


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "camera":
        camera(*rest)
    elif what == "ventilation":
        asyncio.run(bacnet("zzcanary-theatre", 70, "192.168.20.70", False))
    elif what == "controls":
        asyncio.run(bacnet("zzcanary-desk", 30, "192.168.20.30", True))
    else:
        done = globals()[what.replace("-", "_")](*rest)
        if asyncio.iscoroutine(done):
            asyncio.run(done)
