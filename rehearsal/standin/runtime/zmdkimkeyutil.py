"""zmdkimkeyutil: DKIM keys of domains in the store, made by openssl, printed as opendkim-genkey prints them."""

import argparse
import uuid
from typing import List

from . import host, store

OPENSSL = str(host.HOME / "common/bin/openssl")


def _end(text: str, code: int = 1) -> SystemExit:
    print(text)
    return SystemExit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="zmdkimkeyutil", add_help=False)
    for flag, name in (("-a", "--add"), ("-u", "--update"), ("-q", "--query"), ("-r", "--remove"), ("-h", "--help")):
        parser.add_argument(flag, name, action="store_true")
    parser.add_argument("-d", "--domain")
    parser.add_argument("-s", "--selector")
    parser.add_argument("-b", "--bits", type=int, default=2048)
    return parser


def _usage() -> SystemExit:
    return _end("Usage: /opt/zimbra/libexec/zmdkimkeyutil [-a [-b]] [-q] [-r] [-s selector] [-S] [-u [-b]] [-d domain]")


def _record(selector: str, domain: str, public: str) -> str:
    """The DNS record: a TXT value in quoted chunks."""
    chunks = ["p=" + public[:200]] + [public[start : start + 250] for start in range(200, len(public), 250)]
    quoted = "\n\t  ".join('"{}"'.format(chunk) for chunk in chunks)
    line = '{}._domainkey\tIN\tTXT\t( "v=DKIM1; k=rsa; "\n\t  {} )  ; ----- DKIM key {} for {}\n'
    return line.format(selector, quoted, selector, domain)


def _generate(directory: store.Directory, entry: store.Entry, domain: str, options: argparse.Namespace) -> int:
    selector = options.selector or str(uuid.uuid4()).upper()
    if options.bits < 2048:
        print("Bit size less than 2048 is not allowed, as it is insecure.")
        raise _end("Error: Key generation failed.")
    if any(selector in other.get("DKIMSelector", []) for other in directory.entries.values() if other is not entry):
        raise _end("Error: Failed to update LDAP: Selector {} is already in use.".format(selector))
    _, private = host.run([OPENSSL, "genrsa", str(options.bits)])
    private = private[private.index("-----BEGIN") :]
    _, public = host.run([OPENSSL, "rsa", "-pubout"], private)
    body = "".join(line for line in public.splitlines() if "-" not in line and " " not in line)
    record = _record(selector, domain, body)
    entry["DKIMSelector"] = [selector]
    entry["DKIMDomain"] = entry["DKIMIdentity"] = [domain]
    entry["DKIMKey"] = [private]
    entry["DKIMPublicKey"] = [record]
    print("DKIM Data added to LDAP for domain {} with selector {}".format(domain, selector))
    print("Public signature to enter into DNS:")
    print(record, end="")
    return 0


def _query(entry: store.Entry, domain: str) -> int:
    if "DKIMSelector" not in entry:
        raise _end("No DKIM Information for domain {}".format(domain))
    for title, name in (
        ("DKIM Domain", "DKIMDomain"),
        ("DKIM Selector", "DKIMSelector"),
        ("DKIM Private Key", "DKIMKey"),
        ("DKIM Public signature", "DKIMPublicKey"),
        ("DKIM Identity", "DKIMIdentity"),
    ):
        print("{}:\n{}\n".format(title, entry[name][0].rstrip("\n")))
    return 0


def _remove(entry: store.Entry, domain: str) -> int:
    for name in [name for name in entry if name.startswith("DKIM")]:
        del entry[name]
    print("DKIM Data deleted in LDAP for domain {}".format(domain))
    return 0


def main(arguments: List[str]) -> int:
    """One of add, update, query and remove, on one domain."""
    host.require_zimbra()
    options = _parser().parse_args(arguments)
    if options.help or not options.domain or sum((options.add, options.update, options.query, options.remove)) != 1:
        raise _usage()
    if not host.listens(389):
        raise host.fail("IO::Socket::INET6: connect: Connection refused", 111)
    domain = options.domain.lower()
    with store.opened(write=not options.query) as directory:
        entry = directory.entries.get("domain/" + domain)
        if entry is None:
            raise _end("Domain {} not found.".format(options.domain))
        if options.query:
            return _query(entry, domain)
        if options.add and "DKIMSelector" in entry:
            raise _end("Error: Domain {} already has DKIM enabled.".format(domain))
        if not options.add and "DKIMSelector" not in entry:
            raise _end("Error: Domain {} doesn't have DKIM enabled.".format(domain))
        return _remove(entry, domain) if options.remove else _generate(directory, entry, domain, options)
