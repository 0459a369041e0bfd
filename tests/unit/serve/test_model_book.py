"""Versions of the model on a platform: kept, recorded in the platform's log, and served at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from actors.folders import Folders
from actors.model_book import ModelBook, Move
from domain.errors import ConflictError, IntegrityError, NotFound
from domain.evidence import EventType, EvidenceEvent
from domain.evidence_schema import require_body
from domain.tenancy import PLATFORM
from serve.bootstrap import folders_of, local_platform
from serve.platform import Platform
from serve.predictions import Predictions
from serve.settings import Settings
from tests.unit.serve.api_fixture import FixedClock
from training.predictor import as_arrays, shipped_predictor, shipped_sha256
from training.promotion import Standing, Trigger
from training.versions import SHIPPED, Version, serving
from training.weights import write_weights

AT = datetime(2026, 3, 2, tzinfo=UTC)


class Log:
    """Remembers what was recorded; fails when told to."""

    def __init__(self) -> None:
        self.events: list[EvidenceEvent] = []
        self.fails = False

    def __call__(self, event: EvidenceEvent) -> str:
        if self.fails:
            raise ConflictError("no")
        self.events.append(event)
        return f"2026-{len(self.events)}"


def move(model: str, trigger: Trigger) -> Move:
    return Move(model, trigger, AT, "role:gate", "measured")


def book(folder: Path, *names: str) -> ModelBook:
    found = ModelBook(folder / "models", "s" * 64)
    for name in names:
        found.enter(Version(name, f"{name}.npz", name * 64, Standing.CANDIDATE))
    return found


def test_each_step_is_recorded_once_as_a_change_of_the_platform(tmp_path: Path) -> None:
    kept, log = book(tmp_path, "a"), Log()
    kept.move(move("a", Trigger.PROMOTE), log)
    kept.move(move("a", Trigger.FALL_BACK), log)
    assert [event.body["change"] for event in log.events] == [
        "succeed shipped", "promote a", "return shipped", "fall back a"
    ]  # fmt: skip
    assert len({event.request_id for event in log.events}) == 4
    for event in log.events:
        assert (event.tenant, event.type) == (PLATFORM, EventType.CHANGE_RECORD)
        require_body(event.type, dict(event.body))
    steps = [step for one in kept.versions() for step in one.steps]
    assert all(step.evidence_id for step in steps)
    assert serving(kept.versions()).model == SHIPPED


def test_a_step_whose_recording_failed_is_recorded_with_the_next_one(tmp_path: Path) -> None:
    kept, log = book(tmp_path, "a"), Log()
    log.fails = True
    with pytest.raises(ConflictError):
        kept.move(move("a", Trigger.ASK), log)
    log.fails = False
    assert kept.versions()[1].standing is Standing.WAITING, "what was decided is kept"
    kept.move(move("a", Trigger.APPROVE), log)
    assert [event.body["change"] for event in log.events] == ["succeed shipped", "ask a", "approve a"]


def test_a_new_store_serves_what_comes_with_the_product(tmp_path: Path) -> None:
    kept = book(tmp_path)
    assert (kept.served(), kept.revision()) == (None, 0)
    with pytest.raises(NotFound):
        kept.move(move("none", Trigger.PROMOTE), Log())


def test_a_damaged_book_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    kept = book(tmp_path, "a")
    (tmp_path / "models" / "versions.json").write_bytes(orjson.dumps({"versions": [{"model": "a"}]}))
    with pytest.raises(IntegrityError):
        kept.versions()


@contextmanager
def predicting(folder: Path) -> Iterator[tuple[Predictions, Platform, Folders]]:
    settings = Settings(store_dir=folder)
    with local_platform(settings) as platform:
        yield Predictions(platform, folders_of(settings), FixedClock()), platform, folders_of(settings)


def test_a_promoted_model_answers_at_once_and_so_does_the_one_before_it(tmp_path: Path) -> None:
    with predicting(tmp_path) as (predictions, _, folders):
        before = str(predictions.figures()["arms"])
        kept = ModelBook(folders.models, shipped_sha256())
        shipped = shipped_predictor()
        told = write_weights(folders.models / "b.npz", as_arrays(shipped), replace(shipped.manifest, name="better"))
        kept.enter(Version("better", "b.npz", told.sha256, Standing.CANDIDATE))
        predictions.move(Move("better", Trigger.PROMOTE, AT, "role:gate", "measured"))
        assert "better@" in str(predictions.figures()["arms"])
        found = predictions.versions()
        assert found["serving"] == "better"
        predictions.move(Move("better", Trigger.FALL_BACK, AT, "role:gate", "worse"))
        assert str(predictions.figures()["arms"]) == before
        assert [one["model"] for one in found["versions"]] == [SHIPPED, "better"]  # type: ignore[index,union-attr,call-overload]
