"""zmdhparam: reads and sets the DH parameters; before 10 with a mistake in the order of openssl's arguments."""

import argparse
import base64
import sys
import tempfile
from pathlib import Path
from typing import List

from . import host, store, zmprov

OPENSSL = str(host.HOME / "common/bin/openssl")
LEAST = 2048


def _error(text: str, code: int = 1) -> SystemExit:
    return host.fail("zmdhparam: ERROR: " + text, code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="zmdhparam", allow_abbrev=False, add_help=False)
    parser.add_argument("command", nargs="?", choices=["get", "set"])
    parser.add_argument("-new", nargs="?", type=int, const=LEAST)
    parser.add_argument("-in", dest="source")
    parser.add_argument("-out")
    return parser


def _check(path: str) -> None:
    code, output = host.run([OPENSSL, "dhparam", "-in", path, "-noout", "-check"])
    print(output, end="")
    if code:
        raise _error("check DH parameters from '{}' failed".format(path))


def _generate(bits: int, path: str) -> None:
    """Before 10 the number comes first, which openssl from 1.1.1 on refuses."""
    if host.version() < (10,):
        print("dhparam: Use -help for summary.", file=sys.stderr)
        raise _error("no zimbraSSLDHParam in openssl")
    host.run([OPENSSL, "dhparam", "-out", path, str(bits)])


def _set(options: argparse.Namespace) -> int:
    if options.new is not None and options.new < LEAST:
        raise _error("numbits '{}' must be >= {}".format(options.new, LEAST), 2)
    if options.source is not None and not Path(options.source).is_file():
        raise _error("In '{}': unable to read file".format(options.source), 2)
    with tempfile.TemporaryDirectory() as folder:
        path = options.source or options.out or folder + "/dhparam.pem"
        if options.source:
            _check(path)
        else:
            _generate(options.new, path)
        if not options.out:
            print("zmdhparam: saving 'zimbraSSLDHParam' via zmprov modifyConfig", flush=True)
            if zmprov.main(["modifyConfig", "zimbraSSLDHParam", path]):
                raise _error("save to LDAP failed")
    return 0


def _get(options: argparse.Namespace) -> int:
    with store.opened() as directory:
        values = directory.value("config", "zimbraSSLDHParam")
    if not values:
        raise _error("no zimbraSSLDHParam in LDAP")
    text = base64.b64decode(values[0]).decode()
    if options.out:
        Path(options.out).write_text(text)
    else:
        print(text, end="")
    return 0


def main(arguments: List[str]) -> int:
    """get or set."""
    options = _parser().parse_args(arguments)
    if options.command is None or (options.command == "set" and options.new is None and options.source is None):
        raise _error("a command must be specified" if options.command is None else "-new or -in must be specified")
    return _get(options) if options.command == "get" else _set(options)
