"""`pcg log hold`, `holds`, `release` and `expire`: how long evidence is kept."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from domain.tenancy import tenant_id
from serve.cli.log import commands as commands  # noqa: PLC0414 (these are more of pcg log's)
from serve.cli.options import Cluster, JsonOut, Store, Tenant, settings_of
from serve.cli.screen import json_bytes, put, say

TenantArgument = Annotated[str, typer.Argument(metavar="TENANT", help="Whose log.")]
By = Annotated[str, typer.Option("--by", metavar="ID", help="Who decides: a principal's id, no personal data.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="The matter's number or name.")]


@commands.command()
def hold(
    context: typer.Context,
    tenant: TenantArgument,
    year: Annotated[int, typer.Argument(metavar="YEAR", help="Which of its logs.", min=1000, max=9999)],
    *,
    reason: Reason,
    by: By,
    hold_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Name of the hold.  [made up]", show_default=False)
    ] = None,
    store: Store = None,
    cluster: Cluster = None,
) -> None:
    """Keep a year's log beyond its retention, until the hold is released. Recorded as an entry."""
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, cluster=cluster)
    name = hold_id or f"{year}-{secrets.token_hex(4)}"
    with open_platform(settings) as platform:
        done = platform.logs.place_hold(tenant_id(tenant), name, year=year, by=by, reason=reason)
    say(f"HELD  {tenant} {year} by hold {done['hold']}, entry {done['evidence_id']}")


@commands.command()
def holds(
    context: typer.Context, *, tenant: Tenant = None, store: Store = None, cluster: Cluster = None, json: JsonOut = None
) -> None:
    """List the tenant's legal holds in force."""
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, cluster=cluster, tenant=tenant)
    with open_platform(settings) as platform:
        found = platform.logs.holds(tenant_id(settings.tenant))
    if json is not None:
        put(json_bytes({"holds": found}), json)
        return
    for row in found:
        say(f"{row['hold']}   {row['year']}   by {row['by']}   {row['reason']}")
    if not found:
        say(f"No legal hold is in force for {settings.tenant}.")


@commands.command()
def release(
    context: typer.Context,
    tenant: TenantArgument,
    hold_id: Annotated[str, typer.Argument(metavar="HOLD", help="Name of the hold.")],
    *,
    reason: Reason,
    by: By,
    store: Store = None,
    cluster: Cluster = None,
) -> None:
    """End a legal hold. Recorded as an entry."""
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, cluster=cluster)
    with open_platform(settings) as platform:
        done = platform.logs.lift_hold(tenant_id(tenant), hold_id, by=by, reason=reason)
    say(f"RELEASED  hold {done['hold']} of {tenant}, entry {done['evidence_id']}")


@commands.command()
def expire(
    context: typer.Context,
    *,
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Delete the years of all tenants whose retention is over; what is held or still needed stays."""
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, cluster=cluster)
    with open_platform(settings) as platform:
        done = platform.logs.expire(tenant_id(settings.tenant), is_dry_run=is_dry_run)
    if json is not None:
        put(json_bytes(done), json)
        return
    for line in expiry_lines(done):
        say(line)


def expiry_lines(done: Mapping[str, Any]) -> list[str]:
    """What was decided of each log, and what was deleted."""
    word = "WOULD GO" if done["is_dry_run"] else "GONE    "
    lines = [
        f"{word if row['is_over'] else 'KEPT    '}  {row['origin']}   {row['reason']}"
        + ("" if row["is_over"] else f"   until {row['until'][:10]} at least")
        + (f"   {', '.join(row['holds'])}" if row["holds"] else "")
        for row in done["logs"]
    ]
    deleted = f"{done['files_deleted']:,} files and {done['journal_deleted']:,} pieces of the journal deleted"
    return [*lines, "nothing was deleted" if done["is_dry_run"] else deleted]
