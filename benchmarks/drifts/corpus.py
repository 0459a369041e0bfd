"""The two corpora: unchanged resources read again in another shape, and planted drift whose truth is known.

Both begin with resources that others recorded. The other shapes and the planted changes are made here, so what comes
of them is labelled synthetic. Everything goes through the readers, as files.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.drifts.planting import MOVING, SETTABLE
from benchmarks.drifts.shapes import as_asset, as_config_item, as_graph_row
from connectors.baseline.parts import baseline
from connectors.baseline.snapshot import read as snapshot
from connectors.files import read_inputs
from domain.drift import BaselineSource, Drift, DriftKind
from domain.resource import ConfigurationItem, Provider, resource_key
from domain.tenancy import TenantId
from graph.drift.detect import Coverage, detect
from graph.drift.rules import fold

TENANT = TenantId("corpus")
FILES = ("aws_resources.ndjson.gz", "azure_resources.ndjson.gz", "gcp_resources.ndjson.gz")
EVERYTHING = Coverage(is_everything=True)
Truth = set[tuple[str, str, str]]
"""Resource, kind and the first part of the attribute's path, folded."""


@dataclass(slots=True)
class Outcome:
    """What a corpus came to.

    Args:
        right: drifts told that were planted; wrong: told, but not planted; lost: planted, but not told.
    """

    resources: int = 0
    planted: int = 0
    right: int = 0
    wrong: list[tuple[str, str, str]] = field(default_factory=list)
    lost: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def precision(self) -> float:
        """Of what was told, the part that was planted."""
        told = self.right + len(self.wrong)
        return self.right / told if told else 1.0

    @property
    def recall(self) -> float:
        """Of what was planted, the part that was told."""
        return self.right / self.planted if self.planted else 1.0


def recorded(folder: Path) -> tuple[ConfigurationItem, ...]:
    """The recorded resources that can be written in another shape: those that are named by their whole ids."""
    items = read_inputs([str(folder / name) for name in FILES], tenant=TENANT).inventory.items
    return tuple(item for item in items if "configurationItem" not in item.properties and _is_named(item))


def _is_named(item: ConfigurationItem) -> bool:
    return item.uid.startswith(("arn:", "/", "//"))


def reread(items: Iterable[ConfigurationItem], file: Path) -> tuple[ConfigurationItem, ...]:
    """The same resources, written in another shape and read again."""
    with file.open("w", encoding="utf-8") as stream:
        for item in items:
            stream.write(json.dumps(_reshaped(item)) + "\n")
    return read_inputs([str(file)], tenant=TENANT).inventory.items


def _reshaped(item: ConfigurationItem) -> dict[str, Any]:
    document = copy.deepcopy(dict(item.properties))
    if item.provider is Provider.AWS:
        account = item.scope.rpartition("/")[2]
        if item.tags:
            document["Tags"] = [{"Key": key, "Value": value} for key, value in item.tags.items()]
        return as_config_item(item.uid, item.type, document, account=account, region=item.region)
    if item.provider is Provider.AZURE:
        return as_graph_row({**document, "tags": dict(item.tags) or None})
    return as_asset(item.uid, item.type, document)


def unchanged(items: tuple[ConfigurationItem, ...], file: Path) -> Outcome:
    """Resources that did not change, approved in one shape and read in the other, and the other way round."""
    again = reread(items, file)
    outcome = Outcome()
    for first, second in ((items, again), (again, items)):
        known = {resource_key(item.uid) for item in first} & {resource_key(item.uid) for item in second}
        approved = [item for item in first if resource_key(item.uid) in known]
        found = [item for item in second if resource_key(item.uid) in known]
        outcome.resources += len(approved)
        outcome.wrong += sorted(_told(_detect(approved, found)))
    return outcome


def planted(items: tuple[ConfigurationItem, ...], file: Path, seed: int) -> Outcome:
    """Drift that was planted in some resources, read in the other shape; the rest moves only by itself."""
    chance = random.Random(seed)
    kinds = {fold(type_): type_ for type_ in SETTABLE}
    chosen = [item for item in items if fold(item.type) in kinds]
    truth: Truth = set()
    after: list[ConfigurationItem] = []
    for item in chosen:
        changed = _moved_by_itself(item, chance)
        roll = chance.random()
        if roll < 0.05:
            truth.add((resource_key(item.uid), DriftKind.MISSING, ""))
            continue
        if roll < 0.5:
            changed, paths = _planted(changed, kinds[fold(item.type)], chance)
            truth |= {(resource_key(item.uid), DriftKind.CHANGED, path) for path in paths}
        after.append(changed)
    added = [_copied(item, number) for number, item in enumerate(chance.sample(chosen, len(chosen) // 20))]
    truth |= {(resource_key(item.uid), DriftKind.UNMANAGED, "") for item in added}
    told = _told(_detect(chosen, reread([*after, *added], file)))
    right = {each for each in truth if each in told}
    return Outcome(len(chosen), len(truth), len(right), sorted(told - truth), sorted(truth - told))


def _detect(approved: Iterable[ConfigurationItem], found: Iterable[ConfigurationItem]) -> tuple[Drift, ...]:
    declared = baseline("approved", BaselineSource.SNAPSHOT, snapshot(approved))
    return detect(TENANT, [declared], found, EVERYTHING)


def _told(drifts: Iterable[Drift]) -> Truth:
    rows: Truth = set()
    for drift in drifts:
        paths = [_start(attribute.path) for attribute in drift.attributes] or [""]
        is_changed = drift.kind is DriftKind.CHANGED
        rows |= {(resource_key(drift.uid), drift.kind.value, path if is_changed else "") for path in paths}
    return rows


def _start(path: str) -> str:
    """The first parts of a path, folded: as deep as the labels go."""
    segments = [fold(part.partition("[")[0]) for part in path.split(".")]
    if segments[0] in {"tags", "ippermissions", "ippermissionsegress", "policy", "assumerolepolicydocument"}:
        return segments[0]
    if segments[:2] == ["properties", "securityrules"]:
        return "properties.securityrules"
    return ".".join(segments)


def _moved_by_itself(item: ConfigurationItem, chance: random.Random) -> ConfigurationItem:
    document = copy.deepcopy(dict(item.properties))
    labels = next((paths for type_, paths in MOVING.items() if fold(type_) == fold(item.type)), ())
    for path in labels:
        holder, key = _at(document, path)
        if holder is not None and key in holder:
            holder[key] = _other(holder[key], chance)
    return replace(item, properties=document)


def _planted(item: ConfigurationItem, type_: str, chance: random.Random) -> tuple[ConfigurationItem, set[str]]:
    document = copy.deepcopy(dict(item.properties))
    present = [path for path in SETTABLE[type_] if _is_set(document, path)]
    paths: set[str] = set()
    for path in chance.sample(present, min(len(present), chance.randint(1, 2))):
        holder, key = _at(document, path)
        assert holder is not None
        holder[key] = _other(holder[key], chance)
        paths.add(_start(path))
    tags = dict(item.tags)
    if tags and chance.random() < 0.3:
        name = chance.choice(sorted(tags))
        if not name.startswith(("aws:", "hidden-", "goog-", "ms-resource")):
            tags[name] += "-changed"
            paths.add("tags")
    if item.provider is Provider.GCP and "labels" in document and "tags" in paths:
        document["labels"] = dict[str, Any](tags)
    return replace(item, properties=document, tags=tags), paths


def _is_set(document: Mapping[str, Any], path: str) -> bool:
    holder, key = _at(document, path)
    return holder is not None and holder.get(key) not in (None, "", {}) and not str(holder[key]).startswith("[removed")


def _at(document: Any, path: str) -> tuple[dict[str, Any] | None, str]:
    *parents, last = path.split(".")
    for parent in parents:
        document = document.get(parent) if isinstance(document, dict) else None
    return (document if isinstance(document, dict) else None), last


def _other(value: Any, chance: random.Random) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + chance.randint(1, 9)
    if isinstance(value, str):
        if value.lower() in {"true", "false"}:
            return "false" if value.lower() == "true" else "true"
        return str(int(value) + 7) if value.isdigit() else f"{value}x"
    if isinstance(value, list):
        return value[1:] if value and chance.random() < 0.5 else [*value, _element(value)]
    return {**value, "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*:*", "Resource": "*"}]}


def _element(value: list[Any]) -> Any:
    if value and isinstance(value[0], str):
        return "203.0.113.0/24"
    if value and isinstance(value[0], dict) and "IpProtocol" not in value[0]:
        return {"name": "planted", "properties": {"access": "Allow", "direction": "Inbound", "priority": 4000}}
    return {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def _copied(item: ConfigurationItem, number: int) -> ConfigurationItem:
    """A resource that nobody approved: like one that somebody did, under another id."""
    uid = f"{item.uid}-planted{number}"
    document = copy.deepcopy(dict(item.properties))
    if item.provider is Provider.AZURE:
        document["id"] = uid
    if item.provider is Provider.GCP:
        document.pop("selfLink", None)
    return replace(item, uid=type(item.uid)(uid), name=f"{item.name}-planted{number}", properties=document)
