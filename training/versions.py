"""Which versions of the prediction model there are, where each stands, and how it came there.

The model that comes with the product is always one of them. Exactly one serves. Steps go by `promotion.NEXT`; taking
somebody's place, and giving it back, are steps of both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

from domain.clock import format_instant, parse_instant
from domain.errors import ConflictError, NotFound
from domain.value import Json
from training.promotion import Standing, Trigger, stepped

SHIPPED: Final = "shipped"
"""The model that comes with the product."""
FOLLOWS: Final = frozenset({Trigger.SUCCEED, Trigger.RETURN})
TAKES_PLACE: Final = frozenset({Trigger.PROMOTE, Trigger.APPROVE})


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a version.

    Args:
        by: the role of who decided it, or the gate.
        evidence_id: empty until it is recorded.
    """

    trigger: Trigger
    standing: Standing
    at: datetime
    by: str
    reason: str
    evidence_id: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the model.

    Args:
        file: name of its weights; empty for the model that is shipped.
        report: name of the report of the run that made it; empty where there is none.
    """

    model: str
    file: str
    sha256: str
    standing: Standing
    steps: tuple[Step, ...] = ()
    report: str = ""

    def serves_since(self) -> datetime | None:
        """When it came to serve; None where it does not, or always did."""
        is_serving = self.standing is Standing.SERVING and bool(self.steps)
        return self.steps[-1].at if is_serving else None


Versions = tuple[Version, ...]


def begun(sha256: str) -> Versions:
    """The versions of a new platform."""
    return (Version(SHIPPED, "", sha256, Standing.SERVING),)


def serving(versions: Versions) -> Version:
    """The version that serves."""
    return next(one for one in versions if one.standing is Standing.SERVING)


def former(versions: Versions) -> Version | None:
    """The version that served before the present one; None where there was none."""
    found = [one for one in versions if one.standing is Standing.FORMER]
    return max(found, key=lambda one: one.steps[-1].at) if found else None


def entered(versions: Versions, version: Version) -> Versions:
    """Enter a candidate; one of the same weights that is there already stays.

    Raises:
        ConflictError: another one of that name is there.
    """
    there = next((one for one in versions if one.model == version.model), None)
    if there is None:
        return (*versions, version)
    if there.sha256 != version.sha256:
        raise ConflictError("another model has this name", model=version.model, todo="Give it another name")
    return versions


def moved(versions: Versions, model: str, trigger: Trigger, *, at: datetime, by: str, reason: str) -> Versions:
    """Take a step, and the step that it means for another version.

    Raises:
        NotFound: there is no such version.
        ConflictError: it cannot take that step, or nothing served before.
    """
    found = next((one for one in versions if one.model == model), None)
    if found is None:
        raise NotFound("no such model", model=model[:80], todo="GET /api/v2/predictions/models/versions lists them")
    if trigger in FOLLOWS:
        raise ConflictError("that step follows from another model's", model=model, got=trigger.value,
                            todo="Promote another model, or let the one that serves fall back")  # fmt: skip
    stepped(found.standing, trigger, model=model)
    steps = {model: trigger}
    if trigger in TAKES_PLACE:
        steps = {serving(versions).model: Trigger.SUCCEED, **steps}
    if trigger is Trigger.FALL_BACK:
        before = former(versions)
        if before is None:
            raise ConflictError("nothing served before this model", model=model, todo="Promote another model instead")
        steps = {**steps, before.model: Trigger.RETURN}
    return tuple(
        _moved(one, steps[one.model], at=at, by=by, reason=reason) if one.model in steps else one for one in versions
    )


def _moved(version: Version, trigger: Trigger, *, at: datetime, by: str, reason: str) -> Version:
    standing = stepped(version.standing, trigger, model=version.model)
    step = Step(trigger, standing, at, by, reason)
    return replace(version, standing=standing, steps=(*version.steps, step))


def versions_rows(versions: Sequence[Version]) -> list[dict[str, Json]]:
    """Versions as JSON."""
    return [
        {
            "model": one.model, "file": one.file, "sha256": one.sha256, "standing": one.standing.value,
            "report": one.report,
            "steps": [{**asdict(step), "trigger": step.trigger.value, "standing": step.standing.value,
                       "at": format_instant(step.at)} for step in one.steps],
        }
        for one in versions
    ]  # fmt: skip


def parse_versions(rows: Sequence[Mapping[str, Any]]) -> Versions:
    """Versions from JSON.

    Raises:
        KeyError, ValueError: it is none.
    """
    return tuple(
        Version(
            row["model"], row["file"], row["sha256"], Standing(row["standing"]),
            tuple(
                Step(Trigger(step["trigger"]), Standing(step["standing"]), parse_instant(step["at"]), step["by"],
                     step["reason"], step["evidence_id"])
                for step in row["steps"]
            ),
            row["report"],
        )
        for row in rows
    )  # fmt: skip
