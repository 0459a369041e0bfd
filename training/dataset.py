"""Weeks of rows for every task, made once for a digest of data and of feature code, and kept on disk.

T2 to T4 share a matrix with a row for each scored live resource; T3 also has one with a row for each stack. Rows of
different tenants stand one behind the other.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from training import births, cochange
from training.features import Features, Matrix
from training.history import Flags, microseconds
from training.recorded import Recorded
from training.relations import Relations, as_table, behind, from_table, relations_of
from training.task import HORIZON_DAYS, NODE_TASKS, Seen, Task, features_of, labels, see

LOG = logging.getLogger(__name__)
FEATURE_CODE = (
    "activity",
    "births",
    "cochange",
    "dataset",
    "features",
    "history",
    "recorded",
    "relations",
    "sampler",
    "state",
    "task",
)
LARGEST_OF = ("own", "near", "type")
"""Families of which a stack's row holds the largest value besides the mean."""
ANCHOR_SEED = 7


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of one task in one week.

    Args:
        stack: for T3, which of `stacks` each row is in.

    Shapes:
        values: float32 (n, k). labels: bool (n,). tenant: int16 (n,). stacks: float32 (s, ks) or (0, 0).
    """

    values: Matrix
    labels: Flags
    tenant: NDArray[np.int16]
    stack: NDArray[np.int32]
    stacks: Matrix


@dataclass(frozen=True, slots=True)
class GraphWeek:
    """A week as the network sees it: every row with its features, its relations, and what came to it.

    Shapes:
        values: float32 (n, k). labels: bool (n, 3), a column for each of `NODE_TASKS`.
        pairs: int32 (p, 2), the rows of the anchor and of the candidate of each of T5's rows.
    """

    values: Matrix
    relations: Relations
    labels: Flags
    pairs: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 2), np.int32))


@dataclass(frozen=True, slots=True)
class Names:
    """Names of the columns of each matrix, and the family of each node column."""

    node: tuple[str, ...]
    families: tuple[str, ...]
    stack: tuple[str, ...]


class Weeks:
    """Every task's rows by week; makes what is not there yet.

    Args:
        folder: where weeks are kept, by digests of data and of feature code.
    """

    def __init__(self, recorded: Recorded, folder: Path) -> None:
        self._recorded = recorded
        tenants = hashlib.sha256("\0".join(name for name, _ in self.tenants).encode()).hexdigest()
        self._folder = folder / f"{recorded.digest[:12]}-{code_digest()[:12]}-{tenants[:8]}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._births: births.Births | None = None

    @property
    def tenants(self) -> tuple[tuple[str, str], ...]:
        """Each tenant's name and cloud, by the number that rows hold."""
        return tuple((one.tenant, one.cloud) for one in self._recorded.timelines)

    @property
    def digest(self) -> str:
        return self._recorded.digest

    @property
    def end(self) -> datetime:
        return self._recorded.end

    @property
    def folder(self) -> Path:
        return self._folder

    def names(self) -> Names:
        """Names of the columns; `prepare` must have made some week."""
        found = orjson.loads((self._folder / "names.json").read_bytes())
        return Names(tuple(found["node"]), tuple(found["families"]), tuple(found["stack"]))

    def prepare(self, wanted: Iterable[datetime]) -> None:
        """Make every week that is not there yet."""
        for origin in sorted(set(wanted)):
            begun = time.monotonic()
            if not self._path(origin).is_file():
                self.make(origin)
                LOG.info("week %s made in %.1f s", origin.date(), time.monotonic() - begun)

    def _path(self, origin: datetime) -> Path:
        return self._folder / f"{origin:%Y-%m-%dT%H%M}.npz"

    def make(self, origin: datetime) -> Path:
        """A week's file, made if it is not there.

        Raises:
            InputError: the week's window passes the end of the data.
        """
        path = self._path(origin)
        if not path.is_file():
            arrays, names = _week(self._recorded, origin)
            (self._folder / "names.json").write_bytes(orjson.dumps(names))
            partial = path.with_suffix(".partial.npz")
            np.savez(partial, allow_pickle=False, **arrays)
            partial.replace(path)
        return path

    def rows(self, task: Task, origin: datetime) -> Rows:
        """A week's rows of a task."""
        if task is Task.BORN:
            return self._born(origin)
        with np.load(self.make(origin)) as found:
            if task is Task.COCHANGE:
                return Rows(found["pairs"], found["pair_labels"], found["pair_tenant"], _no_stack(), _no_stacks())
            stacks = found["stacks"] if task is Task.STACK else _no_stacks()
            return Rows(found["values"], found[f"labels_{task}"], found["tenant"], found["stack"], stacks)

    def graph(self, origin: datetime) -> GraphWeek:
        """A week's rows with their relations."""
        with np.load(self.make(origin)) as found:
            labels = np.stack([found[f"labels_{task}"] for task in NODE_TASKS], axis=1)
            return GraphWeek(found["values"], from_table(found), labels, found["pair_rows"])

    def _born(self, origin: datetime) -> Rows:
        """Creations within the window, each with features as of just before it."""
        if self._births is None:
            self._births = self._load_births()
        found, start = self._births, microseconds(origin)
        stop = microseconds(origin + timedelta(days=HORIZON_DAYS))
        chosen = slice(*np.searchsorted(found.at, (start, stop), side="right").tolist())
        return Rows(found.values[chosen], found.labels[chosen], found.tenant[chosen], _no_stack(), _no_stacks())

    def _load_births(self) -> births.Births:
        path = self._folder / "births.npz"
        if not path.is_file():
            made = births.births([one.until(self._recorded.end) for one in self._recorded.timelines])
            np.savez(path, **{name: getattr(made, name) for name in ("values", "labels", "at", "tenant", "unknown",
                                                                     "unknown_born")})  # fmt: skip
        with np.load(path) as found:
            return births.Births(found["values"], found["labels"], found["at"], found["tenant"],
                                 int(found["unknown"]), int(found["unknown_born"]))  # fmt: skip


def code_digest(names: Iterable[str] = FEATURE_CODE) -> str:
    """SHA-256 over the modules that make features and labels."""
    hashed = hashlib.sha256()
    for name in sorted(names):
        hashed.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return hashed.hexdigest()


def _week(recorded: Recorded, origin: datetime) -> tuple[dict[str, NDArray[np.generic]], dict[str, Sequence[str]]]:
    seen, prior = see(recorded.timelines, origin)
    found = [features_of(one, prior) for one in seen]
    outcomes = [one.outcome(origin, days=HORIZON_DAYS) for one in recorded.timelines]
    answers = [labels(one, outcome) for one, outcome in zip(seen, outcomes, strict=True)]
    pairs = [
        cochange.pair_rows(one, features, outcome, seed=ANCHOR_SEED)
        for one, features, outcome in zip(seen, found, outcomes, strict=True)
    ]
    stack, stacks, stack_names = _stacks(found)
    begun = np.cumsum([0, *(len(one.values) for one in found)])
    arrays: dict[str, NDArray[np.generic]] = {
        "values": np.concatenate([one.values for one in found]),
        "tenant": _tenants([len(one.values) for one in found]),
        "stack": stack, "stacks": stacks,
        "pairs": np.concatenate([one.values for one in pairs]),
        "pair_labels": np.concatenate([one.labels for one in pairs]),
        "pair_rows": np.concatenate([one.rows + at for one, at in zip(pairs, begun, strict=False)]).astype(np.int32),
        "pair_tenant": _tenants([len(one.labels) for one in pairs]),
        **as_table(behind([relations_of(one) for one in seen])),
        **{f"labels_{task}": np.concatenate([one[task] for one in answers]) for task in NODE_TASKS},
    }  # fmt: skip
    return arrays, {"node": found[0].names, "families": found[0].families, "stack": stack_names}


def seen_tenants(recorded: Recorded, origin: datetime) -> tuple[Seen, ...]:
    """Every tenant's past, for callers that look at single resources."""
    return see(recorded.timelines, origin)[0]


def _stacks(found: Sequence[Features]) -> tuple[NDArray[np.int32], Matrix, tuple[str, ...]]:
    """One row for each stack: means over its resources, and the largest values where single ones matter."""
    numbers, parts, begun = [], [], 0
    for one in found:
        _, number = np.unique(one.stacks, return_inverse=True)
        numbers.append((number + begun).astype(np.int32))
        parts.append(_by_stack(one, number))
        begun += len(parts[-1])
    columns = _largest_columns(found[0])
    names = (*found[0].names, *(f"largest.{found[0].names[at]}" for at in columns))
    return np.concatenate(numbers), np.concatenate(parts), names


def _by_stack(found: Features, number: NDArray[np.intp]) -> Matrix:
    if not len(number):
        return np.zeros((0, len(found.names) + len(_largest_columns(found))), np.float32)
    order = np.argsort(number, kind="stable")
    starts = np.searchsorted(number[order], np.arange(int(number.max()) + 1))
    ordered = found.values[order]
    means = np.add.reduceat(ordered, starts) / np.bincount(number)[:, None]
    largest = np.maximum.reduceat(ordered[:, _largest_columns(found)], starts)
    return np.concatenate((means, largest), axis=1).astype(np.float32)


def _largest_columns(found: Features) -> list[int]:
    return [at for at, family in enumerate(found.families) if family in LARGEST_OF]


def _tenants(sizes: Sequence[int]) -> NDArray[np.int16]:
    return np.repeat(np.arange(len(sizes)), sizes).astype(np.int16)


def _no_stack() -> NDArray[np.int32]:
    return np.zeros(0, np.int32)


def _no_stacks() -> Matrix:
    return np.zeros((0, 0), np.float32)
