"""What Terraform says beside what we say, difference by difference: the same, or why it is not.

Terraform compares its own state with a refreshed one, resource by resource of its own cutting. So it also tells of
values that merely became known or empty, of copies that a resource's record keeps of what another one declares, and of
numbers that the provider computes. Each such reason is a row here; whatever has no row is unexplained.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

Theirs = tuple[str, str, Any, Any]
Ours = set[tuple[str, str]]

OWNERS: Final = {
    "aws_s3_bucket_logging": ("aws_s3_bucket", "BucketLogging"),
    "aws_s3_bucket_policy": ("aws_s3_bucket", "BucketPolicy"),
    "aws_s3_bucket_public_access_block": ("aws_s3_bucket", "PublicAccessBlock"),
    "aws_s3_bucket_server_side_encryption_configuration": ("aws_s3_bucket", "BucketEncryption"),
    "aws_s3_bucket_versioning": ("aws_s3_bucket", "BucketVersioning"),
    "aws_vpc_security_group_ingress_rule": ("aws_security_group", "IpPermissions"),
}
"""Resources that are aspects of another: whose, and where that one has them. Names are equal in the drill."""

PATHS: Final = {
    "assume_role_policy": "AssumeRolePolicyDocument",
    "description": "Description",
    "display_name": "DisplayName",
    "enable_dns_hostnames": "VpcAttribute.EnableDnsHostnames",
    "enable_key_rotation": "KeyRotationStatus",
    "image_tag_mutability": "imageTagMutability",
    "ingress": "IpPermissions",
    "managed_policy_arns": "AttachedPolicies",
    "map_public_ip_on_launch": "MapPublicIpOnLaunch",
    "message_retention_seconds": "MessageRetentionPeriod",
    "metadata_options": "MetadataOptions",
    "point_in_time_recovery": "ContinuousBackups",
    "policy": "PolicyVersion.Document",
    "retention_in_days": "retentionInDays",
    "tags": "tags.",
    "tags_all": "tags.",
    "visibility_timeout_seconds": "VisibilityTimeout",
}
"""Where we have an attribute of Terraform's."""

COPIES: Final = {
    ("aws_s3_bucket", "policy"),
    ("aws_s3_bucket", "server_side_encryption_configuration"),
    ("aws_s3_bucket", "versioning"),
    ("aws_s3_bucket", "logging"),
}
"""Attributes of a resource's record that only repeat what another resource declares; that one is compared."""

COMPUTED: Final = {("aws_iam_policy", "attachment_count")}
"""Attributes that the provider counts."""


@dataclass(frozen=True, slots=True)
class AspectOf:
    """One of Terraform's differences as one of ours would be: the resource's address and the beginning of the path."""

    address: str
    start: str

    @classmethod
    def of(cls, theirs: Theirs) -> AspectOf:
        address, attribute, _, _ = theirs
        type_, name = address.split(".")
        if type_ in OWNERS:
            owner, start = OWNERS[type_]
            return cls(f"{owner}.{name}", start)
        return cls(address, PATHS.get(attribute, "") if attribute else "")


def explained(theirs: Theirs, ours: Ours) -> str:
    """Why a difference of Terraform's is none to us, or that we have it; empty where neither holds."""
    address, attribute, before, after = theirs
    type_ = address.split(".")[0]
    if _is_empty(before) and _is_empty(after):
        return "unset became empty: Terraform learns of it when it refreshes"
    if (type_, attribute) in COPIES:
        return "a copy of what another resource declares"
    if (type_, attribute) in COMPUTED:
        return "the provider counts it"
    place = AspectOf.of(theirs)
    if attribute and not place.start:
        return ""
    if any(address == place.address and path.startswith(place.start) for address, path in ours):
        return "we say so too"
    return ""


def _is_empty(value: Any) -> bool:
    return value in (None, "", [], {})
