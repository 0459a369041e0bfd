"""Erasing a person destroys the key, is an entry, and breaks no proof; a crash at any step is made good."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.entry import encode_event
from chain.keys import destruction
from chain.privacy import subject_keys
from chain.privacy.commitment import commit, pseudonym
from chain.privacy.erasure import ErasureOrder, count_commitments, erase, finish_erasures
from chain.privacy.key_wrapper import LocalKeyWrapper
from chain.privacy.protection import protect
from chain.privacy.subject_keys import SubjectKeys
from domain.errors import AccessDenied, ConflictError, InputError, IntegrityError, UnavailableError
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import TenantId

ACME = TenantId("acme")
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ORDER = ErasureOrder(NOON, "GDPR article 17(1)(a)", "role:data-protection-officer")
ANN = "ann@example.org"


class Entries:
    """Events as a log keeps them: each request once, and the same content every time."""

    def __init__(self) -> None:
        self.by_request: dict[str, bytes] = {}

    def record(self, event: EvidenceEvent) -> None:
        entry = encode_event(event, {})
        assert self.by_request.setdefault(event.request_id, entry) == entry

    def count(self, known: str) -> int:
        return count_commitments(self.by_request.values(), known)

    def review(self, keys: SubjectKeys, name: str, *people: str) -> None:
        body = protect({"reviewers": list(people)}, EventType.ACCESS_REVIEW, keys)
        self.record(EvidenceEvent(ACME, name, EventType.ACCESS_REVIEW, NOON, body))


@pytest.fixture
def keys(tmp_path: Path) -> SubjectKeys:
    return SubjectKeys(tmp_path / "privacy", ACME)


@pytest.fixture
def entries() -> Entries:
    return Entries()


def _erase(keys: SubjectKeys, entries: Entries, subject: str = ANN) -> EvidenceEvent | None:
    return erase(keys, subject, ORDER, count=entries.count, record=entries.record)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_an_erasure_is_an_entry_that_counts_what_it_voids(keys: SubjectKeys, entries: Entries) -> None:
    entries.review(keys, "one", ANN, "bob")
    entries.review(keys, "two", ANN)
    known = pseudonym(keys.key_of(ANN), tenant=ACME)
    event = _erase(keys, entries)
    assert event is not None
    assert event.body == {
        "pseudonym": known,
        "erased_at": "2026-01-31T12:00:00Z",
        "basis": ORDER.basis,
        "by": ORDER.by,
        "commitments": 2,
    }
    assert f"erasure/{known}" in entries.by_request
    assert _erase(keys, entries) is None


def test_an_erased_person_who_comes_back_is_somebody_else(keys: SubjectKeys, entries: Entries) -> None:
    key = keys.key_of(ANN)
    name = keys.name_of(ANN)
    _erase(keys, entries)
    assert keys.find(name) is None
    again = keys.key_of(ANN)
    assert again != key
    assert pseudonym(again, tenant=ACME) != pseudonym(key, tenant=ACME)


def test_an_erasure_destroys_the_bytes_of_the_key(keys: SubjectKeys, entries: Entries, tmp_path: Path) -> None:
    keys.key_of(ANN)
    (path,) = _files(tmp_path / "privacy" / "subject")
    seen = tmp_path / "seen"
    seen.hardlink_to(path)
    _erase(keys, entries)
    assert _files(tmp_path / "privacy") == [tmp_path / "privacy" / "tenant.key"]
    assert set(seen.read_bytes()) == {0}


def test_one_persons_erasure_leaves_the_others(keys: SubjectKeys, entries: Entries) -> None:
    key = keys.key_of("bob")
    keys.key_of(ANN)
    _erase(keys, entries)
    assert keys.key_of("bob") == key


def test_nothing_new_is_said_of_a_person_who_is_being_erased(keys: SubjectKeys, entries: Entries) -> None:
    entries.review(keys, "one", ANN)
    with pytest.raises(KeyboardInterrupt):
        erase(keys, ANN, ORDER, count=entries.count, record=_crash)
    with pytest.raises(ConflictError, match="being erased"):
        entries.review(keys, "two", ANN)
    event = erase(keys, ANN, replace(ORDER, basis="another"), count=entries.count, record=entries.record)
    assert event is not None
    assert event.body["basis"] == ORDER.basis


def _steps(patch: pytest.MonkeyPatch, stop_at: int) -> Iterator[int]:
    """Count every durable step of an erasure and crash before one of them."""
    count = 0

    def counted(function: Callable[..., object]) -> Callable[..., object]:
        def step(*arguments: object, **named: object) -> object:
            nonlocal count
            count += 1
            if count == stop_at:
                raise KeyboardInterrupt
            return function(*arguments, **named)

        return step

    for module, name in (
        (subject_keys, "write_all"),
        (subject_keys, "sync_directory"),
        (destruction, "write_all"),
        (destruction, "sync_directory"),
    ):
        patch.setattr(module, name, counted(getattr(module, name)))
    patch.setattr(Path, "unlink", counted(Path.unlink))
    patch.setattr(Path, "rename", counted(Path.rename))
    patch.setattr(Path, "hardlink_to", counted(Path.hardlink_to))
    patch.setattr(Entries, "record", counted(Entries.record))
    yield from iter(lambda: count, -1)


@pytest.mark.parametrize("is_restarted", [True, False])
def test_a_crash_at_every_step_is_made_good(tmp_path: Path, is_restarted: bool) -> None:
    reached = 0
    for stop_at in range(1, 40):
        keys, entries = SubjectKeys(tmp_path / str(stop_at), ACME), Entries()
        entries.review(keys, "one", ANN)
        known = pseudonym(keys.key_of(ANN), tenant=ACME)
        with pytest.MonkeyPatch.context() as patch:
            next(_steps(patch, stop_at))
            try:
                _erase(keys, entries)
            except KeyboardInterrupt:
                reached = stop_at
            else:
                break
        again = SubjectKeys(tmp_path / str(stop_at), ACME)
        if is_restarted:
            finish_erasures(again, entries.record)
            assert not _files(tmp_path / str(stop_at) / "erasing")
        _erase(again, entries)
        assert again.ordered() == ()
        assert again.find(again.name_of(ANN)) is None
        assert sum(name.startswith("erasure/") for name in entries.by_request) == 1
        assert f"erasure/{known}" in entries.by_request
        assert not _files(tmp_path / str(stop_at) / "subject")
    assert reached >= 10


def test_finishing_where_nothing_was_interrupted_does_nothing(keys: SubjectKeys, entries: Entries) -> None:
    assert finish_erasures(keys, entries.record) == 0
    assert entries.by_request == {}


def test_a_key_that_a_crash_left_half_made_is_destroyed_too(
    keys: SubjectKeys, entries: Entries, tmp_path: Path
) -> None:
    keys.key_of(ANN)
    (path,) = _files(tmp_path / "privacy" / "subject")
    leftover = path.with_name(f"{path.name}.0123.partial-write")
    leftover.hardlink_to(path)
    _erase(keys, entries)
    assert not leftover.exists()


@pytest.mark.parametrize(
    "order", [replace(ORDER, basis=""), replace(ORDER, basis="two\nlines"), replace(ORDER, by="ann@example.org")]
)
def test_an_order_without_ground_or_with_a_name_is_refused(
    keys: SubjectKeys, entries: Entries, order: ErasureOrder
) -> None:
    keys.key_of(ANN)
    with pytest.raises(InputError):
        erase(keys, ANN, order, count=entries.count, record=entries.record)
    assert keys.ordered() == ()


def test_file_names_say_nothing_and_files_open_for_their_owner_alone(keys: SubjectKeys, tmp_path: Path) -> None:
    key = keys.key_of(ANN)
    for path in _files(tmp_path / "privacy"):
        assert b"ann" not in str(path.relative_to(tmp_path)).encode() + path.read_bytes()
        assert key not in path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    other = SubjectKeys(tmp_path / "other", TenantId("other"))
    assert other.name_of(ANN) != keys.name_of(ANN)


def test_a_person_has_one_key_across_restarts_and_processes(
    keys: SubjectKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = keys.key_of(ANN)
    second = SubjectKeys(tmp_path / "privacy", ACME)
    assert second.key_of("  ANN@example.org ") == key
    bob = keys.key_of("bob")
    monkeypatch.setattr(Path, "exists", lambda path: "subject" not in path.parts)
    monkeypatch.setattr(second, "_require_not_erasing", lambda name: None)
    assert second.key_of("bob") == bob


def test_a_tenants_key_may_be_wrapped(tmp_path: Path) -> None:
    wrapper = LocalKeyWrapper(b"w" * 32)
    key = SubjectKeys(tmp_path, ACME, wrapper=wrapper).key_of(ANN)
    assert SubjectKeys(tmp_path, ACME, wrapper=wrapper).key_of(ANN) == key
    with pytest.raises(IntegrityError, match="does not open"):
        SubjectKeys(tmp_path, ACME, wrapper=LocalKeyWrapper(b"x" * 32))
    with pytest.raises(IntegrityError, match="not a tenant's key"):
        SubjectKeys(tmp_path, ACME)


def test_a_tenants_key_that_others_can_read_is_refused(keys: SubjectKeys, tmp_path: Path) -> None:
    (tmp_path / "privacy" / "tenant.key").chmod(0o640)
    with pytest.raises(AccessDenied, match="chmod 600"):
        SubjectKeys(tmp_path / "privacy", ACME)


def test_another_persons_file_does_not_open_as_this_ones(keys: SubjectKeys, tmp_path: Path) -> None:
    keys.key_of(ANN)
    (first,) = _files(tmp_path / "privacy" / "subject")
    keys.key_of("bob")
    second = next(path for path in _files(tmp_path / "privacy" / "subject") if path != first)
    second.write_bytes(first.read_bytes())
    with pytest.raises(IntegrityError, match="does not open"):
        keys.key_of("bob")


@pytest.mark.parametrize("subject", ["", "  ", "x" * 501])
def test_what_names_nobody_is_refused(keys: SubjectKeys, subject: str) -> None:
    with pytest.raises(InputError, match="name of a person"):
        keys.key_of(subject)


def test_a_full_disk_gives_no_key(keys: SubjectKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr(subject_keys, "write_all", full)
    with pytest.raises(UnavailableError, match="no space"):
        keys.key_of(ANN)


@settings(max_examples=15)
@given(st.lists(st.tuples(st.sampled_from(["say", "erase"]), st.sampled_from(["ann", "bob", "eve"])), max_size=12))
def test_any_course_of_reviews_and_erasures_counts_right(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str]]
) -> None:
    keys, entries = SubjectKeys(tmp_path_factory.mktemp("privacy"), ACME), Entries()
    said = dict.fromkeys(["ann", "bob", "eve"], 0)
    for number, (step, person) in enumerate(steps):
        if step == "say":
            entries.review(keys, str(number), person)
            said[person] += 1
        else:
            event = _erase(keys, entries, person)
            assert (None if event is None else event.body["commitments"]) == (said[person] or None)
            said[person] = 0
    for person, count in said.items():
        key = keys.find(keys.name_of(person))
        assert (key is None) == (count == 0)
        if key is not None:
            assert commit(key, tenant=ACME, field="f", value=person).subject == pseudonym(key, tenant=ACME)


def _crash(event: EvidenceEvent) -> None:
    raise KeyboardInterrupt
