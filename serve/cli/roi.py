"""`pcg roi`: what governance saved by the bills, what it costs, and the ledger behind it."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from assessment.ledger import SavingTrigger
from domain.clock import parse_instant
from domain.errors import InputError
from domain.tenancy import tenant_id
from serve.cli.options import Cluster, JsonOut, Store, Tenant, choice, settings_of
from serve.cli.screen import answer

commands = typer.Typer(
    help="Show what governance saves, and keep the ledger of savings.", no_args_is_help=True, rich_markup_mode=None
)
SavingId = Annotated[str, typer.Argument(metavar="SAVING", help="As pcg roi list has it.")]
By = Annotated[str, typer.Option("--by", metavar="ROLE", help="Who says so: a role, such as role:finops-lead.")]
At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="When, if not now.", show_default=False)]
Where = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="NAME=VALUE", help="Billing rows; may be repeated.", show_default=False),
]
WHERE_FORM = "--where service=EC2"


@commands.command()
def dashboard(
    context: typer.Context,
    *,
    days: Annotated[int, typer.Option("--days", metavar="N", min=1, max=730, help="Days of the window.")] = 90,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Show the profit and loss: what bills show as saved, what governance costs, and what it made safer."""
    from serve.render.roi import dashboard_lines  # noqa: PLC0415
    from serve.roi_desk import open_roi  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_roi(settings) as desk:
        found = desk.dashboard(tenant_id(settings.tenant), days=days)
    answer(found, dashboard_lines(found), json)


@commands.command("list")
def list_(
    context: typer.Context, *, tenant: Tenant = None, store: Store = None, cluster: Cluster = None, json: JsonOut = None
) -> None:
    """List the ledger of savings."""
    from serve.render.roi import ledger_lines  # noqa: PLC0415
    from serve.roi_desk import open_roi  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_roi(settings) as desk:
        found = desk.savings(tenant_id(settings.tenant))
    answer(found, ledger_lines(found), json)


@commands.command()
def show(
    context: typer.Context,
    saving: SavingId,
    *,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Show one saving: what bills show of it, its evidence, and the billing rows behind it."""
    from serve.render.roi import saving_lines  # noqa: PLC0415
    from serve.roi_desk import open_roi  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_roi(settings) as desk:
        found = desk.saving(tenant_id(settings.tenant), saving)
    answer(found, saving_lines(found), json)


@commands.command()
def predict(
    context: typer.Context,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What is to be done.")],
    *,
    amount: Annotated[str, typer.Option("--saves", metavar="A[,B,C]", help="In 30 days: likely, or low,likely,high.")],
    currency: Annotated[str, typer.Option("--currency", metavar="CUR", help="Of the amounts.")],
    by: By,
    where: Where = None,
    policy: Annotated[str, typer.Option("--policy", metavar="ID", help="The policy that asks for it.")] = "",
    whatif: Annotated[str, typer.Option("--whatif", metavar="ID", help="The projection that predicts it.")] = "",
    at: At = None,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Enter a saving that is predicted."""
    from serve.render.roi import ledger_lines  # noqa: PLC0415
    from serve.roi import Promise  # noqa: PLC0415
    from serve.roi_desk import open_roi  # noqa: PLC0415

    low, likely, high = _amounts(amount)
    promise = Promise(
        title,
        currency,
        low,
        likely,
        high,
        by,
        _selection(where or []),
        policy,
        whatif,
        None if at is None else parse_instant(at),
    )
    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_roi(settings) as desk:
        found = desk.predict(tenant_id(settings.tenant), promise)
    answer(found, ledger_lines({"items": [found]}), json)


@commands.command()
def step(
    context: typer.Context,
    saving: SavingId,
    trigger: Annotated[str, typer.Argument(metavar="STEP", help="approve, apply, reject or roll-back.")],
    *,
    by: By,
    at: At = None,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Approve, apply, reject or roll back a saving; recorded as evidence."""
    from serve.render.roi import ledger_lines  # noqa: PLC0415
    from serve.roi_desk import open_roi  # noqa: PLC0415

    wanted = choice(SavingTrigger, trigger, "STEP", what="step", example=SavingTrigger.APPROVE)
    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_roi(settings) as desk:
        when = None if at is None else parse_instant(at)
        found = desk.move(tenant_id(settings.tenant), saving, wanted, by=by, at=when)
    answer(found, ledger_lines({"items": [found]}), json)


@commands.command("platform-cost")
def platform_cost(
    context: typer.Context,
    fee: Annotated[str, typer.Argument(metavar="AMOUNT", help="The platform's fee a month.")],
    currency: Annotated[str, typer.Argument(metavar="CUR", help="Its currency.")],
    *,
    where: Where = None,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """State what the platform itself costs: its fee, and the billing rows of what it runs on."""
    from serve.roi_desk import open_roi  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_roi(settings) as desk:
        found = desk.price(
            tenant_id(settings.tenant), fee_month=_amount(fee), currency=currency, where=_selection(where or [])
        )
    answer(found, [f"The platform costs {found['fee_month']} {found['currency']} a month"], json)


def _amounts(text: str) -> tuple[Decimal, Decimal, Decimal]:
    parts = [_amount(part) for part in text.split(",")]
    if len(parts) == 1:
        return parts[0], parts[0], parts[0]
    if len(parts) != 3:
        raise InputError(
            "not the amounts of a saving", got=text, expected="likely, or low,likely,high", todo="Write: 800,1000,1200"
        )
    return parts[0], parts[1], parts[2]


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        raise InputError("not an amount", got=text, expected="a decimal", todo="Write: 1000.50") from None


def _selection(pairs: list[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        name, mark, value = pair.partition("=")
        if not mark or not name:
            raise InputError("not a selection", got=pair, expected="NAME=VALUE", todo=f"Write: {WHERE_FORM}")
        found[name] = (*found.get(name, ()), value)
    return found
