"""The summary on a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from serve.render.terminal import Timings, summary
from tests.unit.serve.scan_documents import empty_document, full_document, prediction, violation

VERIFY = "pcg verify .pcg/evidence/demo"


def text(document: dict[str, Any], width: int | None = 100) -> str:
    timings = Timings(read_s=1.9, judge_s=0.4)
    lines = summary(document, version="0.1.0", timings=timings, width=width, verify=VERIFY)
    return "\n".join(line.plain for line in lines)


def test_the_answer_comes_in_the_order_now_next_blast_money_proof() -> None:
    shown = text(full_document())
    heads = ["READ", "POLICIES", "NOW", "NEXT 7 DAYS", "BLAST RADIUS", "MONEY", "PROOF"]
    places = [shown.index(f"\n{head}") for head in heads]
    assert places == sorted(places)


@pytest.mark.parametrize("document", [full_document(), empty_document()])
@pytest.mark.parametrize("width", [60, 72, 80, 100, 160])
def test_no_line_is_wider_than_the_terminal(document: dict[str, Any], width: int) -> None:
    assert max(map(len, text(document, width).splitlines())) <= width


def test_gaps_are_counted_by_file_and_the_first_of_each_is_shown() -> None:
    document = full_document()
    gaps = [{"path": f"in/f{n % 5}", "line": n, "reason": "broken", "todo": "mend it"} for n in range(40)]
    document["gaps"] = gaps
    assert "8 gaps  f0:0" not in text(document)
    assert "8 gaps  f1:1  broken  mend it" in text(document)
    assert "40 gaps in all, 16 more in 2 files" in text(document)


def test_a_pipe_gets_whole_ids_and_every_file_with_gaps() -> None:
    document = full_document()
    document["gaps"] = [{"path": f"file-{n}", "line": n, "reason": "broken", "todo": "mend it"} for n in range(9)]
    shown = text(document, None)
    assert "sg-0f3b5c77a91d2e9a1" in shown
    assert "a1" * 32 in shown
    assert "file-8:8" in shown


def test_a_terminal_shortens_ids_in_the_middle() -> None:
    assert "sha256 a1a1a1…a1a1a1" in text(full_document())


def test_synthetic_estates_are_labelled() -> None:
    assert "synthetic estate" in text(full_document())
    assert "synthetic" not in text(empty_document())


def test_one_policy_does_not_hide_the_others() -> None:
    document = full_document()
    document["violations"] = [violation(n, severity="critical") for n in range(40)] + [
        violation(50, policy_id="other", title="Backup is off", severity="low")
    ]
    shown = text(document)
    assert shown.count("Public blob access is on    ") <= 2
    assert "Backup is off" in shown


def test_what_is_left_out_is_said_with_the_command_that_shows_it() -> None:
    assert "7 more: pcg violations" in text(full_document())


def test_predictions_of_one_day_and_policy_are_one_line() -> None:
    shown = text(full_document())
    assert "Wed 25 Nov  date       kv-prod-web-tls  Certificate expires" in shown
    assert "9 resources" in shown


def test_a_ranked_prediction_never_shows_a_probability() -> None:
    assert "score 0.62" in text(full_document())


def test_a_learned_prediction_shows_its_interval() -> None:
    document = full_document()
    document["predictions"] = [
        prediction("nsg", date=None, source="learned", probability=0.62, interval={"low": 0.55, "high": 0.7})
    ]
    assert "62 % (55\N{EN DASH}70 %)" in text(document, 160)


def test_nothing_found_is_never_called_compliant() -> None:
    shown = text(empty_document())
    assert "No violation was found in what could be read and decided" in shown
    assert "not known: scan FOCUS billing exports too" in shown
    assert "no evidence was recorded" in shown


def test_filters_are_named_under_the_title() -> None:
    document = full_document()
    document["filters"] = {"scope": "/subscriptions/1", "type": None}
    assert "Only scope /subscriptions/1" in text(document)
