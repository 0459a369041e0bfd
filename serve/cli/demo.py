"""`pcg demo`: the whole platform on a synthetic company, from nothing to a result."""

from __future__ import annotations

import shutil
from datetime import datetime, time
from pathlib import Path
from typing import Annotated

import typer

from domain.tenancy import tenant_id
from serve.cli.options import Store, instant, settings_of
from serve.cli.platform import Host, Port, Shards, serving_lines, started, wait_for_the_end
from serve.cli.screen import say

TENANT = "demo"
SEED = 1
DAYS = 120
REPORT_NAME = "demo-report.html"


def demo(
    context: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="Exit after the result instead of serving.")] = False,
    resources: Annotated[int, typer.Option("--resources", metavar="N", help="Size of the company.")] = 2_000,
    store: Store = None,
    host: Host = None,
    port: Port = None,
    shards: Shards = None,
) -> None:
    """Start the platform on a synthetic company and scan it."""
    from actors.messages import ScanRequest  # noqa: PLC0415
    from serve.cli.scan import Outputs, run_scan, show_summary, write_outputs  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=TENANT, host=host, port=port, shards=shards)
    now = instant(None)
    say(f"Making a synthetic company of {resources:,} resources")
    exports = demo_estate(settings.store_dir / "demo-estate", resources=resources, now=now)
    with started(settings) as running:
        request = ScanRequest(tenant_id(TENANT), (str(exports),), now)
        result, timings = run_scan(settings, request, is_silent=False)
        say("")
        show_summary(result, timings)
        report = settings.store_dir / REPORT_NAME
        write_outputs(result, Outputs(html=str(report)))
        say(f"REPORT     {report}")
        if once:
            return
        for line in serving_lines(running, settings, end="Ctrl-C stops it"):
            say(line)
        wait_for_the_end()


def demo_estate(folder: Path, *, resources: int, now: datetime) -> Path:
    """The exports of the synthetic company, made once a day and size; half-made ones do not count."""
    from connectors.estate import write_estate  # noqa: PLC0415

    made = folder / f"{now:%Y-%m-%d}-{resources}"
    if not made.exists():
        unfinished = made.with_suffix(".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        day = datetime.combine(now.date(), time(), now.tzinfo)
        write_estate(unfinished, resources=resources, tenants=1, days=DAYS, seed=SEED, as_of=day)
        unfinished.rename(made)
    return made / TENANT
