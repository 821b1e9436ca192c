"""The tiny servers behind the ports that have no real one here: each accepts on all addresses and says who it is."""

import base64
import os
import pwd
import re
import socket
import socketserver
import ssl
import threading
import time
from typing import List

from . import configd, entries, host, rewrite, store
from .ports import PORTS, Port

CERTIFICATE = host.HOME / "mailboxd/etc/keystore"
SASL = host.DATA / "sasl2/state/auth"

_GREETINGS = {
    "imap": "* OK IMAP4rev1 stand-in ready\r\n",
    "lmtp": "220 LMTP stand-in ready\r\n",
    "pop": "+OK POP3 stand-in ready\r\n",
    "smtp": "220 ESMTP stand-in ready\r\n",
}

_BODY = "<html><head><title>Zimbra Web Client Sign In</title></head><body>stand-in release</body></html>\n"


def _answer(kind: str) -> str:
    headers = ["Content-Type: text/html", "Content-Length: {}".format(len(_BODY)), "Connection: close"]
    if kind == "lookup":
        headers += ["Auth-Status: Login failed", "Auth-Wait: 10"]
    return "HTTP/1.1 200 OK\r\n{}\r\n\r\n{}".format("\r\n".join(headers), _BODY)


_WITHOUT = {
    "TLSv1": ssl.OP_NO_TLSv1,
    "TLSv1.1": ssl.OP_NO_TLSv1_1,
    "TLSv1.2": ssl.OP_NO_TLSv1_2,
    "TLSv1.3": getattr(ssl, "OP_NO_TLSv1_3", 0),
}


def _context() -> ssl.SSLContext:
    """The keystore's certificate, and the versions that its rendered configuration names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(CERTIFICATE))
    told = re.search("sslProtocols: (.*) -->", rewrite.JETTY.read_text()) if rewrite.JETTY.exists() else None
    spoken = told.group(1).split() if told else []
    for name, without in _WITHOUT.items():
        if spoken and name not in spoken:
            context.options |= without
    return context


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """One port, IPv4 and IPv6 where there is any."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, port: Port) -> None:
        self.port = port
        self.address_family = socket.AF_INET6 if os.path.exists("/proc/net/if_inet6") else socket.AF_INET
        self.context = _context() if port.tls else None
        super().__init__(("", port.number), _Handler)

    def server_bind(self) -> None:
        """Bind for both families at once."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


class _Handler(socketserver.BaseRequestHandler):
    """One connection: a greeting or one HTTP answer, then silence until the other side goes."""

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        self.request.settimeout(60)
        try:
            peer = server.context.wrap_socket(self.request, server_side=True) if server.context else self.request
            kind = server.port.kind
            if kind in ("http", "lookup"):
                peer.recv(65536)
                peer.sendall(_answer(kind).encode())
                return
            if kind == "configd":
                peer.sendall(configd.answer(peer.recv(2048).decode()).encode())
                return
            peer.sendall(_GREETINGS.get(kind, "").encode())
            while peer.recv(4096):
                pass
        except OSError:
            return


class _SaslServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Where postfix asks whether a password is right (the protocol of dovecot's auth socket)."""

    daemon_threads = True


class _SaslHandler(socketserver.StreamRequestHandler):
    """PLAIN with an initial response, which is what every mail client and test sends."""

    peer = ""

    def _say(self, *fields: str) -> None:
        self.wfile.write(("\t".join(fields) + "\n").encode())

    def handle(self) -> None:
        for line in (("VERSION", "1", "1"), ("MECH", "PLAIN", "plaintext"), ("SPID", "1"), ("CUID", "1")):
            self._say(*line)
        self._say("COOKIE", "0" * 32)
        self._say("DONE")
        number = ""
        for raw in self.rfile:
            fields = raw.decode().rstrip("\n").split("\t")
            response = next((field[5:] for field in fields if field.startswith("resp=")), "")
            if fields[0] == "AUTH":
                number = fields[1]
                self.peer = next((field[4:] for field in fields if field.startswith("rip=")), "")
                if not response:
                    self._say("CONT", number, "")
                    continue
            elif fields[0] == "CONT":
                response = fields[2]
            else:
                continue
            self._judge(number, response)

    def _judge(self, number: str, response: str) -> None:
        login, password = [*base64.b64decode(response).decode().split("\0"), "", ""][1:3]
        with store.opened() as directory:
            account = directory.account(login)
            good = entries.authenticates(directory, login, password)
        if good:
            self._say("OK", number, "user=" + account.split("/", 1)[1])
        else:
            self._say("FAIL", number, "user=" + login)
            self._audit(login)

    def _audit(self, login: str) -> None:
        """The line that mailboxd leaves in audit.log, for auditswatch to count."""
        line = (
            "{} WARN  [qtp] [name={};oip={};] security - cmd=Auth; account={}; protocol=soap; "
            "error=authentication failed for [{}], invalid password;\n"
        )
        with open(str(host.LOG / "audit.log"), "a") as out:
            out.write(line.format(time.strftime("%Y-%m-%d %H:%M:%S,000"), login, self.peer, login, login))


def _serve_sasl() -> socketserver.BaseServer:
    for folder in (SASL.parent.parent, SASL.parent):
        folder.mkdir(exist_ok=True)
        os.chmod(str(folder), 0o755)
    if SASL.exists():
        SASL.unlink()
    server = _SaslServer(str(SASL), _SaslHandler)
    os.chmod(str(SASL), 0o666)
    return server


def _drop_root() -> None:
    """A privileged port is bound as root, served as zimbra."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(host.USER)
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)


def main(arguments: List[str]) -> int:
    """Serve the ports of one service until it is told to stop."""
    name = arguments[0]
    servers: List[socketserver.BaseServer] = [_Server(port) for port in PORTS[name]]
    _drop_root()
    if name == "saslauthd":
        servers.append(_serve_sasl())
    if name == "zmconfigd":
        configd.begin()
    host.pid_file(name).parent.mkdir(parents=True, exist_ok=True)
    host.write_atomic(host.pid_file(name), "{}\n".format(os.getpid()))
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    if name == "zmconfigd":
        configd.forever()
    threading.Event().wait()
    return 0
