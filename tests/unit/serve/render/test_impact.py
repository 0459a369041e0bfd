"""What goes down, what goes first and what hangs on what, on a terminal and in a pipe."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from assessment.blast import Blast, blast
from assessment.deletion import Removal, removal
from assessment.dependencies import Dependencies, Direction, dependencies
from graph.failure import FailureMode
from serve.render.impact import blast_lines, deletion_lines, dependency_lines
from tests.unit.assessment.impact_samples import SET, VAULT, disk, estate, vm


def plain(lines: list[Text]) -> str:
    return "\n".join(line.plain for line in lines)


def test_the_answer_stands_before_its_reasons() -> None:
    shown = plain(blast_lines(blast(estate(), Blast(VAULT, FailureMode.KEY_DISABLE)), width=None))
    lines = shown.splitlines()
    assert lines[0].startswith("keys has its key disabled   vaults   2026-11-24")
    assert lines[2].startswith("  5 resources fail with it, 0 degrade   109 EUR/mo   99 % of the estate's worth")
    assert "judged, not measured" in lines[3]
    assert "keys > encrypted by > set > encrypted by > disk-1 > mounts > vm-1" in shown


def test_a_narrow_terminal_keeps_every_line_within_its_width() -> None:
    found = blast(estate(), Blast(VAULT, FailureMode.KEY_DISABLE))
    rows = [line.plain for line in blast_lines(found, width=80) if line.plain.startswith(("  failed", "  state"))]
    assert max(map(len, rows)) <= 80


def test_a_place_says_what_is_lost_at_once_and_what_is_not_known() -> None:
    shown = plain(blast_lines(blast(estate(), Blast("westeurope-1", FailureMode.ZONE_LOSS)), width=None))
    assert shown.startswith("westeurope-1 is lost")
    assert "2 resources at once, 0 resources fail with it" in shown
    assert "do not say in which zone they run: 6 of the region" in shown
    assert "Nothing else goes down with it." in shown


def test_more_than_is_listed_is_told() -> None:
    found = blast(estate(), Blast(VAULT, FailureMode.KEY_DISABLE, limit=2))
    assert "3 more resources: --limit" in plain(blast_lines(found, width=None))


def test_an_order_names_waves_users_and_circles() -> None:
    whole = plain(deletion_lines(removal(estate(), Removal((VAULT,))), width=None))
    assert whole.startswith("6 resources in 4 waves   109 EUR/mo")
    assert whole.index(vm(1)) < whole.index(disk(1)) < whole.index(SET) < whole.index(VAULT)
    alone = plain(deletion_lines(removal(estate(), Removal((SET,), with_dependents=False)), width=None))
    assert "2 resources that stay use what goes" in alone
    assert "disk-1 > encrypted by > set" in alone
    edge = {"source": "/x/a", "target": "/x/b", "kind": "mounts", "strength": "hard", "found_at": "p"}
    circle: dict[str, Any] = {
        **removal(estate(), Removal((SET,))),
        "cycles": [{"resources": ["/x/a", "/x/b"], "edges": [edge]}],
    }
    assert "a, b depend on each other in a circle: take one edge away first" in plain(
        deletion_lines(circle, width=None)
    )


def test_dependencies_are_listed_each_way() -> None:
    shown = plain(dependency_lines(dependencies(estate(), Dependencies(disk(1))), width=None))
    assert "depends on 2 resources within 3 steps" in shown
    assert "is needed by 1 resource within 3 steps" in shown
    one_way = dependencies(estate(), Dependencies(disk(1), Direction.DEPENDENTS, limit=1))
    assert "depends on" not in plain(dependency_lines(one_way, width=None))
