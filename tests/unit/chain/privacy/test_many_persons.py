"""The keys of many new persons cost a few syncs together, and are the same as if made one by one."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from chain.durable import TEMPORARY_SUFFIX, sync_file_system
from chain.privacy import subject_keys
from chain.privacy.erasure import ErasureOrder, erase
from chain.privacy.protection import subjects_of
from chain.privacy.subject_keys import SYNCED_SINGLY_MAX, SubjectKeys
from domain.clock import SystemClock
from domain.errors import ConflictError, InputError, UnavailableError
from domain.evidence import EventType
from domain.tenancy import TenantId
from tests.unit.chain.privacy.test_protection import REVIEW

ACME = TenantId("acme")
PERSONS = [f"person {number}" for number in range(500)]


@pytest.fixture
def keys(tmp_path: Path) -> SubjectKeys:
    return SubjectKeys(tmp_path / "privacy", ACME)


def test_five_hundred_new_persons_cost_two_syncs(
    keys: SubjectKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = os.fsync

    def sync_one(handle: int) -> None:
        synced.append("one")
        sync(handle)

    def sync_all(path: Path) -> None:
        synced.append("all")
        sync_file_system(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", sync_one)
        patch.setattr(subject_keys, "sync_file_system", sync_all)
        assert keys.make([*PERSONS, *PERSONS[:9], " Person 3 "]) == len(PERSONS)
    assert synced == ["all", "all"]
    assert keys.make(PERSONS) == 0
    again = SubjectKeys(tmp_path / "privacy", ACME)
    found = {keys.key_of(name) for name in PERSONS}
    assert found == {again.key_of(name) for name in PERSONS}
    assert len(found) == len(PERSONS)
    files = [path for path in (tmp_path / "privacy/subject").rglob("*") if path.is_file()]
    assert len(files) == len(PERSONS)
    assert not [path for path in files if path.name.endswith(TEMPORARY_SUFFIX)]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_a_few_are_synced_one_by_one_and_a_known_one_keeps_the_key(keys: SubjectKeys) -> None:
    known = keys.key_of(PERSONS[0])
    assert keys.make(PERSONS[: SYNCED_SINGLY_MAX + 1]) == SYNCED_SINGLY_MAX
    assert keys.make(PERSONS[:100]) == 100 - SYNCED_SINGLY_MAX - 1
    assert keys.key_of(PERSONS[0]) == known


def test_a_person_who_is_being_erased_gets_no_new_key(keys: SubjectKeys) -> None:
    keys.key_of(PERSONS[0])

    def crash(_: object) -> None:
        raise KeyboardInterrupt

    order = ErasureOrder(SystemClock().now(), "GDPR article 17", "role:officer")
    with pytest.raises(KeyboardInterrupt):
        erase(keys, PERSONS[0], order, count=lambda _: 0, record=crash)
    assert keys.make(PERSONS[:20]) == 19
    with pytest.raises(ConflictError):
        keys.key_of(PERSONS[0])


def test_what_could_not_be_written_is_reported(keys: SubjectKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def syncfs(self, handle: int) -> int:
            del handle
            ctypes.set_errno(errno.ENOSPC)
            return -1

    monkeypatch.setattr(ctypes, "CDLL", Full)
    with pytest.raises(UnavailableError, match="no space left"):
        keys.make(PERSONS)


def test_a_body_says_whom_it_names() -> None:
    assert subjects_of(REVIEW, EventType.ACCESS_REVIEW) == [
        "ann@example.org",
        "bob@example.org",
        "Ann@Example.org",
        "bob@example.org",
    ]
    assert subjects_of(REVIEW, EventType.BLOCK_SEALED) == []
    with pytest.raises(InputError):
        subjects_of({"reviewer": 7}, EventType.ACCESS_REVIEW)
