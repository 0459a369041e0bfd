"""Answers of a shard as JSON rows: what the command line prints and HTTP callers get."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Final, TypeAlias

from actors.messages import IMPORTED
from actors.parted_graph import PartedGraph
from actors.shards.part_messages import Ties, tie_of
from actors.tenant_graph import TenantGraph
from assessment.inputs import AssessedPolicy
from assessment.policies import SEVERITY_UNSTATED
from assessment.schema import ScanDocument
from assessment.timeline import Timeline, TimelinePoint
from domain.clock import format_instant
from domain.resource import ConfigurationItem
from domain.value import Absent, Value
from graph.stores.contract import Version
from graph.view import GraphView
from policy.corpus import ImportRow
from policy.definition import Definition
from policy.explain import Explanation, LeafResult

Row: TypeAlias = "dict[str, Any]"

EDGES_SHOWN_MAX: Final = 500
"""Relationships of one resource that are shown in each direction."""


def analysis_row(document: ScanDocument, *, limit: int, resource_ids: frozenset[str] | None) -> Row:
    """What is wrong now and what is expected, of some resources or of all; lists are cut at `limit`."""
    violations = [row for row in document["violations"] if resource_ids is None or row["resource_id"] in resource_ids]
    expected = [row for row in document["predictions"] if resource_ids is None or row["resource_id"] in resource_ids]
    reaches = [row for row in document["blast_radius"] if resource_ids is None or row["resource_id"] in resource_ids]
    return {
        "as_of": document["as_of"],
        "resources": document["resources"]["assessed"],
        "severities": document["severities"],
        "unknown": document["unknown"]["evaluations"],
        "notes": document["notes"],
        "violations_total": len(violations),
        "violations": violations[:limit],
        "predictions_total": len(expected),
        "predictions": expected[:limit],
        "blast_radius": reaches[:limit],
    }


def explanation_row(found: Explanation, item: ConfigurationItem, policy: AssessedPolicy) -> Row:
    """A verdict with the conditions that decided it and the line that the resource was read from."""
    return {
        "resource_id": found.resource_id,
        "resource_name": item.name,
        "resource_type": item.type,
        "policy_id": found.policy_id,
        "title": policy.title,
        "severity": policy.severity.value,
        "remediation": policy.remediation,
        "verdict": found.verdict.name.lower(),
        "conditions": [_condition(leaf) for leaf in found.leaves],
        "origin": {"file": found.origin.file, "line": found.origin.line},
        "captured_at": None if item.captured_at is None else format_instant(item.captured_at),
    }


def timeline_row(found: Timeline) -> Row:
    """One resource's past and next seven days, oldest first."""
    return {
        "resource_id": found.resource_id,
        "now": format_instant(found.now),
        "points": [_point(point) for point in found.points],
    }


def resource_row(item: ConfigurationItem, ties: Ties, *, version: int) -> Row:
    """One resource's whole document, and the relationships in which it stands."""
    return {
        "resource_id": item.uid,
        "provider": item.provider.value,
        "type": item.type,
        "name": item.name,
        "scope": item.scope,
        "region": item.region,
        "tags": dict(item.tags),
        "properties": dict(item.properties),
        "captured_at": None if item.captured_at is None else format_instant(item.captured_at),
        "digest": item.digest,
        "unread": list(item.unread),
        "synthetic": item.synthetic,
        "version": version,
        "depends_on": [asdict(tie) for tie in ties.depends_on],
        "needed_by": [asdict(tie) for tie in ties.needed_by],
    }


def ties_of(view: GraphView, row: int) -> Ties:
    """What one resource of a whole graph is connected to."""
    ways_out = (tie_of(view, edge, edge.target) for edge in islice(view.edges_from(row), EDGES_SHOWN_MAX))
    ways_in = (tie_of(view, edge, edge.source) for edge in islice(view.edges_to(row), EDGES_SHOWN_MAX))
    return Ties(view.uid(row), tuple(ways_out), tuple(ways_in))


@dataclass(frozen=True, slots=True)
class GraphSize:
    """A graph in numbers.

    Args:
        circles: of containment; None where they are not known, since parts do not see them.
        unproven: accounts of which not everything could be read.
        parts: where each part is held; empty where the graph is held whole.
    """

    version: int
    resources: int
    relationships: int
    dangling: int
    circles: int | None
    unproven: Collection[str]
    parts: Sequence[Row] = ()


def view_size(view: GraphView) -> GraphSize:
    """A whole graph in numbers."""
    return GraphSize(
        version=view.version,
        resources=len(view),
        relationships=len(view.base.edges) - len(view.patch.gone) + len(view.patch.sources),
        dangling=len(view.dangling),
        circles=len(view.cycles),
        unproven=view.overlay.unproven,
    )


def parts_size(graph: PartedGraph, unproven: Collection[str]) -> GraphSize:
    """A graph in parts, in numbers."""
    numbers = graph.numbers()
    return GraphSize(
        version=graph.store_version,
        resources=numbers.resources,
        relationships=numbers.relationships,
        dangling=numbers.dangling,
        circles=None,
        unproven=unproven,
        parts=graph.where(),
    )


def graph_row(size: GraphSize, graph: TenantGraph, *, epoch: int, shard: str) -> Row:
    """A tenant's graph in numbers, and how far it follows its changes."""
    lost = graph.place.lost()
    return {
        "version": size.version,
        "resources": size.resources,
        "relationships": size.relationships,
        "dangling": size.dangling,
        "containment_circles": size.circles,
        "unproven_accounts": sorted(size.unproven),
        "changes_waiting": graph.place.lag(),
        "changes_lost_behind": lost or None,
        "size_bytes": graph.size_bytes + sum(int(part["size_bytes"]) for part in size.parts),
        "shard": shard,
        "epoch": epoch,
        "parts": list(size.parts),
    }


def version_row(version: Version) -> Row:
    """One recorded state of a resource."""
    return {"at": format_instant(version.at), "kind": version.kind.value, "digest": version.digest}


def policy_row(policy: AssessedPolicy) -> Row:
    """A line of the list of policies. `state` is what an import report calls it."""
    return {
        "id": policy.policy_id,
        "origin": policy.source,
        "severity": policy.severity.value,
        "title": policy.title,
        "state": "runs" if policy.program is not None else policy.state.value,
        "reason": policy.reason,
        "controls": [{"framework": control.framework, "id": control.id} for control in policy.controls],
    }


def unchecked_row(row: ImportRow) -> Row:
    """A line of the list of policies, for a definition that no scan checks."""
    return {
        "id": row.id,
        "origin": IMPORTED,
        "severity": SEVERITY_UNSTATED.value,
        "title": row.name,
        "state": row.state,
        "reason": row.reason,
        "controls": [],
    }


def definition_row(definition: Definition, source: str) -> Row:
    """One policy's whole definition."""
    parameters = {
        name: {
            "type": each.type,
            **({} if isinstance(each.default, Absent) else {"defaultValue": each.default}),
            **({} if each.allowed is None else {"allowedValues": list(each.allowed)}),
        }
        for name, each in definition.parameters.items()
    }
    return {
        "id": definition.policy_id,
        "origin": source,
        "properties": {
            "displayName": definition.display_name,
            "description": definition.description,
            "mode": definition.mode,
            "metadata": dict(definition.metadata),
            "parameters": parameters,
            "policyRule": {"if": definition.condition, "then": dict(definition.then)},
        },
    }


def _condition(leaf: LeafResult) -> Mapping[str, Any]:
    """`found_state` tells a value of null from one that is not set, and from one that nobody asked for."""
    return {
        "path": leaf.path,
        "operator": leaf.operator,
        "expected": _value(leaf.expected),
        "found": _value(leaf.found),
        "found_state": leaf.found.value if isinstance(leaf.found, Absent) else "set",
        "result": leaf.result,
        "where": leaf.where,
        "element": leaf.element,
    }


def _value(value: Value) -> object:
    return None if isinstance(value, Absent) else value


def _point(point: TimelinePoint) -> Row:
    expected = point.prediction
    return {
        "at": None if point.at is None else format_instant(point.at),
        "moment": point.moment.value,
        "text": point.text,
        "policy_id": point.policy_id,
        "severity": None if point.severity is None else point.severity.value,
        "source": None if expected is None else expected.source.value,
        "probability": None if expected is None else expected.probability,
        "score": None if expected is None else expected.score,
        "reasons": [] if expected is None else list(expected.reasons),
    }
