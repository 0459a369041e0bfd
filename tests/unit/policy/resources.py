"""Resources and policies as tests need them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from domain.finding import Verdict
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from domain.value import Json
from graph.shred import shred
from policy.aliases import AliasTable
from policy.compile import Program, compile_definition
from policy.definition import parse_definition
from policy.evaluate import evaluate
from policy.explain import explain

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ROWS: list[Json] = [
    {
        "provider": "Contoso.Net",
        "resourceType": "gates",
        "apiVersions": ["2024-01-01", "2025-06-01"],
        "aliases": {
            "Contoso.Net/gates/rules": "properties.rules",
            "Contoso.Net/gates/rules[*]": "properties.rules[*]",
            "Contoso.Net/gates/rules[*].port": "properties.rules[*].properties.port",
            "Contoso.Net/gates/rules[*].sources[*]": "properties.rules[*].properties.sources[*]",
            "Contoso.Net/gates/isOpen": "properties.isOpen",
            "Contoso.Net/image": "properties.image.name",
        },
    },
    {
        "provider": "Contoso.Net",
        "resourceType": "walls",
        "apiVersions": [],
        "aliases": {"Contoso.Net/image": "properties.profile.image.name"},
    },
]
ALIASES = AliasTable.of_rows(ROWS, origin="rows")


def resource(
    document: dict[str, Json] | None = None, *, unread: tuple[str, ...] = (), provider: Provider = Provider.AZURE
) -> ConfigurationItem:
    body = document or {}
    tags = body.get("tags")
    return ConfigurationItem(
        tenant=TenantId("t"),
        uid=ResourceId(str(body.get("id", ""))),
        provider=provider,
        type=str(body.get("type", "Contoso.Net/gates")),
        name=str(body.get("name", "")),
        scope="",
        region=str(body.get("location", "")),
        tags=tags if isinstance(tags, dict) else {},  # type: ignore[arg-type]
        properties=body,
        captured_at=None,
        digest="",
        origin=Origin("gates.json", 7),
        unread=unread,
    )


def program(
    condition: Json,
    *,
    parameters: Mapping[str, Json] | None = None,
    declared: Json = None,
    context: Mapping[str, Json] | None = None,
    effect: str = "audit",
    details: Json = None,
    mode: str = "All",
) -> Program:
    then: dict[str, Json] = {"effect": effect} if details is None else {"effect": effect, "details": details}
    document: Json = {
        "name": "p",
        "properties": {
            "mode": mode,
            "parameters": declared,
            "policyRule": {"if": condition, "then": then},
        },
    }
    definition = parse_definition(document, origin="p.json")
    return compile_definition(definition, ALIASES, parameters=parameters, context=context)


def verdict(condition: Json, item: ConfigurationItem, *, now: datetime = NOW, **options: object) -> Verdict:
    """What both evaluators say; they must agree."""
    compiled = program(condition, **options)  # type: ignore[arg-type]
    by_column = Verdict(int(evaluate(compiled, shred([item], compiled.paths), now=now)[0]))
    by_item = explain(compiled, item, now=now).verdict
    assert by_column is by_item
    return by_item


def holds(condition: Json, document: dict[str, Json] | None = None, **options: object) -> bool:
    """Whether the condition is decided and true."""
    found = verdict(condition, resource(document), **options)  # type: ignore[arg-type]
    assert found is not Verdict.UNKNOWN
    return found is Verdict.VIOLATION
