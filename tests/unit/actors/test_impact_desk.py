"""Questions about failures asked of a shard, and the bill that outlives a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from actors.folders import Folders
from actors.kept_bill import KeptBill
from actors.messages import ScanRequest
from actors.tenant_shard import TenantShard
from assessment.blast import Blast, Score
from assessment.deletion import Removal
from assessment.dependencies import Dependencies
from assessment.drawing import View
from connectors.files import read_inputs
from domain.errors import IntegrityError, NotFound
from domain.tenancy import TenantId
from graph.stores.duckdb import DuckDbStore
from tests.unit.actors.test_tenant_shard import ACCOUNT, ACME, GLOBEX, NOW, export
from tests.unit.cost.rows import frame, row


@pytest.fixture
def shard(tmp_path: Path) -> Iterator[TenantShard]:
    opened = TenantShard(Folders(tmp_path / "store"), DuckDbStore)
    yield opened
    opened.close()


def ingest(shard: TenantShard, folder: Path, tenant: TenantId = ACME, **properties: object) -> None:
    export(folder, **properties)
    paths = (str(folder / "exports"),)
    shard.ingest(tenant, "t", ScanRequest(tenant, paths, NOW), read_inputs(paths, tenant=tenant))


def test_every_question_is_answered_of_the_tenants_own_graph(shard: TenantShard, tmp_path: Path) -> None:
    ingest(shard, tmp_path, color="red")
    for question in (Blast(ACCOUNT), Score(ACCOUNT), Removal((ACCOUNT,)), Dependencies(ACCOUNT)):
        assert shard.impact(ACME, question, as_of=NOW)["as_of"] == "2026-01-15T00:00:00Z"
        with pytest.raises(NotFound):
            shard.impact(GLOBEX, question, as_of=NOW)
    assert shard.impact(ACME, View(), as_of=NOW)["resources"] == 1
    assert shard.impact(GLOBEX, View(), as_of=NOW)["resources"] == 0


def test_an_answer_is_of_the_graph_as_it_is_now(shard: TenantShard, tmp_path: Path) -> None:
    assert shard.impact(ACME, View(), as_of=NOW)["resources"] == 0
    ingest(shard, tmp_path, color="red")
    assert shard.impact(ACME, View(), as_of=NOW)["resources"] == 1


def test_a_bill_is_loaded_as_it_was_kept(tmp_path: Path) -> None:
    frames = [frame(row(ResourceId="a")), frame(row(ResourceId="b"), row(ResourceId="c"))]
    kept = KeptBill(tmp_path)
    assert kept.load() == ()
    kept.save(frames)
    loaded = KeptBill(tmp_path).load()
    assert [part.equals(whole) for part, whole in zip(loaded, frames, strict=True)] == [True, True]
    assert isinstance(loaded[0], pl.DataFrame)


def test_a_damaged_bill_is_told_and_not_taken_for_none(tmp_path: Path) -> None:
    KeptBill(tmp_path).save([frame(row())])
    next(tmp_path.glob("*.parquet")).write_bytes(b"PAR1 and nothing more")
    with pytest.raises(IntegrityError):
        KeptBill(tmp_path).load()
