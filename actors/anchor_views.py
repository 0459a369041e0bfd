"""Anchoring as callers see it: how targets stand, and what a round brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from actors.anchor_schedule import TargetState
from actors.anchoring import Round
from actors.messages import AnchorRound, AnchorTargetView
from domain.anchoring import AnchorTarget


def target_views(
    targets: Sequence[AnchorTarget], states: Mapping[str, TargetState], now: datetime
) -> tuple[AnchorTargetView, ...]:
    """Each target's circuit; before the platform log was read, nothing is known but the names."""
    return tuple(_view(target, states.get(target.name), now) for target in targets)


def _view(target: AnchorTarget, state: TargetState | None, now: datetime) -> AnchorTargetView:
    if state is None:
        return AnchorTargetView(target.name, target.kind.value)
    return AnchorTargetView(
        target.name,
        target.kind.value,
        circuit=state.circuit(now).value,
        failures=state.failures,
        reason=state.reason,
        pending=len(state.pending),
        settled_until=state.settled_until,
    )


def round_view(size: int, done: Round) -> AnchorRound:
    """A round over the platform log of that size."""
    receipts = tuple((receipt.target, receipt.kind.value, receipt.is_final) for receipt in done.receipts)
    gaps = tuple((gap.target, gap.begins_at, gap.ends_at, gap.reason) for gap in done.gaps)
    return AnchorRound(size, receipts, gaps, dict(done.failures))
