"""As many Azure resources as asked for, made from recorded ones: new ids and places, and values of their like.

A made resource is a recorded one of some type in which a few attributes have the values that other recorded resources
of its type have there, so that columns have the values, gaps and arrays of real exports. Where the recorded data is
absent, the synthetic estate serves.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Final

import orjson

from benchmarks.environments import ROOT
from connectors.estate import write_estate
from connectors.files import read_inputs
from domain.resource import ConfigurationItem, Provider, ResourceId
from domain.tenancy import tenant_id
from domain.value import Json

AS_OF: Final = datetime(2026, 11, 24, tzinfo=UTC)
RECORDED: Final = ROOT.parent / "shared" / "data"
_LOCATIONS: Final = ("westeurope", "northeurope", "eastus", "uksouth", "francecentral")
_CHANGED = 3
_PER_GROUP, _PER_SUBSCRIPTION = 50, 5_000

Document = dict[str, Json]


class Templates:
    """Recorded resources, and by type which values each attribute has among them."""

    def __init__(self) -> None:
        items = [item for item in _recorded() if item.provider is Provider.AZURE]
        assert items, "there are recorded or synthetic Azure resources"
        self.documents: list[Document] = [{**item.properties, "type": item.type} for item in items]
        self._item = items[0]
        self._values: dict[tuple[str, str], list[Json]] = {}
        for document in self.documents:
            for name, value in _inner(document).items():
                self._values.setdefault((str(document["type"]).lower(), name), []).append(value)

    def made(self, count: int, *, seed: int = 1, first: int = 0) -> Iterator[Document]:
        """`count` resources, the same for the same seed and first number."""
        random = Random(f"{seed}-{first}")
        for number in range(first, first + count):
            yield self._made(random.choice(self.documents), number, random)

    def items(self, count: int, *, first: int) -> list[ConfigurationItem]:
        """Made resources as a store returns them, which is cheaper than reading them."""
        found = []
        for document in self.made(count, first=first):
            uid, tags = str(document["id"]), document["tags"]
            assert isinstance(tags, dict)
            found.append(
                replace(
                    self._item,
                    uid=ResourceId(uid),
                    type=str(document["type"]),
                    name=str(document["name"]),
                    scope="/".join(uid.split("/")[:5]),
                    region=str(document.get("location", "")),
                    tags={name: str(value) for name, value in tags.items()},
                    properties=document,
                )
            )
        return found

    def _made(self, template: Document, number: int, random: Random) -> Document:
        kind = str(template["type"])
        inner = dict(_inner(template))
        for name in random.sample(sorted(inner), min(_CHANGED, len(inner))):
            inner[name] = random.choice(self._values[kind.lower(), name])
        tags: Document = {"environment": random.choice(("prod", "test", "dev"))}
        if random.random() < 0.7:
            tags["owner"] = f"team-{random.randrange(40)}"
        subscription = f"00000000-0000-0000-0000-{number // _PER_SUBSCRIPTION:012d}"
        group = f"/subscriptions/{subscription}/resourceGroups/rg-{number // _PER_GROUP}"
        name = f"{kind.rpartition('/')[2]}-{number}"
        made: Document = {**template, "id": f"{group}/providers/{_path(kind, name)}", "name": name, "tags": tags}
        if "location" in template:
            made["location"] = random.choice(_LOCATIONS)
        if "properties" in template:
            made["properties"] = inner
        return made


def write(documents: Iterator[Document], path: Path) -> None:
    """An export, one resource a line."""
    with path.open("wb") as stream:
        stream.writelines(orjson.dumps({"resource": document}) + b"\n" for document in documents)


def read(path: Path) -> Sequence[ConfigurationItem]:
    """The export as items."""
    return read_inputs([str(path)], tenant=tenant_id("demo")).inventory.items


def _recorded() -> Sequence[ConfigurationItem]:
    recorded = RECORDED / "inventory" / "azure_resources.ndjson.gz"
    if recorded.is_file():
        return read(recorded)
    with tempfile.TemporaryDirectory() as folder:
        write_estate(Path(folder), resources=2_000, tenants=1, days=0, seed=7, as_of=AS_OF)
        files = sorted((Path(folder) / "demo").glob("*.ndjson"))
        return read_inputs([str(file) for file in files], tenant=tenant_id("demo")).inventory.items


def _inner(document: Document) -> Document:
    found = document.get("properties")
    return found if isinstance(found, dict) else {}


def _path(kind: str, name: str) -> str:
    """The part of an ARM id after ``providers``: a name after each segment of the type."""
    namespace, *segments = kind.split("/")
    parents = [part for segment in segments[:-1] for part in (segment, f"{name}-of")]
    return "/".join([namespace, *parents, *segments[-1:], name])
