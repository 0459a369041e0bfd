"""`pcg witness` over a store of its own and witnesses on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.folders import DEFAULT_TENANT, Folders
from chain.batch import EntryBatch
from chain.note import parse_verifier_key
from chain.trust import load_policy
from chain.verify import verify_directory
from chain.writer import EvidenceWriter
from serve.cli.errors import run
from tests.unit.chain.samples import Wrist, event
from tests.unit.chain.witnesses import cosigners, serving, witness_of


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The published folder of a small store in the working folder."""
    monkeypatch.chdir(tmp_path)
    folders = Folders(Path(".pcg"))
    with EvidenceWriter(
        folders.chain, folders.evidence_of, origin_prefix=folders.origin_prefix, clock=Wrist()
    ) as writer:
        writer.append(EntryBatch.encode([event("e", tenant=DEFAULT_TENANT)]))
        writer.publish(DEFAULT_TENANT)
    return folders.evidence_of(DEFAULT_TENANT) / "2026"


def write_policy(folder: Path, *lines: str) -> Path:
    logs = [f"log {line}" for line in (folder / "verifier_keys").read_text().splitlines()[:2]]
    path = Path("policy.txt")
    path.write_text("".join(f"{line}\n" for line in (*logs, *lines)))
    return path


def test_a_store_is_cosigned_and_verifies_under_the_same_policy(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = parse_verifier_key((folder / "verifier_keys").read_text().splitlines()[0])
    with witness_of(tmp_path / "w", key) as witness, serving(witness) as url:
        path = write_policy(folder, f"witness w {witness.key_texts[0]} {url}", "quorum w")
        assert run(["witness", "--policy", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == [f"COSIGNED  {key.name}, 2 entries", "  by        w"]
    assert verify_directory(folder, policy=load_policy(path)).ok


def test_too_few_cosignatures_end_with_one_and_say_who_is_missing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_policy(folder, f"witness w {cosigners(tmp_path / 'w')[0].key.text} http://127.0.0.1:9", "quorum w")
    assert run(["witness", "--policy", str(path), "--deadline", "1"]) == 1
    out = capsys.readouterr().out
    assert "NOT ENOUGH COSIGNATURES" in out
    assert "by        nobody" in out
    assert "not by    w: witness does not answer" in out
