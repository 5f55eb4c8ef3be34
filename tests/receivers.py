#!/usr/bin/env python3
"""Real receivers of notices, for tests/notices.rs: a mail server (aiosmtpd), a receiver of webhooks that verifies signatures by the
library of Standard Webhooks, a ticket system.

    receivers.py FOLDER KEY...

FOLDER holds server.pem, server.key and the file `mode`: what is done with the next thing that comes. `take`: it is taken. `hang`: it is
written down and never answered. FOLDER/heard gets one line of JSON for each thing that came whole. Ports go to standard output.
"""
import json
import pathlib
import socket
import ssl
import sys
import threading
import time
from email import message_from_bytes
from email.header import decode_header, make_header
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from standardwebhooks.webhooks import Webhook

FOLDER = pathlib.Path(sys.argv[1])
KEYS = [pathlib.Path(key).read_text().strip() for key in sys.argv[2:]]
LOCK = threading.Lock()


def heard(**what):
    with LOCK, open(FOLDER / "heard", "a", encoding="utf-8") as file:
        file.write(json.dumps(what) + "\n")


def hangs():
    return (FOLDER / "mode").read_text().strip() == "hang"


class Server(Controller):
    def _trigger_server(self):
        # The controller asks its own port whether it is there: the one that it got, not 0.
        socket.create_connection(self.server.sockets[0].getsockname(), 5).close()


class Mail:
    async def handle_DATA(self, server, session, envelope):
        import asyncio
        message = message_from_bytes(envelope.content)
        heard(
            way="mail", id=message["Message-ID"], tls=session.ssl is not None, user=str(session.auth_data or ""), to=envelope.rcpt_tos,
            sender=envelope.mail_from, subject=str(make_header(decode_header(message["Subject"]))),
            text=message.get_payload(decode=True).decode(), hello=session.host_name,
        )
        while hangs():
            await asyncio.sleep(0.05)
        return "250 taken"


def login(server, session, envelope, mechanism, data):
    is_known = data.login == b"auscult" and data.password == b"four small green boats"
    # Not handled: the server says so itself.
    return AuthResult(success=is_known, handled=False, auth_data=data.login.decode())


class Web(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        heard(way="alive", path=self.path)
        self.answer(204)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/hook"):
            headers = {name.lower(): value for name, value in self.headers.items()}
            # Each key by itself: a receiver knows one of them.
            verified = []
            for key in KEYS:
                try:
                    Webhook(key).verify(body, headers)
                    verified.append(True)
                except Exception:
                    verified.append(False)
            heard(way="hook", id=headers["webhook-id"], verified=verified, body=json.loads(body))
        elif self.path.startswith("/redirect"):
            self.send_response(302)
            self.send_header("Location", "/hook")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        else:
            heard(
                way="ticket", id=self.headers["Idempotency-Key"], by=self.headers["Authorization"], path=self.path, method=self.command,
                body=json.loads(body),
            )
        while hangs():
            time.sleep(0.05)
        self.answer(201, b'{"result": {"number": "INC42"}}')

    do_PATCH = do_POST


def main():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(FOLDER / "server.pem", FOLDER / "server.key")
    mail = Server(
        Mail(), hostname="127.0.0.1", port=0, tls_context=context, require_starttls=True, authenticator=login, auth_required=True,
        ready_timeout=30,
    )
    mail.start()
    web = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    web.socket = context.wrap_socket(web.socket, server_side=True, do_handshake_on_connect=False)
    port = mail.server.sockets[0].getsockname()[1]
    print(json.dumps({"mail": port, "web": web.server_address[1]}), flush=True)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    # It lives as long as who started it holds its standard input.
    sys.stdin.read()


main()
