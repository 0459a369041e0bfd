"""Whom the reader trusts: a policy file with the logs' verifier keys.

Source: C2SP tlog-policy; ``log`` and ``quorum none`` lines. Witness lines ask for something that this version cannot
check, so a policy with them is refused rather than half obeyed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chain.note import VerifierKey, parse_verifier_key
from domain.errors import InputError


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """Keys that the reader got from somewhere else than the folder."""

    keys: tuple[VerifierKey, ...]

    def key(self, name: str) -> VerifierKey | None:
        """The trusted key of that name, if any."""
        return next((key for key in self.keys if key.name == name), None)


def load_policy(path: Path) -> TrustPolicy:
    """Read a policy file.

    Raises:
        InputError: unreadable, or asks for something that cannot be checked here.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("cannot read the policy file", path=str(path), reason=str(error)) from error
    return parse_policy(text.splitlines(), where=str(path))


def parse_policy(lines: Sequence[str], *, where: str) -> TrustPolicy:
    """Read policy lines.

    Raises:
        InputError: a line is not understood, or no key is named.
    """
    keys: list[VerifierKey] = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0].startswith("#") or words == ["quorum", "none"]:
            continue
        if words[0] != "log" or len(words) not in {2, 3}:
            raise InputError(
                "policy line cannot be honoured",
                path=where,
                line=number,
                got=line[:120],
                expected="log <verifier key> [url], or quorum none",
                todo="Witness policies need a verifier that checks cosignatures",
            )
        keys.append(parse_verifier_key(words[1]))
    if not keys:
        raise InputError("policy file names no log", path=where, todo="Add a line: log <verifier key>")
    return TrustPolicy(tuple(keys))
