"""Which targets are public: whether an address, or the host of a URL, is one for deliveries.

A subscription must not make this server knock at doors inside the house. A literal address in a
URL is refused when the subscription is made; what a name leads to is asked at every connection.
"""

import ipaddress
import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

_NOT_PUBLIC_4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this host
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # shared by the customers of a carrier
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local; also the metadata of cloud machines
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # relays that are no more
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # measurements between networks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_NOT_PUBLIC_6: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments; tunnels (Teredo) among them
            "2001:db8::/32",  # documentation
            "3fff::/20",  # documentation
        ),
    )
)
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")
_ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})

_NEVER_PUBLIC_NAMES: Final = (".localhost", ".local", ".internal", ".home.arpa", ".test")
_FAKE_NAMES: Final = (".example.com", ".example.net", ".example.org", ".example", ".invalid")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?")
_NUMBER: Final = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


def is_public(address: str) -> bool:
    """Tell whether a delivery may go to an address, which is a literal one.

    Keeps: an IPv6 address that leads to an IPv4 one is as public as that is.
    Source: decisions, webhooks 2; the special-purpose registries of IANA.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return _is_public_4(parsed) if isinstance(parsed, IPv4Address) else _is_public_6(parsed)


def host_problem(host: str, *, private_targets: bool) -> str | None:
    """Return why no subscription may name a host, None where it may.

    `host` is the one of a URL, without brackets. `private_targets`: the operator allows addresses
    and names that are not public. Invented names are refused all the same.
    """
    literal = _literal(host)
    if literal is not None:
        public = private_targets or is_public(literal)
        return None if public else f"{host} is not a public address"
    if not _NAME.fullmatch(host):
        return f"{host} is not the name of a host"
    name = "." + host.lower().rstrip(".")
    if name.endswith(_FAKE_NAMES):
        return f"{host} is an invented name"
    if private_targets:
        return None
    last = name.rpartition(".")[2]
    if name.endswith(_NEVER_PUBLIC_NAMES) or name.count(".") == 1 or _NUMBER.fullmatch(last):
        return f"{host} is not a public name"
    return None


def _literal(host: str) -> str | None:
    """Return a host that is an address, None where it is a name."""
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        return None


def _is_public_4(address: IPv4Address) -> bool:
    """Tell whether an IPv4 address is one of the whole internet."""
    return not any(address in network for network in _NOT_PUBLIC_4)


def _is_public_6(address: IPv6Address) -> bool:
    """Tell whether an IPv6 address, and the IPv4 one in it, are of the whole internet."""
    number = int(address)
    if address in _MAPPED or address in _TRANSLATED:
        return _is_public_4(IPv4Address(number & 0xFFFFFFFF))
    if address not in _GLOBAL_UNICAST or any(address in network for network in _NOT_PUBLIC_6):
        return False
    if address in _SIX_TO_FOUR:
        return _is_public_4(IPv4Address((number >> 80) & 0xFFFFFFFF))
    if (number >> 32) & 0xFFFFFFFF in _ISATAP:
        return _is_public_4(IPv4Address(number & 0xFFFFFFFF))
    return True
