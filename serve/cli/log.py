"""`pcg log`: what is recorded and published, publishing, anchors, fetching, and deriving everything again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from domain.errors import InputError
from domain.tenancy import tenant_id
from domain.value import Json
from serve.cli.exit_code import ExitCode
from serve.cli.log_keys import add_to
from serve.cli.options import Cluster, JsonOut, Store, Tenant, settings_of
from serve.cli.screen import json_bytes, put, say, show, width

commands = typer.Typer(help="Publish and check the evidence log.", no_args_is_help=True, rich_markup_mode=None)
add_to(commands)
FINDINGS_MAX = 20


@commands.command()
def status(
    context: typer.Context,
    *,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Show the tenant's logs: entries recorded, and entries published under signed checkpoints."""
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_platform(settings) as platform:
        name = tenant_id(settings.tenant)
        _print(platform.log_status(name), json, platform.logs.anchors(name, limit=1)["targets"])


@commands.command()
def publish(
    context: typer.Context,
    *,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Seal what is new in a block, sign both checkpoints, and write the folder that strangers get."""
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_platform(settings) as platform:
        _print(platform.publish_log(tenant_id(settings.tenant)), json)


@commands.command()
def anchor(context: typer.Context, *, store: Store = None, cluster: Cluster = None, json: JsonOut = None) -> int:
    """Publish the platform's own log and ask every anchor target now.

    Ends with status 1 when a target failed.
    """
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, cluster=cluster)
    with open_platform(settings) as platform:
        done = platform.logs.anchor(tenant_id(settings.tenant))
    if json is not None:
        put(json_bytes(done), json)
    else:
        for line in anchor_lines(done):
            say(line)
    return ExitCode.FOUND if done["failures"] else ExitCode.DONE


@commands.command()
def fetch(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="Published logs: s3://, az://, gs:// or a folder.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New folder for the copy; then: pcg verify DIR")],
) -> None:
    """Copy published logs from an object store, all of one state, to be verified offline."""
    from actors.evidence_place import open_at  # noqa: PLC0415
    from chain.storage.fetching import fetch as fetch_files  # noqa: PLC0415

    count = fetch_files(open_at(url, settings_of(context).storage_options), folder)
    say(f"FETCHED  {count:,} files   verify them with: pcg verify {folder}")


@commands.command()
def fsck(
    context: typer.Context,
    *,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Annotated[str | None, typer.Option("--cluster", hidden=True)] = None,
) -> int:
    """Derive the published logs again from the journal, and name every difference.

    Reads the store itself, so it runs on the machine that has it; a platform may go on beside it.
    """
    from chain.fsck import check_state  # noqa: PLC0415
    from serve.bootstrap import folders_of  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant)
    if cluster is not None:
        raise InputError("fsck reads the store itself", where="--cluster", todo="Run it on the machine of the store")
    if settings.journal_url is not None or settings.evidence_url is not None:
        todo = "Run: pcg log fetch URL DIR, then pcg verify DIR"
        raise InputError("fsck reads folders", where="journal_url, evidence_url", todo=todo)
    folders = folders_of(settings)
    folder = folders.evidence_of(tenant_id(settings.tenant))
    if not folders.chain.exists() or not folder.exists():
        raise InputError("there is no published evidence here", path=str(folder), todo="Run: pcg log publish")
    report = check_state(folders.chain, [folder])
    for finding in report.findings[:FINDINGS_MAX]:
        say(f"  {finding}")
    rest = len(report.findings) - FINDINGS_MAX
    if rest > 0:
        say(f"  and {rest:,} more")
    say("CONSISTENT  the published logs follow from the journal" if report.ok else "INCONSISTENT")
    return ExitCode.DONE if report.ok else ExitCode.FOUND


def _print(
    rows: Sequence[Mapping[str, Json]], json: str | None, targets: Sequence[Mapping[str, Json]] | None = None
) -> None:
    found = [dict(row) for row in rows]
    if json is not None:
        anchors = {} if targets is None else {"anchors": [dict(row) for row in targets]}
        put(json_bytes({"logs": found, **anchors}), json)
        return
    from serve.render.evidence import log_lines  # noqa: PLC0415

    show(log_lines(found, width=width()))
    if not found:
        say("Nothing is recorded yet. Start with: pcg scan PATH")
    for line in map(target_line, targets or ()):
        say(line)


def anchor_lines(done: Mapping[str, Any]) -> list[str]:
    """Receipts, gaps and failures of a round."""
    return [
        f"PUBLISHED  the platform's log, {done['size']:,} entries",
        *(
            f"RECEIPT    {row['target']}   {row['kind']}{'' if row['is_final'] else '   unconfirmed yet'}"
            for row in done["receipts"]
        ),
        *(f"GAP        {row['target']}   {row['from']} to {row['to']}   {row['reason']}" for row in done["gaps"]),
        *(f"FAILED     {name}   {reason}" for name, reason in sorted(done["failures"].items())),
    ]


def target_line(target: Mapping[str, Json]) -> str:
    """How an anchor target stands."""
    reason = f"   {target['reason']}" if target["reason"] else ""
    waiting = f"   {target['pending']} unconfirmed" if target["pending"] else ""
    return f"ANCHOR  {target['name']}   {target['kind']}   {target['circuit']}{waiting}{reason}"
