"""The governance P&L as lines for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serve.render.costs import table_lines
from serve.render.figures import amount

Document = Mapping[str, Any]
POLICIES_SHOWN = 20


def dashboard_lines(document: Document) -> list[str]:
    """The summary first, then the figures, then who saves what."""
    window = document["window"]
    lines = [f"GOVERNANCE P&L  {window['from']} to {window['to']}   {window['days']} days", ""]
    lines += [f"  {sentence}" for sentence in document["summary"]]
    for row in document["statements"]:
        lines += ["", row["currency"], *table_lines(["", "amount"], _figures(row))]
    if document["savings"]:
        lines += ["", *ledger_lines({"items": document["savings"]})]
    impact = document["policy_impact"][:POLICIES_SHOWN]
    if impact:
        cells = [
            [
                row["policy_id"],
                row["severity"] or "",
                f"{row['violations']:,}",
                _money(row["cost_at_risk_month"]),
                _money(row["realised"]),
            ]
            for row in impact
        ]
        lines += ["", *table_lines(["policy", "severity", "violations", "cost at risk", "realised"], cells)]
    return lines


def ledger_lines(document: Document) -> list[str]:
    """Savings as a table."""
    if not document["items"]:
        return ["No saving is entered yet: pcg roi predict TITLE --saves AMOUNT --currency CUR --where NAME=VALUE"]
    cells = [
        [
            row["saving_id"],
            row["status"],
            f"{row['predicted_30_days']['likely']} {row['currency']}",
            _observed(row),
            row["title"],
        ]
        for row in document["items"]
    ]
    return table_lines(["saving", "status", "predicted, 30 days", "by the bills", "title"], cells)


def saving_lines(document: Document) -> list[str]:
    """One saving with its history and the rows behind it."""
    lines = [*ledger_lines({"items": [document]}), ""]
    lines += [
        f"{step['at']}   {step['status']:12} {step['by']}   evidence {step['evidence_id']}"
        for step in document["steps"]
    ]
    cells = [
        [
            str(row["ChargePeriodStart"])[:10],
            row["ServiceName"] or "",
            row["ResourceId"] or "",
            str(row["EffectiveCost"]),
            f"{row['x_SourceFile']}:{row['x_SourceRow']}",
        ]
        for row in document["billing_rows"]
    ]
    return [*lines, "", *table_lines(["day", "service", "resource", "effective", "billing row"], cells)]


def _figures(row: Document) -> list[list[str]]:
    realised = row["realised"]
    known = [
        ["spend", amount(row["spend"])],
        ["realised by the bills", _realised(realised)],
        ["observed, not beyond doubt", amount(row["observed_not_realised"])],
        ["planned in 30 days", amount(row["planned_30_days"])],
        ["predicted in 30 days", amount(row["predicted_30_days"])],
        ["cost of the platform", _known(row["platform_cost"])],
        ["net", _known(row["net"])],
    ]
    roi = row["governance_roi"]
    return [*known, ["return on governance", "not known" if roi is None else f"{roi:.0%}"]]


def _realised(figure: Document) -> str:
    return f"{amount(figure['amount'])}   ({amount(figure['low'])} to {amount(figure['high'])})"


def _known(figure: str | None) -> str:
    return "not known" if figure is None else amount(figure)


def _observed(row: Document) -> str:
    seen = row.get("observed")
    if seen is None:
        return ""
    return seen["reason"] or f"{seen['amount']} {row['currency']} {seen['status']}"


def _money(amounts: Mapping[str, str]) -> str:
    return ", ".join(f"{amount} {currency}" for currency, amount in sorted(amounts.items()))
