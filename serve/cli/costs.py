"""`pcg costs import`, `validate`, `query`, `status` and `rates`: the bills, and what they say."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import InputError
from domain.tenancy import TenantId, tenant_id
from serve.cli import cost_advice, cost_fetch
from serve.cli.options import AsOf, JsonOut, Store, Tenant, instant, settings_of
from serve.cli.screen import answer, say

if TYPE_CHECKING:
    from actors.folders import Folders

commands = typer.Typer(help="Import billing exports, and ask what things cost.", no_args_is_help=True)
Paths = Annotated[
    list[Path],
    typer.Argument(metavar="PATH...", help="Files or folders of one delivery: CSV, Parquet, JSON; gzip too."),
]
PROGRESS_ROWS = 1_000_000

for _command in (
    cost_fetch.fetch,
    cost_advice.policy,
    cost_advice.waste,
    cost_advice.metrics,
    cost_advice.rightsizing,
    cost_advice.prices,
    cost_advice.commitments,
):
    commands.command()(_command)


@commands.command("import")
def import_(
    context: typer.Context,
    paths: Paths,
    *,
    is_incremental: Annotated[
        bool, typer.Option("--add", help="Rows add to stored periods instead of taking their place.")
    ] = False,
    may_be_partial: Annotated[bool, typer.Option("--partial", help="Periods may lack days.")] = False,
    accounts: Annotated[
        list[str] | None,
        typer.Option("--account", metavar="ID", help="A billing account that is the tenant's.", show_default=False),
    ] = None,
    tenant: Tenant = None,
    store: Store = None,
    as_of: AsOf = None,
    json: JsonOut = None,
) -> None:
    """Take a delivery of billing exports in, whole or not at all; the same delivery again changes nothing."""
    from assessment.billing import import_billing  # noqa: PLC0415
    from cost.billing.store import Terms  # noqa: PLC0415
    from serve.costs import billing_store, import_document  # noqa: PLC0415
    from serve.render.costs import import_lines  # noqa: PLC0415

    folders, who = _place(context, tenant=tenant, store=store)
    terms = Terms(is_incremental, may_be_partial, frozenset(accounts or ()))
    report = import_billing(billing_store(folders, who), paths, at=instant(as_of), terms=terms, progress=_progress())
    document = import_document(report)
    answer(document, import_lines(document), json)


@commands.command()
def validate(context: typer.Context, paths: Paths, *, json: JsonOut = None) -> None:
    """Judge billing exports by the rules of FOCUS; exit with 1 where rows would be refused. Nothing is stored."""
    from assessment.billing import validate_billing  # noqa: PLC0415
    from serve.cli.exit_code import ExitCode  # noqa: PLC0415
    from serve.costs import judged_document  # noqa: PLC0415
    from serve.render.costs import judged_lines  # noqa: PLC0415

    del context
    document = judged_document(validate_billing(paths, progress=_progress()))
    answer(document, judged_lines(document), json)
    if any(breach["level"] == "refused" for breach in document["breaches"]):
        raise typer.Exit(ExitCode.FOUND)


@commands.command()
def query(
    context: typer.Context,
    *,
    by: Annotated[
        str, typer.Option("--by", metavar="A,B", help="day, month, service, account, tag:KEY and more.")
    ] = "month",
    start: Annotated[str | None, typer.Option("--from", metavar="DAY", show_default=False, help="First day.")] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="DAY", show_default=False, help="Day after the last.")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option("--where", metavar="NAME=VALUE", help="Only these rows.", show_default=False)
    ] = None,
    measure: Annotated[
        str, typer.Option("--cost", metavar="C", help="effective, billed, list or contracted.")
    ] = "effective",
    currency: Annotated[
        str | None,
        typer.Option("--in", metavar="CUR", help="All in one currency, by the rates table.", show_default=False),
    ] = None,
    shows_rows: Annotated[bool, typer.Option("--rows", help="The billing rows behind the sum.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=100_000, help="Most groups or rows.")
    ] = 10_000,
    tenant: Tenant = None,
    store: Store = None,
    json: JsonOut = None,
) -> None:
    """Sum the tenant's billing rows."""
    from cost.billing.query import BillingQuery, ask, rows_behind  # noqa: PLC0415
    from cost.billing.rates import ask_in, read_rates  # noqa: PLC0415
    from serve.costs import billing_store, group_rows, rates_file  # noqa: PLC0415
    from serve.render.costs import group_lines, row_lines  # noqa: PLC0415

    folders, who = _place(context, tenant=tenant, store=store)
    names = tuple(name for name in by.split(",") if name)
    asked = BillingQuery(names, _measure(measure), _day(start, "--from"), _day(end, "--to"), _pairs(where or []), limit)
    bills = billing_store(folders, who)
    if shows_rows:
        rows = [_printable(row) for row in rows_behind(bills, asked)]
        answer({"items": rows}, row_lines(rows), json)
        return
    groups = (
        ask(bills, asked) if currency is None else ask_in(bills, asked, read_rates(rates_file(folders, who)), currency)
    )
    document = {"by": list(names), "cost": measure, "items": group_rows(names, groups)}
    answer(document, group_lines(document), json)


@commands.command()
def status(context: typer.Context, *, tenant: Tenant = None, store: Store = None, json: JsonOut = None) -> None:
    """Show which periods of which billing accounts are stored, and the imports they came by."""
    from serve.costs import billing_store, store_document  # noqa: PLC0415
    from serve.render.costs import store_lines  # noqa: PLC0415

    folders, who = _place(context, tenant=tenant, store=store)
    document = store_document(billing_store(folders, who))
    answer(document, store_lines(document), json)


@commands.command()
def rates(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: date,from,to,rate.")],
    *,
    tenant: Tenant = None,
    store: Store = None,
) -> None:
    """Keep a table of exchange rates for `pcg costs query --in`; it takes the place of the former one."""
    from cost.billing.rates import read_rates  # noqa: PLC0415
    from serve.costs import rates_file  # noqa: PLC0415

    folders, who = _place(context, tenant=tenant, store=store)
    found = read_rates(file)
    place = rates_file(folders, who)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = place.with_suffix(".new")
    fresh.write_bytes(file.read_bytes())
    fresh.replace(place)
    say(f"{sum(map(len, found.pairs.values())):,} rates of {len(found.pairs)} pairs of currencies are kept for {who}.")


def _place(context: typer.Context, *, tenant: str | None, store: Path | None) -> tuple[Folders, TenantId]:
    from actors.folders import Folders  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant)
    return Folders(store=settings.store_dir), tenant_id(settings.tenant)


def _progress() -> Any:
    """Rows read so far on the terminal's error stream, or nothing in a pipe."""
    if not sys.stderr.isatty():
        return None
    shown = 0

    def report(rows: int) -> None:
        nonlocal shown
        if rows - shown >= PROGRESS_ROWS:
            shown = rows
            sys.stderr.write(f"{rows:,} rows read\n")

    return report


def _measure(text: str) -> Any:
    from cost.billing.query import Measure  # noqa: PLC0415
    from serve.cli.options import choice  # noqa: PLC0415

    return choice(Measure, text, "--cost", what="cost", example=Measure.BILLED)


def _day(text: str | None, flag: str) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise InputError(
            "not a day", where=flag, got=text, expected="YYYY-MM-DD", todo=f"Write {flag} 2026-10-01"
        ) from None


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    bad = next((name for name, mark, _ in pairs if not mark or not name), None)
    if bad is not None:
        raise InputError("not a condition", where="--where", got=bad, expected="NAME=VALUE", todo="Write service=X")
    return {name: value for name, _, value in pairs}


def _printable(row: Any) -> dict[str, Any]:
    return {name: value if value is None or isinstance(value, int) else str(value) for name, value in row.items()}
