"""The platform on Ray: checks before the start, the start itself, readiness, and the end.

Everything listens on the loopback interface as far as Ray lets one choose; its own ports are open to whoever has the
token (`ray_token`, mode 0600), so a machine with neighbours needs a firewall as well.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic, sleep
from typing import Final

import ray
from ray import serve as ray_serve
from ray.serve.config import HTTPOptions

from actors.placement import NAMESPACE, ShardOpening
from domain.errors import UnavailableError
from domain.tenancy import tenant_id
from serve.auth.tokens import FILE_NAME as TOKENS_NAME
from serve.auth.tokens import ensure_token
from serve.bootstrap import folders_of, models_of, schedule_of, shard_of, upkeep_of
from serve.crew import ray_crew
from serve.deployment.ingress import IngressConfig, api_application
from serve.key_places import key_places
from serve.machine import check_machine
from serve.platform import Platform
from serve.run_file import RunningPlatform, remove_run_file, write_run_file
from serve.settings import Settings
from serve.store_place import store_place
from serve.stream_place import stream_place

MEBIBYTE: Final = 1024 * 1024
READY_S: Final = 240.0
APPLICATION: Final = "policycortex"


@dataclass(frozen=True, slots=True)
class RunningCluster:
    """A started platform. `platform` speaks to its actors from this process."""

    running: RunningPlatform
    platform: Platform
    settings: Settings

    def stop(self) -> None:
        """End Serve, the actors and Ray, and take the run file away."""
        remove_run_file(self.settings.store_dir)
        ray_serve.shutdown()  # type: ignore[no-untyped-call]
        ray.shutdown()


def start_cluster(settings: Settings) -> RunningCluster:
    """Start Ray here, then the actors, then HTTP; return when every actor answers.

    Raises:
        ConflictError: a platform runs on this store already, or the port is taken.
        UnavailableError: too little memory, an incomplete installation, or a part that does not come up. What was
            begun ends with this process, so another attempt needs another process.
    """
    check_machine(settings)
    key = "pcg_operator_" + secrets.token_urlsafe(32)
    config = ingress_config(settings, operator_digest=sha256(key.encode()).digest())
    ensure_token(config.tokens, tenant_id(settings.tenant))
    _start_ray(settings)
    platform = Platform(
        ray_crew(
            config.folders,
            config.upkeep,
            config.keys.log_keys(config.folders),
            config.opening,
            shards=config.shards,
            simulations=config.simulations,
        )
    )
    ray_serve.start(http_options=HTTPOptions(host=settings.host, port=settings.port), proxy_location="HeadOnly")
    application = api_application(config, replicas=settings.http_replicas)
    ray_serve.run(application, name=APPLICATION, route_prefix="/")
    _wait_ready(platform)
    running = RunningPlatform(f"http://{settings.host}:{settings.port}", key)
    write_run_file(settings.store_dir, running)
    return RunningCluster(running, platform, settings)


def ingress_config(settings: Settings, *, operator_digest: bytes) -> IngressConfig:
    """What the replicas of a platform with these settings need to know, with every path made absolute."""
    folders, streams = folders_of(_absolute(settings)), stream_place(settings)
    return IngressConfig(
        folders=folders,
        keys=key_places(settings),
        upkeep=upkeep_of(_absolute(settings)),
        opening=ShardOpening(
            folders, store_place(settings), streams.open_changes, streams.open_feed, shard_of(settings)
        ),
        shards=settings.shards,
        simulations=settings.simulations,
        tokens=folders.store / TOKENS_NAME,
        allowed_roots=tuple(root.resolve() for root in settings.allowed_roots),
        operator_digest=operator_digest,
        streams=streams,
        webhook_places=settings.webhook_places,
        report_tsa_url=settings.report_tsa_url,
        models=models_of(_absolute(settings)),
        model_replicas=settings.prediction_replicas,
        prediction_hour=settings.prediction_hour,
        retraining=schedule_of(_absolute(settings)),
    )


def _start_ray(settings: Settings) -> None:
    try:
        ray.init(
            address="local",
            namespace=NAMESPACE,
            include_dashboard=settings.ray_dashboard,
            dashboard_host="127.0.0.1",
            object_store_memory=settings.ray_memory_mib * MEBIBYTE,
            log_to_driver=False,
            logging_level=logging.WARNING,
        )
    except Exception as error:  # Ray raises the bare class where its node is not up within 30 s
        raise UnavailableError(
            "Ray did not start in time", reason=str(error)[:300], todo="The machine may be too busy: start again"
        ) from error


def _absolute(settings: Settings) -> Settings:
    """Actors have other working directories than the command that starts them."""
    names = ("store_dir", "evidence_dir", "anchors", "witnesses", "storage_options", "prediction_candidate")
    paths = {name: getattr(settings, name) for name in names}
    return settings.model_copy(update={name: path.resolve() for name, path in paths.items() if path is not None})


def _wait_ready(platform: Platform) -> None:
    end = monotonic() + READY_S
    parts: Mapping[str, str] = {}
    while monotonic() < end:
        parts = platform.parts(deadline_s=20.0)
        if all(state == "ok" for state in parts.values()):
            return
        sleep(0.2)
    silent = sorted(name for name, state in parts.items() if state != "ok")
    todo = "See the logs below /tmp/ray/session_latest"
    raise UnavailableError("the platform did not come up", silent=silent, todo=todo)
