"""Every setting of PolicyCortex, in one frozen object; the only module that reads the environment.

Later wins: defaults here, then `pcg.toml`, then `PCG_*` variables, then flags. A key that is not a setting is
an error wherever it stands, because a misspelt limit that is silently ignored is worse than none.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from domain.errors import InputError, NotFound

PREFIX = "PCG_"
CONFIG_VARIABLE = "PCG_CONFIG"
CONFIG_NAME = "pcg.toml"
MASK = "********"


def _row(default: object, help: str, *, unit: str = "", low: int | None = None, high: int | None = None) -> Any:
    return Field(default, ge=low, le=high, description=help, json_schema_extra={"unit": unit})


class Settings(BaseSettings):
    """One row per setting: name, default, help, unit and bounds. Build it with `load_settings`."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    tenant: str = _row("default", "Tenant that a command works for when --tenant is not given")
    store_dir: Path = _row(Path(".pcg"), "Folder of scans, imported definitions, history, tokens and keys")
    evidence_dir: Path | None = _row(None, "Folder of published evidence; `evidence` below the store when not set")
    allowed_roots: tuple[Path, ...] = _row(
        (Path(),), "Folders below which the HTTP interface may read files; separated by : in the environment"
    )
    host: str = _row("127.0.0.1", "Address that the platform listens on")
    port: int = _row(8642, "Port that the platform listens on", low=1, high=65_535)
    cluster: str | None = _row(None, "Address of a running platform that scans are sent to")
    shards: int = _row(2, "Actors that share the tenants", unit="actors", low=1, high=1_024)
    shard_memory_mib: int = _row(
        2_048, "Graphs that a shard keeps in memory; the least recently used go", unit="MiB", low=16, high=1_048_576
    )
    graph_whole_mib: int = _row(
        0,
        "Memory of one tenant's graph; a larger one is held in parts by several shards. 0 for half of shard_memory_mib",
        unit="MiB",
        low=0,
        high=1_048_576,
    )
    judged_mib: int = _row(
        0,
        "Memory for judging a graph in parts between scans, 8 KiB a resource. 0 for half of shard_memory_mib",
        unit="MiB",
        low=0,
        high=16_777_216,
    )
    shard_idle_s: int = _row(
        300, "After so long without a question a tenant's store is closed", unit="s", low=1, high=86_400
    )
    http_replicas: int = _row(
        1, "Processes that answer HTTP and WebSockets; one is enough for two cores", unit="processes", low=1, high=64
    )
    simulations: int = _row(2, "Actors that run scenarios in parallel", unit="actors", low=1, high=1_024)
    prediction_candidate: Path | None = _row(
        None, "Weights of a second prediction model, which is tried beside the one that is shipped"
    )
    prediction_share: int = _row(
        0, "Tenants that the second model answers; with 0 it runs along and is only counted", unit="%", low=0, high=100
    )
    prediction_replicas: int = _row(
        1, "Replicas of the prediction models at most; none runs before the first question", low=1, high=64
    )
    prediction_hour: int = _row(
        2, "Hour of the day, UTC, at which every tenant is scored as a whole; 24 for never", low=0, high=24
    )
    prediction_approval: bool = _row(
        False, "Whether a retrained model that passed the gate waits for somebody's approval before it serves"
    )
    retraining_tenants: str = _row(
        "",
        "Tenants whose histories the prediction model learns from when it is retrained by itself, separated by commas;"
        " it never is when not set",
    )
    retraining_days: int = _row(
        28, "Between two retrainings; 0 for only when something shifted or became bad", unit="days", low=0, high=365
    )
    retraining_shifted: int = _row(
        50, "Share of a tenant's features that shifted much which begins a retraining; 0 for never", unit="%",
        low=0, high=100,
    )  # fmt: skip
    retraining_auroc: int = _row(
        60, "AUROC of a task on a tenant, of 100, which certainly below begins a retraining; 0 for never",
        low=0, high=100,
    )  # fmt: skip
    ray_memory_mib: int = _row(512, "Ray's object store on this machine", unit="MiB", low=80, high=1_048_576)
    ray_dashboard: bool = _row(True, "Ray's dashboard and job submission on this machine, on loopback")
    memory_free_mib_min: int = _row(
        1_536, "Free memory without which the platform does not start", unit="MiB", low=0, high=1_048_576
    )
    redis_url: str | None = _row(
        None,
        "Redis of the change stream and the event feed: redis:// or rediss:// without a password, or where the whole"
        " address is, env:NAME or file:PATH; files of the store when not set",
    )
    webhook_allowed: str = _row(
        "", "Where webhooks may go beside the public internet: hosts, addresses and networks, separated by commas"
    )
    evidence_url: str | None = _row(
        None, "Object store where all evidence is published instead, such as s3://bucket/folder; az://, gs://, file://"
    )
    journal_url: str | None = _row(
        None, "Object store of the evidence journal, nothing else in it; files below the store when not set"
    )
    storage_options: Path | None = _row(
        None, "TOML file of the object stores' options (endpoint, region, keys); the provider's own places when not set"
    )
    publish_s: int = _row(10, "Within which new evidence is published", unit="s", low=2, high=3_600)
    platform_publish_s: int = _row(
        3_600, "How often the platform's own log is published at least", unit="s", low=2, high=86_400
    )
    anchors: Path | None = _row(None, "TOML file of anchor targets (docs/anchoring.md); no anchors when not set")
    witnesses: Path | None = _row(
        None, "C2SP policy file: its witnesses are asked about the logs that it names, after each publication"
    )
    retention_years: int = _row(7, "How long evidence is kept after its year", unit="years", low=7, high=100)
    policy_keys: Path | None = _row(
        None, "File of verifier keys, one a line: a bundle of policies must be signed by one of them to be applied"
    )
    report_tsa_url: str | None = _row(None, "RFC 3161 time stamp authority for the signature of reports")
    origin_prefix: str = _row("policycortex.local", "First part of the evidence log's origin, a name that you own")

    log_key: str | None = _row(
        None, "Where the logs' keys are: file:FOLDER, env:PATTERN or aws-kms:PATTERN; files in the store when not set"
    )
    report_key: str | None = _row(
        None, "Where the key of report packs is: file:PATH or aws-kms:KEY; a file in the store when not set"
    )
    key_passphrase: str | None = _row(None, "What seals key files, by reference: env:NAME or file:PATH")
    neo4j_uri: str | None = _row(
        None, "Address of Neo4j, such as neo4j+s://host:7687; a file per tenant below the store when not set"
    )
    neo4j_user: str = _row("neo4j", "Account in Neo4j")
    neo4j_password: str | None = _row(None, "Password in Neo4j, by reference: env:NAME or file:PATH")
    neo4j_database: str | None = _row(None, "Database in Neo4j; the account's own when not set")

    kms_region: str = _row("eu-central-1", "Region of AWS KMS")
    kms_url: str | None = _row(None, "Address of AWS KMS instead of the region's own")

    @property
    def webhook_places(self) -> tuple[str, ...]:
        """Where webhooks may go beside the public internet."""
        return _parts(self.webhook_allowed)

    @property
    def retrained_from(self) -> tuple[str, ...]:
        """Tenants that a retraining learns from."""
        return _parts(self.retraining_tenants)

    @property
    def evidence(self) -> Path:
        """Where evidence is published."""
        return self.evidence_dir if self.evidence_dir is not None else self.store_dir / "evidence"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load_settings` has merged: it knows which layer each value came from."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


class Layer(StrEnum):
    """Where a value was set, weakest first."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class EffectiveSetting:
    """One setting as it is in force, ready to print."""

    name: str
    value: str
    layer: Layer
    where: str
    unit: str
    bounds: str
    help: str


def load_settings(
    flags: Mapping[str, object] | None = None,
    *,
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Read every layer once.

    Args:
        flags: settings given on the command line; None values count as not given.
        config: the settings file; else the one that PCG_CONFIG names, else `pcg.toml` here if there is one.
        environment: instead of the process environment.

    Raises:
        InputError: an unknown key, a value out of bounds, or a settings file that cannot be read.
    """
    layered = _layers(flags or {}, config, os.environ if environment is None else environment)
    return _validated(layered)


def effective_settings(
    flags: Mapping[str, object] | None = None,
    *,
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[EffectiveSetting, ...]:
    """Every setting with the layer that decided it, in the order of the table; secrets masked."""
    layered = _layers(flags or {}, config, os.environ if environment is None else environment)
    settings = _validated(layered)
    rows = []
    for name, field in Settings.model_fields.items():
        _, layer, where = layered.get(name, (None, Layer.DEFAULT, ""))
        extra = field.json_schema_extra
        unit = str(extra.get("unit", "")) if isinstance(extra, dict) else ""
        shown = shown_value(getattr(settings, name))
        rows.append(EffectiveSetting(name, shown, layer, where, unit, _bounds(field.metadata), field.description or ""))
    return tuple(rows)


def child_environment(**extra: str) -> dict[str, str]:
    """This process's environment for one that it starts, with more variables.

    Our own are left out: the child is handed its settings, and must not read them a second time.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return {**own, **extra}


def settings_environment(settings: Settings) -> dict[str, str]:
    """Variables from which another process, such as a job, reads the same settings; usual ones are left out."""
    rows = {name: (getattr(settings, name), field.default) for name, field in Settings.model_fields.items()}
    return {PREFIX + name.upper(): shown_value(value) for name, (value, usual) in rows.items() if value != usual}


def secret_of(variable: str) -> str:
    """The content of a variable that a reference names, as it is at this moment.

    Raises:
        NotFound: there is no such variable.
    """
    value = os.environ.get(variable)
    if value is None:
        raise NotFound("variable of a secret is not set", variable=variable, todo="Set it where the platform runs")
    return value


def shown_value(value: object) -> str:
    """A value as a person may see it."""
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, tuple):
        return os.pathsep.join(str(part) for part in value)
    return "" if value is None else str(value)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


_Layered = dict[str, tuple[object, Layer, str]]


def _layers(flags: Mapping[str, object], config: Path | None, environment: Mapping[str, str]) -> _Layered:
    layered: _Layered = {}
    file = _config_file(config, environment)
    for name, value in _from_file(file).items():
        _require_known(name, where=f"{file}: {name}")
        layered[name] = (value, Layer.FILE, str(file))
    for variable, text in sorted(environment.items()):
        if variable.startswith(PREFIX) and variable != CONFIG_VARIABLE:
            name = variable.removeprefix(PREFIX).lower()
            _require_known(name, where=f"environment variable {variable}")
            layered[name] = (_from_text(name, text), Layer.ENVIRONMENT, variable)
    for name, value in flags.items():
        if value is not None:
            _require_known(name, where=f"flag {name}")
            layered[name] = (value, Layer.FLAG, "--" + name.replace("_", "-"))
    return layered


def _config_file(config: Path | None, environment: Mapping[str, str]) -> Path | None:
    if config is None and environment.get(CONFIG_VARIABLE):
        config = Path(environment[CONFIG_VARIABLE])
    if config is not None:
        if not config.is_file():
            raise InputError(
                "the settings file does not exist",
                where=str(config),
                todo=f"Give another file with --config or {CONFIG_VARIABLE}",
            )
        return config
    return Path(CONFIG_NAME) if Path(CONFIG_NAME).is_file() else None


def _from_file(file: Path | None) -> dict[str, object]:
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            "the settings file is not TOML", where=str(file), got=str(error), todo="Write lines like: port = 8642"
        ) from None


def _from_text(name: str, text: str) -> object:
    if name == "allowed_roots":
        return tuple(text.split(os.pathsep))
    return text


def _require_known(name: str, *, where: str) -> None:
    if name not in Settings.model_fields:
        raise InputError("unknown setting", where=where, todo="Run `pcg settings` to see every name")


def _validated(layered: _Layered) -> Settings:
    try:
        return Settings.model_validate({name: value for name, (value, _, _) in layered.items()})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        _, layer, where = layered[name]
        raise InputError(
            f"setting {name} is not valid: {first['msg'].lower()}",
            where=f"{layer} {where}".strip(),
            got=shown_value(layered[name][0]),
            todo="Run `pcg settings` to see units and bounds",
        ) from None


def _bounds(metadata: list[Any]) -> str:
    low = next((item.ge for item in metadata if hasattr(item, "ge")), None)
    high = next((item.le for item in metadata if hasattr(item, "le")), None)
    return "" if low is None and high is None else f"{low:,} to {high:,}"
