"""zmsetup.pl: configures an installed release from a file, stage by stage, with the vendor's lossy way of resuming."""

import argparse
import os
import pwd
import re
import sys
import time
from pathlib import Path
from typing import Dict, List, Set

from . import history, host, ldapinit, menu, misbehave, services, stages, store, upgrade

HUSHED = re.compile(r"ldappass|init|zmprov -r -m -l ca")
"""Commands that the log names without their words, for the passwords among them; all others it shows in full."""
UNLOADABLE = """\
Can't locate Net/LDAP.pm in @INC (you may need to install the Net::LDAP module) (@INC contains: /opt/zimbra/libexec \
/opt/zimbra/common/lib/perl5 /etc/perl) at /opt/zimbra/libexec/zmsetup.pl line 25.
BEGIN failed--compilation aborted at /opt/zimbra/libexec/zmsetup.pl line 25.
"""
"""What perl says to a library that is not there; it never comes to a log of its own."""


class Session(stages.Session):
    """One run: where its lines go, what an earlier one left behind."""

    def __init__(self) -> None:
        name = time.strftime("zmsetup.%Y%m%d-%H%M%S.log")
        self.log = Path("/tmp") / name
        self.log.touch(0o644)
        link = Path("/tmp/zmsetup.log")
        if link.is_symlink():
            link.unlink()
        link.symlink_to(self.log)
        self.config: Dict[str, str] = {}
        self.status = history.Status()
        self.ldap_configured = store.initialised()
        self.services: Set[str] = set()
        self.upgrading = upgrade.needed(self.status)
        self.failing = False

    def progress(self, text: str) -> None:
        """A piece of a line, on stdout and in the log."""
        print(text, end="", flush=True)
        self.detail(text)

    def detail(self, text: str) -> None:
        """A piece of text for the log only: a line of its own, with the time before it."""
        self._write("{} {}\n".format(time.ctime(), re.sub(r"\n$", "", text)))

    def _write(self, text: str) -> None:
        with open(str(self.log), "a") as out:
            out.write(text)

    def zimbra(self, command: str) -> int:
        """Run a command as zimbra, its output in the log."""
        return self._run("zimbra", command, ["su", "-", host.USER, "-c", command])

    def root(self, command: str) -> int:
        """Run a command as root, its output in the log."""
        return self._run("root", command, ["sh", "-c", command])

    def _run(self, user: str, command: str, words: List[str]) -> int:
        shown = command.split(maxsplit=1)[0] if HUSHED.search(command) else command
        self.detail("*** Running as {} user: {}".format(user, shown))
        if self.failing:
            self._write("ERROR: service.FAILURE (system failure: {} was told to fail)\n".format(shown.split()[0]))
            return 1
        code, output = host.run(words)
        self._write(output)
        return code

    def fail_config(self) -> SystemExit:
        """The vendor's last words before exit 1."""
        self.progress("\n\nERROR\n\n\n\nConfiguration failed\n\n")
        self.progress("Please address the error and re-run /opt/zimbra/libexec/zmsetup.pl to\n")
        self.progress("complete the configuration.\n\nErrors have been logged to {}\n\n".format(self.log))
        return SystemExit(1)


def read_config(path: str) -> Dict[str, str]:
    """The file, raw: each line split at its first `=`, every double quote of the value dropped, nothing else changed.

    No blank is trimmed, no comment known, nothing expanded: ` KEY` and `export KEY` are keys of those very names.
    """
    with open(path, newline="\n") as source:
        lines = [line.rstrip("\n").partition("=") for line in source]
    return {key: value.replace('"', "") for key, _, value in lines}


def _check_ground(session: Session) -> None:
    local = host.CONF / "localconfig.xml"
    if not local.exists() or pwd.getpwuid(local.stat().st_uid).pw_name != host.USER:
        session.progress("\n\nERROR\n\n/opt/zimbra/conf/localconfig.xml is not owned by zimbra\n")
        session.progress("This will cause installation failure.\n")
        raise SystemExit(1)
    if "zimbra-core" not in session.status.packages:
        session.progress("\nERROR:\nzimbra-core does not seem to be installed.\n")
        session.progress("Please install required components first. Exiting.\n\n")
        raise SystemExit(1)
    if host.run(["dpkg", "-s", "zimbra-core"])[0]:
        session.progress("zimbra-core must be enabled.")
        raise SystemExit(1)


def _prepare(session: Session) -> None:
    """Everything before the first stage."""
    if session.upgrading:
        upgrade.run(session)
    if session.status.new:
        session.progress("Installing LDAP configuration database...")
        ldapinit.ship_config()
        session.progress("done.\n")
    session.progress("Setting defaults...")
    session.config.update(stages.defaults())
    if session.upgrading:
        session.config.update(upgrade.config())
    session.progress("done.\n")
    if session.ldap_configured:
        session.progress("Checking ldap status....")
        if not services.SERVERS["slapd"].running():
            session.progress("not running.\nStarting ldap...")
            session.zimbra("/opt/zimbra/bin/ldap start")
        session.progress("done.\n")


def _save_config(session: Session) -> None:
    """Passwords whose names are in small letters are written, and the file is closed to others when it is whole."""
    path = host.HOME / "config.{}".format(os.getpid())
    session.progress("Saving config in {}...".format(path))
    with open(path, "w") as out:
        for key in sorted(session.config):
            if not re.search("PASS|INSTALL_PACKAGES", key):
                out.write('{}="{}"\n'.format(key, session.config[key]))
        out.write('INSTALL_PACKAGES="{} "\n'.format(" ".join(sorted(session.status.packages))))
    os.chmod(path, 0o600)
    session.progress("done.\n")


def _stage(session: Session, name: str) -> None:
    action = (upgrade.STAGES if session.upgrading else stages.STAGES)[name]
    if name in session.status.stages and name not in stages.NEVER_SKIPPED:
        history.add("CONFIGURED " + name)
        return
    misbehave.before(name)
    if misbehave.wants("zmsetup_exit1_at", name):
        session.progress("failed.\n")
        raise session.fail_config()
    session.failing = misbehave.wants("zmsetup_fail_at", name)
    action(session)
    misbehave.after(name)
    if name not in stages.UNRECORDED and not (session.failing and name in stages.RECORDED_WHEN_DONE):
        history.add("CONFIGURED " + name)
    session.failing = False


def apply(session: Session) -> None:
    """All stages, in the vendor's order."""
    _save_config(session)
    session.progress("Operations logged to {}\n".format(session.log))
    if session.status.new:
        history.add("CONFIG SESSION START")
        history.add("CONFIGURED BEGIN")
    for name in stages.STAGES:
        _stage(session, name)
    history.add("CONFIGURED END")
    history.add("CONFIG SESSION COMPLETE")
    session.log.chmod(0o600)
    session.progress("\n\nMoving {} to /opt/zimbra/log\n\n\n".format(session.log))
    host.write_atomic(host.LOG / session.log.name, session.log.read_text(), 0o600)


def main(arguments: List[str]) -> int:
    """zmsetup.pl [-h] [-d] [-c FILE]"""
    parser = argparse.ArgumentParser(prog="zmsetup.pl")
    parser.add_argument("-d", action="store_true")
    parser.add_argument("-c", metavar="FILE")
    options = parser.parse_args(arguments)
    if os.geteuid() != 0:
        print("Error: must be run as root user")
        return 1
    if misbehave.wants("zmsetup_ends", "unloadable"):
        print(UNLOADABLE, end="", file=sys.stderr)
        return 2
    if misbehave.wants("zmsetup_ends", "not_owned"):
        os.chown(str(host.CONF / "localconfig.xml"), 0, 0)
    session = Session()
    session.progress("Operations logged to {}\n".format(session.log))
    _check_ground(session)
    _prepare(session)
    if options.c:
        session.config.update(read_config(options.c))
        session.progress("Checking for port conflicts\n")
    else:
        menu.attend(session)
    for key in ("HOSTNAME", "CREATEDOMAIN", "CREATEADMIN"):
        session.config[key] = session.config[key].lower()
    if not re.match(r"^[\w.-]+$", session.config["HOSTNAME"]):
        print("Invalid HOSTNAME", file=sys.stderr)
        return 1
    apply(session)
    return 0
