"""`pcg report`: evidence packs for auditors and boards: made, listed, fetched."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from domain.clock import parse_instant
from domain.tenancy import tenant_id
from serve.cli.options import Cluster, JsonOut, Store, Tenant, choice, instant, settings_of
from serve.cli.screen import json_bytes, put, say

commands = typer.Typer(help="Make, list and fetch report packs.", no_args_is_help=True, rich_markup_mode=None)

_DATE_LENGTH = 10


@commands.command("generate")
def generate(
    context: typer.Context,
    *,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="Begin of the window, a date or a time.")],
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="TIME", help="End of the window, not in it.  [now]", show_default=False),
    ] = None,
    is_board: Annotated[bool, typer.Option("--board", help="With pages for the board; needs a scan.")] = False,
    expected: Annotated[
        list[str] | None,
        typer.Option(
            "--expect", metavar="TYPE", help="Evidence there should be some of; may be repeated.", show_default=False
        ),
    ] = None,
    page: Annotated[str, typer.Option("--page", metavar="a4|letter", help="What the PDF is printed on.")] = "a4",
    framework: Annotated[
        str | None,
        typer.Option(
            "--framework", metavar="F", help="Show only its controls; the evidence stays complete.", show_default=False
        ),
    ] = None,
    out: Annotated[str, typer.Option("-o", "--out", metavar="FILE", help="Where the pack goes.", show_default=False)],
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
) -> None:
    """Make a pack of a window's evidence, with all that a stranger needs to check it offline."""
    from serve.frameworks import framework_id  # noqa: PLC0415
    from serve.report_desk import open_desk  # noqa: PLC0415
    from serve.reporting import Page, ReportKind, ReportRequest  # noqa: PLC0415

    size = choice(Page, page, "--page", what="page size", example=Page.A4)
    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    request = ReportRequest(
        tenant=tenant_id(settings.tenant),
        kind=ReportKind.BOARD if is_board else ReportKind.EVIDENCE,
        since=_moment(since),
        until=instant(None) if until is None else _moment(until),
        expected=tuple(expected or ()),
        page=size,
        framework=None if framework is None else framework_id(framework),
    )
    with open_desk(settings) as desk:
        about = desk.make(request)
        put(desk.content(request.tenant, str(about["report_id"])), out)
    if out != "-":
        say(f"REPORT  {about['report_id']}  {_size(about['size_bytes'])}  {out}")
        say(f"        verify: pcg verify {out} --policy FILE")


@commands.command("list")
def list_reports(
    context: typer.Context,
    *,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """List finished reports, newest first."""
    from serve.report_desk import open_desk  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_desk(settings) as desk:
        rows = desk.all(tenant_id(settings.tenant))
    if json is not None:
        put(json_bytes({"reports": [dict(row) for row in rows]}), json)
        return
    if not rows:
        say("No report yet.  Make one: pcg report generate --since 2026-01-01 -o pack.zip")
    for row in rows:
        window = f"{_shown(row['since'])} to {_shown(row['until'])}"
        say(f"{row['report_id']}  {row['kind']:<8}  {window:<24}  {_size(row['size_bytes']):>10}  {row['created_at']}")


@commands.command("fetch")
def fetch(
    context: typer.Context,
    *,
    report_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the report, as `pcg report list` has it.")],
    out: Annotated[str, typer.Option("-o", "--out", metavar="FILE", help="Where the pack goes.", show_default=False)],
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
) -> None:
    """Write a finished report's pack to a file."""
    from serve.report_desk import open_desk  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_desk(settings) as desk:
        put(desk.content(tenant_id(settings.tenant), report_id), out)


def _moment(text: str) -> datetime:
    """A time, or the beginning of a day in UTC."""
    return parse_instant(f"{text}T00:00:00Z" if len(text) == _DATE_LENGTH else text)


def _shown(moment: object) -> str:
    return str(moment).removesuffix("T00:00:00Z")


def _size(size_bytes: object) -> str:
    return f"{float(str(size_bytes)) / 1e6:,.1f} MB"
