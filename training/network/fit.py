"""Fits the network to weeks of graphs: one step for each week in random order, on a drawn part of its rows.

A step takes the rows that say most (every violation nearby, shares of changes and of the rest, weighted for those left
out) and everything that their scores depend on. The same seed gives the same network on the same machine.

Several processes may learn one network together: each takes its share of every step's rows, and gradients are added up.
A step is then what it is for one process alone, but for rounding and for which parts of states dropout leaves out.
"""

from __future__ import annotations

import io
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from domain.errors import InputError
from training.dataset import GraphWeek
from training.forward import Network
from training.network.model import Form, Neighbourhood, RelationNetwork, neighbourhood
from training.relations import ego
from training.task import NODE_TASKS

LOG = logging.getLogger(__name__)
Weeks = Callable[[datetime], GraphWeek]
SHARES = {"T2": 1.0, "T3": 0.08, "T4": 0.5}
"""Share of the rows that are kept of those for which each task came true; a row that is in several has the largest."""
REST = 0.025
UNKNOWN_TYPE = 0.05
"""Share of rows whose type is hidden while learning, so that a type never seen before has a meaning."""
TYPE_ROWS_MIN = 20
ROWS_BETWEEN = 8
"""Means and scales are those of every so many rows."""


@dataclass(frozen=True, slots=True)
class Teaching:
    """How long and how hard the network learns."""

    form: Form = field(default_factory=Form)
    epochs: int = 4
    rate: float = 3e-3
    decay: float = 1e-3
    threads: int = 1


TEACHING = Teaching()


@dataclass(frozen=True, slots=True)
class Share:
    """Which of the rows of every step are this process's.

    Args:
        rank: of this process, from 0.
        size: how many processes learn together; their process group stands when learning begins.
    """

    rank: int = 0
    size: int = 1

    def of(self, rows: int) -> NDArray[np.intp]:
        """Places of so many rows that are this process's."""
        return np.arange(self.rank, rows, self.size)


ALONE = Share()


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """One week's drawn rows with what they depend on; the drawn rows come first.

    `total` is the weight of all that were drawn, whichever process has them.
    """

    standard: torch.Tensor
    near: Neighbourhood
    labels: torch.Tensor
    weights: torch.Tensor
    total: torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Reached:
    """How far learning has come.

    Args:
        epoch: how many are done.
        loss: of the last one, in the mean.
        network: as it is now.
        state: gives what learning can be resumed from.
    """

    epoch: int
    loss: float
    network: Network
    state: Callable[[], bytes]


@dataclass(frozen=True, slots=True, eq=False)
class _Start:
    """What is known before learning.

    Args:
        network: means, scales and types; no parameters yet.
        base: how often each task comes true; the heads begin there.
    """

    network: Network
    base: NDArray[np.float32]

    def uncertainty(self) -> NDArray[np.float32]:
        """For each task, what always telling its base rate loses. Losses are counted in it, so that a rare task is
        heard beside a frequent one.
        """  # noqa: D205 (one sentence)
        return -(self.base * np.log(self.base) + (1 - self.base) * np.log(1 - self.base))


def fit_network(
    load: Weeks,
    weeks: Sequence[datetime],
    *,
    seed: int,
    teaching: Teaching = TEACHING,
    told: Callable[[Reached], None] | None = None,
    resumed: bytes | None = None,
    share: Share = ALONE,
    on: str | None = None,
) -> Network:
    """Fit a network to weeks.

    Args:
        load: gives a week's rows; called once a week and epoch, because all weeks at once may not fit into memory.
        told: hears of each epoch that is done; may raise to end it.
        resumed: the state of a fit of the same weeks, seed and teaching; what follows is as if it had never stopped.
        share: this process's, where several learn together.
        on: the device; a GPU where there is one.

    Raises:
        InputError: there is nothing to learn from.
    """
    if not weeks:
        raise InputError("there are no weeks to learn from", todo="Start to learn earlier")
    seeded(seed, teaching.threads)
    device = torch.device(on or ("cuda" if torch.cuda.is_available() else "cpu"))
    start = _start(load, weeks)
    known = start.network
    model = RelationNetwork(
        teaching.form, features=len(known.arrays["mean"]), types=len(known.arrays["type_names"]), tasks=len(NODE_TASKS)
    )
    model.begin(start.base)
    model.to(device)
    learning = _Learning(model, teaching, steps=teaching.epochs * len(weeks))
    begun = 0 if resumed is None else learning.resume(resumed)
    if share.rank:
        torch.manual_seed(hash((seed, share.rank, begun)))
    for epoch in range(begun, teaching.epochs):
        losses = []
        for batch in _batches(load, weeks, known, (seed, epoch), model, share=share):
            losses.append(_step(model, learning.optimiser, batch, start.uncertainty(), share))
            learning.schedule.step()
        loss = float(np.mean(losses))
        LOG.info("epoch %d of %d: loss %.5f", epoch + 1, teaching.epochs, loss)
        if told is not None:
            told(Reached(epoch + 1, loss, _exported(model, known), partial(learning.state, epoch + 1)))
    return _exported(model, known)


class _Learning:
    """Parameters and what changes them."""

    def __init__(self, model: RelationNetwork, teaching: Teaching, *, steps: int) -> None:
        self.model = model
        self.optimiser = torch.optim.AdamW(model.parameters(), lr=teaching.rate, weight_decay=teaching.decay)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, max_lr=teaching.rate, total_steps=steps, pct_start=0.2
        )

    def state(self, epochs: int) -> bytes:
        """All of it after so many epochs, and what is drawn next."""
        kept = {
            "epochs": epochs,
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "draws": torch.get_rng_state(),
        }
        buffer = io.BytesIO()
        torch.save(kept, buffer)
        return buffer.getvalue()

    def resume(self, state: bytes) -> int:
        """Go on from a state; how many epochs are done."""
        kept = torch.load(io.BytesIO(state), weights_only=True)
        self.model.load_state_dict(kept["model"])
        self.optimiser.load_state_dict(kept["optimiser"])
        self.schedule.load_state_dict(kept["schedule"])
        torch.set_rng_state(kept["draws"])
        return int(kept["epochs"])


def _exported(model: RelationNetwork, known: Network) -> Network:
    return Network({**known.arrays, **model.arrays()})


def _step(
    model: RelationNetwork,
    optimiser: torch.optim.Optimizer,
    batch: Batch,
    uncertainty: NDArray[np.float32],
    share: Share,
) -> float:
    device = batch.standard.device
    model.train()
    optimiser.zero_grad()
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        logits = model(batch.standard, batch.near)[: len(batch.labels)]
    lost = torch.nn.functional.binary_cross_entropy_with_logits(
        logits.float(), batch.labels, weight=batch.weights[:, None], reduction="none"
    )
    loss = (lost.sum(dim=0) / batch.total / torch.from_numpy(uncertainty).to(device)).mean()
    loss.backward()
    told = loss.detach()
    if share.size > 1:
        _add_up(model, told)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    return float(told)


def _add_up(model: RelationNetwork, loss: torch.Tensor) -> None:
    """Make gradients, and the loss, those of all processes together."""
    gradients = [torch.zeros_like(one) if one.grad is None else one.grad for one in model.parameters()]
    together = torch.cat([*(one.reshape(-1) for one in gradients), loss.reshape(1)])
    torch.distributed.all_reduce(together)
    loss.copy_(together[-1])
    for one, part in zip(model.parameters(), together[:-1].split([g.numel() for g in gradients]), strict=True):
        one.grad = part.view_as(one)


def _batches(
    load: Weeks,
    weeks: Sequence[datetime],
    known: Network,
    seed: tuple[int, int],
    model: RelationNetwork,
    *,
    share: Share,
) -> Iterator[Batch]:
    draw = np.random.default_rng(seed)
    for at in draw.permutation(len(weeks)).tolist():
        week = load(weeks[at])
        drawn = drawn_rows(week.labels, draw)
        if len(drawn[0]) >= share.size:
            yield _batch(week, drawn, known, draw, model, share=share)


def drawn_rows(labels: NDArray[np.bool_], draw: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Rows to learn from, and how many rows each stands for.

    Shapes:
        labels: bool (n, tasks). Returns (m,) rows and float32 (m,) weights.
    """
    shares = np.full(len(labels), REST)
    for at, task in enumerate(NODE_TASKS):
        shares[labels[:, at]] = np.maximum(shares[labels[:, at]], SHARES[task])
    rows = np.flatnonzero(draw.random(len(labels)) < shares)
    return rows, (1 / shares[rows]).astype(np.float32)


def _batch(
    week: GraphWeek,
    drawn: tuple[NDArray[np.intp], NDArray[np.float32]],
    known: Network,
    draw: np.random.Generator,
    model: RelationNetwork,
    *,
    share: Share,
) -> Batch:
    rows, weights = drawn
    total = torch.from_numpy(weights).sum()
    device = model.head.weight.device
    nodes, near = ego(week.relations, rows, hops=len(model.own))
    types = known.type_codes(near)
    types[draw.random(len(types)) < UNKNOWN_TYPE] = 0
    if share.size > 1:
        mine = share.of(len(rows))
        places, near = ego(near, mine, hops=len(model.own))
        rows, weights, nodes, types = rows[mine], weights[mine], nodes[places], types[places]
    return Batch(
        torch.from_numpy(known.standard(week.values[nodes])).to(device),
        neighbourhood(near, types, device),
        torch.from_numpy(week.labels[rows].astype(np.float32)).to(device),
        torch.from_numpy(weights).to(device),
        total.to(device),
    )


def _start(load: Weeks, weeks: Sequence[datetime]) -> _Start:
    """Means and scales of the features, the types that are frequent enough, and how rare each task is."""
    parts, types, rates = [], Counter[str](), []
    for one in weeks:
        week = load(one)
        parts.append(np.nan_to_num(week.values[::ROWS_BETWEEN]))
        rates.append(week.labels.mean(axis=0) if len(week.labels) else np.zeros(len(NODE_TASKS)))
        counts = np.bincount(week.relations.types, minlength=len(week.relations.type_names))
        for name, count in zip(week.relations.type_names, counts.tolist(), strict=True):
            types[name] = max(types[name], count)
    values = np.concatenate(parts)
    names = sorted(name for name, count in types.items() if count >= TYPE_ROWS_MIN)
    base = np.clip(np.mean(rates, axis=0), 1e-5, 1 - 1e-5)
    network = Network(
        {
            **moments(values),
            "type_names": np.array(names, np.str_),
        }
    )
    return _Start(network, base.astype(np.float32))


def moments(values: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
    """`mean` and `scale` of columns, as networks read them; a column that is the same everywhere has the scale 1."""
    scale = values.std(axis=0)
    return {
        "mean": values.mean(axis=0, dtype=np.float64).astype(np.float32),
        "scale": np.where(scale > 1e-6, scale, 1.0).astype(np.float32),
    }


def seeded(seed: int, threads: int) -> None:
    """Draw everything that comes from a seed."""
    random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
