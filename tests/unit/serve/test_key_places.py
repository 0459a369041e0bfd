"""Settings name where keys are; only references travel, and a secret is read where it is used."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actors.folders import Folders
from chain.keys.key_text import format_private_key
from domain.errors import AccessDenied, ConflictError, InputError, NotFound
from domain.evidence import EvidenceEvent
from serve.key_places import KeyPlaces, key_places
from serve.report_key import record_report_key
from serve.settings import Settings

ORIGIN = "policycortex.local/acme/2026"


def test_a_key_in_a_variable_is_read_in_the_process_that_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(log_key="env:LOG_KEY_{tenant}_{log}_{tree}_{generation}")
    places = key_places(settings).log_keys(Folders(tmp_path))
    travelled = pickle.loads(pickle.dumps(places))
    with pytest.raises(NotFound, match="variable of a secret is not set"):
        travelled.held(ORIGIN)
    for tree, name in (("SHA256", ORIGIN), ("SHA3_256", f"{ORIGIN}/sha3-256")):
        text = format_private_key(name, Ed25519PrivateKey.generate())
        monkeypatch.setenv(f"LOG_KEY_ACME_2026_{tree}_1", text)
    assert travelled.held(ORIGIN)[0].sha256.key.name == ORIGIN


@pytest.mark.parametrize("kind", ["env", "file"])
def test_key_files_are_sealed_with_the_passphrase_that_is_referred_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("KEY_PASSPHRASE", "open sesame")
    (tmp_path / "passphrase").write_text("open sesame\n")
    reference = "env:KEY_PASSPHRASE" if kind == "env" else f"file:{tmp_path / 'passphrase'}"
    folders = Folders(tmp_path / "store")
    key = key_places(Settings(key_passphrase=reference)).log_keys(folders).held(ORIGIN)[0].sha256.key
    assert b"PRIVATE" not in (folders.chain / "logs/acme/2026/log.key").read_bytes()
    assert key_places(Settings(key_passphrase=reference)).log_keys(folders).held(ORIGIN)[0].sha256.key == key
    with pytest.raises(AccessDenied, match="sealed"):
        key_places(Settings()).log_keys(folders).held(ORIGIN)


def test_a_passphrase_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    places = key_places(Settings(key_passphrase=f"file:{tmp_path / 'none'}")).log_keys(Folders(tmp_path))
    with pytest.raises(NotFound, match="passphrase") as refused:
        places.held(ORIGIN)
    assert refused.value.facts["path"] == str(tmp_path / "none")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("log_key", "PRIVATE+KEY+x", "not a reference"),
        ("log_key", "env:KEY", "one key from another"),
        ("report_key", "env:KEY", "too long for a variable"),
        ("key_passphrase", "aws-kms:alias/x", "no passphrase"),
    ],
)
def test_a_setting_that_cannot_name_such_a_key_is_refused_and_not_repeated(name: str, value: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as refused:
        key_places(Settings.model_validate({name: value}))
    assert "PRIVATE" not in str(refused.value)


def test_paths_are_made_absolute_for_processes_in_other_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    places = key_places(Settings(log_key="file:keys", report_key="file:report.key"))
    assert (str(places.log), str(places.report)) == (f"file:{tmp_path}/keys", f"file:{tmp_path}/report.key")


class _Key:
    """A report key that signs what is enough to be entered."""

    def __init__(self, name: bytes) -> None:
        self.public_der = name

    def sign(self, message: bytes) -> bytes:
        return self.public_der + message[:8]

    sign_pkcs1v15 = sign


class _Book:
    """The platform log's report keys; another process may be faster."""

    def __init__(self, *, is_overtaken: bool = False) -> None:
        self.known: list[str] = []
        self.events: list[EvidenceEvent] = []
        self.is_overtaken = is_overtaken
        self.is_broken = False

    def report_keys(self) -> list[str]:
        return list(self.known)

    def record_platform(self, events: Sequence[EvidenceEvent]) -> None:
        if self.is_broken:
            raise ConflictError("another content")
        self.events += events
        self.known += [str(event.body["key_sha256"]) for event in events]
        if self.is_overtaken:
            raise ConflictError("another content")


@pytest.mark.parametrize("is_overtaken", [False, True])
def test_a_report_key_is_entered_once_and_replaces_the_one_before(is_overtaken: bool) -> None:
    book, at = _Book(is_overtaken=is_overtaken), datetime(2026, 1, 1, tzinfo=UTC)
    for key in (b"first", b"first", b"second", b"first"):
        record_report_key(book, _Key(key), b"certificate", at=at)
    assert [event.body["replaces"] for event in book.events] == ["", book.known[0]]
    book.is_broken = True
    with pytest.raises(ConflictError):
        record_report_key(book, _Key(b"third"), b"certificate", at=at)


def test_a_report_key_is_made_in_the_store_by_default(tmp_path: Path) -> None:
    places = KeyPlaces("eu-central-1")
    first = places.report_key(tmp_path / "report.key")
    assert places.report_key(tmp_path / "report.key").public_der == first.public_der
