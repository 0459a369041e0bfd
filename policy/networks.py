"""Template functions about address ranges.

Source: https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-cidr
"""

from __future__ import annotations

import ipaddress

from domain.value import Json, Value

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def range_contains(outer: Value, inner: Value) -> Json:
    """Whether a range of addresses (CIDR, ``first-last``, one address, list) contains another."""
    if not isinstance(outer, str) or not isinstance(inner, str):
        raise TypeError(outer)
    first, last = _bounds(outer)
    low, high = _bounds(inner)
    return first.version == low.version and int(first) <= int(low) and int(high) <= int(last)


def _bounds(text: str) -> tuple[_Address, _Address]:
    if "-" in text:
        start, _, end = text.partition("-")
        return ipaddress.ip_address(start.strip()), ipaddress.ip_address(end.strip())
    network = ipaddress.ip_network(text.strip(), strict=False)
    return network[0], network[-1]


def parsed(text: Value) -> Json:
    """The parts of a range in CIDR notation."""
    network = _network(text)
    first, last = _usable(network)
    return {
        "network": str(network.network_address),
        "netmask": str(network.netmask),
        "broadcast": str(network.broadcast_address),
        "firstUsable": str(first),
        "lastUsable": str(last),
        "cidr": network.prefixlen,
    }


def subnet(text: Value, prefix: Value, at: Value) -> Json:
    """The subnet of a size and number, counted from 0."""
    network = _network(text)
    size, number = _whole(prefix), _whole(at)
    if not network.prefixlen <= size <= network.max_prefixlen or not 0 <= number < 1 << (size - network.prefixlen):
        raise ValueError(text)
    start = int(network.network_address) + (number << (network.max_prefixlen - size))
    return f"{type(network.network_address)(start)}/{size}"


def host(text: Value, at: Value) -> Json:
    """The usable address of a number, counted from 0."""
    first, last = _usable(_network(text))
    number = _whole(at)
    if not 0 <= number <= int(last) - int(first):
        raise ValueError(text)
    return str(first + number)


def _usable(network: _Network) -> tuple[_Address, _Address]:
    """The first and the last address that a host can have."""
    if network.num_addresses <= 2:
        return network[0], network[-1]
    return network[1], network[-2] if network.version == 4 else network[-1]


def _network(text: Value) -> _Network:
    if not isinstance(text, str):
        raise TypeError(text)
    return ipaddress.ip_network(text.strip(), strict=False)


def _whole(value: Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(value)
    return value
