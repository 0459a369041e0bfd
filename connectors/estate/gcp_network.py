"""The network of a Google Cloud stack: peered with the hub, logged, and a load balancer in front of some."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.estate.company import Record, Stack
from connectors.estate.dates import expiry
from connectors.estate.gcp_document import compute, link
from domain.clock import format_instant
from domain.value import Json


def network_path(stack: Stack) -> str:
    """The path of the stack's network below its project."""
    return f"global/networks/net-{stack.name}"


def subnetwork_path(stack: Stack) -> str:
    """The path of the stack's subnetwork below its project."""
    return f"regions/{stack.region}/subnetworks/subnet-{stack.name}"


def network(stack: Stack) -> Iterator[Record]:
    """Network, subnetwork and rules in every stack."""
    own = link(stack, network_path(stack))
    yield compute(stack, "Network", network_path(stack), {
        "autoCreateSubnetworks": stack.either(False, True),
        "routingConfig": {"routingMode": "REGIONAL"},
        "peerings": [{"name": "to-hub", "network": link(stack, f"global/networks/{stack.place.hub}")}],
    })  # fmt: skip
    yield compute(stack, "Subnetwork", subnetwork_path(stack), {
        "network": own,
        "ipCidrRange": "10.3.0.0/20",
        "purpose": "PRIVATE",
        "privateIpGoogleAccess": stack.either(True, False),
        "logConfig": {"enable": stack.either(True, False)},
    })  # fmt: skip
    admin = stack.random.choice(("22", "22", "3389"))
    factor = 0.3 if admin == "3389" else 0.7
    yield _rule(stack, "admin", admin, stack.either("10.0.0.0/8", "0.0.0.0/0", factor))
    yield _rule(stack, "database", "5432", stack.either("10.3.0.0/20", "0.0.0.0/0", 0.5))
    if stack.is_flawed(0.15):
        yield _rule(stack, "anything", "", "0.0.0.0/0")
    if stack.has(0.3):
        yield _address(stack)
    if stack.has(0.5):
        yield from _balancer(stack)


def _rule(stack: Stack, what: str, port: str, source: str) -> Record:
    allowed: Json = {"IPProtocol": "tcp", "ports": [port]} if port else {"IPProtocol": "all"}
    data: dict[str, Json] = {
        "network": link(stack, network_path(stack)),
        "direction": "INGRESS",
        "disabled": False,
        "sourceRanges": [source],
        "allowed": [allowed],
        "logConfig": {"enable": stack.either(True, False)},
    }
    path = f"global/firewalls/fw-{stack.name}-{what}"
    return compute(stack, "Firewall", path, data, drift=("resource.data.disabled", True))


def _address(stack: Stack) -> Record:
    data: dict[str, Json] = {
        "addressType": "EXTERNAL",
        "address": f"198.51.100.{stack.serial % 250 + 1}",
        "status": stack.either("IN_USE", "RESERVED", 1.5),
    }
    return compute(stack, "Address", f"regions/{stack.region}/addresses/ip-{stack.name}", data, cost=7)


def _balancer(stack: Stack) -> Iterator[Record]:
    certificate = f"global/sslCertificates/cert-{stack.name}"
    yield compute(stack, "SslCertificate", certificate, {
        "type": "SELF_MANAGED",
        "expireTime": format_instant(expiry(stack)),
    })  # fmt: skip
    backend = f"global/backendServices/be-{stack.name}"
    yield compute(stack, "BackendService", backend, {
        "loadBalancingScheme": "EXTERNAL_MANAGED",
        "protocol": "HTTPS",
        "logConfig": {"enable": stack.either(True, False)},
    }, cost=22)  # fmt: skip
    urls = f"global/urlMaps/map-{stack.name}"
    yield compute(stack, "UrlMap", urls, {"defaultService": link(stack, backend)})
    ciphers: dict[str, Json] = {"sslPolicy": link(stack, f"global/sslPolicies/{stack.place.hub}")}
    yield compute(stack, "TargetHttpsProxy", f"global/targetHttpsProxies/proxy-{stack.name}", {
        "urlMap": link(stack, urls),
        "sslCertificates": [link(stack, certificate)],
        **({} if stack.is_flawed() else ciphers),
    })  # fmt: skip
