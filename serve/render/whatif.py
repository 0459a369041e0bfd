"""Projections as lines for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serve.render.costs import table_lines
from serve.render.figures import amount

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
        lines += [_change_line(change, currency) for change in scenario["changes"]]
    return [*lines, "", *(f"assumed: {each}" for each in document["assumptions"])]


def _change_line(change: Document, currency: str) -> str:
    saving, concerns = change["saving"][-1], change["concerns"]
    return (
        f"   {change['kind']:12} saves {_amount(saving['mean'])} {currency} in {saving['horizon_days']} days, of "
        f"{_amount(concerns['cost_28_days'])} in the last 28, and concerns {concerns['violations']:,} violations"
    )


def comparison_lines(document: Document) -> list[str]:
    """Scenarios by saving."""
    names = ["scenario", "days", "saving", "interval", "chance", "cost", "violations", "risk", "id"]
    cells = [
        [
            row["scenario"],
            str(row["horizon_days"]),
            _amount(row["saving"]["mean"]),
            _interval(row["saving"]),
            f"{row['chance_of_saving']:.0%}",
            _amount(row["cost"]["mean"]),
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
        [figure.replace("_", " "), *(f"{_amount(each['mean'])} ({_interval(each)})" for each in outcome[figure])]
        for figure in figures
    ]
    return table_lines(names, cells)


def _interval(figure: Document) -> str:
    return "not known" if figure["low"] is None else f"{_amount(figure['low'])} to {_amount(figure['high'])}"


def _amount(figure: object) -> str:
    return amount(str(figure))
