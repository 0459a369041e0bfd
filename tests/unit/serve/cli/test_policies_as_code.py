"""docs/policies-as-code.md, run as it stands in this process: every file, every command, every promise."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chain.durable import replace_file
from domain.evidence import EventType
from domain.evidence_schema import require_body
from serve.cli.errors import run
from tests.architecture.sources import ROOT

SUBSCRIPTION = "/subscriptions/11111111-2222-3333-4444-555555555555"
TEXT = (ROOT / "docs" / "policies-as-code.md").read_text()
AS_OF = ("--as-of", "2026-11-26T12:00:00Z")


def account(name: str, group: str, *, encrypted: bool) -> dict[str, Any]:
    return {
        "id": f"{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{name}",
        "type": "Microsoft.Storage/storageAccounts",
        "name": name,
        "location": "westeurope",
        "properties": {"supportsHttpsTrafficOnly": encrypted},
    }


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """The bundle of the document, and a graph with four accounts."""
    monkeypatch.chdir(tmp_path)
    for name, body in re.findall(r"`(web/[^`]+)`:\n\n```json\n(.*?)```", TEXT, re.DOTALL):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(body)
    exports = tmp_path / "exports"
    exports.mkdir()
    rows = [
        account("shopopen", "shop", encrypted=False),
        account("shopgood", "shop", encrypted=True),
        account("labopen", "lab", encrypted=False),
    ]
    (exports / "azure.ndjson").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert run(["scan", "exports", "--tenant", "shop", "--quiet", *AS_OF]) == 0
    capsys.readouterr()
    return tmp_path


def pcg(*arguments: str) -> int:
    return run(["policies", *arguments, "--tenant", "shop"])


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    code = run([*arguments, "--tenant", "shop", "--json", "-"])
    out = capsys.readouterr()
    assert code in {0, 1}, out.err
    return json.loads(out.out)


def apply(place: str = "web", *more: str) -> int:
    return pcg("apply", place, "--by", "role:platform-lead", *more)


def edit(path: str, change: Mapping[str, Any], *, version: str = "1.1.0") -> None:
    """Change the properties of a document and raise the version."""
    file = Path("web") / path
    document = json.loads(file.read_text())
    document["properties"] |= change
    file.write_text(json.dumps(document))
    manifest = json.loads(Path("web/bundle.json").read_text())
    Path("web/bundle.json").write_text(json.dumps({**manifest, "version": version}))


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert run([*arguments]) == 2
    return capsys.readouterr().err


def test_the_commands_of_the_document_run_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(Path("web/assignments/shop.json").read_text())
    document["properties"]["enforcementMode"] = "Default"
    Path("enforced.json").write_text(json.dumps(document))
    commands = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]
    said: dict[str, str] = {}

    for line in commands:
        assert run(shlex.split(line)[1:]) == 0, (line, capsys.readouterr())
        said[line.split()[2]] = capsys.readouterr().out

    assert "4 passed   0 failed" in said["test"]
    assert "2 added" in said["diff"]
    assert "1 open   0 close   0 unknown" in said["plan"]
    assert "APPLIED    web 1.0.0" in said["apply"]
    assert "in force" in said["history"]
    assert "effect acts" in said["what-if"]
    assert "KEY        example.com/policies+" in said["sign"]


def test_a_scan_judges_by_the_bundle_in_force_and_labels_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert apply() == 0

    document = asked(capsys, "scan", "exports", *AS_OF)

    found = [row for row in document["violations"] if row["policy_id"] == "storage-https"]
    assert [row["resource_name"] for row in found] == ["shopopen"]
    (policy,) = [row for row in document["policies"] if row["id"] == "storage-https"]
    assert (policy["enforcement"], policy["source"]) == ("DoNotEnforce", "applied")
    assert len(document["policies"]) > 100
    assert pcg_explain(capsys)["verdict"] == "violation"


def pcg_explain(capsys: pytest.CaptureFixture[str]) -> Any:
    return asked(capsys, "explain", account("shopopen", "shop", encrypted=False)["id"], "storage-https")


def test_a_failing_test_is_told_with_its_place_and_nothing_is_applied(capsys: pytest.CaptureFixture[str]) -> None:
    test = {"policy": "storage-https", "pass": [{"type": "Microsoft.Storage/storageAccounts", "name": "wrong"}]}
    Path("web/tests/wrong.json").write_text(json.dumps(test))

    assert pcg("test", "web") == 1
    out = capsys.readouterr().out
    assert "wrong: expected pass, got fail" in out
    assert "tests/wrong.json $.pass[0]" in out
    assert pcg("test", "web", "--format", "markdown") == 1
    assert "| storage-https | wrong | pass | fail |" in capsys.readouterr().out
    assert "tests of the bundle fail" in refusal(capsys, "policies", "apply", "web", "--by", "r", "--tenant", "shop")
    assert asked(capsys, "policies", "history")["revisions"] == []


def test_a_change_is_shown_by_field_and_by_resource(capsys: pytest.CaptureFixture[str]) -> None:
    assert apply() == 0
    edit("assignments/shop.json", {"notScopes": [], "enforcementMode": "Default"})

    assert pcg("diff", "web", "--exit-code") == 1
    out = capsys.readouterr().out
    assert '$.properties.enforcementMode   "DoNotEnforce" -> "Default"' in out
    plan = asked(capsys, "policies", "plan", "web")
    told = {row["resource_id"].rpartition("/")[2]: row for row in plan["what_if"]["resources"]}
    assert (told["labopen"]["before"], told["labopen"]["after"]) == ("not_assessed", "violation")
    assert (told["shopopen"]["acted_before"], told["shopopen"]["acted_after"]) == (False, True)
    assert pcg("plan", "web", "--format", "markdown") == 0
    out = capsys.readouterr().out
    assert "### Policies web 1.1.0: 0 added   0 removed   1 changed" in out
    assert "| storage-https | not assessed -> violation, effect acts |" in out
    assert apply() == 0
    assert pcg("diff", "web", "--exit-code") == 0
    assert pcg("plan", "web", "--exit-code") == 0


def test_a_plan_that_was_made_against_another_state_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert pcg("plan", "web", "--out", "first.json") == 0
    assert apply("first.json") == 0
    edit("assignments/shop.json", {"enforcementMode": "Default"})
    assert pcg("plan", "web", "--out", "second.json") == 0
    edit("assignments/shop.json", {"notScopes": []}, version="1.2.0")
    assert apply() == 0

    assert "another state" in refusal(capsys, "policies", "apply", "second.json", "--by", "r", "--tenant", "shop")
    assert [row["version"] for row in asked(capsys, "policies", "history")["revisions"]] == ["1.2.0", "1.0.0"]


def test_a_definition_that_was_imported_meanwhile_makes_a_plan_void(capsys: pytest.CaptureFixture[str]) -> None:
    definition = json.loads(Path("web/definitions/https.json").read_text())
    Path("imported.json").write_text(json.dumps(definition))
    Path("web/definitions/https.json").unlink()
    Path("web/tests/https.json").unlink()
    assert "not known" in refusal(capsys, "policies", "plan", "web", "--tenant", "shop")
    assert pcg("import", "imported.json") == 0
    assert pcg("plan", "web", "--out", "plan.json") == 0
    definition["properties"]["policyRule"]["then"]["effect"] = "audit"
    Path("imported.json").write_text(json.dumps(definition))
    assert pcg("import", "imported.json") == 0

    assert "another state" in refusal(capsys, "policies", "apply", "plan.json", "--by", "r", "--tenant", "shop")


def test_a_plan_that_was_edited_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert pcg("plan", "web", "--out", "plan.json") == 0
    plan = json.loads(Path("plan.json").read_text())
    plan["files"]["assignments/shop.json"]["properties"]["notScopes"] = []
    Path("plan.json").write_text(json.dumps(plan))
    Path("other.json").write_text("{}")

    assert "plan was changed" in refusal(capsys, "policies", "apply", "plan.json", "--by", "r", "--tenant", "shop")
    assert "not a plan" in refusal(capsys, "policies", "apply", "other.json", "--by", "r", "--tenant", "shop")


def test_a_version_is_applied_with_one_content_only_and_the_same_bundle_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert apply() == 0
    assert apply() == 0
    assert "nothing to do" in capsys.readouterr().out
    edit("assignments/shop.json", {"notScopes": []}, version="1.0.0")

    assert "Raise the version" in refusal(capsys, "policies", "apply", "web", "--by", "r", "--tenant", "shop")


def test_a_rollback_is_a_revision_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert apply() == 0
    edit("assignments/shop.json", {"notScopes": []})
    assert apply() == 0

    assert pcg("rollback", "1", "--by", "role:platform-lead") == 0

    newest, *_ = revisions = asked(capsys, "policies", "history")["revisions"]
    assert [row["action"] for row in revisions] == ["rolled_back", "applied", "applied"]
    assert (newest["version"], newest["of_revision"]) == ("1.0.0", 1)
    assert "no such revision" in refusal(capsys, "policies", "rollback", "9", "--by", "r", "--tenant", "shop")
    assert pcg("history") == 0
    assert "rolled back to 1" in capsys.readouterr().out


def test_what_is_applied_is_recorded_as_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    assert apply("web", "--commit", "3f2a9c1") == 0
    (revision,) = asked(capsys, "policies", "history")["revisions"]

    assert run(["evidence", "show", revision["evidence_id"], "--tenant", "shop"]) == 0
    entry = json.loads(capsys.readouterr().out)["entry"]

    body = entry["body"]
    assert entry["type"] == "change_record"
    assert (body["state"], body["approver_role"], body["commit"]) == ("applied", "role:platform-lead", "3f2a9c1")
    assert body["details"]["bundle_sha256"] == revision["digest"]
    assert (body["details"]["former_sha256"], body["details"]["added"]) == (None, 2)
    require_body(EventType.CHANGE_RECORD, body)


def test_where_keys_are_trusted_a_bundle_must_be_signed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pcg_sign("policies.key") == 0
    key = capsys.readouterr().out.split("KEY")[1].strip()
    Path("trusted").write_text(f"# who may sign\n\n{key}\n")
    monkeypatch.setenv("PCG_POLICY_KEYS", "trusted")
    order = ("policies", "apply", "web", "--by", "r", "--tenant", "shop")

    assert pcg("plan", "web", "--out", "plan.json") == 0
    Path("web/bundle.sig").unlink()
    assert "bundle is not signed" in refusal(capsys, *order)
    assert pcg_sign("other.key") == 0
    assert "not signed by a trusted key" in refusal(capsys, *order)
    assert pcg_sign("policies.key") == 0
    edit("assignments/shop.json", {"notScopes": []})
    assert "signature is of another bundle" in refusal(capsys, *order)
    assert apply("plan.json") == 0
    (revision,) = asked(capsys, "policies", "history")["revisions"]
    assert revision["signers"] == ["example.com/policies"]


def pcg_sign(key: str) -> int:
    return run(["policies", "sign", "web", "--key", key, "--name", "example.com/policies"])


def test_trusted_keys_that_cannot_be_read_are_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PCG_POLICY_KEYS", "nowhere")
    order = ("policies", "apply", "web", "--by", "r", "--tenant", "shop")

    assert "trusted keys cannot be read" in refusal(capsys, *order)
    Path("nowhere").write_text("# none\n")
    assert "no key is trusted" in refusal(capsys, *order)
    Path("nowhere").write_text("key\n")
    assert "nowhere:1" in refusal(capsys, *order)


@pytest.mark.parametrize("fails_at", range(2))
def test_a_crash_leaves_the_former_policies_or_the_new_ones(
    fails_at: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert apply() == 0
    edit("assignments/shop.json", {"notScopes": []})
    calls = iter(range(9))

    def crashing(path: Path, content: bytes, **more: Any) -> None:
        if next(calls) == fails_at:
            path.with_name(path.name + ".partial-write").write_bytes(content[: len(content) // 2])
            raise OSError(5, "the machine stopped", str(path))
        replace_file(path, content, **more)

    with monkeypatch.context() as patch:
        patch.setattr("actors.policy_ledger.replace_file", crashing)
        assert apply("web", *AS_OF) == 2

    assert [row["version"] for row in asked(capsys, "policies", "history")["revisions"]] == ["1.0.0"]
    document = asked(capsys, "scan", "exports", *AS_OF)
    found = [row["resource_name"] for row in document["violations"] if row["policy_id"] == "storage-https"]
    assert found == ["shopopen"]
    assert apply("web", *AS_OF) == 0
    assert len(asked(capsys, "policies", "history")["revisions"]) == 2


def test_what_if_adds_replaces_and_removes(capsys: pytest.CaptureFixture[str]) -> None:
    assert apply() == 0

    removed = asked(capsys, "policies", "what-if", "--remove", "shop-https")
    assert (removed["closed"], removed["policies"][0]["change"]) == (1, "removed")
    assert pcg("what-if", "--remove", "shop-https", "--exit-code", "--format", "markdown") == 1
    assert "0 violations open, 1 close" in capsys.readouterr().out
    assert "nothing in force has this id" in refusal(
        capsys, "policies", "what-if", "--remove", "gone", "--tenant", "shop"
    )
    assert "nothing to try" in refusal(capsys, "policies", "what-if", "--tenant", "shop")
    Path("bad.json").write_text("[1]")
    assert "not policy documents" in refusal(capsys, "policies", "what-if", "bad.json", "--tenant", "shop")


def test_a_damaged_ledger_is_not_taken_for_an_empty_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert apply() == 0
    folder = Path(".pcg/tenants/shop/policies")
    bundle = next(path for path in folder.iterdir() if path.name != "ledger.json")
    bundle.write_text(bundle.read_text().replace("Deny", "Audit", 1))

    assert run(["policies", "diff", "web", "--tenant", "shop"]) == 4
    assert "applied policies are damaged" in capsys.readouterr().err
    (folder / "ledger.json").write_text("{}")
    assert run(["policies", "history", "--tenant", "shop"]) == 4
