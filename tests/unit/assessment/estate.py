"""A small estate for tests: items, policies of the own pack, and inputs that join them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache

from assessment.inputs import AssessedPolicy, AssessmentInputs, required_paths
from assessment.policies import assessed_policy
from domain.finding import PolicyId
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId, resource_key
from domain.tenancy import TenantId
from domain.value import Json
from graph.build import build_snapshot
from policy.aliases import AliasTable
from policy.definition import parse_definition
from policy.exemption import Exemption
from policy.pack import load_pack

AS_OF = datetime(2026, 11, 24, 12, tzinfo=UTC)
TENANT = TenantId("demo")
GROUP = "/subscriptions/s-1/resourceGroups/web"


def waiver(
    exemption_id: str, policy_id: str, item: ConfigurationItem | None, *, expires_at: datetime | None = None
) -> Exemption:
    """A waiver of one policy for one resource, or for the whole group."""
    return Exemption(
        exemption_id=exemption_id,
        policy=policy_id,
        reason="accepted until the migration",
        owner="platform",
        scope=GROUP if item is None else None,
        resource=None if item is None else item.uid,
        created_at=None,
        expires_at=expires_at,
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
    return tuple(
        assessed_policy(each.definition, AliasTable.builtin(), source="builtin", policy_id=each.policy_id)
        for each in load_pack()
    )


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
