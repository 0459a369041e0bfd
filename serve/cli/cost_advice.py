"""`pcg costs policy`, `waste`, `metrics`, `rightsizing`, `prices` and `commitments`: what could cost less, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.tenancy import TenantId, tenant_id
from serve.cli.options import AsOf, Cluster, JsonOut, Store, Tenant, choice, instant, settings_of
from serve.cli.screen import answer, is_written, say, show, width

if TYPE_CHECKING:
    from serve.settings import Settings


def policy(
    context: typer.Context,
    policy_id: Annotated[str, typer.Argument(metavar="POLICY")],
    *,
    rows: Annotated[int, typer.Option("--rows", metavar="N", min=0, max=1_000, help="Billing rows to show.")] = 0,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Show what a policy's violations cost, what mending them saves, and the bill that it is a part of."""
    from serve.cost_desk import open_costs  # noqa: PLC0415
    from serve.cost_impact import ImpactQuestion  # noqa: PLC0415
    from serve.render.payback import policy_lines  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_costs(settings) as desk:
        found = desk.policy(tenant_id(settings.tenant), ImpactQuestion(policy_id, rows=rows))
    answer(found, policy_lines(found), json)


def waste(
    context: typer.Context,
    *,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="K", help="unattached, idle, orphaned, …; may be repeated.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=10_000)] = 25,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    as_of: AsOf = None,
    json: JsonOut = None,
) -> None:
    """Show what is paid for and serves nobody, with evidence, and what cannot be known."""
    from assessment.cost_impact_waste import WasteQuestion  # noqa: PLC0415
    from cost.waste import WasteKind  # noqa: PLC0415
    from serve.cost_desk import open_costs  # noqa: PLC0415
    from serve.render.payback import waste_lines  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    kinds = frozenset(choice(WasteKind, each, "--kind", what="kind", example=WasteKind.IDLE) for each in kind or ())
    with open_costs(settings) as desk:
        found = desk.waste(tenant_id(settings.tenant), WasteQuestion(kinds, limit), as_of=instant(as_of))
    if not is_written(found, json):
        show(waste_lines(found, width=width()))


def metrics(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV or Parquet: resource_id, metric, at, value, by hour."),
    ],
    *,
    tenant: Tenant = None,
    store: Store = None,
) -> None:
    """Keep samples of how much machines are used (cpu_percent, memory_percent), in place of the former ones."""
    from serve.metrics_store import keep_metrics  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant)
    who = tenant_id(settings.tenant)
    say(f"{keep_metrics(_folders(settings), who, file):,} samples are kept for {who}.")


def rightsizing(
    context: typer.Context,
    *,
    headroom: Annotated[float, typer.Option("--headroom", metavar="SHARE", min=0, max=2)] = 0.2,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    as_of: AsOf = None,
    json: JsonOut = None,
) -> None:
    """Show machines that a smaller size would carry, and those of which nothing can be said."""
    from serve.cost_desk import open_costs  # noqa: PLC0415
    from serve.render.payback import rightsizing_lines  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_costs(settings) as desk:
        found = desk.rightsizing(tenant_id(settings.tenant), headroom, as_of=instant(as_of))
    answer(found, rightsizing_lines(found), json)


def prices(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=200_000)] = 50,
    tenant: Tenant = None,
    store: Store = None,
    json: JsonOut = None,
) -> None:
    """Show unit prices out of the tenant's own bills, those most was paid at first."""
    from cost.prices import unit_prices  # noqa: PLC0415
    from serve.cost_impact import price_row  # noqa: PLC0415
    from serve.costs import billing_store  # noqa: PLC0415
    from serve.render.payback import price_lines  # noqa: PLC0415

    folders, who = _place(context, tenant=tenant, store=store)
    found: dict[str, Any] = {"items": [price_row(each) for each in unit_prices(billing_store(folders, who))[:limit]]}
    answer(found, price_lines(found), json)


def commitments(
    context: typer.Context,
    services: Annotated[
        list[str], typer.Argument(metavar="SERVICE...", help="Names of services, as the bill has them.")
    ],
    *,
    rate: Annotated[
        float | None,
        typer.Option("--rate", metavar="R", help="Price as a share of the on-demand price.", show_default=False),
    ] = None,
    days: Annotated[int, typer.Option("--days", metavar="N", min=30, max=1_095)] = 365,
    tranches: Annotated[int, typer.Option("--tranches", metavar="N", min=1, max=24)] = 4,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0)] = 0,
    tenant: Tenant = None,
    store: Store = None,
    json: JsonOut = None,
) -> None:
    """Show how much to commit to, beside what simple rules would cost, over projected demand."""
    from assessment.cost_impact_commitments import CommitmentQuestion, advise  # noqa: PLC0415
    from serve.costs import billing_store  # noqa: PLC0415
    from serve.render.payback import commitment_lines  # noqa: PLC0415

    folders, who = _place(context, tenant=tenant, store=store)
    asked = CommitmentQuestion(tuple(services), rate, days=days, tranches=tranches, seed=seed)
    found: dict[str, Any] = {"items": advise(billing_store(folders, who), asked)}
    answer(found, commitment_lines(found), json)


def _place(context: typer.Context, *, tenant: str | None, store: Path | None) -> tuple[Any, TenantId]:
    settings = settings_of(context, store_dir=store, tenant=tenant)
    return _folders(settings), tenant_id(settings.tenant)


def _folders(settings: Settings) -> Any:
    from actors.folders import Folders  # noqa: PLC0415

    return Folders(store=settings.store_dir)
