"""Anchor targets as an operator writes them: a TOML file with one table for each.

Secrets are not in the file; it names files that hold them. Each kind's library is loaded only where a target of that
kind is named. A key that is not known is an error, because a misspelt one would silently weaken a promise.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from cryptography import x509

from actors.anchor_schedule import AnchorTiming
from chain.anchors.calendar import CalendarProofs
from chain.anchors.rfc3161 import read_response, read_token
from chain.anchors.verdict import AnchorTrust
from connectors.anchors.json_rpc import Node
from connectors.http_call import Bounds, require_url
from domain.anchoring import AnchorKind, AnchorTarget
from domain.errors import InputError

FILE_SIZE_BYTES_MAX: Final = 1_000_000
TARGETS_MAX: Final = 32
DEADLINE_S: Final = 30

T = TypeVar("T")

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class AnchorSettings:
    """What the file says."""

    targets: tuple[AnchorTarget, ...]
    timing: AnchorTiming
    trust: AnchorTrust


def load_anchors(path: Path) -> AnchorSettings:
    """Read the file; paths in it are relative to it.

    Raises:
        InputError: unreadable, or a key or value is not valid.
    """
    document = _Table(_parse(path), path.parent, str(path))
    tables = document.take("target", list, [])
    if len(tables) > TARGETS_MAX:
        raise InputError("too many anchor targets", path=str(path), expected=f"at most {TARGETS_MAX}", got=len(tables))
    minutes = document.take("interval_minutes", int, 60)
    if not 1 <= minutes <= 1440:
        raise InputError("anchor interval is out of bounds", path=str(path), got=minutes, expected="1 to 1440 minutes")
    roots = tuple(_certificate(path.parent / name) for name in document.take("tsa_roots", list, []))
    document.finish()
    targets = tuple(_target(_Table(table, path.parent, str(path))) for table in tables)
    return AnchorSettings(targets, AnchorTiming(interval=timedelta(minutes=minutes)), AnchorTrust(tsa_roots=roots))


class _Table:
    """One table; every key is taken once, and none may be left."""

    def __init__(self, values: object, folder: Path, where: str) -> None:
        if not isinstance(values, dict):
            raise InputError("anchor target is not a table", path=where, got=type(values).__name__)
        self._values: dict[str, Any] = dict(values)
        self._folder = folder
        self._where = where

    def take(self, key: str, kind: type[T], default: T | None = None) -> T:
        value = self._values.pop(key, default)
        if not isinstance(value, kind) or isinstance(value, bool):
            got = "nothing" if value is None else type(value).__name__
            raise InputError("anchor setting is not valid", path=self._where, key=key, expected=kind.__name__, got=got)
        return value

    def secret(self, key: str) -> str:
        """The content of the file that the key names; empty where there is no such key."""
        name = self.take(key, str, "")
        return _read(self._folder / name).decode("utf-8", errors="replace").strip() if name else ""

    def finish(self) -> None:
        if self._values:
            raise InputError(
                "anchor setting is not known",
                path=self._where,
                got=sorted(self._values),
                todo="See docs/anchoring.md for the keys of each kind",
            )


def _target(table: _Table) -> AnchorTarget:
    name, kind = table.take("name", str), table.take("kind", str)
    if _NAME.fullmatch(name) is None:
        raise InputError("anchor target's name is not valid", got=name[:80], expected="a-z, 0-9 and hyphens, up to 40")
    if kind not in set(AnchorKind):
        raise InputError("anchor kind is not known", target=name, got=kind, expected=[one.value for one in AnchorKind])
    target = _BUILDERS[AnchorKind(kind)](name, table)
    table.finish()
    return target


def _time_stamp_authority(name: str, table: _Table) -> AnchorTarget:
    from connectors.anchors.rfc3161 import TimeStampAuthority  # noqa: PLC0415 (each kind loads its own)

    url = require_url(table.take("url", str))
    return TimeStampAuthority(name, url, read_response, lambda token: read_token(token).stamp, Bounds(DEADLINE_S))


def _s3_object_lock(name: str, table: _Table) -> AnchorTarget:
    from connectors.anchors.s3_object_lock import S3ObjectLock, connect  # noqa: PLC0415

    endpoint = table.take("endpoint_url", str, "") or None
    client = connect(endpoint_url=endpoint, region=table.take("region", str), deadline_s=DEADLINE_S)
    bucket, prefix = table.take("bucket", str), table.take("prefix", str, "anchors/")
    return S3ObjectLock(name, bucket, client, prefix, _years(table))


def _azure_immutable_blob(name: str, table: _Table) -> AnchorTarget:
    from connectors.anchors.azure_immutable_blob import (  # noqa: PLC0415
        AzureImmutableBlob,
        connect,
        default_credential,
    )

    url, container = require_url(table.take("account_url", str)), table.take("container", str)
    credential = table.secret("account_key_file") or default_credential()
    client = connect(url, container, credential=credential, deadline_s=DEADLINE_S)
    return AzureImmutableBlob(name, client, table.take("prefix", str, "anchors/"), _years(table), DEADLINE_S)


def _bitcoin(name: str, table: _Table) -> AnchorTarget:
    from connectors.anchors.bitcoin import Bitcoin, CoinSource, Network  # noqa: PLC0415
    from connectors.anchors.bitcoin_transaction import SigningKey  # noqa: PLC0415

    try:
        key = SigningKey.of(bytes.fromhex(table.secret("key_file")))
        network, coins = Network(table.take("network", str, "main")), CoinSource(table.take("coins", str, "wallet"))
    except ValueError as error:
        raise InputError("anchor setting is not valid", target=name, reason=str(error)[:80]) from None
    rate = table.take("fee_rate_satoshi_per_byte", int, 5)
    return Bitcoin(name, _node(table), key, network, coins, table.take("confirmations", int, 6), rate)


def _ethereum(name: str, table: _Table) -> AnchorTarget:
    from connectors.anchors.ethereum import Ethereum  # noqa: PLC0415

    account, chain_id = table.take("account", str), table.take("chain_id", int, 1)
    return Ethereum(name, _node(table), account, chain_id, table.take("confirmations", int, 32))


def _opentimestamps(name: str, table: _Table) -> AnchorTarget:
    from connectors.anchors.opentimestamps import OpenTimestampsCalendar  # noqa: PLC0415

    return OpenTimestampsCalendar(name, require_url(table.take("url", str)), CalendarProofs())


def _node(table: _Table) -> Node:
    url = require_url(table.take("node_url", str))
    return Node(url, table.take("user", str, ""), table.secret("password_file"), Bounds(DEADLINE_S, 16 * 1024 * 1024))


def _years(table: _Table) -> int:
    years = table.take("retain_years", int, 7)
    if not 1 <= years <= 100:
        raise InputError("retention is out of bounds", got=years, expected="1 to 100 years")
    return years


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_read(path))
    except ValueError as error:
        raise InputError("not a certificate in PEM form", path=str(path), reason=str(error)) from error


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_read(path).decode("utf-8"))
    except ValueError as error:
        raise InputError("anchor file is not TOML", path=str(path), reason=str(error)) from error


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError("cannot read a file of the anchor settings", path=str(path), reason=str(error)) from error
    if len(content) > FILE_SIZE_BYTES_MAX:
        raise InputError("file is too long", path=str(path), size_bytes_max=FILE_SIZE_BYTES_MAX)
    return content


_BUILDERS: Mapping[AnchorKind, Callable[[str, _Table], AnchorTarget]] = {
    AnchorKind.RFC3161: _time_stamp_authority,
    AnchorKind.S3_OBJECT_LOCK: _s3_object_lock,
    AnchorKind.AZURE_IMMUTABLE_BLOB: _azure_immutable_blob,
    AnchorKind.BITCOIN: _bitcoin,
    AnchorKind.ETHEREUM: _ethereum,
    AnchorKind.OPENTIMESTAMPS: _opentimestamps,
}
