"""zmlocalconfig: shows and edits local settings with the vendor's options, texts and surprising exit codes."""

import argparse
import secrets
import sys
from typing import Dict, List, NoReturn

from . import host, localconfig


class _Parser(argparse.ArgumentParser):
    """Option errors in the vendor's words and with its exit code."""

    def error(self, message: str) -> NoReturn:
        raise host.fail("ERROR: Failed to parse command line: {}".format(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="zmlocalconfig", add_help=False)
    for flag in "esxqdnifruplh":
        parser.add_argument("-" + flag, action="store_true")
    parser.add_argument("-m", default="plain", choices=["plain", "nokey", "shell", "export", "xml"])
    parser.add_argument("-c", default="")
    parser.add_argument("words", nargs="*")
    return parser


def _refuse_root(option: str) -> None:
    if host.whoami() == "root":
        raise host.fail("Error: cannot use {} when running as root".format(option))


def _edit(options: argparse.Namespace) -> None:
    _refuse_root("-e")
    values = localconfig.changed()
    for word in options.words:
        key, equals, value = word.partition("=")
        if options.r:
            value = secrets.token_urlsafe(6)
        elif not equals:
            raise host.fail("Error: argument '{}' not in key=value form".format(word))
        if key in localconfig.GUARDED and not options.f:
            raise host.fail("Error: can not edit key {}".format(key))
        values[key] = value
    if not options.words:
        raise host.fail("Error: insufficient arguments")
    localconfig.save(values)


def _unset(options: argparse.Namespace) -> None:
    _refuse_root("-u")
    values = localconfig.changed()
    for key in options.words:
        if key not in values:
            raise host.fail("Error: key {} is not set".format(key))
        del values[key]
    localconfig.save(values)


_LINES = {
    "plain": "{key} = {value}",
    "nokey": "{value}",
    "shell": "{key}='{value}';",
    "export": "export {key}='{value}';",
    "xml": '  <key name="{key}">\n    <value>{value}</value>\n  </key>',
}


def _show(options: argparse.Namespace, known: Dict[str, str]) -> None:
    for key in options.words or sorted(known):
        if key not in known:
            if not options.q:
                print("Warning: null valued key '{}'".format(key), file=sys.stderr)
            continue
        value = localconfig.expand(known[key]) if options.x or not options.d else known[key]
        if "pass" in key and not options.s:
            value = "*"
        print(_LINES[options.m].format(key=key, value=value))


def main(arguments: List[str]) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    if options.h:
        print("usage: zmlocalconfig [options] [args]")
    elif options.e:
        _edit(options)
    elif options.u:
        _unset(options)
    elif options.p:
        print(localconfig.PATH)
    elif not options.l:
        known = localconfig.changed() if options.n else localconfig.DEFAULTS if options.d else localconfig.current()
        _show(options, dict(known))
    return 0
