"""`pcg evidence`: list it, show one entry, erase a person."""

from __future__ import annotations

from typing import Annotated

import typer

from domain.clock import parse_instant
from domain.errors import InputError
from domain.evidence import EntryId, EventType
from domain.tenancy import tenant_id
from serve.cli.options import Cluster, JsonOut, Store, Tenant, settings_of
from serve.cli.screen import json_bytes, put, say, show, width

commands = typer.Typer(help="List and show evidence, erase persons.", no_args_is_help=True, rich_markup_mode=None)


@commands.command("list")
def list_evidence(
    context: typer.Context,
    *,
    kind: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help="Only this type.", show_default=False)
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Not before this time.", show_default=False)
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Before this time.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="Most rows.", min=1, max=100_000)] = 100,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """List evidence, newest first, by the times that it states itself."""
    from actors.evidence_pages import EvidenceQuery  # noqa: PLC0415
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    query = EvidenceQuery(
        type=None if kind is None else _type(kind),
        since=None if since is None else parse_instant(since),
        until=None if until is None else parse_instant(until),
        limit=limit,
    )
    with open_platform(settings) as platform:
        rows = platform.evidence_rows(tenant_id(settings.tenant), query)
    if json is not None:
        put(json_bytes({"evidence": [dict(row) for row in rows]}), json)
        return
    from serve.render.evidence import evidence_lines  # noqa: PLC0415
    from serve.render.figures import counted  # noqa: PLC0415

    show(evidence_lines(rows, width=width()))
    say(counted(len(rows), "entry", "entries"))


@commands.command("show")
def show_evidence(
    context: typer.Context,
    *,
    evidence_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the entry, such as 2026-17.")],
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
) -> None:
    """Print one entry as JSON, with its hashes in both trees."""
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_platform(settings) as platform:
        row = platform.evidence_entry(tenant_id(settings.tenant), EntryId.parse(evidence_id))
    put(json_bytes(dict(row)), "-")


@commands.command("erase")
def erase(
    context: typer.Context,
    *,
    subject: Annotated[str, typer.Argument(metavar="PERSON", help="As written when the evidence was collected.")],
    basis: Annotated[str, typer.Option("--basis", metavar="TEXT", help="The ground, such as GDPR article 17(1)(a).")],
    by: Annotated[str, typer.Option("--by", metavar="ROLE", help="Role of who decided it; no name.")],
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
) -> None:
    """Destroy a person's key, for good.

    Every entry and every proof stays; what the entries say of the person can be read by nobody any more.
    """
    from serve.bootstrap import erase_person  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    row = erase_person(settings, subject, basis=basis, by=by)
    say(f"ERASED  {row['commitments']:,} commitments can be opened by nobody; recorded as {row['evidence_id']}")


def _type(text: str) -> EventType:
    try:
        return EventType(text)
    except ValueError:
        raise InputError(
            "unknown type of evidence",
            where="--type",
            got=text,
            expected=", ".join(sorted(EventType)),
            todo="Write --type access_review, for example",
        ) from None
