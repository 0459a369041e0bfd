"""`pcg store status`, `migrate` and `schema`: where a tenant's graph is kept."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import ConflictError, InputError
from domain.tenancy import TenantId, tenant_id
from serve.cli.options import JsonOut, Store, Tenant, choice, settings_of
from serve.cli.screen import json_bytes, put, say

if TYPE_CHECKING:
    from graph.stores.contract import GraphStore
    from serve.settings import Settings

commands = typer.Typer(help="Where a tenant's graph is kept: status, moving it, its schema.", no_args_is_help=True)


class Where(StrEnum):
    """The places of a graph."""

    FILES = "files"
    NEO4J = "neo4j"


@commands.command()
def status(context: typer.Context, *, tenant: Tenant = None, store: Store = None, json: JsonOut = None) -> None:
    """Say which store keeps the tenant's graph, and what is in it."""
    settings = settings_of(context, store_dir=store, tenant=tenant)
    where = Where.FILES if settings.neo4j_uri is None else Where.NEO4J
    opened = _opened(settings, where)
    try:
        found = opened.read_out()
        row = {
            "tenant": settings.tenant,
            "store": where.value,
            "place": settings.neo4j_uri or str(settings.store_dir),
            "version": found.version,
            "resources": found.resources.num_rows,
            "relationships": found.edges.num_rows,
            "dangling": len(found.dangling),
            "scans": len(opened.scans()),
            "unproven": sorted(opened.unproven()),
        }
    finally:
        opened.close()
    if json is not None:
        put(json_bytes(row), json)
        return
    for name, value in row.items():
        say(f"{name:14} {', '.join(value) or 'none' if isinstance(value, list) else value}")


@commands.command()
def migrate(
    context: typer.Context,
    *,
    to: Annotated[str, typer.Option("--to", metavar="neo4j|files", help="Where the graph is to be.")],
    tenant: Tenant = None,
    store: Store = None,
    json: JsonOut = None,
) -> None:
    """Copy the tenant's graph, with its history, into the other store, and compare what came back.

    Stop the platform first. The original stays, and nobody who wrote there before can write there any longer.
    """
    from graph.stores.migrate import migrate as move  # noqa: PLC0415
    from serve.run_file import find_running  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant)
    goal = choice(Where, to, "--to", what="store", example=Where.NEO4J)
    if find_running(settings) is not None:
        raise ConflictError("a platform runs on this store", todo="End it with: pcg down")
    origin = Where.FILES if goal is Where.NEO4J else Where.NEO4J
    source = _opened(settings, origin)
    try:
        target = _opened(settings, goal)
        try:
            done = move(source, target)
        finally:
            target.close()
    finally:
        source.close()
    row = {
        "tenant": settings.tenant,
        "from": origin.value,
        "to": goal.value,
        "resources": done.resources,
        "versions": done.versions,
        "relationships": done.relationships,
        "scans": done.scans,
        "definitions": done.definitions,
    }
    if json is not None:
        put(json_bytes(row), json)
        return
    say(
        f"MOVED  {settings.tenant} from {origin} to {goal}: {done.resources:,} resources in {done.versions:,} "
        f"versions, {done.relationships:,} relationships, {done.scans:,} scans; read back and equal"
    )
    say(_next_step(goal))


@commands.command()
def schema(
    *, is_cypher: Annotated[bool, typer.Option("--cypher", help="Only the declarations, to be run by hand.")] = False
) -> None:
    """Print the schema of the graph in Neo4j, as docs/graph-schema.md has it."""
    from graph.stores.neo4j_schema import schema_document, statements  # noqa: PLC0415

    typer.echo("\n".join(f"{each};" for each in statements()) if is_cypher else schema_document(), nl=is_cypher)


def _opened(settings: Settings, where: Where) -> GraphStore:
    from serve.bootstrap import folders_of  # noqa: PLC0415
    from serve.store_place import StorePlace, store_place  # noqa: PLC0415

    if where is Where.NEO4J and settings.neo4j_uri is None:
        raise InputError("no Neo4j is named", where="setting neo4j_uri", todo="Set neo4j_uri and neo4j_password")
    place = StorePlace() if where is Where.FILES else store_place(settings)
    tenant: TenantId = tenant_id(settings.tenant)
    return place(folders_of(settings).graph(tenant), tenant)


def _next_step(goal: Where) -> str:
    if goal is Where.NEO4J:
        return "From now on run with the setting neo4j_uri; the file may be moved away once you trust the copy."
    return "From now on run without the setting neo4j_uri."
