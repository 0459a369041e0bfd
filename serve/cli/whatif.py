"""`pcg whatif run`, `show`, `list` and `compare`: what would change in 30, 60 and 90 days."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from domain.errors import InputError
from domain.tenancy import tenant_id
from serve.cli.options import Cluster, JsonOut, Store, Tenant, settings_of
from serve.cli.screen import answer

commands = typer.Typer(
    help="Project cost, violations and risk under scenarios.", no_args_is_help=True, rich_markup_mode=None
)
Id = Annotated[str, typer.Argument(metavar="ID", help="Of a finished projection.")]


@commands.command()
def run(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Scenarios as JSON; see docs/what-if.md.")],
    *,
    paths: Annotated[
        int | None, typer.Option("--paths", metavar="N", help="Paths to draw.", show_default=False)
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="Of the paths.", show_default=False)] = None,
    currency: Annotated[
        str | None, typer.Option("--in", metavar="CUR", help="All in one currency.", show_default=False)
    ] = None,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Project the scenarios of a file, with progress on a terminal. The same file, bills, scan and seed repeat it."""
    from serve.cli.progress import StageClock, shown_progress  # noqa: PLC0415
    from serve.render.whatif import whatif_lines  # noqa: PLC0415
    from serve.whatif_desk import open_whatif  # noqa: PLC0415
    from serve.whatif_models import WhatIfBody, read_body  # noqa: PLC0415

    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError("the scenarios cannot be read", where=str(file), got=error.strerror, todo="Check it") from None
    given = {"paths": paths, "seed": seed, "currency": currency}
    body = read_body(content, where=str(file))
    flags = {name: value for name, value in given.items() if value is not None}
    body = WhatIfBody.model_validate({**body.model_dump(), **flags})
    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_whatif(settings) as desk, shown_progress(StageClock(), is_shown=True) as report:
        found = desk.project(tenant_id(settings.tenant), body, report)
    answer(found, whatif_lines(found), json)


@commands.command()
def show(
    context: typer.Context,
    whatif_id: Id,
    *,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Show a finished projection."""
    from serve.render.whatif import whatif_lines  # noqa: PLC0415
    from serve.whatif_desk import open_whatif  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_whatif(settings) as desk:
        found = desk.result(tenant_id(settings.tenant), whatif_id)
    answer(found, whatif_lines(found), json)


@commands.command("list")
def list_(
    context: typer.Context, *, tenant: Tenant = None, store: Store = None, cluster: Cluster = None, json: JsonOut = None
) -> None:
    """List finished projections, newest first."""
    from serve.whatif_desk import open_whatif  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_whatif(settings) as desk:
        rows = [dict(row) for row in desk.results(tenant_id(settings.tenant))]
    lines = [f"{row['whatif_id']}   {row['as_of']}   {', '.join(row['scenarios'])}" for row in rows]
    answer({"items": rows}, lines or ["Nothing is projected yet: pcg whatif run FILE"], json)


@commands.command()
def compare(
    context: typer.Context,
    whatif_ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Of finished projections.")],
    *,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Show scenarios of projections side by side, the largest saving first."""
    from serve.render.whatif import comparison_lines  # noqa: PLC0415
    from serve.whatif_desk import open_whatif  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_whatif(settings) as desk:
        found = desk.compare(tenant_id(settings.tenant), whatif_ids)
    answer(found, comparison_lines(found), json)
