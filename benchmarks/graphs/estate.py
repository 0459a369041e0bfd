"""A made-up estate of any size: resources with documents, and relationships between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random

import orjson

from domain.inventory import Inventory
from domain.resource import (
    ConfigurationItem,
    Origin,
    Provider,
    Relationship,
    RelationshipKind,
    ResourceId,
    Strength,
)
from domain.tenancy import TenantId
from domain.value import Json

FIRST = datetime(2026, 6, 1, tzinfo=UTC)
_TYPES = (
    ("AWS::EC2::Instance", "ec2", "instance/i-"),
    ("AWS::EC2::Volume", "ec2", "volume/vol-"),
    ("AWS::EC2::NetworkInterface", "ec2", "network-interface/eni-"),
    ("AWS::EC2::SecurityGroup", "ec2", "security-group/sg-"),
    ("AWS::EC2::Subnet", "ec2", "subnet/subnet-"),
    ("AWS::IAM::Role", "iam", "role/"),
    ("AWS::S3::Bucket", "s3", ""),
    ("AWS::Lambda::Function", "lambda", "function:"),
)
_KINDS = (
    (RelationshipKind.ATTACHED_TO, Strength.HARD, "VolumeId"),
    (RelationshipKind.NETWORK, Strength.HARD, "SubnetId"),
    (RelationshipKind.ASSUMES, Strength.HARD, "RoleArn"),
    (RelationshipKind.REFERENCES, Strength.SOFT, "Tags.see"),
)


@dataclass(frozen=True, slots=True)
class MadeEstate:
    """One collection's result."""

    items: tuple[ConfigurationItem, ...]
    relationships: tuple[Relationship, ...]
    collected_at: datetime

    @property
    def inventory(self) -> Inventory:
        """The items as a gap-free run."""
        return Inventory(self.items, (), (), (), 0)


def made_estate(tenant: TenantId, resources: int, relationships: int, *, seed: int = 1) -> MadeEstate:
    """An estate; targets are drawn so that some resources are hubs."""
    random = Random(seed)
    items = tuple(_item(tenant, number, random) for number in range(resources))
    found: dict[tuple[int, int, int], Relationship] = {}
    while len(found) < relationships:
        source, target = random.randrange(resources), int(resources * random.random() ** 3)
        kind = random.randrange(len(_KINDS))
        if source != target:
            found[source, target, kind] = Relationship(items[source].uid, items[target].uid, *_KINDS[kind])
    kept = tuple(found.values())
    return MadeEstate(_with_targets(sorted(items, key=lambda item: item.uid), kept, FIRST), kept, FIRST)


def collected_again(estate: MadeEstate, *, share: float, seed: int = 2) -> MadeEstate:
    """The same estate a day later: everything was asked for again; a share of it has changed, with all its targets."""
    random = Random(seed)
    at = estate.collected_at + timedelta(days=1)
    ids = [item.uid for item in estate.items]
    changed = set(random.sample(ids, int(len(ids) * share)))
    relationships = {
        replace(each, target=random.choice(ids)) if each.source in changed else each for each in estate.relationships
    }
    kept = tuple(relationships)
    concerned = tuple(each for each in kept if each.source in changed)
    revised = [
        _with(item, {**item.properties, "Revision": at.isoformat()}, at) for item in estate.items if item.uid in changed
    ]
    states = {item.uid: item for item in _with_targets(revised, concerned, at)}
    items = tuple(states.get(item.uid) or replace(item, captured_at=at) for item in estate.items)
    return MadeEstate(items, kept, at)


def _with_targets(
    items: Sequence[ConfigurationItem], relationships: Sequence[Relationship], at: datetime
) -> tuple[ConfigurationItem, ...]:
    """Let documents name what the relationships of their resource lead to."""
    targets: dict[ResourceId, list[Json]] = {}
    for each in relationships:
        targets.setdefault(each.source, []).append(each.target)
    return tuple(_with(item, {**item.properties, "Peers": targets.get(item.uid, [])}, at) for item in items)


def _item(tenant: TenantId, number: int, random: Random) -> ConfigurationItem:
    type_, service, prefix = _TYPES[number % len(_TYPES)]
    account, region = f"{100_000_000_000 + number % 7}", random.choice(("eu-central-1", "us-east-1", "eu-west-1"))
    name = f"{prefix}{number:017x}"
    document: dict[str, Json] = {
        "Arn": f"arn:aws:{service}:{region}:{account}:{name}",
        "State": random.choice(("running", "stopped", "available")),
        "Size": random.choice(("t3.micro", "m6i.large", "r6g.xlarge")),
        "Encrypted": random.random() < 0.9,
        "Rules": [{"Port": random.choice((22, 443, 5432)), "Cidr": f"10.{port}.0.0/16"} for port in range(4)],
        "Endpoint": {"Address": f"{number:x}.internal.example", "Port": 443},
        "Created": f"2025-{1 + number % 12:02}-{1 + number % 28:02}T00:00:00Z",
    }
    blank = ConfigurationItem(
        tenant=tenant,
        uid=ResourceId(f"arn:aws:{service}:{region}:{account}:{name}"),
        provider=Provider.AWS,
        type=type_,
        name=name,
        scope=f"/accounts/{account}",
        region=region,
        tags={"env": random.choice(("prod", "dev", "test")), "owner": f"team-{number % 40}"},
        properties={},
        captured_at=FIRST,
        digest="",
        origin=Origin("made"),
        synthetic=True,
    )
    return _with(blank, document, FIRST)


def _with(item: ConfigurationItem, document: dict[str, Json], at: datetime) -> ConfigurationItem:
    digest = sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return replace(item, properties=document, digest=digest, captured_at=at)
