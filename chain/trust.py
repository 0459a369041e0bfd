"""Whom the reader trusts: a policy file with the logs' keys, the witnesses, and how many of them are enough.

Source: C2SP tlog-policy. Two departures, both on the safe side or of no weight: a file without witnesses may leave out
``quorum none``, and a witness whose key an earlier line already named is read but never counts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chain.cosignature import CosignerKey, parse_cosigner_key
from chain.note import VerifierKey, parse_verifier_key
from domain.errors import InputError

POLICY_SIZE_BYTES_MAX: Final = 1_000_000
NO_QUORUM: Final = "none"

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_GAP = re.compile(r"[ \t]+")
_COUNT = re.compile(r"[1-9][0-9]{0,5}")
_FORMS: Final = "log KEY [URL], witness NAME KEY [URL], group NAME all|any|NUMBER NAME..., quorum NAME|none"


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness as the policy names it, and where it listens if the policy says so."""

    name: str
    key: CosignerKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Members, witnesses or groups, of which ``threshold`` must have witnessed."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """Keys that the reader got from somewhere else than the folder.

    Args:
        groups: each after the groups it refers to.
        quorum: witness or group that must have witnessed; ``none`` asks for nobody.
    """

    keys: tuple[VerifierKey, ...]
    witnesses: tuple[Witness, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: str = NO_QUORUM

    @property
    def cosigners(self) -> tuple[CosignerKey, ...]:
        """Keys of the witnesses, each once."""
        return tuple({witness.key: None for witness in self.witnesses})

    def key(self, name: str) -> VerifierKey | None:
        """The trusted key of that name, if any."""
        return next((key for key in self.keys if key.name == name), None)

    def witnessed_by(self, cosigners: Collection[CosignerKey]) -> tuple[str, ...]:
        """Names of the witnesses among those who cosigned; each public key counts under its first name alone."""
        left = {cosigner.public: cosigner for cosigner in cosigners}
        return tuple(witness.name for witness in self.witnesses if left.pop(witness.key.public, None) is not None)

    def is_met(self, names: Collection[str]) -> bool:
        """Whether these witnesses are enough."""
        reached = {NO_QUORUM, *names}
        for group in self.groups:
            if sum(member in reached for member in group.members) >= group.threshold:
                reached.add(group.name)
        return self.quorum in reached


@dataclass(slots=True)
class _Lines:
    """What the lines read so far have named."""

    where: str
    keys: list[VerifierKey] = field(default_factory=list)
    witnesses: list[Witness] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    quorum: str | None = None
    names: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)


def load_policy(path: Path) -> TrustPolicy:
    """Read a policy file that names at least one log.

    Raises:
        InputError: unreadable, not a policy, or without a log.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError("cannot read the policy file", path=str(path), reason=str(error)) from error
    policy = parse_policy(content.decode("utf-8", errors="surrogateescape"), where=str(path))
    if not policy.keys:
        raise InputError("policy file names no log", path=str(path), todo="Add a line: log <verifier key>")
    return policy


def parse_policy(text: str, *, where: str) -> TrustPolicy:
    """Read a policy's text.

    Raises:
        InputError: a line is not understood, or the policy asks for nobody and yet names witnesses.
    """
    if len(text) > POLICY_SIZE_BYTES_MAX:
        raise InputError("policy file is too long", path=where, size_bytes_max=POLICY_SIZE_BYTES_MAX)
    lines = _Lines(where)
    for number, line in enumerate(text.split("\n"), start=1):
        words = _words(line)
        if _CONTROL.search(line):
            raise _refusal(lines, number, line, "a line has control characters")
        if words:
            _read_line(lines, number, line, words)
    if lines.quorum is None and lines.witnesses + lines.groups:
        raise InputError("policy file has no quorum line", path=where, todo="Add a line: quorum <witness or group>")
    return TrustPolicy(tuple(lines.keys), tuple(lines.witnesses), tuple(lines.groups), lines.quorum or NO_QUORUM)


def _words(line: str) -> Sequence[str]:
    """Words of a line up to a comment."""
    words = [word for word in _GAP.split(line) if word]
    comment = next((at for at, word in enumerate(words) if word.startswith("#")), len(words))
    return words[:comment]


def _read_line(lines: _Lines, number: int, line: str, words: Sequence[str]) -> None:
    match words:
        case ["log", key, *rest] if len(rest) <= 1:
            found = parse_verifier_key(key)
            if any(found.public == known.public for known in lines.keys):
                raise _refusal(lines, number, line, "a log's key stands twice")
            lines.keys.append(found)
        case ["witness", name, key, *rest] if len(rest) <= 1:
            _take_name(lines, number, line, name)
            lines.witnesses.append(Witness(name, parse_cosigner_key(key), *rest))
        case ["group", name, threshold, *members] if members:
            _require_members(lines, number, line, members)
            _take_name(lines, number, line, name)
            lines.groups.append(Group(name, _threshold(lines, number, line, threshold, len(members)), tuple(members)))
        case ["quorum", name] if lines.quorum is None:
            if name != NO_QUORUM and name not in lines.names:
                raise _refusal(lines, number, line, "a name is not defined above")
            lines.quorum = name
        case _:
            raise _refusal(lines, number, line, "a line cannot be honoured")


def _take_name(lines: _Lines, number: int, line: str, name: str) -> None:
    if name == NO_QUORUM or name in lines.names:
        raise _refusal(lines, number, line, "a name is taken")
    lines.names.add(name)


def _require_members(lines: _Lines, number: int, line: str, members: Sequence[str]) -> None:
    """Every name is in one group at most, so that a witness counts in one way only."""
    for member in members:
        if member not in lines.names:
            raise _refusal(lines, number, line, "a name is not defined above")
        if member in lines.members:
            raise _refusal(lines, number, line, "a name is already member of a group")
        lines.members.add(member)


def _threshold(lines: _Lines, number: int, line: str, text: str, count: int) -> int:
    if text in {"all", "any"}:
        return count if text == "all" else 1
    if _COUNT.fullmatch(text) is None or int(text) > count:
        raise _refusal(lines, number, line, f"a group's number is not between 1 and {count}")
    return int(text)


def _refusal(lines: _Lines, number: int, line: str, fault: str) -> InputError:
    return InputError(
        f"policy file is not valid: {fault}",
        path=lines.where,
        line=number,
        got=ascii(line)[:120],
        expected=_FORMS,
        todo="Correct that line",
    )
