"""The commands and their options, as `pcg --help` lists them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from serve.cli import (
    changes,
    compliance,
    costs,
    demo,
    drift,
    estate,
    evidence,
    findings,
    impact,
    impact_money,
    platform,
    policies,
    predictions,
    proof,
    report,
    retention,
    roi,
    scan,
    settings_view,
    shards,
    store,
    whatif,
    witness,
)

application = typer.Typer(
    name="pcg",
    help="See what violates policy in your clouds, what will within seven days, what it costs, and prove it.",
    epilog="Start with: pcg scan PATH   or   pcg demo --once",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@application.callback()
def _global(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Settings file.  [pcg.toml]", show_default=False)
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    del debug
    context.obj = config


application.command()(scan.scan)
application.command()(findings.violations)
application.command()(findings.explain)
application.command()(impact.blast)
application.command()(impact.dependencies)
application.command("deletion-order")(impact.deletion_order)
application.add_typer(impact_money.commands, name="impact")
application.add_typer(policies.commands, name="policies")
application.add_typer(drift.commands, name="drift")
application.add_typer(evidence.commands, name="evidence")
application.add_typer(retention.commands, name="log")
application.add_typer(store.commands, name="store")
application.add_typer(report.commands, name="report")
application.add_typer(compliance.commands, name="compliance")
application.add_typer(compliance.findings, name="findings")
application.add_typer(changes.commands, name="changes")
application.add_typer(costs.commands, name="costs")
application.add_typer(whatif.commands, name="whatif")
application.add_typer(roi.commands, name="roi")
application.add_typer(predictions.commands, name="predictions")
application.command()(proof.verify)
application.command()(witness.witness)
application.command()(demo.demo)
application.command()(platform.up)
application.command()(platform.down)
application.command()(shards.shards)
application.command()(platform.token)
application.command()(platform.openapi)
application.command()(estate.estate)
application.command("settings")(settings_view.settings)
application.command()(settings_view.version)
