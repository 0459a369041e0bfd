"""Machines and clusters of a Google Cloud stack, with their disks and snapshots."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.estate.company import Record, Stack
from connectors.estate.dates import creation
from connectors.estate.gcp_document import account_email, asset, compute, key_name, link, zone_of
from connectors.estate.gcp_network import network_path, subnetwork_path
from domain.clock import format_instant
from domain.value import Json

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def machines(stack: Stack) -> Iterator[Record]:
    """A few machines; in some stacks a cluster, or a disk that was left behind."""
    for index in range(stack.random.randint(2, 4)):
        yield from _machine(stack, index)
    if stack.has(0.5):
        yield from _cluster(stack)
    if stack.is_flawed(2):
        yield _disk(stack, f"left-behind-{stack.name}", users=[])
    if stack.has(0.6):
        yield _snapshot(stack)


def _disk(stack: Stack, name: str, *, users: list[Json]) -> Record:
    zone = zone_of(stack)
    data: dict[str, Json] = {
        "sizeGb": "200",
        "status": "READY",
        "type": link(stack, f"zones/{zone}/diskTypes/pd-ssd"),
        "users": users,
    }
    if not stack.is_flawed(2):
        data["diskEncryptionKey"] = {"kmsKeyName": key_name(stack)}
    return compute(stack, "Disk", f"zones/{zone}/disks/{name}", data, cost=34, is_labelled=True)


def _snapshot(stack: Stack) -> Record:
    data: dict[str, Json] = {
        "status": "READY",
        "sourceDisk": link(stack, f"zones/{zone_of(stack)}/disks/boot-{stack.name}-0"),
        "creationTimestamp": format_instant(creation(stack, days_max=365)),
    }
    return compute(stack, "Snapshot", f"global/snapshots/snap-{stack.name}", data, cost=5)


def _machine(stack: Stack, index: int) -> Iterator[Record]:
    zone, disk = zone_of(stack), f"boot-{stack.name}-{index}"
    path = f"zones/{zone}/instances/vm-{stack.name}-{index}"
    yield _disk(stack, disk, users=[link(stack, path)])
    interface: dict[str, Json] = {
        "network": link(stack, network_path(stack)),
        "subnetwork": link(stack, subnetwork_path(stack)),
    }
    if stack.is_flawed():
        interface["accessConfigs"] = [{"type": "ONE_TO_ONE_NAT", "natIP": f"198.51.100.{index + 1}"}]
    default = f"{stack.place.account}-compute@developer.gserviceaccount.com"
    email = stack.either(account_email(stack), default)
    metadata: list[Json] = [{"key": "block-project-ssh-keys", "value": stack.either("true", "false")}]
    if stack.is_flawed(0.7):
        metadata.append({"key": "serial-port-enable", "value": "true"})
    kind = stack.either("n2-standard-4", "n1-standard-4")
    data: dict[str, Json] = {
        "status": stack.either("RUNNING", "TERMINATED", 0.8),
        "machineType": link(stack, f"zones/{zone}/machineTypes/{kind}"),
        "networkInterfaces": [interface],
        "disks": [{"boot": True, "source": link(stack, f"zones/{zone}/disks/{disk}")}],
        "serviceAccounts": [{"email": email, "scopes": [_SCOPE]}],
        "shieldedInstanceConfig": {
            "enableSecureBoot": stack.either(True, False),
            "enableVtpm": True,
            "enableIntegrityMonitoring": stack.either(True, False, 0.5),
        },
        "metadata": {"items": metadata},
        "canIpForward": stack.either(False, True, 0.6),
        "deletionProtection": stack.either(True, False),
    }
    drift: tuple[str, Json] = ("resource.data.canIpForward", True)
    yield compute(stack, "Instance", path, data, cost=142, drift=drift, is_labelled=True)


def _cluster(stack: Stack) -> Iterator[Record]:
    name = f"gke-{stack.name}"
    path = f"projects/{stack.place.project}/locations/{stack.region}/clusters/{name}"
    guarded: dict[str, Json] = {"workloadPool": f"{stack.place.project}.svc.id.goog"}
    data: dict[str, Json] = {
        "name": name,
        "network": link(stack, network_path(stack)),
        "subnetwork": link(stack, subnetwork_path(stack)),
        "privateClusterConfig": {"enablePrivateNodes": stack.either(True, False), "enablePrivateEndpoint": False},
        "masterAuthorizedNetworksConfig": {"enabled": stack.either(True, False)},
        "legacyAbac": {"enabled": stack.either(False, True, 0.6)},
        "databaseEncryption": {"state": stack.either("ENCRYPTED", "DECRYPTED"), "keyName": key_name(stack)},
        "networkConfig": {"datapathProvider": stack.either("ADVANCED_DATAPATH", "LEGACY_DATAPATH")},
        "shieldedNodes": {"enabled": stack.either(True, False)},
        "workloadIdentityConfig": {} if stack.is_flawed() else guarded,
        "releaseChannel": {"channel": stack.either("REGULAR", "UNSPECIFIED")},
        "loggingService": stack.either("logging.googleapis.com/kubernetes", "none", 0.7),
        "currentMasterVersion": "1.33.2-gke.100",
        "nodeConfig": {"serviceAccount": account_email(stack)},
    }
    yield asset(
        stack,
        "container.googleapis.com/Cluster",
        path,
        data,
        cost=380,
        service="Kubernetes Engine",
        drift=("resource.data.legacyAbac", {"enabled": True}),
    )
    for pool in ("system", "work"):
        upgraded: dict[str, Json] = {"name": pool, "management": {"autoUpgrade": stack.either(True, False)}}
        yield asset(stack, "container.googleapis.com/NodePool", f"{path}/nodePools/{pool}", upgraded, is_labelled=False)
