"""Which edges of a graph each question depends on: what has to be gathered of a graph in parts before it is answered.

What a question asks wrongly is not said here: it then needs nothing, and the answer says what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

import numpy as np

from assessment.blast import PLACE_MODES, Blast, Score, center
from assessment.cost_impact_machines import MachinesQuestion
from assessment.cost_impact_waste import WasteQuestion, referred_rows
from assessment.deletion import RESOURCES_MAX, Removal
from assessment.dependencies import DEPTH_MAX, Dependencies, Direction
from assessment.drawing import DEPTH_MAX as VIEW_DEPTH_MAX
from assessment.drawing import View
from assessment.failure_estate import FailureEstate
from assessment.impact_exposure import CENTERS_MAX, FOLLOWED_MAX, RISKS_MAX, Exposure
from graph.failure import FailureMode
from graph.gathering import Causes, Hits, Own, Reach, Surroundings
from graph.snapshot import Rows

AnyQuestion: TypeAlias = Blast | Dependencies | Exposure | MachinesQuestion | Removal | Score | View | WasteQuestion
NOTHING: Final[tuple[Reach, ...]] = ()


def reaches(estate: FailureEstate, question: AnyQuestion) -> tuple[Reach, ...]:
    """What a question depends on.

    Args:
        estate: of a graph without edges.

    Raises:
        NotFound: a resource, zone or region is not in the graph.
        InputError: several resources have the name that is asked for.
    """
    match question:
        case Blast():
            return (Hits(question.failure, center(estate, question)[0]),)
        case Dependencies():
            return _of_dependencies(estate, question)
        case Removal():
            return _of_removal(estate, question)
        case View():
            return _of_view(estate, question)
    return _of_money(estate, question)


def _of_money(estate: FailureEstate, asked: Exposure | MachinesQuestion | Score | WasteQuestion) -> tuple[Reach, ...]:
    match asked:
        case Exposure():
            return _of_exposure(estate, asked)
        case Score():
            return () if asked.failure in PLACE_MODES else (Hits(asked.failure, _row(estate, asked.resource_id)),)
        case WasteQuestion():
            return (Own(_rows(referred_rows(estate))),)
    return NOTHING


def _of_dependencies(estate: FailureEstate, asked: Dependencies) -> tuple[Reach, ...]:
    if not 0 < asked.depth <= DEPTH_MAX:
        return NOTHING
    seeds, mode = _row(estate, asked.resource_id), asked.failure
    causes = () if asked.direction is Direction.DEPENDENTS else (Causes(mode, seeds, asked.depth),)
    hits = () if asked.direction is Direction.DEPENDENCIES else (Hits(mode, seeds, asked.depth),)
    return (*causes, *hits)


def _of_exposure(estate: FailureEstate, asked: Exposure) -> tuple[Reach, ...]:
    if asked.failure in PLACE_MODES or len(asked.centers) > CENTERS_MAX or len(asked.risks) > RISKS_MAX:
        return NOTHING
    risks = [row for uid in asked.risks if (row := estate.graph.find(uid)) is not None]
    return (Hits(asked.failure, _rows([*map(estate.row, asked.centers), *risks[:FOLLOWED_MAX]])),)


def _of_removal(estate: FailureEstate, asked: Removal) -> tuple[Reach, ...]:
    if not 0 < len(asked.resource_ids) <= RESOURCES_MAX:
        return NOTHING
    seeds = _rows(map(estate.row, asked.resource_ids))
    return (Hits(FailureMode.DELETE, seeds),) if asked.with_dependents else (Own(seeds),)


def _of_view(estate: FailureEstate, view: View) -> tuple[Reach, ...]:
    if view.around is None or not 0 < view.depth <= VIEW_DEPTH_MAX:
        return NOTHING
    return (Surroundings(_row(estate, view.around), view.depth),)


def _row(estate: FailureEstate, uid: str) -> Rows:
    return _rows([estate.row(uid)])


def _rows(rows: Iterable[int]) -> Rows:
    return np.array(sorted(set(rows)), np.int32)
