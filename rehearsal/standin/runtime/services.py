"""Starting, stopping and looking after the servers, one class for each way they are run."""

import os
import subprocess
import sys
from typing import Dict, List

from . import configrewrite, host, proxyconf
from .ports import PORTS

BIN = host.HOME / "bin"
SBIN = host.HOME / "common/sbin"


class Service:
    """One server process, known by its pid file."""

    def __init__(self, name: str, word: str = "", pid: str = "") -> None:
        self.name = name
        self.word = word or "standin-" + name
        self.pid = host.pid_file(pid or name)

    def running(self) -> bool:
        """Whether the process of the pid file lives."""
        return host.pid_in(self.pid, self.word) is not None

    def start(self) -> bool:
        """Start it and wait until it is there."""
        raise NotImplementedError

    def stop(self) -> bool:
        """End it and wait until it is gone."""
        return host.stop_process(self.pid, self.word)

    def reload(self) -> bool:
        """Make it read its configuration again."""
        return self.running()


class Listener(Service):
    """One of the tiny stand-in servers, with the ports of ports.PORTS."""

    def _command(self) -> List[str]:
        return [str(host.HOME / "libexec/standin-listener"), self.name, self.word]

    def start(self) -> bool:
        with open(str(host.LOG / (self.name + ".out")), "a") as log:
            subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
            )
        ports = PORTS[self.name]
        return host.wait_until(lambda: self.running() and all(host.listens(port.number) for port in ports), 15)


class Database(Listener):
    """It does not start without its tables, which configInitSql makes."""

    def start(self) -> bool:
        return (host.HOME / "db/data/zimbra").is_dir() and super().start()


class Slapd(Listener):
    """Port 389 needs root: through sudo, as the vendor's slapd."""

    def _command(self) -> List[str]:
        return ["sudo", "-n", str(host.HOME / "common/libexec/slapd"), self.name, self.word]


class Memcached(Service):
    """The real memcached."""

    def start(self) -> bool:
        command = [str(host.HOME / "common/bin/memcached"), "-d", "-P", str(self.pid), "-p", "11211", "-m", "64"]
        return host.run(command)[0] == 0 and host.wait_until(self.running, 10)


class Proxy(Service):
    """The real nginx, on the rendered configuration."""

    def _nginx(self, *words: str) -> bool:
        code, output = host.run(["sudo", "-n", str(SBIN / "nginx"), "-c", str(proxyconf.NGINX), *words])
        if code:
            print(output, file=sys.stderr)
        return code == 0

    def start(self) -> bool:
        reason = proxyconf.fault(proxyconf.NGINX.read_text())
        if reason:
            print("nginx start failed. reason: " + reason)
        return not reason and self._nginx() and host.wait_until(self.running, 10)

    def stop(self) -> bool:
        return not self.running() or (self._nginx("-s", "stop") and host.wait_until(lambda: not self.running(), 10))

    def reload(self) -> bool:
        return self.running() and self._nginx("-s", "reload")


class Postfix(Service):
    """The real postfix, with its own configuration, queue and data directories."""

    def _postfix(self, verb: str) -> bool:
        return host.run(["sudo", "-n", str(SBIN / "postfix"), verb])[0] == 0

    def running(self) -> bool:
        return self._postfix("status")

    def start(self) -> bool:
        return self._postfix("start") and host.wait_until(lambda: host.listens(25), 10)

    def stop(self) -> bool:
        return not self.running() or self._postfix("stop")

    def reload(self) -> bool:
        return self._postfix("reload")


SERVERS: Dict[str, Service] = {name: Listener(name) for name in PORTS if name != "slapd"}
SERVERS["mysql"] = Database("mysql")
SERVERS["slapd"] = Slapd("slapd")
SERVERS["memcached"] = Memcached("memcached", "memcached")
SERVERS["nginx"] = Proxy("nginx", "nginx")
SERVERS["postfix"] = Postfix("postfix", "master")


class Control:
    """One of the vendor's control commands: the servers behind it, the word it uses for itself, what it has rendered
    at a start."""

    def __init__(self, title: str, servers: List[str], sections: str = "") -> None:
        self.title = title
        self.servers = [SERVERS[name] for name in servers]
        self.sections = sections.split()

    def start(self, rewriting: bool = True) -> int:
        """Start all that is not running."""
        if rewriting and self.sections:
            configrewrite.ask(self.sections)
        print("Starting {}...".format(self.title), end="", flush=True)
        if all(server.running() for server in self.servers):
            print("{} is already running.".format(self.title))
            return 0
        good = all(server.running() or server.start() for server in self.servers)
        print("done." if good else "failed.")
        return 0 if good else 1

    def stop(self) -> int:
        """Stop all that runs; nothing running is no error."""
        print("Stopping {}...".format(self.title), end="", flush=True)
        if not any(server.running() for server in self.servers):
            print("{} is not running.".format(self.title))
            return 0
        stopped = [server.stop() for server in reversed(self.servers)]
        good = all(stopped)
        print("done." if good else "failed.")
        return 0 if good else 1

    def status(self) -> int:
        """Say whether all run."""
        good = all(server.running() for server in self.servers)
        print("{} is {}.".format(self.title, "running" if good else "not running"))
        return 0 if good else 1

    def reload(self) -> int:
        """Reload the servers that run, from the files as they are (zmproxyctl 139-145)."""
        for server in self.servers:
            if server.running():
                server.reload()
        return 0

    def restart(self, rewriting: bool = True) -> int:
        """Stop and start."""
        self.stop()
        return self.start(rewriting)


class Mta(Control):
    """zmmtactl: what it calls a restart is a reload, and both have the files rendered first."""

    def restart(self, rewriting: bool = True) -> int:
        """Have the files rendered, and reload."""
        if rewriting:
            configrewrite.ask(self.sections)
        return self.reload()


CONTROLS: Dict[str, Control] = {
    "ldap": Control("slapd", ["slapd"]),
    "zmamavisdctl": Control("amavisd", ["amavisd"]),
    "zmantispamctl": Control("antispam", ["antispam"]),
    "zmantivirusctl": Control("antivirus", ["antivirus"]),
    "zmconfigdctl": Control("zmconfigd", ["zmconfigd"]),
    "zmloggerctl": Control("logger", ["logger"]),
    "zmmailboxdctl": Control("mailboxd", ["mailboxd"]),
    "zmmemcachedctl": Control("memcached", ["memcached"]),
    "zmmtactl": Mta("postfix", ["saslauthd", "postfix"], "antispam antivirus opendkim mta sasl"),
    "zmopendkimctl": Control("opendkim", ["opendkim"]),
    "zmproxyctl": Control("proxy", ["nginx"], "proxy"),
    "zmspellctl": Control("spell", ["spell"]),
    "zmstatctl": Control("stats", ["stats"]),
    "zmstorectl": Control("mailboxd", ["mysql", "mailboxd"]),
    "zmswatchctl": Control("swatch", ["swatch"]),
}


def main(arguments: List[str]) -> int:
    """`COMMAND VERB [norewrite]` of any control command."""
    command, verb = [*arguments, ""][:2]
    host.require_zimbra()
    os.umask(0o027)
    control = CONTROLS[command]
    rewriting = "norewrite" not in arguments
    if verb == "start":
        return control.start(rewriting)
    if verb == "stop":
        return control.stop()
    if verb == "status":
        return control.status()
    if verb == "restart" or (verb == "reload" and isinstance(control, Mta)):
        return control.restart(rewriting)
    if verb == "reload":
        return control.reload()
    print("{} start|stop|restart|reload|status".format(BIN / command))
    return 1
