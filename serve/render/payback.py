"""Waste, sizes, prices, commitments, policies' cost and impact as lines for a terminal: the answer first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.text import Text

from serve.render.columns import Cell, Column, Fit, lay_out
from serve.render.figures import count, counted, monthly
from serve.render.terminal import LABEL, QUIET, WARN

Found = Mapping[str, Any]
_WASTE: Final = (
    Column(),
    Column(drop=1),
    Column(is_right=True),
    Column(Fit.MIDDLE, width_min=16),
    Column(Fit.END, width_min=24),
    Column(Fit.END, width_min=16, drop=2),
    Column(drop=9),
)
_FREE = "nothing"


def policy_lines(found: Found) -> list[str]:
    """What a policy costs by each bill, then its dearest resources and rows."""
    lines = [f"{found['policy_id']}: {found['title']}", f"{found['violations']:,} violations"]
    for bill in found["bill"]:
        saving = bill["saving"] if bill["saving"] is not None else f"not known: {bill['saving_reason']}"
        lines += [
            f"costs   {bill['total']} {bill['currency']} of {bill['whole']['billed']} billed",
            f"at risk {bill['at_risk']} {bill['currency']}",
            f"saves   {saving}",
        ]
        lines += [f"  {each['cost']:>14}  {each['resource_id']}" for each in bill["resources"][:10]]
    lines += [f"  {row['x_SourceFile']}:{row['x_SourceRow']}  {row['EffectiveCost']}" for row in found["rows"]]
    return lines if found["bill"] else [*lines, "no bill is stored: pcg costs import PATH"]


def waste_lines(found: Found, *, width: int | None) -> list[Text]:
    """What is saved, then case after case with its evidence, and what is unknown with the reason."""
    title = f"{counted(found['cases'], 'case')} of waste   {monthly(found['savings']) or _FREE} to save"
    undecided = f"   {counted(found['undecided'], 'undecided', 'undecided')}" if found["undecided"] else ""
    rows = [
        (
            Cell(item["state"], WARN if item["state"] == "unknown" else ""),
            Cell(item["kind"].replace("_", " "), QUIET),
            Cell(monthly(item["monthly_cost"])),
            Cell(item["resource_name"]),
            Cell(item["text"]),
            Cell("; ".join(_fact(each) for each in item["evidence"]), QUIET),
            Cell(item["resource_id"] if width is None else ""),
        )
        for item in found["items"]
    ]
    shown = len(found["items"])
    rest = found["cases"] + found["undecided"] - shown
    lines = [Text.assemble((title, LABEL), undecided), Text(), *lay_out(rows, _WASTE, width=width, indent=2)]
    return [*lines, Text(f"  {count(rest)} more: --limit, or --json -", QUIET)] if shown and rest > 0 else lines


def _fact(fact: Found) -> str:
    """Where something was read, and what stood there; of a list how many."""
    value = fact["found"]
    if value is None or value == []:
        told = "none"
    elif isinstance(value, list):
        told = counted(len(value), "entry", "entries")
    else:
        told = str(value).rpartition("/")[2] if str(value).startswith("https://") else str(value)
    return f"{fact['where']}: {told}"


def rightsizing_lines(found: Found) -> list[str]:
    """Proposals, then why there is none for the rest."""
    lines = [f"{len(found['proposals']):,} machines could be smaller, {_sums(found['savings'])} a month"]
    lines += [
        f"  {each['size']} -> {each['to']}  {each['saving']} {each['currency']}  {each['resource_id']}"
        for each in found["proposals"]
    ]
    return [*lines, *(f"  {count:,} refused: {reason}" for reason, count in found["reasons"].items())]


def price_lines(found: Found) -> list[str]:
    """A line for each price."""
    lines = [
        f"{each['contracted']:>16} {each['currency']} per {each['unit']}  {each['category']:10} {each['region']}"
        f"  {each['meter'] or each['sku']}"
        for each in found["items"]
    ]
    return lines or ["the bills have no SKU with a quantity, so there is no price"]


def commitment_lines(found: Found) -> list[str]:
    """What to hold, beside the rules."""
    lines: list[str] = []
    for each in found["items"]:
        advice, money = each["advice"], each["currency"]
        head = f"{money}: {each['demand_per_day']} a day on demand, {each['held_per_day']} of it committed"
        lines.append(head)
        if advice is None:
            lines.append(f"  {each['reason']}")
            continue
        lines += [
            f"  hold {advice['level_per_day']} a day ({advice['rule']}), which pays {advice['pays_per_day']} a day",
            f"  {advice['days']} days cost {advice['cost']}; now {advice['rules']['current']['cost']},"
            f" without any {advice['on_demand']}; coverage {advice['coverage']:.0%},"
            f" utilisation {advice['utilisation']:.0%}, regret {advice['regret']['mean']:.1%}",
            *(f"  rule {name:8} {rule['level_per_day']:>12} a day costs {rule['cost']}"
              for name, rule in advice["rules"].items()),
            f"  in {len(advice['ladder']['tranches'])} tranches: {advice['ladder']['cost']}",
            *(f"  {note}" for note in each["notes"]),
        ]  # fmt: skip
    return lines or ["the bills have no usage of these services"]


def analysis_lines(found: Found) -> list[str]:
    """Part after part, each with its interval; then what it rests on."""
    lines = [f"{found['violations']:,} violations of {found['resources']:,} resources, intervals of 90 %"]
    lines.append(f"downtime    {_figure(found['downtime'], 'outage')}")
    for row in found["penalty"]["frameworks"]:
        binds = {True: "binds", False: "does not bind", None: "may bind"}[row["binds"]]
        lines.append(f"penalty     {row['framework']}, which {binds}: {_figure(row, 'yearly')}")
    lines.append(f"efficiency  {_figure(found['efficiency'], 'gain')}")
    lines += [
        f"risk        {part['part']}: {_interval(part['before'])} a year, {_interval(part['after'])} when mended"
        for part in found["risk"]["parts"]
    ]
    return [*lines, *(f"  {note}" for note in found["notes"])]


def assumption_lines(found: Found) -> list[str]:
    """A line for each range with its source."""
    return [
        f"{row['name']:28} {row['low']:>12g} to {row['high']:<12g} {row['unit']}"
        f"  [{row['source']}, {row['year']}]{'  own' if row['is_own'] else ''}"
        for row in found["ranges"]
    ]


def _sums(money: Sequence[Found]) -> str:
    return " + ".join(f"{each['amount']} {each['currency']}" for each in money) or _FREE


def _figure(part: Found, name: str) -> str:
    return f"not known: {part['reason']}" if part[name] is None else _interval(part[name])


def _interval(figure: Found) -> str:
    return f"{figure['mean']:,.2f} {figure['currency']} ({figure['low']:,.2f} to {figure['high']:,.2f})"
