"""Documents of many items in one compressed block.

A block holds the documents, tags and unread marks of up to `ITEMS_MAX` items as one JSON array under zstd: a
tenth of the write time and half the disk of one text per row. What orjson cannot hold exactly (integers over 64
bits, lone surrogates) goes through the standard library, and the block says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson
import pyarrow as pa

from domain.errors import IntegrityError
from domain.resource import ConfigurationItem
from domain.value import Json

ITEMS_MAX = 256
_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Block:
    """Compressed documents; `is_plain` says that the standard library wrote them."""

    is_plain: bool
    size_bytes: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Body:
    """What a block keeps of one item."""

    properties: dict[str, Json]
    tags: dict[str, str]
    unread: tuple[str, ...]


def blocks(items: Sequence[ConfigurationItem]) -> Iterator[Block]:
    """The items' documents, `ITEMS_MAX` to a block, in order."""
    codec = pa.Codec("zstd", _LEVEL)
    for start in range(0, len(items), ITEMS_MAX):
        entries = [(item.properties, item.tags, item.unread) for item in items[start : start + ITEMS_MAX]]
        text, is_plain = encode(entries)
        yield Block(is_plain, len(text), codec.compress(text, asbytes=True))


def bodies(block: Block) -> list[Body]:
    """The entries of one block.

    Raises:
        IntegrityError: the bytes are not what was written.
    """
    try:
        text = pa.Codec("zstd").decompress(block.body, decompressed_size=block.size_bytes, asbytes=True)
        entries = json.loads(text) if block.is_plain else orjson.loads(text)
    except (OSError, ValueError) as error:
        raise IntegrityError("stored documents cannot be read", reason=str(error)) from None
    return [Body(properties, tags, tuple(unread)) for properties, tags, unread in entries]


def encode(value: object) -> tuple[bytes, bool]:
    """JSON bytes, and whether the standard library had to write them."""
    try:
        return orjson.dumps(value, default=dict), False
    except TypeError:
        return json.dumps(value, separators=(",", ":"), default=dict).encode(), True
