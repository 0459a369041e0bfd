"""The list of the own pack's policies as a Markdown page: ``python -m policy.packs.catalogue > docs/policies.md``.

Decided here: order (severity, then id) and columns. What each policy says stands in its own file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from policy.pack import PackPolicy, load_pack

CLOUDS: Final[Mapping[str, str]] = {"azure": "Azure", "aws": "AWS", "gcp": "Google Cloud"}

_HEAD: Final = """# Policies

Policies that come with PolicyCortex, {total} in all. Each is a file under `policy/packs/` in the Azure Policy language,
with a reason, a remediation, and examples that run as tests. Controls are named by id only: the text belongs to the
frameworks' publishers. A policy marked *date* compares a date with the time of the scan, so that a violation can be
foreseen; a cost tag groups what could be saved.

This page is made by `python -m policy.packs.catalogue > docs/policies.md`; a test checks that it is current.
"""

_COLUMNS: Final = "| Policy | Severity | Title | Notes | Controls |\n|---|---|---|---|---|\n"


def catalogue(policies: Sequence[PackPolicy]) -> str:
    """The page."""
    return _HEAD.format(total=len(policies)) + "".join(_section(cloud, policies) for cloud in CLOUDS)


def _section(cloud: str, policies: Iterable[PackPolicy]) -> str:
    found = sorted(
        (policy for policy in policies if clouds_of(policy) == (cloud,)),
        key=lambda policy: (policy.severity.rank, policy.policy_id),
    )
    rows = "".join(map(_row, found))
    return f"\n## {CLOUDS[cloud]} ({len(found)})\n\n{_COLUMNS}{rows}"


def clouds_of(policy: PackPolicy) -> tuple[str, ...]:
    """The clouds a policy is for."""
    clouds = policy.definition.metadata.get("clouds")
    return tuple(map(str, clouds)) if isinstance(clouds, list) else ()


def is_dated(policy: PackPolicy) -> bool:
    """Whether the rule compares a date with the time of the scan."""
    return "utcnow(" in str(policy.definition.condition).lower()


def _row(policy: PackPolicy) -> str:
    notes = ", ".join(filter(None, ("date" if is_dated(policy) else "", policy.cost_tag or "")))
    controls = ", ".join(map(str, policy.controls))
    return f"| `{policy.policy_id}` | {policy.severity} | {policy.definition.display_name} | {notes} | {controls} |\n"


if __name__ == "__main__":
    sys.stdout.write(catalogue(load_pack()))
