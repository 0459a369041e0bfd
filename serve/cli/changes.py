"""`pcg changes`: publish changes of resources, see what waits, and what was put aside with which reason."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from domain.errors import InputError
from domain.tenancy import tenant_id
from serve.cli.exit_code import ExitCode
from serve.cli.options import Cluster, JsonOut, Store, Tenant, settings_of
from serve.cli.screen import STANDARD_OUTPUT, is_written, say

commands = typer.Typer(
    help="Publish changes of resources, and see what became of them.", no_args_is_help=True, rich_markup_mode=None
)

Row = Mapping[str, Any]
REASON_LENGTH_MAX = 160
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Parked messages; all of them without.")]


@commands.command()
def publish(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="NDJSON: a batch or a provider's message a line.")],
    *,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> int:
    """Publish changes: batches in our own form, or change messages of AWS Config, Event Grid and Cloud Asset Inventory.

    The same lines again publish nothing new. A line that cannot be read is put aside; then the exit status is 3.
    """
    from serve.bootstrap import open_changes  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    lines = _content(file)
    with open_changes(settings) as changes:
        done = changes.publish(tenant_id(settings.tenant), lines)
    if not is_written(done, json):
        silent = f"   {done['silent']:,} without a change" if done["silent"] else ""
        say(f"PUBLISHED  {done['events']:,} changes in {len(done['batches']):,} batches{silent}")
        for row in done["refused"]:
            place = f"line {row['line']}" if "line" in row else f"batch {row['batch_id']}"
            aside = f"   kept as {row['id']}" if row["id"] else ""
            say(f"REFUSED    {place}   {_short(row['reason'])}{aside}")
    return ExitCode.GAPS if done["refused"] else ExitCode.DONE


@commands.command("list")
def listing(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="Most batches to show.")] = 50,
    after: Annotated[str, typer.Option("--after", metavar="POSITION", help="Show what is behind it.")] = "",
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Show the batches that the stream holds, oldest first."""
    from serve.bootstrap import open_changes  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_changes(settings) as changes:
        found = changes.waiting(tenant_id(settings.tenant), after=after, limit=limit)
    if is_written(found, json):
        return
    for row in found["items"]:
        told = row["problem"] or f"{row['events']:,} changes   {row['source']}   {row['batch_id']}"
        say(f"{row['position']}   {told}")
    say(f"WAITING  {found['length']:,} batches" if found["length"] else "Nothing waits.")


@commands.command()
def parked(
    context: typer.Context, *, tenant: Tenant = None, store: Store = None, cluster: Cluster = None, json: JsonOut = None
) -> int:
    """Show messages that were put aside, with the reason. Ends with status 1 when there are any."""
    from serve.bootstrap import open_changes  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_changes(settings) as changes:
        found = changes.parked(tenant_id(settings.tenant))
    if not is_written(found, json):
        for row in found["items"]:
            say(f"{row['id']}   {row['parked_at']}   {row['source']}   {_short(row['reason'])}")
        if found["dropped"]:
            say(f"{found['dropped']:,} older ones were forgotten.")
        if not found["items"]:
            say("Nothing was put aside.")
    return ExitCode.FOUND if found["items"] else ExitCode.DONE


@commands.command()
def retry(
    context: typer.Context,
    ids: Ids = None,
    *,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> int:
    """Publish messages that were put aside once more. Ends with status 1 when one fails again; it stays aside."""
    from serve.bootstrap import open_changes  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_changes(settings) as changes:
        done = changes.retry(tenant_id(settings.tenant), ids or None)
    failed = [row for row in done["items"] if row["reason"] is not None]
    if not is_written(done, json):
        say(f"PUBLISHED  {len(done['items']) - len(failed):,} messages")
        for row in failed:
            say(f"STAYS      {row['id']}   {_short(row['reason'])}")
    return ExitCode.FOUND if failed else ExitCode.DONE


@commands.command()
def discard(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="Parked messages.")],
    *,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
) -> None:
    """Forget messages that were put aside."""
    from serve.bootstrap import open_changes  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_changes(settings) as changes:
        done = changes.discard(tenant_id(settings.tenant), ids)
    say(f"FORGOTTEN  {done['discarded']:,} messages")


def _content(file: str) -> bytes:
    if file == STANDARD_OUTPUT:
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise InputError("the file cannot be read", where=file, got=error.strerror, todo="Check the path") from None


def _short(reason: str) -> str:
    return reason if len(reason) <= REASON_LENGTH_MAX else reason[: REASON_LENGTH_MAX - 1] + "…"
