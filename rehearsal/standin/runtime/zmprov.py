"""zmprov: the vendor's provisioning command over the stand-in's store, with its outputs, errors and exit codes."""

import argparse
import os
import shlex
import sys
from typing import Callable, Dict, List, Optional, TextIO

from . import entries, host, localconfig, store
from .entries import ServiceError, UsageError


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="zmprov", add_help=False)
    for flag in ("-h", "-l", "-m", "-r", "-v", "-d", "-t", "-z"):
        parser.add_argument(flag, dest=flag[1:], action="store_true")
    for flag in ("-s", "-a", "-p", "-P", "-f"):
        parser.add_argument(flag, dest=flag[1:])
    parser.add_argument("--passfile", dest="P")
    parser.add_argument("--ldap", dest="l", action="store_true")
    parser.add_argument("--file", dest="f")
    parser.add_argument("words", nargs=argparse.REMAINDER)
    return parser


def usage() -> int:
    """The short form of the vendor's usage."""
    print("zmprov [args] [cmd] [cmd-args ...]\n", file=sys.stderr)
    print("  zmprov is used for provisioning. Try: zmprov help commands", file=sys.stderr)
    return 1


def _connect(ldap: bool) -> None:
    """Fail as the vendor does when the server behind the chosen transport is down."""
    if not host.listens(389) or not store.initialised():
        raise ServiceError(
            "service.FAILURE",
            "system failure: ZimbraLdapContext) (cause: com.unboundid.ldap.sdk.LDAPException "
            "An error occurred while attempting to connect to server {}:389".format(localconfig.get("ldap_host")),
        )
    if not ldap and not host.listens(7071):
        raise ServiceError(
            "zclient.IO_ERROR",
            "invoke Connection refused (Connection refused), server: localhost) (cause: "
            "java.net.ConnectException Connection refused (Connection refused)",
        )


def _authenticate(name: str, password: str) -> None:
    """An administrator's login, as the admin service does it (zm-mailbox 8.8.15, Auth.java 204)."""
    with store.opened() as directory:
        if not entries.authenticates(directory, name, password):
            raise ServiceError("account.AUTH_FAILED", "authentication failed for [{}]".format(name))
        if directory.value(directory.account(name), "zimbraIsAdminAccount") != ["TRUE"]:
            raise ServiceError("service.PERM_DENIED", "permission denied: not an admin account")


def java_words(arguments: List[str]) -> List[str]:
    """What a Java program gets of its command line: in the C locale each byte beyond ASCII is U+FFFD."""
    locale = next((os.environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(name)), "C")
    if locale not in ("C", "POSIX"):
        return arguments
    return ["".join(chr(byte) if byte < 128 else "\ufffd" for byte in os.fsencode(word)) for word in arguments]


Command = Callable[[store.Directory, List[str]], None]

_COMMANDS: Dict[str, Command] = {
    "addAccountAlias aaa": entries.add_alias,
    "createAccount ca": entries.create_account,
    "createDomain cd": entries.create_domain,
    "createServer cs": entries.create_server,
    "deleteAccount da": entries.delete_account,
    "deleteDomain dd": entries.delete_domain,
    "flushCache fc": lambda directory, words: None,
    "getAccount ga": entries.get_account,
    "getAllAccounts gaa": entries.get_all("account"),
    "getAllAdminAccounts gaaa": entries.get_admins,
    "getAllConfig gacf": entries.get_config,
    "getAllCos gac": entries.get_all("cos"),
    "getAllDomains gad": entries.get_all("domain"),
    "getAllServers gas": entries.get_all("server"),
    "getConfig gcf": entries.get_config,
    "getCos gc": entries.get_named("cos"),
    "getDomain gd": entries.get_named("domain"),
    "getServer gs": entries.get_named("server"),
    "modifyAccount ma": entries.modify_account,
    "modifyConfig mcf": entries.modify_config,
    "modifyCos mc": entries.modify_named("cos"),
    "modifyDomain md": entries.modify_named("domain"),
    "modifyServer ms": entries.modify_named("server"),
    "removeAccountAlias raa": entries.remove_alias,
    "setPassword sp": entries.set_password,
}

_BY_WORD = {word.lower(): (names, command) for names, command in _COMMANDS.items() for word in names.split()}

_READS = ("get", "flush")


def _execute(words: List[str], ldap: bool) -> None:
    if words[0].lower() not in _BY_WORD:
        raise UsageError
    names, command = _BY_WORD[words[0].lower()]
    _connect(ldap)
    with store.opened(write=not names.startswith(_READS)) as directory:
        command(directory, words[1:])


def _report(error: ServiceError) -> None:
    sys.stdout.flush()
    print("ERROR: {} ({})".format(error.code, error.text), file=sys.stderr)


def _batch(lines: TextIO, ldap: bool) -> int:
    """Each line is a command; an error is reported and the next line still runs."""
    failed = False
    for line in lines:
        print("prov> ", end="", flush=True)
        words = shlex.split(line)
        if not words:
            continue
        try:
            _execute(words, ldap)
        except ServiceError as error:
            failed = True
            _report(error)
        except UsageError:
            print("Unknown command. Type: 'help commands' for a list")
    print("prov> ", end="", flush=True)
    return 2 if failed else 0


def _password(options: argparse.Namespace) -> Optional[str]:
    if options.P is None:
        typed: Optional[str] = options.p
        return typed
    with open(options.P, "rb") as file:
        return java_words([os.fsdecode(file.readline().rstrip(b"\r\n"))])[0]


def main(arguments: List[str]) -> int:
    """Run one command, a file of them, or those on stdin."""
    options = _options().parse_args(java_words(arguments))
    ldap = options.l or localconfig.get("zimbra_zmprov_default_to_ldap") == "true"
    words: Optional[List[str]] = options.words
    try:
        if options.h or (words and words[0] == "help"):
            return usage()
        password = _password(options)
        if options.a and password is not None and not ldap:
            _connect(ldap)
            _authenticate(options.a, password)
        if words:
            _execute(words, ldap)
            return 0
        _connect(ldap)
        if not options.f:
            return _batch(sys.stdin, ldap)
        with open(options.f) as lines:
            return _batch(lines, ldap)
    except UsageError:
        return usage()
    except ServiceError as error:
        _report(error)
        return 2
