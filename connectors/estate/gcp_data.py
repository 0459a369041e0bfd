"""What a Google Cloud stack keeps: a bucket, a database, topics, data sets and caches."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.estate.company import Record, Stack
from connectors.estate.gcp_document import account_email, archive_name, asset, bindings, key_name, link
from connectors.estate.gcp_network import network_path
from domain.value import Json

_FLAGS = ("cloudsql.enable_pgaudit", "log_connections", "log_disconnections")


def data(stack: Stack) -> Iterator[Record]:
    """A bucket and a database in every stack, the others in some."""
    yield bucket(stack, f"{stack.name}-data", cost=45, logs_to=archive_name(stack))
    yield _database(stack)
    if stack.has(0.5):
        yield from _topic(stack)
    if stack.has(0.35):
        yield _data_set(stack)
    if stack.has(0.25):
        yield _cache(stack)
    if stack.has(0.15):
        yield _documents(stack)


def bucket(stack: Stack, name: str, *, cost: float, logs_to: str) -> Record:
    """A bucket with its access policy."""
    settings: dict[str, Json] = {
        "name": name,
        "id": name,
        "location": stack.region.upper(),
        "storageClass": "STANDARD",
        "iamConfiguration": {
            "uniformBucketLevelAccess": {"enabled": stack.either(True, False)},
            "publicAccessPrevention": stack.either("enforced", "inherited"),
        },
        "versioning": {"enabled": stack.either(True, False)},
    }
    if not stack.is_flawed(1.5):
        settings["logging"] = {"logBucket": logs_to}
    if not stack.is_flawed(2):
        settings["encryption"] = {"defaultKmsKeyName": key_name(stack)}
    if not stack.is_flawed(1.5):
        tier: Json = {"type": "SetStorageClass", "storageClass": "NEARLINE"}
        settings["lifecycle"] = {"rule": [{"action": tier, "condition": {"age": 30}}]}
    member = stack.either(f"serviceAccount:{account_email(stack)}", "allUsers", 0.25)
    return asset(
        stack,
        "storage.googleapis.com/Bucket",
        name,
        settings,
        cost=cost,
        service="Cloud Storage",
        drift=("resource.data.versioning", {"enabled": False}),
        policy=bindings("roles/storage.objectViewer", member),
    )


def _database(stack: Stack) -> Record:
    name = f"sql-{stack.name}"
    networks: list[Json] = [{"value": "203.0.113.0/24"}]
    if stack.is_flawed(0.3):
        networks.append({"value": "0.0.0.0/0"})
    flags: list[Json] = [{"name": flag, "value": "on"} for flag in _FLAGS if not stack.is_flawed()]
    kept = stack.either(True, False, 0.7)
    settings: dict[str, Json] = {
        "tier": "db-custom-4-15360",
        "availabilityType": stack.either("REGIONAL", "ZONAL"),
        "backupConfiguration": {"enabled": kept, "pointInTimeRecoveryEnabled": kept and stack.either(True, False)},
        "ipConfiguration": {
            "ipv4Enabled": stack.either(False, True, 0.7),
            "sslMode": stack.either("ENCRYPTED_ONLY", "ALLOW_UNENCRYPTED_AND_ENCRYPTED", 0.7),
            "requireSsl": False,
            "authorizedNetworks": networks,
            "privateNetwork": f"projects/{stack.place.project}/{network_path(stack)}",
        },
        "databaseFlags": flags,
        "deletionProtectionEnabled": stack.either(True, False),
    }
    body: dict[str, Json] = {
        "name": name,
        "databaseVersion": "POSTGRES_16",
        "region": stack.region,
        "state": "RUNNABLE",
        "diskEncryptionConfiguration": {"kmsKeyName": key_name(stack)},
        "serverCaCert": {"expirationTime": stack.either("2034-01-01T00:00:00Z", "2027-01-08T00:00:00Z", 0.7)},
        "settings": settings,
    }
    return asset(
        stack,
        "sqladmin.googleapis.com/Instance",
        f"projects/{stack.place.project}/instances/{name}",
        body,
        cost=260,
        service="Cloud SQL",
        drift=("resource.data.settings.tier", "db-custom-8-30720"),
    )


def _topic(stack: Stack) -> Iterator[Record]:
    project = stack.place.project
    topic = f"projects/{project}/topics/{stack.name}"
    settings: dict[str, Json] = {"name": topic, "messageRetentionDuration": "86400s"}
    if not stack.is_flawed(2):
        settings["kmsKeyName"] = key_name(stack)
    member = stack.either(f"serviceAccount:{account_email(stack)}", "allAuthenticatedUsers", 0.3)
    policy = bindings("roles/pubsub.publisher", member)
    yield asset(stack, "pubsub.googleapis.com/Topic", topic, settings, cost=8, service="Pub/Sub", policy=policy)
    subscription = f"projects/{project}/subscriptions/{stack.name}"
    pulled: dict[str, Json] = {"name": subscription, "topic": topic, "ackDeadlineSeconds": 30}
    yield asset(stack, "pubsub.googleapis.com/Subscription", subscription, pulled)


def _data_set(stack: Stack) -> Record:
    name = stack.name.replace("-", "_")
    access: list[Json] = [{"role": "WRITER", "specialGroup": "projectWriters"}]
    if stack.is_flawed(0.3):
        access.append({"role": "READER", "specialGroup": "allAuthenticatedUsers"})
    settings: dict[str, Json] = {"id": f"{stack.place.project}:{name}", "location": stack.region, "access": access}
    if not stack.is_flawed(1.5):
        settings["defaultEncryptionConfiguration"] = {"kmsKeyName": key_name(stack)}
    path = f"projects/{stack.place.project}/datasets/{name}"
    return asset(stack, "bigquery.googleapis.com/Dataset", path, settings, cost=130, service="BigQuery")


def _cache(stack: Stack) -> Record:
    path = f"projects/{stack.place.project}/locations/{stack.region}/instances/cache-{stack.name}"
    settings: dict[str, Json] = {
        "name": path,
        "tier": "STANDARD_HA",
        "authEnabled": stack.either(True, False),
        "transitEncryptionMode": stack.either("SERVER_AUTHENTICATION", "DISABLED"),
        "authorizedNetwork": link(stack, network_path(stack)),
    }
    return asset(stack, "redis.googleapis.com/Instance", path, settings, cost=90, service="Cloud Memorystore")


def _documents(stack: Stack) -> Record:
    path = f"projects/{stack.place.project}/databases/{stack.name}"
    settings: dict[str, Json] = {
        "name": path,
        "type": "FIRESTORE_NATIVE",
        "deleteProtectionState": stack.either("DELETE_PROTECTION_ENABLED", "DELETE_PROTECTION_DISABLED"),
        "pointInTimeRecoveryEnablement": stack.either(
            "POINT_IN_TIME_RECOVERY_ENABLED", "POINT_IN_TIME_RECOVERY_DISABLED"
        ),
    }
    return asset(
        stack, "firestore.googleapis.com/Database", path, settings, cost=25, service="Firestore", is_labelled=False
    )
