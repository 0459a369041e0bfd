"""From what a person typed to the files to read: paths, directories and globs, each file once, in order."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

FILES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """One thing to read.

    Args:
        is_named: it was named itself, not found in a directory, so that failing to read it is always a gap.
        problem: why it cannot be read; empty where it can.
    """

    path: str
    is_named: bool
    problem: str = ""


def find_files(paths: Sequence[str]) -> tuple[Found, ...]:
    """Every file that the paths mean. The same file twice is read once; hidden ones in directories are not read."""
    found: dict[str, Found] = {}
    seen: set[str] = set()
    for given in paths:
        for each in _expand(given):
            real = os.path.realpath(each.path)
            if real not in seen:
                seen.add(real)
                found[each.path] = each
            if len(found) >= FILES_MAX:
                break
    return tuple(sorted(found.values(), key=lambda each: each.path))


def _expand(given: str) -> Iterator[Found]:
    path = Path(given)
    try:
        is_directory, exists = path.is_dir(), path.exists()
    except OSError as error:
        yield Found(given, is_named=True, problem=error.strerror or "cannot be opened")
        return
    if is_directory:
        yield from _walk(given)
    elif exists:
        yield Found(given, is_named=True)
    else:
        yield from _matches(given)


def _matches(pattern: str) -> Iterator[Found]:
    matches = sorted(glob.glob(pattern, recursive=True)) if glob.has_magic(pattern) else []  # noqa: PTH207
    if not matches:
        yield Found(pattern, is_named=True, problem="no such file or directory, and no file matches it")
    for match in matches:
        if Path(match).is_dir():
            yield from _walk(match)
        else:
            yield Found(match, is_named=True)


def _walk(directory: str) -> Iterator[Found]:
    """Files below a directory. A link to a directory that was already walked is not followed again."""
    visited: set[tuple[int, int]] = set()
    waiting = [directory]
    while waiting:
        current = waiting.pop()
        try:
            status = os.stat(current)  # noqa: PTH116
            if (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            entries = sorted(os.scandir(current), key=lambda entry: entry.name)
        except OSError as error:
            yield Found(current, is_named=True, problem=error.strerror or "cannot be opened")
            continue
        for entry in entries:
            if not entry.name.startswith("."):
                yield from _entry(entry, waiting)


def _entry(entry: os.DirEntry[str], waiting: list[str]) -> Iterator[Found]:
    try:
        if entry.is_dir():
            waiting.append(entry.path)
        elif entry.is_file():
            yield Found(entry.path, is_named=False)
        else:
            yield Found(entry.path, is_named=True, problem="a broken link, socket or device")
    except OSError as error:
        yield Found(entry.path, is_named=True, problem=error.strerror or "cannot be opened")
