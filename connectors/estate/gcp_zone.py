"""What the stacks of one Google Cloud project share: its access policy, hub network, keys, logs, names and images."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from connectors.estate.company import Record, Stack
from connectors.estate.dates import expiry
from connectors.estate.gcp_data import bucket
from connectors.estate.gcp_document import FOLDER, account_email, archive_name, asset, bindings, compute, key_name, link
from domain.clock import format_instant
from domain.value import Json


def gcp_zone(stack: Stack) -> Iterator[Record]:
    """Every shared asset of one project."""
    yield _project(stack)
    email = account_email(stack)
    path = f"projects/{stack.place.project}/serviceAccounts/{email}"
    account: dict[str, Json] = {"name": path, "email": email, "disabled": False}
    yield asset(stack, "iam.googleapis.com/ServiceAccount", path, account, is_labelled=False)
    yield from _keys(stack)
    yield bucket(stack, archive_name(stack), cost=120, logs_to=archive_name(stack))
    yield _sink(stack)
    yield from _network(stack)
    yield from _delivery(stack)


def _project(stack: Stack) -> Record:
    project = stack.place.project
    members: list[Json] = [
        {"role": "roles/viewer", "members": ["group:readers@example.com"]},
        {"role": "roles/editor", "members": ["group:operators@example.com"]},
    ]
    if stack.is_flawed(2):
        members.append({"role": "roles/editor", "members": [f"serviceAccount:{account_email(stack)}"]})
    if stack.is_flawed(2):
        members.append({"role": "roles/iam.serviceAccountTokenCreator", "members": ["group:operators@example.com"]})
    data: dict[str, Json] = {
        "projectId": project,
        "projectNumber": stack.place.account,
        "lifecycleState": "ACTIVE",
        "parent": {"type": "folder", "id": FOLDER.partition("/")[2]},
    }
    return asset(
        stack,
        "cloudresourcemanager.googleapis.com/Project",
        f"projects/{project}",
        data,
        policy={"version": 1, "bindings": members},
    )


def _keys(stack: Stack) -> Iterator[Record]:
    name = key_name(stack)
    ring = name.partition("/cryptoKeys/")[0]
    yield asset(stack, "cloudkms.googleapis.com/KeyRing", ring, {"name": ring}, is_labelled=False)
    turns = stack.as_of + timedelta(hours=stack.random.randint(24, 2000))
    data: dict[str, Json] = {
        "name": name,
        "purpose": "ENCRYPT_DECRYPT",
        "rotationPeriod": stack.either("7776000s", "31536000s", 1.5),
        "nextRotationTime": format_instant(turns),
        "versionTemplate": {"protectionLevel": "HSM", "algorithm": "GOOGLE_SYMMETRIC_ENCRYPTION"},
    }
    policy = bindings("roles/cloudkms.cryptoKeyEncrypterDecrypter", f"serviceAccount:{account_email(stack)}")
    yield asset(
        stack, "cloudkms.googleapis.com/CryptoKey", name, data, cost=3, service="Cloud Key Management", policy=policy
    )
    for number in range(1, 4):
        version = f"{name}/cryptoKeyVersions/{number}"
        state = "ENABLED" if number == 3 else stack.either("DISABLED", "DESTROY_SCHEDULED")
        kept: dict[str, Json] = {"name": version, "state": state}
        yield asset(stack, "cloudkms.googleapis.com/CryptoKeyVersion", version, kept, is_labelled=False)


def _sink(stack: Stack) -> Record:
    path = f"projects/{stack.place.project}/sinks/archive"
    data: dict[str, Json] = {
        "name": "archive",
        "destination": f"storage.googleapis.com/{archive_name(stack)}",
        "filter": "logName:cloudaudit.googleapis.com",
        "writerIdentity": f"serviceAccount:{account_email(stack)}",
    }
    return asset(stack, "logging.googleapis.com/LogSink", path, data, is_labelled=False)


def _network(stack: Stack) -> Iterator[Record]:
    hub = f"global/networks/{stack.name}"
    yield compute(stack, "Network", hub, {"autoCreateSubnetworks": False})
    subnetwork = f"regions/{stack.region}/subnetworks/{stack.name}"
    yield compute(stack, "Subnetwork", subnetwork, {
        "network": link(stack, hub),
        "ipCidrRange": "10.0.0.0/20",
        "purpose": "PRIVATE",
        "privateIpGoogleAccess": True,
        "logConfig": {"enable": True},
    })  # fmt: skip
    tls: dict[str, Json] = {"profile": "RESTRICTED", "minTlsVersion": stack.either("TLS_1_2", "TLS_1_0")}
    yield compute(stack, "SslPolicy", f"global/sslPolicies/{stack.name}", tls)
    items: list[Json] = [{"key": "enable-oslogin", "value": stack.either("TRUE", "FALSE", 1.5)}]
    yield asset(
        stack,
        "compute.googleapis.com/Project",
        f"projects/{stack.place.project}",
        {"name": stack.place.project, "commonInstanceMetadata": {"items": items}},
        is_labelled=False,
    )
    dnssec: dict[str, Json] = {
        "state": stack.either("on", "off"),
        "defaultKeySpecs": [{"algorithm": stack.either("rsasha256", "rsasha1")}],
    }
    zone: dict[str, Json] = {"name": stack.name, "visibility": "public", "dnssecConfig": dnssec}
    path = f"projects/{stack.place.project}/managedZones/{stack.name}"
    yield asset(stack, "dns.googleapis.com/ManagedZone", path, zone)


def _delivery(stack: Stack) -> Iterator[Record]:
    path = f"projects/{stack.place.project}/locations/{stack.region}/repositories/images"
    scanning = stack.either("SCANNING_ACTIVE", "SCANNING_DISABLED", 1.5)
    images: dict[str, Json] = {
        "name": path,
        "format": "DOCKER",
        "vulnerabilityScanningConfig": {"enablementState": scanning},
        "kmsKeyName": key_name(stack),
    }
    yield asset(stack, "artifactregistry.googleapis.com/Repository", path, images, cost=18, service="Artifact Registry")
    commitment: dict[str, Json] = {
        "status": "ACTIVE",
        "plan": "TWELVE_MONTH",
        "autoRenew": stack.either(True, False, 3),
        "endTimestamp": format_instant(expiry(stack)),
    }
    yield compute(stack, "Commitment", f"regions/{stack.region}/commitments/{stack.name}", commitment)
