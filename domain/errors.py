"""Errors, grouped by who must act.

Every error is built as ``Class(summary, **facts)``. No subclass overrides ``__init__``: Ray rebuilds
exceptions from their arguments, and one with its own constructor signature would reach the caller as a
generic system error.
"""

from __future__ import annotations

from typing import ClassVar


class PolicyCortexError(Exception):
    """Base of every error that PolicyCortex raises on purpose.

    Args:
        summary: what failed, without the facts.
        facts: what, where, expected, got, and ``todo``: what the reader should do next.
    """

    code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500
    is_retried: ClassVar[bool] = False

    def __init__(self, summary: str, **facts: object) -> None:
        super().__init__(summary)
        self.summary = summary
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.summary, self.facts))

    def __str__(self) -> str:
        shown = ", ".join(f"{key}={value!r}" for key, value in self.facts.items() if key != "todo")
        text = f"{self.summary} ({shown})" if shown else self.summary
        todo = self.facts.get("todo")
        return f"{text}. {todo}" if todo else text


def _rebuild(cls: type[PolicyCortexError], summary: str, facts: dict[str, object]) -> PolicyCortexError:
    return cls(summary, **facts)


class InputError(PolicyCortexError):
    """The caller gave something that cannot be accepted."""

    code = "invalid_input"
    http_status = 422


class AccessDenied(PolicyCortexError):
    """The caller is unknown or may not do this."""

    code = "access_denied"
    http_status = 401


class NotFound(PolicyCortexError):
    """Nothing by that id exists for this tenant."""

    code = "not_found"
    http_status = 404


class ConflictError(PolicyCortexError):
    """The state has moved on; read again before retrying."""

    code = "conflict"
    http_status = 409


class UnavailableError(PolicyCortexError):
    """Something is busy or down for now. ``retry_after_s`` is among the facts where it is known."""

    code = "unavailable"
    http_status = 503
    is_retried = True


class IncompleteError(PolicyCortexError):
    """A collection could not see everything, so the question cannot be answered."""

    code = "incomplete"
    http_status = 409


class IntegrityError(PolicyCortexError):
    """Stored bytes are not what they must be. Never retried."""

    code = "integrity"
    http_status = 500
