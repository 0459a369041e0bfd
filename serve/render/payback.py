"""Waste, sizes, prices, commitments, policies' cost and impact as lines for a terminal: the answer first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Found = Mapping[str, Any]
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


def waste_lines(found: Found) -> list[str]:
    """What is saved, then case after case with its evidence, then what is unknown."""
    lines = [
        f"{found['cases']:,} cases of waste, {_sums(found['savings'])} a month; {found['undecided']:,} undecided",
    ]
    for item in found["items"]:
        money = _sums(item["monthly_cost"])
        lines.append(f"{item['state']:7} {item['kind']:14} {money:>16}  {item['resource_id']}")
        evidence = "; ".join(f"{each['where']} = {each['found']}" for each in item["evidence"])
        lines.append(f"        {item['text']}" + (f" ({evidence})" if evidence else ""))
    return lines


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
