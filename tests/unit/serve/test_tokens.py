"""Tokens and other private files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from domain.errors import AccessDenied, InputError, IntegrityError
from domain.tenancy import TenantId
from serve.auth.tokens import TokenRegistry, ensure_token, replace_token, token_of
from serve.private_file import read_private, write_private
from serve.run_file import RunningPlatform, find_running, read_run_file, remove_run_file, run_file, write_run_file
from serve.settings import Settings

ACME, GLOBEX = TenantId("acme"), TenantId("globex")


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    return tmp_path / "store" / "tokens.json"


def test_the_token_file_is_its_owners_alone(tokens: Path) -> None:
    before = os.umask(0)
    try:
        ensure_token(tokens, ACME)
    finally:
        os.umask(before)
    assert stat.S_IMODE(tokens.stat().st_mode) == 0o600


def test_a_tenant_has_one_token_and_keeps_it(tokens: Path) -> None:
    first = ensure_token(tokens, ACME)
    ensure_token(tokens, GLOBEX)
    assert ensure_token(tokens, ACME) == token_of(tokens, "acme") == first
    assert token_of(tokens, "initech") is None


def test_a_token_finds_its_tenant_also_when_it_was_made_later(tokens: Path) -> None:
    registry = TokenRegistry(tokens)
    with pytest.raises(AccessDenied):
        registry.tenant_of("pcg_x")
    token = ensure_token(tokens, ACME)
    assert registry.tenant_of(token) == ACME
    assert registry.tenant_of(ensure_token(tokens, GLOBEX)) == GLOBEX


def test_a_replaced_token_is_void(tokens: Path) -> None:
    registry, old = TokenRegistry(tokens), ensure_token(tokens, ACME)
    registry.tenant_of(old)
    new = replace_token(tokens, ACME)
    assert registry.tenant_of(new) == ACME
    with pytest.raises(AccessDenied):
        registry.tenant_of(old)


def test_a_replaced_token_is_void_after_a_second_also_where_nobody_uses_the_new_one(tokens: Path) -> None:
    now = 100.0
    registry, old = TokenRegistry(tokens, seconds=lambda: now), ensure_token(tokens, ACME)
    registry.tenant_of(old)
    replace_token(tokens, ACME)
    now += 0.9
    assert registry.tenant_of(old) == ACME
    now += 0.1
    with pytest.raises(AccessDenied):
        registry.tenant_of(old)


def test_a_serving_process_keeps_no_token(tokens: Path) -> None:
    token, registry = ensure_token(tokens, ACME), TokenRegistry(tokens)
    registry.tenant_of(token)
    assert token not in str(vars(registry))


def test_a_token_file_that_others_can_read_is_refused(tokens: Path) -> None:
    ensure_token(tokens, ACME)
    tokens.chmod(0o644)
    with pytest.raises(InputError) as refusal:
        ensure_token(tokens, ACME)
    assert (refusal.value.facts["expected"], refusal.value.facts["got"]) == ("0600", "0644")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"version": 2, "tokens": {}}', b"\xff"])
def test_a_damaged_token_file_is_named(tokens: Path, content: bytes) -> None:
    ensure_token(tokens, ACME)
    tokens.write_bytes(content)
    with pytest.raises(IntegrityError) as refusal:
        token_of(tokens, "acme")
    assert refusal.value.facts["where"] == str(tokens)


def test_a_running_platform_is_found_until_it_is_gone(tmp_path: Path) -> None:
    running = RunningPlatform("http://127.0.0.1:1", "key", os.getpid())
    write_run_file(tmp_path, running)
    assert stat.S_IMODE(run_file(tmp_path).stat().st_mode) == 0o600
    assert find_running(Settings(store_dir=tmp_path)) == running
    remove_run_file(tmp_path)
    assert find_running(Settings(store_dir=tmp_path)) is None


def test_what_a_dead_process_left_behind_does_not_count(tmp_path: Path) -> None:
    write_run_file(tmp_path, RunningPlatform("http://127.0.0.1:1", "key", 2**22 + 1))
    assert read_run_file(tmp_path) is None


def test_another_process_with_the_same_number_is_not_taken_for_the_platform(tmp_path: Path) -> None:
    write_run_file(tmp_path, RunningPlatform("http://127.0.0.1:1", "key", os.getpid()))
    document = read_private(run_file(tmp_path))
    assert document is not None
    write_private(run_file(tmp_path), {**document, "mark": "1"})
    assert read_run_file(tmp_path) is None


def test_a_damaged_run_file_is_named(tmp_path: Path) -> None:
    write_private(run_file(tmp_path), {"version": 1})
    with pytest.raises(IntegrityError, match="run file"):
        read_run_file(tmp_path)


def test_a_named_platform_needs_a_token(tmp_path: Path) -> None:
    settings = Settings(store_dir=tmp_path, cluster="example.test:8642")
    with pytest.raises(AccessDenied) as refusal:
        find_running(settings)
    assert refusal.value.facts["url"] == "http://example.test:8642"
    token = ensure_token(tmp_path / "tokens.json", TenantId("default"))
    assert find_running(settings) == RunningPlatform("http://example.test:8642", token, None, is_operator=False)
