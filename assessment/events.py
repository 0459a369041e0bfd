"""A scan as evidence: what was read, what every policy decided, what was predicted, and the sum of it.

Entries hold digests, counts, policies and times. What names resources lies in artifacts that the entries name by
digest, because a resource's id can name a person: an artifact can be erased, and the proofs of its entry still hold.
For the same reason a file is recorded by its last name, not by its path, and an exemption by its id, not its owner.

`resources` lists everything judged as lines `[id, type, digest]`. A policy's artifact lists lines `[id, verdict]` for
what is not compliant; the rest of the resources it selected, whose number the entry states, are compliant.

A request id is made of the tenant, `as_of`, the digest of the inputs and the place of the event, so a scan that is run
again over equal inputs for the same time is the same event and is recorded once. The same inputs judged for another
time are another event, because a verdict with a date in it can differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import Final

import numpy as np
import orjson

from assessment.digest import items_digest
from assessment.evaluation import Outcome
from assessment.inputs import PolicyState
from assessment.money import amount_text
from assessment.result import Assessment, PolicyResult
from domain.clock import format_instant
from domain.evidence import Artifact, EventType, EvidenceEvent
from domain.finding import Verdict
from domain.inventory import FileReport
from domain.prediction import Prediction, PredictionSource
from domain.tenancy import TenantId
from domain.value import Json

NDJSON: Final = "application/x-ndjson"
REASONS_MAX: Final = 20
EXEMPTIONS_MAX: Final = 500
_JUDGED: Final = frozenset({PolicyState.RAN, PolicyState.UNKNOWN})
_WORDS: Final = {Verdict.VIOLATION: "violation", Verdict.UNKNOWN: "unknown"}
EXEMPT: Final = "exempt"


def evidence_events(assessment: Assessment, tenant: TenantId, scan_id: str) -> list[EvidenceEvent]:
    """The events of one scan, in the order in which they are recorded."""
    record = _Recorder(assessment, tenant, scan_id)
    return [
        *(record.file(place, report) for place, report in enumerate(assessment.inputs.files)),
        *(record.policy(index) for index, result in enumerate(assessment.results) if result.state in _JUDGED),
        *record.predictions(),
        record.summary(),
    ]


class _Recorder:
    """Builds the events of one scan."""

    def __init__(self, assessment: Assessment, tenant: TenantId, scan_id: str) -> None:
        self._assessment = assessment
        self._tenant = tenant
        self._scan_id = scan_id
        self._as_of = format_instant(assessment.inputs.as_of)
        self._exempt = _by_policy(assessment)

    def file(self, place: int, report: FileReport) -> EvidenceEvent:
        """What one input file came to."""
        taken = [item for item in self._assessment.inputs.items if item.origin.file == report.path]
        reasons = sorted({gap.reason for gap in report.gaps})
        return self._event(
            EventType.EVIDENCE_COLLECTED,
            f"file/{place}",
            {
                "file": PurePath(report.path).name,
                "place": place,
                "format": report.format,
                "records": report.records,
                "recognised": report.recognised,
                "resources": report.resources,
                "current_resources": len(taken),
                "resources_sha256": items_digest(taken),
                "gaps": len(report.gaps),
                "gap_reasons": list[Json](_cut(reason) for reason in reasons[:REASONS_MAX]),
            },
        )

    def policy(self, index: int) -> EvidenceEvent:
        """What one policy decided."""
        result, outcome = self._assessment.results[index], self._assessment.outcomes[index]
        return self._event(
            EventType.POLICY_EVALUATED,
            f"policy/{result.policy.policy_id}",
            {
                "policy": result.policy.policy_id,
                "definition_sha256": result.policy.digest,
                "severity": result.policy.severity.value,
                "state": result.state.value,
                "resources": result.resources,
                "compliant": result.resources - result.violations - result.exempt - result.unknown,
                "violations": result.violations,
                "exempt": result.exempt,
                "unknown": result.unknown,
                "controls": [{"framework": each.framework, "id": each.id} for each in result.policy.controls],
            },
            {"verdicts": self._verdicts(outcome, self._exempt.get(index, frozenset()))},
        )

    def predictions(self) -> Iterator[EvidenceEvent]:
        """What was predicted, one event per source."""
        for source in PredictionSource:
            found = [each for each in self._assessment.predictions if each.source is source]
            if found:
                body: dict[str, Json] = {"source": source.value, "count": len(found), "horizon_days": 7}
                yield self._event(
                    EventType.PREDICTION_GENERATED,
                    f"prediction/{source.value}",
                    body,
                    {"predictions": _artifact(map(_prediction, found))},
                )

    def summary(self) -> EvidenceEvent:
        """The scan as a whole."""
        found = self._assessment
        honoured = sorted({exemption.exemption_id for exemption in found.exemptions})
        states = [result.state for result in found.results]
        return self._event(
            EventType.COMPLIANCE_CHECKED,
            "summary",
            {
                "resources": len(found.inputs.items),
                "assessed": int(found.kept.sum()),
                "policies": {state.value: states.count(state) for state in PolicyState},
                "violations": {severity.value: n for severity, n in found.count_by_severity().items()},
                "exempt": len(found.exempt),
                "exemptions": list[Json](honoured[:EXEMPTIONS_MAX]),
                "unknown": len(found.unknown),
                "gaps": sum(len(report.gaps) for report in found.inputs.files),
                "controls_violated": sum(status.violations > 0 for status in found.controls),
                "controls": len(found.controls),
                "at_risk": {risk.currency: amount_text(risk.at_risk) for risk in found.risk},
                "synthetic": any(item.synthetic for item in found.inputs.items),
            },
            {"resources": self._resources(), "policies": self._policies()},
        )

    def _verdicts(self, outcome: Outcome, exempt: frozenset[int]) -> Artifact:
        chosen = np.flatnonzero(outcome.verdicts != Verdict.COMPLIANT)
        pairs = sorted(zip(outcome.rows[chosen].tolist(), outcome.verdicts[chosen].tolist(), strict=True))
        items = self._assessment.inputs.items
        return _artifact([items[row].uid, EXEMPT if row in exempt else _WORDS[Verdict(code)]] for row, code in pairs)

    def _resources(self) -> Artifact:
        items = self._assessment.inputs.items
        judged = (items[index] for index in np.flatnonzero(self._assessment.kept).tolist())
        return _artifact([item.uid, item.type, item.digest] for item in judged)

    def _policies(self) -> Artifact:
        return _artifact(map(_policy_line, self._assessment.results))

    def _event(
        self, kind: EventType, place: str, body: dict[str, Json], artifacts: dict[str, Artifact] | None = None
    ) -> EvidenceEvent:
        head: dict[str, Json] = {"as_of": self._as_of, "input_sha256": self._assessment.input_digest}
        return EvidenceEvent(
            tenant=self._tenant,
            request_id=self._request_id(kind, place),
            type=kind,
            occurred_at=self._assessment.inputs.as_of,
            body={"scan": self._scan_id, **head, **body},
            artifacts=artifacts or {},
        )

    def _request_id(self, kind: EventType, place: str) -> str:
        parts = (self._tenant, self._as_of, self._assessment.input_digest, kind.value, place)
        return f"scan-{hashlib.sha256(orjson.dumps(parts)).hexdigest()}"


def _by_policy(assessment: Assessment) -> dict[int, frozenset[int]]:
    found: dict[int, set[int]] = {}
    for policy, resource in zip(assessment.exempt.policies.tolist(), assessment.exempt.resources.tolist(), strict=True):
        found.setdefault(policy, set()).add(resource)
    return {policy: frozenset(resources) for policy, resources in found.items()}


def _artifact(lines: Iterable[Sequence[Json]]) -> Artifact:
    return Artifact(NDJSON, b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines))


def _prediction(found: Prediction) -> list[Json]:
    """Lines `[id, policy, date, probability, score, reasons]`; numbers as text, as everywhere in evidence."""
    date = None if found.date is None else format_instant(found.date)
    probability = None if found.probability is None else str(found.probability)
    return [found.resource_id, found.policy_id, date, probability, str(found.score), list[Json](found.reasons)]


def _policy_line(result: PolicyResult) -> list[Json]:
    return [result.policy.policy_id, result.state.value, result.reason, result.policy.digest]


def _cut(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:299]}…"
