"""A real nginx and a real postfix on loopback, with the files and values that the state tls deploys."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from states.tls.profile import desired
from tests.engine.where import wait_for
from tests.states.tls.responder import ADDRESS

WANTED = desired("intermediate", "10.1.0")
MAIL_MODULE = Path("/usr/lib/nginx/modules/ngx_mail_module.so")
NEEDED = tuple(
    each for each in ("nginx", "postfix", "openssl") if shutil.which(each, path="/usr/sbin:/usr/bin") is None
)
"""What is missing for these servers."""


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now."""
    sockets = [socket.create_server((ADDRESS, 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def listens(port: int, address: str = ADDRESS) -> bool:
    """Tell whether somebody listens on a port."""
    with closing(socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)) as tried:
        return tried.connect_ex((address, port)) == 0


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder that the servers' own users can enter."""
    made = Path(tempfile.mkdtemp(prefix="zflow-wire-"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made)


def call(*argv: str) -> None:
    """Run a server's own command."""
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


class Nginx:
    """Serves HTTPS, IMAP and POP."""

    def __init__(self, folder: Path, conf: Path, dh: Path, header: str) -> None:
        self.https, self.imap, self.imaps, self.pop = self.ports = free_ports(4)
        self._file = folder / "nginx.conf"
        self._pid = folder / "nginx.pid"
        tls = f"""
            ssl_certificate {conf}/nginx.crt; ssl_certificate_key {conf}/nginx.key; ssl_dhparam {dh};
            ssl_protocols {" ".join(WANTED["zimbraReverseProxySSLProtocols"])};
            ssl_ciphers {WANTED["zimbraReverseProxySSLCiphers"][0]}; ssl_prefer_server_ciphers on;
            ssl_ecdh_curve prime256v1;"""
        name, _, value = header.partition(": ")
        self._file.write_text(f"""
            load_module {MAIL_MODULE};
            user root; worker_processes 1; pid {self._pid}; error_log {folder}/nginx.log; events {{ }}
            http {{
                access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; {tls}
                fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
                server {{ listen {ADDRESS}:{self.https} ssl; add_header {name} "{value}"; return 200 "ok"; }}
            }}
            mail {{
                server_name mail.example.org; auth_http {ADDRESS}:1/; {tls}
                server {{ listen {ADDRESS}:{self.imap}; protocol imap; starttls only; }}
                server {{ listen {ADDRESS}:{self.imaps} ssl; protocol imap; }}
                server {{ listen {ADDRESS}:{self.pop}; protocol pop3; starttls only; }}
            }}
        """)

    def start(self) -> None:
        """Start it, and wait until it listens."""
        call("nginx", "-c", str(self._file))
        wait_for(lambda: all(map(listens, self.ports)), "nginx")

    def reload(self) -> bool:
        """Have it read its files again; return whether it could."""
        argv = ["nginx", "-c", str(self._file), "-s", "reload"]
        return subprocess.run(argv, capture_output=True, timeout=60, check=False).returncode == 0

    def stop(self) -> None:
        """End it."""
        subprocess.run(["nginx", "-c", self._file, "-s", "stop"], capture_output=True, timeout=60, check=False)
        wait_for(lambda: not self._pid.exists(), "the end of nginx")


class Postfix:
    """Serves SMTP with STARTTLS, and with TLS at once."""

    def __init__(self, folder: Path, conf: Path, dh: Path) -> None:
        self.smtp, self.smtps = self.ports = free_ports(2)
        self._folder = folder / "postfix"
        self._folder.mkdir()
        for name in ("queue", "data"):
            (self._folder / name).mkdir()
        shutil.chown(self._folder / "data", "postfix")
        values = {
            "compatibility_level": "3.6",
            "queue_directory": f"{self._folder}/queue",
            "data_directory": f"{self._folder}/data",
            "myhostname": "mail.example.org",
            "inet_interfaces": ADDRESS,
            "inet_protocols": "ipv4",
            "mydestination": "",
            "smtpd_tls_security_level": "may",
            "smtpd_tls_cert_file": f"{conf}/smtpd.crt",
            "smtpd_tls_key_file": f"{conf}/smtpd.key",
            "smtpd_tls_dh1024_param_file": f"{dh}",
            "smtpd_tls_ciphers": WANTED["zimbraMtaSmtpdTlsCiphers"][0],
            "smtpd_tls_mandatory_ciphers": WANTED["zimbraMtaSmtpdTlsMandatoryCiphers"][0],
            "smtpd_tls_protocols": WANTED["zimbraMtaSmtpdTlsProtocols"][0],
            "smtpd_tls_mandatory_protocols": WANTED["zimbraMtaSmtpdTlsMandatoryProtocols"][0],
            "smtpd_tls_exclude_ciphers": WANTED["zimbraMtaSmtpdTlsExcludeCiphers"][0],
        }
        (self._folder / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in values.items()))
        services = [f"{name} unix - - n - - {program}" for name, program in (
            ("rewrite", "trivial-rewrite"), ("proxymap", "proxymap"), ("bounce", "bounce"), ("defer", "bounce"),
        )]  # fmt: skip
        (self._folder / "master.cf").write_text("\n".join([
            f"{ADDRESS}:{self.smtp} inet n - n - - smtpd",
            f"{ADDRESS}:{self.smtps} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes",
            "tlsmgr unix - - n 1000? 1 tlsmgr", "anvil unix - - n - 1 anvil", "cleanup unix n - n - 0 cleanup",
            *services, "",
        ]))  # fmt: skip

    def start(self) -> None:
        """Start it, and wait until it listens."""
        call("postfix", "-c", str(self._folder), "start")
        wait_for(lambda: all(map(listens, self.ports)), "postfix")

    def reload(self) -> bool:
        """Have it read its files again."""
        argv = ["postfix", "-c", str(self._folder), "reload"]
        return subprocess.run(argv, capture_output=True, timeout=60, check=False).returncode == 0

    def stop(self) -> None:
        """End it."""
        subprocess.run(["postfix", "-c", self._folder, "stop"], capture_output=True, timeout=60, check=False)
        wait_for(lambda: not any(map(listens, self.ports)), "the end of postfix")
