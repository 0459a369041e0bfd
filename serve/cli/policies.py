"""`pcg policies`: what is judged, what was imported, and one definition in full."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from domain.tenancy import tenant_id
from serve.cli import policy_bundles
from serve.cli.options import Cluster, JsonOut, Store, Tenant, settings_of
from serve.cli.screen import json_bytes, put, say, show, width

commands = typer.Typer(
    help="List, import and show policies; test, plan and apply bundles.", no_args_is_help=True, rich_markup_mode=None
)
policy_bundles.add_to(commands)


@commands.command("list")
def list_policies(
    context: typer.Context,
    *,
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="Only policies in this state.", show_default=False)
    ] = None,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """List built-in and imported policies with severity and state."""
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_platform(settings) as platform:
        found = [row for row in platform.policies(tenant_id(settings.tenant)) if state in {None, row["state"]}]
    if json is not None:
        put(json_bytes({"policies": [dict(row) for row in found]}), json)
        return
    from serve.render.listing import policy_lines, policy_total  # noqa: PLC0415

    show(policy_lines(found, width=width()))
    say(policy_total(found))


@commands.command("import")
def import_policies(
    context: typer.Context,
    *,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Folder, file or NDJSON of definitions.")],
    aliases: Annotated[
        list[Path] | None,
        typer.Option("--aliases", metavar="PATH", help="Alias rows; may be repeated.", show_default=False),
    ] = None,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Import policies as they are: Azure definitions, Cloud Custodian, Rego, Guard.

    Says of each whether it runs, or exactly why not.
    """
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_platform(settings) as platform:
        rows = platform.import_definitions(tenant_id(settings.tenant), path, aliases=aliases or ())
    if json is not None:
        put(json_bytes({"definitions": [dict(row) for row in rows]}), json)
        if json == "-":
            return
    from serve.render.listing import import_lines  # noqa: PLC0415

    show(import_lines(rows, Counter((str(row["class"]), str(row["state"])) for row in rows), width=width()))


@commands.command("show")
def show_policy(
    context: typer.Context,
    *,
    policy: Annotated[str, typer.Argument(metavar="ID", help="Policy id.")],
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
) -> None:
    """Print one policy's whole definition as JSON."""
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_platform(settings) as platform:
        put(json_bytes(dict(platform.policy(tenant_id(settings.tenant), policy))), "-")
