"""Pulumi stacks as baselines: what `pulumi stack export` prints.

Pulumi's aws, azure and gcp packages are made from Terraform's providers: their types and attributes are Terraform's in
another spelling, so the same tables serve. The native Azure package is Resource Manager's own shape, with the members
of `properties` beside the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from connectors.azure.normalize import scope_of, type_of
from connectors.baseline.terraform import SHAPES, declarations
from connectors.observation import Document, tag_map, text
from connectors.terraform.types import NATIVE
from domain.drift import Declared
from domain.inventory import Gap
from domain.resource import Origin, Provider
from domain.value import Json

_TOKEN: Final = re.compile(r"([\w-]+):([\w/.-]+):(\w+)")
_BRIDGED: Final = {"aws": "aws", "azure": "azurerm", "gcp": "google"}
_TOP: Final = frozenset({"id", "name", "type", "location", "tags", "sku", "kind", "identity", "zones", "plan",
                         "extendedLocation", "managedBy", "etag", "systemData", "azureApiVersion"})  # fmt: skip
_RENAMED: Final[Mapping[str, str]] = {
    "aws:lb/loadBalancer:LoadBalancer": "aws_lb",
    "aws:alb/loadBalancer:LoadBalancer": "aws_lb",
    "aws:rds/instance:Instance": "aws_db_instance",
    "aws:cloudwatch/logGroup:LogGroup": "aws_cloudwatch_log_group",
    "aws:ec2/instance:Instance": "aws_instance",
    "aws:cloudtrail/trail:Trail": "aws_cloudtrail",
    "aws:autoscaling/group:Group": "aws_autoscaling_group",
    "azure:storage/account:Account": "azurerm_storage_account",
    "azure:compute/linuxVirtualMachine:LinuxVirtualMachine": "azurerm_linux_virtual_machine",
    "azure:core/resourceGroup:ResourceGroup": "azurerm_resource_group",
    "azure:network/publicIp:PublicIp": "azurerm_public_ip",
    "azure:appservice/linuxWebApp:LinuxWebApp": "azurerm_linux_web_app",
    "azure:mssql/server:Server": "azurerm_mssql_server",
    "gcp:sql/databaseInstance:DatabaseInstance": "google_sql_database_instance",
}


def is_export(body: Document) -> bool:
    """Whether this is what `pulumi stack export` prints."""
    deployment = body.get("deployment")
    return isinstance(body.get("version"), int) and isinstance(deployment, dict) and "manifest" in deployment


def read(body: Document, file: str) -> tuple[list[Declared], list[Gap]]:
    """Every resource of a stack that a provider has."""
    deployment = body["deployment"]
    rows = deployment.get("resources") if isinstance(deployment, dict) else None
    found: list[Declared] = []
    gaps: list[Gap] = []
    for number, row in enumerate(rows if isinstance(rows, list) else [], 1):
        if not isinstance(row, dict) or row.get("custom") is False or row.get("delete") is True:
            continue
        token = text(row.get("type"))
        declared = _declared(row, token)
        if declared:
            found += declared
        elif token.split(":")[0] in {*_BRIDGED, "azure-native"}:
            gaps.append(Gap(Origin(file, number), f"no native type is known for {token}", ""))
    return found, gaps


def _declared(row: Document, token: str) -> list[Declared]:
    values = row.get("outputs") or row.get("inputs")
    if not isinstance(values, dict):
        return []
    values = {key: value for key, value in values.items() if not key.startswith("__")}
    values.setdefault("id", row.get("id"))
    urn = text(row.get("urn"))
    if token.startswith("azure-native:"):
        arm = _arm(urn, values)
        return [] if arm is None else [arm]
    type_ = terraform_type(token)
    return declarations(urn, type_, _snake(values)) if type_ else []


def terraform_type(token: str) -> str:
    """Terraform's name of a type: `aws:s3/bucketV2:BucketV2` is `aws_s3_bucket`; empty where none is known."""
    if token in _RENAMED:
        return _RENAMED[token]
    parts = _TOKEN.fullmatch(token)
    if parts is None or parts[1] not in _BRIDGED:
        return ""
    scheme, module = _BRIDGED[parts[1]], parts[2].partition("/")[0]
    noun = _words(parts[3].removesuffix("V2"))
    names = (f"{scheme}_{_words(module)}_{noun}", f"{scheme}_{noun}")
    return next((name for name in names if name in SHAPES or name in NATIVE), "")


def _words(name: str) -> str:
    """`publicAccessBlock` as `public_access_block`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _snake(values: Mapping[str, Json]) -> dict[str, Json]:
    """Attributes in Terraform's spelling; the keys of maps that customers name stay."""
    return {_words(key): value if _words(key) in _MAPS else _inner(value) for key, value in values.items()}


_MAPS: Final = frozenset({"tags", "tags_all", "labels", "effective_labels", "metadata", "variables", "policy"})


def _inner(value: Json) -> Json:
    if isinstance(value, dict):
        return dict(_snake(value))
    return [_inner(each) for each in value] if isinstance(value, list) else value


def _arm(urn: str, values: Mapping[str, Json]) -> Declared | None:
    uid = text(values.get("id"))
    type_ = type_of(uid) if uid.startswith("/") else ""
    if not type_:
        return None
    properties: Document = {key: value for key, value in values.items() if key in _TOP}
    properties["properties"] = {key: value for key, value in values.items() if key not in _TOP}
    return Declared(
        address=urn,
        uid=uid,
        provider=Provider.AZURE,
        type=type_,
        name=text(values.get("name")) or uid.rpartition("/")[2],
        scope=scope_of(uid),
        region=text(values.get("location")).replace(" ", "").lower(),
        properties=properties,
        tags=tag_map(values.get("tags")) if "tags" in values else None,
    )
