"""Policies as code: a bundle, that is one folder of policy documents with a name, a version and tests.

::

    bundle.json      {"name": "web", "version": "1.2.0"}
    definitions/     Azure Policy definitions
    initiatives/     policy set definitions
    assignments/     policy assignments
    exemptions/      policy exemptions
    tests/           {"policy": id, "pass": [resource, …], "fail": [resource, …]}

Any of the folders may be missing, and a file may hold one document or a list. What the digest covers is every document,
the tests included; how the files are indented, ordered or encoded makes no difference.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from domain.errors import InputError
from domain.value import Json
from policy.aliases import read_rows
from policy.errors import InvalidDefinition
from policy.fields import Fields
from policy.policy_set import MANIFEST, TESTS, Kind, PolicySet, kind_of, read_policy_set

FILES_MAX: Final = 20_000
SIZE_BYTES_MAX: Final = 256_000_000
SIGNATURE_FILE: Final = "bundle.sig"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_VERSION: Final = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]{1,40})?")
_FOLDERS: Final = frozenset({*(kind.value for kind in Kind), TESTS})


@dataclass(frozen=True, slots=True)
class Bundle:
    """One bundle as it was read.

    Args:
        files: documents by path below the bundle, `/` between its parts; what the digest is over.
        tests: documents of the tests folder, with the path of each.
        digest: SHA-256, hexadecimal.
    """

    name: str
    version: str
    description: str
    files: Mapping[str, Json]
    policies: PolicySet
    tests: tuple[tuple[str, Json], ...]
    digest: str

    @property
    def documents(self) -> Iterator[tuple[str, Json]]:
        """Every policy document, with the path that it was read from."""
        return ((path, document) for path, document in _documents(self.files) if _folder(path) != TESTS)


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle's folder.

    Raises:
        InputError: it is not there or too large, or a file is not JSON.
        InvalidDefinition: a document is not valid, or in the wrong folder; names the file and the place in it.
    """
    if not (folder / MANIFEST).is_file():
        raise InputError(
            "not a policy bundle",
            where=str(folder),
            expected=f"a folder with {MANIFEST}",
            todo='Write bundle.json with at least {"name": "web", "version": "1.0.0"}',
        )
    paths = [path for path in sorted(folder.rglob("*.json")) if not _is_hidden(path.relative_to(folder))]
    size = sum(path.stat().st_size for path in paths)
    if len(paths) > FILES_MAX or size > SIZE_BYTES_MAX:
        expected = f"at most {FILES_MAX} files and {SIZE_BYTES_MAX} bytes"
        raise InputError("bundle is too large", where=str(folder), expected=expected, got=f"{len(paths)}, {size}")
    return parse_bundle({path.relative_to(folder).as_posix(): _content(path) for path in paths})


def parse_bundle(files: Mapping[str, Json]) -> Bundle:
    """Read a bundle from its documents by path.

    Raises:
        InvalidDefinition: a document is not valid, or in the wrong folder; names the file and the place in it.
    """
    manifest = Fields.of(files.get(MANIFEST), MANIFEST)
    digest = _digest(files)
    _require_folders(files)
    found = [(path, document) for path, document in _documents(files) if _folder(path) != TESTS]
    for path, document in found:
        _require_kind(path, document)
    return Bundle(
        name=_matching(manifest, "name", _NAME, "lower-case letters, digits and . _ - (at most 64)"),
        version=_matching(manifest, "version", _VERSION, "three numbers with points, such as 1.2.0"),
        description=manifest.optional("description") or "",
        files=files,
        policies=read_policy_set(found),
        tests=tuple((path, document) for path, document in _documents(files) if _folder(path) == TESTS),
        digest=digest,
    )


def files_digest(files: Mapping[str, Json]) -> str:
    """SHA-256, hexadecimal, over the documents by path, keys sorted."""
    return hashlib.sha256(orjson.dumps(dict(files), option=orjson.OPT_SORT_KEYS)).hexdigest()


def _digest(files: Mapping[str, Json]) -> str:
    try:
        return files_digest(files)
    except orjson.JSONEncodeError as error:
        expected = "documents that are nested at most 250 levels deep"
        raise _misplaced("bundle cannot be written", MANIFEST, expected=expected, got=str(error)) from None


def _documents(files: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    for path in sorted(files):
        content = files[path]
        if path == MANIFEST:
            continue
        if isinstance(content, list):
            yield from ((f"{path}:{at}", document) for at, document in enumerate(content, start=1))
        else:
            yield path, content


def _content(path: Path) -> Json:
    rows = read_rows(path)
    return rows[0] if len(rows) == 1 else rows


def _folder(path: str) -> str:
    return path.partition("/")[0]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _require_folders(files: Mapping[str, Json]) -> None:
    for path in sorted(files):
        if path != MANIFEST and _folder(path) not in _FOLDERS:
            expected = [f"{name}/…" for name in sorted(_FOLDERS)]
            raise _misplaced("file is in no folder of a bundle", path, expected=expected, got=path)


def _require_kind(path: str, document: Json) -> None:
    kind = kind_of(document)
    if kind.value != _folder(path):
        raise _misplaced("document is in another kind's folder", path, expected=f"{kind.value}/", got=path)


def _misplaced(summary: str, path: str, **facts: object) -> InvalidDefinition:
    return InvalidDefinition(summary, where=path, path="$", todo="Correct the bundle, or move the file", **facts)


def _matching(fields: Fields, name: str, form: re.Pattern[str], expected: str) -> str:
    found = fields.text(name)
    if form.fullmatch(found) is None:
        raise fields.wrong(f"{name} of the bundle is not valid", name, expected=expected, got=found)
    return found
