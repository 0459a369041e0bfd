"""One Google Cloud stack, as Cloud Asset Inventory exports it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from connectors.estate.company import Record, Stack, dollars
from domain.clock import format_instant
from domain.resource import Provider
from domain.value import Json

ORGANISATION = "organizations/100000000001"


def gcp_stack(stack: Stack) -> Iterator[Record]:
    """Every asset of one stack, referring to each other by self-link."""
    network, subnetwork = f"net-{stack.name}", f"subnet-{stack.name}"
    account = f"{stack.short}@{_project(stack)}.iam.gserviceaccount.com"
    yield from _network(stack, network, subnetwork)
    yield from _identity(stack, account)
    yield from _data(stack)
    for index in range(stack.random.randint(2, 5)):
        yield from _machine(stack, index, network=network, subnetwork=subnetwork, account=account)
    if stack.random.random() < 0.5:
        yield _cluster(stack, network, subnetwork)
    if stack.is_flawed(2):
        yield _disk(stack, "disk-left-behind", users=[])


def _project(stack: Stack) -> str:
    return f"{stack.tenant}-{stack.environment.name}"


def _zone(stack: Stack) -> str:
    return f"{stack.region}-b"


def _compute_link(stack: Stack, path: str) -> str:
    return f"https://www.googleapis.com/compute/v1/projects/{_project(stack)}/{path}"


def _record(
    stack: Stack,
    type_: str,
    path: str,
    data: dict[str, Json],
    *,
    cost: float = 0.0,
    service: str = "",
    drift: tuple[str, Json] | None = None,
) -> Record:
    host = type_.split("/", maxsplit=1)[0]
    tags = stack.tags()
    name = f"//{host}/{path}"
    document: dict[str, Json] = {
        "name": name,
        "asset_type": type_,
        "ancestors": [f"projects/{_project(stack)}", "folders/200000000001", ORGANISATION],
        "resource": {
            "version": "v1",
            "discovery_name": type_.rpartition("/")[2],
            "parent": f"//cloudresourcemanager.googleapis.com/projects/{_project(stack)}",
            "data": {**data, "labels": {key: value.replace(" ", "-") for key, value in tags.items()}},
        },
    }
    return Record(
        provider=Provider.GCP,
        uid=name,
        name=path.rpartition("/")[2],
        type=type_,
        region=stack.region,
        account=_project(stack),
        document=document,
        wrapper="asset",
        service=service or host.split(".", maxsplit=1)[0].capitalize(),
        cost_month=dollars(cost * stack.environment.size),
        tags=tags,
        beside={},
        drift=drift,
    )


def _network(stack: Stack, network: str, subnetwork: str) -> Iterator[Record]:
    link = _compute_link(stack, f"global/networks/{network}")
    yield _record(
        stack,
        "compute.googleapis.com/Network",
        f"projects/{_project(stack)}/global/networks/{network}",
        {"name": network, "selfLink": link, "autoCreateSubnetworks": stack.is_flawed()},
    )
    yield _record(
        stack,
        "compute.googleapis.com/Subnetwork",
        f"projects/{_project(stack)}/regions/{stack.region}/subnetworks/{subnetwork}",
        {
            "name": subnetwork,
            "network": link,
            "ipCidrRange": "10.3.0.0/20",
            "privateIpGoogleAccess": not stack.is_flawed(),
            "logConfig": {"enable": not stack.is_flawed(2)},
            "selfLink": _compute_link(stack, f"regions/{stack.region}/subnetworks/{subnetwork}"),
        },
    )
    source = "0.0.0.0/0" if stack.is_flawed() else "10.0.0.0/8"
    yield _record(
        stack,
        "compute.googleapis.com/Firewall",
        f"projects/{_project(stack)}/global/firewalls/fw-{stack.name}",
        {
            "name": f"fw-{stack.name}",
            "network": link,
            "direction": "INGRESS",
            "disabled": False,
            "sourceRanges": [source],
            "allowed": [{"IPProtocol": "tcp", "ports": [stack.random.choice(("22", "3389"))]}],
            "logConfig": {"enable": not stack.is_flawed(2)},
        },
        drift=("resource.data.disabled", True),
    )


def _identity(stack: Stack, account: str) -> Iterator[Record]:
    path = f"projects/{_project(stack)}/serviceAccounts/{account}"
    yield _record(stack, "iam.googleapis.com/ServiceAccount", path, {"name": path, "email": account, "disabled": False})
    age_hours = stack.random.choice((300, 1000, 2020, 2090, 2130, 7000))
    created = stack.as_of - timedelta(hours=age_hours)
    key = f"{path}/keys/{stack.number:040x}"
    yield _record(
        stack,
        "iam.googleapis.com/ServiceAccountKey",
        key,
        {
            "name": key,
            "keyType": "USER_MANAGED",
            "keyOrigin": "GOOGLE_PROVIDED",
            "validAfterTime": format_instant(created),
            "validBeforeTime": format_instant(created + timedelta(days=730)),
        },
    )
    expires = stack.as_of + timedelta(hours=stack.random.choice((44, 95, 139, 2000)))
    yield _record(
        stack,
        "compute.googleapis.com/SslCertificate",
        f"projects/{_project(stack)}/global/sslCertificates/cert-{stack.name}",
        {
            "name": f"cert-{stack.name}",
            "type": "SELF_MANAGED",
            "expireTime": format_instant(expires),
            "selfLink": _compute_link(stack, f"global/sslCertificates/cert-{stack.name}"),
        },
    )


def _data(stack: Stack) -> Iterator[Record]:
    bucket = f"{stack.name}-data"
    yield _record(
        stack,
        "storage.googleapis.com/Bucket",
        bucket,
        {
            "name": bucket,
            "id": bucket,
            "location": stack.region.upper(),
            "storageClass": "STANDARD",
            "iamConfiguration": {
                "uniformBucketLevelAccess": {"enabled": not stack.is_flawed()},
                "publicAccessPrevention": "inherited" if stack.is_flawed() else "enforced",
            },
            "versioning": {"enabled": not stack.is_flawed()},
        },
        cost=45,
        service="Cloud Storage",
        drift=("resource.data.versioning", {"enabled": False}),
    )
    instance = f"sql-{stack.name}"
    networks: list[Json] = [{"value": "0.0.0.0/0"}] if stack.is_flawed() else []
    yield _record(
        stack,
        "sqladmin.googleapis.com/Instance",
        f"projects/{_project(stack)}/instances/{instance}",
        {
            "name": instance,
            "databaseVersion": "POSTGRES_16",
            "region": stack.region,
            "state": "RUNNABLE",
            "settings": {
                "tier": "db-custom-4-15360",
                "backupConfiguration": {"enabled": not stack.is_flawed()},
                "ipConfiguration": {
                    "ipv4Enabled": stack.is_flawed(),
                    "requireSsl": not stack.is_flawed(),
                    "authorizedNetworks": networks,
                },
                "deletionProtectionEnabled": not stack.is_flawed(2),
            },
        },
        cost=260,
        service="Cloud SQL",
        drift=("resource.data.settings.tier", "db-custom-8-30720"),
    )


def _disk(stack: Stack, name: str, *, users: list[Json]) -> Record:
    path = f"zones/{_zone(stack)}/disks/{name}-{stack.number:04d}"
    return _record(
        stack,
        "compute.googleapis.com/Disk",
        f"projects/{_project(stack)}/{path}",
        {
            "name": f"{name}-{stack.number:04d}",
            "sizeGb": "200",
            "type": _compute_link(stack, f"zones/{_zone(stack)}/diskTypes/pd-ssd"),
            "users": users,
            "selfLink": _compute_link(stack, path),
        },
        cost=34,
        service="Compute Engine",
    )


def _machine(stack: Stack, index: int, *, network: str, subnetwork: str, account: str) -> Iterator[Record]:
    name = f"vm-{stack.name}-{index}"
    path = f"zones/{_zone(stack)}/instances/{name}"
    link = _compute_link(stack, path)
    yield _disk(stack, f"boot-{index}", users=[link])
    interface: dict[str, Json] = {
        "network": _compute_link(stack, f"global/networks/{network}"),
        "subnetwork": _compute_link(stack, f"regions/{stack.region}/subnetworks/{subnetwork}"),
    }
    if stack.is_flawed():
        interface["accessConfigs"] = [{"type": "ONE_TO_ONE_NAT", "natIP": f"198.51.100.{index + 1}"}]
    disk = _compute_link(stack, f"zones/{_zone(stack)}/disks/boot-{index}-{stack.number:04d}")
    yield _record(
        stack,
        "compute.googleapis.com/Instance",
        f"projects/{_project(stack)}/{path}",
        {
            "name": name,
            "status": "RUNNING",
            "machineType": _compute_link(stack, f"zones/{_zone(stack)}/machineTypes/n2-standard-4"),
            "networkInterfaces": [interface],
            "disks": [{"boot": True, "source": disk}],
            "serviceAccounts": [{"email": account, "scopes": ["https://www.googleapis.com/auth/cloud-platform"]}],
            "shieldedInstanceConfig": {
                "enableSecureBoot": not stack.is_flawed(),
                "enableVtpm": True,
                "enableIntegrityMonitoring": not stack.is_flawed(),
            },
            "canIpForward": stack.is_flawed(),
            "deletionProtection": not stack.is_flawed(2),
            "selfLink": link,
        },
        cost=142,
        service="Compute Engine",
        drift=("resource.data.canIpForward", True),
    )


def _cluster(stack: Stack, network: str, subnetwork: str) -> Record:
    return _record(
        stack,
        "container.googleapis.com/Cluster",
        f"projects/{_project(stack)}/locations/{stack.region}/clusters/gke-{stack.name}",
        {
            "name": f"gke-{stack.name}",
            "network": _compute_link(stack, f"global/networks/{network}"),
            "subnetwork": _compute_link(stack, f"regions/{stack.region}/subnetworks/{subnetwork}"),
            "privateClusterConfig": {"enablePrivateNodes": not stack.is_flawed(2)},
            "legacyAbac": {"enabled": stack.is_flawed()},
            "releaseChannel": {"channel": "REGULAR"},
            "currentMasterVersion": "1.33.2-gke.100",
        },
        cost=380,
        service="Kubernetes Engine",
        drift=("resource.data.legacyAbac", {"enabled": True}),
    )
