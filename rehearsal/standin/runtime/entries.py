"""What zmprov's commands do to the entries of the store."""

import base64
import hashlib
import secrets
from typing import Callable, Dict, List, Optional

from . import schema, store

ATTRIBUTES = schema.load()

Action = Callable[[store.Directory, List[str]], None]


class ServiceError(Exception):
    """An error of the vendor's services: a code and a message."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__("{} ({})".format(code, text))
        self.code = code
        self.text = text


class UsageError(Exception):
    """A command called with the wrong words."""


def _missing(kind: str, name: str) -> ServiceError:
    return ServiceError("account.NO_SUCH_" + kind.upper(), "no such {}: {}".format(kind, name))


def _attribute(name: str) -> schema.Attribute:
    known = ATTRIBUTES.get(name.lower())
    if known is None:
        raise ServiceError("account.INVALID_ATTR_NAME", "invalid attr name: {}".format(name))
    return known


def _input(attribute: schema.Attribute, value: str) -> str:
    """The stored form of an argument: for binary attributes it names a file."""
    if attribute.type != "binary":
        problem = schema.objection(attribute, value) if value else ""
        if problem:
            raise ServiceError("account.INVALID_ATTR_VALUE", "{} {}".format(attribute.name, problem))
        return value
    try:
        with open(value, "rb") as source:
            return base64.b64encode(source.read()).decode()
    except OSError:
        raise ServiceError("service.INVALID_REQUEST", "invalid request: unable to read file {}".format(value)) from None


def _changed(attribute: schema.Attribute, present: List[str], sign: str, values: List[str]) -> List[str]:
    if sign == "+":
        result = present + [value for value in values if value not in present]
    elif sign == "-":
        result = [value for value in present if value not in values]
    else:
        result = [value for value in values if value]
    if len(result) > 1 and not attribute.multi:
        raise ServiceError("account.INVALID_ATTR_VALUE", "{} is a single-valued attribute".format(attribute.name))
    return result


def _modify(entry: store.Entry, words: List[str]) -> None:
    """Apply `[+|-]name value` pairs; a repeated name collects its values."""
    if not words or len(words) % 2:
        raise UsageError
    wanted: Dict[str, List[str]] = {}
    for name, value in zip(words[::2], words[1::2]):
        sign = name[0] if name[0] in "+-" else " "
        attribute = _attribute(name.lstrip("+-"))
        wanted.setdefault(sign + attribute.name, []).append(_input(attribute, value))
    for key, values in wanted.items():
        attribute = _attribute(key[1:])
        entry[attribute.name] = _changed(attribute, entry.get(attribute.name, []), key[0], values)
        if not entry[attribute.name]:
            del entry[attribute.name]


def _print_value(name: str, value: str) -> None:
    attribute = ATTRIBUTES.get(name.lower())
    if attribute is None or attribute.type != "binary":
        print("{}: {}".format(name, value))
        return
    lines = [value[start : start + 76] for start in range(0, len(value), 76)]
    print("{}:: {}".format(name, "\n".join(lines)))


def _print(directory: store.Directory, key: str, names: List[str]) -> None:
    """One entry with what it inherits, only the named attributes when some are named."""
    parent = "cos/default" if key.startswith("account/") else "config"
    merged = dict(directory.entries.get(parent, {}), **directory.entries[key])
    wanted = [name.lower() for name in names]
    for name in sorted(merged):
        if name.lower() not in wanted if wanted else name == "userPassword":
            continue
        for value in merged[name]:
            _print_value(name, value)


def get_config(directory: store.Directory, words: List[str]) -> None:
    """gcf NAME and gacf: nothing at all when the attribute is unset."""
    for name in words:
        _attribute(name)
    _print(directory, "config", words)


def modify_config(directory: store.Directory, words: List[str]) -> None:
    """mcf [+|-]NAME VALUE..."""
    _modify(directory.entries["config"], words)


def get_named(kind: str) -> Action:
    """gs, gd, gc."""

    def action(directory: store.Directory, words: List[str]) -> None:
        if not words:
            raise UsageError
        _show(directory, kind, words[0], words[1:])

    return action


def _show(directory: store.Directory, kind: str, name: str, names: List[str]) -> None:
    key = "{}/{}".format(kind, name.lower())
    if key not in directory.entries:
        raise _missing(kind, name)
    print("# name {}".format(name.lower()))
    _print(directory, key, names)
    print()


def modify_named(kind: str) -> Action:
    """ms, md, mc."""

    def action(directory: store.Directory, words: List[str]) -> None:
        if len(words) < 3:
            raise UsageError
        key = "{}/{}".format(kind, words[0].lower())
        if key not in directory.entries:
            raise _missing(kind, words[0])
        _modify(directory.entries[key], words[1:])

    return action


def get_all(kind: str) -> Action:
    """gas, gad, gaa [DOMAIN], gac: names, or everything with -v."""

    def action(directory: store.Directory, words: List[str]) -> None:
        verbose = "-v" in words
        suffix = next((word for word in words if not word.startswith("-")), "") if kind == "account" else ""
        for name in directory.names(kind):
            if suffix and not name.endswith("@" + suffix):
                continue
            if verbose:
                _show(directory, kind, name, [])
            else:
                print(name)

    return action


def get_admins(directory: store.Directory, words: List[str]) -> None:
    """gaaa: the names of all administrators' accounts."""
    for name in directory.names("account"):
        if directory.value("account/" + name, "zimbraIsAdminAccount") == ["TRUE"]:
            print(name)


def _existing_account(directory: store.Directory, name: str) -> str:
    key = directory.account(name)
    if not key:
        raise _missing("account", name)
    return key


def get_account(directory: store.Directory, words: List[str]) -> None:
    """ga NAME [attribute...]"""
    if not words:
        raise UsageError
    key = _existing_account(directory, words[0])
    _show(directory, "account", key.split("/", 1)[1], words[1:])


def modify_account(directory: store.Directory, words: List[str]) -> None:
    """ma NAME [+|-]NAME VALUE..."""
    if len(words) < 3:
        raise UsageError
    _modify(directory.entries[_existing_account(directory, words[0])], words[1:])


def hashed(password: str, salt: Optional[bytes] = None) -> str:
    """A salted password in the vendor's form, so that no clear text lies in the store."""
    salt = salt or secrets.token_bytes(8)
    return "{SSHA512}" + base64.b64encode(hashlib.sha512(password.encode() + salt).digest() + salt).decode()


def fits(stored: str, password: str) -> bool:
    """Whether a stored password is this one."""
    return bool(stored) and hashed(password, base64.b64decode(stored.partition("}")[2])[-8:]) == stored


def authenticates(directory: store.Directory, name: str, password: str) -> bool:
    """Whether the password is the account's."""
    stored = directory.entries.get(directory.account(name), {}).get("userPassword", [""])[0]
    return fits(stored, password)


def _violation(directory: store.Directory, password: str) -> str:
    """What the class of service has against a password; zm-mailbox 8.8.15, LdapProvisioning.java 6079-6091."""
    least, most = (
        int((directory.value("cos/default", "zimbraPassword{}Length".format(end)) or ["0"])[0])
        for end in ("Min", "Max")
    )
    if len(password) < least:
        return "invalid password: too short"
    return "invalid password: too long" if 0 < most < len(password) else ""


def create_account(directory: store.Directory, words: List[str]) -> None:
    """ca NAME@DOMAIN PASSWORD [NAME VALUE...]: prints the new id."""
    if len(words) < 2 or "@" not in words[0]:
        raise UsageError
    name = words[0].lower()
    domain = name.split("@")[1]
    if "domain/" + domain not in directory.entries:
        raise _missing("domain", domain)
    if directory.account(name):
        raise ServiceError("account.ACCOUNT_EXISTS", "email address already exists: " + name)
    violation = _violation(directory, words[1]) if words[1] else ""
    if violation:
        raise ServiceError("account.INVALID_PASSWORD", violation)
    entry: store.Entry = {"zimbraMailDeliveryAddress": [name], "mail": [name], "uid": [name.split("@")[0]]}
    entry["zimbraAccountStatus"] = ["active"]
    if words[1]:
        entry["userPassword"] = [hashed(words[1])]
    if words[2:]:
        _modify(entry, words[2:])
    print(directory.create("account/" + name, entry)["zimbraId"][0])


def delete_account(directory: store.Directory, words: List[str]) -> None:
    """da NAME"""
    if len(words) != 1:
        raise UsageError
    del directory.entries[_existing_account(directory, words[0])]


def set_password(directory: store.Directory, words: List[str]) -> None:
    """sp NAME PASSWORD: what is against the policy is told and done (zm-mailbox 8.8.15, LdapProvisioning.java 5992)."""
    if len(words) != 2:
        raise UsageError
    key = _existing_account(directory, words[0])
    violation = _violation(directory, words[1])
    if violation:
        print("Password violation: account={}, violation={}.".format(key.split("/", 1)[1], violation))
    directory.entries[key]["userPassword"] = [hashed(words[1])]


def add_alias(directory: store.Directory, words: List[str]) -> None:
    """aaa NAME ALIAS"""
    if len(words) != 2:
        raise UsageError
    entry = directory.entries[_existing_account(directory, words[0])]
    alias = words[1].lower()
    if directory.account(alias):
        raise ServiceError("account.ACCOUNT_EXISTS", "email address already exists: " + alias)
    entry.setdefault("zimbraMailAlias", []).append(alias)


def remove_alias(directory: store.Directory, words: List[str]) -> None:
    """raa NAME ALIAS"""
    if len(words) != 2:
        raise UsageError
    entry = directory.entries[_existing_account(directory, words[0])]
    alias = words[1].lower()
    if alias not in entry.get("zimbraMailAlias", []):
        raise ServiceError("account.NO_SUCH_ALIAS", "no such alias: " + alias)
    entry["zimbraMailAlias"].remove(alias)


def create_domain(directory: store.Directory, words: List[str]) -> None:
    """cd NAME [NAME VALUE...]: prints the new id."""
    if not words:
        raise UsageError
    name = words[0].lower()
    if "domain/" + name in directory.entries:
        raise ServiceError("account.DOMAIN_EXISTS", "domain already exists: " + name)
    entry: store.Entry = {"zimbraDomainName": [name], "zimbraDomainType": ["local"]}
    if words[1:]:
        _modify(entry, words[1:])
    print(directory.create("domain/" + name, entry)["zimbraId"][0])


def delete_domain(directory: store.Directory, words: List[str]) -> None:
    """dd NAME: one without accounts."""
    if len(words) != 1:
        raise UsageError
    name = words[0].lower()
    if "domain/" + name not in directory.entries:
        raise _missing("domain", name)
    if any(account.endswith("@" + name) for account in directory.names("account")):
        raise ServiceError("account.DOMAIN_NOT_EMPTY", "domain not empty: " + name)
    del directory.entries["domain/" + name]


def create_server(directory: store.Directory, words: List[str]) -> None:
    """cs NAME [NAME VALUE...]: prints the new id."""
    if not words:
        raise UsageError
    name = words[0].lower()
    if "server/" + name in directory.entries:
        raise ServiceError("account.SERVER_EXISTS", "server already exists: " + name)
    entry: store.Entry = {"zimbraServiceHostname": [name], "cn": [name]}
    if words[1:]:
        _modify(entry, words[1:])
    print(directory.create("server/" + name, entry)["zimbraId"][0])
