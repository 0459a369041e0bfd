"""Where a webhook may go: not to this machine, its networks, or a cloud's metadata service.

A name is resolved here, every address is checked, and the connection goes to a checked address, so that a name that
resolves otherwise a moment later leads nowhere else. Hosts and networks of the operator's choice may be allowed.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from domain.errors import InputError, UnavailableError

PORTS: Final = frozenset({80, 443, 8080, 8443})
"""Ports that are allowed where the host is not named in the settings."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]

_TODO: Final = "Use a public https address, or have the operator allow the host in webhook_allowed"
_SHARED: Final = ipaddress.ip_network("100.64.0.0/10")
_TRANSLATED: Final = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What an operator allows beside public addresses: names, and networks."""

    names: frozenset[str] = frozenset()
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()

    @classmethod
    def of(cls, given: Sequence[str]) -> Allowed:
        """Read names, addresses and networks such as ``hooks.internal``, ``127.0.0.1`` and ``10.1.0.0/16``."""
        names: set[str] = set()
        networks = []
        for each in given:
            try:
                networks.append(ipaddress.ip_network(each, strict=False))
            except ValueError:
                names.add(each.lower().rstrip("."))
        return cls(frozenset(names), tuple(networks))

    def holds(self, host: str, address: Address) -> bool:
        """Whether a host, or the address that it has, is allowed."""
        return host in self.names or any(
            address in network for network in self.networks if network.version == address.version
        )


@dataclass(frozen=True, slots=True)
class Target:
    """A checked place: the host for the certificate and the request, the address to connect to."""

    host: str
    port: int
    address: str
    path: str
    is_encrypted: bool


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a name.

    Raises:
        UnavailableError: it has none now.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UnavailableError("the webhook's host has no address", host=host, reason=str(error)) from None
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def check_target(url: str, allowed: Allowed, resolve: Resolve = resolve) -> Target:
    """Check where a webhook would go.

    Raises:
        InputError: the address is not one of HTTP, names a user, or leads to a place that is not public.
        UnavailableError: the name has no address now.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise _refused("not an address", url) from None
    host = (parts.hostname or "").lower().rstrip(".")
    if parts.scheme not in {"https", "http"} or not host or parts.username is not None or parts.fragment:
        raise _refused("not an address of a webhook", url)
    addresses = [(ipaddress.ip_address(text.partition("%")[0]), text) for text in resolve(host, port)]
    for address, _ in addresses:
        if allowed.holds(host, address):
            continue
        if parts.scheme != "https":
            raise _refused("a webhook must be encrypted", url)
        if port not in PORTS:
            raise _refused("the webhook's port is not allowed", url)
        if not is_public(address):
            raise _refused("the webhook's host is not public", url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(host, port, addresses[0][1], path, parts.scheme == "https")


def is_public(address: Address) -> bool:
    """Whether an address is of the open internet, whatever form it is written in."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        return address.is_global and not address.is_multicast and address.teredo is None
    return address.is_global and not address.is_multicast and address not in _SHARED


def _refused(summary: str, url: str) -> InputError:
    shown = url.partition("://")[2].partition("/")[0].rpartition("@")[2][:200] or "none"
    return InputError(summary, host=shown, expected="https://HOST/PATH with a public host", todo=_TODO)
