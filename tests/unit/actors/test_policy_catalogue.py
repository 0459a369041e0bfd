"""Policies from folders: definitions run everywhere, assignments decide where, and what is assigned runs once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from actors.messages import APPLIED, BUILTIN
from actors.policy_catalogue import Chosen, chosen_policies, known_definitions
from domain.errors import InputError
from graph.stores.contract import StoredDefinition
from policy.aliases import AliasTable
from policy.policy_set import PolicySet, read_policy_set
from tests.unit.policy.governance import GROUP, assignment, assignment_document, exemption_document

RULE = {"if": {"field": "type", "equals": "Microsoft.Web/sites"}, "then": {"effect": "audit"}}
OWN = "pcg-azure-acr-admin-user"


def write(folder: Path, name: str, *documents: dict[str, Any]) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(documents[0] if len(documents) == 1 else list(documents)))


def definition(name: str = "site") -> dict[str, Any]:
    return {"name": name, "properties": {"policyRule": RULE}}


def chosen(*sources: str, stored: tuple[StoredDefinition, ...] = (), applied: PolicySet | None = None) -> Chosen:
    return chosen_policies(sources, stored, AliasTable.builtin(), applied)


def test_a_folder_of_definitions_is_judged_everywhere(tmp_path: Path) -> None:
    write(tmp_path, "site.json", definition())

    (policy,) = chosen(str(tmp_path)).policies

    assert (policy.policy_id, policy.assigned) == ("site", None)


def test_a_folder_with_assignments_is_judged_as_they_say(tmp_path: Path) -> None:
    write(tmp_path, "definitions/site.json", definition(), definition("unused"))
    write(tmp_path, "assignments/a.json", assignment_document("a", GROUP, policyDefinitionId="site"))
    write(tmp_path, "exemptions/e.json", exemption_document(assignment("a", GROUP)))
    write(tmp_path, "bundle.json", {"name": "web"})
    write(tmp_path, "tests/site.json", {"policy": "site"})

    found = chosen(str(tmp_path))

    assert [policy.policy_id for policy in found.policies] == ["site"]
    assert found.policies[0].assigned is not None
    assert len(found.exemptions) == 1


def test_what_is_assigned_may_be_built_in_or_imported_and_is_not_judged_everywhere_as_well(tmp_path: Path) -> None:
    write(tmp_path, "a.json", assignment_document("a", GROUP, policyDefinitionId=OWN))
    write(tmp_path, "b.json", assignment_document("b", GROUP, policyDefinitionId=OWN))
    write(tmp_path, "c.json", assignment_document("c", GROUP, policyDefinitionId="/x/Policydefinitions/SITE"))
    stored = (StoredDefinition("site", definition(), "import", "runs"),)

    found = {policy.policy_id: policy for policy in chosen(BUILTIN, str(tmp_path), stored=stored).policies}

    assert OWN not in found
    assert {f"{OWN}@a", f"{OWN}@b", "SITE"} <= set(found)
    assert all(policy.program is not None for name, policy in found.items() if "@" in name or name == "SITE")
    assert {"site", OWN} <= set(known_definitions(stored))


def test_the_applied_bundle_is_a_source_of_its_own() -> None:
    applied = read_policy_set([("a", assignment_document("a", GROUP, policyDefinitionId=OWN))])

    (policy,) = chosen(APPLIED, applied=applied).policies

    assert (policy.policy_id, policy.source) == (OWN, APPLIED)
    assert chosen(APPLIED) == Chosen()


def test_a_folder_without_policies_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "e.json", exemption_document(assignment()))

    with pytest.raises(InputError) as refusal:
        chosen(str(tmp_path))

    assert refusal.value.facts["where"] == str(tmp_path)
