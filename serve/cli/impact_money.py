"""`pcg impact analyze` and `pcg impact assumptions`: what violations are worth, and what that rests on."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated, Any

import typer

from domain.errors import InputError, NotFound
from domain.tenancy import tenant_id
from serve.cli.options import AsOf, Cluster, JsonOut, Store, Tenant, choice, instant, settings_of
from serve.cli.screen import answer

commands = typer.Typer(help="What downtime, penalties, work and risk come to.", no_args_is_help=True)
Years = Annotated[int, typer.Option("--years", metavar="N", min=100, max=1_000_000, help="Years to simulate.")]


@commands.command()
def analyze(
    context: typer.Context,
    resources: Annotated[
        list[str] | None, typer.Argument(metavar="RESOURCE...", help="Go down together.", show_default=False)
    ] = None,
    *,
    policy: Annotated[
        list[str] | None, typer.Option("--policy", metavar="ID", help="Only its violations.", show_default=False)
    ] = None,
    mode: Annotated[str, typer.Option("--mode", metavar="M", help="What happens to the resources.")] = "delete",
    assume: Annotated[
        Path | None,
        typer.Option("--assume", metavar="FILE", help="Assumptions for this question alone.", show_default=False),
    ] = None,
    years: Years = 20_000,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0)] = 0,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    as_of: AsOf = None,
    json: JsonOut = None,
) -> None:
    """Show what violations are worth: downtime, penalties, work, and risk before and after mending them."""
    from assessment.impact_analysis import Analysis  # noqa: PLC0415
    from graph.failure import FailureMode  # noqa: PLC0415
    from serve.bootstrap import open_platform  # noqa: PLC0415
    from serve.impact import analyze as analysed  # noqa: PLC0415
    from serve.impact import assumptions_of  # noqa: PLC0415
    from serve.remote import RemotePlatform  # noqa: PLC0415
    from serve.render.payback import analysis_lines  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    who, at = tenant_id(settings.tenant), instant(as_of)
    failure = choice(FailureMode, mode.replace("-", "_"), "--mode", what="failure mode", example=FailureMode.DELETE)
    asked = Analysis(tuple(resources or ()), tuple(policy or ()), failure, years, seed)
    given = {} if assume is None else _document(assume)
    with open_platform(settings) as platform:
        if isinstance(platform, RemotePlatform):
            found = platform.analyze_impact(who, asked, given, as_of=at)
        else:
            found = analysed(platform, who, asked, assumptions_of(_folders(settings), who, given), as_of=at)
    answer(found, analysis_lines(found), json)


@commands.command()
def assumptions(
    context: typer.Context,
    *,
    file: Annotated[
        Path | None,
        typer.Option("--keep", metavar="FILE", help="JSON to keep as the tenant's own.", show_default=False),
    ] = None,
    tenant: Tenant = None,
    store: Store = None,
    json: JsonOut = None,
) -> None:
    """Show what analyses assume for a tenant, or keep its own assumptions."""
    from assessment.impact_analysis import assumption_rows  # noqa: PLC0415
    from serve.impact import assumptions_of, keep_assumptions  # noqa: PLC0415
    from serve.render.payback import assumption_lines  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant)
    folders, who = _folders(settings), tenant_id(settings.tenant)
    if file is not None:
        keep_assumptions(folders, who, _document(file))
    found = assumption_rows(assumptions_of(folders, who))
    answer(found, assumption_lines(found), json)


def _folders(settings: Any) -> Any:
    from actors.folders import Folders  # noqa: PLC0415

    return Folders(store=settings.store_dir)


def _document(path: Path) -> dict[str, Any]:
    try:
        found = json_module.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise NotFound("no such file", path=str(path), todo="Check the path") from None
    except (ValueError, OSError):
        found = None
    if not isinstance(found, dict):
        raise InputError("not a JSON object", path=str(path), expected="ranges, frameworks, currency, hour_values")
    return found
