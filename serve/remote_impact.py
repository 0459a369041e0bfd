"""Questions about failures as addresses of a platform elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from domain.errors import InputError

if TYPE_CHECKING:
    from actors.impact_desk import Question
    from assessment.cost_impact_machines import MachinesQuestion
    from assessment.cost_impact_waste import WasteQuestion
    from assessment.drawing import View
    from assessment.impact_exposure import Exposure


def address_of(question: Question) -> str:
    """The path and query that ask one question."""
    from assessment.blast import PLACE_MODES, Blast, Score  # noqa: PLC0415 (numpy: a command that asks nothing needs none)
    from assessment.cost_impact_machines import MachinesQuestion  # noqa: PLC0415
    from assessment.cost_impact_waste import WasteQuestion  # noqa: PLC0415
    from assessment.deletion import Removal  # noqa: PLC0415
    from assessment.dependencies import Dependencies  # noqa: PLC0415
    from assessment.impact_exposure import Exposure  # noqa: PLC0415

    match question:
        case Blast():
            place = PLACE_MODES.get(question.failure)
            center = {place: question.center} if place else {"resource_id": question.center, "mode": question.failure}
            return f"/impact/blast-radius?{_query(center, limit=question.limit, cursor=question.after)}"
        case Score():
            return f"/impact/score/{quote(question.resource_id, safe='')}?{_query({'mode': question.failure})}"
        case Removal():
            named = urlencode([("resource_id", each) for each in question.resource_ids])
            rest = _query({"with_dependents": str(question.with_dependents).lower()}, limit=question.limit)
            return f"/impact/deletion-order?{named}&{rest}"
        case Dependencies():
            asked = {
                "resource_id": question.resource_id,
                "direction": question.direction,
                "mode": question.failure,
                "depth": str(question.depth),
            }
            return f"/impact/dependencies?{_query(asked, limit=question.limit, cursor=question.after)}"
        case WasteQuestion() | MachinesQuestion() | Exposure():
            return _money_address(question)
    return _view_address(question)


def _money_address(question: WasteQuestion | MachinesQuestion | Exposure) -> str:
    from assessment.cost_impact_machines import MachinesQuestion  # noqa: PLC0415
    from assessment.cost_impact_waste import WasteQuestion  # noqa: PLC0415

    if isinstance(question, WasteQuestion):
        kinds = urlencode([("kind", each.value) for each in sorted(question.kinds)])
        return f"/costs/waste?{_query({}, limit=question.limit, cursor=question.after)}&{kinds}".rstrip("&")
    if isinstance(question, MachinesQuestion):
        return "/costs/machines"
    raise InputError("the value of an hour is not asked from afar", todo="Ask for an analysis: pcg impact analyze")


def _view_address(question: View) -> str:
    given = {"scope": question.scope, "type": question.type, "around": question.around}
    asked = {name: value for name, value in given.items() if value is not None}
    opened = urlencode([("open", each) for each in question.opened])
    return f"/graph/view?{_query(asked, depth=question.depth, nodes_max=question.nodes_max)}&{opened}".rstrip("&")


def _query(words: dict[str, str], **numbers: int) -> str:
    return urlencode({**words, **numbers})
