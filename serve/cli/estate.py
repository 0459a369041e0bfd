"""`pcg estate`: a synthetic company to try everything on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from serve.cli.options import AsOf, instant
from serve.cli.screen import say


def estate(
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="New folder to write into.", show_default=False)],
    resources: Annotated[int, typer.Option("--resources", metavar="N", help="Distinct resources.")] = 10_000,
    tenants: Annotated[int, typer.Option("--tenants", metavar="K", help="Companies, a folder each.")] = 1,
    days: Annotated[int, typer.Option("--days", metavar="D", help="Days of history and billing.")] = 120,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="The same seed gives the same bytes.")] = 1,
    as_of: AsOf = None,
    format: Annotated[
        str, typer.Option("--format", metavar="ndjson|parquet", help="How exports are written.")
    ] = "ndjson",
) -> None:
    """Write the exports of a synthetic company.

    Three clouds, with history and billing; labelled synthetic wherever it appears.
    """
    from connectors.estate import write_estate  # noqa: PLC0415

    wrote = write_estate(
        out, resources=resources, tenants=tenants, days=days, seed=seed, as_of=instant(as_of), format=format
    )
    say(
        f"Synthetic estate in {wrote.out}: {wrote.resources:,} resources, tenants {' '.join(wrote.tenants)}, "
        f"{wrote.observations:,} observations, {wrote.billing_rows:,} billing rows"
    )
    for tenant in wrote.tenants:
        say(f"  pcg scan {wrote.out / tenant} --tenant {tenant}")
