"""What the evidence says of controls, as OSCAL assessment results.

A finding is *satisfied* or *not-satisfied* only where entries of the window decide it; an undecided control gets no
finding and is named in the remarks. There was no assessment plan, and `import-ap` says so. Ids and times come from the
log's head, so exporting the same window again gives the same bytes.

Source: NIST OSCAL 1.2.1, assessment results model.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from datetime import UTC
from typing import Final

from chain.pack import CHECKPOINTS, ENTRIES, LOGS, MANIFEST
from chain.pack_summary import ControlState, Verdict
from chain.reports.evidence import Evidence
from chain.reports.oscal_form import NAMESPACE_URI, OSCAL_VERSION, instant, nonempty, token
from domain.value import Json

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:policycortex:oscal:1")
_STATES: Final = {"met": "satisfied", "violated": "not-satisfied"}
_NO_PLAN: Final = (
    "No assessment plan exists. Policies were evaluated continuously over what the cloud providers report; which ones, "
    "and when, is in the evidence."
)


def assessment_results(evidence: Evidence) -> bytes:
    """The results of a window; the same evidence gives the same bytes."""
    ids = _Ids(evidence)
    decided = [control for control in evidence.summary.controls if control.state in _STATES]
    undecided = [control for control in evidence.summary.controls if control.state not in _STATES]
    observations = {verdict.evidence: _observation(ids, evidence, verdict) for verdict in _used(evidence, decided)}
    document: Json = {
        "assessment-results": {
            "uuid": ids.of("assessment-results"),
            "metadata": {
                "title": f"Evidence of {evidence.manifest.tenant}",
                "last-modified": _newest_block(evidence),
                "version": evidence.manifest_sha256[:16],
                "oscal-version": OSCAL_VERSION,
                "props": [{"name": "manifest-sha256", "ns": NAMESPACE_URI, "value": evidence.manifest_sha256}],
            },
            "import-ap": {"href": f"#{ids.of('no-plan')}", "remarks": _NO_PLAN},
            "results": [
                {
                    "uuid": ids.of("result"),
                    "title": "Compliance by evidence",
                    "description": _description(evidence, decided, undecided),
                    "start": instant(evidence.manifest.opens.astimezone(UTC).isoformat()),
                    "end": instant(evidence.manifest.closes.astimezone(UTC).isoformat()),
                    "reviewed-controls": _reviewed(evidence.summary.controls),
                    **nonempty("observations", list(observations.values())),
                    **nonempty("findings", [_finding(ids, control) for control in decided]),
                }
            ],
            "back-matter": {
                "resources": [
                    {"uuid": ids.of("no-plan"), "title": "No assessment plan", "description": _NO_PLAN},
                    *(_resource(ids, evidence, path) for path in _evidence_paths(evidence)),
                ]
            },
        }
    }
    return json.dumps(document, ensure_ascii=False, indent=2).encode("utf-8") + b"\n"


class _Ids:
    """UUIDs that follow from the log's head and the name of what they identify."""

    def __init__(self, evidence: Evidence) -> None:
        heads = [evidence.files[part.path(CHECKPOINTS.sha256)] for part in evidence.manifest.logs]
        window = f"{evidence.manifest.opens.isoformat()}/{evidence.manifest.closes.isoformat()}".encode("ascii")
        self._head = hashlib.sha256(b"\n".join([*heads, window])).hexdigest()

    def of(self, name: str) -> str:
        return str(uuid.uuid5(_NAMESPACE, f"{self._head}/{name}"))


def _finding(ids: _Ids, control: ControlState) -> dict[str, Json]:
    name = f"{control.framework} {control.control}"
    state = _STATES[control.state]
    return {
        "uuid": ids.of(f"finding/{name}"),
        "title": name,
        "description": f"{name} is {state} by {len(control.evidence)} policies evaluated in the window.",
        "target": {
            "type": "objective-id",
            "target-id": token(name),
            "title": name,
            "status": {"state": state, "reason": "pass" if control.state == "met" else "fail"},
        },
        "related-observations": [{"observation-uuid": ids.of(f"observation/{name}")} for name in control.evidence],
    }


def _observation(ids: _Ids, evidence: Evidence, verdict: Verdict) -> dict[str, Json]:
    counts = ", ".join(f"{name} {count}" for name, count in verdict.counts.items())
    label, _, index = verdict.evidence.rpartition("-")
    log = f"{LOGS}{label}/{ENTRIES}"
    first = next(part.start for part in evidence.manifest.logs if part.path(ENTRIES) == log)
    return {
        "uuid": ids.of(f"observation/{verdict.evidence}"),
        "title": verdict.policy,
        "description": f"Policy {verdict.policy} ({verdict.severity}): {counts}.",
        "methods": ["TEST"],
        "types": ["control-objective"],
        "collected": verdict.at,
        "relevant-evidence": [
            {
                "href": f"#{ids.of(f'resource/{log}')}",
                "description": f"Entry {verdict.evidence}, line {int(index) - first + 1} of {log}.",
            }
        ],
    }


def _used(evidence: Evidence, controls: Sequence[ControlState]) -> list[Verdict]:
    names = {name for control in controls for name in control.evidence}
    return [verdict for verdict in evidence.summary.verdicts if verdict.evidence in names]


def _reviewed(controls: Sequence[ControlState]) -> dict[str, Json]:
    """Frameworks by name: they are no OSCAL catalogues, so their controls are not selected by id."""
    frameworks = sorted({control.framework for control in controls})
    said = f"Controls of {', '.join(frameworks)}, as mapped to policies." if frameworks else "No control was mapped."
    return {"control-selections": [{"description": said, "include-all": {}}]}


def _description(evidence: Evidence, decided: Sequence[ControlState], undecided: Sequence[ControlState]) -> str:
    names = ", ".join(f"{each.framework} {each.control}" for each in undecided[:50])
    more = f" and {len(undecided) - 50} more" if len(undecided) > 50 else ""
    rest = f" Not decided, and so without a finding: {names}{more}." if undecided else ""
    return (
        f"{len(decided)} controls are decided by {evidence.summary.entries} entries of the evidence log; each finding "
        f"names the policies' evaluations behind it.{rest}"
    )


def _evidence_paths(evidence: Evidence) -> list[str]:
    return [MANIFEST, *(part.path(ENTRIES) for part in evidence.manifest.logs)]


def _resource(ids: _Ids, evidence: Evidence, path: str) -> dict[str, Json]:
    digest = evidence.manifest_sha256 if path == MANIFEST else evidence.manifest.files[path].sha256
    return {
        "uuid": ids.of(f"resource/{path}"),
        "title": path,
        "rlinks": [{"href": path, "hashes": [{"algorithm": "SHA-256", "value": digest}]}],
    }


def _newest_block(evidence: Evidence) -> str:
    """Time of the newest block of the window, which the log's head covers."""
    times = [entry.block.ts for entry in evidence.entries.values() if entry.block]
    return instant(max(times, default=evidence.manifest.closes.astimezone(UTC).isoformat()))
