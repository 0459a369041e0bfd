"""How a shard stands with its supervisor, from the answers that it gives and does not give.

Ray starts an actor again whose process ended, but not one that hangs, and after the loss of a node not for many
seconds. So a shard that is silent too long is taken off the roster, its tenants go to others, and its process is ended;
the stores' epochs keep it from writing meanwhile. Nothing here acts: `actors.shards.supervisor` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Standing(StrEnum):
    """What is thought of a shard."""

    STARTING = "starting"
    """It has not answered yet."""

    ALIVE = "alive"
    """It answered when it was last asked."""

    SILENT = "silent"
    """It did not answer; it keeps its tenants for a while."""

    LOST = "lost"
    """It was silent too long; its tenants are placed elsewhere."""

    LEAVING = "leaving"
    """It is being removed and hands its tenants over."""

    GONE = "gone"
    """It was removed."""


class Sign(StrEnum):
    """What a shard, or an operator, shows."""

    ANSWERED = "answered"
    MISSED = "missed"
    TIMED_OUT = "timed_out"
    REMOVED = "removed"
    DRAINED = "drained"


NEXT: Final[Mapping[tuple[Standing, Sign], Standing]] = {
    (Standing.STARTING, Sign.ANSWERED): Standing.ALIVE,
    (Standing.STARTING, Sign.MISSED): Standing.STARTING,
    (Standing.STARTING, Sign.TIMED_OUT): Standing.LOST,
    (Standing.STARTING, Sign.REMOVED): Standing.LEAVING,
    (Standing.ALIVE, Sign.ANSWERED): Standing.ALIVE,
    (Standing.ALIVE, Sign.MISSED): Standing.SILENT,
    (Standing.ALIVE, Sign.TIMED_OUT): Standing.LOST,
    (Standing.ALIVE, Sign.REMOVED): Standing.LEAVING,
    (Standing.SILENT, Sign.ANSWERED): Standing.ALIVE,
    (Standing.SILENT, Sign.MISSED): Standing.SILENT,
    (Standing.SILENT, Sign.TIMED_OUT): Standing.LOST,
    (Standing.SILENT, Sign.REMOVED): Standing.LEAVING,
    (Standing.LOST, Sign.ANSWERED): Standing.ALIVE,
    (Standing.LOST, Sign.MISSED): Standing.LOST,
    (Standing.LOST, Sign.TIMED_OUT): Standing.LOST,
    (Standing.LOST, Sign.REMOVED): Standing.GONE,
    (Standing.LEAVING, Sign.ANSWERED): Standing.LEAVING,
    (Standing.LEAVING, Sign.MISSED): Standing.LEAVING,
    (Standing.LEAVING, Sign.TIMED_OUT): Standing.GONE,
    (Standing.LEAVING, Sign.DRAINED): Standing.GONE,
    (Standing.LEAVING, Sign.REMOVED): Standing.LEAVING,
}
"""Every step that a shard's standing can take; any other pair leaves it as it is, for signs come late."""

PLACED: Final = frozenset({Standing.ALIVE, Standing.SILENT})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long silence is borne.

    Args:
        starting_s: until a first answer.
        silent_s: after the last answer.
    """

    starting_s: float = 120.0
    silent_s: float = 8.0


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known of one shard.

    Args:
        since_s: monotonic time of the last answer, or of the beginning.
        restarts: how often its process was ended for its silence.
    """

    name: str
    since_s: float
    standing: Standing = Standing.STARTING
    restarts: int = 0

    def seen(self, sign: Sign) -> Watched:
        """After a sign; one that does not fit changes nothing."""
        return replace(self, standing=NEXT.get((self.standing, sign), self.standing))

    def answered(self, now_s: float) -> Watched:
        """After an answer."""
        return replace(self.seen(Sign.ANSWERED), since_s=now_s)

    def missed(self, now_s: float, patience: Patience) -> Watched:
        """After no answer."""
        bound_s = patience.starting_s if self.standing is Standing.STARTING else patience.silent_s
        return self.seen(Sign.TIMED_OUT if now_s - self.since_s >= bound_s else Sign.MISSED)

    def removed(self, now_s: float) -> Watched:
        """After an operator took it away: it has as long to hand over as silence is borne."""
        return replace(self.seen(Sign.REMOVED), since_s=now_s)

    def drained(self) -> Watched:
        """After it let go of its last tenant."""
        return self.seen(Sign.DRAINED)

    def restarted(self, now_s: float) -> Watched:
        """After its process was ended: silence is counted from now on."""
        return replace(self, since_s=now_s, restarts=self.restarts + 1)


def placeable(watched: Iterable[Watched], placed: Iterable[str]) -> tuple[str, ...]:
    """The shards that tenants are to be placed on.

    One that is starting is placed on only where it was before; when none is left, all stay: a placement on shards that
    do not answer is better than none, for they come back.
    """
    before = frozenset(placed)
    every = list(watched)
    found = [
        each.name
        for each in every
        if each.standing in PLACED or (each.standing is Standing.STARTING and each.name in before)
    ]
    if not found:
        found = [each.name for each in every if each.standing not in {Standing.LEAVING, Standing.GONE}]
    return tuple(sorted(found or before))
