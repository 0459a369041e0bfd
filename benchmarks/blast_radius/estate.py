"""A made-up graph of any size in the shape of cloud estates: accounts, networks, machines, keys, roles, pools.

Only types and edges are made, as columns, since blast radius reads nothing else. Every resource lies in an account;
most edges stay inside it, some reach a shared account, as keys, images, logs and network hubs do. Edges per resource
are about four, and the degrees of shared resources are as uneven as those of real hubs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.resource import RelationshipKind, Strength
from domain.tenancy import TenantId
from graph.build import edges_from
from graph.references import KINDS, STRENGTHS, References
from graph.snapshot import Snapshot

K, S = RelationshipKind, Strength
Rows = NDArray[np.int32]
ACCOUNT = 2_000
"""Resources in one account."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A type, and how many of a thousand resources are of it."""

    name: str
    share: int


@dataclass(frozen=True, slots=True)
class Tie:
    """Each source has `count` edges to targets of its account, a share of them to targets anywhere."""

    source: str
    target: str
    kind: RelationshipKind
    strength: Strength
    count: int = 1
    abroad: float = 0.0


KINDS_OF_RESOURCES = (
    Kind("AWS::Organizations::Account", 1),
    Kind("AWS::Organizations::Organization", 0),
    Kind("AWS::EC2::VPC", 1),
    Kind("AWS::EC2::Subnet", 12),
    Kind("AWS::EC2::SecurityGroup", 60),
    Kind("AWS::EC2::Instance", 160),
    Kind("AWS::EC2::NetworkInterface", 190),
    Kind("AWS::EC2::Volume", 220),
    Kind("AWS::AutoScaling::AutoScalingGroup", 10),
    Kind("AWS::ElasticLoadBalancingV2::TargetGroup", 12),
    Kind("AWS::ElasticLoadBalancingV2::LoadBalancer", 8),
    Kind("AWS::KMS::Key", 12),
    Kind("AWS::IAM::Role", 80),
    Kind("AWS::Lambda::Function", 90),
    Kind("AWS::S3::Bucket", 70),
    Kind("AWS::RDS::DBInstance", 14),
    Kind("AWS::SecretsManager::Secret", 60),
)
TIES = (
    Tie("AWS::EC2::Subnet", "AWS::EC2::VPC", K.CONTAINS, S.HARD),
    Tie("AWS::EC2::SecurityGroup", "AWS::EC2::VPC", K.CONTAINS, S.HARD),
    Tie("AWS::EC2::VPC", "AWS::EC2::VPC", K.NETWORK, S.SOFT, 3, 1.0),
    Tie("AWS::EC2::NetworkInterface", "AWS::EC2::Subnet", K.NETWORK, S.HARD),
    Tie("AWS::EC2::NetworkInterface", "AWS::EC2::SecurityGroup", K.NETWORK, S.SOFT),
    Tie("AWS::EC2::Instance", "AWS::EC2::NetworkInterface", K.ATTACHED_TO, S.HARD),
    Tie("AWS::EC2::Instance", "AWS::EC2::Volume", K.MOUNTS, S.HARD, 2),
    Tie("AWS::EC2::Instance", "AWS::IAM::Role", K.ASSUMES, S.HARD),
    Tie("AWS::EC2::Instance", "AWS::EC2::SecurityGroup", K.NETWORK, S.SOFT),
    Tie("AWS::EC2::Instance", "AWS::EC2::Subnet", K.NETWORK, S.HARD),
    Tie("AWS::EC2::Instance", "AWS::AutoScaling::AutoScalingGroup", K.CONTAINS, S.SOFT),
    Tie("AWS::EC2::Instance", "AWS::SecretsManager::Secret", K.SECRET_USE, S.HARD),
    Tie("AWS::EC2::Volume", "AWS::KMS::Key", K.ENCRYPTED_BY, S.HARD, 1, 0.05),
    Tie("AWS::ElasticLoadBalancingV2::TargetGroup", "AWS::EC2::Instance", K.ROUTES_TO, S.REDUNDANT, 4),
    Tie(
        "AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ElasticLoadBalancingV2::TargetGroup", K.ROUTES_TO, S.HARD, 2
    ),
    Tie("AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::EC2::Subnet", K.NETWORK, S.HARD, 2),
    Tie("AWS::Lambda::Function", "AWS::IAM::Role", K.ASSUMES, S.HARD),
    Tie("AWS::Lambda::Function", "AWS::EC2::Subnet", K.NETWORK, S.HARD, 2),
    Tie("AWS::Lambda::Function", "AWS::SecretsManager::Secret", K.SECRET_USE, S.HARD, 1, 0.05),
    Tie("AWS::Lambda::Function", "AWS::S3::Bucket", K.REFERENCES, S.SOFT, 1, 0.1),
    Tie("AWS::Lambda::Function", "AWS::RDS::DBInstance", K.REFERENCES, S.SOFT),
    Tie("AWS::IAM::Role", "AWS::S3::Bucket", K.HAS_PERMISSION, S.SOFT, 2, 0.1),
    Tie("AWS::S3::Bucket", "AWS::KMS::Key", K.ENCRYPTED_BY, S.HARD, 1, 0.05),
    Tie("AWS::S3::Bucket", "AWS::S3::Bucket", K.REFERENCES, S.SOFT, 1, 0.3),
    Tie("AWS::RDS::DBInstance", "AWS::KMS::Key", K.ENCRYPTED_BY, S.HARD),
    Tie("AWS::RDS::DBInstance", "AWS::EC2::Subnet", K.NETWORK, S.HARD, 2),
    Tie("AWS::SecretsManager::Secret", "AWS::KMS::Key", K.ENCRYPTED_BY, S.HARD),
)


def made_up(size: int, *, seed: int = 1, edges_wanted: int | None = None) -> Snapshot:
    """A snapshot without documents.

    Args:
        edges_wanted: further soft references at random until there are so many edges.
    """
    random = np.random.default_rng(seed)
    accounts = max(1, size // ACCOUNT)
    kind_of, account_of = _placed(size, accounts, random)
    names = [kind.name for kind in KINDS_OF_RESOURCES]
    rows = {name: np.flatnonzero(kind_of == code).astype(np.int32) for code, name in enumerate(names)}
    parts = [_containment(rows["AWS::Organizations::Account"], account_of)]
    parts.append(_below_the_root(rows["AWS::Organizations::Organization"], rows["AWS::Organizations::Account"]))
    parts += [_tied(tie, rows, account_of, accounts, random) for tie in TIES]
    if edges_wanted is not None:
        short = edges_wanted - sum(len(part[0]) for part in parts)
        parts.append(_at_random(size, max(short, 0), random))
    return Snapshot(
        tenant=TenantId("bench"),
        as_of=datetime(2026, 1, 1, tzinfo=UTC),
        resources=_resources(size, kind_of, account_of, names),
        edges=edges_from(_references(parts), size),
        tables={},
        rows_by_type=rows,
        dangling=(),
        cycles=(),
        digest="",
    )


def _placed(size: int, accounts: int, random: np.random.Generator) -> tuple[Rows, Rows]:
    shares = np.array([kind.share for kind in KINDS_OF_RESOURCES], np.float64)
    kinds = random.choice(len(shares), size, p=shares / shares.sum()).astype(np.int32)
    account = np.minimum(np.arange(size) * accounts // size, accounts - 1).astype(np.int32)
    first = np.unique(account, return_index=True)[1]
    for code in range(2, len(shares)):  # one of each kind in every account, so that every tie finds an end
        kinds[first + code] = code
    kinds[kinds < 2] = len(shares) - 1
    kinds[first] = 0
    kinds[first[0] + 1] = 1
    return kinds, account


def _below_the_root(root: Rows, accounts: Rows) -> tuple[Rows, Rows, int, int]:
    return accounts, np.repeat(root, len(accounts)), KINDS.index(K.CONTAINS), STRENGTHS.index(S.HARD)


def _containment(accounts: Rows, account_of: Rows) -> tuple[Rows, Rows, int, int]:
    sources = np.arange(len(account_of), dtype=np.int32)
    targets = accounts[account_of]
    kept = sources != targets
    return sources[kept], targets[kept], KINDS.index(K.CONTAINS), STRENGTHS.index(S.HARD)


def _tied(
    tie: Tie, rows: dict[str, Rows], account_of: Rows, accounts: int, random: np.random.Generator
) -> tuple[Rows, Rows, int, int]:
    sources = np.repeat(rows[tie.source], tie.count)
    known = rows[tie.target]
    first = np.searchsorted(account_of[known], np.arange(accounts + 1))
    home = account_of[sources]
    leaves = random.random(len(sources)) < tie.abroad
    home = np.where(leaves, random.integers(0, max(1, accounts // 50), len(sources)), home)
    skew = random.random(len(sources)) ** 2
    places = first[home] + (skew * (first[home + 1] - first[home])).astype(np.int64)
    targets = known[np.minimum(places, len(known) - 1)]
    kept = sources != targets
    return sources[kept], targets[kept], KINDS.index(tie.kind), STRENGTHS.index(tie.strength)


def _at_random(size: int, count: int, random: np.random.Generator) -> tuple[Rows, Rows, int, int]:
    sources = random.integers(0, size, count).astype(np.int32)
    targets = np.clip(sources + random.integers(-ACCOUNT, ACCOUNT, count), 0, size - 1).astype(np.int32)
    kept = sources != targets
    return sources[kept], targets[kept], KINDS.index(K.REFERENCES), STRENGTHS.index(S.SOFT)


def _references(parts: list[tuple[Rows, Rows, int, int]]) -> References:
    sources = np.concatenate([part[0] for part in parts])
    targets = np.concatenate([part[1] for part in parts])
    kinds = np.concatenate([np.full(len(part[0]), part[2], np.uint8) for part in parts])
    strengths = np.concatenate([np.full(len(part[0]), part[3], np.uint8) for part in parts])
    order = np.lexsort((kinds, targets, sources))
    columns = (sources[order], targets[order], kinds[order])
    same = np.ones(len(order), np.bool_)
    same[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    sources, targets, kinds = (column[same] for column in columns)
    return References((), sources, targets, kinds, strengths[order][same], ("",) * len(sources), ())


def _resources(size: int, kinds: Rows, accounts: Rows, names: list[str]) -> pa.Table:
    scopes = [f"/accounts/{number:012}" for number in range(int(accounts.max()) + 1)]
    uids = pa.array([f"r{number:08}" for number in range(size)], pa.string())
    return pa.table(
        {
            "uid": uids,
            "name": uids,
            "type": pa.DictionaryArray.from_arrays(pa.array(kinds), pa.array(names)),
            "scope": pa.DictionaryArray.from_arrays(pa.array(accounts), pa.array(scopes)),
            "region": pa.array(["eu-west-1"] * size).dictionary_encode(),
            "provider": pa.array(["aws"] * size).dictionary_encode(),
            "digest": uids,
            "synthetic": pa.array([True] * size),
        }
    )
