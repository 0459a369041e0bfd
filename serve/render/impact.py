"""What goes down, what goes first and what hangs on what, as a terminal shows it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.text import Text

from serve.render.columns import Cell, Column, Fit, lay_out
from serve.render.figures import count, counted, interval, moment, monthly, percent
from serve.render.terminal import LABEL, QUIET, WARN
from serve.render.words import FAILURE_WORDS

Answer = Mapping[str, Any]
_STATES: Final = {"failed": "bold red", "degraded": "yellow", "hard": "bold", "redundant": "", "soft": QUIET}
_COLUMNS: Final = (
    Column(),
    Column(Fit.MIDDLE, width_min=16),
    Column(Fit.END, width_min=10, drop=2),
    Column(is_right=True, drop=1),
    Column(is_right=True),
    Column(Fit.MIDDLE, width_min=18),
)


def blast_lines(found: Answer, *, width: int | None) -> list[Text]:
    """The answer first, then how sure it is, then who and along which way, then what to do."""
    lines = [_title(found), Text(), Text(f"  {_down(found)}", LABEL), *_how_likely(found), *_by_what(found)]
    lines += [Text(f"  {note}", WARN) for note in found["notes"]]
    if not found["resources"]:
        return [*lines, Text("  Nothing else goes down with it.")]
    head = tuple(Cell(text, QUIET) for text in ("state", "resource", "type", "cost", "fails", "shortest way"))
    rows = [head, *(_hit(row) for row in found["resources"])]
    lines += [Text(), *lay_out(rows, _COLUMNS, width=width, indent=2)]
    rest = found["failed"] + found["degraded"] - len(found["resources"])
    if rest > 0:
        lines.append(Text(f"  {counted(rest, 'more resource')}: --limit, or --json - for all of them", QUIET))
    center = found["center"].get("resource_id")
    if center is not None and found["mode"] == "delete":
        lines += [Text(), Text(f"  next: pcg deletion-order {shlex.quote(center)}", QUIET)]
    return lines


def deletion_lines(found: Answer, *, width: int | None) -> list[Text]:
    """Waves, first wave first, and what stands in the way."""
    goes = f"{counted(found['resources'], 'resource')} in {counted(found['waves'], 'wave')}"
    cost = monthly(found["monthly_cost"])
    lines = [Text.assemble((f"{goes}", LABEL), f"   {cost}" if cost else "", f"   {moment(found['as_of'])}"), Text()]
    head = tuple(Cell(text, QUIET) for text in ("wave", "resource", "type", "cost"))
    rows = [
        (
            Cell(str(item["wave"])),
            Cell(item["resource_id"]),
            Cell(_short(item["resource_type"]), QUIET),
            Cell(monthly(item["monthly_cost"])),
        )
        for item in found["items"]
    ]
    columns = (
        Column(is_right=True),
        Column(Fit.MIDDLE, width_min=20),
        Column(Fit.END, width_min=10, drop=1),
        Column(is_right=True),
    )
    lines += lay_out([head, *rows], columns, width=width, indent=2)
    if len(rows) < found["resources"]:
        lines.append(Text(f"  {counted(found['resources'] - len(rows), 'more resource')}: --limit", QUIET))
    return [*lines, *_circles(found), *_users(found)]


def dependency_lines(found: Answer, *, width: int | None) -> list[Text]:
    """What it depends on, then what depends on it."""
    lines = [_title(found, happens=False), Text()]
    for direction, words in (("dependencies", "depends on"), ("dependents", "is needed by")):
        items = [item for item in found["items"] if item["direction"] == direction]
        if found["direction"] not in {direction, "both"}:
            continue
        lines.append(
            Text(f"  {words} {counted(len(items), 'resource')} within {counted(found['depth'], 'step')}", LABEL)
        )
        rows = [
            (
                Cell(item["state"], _STATES[item["state"]]),
                Cell(item["resource_name"]),
                Cell(_short(item["resource_type"]), QUIET),
                Cell(monthly(item["monthly_cost"])),
                Cell(str(item["hops"])),
                Cell(_way(item["path"])),
            )
            for item in items
        ]
        lines += [*lay_out(rows, _COLUMNS, width=width, indent=4), Text()]
    if found["next_cursor"] is not None:
        lines.append(Text("  There are more: --limit", QUIET))
    return lines


def _title(found: Answer, *, happens: bool = True) -> Text:
    center = found["center"]
    name = center.get("resource_name") or center.get("zone") or center.get("region")
    words = "is lost" if "resource_name" not in center else FAILURE_WORDS[found["mode"]]
    mode = f" {words}" if happens else f"   mode {found['mode'].replace('_', ' ')}"
    kind = f"   {_short(center['resource_type'])}" if "resource_type" in center else ""
    return Text.assemble((str(name), LABEL), mode, (f"{kind}   {moment(found['as_of'])}", QUIET))


def _down(found: Answer) -> str:
    at_once = found["lost_at_once"]
    first = f"{counted(at_once, 'resource')} at once, " if "resource_name" not in found["center"] else ""
    cost = monthly(found["monthly_cost"])
    parts = [
        f"{first}{counted(found['failed'], 'resource')} {'fails' if found['failed'] == 1 else 'fail'} with it, "
        f"{count(found['degraded'])} {'degrades' if found['degraded'] == 1 else 'degrade'}",
        *([cost] if cost else []),
        f"{percent(found['worth_share'])} of the estate's worth",
    ]
    return "   ".join(parts)


def _how_likely(found: Answer) -> list[Text]:
    likely = found["likely"]["failed"]
    if found["failed"] + found["degraded"] == 0:
        return []
    low, high = f"{likely['low']:,.0f}", f"{likely['high']:,.0f}"
    more = ", at least" if found["likely"]["is_capped"] else ""
    text = f"  likely {likely['mean']:,.1f} fail ({low}\N{EN DASH}{high} in nine worlds of ten{more})"
    return [Text(f"{text}   judged, not measured: {count(found['likely']['worlds'])} sampled worlds", QUIET)]


def _by_what(found: Answer) -> list[Text]:
    if not found["reasons"]:
        return []
    reasons = ", ".join(f"{count(each['resources'])} by {each['kind'].replace('_', ' ')}" for each in found["reasons"])
    return [Text(f"  failing {reasons}", QUIET)]


def _hit(row: Answer) -> tuple[Cell, ...]:
    return (
        Cell(row["state"], _STATES[row["state"]]),
        Cell(row["resource_name"]),
        Cell(_short(row["resource_type"]), QUIET),
        Cell(monthly(row["monthly_cost"])),
        Cell(_odds(row)),
        Cell(_way(row["path"])),
    )


def _odds(row: Answer) -> str:
    if row["probability"] is None:
        return "unknown"
    return f"{percent(row['probability'])} ({interval(row['low'], row['high'])})"


def _way(path: Sequence[Answer]) -> str:
    """``vnet-hub > network > nic-1 > attached to > vm-1``, by the last parts of ids."""
    if not path:
        return ""
    words = [_last(path[0]["from"])]
    for step in path:
        others = f" (1 of {step['alternatives']})" if step.get("alternatives") else ""
        words += [f"{step['kind'].replace('_', ' ')}{others}", _last(step["to"])]
    return " > ".join(words)


def _last(uid: str) -> str:
    return uid.rstrip("/").rpartition("/")[2].rpartition(":")[2] or uid


def _short(kind: str) -> str:
    return kind.rpartition("/")[2] if "/" in kind else kind.removeprefix("AWS::")


def _circles(found: Answer) -> list[Text]:
    lines = []
    for cycle in found["cycles"]:
        names = ", ".join(_last(uid) for uid in cycle["resources"])
        lines.append(Text(f"  {names} depend on each other in a circle: take one edge away first", WARN))
        lines += [
            Text(f"    {_last(edge['source'])} > {edge['kind'].replace('_', ' ')} > {_last(edge['target'])}", QUIET)
            for edge in cycle["edges"]
        ]
    return [Text(), *lines] if lines else []


def _users(found: Answer) -> list[Text]:
    if not found["kept_users_total"]:
        return []
    head = f"  {counted(found['kept_users_total'], 'resource that stays uses', 'resources that stay use')} what goes"
    shown = [
        Text(f"    {_last(edge['source'])} > {edge['kind'].replace('_', ' ')} > {_last(edge['target'])}", QUIET)
        for edge in found["kept_users"][:10]
    ]
    return [Text(), Text(head, WARN), *shown]
