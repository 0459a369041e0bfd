"""What a run of training was given and what came of it: in plain files, or through MLflow's API where one is named.

Whether the tracker can be written to is found out before anything is learned; later a tracker that fails is logged and
ends nothing, because hours of learning are worth more than their record.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

import orjson

from domain.clock import format_instant
from domain.errors import InputError, UnavailableError
from domain.value import Json

LOG = logging.getLogger(__name__)
EXPERIMENT: Final = "policycortex"
GIVEN, FIGURES, ENDED = "given.json", "figures.ndjson", "ended.json"


class Tracking(Protocol):
    """One run."""

    def given(self, values: Mapping[str, Json]) -> None:
        """Note what the run is made of; more may be added later."""

    def reached(self, step: int, figures: Mapping[str, float]) -> None:
        """Note figures after a step."""

    def end(self, *, is_done: bool) -> None:
        """Note that it came to its end, or failed."""


class FileTracking:
    """A folder with three files.

    Args:
        folder: of this run alone.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=False)
        self._folder = folder
        self._given: dict[str, Json] = {}

    def given(self, values: Mapping[str, Json]) -> None:
        """Write them."""
        self._given |= values
        (self._folder / GIVEN).write_bytes(orjson.dumps(self._given, option=orjson.OPT_INDENT_2))

    def reached(self, step: int, figures: Mapping[str, float]) -> None:
        """Add a line."""
        with (self._folder / FIGURES).open("ab") as file:
            file.write(orjson.dumps({"step": step, **figures}) + b"\n")

    def end(self, *, is_done: bool) -> None:
        """Write it."""
        (self._folder / ENDED).write_bytes(orjson.dumps({"is_done": is_done}))


class MlflowTracking:
    """A run of MLflow.

    Args:
        uri: of the tracking server or store.

    Raises:
        InputError: MLflow is not installed.
        UnavailableError: the server or store takes no run.
    """

    def __init__(self, uri: str, name: str) -> None:
        try:
            module, self._error = import_module("mlflow.tracking"), import_module("mlflow.exceptions").MlflowException
        except ModuleNotFoundError as missing:
            todo = "Install it: python3 deploy/environment.py --extra tracking"
            raise InputError("MLflow is not installed", missing=missing.name, todo=todo) from missing
        try:
            self._client: Any = module.MlflowClient(tracking_uri=uri)
            known = self._client.get_experiment_by_name(EXPERIMENT)
            experiment = self._client.create_experiment(EXPERIMENT) if known is None else known.experiment_id
            self._run = self._client.create_run(experiment, run_name=name).info.run_id
        except self._error as failure:
            raise UnavailableError("MLflow takes no run", uri=uri, reason=str(failure)[:300],
                                   todo="Check the address, or leave --mlflow out") from failure  # fmt: skip

    def given(self, values: Mapping[str, Json]) -> None:
        """Parameters of the run."""
        for name, value in values.items():
            self._tell(lambda name=name, value=value: self._client.log_param(self._run, name, value))  # type: ignore[misc]

    def reached(self, step: int, figures: Mapping[str, float]) -> None:
        """Metrics of the run."""
        for name, value in figures.items():
            self._tell(lambda name=name, value=value: self._client.log_metric(self._run, name, value, step=step))  # type: ignore[misc]

    def end(self, *, is_done: bool) -> None:
        """The run's status."""
        self._tell(lambda: self._client.set_terminated(self._run, "FINISHED" if is_done else "FAILED"))

    def _tell(self, work: Callable[[], object]) -> None:
        try:
            work()
        except self._error as failure:
            LOG.warning("MLflow did not take what came of the run: %s", str(failure)[:300])


@contextmanager
def tracked(folder: Path, name: str, begun: datetime, *, uri: str | None = None) -> Iterator[Tracking]:
    """A run that is noted until its end, whatever that is.

    Args:
        folder: of plain files, a folder in it for each run; not touched where MLflow is named.
        uri: of MLflow; plain files without one.
    """
    told = f"{name}-{begun:%Y%m%dT%H%M%S.%f}"
    tracking: Tracking = FileTracking(folder / told) if uri is None else MlflowTracking(uri, told)
    tracking.given({"name": name, "begun": format_instant(begun)})
    is_done = False
    try:
        yield tracking
        is_done = True
    finally:
        tracking.end(is_done=is_done)
