"""Resources that come, change and go, for tests of live graphs: few names, so that they meet often."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from domain.resource import ConfigurationItem, Provider, Relationship, ResourceId, resource_key
from domain.value import Json
from graph.live import Delta, LiveGraph, unmet
from tests.unit.graph.estate import NOON, TENANT, item

RG = "/subscriptions/s/resourceGroups/g"
NET = f"{RG}/providers/Microsoft.Network"
EC2 = "arn:aws:ec2:r:{}"
GOOGLE = "//compute.googleapis.com/projects/p"
CLUSTER = "/clusters/c/namespaces/n"
KEY = "11111111-2222-3333-4444-555555555555"
MAIL = "me@p.iam.gserviceaccount.com"

_PROJECT = "//cloudresourcemanager.googleapis.com/projects/p"
_AZURE = Provider.AZURE, RG
PLACES: tuple[tuple[str, str, Provider, str], ...] = (
    ("/subscriptions/s", "Microsoft.Resources/subscriptions", Provider.AZURE, ""),
    (RG, "Microsoft.Resources/resourceGroups", Provider.AZURE, "/subscriptions/s"),
    (f"{NET}/virtualNetworks/v", "Microsoft.Network/virtualNetworks", *_AZURE),
    (f"{NET}/virtualNetworks/v/subnets/a", "Microsoft.Network/virtualNetworks/subnets", *_AZURE),
    (f"{NET}/networkInterfaces/nic", "Microsoft.Network/networkInterfaces", *_AZURE),
    (f"{NET}/networkSecurityGroups/nsg", "Microsoft.Network/networkSecurityGroups", *_AZURE),
    (f"{RG}/providers/Microsoft.Compute/virtualMachines/vm", "Microsoft.Compute/virtualMachines", *_AZURE),
    (f"{RG}/providers/Microsoft.Compute/disks/d", "Microsoft.Compute/disks", *_AZURE),
    (f"{RG}/providers/Microsoft.KeyVault/vaults/Keys", "Microsoft.KeyVault/vaults", *_AZURE),
    ("/providers/Microsoft.Management/managementGroups/m", "Microsoft.Management/managementGroups", Provider.AZURE, ""),
    ("/providers/Microsoft.Management/managementGroups/k", "Microsoft.Management/managementGroups", Provider.AZURE, ""),
    ("arn:aws:organizations::1:account/o-1/1", "AWS::Organizations::Account", Provider.AWS, ""),
    (f"{EC2.format(1)}:security-group/sg-0123abcd", "AWS::EC2::SecurityGroup", Provider.AWS, "/accounts/1"),
    (f"{EC2.format(2)}:security-group/sg-0123abcd", "AWS::EC2::SecurityGroup", Provider.AWS, "/accounts/2"),
    ("arn:aws:lambda:r:1:function:f", "AWS::Lambda::Function", Provider.AWS, "/accounts/1"),
    ("arn:aws:lambda:r:2:function:f", "AWS::Lambda::Function", Provider.AWS, "/accounts/2"),
    ("arn:aws:s3:::logs", "AWS::S3::Bucket", Provider.AWS, "/accounts/1"),
    ("arn:aws:s3:::LOGS", "AWS::S3::Bucket", Provider.AWS, "/accounts/1"),
    ("arn:aws:s3:::data", "AWS::S3::Bucket", Provider.AWS, "/accounts/1"),
    (f"arn:aws:kms:r:1:key/{KEY}", "AWS::KMS::Key", Provider.AWS, "/accounts/1"),
    ("arn:aws:kms:r:1:alias/app", "AWS::KMS::Alias", Provider.AWS, "/accounts/1"),
    ("odd", "AWS::Odd::Thing", Provider.AWS, "/accounts/1"),
    (
        "//cloudresourcemanager.googleapis.com/projects/p",
        "cloudresourcemanager.googleapis.com/Project",
        Provider.GCP,
        "",
    ),
    (f"{GOOGLE}/zones/z/disks/d", "compute.googleapis.com/Disk", Provider.GCP, "/projects/p"),
    (f"{GOOGLE}/zones/z/instances/vm", "compute.googleapis.com/Instance", Provider.GCP, "/projects/p"),
    (f"//iam.googleapis.com/projects/p/serviceAccounts/{MAIL}", "iam.googleapis.com/ServiceAccount", Provider.GCP, ""),
    ("//storage.googleapis.com/bucket", "storage.googleapis.com/Bucket", Provider.GCP, "/projects/p"),
    (f"{CLUSTER}/v1/Pod/p", "v1/Pod", Provider.KUBERNETES, CLUSTER),
    (f"{CLUSTER}/v1/Secret/s", "v1/Secret", Provider.KUBERNETES, CLUSTER),
)
"""Id, type, provider and scope of everything that there can be."""

TEXTS: tuple[str, ...] = (
    *(uid for uid, *_ in PLACES),
    f"{NET}/virtualNetworks/V/subnets/A".upper(),
    f"{NET}/virtualNetworks/v/subnets/gone",
    f"{RG}/providers/Microsoft.Web/serverfarms/gone",
    "https://keys.vault.azure.net/keys/k/1",
    "sg-0123abcd",
    "arn:aws:s3:::logs/*",
    "arn:aws:iam::1:role/gone",
    "alias/app",
    KEY,
    MAIL,
    f"serviceAccount:{MAIL}",
    "https://www.googleapis.com/compute/v1/projects/p/zones/z/disks/d",
    "projects/p/zones/z/instances/vm/parts/x",
    "bucket",
    "word",
)
_PATHS: tuple[tuple[str, ...], ...] = (
    ("properties", "networkProfile", "networkInterfaces", "id"),
    ("properties", "virtualMachine", "id"),
    ("properties", "subnet", "id"),
    ("properties", "subnets", "id"),
    ("managedBy",),
    ("parent", "id"),
    ("properties", "details", "parent", "id"),
    ("KmsKeyId",),
    ("bucketLogging", "loggingEnabled", "targetBucket"),
    ("members",),
    ("users",),
    ("spec", "volumes", "secret", "secretName"),
    ("other",),
)


def document(chance: Random) -> dict[str, Json]:
    """A document that names up to four others, at places with and without a meaning."""
    found: dict[str, Json] = {"noise": chance.randint(0, 1)}
    for _ in range(chance.randint(0, 4)):
        path, text = chance.choice(_PATHS), chance.choice((*TEXTS, "s", "LOGS"))
        node = found
        for name in path[:-1]:
            inner = node.setdefault(name, {})
            assert isinstance(inner, dict)
            node = inner
        node[path[-1]] = [text, "x"] if chance.random() < 0.5 else text
    return found


def state(chance: Random) -> ConfigurationItem:
    """One of the resources, in some state; now and then with another type or scope, or written otherwise."""
    uid, kind, provider, scope = chance.choice(PLACES)
    if chance.random() < 0.1:
        kind = chance.choice(PLACES)[1]
    if chance.random() < 0.1:
        scope = chance.choice(PLACES)[3]
    if provider is Provider.AZURE and chance.random() < 0.2:
        uid = uid.upper()
    return item(uid, kind, document(chance), provider=provider, scope=scope)


@dataclass(frozen=True, slots=True)
class Happened:
    """A change of a resource's latest state."""

    uid: ResourceId
    before: ConfigurationItem | None
    after: ConfigurationItem | None
    at: datetime


@dataclass(slots=True)
class World:
    """What there is, beside a live graph that follows it."""

    items: dict[str, ConfigurationItem] = field(default_factory=dict)
    now: datetime = NOON
    asked: int = 0

    def documents(self, uids: Sequence[str]) -> tuple[ConfigurationItem, ...]:
        """Documents by id, as a store gives them."""
        self.asked += len(uids)
        return tuple(self.items[key] for uid in uids if (key := resource_key(uid)) in self.items)

    def put(self, *items: ConfigurationItem) -> list[Happened]:
        """Resources in a new state."""
        return [self._happened(each.uid, each) for each in items]

    def happen(self, chance: Random) -> list[Happened]:
        """Something: a resource in a new state, or gone."""
        if chance.random() < 0.35:
            return self.remove(chance.choice(PLACES)[0])
        return self.put(state(chance))

    def remove(self, uid: str) -> list[Happened]:
        """A resource that is gone; nothing where it was not there."""
        return [self._happened(ResourceId(uid), None)] if resource_key(uid) in self.items else []

    def live(self) -> LiveGraph:
        """A live graph of what there is."""
        return LiveGraph.from_items(TENANT, self.items.values(), as_of=self.now, documents=self.documents)

    def _happened(self, uid: ResourceId, after: ConfigurationItem | None) -> Happened:
        key = resource_key(uid)
        before = self.items.pop(key, None)
        if after is not None:
            self.items[key] = after
        self.now += timedelta(seconds=1)
        return Happened(uid, before, after, self.now)


class Kept:
    """A store's relationships, kept by deltas alone; ids are compared as `resource_key` writes them."""

    def __init__(self, relationships: Iterable[Relationship]) -> None:
        self._kept: dict[str, set[Relationship]] = {}
        for each in relationships:
            self._kept.setdefault(resource_key(each.source), set()).add(each)

    def take(self, delta: Delta) -> None:
        """Replace the relationships of the delta's sources."""
        for source in delta.sources:
            self._kept.pop(resource_key(source), None)
        for each in delta.relationships:
            assert each.source in delta.sources
            self._kept.setdefault(resource_key(each.source), set()).add(each)

    def relationships(self) -> list[Relationship]:
        """Every relationship."""
        return [each for found in self._kept.values() for each in found]

    def keys(self) -> set[tuple[str, ...]]:
        """Every relationship as text, each id in the form in which it is compared."""
        return set(map(keyed, self.relationships()))


class Mirror(Kept):
    """The relationships of a live graph's store."""

    def __init__(self, live: LiveGraph) -> None:
        view = live.view()
        super().__init__((*view.relationships(), *(unmet(missing) for missing in view.dangling)))


def keyed(each: Relationship) -> tuple[str, ...]:
    """A relationship as text, its ids in the form in which they are compared."""
    return (resource_key(each.source), resource_key(each.target), *shown(each)[2:])


def shown(each: Relationship) -> tuple[str, ...]:
    """A relationship as text."""
    return (each.source, each.target, each.kind.value, each.strength.value, each.path)
