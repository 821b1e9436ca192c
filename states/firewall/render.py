"""Renders the model as one nftables transaction that replaces zflow's table and changes nothing else.

One batch creates the table if it is missing, deletes it, and makes it with its content: readers and packets see the old
table or the new one (nft(8): "executed atomically"). Other tables are never named.

The last rule of `input` drops although the policy does too: within the commit the kernel sets the policy of a new chain
after its rules took effect (net/netfilter/nf_tables_api.c, nf_tables_commit).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from states.firewall.model import CHAINS, Chain, Meter, Rule

FAMILY, TABLE = "inet", "zflow"
"""One table for IPv4 and IPv6."""
REMOVED = f"table {FAMILY} {TABLE}\ndelete table {FAMILY} {TABLE}\n"
"""Removes the table, whether it exists or not."""
ABSENT = f"create table {FAMILY} {TABLE}\n"
"""Where the table exists, the kernel refuses this (EEXIST), and with it the transaction."""


def render(rules: Iterable[Rule]) -> str:
    """Return the transaction after which the table has these rules."""
    rules = tuple(rules)
    lines = [f"table {FAMILY} {TABLE} {{"]
    for meter in dict.fromkeys(each.meter for each in rules if each.meter is not None):
        lines += _meter(meter)
    for chain in CHAINS:
        lines += _chain(chain, rules)
    return REMOVED + "\n".join([*lines, "}"]) + "\n"


def first(text: str) -> str:
    """Return the transaction for a first load; where the table exists it fails and changes nothing.

    It takes half the time: after a deletion the kernel makes nft wait until no packet can be in the old rules (net/
    netfilter/nf_tables_api.c, nft_rcv_nl_event, waits for nf_tables_trans_destroy_work).
    """
    return ABSENT + text.removeprefix(REMOVED)


def _meter(meter: Meter) -> Iterator[str]:
    yield f"\tset {meter.name} {{"
    yield f"\t\ttype {meter.type}; size {meter.size}; flags dynamic,timeout; timeout {meter.timeout};"
    yield "\t}"


def _chain(chain: Chain, rules: Iterable[Rule]) -> Iterator[str]:
    yield f"\tchain {chain.name} {{"
    yield f"\t\ttype filter hook {chain.hook} priority {chain.priority}; policy {chain.policy};"
    for each in rules:
        if each.chain is chain:
            yield f'\t\t{each.match} counter {each.verdict} comment "{each.counter}"'.replace("\t ", "\t")
    yield "\t}"
