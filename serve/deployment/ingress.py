"""The ingress: one deployment that holds the HTTP application, one hop from the actors and from the models."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from fastapi import FastAPI
from ray import serve as ray_serve

from actors.folders import Folders
from actors.garbage import rest_collector
from actors.placement import ShardOpening
from actors.retraining_book import RetrainingBook
from actors.telemetry import configure_logging
from actors.upkeep import UpkeepConfig
from connectors.webhook.target import Allowed
from domain.clock import Clock, SystemClock
from serve.api.context import ApiContext
from serve.app import build_app
from serve.auth.tokens import TokenRegistry
from serve.change_desk import ChangeDesk
from serve.crew import ray_crew
from serve.deployment.model import DeployedModel, ModelConfig, model_deployment
from serve.drift_courier import CourierParts, DriftCourier
from serve.drift_service import DriftService
from serve.jobs.submission import RayJobs
from serve.key_places import KeyPlaces
from serve.operations import Operations
from serve.pack_maker import FolderPackMaker, time_stamps
from serve.platform import Platform
from serve.prediction_nights import LOCK as NIGHTS_LOCK
from serve.prediction_nights import PredictionNights
from serve.predictions import ModelPlace, Predictions
from serve.privacy import Protection
from serve.reporting import ReportService
from serve.retraining_schedule import LOCK as RETRAINING_LOCK
from serve.retraining_schedule import RetrainingSchedule, ScheduleConfig
from serve.sole_worker import SoleWorker
from serve.stream_place import StreamPlace
from training.predictor import features_now

MAX_ONGOING: Final = 64
MAX_QUEUED: Final = 256


@dataclass(frozen=True, slots=True)
class IngressConfig:
    """What a replica needs to know; it travels to another process."""

    folders: Folders
    keys: KeyPlaces
    upkeep: UpkeepConfig
    opening: ShardOpening
    shards: int
    simulations: int
    tokens: Path
    allowed_roots: tuple[Path, ...]
    operator_digest: bytes
    streams: StreamPlace
    webhook_places: tuple[str, ...] = ()
    report_tsa_url: str | None = None
    models: ModelPlace = field(default_factory=ModelPlace)
    model_replicas: int = 1
    prediction_hour: int = 24
    retraining: ScheduleConfig = field(default_factory=ScheduleConfig)


class Ingress:
    """A replica: it finds the actors by name and answers.

    Args:
        model: handle of the models' deployment.
    """

    def __init__(self, config: IngressConfig, model: Any) -> None:
        configure_logging()
        rest_collector()
        log_keys = config.keys.log_keys(config.folders)
        platform = Platform(
            ray_crew(
                config.folders,
                config.upkeep,
                log_keys,
                config.opening,
                shards=config.shards,
                simulations=config.simulations,
            )
        )
        clock = SystemClock()
        operations = Operations(platform, clock)
        maker = FolderPackMaker(
            config.folders, platform, clock, config.keys, stamping=time_stamps(config.report_tsa_url)
        )
        streams = config.streams.open()
        allowed, loop = Allowed.of(config.webhook_places), asyncio.get_running_loop()
        parts = CourierParts(config.folders, streams.feed, platform.collect, allowed, clock, look=platform.drift.look)
        DriftCourier(parts).begin()
        predictions = Predictions(
            platform,
            config.folders,
            clock,
            config.models,
            lambda arms: DeployedModel(model, loop, features_now(), arms.files),
        )
        place = SoleWorker(config.folders.store / NIGHTS_LOCK)
        PredictionNights(predictions, config.folders.tenants, clock, place, hour=config.prediction_hour).begin()
        _schedule(config, predictions, platform, clock).begin()
        self._context = ApiContext(
            platform=platform,
            operations=operations,
            reports=ReportService(maker, config.folders, operations, clock),
            protection=Protection(config.folders, platform),
            folders=config.folders,
            tokens=TokenRegistry(config.tokens),
            clock=clock,
            allowed_roots=config.allowed_roots,
            changes=ChangeDesk(streams, clock),
            drift=DriftService(platform.drift, config.folders, clock, streams.feed, allowed),
            predictions=predictions,
            operator_digest=config.operator_digest,
        )

    def __serve_build_asgi_app__(self) -> FastAPI:
        """The application, built in the replica."""
        return build_app(self._context)


def _schedule(config: IngressConfig, predictions: Predictions, platform: Platform, clock: Clock) -> RetrainingSchedule:
    book, jobs = RetrainingBook(config.folders.models), RayJobs(config.retraining.environment)
    place = SoleWorker(config.folders.store / RETRAINING_LOCK)
    record = platform.record_platform
    return RetrainingSchedule(config.retraining, book, jobs, predictions, record=record, clock=clock, place=place)


def api_application(config: IngressConfig, *, replicas: int = 1) -> Any:
    """The application as Serve runs it; where Serve has a file of its own, the number there wins."""
    deployment = cast("Any", ray_serve).deployment(ray_serve.ingress()(Ingress))
    options = deployment.options(
        name="api",
        num_replicas=replicas,
        max_ongoing_requests=MAX_ONGOING,
        max_queued_requests=MAX_QUEUED,
        graceful_shutdown_wait_loop_s=0.1,
        graceful_shutdown_timeout_s=5.0,
        ray_actor_options={"num_cpus": 0},
    )
    return options.bind(config, model_deployment(ModelConfig(config.model_replicas)))
