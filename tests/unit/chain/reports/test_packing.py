"""A pack is a function of its request up to the signatures, and reaches around its window."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.cosignature import parse_cosigner_key
from chain.pack import OSCAL, XBRL
from chain.pack_archive import write_archive
from chain.pack_check import verify_pack
from chain.reports import packing
from chain.reports.evidence import collect_evidence, policy_text
from chain.reports.packing import build_pack, draft_pack, sign_pack
from chain.reports.source import part_of
from chain.reports.xbrl import CONCEPTS, NAMESPACE, taxonomy
from chain.signer import FileSigner
from chain.tree_hash import Twin
from domain.errors import InputError, IntegrityError
from tests.unit.chain.packs import (
    DAY,
    FIRST,
    check,
    pack_request,
    record_scans,
    small_pack,
    small_request,
)
from tests.unit.chain.reports.samples import signer
from tests.unit.chain.samples import ACME, Wrist, open_store


def test_the_same_request_gives_the_same_bytes_before_signing() -> None:
    first, second = draft_pack(small_request()), draft_pack(small_request())
    assert dict(first.files) == dict(second.files)
    assert list(first.files) == list(second.files)


def test_a_built_pack_verifies_as_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    path.write_bytes(build_pack(small_request(), signer()))
    assert verify_pack(path).ok


@pytest.mark.parametrize(
    ("opens", "closes", "start", "end"),
    [
        (-1.0, 0.5, 0, 8),
        (0.0, 0.5, 3, 8),
        (0.5, 1.0, 3, 8),
        (0.5, 1.5, 3, 12),
        (1.0, 1.5, 7, 12),
        (1.5, 1.75, 7, 12),
        (2.0, 2.5, 11, 12),
        (2.5, 2.75, 11, 12),
    ],
)
def test_the_part_reaches_from_the_last_block_before_to_the_first_behind_the_window(
    opens: float, closes: float, start: int, end: int
) -> None:
    request = replace(small_request(), opens=FIRST + DAY * opens, closes=FIRST + DAY * closes)
    part = collect_evidence(request).manifest.logs[0]
    assert (part.start, part.end, part.size) == (start, end, 12)
    assert check(sign_pack(draft_pack(request), signer())).ok


class Blocks:
    """A log of nothing but headers and fillers, to search in."""

    origin = "example.org/log"

    def __init__(self, times: list[int], gaps: list[int]) -> None:
        self.entries: list[bytes] = []
        self.blocks: list[tuple[int, int]] = []
        for seconds, gap in zip(times, gaps, strict=True):
            self.entries += [b'{"type":"other"}'] * gap
            self.blocks.append((len(self.entries), seconds))
            self.entries.append(_block(len(self.entries), seconds))
        self.size = len(self.entries)

    def entry(self, index: int) -> bytes:
        return self.entries[index]


def _block(size: int, seconds: int) -> bytes:
    stamp = (FIRST + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    roots = {"prev": "0" * 64, "root_sha256": "0" * 64, "root_sha3_256": "0" * 64}
    body = {"height": 0, "size": size, "ts": stamp, **roots}
    fields = {"v": 1, "tenant": "t", "request_id": "b", "at": stamp, "artifacts": {}, "body": body}
    return json.dumps({**fields, "type": "BlockSealed"}, separators=(",", ":")).encode()


@settings(max_examples=60)
@given(st.data())
def test_bisection_finds_the_same_blocks_as_looking_at_all_of_them(data: st.DataObject) -> None:
    times = sorted(data.draw(st.lists(st.integers(0, 20), min_size=1, max_size=8)))
    gaps = data.draw(st.lists(st.integers(0, 3), min_size=len(times), max_size=len(times)))
    log: Any = Blocks(times, gaps)
    opens, closes = sorted(data.draw(st.tuples(st.integers(0, 21), st.integers(0, 21))))
    source = log_source_of(log)
    part = part_of(source, log, FIRST + timedelta(seconds=opens), FIRST + timedelta(seconds=closes))
    assert part.start == max([index for index, at in log.blocks if at <= opens], default=0)
    assert part.end == min([index + 1 for index, at in log.blocks if at >= closes], default=log.size)


def log_source_of(log: Any) -> Any:
    return replace(small_request().logs[0], reader=log)


def test_an_empty_log_cannot_be_reported_on() -> None:
    log: Any = Blocks([], [])
    with pytest.raises(InputError, match="no entries"):
        part_of(log_source_of(log), log, FIRST, FIRST + DAY)


@pytest.mark.parametrize(("opens", "closes"), [(1, 1), (2, 1), (1, 9)])
def test_a_window_that_is_none_or_in_the_future_is_refused(opens: int, closes: int) -> None:
    with pytest.raises(InputError, match="not an audit window"):
        replace(small_request(), opens=FIRST + DAY * opens, closes=FIRST + DAY * closes)
    with pytest.raises(InputError, match="no log"):
        replace(small_request(), logs=())


def test_a_window_over_new_year_holds_both_years_and_their_seam(tmp_path: Path) -> None:
    clock = Wrist(datetime(2026, 12, 30, 12, tzinfo=UTC))
    with open_store(tmp_path, clock) as writer:
        record_scans(writer, [clock.time, clock.time + DAY, clock.time + 2 * DAY, clock.time + 3 * DAY], clock)
        shards = sorted(writer.shards(ACME), key=lambda shard: shard.year)
        opens = datetime(2026, 12, 30, 13, tzinfo=UTC)
        request = pack_request(tmp_path, shards, opens=opens, closes=opens + 2 * DAY, made_at=opens + 9 * DAY)
        files = sign_pack(draft_pack(request), signer())
        report = check(files)
        assert report.ok, report.findings
        assert [log.part.folder for log in report.logs] == ["log/2026", "log/2027"]
        alone = replace(request, logs=request.logs[1:])
        with pytest.raises(IntegrityError, match="does not verify"):
            sign_pack(draft_pack(alone), signer())
        turned = replace(request, logs=request.logs[::-1])
        with pytest.raises(IntegrityError, match="does not verify"):
            sign_pack(draft_pack(turned), signer())


def test_an_earlier_signed_checkpoint_is_shown_to_be_the_beginning_of_the_log(tmp_path: Path) -> None:
    clock = Wrist(FIRST)
    with open_store(tmp_path, clock) as writer:
        record_scans(writer, [FIRST], clock)
        earlier = writer.shard(ACME).head()
        record_scans(writer, [FIRST + DAY], clock)
        request = pack_request(tmp_path, [writer.shard(ACME)])
        notes = Twin(earlier.checkpoint, earlier.checkpoint_sha3)
        source = replace(request.logs[0], start_checkpoints=notes)
        files = sign_pack(draft_pack(replace(request, logs=(source,))), signer())
        assert check(files).ok
        wrong = {**files, "log/2026/start-checkpoint-sha3": files["log/2026/checkpoint-sha3"]}
        assert {item.field for item in check(wrong).findings} >= {"tree size", "start_checkpoint"}
        broken = {**files, "log/2026/start-checkpoint": b"nonsense"}
        assert {item.field for item in check(broken).findings} >= {"signed note"}


def test_entries_are_highlighted_as_asked_and_must_be_there() -> None:
    evidence = collect_evidence(replace(small_request(), highlighted=("2026-4",)))
    assert [name for name in evidence.files if "proofs/" in name] == [
        "log/2026/proofs/4.tlog-proof",
        "log/2026/proofs/4.sha3.tlog-proof",
    ]
    for name in ("2026-1", "2026-99", "2025-4", "nonsense"):
        with pytest.raises(InputError, match="no such entry"):
            collect_evidence(replace(small_request(), highlighted=(name,)))


def test_artifacts_that_do_not_fit_or_are_gone_are_left_out_and_counted() -> None:
    for request in (
        replace(small_request(), artifacts_size_bytes_max=30),
        replace(small_request(), artifacts=lambda sha256: None),
    ):
        evidence = collect_evidence(request)
        held = sum(name.startswith("artifacts/") for name in evidence.files)
        assert held + len(evidence.left_out) == 2
        assert evidence.left_out
        assert check(sign_pack(draft_pack(request), signer())).left_out == len(evidence.left_out)


def test_the_policy_names_witnesses_that_the_maker_knows(tmp_path: Path) -> None:
    key = parse_cosigner_key(FileSigner(tmp_path / "w", name="witness.example").key.text)
    text = policy_text([replace(small_request().logs[0], witnesses=(key,))])
    assert f"witness witness.example {key.text}" in text


def test_a_pack_that_says_something_else_of_itself_the_second_time_is_not_given_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = iter("ab")
    monkeypatch.setattr(packing, "format_pack", lambda report: next(words))
    with pytest.raises(IntegrityError, match="something else of itself"):
        sign_pack(draft_pack(small_request()), signer())


def test_the_xbrl_instance_reports_every_concept() -> None:
    root = ElementTree.fromstring(small_pack()[XBRL])
    named = {
        element.tag.removeprefix(f"{{{NAMESPACE}}}") for element in root if element.tag.startswith(f"{{{NAMESPACE}}}")
    }
    assert named == {concept.name for concept in CONCEPTS}
    assert all(concept.is_count == (concept.type == "nonNegativeIntegerItemType") for concept in CONCEPTS)
    for content in taxonomy().values():
        ElementTree.fromstring(content)


def test_oscal_findings_are_those_that_entries_decide() -> None:
    document = json.loads(small_pack()[OSCAL])["assessment-results"]
    result = document["results"][0]
    assert [finding["target"]["status"]["state"] for finding in result["findings"]] == ["not-satisfied"]
    assert "No assessment plan exists" in document["import-ap"]["remarks"]
    assert "line 3 of log/2026/entries.jsonl" in result["observations"][0]["relevant-evidence"][0]["description"]


def test_oscal_names_controls_that_are_not_decided_and_has_no_finding_for_them(tmp_path: Path) -> None:
    from chain.reports.oscal import assessment_results  # noqa: PLC0415

    evidence = collect_evidence(small_request())
    summary = evidence.summary
    undecided = tuple(replace(summary.controls[0], control=f"{number}", state="unknown") for number in range(60))
    numbered = replace(summary.controls[0], framework="27001", state="met")
    for controls in (undecided, (), (*undecided, numbered)):
        changed = replace(evidence, summary=replace(summary, controls=controls))
        result = json.loads(assessment_results(changed))["assessment-results"]["results"][0]
        assert len(result.get("findings", [])) == sum(control.state == "met" for control in controls)
        assert ("and 10 more" in result["description"]) == bool(controls)
    assert result["findings"][0]["target"]["target-id"] == "_27001_1.1"


def test_a_zip_of_a_pack_is_the_same_for_the_same_files() -> None:
    files: Mapping[str, bytes] = small_pack()
    assert write_archive(files) == write_archive(dict(reversed(list(files.items()))))


@pytest.mark.parametrize(("name", "is_there"), [(None, True), ("OTHER", False)])
def test_a_framework_leaves_evidence_and_statement_complete_and_filters_the_reports(
    name: str | None, is_there: bool
) -> None:
    whole = draft_pack(small_request())
    own = whole.evidence.summary.controls[0].framework
    found = draft_pack(replace(small_request(), framework=name or own.lower()))
    assert found.evidence.summary == whole.evidence.summary
    assert [path for path in whole.files if whole.files[path] != found.files[path] and path.startswith("log/")] == []
    (result,) = json.loads(found.files[OSCAL])["assessment-results"]["results"]
    shown = {finding["title"].split()[0] for finding in result.get("findings", [])}
    assert shown == ({own} if is_there else set())
    assert check(sign_pack(found, signer())).ok
