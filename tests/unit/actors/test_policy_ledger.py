"""The ledger of applied bundles: one writer at a time, safe to repeat, and loud about damage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actors.policy_ledger import PolicyLedger, Revision
from domain.errors import ConflictError, IntegrityError, NotFound
from policy.bundle import files_digest
from policy.policy_set import PolicySet


def files(version: str) -> dict[str, Any]:
    return {"bundle.json": {"name": "web", "version": version}}


def revision(number: int, version: str, **more: Any) -> Revision:
    digest = files_digest(files(version))
    return Revision(number, "applied", "web", version, digest, "2026-11-26T12:00:00Z", "role:lead", **more)


def test_a_tenant_without_bundles_has_nothing_in_force(tmp_path: Path) -> None:
    ledger = PolicyLedger(tmp_path / "policies")

    assert (ledger.history(), ledger.current(), ledger.applied(), ledger.policies()) == ((), None, None, PolicySet())
    with pytest.raises(NotFound):
        ledger.revision(1)


def test_the_last_revision_is_in_force_and_the_others_are_kept(tmp_path: Path) -> None:
    ledger = PolicyLedger(tmp_path / "policies")
    first = ledger.commit(revision(1, "1.0.0", signers=("lead",)), files("1.0.0"), "note")
    second = ledger.commit(revision(2, "1.1.0"), files("1.1.0"), None)

    again = PolicyLedger(tmp_path / "policies")
    assert again.history() == (first, second)
    assert again.current() == second
    applied = again.applied()
    assert applied is not None
    assert (applied.bundle.version, applied.signature) == ("1.1.0", None)
    assert again.bundle(again.revision(1).digest).signature == "note"


def test_a_revision_may_be_repeated_and_is_kept_once(tmp_path: Path) -> None:
    ledger = PolicyLedger(tmp_path / "policies")
    first = ledger.commit(revision(1, "1.0.0", evidence_id="2026-1"), files("1.0.0"), None)

    assert ledger.commit(revision(1, "1.0.0", evidence_id="2026-1"), files("1.0.0"), None) == first
    assert len(ledger.history()) == 1


@pytest.mark.parametrize("number", [1, 3])
def test_of_two_that_decided_at_once_the_second_is_refused(tmp_path: Path, number: int) -> None:
    ledger = PolicyLedger(tmp_path / "policies")
    ledger.commit(revision(1, "1.0.0"), files("1.0.0"), None)

    with pytest.raises(ConflictError, match="meanwhile"):
        ledger.commit(revision(number, "2.0.0"), files("2.0.0"), None)
    assert len(ledger.history()) == 1


@pytest.mark.parametrize("content", ["", "{}", '{"revisions": [1]}', '{"revisions": [{"signers": []}]}'])
def test_a_damaged_ledger_is_never_an_empty_one(tmp_path: Path, content: str) -> None:
    ledger = PolicyLedger(tmp_path)
    ledger.commit(revision(1, "1.0.0"), files("1.0.0"), None)
    (tmp_path / "ledger.json").write_text(content)

    with pytest.raises(IntegrityError):
        ledger.history()


@pytest.mark.parametrize("content", [None, "", '{"files": {}, "signature": null}'])
def test_a_bundle_that_is_not_what_was_applied_is_refused(tmp_path: Path, content: str | None) -> None:
    found = PolicyLedger(tmp_path).commit(revision(1, "1.0.0"), files("1.0.0"), None)
    path = tmp_path / f"{found.digest}.json"
    path.unlink() if content is None else path.write_text(content)

    with pytest.raises(IntegrityError, match="damaged"):
        PolicyLedger(tmp_path).applied()
