"""Conditions that look at a whole resource: of Rego and Guard, whose rules are programs of their own.

They are comparisons like others, on the one path that holds everything an inventory knows of a resource, so that both
evaluators, explanations and incremental evaluation treat them as any other. They cost a run per distinct resource.
"""

from __future__ import annotations

from typing import Final

WHOLE: Final = "@document"
"""The path of the whole resource: id, type, name, location, scope, tags, properties, and what was not read."""
