"""The process in which Rego runs: reads requests as lines of JSON, answers each with one line.

Hostile Rego can run for ever, take all memory or end its process; so none of it runs anywhere else. The libraries of
the interpreter write to standard output, which therefore goes to a file here; the answers have a descriptor of their
own.

Requests are ``{"load": name, "modules": [[file, source], …], "package": …, "rule": …}`` and
``{"ask": name, "input": {…}}``; answers are ``{"messages": […], "count": n}`` or ``{"error": text}``.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import IO, Any, Final

_SAID_MAX: Final = 600


class Loaded:
    """One policy in an interpreter."""

    def __init__(self, request: dict[str, Any]) -> None:
        from regopy import Interpreter  # noqa: PLC0415 (an extra; only this process needs it)

        self.interpreter = Interpreter()
        self.interpreter.strict_built_in_errors = True
        for name, source in request["modules"]:
            self.interpreter.add_module(name, source)
        rule = f"data.{request['package']}.{request['rule']}"
        self.query = f"n := count({rule}); m := [base64.encode(v.msg) | {rule}[v]]"

    def ask(self, document: Any) -> dict[str, Any]:
        """The violations of one input."""
        self.interpreter.set_input(document)
        output = self.interpreter.query(self.query)
        if not output.ok():
            return {"error": "the rule has no answer"}
        encoded = json.loads(output.binding("m").json())
        return {"count": int(output.binding("n").value), "messages": [decoded(text) for text in encoded]}


def decoded(text: str) -> str:
    """A message as the rule wrote it; the interpreter leaves quotes escaped."""
    try:
        return base64.b64decode(text, validate=True).decode(errors="replace").replace('\\"', '"')
    except binascii.Error:
        return text


class Session:
    """Policies that are loaded, by name."""

    def __init__(self, said: IO[bytes]) -> None:
        from regopy import RegoError  # noqa: PLC0415 (an extra; only this process needs it)

        self.failures = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError, RegoError)
        self.loaded: dict[str, Loaded] = {}
        self.said = said

    def answer(self, line: str) -> dict[str, Any]:
        """Do what one line asks for; what the interpreter printed is the reason where it failed."""
        self.said.seek(0)
        self.said.truncate()
        try:
            found = self._do(json.loads(line))
        except self.failures as failure:
            found = {"error": str(failure)}
        return {"error": self._reason(found["error"])} if "error" in found else found

    def _do(self, request: dict[str, Any]) -> dict[str, Any]:
        if "load" in request:
            loaded = Loaded(request)
            self.loaded[request["load"]] = loaded
            return loaded.ask({}) | {"loaded": True} if request.get("is_tried") else {"loaded": True}
        return self.loaded[request["ask"]].ask(request["input"])

    def _reason(self, error: str) -> str:
        sys.stdout.flush()
        self.said.seek(0)
        said = " ".join(self.said.read().decode(errors="replace").split())
        return (said or " ".join(error.split()))[:_SAID_MAX]


def answers(lines: IO[str], session: Session) -> Iterator[str]:
    """One line for each line."""
    for line in lines:
        yield json.dumps(session.answer(line)) + "\n"


def main() -> None:  # pragma: no cover (runs in a process of its own; tests run it there)
    """Answer until the input ends."""
    with os.fdopen(os.dup(1), "w") as out, tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        for answer in answers(sys.stdin, Session(said)):
            out.write(answer)
            out.flush()


if __name__ == "__main__":
    main()
