"""Searches how the network learns best: ``python -m training tune DATA_DIR --json OUT``.

Ray Tune draws the ways, tries several at a time and stops early what falls behind after an epoch. Every epoch is kept,
so a search that was cut off goes on where it stopped when it is started again with the same name. Ways are judged on
the last weeks, which none of them learned from; what is found there is no measure of quality: that is the back-test's,
to which the winner's numbers are given.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from ray import tune
from ray.tune.schedulers import ASHAScheduler

from domain.errors import InputError
from domain.value import Json
from training.answer import answer
from training.backtest import TRAIN_FROM, day
from training.dataset import Weeks
from training.network.split import split
from training.network.trial import FIGURES, METRIC, Split, run_trial, teaching_of
from training.ray_here import ray_here
from training.recorded import read_histories

SPACE: Final[Mapping[str, Any]] = {
    "width": tune.choice([24, 32, 40, 56]),
    "layers": tune.choice([1, 2, 3]),
    "dropout": tune.uniform(0.0, 0.3),
    "rate": tune.loguniform(1e-3, 1e-2),
    "decay": tune.loguniform(1e-4, 1e-2),
}
STATE: Final = "state.pt"


def main(arguments: Sequence[str] | None = None) -> int:
    """Search, and tell what was found."""
    given = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)d ms %(message)s", stream=sys.stderr)
    return answer(partial(run, given), given.json)


def parser() -> argparse.ArgumentParser:
    """The command line's form."""
    made = argparse.ArgumentParser(prog="python -m training tune", description=__doc__)
    made.add_argument("data", type=Path, help="folder with events.parquet, edges.parquet and violations.parquet")
    made.add_argument("--trials", type=int, default=8, help="ways that are tried; default 8")
    made.add_argument("--parallel", type=int, default=1, help="at a time, a processor core each; default 1")
    made.add_argument("--epochs", type=int, default=4, help="of a trial that is not stopped; default 4")
    made.add_argument("--train-from", type=day, default=TRAIN_FROM, help="first week that is learned from")
    made.add_argument("--train-every", type=int, default=8, help="learn from every so many weeks; default 8")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--name", default="search", help="of the search; one that is there goes on")
    made.add_argument("--folder", type=Path, default=Path(".pcg/training/tune"), help="where searches are kept")
    made.add_argument("--cache", type=Path, default=Path(".pcg/training"), help="where weeks are kept")
    made.add_argument("--json", type=Path, help="write what was found to this file")
    return made


def run(given: argparse.Namespace) -> Mapping[str, Json]:
    """Search on every way that is drawn.

    Raises:
        InputError: the data cannot be used, or no trial came to an end.
    """
    recorded = read_histories(given.data)
    weeks = Weeks(recorded, given.cache.resolve())
    learned, held_out = split(given.train_from, recorded.end, every_weeks=given.train_every)
    weeks.prepare([*learned, *held_out])
    trainable = partial(
        _trial, data=given.data.resolve(), cache=given.cache.resolve(), split=Split(learned, held_out),
        epochs=given.epochs, seed=given.seed,
    )  # fmt: skip
    with ray_here(given.parallel):
        found = _tuner(trainable, given).fit()
    return _told(found, data=recorded.digest, name=given.name)


def _tuner(trainable: Any, given: argparse.Namespace) -> tune.Tuner:
    """A new search, or the one of this name, whose trials go on."""
    folder = given.folder.resolve()
    kept = str(folder / given.name)
    if tune.Tuner.can_restore(kept):
        return tune.Tuner.restore(kept, trainable, resume_errored=True)
    config = tune.TuneConfig(
        metric=METRIC, mode="max", num_samples=given.trials, max_concurrent_trials=given.parallel,
        search_alg=tune.search.basic_variant.BasicVariantGenerator(random_state=given.seed),
        scheduler=ASHAScheduler(max_t=given.epochs, grace_period=1, reduction_factor=2),
    )  # fmt: skip
    place = tune.RunConfig(
        name=given.name, storage_path=str(folder), verbose=0, checkpoint_config=tune.CheckpointConfig(num_to_keep=1)
    )
    return tune.Tuner(trainable, param_space=dict(SPACE), tune_config=config, run_config=place)


def _trial(choice: Mapping[str, float], *, data: Path, cache: Path, split: Split, epochs: int, seed: int) -> None:
    """What a worker does."""
    weeks = Weeks(read_histories(data), cache)
    run_trial(weeks.graph, split, teaching_of(choice, epochs=epochs), _Kept(), seed=seed)


class _Kept:
    """A trial as Ray Tune keeps it."""

    def state(self) -> bytes | None:
        """From the last checkpoint."""
        checkpoint = tune.get_checkpoint()
        if checkpoint is None:
            return None
        with checkpoint.as_directory() as folder:
            return (Path(folder) / STATE).read_bytes()

    def keep(self, figures: Mapping[str, float], state: bytes) -> None:
        """As a checkpoint, with its figures."""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / STATE).write_bytes(state)
            tune.report(dict(figures), checkpoint=tune.Checkpoint.from_directory(folder))


def _told(found: tune.ResultGrid, *, data: str, name: str) -> Mapping[str, Json]:
    results = [found[at] for at in range(len(found))]
    trials = [_row(one) for one in results if one.metrics and METRIC in one.metrics]
    if not trials:
        reason = str(found.errors[0])[-300:] if found.errors else "no trial was begun"
        raise InputError("no trial came to an end of an epoch", reason=reason, todo="See the search's folder")
    trials.sort(key=lambda row: -float(row[METRIC]))
    return {"schema": "training.tune/1", "name": name, "data_digest": data, "by": METRIC, "best": trials[0],
            "failed": found.num_errors, "trials": list(trials)}  # fmt: skip


def _row(result: tune.Result) -> dict[str, Any]:
    metrics = result.metrics or {}
    told = {name: round(float(metrics[name]), 5) for name in (METRIC, *FIGURES) if name in metrics}
    return {**told, "epochs": metrics["training_iteration"], "way": dict(result.config or {})}


if __name__ == "__main__":
    sys.exit(main())
