"""One name for everything that a scan was computed from.

Two scans with the same digest and the same time are the same scan: their events carry the same request ids and are
recorded once. The digest covers the state of every resource, the billing rows as they were counted, every policy's
definition, the exemptions, the filters, and which files were read with how many gaps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import orjson

from assessment.inputs import AssessmentInputs
from cost.allocation import ResourceCosts
from domain.clock import format_instant
from domain.resource import ConfigurationItem


def input_digest(inputs: AssessmentInputs, costs: ResourceCosts) -> str:
    """SHA-256, hexadecimal, over the inputs; times of collection and of earlier scans are not part of it."""
    parts: list[object] = [
        {"tenant": inputs.tenant, "scope": inputs.scope, "type": inputs.type},
        items_digest(inputs.items),
        sorted([policy.policy_id, policy.digest, policy.state] for policy in inputs.policies),
        sorted(repr(exemption) for exemption in inputs.exemptions),
        [[file.path, file.format, file.records, len(file.gaps)] for file in inputs.files],
        [[part.currency, str(part.total), str(part.matched)] for part in costs.currencies],
        [[period.provider, format_instant(period.start), format_instant(period.end)] for period in costs.periods],
        [costs.rows, costs.copied_rows, costs.other_rows],
    ]
    return _sha256(orjson.dumps(part, option=orjson.OPT_SORT_KEYS) + b"\n" for part in parts)


def items_digest(items: Sequence[ConfigurationItem]) -> str:
    """SHA-256, hexadecimal, over the id and digest of each resource, in the order given."""
    return _sha256(["".join([f"{item.uid}\t{item.digest}\n" for item in items]).encode()])


def _sha256(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
