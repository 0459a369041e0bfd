"""`pcg drift`: declare baselines, see what differs from them and who did it, and have webhooks told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.drift import DriftKind, DriftTrigger
from domain.finding import Severity
from domain.tenancy import tenant_id
from serve.cli.exit_code import ExitCode
from serve.cli.options import Cluster, JsonOut, Store, Tenant, choice, settings_of, severity
from serve.cli.screen import is_written, say, show, width

if TYPE_CHECKING:
    from actors.drift_pages import DriftQuery
    from serve.drift_service import DriftFace

commands = typer.Typer(help="Compare resources with what declares them.", no_args_is_help=True, rich_markup_mode=None)

PAGE = 1_000
Paths = Annotated[list[str], typer.Argument(metavar="PATH", help="Files or folders.", show_default=False)]


def _option(flag: str, metavar: str, help: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(flag, metavar=metavar, help=help, show_default=False)
    return option


FailOn = Annotated[str | None, _option("--fail-on", "SEVERITY", "Exit 1 at this severity or worse.")]


@commands.command()
def check(
    exports: Annotated[list[str], typer.Argument(metavar="EXPORT", help="Resources as they are.", show_default=False)],
    *,
    baselines: Annotated[list[str], _option("--baseline", "PATH", "What declares them; may be repeated.")],
    audit: Annotated[list[str] | None, _option("--audit", "PATH", "Audit logs; may be repeated.")] = None,
    is_complete: Annotated[
        bool, typer.Option("--complete", help="The export lists everything: what it lacks is gone.")
    ] = False,
    fail_on: FailOn = None,
    json: JsonOut = None,
) -> int:
    """Compare an export with baselines, once; nothing is kept."""
    from serve.drift_check import check_once  # noqa: PLC0415

    threshold = severity(fail_on, "--fail-on")
    found = check_once(exports, baselines, audit or (), is_complete=is_complete)
    _show(found, json)
    return _status(found, threshold)


@commands.command()
def baseline(
    context: typer.Context,
    paths: Paths,
    *,
    name: Annotated[str | None, _option("--name", "NAME", "Of one baseline; else each has its file's name.")] = None,
    is_approval: Annotated[
        bool, typer.Option("--approve", help="The files are an export: approve its resources as they are.")
    ] = False,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Keep baselines: Terraform states and plans, CloudFormation, ARM, Pulumi, or an approved export."""
    from serve.bootstrap import open_drift  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_drift(settings) as drift:
        done = drift.declare(tenant_id(settings.tenant), paths, name=name, is_approval=is_approval)
    if is_written(done, json):
        return
    for row in done["baselines"]:
        say(f"{row['name']}   {row['source']}   {row['resources']:,} resources   {len(row['gaps']):,} gaps")
    say(f"{done['changed']:,} drifts changed; see: pcg drift list")


@commands.command("baselines")
def list_baselines(
    context: typer.Context, *, tenant: Tenant = None, store: Store = None, cluster: Cluster = None, json: JsonOut = None
) -> None:
    """List what is declared."""
    from serve.bootstrap import open_drift  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_drift(settings) as drift:
        found = drift.baselines(tenant_id(settings.tenant))
    if is_written(found, json):
        return
    for row in found["items"]:
        say(f"{row['name']}   {row['source']}   {row['resources']:,} resources   {row['declared_at'] or ''}".rstrip())
    if not found["items"]:
        say("No baseline. Keep one with: pcg drift baseline FILE")


@commands.command()
def withdraw(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of a baseline.")],
    *,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
) -> None:
    """Forget a baseline; its drifts are resolved."""
    from serve.bootstrap import open_drift  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_drift(settings) as drift:
        done = drift.withdraw(tenant_id(settings.tenant), name)
    say(f"{done['changed']:,} drifts changed")


@commands.command()
def audit(
    context: typer.Context,
    paths: Paths,
    *,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Import audit logs, which say who changed what: CloudTrail, Azure Activity Log, Google Cloud audit logs."""
    from serve.bootstrap import open_drift  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_drift(settings) as drift:
        done = drift.blame(tenant_id(settings.tenant), paths)
    if not is_written(done, json):
        say(
            f"{done['entries']:,} changes read, {len(done['gaps']):,} gaps, {done['changed']:,} drifts learnt from them"
        )


@commands.command("list")
def listing(
    context: typer.Context,
    *,
    severity_name: Annotated[str | None, _option("--severity", "S", "This severity and worse.")] = None,
    kind: Annotated[str | None, _option("--kind", "K", "changed, unmanaged, missing or moved.")] = None,
    type: Annotated[str | None, _option("--type", "T", "Only resources of this type.")] = None,
    scope: Annotated[str | None, _option("--scope", "S", "At or below this scope.")] = None,
    baseline: Annotated[str | None, _option("--baseline", "NAME", "Of this baseline.")] = None,
    fail_on: FailOn = None,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> int:
    """List what has drifted, worst first."""
    from actors.drift_pages import DriftQuery  # noqa: PLC0415
    from serve.bootstrap import open_drift  # noqa: PLC0415

    threshold = severity(fail_on, "--fail-on")
    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    query = DriftQuery(
        severity=severity(severity_name, "--severity"),
        kind=None
        if kind is None
        else choice(DriftKind, kind, "--kind", what="kind of drift", example=DriftKind.CHANGED),
        type=type,
        scope=scope,
        baseline=baseline,
        limit=PAGE,
    )
    with open_drift(settings) as drift:
        found = _all(drift, settings.tenant, query)
    _show(found, json)
    return _status(found, threshold)


@commands.command()
def subscribe(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where messages are posted.")],
    *,
    severity_name: Annotated[str | None, _option("--severity", "S", "This severity and worse.")] = None,
    events: Annotated[list[str] | None, _option("--event", "E", "detected, changed or resolved; repeatable.")] = None,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Have a webhook told of drift, in signed messages. The secret is shown this once."""
    from serve.bootstrap import open_drift  # noqa: PLC0415
    from serve.drift_subscriptions import Wanted  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    wanted = Wanted(
        url,
        severity(severity_name, "--severity"),
        events=tuple(
            choice(DriftTrigger, each, "--event", what="event", example=DriftTrigger.DETECTED) for each in events or ()
        ),
    )
    with open_drift(settings) as drift:
        done = drift.subscribe(tenant_id(settings.tenant), wanted)
    if not is_written(done, json):
        say(f"{done['subscription_id']}   {done['url']}")
        say(f"secret   {done['secret']}")


@commands.command("subscriptions")
def list_subscriptions(
    context: typer.Context, *, tenant: Tenant = None, store: Store = None, cluster: Cluster = None, json: JsonOut = None
) -> None:
    """List who is told, and how that goes."""
    from serve.bootstrap import open_drift  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_drift(settings) as drift:
        found = drift.subscriptions(tenant_id(settings.tenant))
    if is_written(found, json):
        return
    for row in found["items"]:
        told = f"{row['delivered']:,} told, {row['dead']:,} put aside"
        say("   ".join(filter(None, (row["subscription_id"], row["state"], row["url"], told, row["reason"]))))
    if not found["items"]:
        say("No subscription. Add one with: pcg drift subscribe URL")


@commands.command()
def unsubscribe(
    context: typer.Context,
    subscription: Annotated[str, typer.Argument(metavar="ID", help="Of a subscription.")],
    *,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
) -> None:
    """Tell a webhook no longer."""
    from serve.bootstrap import open_drift  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_drift(settings) as drift:
        drift.unsubscribe(tenant_id(settings.tenant), subscription)
    say(f"{subscription} is told no longer")


def _all(drift: DriftFace, tenant: str, query: DriftQuery) -> dict[str, Any]:
    """Every page together."""
    from dataclasses import replace  # noqa: PLC0415

    found = dict(drift.active(tenant_id(tenant), query))
    while (cursor := found["next_cursor"]) is not None:
        page = drift.active(tenant_id(tenant), replace(query, cursor=cursor))
        found["items"] = [*found["items"], *page["items"]]
        found["next_cursor"] = page["next_cursor"]
    return found


def _show(found: Mapping[str, Any], json: str | None) -> None:
    if is_written({key: each for key, each in found.items() if key != "next_cursor"}, json):
        return
    from serve.render.drift import drift_lines, drift_total  # noqa: PLC0415

    show(drift_lines(found["items"], width=width()))
    say(drift_total(found))


def _status(found: Mapping[str, Any], threshold: Severity | None) -> int:
    if threshold is None:
        return ExitCode.DONE
    worse = sum(number for name, number in found["by_severity"].items() if Severity(name).rank <= threshold.rank)
    return ExitCode.FOUND if worse else ExitCode.DONE
