"""Watches over the shards: places tenants on those that answer, ends those that hang, and has graphs read again.

Everything that it decides is a function of answers and time (`health`, `roster`); what it does goes through a launcher,
so that tests and the simulator run it without a cluster. It keeps nothing that matters: the roster is a file, and a new
supervisor goes on from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Event, Lock, Thread
from time import monotonic
from typing import Final, Protocol

import structlog

from actors.shards.beat import Beat, FleetState, ShardState
from actors.shards.health import Patience, Standing, Watched, placeable
from actors.shards.roster import Roster, rebalanced
from actors.shards.roster_file import RosterPlace
from domain.errors import ConflictError, InputError, PolicyCortexError
from domain.tenancy import TenantId

PERIOD_S: Final = 1.0
REBALANCE_S: Final = 60.0
WARMED_MAX: Final = 2_000
SHARDS_MAX: Final = 1_024


class ShardLauncher(Protocol):
    """What can be done to shards. Nothing of it raises because of a shard that does not answer."""

    def beats(self, names: Sequence[str]) -> Mapping[str, Beat | None]:
        """Ask all of them at once; None for each that did not answer in time."""

    def launch(self, name: str) -> None:
        """Start a shard, or find the one that runs."""

    def restart(self, name: str) -> None:
        """End a shard's process and have another one begin."""

    def retire(self, name: str) -> None:
        """End a shard for good."""

    def drain(self, name: str) -> None:
        """Ask a shard to let go of everything; not waited for."""

    def warm(self, name: str, tenants: Sequence[TenantId]) -> None:
        """Ask a shard to read tenants' graphs ahead of the first question; not waited for."""


class ShardSupervisor:
    """The one that changes the roster.

    Args:
        names: shards of a platform that has no roster yet.
        now_s: monotonic seconds.
        is_working: begin at once; else with `begin`.
    """

    def __init__(
        self,
        launcher: ShardLauncher,
        place: RosterPlace,
        names: Sequence[str],
        *,
        now_s: Callable[[], float] = monotonic,
        patience: Patience | None = None,
        is_working: bool = False,
    ) -> None:
        self._launcher = launcher
        self._place = place
        self._now_s = now_s
        self._patience = patience or Patience()
        self._lock = Lock()
        self._stopping = Event()
        self._problem = ""
        self._rebalanced_s = now_s()
        self._beats: dict[str, Beat] = {}
        self._warmed = 0
        roster = place.current() or self._first(tuple(sorted(names)))
        self._watched = {name: Watched(name, now_s()) for name in sorted({*names, *roster.shards})}
        for name in self._watched:
            launcher.launch(name)
        self._thread = Thread(target=self._run, name="shard-supervisor", daemon=True)
        if is_working:
            self.begin()

    def begin(self) -> None:
        """Start working."""
        self._thread.start()

    def stop(self) -> None:
        """End after what is being done."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(30)

    def tick(self) -> None:
        """Ask every shard, and do what follows from the answers."""
        with self._lock:
            before, beats = dict(self._watched), dict(self._beats)
            self._ask()
            roster = self._placed(self._roster())
            roster = self._balanced(roster)
            self._end_lost(before)
            self._let_go()
            self._warm(roster, before, beats)

    def resize(self, shards: int) -> FleetState:
        """Have so many shards: new ones join when they answer, surplus ones hand their tenants over first.

        Raises:
            InputError: the number is out of bounds.
        """
        if not 1 <= shards <= SHARDS_MAX:
            raise InputError("number of shards is out of bounds", got=shards, expected=f"1 to {SHARDS_MAX}")
        wanted = [f"shard-{number}" for number in range(shards)]
        with self._lock:
            for name in wanted:
                self._have(name)
            for name in sorted(set(self._watched) - set(wanted)):
                self._watched[name] = self._watched[name].removed(self._now_s())
        return self.state()

    def _have(self, name: str) -> None:
        """Have a shard of this name; one that was told to let go of everything has to begin anew."""
        watched = self._watched.get(name)
        if watched is not None and watched.standing is not Standing.LEAVING:
            return
        self._watched[name] = Watched(name, self._now_s())
        if watched is None:
            self._launcher.launch(name)
        else:
            self._launcher.restart(name)

    def state(self) -> FleetState:
        """How every shard stands."""
        roster = self._place.current()
        placed = () if roster is None else roster.shards
        shards = tuple(
            ShardState(each.name, each.standing.value, each.name in placed, each.restarts, self._beats.get(each.name))
            for each in self._watched.values()
        )
        return FleetState(0 if roster is None else roster.version, shards, self._problem)

    def ping(self) -> str:
        """Answer ``ok``, or say what is wrong."""
        return "ok" if not self._thread.ident or self._thread.is_alive() else "supervision ended"

    def _first(self, names: tuple[str, ...]) -> Roster:
        roster = Roster(1, names)
        try:
            self._place.save(roster)
        except ConflictError:
            found = self._place.current()
            assert found is not None, "a roster that is in the way can be read"
            return found
        return roster

    def _roster(self) -> Roster:
        roster = self._place.current()
        assert roster is not None, "the roster is written before anybody is asked"
        return roster

    def _ask(self) -> None:
        beats = self._launcher.beats(tuple(self._watched))
        now_s = self._now_s()
        for name, watched in self._watched.items():
            beat = beats.get(name)
            if beat is None:
                self._watched[name] = watched.missed(now_s, self._patience)
            else:
                self._watched[name] = watched.answered(now_s)
                self._beats[name] = beat

    def _placed(self, roster: Roster) -> Roster:
        names = placeable(self._watched.values(), roster.shards)
        return roster if names == roster.shards else self._saved(roster.with_shards(names))

    def _balanced(self, roster: Roster) -> Roster:
        """Even out, now and then, while every shard is well."""
        now_s = self._now_s()
        is_well = all(each.standing is Standing.ALIVE for each in self._watched.values())
        if not is_well or now_s - self._rebalanced_s < REBALANCE_S:
            return roster
        self._rebalanced_s = now_s
        sizes = {tenant: size for beat in self._beats.values() for tenant, size in beat.heavy.items()}
        light = sum(beat.light for beat in self._beats.values())
        found = rebalanced(roster, sizes, light=light)
        return roster if found == roster else self._saved(found)

    def _saved(self, roster: Roster) -> Roster:
        self._place.save(roster)
        structlog.get_logger().info("tenants are placed anew", version=roster.version, shards=list(roster.shards))
        return roster

    def _end_lost(self, before: Mapping[str, Watched]) -> None:
        for name, watched in self._watched.items():
            is_new = before[name].standing is not Standing.LOST
            is_due = self._now_s() - watched.since_s >= self._patience.starting_s
            if watched.standing is Standing.LOST and (is_new or is_due):
                structlog.get_logger().warning("a shard is silent and is ended", shard=name)
                self._launcher.restart(name)
                self._watched[name] = watched.restarted(self._now_s())

    def _let_go(self) -> None:
        """Drain those that leave; end those that are empty, or do not answer."""
        for name, watched in list(self._watched.items()):
            if watched.standing is Standing.LEAVING:
                beat = self._beats.get(name)
                is_empty = beat is not None and beat.tenants == 0 and beat.roster >= self._roster().version
                self._launcher.drain(name)
                self._watched[name] = watched.drained() if is_empty else watched
            if self._watched[name].standing is Standing.GONE:
                self._launcher.retire(name)
                del self._watched[name]
                self._beats.pop(name, None)

    def _warm(self, roster: Roster, watched: Mapping[str, Watched], beats: Mapping[str, Beat]) -> None:
        """Have tenants read again that were in memory before their shard began anew, or another one's turn came."""
        is_back = any(
            each.standing is Standing.ALIVE and name in watched and watched[name].standing is not Standing.ALIVE
            for name, each in self._watched.items()
        )
        if not is_back and roster.version == self._warmed:
            return
        self._warmed = roster.version
        held = {name: frozenset(beat.recent) for name, beat in self._beats.items()}
        cold: dict[str, dict[TenantId, None]] = {}
        for tenant in (tenant for beat in beats.values() for tenant in beat.recent):
            owner = roster.owner(tenant)
            if tenant not in held.get(owner, ()):
                cold.setdefault(owner, {})[tenant] = None
        for name, tenants in sorted(cold.items()):
            self._launcher.warm(name, tuple(tenants)[:WARMED_MAX])

    def _run(self) -> None:
        while True:
            try:
                self.tick()
                self._problem = ""
            except PolicyCortexError as error:
                self._problem = str(error)[:300]
                structlog.get_logger().warning("supervision failed", reason=self._problem)
            if self._stopping.wait(PERIOD_S):
                return
