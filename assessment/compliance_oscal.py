"""Compliance as OSCAL: which controls our policies implement (component definition), and what they found (results).

A finding is *satisfied* or *not-satisfied* only where the evidence decides it; partly and unknown controls get no
finding and are named in the remarks with their reason. Ids follow from the tenant, the framework and the scan, so the
same scan gives the same bytes. There is no assessment plan, and `import-ap` says so.

Source: NIST OSCAL 1.2.1, component definition and assessment results models.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from assessment.compliance import ControlResult, PolicyEvidence, State
from assessment.compliance_document import WORDS
from chain.reports.oscal_form import NAMESPACE_URI, OSCAL_VERSION, instant, nonempty, token
from domain.value import Json
from policy.controls.framework import Framework

_IDS: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:policycortex:oscal:compliance:1")
_DECIDED: Final = {State.SATISFIED: "satisfied", State.NOT_SATISFIED: "not-satisfied"}
_NO_PLAN: Final = (
    "No assessment plan exists. Policies were evaluated over what the cloud providers report; which ones, and when, is "
    "in the evidence log."
)
_NAMED_MAX: Final = 60


def component_definition(
    document: Mapping[str, Any], framework: Framework, results: Sequence[ControlResult], *, product_version: str
) -> bytes:
    """Our policies as a component that implements controls, one requirement a control that some policy serves."""
    ids = _Ids(document, framework)
    served = [result for result in results if any(each.evidence is not None for each in result.served)]
    title = f"PolicyCortex policies for {framework.title}"
    component: dict[str, Json] = {
        "uuid": ids.of("component"),
        "type": "validation",
        "title": "PolicyCortex",
        "description": f"Evaluates {_policies(served)} policies that serve controls of {framework.title}.",
        "props": [_prop("product-version", product_version)],
        **nonempty("control-implementations", _implementations(ids, framework, served)),
    }
    return _written(
        "component-definition",
        {
            "uuid": ids.of("component-definition"),
            "metadata": _metadata(document, title),
            "components": [component],
            "back-matter": {"resources": [_source(ids, framework)]},
        },
    )


def assessment_results(document: Mapping[str, Any], framework: Framework, results: Sequence[ControlResult]) -> bytes:
    """What the last scan found of each control, with an observation for each policy behind a finding."""
    ids = _Ids(document, framework)
    decided = [result for result in results if result.state in _DECIDED]
    seen = {found.policy_id: found for result in decided for _, found in result.judged}
    end = instant(str(document["as_of"]))
    return _written(
        "assessment-results",
        {
            "uuid": ids.of("assessment-results"),
            "metadata": _metadata(document, f"{framework.title}: results of {document['tenant']}"),
            "import-ap": {"href": f"#{ids.of('no-plan')}", "remarks": _NO_PLAN},
            "results": [
                {
                    "uuid": ids.of("result"),
                    "title": f"{framework.title} by evidence",
                    "description": _description(framework, results, decided),
                    "start": end,
                    "end": end,
                    "reviewed-controls": {
                        "control-selections": [{"description": f"All controls of {framework.title}", "include-all": {}}]
                    },
                    **nonempty("observations", [_observation(ids, found, end) for found in seen.values()]),
                    **nonempty("findings", [_finding(ids, result) for result in decided]),
                    "remarks": _undecided(results),
                }
            ],
            "back-matter": {
                "resources": [
                    {"uuid": ids.of("no-plan"), "title": "No assessment plan", "description": _NO_PLAN},
                    _log(ids, document),
                ]
            },
        },
    )


class _Ids:
    """UUIDs that follow from the scan, the framework and the name of what they identify."""

    def __init__(self, document: Mapping[str, Any], framework: Framework) -> None:
        self._head = "/".join(
            (str(document["tenant"]), str(document["input_digest"]), str(document["as_of"]), framework.id)
        )

    def of(self, name: str) -> str:
        return str(uuid.uuid5(_IDS, f"{self._head}/{name}"))


def _implementations(ids: _Ids, framework: Framework, served: Sequence[ControlResult]) -> list[dict[str, Json]]:
    if not served:
        return []
    return [
        {
            "uuid": ids.of("implementation"),
            "source": f"#{ids.of('framework')}",
            "description": f"Controls of {framework.title} that policies serve, and how much of each they show.",
            "implemented-requirements": [_requirement(ids, result) for result in served],
        }
    ]


def _requirement(ids: _Ids, result: ControlResult) -> dict[str, Json]:
    policies = [(each.mapping, each.evidence) for each in result.served if each.evidence is not None]
    return {
        "uuid": ids.of(f"requirement/{result.control.id}"),
        "control-id": token(result.control.id),
        "description": f"{result.control.text}. Served by {len(policies)} policies.",
        "props": [
            _prop("control-label", result.control.id),
            _prop("control-kind", result.control.kind.value),
            *(
                {**_prop("policy", found.policy_id), "class": mapping.strength.value, "remarks": f"By {mapping.source}"}
                for mapping, found in policies
            ),
        ],
    }


def _finding(ids: _Ids, result: ControlResult) -> dict[str, Json]:
    name, state = f"{result.framework} {result.control.id}", _DECIDED[result.state]
    is_met = result.state is State.SATISFIED
    said = WORDS.get(result.reason) or f"{result.violations} violations"
    return {
        "uuid": ids.of(f"finding/{result.control.id}"),
        "title": name,
        "description": f"{name} ({result.control.text}) is {state}: {said}.",
        "target": {
            "type": "objective-id",
            "target-id": token(name),
            "title": name,
            "status": {"state": state, "reason": "pass" if is_met else "fail"},
        },
        "related-observations": [
            {"observation-uuid": ids.of(f"observation/{found.policy_id}")} for _, found in result.judged
        ],
    }


def _observation(ids: _Ids, found: PolicyEvidence, end: str) -> dict[str, Json]:
    counts = (
        f"{found.resources} resources: {found.compliant} compliant, {found.violations} violations, "
        f"{found.exempt} exempt, {found.unknown} undecided"
    )
    entry = f"Entry {found.entry} of the evidence log." if found.entry else "No entry of the evidence log is known."
    return {
        "uuid": ids.of(f"observation/{found.policy_id}"),
        "title": found.policy_id,
        "description": f"{found.title} ({found.severity}): {counts}.",
        "methods": ["TEST"],
        "types": ["control-objective"],
        "collected": end,
        "relevant-evidence": [{"href": f"#{ids.of('log')}", "description": entry}],
    }


def _description(framework: Framework, results: Sequence[ControlResult], decided: Sequence[ControlResult]) -> str:
    met = sum(result.state is State.SATISFIED for result in decided)
    return (
        f"Of {len(results)} controls of {framework.title}, {met} are satisfied and {len(decided) - met} are not, by "
        "the policies that serve them; the rest is not decided, and has no finding."
    )


def _undecided(results: Sequence[ControlResult]) -> str:
    rest = [result for result in results if result.state not in _DECIDED]
    named = "; ".join(
        f"{each.control.id} {each.state.value} ({WORDS.get(each.reason, each.reason.value)})"
        for each in rest[:_NAMED_MAX]
    )
    more = f"; and {len(rest) - _NAMED_MAX} more" if len(rest) > _NAMED_MAX else ""
    return f"Not decided: {named}{more}." if rest else "Every control is decided."


def _metadata(document: Mapping[str, Any], title: str) -> dict[str, Json]:
    return {
        "title": title,
        "last-modified": instant(str(document["as_of"])),
        "version": str(document["input_digest"])[:16],
        "oscal-version": OSCAL_VERSION,
        "props": [_prop("tenant", str(document["tenant"]))],
    }


def _source(ids: _Ids, framework: Framework) -> dict[str, Json]:
    publisher = f"{framework.publisher}, edition {framework.edition}" if framework.publisher else "as it is mapped"
    return {"uuid": ids.of("framework"), "title": framework.title, "description": f"{framework.title}, {publisher}."}


def _log(ids: _Ids, document: Mapping[str, Any]) -> dict[str, Json]:
    evidence = document["evidence"] or {}
    said = f"{evidence['origin']}, {evidence['size']} entries" if evidence else "no log was kept"
    return {"uuid": ids.of("log"), "title": "Evidence log", "description": f"The log of this scan: {said}."}


def _prop(name: str, value: str) -> dict[str, Json]:
    return {"name": name, "ns": NAMESPACE_URI, "value": value}


def _policies(results: Sequence[ControlResult]) -> int:
    return len({each.evidence.policy_id for result in results for each in result.served if each.evidence is not None})


def _written(name: str, body: Mapping[str, Json]) -> bytes:
    return json.dumps({name: body}, ensure_ascii=False, indent=2).encode("utf-8") + b"\n"
