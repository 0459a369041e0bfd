"""`pcg compliance`: where frameworks stand, what is missing, and who maps which policy to which control."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from domain.errors import InputError
from domain.tenancy import tenant_id
from serve.cli.options import Cluster, JsonOut, Store, Tenant, choice, settings_of
from serve.cli.screen import json_bytes, put, show, width

if TYPE_CHECKING:
    from serve.compliance import Question
    from serve.settings import Settings

commands = typer.Typer(
    help="Where frameworks stand by the last scan, what is missing, and what policies map to.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
AGE_DAYS_MAX = 3_650
_ENTRY: Final = re.compile(r"\d{4}(s\d+)?-\d+")
FrameworkName = Annotated[
    str | None,
    typer.Option("--framework", metavar="F", help="One framework, like SOC2, with its controls.", show_default=False),
]
AgeDays = Annotated[
    int,
    typer.Option("--age-days", metavar="D", min=1, max=AGE_DAYS_MAX, help="Older evidence decides nothing."),
]


@commands.command("coverage")
def coverage(
    context: typer.Context,
    *,
    framework: FrameworkName = None,
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="Only controls in this state.", show_default=False)
    ] = None,
    age_days: AgeDays = 30,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Show where each framework stands, or each control of one."""
    from serve.compliance_desk import open_compliance  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_compliance(settings) as desk:
        found: dict[str, Any] = dict(desk.coverage(_question(settings, framework, age_days)))
    if state is not None:
        found["controls"] = [row for row in found.get("controls", []) if row["state"] == _state(state)]
    if json is not None:
        put(json_bytes(found), json)
        return
    from serve.render.compliance import control_lines, framework_lines  # noqa: PLC0415

    lines = framework_lines if framework is None else control_lines
    show(lines(found, width=width()))


@commands.command("gaps")
def gaps(
    context: typer.Context,
    *,
    framework: FrameworkName = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="Only gaps of this kind.", show_default=False)
    ] = None,
    age_days: AgeDays = 30,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """List controls that fail, or that lack a policy, evidence, fresh evidence or a decision."""
    from assessment.compliance_document import GapKind  # noqa: PLC0415
    from serve.compliance_desk import open_compliance  # noqa: PLC0415

    only = None if kind is None else choice(GapKind, kind, "--kind", what="kind of gap", example=GapKind.FAILING)
    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_compliance(settings) as desk:
        found = desk.gaps(_question(settings, framework, age_days), only)
    if json is not None:
        put(json_bytes(dict(found)), json)
        return
    from serve.render.compliance import gap_lines  # noqa: PLC0415

    show(gap_lines(found, width=width()))


@commands.command("map")
def map_controls(
    context: typer.Context,
    *,
    what: Annotated[
        str,
        typer.Argument(metavar="WHAT", help="Policy id, file with a definition, or entry of evidence like 2026-17."),
    ],
    confidence_min: Annotated[
        float, typer.Option("--min", metavar="P", min=0.5, max=1.0, help="Show nothing less confident.")
    ] = 0.5,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Propose controls for a policy or a piece of evidence, with confidence and reasons."""
    from domain.evidence import EntryId  # noqa: PLC0415 (its schemas cost every other command their start-up)
    from serve.compliance_desk import open_compliance  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    who = tenant_id(settings.tenant)
    with open_compliance(settings) as desk:
        if _ENTRY.fullmatch(what):
            found = desk.map_evidence(who, EntryId.parse(what), confidence_min=confidence_min)
        else:
            found = desk.map_policy(who, _policy(what), confidence_min=confidence_min)
    if json is not None:
        put(json_bytes(dict(found)), json)
        return
    from serve.render.compliance import map_lines  # noqa: PLC0415

    show(map_lines(found, width=width()))


@commands.command("export")
def export(
    context: typer.Context,
    *,
    framework: Annotated[
        str, typer.Option("--framework", metavar="F", help="Framework, like SOC2.", show_default=False)
    ],
    document: Annotated[
        str,
        typer.Option("--document", metavar="assessment-results|component-definition", help="Which OSCAL document."),
    ] = "assessment-results",
    age_days: AgeDays = 30,
    out: Annotated[str, typer.Option("-o", "--out", metavar="FILE|-", help="Where it goes.")] = "-",
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
) -> None:
    """Write a framework's controls and what was found of them as OSCAL 1.2.1."""
    from serve.compliance import OscalDocument  # noqa: PLC0415
    from serve.compliance_desk import open_compliance  # noqa: PLC0415

    asked = choice(OscalDocument, document, "--document", what="OSCAL document", example=OscalDocument.RESULTS)
    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_compliance(settings) as desk:
        put(desk.oscal(_question(settings, framework, age_days), asked), out)


@commands.command("import")
def import_mappings(
    context: typer.Context,
    *,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Azure initiatives or Prowler compliance files.")],
    described_by: Annotated[
        list[Path] | None,
        typer.Option(
            "--described-by",
            metavar="PATH",
            help="Definitions or check metadata; mappings of anything else are reported.",
            show_default=False,
        ),
    ] = None,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Import which policy serves which control, as others publish it."""
    from serve.compliance_desk import open_compliance  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_compliance(settings) as desk:
        found = desk.add_mappings(tenant_id(settings.tenant), paths, described_by or ())
    if json is not None:
        put(json_bytes(dict(found)), json)
        return
    from serve.render.compliance import import_lines  # noqa: PLC0415

    show(import_lines(found, width=width()))


findings = typer.Typer(help="Hand findings on to other systems.", no_args_is_help=True, rich_markup_mode=None)


@findings.callback()
def _findings() -> None:
    """A group although it has one command, so that others can join it."""


@findings.command("export")
def export_findings(
    context: typer.Context,
    *,
    format: Annotated[str, typer.Option("--format", metavar="ocsf|csv|parquet", help="How they are written.")] = "ocsf",
    framework: Annotated[
        str | None,
        typer.Option("--framework", metavar="F", help="Only what touches its controls.", show_default=False),
    ] = None,
    out: Annotated[str, typer.Option("-o", "--out", metavar="FILE|-", help="Where they go.")] = "-",
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
) -> None:
    """Write the last scan's violations, open and exempt, as OCSF Compliance Findings, CSV or Parquet."""
    from serve.compliance_desk import open_compliance  # noqa: PLC0415
    from serve.findings_export import FindingsFormat  # noqa: PLC0415

    form = choice(FindingsFormat, format, "--format", what="format", example=FindingsFormat.OCSF)
    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_compliance(settings) as desk:
        put(desk.findings(tenant_id(settings.tenant), form, framework=framework), out)


def _policy(what: str) -> str | Mapping[str, Any]:
    """A definition of a file, or an id."""
    path = Path(what)
    if not path.is_file():
        return what
    from policy.aliases import read_rows  # noqa: PLC0415

    rows = read_rows(path)
    if len(rows) != 1 or not isinstance(rows[0], dict):
        raise InputError(
            "not one definition",
            where=what,
            got=f"{len(rows)} documents",
            expected="one object",
            todo="Map them one by one",
        )
    return rows[0]


def _question(settings: Settings, framework: str | None, age_days: int) -> Question:
    from serve.compliance import Question  # noqa: PLC0415

    return Question(tenant_id(settings.tenant), timedelta(days=age_days), framework)


def _state(text: str) -> str:
    from assessment.compliance import State  # noqa: PLC0415

    return choice(State, text, "--state", what="state", example=State.NOT_SATISFIED)
