"""Terraform state and plans as baselines: every managed resource in the provider's own shape.

A resource that Terraform splits off, such as a bucket's policy or one rule of a security group, is an aspect of the
resource that it belongs to. A plan declares what is to be; what is known only after it is applied is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from connectors.baseline import terraform_aws, terraform_azure, terraform_google
from connectors.baseline.shape import Shape, Shaped, shape
from connectors.observation import Document, tag_map, text
from connectors.terraform import normalize as terraform
from connectors.terraform.types import NATIVE, SCHEMES
from domain.drift import BaselineSource, Declared
from domain.inventory import Gap
from domain.resource import Origin, Provider
from domain.value import Json

SHAPES: Final[Mapping[str, Shape]] = {**terraform_aws.SHAPES, **terraform_azure.SHAPES, **terraform_google.SHAPES}

_IGNORED: Final = {
    Provider.AWS: terraform_aws.IGNORED,
    Provider.AZURE: terraform_azure.IGNORED,
    Provider.GCP: terraform_google.IGNORED,
}
_FIELD: Final = re.compile(r"\{(\w+)\}")


def source_of(body: Document) -> BaselineSource | None:
    """Which of Terraform's documents this is; None where it is none."""
    if terraform.is_state(body):
        return BaselineSource.TERRAFORM_STATE
    if not terraform.is_shown(body):
        return None
    return BaselineSource.TERRAFORM_PLAN if terraform.is_plan(body) else BaselineSource.TERRAFORM_STATE


def read(body: Document, file: str) -> tuple[list[Declared], list[Gap]]:
    """Every managed resource of a state or plan."""
    found: list[Declared] = []
    gaps: list[Gap] = []
    for number, each in enumerate(terraform.declared(body), 1):
        declared = declarations(each.address, each.type, each.values)
        if declared:
            found += declared
        elif provider_of(each.type) is not None and each.type not in IGNORED_LINKS:
            gaps.append(Gap(Origin(file, number), f"no native type is known for {each.type}", ""))
    return found, gaps


def provider_of(type_: str) -> Provider | None:
    """The provider that a type belongs to by its prefix."""
    scheme = SCHEMES.get(type_.split("_", maxsplit=1)[0])
    return None if scheme is None else Provider(scheme)


def declarations(address: str, type_: str, values: Mapping[str, Json]) -> list[Declared]:
    """One resource with its attributes, and its parts; nothing where no native type is known."""
    own = _own(address, type_, values)
    if own is None:
        return []
    how = SHAPES.get(type_)
    parts = how.parts(values) if how is not None and how.parts is not None else []
    return [own, *(_part(own, *part) for part in parts)]


def _part(own: Declared, type_: str, uid: str, document: Document) -> Declared:
    """A part has no life of its own: where it is gone, its owner tells."""
    name = uid.rpartition("/")[2]
    return replace(own, address=f"{own.address} ({name})", uid=uid, type=type_, name=name, properties=document,
                   loose={}, tags=None, is_aspect=True)  # fmt: skip


def _own(address: str, type_: str, values: Mapping[str, Json]) -> Declared | None:
    how = SHAPES.get(type_) or (Shape(NATIVE[type_]) if type_ in NATIVE else None)
    provider = provider_of(type_)
    if how is None or provider is None:
        return None
    shaped = shape(values, how)
    uid = _uid(provider, how, values)
    tags = _tags(provider, values)
    name = next((text(values.get(key)) for key in _NAMES if values.get(key)), "")
    return Declared(
        address=address,
        uid=uid,
        provider=provider,
        type=how.type,
        name=name or (tags or {}).get("Name", ""),
        scope=terraform.declared_scope(provider, uid, values),
        region=terraform.declared_region(values, uid),
        properties=shaped.document,
        loose={} if how.is_aspect else _loose(shaped, provider),
        tags=None if how.is_aspect else tags,
        is_aspect=how.is_aspect,
    )


def _uid(provider: Provider, how: Shape, values: Mapping[str, Json]) -> str:
    """The id that the attributes hold, or the one that the table makes of them."""
    if not how.uid:
        return terraform.uid_of(provider, how.type, values)
    names = _FIELD.findall(how.uid)
    if any(not text(values.get(name)) for name in names):
        return ""
    uid = _FIELD.sub(lambda found: text(values.get(found[1])), how.uid)
    if how.is_aspect and provider is Provider.AZURE:
        return _parent(uid)
    return uid


def _parent(uid: str) -> str:
    """The ARM id of the resource that holds a child."""
    return uid.rpartition("/")[0].rpartition("/")[0]


def _tags(provider: Provider, values: Mapping[str, Json]) -> dict[str, str] | None:
    """What is declared of tags: with a provider's defaults where the state holds the sum."""
    if provider is Provider.GCP:
        keys: tuple[str, ...] = ("effective_labels", "labels")
    else:
        keys = ("tags_all", "tags")
    for key in keys:
        for spelt in (key, "".join(part.title() if at else part for at, part in enumerate(key.split("_")))):
            if isinstance(values.get(spelt), dict):
                return tag_map(values[spelt])
    return {} if any(key in values for key in keys) else None


def _loose(shaped: Shaped, provider: Provider) -> Document:
    return {key: value for key, value in shaped.loose.items() if key not in _IGNORED[provider] and value is not None}


_NAMES: Final = ("name", "bucket", "identifier", "function_name", "functionName", "cluster_identifier")

IGNORED_LINKS: Final = frozenset({
    "aws_iam_role_policy", "aws_iam_user_policy", "aws_iam_policy_attachment", "aws_iam_user_policy_attachment",
    "aws_lambda_permission", "aws_route", "aws_route_table_association", "aws_volume_attachment", "aws_kms_alias",
    "aws_sns_topic_policy", "aws_s3_object", "aws_s3_bucket_object", "aws_s3_bucket_acl",
    "aws_s3_bucket_notification", "aws_iam_group_membership", "aws_iam_access_key", "aws_iam_group_policy_attachment",
    "azurerm_role_assignment", "azurerm_key_vault_secret", "azurerm_subnet_network_security_group_association",
    "azurerm_network_interface_security_group_association", "google_project_iam_member", "google_project_service",
    "google_storage_bucket_iam_member", "google_project_iam_binding", "google_secret_manager_secret_version",
})  # fmt: skip
"""Types that declare a link or a content, which no item shows; not compared, and no gap either."""
