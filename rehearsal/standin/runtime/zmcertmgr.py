"""zmcertmgr: creates, checks and deploys certificates with the real openssl, in the vendor's words and order."""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Callable, Dict, List, Tuple

from . import host, localconfig, store
from .certfiles import (
    CA_CONF,
    CACERTS,
    DEPLOYED,
    FILES,
    KEYSTORE,
    SSL,
    Refused,
    append,
    certificates,
    check_readable,
    copy,
    fix_newlines,
    init_directories,
    keep_first,
    refuse,
)

OPENSSL = str(host.HOME / "common/bin/openssl")


def _openssl(*words: str) -> str:
    code, output = host.run([OPENSSL, *words])
    if code:
        raise refuse("openssl {} failed({}):\n{}".format(words[0], code, output))
    return output


def _type(words: List[str]) -> str:
    if not words:
        raise refuse("no type argument specified")
    if words[0] not in ("self", "comm"):
        raise refuse("invalid type '{}' !~ self|comm".format(words[0]))
    return words[0]


def _save(key: str, owner: str, path: Path) -> bool:
    """Store a file's text under an attribute; a stopped LDAP is reported, not fatal."""
    command = "modifyConfig" if owner == "config" else "modifyServer " + owner.split("/")[1]
    print("** Saving config key '{}' via zmprov {}...".format(key, command), end="")
    good = host.listens(389)
    if good:
        with store.opened(write=True) as directory:
            good = owner in directory.entries
            if good:
                directory.entries[owner][key] = [path.read_text()]
    print("ok" if good else "failed (rc=2)")
    return good


def createca(words: List[str], options: argparse.Namespace) -> int:
    """A CA of one's own, its key kept unless -newkey."""
    init_directories()
    key, certificate = FILES["ca_key"], FILES["ca_crt"]
    if certificate.exists() and not options.new:
        for name, path in (("CA cert", certificate), ("CA private key", key)):
            print("** Using {} in '{}'".format(name, path))
        return 0
    fresh = options.newkey or not key.exists()
    print("** Creating CA with {}private key {}".format("new " if fresh else "existing ", key))
    keys = ["-newkey", "rsa:2048", "-keyout", str(key)] if fresh else ["-key", str(key)]
    subject = options.subject or "/O=CA/OU=Zimbra Collaboration Server/CN=" + localconfig.get("zimbra_server_hostname")
    command = ["req", "-batch", "-nodes", "-new", "-x509", "-sha256", "-days", str(options.days or 1825)]
    _openssl(*command, "-subj", subject, "-out", str(certificate), *keys)
    return 0


def deployca(words: List[str], options: argparse.Namespace) -> int:
    """Into conf/ca, the Java trust store and, unless -localonly, LDAP."""
    init_directories()
    check_readable(FILES["ca_crt"], FILES["ca_key"])
    if not options.localonly:
        for attribute, name in (
            ("zimbraCertAuthorityCertSelfSigned", "ca_crt"),
            ("zimbraCertAuthorityKeySelfSigned", "ca_key"),
        ):
            if not _save(attribute, "config", FILES[name]):
                return 1
    _addcacert(FILES["ca_crt"], "my_ca")
    _install_ca()
    return 0


def _addcacert(path: Path, alias: str) -> None:
    print("** Importing cert '{}' as '{}' into cacerts '{}'".format(path, alias, CACERTS))
    trusted = CACERTS.read_text() if CACERTS.exists() else ""
    added = [text for text in certificates(path.read_text()) if text not in trusted]
    host.write_atomic(CACERTS, trusted + "".join(added), 0o644)
    print("** NOTE: restart mailboxd to use the imported certificate.")


def addcacert(words: List[str], options: argparse.Namespace) -> int:
    """addcacert CERTIFICATE"""
    check_readable(Path(words[0]))
    _addcacert(Path(words[0]), "zcs-user-{}".format(Path(words[0]).stem))
    return 0


def _hash_link(path: Path) -> None:
    name = _openssl("x509", "-hash", "-noout", "-in", str(path)).strip()
    number = next(number for number in range(100) if not (CA_CONF / "{}.{}".format(name, number)).exists())
    link = CA_CONF / "{}.{}".format(name, number)
    print("** Creating CA hash symlink '{}' -> '{}'".format(link.name, path.name))
    link.symlink_to(path.name)


def _install_ca() -> None:
    """conf/ca anew: the own CA, each certificate of the commercial chain, and their hash links."""
    old = sorted(path for path in CA_CONF.iterdir() if path.is_file() or path.is_symlink())
    if old:
        print("** Cleaning up {} files from '{}'".format(len(old), CA_CONF))
    for path in old:
        print("** Removing {}".format(path))
        path.unlink()
    print("** Copying CA to {}".format(CA_CONF))
    for name in ("ca_key", "ca_crt"):
        if FILES[name].exists():
            copy(FILES[name], CA_CONF / FILES[name].name)
    if (CA_CONF / "ca.pem").exists():
        os.chmod(str(CA_CONF / "ca.pem"), 0o644)
        _hash_link(CA_CONF / "ca.pem")
    if FILES["comm_ca_crt"].exists():
        for number, text in enumerate(certificates(FILES["comm_ca_crt"].read_text()), 1):
            path = CA_CONF / "commercial_ca_{}.crt".format(number)
            print("** Creating {}".format(path))
            host.write_atomic(path, text, 0o644)
            _hash_link(path)


def createcrt(words: List[str], options: argparse.Namespace) -> int:
    """The self-signed server certificate, signed by the own CA."""
    if SSL.is_dir():
        backup = "{}.{}".format(SSL, time.strftime("%Y%m%d%H%M%S"))
        print("** Backup {} to {}".format(SSL, backup))
        host.run(["cp", "-pr", str(SSL), backup])
    init_directories()
    if FILES["self_crt"].exists() and not options.new:
        print("** {} already exists.".format(FILES["self_crt"]))
        return 0
    name = localconfig.get("zimbra_server_hostname")
    names = ",".join("DNS:" + each for each in [name, *(options.subjectAltNames or "").split(",")] if each)
    subject = options.subject or "/OU=Zimbra Collaboration Server/CN=" + name
    settings = SSL / "server/extensions.cnf"
    settings.write_text("subjectAltName={}\nextendedKeyUsage=serverAuth,clientAuth\n".format(names))
    print("** Creating server cert request {}".format(FILES["self_csr"]))
    request = ["req", "-batch", "-nodes", "-new", "-sha256", "-newkey", "rsa:2048", "-subj", subject]
    _openssl(*request, "-keyout", str(FILES["self_key"]), "-out", str(FILES["self_csr"]))
    print("** Signing cert request {}".format(FILES["self_csr"]))
    sign = ["x509", "-req", "-sha256", "-days", str(options.days or 1825), "-set_serial", str(int(time.time()))]
    sign += ["-CA", str(FILES["ca_crt"]), "-CAkey", str(FILES["ca_key"]), "-extfile", str(settings)]
    _openssl(*sign, "-in", str(FILES["self_csr"]), "-out", str(FILES["self_crt"]))
    return 0


def _public_key(path: Path, certificate: bool) -> str:
    """The modulus in 8.8.15 and 9.0.0, which is why they know no EC keys; the public key in 10.1."""
    if host.version() >= (10, 1):
        words = ["x509", "-noout", "-pubkey"] if certificate else ["pkey", "-pubout"]
    else:
        words = ["x509" if certificate else "rsa", "-noout", "-modulus"]
    code, output = host.run([OPENSSL, *words, "-in", str(path)])
    if code:
        print(output, end="", file=sys.stderr)
    return "" if code else output


def _verify_key(key: Path, certificate: Path) -> None:
    print("** Verifying '{}' against '{}'".format(certificate, key))
    check_readable(key, certificate)
    ours = _public_key(key, certificate=False)
    subject = "Certificate '{}' and private key '{}'".format(certificate, key)
    if not ours or ours != _public_key(certificate, certificate=True):
        raise refuse(subject + " do not match.")
    print(subject + " match.")


def _verify_chain(chain: Path, certificate: Path) -> None:
    print("** Verifying '{}' against '{}'".format(certificate, chain))
    check_readable(chain, certificate)
    _, output = host.run([OPENSSL, "verify", "-purpose", "sslserver", "-CAfile", str(chain), str(certificate)])
    if output.strip() != "{}: OK".format(certificate):
        raise refuse("Unable to validate certificate chain: " + output.strip())
    print("Valid certificate chain: " + output.strip())


def verifycrt(words: List[str], options: argparse.Namespace) -> int:
    """verifycrt TYPE [KEY [CERTIFICATE [CHAIN]]]"""
    kind = _type(words)
    defaults = [FILES[kind + "_key"], FILES[kind + "_crt"], FILES["comm_ca_crt" if kind == "comm" else "ca_crt"]]
    given = [Path(word) for word in words[1:]]
    key, certificate, chain = (given + defaults[len(given) :])[:3]
    _verify_key(key, certificate)
    _verify_chain(chain, certificate)
    return 0


def verifycrtkey(words: List[str], options: argparse.Namespace) -> int:
    """verifycrtkey KEY CERTIFICATE"""
    _verify_key(Path(words[0]), Path(words[1]))
    return 0


def verifycrtchain(words: List[str], options: argparse.Namespace) -> int:
    """verifycrtchain CHAIN CERTIFICATE"""
    _verify_chain(Path(words[0]), Path(words[1]))
    return 0


def _stage_commercial(words: List[str]) -> None:
    """Check the given pair and lay it down as commercial.crt and commercial_ca.crt."""
    if len(words) == 1:
        raise RuntimeError("certfile and ca_chain_file must both be specified")
    key, certificate, chain = FILES["comm_key"], FILES["comm_crt"], FILES["comm_ca_crt"]
    given = [Path(word) for word in words] or [certificate, chain]
    check_readable(key, *given)
    if words:
        for path in given:
            fix_newlines(path)
        keep_first(given[0])
    _verify_key(key, given[0])
    _verify_chain(given[1], given[0])
    for source, target in zip(given, (certificate, chain)):
        if source != target:
            copy(source, target)
    append(chain, certificate)
    _addcacert(chain, "zcs-user-commercial_ca")


def savecrt(words: List[str], options: argparse.Namespace) -> int:
    """The pair into LDAP, on this server."""
    kind = _type(words)
    owner = "server/" + localconfig.get("zimbra_server_hostname")
    saved = [
        _save("zimbraSSLCertificate", owner, FILES[kind + "_crt"]),
        _save("zimbraSSLPrivateKey", owner, FILES[kind + "_key"]),
    ]
    return 0 if all(saved) else 1


def _create_keystore(kind: str) -> None:
    """PKCS#12 by openssl; the keystore itself is a PEM bundle here, for there is no Java."""
    key, certificate = FILES[kind + "_key"], FILES[kind + "_crt"]
    exported = SSL / "jetty.pkcs12"
    print("** Creating file '{}'".format(exported))
    os.environ["KEYSTORE_PASSWORD"] = localconfig.get("mailboxd_keystore_password")
    export = ["pkcs12", "-export", "-inkey", str(key), "-in", str(certificate), "-name", "jetty"]
    _openssl(*export, "-out", str(exported), "-passout", "env:KEYSTORE_PASSWORD")
    print("** Creating keystore '{}'".format(KEYSTORE))
    host.write_atomic(KEYSTORE, key.read_text() + certificate.read_text())
    host.write_atomic(FILES["mailboxd_crt"], certificates(certificate.read_text())[0])


def deploycrt(words: List[str], options: argparse.Namespace) -> int:
    """deploycrt self | comm [CERTIFICATE CHAIN]"""
    kind = _type(words)
    init_directories()
    if kind == "comm":
        _stage_commercial(words[1:])
    failed = 0 if options.localonly else savecrt([kind], options)
    for name, target in sorted(DEPLOYED.items()):
        if name == "mailboxd":
            _create_keystore(kind)
            continue
        key = target.with_suffix(".key")
        print("** Installing {} certificate '{}' and key '{}'".format(name, target, key))
        copy(FILES[kind + "_crt"], target)
        copy(FILES[kind + "_key"], key)
    print("** NOTE: restart services to use the new certificates.")
    _install_ca()
    return failed


def _names(path: Path) -> str:
    text = _openssl("x509", "-in", str(path), "-noout", "-text")
    lines = (line.strip() for line in text.splitlines())
    return next((line.replace("DNS:", "") for line in lines if line.startswith("DNS:")), "")


def viewdeployedcrt(words: List[str], options: argparse.Namespace) -> int:
    """viewdeployedcrt [all|SERVICE]"""
    wanted = words[0] if words else "all"
    for name, path in sorted(DEPLOYED.items()):
        if wanted not in ("all", name):
            continue
        if not path.exists():
            print("NOTE: {}: file '{}' does not exist.".format(name, path))
            continue
        print("- {}: {}".format(name, path))
        print(_openssl("x509", "-in", str(path), "-dates", "-subject", "-issuer", "-noout"), end="")
        print("SubjectAltName={}".format(_names(path)))
    return 0


def checkcrtexpiration(words: List[str], options: argparse.Namespace) -> int:
    """1 when something expires within -days (30)."""
    days = options.days or 30
    failed = 0
    for name, path in sorted(DEPLOYED.items()):
        if not path.exists():
            print("NOTE: {}: file '{}' does not exist.".format(name, path))
            continue
        code, _ = host.run([OPENSSL, "x509", "-in", str(path), "-noout", "-checkend", str(days * 86400)])
        if code:
            failed = 1
            end = _openssl("x509", "-in", str(path), "-noout", "-enddate").strip()
            print("{}: {} '{}' EXPIRES within {} days!".format(name, end, path, days))
    return failed


_COMMANDS: Dict[str, Callable[[List[str], argparse.Namespace], int]] = {
    command.__name__: command
    for command in (
        addcacert,
        checkcrtexpiration,
        createca,
        createcrt,
        deployca,
        deploycrt,
        savecrt,
        verifycrt,
        verifycrtchain,
        verifycrtkey,
        viewdeployedcrt,
    )
}


def _parse(arguments: List[str]) -> Tuple[argparse.Namespace, List[str]]:
    parser = argparse.ArgumentParser(prog="zmcertmgr", allow_abbrev=False)
    for flag in ("-new", "-newkey", "-localonly", "-allservers", "-noDefaultSubjectAltName"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("-days", type=int, default=0)
    for option in ("-keysize", "-digest", "-subject", "-subjectAltNames"):
        parser.add_argument(option)
    return parser.parse_known_args(arguments)


def main(arguments: List[str]) -> int:
    """Run one command; 0 and 1 as the vendor, 255 for its exceptions."""
    if host.whoami() == "root":
        raise host.fail("zmcertmgr: ERROR: no longer runs as root!")
    options, words = _parse(arguments)
    if not words or words[0] not in _COMMANDS:
        print("zmcertmgr <command> [options] [-help|-man] [-debug [#]]", file=sys.stderr)
        return 1
    os.umask(0o027)
    try:
        return _COMMANDS[words[0]](words[1:], options)
    except Refused:
        return 1
    except (RuntimeError, OSError, IndexError) as problem:
        text = "zmcertmgr: ERROR {}({}) failed:\n {}".format(words[0], " ".join(words[1:]), problem)
        raise host.fail(text, 255) from None
