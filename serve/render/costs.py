"""Documents about bills as lines for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

BREACHES_SHOWN: Final = 40
SLICES_SHOWN: Final = 60


def import_lines(document: Mapping[str, Any]) -> list[str]:
    """What an import did."""
    what = document["import_id"] or "nothing new: every row is stored already"
    lines = [f"IMPORTED  {document['rows']:,} rows of {len(document['files'])} files   {what}", *_file_lines(document)]
    for total in document["totals"]:
        lines.append(
            f"{total['currency']}   billed {total['billed']}   effective {total['effective']}   list {total['list']}"
            f"   the source bills {total['source']}"
        )
        lines += [
            f"      {kind:20} billed {money['billed']}   effective {money['effective']}"
            for kind, money in total["kinds"].items()
        ]
    shown = document["slices"][:SLICES_SHOWN]
    lines += [
        f"{each['outcome'].upper():10} {each['period']}  {each['provider']} {each['account']}   {each['rows']:,} rows"
        f" ({each['rows'] - each['rows_before']:+,})   {each['days']} days"
        for each in shown
    ]
    if len(document["slices"]) > len(shown):
        lines.append(f"and {len(document['slices']) - len(shown)} more periods and accounts")
    return [*lines, *(f"NOTE  {note}" for note in document["notes"]), *_breach_lines(document)]


def judged_lines(document: Mapping[str, Any]) -> list[str]:
    """How a delivery keeps the rules."""
    lines = [f"{document['rows']:,} rows by {document['rules_asked']} rules; {document['rules_broken']} are broken"]
    return [*lines, *_file_lines(document), *_breach_lines(document)]


def group_lines(document: Mapping[str, Any]) -> list[str]:
    """Sums as a table of aligned columns."""
    names = [*document["by"], document["cost"], "currency", "rows"]
    cells = [
        [*(value or "(none)" for value in item["keys"].values()), item["amount"], item["currency"], f"{item['rows']:,}"]
        for item in document["items"]
    ]
    if not cells:
        return ["No billing rows are stored for this."]
    return table_lines(names, cells)


def row_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Billing rows with where each came from."""
    cells = [
        [
            str(row["ChargePeriodStart"])[:10],
            row["ServiceName"] or "",
            row["ResourceId"] or row["ChargeDescription"] or "",
            row["BilledCost"] or "",
            row["EffectiveCost"] or "",
            row["BillingCurrency"] or "",
            f"{row['x_SourceFile']}:{row['x_SourceRow']}",
        ]
        for row in rows
    ]
    if not cells:
        return ["No billing rows are stored for this."]
    return table_lines(["day", "service", "resource", "billed", "effective", "currency", "source"], cells)


def store_lines(document: Mapping[str, Any]) -> list[str]:
    """What is stored."""
    if not document["slices"]:
        return ["No billing rows are stored. Import some: pcg costs import PATH"]
    cells = [
        [each["period"], each["provider"], each["account"], f"{each['rows']:,}", str(each["days"]), each["imports"][-1]]
        for each in document["slices"]
    ]
    return table_lines(["period", "provider", "account", "rows", "days", "import"], cells)


def _file_lines(document: Mapping[str, Any]) -> list[str]:
    lines = []
    for each in document["files"]:
        left = f", {each['left_out']:,} left to another file" if each["left_out"] else ""
        kind = f"{each['format']} {each['version']}".strip()
        lines.append(f"  {each['name']}   {kind}   {each['rows']:,} rows{left}")
    return lines + [f"  {each['name']}   passed over: {each['reason']}" for each in document["passed_over"]]


def _breach_lines(document: Mapping[str, Any]) -> list[str]:
    found = document["breaches"]
    lines = [
        f"{each['level'].upper():12} {each['rule']:36} {each['rows']:>10,} rows   {each['text']}"
        + (f"   ({each['file']}:{each['row']}: {each['shown']})" if each["row"] else f"   ({each['file']})")
        for each in found[:BREACHES_SHOWN]
    ]
    return lines if len(found) <= BREACHES_SHOWN else [*lines, f"and {len(found) - BREACHES_SHOWN} more"]


def table_lines(names: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    """Rows under their names, each column as wide as its widest cell."""
    widths = [max(len(row[place]) for row in [list(names), *cells]) for place in range(len(names))]
    return [
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [names, *cells]
    ]
