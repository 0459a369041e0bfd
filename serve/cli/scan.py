"""`pcg scan`: the main job."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import InputError
from domain.tenancy import tenant_id
from domain.value import Json
from serve.cli.exit_code import exit_code_of_scan
from serve.cli.options import AsOf, Cluster, JsonOut, Store, Tenant, instant, settings_of, severity
from serve.cli.screen import STANDARD_OUTPUT, json_bytes, put, show, width
from serve.cli.settings_view import product_version

if TYPE_CHECKING:
    from actors.messages import ScanRequest, ScanResult
    from serve.render.terminal import Timings
    from serve.settings import Settings


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where the results of a scan are written; None where not asked for."""

    json: str | None = None
    html: str | None = None
    csv: Path | None = None
    junit: str | None = None


def _file(flag: str, metavar: str, help: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(flag, metavar=metavar, help=help, show_default=False)
    return option


def scan(
    context: typer.Context,
    *,
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH", help="Exports: files, folders or globs.", show_default=False)
    ],
    tenant: Tenant = None,
    as_of: AsOf = None,
    policies: Annotated[
        list[str] | None,
        _file("--policies", "builtin|imported|applied|PATH", "Which; may be repeated.  [builtin, applied]"),
    ] = None,
    aliases: Annotated[list[str] | None, _file("--aliases", "PATH", "More alias rows; may be repeated.")] = None,
    exemptions: Annotated[str | None, _file("--exemptions", "FILE", "Waivers, JSON or CSV.")] = None,
    scope: Annotated[str | None, _file("--scope", "S", "Judge only resources below this scope.")] = None,
    type: Annotated[str | None, _file("--type", "T", "Judge only resources of this type.")] = None,
    aws_operation: Annotated[
        str | None, _file("--aws-operation", "SERVICE:OPERATION", "What a plain AWS response answers.")
    ] = None,
    json: JsonOut = None,
    html: Annotated[str | None, _file("--html", "OUT", "Write a self-contained report.")] = None,
    csv: Annotated[Path | None, _file("--csv", "DIR", "Write tables as CSV.")] = None,
    junit: Annotated[str | None, _file("--junit", "OUT", "Write a test case per policy.")] = None,
    evidence: Annotated[Path | None, _file("--evidence", "DIR", "Where evidence is published.")] = None,
    store: Store = None,
    cluster: Cluster = None,
    fail_on: Annotated[str | None, _file("--fail-on", "SEVERITY", "Exit 1 at this severity or worse.")] = None,
    new_only: Annotated[bool, typer.Option("--new-only", help="Count only what the former scan had not.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 3 when something could not be read.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No summary and no progress.")] = False,
) -> int:
    """Show what violates policy, what will, and what it costs."""
    from actors.messages import ScanRequest  # noqa: PLC0415

    threshold = severity(fail_on, "--fail-on")
    settings = settings_of(context, store_dir=store, evidence_dir=evidence, tenant=tenant, cluster=cluster)
    request = ScanRequest(
        tenant=tenant_id(settings.tenant),
        paths=tuple(paths),
        as_of=instant(as_of),
        policies=tuple(policies or ("builtin", "applied")),
        aliases=tuple(aliases or ()),
        exemptions=exemptions,
        scope=scope,
        type=type,
        aws_operation=aws_operation,
    )
    is_silent = quiet or json == STANDARD_OUTPUT
    result, timings = run_scan(settings, request, is_silent=is_silent)
    write_outputs(result, Outputs(json=json, html=html, csv=csv, junit=junit))
    if not is_silent:
        show_summary(result, timings)
    counted = result.facts.new_violations if new_only else result.facts.violations
    return exit_code_of_scan(counted, result.facts.gaps, fail_on=threshold, is_strict=strict)


def run_scan(settings: Settings, request: ScanRequest, *, is_silent: bool) -> tuple[ScanResult, Timings]:
    """Run a scan on the platform that the settings lead to, with progress on a terminal.

    Raises:
        InputError: nothing could be read.
    """
    from serve.bootstrap import open_platform  # noqa: PLC0415
    from serve.cli.progress import StageClock, shown_progress  # noqa: PLC0415

    clock = StageClock()
    with open_platform(settings) as platform, shown_progress(clock, is_shown=not is_silent) as report:
        result = platform.scan(request, report)
    if result.facts.readable == 0:
        raise InputError(
            "nothing could be read",
            where=" ".join(request.paths),
            todo="Give exports of your clouds; the README lists the formats and the commands that write them",
        )
    return result, clock.timings()


def write_outputs(result: ScanResult, outputs: Outputs) -> None:
    """Write what was asked for."""
    if outputs.json is not None:
        put(json_bytes(result.document), outputs.json)
    if outputs.html is not None:
        from serve.render.html import html_report  # noqa: PLC0415

        put(html_report(result.document, version=product_version()).encode(), outputs.html)
    if outputs.csv is not None:
        from serve.render.csv import csv_files  # noqa: PLC0415

        for name, content in csv_files(result.document).items():
            put(content.encode(), str(outputs.csv / name))
    if outputs.junit is not None:
        from serve.render.junit import junit_report  # noqa: PLC0415

        put(junit_report(result.document).encode(), outputs.junit)


def show_summary(result: ScanResult, timings: Timings) -> None:
    """Print the summary of a scan."""
    from serve.render.terminal import summary  # noqa: PLC0415

    document = result.document
    show(summary(document, version=product_version(), timings=timings, width=width(), verify=verify_command(document)))


def verify_command(document: Mapping[str, Json]) -> str:
    """The command that checks a scan's evidence; empty where none was recorded."""
    evidence = document["evidence"]
    return f"pcg verify {shlex.quote(str(evidence['path']))}" if isinstance(evidence, dict) else ""
