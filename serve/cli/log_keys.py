"""`pcg log keys`, `rotate-keys`, `end-overlap` and `freeze`: custody of the logs' keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from domain.clock import SystemClock
from domain.errors import InputError
from domain.tenancy import PLATFORM, TenantId, tenant_id
from domain.value import Json
from serve.cli.options import Cluster, JsonOut, Store, settings_of
from serve.cli.screen import json_bytes, put, say, show, width

Named = Annotated[str | None, typer.Argument(metavar="TENANT", help="Whose log.", show_default=False)]
OfPlatform = Annotated[bool, typer.Option("--platform", help="The platform's own log instead of a tenant's.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the log for ever.")]
By = Annotated[str, typer.Option("--by", metavar="ROLE", help="Role of who decided it; no name.")]


def add_to(commands: typer.Typer) -> None:
    """Add these commands to `pcg log`."""
    commands.command("keys")(keys)
    commands.command("rotate-keys")(rotate_keys)
    commands.command("end-overlap")(end_overlap)
    commands.command("freeze")(freeze)


def keys(
    context: typer.Context,
    *,
    tenant: Named = None,
    platform: OfPlatform = False,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """List the keys of the logs, newest log first, and what each is to its log."""
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_platform(settings) as face:
        _print(face.log_keys(_whose(tenant, platform, settings.tenant)), json)


def rotate_keys(
    context: typer.Context,
    *,
    reason: Reason,
    by: By,
    tenant: Named = None,
    platform: OfPlatform = False,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Add a new pair of keys; the former pair signs beside it until `pcg log end-overlap`."""
    _keep(context, "rotate", reason, by, (tenant, platform, store, cluster), json)


def end_overlap(
    context: typer.Context,
    *,
    reason: Reason,
    by: By,
    withdraw_new: Annotated[
        bool, typer.Option("--withdraw-new", help="Retire the new pair; the former one is active again.")
    ] = False,
    tenant: Named = None,
    platform: OfPlatform = False,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Retire the former pair of keys, and destroy its files."""
    step = "withdraw" if withdraw_new else "end_overlap"
    _keep(context, step, reason, by, (tenant, platform, store, cluster), json)


def freeze(
    context: typer.Context,
    *,
    reason: Reason,
    by: By,
    confirm: Annotated[bool, typer.Option("--confirm", help="Yes, freeze it for ever.")] = False,
    trust_keys: Annotated[
        bool, typer.Option("--trust-keys", help="The keys are good: they sign where the log ended.")
    ] = False,
    cannot_write: Annotated[
        bool, typer.Option("--cannot-write", help="The log cannot sign any more, as after the loss of its key.")
    ] = False,
    tenant: Named = None,
    platform: OfPlatform = False,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Freeze the log for ever and begin its successor. For emergencies; see docs/keys.md."""
    more = {"is_confirmed": confirm, "trusts_keys": trust_keys, "can_write": not cannot_write}
    _keep(context, "freeze", reason, by, (tenant, platform, store, cluster), json, **more)


_Where = tuple[str | None, bool, Store, Cluster]


def _keep(  # noqa: PLR0917 (the options that each of these commands has)
    context: typer.Context, step: str, reason: str, by: str, where: _Where, json: str | None, **more: bool
) -> None:
    from actors.log_custody import CustodyOrder, CustodyStep  # noqa: PLC0415
    from serve.bootstrap import open_platform  # noqa: PLC0415

    tenant, platform, store, cluster = where
    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    order = CustodyOrder(CustodyStep(step), SystemClock().now(), reason, by, **more)
    with open_platform(settings) as face:
        _print(face.keep_keys(_whose(tenant, platform, settings.tenant), order), json)


def _whose(tenant: str | None, is_platform: bool, default: str) -> TenantId:
    if is_platform and tenant is not None:
        raise InputError("a tenant and the platform are named", got=tenant, todo="Give TENANT or --platform")
    return PLATFORM if is_platform else tenant_id(tenant or default)


def _print(rows: Sequence[Mapping[str, Json]], json: str | None) -> None:
    found = [dict(row) for row in rows]
    if json is not None:
        put(json_bytes({"keys": found}), json)
        return
    from serve.render.evidence import key_lines  # noqa: PLC0415

    show(key_lines(found, width=width()))
    if not found:
        say("Nothing is recorded yet, so there is no key. Start with: pcg scan PATH")
