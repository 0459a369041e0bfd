"""Why a policy judged a resource as it did: verdict, deciding conditions with what they found, and the source."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from rich.text import Text

from serve.render.columns import Cell, Column, Fit, lay_out
from serve.render.terminal import LABEL, QUIET

VERDICTS: Final = {
    "violation": ("violates", "bold red"),
    "compliant": ("complies with", "green"),
    "unknown": ("cannot be judged by", "yellow"),
}
ABSENT: Final = {"missing": "not set", "unread": "not read"}
RESULTS: Final = {True: "holds", False: "does not hold", None: "undecided"}


def explanation_lines(explanation: Mapping[str, Any], *, width: int | None) -> list[Text]:
    """The verdict, then one line a deciding condition: path, operator, value expected, value found."""
    words, style = VERDICTS[explanation["verdict"]]
    lines = [
        Text.assemble((explanation["resource_id"], LABEL)),
        Text.assemble((words, style), f" {explanation['policy_id']}"),
    ]
    lines += [Text(f"{key}: {explanation[key]}", QUIET) for key in ("title", "remediation") if explanation.get(key)]
    origin = explanation["origin"]
    place = f"{origin['file']}:{origin['line']}" if origin["line"] else origin["file"]
    lines += [Text(f"read from {place}", QUIET), Text()]
    head = tuple(Cell(text, QUIET) for text in ("path", "condition", "value in the policy", "value found", "result"))
    rows = [
        (
            Cell(_path(leaf)),
            Cell(str(leaf["operator"])),
            Cell(_value(leaf["expected"])),
            Cell(_value(leaf["found"], leaf["found_state"]), "bold"),
            Cell(RESULTS[leaf["result"]], "yellow" if leaf["result"] is None else ""),
        )
        for leaf in explanation["conditions"]
    ]
    if not rows:
        return [*lines, Text("No condition decides this: the policy says the same of every resource of the type.")]
    columns = (
        Column(Fit.MIDDLE, width_min=18),
        Column(),
        Column(Fit.END, width_min=12),
        Column(Fit.END, width_min=12),
        Column(),
    )
    lines += lay_out([head, *rows], columns, width=width, indent=2)
    if explanation["verdict"] == "violation":
        lines += [Text(), Text("The policy is violated where all of these conditions are as shown.", QUIET)]
    return lines


def _path(leaf: Mapping[str, Any]) -> str:
    element = leaf.get("element")
    return str(leaf["path"]) if element is None else f"{leaf['path']} (element {element})"


def _value(value: Any, state: str = "set") -> str:
    """A value as JSON; what is absent says in which way."""
    return ABSENT[state] if state in ABSENT else json.dumps(value, ensure_ascii=False, sort_keys=True)
