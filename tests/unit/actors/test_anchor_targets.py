"""The operator's file of anchor targets: every kind, and every way in which it is refused."""

from __future__ import annotations

import base64
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from actors.anchor_targets import load_anchors
from domain.anchoring import AnchorKind
from domain.errors import InputError
from tests.unit.chain.anchors.authority import authority_extensions, issue

DOCUMENT = Path(__file__).parents[3] / "docs" / "anchoring.md"
EVERY_KIND = DOCUMENT.read_text().partition("```toml\n")[2].partition("```")[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = issue("root", extensions=authority_extensions()).certificate
    (tmp_path / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
    (tmp_path / "account.key").write_text(base64.b64encode(b"an account's key").decode() + "\n")
    (tmp_path / "bitcoin.key").write_text("07" * 32 + "\n")
    (tmp_path / "password").write_text("hunter2\n")
    return tmp_path


def _written(folder: Path, text: str) -> Path:
    path = folder / "anchors.toml"
    path.write_text(text)
    return path


def test_the_documented_file_names_every_kind(folder: Path) -> None:
    found = load_anchors(_written(folder, EVERY_KIND))
    assert {target.kind for target in found.targets} == set(AnchorKind)
    assert [target.name for target in found.targets] == ["tsa", "s3", "azure", "btc", "eth", "ots"]
    assert found.timing.interval == timedelta(hours=1)
    assert len(found.trust.tsa_roots) == 1


def test_no_secret_is_shown(folder: Path) -> None:
    shown = repr(load_anchors(_written(folder, EVERY_KIND)))
    assert "hunter2" not in shown
    assert "07070707" not in shown


def test_an_empty_file_names_no_target_and_keeps_the_hour(folder: Path) -> None:
    found = load_anchors(_written(folder, ""))
    assert (found.targets, found.timing.interval) == ((), timedelta(hours=1))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("interval_minutes = 60", "interval_minutes = 0", "interval is out of bounds"),
        ("interval_minutes = 60", "interval_minutes = true", "not valid"),
        ("interval_minutes = 60", "interval_hours = 1", "not known"),
        ("retain_years = 7", "retain_years = 0", "retention is out of bounds"),
        ("retain_years = 7", "retain_year = 7", "not known"),
        ('kind = "ethereum"', 'kind = "pigeon"', "kind is not known"),
        ('name = "tsa"', "", "not valid"),
        ('name = "tsa"', 'name = "a/b"', "name is not valid"),
        ("http://tsa.example/", "file:///etc/passwd", "not an address"),
        ('"bitcoin.key"', '"absent.key"', "cannot read a file"),
        ('"bitcoin.key"', '"password"', "not valid"),
        ('"root.pem"', '"password"', "not a certificate"),
        ("[[target]]", "[[target", "not TOML"),
    ],
)
def test_what_is_not_valid_is_refused(folder: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_anchors(_written(folder, EVERY_KIND.replace(old, new)))


def test_without_an_account_key_azures_own_library_for_credentials_is_needed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    with pytest.raises(InputError, match="azure-identity is not installed"):
        load_anchors(_written(folder, EVERY_KIND.replace('account_key_file = "account.key"', "")))


def test_bounds_hold_for_the_file_itself(folder: Path) -> None:
    with pytest.raises(InputError, match="too many"):
        load_anchors(_written(folder, '[[target]]\nname = "a"\nkind = "rfc3161"\nurl = "http://a/"\n' * 33))
    with pytest.raises(InputError, match="not a table"):
        load_anchors(_written(folder, "target = [1]"))
    with pytest.raises(InputError, match="too long"):
        load_anchors(_written(folder, "#" * 1_000_001))
