"""`pcg blast`, `pcg deletion-order` and `pcg dependencies`: what goes down, what goes first, what hangs on what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.tenancy import tenant_id
from serve.cli.options import AsOf, Cluster, JsonOut, Store, Tenant, instant, settings_of
from serve.cli.screen import json_bytes, put, show, width

if TYPE_CHECKING:
    from actors.impact_desk import Question

MODES = "delete, deny_access, network_block, key_disable, zone_loss, region_loss"
Mode = Annotated[str, typer.Option("--mode", metavar="M", help=f"What happens to it: {MODES}.")]
Limit = Annotated[int, typer.Option("--limit", metavar="N", help="How many resources are listed.", min=1, max=10_000)]


def blast(
    context: typer.Context,
    *,
    resource: Annotated[
        str, typer.Argument(metavar="RESOURCE", help="Id or name; of a zone or region where that is lost.")
    ],
    mode: Mode = "delete",
    limit: Limit = 15,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    as_of: AsOf = None,
    json: JsonOut = None,
) -> None:
    """Show what goes down with a resource, a zone or a region, how likely, and what it is worth."""
    from assessment.blast import Blast  # noqa: PLC0415
    from serve.render.impact import blast_lines  # noqa: PLC0415

    question = Blast(resource, _mode(mode), limit)
    found = _asked(context, question, tenant=tenant, store=store, cluster=cluster, as_of=as_of)
    if json is not None:
        put(json_bytes(found), json)
        return
    show(blast_lines(found, width=width()))


def deletion_order(
    context: typer.Context,
    *,
    resources: Annotated[list[str], typer.Argument(metavar="RESOURCE...", help="Ids or names of what is to go.")],
    alone: Annotated[bool, typer.Option("--alone", help="Without what fails when they are gone.")] = False,
    limit: Limit = 1_000,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    as_of: AsOf = None,
    json: JsonOut = None,
) -> None:
    """Show in which order resources, and what cannot be without them, can be deleted."""
    from assessment.deletion import Removal  # noqa: PLC0415
    from serve.render.impact import deletion_lines  # noqa: PLC0415

    question = Removal(tuple(resources), not alone, limit)
    found = _asked(context, question, tenant=tenant, store=store, cluster=cluster, as_of=as_of)
    if json is not None:
        put(json_bytes(found), json)
        return
    show(deletion_lines(found, width=width()))


def dependencies(
    context: typer.Context,
    *,
    resource: Annotated[str, typer.Argument(metavar="RESOURCE", help="Id or name.")],
    mode: Mode = "delete",
    direction: Annotated[
        str, typer.Option("--direction", metavar="D", help="dependencies, dependents or both.")
    ] = "both",
    depth: Annotated[int, typer.Option("--depth", metavar="N", help="Steps that are followed.", min=1, max=64)] = 3,
    limit: Limit = 50,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    as_of: AsOf = None,
    json: JsonOut = None,
) -> None:
    """Show what a resource depends on and what depends on it, step by step."""
    from assessment.dependencies import Dependencies, Direction  # noqa: PLC0415
    from serve.cli.options import choice  # noqa: PLC0415
    from serve.render.impact import dependency_lines  # noqa: PLC0415

    way = choice(Direction, direction, "--direction", what="direction", example=Direction.DEPENDENTS)
    question = Dependencies(resource, way, _mode(mode), depth, limit)
    found = _asked(context, question, tenant=tenant, store=store, cluster=cluster, as_of=as_of)
    if json is not None:
        put(json_bytes(found), json)
        return
    show(dependency_lines(found, width=width()))


def _mode(text: str) -> Any:
    from graph.failure import FailureMode  # noqa: PLC0415
    from serve.cli.options import choice  # noqa: PLC0415

    return choice(
        FailureMode, text.lower().replace("-", "_"), "--mode", what="failure mode", example=FailureMode.DELETE
    )


def _asked(
    context: typer.Context,
    question: Question,
    *,
    tenant: str | None,
    store: object,
    cluster: str | None,
    as_of: str | None,
) -> dict[str, Any]:
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_platform(settings) as platform:
        return dict(platform.impact(tenant_id(settings.tenant), question, as_of=instant(as_of)))
