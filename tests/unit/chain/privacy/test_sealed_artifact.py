"""A sealed artifact opens with its key, in its place, unchanged, and otherwise not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.privacy import sealed_artifact
from chain.privacy.key_wrapper import KeyWrapper, LocalKeyWrapper, NestedKeyWrapper
from chain.privacy.sealed_artifact import (
    OVERHEAD_BYTES_MAX,
    SEALED_MAGIC,
    ArtifactPlace,
    derive_data_key,
    open_artifact,
    seal_artifact,
)
from domain.errors import InputError, IntegrityError

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
PLACE = ArtifactPlace("acme", "export.csv", "r-1")
WRAPPER = LocalKeyWrapper(KEY)
CONTENT = b"Ann, 1980-01-01"


def _seal(content: bytes = CONTENT, place: ArtifactPlace = PLACE, wrapper: KeyWrapper = WRAPPER) -> bytes:
    return seal_artifact(content, place, wrapper, data_key=derive_data_key(KEY, content, place))


@settings(max_examples=40)
@given(st.binary(max_size=200), st.text(max_size=10), st.text(max_size=10))
def test_what_was_sealed_comes_back_in_its_place(content: bytes, name: str, request_id: str) -> None:
    place = ArtifactPlace("acme", name, request_id)
    sealed = _seal(content, place)
    assert open_artifact(sealed, place, WRAPPER) == content
    assert len(sealed) <= len(content) + OVERHEAD_BYTES_MAX
    assert _seal(content, place) == sealed


def test_content_does_not_show() -> None:
    assert b"Ann" not in _seal()


def test_every_flipped_bit_is_refused() -> None:
    sealed = _seal()
    for bit in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises((InputError, IntegrityError)):
            open_artifact(bytes(changed), PLACE, WRAPPER)


def test_every_cut_is_refused() -> None:
    sealed = _seal()
    for length in range(len(sealed)):
        with pytest.raises((InputError, IntegrityError)):
            open_artifact(sealed[:length], PLACE, WRAPPER)


@pytest.mark.parametrize(
    "place",
    [replace(PLACE, tenant="other"), replace(PLACE, name="other.csv"), replace(PLACE, request_id="r-2")],
)
def test_an_artifact_in_anothers_place_does_not_open(place: ArtifactPlace) -> None:
    with pytest.raises(IntegrityError):
        open_artifact(_seal(), place, WRAPPER)


def test_places_do_not_run_into_each_other() -> None:
    assert ArtifactPlace("a", "b", 'c","d').context != ArtifactPlace("a", 'b","c', "d").context


def test_another_persons_key_does_not_open() -> None:
    with pytest.raises(IntegrityError, match="does not open"):
        open_artifact(_seal(), PLACE, LocalKeyWrapper(OTHER_KEY))


def test_a_wrapped_key_moved_to_another_artifact_does_not_open() -> None:
    first, second = _seal(), _seal(b"another content")
    head = len(SEALED_MAGIC) + 2 + int.from_bytes(first[len(SEALED_MAGIC) : len(SEALED_MAGIC) + 2], "big")
    with pytest.raises(IntegrityError, match="was changed"):
        open_artifact(first[:head] + second[head:], PLACE, WRAPPER)


def test_a_wrapper_that_gives_something_else_than_a_key_is_noticed() -> None:
    wrapped = WRAPPER.wrap(b"short", PLACE.context)
    sealed = SEALED_MAGIC + len(wrapped).to_bytes(2, "big") + wrapped + bytes(40)
    with pytest.raises(IntegrityError, match="was changed"):
        open_artifact(sealed, PLACE, WRAPPER)


def test_data_keys_and_nonces_differ_by_content_place_and_key() -> None:
    made = {
        derive_data_key(key, content, place)
        for key in (KEY, OTHER_KEY)
        for content in (b"a", b"b")
        for place in (PLACE, replace(PLACE, request_id="r-2"))
    }
    assert len(made) == 8
    same_key = {seal_artifact(content, PLACE, WRAPPER, data_key=KEY)[-40:-28] for content in (b"a" * 12, b"b" * 12)}
    assert len(same_key) == 2


def test_an_artifact_about_several_persons_is_gone_when_any_is_erased() -> None:
    both = NestedKeyWrapper([LocalKeyWrapper(KEY), LocalKeyWrapper(OTHER_KEY)])
    sealed = _seal(wrapper=both)
    assert open_artifact(sealed, PLACE, both) == CONTENT
    for one in (KEY, OTHER_KEY):
        with pytest.raises(IntegrityError):
            open_artifact(sealed, PLACE, LocalKeyWrapper(one))


def test_an_artifact_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_artifact, "ARTIFACT_SIZE_BYTES_MAX", OVERHEAD_BYTES_MAX + 10)
    _seal(b"x" * 10)
    with pytest.raises(InputError, match="too large") as refused:
        _seal(b"x" * 11)
    assert refused.value.facts["size_bytes_max"] == 10


@pytest.mark.parametrize("sealed", [b"", b"plain", SEALED_MAGIC, SEALED_MAGIC + b"\0"])
def test_what_was_never_sealed_is_refused(sealed: bytes) -> None:
    with pytest.raises(InputError, match="not a sealed artifact"):
        open_artifact(sealed, PLACE, WRAPPER)
