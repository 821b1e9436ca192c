"""What the predecessor does, as data: its firewall, call by call, and its packages' way onto a volume."""

from __future__ import annotations

from collections.abc import Iterator

BOTH = ("iptables", "ip6tables")
BOGUS = (
    "ACK,FIN FIN", "ACK,PSH PSH", "ACK,URG URG", "FIN,RST FIN,RST", "SYN,FIN SYN,FIN", "SYN,RST SYN,RST", "ALL ALL",
    "ALL NONE", "ALL FIN,PSH,URG", "ALL SYN,FIN,PSH,URG", "ALL SYN,RST,ACK,FIN,URG",
)  # fmt: skip
PORTS = (25, 80, 110, 143, 443, 465, 587, 993, 995, 5222, 5223, 7071)
ICMP = (0, 3, 8, 11, 12)
ICMP_6 = (1, 2, 3, 4, 128, 129, 130, 131, 132, 133, 134, 135, 136, 151, 152, 153)
PING = (8, 128)


def firewall() -> Iterator[str]:
    """Yield the calls of iptables and ip6tables that it makes at each start (its docker-entrypoint.sh, as released)."""
    for chain, table in (("PREROUTING", "raw"), ("POSTROUTING", "mangle")):
        yield f"ip6tables -t {table} -A {chain} -m rt --rt-type 0 -j DROP"
    for program, loopback in zip(BOTH, ("127.0.0.0/8", "::1/128"), strict=True):
        yield f"{program} -t raw -A PREROUTING ! -i lo -s {loopback} -j DROP"
        for flags in BOGUS:
            yield f"{program} -t raw -A PREROUTING -p tcp --tcp-flags {flags} -j DROP"
        yield f"{program} -t mangle -A PREROUTING -m conntrack --ctstate INVALID -j DROP"
        yield f"{program} -t mangle -A PREROUTING -p tcp ! --syn -m conntrack --ctstate NEW -j DROP"
        yield f"{program} -A INPUT -i lo -j ACCEPT"
        yield f"{program} -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
        for port in PORTS:
            yield f"{program} -A INPUT -p tcp --dport {port} -j ACCEPT"
    for program, protocol, option, types in (
        ("iptables", "icmp", "--icmp-type", ICMP), ("ip6tables", "icmpv6", "--icmpv6-type", ICMP_6),
    ):  # fmt: skip
        yield f"{program} -N AllowICMP"
        for number in types:
            limit = " -m limit --limit 5/sec --limit-burst 10" if number in PING else ""
            yield f"{program} -A AllowICMP -p {protocol} {option} {number} -j ACCEPT{limit}"
        yield f"{program} -A AllowICMP -j DROP"
        yield f"{program} -A INPUT -p {protocol} -j AllowICMP"
        yield f"{program} -A INPUT -j DROP"


MOUNTS = (
    "--bind /dev /data/dev", "--bind /dev/pts /data/dev/pts", "-t sysfs /sys /data/sys", "-t proc /proc /data/proc",
    *(f"--bind {file} /data{file}" for file in ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")),
)  # fmt: skip


BEFORE = ("rsyslog", "cron")
"""What its control-zimbra.sh starts inside before Zimbra's services, as zflow does; it starts sshd too, which is not
on zflow's volume."""


def restart() -> Iterator[str]:
    """Yield what its entrypoint does on a finished volume before it starts the services, its firewall included."""
    yield "address=$(hostname --ip-address)"
    yield 'printf "server=$address\\nlisten-address=127.0.0.1\\nmx-host=mail.example.test\\n" > /etc/dnsmasq.conf'
    yield "dnsmasq --user=root --pid-file=/run/dnsmasq.pid"
    yield "file=$(mktemp)"
    yield "sed 's/nameserver .*/nameserver 127.0.0.1/' /etc/resolv.conf > $file"
    yield "cp -f $file /etc/resolv.conf"
    yield "rm -f $file"
    for mount in MOUNTS:
        yield f"mount {mount}"
    yield "cp /proc/mounts /data/etc/mtab.new"
    yield "rm -f /data/etc/mtab.new"
    yield from firewall()
    for service in BEFORE:
        yield f"chroot /data /etc/init.d/{service} start"
