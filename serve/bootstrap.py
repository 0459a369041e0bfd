"""The composition root: the one module that sees every package and wires them.

`local_platform` builds everything in this process and never imports Ray. `open_platform` prefers a platform that
already owns the store here and speaks to it over HTTP, so that one process owns a store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from actors.folders import Folders
from domain.clock import SystemClock
from domain.tenancy import tenant_id
from domain.value import Json
from serve.run_file import find_running

if TYPE_CHECKING:
    from actors.shards.config import ShardConfig
    from actors.upkeep import UpkeepConfig
    from connectors.stream.feed import Feed
    from serve.change_desk import ChangesFace
    from serve.drift_service import DriftFace, DriftService
    from serve.platform import Platform
    from serve.platform_face import PlatformFace
    from serve.predictions import ModelPlace
    from serve.retraining_schedule import ScheduleConfig
    from serve.settings import Settings


def open_platform(settings: Settings) -> PlatformFace:
    """The platform for a command: `settings.cluster`, else one that runs on this store, else one in this process.

    Raises:
        AccessDenied: a platform is named but this account has no key for it.
    """
    running = find_running(settings)
    if running is None:
        return local_platform(settings)
    from serve.remote import RemotePlatform  # noqa: PLC0415 (only where there is something to talk to)

    return RemotePlatform(running)


def local_platform(settings: Settings) -> Platform:
    """Every actor as an object of this process. Nothing is opened before the first question of a tenant."""
    from actors.evidence_chain import EvidenceChain  # noqa: PLC0415 (a command that talks to a server needs none of it)
    from actors.handles import LocalHandle  # noqa: PLC0415
    from actors.shards.router import one_shard  # noqa: PLC0415
    from actors.simulation import Simulation  # noqa: PLC0415
    from actors.tenant_shard import TenantShard  # noqa: PLC0415
    from actors.upkeep import LogUpkeep  # noqa: PLC0415
    from serve.key_places import key_places  # noqa: PLC0415
    from serve.platform import Crew, Platform  # noqa: PLC0415
    from serve.store_place import store_place  # noqa: PLC0415
    from serve.stream_place import stream_place  # noqa: PLC0415

    folders = folders_of(settings)
    streams = stream_place(settings)
    shard = LocalHandle(
        TenantShard(folders, store_place(settings), open_stream=streams.open_changes, open_feed=streams.open_feed)
    )
    chain = LocalHandle(EvidenceChain(folders, log_keys=key_places(settings).log_keys(folders)))
    crew = Crew(
        shards=one_shard(shard),
        chain=chain,
        upkeep=LocalHandle(LogUpkeep(chain, upkeep_of(settings))),
        simulations=[LocalHandle(Simulation())],
        is_local=True,
    )
    return Platform(crew)


def open_changes(settings: Settings) -> ChangesFace:
    """The change stream for a command: of the platform that `open_platform` would find, else the settings' own."""
    running = find_running(settings)
    if running is None:
        from serve.change_desk import ChangeDesk  # noqa: PLC0415 (see above)
        from serve.stream_place import stream_place  # noqa: PLC0415

        return ChangeDesk(stream_place(settings).open(), SystemClock())
    from serve.remote import RemotePlatform  # noqa: PLC0415 (see above)

    return RemotePlatform(running).changes


@contextmanager
def open_drift(settings: Settings) -> Iterator[DriftFace]:
    """Drift for a command: of the platform that `open_platform` would find, else here."""
    running = find_running(settings)
    if running is not None:
        from serve.remote import RemotePlatform  # noqa: PLC0415 (see above)

        yield RemotePlatform(running).drift
        return
    from serve.stream_place import stream_place  # noqa: PLC0415 (see above)

    with local_platform(settings) as platform:
        streams = stream_place(settings).open()
        try:
            yield drift_service(platform, folders_of(settings), streams.feed, settings.webhook_places)
        finally:
            streams.close()


def drift_service(platform: Platform, folders: Folders, feed: Feed, webhook_places: Sequence[str]) -> DriftService:
    """Drift over a platform."""
    from connectors.webhook.target import Allowed  # noqa: PLC0415 (see above)
    from serve.drift_service import DriftService  # noqa: PLC0415

    return DriftService(platform.drift, folders, SystemClock(), feed, Allowed.of(webhook_places))


def erase_person(settings: Settings, subject: str, *, basis: str, by: str) -> Mapping[str, Json]:
    """Destroy the key of a person in the tenant's evidence, here or on the platform that runs.

    Raises:
        NotFound: the evidence knows no such person.
    """
    from serve.remote import RemotePlatform  # noqa: PLC0415 (see above)

    tenant = tenant_id(settings.tenant)
    with open_platform(settings) as face:
        if isinstance(face, RemotePlatform):
            return face.erase_person(tenant, subject, basis=basis, by=by)
    from chain.privacy.erasure import ErasureOrder  # noqa: PLC0415
    from serve.evidence_rows import erasure_row  # noqa: PLC0415
    from serve.privacy import Protection  # noqa: PLC0415

    with local_platform(settings) as platform:
        order = ErasureOrder(SystemClock().now(), basis, by)
        done = Protection(folders_of(settings), platform).erase(tenant, subject, order)
        return erasure_row(done, platform.collect([done])[0])


def folders_of(settings: Settings) -> Folders:
    """Where a platform with these settings keeps things."""
    return Folders(
        settings.store_dir,
        settings.evidence_dir,
        tenant_id(settings.tenant),
        settings.origin_prefix,
        settings.evidence_url,
        settings.journal_url,
        settings.storage_options,
        None if settings.policy_keys is None else settings.policy_keys.absolute(),
    )


def upkeep_of(settings: Settings) -> UpkeepConfig:
    """How a platform with these settings keeps its logs up."""
    from actors.upkeep import UpkeepConfig  # noqa: PLC0415 (a command that talks to a server needs none of it)

    return UpkeepConfig(
        settings.publish_s,
        settings.platform_publish_s,
        settings.anchors,
        settings.witnesses,
        settings.retention_years,
    )


def models_of(settings: Settings) -> ModelPlace:
    """Which prediction models a platform with these settings serves."""
    from serve.predictions import ModelPlace  # noqa: PLC0415 (see above)

    return ModelPlace(settings.prediction_candidate, settings.prediction_share / 100)


def schedule_of(settings: Settings) -> ScheduleConfig:
    """When a platform with these settings has the prediction model retrained.

    Raises:
        InputError: a tenant is none.
    """
    from serve.retraining_schedule import ScheduleConfig  # noqa: PLC0415 (see above)
    from serve.settings import settings_environment  # noqa: PLC0415
    from training.schedule import Plan  # noqa: PLC0415

    plan = Plan(
        timedelta(days=settings.retraining_days) if settings.retraining_days else None,
        settings.retraining_shifted / 100 if settings.retraining_shifted else None,
        settings.retraining_auroc / 100 if settings.retraining_auroc else None,
    )
    tenants = tuple(tenant_id(name) for name in settings.retrained_from)
    return ScheduleConfig(tenants, plan, settings_environment(settings))


def shard_of(settings: Settings) -> ShardConfig:
    """How each shard of a platform with these settings is set up."""
    from actors.shards.config import MEBIBYTE, ShardConfig  # noqa: PLC0415 (see above)

    return ShardConfig(
        memory_mib=settings.shard_memory_mib,
        whole_bytes=settings.graph_whole_mib * MEBIBYTE,
        judged_bytes=settings.judged_mib * MEBIBYTE,
        idle_s=settings.shard_idle_s,
        is_following=True,
        shows_ahead=True,
    )
