"""Evidence of a scan."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import orjson
import pytest

from assessment.events import evidence_events
from assessment.scan import assess
from domain.evidence import EventType, EvidenceEvent
from domain.evidence_schema import require_body
from domain.inventory import FileReport, Gap, RecordClass
from domain.resource import Origin
from domain.value import Json
from tests.unit.assessment.estate import AS_OF, TENANT, azure, chosen, inputs, pack_policies, registry, waiver
from tests.unit.assessment.test_document import full_inputs

ADMIN = "pcg-azure-acr-admin-user"


def events(**more: object) -> list[EvidenceEvent]:
    items = [registry("a", admin=True), registry("b", admin=True), registry("c", admin=False)]
    given = inputs(items, chosen(ADMIN), **{"exemptions": [waiver("ex-1", ADMIN, items[1])], **more})
    return evidence_events(assess(given), TENANT, "scan-1")


def of(found: list[EvidenceEvent], kind: EventType) -> list[EvidenceEvent]:
    return [event for event in found if event.type is kind]


def lines(event: EvidenceEvent, name: str) -> list[Json]:
    return [orjson.loads(line) for line in event.artifacts[name].content.splitlines()]


def leaves(value: Json) -> Iterator[Json]:
    if isinstance(value, dict):
        for key, child in value.items():
            assert key.isascii()
            yield from leaves(child)
    elif isinstance(value, list):
        for child in value:
            yield from leaves(child)
    else:
        yield value


def test_every_body_of_a_scan_is_as_its_type_must_be() -> None:
    report = FileReport("export.json", "json", 3, ((RecordClass.RESOURCE, 3),), 3, ())
    found = [*events(files=[report]), *evidence_events(assess(full_inputs()), TENANT, "scan-2")]
    assert len({event.type for event in found}) == 4
    for event in found:
        require_body(event.type, dict(event.body))


def test_each_policy_leaves_its_verdicts_and_the_rest_is_compliant() -> None:
    (event,) = of(events(), EventType.POLICY_EVALUATED)

    body = event.body
    assert (body["compliant"], body["violations"], body["exempt"], body["unknown"]) == (1, 1, 1, 0)
    verdicts = lines(event, "verdicts")
    assert [line[1] for line in verdicts if isinstance(line, list)] == ["violation", "exempt"]


def test_the_summary_lists_everything_that_was_judged() -> None:
    (event,) = of(events(), EventType.COMPLIANCE_CHECKED)

    assert (event.body["resources"], event.body["exemptions"]) == (3, ["ex-1"])
    assert len(lines(event, "resources")) == 3
    assert lines(event, "policies")[0][:2] == [ADMIN, "ran"]  # type: ignore[index]


def test_each_file_is_recorded_by_its_last_name_with_the_digest_of_what_it_gave() -> None:
    path = "/home/somebody/export.json"
    gap = Gap(Origin(path, 3), "x" * 400)
    report = FileReport(path, "json", 4, ((RecordClass.RESOURCE, 3), (RecordClass.GAP, 1)), 3, (gap,))

    (event,) = of(events(files=[report]), EventType.EVIDENCE_COLLECTED)

    assert (event.body["file"], event.body["gaps"]) == ("export.json", 1)
    assert "somebody" not in orjson.dumps(event.body).decode()
    reasons = event.body["gap_reasons"]
    assert isinstance(reasons, list)
    assert len(str(reasons[0])) == 300


def test_predictions_are_recorded_by_source() -> None:
    found = of(evidence_events(assess(full_inputs()), TENANT, "s"), EventType.PREDICTION_GENERATED)

    assert [(event.body["source"], event.body["count"]) for event in found] == [("date", 2), ("heuristic", 6)]
    assert len(lines(found[0], "predictions")) == 2


def test_bodies_hold_no_floats_no_owners_and_fit_an_entry() -> None:
    for event in evidence_events(assess(full_inputs()), TENANT, "scan-1"):
        body = orjson.dumps(dict(event.body))
        assert len(body) < 60_000
        assert b"platform" not in body
        assert not any(isinstance(leaf, float) for leaf in leaves(dict(event.body)))


def test_many_resources_do_not_make_an_entry_larger() -> None:
    items = [registry(f"r{n}", admin=True) for n in range(2_000)]
    found = evidence_events(assess(inputs(items, pack_policies())), TENANT, "scan-1")

    assert max(len(orjson.dumps(dict(event.body))) for event in found) < 8_000


def test_the_same_scan_again_is_the_same_events_and_another_time_is_not() -> None:
    first, again = events(), events()
    later = events(as_of=AS_OF + timedelta(seconds=1))

    assert [event.request_id for event in first] == [event.request_id for event in again]
    assert not {event.request_id for event in first} & {event.request_id for event in later}
    assert len({event.request_id for event in first}) == len(first)


@pytest.mark.parametrize("change", ["item", "filter", "exemption", "policy"])
def test_any_other_input_is_another_scan(change: str) -> None:
    items = [registry("a", admin=True)]
    base = assess(inputs(items, chosen(ADMIN))).input_digest
    other = {
        "item": inputs([azure("Microsoft.ContainerRegistry/registries", "a", {}, digest="f" * 64)], chosen(ADMIN)),
        "filter": inputs(items, chosen(ADMIN), type="x"),
        "exemption": inputs(items, chosen(ADMIN), exemptions=[waiver("ex", "p", None)]),
        "policy": inputs(items, ()),
    }[change]

    assert assess(other).input_digest != base
