"""What keeps a platform from starting, told before anything starts."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from domain.errors import ConflictError, UnavailableError
from serve.machine import available_mib, check_machine, require_installed, require_memory, require_port_free
from serve.run_file import RunningPlatform, write_run_file
from serve.settings import Settings


def test_a_port_in_use_is_named_with_what_to_do() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConflictError) as refusal:
            require_port_free("127.0.0.1", port)
    assert refusal.value.facts["port"] == port
    assert "--port" in str(refusal.value.facts["todo"])


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ConflictError) as refusal:
        require_port_free("192.0.2.1", 8642)
    assert refusal.value.facts["host"] == "192.0.2.1"


def test_too_little_memory_is_told_with_both_figures() -> None:
    with pytest.raises(UnavailableError) as refusal:
        require_memory(700, 1_536)
    assert (refusal.value.facts["got_mib"], refusal.value.facts["expected_mib"]) == (700, 1_536)


@pytest.mark.parametrize("free_mib", [None, 1_536, 9_999])
def test_enough_memory_or_a_system_that_does_not_tell_is_accepted(free_mib: int | None) -> None:
    require_memory(free_mib, 1_536)


def test_free_memory_is_read_from_the_kernel(tmp_path: Path) -> None:
    told = tmp_path / "meminfo"
    told.write_text("MemTotal:       4096000 kB\nMemAvailable:    2097152 kB\n")
    assert available_mib(told) == 2_048
    told.write_text("MemTotal:       4096000 kB\n")
    assert available_mib(told) is None
    assert available_mib(tmp_path / "absent") is None


def test_an_incomplete_installation_names_what_is_missing() -> None:
    with pytest.raises(UnavailableError) as refusal:
        require_installed(("ray", "policycortex-part-that-is-not-there"))
    assert refusal.value.facts["missing"] == ["policycortex-part-that-is-not-there"]


def test_a_second_platform_on_one_store_is_refused(tmp_path: Path) -> None:
    write_run_file(tmp_path, RunningPlatform("http://127.0.0.1:1", "key", os.getpid()))
    with pytest.raises(ConflictError) as refusal:
        check_machine(Settings(store_dir=tmp_path))
    assert (refusal.value.facts["pid"], refusal.value.facts["todo"]) == (os.getpid(), "Stop it with: pcg down")


def test_a_free_machine_is_accepted(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    check_machine(Settings(store_dir=tmp_path, port=port, memory_free_mib_min=0))
