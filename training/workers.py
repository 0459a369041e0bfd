"""Several workers learn one network: ``python -m training train --workers N``, by Ray Train.

Each takes its share of every step's rows and gradients are added up (`training.network.fit`): between processors by
gloo, on GPUs, where the cluster has as many, by NCCL. Every epoch is kept, so workers that are lost are started again
and go on from the last, and so does a run that was cut off when the same is asked for again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import orjson
import ray
from ray import train
from ray.train.torch import TorchConfig, TorchTrainer, get_device

from domain.errors import InputError
from training.forward import Network
from training.network.fit import Reached, Share, Teaching, Weeks, fit_network
from training.ray_here import ray_here

STATE, NETWORK, LOSSES = "state.pt", "network.npz", "losses.json"
FAILURES_MAX: Final = 3
"""How often lost workers are started again."""


def fit_together(
    make: Callable[[], Weeks],
    weeks: Sequence[datetime],
    *,
    seed: int,
    teaching: Teaching,
    workers: int,
    folder: Path,
    told: Callable[[int, float], None] = lambda _epoch, _loss: None,
) -> Network:
    """Fit a network to weeks by several workers.

    A cluster that this process is connected to is used; without one, processors of this machine are.

    Args:
        make: in each worker, makes what gives a week's rows.
        folder: where epochs are kept; every node of the cluster reaches it.
        told: hears of each epoch and its loss, when all are done.

    Raises:
        InputError: the workers came to no end.
    """
    with ray_here(workers):
        found = _trainer(make, weeks, seed=seed, teaching=teaching, workers=workers, folder=folder).fit()
    if found.error is not None or found.checkpoint is None:
        raise InputError("the workers came to no end", reason=str(found.error)[-300:], folder=str(folder),
                         todo="See the folder of the run; the same command goes on from the last epoch")  # fmt: skip
    with found.checkpoint.as_directory() as kept:
        for epoch, loss in enumerate(orjson.loads((Path(kept) / LOSSES).read_bytes()), start=1):
            told(epoch, loss)
        with np.load(Path(kept) / NETWORK) as arrays:
            return Network({name: arrays[name] for name in arrays.files})


def _trainer(
    make: Callable[[], Weeks], weeks: Sequence[datetime], *, seed: int, teaching: Teaching, workers: int, folder: Path
) -> TorchTrainer:
    def loop() -> None:
        _work(make(), weeks, seed=seed, teaching=teaching)

    asked = {"weeks": [one.isoformat() for one in weeks], "seed": seed, "teaching": asdict(teaching)}
    place = train.RunConfig(
        name=f"fit-{sha256(orjson.dumps(asked)).hexdigest()[:12]}-{workers}", storage_path=str(folder.resolve()),
        failure_config=train.FailureConfig(max_failures=FAILURES_MAX),
        checkpoint_config=train.CheckpointConfig(num_to_keep=1),
    )  # fmt: skip
    has_gpus = ray.cluster_resources().get("GPU", 0) >= workers  # type: ignore[no-untyped-call]
    return TorchTrainer(
        loop, torch_config=TorchConfig(backend="nccl" if has_gpus else "gloo"), run_config=place,
        scaling_config=train.ScalingConfig(num_workers=workers, use_gpu=has_gpus),
    )  # fmt: skip


def _work(load: Weeks, weeks: Sequence[datetime], *, seed: int, teaching: Teaching) -> None:
    """What a worker does."""
    context, kept = train.get_context(), train.get_checkpoint()
    share, state, losses = Share(context.get_world_rank(), context.get_world_size()), None, list[float]()
    if kept is not None:
        with kept.as_directory() as folder:
            state = (Path(folder) / STATE).read_bytes()
            losses = orjson.loads((Path(folder) / LOSSES).read_bytes())
    note = partial(_note, share, losses)
    fit_network(load, weeks, seed=seed, teaching=teaching, told=note, resumed=state, share=share, on=str(get_device()))


def _note(share: Share, losses: list[float], reached: Reached) -> None:
    """Keep an epoch; every worker waits for the others here, and the first has what is kept."""
    losses.append(reached.loss)
    if share.rank:
        train.report({"loss": reached.loss})
        return
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / STATE).write_bytes(reached.state())
        (Path(folder) / LOSSES).write_bytes(orjson.dumps(losses))
        np.savez(Path(folder) / NETWORK, allow_pickle=False, **reached.network.arrays)
        train.report({"loss": reached.loss}, checkpoint=train.Checkpoint.from_directory(folder))
