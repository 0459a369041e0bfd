"""Weights are refused unless they are whole, of this schema and for these features; nothing is ever unpickled."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from domain.errors import InputError, IntegrityError
from training.weights import SCHEMA, Manifest, features_digest, manifest_path, read_weights, write_weights

FEATURES = features_digest(("own.age", "own.idle"))
MANIFEST = Manifest(
    schema="", name="global", sha256="", features=FEATURES, data="d" * 64, code="c" * 64, seeds=(1, 2),
    learned_from="2022-01-03", learned_until="2025-12-29", metrics={"T2": {"auroc": 0.9}},
)  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "global.npz"
    write_weights(path, {"a": np.arange(3.0), "names": np.array(["x", "yy"])}, MANIFEST)
    return path


def test_weights_come_back_as_they_were_written(path: Path) -> None:
    arrays, manifest = read_weights(path, features=FEATURES)
    np.testing.assert_array_equal(arrays["a"], np.arange(3.0))
    assert arrays["names"].tolist() == ["x", "yy"]
    assert manifest == replace(MANIFEST, schema=SCHEMA, sha256=manifest.sha256)


def test_a_changed_byte_is_found(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(IntegrityError, match="not those that the manifest names") as refused:
        read_weights(path, features=FEATURES)
    assert refused.value.facts["expected"] != refused.value.facts["got"]


def test_weights_of_another_schema_are_refused(path: Path) -> None:
    told = orjson.loads(manifest_path(path).read_bytes())
    manifest_path(path).write_bytes(orjson.dumps({**told, "schema": "policycortex.weights/0"}))
    with pytest.raises(InputError, match="another schema") as refused:
        read_weights(path, features=FEATURES)
    assert SCHEMA in str(refused.value.facts["expected"])
    assert refused.value.facts["got"] == "policycortex.weights/0"


def test_weights_for_other_features_are_refused(path: Path) -> None:
    with pytest.raises(InputError, match="other features"):
        read_weights(path, features=features_digest(("own.age",)))


def test_a_manifest_that_is_cut_off_is_found(path: Path) -> None:
    manifest_path(path).write_bytes(manifest_path(path).read_bytes()[:40])
    with pytest.raises(IntegrityError, match="manifest cannot be read"):
        read_weights(path, features=FEATURES)


def test_weights_that_are_not_there_say_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="training train"):
        read_weights(tmp_path / "none.npz", features=FEATURES)


def test_a_pickle_in_place_of_weights_is_never_loaded(path: Path) -> None:
    np.savez(path.with_name("evil.npz"), a=np.array([{"x": 1}], dtype=object))
    content = path.with_name("evil.npz").read_bytes()
    path.write_bytes(content)
    told = orjson.loads(manifest_path(path).read_bytes())
    manifest_path(path).write_bytes(orjson.dumps({**told, "sha256": hashlib.sha256(content).hexdigest()}))
    with pytest.raises(IntegrityError, match="cannot be read"):
        read_weights(path, features=FEATURES)


def test_weights_that_are_too_large_to_ship_are_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).random(3_000_000)
    with pytest.raises(InputError, match="too large"):
        write_weights(tmp_path / "large.npz", {"a": noise}, MANIFEST)
