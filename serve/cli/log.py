"""`pcg log`: what is recorded and published, publishing, and deriving everything again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from domain.errors import InputError
from domain.tenancy import tenant_id
from domain.value import Json
from serve.cli.exit_code import ExitCode
from serve.cli.log_keys import add_to
from serve.cli.options import Cluster, JsonOut, Store, Tenant, settings_of
from serve.cli.screen import json_bytes, put, say, show, width

commands = typer.Typer(help="Publish and check the evidence log.", no_args_is_help=True, rich_markup_mode=None)
add_to(commands)
FINDINGS_MAX = 20


@commands.command()
def status(
    context: typer.Context,
    *,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Show the tenant's logs: entries recorded, and entries published under signed checkpoints."""
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_platform(settings) as platform:
        _print(platform.log_status(tenant_id(settings.tenant)), json)


@commands.command()
def publish(
    context: typer.Context,
    *,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Seal what is new in a block, sign both checkpoints, and write the folder that strangers get."""
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_platform(settings) as platform:
        _print(platform.publish_log(tenant_id(settings.tenant)), json)


@commands.command()
def fsck(
    context: typer.Context,
    *,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Annotated[str | None, typer.Option("--cluster", hidden=True)] = None,
) -> int:
    """Derive the published logs again from the journal, and name every difference.

    Reads the store itself, so it runs on the machine that has it; a platform may go on beside it.
    """
    from chain.fsck import check_state  # noqa: PLC0415
    from serve.bootstrap import folders_of  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant)
    if cluster is not None:
        raise InputError("fsck reads the store itself", where="--cluster", todo="Run it on the machine of the store")
    folders = folders_of(settings)
    folder = folders.evidence_of(tenant_id(settings.tenant))
    if not folders.chain.exists() or not folder.exists():
        raise InputError("there is no published evidence here", path=str(folder), todo="Run: pcg log publish")
    report = check_state(folders.chain, [folder])
    for finding in report.findings[:FINDINGS_MAX]:
        say(f"  {finding}")
    rest = len(report.findings) - FINDINGS_MAX
    if rest > 0:
        say(f"  and {rest:,} more")
    say("CONSISTENT  the published logs follow from the journal" if report.ok else "INCONSISTENT")
    return ExitCode.DONE if report.ok else ExitCode.FOUND


def _print(rows: Sequence[Mapping[str, Json]], json: str | None) -> None:
    found = [dict(row) for row in rows]
    if json is not None:
        put(json_bytes({"logs": found}), json)
        return
    from serve.render.evidence import log_lines  # noqa: PLC0415

    show(log_lines(found, width=width()))
    if not found:
        say("Nothing is recorded yet. Start with: pcg scan PATH")
