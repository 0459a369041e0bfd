"""Asks Rego policies in a process of its own, with a deadline for each answer.

A policy that misses its deadline or ends the process gets no answer; after `FAILURES_MAX` such failures it is not asked
again, so that a hostile policy costs a scan seconds and not hours. The process is started when it is first needed,
once in each process of ours, and again whenever it had to be ended.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

DEADLINE_S: Final = 2.0
"""For one resource."""

LOAD_DEADLINE_S: Final = 20.0
"""For loading a policy's modules, the start of the process included."""

INPUT_SIZE_MAX: Final = 1 << 20
"""Bytes of one input."""

FAILURES_MAX: Final = 3

MEMORY_MAX: Final = 1 << 30
"""Bytes that the process may hold, looked at while it works; its allocator does not start under a fixed limit."""

_LOOK_MS: Final = 50

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class RegoSource:
    """Modules, and the rule in which violations are found."""

    package: str
    rule: str
    modules: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        """A name that differs where sources differ."""
        return hashlib.sha256(repr((self.package, self.rule, self.modules)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """Violations of one input with their messages, or why there is no answer."""

    messages: tuple[str, ...] = ()
    count: int = 0
    error: str = ""


class NoAnswer(Exception):
    """The process missed its deadline or ended."""


@dataclass(slots=True)
class Engine:
    """One worker process and what is loaded in it."""

    deadline_s: float = DEADLINE_S
    command: tuple[str, ...] = (sys.executable, "-m", "policy.rego.worker")
    process: subprocess.Popen[bytes] | None = None
    owner: int = 0
    loaded: dict[str, str] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    rest: bytes = b""

    def check(self, source: RegoSource) -> str:
        """Why a policy cannot run; empty where it can."""
        with self.lock:
            return self._load(source, is_tried=True)

    def ask(self, source: RegoSource, document: Any) -> Answer:
        """The violations of one input."""
        data = json.dumps({"ask": source.digest, "input": document})
        if len(data) > INPUT_SIZE_MAX:
            return Answer(error=f"the resource is larger than {INPUT_SIZE_MAX} bytes")
        with self.lock:
            if self.failures.get(source.digest, 0) >= FAILURES_MAX:
                return Answer(error="the policy failed to answer too often")
            error = self._load(source, is_tried=False)
            return Answer(error=error) if error else self._asked(source.digest, data)

    def close(self) -> None:
        """End the process."""
        process, self.process = self.process, None
        self.loaded.clear()
        self.rest = b""
        if process is not None and self.owner == os.getpid():
            process.kill()
            process.communicate()

    def _asked(self, digest: str, data: str) -> Answer:
        try:
            found = self._exchange(data, self.deadline_s)
        except NoAnswer as failure:
            self.failures[digest] = self.failures.get(digest, 0) + 1
            return Answer(error=str(failure))
        if "error" in found:
            return Answer(error=str(found["error"]))
        return Answer(tuple(map(str, found["messages"])), int(found["count"]))

    def _load(self, source: RegoSource, *, is_tried: bool) -> str:
        if self.owner != os.getpid() or self.process is None:
            self._start()
        if source.digest not in self.loaded or is_tried:
            request = {"load": source.digest, "modules": source.modules, "is_tried": is_tried}
            try:
                found = self._exchange(
                    json.dumps(request | {"package": source.package, "rule": source.rule}), LOAD_DEADLINE_S
                )
            except NoAnswer as failure:
                return str(failure)
            self.loaded[source.digest] = str(found.get("error", ""))
        return self.loaded[source.digest]

    def _start(self) -> None:
        self.close()
        self.process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
        )
        self.owner = os.getpid()

    def _exchange(self, line: str, deadline_s: float) -> Mapping[str, Any]:
        process = self.process
        assert process is not None
        assert process.stdin is not None
        try:
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()
            answer: Mapping[str, Any] = json.loads(self._line(process, deadline_s))
        except (OSError, ValueError) as failure:
            self.close()
            raise NoAnswer("the policy ended the interpreter") from failure
        except NoAnswer:
            self.close()
            raise
        return answer

    def _line(self, process: subprocess.Popen[bytes], deadline_s: float) -> bytes:
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        pipe = select.poll()  # unlike select, takes numbers above 1,023
        pipe.register(descriptor, select.POLLIN)
        end = time.monotonic() + deadline_s
        while b"\n" not in self.rest:
            if pipe.poll(_LOOK_MS):
                self._read(descriptor)
            elif time.monotonic() > end:
                raise NoAnswer(f"the policy gave no answer within {deadline_s:g} s")
            elif held_bytes(process.pid) > MEMORY_MAX:
                raise NoAnswer(f"the policy took more than {MEMORY_MAX} bytes of memory")
        line, _, self.rest = self.rest.partition(b"\n")
        return line

    def _read(self, descriptor: int) -> None:
        part = os.read(descriptor, 1 << 16)
        if not part:
            raise NoAnswer("the policy ended the interpreter")
        self.rest += part


def held_bytes(process: int) -> int:
    """Memory that a process holds; 0 where the system does not say."""
    try:
        pages = Path(f"/proc/{process}/statm").read_text().split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@lru_cache(maxsize=1)
def engine() -> Engine:
    """The one of this process."""
    found = Engine()
    atexit.register(found.close)
    return found
