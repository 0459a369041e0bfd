"""Logs that the product writes for others' programs to check."""

from __future__ import annotations

import json
import random
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chain.layout import KEYS_FILE, bundles, tiles
from chain.shard import LogHead
from chain.tile_content import bundle_content, tile_content
from chain.tree_hash import SHA256, Twin
from tests.unit.chain.samples import event, open_writer, published_folder
from tests.unit.chain.witnesses import SmallLog

BATCHES = (1, 255, 1_000, 7_000, 2_000, 300)


@dataclass(frozen=True, slots=True)
class PublishedLog:
    """A published folder, its verifier key lines, and every state that it was published in."""

    folder: Path
    keys: tuple[str, ...]
    heads: tuple[LogHead, ...]
    state_parent: Path


def publish_log(path: Path, *, batches: Sequence[int] = BATCHES) -> PublishedLog:
    """Write a log in several publications."""
    heads = []
    with open_writer(path) as log:
        for number, count in enumerate(batches):
            log.append([event(f"{number}-{item}") for item in range(count)])
            heads.append(log.publish())
    folder = published_folder(path)
    keys = (folder / KEYS_FILE).read_text().splitlines()
    return PublishedLog(folder, tuple(keys), tuple(heads), path)


def proof_cases(log: PublishedLog, *, count: int, seed: int = 1) -> dict[str, object]:
    """Proofs of both trees, made by the writer, at random places: ``count`` of each kind and tree."""
    generator = random.Random(seed)
    sizes = [head.size for head in log.heads]
    cases: Twin[dict[str, list[object]]] = Twin(_empty(), _empty())
    with open_writer(log.state_parent) as opened:
        shard = opened.shard
        for _ in range(count):
            at = generator.randrange(len(sizes))
            index = generator.randrange(sizes[at])
            included = shard.inclusion_proof(index, sizes[at])
            old, new = sorted((generator.randrange(len(sizes)), at))
            consistent = shard.consistency_proof(sizes[old], sizes[new])
            entry = b64encode(shard.entry(index)).decode()
            for name in ("sha256", "sha3_256"):
                case = {"checkpoint": at, "index": index, "entry": entry}
                getattr(cases, name)["inclusion"].append(case | _path(getattr(included, name).path))
                case = {"old": old, "new": new}
                getattr(cases, name)["consistency"].append(case | _path(getattr(consistent, name).path))
    first = {"key": log.keys[0], "checkpoints": [head.checkpoint for head in log.heads], **cases.sha256}
    second = {"key": log.keys[1], "checkpoints": [head.checkpoint_sha3 for head in log.heads], **cases.sha3_256}
    return {"sha256": first, "sha3_256": second}


def write_cases(path: Path, cases: object) -> Path:
    """Cases as the checker in Go reads them."""
    path.write_text(json.dumps(cases))
    return path


def write_folder(log: SmallLog, size: int, folder: Path) -> Path:
    """A log in memory as served files: nothing but checkpoint, tiles and bundles of its SHA-256 tree."""
    contents = {
        name.path: bundle_content(name, lambda start, stop: [log.entry(index) for index in range(start, stop)])
        for name in bundles(size)
    }
    contents |= {name.path: tile_content(name, log.tree) for name in tiles(SHA256, size)}
    for path, content in {**contents, "checkpoint": log.note(size).encode()}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def flip_bit(path: Path, *, at: int | None = None) -> None:
    """Change one bit of a file, in its middle unless told where."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if at is None else at] ^= 1
    path.write_bytes(content)


def _empty() -> dict[str, list[object]]:
    return {"inclusion": [], "consistency": []}


def _path(hashes: Sequence[bytes]) -> dict[str, list[str]]:
    return {"path": [b64encode(item).decode() for item in hashes]}
