"""The public DNS records of this server, and their text for a zone file (RFC 1035, 5)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from states.hardening.dkimkeys import Key, known, retired
from states.hardening.settings import DMARC_POLICY, DMARC_REPORTS, PUBLIC_ADDRESSES, SPF
from states.server import admin_address, mail_domains, server_name
from states.ubuntu.addresses import addresses
from zflow.api import Context, stamp

Purpose = Literal["address", "mx", "spf", "dkim", "dmarc", "reports", "ptr"]
PIECE = 255
"""Bytes of one string; the value of a TXT record is its strings joined (RFC 1035, 3.3; RFC 7208, 3.3)."""
TTL = 3600


@dataclass(frozen=True)
class Record:
    """One wanted record. `value` is empty where only the operator knows it."""

    purpose: Purpose
    name: str
    kind: str
    value: str
    about: str = ""

    @property
    def text(self) -> str:
        """The record as a line of a zone file; a comment where it belongs to another zone, or has no value."""
        if not self.value:
            return f"; {self.name}. {TTL} IN {self.kind} ...  ({self.about})"
        value = {"TXT": _quoted(self.value), "MX": f"{self.value}.", "PTR": f"{self.value}."}.get(self.kind, self.value)
        line = f"{self.name}. {TTL} IN {self.kind} {value}"
        return f"; {line}  ({self.about})" if self.purpose == "ptr" else line


def _quoted(value: str) -> str:
    pieces = [value[at : at + PIECE] for at in range(0, len(value), PIECE)]
    quoted = " ".join(f'"{piece}"' for piece in pieces)
    return f"( {quoted} )" if len(pieces) > 1 else quoted


def domains(ctx: Context) -> tuple[str, ...]:
    """Return the mail domains: those of the settings, then those with a recorded key."""
    return tuple(dict.fromkeys((*mail_domains(ctx), *(each.domain for each in known(ctx)))))


def public_addresses(ctx: Context) -> tuple[str, ...]:
    """Return the server's public addresses: the setting, else the container's own public ones."""
    return ctx.settings.get(PUBLIC_ADDRESSES) or tuple(
        each for each in addresses().own if ipaddress.ip_address(each).is_global
    )


def records(ctx: Context, chosen: tuple[str, ...] = ()) -> list[Record]:
    """Return all records for the given domains, or for all."""
    return [*_server(ctx), *(each for domain in chosen or domains(ctx) for each in _domain(ctx, domain))]


def _server(ctx: Context) -> Iterator[Record]:
    name, found = server_name(ctx), public_addresses(ctx)
    if not found:
        yield Record("address", name, "A", "", "the server's public address; set ZFLOW_PUBLIC_ADDRESSES")
    for each in found:
        yield Record("address", name, "AAAA" if ":" in each else "A", each)
    for each in found:
        reverse = ipaddress.ip_address(each).reverse_pointer
        yield Record("ptr", reverse, "PTR", name, f"set by the provider of {each}")


def _domain(ctx: Context, domain: str) -> Iterator[Record]:
    yield Record("mx", domain, "MX", f"10 {server_name(ctx)}")
    yield Record("spf", domain, "TXT", ctx.settings[SPF])
    yield from _dkim(ctx, domain)
    reports = ctx.settings.get(DMARC_REPORTS) or admin_address(ctx)
    policy = f"v=DMARC1; p={ctx.settings[DMARC_POLICY]}; rua=mailto:{reports}"
    yield Record("dmarc", f"_dmarc.{domain}", "TXT", policy)
    where = reports.rpartition("@")[2]
    if not _related(domain, where):
        # Without it receivers do not send reports about one domain to an address of another (RFC 7489, 7.1).
        yield Record("reports", f"{domain}._report._dmarc.{where}", "TXT", "v=DMARC1")


def _dkim(ctx: Context, domain: str) -> Iterator[Record]:
    keys = [each for each in known(ctx) if each.domain == domain]
    if not keys:
        yield Record("dkim", f"..._domainkey.{domain}", "TXT", "", "the key does not exist yet")
    yield from (_key(each) for each in keys)
    for each in retired(ctx):
        if each.key.domain == domain:
            yield _key(each.key, f"replaced; needed until {stamp(each.until)[:10]}")


def _key(key: Key, about: str = "") -> Record:
    return Record("dkim", key.name, "TXT", key.public, about)


def _related(one: str, other: str) -> bool:
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def zone_text(found: list[Record]) -> str:
    """Return the records as text for zone files; a record that is needed only for a time has a comment."""
    lines = []
    for each in found:
        if each.value and each.about and each.purpose != "ptr":
            lines.append(f"; {each.about}")
        lines.append(each.text)
    return "\n".join(lines) + "\n"
