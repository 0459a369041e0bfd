"""What an Azure stack keeps: a storage account, a SQL server, and in some stacks PostgreSQL, Cosmos DB or Redis."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.estate.azure_document import arm, child
from connectors.estate.azure_identity import vault_id
from connectors.estate.azure_network import subnet_id
from connectors.estate.company import Record, Stack
from connectors.estate.dates import creation
from domain.clock import format_instant
from domain.value import Json

ACCOUNTS = "Microsoft.Storage/storageAccounts"
SERVERS = "Microsoft.Sql/servers"
POSTGRES = "Microsoft.DBforPostgreSQL/flexibleServers"
MYSQL = "Microsoft.DBforMySQL/flexibleServers"

_POSTGRES_SETTINGS = (
    ("require_secure_transport", "on", "off", 0.4),
    ("log_checkpoints", "on", "off", 1.0),
    ("log_connections", "on", "off", 1.0),
    ("log_disconnections", "on", "off", 1.0),
    ("connection_throttle.enable", "on", "off", 1.0),
    ("logfiles.retention_days", "7", "3", 1.0),
)

_MYSQL_SETTINGS = (
    ("require_secure_transport", "ON", "OFF", 0.4),
    ("audit_log_enabled", "ON", "OFF", 1.0),
    ("tls_version", "TLSv1.2,TLSv1.3", "TLSv1.1,TLSv1.2", 1.0),
)


def data(stack: Stack) -> Iterator[Record]:
    """Storage and SQL in every stack, the others in some."""
    yield from _storage(stack)
    yield from _sql(stack)
    if stack.has(0.3):
        yield from _open_source(stack, POSTGRES, f"psql-{stack.name}", _POSTGRES_SETTINGS)
    if stack.has(0.15):
        yield from _open_source(stack, MYSQL, f"mysql-{stack.name}", _MYSQL_SETTINGS)
    if stack.has(0.25):
        yield _cosmos(stack)
    if stack.has(0.3):
        yield _redis(stack)


def _storage(stack: Stack) -> Iterator[Record]:
    name = f"st{stack.short}"
    body: dict[str, Json] = {
        "sku": {"name": stack.either("Standard_ZRS", "Standard_LRS"), "tier": "Standard"},
        "kind": "StorageV2",
        "properties": {
            "supportsHttpsTrafficOnly": stack.either(True, False, 0.5),
            "allowBlobPublicAccess": stack.either(False, True, 0.4),
            "allowSharedKeyAccess": stack.either(False, True, 2),
            "allowCrossTenantReplication": stack.either(False, True),
            "minimumTlsVersion": stack.either("TLS1_2", "TLS1_0"),
            "publicNetworkAccess": stack.either("Disabled", "Enabled", 2),
            "networkAcls": {"defaultAction": stack.either("Deny", "Allow", 3), "ipRules": []},
            "encryption": {
                "keySource": "Microsoft.Keyvault",
                "keyvaultproperties": {"keyvaulturi": vault_id(stack), "keyname": f"key-{stack.name}"},
                "requireInfrastructureEncryption": stack.either(True, False, 1.5),
            },
            "keyCreationTime": {
                "key1": format_instant(creation(stack, days_max=90, factor=2)),
                "key2": format_instant(creation(stack, days_max=90)),
            },
            "provisioningState": "Succeeded",
        },
    }
    drift: tuple[str, Json] = ("properties.allowBlobPublicAccess", True)
    yield arm(stack, ACCOUNTS, name, body, cost=85, service="Storage", drift=drift)
    kept: dict[str, Json] = {
        "deleteRetentionPolicy": {"enabled": stack.either(True, False), "days": stack.either(14, 1)},
        "isVersioningEnabled": True,
    }
    yield child(stack, f"{ACCOUNTS}/blobServices", f"{name}/default", kept)
    open_to: dict[str, Json] = {"publicAccess": stack.either("None", "Blob", 0.3)}
    yield child(stack, f"{ACCOUNTS}/blobServices/containers", f"{name}/default/{stack.name}-documents", open_to)


def _sql(stack: Stack) -> Iterator[Record]:
    server = f"sql-{stack.name}"
    properties: dict[str, Json] = {
        "version": "12.0",
        "state": "Ready",
        "minimalTlsVersion": stack.either("1.2", "1.0"),
        "publicNetworkAccess": stack.either("Disabled", "Enabled", 0.7),
        "administrators": {"administratorType": "ActiveDirectory",
                           "azureADOnlyAuthentication": stack.either(True, False)},
    }  # fmt: skip
    drift: tuple[str, Json] = ("properties.publicNetworkAccess", "Enabled")
    yield arm(stack, SERVERS, server, {"properties": properties}, drift=drift)
    database: dict[str, Json] = {
        "sku": {"name": "GP_Gen5", "tier": "GeneralPurpose", "capacity": 4},
        "properties": {"status": "Online", "zoneRedundant": stack.either(True, False, 1.5)},
    }
    yield arm(stack, f"{SERVERS}/databases", f"{server}/main", database, cost=740, service="SQL Database")
    yield child(stack, f"{SERVERS}/databases/transparentDataEncryption", f"{server}/main/current", {
        "state": stack.either("Enabled", "Disabled", 0.4),
    })  # fmt: skip
    yield child(stack, f"{SERVERS}/databases/backupShortTermRetentionPolicies", f"{server}/main/default", {
        "retentionDays": stack.either(14, 3),
    })  # fmt: skip
    audit: dict[str, Json] = {"state": stack.either("Enabled", "Disabled"), "retentionDays": stack.either(90, 30)}
    yield child(stack, f"{SERVERS}/auditingSettings", f"{server}/default", audit)
    yield _firewall_rule(stack, server)


def _firewall_rule(stack: Stack, server: str) -> Record:
    first, last = "203.0.113.10", "203.0.113.20"
    if stack.is_flawed(0.3):
        first, last = "0.0.0.0", "255.255.255.255"  # noqa: S104 (a rule that the estate's owners got wrong)
    elif stack.is_flawed():
        first, last = "0.0.0.0", "0.0.0.0"  # noqa: S104 (the same, for all of Azure)
    properties: dict[str, Json] = {"startIpAddress": first, "endIpAddress": last}
    return child(stack, f"{SERVERS}/firewallRules", f"{server}/office-{stack.name}", properties)


def _open_source(
    stack: Stack, type_: str, server: str, settings: tuple[tuple[str, str, str, float], ...]
) -> Iterator[Record]:
    """A flexible server of PostgreSQL or MySQL, with the settings that its owners looked at."""
    is_mysql = type_ == MYSQL
    properties: dict[str, Json] = {
        "version": "8.4" if is_mysql else "16",
        "state": "Ready",
        "backup": {
            "backupRetentionDays": stack.either(21, 7),
            "geoRedundantBackup": stack.either("Enabled", "Disabled"),
        },
        "network": {
            "publicNetworkAccess": stack.either("Disabled", "Enabled", 0.7),
            "delegatedSubnetResourceId": subnet_id(stack, "data"),
        },
    }
    body: dict[str, Json] = {"sku": {"name": "Standard_D4ds_v5", "tier": "GeneralPurpose"}, "properties": properties}
    drift: tuple[str, Json] = ("properties.network.publicNetworkAccess", "Enabled")
    service = "Azure Database for MySQL" if is_mysql else "Azure Database for PostgreSQL"
    yield arm(stack, type_, server, body, cost=290, service=service, drift=drift)
    for name, right, wrong, factor in settings:
        value: dict[str, Json] = {"value": stack.either(right, wrong, factor), "source": "user-override"}
        yield child(stack, f"{type_}/configurations", f"{server}/{name}", value)


def _cosmos(stack: Stack) -> Record:
    properties: dict[str, Json] = {
        "databaseAccountOfferType": "Standard",
        "disableLocalAuth": stack.either(True, False),
        "publicNetworkAccess": stack.either("Disabled", "Enabled", 0.7),
        "isVirtualNetworkFilterEnabled": False,
        "ipRules": [],
        "virtualNetworkRules": [],
    }
    body: dict[str, Json] = {"kind": "GlobalDocumentDB", "properties": properties}
    name = f"cosmos-{stack.name}"
    return arm(stack, "Microsoft.DocumentDB/databaseAccounts", name, body, cost=180, service="Azure Cosmos DB")


def _redis(stack: Stack) -> Record:
    properties: dict[str, Json] = {
        "sku": {"name": "Premium", "family": "P", "capacity": 1},
        "minimumTlsVersion": stack.either("1.2", "1.0"),
        "enableNonSslPort": stack.either(False, True, 0.5),
        "publicNetworkAccess": "Disabled",
    }
    return arm(
        stack, "Microsoft.Cache/Redis", f"redis-{stack.name}", {"properties": properties},
        cost=110, service="Azure Cache for Redis", drift=("properties.enableNonSslPort", True),
    )  # fmt: skip
