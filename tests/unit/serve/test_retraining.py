"""A retraining over a store whose tenant has lived for months (synthetic): decided, recorded, kept, and shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from actors.evidence_pages import EvidencePage, EvidenceQuery
from actors.model_book import ModelBook
from actors.prediction_desk import PredictionDesk
from assessment.learned import LiveHistory
from domain.errors import InputError
from domain.evidence import EntryId, EvidenceEvent, Receipt
from domain.tenancy import TenantId
from graph.stores.memory import MemoryStore
from serve.bootstrap import folders_of
from serve.render.html.retraining import retraining_html
from serve.retraining import RetrainJob, made_here
from serve.settings import Settings
from tests.unit.serve.lived import ACME, END, START, live
from training.activity import Prior
from training.outcomes import Deed
from training.predictor import features_now, load_predictor, shipped_sha256

FIGURE: Final = {"value": 0.1, "low": 0.05, "high": 0.2}


class Store:
    """A platform of one tenant in memory, and a log that remembers."""

    def __init__(self) -> None:
        self.store, self.recorded = MemoryStore(ACME), list[EvidenceEvent]()

    def learned_from(self, tenant: TenantId, deeds: Sequence[Deed], *, now: datetime) -> LiveHistory:
        return PredictionDesk(lambda: Prior({}), self.store).history(now)

    def evidence_page(self, tenant: TenantId, query: EvidenceQuery) -> EvidencePage:
        return EvidencePage((), None)

    def record_platform(self, events: Sequence[EvidenceEvent]) -> list[Receipt]:
        self.recorded += events
        return [Receipt(one.request_id, "o", EntryId(2026, len(self.recorded)), "", "") for one in events]


@pytest.mark.slow
def test_a_retraining_is_decided_on_ended_weeks_recorded_and_reported(tmp_path: Path) -> None:
    settings, platform = Settings(store_dir=tmp_path), Store()
    live(platform.store)
    job = RetrainJob(platform, settings, END, made_here)
    found: dict[str, Any] = job.run([ACME], None)
    book = ModelBook(folders_of(settings).models, shipped_sha256())
    candidate = next(one for one in book.versions() if one.model == found["candidate"])
    weights = book.weights(candidate)
    assert len(found["weeks_judged"]) == 8
    assert found["tasks"]["T4"]["positives"] >= 30
    assert found["decision"]["action"] in {"promote", "refuse"}
    assert candidate.standing.value == {"promote": "serving", "refuse": "refused"}[found["decision"]["action"]]
    assert all(step.evidence_id for step in candidate.steps)
    assert {str(one.body["subject"]) for one in platform.recorded} >= {f"prediction model {candidate.model}"}
    assert weights is not None
    made = load_predictor(features_now(), weights)
    assert made.reference is not None
    assert made.manifest.learned_until < found["weeks_judged"][0][:10]
    report = Path(found["report"]).read_text()
    assert found["decision"]["reason"] in report
    again: dict[str, Any] = RetrainJob(platform, settings, END + timedelta(hours=1), made_here).run([ACME], weights)
    assert again["decision"]["action"] == "refuse", "weights against themselves, or against what refused them"
    with pytest.raises(InputError):
        RetrainJob(platform, settings, START, made_here).run([ACME], None)


def document(action: str, **tasks: Any) -> dict[str, Any]:
    rate = {"learned": 0.1, "now": FIGURE, "has_changed": None}
    week = {"at": "2026-01-05T00:00:00Z", "rows": 9, "positives": 2, "serving": 0.8, "candidate": None}
    task = {"rows": 9, "positives": 2, "prevented": 0, "unknown": 1, "base_rate": rate, "metrics": "insufficient",
            "by_week": [week]}  # fmt: skip
    return {
        "schema": "policycortex.retraining/1", "as_of": "2026-05-01T00:00:00Z", "tenants": ["<b>acme</b>"],
        "serving": "global@1", "candidate": "", "candidate_sha256": "",
        "decision": {"action": action, "reason": "a <script> of no effect"},
        "watched": {"action": "stay", "reason": "no other model served before it"}, "weeks_learned": [],
        "weeks_judged": ["2026-01-05T00:00:00Z"], "weeks_wanted": 8, "positives_min": 30,
        "overall": {"value": None, "low": None, "high": None},
        "tasks": {name: tasks.get(name, task) for name in ("T2", "T3", "T4")},
        "features": {"reference_at": None, "shifted": []},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("action", "title"),
    [
        ("promote", "Promoted"),
        ("ask for approval", "Waiting for approval"),
        ("refuse", "Refused"),
        ("fall back", "Fallen back"),
    ],
)
def test_a_report_without_anything_to_compare_says_so_and_runs_no_script(action: str, title: str) -> None:
    found = retraining_html(document(action), version="1")
    assert f"<h1>{title}</h1>" in found
    assert "<script>" not in found
    assert "&lt;b&gt;acme" in found
    assert "Insufficient: 2 came true" in found
    assert "default-src 'none'" in found


def test_what_is_certainly_better_and_worse_is_said_in_words() -> None:
    metric = {"serving": FIGURE, "candidate": FIGURE, "difference": FIGURE, "lower_is_better": False}
    part = document("promote")["tasks"]["T2"]
    part = {**part, "metrics": {name: metric for name in ("auroc", "ap", "recall_at_fpr5", "brier_skill")}}
    part["metrics"]["ece"] = {**metric, "lower_is_better": True}
    found = retraining_html({**document("promote", T2=part), "overall": FIGURE}, version="1")
    assert found.count("&#9650; better") == 4
    assert found.count("&#9660; worse") == 1
    assert "mean, which decides" in found
