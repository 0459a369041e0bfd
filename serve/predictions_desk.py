"""The prediction model for a command: how good it was, and its versions; here, or by the platform that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from domain.tenancy import TenantId
from domain.value import Json

if TYPE_CHECKING:
    from domain.clock import Clock
    from serve.predictions import Predictions
    from serve.settings import Settings

Row = dict[str, Any]


class PredictionsDesk(Protocol):
    """Where the model is asked about. Rows are as the HTTP routes have them."""

    def quality(self, tenant: TenantId) -> Row:
        """How good what the tenant was told was, and what has shifted."""

    def cochange(self, tenant: TenantId, resource_id: str, limit: int) -> Row:
        """Which others are changed when one resource is.

        Raises:
            NotFound: the tenant has no such resource.
        """

    def versions(self, tenant: TenantId) -> Row:
        """Every version of the model."""

    def retraining(self, tenant: TenantId) -> Row:
        """When the model is retrained next, and what came of each retraining."""

    def move(self, tenant: TenantId, model: str, step: str, *, by: str, reason: str) -> Row:
        """Approve, reject, or send back.

        Raises:
            NotFound: there is no such version.
            ConflictError: it cannot take that step.
        """


class LocalPredictions:
    """A desk of this process."""

    def __init__(self, predictions: Predictions, clock: Clock) -> None:
        self._predictions, self._clock = predictions, clock

    def quality(self, tenant: TenantId) -> Row:
        """From what is kept here."""
        return self._predictions.quality(tenant)

    def cochange(self, tenant: TenantId, resource_id: str, limit: int) -> Row:
        """By the model in this process."""
        from serve.predictor import Question  # noqa: PLC0415 (only who asks needs it)

        return self._predictions.cochange(Question(tenant, resource_id, self._clock.now()), limit)

    def versions(self, tenant: TenantId) -> Row:
        """Those of this store."""
        del tenant
        return self._predictions.versions()

    def retraining(self, tenant: TenantId) -> Row:
        """What the platform of this store kept last."""
        del tenant
        return self._predictions.retraining()

    def move(self, tenant: TenantId, model: str, step: str, *, by: str, reason: str) -> Row:
        """Take the step here."""
        from actors.model_book import Move  # noqa: PLC0415 (only who decides needs it)

        del tenant
        return self._predictions.move(Move.asked(model, step, at=self._clock.now(), by=by, reason=reason))


class RemotePredictions:
    """A desk reached over HTTP."""

    def __init__(
        self,
        get: Callable[[TenantId, str], Row],
        change: Callable[[TenantId, str, Mapping[str, Json]], Row],
    ) -> None:
        self._get, self._change = get, change

    def quality(self, tenant: TenantId) -> Row:
        """What is known there."""
        return self._get(tenant, "/predictions/quality")

    def cochange(self, tenant: TenantId, resource_id: str, limit: int) -> Row:
        """By the model there."""
        return self._get(tenant, f"/predictions/{quote(resource_id, safe='')}/cochange?limit={limit}")

    def versions(self, tenant: TenantId) -> Row:
        """Those of the platform there."""
        return self._get(tenant, "/predictions/models/versions")

    def retraining(self, tenant: TenantId) -> Row:
        """Of the platform there."""
        return self._get(tenant, "/predictions/models/retraining")

    def move(self, tenant: TenantId, model: str, step: str, *, by: str, reason: str) -> Row:
        """Take the step there."""
        path = f"/predictions/models/versions/{quote(model, safe='')}/{step}"
        return self._change(tenant, path, {"by": by, "reason": reason})


@contextmanager
def open_predictions(settings: Settings) -> Iterator[PredictionsDesk]:
    """The desk of the platform that runs on this store or is named, else one in this process."""
    from serve.run_file import find_running  # noqa: PLC0415 (each side loads its own)

    running = find_running(settings)
    if running is not None:
        from serve.remote import RemotePlatform  # noqa: PLC0415

        yield RemotePlatform(running).predictions
        return
    from domain.clock import SystemClock  # noqa: PLC0415
    from serve.bootstrap import folders_of, local_platform, models_of  # noqa: PLC0415
    from serve.predictions import Predictions  # noqa: PLC0415

    clock = SystemClock()
    with local_platform(settings) as platform:
        yield LocalPredictions(Predictions(platform, folders_of(settings), clock, models_of(settings)), clock)
