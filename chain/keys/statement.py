"""What keys sign about keys: texts that can be taken for nothing else.

Each begins with a line of its own that no checkpoint can begin with, because the line after it is no tree size. A new
key signs to show that whoever adds it holds it; the former key signs to hand over. A reader who trusts the former key
needs the second: the first, anyone could make with a key of their own.
"""

from __future__ import annotations

import re
from typing import Final

from chain.checkpoint import Checkpoint
from chain.encoding import encode_base64
from chain.note import VerifierKey
from domain.errors import InputError

STATEMENT_HEADER: Final = "policycortex/log-key/v1"
REPORT_HEADER: Final = "policycortex/report-key/v1"
FROZEN_HEADER: Final = "policycortex/log-frozen/v1"
_LINE: Final = re.compile(r"[^\x00-\x1f\x7f\u0085\u2028\u2029]{1,300}")


def addition_statement(old: VerifierKey, new: VerifierKey, *, valid_from: str) -> str:
    """Signed by both keys: from now on the new one signs for the log, after the old one."""
    return _text(STATEMENT_HEADER, "add", new.name, old.text, new.text, valid_from)


def retirement_statement(retired: VerifierKey, remaining: VerifierKey, *, retired_at: str) -> str:
    """Signed by the key that remains: the other one signs no more."""
    return _text(STATEMENT_HEADER, "retire", remaining.name, retired.text, remaining.text, retired_at)


def report_key_statement(*, key_sha256: str, replaces: str, valid_from: str) -> str:
    """Signed by a report key: whoever adds it holds it."""
    return _text(REPORT_HEADER, "add", key_sha256, replaces or "none", valid_from)


def frozen_statement(first: Checkpoint, second: Checkpoint, *, successor: str, frozen_at: str) -> str:
    """Signed by keys that are still good: the log ended with these checkpoints, and that one succeeds it."""
    roots = (encode_base64(first.root), encode_base64(second.root))
    return _text(FROZEN_HEADER, first.origin, f"size {first.size}", *roots, successor, frozen_at)


def _text(*lines: str) -> str:
    for line in lines:
        if _LINE.fullmatch(line) is None:
            raise InputError("a statement's line is empty, too long, or more than one", got=ascii(line)[:80])
    return "".join(f"{line}\n" for line in lines)
