"""`pcg settings` and `pcg version`: what is in force here."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import Annotated

import typer

from serve.cli.options import JsonOut
from serve.cli.screen import json_bytes, put, say, show, width

DISTRIBUTION = "policycortex"


def product_version() -> str:
    """The version that is installed."""
    try:
        return installed_version(DISTRIBUTION)
    except PackageNotFoundError:
        return "0+unknown"


def version() -> None:
    """Print the version."""
    say(f"PolicyCortex {product_version()}")


def settings(
    context: typer.Context,
    json: JsonOut = None,
    is_long: Annotated[bool, typer.Option("--long", help="Add bounds and what each setting is for.")] = False,
) -> None:
    """Print every setting and where its value was set."""
    from serve.settings import effective_settings  # noqa: PLC0415

    rows = effective_settings(config=context.obj)
    if json is not None:
        fields = ("name", "value", "layer", "where", "unit", "bounds", "help")
        put(json_bytes({"settings": [{field: getattr(row, field) for field in fields} for row in rows]}), json)
        return
    from serve.render.columns import Cell, Column, Fit, lay_out  # noqa: PLC0415

    cells = [
        (
            Cell(row.name, "bold"),
            Cell(f"{row.value or 'not set'} {row.unit if row.value else ''}".rstrip()),
            Cell(f"{row.layer} {row.where}".rstrip() if row.layer != "flag" else row.where, "bright_black"),
            Cell(f"{row.bounds}  {row.help}".strip() if is_long else "", "bright_black"),
        )
        for row in rows
    ]
    columns = (Column(), Column(Fit.MIDDLE, width_min=12), Column(Fit.END, width_min=12), Column(Fit.END, width_min=20))
    show(lay_out(cells, columns, width=None if is_long else width(), indent=0))
