"""Projections as lines for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serve.render.costs import table_lines

Document = Mapping[str, Any]


def whatif_lines(document: Document) -> list[str]:
    """How things are going, each scenario, and what was taken for granted."""
    currency = document["currency"]
    lines = [
        f"PROJECTION  {document['whatif_id']}   {document['paths']:,} paths, seed {document['seed']}, bills through "
        f"{document['bill']['last_day']}",
        "",
        f"as it is going   ({currency})",
        *_table(document, document["going_on"]),
    ]
    for scenario in document["scenarios"]:
        chance = scenario["chance_of_saving"][-1]
        lines += ["", f"{scenario['name']}   saves with a chance of {chance:.0%}", *_table(document, scenario)]
        lines += [
            f"   {change['kind']:12} saves {change['saving'][-1]['mean']} {currency} in "
            f"{change['saving'][-1]['horizon_days']} days, of {change['concerns']['cost_28_days']} in the last 28, and "
            f"concerns {change['concerns']['violations']:,} violations"
            for change in scenario["changes"]
        ]
    return [*lines, "", *(f"assumed: {each}" for each in document["assumptions"])]


def comparison_lines(document: Document) -> list[str]:
    """Scenarios by saving."""
    names = ["scenario", "days", "saving", "interval", "chance", "cost", "violations", "risk", "id"]
    cells = [
        [
            row["scenario"],
            str(row["horizon_days"]),
            row["saving"]["mean"],
            _interval(row["saving"]),
            f"{row['chance_of_saving']:.0%}",
            row["cost"]["mean"],
            f"{row['violations']['mean']:,.0f}",
            f"{row['risk']['mean']:,.0f}",
            row["whatif_id"],
        ]
        for row in document["rows"]
    ]
    return [f"in {document['currency']}", *table_lines(names, cells), *(f"NOTE  {note}" for note in document["notes"])]


def _table(document: Document, outcome: Document) -> list[str]:
    figures = ["cost", *(["saving"] if "saving" in outcome else []), "violations", "risk"]
    if outcome["expected_loss"] is not None:
        figures.append("expected_loss")
    names = ["", *(f"{days} days" for days in document["horizons_days"])]
    cells = [
        [figure.replace("_", " "), *(f"{each['mean']} ({_interval(each)})" for each in outcome[figure])]
        for figure in figures
    ]
    return table_lines(names, cells)


def _interval(figure: Document) -> str:
    return "not known" if figure["low"] is None else f"{figure['low']} to {figure['high']}"
