"""What policies, checks and evidence say of themselves, in comparable words."""

from __future__ import annotations

import pytest

from domain.value import Json
from policy.controls.words import TEXT_MAX, described, evidence_words, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("minimumTlsVersion", ["minimum", "tls", "version"]),
        ("access is used", ["access"]),
        ("Storage accounts are encrypted", ["storage", "account", "encrypt"]),
        ("policies, keys and addresses", ["key", "address"]),
        ("TLS1_2 logging", ["tls", "log"]),
        ("Microsoft.Storage/storageAccounts", ["storage", "storage", "account"]),
        ("entries", ["entry"]),
        ("the 12 of a", []),
    ],
)
def test_names_become_words_in_one_form(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_a_definition_is_described_by_texts_aliases_and_types() -> None:
    rule: Json = {
        "if": {
            "allOf": [
                {"field": "type", "in": ["Microsoft.Sql/servers"]},
                {"field": "Microsoft.Sql/servers/minimalTlsVersion", "equals": "1.0"},
                {"count": {"field": "x[*]", "where": {"value": 1, "equals": 2}}},
            ]
        },
        "then": {"effect": "auditIfNotExists", "details": {"type": "Microsoft.Sql/servers/auditingSettings"}},
    }
    document: Json = {
        "id": "/providers/Microsoft.Authorization/policyDefinitions/1234",
        "properties": {"displayName": "SQL needs TLS", "metadata": {"category": "SQL"}, "policyRule": rule},
    }
    found = described(document)
    assert found is not None
    assert found[0] == "1234"
    for part in ("SQL needs TLS", "Microsoft.Sql/servers/minimalTlsVersion", "x[*]", "auditingSettings", "SQL"):
        assert part in found[1]
    assert "1.0" not in found[1]


def test_a_pack_policy_and_a_check_have_their_own_ids() -> None:
    pack: Json = {"id": "pcg-x", "name": "n", "examples": {}, "properties": {"policyRule": {}, "metadata": 1}}
    assert described(pack) == ("pcg-x", " ")
    azure: Json = {"name": "guid", "id": "/a/b", "properties": {"policyRule": {}}}
    assert described(azure) == ("guid", " ")
    check: Json = {"CheckID": "s3_public", "CheckTitle": "Buckets are closed", "Risk": "leak"}
    assert described(check) == ("s3_public", "Buckets are closed leak s3_public")


@pytest.mark.parametrize("document", [None, [], {}, {"properties": 1}, {"properties": {"displayName": "no rule"}}])
def test_anything_else_describes_nothing(document: Json) -> None:
    assert described(document) is None


def test_evidence_is_all_that_it_says_up_to_a_bound() -> None:
    body: Json = {"system": "payroll", "counts": [1, "two", {"reviewed": True}]}
    assert evidence_words(body) == "system payroll counts two reviewed"
    deep: Json = "bottom"
    for _ in range(100):
        deep = {"in": deep}
    assert "bottom" not in evidence_words(deep)
    assert described({"properties": {"policyRule": {"if": deep}}}) is not None
    assert len(evidence_words({"long": "x" * (2 * TEXT_MAX)})) == TEXT_MAX
