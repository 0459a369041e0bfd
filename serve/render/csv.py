"""Tables of a scan as CSV, safe to open in a spreadsheet: no cell can start a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Any, Final

from serve.render.words import controls_text

Document = Mapping[str, Any]
Row = Sequence[object]

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}")

VIOLATIONS: Final = (
    "severity", "policy_id", "title", "resource_id", "resource_name", "resource_type", "provider", "scope", "region",
    "is_new", "first_found", "exemption_id", "exemption_expires_at", "monthly_cost", "currency", "controls",
    "remediation", "file", "line",
)  # fmt: skip
RESOURCES: Final = (
    "resource_id", "resource_name", "resource_type", "provider", "scope", "region", "violations", "worst_severity",
    "exempt", "monthly_cost", "currency", "resources_behind",
)  # fmt: skip
PREDICTIONS: Final = (
    "date", "source", "policy_id", "title", "severity", "resource_id", "resource_name", "resource_type", "probability",
    "interval_low", "interval_high", "score", "resources_behind", "reasons",
)  # fmt: skip
COSTS: Final = ("currency", "kind", "label", "amount", "resources", "rows")


def csv_files(document: Document) -> dict[str, str]:
    """File name and content of each table. ``resources.csv`` has the resources that something was found on."""
    return {
        "violations.csv": _table(VIOLATIONS, _violations(document)),
        "resources.csv": _table(RESOURCES, _resources(document)),
        "predictions.csv": _table(PREDICTIONS, _predictions(document)),
        "costs.csv": _table(COSTS, _costs(document)),
    }


def safe(value: object) -> object:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front; numbers stay numbers.

    Source: OWASP, CSV injection, https://owasp.org/www-community/attacks/CSV_Injection.
    """
    if isinstance(value, str) and value.startswith(FORMULA_STARTS) and not _is_number(value):
        return f"'{value}"
    return value


def _table(header: Sequence[str], rows: Iterable[Row]) -> str:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([safe(cell) for cell in row] for row in rows)
    return out.getvalue()


def _is_number(text: str) -> bool:
    digits = text.removeprefix("-").replace(".", "", 1)
    return digits.isascii() and digits.isdigit()


def _violations(document: Document) -> Iterator[Row]:
    for found in document["violations"]:
        amount, currency = _money(found)
        yield (
            *(found[key] for key in VIOLATIONS[:11]),
            "",
            "",
            amount,
            currency,
            controls_text(found["controls"]),
            found["remediation"],
            found["origin"]["file"],
            found["origin"]["line"],
        )
    for found in document["exempt"]:
        amount, currency = _money(found)
        yield (
            *(found[key] for key in VIOLATIONS[:9]),
            "",
            "",
            found["exemption_id"],
            found["exemption_expires_at"],
            amount,
            currency,
            "",
            "",
            found["origin"]["file"],
            found["origin"]["line"],
        )


def _resources(document: Document) -> Iterator[Row]:
    order = ("critical", "high", "medium", "low")
    behind = {radius["resource_id"]: radius["resources"] for radius in document["blast_radius"]}
    found: dict[str, tuple[Mapping[str, Any], list[str], int]] = {}
    for entry in document["violations"]:
        first, severities, exempt = found.get(entry["resource_id"], (entry, [], 0))
        found[entry["resource_id"]] = (first, [*severities, entry["severity"]], exempt)
    for entry in document["exempt"]:
        first, severities, exempt = found.get(entry["resource_id"], (entry, [], 0))
        found[entry["resource_id"]] = (first, severities, exempt + 1)
    for uid, (first, severities, exempt) in sorted(found.items()):
        amount, currency = _money(first)
        yield (
            *(first[key] for key in RESOURCES[:6]),
            len(severities),
            min(severities, key=order.index, default=""),
            exempt,
            amount,
            currency,
            behind.get(uid, ""),
        )


def _predictions(document: Document) -> Iterator[Row]:
    for found in document["predictions"]:
        bounds = found["interval"] or {"low": "", "high": ""}
        yield (
            *(found[key] for key in PREDICTIONS[:9]),
            bounds["low"],
            bounds["high"],
            found["score"],
            found["resources_behind"],
            "; ".join(found["reasons"]),
        )


def _costs(document: Document) -> Iterator[Row]:
    for currency in document["cost"]["currencies"]:
        name = currency["currency"]
        for kind in ("total", "matched", "unmatched", "billed", "at_risk", "waste", "corrections", "credits"):
            yield (name, kind, "", currency[kind], "", "")
        for policy in currency["by_policy"]:
            kind = "waste by policy" if policy["is_waste"] else "at risk by policy"
            yield (name, kind, policy["policy_id"], policy["amount"], policy["resources"], "")
        for kind in ("matched_by", "unmatched_by_reason", "by_account", "by_scope"):
            for line in currency[kind]:
                yield (name, kind.replace("_", " "), line["label"], line["amount"], "", line["rows"])


def _money(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Amount and currency; several currencies are joined in the same order in both."""
    amounts = entry["monthly_cost"]
    return " + ".join(a["amount"] for a in amounts), " + ".join(a["currency"] for a in amounts)
