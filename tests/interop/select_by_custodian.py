"""Which resources Cloud Custodian's own filters select. Runs in an environment that holds only c7n.

python select_by_custodian.py < {"now", "policies": [[filter, …], …], "resources": [{…}, …]}

Writes a list of indexes for each policy; null is a policy that Cloud Custodian refuses or stops at.
"""

from __future__ import annotations

import copy
import json
import sys
from datetime import datetime
from typing import Any

import c7n.filters.core as core
import c7n.tags as tags
from c7n.filters import FilterRegistry


class Model:
    id = "Id"


class Manager:
    """The least that filters ask of a resource manager."""

    ctx = None
    type = "test"

    def __init__(self, registry: FilterRegistry) -> None:
        self.data: dict[str, Any] = {}
        self.filter_registry = registry
        self.action_registry = {"stop": None, "terminate": None}

    def get_model(self) -> type[Model]:
        return Model


def freeze(now: datetime) -> None:
    """Stop the clock of every module that asks for the time."""

    class Frozen(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return now.astimezone(tz) if tz else now.replace(tzinfo=None)

    tags.datetime = Frozen

    class Module:
        datetime = Frozen

        def __getattr__(self, name: str) -> Any:
            return getattr(sys.modules["datetime"], name)

    core.datetime = Module()


def selected(filters: list[Any], resources: list[dict[str, Any]], registry: FilterRegistry) -> list[int] | None:
    manager = Manager(registry)
    rows = copy.deepcopy(resources)
    try:
        parsed = registry.parse(copy.deepcopy(filters), manager)
        for each in parsed:
            each.validate()
        for each in parsed:
            rows = each.process(rows)
    except Exception:  # noqa: BLE001 (whatever stops it is its own affair)
        return None
    return sorted(row["Id"] for row in rows)


def main() -> None:
    request = json.load(sys.stdin)
    freeze(datetime.fromisoformat(request["now"]))
    registry = FilterRegistry("test.filters")
    for name, cls in (("value", core.ValueFilter), ("list-item", core.ListItemFilter), ("marked-for-op",
                      tags.TagActionFilter), ("tag-count", tags.TagCountFilter)):  # fmt: skip
        registry.register(name, cls)
    json.dump([selected(each, request["resources"], registry) for each in request["policies"]], sys.stdout)


if __name__ == "__main__":
    main()
