"""`pcg predictions`: what changes together, how good what was told has been, and which version of the model serves."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import typer

from domain.tenancy import tenant_id
from serve.cli.options import Cluster, JsonOut, Store, Tenant, settings_of
from serve.cli.screen import answer

commands = typer.Typer(
    help="Show what changes together and how good predictions were, and decide which model serves.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Model = Annotated[str, typer.Argument(metavar="MODEL", help="As pcg predictions models has it.")]
By = Annotated[str, typer.Option("--by", metavar="ROLE", help="Who decides: a role, such as role:ml-lead.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is recorded as evidence.")]


class Step(NamedTuple):
    """What is decided about a model."""

    model: str
    name: str
    by: str
    reason: str


@commands.command()
def cochange(
    context: typer.Context,
    resource: Annotated[str, typer.Argument(metavar="RESOURCE", help="Its provider id.")],
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, max=150, help="Show so many of the most likely ones.")] = 20,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Show which resources within three hops are changed within seven days when one is, most likely first, and why."""
    from serve.predictions_desk import open_predictions  # noqa: PLC0415
    from serve.render.predictions import cochange_lines  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_predictions(settings) as desk:
        found = desk.cochange(tenant_id(settings.tenant), resource, limit)
    answer(found, cochange_lines(found), json)


@commands.command()
def quality(
    context: typer.Context, *, tenant: Tenant = None, store: Store = None, cluster: Cluster = None, json: JsonOut = None
) -> None:
    """Show how good predictions were over the last eight ended weeks, and what has shifted since the model learned."""
    from serve.predictions_desk import open_predictions  # noqa: PLC0415
    from serve.render.predictions import quality_lines  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_predictions(settings) as desk:
        found = desk.quality(tenant_id(settings.tenant))
    answer(found, quality_lines(found), json)


@commands.command()
def models(
    context: typer.Context, *, tenant: Tenant = None, store: Store = None, cluster: Cluster = None, json: JsonOut = None
) -> None:
    """List the versions of the model: where each stands, since when, why, and the entry of the log that says so."""
    from serve.predictions_desk import open_predictions  # noqa: PLC0415
    from serve.render.predictions import version_lines  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_predictions(settings) as desk:
        found = desk.versions(tenant_id(settings.tenant))
    answer(found, version_lines(found), json)


@commands.command()
def retraining(
    context: typer.Context, *, tenant: Tenant = None, store: Store = None, cluster: Cluster = None, json: JsonOut = None
) -> None:
    """Show whether a retraining is due and why, when the next one is, and what came of each."""
    from serve.predictions_desk import open_predictions  # noqa: PLC0415
    from serve.render.predictions import retraining_lines  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_predictions(settings) as desk:
        found = desk.retraining(tenant_id(settings.tenant))
    answer(found, retraining_lines(found), json)


@commands.command()
def approve(
    context: typer.Context,
    model: Model,
    *,
    by: By,
    reason: Reason = "the report was read",
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Let a model serve that passed the gate and waits."""
    flags: dict[str, object] = {"tenant": tenant, "store_dir": store, "cluster": cluster}
    _move(context, Step(model, "approve", by, reason), flags, json)


@commands.command()
def reject(
    context: typer.Context,
    model: Model,
    *,
    by: By,
    reason: Reason,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Refuse a model that waits."""
    flags: dict[str, object] = {"tenant": tenant, "store_dir": store, "cluster": cluster}
    _move(context, Step(model, "reject", by, reason), flags, json)


@commands.command("fall-back")
def fall_back(
    context: typer.Context,
    model: Model,
    *,
    by: By,
    reason: Reason,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Send the model that serves back; the one before it serves again."""
    _move(
        context, Step(model, "fall-back", by, reason), {"tenant": tenant, "store_dir": store, "cluster": cluster}, json
    )


def _move(context: typer.Context, step: Step, flags: dict[str, object], json: str | None) -> None:
    from serve.predictions_desk import open_predictions  # noqa: PLC0415
    from serve.render.predictions import version_lines  # noqa: PLC0415

    settings = settings_of(context, **flags)
    with open_predictions(settings) as desk:
        found = desk.move(tenant_id(settings.tenant), step.model, step.name, by=step.by, reason=step.reason)
    answer(found, version_lines(found), json)
