"""Evidence in object stores instead of folders: published, served, verified, and taken over after a failed write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from actors.evidence_chain import EvidenceChain
from actors.evidence_place import EvidencePlace, open_at
from actors.folders import Folders
from chain.batch import EntryBatch
from chain.object_journal import ObjectJournal
from chain.storage.files import FileStore
from domain.errors import InputError, NotFound, UnavailableError
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import TenantId
from serve.log_files import published_file
from tests.unit.actors.anchor_world import SetClock

ACME = TenantId("acme")
START = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(
        tmp_path / "store", evidence_url=f"file://{tmp_path}/bucket", journal_url=f"file://{tmp_path}/journal"
    )


@pytest.fixture
def chain(folders: Folders) -> Iterator[EvidenceChain]:
    made = EvidenceChain(folders, SetClock(START))
    yield made
    made.close()


def record(chain: EvidenceChain, name: str) -> None:
    event = EvidenceEvent(ACME, name, EventType.EVIDENCE_COLLECTED, START, {"n": 1})
    chain.append(EntryBatch.encode([event]))


def test_evidence_is_published_to_a_store_verified_and_served(chain: EvidenceChain, folders: Folders) -> None:
    record(chain, "a")
    published = chain.publish(ACME)
    assert published.location.endswith("/bucket/acme")
    assert chain.verify(ACME).ok
    place = EvidencePlace(folders)
    found = published_file(place, folders, ACME, "policycortex.local/acme/2026/checkpoint")
    assert found.content.decode() == published.head.checkpoint
    for path in ("policycortex.local/acme/2025/checkpoint", "policycortex.local/globex/2026/checkpoint"):
        with pytest.raises(NotFound):
            published_file(place, folders, ACME, path)
    with place.folder(ACME) as copy:
        assert [path.name for path in copy.iterdir()] == ["2026"]
    assert not copy.exists()


def test_a_tenant_without_published_evidence_has_no_folder(folders: Folders) -> None:
    with pytest.raises(NotFound), EvidencePlace(folders).folder(ACME):
        pass


def test_a_write_whose_end_is_not_known_opens_the_journal_again(
    chain: EvidenceChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(chain, "a")

    def lose(*_: object, **__: object) -> None:
        raise UnavailableError("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(FileStore, "put_new", lose)
        with pytest.raises(UnavailableError):
            record(chain, "b")
    record(chain, "b")
    record(chain, "a")
    assert chain.heads(ACME)[0].recorded == 2


def test_the_journal_is_read_from_its_store_after_a_restart(chain: EvidenceChain, folders: Folders) -> None:
    record(chain, "a")
    again = EvidenceChain(folders, SetClock(START))
    assert again.heads(ACME)[0].recorded == 1
    assert isinstance(EvidencePlace(folders).journal(), ObjectJournal)
    again.close()


def test_years_in_a_store_end_as_in_a_folder(folders: Folders) -> None:
    clock = SetClock(START)
    chain = EvidenceChain(folders, clock)
    record(chain, "a")
    chain.publish(ACME)
    clock.at = START.replace(year=2034)
    report = chain.expire()
    assert {ending.year for ending in report.endings if ending.is_over} == {2026}
    chain.publish(ACME)
    assert chain.verify(ACME).ok
    assert {item.name.split("/")[0] for item in EvidencePlace(folders).store_of(ACME).listing()} == {"2034"}
    chain.close()


@pytest.mark.parametrize("text", ["region = ", "port = 5\n"])
def test_options_that_are_no_texts_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "options.toml").write_text(text)
    with pytest.raises(InputError):
        open_at("s3://bucket", tmp_path / "options.toml")


def test_options_are_given_to_the_store(tmp_path: Path) -> None:
    (tmp_path / "options.toml").write_text('region = "eu-central-1"\nendpoint = "http://127.0.0.1:9"\n')
    assert open_at("s3://bucket/folder", tmp_path / "options.toml").location.startswith("s3://bucket/folder")
