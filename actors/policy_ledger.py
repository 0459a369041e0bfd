"""Which bundle of policies is in force for a tenant, and which were before.

Every bundle that was ever applied is kept under its digest. One file says which of them is in force and lists every
revision; it is replaced in one step, after the bundle is there, so that a crash leaves the former or the new one in
force and never a part of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from chain.durable import make_private_directory, replace_file
from domain.errors import ConflictError, IntegrityError, NotFound
from domain.value import Json
from policy.bundle import Bundle, files_digest, parse_bundle
from policy.policy_set import PolicySet

_LEDGER: Final = "ledger.json"
_FORM: Final = 1
_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


@dataclass(frozen=True, slots=True)
class Revision:
    """One change of what is in force.

    Args:
        revision: 1 for the first.
        action: ``applied`` or ``rolled_back``.
        digest: of the bundle that is in force from then on.
        at: RFC 3339.
        by: role of who decided it.
        signers: names of the trusted keys that signed the bundle.
        evidence_id: entry of the log that records it.
        of_revision: the revision that a rollback went back to.
    """

    revision: int
    action: str
    name: str
    version: str
    digest: str
    at: str
    by: str
    signers: tuple[str, ...] = ()
    evidence_id: str = ""
    of_revision: int | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """A bundle that was applied, with the note that signs it."""

    bundle: Bundle
    signature: str | None


class PolicyLedger:
    """Keeps one tenant's bundles in a folder. One writer at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: tuple[str, Applied] | None = None

    def history(self) -> tuple[Revision, ...]:
        """Every revision, oldest first; the last one is in force."""
        try:
            content = (self._folder / _LEDGER).read_bytes()
        except FileNotFoundError:
            return ()
        try:
            document = orjson.loads(content)
            return tuple(Revision(**{**row, "signers": tuple(row["signers"])}) for row in document["revisions"])
        except (orjson.JSONDecodeError, TypeError, KeyError):
            raise self._damaged(_LEDGER, "a list of revisions") from None

    def current(self) -> Revision | None:
        """The revision in force."""
        history = self.history()
        return history[-1] if history else None

    def revision(self, number: int) -> Revision:
        """One revision.

        Raises:
            NotFound: there is no such revision.
        """
        for found in self.history():
            if found.revision == number:
                return found
        raise NotFound("no such revision", revision=number, todo="See the revisions with: pcg policies history")

    def applied(self) -> Applied | None:
        """The bundle in force."""
        current = self.current()
        return None if current is None else self.bundle(current.digest)

    def policies(self) -> PolicySet:
        """The policies of the bundle in force."""
        found = self.applied()
        return PolicySet() if found is None else found.bundle.policies

    def bundle(self, digest: str) -> Applied:
        """A bundle that was applied once.

        Raises:
            IntegrityError: it is not there, or not what its digest says.
        """
        if self._kept is None or self._kept[0] != digest:
            self._kept = (digest, self._read(digest))
        return self._kept[1]

    def commit(self, revision: Revision, files: Mapping[str, Json], signature: str | None) -> Revision:
        """Put a bundle in force. The same revision again changes nothing.

        Raises:
            ConflictError: another revision came first.
        """
        history = self.history()
        if history and replace(history[-1], evidence_id=revision.evidence_id) == revision:
            return history[-1]
        if revision.revision != len(history) + 1:
            raise ConflictError(
                "another bundle was applied meanwhile",
                expected=revision.revision - 1,
                got=len(history),
                todo="Make a new plan and apply that",
            )
        make_private_directory(self._folder)
        content: dict[str, Any] = {"files": dict(files), "signature": signature}
        replace_file(self._path(revision.digest), orjson.dumps(content, option=_OPTIONS), mode=0o600)
        rows = [asdict(each) for each in (*history, revision)]
        document = orjson.dumps({"form": _FORM, "revisions": rows}, option=_OPTIONS | orjson.OPT_INDENT_2)
        replace_file(self._folder / _LEDGER, document, mode=0o600)
        return revision

    def _read(self, digest: str) -> Applied:
        try:
            document = orjson.loads(self._path(digest).read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            raise self._damaged(self._path(digest).name, "the bundle that was applied") from None
        if files_digest(document["files"]) != digest:
            raise self._damaged(self._path(digest).name, digest)
        return Applied(parse_bundle(document["files"]), document["signature"])

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest}.json"

    def _damaged(self, name: str, expected: str) -> IntegrityError:
        return IntegrityError(
            "applied policies are damaged",
            where=str(self._folder / name),
            expected=expected,
            todo="Restore that file from a backup of the store",
        )
