"""A small estate for tests: items, policies of the own pack, and inputs that join them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import orjson

import policy.packs
from assessment.inputs import AssessedPolicy, AssessmentInputs, required_paths
from assessment.policies import assessed_policy
from domain.finding import PolicyId
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId, resource_key
from domain.tenancy import TenantId
from domain.value import Json
from graph.build import build_snapshot
from policy.aliases import AliasTable
from policy.definition import parse_definition

AS_OF = datetime(2026, 11, 24, 12, tzinfo=UTC)
TENANT = TenantId("demo")
GROUP = "/subscriptions/s-1/resourceGroups/web"
PACK = Path(policy.packs.__path__[0])


@dataclass(frozen=True, slots=True)
class Waiver:
    """An exemption of one policy for the resources whose id ends so."""

    exemption_id: str
    policy: str
    ending: str
    expires_at: datetime | None = None
    reason: str = "accepted until the migration"
    owner: str = "platform"

    def covers(self, resource: ConfigurationItem, policy: PolicyId, at: datetime) -> bool:
        return (
            policy == self.policy
            and resource.uid.endswith(self.ending)
            and (self.expires_at is None or at < self.expires_at)
        )


def azure(
    kind: str, name: str, document: Mapping[str, Json], *, unread: tuple[str, ...] = (), digest: str = ""
) -> ConfigurationItem:
    """An ARM resource in the group `GROUP`."""
    uid = f"{GROUP}/providers/{kind}/{name}"
    return ConfigurationItem(
        tenant=TENANT,
        uid=ResourceId(uid),
        provider=Provider.AZURE,
        type=kind,
        name=name,
        scope=GROUP,
        region="westeurope",
        tags={},
        properties={"id": uid, "name": name, "type": kind, **document},
        captured_at=AS_OF,
        digest=digest or f"{name:0>64}",
        origin=Origin("export.json", 1),
        unread=unread,
    )


def registry(name: str, *, admin: bool) -> ConfigurationItem:
    """A container registry, with or without its shared administrator."""
    return azure("Microsoft.ContainerRegistry/registries", name, {"properties": {"adminUserEnabled": admin}})


@cache
def pack_policies() -> tuple[AssessedPolicy, ...]:
    """Every policy of the own pack."""
    paths = sorted(path for cloud in ("azure", "aws", "gcp") for path in (PACK / cloud).glob("*.json"))
    return tuple(pack_policy(orjson.loads(path.read_bytes()), str(path)) for path in paths)


def pack_policy(document: dict[str, Json], origin: str) -> AssessedPolicy:
    definition = parse_definition(document, origin=origin)
    return assessed_policy(definition, AliasTable.builtin(), source="builtin")


def chosen(*ids: str) -> list[AssessedPolicy]:
    """Policies of the own pack by id."""
    by_id = {each.policy_id: each for each in pack_policies()}
    return [by_id[PolicyId(each)] for each in ids]


def inputs(items: Sequence[ConfigurationItem], policies: Sequence[AssessedPolicy], **more: object) -> AssessmentInputs:
    """Inputs of a scan over these items."""
    ordered = sorted(items, key=lambda item: resource_key(item.uid))
    as_of = more.pop("as_of", AS_OF)
    assert isinstance(as_of, datetime)
    paths = required_paths(policies, ordered)
    snapshot = build_snapshot(TENANT, ordered, as_of=as_of, paths_by_type=paths)
    return AssessmentInputs(TENANT, as_of, snapshot, ordered, policies, **more)  # type: ignore[arg-type]
