"""Fitted models on disk: arrays in one file, and beside it a manifest that says what they are and what they digest to.

Nothing is pickled. A file that was changed, that belongs to another schema, or whose features are no longer those of
this code, is refused before anything of it is used.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
import orjson
from numpy.typing import NDArray

from domain.errors import InputError, IntegrityError
from domain.value import Json

SCHEMA: Final = "policycortex.weights/3"
"""As weights are written. From the second on they may have a head for pairs (T5); from the third on the manifest says
which code made parts anew. Earlier ones are read as before."""
SCHEMAS: Final = ("policycortex.weights/1", "policycortex.weights/2", SCHEMA)
SIZE_BYTES_MAX: Final = 20 * 1024 * 1024
SHIPPED: Final = Path(__file__).with_name("shipped") / "global.npz"
"""The global model that comes with the product."""
RESTORE: Final = "Restore the file from where it was published"
Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What weights are.

    Args:
        sha256: of the file of arrays.
        features: SHA-256 over the names of the features in order.
        data, code: digests of the data that was learned from, and of the modules that learned.
        seeds: of everything that was drawn.
        learned_from, learned_until: first and last weekly cut-off that was learned from.
        metrics: of the back-test that the model card is made of, or of a held-out part.
        pairs_code: digest of the modules that fitted the head of pairs; empty where there is none.
        renewed_code: digest of the modules that made calibration or reference anew; empty where they are as fitted.
    """

    schema: str
    name: str
    sha256: str
    features: str
    data: str
    code: str
    seeds: tuple[int, ...]
    learned_from: str
    learned_until: str
    metrics: Mapping[str, Json]
    pairs_code: str = ""
    renewed_code: str = ""

    @property
    def model(self) -> str:
        """The name that the model goes by: its own, and the beginning of its digest."""
        return f"{self.name}@{self.sha256[:12]}"


def write_weights(path: Path, arrays: Arrays, manifest: Manifest) -> Manifest:
    """Write weights and their manifest; the digest is filled in.

    Raises:
        InputError: they are larger than weights may be.
    """
    raw = BytesIO()
    np.savez_compressed(raw, allow_pickle=False, **arrays)
    if len(raw.getvalue()) > SIZE_BYTES_MAX:
        raise InputError("the weights are too large to ship", size_bytes=len(raw.getvalue()), max_bytes=SIZE_BYTES_MAX,
                         todo="Choose a smaller form")  # fmt: skip
    told = replace(manifest, schema=SCHEMA, sha256=hashlib.sha256(raw.getvalue()).hexdigest())
    path.parent.mkdir(parents=True, exist_ok=True)
    for target, content in (
        (path, raw.getvalue()),
        (manifest_path(path), orjson.dumps(asdict(told), option=orjson.OPT_INDENT_2)),
    ):
        partial = target.with_name(target.name + ".partial")
        partial.write_bytes(content)
        partial.replace(target)
    return told


def read_weights(path: Path, *, features: str) -> tuple[dict[str, NDArray[np.generic]], Manifest]:
    """Read weights that fit this code.

    Args:
        features: what the features of this code digest to.

    Raises:
        InputError: there are none, or they are of another schema or of other features.
        IntegrityError: the file is not the one that the manifest was written for.
    """
    for one in (path, manifest_path(path)):
        if not one.is_file():
            raise InputError("there are no such weights", file=str(one), todo="Run `python -m training train`")
    manifest = _manifest(manifest_path(path))
    if manifest.features != features:
        raise InputError("the weights are for other features", file=str(path),
                         expected=features, got=manifest.features, todo="Run `python -m training train`")  # fmt: skip
    content = path.read_bytes()
    got = hashlib.sha256(content).hexdigest()
    if got != manifest.sha256:
        raise IntegrityError("the weights are not those that the manifest names", file=str(path),
                             expected=manifest.sha256, got=got, todo=RESTORE)  # fmt: skip
    try:
        with np.load(BytesIO(content), allow_pickle=False) as found:
            return {name: found[name] for name in found.files}, manifest
    except (ValueError, zipfile.BadZipFile) as failure:
        raise IntegrityError("the weights cannot be read", file=str(path), reason=str(failure)[:200],
                             todo=RESTORE) from failure  # fmt: skip


def read_manifest(path: Path) -> Manifest:
    """The manifest of weights, which are not looked at.

    Raises:
        InputError: it is of another schema.
        IntegrityError: it cannot be read.
    """
    return _manifest(manifest_path(path))


def manifest_path(path: Path) -> Path:
    """Where the manifest of weights lies."""
    return path.with_suffix(".json")


def features_digest(names: tuple[str, ...]) -> str:
    """What an order of features digests to."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def _manifest(path: Path) -> Manifest:
    try:
        found = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as failure:
        raise IntegrityError("the manifest cannot be read", file=str(path), reason=str(failure)[:200],
                             todo=RESTORE) from failure  # fmt: skip
    schema = found.get("schema") if isinstance(found, dict) else None
    if schema not in SCHEMAS:
        raise InputError("the weights are of another schema", file=str(path), expected=" or ".join(SCHEMAS), got=schema,
                         todo="Use weights that were made by this version")  # fmt: skip
    return Manifest(**{**found, "seeds": tuple(found["seeds"])})
